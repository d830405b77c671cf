//! Webhooks on their way to the shop: signed, sent in the background, repeated until the shop takes them.
//!
//! Everything is bounded: notices under way, requests at once, attempts, and what is remembered of them. Nothing here
//! decides *whether* to send, and nothing survives a restart: a shop that missed a notice has to ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::gateways::{Gateway, Keys};
use crate::payments::Payment;
use crate::signature::sign;

mod schedule;

/// Most copies of one notice.
pub const COPIES_MAX: u32 = 100;
/// Longest wait before the first attempt.
pub const DELAY_MS_MAX: u64 = 10 * 60 * 1_000;

const UNDER_WAY_MAX: u32 = 20_000;
const SENDING_MAX: usize = 128;
const RECORDS_PER_PAYMENT_MAX: usize = 200;
const TIMEOUT: Duration = Duration::from_secs(10);

/// Most notices that one happening causes, at any gateway.
const NOTICES_MAX: u32 = 3;

/// What a gateway has to say about a payment, before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Such as `charge.success`, in the gateway's words.
    pub event: String,
    /// The body, as it is signed and sent.
    pub body: String,
}

/// What notices are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The gateway's number of it.
    pub id: i64,
    /// Which gateway.
    pub gateway: Gateway,
    /// The shop's name for it.
    pub reference: String,
}

/// How a notice misbehaves on its way. The default is a well-behaved one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// How many are sent, all at once: 1 to [`COPIES_MAX`].
    pub copies: u32,
    /// Wait before the first attempt, up to [`DELAY_MS_MAX`].
    pub delay_ms: u64,
    /// Send none at all.
    pub drop: bool,
    /// Sign with another key, as somebody else would. A forger does not try again.
    pub forge: bool,
}

impl Default for Faults {
    fn default() -> Self {
        Self { copies: 1, delay_ms: 0, drop: false, forge: false }
    }
}

/// What became of one copy of a notice.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    #[serde(skip)]
    id: u64,
    /// Such as `charge.success`.
    pub event: String,
    /// Whether it was signed with the wrong key on purpose.
    pub forged: bool,
    /// How often it was sent so far.
    pub attempts: u32,
    /// The HTTP status of the last attempt; `None` when there was none, or nobody answered.
    pub last_status: Option<u16>,
    /// Whether the shop took it.
    pub delivered: bool,
}

/// Too many notices are under way.
#[derive(Debug, thiserror::Error)]
#[error("{UNDER_WAY_MAX} webhooks are under way already: let the shop answer some first")]
pub struct QueueFull;

/// Where notices are handed in.
#[derive(Debug, Clone)]
pub struct Deliveries {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: reqwest::Client,
    url: reqwest::Url,
    keys: Keys,
    retry_pace: Duration,
    under_way: Arc<Semaphore>,
    sending: Semaphore,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    last_id: u64,
    by_payment: HashMap<i64, Vec<Record>>,
}

impl Deliveries {
    /// Deliveries to `url` with the gateway's name at its end, signed with `keys`. `retry_pace` is the wait before Paystack's
    /// first retry; every gateway's own schedule is counted in it.
    pub fn new(url: reqwest::Url, keys: Keys, retry_pace: Duration) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent("kasuwa-sandbox")
            .build()?;
        let inner = Inner {
            client,
            url,
            keys,
            retry_pace,
            under_way: Arc::new(Semaphore::new(UNDER_WAY_MAX as usize)),
            sending: Semaphore::new(SENDING_MAX),
            log: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Room for all notices of one happening and their copies. Taken before the payment changes, so that no change goes
    /// unannounced.
    pub fn reserve(&self, faults: Faults) -> Result<Room, QueueFull> {
        let most = if faults.drop { 0 } else { faults.copies.min(COPIES_MAX) * NOTICES_MAX };
        let permits = Arc::clone(&self.inner.under_way).try_acquire_many_owned(most).map_err(|_| QueueFull)?;
        Ok(Room { inner: Arc::clone(&self.inner), permits, faults })
    }

    /// What was sent about a payment, oldest first.
    pub fn records(&self, payment: &Payment) -> Vec<Record> {
        let log = self.inner.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.by_payment.get(&payment.request.id).cloned().unwrap_or_default()
    }
}

impl Inner {
    fn open_record(&self, payment: i64, event: &str, forged: bool) -> u64 {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.last_id += 1;
        let id = log.last_id;
        let records = log.by_payment.entry(payment).or_default();
        if records.len() == RECORDS_PER_PAYMENT_MAX {
            records.remove(0);
        }
        records.push(Record { id, event: event.to_owned(), forged, attempts: 0, last_status: None, delivered: false });
        id
    }

    fn note_attempt(&self, letter: &Letter, last_status: Option<u16>) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let records = log.by_payment.get_mut(&letter.payment);
        if let Some(record) = records.and_then(|records| records.iter_mut().find(|record| record.id == letter.id)) {
            record.attempts += 1;
            record.last_status = last_status;
            record.delivered = last_status.is_some_and(|status| schedule::is_taken(letter.gateway, status));
        }
    }
}

/// Room in the queue for the notices of one happening, and their copies.
#[must_use = "a happening without a word is announced to nobody"]
#[derive(Debug)]
pub struct Room {
    inner: Arc<Inner>,
    permits: OwnedSemaphorePermit,
    faults: Faults,
}

impl Room {
    /// Queues notices about a payment: all of them and all copies go out by themselves, at the same time. Needs a tokio
    /// runtime.
    pub fn send(self, payment: &Payment, notices: Vec<Notice>) {
        let request = &payment.request;
        let about = About { id: request.id, gateway: request.gateway, reference: request.reference.clone() };
        self.send_about(&about, notices);
    }

    /// The same for whatever a gateway has a number for.
    pub fn send_about(mut self, request: &About, notices: Vec<Notice>) {
        let delay = Duration::from_millis(self.faults.delay_ms.min(DELAY_MS_MAX));
        for notice in notices {
            if self.faults.drop {
                tracing::info!(reference = request.reference, event = notice.event, "webhook dropped, as asked");
            }
            for _ in 0..self.faults.copies.min(COPIES_MAX) {
                let Some(permit) = self.permits.split(1) else { break };
                let letter = Letter {
                    id: self.inner.open_record(request.id, &notice.event, self.faults.forge),
                    inner: Arc::clone(&self.inner),
                    payment: request.id,
                    gateway: request.gateway,
                    reference: request.reference.clone(),
                    notice: notice.clone(),
                    forge: self.faults.forge,
                };
                tokio::spawn(letter.deliver(delay, permit));
            }
        }
    }
}

/// One copy of a notice on its way.
struct Letter {
    inner: Arc<Inner>,
    id: u64,
    payment: i64,
    gateway: Gateway,
    reference: String,
    notice: Notice,
    forge: bool,
}

impl Letter {
    /// The permit is given back when the notice is done with.
    async fn deliver(self, delay: Duration, _permit: OwnedSemaphorePermit) {
        tokio::time::sleep(delay).await;
        for retry in 0.. {
            let answer = self.attempt().await;
            self.inner.note_attempt(&self, answer.as_ref().ok().copied());
            let (reference, event, attempt) = (&self.reference, &self.notice.event, retry + 1);
            match answer {
                Ok(status) if schedule::is_taken(self.gateway, status) => {
                    return tracing::info!(reference, event, attempt, "webhook delivered");
                }
                Ok(status) => tracing::warn!(reference, event, attempt, status, "the shop did not take the webhook"),
                Err(error) => tracing::warn!(reference, event, attempt, error, "the shop did not answer the webhook"),
            }
            let Some(paces) = schedule::paces_before(self.gateway, retry).filter(|_| !self.forge) else { break };
            tokio::time::sleep(self.inner.retry_pace.saturating_mul(paces)).await;
        }
        tracing::warn!(reference = self.reference, event = self.notice.event, "gave the webhook up");
    }

    /// Sends once, signed anew; the HTTP status, or why nobody answered.
    async fn attempt(&self) -> Result<u16, String> {
        let _turn = self.inner.sending.acquire().await.map_err(|error| error.to_string())?;
        let body = self.notice.body.as_bytes();
        let secret = self.inner.keys.webhook_secret(self.gateway).as_bytes();
        let forged = [secret, b"-forged"].concat();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = Timestamp(i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
        let (header, proof) = sign(self.gateway, if self.forge { &forged } else { secret }, body, now);
        let mut url = self.inner.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(self.gateway.name());
        }
        let request = self.inner.client.post(url).header("content-type", "application/json").header(header, proof);
        let response = request.body(self.notice.body.clone()).send().await.map_err(|error| error.to_string())?;
        Ok(response.status().as_u16())
    }
}
