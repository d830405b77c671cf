//! Tells a Stock object's copies of its changes once the buyer has an answer: D1's projection, and the relays of those who look at the
//! product. What comes while that is under way goes out with the next round; what fails is tried again by the alarm.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use worker::Delay;
use worker::wasm_bindgen::JsValue;

use super::copies::Relay;
use super::{Shell, levels};
use crate::durable::client::{self, Levels, RelayCall, Told};
use crate::error::Error;
use crate::pages::card::FEW;

/// How soon D1 is written again: listings show a hint that may be a moment old, and buyers share the thread.
const PROJECTION_PAUSE: Duration = Duration::from_millis(500);
/// How soon relays are told again, and how much later for each of them: so a Stock object makes at most a hundred such calls a second,
/// however many look at its product.
const RELAYS_PAUSE: Duration = Duration::from_millis(100);
const RELAYS_PAUSE_EACH: Duration = Duration::from_millis(10);
/// How long a relay may take to answer.
const RELAY_PATIENCE: Duration = Duration::from_secs(3);

/// What is under way: one round of each at a time.
#[derive(Default)]
pub(super) struct UnderWay {
    projection: Cell<bool>,
    relays: Cell<bool>,
}

/// Has everybody told who is behind, while the caller goes on.
pub(super) fn later(shell: &Rc<Shell>) -> worker::Result<()> {
    let (is_unpublished, is_relay_behind) =
        shell.with_copies(|copies| (copies.is_unpublished(), copies.relays_behind().next().is_some()))?;
    if is_unpublished && !shell.under_way.projection.replace(true) {
        let this = Rc::clone(shell);
        shell.state.wait_until(async move {
            projection(&this).await;
            this.under_way.projection.set(false);
        });
    }
    if is_relay_behind && !shell.under_way.relays.replace(true) {
        let this = Rc::clone(shell);
        shell.state.wait_until(async move {
            relays(&this).await;
            this.under_way.relays.set(false);
        });
    }
    Ok(())
}

/// Writes D1 until it is up to date, or a write fails.
async fn projection(shell: &Shell) {
    loop {
        match write_projection(shell).await {
            Ok(true) => Delay::from(PROJECTION_PAUSE).await,
            Ok(false) => return,
            Err(error) => return crate::log::warn("stock projection", error),
        }
    }
}

/// Whether there was something to write.
async fn write_projection(shell: &Shell) -> worker::Result<bool> {
    let (is_unpublished, version) = shell.with_copies(|copies| (copies.is_unpublished(), copies.version()))?;
    if !is_unpublished {
        return Ok(false);
    }
    let written = shell.with_shelf(|shelf| Ok(levels(shelf)))?;
    let db = shell.env.d1("DB")?;
    let mut statements = vec![
        db.prepare(
            "UPDATE variant SET available = level.value ->> 'available'
             FROM json_each(?1) AS level WHERE variant.sku = level.value ->> 'sku'",
        )
        .bind(&[JsValue::from_str(&serde_json::to_string(&written.levels)?)])?,
    ];
    if let Some(product_id) = shell.counted()? {
        let counts = db.prepare("UPDATE product SET stock_phase = 2 WHERE id = ?1 AND stock_phase <> 2");
        statements.push(counts.bind(&[JsValue::from_str(&product_id.to_string())])?);
    }
    db.batch(statements).await?;
    // Sales during the write have a greater version, and go out with the next one.
    shell.change_copies(|copies, sql| copies.published(sql, version))?;
    let before = shell.published.borrow_mut().take();
    let is_news = before.is_none_or(|before| changes_cards(&before, &written));
    shell.published.replace(Some(written));
    if is_news && let Err(error) = client::poke_indexer(&shell.env).await {
        // D1 has it, so that the clock will find it.
        crate::log::warn("indexer poke", format!("{error:?}"));
    }
    Ok(true)
}

/// Tells relays until each has the newest or has failed.
async fn relays(shell: &Shell) {
    let mut failed = BTreeSet::new();
    loop {
        match tell_relays(shell, |relay| !failed.contains(&relay.relay), true).await {
            Ok(Round { told: 0, .. }) => return,
            Ok(round) => {
                failed.extend(round.failed);
                Delay::from(RELAYS_PAUSE + RELAYS_PAUSE_EACH * round.told).await;
            }
            Err(error) => return crate::log::warn("relays", error),
        }
    }
}

/// Asks every relay for its viewers now, by telling it what it knows.
pub(super) async fn count_viewers(shell: &Shell) -> worker::Result<()> {
    tell_relays(shell, |_| true, false).await.map(drop)
}

struct Round {
    told: u32,
    failed: Vec<u32>,
}

/// Tells some of the relays how things are, all at once.
async fn tell_relays(shell: &Shell, is_wanted: impl Fn(&Relay) -> bool, only_behind: bool) -> worker::Result<Round> {
    let (version, product_id, wanted) = shell.with_copies(|copies| {
        let relays: Vec<Relay> = if only_behind {
            copies.relays_behind().filter(&is_wanted).collect()
        } else {
            copies.relays().filter(&is_wanted).collect()
        };
        (copies.version(), copies.product_id(), relays)
    })?;
    let Some(product_id) = product_id else { return Ok(Round { told: 0, failed: Vec::new() }) };
    let told = Told { version, levels: shell.with_shelf(|shelf| Ok(levels(shelf).levels))? };
    let calls = wanted.iter().map(|relay| {
        let call = RelayCall { following: relay.following, told: told.clone() };
        let env = &shell.env;
        async move { patiently(client::tell_relay(env, product_id, relay.relay, &call)).await }
    });
    let mut round = Round { told: u32::try_from(wanted.len()).unwrap_or(u32::MAX), failed: Vec::new() };
    for (relay, heard) in wanted.iter().zip(join_all(calls).await) {
        match heard {
            Ok(heard) => shell.change_copies(|copies, sql| copies.told(sql, *relay, version, heard.viewers))?,
            Err(error) => {
                crate::log::warn("relay", format!("{product_id}/{}: {error:?}", relay.relay));
                round.failed.push(relay.relay);
            }
        }
    }
    Ok(round)
}

async fn patiently<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let call = std::pin::pin!(call);
    let patience = std::pin::pin!(Delay::from(RELAY_PATIENCE));
    match select(call, patience).await {
        Either::Left((answer, _)) => answer,
        Either::Right(((), _)) => Err(Error::fault("relay", "no answer")),
    }
}

/// Whether cards and filters would look different. D1's triggers decide what really is a change; this only saves pokes.
fn changes_cards(before: &Levels, after: &Levels) -> bool {
    let units = |levels: &Levels| levels.levels.iter().map(|level| level.available).fold(0, u32::saturating_add);
    let has = |levels: &Levels| -> Vec<bool> { levels.levels.iter().map(|level| level.available > 0).collect() };
    units(before).min(units(after)) <= FEW || has(before) != has(after)
}
