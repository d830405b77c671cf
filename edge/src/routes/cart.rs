//! The cart: a page, and forms that change it. With htmx the same forms answer a fragment.

use axum::extract::FromRequestParts;
use axum::response::{Html, IntoResponse, Redirect, Response};
use domain::admission::Pass;
use domain::cart::{CartLine, Command};
use domain::ids::{CartId, CheckoutId, Sku};
use domain::money::Money;
use domain::stock::Quantity;
use domain::time::Millis;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use maud::Markup;
use serde::Deserialize;

use super::checkout::way_back;
use super::order::order_path;
use crate::carts::{self, Found};
use crate::catalogue;
use crate::checkout::{self, Wanted};
use crate::context::Context;
use crate::error::{Error, Rejection};
use crate::extract::{Form, Path};
use crate::pages::cart::{
    Frozen, Line, Model, added, count as count_fragment, not_added as not_added_fragment, open_view, view,
};
use crate::pages::not_added;
use crate::sales::{self, Offers};
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
    /// Of flash sales.
    pub(crate) passes: Vec<Pass>,
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
        let passes = tokens.passes(&parts.headers);
        Ok(Self { tokens, cart_id, is_htmx: parts.headers.contains_key("hx-request"), passes })
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
            let found = carts::read(&context, cart_id).await?;
            found.cart.lines().iter().map(|line| u64::from(line.quantity.get())).sum()
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
    let (cart_id, mut response) = match add_line(&context, cart_id, &form, &shopper.passes).await {
        Ok((title, quantity, cart_id)) if shopper.is_htmx => {
            let mut response = Html(added(&title, quantity.get()).into_string()).into_response();
            response.headers_mut().extend([CART_CHANGED]);
            (cart_id, response)
        }
        Ok((_, _, cart_id)) => (cart_id, Redirect::to("/cart").into_response()),
        Err(Error::Rejection(rejection)) if shopper.is_htmx => {
            return Ok(Html(not_added_fragment(&rejection.detail).into_string()).into_response());
        }
        Err(Error::Rejection(rejection)) => return not_added_page(&context, &shopper, &form, rejection).await,
        Err(error) => return Err(error),
    };
    // Renewed with every change, so that a cart in use does not run out.
    response.headers_mut().insert(header::SET_COOKIE, shopper.tokens.cart_cookie(cart_id)?);
    Ok(response)
}

/// The page for browsers without JavaScript. What is not known at all goes on as it is.
async fn not_added_page(
    context: &Context,
    shopper: &Shopper,
    form: &AddForm,
    rejection: Box<Rejection>,
) -> Result<Response, Error> {
    let article = match Sku::new(&form.sku) {
        Ok(sku) => catalogue::articles(context, &[&sku]).await?.into_iter().next(),
        Err(_) => None,
    };
    let Some(article) = article else { return Err(Error::Rejection(rejection)) };
    let offers = sales::offers(context, &shopper.passes, shopper.cart_id).await?;
    let article = offers.priced(article);
    let (had, of_product) = match shopper.cart_id {
        Some(cart_id) => {
            let lines = carts::read(context, cart_id).await?.cart.lines().to_vec();
            let units = |is_its: &dyn Fn(&CartLine) -> bool| {
                lines.iter().filter(|line| is_its(line)).map(|line| line.quantity.get()).fold(0, u32::saturating_add)
            };
            (units(&|line| line.sku == article.sku), units(&|line| line.product_id == article.product_id))
        }
        None => (0, 0),
    };
    let share = offers.units_max(article.product_id).map_or(u32::MAX, Quantity::get);
    let room = article.available.saturating_sub(had).min(share.saturating_sub(of_product)).min(Quantity::MAX - had);
    // What keeps the whole cart as it is, no other quantity mends.
    let room = if matches!(rejection.code, carts::FROZEN | "too_many_lines") { 0 } else { room };
    let site = site::known(context).await?.site(context.shop_url());
    let wanted = quantity(&form.quantity).or_else(|_| quantity("1"))?;
    let line = page_line(&article, wanted);
    let markup = not_added::view(&not_added::Model { site: &site, reason: &rejection.detail, line, room });
    Ok((rejection.status, Html(markup.into_string())).into_response())
}

async fn add_line(
    context: &Context,
    cart_id: CartId,
    form: &AddForm,
    passes: &[Pass],
) -> Result<(String, Quantity, CartId), Error> {
    let quantity = if form.quantity.trim().is_empty() { quantity("1")? } else { quantity(&form.quantity)? };
    let sku = sku(&form.sku)?;
    let (article, found) = carts::add(context, cart_id, context.new_operation(), &sku, quantity, passes).await?;
    Ok((article.title, quantity, found.cart_id))
}

#[derive(Deserialize)]
pub(crate) struct LineForm {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
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
        if form.quantity.trim() == "0" {
            carts::change(&context, cart_id, Command::Remove { sku }).await
        } else {
            carts::set_quantity(&context, cart_id, &sku, quantity(&form.quantity)?, &shopper.passes).await
        }
    };
    let outcome = outcome.await;
    changed(&context, shopper, outcome).await
}

/// `POST /cart/lines/remove`
#[worker::send]
pub(crate) async fn remove(context: Context, shopper: Shopper, Form(form): Form<LineForm>) -> Result<Response, Error> {
    change_line(context, shopper, form, |sku| Command::Remove { sku }).await
}

/// `POST /cart/lines/save`: for later.
#[worker::send]
pub(crate) async fn save(context: Context, shopper: Shopper, Form(form): Form<LineForm>) -> Result<Response, Error> {
    change_line(context, shopper, form, |sku| Command::SaveForLater { sku }).await
}

/// `POST /cart/saved/remove`
#[worker::send]
pub(crate) async fn remove_saved(
    context: Context,
    shopper: Shopper,
    Form(form): Form<LineForm>,
) -> Result<Response, Error> {
    change_line(context, shopper, form, |sku| Command::RemoveSaved { sku }).await
}

/// `POST /cart/saved/put-back`
#[worker::send]
pub(crate) async fn put_back(
    context: Context,
    shopper: Shopper,
    Form(form): Form<LineForm>,
) -> Result<Response, Error> {
    let cart_id = shopper.checked_cart(&form.csrf)?;
    let outcome = async { carts::put_back(&context, cart_id, &sku(&form.sku)?, &shopper.passes).await };
    let outcome = outcome.await;
    changed(&context, shopper, outcome).await
}

/// `POST /cart/prices`: the shopper has seen what things cost now.
#[worker::send]
pub(crate) async fn accept_prices(
    context: Context,
    shopper: Shopper,
    Form(form): Form<LineForm>,
) -> Result<Response, Error> {
    let cart_id = shopper.checked_cart(&form.csrf)?;
    let outcome = carts::accept_prices(&context, cart_id, &shopper.passes).await;
    changed(&context, shopper, outcome).await
}

#[derive(Deserialize)]
pub(crate) struct CouponForm {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    coupon: String,
    #[serde(default)]
    remove_coupon: String,
}

/// `POST /cart/coupon`
#[worker::send]
pub(crate) async fn coupon(
    context: Context,
    shopper: Shopper,
    Form(form): Form<CouponForm>,
) -> Result<Response, Error> {
    let cart_id = shopper.checked_cart(&form.csrf)?;
    let text = if form.remove_coupon.is_empty() { form.coupon.as_str() } else { "" };
    let outcome = carts::set_coupon(&context, cart_id, text).await;
    changed(&context, shopper, outcome).await
}

async fn change_line(
    context: Context,
    shopper: Shopper,
    form: LineForm,
    command: impl FnOnce(Sku) -> Command,
) -> Result<Response, Error> {
    let cart_id = shopper.checked_cart(&form.csrf)?;
    let outcome = async { carts::change(&context, cart_id, command(sku(&form.sku)?)).await };
    let outcome = outcome.await;
    changed(&context, shopper, outcome).await
}

#[derive(Deserialize)]
pub(crate) struct GiveUpForm {
    #[serde(default)]
    csrf: String,
    checkout_id: String,
}

/// `POST /cart/give-up`: the payment under way will not be made, the cart can be changed again. Should it be made all the same, the
/// money goes back by itself; what is paid already is shown instead.
#[worker::send]
pub(crate) async fn give_up(
    context: Context,
    shopper: Shopper,
    Form(form): Form<GiveUpForm>,
) -> Result<Response, Error> {
    let cart_id = shopper.checked_cart(&form.csrf)?;
    let checkout_id: CheckoutId =
        form.checkout_id.parse().map_err(|_| Error::bad_request("checkout_id_invalid", "That is no checkout."))?;
    let found = carts::read(&context, cart_id).await?;
    if let Some(frozen) = found.cart.checkout(checkout_id) {
        match checkout::give_up(&context, checkout_id, found.cart_id, &frozen.lines).await {
            Ok(None) => {}
            Ok(Some(order_id)) => return Ok(Redirect::to(&order_path(&shopper.tokens, order_id)).into_response()),
            // What could not be said where money is decided is not given up.
            Err(error @ Error::Fault { part: "origin", .. }) => {
                let words =
                    "We cannot reach the payments at the moment. The payment is still open; try again in a minute.";
                let markup = page(&context, &shopper, Some(words.to_owned())).await?;
                let status = error.problem(context.request_id()).status;
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
                return Ok((status, Html(markup.into_string())).into_response());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Redirect::to("/cart").into_response())
}

/// How long a link to one's own cart is good.
const LINK_LENGTH: Millis = Millis::days(7);

/// `GET /cart/open/{link}`: a page that asks whether to go on with this cart here. A link that is merely followed changes nothing.
#[worker::send]
pub(crate) async fn open_form(
    context: Context,
    shopper: Shopper,
    Path(link): Path<String>,
) -> Result<Html<String>, Error> {
    let linked = linked_cart(&context, &shopper, &link)?;
    let found = carts::read(&context, linked).await?;
    let own = match shopper.cart_id {
        Some(own) if own != found.cart_id => carts::read(&context, own).await?.cart.lines().len(),
        Some(_) | None => 0,
    };
    let known = site::known(&context).await?;
    let site = known.site(context.shop_url());
    Ok(Html(open_view(&site, &link, found.cart.lines().len(), own).into_string()))
}

/// `POST /cart/open/{link}`: goes on with the link's cart here. What this browser's own cart holds comes along.
#[worker::send]
pub(crate) async fn open(context: Context, shopper: Shopper, Path(link): Path<String>) -> Result<Response, Error> {
    let linked = linked_cart(&context, &shopper, &link)?;
    let found = match shopper.cart_id {
        Some(own) => carts::merge(&context, own, linked).await?,
        None => carts::read(&context, linked).await?,
    };
    let mut response = Redirect::to("/cart").into_response();
    response.headers_mut().insert(header::SET_COOKIE, shopper.tokens.cart_cookie(found.cart_id)?);
    Ok(response)
}

fn linked_cart(context: &Context, shopper: &Shopper, link: &str) -> Result<CartId, Error> {
    shopper.tokens.cart_in_link(link, context.now()).ok_or_else(|| {
        Error::rejection(
            StatusCode::GONE,
            "link_expired",
            "This link is no longer good",
            "Make a new one on the cart's page of the other device. Links are good for seven days.",
        )
    })
}

/// The cart after a change: the page for htmx, a way to it for everybody else. A refusal is told on the page.
async fn changed(context: &Context, shopper: Shopper, outcome: Result<Found, Error>) -> Result<Response, Error> {
    let (refused, shopper) = match outcome {
        // What was followed to another cart goes on there.
        Ok(found) => (None, Shopper { cart_id: Some(found.cart_id), ..shopper }),
        Err(Error::Rejection(rejection)) => (Some(rejection), shopper),
        Err(error) => return Err(error),
    };
    let mut response = if refused.is_none() && !shopper.is_htmx {
        Redirect::to("/cart").into_response()
    } else {
        let status = match &refused {
            Some(rejection) if !shopper.is_htmx => rejection.status,
            // htmx shows what comes with 200.
            Some(_) | None => StatusCode::OK,
        };
        let markup = page(context, &shopper, refused.map(|rejection| rejection.detail)).await?;
        (status, Html(markup.into_string())).into_response()
    };
    response.headers_mut().extend([CART_CHANGED]);
    if let Some(cart_id) = shopper.cart_id {
        response.headers_mut().insert(header::SET_COOKIE, shopper.tokens.cart_cookie(cart_id)?);
    }
    Ok(response)
}

async fn page(context: &Context, shopper: &Shopper, refused: Option<String>) -> Result<Markup, Error> {
    let known = site::known(context).await?;
    let site = known.site(context.shop_url());
    let Some(cart_id) = shopper.cart_id else { return Ok(view(&Model::empty(&site, refused))) };
    let Found { cart_id, cart, .. } = carts::read(context, cart_id).await?;
    let both: Vec<CartLine> = cart.lines().iter().chain(cart.saved()).cloned().collect();
    // One look at the catalogue for both lists; only the first is priced.
    let offers = sales::offers(context, &shopper.passes, Some(cart_id)).await?;
    let articles = checkout::articles(context, &both, &offers).await?;
    let wanted = Wanted::likely(cart.coupon());
    let priced = checkout::price_of_what_there_is(context, cart.lines(), &articles, &offers, &wanted).await?;
    let frozen = cart.frozen_for(context.now()).map(|(checkout_id, until)| Frozen {
        checkout_id,
        until,
        continue_href: way_back(&shopper.tokens, checkout_id),
    });
    let is_mixed = priced.is_mixed();
    let mixed = is_mixed
        .then(|| "These things are priced in different currencies. Take some out to pay for the rest.".to_owned());
    let show = |lines: &[CartLine]| lines.iter().map(|line| page_line_of(line, &articles, &offers)).collect();
    let link = shopper.tokens.cart_link(cart_id, context.now() + LINK_LENGTH);
    let model = Model {
        site: &site,
        now: context.now(),
        csrf: &shopper.tokens.csrf(cart_id),
        lines: show(cart.lines()),
        saved: show(cart.saved()),
        quote: priced.quote,
        coupon: cart.coupon().cloned(),
        coupon_outcome: priced.coupon,
        frozen,
        is_mixed,
        refused: refused.or(mixed),
        link: Some(format!("{}/cart/open/{link}", context.shop_url())),
    };
    Ok(view(&model))
}

/// A line, also of what is no longer sold.
fn page_line_of(line: &CartLine, articles: &checkout::Articles, offers: &Offers) -> Line {
    match articles.get(&line.sku) {
        Some(article) => Line {
            seen_price: line.seen_price,
            in_sale: offers.in_sale(line.product_id),
            ..page_line(article, line.quantity)
        },
        None => Line {
            sku: line.sku.clone(),
            slug: String::new(),
            title: format!("{} (no longer sold)", line.sku),
            variant: String::new(),
            brand: None,
            category: Vec::new(),
            picture: None,
            unit_price: line.seen_price.unwrap_or(Money::new(0, domain::money::Currency::Ngn)),
            seen_price: None,
            quantity: line.quantity,
            available: None,
            in_sale: None,
        },
    }
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
        seen_price: None,
        quantity,
        available: Some(article.available),
        in_sale: None,
    }
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
