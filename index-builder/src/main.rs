//! The `index-builder` command. `cargo xtask index` starts it, and so does everything that imports.
//!
//! Exit codes: 0 published; 1 failed, and searches go on with the index that they had.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Parser, Subcommand};
use domain::wire::{EDGE_INDEX, EDGE_QUERIES, IndexStatus, QueryReport};
use importer::shop::{SHOP_DEFAULT, Shop};
use index_builder::{catalogue, publish, queries};
use indicatif::{ProgressBar, ProgressStyle};
use search::compile::MEMORY_BUDGET_DEFAULT_BYTES;

/// Compiles a shop's search index.
///
/// The shop's operator keys are read from the environment variable OPERATOR_KEYS.
#[derive(Parser)]
#[command(name = "index-builder", version)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Reads the catalogue, compiles the index, uploads and publishes it.
    Compile {
        /// The shop
        #[arg(long, default_value = SHOP_DEFAULT)]
        shop: String,
        /// Also write the index's files to a folder of its version in this folder
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Synonyms that searches use from then on; without, they keep those that they have
        #[arg(long, value_name = "FILE")]
        synonyms: Option<PathBuf>,
    },
    /// Publishes synonyms, without compiling anything.
    Synonyms {
        /// The shop
        #[arg(long, default_value = SHOP_DEFAULT)]
        shop: String,
        /// One rule a line
        file: PathBuf,
    },
    /// Says how far search has come, as JSON.
    Status {
        /// The shop
        #[arg(long, default_value = SHOP_DEFAULT)]
        shop: String,
    },
    /// Says what shoppers asked for, and what they did not find.
    Queries {
        /// The shop
        #[arg(long, default_value = SHOP_DEFAULT)]
        shop: String,
        /// Of how many days
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=90))]
        days: u32,
    },
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let failed = error.use_stderr();
            drop(error.print());
            return if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli.what)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(what: What) -> anyhow::Result<()> {
    match what {
        What::Compile { shop, out, synonyms } => compile(&shop, out, synonyms.as_deref()).await,
        What::Synonyms { shop, file } => {
            let started = Instant::now();
            let text = publish::read_synonyms(&file)?;
            publish::publish_synonyms(&Shop::from_environment(&shop)?, text).await?;
            println!("{} published in {:.1} s", file.display(), started.elapsed().as_secs_f64());
            Ok(())
        }
        What::Status { shop } => {
            let status: IndexStatus = Shop::from_environment(&shop)?.get(EDGE_INDEX).await?;
            tell(&format!("{}\n", serde_json::to_string_pretty(&status)?))
        }
        What::Queries { shop, days } => {
            let path = format!("{EDGE_QUERIES}?days={days}");
            let report: QueryReport = Shop::from_environment(&shop)?.get(&path).await?;
            tell(&queries::table(&report))
        }
    }
}

/// Writes what was asked for. Whoever reads only its beginning does no harm.
fn tell(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

async fn compile(address: &str, out: Option<PathBuf>, synonyms: Option<&Path>) -> anyhow::Result<()> {
    let started = Instant::now();
    let shop = Shop::from_environment(address)?;
    // Before anything is published: a list with mistakes changes nothing.
    let synonyms = synonyms.map(publish::read_synonyms).transpose()?;
    let progress = Progress::new();
    progress.say("reading the catalogue");
    let catalogue =
        catalogue::read(&shop, |count| progress.say(&format!("reading the catalogue: {count} products"))).await?;
    let read_in = started.elapsed();
    let (documents, change_seq) = (catalogue.documents, catalogue.change_seq);
    let count = documents.len();
    progress.say(&format!("compiling {count} products"));
    let artefact = tokio::task::spawn_blocking(move || {
        search::compile_as_of(documents.into_iter(), change_seq, MEMORY_BUDGET_DEFAULT_BYTES)
    })
    .await
    .context("the compiler stopped")??;
    let compiled_in = started.elapsed() - read_in;
    if let Some(out) = out {
        let folder = out.join(&artefact.version);
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        for (file, bytes) in &artefact.files {
            std::fs::write(folder.join(file), bytes).with_context(|| folder.join(file).display().to_string())?;
        }
    }
    let (version, bytes) =
        (artefact.version.clone(), artefact.files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>());
    progress.say("uploading");
    publish::publish(&shop, artefact).await?;
    if let Some(text) = synonyms {
        publish::publish_synonyms(&shop, text).await?;
    }
    progress.finish();
    println!(
        "index {version} published: {count} products, {:.1} MB, {:.1} s (catalogue {:.1} s, compiling {:.1} s)",
        bytes as f64 / 1_000_000.0,
        started.elapsed().as_secs_f64(),
        read_in.as_secs_f64(),
        compiled_in.as_secs_f64(),
    );
    Ok(())
}

/// Says what is being done: a spinner on a terminal, elsewhere a line now and then.
struct Progress {
    spinner: Option<ProgressBar>,
    spoken_at: Mutex<Instant>,
}

const LINE_INTERVAL: Duration = Duration::from_secs(5);

impl Progress {
    fn new() -> Self {
        let spinner = std::io::stderr().is_terminal().then(|| {
            let spinner = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {msg}  {elapsed}") {
                spinner.set_style(style);
            }
            spinner.enable_steady_tick(Duration::from_millis(120));
            spinner
        });
        Self { spinner, spoken_at: Mutex::new(Instant::now()) }
    }

    fn say(&self, what: &str) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(what.to_owned());
        } else if let Ok(mut spoken_at) = self.spoken_at.lock()
            && spoken_at.elapsed() >= LINE_INTERVAL
        {
            *spoken_at = Instant::now();
            eprintln!("{what}");
        }
    }

    fn finish(&self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}
