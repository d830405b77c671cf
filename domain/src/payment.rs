//! One payment attempt: what we asked a gateway to collect, and what it says became of that.
//!
//! A pure machine. It believes an [`Observation`] only as far as reference, amount, currency and status all match what was
//! asked. Money that does not match is never lost sight of: it ends in a state of its own, from which it goes back.
//! Whether the order has a use for the money is not decided here but by [`crate::order`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::invariants::{self, Invariant};
use crate::money::{Currency, Money};

/// What a gateway says about a payment, in our words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Which payment.
    pub reference: String,
    /// Where it stands there.
    pub status: ObservedStatus,
    /// How much was captured, in minor units; of no meaning before [`ObservedStatus::Succeeded`].
    pub amount_minor: i64,
    /// Of what currency: an ISO 4217 code, as the gateway wrote it. It may be one that the shop does not know.
    pub currency: String,
    /// The gateway's own name of the payment, by which it is refunded; `None` while it has none.
    pub gateway_id: Option<String>,
    /// What the gateway keeps of the capture, in minor units of its currency; `None` when it does not say, or not exactly.
    pub fee_minor: Option<i64>,
}

impl Observation {
    /// What there is to say of a payment that the gateway never heard of.
    pub const fn unknown(reference: String) -> Self {
        Self {
            reference,
            status: ObservedStatus::Unknown,
            amount_minor: 0,
            currency: String::new(),
            gateway_id: None,
            fee_minor: None,
        }
    }
}

/// Where a payment stands at the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObservedStatus {
    /// The gateway never heard of it.
    Unknown,
    /// Under way.
    Pending,
    /// Money was captured.
    Succeeded,
    /// Declined; the payer may try again.
    Failed,
    /// The payer is not there (any more); they may come back and pay.
    Abandoned,
    /// Money was captured and went back to the payer.
    Reversed,
}

/// Where a payment stands with us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Asked for; nothing is known yet.
    Pending,
    /// Declined. It may still be paid.
    Failed,
    /// The payer left. It may still be paid.
    Abandoned,
    /// The gateway took the reference, but we never learnt its page: another attempt took its place. Watched all the same.
    Lost,
    /// Exactly what was asked for is here.
    Captured,
    /// Less than asked for was captured; it goes back.
    Underpaid,
    /// More than asked for was captured; it goes back.
    Overpaid,
    /// Another currency than asked for was captured; it goes back.
    WrongCurrency,
    /// Captured in full, but the order has no use for it: another payment settled it, or its money is going back already.
    DuplicateCapture,
    /// The gateway gave the money back before we could use it.
    Reversed,
}

/// A text that is no [`PaymentStatus`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no payment status")]
pub struct UnknownPaymentStatus(String);

impl PaymentStatus {
    /// Every status.
    pub const ALL: [Self; 10] = [
        Self::Pending,
        Self::Failed,
        Self::Abandoned,
        Self::Lost,
        Self::Captured,
        Self::Underpaid,
        Self::Overpaid,
        Self::WrongCurrency,
        Self::DuplicateCapture,
        Self::Reversed,
    ];

    /// Its name in JSON and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
            Self::Lost => "lost",
            Self::Captured => "captured",
            Self::Underpaid => "underpaid",
            Self::Overpaid => "overpaid",
            Self::WrongCurrency => "wrong_currency",
            Self::DuplicateCapture => "duplicate_capture",
            Self::Reversed => "reversed",
        }
    }

    /// Whether money may still come in.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Pending | Self::Failed | Self::Abandoned | Self::Lost => true,
            Self::Captured
            | Self::Underpaid
            | Self::Overpaid
            | Self::WrongCurrency
            | Self::DuplicateCapture
            | Self::Reversed => false,
        }
    }

    /// Whether its money has to go back, whatever becomes of the order.
    pub const fn is_refund_due(self) -> bool {
        match self {
            Self::Underpaid | Self::Overpaid | Self::WrongCurrency | Self::DuplicateCapture => true,
            Self::Pending | Self::Failed | Self::Abandoned | Self::Lost | Self::Captured | Self::Reversed => false,
        }
    }
}

impl fmt::Display for PaymentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PaymentStatus {
    type Err = UnknownPaymentStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| UnknownPaymentStatus(text.to_owned()))
    }
}

/// Money that a gateway says it captured.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Capture {
    /// Minor units.
    pub amount_minor: i64,
    /// An ISO 4217 code, as the gateway wrote it.
    pub currency: String,
}

impl Capture {
    /// As money, if it is of a currency that the shop knows.
    pub fn money(&self) -> Option<Money> {
        self.currency.parse::<Currency>().ok().map(|currency| Money::new(self.amount_minor, currency))
    }
}

/// What can be asked of a payment. Every command may be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Takes notice of what the gateway says now.
    Observe(Observation),
    /// Its page will never be known; another attempt takes its place.
    GiveUp,
    /// The order has no use for the money captured.
    MarkDuplicate,
}

/// What happened to a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It is under way (again).
    Resumed,
    /// It was declined.
    Failed,
    /// The payer left.
    Abandoned,
    /// Another attempt took its place.
    Lost,
    /// Exactly what was asked for was captured.
    Captured(Capture),
    /// Something else was captured: status `Underpaid`, `Overpaid` or `WrongCurrency`.
    Mismatched(PaymentStatus, Capture),
    /// The order has no use for what was captured.
    MarkedDuplicate,
    /// The gateway gave the money back.
    Reversed,
}

/// Why a payment refuses a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The observation is about another payment.
    #[error("an observation of {observed:?} is not about the payment {expected:?}")]
    WrongReference {
        /// this payment
        expected: String,
        /// the one observed
        observed: String,
    },
    /// The gateway told another figure before.
    #[error("the gateway says {now:?} was captured, having said {before:?}: ask it which is true")]
    Contradiction {
        /// what it said first, which stands
        before: Capture,
        /// what it says now
        now: Capture,
    },
    /// Only money that was captured in full can be a duplicate.
    #[error("a {0} payment is no duplicate capture")]
    NotCaptured(PaymentStatus),
}

/// One payment attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Payment {
    /// What the gateway and we call it.
    pub reference: String,
    /// What has to be captured: no more, no less, nothing else.
    pub expected: Money,
    /// Where it stands.
    pub status: PaymentStatus,
    /// What was captured, once something was.
    pub captured: Option<Capture>,
}

impl Payment {
    /// A payment that is about to be asked for.
    pub const fn new(reference: String, expected: Money) -> Self {
        Self { reference, expected, status: PaymentStatus::Pending, captured: None }
    }

    /// What follows from `command`: nothing, when it was done before or is stale.
    pub fn decide(&self, command: &Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Observe(observation) => self.observe(observation),
            Command::GiveUp => Ok(match self.status {
                PaymentStatus::Pending | PaymentStatus::Failed | PaymentStatus::Abandoned => vec![Event::Lost],
                PaymentStatus::Lost
                | PaymentStatus::Captured
                | PaymentStatus::Underpaid
                | PaymentStatus::Overpaid
                | PaymentStatus::WrongCurrency
                | PaymentStatus::DuplicateCapture
                | PaymentStatus::Reversed => Vec::new(),
            }),
            Command::MarkDuplicate => match self.status {
                PaymentStatus::Captured => Ok(vec![Event::MarkedDuplicate]),
                PaymentStatus::DuplicateCapture => Ok(Vec::new()),
                status @ (PaymentStatus::Pending
                | PaymentStatus::Failed
                | PaymentStatus::Abandoned
                | PaymentStatus::Lost
                | PaymentStatus::Underpaid
                | PaymentStatus::Overpaid
                | PaymentStatus::WrongCurrency
                | PaymentStatus::Reversed) => Err(Rejection::NotCaptured(status)),
            },
        }
    }

    fn observe(&self, observation: &Observation) -> Result<Vec<Event>, Rejection> {
        if observation.reference != self.reference {
            let (expected, observed) = (self.reference.clone(), observation.reference.clone());
            return Err(Rejection::WrongReference { expected, observed });
        }
        let capture = Capture { amount_minor: observation.amount_minor, currency: observation.currency.clone() };
        if !self.status.is_open() {
            // News of what came before the capture is stale. Another figure for the same capture is a contradiction.
            return match (&self.captured, observation.status) {
                (Some(before), ObservedStatus::Succeeded) if *before != capture => {
                    Err(Rejection::Contradiction { before: before.clone(), now: capture })
                }
                _ => Ok(Vec::new()),
            };
        }
        let waiting = |next: PaymentStatus, event: Event| {
            // A lost attempt stays lost until money comes: nobody can pay on a page that nobody knows.
            if self.status == next || self.status == PaymentStatus::Lost { Vec::new() } else { vec![event] }
        };
        Ok(match observation.status {
            ObservedStatus::Unknown => Vec::new(),
            ObservedStatus::Pending => waiting(PaymentStatus::Pending, Event::Resumed),
            ObservedStatus::Failed => waiting(PaymentStatus::Failed, Event::Failed),
            ObservedStatus::Abandoned => waiting(PaymentStatus::Abandoned, Event::Abandoned),
            ObservedStatus::Reversed => vec![Event::Reversed],
            ObservedStatus::Succeeded => vec![match self.verdict(&capture) {
                Some(mismatch) => Event::Mismatched(mismatch, capture),
                None => Event::Captured(capture),
            }],
        })
    }

    /// How `capture` differs from what was asked for; `None` when it does not.
    fn verdict(&self, capture: &Capture) -> Option<PaymentStatus> {
        if capture.currency != self.expected.currency.code() {
            return Some(PaymentStatus::WrongCurrency);
        }
        match capture.amount_minor.cmp(&self.expected.amount_minor) {
            std::cmp::Ordering::Less => Some(PaymentStatus::Underpaid),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(PaymentStatus::Overpaid),
        }
    }

    /// Makes `event` part of the state. Total over the events that [`Self::decide`] returns.
    pub fn evolve(&mut self, event: &Event) {
        let was_open = self.status.is_open();
        match event {
            Event::Resumed => self.status = PaymentStatus::Pending,
            Event::Failed => self.status = PaymentStatus::Failed,
            Event::Abandoned => self.status = PaymentStatus::Abandoned,
            Event::Lost => self.status = PaymentStatus::Lost,
            Event::Reversed => self.status = PaymentStatus::Reversed,
            Event::MarkedDuplicate => self.status = PaymentStatus::DuplicateCapture,
            Event::Captured(capture) => {
                self.status = PaymentStatus::Captured;
                self.captured = Some(capture.clone());
            }
            Event::Mismatched(status, capture) => {
                self.status = *status;
                self.captured = Some(capture.clone());
            }
        }
        let told = || format!("captured money of {} was forgotten", self.reference);
        invariants::assert(Invariant::Money1.check(was_open || !self.status.is_open(), told));
    }
}

#[cfg(test)]
#[path = "payment_tests.rs"]
mod tests;
