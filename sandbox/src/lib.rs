//! The outside world on a laptop: a payment gateway that behaves as Paystack does, and an inbox that catches mail and SMS.
//!
//! It moves no money and sends nothing anywhere but to the shop's webhook address. The binary is a thin shell round
//! [`App`] and [`router`], which tests start in their own process.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::routing::get;
use domain::time::Timestamp;

use crate::book::{Book, BookError};
use crate::inbox::Inbox;
use crate::journal::{Journal, JournalError};
use crate::payments::Payment;
use crate::problem::Problem;
use crate::webhook::Deliveries;

pub mod book;
pub mod control;
pub mod inbox;
pub mod journal;
pub mod pages;
pub mod payments;
pub mod paystack;
pub mod problem;
pub mod webhook;

const BODY_BYTES_MAX: usize = 64 * 1024;

/// How a sandbox is set up.
#[derive(Clone)]
pub struct Settings {
    /// What shops send as `Authorization: Bearer`, and what webhooks are signed with.
    pub secret_key: String,
    /// Where webhooks go.
    pub webhook_url: reqwest::Url,
    /// How browsers reach this sandbox, without a slash at the end.
    pub public_url: String,
    /// Whose name the payment page shows.
    pub merchant: String,
    /// The journal; `None` to forget everything at the end.
    pub state: Option<PathBuf>,
    /// Wait before each of the first four repeats of a webhook; later ones wait twenty times that.
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
    inbox: Inbox,
}

impl App {
    /// A sandbox that remembers what its journal tells. Refunds that were on their way go on. Needs a tokio runtime.
    pub fn open(settings: Settings) -> Result<Self, StartError> {
        let (journal, entries) = match &settings.state {
            None => (Journal::in_memory(), Vec::new()),
            Some(path) => Journal::open(path).map_err(|source| StartError::State { path: path.clone(), source })?,
        };
        let deliveries = Deliveries::new(settings.webhook_url.clone(), &settings.secret_key, settings.webhook_retry)?;
        let book = Book::new(journal, entries);
        let unfinished: Vec<(Payment, i64)> = book
            .newest_first()
            .flat_map(|payment| payment.refunds.iter().map(move |refund| (payment, refund)))
            .filter(|(_, refund)| refund.processed_at.is_none())
            .map(|(payment, refund)| (payment.clone(), refund.id))
            .collect();
        let inner = Inner { settings, book: Mutex::new(book), deliveries, inbox: Inbox::default() };
        let app = Self { inner: Arc::new(inner) };
        for (payment, id) in unfinished {
            app.carry_refund(&payment, id);
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

    /// The caught messages.
    pub fn inbox(&self) -> &Inbox {
        &self.inner.inbox
    }

    /// Reads or changes payments. Nobody else can meanwhile, so keep it short.
    pub fn with_book<T>(&self, use_it: impl FnOnce(&mut Book) -> T) -> T {
        use_it(&mut self.inner.book.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A payment as it is now.
    pub fn payment(&self, reference: &str) -> Result<Payment, BookError> {
        self.with_book(|book| book.find(reference).cloned())
            .ok_or_else(|| BookError::UnknownReference(reference.to_owned()))
    }

    /// The time, read here and nowhere else.
    pub fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// All routes.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .nest("/paystack", paystack::routes(app.clone()))
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
