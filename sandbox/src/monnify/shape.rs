//! A payment in Monnify's JSON, in one of its manners. Pure.

use domain::money::{Currency, Money};
use domain::time::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::dates;
use crate::amounts::{major, major_text, thousandths};
use crate::payments::{Payment, Status};

/// How answers about one payment are written: Monnify has more than one way, and a shop must read all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// Amounts as text with two decimals, not as numbers.
    pub amounts_as_text: bool,
    /// Times with slashes and AM or PM.
    pub slashes: bool,
    /// The payer's account in an array.
    pub accounts_in_array: bool,
}

impl Manner {
    /// The manner of a payment: it follows from the shop's reference alone.
    pub fn of(reference: &str) -> Self {
        let bits = Sha256::digest(reference.as_bytes()).first().copied().unwrap_or_default();
        Self { amounts_as_text: bits & 1 != 0, slashes: bits & 2 != 0, accounts_in_array: bits & 4 != 0 }
    }

    pub(super) fn amount(self, money: Money) -> Value {
        if self.amounts_as_text { major_text(money) } else { major(money) }
    }

    pub(super) fn time(self, at: Timestamp) -> String {
        if self.slashes { dates::with_slashes(at) } else { dates::plain(at) }
    }

    fn accounts(self, money: Money) -> Value {
        let account = json!({
            "bankCode": "50515",
            "amountPaid": self.amount(money),
            "accountName": "ADA LOVELACE",
            "sessionId": "090405230626180003067844645188",
            "accountNumber": "******1487",
        });
        if self.accounts_in_array { json!([account]) } else { account }
    }
}

/// Monnify's own name for a payment: `MNFY|26|20211111142601|000001`.
pub(super) fn transaction_reference(payment: &Payment) -> String {
    format!("MNFY|26|{}|{}", dates::digits(payment.created_at), payment.request.id)
}

/// 1.5 %, ₦2,000 at most (monnify.com/pricing).
fn settled(captured: Money) -> Money {
    let most = if captured.currency == Currency::Ngn { 200_000 } else { i64::MAX };
    let amount_minor = captured.amount_minor - thousandths(captured.amount_minor, 15).min(most);
    Money { amount_minor, ..captured }
}

fn status(payment: &Payment) -> &'static str {
    let requested = payment.request.requested;
    match (payment.status, payment.capture) {
        (Status::Success, Some(capture)) if capture.money.amount_minor > requested.amount_minor => "OVERPAID",
        (Status::Success, Some(capture)) if capture.money.amount_minor < requested.amount_minor => "PARTIALLY_PAID",
        (Status::Success, _) => "PAID",
        (Status::Pending, _) => "PENDING",
        (Status::Failed, _) => "FAILED",
        (Status::Abandoned, _) => "ABANDONED",
    }
}

/// The body of the status endpoints. Nothing is paid of a payment that nobody has paid: `amountPaid` is zero then, and
/// `paidOn` is null.
pub(super) fn transaction(payment: &Payment) -> Value {
    let (manner, request) = (Manner::of(&payment.request.reference), &payment.request);
    let nothing = Money { amount_minor: 0, ..request.requested };
    let paid = payment.capture.map_or(nothing, |capture| capture.money);
    let accounts = payment.capture.map(|capture| manner.accounts(capture.money));
    json!({
        "transactionReference": transaction_reference(payment),
        "paymentReference": request.reference,
        "amountPaid": manner.amount(paid),
        "totalPayable": manner.amount(request.requested),
        "settlementAmount": manner.amount(settled(paid)),
        "paidOn": payment.capture.map(|capture| manner.time(capture.at)),
        "createdOn": manner.time(payment.created_at),
        "paymentStatus": status(payment),
        "paymentDescription": request.details["description"],
        "currency": paid.currency.code(),
        "paymentMethod": "ACCOUNT_TRANSFER",
        "product": {"type": "WEB_SDK", "reference": request.reference},
        "cardDetails": null,
        "accountDetails": payment.capture.map(|capture| json!({
            "accountName": "ADA LOVELACE",
            "accountNumber": "******1487",
            "bankCode": "50515",
            "amountPaid": manner.amount(capture.money),
        })),
        "paymentSourceInformation": accounts,
        "customer": customer(payment),
        "metaData": request.metadata,
    })
}

/// `eventData` of `SUCCESSFUL_TRANSACTION`.
pub(super) fn paid(payment: &Payment) -> Value {
    let (manner, request) = (Manner::of(&payment.request.reference), &payment.request);
    let Some(capture) = payment.capture else { return Value::Null };
    json!({
        "product": {"reference": request.reference, "type": "WEB_SDK"},
        "transactionReference": transaction_reference(payment),
        "paymentReference": request.reference,
        "paidOn": manner.time(capture.at),
        "paymentDescription": request.details["description"],
        "metaData": request.metadata,
        "paymentSourceInformation": manner.accounts(capture.money),
        "destinationAccountInformation": {"bankCode": "232", "bankName": "Sterling bank", "accountNumber": "6000140770"},
        "amountPaid": manner.amount(capture.money),
        "totalPayable": manner.amount(request.requested),
        "cardDetails": {},
        "paymentMethod": "ACCOUNT_TRANSFER",
        "currency": capture.money.currency.code(),
        "settlementAmount": manner.amount(settled(capture.money)),
        "paymentStatus": status(payment),
        "customer": customer(payment),
    })
}

/// `eventData` of `REJECTED_PAYMENT`: `sent` came in, and goes back.
pub(super) fn rejected(payment: &Payment, sent: Money) -> Value {
    let (manner, request) = (Manner::of(&payment.request.reference), &payment.request);
    let under = sent.amount_minor < request.requested.amount_minor;
    let reason = if under { "UNDER_PAYMENT" } else { "OVER_PAYMENT" };
    json!({
        "metaData": request.metadata.to_string(),
        "product": {"reference": request.reference, "type": "WEB_SDK"},
        "amount": manner.amount(request.requested),
        "paymentSourceInformation": {
            "bankCode": "50515",
            "amountPaid": major(sent),
            "accountName": "ADA LOVELACE",
            "sessionId": "090405230626180003067844645188",
            "accountNumber": "5141901487",
        },
        "transactionReference": transaction_reference(payment),
        "created_on": dates::plain(payment.created_at),
        "paymentReference": request.reference,
        "paymentRejectionInformation": {
            "bankCode": "035",
            "destinationAccountNumber": "7023576853",
            "bankName": "Wema bank",
            "rejectionReason": reason,
            "expectedAmount": manner.amount(request.requested),
        },
        "paymentDescription": request.details["description"],
        "customer": customer(payment),
    })
}

fn customer(payment: &Payment) -> Value {
    json!({"name": payment.request.details["customer_name"], "email": payment.request.email})
}
