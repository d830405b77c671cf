//! Live stock: hands the page's socket to the product's Stock object.

use axum::response::Response;
use http::{HeaderMap, StatusCode, header};

use crate::catalogue;
use crate::context::Context;
use crate::durable::client;
use crate::error::Error;
use crate::extract::Path;

/// `GET /p/{slug}/live`, a WebSocket that says `{"levels":[{"sku":"…","available":3}]}` at once and at every change.
#[worker::send]
pub(crate) async fn stock(context: Context, Path(slug): Path<String>, headers: HeaderMap) -> Result<Response, Error> {
    let upgrade = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    if !upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
        return Err(Error::rejection(
            StatusCode::UPGRADE_REQUIRED,
            "websocket_needed",
            "This address is a WebSocket",
            "Connect with a WebSocket to hear of stock as it changes.",
        ));
    }
    let product = catalogue::product(&context, &slug).await?.ok_or_else(|| Error::not_found("product"))?;
    Ok(client::live_stock(&context, product.id).await?.into())
}
