//! The origin: orders, payments and what the edge is told about them.
//!
//! Money lives here and nowhere else. The library is the whole service; the binary only reads the environment and waits
//! for a signal, so that tests run the same code in-process.

pub mod access;
pub mod bank_account;
pub mod clock;
pub mod config;
pub mod dispute;
pub mod error;
pub mod gateway;
pub mod give_up;
pub mod http;
pub mod ledger;
pub mod open_payment;
pub mod order_book;
pub mod outbox;
pub mod payout;
pub mod place_order;
pub mod reconcile;
pub mod redemption;
pub mod refund;
pub mod rounds;
pub mod settle;
pub mod store;
pub mod transport;
pub mod vault;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::StatusCode;
use domain::payment::Observation;
use domain::time::Timestamp;
use domain::wire::GatewayName;
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};

use crate::access::Tokens;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::Error;
use crate::gateway::{Gateway, GatewayError, Initialise, Request, Response, Verify};
use crate::store::{Store, Tx, payments};
use crate::transport::Transport;

/// What every part of the service shares. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct App {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: Config,
    outside: Outside,
    store: Store,
    tokens: Tokens,
    outbox: Notify,
    refunds: Notify,
    transfers: Notify,
}

/// The world outside: all that differs from one run to the next.
#[derive(Debug)]
pub struct Outside {
    /// What time it is.
    pub clock: Clock,
    /// Who sends requests.
    pub transport: Transport,
    /// Any number, so that not everybody tries again at the same moment.
    pub chance: fn() -> u32,
}

impl App {
    /// [`Self::over`] the real world.
    pub async fn new(config: Config, clock: Clock) -> Result<Self, anyhow::Error> {
        let chance = || getrandom::u32().unwrap_or(u32::MAX);
        Self::over(Outside { clock, transport: Transport::new()?, chance }, config).await
    }

    /// Opens the database and gets everything ready, without listening or doing anything by itself.
    pub async fn over(outside: Outside, config: Config) -> Result<Self, anyhow::Error> {
        let store = Store::open(config.database.clone()).await?;
        if config.gateways.is_empty() {
            tracing::warn!("no payment gateway is set up: set the keys of one, or nothing can be sold");
        }
        let (tokens, outbox, refunds, transfers) = (Tokens::default(), Notify::new(), Notify::new(), Notify::new());
        let inner = Inner { config, outside, store, tokens, outbox, refunds, transfers };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What was set.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.inner.outside.clock.now()
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The sender of requests.
    pub fn transport(&self) -> &Transport {
        &self.inner.outside.transport
    }

    /// Any number.
    pub fn chance(&self) -> u32 {
        (self.inner.outside.chance)()
    }

    /// A gateway, if it is set up.
    pub fn gateway(&self, name: GatewayName) -> Result<&Gateway, Error> {
        self.inner.config.gateways.iter().find(|gateway| gateway.name() == name).ok_or_else(|| {
            let detail = format!("{} is not set up in this shop; choose another way to pay", name.title());
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Error::rejected(status, "gateway_not_offered", "Payment gateway not offered", detail)
        })
    }

    /// Sends a gateway's request, with an access token if it needs one. The one way in which gateways are asked.
    pub async fn ask(&self, gateway: &Gateway, request: Request) -> Result<Response, GatewayError> {
        access::ask(self, gateway, request).await
    }

    /// Begins a payment at a gateway: the page on which it is paid.
    pub async fn initialise(&self, gateway: &Gateway, payment: &Initialise<'_>) -> Result<Url, GatewayError> {
        access::initialise(self, gateway, payment).await
    }

    /// Asks a gateway where a payment stands.
    pub async fn observe(&self, gateway: &Gateway, payment: Verify<'_>) -> Result<Observation, GatewayError> {
        access::observe(self, gateway, payment).await
    }

    /// The access tokens that are kept.
    pub fn tokens(&self) -> &Tokens {
        &self.inner.tokens
    }

    /// There is something new to deliver.
    pub fn wake_outbox(&self) {
        self.inner.outbox.notify_one();
    }

    /// Waits until there is.
    pub async fn outbox_woken(&self) {
        self.inner.outbox.notified().await;
    }

    /// There is a refund to be asked for.
    pub fn wake_refunds(&self) {
        self.inner.refunds.notify_one();
    }

    /// Waits until there is.
    pub async fn refunds_woken(&self) {
        self.inner.refunds.notified().await;
    }

    /// There is a transfer to be asked for.
    pub fn wake_transfers(&self) {
        self.inner.transfers.notify_one();
    }

    /// Waits until there is.
    pub async fn transfers_woken(&self) {
        self.inner.transfers.notified().await;
    }

    /// After a start: what was under way when the process ended is due at once. How many payments are waited for. Where other
    /// origins are at work, they may hold some of it: what a dead one held is free when its leases lapse, within half a minute.
    pub async fn resume(&self) -> Result<u64, Error> {
        let (now, alone) = (self.now(), !self.store().is_shared());
        self.store()
            .transact("resume", move |mut tx: Tx| async move {
                if alone {
                    store::outbox::resume(&mut tx, now).await?;
                    payments::resume_openings(&mut tx).await?;
                    store::refunds::resume(&mut tx, now).await?;
                    store::payouts::resume(&mut tx, now).await?;
                }
                let waiting = payments::resume_checks(&mut tx, now).await?;
                tx.done(waiting)
            })
            .await
    }

    /// Listens, answers, delivers and reconciles, until told to stop.
    pub async fn start(self) -> Result<Running, anyhow::Error> {
        let listen = self.config().listen;
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            anyhow::anyhow!("cannot listen on {listen}: {error}; set ORIGIN_LISTEN to another address")
        })?;
        let address = listener.local_addr()?;
        let waiting = self.resume().await?;
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let mut handles = vec![tasks.spawn(outbox::run(self.clone(), stopped.clone()))];
        handles.push(tasks.spawn(rounds::run::<reconcile::Payments>(self.clone(), stopped.clone())));
        handles.push(tasks.spawn(rounds::run::<refund::pursuit::Refunds>(self.clone(), stopped.clone())));
        handles.push(tasks.spawn(rounds::run::<payout::transfer::Transfers>(self.clone(), stopped.clone())));
        let router = http::router(self.clone());
        let mut stopping = stopped;
        handles.push(tasks.spawn(async move {
            let stopping = async move { drop(stopping.wait_for(|stopped| *stopped).await) };
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopping).await {
                tracing::error!(%error, "the server ended");
            }
        }));
        tracing::info!(%address, waiting, "origin listening");
        Ok(Running { app: self, address, stop, tasks, handles })
    }
}

/// A running service.
#[derive(Debug)]
pub struct Running {
    app: App,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    handles: Vec<AbortHandle>,
}

impl Running {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it shares.
    pub const fn app(&self) -> &App {
        &self.app
    }

    /// Waits until one of its parts ends, which none does by itself.
    pub async fn ended(&mut self) {
        self.tasks.join_next().await;
    }

    /// Takes no new requests, lets what is under way end, and closes the database.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
        self.app.store().close().await;
    }

    /// Ends at once, as a crash would: nothing is finished.
    pub fn kill(self) {
        self.handles.iter().for_each(AbortHandle::abort);
    }
}
