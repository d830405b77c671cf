//! Many viewers of one product, each with a socket of its own: how soon the last of them has heard of a change, and what they cost those
//! who buy meanwhile.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use domain::ids::{MovementId, Sku};
use domain::stock::{Command, Movement, Units};
use domain::wire::{CataloguePage, EDGE_CATALOGUE, EDGE_STOCK, StockReport};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::{reservations, stock};
use crate::times::Times;
use crate::worker::Worker;

/// How many sockets are opened at the same time.
const OPENED_AT_ONCE: usize = 64;
/// Longest that all viewers are waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the stock changes by itself.
const CHANGES: usize = 10;
/// Between two of them, so that each is seen alone.
const PAUSE: Duration = Duration::from_millis(500);
/// Reservations that are made and let go of while everybody looks.
const BOUGHT: u32 = 2_000;

/// How soon so many viewers saw a change, and what they cost.
#[derive(Debug, Serialize)]
pub(super) struct Viewers {
    pub(super) viewers: u32,
    /// Relays that they were spread over.
    pub(super) relays: u32,
    /// Viewers, as the Stock object counts them.
    pub(super) counted: u32,
    /// To open all their sockets and hear the first word.
    pub(super) open_seconds: f64,
    pub(super) changes: usize,
    /// From asking for a change until its answer.
    pub(super) answer_milliseconds: Times,
    /// From that answer until the first viewer heard of it; less than nothing if that was sooner.
    pub(super) first_milliseconds: Option<Times>,
    /// And the last one.
    pub(super) last_milliseconds: Option<Times>,
    /// What buyers get while all of them look.
    pub(super) reservations_a_second: f64,
    pub(super) reservation_milliseconds: Times,
    /// Messages that one viewer got of those reservations and their ends.
    pub(super) messages_each: f64,
    /// Viewers who do not know how things are in the end.
    pub(super) behind: u32,
}

/// What a viewer heard.
struct Heard {
    viewer: usize,
    version: u64,
    available: u32,
    at: Instant,
}

#[derive(Deserialize)]
struct Told {
    version: u64,
    levels: Vec<Level>,
}

#[derive(Deserialize)]
struct Level {
    available: u32,
}

/// All of them, and what each heard last.
struct Audience {
    heard: Receiver<Result<Heard>>,
    /// Version and units; `None` before the first word.
    last: Vec<Option<(u64, u32)>>,
    messages: u64,
}

impl Audience {
    /// Waits until nobody satisfies `is_behind` any more; says when each was seen to do so last.
    fn wait(&mut self, is_behind: impl Fn(Option<(u64, u32)>) -> bool) -> Result<Option<(Instant, Instant)>> {
        let mut behind = self.last.iter().filter(|last| is_behind(**last)).count();
        let mut times: Option<(Instant, Instant)> = None;
        let until = Instant::now() + PATIENCE;
        while behind > 0 {
            let heard = match self.heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(heard) => heard?,
                Err(RecvTimeoutError::Timeout) => {
                    bail!("{behind} viewers have not heard of a change after {PATIENCE:?}")
                }
                Err(RecvTimeoutError::Disconnected) => bail!("no viewer is left"),
            };
            self.messages += 1;
            let last = self.last.get_mut(heard.viewer).context("a viewer nobody knows")?;
            let was_behind = is_behind(*last);
            *last = Some((heard.version, heard.available));
            if was_behind && !is_behind(*last) {
                behind -= 1;
                let (first, latest) = times.unwrap_or((heard.at, heard.at));
                times = Some((first.min(heard.at), latest.max(heard.at)));
            }
        }
        Ok(times)
    }
}

pub(super) fn run(worker: &Worker, shop: &str, sku: &str, count: u32) -> Result<Viewers> {
    // A thread of their own: hearing ten thousand messages must not keep the buyer waiting.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let slug = slug(worker, sku)?;
    let started = Instant::now();
    let (tell, heard) = mpsc::channel();
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(OPENED_AT_ONCE));
    for viewer in 0..count as usize {
        let (url, tell, gate) =
            (format!("{}/p/{slug}/live", shop.replacen("http", "ws", 1)), tell.clone(), gate.clone());
        runtime.spawn(async move {
            let ended = watch(&url, viewer, &tell, gate).await;
            // When nobody waits any more, that is no news.
            drop(ended.map_err(|error| tell.send(Err(error))));
        });
    }
    let mut audience = Audience { heard, last: vec![None; count as usize], messages: 0 };
    audience.wait(|last| last.is_none())?;
    let open_seconds = started.elapsed().as_secs_f64();
    let (mut answer, mut first, mut last) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..CHANGES {
        std::thread::sleep(PAUSE);
        let sent = Instant::now();
        let truth = take_one(worker, sku)?;
        let answered = Instant::now();
        answer.push(signed_milliseconds(sent, answered));
        if let Some((first_at, last_at)) =
            audience.wait(|heard| heard.is_none_or(|(_, available)| available != truth))?
        {
            first.push(signed_milliseconds(answered, first_at));
            last.push(signed_milliseconds(answered, last_at));
        }
    }
    let before = audience.messages;
    let buyers = reservations::run(worker, &[sku.to_owned()], BOUGHT)?;
    let report = stock(worker, sku)?;
    // One change more, so that everybody has to hear something after all that.
    let truth = take_one(worker, sku)?;
    let behind = match audience.wait(|heard| heard.is_none_or(|(_, available)| available != truth)) {
        Ok(_) => 0,
        Err(_) => audience.last.iter().filter(|last| last.is_none_or(|(_, available)| available != truth)).count(),
    };
    let messages = audience.messages - before;
    drop(runtime);
    wait_for_nobody(worker, sku)?;
    let times = |times: Vec<f64>| (!times.is_empty()).then(|| Times::of(times));
    Ok(Viewers {
        viewers: count,
        relays: report.relays,
        counted: report.viewers,
        open_seconds,
        changes: CHANGES,
        answer_milliseconds: Times::of(answer),
        first_milliseconds: times(first),
        last_milliseconds: times(last),
        reservations_a_second: buyers.reservations_a_second,
        reservation_milliseconds: buyers.milliseconds,
        messages_each: messages as f64 / f64::from(count.max(1)),
        behind: u32::try_from(behind)?,
    })
}

/// What a product's page is called, as the catalogue has it.
fn slug(worker: &Worker, sku: &str) -> Result<String> {
    let mut after = String::new();
    loop {
        let CataloguePage { products, next, .. } = worker.get(&format!("{EDGE_CATALOGUE}{after}"))?;
        if let Some(found) = products.into_iter().find(|found| found.product.sku.as_str() == sku) {
            return Ok(found.slug);
        }
        after = format!("?after={}", next.with_context(|| format!("the shop has no {sku}"))?);
    }
}

async fn watch(
    url: &str,
    viewer: usize,
    tell: &Sender<Result<Heard>>,
    gate: std::sync::Arc<tokio::sync::Semaphore>,
) -> Result<()> {
    let mut opening = Some(gate.acquire_owned().await?);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.context("a socket does not open")?;
    while let Some(message) = socket.next().await {
        match message? {
            Message::Text(text) => {
                let at = Instant::now();
                // The first message, which says how things are, ends the opening.
                drop(opening.take());
                let told: Told = serde_json::from_str(&text)?;
                let available = told.levels.first().context("a message without a level")?.available;
                if tell.send(Ok(Heard { viewer, version: told.version, available, at })).is_err() {
                    return Ok(());
                }
            }
            Message::Ping(payload) => socket.send(Message::Pong(payload)).await?,
            Message::Close(_) => bail!("a socket was closed"),
            Message::Binary(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
    bail!("a socket ended")
}

/// One unit fewer; how many can be bought then.
fn take_one(worker: &Worker, sku: &str) -> Result<u32> {
    let movement =
        Movement { id: MovementId(Uuid::now_v7()), actor: "bench".to_owned(), reason: "measured".to_owned() };
    let command = Command::WriteOff { movement, sku: Sku::new(sku)?, units: Units::new(1)? };
    let report: StockReport = worker.post(&format!("{EDGE_STOCK}{sku}"), &command)?;
    Ok(report.levels.first().context("a product without variants")?.available)
}

/// Waits until the Stock object has seen all of them leave: the next ones are counted by themselves.
fn wait_for_nobody(worker: &Worker, sku: &str) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    while stock(worker, sku)?.viewers > 0 {
        if Instant::now() > until {
            bail!("viewers who left are still counted after {PATIENCE:?}");
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

fn signed_milliseconds(from: Instant, to: Instant) -> f64 {
    to.checked_duration_since(from)
        .map_or_else(|| -(from - to).as_secs_f64() * 1_000.0, |later| later.as_secs_f64() * 1_000.0)
}
