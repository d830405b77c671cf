//! A payment in the JSON of Flutterwave's fourth interface. Pure.

use domain::time::Millis;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::amounts::major;
use crate::flutterwave::fee;
use crate::payments::{Payment, RefundStatus, Status};
use crate::times::stamp;

/// Which moment of a payment to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// As it is.
    Now,
    /// As it was at a declined attempt, however it went on.
    Declined,
}

/// Ten letters that stand for `text`: the same for the same.
pub(super) fn word(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes())).chars().take(10).collect()
}

/// The number in an id such as `chg_123`.
pub(super) fn number(prefix: &str, id: &str) -> Option<i64> {
    id.strip_prefix(prefix)?.parse().ok()
}

/// `data` of the session endpoints; `link` is the payment page.
pub(super) fn session(payment: &Payment, link: &str) -> Value {
    let request = &payment.request;
    json!({
        "id": format!("cks_{}", request.id),
        "amount": major(request.requested),
        "currency": request.requested.currency.code(),
        "customer_id": request.details["customer_id"],
        "checkout_url": link,
        "redirect_url": request.callback_url,
        "reference": request.reference,
        "created_datetime": stamp(payment.created_at),
        "max_retry_attempts": request.details["max_retry_attempts"],
        "session_duration": request.details["session_duration"],
    })
}

/// `data` of the charge endpoints and of `charge.completed`; `link` is the payment page, as long as there is somewhere to go.
pub(super) fn charge(payment: &Payment, view: View, link: Option<&str>) -> Value {
    let request = &payment.request;
    let capture = payment.capture.filter(|_| view == View::Now);
    let money = capture.map_or(request.requested, |capture| capture.money);
    let (status, kind, code) = match (view, payment.status) {
        (View::Now, Status::Success) => ("succeeded", "approved", "00"),
        (View::Declined, _) | (View::Now, Status::Failed) => ("failed", "do_not_honor", "05"),
        (View::Now, Status::Pending | Status::Abandoned) => ("pending", "pending", "02"),
    };
    let next =
        link.filter(|_| status == "pending").map(|url| json!({"type": "redirect_url", "redirect_url": {"url": url}}));
    let fees = capture.map(|capture| vec![json!({"type": "app", "amount": major(fee(capture.money))})]);
    json!({
        "id": format!("chg_{}", request.id),
        "amount": major(money),
        "fees": fees.unwrap_or_default(),
        "billing_details": {"email": request.email, "name": null, "phone": null},
        "currency": money.currency.code(),
        "customer_id": request.details["customer_id"],
        "description": null,
        "disputed": !payment.disputes.is_empty(),
        "settled": false,
        "settlement_id": [],
        "meta": request.metadata,
        "next_action": next,
        "payment_method_details": {"id": format!("pmd_{}", word(&request.reference)), "type": "opay", "opay": {}},
        "redirect_url": request.callback_url,
        "refunded": payment.is_reversed(),
        "reference": request.reference,
        "status": status,
        "processor_response": {"type": kind, "code": code},
        "created_datetime": stamp(payment.created_at),
    })
}

/// `data` of the refund endpoints and of `refund.completed`; `null` for a number that is no refund of `payment`.
pub(super) fn refund(payment: &Payment, id: i64) -> Value {
    let Some(refund) = payment.refund(id) else { return Value::Null };
    let status = match refund.status {
        RefundStatus::Pending => "new",
        RefundStatus::Processed(_) => "completed",
        RefundStatus::Failed(_) => "failed",
    };
    json!({
        "id": format!("rfd_{}", refund.id),
        "amount_refunded": major(refund.money),
        "meta": refund.details["meta"],
        "reason": refund.note,
        "status": status,
        "charge_id": format!("chg_{}", payment.request.id),
        "created_datetime": stamp(refund.requested_at),
    })
}

/// `data` of the chargeback endpoints; `null` for a number that is no dispute of `payment`.
pub(super) fn chargeback(payment: &Payment, id: i64) -> Value {
    let Some(dispute) = payment.dispute(id) else { return Value::Null };
    json!({
        "id": dispute.id,
        "charge_id": format!("chg_{}", payment.request.id),
        "amount": major(dispute.money),
        "meta": {},
        "stage": "new",
        "status": dispute.closed.map_or("initiated", |(outcome, _)| outcome.as_str()),
        "type": "local",
        "due_datetime": stamp(dispute.opened_at + Millis::days(2)),
        "created_datetime": stamp(dispute.opened_at),
        "updated_datetime": stamp(dispute.changed_at()),
        "settlement_id": null,
        "uploaded_proof": null,
        "comment": "Customer claims service not rendered.",
        "provider": "Mastercard",
        "arn": format!("{:023}", dispute.id),
        "initiator": "Cardholder",
    })
}
