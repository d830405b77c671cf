//! How the Worker calls the origin: the only place that knows its address.

use domain::ids::{CheckoutId, OrderId};
use domain::signature::{Audience, SignedParts};
use domain::wire::{
    CHECKOUT_DIFFERS, HEADER_REQUEST_ID, ORIGIN_ORDER, ORIGIN_PLACE_ORDER, ORIGIN_VERIFY, OrderView, PlaceOrder,
    PlacedOrder, Problem,
};
use http::StatusCode;
use serde::de::DeserializeOwned;
use worker::wasm_bindgen::JsValue;
use worker::{Method, Request, RequestInit};

use crate::context::Context;
use crate::error::{Error, Rejection};
use crate::outgoing;

/// How long the origin may take. It may have to ask a gateway.
const TIMEOUT_MS: u64 = 15_000;

/// Places an order, or says what the origin has against it; again with the same checkout, answers the same.
pub(crate) async fn place_order(
    context: &Context,
    order: &PlaceOrder,
) -> Result<Result<PlacedOrder, Box<Problem>>, Error> {
    send(context, Method::Post, ORIGIN_PLACE_ORDER, &serde_json::to_string(order)?).await
}

/// An order as it stands.
pub(crate) async fn order(context: &Context, order_id: OrderId) -> Result<OrderView, Error> {
    send(context, Method::Get, &format!("{ORIGIN_ORDER}{order_id}"), "").await?.map_err(|problem| refused(*problem))
}

/// Has the origin ask the gateway what became of a checkout's payment.
pub(crate) async fn verify(context: &Context, checkout_id: CheckoutId) -> Result<OrderView, Error> {
    send(context, Method::Post, &format!("{ORIGIN_VERIFY}{checkout_id}"), "")
        .await?
        .map_err(|problem| refused(*problem))
}

async fn send<T: DeserializeOwned>(
    context: &Context,
    method: Method,
    path: &str,
    body: &str,
) -> Result<Result<T, Box<Problem>>, Error> {
    context.count_origin_call();
    let parts = SignedParts {
        audience: Audience::Origin,
        method: method.as_ref(),
        path_and_query: path,
        body: body.as_bytes(),
    };
    let signature = context.keyring("EDGE_ORIGIN_KEYS")?.sign(parts, context.now(), &context.new_id().to_string());

    let mut init = RequestInit::new();
    for (name, value) in signature.pairs() {
        init.headers.set(name, &value)?;
    }
    init.headers.set(HEADER_REQUEST_ID, context.request_id())?;
    init.with_method(method);
    if !body.is_empty() {
        init.headers.set("content-type", "application/json")?;
        init.with_body(Some(JsValue::from_str(body)));
    }
    let url = format!("{}{path}", context.var("ORIGIN_URL")?.trim_end_matches('/'));
    let request = Request::new_with_init(&url, &init)?;

    let (status, text) = outgoing::send("origin", request, TIMEOUT_MS).await?;
    match status {
        200..=299 => serde_json::from_str(&text).map(Ok).map_err(|error| Error::fault("origin", error)),
        400..=499 if !matches!(status, 401 | 408 | 429) => serde_json::from_str(&text)
            .map(Err)
            .map_err(|_| Error::fault("origin", format!("{status} without a problem: {text}"))),
        _ => Err(Error::fault("origin", format!("{status}: {text}"))),
    }
}

/// The origin's rejection becomes ours: it speaks to the same person.
pub(crate) fn refused(problem: Problem) -> Error {
    let (code, title) = match problem.code.as_str() {
        "quote_changed" => ("quote_changed", "A price has changed"),
        CHECKOUT_DIFFERS => (CHECKOUT_DIFFERS, "This checkout was for something else"),
        "not_found" | "order_not_found" | "checkout_not_found" => ("not_found", "Not found"),
        "gateway_not_offered" => ("gateway_not_offered", "This way of paying is not offered"),
        _ => ("order_refused", "The order cannot be placed"),
    };
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut rejection = Rejection::new(status, code, title, problem.detail);
    rejection.fields = problem.fields;
    rejection.lines = problem.lines;
    rejection.into()
}
