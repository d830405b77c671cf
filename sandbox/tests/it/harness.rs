//! A sandbox and a shop that listens for its webhooks, both in this process, on ports that the system chose.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, Response, redirect};
use sandbox::{App, Settings};
use serde_json::{Value, json};
use sha2::Sha512;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) const SECRET: &str = "sk_test_for_tests_only";

/// One webhook as the shop got it.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) event: String,
    pub(crate) data: Value,
    pub(crate) genuine: bool,
    pub(crate) at: Instant,
}

/// A shop that notes every webhook.
#[derive(Clone, Default)]
pub(crate) struct Shop {
    inner: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    received: Vec<Received>,
    /// Answers to give before it answers 200.
    refusals: VecDeque<u16>,
    /// How long each answer takes.
    slowness: Duration,
    inside: usize,
    inside_max: usize,
}

impl Shop {
    pub(crate) async fn open() -> (Self, String) {
        let shop = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/webhooks/paystack", listener.local_addr().unwrap());
        let routes = axum::Router::new().route("/webhooks/paystack", post(receive)).with_state(shop.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        (shop, url)
    }

    pub(crate) fn refuse(&self, statuses: &[u16]) {
        self.inner.lock().unwrap().refusals.extend(statuses);
    }

    pub(crate) fn be_slow(&self, slowness: Duration) {
        self.inner.lock().unwrap().slowness = slowness;
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.inner.lock().unwrap().received.clone()
    }

    /// The most webhooks that were ever being answered at the same time.
    pub(crate) fn at_once_max(&self) -> usize {
        self.inner.lock().unwrap().inside_max
    }

    /// Waits for that many webhooks, at most 10 seconds.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Received> {
        for _ in 0..1_000 {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{count} webhooks were expected, these came: {:?}", self.received());
    }
}

async fn receive(State(shop): State<Shop>, headers: HeaderMap, body: Bytes) -> StatusCode {
    // Checked with a HMAC of the test's own over the raw bytes, not with the sandbox's function.
    let signature = headers["x-paystack-signature"].to_str().unwrap();
    let mac = Hmac::<Sha512>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(&body);
    let genuine = mac.verify_slice(&hex::decode(signature).unwrap()).is_ok() && signature == signature.to_lowercase();
    let notice: Value = serde_json::from_slice(&body).unwrap();
    let slowness = {
        let mut seen = shop.inner.lock().unwrap();
        seen.received.push(Received {
            event: notice["event"].as_str().unwrap().to_owned(),
            data: notice["data"].clone(),
            genuine,
            at: Instant::now(),
        });
        seen.inside += 1;
        seen.inside_max = seen.inside_max.max(seen.inside);
        seen.slowness
    };
    tokio::time::sleep(slowness).await;
    let mut seen = shop.inner.lock().unwrap();
    seen.inside -= 1;
    let refusal = seen.refusals.pop_front();
    if !genuine {
        return StatusCode::UNAUTHORIZED;
    }
    StatusCode::from_u16(refusal.unwrap_or(200)).unwrap()
}

/// A running sandbox.
pub(crate) struct World {
    pub(crate) url: String,
    pub(crate) shop: Shop,
    client: Client,
    server: JoinHandle<()>,
    settings: Settings,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_state(None).await
    }

    pub(crate) async fn with_state(state: Option<PathBuf>) -> Self {
        let (shop, webhook_url) = Shop::open().await;
        let settings = Settings {
            secret_key: SECRET.to_owned(),
            webhook_url: webhook_url.parse().unwrap(),
            public_url: String::new(),
            merchant: "Ada & Sons".to_owned(),
            state,
            webhook_retry: Duration::from_millis(50),
            refund_delay: Duration::from_millis(200),
        };
        Self::start(settings, shop).await
    }

    async fn start(mut settings: Settings, shop: Shop) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        settings.public_url.clone_from(&url);
        let app = App::open(settings.clone()).unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, sandbox::router(app)).await.unwrap() });
        let client = Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap();
        Self { url, shop, client, server, settings }
    }

    /// Ends this sandbox without a word and starts another on the same state.
    pub(crate) async fn restart(self) -> Self {
        let (shop, settings) = (self.shop.clone(), self.settings.clone());
        drop(self);
        // Connections that are still open hold the state file for a moment longer.
        for _ in 0..200 {
            match App::open(settings.clone()) {
                Ok(app) => {
                    drop(app);
                    break;
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        Self::start(settings, shop).await
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.url)).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.client.post(format!("{}{path}", self.url)).json(body).send().await.unwrap()
    }

    pub(crate) async fn submit(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let body = form.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
        let request = self.client.post(format!("{}{path}", self.url));
        request.header("content-type", "application/x-www-form-urlencoded").body(body).send().await.unwrap()
    }

    /// A call of Paystack's interface with the key; its status and body.
    pub(crate) async fn paystack(&self, path: &str, body: Option<&Value>) -> (u16, Value) {
        let url = format!("{}/paystack{path}", self.url);
        let request = match body {
            Some(body) => self.client.post(url).json(body),
            None => self.client.get(url),
        };
        let response = request.bearer_auth(SECRET).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Begins a payment of ₦5,000; the path of its page.
    pub(crate) async fn begin(&self, reference: &str) -> String {
        let body = json!({
            "email": "ada@example.com", "amount": 500_000, "currency": "NGN", "reference": reference,
            "callback_url": "http://shop.test/back?order=7", "metadata": {"order_id": "7"},
        });
        let (status, answer) = self.paystack("/transaction/initialize", Some(&body)).await;
        assert_eq!((status, answer["status"].as_bool()), (200, Some(true)), "{answer}");
        let page = answer["data"]["authorization_url"].as_str().unwrap();
        page.strip_prefix(&self.url).unwrap().to_owned()
    }

    pub(crate) async fn verify(&self, reference: &str) -> Value {
        let (status, answer) = self.paystack(&format!("/transaction/verify/{reference}"), None).await;
        assert_eq!(status, 200, "{answer}");
        answer["data"].clone()
    }

    pub(crate) async fn control(&self, reference: &str, wish: &Value) -> (u16, Value) {
        let response = self.post(&format!("/control/payments/{reference}"), wish).await;
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(crate) async fn belief(&self, reference: &str) -> Value {
        self.get(&format!("/control/payments/{reference}")).await.json().await.unwrap()
    }

    /// Waits until the gateway believes so, at most 10 seconds.
    pub(crate) async fn wait_until(&self, reference: &str, so: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..1_000 {
            let belief = self.belief(reference).await;
            if so(&belief) {
                return belief;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the gateway still believes {}", self.belief(reference).await);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.abort();
    }
}
