//! An order's life, from *placed* to *delivered* or *refunded*.
//!
//! A pure machine. It knows whether it is paid and by which payment, never how gateways talk ([`crate::payment`]) or
//! where the stock is ([`crate::stock`]): those tell it by command.
//!
//! Invariants: ORDER-1 (one checkout, at most one order: a repeated [`Command::Place`] must be about the same things),
//! MONEY-1 (a capture ends in exactly one of paid order and refund).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::invariants::{self, Invariant};
use crate::time::{Millis, Timestamp};

/// How long after its deadline an unpaid order is kept open, for payments that were made in time and are told late.
pub const PAYMENT_GRACE: Millis = Millis::minutes(1);

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Placed; the stock is reserved, the money is not here yet.
    AwaitingPayment,
    /// Captured in full.
    Paid,
    /// Ready to leave.
    Packed,
    /// On its way.
    Sent,
    /// With the buyer.
    Delivered,
    /// Ended without payment.
    Cancelled,
    /// Money was captured that has to go back.
    RefundDue,
    /// The money went back.
    Refunded,
}

/// A text that is no [`OrderStatus`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no order status")]
pub struct UnknownOrderStatus(String);

impl OrderStatus {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::AwaitingPayment,
        Self::Paid,
        Self::Packed,
        Self::Sent,
        Self::Delivered,
        Self::Cancelled,
        Self::RefundDue,
        Self::Refunded,
    ];

    /// Its name in JSON and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingPayment => "awaiting_payment",
            Self::Paid => "paid",
            Self::Packed => "packed",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
            Self::RefundDue => "refund_due",
            Self::Refunded => "refunded",
        }
    }

    /// Whether it is paid, and none of its money had to go back whole.
    pub const fn is_sold(self) -> bool {
        match self {
            Self::Paid | Self::Packed | Self::Sent | Self::Delivered => true,
            Self::AwaitingPayment | Self::Cancelled | Self::RefundDue | Self::Refunded => false,
        }
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for OrderStatus {
    type Err = UnknownOrderStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| UnknownOrderStatus(text.to_owned()))
    }
}

/// What can be asked of an order. Every command may be repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Makes the order.
    Place {
        /// names everything that the buyer agreed to, so that a repetition can be told from another wish
        content_digest: String,
        /// when the stock reservation lapses
        pay_before: Timestamp,
    },
    /// A payment captured exactly what was asked for.
    ObserveCapture {
        /// which payment
        reference: String,
    },
    /// A payment captured something else than what was asked for.
    ObserveMismatch {
        /// which payment
        reference: String,
    },
    /// Ends it, if it was not paid in time.
    Cancel,
    /// Its buyer will not pay it: what is captured from now on goes back.
    GiveUp,
    /// Money that it has no use for was captured, and goes back.
    ReturnCapture {
        /// of which payment
        reference: String,
    },
    /// It is paid, but the stock went to somebody else.
    RefuseStock,
    /// All that was bought goes back: cancelled before it left, or returned.
    TakeBack,
    /// All the money that had to go back is back.
    FinishRefund,
}

/// What happened to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It exists and waits for its payment.
    Placed {
        /// names everything that the buyer agreed to
        content_digest: String,
        /// when the stock reservation lapses
        pay_before: Timestamp,
    },
    /// It is paid in full.
    Paid {
        /// by which payment
        reference: String,
    },
    /// It was not paid in time.
    Cancelled,
    /// Its buyer gave it up.
    GivenUp,
    /// Its money goes back.
    RefundDue {
        /// Why.
        reason: RefundReason,
    },
    /// Its money is back.
    Refunded,
}

/// Why an order's money goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundReason {
    /// What was captured is not what was asked for.
    Mismatch {
        /// by which payment
        reference: String,
    },
    /// Paid too late: the stock went to somebody else.
    OutOfStock,
    /// All that was bought goes back.
    TakenBack,
    /// Paid after its buyer had given it up.
    GivenUp {
        /// by which payment
        reference: String,
    },
}

/// Why an order refuses a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is no order yet.
    #[error("there is no such order")]
    NotPlaced,
    /// The checkout became an order for something else.
    #[error("this checkout became an order for other things; start a new checkout")]
    CheckoutDiffers,
    /// Another payment settled it, or its money is going back.
    #[error("the order is {status} and has no use for this payment")]
    CaptureNotNeeded {
        /// where it stands
        status: OrderStatus,
    },
    /// There is still time to pay.
    #[error("the order can be paid until {}", until.rfc3339())]
    NotOverdue {
        /// when it may be cancelled
        until: Timestamp,
    },
    /// Its buyer gave it up.
    #[error("this checkout was given up; start a new checkout")]
    GivenUp,
    /// What was asked does not go with where it stands.
    #[error("the order is {status}")]
    WrongStatus {
        /// where it stands
        status: OrderStatus,
    },
}

/// One order, or none yet ([`Default`]).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Order(Option<Placed>);

/// An order that was placed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Placed {
    /// Where it stands.
    pub status: OrderStatus,
    /// Names everything that the buyer agreed to.
    pub content_digest: String,
    /// When the stock reservation lapses.
    pub pay_before: Timestamp,
    /// The payment that settled it.
    pub paid_by: Option<String>,
    /// Whether its buyer gave it up before it was paid.
    pub is_given_up: bool,
}

impl Order {
    /// The order as it was stored.
    pub const fn restore(placed: Placed) -> Self {
        Self(Some(placed))
    }

    /// Where it stands; `None` before it was placed.
    pub fn status(&self) -> Option<OrderStatus> {
        self.0.as_ref().map(|placed| placed.status)
    }

    /// Its state, to be stored; `None` before it was placed.
    pub fn into_placed(self) -> Option<Placed> {
        self.0
    }

    /// When [`Command::Cancel`] may be asked.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let placed = self.0.as_ref().filter(|placed| placed.status == OrderStatus::AwaitingPayment)?;
        Some(placed.pay_before + PAYMENT_GRACE)
    }

    /// What follows from `command` at `now`: nothing, when it was done before.
    pub fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        let Some(placed) = &self.0 else {
            return match command {
                Command::Place { content_digest, pay_before } => {
                    Ok(vec![Event::Placed { content_digest: content_digest.clone(), pay_before: *pay_before }])
                }
                Command::ObserveCapture { .. }
                | Command::ObserveMismatch { .. }
                | Command::Cancel
                | Command::GiveUp
                | Command::ReturnCapture { .. }
                | Command::RefuseStock
                | Command::TakeBack
                | Command::FinishRefund => Err(Rejection::NotPlaced),
            };
        };
        match command {
            // Whoever gave it up and buys after all gets another order: for this one money goes back.
            Command::Place { .. } if placed.is_given_up => Err(Rejection::GivenUp),
            Command::Place { content_digest, .. } if *content_digest == placed.content_digest => Ok(Vec::new()),
            Command::Place { .. } => Err(Rejection::CheckoutDiffers),
            Command::ObserveCapture { reference } => placed.observe_capture(reference),
            Command::ObserveMismatch { reference } => Ok(placed.observe_mismatch(reference)),
            Command::Cancel => placed.cancel(now),
            Command::GiveUp => placed.give_up(),
            Command::ReturnCapture { reference } => Ok(placed.return_capture(reference)),
            Command::RefuseStock => placed.refuse_stock(),
            Command::TakeBack => placed.take_back(),
            Command::FinishRefund => placed.finish_refund(),
        }
    }

    /// Makes `event` part of the state. Total over the events that [`Self::decide`] returns.
    pub fn evolve(&mut self, event: &Event) {
        if let Event::Placed { content_digest, pay_before } = event {
            invariants::assert(Invariant::Order1.check(self.0.is_none(), || "placed twice".to_owned()));
            self.0 = Some(Placed {
                status: OrderStatus::AwaitingPayment,
                content_digest: content_digest.clone(),
                pay_before: *pay_before,
                paid_by: None,
                is_given_up: false,
            });
            return;
        }
        let Some(placed) = &mut self.0 else { return };
        match event {
            Event::Placed { .. } => {}
            Event::Paid { reference } => {
                placed.assert_unpaid(&format!("paid by {reference}"));
                placed.status = OrderStatus::Paid;
                placed.paid_by = Some(reference.clone());
            }
            Event::Cancelled => {
                placed.assert_unpaid("cancelled");
                placed.status = OrderStatus::Cancelled;
            }
            Event::GivenUp => {
                placed.assert_unpaid("given up");
                placed.status = OrderStatus::Cancelled;
                placed.is_given_up = true;
            }
            Event::RefundDue { .. } => placed.status = OrderStatus::RefundDue,
            Event::Refunded => placed.status = OrderStatus::Refunded,
        }
    }
}

impl Placed {
    fn assert_unpaid(&self, then: &str) {
        let told = || format!("{then} although paid by {:?}", self.paid_by);
        invariants::assert(Invariant::Money1.check(self.paid_by.is_none(), told));
    }

    fn observe_capture(&self, reference: &str) -> Result<Vec<Event>, Rejection> {
        if self.paid_by.as_deref() == Some(reference) {
            return Ok(Vec::new());
        }
        match self.status {
            // Its buyer was told that it is over, and may have bought the same things again.
            status @ OrderStatus::Cancelled if self.is_given_up => Err(Rejection::CaptureNotNeeded { status }),
            // Money that comes late still counts: whether there is stock for it, the edge finds out.
            OrderStatus::AwaitingPayment | OrderStatus::Cancelled => {
                Ok(vec![Event::Paid { reference: reference.to_owned() }])
            }
            status @ (OrderStatus::Paid
            | OrderStatus::Packed
            | OrderStatus::Sent
            | OrderStatus::Delivered
            | OrderStatus::RefundDue
            | OrderStatus::Refunded) => Err(Rejection::CaptureNotNeeded { status }),
        }
    }

    fn observe_mismatch(&self, reference: &str) -> Vec<Event> {
        match self.status {
            OrderStatus::AwaitingPayment | OrderStatus::Cancelled => {
                vec![Event::RefundDue { reason: RefundReason::Mismatch { reference: reference.to_owned() } }]
            }
            // The order stands as it is; the payment's own state sends its money back.
            OrderStatus::Paid
            | OrderStatus::Packed
            | OrderStatus::Sent
            | OrderStatus::Delivered
            | OrderStatus::RefundDue
            | OrderStatus::Refunded => Vec::new(),
        }
    }

    fn cancel(&self, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        let until = self.pay_before + PAYMENT_GRACE;
        match self.status {
            OrderStatus::AwaitingPayment if now < until => Err(Rejection::NotOverdue { until }),
            OrderStatus::AwaitingPayment => Ok(vec![Event::Cancelled]),
            OrderStatus::Cancelled => Ok(Vec::new()),
            status @ (OrderStatus::Paid
            | OrderStatus::Packed
            | OrderStatus::Sent
            | OrderStatus::Delivered
            | OrderStatus::RefundDue
            | OrderStatus::Refunded) => Err(Rejection::WrongStatus { status }),
        }
    }

    fn give_up(&self) -> Result<Vec<Event>, Rejection> {
        match self.status {
            OrderStatus::Cancelled if self.is_given_up => Ok(Vec::new()),
            // Also when its time was over: without this, late money would still buy it.
            OrderStatus::AwaitingPayment | OrderStatus::Cancelled => Ok(vec![Event::GivenUp]),
            // Money came meanwhile, and goes back.
            OrderStatus::RefundDue | OrderStatus::Refunded if self.is_given_up => Ok(Vec::new()),
            status @ (OrderStatus::Paid
            | OrderStatus::Packed
            | OrderStatus::Sent
            | OrderStatus::Delivered
            | OrderStatus::RefundDue
            | OrderStatus::Refunded) => Err(Rejection::WrongStatus { status }),
        }
    }

    fn return_capture(&self, reference: &str) -> Vec<Event> {
        match self.status {
            OrderStatus::Cancelled if self.is_given_up => {
                vec![Event::RefundDue { reason: RefundReason::GivenUp { reference: reference.to_owned() } }]
            }
            // The order stands as it is; the payment's own state sends its money back.
            OrderStatus::AwaitingPayment
            | OrderStatus::Cancelled
            | OrderStatus::Paid
            | OrderStatus::Packed
            | OrderStatus::Sent
            | OrderStatus::Delivered
            | OrderStatus::RefundDue
            | OrderStatus::Refunded => Vec::new(),
        }
    }

    fn take_back(&self) -> Result<Vec<Event>, Rejection> {
        match self.status {
            OrderStatus::Paid | OrderStatus::Packed | OrderStatus::Sent | OrderStatus::Delivered => {
                Ok(vec![Event::RefundDue { reason: RefundReason::TakenBack }])
            }
            OrderStatus::RefundDue | OrderStatus::Refunded => Ok(Vec::new()),
            status @ (OrderStatus::AwaitingPayment | OrderStatus::Cancelled) => Err(Rejection::WrongStatus { status }),
        }
    }

    fn finish_refund(&self) -> Result<Vec<Event>, Rejection> {
        match self.status {
            OrderStatus::RefundDue => Ok(vec![Event::Refunded]),
            OrderStatus::Refunded => Ok(Vec::new()),
            status @ (OrderStatus::AwaitingPayment
            | OrderStatus::Paid
            | OrderStatus::Packed
            | OrderStatus::Sent
            | OrderStatus::Delivered
            | OrderStatus::Cancelled) => Err(Rejection::WrongStatus { status }),
        }
    }

    fn refuse_stock(&self) -> Result<Vec<Event>, Rejection> {
        match self.status {
            OrderStatus::Paid => Ok(vec![Event::RefundDue { reason: RefundReason::OutOfStock }]),
            OrderStatus::RefundDue | OrderStatus::Refunded => Ok(Vec::new()),
            status @ (OrderStatus::AwaitingPayment
            | OrderStatus::Packed
            | OrderStatus::Sent
            | OrderStatus::Delivered
            | OrderStatus::Cancelled) => Err(Rejection::WrongStatus { status }),
        }
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
