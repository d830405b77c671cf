//! `Idempotency-Key` (docs.stripe.com/api/idempotent_requests): up to 255 characters; the first answer again, failures
//! included; an error for other parameters. What is refused for its parameters is not kept.

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::refusal::Refusal;
use crate::App;
use crate::book::Book;
use crate::gateways::Gateway;
use crate::journal::Answer;

const HEADER: &str = "idempotency-key";
const LENGTH_MAX: usize = 255;

/// A request's key, and a digest of what it asks for.
#[derive(Debug)]
pub(super) struct Key {
    key: String,
    request: String,
}

impl Key {
    /// The key of a request to `path`, if it has one.
    pub(super) fn of(headers: &HeaderMap, path: &str, parameters: &Value) -> Result<Option<Self>, Refusal> {
        let Some(value) = headers.get(HEADER) else { return Ok(None) };
        let key = value.to_str().ok().filter(|key| (1..=LENGTH_MAX).contains(&key.len())).ok_or_else(|| {
            Refusal::new(StatusCode::BAD_REQUEST, "Idempotency keys must be at most 255 characters long.")
        })?;
        // A tree's members are in order: parameters in another order are the same.
        let request = hex::encode(Sha256::digest(format!("{path} {parameters}").as_bytes()));
        Ok(Some(Self { key: key.to_owned(), request }))
    }

    /// The answer that this key was given before, if it was.
    pub(super) fn seen(key: Option<&Self>, book: &Book) -> Result<Option<Answer>, Refusal> {
        match key.and_then(|key| Some((key, book.answer(Gateway::Stripe, &key.key)?))) {
            None => Ok(None),
            Some((key, answer)) if answer.request == key.request => Ok(Some(answer.clone())),
            Some((key, _)) => Err(Refusal::other_parameters(&key.key)),
        }
    }

    /// What is kept of an answer.
    pub(super) fn keep(&self, status: StatusCode, body: Value) -> Answer {
        Answer {
            gateway: Gateway::Stripe,
            key: self.key.clone(),
            request: self.request.clone(),
            status: status.as_u16(),
            body,
        }
    }

    /// Keeps a refusal, if it is one that is kept, and passes it on.
    pub(super) fn keep_refusal(key: Option<&Self>, app: &App, refusal: Refusal) -> Refusal {
        if let Some(key) = key.filter(|_| refusal.is_result) {
            let answer = key.keep(refusal.status, refusal.body());
            if let Err(error) = app.with_book(|book| book.keep_answer(answer, app.now())) {
                tracing::error!(%error, "an idempotent answer was not kept");
            }
        }
        refusal
    }
}

/// The response to whoever asks again.
pub(super) fn again(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    (status, [("idempotent-replayed", "true")], Json(answer.body)).into_response()
}
