//! A payment in the JSON of Flutterwave's third interface. Pure.

use domain::money::Money;
use domain::time::Millis;
use serde_json::{Value, json};

use crate::amounts::major;
use crate::beginning::customer_number;
use crate::flutterwave::fee;
use crate::payments::{Payment, Refund, RefundStatus};
use crate::times::stamp;

const ACCOUNT: i64 = 118_468;
const WALLET: i64 = 74_639;

/// Which moment of a payment to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// As it is.
    Now,
    /// As it was at a declined attempt, however it went on.
    Declined,
}

/// Flutterwave's own word for the transaction.
pub(super) fn flw_ref(payment: &Payment) -> String {
    format!("FLW-MOCK-{}", payment.request.access_code)
}

/// `data` of verify and of `charge.completed`.
pub(super) fn transaction(payment: &Payment, view: View) -> Value {
    let request = &payment.request;
    let capture = payment.capture.filter(|_| view == View::Now);
    let money = capture.map_or(request.requested, |capture| capture.money);
    let fee = fee(money);
    let (status, said) =
        if capture.is_some() { ("successful", "Approved by Financial Institution") } else { ("failed", "Declined") };
    json!({
        "id": request.id,
        "tx_ref": request.reference,
        "flw_ref": flw_ref(payment),
        "device_fingerprint": "N/A",
        "amount": major(money),
        "currency": money.currency.code(),
        "charged_amount": major(money),
        "app_fee": major(fee),
        "merchant_fee": 0,
        "processor_response": said,
        "auth_model": "PIN",
        "ip": "127.0.0.1",
        "narration": "CARD Transaction",
        "status": status,
        "payment_type": "card",
        "created_at": stamp(capture.map_or(payment.created_at, |capture| capture.at)),
        "account_id": ACCOUNT,
        "card": {
            "first_6digits": "553188",
            "last_4digits": "2950",
            "issuer": "TEST BANK",
            "country": "NIGERIA NG",
            "type": "MASTERCARD",
            "token": format!("flw-t1nf-{}", request.access_code),
            "expiry": "09/32",
        },
        "meta": request.metadata,
        "amount_settled": major(Money { amount_minor: money.amount_minor - fee.amount_minor, ..money }),
        "customer": {
            "id": customer_number(&request.email),
            "name": request.details["name"],
            "phone_number": "N/A",
            "email": request.email,
            "created_at": stamp(payment.created_at),
        },
    })
}

/// `data` of the endpoints of one refund; `null` for a number that is no refund of `payment`.
pub(super) fn refund(payment: &Payment, id: i64) -> Value {
    let Some(refund) = payment.refund(id) else { return Value::Null };
    json!({
        "id": refund.id,
        "account_id": ACCOUNT,
        "tx_id": payment.request.id,
        "flw_ref": flw_ref(payment),
        "wallet_id": WALLET,
        "amount_refunded": major(refund.money),
        "status": refund_status(refund),
        "destination": "payment_source",
        "comments": refund.note,
        "settlement_id": "NEW",
        "meta": {"source": "availablebalance"},
        "created_at": stamp(refund.requested_at),
    })
}

/// A refund among others: there the comments are called `comment`, and the transaction `transaction_id`.
pub(super) fn listed_refund(payment: &Payment, refund: &Refund) -> Value {
    json!({
        "id": refund.id,
        "amount_refunded": major(refund.money),
        "status": refund_status(refund),
        "flw_ref": flw_ref(payment),
        "comment": refund.note,
        "settlement_id": "NEW",
        "meta": {"source": "availablebalance"},
        "created_at": stamp(refund.requested_at),
        "account_id": ACCOUNT,
        "transaction_id": payment.request.id,
    })
}

/// `data` of `refund.completed`: yet other names.
pub(super) fn refund_notice(payment: &Payment, id: i64) -> Value {
    let Some(refund) = payment.refund(id) else { return Value::Null };
    json!({
        "id": refund.id,
        "AmountRefunded": major(refund.money),
        "status": refund_status(refund),
        "FlwRef": flw_ref(payment),
        "destination": "payment_source",
        "comments": refund.note,
        "settlement_id": "NEW",
        "meta": "{\"source\":\"availablebalance\"}",
        "createdAt": stamp(refund.requested_at),
        "updatedAt": stamp(refund.changed_at()),
        "walletId": WALLET,
        "AccountId": ACCOUNT,
        "TransactionId": payment.request.id,
    })
}

const fn refund_status(refund: &Refund) -> &'static str {
    match refund.status {
        RefundStatus::Pending => "pending",
        RefundStatus::Processed(_) => "completed",
        RefundStatus::Failed(_) => "failed",
    }
}

/// `data` of the chargeback endpoints; `null` for a number that is no dispute of `payment`.
pub(super) fn chargeback(payment: &Payment, id: i64) -> Value {
    let Some(dispute) = payment.dispute(id) else { return Value::Null };
    let status = dispute.closed.map_or("initiated", |(outcome, _)| outcome.as_str());
    json!({
        "id": dispute.id,
        "amount": major(dispute.money),
        "flw_ref": flw_ref(payment),
        "status": status,
        "stage": "new",
        "comment": "Product/service not received",
        "meta": {
            "uploaded_proof": null,
            "history": [{
                "action": status,
                "stage": "new",
                "date": stamp(dispute.changed_at()),
                "description": "Dispute transaction",
            }],
        },
        "due_date": stamp(dispute.opened_at + Millis::days(2)),
        "settlement_id": "N/A",
        "created_at": stamp(dispute.opened_at),
        "transaction_id": payment.request.id,
        "tx_ref": payment.request.reference,
    })
}
