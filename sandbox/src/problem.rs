//! Errors as `application/problem+json` (RFC 9457) with stable codes, and the request id that every answer carries.
//!
//! The gateways' own endpoints do not use it: each answers as the real one does.

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tracing::Instrument;
use uuid::Uuid;

use crate::book::BookError;
use crate::payments::Rejection;
use crate::webhook::QueueFull;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_LENGTH_MAX: usize = 128;

/// What went wrong, for a program (`code`) and for a person (`detail`).
#[derive(Debug, Clone)]
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// Stable, snake_case.
    pub code: &'static str,
    /// What happened and what to do about it.
    pub detail: String,
}

impl Problem {
    /// A problem of the caller's making.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, detail: detail.into() }
    }

    /// A thing that is not there.
    pub fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, code, detail: detail.into() }
    }
}

impl From<BookError> for Problem {
    fn from(error: BookError) -> Self {
        let (status, code) = match &error {
            BookError::DuplicateReference(_) => (StatusCode::CONFLICT, "duplicate_reference"),
            BookError::DuplicateRefund(_) => (StatusCode::CONFLICT, "duplicate_refund"),
            BookError::UnknownReference(_) => (StatusCode::NOT_FOUND, "unknown_reference"),
            BookError::Rejected(Rejection::AlreadyPaid { .. }) => (StatusCode::CONFLICT, "already_paid"),
            BookError::Rejected(Rejection::NotPaid) => (StatusCode::CONFLICT, "not_paid"),
            BookError::Rejected(Rejection::RefundOutOfRange { .. }) => (StatusCode::BAD_REQUEST, "refund_out_of_range"),
            BookError::Rejected(Rejection::FullyRefunded) => (StatusCode::CONFLICT, "fully_refunded"),
            BookError::Rejected(Rejection::Disputed) => (StatusCode::CONFLICT, "disputed"),
            BookError::Rejected(Rejection::RefundRefused) => (StatusCode::CONFLICT, "refund_refused"),
            BookError::Rejected(Rejection::AlreadyDisputed) => (StatusCode::CONFLICT, "already_disputed"),
            BookError::Rejected(Rejection::NoDispute) => (StatusCode::CONFLICT, "no_dispute"),
            BookError::Rejected(Rejection::UnknownRefund(_)) => (StatusCode::NOT_FOUND, "unknown_refund"),
            BookError::Journal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "journal_failed"),
        };
        Self { status, code, detail: error.to_string() }
    }
}

impl From<QueueFull> for Problem {
    fn from(full: QueueFull) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, code: "webhook_queue_full", detail: full.to_string() }
    }
}

/// The body follows in [`identify`], which knows the request id.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives every request an id (the caller's, if it sent a usable one), logs its answer once, and writes problems out.
pub async fn identify(request: Request, next: Next) -> Response {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let request_id = given
        .filter(|id| (1..=REQUEST_ID_LENGTH_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()))
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = tracing::info_span!("request", request_id, %method, path);
    async {
        let mut response = next.run(request).await;
        if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            if problem.status.is_server_error() {
                tracing::error!(code = problem.code, detail = problem.detail, "request failed");
            }
            response = write_out(&problem, &request_id);
        }
        tracing::debug!(status = response.status().as_u16(), "answered");
        if let Ok(value) = HeaderValue::from_str(&request_id) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        response
    }
    .instrument(span)
    .await
}

fn write_out(problem: &Problem, request_id: &str) -> Response {
    let Problem { status, code, detail } = problem;
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "code": code,
        "detail": detail,
        "request_id": request_id,
    });
    (*status, [(header::CONTENT_TYPE, "application/problem+json")], Json(body).into_response().into_body())
        .into_response()
}
