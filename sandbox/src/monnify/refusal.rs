//! Errors in Monnify's shape. The documentation gives codes and messages (teamapt.atlassian.net/wiki/spaces/MON, "Refund error
//! codes"), and leaves the HTTP status open: 404 for what is not there, 422 for what the rules forbid, 400 for the rest.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::book::BookError;
use crate::payments::Rejection;

/// What is wrong.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "99", message)
    }

    pub(super) fn forbidden(code: &'static str, message: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({"requestSuccessful": false, "responseMessage": self.message, "responseCode": self.code});
        (self.status, Json(body)).into_response()
    }
}

impl From<BookError> for Refusal {
    fn from(error: BookError) -> Self {
        match error {
            BookError::DuplicateReference(_) => Self::forbidden("99", "Duplicate payment reference"),
            BookError::DuplicateRefund(_) => {
                Self::forbidden("R9", "Supplied refund reference already exists for the merchant.")
            }
            BookError::UnknownReference(_) => {
                Self::new(StatusCode::NOT_FOUND, "R1", "Transaction with specified reference does not exist.")
            }
            BookError::Rejected(Rejection::RefundRefused) => {
                Self::forbidden("R5", "Merchant does not have sufficient funds to process refund.")
            }
            BookError::Rejected(Rejection::FullyRefunded | Rejection::RefundOutOfRange { .. }) => Self::forbidden(
                "R12",
                "The total amount of all refunds done on a particular transaction cannot exceed the amount paid.",
            ),
            BookError::Rejected(
                Rejection::NotPaid
                | Rejection::AlreadyPaid { .. }
                | Rejection::UnknownRefund(_)
                | Rejection::Disputed
                | Rejection::AlreadyDisputed
                | Rejection::NoDispute,
            ) => Self::forbidden("R2", "Refund not permitted for specified transaction."),
            BookError::Journal(error) => {
                tracing::error!(%error, "the gateway could not write its journal");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "99", "Error occurred while processing your request.")
            }
        }
    }
}
