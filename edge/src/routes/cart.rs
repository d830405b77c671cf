//! The cart: a page, and forms that change it. With htmx the same forms answer a fragment.

use axum::extract::FromRequestParts;
use axum::response::{Html, IntoResponse, Redirect, Response};
use domain::cart::{Cart, Command};
use domain::ids::{CartId, CheckoutId, Sku};
use domain::money::Money;
use domain::stock::Quantity;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use maud::Markup;
use serde::Deserialize;

use crate::catalogue;
use crate::checkout::{self, PricedCart, cart_rejection};
use crate::context::Context;
use crate::durable::client::{self, CartCall};
use crate::error::Error;
use crate::extract::Form;
use crate::pages::cart::{Frozen, Line, Model, added, count as count_fragment, not_added, view};
use crate::session::{Tokens, check_same_origin};
use crate::site;

/// Tells the header to fetch the cart's count again.
const CART_CHANGED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("hx-trigger"), HeaderValue::from_static("cart-changed"));

/// The shopper as their cookies tell; refuses forms of other sites.
pub(crate) struct Shopper {
    pub(crate) tokens: Tokens,
    /// `None` before the first thing was put in a cart.
    pub(crate) cart_id: Option<CartId>,
    /// Whether htmx asks, and wants a fragment.
    pub(crate) is_htmx: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Shopper {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let context = Context::from_request_parts(parts, state).await?;
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            check_same_origin(&parts.headers, &parts.uri)?;
        }
        let tokens = Tokens::of(&context)?;
        let cart_id = tokens.cart_in_cookie(&parts.headers);
        Ok(Self { tokens, cart_id, is_htmx: parts.headers.contains_key("hx-request") })
    }
}

impl Shopper {
    /// The cart of a form on a personal page, which has to carry its token.
    pub(crate) fn checked_cart(&self, csrf: &str) -> Result<CartId, Error> {
        let cart_id = self.cart_id.ok_or_else(no_cart)?;
        self.tokens.check_csrf(cart_id, csrf)?;
        Ok(cart_id)
    }
}

fn no_cart() -> Error {
    Error::rejection(
        StatusCode::CONFLICT,
        "no_cart",
        "There is no cart",
        "Your cart may have been emptied, or your browser does not keep cookies. Put something in the cart first.",
    )
}

/// `GET /cart`
#[worker::send]
pub(crate) async fn cart(context: Context, shopper: Shopper) -> Result<Html<String>, Error> {
    Ok(Html(page(&context, &shopper, None).await?.into_string()))
}

/// `GET /cart/count`, a fragment: how many units are in the cart.
#[worker::send]
pub(crate) async fn count(context: Context, shopper: Shopper) -> Result<Html<String>, Error> {
    let units = match shopper.cart_id {
        Some(cart_id) => {
            let cart = read(&context, cart_id).await?;
            cart.lines().iter().map(|line| u64::from(line.quantity.get())).sum()
        }
        None => 0,
    };
    Ok(Html(count_fragment(units).into_string()))
}

#[derive(Deserialize)]
pub(crate) struct AddForm {
    sku: String,
    #[serde(default)]
    quantity: String,
}

/// `POST /cart/lines`
#[worker::send]
pub(crate) async fn add(context: Context, shopper: Shopper, Form(form): Form<AddForm>) -> Result<Response, Error> {
    let cart_id = shopper.cart_id.unwrap_or_else(|| CartId(context.new_id()));
    let outcome = add_line(&context, cart_id, &form).await;
    let mut response = match outcome {
        Ok((title, quantity)) if shopper.is_htmx => {
            let mut response = Html(added(&title, quantity.get()).into_string()).into_response();
            response.headers_mut().extend([CART_CHANGED]);
            response
        }
        Ok(_) => Redirect::to("/cart").into_response(),
        Err(Error::Rejection(rejection)) if shopper.is_htmx => {
            return Ok(Html(not_added(&rejection.detail).into_string()).into_response());
        }
        Err(Error::Rejection(rejection)) if shopper.cart_id.is_some() => {
            let markup = page(&context, &shopper, Some(rejection.detail.clone())).await?;
            return Ok((rejection.status, Html(markup.into_string())).into_response());
        }
        Err(error) => return Err(error),
    };
    // Renewed with every change, so that a cart in use does not run out.
    response.headers_mut().insert(header::SET_COOKIE, shopper.tokens.cart_cookie(cart_id)?);
    Ok(response)
}

async fn add_line(context: &Context, cart_id: CartId, form: &AddForm) -> Result<(String, Quantity), Error> {
    let quantity = if form.quantity.trim().is_empty() { quantity("1")? } else { quantity(&form.quantity)? };
    let sku = sku(&form.sku)?;
    let article = catalogue::articles(context, &[&sku]).await?.into_iter().next();
    let article = article.ok_or_else(|| Error::not_found("product"))?;
    let command = Command::Add { operation_id: context.new_operation(), sku, product_id: article.product_id, quantity };
    change(context, cart_id, command).await?;
    Ok((article.title, quantity))
}

#[derive(Deserialize)]
pub(crate) struct LineForm {
    #[serde(default)]
    csrf: String,
    sku: String,
    #[serde(default)]
    quantity: String,
}

/// `POST /cart/lines/quantity`; zero takes the line out.
#[worker::send]
pub(crate) async fn set(context: Context, shopper: Shopper, Form(form): Form<LineForm>) -> Result<Response, Error> {
    let cart_id = shopper.checked_cart(&form.csrf)?;
    let outcome = async {
        let sku = sku(&form.sku)?;
        let command = if form.quantity.trim() == "0" {
            Command::Remove { sku }
        } else {
            Command::SetQuantity { sku, quantity: quantity(&form.quantity)? }
        };
        change(&context, cart_id, command).await
    };
    let outcome = outcome.await;
    changed(&context, &shopper, outcome).await
}

/// `POST /cart/lines/remove`
#[worker::send]
pub(crate) async fn remove(context: Context, shopper: Shopper, Form(form): Form<LineForm>) -> Result<Response, Error> {
    let cart_id = shopper.checked_cart(&form.csrf)?;
    let outcome = async { change(&context, cart_id, Command::Remove { sku: sku(&form.sku)? }).await };
    let outcome = outcome.await;
    changed(&context, &shopper, outcome).await
}

#[derive(Deserialize)]
pub(crate) struct GiveUpForm {
    #[serde(default)]
    csrf: String,
    checkout_id: String,
}

/// `POST /cart/give-up`: the payment under way will not be made, the cart can be changed again. Should it be made all the
/// same, the order is served if the stock is still there, and refunded if not.
#[worker::send]
pub(crate) async fn give_up(
    context: Context,
    shopper: Shopper,
    Form(form): Form<GiveUpForm>,
) -> Result<Response, Error> {
    let cart_id = shopper.checked_cart(&form.csrf)?;
    let checkout_id: CheckoutId =
        form.checkout_id.parse().map_err(|_| Error::bad_request("checkout_id_invalid", "That is no checkout."))?;
    let cart = read(&context, cart_id).await?;
    if let Some(frozen) = cart.checkout(checkout_id) {
        checkout::give_up(&context, checkout_id, cart_id, &frozen.lines).await?;
    }
    Ok(Redirect::to("/cart").into_response())
}

/// The cart after a change: the page for htmx, a way to it for everybody else. A refusal is told on the page.
async fn changed(context: &Context, shopper: &Shopper, outcome: Result<Cart, Error>) -> Result<Response, Error> {
    let refused = match outcome {
        Ok(_) => None,
        Err(Error::Rejection(rejection)) => Some(rejection),
        Err(error) => return Err(error),
    };
    if refused.is_none() && !shopper.is_htmx {
        return Ok(Redirect::to("/cart").into_response());
    }
    let status = match &refused {
        Some(rejection) if !shopper.is_htmx => rejection.status,
        // htmx shows what comes with 200.
        Some(_) | None => StatusCode::OK,
    };
    let markup = page(context, shopper, refused.map(|rejection| rejection.detail)).await?;
    let mut response = (status, Html(markup.into_string())).into_response();
    response.headers_mut().extend([CART_CHANGED]);
    Ok(response)
}

async fn page(context: &Context, shopper: &Shopper, refused: Option<String>) -> Result<Markup, Error> {
    let known = site::known(context).await?;
    let site = known.site(context.shop_url());
    let Some(cart_id) = shopper.cart_id else {
        return Ok(view(&Model { site: &site, csrf: "", lines: Vec::new(), quote: None, frozen: None, refused }));
    };
    let cart = read(context, cart_id).await?;
    let priced = checkout::price(context, cart.lines()).await?;
    let frozen = cart.frozen_for(context.now()).zip(cart.next_deadline()).map(|(checkout_id, until)| Frozen {
        checkout_id,
        until,
        continue_href: format!("/checkout/return/{checkout_id}/{}", shopper.tokens.checkout(&checkout_id.to_string())),
    });
    let mixed = priced
        .is_mixed()
        .then(|| "These things are priced in different currencies. Take some out to pay for the rest.".to_owned());
    let model = Model {
        site: &site,
        csrf: &shopper.tokens.csrf(cart_id),
        lines: lines(&cart, &priced),
        quote: priced.quote,
        frozen,
        refused: refused.or(mixed),
    };
    Ok(view(&model))
}

/// Lines in the cart's order, those that are no longer sold included.
fn lines(cart: &Cart, priced: &PricedCart) -> Vec<Line> {
    let line = |line: &domain::cart::CartLine| match priced.lines.iter().find(|priced| priced.article.sku == line.sku) {
        Some(priced) => page_line(&priced.article, line.quantity),
        None => Line {
            sku: line.sku.clone(),
            slug: String::new(),
            title: format!("{} (no longer sold)", line.sku),
            variant: String::new(),
            brand: None,
            category: Vec::new(),
            picture: None,
            unit_price: Money::new(0, priced.currency()),
            quantity: line.quantity,
            available: None,
        },
    };
    cart.lines().iter().map(line).collect()
}

/// A line as cart and checkout show it.
pub(crate) fn page_line(article: &catalogue::Article, quantity: Quantity) -> Line {
    Line {
        sku: article.sku.clone(),
        slug: article.slug.clone(),
        title: article.title.clone(),
        variant: article.variant.clone(),
        brand: article.brand.clone(),
        category: article.category.clone(),
        picture: article.picture.clone(),
        unit_price: article.price,
        quantity,
        available: Some(article.available),
    }
}

/// A cart as it is.
pub(crate) async fn read(context: &Context, cart_id: CartId) -> Result<Cart, Error> {
    Ok(client::cart(context, cart_id, CartCall::Read).await?.map_err(cart_rejection)?.cart)
}

/// Changes a cart, and says how it is now.
pub(crate) async fn change(context: &Context, cart_id: CartId, command: Command) -> Result<Cart, Error> {
    Ok(client::cart(context, cart_id, CartCall::Change(command)).await?.map_err(cart_rejection)?.cart)
}

/// A SKU as a form or an address has it.
pub(crate) fn sku(text: &str) -> Result<Sku, Error> {
    Sku::new(text).map_err(|error| Error::bad_request("sku_invalid", error))
}

fn quantity(text: &str) -> Result<Quantity, Error> {
    let number = text.trim().parse::<u32>().ok().and_then(|number| Quantity::new(number).ok());
    number.ok_or_else(|| Error::bad_request("quantity_invalid", "Enter a whole number from 1 to 9,999."))
}

/// The idempotency key that a program sent, if it sent one that is a UUID.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Option<domain::ids::OperationId> {
    headers.get("idempotency-key")?.to_str().ok()?.trim_matches('"').parse().ok()
}
