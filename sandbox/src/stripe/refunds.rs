//! Refunds at Stripe: whole or in parts, as many as the money allows, each once for its idempotency key.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::expand::expanded;
use super::idempotency::{Key, again};
use super::read::fits;
use super::refusal::Refusal;
use super::{form, list as listed, number, objects};
use crate::App;
use crate::amounts::read_minor;
use crate::book::Outcome;
use crate::gateways::Gateway;
use crate::payments::{Command, Payment, RefundOrder};

const PATH: &str = "/v1/refunds";
const REASONS: [&str; 3] = ["duplicate", "fraudulent", "requested_by_customer"];
const PARAMETERS: [&str; 8] =
    ["amount", "charge", "currency", "expand", "instructions_email", "metadata", "payment_intent", "reason"];

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
    let outcome = carry_out(&app, &asked, key.as_ref());
    match outcome.map_err(|refusal| Key::keep_refusal(key.as_ref(), &app, refusal))? {
        Outcome::Again(answer) => Ok(again(answer)),
        Outcome::First((payment, id, refund)) => {
            app.begin_refund(&payment, id);
            Ok(Json(refund).into_response())
        }
    }
}

fn carry_out(app: &App, asked: &Value, key: Option<&Key>) -> Result<Outcome<(Payment, i64, Value)>, Refusal> {
    let unknown = |name: &&String| !PARAMETERS.contains(&name.as_str());
    if let Some(name) = asked.as_object().into_iter().flat_map(|all| all.keys()).find(unknown) {
        return Err(Refusal::param(name, format!("Received unknown parameter: {name}")).coded("parameter_unknown"));
    }
    let payment = find(app, asked)?;
    let amount_minor = match asked["amount"].as_str() {
        None => None,
        Some(_) => Some(read_minor(&asked["amount"]).ok_or_else(|| {
            Refusal::param("amount", "This value must be greater than or equal to 1.")
                .coded("parameter_invalid_integer")
        })?),
    };
    let reason = asked["reason"].as_str();
    if reason.is_some_and(|reason| !REASONS.contains(&reason)) {
        return Err(Refusal::param("reason", format!("Invalid reason: must be one of {}", REASONS.join(", "))));
    }
    let metadata = if asked["metadata"].is_object() { asked["metadata"].clone() } else { json!({}) };
    let now = app.now();
    // What cannot be expanded is refused before any money moves.
    let ids = json!({"charge": objects::charge(&payment)["id"], "payment_intent": objects::intent(&payment)["id"]});
    expanded(ids, &payment, asked)?;
    app.with_book(|book| {
        // Another request with the same key may have come first in the meantime.
        if let Some(answer) = Key::seen(key, book)? {
            return Ok(Outcome::Again(answer));
        }
        let id = book.next_id(now);
        let order = RefundOrder {
            id,
            amount_minor,
            note: reason.map(str::to_owned),
            key: None,
            details: json!({"metadata": metadata}),
        };
        let told = |payment: &Payment| expanded(objects::refund(payment, id), payment, asked);
        let keep = |payment: &Payment| Some(key?.keep(StatusCode::OK, told(payment).ok()?));
        let payment = book.execute_answering(payment.request.id, &Command::Refund(order), now, keep)?;
        let refund = told(&payment)?;
        Ok(Outcome::First((payment, id, refund)))
    })
}

/// The payment that a refund is for.
fn find(app: &App, asked: &Value) -> Result<Payment, Refusal> {
    let (of, prefix, id) = match (asked["payment_intent"].as_str(), asked["charge"].as_str()) {
        (Some(id), _) => ("payment_intent", "pi_", id),
        (None, Some(id)) => ("charge", "ch_", id),
        (None, None) => {
            let message = "One of the following params should be provided for this request: payment_intent or charge.";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, message));
        }
    };
    let payment = number(prefix, id).and_then(|id| app.payment_by_id(Gateway::Stripe, id));
    payment.filter(objects::is_tried).ok_or_else(|| Refusal::missing(of, id))
}

pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refusal> {
    let found = number("re_", &id).and_then(|number| {
        let payment = app.payment_by_part(Gateway::Stripe, number)?;
        payment.refund(number).is_some().then_some((payment, number))
    });
    let (payment, number) = found.ok_or_else(|| Refusal::missing("refund", &id))?;
    Ok(Json(expanded(objects::refund(&payment, number), &payment, &form::query(query.as_deref())?)?))
}

pub(super) async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Value>, Refusal> {
    let asked = form::query(query.as_deref())?;
    let told = |payment: &Payment| -> Vec<(Payment, Value)> {
        payment.refunds.iter().rev().map(|one| (payment.clone(), objects::refund(payment, one.id))).collect()
    };
    let refunds = app.with_book(|book| {
        let ours = book.newest_first().filter(|payment| payment.request.gateway == Gateway::Stripe);
        ours.flat_map(told).filter(|(_, one)| fits(one, &asked)).collect()
    });
    Ok(Json(listed(PATH, refunds, &asked)?))
}
