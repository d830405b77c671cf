//! Asks gateways about payments that nobody told us about, and ends orders that were not paid in time.
//!
//! It only decides when to ask. What the answer means, [`crate::settle`] decides.

use std::time::Duration;

use domain::order::PAYMENT_GRACE;
use domain::time::{Millis, Timestamp};
use uuid::Uuid;

use crate::App;
use crate::error::Error;
use crate::rounds::Round;
use crate::settle;
use crate::store::Tx;
use crate::store::payments::{self, StoredPayment};

/// How long after its deadline an unpaid payment is watched for money that comes late.
pub const WATCH_LENGTH: Millis = Millis::days(1);

/// Longer than asking can take.
const CLAIM_LENGTH: Millis = Millis::seconds(30);
const INTERVAL_WAITING_MAX: i64 = 60_000;
const INTERVAL_LATE_MAX: i64 = 3_600_000;
/// A gateway that cannot answer is asked again, for as long as it takes.
const INTERVAL_UNANSWERED: Millis = Millis::seconds(30);

/// When to ask about a payment next, having heard from the gateway at `now`; `None`: never again.
///
/// A quarter of its age later, so ever more rarely: at least `after` apart, at most a minute while the order waits, and
/// at most an hour once it does not. The end of that wait is met exactly.
pub fn next_check(stored: &StoredPayment, pay_before: Timestamp, after: Duration, now: Timestamp) -> Option<Timestamp> {
    if !stored.payment.status.is_open() || now >= pay_before + WATCH_LENGTH {
        return None;
    }
    let deadline = pay_before + PAYMENT_GRACE;
    let longest = if now < deadline { INTERVAL_WAITING_MAX } else { INTERVAL_LATE_MAX };
    let shortest = i64::try_from(after.as_millis()).unwrap_or(longest).clamp(1, longest);
    let interval = Millis(((now - stored.created_at).0 / 4).clamp(shortest, longest));
    let next = now + interval;
    Some(if now < deadline { next.min(deadline) } else { next })
}

/// Payments that are due to be asked about.
#[derive(Debug)]
pub struct Payments;

impl Round for Payments {
    type Due = StoredPayment;
    const NAME: &'static str = "payments";
    const AT_ONCE: usize = 8;

    async fn woken(_: &App) {
        // Nobody knows before the gateway does.
        std::future::pending().await
    }

    async fn claim(app: &App, limit: u32) -> Result<Vec<StoredPayment>, Error> {
        claim(app, limit).await
    }

    async fn pursue(app: App, due: StoredPayment) {
        check(app, due).await;
    }
}

/// Takes up to `limit` payments that are due, to be asked about now.
pub async fn claim(app: &App, limit: u32) -> Result<Vec<StoredPayment>, Error> {
    let now = app.now();
    app.store()
        .claim("claim_payments", move |mut tx: Tx| async move {
            let due = payments::claim_due(&mut tx, limit, now + CLAIM_LENGTH, now).await?;
            tx.done(due)
        })
        .await
}

/// Asks about one payment and settles what is learnt; when there is no answer, notes to ask again.
pub async fn check(app: App, stored: StoredPayment) {
    let reference = &stored.payment.reference;
    let request_id = format!("reconcile-{}", Uuid::now_v7());
    let error = match settle::look(&app, &stored, &request_id).await {
        Ok(outcome) => {
            tracing::debug!(reference, outcome = outcome.as_str(), "reconciled");
            return;
        }
        Err(error) => error,
    };
    tracing::warn!(reference, %error, "the gateway could not be asked; will ask again");
    let next = app.now() + INTERVAL_UNANSWERED;
    let postponed = app
        .store()
        .transact("postpone_check", move |mut tx: Tx| async move {
            payments::postpone(&mut tx, reference, next).await?;
            tx.done(())
        })
        .await;
    if let Err(error) = postponed {
        tracing::error!(reference, %error, "could not postpone a check; its claim will lapse instead");
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::OrderId;
    use domain::money::{Currency, Money};
    use domain::payment::{Payment, PaymentStatus};
    use domain::wire::GatewayName;

    use super::*;

    const AFTER: Duration = Duration::from_secs(10);
    const PAY_BEFORE: Timestamp = Timestamp(Millis::minutes(15).0);

    fn payment(status: PaymentStatus) -> StoredPayment {
        let mut payment = Payment::new("r".to_owned(), Money::new(1, Currency::Ngn));
        payment.status = status;
        StoredPayment {
            payment,
            order_id: OrderId(Uuid::nil()),
            attempt: 1,
            gateway: GatewayName::Paystack,
            gateway_id: None,
            fee_minor: None,
            redirect_url: None,
            observed_at: None,
            next_check_at: None,
            created_at: Timestamp(0),
        }
    }

    fn seconds_until_next(status: PaymentStatus, now: i64) -> Option<i64> {
        let now = Timestamp(0) + Millis::seconds(now);
        next_check(&payment(status), PAY_BEFORE, AFTER, now).map(|next| (next - now).0 / 1_000)
    }

    #[test]
    fn an_open_payment_is_asked_about_ever_more_rarely_for_a_day() {
        let next = |now| seconds_until_next(PaymentStatus::Abandoned, now);
        assert_eq!(next(0), Some(10));
        assert_eq!(next(80), Some(20));
        assert_eq!(next(600), Some(60));
        assert_eq!(next(940), Some(20), "exactly when the wait ends");
        assert_eq!(next(960), Some(240));
        assert_eq!(next(40_000), Some(3_600));
        assert_eq!(next(24 * 3_600 + 900), None);
    }

    #[test]
    fn a_payment_with_an_end_is_never_asked_about_again() {
        for status in PaymentStatus::ALL {
            assert_eq!(seconds_until_next(status, 0).is_some(), status.is_open(), "{status}");
        }
    }
}
