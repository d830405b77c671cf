//! What time it is. The one place that reads the clock; tests and simulations may move it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use domain::time::{Millis, Timestamp};

/// The machine's clock, or one that stands still; moved by as much as [`Clock::advance`] was told to.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    stands_at: Option<Timestamp>,
    ahead_ms: Arc<AtomicI64>,
}

impl Clock {
    /// A clock that moves only when it is told to.
    pub fn standing_at(at: Timestamp) -> Self {
        Self { stands_at: Some(at), ahead_ms: Arc::default() }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.stands_at.unwrap_or_else(machine_time) + Millis(self.ahead_ms.load(Ordering::Relaxed))
    }

    /// Lets time jump, for those who test what happens later.
    pub fn advance(&self, length: Millis) {
        self.ahead_ms.fetch_add(length.0, Ordering::Relaxed);
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the app's clock")]
fn machine_time() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
}
