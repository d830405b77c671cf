//! The only sender of HTTP: to gateways and to the edge. Every request has an end: connecting, answering and the size of an
//! answer are limited. It knows nothing of what it carries.

use std::time::Duration;

use domain::signature::{Audience, Keyring, SignedParts};
use domain::time::Timestamp;
use domain::wire::HEADER_REQUEST_ID;
use reqwest::{StatusCode, Url};
use uuid::Uuid;

use crate::gateway::{GatewayError, Request, Response};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Gateways wait a few seconds for the answer to a webhook, and we ask them in between.
const GATEWAY_TIMEOUT: Duration = Duration::from_secs(5);
const EDGE_TIMEOUT: Duration = Duration::from_secs(15);
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Sends requests.
#[derive(Debug, Clone)]
pub struct Transport {
    client: reqwest::Client,
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
        Ok(Self { client })
    }

    /// Asks a gateway.
    pub async fn ask(&self, request: Request) -> Result<Response, GatewayError> {
        let unavailable = |error: reqwest::Error| GatewayError::Unavailable(error.without_url().to_string());
        let mut builder = self
            .client
            .request(request.method, request.url)
            .timeout(GATEWAY_TIMEOUT)
            .bearer_auth(request.bearer.reveal())
            .header(http::header::ACCEPT, "application/json");
        if let Some(body) = request.body {
            builder = builder.header(http::header::CONTENT_TYPE, "application/json").body(body);
        }
        let response = builder.send().await.map_err(unavailable)?;
        let status = response.status().as_u16();
        let body = read_body(response).await.map_err(unavailable)?;
        let body = body.ok_or_else(|| GatewayError::Unreadable("the answer is too long".to_owned()))?;
        Ok(Response { status, body })
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
        let unreachable = |error: reqwest::Error| EdgeError::Unreachable(error.without_url().to_string());
        let parts = SignedParts {
            audience: Audience::Edge,
            method: "POST",
            path_and_query: &path_and_query(&url),
            body: &body,
        };
        let signature = keys.sign(parts, now, &Uuid::now_v7().to_string());
        let mut request = self
            .client
            .post(url.clone())
            .timeout(EDGE_TIMEOUT)
            .header(http::header::CONTENT_TYPE, "application/json")
            .header(HEADER_REQUEST_ID, request_id);
        for (name, value) in signature.pairs() {
            request = request.header(name, value);
        }
        let response = request.body(body).send().await.map_err(unreachable)?;
        let status = response.status();
        let body = read_body(response).await.map_err(unreachable)?.unwrap_or_default();
        if status == StatusCode::OK {
            return Ok(body);
        }
        let text = String::from_utf8_lossy(&body).chars().take(300).collect();
        Err(EdgeError::Refused { status: status.as_u16(), body: text })
    }
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
