//! The indexer: turns changes to the catalogue into the next commit. It never reads or writes a bucket and keeps no time.
//!
//! ```text
//! let mut update = indexer.begin(changes, catalogue_seq, now_ms);
//! let publication = loop {
//!     match update.run()? {
//!         Progress::Ready(publication) => break *publication,
//!         Progress::NeedBytes(ranges) => /* as for a search: update.supply(range.start, &bytes)? */,
//!     }
//! };
//! // Write publication.objects, in any order; when all are written, publication.pointer. Then go on with
//! // publication.indexer. If anything fails, go on with the old indexer and try again.
//! ```
//!
//! An [`Indexer`] is a value: an update that comes to nothing leaves no trace in it. What a save costs does not grow with
//! the catalogue: new documents become a part of their own, which absorbs the parts before it that are no larger, in
//! steps of [`TIER_DOCUMENTS`]; each document is written a few times on its way into a part of the last tier.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use tantivy::DocId;
use tantivy::directory::{Directory as _, OwnedBytes};

use crate::artefact::{POINTER_KEY, Pointer};
use crate::commit::{self, Deleted, Draft, Part, PartRef, part_key};
use crate::directory::{Bundle, PagedDirectory, Pages};
use crate::document::Document;
use crate::error::SearchError;
use crate::ids::{self, Key};
use crate::indexing::Rareness;
use crate::reader::Reader;
use crate::segment::{self, META};

/// Most documents of a part of the first, second and last tier.
pub const TIER_DOCUMENTS: [u32; 3] = [32, 256, 2_048];
/// Parts of the last tier from which on the catalogue should be compiled again. Everything goes on working beyond.
pub const LAST_TIER_PARTS_MAX: usize = 8;
/// What the index library's writer begins with; it refuses less.
const MEMORY_BUDGET_BYTES: usize = 15_000_000;

/// A change to the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The product is new, or is now like this.
    Save(Box<Document>),
    /// The product with this id must not be found any more.
    Remove(String),
}

impl Change {
    fn key(&self) -> Key {
        match self {
            Self::Save(document) => ids::key(&document.id),
            Self::Remove(id) => ids::key(id),
        }
    }
}

/// A document, by its segment's id and its number there.
type Place = (String, DocId);

/// What is current, as far as the next commit depends on it.
#[derive(Debug, Clone)]
pub struct Indexer {
    base: Arc<Bundle>,
    /// Oldest first.
    parts: Vec<Arc<Part>>,
    deleted: Deleted,
    catalogue_seq: u64,
    synonyms: Option<String>,
}

/// How far an update has come.
#[derive(Debug)]
pub enum Progress {
    /// Here is what to write.
    Ready(Box<Publication>),
    /// Bring these ranges of the base's bundle with [`Update::supply`], best all at once, and run again.
    NeedBytes(Vec<Range<u64>>),
}

/// The next commit, ready to be written.
#[derive(Debug)]
pub struct Publication {
    /// The objects that are new, by key. They are immutable and named by their contents: write them in any order, as
    /// often as needed, but all of them before the pointer.
    pub objects: Vec<(String, Vec<u8>)>,
    /// What to write to [`POINTER_KEY`], last.
    pub pointer: Pointer,
    /// What to go on with once the pointer is written.
    pub indexer: Indexer,
}

impl Publication {
    /// Key and bytes of the pointer.
    ///
    /// # Errors
    /// Never in practice; only when a pointer cannot be written as JSON.
    pub fn pointer_object(&self) -> Result<(String, Vec<u8>), serde_json::Error> {
        Ok((POINTER_KEY.to_owned(), serde_json::to_vec(&self.pointer)?))
    }
}

impl Indexer {
    /// Goes on from what a reader has open: a base with or without a commit. The reader needs no hotcache.
    pub fn new(reader: &Reader) -> Self {
        let (catalogue_seq, synonyms, deleted) = match reader.commit() {
            Some(commit) => (commit.catalogue_seq(), commit.synonyms().map(str::to_owned), commit.deleted.clone()),
            None => (reader.bundle().manifest.catalogue_seq, None, Deleted::new()),
        };
        Self { base: reader.shared_bundle(), parts: reader.parts().to_vec(), deleted, catalogue_seq, synonyms }
    }

    /// Begins again on a base that was compiled meanwhile. Of what this one knew, only the synonyms are kept: every change
    /// after [`Indexer::catalogue_seq`] of the result has to be applied to it before it is published, or the shop would
    /// go back in time.
    #[must_use]
    pub fn rebased(&self, base: &Reader) -> Self {
        Self { synonyms: self.synonyms.clone(), ..Self::new(&base.without_commit()) }
    }

    /// The same with other synonyms: the key of their object. The next update publishes it.
    #[must_use]
    pub fn with_synonyms(mut self, synonyms: Option<String>) -> Self {
        self.synonyms = synonyms;
        self
    }

    /// Number of the last change that is in it.
    pub fn catalogue_seq(&self) -> u64 {
        self.catalogue_seq
    }

    /// The artefact that it stands on.
    pub fn base_version(&self) -> &str {
        &self.base.manifest.version
    }

    /// The parts that are current, oldest first.
    pub fn parts(&self) -> impl Iterator<Item = &PartRef> {
        self.parts.iter().map(|part| &part.reference)
    }

    /// Whether so much has changed that the catalogue should be compiled again. Nothing breaks if it is not; searches only
    /// get slower.
    pub fn needs_compile(&self) -> bool {
        let large = self.parts.iter().filter(|part| tier(self.alive(part)) + 1 == TIER_DOCUMENTS.len());
        large.count() >= LAST_TIER_PARTS_MAX
    }

    /// Begins to apply changes, in order; of several changes to one product the last one counts. After them, everything up
    /// to change number `catalogue_seq` is in the index. No changes at all publish what is there.
    pub fn begin(&self, changes: Vec<Change>, catalogue_seq: u64, published_at_ms: i64) -> Update {
        let mut last: BTreeMap<Key, (usize, Change)> = BTreeMap::new();
        for (place, change) in changes.into_iter().enumerate() {
            last.insert(change.key(), (place, change));
        }
        Update { indexer: self.clone(), changes: last, catalogue_seq, published_at_ms, held: Pages::new(), rounds: 0 }
    }

    fn alive(&self, part: &Part) -> u32 {
        let superseded = self.deleted.get(&part.reference.id).map_or(0, |documents| documents.len() as u32);
        part.reference.document_count.saturating_sub(superseded)
    }

    /// Where the product is now, if it is in a part.
    fn place_in_parts(&self, key: &Key) -> Result<Option<Place>, SearchError> {
        for part in self.parts.iter().rev() {
            let id = &part.reference.id;
            let lost = || SearchError::Corrupt(format!("part {id}: its products' ids cannot be read"));
            let file: &OwnedBytes = part.file(ids::EXTENSION).ok_or_else(lost)?;
            if let Some(doc) = ids::find(file, key).map_err(|_| lost())?
                && !self.is_deleted(id, doc)
            {
                return Ok(Some((id.clone(), doc)));
            }
        }
        Ok(None)
    }

    fn is_deleted(&self, segment: &str, doc: DocId) -> bool {
        self.deleted.get(segment).is_some_and(|documents| documents.contains(&doc))
    }

    fn supersede(&mut self, places: Vec<Place>) {
        for (segment, doc) in places {
            self.deleted.entry(segment).or_default().insert(doc);
        }
        let (kept, empty): (Vec<_>, Vec<_>) = self.parts.drain(..).partition(|part| {
            let superseded = self.deleted.get(&part.reference.id).map_or(0, |documents| documents.len() as u32);
            superseded < part.reference.document_count
        });
        self.parts = kept;
        for part in empty {
            self.deleted.remove(&part.reference.id);
        }
    }

    /// Adds a part; it absorbs the parts before it that are no larger, as long as the result stays small enough.
    fn add(&mut self, base_meta: &[u8], fresh: Part, objects: &mut Objects) -> Result<(), SearchError> {
        let mut total = fresh.reference.document_count;
        let mut absorbed = vec![Arc::new(fresh)];
        while let Some(before) = self.parts.last() {
            let alive = self.alive(before);
            let is_last_tier = tier(alive) + 1 == TIER_DOCUMENTS.len();
            let fits = total.saturating_add(alive) <= TIER_DOCUMENTS[2];
            if tier(alive) > tier(total) || (is_last_tier && !fits) {
                break;
            }
            total = total.saturating_add(alive);
            absorbed.extend(self.parts.pop());
        }
        absorbed.reverse();
        if let [only] = absorbed.as_slice() {
            self.parts.push(only.clone());
            return Ok(());
        }
        let sources: Vec<&Part> = absorbed.iter().map(Arc::as_ref).collect();
        if let Some(merged) = segment::merge(base_meta, &sources, &self.deleted)? {
            let (part, bytes) = merged.into_part();
            objects.insert(part.reference.id.clone(), bytes);
            self.parts.push(Arc::new(part));
        }
        for part in absorbed {
            self.deleted.remove(&part.reference.id);
        }
        Ok(())
    }
}

/// The objects of new parts, by the part's id.
type Objects = BTreeMap<String, Vec<u8>>;

/// Which tier a part of so many documents is in.
fn tier(documents: u32) -> usize {
    TIER_DOCUMENTS[..2].iter().filter(|max| documents > **max).count()
}

/// Changes on their way to a commit.
#[derive(Debug)]
pub struct Update {
    indexer: Indexer,
    changes: BTreeMap<Key, (usize, Change)>,
    catalogue_seq: u64,
    published_at_ms: i64,
    held: Pages,
    rounds: u32,
}

impl Update {
    /// Goes as far as the bytes at hand allow.
    ///
    /// # Errors
    /// [`SearchError::Corrupt`] or [`SearchError::Index`] when what is there cannot be read.
    pub fn run(&mut self) -> Result<Progress, SearchError> {
        let mut held = std::mem::take(&mut self.held);
        let base = self.indexer.base.clone();
        let (result, missing) = base.with_pages(&mut held, || self.find_superseded());
        self.held = held;
        if !missing.is_empty() {
            self.rounds += 1;
            return Ok(Progress::NeedBytes(missing));
        }
        let (base_meta, places) = result?;
        let publication = self.publication(&base_meta, places)?;
        self.held.clear();
        Ok(Progress::Ready(Box::new(publication)))
    }

    /// Brings bytes of the base's bundle, as [`crate::Search::supply`] does.
    ///
    /// # Errors
    /// [`SearchError::Corrupt`] when they are not what the manifest promises.
    pub fn supply(&mut self, start: u64, bytes: &[u8]) -> Result<(), SearchError> {
        self.indexer.base.supply(&mut self.held, start, bytes)
    }

    /// Times that bytes have been asked for.
    pub fn rounds(&self) -> u32 {
        self.rounds
    }

    /// The base's list of segments, and where the products are that will be superseded. All are looked up before the first
    /// failure counts, so that all that is missing is known at once.
    fn find_superseded(&self) -> Result<(Vec<u8>, Vec<Place>), SearchError> {
        let directory = PagedDirectory::new(self.indexer.base.clone());
        let meta = directory.atomic_read(std::path::Path::new(META)).map_err(tantivy::TantivyError::from)?;
        let mut places = Vec::new();
        let mut failure = None;
        let mut files = Vec::new();
        for (segment, _) in segment::listed(&meta)? {
            let name = format!("{segment}.{}", ids::EXTENSION);
            let file = directory.get_file_handle(std::path::Path::new(&name)).map_err(tantivy::TantivyError::from)?;
            files.push((segment, file));
        }
        for key in self.changes.keys() {
            if let Some(place) = self.indexer.place_in_parts(key)? {
                places.push(place);
                continue;
            }
            for (segment, file) in &files {
                match ids::find(file.as_ref(), key) {
                    Ok(Some(doc)) if !self.indexer.is_deleted(segment, doc) => places.push((segment.clone(), doc)),
                    Ok(_) => {}
                    Err(error) => failure = Some(error),
                }
            }
        }
        match failure {
            Some(error) => Err(SearchError::Index(error.into())),
            None => Ok((meta, places)),
        }
    }

    fn publication(&self, base_meta: &[u8], places: Vec<Place>) -> Result<Publication, SearchError> {
        let mut indexer = self.indexer.clone();
        let mut objects = Objects::new();
        indexer.supersede(places);
        indexer.catalogue_seq = self.catalogue_seq;
        let mut saved: Vec<(usize, &Document)> = Vec::new();
        for (place, change) in self.changes.values() {
            match change {
                Change::Save(document) => saved.push((*place, document)),
                Change::Remove(_) => {}
            }
        }
        saved.sort_unstable_by_key(|(place, _)| *place);
        for documents in saved.chunks(TIER_DOCUMENTS[2] as usize) {
            let documents = documents.iter().map(|(_, document)| Document::clone(document));
            let facets = &self.indexer.base.manifest.facets;
            // A part is small: all its terms may be in its dictionaries.
            let segment = segment::write(documents, facets, &Rareness::default(), MEMORY_BUDGET_BYTES)?;
            let (part, bytes) = segment.into_part();
            objects.insert(part.reference.id.clone(), bytes);
            indexer.add(base_meta, part, &mut objects)?;
        }
        let parts: Vec<PartRef> = indexer.parts().cloned().collect();
        objects.retain(|id, _| parts.iter().any(|part| part.id == *id));
        let base = &indexer.base.manifest;
        let of_parts: u64 = indexer.parts.iter().map(|part| u64::from(indexer.alive(part))).sum();
        let superseded: u64 = segment::listed(base_meta)?
            .iter()
            .filter_map(|(segment, _)| indexer.deleted.get(segment))
            .map(|documents| documents.len() as u64)
            .sum();
        let draft = Draft {
            base: &base.version,
            base_meta,
            parts: parts.clone(),
            deleted: &indexer.deleted,
            document_count: base.document_count.saturating_sub(superseded) + of_parts,
            catalogue_seq: indexer.catalogue_seq,
            synonyms: indexer.synonyms.clone(),
        };
        let (version, bytes) = draft.encode()?;
        let mut objects: Vec<_> = objects.into_iter().map(|(id, bytes)| (part_key(&id), bytes)).collect();
        objects.push((commit::commit_key(&version), bytes));
        let pointer = Pointer {
            version,
            published_at_ms: self.published_at_ms,
            base: Some(base.version.clone()),
            parts,
            catalogue_seq: indexer.catalogue_seq,
            synonyms: indexer.synonyms.clone(),
        };
        Ok(Publication { objects, pointer, indexer })
    }
}
