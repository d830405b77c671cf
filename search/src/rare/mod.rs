//! Terms with digits that few products have: model numbers, SKUs, EANs. Every product brings some of its own, so in a large
//! catalogue they would be most of the dictionaries, which are in memory whole. An artefact has them in a file beside its
//! segment instead, sorted, of which a search reads one or two pages. What is added to an artefact later is small, and has
//! them in its dictionaries like all other terms.
//!
//! A key is the term, a zero byte, the document's number and in which [`Places`] of it the term is: the products of a rare
//! term come with the term, in the same read.

mod query;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::ops::BitOr;
use std::sync::Arc;

use tantivy::columnar::Dictionary;
use tantivy::directory::FileSlice;
use tantivy::index::SegmentId;
use tantivy::schema::Field;
use tantivy::{DocId, Term};

pub(crate) use query::RareQuery;

/// The file's extension; its stem is the segment's id.
pub(crate) const EXTENSION: &str = "rare";
/// Terms of more products are in the dictionaries.
const PRODUCTS_MAX: u8 = 8;
/// Shorter terms cannot be many.
const BYTES_MIN: usize = 4;
/// What is read at once to find a term.
const BLOCK_BYTES: usize = 4 * 1024;
/// Behind the term's zero byte: the document, and the places.
const POSTING_BYTES: usize = 5;
/// Entries of the file looked at for one beginning of a term.
const BEGINNING_SEEN_MAX: u64 = 400;

/// Where in a product a term is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Places(u8);

impl Places {
    /// Anywhere, codes excepted.
    pub(crate) const ALL: Self = Self(1);
    pub(crate) const TITLE: Self = Self(2);
    pub(crate) const TEXT: Self = Self(4);
    /// It is a SKU, an EAN or a part number.
    pub(crate) const CODE: Self = Self(8);

    fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Places {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A product that has a term, and where.
type Posting = (DocId, Places);

/// What begins alike.
#[derive(Debug, Default)]
pub(crate) struct Beginnings {
    /// Terms of texts.
    pub(crate) terms: Vec<String>,
    pub(crate) codes: Vec<String>,
}

/// Counts the products of each term that could be rare.
#[derive(Debug, Default)]
pub(crate) struct Census {
    /// By hash: the last product that had it, and how many had it.
    products: HashMap<u64, (DocId, u8)>,
}

impl Census {
    pub(crate) fn see(&mut self, term: &str, product: DocId) {
        if !may_be_rare(term) {
            return;
        }
        let (last, count) = self.products.entry(hash(term)).or_insert((product, 1));
        if *last != product {
            (*last, *count) = (product, count.saturating_add(1));
        }
    }

    pub(crate) fn finish(self) -> RareSet {
        let rare = self.products.into_iter().filter(|(_, (_, count))| *count <= PRODUCTS_MAX);
        RareSet(rare.map(|(hash, _)| hash).collect())
    }
}

/// Which terms are rare. Two terms that hash alike count as one: then both may be found common, which costs memory only.
#[derive(Debug, Default)]
pub(crate) struct RareSet(HashSet<u64>);

impl RareSet {
    pub(crate) fn has(&self, term: &str) -> bool {
        !self.0.is_empty() && may_be_rare(term) && self.0.contains(&hash(term))
    }
}

/// Whether the term is of the kind that products have of their own.
fn may_be_rare(term: &str) -> bool {
    term.len() >= BYTES_MIN && has_digit(term)
}

/// Whether a text may hold rare terms.
pub(crate) fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

fn hash(term: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    term.hash(&mut hasher);
    hasher.finish()
}

/// Takes rare terms as they are met, and gives the file.
#[derive(Debug, Default)]
pub(crate) struct RareWriter {
    postings: HashMap<(String, DocId), Places>,
}

impl RareWriter {
    pub(crate) fn add(&mut self, term: String, doc: DocId, places: Places) {
        let known = self.postings.entry((term, doc)).or_default();
        *known = *known | places;
    }

    /// `None` when there was none.
    pub(crate) fn finish(self) -> io::Result<Option<Vec<u8>>> {
        if self.postings.is_empty() {
            return Ok(None);
        }
        let keys = self.postings.into_iter().map(|((term, doc), places)| {
            let mut key = term.into_bytes();
            key.push(0);
            key.extend(doc.to_be_bytes());
            key.push(places.0);
            key
        });
        let mut keys: Vec<Vec<u8>> = keys.collect();
        keys.sort_unstable();
        let mut writer = <Dictionary>::builder(Vec::new())?;
        writer.set_block_len(BLOCK_BYTES);
        for key in keys {
            writer.insert(key, &())?;
        }
        writer.finish().map(Some)
    }
}

/// The file of one segment, open.
pub(crate) struct RareFile {
    segment: SegmentId,
    terms: Dictionary,
}

impl std::fmt::Debug for RareFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RareFile").field("segment", &self.segment).finish_non_exhaustive()
    }
}

impl RareFile {
    /// Reads the file's own index, and nothing else of it.
    pub(crate) fn open(segment: SegmentId, file: FileSlice) -> io::Result<Self> {
        Ok(Self { segment, terms: Dictionary::open(file)? })
    }

    fn find(&self, term: &str) -> io::Result<Vec<Posting>> {
        let bound = |end: u8| [term.as_bytes(), &[end]].concat();
        let mut keys = self.terms.range().ge(bound(0)).lt(bound(1)).into_stream()?;
        let mut found = Vec::new();
        while keys.advance() {
            if let Some((_, posting)) = split(keys.key()) {
                found.push(posting);
            }
        }
        Ok(found)
    }

    /// Terms that begin so, in order, each with all its products, until so many stand in a text and so many are codes. A term that is
    /// not looked at to its end is left out.
    fn beginning_with(
        &self,
        beginning: &str,
        texts_max: usize,
        codes_max: usize,
    ) -> io::Result<Vec<(String, Vec<Posting>)>> {
        let end = [beginning.as_bytes(), &[u8::MAX]].concat();
        let mut keys = self.terms.range().ge(beginning).lt(end).limit(BEGINNING_SEEN_MAX).into_stream()?;
        let mut found = Vec::<(String, Vec<Posting>)>::new();
        let (mut texts, mut codes) = (0, 0);
        for _ in 0..BEGINNING_SEEN_MAX {
            if !keys.advance() {
                return Ok(found);
            }
            let Some((term, posting)) = split(keys.key()) else { continue };
            if found.last().is_none_or(|(last, _)| last != term) {
                if texts >= texts_max && codes >= codes_max {
                    return Ok(found);
                }
                found.push((term.to_owned(), Vec::new()));
            }
            if let Some((_, postings)) = found.last_mut() {
                let is_first = |places| posting.1.has(places) && !postings.iter().any(|(_, of)| of.has(places));
                texts += usize::from(is_first(Places::ALL));
                codes += usize::from(is_first(Places::CODE));
                postings.push(posting);
            }
        }
        // More may follow, also of the last one.
        found.pop();
        Ok(found)
    }
}

fn split(key: &[u8]) -> Option<(&str, Posting)> {
    let (rest, [a, b, c, d, places]) = key.split_last_chunk::<POSTING_BYTES>()?;
    let term = std::str::from_utf8(rest.strip_suffix(&[0])?).ok()?;
    Some((term, (DocId::from_be_bytes([*a, *b, *c, *d]), Places(*places))))
}

/// What one plan looks up. When a page is not at hand, it is noted as missing, and the plan is made again once it is there. Until then
/// a term counts as one that a product has: so everything else that the final plan will read is asked for in the same round.
#[derive(Debug, Default)]
pub(crate) struct RareTerms {
    file: Option<Arc<RareFile>>,
    found: RefCell<HashMap<String, Arc<[Posting]>>>,
    is_guessing: Cell<bool>,
}

impl RareTerms {
    pub(crate) fn of(file: Option<Arc<RareFile>>) -> Self {
        Self { file, ..Self::default() }
    }

    /// Products that have the term in one of these places.
    pub(crate) fn frequency(&self, term: &str, places: Places) -> io::Result<u64> {
        let found = self.find(term)?;
        Ok(found.map_or(1, |found| found.iter().filter(|(_, of)| of.has(places)).count() as u64))
    }

    /// Terms of texts and codes that begin so, in order.
    pub(crate) fn beginning_with(&self, beginning: &str, terms_max: usize, codes_max: usize) -> io::Result<Beginnings> {
        let mut beginnings = Beginnings::default();
        let Some(file) = self.file.as_ref().filter(|_| terms_max + codes_max > 0) else { return Ok(beginnings) };
        let found = self.unless_missing(file.beginning_with(beginning, terms_max, codes_max))?.unwrap_or_default();
        for (term, postings) in found {
            for (list, places, max) in
                [(&mut beginnings.terms, Places::ALL, terms_max), (&mut beginnings.codes, Places::CODE, codes_max)]
            {
                if list.len() < max && postings.iter().any(|(_, of)| of.has(places)) {
                    list.push(term.clone());
                }
            }
            // Known with all its products now: looking it up might need another page, and another round.
            self.found.borrow_mut().entry(term).or_insert_with(|| postings.into());
        }
        Ok(beginnings)
    }

    /// `None` when a page is missing.
    fn find(&self, term: &str) -> io::Result<Option<Arc<[Posting]>>> {
        let Some(file) = self.file.as_ref().filter(|_| may_be_rare(term)) else { return Ok(Some(Arc::default())) };
        if let Some(found) = self.found.borrow().get(term) {
            return Ok(Some(found.clone()));
        }
        let Some(found) = self.unless_missing(file.find(term))? else { return Ok(None) };
        let found: Arc<[Posting]> = found.into();
        self.found.borrow_mut().insert(term.to_owned(), found.clone());
        Ok(Some(found))
    }

    fn unless_missing<T>(&self, read: io::Result<T>) -> io::Result<Option<T>> {
        match read {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.is_guessing.set(true);
                Ok(None)
            }
            read => read.map(Some),
        }
    }

    /// Whether a page was missing, so that the plan is going to be made again.
    pub(crate) fn is_guessing(&self) -> bool {
        self.is_guessing.get()
    }

    /// What was found, to be searched for.
    pub(crate) fn to_postings(&self) -> RarePostings {
        let segment = self.file.as_ref().map(|file| file.segment);
        RarePostings { segment, found: self.found.borrow().clone() }
    }
}

/// The products of the rare terms of one query.
#[derive(Debug, Default)]
pub(crate) struct RarePostings {
    segment: Option<SegmentId>,
    found: HashMap<String, Arc<[Posting]>>,
}

impl RarePostings {
    /// What finds the products that have `term` of a field which stands for `places`; `None` unless it is rare.
    pub(crate) fn query(&self, term: &Term, places: impl Fn(Field) -> Places) -> Option<RareQuery> {
        let places = places(term.field());
        let docs: BTreeSet<DocId> = self
            .found
            .get(term.value().as_str()?)?
            .iter()
            .filter(|(_, of)| of.has(places))
            .map(|(doc, _)| *doc)
            .collect();
        (!docs.is_empty()).then_some(())?;
        Some(RareQuery::new(self.segment?, term.clone(), docs.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(postings: &[(&str, DocId, Places)]) -> RareFile {
        let mut writer = RareWriter::default();
        postings.iter().for_each(|(term, doc, places)| writer.add((*term).to_owned(), *doc, *places));
        RareFile::open(
            SegmentId::from_uuid_string(&"0".repeat(32)).unwrap(),
            FileSlice::from(writer.finish().unwrap().unwrap_or_default()),
        )
        .unwrap()
    }

    #[test]
    fn a_term_is_found_with_its_products_and_not_with_those_of_longer_ones() {
        let file = file(&[
            ("dv71", 3, Places::ALL),
            ("dv71", 300, Places::TITLE),
            ("dv71", 3, Places::CODE),
            ("dv71211ea", 4, Places::ALL | Places::TITLE),
        ]);
        assert_eq!(file.find("dv71").unwrap(), [(3, Places::ALL | Places::CODE), (300, Places::TITLE)]);
        assert_eq!(file.find("dv71211ea").unwrap().len(), 1);
        assert_eq!(file.find("dv").unwrap(), []);
        let beginning_with = |beginning: &str, terms_max| {
            let found = file.beginning_with(beginning, terms_max, 0).unwrap();
            found.into_iter().map(|(term, postings)| (term, postings.len())).collect::<Vec<_>>()
        };
        let (short, long) = (("dv71".to_owned(), 2), ("dv71211ea".to_owned(), 1));
        assert_eq!(beginning_with("dv7", 9), [short.clone(), long.clone()]);
        assert_eq!(beginning_with("dv", 9).len(), 2);
        assert_eq!(beginning_with("dv712", 9), [long]);
        assert_eq!(beginning_with("dv7", 1), [short]);
    }

    #[test]
    fn of_very_many_that_begin_alike_each_is_given_with_all_its_products() {
        let terms: Vec<String> = (0..300).map(|n| format!("ab{n:03}")).collect();
        let postings: Vec<(&str, DocId, Places)> =
            terms.iter().flat_map(|term| (0..3).map(|doc| (term.as_str(), doc, Places::TEXT | Places::ALL))).collect();
        let found = file(&postings).beginning_with("ab", 500, 0).unwrap();
        assert_eq!(found.len(), BEGINNING_SEEN_MAX as usize / 3);
        assert!(found.iter().all(|(_, postings)| postings.len() == 3));
    }

    #[test]
    fn a_term_is_rare_up_to_eight_products_however_often_each_has_it() {
        let mut census = Census::default();
        for product in 0..9 {
            census.see("usb34", product);
            census.see("plain", 0);
            if product < 8 {
                census.see("xk45", product);
                census.see("xk45", product);
                census.see("xk4", product);
            }
        }
        let rare = census.finish();
        let terms = ["xk45", "xk4", "usb34", "plain"];
        assert_eq!(terms.map(|term| rare.has(term)), [true, false, false, false]);
    }

    proptest! {
        #[test]
        fn all_that_is_written_is_found(terms in prop::collection::btree_map("[a-c0-9]{1,6}", prop::collection::btree_set(0_u32..9, 1..4), 1..60)) {
            let postings: Vec<(&str, DocId, Places)> =
                terms.iter().flat_map(|(term, docs)| docs.iter().map(|doc| (term.as_str(), *doc, Places::ALL))).collect();
            let file = file(&postings);
            for (term, docs) in &terms {
                let found: Vec<DocId> = file.find(term).unwrap().into_iter().map(|(doc, _)| doc).collect();
                prop_assert_eq!(found, docs.iter().copied().collect::<Vec<_>>());
            }
        }
    }
}
