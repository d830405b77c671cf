//! Paystack's HTTP interface, as far as the shop uses it: initialise and verify transactions, make and read refunds, read
//! disputes, transfer money to banks.
//!
//! It answers as Paystack does, errors included, and never trusts the caller's amounts beyond what Paystack checks.
//! Sources: paystack.com/docs/api/transaction, /docs/api/refund, /docs/api/dispute, /docs/api/errors. One difference: payments
//! wait for as long as it takes, since a sandbox has no session timeout.

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Request as HttpRequest, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use domain::money::{Currency, Money};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::App;
use crate::amounts::read_minor;
use crate::beginning::{Order, is_web_address, read_email, unique};
use crate::credentials::{bearer, same};
use crate::gateways::Gateway;
use crate::notices::Happening;
use crate::payments::Payment;
use crate::transfers::Transfer;
use crate::webhook::Notice;
use refusal::Refusal;

mod disputes;
mod refunds;
mod refusal;
pub mod shape;
mod transfers;

const REFERENCE_LENGTH_MAX: usize = 200;

/// The currencies that Paystack settles.
const CURRENCIES: [Currency; 6] =
    [Currency::Ngn, Currency::Usd, Currency::Ghs, Currency::Zar, Currency::Kes, Currency::Xof];

/// The routes below `/paystack` that need the secret key.
pub fn routes(app: App) -> Router<App> {
    Router::new()
        .route("/transaction/initialize", post(initialize))
        .route("/transaction/verify/{reference}", get(verify))
        .route("/refund", post(refunds::refund).get(refunds::list_refunds))
        .route("/refund/{id}", get(refunds::find_refund))
        .route("/transferrecipient", post(transfers::create_recipient))
        .route("/transfer", post(transfers::create))
        .route("/transfer/verify/{reference}", get(transfers::verify))
        .route("/dispute", get(disputes::list))
        .route("/dispute/{id}", get(disputes::show))
        .layer(from_fn_with_state(app, require_key))
}

async fn require_key(State(app): State<App>, headers: HeaderMap, request: HttpRequest, next: Next) -> Response {
    let unauthorized = |message: &str, next_step| Refusal {
        status: StatusCode::UNAUTHORIZED,
        message: message.to_owned(),
        code: "invalid_Key",
        next_step,
    };
    if !headers.contains_key(header::AUTHORIZATION) {
        return unauthorized("No Authorization Header was found", "Pass the header Authorization: Bearer SECRET_KEY")
            .into_response();
    }
    let right = app.settings().keys.paystack.as_deref().zip(bearer(&headers));
    let right = right.is_some_and(|(key, given)| same(given, key.as_bytes()));
    if !right {
        return unauthorized("Invalid key", "Ensure that you provide the correct authorization key for the request")
            .into_response();
    }
    next.run(request).await
}

#[derive(Debug, Deserialize)]
struct InitializeBody {
    email: Option<String>,
    amount: Option<Value>,
    currency: Option<String>,
    reference: Option<String>,
    callback_url: Option<String>,
    metadata: Option<Value>,
}

async fn initialize(State(app): State<App>, body: Result<Bytes, BytesRejection>) -> Result<Json<Value>, Refusal> {
    let body: InitializeBody = read(body)?;
    let email = read_email(body.email.as_deref()).ok_or_else(|| {
        Refusal::invalid("invalid_email_address", "Invalid Email Address Passed", "Pass a valid email address")
    })?;
    let requested = read_money(body.amount.as_ref(), body.currency.as_deref())?;
    let reference = match body.reference.filter(|reference| !reference.is_empty()) {
        Some(reference) => check_reference(reference)?,
        None => format!("T{}", unique().chars().take(16).collect::<String>()),
    };
    let callback_url = body.callback_url.filter(|url| !url.is_empty());
    if callback_url.as_deref().is_some_and(|url| !is_web_address(url)) {
        return Err(Refusal::params("Invalid callback URL"));
    }
    let order = Order {
        gateway: Gateway::Paystack,
        reference,
        email,
        requested,
        callback_url,
        cancel_url: None,
        metadata: read_metadata(body.metadata),
        details: Value::Null,
    };
    let now = app.now();
    let payment = app.with_book(|book| {
        let request = order.numbered(book.next_id(now));
        book.initialize(request, now)
    })?;
    tracing::info!(reference = payment.request.reference, amount = %requested, "payment begun");
    Ok(Json(json!({
        "status": true,
        "message": "Authorization URL created",
        "data": {
            "authorization_url": app.page_of(&payment.request),
            "access_code": payment.request.access_code,
            "reference": payment.request.reference,
        },
    })))
}

async fn verify(State(app): State<App>, Path(reference): Path<String>) -> Result<Json<Value>, Refusal> {
    let payment = app.payment(Gateway::Paystack, &reference)?;
    Ok(Json(json!({
        "status": true,
        "message": "Verification successful",
        "data": shape::transaction(&payment, shape::View::Now),
    })))
}

/// A transaction by its reference or by its number, which Paystack takes in the same place.
fn find_transaction(app: &App, given: Option<&Value>) -> Result<Payment, Refusal> {
    let name = match given {
        Some(Value::String(name)) => name.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => String::new(),
    };
    if name.is_empty() {
        return Err(Refusal::params("Transaction is required"));
    }
    let by_id = |id| app.payment_by_id(Gateway::Paystack, id);
    match app.payment(Gateway::Paystack, &name) {
        Ok(payment) => Ok(payment),
        Err(error) => name.parse().ok().and_then(by_id).ok_or_else(|| error.into()),
    }
}

fn read<T: for<'de> Deserialize<'de>>(body: Result<Bytes, BytesRejection>) -> Result<T, Refusal> {
    let body = body.map_err(|refused| Refusal { status: refused.status(), ..Refusal::params("Body is too large") })?;
    serde_json::from_slice(&body).map_err(|error| Refusal::params(format!("Invalid JSON body: {error}")))
}

fn read_money(amount: Option<&Value>, currency: Option<&str>) -> Result<Money, Refusal> {
    let unsupported = || {
        Refusal::invalid(
            "unsupported_currency",
            "Currency not supported by merchant",
            "Pass one of NGN, USD, GHS, ZAR, KES, XOF",
        )
    };
    let currency: Currency = currency.unwrap_or("NGN").parse().map_err(|_| unsupported())?;
    if !CURRENCIES.contains(&currency) {
        return Err(unsupported());
    }
    let amount = amount.ok_or_else(|| Refusal::params("Invalid Amount Sent"))?;
    Ok(Money::new(read_amount(amount)?, currency))
}

fn read_amount(amount: &Value) -> Result<i64, Refusal> {
    read_minor(amount).ok_or_else(|| Refusal::params("Invalid Amount Sent"))
}

/// Paystack's rule: "Only -,., =and alphanumeric characters are allowed".
fn check_reference(reference: String) -> Result<String, Refusal> {
    let allowed = reference.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.=".contains(&byte));
    if allowed && reference.len() <= REFERENCE_LENGTH_MAX {
        return Ok(reference);
    }
    Err(Refusal::invalid(
        "invalid_reference",
        "Invalid transaction reference: only -, ., = and alphanumeric characters are allowed",
        "Ensure that your reference has only alphanumeric characters and -, ., =",
    ))
}

/// Paystack takes an object, or an object written as text, and returns the object.
fn read_metadata(metadata: Option<Value>) -> Value {
    match metadata {
        None | Some(Value::Null) => Value::String(String::new()),
        Some(Value::String(text)) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        Some(value @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => value,
    }
}

/// What Paystack says about what happened.
pub fn notices(payment: &Payment, happening: Happening) -> Vec<Notice> {
    let (event, data) = match happening {
        Happening::Paid => ("charge.success", shape::transaction(payment, shape::View::Now)),
        Happening::Declined => ("charge.failed", shape::transaction(payment, shape::View::Declined)),
        Happening::RefundRequested(id) => ("refund.pending", shape::refund_notice(payment, id)),
        Happening::RefundEnded(id) => {
            let failed = payment.refund(id).is_some_and(crate::payments::Refund::is_failed);
            (if failed { "refund.failed" } else { "refund.processed" }, shape::refund_notice(payment, id))
        }
        Happening::Disputed(id) => ("charge.dispute.create", disputes::shape(payment, id)),
        Happening::DisputeClosed(id) => ("charge.dispute.resolve", disputes::shape(payment, id)),
        // Nothing of the kind exists at Paystack.
        Happening::Rejected(_) => return Vec::new(),
    };
    vec![Notice { event: event.to_owned(), body: json!({"event": event, "data": data}).to_string() }]
}

/// What Paystack says about where a transfer stands.
pub fn transfer_notices(transfer: &Transfer) -> Vec<Notice> {
    let told = transfers::event(transfer).map(|(event, data)| Notice {
        event: event.to_owned(),
        body: json!({"event": event, "data": data}).to_string(),
    });
    told.into_iter().collect()
}
