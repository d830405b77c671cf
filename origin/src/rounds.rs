//! Going the rounds: claim what is due, pursue so much of it at once, until nothing is due; again at every interval, and when woken.
//!
//! Payments, refunds and transfers are pursued by this one loop. What each of them is, it does not know.

use domain::time::{Millis, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::App;
use crate::error::Error;

const BATCH: u32 = 32;
const RETRY_FIRST_MS: i64 = 2_000;
const RETRY_MAX_MS: i64 = 3_600_000;
/// Between two looks at something that is on its way.
const LOOK_MIN_MS: i64 = 5_000;
const LOOK_MAX_MS: i64 = 3_600_000;

/// Something that is asked about until there is an answer.
pub trait Round: 'static {
    /// What is claimed.
    type Due: Send + 'static;
    /// What it is, in logs.
    const NAME: &'static str;
    /// How many are pursued at once.
    const AT_ONCE: usize;

    /// Waits until somebody says that there is something new.
    fn woken(app: &App) -> impl Future<Output = ()> + Send;

    /// Takes up to `limit` of what is due; nobody else gets them for a while.
    fn claim(app: &App, limit: u32) -> impl Future<Output = Result<Vec<Self::Due>, Error>> + Send;

    /// Asks about one; whatever comes of it is written down.
    fn pursue(app: App, due: Self::Due) -> impl Future<Output = ()> + Send + 'static;
}

/// Runs until `stop` is set.
pub async fn run<R: Round>(app: App, mut stop: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(app.config().reconcile_interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = R::woken(&app) => {}
            _ = stop.wait_for(|stopped| *stopped) => return,
        }
        while !*stop.borrow() {
            match once::<R>(&app).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::error!(what = R::NAME, %error, "what is due could not be looked for");
                    break;
                }
            }
        }
    }
}

/// Pursues what is due; `true` when there may be more.
async fn once<R: Round>(app: &App) -> Result<bool, Error> {
    let due = R::claim(app, BATCH).await?;
    let full = due.len() == BATCH as usize;
    let mut under_way = JoinSet::new();
    for one in due {
        if under_way.len() == R::AT_ONCE {
            under_way.join_next().await;
        }
        under_way.spawn(R::pursue(app.clone(), one));
    }
    while under_way.join_next().await.is_some() {}
    Ok(full)
}

/// Until the next look at something that began at `since`: a quarter of its age, so ever more rarely.
pub fn look_delay(since: Timestamp, now: Timestamp) -> Millis {
    Millis(((now - since).0 / 4).clamp(LOOK_MIN_MS, LOOK_MAX_MS))
}

/// Until the next try: doubles up to an hour, less up to half of it by `chance`.
pub fn retry_delay(tries: u32, chance: u32) -> Millis {
    let whole = RETRY_FIRST_MS.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(RETRY_MAX_MS);
    Millis(whole - (whole / 2).saturating_mul(i64::from(chance)) / i64::from(u32::MAX))
}
