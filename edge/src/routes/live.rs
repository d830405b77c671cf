//! Live stock: hands the page's socket to one of the product's relays.

use axum::extract::OriginalUri;
use axum::response::Response;
use http::{HeaderMap, StatusCode, header};

use crate::askers::network;
use crate::catalogue;
use crate::context::Context;
use crate::durable::client;
use crate::durable::crowd::Visitor;
use crate::error::Error;
use crate::extract::Path;
use crate::queries::address;
use crate::session::check_socket_origin;

/// `GET /p/{slug}/live`, a WebSocket that says `{"version":7,"levels":[{"sku":"…","available":3}]}` at once and at every change. A
/// greater version is newer.
#[worker::send]
pub(crate) async fn stock(
    context: Context,
    Path(slug): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let upgrade = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    if !upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
        return Err(Error::rejection(
            StatusCode::UPGRADE_REQUIRED,
            "websocket_needed",
            "This address is a WebSocket",
            "Connect with a WebSocket to hear of stock as it changes.",
        ));
    }
    check_socket_origin(&headers, &uri)?;
    let product = catalogue::product(&context, &slug).await?.ok_or_else(|| Error::not_found("product"))?;
    // Where the network does not say who it is, nobody stands behind one address.
    let visitor = match address(&headers) {
        Some(address) => Visitor::new(&network(address)),
        None => Visitor::new(context.new_id().as_bytes()),
    };
    Ok(client::live_stock(&context, product.id, visitor).await?.into())
}
