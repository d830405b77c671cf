//! What the edge asks of the origin ([`domain::wire`], "edge → origin"). Every request is signed, and none counts twice.

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use domain::ids::{CheckoutId, OrderId, RefundId};
use domain::signature::{Audience, CLOCK_SKEW_MAX, SignatureHeaders, SignedParts};
use domain::wire::{
    GatewayOffers, GiveUpAnswer, NextPayment, OrderView, PaymentHandle, PaymentView, PlaceOrder, PlacedOrder,
    RefundRequest, Restate, Restated,
};
use serde::de::DeserializeOwned;

use super::{RequestId, header_text, read_body};
use crate::App;
use crate::error::Error;
use crate::open_payment::{self, shown};
use crate::place_order;
use crate::store::orders::StoredOrder;
use crate::store::payments::StoredPayment;
use crate::store::refunds::{self, StoredRefund};
use crate::store::sql::Connection;
use crate::store::{Tx, nonces, orders, payments};
use crate::{give_up, order_book, refund, settle};

/// Lets only requests through that the edge signed, lately, and that were not taken before.
pub async fn require_signature(State(app): State<App>, request: Request, next: Next) -> Result<Response, Error> {
    let (parts, body) = request.into_parts();
    let refused = |detail: String| Error::rejected(StatusCode::UNAUTHORIZED, "bad_signature", "Bad signature", detail);
    let signature =
        SignatureHeaders::read(|name| header_text(&parts.headers, name)).map_err(|bad| refused(bad.to_string()))?;
    let body = read_body(Request::from_parts(parts.clone(), body)).await?;
    let signed = SignedParts {
        audience: Audience::Origin,
        method: parts.method.as_str(),
        path_and_query: parts.uri.path_and_query().map_or("/", |path| path.as_str()),
        body: &body,
    };
    let now = app.now();
    app.config().keys.verify(signed, &signature, now).map_err(|bad| refused(bad.to_string()))?;
    let nonce = signature.nonce.as_str();
    let forget_at = signature.timestamp + CLOCK_SKEW_MAX;
    let new = app
        .store()
        .transact("take_nonce", move |mut tx: Tx| async move {
            let done = nonces::remember(&mut tx, nonce, forget_at, now).await?;
            tx.done(done)
        })
        .await?;
    if !new {
        let detail = "this signed request was taken before; sign another one";
        return Err(Error::rejected(StatusCode::UNAUTHORIZED, "replayed", "Replayed request", detail));
    }
    Ok(next.run(Request::from_parts(parts, Body::from(body))).await)
}

/// `POST /internal/orders`
pub async fn place_order(
    State(app): State<App>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    headers: HeaderMap,
    request: Request,
) -> Result<(StatusCode, Json<PlacedOrder>), Error> {
    let order: PlaceOrder = read_json(&headers, request).await?;
    let placement = place_order::place(&app, order, &request_id).await?;
    let status = if placement.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(placement.placed)))
}

pub(super) async fn read_json<T: DeserializeOwned>(headers: &HeaderMap, request: Request) -> Result<T, Error> {
    let media_type = header_text(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    if media_type.split(';').next().map(str::trim) != Some("application/json") {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Error::rejected(
            status,
            "unsupported_media_type",
            "Unsupported media type",
            "send application/json",
        ));
    }
    serde_json::from_slice(&read_body(request).await?).map_err(|error| {
        let (status, code) = if error.is_data() {
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid_body")
        } else {
            (StatusCode::BAD_REQUEST, "invalid_json")
        };
        Error::rejected(status, code, "Invalid body", error.to_string())
    })
}

/// `GET /internal/gateways`
pub async fn gateways(State(app): State<App>) -> Json<GatewayOffers> {
    Json(open_payment::offers(&app))
}

/// `POST /internal/orders/{order_id}/payments`
pub async fn pay(
    State(app): State<App>,
    Path(order_id): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<PaymentHandle>, Error> {
    let id: OrderId = order_id.parse().map_err(|_| Error::order_not_found())?;
    let NextPayment { gateway } = read_json(&headers, request).await?;
    Ok(Json(open_payment::pay(&app, id, gateway).await?))
}

/// `POST /internal/orders/{order_id}/refunds`
pub async fn refund(
    State(app): State<App>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    Path(order_id): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<OrderView>, Error> {
    let id: OrderId = order_id.parse().map_err(|_| Error::order_not_found())?;
    let wanted: RefundRequest = read_json(&headers, request).await?;
    refund::request(&app, id, &wanted, &request_id).await?;
    show_order(State(app), Path(order_id)).await
}

/// `POST /internal/orders/{order_id}/refunds/{refund_id}/retry`
pub async fn retry_refund(
    State(app): State<App>,
    Path((order_id, refund_id)): Path<(String, String)>,
) -> Result<Json<OrderView>, Error> {
    let (order, refund) = both(&order_id, &refund_id)?;
    refund::retry(&app, order, refund).await?;
    show_order(State(app), Path(order_id)).await
}

/// `POST /internal/orders/{order_id}/refunds/{refund_id}/settle`
pub async fn settle_refund(
    State(app): State<App>,
    Path((order_id, refund_id)): Path<(String, String)>,
) -> Result<Json<OrderView>, Error> {
    let (order, refund) = both(&order_id, &refund_id)?;
    refund::settle_by_hand(&app, order, refund).await?;
    show_order(State(app), Path(order_id)).await
}

fn both(order_id: &str, refund_id: &str) -> Result<(OrderId, RefundId), Error> {
    let order = order_id.parse().map_err(|_| Error::order_not_found())?;
    Ok((order, refund_id.parse().map_err(|_| Error::refund_not_found())?))
}

/// `POST /internal/restate`
pub async fn restate(
    State(app): State<App>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<Restated>, Error> {
    let Restate { after } = read_json(&headers, request).await?;
    Ok(Json(order_book::restate(&app, after, &request_id).await?))
}

/// `GET /internal/orders/{order_id}`
pub async fn show_order(State(app): State<App>, Path(order_id): Path<String>) -> Result<Json<OrderView>, Error> {
    let id: OrderId = order_id.parse().map_err(|_| Error::order_not_found())?;
    let mut connection = app.store().read().await?;
    let order = orders::find(&mut connection, id).await?.ok_or_else(Error::order_not_found)?;
    Ok(Json(view(&mut connection, order).await?))
}

/// `POST /internal/verify/{checkout_id}`: asks the gateway now. If it cannot answer, the order is shown as we know it.
pub async fn verify(
    State(app): State<App>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    Path(checkout_id): Path<String>,
) -> Result<Json<OrderView>, Error> {
    let id: CheckoutId = checkout_id.parse().map_err(|_| Error::order_not_found())?;
    let order_id = settle::look_at_all(&app, id, &request_id).await?.ok_or_else(Error::order_not_found)?;
    show_order(State(app), Path(order_id.to_string())).await
}

/// `POST /internal/give-up/{checkout_id}`
pub async fn give_up(
    State(app): State<App>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    Path(checkout_id): Path<String>,
) -> Result<Json<GiveUpAnswer>, Error> {
    let id: CheckoutId = checkout_id.parse().map_err(|_| Error::order_not_found())?;
    Ok(Json(give_up::give_up(&app, id, &request_id).await?))
}

async fn view(connection: &mut Connection, order: StoredOrder) -> Result<OrderView, Error> {
    let attempts = payments::of_order(&mut *connection, order.id).await?;
    let stored =
        shown(&order, &attempts).ok_or_else(|| Error::Bug(format!("order {} has no payment", order.id)))?.clone();
    let waiting = order.machine().next_deadline().is_some();
    Ok(OrderView {
        id: order.id,
        checkout_id: order.checkout_id,
        status: order.placed.status,
        quote: order.quote,
        history: orders::history(connection, order.id).await?,
        refunds: refunds::of_order(connection, order.id).await?.into_iter().map(StoredRefund::view).collect(),
        payment: payment_view(stored, waiting),
        payments: attempts.into_iter().map(|attempt| payment_view(attempt, waiting)).collect(),
        pay_before: waiting.then_some(order.placed.pay_before),
        email: order.email,
        address: order.address,
        lines: order.lines,
    })
}

fn payment_view(stored: StoredPayment, waiting: bool) -> PaymentView {
    PaymentView {
        gateway: stored.gateway,
        reference: stored.payment.reference,
        status: stored.payment.status,
        captured: stored.payment.captured.and_then(|capture| capture.money()),
        redirect_url: stored.redirect_url.filter(|_| waiting && stored.payment.status.is_open()),
    }
}
