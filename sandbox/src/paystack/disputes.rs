//! Disputes at Paystack (paystack.com/docs/api/dispute): read only; a shop answers them in the dashboard.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use domain::time::Millis;
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::shape::{View, customer, transaction};
use crate::App;
use crate::gateways::Gateway;
use crate::payments::{DisputeOutcome, Payment};
use crate::times::stamp;

/// How long a shop has for its answer.
const DUE: Millis = Millis::days(1);

pub(super) async fn show(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let found = id.parse().ok().and_then(|id| {
        let payment = app.payment_by_part(Gateway::Paystack, id)?;
        payment.dispute(id).is_some().then(|| shape(&payment, id))
    });
    let data = found.ok_or_else(|| Refusal {
        status: StatusCode::NOT_FOUND,
        message: "Dispute not found".to_owned(),
        code: "dispute_not_found",
        next_step: "Ensure that you're passing the id of a dispute that exists on this integration",
    })?;
    Ok(Json(json!({"status": true, "message": "Dispute retrieved", "data": data})))
}

#[derive(Debug, Deserialize)]
pub(super) struct Of {
    transaction: Option<i64>,
}

pub(super) async fn list(State(app): State<App>, Query(of): Query<Of>) -> Json<Value> {
    let disputes: Vec<Value> = app.with_book(|book| {
        let ours = book.newest_first().filter(|payment| payment.request.gateway == Gateway::Paystack);
        let asked = ours.filter(|payment| of.transaction.is_none_or(|id| payment.request.id == id));
        asked.flat_map(|payment| payment.disputes.iter().map(|dispute| shape(payment, dispute.id))).collect()
    });
    let total = disputes.len();
    Json(json!({
        "status": true,
        "message": "Disputes retrieved",
        "data": disputes,
        "meta": {"total": total, "skipped": 0, "perPage": total, "page": 1, "pageCount": 1},
    }))
}

/// `data` of the dispute endpoints and of `charge.dispute.*`; `null` for a number that is no dispute of `payment`.
///
/// A shop that keeps the money has `declined` the claim; one that loses it has accepted it, or is taken to have.
pub(super) fn shape(payment: &Payment, id: i64) -> Value {
    let Some(dispute) = payment.dispute(id) else { return Value::Null };
    let (status, resolution) = match dispute.closed {
        None => ("awaiting-merchant-feedback", None),
        Some((DisputeOutcome::Won, _)) => ("resolved", Some("declined")),
        Some((DisputeOutcome::Lost, _)) => ("resolved", Some("merchant-accepted")),
    };
    json!({
        "id": dispute.id,
        "refund_amount": dispute.money.amount_minor,
        "currency": dispute.money.currency.code(),
        "status": status,
        "resolution": resolution,
        "domain": "test",
        "transaction": transaction(payment, View::Now),
        "transaction_reference": null,
        "category": "chargeback",
        "customer": customer(&payment.request.email),
        "bin": "408408",
        "last4": "4081",
        "dueAt": stamp(dispute.opened_at + DUE),
        "resolvedAt": dispute.closed.map(|(_, at)| stamp(at)),
        "evidence": null,
        "attachments": null,
        "note": null,
        "history": [{"status": "pending", "by": "sandbox", "createdAt": stamp(dispute.opened_at)}],
        "messages": [{"sender": "sandbox", "body": "Customer complained", "createdAt": stamp(dispute.opened_at)}],
        "createdAt": stamp(dispute.opened_at),
        "updatedAt": stamp(dispute.changed_at()),
    })
}
