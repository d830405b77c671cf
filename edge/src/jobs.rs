//! What runs by the clock.

use domain::signature::CLOCK_SKEW_MAX;
use worker::Env;
use worker::wasm_bindgen::JsValue;

use crate::catalogue::changes;
use crate::context::now;
use crate::durable::client;
use crate::error::Error;
use crate::index_open;
use crate::index_store::IndexStore;
use crate::{accounts, log, queries};

/// Of `wrangler.toml`'s triggers, the one that comes every hour.
const HOURLY: &str = "17 * * * *";

/// Does what `cron`'s time has come for.
pub(crate) async fn run(cron: &str, env: &Env) {
    let jobs: &[(&str, Result<(), Error>)] = if cron == HOURLY {
        &[
            ("forget nonces", forget_nonces(env).await),
            ("forget sessions", accounts::forget(env).await),
            ("trim changes", trim_changes(env).await),
            ("sweep index", client::sweep_index(env).await),
            ("forget queries", queries::forget(env).await),
            ("popular queries", queries::refresh(env).await.map(drop)),
        ]
    } else {
        &[("indexer", poke_lagging_indexer(env).await)]
    };
    for (job, done) in jobs {
        if let Err(error) = done {
            log::warn(job, format!("{error:?}"));
        }
    }
}

/// Forgets nonces that no signature could still be good with.
async fn forget_nonces(env: &Env) -> Result<(), Error> {
    // Twice the skew: a request may be signed that far ahead, and be sent again that much later.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact in a float for 285,000 years")]
    let before = (now().as_millis() - 2 * CLOCK_SKEW_MAX.0) as f64;
    env.d1("DB")?
        .prepare("DELETE FROM seen_nonce WHERE seen_at < ?1")
        .bind(&[JsValue::from_f64(before)])?
        .run()
        .await?;
    Ok(())
}

/// Tells the indexer of changes that it was not told of, or that it failed to follow.
async fn poke_lagging_indexer(env: &Env) -> Result<(), Error> {
    let Some(stored) = IndexStore::OfIndexer(env.clone()).pointer().await? else { return Ok(()) };
    if changes::last_seq(&env.d1("DB")?).await? > stored.pointer.catalogue_seq {
        client::poke_indexer(env).await?;
    }
    Ok(())
}

/// Forgets changes that the current artefact was compiled with. What came after it stays: the next one may begin before them.
async fn trim_changes(env: &Env) -> Result<(), Error> {
    let store = IndexStore::OfIndexer(env.clone());
    let Some(stored) = store.pointer().await? else { return Ok(()) };
    let base_seq = index_open::base_seq(&store, stored.pointer.base_version()).await?;
    changes::trim(&env.d1("DB")?, base_seq).await
}
