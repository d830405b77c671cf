//! The files of an index, as an operator's tool brings them: small ones whole, large ones in pieces. Nothing here makes an index
//! current.

use axum::Json;
use axum::response::{IntoResponse, Response};
use domain::wire::{CompleteUpload, Upload, UploadedPiece};
use http::StatusCode;
use search::artefact::{BUNDLE, HOTCACHE, MANIFEST, object_key};
use serde::Deserialize;

use super::internal::{FromOperator, json};
use super::internal_search::check_version;
use crate::context::Context;
use crate::error::Error;
use crate::extract::{Path, Query};

/// Most pieces of a file.
const PIECES_MAX: u16 = 10_000;

/// Which piece of which upload; neither for a whole file.
#[derive(Deserialize)]
pub(crate) struct Piece {
    upload_id: Option<String>,
    piece: Option<u16>,
}

/// `PUT /internal/index/{version}/{file}`, whole or one piece.
#[worker::send]
pub(crate) async fn put(
    context: Context,
    Path((version, file)): Path<(String, String)>,
    Query(piece): Query<Piece>,
    FromOperator(body): FromOperator,
) -> Result<Response, Error> {
    let key = key(&version, &file)?;
    let (upload_id, piece) = match (piece.upload_id, piece.piece) {
        (None, None) => {
            context.index()?.put(key, body.to_vec()).execute().await?;
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        (Some(upload_id), Some(piece)) if (1..=PIECES_MAX).contains(&piece) => (upload_id, piece),
        _ => {
            let detail = format!("give upload_id and piece together, piece from 1 to {PIECES_MAX}");
            return Err(Error::bad_request("bad_piece", detail));
        }
    };
    let upload = context.index()?.resume_multipart_upload(key, upload_id)?;
    let part = upload.upload_part(piece, body.to_vec()).await.map_err(refused)?;
    Ok(Json(UploadedPiece { piece, etag: part.etag() }).into_response())
}

/// `POST /internal/index/{version}/{file}/upload`
#[worker::send]
pub(crate) async fn begin(
    context: Context,
    Path((version, file)): Path<(String, String)>,
    FromOperator(_): FromOperator,
) -> Result<Json<Upload>, Error> {
    let upload = context.index()?.create_multipart_upload(key(&version, &file)?).execute().await?;
    Ok(Json(Upload { upload_id: upload.upload_id().await }))
}

/// `POST /internal/index/{version}/{file}/complete`
#[worker::send]
pub(crate) async fn complete(
    context: Context,
    Path((version, file)): Path<(String, String)>,
    FromOperator(body): FromOperator,
) -> Result<StatusCode, Error> {
    let CompleteUpload { upload_id, pieces } = json(&body)?;
    let upload = context.index()?.resume_multipart_upload(key(&version, &file)?, upload_id)?;
    let parts = pieces.into_iter().map(|piece| worker::UploadedPart::new(piece.piece, piece.etag));
    upload.complete(parts).await.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

fn key(version: &str, file: &str) -> Result<String, Error> {
    check_version(version)?;
    if ![BUNDLE, HOTCACHE, MANIFEST].contains(&file) {
        return Err(Error::bad_request("bad_index_file", format!("an index has {BUNDLE}, {HOTCACHE} and {MANIFEST}")));
    }
    Ok(object_key(version, file))
}

/// The store says no to an upload that it does not know, or to pieces that do not fit.
fn refused(error: worker::Error) -> Error {
    Error::bad_request("upload_refused", format!("{error}: begin the upload of this file again"))
}
