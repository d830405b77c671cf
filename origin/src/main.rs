//! The origin as a native server: reads the environment, runs, and ends on Ctrl-C or SIGTERM.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use origin::App;
use origin::clock::Clock;
use origin::config::Config;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// What is under way has this long to end.
const SHUTDOWN_MAX: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> ExitCode {
    begin_logging();
    match run().await {
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
