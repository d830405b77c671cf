//! Many buyers for few units, over HTTP as programs do it: make a cart, put one in, check out. Each tries once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use reqwest::{Client, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::times::Times;

/// Longest that one answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the rush came to. Orders ought to be the units, and failures none ([`super::claims`]).
#[derive(Debug, Default, Serialize)]
pub(super) struct Rush {
    pub(super) units: u32,
    /// Those who came: all, or as many as came in time.
    pub(super) buyers: u32,
    pub(super) connections: u32,
    pub(super) orders: u32,
    /// Units that the Stock object has promised or sold in the end.
    pub(super) reserved: u64,
    /// Told that it is sold out, putting it in the cart or checking out.
    pub(super) sold_out: u32,
    /// Answers of 500 and above.
    pub(super) failures: u32,
    /// Anything else: lost connections, other refusals.
    pub(super) others: u32,
    /// Of the first that was something else or failed.
    pub(super) example: Option<String>,
    pub(super) seconds: f64,
    pub(super) requests_a_second: f64,
    pub(super) orders_a_second: f64,
    /// From the first buyer to the last order.
    pub(super) last_order_seconds: f64,
    /// Of a checkout that became an order.
    pub(super) order_milliseconds: Option<Times>,
}

/// How one buyer fared.
enum Fate {
    Ordered { milliseconds: f64, at: Instant },
    SoldOut,
    Failed(String),
    Other(String),
}

/// Has so many buyers come over so many connections; after `patience` no more of them come.
pub(super) fn run(shop: &str, sku: &str, buyers: u32, connections: u32, patience: Option<Duration>) -> Result<Rush> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = Client::builder().pool_max_idle_per_host(connections as usize).timeout(PATIENCE).build()?;
    let (next, requests) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let started = Instant::now();
    let has_time = move || patience.is_none_or(|patience| started.elapsed() < patience);
    let fates = runtime.block_on(async {
        let mut askers = tokio::task::JoinSet::new();
        for _ in 0..connections {
            let (client, shop, sku) = (client.clone(), shop.to_owned(), sku.to_owned());
            let (next, requests) = (next.clone(), requests.clone());
            askers.spawn(async move {
                let mut fates = Vec::new();
                while has_time() && next.fetch_add(1, Ordering::Relaxed) < buyers {
                    fates.push(
                        buy(&client, &shop, &sku, &requests)
                            .await
                            .unwrap_or_else(|error| Fate::Other(format!("{error:#}"))),
                    );
                }
                fates
            });
        }
        let mut fates = Vec::with_capacity(buyers as usize);
        while let Some(asker) = askers.join_next().await {
            fates.extend(asker.context("a buyer stopped")?);
        }
        anyhow::Ok(fates)
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let requests_a_second = f64::from(requests.load(Ordering::Relaxed)) / seconds;
    let came = u32::try_from(fates.len())?;
    let mut rush = Rush { buyers: came, connections, seconds, requests_a_second, ..Rush::default() };
    let mut order_milliseconds = Vec::new();
    for fate in fates {
        match fate {
            Fate::Ordered { milliseconds, at } => {
                rush.orders += 1;
                rush.last_order_seconds = rush.last_order_seconds.max((at - started).as_secs_f64());
                order_milliseconds.push(milliseconds);
            }
            Fate::SoldOut => rush.sold_out += 1,
            Fate::Failed(what) => {
                rush.failures += 1;
                rush.example.get_or_insert(what);
            }
            Fate::Other(what) => {
                rush.others += 1;
                rush.example.get_or_insert(what);
            }
        }
    }
    rush.orders_a_second = f64::from(rush.orders) / rush.last_order_seconds.max(0.001);
    rush.order_milliseconds = (!order_milliseconds.is_empty()).then(|| Times::of(order_milliseconds));
    Ok(rush)
}

async fn buy(client: &Client, shop: &str, sku: &str, requests: &AtomicU32) -> Result<Fate> {
    let send = async |path: &str, token: Option<&str>, body: Value| -> Result<(StatusCode, Value)> {
        requests.fetch_add(1, Ordering::Relaxed);
        let mut request = client.post(format!("{shop}/api/v1{path}")).json(&body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        let status = response.status();
        Ok((status, response.json().await.unwrap_or(Value::Null)))
    };
    let (status, cart) = send("/carts", None, json!({})).await?;
    let (Some(id), Some(token)) = (cart["id"].as_str(), cart["token"].as_str()) else {
        return Ok(refusal(status, &cart));
    };
    let line = json!({"sku": sku, "quantity": 1});
    let (status, body) = send(&format!("/carts/{id}/lines"), Some(token), line).await?;
    if status != StatusCode::OK {
        return Ok(refusal(status, &body));
    }
    let checkout = json!({
        "checkout_id": Uuid::now_v7(), "cart_id": id, "email": "buyer@example.com", "delivery": "standard",
        "gateway": "paystack",
        "address": {"name": "Ada Obi", "line1": "12 Marina", "city": "Lagos", "region": "Lagos", "country": "NG", "phone": "08031234567"},
    });
    let began = Instant::now();
    let (status, body) = send("/checkouts", Some(token), checkout).await?;
    if status == StatusCode::CREATED {
        return Ok(Fate::Ordered { milliseconds: began.elapsed().as_secs_f64() * 1_000.0, at: Instant::now() });
    }
    Ok(refusal(status, &body))
}

fn refusal(status: StatusCode, body: &Value) -> Fate {
    match body["code"].as_str() {
        Some("out_of_stock") => Fate::SoldOut,
        _ if status.is_server_error() => Fate::Failed(format!("{status} {body}")),
        _ => Fate::Other(format!("{status} {body}")),
    }
}
