//! Answers requests from pages of one artefact. It says which bytes it lacks; it never fetches them.
//!
//! A [`Reader`] is cheap to clone and is kept as long as its artefact is current. Each request is a [`Search`] of its own,
//! which holds on to the pages that it has used: however small the cache, a search always gets further.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use tantivy::directory::{CompositeFile, Directory as _};
use tantivy::schema::IndexRecordOption;
use tantivy::schema::Value as _;
use tantivy::{DocAddress, Index, ReloadPolicy, Searcher, SegmentReader, TantivyDocument};

use crate::analysis;
use crate::answer::{Answer, Hit};
use crate::artefact::Manifest;
use crate::collect::{Candidate, Columns, Found, Walk};
use crate::directory::{Bundle, PagedDirectory, Pages};
use crate::error::SearchError;
use crate::hotcache::Hotcache;
use crate::marks::{Marker, Marks};
use crate::plan::{Plan, Strictness};
use crate::request::{Request, Sort};
use crate::schema::{self, Fields};
use crate::synonyms::Synonyms;
use crate::weights::Weights;

/// Decompressed blocks of stored products that are kept: 4 KiB each.
const STORE_BLOCKS_KEPT: usize = 256;

/// One artefact, ready to be searched.
#[derive(Clone)]
pub struct Reader {
    inner: Arc<Inner>,
    synonyms: Arc<Synonyms>,
    weights: Arc<Weights>,
}

struct Inner {
    bundle: Arc<Bundle>,
    opened: OnceLock<Opened>,
}

/// What opening the index yields.
pub(crate) struct Opened {
    searcher: Searcher,
    fields: Fields,
    columns: Arc<Vec<Columns>>,
    /// Where each segment's words stand in its texts.
    positions: Vec<CompositeFile>,
}

/// How far a search has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Here is the answer.
    Ready(Answer),
    /// Bring these ranges of the bundle with [`Search::supply`], best all at once, and run again. They begin at a page
    /// and end at a page or at the bundle's end.
    NeedBytes(Vec<Range<u64>>),
}

impl Reader {
    /// Prepares to search an artefact. `hotcache` is its file of that name, whole; an empty one works and costs rounds.
    /// At most `budget_bytes` of other pages are kept between searches.
    ///
    /// # Errors
    /// [`SearchError::Corrupt`] when manifest and hotcache do not belong together, [`SearchError::Incompatible`] when they
    /// were compiled for another build.
    pub fn open(manifest: Manifest, hotcache: Vec<u8>, budget_bytes: usize) -> Result<Self, SearchError> {
        manifest.check()?;
        let is_whole = hotcache.len() as u64 == manifest.hotcache_bytes
            && crc32fast::hash(&hotcache) == manifest.hotcache_checksum;
        if !hotcache.is_empty() && !is_whole {
            return Err(SearchError::Corrupt("hotcache: checksum differs".into()));
        }
        let bundle = Arc::new(Bundle::new(manifest, Hotcache::decode(hotcache)?, budget_bytes));
        let inner = Arc::new(Inner { bundle, opened: OnceLock::new() });
        Ok(Self { inner, synonyms: Arc::default(), weights: Arc::default() })
    }

    /// Searches with these synonyms. Without, words have none.
    #[must_use]
    pub fn with_synonyms(self, synonyms: Arc<Synonyms>) -> Self {
        Self { synonyms, ..self }
    }

    /// Ranks with these weights instead of the default ones.
    #[must_use]
    pub fn with_weights(self, weights: Weights) -> Self {
        Self { weights: Arc::new(weights), ..self }
    }

    /// Begins a search.
    ///
    /// # Errors
    /// [`SearchError::Invalid`] when the request breaks a limit.
    pub fn begin(&self, request: &Request) -> Result<Search, SearchError> {
        request.validate()?;
        Ok(Search {
            reader: self.clone(),
            request: request.clone(),
            held: Pages::new(),
            found: None,
            rounds: 0,
            bytes_fetched: 0,
        })
    }

    /// The artefact's version.
    pub fn version(&self) -> &str {
        &self.inner.bundle.manifest.version
    }

    /// Products in the artefact.
    pub fn document_count(&self) -> u64 {
        self.inner.bundle.manifest.document_count
    }

    /// Bytes of the artefact that are in memory between searches.
    pub fn used_bytes(&self) -> usize {
        self.inner.bundle.used_bytes()
    }

    pub(crate) fn bundle(&self) -> &Bundle {
        &self.inner.bundle
    }

    fn opened(&self) -> Result<&Opened, SearchError> {
        if let Some(opened) = self.inner.opened.get() {
            return Ok(opened);
        }
        let opened = Opened::open(&self.inner.bundle)?;
        Ok(self.inner.opened.get_or_init(|| opened))
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Reader").field("version", &self.version()).finish_non_exhaustive()
    }
}

impl Opened {
    fn open(bundle: &Arc<Bundle>) -> Result<Self, SearchError> {
        let index = Index::open(PagedDirectory::new(bundle.clone()))?;
        for (name, analyser) in analysis::analysers() {
            index.tokenizers().register(name, analyser);
        }
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(STORE_BLOCKS_KEPT)
            .try_into()?;
        let searcher = reader.searcher();
        let (_, fields) = schema::schema();
        // Touched now so that they are in the hotcache; every failure is noted before the first one counts.
        let mut dictionaries = Vec::new();
        let mut columns = Vec::new();
        let mut positions = Vec::new();
        for segment in searcher.segment_readers() {
            dictionaries.extend(fields.searched().map(|field| segment.inverted_index(field).map(drop)));
            dictionaries.extend([fields.all, fields.title, fields.text].map(|field| {
                if segment.max_doc() > 0 { segment.get_fieldnorms_reader(field).map(drop) } else { Ok(()) }
            }));
            columns.push(Columns::open(segment));
            positions.push(positions_of(&index, segment));
        }
        dictionaries.into_iter().collect::<tantivy::Result<()>>()?;
        let columns = columns.into_iter().collect::<tantivy::Result<_>>()?;
        let positions = positions.into_iter().collect::<tantivy::Result<_>>()?;
        Ok(Self { searcher, fields, columns: Arc::new(columns), positions })
    }
}

/// A segment's file of positions; an empty one where it has none.
fn positions_of(index: &Index, segment: &SegmentReader) -> tantivy::Result<CompositeFile> {
    let path = PathBuf::from(format!("{}.pos", segment.segment_id().uuid_string()));
    if !index.directory().exists(&path)? {
        return Ok(CompositeFile::empty());
    }
    Ok(CompositeFile::open(&index.directory().open_read(&path)?)?)
}

/// One request on its way to an answer.
pub struct Search {
    reader: Reader,
    request: Request,
    held: Pages,
    found: Option<Matched>,
    rounds: u32,
    bytes_fetched: u64,
}

/// What is known once matching is done and only the hits have to be read.
struct Matched {
    found: Found,
    relaxed: bool,
    corrections: Vec<crate::answer::Correction>,
    suggestion: Option<String>,
    marks: Marks,
}

impl std::fmt::Debug for Search {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("Search");
        debug.field("request", &self.request).field("rounds", &self.rounds).finish_non_exhaustive()
    }
}

impl Search {
    /// Goes as far as the bytes at hand allow.
    ///
    /// # Errors
    /// [`SearchError::Corrupt`] or [`SearchError::Index`] when the artefact cannot be read.
    pub fn run(&mut self) -> Result<Outcome, SearchError> {
        let reader = self.reader.clone();
        let mut held = std::mem::take(&mut self.held);
        let (result, missing) = reader.bundle().with_pages(&mut held, || self.advance());
        self.held = held;
        if !missing.is_empty() {
            // Whatever failed, failed for want of these.
            self.rounds += 1;
            return Ok(Outcome::NeedBytes(missing));
        }
        match result? {
            Some(answer) => {
                self.held.clear();
                Ok(Outcome::Ready(answer))
            }
            None => Err(SearchError::Corrupt("the index stopped without saying what it lacks".into())),
        }
    }

    /// Brings bytes of the bundle from `start` on: whole pages, the last one possibly short.
    ///
    /// # Errors
    /// [`SearchError::Corrupt`] when they are not what the manifest promises. Nothing of a bad page is kept.
    pub fn supply(&mut self, start: u64, bytes: &[u8]) -> Result<(), SearchError> {
        self.bytes_fetched += bytes.len() as u64;
        self.reader.clone().bundle().supply(&mut self.held, start, bytes)
    }

    /// Times that bytes have been asked for.
    pub fn rounds(&self) -> u32 {
        self.rounds
    }

    /// `None` when something was missing.
    fn advance(&mut self) -> Result<Option<Answer>, SearchError> {
        let reader = self.reader.clone();
        let opened = reader.opened()?;
        let matched = match self.found.take() {
            Some(matched) => matched,
            None => match opened.find(&reader, &self.request)? {
                Some(matched) => matched,
                None => return Ok(None),
            },
        };
        let hits = opened.hits(&matched.found.page, &matched.marks);
        if reader.bundle().lacks_pages() {
            self.found = Some(matched);
            return Ok(None);
        }
        Ok(Some(Answer {
            total: matched.found.total,
            hits: hits?,
            facets: matched.found.facets,
            relaxed: matched.relaxed,
            corrections: matched.corrections,
            suggestion: matched.suggestion,
            rounds: self.rounds,
            bytes_fetched: self.bytes_fetched,
        }))
    }
}

impl Opened {
    /// Matches, filters, counts and ranks. `None` when something was missing.
    fn find(&self, reader: &Reader, request: &Request) -> Result<Option<Matched>, SearchError> {
        let plan = Plan::new(&self.searcher, &self.fields, request, &reader.weights, &reader.synonyms)?;
        self.touch_postings(&plan)?;
        if reader.bundle().lacks_pages() {
            return Ok(None);
        }
        let walk = Walk::new(self.columns.clone(), request, plan.is_listing());
        let mut found = Found::default();
        let mut relaxed = false;
        for strictness in plan.attempts() {
            let Some(query) = plan.query(strictness) else { continue };
            let wider = self.searcher.search(query.as_ref(), &walk)?;
            if wider.matched > found.matched {
                // Products with some of the words may follow those with all, but only where the best come first.
                relaxed = strictness != Strictness::All && found.matched == 0;
                found = wider;
            }
            let may_go_on = request.sort == Sort::Relevance && !request.prefix_last_word && plan.may_go_on();
            if found.matched >= reader.weights.enough_products || (found.matched > 0 && !may_go_on) {
                break;
            }
        }
        Ok(Some(Matched {
            relaxed: relaxed && found.matched > 0,
            found,
            corrections: plan.corrections,
            suggestion: plan.suggestion,
            marks: plan.marks,
        }))
    }

    /// Reads the beginning of every list that the query will walk, so that all that is missing is known at once.
    fn touch_postings(&self, plan: &Plan) -> Result<(), SearchError> {
        for (segment, positions_file) in self.searcher.segment_readers().iter().zip(&self.positions) {
            for (term, positions) in plan.terms() {
                let index = segment.inverted_index(term.field())?;
                if let Some(info) = index.get_term_info(&term).map_err(tantivy::TantivyError::from)? {
                    // Failures here are missing pages, and noted as such.
                    drop(index.read_block_postings_from_terminfo(&info, IndexRecordOption::WithFreqs));
                    // Asked for apart from the postings: a list that lacks its postings would not get to its positions.
                    if positions && let Some(file) = positions_file.open_read(term.field()) {
                        drop(file.read_bytes_slice(info.positions_range.clone()));
                    }
                }
            }
        }
        Ok(())
    }

    /// The cards of a page's products, in order. All are tried, so that all that is missing is known at once.
    fn hits(&self, page: &[Candidate], marks: &Marks) -> Result<Vec<Hit>, SearchError> {
        let mut marker = Marker::new(marks);
        let mut cards: BTreeMap<DocAddress, Result<Hit, SearchError>> = BTreeMap::new();
        for candidate in page {
            cards.entry(candidate.address).or_insert_with(|| self.card(candidate.address));
        }
        page.iter()
            .filter_map(|candidate| {
                let card = cards.remove(&candidate.address)?;
                Some(card.map(|card| {
                    let title_marks = marker.mark(&card.title);
                    Hit { score: candidate.score, title_marks, ..card }
                }))
            })
            .collect()
    }

    fn card(&self, address: DocAddress) -> Result<Hit, SearchError> {
        let document: TantivyDocument = self.searcher.doc(address)?;
        let card = document.get_first(self.fields.card).and_then(|value| value.as_bytes());
        let card = card.ok_or_else(|| SearchError::Corrupt("a product has no card".into()))?;
        serde_json::from_slice(card).map_err(|error| SearchError::Corrupt(format!("card: {error}")))
    }
}
