//! Accounts in the JSON API. Whoever is signed in sends the session as a bearer token; cookies count for pages only, whose forms carry
//! tokens of their own.

use axum::Json;
use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use domain::ids::{CartId, OrderId};
use domain::money::Money;
use domain::order::OrderStatus;
use domain::wire::OrderLine;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use super::json;
use crate::accounts::{self, Account, Begun, Device, Ending, From, Member, OrderSummary};
use crate::context::Context;
use crate::error::Error;
use crate::extract::Path;
use crate::session::Tokens;

/// An account, for whoever has it.
#[derive(Serialize)]
pub(crate) struct AccountBody {
    email: String,
    name: String,
    /// RFC 3339.
    opened_at: String,
    cart_id: CartId,
    cart_token: String,
}

/// A session that has begun.
#[derive(Serialize)]
struct SessionBody {
    /// The bearer token; nobody can read it again.
    token: String,
    account: AccountBody,
}

#[derive(Serialize)]
pub(crate) struct OrdersBody {
    orders: Vec<OrderBody>,
}

#[derive(Serialize)]
struct OrderBody {
    id: OrderId,
    /// The order's own bearer token.
    token: String,
    status: OrderStatus,
    total: Money,
    /// RFC 3339.
    placed_at: String,
    lines: Vec<OrderLine>,
}

#[derive(Serialize)]
pub(crate) struct DevicesBody {
    sessions: Vec<DeviceBody>,
}

#[derive(Serialize)]
struct DeviceBody {
    id: String,
    device: String,
    /// RFC 3339.
    since: String,
    /// RFC 3339, to the hour.
    last_used: String,
    is_this: bool,
}

impl AccountBody {
    fn new(tokens: &Tokens, account: Account, cart_id: CartId) -> Self {
        Self {
            email: account.email,
            name: account.name,
            opened_at: account.created_at.rfc3339(),
            cart_id,
            cart_token: tokens.cart(cart_id),
        }
    }
}

/// A cart of the caller's, which becomes part of the account's.
#[derive(Deserialize)]
struct OwnCart {
    id: CartId,
    token: String,
}

fn own(tokens: &Tokens, cart: Option<&OwnCart>) -> Result<Option<CartId>, Error> {
    match cart {
        None => Ok(None),
        Some(cart) if tokens.is_cart(cart.id, &cart.token) => Ok(Some(cart.id)),
        Some(_) => Err(Error::rejection(
            StatusCode::FORBIDDEN,
            "token_invalid",
            "The token is not good for the cart",
            "Send the token that came with the cart named in `cart`.",
        )),
    }
}

fn begun(context: &Context, begun: Begun) -> Result<Response, Error> {
    let account = AccountBody::new(&Tokens::of(context)?, begun.account, begun.cart_id);
    Ok((StatusCode::CREATED, Json(SessionBody { token: begun.token, account })).into_response())
}

#[derive(Deserialize)]
struct Address {
    email: String,
}

#[derive(Serialize)]
struct Sent {
    email: String,
}

fn sent(email: String) -> Response {
    (StatusCode::ACCEPTED, Json(Sent { email })).into_response()
}

/// `POST /api/v1/account/links`
#[worker::send]
pub(crate) async fn link(context: Context, headers: HeaderMap, body: Bytes) -> Result<Response, Error> {
    let Address { email } = json(&body)?;
    Ok(sent(accounts::send_link(&context, &headers, &email).await?))
}

#[derive(Deserialize)]
struct Choice {
    link: String,
    password: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    cart: Option<OwnCart>,
}

/// `POST /api/v1/account/password`: opens an account, or gets back into one.
#[worker::send]
pub(crate) async fn choose_password(context: Context, headers: HeaderMap, body: Bytes) -> Result<Response, Error> {
    let Choice { link, password, name, cart } = json(&body)?;
    let from = From { headers: &headers, cart_id: own(&Tokens::of(&context)?, cart.as_ref())? };
    begun(&context, accounts::choose_password(&context, from, &link, &name, &password).await?)
}

#[derive(Deserialize)]
struct Credentials {
    email: String,
    password: String,
    #[serde(default)]
    cart: Option<OwnCart>,
}

/// `POST /api/v1/sessions`
#[worker::send]
pub(crate) async fn sign_in(context: Context, headers: HeaderMap, body: Bytes) -> Result<Response, Error> {
    let Credentials { email, password, cart } = json(&body)?;
    let from = From { headers: &headers, cart_id: own(&Tokens::of(&context)?, cart.as_ref())? };
    begun(&context, accounts::sign_in(&context, from, &email, &password).await?)
}

/// `GET /api/v1/account`
#[worker::send]
pub(crate) async fn account(context: Context, headers: HeaderMap) -> Result<Json<AccountBody>, Error> {
    let Member { account, .. } = accounts::bearer_member(&context, &headers).await?;
    let cart_id = account.cart_id;
    Ok(Json(AccountBody::new(&Tokens::of(&context)?, account, cart_id)))
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

/// `PATCH /api/v1/account`
#[worker::send]
pub(crate) async fn rename(context: Context, headers: HeaderMap, body: Bytes) -> Result<StatusCode, Error> {
    let member = accounts::bearer_member(&context, &headers).await?;
    let Name { name } = json(&body)?;
    accounts::rename(&context, &member, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Change {
    current: String,
    password: String,
}

/// `PATCH /api/v1/account/password`
#[worker::send]
pub(crate) async fn change_password(context: Context, headers: HeaderMap, body: Bytes) -> Result<StatusCode, Error> {
    let member = accounts::bearer_member(&context, &headers).await?;
    let Change { current, password } = json(&body)?;
    accounts::change_password(&context, &member, &current, &password).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Move {
    email: String,
    current: String,
}

/// `POST /api/v1/account/email`
#[worker::send]
pub(crate) async fn ask_to_move(context: Context, headers: HeaderMap, body: Bytes) -> Result<Response, Error> {
    let member = accounts::bearer_member(&context, &headers).await?;
    let Move { email, current } = json(&body)?;
    Ok(sent(accounts::ask_to_move(&context, &member, &email, &current).await?))
}

#[derive(Deserialize)]
struct Link {
    link: String,
}

/// `POST /api/v1/account/email/confirm`
#[worker::send]
pub(crate) async fn move_to(context: Context, headers: HeaderMap, body: Bytes) -> Result<StatusCode, Error> {
    let member = accounts::bearer_member(&context, &headers).await?;
    let Link { link } = json(&body)?;
    accounts::move_to(&context, &member, &link).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Current {
    current: String,
}

/// `DELETE /api/v1/account`
#[worker::send]
pub(crate) async fn delete(context: Context, headers: HeaderMap, body: Bytes) -> Result<StatusCode, Error> {
    let member = accounts::bearer_member(&context, &headers).await?;
    let Current { current } = json(&body)?;
    accounts::delete(&context, &member, &current).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v1/account/orders`
#[worker::send]
pub(crate) async fn orders(context: Context, headers: HeaderMap) -> Result<Json<OrdersBody>, Error> {
    let member = accounts::bearer_member(&context, &headers).await?;
    let tokens = Tokens::of(&context)?;
    let order = |order: OrderSummary| OrderBody {
        token: tokens.order(order.order_id),
        id: order.order_id,
        status: order.status,
        total: Money::new(order.total_minor, order.currency),
        placed_at: order.placed_at.rfc3339(),
        lines: order.lines,
    };
    Ok(Json(OrdersBody { orders: accounts::orders(&context, &member).await?.into_iter().map(order).collect() }))
}

/// `GET /api/v1/account/data`
#[worker::send]
pub(crate) async fn data(context: Context, headers: HeaderMap) -> Result<Response, Error> {
    let member = accounts::bearer_member(&context, &headers).await?;
    Ok(Json(accounts::export(&context, &member).await?).into_response())
}

/// `GET /api/v1/account/sessions`
#[worker::send]
pub(crate) async fn sessions(context: Context, headers: HeaderMap) -> Result<Json<DevicesBody>, Error> {
    let member = accounts::bearer_member(&context, &headers).await?;
    let device = |device: Device| DeviceBody {
        id: device.id().to_owned(),
        is_this: device.is_of(&member),
        since: device.created_at.rfc3339(),
        last_used: device.seen_at.rfc3339(),
        device: device.device,
    };
    Ok(Json(DevicesBody { sessions: accounts::devices(&context, &member).await?.into_iter().map(device).collect() }))
}

/// `DELETE /api/v1/account/sessions/{id}`; `this`, `others` and `all` are ids too.
#[worker::send]
pub(crate) async fn end_session(
    context: Context,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Error> {
    let member = accounts::bearer_member(&context, &headers).await?;
    let which = match id.as_str() {
        "this" => Ending::This,
        "others" => Ending::Others,
        "all" => Ending::All,
        id => Ending::One(id),
    };
    accounts::sign_out(&context, &member, which).await?;
    Ok(StatusCode::NO_CONTENT)
}
