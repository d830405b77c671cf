//! The JSON API, `/api/v1`: whatever the pages do, for programs. `openapi.json` beside this file describes it.

pub(crate) mod accounts;
mod flash_sales;
mod shapes;
mod totals;

use axum::Json;
use axum::body::Bytes;
use axum::extract::RawQuery;
use axum::response::{IntoResponse, Response};
use domain::cart::Command;
use domain::checkout::Address;
use domain::ids::{CartId, CheckoutId};
use domain::pricing::DeliveryMethod;
use domain::stock::Quantity;
use domain::wire::{GatewayName, PaymentHandle};
use http::{HeaderMap, StatusCode, header};
use search::Request;
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub(crate) use self::flash_sales::{
    confirm as sale_confirm, draw as sale_draw, join as sale_join, list as sale_list, people as sale_people, sale,
    standing as sale_standing,
};
use self::shapes::{CartBody, CheckoutBody, GatewaysBody, NewCart, OrderBody, ProductBody, SearchBody};
use super::cart::{idempotency_key, sku};
use super::listing::{form_pairs, order as index_order};
use super::order;
use crate::carts::{self, Found};
use crate::catalogue;
use crate::checkout::{self, Checkout, Wanted};
use crate::context::Context;
use crate::error::Error;
use crate::extract::Path;
use crate::gateways;
use crate::origin_client;
use crate::pages::filters::{ATTRIBUTE_PREFIX, Sort};
use crate::queries;
use crate::sales;
use crate::search_shell;
use crate::session::{Tokens, bearer};

/// `GET /api/openapi.json`
pub(crate) async fn openapi() -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")];
    (headers, include_str!("openapi.json")).into_response()
}

/// `GET /api/v1/products/{slug}`
#[worker::send]
pub(crate) async fn product(context: Context, Path(slug): Path<String>) -> Result<Json<ProductBody>, Error> {
    let snapshot = catalogue::product(&context, &slug).await?.ok_or_else(|| Error::not_found("product"))?;
    let levels = catalogue::availability(&context, snapshot.id).await?;
    Ok(Json(ProductBody::new(snapshot, &levels)))
}

/// `GET /api/v1/search?q=&page=&per_page=&category=&brand=&min_price=&max_price=&available=&stars=&attr.{name}=&sort=`
#[worker::send]
pub(crate) async fn search(context: Context, RawQuery(query): RawQuery, headers: HeaderMap) -> Result<Response, Error> {
    let request = search_request(query.as_deref().unwrap_or_default())?;
    let write = |found| Ok(serde_json::to_vec(&SearchBody::new(&request, found))?);
    let body = search_shell::body(&context, &request, write).await?;
    // What a filter leaves says nothing of what the shop lacks.
    if request.page == 1 && request.category.is_none() && request.is_open() {
        queries::count(&context, &headers, &request.query, body.total);
    }
    Ok(([(header::CONTENT_TYPE, "application/json")], body.bytes).into_response())
}

/// Prices are minor units; `brand` and each `attr.{name}` may be repeated. What is not understood is refused, never guessed.
fn search_request(query: &str) -> Result<Request, Error> {
    let mut request = Request::default();
    for (name, value) in form_pairs(query) {
        let number = |what: &str| {
            value.parse::<u32>().map_err(|_| Error::bad_request("query_invalid", format!("{what} is a whole number")))
        };
        let price = |what: &str| {
            value
                .parse::<i64>()
                .map_err(|_| Error::bad_request("query_invalid", format!("{what} is a whole number of minor units")))
        };
        match name.as_str() {
            "q" => request.query = value,
            "category" if !value.is_empty() => request.category = Some(value),
            "brand" if !value.is_empty() => request.brands.push(value),
            "min_price" if !value.is_empty() => request.min_price_minor = Some(price("min_price")?),
            "max_price" if !value.is_empty() => request.max_price_minor = Some(price("max_price")?),
            "available" if !value.is_empty() => {
                request.available_only = match value.as_str() {
                    "1" | "true" => true,
                    "0" | "false" => false,
                    _ => return Err(Error::bad_request("query_invalid", "available is true or false")),
                }
            }
            "stars" if !value.is_empty() => {
                request.min_stars = match value.parse() {
                    Ok(stars @ 1..=5) => Some(stars),
                    Ok(_) | Err(_) => return Err(Error::bad_request("query_invalid", "stars is a number from 1 to 5")),
                }
            }
            "page" if !value.is_empty() => request.page = number("page")?,
            "per_page" if !value.is_empty() => request.per_page = number("per_page")?,
            "sort" if !value.is_empty() => {
                let names = || Sort::ALL.map(Sort::value).join(", ");
                let sort = Sort::from_value(&value);
                let sort =
                    sort.ok_or_else(|| Error::bad_request("query_invalid", format!("sort is one of {}", names())))?;
                request.sort = index_order(sort);
            }
            _ => {
                let attribute = name.strip_prefix(ATTRIBUTE_PREFIX).filter(|name| !name.is_empty());
                if let (Some(attribute), false) = (attribute, value.is_empty()) {
                    request.attributes.entry(attribute.to_owned()).or_default().push(value);
                }
            }
        }
    }
    Ok(request)
}

/// `POST /api/v1/carts`
#[worker::send]
pub(crate) async fn cart_create(context: Context) -> Result<(StatusCode, Json<NewCart>), Error> {
    let id = CartId(context.new_id());
    let token = Tokens::of(&context)?.cart(id);
    Ok((StatusCode::CREATED, Json(NewCart { id, token })))
}

/// `GET /api/v1/carts/{id}?country=&region=&delivery=`: priced for that destination and method.
#[worker::send]
pub(crate) async fn cart_read(
    context: Context,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Json<CartBody>, Error> {
    let cart_id = authorised(&context, &id, &headers)?;
    let found = carts::read(&context, cart_id).await?;
    let mut wanted = Wanted::likely(found.cart.coupon());
    for (name, value) in form_pairs(query.as_deref().unwrap_or_default()).filter(|(_, value)| !value.is_empty()) {
        match name.as_str() {
            "country" => wanted.destination.country = value.to_ascii_uppercase(),
            "region" => wanted.destination.region = value,
            "delivery" => {
                let unknown = || Error::bad_request("query_invalid", "delivery is standard, express or pickup");
                wanted.method = DeliveryMethod::named(&value).ok_or_else(unknown)?;
            }
            _ => {}
        }
    }
    cart_priced(&context, &headers, cart_id, found, wanted).await
}

#[derive(Deserialize)]
struct TypedCoupon {
    code: String,
}

/// `POST /api/v1/carts/{id}/coupon`: keeps a code, if there is such a promotion and this is its time.
#[worker::send]
pub(crate) async fn coupon_set(
    context: Context,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<CartBody>, Error> {
    let cart_id = authorised(&context, &id, &headers)?;
    let TypedCoupon { code } = json(&body)?;
    if code.trim().is_empty() {
        return Err(Error::bad_request("coupon_invalid", "code is empty; DELETE takes it away"));
    }
    cart_body(&context, &headers, cart_id, carts::set_coupon(&context, cart_id, &code).await?).await
}

/// `DELETE /api/v1/carts/{id}/coupon`
#[worker::send]
pub(crate) async fn coupon_remove(
    context: Context,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<CartBody>, Error> {
    let cart_id = authorised(&context, &id, &headers)?;
    cart_body(&context, &headers, cart_id, carts::set_coupon(&context, cart_id, "").await?).await
}

#[derive(Deserialize)]
struct AddLine {
    sku: String,
    quantity: Quantity,
}

/// `POST /api/v1/carts/{id}/lines`. With an `Idempotency-Key` (a UUID), a repetition counts once.
#[worker::send]
pub(crate) async fn line_add(
    context: Context,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<CartBody>, Error> {
    let cart_id = authorised(&context, &id, &headers)?;
    let AddLine { sku: text, quantity } = json(&body)?;
    let operation_id = idempotency_key(&headers).unwrap_or_else(|| context.new_operation());
    let passes = Tokens::of(&context)?.passes(&headers);
    let (_, found) = carts::add(&context, cart_id, operation_id, &sku(&text)?, quantity, &passes).await?;
    cart_body(&context, &headers, cart_id, found).await
}

#[derive(Deserialize)]
struct SetLine {
    quantity: Quantity,
}

/// `PATCH /api/v1/carts/{id}/lines/{sku}`
#[worker::send]
pub(crate) async fn line_set(
    context: Context,
    Path((id, text)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<CartBody>, Error> {
    let cart_id = authorised(&context, &id, &headers)?;
    let SetLine { quantity } = json(&body)?;
    let passes = Tokens::of(&context)?.passes(&headers);
    let found = carts::set_quantity(&context, cart_id, &sku(&text)?, quantity, &passes).await?;
    cart_body(&context, &headers, cart_id, found).await
}

/// `DELETE /api/v1/carts/{id}/lines/{sku}`
#[worker::send]
pub(crate) async fn line_remove(
    context: Context,
    Path((id, text)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<CartBody>, Error> {
    let cart_id = authorised(&context, &id, &headers)?;
    let found = carts::change(&context, cart_id, Command::Remove { sku: sku(&text)? }).await?;
    cart_body(&context, &headers, cart_id, found).await
}

#[derive(Deserialize)]
struct SaveLine {
    sku: String,
}

/// `POST /api/v1/carts/{id}/saved`: takes a line out and saves it for later.
#[worker::send]
pub(crate) async fn line_save(
    context: Context,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<CartBody>, Error> {
    let cart_id = authorised(&context, &id, &headers)?;
    let SaveLine { sku: text } = json(&body)?;
    let found = carts::change(&context, cart_id, Command::SaveForLater { sku: sku(&text)? }).await?;
    cart_body(&context, &headers, cart_id, found).await
}

/// `POST /api/v1/carts/{id}/saved/{sku}/put-back`: as many as there are.
#[worker::send]
pub(crate) async fn saved_put_back(
    context: Context,
    Path((id, text)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<CartBody>, Error> {
    let cart_id = authorised(&context, &id, &headers)?;
    let passes = Tokens::of(&context)?.passes(&headers);
    let found = carts::put_back(&context, cart_id, &sku(&text)?, &passes).await?;
    cart_body(&context, &headers, cart_id, found).await
}

/// `DELETE /api/v1/carts/{id}/saved/{sku}`
#[worker::send]
pub(crate) async fn saved_remove(
    context: Context,
    Path((id, text)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<CartBody>, Error> {
    let cart_id = authorised(&context, &id, &headers)?;
    let found = carts::change(&context, cart_id, Command::RemoveSaved { sku: sku(&text)? }).await?;
    cart_body(&context, &headers, cart_id, found).await
}

/// `POST /api/v1/carts/{id}/accept-prices`: the shopper has seen what things cost now.
#[worker::send]
pub(crate) async fn prices_accept(
    context: Context,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<CartBody>, Error> {
    let cart_id = authorised(&context, &id, &headers)?;
    let passes = Tokens::of(&context)?.passes(&headers);
    cart_body(&context, &headers, cart_id, carts::accept_prices(&context, cart_id, &passes).await?).await
}

#[derive(Deserialize)]
struct MergeCarts {
    from: CartId,
    /// The other cart's own token: both have to be the caller's.
    token: String,
}

/// `POST /api/v1/carts/{id}/merge`: takes in what another cart holds, which is part of this one from then on.
#[worker::send]
pub(crate) async fn cart_merge(
    context: Context,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<CartBody>, Error> {
    let cart_id = authorised(&context, &id, &headers)?;
    let MergeCarts { from, token } = json(&body)?;
    if !Tokens::of(&context)?.is_cart(from, &token) {
        return Err(Error::rejection(
            StatusCode::FORBIDDEN,
            "token_invalid",
            "The token is not good for the other cart",
            "Send the token that came with the cart named in `from`.",
        ));
    }
    cart_body(&context, &headers, cart_id, carts::merge(&context, from, cart_id).await?).await
}

#[derive(Deserialize)]
struct GiveUp {
    checkout_id: CheckoutId,
}

/// `POST /api/v1/carts/{id}/give-up`: a checkout that will not be paid. What is paid for it afterwards goes back; what is paid already is
/// refused.
#[worker::send]
pub(crate) async fn checkout_give_up(
    context: Context,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<CartBody>, Error> {
    let cart_id = authorised(&context, &id, &headers)?;
    let GiveUp { checkout_id } = json(&body)?;
    let found = carts::read(&context, cart_id).await?;
    let frozen = found.cart.checkout(checkout_id).ok_or_else(|| Error::not_found("checkout of this cart"))?;
    if checkout::give_up(&context, checkout_id, found.cart_id, &frozen.lines).await?.is_some() {
        return Err(checkout::already_paid());
    }
    cart_body(&context, &headers, cart_id, carts::read(&context, cart_id).await?).await
}

/// The cart under the id that it was asked for by: a cart that became part of another one goes on under its own.
async fn cart_body(
    context: &Context,
    headers: &HeaderMap,
    cart_id: CartId,
    found: Found,
) -> Result<Json<CartBody>, Error> {
    let wanted = Wanted::likely(found.cart.coupon());
    cart_priced(context, headers, cart_id, found, wanted).await
}

async fn cart_priced(
    context: &Context,
    headers: &HeaderMap,
    cart_id: CartId,
    found: Found,
    wanted: Wanted,
) -> Result<Json<CartBody>, Error> {
    let both: Vec<_> = found.cart.lines().iter().chain(found.cart.saved()).cloned().collect();
    let passes = Tokens::of(context)?.passes(headers);
    let offers = sales::offers(context, &passes, Some(found.cart_id)).await?;
    let articles = checkout::articles(context, &both, &offers).await?;
    let priced = checkout::price_of_what_there_is(context, found.cart.lines(), &articles, &offers, &wanted).await?;
    Ok(Json(CartBody::new(cart_id, &found.cart, (&articles, &offers), priced, context.now())))
}

#[derive(Deserialize)]
struct PlaceCheckout {
    checkout_id: CheckoutId,
    cart_id: CartId,
    #[serde(default)]
    email: String,
    #[serde(default)]
    address: Address,
    delivery: DeliveryMethod,
    gateway: GatewayName,
    /// The digest of the quote that the shopper agreed to; without it today's prices count.
    #[serde(default)]
    quote_digest: Option<String>,
}

/// `POST /api/v1/checkouts`, with the cart's token as bearer
#[worker::send]
pub(crate) async fn checkout(context: Context, headers: HeaderMap, body: Bytes) -> Result<Response, Error> {
    let wanted: PlaceCheckout = json(&body)?;
    let tokens = Tokens::of(&context)?;
    tokens.check_cart_bearer(&headers, wanted.cart_id)?;
    let checkout = Checkout {
        checkout_id: wanted.checkout_id,
        cart_id: wanted.cart_id,
        email: wanted.email.trim().to_owned(),
        address: wanted.address.trimmed(),
        delivery: wanted.delivery,
        gateway: wanted.gateway,
        seen_quote: wanted.quote_digest,
        shop_url: context.shop_url().to_owned(),
        passes: tokens.passes(&headers),
    };
    let placed = checkout::place(&context, &checkout).await?;
    let order_token = tokens.order(placed.order_id);
    Ok((StatusCode::CREATED, Json(CheckoutBody::new(placed, order_token))).into_response())
}

/// `GET /api/v1/gateways`
#[worker::send]
pub(crate) async fn gateways(context: Context) -> Result<Json<GatewaysBody>, Error> {
    Ok(Json(GatewaysBody::new(gateways::offers(&context).await?)))
}

/// `GET /api/v1/orders/{id}`. The order's token comes as bearer, or as `?token=`, here and in the two below.
#[worker::send]
pub(crate) async fn order(
    context: Context,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Json<OrderBody>, Error> {
    Ok(Json(OrderBody::new(order::find(&context, &id, &order_token(query, &headers)).await?)))
}

#[derive(Deserialize)]
struct PayOrder {
    gateway: GatewayName,
}

/// `POST /api/v1/orders/{id}/payments`: the page on which an order that waits is paid through another gateway, or the same again.
#[worker::send]
pub(crate) async fn order_pay(
    context: Context,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<PaymentHandle>, Error> {
    let order_id = order::authorised(&context, &id, &order_token(query, &headers))?;
    let PayOrder { gateway } = json(&body)?;
    Ok(Json(origin_client::pay(&context, order_id, gateway).await?))
}

/// `POST /api/v1/orders/{id}/cancel`: gives everything back, as long as nothing has left. Again changes nothing.
#[worker::send]
pub(crate) async fn order_cancel(
    context: Context,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Json<OrderBody>, Error> {
    let order_id = order::authorised(&context, &id, &order_token(query, &headers))?;
    Ok(Json(OrderBody::new(origin_client::cancel(&context, order_id).await?)))
}

fn order_token(query: Option<String>, headers: &HeaderMap) -> String {
    let in_query =
        form_pairs(query.as_deref().unwrap_or_default()).find_map(|(name, value)| (name == "token").then_some(value));
    bearer(headers).map(str::to_owned).or(in_query).unwrap_or_default()
}

fn authorised(context: &Context, id: &str, headers: &HeaderMap) -> Result<CartId, Error> {
    let cart_id: CartId = id.parse().map_err(|_| Error::not_found("cart"))?;
    Tokens::of(context)?.check_cart_bearer(headers, cart_id)?;
    Ok(cart_id)
}

/// A JSON body, whatever its content type says.
fn json<T: DeserializeOwned>(body: &Bytes) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| Error::bad_request("invalid_json", error))
}
