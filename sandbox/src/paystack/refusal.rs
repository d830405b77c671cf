//! Errors in Paystack's shape (paystack.com/docs/api/errors).

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::book::BookError;
use crate::payments::Rejection;

/// An error in Paystack's shape.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: String,
    pub(super) code: &'static str,
    pub(super) next_step: &'static str,
}

impl Refusal {
    pub(super) fn invalid(code: &'static str, message: impl Into<String>, next_step: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into(), code, next_step }
    }

    pub(super) fn params(message: impl Into<String>) -> Self {
        Self::invalid(
            "invalid_params",
            message,
            "Ensure that the value(s) you're passing are valid and of the documented type",
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let kind = if self.status.is_server_error() { "api_error" } else { "validation_error" };
        let body = json!({
            "status": false,
            "message": self.message,
            "meta": {"nextStep": self.next_step},
            "type": kind,
            "code": self.code,
        });
        (self.status, Json(body)).into_response()
    }
}

impl From<BookError> for Refusal {
    fn from(error: BookError) -> Self {
        match error {
            BookError::DuplicateReference(_) => Self::invalid(
                "duplicate_reference",
                "Duplicate Transaction Reference",
                "Generate and pass a new transaction reference for every transaction",
            ),
            BookError::UnknownReference(_) => Self::invalid(
                "transaction_not_found",
                "Transaction reference not found.",
                "Ensure that you're passing the reference of a transaction that exists on this integration",
            ),
            BookError::Rejected(Rejection::FullyRefunded) => Self::invalid(
                "transaction_already_reversed",
                "Transaction has been fully reversed",
                "Look at the refunds of this transaction",
            ),
            BookError::Rejected(Rejection::RefundRefused) => Self::invalid(
                "insufficient_balance",
                "Your balance is not enough to fulfil this request",
                "Refund again once your balance allows it",
            ),
            BookError::Rejected(Rejection::RefundOutOfRange { .. }) => Self::invalid(
                "invalid_refund_amount",
                "Refund amount cannot be more than transaction amount",
                "Refund at most what is left of the transaction",
            ),
            BookError::Rejected(
                Rejection::NotPaid
                | Rejection::AlreadyPaid { .. }
                | Rejection::UnknownRefund(_)
                | Rejection::Disputed
                | Rejection::AlreadyDisputed
                | Rejection::NoDispute,
            )
            | BookError::DuplicateRefund(_) => Self::invalid(
                "transaction_not_refundable",
                "Transaction status is not valid for a refund",
                "Refund transactions that were successful",
            ),
            BookError::Journal(error) => {
                tracing::error!(%error, "the gateway could not write its journal");
                Self {
                    status: StatusCode::INTERNAL_SERVER_ERROR,
                    message: "An error occurred".to_owned(),
                    code: "unknown",
                    next_step: "Try again later",
                }
            }
        }
    }
}
