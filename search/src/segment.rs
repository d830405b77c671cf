//! Segments of the index: written from documents, merged from parts, named by their contents. It never bundles or publishes.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tantivy::directory::{Directory as _, RamDirectory};
use tantivy::indexer::merge_filtered_segments;
use tantivy::{DocId, Index, IndexSettings, ReloadPolicy};

use crate::analysis;
use crate::commit::{Deleted, Part, PartRef};
use crate::directory::PagedDirectory;
use crate::document::Document;
use crate::error::SearchError;
use crate::facet_choice::FacetChoice;
use crate::ids::{self, Key};
use crate::indexing::{Indexing, Rareness};
use crate::rows::{self, Rows};
use crate::{pack, rare, schema};

/// The file in which the index library lists segments.
pub(crate) const META: &str = "meta.json";
/// Stored products are compressed in blocks of this size: a hit costs one block.
const STORE_BLOCK_BYTES: usize = 4 * 1024;
/// Every list of superseded documents belongs to one commit, so they need no numbers to be told apart.
const OPSTAMP: u64 = 1;

/// The files of one segment.
pub(crate) struct Segment {
    /// Hash of the contents, in hexadecimal.
    pub(crate) id: String,
    pub(crate) document_count: u32,
    /// By name; that of the products' ids is among them, [`META`] is not.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    /// [`META`], listing this segment only.
    pub(crate) meta: Vec<u8>,
}

impl Segment {
    /// The segment as a part, and the part's object.
    pub(crate) fn into_part(self) -> (Part, Vec<u8>) {
        let bytes = pack::encode(self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
        let reference = PartRef {
            id: self.id,
            bytes: bytes.len() as u64,
            checksum: crc32fast::hash(&bytes),
            document_count: self.document_count,
        };
        let files = self.files.into_iter().map(|(name, bytes)| (name, tantivy::directory::OwnedBytes::new(bytes)));
        (Part { reference, files: files.collect() }, bytes)
    }
}

/// Writes a segment. The same documents in the same order give the same bytes.
///
/// `memory_budget_bytes` is what the writer begins with; it grows with the documents. `rareness` says which terms go to a file of
/// their own.
pub(crate) fn write(
    documents: impl Iterator<Item = Document>,
    facets: &FacetChoice,
    rareness: &Rareness,
    memory_budget_bytes: usize,
) -> tantivy::Result<Segment> {
    let (schema, fields) = schema::schema();
    let directory = RamDirectory::create();
    let index = Index::builder().schema(schema).settings(settings());
    let tokenizers = tantivy::tokenizer::TokenizerManager::default();
    for (name, analyser) in analysis::analysers() {
        tokenizers.register(name, analyser);
    }
    let mut writer =
        index.tokenizers(tokenizers).single_segment_index_writer(directory.clone(), memory_budget_bytes)?;
    let mut keys = Vec::new();
    let mut indexing = Indexing::new(&fields, facets, rareness);
    for document in documents {
        keys.push(ids::key(&document.id));
        writer.add_document(indexing.document(document).map_err(std::io::Error::from)?)?;
    }
    let rare = indexing.rare.finish()?;
    named(&writer.finalize()?, &directory, &keys, rare)
}

fn settings() -> IndexSettings {
    IndexSettings {
        docstore_compress_dedicated_thread: false,
        docstore_blocksize: STORE_BLOCK_BYTES,
        ..IndexSettings::default()
    }
}

/// Merges parts, in order, without their superseded documents; `None` when that leaves nothing.
///
/// `meta` is the [`META`] of an index with the same schema.
pub(crate) fn merge(meta: &[u8], parts: &[&Part], deleted: &Deleted) -> Result<Option<Segment>, SearchError> {
    let mut keys: Vec<Key> = Vec::new();
    for part in parts {
        let id = &part.reference.id;
        let lost = || SearchError::Corrupt(format!("part {id}: its products' ids cannot be read"));
        let superseded = deleted.get(id);
        let of_part = ids::decode(part.file(ids::EXTENSION).ok_or_else(lost)?).ok_or_else(lost)?;
        let alive = of_part.into_iter().zip(0..).filter(|(_, doc)| !superseded.is_some_and(|docs| docs.contains(doc)));
        keys.extend(alive.map(|(key, _)| key));
    }
    if keys.is_empty() {
        return Ok(None);
    }
    let references: Vec<PartRef> = parts.iter().map(|part| part.reference.clone()).collect();
    let meta = listing(&without_segments(meta)?, &references, deleted)?;
    let mut files = crate::commit::deletion_files(&meta, deleted).map_err(SearchError::Corrupt)?;
    files.push((META.to_owned(), tantivy::directory::OwnedBytes::new(meta)));
    files.extend(parts.iter().flat_map(|part| part.files.iter().cloned()));
    let index = Index::open(PagedDirectory::in_memory(files))?;
    let segments = index.searchable_segments()?;
    let directory = RamDirectory::create();
    let merged = merge_filtered_segments(&segments, settings(), vec![None; segments.len()], directory.clone())?;
    Ok(Some(named(&merged, &directory, &keys, None)?))
}

/// The only segment of an index, under a name made from its contents instead of a random one.
fn named(index: &Index, directory: &RamDirectory, keys: &[Key], rare: Option<Vec<u8>>) -> tantivy::Result<Segment> {
    let metas = index.load_metas()?;
    let Some(listed) = metas.segments.first() else {
        return Err(tantivy::TantivyError::InternalError("a segment was written and is not there".to_owned()));
    };
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for path in listed_files(listed) {
        // Segments list files that they may have; those of deletions and the like are not there.
        if directory.exists(&path)? {
            let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            files.push((extension, directory.atomic_read(&path)?));
        }
    }
    files.push((ids::EXTENSION.to_owned(), ids::encode(keys)));
    files.push((rows::EXTENSION.to_owned(), rows_of(index)?.encode()));
    files.extend(rare.map(|rare| (rare::EXTENSION.to_owned(), rare)));
    files.sort_by_key(|(extension, _)| file_order(extension));
    let mut digest = Sha256::new();
    for (extension, bytes) in &files {
        digest.update(extension);
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    }
    let id = hex(&digest.finalize()[..16]);
    let mut meta: Value =
        serde_json::from_slice(&directory.atomic_read(Path::new(META))?).map_err(std::io::Error::from)?;
    meta["payload"] = Value::Null;
    meta["segments"] = json!([entry(&id, listed.max_doc(), 0)]);
    Ok(Segment {
        document_count: listed.max_doc(),
        files: files.into_iter().map(|(extension, bytes)| (format!("{id}.{extension}"), bytes)).collect(),
        meta: serde_json::to_vec(&meta).map_err(std::io::Error::from)?,
        id,
    })
}

fn listed_files(segment: &tantivy::SegmentMeta) -> impl Iterator<Item = std::path::PathBuf> + '_ {
    use tantivy::index::SegmentComponent::{FastFields, FieldNorms, Positions, Postings, Store, Terms};
    [Postings, Positions, Terms, Store, FastFields, FieldNorms].into_iter().map(|file| segment.relative_path(file))
}

/// The rows of an index that has one segment.
fn rows_of(index: &Index) -> tantivy::Result<Rows> {
    let reader: tantivy::IndexReader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    Rows::read(reader.searcher().segment_reader(0))
}

/// What every search needs first, stored products late, what only the indexer reads last: neighbours are fetched together.
fn file_order(extension: &str) -> u8 {
    match extension {
        rows::EXTENSION => 1,
        "fieldnorm" => 2,
        "term" => 3,
        rare::EXTENSION => 4,
        "pos" => 5,
        "idx" => 6,
        "store" => 7,
        _ => 8,
    }
}

fn entry(id: &str, max_doc: u32, deleted: usize) -> Value {
    let dashed = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-");
    let deletes = match deleted {
        0 => Value::Null,
        count => json!({ "num_deleted_docs": count, "opstamp": OPSTAMP }),
    };
    json!({ "segment_id": dashed, "max_doc": max_doc, "deletes": deletes })
}

fn unreadable(error: serde_json::Error) -> SearchError {
    SearchError::Corrupt(format!("{META}: {error}"))
}

/// The segments that a [`META`] lists, and how many documents each has.
pub(crate) fn listed(meta: &[u8]) -> Result<Vec<(String, u32)>, SearchError> {
    let meta: Value = serde_json::from_slice(meta).map_err(unreadable)?;
    let segments = meta["segments"].as_array().map(Vec::as_slice).unwrap_or_default();
    let segment = |entry: &Value| {
        let id = entry["segment_id"].as_str()?.replace('-', "");
        let max_doc = u32::try_from(entry["max_doc"].as_u64()?).ok()?;
        (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some((id, max_doc))
    };
    let segments: Option<Vec<_>> = segments.iter().map(segment).collect();
    segments.ok_or_else(|| SearchError::Corrupt(format!("{META}: a segment is badly listed")))
}

fn without_segments(meta: &[u8]) -> Result<Vec<u8>, SearchError> {
    let mut meta: Value = serde_json::from_slice(meta).map_err(unreadable)?;
    meta["segments"] = json!([]);
    serde_json::to_vec(&meta).map_err(unreadable)
}

/// A base's [`META`] with parts added, and what has been superseded.
pub(crate) fn listing(base_meta: &[u8], parts: &[PartRef], deleted: &Deleted) -> Result<Vec<u8>, SearchError> {
    let mut meta: Value = serde_json::from_slice(base_meta).map_err(unreadable)?;
    let of_base = listed(base_meta)?;
    let all = of_base.iter().map(|(id, max_doc)| (id, *max_doc));
    let all = all.chain(parts.iter().map(|part| (&part.id, part.document_count)));
    let entries = all.map(|(id, max_doc)| entry(id, max_doc, deleted.get(id).map_or(0, BTreeSet::<DocId>::len)));
    meta["segments"] = entries.collect();
    serde_json::to_vec(&meta).map_err(unreadable)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
