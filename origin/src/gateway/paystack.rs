//! Paystack: builds its requests, reads its answers and webhooks. Never sends anything, never touches a float.
//!
//! Sources: paystack.com/docs/api/transaction, /docs/api/refund, /docs/api/dispute, /docs/payments/webhooks, /docs/api/errors. Fields
//! that are not known are passed over; fields that are needed and missing make an answer unreadable, never a guess.
//!
//! A reference is taken once: whoever initialises it again is told `duplicate_reference`, and the page that the first answer named is
//! lost. Then another attempt takes its place, and the lost one is watched, since somebody may still pay through it.

pub(super) mod refunds;
pub(super) mod transfers;

use domain::money::Currency;
use domain::payment::{Observation, ObservedStatus};
use domain::signature::paystack as signature;
use reqwest::Url;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::figures::{Amount, Name, text};
use super::{
    Auth, BadWebhook, GatewayError, Initialise, Notice, PaymentName, Request, Response, Secret, Subject, Verify,
    about_another, digest, page,
};

/// A Paystack account.
#[derive(Debug, Clone)]
pub struct Paystack {
    base_url: Url,
    secret_key: Secret,
}

/// What every answer has.
#[derive(Debug, Deserialize)]
struct Envelope<'a> {
    status: bool,
    message: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    meta: Value,
}

#[derive(Debug, Deserialize)]
struct Initialised {
    authorization_url: String,
    reference: String,
}

#[derive(Debug, Deserialize)]
struct Transaction {
    reference: String,
    status: String,
    amount: Amount,
    currency: String,
    #[serde(default)]
    id: Option<Name>,
    #[serde(default)]
    fees: Option<Amount>,
}

#[derive(Debug, Deserialize)]
struct Event {
    event: String,
    data: Value,
}

impl Paystack {
    /// The account of `secret_key`, reached at `base_url`.
    pub const fn new(base_url: Url, secret_key: String) -> Self {
        Self { base_url, secret_key: Secret::new(secret_key) }
    }

    /// The currencies that Paystack settles, but for the CFA franc: Paystack counts it in hundredths that it does not have, so
    /// it waits until that can be tried against the real thing.
    pub const fn takes(currency: Currency) -> bool {
        match currency {
            Currency::Ngn | Currency::Usd | Currency::Ghs | Currency::Kes | Currency::Zar => true,
            Currency::Eur | Currency::Gbp | Currency::Xof => false,
        }
    }

    pub(super) fn initialise(&self, payment: &Initialise<'_>) -> Result<Request, GatewayError> {
        self.request(http::Method::POST, &["transaction", "initialize"])?.with_json(&json!({
            "email": payment.email,
            "amount": payment.amount.amount_minor.to_string(),
            "currency": payment.amount.currency.code(),
            "reference": payment.reference,
            "callback_url": payment.return_url,
            "metadata": {"order_id": payment.order_id},
        }))
    }

    pub(super) fn verify(&self, payment: Verify<'_>) -> Result<Request, GatewayError> {
        self.request(http::Method::GET, &["transaction", "verify", payment.reference])
    }

    fn request(&self, method: http::Method, path: &[&str]) -> Result<Request, GatewayError> {
        Request::new(method, &self.base_url, path, Auth::Bearer(self.secret_key.clone()))
    }

    pub(super) fn open_webhook<'h>(
        &self,
        header: impl Fn(&'static str) -> Option<&'h str>,
        body: &[u8],
    ) -> Result<Notice, BadWebhook> {
        let given = header(signature::HEADER).ok_or(BadWebhook::Forged)?;
        if !signature::verify(self.secret_key.reveal(), body, given) {
            return Err(BadWebhook::Forged);
        }
        read_event(body)
    }
}

/// Paystack gives events no id: one is named by its kind, the object's number and the object's status.
fn read_event(body: &[u8]) -> Result<Notice, BadWebhook> {
    let Event { event, data } =
        serde_json::from_slice(body).map_err(|error| BadWebhook::Unreadable(error.to_string()))?;
    let reference = text(&data, "reference").or_else(|| text(&data, "transaction_reference"));
    let is_refund = event.starts_with("refund.");
    let id = text(&data, "id").or_else(|| text(&data, "refund_reference"));
    // Some kinds (of customers, of subscriptions) name neither: the same bytes are the same event. Two refunds of one payment may
    // differ in nothing else either, so that the payment does not name them.
    let object = id.or_else(|| reference.clone().filter(|_| !is_refund));
    let object = object.unwrap_or_else(|| digest(body));
    let key = format!("{event}:{object}:{}", text(&data, "status").unwrap_or_default());
    let about = match event.as_str() {
        "charge.success" | "charge.failed" => match reference {
            Some(reference) => Subject::Payment { reference },
            None => return Err(BadWebhook::Unreadable("a charge without reference".to_owned())),
        },
        name if name.starts_with("charge.dispute.") => dispute(&data)?,
        name if name.starts_with("transfer.") => match reference {
            Some(reference) => Subject::Transfer { reference },
            None => Subject::Other { reference: None },
        },
        _ => match reference {
            Some(reference) if is_refund => Subject::Refund { payment: PaymentName::Reference(reference) },
            reference => Subject::Other { reference },
        },
    };
    Ok(Notice { key, event, about })
}

fn dispute(data: &Value) -> Result<Subject, BadWebhook> {
    let missing = |what: &str| BadWebhook::Unreadable(format!("a dispute without {what}"));
    let dispute_id = text(data, "id").ok_or_else(|| missing("id"))?;
    let transaction = data.get("transaction").unwrap_or(&Value::Null);
    let by_reference = text(transaction, "reference").or_else(|| text(data, "transaction_reference"));
    let payment = by_reference.map(PaymentName::Reference);
    let payment = payment.or_else(|| text(transaction, "id").map(PaymentName::GatewayId));
    Ok(Subject::Dispute { payment: payment.ok_or_else(|| missing("transaction"))?, dispute_id })
}

/// The payment page's address.
pub(super) fn read_initialised(reference: &str, response: &Response) -> Result<Url, GatewayError> {
    let data: Initialised = read(response)?;
    if data.reference != reference {
        return Err(about_another(&data.reference, reference));
    }
    page(&data.authorization_url, "authorization_url")
}

/// Where a payment stands.
pub(super) fn read_verified(reference: &str, response: &Response) -> Result<Observation, GatewayError> {
    let data: Transaction = match read(response) {
        Err(GatewayError::Refused(_)) if error_code(response).as_deref() == Some("transaction_not_found") => {
            return Ok(Observation::unknown(reference.to_owned()));
        }
        read => read?,
    };
    let status = match data.status.as_str() {
        "success" => ObservedStatus::Succeeded,
        "failed" => ObservedStatus::Failed,
        "abandoned" => ObservedStatus::Abandoned,
        "reversed" => ObservedStatus::Reversed,
        "pending" | "ongoing" | "processing" | "queued" => ObservedStatus::Pending,
        other => return Err(GatewayError::Unreadable(format!("unknown status {other:?}"))),
    };
    Ok(Observation {
        reference: data.reference,
        status,
        amount_minor: minor(&data.amount)?,
        currency: data.currency,
        gateway_id: data.id.map(|id| id.0),
        fee_minor: data.fees.and_then(|fees| fees.minor()),
    })
}

fn minor(amount: &Amount) -> Result<i64, GatewayError> {
    let unreadable =
        || GatewayError::Unreadable(format!("amount {:?} is no whole number of minor units", amount.text()));
    amount.minor().ok_or_else(unreadable)
}

fn error_code(response: &Response) -> Option<String> {
    serde_json::from_slice::<Envelope<'_>>(&response.body).ok().and_then(|envelope| envelope.code)
}

/// `data` of an answer.
fn read<'a, T: Deserialize<'a>>(response: &'a Response) -> Result<T, GatewayError> {
    let data = open(response)?.data.map_or("null", RawValue::get);
    serde_json::from_str(data).map_err(|error| GatewayError::Unreadable(error.to_string()))
}

/// An answer, whatever it says.
fn open_any(response: &Response) -> Result<Envelope<'_>, GatewayError> {
    response.refuse_if_unavailable()?;
    let status = response.status;
    serde_json::from_slice(&response.body).map_err(|error| GatewayError::Unreadable(format!("HTTP {status}: {error}")))
}

/// An answer that says yes. `status: true` only says that the request was understood, not that anybody paid.
fn open(response: &Response) -> Result<Envelope<'_>, GatewayError> {
    let envelope = open_any(response)?;
    match response.status {
        200..=299 if envelope.status => Ok(envelope),
        401 | 403 => Err(GatewayError::Unauthorised(envelope.message)),
        _ if envelope.code.as_deref() == Some("duplicate_reference") => Err(GatewayError::DuplicateReference),
        _ => Err(GatewayError::Refused(envelope.message)),
    }
}

#[cfg(test)]
mod tests;
