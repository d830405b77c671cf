//! `bench search`: makes a catalogue of any size, compiles and publishes its index, and measures searches in workerd and natively,
//! with the same queries in the same run.
//!
//! Inside the Worker the clock stands still between two awaits, so a warm search is run many times between two looks at it. Over
//! HTTP the shop is asked as a client asks it, every question a different one. Nothing is asserted here.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use search::compile::MEMORY_BUDGET_DEFAULT_BYTES;
use serde::Serialize;
use stack::{Config, Host, Layout, Part, Ports, Stack};

mod catalogue;
mod freshness;
mod load;
mod native;
mod questions;
mod report;

use self::freshness::Freshness;
use self::load::Load;
use self::native::Native;
use self::questions::Kind;
use crate::times::Times;
use crate::worker::Worker;

/// Products that are saved to see how soon they are found.
const SAVES: usize = 12;

/// Arguments of `bench search`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many products to make
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    products: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Different questions of each kind
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(5..=400))]
    questions: u16,
    /// Times that a warm question is repeated between two looks at the clock
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    times: u32,
    /// Different questions over HTTP
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(10..=20_000))]
    requests: u32,
    /// Connections over HTTP
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=64))]
    connections: u32,
    /// Keep the shop in this folder, to go on looking at it; it must be empty or not be there yet
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
struct Results {
    products: u64,
    /// Of the text of a product, on average.
    words_a_product: f64,
    compile_seconds: f64,
    publish_seconds: f64,
    bundle_bytes: u64,
    hotcache_bytes: u64,
    kinds: Vec<KindResults>,
    memory: Memory,
    http: Load,
    freshness: Freshness,
}

/// What is resident, in bytes.
#[derive(Debug, Serialize)]
struct Memory {
    /// The Worker's whole WASM memory once every question has been asked, over HTTP too.
    worker_wasm: u64,
    /// Of it, the index: what stays between searches.
    worker_index: u64,
    /// The workerd process, code and V8 included; before the first search and at the end.
    workerd_before: u64,
    workerd_after: u64,
}

/// One kind of question.
#[derive(Debug, Serialize)]
struct KindResults {
    kind: Kind,
    questions: usize,
    /// Hits of the question in the middle.
    total_p50: u64,
    /// In a reader that has nothing in memory, opening included.
    cold: Cold,
    /// With everything in memory, inside the Worker.
    warm_worker: Times,
    /// The same, in a native process.
    warm_native: Times,
    /// Middle of the Worker's over middle of the native ones.
    ratio_p50: f64,
}

#[derive(Debug, Serialize)]
struct Cold {
    rounds_max: u32,
    rounds_p50: u64,
    bytes_p50: u64,
    milliseconds: Times,
}

fn middle(mut numbers: Vec<u64>) -> u64 {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or(0)
}

/// Measures, and prints what was measured.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let results = measure(arguments)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&results)?);
    } else {
        report::print(&results);
    }
    Ok(())
}

fn measure(arguments: &Arguments) -> Result<Results> {
    let say = |what: &str| eprintln!("{what} …");
    if let Some(state) = &arguments.state {
        ensure_empty(state)?;
    }
    say(&format!("making and compiling {} products", arguments.products));
    let started = Instant::now();
    let words_a_product = catalogue::words_a_product();
    let artefact = search::compile(catalogue::documents(arguments.products), MEMORY_BUDGET_DEFAULT_BYTES)?;
    let compile_seconds = started.elapsed().as_secs_f64();
    let questions = questions::questions(arguments.products, usize::from(arguments.questions));

    let passing = tempfile::TempDir::new().context("cannot make a folder for the shop")?;
    let state = match &arguments.state {
        Some(state) => state.clone(),
        None => passing.path().to_owned(),
    };
    let config = Config::new(Layout::find()?, state, Ports::free()?).hosted_by(Host::Workerd);
    let mut stack = Stack::prepare(config)?;
    stack.migrate()?;
    stack.start(Part::Edge)?;
    let worker = Worker::new(&stack)?;
    say("publishing");
    let started = Instant::now();
    worker.publish(artefact.clone())?;
    let publish_seconds = started.elapsed().as_secs_f64();
    let workerd_before = worker.resident_bytes()?;

    let native = Native::open(artefact)?;
    let mut warm = Vec::new();
    for (kind, requests) in &questions {
        say(&format!("asking {} {}", requests.len(), kind.name()));
        warm.push((worker.ask_warm(requests, arguments.times)?, native.ask(requests, arguments.times)?));
    }
    say("asking over HTTP");
    let http = load::run(
        &stack.addresses().shop,
        &questions::addresses(arguments.products, arguments.requests as usize),
        arguments.connections as usize,
        &worker,
    )?;
    // Before anything is opened a second time, which no shopper does.
    let (worker_wasm, worker_index) = worker.memory()?;
    let mut kinds = Vec::new();
    for ((kind, requests), (warm, native)) in questions.into_iter().zip(warm) {
        say(&format!("asking {} {} of a cold index", requests.len(), kind.name()));
        let cold = worker.ask_cold(&requests)?;
        let (warm_worker, warm_native) = (
            Times::of(warm.iter().map(|measured| measured.milliseconds).collect()),
            Times::of(native.iter().map(|measured| measured.milliseconds).collect()),
        );
        kinds.push(KindResults {
            kind,
            questions: requests.len(),
            total_p50: middle(warm.iter().map(|measured| measured.total).collect()),
            cold: Cold {
                rounds_max: cold.iter().map(|measured| measured.rounds).max().unwrap_or(0),
                rounds_p50: middle(cold.iter().map(|measured| u64::from(measured.rounds)).collect()),
                bytes_p50: middle(cold.iter().map(|measured| measured.bytes).collect()),
                milliseconds: Times::of(cold.iter().map(|measured| measured.milliseconds).collect()),
            },
            ratio_p50: warm_worker.p50 / warm_native.p50,
            warm_worker,
            warm_native,
        });
    }
    say("saving products");
    let freshness = freshness::run(&worker, &stack.addresses().shop, SAVES)?;
    let memory = Memory { worker_wasm, worker_index, workerd_before, workerd_after: worker.resident_bytes()? };
    Ok(Results {
        products: arguments.products,
        words_a_product,
        compile_seconds,
        publish_seconds,
        bundle_bytes: native.bundle_bytes(),
        hotcache_bytes: native.hotcache_bytes(),
        kinds,
        memory,
        http,
        freshness,
    })
}

/// Another shop's index, or its cache, would be measured along with this one's.
fn ensure_empty(state: &Path) -> Result<()> {
    let is_empty = !state.exists() || state.read_dir().is_ok_and(|mut entries| entries.next().is_none());
    ensure!(is_empty, "{} is not an empty folder: name another one", state.display());
    Ok(())
}
