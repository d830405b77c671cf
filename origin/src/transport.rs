//! The only sender of HTTP: to gateways and to the edge. Every request has an end: connecting, answering and the size of an
//! answer are limited. It knows nothing of what it carries.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::signature::{Audience, Keyring, SignedParts};
use domain::time::Timestamp;
use domain::wire::HEADER_REQUEST_ID;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use reqwest::Url;
use uuid::Uuid;

use crate::gateway::{Auth, Body, GatewayError, Request, Response};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Gateways wait a few seconds for the answer to a webhook, and we ask them in between.
const GATEWAY_TIMEOUT: Duration = Duration::from_secs(5);
const EDGE_TIMEOUT: Duration = Duration::from_secs(15);
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Sends requests.
#[derive(Debug, Clone)]
pub struct Transport {
    line: Line,
}

#[derive(Debug, Clone)]
enum Line {
    Network(reqwest::Client),
    Simulated(Arc<dyn Carrier>),
}

/// An answer on its way; an error when none comes.
pub type Carried<'a> = Pin<Box<dyn Future<Output = Result<http::Response<Vec<u8>>, String>> + Send + 'a>>;

/// Stands for the network in simulations, where requests and answers get lost.
pub trait Carrier: fmt::Debug + Send + Sync {
    /// Brings `request` to where it goes, and the answer back.
    fn carry(&self, request: http::Request<Vec<u8>>) -> Carried<'_>;
}

/// Why the edge did not take a message.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// It did not answer.
    #[error("the edge did not answer: {0}")]
    Unreachable(String),
    /// It answered something else than 200.
    #[error("the edge answered {status}: {body}")]
    Refused {
        /// HTTP status
        status: u16,
        /// the beginning of what it said
        body: String,
    },
}

impl Transport {
    /// A sender. Fails when TLS cannot be set up.
    pub fn new() -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent("kasuwa-origin")
            .build()?;
        Ok(Self { line: Line::Network(client) })
    }

    /// A sender without a network.
    pub fn simulated(carrier: Arc<dyn Carrier>) -> Self {
        Self { line: Line::Simulated(carrier) }
    }

    /// Asks a gateway.
    pub async fn ask(&self, request: Request) -> Result<Response, GatewayError> {
        let Request { method, url, auth, headers, body } = request;
        let mut builder =
            http::Request::builder().method(method).uri(url.as_str()).header(header::ACCEPT, "application/json");
        if let Some(authorization) = authorization(&auth)? {
            builder = builder.header(header::AUTHORIZATION, authorization);
        }
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        let (content_type, body) = match body {
            Body::None => (None, Vec::new()),
            Body::Json(json) => (Some("application/json"), json),
            Body::Form(form) => (Some("application/x-www-form-urlencoded"), form.into_bytes()),
        };
        if let Some(content_type) = content_type {
            builder = builder.header(header::CONTENT_TYPE, content_type);
        }
        let request = builder.body(body);
        let request = request.map_err(|error| GatewayError::Unavailable(error.to_string()))?;
        let (status, headers, body) = self.send(request, GATEWAY_TIMEOUT).await.map_err(GatewayError::Unavailable)?;
        let body = body.ok_or_else(|| GatewayError::Unreadable("the answer is too long".to_owned()))?;
        Ok(Response { status: status.as_u16(), headers, body })
    }

    /// Posts a signed message to the edge; the body of its answer.
    pub async fn tell_edge(
        &self,
        url: Url,
        keys: &Keyring,
        body: Vec<u8>,
        request_id: &str,
        now: Timestamp,
    ) -> Result<Vec<u8>, EdgeError> {
        let parts = SignedParts {
            audience: Audience::Edge,
            method: "POST",
            path_and_query: &path_and_query(&url),
            body: &body,
        };
        let signature = keys.sign(parts, now, &Uuid::now_v7().to_string());
        let mut builder = http::Request::post(url.as_str())
            .header(header::CONTENT_TYPE, "application/json")
            .header(HEADER_REQUEST_ID, request_id);
        for (name, value) in signature.pairs() {
            builder = builder.header(name, value);
        }
        let request = builder.body(body).map_err(|error| EdgeError::Unreachable(error.to_string()))?;
        let (status, _, body) = self.send(request, EDGE_TIMEOUT).await.map_err(EdgeError::Unreachable)?;
        let body = body.unwrap_or_default();
        if status == StatusCode::OK {
            return Ok(body);
        }
        let text = String::from_utf8_lossy(&body).chars().take(300).collect();
        Err(EdgeError::Refused { status: status.as_u16(), body: text })
    }

    /// Status, headers and body of the answer; no body when it is longer than anybody needs.
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Duration,
    ) -> Result<(StatusCode, HeaderMap, Option<Vec<u8>>), String> {
        let told = |error: reqwest::Error| error.without_url().to_string();
        match &self.line {
            Line::Network(client) => {
                let mut request = reqwest::Request::try_from(request).map_err(told)?;
                *request.timeout_mut() = Some(timeout);
                if request.method() == http::Method::GET {
                    *request.body_mut() = None;
                }
                let mut response = client.execute(request).await.map_err(told)?;
                let headers = std::mem::take(response.headers_mut());
                Ok((response.status(), headers, read_body(response).await.map_err(told)?))
            }
            Line::Simulated(carrier) => {
                let (parts, body) = carrier.carry(request).await?.into_parts();
                Ok((parts.status, parts.headers, Some(body)))
            }
        }
    }
}

/// The header that proves who asks; never shown in logs.
fn authorization(auth: &Auth) -> Result<Option<HeaderValue>, GatewayError> {
    let text = match auth {
        Auth::None => return Ok(None),
        Auth::Bearer(secret) => format!("Bearer {}", secret.reveal()),
        Auth::Basic { user, password } => {
            format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", user.reveal(), password.reveal())))
        }
        Auth::Token => return Err(GatewayError::Unauthorised("no token was put into the request".to_owned())),
    };
    let mut header = HeaderValue::try_from(text)
        .map_err(|_| GatewayError::Unauthorised("it cannot stand in a header".to_owned()))?;
    header.set_sensitive(true);
    Ok(Some(header))
}

/// The part of an address that is signed.
fn path_and_query(url: &Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

/// The whole body; `None` when it is longer than anybody needs.
async fn read_body(mut response: reqwest::Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}
