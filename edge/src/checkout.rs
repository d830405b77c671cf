//! Turning a cart into an order, for pages and API alike. What follows from what, [`domain::purchase`] decides; here it is carried, and
//! said over HTTP.
//!
//! Every hop may be the last one that happened; each can be repeated with the same `checkout_id`, and what is held lapses by itself.

use std::collections::BTreeMap;

use domain::admission::Pass;
use domain::cart::CartLine;
use domain::checkout::{Address, email_problem};
use domain::ids::{CartId, CheckoutId, OrderId, Sku};
use domain::money::{Currency, Money};
use domain::pricing::{
    Basket, CannotQuote, CouponCode, CouponOutcome, DeliveryMethod, Destination, Item, MethodOffer, Quote, Rules, Wish,
};
use domain::purchase::{self, Correction, GaveUp, GivingUp, Placing, Refusal, Step};
use domain::stock::{self, Quantity};
use domain::time::Timestamp;
use domain::wire::{GatewayName, PlacedOrder, ShortLine};
use http::StatusCode;

use crate::catalogue::{self, Article};
use crate::context::Context;
use crate::error::{Error, Rejection, sentence};
use crate::pages::product::Delivered;
use crate::sales::{self, Offers};
use crate::session::Tokens;
use crate::{carrier, carts, gateways, origin_client, pricing};

/// What delivery costs.
const DELIVERY_SETTING: &str = "DELIVERY_STANDARD_MINOR";

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
    /// `None` when there is nothing to price, or in several currencies, or nothing of it is delivered there.
    pub(crate) quote: Option<Quote>,
    /// What became of the code that was typed.
    pub(crate) coupon: Option<CouponOutcome>,
    /// The ways to have it delivered, with what each costs.
    pub(crate) methods: Vec<MethodOffer>,
}

/// What a shopper wants beside the things in the cart.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) destination: Destination,
    pub(crate) method: DeliveryMethod,
    pub(crate) coupon: Option<CouponCode>,
}

impl Wanted {
    /// What is most likely, before anybody has said where to: so that a cart can show what it will cost.
    pub(crate) fn likely(coupon: Option<&CouponCode>) -> Self {
        Self { destination: Destination::of(&home()), method: DeliveryMethod::Standard, coupon: coupon.cloned() }
    }
}

/// Where most orders go.
pub(crate) fn home() -> Address {
    Address { country: "NG".to_owned(), ..Address::default() }
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
pub(crate) async fn price(
    context: &Context,
    lines: &[CartLine],
    offers: &Offers,
    wanted: &Wanted,
) -> Result<PricedCart, Error> {
    let articles = articles(context, lines, offers).await?;
    price_of(context, lines, &articles, wanted, |_| true).await
}

/// What is in a cart, of what was looked up, and what that costs of it which can be had now.
pub(crate) async fn price_of_what_there_is(
    context: &Context,
    lines: &[CartLine],
    articles: &Articles,
    offers: &Offers,
    wanted: &Wanted,
) -> Result<PricedCart, Error> {
    let is_there = |article: &Article| article.available > 0 && !offers.is_held_back(article.product_id);
    price_of(context, lines, articles, wanted, is_there).await
}

async fn price_of(
    context: &Context,
    lines: &[CartLine],
    articles: &Articles,
    wanted: &Wanted,
    is_counted: impl Fn(&Article) -> bool,
) -> Result<PricedCart, Error> {
    let mut priced = Vec::with_capacity(lines.len());
    let mut gone = Vec::new();
    for line in lines {
        match articles.get(&line.sku) {
            Some(article) => priced.push(PricedCartLine { article: article.clone(), quantity: line.quantity }),
            None => gone.push(line.clone()),
        }
    }
    let mut cart = PricedCart { lines: priced, gone, quote: None, coupon: None, methods: Vec::new() };
    let item = |line: &PricedCartLine| carrier::offer(&line.article).item(line.article.sku.clone(), line.quantity);
    let counted: Vec<Item> = cart.lines.iter().filter(|line| is_counted(&line.article)).map(item).collect();
    if !counted.is_empty() && !cart.is_mixed() {
        let rules = pricing::rules(context, wanted.coupon.as_ref()).await?;
        quote(&mut cart, &counted, &rules, &delivery_prices(context)?, wanted, context.now())?;
    }
    Ok(cart)
}

/// What one of an article costs to deliver where most orders go, and the zone that this is; `None` when it is not delivered there.
pub(crate) async fn delivery_of(context: &Context, item: Item, currency: Currency) -> Result<Option<Delivered>, Error> {
    let rules = pricing::rules(context, None).await?;
    let flat_delivery_minor = delivery_prices(context)?.get(&currency).copied();
    let (items, wanted) = ([item], Wanted::likely(None));
    let basket = Basket { items: &items, currency, flat_delivery_minor };
    let wish = |method| Wish { destination: &wanted.destination, method, coupon: None };
    let methods = rules.methods(basket, wish(DeliveryMethod::Standard), context.now());
    let Some(method) = methods.iter().map(|offer| offer.method).find(|method| *method != DeliveryMethod::Pickup) else {
        return Ok(None);
    };
    let priced = rules.price(basket, wish(method), context.now()).map_err(cannot_quote)?;
    let zone = priced.quote.deliveries.first().map(|part| part.zone.clone()).unwrap_or_default();
    Ok(Some(Delivered { price: Money::new(priced.quote.delivery_charged_minor(), currency), zone }))
}

/// What delivery costs in every currency that the shop delivers for, where its rules say nothing of it.
pub(crate) fn delivery_prices(context: &Context) -> Result<BTreeMap<Currency, i64>, Error> {
    serde_json::from_str(&context.var(DELIVERY_SETTING)?).map_err(|error| Error::setting(DELIVERY_SETTING, error))
}

/// Works out what a cart costs. A method that is not possible there gives way to the first that is.
fn quote(
    cart: &mut PricedCart,
    items: &[Item],
    rules: &Rules,
    delivery_minor: &BTreeMap<Currency, i64>,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<(), Error> {
    let currency = cart.currency();
    let basket = Basket { items, currency, flat_delivery_minor: delivery_minor.get(&currency).copied() };
    let wish = |method| Wish { destination: &wanted.destination, method, coupon: wanted.coupon.as_ref() };
    cart.methods = rules.methods(basket, wish(wanted.method), now);
    let is_possible = cart.methods.iter().any(|offer| offer.method == wanted.method);
    let method = cart.methods.first().map(|offer| offer.method).filter(|_| !is_possible).unwrap_or(wanted.method);
    match rules.price(basket, wish(method), now) {
        Ok(priced) => (cart.quote, cart.coupon) = (Some(priced.quote), priced.coupon),
        Err(CannotQuote::NotDeliveredThere | CannotQuote::NoSuchMethod(_)) => {}
        Err(error) => return Err(cannot_quote(error)),
    }
    Ok(())
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
    run(context, checkout, None).await
}

/// Places the order of a form. Somebody who came back from the gateway's page to correct what they had typed means a new order:
/// the one before is given up, and its successor is a checkout of its own.
pub(crate) async fn place_corrected(context: &Context, checkout: &Checkout) -> Result<PlacedOrder, Error> {
    let checkout_id = CheckoutId(context.new_id());
    let return_url = return_url(context, &checkout.shop_url, checkout_id)?;
    run(context, checkout, Some(Correction { checkout_id, return_url })).await
}

/// Gives a checkout up, whatever is paid for it afterwards, and lets go of everything that it holds; the order, if it is paid already.
/// May be repeated.
pub(crate) async fn give_up(
    context: &Context,
    checkout_id: CheckoutId,
    cart_id: CartId,
    lines: &[CartLine],
) -> Result<Option<OrderId>, Error> {
    let mut giving_up = GivingUp::new(checkout_id, cart_id, lines.iter().map(|line| line.product_id));
    loop {
        match giving_up.step() {
            Step::Ask(calls) => giving_up.hear(carrier::carry(context, &Offers::default(), calls).await?),
            Step::Done(GaveUp::Done) => return Ok(None),
            Step::Done(GaveUp::Sold(order_id)) => return Ok(Some(order_id)),
            Step::Done(GaveUp::Bug(what)) => return Err(Error::bug(what)),
        }
    }
}

/// The code of what was to be given up or changed, and is paid already.
pub(crate) const ALREADY_PAID: &str = "already_paid";

/// What is paid is not given up.
pub(crate) fn already_paid() -> Error {
    Error::rejection(
        StatusCode::CONFLICT,
        ALREADY_PAID,
        "This is paid already",
        "Your payment arrived. See the order; it can be cancelled there as long as it has not been sent.",
    )
}

async fn run(context: &Context, checkout: &Checkout, correction: Option<Correction>) -> Result<PlacedOrder, Error> {
    let fields = problems(&checkout.email, &checkout.address);
    if !fields.is_empty() {
        return Err(Error::invalid_fields(fields));
    }
    gateways::check(context, checkout.gateway).await?;
    let offers = sales::offers(context, &checkout.passes, Some(checkout.cart_id)).await?;
    let email = &checkout.email;
    let checkout = purchase::Checkout {
        checkout_id: checkout.checkout_id,
        cart_id: checkout.cart_id,
        email: checkout.email.clone(),
        address: checkout.address.clone(),
        delivery: checkout.delivery,
        gateway: checkout.gateway,
        seen_quote: checkout.seen_quote.clone(),
        return_url: return_url(context, &checkout.shop_url, checkout.checkout_id)?,
        limits: offers.limits(),
        held_back: offers.held_back_from(email),
    };
    let mut placing = Placing::new(checkout, correction);
    loop {
        match placing.step() {
            Step::Ask(calls) => placing.hear(carrier::carry(context, &offers, calls).await?, context.now()),
            Step::Done(outcome) => return outcome.map_err(|refusal| refused(refusal, &offers, email)),
        }
    }
}

/// Where the shopper comes back to after paying.
fn return_url(context: &Context, shop_url: &str, checkout_id: CheckoutId) -> Result<String, Error> {
    let token = Tokens::of(context)?.checkout(&checkout_id.to_string());
    Ok(format!("{shop_url}/checkout/return/{checkout_id}/{token}"))
}

/// What a refused checkout means over HTTP.
fn refused(refusal: Refusal, offers: &Offers, email: &str) -> Error {
    let conflict = |code, title, detail: String| Error::rejection(StatusCode::CONFLICT, code, title, detail);
    match refusal {
        Refusal::Cart(rejection) => carts::refused(rejection),
        Refusal::HeldBack(product_id) => offers
            .refusal(product_id, email)
            .unwrap_or_else(|| Error::bug("held back, and nobody knows for which sale")),
        Refusal::OutOfStock(lines) => out_of_stock(lines),
        Refusal::LimitReached { units_max, units_had, lines } => more_than_a_share(units_max, units_had, lines),
        Refusal::Stock(rejection) => refused_by_stock(&rejection),
        Refusal::MixedCurrencies => conflict(
            "mixed_currencies",
            "These things are priced in different currencies",
            "An order is paid in one currency. Buy them one after the other.".to_owned(),
        ),
        Refusal::CannotQuote(error) => cannot_quote(error),
        Refusal::QuoteChanged { total } => conflict(
            "quote_changed",
            "A price has changed",
            format!("The total is {total} now. Have a look before you pay."),
        ),
        Refusal::Origin(problem) => origin_client::refused(*problem),
        Refusal::Sold(_) => already_paid(),
        Refusal::Bug(what) => Error::bug(what),
    }
}

fn refused_by_stock(rejection: &stock::Rejection) -> Error {
    let (code, title) = match rejection {
        stock::Rejection::CheckoutClosed => ("checkout_closed", "This checkout is over"),
        bug @ (stock::Rejection::BadLines
        | stock::Rejection::MovementDiffers
        | stock::Rejection::BadChange
        | stock::Rejection::TooMany
        | stock::Rejection::BadReason
        | stock::Rejection::NotBought { .. }
        // Those three are told with the lines that they are about.
        | stock::Rejection::LimitReached { .. }
        | stock::Rejection::Short { .. }
        | stock::Rejection::UnknownSku { .. }) => return Error::bug(format!("a checkout reserves: {bug}")),
    };
    Error::rejection(StatusCode::CONFLICT, code, title, sentence(rejection))
}

fn more_than_a_share(units_max: Quantity, units_had: u32, lines: Vec<ShortLine>) -> Error {
    let detail = stock::Rejection::LimitReached { units_max, units_had };
    let detail = sentence(detail);
    let mut rejection = Rejection::new(StatusCode::CONFLICT, carts::LIMIT_REACHED, carts::MORE_THAN_A_SHARE, detail);
    rejection.lines = lines;
    rejection.into()
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

fn cannot_quote(error: CannotQuote) -> Error {
    let (code, title) = match &error {
        CannotQuote::NoDeliveryPrice(currency) => {
            return Error::setting(DELIVERY_SETTING, format!("has no price in {currency}"));
        }
        CannotQuote::NotDeliveredThere => ("not_delivered_there", "We do not deliver there"),
        CannotQuote::NoSuchMethod(_) => ("method_not_offered", "This way of delivery is not offered"),
        CannotQuote::Empty | CannotQuote::NegativePrice | CannotQuote::Twice(_) | CannotQuote::TooLarge => {
            ("cannot_quote", "This cart cannot be priced")
        }
    };
    Error::rejection(StatusCode::UNPROCESSABLE_ENTITY, code, title, sentence(error))
}
