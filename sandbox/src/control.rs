//! The knobs: make a payment succeed, fail or stall, with or without faults, dispute it, break a whole gateway, and ask what a
//! gateway believes.
//!
//! Only for laptops and tests: a real gateway has no such interface. A shop must never call it.

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use domain::money::{Currency, Money};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::App;
use crate::payments::{Payment, RefundMode};
use crate::problem::Problem;
use crate::webhook::Record;

mod outages;
mod transfers;
mod wish;

pub use wish::Wish;

const LISTED_BY_DEFAULT: usize = 1_000;

/// The routes below `/control`, without the inbox's.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/control/payments", get(list))
        .route("/control/payments/{reference}", get(show).post(drive))
        .route("/control/transfers", get(transfers::list).post(transfers::tell))
        .route("/control/transfers/{reference}", post(transfers::drive))
        .route("/control/gateways", get(outages::list))
        .route("/control/gateways/{name}", get(outages::show).post(outages::tell))
}

/// What the gateway believes of a payment.
#[derive(Debug, Serialize)]
pub struct Belief {
    gateway: &'static str,
    interface: &'static str,
    reference: String,
    id: i64,
    status: &'static str,
    amount: i64,
    currency: Currency,
    requested_amount: i64,
    requested_currency: Currency,
    email: String,
    callback_url: Option<String>,
    access_code: String,
    authorization_url: String,
    created_at: String,
    paid_at: Option<String>,
    refunded_amount: i64,
    refund_mode: RefundMode,
    refunds: Vec<Value>,
    disputes: Vec<Value>,
    webhooks: Vec<Record>,
}

impl Belief {
    /// The belief about `payment`, with what was sent about it.
    pub fn of(app: &App, payment: &Payment) -> Self {
        let request = &payment.request;
        let money = payment.money();
        let refunds = payment.refunds.iter().map(|refund| {
            json!({
                "id": refund.id,
                "key": refund.key,
                "amount": refund.money.amount_minor,
                "currency": refund.money.currency,
                "status": refund.status.as_str(),
            })
        });
        let disputes = payment.disputes.iter().map(|dispute| {
            let Money { amount_minor, currency } = dispute.money;
            json!({"id": dispute.id, "amount": amount_minor, "currency": currency, "status": dispute.as_str()})
        });
        Self {
            gateway: request.gateway.name(),
            interface: request.gateway.interface(),
            reference: request.reference.clone(),
            id: request.id,
            status: payment.status.as_str(),
            amount: money.amount_minor,
            currency: money.currency,
            requested_amount: request.requested.amount_minor,
            requested_currency: request.requested.currency,
            email: request.email.clone(),
            callback_url: request.callback_url.clone(),
            access_code: request.access_code.clone(),
            authorization_url: app.page_of(request),
            created_at: payment.created_at.rfc3339(),
            paid_at: payment.capture.map(|capture| capture.at.rfc3339()),
            refunded_amount: payment.refunded(),
            refund_mode: payment.refund_mode,
            refunds: refunds.collect(),
            disputes: disputes.collect(),
            webhooks: app.deliveries().records(payment),
        }
    }
}

async fn drive(
    State(app): State<App>,
    Path(reference): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Belief>, Problem> {
    let wish: Wish = read(body)?;
    let payment = app.grant(&reference, &wish)?;
    Ok(Json(Belief::of(&app, &payment)))
}

async fn show(State(app): State<App>, Path(reference): Path<String>) -> Result<Json<Belief>, Problem> {
    Ok(Json(Belief::of(&app, &app.payment_anywhere(&reference)?)))
}

#[derive(Debug, Deserialize)]
struct Listing {
    limit: Option<usize>,
}

async fn list(State(app): State<App>, listing: Result<Query<Listing>, QueryRejection>) -> Result<Json<Value>, Problem> {
    let Query(listing) = listing.map_err(|error| Problem::bad_request("invalid_query", error.body_text()))?;
    let limit = listing.limit.unwrap_or(LISTED_BY_DEFAULT);
    let (total, payments) = app.with_book(|book| {
        let payments: Vec<Payment> = book.newest_first().take(limit).cloned().collect();
        (book.len(), payments)
    });
    let payments: Vec<Belief> = payments.iter().map(|payment| Belief::of(&app, payment)).collect();
    Ok(Json(json!({"total": total, "payments": payments})))
}

/// A JSON body, or a problem that says what is wrong with it.
pub fn read<T: for<'de> Deserialize<'de>>(body: Result<Bytes, BytesRejection>) -> Result<T, Problem> {
    let body = body.map_err(|refused| Problem {
        status: refused.status(),
        code: "unreadable_body",
        detail: refused.body_text(),
    })?;
    serde_json::from_slice(&body).map_err(|error| {
        let code = if error.is_data() { "invalid_body" } else { "invalid_json" };
        Problem::bad_request(code, error.to_string())
    })
}
