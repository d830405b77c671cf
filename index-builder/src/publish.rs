//! Uploads a compiled index and makes it the one that searches use. Uploads are immutable under the index's version, so that
//! doing it again does no harm; the pointer is flipped last.

use std::path::Path;

use anyhow::{Context, bail};
use domain::wire::{EDGE_INDEX_FILES, EDGE_INDEX_PUBLISH, EDGE_INDEX_SYNONYMS, PublishIndex};
use importer::shop::{Shop, ShopError};
use search::{Artefact, Synonyms};

/// Puts every file of `artefact` into the shop, then publishes it.
///
/// # Errors
/// When the shop refuses or does not answer; then searches go on with the index that they had.
pub async fn publish(shop: &Shop, artefact: Artefact) -> Result<(), ShopError> {
    let Artefact { version, files, manifest: _ } = artefact;
    for (file, bytes) in files {
        shop.put(&format!("{EDGE_INDEX_FILES}{version}/{file}"), "application/octet-stream", bytes).await?;
    }
    shop.tell(EDGE_INDEX_PUBLISH, &PublishIndex { version }).await
}

/// Reads a list of synonyms and checks it.
///
/// # Errors
/// When the file cannot be read, or with every line of it that cannot be used.
pub fn read_synonyms(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    match Synonyms::parse(&text) {
        Ok(_) => Ok(text),
        Err(problems) => {
            let told: Vec<String> = problems.iter().map(|problem| format!("{}: {problem}", file.display())).collect();
            bail!("{}\nnothing was published", told.join("\n"))
        }
    }
}

/// Makes `text` the synonyms that searches use. There must be an index.
///
/// # Errors
/// When the shop refuses or does not answer; then searches go on with the synonyms that they had.
pub async fn publish_synonyms(shop: &Shop, text: String) -> Result<(), ShopError> {
    shop.put(EDGE_INDEX_SYNONYMS, "text/plain; charset=utf-8", text.into_bytes()).await
}
