//! Why a search did not end in an answer. Text of shoppers is never a reason; only bytes and requests are.

use thiserror::Error;

use crate::request::InvalidRequest;

/// What went wrong.
#[derive(Debug, Error)]
pub enum SearchError {
    /// The request breaks a limit: answer 400.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// Bytes differ from what the manifest promises: fall back to the last good artefact.
    #[error("the search artefact is corrupt: {0}")]
    Corrupt(String),
    /// The artefact was compiled for another version of this crate: compile it again.
    #[error(
        "the index was compiled by another version (its schema is {found}, this one reads {expected}): \
         compile the catalogue again with `cargo xtask index`"
    )]
    Incompatible {
        /// Schema version in the manifest.
        found: u32,
        /// Schema version of this build.
        expected: u32,
    },
    /// The index library refused something that it should not have.
    #[error("the search index failed: {0}")]
    Index(#[from] tantivy::TantivyError),
}
