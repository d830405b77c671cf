//! What happened to orders' money that needs a person, as the operator's tools read it. It never goes to a shopper.

use serde::{Deserialize, Serialize};

use super::{GatewayName, Payout, RefundView};
use crate::ids::{EventId, OrderId};
use crate::money::Money;
use crate::payment::{Capture, PaymentStatus};
use crate::time::Timestamp;

/// What needs a person, oldest first, at most [`Self::EACH_MAX`] of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Troubles {
    /// Refunds that failed for good, or were tried in vain again and again.
    pub refunds: Vec<RefundTrouble>,
    /// Money that was captured, that no order has a use for, and that is not back yet.
    pub payments: Vec<PaymentTrouble>,
    /// What gateways told in the last month that matched nothing, or contradicts what they had told.
    pub webhooks: Vec<WebhookTrouble>,
    /// Messages that the edge has refused again and again.
    pub messages: Vec<StuckMessage>,
    /// Transfers to sellers that do not come about by themselves.
    #[serde(default)]
    pub payouts: Vec<PayoutTrouble>,
}

impl Troubles {
    /// Most of each kind.
    pub const EACH_MAX: u32 = 100;

    /// Whether all is well.
    pub fn is_empty(&self) -> bool {
        let Self { refunds, payments, webhooks, messages, payouts } = self;
        refunds.is_empty() && payments.is_empty() && webhooks.is_empty() && messages.is_empty() && payouts.is_empty()
    }
}

/// A transfer to a seller that needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutTrouble {
    /// The payout, with what went wrong last.
    pub payout: Payout,
    /// How often it was tried and nothing was learnt.
    pub tries: u32,
    /// What is the matter.
    pub trouble: TransferTrouble,
}

/// Why a transfer needs a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferTrouble {
    /// The gateway waits for a one-time password, which it sent to the owner of the shop's account. Without it the transfer fails by itself,
    /// and so does every other until the gateway is told to ask for none.
    OneTimePassword,
    /// The gateway contradicts what it said before: money may have left that is owed again.
    Contradiction,
    /// It was tried again and again: refused, or not answered.
    Unanswered,
}

impl TransferTrouble {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::OneTimePassword, Self::Contradiction, Self::Unanswered];

    /// Its name in JSON and in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneTimePassword => "one_time_password",
            Self::Contradiction => "contradiction",
            Self::Unanswered => "unanswered",
        }
    }

    /// What a person can do.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::OneTimePassword => {
                "confirm it in the gateway's dashboard, and switch the confirmation of transfers off there, or it fails"
            }
            Self::Contradiction => "look in the gateway's dashboard what became of it, and mend the balance by hand",
            Self::Unanswered => {
                "mend what it says (cargo xtask payouts bank SELLER …), or stop it (cargo xtask payouts return PAYOUT)"
            }
        }
    }
}

/// A refund that needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundTrouble {
    /// Of which order.
    pub order_id: OrderId,
    /// How often it was tried and nothing was learnt.
    pub tries: u32,
    /// The refund, with what went wrong last.
    pub refund: RefundView,
}

/// A payment that is not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentTrouble {
    /// Of which order.
    pub order_id: OrderId,
    /// Through whom.
    pub gateway: GatewayName,
    /// What the gateway and we call it.
    pub reference: String,
    /// What is wrong with it.
    pub status: PaymentStatus,
    /// What was asked for.
    pub expected: Money,
    /// What was captured.
    pub captured: Option<Capture>,
    /// Its refunds; none is a fault of ours.
    pub refunds: Vec<RefundView>,
}

/// A webhook that had no effect, and should have had one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookTrouble {
    /// Who sent it.
    pub gateway: GatewayName,
    /// What it was about, in the gateway's words.
    pub event: String,
    /// The payment that it names, if it names one.
    pub reference: Option<String>,
    /// `unmatched`: it names a payment that we never asked for. `contradicted`: it tells another figure than before.
    pub outcome: String,
    /// When it came.
    pub received_at: Timestamp,
    /// Names the request that brought it, in the log.
    pub request_id: String,
}

/// A message that the edge has not taken. It is still tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StuckMessage {
    /// The same at every delivery.
    pub id: EventId,
    /// Which order it is about.
    pub order_id: OrderId,
    /// What happened to the order.
    pub kind: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was found to be stuck.
    pub stuck_at: Timestamp,
    /// When it is tried next.
    pub next_attempt_at: Timestamp,
    /// What the edge said last.
    pub last_error: Option<String>,
}
