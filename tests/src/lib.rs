//! The harness of the end-to-end tests: starts a whole shop on free ports with a state folder of its own, and buys in it.
//!
//! It talks to the shop as everybody else does, over HTTP; it never looks into a database.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a harness that cannot do its work fails the test")]

use std::fmt::Write as _;
use std::process::{Command, Output};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use domain::signature::{Audience, Keyring, SignedParts};
use domain::time::Timestamp;
use domain::wire::{EDGE_IMPORT_PRODUCTS, ImportBatch, ImportProduct};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use stack::{Config, Layout, Part, Ports, Stack};
use tempfile::TempDir;
use uuid::Uuid;

/// How long something that happens by itself may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// What wrangler's proxy says in place of the Worker when one of its own kept connections ended just as it was used again. It happens
/// under bursts, has nothing to do with the shop, and a client does what clients do: it sends the same request again.
const LOST_BY_WRANGLER: &str = "Your worker restarted mid-request.";
const TRIES_MAX: u32 = 10;

/// A product of the test's own: SKU, price in minor units of NGN, units on hand.
#[derive(Debug, Clone, Copy)]
pub struct Product {
    /// SKU, and the word by which search finds it.
    pub sku: &'static str,
    /// Minor units.
    pub price_minor: i64,
    /// Units on hand.
    pub stock: u32,
}

/// A running shop. Dropping it stops everything.
#[derive(Debug)]
pub struct Shop {
    /// Its processes.
    pub stack: Stack,
    /// `http://127.0.0.1:…` of the Worker.
    pub url: String,
    /// Of the sandbox.
    pub sandbox: String,
    /// Of the origin.
    pub origin: String,
    /// Follows no redirects.
    pub http: Client,
    _state: TempDir,
}

/// A cart with the right to use it.
#[derive(Debug, Clone)]
pub struct Cart {
    /// Its id.
    pub id: String,
    /// Its bearer token.
    pub token: String,
}

/// An order that was placed.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its id.
    pub id: String,
    /// Lets its bearer see it.
    pub token: String,
    /// What the gateway calls its payment.
    pub reference: String,
    /// What is to be paid.
    pub total_minor: i64,
    /// The whole answer.
    pub body: Value,
}

impl Shop {
    /// Starts a shop with these products, searchable.
    pub fn start(products: &[Product]) -> Self {
        Self::start_with(products, |config| config)
    }

    /// The same, with something set otherwise.
    pub fn start_with(products: &[Product], set: impl FnOnce(Config) -> Config) -> Self {
        let state = TempDir::new().unwrap();
        let layout = Layout::find().unwrap();
        let config = Config::new(layout, state.path().to_owned(), Ports::free().unwrap())
            .with(Part::Origin, "RECONCILE_INTERVAL_MS", "500")
            .with(Part::Origin, "RECONCILE_AFTER_MS", "1000")
            .with(Part::Sandbox, "SANDBOX_WEBHOOK_RETRY_MS", "60000")
            // The Worker is built before the tests are; wrangler has nothing to build.
            .with(Part::Edge, stack::UNDER_STACK, "true");
        let mut stack = Stack::prepare(set(config)).unwrap();
        stack.migrate().unwrap();
        if let Err(error) = stack.start_all() {
            panic!("the shop does not start: {error:#}");
        }
        let addresses = stack.addresses();
        // Each test has a runtime of its own, and a connection dies with the runtime that opened it: none is kept.
        let http =
            Client::builder().pool_max_idle_per_host(0).redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let shop = Self {
            stack,
            url: addresses.shop,
            sandbox: addresses.sandbox,
            origin: addresses.origin,
            http,
            _state: state,
        };
        shop.import(products);
        shop
    }

    /// Imports products and compiles the index, with the operator's own tools.
    pub fn import(&self, products: &[Product]) {
        let mut rows = String::new();
        for Product { sku, price_minor, stock } in products {
            let price = format!("{}.{:02}", price_minor / 100, price_minor % 100);
            let row = json!({
                "sku": sku, "title": format!("{sku} of the finest kind"), "price": price, "currency": "NGN",
                "stock": stock, "brand": "Gwandu", "category": "Home/Kitchen",
                "description": "Made to last.\n\nSecond paragraph.", "attributes": {"Material": "Steel"},
            });
            writeln!(rows, "{row}").unwrap();
        }
        let file = self.stack.state().join("products.jsonl");
        std::fs::write(&file, rows).unwrap();
        self.tool("importer", &["products", file.to_str().unwrap(), "--shop", &self.url]);
        self.tool("index-builder", &["compile", "--shop", &self.url]);
    }

    /// One of the operator's tools, with its keys; stops the test if it fails.
    pub fn tool(&self, program: &str, arguments: &[&str]) {
        let output = self.try_tool(program, arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {told}");
    }

    /// One of the operator's tools, with its keys.
    pub fn try_tool(&self, program: &str, arguments: &[&str]) -> Output {
        Command::new(Layout::find().unwrap().program(program))
            .args(arguments)
            .env("OPERATOR_KEYS", &self.stack.keys().operator_keys)
            .output()
            .unwrap()
    }

    /// One signed request of the operator's.
    pub async fn operator(&self, method: Method, path: &str, body: Vec<u8>) -> (StatusCode, Value) {
        let ring: Keyring = self.stack.keys().operator_keys.parse().unwrap();
        for _ in 0..TRIES_MAX {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            let now = Timestamp(i64::try_from(now.as_millis()).unwrap());
            let parts =
                SignedParts { audience: Audience::Edge, method: method.as_str(), path_and_query: path, body: &body };
            let signature = ring.sign(parts, now, &Uuid::now_v7().to_string());
            let mut request = self.http.request(method.clone(), format!("{}{path}", self.url)).body(body.clone());
            for (name, value) in signature.pairs() {
                request = request.header(name, value);
            }
            let response = request.send().await.unwrap();
            let (status, text) = (response.status(), response.text().await.unwrap());
            if !text.starts_with(LOST_BY_WRANGLER) {
                return (status, serde_json::from_str(&text).unwrap_or(Value::Null));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("wrangler lost {method} {path} {TRIES_MAX} times");
    }

    /// Writes one product as an operator's tool would, and compiles nothing.
    pub async fn save(&self, product: &ImportProduct) {
        let batch = ImportBatch { products: vec![product.clone()], bulk: false };
        let (status, report) =
            self.operator(Method::POST, EDGE_IMPORT_PRODUCTS, serde_json::to_vec(&batch).unwrap()).await;
        assert_eq!((status, &report["rejected"]), (StatusCode::OK, &json!([])), "{report}");
    }

    /// What search answers.
    pub async fn search(&self, query: &str) -> Value {
        let (status, body) = self.api(Method::GET, &format!("/search?{query}"), None, None).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    /// One call of the API; the answer with its status and body.
    pub async fn api(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        self.api_with_pass(method, path, token, None, body).await
    }

    /// One call of the API with a flash sale's pass.
    pub async fn api_with_pass(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        pass: Option<&str>,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        // The same key for every try of this call, so that a try whose answer was lost counts once.
        let key = Uuid::now_v7().to_string();
        for _ in 0..TRIES_MAX {
            let url = format!("{}/api/v1{path}", self.url);
            let mut request = self.http.request(method.clone(), url).header("idempotency-key", &key);
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            if let Some(pass) = pass {
                request = request.header("kasuwa-pass", pass);
            }
            if let Some(body) = &body {
                request = request.json(body);
            }
            let response = request.send().await.unwrap();
            let status = response.status();
            let text = response.text().await.unwrap();
            if text.starts_with(LOST_BY_WRANGLER) {
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
            if status == StatusCode::NO_CONTENT {
                return (status, Value::Null);
            }
            let body = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}, and no JSON: {text}"));
            return (status, body);
        }
        panic!("wrangler lost {method} {path} {TRIES_MAX} times");
    }

    /// A new cart with `quantity` of one product.
    pub async fn cart_with(&self, sku: &str, quantity: u32) -> Cart {
        let (status, body) = self.api(Method::POST, "/carts", None, None).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        let cart = Cart { id: text(&body["id"]), token: text(&body["token"]) };
        let line = json!({"sku": sku, "quantity": quantity});
        let (status, body) =
            self.api(Method::POST, &format!("/carts/{}/lines", cart.id), Some(&cart.token), Some(line)).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        cart
    }

    /// Sends a checkout; the answer as it comes.
    pub async fn check_out(&self, cart: &Cart, checkout_id: Uuid) -> (StatusCode, Value) {
        self.check_out_through("paystack", cart, checkout_id).await
    }

    /// Sends a checkout to be paid through `gateway`; the answer as it comes.
    pub async fn check_out_through(&self, gateway: &str, cart: &Cart, checkout_id: Uuid) -> (StatusCode, Value) {
        let body = json!({
            "checkout_id": checkout_id, "cart_id": cart.id, "email": "ada@example.com", "address": address(),
            "delivery": "standard", "gateway": gateway,
        });
        self.api(Method::POST, "/checkouts", Some(&cart.token), Some(body)).await
    }

    /// A placed order for `quantity` of one product.
    pub async fn order(&self, sku: &str, quantity: u32) -> Order {
        let cart = self.cart_with(sku, quantity).await;
        let (status, body) = self.check_out(&cart, Uuid::now_v7()).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        Order::read(body)
    }

    /// Has the gateway do something to an order's payment.
    pub async fn gateway(&self, order: &Order, action: Value) -> Value {
        self.sandbox(&format!("/control/payments/{}", order.reference), action).await
    }

    /// Turns one of the sandbox's knobs.
    pub async fn sandbox(&self, path: &str, action: Value) -> Value {
        let url = format!("{}{path}", self.sandbox);
        let response = self.http.post(url).json(&action).send().await.unwrap();
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        assert!(status.is_success(), "{status}: {body}");
        body
    }

    /// An order as its buyer sees it.
    pub async fn look(&self, order: &Order) -> Value {
        let (status, body) = self.api(Method::GET, &format!("/orders/{}", order.id), Some(&order.token), None).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    /// Waits until an order has this status.
    pub async fn wait_for_status(&self, order: &Order, status: &str) -> Value {
        let what = format!("order {} to become {status}", order.id);
        eventually(&what, async || Some(self.look(order).await).filter(|body| body["status"] == status)).await
    }

    /// Units of a product that can be bought, as its page in the API says.
    pub async fn available(&self, sku: &str) -> u64 {
        let slug = self.slug(sku).await;
        let (status, body) = self.api(Method::GET, &format!("/products/{slug}"), None, None).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body["variants"][0]["available"].as_u64().unwrap()
    }

    /// Waits until so many units of a product can be bought.
    pub async fn wait_for_available(&self, sku: &str, units: u64) {
        let what = format!("{units} units of {sku}");
        eventually(&what, async || (self.available(sku).await == units).then_some(())).await;
    }

    /// A product's page, found as a shopper finds it.
    pub async fn slug(&self, sku: &str) -> String {
        let (status, body) = self.api(Method::GET, &format!("/search?q={sku}"), None, None).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let hits = body["hits"].as_array().unwrap();
        let hit = hits.iter().find(|hit| hit["sku"] == sku).unwrap_or_else(|| panic!("{sku} is not found: {body}"));
        text(&hit["slug"])
    }

    /// A page of the shop.
    pub async fn page(&self, path: &str) -> Response {
        self.http.get(format!("{}{path}", self.url)).send().await.unwrap()
    }
}

impl Order {
    /// An order as the API told of it when it was placed.
    pub fn read(body: Value) -> Self {
        Self {
            id: text(&body["order_id"]),
            token: text(&body["order_token"]),
            reference: text(&body["payment"]["reference"]),
            total_minor: body["total"]["amount_minor"].as_i64().unwrap(),
            body,
        }
    }
}

/// A product with one variant, found by its SKU and title.
pub fn product(sku: &str, title: &str, price_minor: i64, stock: u32) -> ImportProduct {
    serde_json::from_value(json!({
        "sku": sku, "title": title, "description": "Made to last.", "brand": "Gwandu", "category": ["Home", "Kitchen"],
        "price": {"amount_minor": price_minor, "currency": "NGN"}, "attributes": [], "pictures": [], "codes": [],
        "seller": "Kasuwa",
        "variants": [{"sku": sku, "options": [], "price_minor": price_minor, "stock": stock, "picture": null}],
    }))
    .unwrap()
}

/// A good address.
pub fn address() -> Value {
    json!({
        "name": "Ada Obi", "line1": "12 Marina", "city": "Lagos", "region": "Lagos", "country": "NG",
        "phone": "0803 123 4567",
    })
}

/// A text in an answer.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Asks again and again until there is an answer.
pub async fn eventually<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {what}");
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}
