//! Refunds and chargebacks at Flutterwave's fourth interface.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::time::Timestamp;
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

/// When what is listed was made.
#[derive(Debug, Deserialize)]
pub(super) struct Made {
    from: Option<String>,
    to: Option<String>,
    page: Option<usize>,
    size: Option<usize>,
}

/// All refunds of all charges, the newest payment's first: the interface knows no other filter than time.
pub(super) async fn list_refunds(State(app): State<App>, Query(made): Query<Made>) -> Result<Json<Value>, Refusal> {
    let time = |field, text: Option<&String>| {
        let invalid = || Refusal::invalid(field, "must be a time such as 2026-11-22T17:30:59Z");
        text.map(|text| Timestamp::parse_rfc3339(text).ok_or_else(invalid)).transpose()
    };
    let (from, to) = (time("from", made.from.as_ref())?, time("to", made.to.as_ref())?);
    let between = |at: Timestamp| from.is_none_or(|from| at >= from) && to.is_none_or(|to| at <= to);
    let data = app.with_book(|book| {
        let ours = book.newest_first().filter(|payment| payment.request.gateway == Gateway::FlutterwaveV4);
        let all = ours.flat_map(|payment| payment.refunds.iter().map(move |one| (payment, one)));
        all.filter(|(_, one)| between(one.requested_at)).map(|(payment, one)| shape::refund(payment, one.id)).collect()
    });
    Ok(page("Refunds fetched", data, &Page { page: made.page, size: made.size }))
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
