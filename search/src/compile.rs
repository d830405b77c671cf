//! From products to an artefact: one merged segment, bundled, with its hotcache. It never publishes anything.

use std::ops::Range;

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::artefact::{self, Artefact, BundledFile, Manifest};
use crate::document::Document;
use crate::error::SearchError;
use crate::facet_choice::FacetChoice;
use crate::hotcache;
use crate::indexing::Rareness;
use crate::pages::PAGE_BYTES;
use crate::rare;
use crate::reader::{Outcome, Reader};
use crate::request::{Request, Sort};
use crate::schema::SCHEMA_VERSION;
use crate::segment::{self, META};

/// Memory to begin with while compiling; it grows with the catalogue.
pub const MEMORY_BUDGET_DEFAULT_BYTES: usize = 256 * 1024 * 1024;
/// What common searches may add to the hotcache, over what opening needs.
const HOTCACHE_SEARCHES_MAX_BYTES: u64 = 2 * 1024 * 1024;
/// Up to this length the whole file of rare terms is in the hotcache.
const RARE_WHOLE_MAX_BYTES: u64 = 128 * 1024;
/// Brands and categories whose searches are taken for common.
const COMMON_MAX: usize = 24;

/// Why a catalogue did not compile.
#[derive(Debug, Error)]
pub enum CompileError {
    /// The index library failed.
    #[error("the index could not be built: {0}")]
    Index(#[from] tantivy::TantivyError),
    /// The manifest could not be written.
    #[error("the manifest could not be written: {0}")]
    Manifest(#[from] serde_json::Error),
    /// The index that was just built could not be read back.
    #[error("the index could not be read back: {0}")]
    ReadBack(#[from] SearchError),
}

/// Compiles products into an artefact. The same products give the same bytes and version, whatever their order.
///
/// `memory_budget_bytes` is what the writer begins with ([`MEMORY_BUDGET_DEFAULT_BYTES`] natively, less in a Worker).
/// All products are in memory at once: what is listed together is stored together.
///
/// # Errors
/// When the index cannot be built, or does not answer searches afterwards.
pub fn compile(
    documents: impl Iterator<Item = Document>,
    memory_budget_bytes: usize,
) -> Result<Artefact, CompileError> {
    compile_as_of(documents, 0, memory_budget_bytes)
}

/// The same, of a catalogue in which everything up to change number `catalogue_seq` is.
///
/// # Errors
/// As [`compile`].
pub fn compile_as_of(
    documents: impl Iterator<Item = Document>,
    catalogue_seq: u64,
    memory_budget_bytes: usize,
) -> Result<Artefact, CompileError> {
    let mut documents: Vec<Document> = documents.collect();
    // What is listed together is stored together: a page of hits is then a few ranges of stored products.
    documents.sort_by(|a, b| (&a.category, b.sold, &a.id).cmp(&(&b.category, a.sold, &b.id)));
    let facets = FacetChoice::of(&documents);
    let rareness = Rareness::of(&documents);
    let segment = segment::write(documents.into_iter(), &facets, &rareness, memory_budget_bytes)?;
    let mut files = vec![(META.to_owned(), segment.meta)];
    files.extend(segment.files);
    bundle(files, u64::from(segment.document_count), catalogue_seq, facets)
}

fn bundle(
    files: Vec<(String, Vec<u8>)>,
    document_count: u64,
    catalogue_seq: u64,
    facets: FacetChoice,
) -> Result<Artefact, CompileError> {
    let mut bundle = Vec::with_capacity(files.iter().map(|(_, bytes)| bytes.len()).sum());
    let mut bundled = Vec::new();
    let mut digest = Sha256::new();
    digest.update(SCHEMA_VERSION.to_le_bytes());
    digest.update(PAGE_BYTES.to_le_bytes());
    digest.update(catalogue_seq.to_le_bytes());
    for (name, bytes) in files {
        digest.update(&name);
        digest.update(&bytes);
        bundled.push(BundledFile { name, offset: bundle.len() as u64, length: bytes.len() as u64 });
        bundle.extend(bytes);
    }
    let mut manifest = Manifest {
        version: segment::hex(&digest.finalize()[..16]),
        schema_version: SCHEMA_VERSION,
        document_count,
        bundle_bytes: bundle.len() as u64,
        page_bytes: PAGE_BYTES,
        page_checksums: artefact::page_checksums(&bundle),
        hotcache_bytes: 0,
        hotcache_checksum: crc32fast::hash(&[]),
        files: bundled,
        catalogue_seq,
        facets,
    };
    let hot = hotcache::encode(&hot_ranges(&manifest, &bundle)?, &bundle);
    manifest.hotcache_bytes = hot.len() as u64;
    manifest.hotcache_checksum = crc32fast::hash(&hot);
    let files = vec![
        (artefact::BUNDLE.to_owned(), bundle),
        (artefact::HOTCACHE.to_owned(), hot),
        (artefact::MANIFEST.to_owned(), serde_json::to_vec(&manifest)?),
    ];
    Ok(Artefact { version: manifest.version.clone(), files, manifest })
}

/// What opening touches, and then what common searches touch, as far as there is room.
fn hot_ranges(manifest: &Manifest, bundle: &[u8]) -> Result<Vec<Range<u64>>, CompileError> {
    let reader = Reader::open(manifest.clone(), Vec::new(), usize::MAX)?;
    reader.bundle().start_recording();
    // Nothing has this word, and it is too short for a misspelt one, so this reads what opening reads and no more.
    let open_only = Request { query: "\u{fdd0}x".to_owned(), ..Request::default() };
    answer_from(&reader, bundle, &open_only)?;
    let mut hot = reader.bundle().take_recorded();
    let is_rare = |file: &&BundledFile| file.name.ends_with(rare::EXTENSION) && file.length <= RARE_WHOLE_MAX_BYTES;
    hot.extend(manifest.files.iter().filter(is_rare).map(|file| file.offset..file.offset + file.length));
    let mut hot = hotcache::merged(hot);
    let room = length(&hot) + HOTCACHE_SEARCHES_MAX_BYTES;
    // Blocks of stored products that were read once are not read again, so nothing recorded from here on may be dropped.
    for request in common_requests(&reader, bundle)? {
        answer_from(&reader, bundle, &request)?;
        let mut more = hot.clone();
        more.extend(reader.bundle().take_recorded());
        let more = hotcache::merged(more);
        if length(&more) <= room {
            hot = more;
        }
    }
    Ok(hot)
}

/// Listings in every order, and of the largest categories; searches for the largest brands and categories by name.
fn common_requests(reader: &Reader, bundle: &[u8]) -> Result<Vec<Request>, CompileError> {
    let listing = |sort| Request { sort, ..Request::default() };
    let mut requests = vec![listing(Sort::Relevance)];
    let front = answer_from(reader, bundle, &requests[0])?.facets;
    for category in front.category.iter().take(COMMON_MAX) {
        requests.push(Request { category: Some(category.value.clone()), ..Request::default() });
    }
    for name in front.category.iter().take(COMMON_MAX).chain(front.brand.iter().take(COMMON_MAX)) {
        requests.push(Request { query: name.value.chars().take(64).collect(), ..Request::default() });
    }
    requests.extend([Sort::Newest, Sort::PriceAsc, Sort::PriceDesc].map(listing));
    Ok(requests)
}

fn answer_from(reader: &Reader, bundle: &[u8], request: &Request) -> Result<crate::Answer, SearchError> {
    let mut search = reader.begin(request)?;
    loop {
        match search.run()? {
            Outcome::Ready(answer) => return Ok(*answer),
            Outcome::NeedBytes(ranges) => {
                for range in ranges {
                    search.supply(range.start, &bundle[range.start as usize..range.end as usize])?;
                }
            }
        }
    }
}

fn length(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(|range| range.end - range.start).sum()
}
