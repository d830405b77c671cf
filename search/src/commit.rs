//! What has changed since an artefact was compiled, as objects in a bucket. It never reads or writes a bucket.
//!
//! The artefact is the *base*. A *part* is one small object with the files of one segment of newer documents. A *commit*
//! is one small object that says which base and which parts make up the index, and which of their documents have been
//! superseded: together they are one ordinary commit of the index library, so scores are counted over all of it.
//!
//! ```text
//! index/current.json            the pointer: base, commit, parts. Rewritten; everything else is immutable
//! index/{base}/…                bundle, hotcache, manifest
//! index/commits/{version}       base + parts + superseded documents
//! index/parts/{id}              one segment, read whole, kept by readers from commit to commit
//! ```
//!
//! Both kinds are named by their contents and the pointer is written last. Whatever stops a publication half-way leaves
//! objects that nothing points at, the pointer as it was, and everything that it points at in place; publishing again
//! writes the same bytes under the same names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tantivy::directory::{Directory as _, OwnedBytes, RamDirectory, TerminatingWrite as _};
use tantivy::fastfield::write_alive_bitset;
use tantivy::index::SegmentComponent;
use tantivy::{BitSet, DocId, Index};

use crate::error::SearchError;
use crate::pack;
use crate::segment::{self, META};

const HEADER: &str = "commit.json";
/// What follows a segment's id in the name of the file that lists its superseded documents.
const DELETED: &str = ".deleted";

/// Key of a commit.
pub fn commit_key(version: &str) -> String {
    format!("index/commits/{version}")
}

/// Key of a part.
pub fn part_key(id: &str) -> String {
    format!("index/parts/{id}")
}

/// A part, by name and sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRef {
    /// Hash of the contents, in hexadecimal; also the id of its segment. The key is [`part_key`] of it.
    pub id: String,
    /// Bytes of the object.
    pub bytes: u64,
    /// CRC-32 of the object.
    pub checksum: u32,
    /// Documents in it, superseded ones included.
    pub document_count: u32,
}

impl PartRef {
    /// Key of the object.
    pub fn key(&self) -> String {
        part_key(&self.id)
    }
}

/// One segment of newer documents, whole in memory.
#[derive(Debug, Clone)]
pub struct Part {
    pub(crate) reference: PartRef,
    pub(crate) files: Vec<(String, OwnedBytes)>,
}

impl Part {
    /// Reads a part's object and checks it.
    ///
    /// # Errors
    /// [`SearchError::Corrupt`], naming the part, when the bytes are not those that `reference` promises.
    pub fn decode(reference: &PartRef, bytes: Vec<u8>) -> Result<Self, SearchError> {
        let corrupt = |what: &str| SearchError::Corrupt(format!("part {}: {what}", reference.id));
        if bytes.len() as u64 != reference.bytes || crc32fast::hash(&bytes) != reference.checksum {
            return Err(corrupt("checksum differs"));
        }
        let files = pack::decode(bytes).ok_or_else(|| corrupt("not a part"))?;
        if !files.iter().all(|(name, _)| name.starts_with(&reference.id)) {
            return Err(corrupt("holds files of another segment"));
        }
        Ok(Self { reference: reference.clone(), files })
    }

    /// Which part it is.
    pub fn reference(&self) -> &PartRef {
        &self.reference
    }

    /// Bytes held in memory.
    pub fn used_bytes(&self) -> usize {
        self.reference.bytes as usize
    }

    pub(crate) fn file(&self, extension: &str) -> Option<&OwnedBytes> {
        self.files.iter().find(|(name, _)| name.rsplit('.').next() == Some(extension)).map(|(_, bytes)| bytes)
    }
}

/// Superseded documents, by segment. A segment without any is not in it.
pub(crate) type Deleted = BTreeMap<String, BTreeSet<DocId>>;

/// What a commit says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    base: String,
    parts: Vec<PartRef>,
    document_count: u64,
    catalogue_seq: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    synonyms: Option<String>,
}

/// A base, parts, and what of them has been superseded.
#[derive(Debug, Clone)]
pub struct Commit {
    version: String,
    header: Header,
    pub(crate) meta: Vec<u8>,
    pub(crate) deleted: Deleted,
}

impl Commit {
    /// Reads a commit's object and checks it against its name.
    ///
    /// # Errors
    /// [`SearchError::Corrupt`], naming the commit, when the bytes are not those of `version`.
    pub fn decode(version: &str, bytes: Vec<u8>) -> Result<Self, SearchError> {
        let corrupt = |what: &str| SearchError::Corrupt(format!("commit {version}: {what}"));
        if version_of(&bytes) != version {
            return Err(corrupt("checksum differs"));
        }
        let files = pack::decode(bytes).ok_or_else(|| corrupt("not a commit"))?;
        let file = |wanted: &str| {
            files.iter().find(|(name, _)| name == wanted).map(|(_, bytes)| bytes).ok_or_else(|| corrupt("lacks a file"))
        };
        let header = serde_json::from_slice(file(HEADER)?).map_err(|_| corrupt("its header cannot be read"))?;
        let meta = file(META)?.to_vec();
        let mut deleted = Deleted::new();
        for (name, bytes) in &files {
            if let Some(segment) = name.strip_suffix(DELETED) {
                let documents = gaps_read(bytes).ok_or_else(|| corrupt("a list of documents cannot be read"))?;
                deleted.insert(segment.to_owned(), documents);
            }
        }
        Ok(Self { version: version.to_owned(), header, meta, deleted })
    }

    /// Hash of the contents, in hexadecimal.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The artefact that it stands on.
    pub fn base(&self) -> &str {
        &self.header.base
    }

    /// The parts that it needs, oldest first.
    pub fn parts(&self) -> &[PartRef] {
        &self.header.parts
    }

    /// Products that searches find.
    pub fn document_count(&self) -> u64 {
        self.header.document_count
    }

    /// Number of the last change to the catalogue that is in it; all before are too.
    pub fn catalogue_seq(&self) -> u64 {
        self.header.catalogue_seq
    }

    /// Key of the object with synonyms that belongs to it.
    pub fn synonyms(&self) -> Option<&str> {
        self.header.synonyms.as_deref()
    }

    /// The files in which the index library keeps superseded documents, by name.
    pub(crate) fn deletion_files(&self) -> Result<Vec<(String, OwnedBytes)>, SearchError> {
        deletion_files(&self.meta, &self.deleted)
            .map_err(|what| SearchError::Corrupt(format!("commit {}: {what}", self.version)))
    }
}

/// What a commit is made of.
pub(crate) struct Draft<'a> {
    pub(crate) base: &'a str,
    pub(crate) base_meta: &'a [u8],
    pub(crate) parts: Vec<PartRef>,
    pub(crate) deleted: &'a Deleted,
    pub(crate) document_count: u64,
    pub(crate) catalogue_seq: u64,
    pub(crate) synonyms: Option<String>,
}

impl Draft<'_> {
    /// The commit's version and bytes.
    pub(crate) fn encode(self) -> Result<(String, Vec<u8>), SearchError> {
        let meta = segment::listing(self.base_meta, &self.parts, self.deleted)?;
        let header = Header {
            base: self.base.to_owned(),
            parts: self.parts,
            document_count: self.document_count,
            catalogue_seq: self.catalogue_seq,
            synonyms: self.synonyms,
        };
        let unwritable = |error: serde_json::Error| SearchError::Index(std::io::Error::from(error).into());
        let mut files = vec![(HEADER.to_owned(), serde_json::to_vec(&header).map_err(unwritable)?)];
        files.push((META.to_owned(), meta));
        let lists = self.deleted.iter().filter(|(_, documents)| !documents.is_empty());
        files.extend(lists.map(|(segment, documents)| (format!("{segment}{DELETED}"), gaps_written(documents))));
        let bytes = pack::encode(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
        Ok((version_of(&bytes), bytes))
    }
}

fn version_of(bytes: &[u8]) -> String {
    segment::hex(&Sha256::digest(bytes)[..16])
}

/// The alive documents of each segment, as the index library writes them.
///
/// A commit lists the superseded ones only: a save then costs bytes for what it changed, not for what there is.
pub(crate) fn deletion_files(meta: &[u8], deleted: &Deleted) -> Result<Vec<(String, OwnedBytes)>, String> {
    let directory = RamDirectory::create();
    directory.atomic_write(Path::new(META), meta).map_err(|error| error.to_string())?;
    let index = Index::open(directory.clone()).map_err(|error| error.to_string())?;
    let mut files = Vec::new();
    for meta in index.searchable_segment_metas().map_err(|error| error.to_string())? {
        let documents = deleted.get(&meta.id().uuid_string());
        if documents.map_or(0, BTreeSet::len) != meta.num_deleted_docs() as usize {
            return Err("counts of superseded documents differ".to_owned());
        }
        let Some(documents) = documents else { continue };
        let mut alive = BitSet::with_max_value_and_full(meta.max_doc());
        for document in documents {
            if *document >= meta.max_doc() {
                return Err("a superseded document is not in its segment".to_owned());
            }
            alive.remove(*document);
        }
        let name = meta.relative_path(SegmentComponent::Delete);
        let mut writer = index.segment(meta).open_write(SegmentComponent::Delete).map_err(|error| error.to_string())?;
        write_alive_bitset(&alive, &mut writer).map_err(|error| error.to_string())?;
        writer.terminate().map_err(|error| error.to_string())?;
        let bytes = directory.atomic_read(&name).map_err(|error| error.to_string())?;
        files.push((name.to_string_lossy().into_owned(), OwnedBytes::new(bytes)));
    }
    Ok(files)
}

/// Numbers in order, each as what it is more than the one before, in as few groups of seven bits as it takes.
fn gaps_written(numbers: &BTreeSet<DocId>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut before = 0;
    for number in numbers {
        let mut gap = number - before;
        before = *number;
        while gap >= 0x80 {
            bytes.push(gap as u8 | 0x80);
            gap >>= 7;
        }
        bytes.push(gap as u8);
    }
    bytes
}

fn gaps_read(bytes: &[u8]) -> Option<BTreeSet<DocId>> {
    let mut numbers = BTreeSet::new();
    let (mut before, mut gap, mut shift) = (0_u32, 0_u32, 0);
    for byte in bytes {
        gap |= u32::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
        if byte & 0x80 == 0 {
            before = before.checked_add(gap)?;
            numbers.insert(before);
            (gap, shift) = (0, 0);
        }
    }
    (shift == 0).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_documents_come_back_as_they_were() {
        for numbers in [vec![], vec![0], vec![127, 128, 129], vec![0, 1, 300, 70_000, u32::MAX]] {
            let numbers: BTreeSet<DocId> = numbers.into_iter().collect();
            assert_eq!(gaps_read(&gaps_written(&numbers)).unwrap(), numbers);
        }
        assert!(gaps_read(&[0x80]).is_none());
        assert!(gaps_read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]).is_none());
    }
}
