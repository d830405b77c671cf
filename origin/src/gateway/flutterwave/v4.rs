//! Version 4 of Flutterwave: checkout sessions, and tokens of ten minutes.
//!
//! Sources: developer.flutterwave.com/docs/authentication, /docs/idempotency, /docs/webhooks, and of its reference for version 4:
//! create-a-checkout-session, customers_post, customers_search, list-charges.
//!
//! A checkout session is Flutterwave's own page. It wants a customer that was made known before; one of an e-mail address that
//! Flutterwave knows already is searched for. What somebody pays on the page are charges, each try one, under the session's reference.
//!
//! Both a reference and an `X-Idempotency-Key` may be used once. The same request with the same key is answered as before, so that an
//! answer that got lost is asked for again; once Flutterwave has forgotten the key, it refuses the reference, and another attempt takes
//! its place.

pub(super) mod refunds;

use domain::money::Currency;
use domain::payment::{Observation, ObservedStatus};
use domain::signature::flutterwave::v4 as signature;
use domain::time::Timestamp;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::figures::{Amount, Major, Name, text};
use super::super::{
    AccessToken, Auth, BadWebhook, Body, GatewayError, Initialise, Introduction, Notice, PaymentName, Request,
    Response, Secret, Subject, Verify, about_another, digest, page,
};
use super::{minor, open, read};

const HEADER_IDEMPOTENCY_KEY: &str = "x-idempotency-key";

/// An account of version 4.
#[derive(Debug, Clone)]
pub struct FlutterwaveV4 {
    base_url: Url,
    token_url: Url,
    client_id: Secret,
    client_secret: Secret,
    secret_hash: Secret,
}

/// The secrets of an account of version 4.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Opens the token endpoint.
    pub client_id: Secret,
    /// Opens it too.
    pub client_secret: Secret,
    /// Signs the webhooks.
    pub secret_hash: Secret,
}

#[derive(Debug, Serialize)]
struct Email<'a> {
    email: &'a str,
}

#[derive(Debug, Deserialize)]
struct Customer {
    id: String,
    email: String,
}

#[derive(Debug, Serialize)]
struct Wanted<'a> {
    amount: Major,
    currency: &'a str,
    customer_id: &'a str,
    reference: &'a str,
    redirect_url: &'a str,
}

#[derive(Debug, Deserialize)]
struct Session {
    reference: String,
    checkout_url: String,
}

#[derive(Debug, Deserialize)]
struct Charge {
    id: Name,
    reference: String,
    status: String,
    amount: Amount,
    currency: String,
    #[serde(default)]
    fees: Option<Vec<Fee>>,
}

#[derive(Debug, Deserialize)]
struct Fee {
    amount: Amount,
}

#[derive(Debug, Deserialize)]
struct Token {
    access_token: String,
    expires_in: u32,
}

#[derive(Debug, Deserialize)]
struct TokenFault {
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    error_description: Option<String>,
}

impl FlutterwaveV4 {
    /// The account of `credentials`, reached at `base_url`. Tokens are had at `token_url`.
    pub fn new(base_url: Url, token_url: Url, credentials: Credentials) -> Self {
        let Credentials { client_id, client_secret, secret_hash } = credentials;
        Self { base_url, token_url, client_id, client_secret, secret_hash }
    }

    /// Every currency of the shop: a session may be in any.
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
        Request::new(method, &self.base_url, path, Auth::Token)
    }

    pub(super) fn authenticate(&self) -> Request {
        let request = Request {
            method: http::Method::POST,
            url: self.token_url.clone(),
            auth: Auth::None,
            headers: Vec::new(),
            body: Body::None,
        };
        request.with_form(&[
            ("client_id", self.client_id.reveal()),
            ("client_secret", self.client_secret.reveal()),
            ("grant_type", "client_credentials"),
        ])
    }

    pub(super) fn introduce(&self, payment: &Initialise<'_>) -> Result<Request, GatewayError> {
        self.request(http::Method::POST, &["customers"])?.with_json(&Email { email: payment.email })
    }

    pub(super) fn read_introduced(
        &self,
        payment: &Initialise<'_>,
        response: &Response,
    ) -> Result<Introduction, GatewayError> {
        match read::<Customer>(response) {
            Ok(customer) => Ok(Introduction::Named(customer.id)),
            Err(GatewayError::Refused(words)) if response.status == 409 || is_used(&words) => {
                let request = self.request(http::Method::POST, &["customers", "search"])?;
                Ok(Introduction::KnownAlready(request.with_json(&Email { email: payment.email })?))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn initialise(&self, payment: &Initialise<'_>) -> Result<Request, GatewayError> {
        let missing = || GatewayError::Refused("a session needs a customer that was made known".to_owned());
        let request = self.request(http::Method::POST, &["checkout", "sessions"])?;
        request.with_header(HEADER_IDEMPOTENCY_KEY, payment.reference).with_json(&Wanted {
            amount: Major(payment.amount),
            currency: payment.amount.currency.code(),
            customer_id: payment.payer_id.ok_or_else(missing)?,
            reference: payment.reference,
            redirect_url: payment.return_url,
        })
    }

    pub(super) fn verify(&self, payment: Verify<'_>) -> Result<Request, GatewayError> {
        Ok(self.request(http::Method::GET, &["charges"])?.with_query(&[("reference", payment.reference)]))
    }

    pub(super) fn open_webhook<'h>(
        &self,
        header: impl Fn(&'static str) -> Option<&'h str>,
        body: &[u8],
    ) -> Result<Notice, BadWebhook> {
        let given = header(signature::HEADER).ok_or(BadWebhook::Forged)?;
        if !signature::verify(self.secret_hash.reveal(), body, given) {
            return Err(BadWebhook::Forged);
        }
        read_event(body)
    }
}

/// An event is named by its kind, its object, the object's status and its `webhook_id`, of which the documentation does not say
/// whether it names the event alone.
fn read_event(body: &[u8]) -> Result<Notice, BadWebhook> {
    let event: Value = serde_json::from_slice(body).map_err(|error| BadWebhook::Unreadable(error.to_string()))?;
    let name =
        text(&event, "type").ok_or_else(|| BadWebhook::Unreadable("it does not say what happened".to_owned()))?;
    let data = event.get("data").unwrap_or(&Value::Null);
    let (id, reference, charge) = (text(data, "id"), text(data, "reference"), text(data, "charge_id"));
    let object = id.clone().unwrap_or_else(|| digest(body));
    let status = text(data, "status").unwrap_or_default();
    let key = format!("{name}:{object}:{status}:{}", text(&event, "webhook_id").unwrap_or_default());
    let about = match (name.split('.').next().unwrap_or_default(), reference, charge, id) {
        ("charge", Some(reference), _, _) => Subject::Payment { reference },
        ("charge", None, _, _) => return Err(BadWebhook::Unreadable("a charge without reference".to_owned())),
        ("refund", _, Some(charge), _) => Subject::Refund { payment: PaymentName::GatewayId(charge) },
        ("chargeback", _, Some(charge), Some(dispute_id)) => {
            Subject::Dispute { payment: PaymentName::GatewayId(charge), dispute_id }
        }
        (_, reference, _, _) => Subject::Other { reference },
    };
    Ok(Notice { key, event: name, about })
}

/// The token endpoint speaks OpenID, not Flutterwave's own way.
pub(super) fn read_token(response: &Response, asked_at: Timestamp) -> Result<AccessToken, GatewayError> {
    response.refuse_if_unavailable()?;
    let unreadable = |error: serde_json::Error| GatewayError::Unreadable(format!("HTTP {}: {error}", response.status));
    if !(200..=299).contains(&response.status) {
        let fault: TokenFault = serde_json::from_slice(&response.body).map_err(unreadable)?;
        let words = fault.error_description.or(fault.error).unwrap_or_else(|| "no reason given".to_owned());
        return Err(GatewayError::Unauthorised(words));
    }
    let token: Token = serde_json::from_slice(&response.body).map_err(unreadable)?;
    Ok(AccessToken::living(token.access_token, token.expires_in, asked_at))
}

/// The customer of that e-mail address among those that were found.
pub(super) fn read_payer(payment: &Initialise<'_>, response: &Response) -> Result<String, GatewayError> {
    let found: Vec<Customer> = read(response)?;
    let ours = found.into_iter().find(|customer| customer.email.eq_ignore_ascii_case(payment.email));
    ours.map(|customer| customer.id)
        .ok_or_else(|| GatewayError::Unreadable("it knows the customer, but does not find them".to_owned()))
}

/// The session's page.
pub(super) fn read_initialised(reference: &str, response: &Response) -> Result<Url, GatewayError> {
    let session: Session = match read(response) {
        Err(GatewayError::Refused(words)) if response.status == 409 || is_used(&words) => {
            return Err(GatewayError::DuplicateReference);
        }
        read => read?,
    };
    if session.reference != reference {
        return Err(about_another(&session.reference, reference));
    }
    page(&session.checkout_url, "checkout_url")
}

/// "Checkout session with reference already exists".
fn is_used(words: &str) -> bool {
    words.to_lowercase().contains("already exists")
}

/// Where a payment stands. Every try to pay is a charge, and a success is taken before any other. Until the first try there is none.
pub(super) fn read_verified(reference: &str, response: &Response) -> Result<Observation, GatewayError> {
    let mut charges: Vec<Charge> = match read(response) {
        Err(GatewayError::Refused(_)) if response.status == 404 => Vec::new(),
        read => read?,
    };
    let is_more = open(response).is_ok_and(|envelope| envelope.has_more());
    charges.retain(|charge| charge.reference == reference);
    let success = charges.iter().position(|charge| charge.status == "succeeded");
    let position = success.or_else(|| (!charges.is_empty()).then_some(0));
    match position {
        Some(position) => observation(charges.swap_remove(position)),
        None if is_more => Err(GatewayError::Unreadable("the charges are listed without their reference".to_owned())),
        None => Ok(Observation::unknown(reference.to_owned())),
    }
}

fn observation(charge: Charge) -> Result<Observation, GatewayError> {
    let status = match charge.status.as_str() {
        "succeeded" => ObservedStatus::Succeeded,
        "failed" => ObservedStatus::Failed,
        "cancelled" | "timeout" | "expired" => ObservedStatus::Abandoned,
        "voided" | "reversed" => ObservedStatus::Reversed,
        "pending" | "requires_action" => ObservedStatus::Pending,
        other => return Err(GatewayError::Unreadable(format!("unknown status {other:?}"))),
    };
    let fee = |fees: Vec<Fee>| fees.iter().try_fold(0_i64, |sum, fee| Some(sum + fee.amount.major(&charge.currency)?));
    Ok(Observation {
        status,
        amount_minor: minor(&charge.amount, &charge.currency)?,
        gateway_id: Some(charge.id.0),
        fee_minor: charge.fees.and_then(fee),
        reference: charge.reference,
        currency: charge.currency,
    })
}

#[cfg(test)]
mod tests;
