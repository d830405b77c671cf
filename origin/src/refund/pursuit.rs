//! Asks gateways for refunds until they have answered for good.
//!
//! No refund is asked for before it is written down that it is being asked for, and none is asked for twice before the gateway has said
//! that it never heard of it, and that not too soon.

use domain::ids::RefundId;
use domain::money::{InvalidMoney, Money};
use domain::refund::{Command, Observed};
use domain::time::{Millis, Timestamp};

use super::apply;
use crate::App;
use crate::error::Error;
use crate::gateway::{GatewayError, ObservedRefund, RefundObservation, RefundOrder};
use crate::rounds::{Round, look_delay, retry_delay};
use crate::settle;
use crate::store::Tx;
use crate::store::payments::{self, StoredPayment};
use crate::store::refunds::{self, StoredRefund};

/// Longer than asking a gateway two questions can take.
const CLAIM_LENGTH: Millis = Millis::seconds(60);
/// A refund whose answer was lost is not asked for again sooner: a gateway may take a while to list what it has taken.
const QUIET: Millis = Millis::minutes(2);

/// Refunds that are due to be asked for, or about.
#[derive(Debug)]
pub struct Refunds;

impl Round for Refunds {
    type Due = StoredRefund;
    const NAME: &'static str = "refunds";
    const AT_ONCE: usize = 4;

    async fn woken(app: &App) {
        app.refunds_woken().await;
    }

    async fn claim(app: &App, limit: u32) -> Result<Vec<StoredRefund>, Error> {
        claim(app, limit).await
    }

    async fn pursue(app: App, due: StoredRefund) {
        pursue(&app, due).await;
    }
}

/// Takes up to `limit` refunds that are due, to be pursued now.
pub async fn claim(app: &App, limit: u32) -> Result<Vec<StoredRefund>, Error> {
    let now = app.now();
    app.store()
        .claim("claim_refunds", move |mut tx: Tx| async move {
            let due = refunds::claim_due(&mut tx, limit, now + CLAIM_LENGTH, now).await?;
            tx.done(due)
        })
        .await
}

/// Asks for a refund, or where it stands; whatever comes of it is written down, and tried again if it was not final.
pub async fn pursue(app: &App, stored: StoredRefund) {
    let (refund_id, attempt) = (stored.id, stored.refund.attempt);
    let outcome = match reach(app, &stored).await {
        Err(Error::Gateway(GatewayError::RefundRefused(why))) => {
            Ok(RefundObservation { gateway_refund_id: None, status: ObservedRefund::Failed(why), amount_minor: None })
        }
        outcome => outcome,
    };
    let concluded = match outcome {
        Ok(observation) => conclude(app, refund_id, attempt, observation).await,
        Err(error) => {
            tracing::warn!(%refund_id, %error, "a refund could not be asked for; will try again");
            postpone(app, refund_id, attempt, &error.to_string()).await
        }
    };
    if let Err(error) = concluded {
        tracing::error!(%refund_id, %error, "could not note what became of a refund; its claim will lapse instead");
    }
}

/// Looks at a refund that a gateway told about. An error means that it should be told again.
pub async fn look(app: &App, stored: &StoredRefund) -> Result<(), Error> {
    let payment = payment_of(app, stored).await?;
    let observation = find(app, stored, &payment).await?;
    conclude(app, stored.id, stored.refund.attempt, observation).await
}

async fn reach(app: &App, stored: &StoredRefund) -> Result<RefundObservation, Error> {
    let mut payment = payment_of(app, stored).await?;
    if payment.gateway_id.is_none() {
        // It was captured before its gateway's name was kept, or the gateway did not say.
        settle::look(app, &payment, &stored.request_id).await?;
        payment = payment_of(app, stored).await?;
    }
    if let Some(asked_at) = stored.asked_at {
        let observation = find(app, stored, &payment).await?;
        if observation.status != ObservedRefund::Unknown || app.now() < asked_at + QUIET {
            return Ok(observation);
        }
    }
    mark_asked(app, stored).await?;
    let gateway = app.gateway(payment.gateway)?;
    let name = name(stored);
    let order = order_of(stored, &payment, &name, app.now())?;
    let response = app.ask(gateway, gateway.refund(&order)?).await?;
    Ok(gateway.read_refunded(&order, &response)?)
}

async fn payment_of(app: &App, stored: &StoredRefund) -> Result<StoredPayment, Error> {
    let payment = payments::find(&mut app.store().read().await?, &stored.reference).await?;
    payment.ok_or_else(|| Error::Bug(format!("refund {} is of nothing", stored.id)))
}

async fn find(app: &App, stored: &StoredRefund, payment: &StoredPayment) -> Result<RefundObservation, Error> {
    let gateway = app.gateway(payment.gateway)?;
    let name = name(stored);
    let order = order_of(stored, payment, &name, app.now())?;
    let response = app.ask(gateway, gateway.find_refund(&order)?).await?;
    Ok(gateway.read_found_refund(&order, &response)?)
}

/// What the gateway calls this attempt of ours.
fn name(stored: &StoredRefund) -> String {
    format!("rf-{}-{}", stored.id.0.simple(), stored.refund.attempt)
}

fn order_of<'o>(
    stored: &'o StoredRefund,
    payment: &'o StoredPayment,
    name: &'o str,
    now: Timestamp,
) -> Result<RefundOrder<'o>, Error> {
    let amount_minor = stored.refund.amount_minor;
    let currency = stored.currency.parse().map_err(|error: InvalidMoney| {
        // It was captured, so the gateway knows it; only we cannot say it. A person has to.
        Error::Gateway(GatewayError::RefundRefused(error.to_string()))
    })?;
    let captured = payment.payment.captured.as_ref().map(|capture| capture.amount_minor);
    Ok(RefundOrder {
        id: name,
        reference: &stored.reference,
        gateway_id: payment.gateway_id.as_deref(),
        amount: Money::new(amount_minor, currency),
        is_full: captured == Some(amount_minor),
        reason: &stored.reason,
        gateway_refund_id: stored.gateway_refund_id.as_deref(),
        asked_at: stored.asked_at.unwrap_or(now),
    })
}

async fn mark_asked(app: &App, stored: &StoredRefund) -> Result<(), Error> {
    let (id, attempt) = (stored.id, stored.refund.attempt);
    change(app, "mark_refund_asked", id, attempt, |stored, now| stored.asked_at = Some(now)).await
}

async fn postpone(app: &App, id: RefundId, attempt: u32, error: &str) -> Result<(), Error> {
    let chance = app.chance();
    change(app, "postpone_refund", id, attempt, move |stored, now| {
        stored.tries += 1;
        stored.last_error = Some(error.to_owned());
        stored.next_try_at = Some(now + retry_delay(stored.tries, chance));
    })
    .await
}

/// Writes something down about an attempt that is still the latest and open.
async fn change(
    app: &App,
    name: &'static str,
    id: RefundId,
    attempt: u32,
    change: impl Fn(&mut StoredRefund, Timestamp),
) -> Result<(), Error> {
    let change = &change;
    app.store()
        .transact(name, move |mut tx: Tx| async move {
            let now = app.now();
            if let Some(mut stored) = refunds::find(tx.connection(), id).await?
                && stored.refund.attempt == attempt
                && stored.refund.status.is_open()
            {
                change(&mut stored, now);
                refunds::update(&mut tx, &stored, now).await?;
            }
            tx.done(())
        })
        .await
}

/// Makes what a gateway said part of a refund, unless it is about an attempt that is over.
async fn conclude(app: &App, refund_id: RefundId, attempt: u32, observation: RefundObservation) -> Result<(), Error> {
    let RefundObservation { gateway_refund_id, status, .. } = observation;
    let (observed, why) = match status {
        ObservedRefund::Unknown => (Observed::Unknown, None),
        ObservedRefund::Pending => (Observed::Pending, None),
        ObservedRefund::Processed => (Observed::Processed, None),
        ObservedRefund::Failed(why) => (Observed::Failed, Some(why)),
    };
    let (gateway_refund_id, why) = (&gateway_refund_id, &why);
    app.store()
        .transact("conclude_refund", move |mut tx: Tx| async move {
            let now = app.now();
            let stored = refunds::find(tx.connection(), refund_id).await?;
            let Some(stored) = stored.filter(|stored| stored.refund.attempt == attempt) else { return tx.done(()) };
            let learn = |stored: &mut StoredRefund| {
                if gateway_refund_id.is_some() {
                    stored.gateway_refund_id.clone_from(gateway_refund_id);
                }
                stored.last_error.clone_from(why);
                stored.next_try_at = Some(now + look_delay(stored.created_at, now));
            };
            let command = Command::Observe { refund_id, observed };
            if let Err(rejection) = apply(&mut tx, stored, &command, learn, now).await? {
                return Err(Error::Bug(format!("refund {refund_id}: {rejection}")));
            }
            tx.done(())
        })
        .await?;
    app.wake_outbox();
    Ok(())
}
