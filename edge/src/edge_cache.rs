//! Anonymous pages out of this data centre's cache. A key names everything that a page depends on, so nothing is ever purged.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use maud::Markup;
use worker::Response as WorkerResponse;

use crate::context::Context;
use crate::error::Error;
use crate::log;

/// How long a page is kept here. Its stock hint is at most this old; the true count arrives over the socket.
const KEPT_SECONDS: u32 = 15;
/// Names what made a page: another stylesheet or another program makes other pages.
const BUILD: &str =
    concat!(env!("CARGO_PKG_VERSION"), env!("KASUWA_ASSET_CSS"), env!("KASUWA_ASSET_JS"), env!("KASUWA_BUILD"));

/// The page under `key`, from the cache or made by `make`. `key` holds every version that the page depends on.
pub(crate) async fn page(
    context: &Context,
    key: &str,
    make: impl AsyncFnOnce() -> Result<Markup, Error>,
) -> Result<Response, Error> {
    let address = format!("https://page.cache/{BUILD}/{key}");
    // A cache that does not answer is a cache miss.
    if let Ok(Some(mut kept)) = context.cache().get(&address, false).await {
        return Ok(html(kept.bytes().await?));
    }
    let bytes = make().await?.into_string().into_bytes();
    let later = context.clone();
    let copy = bytes.clone();
    context.after_answer(async move {
        if let Err(error) = keep(&later, &address, copy).await {
            log::warn("edge cache", format!("{error:?}"));
        }
    });
    Ok(html(bytes))
}

async fn keep(context: &Context, address: &str, bytes: Vec<u8>) -> Result<(), Error> {
    let response = WorkerResponse::from_bytes(bytes)?;
    response.headers().set("cache-control", &format!("max-age={KEPT_SECONDS}"))?;
    Ok(context.cache().put(address, response).await?)
}

/// A page as it goes out: browsers ask again each time, so that a shopper never sees yesterday's price.
fn html(bytes: Vec<u8>) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (StatusCode::OK, headers, Body::from(bytes)).into_response()
}
