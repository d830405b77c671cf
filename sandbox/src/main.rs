//! Starts the sandbox: reads the settings, takes the port, serves until it is told to stop.

use std::io::{ErrorKind, IsTerminal};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use sandbox::gateways::{Gateway, Keys};
use sandbox::{App, Settings};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;

/// How long open connections may take to finish after the signal to stop.
const GRACE: Duration = Duration::from_secs(3);

/// The outside world on a laptop: payment gateways that behave as the real ones do, and an inbox for mail and SMS.
///
/// Keys come from the environment, named as the origin's: PAYSTACK_SECRET_KEY; FLUTTERWAVE_SECRET_KEY and
/// FLUTTERWAVE_SECRET_HASH (v3); FLUTTERWAVE_CLIENT_ID, FLUTTERWAVE_CLIENT_SECRET and FLUTTERWAVE_SECRET_HASH (v4);
/// MONNIFY_API_KEY, MONNIFY_SECRET_KEY and MONNIFY_CONTRACT_CODE; STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET. A gateway
/// without its keys is not offered.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on
    #[arg(long, env = "SANDBOX_LISTEN", default_value = "127.0.0.1:8789")]
    listen: SocketAddr,
    /// How browsers reach the sandbox, if not at the address it listens on
    #[arg(long, env = "SANDBOX_PUBLIC_URL")]
    public_url: Option<reqwest::Url>,
    /// Where webhooks go, with the gateway's name added at the end
    #[arg(long, env = "SANDBOX_WEBHOOKS_URL", default_value = "http://127.0.0.1:8788/webhooks")]
    webhooks_url: reqwest::Url,
    /// File to remember payments in (JSON lines); without it they are forgotten at the end
    #[arg(long, env = "SANDBOX_STATE")]
    state: Option<PathBuf>,
    /// Name of the shop on the payment page
    #[arg(long, env = "SANDBOX_MERCHANT", default_value = "Kasuwa")]
    merchant: String,
    /// Wait before each of the first four repeats of a webhook of Paystack's, in milliseconds; every other wait is in proportion
    #[arg(long, env = "SANDBOX_WEBHOOK_RETRY_MS", default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    webhook_retry_ms: u64,
    /// How long a refund is on its way, in milliseconds
    #[arg(long, env = "SANDBOX_REFUND_DELAY_MS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(0..=3_600_000))]
    refund_delay_ms: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sandbox: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logger = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        logger.init();
    } else {
        logger.json().flatten_event(true).with_span_list(false).init();
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let listen = arguments.listen;
    let listener = match TcpListener::bind(listen).await {
        Ok(listener) => listener,
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            bail!("{listen} is taken by another program: stop it, or choose another address with SANDBOX_LISTEN")
        }
        Err(error) => return Err(error).with_context(|| format!("cannot listen on {listen}")),
    };
    let address = listener.local_addr().context("cannot tell the address")?;
    let app = App::open(settings(arguments, address)?)?;
    let (url, webhooks_url) = (app.settings().public_url.clone(), app.settings().webhooks_url.clone());
    let offered: Vec<&str> = app.settings().keys.offered().map(Gateway::interface).collect();
    let offered = offered.join(", ");

    // Both before anybody is told that we listen: a signal that comes earlier than its handler kills.
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for signals")?;
    let (stopping, stopped) = oneshot::channel();
    let shutdown = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        let _ = stopping.send(());
    };
    println!("sandbox listening on {url} ({offered}; webhooks to {webhooks_url}/…)");
    let served = axum::serve(listener, sandbox::router(app)).with_graceful_shutdown(shutdown);
    let patience = async {
        if stopped.await.is_ok() {
            tokio::time::sleep(GRACE).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        result = served => result.context("the server stopped"),
        () = patience => {
            tracing::warn!("some connections were still open");
            Ok(())
        }
    }
}

fn settings(arguments: Arguments, address: SocketAddr) -> Result<Settings> {
    let keys = Keys::read(|name| std::env::var(name).ok())?;
    for url in [Some(&arguments.webhooks_url), arguments.public_url.as_ref()].into_iter().flatten() {
        if !matches!(url.scheme(), "http" | "https") {
            bail!("{url} is not an http or https address");
        }
    }
    let public_url = arguments.public_url.map_or_else(|| format!("http://{address}"), String::from);
    Ok(Settings {
        keys,
        webhooks_url: arguments.webhooks_url,
        public_url: public_url.trim_end_matches('/').to_owned(),
        merchant: arguments.merchant,
        state: arguments.state,
        webhook_retry: Duration::from_millis(arguments.webhook_retry_ms),
        refund_delay: Duration::from_millis(arguments.refund_delay_ms),
    })
}
