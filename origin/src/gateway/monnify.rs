//! Monnify: builds its requests, reads its answers and webhooks. Never sends anything, never touches a float.
//!
//! Sources: developers.monnify.com/docs/collections/one-time-payments, /docs/webhooks, /docs/refunds and Monnify's wiki, "Initialize
//! Transaction", "Get Status Of Transaction", "Refund Error Codes". It takes naira, in major units, and writes amounts as numbers or
//! as texts. Its own names of payments have a `|` in them, so they are never written into an address by hand.
//!
//! A reference is taken once: whoever initialises it again is told that it exists, and the page that the first answer named is lost.
//! Then another attempt takes its place, and the lost one is watched. A page is good for 40 minutes.
//!
//! An account that is paid into twice may be paid in full by the second transfer. What was read first stands: the first transfer is an
//! under-payment, and whatever comes after it contradicts that and is told to the operators.

pub(super) mod refunds;

use domain::money::Currency;
use domain::payment::{Observation, ObservedStatus};
use domain::signature::monnify as signature;
use domain::time::Timestamp;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::figures::{Amount, Major, text};
use super::{
    AccessToken, Auth, BadWebhook, GatewayError, Initialise, Notice, PaymentName, Request, Response, Secret, Subject,
    Verify, about_another, digest, page,
};

/// A Monnify account.
#[derive(Debug, Clone)]
pub struct Monnify {
    base_url: Url,
    api_key: Secret,
    secret_key: Secret,
    contract_code: String,
}

/// What every answer has.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    request_successful: bool,
    #[serde(default)]
    response_message: Option<String>,
    #[serde(default)]
    response_code: Option<String>,
    #[serde(borrow, default)]
    response_body: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    access_token: String,
    expires_in: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Wanted<'a> {
    amount: Major,
    currency_code: &'a str,
    customer_name: &'a str,
    customer_email: &'a str,
    payment_reference: &'a str,
    payment_description: &'a str,
    contract_code: &'a str,
    redirect_url: &'a str,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Initialised {
    payment_reference: String,
    checkout_url: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transaction {
    transaction_reference: String,
    payment_reference: String,
    payment_status: String,
    #[serde(default)]
    amount_paid: Option<Amount>,
    #[serde(default)]
    settlement_amount: Option<Amount>,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    currency_code: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    event_type: String,
    event_data: Value,
}

impl Monnify {
    /// The account of these keys, reached at `base_url`. Money is collected for the contract of `contract_code`.
    pub const fn new(base_url: Url, api_key: String, secret_key: String, contract_code: String) -> Self {
        Self { base_url, api_key: Secret::new(api_key), secret_key: Secret::new(secret_key), contract_code }
    }

    /// Naira and nothing else.
    pub const fn takes(currency: Currency) -> bool {
        match currency {
            Currency::Ngn => true,
            Currency::Usd
            | Currency::Eur
            | Currency::Gbp
            | Currency::Ghs
            | Currency::Kes
            | Currency::Zar
            | Currency::Xof => false,
        }
    }

    fn request(&self, method: http::Method, path: &[&str]) -> Result<Request, GatewayError> {
        Request::new(method, &self.base_url, &[&["api"], path].concat(), Auth::Token)
    }

    pub(super) fn authenticate(&self) -> Result<Request, GatewayError> {
        let auth = Auth::Basic { user: self.api_key.clone(), password: self.secret_key.clone() };
        Request::new(http::Method::POST, &self.base_url, &["api", "v1", "auth", "login"], auth)
    }

    pub(super) fn initialise(&self, payment: &Initialise<'_>) -> Result<Request, GatewayError> {
        let request = self.request(http::Method::POST, &["v1", "merchant", "transactions", "init-transaction"])?;
        request.with_json(&Wanted {
            amount: Major(payment.amount),
            currency_code: payment.amount.currency.code(),
            customer_name: payment.email,
            customer_email: payment.email,
            payment_reference: payment.reference,
            payment_description: &format!("Order {}", payment.order_id),
            contract_code: &self.contract_code,
            redirect_url: payment.return_url,
        })
    }

    pub(super) fn verify(&self, payment: Verify<'_>) -> Result<Request, GatewayError> {
        let request = self.request(http::Method::GET, &["v2", "merchant", "transactions", "query"])?;
        Ok(request.with_query(&[("paymentReference", payment.reference)]))
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

/// Monnify gives events no id: one is named by its kind and by all that tells one object's states apart.
fn read_event(body: &[u8]) -> Result<Notice, BadWebhook> {
    let Event { event_type, event_data } =
        serde_json::from_slice(body).map_err(|error| BadWebhook::Unreadable(error.to_string()))?;
    let data = |field| text(&event_data, field);
    let missing = |what: &str| BadWebhook::Unreadable(format!("{event_type} without {what}"));
    let names = ["refundReference", "transactionReference", "paymentReference", "settlementReference"];
    let states = ["paymentStatus", "refundStatus", "amountPaid"];
    let object: Vec<String> = names.into_iter().filter_map(data).collect();
    let object = if object.is_empty() { digest(body) } else { object.join(":") };
    let state: Vec<String> = states.into_iter().filter_map(data).collect();
    let key = format!("{event_type}:{object}:{}", state.join(":"));
    let reference = data("paymentReference");
    let about = match event_type.as_str() {
        "SUCCESSFUL_TRANSACTION" | "FAILED_TRANSACTION" | "REJECTED_PAYMENT" => {
            Subject::Payment { reference: reference.ok_or_else(|| missing("paymentReference"))? }
        }
        "SUCCESSFUL_REFUND" | "FAILED_REFUND" => {
            let payment = reference.map(PaymentName::Reference);
            let payment = payment.or_else(|| data("transactionReference").map(PaymentName::GatewayId));
            Subject::Refund { payment: payment.ok_or_else(|| missing("transactionReference"))? }
        }
        _ => Subject::Other { reference },
    };
    Ok(Notice { key, event: event_type, about })
}

pub(super) fn read_token(response: &Response, asked_at: Timestamp) -> Result<AccessToken, GatewayError> {
    match read::<Token>(response) {
        Ok(token) => Ok(AccessToken::living(token.access_token, token.expires_in, asked_at)),
        Err(GatewayError::Refused(words)) => Err(GatewayError::Unauthorised(words)),
        Err(error) => Err(error),
    }
}

/// The payment page's address.
pub(super) fn read_initialised(reference: &str, response: &Response) -> Result<Url, GatewayError> {
    let data: Initialised = match read(response) {
        Err(GatewayError::Refused(words)) if is_duplicate(&words) => return Err(GatewayError::DuplicateReference),
        read => read?,
    };
    if data.payment_reference != reference {
        return Err(about_another(&data.payment_reference, reference));
    }
    page(&data.checkout_url, "checkoutUrl")
}

/// "Duplicate payment reference": its code, 99, is that of whatever went wrong.
fn is_duplicate(words: &str) -> bool {
    let words = words.to_lowercase();
    words.contains("reference")
        && (words.contains("duplicate") || words.contains("exist") || words.contains("used"))
        && !words.contains("not exist")
}

/// Where a payment stands.
pub(super) fn read_verified(reference: &str, response: &Response) -> Result<Observation, GatewayError> {
    let data: Transaction = match read(response) {
        Err(GatewayError::Refused(words)) if response.status == 404 || is_unknown(&words) => {
            return Ok(Observation::unknown(reference.to_owned()));
        }
        read => read?,
    };
    if data.payment_reference != reference {
        return Err(about_another(&data.payment_reference, reference));
    }
    let status = match data.payment_status.as_str() {
        // How much was paid, the payment itself compares with what was asked for.
        "PAID" | "OVERPAID" | "PARTIALLY_PAID" => ObservedStatus::Succeeded,
        "PENDING" => ObservedStatus::Pending,
        "EXPIRED" | "ABANDONED" | "CANCELLED" | "USER_CANCELLED" => ObservedStatus::Abandoned,
        "FAILED" => ObservedStatus::Failed,
        "REVERSED" => ObservedStatus::Reversed,
        other => return Err(GatewayError::Unreadable(format!("unknown status {other:?}"))),
    };
    let currency = data.currency.or(data.currency_code);
    let currency = currency.ok_or_else(|| GatewayError::Unreadable("it does not say the currency".to_owned()))?;
    let amount_minor = match (&data.amount_paid, status) {
        (Some(amount), _) => minor(amount, &currency)?,
        (None, ObservedStatus::Succeeded) => {
            return Err(GatewayError::Unreadable("it does not say how much was paid".to_owned()));
        }
        (
            None,
            ObservedStatus::Unknown
            | ObservedStatus::Pending
            | ObservedStatus::Failed
            | ObservedStatus::Abandoned
            | ObservedStatus::Reversed,
        ) => 0,
    };
    let settled = data.settlement_amount.and_then(|amount| amount.major(&currency));
    let fee_minor = settled.filter(|_| status == ObservedStatus::Succeeded).map(|settled| amount_minor - settled);
    Ok(Observation {
        reference: data.payment_reference,
        status,
        amount_minor,
        currency,
        gateway_id: Some(data.transaction_reference),
        fee_minor: fee_minor.filter(|fee| *fee >= 0),
    })
}

/// There is no code for a transaction that is not known.
fn is_unknown(words: &str) -> bool {
    let words = words.to_lowercase();
    ["could not find transaction", "transaction not found", "no transaction", "does not exist"]
        .iter()
        .any(|known| words.contains(known))
}

fn minor(amount: &Amount, currency: &str) -> Result<i64, GatewayError> {
    let unreadable = || GatewayError::Unreadable(format!("{:?} is no exact amount of {currency}", amount.text()));
    amount.major(currency).ok_or_else(unreadable)
}

/// `responseBody` of an answer.
fn read<'a, T: Deserialize<'a>>(response: &'a Response) -> Result<T, GatewayError> {
    let body = open(response)?.response_body.map_or("null", RawValue::get);
    serde_json::from_str(body).map_err(|error| GatewayError::Unreadable(error.to_string()))
}

/// An answer that says yes. It only says that the request was understood, not that anybody paid.
fn open(response: &Response) -> Result<Envelope<'_>, GatewayError> {
    response.refuse_if_unavailable()?;
    let status = response.status;
    if status == 401 || status == 403 {
        let words = serde_json::from_slice::<Envelope<'_>>(&response.body).ok().and_then(|said| said.response_message);
        return Err(GatewayError::Unauthorised(words.unwrap_or_else(|| format!("HTTP {status}"))));
    }
    let envelope: Envelope<'_> = serde_json::from_slice(&response.body)
        .map_err(|error| GatewayError::Unreadable(format!("HTTP {status}: {error}")))?;
    match status {
        200..=299 if envelope.request_successful => Ok(envelope),
        _ => Err(GatewayError::Refused(envelope.response_message.unwrap_or_else(|| format!("HTTP {status}")))),
    }
}

/// The code of a refusal: `R3`, `99`.
fn error_code(response: &Response) -> Option<String> {
    serde_json::from_slice::<Envelope<'_>>(&response.body).ok().and_then(|envelope| envelope.response_code)
}

#[cfg(test)]
mod tests;
