//! The outside world on a laptop: payment gateways that behave as Paystack, Flutterwave, Monnify and Stripe do, and an inbox
//! that catches mail and SMS.
//!
//! It moves no money and sends nothing anywhere but to the shop's webhook addresses. The binary is a thin shell round
//! [`App`] and [`router`], which tests start in their own process.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use domain::time::Timestamp;

use crate::book::{Book, BookError};
use crate::gateways::{Gateway, Keys};
use crate::inbox::Inbox;
use crate::journal::{Journal, JournalError};
use crate::outages::{Outages, suffer};
use crate::payments::{Payment, RefundStatus};
use crate::problem::Problem;
use crate::transfers::{Standing, Transfer, TransferMode};
use crate::webhook::Deliveries;

pub mod amounts;
pub mod beginning;
pub mod book;
pub mod control;
pub mod credentials;
pub mod flutterwave;
pub mod gateways;
pub mod inbox;
pub mod journal;
pub mod monnify;
pub mod notices;
pub mod outages;
pub mod pages;
pub mod payments;
pub mod paystack;
pub mod problem;
mod refunds;
pub mod signature;
pub mod stripe;
mod times;
pub mod transfers;
pub mod webhook;

const BODY_BYTES_MAX: usize = 64 * 1024;

/// How a sandbox is set up.
#[derive(Clone)]
pub struct Settings {
    /// What opens each gateway, and what its webhooks are signed with.
    pub keys: Keys,
    /// Where webhooks go, with the gateway's name added at the end.
    pub webhooks_url: reqwest::Url,
    /// How browsers reach this sandbox, without a slash at the end.
    pub public_url: String,
    /// Whose name the payment page shows.
    pub merchant: String,
    /// The journal; `None` to forget everything at the end.
    pub state: Option<PathBuf>,
    /// Wait before each of the first four repeats of a webhook of Paystack's; every other wait is in proportion.
    pub webhook_retry: Duration,
    /// How long a refund is on its way.
    pub refund_delay: Duration,
}

/// Why a sandbox cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal is unusable.
    #[error("cannot open the state file {path}: {source}", path = path.display())]
    State {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: JournalError,
    },
    /// No HTTP client.
    #[error("cannot set up webhooks: {0}")]
    Client(#[from] reqwest::Error),
}

/// Everything that the routes share. Cheap to clone.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    book: Mutex<Book>,
    deliveries: Deliveries,
    outages: Outages,
    inbox: Inbox,
}

impl App {
    /// A sandbox that remembers what its journal tells. Refunds that were on their way go on. Needs a tokio runtime.
    pub fn open(settings: Settings) -> Result<Self, StartError> {
        let (journal, entries) = match &settings.state {
            None => (Journal::in_memory(), Vec::new()),
            Some(path) => Journal::open(path).map_err(|source| StartError::State { path: path.clone(), source })?,
        };
        let deliveries = Deliveries::new(settings.webhooks_url.clone(), settings.keys.clone(), settings.webhook_retry)?;
        let book = Book::new(journal, entries);
        let unfinished = |payment: &&Payment| payment.refunds.iter().any(|one| one.status == RefundStatus::Pending);
        let unfinished: Vec<Payment> = book.newest_first().filter(unfinished).cloned().collect();
        let (outages, inbox) = (Outages::default(), Inbox::default());
        let inner = Inner { settings, book: Mutex::new(book), deliveries, outages, inbox };
        let app = Self { inner: Arc::new(inner) };
        for payment in unfinished {
            app.carry_refunds(&payment);
        }
        let unfinished: Vec<Transfer> = app.with_book(|book| book.transfers().cloned().collect());
        for transfer in unfinished.iter().filter(|transfer| transfer.standing == Standing::Pending) {
            app.carry_transfer(transfer, TransferMode::Process);
        }
        Ok(app)
    }

    /// How this sandbox is set up.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The webhooks.
    pub fn deliveries(&self) -> &Deliveries {
        &self.inner.deliveries
    }

    /// What is wrong with the gateways.
    pub fn outages(&self) -> &Outages {
        &self.inner.outages
    }

    /// The caught messages.
    pub fn inbox(&self) -> &Inbox {
        &self.inner.inbox
    }

    /// Reads or changes payments. Nobody else can meanwhile, so keep it short.
    pub fn with_book<T>(&self, use_it: impl FnOnce(&mut Book) -> T) -> T {
        use_it(&mut self.inner.book.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The newest payment of that reference at that gateway, as it is now.
    pub fn payment(&self, gateway: Gateway, reference: &str) -> Result<Payment, BookError> {
        self.with_book(|book| book.find(gateway, reference).cloned())
            .ok_or_else(|| BookError::UnknownReference(reference.to_owned()))
    }

    /// The payment of that number at that gateway, as it is now.
    pub fn payment_by_id(&self, gateway: Gateway, id: i64) -> Option<Payment> {
        self.with_book(|book| book.find_by_id(id).cloned()).filter(|payment| payment.request.gateway == gateway)
    }

    /// The payment at that gateway that the refund or dispute of that number belongs to, as it is now.
    pub fn payment_by_part(&self, gateway: Gateway, id: i64) -> Option<Payment> {
        self.with_book(|book| book.find_by_part(id).cloned()).filter(|payment| payment.request.gateway == gateway)
    }

    /// The payment of that reference at any gateway, or of that number, as it is now.
    pub fn payment_anywhere(&self, name: &str) -> Result<Payment, BookError> {
        self.with_book(|book| book.find_anywhere(name).cloned())
            .ok_or_else(|| BookError::UnknownReference(name.to_owned()))
    }

    /// The time, read here and nowhere else.
    pub fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// All routes. A gateway without keys has none.
pub fn router(app: App) -> Router {
    let mut gateways = Router::new();
    for gateway in app.settings().keys.offered() {
        let routes = match gateway {
            Gateway::Paystack => paystack::routes(app.clone()),
            Gateway::FlutterwaveV3 => flutterwave::v3::routes(app.clone()),
            Gateway::FlutterwaveV4 => flutterwave::v4::routes(app.clone()),
            Gateway::Monnify => monnify::routes(app.clone()),
            Gateway::Stripe => stripe::routes(app.clone()),
        };
        let suffering = |routes: Router<App>| routes.layer(from_fn_with_state((app.clone(), gateway), suffer));
        if gateway == Gateway::FlutterwaveV4 {
            gateways = gateways.merge(suffering(flutterwave::v4::token_route()));
        }
        gateways = gateways.nest(gateway.base_path(), suffering(routes));
    }
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .merge(gateways)
        .merge(pages::routes())
        .merge(control::routes())
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .merge(inbox::routes())
        .fallback(pages::missing)
        .method_not_allowed_fallback(|| async {
            Problem {
                status: StatusCode::METHOD_NOT_ALLOWED,
                code: "method_not_allowed",
                detail: "this address exists, but not for this method".to_owned(),
            }
        })
        .layer(from_fn(pages::secure))
        .layer(from_fn(problem::identify))
        .with_state(app)
}
