//! The books, as operators see them.

use serde::{Deserialize, Serialize};

use crate::ids::OrderId;
use crate::time::Timestamp;

/// `GET`: [`Balances`].
pub const ORIGIN_LEDGER: &str = "/internal/ledger";

/// `GET` with `?account={account}&from={ms}&until={ms}`: [`Statement`].
pub const ORIGIN_STATEMENT: &str = "/internal/ledger/statement";

/// `GET` with `?after={at}-{entry_id}&until={ms}`, both optional: the whole journal, oldest first ([`JournalPage`]).
pub const ORIGIN_JOURNAL: &str = "/internal/ledger/journal";

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

/// A page of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalPage {
    /// Oldest first; whole entries.
    pub lines: Vec<JournalLine>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// One posting of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalLine {
    /// Which entry. Its lines sum to zero.
    pub entry_id: String,
    /// When.
    pub at: Timestamp,
    /// What for: [`crate::ledger::Cause`].
    pub cause: String,
    /// What caused it.
    pub subject: String,
    /// Of which order, if of one.
    pub order_id: Option<OrderId>,
    /// Of which payment, if of one.
    pub reference: Option<String>,
    /// Which account: [`crate::ledger::Account`].
    pub account: String,
    /// An ISO 4217 code.
    pub currency: String,
    /// Minor units; a debit is positive, a credit negative.
    pub amount_minor: i64,
}
