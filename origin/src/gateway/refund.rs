//! Money on its way back, in our words.

use domain::money::Money;
use domain::time::Timestamp;

/// A refund to be asked for, or to be found again.
#[derive(Debug, Clone)]
pub struct RefundOrder<'a> {
    /// Our name for it, `rf-…`: unique for ever, and the same however often it is asked for.
    pub id: &'a str,
    /// Our name for the payment.
    pub reference: &'a str,
    /// The gateway's own name for the payment ([`domain::payment::Observation::gateway_id`]).
    pub gateway_id: Option<&'a str>,
    /// How much goes back.
    pub amount: Money,
    /// Whether that is all that was captured.
    pub is_full: bool,
    /// Why, in a few words that the payer may read.
    pub reason: &'a str,
    /// The gateway's own name for the refund, once it gave one.
    pub gateway_refund_id: Option<&'a str>,
    /// When it was asked for last, or is now. What was asked for before that is known to have come to nothing.
    pub asked_at: Timestamp,
}

/// Where a refund stands at the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObservedRefund {
    /// The gateway never heard of it: only now may it be asked for (again).
    Unknown,
    /// Under way.
    Pending,
    /// The money went back.
    Processed,
    /// The money did not go back and will not by itself; why, as far as the gateway says.
    Failed(String),
}

/// What a gateway says about a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundObservation {
    /// The gateway's own name for it.
    pub gateway_refund_id: Option<String>,
    /// Where it stands.
    pub status: ObservedRefund,
    /// How much goes back in minor units, if the gateway says.
    pub amount_minor: Option<i64>,
}

impl RefundObservation {
    /// What there is to say of a refund that the gateway never heard of.
    pub const fn unknown() -> Self {
        Self { gateway_refund_id: None, status: ObservedRefund::Unknown, amount_minor: None }
    }
}

/// Whether a refusal in words says that there is nothing (left) to give back. Some gateways have no code for that. What is not
/// recognised is not taken for final.
pub(super) fn says_for_good(message: &str) -> bool {
    let message = message.to_lowercase();
    ["fully reversed", "already been", "already refunded", "fully refunded", "more than", "exceed", "greater than"]
        .iter()
        .any(|words| message.contains(words))
}
