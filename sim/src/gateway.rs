//! The payment gateway: Paystack's API as far as the origin uses it, with payments that nobody made yet, made twice, or made for too
//! little, and notices that come when they like.

use domain::signature::paystack;
use http::StatusCode;
use serde_json::{Value, json};

/// The shop's secret key there.
pub(crate) const SECRET: &str = "sk_test_simulated";

/// The gateway's books.
#[derive(Debug, Default)]
pub(crate) struct Gateway {
    pub(crate) payments: Vec<Payment>,
    pub(crate) notices: Vec<Notice>,
}

/// A payment as the gateway knows it.
#[derive(Debug)]
pub(crate) struct Payment {
    pub(crate) reference: String,
    requested_minor: i64,
    currency: String,
    status: Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// What Paystack calls a payment that nobody has made yet.
    Abandoned,
    Failed,
    Success {
        amount_minor: i64,
    },
}

/// What the origin is to be told.
#[derive(Debug)]
pub(crate) struct Notice {
    pub(crate) body: String,
    /// Answered with 200, or given up.
    pub(crate) is_over: bool,
}

impl Notice {
    /// The signature of its body.
    pub(crate) fn signature(&self) -> String {
        paystack::sign(SECRET, self.body.as_bytes())
    }
}

impl Payment {
    /// Whether money was captured.
    pub(crate) const fn is_captured(&self) -> bool {
        matches!(self.status, Status::Success { .. })
    }

    fn data(&self, id: usize) -> Value {
        let (status, amount) = match self.status {
            Status::Abandoned => ("abandoned", self.requested_minor),
            Status::Failed => ("failed", self.requested_minor),
            Status::Success { amount_minor } => ("success", amount_minor),
        };
        json!({
            "id": id + 1_000,
            "status": status,
            "reference": self.reference,
            "amount": amount,
            "currency": self.currency,
            "requested_amount": self.requested_minor,
        })
    }
}

impl Gateway {
    /// The answer to a request.
    pub(crate) fn answer(&mut self, request: &http::Request<Vec<u8>>) -> http::Response<Vec<u8>> {
        let bearer = request.headers().get(http::header::AUTHORIZATION);
        if bearer.is_none_or(|given| given.as_bytes() != format!("Bearer {SECRET}").as_bytes()) {
            return refusal(StatusCode::UNAUTHORIZED, "invalid_Key");
        }
        let path = request.uri().path();
        match path.strip_prefix("/transaction/verify/") {
            Some(reference) => self.verify(reference),
            None if path == "/transaction/initialize" => self.initialise(request.body()),
            None => refusal(StatusCode::NOT_FOUND, "unknown"),
        }
    }

    fn initialise(&mut self, body: &[u8]) -> http::Response<Vec<u8>> {
        let wanted: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |field: &str| wanted[field].as_str().unwrap_or_default().to_owned();
        let (reference, currency) = (text("reference"), text("currency"));
        let Ok(requested_minor) = text("amount").parse() else {
            return refusal(StatusCode::BAD_REQUEST, "invalid_params");
        };
        if self.payments.iter().any(|payment| payment.reference == reference) {
            return refusal(StatusCode::BAD_REQUEST, "duplicate_reference");
        }
        let url = format!("https://pay.simulated/{reference}");
        let answer = success(&json!({"authorization_url": url, "access_code": "x", "reference": reference}));
        self.payments.push(Payment { reference, requested_minor, currency, status: Status::Abandoned });
        answer
    }

    fn verify(&self, reference: &str) -> http::Response<Vec<u8>> {
        match self.payments.iter().enumerate().find(|(_, payment)| payment.reference == reference) {
            Some((id, payment)) => success(&payment.data(id)),
            None => refusal(StatusCode::BAD_REQUEST, "transaction_not_found"),
        }
    }

    /// Somebody pays, unless it was paid before.
    pub(crate) fn pay(&mut self, which: u8, less: u8) {
        let Some(id) = choose(which, self.payments.len()) else { return };
        let payment = &mut self.payments[id];
        if !payment.is_captured() {
            payment.status = Status::Success { amount_minor: payment.requested_minor - i64::from(less) };
            self.tell(id, "charge.success");
        }
    }

    /// Somebody is declined, unless it was paid before.
    pub(crate) fn decline(&mut self, which: u8) {
        let Some(id) = choose(which, self.payments.len()) else { return };
        let payment = &mut self.payments[id];
        if !payment.is_captured() {
            payment.status = Status::Failed;
            self.tell(id, "charge.failed");
        }
    }

    fn tell(&mut self, id: usize, event: &str) {
        let body = json!({"event": event, "data": self.payments[id].data(id)}).to_string();
        self.notices.push(Notice { body, is_over: false });
    }
}

/// One of so many things.
pub(crate) fn choose(which: u8, count: usize) -> Option<usize> {
    usize::from(which).checked_rem(count)
}

fn answer(status: StatusCode, body: &Value) -> http::Response<Vec<u8>> {
    let mut response = http::Response::new(body.to_string().into_bytes());
    *response.status_mut() = status;
    response
}

fn success(data: &Value) -> http::Response<Vec<u8>> {
    answer(StatusCode::OK, &json!({"status": true, "message": "ok", "data": data}))
}

fn refusal(status: StatusCode, code: &str) -> http::Response<Vec<u8>> {
    answer(status, &json!({"status": false, "message": code, "code": code}))
}
