//! Money on its way to a seller: what is due, and what became of it. A pure machine.
//!
//! A payout goes by hand, or by a gateway's transfer under a name that is the payout's own for ever: a gateway takes a name once, so that
//! asking twice pays once. A transfer that failed is not tried again under another name; its seller is owed the money anew, and the next run
//! makes another payout of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a payout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayoutStatus {
    /// Taken from the seller's balance, and to be sent.
    Due,
    /// A gateway is asked to transfer it, or does.
    Pending,
    /// The same, but an operator wants it stopped: it is not asked for again, and fails once the gateway surely never heard of it.
    Stopping,
    /// Sent, as far as anybody knows.
    Paid,
    /// It could not be sent: the seller is owed it again.
    Failed,
    /// It did not arrive: the seller is owed it again.
    Returned,
}

/// A text that is no [`PayoutStatus`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no payout status")]
pub struct UnknownPayoutStatus(String);

impl PayoutStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [Self::Due, Self::Pending, Self::Stopping, Self::Paid, Self::Failed, Self::Returned];

    /// Its name in JSON and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Pending => "pending",
            Self::Stopping => "stopping",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Returned => "returned",
        }
    }

    /// Whether a gateway has to be asked about a transfer that stands there.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Due | Self::Pending | Self::Stopping => true,
            Self::Paid | Self::Failed | Self::Returned => false,
        }
    }

    /// Whether the seller is owed the money again.
    pub const fn is_owed_again(self) -> bool {
        match self {
            Self::Failed | Self::Returned => true,
            Self::Due | Self::Pending | Self::Stopping | Self::Paid => false,
        }
    }

    /// What follows from `command`: the new status, or `None` when nothing changes.
    pub const fn decide(self, command: Command) -> Result<Option<Self>, Rejection> {
        match (self, command) {
            (Self::Due, Command::Ask) => Ok(Some(Self::Pending)),
            (Self::Pending, Command::Ask) => Ok(None),
            (Self::Stopping, Command::Ask) => Err(Rejection::Stopped),
            (Self::Paid, Command::Ask) => Err(Rejection::Paid),

            (Self::Due, Command::Confirm) => Ok(Some(Self::Paid)),
            (Self::Paid, Command::Confirm) => Ok(None),
            (Self::Pending | Self::Stopping, Command::Confirm) => Err(Rejection::UnderWay),

            // A bank sends money back days after it was called sent.
            (Self::Due | Self::Paid, Command::Return) => Ok(Some(Self::Returned)),
            (Self::Pending, Command::Return) => Ok(Some(Self::Stopping)),
            (Self::Stopping | Self::Failed | Self::Returned, Command::Return) => Ok(None),

            (Self::Failed | Self::Returned, Command::Ask | Command::Confirm) => Err(Rejection::OwedAgain),

            (status, Command::Observe(observed)) => status.observe(observed),
        }
    }

    const fn observe(self, observed: Observed) -> Result<Option<Self>, Rejection> {
        match (self, observed) {
            (Self::Pending | Self::Stopping, Observed::Sent) => Ok(Some(Self::Paid)),
            (Self::Pending | Self::Stopping, Observed::Failed) | (Self::Stopping, Observed::Unknown) => {
                Ok(Some(Self::Failed))
            }
            (Self::Pending | Self::Stopping | Self::Paid, Observed::Reversed) => Ok(Some(Self::Returned)),
            (Self::Due | Self::Pending, Observed::Unknown)
            | (Self::Pending | Self::Stopping | Self::Paid, Observed::Pending)
            | (Self::Paid, Observed::Sent)
            | (Self::Failed | Self::Returned, Observed::Failed | Observed::Reversed | Observed::Unknown) => Ok(None),
            (Self::Due, Observed::Pending | Observed::Sent | Observed::Failed | Observed::Reversed)
            | (Self::Paid, Observed::Unknown | Observed::Failed)
            | (Self::Failed | Self::Returned, Observed::Pending | Observed::Sent) => Err(Rejection::Contradiction),
        }
    }
}

impl fmt::Display for PayoutStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PayoutStatus {
    type Err = UnknownPayoutStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| UnknownPayoutStatus(text.to_owned()))
    }
}

/// What can be asked of a payout. Every command may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// A gateway is about to be asked for the transfer, for the first time or again.
    Ask,
    /// It was sent by hand.
    Confirm,
    /// It came back, or is not to be sent.
    Return,
    /// A gateway said where the transfer stands.
    Observe(Observed),
}

/// Where a transfer stands at its gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed {
    /// The gateway surely never heard of it.
    Unknown,
    /// Under way.
    Pending,
    /// The money left.
    Sent,
    /// It did not leave, and will not.
    Failed,
    /// It left, and came back.
    Reversed,
}

/// Why a payout refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The next run pays it.
    #[error("this payout was not paid and is owed again; the next run pays it")]
    OwedAgain,
    /// Nothing is to be asked for.
    #[error("this payout is being stopped")]
    Stopped,
    /// There is nothing to ask for.
    #[error("this payout is paid")]
    Paid,
    /// Paying it by hand as well would pay it twice.
    #[error("a gateway is transferring this payout; return it first, and it fails if the gateway never heard of it")]
    UnderWay,
    /// The gateway says what cannot be, after what it said before.
    #[error("the gateway contradicts what it said of this transfer before")]
    Contradiction,
}

#[cfg(test)]
mod tests {
    use super::*;
    use Command::{Ask, Confirm, Observe, Return};
    use PayoutStatus::{Due, Failed, Paid, Pending, Returned, Stopping};

    #[test]
    fn what_came_back_is_never_called_paid() {
        assert_eq!(Due.decide(Confirm), Ok(Some(Paid)));
        assert_eq!(Paid.decide(Confirm), Ok(None));
        assert_eq!(Paid.decide(Return), Ok(Some(Returned)));
        assert_eq!(Due.decide(Return), Ok(Some(Returned)));
        for owed in [Failed, Returned] {
            assert_eq!(owed.decide(Return), Ok(None));
            assert_eq!(owed.decide(Confirm), Err(Rejection::OwedAgain));
            assert_eq!(owed.decide(Ask), Err(Rejection::OwedAgain));
            assert_eq!(owed.decide(Observe(Observed::Sent)), Err(Rejection::Contradiction));
        }
    }

    #[test]
    fn what_a_gateway_may_be_sending_is_neither_paid_by_hand_nor_owed_again() {
        for under_way in [Pending, Stopping] {
            assert_eq!(under_way.decide(Confirm), Err(Rejection::UnderWay));
            assert_eq!(under_way.decide(Observe(Observed::Sent)), Ok(Some(Paid)));
            assert_eq!(under_way.decide(Observe(Observed::Reversed)), Ok(Some(Returned)));
            assert_eq!(under_way.decide(Observe(Observed::Failed)), Ok(Some(Failed)));
            assert_eq!(under_way.decide(Observe(Observed::Pending)), Ok(None));
        }
        assert_eq!(Pending.decide(Return), Ok(Some(Stopping)));
        assert_eq!(Pending.decide(Observe(Observed::Unknown)), Ok(None), "its answer may be lost, or late");
        assert_eq!(Stopping.decide(Observe(Observed::Unknown)), Ok(Some(Failed)));
        assert_eq!(Stopping.decide(Ask), Err(Rejection::Stopped));
    }

    #[test]
    fn a_transfer_is_sent_and_may_come_back_days_later() {
        assert_eq!(Due.decide(Ask), Ok(Some(Pending)));
        assert_eq!(Pending.decide(Ask), Ok(None));
        assert_eq!(Paid.decide(Observe(Observed::Sent)), Ok(None));
        assert_eq!(Paid.decide(Observe(Observed::Reversed)), Ok(Some(Returned)));
        assert_eq!(Returned.decide(Observe(Observed::Reversed)), Ok(None));
        assert_eq!(Paid.decide(Observe(Observed::Failed)), Err(Rejection::Contradiction));
        assert_eq!(Paid.decide(Ask), Err(Rejection::Paid));
    }

    /// Whatever happens in whatever order: money that is owed again is never sent by the same payout.
    #[test]
    fn no_history_pays_what_is_owed_again() {
        const ALL: [Command; 8] = [
            Ask,
            Confirm,
            Return,
            Observe(Observed::Unknown),
            Observe(Observed::Pending),
            Observe(Observed::Sent),
            Observe(Observed::Failed),
            Observe(Observed::Reversed),
        ];
        for status in PayoutStatus::ALL {
            for command in ALL {
                let next = status.decide(command).ok().flatten().unwrap_or(status);
                assert_eq!(next.decide(command).ok().flatten(), None, "{status} {command:?} twice is once");
                assert!(!status.is_owed_again() || next == status, "{status} {command:?}");
            }
        }
    }
}
