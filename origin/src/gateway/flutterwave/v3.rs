//! Version 3 of Flutterwave: a hosted page, and keys that do not change.
//!
//! Sources: developer.flutterwave.com/v3.0/docs/flutterwave-standard-1, /reference/verify-transaction-with-tx_ref,
//! /reference/get-all-transactions, /docs/integration-guides/webhooks.
//!
//! Flutterwave does not mind that a reference is used again: it makes another page for it, and every try to pay is a transaction of
//! its own under the same reference. So an answer that got lost is simply asked for again, and whoever pays, on whichever page, pays
//! for the same attempt. The question by reference is answered with one of the transactions only; unless that one succeeded, the list
//! of those that did is asked for as well, so that no success hides behind a failure.
//!
//! The header of a webhook does not cover its body. What it tells is a hint where to look, never more.

pub(super) mod refunds;

use domain::money::Currency;
use domain::payment::{Observation, ObservedStatus};
use domain::signature::flutterwave::v3 as signature;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::figures::{Amount, Major, Name, text};
use super::super::{
    Auth, BadWebhook, GatewayError, Initialise, Notice, PaymentName, Request, Response, Secret, Subject, Verify,
    about_another, digest, page,
};
use super::{minor, read};

/// An account of version 3.
#[derive(Debug, Clone)]
pub struct FlutterwaveV3 {
    base_url: Url,
    secret_key: Secret,
    secret_hash: Secret,
}

#[derive(Debug, Serialize)]
struct Payment<'a> {
    tx_ref: &'a str,
    amount: Major,
    currency: &'a str,
    redirect_url: &'a str,
    customer: Customer<'a>,
    meta: OrderMeta<'a>,
}

#[derive(Debug, Serialize)]
struct Customer<'a> {
    email: &'a str,
}

#[derive(Debug, Serialize)]
struct OrderMeta<'a> {
    order_id: &'a str,
}

#[derive(Debug, Deserialize)]
struct Initialised {
    link: String,
}

#[derive(Debug, Deserialize)]
struct Transaction {
    id: Name,
    tx_ref: String,
    status: String,
    amount: Amount,
    currency: String,
    #[serde(default)]
    charged_amount: Option<Amount>,
    #[serde(default)]
    app_fee: Option<Amount>,
}

impl FlutterwaveV3 {
    /// The account of `secret_key`, reached at `base_url`. Its webhooks carry `secret_hash`.
    pub const fn new(base_url: Url, secret_key: String, secret_hash: String) -> Self {
        Self { base_url, secret_key: Secret::new(secret_key), secret_hash: Secret::new(secret_hash) }
    }

    /// Every currency of the shop: Flutterwave collects them all by card, most by other means too.
    pub(super) const fn takes(currency: Currency) -> bool {
        match currency {
            Currency::Ngn
            | Currency::Usd
            | Currency::Eur
            | Currency::Gbp
            | Currency::Ghs
            | Currency::Kes
            | Currency::Zar
            | Currency::Xof => true,
        }
    }

    fn request(&self, method: http::Method, path: &[&str]) -> Result<Request, GatewayError> {
        Request::new(method, &self.base_url, path, Auth::Bearer(self.secret_key.clone()))
    }

    pub(super) fn initialise(&self, payment: &Initialise<'_>) -> Result<Request, GatewayError> {
        self.request(http::Method::POST, &["payments"])?.with_json(&Payment {
            tx_ref: payment.reference,
            amount: Major(payment.amount),
            currency: payment.amount.currency.code(),
            redirect_url: payment.return_url,
            customer: Customer { email: payment.email },
            meta: OrderMeta { order_id: payment.order_id },
        })
    }

    pub(super) fn verify(&self, payment: Verify<'_>) -> Result<Request, GatewayError> {
        let request = self.request(http::Method::GET, &["transactions", "verify_by_reference"])?;
        Ok(request.with_query(&[("tx_ref", payment.reference)]))
    }

    /// The question for a success that may hide behind what was `seen`.
    pub(super) fn verify_further(&self, seen: &Observation) -> Result<Option<Request>, GatewayError> {
        match seen.status {
            ObservedStatus::Unknown | ObservedStatus::Succeeded => Ok(None),
            ObservedStatus::Pending | ObservedStatus::Failed | ObservedStatus::Abandoned | ObservedStatus::Reversed => {
                let request = self.request(http::Method::GET, &["transactions"])?;
                Ok(Some(request.with_query(&[("tx_ref", &seen.reference), ("status", "successful")])))
            }
        }
    }

    pub(super) fn open_webhook<'h>(
        &self,
        header: impl Fn(&'static str) -> Option<&'h str>,
        body: &[u8],
    ) -> Result<Notice, BadWebhook> {
        let given = header(signature::HEADER).ok_or(BadWebhook::Forged)?;
        if !signature::verify(self.secret_hash.reveal(), given) {
            return Err(BadWebhook::Forged);
        }
        read_event(body)
    }
}

/// An event is named by its kind, the object's number and the object's status: `charge.completed` is told of failures too, and of
/// every transaction of a reference.
fn read_event(body: &[u8]) -> Result<Notice, BadWebhook> {
    let event: Value = serde_json::from_slice(body).map_err(|error| BadWebhook::Unreadable(error.to_string()))?;
    let name = text(&event, "event").or_else(|| text(&event, "event.type"));
    let name = name.ok_or_else(|| BadWebhook::Unreadable("it does not say what happened".to_owned()))?;
    let data = event.get("data").unwrap_or(&Value::Null);
    let of_data = |fields: [&str; 3]| fields.into_iter().find_map(|field| text(data, field));
    let id = of_data(["id", "Id", "ID"]);
    let reference = of_data(["tx_ref", "txRef", "TxRef"]);
    let transaction = of_data(["tx_id", "transaction_id", "TransactionId"]);
    let object = id.clone().unwrap_or_else(|| digest(body));
    let key = format!("{name}:{object}:{}", text(data, "status").unwrap_or_default());
    let payment = || {
        let by_reference = reference.clone().map(PaymentName::Reference);
        by_reference.or_else(|| transaction.clone().map(PaymentName::GatewayId))
    };
    let about = if name.starts_with("charge.") {
        let missing = || BadWebhook::Unreadable("a charge without tx_ref".to_owned());
        Subject::Payment { reference: reference.clone().ok_or_else(missing)? }
    } else if let (true, Some(payment)) = (name.starts_with("refund"), payment()) {
        Subject::Refund { payment }
    } else if let (true, Some(payment), Some(dispute_id)) = (name.starts_with("chargeback"), payment(), id) {
        Subject::Dispute { payment, dispute_id }
    } else {
        Subject::Other { reference }
    };
    Ok(Notice { key, event: name, about })
}

/// The payment page's address. The answer does not say for which reference it is.
pub(super) fn read_initialised(response: &Response) -> Result<Url, GatewayError> {
    let data: Initialised = read(response)?;
    page(&data.link, "link")
}

/// Where a payment stands, by one of its transactions.
pub(super) fn read_verified(reference: &str, response: &Response) -> Result<Observation, GatewayError> {
    match read::<Transaction>(response) {
        Ok(transaction) if transaction.tx_ref == reference => observation(transaction),
        Ok(transaction) => Err(about_another(&transaction.tx_ref, reference)),
        Err(GatewayError::Refused(words)) if response.status == 404 || is_unknown(&words) => {
            Ok(Observation::unknown(reference.to_owned()))
        }
        Err(error) => Err(error),
    }
}

/// "No transaction was found for this id": there is no code for it.
fn is_unknown(words: &str) -> bool {
    words.to_lowercase().contains("no transaction was found")
}

/// The success among the listed transactions, or else what was `seen` before. The oldest success is the payment: it was there first,
/// and of the transactions of one reference it is the one that never changes.
pub(super) fn read_further(seen: Observation, response: &Response) -> Result<Observation, GatewayError> {
    let listed: Vec<Transaction> = read(response)?;
    let successes = listed.into_iter().filter(|one| one.tx_ref == seen.reference && one.status == "successful");
    let oldest = successes.min_by_key(|one| one.id.0.parse::<u64>().unwrap_or(u64::MAX));
    oldest.map_or(Ok(seen), observation)
}

fn observation(transaction: Transaction) -> Result<Observation, GatewayError> {
    let status = match transaction.status.as_str() {
        "successful" => ObservedStatus::Succeeded,
        "failed" | "error" => ObservedStatus::Failed,
        "cancelled" => ObservedStatus::Abandoned,
        "reversed" => ObservedStatus::Reversed,
        "pending" | "processing" | "success-pending-validation" => ObservedStatus::Pending,
        other => return Err(GatewayError::Unreadable(format!("unknown status {other:?}"))),
    };
    let fee_minor = fee(&transaction);
    Ok(Observation {
        status,
        amount_minor: minor(&transaction.amount, &transaction.currency)?,
        gateway_id: Some(transaction.id.0),
        fee_minor,
        reference: transaction.tx_ref,
        currency: transaction.currency,
    })
}

/// What Flutterwave keeps of the amount: nothing of it when the payer was charged for the fee on top.
fn fee(transaction: &Transaction) -> Option<i64> {
    let exactly = |amount: &Amount| amount.major(&transaction.currency);
    let (amount, fee) = (exactly(&transaction.amount)?, exactly(transaction.app_fee.as_ref()?)?);
    let charged = transaction.charged_amount.as_ref().and_then(exactly).unwrap_or(amount);
    Some((fee - (charged - amount).max(0)).max(0))
}

#[cfg(test)]
mod tests;
