//! Answers requests from pages of one artefact, and from what was added to it since. It says which bytes it lacks; it never fetches them.
//!
//! A [`Reader`] is cheap to clone and is kept as long as its artefact is current. Each request is a [`Search`] of its own,
//! which holds on to the pages that it has used: however small the cache, a search always gets further.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use tantivy::directory::{CompositeFile, Directory as _, FileHandle, FileSlice, OwnedBytes};
use tantivy::error::DataCorruption;
use tantivy::index::SegmentId;
use tantivy::schema::IndexRecordOption;
use tantivy::schema::Value as _;
use tantivy::{DocAddress, Index, ReloadPolicy, Searcher, SegmentReader, TantivyDocument};

use crate::analysis;
use crate::answer::{Answer, Hit};
use crate::artefact::{Manifest, Pointer};
use crate::collect::{Candidate, Found, Walk};
use crate::commit::{Commit, Part, PartRef};
use crate::directory::{Bundle, Files, PagedDirectory, Pages};
use crate::error::SearchError;
use crate::hotcache::Hotcache;
use crate::marks::{Marker, Marks};
use crate::plan::{Plan, Strictness};
use crate::rank::BusinessWeights;
use crate::rare::{self, RareFile};
use crate::request::{Request, Sort};
use crate::rows::{self, Rows, Table};
use crate::schema::{self, Fields};
use crate::segment::META;
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
    commit: Option<Commit>,
    parts: Vec<Arc<Part>>,
    /// Those of the commit and its parts.
    files: Arc<Files>,
    business: BusinessWeights,
    /// Rows that a reader of another commit has made, by segment: most segments stay from commit to commit.
    known_rows: KnownRows,
    opened: OnceLock<Opened>,
}

type KnownRows = HashMap<SegmentId, Arc<Rows>>;

impl Inner {
    fn of(bundle: Arc<Bundle>) -> Self {
        Self {
            bundle,
            commit: None,
            parts: Vec::new(),
            files: Arc::default(),
            business: BusinessWeights::default(),
            known_rows: KnownRows::new(),
            opened: OnceLock::new(),
        }
    }

    /// The artefact alone, with what is in memory of it.
    fn sharing(&self) -> Self {
        Self {
            business: self.business,
            known_rows: self.opened.get().map_or_else(|| self.known_rows.clone(), Opened::rows),
            ..Self::of(self.bundle.clone())
        }
    }
}

/// What opening the index yields.
pub(crate) struct Opened {
    searcher: Searcher,
    fields: Fields,
    table: Arc<Table>,
    /// Where each segment's words stand in its texts.
    positions: Vec<CompositeFile>,
    /// The artefact's; parts have none.
    rare: Option<Arc<RareFile>>,
}

/// How far a search has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Here is the answer.
    Ready(Box<Answer>),
    /// Bring these ranges of the bundle with [`Search::supply`], best all at once, and run again. They begin at a page
    /// and end at a page or at the bundle's end.
    NeedBytes(Vec<Range<u64>>),
}

impl Reader {
    /// Prepares to search an artefact. `hotcache` is its file of that name, whole; an empty one works and costs rounds.
    /// With the other pages that are kept between searches it takes at most `budget_bytes`, or a quarter more than that when the
    /// hotcache alone is larger.
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
        let pages_bytes = budget_bytes.saturating_sub(hotcache.len()).max(budget_bytes / 4);
        let bundle = Arc::new(Bundle::new(manifest, Hotcache::decode(hotcache)?, pages_bytes));
        Ok(Self { inner: Arc::new(Inner::of(bundle)), synonyms: Arc::default(), weights: Arc::default() })
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

    fn with_inner(&self, inner: Inner) -> Self {
        Self { inner: Arc::new(inner), synonyms: self.synonyms.clone(), weights: self.weights.clone() }
    }

    /// A reader of `commit`, which stands on the same artefact. It shares with this one what is in memory of the artefact,
    /// and the parts that both need; `fetched` has the parts that [`Reader::missing_parts`] named.
    ///
    /// # Errors
    /// [`SearchError::Corrupt`] when the commit stands on another artefact, or a part is missing.
    pub fn with_commit(&self, commit: Commit, fetched: Vec<Part>) -> Result<Self, SearchError> {
        let corrupt = |what: String| SearchError::Corrupt(format!("commit {}: {what}", commit.version()));
        if commit.base() != self.base_version() {
            return Err(corrupt(format!("stands on {} and not on {}", commit.base(), self.base_version())));
        }
        let fetched: Vec<Arc<Part>> = fetched.into_iter().map(Arc::new).collect();
        let mut parts = Vec::new();
        for wanted in commit.parts() {
            let part = self.inner.parts.iter().chain(&fetched).find(|part| part.reference == *wanted);
            parts.push(part.ok_or_else(|| corrupt(format!("part {} is missing", wanted.id)))?.clone());
        }
        let mut files: Files = commit.deletion_files()?.into_iter().collect();
        files.insert(META.to_owned(), OwnedBytes::new(commit.meta.clone()));
        files.extend(parts.iter().flat_map(|part| part.files.iter().cloned()));
        Ok(self.with_inner(Inner { commit: Some(commit), parts, files: Arc::new(files), ..self.inner.sharing() }))
    }

    /// A reader of the artefact alone, sharing what is in memory of it.
    #[must_use]
    pub fn without_commit(&self) -> Self {
        self.with_inner(self.inner.sharing())
    }

    /// The parts that `pointer` needs and this reader does not hold.
    pub fn missing_parts(&self, pointer: &Pointer) -> Vec<PartRef> {
        let held = |wanted: &PartRef| self.inner.parts.iter().any(|part| part.reference == *wanted);
        pointer.parts.iter().filter(|wanted| !held(wanted)).cloned().collect()
    }

    /// The commit that is read; `None` when it is the artefact alone.
    pub fn commit(&self) -> Option<&Commit> {
        self.inner.commit.as_ref()
    }

    pub(crate) fn parts(&self) -> &[Arc<Part>] {
        &self.inner.parts
    }

    pub(crate) fn shared_bundle(&self) -> Arc<Bundle> {
        self.inner.bundle.clone()
    }

    /// A reader of the same index that ranks by other weights. It opens the index anew.
    #[must_use]
    pub fn weighted(&self, business: BusinessWeights) -> Self {
        let inner = &self.inner;
        self.with_inner(Inner {
            commit: inner.commit.clone(),
            parts: inner.parts.clone(),
            files: inner.files.clone(),
            business,
            ..inner.sharing()
        })
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

    /// The version of what is read: the commit's, or the artefact's when there is none.
    pub fn version(&self) -> &str {
        self.commit().map_or_else(|| self.base_version(), Commit::version)
    }

    /// The artefact's version, under which its bundle is found.
    pub fn base_version(&self) -> &str {
        &self.inner.bundle.manifest.version
    }

    /// Bytes of the artefact's bundle, as long as it is whole.
    pub fn bundle_bytes(&self) -> u64 {
        self.inner.bundle.manifest.bundle_bytes
    }

    /// Products that searches find.
    pub fn document_count(&self) -> u64 {
        self.commit().map_or(self.inner.bundle.manifest.document_count, Commit::document_count)
    }

    /// Bytes of the artefact and of parts that are in memory between searches.
    pub fn used_bytes(&self) -> usize {
        let files: usize = self.inner.files.values().map(|bytes| bytes.len()).sum();
        self.inner.bundle.used_bytes() + files
    }

    pub(crate) fn bundle(&self) -> &Bundle {
        &self.inner.bundle
    }

    fn opened(&self) -> Result<&Opened, SearchError> {
        if let Some(opened) = self.inner.opened.get() {
            return Ok(opened);
        }
        let directory = PagedDirectory::with_files(self.inner.bundle.clone(), self.inner.files.clone());
        let opened = Opened::open(directory, &self.inner.business, &self.inner.known_rows)?;
        Ok(self.inner.opened.get_or_init(|| opened))
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Reader").field("version", &self.version()).finish_non_exhaustive()
    }
}

impl Opened {
    fn open(
        directory: PagedDirectory,
        business: &BusinessWeights,
        known_rows: &KnownRows,
    ) -> Result<Self, SearchError> {
        let index = Index::open(directory.clone())?;
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
        let mut rows = Vec::new();
        let mut positions = Vec::new();
        let mut rare = Vec::new();
        for segment in searcher.segment_readers() {
            dictionaries.extend(fields.searched().map(|field| segment.inverted_index(field).map(drop)));
            dictionaries.extend([fields.all, fields.title, fields.text].map(|field| {
                if segment.max_doc() > 0 { segment.get_fieldnorms_reader(field).map(drop) } else { Ok(()) }
            }));
            rows.push(match known_rows.get(&segment.segment_id()) {
                Some(rows) => Ok(rows.clone()),
                None => rows_of(&directory, segment.segment_id()).map(Arc::new),
            });
            rare.extend(rare_of(&directory, segment.segment_id()));
            positions.push(positions_of(&index, segment));
        }
        dictionaries.into_iter().collect::<tantivy::Result<()>>()?;
        let rows = rows.into_iter().collect::<tantivy::Result<_>>()?;
        let positions = positions.into_iter().collect::<tantivy::Result<_>>()?;
        let rare = rare.into_iter().next().transpose()?.map(Arc::new);
        Ok(Self { searcher, fields, table: Arc::new(Table::new(rows, business)), positions, rare })
    }

    fn rows(&self) -> KnownRows {
        let segments = self.searcher.segment_readers().iter().map(SegmentReader::segment_id);
        segments.zip(self.table.rows().iter().cloned()).collect()
    }
}

/// A file beside a segment's own, if the segment has it.
fn beside(directory: &PagedDirectory, segment: SegmentId, extension: &str) -> Option<Arc<dyn FileHandle>> {
    directory.get_file_handle(&PathBuf::from(format!("{}.{extension}", segment.uuid_string()))).ok()
}

fn rows_of(directory: &PagedDirectory, segment: SegmentId) -> tantivy::Result<Rows> {
    let unusable = |why: &str| DataCorruption::comment_only(format!("rows of {}: {why}", segment.uuid_string()));
    let file = beside(directory, segment, rows::EXTENSION).ok_or_else(|| unusable("missing"))?;
    Ok(Rows::decode(file.read_bytes(0..file.len())?).ok_or_else(|| unusable("cut off"))?)
}

fn rare_of(directory: &PagedDirectory, segment: SegmentId) -> Option<tantivy::Result<RareFile>> {
    let file = beside(directory, segment, rare::EXTENSION)?;
    Some(RareFile::open(segment, FileSlice::new(file)).map_err(tantivy::TantivyError::from))
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
    missed_phrase: bool,
    with_all_words: Option<u64>,
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
                Ok(Outcome::Ready(Box::new(answer)))
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
            missed_phrase: matched.missed_phrase,
            with_all_words: matched.with_all_words,
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
        let plan =
            Plan::new(&self.searcher, &self.fields, self.rare.clone(), request, &reader.weights, &reader.synonyms)?;
        self.touch_postings(&plan)?;
        if reader.bundle().lacks_pages() {
            return Ok(None);
        }
        let walk = Walk::new(self.table.clone(), request, plan.is_listing());
        let mut found = Found::default();
        // Of these, how many products there are with every word as it was asked for.
        let mut complete = None;
        let mut is_wider = false;
        for strictness in plan.attempts() {
            let Some(query) = plan.query(strictness) else { continue };
            let wider = self.searcher.search(query.as_ref(), &walk)?;
            if wider.matched > found.matched {
                match strictness {
                    Strictness::All => complete = Some(wider.total),
                    Strictness::Words | Strictness::AtLeast(_) => is_wider = true,
                }
                found = wider;
            }
            // Products with some of the words may follow those with all, but only where the best come first.
            let may_go_on = request.sort == Sort::Relevance && !request.prefix_last_word && plan.may_go_on();
            if found.matched >= reader.weights.enough_products || (found.matched > 0 && !may_go_on) {
                break;
            }
        }
        let relaxed = found.matched > 0 && complete.is_none();
        Ok(Some(Matched {
            relaxed,
            missed_phrase: relaxed && plan.has_phrases(),
            with_all_words: complete.filter(|_| is_wider),
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
