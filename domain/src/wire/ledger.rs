//! The books and payouts, as operators see them.

use serde::{Deserialize, Serialize};

use crate::ids::{OrderId, PayoutId};
use crate::payout::PayoutStatus;
use crate::time::Timestamp;

/// `GET`: [`Balances`].
pub const ORIGIN_LEDGER: &str = "/internal/ledger";

/// `GET` with `?account={account}&from={ms}&until={ms}`: [`Statement`].
pub const ORIGIN_STATEMENT: &str = "/internal/ledger/statement";

/// `GET`: the payouts, newest first, at most 1,000 ([`Payouts`]). `POST` of a [`PayoutRun`]: takes from every seller's balance what is due
/// ([`Payouts`], those of the run); the same again changes nothing. With `/{payout_id}/confirm` or `/{payout_id}/return` appended, `POST`
/// without a body: what became of one ([`Payout`]).
pub const ORIGIN_PAYOUTS: &str = "/internal/payouts";

/// What every account holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balances {
    /// Those that hold something, by name.
    pub balances: Vec<AccountBalance>,
    /// Entries that do not sum to zero (LEDGER-1): 0, or something is very wrong.
    pub crooked_entries: i64,
}

/// What an account holds of one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountBalance {
    /// [`crate::ledger::Account`], written out.
    pub account: String,
    /// An ISO 4217 code.
    pub currency: String,
    /// Minor units. A debit is positive, a credit (what is owed to somebody) negative.
    pub amount_minor: i64,
}

/// What went in and out of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Which account.
    pub account: String,
    /// From when on.
    pub from: Timestamp,
    /// Until before when.
    pub until: Timestamp,
    /// What it held before that.
    pub opening: Vec<AccountBalance>,
    /// Oldest first.
    pub lines: Vec<StatementLine>,
    /// What it holds after these lines.
    pub closing: Vec<AccountBalance>,
    /// There are more lines than one answer holds: ask again from the time of the last one on.
    pub is_cut: bool,
}

/// One line of a [`Statement`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementLine {
    /// When.
    pub at: Timestamp,
    /// What for: [`crate::ledger::Cause`].
    pub cause: String,
    /// Of which order, if of one.
    pub order_id: Option<OrderId>,
    /// Of which payment, if of one.
    pub reference: Option<String>,
    /// An ISO 4217 code.
    pub currency: String,
    /// Minor units; a debit is positive, a credit negative.
    pub amount_minor: i64,
}

/// Pays out what sellers are owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutRun {
    /// Makes it idempotent.
    pub run_id: PayoutId,
    /// Sales before this moment count; refunds always do.
    pub until: Timestamp,
    /// Less than this is not paid out, in minor units.
    #[serde(default)]
    pub least_minor: i64,
}

/// Payouts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payouts {
    /// Which.
    pub payouts: Vec<Payout>,
}

/// Money on its way to a seller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payout {
    /// Its id.
    pub id: PayoutId,
    /// The run that it belongs to.
    pub run_id: PayoutId,
    /// To whom.
    pub seller: String,
    /// How much, in minor units.
    pub amount_minor: i64,
    /// An ISO 4217 code.
    pub currency: String,
    /// Where it stands.
    pub status: PayoutStatus,
    /// When it was taken from the balance.
    pub created_at: Timestamp,
}
