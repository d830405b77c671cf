//! Paystack: builds its requests, reads its answers and webhooks. Never sends anything, never touches a float.
//!
//! Sources: paystack.com/docs/api/transaction, /docs/payments/webhooks, /docs/api/errors. Fields that are not known are
//! passed over; fields that are needed and missing make an answer unreadable, never a guess.

use domain::money::{Currency, Money};
use domain::payment::{Observation, ObservedStatus};
use domain::signature::paystack as signature;
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{BadWebhook, GatewayError, Initialise, Notice, Request, Response, Secret, Subject};

/// A Paystack account.
#[derive(Debug, Clone)]
pub struct Paystack {
    base_url: Url,
    secret_key: Secret,
}

/// What every answer has.
#[derive(Debug, Deserialize)]
struct Envelope {
    status: bool,
    message: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    data: Value,
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
    amount: Value,
    currency: String,
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
        let body = json!({
            "email": payment.email,
            "amount": payment.amount.amount_minor.to_string(),
            "currency": payment.amount.currency.code(),
            "reference": payment.reference,
            "callback_url": payment.return_url,
            "metadata": {"order_id": payment.order_id},
        });
        self.request(http::Method::POST, &["transaction", "initialize"], Some(body.to_string().into_bytes()))
    }

    pub(super) fn verify(&self, reference: &str) -> Result<Request, GatewayError> {
        self.request(http::Method::GET, &["transaction", "verify", reference], None)
    }

    fn request(&self, method: http::Method, path: &[&str], body: Option<Vec<u8>>) -> Result<Request, GatewayError> {
        let mut url = self.base_url.clone();
        url.path_segments_mut()
            .map_err(|()| GatewayError::Refused("the base URL takes no path".to_owned()))?
            .pop_if_empty()
            .extend(path);
        Ok(Request { method, url, bearer: self.secret_key.clone(), body })
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
    let text = |field| data.get(field).and_then(Value::as_str).map(str::to_owned);
    let reference = text("reference").or_else(|| text("transaction_reference"));
    let id = match data.get("id") {
        Some(Value::Number(id)) => Some(id.to_string()),
        Some(Value::String(id)) => Some(id.clone()),
        _ => None,
    };
    // Some kinds (of customers, of subscriptions) name neither: the same bytes are the same event.
    let object = id.or_else(|| reference.clone()).unwrap_or_else(|| hex::encode(Sha256::digest(body)));
    let key = format!("{event}:{object}:{}", text("status").unwrap_or_default());
    let about = match (event.as_str(), reference) {
        ("charge.success" | "charge.failed", Some(reference)) => Subject::Payment { reference },
        ("charge.success" | "charge.failed", None) => {
            return Err(BadWebhook::Unreadable("a charge without reference".to_owned()));
        }
        (_, reference) => Subject::Other { reference },
    };
    Ok(Notice { key, event, about })
}

/// The payment page's address.
pub(super) fn read_initialised(reference: &str, response: &Response) -> Result<Url, GatewayError> {
    let data: Initialised = read(response)?;
    if data.reference != reference {
        return Err(GatewayError::Unreadable(format!("it is about {:?}, not {reference:?}", data.reference)));
    }
    let url = data.authorization_url.parse().ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| GatewayError::Unreadable("authorization_url is no web address".to_owned()))
}

/// Where a payment stands.
pub(super) fn read_verified(reference: &str, response: &Response) -> Result<Observation, GatewayError> {
    let data: Transaction = match read(response) {
        Err(GatewayError::Refused(_)) if error_code(response).as_deref() == Some("transaction_not_found") => {
            return Ok(Observation {
                reference: reference.to_owned(),
                status: ObservedStatus::Unknown,
                amount_minor: 0,
                currency: String::new(),
            });
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
    let amount_minor = amount(&data.amount)
        .ok_or_else(|| GatewayError::Unreadable(format!("amount {} is no whole number of minor units", data.amount)))?;
    Ok(Observation { reference: data.reference, status, amount_minor, currency: data.currency })
}

/// Whole minor units, as a number or as text.
fn amount(value: &Value) -> Option<i64> {
    let amount = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    amount.filter(|amount| (0..=Money::AMOUNT_MINOR_MAX).contains(amount))
}

fn error_code(response: &Response) -> Option<String> {
    serde_json::from_slice::<Envelope>(&response.body).ok().and_then(|envelope| envelope.code)
}

/// `data` of an answer. `status: true` only says that the request was understood, not that anybody paid.
fn read<T: for<'de> Deserialize<'de>>(response: &Response) -> Result<T, GatewayError> {
    let status = response.status;
    if status == 429 || status >= 500 {
        return Err(GatewayError::Unavailable(format!("HTTP {status}")));
    }
    let envelope: Envelope = serde_json::from_slice(&response.body)
        .map_err(|error| GatewayError::Unreadable(format!("HTTP {status}: {error}")))?;
    match status {
        200..=299 if envelope.status => {
            serde_json::from_value(envelope.data).map_err(|error| GatewayError::Unreadable(error.to_string()))
        }
        401 | 403 => Err(GatewayError::Unauthorised(envelope.message)),
        _ if envelope.code.as_deref() == Some("duplicate_reference") => Err(GatewayError::DuplicateReference),
        _ => Err(GatewayError::Refused(envelope.message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(base_url: &str) -> Paystack {
        Paystack::new(base_url.parse().unwrap(), "sk_test_example".to_owned())
    }

    fn answer(status: u16, body: &str) -> Response {
        Response { status, body: body.as_bytes().to_vec() }
    }

    fn verified(data: &str) -> Result<Observation, GatewayError> {
        let body = format!(r#"{{"status":true,"message":"Verification successful","data":{data}}}"#);
        read_verified("ref-1", &answer(200, &body))
    }

    #[test]
    fn a_payment_is_asked_for_in_minor_units_with_the_key_in_a_header() {
        let request = account("https://api.paystack.co")
            .initialise(&Initialise {
                reference: "ref-1",
                amount: Money::new(123_456, Currency::Ngn),
                email: "ada@example.com",
                return_url: "https://shop.example/o/1",
                order_id: "1",
            })
            .unwrap();
        assert_eq!(request.url.as_str(), "https://api.paystack.co/transaction/initialize");
        assert_eq!(request.bearer.reveal(), "sk_test_example");
        let body: Value = serde_json::from_slice(&request.body.unwrap()).unwrap();
        assert_eq!((&body["amount"], &body["currency"]), (&json!("123456"), &json!("NGN")));
    }

    #[test]
    fn a_base_url_may_have_a_path_and_a_reference_cannot_leave_it() {
        let url = |base: &str, reference| account(base).verify(reference).unwrap().url.to_string();
        assert_eq!(url("http://127.0.0.1:1/paystack", "r"), "http://127.0.0.1:1/paystack/transaction/verify/r");
        assert_eq!(url("http://127.0.0.1:1/paystack/", "r"), "http://127.0.0.1:1/paystack/transaction/verify/r");
        assert_eq!(url("http://127.0.0.1:1", "a/../b?c"), "http://127.0.0.1:1/transaction/verify/a%2F..%2Fb%3Fc");
    }

    #[test]
    fn the_payment_page_is_read_and_what_is_missing_is_refused() {
        let read = |body| read_initialised("ref-1", &answer(200, body));
        let good = r#"{"status":true,"message":"ok","new":1,"data":{"authorization_url":"https://checkout.example/x","access_code":"x","reference":"ref-1","more":[]}}"#;
        assert_eq!(read(good).unwrap().as_str(), "https://checkout.example/x");
        for bad in [
            r#"{"status":true,"message":"ok","data":{"reference":"ref-1"}}"#,
            r#"{"status":true,"message":"ok","data":{"authorization_url":"https://a.example","reference":"other"}}"#,
            r#"{"status":true,"message":"ok","data":{"authorization_url":"javascript:alert(1)","reference":"ref-1"}}"#,
            r#"{"status":true,"message":"ok"}"#,
            "<html>",
        ] {
            assert!(matches!(read(bad), Err(GatewayError::Unreadable(_))), "{bad}");
        }
    }

    #[test]
    fn each_kind_of_refusal_is_told_apart() {
        let refused = |status, code: &str| {
            let body = format!(r#"{{"status":false,"message":"no","code":{code}}}"#);
            read_initialised("ref-1", &answer(status, &body)).unwrap_err()
        };
        assert_eq!(refused(400, r#""duplicate_reference""#), GatewayError::DuplicateReference);
        assert_eq!(refused(400, r#""invalid_params""#), GatewayError::Refused("no".to_owned()));
        assert_eq!(refused(200, "null"), GatewayError::Refused("no".to_owned()));
        assert_eq!(refused(401, "null"), GatewayError::Unauthorised("no".to_owned()));
        assert!(matches!(refused(502, "null"), GatewayError::Unavailable(_)));
        assert!(matches!(refused(429, "null"), GatewayError::Unavailable(_)));
    }

    #[test]
    fn a_payment_is_what_its_own_status_says_not_the_envelopes() {
        let status = |word: &str| {
            let data = format!(r#"{{"reference":"ref-1","status":"{word}","amount":5000,"currency":"NGN"}}"#);
            verified(&data).map(|observation| observation.status)
        };
        assert_eq!(status("success"), Ok(ObservedStatus::Succeeded));
        assert_eq!(status("failed"), Ok(ObservedStatus::Failed));
        assert_eq!(status("abandoned"), Ok(ObservedStatus::Abandoned));
        assert_eq!(status("ongoing"), Ok(ObservedStatus::Pending));
        assert_eq!(status("reversed"), Ok(ObservedStatus::Reversed));
        assert!(matches!(status("odd"), Err(GatewayError::Unreadable(_))));
        let unknown = r#"{"status":false,"message":"Transaction reference not found.","code":"transaction_not_found"}"#;
        assert_eq!(read_verified("ref-1", &answer(400, unknown)).unwrap().status, ObservedStatus::Unknown);
    }

    #[test]
    fn an_amount_is_whole_or_refused() {
        let amount = |text: &str| {
            let data = format!(r#"{{"reference":"ref-1","status":"success","amount":{text},"currency":"NGN"}}"#);
            verified(&data).map(|observation| observation.amount_minor)
        };
        assert_eq!(amount("5000"), Ok(5_000));
        assert_eq!(amount(r#""5000""#), Ok(5_000));
        for bad in ["5000.0", "49.99", "-1", "null", r#""5e3""#, "9007199254740993"] {
            assert!(amount(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_webhook_is_opened_only_with_the_right_signature() {
        let body = br#"{"event":"charge.success","data":{"id":302961,"status":"success","reference":"ref-1"}}"#;
        let good = signature::sign("sk_test_example", body);
        let account = account("https://api.paystack.co");
        let notice = account.open_webhook(|_| Some(&good), body).unwrap();
        assert_eq!(notice.key, "charge.success:302961:success");
        assert_eq!(notice.about, Subject::Payment { reference: "ref-1".to_owned() });
        assert_eq!(account.open_webhook(|_| None, body), Err(BadWebhook::Forged));
        let other = signature::sign("sk_test_other", body);
        assert_eq!(account.open_webhook(|_| Some(&other), body), Err(BadWebhook::Forged));
    }

    #[test]
    fn refunds_and_transfers_are_for_the_record_and_nonsense_is_refused() {
        let refund =
            br#"{"event":"refund.processed","data":{"id":"7","status":"processed","transaction_reference":"ref-1"}}"#;
        let notice = read_event(refund).unwrap();
        assert_eq!(notice.about, Subject::Other { reference: Some("ref-1".to_owned()) });
        assert!(matches!(read_event(b"{}"), Err(BadWebhook::Unreadable(_))));
        assert!(matches!(read_event(br#"{"event":"charge.success","data":{"id":1}}"#), Err(BadWebhook::Unreadable(_))));
        let nameless = br#"{"event":"subscription.create","data":{}}"#;
        let key = |body: &[u8]| read_event(body).unwrap().key;
        assert_eq!(key(nameless), key(nameless));
        assert_ne!(key(nameless), key(br#"{"event":"subscription.create","data":{"x":1}}"#));
    }
}
