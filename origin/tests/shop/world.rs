//! One shop's origin with its gateway and its edge, in a folder of its own.

use std::process::Stdio;
use std::time::Duration;

use axum::Router;
use domain::checkout::Address;
use domain::ids::{CartId, CheckoutId, OrderId, ProductId, Sku};
use domain::money::Currency;
use domain::order::OrderStatus;
use domain::pricing::{Terms, quote};
use domain::signature::{Audience, Keyring, SignatureHeaders, SignedParts, paystack};
use domain::stock::Quantity;
use domain::time::Millis;
use domain::wire::{GatewayName, ORIGIN_ORDER, ORIGIN_PLACE_ORDER, ORIGIN_VERIFY};
use domain::wire::{OrderLine, OrderView, PlaceOrder, PlacedOrder, Problem};
use origin::clock::Clock;
use origin::config::Config;
use origin::store::Tx;
use origin::store::orders::priced;
use origin::store::sql::query;
use origin::{App, Running};
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use uuid::Uuid;

use crate::edge::Edge;
use crate::gateway::{Paystack, SECRET};

pub(crate) const KEYS: &str = "test:0123456789abcdef0123456789abcdef";

pub(crate) const METRICS_TOKEN: &str = "token-of-the-test-shop";

const BANK_DETAILS_KEYS: &str = "a:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Where a PostgreSQL server is, `postgres://USER@HOST:PORT`, on which every world has a database of its own; without it they have SQLite
/// files.
const POSTGRES: &str = "TEST_POSTGRES_URL";

const VARIABLES: &[&str] = &[
    "ORIGIN_LISTEN",
    "DATABASE_URL",
    "EDGE_URL",
    "EDGE_ORIGIN_KEYS",
    "PAYSTACK_SECRET_KEY",
    "PAYSTACK_BASE_URL",
    "FLUTTERWAVE_VERSION",
    "FLUTTERWAVE_BASE_URL",
    "FLUTTERWAVE_SECRET_KEY",
    "FLUTTERWAVE_SECRET_HASH",
    "BANK_DETAILS_KEYS",
    "COMMISSIONS",
    "METRICS_TOKEN",
    "RECONCILE_INTERVAL_MS",
    "RECONCILE_AFTER_MS",
];

/// Everything that there is.
pub(crate) struct World {
    pub(crate) paystack: Paystack,
    pub(crate) edge: Edge,
    pub(crate) clock: Clock,
    pub(crate) client: reqwest::Client,
    keys: Keyring,
    database_url: String,
    folder: TempDir,
    gateway_url: String,
    edge_url: String,
    reconcile_interval_ms: u64,
    running: Option<Running>,
    process: Option<Child>,
    address: String,
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    pub(crate) fn json<T: for<'de> serde::Deserialize<'de>>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The code of a problem, having checked that it is a whole one.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        let problem: Problem = self.json();
        assert_eq!(problem.status, self.status);
        assert_eq!(problem.request_id, self.headers["x-request-id"]);
        problem.code
    }
}

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// A new database on the engine that is tested.
async fn database(folder: &TempDir) -> String {
    let name = format!("test_{}", Uuid::now_v7().simple());
    let Ok(server) = std::env::var(POSTGRES) else {
        return format!("sqlite:{}/data/{name}.sqlite?mode=rwc", folder.path().display());
    };
    let mut server_connection = PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
    sqlx::query(&format!("CREATE DATABASE {name}")).execute(&mut server_connection).await.unwrap();
    format!("{server}/{name}")
}

impl World {
    /// A world in which reconciliation looks ten times a second.
    pub(crate) async fn new() -> Self {
        Self::with_reconciliation(Duration::from_millis(100)).await
    }

    /// A world in which nobody asks the gateway unless told to.
    pub(crate) async fn without_reconciliation() -> Self {
        Self::with_reconciliation(Duration::from_secs(3_600)).await
    }

    /// A world whose database holds something before the origin starts.
    pub(crate) async fn after(prepare: impl AsyncFnOnce(String)) -> Self {
        let mut world = Self::not_started(Duration::from_secs(3_600)).await;
        prepare(world.database_url.clone()).await;
        world.start().await;
        world
    }

    /// From the next start on, everything is in another database, of which this is the address.
    pub(crate) async fn another_database(&mut self) -> String {
        self.database_url = database(&self.folder).await;
        self.database_url.clone()
    }

    async fn with_reconciliation(interval: Duration) -> Self {
        let mut world = Self::not_started(interval).await;
        world.start().await;
        world
    }

    async fn not_started(interval: Duration) -> Self {
        let (clock, keys): (Clock, Keyring) = (Clock::default(), KEYS.parse().unwrap());
        let (paystack, edge) = (Paystack::default(), Edge::new(keys.clone(), clock.clone()));
        let gateway_url = serve(paystack.router()).await;
        let edge_url = serve(edge.router()).await;
        let folder = TempDir::new().unwrap();
        Self {
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            reconcile_interval_ms: u64::try_from(interval.as_millis()).unwrap(),
            database_url: database(&folder).await,
            folder,
            running: None,
            process: None,
            address: String::new(),
            paystack,
            edge,
            clock,
            keys,
            gateway_url,
            edge_url,
        }
    }

    pub(crate) async fn start(&mut self) {
        let config = Config::read(|name| self.variable(name));
        let app = App::new(config.unwrap(), self.clock.clone()).await.unwrap();
        let running = app.start().await.unwrap();
        self.address = running.address().to_string();
        self.running = Some(running);
    }

    /// Stops what runs in-process, and runs the real binary on the same database instead, until the next [`Self::kill_process`].
    pub(crate) async fn start_process(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        self.address = free.to_string();
        let variables = VARIABLES.iter().filter_map(|name| Some((name, self.variable(name)?)));
        let child = Command::new(env!("CARGO_BIN_EXE_origin"))
            .env_clear()
            .envs(variables)
            .env("ORIGIN_LISTEN", &self.address)
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        self.process = Some(child.unwrap());
        let healthy = async || self.client.get(self.url("/healthz")).send().await.is_ok_and(|ok| ok.status() == 200);
        self.until("the process answers", healthy).await;
    }

    /// `kill -9`.
    pub(crate) async fn kill_process(&mut self) {
        self.process.take().unwrap().kill().await.unwrap();
    }

    /// Asks the process to end, as a service manager would; whether it ended well.
    pub(crate) async fn terminate_process(&mut self) -> bool {
        let mut child = self.process.take().unwrap();
        let id = child.id().unwrap().to_string();
        Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
        tokio::time::timeout(Duration::from_secs(10), child.wait()).await.unwrap().unwrap().success()
    }

    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        match name {
            "ORIGIN_LISTEN" => Some("127.0.0.1:0".to_owned()),
            "DATABASE_URL" => Some(self.database_url.clone()),
            "EDGE_URL" => Some(self.edge_url.clone()),
            "EDGE_ORIGIN_KEYS" => Some(KEYS.to_owned()),
            "PAYSTACK_SECRET_KEY" => Some(SECRET.to_owned()),
            "PAYSTACK_BASE_URL" => Some(format!("{}/paystack", self.gateway_url)),
            "FLUTTERWAVE_VERSION" => Some("v3".to_owned()),
            "FLUTTERWAVE_BASE_URL" => Some(format!("{}/flutterwave", self.gateway_url)),
            "FLUTTERWAVE_SECRET_KEY" | "FLUTTERWAVE_SECRET_HASH" => Some(SECRET.to_owned()),
            "RECONCILE_INTERVAL_MS" => Some(self.reconcile_interval_ms.to_string()),
            "METRICS_TOKEN" => Some(METRICS_TOKEN.to_owned()),
            "BANK_DETAILS_KEYS" => Some(BANK_DETAILS_KEYS.to_owned()),
            "COMMISSIONS" => Some("*=1000".to_owned()),
            "RECONCILE_AFTER_MS" => Some("300".to_owned()),
            _ => None,
        }
    }

    /// The process dies.
    pub(crate) fn kill(&mut self) {
        self.running.take().unwrap().kill();
    }

    pub(crate) async fn stop(&mut self) {
        self.running.take().unwrap().stop().await;
    }

    pub(crate) fn app(&self) -> &App {
        self.running.as_ref().unwrap().app()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A checkout of two lines for ₦125.50 in all.
    pub(crate) fn checkout(&self) -> PlaceOrder {
        let line = |sku: &str, quantity, unit_price_minor| OrderLine {
            product_id: ProductId(Uuid::now_v7()),
            sku: Sku::new(sku).unwrap(),
            slug: "a-lamp".to_owned(),
            title: "A lamp".to_owned(),
            seller: "kasuwa".to_owned(),
            quantity: Quantity::new(quantity).unwrap(),
            unit_price_minor,
        };
        let mut order = PlaceOrder {
            checkout_id: CheckoutId(Uuid::now_v7()),
            cart_id: CartId(Uuid::now_v7()),
            email: "ada@example.com".to_owned(),
            address: Address {
                name: "Ada Obi".to_owned(),
                line1: "12 Marina".to_owned(),
                city: "Lagos".to_owned(),
                region: "Lagos".to_owned(),
                country: "NG".to_owned(),
                phone: "+234 803 123 4567".to_owned(),
            },
            lines: vec![line("lamp-red", 2, 5_000), line("bulb", 1, 1_050)],
            terms: Terms::flat(1_500),
            currency: Currency::Ngn,
            quote_digest: String::new(),
            gateway: GatewayName::Paystack,
            return_url: "https://shop.example/orders/1".to_owned(),
            reserved_until: self.clock.now() + Millis::minutes(15),
        };
        requote(&mut order);
        order
    }

    /// A signed request.
    pub(crate) fn signed(&self, method: &str, path: &str, body: Vec<u8>) -> reqwest::RequestBuilder {
        let parts = SignedParts { audience: Audience::Origin, method, path_and_query: path, body: &body };
        let signature = self.keys.sign(parts, self.clock.now(), &Uuid::now_v7().to_string());
        self.carrying(&signature, method, path, body)
    }

    pub(crate) fn carrying(
        &self,
        signature: &SignatureHeaders,
        method: &str,
        path: &str,
        body: Vec<u8>,
    ) -> reqwest::RequestBuilder {
        let mut request = self.client.request(method.parse().unwrap(), self.url(path)).body(body);
        request = request.header("content-type", "application/json");
        for (name, value) in signature.pairs() {
            request = request.header(name, value);
        }
        request
    }

    pub(crate) fn sign(&self, parts: SignedParts<'_>, nonce: &str) -> SignatureHeaders {
        self.keys.sign(parts, self.clock.now(), nonce)
    }

    pub(crate) async fn place(&self, order: &PlaceOrder) -> Answer {
        Answer::of(self.signed("POST", ORIGIN_PLACE_ORDER, serde_json::to_vec(order).unwrap())).await
    }

    /// Places an order for which nothing goes wrong.
    pub(crate) async fn placed(&self) -> (PlaceOrder, PlacedOrder) {
        let order = self.checkout();
        let answer = self.place(&order).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        (order, answer.json())
    }

    pub(crate) async fn view(&self, order_id: OrderId) -> OrderView {
        let answer = Answer::of(self.signed("GET", &format!("{ORIGIN_ORDER}{order_id}"), Vec::new())).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    pub(crate) async fn verify(&self, checkout_id: CheckoutId) -> OrderView {
        let answer = Answer::of(self.signed("POST", &format!("{ORIGIN_VERIFY}{checkout_id}"), Vec::new())).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Sends a webhook as the gateway would; the HTTP status.
    pub(crate) async fn webhook(&self, event: &str, reference: &str) -> u16 {
        let (body, signature) = self.paystack.notice(event, reference);
        self.raw_webhook(body, &signature).await.status
    }

    pub(crate) async fn raw_webhook(&self, body: String, signature: &str) -> Answer {
        let request = self.client.post(self.url("/webhooks/paystack")).header(paystack::HEADER, signature);
        Answer::of(request.body(body)).await
    }

    pub(crate) async fn statuses(&self, order_id: OrderId) -> Vec<OrderStatus> {
        self.view(order_id).await.history.into_iter().map(|change| change.status).collect()
    }

    /// Waits until `true`, for at most forty seconds: where several origins may be at work, what one had taken when it died is free
    /// after half a minute.
    pub(crate) async fn until<F: Future<Output = bool>>(&self, what: &str, met: impl Fn() -> F) {
        for _ in 0..2_000 {
            if met().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("waited in vain until {what}");
    }

    pub(crate) async fn until_status(&self, order_id: OrderId, status: OrderStatus) {
        self.until(&format!("the order is {status}"), async || self.view(order_id).await.status == status).await;
    }

    /// Any statement, to bring about what would take hours.
    pub(crate) async fn run(&self, sql: &'static str) {
        let statement = move |mut tx: Tx| async move {
            query(sql).execute(tx.connection()).await?;
            tx.done(())
        };
        self.app().store().transact("test", statement).await.unwrap();
    }

    /// `SELECT count(*) AS n …`
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        let mut connection = self.app().store().read().await.unwrap();
        query(sql).fetch_one(&mut connection).await.unwrap().get("n").unwrap()
    }
}

/// Makes the quote fit the lines.
pub(crate) fn requote(order: &mut PlaceOrder) {
    order.quote_digest = quote(&priced(&order.lines), &order.terms, order.currency).unwrap().digest();
}
