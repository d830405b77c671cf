//! Many questions at once over HTTP, as shoppers' programs would ask them. Bounded: every address is asked a few times, and then it
//! is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::Times;

/// Longest that one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What asking over HTTP came to.
#[derive(Debug, Serialize)]
pub(super) struct Load {
    pub(super) different_questions: usize,
    pub(super) connections: usize,
    /// Every question for the first time.
    pub(super) first: Pass,
    /// Every question once more.
    pub(super) again: Pass,
}

/// All questions once.
#[derive(Debug, Serialize)]
pub(super) struct Pass {
    pub(super) requests_a_second: f64,
    pub(super) milliseconds: Times,
    /// Answers that were no 200.
    pub(super) failed: usize,
}

/// Asks all addresses below `shop`, twice, over so many connections at a time.
pub(super) fn run(shop: &str, addresses: &[String], connections: usize) -> Result<Load> {
    let urls: Arc<Vec<String>> = Arc::new(addresses.iter().map(|address| format!("{shop}{address}")).collect());
    ensure!(!urls.is_empty(), "there is nothing to ask");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start a runtime")?;
    runtime.block_on(async {
        let client = reqwest::Client::builder().pool_max_idle_per_host(connections).timeout(PATIENCE).build()?;
        let first = pass(&client, &urls, connections).await?;
        let again = pass(&client, &urls, connections).await?;
        Ok(Load { different_questions: urls.len(), connections, first, again })
    })
}

async fn pass(client: &reqwest::Client, urls: &Arc<Vec<String>>, connections: usize) -> Result<Pass> {
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (client, urls, next) = (client.clone(), urls.clone(), next.clone());
        askers.spawn(async move {
            let (mut times, mut failed) = (Vec::new(), 0);
            while let Some(url) = urls.get(next.fetch_add(1, Ordering::Relaxed)) {
                let asked = Instant::now();
                let answered = match client.get(url).send().await {
                    Ok(response) => response.status() == 200 && response.bytes().await.is_ok(),
                    Err(_) => false,
                };
                failed += usize::from(!answered);
                times.push(asked.elapsed().as_secs_f64() * 1_000.0);
            }
            (times, failed)
        });
    }
    let (mut times, mut failed) = (Vec::new(), 0);
    while let Some(asker) = askers.join_next().await {
        let (more, less) = asker.context("an asker stopped")?;
        times.extend(more);
        failed += less;
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok(Pass { requests_a_second: urls.len() as f64 / seconds, milliseconds: Times::of(times), failed })
}
