//! What a gateway believes of one payment: a state machine without clock, randomness or I/O.
//!
//! It is the same for all gateways, and never speaks HTTP or a gateway's JSON: each gateway's folder does.

use domain::money::Money;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::gateways::Gateway;

mod back;
#[cfg(test)]
mod tests;

pub use back::{Dispute, DisputeOutcome, Refund, RefundMode, RefundOrder, RefundStatus};

/// What a shop asked for when it began a payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Where it was begun.
    #[serde(default)]
    pub gateway: Gateway,
    /// The gateway's number of the transaction, unique over all gateways and across restarts.
    pub id: i64,
    /// The shop's name for the payment. At most gateways unique.
    pub reference: String,
    /// The last part of the payment page's address.
    pub access_code: String,
    /// Who pays.
    pub email: String,
    /// How much the shop wants.
    pub requested: Money,
    /// Where the browser goes afterwards.
    pub callback_url: Option<String>,
    /// Where the browser goes when the payer leaves, if not to `callback_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_url: Option<String>,
    /// Whatever the shop attached, returned untouched.
    pub metadata: Value,
    /// What only this gateway's interface needs to know again.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
}

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Begun; nobody paid, declined or left yet.
    Pending,
    /// Money was captured. Nothing but a refund or a dispute follows.
    Success,
    /// The last attempt was declined. Another attempt may still succeed.
    Failed,
    /// The payer left. They may come back and pay.
    Abandoned,
}

impl Status {
    /// The status as one word, as the control API has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

/// Money that the gateway holds for the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capture {
    /// What was taken from the payer: not always what was requested.
    pub money: Money,
    /// When.
    pub at: Timestamp,
}

/// One payment.
#[derive(Debug, Clone, PartialEq)]
pub struct Payment {
    /// What was asked for.
    pub request: Request,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Where it stands.
    pub status: Status,
    /// What was captured, exactly when the status is [`Status::Success`].
    pub capture: Option<Capture>,
    /// What becomes of refunds that are asked for.
    pub refund_mode: RefundMode,
    /// All refunds, oldest first. What is not failed of them and the disputed money never exceed the capture together.
    pub refunds: Vec<Refund>,
    /// All disputes, oldest first. At most the last one is open.
    pub disputes: Vec<Dispute>,
}

/// What can be asked of a payment.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Capture money: what was requested, or another amount or currency, as a fault.
    Pay {
        /// `None`: what was requested.
        captured: Option<Money>,
    },
    /// The bank says no. After a success this changes nothing: only the late notice goes out.
    Decline,
    /// The payer closes the page.
    Abandon,
    /// Send money back.
    Refund(RefundOrder),
    /// A refund that was asked for reaches the payer.
    ProcessRefund {
        /// Which.
        id: i64,
    },
    /// A refund that was asked for comes back.
    FailRefund {
        /// Which.
        id: i64,
    },
    /// Refunds are dealt with differently from now on.
    SetRefundMode(RefundMode),
    /// The payer wants the money back from their bank: all that is left of it.
    Dispute {
        /// The new dispute's number.
        id: i64,
    },
    /// The bank has decided the open dispute.
    CloseDispute(DisputeOutcome),
}

/// What happened to a payment. Also the journal's words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A shop began it.
    Initialized(Request),
    /// Money was captured.
    Paid {
        /// How much.
        captured: Money,
    },
    /// An attempt was declined.
    Declined,
    /// The payer left.
    Abandoned,
    /// A refund was accepted.
    RefundRequested {
        /// Its number.
        id: i64,
        /// How much.
        money: Money,
        /// What the shop wrote about it.
        #[serde(alias = "merchant_note")]
        note: Option<String>,
        /// The shop's own name for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// What only this gateway's interface needs to know again.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        details: Value,
    },
    /// A refund is done.
    RefundProcessed {
        /// Its number.
        id: i64,
    },
    /// A refund came back.
    RefundFailed {
        /// Its number.
        id: i64,
    },
    /// Refunds are dealt with differently.
    RefundModeSet {
        /// How.
        mode: RefundMode,
    },
    /// A dispute was opened.
    Disputed {
        /// Its number.
        id: i64,
        /// How much.
        money: Money,
    },
    /// The open dispute was decided.
    DisputeClosed {
        /// For whom.
        outcome: DisputeOutcome,
    },
}

/// Why a payment refuses a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// One payment captures once.
    #[error("{captured} was captured already: one payment captures once")]
    AlreadyPaid {
        /// What was captured.
        captured: Money,
    },
    /// Nothing to send back.
    #[error("nothing was captured, so nothing can be sent back")]
    NotPaid,
    /// Zero, negative, or more than is left.
    #[error("{left} can be refunded at most, and at least one minor unit")]
    RefundOutOfRange {
        /// What is left of the capture.
        left: Money,
    },
    /// Every unit went back already.
    #[error("the payment was refunded in full already")]
    FullyRefunded,
    /// What did not go back yet is held, or lost, in a dispute.
    #[error("the rest of the money is disputed")]
    Disputed,
    /// The gateway was told to refuse refunds.
    #[error("refunds of this payment are refused, as the tester asked")]
    RefundRefused,
    /// No refund of that number.
    #[error("no refund {0} of this payment")]
    UnknownRefund(i64),
    /// One dispute at a time.
    #[error("the payment is disputed already: resolve that first")]
    AlreadyDisputed,
    /// Nothing is open.
    #[error("no dispute of this payment is open")]
    NoDispute,
}

impl Payment {
    /// A payment that nobody has touched yet.
    pub const fn new(request: Request, at: Timestamp) -> Self {
        Self {
            request,
            created_at: at,
            status: Status::Pending,
            capture: None,
            refund_mode: RefundMode::Process,
            refunds: Vec::new(),
            disputes: Vec::new(),
        }
    }

    /// What follows from `command`. A repeated command has no events.
    pub fn decide(&self, command: &Command) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Pay { captured } => match self.capture {
                None => Ok(vec![Event::Paid { captured: captured.unwrap_or(self.request.requested) }]),
                Some(first) if captured.is_none_or(|money| money == first.money) => Ok(vec![]),
                Some(first) => Err(Rejection::AlreadyPaid { captured: first.money }),
            },
            Command::Decline => match self.status {
                Status::Pending | Status::Abandoned => Ok(vec![Event::Declined]),
                Status::Success | Status::Failed => Ok(vec![]),
            },
            Command::Abandon => match self.status {
                Status::Pending | Status::Failed => Ok(vec![Event::Abandoned]),
                Status::Success | Status::Abandoned => Ok(vec![]),
            },
            Command::Refund(order) => self.decide_refund(order),
            Command::ProcessRefund { id } => self.decide_refund_end(*id, Event::RefundProcessed { id: *id }),
            Command::FailRefund { id } => self.decide_refund_end(*id, Event::RefundFailed { id: *id }),
            Command::SetRefundMode(mode) if *mode == self.refund_mode => Ok(vec![]),
            Command::SetRefundMode(mode) => Ok(vec![Event::RefundModeSet { mode: *mode }]),
            Command::Dispute { id } => self.decide_dispute(*id),
            Command::CloseDispute(outcome) => match self.disputes.last().map(|dispute| dispute.closed) {
                Some(None) => Ok(vec![Event::DisputeClosed { outcome: *outcome }]),
                Some(Some((decided, _))) if decided == *outcome => Ok(vec![]),
                Some(Some(_)) | None => Err(Rejection::NoDispute),
            },
        }
    }

    fn decide_refund(&self, order: &RefundOrder) -> Result<Vec<Event>, Rejection> {
        let left = self.refundable().ok_or(Rejection::NotPaid)?;
        if self.refund(order.id).is_some() {
            return Ok(vec![]);
        }
        if self.refund_mode == RefundMode::Refuse {
            return Err(Rejection::RefundRefused);
        }
        if left.amount_minor == 0 {
            return Err(self.nothing_left());
        }
        let amount_minor = order.amount_minor.unwrap_or(left.amount_minor);
        if !(1..=left.amount_minor).contains(&amount_minor) {
            return Err(Rejection::RefundOutOfRange { left });
        }
        Ok(vec![Event::RefundRequested {
            id: order.id,
            money: Money { amount_minor, ..left },
            note: order.note.clone(),
            key: order.key.clone(),
            details: order.details.clone(),
        }])
    }

    /// The end of a refund, whichever: it ends once.
    fn decide_refund_end(&self, id: i64, end: Event) -> Result<Vec<Event>, Rejection> {
        match self.refund(id).map(|refund| refund.status) {
            None => Err(Rejection::UnknownRefund(id)),
            Some(RefundStatus::Pending) => Ok(vec![end]),
            Some(RefundStatus::Processed(_) | RefundStatus::Failed(_)) => Ok(vec![]),
        }
    }

    /// Why nothing is left to send back.
    fn nothing_left(&self) -> Rejection {
        if self.disputes.iter().all(Dispute::is_won) { Rejection::FullyRefunded } else { Rejection::Disputed }
    }

    fn decide_dispute(&self, id: i64) -> Result<Vec<Event>, Rejection> {
        let left = self.refundable().ok_or(Rejection::NotPaid)?;
        match self.disputes.last() {
            Some(dispute) if dispute.id == id => Ok(vec![]),
            Some(Dispute { closed: None, .. }) => Err(Rejection::AlreadyDisputed),
            Some(_) | None if left.amount_minor == 0 => Err(self.nothing_left()),
            Some(_) | None => Ok(vec![Event::Disputed { id, money: left }]),
        }
    }

    /// The payment after `event`, which happened at `at`. Events that `decide` never makes change nothing.
    pub fn evolve(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::Initialized(_) => {}
            Event::Paid { captured } => {
                self.status = Status::Success;
                self.capture = Some(Capture { money: *captured, at });
            }
            Event::Declined => self.status = Status::Failed,
            Event::Abandoned => self.status = Status::Abandoned,
            Event::RefundRequested { id, money, note, key, details } => self.refunds.push(Refund {
                id: *id,
                money: *money,
                note: note.clone(),
                key: key.clone(),
                details: details.clone(),
                requested_at: at,
                status: RefundStatus::Pending,
            }),
            Event::RefundProcessed { id } => self.end_refund(*id, RefundStatus::Processed(at)),
            Event::RefundFailed { id } => self.end_refund(*id, RefundStatus::Failed(at)),
            Event::RefundModeSet { mode } => self.refund_mode = *mode,
            Event::Disputed { id, money } => {
                self.disputes.push(Dispute { id: *id, money: *money, opened_at: at, closed: None });
            }
            Event::DisputeClosed { outcome } => {
                if let Some(dispute) = self.disputes.last_mut() {
                    dispute.closed = Some((*outcome, at));
                }
            }
        }
    }

    fn end_refund(&mut self, id: i64, status: RefundStatus) {
        if let Some(refund) = self.refunds.iter_mut().find(|refund| refund.id == id) {
            refund.status = status;
        }
    }

    /// What is left to send back: neither refunded, nor held or lost in a dispute. `None` when nothing was captured.
    pub fn refundable(&self) -> Option<Money> {
        let captured = self.capture?.money;
        let disputed: i64 = self.disputes.iter().filter(|one| !one.is_won()).map(|one| one.money.amount_minor).sum();
        Some(Money { amount_minor: captured.amount_minor - self.refunded() - disputed, ..captured })
    }

    /// Minor units on their way back, or back.
    pub fn refunded(&self) -> i64 {
        self.refunds.iter().filter(|refund| !refund.is_failed()).map(|refund| refund.money.amount_minor).sum()
    }

    /// Whether all that was captured went back to the payer by refunds.
    pub fn is_reversed(&self) -> bool {
        let processed = self.refunds.iter().filter(|refund| matches!(refund.status, RefundStatus::Processed(_)));
        let back: i64 = processed.map(|refund| refund.money.amount_minor).sum();
        self.capture.is_some_and(|capture| capture.money.amount_minor == back)
    }

    /// What was captured, or else what was asked for.
    pub fn money(&self) -> Money {
        self.capture.map_or(self.request.requested, |capture| capture.money)
    }

    /// The refund of that number.
    pub fn refund(&self, id: i64) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.id == id)
    }

    /// The dispute of that number.
    pub fn dispute(&self, id: i64) -> Option<&Dispute> {
        self.disputes.iter().find(|dispute| dispute.id == id)
    }
}
