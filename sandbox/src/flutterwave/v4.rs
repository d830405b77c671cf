//! Flutterwave's fourth interface: customers, checkout sessions, charges, refunds, chargebacks.
//!
//! The hosted page is a checkout session (`POST /checkout/sessions`, which wants a customer first); the orchestrator's direct
//! charge by OPay leads to a page too, by its `next_action`. A charge of a session exists once somebody has tried to pay, and
//! is found by the session's `reference`. Tokens live ten minutes. A repeated `X-Idempotency-Key` gets the first answer again,
//! whatever is asked for the second time, with `X-Idempotency-Cache-Hit: true`; without a key, references alone are unique.
//!
//! Sources: developer.flutterwave.com/docs/authentication, /idempotency, /payment-orchestrator-flow, /refunds, /webhooks,
//! /error-codes, and the OpenAPI documents of its reference: create-a-checkout-session, list-charges, refunds_post,
//! get-chargeback-by-id.

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use domain::time::{Millis, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::App;
use crate::credentials::{bearer, is_valid, same, token};
use crate::gateways::Gateway;
use crate::notices::Happening;
use crate::payments::Payment;
use crate::webhook::Notice;
use refusal::Refusal;

mod back;
mod charges;
mod customers;
mod idempotency;
mod refusal;
mod shape;

const TOKEN_LIFETIME: Millis = Millis::minutes(10);

/// The routes below `/flutterwave/v4`, all of which need a token.
pub fn routes(app: App) -> Router<App> {
    Router::new()
        .route("/customers", post(customers::create).get(customers::list))
        .route("/customers/search", post(customers::search))
        .route("/customers/{id}", get(customers::show))
        .route("/checkout/sessions", post(charges::create_session))
        .route("/checkout/sessions/{id}", get(charges::show_session))
        .route("/orchestration/direct-charges", post(charges::create_direct))
        .route("/charges", get(charges::list))
        .route("/charges/{id}", get(charges::show))
        .route("/refunds", post(back::create_refund).get(back::list_refunds))
        .route("/refunds/{id}", get(back::show_refund))
        .route("/chargebacks", get(back::list_chargebacks))
        .route("/chargebacks/{id}", get(back::show_chargeback))
        .layer(from_fn_with_state(app, require_token))
}

/// Where a client gets its token. The real one is on another host, which is no gateway's.
pub fn token_route() -> Router<App> {
    Router::new().route("/flutterwave/token", post(give_token))
}

/// OAuth 2.0 client credentials, as Keycloak answers them.
async fn give_token(State(app): State<App>, body: Result<Bytes, BytesRejection>) -> Response {
    let refuse = |status: StatusCode, error: &str, description: &str| {
        (status, Json(json!({"error": error, "error_description": description}))).into_response()
    };
    let Ok(body) = body else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_request", "The body is too large");
    };
    let field = |name: &str| {
        form_urlencoded::parse(&body)
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    if field("grant_type") != "client_credentials" {
        return refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type", "Unsupported grant_type");
    }
    let right = app.settings().keys.flutterwave_v4.as_ref().is_some_and(|keys| {
        same(field("client_id").as_bytes(), keys.client_id.as_bytes())
            & same(field("client_secret").as_bytes(), keys.client_secret.as_bytes())
    });
    if !right {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client", "Invalid client or Invalid client credentials");
    }
    Json(json!({
        "access_token": token(secret(&app), app.now()),
        "expires_in": TOKEN_LIFETIME.0 / 1_000,
        "refresh_expires_in": 0,
        "token_type": "Bearer",
        "not-before-policy": 0,
        "scope": "profile email",
    }))
    .into_response()
}

fn secret(app: &App) -> &str {
    app.settings().keys.flutterwave_v4.as_ref().map(|keys| keys.client_secret.as_str()).unwrap_or_default()
}

async fn require_token(State(app): State<App>, headers: HeaderMap, request: HttpRequest, next: Next) -> Response {
    let since = app.outages().tokens_since(Gateway::FlutterwaveV4.name());
    let right = bearer(&headers).is_some_and(|given| is_valid(secret(&app), given, TOKEN_LIFETIME, since, app.now()));
    if !right {
        return Refusal::new("UNAUTHORIZED", "10401", "The token is missing, not valid, or has expired")
            .into_response();
    }
    next.run(request).await
}

fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::invalid("body", error.to_string()))
}

fn success(message: &str, data: &Value) -> Value {
    json!({"status": "success", "message": message, "data": data})
}

/// A list, as Flutterwave has it: ten a page unless asked otherwise.
fn page(message: &str, data: Vec<Value>, asked: &Page) -> Json<Value> {
    let (size, number) = (asked.size.unwrap_or(10).clamp(1, 50), asked.page.unwrap_or(1).max(1));
    let total = data.len();
    let shown: Vec<Value> = data.into_iter().skip((number - 1).saturating_mul(size)).take(size).collect();
    let info = json!({"total": total, "current_page": number, "total_pages": total.div_ceil(size)});
    Json(json!({"status": "success", "message": message, "meta": {"page_info": info}, "data": shown}))
}

/// Which part of a list.
#[derive(Debug, Default, Deserialize)]
struct Page {
    page: Option<usize>,
    size: Option<usize>,
}

/// What Flutterwave says about what happened. It sends `charge.completed` for failures too: the status tells.
pub fn notices(payment: &Payment, happening: Happening, now: Timestamp) -> Vec<Notice> {
    let (event, data) = match happening {
        Happening::Paid => ("charge.completed", shape::charge(payment, shape::View::Now, None)),
        Happening::Declined => ("charge.completed", shape::charge(payment, shape::View::Declined, None)),
        Happening::RefundEnded(id) => ("refund.completed", shape::refund(payment, id)),
        Happening::Disputed(id) => ("chargeback.created", shape::chargeback(payment, id)),
        Happening::DisputeClosed(id) => ("chargeback.updated", shape::chargeback(payment, id)),
        // Refunds are announced when they end; what is paid is taken, whatever it is.
        Happening::RefundRequested(_) | Happening::Rejected(_) => return Vec::new(),
    };
    let webhook_id = format!("wbk_{}", shape::word(&format!("{event}{}{}", data["id"], data["status"])));
    let body = json!({"webhook_id": webhook_id, "timestamp": now.as_millis(), "type": event, "data": data});
    vec![Notice { event: event.to_owned(), body: body.to_string() }]
}
