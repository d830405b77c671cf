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
    /// Open pages that show it.
    #[serde(default)]
    pub viewers: u32,
    /// Relays between them and the Stock object.
    #[serde(default)]
    pub relays: u32,
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

/// Asks the Worker to reserve units many times, to see how long that takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasureReservations {
    /// Variants of different products, asked in turn; 1 to [`Self::SKUS_MAX`].
    pub skus: Vec<Sku>,
    /// Reservations of one unit each; 1 to [`Self::RESERVATIONS_MAX`].
    pub reservations: u32,
    /// How many wait for their answer at the same time; 1 to [`Self::AT_ONCE_MAX`].
    pub at_once: u32,
    /// What becomes of the units.
    pub then: Then,
}

/// What becomes of units that were reserved to be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// They are let go of, which is not measured.
    Release,
    /// They are sold, which is measured too. Nobody pays for them, so their SKUs have to begin with
    /// [`MeasureReservations::SOLD_PREFIX`].
    Commit,
}

impl MeasureReservations {
    /// How SKUs begin that are there to be sold to nobody.
    pub const SOLD_PREFIX: &str = "measured-";
    /// Most variants.
    pub const SKUS_MAX: usize = 1_000;
    /// Most reservations: what one request may ask of others is limited on the platform.
    pub const RESERVATIONS_MAX: u32 = 400;
    /// Most at the same time.
    pub const AT_ONCE_MAX: u32 = 64;
}

/// What reserving took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredReservations {
    /// From the first to the last, in milliseconds. Letting go is not counted.
    pub milliseconds: f64,
    /// Each one's reservation, in milliseconds, as a clock of whole milliseconds tells it.
    pub each_milliseconds: Vec<f64>,
    /// Each one's sale, in milliseconds, for what was sold.
    pub each_commit_milliseconds: Vec<f64>,
    /// Those that were refused.
    pub refused: u32,
}
