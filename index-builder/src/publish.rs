//! Uploads a compiled index and makes it the one that searches use. Uploads are immutable under the index's version, so that
//! doing it again does no harm; the pointer is flipped last.

use domain::wire::{
    CompleteUpload, EDGE_INDEX_FILES, EDGE_INDEX_PUBLISH, INDEX_PIECE_BYTES, PublishIndex, Upload, UploadedPiece,
};
use importer::shop::{Shop, ShopError};
use search::Artefact;

const BYTES: &str = "application/octet-stream";

/// Puts every file of `artefact` into the shop, then publishes it.
///
/// # Errors
/// When the shop refuses or does not answer; then searches go on with the index that they had.
pub async fn publish(shop: &Shop, artefact: Artefact) -> Result<(), ShopError> {
    let Artefact { version, files, manifest: _ } = artefact;
    for (file, bytes) in files {
        let path = format!("{EDGE_INDEX_FILES}{version}/{file}");
        if bytes.len() > INDEX_PIECE_BYTES {
            put_in_pieces(shop, &path, &bytes).await?;
        } else {
            shop.put(&path, BYTES, bytes).await?;
        }
    }
    shop.tell(EDGE_INDEX_PUBLISH, &PublishIndex { version }).await
}

async fn put_in_pieces(shop: &Shop, path: &str, bytes: &[u8]) -> Result<(), ShopError> {
    let Upload { upload_id } = shop.post(&format!("{path}/upload"), &()).await?;
    let mut pieces: Vec<UploadedPiece> = Vec::new();
    for (number, piece) in (1_u16..).zip(bytes.chunks(INDEX_PIECE_BYTES)) {
        let path = format!("{path}?upload_id={upload_id}&piece={number}");
        pieces.push(shop.put_for(&path, BYTES, piece.to_vec()).await?);
    }
    shop.tell(&format!("{path}/complete"), &CompleteUpload { upload_id, pieces }).await
}
