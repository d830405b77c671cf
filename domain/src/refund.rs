//! What goes back of one captured payment.
//!
//! A pure machine. It makes sure that no refund is made twice and that all of them together are never more than what was captured
//! (MONEY-3); how a gateway is asked, it does not know. What part of an order a refund is for, [`part`] says.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::RefundId;
use crate::invariants::{self, Invariant};

pub mod part;

/// Where a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// It is owed; the gateway has not taken it yet.
    Due,
    /// The gateway has taken it, and the money is on its way.
    Pending,
    /// The money is back.
    Done,
    /// The gateway answered for good that it did not go back. Somebody has to look.
    Failed,
    /// It went back by another way, such as a bank transfer made by hand.
    SettledByHand,
}

/// A text that is no [`RefundStatus`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no refund status")]
pub struct UnknownRefundStatus(String);

impl RefundStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Due, Self::Pending, Self::Done, Self::Failed, Self::SettledByHand];

    /// Its name in JSON and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::SettledByHand => "settled_by_hand",
        }
    }

    /// Whether the payer has the money, as far as anybody knows.
    pub const fn is_over(self) -> bool {
        match self {
            Self::Done | Self::SettledByHand => true,
            Self::Due | Self::Pending | Self::Failed => false,
        }
    }

    /// Whether the gateway has to be asked (again).
    pub const fn is_open(self) -> bool {
        match self {
            Self::Due | Self::Pending => true,
            Self::Done | Self::Failed | Self::SettledByHand => false,
        }
    }
}

impl fmt::Display for RefundStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RefundStatus {
    type Err = UnknownRefundStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| UnknownRefundStatus(text.to_owned()))
    }
}

/// Why money goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Paid too late: the stock went to somebody else.
    OutOfStock,
    /// Less was captured than asked for.
    Underpaid,
    /// More was captured than asked for.
    Overpaid,
    /// Another currency was captured than asked for.
    WrongCurrency,
    /// The order was paid already, or its money was going back.
    DuplicateCapture,
    /// Paid too late: a code that made it cheaper had been used up.
    CouponUsedUp,
    /// What was bought goes back, all of it or a part: cancelled before it left, or returned.
    TakenBack,
    /// Paid after its buyer had given it up.
    GivenUp,
}

/// A text that is no [`Cause`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no cause of a refund")]
pub struct UnknownCause(String);

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 8] = [
        Self::OutOfStock,
        Self::Underpaid,
        Self::Overpaid,
        Self::WrongCurrency,
        Self::DuplicateCapture,
        Self::CouponUsedUp,
        Self::TakenBack,
        Self::GivenUp,
    ];

    /// Its name in JSON and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OutOfStock => "out_of_stock",
            Self::Underpaid => "underpaid",
            Self::Overpaid => "overpaid",
            Self::WrongCurrency => "wrong_currency",
            Self::DuplicateCapture => "duplicate_capture",
            Self::CouponUsedUp => "coupon_used_up",
            Self::TakenBack => "taken_back",
            Self::GivenUp => "given_up",
        }
    }

    /// Why, in a few words that the payer may read.
    pub const fn told(self) -> &'static str {
        match self {
            Self::OutOfStock => "out of stock",
            Self::Underpaid => "less was paid than the order costs",
            Self::Overpaid => "more was paid than the order costs",
            Self::WrongCurrency => "paid in another currency than the order's",
            Self::DuplicateCapture => "the order was paid already",
            Self::CouponUsedUp => "paid late, and the code was used up",
            Self::TakenBack => "cancelled or returned",
            Self::GivenUp => "paid after it was given up",
        }
    }
}

impl FromStr for Cause {
    type Err = UnknownCause;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == text).ok_or_else(|| UnknownCause(text.to_owned()))
    }
}

/// What a gateway says about a refund, in our words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Observed {
    /// It never heard of it.
    Unknown,
    /// It is on its way.
    Pending,
    /// The money is back.
    Processed,
    /// The money did not go back and will not.
    Failed,
}

/// One refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Refund {
    /// Minor units of the capture's currency.
    pub amount_minor: i64,
    /// Where it stands.
    pub status: RefundStatus,
    /// Counts from 1 how often it was begun: one that failed for good is begun anew under another name.
    pub attempt: u32,
}

/// What can be asked. Every command may be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Owes the payer `amount_minor`.
    Order {
        /// makes it idempotent
        refund_id: RefundId,
        /// minor units of the capture's currency
        amount_minor: i64,
    },
    /// Takes notice of what the gateway says now.
    Observe {
        /// of which refund
        refund_id: RefundId,
        /// what
        observed: Observed,
    },
    /// Tries one that failed once more.
    Retry {
        /// which
        refund_id: RefundId,
    },
    /// One that failed went back by another way.
    SettleByHand {
        /// which
        refund_id: RefundId,
    },
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// It is owed.
    Ordered(RefundId, i64),
    /// The gateway has taken it.
    Accepted(RefundId),
    /// The money is back.
    Finished(RefundId),
    /// The gateway says that it did not go back; after it had said otherwise, perhaps.
    Failed(RefundId),
    /// It is begun anew.
    Retried(RefundId),
    /// It went back by another way.
    SettledByHand(RefundId),
}

impl Event {
    /// Which refund it is about.
    pub const fn refund_id(self) -> RefundId {
        match self {
            Self::Ordered(id, _)
            | Self::Accepted(id)
            | Self::Finished(id)
            | Self::Failed(id)
            | Self::Retried(id)
            | Self::SettledByHand(id) => id,
        }
    }
}

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Less than one minor unit.
    #[error("there is nothing to refund")]
    Nothing,
    /// All refunds together would be more than was captured.
    #[error("of this payment {left_minor} minor units are left to refund, and not {asked_minor}")]
    BeyondCapture {
        /// what could still go back
        left_minor: i64,
        /// what was asked for
        asked_minor: i64,
    },
    /// The same refund was ordered with another amount.
    #[error("this refund was ordered with another amount")]
    Differs,
    /// There is no such refund.
    #[error("there is no such refund")]
    NotOrdered,
    /// What was asked does not go with where it stands.
    #[error("the refund is {status}")]
    WrongStatus {
        /// where it stands
        status: RefundStatus,
    },
}

/// All refunds of one payment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refunds {
    captured_minor: i64,
    refunds: BTreeMap<RefundId, Refund>,
}

impl Refunds {
    /// Those of a payment of which `captured_minor` minor units were captured, as they were stored.
    pub fn restore(captured_minor: i64, refunds: impl IntoIterator<Item = (RefundId, Refund)>) -> Self {
        Self { captured_minor, refunds: refunds.into_iter().collect() }
    }

    /// One of them.
    pub fn get(&self, refund_id: RefundId) -> Option<&Refund> {
        self.refunds.get(&refund_id)
    }

    /// What could still go back, in minor units. A refund that failed is still owed, so it counts.
    pub fn left_minor(&self) -> i64 {
        self.captured_minor - self.refunds.values().map(|refund| refund.amount_minor).sum::<i64>()
    }

    /// Whether every one of them is over.
    pub fn are_over(&self) -> bool {
        self.refunds.values().all(|refund| refund.status.is_over())
    }

    /// What follows from `command`: nothing, when it was done before or is stale.
    pub fn decide(&self, command: &Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Order { refund_id, amount_minor } => self.order(*refund_id, *amount_minor),
            Command::Observe { refund_id, observed } => {
                let refund = self.get(*refund_id).ok_or(Rejection::NotOrdered)?;
                Ok(refund.observe(*refund_id, *observed))
            }
            Command::Retry { refund_id } => match self.get(*refund_id).ok_or(Rejection::NotOrdered)?.status {
                RefundStatus::Failed => Ok(vec![Event::Retried(*refund_id)]),
                RefundStatus::Due | RefundStatus::Pending => Ok(Vec::new()),
                status @ (RefundStatus::Done | RefundStatus::SettledByHand) => Err(Rejection::WrongStatus { status }),
            },
            Command::SettleByHand { refund_id } => match self.get(*refund_id).ok_or(Rejection::NotOrdered)?.status {
                RefundStatus::Failed => Ok(vec![Event::SettledByHand(*refund_id)]),
                RefundStatus::SettledByHand => Ok(Vec::new()),
                status @ (RefundStatus::Due | RefundStatus::Pending | RefundStatus::Done) => {
                    Err(Rejection::WrongStatus { status })
                }
            },
        }
    }

    fn order(&self, refund_id: RefundId, amount_minor: i64) -> Result<Vec<Event>, Rejection> {
        match self.get(refund_id) {
            Some(refund) if refund.amount_minor == amount_minor => return Ok(Vec::new()),
            Some(_) => return Err(Rejection::Differs),
            None => {}
        }
        if amount_minor < 1 {
            return Err(Rejection::Nothing);
        }
        let left_minor = self.left_minor();
        if amount_minor > left_minor {
            return Err(Rejection::BeyondCapture { left_minor, asked_minor: amount_minor });
        }
        Ok(vec![Event::Ordered(refund_id, amount_minor)])
    }

    /// Makes `event` part of the state. Total over the events that [`Self::decide`] returns.
    pub fn evolve(&mut self, event: &Event) {
        let id = event.refund_id();
        if let Event::Ordered(_, amount_minor) = *event {
            self.refunds.insert(id, Refund { amount_minor, status: RefundStatus::Due, attempt: 1 });
            let left = self.left_minor();
            invariants::assert(
                Invariant::Money3.check(left >= 0, || format!("{} minor units too much go back", -left)),
            );
            return;
        }
        let Some(refund) = self.refunds.get_mut(&id) else { return };
        refund.status = match event {
            Event::Ordered(..) => refund.status,
            Event::Accepted(_) => RefundStatus::Pending,
            Event::Finished(_) => RefundStatus::Done,
            Event::Failed(_) => RefundStatus::Failed,
            Event::SettledByHand(_) => RefundStatus::SettledByHand,
            Event::Retried(_) => {
                refund.attempt += 1;
                RefundStatus::Due
            }
        };
    }
}

impl Refund {
    fn observe(&self, id: RefundId, observed: Observed) -> Vec<Event> {
        match (self.status, observed) {
            (RefundStatus::Due, Observed::Pending) => vec![Event::Accepted(id)],
            (RefundStatus::Due | RefundStatus::Pending, Observed::Processed) => vec![Event::Finished(id)],
            // Money that was on its way can come back, also after it had been called done.
            (RefundStatus::Due | RefundStatus::Pending | RefundStatus::Done, Observed::Failed) => vec![Event::Failed(id)],
            (RefundStatus::Pending | RefundStatus::Done, Observed::Pending)
            | (RefundStatus::Done, Observed::Processed)
            | (RefundStatus::Due | RefundStatus::Pending | RefundStatus::Done, Observed::Unknown)
            // What was begun anew, or settled, has nothing to do with the old news.
            | (RefundStatus::Failed | RefundStatus::SettledByHand, _) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> RefundId {
        RefundId(Uuid::from_u128(number))
    }

    fn order(number: u128, amount_minor: i64) -> Command {
        Command::Order { refund_id: id(number), amount_minor }
    }

    fn observe(number: u128, observed: Observed) -> Command {
        Command::Observe { refund_id: id(number), observed }
    }

    fn done(refunds: &mut Refunds, command: &Command) -> Result<usize, Rejection> {
        let events = refunds.decide(command)?;
        events.iter().for_each(|event| refunds.evolve(event));
        assert_eq!(refunds.decide(command).map(|again| again.len()).unwrap_or(0), 0, "{command:?} twice");
        Ok(events.len())
    }

    #[test]
    fn refunds_add_up_to_the_capture_and_never_to_more() {
        let mut refunds = Refunds::restore(1_000, []);
        assert_eq!(done(&mut refunds, &order(1, 400)), Ok(1));
        assert_eq!(refunds.decide(&order(1, 401)), Err(Rejection::Differs));
        assert_eq!(refunds.decide(&order(2, 0)), Err(Rejection::Nothing));
        assert_eq!(refunds.decide(&order(2, -1)), Err(Rejection::Nothing));
        let too_much = Rejection::BeyondCapture { left_minor: 600, asked_minor: 601 };
        assert_eq!(refunds.decide(&order(2, 601)), Err(too_much));
        assert_eq!(done(&mut refunds, &order(2, 600)), Ok(1));
        assert_eq!(refunds.left_minor(), 0);
    }

    #[test]
    fn a_refund_that_failed_is_still_owed_until_it_is_tried_again_or_settled() {
        let mut refunds = Refunds::restore(1_000, []);
        for command in [order(1, 1_000), observe(1, Observed::Pending), observe(1, Observed::Failed)] {
            assert_eq!(done(&mut refunds, &command), Ok(1));
        }
        assert!(matches!(refunds.decide(&order(2, 1)), Err(Rejection::BeyondCapture { .. })));
        assert_eq!(done(&mut refunds, &observe(1, Observed::Processed)), Ok(0), "old news of the attempt that failed");
        assert_eq!(done(&mut refunds, &Command::Retry { refund_id: id(1) }), Ok(1));
        assert_eq!(refunds.get(id(1)).map(|refund| (refund.status, refund.attempt)), Some((RefundStatus::Due, 2)));
        assert!(refunds.decide(&Command::SettleByHand { refund_id: id(1) }).is_err(), "it is being tried");
        assert_eq!(done(&mut refunds, &observe(1, Observed::Processed)), Ok(1));
        assert_eq!(done(&mut refunds, &observe(1, Observed::Failed)), Ok(1), "the payer's bank sent it back");
        assert_eq!(done(&mut refunds, &Command::SettleByHand { refund_id: id(1) }), Ok(1));
        assert!(refunds.are_over());
    }

    proptest! {
        /// MONEY-3, whatever is asked and heard in whatever order.
        #[test]
        fn no_more_goes_back_than_came(
            captured in 1_i64..=100,
            asked in prop::collection::vec((0_u128..4, -5_i64..=60, 0_u8..7), 0..40),
        ) {
            let mut refunds = Refunds::restore(captured, []);
            for (number, amount_minor, what) in asked {
                let command = match what {
                    0 | 1 => order(number, amount_minor),
                    2 => observe(number, Observed::Pending),
                    3 => observe(number, Observed::Processed),
                    4 => observe(number, Observed::Failed),
                    5 => Command::Retry { refund_id: id(number) },
                    _ => Command::SettleByHand { refund_id: id(number) },
                };
                let before = refunds.clone();
                if let Ok(events) = refunds.decide(&command) {
                    events.iter().for_each(|event| refunds.evolve(event));
                }
                prop_assert!((0..=captured).contains(&refunds.left_minor()));
                let back = |refunds: &Refunds| -> i64 {
                    refunds.refunds.values().filter(|it| it.status.is_over()).map(|it| it.amount_minor).sum()
                };
                prop_assert!(back(&refunds) <= captured && before.refunds.len() <= refunds.refunds.len());
            }
        }
    }
}
