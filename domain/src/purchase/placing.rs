//! Turning a cart into an order: freeze, look up, reserve, place. Hop by hop the line of *placing* in ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};

use super::{Answer, Call, CartAnswer, GaveUp, GivingUp, LettingGo, Offers, Step, by_product};
use crate::cart::{self, CartLine};
use crate::checkout::Address;
use crate::ids::{CartId, CheckoutId, OrderId, ProductId, Sku};
use crate::money::Money;
use crate::pricing::{Basket, CannotQuote, CouponCode, DeliveryMethod, Destination, Item, Quote, Terms, Wish};
use crate::stock::{self, PersonLimit, Quantity, Reservation, ReservationState};
use crate::time::Timestamp;
use crate::wire::{
    CHECKOUT_DIFFERS, CHECKOUT_GIVEN_UP, GatewayName, OrderLine, PlaceOrder, PlacedOrder, Problem, ShortLine,
};

/// What a shopper sends to buy what is in the cart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Checkout {
    /// The same again is the same order.
    pub checkout_id: CheckoutId,
    /// What is bought.
    pub cart_id: CartId,
    /// Where the receipt goes.
    pub email: String,
    /// Where the goods go.
    pub address: Address,
    /// How they get there.
    pub delivery: DeliveryMethod,
    /// Through whom it is paid.
    pub gateway: GatewayName,
    /// The digest of the quote that the shopper saw, where a person saw one.
    pub seen_quote: Option<String>,
    /// Where the shopper comes back to after paying.
    pub return_url: String,
    /// What one person may have, of each product that a sale says so of.
    pub limits: BTreeMap<ProductId, PersonLimit>,
    /// Products that a sale holds back, and whose pass this shopper has not shown.
    pub held_back: BTreeSet<ProductId>,
}

/// The checkout that takes the place of one that became an order for other things, or was given up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Correction {
    /// Its id.
    pub checkout_id: CheckoutId,
    /// Where the shopper comes back to.
    pub return_url: String,
}

/// Why a checkout became no order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The cart cannot be frozen.
    Cart(cart::Rejection),
    /// A sale holds this product back for others.
    HeldBack(ProductId),
    /// There is not enough of these.
    OutOfStock(Vec<ShortLine>),
    /// One person may not have so many of a product.
    LimitReached {
        /// Units that one person may have, all variants together.
        units_max: Quantity,
        /// Units that they hold or have bought.
        units_had: u32,
        /// The cart's lines of it, each with what is left of the person's share.
        lines: Vec<ShortLine>,
    },
    /// A product's stock does not want this reservation.
    Stock(stock::Rejection),
    /// An order is paid in one currency.
    MixedCurrencies,
    /// The lines have no price.
    CannotQuote(CannotQuote),
    /// It costs this now, and not what the shopper saw.
    QuoteChanged {
        /// what it costs now
        total: Money,
    },
    /// What the origin has against it.
    Origin(Box<Problem>),
    /// It should take the place of an order that is paid already.
    Sold(OrderId),
    /// An answer that does not go with its call.
    Bug(&'static str),
}

/// A checkout on its way to an order. Asked again with the same [`Checkout`], comes to the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Placing {
    checkout: Checkout,
    correction: Option<Correction>,
    stage: Stage,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Stage {
    Freezing,
    LookingUp(Frozen),
    Reserving(Frozen, Priced),
    Ordering(Frozen, Box<PlaceOrder>),
    /// Refused, and everything is let go of.
    LettingGo(LettingGo, Refusal),
    /// Given up, and what takes its place begins.
    GivingUp(GivingUp, Correction),
    Done(Result<PlacedOrder, Refusal>),
}

/// What the checkout froze.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Frozen {
    lines: Vec<CartLine>,
    coupon: Option<CouponCode>,
    /// Whether this try froze it. Otherwise an earlier one did, and may have placed the order.
    is_new: bool,
}

impl Frozen {
    fn stock_lines(&self) -> BTreeMap<ProductId, Vec<stock::StockLine>> {
        by_product(self.lines.iter().map(|line| (line.product_id, &line.sku, line.quantity)))
    }
}

/// What is bought, at today's prices.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Priced {
    lines: Vec<OrderLine>,
    terms: Terms,
    quote: Quote,
}

impl Placing {
    /// A checkout. With a `correction`, one that became an order for other things is given up and begun anew as that.
    pub const fn new(checkout: Checkout, correction: Option<Correction>) -> Self {
        Self { checkout, correction, stage: Stage::Freezing }
    }

    /// Which checkout it is: the corrected one, once the first was given up.
    pub const fn checkout_id(&self) -> CheckoutId {
        self.checkout.checkout_id
    }

    /// What to do next.
    pub fn step(&self) -> Step<Result<PlacedOrder, Refusal>> {
        let (checkout_id, cart_id) = (self.checkout.checkout_id, self.checkout.cart_id);
        match &self.stage {
            Stage::Freezing => Step::Ask(vec![Call::Cart(cart_id, cart::Command::Freeze { checkout_id })]),
            Stage::LookingUp(frozen) => {
                let skus = frozen.lines.iter().map(|line| line.sku.clone()).collect();
                Step::Ask(vec![Call::Offers(skus, frozen.coupon.clone())])
            }
            Stage::Reserving(frozen, _) => {
                let reserve = |(product_id, lines)| {
                    let limit = self.checkout.limits.get(&product_id).copied();
                    Call::Stock(product_id, stock::Command::Reserve { checkout_id, cart_id, lines, limit })
                };
                Step::Ask(frozen.stock_lines().into_iter().map(reserve).collect())
            }
            Stage::Ordering(_, order) => Step::Ask(vec![Call::Order(order.clone())]),
            Stage::LettingGo(letting_go, refusal) => match letting_go.step() {
                Step::Ask(calls) => Step::Ask(calls),
                Step::Done(()) => Step::Done(Err(refusal.clone())),
            },
            Stage::GivingUp(giving_up, _) => match giving_up.step() {
                Step::Ask(calls) => Step::Ask(calls),
                // `hear` never leaves it at that.
                Step::Done(_) => Step::Done(Err(Refusal::Bug("given up, and nothing follows"))),
            },
            Stage::Done(outcome) => Step::Done(outcome.clone()),
        }
    }

    /// The calls of [`Self::step`] were answered, at `now`.
    pub fn hear(&mut self, answers: Vec<Answer>, now: Timestamp) {
        const DONE: Stage = Stage::Done(Err(Refusal::Bug("a checkout was left half way")));
        self.stage = match std::mem::replace(&mut self.stage, DONE) {
            Stage::Freezing => self.frozen(answers),
            Stage::LookingUp(frozen) => match price(&self.checkout, &frozen, answers, now) {
                Ok(priced) => Stage::Reserving(frozen, priced),
                Err(refusal) => self.refuse(&frozen, refusal),
            },
            Stage::Reserving(frozen, priced) => match self.reserved(&frozen, priced, answers, now) {
                Ok(order) => Stage::Ordering(frozen, Box::new(order)),
                Err(refusal) => self.refuse(&frozen, refusal),
            },
            Stage::Ordering(frozen, _) => self.ordered(&frozen, answers),
            Stage::LettingGo(mut letting_go, refusal) => {
                letting_go.hear(answers);
                Stage::LettingGo(letting_go, refusal)
            }
            Stage::GivingUp(mut giving_up, correction) => {
                giving_up.hear(answers);
                match giving_up.step() {
                    Step::Ask(_) => Stage::GivingUp(giving_up, correction),
                    Step::Done(GaveUp::Done) => {
                        let Correction { checkout_id, return_url } = correction;
                        self.checkout = Checkout { checkout_id, return_url, ..self.checkout.clone() };
                        Stage::Freezing
                    }
                    Step::Done(GaveUp::Sold(order_id)) => Stage::Done(Err(Refusal::Sold(order_id))),
                    Step::Done(GaveUp::Bug(what)) => Stage::Done(Err(Refusal::Bug(what))),
                }
            }
            done @ Stage::Done(_) => done,
        };
    }

    fn frozen(&self, answers: Vec<Answer>) -> Stage {
        let (cart, is_new) = match answers.into_iter().next() {
            Some(Answer::Cart(Ok(CartAnswer { cart, is_changed }))) => (cart, is_changed),
            Some(Answer::Cart(Err(rejection))) => return Stage::Done(Err(Refusal::Cart(rejection))),
            Some(Answer::Stock(_) | Answer::Offers(_) | Answer::Order(_) | Answer::GaveUp(_)) | None => {
                return Stage::Done(Err(Refusal::Bug("a cart did not answer as a cart")));
            }
        };
        match cart.checkout(self.checkout.checkout_id) {
            Some(frozen) => {
                let frozen = Frozen { lines: frozen.lines.clone(), coupon: frozen.coupon.clone(), is_new };
                match frozen.lines.iter().find(|line| self.checkout.held_back.contains(&line.product_id)) {
                    Some(line) => self.refuse(&frozen, Refusal::HeldBack(line.product_id)),
                    None => Stage::LookingUp(frozen),
                }
            }
            None => Stage::Done(Err(Refusal::Bug("a frozen cart has no checkout"))),
        }
    }

    /// Every line is held at every product, or the checkout is refused.
    fn reserved(
        &self,
        frozen: &Frozen,
        priced: Priced,
        answers: Vec<Answer>,
        now: Timestamp,
    ) -> Result<PlaceOrder, Refusal> {
        let asked = frozen.stock_lines();
        assert_eq!(asked.len(), answers.len(), "every call is answered, or the machine is dropped");
        let mut lines_short = Vec::new();
        let mut reserved_until: Option<Timestamp> = None;
        for (lines, answer) in asked.values().zip(answers) {
            match reservation(answer)? {
                Ok(Reservation { state: ReservationState::Held, expires_at, .. }) => {
                    reserved_until = Some(reserved_until.map_or(expires_at, |earliest| earliest.min(expires_at)));
                }
                // Committed: the order was paid, and the origin will say so.
                Ok(_) => {}
                Err(stock::Rejection::Short { lines }) => lines_short.extend(lines),
                Err(stock::Rejection::UnknownSku { sku }) => {
                    let wanted = frozen.lines.iter().find(|line| line.sku == sku).map_or(1, |line| line.quantity.get());
                    lines_short.push(ShortLine { sku, requested: wanted, available: 0 });
                }
                Err(stock::Rejection::LimitReached { units_max, units_had }) => {
                    let lines = beyond_a_share(lines, units_max.get().saturating_sub(units_had));
                    return Err(Refusal::LimitReached { units_max, units_had, lines });
                }
                Err(rejection) => return Err(Refusal::Stock(rejection)),
            }
        }
        if !lines_short.is_empty() {
            return Err(Refusal::OutOfStock(lines_short));
        }
        let Checkout { checkout_id, cart_id, gateway, .. } = self.checkout;
        let Priced { lines, terms, quote } = priced;
        if self.checkout.seen_quote.as_ref().is_some_and(|seen| *seen != quote.digest()) {
            return Err(Refusal::QuoteChanged { total: quote.total() });
        }
        Ok(PlaceOrder {
            checkout_id,
            cart_id,
            email: self.checkout.email.clone(),
            address: self.checkout.address.clone(),
            lines,
            terms,
            currency: quote.currency,
            quote_digest: quote.digest(),
            gateway,
            return_url: self.checkout.return_url.clone(),
            reserved_until: reserved_until.unwrap_or(now),
        })
    }

    fn ordered(&mut self, frozen: &Frozen, answers: Vec<Answer>) -> Stage {
        match answers.into_iter().next() {
            Some(Answer::Order(Ok(placed))) => Stage::Done(Ok(placed)),
            Some(Answer::Order(Err(problem))) => {
                let is_given_up = problem.code == CHECKOUT_GIVEN_UP;
                // Somebody came back from the gateway's page to correct what they had typed, or gave it up in another tab: they mean
                // the new order.
                let is_over = is_given_up || problem.code == CHECKOUT_DIFFERS;
                match self.correction.take() {
                    Some(correction) if is_over => self.give_up(frozen, correction),
                    // What a given-up checkout holds is nobody's.
                    Some(_) | None if is_given_up => self.let_go(frozen, Refusal::Origin(problem)),
                    Some(_) | None => self.refuse(frozen, Refusal::Origin(problem)),
                }
            }
            Some(Answer::Cart(_) | Answer::Stock(_) | Answer::Offers(_) | Answer::GaveUp(_)) | None => {
                Stage::Done(Err(Refusal::Bug("the origin did not answer as the origin")))
            }
        }
    }

    /// What this try froze, it lets go of. Of a repetition the order may be there, and be paid any moment, with what the first try
    /// holds.
    fn refuse(&self, frozen: &Frozen, refusal: Refusal) -> Stage {
        if frozen.is_new { self.let_go(frozen, refusal) } else { Stage::Done(Err(refusal)) }
    }

    fn let_go(&self, frozen: &Frozen, refusal: Refusal) -> Stage {
        let products = frozen.lines.iter().map(|line| line.product_id);
        Stage::LettingGo(LettingGo::new(self.checkout.checkout_id, self.checkout.cart_id, products), refusal)
    }

    fn give_up(&self, frozen: &Frozen, correction: Correction) -> Stage {
        let products = frozen.lines.iter().map(|line| line.product_id);
        Stage::GivingUp(GivingUp::new(self.checkout.checkout_id, self.checkout.cart_id, products), correction)
    }
}

/// A product's lines, of which no more than `left` can be had together.
fn beyond_a_share(lines: &[stock::StockLine], mut left: u32) -> Vec<ShortLine> {
    let share = |line: &stock::StockLine| {
        let requested = line.quantity.get();
        let available = requested.min(left);
        left -= available;
        ShortLine { sku: line.sku.clone(), requested, available }
    };
    lines.iter().map(share).collect()
}

fn reservation(answer: Answer) -> Result<Result<Reservation, stock::Rejection>, Refusal> {
    match answer {
        Answer::Stock(Ok(Some(reservation))) => Ok(Ok(reservation)),
        Answer::Stock(Ok(None)) => Err(Refusal::Bug("reserved, but no reservation")),
        Answer::Stock(Err(rejection)) => Ok(Err(rejection)),
        Answer::Cart(_) | Answer::Offers(_) | Answer::Order(_) | Answer::GaveUp(_) => {
            Err(Refusal::Bug("a product's stock did not answer as stock"))
        }
    }
}

fn price(checkout: &Checkout, frozen: &Frozen, answers: Vec<Answer>, now: Timestamp) -> Result<Priced, Refusal> {
    let Offers { mut variants, delivery_minor, rules } = match answers.into_iter().next() {
        Some(Answer::Offers(offers)) => offers,
        Some(Answer::Cart(_) | Answer::Stock(_) | Answer::Order(_) | Answer::GaveUp(_)) | None => {
            return Err(Refusal::Bug("the catalogue did not answer as the catalogue"));
        }
    };
    let gone = |line: &CartLine| ShortLine { sku: line.sku.clone(), requested: line.quantity.get(), available: 0 };
    let is_gone = |line: &&CartLine| !variants.contains_key(&line.sku);
    let gone: Vec<ShortLine> = frozen.lines.iter().filter(is_gone).map(gone).collect();
    if !gone.is_empty() {
        return Err(Refusal::OutOfStock(gone));
    }
    let mut currencies = variants.values().map(|offer| offer.price.currency);
    let currency = currencies.next().ok_or(Refusal::CannotQuote(CannotQuote::Empty))?;
    if currencies.any(|other| other != currency) {
        return Err(Refusal::MixedCurrencies);
    }
    let item = |line: &CartLine| Some(variants.get(&line.sku)?.item(line.sku.clone(), line.quantity));
    let items: Vec<Item> = frozen.lines.iter().filter_map(item).collect();
    let basket = Basket { items: &items, currency, flat_delivery_minor: delivery_minor.get(&currency).copied() };
    let destination = Destination::of(&checkout.address);
    let wish = Wish { destination: &destination, method: checkout.delivery, coupon: frozen.coupon.as_ref() };
    let priced = rules.price(basket, wish, now).map_err(Refusal::CannotQuote)?;
    // A cart has one line a SKU.
    let lines: Vec<OrderLine> = frozen.lines.iter().filter_map(|line| order_line(line, &mut variants)).collect();
    Ok(Priced { lines, terms: priced.terms, quote: priced.quote })
}

fn order_line(line: &CartLine, variants: &mut BTreeMap<Sku, super::Offer>) -> Option<OrderLine> {
    let offer = variants.remove(&line.sku)?;
    Some(OrderLine {
        product_id: offer.product_id,
        sku: line.sku.clone(),
        slug: offer.slug,
        title: offer.title,
        seller: offer.seller,
        quantity: line.quantity,
        unit_price_minor: offer.price.amount_minor,
    })
}
