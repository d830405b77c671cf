//! A payment in Paystack's JSON: what `verify`, the refund endpoints and the webhooks carry.
//!
//! Pure. Fields that the sandbox has no use for are there, empty, so that a parser meets the real shape.

use domain::money::{Currency, Money};
use domain::time::Millis;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::amounts::thousandths;
use crate::beginning::customer_number;
use crate::payments::{Payment, RefundStatus, Status};
use crate::times::stamp;

pub(super) const INTEGRATION: i64 = 100_032;

/// Which moment of a payment to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// As it is.
    Now,
    /// As it was at a declined attempt, however it went on.
    Declined,
}

/// How a refund names its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    /// By number.
    Number,
    /// With all that is known of it.
    Whole,
}

/// `data` of verify and of `charge.*`.
pub fn transaction(payment: &Payment, view: View) -> Value {
    let request = &payment.request;
    let capture = payment.capture.filter(|_| view == View::Now);
    let money = capture.map_or(request.requested, |capture| capture.money);
    let paid_at = capture.map(|capture| stamp(capture.at));
    let (status, gateway_response) = status(payment, view);
    json!({
        "id": request.id,
        "domain": "test",
        "status": status,
        "reference": request.reference,
        "receipt_number": null,
        "amount": money.amount_minor,
        "message": null,
        "gateway_response": gateway_response,
        "paid_at": paid_at,
        "created_at": stamp(payment.created_at),
        "channel": "card",
        "currency": money.currency.code(),
        "ip_address": "127.0.0.1",
        "metadata": request.metadata,
        "log": null,
        "fees": capture.map(|capture| fees(capture.money)),
        "fees_split": null,
        "authorization": authorization(payment, capture.is_some()),
        "customer": customer(&request.email),
        "plan": null,
        "split": {},
        "order_id": null,
        "paidAt": paid_at,
        "createdAt": stamp(payment.created_at),
        "requested_amount": request.requested.amount_minor,
        "pos_transaction_data": null,
        "source": null,
        "fees_breakdown": null,
        "connect": null,
        "transaction_date": paid_at.unwrap_or_else(|| stamp(payment.created_at)),
        "plan_object": {},
        "subaccount": {},
    })
}

/// Paystack's word for where a payment stands. One that nobody has paid yet is `abandoned` there, from its first moment
/// on, and may still be paid; one that went back to the payer in full is `reversed`.
fn status(payment: &Payment, view: View) -> (&'static str, &'static str) {
    match (view, payment.status) {
        (View::Declined, _) | (View::Now, Status::Failed) => ("failed", "Declined"),
        (View::Now, Status::Success) if payment.is_reversed() => ("reversed", "Reversed"),
        (View::Now, Status::Success) => ("success", "Successful"),
        (View::Now, Status::Pending | Status::Abandoned) => ("abandoned", "The transaction was not completed"),
    }
}

/// `data` of the refund endpoints; `null` for a number that is no refund of `payment`.
pub fn refund(payment: &Payment, id: i64, naming: Transaction) -> Value {
    let Some(refund) = payment.refund(id) else { return Value::Null };
    let reference = &payment.request.reference;
    let transaction = match naming {
        Transaction::Number => json!(payment.request.id),
        Transaction::Whole => transaction(payment, View::Now),
    };
    let said = format!("Refund for transaction {reference}");
    let processed = matches!(refund.status, RefundStatus::Processed(_));
    json!({
        "id": refund.id,
        "integration": INTEGRATION,
        "domain": "test",
        "transaction": transaction,
        "dispute": null,
        "settlement": null,
        "amount": refund.money.amount_minor,
        "deducted_amount": if processed { refund.money.amount_minor } else { 0 },
        "fully_deducted": processed,
        "currency": refund.money.currency.code(),
        "channel": "card",
        "status": refund.status.as_str(),
        "merchant_note": refund.note.as_deref().unwrap_or(&said),
        "customer_note": refund.details["customer_note"].as_str().unwrap_or(&said),
        "refunded_by": "sandbox",
        "refunded_at": refund.status.ended_at().map(stamp),
        "expected_at": stamp(refund.requested_at + Millis::days(7)),
        "createdAt": stamp(refund.requested_at),
        "updatedAt": stamp(refund.changed_at()),
    })
}

/// `data` of `refund.*`; `null` for a number that is no refund of `payment`. Here the id and the amount are text.
pub fn refund_notice(payment: &Payment, id: i64) -> Value {
    let Some(refund) = payment.refund(id) else { return Value::Null };
    json!({
        "id": refund.id.to_string(),
        "status": refund.status.as_str(),
        "transaction_reference": payment.request.reference,
        "refund_reference": refund.status.ended_at().map(|_| format!("TRF{}", refund.id)),
        "amount": refund.money.amount_minor.to_string(),
        "currency": refund.money.currency.code(),
        "processor": "sandbox",
        "customer": {"first_name": null, "last_name": null, "email": payment.request.email},
        "integration": INTEGRATION,
        "domain": "test",
    })
}

/// Local naira: 1.5 % + ₦100, the ₦100 waived under ₦2,500, ₦2,000 at most. Elsewhere 3.9 %. (paystack.com/pricing)
fn fees(captured: Money) -> i64 {
    let amount = captured.amount_minor;
    match captured.currency {
        Currency::Ngn => {
            let flat = if amount < 250_000 { 0 } else { 10_000 };
            (thousandths(amount, 15) + flat).min(200_000)
        }
        Currency::Usd
        | Currency::Eur
        | Currency::Gbp
        | Currency::Ghs
        | Currency::Kes
        | Currency::Zar
        | Currency::Xof => thousandths(amount, 39),
    }
}

fn authorization(payment: &Payment, paid: bool) -> Value {
    if !paid {
        return json!({});
    }
    json!({
        "authorization_code": format!("AUTH_{}", payment.request.access_code),
        "bin": "408408",
        "last4": "4081",
        "exp_month": "12",
        "exp_year": "2030",
        "channel": "card",
        "card_type": "visa ",
        "bank": "TEST BANK",
        "country_code": "NG",
        "brand": "visa",
        "reusable": true,
        "signature": format!("SIG_{}", payment.request.access_code),
        "account_name": null,
    })
}

/// The same e-mail is the same customer.
pub(super) fn customer(email: &str) -> Value {
    let digest = Sha256::digest(email.as_bytes());
    let code: String = hex::encode(digest).chars().take(15).collect();
    json!({
        "id": customer_number(email),
        "first_name": null,
        "last_name": null,
        "email": email,
        "customer_code": format!("CUS_{code}"),
        "phone": null,
        "metadata": null,
        "risk_action": "default",
        "international_format_phone": null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_are_those_that_paystack_publishes() {
        let naira = |amount| fees(Money::new(amount, Currency::Ngn));
        assert_eq!(naira(100_000), 1_500, "₦1,000: 1.5 %");
        assert_eq!(naira(1_000_000), 25_000, "₦10,000: 1.5 % + ₦100");
        assert_eq!(naira(100_000_000), 200_000, "never more than ₦2,000");
        assert_eq!(naira(Money::AMOUNT_MINOR_MAX), 200_000);
    }
}
