//! Errors in the shape of Flutterwave's fourth interface, with its own codes (developer.flutterwave.com/docs/error-codes): the
//! last three digits are the HTTP status.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::book::BookError;
use crate::payments::Rejection;

/// What is wrong.
#[derive(Debug)]
pub(super) struct Refusal {
    kind: &'static str,
    code: &'static str,
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Refusal {
    pub(super) fn new(kind: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code, message: message.into(), fields: Vec::new() }
    }

    /// A field that is missing or wrong.
    pub(super) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        let fields = vec![(field, message.into())];
        Self { fields, ..Self::new("REQUEST_NOT_VALID", "10400", "Request is not valid") }
    }

    pub(super) fn status(&self) -> StatusCode {
        let digits = self.code.get(self.code.len().saturating_sub(3)..).unwrap_or_default();
        digits.parse().ok().and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::BAD_REQUEST)
    }

    pub(super) fn body(&self) -> Value {
        let fields: Vec<Value> =
            self.fields.iter().map(|(name, message)| json!({"field_name": name, "message": message})).collect();
        let error = json!({
            "type": self.kind, "code": self.code, "message": self.message, "validation_errors": fields,
        });
        json!({"status": "failed", "error": error})
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status(), Json(self.body())).into_response()
    }
}

impl From<BookError> for Refusal {
    fn from(error: BookError) -> Self {
        match error {
            BookError::DuplicateReference(_) => {
                Self::new("CHARGE_ALREADY_EXISTS", "1100409", "Charge with reference already exists")
            }
            BookError::UnknownReference(_) => Self::new("CHARGE_NOT_FOUND", "1110404", "Charge not found"),
            BookError::Rejected(Rejection::FullyRefunded) => {
                Self::new("REFUND_ALREADY_COMPLETED", "1404400", "Charge has been fully refunded")
            }
            BookError::Rejected(Rejection::RefundOutOfRange { .. }) => {
                Self::new("REFUND_AMOUNT_INVALID", "1402400", "Refund amount is more than what is left of the charge")
            }
            BookError::Rejected(
                Rejection::RefundRefused
                | Rejection::NotPaid
                | Rejection::AlreadyPaid { .. }
                | Rejection::UnknownRefund(_)
                | Rejection::Disputed
                | Rejection::AlreadyDisputed
                | Rejection::NoDispute,
            )
            | BookError::DuplicateRefund(_) => {
                Self::new("REFUND_CREATION_FAILED", "1403400", "Refund could not be created")
            }
            BookError::Journal(error) => {
                tracing::error!(%error, "the gateway could not write its journal");
                Self::new("INTERNAL_SERVER_ERROR", "10500", "Internal server error")
            }
        }
    }
}
