//! What gateways tell by themselves: webhooks, and the disputes that some of them are about.

use std::str::FromStr;

/// A webhook whose signature was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The same for every copy of the same event, unlike any other event's.
    pub key: String,
    /// The gateway's name of the event.
    pub event: String,
    /// What it is about.
    pub about: Subject,
}

/// What a webhook is about. It is only a hint where to look: what happened, the gateway is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A payment may have changed.
    Payment {
        /// which
        reference: String,
    },
    /// A refund may have changed.
    Refund {
        /// of which payment
        payment: PaymentName,
    },
    /// A payer asks their bank for the money back, or that came to an end.
    Dispute {
        /// about which payment
        payment: PaymentName,
        /// the gateway's name of the dispute
        dispute_id: String,
    },
    /// A transfer to a seller may have changed.
    Transfer {
        /// our name for it
        reference: String,
    },
    /// Nothing that is acted upon; kept for the record.
    Other {
        /// the payment that it mentions, if any
        reference: Option<String>,
    },
}

impl Subject {
    /// The payment or transfer that it names as we do, if it does.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Payment { reference } | Self::Transfer { reference } => Some(reference),
            Self::Refund { payment } | Self::Dispute { payment, .. } => match payment {
                PaymentName::Reference(reference) => Some(reference),
                PaymentName::GatewayId(_) => None,
            },
            Self::Other { reference } => reference.as_deref(),
        }
    }
}

/// How a gateway names one of our payments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentName {
    /// As we do.
    Reference(String),
    /// By its own name ([`domain::payment::Observation::gateway_id`]).
    GatewayId(String),
}

/// Why a webhook is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadWebhook {
    /// It was not signed by the gateway.
    #[error("the signature does not match the body")]
    Forged,
    /// It was signed, but cannot be read.
    #[error("the event cannot be read: {0}")]
    Unreadable(String),
}

/// What a gateway says about a dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeObservation {
    /// The gateway's name of it.
    pub id: String,
    /// About which payment.
    pub payment: PaymentName,
    /// How much is disputed in minor units, if the gateway says.
    pub amount_minor: Option<i64>,
    /// Of what currency, as the gateway wrote it, in upper case.
    pub currency: Option<String>,
    /// Where it stands.
    pub status: DisputeStatus,
}

/// Where a dispute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisputeStatus {
    /// Not decided.
    Open,
    /// The money stays with the shop.
    Won,
    /// The money goes back, or went.
    Lost,
}

impl DisputeStatus {
    const ALL: [Self; 3] = [Self::Open, Self::Won, Self::Lost];

    /// Its name in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }
}

/// A text that is no [`DisputeStatus`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no dispute status")]
pub struct UnknownDisputeStatus(String);

impl FromStr for DisputeStatus {
    type Err = UnknownDisputeStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| UnknownDisputeStatus(text.to_owned()))
    }
}
