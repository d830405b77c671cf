//! What a search answers. Plain data, ready to be cached or shown; it never holds on to the index.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// One page of hits, and what could be asked next.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Products that match, on all pages.
    pub total: u64,
    /// This page's products, in order.
    pub hits: Vec<Hit>,
    /// Counts for filters.
    pub facets: Facets,
    /// No product has all the words; these have some of them.
    pub relaxed: bool,
    /// The query has words in quotes, and no product has them as they stand there; then it is `relaxed` too.
    #[serde(default)]
    pub missed_phrase: bool,
    /// So many of `total` have all the words and come first; the others have some of them. `None` when all of them are alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with_all_words: Option<u64>,
    /// Words that the catalogue does not know, and what was searched instead.
    pub corrections: Vec<Correction>,
    /// The whole query as it was probably meant, for people to read and to search for; only when that is likely to find
    /// more than what was typed. Nothing was searched for instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// Times that bytes had to be fetched for this answer. A warm search has none.
    pub rounds: u32,
    /// Bytes that were fetched for it.
    pub bytes_fetched: u64,
}

/// A product on a results page. Price and availability are as old as the index.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// The product's id.
    pub id: String,
    /// Its SKU.
    pub sku: String,
    /// The last part of its page's address.
    pub slug: String,
    /// What it is called.
    pub title: String,
    /// Its maker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// Its category path, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<String>,
    /// Price in minor units.
    pub price_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Key of the picture that cards show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Units when it was indexed.
    pub available: u32,
    /// Average rating in hundredths of a star, 100 to 500; `None` when nobody has rated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating_hundredths: Option<u16>,
    /// How many people have rated it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rating_count: u32,
    /// Where in `title` the words of the query stand: byte ranges, in order, apart from one another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub title_marks: Vec<Range<usize>>,
    /// How well it matches; only comparable within one answer. Zero in listings.
    #[serde(default)]
    pub score: f32,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Counts for filters. Each facet counts as if its own filter were not set, and all the others were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facets {
    /// The children of the chosen category (or the outermost ones), as full paths, most products first.
    pub category: Vec<FacetCount>,
    /// The commonest brands, most products first.
    pub brand: Vec<FacetCount>,
    /// What the matching products cost; `None` when nothing matches.
    pub price: Option<PriceFacet>,
    /// Products rated at least so many stars, best first; empty when nothing that matches is rated.
    #[serde(default)]
    pub rating: Vec<RatingCount>,
    /// Products that can be bought.
    #[serde(default)]
    pub in_stock: u64,
    /// What the matching products differ in, most telling first: the attributes of the category that is chosen, or that
    /// most of what matches is in.
    #[serde(default)]
    pub attributes: Vec<AttributeFacet>,
}

/// Products rated at least so many stars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RatingCount {
    /// 1 to 4.
    pub min_stars: u8,
    /// Products.
    pub count: u64,
}

/// An attribute to filter by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeFacet {
    /// What it is called.
    pub name: String,
    /// Its commonest values, most products first; values with their numbers in order where all are numbers.
    pub values: Vec<FacetCount>,
}

/// A value to filter by, and how many products it would leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FacetCount {
    /// What to filter by.
    pub value: String,
    /// Products.
    pub count: u64,
}

/// What matching products cost, in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceFacet {
    /// The cheapest.
    pub min_minor: i64,
    /// The dearest.
    pub max_minor: i64,
    /// At most six ranges, in order, none empty.
    pub ranges: Vec<PriceRange>,
}

/// A range to filter by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRange {
    /// Inclusive, minor units.
    pub from_minor: i64,
    /// Inclusive, minor units.
    pub to_minor: i64,
    /// Products.
    pub count: u64,
}

/// A word as typed, and the nearest word of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// As typed.
    pub typed: String,
    /// As searched, the way that names in the catalogue mostly write it.
    pub searched: String,
}
