//! A payment as Stripe's objects: session, payment intent, charge, balance transaction, refund, dispute. Pure.
//!
//! A session's id is the access code of its page. All other objects of a payment have its number in their ids; refunds and disputes
//! have their own.

use domain::money::Money;
use domain::time::Millis;
use serde_json::{Value, json};

use super::number;
use crate::amounts::thousandths;
use crate::payments::{DisputeOutcome, Payment, Refund, RefundStatus, Status};

/// 2.9 % and 30 minor units (stripe.com/pricing).
fn fee(captured: Money) -> i64 {
    thousandths(captured.amount_minor, 29).saturating_add(30)
}

fn code(money: Money) -> String {
    money.currency.code().to_lowercase()
}

fn intent_id(payment: &Payment) -> String {
    format!("pi_{}", payment.request.id)
}

fn charge_id(payment: &Payment) -> String {
    format!("ch_{}", payment.request.id)
}

/// Whether somebody has tried to pay, and there is a payment intent.
pub(super) const fn is_tried(payment: &Payment) -> bool {
    match payment.status {
        Status::Success | Status::Failed => true,
        Status::Pending | Status::Abandoned => false,
    }
}

/// The object of that id among those of `payment`.
pub(super) fn by_id(payment: &Payment, id: &str) -> Option<Value> {
    let own = |prefix| number(prefix, id).is_some_and(|number| number == payment.request.id);
    if own("pi_") {
        return is_tried(payment).then(|| intent(payment));
    }
    if own("ch_") {
        return payment.capture.map(|_| charge(payment));
    }
    if own("txn_") {
        return payment.capture.map(|capture| balance_transaction(payment, capture.money));
    }
    let refund_number = number("re_", id).filter(|id| payment.refund(*id).is_some());
    let dispute_number = number("dp_", id).filter(|id| payment.dispute(*id).is_some());
    refund_number.map(|id| refund(payment, id)).or_else(|| dispute_number.map(|id| dispute(payment, id)))
}

/// A checkout session; `url` is the payment page, as long as it is open.
pub(super) fn session(payment: &Payment, url: Option<&str>) -> Value {
    let request = &payment.request;
    let details = &request.details;
    let paid = payment.capture.is_some();
    json!({
        "id": request.access_code,
        "object": "checkout.session",
        "amount_subtotal": request.requested.amount_minor,
        "amount_total": request.requested.amount_minor,
        "cancel_url": request.cancel_url,
        "client_reference_id": details["client_reference_id"],
        "created": payment.created_at.as_seconds(),
        "currency": code(request.requested),
        "customer": null,
        "customer_details": paid.then(|| json!({"email": request.email, "name": null, "phone": null})),
        "customer_email": details["customer_email"],
        "expires_at": (payment.created_at + Millis::days(1)).as_seconds(),
        "livemode": false,
        "locale": null,
        "metadata": request.metadata,
        "mode": "payment",
        "payment_intent": is_tried(payment).then(|| intent_id(payment)),
        "payment_method_types": ["card"],
        "payment_status": if paid { "paid" } else { "unpaid" },
        "status": if paid { "complete" } else { "open" },
        "success_url": request.callback_url,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted",
        "url": url.filter(|_| !paid),
    })
}

/// A payment intent, as it is.
pub(super) fn intent(payment: &Payment) -> Value {
    let request = &payment.request;
    let Some(capture) = payment.capture else { return failed_intent(payment) };
    json!({
        "id": intent_id(payment),
        "object": "payment_intent",
        "amount": capture.money.amount_minor,
        "amount_capturable": 0,
        "amount_received": capture.money.amount_minor,
        "capture_method": "automatic_async",
        "created": payment.created_at.as_seconds(),
        "currency": code(capture.money),
        "customer": null,
        "last_payment_error": null,
        "latest_charge": charge_id(payment),
        "livemode": false,
        "metadata": request.details["intent_metadata"],
        "next_action": null,
        "payment_method": format!("pm_{}", request.id),
        "payment_method_types": ["card"],
        "receipt_email": null,
        "status": "succeeded",
    })
}

/// A payment intent, as it was at a declined attempt, however it went on.
pub(super) fn failed_intent(payment: &Payment) -> Value {
    let request = &payment.request;
    json!({
        "id": intent_id(payment),
        "object": "payment_intent",
        "amount": request.requested.amount_minor,
        "amount_capturable": 0,
        "amount_received": 0,
        "capture_method": "automatic_async",
        "created": payment.created_at.as_seconds(),
        "currency": code(request.requested),
        "customer": null,
        "last_payment_error": {
            "type": "card_error",
            "code": "card_declined",
            "decline_code": "generic_decline",
            "message": "Your card was declined.",
        },
        "latest_charge": null,
        "livemode": false,
        "metadata": request.details["intent_metadata"],
        "next_action": null,
        "payment_method": null,
        "payment_method_types": ["card"],
        "receipt_email": null,
        "status": "requires_payment_method",
    })
}

/// The charge that took the money; `null` when none did.
pub(super) fn charge(payment: &Payment) -> Value {
    let Some(capture) = payment.capture else { return Value::Null };
    json!({
        "id": charge_id(payment),
        "object": "charge",
        "amount": capture.money.amount_minor,
        "amount_captured": capture.money.amount_minor,
        "amount_refunded": payment.refunded(),
        "balance_transaction": format!("txn_{}", payment.request.id),
        "billing_details": {"email": payment.request.email},
        "captured": true,
        "created": capture.at.as_seconds(),
        "currency": code(capture.money),
        "disputed": !payment.disputes.is_empty(),
        "failure_code": null,
        "failure_message": null,
        "livemode": false,
        "metadata": payment.request.details["intent_metadata"],
        "outcome": {"network_status": "approved_by_network", "type": "authorized", "risk_level": "normal"},
        "paid": true,
        "payment_intent": intent_id(payment),
        "payment_method": format!("pm_{}", payment.request.id),
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": "4242", "country": "US"}},
        "receipt_url": null,
        "refunded": payment.refunded() == capture.money.amount_minor,
        "status": "succeeded",
    })
}

fn balance_transaction(payment: &Payment, captured: Money) -> Value {
    let fee = fee(captured);
    let created = payment.capture.map_or(payment.created_at, |capture| capture.at);
    json!({
        "id": format!("txn_{}", payment.request.id),
        "object": "balance_transaction",
        "amount": captured.amount_minor,
        "available_on": (created + Millis::days(2)).as_seconds(),
        "created": created.as_seconds(),
        "currency": code(captured),
        "exchange_rate": null,
        "fee": fee,
        "fee_details": [
            {"amount": fee, "currency": code(captured), "description": "Stripe processing fees", "type": "stripe_fee"},
        ],
        "net": captured.amount_minor - fee,
        "reporting_category": "charge",
        "source": charge_id(payment),
        "status": "pending",
        "type": "charge",
    })
}

/// A refund; `null` for a number that is no refund of `payment`.
pub(super) fn refund(payment: &Payment, id: i64) -> Value {
    let Some(refund) = payment.refund(id) else { return Value::Null };
    json!({
        "id": format!("re_{}", refund.id),
        "object": "refund",
        "amount": refund.money.amount_minor,
        "balance_transaction": format!("txn_re{}", refund.id),
        "charge": charge_id(payment),
        "created": refund.requested_at.as_seconds(),
        "currency": code(refund.money),
        "destination_details": {"type": "card"},
        "failure_reason": refund.is_failed().then_some("lost_or_stolen_card"),
        "metadata": refund.details["metadata"],
        "payment_intent": intent_id(payment),
        "reason": refund.note,
        "receipt_number": null,
        "status": refund_status(refund),
    })
}

const fn refund_status(refund: &Refund) -> &'static str {
    match refund.status {
        RefundStatus::Pending => "pending",
        RefundStatus::Processed(_) => "succeeded",
        RefundStatus::Failed(_) => "failed",
    }
}

/// A dispute; `null` for a number that is no dispute of `payment`.
pub(super) fn dispute(payment: &Payment, id: i64) -> Value {
    let Some(dispute) = payment.dispute(id) else { return Value::Null };
    let status = match dispute.closed {
        None => "needs_response",
        Some((DisputeOutcome::Won, _)) => "won",
        Some((DisputeOutcome::Lost, _)) => "lost",
    };
    json!({
        "id": format!("dp_{}", dispute.id),
        "object": "dispute",
        "amount": dispute.money.amount_minor,
        "balance_transactions": [],
        "charge": charge_id(payment),
        "created": dispute.opened_at.as_seconds(),
        "currency": code(dispute.money),
        "evidence": {},
        "evidence_details": {
            "due_by": (dispute.opened_at + Millis::days(7)).as_seconds(),
            "has_evidence": false,
            "past_due": false,
            "submission_count": 0,
        },
        "is_charge_refundable": false,
        "livemode": false,
        "metadata": {},
        "payment_intent": intent_id(payment),
        "reason": "product_not_received",
        "status": status,
    })
}
