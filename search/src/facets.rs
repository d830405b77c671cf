//! Counts for filters, segment by segment, and the facets made of them. It never decides what matches.
//!
//! Each facet counts as if its own filter were open and all others were set: a product that passes all filters counts
//! everywhere, one that fails a single filter counts in that filter's facet alone, and all of that is known after one
//! look at it. Attributes are many, and mostly not shown: the walk only marks the products, and their values are counted
//! once it is clear that they are wanted.

use std::collections::BTreeMap;

use tantivy::DocId;

use crate::answer::{AttributeFacet, FacetCount, Facets, RatingCount};
use crate::collect::{BRAND, Fails, PRICE, RATING, STOCK, attribute};
use crate::facet_choice::entropy;
use crate::packed::Names;
use crate::prices::{Prices, price_facet};
use crate::request::Request;
use crate::rows::Rows;
use crate::schema::{self, NAME_END, PATH_SEPARATOR};

const BRANDS_SHOWN_MAX: usize = 30;
const ATTRIBUTES_SHOWN_MAX: usize = 8;
const VALUES_SHOWN_MAX: usize = 12;
/// Of what matches, at least this share is in a category that dominates.
const DOMINANT_SHARE: f64 = 0.6;
/// Of what matches, at least this share has an attribute that is shown.
const COVERAGE_MIN: f64 = 0.25;

/// What one segment counts.
pub(crate) struct Counts {
    /// By ordinal plus 1, as rows have them; at 0 are products without.
    categories: Vec<u32>,
    brands: Vec<u32>,
    prices: Prices,
    /// By whole stars.
    stars: [u64; 6],
    in_stock: u64,
    passing: Marks,
    /// Products that fail nothing but one attribute's filter, for each such filter.
    failing: Vec<Marks>,
}

/// Products of a segment, a bit each.
struct Marks {
    words: Vec<u64>,
    count: u64,
}

impl Marks {
    fn new(products: u32) -> Self {
        Self { words: vec![0; products.div_ceil(u64::BITS) as usize], count: 0 }
    }

    #[inline]
    fn mark(&mut self, doc: DocId) {
        if let Some(word) = self.words.get_mut((doc / u64::BITS) as usize) {
            *word |= 1 << (doc % u64::BITS);
            self.count += 1;
        }
    }

    fn for_each(&self, mut visit: impl FnMut(DocId)) {
        for (start, word) in (0..).step_by(u64::BITS as usize).zip(&self.words) {
            let mut left = *word;
            while left != 0 {
                visit(start + left.trailing_zeros());
                left &= left - 1;
            }
        }
    }
}

impl Counts {
    /// For a request that filters by so many attributes.
    pub(crate) fn new(rows: &Rows, attributes: usize) -> Self {
        Self {
            categories: vec![0; rows.categories.len() + 1],
            brands: vec![0; rows.brands.len() + 1],
            prices: Prices::default(),
            stars: [0; 6],
            in_stock: 0,
            passing: Marks::new(rows.count()),
            failing: (0..attributes).map(|_| Marks::new(rows.count())).collect(),
        }
    }

    /// Counts a product by the filters that it fails.
    #[inline]
    pub(crate) fn add(&mut self, rows: &Rows, doc: DocId, fails: Fails) {
        if fails == 0 {
            count_one(&mut self.categories, rows.category.get(doc));
            count_one(&mut self.brands, rows.brand.get(doc));
            self.prices.add(rows.price.get(doc));
            self.add_stars(rows, doc);
            self.in_stock += rows.available.get(doc);
            self.passing.mark(doc);
        } else if fails.is_power_of_two() {
            self.add_elsewhere(rows, doc, fails);
        }
    }

    fn add_elsewhere(&mut self, rows: &Rows, doc: DocId, fails: Fails) {
        match fails {
            BRAND => count_one(&mut self.brands, rows.brand.get(doc)),
            PRICE => self.prices.add(rows.price.get(doc)),
            RATING => self.add_stars(rows, doc),
            // What fails this filter cannot be bought, and that is not counted.
            STOCK => {}
            _ => {
                let index = (fails.trailing_zeros() - attribute(0).trailing_zeros()) as usize;
                if let Some(marks) = self.failing.get_mut(index) {
                    marks.mark(doc);
                }
            }
        }
    }

    #[inline]
    fn add_stars(&mut self, rows: &Rows, doc: DocId) {
        if let Some(count) = self.stars.get_mut(rows.stars.get(doc) as usize) {
            *count += 1;
        }
    }
}

#[inline]
fn count_one(counts: &mut [u32], at: u64) {
    if let Some(count) = counts.get_mut(at as usize) {
        *count += 1;
    }
}

/// The facets of an answer. `category` is the chosen one's path as the index has it.
pub(crate) fn assembled(
    request: &Request,
    category: Option<&str>,
    segments: &[(&Rows, &Counts)],
    total: u64,
) -> Facets {
    let categories = children(category, segments);
    let largest = categories.first().map_or(0, |facet| facet.count);
    let is_dominated = total > 0 && largest as f64 >= total as f64 * DOMINANT_SHARE;
    let wants_attributes = category.is_some() || is_dominated || !request.attributes.is_empty();
    Facets {
        category: categories,
        brand: brands(request, segments),
        price: price_facet(segments.iter().map(|(_, counts)| &counts.prices)),
        rating: ratings(segments),
        in_stock: segments.iter().map(|(_, counts)| counts.in_stock).sum(),
        attributes: if wants_attributes { attributes(request, segments, total) } else { Vec::new() },
    }
}

/// Names that were counted, with all segments' counts, in the order of names.
fn merged<'a>(segments: impl Iterator<Item = (&'a Names, &'a [u32])>) -> Vec<(&'a str, u64)> {
    let mut all: Vec<(&str, u64)> = Vec::new();
    let mut is_sorted = true;
    for (names, counts) in segments {
        let counted = counts.iter().enumerate().filter(|(_, count)| **count > 0);
        is_sorted &= all.is_empty();
        all.extend(counted.map(|(ordinal, count)| (names.get(ordinal), u64::from(*count))));
    }
    if !is_sorted {
        all.sort_unstable_by(|a, b| a.0.cmp(b.0));
    }
    joined(all)
}

/// Neighbours of the same name become one.
fn joined(mut all: Vec<(&str, u64)>) -> Vec<(&str, u64)> {
    all.dedup_by(|next, kept| {
        let is_same = next.0 == kept.0;
        if is_same {
            kept.1 += next.1;
        }
        is_same
    });
    all
}

/// Without the first count, which is of products that have none.
fn named(counts: &[u32]) -> &[u32] {
    counts.get(1..).unwrap_or_default()
}

fn most_first(counts: &mut Vec<(&str, u64)>, shown_max: usize) {
    let order = |a: &(&str, u64), b: &(&str, u64)| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0));
    if counts.len() > shown_max {
        counts.select_nth_unstable_by(shown_max, order);
        counts.truncate(shown_max);
    }
    counts.sort_unstable_by(order);
}

fn shown(counts: Vec<(&str, u64)>) -> Vec<FacetCount> {
    counts.into_iter().map(|(value, count)| FacetCount { value: value.to_owned(), count }).collect()
}

fn children(category: Option<&str>, segments: &[(&Rows, &Counts)]) -> Vec<FacetCount> {
    let counts = merged(segments.iter().map(|(rows, counts)| (&rows.categories, named(&counts.categories))));
    // In the order of paths, all that is below a child follows it.
    let children = counts.into_iter().filter_map(|(path, count)| Some((child_of(category, path)?, count)));
    let mut children = joined(children.collect());
    most_first(&mut children, usize::MAX);
    let spelt = |(path, count): (&str, u64)| FacetCount { value: path.replace(PATH_SEPARATOR, "/"), count };
    children.into_iter().map(spelt).collect()
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

fn brands(request: &Request, segments: &[(&Rows, &Counts)]) -> Vec<FacetCount> {
    let all = merged(segments.iter().map(|(rows, counts)| (&rows.brands, named(&counts.brands))));
    shown(commonest(all, request.brands.iter().map(String::as_str), BRANDS_SHOWN_MAX))
}

/// The commonest, and those that were filtered by, however few.
fn commonest<'a>(
    all: Vec<(&'a str, u64)>,
    chosen: impl Iterator<Item = &'a str>,
    shown_max: usize,
) -> Vec<(&'a str, u64)> {
    let count = |name: &str| all.binary_search_by(|(known, _)| (*known).cmp(name)).map_or(0, |at| all[at].1);
    let mut kept: Vec<(&str, u64)> = chosen.map(|name| (name, count(name))).collect();
    let mut rest = all;
    most_first(&mut rest, shown_max);
    kept.retain(|(name, _)| !rest.iter().any(|(known, _)| known == name));
    kept.extend(rest);
    most_first(&mut kept, usize::MAX);
    kept.dedup();
    kept
}

fn ratings(segments: &[(&Rows, &Counts)]) -> Vec<RatingCount> {
    let at_least = |stars: u8| {
        let counts = segments.iter().map(|(_, counts)| counts.stars.iter().skip(usize::from(stars)).sum::<u64>());
        counts.sum()
    };
    if at_least(1) == 0 {
        return Vec::new();
    }
    (1..=4).rev().map(|min_stars| RatingCount { min_stars, count: at_least(min_stars) }).collect()
}

/// The values of one attribute that were counted.
struct Telling<'a> {
    name: &'a str,
    values: Vec<(&'a str, u64)>,
    /// Values that were filtered by.
    chosen: Vec<String>,
    worth: f64,
}

fn attributes(request: &Request, segments: &[(&Rows, &Counts)], total: u64) -> Vec<AttributeFacet> {
    let filters: Vec<(String, Vec<String>)> = request
        .attributes
        .iter()
        .map(|(name, values)| (schema::plain(name), values.iter().map(|value| schema::plain(value)).collect()))
        .collect();
    let counts: Vec<(&Rows, Vec<u32>)> =
        segments.iter().map(|(rows, counts)| (*rows, value_counts(rows, counts, &filters))).collect();
    let mut groups: BTreeMap<&str, Vec<(&str, u64)>> = BTreeMap::new();
    for (term, count) in merged(counts.iter().map(|(rows, counts)| (&rows.attributes, counts.as_slice()))) {
        if let Some((name, value)) = term.split_once(NAME_END) {
            groups.entry(name).or_default().push((value, count));
        }
    }
    for (name, _) in &filters {
        groups.entry(name).or_default();
    }
    let tellings = groups.into_iter().filter_map(|(name, values)| {
        let filter = filters.iter().position(|(filtered, _)| filtered == name);
        let chosen = filter.map_or_else(Vec::new, |at| filters[at].1.clone());
        // With its own filter open, an attribute is seen on more products.
        let reopened = filter.map_or(0, |at| segments.iter().map(|(_, counts)| counts.failing[at].count).sum());
        let products = (total + reopened).max(1) as f64;
        let coverage = values.iter().map(|(_, count)| count).sum::<u64>() as f64 / products;
        let worth = coverage.min(1.0) * entropy(values.iter().map(|(_, count)| *count));
        let is_telling = values.len() > 1 && coverage >= COVERAGE_MIN;
        (is_telling || filter.is_some()).then_some(Telling { name, values, chosen, worth })
    });
    let mut tellings: Vec<Telling<'_>> = tellings.collect();
    tellings.sort_by(|a, b| b.worth.total_cmp(&a.worth).then_with(|| a.name.cmp(b.name)));
    let is_shown = |(at, telling): &(usize, Telling<'_>)| {
        *at < ATTRIBUTES_SHOWN_MAX || filters.iter().any(|(name, _)| name == telling.name)
    };
    tellings.into_iter().enumerate().filter(is_shown).map(|(_, telling)| telling.facet()).collect()
}

impl Telling<'_> {
    fn facet(&self) -> AttributeFacet {
        let mut values = commonest(self.values.clone(), self.chosen.iter().map(String::as_str), VALUES_SHOWN_MAX);
        if values.iter().all(|(value, _)| leading_number(value).is_some()) {
            values.sort_by(|a, b| {
                leading_number(a.0).partial_cmp(&leading_number(b.0)).unwrap_or(std::cmp::Ordering::Equal)
            });
        }
        AttributeFacet { name: self.name.to_owned(), values: shown(values) }
    }
}

/// The number that a value begins with: `4` of `4 GB`.
fn leading_number(value: &str) -> Option<f64> {
    let end = value.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-')).unwrap_or(value.len());
    value[..end].trim_end_matches(['-', '.']).parse().ok()
}

/// How many products have each value, with the value's own filter open.
fn value_counts(rows: &Rows, counts: &Counts, filters: &[(String, Vec<String>)]) -> Vec<u32> {
    let mut values = vec![0_u32; rows.attributes.len()];
    if values.is_empty() {
        return values;
    }
    counts.passing.for_each(|doc| {
        for value in rows.values_of(doc) {
            count_one(&mut values, value as u64);
        }
    });
    for ((name, _), marks) in filters.iter().zip(&counts.failing) {
        let first = schema::attribute_term(name, "");
        let start = rows.attributes.partition_point(|term| term < first.as_str());
        let end = rows.attributes.partition_point(|term| term < first.as_str() || term.starts_with(&first));
        marks.for_each(|doc| {
            for value in rows.values_of(doc).filter(|value| (start..end).contains(value)) {
                count_one(&mut values, value as u64);
            }
        });
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_children_of_a_category_are_one_level_below_it() {
        assert_eq!(child_of(None, "a\u{1}b\u{1}c"), Some("a"));
        assert_eq!(child_of(Some("a"), "a\u{1}b\u{1}c"), Some("a\u{1}b"));
        assert_eq!(child_of(Some("a\u{1}b"), "a\u{1}b\u{1}c"), Some("a\u{1}b\u{1}c"));
        assert_eq!(child_of(Some("a"), "a"), None);
        assert_eq!(child_of(Some("a"), "ab\u{1}c"), None);
    }

    #[test]
    fn values_with_their_numbers_are_put_in_the_order_of_numbers() {
        let facet = |values: &[&'static str]| {
            let values = values.iter().map(|value| (*value, 1)).collect();
            let telling = Telling { name: "Memory", values, chosen: vec!["1 GB".to_owned()], worth: 1.0 };
            telling.facet().values.into_iter().map(|value| value.value).collect::<Vec<_>>()
        };
        assert_eq!(facet(&["16 GB", "2.5 GB", "8 GB"]), ["1 GB", "2.5 GB", "8 GB", "16 GB"]);
        assert_eq!(facet(&["0 - 35", "-20 - 60"]), ["-20 - 60", "0 - 35", "1 GB"]);
        assert_eq!(facet(&["16 GB", "8 GB", "big"]), ["16 GB", "8 GB", "big", "1 GB"]);
        assert_eq!((leading_number("GB 4"), leading_number("1.2.3"), leading_number("4K")), (None, None, Some(4.0)));
    }
}
