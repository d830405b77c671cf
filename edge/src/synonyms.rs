//! The operator's synonyms: checked, and stored under a name made from their contents. The indexer makes them part of the index.

use axum::body::Bytes;
use search::Synonyms;
use sha2::{Digest, Sha256};

use crate::context::Context;
use crate::error::Error;
use crate::index_store::IndexStore;

/// Largest file of synonyms.
const BYTES_MAX: usize = 1024 * 1024;
/// Problems that are told at once.
const PROBLEMS_MAX: usize = 20;

/// Stores a text of synonyms; answers its key, `None` when it holds none.
///
/// # Errors
/// A rejection with the line of everything that is wrong; then nothing was stored.
pub(crate) async fn store(context: &Context, body: &Bytes) -> Result<Option<String>, Error> {
    if body.len() > BYTES_MAX {
        return Err(Error::bad_request("synonyms_too_large", format!("at most {BYTES_MAX} bytes")));
    }
    let text = std::str::from_utf8(body).map_err(|error| Error::bad_request("synonyms_invalid", error))?;
    let synonyms = Synonyms::parse(text).map_err(|problems| {
        let told: Vec<String> = problems.iter().take(PROBLEMS_MAX).map(ToString::to_string).collect();
        Error::bad_request("synonyms_invalid", told.join("; "))
    })?;
    if synonyms.is_empty() {
        return Ok(None);
    }
    let key = format!("index/synonyms/{}", hex::encode(&Sha256::digest(body)[..16]));
    IndexStore::OfRequest(context.clone()).put(&key, body.to_vec()).await?;
    Ok(Some(key))
}
