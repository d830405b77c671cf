//! Which filters a product fails. Filters that have a facet are told apart; where a product fails the category or the
//! currency, nothing counts it.

use std::ops::{Range, RangeInclusive};

use tantivy::DocId;

use crate::packed::Names;
use crate::request::Request;
use crate::rows::Rows;
use crate::schema;

/// The filters that a product fails, a bit each; 0 when it passes all.
pub(crate) type Fails = u32;
pub(crate) const BRAND: Fails = 1;
pub(crate) const PRICE: Fails = 2;
pub(crate) const RATING: Fails = 4;
pub(crate) const STOCK: Fails = 8;

/// The bit of the attribute filter at `index`, in the order of their names.
pub(crate) fn attribute(index: usize) -> Fails {
    16 << index
}

/// A request's filters in the ordinals of one segment.
pub(super) struct Filter {
    category: Option<Range<u64>>,
    /// Ordinal 0 belongs to products without a currency, which is none that can be asked for.
    currency: Option<Option<u64>>,
    brands: Option<Vec<u64>>,
    prices: Option<RangeInclusive<u64>>,
    stars_min: u64,
    available_only: bool,
    /// For each attribute that is filtered by, its bit and the ordinals that will do.
    attributes: Vec<(Fails, Vec<usize>)>,
}

impl Filter {
    pub(super) fn new(rows: &Rows, request: &Request, category: Option<&str>) -> Self {
        let ordinal = |names: &Names, name: &str| names.ordinal(name).map(|ordinal| ordinal as u64 + 1);
        let mut brands: Vec<u64> = request.brands.iter().filter_map(|brand| ordinal(&rows.brands, brand)).collect();
        brands.sort_unstable();
        let minor = |bound: i64| u64::try_from(bound).unwrap_or(0);
        let (low, high) = (request.min_price_minor, request.max_price_minor);
        let attributes = request.attributes.iter().enumerate().filter(|(_, (_, values))| !values.is_empty());
        let attributes = attributes.map(|(index, (name, values))| {
            let terms = values.iter().map(|value| schema::attribute_term(&schema::plain(name), &schema::plain(value)));
            let mut ordinals: Vec<usize> = terms.filter_map(|term| rows.attributes.ordinal(&term)).collect();
            ordinals.sort_unstable();
            (attribute(index), ordinals)
        });
        Self {
            category: category.map(|path| rows.categories_below(path)),
            currency: request.currency.as_deref().map(|code| ordinal(&rows.currencies, code)),
            brands: (!request.brands.is_empty()).then_some(brands),
            prices: (low.is_some() || high.is_some()).then(|| low.map_or(0, minor)..=high.map_or(u64::MAX, minor)),
            stars_min: request.min_stars.map_or(0, u64::from),
            available_only: request.available_only,
            attributes: attributes.collect(),
        }
    }

    /// `None` when nothing is to count the product.
    #[inline]
    pub(super) fn fails(&self, rows: &Rows, doc: DocId) -> Option<Fails> {
        if self.category.as_ref().is_some_and(|wanted| !wanted.contains(&rows.category.get(doc))) {
            return None;
        }
        if self.currency.is_some_and(|wanted| wanted != Some(rows.currency.get(doc))) {
            return None;
        }
        let mut fails = 0;
        if self.brands.as_ref().is_some_and(|wanted| wanted.binary_search(&rows.brand.get(doc)).is_err()) {
            fails |= BRAND;
        }
        if self.prices.as_ref().is_some_and(|wanted| !wanted.contains(&rows.price.get(doc))) {
            fails |= PRICE;
        }
        if self.stars_min > 0 && rows.stars.get(doc) < self.stars_min {
            fails |= RATING;
        }
        if self.available_only && rows.available.get(doc) == 0 {
            fails |= STOCK;
        }
        for (bit, wanted) in &self.attributes {
            if wanted.is_empty() || !rows.values_of(doc).any(|value| wanted.binary_search(&value).is_ok()) {
                fails |= bit;
            }
        }
        Some(fails)
    }
}
