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
    pub(crate) refunds: Vec<Refund>,
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

/// Money that goes back, as the gateway knows it. On its way until somebody asks about it.
#[derive(Debug)]
pub(crate) struct Refund {
    pub(crate) reference: String,
    pub(crate) amount_minor: i64,
    /// The shop's name for it.
    pub(crate) note: String,
    status: &'static str,
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

    /// What was captured.
    pub(crate) const fn captured_minor(&self) -> i64 {
        match self.status {
            Status::Success { amount_minor } => amount_minor,
            Status::Abandoned | Status::Failed => 0,
        }
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
            None if path == "/refund" && request.method() == http::Method::POST => self.refund(request.body()),
            None if path == "/refund" => self.list_refunds(request.uri().query().unwrap_or_default()),
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

    fn refund(&mut self, body: &[u8]) -> http::Response<Vec<u8>> {
        let wanted: Value = serde_json::from_slice(body).unwrap_or_default();
        let (note, amount_minor) = (wanted["merchant_note"].as_str().unwrap_or_default(), wanted["amount"].as_i64());
        let payment = number(&wanted["transaction"]).and_then(|id| self.payments.get(id.checked_sub(1_000)?));
        let (Some(payment), Some(amount_minor)) = (payment, amount_minor) else {
            return refusal(StatusCode::BAD_REQUEST, "transaction_not_found");
        };
        // What is too much is taken all the same: that nobody asks for it is what is to be proved.
        let refund =
            Refund { reference: payment.reference.clone(), amount_minor, note: note.to_owned(), status: "pending" };
        let data = refund.data(self.refunds.len());
        self.refunds.push(refund);
        success(&data)
    }

    fn list_refunds(&mut self, query: &str) -> http::Response<Vec<u8>> {
        let of = query.split('&').find_map(|pair| pair.strip_prefix("transaction="));
        let payment =
            of.and_then(|id| id.parse::<usize>().ok()?.checked_sub(1_000)).and_then(|id| self.payments.get(id));
        let Some(payment) = payment else { return success(&json!([])) };
        let mut listed = Vec::new();
        for (id, refund) in self.refunds.iter_mut().enumerate().filter(|(_, it)| it.reference == payment.reference) {
            listed.push(refund.data(id));
            refund.status = "processed";
        }
        success(&Value::Array(listed))
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

impl Refund {
    fn data(&self, id: usize) -> Value {
        json!({"id": id + 1, "amount": self.amount_minor, "status": self.status, "merchant_note": self.note})
    }
}

fn number(value: &Value) -> Option<usize> {
    value.as_str()?.parse().ok()
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
