//! Structured log lines: one JSON object each, with the request's id. Never a secret, never a shopper's data.

use serde_json::json;

use crate::context::Context;

/// Something that an operator should look at.
pub(crate) fn error(context: &Context, code: &str, cause: &str) {
    worker::console_error!(
        "{}",
        json!({"level": "error", "request_id": context.request_id(), "code": code, "cause": cause})
    );
}

/// Something that happened as it should, seldom enough to be told.
pub(crate) fn info(place: &str, what: impl std::fmt::Display) {
    worker::console_log!("{}", json!({"level": "info", "place": place, "what": what.to_string()}));
}

/// Something that an operator may want to know.
pub(crate) fn warn(place: &str, cause: impl std::fmt::Display) {
    worker::console_warn!("{}", json!({"level": "warn", "place": place, "cause": cause.to_string()}));
}
