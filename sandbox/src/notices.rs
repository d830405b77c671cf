//! What is worth a webhook, and who puts it into words.

use domain::money::Money;
use domain::time::Timestamp;

use crate::gateways::Gateway;
use crate::payments::{Command, Payment};
use crate::webhook::Notice;
use crate::{flutterwave, monnify, paystack, stripe};

/// Something that a gateway may tell the shop about a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// Money was captured.
    Paid,
    /// An attempt was declined: now, or before the money was captured, and the notice comes late.
    Declined,
    /// Money came in that was not what was asked for, and was sent back at once.
    Rejected(Money),
    /// A refund was accepted.
    RefundRequested(i64),
    /// A refund is done, or has failed.
    RefundEnded(i64),
    /// The payer disputes the payment.
    Disputed(i64),
    /// The bank has decided.
    DisputeClosed(i64),
}

impl Happening {
    /// What `command` brought about, also when it was repeated; `payment` is as it is after it.
    pub fn after(command: &Command, payment: &Payment) -> Option<Self> {
        match command {
            Command::Pay { .. } => Some(Self::Paid),
            Command::Decline => Some(Self::Declined),
            Command::Dispute { .. } => payment.disputes.last().map(|dispute| Self::Disputed(dispute.id)),
            Command::CloseDispute(_) => payment.disputes.last().map(|dispute| Self::DisputeClosed(dispute.id)),
            // No gateway says anything when a payer leaves; refunds are carried on by themselves.
            Command::Abandon
            | Command::Refund(_)
            | Command::ProcessRefund { .. }
            | Command::FailRefund { .. }
            | Command::SetRefundMode(_) => None,
        }
    }
}

/// What the payment's gateway says about what happened to it.
pub fn about(payment: &Payment, happening: Happening, now: Timestamp) -> Vec<Notice> {
    match payment.request.gateway {
        Gateway::Paystack => paystack::notices(payment, happening),
        Gateway::FlutterwaveV3 => flutterwave::v3::notices(payment, happening),
        Gateway::FlutterwaveV4 => flutterwave::v4::notices(payment, happening, now),
        Gateway::Monnify => monnify::notices(payment, happening),
        Gateway::Stripe => stripe::notices(payment, happening, now),
    }
}
