//! Signed requests from our own processes: the origin's events and the operator's tools. Everything under `/internal/` passes here.

use axum::body::Bytes;
use domain::signature::{Audience, SignatureHeaders, SignedParts};
use http::{HeaderMap, Method, StatusCode, Uri};
use worker::wasm_bindgen::JsValue;

use crate::context::Context;
use crate::error::Error;

/// Largest signed body: one file of an index, or a batch of products.
pub(crate) const BODY_BYTES_MAX: usize = 90 * 1024 * 1024;

/// Refuses a request that was not signed by a key of the setting `keys`, or that came before.
pub(crate) async fn check(
    context: &Context,
    keys: &'static str,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<(), Error> {
    let refused = |error: &dyn std::fmt::Display| {
        Error::rejection(StatusCode::UNAUTHORIZED, "bad_signature", "The request is not signed as it should be", error)
    };
    let signature = SignatureHeaders::read(|name| headers.get(name)?.to_str().ok()).map_err(|error| refused(&error))?;
    let parts = SignedParts {
        audience: Audience::Edge,
        method: method.as_str(),
        path_and_query: uri.path_and_query().map_or("/", |path| path.as_str()),
        body,
    };
    context.keyring(keys)?.verify(parts, &signature, context.now()).map_err(|error| refused(&error))?;
    // Two keys may draw the same nonce, one key may not.
    let nonce = format!("{keys}/{}/{}", signature.key_id, signature.nonce);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact in a float for 285,000 years")]
    let seen_at = context.now().as_millis() as f64;
    let inserted = context
        .db()?
        .prepare("INSERT INTO seen_nonce (nonce, seen_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING RETURNING nonce")
        .bind(&[JsValue::from_str(&nonce), JsValue::from_f64(seen_at)])?
        .first::<String>(Some("nonce"))
        .await
        .map_err(|error| Error::fault("d1", error))?;
    if inserted.is_none() {
        return Err(refused(&"the request was sent before; sign each request with a nonce of its own"));
    }
    Ok(())
}
