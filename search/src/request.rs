//! What a shopper asks for, and the limits on asking. It knows nothing of indexes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest query, in characters.
pub const QUERY_CHARS_MAX: usize = 256;
/// Most hits a page.
pub const PER_PAGE_MAX: u32 = 60;
/// Deepest hit that can be asked for: any page of any catalogue, and no nonsense.
pub const DEPTH_MAX: u32 = 100_000_000;
/// Most brands in one filter.
pub const BRANDS_MAX: usize = 50;
/// Longest brand, category or attribute in a filter, in characters.
pub const FILTER_CHARS_MAX: usize = 512;
/// Most attributes that can be filtered by at once.
pub const ATTRIBUTES_MAX: usize = 16;
/// Most values of one attribute in one filter.
pub const ATTRIBUTE_VALUES_MAX: usize = 50;

/// One search, or one listing when `query` is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    /// Words as typed.
    pub query: String,
    /// Only this category and what is below it: `A/B`.
    pub category: Option<String>,
    /// Only these brands, exactly as facets spell them; empty is all.
    pub brands: Vec<String>,
    /// Lowest price, in minor units, inclusive.
    pub min_price_minor: Option<i64>,
    /// Highest price, in minor units, inclusive.
    pub max_price_minor: Option<i64>,
    /// Only prices in this currency.
    pub currency: Option<String>,
    /// Leave out what was sold out when it was indexed.
    pub available_only: bool,
    /// Only products rated this many stars or better on average, 1 to 5; unrated ones are left out then.
    pub min_stars: Option<u8>,
    /// Attribute names, each with the values of which any will do, exactly as facets spell them.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// The order of hits.
    pub sort: Sort,
    /// From 1.
    pub page: u32,
    /// Hits a page, 1 to [`PER_PAGE_MAX`].
    pub per_page: u32,
    /// The last word is still being typed: take it for the beginning of a word too.
    pub prefix_last_word: bool,
    /// Count facets; without them an answer is ready sooner.
    pub with_facets: bool,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            query: String::new(),
            category: None,
            brands: Vec::new(),
            min_price_minor: None,
            max_price_minor: None,
            currency: None,
            available_only: false,
            min_stars: None,
            attributes: BTreeMap::new(),
            sort: Sort::Relevance,
            page: 1,
            per_page: 24,
            prefix_last_word: false,
            with_facets: true,
        }
    }
}

/// The order of hits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// Best match first; for a listing, most wanted first.
    #[default]
    Relevance,
    /// Cheapest first.
    PriceAsc,
    /// Dearest first.
    PriceDesc,
    /// Added last first.
    Newest,
    /// Best rated first; few ratings count for little.
    Rating,
    /// Most sold first.
    BestSelling,
}

/// Why a request is refused. Each is the asker's to mend: answer 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidRequest {
    /// More than [`QUERY_CHARS_MAX`] characters.
    #[error("the query is longer than {QUERY_CHARS_MAX} characters")]
    QueryTooLong,
    /// Page 0.
    #[error("pages are counted from 1")]
    PageZero,
    /// Outside 1 to [`PER_PAGE_MAX`].
    #[error("per_page must be between 1 and {PER_PAGE_MAX}")]
    PerPage,
    /// Beyond [`DEPTH_MAX`].
    #[error(
        "there is no such page: only the first {DEPTH_MAX} products of a result can be paged through; narrow it with filters"
    )]
    TooDeep,
    /// A lowest price above the highest, or one below zero.
    #[error("the price range must not be negative, and must run from the lower to the higher price")]
    PriceRange,
    /// More than [`BRANDS_MAX`] brands, or a filter longer than [`FILTER_CHARS_MAX`] characters.
    #[error("too many or too long filters: at most {BRANDS_MAX} brands of {FILTER_CHARS_MAX} characters")]
    Filter,
    /// Outside 1 to 5.
    #[error("min_stars must be between 1 and 5")]
    Stars,
    /// More than [`ATTRIBUTES_MAX`] attributes, or one with more than [`ATTRIBUTE_VALUES_MAX`] values.
    #[error("too many attributes to filter by: at most {ATTRIBUTES_MAX}, with {ATTRIBUTE_VALUES_MAX} values each")]
    Attributes,
}

impl InvalidRequest {
    /// A stable name for problem documents.
    pub fn code(self) -> &'static str {
        match self {
            Self::QueryTooLong => "query_too_long",
            Self::PageZero => "page_zero",
            Self::PerPage => "per_page_out_of_range",
            Self::TooDeep => "page_too_deep",
            Self::PriceRange => "price_range_invalid",
            Self::Filter => "filter_too_large",
            Self::Stars => "min_stars_out_of_range",
            Self::Attributes => "too_many_attributes",
        }
    }
}

impl Request {
    /// Whether it filters by nothing. Its category is not looked at.
    pub fn is_open(&self) -> bool {
        self.brands.is_empty()
            && self.min_price_minor.is_none()
            && self.max_price_minor.is_none()
            && self.currency.is_none()
            && !self.available_only
            && self.min_stars.is_none()
            && self.attributes.is_empty()
    }

    /// Checks every limit.
    ///
    /// # Errors
    /// The first limit that is broken.
    pub fn validate(&self) -> Result<(), InvalidRequest> {
        if longer_than(&self.query, QUERY_CHARS_MAX) {
            return Err(InvalidRequest::QueryTooLong);
        }
        if self.page == 0 {
            return Err(InvalidRequest::PageZero);
        }
        if self.per_page == 0 || self.per_page > PER_PAGE_MAX {
            return Err(InvalidRequest::PerPage);
        }
        if u64::from(self.page) * u64::from(self.per_page) > u64::from(DEPTH_MAX) {
            return Err(InvalidRequest::TooDeep);
        }
        let (low, high) = (self.min_price_minor.unwrap_or(0), self.max_price_minor.unwrap_or(i64::MAX));
        if low < 0 || high < 0 || low > high {
            return Err(InvalidRequest::PriceRange);
        }
        if self.min_stars.is_some_and(|stars| !(1..=5).contains(&stars)) {
            return Err(InvalidRequest::Stars);
        }
        let has_many = |values: &Vec<String>| values.len() > ATTRIBUTE_VALUES_MAX;
        if self.attributes.len() > ATTRIBUTES_MAX || self.attributes.values().any(has_many) {
            return Err(InvalidRequest::Attributes);
        }
        let attributes = self.attributes.iter().flat_map(|(name, values)| values.iter().chain([name]));
        let mut filters = self.brands.iter().chain(&self.category).chain(&self.currency).chain(attributes);
        if self.brands.len() > BRANDS_MAX || filters.any(|filter| longer_than(filter, FILTER_CHARS_MAX)) {
            return Err(InvalidRequest::Filter);
        }
        Ok(())
    }

    /// How many hits have to be ranked to fill the page.
    pub(crate) fn depth(&self) -> usize {
        self.page as usize * self.per_page as usize
    }
}

fn longer_than(text: &str, chars: usize) -> bool {
    // Bytes first: a text of megabytes is refused without being walked through.
    text.len() > chars * 4 || text.chars().count() > chars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_refused_by_name() {
        let ask = |change: fn(&mut Request)| {
            let mut request = Request::default();
            change(&mut request);
            request.validate()
        };
        assert_eq!(ask(|_| ()), Ok(()));
        assert_eq!(ask(|r| r.query = "x".repeat(257)), Err(InvalidRequest::QueryTooLong));
        assert_eq!(ask(|r| r.query = "x".repeat(10_240)), Err(InvalidRequest::QueryTooLong));
        assert_eq!(ask(|r| r.query = "é".repeat(256)), Ok(()));
        assert_eq!(ask(|r| r.page = 0), Err(InvalidRequest::PageZero));
        assert_eq!(ask(|r| r.per_page = 0), Err(InvalidRequest::PerPage));
        assert_eq!(ask(|r| r.per_page = 61), Err(InvalidRequest::PerPage));
        assert_eq!(ask(|r| r.page = 1_000_000_000), Err(InvalidRequest::TooDeep));
        assert_eq!(ask(|r| r.page = u32::MAX), Err(InvalidRequest::TooDeep));
        assert_eq!(ask(|r| r.min_price_minor = Some(-1)), Err(InvalidRequest::PriceRange));
        assert_eq!(
            ask(|r| (r.min_price_minor, r.max_price_minor) = (Some(2), Some(1))),
            Err(InvalidRequest::PriceRange)
        );
        assert_eq!(ask(|r| r.brands = vec![String::new(); 51]), Err(InvalidRequest::Filter));
        assert_eq!(ask(|r| r.category = Some("c".repeat(513))), Err(InvalidRequest::Filter));
        assert_eq!(ask(|r| r.page = 4_167), Ok(()));
        for (stars, outcome) in
            [(0, Err(InvalidRequest::Stars)), (1, Ok(())), (5, Ok(())), (6, Err(InvalidRequest::Stars))]
        {
            let request = Request { min_stars: Some(stars), ..Request::default() };
            assert_eq!(request.validate(), outcome, "{stars}");
        }
        for (names, values, chars, outcome) in [
            (16, 50, 512, Ok(())),
            (17, 1, 1, Err(InvalidRequest::Attributes)),
            (1, 51, 1, Err(InvalidRequest::Attributes)),
            (1, 1, 513, Err(InvalidRequest::Filter)),
        ] {
            let attributes = (0..names).map(|n| (format!("name\u{1} {n}"), vec!["v".repeat(chars); values])).collect();
            assert_eq!(Request { attributes, ..Request::default() }.validate(), outcome, "{names} {values} {chars}");
        }
        assert_eq!(ask(|r| drop(r.attributes.insert("n".repeat(513), Vec::new()))), Err(InvalidRequest::Filter));
    }
}
