//! A product's stock, as sellers and operators read and move it.

use serde::{Deserialize, Serialize};

use crate::ids::{ProductId, Sku};
use crate::stock::{Entry, Level};
use crate::time::Timestamp;

/// A product's counts and the newest part of its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockReport {
    /// The product.
    pub product_id: ProductId,
    /// Every variant, in order of SKU.
    pub levels: Vec<StockLevel>,
    /// Newest first.
    pub history: Vec<StockEntry>,
}

/// One variant's count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockLevel {
    /// Which variant.
    pub sku: Sku,
    /// Units that nobody was promised.
    pub available: u32,
    /// What that is made of.
    #[serde(flatten)]
    pub level: Level,
}

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockEntry {
    /// Counts the product's lines from 1.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub entry: Entry,
}
