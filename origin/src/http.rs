//! The whole route table, and what every request gets: an id, a log line, a limit, and errors as problem+json.

pub mod books;
pub mod health;
pub mod internal;
pub mod metrics;
pub mod operator;
pub mod webhook;

use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use domain::wire::{
    HEADER_REQUEST_ID, ORIGIN_BANK_ACCOUNTS, ORIGIN_GATEWAYS, ORIGIN_GIVE_UP, ORIGIN_JOURNAL, ORIGIN_LEDGER,
    ORIGIN_ORDER, ORIGIN_OUTBOX, ORIGIN_PAYMENTS, ORIGIN_PAYOUT_FILE, ORIGIN_PAYOUTS, ORIGIN_PLACE_ORDER,
    ORIGIN_REFUNDS, ORIGIN_RESEND, ORIGIN_RESTATE, ORIGIN_STATEMENT, ORIGIN_TROUBLES, ORIGIN_VERIFY,
};
use tracing::Instrument;
use uuid::Uuid;

use crate::App;
use crate::error::{Error, write_problem};

/// Largest request body, in bytes.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// Names a request in every process that it touches.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Every route.
pub fn router(app: App) -> Router {
    let internal = Router::new()
        .route(ORIGIN_PLACE_ORDER, post(internal::place_order))
        .route(&format!("{ORIGIN_ORDER}{{order_id}}"), get(internal::show_order))
        .route(&format!("{ORIGIN_ORDER}{{order_id}}{ORIGIN_REFUNDS}"), post(internal::refund))
        .route(&format!("{ORIGIN_ORDER}{{order_id}}{ORIGIN_REFUNDS}/{{refund_id}}/retry"), post(internal::retry_refund))
        .route(
            &format!("{ORIGIN_ORDER}{{order_id}}{ORIGIN_REFUNDS}/{{refund_id}}/settle"),
            post(internal::settle_refund),
        )
        .route(ORIGIN_RESTATE, post(internal::restate))
        .route(ORIGIN_LEDGER, get(books::balances))
        .route(ORIGIN_STATEMENT, get(books::statement))
        .route(ORIGIN_JOURNAL, get(books::journal))
        .route(ORIGIN_PAYOUTS, get(books::payouts).post(books::pay_out))
        .route(&format!("{ORIGIN_PAYOUTS}/{{payout_id}}"), get(books::show_payout))
        .route(ORIGIN_PAYOUT_FILE, get(books::payout_file))
        .route(ORIGIN_BANK_ACCOUNTS, get(books::bank_accounts).post(books::set_bank_account))
        .route(&format!("{ORIGIN_PAYOUTS}/{{payout_id}}/confirm"), post(books::confirm_payout))
        .route(&format!("{ORIGIN_PAYOUTS}/{{payout_id}}/return"), post(books::return_payout))
        .route(&format!("{ORIGIN_VERIFY}{{checkout_id}}"), post(internal::verify))
        .route(&format!("{ORIGIN_GIVE_UP}{{checkout_id}}"), post(internal::give_up))
        .route(&format!("{ORIGIN_ORDER}{{order_id}}{ORIGIN_PAYMENTS}"), post(internal::pay))
        .route(ORIGIN_GATEWAYS, get(internal::gateways))
        .route(ORIGIN_TROUBLES, get(operator::troubles))
        .route(&format!("{ORIGIN_OUTBOX}{{message_id}}{ORIGIN_RESEND}"), post(operator::resend))
        .route_layer(from_fn_with_state(app.clone(), internal::require_signature));
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/metrics", get(metrics::metrics))
        .route("/webhooks/{gateway}", post(webhook::receive))
        .merge(internal)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn(identify))
        .with_state(app)
}

async fn not_found() -> Error {
    Error::rejected(StatusCode::NOT_FOUND, "not_found", "Not found", "there is nothing at this address")
}

async fn method_not_allowed() -> Error {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    Error::rejected(status, "method_not_allowed", "Method not allowed", "this address takes another method; see Allow")
}

/// The body as it came.
async fn read_body(request: Request) -> Result<Bytes, Error> {
    Bytes::from_request(request, &()).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let detail = format!("a request has at most {BODY_BYTES_MAX} bytes");
            Error::rejected(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "Body too large", detail)
        }
        _ => Error::rejected(StatusCode::BAD_REQUEST, "unreadable_body", "Unreadable body", rejection.body_text()),
    })
}

fn header_text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Gives the request its id, or keeps the one that it came with, logs it once, and writes the bodies of problems.
async fn identify(mut request: Request, next: Next) -> Response {
    const HEADER: HeaderName = HeaderName::from_static(HEADER_REQUEST_ID);
    let given = header_text(request.headers(), HEADER_REQUEST_ID)
        .filter(|id| (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()));
    let id = given.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!("request", request_id = id, method = %request.method(), path = request.uri().path());
    async move {
        let began = Instant::now();
        let mut response = write_problem(next.run(request).await, &id);
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(HEADER, value);
        }
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(status = response.status().as_u16(), duration_ms, "answered");
        response
    }
    .instrument(span)
    .await
}
