//! Places orders. One checkout becomes at most one order (ORDER-1), however often and from however many sides it is asked for,
//! and wherever the process ended the time before.
//!
//! The order is committed first, the gateway asked afterwards: no transaction is open while we wait for somebody else.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use domain::cart::LINES_MAX;
use domain::checkout::email_problem;
use domain::ids::OrderId;
use domain::order::{Command, Event, Order, Rejection};
use domain::pricing::{Quote, quote};
use domain::time::{Millis, Timestamp};
use domain::wire::{CHECKOUT_DIFFERS, CHECKOUT_GIVEN_UP, PlaceOrder, PlacedOrder};
use reqwest::Url;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::App;
use crate::error::{Error, Rejected};
use crate::open_payment::{self, Wish, attempt_of};
use crate::store::orders::{StoredOrder, priced};
use crate::store::payments::StoredPayment;
use crate::store::{Tx, orders, payments};
use crate::{order_book, redemption};

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
    open_payment::check_offered(app, request.gateway, request.currency)?;
    let (order, opened) = commit(app, &request, &quote, request_id).await?;
    let created = opened.is_some();
    if created {
        app.wake_outbox();
    }
    let payment = open_payment::open(app, &order, request.gateway, Wish::AsBefore, opened).await?;
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
    let quote = quote(&priced(&request.lines), &request.terms, request.currency)
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
        "terms": request.terms,
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
            Rejection::GivenUp => given_up(&rejection),
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
            // Somebody gave it up while this was on its way.
            if orders::is_given_up(tx.connection(), request.checkout_id).await? {
                return Err(given_up(&Rejection::GivenUp));
            }
            let mut order = new_order(app, request, quote, &events, now)?;
            orders::insert(&mut tx, &order).await?;
            let redeems = (&request.terms, request.email.as_str());
            redemption::redeem(&mut tx, order.id, order.cart_id, redeems, now).await?;
            order_book::record(&mut tx, &mut order, &events, request_id, now).await?;
            let payment = attempt_of(app, &order, request.gateway, 1, now);
            payments::insert(&mut tx, &payment, now + open_payment::LENGTH).await?;
            tx.done((order, Some(payment)))
        })
        .await
}

fn given_up(rejection: &Rejection) -> Error {
    Error::rejected(StatusCode::CONFLICT, CHECKOUT_GIVEN_UP, "Checkout given up", rejection.to_string())
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
        quote: quote.clone(),
        total: quote.total(),
        quote_digest: request.quote_digest.clone(),
        return_url: request.return_url.clone(),
        events: 0,
        placed_at: now,
    })
}
