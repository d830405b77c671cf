//! Version 4 of Flutterwave: charges, and tokens of ten minutes.
//!
//! Sources: developer.flutterwave.com/docs/payment-orchestrator-flow, /docs/opay, /docs/authentication, /reference/charges_post,
//! /reference/charges_list, /docs/webhooks.
//!
//! Version 4 has no hosted page that offers every way to pay. The nearest thing that needs nothing from the shopper but a click is a
//! charge whose next action is a redirect: OPay, which takes naira only. So naira is all that is offered here; whoever wants cards on
//! Flutterwave's own page sets version 3.
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
    AccessToken, Auth, BadWebhook, Body, GatewayError, Initialise, Notice, PaymentName, Request, Response, Secret,
    Subject, Verify, about_another, digest, page,
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
struct DirectCharge<'a> {
    amount: Major,
    currency: &'a str,
    reference: &'a str,
    customer: Customer<'a>,
    payment_method: PaymentMethod,
    redirect_url: &'a str,
    meta: OrderMeta<'a>,
}

#[derive(Debug, Serialize)]
struct Customer<'a> {
    email: &'a str,
}

#[derive(Debug, Serialize)]
struct PaymentMethod {
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Debug, Serialize)]
struct OrderMeta<'a> {
    order_id: &'a str,
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
    #[serde(default)]
    next_action: Option<NextAction>,
}

#[derive(Debug, Deserialize)]
struct Fee {
    amount: Amount,
}

#[derive(Debug, Deserialize)]
struct NextAction {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    redirect_url: Option<Redirect>,
}

#[derive(Debug, Deserialize)]
struct Redirect {
    url: String,
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

    /// Naira, the one currency of OPay.
    pub(super) const fn takes(currency: Currency) -> bool {
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

    pub(super) fn initialise(&self, payment: &Initialise<'_>) -> Result<Request, GatewayError> {
        let request = self.request(http::Method::POST, &["orchestration", "direct-charges"])?;
        request.with_header(HEADER_IDEMPOTENCY_KEY, payment.reference).with_json(&DirectCharge {
            amount: Major(payment.amount),
            currency: payment.amount.currency.code(),
            reference: payment.reference,
            customer: Customer { email: payment.email },
            payment_method: PaymentMethod { kind: "opay" },
            redirect_url: payment.return_url,
            meta: OrderMeta { order_id: payment.order_id },
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

/// The page of the wallet.
pub(super) fn read_initialised(reference: &str, response: &Response) -> Result<Url, GatewayError> {
    let charge = match read::<Charge>(response) {
        Err(GatewayError::Refused(_)) if response.status == 409 => return Err(GatewayError::DuplicateReference),
        Err(GatewayError::Refused(words)) if is_duplicate(&words) => return Err(GatewayError::DuplicateReference),
        read => read?,
    };
    if charge.reference != reference {
        return Err(about_another(&charge.reference, reference));
    }
    match charge.next_action {
        Some(NextAction { kind, redirect_url: Some(redirect) }) if kind == "redirect_url" => {
            page(&redirect.url, "redirect_url")
        }
        action => {
            let kind = action.map_or_else(|| "nothing".to_owned(), |action| action.kind);
            Err(GatewayError::Unreadable(format!("the charge waits for {kind:?}, not for a redirect")))
        }
    }
}

/// "Charge with reference already exists": the code is the same for whatever is not valid.
fn is_duplicate(words: &str) -> bool {
    let words = words.to_lowercase();
    words.contains("reference") && (words.contains("exist") || words.contains("duplicate") || words.contains("used"))
}

/// Where a payment stands. A reference is unique, but a success is taken before anything else all the same.
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
