//! Flash sales as operators set them, and the draw as everybody may check it.

use serde::{Deserialize, Serialize};

use crate::admission::{Commitment, Digest32, Draw};
use crate::ids::{PersonId, SaleId, Sku};
use crate::money::Money;
use crate::sale::Phase;
use crate::stock::Quantity;
use crate::time::{Millis, Timestamp};

/// A flash sale as somebody wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleDraft {
    /// Names the sale: the same again changes it, or nothing.
    pub id: SaleId,
    /// Its page: `/sale/{slug}`.
    pub slug: String,
    /// What it is called.
    pub title: String,
    /// From when on people may gather, and its products are sold in no other way.
    pub gathers_at: Timestamp,
    /// When the order is drawn, and the first are let in.
    pub starts_at: Timestamp,
    /// When nobody is let in any more.
    pub ends_at: Timestamp,
    /// People let in within a minute.
    pub rate: u32,
    /// How long somebody who was let in may take to check out, in milliseconds.
    pub pass_length_ms: Millis,
    /// What is on sale: at least one, each product once.
    pub products: Vec<SaleDraftProduct>,
}

/// A product of a [`SaleDraft`]. Variants of it that are not named cost what they always do, and are held back with the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleDraftProduct {
    /// Units that one person may have, all variants together.
    pub units_max: Quantity,
    /// The variants that cost less in the sale: at least one, each once.
    pub variants: Vec<SaleDraftVariant>,
}

/// A variant of a [`SaleDraftProduct`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleDraftVariant {
    /// The variant's. A product's own names its only variant.
    pub sku: Sku,
    /// Price of one in the sale, in the product's currency.
    pub price: Money,
}

/// A flash sale as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleReport {
    /// What was set.
    pub sale: SaleDraft,
    /// How far it has come.
    pub phase: Phase,
    /// What was promised about the draw.
    pub commitment: Commitment,
    /// How many have joined; `None` where nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<u32>,
    /// Whether the order was drawn.
    pub is_drawn: bool,
}

/// All flash sales.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleList {
    /// The one that starts last comes first.
    pub sales: Vec<SaleReport>,
}

/// The draw of a sale as the public API tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawBody {
    /// Which sale.
    pub sale_id: SaleId,
    /// When the order is drawn, in milliseconds since 1970.
    pub starts_at: Timestamp,
    /// People let in within a minute.
    pub rate: u32,
    /// SHA-256 of the secret, told before anybody joined.
    pub commitment: Commitment,
    /// `None` before the start.
    pub draw: Option<DrawnBody>,
    /// Nothing is drawn any more, if it was not before; nobody is let in.
    #[serde(default)]
    pub is_cancelled: bool,
}

/// What was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawnBody {
    /// What was committed to.
    pub secret: Digest32,
    /// Digest of the list of those who had joined.
    pub entries: Digest32,
    /// How many they were.
    pub entries_count: u32,
    /// What the order follows from.
    pub seed: Digest32,
}

impl From<&Draw> for DrawnBody {
    fn from(draw: &Draw) -> Self {
        Self { secret: draw.secret(), entries: draw.entries(), entries_count: draw.entries_count(), seed: draw.seed() }
    }
}

/// A part of the list of those who had joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawPeople {
    /// The number of the first of them.
    pub from: u32,
    /// In the order in which they joined.
    pub people: Vec<PersonId>,
    /// `from` of the next part; `None` at the end.
    pub next: Option<u32>,
}
