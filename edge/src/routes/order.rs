//! An order's page: where it stands, for whoever holds its token.

use axum::response::Html;
use domain::ids::OrderId;
use domain::wire::OrderView;
use http::StatusCode;
use serde::Deserialize;

use crate::context::Context;
use crate::error::Error;
use crate::extract::{Path, Query};
use crate::origin_client;
use crate::pages::order::{Model, status as status_fragment, view};
use crate::session::Tokens;
use crate::site;

#[derive(Deserialize)]
pub(crate) struct Token {
    #[serde(default)]
    token: String,
}

/// `GET /orders/{id}?token=…`
#[worker::send]
pub(crate) async fn order(
    context: Context,
    Path(id): Path<String>,
    Query(Token { token }): Query<Token>,
) -> Result<Html<String>, Error> {
    render(&context, &id, &token, view).await
}

/// `GET /orders/{id}/status?token=…`, a fragment that asks for itself again while something may still change.
#[worker::send]
pub(crate) async fn status(
    context: Context,
    Path(id): Path<String>,
    Query(Token { token }): Query<Token>,
) -> Result<Html<String>, Error> {
    render(&context, &id, &token, status_fragment).await
}

async fn render(
    context: &Context,
    id: &str,
    token: &str,
    show: impl FnOnce(&Model<'_>) -> maud::Markup,
) -> Result<Html<String>, Error> {
    let order = find(context, id, token).await?;
    let site = site::known(context).await?.site(context.shop_url());
    let href = format!("/orders/{id}?token={token}");
    let status_href = format!("/orders/{id}/status?token={token}");
    Ok(Html(show(&Model { site: &site, order: &order, href: &href, status_href: &status_href }).into_string()))
}

/// The order, if `token` is its own. Without it nobody learns whether there is such an order.
pub(crate) async fn find(context: &Context, id: &str, token: &str) -> Result<OrderView, Error> {
    let order_id: OrderId = id.parse().map_err(|_| Error::not_found("order"))?;
    if token.is_empty() {
        return Err(Error::rejection(
            StatusCode::UNAUTHORIZED,
            "token_missing",
            "The order's token is needed",
            "Open the order with the link that came with it.",
        ));
    }
    if !Tokens::of(context)?.is_order(order_id, token) {
        return Err(Error::not_found("order"));
    }
    origin_client::order(context, order_id).await
}

/// An order's page for whoever placed it.
pub(crate) fn order_path(tokens: &Tokens, order_id: OrderId) -> String {
    format!("/orders/{order_id}?token={}", tokens.order(order_id))
}
