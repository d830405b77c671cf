//! One walk over everything that matches: filters, counts for facets, and the best of it. Reads columns only, never
//! stored products.
//!
//! Brand and price are counted as if their own filter were not set, so that a shopper sees what else there is.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::{Column, StrColumn};
use tantivy::{DocAddress, DocId, Score, SegmentOrdinal, SegmentReader};

use crate::answer::{FacetCount, Facets, PriceFacet, PriceRange};
use crate::request::{Request, Sort};
use crate::schema::{self, PATH_SEPARATOR};

const BRANDS_SHOWN_MAX: usize = 30;
const PRICE_RANGES_MAX: usize = 6;
/// 1, 2, 5, 10, 20, 50 … up to 10¹⁸ minor units, and what is below the first.
const PRICE_STEPS: usize = 3 * 18 + 2;

/// What filtering, counting and sorting need of one segment. Opened once, kept as long as the reader.
pub(crate) struct Columns {
    price: Column<u64>,
    available: Column<u64>,
    created: Column<u64>,
    sold: Column<u64>,
    rating: Column<u64>,
    ratings: Column<u64>,
    brand: Named,
    category: Named,
    currency: Named,
}

/// A column of names, as ordinals, and the names in order.
struct Named {
    ordinals: Column<u64>,
    names: Vec<String>,
}

impl Columns {
    pub(crate) fn open(segment: &SegmentReader) -> tantivy::Result<Self> {
        let fast = segment.fast_fields();
        let number = |name: &str| -> tantivy::Result<Column<u64>> {
            Ok(fast.column_opt::<u64>(name)?.unwrap_or_else(|| Column::build_empty_column(segment.max_doc())))
        };
        let named = |name: &str| -> tantivy::Result<Named> {
            match fast.str(name)? {
                Some(column) => Named::open(column),
                None => Ok(Named { ordinals: Column::build_empty_column(segment.max_doc()), names: Vec::new() }),
            }
        };
        // Every column is asked for before the first failure counts: what is missing is then fetched at once.
        let (price, available, created) = (number(schema::PRICE), number(schema::AVAILABLE), number(schema::CREATED));
        let (sold, brand) = (number(schema::SOLD), named(schema::BRAND));
        let (rating, ratings) = (number(schema::RATING), number(schema::RATINGS));
        let (category, currency) = (named(schema::CATEGORY), named(schema::CURRENCY));
        Ok(Self {
            price: price?,
            available: available?,
            created: created?,
            sold: sold?,
            rating: rating?,
            ratings: ratings?,
            brand: brand?,
            category: category?,
            currency: currency?,
        })
    }

    fn first(column: &Column<u64>, doc: DocId) -> u64 {
        column.first(doc).unwrap_or(0)
    }
}

impl Named {
    fn open(column: StrColumn) -> tantivy::Result<Self> {
        let (dictionary, ordinals) = column.into_parts();
        let mut names = Vec::with_capacity(dictionary.num_terms());
        let mut stream = dictionary.stream()?;
        while stream.advance() {
            names.push(String::from_utf8_lossy(stream.key()).into_owned());
        }
        Ok(Self { ordinals, names })
    }

    fn ordinal(&self, name: &str) -> Option<u64> {
        self.names.binary_search_by(|known| known.as_str().cmp(name)).ok().map(|ordinal| ordinal as u64)
    }

    /// The ordinals of a path and of everything below it.
    fn below(&self, path: &str) -> Range<u64> {
        let inside = |known: &str| {
            known.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(PATH_SEPARATOR))
        };
        let start = self.names.partition_point(|known| known.as_str() < path);
        let length = self.names[start..].iter().take_while(|known| inside(known)).count();
        start as u64..(start + length) as u64
    }
}

/// A product's place in the order of hits: greater is earlier.
pub(crate) type Rank = (u64, u64);

/// A product that may be shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) rank: Rank,
    pub(crate) address: DocAddress,
    pub(crate) score: Score,
}

impl Candidate {
    /// Products of the same rank keep the order of the index, so that pages never overlap.
    fn order(&self) -> (Reverse<Rank>, DocAddress) {
        (Reverse(self.rank), self.address)
    }
}

/// What a walk found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Products that match the words, whatever the filters say.
    pub(crate) matched: u64,
    /// Products that match words and filters.
    pub(crate) total: u64,
    /// The products of the page that was asked for, in order.
    pub(crate) page: Vec<Candidate>,
    pub(crate) facets: Facets,
}

/// Walks and counts for one request.
pub(crate) struct Walk {
    columns: Arc<Vec<Columns>>,
    request: Request,
    category: Option<String>,
    is_listing: bool,
}

impl Walk {
    pub(crate) fn new(columns: Arc<Vec<Columns>>, request: &Request, is_listing: bool) -> Self {
        let category = request.category.as_deref().map(schema::category_path).filter(|path| !path.is_empty());
        Self { columns, request: request.clone(), category, is_listing }
    }

    fn filter(&self, columns: &Columns) -> Filter {
        let request = &self.request;
        let mut brands: Vec<u64> = request.brands.iter().filter_map(|brand| columns.brand.ordinal(brand)).collect();
        brands.sort_unstable();
        let minor = |bound: Option<i64>| bound.and_then(|bound| u64::try_from(bound).ok());
        Filter {
            category: self.category.as_deref().map(|path| columns.category.below(path)),
            brands: (!request.brands.is_empty()).then_some(brands),
            prices: minor(request.min_price_minor).unwrap_or(0)..=minor(request.max_price_minor).unwrap_or(u64::MAX),
            currency: request.currency.as_deref().map(|code| columns.currency.ordinal(code)),
            available_only: request.available_only,
        }
    }

    fn category_counts(&self, fruits: &[SegmentFound]) -> Vec<FacetCount> {
        let mut counts: HashMap<&str, u64> = HashMap::new();
        for (columns, fruit) in self.columns.iter().zip(fruits) {
            for (path, count) in columns.category.names.iter().zip(&fruit.categories).filter(|(_, count)| **count > 0) {
                if let Some(child) = child_of(self.category.as_deref(), path) {
                    *counts.entry(child).or_default() += u64::from(*count);
                }
            }
        }
        most_first(counts, usize::MAX, |path| path.replace(PATH_SEPARATOR, "/"))
    }

    fn brand_counts(&self, fruits: &[SegmentFound]) -> Vec<FacetCount> {
        let mut counts: HashMap<&str, u64> = HashMap::new();
        for (columns, fruit) in self.columns.iter().zip(fruits) {
            for (name, count) in columns.brand.names.iter().zip(&fruit.brands).filter(|(_, count)| **count > 0) {
                *counts.entry(name).or_default() += u64::from(*count);
            }
        }
        most_first(counts, BRANDS_SHOWN_MAX, str::to_owned)
    }
}

/// The path one level below `parent` on the way to `path`.
fn child_of<'a>(parent: Option<&str>, path: &'a str) -> Option<&'a str> {
    let from = match parent {
        None => 0,
        Some(parent) => path.strip_prefix(parent)?.strip_prefix(PATH_SEPARATOR).map(|rest| path.len() - rest.len())?,
    };
    let end = path[from..].find(PATH_SEPARATOR).map_or(path.len(), |end| from + end);
    Some(&path[..end])
}

fn most_first(counts: HashMap<&str, u64>, shown_max: usize, show: impl Fn(&str) -> String) -> Vec<FacetCount> {
    let mut counts: Vec<(&str, u64)> = counts.into_iter().collect();
    counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    counts.truncate(shown_max);
    counts.into_iter().map(|(value, count)| FacetCount { value: show(value), count }).collect()
}

impl Collector for Walk {
    type Fruit = Found;
    type Child = SegmentWalk;

    fn for_segment(&self, segment: SegmentOrdinal, _reader: &SegmentReader) -> tantivy::Result<SegmentWalk> {
        let columns = self
            .columns
            .get(segment as usize)
            .ok_or_else(|| tantivy::TantivyError::InternalError("a segment's columns were not opened".to_owned()))?;
        Ok(SegmentWalk {
            filter: self.filter(columns),
            found: SegmentFound {
                categories: vec![0; columns.category.names.len()],
                brands: vec![0; columns.brand.names.len()],
                ..SegmentFound::default()
            },
            columns: self.columns.clone(),
            segment,
            sort: self.request.sort,
            is_listing: self.is_listing,
            kept_max: self.request.depth(),
        })
    }

    fn requires_scoring(&self) -> bool {
        self.request.sort == Sort::Relevance && !self.is_listing
    }

    fn merge_fruits(&self, fruits: Vec<SegmentFound>) -> tantivy::Result<Found> {
        let facets = Facets {
            category: self.category_counts(&fruits),
            brand: self.brand_counts(&fruits),
            price: price_facet(fruits.iter().map(|fruit| &fruit.prices)),
            ..Facets::default()
        };
        let (matched, total) =
            fruits.iter().fold((0, 0), |(matched, total), fruit| (matched + fruit.matched, total + fruit.total));
        let mut best: Vec<Candidate> = fruits.into_iter().flat_map(|fruit| fruit.best).collect();
        best.sort_unstable_by_key(Candidate::order);
        let per_page = self.request.per_page as usize;
        let page = best.into_iter().skip(self.request.depth() - per_page).take(per_page).collect();
        Ok(Found { matched, total, page, facets })
    }
}

struct Filter {
    category: Option<Range<u64>>,
    brands: Option<Vec<u64>>,
    prices: std::ops::RangeInclusive<u64>,
    currency: Option<Option<u64>>,
    available_only: bool,
}

/// Counts and candidates of one segment.
#[derive(Default)]
pub(crate) struct SegmentFound {
    matched: u64,
    total: u64,
    best: Vec<Candidate>,
    categories: Vec<u32>,
    brands: Vec<u32>,
    prices: Prices,
}

/// The walk over one segment.
pub(crate) struct SegmentWalk {
    filter: Filter,
    found: SegmentFound,
    columns: Arc<Vec<Columns>>,
    segment: SegmentOrdinal,
    sort: Sort,
    is_listing: bool,
    kept_max: usize,
}

impl SegmentCollector for SegmentWalk {
    type Fruit = SegmentFound;

    fn collect(&mut self, doc: DocId, score: Score) {
        self.found.matched += 1;
        let columns = &self.columns[self.segment as usize];
        let filter = &self.filter;
        let category = columns.category.ordinals.first(doc);
        if filter.category.as_ref().is_some_and(|wanted| !category.is_some_and(|at| wanted.contains(&at))) {
            return;
        }
        if filter.available_only && Columns::first(&columns.available, doc) == 0 {
            return;
        }
        if filter.currency.is_some_and(|wanted| wanted.is_none() || columns.currency.ordinals.first(doc) != wanted) {
            return;
        }
        let brand = columns.brand.ordinals.first(doc);
        let price = Columns::first(&columns.price, doc);
        let brand_fits =
            filter.brands.as_ref().is_none_or(|wanted| brand.is_some_and(|at| wanted.binary_search(&at).is_ok()));
        let price_fits = filter.prices.contains(&price);
        if price_fits && let Some(count) = brand.and_then(|brand| self.found.brands.get_mut(brand as usize)) {
            *count += 1;
        }
        if brand_fits {
            self.found.prices.add(price);
        }
        if !(brand_fits && price_fits) {
            return;
        }
        self.found.total += 1;
        if let Some(count) = category.and_then(|category| self.found.categories.get_mut(category as usize)) {
            *count += 1;
        }
        let rank = self.rank(doc, score, price);
        self.keep(Candidate { rank, address: DocAddress::new(self.segment, doc), score });
    }

    fn harvest(mut self) -> SegmentFound {
        self.cut();
        self.found
    }
}

impl SegmentWalk {
    fn rank(&self, doc: DocId, score: Score, price: u64) -> Rank {
        let columns = &self.columns[self.segment as usize];
        match self.sort {
            Sort::Relevance if self.is_listing => {
                (Columns::first(&columns.sold, doc), Columns::first(&columns.created, doc))
            }
            // The bits of a positive float are in the order of the float.
            Sort::Relevance => (u64::from(score.max(0.0).to_bits()), Columns::first(&columns.sold, doc)),
            Sort::PriceAsc => (u64::MAX - price, Columns::first(&columns.sold, doc)),
            Sort::PriceDesc => (price, Columns::first(&columns.sold, doc)),
            Sort::Newest => (Columns::first(&columns.created, doc), Columns::first(&columns.sold, doc)),
            Sort::Rating => (Columns::first(&columns.rating, doc), Columns::first(&columns.ratings, doc)),
            Sort::BestSelling => (Columns::first(&columns.sold, doc), Columns::first(&columns.created, doc)),
        }
    }

    /// Keeps at most twice what is wanted, and cuts back to the best whenever that is full.
    fn keep(&mut self, candidate: Candidate) {
        if self.found.best.len() >= self.kept_max.saturating_mul(2).max(64) {
            self.cut();
        }
        self.found.best.push(candidate);
    }

    fn cut(&mut self) {
        let best = &mut self.found.best;
        if best.len() > self.kept_max {
            best.select_nth_unstable_by_key(self.kept_max, Candidate::order);
            best.truncate(self.kept_max);
        }
    }
}

/// How many products cost how much, in steps of 1, 2, 5, 10 …
struct Prices {
    counts: [u64; PRICE_STEPS],
    min: u64,
    max: u64,
}

impl Default for Prices {
    fn default() -> Self {
        Self { counts: [0; PRICE_STEPS], min: u64::MAX, max: 0 }
    }
}

impl Prices {
    fn add(&mut self, price: u64) {
        self.min = self.min.min(price);
        self.max = self.max.max(price);
        self.counts[step_of(price)] += 1;
    }
}

/// Which step a price falls into: 0 for nothing, then `[1,2)`, `[2,5)`, `[5,10)`, `[10,20)` …
fn step_of(price: u64) -> usize {
    let Some(decade) = price.checked_ilog10() else { return 0 };
    let lead = price / 10_u64.pow(decade);
    let within = match lead {
        ..2 => 0,
        2..5 => 1,
        _ => 2,
    };
    (1 + decade as usize * 3 + within).min(PRICE_STEPS - 1)
}

fn step_start(step: usize) -> u64 {
    let Some(index) = step.checked_sub(1) else { return 0 };
    [1, 2, 5][index % 3] * 10_u64.saturating_pow((index / 3) as u32)
}

fn price_facet<'a>(segments: impl Iterator<Item = &'a Prices>) -> Option<PriceFacet> {
    let mut all = Prices::default();
    for prices in segments {
        all.min = all.min.min(prices.min);
        all.max = all.max.max(prices.max);
        all.counts.iter_mut().zip(&prices.counts).for_each(|(sum, count)| *sum += count);
    }
    if all.min > all.max {
        return None;
    }
    let minor = |price: u64| i64::try_from(price).unwrap_or(i64::MAX);
    let mut ranges: Vec<PriceRange> = Vec::new();
    for (step, count) in all.counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
        let to_minor = minor(step_start(step + 1).saturating_sub(1));
        ranges.push(PriceRange { from_minor: minor(step_start(step)), to_minor, count });
    }
    while ranges.len() > PRICE_RANGES_MAX {
        let pair_size = |at: &usize| ranges[*at].count + ranges[at + 1].count;
        let Some(at) = (0..ranges.len() - 1).min_by_key(pair_size) else { break };
        let next = ranges.remove(at + 1);
        ranges[at].to_minor = next.to_minor;
        ranges[at].count += next.count;
    }
    Some(PriceFacet { min_minor: minor(all.min), max_minor: minor(all.max), ranges })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn price_steps_begin_where_the_step_before_ends() {
        for price in (0..2_000).chain([4_999, 5_000, 99_999, 100_000, u64::from(u32::MAX), u64::MAX / 100]) {
            let step = step_of(price);
            assert!(step_start(step) <= price && price < step_start(step + 1), "{price}");
        }
        assert!(step_of(u64::MAX) < PRICE_STEPS);
    }

    #[test]
    fn price_ranges_hold_every_product_once() {
        let mut prices = Prices::default();
        for price in 0..100_000 {
            prices.add(price);
        }
        let facet = price_facet([&prices].into_iter()).unwrap();
        assert!(facet.ranges.len() <= PRICE_RANGES_MAX);
        assert_eq!(facet.ranges.iter().map(|range| range.count).sum::<u64>(), 100_000);
        assert!(facet.ranges.windows(2).all(|pair| pair[0].to_minor < pair[1].from_minor));
        assert_eq!((facet.min_minor, facet.max_minor), (0, 99_999));
    }

    #[test]
    fn the_children_of_a_category_are_one_level_below_it() {
        assert_eq!(child_of(None, "a\u{1}b\u{1}c"), Some("a"));
        assert_eq!(child_of(Some("a"), "a\u{1}b\u{1}c"), Some("a\u{1}b"));
        assert_eq!(child_of(Some("a\u{1}b"), "a\u{1}b\u{1}c"), Some("a\u{1}b\u{1}c"));
        assert_eq!(child_of(Some("a"), "a"), None);
        assert_eq!(child_of(Some("a"), "ab\u{1}c"), None);
    }
}
