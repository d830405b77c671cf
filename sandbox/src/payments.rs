//! What the gateway believes of one payment: a state machine without clock, randomness or I/O.
//!
//! It never speaks HTTP or Paystack's JSON: `paystack::shape` does.

use domain::money::Money;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What a shop asked for when it began a payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The gateway's number of the transaction, unique across restarts.
    pub id: i64,
    /// The shop's name for the payment. Unique.
    pub reference: String,
    /// The last part of the payment page's address.
    pub access_code: String,
    /// Who pays.
    pub email: String,
    /// How much the shop wants.
    pub requested: Money,
    /// Where the browser goes afterwards.
    pub callback_url: Option<String>,
    /// Whatever the shop attached, returned untouched.
    pub metadata: serde_json::Value,
}

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Begun; nobody paid, declined or left yet.
    Pending,
    /// Money was captured. Nothing but a refund follows.
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

/// Money on its way back, or back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// The gateway's number of the refund, unique across restarts.
    pub id: i64,
    /// How much, in the capture's currency.
    pub money: Money,
    /// What the shop wrote about it.
    pub merchant_note: Option<String>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When the money was back; `None` while it is on its way.
    pub processed_at: Option<Timestamp>,
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
    /// All refunds, oldest first. Their sum never exceeds the capture.
    pub refunds: Vec<Refund>,
}

/// What can be asked of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    Refund {
        /// The new refund's number.
        id: i64,
        /// Minor units of the captured currency; `None`: all that is left.
        amount_minor: Option<i64>,
        /// Kept with the refund.
        merchant_note: Option<String>,
    },
    /// A refund that was asked for reaches the payer.
    ProcessRefund {
        /// Which.
        id: i64,
    },
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
        merchant_note: Option<String>,
    },
    /// A refund is done.
    RefundProcessed {
        /// Its number.
        id: i64,
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
    #[error("nothing was captured, so nothing can be refunded")]
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
    /// No refund of that number.
    #[error("no refund {0} of this payment")]
    UnknownRefund(i64),
}

impl Payment {
    /// A payment that nobody has touched yet.
    pub const fn new(request: Request, at: Timestamp) -> Self {
        Self { request, created_at: at, status: Status::Pending, capture: None, refunds: Vec::new() }
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
            Command::Refund { id, amount_minor, merchant_note } => {
                let left = self.refundable().ok_or(Rejection::NotPaid)?;
                if self.refunds.iter().any(|refund| refund.id == *id) {
                    return Ok(vec![]);
                }
                if left.amount_minor == 0 {
                    return Err(Rejection::FullyRefunded);
                }
                let amount_minor = amount_minor.unwrap_or(left.amount_minor);
                if !(1..=left.amount_minor).contains(&amount_minor) {
                    return Err(Rejection::RefundOutOfRange { left });
                }
                Ok(vec![Event::RefundRequested {
                    id: *id,
                    money: Money { amount_minor, ..left },
                    merchant_note: merchant_note.clone(),
                }])
            }
            Command::ProcessRefund { id } => match self.refund(*id) {
                None => Err(Rejection::UnknownRefund(*id)),
                Some(refund) if refund.processed_at.is_some() => Ok(vec![]),
                Some(_) => Ok(vec![Event::RefundProcessed { id: *id }]),
            },
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
            Event::RefundRequested { id, money, merchant_note } => self.refunds.push(Refund {
                id: *id,
                money: *money,
                merchant_note: merchant_note.clone(),
                requested_at: at,
                processed_at: None,
            }),
            Event::RefundProcessed { id } => {
                if let Some(refund) = self.refunds.iter_mut().find(|refund| refund.id == *id) {
                    refund.processed_at = Some(at);
                }
            }
        }
    }

    /// What is left to refund; `None` when nothing was captured.
    pub fn refundable(&self) -> Option<Money> {
        let captured = self.capture?.money;
        let refunded: i64 = self.refunds.iter().map(|refund| refund.money.amount_minor).sum();
        Some(Money { amount_minor: captured.amount_minor - refunded, ..captured })
    }

    /// Whether all that was captured is back with the payer.
    pub fn is_reversed(&self) -> bool {
        self.refundable().is_some_and(|left| left.amount_minor == 0)
            && self.refunds.iter().all(|refund| refund.processed_at.is_some())
    }

    /// The refund of that number.
    pub fn refund(&self, id: i64) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.id == id)
    }
}

#[cfg(test)]
mod tests {
    use domain::money::Currency;

    use super::*;

    fn naira(amount_minor: i64) -> Money {
        Money::new(amount_minor, Currency::Ngn)
    }

    fn payment() -> Payment {
        let request = Request {
            id: 1,
            reference: "ref-1".to_owned(),
            access_code: "code".to_owned(),
            email: "ada@example.com".to_owned(),
            requested: naira(5_000),
            callback_url: None,
            metadata: serde_json::Value::Null,
        };
        Payment::new(request, Timestamp(0))
    }

    fn run(payment: &mut Payment, command: &Command) -> Result<usize, Rejection> {
        let events = payment.decide(command)?;
        for event in &events {
            payment.evolve(event, Timestamp(1));
        }
        assert!(
            matches!(payment.decide(command), Ok(again) if again.is_empty())
                || matches!(command, Command::Refund { .. }),
            "a repeated {command:?} changes nothing"
        );
        Ok(events.len())
    }

    const PAY: Command = Command::Pay { captured: None };

    #[test]
    fn a_declined_or_abandoned_payment_can_still_be_paid() {
        for first in [Command::Decline, Command::Abandon] {
            let mut payment = payment();
            assert_eq!(run(&mut payment, &first), Ok(1));
            assert_eq!(run(&mut payment, &PAY), Ok(1));
            assert_eq!(payment.status, Status::Success);
        }
    }

    #[test]
    fn nothing_undoes_a_captured_payment() {
        let mut payment = payment();
        assert_eq!(run(&mut payment, &PAY), Ok(1));
        for late in [Command::Decline, Command::Abandon, PAY] {
            assert_eq!(run(&mut payment, &late), Ok(0));
            assert_eq!(payment.status, Status::Success);
        }
    }

    #[test]
    fn one_payment_captures_once() {
        let mut payment = payment();
        let short = Command::Pay { captured: Some(naira(4_999)) };
        assert_eq!(run(&mut payment, &short), Ok(1));
        assert_eq!(payment.capture.map(|capture| capture.money), Some(naira(4_999)));
        let other = Command::Pay { captured: Some(naira(5_000)) };
        assert_eq!(payment.decide(&other), Err(Rejection::AlreadyPaid { captured: naira(4_999) }));
    }

    #[test]
    fn refunds_never_exceed_what_was_captured() {
        let refund = |id, amount_minor| Command::Refund { id, amount_minor, merchant_note: None };
        let mut payment = payment();
        assert_eq!(payment.decide(&refund(7, None)), Err(Rejection::NotPaid));
        assert_eq!(run(&mut payment, &PAY), Ok(1));
        for wrong in [-1, 0, 5_001] {
            let left = naira(5_000);
            assert_eq!(payment.decide(&refund(7, Some(wrong))), Err(Rejection::RefundOutOfRange { left }));
        }
        assert_eq!(run(&mut payment, &refund(7, Some(2_000))), Ok(1));
        assert_eq!(run(&mut payment, &refund(7, Some(2_000))), Ok(0), "the same refund again");
        assert_eq!(run(&mut payment, &refund(8, None)), Ok(1), "the rest");
        assert_eq!(payment.decide(&refund(9, None)), Err(Rejection::FullyRefunded));
        assert!(!payment.is_reversed(), "the money is on its way");
        assert_eq!(run(&mut payment, &Command::ProcessRefund { id: 7 }), Ok(1));
        assert_eq!(run(&mut payment, &Command::ProcessRefund { id: 8 }), Ok(1));
        assert!(payment.is_reversed());
        assert_eq!(payment.decide(&Command::ProcessRefund { id: 9 }), Err(Rejection::UnknownRefund(9)));
    }
}
