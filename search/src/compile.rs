//! From products to an artefact: one merged segment, bundled, with its hotcache. It never publishes anything.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use tantivy::directory::{Directory as _, RamDirectory};
use tantivy::index::SegmentId;
use tantivy::{Index, IndexSettings};
use thiserror::Error;

use crate::analysis;
use crate::artefact::{self, Artefact, BundledFile, Manifest};
use crate::document::Document;
use crate::error::SearchError;
use crate::hotcache;
use crate::pages::PAGE_BYTES;
use crate::reader::{Outcome, Reader};
use crate::request::{Request, Sort};
use crate::schema::{self, SCHEMA_VERSION};

/// Memory to begin with while compiling; it grows with the catalogue.
pub const MEMORY_BUDGET_DEFAULT_BYTES: usize = 256 * 1024 * 1024;
/// Stored products are compressed in blocks of this size: a hit costs one block.
const STORE_BLOCK_BYTES: usize = 4 * 1024;
/// What common searches may add to the hotcache, over what opening needs.
const HOTCACHE_SEARCHES_MAX_BYTES: u64 = 2 * 1024 * 1024;
/// Brands and categories whose searches are taken for common.
const COMMON_MAX: usize = 24;

/// Why a catalogue did not compile.
#[derive(Debug, Error)]
pub enum CompileError {
    /// The index library failed.
    #[error("the index could not be built: {0}")]
    Index(#[from] tantivy::TantivyError),
    /// A card could not be written.
    #[error("a product could not be written: {0}")]
    Card(#[from] serde_json::Error),
    /// The index that was just built could not be read back.
    #[error("the index could not be read back: {0}")]
    ReadBack(#[from] SearchError),
    /// A file of the index could not be read.
    #[error("a file of the index could not be read: {0}")]
    File(String),
}

/// Compiles products into an artefact. The same products in the same order give the same bytes and version.
///
/// `memory_budget_bytes` is what the writer begins with ([`MEMORY_BUDGET_DEFAULT_BYTES`] natively, less in a Worker).
///
/// # Errors
/// When the index cannot be built, or does not answer searches afterwards.
pub fn compile(
    documents: impl Iterator<Item = Document>,
    memory_budget_bytes: usize,
) -> Result<Artefact, CompileError> {
    let (schema, fields) = schema::schema();
    let directory = RamDirectory::create();
    let settings = IndexSettings {
        docstore_compress_dedicated_thread: false,
        docstore_blocksize: STORE_BLOCK_BYTES,
        ..IndexSettings::default()
    };
    let index = Index::builder().schema(schema).settings(settings);
    let tokenizers = tantivy::tokenizer::TokenizerManager::default();
    for (name, analyser) in analysis::analysers() {
        tokenizers.register(name, analyser);
    }
    let mut writer =
        index.tokenizers(tokenizers).single_segment_index_writer(directory.clone(), memory_budget_bytes)?;
    let mut document_count = 0;
    for document in documents {
        writer.add_document(schema::index_document(&fields, document)?)?;
        document_count += 1;
    }
    let index = writer.finalize()?;
    let files = renamed(&index, index_files(&index, &directory)?)?;
    bundle(files, document_count)
}

/// The index's files, with the name of each.
fn index_files(index: &Index, directory: &RamDirectory) -> Result<Vec<(String, Vec<u8>)>, CompileError> {
    let mut names = vec!["meta.json".to_owned()];
    let segments = index.load_metas()?.list_segment_files();
    names.extend(segments.iter().map(|path| path.to_string_lossy().into_owned()));
    let mut files = Vec::new();
    for name in names {
        let path = Path::new(&name);
        // Segments list files that they may have; those of deletions and the like are not there.
        if directory.exists(path).map_err(|error| CompileError::File(error.to_string()))? {
            let bytes = directory.atomic_read(path).map_err(|error| CompileError::File(error.to_string()))?;
            files.push((name, bytes));
        }
    }
    files.sort_by_key(|(name, _)| file_order(name));
    Ok(files)
}

/// Small files that every search needs first, stored products last: neighbours are fetched together.
fn file_order(name: &str) -> (u8, String) {
    let extension = name.rsplit('.').next().unwrap_or_default();
    let order = match extension {
        "json" => 0,
        "fast" => 1,
        "fieldnorm" => 2,
        "term" => 3,
        "pos" => 4,
        "idx" => 5,
        _ => 6,
    };
    (order, extension.to_owned())
}

/// Replaces the segment's random id by one made from the contents, so that equal catalogues give equal artefacts.
fn renamed(index: &Index, files: Vec<(String, Vec<u8>)>) -> Result<Vec<(String, Vec<u8>)>, CompileError> {
    let mut ids: HashMap<String, String> = HashMap::new();
    for id in index.searchable_segment_ids()? {
        let old = id.uuid_string();
        let mut digest = Sha256::new();
        for (name, bytes) in files.iter().filter(|(name, _)| name.starts_with(&old)) {
            digest.update(name.trim_start_matches(old.as_str()));
            digest.update(bytes);
        }
        let new = hex(&digest.finalize()[..16]);
        SegmentId::from_uuid_string(&new).map_err(|error| CompileError::File(error.to_string()))?;
        ids.insert(old, new);
    }
    let rename = |text: String| {
        ids.iter().fold(text, |text, (old, new)| {
            let dashed = |id: &str| [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-");
            text.replace(old, new).replace(&dashed(old), &dashed(new))
        })
    };
    let files = files.into_iter().map(|(name, bytes)| {
        let bytes =
            if name == "meta.json" { rename(String::from_utf8_lossy(&bytes).into_owned()).into_bytes() } else { bytes };
        (rename(name), bytes)
    });
    Ok(files.collect())
}

fn bundle(files: Vec<(String, Vec<u8>)>, document_count: u64) -> Result<Artefact, CompileError> {
    let mut bundle = Vec::with_capacity(files.iter().map(|(_, bytes)| bytes.len()).sum());
    let mut bundled = Vec::new();
    let mut digest = Sha256::new();
    digest.update(SCHEMA_VERSION.to_le_bytes());
    for (name, bytes) in files {
        digest.update(&name);
        digest.update(&bytes);
        bundled.push(BundledFile { name, offset: bundle.len() as u64, length: bytes.len() as u64 });
        bundle.extend(bytes);
    }
    let mut manifest = Manifest {
        version: hex(&digest.finalize()[..16]),
        schema_version: SCHEMA_VERSION,
        document_count,
        bundle_bytes: bundle.len() as u64,
        page_bytes: PAGE_BYTES,
        page_checksums: artefact::page_checksums(&bundle),
        hotcache_bytes: 0,
        hotcache_checksum: crc32fast::hash(&[]),
        files: bundled,
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
    // Nothing has this code, so this reads what opening reads and no more.
    let open_only = Request { query: "\u{fdd0}x0".to_owned(), ..Request::default() };
    answer_from(&reader, bundle, &open_only)?;
    let mut hot = hotcache::merged(reader.bundle().take_recorded());
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
            Outcome::Ready(answer) => return Ok(answer),
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
