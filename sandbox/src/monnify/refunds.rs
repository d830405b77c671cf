//! Refunds at Monnify: named by the shop, each name once; naira, at least a hundred.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use domain::money::{Currency, Money};
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::shape::{self, Manner};
use super::{find, read, success};
use crate::App;
use crate::amounts::read_major;
use crate::book::BookError;
use crate::gateways::Gateway;
use crate::payments::{Command, Payment, RefundOrder, RefundStatus, Rejection};

/// The least that can be refunded: ₦100.
const LEAST_MINOR: i64 = 10_000;
const REASON_LENGTH_MAX: usize = 64;
const NOTE_LENGTH_MAX: usize = 16;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    transaction_reference: Option<String>,
    refund_reference: Option<String>,
    refund_amount: Option<Value>,
    refund_reason: Option<String>,
    customer_note: Option<String>,
}

pub(super) async fn initiate(
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let body: Body = read(body)?;
    let required = |name: &str| Refusal::invalid(format!("{name} is required"));
    let transaction = body.transaction_reference.ok_or_else(|| required("transactionReference"))?;
    let key = body.refund_reference.filter(|key| !key.is_empty()).ok_or_else(|| required("refundReference"))?;
    let reason = body.refund_reason.ok_or_else(|| required("refundReason"))?;
    let note = body.customer_note.unwrap_or_default();
    if reason.chars().count() > REASON_LENGTH_MAX || note.chars().count() > NOTE_LENGTH_MAX {
        let message = "supplied value has exceeded the maximum allowed number of characters.";
        return Err(Refusal::forbidden("R8", message));
    }
    let payment = find(&app, &transaction).ok_or(BookError::UnknownReference(transaction))?;
    let captured = payment.capture.ok_or(BookError::Rejected(Rejection::NotPaid))?.money;
    let amount = body.refund_amount.as_ref().map(|amount| read_major(amount, captured.currency)).transpose();
    let amount = amount.map_err(|_| Refusal::invalid("refundAmount is not valid"))?;
    check(amount, captured)?;
    let now = app.now();
    let (payment, id) = app.with_book(|book| {
        let id = book.next_id(now);
        let order = RefundOrder {
            id,
            amount_minor: amount.map(|money| money.amount_minor),
            note: Some(reason),
            key: Some(key),
            details: json!({"customer_note": note}),
        };
        book.execute(payment.request.id, &Command::Refund(order), now).map(|payment| (payment, id))
    })?;
    app.begin_refund(&payment, id);
    Ok(success(&told(&payment, id)))
}

fn check(amount: Option<Money>, captured: Money) -> Result<(), Refusal> {
    let Some(amount) = amount else { return Ok(()) };
    if amount.amount_minor > captured.amount_minor {
        return Err(Refusal::forbidden("R3", "Specified refund amount is above transaction amount."));
    }
    if amount.currency == Currency::Ngn && amount.amount_minor < LEAST_MINOR {
        return Err(Refusal::forbidden("R4", "Specified refund amount is below minimum refund amount."));
    }
    Ok(())
}

pub(super) async fn show(State(app): State<App>, Path(reference): Path<String>) -> Result<Json<Value>, Refusal> {
    let found = app.with_book(|book| {
        book.find_by_refund_key(Gateway::Monnify, &reference).map(|(payment, id)| (payment.clone(), id))
    });
    let (payment, id) = found.ok_or_else(|| {
        let message = "No refund has been initiated for supplied refund reference.";
        Refusal::new(StatusCode::NOT_FOUND, "R7", message)
    })?;
    Ok(success(&told(&payment, id)))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Of {
    transaction_reference: Option<String>,
    refund_status: Option<String>,
    page: Option<usize>,
    size: Option<usize>,
}

pub(super) async fn list(State(app): State<App>, Query(of): Query<Of>) -> Json<Value> {
    let all: Vec<Value> = app.with_book(|book| {
        let ours = book.newest_first().filter(|payment| payment.request.gateway == Gateway::Monnify);
        let asked = ours.filter(|payment| {
            of.transaction_reference.as_ref().is_none_or(|name| *name == shape::transaction_reference(payment))
        });
        asked.flat_map(|payment| payment.refunds.iter().map(|refund| told(payment, refund.id))).collect()
    });
    let fitting = all.into_iter().filter(|one| of.refund_status.as_ref().is_none_or(|it| one["refundStatus"] == **it));
    let fitting: Vec<Value> = fitting.collect();
    let (number, size) = (of.page.unwrap_or(0), of.size.unwrap_or(10).clamp(1, 100));
    let (total, pages) = (fitting.len(), fitting.len().div_ceil(size));
    let content: Vec<Value> = fitting.into_iter().skip(number.saturating_mul(size)).take(size).collect();
    success(&json!({
        "numberOfElements": content.len(),
        "empty": content.is_empty(),
        "content": content,
        "first": number == 0,
        "last": number + 1 >= pages,
        "totalElements": total,
        "totalPages": pages,
        "size": size,
        "number": number,
    }))
}

const fn status(status: RefundStatus) -> (&'static str, &'static str) {
    match status {
        RefundStatus::Pending => ("IN_PROGRESS", "Transaction refund is in progress."),
        RefundStatus::Processed(_) => ("COMPLETED", "Refund processed successfully."),
        RefundStatus::Failed(_) => ("FAILED", "Refund failed"),
    }
}

/// The body of the refund endpoints; `null` for a number that is no refund of `payment`.
fn told(payment: &Payment, id: i64) -> Value {
    let Some(refund) = payment.refund(id) else { return Value::Null };
    let manner = Manner::of(&payment.request.reference);
    let whole = payment.capture.is_some_and(|capture| capture.money == refund.money);
    let (status, comment) = status(refund.status);
    json!({
        "refundReference": refund.key,
        "transactionReference": shape::transaction_reference(payment),
        "refundReason": refund.note,
        "customerNote": refund.details["customer_note"],
        "refundAmount": manner.amount(refund.money),
        "refundStatus": status,
        "refundType": if whole { "FULL_REFUND" } else { "PARTIAL_REFUND" },
        "createdOn": manner.time(refund.requested_at),
        "completedOn": refund.status.ended_at().map_or_else(String::new, |at| manner.time(at)),
        "comment": comment,
    })
}

/// `eventData` of `SUCCESSFUL_REFUND` and `FAILED_REFUND`: there the reason is the merchant's.
pub(super) fn notice(payment: &Payment, id: i64) -> Value {
    let Some(refund) = payment.refund(id) else { return Value::Null };
    let manner = Manner::of(&payment.request.reference);
    json!({
        "merchantReason": refund.note,
        "transactionReference": shape::transaction_reference(payment),
        "completedOn": manner.time(refund.changed_at()),
        "refundStatus": status(refund.status).0,
        "customerNote": refund.details["customer_note"],
        "createdOn": manner.time(refund.requested_at),
        "refundReference": refund.key,
        "refundAmount": manner.amount(refund.money),
    })
}
