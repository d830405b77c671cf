//! How the Worker calls the origin: the only place that knows its address.

use domain::ids::{CheckoutId, OrderId, RefundId};
use domain::signature::{Audience, SignedParts};
use domain::wire::{
    CHECKOUT_DIFFERS, CHECKOUT_GIVEN_UP, COUPON_USED_BY_YOU, COUPON_USED_UP, GatewayName, GatewayOffers, GiveUpAnswer,
    HEADER_REQUEST_ID, NOT_AWAITING_PAYMENT, NextPayment, ORIGIN_GATEWAYS, ORIGIN_GIVE_UP, ORIGIN_ORDER,
    ORIGIN_PAYMENTS, ORIGIN_PLACE_ORDER, ORIGIN_REFUNDS, ORIGIN_VERIFY, OrderView, PaymentHandle, PlaceOrder,
    PlacedOrder, Problem, RefundRequest, RefundRight,
};
use http::StatusCode;
use serde::de::DeserializeOwned;
use worker::wasm_bindgen::JsValue;
use worker::{Method, Request, RequestInit};

use crate::context::Context;
use crate::error::{Error, Rejection, sentence};
use crate::outgoing;

/// How long the origin may take. It may have to ask a gateway.
const TIMEOUT_MS: u64 = 15_000;
/// How long it may take to say what it knows by heart, on the way to a page.
const TIMEOUT_SHORT_MS: u64 = 3_000;

/// The code of the problem that the origin answers when a gateway does not.
pub(crate) const GATEWAY_UNAVAILABLE: &str = "gateway_unavailable";

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

/// A checkout will not be paid; unless it is already.
pub(crate) async fn give_up(context: &Context, checkout_id: CheckoutId) -> Result<GiveUpAnswer, Error> {
    send(context, Method::Post, &format!("{ORIGIN_GIVE_UP}{checkout_id}"), "")
        .await?
        .map_err(|problem| refused(*problem))
}

/// Through which gateways one can pay.
pub(crate) async fn gateways(context: &Context) -> Result<GatewayOffers, Error> {
    let (status, text) = exchange(context, Method::Get, ORIGIN_GATEWAYS, "", TIMEOUT_SHORT_MS).await?;
    read::<GatewayOffers>(status, &text)?.map_err(|problem| refused(*problem))
}

/// The page on which an order that waits is paid through `gateway`.
pub(crate) async fn pay(context: &Context, order_id: OrderId, gateway: GatewayName) -> Result<PaymentHandle, Error> {
    let path = format!("{ORIGIN_ORDER}{order_id}{ORIGIN_PAYMENTS}");
    send(context, Method::Post, &path, &serde_json::to_string(&NextPayment { gateway })?)
        .await?
        .map_err(|problem| refused(*problem))
}

/// Gives back everything of an order that has not left, for its buyer.
pub(crate) async fn cancel(context: &Context, order_id: OrderId) -> Result<OrderView, Error> {
    let request = RefundRequest {
        // A buyer cancels an order once, however often they say so.
        refund_id: RefundId(order_id.0),
        by: RefundRight::Shopper,
        actor: "the buyer".to_owned(),
        part: None,
        restock: true,
        reason: "Cancelled by the buyer".to_owned(),
    };
    let path = format!("{ORIGIN_ORDER}{order_id}{ORIGIN_REFUNDS}");
    send(context, Method::Post, &path, &serde_json::to_string(&request)?).await?.map_err(|problem| refused(*problem))
}

/// Passes on what an operator asks of the origin, and the answer as it is: status and JSON.
pub(crate) async fn relay(context: &Context, method: Method, path: &str, body: &str) -> Result<(u16, String), Error> {
    let (status, text) = exchange(context, method, path, body, TIMEOUT_MS).await?;
    match read::<serde_json::Value>(status, &text)? {
        Ok(_) | Err(_) => Ok((status, text)),
    }
}

async fn send<T: DeserializeOwned>(
    context: &Context,
    method: Method,
    path: &str,
    body: &str,
) -> Result<Result<T, Box<Problem>>, Error> {
    let (status, text) = exchange(context, method, path, body, TIMEOUT_MS).await?;
    read(status, &text)
}

/// One signed request; the answer's status and text.
async fn exchange(
    context: &Context,
    method: Method,
    path: &str,
    body: &str,
    timeout_ms: u64,
) -> Result<(u16, String), Error> {
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

    outgoing::send("origin", request, timeout_ms).await
}

/// What an answer says: what was asked for, what the origin has against it, or that a part of the world is missing.
fn read<T: DeserializeOwned>(status: u16, text: &str) -> Result<Result<T, Box<Problem>>, Error> {
    match status {
        200..=299 => serde_json::from_str(text).map(Ok).map_err(|error| Error::fault("origin", error)),
        400..=499 if !matches!(status, 401 | 408 | 429) => serde_json::from_str(text)
            .map(Err)
            .map_err(|_| Error::fault("origin", format!("{status} without a problem: {text}"))),
        // A gateway's absence is the shopper's to go round.
        500..=599 if serde_json::from_str(text).is_ok_and(|problem: Problem| problem.code == GATEWAY_UNAVAILABLE) => {
            Err(Error::rejection(
                StatusCode::SERVICE_UNAVAILABLE,
                GATEWAY_UNAVAILABLE,
                "The payment provider does not answer",
                "Nothing was charged. Pay another way, or try again in a minute.",
            ))
        }
        _ => Err(Error::fault("origin", format!("{status}: {text}"))),
    }
}

/// The origin's rejection becomes ours: it speaks to the same person.
pub(crate) fn refused(problem: Problem) -> Error {
    let (code, title) = match problem.code.as_str() {
        "quote_changed" => ("quote_changed", "A price has changed"),
        CHECKOUT_DIFFERS => (CHECKOUT_DIFFERS, "This checkout was for something else"),
        CHECKOUT_GIVEN_UP => (CHECKOUT_GIVEN_UP, "This checkout was given up"),
        "not_found" | "order_not_found" | "checkout_not_found" => ("not_found", "Not found"),
        "gateway_not_offered" | "currency_not_offered" => ("gateway_not_offered", "This way of paying is not offered"),
        NOT_AWAITING_PAYMENT => (NOT_AWAITING_PAYMENT, "This order does not wait for a payment"),
        "too_many_payments" => ("too_many_payments", "Too many payments were begun"),
        COUPON_USED_UP => (COUPON_USED_UP, "This code cannot be used again"),
        COUPON_USED_BY_YOU => (COUPON_USED_BY_YOU, "This code cannot be used again"),
        "not_refundable" => ("not_refundable", "This order cannot be cancelled"),
        _ => ("order_refused", "The order cannot be placed"),
    };
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut rejection = Rejection::new(status, code, title, sentence(problem.detail));
    rejection.fields = problem.fields;
    rejection.lines = problem.lines;
    rejection.into()
}
