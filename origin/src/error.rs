//! The three ways in which a request can fail, and the one place that turns them into problem+json.
//!
//! A *rejection* is told to the caller and is nobody's fault here; a *fault* is the outside world (database, gateway, edge)
//! not doing its part, and trying again may help; a *bug* is ours. Faults and bugs are logged once, where they become an
//! answer; their details are not told to callers.

use std::collections::BTreeMap;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::wire::Problem;

use crate::gateway::GatewayError;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller asked for what cannot be had.
    #[error("{}: {}", .0.code, .0.detail)]
    Rejected(Box<Rejected>),
    /// A gateway did not do its part.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The database did not do its part.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// We did not do ours.
    #[error("bug: {0}")]
    Bug(String),
}

/// What the caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// HTTP status.
    pub status: StatusCode,
    /// Stable, for programs.
    pub code: &'static str,
    /// The kind of problem in a few words.
    pub title: &'static str,
    /// What happened and what to do.
    pub detail: String,
    /// What is wrong with which field.
    pub fields: BTreeMap<String, String>,
}

impl Error {
    /// A rejection without field details.
    pub fn rejected(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self::Rejected(Box::new(Rejected { status, code, title, detail: detail.into(), fields: BTreeMap::new() }))
    }

    /// There is no such order.
    pub fn order_not_found() -> Self {
        Self::rejected(StatusCode::NOT_FOUND, "order_not_found", "Order not found", "there is no such order")
    }

    /// The order has no such refund.
    pub fn refund_not_found() -> Self {
        Self::rejected(StatusCode::NOT_FOUND, "refund_not_found", "Refund not found", "this order has no such refund")
    }

    /// Something stored does not read back.
    pub fn corrupt(what: &str, error: impl std::fmt::Display) -> Self {
        Self::Bug(format!("stored {what} cannot be read: {error}"))
    }

    /// Whether the same transaction may well succeed in a moment.
    pub fn is_contention(&self) -> bool {
        let Self::Database(sqlx::Error::Database(error)) = self else { return false };
        match error.code().as_deref() {
            // SQLITE_BUSY, SQLITE_BUSY_RECOVERY, SQLITE_BUSY_SNAPSHOT.
            Some("5" | "261" | "517") => true,
            // PostgreSQL's serialization_failure, deadlock_detected, and unique_violation: somebody else wrote the same row since
            // this transaction looked, and the next try sees it.
            Some("40001" | "40P01" | "23505") => true,
            Some(_) | None => false,
        }
    }

    /// What the caller is told about it.
    fn told(self) -> Rejected {
        let fault = |status, code, title, detail: &str| Rejected {
            status,
            code,
            title,
            detail: detail.to_owned(),
            fields: BTreeMap::new(),
        };
        match self {
            Self::Rejected(rejected) => *rejected,
            Self::Gateway(error) => {
                let status = match error {
                    GatewayError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
                    GatewayError::DuplicateReference
                    | GatewayError::Refused(_)
                    | GatewayError::RefundRefused(_)
                    | GatewayError::NotOffered(_)
                    | GatewayError::Unauthorised(_)
                    | GatewayError::Unreadable(_) => StatusCode::BAD_GATEWAY,
                };
                let detail = "the payment gateway could not be used; nothing was charged, try again in a moment";
                fault(status, "gateway_unavailable", "Payment gateway unavailable", detail)
            }
            Self::Database(_) => {
                let detail = "the order database could not be used; try again in a moment";
                fault(StatusCode::SERVICE_UNAVAILABLE, "database_unavailable", "Database unavailable", detail)
            }
            Self::Bug(_) => {
                let detail = "something went wrong on our side; it was recorded";
                fault(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "Internal error", detail)
            }
        }
    }
}

impl IntoResponse for Error {
    /// The body is written by [`write_problem`], which knows the request's id.
    fn into_response(self) -> Response {
        match &self {
            Self::Rejected(rejected) => tracing::info!(code = rejected.code, detail = rejected.detail, "rejected"),
            Self::Gateway(error) => tracing::error!(%error, "gateway fault"),
            Self::Database(error) => tracing::error!(%error, "database fault"),
            Self::Bug(error) => tracing::error!(%error, "bug"),
        }
        let told = self.told();
        let mut response = told.status.into_response();
        if told.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response.extensions_mut().insert(told);
        response
    }
}

/// Gives a response that carries a [`Rejected`] its body.
pub fn write_problem(mut response: Response, request_id: &str) -> Response {
    let Some(told) = response.extensions_mut().remove::<Rejected>() else { return response };
    let mut problem = Problem::new(told.status.as_u16(), told.code, told.title, told.detail, request_id);
    problem.fields = told.fields;
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let (mut parts, _) = response.into_parts();
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(Problem::MEDIA_TYPE));
    Response::from_parts(parts, body.into())
}
