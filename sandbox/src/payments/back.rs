//! Money on its way back to the payer: by the shop's refund, or by a dispute at the payer's bank.

use domain::money::Money;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What becomes of refunds that are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundMode {
    /// After a while the money is back.
    #[default]
    Process,
    /// After a while the money comes back to the shop: the payer's account is closed, say.
    Fail,
    /// They stay pending until the mode changes.
    Stall,
    /// They are not accepted at all.
    Refuse,
}

impl RefundMode {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Process, Self::Fail, Self::Stall, Self::Refuse];

    /// The mode as one word, as the control API has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Fail => "fail",
            Self::Stall => "stall",
            Self::Refuse => "refuse",
        }
    }
}

/// A refund as a shop asks for it.
#[derive(Debug, Clone, PartialEq)]
pub struct RefundOrder {
    /// The new refund's number.
    pub id: i64,
    /// Minor units of the captured currency; `None`: all that is left.
    pub amount_minor: Option<i64>,
    /// What the shop writes about it.
    pub note: Option<String>,
    /// The shop's own name for it, where the gateway knows such names. Unique per gateway.
    pub key: Option<String>,
    /// What only this gateway's interface needs to know again.
    pub details: Value,
}

/// How far a refund is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundStatus {
    /// On its way.
    Pending,
    /// The money is back, since then.
    Processed(Timestamp),
    /// It came back to the shop's balance, at that time.
    Failed(Timestamp),
}

impl RefundStatus {
    /// The status as one word, as the control API has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processed(_) => "processed",
            Self::Failed(_) => "failed",
        }
    }

    /// When it ended, whichever way.
    pub const fn ended_at(self) -> Option<Timestamp> {
        match self {
            Self::Pending => None,
            Self::Processed(at) | Self::Failed(at) => Some(at),
        }
    }
}

/// A refund that was accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Refund {
    /// The gateway's number of the refund, unique across restarts.
    pub id: i64,
    /// How much, in the capture's currency.
    pub money: Money,
    /// What the shop wrote about it.
    pub note: Option<String>,
    /// The shop's own name for it.
    pub key: Option<String>,
    /// What only this gateway's interface needs to know again.
    pub details: Value,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// How far it is.
    pub status: RefundStatus,
}

impl Refund {
    /// Whether the money never reached the payer.
    pub const fn is_failed(&self) -> bool {
        matches!(self.status, RefundStatus::Failed(_))
    }

    /// When it last changed.
    pub const fn changed_at(&self) -> Timestamp {
        match self.status.ended_at() {
            Some(at) => at,
            None => self.requested_at,
        }
    }
}

/// For whom a bank decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeOutcome {
    /// The shop keeps the money.
    Won,
    /// The payer gets it.
    Lost,
}

impl DisputeOutcome {
    /// The outcome as one word, as the control API has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }
}

/// Captured money that the payer wants back from their bank. The gateway holds it back while the dispute is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dispute {
    /// The gateway's number of the dispute, unique across restarts.
    pub id: i64,
    /// How much of the capture.
    pub money: Money,
    /// Since when.
    pub opened_at: Timestamp,
    /// How it ended, and when; `None` while it is open.
    pub closed: Option<(DisputeOutcome, Timestamp)>,
}

impl Dispute {
    /// Whether the shop keeps the money.
    pub const fn is_won(&self) -> bool {
        matches!(self.closed, Some((DisputeOutcome::Won, _)))
    }

    /// When it last changed.
    pub const fn changed_at(&self) -> Timestamp {
        match self.closed {
            Some((_, at)) => at,
            None => self.opened_at,
        }
    }

    /// `open`, `won` or `lost`.
    pub const fn as_str(&self) -> &'static str {
        match self.closed {
            None => "open",
            Some((outcome, _)) => outcome.as_str(),
        }
    }
}
