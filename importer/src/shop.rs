//! The way into a running shop for the operator's tools: signed requests, answers as types, patience with a shop that is
//! starting or busy. It knows nothing of files, pictures or indexes, and it never logs a key.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::signature::{Audience, Keyring, SignedParts};
use domain::time::Timestamp;
use domain::wire::{HEADER_REQUEST_ID, Problem};
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, Request, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// Where a shop on this machine is, unless told otherwise.
pub const SHOP_DEFAULT: &str = "http://127.0.0.1:8787";

/// The environment variable with the operator's keys, as [`Keyring`] reads them.
pub const KEYS_VARIABLE: &str = "OPERATOR_KEYS";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);

/// Why the shop did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    /// The address is none.
    #[error("{0:?} is not the address of a shop: write it like {SHOP_DEFAULT}")]
    Address(String),
    /// No keys to sign with.
    #[error("{KEYS_VARIABLE} is not set to usable keys ({0}): give it the value that the shop runs with")]
    Keys(String),
    /// The HTTP client or a request could not be made.
    #[error("the request could not be made: {0}")]
    Request(String),
    /// No answer, however often it was tried.
    #[error("{url} does not answer after {attempts} attempts ({reason}): is the shop running?")]
    Unreachable {
        /// what was asked
        url: String,
        /// how often
        attempts: u32,
        /// what happened the last time
        reason: String,
    },
    /// The shop says no.
    #[error("the shop refused {path} with {status} {code}: {detail}")]
    Refused {
        /// what was asked
        path: String,
        /// HTTP status
        status: u16,
        /// the problem's code, or nothing
        code: String,
        /// the problem's detail, or the start of the body
        detail: String,
    },
    /// The answer is not what was agreed.
    #[error("the shop's answer to {path} is not understood ({reason}): are both of the same version?")]
    Unintelligible {
        /// what was asked
        path: String,
        /// why
        reason: String,
    },
}

/// How long to keep trying.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Attempts in all, at least one.
    pub attempts: u32,
    /// Pause after the first failure; it doubles each time.
    pub first_delay: Duration,
    /// The pause never exceeds this.
    pub delay_max: Duration,
}

impl Default for Patience {
    /// About half a minute: a Worker restarts in less.
    fn default() -> Self {
        Self { attempts: 9, first_delay: Duration::from_millis(200), delay_max: Duration::from_secs(8) }
    }
}

/// A running shop, as an operator's tool sees it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shop {
    http: reqwest::Client,
    base: Url,
    keys: Keyring,
    patience: Patience,
}

impl Shop {
    /// The shop at `address`.
    ///
    /// # Errors
    /// When the address is not an `http` or `https` one.
    pub fn new(address: &str, keys: Keyring) -> Result<Self, ShopError> {
        let base = Url::parse(address)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| ShopError::Address(address.to_owned()))?;
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .user_agent(concat!("kasuwa-operator/", env!("CARGO_PKG_VERSION")));
        if is_this_machine(&base) {
            // A proxy would look for the shop on its own machine.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| ShopError::Request(error.to_string()))?;
        Ok(Self { http, base, keys, patience: Patience::default() })
    }

    /// The shop at `address`, with the keys in [`KEYS_VARIABLE`].
    ///
    /// # Errors
    /// When the address or the keys are unusable.
    pub fn from_environment(address: &str) -> Result<Self, ShopError> {
        let keys = std::env::var(KEYS_VARIABLE).map_err(|error| ShopError::Keys(error.to_string()))?;
        Self::new(address, keys.parse().map_err(|error| ShopError::Keys(format!("{error}")))?)
    }

    /// The same shop, with another patience.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// Its address.
    pub fn address(&self) -> &str {
        self.base.as_str()
    }

    /// `GET path_and_query`, the answer read as JSON.
    ///
    /// # Errors
    /// See [`ShopError`].
    pub async fn get<T: DeserializeOwned>(&self, path_and_query: &str) -> Result<T, ShopError> {
        let bytes = self.send(Method::GET, path_and_query, None, Vec::new()).await?;
        parse(path_and_query, &bytes)
    }

    /// `POST path` with a JSON body, the answer read as JSON.
    ///
    /// # Errors
    /// See [`ShopError`].
    pub async fn post<B: Serialize + Sync, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T, ShopError> {
        let body = serde_json::to_vec(body).map_err(|error| ShopError::Request(error.to_string()))?;
        let bytes = self.send(Method::POST, path, Some("application/json"), body).await?;
        parse(path, &bytes)
    }

    /// `POST path` with a JSON body, whatever the answer says.
    ///
    /// # Errors
    /// See [`ShopError`].
    pub async fn tell<B: Serialize + Sync>(&self, path: &str, body: &B) -> Result<(), ShopError> {
        let body = serde_json::to_vec(body).map_err(|error| ShopError::Request(error.to_string()))?;
        self.send(Method::POST, path, Some("application/json"), body).await.map(drop)
    }

    /// `POST path` without a body.
    ///
    /// # Errors
    /// See [`ShopError`].
    pub async fn nudge(&self, path: &str) -> Result<(), ShopError> {
        self.send(Method::POST, path, None, Vec::new()).await.map(drop)
    }

    /// `POST path` without a body, the answer read as JSON.
    ///
    /// # Errors
    /// See [`ShopError`].
    pub async fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<T, ShopError> {
        parse(path, &self.send(Method::POST, path, None, Vec::new()).await?)
    }

    /// `PUT path` with `bytes`.
    ///
    /// # Errors
    /// See [`ShopError`].
    pub async fn put(&self, path: &str, media_type: &'static str, bytes: Vec<u8>) -> Result<(), ShopError> {
        self.send(Method::PUT, path, Some(media_type), bytes).await.map(drop)
    }

    /// `PUT path` with `bytes`, the answer read as JSON.
    ///
    /// # Errors
    /// See [`ShopError`].
    pub async fn put_for<T: DeserializeOwned>(
        &self,
        path_and_query: &str,
        media_type: &'static str,
        bytes: Vec<u8>,
    ) -> Result<T, ShopError> {
        let bytes = self.send(Method::PUT, path_and_query, Some(media_type), bytes).await?;
        parse(path_and_query, &bytes)
    }

    /// Sends until there is an answer that is final. Every attempt is signed anew: a nonce counts once.
    async fn send(
        &self,
        method: Method,
        path_and_query: &str,
        media_type: Option<&'static str>,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, ShopError> {
        let url = self.base.join(path_and_query).map_err(|error| ShopError::Request(error.to_string()))?;
        let mut template = Request::new(method, url);
        if let Some(media_type) = media_type {
            template.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        }
        // The body is shared between attempts, not copied. An empty one is sent as none.
        *template.body_mut() = (!body.is_empty()).then(|| body.into());
        let mut delay = self.patience.first_delay;
        for attempt in 1.. {
            let reason = match self.attempt(&template).await? {
                Attempt::Answered(bytes) => return Ok(bytes),
                Attempt::Failed(reason) => reason,
            };
            if attempt >= self.patience.attempts {
                let url = template.url().to_string();
                return Err(ShopError::Unreachable { url, attempts: attempt, reason });
            }
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(self.patience.delay_max);
        }
        Err(ShopError::Request("no attempt was allowed".to_owned()))
    }

    async fn attempt(&self, template: &Request) -> Result<Attempt, ShopError> {
        let mut request =
            template.try_clone().ok_or_else(|| ShopError::Request("the body cannot be sent twice".to_owned()))?;
        let path_and_query = path_and_query(template.url());
        let nonce = Uuid::new_v4().to_string();
        let headers = self.keys.sign(
            SignedParts {
                audience: Audience::Edge,
                method: template.method().as_str(),
                path_and_query: &path_and_query,
                body: template.body().and_then(reqwest::Body::as_bytes).unwrap_or_default(),
            },
            now(),
            &nonce,
        );
        let request_id = (HEADER_REQUEST_ID, Uuid::new_v4().to_string());
        for (name, value) in headers.pairs().into_iter().chain([request_id]) {
            let value = HeaderValue::from_str(&value).map_err(|error| ShopError::Request(error.to_string()))?;
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        let response = match self.http.execute(request).await {
            Ok(response) => response,
            Err(error) => return Ok(Attempt::Failed(innermost(&error))),
        };
        let status = response.status();
        if status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT) {
            let (code, detail) = explain(response).await;
            return Ok(Attempt::Failed(format!("{status} {code} {detail}").trim().to_owned()));
        }
        if !status.is_success() {
            let (code, detail) = explain(response).await;
            return Err(ShopError::Refused { path: path_and_query, status: status.as_u16(), code, detail });
        }
        Ok(match response.bytes().await {
            Ok(bytes) => Attempt::Answered(bytes.into()),
            Err(error) => Attempt::Failed(innermost(&error)),
        })
    }
}

enum Attempt {
    Answered(Vec<u8>),
    Failed(String),
}

fn path_and_query(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

pub(crate) fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
}

/// A refusal's code and detail: those of its problem document, or the start of whatever it says.
async fn explain(response: Response) -> (String, String) {
    let bytes = response.bytes().await.unwrap_or_default();
    match serde_json::from_slice::<Problem>(&bytes) {
        Ok(problem) => (problem.code, problem.detail),
        Err(_) => (String::new(), String::from_utf8_lossy(&bytes).chars().take(200).collect()),
    }
}

/// The cause at the bottom: "connection refused" says more than "error sending request".
pub(crate) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

fn parse<T: DeserializeOwned>(path: &str, bytes: &[u8]) -> Result<T, ShopError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ShopError::Unintelligible { path: path.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keyring {
        "test:0123456789abcdef0123456789abcdef".parse().unwrap()
    }

    #[test]
    fn only_the_address_of_a_shop_is_taken() {
        assert!(Shop::new("https://shop.example", keys()).is_ok());
        for wrong in ["", "shop.example", "ftp://shop.example", "http://"] {
            assert!(matches!(Shop::new(wrong, keys()), Err(ShopError::Address(_))), "{wrong}");
        }
    }

    #[test]
    fn what_is_signed_is_what_is_sent() {
        let shop = Shop::new("http://127.0.0.1:1", keys()).unwrap();
        let url = shop.base.join("/internal/catalogue?limit=5&after=x").unwrap();
        assert_eq!(path_and_query(&url), "/internal/catalogue?limit=5&after=x");
        assert!(is_this_machine(&Url::parse("http://[::1]:8787").unwrap()));
        assert!(!is_this_machine(&Url::parse("http://10.0.0.1").unwrap()));
    }

    #[tokio::test]
    async fn a_shop_that_is_not_there_is_reported_after_the_last_attempt() {
        let patience =
            Patience { attempts: 2, first_delay: Duration::from_millis(1), delay_max: Duration::from_millis(1) };
        let shop = Shop::new("http://127.0.0.1:9", keys()).unwrap().with_patience(patience);
        let error = shop.nudge("/internal/import/finish").await.unwrap_err();
        assert!(matches!(error, ShopError::Unreachable { attempts: 2, .. }), "{error}");
    }
}
