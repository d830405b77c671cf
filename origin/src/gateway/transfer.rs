//! Money on its way to sellers, in our words.

use domain::money::Money;

/// A transfer to be asked for, or to be found again.
#[derive(Debug, Clone, Copy)]
pub struct TransferOrder<'a> {
    /// Our name for it: unique for ever, and the same however often it is asked for.
    pub reference: &'a str,
    /// How much.
    pub amount: Money,
    /// What for, in a few words that the seller's bank shows.
    pub reason: &'a str,
}

/// Where a transfer goes, as the gateway knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient(pub String);

/// Where a transfer stands at the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObservedTransfer {
    /// The gateway never heard of it.
    Unknown,
    /// Under way.
    Pending,
    /// Not under way before somebody gives the gateway a one-time password.
    OneTimePassword,
    /// The money left.
    Sent,
    /// It did not leave, and will not by itself; why, as far as the gateway says.
    Failed(String),
    /// It left, and came back; why, as far as the gateway says.
    Reversed(String),
}

/// What a gateway says about a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferObservation {
    /// The gateway's own name for it.
    pub code: Option<String>,
    /// Where it stands.
    pub status: ObservedTransfer,
    /// What the gateway keeps for it in minor units, if it says.
    pub fee_minor: Option<i64>,
}

impl TransferObservation {
    /// What there is to say of a transfer that the gateway never heard of.
    pub const fn unknown() -> Self {
        Self { code: None, status: ObservedTransfer::Unknown, fee_minor: None }
    }
}
