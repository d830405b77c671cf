//! A flash sale's pages: where the shopper stands, joining by a code that comes by e-mail, and how the order is drawn.

use axum::response::{Html, IntoResponse, Redirect, Response};
use domain::admission::{Pass, Standing};
use domain::ids::{CartId, ProductId, Sku};
use domain::money::Money;
use domain::sale::{Phase, SaleProduct};
use http::{HeaderValue, StatusCode, header};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::visitor::Visitor;
use crate::carts;
use crate::catalogue::{self, Snapshot, Variant};
use crate::context::Context;
use crate::error::Error;
use crate::extract::{Form, Path, Query};
use crate::pages::draw;
use crate::pages::links::encode;
use crate::pages::sale::{Facts, Model, OnSale, OnSaleVariant, Place, State, view};
use crate::sales::{self, Known, Proof};
use crate::session::cookie;
use crate::site;

/// Remembers which address a code was sent to, for the page that asks for it: the sale's slug and the address.
const JOIN_COOKIE: &str = "__Host-kasuwa-join";
/// As long as a code can be good.
const JOIN_COOKIE_SECONDS: u32 = 30 * 60;

/// The pass of a sale that is good for this browser's cart.
fn pass<'v>(visitor: &'v Visitor, known: &Known) -> Option<&'v Pass> {
    let is_ours =
        |pass: &&Pass| pass.ticket.sale_id == known.sale.id() && Some(pass.cart_id) == visitor.shopper.cart_id;
    visitor.shopper.passes.iter().find(is_ours)
}

/// The address that a code for this sale was sent to.
fn address(visitor: &Visitor, slug: &str) -> Option<String> {
    let (of, address) = cookie(&visitor.headers, JOIN_COOKIE)?.split_once('|')?;
    let address = percent_decode_str(address).decode_utf8().ok()?;
    (of == slug).then(|| address.into_owned())
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// From the link in the e-mail.
    key: String,
    /// Asks for an address again, whatever this browser knows.
    again: Option<String>,
}

/// `GET /sale/{slug}`
#[worker::send]
pub(crate) async fn sale(
    context: Context,
    Path(slug): Path<String>,
    Query(asked): Query<Asked>,
    visitor: Visitor,
) -> Result<Html<String>, Error> {
    let known = sales::by_slug(&context, &slug).await?;
    let is_bad_link = !asked.key.is_empty() && sales::person_of_link(&context, &known, &asked.key)?.is_none();
    let problems = if is_bad_link { vec![("email".to_owned(), sales::BAD_LINK.to_owned())] } else { Vec::new() };
    let asked = if is_bad_link { Asked { again: Some(String::new()), key: String::new() } } else { asked };
    let state = state(&context, &known, &visitor, asked).await?;
    let problems = if matches!(state, State::Join { .. }) { problems } else { Vec::new() };
    page(&context, &known, state, problems).await
}

async fn state(context: &Context, known: &Known, visitor: &Visitor, asked: Asked) -> Result<State, Error> {
    let slug = &known.sale.slug;
    let phase = known.sale.phase(context.now());
    let without_pass = || match phase {
        Phase::Announced => State::Announced,
        Phase::Over => State::Over,
        Phase::Cancelled => State::Cancelled,
        Phase::Gathering | Phase::Running => match address(visitor, slug) {
            address if asked.again.is_some() => State::Join { email: address.unwrap_or_default() },
            _ if !asked.key.is_empty() => State::Link { key: asked.key.clone() },
            Some(email) => State::Code { email, code: String::new() },
            None => State::Join { email: String::new() },
        },
    };
    let Some(pass) = pass(visitor, known).filter(|_| phase != Phase::Cancelled) else { return Ok(without_pass()) };
    let place = Place { person_id: pass.ticket.person_id, number: pass.ticket.number };
    Ok(match sales::standing(context, known, &pass.ticket).await? {
        Standing::Gathering => State::Gathering(place),
        Standing::Waiting { place: before, admitted_at } => State::Waiting { place, before, admitted_at },
        Standing::Admitted { until } => State::Admitted { until },
        // Whoever had their time may join again, which begins where it began.
        Standing::Lapsed if asked.again.is_some() || !asked.key.is_empty() || address(visitor, slug).is_some() => {
            without_pass()
        }
        Standing::Lapsed if phase == Phase::Running => State::Lapsed,
        Standing::Lapsed => State::Over,
        Standing::Unreached => State::Unreached,
        Standing::Over => State::Over,
    })
}

#[derive(Deserialize)]
pub(crate) struct JoinForm {
    #[serde(default)]
    email: String,
}

/// `POST /sale/{slug}/join`: sends a code, and goes on to where it is typed.
#[worker::send]
pub(crate) async fn join(
    context: Context,
    Path(slug): Path<String>,
    visitor: Visitor,
    Form(form): Form<JoinForm>,
) -> Result<Response, Error> {
    let known = sales::by_slug(&context, &slug).await?;
    match sales::send_code(&context, &known, &visitor.headers, &form.email).await {
        Ok(sent) => {
            let mut response = Redirect::to(&path(&known)).into_response();
            response.headers_mut().append(header::SET_COOKIE, join_cookie(&slug, Some(&sent.email))?);
            Ok(response)
        }
        // A code is there already, or tries are used up: both are seen where it is typed.
        Err(Error::Rejection(rejection)) if rejection.code.starts_with("code_") => {
            let state = State::Code { email: form.email.trim().to_owned(), code: String::new() };
            refused(&context, &known, state, rejection.status, vec![("code".to_owned(), rejection.detail.clone())])
                .await
        }
        Err(error) => {
            let state = State::Join { email: form.email.trim().to_owned() };
            told(&context, &known, state, "email", error).await
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ConfirmForm {
    email: String,
    code: String,
    /// Of the link in the e-mail, instead of both.
    key: String,
}

/// `POST /sale/{slug}/confirm`: takes the code or the link's key, and goes on to the place that it gives.
#[worker::send]
pub(crate) async fn confirm(
    context: Context,
    Path(slug): Path<String>,
    visitor: Visitor,
    Form(form): Form<ConfirmForm>,
) -> Result<Response, Error> {
    let known = sales::by_slug(&context, &slug).await?;
    let cart_id = match visitor.shopper.cart_id {
        // One that became part of another cart goes on as that.
        Some(cart_id) => carts::read(&context, cart_id).await?.cart_id,
        None => CartId(context.new_id()),
    };
    let proof = match form.key.as_str() {
        "" => Proof::Code { email: &form.email, code: &form.code },
        key => Proof::Link(key),
    };
    let pass = match sales::confirm(&context, &known, &visitor.headers, cart_id, proof).await {
        Ok(pass) => pass,
        Err(error) if !form.key.is_empty() => {
            let state = State::Join { email: address(&visitor, &slug).unwrap_or_default() };
            return told(&context, &known, state, "email", error).await;
        }
        Err(error) => {
            let email = address(&visitor, &slug).filter(|known| *known == form.email.trim()).unwrap_or_default();
            // What was typed by hand stays where it can be mended.
            let state = State::Code { email, code: form.code };
            return told(&context, &known, state, "code", error).await;
        }
    };
    let tokens = &visitor.shopper.tokens;
    let seconds = (known.sale.last_pass_ends_at() - context.now()).0 / 1_000;
    let mut response = Redirect::to(&path(&known)).into_response();
    for set in [tokens.cart_cookie(cart_id)?, tokens.pass_cookie(&pass, seconds)?, join_cookie(&slug, None)?] {
        response.headers_mut().append(header::SET_COOKIE, set);
    }
    Ok(response)
}

/// `GET /sale/{slug}/draw`
#[worker::send]
pub(crate) async fn drawn(context: Context, Path(slug): Path<String>) -> Result<Html<String>, Error> {
    let known = sales::by_slug(&context, &slug).await?;
    let draw = sales::draw(&context, &known).await?;
    let site = site::known(&context).await?.site(context.shop_url());
    let (slug, title) = (&*known.sale.slug, &*known.sale.title);
    let model = draw::Model { site: &site, slug, title, draw: known.draw_body(draw.as_ref()) };
    Ok(Html(draw::view(&model).into_string()))
}

fn path(known: &Known) -> String {
    format!("/sale/{}", encode(&known.sale.slug))
}

/// `Set-Cookie` for the address that a code was sent to; without one, forgets it.
fn join_cookie(slug: &str, email: Option<&str>) -> Result<HeaderValue, Error> {
    let (value, seconds) = match email {
        Some(email) => (format!("{slug}|{}", encode(email)), JOIN_COOKIE_SECONDS),
        None => (String::new(), 0),
    };
    let text = format!("{JOIN_COOKIE}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    HeaderValue::from_str(&text).map_err(Error::bug)
}

/// The page again with what is wrong beside the field; what is no rejection goes on as it is.
async fn told(context: &Context, known: &Known, state: State, field: &str, error: Error) -> Result<Response, Error> {
    let rejection = match error {
        Error::Rejection(rejection) => rejection,
        error @ (Error::Fault { .. } | Error::Bug { .. }) => return Err(error),
    };
    if matches!(rejection.code, "sale_over" | "sale_cancelled" | "sale_not_open" | "not_found") {
        // The page knows better than the form.
        return Ok(Redirect::to(&path(known)).into_response());
    }
    let fields: Vec<(String, String)> = rejection.fields.clone().into_iter().collect();
    let problems = if fields.is_empty() { vec![(field.to_owned(), rejection.detail.clone())] } else { fields };
    refused(context, known, state, rejection.status, problems).await
}

async fn refused(
    context: &Context,
    known: &Known,
    state: State,
    status: StatusCode,
    problems: Vec<(String, String)>,
) -> Result<Response, Error> {
    Ok((status, page(context, known, state, problems).await?).into_response())
}

async fn page(
    context: &Context,
    known: &Known,
    state: State,
    problems: Vec<(String, String)>,
) -> Result<Html<String>, Error> {
    let now = context.now();
    let ids: Vec<ProductId> = known.sale.products.iter().map(|product| product.product_id).collect();
    let found = catalogue::products(context, &ids).await?;
    let products = known.sale.products.iter().filter_map(|on_sale| {
        found.iter().find(|(snapshot, _)| snapshot.id == on_sale.product_id).map(|found| shown(on_sale, found))
    });
    let site = site::known(context).await?.site(context.shop_url());
    let (sale, terms) = (&known.sale, &known.sale.terms);
    let facts = Facts {
        slug: sale.slug.clone(),
        title: sale.title.clone(),
        phase: sale.phase(now),
        gathers_at: terms.gathers_at,
        starts_at: terms.starts_at,
        ends_at: terms.ends_at,
        rate: terms.rate,
        pass_length: terms.pass_length,
    };
    let model = Model { site: &site, sale: facts, products: products.collect(), state, problems, now };
    Ok(Html(view(&model).into_string()))
}

fn shown(on_sale: &SaleProduct, (snapshot, levels): &(Snapshot, Vec<(Sku, u32)>)) -> OnSale {
    let variant = |variant: &Variant| OnSaleVariant {
        sku: variant.sku.clone(),
        options: variant.title(),
        price: on_sale.prices.get(&variant.sku).copied(),
        regular_price: Money::new(variant.price_minor, snapshot.price.currency),
        available: levels.iter().find(|(sku, _)| *sku == variant.sku).map_or(0, |(_, available)| *available),
    };
    OnSale {
        slug: snapshot.slug.clone(),
        title: snapshot.title.clone(),
        brand: snapshot.brand.clone(),
        category: snapshot.category.clone(),
        picture: snapshot.pictures.first().cloned(),
        units_max: on_sale.units_max.get(),
        variants: snapshot.variants.iter().map(variant).collect(),
    }
}
