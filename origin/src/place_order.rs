//! Places orders. One checkout becomes at most one order (ORDER-1), however often and from however many sides it is asked for,
//! and wherever the process ended the time before.
//!
//! The order is committed first, the gateway asked afterwards: no transaction is open while we wait for somebody else.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use domain::cart::LINES_MAX;
use domain::checkout::email_problem;
use domain::ids::OrderId;
use domain::order::{Command, Event, Order, Rejection};
use domain::payment::{self, Payment};
use domain::pricing::{Quote, quote};
use domain::time::{Millis, Timestamp};
use domain::wire::{CHECKOUT_DIFFERS, GatewayName, PaymentHandle, PlaceOrder, PlacedOrder};
use reqwest::Url;
use sha2::{Digest, Sha256};
use tracing::Instrument;
use uuid::Uuid;

use crate::App;
use crate::error::{Error, Rejected};
use crate::gateway::{GatewayError, Initialise};
use crate::order_book;
use crate::store::orders::{StoredOrder, priced};
use crate::store::payments::StoredPayment;
use crate::store::{Tx, orders, payments};

/// Longer than asking a gateway for a page can take.
const OPENING_LENGTH: Millis = Millis::seconds(12);
const OPENING_POLL: Duration = Duration::from_millis(40);
/// References that a gateway may refuse as used before somebody should look.
const ATTEMPTS_MAX: u32 = 5;
const RESERVED_MAX: Millis = Millis::days(1);
const RETURN_URL_LENGTH_MAX: usize = 2_000;

/// An answer, and whether the order is new.
#[derive(Debug)]
pub struct Placement {
    /// What the edge is told.
    pub placed: PlacedOrder,
    /// Whether this request made the order.
    pub created: bool,
}

/// Places an order, or finds the one that the same checkout made before, and gets the page on which it is paid.
pub async fn place(app: &App, request: PlaceOrder, request_id: &str) -> Result<Placement, Error> {
    let request =
        PlaceOrder { address: request.address.clone().trimmed(), email: request.email.trim().to_owned(), ..request };
    let now = app.now();
    check_fields(&request, now)?;
    let quote = agreed_quote(&request)?;
    let gateway = app.gateway(request.gateway)?;
    if !gateway.takes(request.currency) {
        let detail = format!("{} takes no payments in {}", request.gateway.title(), request.currency);
        return Err(unprocessable("currency_not_offered", "Currency not offered", detail));
    }
    let (order, opened) = commit(app, &request, &quote, request_id).await?;
    let created = opened.is_some();
    if created {
        app.wake_outbox();
    }
    // The caller may hang up. Asking the gateway is finished all the same: otherwise the page that it made would be lost.
    let opening = {
        let (app, order) = (app.clone(), order.clone());
        async move { open_payment(&app, &order, opened).await }
    };
    let opening = tokio::spawn(opening.in_current_span());
    let payment = opening.await.map_err(|error| Error::Bug(error.to_string()))??;
    Ok(Placement { placed: PlacedOrder { order_id: order.id, total: order.total, payment }, created })
}

fn unprocessable(code: &'static str, title: &'static str, detail: impl Into<String>) -> Error {
    Error::rejected(StatusCode::UNPROCESSABLE_ENTITY, code, title, detail)
}

fn check_fields(request: &PlaceOrder, now: Timestamp) -> Result<(), Error> {
    let mut fields: BTreeMap<String, String> =
        request.address.problems().into_iter().map(|(field, problem)| (format!("address.{field}"), problem)).collect();
    let mut problem = |field: &str, text: &str| fields.insert(field.to_owned(), text.to_owned());
    if let Some(text) = email_problem(&request.email) {
        problem("email", text);
    }
    if !(1..=LINES_MAX).contains(&request.lines.len()) {
        problem("lines", "An order has 1 to 100 lines");
    }
    let web = Url::parse(&request.return_url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if !web || request.return_url.len() > RETURN_URL_LENGTH_MAX {
        problem("return_url", "The return URL has to be a web address");
    }
    if request.reserved_until > now + RESERVED_MAX {
        problem("reserved_until", "Stock is reserved for less than a day");
    }
    if fields.is_empty() {
        return Ok(());
    }
    Err(Error::Rejected(Box::new(Rejected {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        code: "invalid_order",
        title: "Invalid order",
        detail: "some fields are not valid".to_owned(),
        fields,
    })))
}

/// The quote that the shopper agreed to, worked out here once more (MONEY-2).
fn agreed_quote(request: &PlaceOrder) -> Result<Quote, Error> {
    let quote = quote(&priced(&request.lines), request.delivery, request.currency)
        .map_err(|error| unprocessable("invalid_order", "Invalid order", error.to_string()))?;
    if quote.digest() != request.quote_digest {
        let detail = format!("the price is {} now; show it and ask again", quote.total());
        return Err(Error::rejected(StatusCode::CONFLICT, "quote_changed", "Quote changed", detail));
    }
    if quote.total_minor == 0 {
        return Err(unprocessable("nothing_to_pay", "Nothing to pay", "an order has to cost something"));
    }
    Ok(quote)
}

/// Names everything that the buyer agreed to. How long the stock is held, through whom it is paid and where the shopper returns to
/// may differ from one try to the next.
fn content_digest(request: &PlaceOrder) -> Result<String, Error> {
    let content = serde_json::json!({
        "cart_id": request.cart_id,
        "email": request.email,
        "address": request.address,
        "lines": request.lines,
        "delivery": request.delivery,
        "quote_digest": request.quote_digest,
    });
    let text = serde_json::to_vec(&content).map_err(|error| Error::Bug(error.to_string()))?;
    Ok(hex::encode(Sha256::digest(text)))
}

/// Order, lines, history, first payment and message to the edge, in one transaction, and the right to open that payment; or the
/// order that is there.
async fn commit(
    app: &App,
    request: &PlaceOrder,
    quote: &Quote,
    request_id: &str,
) -> Result<(StoredOrder, Option<StoredPayment>), Error> {
    let place = Command::Place { content_digest: content_digest(request)?, pay_before: request.reserved_until };
    let decide = &|order: &Order, now| {
        order.decide(&place, now).map_err(|rejection| match rejection {
            Rejection::CheckoutDiffers => {
                Error::rejected(StatusCode::CONFLICT, CHECKOUT_DIFFERS, "Checkout differs", rejection.to_string())
            }
            Rejection::NotPlaced
            | Rejection::CaptureNotNeeded { .. }
            | Rejection::NotOverdue { .. }
            | Rejection::WrongStatus { .. } => Error::Bug(rejection.to_string()),
        })
    };
    app.store()
        .transact("place_order", move |mut tx: Tx| async move {
            let now = app.now();
            if let Some(order) = orders::of_checkout(tx.connection(), request.checkout_id).await? {
                decide(&order.machine(), now)?;
                return tx.done((order, None));
            }
            let events = decide(&Order::default(), now)?;
            let mut order = new_order(app, request, quote, &events, now)?;
            orders::insert(&mut tx, &order).await?;
            order_book::record(&mut tx, &mut order, &events, request_id, now).await?;
            let payment = attempt_of(app, &order, request.gateway, 1, now);
            payments::insert(&mut tx, &payment, now + OPENING_LENGTH).await?;
            tx.done((order, Some(payment)))
        })
        .await
}

fn new_order(
    app: &App,
    request: &PlaceOrder,
    quote: &Quote,
    events: &[Event],
    now: Timestamp,
) -> Result<StoredOrder, Error> {
    let mut machine = Order::default();
    events.iter().for_each(|event| machine.evolve(event));
    Ok(StoredOrder {
        id: OrderId(Uuid::now_v7()),
        checkout_id: request.checkout_id,
        cart_id: request.cart_id,
        placed: machine.into_placed().ok_or_else(|| Error::Bug("placing made no order".to_owned()))?,
        email: request.email.clone(),
        address: request.address.clone(),
        lines: request.lines.clone(),
        commissions: request
            .lines
            .iter()
            .map(|line| (line.sku.clone(), app.config().commissions.of(&line.seller)))
            .collect(),
        delivery: request.delivery,
        total: quote.total(),
        quote_digest: request.quote_digest.clone(),
        return_url: request.return_url.clone(),
        events: 0,
        placed_at: now,
    })
}

/// The order's payment attempt number `attempt`. Its reference follows from the checkout, so that the same attempt never has two.
fn attempt_of(app: &App, order: &StoredOrder, gateway: GatewayName, attempt: u32, now: Timestamp) -> StoredPayment {
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

/// What the opening of a payment comes to.
enum Opening {
    /// The page is known.
    Known(PaymentHandle),
    /// Nobody asks the gateway for it: we do.
    Ours(StoredPayment),
    /// Somebody else is asking.
    Theirs,
}

/// The page on which the order is paid. Asks the gateway for it, unless that was done or is being done. `ours` is a payment whose
/// page this request has the right to ask for.
async fn open_payment(app: &App, order: &StoredOrder, ours: Option<StoredPayment>) -> Result<PaymentHandle, Error> {
    if let Some(stored) = ours {
        ask_for_page(app, order, &stored).await?;
    }
    let give_up = app.now() + OPENING_LENGTH + OPENING_LENGTH;
    loop {
        match claim_opening(app, order.id).await? {
            Opening::Known(handle) => return Ok(handle),
            Opening::Ours(stored) => ask_for_page(app, order, &stored).await?,
            Opening::Theirs if app.now() < give_up => tokio::time::sleep(OPENING_POLL).await,
            Opening::Theirs => {
                return Err(GatewayError::Unavailable("its page is still being asked for".to_owned()).into());
            }
        }
    }
}

async fn claim_opening(app: &App, order_id: OrderId) -> Result<Opening, Error> {
    app.store()
        .transact("claim_opening", move |mut tx: Tx| async move {
            let now = app.now();
            let bug = || Error::Bug(format!("order {order_id} has no payment"));
            let order = orders::find(tx.connection(), order_id).await?.ok_or_else(bug)?;
            let attempts = payments::of_order(tx.connection(), order_id).await?;
            let stored = shown(&order, &attempts).ok_or_else(bug)?.clone();
            // What is not waiting for its payment any more has nothing to be paid: the shopper goes where its status is shown.
            let waiting = order.machine().next_deadline().is_some();
            let page = if waiting { stored.redirect_url.clone() } else { Some(order.return_url) };
            if let Some(redirect_url) = page {
                let reference = stored.payment.reference;
                return tx.done(Opening::Known(PaymentHandle { gateway: stored.gateway, reference, redirect_url }));
            }
            let ours = payments::claim_opening(&mut tx, &stored.payment.reference, now + OPENING_LENGTH, now).await?;
            tx.done(if ours { Opening::Ours(stored) } else { Opening::Theirs })
        })
        .await
}

/// The payment that stands for the order: the one that settled it, or else the latest.
pub fn shown<'p>(order: &StoredOrder, attempts: &'p [StoredPayment]) -> Option<&'p StoredPayment> {
    let paid_by = order.placed.paid_by.as_ref();
    attempts.iter().find(|stored| Some(&stored.payment.reference) == paid_by).or_else(|| attempts.last())
}

/// Asks the gateway for the payment's page and stores it; or, if the reference was used up, opens the next attempt.
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
        Err(Error::Gateway(GatewayError::DuplicateReference)) if stored.attempt < ATTEMPTS_MAX => {
            tracing::warn!(reference, order_id = %order.id, "payment page lost; opening another attempt");
            open_next_attempt(app, order, stored).await
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
async fn open_next_attempt(app: &App, order: &StoredOrder, lost: &StoredPayment) -> Result<(), Error> {
    app.store()
        .transact("open_next_attempt", move |mut tx: Tx| async move {
            let now = app.now();
            let attempts = payments::of_order(tx.connection(), order.id).await?;
            // Whoever had the page meanwhile has stored it, or opened the next attempt: then nothing is lost any more.
            let still_lost = |last: &StoredPayment| last.attempt == lost.attempt && last.redirect_url.is_none();
            let Some(mut last) = attempts.into_iter().last().filter(still_lost) else {
                return tx.done(());
            };
            let events = last
                .payment
                .decide(&payment::Command::GiveUp)
                .map_err(|rejection| Error::Bug(rejection.to_string()))?;
            events.iter().for_each(|event| last.payment.evolve(event));
            payments::update(&mut tx, &last, now).await?;
            payments::insert(&mut tx, &attempt_of(app, order, last.gateway, last.attempt + 1, now), now).await?;
            tx.done(())
        })
        .await
}
