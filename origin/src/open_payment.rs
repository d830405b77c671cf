//! Opens payments: gets the page on which an order is paid from the gateway that the shopper chose, and another one when that fails.
//!
//! An order may have several payments, through one gateway or several; all of them stay and are watched, and what is captured twice goes
//! back by itself ([`crate::settle`]). Whoever asks a gateway for a page has that to itself for a while, so that neither a repeated press
//! nor two tabs open two payments where one will do. No transaction is open while we wait for a gateway.

use std::time::Duration;

use axum::http::StatusCode;
use domain::ids::OrderId;
use domain::money::Currency;
use domain::payment::{self, Payment, PaymentStatus};
use domain::time::{Millis, Timestamp};
use domain::wire::{GatewayName, GatewayOffer, GatewayOffers, NOT_AWAITING_PAYMENT, PaymentHandle};
use tracing::Instrument;

use crate::App;
use crate::error::Error;
use crate::gateway::{GatewayError, Initialise};
use crate::store::orders::StoredOrder;
use crate::store::payments::StoredPayment;
use crate::store::{Tx, orders, payments};

/// Longer than asking a gateway for a page can take.
pub const LENGTH: Millis = Millis::seconds(12);
const POLL: Duration = Duration::from_millis(40);
/// Payments of one order, those included whose pages were lost: more would be somebody playing, or a gateway out of its mind.
pub const ATTEMPTS_MAX: usize = 8;

/// What somebody who asks for a page wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// What the same checkout got before. Once the order waits no more: its own page.
    AsBefore,
    /// To pay now. Not on the page of a payment that failed.
    PayNow,
}

/// The gateways that are set up, and what each takes.
pub fn offers(app: &App) -> GatewayOffers {
    let gateways = app.config().gateways.iter().map(|gateway| GatewayOffer {
        gateway: gateway.name(),
        currencies: Currency::ALL.into_iter().filter(|currency| gateway.takes(*currency)).collect(),
    });
    GatewayOffers { gateways: gateways.collect() }
}

/// Refuses a gateway that is not set up, or does not take `currency`.
pub fn check_offered(app: &App, name: GatewayName, currency: Currency) -> Result<(), Error> {
    if app.gateway(name)?.takes(currency) {
        return Ok(());
    }
    let detail = format!("{} takes no payments in {currency}; choose another way to pay", name.title());
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    Err(Error::rejected(status, "currency_not_offered", "Currency not offered", detail))
}

/// The page on which an order that waits is paid through `gateway`, as its shopper asks for it.
pub async fn pay(app: &App, order_id: OrderId, gateway: GatewayName) -> Result<PaymentHandle, Error> {
    let order = orders::find(&mut app.store().read().await?, order_id).await?.ok_or_else(Error::order_not_found)?;
    check_offered(app, gateway, order.total.currency)?;
    open(app, &order, gateway, Wish::PayNow, None).await
}

/// The page on which the order is paid. Asks the gateway for it, unless that was done or is being done. `ours` is a payment whose
/// page this request has the right to ask for.
pub async fn open(
    app: &App,
    order: &StoredOrder,
    gateway: GatewayName,
    wish: Wish,
    ours: Option<StoredPayment>,
) -> Result<PaymentHandle, Error> {
    // The caller may hang up. Asking the gateway is finished all the same: otherwise the page that it made would be lost.
    let (app, order) = (app.clone(), order.clone());
    let opening = async move { ask_until_known(&app, &order, gateway, wish, ours).await };
    tokio::spawn(opening.in_current_span()).await.map_err(|error| Error::Bug(error.to_string()))?
}

async fn ask_until_known(
    app: &App,
    order: &StoredOrder,
    gateway: GatewayName,
    wish: Wish,
    ours: Option<StoredPayment>,
) -> Result<PaymentHandle, Error> {
    if let Some(stored) = ours {
        ask_for_page(app, order, &stored).await?;
    }
    let give_up = app.now() + LENGTH + LENGTH;
    loop {
        match claim(app, order.id, gateway, wish).await? {
            Opening::Known(handle) => return Ok(handle),
            Opening::Ours(stored) => ask_for_page(app, order, &stored).await?,
            Opening::Theirs if app.now() < give_up => tokio::time::sleep(POLL).await,
            Opening::Theirs => {
                return Err(GatewayError::Unavailable("its page is still being asked for".to_owned()).into());
            }
        }
    }
}

/// What the opening of a payment comes to.
enum Opening {
    /// The page is known.
    Known(PaymentHandle),
    /// Nobody asks the gateway for it: we do.
    Ours(StoredPayment),
    /// Somebody else is asking.
    Theirs,
}

async fn claim(app: &App, order_id: OrderId, gateway: GatewayName, wish: Wish) -> Result<Opening, Error> {
    app.store()
        .transact("claim_opening", move |mut tx: Tx| async move {
            let now = app.now();
            let bug = || Error::Bug(format!("order {order_id} has no payment"));
            let order = orders::find(tx.connection(), order_id).await?.ok_or_else(bug)?;
            let attempts = payments::of_order(tx.connection(), order_id).await?;
            let latest = shown(&order, &attempts).ok_or_else(bug)?;
            if order.machine().next_deadline().is_none() {
                return tx.done(Opening::Known(when_over(&order, latest, wish)?));
            }
            let Some(stored) = attempts.iter().rfind(|stored| stored.gateway == gateway && is_good(stored, wish))
            else {
                if now >= order.placed.pay_before {
                    return tx.done(Opening::Known(when_over(&order, latest, wish)?));
                }
                let next = next_of(app, &order, &attempts, gateway, now)?;
                payments::insert(&mut tx, &next, now + LENGTH).await?;
                return tx.done(Opening::Ours(next));
            };
            if let Some(redirect_url) = stored.redirect_url.clone() {
                return tx.done(Opening::Known(handle(stored, redirect_url)));
            }
            let ours = payments::claim_opening(&mut tx, &stored.payment.reference, now + LENGTH, now).await?;
            tx.done(if ours { Opening::Ours(stored.clone()) } else { Opening::Theirs })
        })
        .await
}

/// Whether a payment may be paid on its page, or will have one.
fn is_good(stored: &StoredPayment, wish: Wish) -> bool {
    match stored.payment.status {
        PaymentStatus::Pending | PaymentStatus::Abandoned => true,
        PaymentStatus::Failed => wish == Wish::AsBefore,
        PaymentStatus::Lost
        | PaymentStatus::Captured
        | PaymentStatus::Underpaid
        | PaymentStatus::Overpaid
        | PaymentStatus::WrongCurrency
        | PaymentStatus::DuplicateCapture
        | PaymentStatus::Reversed => false,
    }
}

fn handle(stored: &StoredPayment, redirect_url: String) -> PaymentHandle {
    PaymentHandle { gateway: stored.gateway, reference: stored.payment.reference.clone(), redirect_url }
}

/// What does not wait for its payment any more has nothing to be paid: the shopper goes where its status is shown.
fn when_over(order: &StoredOrder, latest: &StoredPayment, wish: Wish) -> Result<PaymentHandle, Error> {
    match wish {
        Wish::AsBefore => Ok(handle(latest, order.return_url.clone())),
        Wish::PayNow => {
            let detail = "this order is paid, or its time to be paid is over; see where it stands";
            Err(Error::rejected(StatusCode::CONFLICT, NOT_AWAITING_PAYMENT, "Not awaiting payment", detail))
        }
    }
}

fn next_of(
    app: &App,
    order: &StoredOrder,
    attempts: &[StoredPayment],
    gateway: GatewayName,
    now: Timestamp,
) -> Result<StoredPayment, Error> {
    if attempts.len() >= ATTEMPTS_MAX {
        let detail = format!(
            "{ATTEMPTS_MAX} payments were begun for this order; pay on the page of one of them, or wait until it lapses and order again"
        );
        return Err(Error::rejected(StatusCode::CONFLICT, "too_many_payments", "Too many payments begun", detail));
    }
    let latest = attempts.last().map_or(0, |stored| stored.attempt);
    tracing::info!(order_id = %order.id, gateway = gateway.as_str(), attempt = latest + 1, "another payment is begun");
    Ok(attempt_of(app, order, gateway, latest + 1, now))
}

/// The order's payment attempt number `attempt`. Its reference follows from the checkout, so that the same attempt never has two.
pub fn attempt_of(app: &App, order: &StoredOrder, gateway: GatewayName, attempt: u32, now: Timestamp) -> StoredPayment {
    let reference = format!("ks-{}-{attempt}", order.checkout_id.0.simple());
    let after = i64::try_from(app.config().reconcile_after.as_millis()).unwrap_or(i64::MAX);
    StoredPayment {
        payment: Payment::new(reference, order.total),
        order_id: order.id,
        attempt,
        gateway,
        gateway_id: None,
        fee_minor: None,
        redirect_url: None,
        observed_at: None,
        next_check_at: Some(now + Millis(after)),
        created_at: now,
    }
}

/// The payment that stands for the order: the one that settled it, or else the latest.
pub fn shown<'p>(order: &StoredOrder, attempts: &'p [StoredPayment]) -> Option<&'p StoredPayment> {
    let paid_by = order.placed.paid_by.as_ref();
    attempts.iter().find(|stored| Some(&stored.payment.reference) == paid_by).or_else(|| attempts.last())
}

/// Asks the gateway for the payment's page and stores it; or, if the reference was used up, begins another payment.
async fn ask_for_page(app: &App, order: &StoredOrder, stored: &StoredPayment) -> Result<(), Error> {
    let reference = stored.payment.reference.as_str();
    let asked = async {
        let gateway = app.gateway(stored.gateway)?;
        let payment = Initialise {
            reference,
            amount: stored.payment.expected,
            email: &order.email,
            return_url: &order.return_url,
            order_id: &order.id.to_string(),
            payer_id: None,
        };
        Ok(app.initialise(gateway, &payment).await?)
    }
    .await;
    match asked {
        Ok(page) => {
            tracing::info!(reference, order_id = %order.id, "payment begun");
            end_opening(app, reference, Some(page.as_str())).await
        }
        // The gateway took this reference before, and its answer never came to us: by a crash, or by a broken line.
        Err(Error::Gateway(GatewayError::DuplicateReference)) => {
            tracing::warn!(reference, order_id = %order.id, "payment page lost; opening another attempt");
            match replace_lost(app, order, stored).await {
                Err(error @ Error::Rejected(_)) => {
                    end_opening(app, reference, None).await?;
                    Err(error)
                }
                replaced => replaced,
            }
        }
        Err(error) => {
            end_opening(app, reference, None).await?;
            Err(error)
        }
    }
}

async fn end_opening(app: &App, reference: &str, page: Option<&str>) -> Result<(), Error> {
    app.store()
        .transact("end_opening", move |mut tx: Tx| async move {
            payments::end_opening(&mut tx, reference, page, app.now()).await?;
            tx.done(())
        })
        .await
}

/// The lost attempt stays and is watched: money may still come through it.
async fn replace_lost(app: &App, order: &StoredOrder, lost: &StoredPayment) -> Result<(), Error> {
    app.store()
        .transact("open_next_attempt", move |mut tx: Tx| async move {
            let now = app.now();
            let attempts = payments::of_order(tx.connection(), order.id).await?;
            // Whoever had the page meanwhile has stored it, or opened the next attempt: then nothing is lost any more.
            let still_lost = |stored: &&StoredPayment| {
                stored.attempt == lost.attempt
                    && stored.redirect_url.is_none()
                    && stored.payment.status != PaymentStatus::Lost
            };
            let Some(mut stored) = attempts.iter().find(still_lost).cloned() else { return tx.done(()) };
            let next = next_of(app, order, &attempts, stored.gateway, now)?;
            let events = stored
                .payment
                .decide(&payment::Command::GiveUp)
                .map_err(|rejection| Error::Bug(rejection.to_string()))?;
            events.iter().for_each(|event| stored.payment.evolve(event));
            payments::update(&mut tx, &stored, now).await?;
            payments::insert(&mut tx, &next, now).await?;
            tx.done(())
        })
        .await
}
