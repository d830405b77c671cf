//! What one request has at hand: its bindings, its clock, its id, and a count of every call it makes.
//!
//! Each accessor of a binding counts one call, so use it once per call; the counts go out in `Server-Timing`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use axum::extract::FromRequestParts;
use domain::ids::OperationId;
use domain::signature::Keyring;
use domain::time::Timestamp;
use http::request::Parts;
use uuid::Uuid;
use worker::send::SendWrapper;
use worker::{Bucket, Cache, D1Database, Date, Env, ObjectNamespace};

use crate::error::Error;

/// What one request has at hand.
#[derive(Clone)]
pub(crate) struct Context(Arc<Inner>);

struct Inner {
    env: Env,
    worker: SendWrapper<worker::Context>,
    request_id: String,
    shop_url: String,
    started_at: Timestamp,
    counts: Counts,
}

/// Calls made on behalf of one request.
#[derive(Default)]
struct Counts {
    kv: AtomicU32,
    d1: AtomicU32,
    object: AtomicU32,
    r2: AtomicU32,
    cache: AtomicU32,
    origin: AtomicU32,
    search_rounds: AtomicU32,
    search_opening: AtomicU32,
    search_bytes: AtomicU32,
}

impl Context {
    /// For a request that carries `request_id`, or gets one of its own.
    pub(crate) fn new(env: Env, worker: worker::Context, request_id: Option<&str>, uri: &http::Uri) -> Self {
        let well_formed = |id: &&str| {
            (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        let request_id = request_id.filter(well_formed).map_or_else(|| new_uuid().to_string(), str::to_owned);
        Self(Arc::new(Inner {
            env,
            worker: SendWrapper::new(worker),
            request_id,
            shop_url: origin(uri),
            started_at: now(),
            counts: Counts::default(),
        }))
    }

    /// Names this request in every log line, at the edge and at the origin.
    pub(crate) fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// Where the shop is, as the browser knows it: `https://shop.example`.
    pub(crate) fn shop_url(&self) -> &str {
        &self.0.shop_url
    }

    /// The time at which the request's last I/O ended: a Worker's clock stands still in between.
    pub(crate) fn now(&self) -> Timestamp {
        now()
    }

    /// A new UUIDv7.
    pub(crate) fn new_id(&self) -> Uuid {
        new_uuid()
    }

    /// A new id for a change of a cart that came without one.
    pub(crate) fn new_operation(&self) -> OperationId {
        OperationId(new_uuid())
    }

    /// The catalogue's database.
    pub(crate) fn db(&self) -> Result<D1Database, Error> {
        self.0.counts.d1.fetch_add(1, Relaxed);
        Ok(self.0.env.d1("DB")?)
    }

    /// Product snapshots.
    pub(crate) fn snapshots(&self) -> Result<worker::kv::KvStore, Error> {
        self.0.counts.kv.fetch_add(1, Relaxed);
        Ok(self.0.env.kv("SNAPSHOTS")?)
    }

    /// Answers to hot searches.
    pub(crate) fn answers(&self) -> Result<worker::kv::KvStore, Error> {
        self.0.counts.kv.fetch_add(1, Relaxed);
        Ok(self.0.env.kv("ANSWERS")?)
    }

    /// Pictures.
    pub(crate) fn pictures(&self) -> Result<Bucket, Error> {
        self.0.counts.r2.fetch_add(1, Relaxed);
        Ok(self.0.env.bucket("PICTURES")?)
    }

    /// Index artefacts and the pointer to the current one.
    pub(crate) fn index(&self) -> Result<Bucket, Error> {
        self.0.counts.r2.fetch_add(1, Relaxed);
        Ok(self.0.env.bucket("INDEX")?)
    }

    /// This data centre's cache.
    pub(crate) fn cache(&self) -> Cache {
        self.0.counts.cache.fetch_add(1, Relaxed);
        Cache::default()
    }

    /// Objects of one class; `binding` is known to `durable::client` only.
    pub(crate) fn objects(&self, binding: &str) -> Result<ObjectNamespace, Error> {
        self.0.counts.object.fetch_add(1, Relaxed);
        Ok(self.0.env.durable_object(binding)?)
    }

    /// Whether `key` may do once more what `binding` limits.
    pub(crate) async fn is_within_limit(&self, binding: &str, key: String) -> Result<bool, Error> {
        Ok(self.0.env.rate_limiter(binding)?.limit(key).await?.success)
    }

    /// Counts one call of the origin.
    pub(crate) fn count_origin_call(&self) {
        self.0.counts.origin.fetch_add(1, Relaxed);
    }

    /// Counts one round of fetching parts of the index.
    pub(crate) fn count_search_round(&self) {
        self.0.counts.search_rounds.fetch_add(1, Relaxed);
    }

    /// Counts one round of opening an index, which is a round of fetching parts of it too.
    pub(crate) fn count_opening_round(&self) {
        self.0.counts.search_opening.fetch_add(1, Relaxed);
        self.count_search_round();
    }

    /// Counts bytes of the index that were fetched.
    pub(crate) fn count_search_bytes(&self, bytes: usize) {
        self.0.counts.search_bytes.fetch_add(u32::try_from(bytes).unwrap_or(u32::MAX), Relaxed);
    }

    /// Rounds of fetching parts of the index so far.
    pub(crate) fn search_rounds(&self) -> u32 {
        self.0.counts.search_rounds.load(Relaxed)
    }

    /// How much of the index may stay in memory between searches, in bytes.
    pub(crate) fn search_cache_bytes(&self) -> Result<usize, Error> {
        const SETTING: &str = "SEARCH_CACHE_BYTES";
        self.var(SETTING)?.parse().map_err(|error| Error::setting(SETTING, error))
    }

    /// The bindings themselves, for work that goes on when the request is answered.
    pub(crate) fn env(&self) -> &Env {
        &self.0.env
    }

    /// A setting.
    pub(crate) fn var(&self, name: &str) -> Result<String, Error> {
        Ok(self.0.env.var(name)?.to_string())
    }

    /// A secret that may be missing.
    pub(crate) fn secret(&self, name: &str) -> Option<String> {
        self.0.env.secret(name).ok().map(|secret| secret.to_string()).filter(|secret| !secret.is_empty())
    }

    /// A keyring. A missing or malformed one is an operator's mistake, and says which it is.
    pub(crate) fn keyring(&self, name: &'static str) -> Result<Keyring, Error> {
        let text = self.0.env.secret(name).map_err(|_| Error::setting(name, "is not set"))?.to_string();
        text.parse().map_err(|error| Error::setting(name, error))
    }

    /// Lets `work` finish after the answer is out.
    pub(crate) fn after_answer(&self, work: impl Future<Output = ()> + 'static) {
        self.0.worker.0.wait_until(work);
    }

    /// `Server-Timing`: how long it took in milliseconds, as far as a Worker can tell, and how many calls it made.
    pub(crate) fn server_timing(&self) -> String {
        let counts = &self.0.counts;
        let mut timing = format!("total;dur={}", (now() - self.0.started_at).0);
        for (name, count) in [
            ("cache", &counts.cache),
            ("kv", &counts.kv),
            ("d1", &counts.d1),
            ("object", &counts.object),
            ("r2", &counts.r2),
            ("origin", &counts.origin),
            ("search-rounds", &counts.search_rounds),
            ("search-opening", &counts.search_opening),
            ("search-bytes", &counts.search_bytes),
        ] {
            timing.push_str(&format!(", {name};desc=\"{}\"", count.load(Relaxed)));
        }
        timing
    }
}

/// The scheme, host and port of an address; what browsers call its origin.
fn origin(uri: &http::Uri) -> String {
    let (scheme, host) = (uri.scheme_str().unwrap_or("https"), uri.host().unwrap_or_default());
    match uri.port_u16() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}

/// The platform's clock.
#[expect(clippy::cast_possible_wrap, reason = "milliseconds since 1970 fit for 292 million years")]
pub(crate) fn now() -> Timestamp {
    Timestamp(Date::now().as_millis() as i64)
}

/// A UUIDv7 from the platform's clock and randomness.
pub(crate) fn new_uuid() -> Uuid {
    let random = *Uuid::new_v4().as_bytes();
    let mut bits = [0_u8; 10];
    bits.copy_from_slice(&random[6..]);
    bits[0] = random[0];
    bits[2] = random[1];
    uuid::Builder::from_unix_timestamp_millis(Date::now().as_millis(), &bits).into_uuid()
}

impl<S: Send + Sync> FromRequestParts<S> for Context {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Error::bug("a request came without its context"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_is_where_its_address_says_and_nobody_is_named_in_it() {
        for (address, shop) in [
            ("https://shop.example/p/kettle?q=1", "https://shop.example"),
            ("http://127.0.0.1:8787/", "http://127.0.0.1:8787"),
            ("http://[::1]:8787/cart", "http://[::1]:8787"),
            ("https://ada:secret@shop.example/", "https://shop.example"),
        ] {
            assert_eq!(origin(&address.parse().unwrap()), shop);
        }
    }
}
