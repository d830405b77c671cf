//! Webhooks on their way to the shop: signed, sent in the background, repeated until the shop answers 200.
//!
//! Everything is bounded: notices under way, requests at once, attempts, and what is remembered of them. Nothing here
//! decides *whether* to send, and nothing survives a restart: a shop that missed a notice has to ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha512;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The header that carries the signature.
pub const SIGNATURE_HEADER: &str = "x-paystack-signature";

/// Most copies of one notice.
pub const COPIES_MAX: u32 = 100;
/// Longest wait before the first attempt.
pub const DELAY_MS_MAX: u64 = 10 * 60 * 1_000;

const UNDER_WAY_MAX: u32 = 20_000;
const SENDING_MAX: usize = 128;
const RECORDS_PER_PAYMENT_MAX: usize = 200;
const TIMEOUT: Duration = Duration::from_secs(10);

// Paystack repeats every 3 minutes four times, then every hour for 72 hours (paystack.com/docs/payments/webhooks). The
// proportions are kept, the pace is a laptop's.
const QUICK_RETRIES: u32 = 4;
const SLOW_RETRIES: u32 = 72;
const SLOW_FACTOR: u32 = 20;

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
    /// Whether the shop answered 200.
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
    secret: Vec<u8>,
    retry_pace: Duration,
    under_way: Arc<Semaphore>,
    sending: Semaphore,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    last_id: u64,
    by_reference: HashMap<String, Vec<Record>>,
}

/// Lower-case hex HMAC-SHA512 of `body` under `secret`.
pub fn sign(secret: &[u8], body: &[u8]) -> String {
    // HMAC takes keys of every length (RFC 2104), so the error branch is never taken.
    Hmac::<Sha512>::new_from_slice(secret)
        .map(|mac| hex::encode(mac.chain_update(body).finalize().into_bytes()))
        .unwrap_or_default()
}

impl Deliveries {
    /// Deliveries to `url`, signed with `secret`. `retry_pace` is the wait before each of the first four retries; later
    /// ones wait twenty times that.
    pub fn new(url: reqwest::Url, secret: &str, retry_pace: Duration) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent("kasuwa-sandbox")
            .build()?;
        let inner = Inner {
            client,
            url,
            secret: secret.as_bytes().to_vec(),
            retry_pace,
            under_way: Arc::new(Semaphore::new(UNDER_WAY_MAX as usize)),
            sending: Semaphore::new(SENDING_MAX),
            log: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Room for a notice and all its copies. Taken before the payment changes, so that no change goes unannounced.
    pub fn reserve(&self, faults: Faults) -> Result<Room, QueueFull> {
        let copies = if faults.drop { 0 } else { faults.copies.min(COPIES_MAX) };
        let permits = Arc::clone(&self.inner.under_way).try_acquire_many_owned(copies).map_err(|_| QueueFull)?;
        Ok(Room { inner: Arc::clone(&self.inner), permits, faults })
    }

    /// What was sent about a payment, oldest first.
    pub fn records(&self, reference: &str) -> Vec<Record> {
        let log = self.inner.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.by_reference.get(reference).cloned().unwrap_or_default()
    }
}

impl Inner {
    fn open_record(&self, reference: &str, event: &str, forged: bool) -> u64 {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.last_id += 1;
        let id = log.last_id;
        let records = log.by_reference.entry(reference.to_owned()).or_default();
        if records.len() == RECORDS_PER_PAYMENT_MAX {
            records.remove(0);
        }
        records.push(Record { id, event: event.to_owned(), forged, attempts: 0, last_status: None, delivered: false });
        id
    }

    fn note_attempt(&self, reference: &str, id: u64, last_status: Option<u16>) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let records = log.by_reference.get_mut(reference);
        if let Some(record) = records.and_then(|records| records.iter_mut().find(|record| record.id == id)) {
            record.attempts += 1;
            record.last_status = last_status;
            record.delivered = last_status == Some(200);
        }
    }
}

/// Room in the queue for one notice and its copies.
#[must_use = "a notice without a word announces nothing"]
#[derive(Debug)]
pub struct Room {
    inner: Arc<Inner>,
    permits: OwnedSemaphorePermit,
    faults: Faults,
}

impl Room {
    /// Queues a notice about the payment `reference`: all copies go out by themselves, at the same time. Needs a tokio
    /// runtime.
    pub fn send(mut self, reference: &str, event: &str, data: &serde_json::Value) {
        if self.faults.drop {
            tracing::info!(reference, event, "webhook dropped, as asked");
        }
        let body = serde_json::json!({"event": event, "data": data}).to_string();
        let delay = Duration::from_millis(self.faults.delay_ms.min(DELAY_MS_MAX));
        while self.permits.num_permits() > 0
            && let Some(permit) = self.permits.split(1)
        {
            let notice = Notice {
                inner: Arc::clone(&self.inner),
                id: self.inner.open_record(reference, event, self.faults.forge),
                reference: reference.to_owned(),
                event: event.to_owned(),
                body: body.clone(),
                forge: self.faults.forge,
            };
            tokio::spawn(notice.deliver(delay, permit));
        }
    }
}

/// One copy on its way.
struct Notice {
    inner: Arc<Inner>,
    id: u64,
    reference: String,
    event: String,
    body: String,
    forge: bool,
}

impl Notice {
    /// The permit is given back when the notice is done with.
    async fn deliver(self, delay: Duration, _permit: OwnedSemaphorePermit) {
        tokio::time::sleep(delay).await;
        for retry in 0..=QUICK_RETRIES + SLOW_RETRIES {
            let answer = self.attempt().await;
            self.inner.note_attempt(&self.reference, self.id, answer.as_ref().ok().copied());
            let (reference, event, attempt) = (&self.reference, &self.event, retry + 1);
            match answer {
                Ok(200) => return tracing::info!(reference, event, attempt, "webhook delivered"),
                Ok(status) => tracing::warn!(reference, event, attempt, status, "the shop did not take the webhook"),
                Err(error) => tracing::warn!(reference, event, attempt, error, "the shop did not answer the webhook"),
            }
            if self.forge {
                return;
            }
            let factor = if retry < QUICK_RETRIES { 1 } else { SLOW_FACTOR };
            tokio::time::sleep(self.inner.retry_pace.saturating_mul(factor)).await;
        }
        tracing::warn!(reference = self.reference, event = self.event, "gave the webhook up");
    }

    /// Sends once; the HTTP status, or why nobody answered.
    async fn attempt(&self) -> Result<u16, String> {
        let _turn = self.inner.sending.acquire().await.map_err(|error| error.to_string())?;
        let forged = [self.inner.secret.as_slice(), b"-forged"].concat();
        let key = if self.forge { &forged } else { &self.inner.secret };
        let response = self
            .inner
            .client
            .post(self.inner.url.clone())
            .header("content-type", "application/json")
            .header(SIGNATURE_HEADER, sign(key, self.body.as_bytes()))
            .body(self.body.clone())
            .send()
            .await
            .map_err(|error| error.to_string())?;
        Ok(response.status().as_u16())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_signed_as_paystack_signs() {
        let body = r#"{"event":"charge.success","data":{"id":302961,"domain":"test","status":"success","reference":"ref-1","amount":10000,"currency":"NGN"}}"#;
        assert_eq!(
            sign(b"sk_test_example", body.as_bytes()),
            "b6fb25bb95f2fdebe888090e3eb8e708e0885f071893c60f87ed5ba7e16210cd5e4f95f05c2fa700fb221cb04e7041063a8e9505f6dfc6937dad2726b95b105c"
        );
    }
}
