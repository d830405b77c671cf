//! Turning a cart into an order: freeze, reserve, quote, place. The line of DESIGN's *placing*, hop by hop.
//!
//! Every hop may be the last one that happened; each can be repeated with the same `checkout_id`, and what is held lapses by itself.

use std::collections::BTreeMap;

use domain::admission::Pass;
use domain::cart::{self, CartLine};
use domain::checkout::{Address, email_problem};
use domain::ids::{CartId, CheckoutId, ProductId, Sku};
use domain::money::Currency;
use domain::pricing::{self, Delivery, DeliveryMethod, PricedLine, Quote};
use domain::stock::{self, Quantity, ReservationState, StockLine};
use domain::wire::{GatewayName, OrderLine, PlaceOrder, PlacedOrder, ShortLine};
use futures_util::future::join_all;
use http::StatusCode;

use crate::carts;
use crate::catalogue::{self, Article};
use crate::context::Context;
use crate::durable::client::{self, CartCall, StockAsk};
use crate::error::{Error, Rejection};
use crate::origin_client;
use crate::sales::{self, Offers};
use crate::session::Tokens;

/// The code of a checkout that comes again with other contents than the order that it made.
pub(crate) const CHECKOUT_DIFFERS: &str = "checkout_differs";

/// What a shopper sends to buy what is in the cart.
#[derive(Debug, Clone)]
pub(crate) struct Checkout {
    pub(crate) checkout_id: CheckoutId,
    pub(crate) cart_id: CartId,
    pub(crate) email: String,
    pub(crate) address: Address,
    pub(crate) delivery: DeliveryMethod,
    pub(crate) gateway: GatewayName,
    /// The digest of the quote that the shopper saw, where a person saw one.
    pub(crate) seen_quote: Option<String>,
    /// Where the shop is, as the shopper's browser knows it: `https://shop.example`.
    pub(crate) shop_url: String,
    /// The flash sales' passes that came along.
    pub(crate) passes: Vec<Pass>,
}

/// A cart with today's prices.
#[derive(Debug)]
pub(crate) struct PricedCart {
    pub(crate) lines: Vec<PricedCartLine>,
    /// Lines that are no longer sold.
    pub(crate) gone: Vec<CartLine>,
    /// `None` when there is nothing to price, or in several currencies.
    pub(crate) quote: Option<Quote>,
}

impl PricedCart {
    /// Whether its lines are priced in several currencies.
    pub(crate) fn is_mixed(&self) -> bool {
        self.lines.iter().any(|line| line.article.price.currency != self.currency())
    }

    /// The currency of its first line.
    pub(crate) fn currency(&self) -> Currency {
        self.lines.first().map_or(Currency::Ngn, |line| line.article.price.currency)
    }
}

/// A line of a cart with what it is.
#[derive(Debug)]
pub(crate) struct PricedCartLine {
    pub(crate) article: Article,
    pub(crate) quantity: Quantity,
}

/// What is sold now, by SKU.
pub(crate) type Articles = BTreeMap<Sku, Article>;

/// Looks up what these lines are, at the prices that their cart pays.
pub(crate) async fn articles(context: &Context, lines: &[CartLine], offers: &Offers) -> Result<Articles, Error> {
    let skus: Vec<&Sku> = lines.iter().map(|line| &line.sku).collect();
    let articles = catalogue::articles(context, &skus).await?;
    Ok(articles.into_iter().map(|article| (article.sku.clone(), offers.priced(article))).collect())
}

/// Looks up what is in a cart and what it costs.
pub(crate) async fn price(context: &Context, lines: &[CartLine], offers: &Offers) -> Result<PricedCart, Error> {
    price_of(context, lines, &articles(context, lines, offers).await?)
}

/// What is in a cart and what it costs, of what was looked up.
pub(crate) fn price_of(context: &Context, lines: &[CartLine], articles: &Articles) -> Result<PricedCart, Error> {
    let mut priced = Vec::with_capacity(lines.len());
    let mut gone = Vec::new();
    for line in lines {
        match articles.get(&line.sku) {
            Some(article) => priced.push(PricedCartLine { article: article.clone(), quantity: line.quantity }),
            None => gone.push(line.clone()),
        }
    }
    let mut cart = PricedCart { lines: priced, gone, quote: None };
    if !cart.lines.is_empty() && !cart.is_mixed() {
        cart.quote = Some(quote(context, &cart.lines, DeliveryMethod::Standard, cart.currency())?);
    }
    Ok(cart)
}

/// What standard delivery costs in `currency`.
pub(crate) fn delivery(context: &Context, method: DeliveryMethod, currency: Currency) -> Result<Delivery, Error> {
    const SETTING: &str = "DELIVERY_STANDARD_MINOR";
    let prices: BTreeMap<Currency, i64> =
        serde_json::from_str(&context.var(SETTING)?).map_err(|error| Error::setting(SETTING, error))?;
    let price_minor =
        *prices.get(&currency).ok_or_else(|| Error::setting(SETTING, format!("has no price in {currency}")))?;
    Ok(Delivery { method, price_minor })
}

fn quote(
    context: &Context,
    lines: &[PricedCartLine],
    method: DeliveryMethod,
    currency: Currency,
) -> Result<Quote, Error> {
    let priced: Vec<PricedLine> = lines
        .iter()
        .map(|line| PricedLine {
            sku: line.article.sku.clone(),
            quantity: line.quantity,
            unit_price_minor: line.article.price.amount_minor,
        })
        .collect();
    pricing::quote(&priced, delivery(context, method, currency)?, currency).map_err(|error| {
        Error::rejection(StatusCode::UNPROCESSABLE_ENTITY, "cannot_quote", "This cart cannot be priced", error)
    })
}

/// What is wrong with the fields of a checkout, by field.
pub(crate) fn problems(email: &str, address: &Address) -> BTreeMap<String, String> {
    let mut fields: BTreeMap<String, String> =
        address.problems().into_iter().map(|(field, problem)| (field.to_owned(), problem)).collect();
    if let Some(problem) = email_problem(email) {
        fields.insert("email".to_owned(), problem.to_owned());
    }
    fields
}

/// Places the order. Asked again with the same `checkout_id`, answers the same.
pub(crate) async fn place(context: &Context, checkout: &Checkout) -> Result<PlacedOrder, Error> {
    let fields = problems(&checkout.email, &checkout.address);
    if !fields.is_empty() {
        return Err(Error::invalid_fields(fields));
    }
    let offers = sales::offers(context, &checkout.passes, Some(checkout.cart_id)).await?;
    let Frozen { lines, is_new } = freeze(context, checkout).await?;
    match reserve_and_place(context, checkout, &lines, &offers).await {
        // The origin may have the order although its answer was lost. What is held stays held for another try.
        Err(error @ (Error::Fault { .. } | Error::Bug { .. })) => Err(error),
        // A repetition: the order may be there, and be paid any moment, with what the first try holds.
        Err(rejection) if !is_new => Err(rejection),
        Err(rejection) => {
            give_up(context, checkout.checkout_id, checkout.cart_id, &lines).await?;
            Err(rejection)
        }
        placed => placed,
    }
}

/// Places the order of a form. Somebody who came back from the gateway's page to correct what they had typed means a new order:
/// the one before is given up, and its successor is a checkout of its own.
pub(crate) async fn place_corrected(context: &Context, checkout: &Checkout) -> Result<PlacedOrder, Error> {
    match place(context, checkout).await {
        Err(Error::Rejection(rejection)) if rejection.code == CHECKOUT_DIFFERS => {
            let Frozen { lines, .. } = freeze(context, checkout).await?;
            give_up(context, checkout.checkout_id, checkout.cart_id, &lines).await?;
            let corrected = Checkout { checkout_id: CheckoutId(context.new_id()), ..checkout.clone() };
            place(context, &corrected).await
        }
        outcome => outcome,
    }
}

/// Lets go of everything that a checkout holds. May be repeated.
pub(crate) async fn give_up(
    context: &Context,
    checkout_id: CheckoutId,
    cart_id: CartId,
    lines: &[CartLine],
) -> Result<(), Error> {
    let products: std::collections::BTreeSet<ProductId> = lines.iter().map(|line| line.product_id).collect();
    let release = stock::Command::Release { checkout_id, cart_id };
    let released = join_all(
        products.into_iter().map(|product_id| client::stock(context, product_id, StockAsk::Do(release.clone()))),
    )
    .await;
    for result in released {
        // Releasing is never refused.
        drop(result?);
    }
    drop(client::cart(context, cart_id, &CartCall::Change(cart::Command::Thaw { checkout_id })).await?);
    Ok(())
}

/// What a checkout froze.
struct Frozen {
    lines: Vec<CartLine>,
    /// Whether this call froze it. Otherwise an earlier try did, and may have placed the order.
    is_new: bool,
}

async fn freeze(context: &Context, checkout: &Checkout) -> Result<Frozen, Error> {
    let checkout_id = checkout.checkout_id;
    let call = CartCall::Change(cart::Command::Freeze { checkout_id });
    let answer = client::cart(context, checkout.cart_id, &call).await?.map_err(carts::refused)?;
    let frozen = answer.cart.checkout(checkout_id).ok_or_else(|| Error::bug("a frozen cart has no checkout"))?;
    Ok(Frozen { lines: frozen.lines.clone(), is_new: answer.is_changed })
}

async fn reserve_and_place(
    context: &Context,
    checkout: &Checkout,
    lines: &[CartLine],
    offers: &Offers,
) -> Result<PlacedOrder, Error> {
    offers.admit(lines, &checkout.email)?;
    let priced = price(context, lines, offers).await?;
    if !priced.gone.is_empty() {
        return Err(out_of_stock(priced.gone.iter().map(|line| short(&line.sku, line.quantity.get(), 0)).collect()));
    }
    if priced.is_mixed() {
        return Err(mixed_currencies());
    }
    let currency = priced.currency();
    let reserved_until = reserve(context, checkout, lines, offers).await?;
    let quote = quote(context, &priced.lines, checkout.delivery, currency)?;
    if checkout.seen_quote.as_ref().is_some_and(|seen| *seen != quote.digest()) {
        return Err(Error::rejection(
            StatusCode::CONFLICT,
            "quote_changed",
            "A price has changed",
            format!("The total is {} now. Have a look before you pay.", quote.total()),
        ));
    }
    let tokens = Tokens::of(context)?;
    let order = PlaceOrder {
        checkout_id: checkout.checkout_id,
        cart_id: checkout.cart_id,
        email: checkout.email.clone(),
        address: checkout.address.clone(),
        lines: priced.lines.iter().map(order_line).collect(),
        delivery: delivery(context, checkout.delivery, currency)?,
        currency,
        quote_digest: quote.digest(),
        gateway: checkout.gateway,
        return_url: format!(
            "{}/checkout/return/{}/{}",
            checkout.shop_url,
            checkout.checkout_id,
            tokens.checkout(&checkout.checkout_id.to_string())
        ),
        reserved_until,
    };
    origin_client::place_order(context, &order).await
}

fn order_line(line: &PricedCartLine) -> OrderLine {
    let article = &line.article;
    OrderLine {
        product_id: article.product_id,
        sku: article.sku.clone(),
        slug: article.slug.clone(),
        title: article.full_title(),
        seller: article.seller.clone(),
        quantity: line.quantity,
        unit_price_minor: article.price.amount_minor,
    }
}

/// Holds every line at every product, or none.
async fn reserve(
    context: &Context,
    checkout: &Checkout,
    lines: &[CartLine],
    offers: &Offers,
) -> Result<domain::time::Timestamp, Error> {
    let (checkout_id, cart_id) = (checkout.checkout_id, checkout.cart_id);
    let calls = by_product(lines).into_iter().map(|(product_id, lines)| {
        let limit = offers.limit(product_id);
        let command = stock::Command::Reserve { checkout_id, cart_id, lines, limit };
        client::stock(context, product_id, StockAsk::Do(command))
    });
    let mut lines_short = Vec::new();
    let mut reserved_until = None;
    for outcome in join_all(calls).await {
        match outcome? {
            Ok(answer) => {
                let reservation = answer.reservation.ok_or_else(|| Error::bug("reserved, but no reservation"))?;
                if reservation.state == ReservationState::Held {
                    let until = reservation.expires_at;
                    reserved_until =
                        Some(reserved_until.map_or(until, |earliest: domain::time::Timestamp| earliest.min(until)));
                }
            }
            Err(stock::Rejection::Short { lines }) => lines_short.extend(lines),
            Err(stock::Rejection::UnknownSku { sku }) => {
                let wanted = lines.iter().find(|line| line.sku == sku).map_or(1, |line| line.quantity.get());
                lines_short.push(short(&sku, wanted, 0));
            }
            Err(rejection @ stock::Rejection::LimitReached { .. }) => {
                return Err(Error::rejection(
                    StatusCode::CONFLICT,
                    "limit_reached",
                    "That is more than one person may have",
                    rejection,
                ));
            }
            Err(
                bug @ (stock::Rejection::BadLines
                | stock::Rejection::MovementDiffers
                | stock::Rejection::BadChange
                | stock::Rejection::TooMany
                | stock::Rejection::BadReason
                | stock::Rejection::NotBought { .. }),
            ) => return Err(Error::bug(format!("a checkout reserves: {bug}"))),
            Err(rejection @ stock::Rejection::CheckoutClosed) => {
                return Err(Error::rejection(
                    StatusCode::CONFLICT,
                    "checkout_closed",
                    "This checkout is over",
                    rejection,
                ));
            }
        }
    }
    if !lines_short.is_empty() {
        return Err(out_of_stock(lines_short));
    }
    // All committed already: the order was paid, and the origin will say so.
    Ok(reserved_until.unwrap_or_else(|| context.now()))
}

/// A cart's lines as each product's Stock object wants them.
fn by_product(lines: &[CartLine]) -> BTreeMap<ProductId, Vec<StockLine>> {
    gather(lines.iter().map(|line| (line.product_id, &line.sku, line.quantity)))
}

/// An order's lines as each product's Stock object wants them.
pub(crate) fn ordered_by_product(lines: &[OrderLine]) -> BTreeMap<ProductId, Vec<StockLine>> {
    gather(lines.iter().map(|line| (line.product_id, &line.sku, line.quantity)))
}

fn gather<'l>(lines: impl Iterator<Item = (ProductId, &'l Sku, Quantity)>) -> BTreeMap<ProductId, Vec<StockLine>> {
    let mut products: BTreeMap<ProductId, Vec<StockLine>> = BTreeMap::new();
    for (product_id, sku, quantity) in lines {
        products.entry(product_id).or_default().push(StockLine { sku: sku.clone(), quantity });
    }
    products
}

fn short(sku: &Sku, requested: u32, available: u32) -> ShortLine {
    ShortLine { sku: sku.clone(), requested, available }
}

fn out_of_stock(lines: Vec<ShortLine>) -> Error {
    let detail = lines
        .iter()
        .map(|line| match line.available {
            0 => format!("{} is sold out.", line.sku),
            left => format!("Only {left} of {} left.", line.sku),
        })
        .collect::<Vec<_>>()
        .join(" ");
    let mut rejection =
        Rejection::new(StatusCode::CONFLICT, carts::OUT_OF_STOCK, "Some things are no longer there", detail);
    rejection.lines = lines;
    rejection.into()
}

fn mixed_currencies() -> Error {
    Error::rejection(
        StatusCode::CONFLICT,
        "mixed_currencies",
        "These things are priced in different currencies",
        "An order is paid in one currency. Buy them one after the other.",
    )
}
