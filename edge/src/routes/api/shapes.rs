//! How the API's answers look. A contract: fields are added, never renamed or removed.

use std::ops::Range;

use domain::cart::{Cart, CartLine};
use domain::checkout::Address;
use domain::ids::{CartId, CheckoutId, OrderId, ProductId, RefundId, Sku};
use domain::money::{Currency, Money};
use domain::order::OrderStatus;
use domain::payment::PaymentStatus;
use domain::pricing::{CouponOutcome, DeliveryMethod, Quote};
use domain::refund::part::Part;
use domain::refund::{Cause, RefundStatus};
use domain::sale::NoPass;
use domain::time::Timestamp;
use domain::wire::{
    GatewayName, GatewayOffer, GatewayOffers, OrderView, PaymentHandle, Picture, PlacedOrder, RefundView,
};
use search::answer::{AttributeFacet, Correction, FacetCount, Hit};
use search::{Answer, Request};
use serde::Serialize;

use super::totals::TotalsBody;
use crate::catalogue::Snapshot;
use crate::checkout::{Articles, PricedCart};
use crate::pages::in_sale::{InSale, Turn};
use crate::pages::links;
use crate::pages::picture::fallback_width;
use crate::routes::listing::picture;
use crate::sales::Offers;
use crate::search_shell::Found;

/// A product.
#[derive(Serialize)]
pub(crate) struct ProductBody {
    id: ProductId,
    sku: Sku,
    slug: String,
    title: String,
    description: String,
    brand: Option<String>,
    category: Vec<String>,
    price: Money,
    images: Vec<ImageBody>,
    attributes: Vec<AttributeBody>,
    seller: String,
    variants: Vec<VariantBody>,
    rating: RatingBody,
}

#[derive(Serialize)]
struct ImageBody {
    url: String,
    width: u32,
    height: u32,
    alt: String,
}

#[derive(Serialize)]
struct AttributeBody {
    name: String,
    value: String,
}

#[derive(Serialize)]
struct VariantBody {
    id: Sku,
    sku: Sku,
    title: String,
    price: Money,
    /// Units that can be bought.
    available: u32,
}

/// What buyers think, on average, in stars.
#[derive(Serialize)]
struct RatingBody {
    average: Option<f32>,
    count: u32,
}

impl ProductBody {
    pub(super) fn new(snapshot: Snapshot, levels: &[(Sku, u32)]) -> Self {
        let currency = snapshot.price.currency;
        let variants = snapshot.variants.into_iter().map(|variant| VariantBody {
            id: variant.sku.clone(),
            title: variant.title(),
            price: Money::new(variant.price_minor, currency),
            available: levels.iter().find(|(sku, _)| *sku == variant.sku).map_or(0, |(_, available)| *available),
            sku: variant.sku,
        });
        Self {
            variants: variants.collect(),
            id: snapshot.id,
            sku: snapshot.sku,
            slug: snapshot.slug,
            title: snapshot.title,
            description: snapshot.description,
            brand: snapshot.brand,
            category: snapshot.category,
            price: snapshot.price,
            images: snapshot.pictures.into_iter().map(image).collect(),
            attributes: snapshot.attributes.into_iter().map(|(name, value)| AttributeBody { name, value }).collect(),
            seller: snapshot.seller,
            rating: RatingBody {
                average: snapshot.rating.map(|rating| f32::from(rating.hundredths) / 100.0),
                count: snapshot.rating.map_or(0, |rating| rating.count),
            },
        }
    }
}

fn image(picture: Picture) -> ImageBody {
    ImageBody {
        url: links::picture(&picture.key, picture.width),
        width: picture.width,
        height: picture.height,
        alt: picture.alt,
    }
}

/// Results of a search.
#[derive(Serialize)]
pub(crate) struct SearchBody {
    query: String,
    total: u64,
    page: u32,
    per_page: u32,
    hits: Vec<HitBody>,
    facets: FacetsBody,
    /// No product has all the words; these have some of them.
    relaxed: bool,
    /// It has words in quotes, and no product has them as they stand there.
    missed_phrase: bool,
    /// So many have all the words and come first; null when all are alike.
    with_all_words: Option<u64>,
    /// Words that no product has, and what was searched instead.
    corrections: Vec<Correction>,
    /// The whole query as it was probably meant; nothing was searched for instead.
    suggestion: Option<String>,
    index_version: String,
}

#[derive(Serialize)]
struct HitBody {
    id: String,
    sku: String,
    slug: String,
    title: String,
    brand: Option<String>,
    price: Option<Money>,
    image: Option<String>,
    available: u32,
    rating: RatingBody,
    /// Where in `title` the words of the query stand, in bytes of UTF-8.
    title_marks: Vec<Range<usize>>,
}

#[derive(Serialize)]
struct FacetsBody {
    category: Vec<FacetCount>,
    brand: Vec<FacetCount>,
    /// `from-to` in minor units, both inclusive.
    price: Vec<FacetCount>,
    /// The value is the least number of stars.
    rating: Vec<FacetCount>,
    /// `true`: what can be bought.
    in_stock: Vec<FacetCount>,
    attributes: Vec<AttributeFacet>,
}

impl SearchBody {
    pub(super) fn new(request: &Request, found: Found) -> Self {
        let Answer { total, hits, facets, relaxed, missed_phrase, with_all_words, corrections, suggestion, .. } =
            found.answer;
        let ranges = facets.price.into_iter().flat_map(|price| price.ranges);
        let price = ranges
            .map(|range| FacetCount { value: format!("{}-{}", range.from_minor, range.to_minor), count: range.count });
        let ratings = facets.rating.into_iter();
        let ratings = ratings.map(|rating| FacetCount { value: rating.min_stars.to_string(), count: rating.count });
        Self {
            query: request.query.clone(),
            total,
            page: request.page,
            per_page: request.per_page,
            hits: hits.into_iter().map(hit).collect(),
            facets: FacetsBody {
                category: facets.category,
                brand: facets.brand,
                price: price.collect(),
                rating: ratings.collect(),
                in_stock: vec![FacetCount { value: "true".to_owned(), count: facets.in_stock }],
                attributes: facets.attributes,
            },
            relaxed,
            missed_phrase,
            with_all_words,
            corrections,
            suggestion,
            index_version: found.index_version,
        }
    }
}

fn hit(hit: Hit) -> HitBody {
    let average = hit.rating_hundredths.map(|hundredths| f32::from(hundredths) / 100.0);
    HitBody {
        rating: RatingBody { average, count: hit.rating_count },
        title_marks: hit.title_marks.clone(),
        image: picture(&hit).map(|picture| links::picture(&picture.key, fallback_width(&picture))),
        price: hit.currency.parse().ok().map(|currency| Money::new(hit.price_minor, currency)),
        id: hit.id,
        sku: hit.sku,
        slug: hit.slug,
        title: hit.title,
        brand: hit.brand,
        available: hit.available,
    }
}

/// A cart that was just made.
#[derive(Serialize)]
pub(crate) struct NewCart {
    pub(super) id: CartId,
    /// Goes with every later call as `Authorization: Bearer …`.
    pub(super) token: String,
}

/// A cart with today's prices.
#[derive(Serialize)]
pub(crate) struct CartBody {
    id: CartId,
    lines: Vec<LineBody>,
    /// What is saved for later; no part of the quote.
    saved: Vec<LineBody>,
    /// Of what can be had now. `null` when there is nothing to price, or in several currencies.
    quote: Option<QuoteBody>,
    /// The ways to have it delivered there.
    methods: Vec<MethodBody>,
    /// The code that was typed; `null` without one.
    coupon: Option<CouponBody>,
    /// The checkout that the cart waits for.
    frozen_for: Option<CheckoutId>,
}

#[derive(Serialize)]
struct LineBody {
    sku: Sku,
    quantity: u32,
    /// `null` when it is no longer sold, as with the two below.
    title: Option<String>,
    price: Option<Money>,
    total: Option<Money>,
    /// Price of one as the shopper saw it last; `null` when nobody knows. When it differs from `price`, say so, and then accept it.
    seen_price: Option<Money>,
    available: u32,
    /// What a flash sale means for it; `null` outside of sales.
    sale: Option<LineSaleBody>,
}

#[derive(Serialize)]
struct LineSaleBody {
    slug: String,
    title: String,
    /// Units of the product that one person may have, all variants together.
    units_max: u32,
    /// `open`: it can be bought at the sale's price. `pass_needed`, `gathering`, `waiting`, `lapsed`, `closed`: not now. `ended`,
    /// `cancelled`: at its usual price.
    turn: &'static str,
    /// Until when it is `open`.
    until: Option<String>,
    /// When `waiting` ends.
    admitted_at: Option<String>,
}

fn line_sale(InSale { slug, title, units_max, turn }: InSale) -> LineSaleBody {
    let (turn, until, admitted_at) = match turn {
        Turn::Open { until } => ("open", Some(until), None),
        Turn::Closed(NoPass::None) => ("pass_needed", None, None),
        Turn::Closed(NoPass::Gathering) => ("gathering", None, None),
        Turn::Closed(NoPass::Waiting { admitted_at }) => ("waiting", None, Some(admitted_at)),
        Turn::Closed(NoPass::Lapsed) => ("lapsed", None, None),
        Turn::Closed(NoPass::Over) => ("closed", None, None),
        Turn::Ended => ("ended", None, None),
        Turn::Cancelled => ("cancelled", None, None),
    };
    let (until, admitted_at) = (until.map(Timestamp::rfc3339), admitted_at.map(Timestamp::rfc3339));
    LineSaleBody { slug, title, units_max: units_max.get(), turn, until, admitted_at }
}

#[derive(Serialize)]
struct MethodBody {
    method: DeliveryMethod,
    price: Money,
}

#[derive(Serialize)]
struct CouponBody {
    code: String,
    /// What it takes off; `null` when nothing, and then `problem` says why.
    saves: Option<Money>,
    problem: Option<String>,
}

impl CouponBody {
    fn new(code: String, outcome: Option<CouponOutcome>) -> Self {
        let (saves, problem) = match outcome.map(|outcome| outcome.saves) {
            Some(Ok(saves)) => (Some(saves), None),
            Some(Err(refusal)) => (None, Some(refusal.to_string())),
            None => (None, None),
        };
        Self { code, saves, problem }
    }
}

#[derive(Serialize)]
struct QuoteBody {
    #[serde(flatten)]
    totals: TotalsBody,
    /// Names the quote to the minor unit: send it with the checkout to be asked before a price changes.
    digest: String,
}

impl CartBody {
    pub(super) fn new(
        id: CartId,
        cart: &Cart,
        (articles, offers): (&Articles, &Offers),
        priced: PricedCart,
        now: Timestamp,
    ) -> Self {
        let shown = |lines: &[CartLine]| lines.iter().map(|line| line_body(line, articles, offers)).collect();
        let currency = priced.currency();
        Self {
            id,
            lines: shown(cart.lines()),
            saved: shown(cart.saved()),
            methods: priced
                .methods
                .iter()
                .map(|offer| MethodBody { method: offer.method, price: Money::new(offer.price_minor, currency) })
                .collect(),
            coupon: cart.coupon().map(|code| CouponBody::new(code.to_string(), priced.coupon)),
            quote: priced.quote.as_ref().map(quote),
            frozen_for: cart.frozen_for(now).map(|(checkout_id, _)| checkout_id),
        }
    }
}

fn line_body(line: &CartLine, articles: &Articles, offers: &Offers) -> LineBody {
    let article = articles.get(&line.sku);
    LineBody {
        sku: line.sku.clone(),
        quantity: line.quantity.get(),
        title: article.map(|article| article.full_title()),
        price: article.map(|article| article.price),
        total: article.and_then(|article| article.price.times(line.quantity.get())),
        seen_price: line.seen_price,
        available: article.map_or(0, |article| article.available),
        sale: offers.in_sale(line.product_id).map(line_sale),
    }
}

fn quote(quote: &Quote) -> QuoteBody {
    QuoteBody { totals: TotalsBody::new(quote), digest: quote.digest() }
}

/// An order that waits for its payment.
#[derive(Serialize)]
pub(crate) struct CheckoutBody {
    order_id: OrderId,
    /// Lets its bearer see the order.
    order_token: String,
    total: Money,
    payment: PaymentHandle,
}

impl CheckoutBody {
    pub(super) fn new(placed: PlacedOrder, order_token: String) -> Self {
        Self { order_id: placed.order_id, order_token, total: placed.total, payment: placed.payment }
    }
}

/// The gateways through which one can pay.
#[derive(Serialize)]
pub(crate) struct GatewaysBody {
    gateways: Vec<GatewayBody>,
}

#[derive(Serialize)]
struct GatewayBody {
    gateway: GatewayName,
    title: &'static str,
    currencies: Vec<Currency>,
}

impl GatewaysBody {
    pub(super) fn new(offers: GatewayOffers) -> Self {
        let body = |GatewayOffer { gateway, currencies }| GatewayBody { gateway, title: gateway.title(), currencies };
        Self { gateways: offers.gateways.into_iter().map(body).collect() }
    }
}

/// An order.
#[derive(Serialize)]
pub(crate) struct OrderBody {
    id: OrderId,
    status: OrderStatus,
    email: String,
    address: Address,
    lines: Vec<OrderLineBody>,
    totals: TotalsBody,
    payment: PaymentBody,
    /// Until when it can be paid, RFC 3339, UTC; `null` once it does not wait.
    pay_before: Option<String>,
    refunds: Vec<RefundBody>,
    history: Vec<StatusBody>,
}

#[derive(Serialize)]
struct OrderLineBody {
    sku: Sku,
    slug: String,
    title: String,
    seller: String,
    quantity: u32,
    price: Money,
    total: Option<Money>,
}

#[derive(Serialize)]
struct PaymentBody {
    gateway: GatewayName,
    reference: String,
    status: PaymentStatus,
    captured: Option<Money>,
    redirect_url: Option<String>,
}

#[derive(Serialize)]
struct RefundBody {
    id: RefundId,
    /// In minor units of `currency`, which may be one that the shop does not price in.
    amount_minor: i64,
    currency: String,
    status: RefundStatus,
    cause: Cause,
    reason: String,
    part: Part,
    /// RFC 3339, UTC.
    ordered_at: String,
}

fn refund(refund: RefundView) -> RefundBody {
    RefundBody {
        id: refund.id,
        amount_minor: refund.amount_minor,
        currency: refund.currency,
        status: refund.status,
        cause: refund.cause,
        reason: refund.reason,
        part: refund.part,
        ordered_at: refund.ordered_at.rfc3339(),
    }
}

#[derive(Serialize)]
struct StatusBody {
    /// RFC 3339, UTC.
    at: String,
    status: OrderStatus,
}

impl OrderBody {
    pub(super) fn new(order: OrderView) -> Self {
        let currency = order.quote.currency;
        let money = |amount_minor| Money::new(amount_minor, currency);
        let lines = order.lines.into_iter().map(|line| OrderLineBody {
            price: money(line.unit_price_minor),
            total: money(line.unit_price_minor).times(line.quantity.get()),
            sku: line.sku,
            slug: line.slug,
            title: line.title,
            seller: line.seller,
            quantity: line.quantity.get(),
        });
        Self {
            lines: lines.collect(),
            totals: TotalsBody::new(&order.quote),
            payment: PaymentBody {
                gateway: order.payment.gateway,
                reference: order.payment.reference,
                status: order.payment.status,
                captured: order.payment.captured,
                redirect_url: order.payment.redirect_url,
            },
            pay_before: order.pay_before.map(Timestamp::rfc3339),
            refunds: order.refunds.into_iter().map(refund).collect(),
            history: order
                .history
                .into_iter()
                .map(|change| StatusBody { at: change.at.rfc3339(), status: change.status })
                .collect(),
            id: order.id,
            status: order.status,
            email: order.email,
            address: order.address,
        }
    }
}
