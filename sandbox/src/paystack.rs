//! Paystack's HTTP interface, as far as the shop uses it: initialise and verify transactions, make and read refunds.
//!
//! It answers as Paystack does, errors included, and never trusts the caller's amounts beyond what Paystack checks.
//! Sources: paystack.com/docs/api/transaction, /docs/api/refund, /docs/api/errors. One difference: payments wait for
//! as long as it takes, since a sandbox has no session timeout.

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, Request as HttpRequest, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use domain::money::{Currency, Money};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::App;
use crate::book::BookError;
use crate::payments::{Command, Payment, Rejection, Request};
use crate::webhook::Faults;

pub mod shape;

const REFERENCE_LENGTH_MAX: usize = 200;
const EMAIL_LENGTH_MAX: usize = 254;

/// The currencies that Paystack settles.
const CURRENCIES: [Currency; 6] =
    [Currency::Ngn, Currency::Usd, Currency::Ghs, Currency::Zar, Currency::Kes, Currency::Xof];

/// The routes below `/paystack` that need the secret key.
pub fn routes(app: App) -> Router<App> {
    Router::new()
        .route("/transaction/initialize", post(initialize))
        .route("/transaction/verify/{reference}", get(verify))
        .route("/refund", post(refund).get(list_refunds))
        .route("/refund/{id}", get(find_refund))
        .layer(from_fn_with_state(app, require_key))
}

/// An error in Paystack's shape.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    message: String,
    code: &'static str,
    next_step: &'static str,
}

impl Refusal {
    fn invalid(code: &'static str, message: impl Into<String>, next_step: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into(), code, next_step }
    }

    fn params(message: impl Into<String>) -> Self {
        Self::invalid(
            "invalid_params",
            message,
            "Ensure that the value(s) you're passing are valid and of the documented type",
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let kind = if self.status.is_server_error() { "api_error" } else { "validation_error" };
        let body = json!({
            "status": false,
            "message": self.message,
            "meta": {"nextStep": self.next_step},
            "type": kind,
            "code": self.code,
        });
        (self.status, Json(body)).into_response()
    }
}

impl From<BookError> for Refusal {
    fn from(error: BookError) -> Self {
        match error {
            BookError::DuplicateReference(_) => Self::invalid(
                "duplicate_reference",
                "Duplicate Transaction Reference",
                "Generate and pass a new transaction reference for every transaction",
            ),
            BookError::UnknownReference(_) => Self::invalid(
                "transaction_not_found",
                "Transaction reference not found.",
                "Ensure that you're passing the reference of a transaction that exists on this integration",
            ),
            BookError::Rejected(Rejection::FullyRefunded) => Self::invalid(
                "transaction_already_reversed",
                "Transaction has been fully reversed",
                "Look at the refunds of this transaction",
            ),
            BookError::Rejected(Rejection::RefundOutOfRange { .. }) => Self::invalid(
                "invalid_refund_amount",
                "Refund amount cannot be more than transaction amount",
                "Refund at most what is left of the transaction",
            ),
            BookError::Rejected(Rejection::NotPaid | Rejection::AlreadyPaid { .. } | Rejection::UnknownRefund(_)) => {
                Self::invalid(
                    "transaction_not_refundable",
                    "Transaction status is not valid for a refund",
                    "Refund transactions that were successful",
                )
            }
            BookError::Journal(error) => {
                tracing::error!(%error, "the gateway could not write its journal");
                Self {
                    status: StatusCode::INTERNAL_SERVER_ERROR,
                    message: "An error occurred".to_owned(),
                    code: "unknown",
                    next_step: "Try again later",
                }
            }
        }
    }
}

async fn require_key(State(app): State<App>, headers: HeaderMap, request: HttpRequest, next: Next) -> Response {
    let unauthorized = |message: &str, next_step| Refusal {
        status: StatusCode::UNAUTHORIZED,
        message: message.to_owned(),
        code: "invalid_Key",
        next_step,
    };
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return unauthorized("No Authorization Header was found", "Pass the header Authorization: Bearer SECRET_KEY")
            .into_response();
    };
    let given = value.as_bytes().split_at_checked(7).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "));
    let right = given.is_some_and(|(_, key)| bool::from(key.ct_eq(app.settings().secret_key.as_bytes())));
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
    let (email, requested) = (read_email(body.email)?, read_money(body.amount.as_ref(), body.currency.as_deref())?);
    let unique = hex::encode(Sha256::digest(Uuid::now_v7().as_bytes()));
    let reference = match body.reference.filter(|reference| !reference.is_empty()) {
        Some(reference) => check_reference(reference)?,
        None => format!("T{}", unique.get(15..31).unwrap_or_default()),
    };
    let callback_url = body.callback_url.filter(|url| !url.is_empty()).map(check_callback).transpose()?;
    let now = app.now();
    let payment = app.with_book(|book| {
        let request = Request {
            id: book.next_id(now),
            reference,
            access_code: unique.get(..15).unwrap_or_default().to_owned(),
            email,
            requested,
            callback_url,
            metadata: read_metadata(body.metadata),
        };
        book.initialize(request, now)
    })?;
    tracing::info!(reference = payment.request.reference, amount = %requested, "payment begun");
    Ok(Json(json!({
        "status": true,
        "message": "Authorization URL created",
        "data": {
            "authorization_url": format!("{}/paystack/pay/{}", app.settings().public_url, payment.request.access_code),
            "access_code": payment.request.access_code,
            "reference": payment.request.reference,
        },
    })))
}

async fn verify(State(app): State<App>, Path(reference): Path<String>) -> Result<Json<Value>, Refusal> {
    let payment = app.payment(&reference)?;
    Ok(Json(json!({
        "status": true,
        "message": "Verification successful",
        "data": shape::transaction(&payment, shape::View::Now),
    })))
}

#[derive(Debug, Deserialize)]
struct RefundBody {
    transaction: Option<Value>,
    amount: Option<Value>,
    currency: Option<String>,
    merchant_note: Option<String>,
}

async fn refund(State(app): State<App>, body: Result<Bytes, BytesRejection>) -> Result<Json<Value>, Refusal> {
    let body: RefundBody = read(body)?;
    let payment = find_transaction(&app, body.transaction.as_ref())?;
    let captured = payment.capture.map(|capture| capture.money.currency);
    if let (Some(asked), Some(captured)) = (&body.currency, captured)
        && asked.parse() != Ok(captured)
    {
        return Err(Refusal::params("Currency does not match the transaction's"));
    }
    let amount_minor = body.amount.as_ref().map(read_amount).transpose()?;
    let now = app.now();
    let (payment, id) = app.with_book(|book| {
        let id = book.next_id(now);
        let command = Command::Refund { id, amount_minor, merchant_note: body.merchant_note };
        book.execute(&payment.request.reference, &command, now).map(|payment| (payment, id))
    })?;
    app.carry_refund(&payment, id);
    Ok(Json(json!({
        "status": true,
        "message": "Refund has been queued for processing",
        "data": shape::refund(&payment, id, shape::Transaction::Whole),
    })))
}

async fn find_refund(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let found = id.parse().ok().and_then(|id| {
        let payment = app.with_book(|book| book.find_by_refund(id).cloned())?;
        Some((payment, id))
    });
    let Some((payment, id)) = found else {
        return Err(Refusal {
            status: StatusCode::NOT_FOUND,
            message: "Refund not found".to_owned(),
            code: "refund_not_found",
            next_step: "Ensure that you're passing the id of a refund that exists on this integration",
        });
    };
    Ok(Json(json!({
        "status": true,
        "message": "Refund retrieved",
        "data": shape::refund(&payment, id, shape::Transaction::Number),
    })))
}

#[derive(Debug, Deserialize)]
struct RefundsOf {
    transaction: Option<String>,
    reference: Option<String>,
}

async fn list_refunds(State(app): State<App>, Query(of): Query<RefundsOf>) -> Result<Json<Value>, Refusal> {
    let payment = find_transaction(&app, of.transaction.or(of.reference).map(Value::String).as_ref())?;
    let refunds: Vec<Value> =
        payment.refunds.iter().map(|refund| shape::refund(&payment, refund.id, shape::Transaction::Number)).collect();
    let total = refunds.len();
    Ok(Json(json!({
        "status": true,
        "message": "Refunds retrieved",
        "data": refunds,
        "meta": {"total": total, "skipped": 0, "perPage": total, "page": 1, "pageCount": 1},
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
    let by_id = |id| app.with_book(|book| book.find_by_id(id).cloned());
    match app.payment(&name) {
        Ok(payment) => Ok(payment),
        Err(error) => name.parse().ok().and_then(by_id).ok_or_else(|| error.into()),
    }
}

fn read<T: for<'de> Deserialize<'de>>(body: Result<Bytes, BytesRejection>) -> Result<T, Refusal> {
    let body = body.map_err(|refused| Refusal { status: refused.status(), ..Refusal::params("Body is too large") })?;
    serde_json::from_slice(&body).map_err(|error| Refusal::params(format!("Invalid JSON body: {error}")))
}

/// Only what Paystack checks, which is little: an address has one `@` with something on both sides.
fn read_email(email: Option<String>) -> Result<String, Refusal> {
    let invalid =
        || Refusal::invalid("invalid_email_address", "Invalid Email Address Passed", "Pass a valid email address");
    let email = email.map(|email| email.trim().to_owned()).ok_or_else(invalid)?;
    let plain = !email.chars().any(|letter| letter.is_whitespace() || letter.is_control());
    let parts =
        email.split_once('@').filter(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
    if parts.is_none() || !plain || email.len() > EMAIL_LENGTH_MAX {
        return Err(invalid());
    }
    Ok(email)
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

/// Minor units, as a number or as text, at least one.
fn read_amount(amount: &Value) -> Result<i64, Refusal> {
    let minor = match amount {
        Value::Number(number) => number.as_i64(),
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    minor
        .filter(|minor| (1..=Money::AMOUNT_MINOR_MAX).contains(minor))
        .ok_or_else(|| Refusal::params("Invalid Amount Sent"))
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

fn check_callback(url: String) -> Result<String, Refusal> {
    let web = reqwest::Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    web.then_some(url).ok_or_else(|| Refusal::params("Invalid callback URL"))
}

/// Paystack takes an object, or an object written as text, and returns the object.
fn read_metadata(metadata: Option<Value>) -> Value {
    match metadata {
        None | Some(Value::Null) => Value::String(String::new()),
        Some(Value::String(text)) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        Some(value @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => value,
    }
}

/// The notice that goes out after `command`: its event and its data.
pub fn notice(command: &Command, payment: &Payment) -> Option<(&'static str, Value)> {
    match command {
        Command::Pay { .. } => Some(("charge.success", shape::transaction(payment, shape::View::Now))),
        Command::Decline => Some(("charge.failed", shape::transaction(payment, shape::View::Declined))),
        // Paystack says nothing when a payer leaves; refunds have notices of their own.
        Command::Abandon | Command::Refund { .. } | Command::ProcessRefund { .. } => None,
    }
}

impl App {
    /// Sends `refund.pending`, and later finishes the refund and sends `refund.processed`.
    pub(crate) fn carry_refund(&self, payment: &Payment, id: i64) {
        self.send_refund_notice("refund.pending", payment, id);
        let (app, reference) = (self.clone(), payment.request.reference.clone());
        tokio::spawn(async move {
            tokio::time::sleep(app.settings().refund_delay).await;
            let now = app.now();
            match app.with_book(|book| book.execute(&reference, &Command::ProcessRefund { id }, now)) {
                Ok(payment) => app.send_refund_notice("refund.processed", &payment, id),
                Err(error) => tracing::error!(reference, refund = id, %error, "a refund could not be finished"),
            }
        });
    }

    fn send_refund_notice(&self, event: &str, payment: &Payment, id: i64) {
        let data = shape::refund_notice(payment, id);
        let reference = &payment.request.reference;
        match self.deliveries().reserve(Faults::default()) {
            Ok(room) => room.send(reference, event, &data),
            Err(full) => tracing::error!(reference, event, %full, "webhook not sent"),
        }
    }
}
