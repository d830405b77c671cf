//! The only writer of payment results. There are two ways in, what a gateway tells ([`hear`]) and what it answers when asked
//! ([`look`]), and both end in one [`settle`]: payment, order, history and outbox in one transaction.
//!
//! A webhook is never believed: it says where to look, and the gateway is asked what is true.

use domain::ids::{CheckoutId, OrderId};
use domain::order::{Command as OrderCommand, Rejection as OrderRejection};
use domain::payment::{Command, Event, Observation, PaymentStatus, Rejection};
use domain::refund::Cause;
use domain::time::{Millis, Timestamp};

use crate::App;
use crate::error::Error;
use crate::gateway::{GatewayError, PaymentName, Subject, Verify};
use crate::ledger::Occasion;
use crate::reconcile::next_check;
use crate::store::gateway_events::{self, Received};
use crate::store::orders::{self, StoredOrder};
use crate::store::payments::{self, StoredPayment};
use crate::store::refunds;
use crate::store::sql::Connection;
use crate::store::{Store, Tx};
use crate::{dispute, ledger, order_book, payout, redemption, refund, store};

/// What became of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Taken before; it has had its effect.
    Repeated,
    /// Kept for the record.
    Recorded,
    /// It names a payment that we never asked for. Kept for the record.
    Unmatched,
    /// The payment is as we knew it.
    Unchanged,
    /// The payment, and perhaps its order, changed.
    Settled,
    /// The gateway tells another figure than before. What it said first stands.
    Contradicted,
}

impl Outcome {
    /// Its name in storage and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Repeated => "repeated",
            Self::Recorded => "recorded",
            Self::Unmatched => "unmatched",
            Self::Unchanged => "unchanged",
            Self::Settled => "settled",
            Self::Contradicted => "contradicted",
        }
    }
}

/// What a gateway answered, and when it was asked.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What it said.
    pub observation: Observation,
    /// When we asked: it may have changed since.
    pub asked_at: Timestamp,
}

/// Takes a verified webhook. An error means that it should be sent again.
pub async fn hear(app: &App, received: &Received) -> Result<Outcome, Error> {
    let store = app.store();
    if gateway_events::is_known(&mut store.read().await?, received).await? {
        return Ok(Outcome::Repeated);
    }
    let payment = match &received.notice.about {
        Subject::Payment { reference } => PaymentName::Reference(reference.clone()),
        Subject::Refund { payment } | Subject::Dispute { payment, .. } => payment.clone(),
        Subject::Transfer { reference } => return payout::transfer::hear(app, received, reference).await,
        Subject::Other { .. } => return keep(store, received, Outcome::Recorded, app.now()).await,
    };
    let Some(stored) = find(&mut store.read().await?, received, &payment).await? else {
        tracing::warn!(?payment, event = received.notice.event, "a webhook about a payment that we never asked for");
        return keep(store, received, Outcome::Unmatched, app.now()).await;
    };
    match &received.notice.about {
        Subject::Refund { .. } => return hear_of_refund(app, received, &stored).await,
        Subject::Dispute { dispute_id, .. } => return dispute::hear(app, received, &stored, dispute_id).await,
        Subject::Payment { .. } | Subject::Transfer { .. } | Subject::Other { .. } => {}
    }
    let answer = ask(app, &stored).await?;
    settle(app, answer, Some(received), &received.request_id).await
}

/// The payment that a gateway names, if it is one of ours.
async fn find(
    connection: &mut Connection,
    received: &Received,
    payment: &PaymentName,
) -> Result<Option<StoredPayment>, Error> {
    let found = match payment {
        PaymentName::Reference(reference) => payments::find(connection, reference).await?,
        PaymentName::GatewayId(id) => payments::find_by_gateway_id(connection, received.gateway, id).await?,
    };
    Ok(found.filter(|stored| stored.gateway == received.gateway))
}

/// Asks about the refunds of a payment that a gateway told about: which of them it means, it does not say in our words.
async fn hear_of_refund(app: &App, received: &Received, payment: &StoredPayment) -> Result<Outcome, Error> {
    let store = app.store();
    let refunds = refunds::of_order(&mut store.read().await?, payment.order_id).await?;
    let reference = &payment.payment.reference;
    for stored in refunds.iter().filter(|stored| stored.reference == *reference && stored.asked_at.is_some()) {
        refund::pursuit::look(app, stored).await?;
    }
    keep(store, received, Outcome::Recorded, app.now()).await
}

/// Asks the gateway about a payment and settles what it answers.
pub async fn look(app: &App, stored: &StoredPayment, request_id: &str) -> Result<Outcome, Error> {
    let answer = ask(app, stored).await?;
    settle(app, answer, None, request_id).await
}

/// Asks the gateways about every payment of a checkout that may still be made. One that does not answer leaves things as we know them.
pub async fn look_at_all(app: &App, checkout_id: CheckoutId, request_id: &str) -> Result<Option<OrderId>, Error> {
    let mut connection = app.store().read().await?;
    let Some(order) = orders::of_checkout(&mut connection, checkout_id).await? else { return Ok(None) };
    let attempts = payments::of_order(&mut connection, order.id).await?;
    drop(connection);
    for stored in attempts.iter().filter(|stored| stored.payment.status.is_open()) {
        match look(app, stored, request_id).await {
            Ok(_) => {}
            Err(Error::Gateway(error)) => {
                tracing::warn!(reference = stored.payment.reference, %error, "the gateway could not be asked");
            }
            Err(error @ (Error::Rejected(_) | Error::Database(_) | Error::Bug(_))) => return Err(error),
        }
    }
    Ok(Some(order.id))
}

async fn ask(app: &App, stored: &StoredPayment) -> Result<Answer, Error> {
    let reference = &stored.payment.reference;
    let gateway = app.gateway(stored.gateway)?;
    let asked_at = app.now();
    let payment = Verify { reference, page: stored.redirect_url.as_deref() };
    let observation = app.observe(gateway, payment).await?;
    tracing::info!(reference, status = ?observation.status, "asked the gateway");
    Ok(Answer { observation, asked_at })
}

/// Keeps an event that has no effect.
async fn keep(store: &Store, received: &Received, outcome: Outcome, now: Timestamp) -> Result<Outcome, Error> {
    let name = "keep_gateway_event";
    let new = store
        .transact(name, move |mut tx: Tx| async move {
            let done = gateway_events::insert(&mut tx, received, outcome.as_str(), now).await?;
            tx.done(done)
        })
        .await?;
    Ok(if new { outcome } else { Outcome::Repeated })
}

/// Makes an answer part of payment and order. `received` is kept in the same transaction, and if it was kept before, nothing
/// happens.
async fn settle(app: &App, answer: Answer, received: Option<&Received>, request_id: &str) -> Result<Outcome, Error> {
    let answer = &answer;
    let outcome = app
        .store()
        .transact("settle", move |mut tx: Tx| async move {
            let now = app.now();
            if let Some(received) = received
                && !gateway_events::insert(&mut tx, received, Outcome::Unchanged.as_str(), now).await?
            {
                return tx.done(Outcome::Repeated);
            }
            let outcome = apply(app, &mut tx, answer, received.is_some(), request_id, now).await?;
            if let Some(received) = received {
                gateway_events::set_outcome(&mut tx, received, outcome.as_str()).await?;
            }
            tx.done(outcome)
        })
        .await?;
    if outcome == Outcome::Settled {
        app.wake_outbox();
        app.wake_refunds();
    }
    Ok(outcome)
}

/// `told`: whether the gateway spoke first.
async fn apply(
    app: &App,
    tx: &mut Tx,
    answer: &Answer,
    told: bool,
    request_id: &str,
    now: Timestamp,
) -> Result<Outcome, Error> {
    let reference = &answer.observation.reference;
    let stored = payments::find(tx.connection(), reference).await?;
    let mut stored = stored.ok_or_else(|| GatewayError::Unreadable(format!("it is about {reference:?}")))?;
    let order = orders::find(tx.connection(), stored.order_id).await?;
    let mut order = order.ok_or_else(|| Error::Bug(format!("payment {reference} has no order")))?;

    let (events, contradicted) = match stored.payment.decide(&Command::Observe(answer.observation.clone())) {
        Ok(events) => (events, false),
        Err(rejection @ Rejection::Contradiction { .. }) => {
            tracing::error!(reference, %rejection, "a gateway contradicts itself");
            (Vec::new(), true)
        }
        Err(rejection @ (Rejection::WrongReference { .. } | Rejection::NotCaptured(_))) => {
            return Err(Error::Bug(rejection.to_string()));
        }
    };
    for event in &events {
        stored.payment.evolve(event);
        tracing::info!(reference, status = %stored.payment.status, "payment changed");
        tell_order(tx, &mut order, &mut stored, event, request_id, now).await?;
    }
    if answer.observation.gateway_id.is_some() {
        stored.gateway_id.clone_from(&answer.observation.gateway_id);
    }
    stored.fee_minor = answer.observation.fee_minor.or(stored.fee_minor);
    stored.observed_at = stored.observed_at.max(Some(answer.asked_at));
    let pay_before = order.placed.pay_before;
    let after = app.config().reconcile_after;
    stored.next_check_at = next_check(&stored, pay_before, after, now);
    if told && stored.next_check_at.is_some() {
        // Told of something that the gateway does not say (yet): ask again soon, since the notice will not come again.
        stored.next_check_at = Some(now + Millis(i64::try_from(after.as_millis()).unwrap_or(i64::MAX)));
    }
    payments::update(tx, &stored, now).await?;
    ledger::fee(tx, &stored, Occasion { request_id, now }).await?;
    let cancelled = cancel_if_overdue(tx, &mut order, request_id, now).await?;
    Ok(match (contradicted, events.is_empty() && !cancelled) {
        (true, _) => Outcome::Contradicted,
        (false, true) => Outcome::Unchanged,
        (false, false) => Outcome::Settled,
    })
}

/// What a payment's event means for its order.
async fn tell_order(
    tx: &mut Tx,
    order: &mut StoredOrder,
    stored: &mut StoredPayment,
    event: &Event,
    request_id: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let reference = stored.payment.reference.clone();
    let command = match event {
        Event::Captured(_) => OrderCommand::ObserveCapture { reference },
        Event::Mismatched(status, _) => {
            let cause = mismatch(*status)?;
            refund::order_unwanted(tx, stored, cause, Occasion { request_id, now }).await?;
            OrderCommand::ObserveMismatch { reference }
        }
        Event::Resumed | Event::Failed | Event::Abandoned | Event::Lost | Event::MarkedDuplicate | Event::Reversed => {
            return Ok(());
        }
    };
    match order.machine().decide(&command, now) {
        Ok(events) => {
            if matches!(command, OrderCommand::ObserveCapture { .. }) && !events.is_empty() {
                if !redemption::redeem_again(tx, order.id).await? {
                    return coupon_used_up(tx, order, stored, Occasion { request_id, now }).await;
                }
                ledger::sale(tx, order, stored, Occasion { request_id, now }).await?;
            }
            order_book::record(tx, order, &events, request_id, now).await
        }
        Err(rejection @ OrderRejection::CaptureNotNeeded { .. }) => {
            let reference = stored.payment.reference.clone();
            tracing::warn!(reference, %rejection, "money that the order has no use for: it goes back");
            mark_unwanted(stored)?;
            let cause = if order.placed.is_given_up { Cause::GivenUp } else { Cause::DuplicateCapture };
            refund::order_unwanted(tx, stored, cause, Occasion { request_id, now }).await?;
            let events = order.machine().decide(&OrderCommand::ReturnCapture { reference }, now);
            let events = events.map_err(|bug| Error::Bug(bug.to_string()))?;
            order_book::record(tx, order, &events, request_id, now).await
        }
        Err(
            rejection @ (OrderRejection::NotPlaced
            | OrderRejection::CheckoutDiffers
            | OrderRejection::NotOverdue { .. }
            | OrderRejection::GivenUp
            | OrderRejection::WrongStatus { .. }),
        ) => Err(Error::Bug(rejection.to_string())),
    }
}

/// Money came after its time, and what made the order cheaper had been redeemed by somebody else: it goes back, as money does that is
/// not what the order costs.
async fn coupon_used_up(
    tx: &mut Tx,
    order: &mut StoredOrder,
    stored: &mut StoredPayment,
    occasion: Occasion<'_>,
) -> Result<(), Error> {
    let Occasion { request_id, now } = occasion;
    let reference = stored.payment.reference.clone();
    tracing::warn!(reference, order_id = %order.id, "paid late, and the code was used up: this one goes back");
    mark_unwanted(stored)?;
    refund::order_unwanted(tx, stored, Cause::CouponUsedUp, occasion).await?;
    let events = order.machine().decide(&OrderCommand::ObserveMismatch { reference }, now);
    let events = events.map_err(|bug| Error::Bug(bug.to_string()))?;
    order_book::record(tx, order, &events, request_id, now).await
}

/// What was captured is of no use to its order.
fn mark_unwanted(stored: &mut StoredPayment) -> Result<(), Error> {
    let events = stored.payment.decide(&Command::MarkDuplicate).map_err(|bug| Error::Bug(bug.to_string()))?;
    events.iter().for_each(|event| stored.payment.evolve(event));
    Ok(())
}

/// Why money that is not what was asked for goes back.
fn mismatch(status: PaymentStatus) -> Result<Cause, Error> {
    match status {
        PaymentStatus::Underpaid => Ok(Cause::Underpaid),
        PaymentStatus::Overpaid => Ok(Cause::Overpaid),
        PaymentStatus::WrongCurrency => Ok(Cause::WrongCurrency),
        PaymentStatus::Pending
        | PaymentStatus::Failed
        | PaymentStatus::Abandoned
        | PaymentStatus::Lost
        | PaymentStatus::Captured
        | PaymentStatus::DuplicateCapture
        | PaymentStatus::Reversed => Err(Error::Bug(format!("a {status} payment is no mismatch"))),
    }
}

/// Ends an order whose time is up, once the gateway has said of each of its payments, after that time, that it is not paid.
async fn cancel_if_overdue(
    tx: &mut Tx,
    order: &mut StoredOrder,
    request_id: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    let Some(deadline) = order.machine().next_deadline().filter(|deadline| *deadline <= now) else { return Ok(false) };
    let attempts = payments::of_order(tx.connection(), order.id).await?;
    if attempts.iter().any(|attempt| attempt.observed_at < Some(deadline)) {
        return Ok(false);
    }
    let events =
        order.machine().decide(&OrderCommand::Cancel, now).map_err(|rejection| Error::Bug(rejection.to_string()))?;
    order_book::record(tx, order, &events, request_id, now).await?;
    Ok(!events.is_empty())
}

/// The edge could not have the stock of a paid order: the order's money goes back. Part of the transaction that marks the
/// message delivered.
pub async fn refuse_stock(tx: &mut Tx, message: &store::outbox::Message, now: Timestamp) -> Result<(), Error> {
    let order = orders::find(tx.connection(), message.order_id).await?;
    let mut order = order.ok_or_else(|| Error::Bug(format!("message {} has no order", message.id)))?;
    let events = order
        .machine()
        .decide(&OrderCommand::RefuseStock, now)
        .map_err(|rejection| Error::Bug(format!("stock refused: {rejection}")))?;
    let paid_by = order.placed.paid_by.clone().unwrap_or_default();
    let payment = payments::find(tx.connection(), &paid_by).await?;
    let payment = payment.ok_or_else(|| Error::Bug(format!("order {} is paid by nothing", order.id)))?;
    // Also when all of it was taken back meanwhile: what was paid for delivery may be left.
    let occasion = Occasion { request_id: &message.request_id, now };
    refund::order_undeliverable(tx, &order, &payment, occasion).await?;
    order_book::record(tx, &mut order, &events, &message.request_id, now).await
}
