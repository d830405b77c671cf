//! Delivers the outbox to the edge: at least once, in order per order, several orders at a time, and never given up.
//!
//! It knows nothing of what messages mean, but for one answer: the stock of a paid order may be gone.

use std::time::{Duration, Instant};

use domain::time::{Millis, Timestamp};
use domain::wire::{EDGE_EVENTS, EventOutcome, OriginEventKind};
use reqwest::Url;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::App;
use crate::error::Error;
use crate::settle;
use crate::store::Tx;
use crate::store::outbox::{self, Message};

const AT_ONCE: usize = 16;
/// Longer than a delivery can take.
const LEASE: Millis = Millis::seconds(30);
const RETRY_FIRST_MS: i64 = 250;
const RETRY_MAX_MS: i64 = 5_000;
/// After so many failures somebody should look; it is still tried, at [`RETRY_STUCK_MS`].
const STUCK_AFTER: u32 = 100;
const RETRY_STUCK_MS: i64 = 120_000;
const IDLE_MAX: Duration = Duration::from_secs(5);
/// How long an edge that is down is left alone.
const PAUSE: Duration = Duration::from_millis(500);
/// Another process took what was due.
const BLOCKED: Duration = Duration::from_millis(100);

/// Runs until `stop` is set, then lets what is under way come to its end.
pub async fn run(app: App, mut stop: watch::Receiver<bool>) {
    let mut courier = Courier { app, under_way: JoinSet::new(), failures: 0, paused_until: Instant::now() };
    while !*stop.borrow() {
        let idle = match courier.fill().await {
            Ok(idle) => idle,
            Err(error) => {
                tracing::error!(%error, "the outbox could not be read");
                IDLE_MAX
            }
        };
        tokio::select! {
            _ = stop.wait_for(|stopped| *stopped) => break,
            Some(taken) = courier.under_way.join_next() => courier.note(taken.unwrap_or(false)),
            () = courier.app.outbox_woken() => {}
            () = tokio::time::sleep(idle) => {}
        }
    }
    while courier.under_way.join_next().await.is_some() {}
}

/// Deliveries under way, and how the edge has been lately.
struct Courier {
    app: App,
    /// Each tells whether the edge took its message.
    under_way: JoinSet<bool>,
    /// How many came to nothing since the last that was taken.
    failures: usize,
    paused_until: Instant,
}

impl Courier {
    fn note(&mut self, taken: bool) {
        self.failures = if taken { 0 } else { self.failures.saturating_add(1) };
        if self.is_edge_down() {
            self.paused_until = Instant::now() + PAUSE;
        }
    }

    /// One order's message may be refused for ever; when nobody's is taken any more, the edge is down. It is tried with one message
    /// at a time then, so that thousands that wait do not keep the database busy.
    const fn is_edge_down(&self) -> bool {
        self.failures >= AT_ONCE
    }

    /// Starts what is due; how long to wait until there is more.
    async fn fill(&mut self) -> Result<Duration, Error> {
        while let Some(taken) = self.under_way.try_join_next() {
            self.note(taken.unwrap_or(false));
        }
        let pause = self.paused_until.saturating_duration_since(Instant::now());
        if !pause.is_zero() {
            return Ok(pause);
        }
        let at_once = if self.is_edge_down() { 1 } else { AT_ONCE };
        let free = u32::try_from(at_once.saturating_sub(self.under_way.len())).unwrap_or(0);
        let (app, now) = (&self.app, self.app.now());
        match outbox::next_due(&mut app.store().read().await?).await? {
            None => return Ok(IDLE_MAX),
            Some(due) if due > now => return Ok(between(now, due)),
            Some(_) if free == 0 => return Ok(IDLE_MAX),
            Some(_) => {}
        }
        let messages = claim(app, free).await?;
        let again = if messages.is_empty() { BLOCKED } else { Duration::ZERO };
        for message in messages {
            self.under_way.spawn(deliver(app.clone(), message));
        }
        Ok(again)
    }
}

fn between(now: Timestamp, due: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from((due - now).0).unwrap_or(0)).min(IDLE_MAX)
}

/// Takes up to `limit` messages that are due, to be delivered now.
pub async fn claim(app: &App, limit: u32) -> Result<Vec<Message>, Error> {
    let now = app.now();
    app.store()
        .claim("claim_messages", move |mut tx: Tx| async move {
            let messages = outbox::claim_due(&mut tx, limit, now + LEASE, now).await?;
            tx.done(messages)
        })
        .await
}

/// Tells the edge; whether it took it.
pub async fn deliver(app: App, message: Message) -> bool {
    let (order_id, sequence) = (message.order_id, message.sequence);
    let error = match send(&app, &message).await {
        Ok(outcome) => match conclude(&app, &message, &outcome).await {
            Ok(()) => {
                tracing::info!(%order_id, sequence, request_id = message.request_id, ?outcome, "the edge was told");
                return true;
            }
            Err(error) => error.to_string(),
        },
        Err(error) => error,
    };
    let attempts = message.attempts + 1;
    let stuck = attempts >= STUCK_AFTER;
    if stuck {
        tracing::error!(%order_id, sequence, attempts, error, "a message for the edge is stuck; trying on, slowly");
    } else {
        tracing::warn!(%order_id, sequence, attempts, error, "the edge could not be told; will try again");
    }
    let (id, error, now) = (message.id, error.as_str(), app.now());
    let next = now + retry_delay(attempts, app.chance());
    let failed = app
        .store()
        .transact("fail_message", move |mut tx: Tx| async move {
            outbox::mark_failed(&mut tx, id, error, next, stuck.then_some(now)).await?;
            tx.done(())
        })
        .await;
    if let Err(error) = failed {
        tracing::error!(%order_id, sequence, %error, "could not note a failure; its lease will lapse instead");
    }
    false
}

async fn send(app: &App, message: &Message) -> Result<EventOutcome, String> {
    let url: Url = app.config().edge_url.join(EDGE_EVENTS).map_err(|error| error.to_string())?;
    let body = message.body.clone().into_bytes();
    let answer = app
        .transport()
        .tell_edge(url, &app.config().keys, body, &message.request_id, app.now())
        .await
        .map_err(|error| error.to_string())?;
    serde_json::from_slice(&answer).map_err(|error| format!("the edge's answer cannot be read: {error}"))
}

/// Marks the message delivered, together with what the edge's answer means.
async fn conclude(app: &App, message: &Message, outcome: &EventOutcome) -> Result<(), Error> {
    let name = match outcome {
        EventOutcome::Done => "done",
        EventOutcome::OutOfStock { .. } => "out_of_stock",
    };
    app.store()
        .transact("conclude_message", move |mut tx: Tx| async move {
            let now = app.now();
            let first = outbox::mark_delivered(&mut tx, message.id, name, now).await?;
            let refused = matches!(outcome, EventOutcome::OutOfStock { .. });
            if first && refused && message.kind == OriginEventKind::OrderPaid {
                settle::refuse_stock(&mut tx, message, now).await?;
            }
            tx.done(())
        })
        .await?;
    app.wake_outbox();
    app.wake_refunds();
    Ok(())
}

/// Doubles from [`RETRY_FIRST_MS`] to [`RETRY_MAX_MS`], less up to half of it by `chance`, so that not all come back at once.
fn retry_delay(attempts: u32, chance: u32) -> Millis {
    let whole = if attempts >= STUCK_AFTER {
        RETRY_STUCK_MS
    } else {
        RETRY_FIRST_MS.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(RETRY_MAX_MS)
    };
    Millis(whole - (whole / 2).saturating_mul(i64::from(chance)) / i64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_grow_apart_and_never_end() {
        assert_eq!(retry_delay(1, 0), Millis(250));
        assert_eq!(retry_delay(1, u32::MAX), Millis(125));
        assert_eq!(retry_delay(3, 0), Millis(1_000));
        assert_eq!(retry_delay(20, 0), Millis(5_000));
        assert_eq!(retry_delay(u32::MAX, 0), Millis(120_000));
    }
}
