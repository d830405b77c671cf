//! Pictures out of R2. Their names are hashes of their content, so they are kept for ever by whoever keeps them.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header;

use crate::context::Context;
use crate::error::Error;
use crate::extract::Path;

/// Longest key of a picture.
const KEY_LENGTH_MAX: usize = 64;

/// `GET /pictures/{key}/{width}.jpg`
#[worker::send]
pub(crate) async fn picture(context: Context, Path((key, file)): Path<(String, String)>) -> Result<Response, Error> {
    let name = object_name(&key, &file).ok_or_else(|| Error::not_found("picture"))?;
    let address = format!("https://picture.cache/{name}");
    if let Ok(Some(mut kept)) = context.cache().get(&address, false).await {
        return Ok(jpeg(kept.bytes().await?));
    }
    let object = context.pictures()?.get(&name).execute().await?;
    let body = object.as_ref().and_then(worker::Object::body).ok_or_else(|| Error::not_found("picture"))?;
    let bytes = body.bytes().await?;
    let later = context.clone();
    let copy = bytes.clone();
    context.after_answer(async move {
        let kept = async {
            let response = worker::Response::from_bytes(copy)?;
            response.headers().set("cache-control", "max-age=31536000, immutable")?;
            later.cache().put(&address, response).await
        };
        if let Err(error) = kept.await {
            crate::log::warn("picture cache", error);
        }
    });
    Ok(jpeg(bytes))
}

/// The object that holds `{width}.jpg` of a picture; `None` for names that are none of ours.
pub(crate) fn object_name(key: &str, file: &str) -> Option<String> {
    let hex = (16..=KEY_LENGTH_MAX).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_hexdigit());
    let width: u32 = file.strip_suffix(".jpg")?.parse().ok()?;
    (hex && (1..=4_096).contains(&width)).then(|| format!("{key}/{width}.jpg"))
}

fn jpeg(bytes: Vec<u8>) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, Body::from(bytes)).into_response()
}
