//! `X-Idempotency-Key`: the first answer again, whatever is asked for the second time
//! (developer.flutterwave.com/docs/idempotency). Without a key nothing is kept.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::refusal::Refusal;
use crate::book::Book;
use crate::gateways::Gateway;
use crate::journal::Answer;

const HEADER: &str = "x-idempotency-key";

/// The key of a request, if it has one, which must have 12 to 255 characters.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (12..=255).contains(&key.len()) => Ok(Some(key.to_owned())),
        Ok(_) | Err(_) => Err(Refusal::invalid("X-Idempotency-Key", "must be between 12 and 255 characters in length")),
    }
}

/// The answer that the key was given before.
pub(super) fn seen(key: Option<&str>, book: &Book) -> Option<Answer> {
    book.answer(Gateway::FlutterwaveV4, key?).cloned()
}

/// The response to whoever asks again.
pub(super) fn again(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::CREATED);
    (status, [("x-idempotency-cache-hit", "true")], Json(answer.body)).into_response()
}

/// What is kept of the answer to a request with that key.
pub(super) fn keep(key: Option<&str>, body: &Value) -> Option<Answer> {
    let answer = |key: &str| Answer {
        gateway: Gateway::FlutterwaveV4,
        key: key.to_owned(),
        request: String::new(),
        status: StatusCode::CREATED.as_u16(),
        body: body.clone(),
    };
    key.map(answer)
}
