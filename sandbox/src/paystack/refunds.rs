//! Refunds at Paystack (paystack.com/docs/api/refund): whole or in parts, as many as the money allows. There is no
//! idempotency: a shop that lost an answer has to look for its refund among those of the transaction.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{find_transaction, read, read_amount, shape};
use crate::App;
use crate::gateways::Gateway;
use crate::payments::{Command, RefundOrder};

#[derive(Debug, Deserialize)]
struct RefundBody {
    transaction: Option<Value>,
    amount: Option<Value>,
    currency: Option<String>,
    merchant_note: Option<String>,
    customer_note: Option<String>,
}

pub(super) async fn refund(
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let body: RefundBody = read(body)?;
    let payment = find_transaction(&app, body.transaction.as_ref())?;
    let captured = payment.capture.map(|capture| capture.money.currency);
    if let (Some(asked), Some(captured)) = (&body.currency, captured)
        && asked.parse() != Ok(captured)
    {
        return Err(Refusal::params("Currency does not match the transaction's"));
    }
    let amount_minor = body.amount.as_ref().map(read_amount).transpose()?;
    let details = json!({"customer_note": body.customer_note});
    let now = app.now();
    let (payment, id) = app.with_book(|book| {
        let id = book.next_id(now);
        let order = RefundOrder { id, amount_minor, note: body.merchant_note, key: None, details };
        book.execute(payment.request.id, &Command::Refund(order), now).map(|payment| (payment, id))
    })?;
    app.begin_refund(&payment, id);
    Ok(Json(json!({
        "status": true,
        "message": "Refund has been queued for processing",
        "data": shape::refund(&payment, id, shape::Transaction::Whole),
    })))
}

pub(super) async fn find_refund(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let found = id.parse().ok().and_then(|id| {
        let payment = app.payment_by_part(Gateway::Paystack, id)?;
        payment.refund(id).is_some().then_some((payment, id))
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
pub(super) struct RefundsOf {
    transaction: Option<String>,
    reference: Option<String>,
}

pub(super) async fn list_refunds(State(app): State<App>, Query(of): Query<RefundsOf>) -> Result<Json<Value>, Refusal> {
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
