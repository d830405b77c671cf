//! Three kinds of error, one mapping, logged once.
//!
//! A *rejection* is the caller's to mend and says how. A *fault* is a part of the world that did not answer. A *bug* is ours.
//! Handlers return them; [`Error::answer`] alone turns them into a page or a problem+json.

use std::collections::BTreeMap;
use std::fmt::Display;

use axum::body::Body;
use axum::extract::rejection::{BytesRejection, FormRejection, JsonRejection, PathRejection, QueryRejection};
use axum::response::{IntoResponse, Response};
use domain::wire::{Problem, ShortLine};
use http::{HeaderValue, StatusCode, header};

use crate::context::Context;

/// Why a request got no answer of the ordinary kind.
#[derive(Debug, Clone)]
pub(crate) enum Error {
    /// The caller's to mend.
    Rejection(Box<Rejection>),
    /// Something outside did not answer, or not as it should.
    Fault {
        /// `d1`, `kv`, `origin`, …
        part: &'static str,
        /// for the log, never shown
        cause: String,
    },
    /// Ours.
    Bug {
        /// for the log, never shown
        cause: String,
    },
}

/// What the caller did wrong and how to mend it.
#[derive(Debug, Clone)]
pub(crate) struct Rejection {
    pub(crate) status: StatusCode,
    /// Stable, snake_case.
    pub(crate) code: &'static str,
    /// The same for every one of its kind.
    pub(crate) title: &'static str,
    /// What happened this time and what to do.
    pub(crate) detail: String,
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) lines: Vec<ShortLine>,
}

impl Rejection {
    pub(crate) fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Display) -> Self {
        let detail = detail.to_string();
        Self { status, code, title, detail, fields: BTreeMap::new(), lines: Vec::new() }
    }
}

impl Error {
    pub(crate) fn rejection(status: StatusCode, code: &'static str, title: &'static str, detail: impl Display) -> Self {
        Rejection::new(status, code, title, detail).into()
    }

    /// 400 with a code of its own.
    pub(crate) fn bad_request(code: &'static str, detail: impl Display) -> Self {
        Self::rejection(StatusCode::BAD_REQUEST, code, "The request cannot be understood", detail)
    }

    /// 404.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::rejection(StatusCode::NOT_FOUND, "not_found", "Not found", format!("There is no such {what}."))
    }

    /// 422 with what is wrong with which field.
    pub(crate) fn invalid_fields(fields: BTreeMap<String, String>) -> Self {
        let mut rejection = Rejection::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_fields",
            "Some fields need another look",
            fields.iter().map(|(field, problem)| format!("{field}: {problem}.")).collect::<Vec<_>>().join(" "),
        );
        rejection.fields = fields;
        rejection.into()
    }

    pub(crate) fn fault(part: &'static str, cause: impl Display) -> Self {
        Self::Fault { part, cause: cause.to_string() }
    }

    pub(crate) fn bug(cause: impl Display) -> Self {
        Self::Bug { cause: cause.to_string() }
    }

    /// A setting that the operator has to mend. The value is not shown.
    pub(crate) fn setting(name: &str, problem: impl Display) -> Self {
        Self::bug(format!("setting {name}: {problem}"))
    }

    /// The problem that the caller is told.
    pub(crate) fn problem(&self, request_id: &str) -> Problem {
        match self {
            Self::Rejection(rejection) => Problem {
                fields: rejection.fields.clone(),
                lines: rejection.lines.clone(),
                ..Problem::new(
                    rejection.status.as_u16(),
                    rejection.code,
                    rejection.title,
                    rejection.detail.clone(),
                    request_id,
                )
            },
            Self::Fault { part: "origin", .. } => Problem::new(
                503,
                "checkout_unavailable",
                "Checkout is taking a break",
                "Payments and orders cannot be reached at the moment. Nothing is lost: try again in a minute."
                    .to_owned(),
                request_id,
            ),
            Self::Fault { .. } => Problem::new(
                503,
                "unavailable",
                "A part of the shop did not answer",
                "Nothing is lost: try again in a moment.".to_owned(),
                request_id,
            ),
            Self::Bug { .. } => Problem::new(
                500,
                "internal",
                "Something broke on our side",
                "It is in our log under the request's id. Trying again may help.".to_owned(),
                request_id,
            ),
        }
    }

    /// Logs it once and answers it, as problem+json for programs and as a page for people.
    pub(crate) fn answer(&self, context: &Context, for_people: bool) -> http::Response<Body> {
        let problem = self.problem(context.request_id());
        if let Self::Fault { cause, .. } | Self::Bug { cause } = self {
            crate::log::error(context, &problem.code, cause);
        }
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = if for_people {
            crate::routes::error_page(context, &problem).into_response()
        } else {
            let body = serde_json::to_string(&problem).unwrap_or_default();
            ([(header::CONTENT_TYPE, Problem::MEDIA_TYPE)], body).into_response()
        };
        *response.status_mut() = status;
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

/// Carries an [`Error`] out of the router, to where the request and its context are known.
#[derive(Clone)]
pub(crate) struct Unanswered(pub(crate) Error);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(Unanswered(self));
        response
    }
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        Self::Rejection(Box::new(rejection))
    }
}

impl From<worker::Error> for Error {
    fn from(error: worker::Error) -> Self {
        Self::fault("platform", error)
    }
}

impl From<worker::kv::KvError> for Error {
    fn from(error: worker::kv::KvError) -> Self {
        Self::fault("kv", error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::bug(error)
    }
}

macro_rules! extractor_rejections {
    ($($rejection:ident => $code:literal),* $(,)?) => {$(
        impl From<$rejection> for Error {
            fn from(rejection: $rejection) -> Self {
                Self::rejection(rejection.status(), $code, "The request cannot be understood", rejection.body_text())
            }
        }
    )*};
}

extractor_rejections! {
    JsonRejection => "invalid_json",
    FormRejection => "invalid_form",
    QueryRejection => "invalid_query",
    PathRejection => "invalid_path",
    BytesRejection => "invalid_body",
}

/// A domain's message as a sentence of its own, for people. What begins with a name stays as it is written.
pub(crate) fn sentence(message: impl Display) -> String {
    let text = message.to_string();
    let first = text.split_whitespace().next().unwrap_or_default();
    let is_word = first.chars().all(|letter| letter.is_ascii_lowercase() || letter == ',');
    let mut letters = text.chars();
    let start: String = match letters.next() {
        Some(letter) if is_word => letter.to_uppercase().collect(),
        Some(letter) => letter.into(),
        None => return text,
    };
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{start}{}{end}", letters.as_str())
}
