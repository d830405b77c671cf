//! Refunds and chargebacks at Flutterwave's third interface.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Refusal, find, page, read, shape};
use crate::App;
use crate::amounts::read_major;
use crate::gateways::Gateway;
use crate::payments::{Command, Payment, RefundOrder, Rejection};

#[derive(Debug, Deserialize)]
struct RefundBody {
    amount: Option<Value>,
    comments: Option<String>,
}

pub(super) async fn refund(
    State(app): State<App>,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let body: RefundBody = read(body)?;
    let payment = find(&app, &id)?;
    let captured = payment.capture.ok_or(crate::book::BookError::Rejected(Rejection::NotPaid))?.money;
    let amount = body.amount.as_ref().map(|amount| read_major(amount, captured.currency)).transpose();
    let amount = amount.map_err(|_| Refusal::invalid("amount should be a valid number"))?;
    let now = app.now();
    let (payment, id) = app.with_book(|book| {
        let id = book.next_id(now);
        let amount_minor = amount.map(|money| money.amount_minor);
        let order = RefundOrder { id, amount_minor, note: body.comments, key: None, details: Value::Null };
        book.execute(payment.request.id, &Command::Refund(order), now).map(|payment| (payment, id))
    })?;
    app.begin_refund(&payment, id);
    let data = shape::refund(&payment, id);
    Ok(Json(json!({"status": "success", "message": "Transaction refund initiated", "data": data})))
}

pub(super) async fn find_refund(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let found = id.parse().ok().and_then(|id| {
        let payment = app.payment_by_part(Gateway::FlutterwaveV3, id)?;
        payment.refund(id).is_some().then(|| shape::refund(&payment, id))
    });
    let data = found.ok_or_else(|| Refusal::invalid("No refund was found for this id"))?;
    Ok(Json(json!({"status": "success", "message": "Refund fetched", "data": data})))
}

/// Filters of both lists. `id` is the transaction's number where refunds are listed, and the chargeback's own where those are.
#[derive(Debug, Deserialize)]
pub(super) struct Of {
    id: Option<String>,
    flw_ref: Option<String>,
    tx_ref: Option<String>,
}

impl Of {
    fn is(&self, id: i64) -> bool {
        self.id.as_ref().is_none_or(|asked| *asked == id.to_string())
    }

    fn fits(&self, payment: &Payment) -> bool {
        payment.request.gateway == Gateway::FlutterwaveV3
            && self.flw_ref.as_ref().is_none_or(|name| *name == shape::flw_ref(payment))
            && self.tx_ref.as_ref().is_none_or(|name| *name == payment.request.reference)
    }
}

pub(super) async fn list_refunds(State(app): State<App>, Query(of): Query<Of>) -> Json<Value> {
    let data = app.with_book(|book| {
        let fitting = book.newest_first().filter(|payment| of.fits(payment) && of.is(payment.request.id));
        fitting.flat_map(|payment| payment.refunds.iter().map(|one| shape::listed_refund(payment, one))).collect()
    });
    page("Refunds fetched", data)
}

pub(super) async fn list_chargebacks(State(app): State<App>, Query(of): Query<Of>) -> Json<Value> {
    let data = app.with_book(|book| {
        let fitting = book.newest_first().filter(|payment| of.fits(payment));
        fitting
            .flat_map(|payment| payment.disputes.iter().map(move |one| (payment, one.id)))
            .filter(|(_, id)| of.is(*id))
            .map(|(payment, id)| shape::chargeback(payment, id))
            .collect()
    });
    page("Chargebacks fetched", data)
}

pub(super) async fn find_chargeback(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let found = id.parse().ok().and_then(|id| {
        let payment = app.payment_by_part(Gateway::FlutterwaveV3, id)?;
        payment.dispute(id).is_some().then(|| shape::chargeback(&payment, id))
    });
    let data = found.ok_or_else(|| Refusal::invalid("No chargeback was found for this id"))?;
    Ok(Json(json!({"status": "success", "message": "Chargeback fetched", "data": data})))
}
