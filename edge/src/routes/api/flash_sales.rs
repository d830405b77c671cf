//! Flash sales in the JSON API: what is on sale, joining, how one stands, and the draw for whoever checks it.

use axum::Json;
use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use domain::admission::{Pass, Standing};
use domain::ids::{CartId, PersonId, ProductId, SaleId, Sku};
use domain::money::Money;
use domain::sale::Phase;
use domain::wire::{DrawBody, DrawPeople};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

use super::json;
use crate::catalogue::{self, Variant};
use crate::context::Context;
use crate::error::Error;
use crate::extract::{Path, Query};
use crate::sales::{self, Known, Proof};
use crate::session::Tokens;

/// Sales that are announced, gather or run.
#[derive(Serialize)]
pub(crate) struct SalesBody {
    sales: Vec<SaleBody>,
}

/// A flash sale. Times are RFC 3339, in UTC.
#[derive(Serialize)]
pub(crate) struct SaleBody {
    id: SaleId,
    slug: String,
    title: String,
    phase: Phase,
    gathers_at: String,
    starts_at: String,
    ends_at: String,
    /// People let in within a minute.
    rate: u32,
    /// How long somebody who was let in may take to check out.
    pass_seconds: i64,
    commitment: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    products: Vec<ProductBody>,
}

#[derive(Serialize)]
struct ProductBody {
    id: ProductId,
    slug: String,
    title: String,
    /// For one person, all variants together.
    units_max: u32,
    variants: Vec<VariantBody>,
}

/// A variant of a product in a sale, whether it costs less or not.
#[derive(Serialize)]
struct VariantBody {
    sku: Sku,
    /// What sets it apart; empty for the only one.
    title: String,
    /// With an open pass.
    price: Money,
    /// As always.
    regular_price: Money,
    /// Units that can be bought.
    available: u32,
}

impl SaleBody {
    fn new(known: &Known, now: domain::time::Timestamp) -> Self {
        let (sale, terms) = (&known.sale, &known.sale.terms);
        Self {
            id: sale.id(),
            slug: sale.slug.clone(),
            title: sale.title.clone(),
            phase: sale.phase(now),
            gathers_at: terms.gathers_at.rfc3339(),
            starts_at: terms.starts_at.rfc3339(),
            ends_at: terms.ends_at.rfc3339(),
            rate: terms.rate,
            pass_seconds: terms.pass_length.0 / 1_000,
            commitment: known.commitment.to_string(),
            products: Vec::new(),
        }
    }
}

/// `GET /api/v1/sales`
#[worker::send]
pub(crate) async fn list(context: Context) -> Result<Json<SalesBody>, Error> {
    let now = context.now();
    let current = sales::current(&context).await?;
    let open = current.iter().filter(|known| known.sale.phase(now).is_open());
    Ok(Json(SalesBody { sales: open.map(|known| SaleBody::new(known, now)).collect() }))
}

/// `GET /api/v1/sales/{slug}`
#[worker::send]
pub(crate) async fn sale(context: Context, Path(slug): Path<String>) -> Result<Json<SaleBody>, Error> {
    let known = sales::by_slug(&context, &slug).await?;
    let ids: Vec<ProductId> = known.sale.products.iter().map(|product| product.product_id).collect();
    let found = catalogue::products(&context, &ids).await?;
    let product = |on_sale: &domain::sale::SaleProduct| {
        let (snapshot, levels) = found.iter().find(|(snapshot, _)| snapshot.id == on_sale.product_id)?;
        let variant = |variant: &Variant| {
            let regular_price = Money::new(variant.price_minor, snapshot.price.currency);
            VariantBody {
                sku: variant.sku.clone(),
                title: variant.title(),
                price: on_sale.prices.get(&variant.sku).copied().unwrap_or(regular_price),
                regular_price,
                available: levels.iter().find(|(sku, _)| *sku == variant.sku).map_or(0, |(_, available)| *available),
            }
        };
        Some(ProductBody {
            id: snapshot.id,
            slug: snapshot.slug.clone(),
            title: snapshot.title.clone(),
            units_max: on_sale.units_max.get(),
            variants: snapshot.variants.iter().map(variant).collect(),
        })
    };
    let products = known.sale.products.iter().filter_map(product).collect();
    Ok(Json(SaleBody { products, ..SaleBody::new(&known, context.now()) }))
}

#[derive(Deserialize)]
struct Join {
    #[serde(default)]
    email: String,
}

/// That a code is on its way.
#[derive(Serialize)]
struct JoinBody {
    email: String,
}

/// `POST /api/v1/sales/{slug}/join`: sends a code to an address.
#[worker::send]
pub(crate) async fn join(
    context: Context,
    Path(slug): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Error> {
    let Join { email } = json(&body)?;
    let known = sales::by_slug(&context, &slug).await?;
    let sent = sales::send_code(&context, &known, &headers, &email).await?;
    Ok((StatusCode::ACCEPTED, Json(JoinBody { email: sent.email })).into_response())
}

#[derive(Deserialize)]
struct Confirm {
    cart_id: CartId,
    #[serde(default)]
    email: String,
    #[serde(default)]
    code: String,
    /// Of the link in the e-mail, instead of address and code.
    key: Option<String>,
}

/// A place in the queue.
#[derive(Serialize)]
pub(crate) struct PassBody {
    /// Goes with carts and checkouts as the header `Kasuwa-Pass`; good for this cart only.
    pass: String,
    #[serde(flatten)]
    standing: StandingBody,
}

/// How a place stands. Times are RFC 3339, in UTC.
#[derive(Serialize)]
pub(crate) struct StandingBody {
    /// `gathering`, `waiting`, `admitted`, `lapsed`, `unreached` (the sale ends before their turn), `over` or `cancelled`.
    standing: &'static str,
    /// Who its holder is in the draw's list.
    person_id: PersonId,
    /// Counts those who joined from 0; in the draw's list, for those who joined before the start.
    number: u32,
    /// People before them; null for those who came after the draw, and while it is not made.
    place: Option<u32>,
    /// When they are let in, while they wait.
    admitted_at: Option<String>,
    /// Until when they may check out, once they were let in.
    until: Option<String>,
}

impl StandingBody {
    fn new(known: &Known, pass: &Pass, standing: Standing) -> Self {
        let (name, place, admitted_at, until) = match standing {
            _ if known.sale.is_cancelled => ("cancelled", None, None, None),
            Standing::Gathering => ("gathering", None, None, None),
            Standing::Waiting { place, admitted_at } => ("waiting", place, Some(admitted_at), None),
            Standing::Admitted { until } => ("admitted", None, None, Some(until)),
            Standing::Lapsed => ("lapsed", None, None, None),
            Standing::Unreached => ("unreached", None, None, None),
            Standing::Over => ("over", None, None, None),
        };
        Self {
            standing: name,
            person_id: pass.ticket.person_id,
            number: pass.ticket.number,
            place,
            admitted_at: admitted_at.map(domain::time::Timestamp::rfc3339),
            until: until.map(domain::time::Timestamp::rfc3339),
        }
    }
}

/// `POST /api/v1/sales/{slug}/confirm`, with the cart's token as bearer: takes a code or a link's key, and gives a place. The same one, however often.
#[worker::send]
pub(crate) async fn confirm(
    context: Context,
    Path(slug): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<PassBody>, Error> {
    let Confirm { cart_id, email, code, key } = json(&body)?;
    let tokens = Tokens::of(&context)?;
    tokens.check_cart_bearer(&headers, cart_id)?;
    let known = sales::by_slug(&context, &slug).await?;
    let proof = key.as_deref().map_or(Proof::Code { email: &email, code: &code }, Proof::Link);
    let pass = sales::confirm(&context, &known, &headers, cart_id, proof).await?;
    let standing = sales::standing(&context, &known, &pass.ticket).await?;
    Ok(Json(PassBody { pass: tokens.pass(&pass), standing: StandingBody::new(&known, &pass, standing) }))
}

/// `GET /api/v1/sales/{slug}/standing`, with the pass in the header `Kasuwa-Pass`
#[worker::send]
pub(crate) async fn standing(
    context: Context,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Result<Json<StandingBody>, Error> {
    let known = sales::by_slug(&context, &slug).await?;
    let passes = Tokens::of(&context)?.passes(&headers);
    let pass = passes.iter().find(|pass| pass.ticket.sale_id == known.sale.id()).ok_or_else(|| {
        Error::rejection(
            StatusCode::UNAUTHORIZED,
            "pass_missing",
            "A pass is needed",
            "Send the pass of this sale in the header `Kasuwa-Pass`.",
        )
    })?;
    let standing = sales::standing(&context, &known, &pass.ticket).await?;
    Ok(Json(StandingBody::new(&known, pass, standing)))
}

/// `GET /api/v1/sales/{slug}/draw`
#[worker::send]
pub(crate) async fn draw(context: Context, Path(slug): Path<String>) -> Result<Json<DrawBody>, Error> {
    let known = sales::by_slug(&context, &slug).await?;
    let draw = sales::draw(&context, &known).await?;
    Ok(Json(known.draw_body(draw.as_ref())))
}

#[derive(Deserialize)]
pub(crate) struct Part {
    #[serde(default)]
    from: u32,
}

/// `GET /api/v1/sales/{slug}/draw/people?from=…`: the list that was drawn from, in parts. Empty before the draw.
#[worker::send]
pub(crate) async fn people(
    context: Context,
    Path(slug): Path<String>,
    Query(Part { from }): Query<Part>,
) -> Result<Response, Error> {
    let known = sales::by_slug(&context, &slug).await?;
    let people: DrawPeople = sales::people(&context, &known, from).await?;
    let is_final = !people.people.is_empty();
    let mut response = Json(people).into_response();
    if is_final {
        // What was drawn from never changes.
        let kept = HeaderValue::from_static("public, max-age=86400, immutable");
        response.headers_mut().insert(header::CACHE_CONTROL, kept);
    }
    Ok(response)
}
