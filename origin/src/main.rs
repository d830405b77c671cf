//! The origin as a native server: reads the environment, runs, and ends on Ctrl-C or SIGTERM.
//!
//! `origin backup FILE` and `origin restore FILE` (`-`: standard output and input) copy everything out of the database that `DATABASE_URL`
//! names, while others work with it, and into an empty one, of whichever engine.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use origin::App;
use origin::clock::Clock;
use origin::config::Config;
use origin::store::{Store, backup};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// What is under way has this long to end.
const SHUTDOWN_MAX: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> ExitCode {
    begin_logging();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => run().await,
        ["backup", file] => back_up(file).await,
        ["restore", file] => restore(file).await,
        _ => {
            Err(anyhow::anyhow!("usage: origin | origin backup FILE | origin restore FILE (-: standard output, input)"))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn begin_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        subscriber.init();
    } else {
        subscriber.json().flatten_event(true).with_span_list(false).init();
    }
}

async fn run() -> Result<(), anyhow::Error> {
    // Before anybody can know that we listen: a signal that comes earlier than its handler kills.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut running = App::new(Config::from_env()?, Clock::default()).await?.start().await?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = running.ended() => anyhow::bail!("a part of the origin ended by itself"),
    }
    tracing::info!("stopping");
    if tokio::time::timeout(SHUTDOWN_MAX, running.stop()).await.is_err() {
        tracing::warn!("stopped before everything had come to its end");
    }
    Ok(())
}

async fn database() -> Result<Store, anyhow::Error> {
    Ok(Store::open(Config::from_env()?.database).await?)
}

async fn back_up(file: &str) -> Result<(), anyhow::Error> {
    let store = database().await?;
    let rows = if file == "-" {
        backup::write(&store, &mut BufWriter::new(std::io::stdout().lock())).await?
    } else {
        // Under another name until it is whole, so that a backup from before is never lost to one that failed.
        let unfinished = format!("{file}.unfinished");
        let written = File::create(&unfinished).with_context(|| unfinished.clone())?;
        let mut writer = BufWriter::new(written);
        let rows = backup::write(&store, &mut writer).await?;
        writer.get_ref().sync_all()?;
        std::fs::rename(&unfinished, file).with_context(|| file.to_owned())?;
        rows
    };
    tracing::info!(rows, "backed up");
    store.close().await;
    Ok(())
}

async fn restore(file: &str) -> Result<(), anyhow::Error> {
    let mut reader: Box<dyn BufRead> = if file == "-" {
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        Box::new(BufReader::new(File::open(file).with_context(|| file.to_owned())?))
    };
    let store = database().await?;
    let rows = backup::restore(&store, &mut reader).await?;
    tracing::info!(rows, "restored");
    store.close().await;
    Ok(())
}
