//! Checkout sessions at Stripe: how a payment begins.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::money::{Currency, Money};
use serde_json::{Value, json};

use super::expand::expanded;
use super::idempotency::{Key, again};
use super::refusal::Refusal;
use super::{form, list as listed, objects};
use crate::App;
use crate::amounts::read_minor;
use crate::beginning::{Order, is_web_address, read_email};
use crate::book::Outcome;
use crate::gateways::Gateway;
use crate::payments::Payment;

const PATH: &str = "/v1/checkout/sessions";

/// The largest amount that Stripe takes: eight digits.
const AMOUNT_MAX: i64 = 99_999_999;

/// What a session can be told. Anything else is a mistake, which Stripe says.
const PARAMETERS: [&str; 40] = [
    "adaptive_pricing",
    "after_expiration",
    "allow_promotion_codes",
    "automatic_tax",
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "consent_collection",
    "currency",
    "custom_fields",
    "custom_text",
    "customer",
    "customer_creation",
    "customer_email",
    "customer_update",
    "discounts",
    "expand",
    "expires_at",
    "invoice_creation",
    "line_items",
    "locale",
    "metadata",
    "mode",
    "optional_items",
    "origin_context",
    "payment_intent_data",
    "payment_method_collection",
    "payment_method_configuration",
    "payment_method_data",
    "payment_method_options",
    "payment_method_types",
    "permissions",
    "phone_number_collection",
    "redirect_on_completion",
    "shipping_address_collection",
    "shipping_options",
    "submit_type",
    "success_url",
    "tax_id_collection",
    "ui_mode",
];

pub(super) async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let asked = form::body(body)?;
    let key = Key::of(&headers, PATH, &asked)?;
    if let Some(answer) = app.with_book(|book| Key::seen(key.as_ref(), book))? {
        return Ok(again(answer));
    }
    let order = order(&asked)?;
    let now = app.now();
    let outcome = app.with_book(|book| {
        // Another request with the same key may have come first in the meantime.
        if let Some(answer) = Key::seen(key.as_ref(), book)? {
            return Ok(Outcome::Again(answer));
        }
        let request = order.numbered(book.next_id(now));
        // What cannot be expanded is refused before anything begins.
        let begun = Payment::new(request.clone(), now);
        let session = expanded(objects::session(&begun, Some(&app.page_of(&request))), &begun, &asked)?;
        let keep = |_: &Payment| key.as_ref().map(|key| key.keep(StatusCode::OK, session.clone()));
        book.initialize_answering(request, now, keep)?;
        Ok::<_, Refusal>(Outcome::First(session))
    })?;
    Ok(match outcome {
        Outcome::Again(answer) => again(answer),
        Outcome::First(session) => {
            tracing::info!(reference = session["client_reference_id"].as_str(), "payment begun");
            Json(session).into_response()
        }
    })
}

fn order(asked: &Value) -> Result<Order, Refusal> {
    let known = |name: &&String| !PARAMETERS.contains(&name.as_str());
    if let Some(name) = asked.as_object().into_iter().flat_map(|all| all.keys()).find(known) {
        return Err(Refusal::param(name, format!("Received unknown parameter: {name}")).coded("parameter_unknown"));
    }
    let text = |name: &str| asked[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    if text("mode").ok_or_else(|| Refusal::required("mode"))? != "payment" {
        return Err(Refusal::param("mode", "Only payments are made here."));
    }
    let requested = total(&asked["line_items"])?;
    let success_url = text("success_url").ok_or_else(|| Refusal::required("success_url"))?;
    for (name, url) in [("success_url", Some(&success_url)), ("cancel_url", text("cancel_url").as_ref())] {
        if url.is_some_and(|url| !is_web_address(url)) {
            return Err(Refusal::param(name, "Not a valid URL").coded("url_invalid"));
        }
    }
    let email = text("customer_email");
    if email.is_some() && read_email(email.as_deref()).is_none() {
        let message = format!("Invalid email address: {}", email.unwrap_or_default());
        return Err(Refusal::param("customer_email", message).coded("email_invalid"));
    }
    let attached = |value: &Value| if value.is_object() { value.clone() } else { json!({}) };
    let intent_metadata = attached(&asked["payment_intent_data"]["metadata"]);
    // Stripe knows no reference. The sandbox calls the payment as the shop most probably does.
    let reference = text("client_reference_id").or_else(|| intent_metadata["reference"].as_str().map(str::to_owned));
    Ok(Order {
        gateway: Gateway::Stripe,
        reference: reference.unwrap_or_else(|| crate::beginning::unique().chars().take(24).collect()),
        email: email.clone().unwrap_or_else(|| "payer@example.com".to_owned()),
        requested,
        callback_url: Some(success_url),
        cancel_url: text("cancel_url"),
        metadata: attached(&asked["metadata"]),
        details: json!({
            "client_reference_id": text("client_reference_id"),
            "customer_email": email,
            "intent_metadata": intent_metadata,
        }),
    })
}

/// What all line items cost together, in their one currency.
fn total(items: &Value) -> Result<Money, Refusal> {
    let items = items.as_object().filter(|items| !items.is_empty()).ok_or_else(|| Refusal::required("line_items"))?;
    let mut total: Option<Money> = None;
    for (index, item) in items {
        let name = |field: &str| format!("line_items[{index}]{field}");
        let price = &item["price_data"];
        let code = price["currency"].as_str().ok_or_else(|| Refusal::required(&name("[price_data][currency]")))?;
        let currency: Currency = code
            .parse()
            .map_err(|_| Refusal::param(name("[price_data][currency]"), format!("Invalid currency: {code}")))?;
        if price["product_data"]["name"].as_str().is_none_or(str::is_empty) && !price["product"].is_string() {
            return Err(Refusal::required(&name("[price_data][product_data][name]")));
        }
        let unit = read_minor(&price["unit_amount"]).ok_or_else(|| {
            Refusal::param(name("[price_data][unit_amount]"), "Invalid integer").coded("parameter_invalid_integer")
        })?;
        let quantity = read_minor(&item["quantity"])
            .ok_or_else(|| Refusal::param(name("[quantity]"), "Quantity is required. Add `quantity`."))?;
        if total.is_some_and(|total| total.currency != currency) {
            return Err(Refusal::param("line_items", "All prices must have the same currency."));
        }
        let amount_minor = total.map_or(0, |total| total.amount_minor).saturating_add(unit.saturating_mul(quantity));
        total = Some(Money { amount_minor, currency });
    }
    let total = total.ok_or_else(|| Refusal::required("line_items"))?;
    if total.amount_minor > AMOUNT_MAX {
        let most = Money { amount_minor: AMOUNT_MAX, ..total };
        return Err(Refusal::param("line_items", format!("The total amount due must be no more than {most}."))
            .coded("amount_too_large"));
    }
    Ok(total)
}

pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refusal> {
    let asked = form::query(query.as_deref())?;
    let payment = app.with_book(|book| book.find_by_access_code(&id).cloned());
    let payment = payment
        .filter(|payment| payment.request.gateway == Gateway::Stripe)
        .ok_or_else(|| Refusal::missing("checkout.session", &id))?;
    let session = objects::session(&payment, Some(&app.page_of(&payment.request)));
    Ok(Json(expanded(session, &payment, &asked)?))
}

pub(super) async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Value>, Refusal> {
    let asked = form::query(query.as_deref())?;
    let payments: Vec<Payment> = app.with_book(|book| {
        book.newest_first().filter(|payment| payment.request.gateway == Gateway::Stripe).cloned().collect()
    });
    let sessions = payments.into_iter().map(|payment| {
        let session = objects::session(&payment, Some(&app.page_of(&payment.request)));
        (payment, session)
    });
    let fits =
        |session: &Value| asked["payment_intent"].is_null() || session["payment_intent"] == asked["payment_intent"];
    Ok(Json(listed(PATH, sessions.filter(|(_, session)| fits(session)).collect(), &asked)?))
}
