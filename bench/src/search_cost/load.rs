//! Many questions at once over HTTP, as shoppers' programs would ask them. Bounded: every address is asked twice, and then it is over.
//!
//! The asking program and workerd share the machine, so each pass says what both of them computed: the requests a second of a
//! machine with fewer processors than they need are not the Worker's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use crate::times::Times;
use crate::worker::{self, Worker};

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
    /// Bytes of an answer's body, on average.
    pub(super) body_bytes: f64,
    /// What workerd computed for one request, on average and on all processors, in milliseconds.
    pub(super) workerd_milliseconds: f64,
    /// What the asking program computed for one request, in milliseconds.
    pub(super) client_milliseconds: f64,
}

/// Asks all addresses below `shop`, twice, over so many connections at a time.
pub(super) fn run(shop: &str, addresses: &[String], connections: usize, worker: &Worker) -> Result<Load> {
    let urls: Arc<Vec<String>> = Arc::new(addresses.iter().map(|address| format!("{shop}{address}")).collect());
    ensure!(!urls.is_empty(), "there is nothing to ask");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start a runtime")?;
    let client = reqwest::Client::builder().pool_max_idle_per_host(connections).timeout(PATIENCE).build()?;
    let own = std::process::id();
    let pass = || -> Result<Pass> {
        let computed = || -> Result<[Duration; 2]> {
            Ok([worker.computed()?, worker::computed(own).context("this needs /proc")?])
        };
        let before = computed()?;
        let pass = runtime.block_on(pass(&client, &urls, connections))?;
        let [workerd_milliseconds, client_milliseconds] = {
            let after = computed()?;
            [0, 1].map(|of| (after[of] - before[of]).as_secs_f64() * 1_000.0 / urls.len() as f64)
        };
        Ok(Pass { workerd_milliseconds, client_milliseconds, ..pass })
    };
    Ok(Load { different_questions: urls.len(), connections, first: pass()?, again: pass()? })
}

/// What one connection's questions came to.
#[derive(Default)]
struct Asked {
    milliseconds: Vec<f64>,
    failed: usize,
    body_bytes: usize,
}

async fn pass(client: &reqwest::Client, urls: &Arc<Vec<String>>, connections: usize) -> Result<Pass> {
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (client, urls, next) = (client.clone(), urls.clone(), next.clone());
        askers.spawn(async move {
            let mut asked = Asked::default();
            while let Some(url) = urls.get(next.fetch_add(1, Ordering::Relaxed)) {
                let began = Instant::now();
                match ask(&client, url).await {
                    Ok(bytes) => asked.body_bytes += bytes,
                    Err(_) => asked.failed += 1,
                }
                asked.milliseconds.push(began.elapsed().as_secs_f64() * 1_000.0);
            }
            asked
        });
    }
    let mut all = Asked::default();
    while let Some(asker) = askers.join_next().await {
        let asked = asker.context("an asker stopped")?;
        all.milliseconds.extend(asked.milliseconds);
        all.failed += asked.failed;
        all.body_bytes += asked.body_bytes;
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok(Pass {
        requests_a_second: urls.len() as f64 / seconds,
        milliseconds: Times::of(all.milliseconds),
        failed: all.failed,
        body_bytes: all.body_bytes as f64 / (urls.len() - all.failed).max(1) as f64,
        workerd_milliseconds: 0.0,
        client_milliseconds: 0.0,
    })
}

/// The length of an answer's body, if it is one.
async fn ask(client: &reqwest::Client, url: &str) -> Result<usize> {
    let response = client.get(url).send().await?.error_for_status()?;
    Ok(response.bytes().await?.len())
}
