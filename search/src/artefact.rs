//! The compiled index as objects in a bucket: names, sizes and checksums. It never reads or writes a bucket.
//!
//! An artefact has three files, immutable under its version: the *bundle* (all files of the index in one, read by ranges),
//! the *hotcache* (the ranges that opening and the commonest searches touch; read whole) and the *manifest* (this module's
//! [`Manifest`] as JSON). What changes afterwards is in commits and parts ([`crate::commit`]). A pointer object names what is
//! current and is written last.

use serde::{Deserialize, Serialize};

use crate::commit::{PartRef, commit_key};
use crate::error::SearchError;
use crate::pages::PAGE_BYTES;
use crate::schema::SCHEMA_VERSION;

/// File name of the bundle.
pub const BUNDLE: &str = "bundle";
/// File name of the hotcache.
pub const HOTCACHE: &str = "hotcache";
/// File name of the manifest.
pub const MANIFEST: &str = "manifest.json";
/// Key of the pointer object, a [`Pointer`] as JSON.
pub const POINTER_KEY: &str = "index/current.json";

/// Key of an artefact's file.
pub fn object_key(version: &str, file: &str) -> String {
    format!("index/{version}/{file}")
}

/// What is current. It names everything that has to be read, so that all of it can be read at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// A commit's version; an [`Artefact::version`] when nothing has changed since that was compiled.
    pub version: String,
    /// When it became current, in milliseconds since 1970.
    pub published_at_ms: i64,
    /// The artefact on which the commit stands; `None` when `version` is an artefact's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The parts that the commit needs, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartRef>,
    /// Number of the last change to the catalogue that is in it; all before are too.
    #[serde(default)]
    pub catalogue_seq: u64,
    /// Key of the object with synonyms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synonyms: Option<String>,
}

impl Pointer {
    /// The pointer to an artefact to which nothing has been added.
    pub fn to_artefact(manifest: &Manifest, published_at_ms: i64) -> Self {
        let version = manifest.version.clone();
        Self { version, published_at_ms, catalogue_seq: manifest.catalogue_seq, ..Self::default() }
    }

    /// The artefact whose bundle, hotcache and manifest are to be read.
    pub fn base_version(&self) -> &str {
        self.base.as_deref().unwrap_or(&self.version)
    }

    /// Key of the commit, if there is one.
    pub fn commit_key(&self) -> Option<String> {
        self.base.as_ref().map(|_| commit_key(&self.version))
    }
}

/// A compiled index.
#[derive(Debug, Clone)]
pub struct Artefact {
    /// Hash of the contents, in hexadecimal: the same products compile to the same version.
    pub version: String,
    /// The objects to write, as file name and bytes: [`BUNDLE`], [`HOTCACHE`], [`MANIFEST`].
    pub files: Vec<(String, Vec<u8>)>,
    /// The manifest, as it is in `files`.
    pub manifest: Manifest,
}

impl Artefact {
    /// A file's bytes; empty for a name that an artefact does not have.
    pub fn file(&self, name: &str) -> &[u8] {
        self.files.iter().find(|(file, _)| file == name).map_or(&[], |(_, bytes)| bytes)
    }
}

/// What has to be known before the first range of the bundle is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Hash of the contents, in hexadecimal.
    pub version: String,
    /// Which build can read it.
    pub schema_version: u32,
    /// Products in it.
    pub document_count: u64,
    /// Bytes of the bundle.
    pub bundle_bytes: u64,
    /// Bytes a page; ranges of the bundle begin at a multiple of it.
    pub page_bytes: u64,
    /// CRC-32 of each page, eight hexadecimal digits each, in order.
    pub page_checksums: String,
    /// Bytes of the hotcache.
    pub hotcache_bytes: u64,
    /// CRC-32 of the hotcache.
    pub hotcache_checksum: u32,
    /// Where the index's files are in the bundle.
    pub files: Vec<BundledFile>,
    /// Number of the last change to the catalogue that is in it; all before are too.
    #[serde(default)]
    pub catalogue_seq: u64,
    /// What was chosen for facets when it was compiled; parts have to follow it.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub facets: serde_json::Value,
}

/// One file of the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundledFile {
    /// The name by which the index knows it.
    pub name: String,
    /// Where it begins in the bundle, in bytes.
    pub offset: u64,
    /// Its length, in bytes.
    pub length: u64,
}

impl Manifest {
    /// Reads a manifest and checks it.
    ///
    /// # Errors
    /// [`SearchError::Corrupt`] when it is not a manifest or contradicts itself, [`SearchError::Incompatible`] when it
    /// belongs to another build.
    pub fn from_json(json: &[u8]) -> Result<Self, SearchError> {
        let manifest: Self =
            serde_json::from_slice(json).map_err(|error| SearchError::Corrupt(format!("manifest: {error}")))?;
        manifest.check()?;
        Ok(manifest)
    }

    pub(crate) fn check(&self) -> Result<(), SearchError> {
        if self.schema_version != SCHEMA_VERSION {
            return Err(SearchError::Incompatible { found: self.schema_version, expected: SCHEMA_VERSION });
        }
        let corrupt = |what: &str| Err(SearchError::Corrupt(format!("manifest: {what}")));
        if self.page_bytes != PAGE_BYTES {
            return corrupt("unexpected page size");
        }
        let checksums = self.page_checksums.as_bytes();
        if checksums.len() as u64 != self.page_count().saturating_mul(8) || !checksums.iter().all(u8::is_ascii_hexdigit)
        {
            return corrupt("page checksums do not fit the bundle");
        }
        let inside =
            |file: &BundledFile| file.offset.checked_add(file.length).is_some_and(|end| end <= self.bundle_bytes);
        if !self.files.iter().all(inside) {
            return corrupt("a file lies outside the bundle");
        }
        Ok(())
    }

    /// Pages in the bundle.
    pub(crate) fn page_count(&self) -> u64 {
        self.bundle_bytes.div_ceil(PAGE_BYTES)
    }

    /// A page's checksum; `None` for a page that the bundle does not have.
    pub(crate) fn page_checksum(&self, page: u64) -> Option<u32> {
        let at = usize::try_from(page).ok()?.checked_mul(8)?;
        u32::from_str_radix(self.page_checksums.get(at..at.checked_add(8)?)?, 16).ok()
    }
}

/// The checksums of a bundle's pages, as the manifest has them.
pub(crate) fn page_checksums(bundle: &[u8]) -> String {
    bundle.chunks(PAGE_BYTES as usize).map(|page| format!("{:08x}", crc32fast::hash(page))).collect()
}
