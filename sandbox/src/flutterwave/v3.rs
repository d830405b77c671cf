//! Flutterwave's third interface: hosted payments, transactions by number or by the shop's `tx_ref`, refunds, chargebacks.
//!
//! Three things bite shops here, and are here on purpose. A `tx_ref` is not unique: each `POST /payments` makes another page,
//! each page another transaction, and all can be paid. A transaction exists only once somebody has tried to pay. And refunds
//! know no idempotency: a shop that lost an answer has to look for its refund among those of the transaction. Where one
//! `tx_ref` has several transactions, the documentation does not say which one `verify_by_reference` tells of: here it is the
//! one that was paid first, or else the newest; `GET /transactions?tx_ref=` lists them all.
//!
//! Sources: developer.flutterwave.com/v3.0/docs/flutterwave-standard-1, /transaction-verification, /refunds, /chargebacks,
//! /webhooks, and the reference of the same version.

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, Request as HttpRequest, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use domain::money::Currency;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::App;
use crate::amounts::read_major;
use crate::beginning::{Order, is_web_address, read_email};
use crate::book::BookError;
use crate::credentials::{bearer, same};
use crate::gateways::Gateway;
use crate::notices::Happening;
use crate::payments::{Payment, Rejection, Status};
use crate::webhook::Notice;

mod back;
mod shape;

const TX_REF_LENGTH_MAX: usize = 200;

/// The routes below `/flutterwave/v3`, all of which need the secret key.
pub fn routes(app: App) -> Router<App> {
    Router::new()
        .route("/payments", post(initialize))
        .route("/transactions", get(list))
        .route("/transactions/verify_by_reference", get(verify_by_reference))
        .route("/transactions/{id}/verify", get(verify))
        .route("/transactions/{id}/refund", post(back::refund))
        .route("/refunds", get(back::list_refunds))
        .route("/refunds/{id}", get(back::find_refund))
        .route("/chargebacks", get(back::list_chargebacks))
        .route("/chargebacks/{id}", get(back::find_chargeback))
        .layer(from_fn_with_state(app, require_key))
}

/// An error in Flutterwave's shape.
#[derive(Debug)]
struct Refusal(StatusCode, String);

impl Refusal {
    fn invalid(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, message.into())
    }

    fn unknown_transaction() -> Self {
        Self::invalid("No transaction was found for this id")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"status": "error", "message": self.1, "data": null}))).into_response()
    }
}

impl From<BookError> for Refusal {
    fn from(error: BookError) -> Self {
        match error {
            BookError::Rejected(Rejection::RefundRefused) => {
                Self::invalid("You do not have sufficient funds in your balance to complete this refund")
            }
            BookError::Rejected(Rejection::FullyRefunded) => {
                Self::invalid("This transaction has already been refunded")
            }
            BookError::Rejected(Rejection::RefundOutOfRange { .. }) => {
                Self::invalid("Amount to refund is greater than the amount left on the transaction")
            }
            BookError::Rejected(Rejection::Disputed) => Self::invalid("This transaction has a chargeback"),
            BookError::Rejected(
                Rejection::NotPaid
                | Rejection::AlreadyPaid { .. }
                | Rejection::UnknownRefund(_)
                | Rejection::AlreadyDisputed
                | Rejection::NoDispute,
            ) => Self::invalid("Only successful transactions can be refunded"),
            BookError::DuplicateReference(_) | BookError::DuplicateRefund(_) | BookError::UnknownReference(_) => {
                Self::unknown_transaction()
            }
            BookError::Journal(error) => {
                tracing::error!(%error, "the gateway could not write its journal");
                Self(StatusCode::INTERNAL_SERVER_ERROR, "An error occurred".to_owned())
            }
        }
    }
}

async fn require_key(State(app): State<App>, headers: HeaderMap, request: HttpRequest, next: Next) -> Response {
    let refuse = |message: &str| Refusal(StatusCode::UNAUTHORIZED, message.to_owned()).into_response();
    if !headers.contains_key(header::AUTHORIZATION) {
        return refuse("Authorization required");
    }
    let right = app.settings().keys.flutterwave_v3.as_ref().zip(bearer(&headers));
    if !right.is_some_and(|(keys, given)| same(given, keys.secret_key.as_bytes())) {
        return refuse("Invalid authorization key");
    }
    next.run(request).await
}

#[derive(Debug, Deserialize)]
struct PaymentBody {
    tx_ref: Option<String>,
    amount: Option<Value>,
    currency: Option<String>,
    redirect_url: Option<String>,
    customer: Option<CustomerBody>,
    meta: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct CustomerBody {
    email: Option<String>,
    name: Option<String>,
}

async fn initialize(State(app): State<App>, body: Result<Bytes, BytesRejection>) -> Result<Json<Value>, Refusal> {
    let body: PaymentBody = read(body)?;
    let required = |name: &str| Refusal::invalid(format!("{name} is required"));
    let reference = body.tx_ref.filter(|text| !text.trim().is_empty()).ok_or_else(|| required("tx_ref"))?;
    if reference.len() > TX_REF_LENGTH_MAX || reference.chars().any(char::is_control) {
        return Err(Refusal::invalid("tx_ref is invalid"));
    }
    let currency: Currency = body
        .currency
        .as_deref()
        .unwrap_or("NGN")
        .parse()
        .map_err(|_| Refusal::invalid("currency is invalid: it should be one that Flutterwave supports"))?;
    let amount = body.amount.as_ref().ok_or_else(|| required("amount"))?;
    let requested = read_major(amount, currency).map_err(|_| Refusal::invalid("amount should be a valid number"))?;
    let callback_url = body.redirect_url.ok_or_else(|| required("redirect_url"))?;
    if !is_web_address(&callback_url) {
        return Err(Refusal::invalid("redirect_url must be a valid URL"));
    }
    let customer = body.customer.ok_or_else(|| required("customer"))?;
    let email = read_email(customer.email.as_deref())
        .ok_or_else(|| Refusal::invalid("customer.email must be a valid email address"))?;
    let order = Order {
        gateway: Gateway::FlutterwaveV3,
        reference,
        email,
        requested,
        callback_url: Some(callback_url),
        cancel_url: None,
        metadata: body.meta.unwrap_or(Value::Null),
        details: json!({"name": customer.name.unwrap_or_else(|| "Anonymous customer".to_owned())}),
    };
    let now = app.now();
    let payment = app.with_book(|book| {
        let request = order.numbered(book.next_id(now));
        book.initialize(request, now)
    })?;
    tracing::info!(reference = payment.request.reference, amount = %requested, "payment begun");
    let link = app.page_of(&payment.request);
    Ok(Json(json!({"status": "success", "message": "Hosted Link", "data": {"link": link}})))
}

#[derive(Debug, Deserialize)]
struct ByReference {
    tx_ref: Option<String>,
    /// Only for lists.
    status: Option<String>,
}

async fn verify_by_reference(State(app): State<App>, Query(by): Query<ByReference>) -> Result<Json<Value>, Refusal> {
    let tx_ref = by.tx_ref.ok_or_else(|| Refusal::invalid("tx_ref is required"))?;
    let payment = app.with_book(|book| {
        let tried = || book.all(Gateway::FlutterwaveV3, &tx_ref).filter(|payment| is_tried(payment));
        let paid = tried().filter(|payment| payment.capture.is_some());
        paid.min_by_key(|payment| payment.capture.map(|capture| capture.at)).or_else(|| tried().next()).cloned()
    });
    Ok(fetched(&payment.ok_or_else(Refusal::unknown_transaction)?))
}

async fn verify(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    Ok(fetched(&find(&app, &id)?))
}

async fn list(State(app): State<App>, Query(by): Query<ByReference>) -> Json<Value> {
    let data: Vec<Value> = app.with_book(|book| {
        let ours = book.newest_first().filter(|payment| payment.request.gateway == Gateway::FlutterwaveV3);
        let asked = ours.filter(|payment| by.tx_ref.as_ref().is_none_or(|name| *name == payment.request.reference));
        let told = asked.filter(|one| is_tried(one)).map(|one| shape::transaction(one, shape::View::Now));
        told.filter(|one| by.status.as_ref().is_none_or(|status| one["status"] == **status)).collect()
    });
    page("Transactions fetched", data)
}

fn fetched(payment: &Payment) -> Json<Value> {
    let data = shape::transaction(payment, shape::View::Now);
    Json(json!({"status": "success", "message": "Transaction fetched successfully", "data": data}))
}

/// A list, as Flutterwave has it: always its only page here.
fn page(message: &str, data: Vec<Value>) -> Json<Value> {
    let info = json!({"total": data.len(), "current_page": 1, "total_pages": 1, "page_size": data.len()});
    Json(json!({"status": "success", "message": message, "meta": {"page_info": info}, "data": data}))
}

/// Whether somebody has tried to pay, and the transaction exists.
const fn is_tried(payment: &Payment) -> bool {
    match payment.status {
        Status::Success | Status::Failed => true,
        Status::Pending | Status::Abandoned => false,
    }
}

/// A transaction by its number.
fn find(app: &App, id: &str) -> Result<Payment, Refusal> {
    let payment = id.parse().ok().and_then(|id| app.payment_by_id(Gateway::FlutterwaveV3, id));
    payment.filter(is_tried).ok_or_else(Refusal::unknown_transaction)
}

fn read<T: for<'de> Deserialize<'de>>(body: Result<Bytes, BytesRejection>) -> Result<T, Refusal> {
    let body = body.map_err(|refused| Refusal(refused.status(), "Body is too large".to_owned()))?;
    serde_json::from_slice(&body).map_err(|error| Refusal::invalid(format!("Invalid body: {error}")))
}

/// What Flutterwave says about what happened. It sends `charge.completed` for failures too: the status tells. How a chargeback
/// is announced is not documented beyond its being so: the names are those that lists of Flutterwave's events have.
pub fn notices(payment: &Payment, happening: Happening) -> Vec<Notice> {
    let (event, data) = match happening {
        Happening::Paid => ("charge.completed", shape::transaction(payment, shape::View::Now)),
        Happening::Declined => ("charge.completed", shape::transaction(payment, shape::View::Declined)),
        Happening::RefundEnded(id) => ("refund.completed", shape::refund_notice(payment, id)),
        Happening::Disputed(id) => ("chargeback.created", shape::chargeback(payment, id)),
        Happening::DisputeClosed(id) => ("chargeback.updated", shape::chargeback(payment, id)),
        // Refunds are announced when they end; what is paid is taken, whatever it is.
        Happening::RefundRequested(_) | Happening::Rejected(_) => return Vec::new(),
    };
    let mut body = json!({"event": event, "data": data});
    if event == "charge.completed" {
        body["meta_data"] = payment.request.metadata.clone();
        body["event.type"] = json!("CARD_TRANSACTION");
    }
    vec![Notice { event: event.to_owned(), body: body.to_string() }]
}
