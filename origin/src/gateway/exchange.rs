//! What goes to a gateway and what comes back, as values. Never sent from here.

use std::fmt;

use domain::time::{Millis, Timestamp};
use http::HeaderMap;
use reqwest::Url;

use super::GatewayError;

/// A request to be sent to a gateway.
#[derive(Debug, Clone)]
pub struct Request {
    /// How.
    pub method: http::Method,
    /// Where to.
    pub url: Url,
    /// How to prove who asks.
    pub auth: Auth,
    /// Headers besides those of `auth` and `body`: names in lower case, with what they say.
    pub headers: Vec<(&'static str, String)>,
    /// What is sent along.
    pub body: Body,
}

/// How a request proves who asks.
#[derive(Debug, Clone)]
pub enum Auth {
    /// Not by a header: the body does it.
    None,
    /// `Authorization: Bearer …`, with a key that does not change.
    Bearer(Secret),
    /// `Authorization: Basic …`
    Basic {
        /// Before the colon.
        user: Secret,
        /// After it.
        password: Secret,
    },
    /// `Authorization: Bearer …`, with the short-lived token that [`super::Gateway::authenticate`] asks for. Whoever sends the
    /// request puts it in ([`Request::with_token`]).
    Token,
}

/// What is sent along with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    None,
    /// `application/json`
    Json(Vec<u8>),
    /// `application/x-www-form-urlencoded`
    Form(String),
}

/// What a gateway answered.
#[derive(Debug, Clone)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers as they came.
    pub headers: HeaderMap,
    /// Body as it came.
    pub body: Vec<u8>,
}

/// A token that opens a gateway for a while.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// The token.
    pub secret: Secret,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// A text that never shows itself.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl Request {
    /// A request to `base` with `path` appended to its own, segment by segment: no segment can leave the base, whatever is in it.
    pub fn new(method: http::Method, base: &Url, path: &[&str], auth: Auth) -> Result<Self, GatewayError> {
        let mut url = base.clone();
        url.path_segments_mut()
            .map_err(|()| GatewayError::Refused("the base URL takes no path".to_owned()))?
            .pop_if_empty()
            .extend(path);
        Ok(Self { method, url, auth, headers: Vec::new(), body: Body::None })
    }

    /// The same with a query.
    pub fn with_query(mut self, pairs: &[(&str, &str)]) -> Self {
        self.url.query_pairs_mut().extend_pairs(pairs);
        self
    }

    /// The same with a header more. `name` is in lower case.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same with a JSON body.
    pub fn with_json(self, body: &impl serde::Serialize) -> Result<Self, GatewayError> {
        let body = serde_json::to_vec(body).map_err(|error| GatewayError::Refused(error.to_string()))?;
        Ok(Self { body: Body::Json(body), ..self })
    }

    /// The same with a form as its body.
    pub fn with_form(self, pairs: &[(&str, &str)]) -> Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        Self { body: Body::Form(body), ..self }
    }

    /// The same, opened with `token` if it waits for one.
    pub fn with_token(mut self, token: &AccessToken) -> Self {
        if matches!(self.auth, Auth::Token) {
            self.auth = Auth::Bearer(token.secret.clone());
        }
        self
    }
}

impl Response {
    /// Nobody can tell yet what became of the request: to be tried again.
    pub(super) fn refuse_if_unavailable(&self) -> Result<(), GatewayError> {
        if matches!(self.status, 408 | 425 | 429) || self.status >= 500 {
            return Err(GatewayError::Unavailable(format!("HTTP {}", self.status)));
        }
        Ok(())
    }
}

impl AccessToken {
    /// A token that was asked for at `asked_at` and lives for `seconds`.
    pub(super) fn living(secret: String, seconds: u32, asked_at: Timestamp) -> Self {
        Self { secret: Secret::new(secret), expires_at: asked_at + Millis::seconds(i64::from(seconds)) }
    }
}
