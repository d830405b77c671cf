//! Many viewers of one product, each with a socket of its own: from a reservation's answer until the last of them has heard of it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::times::Times;

/// How many sockets are opened at the same time.
const OPENED_AT_ONCE: usize = 64;
/// Longest that all viewers are waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the stock changes.
const CHANGES: usize = 10;

/// How soon so many viewers saw a change.
#[derive(Debug, Serialize)]
pub(super) struct Viewers {
    pub(super) viewers: u32,
    /// To open all their sockets.
    pub(super) open_seconds: f64,
    pub(super) changes: usize,
    /// From sending a checkout until its answer: what viewers cost a buyer.
    pub(super) buyer_milliseconds: Times,
    /// From that answer until the first viewer heard of it; less than nothing if that was sooner.
    pub(super) first_milliseconds: Times,
    /// And the last one.
    pub(super) last_milliseconds: Times,
}

/// A viewer heard that so many are available.
struct Heard {
    available: u64,
    at: Instant,
}

pub(super) fn run(shop: &str, sku: &str, count: u32) -> Result<Viewers> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(watch(shop, sku, count))
}

async fn watch(shop: &str, sku: &str, count: u32) -> Result<Viewers> {
    let url = format!("{}/p/{sku}/live", shop.replacen("http", "ws", 1));
    let (tell, mut heard) = mpsc::unbounded_channel::<Heard>();
    let started = Instant::now();
    let mut viewers = tokio::task::JoinSet::new();
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(OPENED_AT_ONCE));
    for _ in 0..count {
        let (url, tell, gate) = (url.clone(), tell.clone(), gate.clone());
        viewers.spawn(async move {
            let opening = gate.acquire_owned().await?;
            let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.context("a socket does not open")?;
            let mut opening = Some(opening);
            while let Some(message) = socket.next().await {
                match message? {
                    Message::Text(text) => {
                        // The first message, which says how things are, ends the opening.
                        drop(opening.take());
                        let at = Instant::now();
                        let body: Value = serde_json::from_str(&text)?;
                        let available = body["levels"][0]["available"].as_u64().context("a message without a level")?;
                        tell.send(Heard { available, at })?;
                    }
                    Message::Ping(payload) => socket.send(Message::Pong(payload)).await?,
                    Message::Close(_) => bail!("a socket was closed"),
                    Message::Binary(_) | Message::Pong(_) | Message::Frame(_) => {}
                }
            }
            bail!("a socket ended")
        });
    }
    let mut now_available = 0;
    for _ in 0..count {
        now_available = wait(&mut heard, &mut viewers).await?.available;
    }
    let open_seconds = started.elapsed().as_secs_f64();
    let (mut buyer, mut first, mut last) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..CHANGES {
        let sent = Instant::now();
        order(shop, sku).await?;
        let answered = Instant::now();
        buyer.push((answered - sent).as_secs_f64() * 1_000.0);
        now_available -= 1;
        let mut times = Vec::with_capacity(count as usize);
        while times.len() < count as usize {
            let heard = wait(&mut heard, &mut viewers).await?;
            if heard.available == now_available {
                times.push(signed_milliseconds(answered, heard.at));
            }
        }
        first.push(times.iter().copied().fold(f64::INFINITY, f64::min));
        last.push(times.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    }
    viewers.abort_all();
    Ok(Viewers {
        viewers: count,
        open_seconds,
        changes: CHANGES,
        buyer_milliseconds: Times::of(buyer),
        first_milliseconds: Times::of(first),
        last_milliseconds: Times::of(last),
    })
}

async fn wait(
    heard: &mut mpsc::UnboundedReceiver<Heard>,
    viewers: &mut tokio::task::JoinSet<Result<()>>,
) -> Result<Heard> {
    tokio::select! {
        biased;
        heard = heard.recv() => heard.context("no viewer is left"),
        Some(ended) = viewers.join_next() => bail!("a viewer went away: {:?}", ended.map(|ended| ended.map_err(|error| format!("{error:#}")))),
        () = tokio::time::sleep(PATIENCE) => bail!("not every viewer has heard of a change after {PATIENCE:?}"),
    }
}

fn signed_milliseconds(from: Instant, to: Instant) -> f64 {
    to.checked_duration_since(from)
        .map_or_else(|| -(from - to).as_secs_f64() * 1_000.0, |later| later.as_secs_f64() * 1_000.0)
}

/// Buys one: the stock changes by one.
async fn order(shop: &str, sku: &str) -> Result<()> {
    let client = reqwest::Client::new();
    let post = async |path: &str, token: Option<String>, body: Value| -> Result<Value> {
        let mut request = client.post(format!("{shop}/api/v1{path}")).json(&body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        Ok(request.send().await?.error_for_status()?.json().await?)
    };
    let cart = post("/carts", None, json!({})).await?;
    let (id, token) = (cart["id"].as_str().unwrap_or_default(), cart["token"].as_str().map(str::to_owned));
    ensure!(token.is_some(), "a cart without a token");
    post(&format!("/carts/{id}/lines"), token.clone(), json!({"sku": sku, "quantity": 1})).await?;
    let checkout = json!({
        "checkout_id": Uuid::now_v7(), "cart_id": id, "email": "buyer@example.com", "delivery": "standard",
        "gateway": "paystack",
        "address": {"name": "Ada Obi", "line1": "12 Marina", "city": "Lagos", "region": "Lagos", "country": "NG", "phone": "08031234567"},
    });
    post("/checkouts", token, checkout).await?;
    Ok(())
}
