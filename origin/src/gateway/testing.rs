//! What the tests of all gateways need.

use domain::money::{Currency, Money};
use domain::time::Timestamp;
use serde_json::Value;

use super::{Body, Initialise, RefundOrder, Request, Response};

/// An answer with this body.
pub(super) fn answer(status: u16, body: &str) -> Response {
    Response { status, headers: http::HeaderMap::new(), body: body.as_bytes().to_vec() }
}

/// A payment to be begun.
pub(super) fn payment<'a>(amount_minor: i64, currency: Currency) -> Initialise<'a> {
    Initialise {
        reference: "ref-1",
        amount: Money::new(amount_minor, currency),
        email: "ada@example.com",
        return_url: "https://shop.example/o/1",
        order_id: "1",
        payer_id: None,
    }
}

/// A refund of 50.00 naira.
pub(super) fn order<'a>() -> RefundOrder<'a> {
    RefundOrder {
        id: "rf-1",
        reference: "ref-1",
        gateway_id: Some("1641"),
        amount: Money::new(5_000, Currency::Ngn),
        is_full: false,
        reason: "It did not fit",
        gateway_refund_id: None,
        asked_at: Timestamp(1_790_000_000_000),
    }
}

/// The JSON that a request sends, as text.
pub(super) fn text_of(request: &Request) -> &str {
    let Body::Json(body) = &request.body else { panic!("{request:?}") };
    std::str::from_utf8(body).unwrap()
}

/// The JSON that a request sends.
pub(super) fn json_of(request: &Request) -> Value {
    serde_json::from_str(text_of(request)).unwrap()
}

/// The form that a request sends.
pub(super) fn form_of(request: &Request) -> Vec<(String, String)> {
    let Body::Form(body) = &request.body else { panic!("{request:?}") };
    form_urlencoded::parse(body.as_bytes()).into_owned().collect()
}

/// What a header of a request says.
pub(super) fn header_of<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.as_str())
}
