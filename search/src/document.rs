//! What the shop tells search about a product. It never reads the catalogue itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One product, as it is indexed. Variants are folded into it: their codes are in [`Document::skus`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    /// The product's id, a UUID in its text form.
    pub id: String,
    /// The product's own SKU.
    pub sku: String,
    /// The last part of the product page's address.
    pub slug: String,
    /// What the product is called.
    pub title: String,
    /// Plain text; searched, never shown in a hit.
    pub description: String,
    /// The maker, if known.
    pub brand: Option<String>,
    /// The path in the category tree, outermost first. A `/` inside a name is taken for a space.
    pub category: Vec<String>,
    /// Price in minor units of `currency`; below zero counts as zero.
    pub price_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Opaque key of the picture that cards show.
    pub image: Option<String>,
    /// Units that could be bought when the product was indexed: a hint, the Stock object knows better.
    pub available: u32,
    /// Attribute name to value, both as shown; both are searched.
    pub attributes: BTreeMap<String, String>,
    /// Who sells it; searched like the brand.
    pub seller: Option<String>,
    /// Every other code that finds the product: SKUs of variants, EANs, part numbers.
    pub skus: Vec<String>,
    /// When the product was added, for sorting by newest. Milliseconds since 1970.
    pub created_at_ms: i64,
    /// Units sold. Orders listings, lifts a little in searches.
    pub sold: u32,
    /// Average rating in hundredths of a star, 100 to 500; `None` when nobody has rated it.
    pub rating_hundredths: Option<u16>,
    /// How many people have rated it.
    pub rating_count: u32,
}
