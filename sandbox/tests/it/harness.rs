//! A sandbox and a shop that listens for its webhooks, both in this process, on ports that the system chose.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, Response, redirect};
use sandbox::gateways::{FlutterwaveV3Keys, FlutterwaveV4Keys, Keys, MonnifyKeys, StripeKeys};
use sandbox::{App, Settings};
use serde_json::{Value, json};
use sha2::{Sha256, Sha512};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) const SECRET: &str = "sk_test_for_tests_only";
pub(crate) const FLUTTERWAVE_SECRET: &str = "FLWSECK_TEST-for-tests-only";
pub(crate) const FLUTTERWAVE_HASH: &str = "flw-hash-for-tests-only";
pub(crate) const CLIENT_SECRET: &str = "client-secret-for-tests-only";
pub(crate) const MONNIFY_SECRET: &str = "monnify-secret-for-tests-only";
pub(crate) const CONTRACT: &str = "796873059308";
pub(crate) const STRIPE_SECRET: &str = "sk_test_stripe_for_tests_only";
pub(crate) const STRIPE_WEBHOOK_SECRET: &str = "whsec_for_tests_only";

fn keys() -> Keys {
    Keys {
        paystack: Some(SECRET.to_owned()),
        flutterwave_v3: Some(FlutterwaveV3Keys {
            secret_key: FLUTTERWAVE_SECRET.to_owned(),
            secret_hash: FLUTTERWAVE_HASH.to_owned(),
        }),
        flutterwave_v4: Some(FlutterwaveV4Keys {
            client_id: "client".to_owned(),
            client_secret: CLIENT_SECRET.to_owned(),
            secret_hash: FLUTTERWAVE_HASH.to_owned(),
        }),
        monnify: Some(MonnifyKeys {
            api_key: "MK_TEST_1".to_owned(),
            secret_key: MONNIFY_SECRET.to_owned(),
            contract_code: CONTRACT.to_owned(),
        }),
        stripe: Some(StripeKeys {
            secret_key: STRIPE_SECRET.to_owned(),
            webhook_secret: STRIPE_WEBHOOK_SECRET.to_owned(),
        }),
    }
}

/// One webhook as the shop got it.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// The last part of the address where it came in.
    pub(crate) gateway: String,
    pub(crate) event: String,
    pub(crate) data: Value,
    /// All of the body.
    pub(crate) body: Value,
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
        let url = format!("http://{}/webhooks", listener.local_addr().unwrap());
        let routes = axum::Router::new().route("/webhooks/{gateway}", post(receive)).with_state(shop.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        (shop, url)
    }

    pub(crate) fn refuse(&self, statuses: &[u16]) {
        self.inner.lock().unwrap().refusals.extend(statuses);
    }

    pub(crate) fn be_slow(&self, slowness: Duration) {
        self.inner.lock().unwrap().slowness = slowness;
    }

    /// Waits for a webhook of that name, at most 10 seconds.
    pub(crate) async fn wait_for_event(&self, event: &str) -> Received {
        for _ in 0..1_000 {
            if let Some(received) = self.received().into_iter().find(|received| received.event == event) {
                assert!(received.genuine, "{event} is genuine");
                return received;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{event} was expected, these came: {:?}", self.received());
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

/// Checked with HMACs of the test's own over the raw bytes, not with the sandbox's function.
fn is_genuine(gateway: &str, headers: &HeaderMap, body: &[u8]) -> bool {
    let given = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let sha512 = |secret: &str, signature: String| {
        let mac = Hmac::<Sha512>::new_from_slice(secret.as_bytes()).unwrap().chain_update(body);
        mac.verify_slice(&hex::decode(&signature).unwrap()).is_ok() && signature == signature.to_lowercase()
    };
    match gateway {
        "paystack" => sha512(SECRET, given("x-paystack-signature").unwrap()),
        "monnify" => sha512(MONNIFY_SECRET, given("monnify-signature").unwrap()),
        "flutterwave" => match given("verif-hash") {
            Some(hash) => hash == FLUTTERWAVE_HASH,
            None => {
                let signature = STANDARD.decode(given("flutterwave-signature").unwrap()).unwrap();
                let mac = Hmac::<Sha256>::new_from_slice(FLUTTERWAVE_HASH.as_bytes()).unwrap().chain_update(body);
                mac.verify_slice(&signature).is_ok()
            }
        },
        "stripe" => {
            let signature = given("stripe-signature").unwrap();
            let (time, proof) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
            let age = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
            let mac = Hmac::<Sha256>::new_from_slice(STRIPE_WEBHOOK_SECRET.as_bytes()).unwrap();
            let mac = mac.chain_update(format!("{time}.")).chain_update(body);
            age.abs_diff(time.parse().unwrap()) < 300 && mac.verify_slice(&hex::decode(proof).unwrap()).is_ok()
        }
        other => panic!("no gateway is called {other}"),
    }
}

async fn receive(State(shop): State<Shop>, Path(gateway): Path<String>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let genuine = is_genuine(&gateway, &headers, &body);
    let notice: Value = serde_json::from_slice(&body).unwrap();
    let named = |name: &str| notice[name].as_str().map(str::to_owned);
    let event = named("event").or_else(|| named("type")).or_else(|| named("eventType")).unwrap();
    let data = [&notice["data"]["object"], &notice["data"], &notice["eventData"]];
    let data = data.into_iter().find(|data| !data.is_null()).cloned().unwrap_or_default();
    let slowness = {
        let mut seen = shop.inner.lock().unwrap();
        seen.received.push(Received { gateway, event, data, body: notice, genuine, at: Instant::now() });
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
            keys: keys(),
            webhooks_url: webhook_url.parse().unwrap(),
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
        let app = Self::open(&settings).await;
        let server = tokio::spawn(async move { axum::serve(listener, sandbox::router(app)).await.unwrap() });
        let client = Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap();
        Self { url, shop, client, server, settings }
    }

    /// Connections and refunds of the sandbox before may hold the state file for a moment longer.
    async fn open(settings: &Settings) -> App {
        for _ in 0..200 {
            if let Ok(app) = App::open(settings.clone()) {
                return app;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        App::open(settings.clone()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Ends this sandbox without a word and starts another on the same state.
    pub(crate) async fn restart(self) -> Self {
        let (shop, settings) = (self.shop.clone(), self.settings.clone());
        drop(self);
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

    /// A client that follows nothing, for calls of a gateway's own.
    pub(crate) fn call(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
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

/// The status and the body of an answer.
pub(crate) async fn answered(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

impl Drop for World {
    fn drop(&mut self) {
        self.server.abort();
    }
}
