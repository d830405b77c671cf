//! One walk over everything that matches: filters, counts for facets, and the best of it. Reads rows only, never stored
//! products.

mod best;
mod filter;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::{DocAddress, DocId, Score, SegmentOrdinal, SegmentReader};

use crate::answer::Facets;
use crate::facets::{self, Counts};
use crate::rank::Standing;
use crate::request::{Request, Sort};
use crate::rows::{Rows, Table};
use crate::schema;

use best::{Best, Entry};
use filter::Filter;
pub(crate) use filter::{BRAND, Fails, PRICE, RATING, STOCK, attribute};

/// A product that is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) address: DocAddress,
    /// Zero in listings, and wherever words do not decide the order.
    pub(crate) score: Score,
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
    table: Arc<Table>,
    request: Arc<Request>,
    category: Option<String>,
    order: Order,
    /// Nothing is asked but everything.
    is_front: bool,
    counting: bool,
}

/// What the order of hits is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Score,
    Standing,
    Cheapest,
    Dearest,
    Newest,
    Esteem,
    Sold,
}

impl Walk {
    pub(crate) fn new(table: Arc<Table>, request: &Request, is_listing: bool) -> Self {
        let category = request.category.as_deref().map(schema::category_path).filter(|path| !path.is_empty());
        let order = match request.sort {
            Sort::Relevance if is_listing => Order::Standing,
            Sort::Relevance => Order::Score,
            Sort::PriceAsc => Order::Cheapest,
            Sort::PriceDesc => Order::Dearest,
            Sort::Newest => Order::Newest,
            Sort::Rating => Order::Esteem,
            Sort::BestSelling => Order::Sold,
        };
        let is_front = is_listing && category.is_none() && request.is_open();
        let counting = request.with_facets && !(is_front && table.front.get().is_some());
        Self { table, request: Arc::new(request.clone()), category, order, is_front, counting }
    }

    fn facets(&self, fruits: &[SegmentFound], total: u64) -> Facets {
        if !self.request.with_facets {
            return Facets::default();
        }
        if let Some(facets) = self.table.front.get().filter(|_| self.is_front) {
            return facets.clone();
        }
        let counts: Vec<(&Rows, &Counts)> =
            fruits.iter().filter_map(|fruit| Some((&*fruit.rows, fruit.counts.as_ref()?))).collect();
        let facets = facets::assembled(&self.request, self.category.as_deref(), &counts, total);
        if self.is_front { self.table.front.get_or_init(|| facets).clone() } else { facets }
    }
}

impl Collector for Walk {
    type Fruit = Found;
    type Child = SegmentWalk;

    fn for_segment(&self, segment: SegmentOrdinal, _reader: &SegmentReader) -> tantivy::Result<SegmentWalk> {
        let rows = self
            .table
            .segments
            .get(segment as usize)
            .ok_or_else(|| tantivy::TantivyError::InternalError("a segment's rows were not read".to_owned()))?;
        let counts = self.counting.then(|| Counts::new(rows, self.request.attributes.len()));
        Ok(SegmentWalk {
            filter: Filter::new(rows, &self.request, self.category.as_deref()),
            order: self.order,
            start: self.table.start(segment as usize),
            best: Best::new(self.request.depth(), rows.count() as usize),
            found: SegmentFound { matched: 0, total: 0, rows: rows.clone(), counts, entries: Vec::new() },
            table: self.table.clone(),
        })
    }

    fn requires_scoring(&self) -> bool {
        self.order == Order::Score
    }

    fn merge_fruits(&self, mut fruits: Vec<SegmentFound>) -> tantivy::Result<Found> {
        let (matched, total) =
            fruits.iter().fold((0, 0), |(matched, total), fruit| (matched + fruit.matched, total + fruit.total));
        let entries = fruits.iter_mut().map(|fruit| std::mem::take(&mut fruit.entries)).collect();
        let per_page = self.request.per_page as usize;
        let page = best::window(entries, self.request.depth() - per_page, per_page);
        let candidate = |entry: Entry| Candidate {
            address: self.table.address(entry.place),
            score: if self.order == Order::Score { Score::from_bits((entry.key() >> 32) as u32) } else { 0.0 },
        };
        let page = page.into_iter().map(candidate).collect();
        Ok(Found { matched, total, page, facets: self.facets(&fruits, total) })
    }
}

/// Counts and candidates of one segment.
pub(crate) struct SegmentFound {
    matched: u64,
    total: u64,
    rows: Arc<Rows>,
    /// `None` when facets are not wanted.
    counts: Option<Counts>,
    entries: Vec<Entry>,
}

/// The walk over one segment.
pub(crate) struct SegmentWalk {
    filter: Filter,
    found: SegmentFound,
    best: Best,
    table: Arc<Table>,
    order: Order,
    /// Products in the segments before.
    start: u32,
}

impl SegmentCollector for SegmentWalk {
    type Fruit = SegmentFound;

    fn collect(&mut self, doc: DocId, score: Score) {
        self.found.matched += 1;
        let Some(fails) = self.filter.fails(&self.found.rows, doc) else { return };
        if let Some(counts) = &mut self.found.counts {
            counts.add(&self.found.rows, doc, fails);
        }
        if fails == 0 {
            self.found.total += 1;
            let key = self.key(doc, score);
            self.best.offer(Entry::new(key, self.start + doc));
        }
    }

    fn harvest(self) -> SegmentFound {
        SegmentFound { entries: self.best.into_entries(), ..self.found }
    }
}

impl SegmentWalk {
    /// Greater is earlier. Behind what is sorted by, units sold and the second of adding decide, as far as there is
    /// room; between what is still alike, the place in the index.
    #[inline]
    fn key(&self, doc: DocId, score: Score) -> u64 {
        let rows = &self.found.rows;
        let at_most = |value: u64, bits: u32| value.min((1 << bits) - 1);
        let created_s = || at_most(rows.created.get(doc) / 1_000, 32);
        // The bits of a positive float are in the order of the float.
        let real = |value: f32| u64::from(value.to_bits()) << 32;
        let price = |price: u64| {
            if self.table.price_max > u64::from(u32::MAX) { price } else { price << 32 | created_s() }
        };
        match self.order {
            Order::Score => real(self.table.ranking.blended(score, standing(rows, doc))) | created_s(),
            Order::Standing => real(self.table.ranking.listed(standing(rows, doc))) | created_s(),
            Order::Cheapest => price(self.table.price_max - rows.price.get(doc)),
            Order::Dearest => price(rows.price.get(doc)),
            Order::Newest => at_most(rows.created.get(doc), 42) << 22 | at_most(rows.sold.get(doc), 22),
            Order::Esteem => rows.esteem.get(doc) << 48 | at_most(rows.sold.get(doc), 16) << 32 | created_s(),
            Order::Sold => at_most(rows.sold.get(doc), 32) << 32 | created_s(),
        }
    }
}

#[inline]
fn standing(rows: &Rows, doc: DocId) -> Standing {
    Standing {
        sold: rows.sold.get(doc),
        esteem: rows.esteem.get(doc),
        is_available: rows.available.get(doc) > 0,
        created_ms: rows.created.get(doc),
    }
}
