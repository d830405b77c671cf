//! What the edge tells an operator about search. It never goes to a shopper.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// How far search has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexStatus {
    /// Version of what is searched; empty before anything was published.
    pub version: String,
    /// The artefact that it stands on.
    pub base: String,
    /// When it was published.
    pub published_at: Option<Timestamp>,
    /// Parts added since the artefact was compiled.
    pub parts: u32,
    /// Products in them, superseded ones included.
    pub documents_in_parts: u64,
    /// The last change of the catalogue that is in it.
    pub catalogue_seq: u64,
    /// The last change that the artefact was compiled with.
    pub base_seq: u64,
    /// The last change of the catalogue.
    pub last_seq: u64,
    /// Products with changes that are not in it yet, counted up to some thousands.
    pub pending: u32,
    /// Whether so much has changed that the index should be compiled again.
    pub needs_compile: bool,
    /// The key of its synonyms.
    pub synonyms: Option<String>,
    /// What searching has cost the isolate that answers this; others have counts of their own.
    pub isolate: SearchTally,
}

/// What searching has cost one isolate since it started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchTally {
    /// Version of the index that is open in it.
    pub version: String,
    /// Products that searches find there.
    pub documents: u64,
    /// Bytes of the index in its memory.
    pub resident_bytes: u64,
    /// Searches.
    pub searches: u64,
    /// Searches that had to fetch something.
    pub cold: u64,
    /// Times that bytes were fetched.
    pub rounds: u64,
    /// Most times for one search.
    pub rounds_max: u32,
    /// Bytes that were fetched.
    pub bytes: u64,
    /// Fetches that the data centre's cache answered.
    pub cache_hits: u64,
    /// Fetches that it did not.
    pub cache_misses: u64,
    /// Answers that came from memory.
    pub remembered: u64,
    /// Answers that came from KV.
    pub kv_hits: u64,
    /// Cold questions that KV did not know.
    pub kv_misses: u64,
    /// Answers that were written to KV.
    pub kv_writes: u64,
    /// Times that the last good index had to serve in place of the current one.
    pub fallbacks: u64,
}

/// What shoppers asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryReport {
    /// Of how many days, today included.
    pub days: u32,
    /// Asked most.
    pub top: Vec<QueryCount>,
    /// Found nothing, asked most.
    pub without_results: Vec<QueryCount>,
}

/// How often something was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryCount {
    /// The question, in lower case.
    pub query: String,
    /// Times asked.
    pub asked: u64,
    /// Times that it found nothing.
    pub found_nothing: u64,
}
