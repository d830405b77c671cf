//! Errors in Stripe's shape (docs.stripe.com/api/errors).

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::book::BookError;
use crate::payments::Rejection;

/// What is wrong.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<String>,
    message: String,
    /// Whether it is the answer to a request that was carried out, and is kept for its idempotency key. What is refused before
    /// that, for its parameters, is not.
    pub(super) is_result: bool,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, kind: "invalid_request_error", code: None, param: None, message, is_result: false }
    }

    pub(super) fn param(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::new(StatusCode::BAD_REQUEST, message) }
    }

    pub(super) fn coded(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    /// A parameter that has to be there.
    pub(super) fn required(param: &str) -> Self {
        Self::param(param, format!("Missing required param: {param}.")).coded("parameter_missing")
    }

    /// An object that is not there.
    pub(super) fn missing(object: &str, id: &str) -> Self {
        let message = format!("No such {object}: '{id}'");
        Self { status: StatusCode::NOT_FOUND, ..Self::param("id", message).coded("resource_missing") }
    }

    /// Another request was made with that key.
    pub(super) fn other_parameters(key: &str) -> Self {
        let message = format!(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a \
             key other than '{key}' if you meant to execute a different request."
        );
        Self { kind: "idempotency_error", ..Self::new(StatusCode::BAD_REQUEST, message) }
    }

    pub(super) fn body(&self) -> Value {
        let mut error = json!({"type": self.kind, "message": self.message});
        if let Some(code) = self.code {
            error["code"] = json!(code);
            error["doc_url"] = json!(format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")));
        }
        if let Some(param) = &self.param {
            error["param"] = json!(param);
        }
        json!({"error": error})
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.body())).into_response()
    }
}

impl From<BookError> for Refusal {
    fn from(error: BookError) -> Self {
        let refused = |message: &str| Self { is_result: true, ..Self::new(StatusCode::BAD_REQUEST, message) };
        match error {
            BookError::Rejected(Rejection::RefundRefused) => {
                refused("Insufficient funds in your Stripe balance to refund this amount.")
                    .coded("balance_insufficient")
            }
            BookError::Rejected(Rejection::FullyRefunded) => {
                refused("The charge has already been refunded.").coded("charge_already_refunded")
            }
            BookError::Rejected(Rejection::Disputed) => {
                refused("This charge has been charged back. Can't issue a refund.").coded("charge_disputed")
            }
            BookError::Rejected(Rejection::RefundOutOfRange { left }) => Self {
                param: Some("amount".to_owned()),
                ..refused(&format!("Refund amount is greater than unrefunded amount on charge ({left})"))
            },
            BookError::Rejected(
                Rejection::NotPaid
                | Rejection::AlreadyPaid { .. }
                | Rejection::UnknownRefund(_)
                | Rejection::AlreadyDisputed
                | Rejection::NoDispute,
            )
            | BookError::DuplicateReference(_)
            | BookError::DuplicateRefund(_)
            | BookError::UnknownReference(_) => {
                refused("This PaymentIntent does not have a successful charge to refund.")
            }
            BookError::Journal(error) => {
                tracing::error!(%error, "the gateway could not write its journal");
                let message = "An error occurred while processing your request.";
                Self { kind: "api_error", ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, message) }
            }
        }
    }
}
