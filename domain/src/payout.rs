//! Money on its way to a seller: what is due, and what became of it. A pure machine.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a payout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayoutStatus {
    /// Taken from the seller's balance, and to be sent.
    Due,
    /// Sent, as far as anybody knows.
    Paid,
    /// It did not arrive: the seller is owed it again.
    Returned,
}

/// A text that is no [`PayoutStatus`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no payout status")]
pub struct UnknownPayoutStatus(String);

impl PayoutStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Due, Self::Paid, Self::Returned];

    /// Its name in JSON and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Paid => "paid",
            Self::Returned => "returned",
        }
    }

    /// What follows from `command`: the new status, or `None` when it was done before.
    pub const fn decide(self, command: Command) -> Result<Option<Self>, Rejection> {
        match (self, command) {
            (Self::Due, Command::Confirm) => Ok(Some(Self::Paid)),
            // A bank sends money back days after it was called sent.
            (Self::Due | Self::Paid, Command::Return) => Ok(Some(Self::Returned)),
            (Self::Paid, Command::Confirm) | (Self::Returned, Command::Return) => Ok(None),
            (Self::Returned, Command::Confirm) => Err(Rejection),
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
    /// It was sent.
    Confirm,
    /// It came back, or could not be sent.
    Return,
}

/// A payout that came back is owed anew, and the next run pays it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this payout came back and is owed again; the next run pays it")]
pub struct Rejection;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_back_is_never_called_paid() {
        use Command::{Confirm, Return};
        use PayoutStatus::{Due, Paid, Returned};
        assert_eq!(Due.decide(Confirm), Ok(Some(Paid)));
        assert_eq!(Paid.decide(Confirm), Ok(None));
        assert_eq!(Paid.decide(Return), Ok(Some(Returned)));
        assert_eq!(Due.decide(Return), Ok(Some(Returned)));
        assert_eq!(Returned.decide(Return), Ok(None));
        assert_eq!(Returned.decide(Confirm), Err(Rejection));
    }
}
