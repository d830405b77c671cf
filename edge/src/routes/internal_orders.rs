//! What the operator's tools ask about orders, books and payouts. The origin decides all of it: what the operator signed for us goes on to the
//! same address there, signed by us, and its answer comes back as it is.

use axum::extract::OriginalUri;
use axum::response::{IntoResponse, Response};
use domain::wire::Problem;
use http::{Method, StatusCode, header};

use super::internal::FromOperator;
use crate::context::Context;
use crate::error::Error;
use crate::origin_client;

/// `/internal/orders/…`, `/internal/troubles`, `/internal/outbox/…`, `/internal/restate`, and the books and payouts.
#[worker::send]
pub(crate) async fn relay(
    context: Context,
    method: Method,
    OriginalUri(uri): OriginalUri,
    FromOperator(body): FromOperator,
) -> Result<Response, Error> {
    let method = if method == Method::POST { worker::Method::Post } else { worker::Method::Get };
    let body = str::from_utf8(&body).map_err(|error| Error::bad_request("invalid_json", error))?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let (status, text) = origin_client::relay(&context, method, path, body).await?;
    let status = StatusCode::from_u16(status).map_err(Error::bug)?;
    let media_type = if status.is_success() { "application/json" } else { Problem::MEDIA_TYPE };
    Ok((status, [(header::CONTENT_TYPE, media_type)], text).into_response())
}
