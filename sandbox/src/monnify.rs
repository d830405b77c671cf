//! Monnify's HTTP interface, as far as the shop uses it: log in, initialise and query transactions, make and read refunds.
//!
//! Sources: developers.monnify.com/docs (collections, refunds, webhooks, error codes) and teamapt.atlassian.net/wiki/spaces/MON.
//! Only naira. Its answers differ in manner from one to the next, as the real ones do: amounts are numbers or text, times are
//! `2021-11-17 11:28:42.615` or `17/11/2021 3:48:10 PM`, the payer's account is an object or an array of them. Which manner a
//! payment has follows from its reference ([`shape::Manner`]), so that a test can choose.
//!
//! Money that is too little is taken all the same (`PARTIALLY_PAID`), or sent back at once and only announced
//! (`REJECTED_PAYMENT`, by the control interface's action `reject`): which of the two the real one does is a setting of the
//! shop's contract. Monnify documents no interface for disputes: they are settled in the dashboard, and nothing is announced.

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, Request as HttpRequest, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use domain::money::Currency;
use domain::time::Millis;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::App;
use crate::amounts::read_major;
use crate::beginning::{Order, is_web_address, read_email};
use crate::credentials::{basic, bearer, is_valid, same, token};
use crate::gateways::Gateway;
use crate::notices::Happening;
use crate::payments::{Payment, Refund};
use crate::webhook::Notice;
use refusal::Refusal;

mod dates;
mod refunds;
mod refusal;
pub mod shape;

/// A little under an hour, as the documentation's example has it.
const TOKEN_LIFETIME: Millis = Millis::seconds(3_567);
const REFERENCE_LENGTH_MAX: usize = 200;

/// The routes below `/monnify`. All but the login need its token.
pub fn routes(app: App) -> Router<App> {
    Router::new()
        .route("/api/v1/merchant/transactions/init-transaction", post(initialize))
        .route("/api/v2/merchant/transactions/query", get(query))
        .route("/api/v2/transactions/{reference}", get(show))
        .route("/api/v1/refunds/initiate-refund", post(refunds::initiate))
        .route("/api/v1/refunds", get(refunds::list))
        .route("/api/v1/refunds/{reference}", get(refunds::show))
        .layer(from_fn_with_state(app, require_token))
        .route("/api/v1/auth/login", post(log_in))
}

fn secret(app: &App) -> &str {
    app.settings().keys.monnify.as_ref().map(|keys| keys.secret_key.as_str()).unwrap_or_default()
}

async fn log_in(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, Refusal> {
    let right = app.settings().keys.monnify.as_ref().zip(basic(&headers)).is_some_and(|(keys, (name, password))| {
        same(name.as_bytes(), keys.api_key.as_bytes()) & same(password.as_bytes(), keys.secret_key.as_bytes())
    });
    if !right {
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, "99", "Invalid credentials provided"));
    }
    let access_token = token(secret(&app), app.now());
    Ok(success(&json!({"accessToken": access_token, "expiresIn": TOKEN_LIFETIME.0 / 1_000})))
}

async fn require_token(State(app): State<App>, headers: HeaderMap, request: HttpRequest, next: Next) -> Response {
    let since = app.outages().tokens_since(Gateway::Monnify.name());
    let right = bearer(&headers).is_some_and(|given| is_valid(secret(&app), given, TOKEN_LIFETIME, since, app.now()));
    if !right {
        // As the framework that Monnify is built with says it: not in Monnify's own shape.
        let body = json!({"error": "invalid_token", "error_description": "Access token is not valid or has expired"});
        return (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    }
    next.run(request).await
}

fn success(body: &Value) -> Json<Value> {
    Json(json!({"requestSuccessful": true, "responseMessage": "success", "responseCode": "0", "responseBody": body}))
}

fn read<T: for<'de> Deserialize<'de>>(body: Result<Bytes, BytesRejection>) -> Result<T, Refusal> {
    let body = body.map_err(|refused| Refusal::new(refused.status(), "99", "Request body is too large"))?;
    serde_json::from_slice(&body).map_err(|_| Refusal::invalid("Required request body is missing or not readable"))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InitBody {
    amount: Option<Value>,
    customer_name: Option<String>,
    customer_email: Option<String>,
    payment_reference: Option<String>,
    payment_description: Option<String>,
    currency_code: Option<String>,
    contract_code: Option<String>,
    redirect_url: Option<String>,
    payment_methods: Option<Vec<String>>,
    meta_data: Option<Value>,
}

async fn initialize(State(app): State<App>, body: Result<Bytes, BytesRejection>) -> Result<Json<Value>, Refusal> {
    let body: InitBody = read(body)?;
    let keys = app.settings().keys.monnify.clone().unwrap_or_else(|| crate::gateways::MonnifyKeys {
        api_key: String::new(),
        secret_key: String::new(),
        contract_code: String::new(),
    });
    let methods =
        body.payment_methods.clone().unwrap_or_else(|| vec!["CARD".to_owned(), "ACCOUNT_TRANSFER".to_owned()]);
    if body.contract_code.as_deref() != Some(keys.contract_code.as_str()) {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "99", "Could not find specified contract"));
    }
    let order = order(body)?;
    let now = app.now();
    let payment = app.with_book(|book| {
        let request = order.numbered(book.next_id(now));
        book.initialize(request, now)
    })?;
    let request = &payment.request;
    tracing::info!(reference = request.reference, amount = %request.requested, "payment begun");
    Ok(success(&json!({
        "transactionReference": shape::transaction_reference(&payment),
        "paymentReference": request.reference,
        "merchantName": app.settings().merchant,
        "apiKey": keys.api_key,
        "redirectUrl": request.callback_url,
        "enabledPaymentMethod": methods,
        "checkoutUrl": app.page_of(request),
    })))
}

fn order(body: InitBody) -> Result<Order, Refusal> {
    let required = |name: &str| Refusal::invalid(format!("{name} is required"));
    if body.currency_code.as_deref().unwrap_or("NGN") != "NGN" {
        return Err(Refusal::invalid("Currency is not supported"));
    }
    let amount = body.amount.as_ref().ok_or_else(|| required("amount"))?;
    let requested = read_major(amount, Currency::Ngn).map_err(|_| Refusal::invalid("amount is not valid"))?;
    let reference = body.payment_reference.filter(|text| !text.trim().is_empty());
    let reference = reference.ok_or_else(|| required("paymentReference"))?;
    if reference.len() > REFERENCE_LENGTH_MAX || reference.chars().any(char::is_control) {
        return Err(Refusal::invalid("paymentReference is not valid"));
    }
    let email =
        read_email(body.customer_email.as_deref()).ok_or_else(|| Refusal::invalid("customerEmail is not valid"))?;
    if body.redirect_url.as_deref().is_some_and(|url| !is_web_address(url)) {
        return Err(Refusal::invalid("redirectUrl is not valid"));
    }
    Ok(Order {
        gateway: Gateway::Monnify,
        reference,
        email,
        requested,
        callback_url: body.redirect_url,
        cancel_url: None,
        metadata: body.meta_data.unwrap_or_else(|| json!({})),
        details: json!({
            "customer_name": body.customer_name.ok_or_else(|| required("customerName"))?,
            "description": body.payment_description.ok_or_else(|| required("paymentDescription"))?,
        }),
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    payment_reference: Option<String>,
    transaction_reference: Option<String>,
}

async fn query(State(app): State<App>, Query(asked): Query<Asked>) -> Result<Json<Value>, Refusal> {
    let payment = match (asked.payment_reference, asked.transaction_reference) {
        (Some(reference), _) => app.payment(Gateway::Monnify, &reference).ok(),
        (None, Some(reference)) => find(&app, &reference),
        (None, None) => return Err(Refusal::invalid("paymentReference or transactionReference is required")),
    };
    told(payment)
}

async fn show(State(app): State<App>, Path(reference): Path<String>) -> Result<Json<Value>, Refusal> {
    told(find(&app, &reference))
}

fn told(payment: Option<Payment>) -> Result<Json<Value>, Refusal> {
    let unknown = || Refusal::new(StatusCode::NOT_FOUND, "99", "There's no transaction matching supplied reference.");
    payment.map(|payment| success(&shape::transaction(&payment))).ok_or_else(unknown)
}

/// A payment by the name that Monnify gave it.
fn find(app: &App, transaction_reference: &str) -> Option<Payment> {
    let number = transaction_reference.rsplit('|').next()?.parse().ok()?;
    let payment = app.payment_by_id(Gateway::Monnify, number)?;
    (shape::transaction_reference(&payment) == transaction_reference).then_some(payment)
}

/// What Monnify says about what happened: nothing of attempts that fail, and nothing of disputes.
pub fn notices(payment: &Payment, happening: Happening) -> Vec<Notice> {
    let (event, data) = match happening {
        Happening::Paid => ("SUCCESSFUL_TRANSACTION", shape::paid(payment)),
        Happening::Rejected(money) => ("REJECTED_PAYMENT", shape::rejected(payment, money)),
        Happening::RefundEnded(id) => {
            let failed = payment.refund(id).is_some_and(Refund::is_failed);
            (if failed { "FAILED_REFUND" } else { "SUCCESSFUL_REFUND" }, refunds::notice(payment, id))
        }
        Happening::Declined | Happening::RefundRequested(_) | Happening::Disputed(_) | Happening::DisputeClosed(_) => {
            return Vec::new();
        }
    };
    vec![Notice { event: event.to_owned(), body: json!({"eventType": event, "eventData": data}).to_string() }]
}
