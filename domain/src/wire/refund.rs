//! Money that goes back, as it crosses from edge to origin and back.

use serde::{Deserialize, Serialize};

use crate::ids::RefundId;
use crate::refund::part::Part;
use crate::refund::{Cause, RefundStatus};
use crate::stock::StockLine;
use crate::time::Timestamp;

/// Money that is to go back for an order, or for a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundRequest {
    /// Makes it idempotent.
    pub refund_id: RefundId,
    /// Whose right it is asked by. That they have it, the edge has checked.
    pub by: RefundRight,
    /// Who asks, in words; 1 to 200 characters.
    pub actor: String,
    /// Which part; `None`: everything that has not gone back, delivery included.
    #[serde(default)]
    pub part: Option<Part>,
    /// Whether the goods can be sold again.
    pub restock: bool,
    /// Why, in words that the buyer will read; 1 to 200 characters.
    pub reason: String,
}

/// Whose right a refund is asked by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "right", rename_all = "snake_case")]
pub enum RefundRight {
    /// The buyer: everything, as long as nothing has left.
    Shopper,
    /// A seller: their own lines, and never the delivery.
    Seller {
        /// who
        seller: String,
    },
    /// The operator: anything.
    Operator,
}

/// A refund as buyer and operator may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundView {
    /// Its id.
    pub id: RefundId,
    /// The payment whose money it is.
    pub reference: String,
    /// How much, in minor units of `currency`.
    pub amount_minor: i64,
    /// An ISO 4217 code, as the gateway wrote it.
    pub currency: String,
    /// Where it stands.
    pub status: RefundStatus,
    /// Why.
    pub cause: Cause,
    /// Why, in words.
    pub reason: String,
    /// Which part of the order it is for; empty where it is for none.
    pub part: Part,
    /// When it was ordered.
    pub ordered_at: Timestamp,
    /// What went wrong last, if it has not been done.
    pub last_error: Option<String>,
}

/// Goods that were bought and can be sold again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Restock {
    /// The refund that they come with: it names the movement in the stock's history.
    pub refund_id: RefundId,
    /// Who said so.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Which; one line a SKU.
    pub lines: Vec<StockLine>,
}
