//! Uploads a compiled index and makes it the one that searches use. Uploads are immutable under the index's version, so that
//! doing it again does no harm; the pointer is flipped last.

use domain::wire::{EDGE_INDEX_FILES, EDGE_INDEX_PUBLISH, PublishIndex};
use importer::shop::{Shop, ShopError};
use search::Artefact;

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
