//! An order's page: where it stands, for whoever holds its token, and what they may ask of it.
//!
//! The token lets its bearer act as the buyer. It stands in the page's forms, where no other site can read it, so it guards them as a
//! CSRF token does; and an order is paid and cancelled from whichever device its link was opened on, where there may be no cart.

use axum::response::{Html, IntoResponse, Redirect, Response};
use domain::ids::OrderId;
use domain::order::OrderStatus;
use domain::wire::{GatewayName, NOT_AWAITING_PAYMENT, OrderView};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;

use super::cart::Shopper;
use crate::context::Context;
use crate::error::Error;
use crate::extract::{Form, Path, Query};
use crate::pages::order::{Model, status as status_fragment, view};
use crate::pages::order_money::is_declined;
use crate::session::Tokens;
use crate::{gateways, origin_client, site};

/// Tells htmx to load the whole page again.
const REFRESH: (HeaderName, HeaderValue) = (HeaderName::from_static("hx-refresh"), HeaderValue::from_static("true"));

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Token {
    token: String,
    /// Whether the page says that the payment was declined.
    declined: bool,
}

/// `GET /orders/{id}?token=…`
#[worker::send]
pub(crate) async fn order(
    context: Context,
    Path(id): Path<String>,
    Query(Token { token, .. }): Query<Token>,
) -> Result<Html<String>, Error> {
    let order = find(&context, &id, &token).await?;
    page(&context, &order, &token, None).await
}

/// `GET /orders/{id}/status?token=…&declined=…`, a fragment that asks for itself again while something may still change. Once more than
/// the fragment has, the page is loaded again.
#[worker::send]
pub(crate) async fn status(
    context: Context,
    Path(id): Path<String>,
    Query(Token { token, declined }): Query<Token>,
) -> Result<Response, Error> {
    let order = find(&context, &id, &token).await?;
    let mut response = Html(show(&context, &order, &token, None, status_fragment).await?).into_response();
    if order.status != OrderStatus::AwaitingPayment || is_declined(&order) != declined {
        response.headers_mut().extend([REFRESH]);
    }
    Ok(response)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct OrderForm {
    token: String,
    gateway: String,
}

/// `POST /orders/{id}/pay`: to the page of the gateway that the shopper chose.
#[worker::send]
pub(crate) async fn pay(
    context: Context,
    _: Shopper,
    Path(id): Path<String>,
    Form(form): Form<OrderForm>,
) -> Result<Response, Error> {
    let order_id = authorised(&context, &id, &form.token)?;
    let gateway = GatewayName::ALL.into_iter().find(|gateway| gateway.as_str() == form.gateway);
    let gateway = gateway.ok_or_else(|| Error::bad_request("gateway_invalid", "Choose how to pay."))?;
    match origin_client::pay(&context, order_id, gateway).await {
        Ok(handle) => Ok(Redirect::to(&handle.redirect_url).into_response()),
        // Paid meanwhile, or too late: the page says which.
        Err(Error::Rejection(rejection)) if rejection.code == NOT_AWAITING_PAYMENT => {
            Ok(Redirect::to(&order_href(order_id, &form.token)).into_response())
        }
        Err(error) => refused(&context, order_id, &form.token, error).await,
    }
}

/// `POST /orders/{id}/cancel`: gives everything back, as long as nothing has left.
#[worker::send]
pub(crate) async fn cancel(
    context: Context,
    _: Shopper,
    Path(id): Path<String>,
    Form(form): Form<OrderForm>,
) -> Result<Response, Error> {
    let order_id = authorised(&context, &id, &form.token)?;
    match origin_client::cancel(&context, order_id).await {
        Ok(_) => Ok(Redirect::to(&order_href(order_id, &form.token)).into_response()),
        Err(error) => refused(&context, order_id, &form.token, error).await,
    }
}

/// The page as it stands, with why something was not done.
async fn refused(context: &Context, order_id: OrderId, token: &str, error: Error) -> Result<Response, Error> {
    let Error::Rejection(rejection) = error else { return Err(error) };
    let order = origin_client::order(context, order_id).await?;
    Ok((rejection.status, page(context, &order, token, Some(&rejection.detail)).await?).into_response())
}

async fn page(context: &Context, order: &OrderView, token: &str, refused: Option<&str>) -> Result<Html<String>, Error> {
    show(context, order, token, refused, view).await.map(Html)
}

async fn show(
    context: &Context,
    order: &OrderView,
    token: &str,
    refused: Option<&str>,
    show: impl FnOnce(&Model<'_>) -> maud::Markup,
) -> Result<String, Error> {
    let site = site::known(context).await?.site(context.shop_url());
    // Without them it is still paid on the page that is open.
    let offered = match order.status {
        OrderStatus::AwaitingPayment => {
            gateways::offers(context).await.unwrap_or_default().taking(order.quote.currency)
        }
        OrderStatus::Paid
        | OrderStatus::Packed
        | OrderStatus::Sent
        | OrderStatus::Delivered
        | OrderStatus::Cancelled
        | OrderStatus::RefundDue
        | OrderStatus::Refunded => Vec::new(),
    };
    let markup = show(&Model {
        site: &site,
        order,
        href: &order_href(order.id, token),
        status_href: &format!("/orders/{}/status?token={token}&declined={}", order.id, is_declined(order)),
        token,
        offered: &offered,
        refused,
    });
    Ok(markup.into_string())
}

/// The order, if `token` is its own.
pub(crate) async fn find(context: &Context, id: &str, token: &str) -> Result<OrderView, Error> {
    origin_client::order(context, authorised(context, id, token)?).await
}

/// The order's id, if `token` is its own. Without it nobody learns whether there is such an order.
pub(crate) fn authorised(context: &Context, id: &str, token: &str) -> Result<OrderId, Error> {
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
    Ok(order_id)
}

fn order_href(order_id: OrderId, token: &str) -> String {
    format!("/orders/{order_id}?token={token}")
}

/// An order's page for whoever placed it.
pub(crate) fn order_path(tokens: &Tokens, order_id: OrderId) -> String {
    order_href(order_id, &tokens.order(order_id))
}
