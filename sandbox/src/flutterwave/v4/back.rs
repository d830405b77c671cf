//! Refunds and chargebacks at Flutterwave's fourth interface.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{Page, charges, idempotency, page, read, shape, success};
use crate::App;
use crate::amounts::read_major;
use crate::book::{BookError, Outcome};
use crate::gateways::Gateway;
use crate::payments::{Command, Payment, RefundOrder, Rejection};

const REASONS: [&str; 4] = ["duplicate", "fraudulent", "requested_by_customer", "expired_uncaptured_charge"];

#[derive(Debug, Deserialize)]
struct RefundBody {
    charge_id: Option<String>,
    amount: Option<Value>,
    reason: Option<String>,
    meta: Option<Value>,
}

pub(super) async fn create_refund(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let key = idempotency::key(&headers)?;
    if let Some(answer) = app.with_book(|book| idempotency::seen(key.as_deref(), book)) {
        return Ok(idempotency::again(answer));
    }
    let body: RefundBody = read(&body.map_err(|refused| Refusal::invalid("body", refused.body_text()))?)?;
    let charge = body.charge_id.ok_or_else(|| Refusal::invalid("charge_id", "must not be null"))?;
    let reason = body.reason.filter(|reason| REASONS.contains(&reason.as_str()));
    let reason = reason.ok_or_else(|| Refusal::invalid("reason", format!("must be one of {}", REASONS.join(", "))))?;
    let payment = charges::find(&app, &charge)?;
    let captured = payment.capture.ok_or(BookError::Rejected(Rejection::NotPaid))?.money;
    let amount = body.amount.as_ref().ok_or_else(|| Refusal::invalid("amount", "must not be null"))?;
    let amount =
        read_major(amount, captured.currency).map_err(|error| Refusal::invalid("amount", error.to_string()))?;
    let meta = body.meta.unwrap_or_else(|| json!({}));
    let now = app.now();
    let told = |payment: &Payment, id| success("Refund Initiated", &shape::refund(payment, id));
    let outcome = app.with_book(|book| {
        // Another request with the same key may have come first in the meantime.
        if let Some(answer) = idempotency::seen(key.as_deref(), book) {
            return Ok(Outcome::Again(answer));
        }
        let id = book.next_id(now);
        let order = RefundOrder {
            id,
            amount_minor: Some(amount.amount_minor),
            note: Some(reason),
            key: None,
            details: json!({"meta": meta}),
        };
        let keep = |payment: &Payment| idempotency::keep(key.as_deref(), &told(payment, id));
        let payment = book.execute_answering(payment.request.id, &Command::Refund(order), now, keep)?;
        Ok::<_, BookError>(Outcome::First((payment, id)))
    })?;
    Ok(match outcome {
        Outcome::Again(answer) => idempotency::again(answer),
        Outcome::First((payment, id)) => {
            app.begin_refund(&payment, id);
            (StatusCode::CREATED, Json(told(&payment, id))).into_response()
        }
    })
}

pub(super) async fn show_refund(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let found = shape::number("rfd_", &id).and_then(|id| {
        let payment = app.payment_by_part(Gateway::FlutterwaveV4, id)?;
        payment.refund(id).is_some().then(|| shape::refund(&payment, id))
    });
    let data = found.ok_or_else(|| Refusal::new("REFUND_NOT_FOUND", "1401404", "Refund not found"))?;
    Ok(Json(success("Refund fetched", &data)))
}

/// All refunds of all charges, the newest payment's first: the interface knows no other filter than time.
pub(super) async fn list_refunds(State(app): State<App>, Query(asked): Query<Page>) -> Json<Value> {
    let data = app.with_book(|book| {
        let ours = book.newest_first().filter(|payment| payment.request.gateway == Gateway::FlutterwaveV4);
        ours.flat_map(|payment| payment.refunds.iter().map(|one| shape::refund(payment, one.id))).collect()
    });
    page("Refunds fetched", data, &asked)
}

pub(super) async fn list_chargebacks(State(app): State<App>, Query(asked): Query<Page>) -> Json<Value> {
    let data = app.with_book(|book| {
        let ours = book.newest_first().filter(|payment| payment.request.gateway == Gateway::FlutterwaveV4);
        ours.flat_map(|payment| payment.disputes.iter().map(|one| shape::chargeback(payment, one.id))).collect()
    });
    page("Chargebacks fetched", data, &asked)
}

pub(super) async fn show_chargeback(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let found = id.parse().ok().and_then(|id| {
        let payment = app.payment_by_part(Gateway::FlutterwaveV4, id)?;
        payment.dispute(id).is_some().then(|| shape::chargeback(&payment, id))
    });
    let data = found.ok_or_else(|| Refusal::new("CHARGEBACK_NOT_FOUND", "1700404", "Chargeback not found"))?;
    Ok(Json(success("Chargeback fetched", &data)))
}
