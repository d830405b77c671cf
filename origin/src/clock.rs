//! What time it is. The one place that reads the clock; tests and simulations may move it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use domain::time::{Millis, Timestamp};

/// The machine's clock, moved by as much as [`Clock::advance`] was told to.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    ahead_ms: Arc<AtomicI64>,
}

impl Clock {
    /// The time now.
    #[expect(clippy::disallowed_methods, reason = "this is the app's clock")]
    pub fn now(&self) -> Timestamp {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = Timestamp(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX));
        now + Millis(self.ahead_ms.load(Ordering::Relaxed))
    }

    /// Lets time jump, for those who test what happens later.
    pub fn advance(&self, length: Millis) {
        self.ahead_ms.fetch_add(length.0, Ordering::Relaxed);
    }
}
