//! Stripe: builds its requests, reads its answers and webhooks. Never sends anything, never touches a float.
//!
//! Sources: docs.stripe.com/api/checkout/sessions, /api/payment_intents/search, /api/idempotent_requests, /api/errors,
//! /webhooks/signature. Amounts are in minor units.
//!
//! Our reference is the `Idempotency-Key` of the Checkout Session. For a day or more the same request is answered as before, so that an
//! answer that got lost is asked for again. An answer that was an error is kept as well: then, and when Stripe has the key for another
//! request, this attempt is lost and another one takes its place.
//!
//! A payment is asked about by its session, whose id is a part of the page's address. When the page is not known because its answer was
//! lost, the payment is searched for by our reference, which the payment intent bears as metadata. What is searched may be a minute old,
//! so a success may be seen a little later than it happened; a payment whose page nobody knows is hardly ever paid.

pub(super) mod refunds;

use domain::money::{Currency, Money};
use domain::payment::{Observation, ObservedStatus};
use domain::signature::stripe as signature;
use domain::time::Timestamp;
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use super::figures::text;
use super::{
    Auth, BadWebhook, GatewayError, Initialise, Notice, PaymentName, Request, Response, Secret, Subject, Verify,
    about_another, page,
};

/// The shapes that are read here are those of this version, whatever the account's default is.
const VERSION: &str = "2024-06-20";
const HEADER_VERSION: &str = "stripe-version";
const HEADER_IDEMPOTENCY_KEY: &str = "idempotency-key";
const HEADER_REPLAYED: &str = "idempotent-replayed";

/// A Stripe account.
#[derive(Debug, Clone)]
pub struct Stripe {
    base_url: Url,
    secret_key: Secret,
    webhook_secret: Secret,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    error: Fault,
}

#[derive(Debug, Deserialize)]
struct Fault {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Created {
    client_reference_id: Option<String>,
    url: Option<String>,
}

/// A Checkout Session, or a page of search results: told apart by what it is asked for.
#[derive(Debug, Deserialize)]
#[serde(tag = "object")]
enum Answer {
    #[serde(rename = "checkout.session")]
    Session {
        client_reference_id: Option<String>,
        status: String,
        payment_status: String,
        #[serde(default)]
        payment_intent: Option<Box<Intent>>,
    },
    #[serde(rename = "search_result")]
    Found { data: Vec<Intent> },
}

#[derive(Debug, Deserialize)]
struct Intent {
    id: String,
    status: String,
    amount_received: u64,
    currency: String,
    #[serde(default)]
    metadata: Value,
    #[serde(default)]
    latest_charge: Option<Charge>,
    #[serde(default)]
    last_payment_error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Charge {
    #[serde(default)]
    refunded: bool,
    #[serde(default)]
    balance_transaction: Option<BalanceTransaction>,
}

#[derive(Debug, Deserialize)]
struct BalanceTransaction {
    fee: u64,
    currency: String,
}

#[derive(Debug, Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    data: EventData,
}

#[derive(Debug, Deserialize)]
struct EventData {
    object: Value,
}

impl Stripe {
    /// The account of `secret_key`, reached at `base_url`. Its webhooks are signed with `webhook_secret`.
    pub const fn new(base_url: Url, secret_key: String, webhook_secret: String) -> Self {
        Self { base_url, secret_key: Secret::new(secret_key), webhook_secret: Secret::new(webhook_secret) }
    }

    /// What Stripe charges cards in (docs.stripe.com/currencies): all of the shop's currencies but the cedi.
    pub const fn takes(currency: Currency) -> bool {
        match currency {
            Currency::Ngn
            | Currency::Usd
            | Currency::Eur
            | Currency::Gbp
            | Currency::Kes
            | Currency::Zar
            | Currency::Xof => true,
            Currency::Ghs => false,
        }
    }

    fn request(&self, method: http::Method, path: &[&str]) -> Result<Request, GatewayError> {
        let request =
            Request::new(method, &self.base_url, &[&["v1"], path].concat(), Auth::Bearer(self.secret_key.clone()))?;
        Ok(request.with_header(HEADER_VERSION, VERSION))
    }

    pub(super) fn initialise(&self, payment: &Initialise<'_>) -> Result<Request, GatewayError> {
        let currency = payment.amount.currency.code().to_lowercase();
        let (amount, title) = (payment.amount.amount_minor.to_string(), format!("Order {}", payment.order_id));
        let request = self.request(http::Method::POST, &["checkout", "sessions"])?;
        Ok(request.with_header(HEADER_IDEMPOTENCY_KEY, payment.reference).with_form(&[
            ("mode", "payment"),
            ("client_reference_id", payment.reference),
            ("customer_email", payment.email),
            ("success_url", payment.return_url),
            ("cancel_url", payment.return_url),
            ("line_items[0][quantity]", "1"),
            ("line_items[0][price_data][currency]", &currency),
            ("line_items[0][price_data][unit_amount]", &amount),
            ("line_items[0][price_data][product_data][name]", &title),
            ("metadata[order_id]", payment.order_id),
            ("payment_intent_data[metadata][reference]", payment.reference),
            ("payment_intent_data[metadata][order_id]", payment.order_id),
        ]))
    }

    pub(super) fn verify(&self, payment: Verify<'_>) -> Result<Request, GatewayError> {
        if let Some(session) = payment.page.and_then(session_id) {
            let request = self.request(http::Method::GET, &["checkout", "sessions", &session])?;
            return Ok(request.with_query(&[("expand[]", "payment_intent.latest_charge.balance_transaction")]));
        }
        let query = format!("metadata['reference']:'{}'", payment.reference.replace('\\', "\\\\").replace('\'', "\\'"));
        let request = self.request(http::Method::GET, &["payment_intents", "search"])?;
        Ok(request.with_query(&[
            ("query", &query),
            ("limit", "100"),
            ("expand[]", "data.latest_charge.balance_transaction"),
        ]))
    }

    pub(super) fn open_webhook<'h>(
        &self,
        header: impl Fn(&'static str) -> Option<&'h str>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Notice, BadWebhook> {
        let given = header(signature::HEADER).ok_or(BadWebhook::Forged)?;
        if !signature::verify(self.webhook_secret.reveal(), body, given, now) {
            return Err(BadWebhook::Forged);
        }
        read_event(body)
    }
}

/// The session whose page this is: `https://checkout.stripe.com/c/pay/cs_test_…`.
fn session_id(page: &str) -> Option<String> {
    let page: Url = page.parse().ok()?;
    let mut segments = page.path_segments()?;
    segments.find(|segment| segment.starts_with("cs_")).map(str::to_owned)
}

/// Events have an id, the same in every copy.
fn read_event(body: &[u8]) -> Result<Notice, BadWebhook> {
    let Event { id, kind, data: EventData { object } } =
        serde_json::from_slice(body).map_err(|error| BadWebhook::Unreadable(error.to_string()))?;
    let metadata = object.get("metadata").unwrap_or(&Value::Null);
    let reference = text(metadata, "reference");
    let intent = text(&object, "payment_intent").map(PaymentName::GatewayId);
    let payment = reference.clone().map(PaymentName::Reference).or_else(|| intent.clone());
    let about = match kind.as_str() {
        name if name.starts_with("checkout.session.") => match text(&object, "client_reference_id") {
            Some(reference) => Subject::Payment { reference },
            None => Subject::Other { reference: None },
        },
        name if name.starts_with("charge.dispute.") => {
            let missing = |what: &str| BadWebhook::Unreadable(format!("a dispute without {what}"));
            let payment = intent.ok_or_else(|| missing("payment_intent"))?;
            Subject::Dispute { payment, dispute_id: text(&object, "id").ok_or_else(|| missing("id"))? }
        }
        name if name == "charge.refunded" || name.starts_with("charge.refund.") || name.starts_with("refund.") => {
            payment.map_or(Subject::Other { reference: None }, |payment| Subject::Refund { payment })
        }
        name if name.starts_with("payment_intent.") => {
            reference.map_or(Subject::Other { reference: None }, |reference| Subject::Payment { reference })
        }
        _ => Subject::Other { reference },
    };
    Ok(Notice { key: id, event: kind, about })
}

/// The payment page's address.
pub(super) fn read_initialised(reference: &str, response: &Response) -> Result<Url, GatewayError> {
    let replayed = response.headers.get(HEADER_REPLAYED).is_some_and(|value| value == "true");
    if response.status >= 500 && replayed {
        // It will be the same for as long as Stripe remembers the key.
        return Err(GatewayError::DuplicateReference);
    }
    if response.status == 400 && fault(response).is_some_and(|fault| fault.kind == "idempotency_error") {
        return Err(GatewayError::DuplicateReference);
    }
    let created: Created = read(response)?;
    match created.client_reference_id {
        Some(found) if found == reference => {}
        found => return Err(about_another(&found.unwrap_or_default(), reference)),
    }
    // A session that is over has no page any more.
    page(&created.url.ok_or(GatewayError::DuplicateReference)?, "url")
}

/// Where a payment stands.
pub(super) fn read_verified(reference: &str, response: &Response) -> Result<Observation, GatewayError> {
    let (session, intent) = match read(response)? {
        Answer::Session { client_reference_id, status, payment_status, payment_intent } => {
            if client_reference_id.as_deref() != Some(reference) {
                return Err(about_another(&client_reference_id.unwrap_or_default(), reference));
            }
            (Some((status, payment_status)), payment_intent.map(|intent| *intent))
        }
        Answer::Found { mut data } => {
            data.retain(|intent| text(&intent.metadata, "reference").as_deref() == Some(reference));
            let success = data.iter().position(|intent| intent.status == "succeeded");
            let intent = success.or_else(|| (!data.is_empty()).then_some(0)).map(|index| data.swap_remove(index));
            if intent.is_none() {
                return Ok(Observation::unknown(reference.to_owned()));
            }
            (None, intent)
        }
    };
    let by_intent = intent.as_ref().map(status_of_intent).transpose()?;
    let status = match (session, by_intent) {
        // Money is what the intent says it is, whatever the session says.
        (_, Some(money @ (ObservedStatus::Succeeded | ObservedStatus::Reversed))) => money,
        (Some((_, paid)), _) if paid == "paid" => {
            return Err(GatewayError::Unreadable("the session is paid, but its payment intent is not".to_owned()));
        }
        (Some((status, _)), by_intent) => match status.as_str() {
            "expired" => ObservedStatus::Abandoned,
            "open" | "complete" => by_intent.unwrap_or(ObservedStatus::Pending),
            other => return Err(GatewayError::Unreadable(format!("unknown session status {other:?}"))),
        },
        (None, by_intent) => by_intent.unwrap_or(ObservedStatus::Unknown),
    };
    let Some(intent) = intent else {
        return Ok(Observation { status, ..Observation::unknown(reference.to_owned()) });
    };
    let fee = intent.latest_charge.and_then(|charge| charge.balance_transaction);
    Ok(Observation {
        reference: reference.to_owned(),
        status,
        amount_minor: minor(intent.amount_received)?,
        fee_minor: fee.filter(|fee| fee.currency == intent.currency).and_then(|fee| minor(fee.fee).ok()),
        currency: intent.currency.to_uppercase(),
        gateway_id: Some(intent.id),
    })
}

fn status_of_intent(intent: &Intent) -> Result<ObservedStatus, GatewayError> {
    Ok(match intent.status.as_str() {
        "succeeded" if intent.latest_charge.as_ref().is_some_and(|charge| charge.refunded) => ObservedStatus::Reversed,
        "succeeded" => ObservedStatus::Succeeded,
        "requires_payment_method" if intent.last_payment_error.is_some() => ObservedStatus::Failed,
        "requires_payment_method" | "requires_confirmation" | "requires_action" | "processing" | "requires_capture" => {
            ObservedStatus::Pending
        }
        "canceled" => ObservedStatus::Abandoned,
        other => return Err(GatewayError::Unreadable(format!("unknown payment intent status {other:?}"))),
    })
}

fn minor(amount: u64) -> Result<i64, GatewayError> {
    let amount = i64::try_from(amount).ok().filter(|amount| *amount <= Money::AMOUNT_MINOR_MAX);
    amount.ok_or_else(|| GatewayError::Unreadable("an amount beyond all bounds".to_owned()))
}

fn fault(response: &Response) -> Option<Fault> {
    serde_json::from_slice::<Refusal>(&response.body).ok().map(|refusal| refusal.error)
}

fn read<'a, T: Deserialize<'a>>(response: &'a Response) -> Result<T, GatewayError> {
    response.refuse_if_unavailable()?;
    let status = response.status;
    if (200..=299).contains(&status) {
        return serde_json::from_slice(&response.body).map_err(|error| GatewayError::Unreadable(error.to_string()));
    }
    let fault = fault(response).ok_or_else(|| GatewayError::Unreadable(format!("HTTP {status} without a reason")))?;
    let words = fault.message.or(fault.code).unwrap_or(fault.kind);
    Err(match status {
        401 | 403 => GatewayError::Unauthorised(words),
        // The first request with the same key is still being worked on.
        409 => GatewayError::Unavailable(words),
        _ => GatewayError::Refused(words),
    })
}

#[cfg(test)]
mod tests;
