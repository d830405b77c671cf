//! How a payment begins at Flutterwave's fourth interface, and how it is found again: sessions, direct charges, charges.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::money::Currency;
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{Page, customers, idempotency, page, read, shape, success};
use crate::App;
use crate::amounts::read_major;
use crate::beginning::{Order, is_web_address, read_email};
use crate::book::{BookError, Outcome};
use crate::gateways::Gateway;
use crate::payments::{Payment, Status};

#[derive(Debug, Deserialize)]
struct Body {
    amount: Option<Value>,
    currency: Option<String>,
    reference: Option<String>,
    redirect_url: Option<String>,
    customer_id: Option<String>,
    customer: Option<CustomerBody>,
    payment_method: Option<Value>,
    meta: Option<Value>,
    max_retry_attempts: Option<u32>,
    session_duration: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct CustomerBody {
    email: Option<String>,
}

pub(super) async fn create_session(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let key = idempotency::key(&headers)?;
    if let Some(answer) = app.with_book(|book| idempotency::seen(key.as_deref(), book)) {
        return Ok(idempotency::again(answer));
    }
    let body: Body = read(&body.map_err(|refused| Refusal::invalid("body", refused.body_text()))?)?;
    let customer_id = body.customer_id.as_deref().ok_or_else(|| Refusal::invalid("customer_id", "must not be null"))?;
    let customer = customers::find(&app, customer_id)
        .ok_or_else(|| Refusal::new("CUSTOMER_NOT_FOUND_FOR_CHARGE", "1101422", "Customer not found for the charge"))?;
    let details = json!({
        "kind": "session",
        "customer_id": customer.id,
        "max_retry_attempts": body.max_retry_attempts.unwrap_or(3),
        "session_duration": body.session_duration.unwrap_or(1_440),
    });
    let order = order(body, customer.email, details)?;
    begin(&app, order, key.as_deref(), "Checkout session created", shape::session)
}

pub(super) async fn create_direct(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let key = idempotency::key(&headers)?;
    if let Some(answer) = app.with_book(|book| idempotency::seen(key.as_deref(), book)) {
        return Ok(idempotency::again(answer));
    }
    let body: Body = read(&body.map_err(|refused| Refusal::invalid("body", refused.body_text()))?)?;
    let method = body.payment_method.as_ref().and_then(|method| method["type"].as_str());
    let method = method.ok_or_else(|| Refusal::new("PAYMENT_METHOD_TYPE_MISSING", "1106400", "Type is missing"))?;
    if method != "opay" {
        return Err(Refusal::invalid("payment_method.type", "only opay leads to a page, and only that is here"));
    }
    let email = body.customer.as_ref().and_then(|customer| read_email(customer.email.as_deref()));
    let email = email.ok_or_else(|| Refusal::invalid("customer.email", "must be a well-formed email address"))?;
    let details = json!({"kind": "charge", "customer_id": format!("cus_{}", shape::word(&email))});
    let order = order(body, email, details)?;
    begin(&app, order, key.as_deref(), "Charge created", |payment, link| {
        shape::charge(payment, shape::View::Now, Some(link))
    })
}

fn order(body: Body, email: String, details: Value) -> Result<Order, Refusal> {
    let currency = body.currency.as_deref().and_then(|code| code.parse::<Currency>().ok());
    let currency = currency.ok_or_else(|| Refusal::invalid("currency", "must be a currency that is supported"))?;
    let amount = body.amount.as_ref().ok_or_else(|| Refusal::invalid("amount", "must not be null"))?;
    let requested = read_major(amount, currency).map_err(|error| Refusal::invalid("amount", error.to_string()))?;
    let reference = body.reference.filter(|text| (6..=42).contains(&text.len()));
    let reference = reference.ok_or_else(|| Refusal::invalid("reference", "length must be between 6 and 42"))?;
    if body.redirect_url.as_deref().is_some_and(|url| !is_web_address(url)) {
        return Err(Refusal::new("REDIRECT_URL_INVALID", "1141400", "Redirect URL is invalid"));
    }
    Ok(Order {
        gateway: Gateway::FlutterwaveV4,
        reference,
        email,
        requested,
        callback_url: body.redirect_url,
        cancel_url: None,
        metadata: body.meta.unwrap_or_else(|| json!({})),
        details,
    })
}

fn begin(
    app: &App,
    order: Order,
    key: Option<&str>,
    message: &str,
    told: impl Fn(&Payment, &str) -> Value,
) -> Result<Response, Refusal> {
    let now = app.now();
    let body = |payment: &Payment| success(message, &told(payment, &app.page_of(&payment.request)));
    let outcome = app.with_book(|book| {
        // Another request with the same key may have come first in the meantime.
        if let Some(answer) = idempotency::seen(key, book) {
            return Ok(Outcome::Again(answer));
        }
        let request = order.numbered(book.next_id(now));
        let keep = |payment: &Payment| idempotency::keep(key, &body(payment));
        book.initialize_answering(request, now, keep).map(Outcome::First)
    });
    let outcome = outcome.map_err(|error| {
        if message.starts_with("Checkout") && matches!(error, BookError::DuplicateReference(_)) {
            let told = "Checkout session with reference already exists";
            return Refusal::new("CHECKOUT_SESSION_ALREADY_EXISTS", "1801409", told);
        }
        error.into()
    })?;
    Ok(match outcome {
        Outcome::Again(answer) => idempotency::again(answer),
        Outcome::First(payment) => {
            let request = &payment.request;
            tracing::info!(reference = request.reference, amount = %request.requested, "payment begun");
            (StatusCode::CREATED, Json(body(&payment))).into_response()
        }
    })
}

pub(super) async fn show_session(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let payment = shape::number("cks_", &id).and_then(|id| app.payment_by_id(Gateway::FlutterwaveV4, id));
    let payment = payment.filter(|payment| payment.request.details["kind"] == "session");
    let payment =
        payment.ok_or_else(|| Refusal::new("CHECKOUT_SESSION_NOT_FOUND", "1800404", "Checkout session not found"))?;
    Ok(Json(success("Checkout session fetched", &shape::session(&payment, &app.page_of(&payment.request)))))
}

/// Filters of the list of charges.
#[derive(Debug, Deserialize)]
pub(super) struct Of {
    reference: Option<String>,
    status: Option<String>,
    customer_id: Option<String>,
    page: Option<usize>,
    size: Option<usize>,
}

pub(super) async fn list(State(app): State<App>, Query(of): Query<Of>) -> Json<Value> {
    let payments: Vec<Payment> = app.with_book(|book| {
        let ours = book.newest_first().filter(|payment| payment.request.gateway == Gateway::FlutterwaveV4);
        let named = ours.filter(|one| of.reference.as_ref().is_none_or(|name| *name == one.request.reference));
        named.filter(|payment| exists(payment)).cloned().collect()
    });
    let charges = payments.iter().map(|payment| charge(&app, payment));
    let fits =
        |field: &str, asked: &Option<String>, charge: &Value| asked.as_ref().is_none_or(|it| charge[field] == **it);
    let charges = charges.filter(|one| fits("status", &of.status, one) && fits("customer_id", &of.customer_id, one));
    page("Charges fetched", charges.collect(), &Page { page: of.page, size: of.size })
}

pub(super) async fn show(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    Ok(Json(success("Charge fetched", &charge(&app, &find(&app, &id)?))))
}

/// A charge by its id.
pub(super) fn find(app: &App, id: &str) -> Result<Payment, Refusal> {
    let payment = shape::number("chg_", id).and_then(|id| app.payment_by_id(Gateway::FlutterwaveV4, id));
    payment.filter(exists).ok_or_else(|| Refusal::new("CHARGE_NOT_FOUND", "1110404", "Charge not found"))
}

fn charge(app: &App, payment: &Payment) -> Value {
    shape::charge(payment, shape::View::Now, Some(&app.page_of(&payment.request)))
}

/// Whether there is a charge: at once, or for a session once somebody has tried to pay.
fn exists(payment: &Payment) -> bool {
    let tried = match payment.status {
        Status::Success | Status::Failed => true,
        Status::Pending | Status::Abandoned => false,
    };
    tried || payment.request.details["kind"] == "charge"
}
