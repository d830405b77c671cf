//! What a cart costs. One function makes every quote: the edge shows it, the origin charges it, and both check the digest.
//!
//! Two steps, so that both ends need not know the same: [`Rules`] say everything that the shop ever takes or gives, and
//! [`Rules::price`] chooses of it the [`Terms`] of one order; [`quote`] is arithmetic on those terms, and what the origin repeats.
//!
//! An amount is rounded in one place a line: its tax. What a promotion takes off is one amount, split over its lines so that the parts
//! come to the whole. Nothing here is ever a float.

mod delivery;
mod promotion;
mod rate;
mod redemption;
mod rules;
mod rules_problems;
mod tax;
mod terms;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::Sku;
use crate::money::{Currency, Money, split};
use crate::stock::Quantity;

pub use self::delivery::{Keeper, MethodRule, WeightStep, Zone};
pub use self::promotion::{CouponCode, CouponOutcome, CouponRefusal, InvalidCouponCode, Promotion, Scope};
pub use self::rate::{InvalidRate, Rate};
pub use self::redemption::{Limits, Redeemed, UsedUp, person};
pub use self::rules::{Basket, Destination, Item, MethodOffer, Priced, Rules, Wish};
pub use self::tax::TaxRule;
pub use self::terms::{Bearer, DeliveryMethod, DeliveryTerms, Effect, PromotionTerms, Tax, Terms};

/// One line to be priced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedLine {
    /// What is bought.
    pub sku: Sku,
    /// How many.
    pub quantity: Quantity,
    /// Price of one, in minor units of the quote's currency.
    pub unit_price_minor: i64,
}

/// What something costs, and why. All amounts are minor units of the quote's currency.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Charge {
    /// Its price, before anything is taken off.
    pub full_minor: i64,
    /// What is taken off, each part with its reason.
    #[serde(default)]
    pub discounts: Vec<Discount>,
    /// The tax on what is left.
    #[serde(default)]
    pub tax: Option<ChargedTax>,
    /// What is charged for it.
    pub charged_minor: i64,
}

/// What a promotion takes off something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Discount {
    /// [`PromotionTerms::id`].
    pub id: String,
    /// What shoppers read.
    pub name: String,
    /// How much; more than nothing.
    pub minor: i64,
    /// Who gives it up.
    pub borne_by: Bearer,
}

/// A tax on something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChargedTax {
    /// Which.
    #[serde(flatten)]
    pub tax: Tax,
    /// How much.
    pub minor: i64,
}

/// Who has which share of a [`Charge`]: what is charged = base + tax − discount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// What whoever sells it sold it for, tax apart.
    pub base_minor: i64,
    /// What is the state's.
    pub tax_minor: i64,
    /// What the shop gave up.
    pub discount_minor: i64,
}

/// One line of a [`Quote`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct QuoteLine {
    /// What is bought.
    pub sku: Sku,
    /// How many.
    pub quantity: Quantity,
    /// Price of one, in minor units.
    pub unit_price_minor: i64,
    /// What all of them cost.
    #[serde(flatten)]
    pub charge: Charge,
}

/// What delivery of a part of an order costs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct QuoteDelivery {
    /// The zone that it goes to; empty where the shop has none.
    pub zone: String,
    /// Whose things it is, where each seller's are counted apart.
    pub seller: Option<String>,
    /// Whether what is paid for it is the seller's.
    pub is_sellers: bool,
    /// From what worth on it is free, where it is free for that.
    pub free_from_minor: Option<i64>,
    /// What it costs.
    #[serde(flatten)]
    pub charge: Charge,
}

/// What is to be paid, and why. All amounts are minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Quote {
    /// The one currency of everything in it.
    pub currency: Currency,
    /// How the order reaches the buyer.
    pub method: DeliveryMethod,
    /// The lines, in the cart's order.
    pub lines: Vec<QuoteLine>,
    /// Delivery, part by part.
    pub deliveries: Vec<QuoteDelivery>,
    /// Sum of the lines, before anything is taken off.
    pub items_minor: i64,
    /// Sum of what is taken off, delivery included.
    pub discount_minor: i64,
    /// Price of delivery, before anything is taken off.
    pub delivery_minor: i64,
    /// Sum of the taxes that come on top.
    pub tax_minor: i64,
    /// What is charged: items − discount + delivery + tax (MONEY-2).
    pub total_minor: i64,
}

/// Why there is no price.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CannotQuote {
    /// Nothing to price.
    #[error("there is nothing to price")]
    Empty,
    /// A price below zero.
    #[error("a price is negative")]
    NegativePrice,
    /// A SKU that stands there twice.
    #[error("{0} is there twice")]
    Twice(Sku),
    /// The sum is beyond [`Money::AMOUNT_MINOR_MAX`].
    #[error("the total is too large")]
    TooLarge,
    /// Nobody has said what delivery costs in this currency.
    #[error("delivery has no price in {0}")]
    NoDeliveryPrice(Currency),
    /// No zone has this place in it.
    #[error("nothing is delivered there")]
    NotDeliveredThere,
    /// Another method, perhaps.
    #[error("{} is not possible there for these things", .0.title())]
    NoSuchMethod(DeliveryMethod),
}

/// Prices `lines` on `terms`, in `currency`.
pub fn quote(lines: &[PricedLine], terms: &Terms, currency: Currency) -> Result<Quote, CannotQuote> {
    check(lines, terms)?;
    let mut items: Vec<Charge> = lines.iter().map(|line| full(line, currency)).collect::<Result<_, _>>()?;
    let mut deliveries: Vec<Charge> = terms.deliveries.iter().map(|part| Charge::of(part.price_minor)).collect();
    // So that nothing below can overflow.
    sum(items.iter().chain(&deliveries).map(|charge| charge.full_minor))?;
    for promotion in &terms.promotions {
        take_off(promotion, lines, &mut items, &mut deliveries);
    }
    for (charge, line) in items.iter_mut().zip(lines) {
        charge.add_tax(terms.taxes.get(&line.sku));
    }
    for (charge, part) in deliveries.iter_mut().zip(&terms.deliveries) {
        charge.add_tax(part.tax.as_ref());
    }
    assemble(lines, terms, currency, items, deliveries)
}

fn check(lines: &[PricedLine], terms: &Terms) -> Result<(), CannotQuote> {
    if lines.is_empty() {
        return Err(CannotQuote::Empty);
    }
    let is_negative = |promotion: &PromotionTerms| match promotion.effect {
        Effect::Amount { minor } | Effect::AmountEach { minor } => minor < 0,
        Effect::Percent { .. } | Effect::FreeDelivery => false,
    };
    if lines.iter().any(|line| line.unit_price_minor < 0)
        || terms.deliveries.iter().any(|part| part.price_minor < 0)
        || terms.promotions.iter().any(is_negative)
    {
        return Err(CannotQuote::NegativePrice);
    }
    for (index, line) in lines.iter().enumerate() {
        if lines[..index].iter().any(|other| other.sku == line.sku) {
            return Err(CannotQuote::Twice(line.sku.clone()));
        }
    }
    Ok(())
}

fn full(line: &PricedLine, currency: Currency) -> Result<Charge, CannotQuote> {
    let total = Money::new(line.unit_price_minor, currency).times(line.quantity.get()).ok_or(CannotQuote::TooLarge)?;
    Ok(Charge::of(total.amount_minor))
}

fn sum(amounts: impl IntoIterator<Item = i64>) -> Result<i64, CannotQuote> {
    amounts
        .into_iter()
        .try_fold(0_i64, i64::checked_add)
        .filter(|total| *total <= Money::AMOUNT_MINOR_MAX)
        .ok_or(CannotQuote::TooLarge)
}

/// Takes what a promotion gives off what is left of the charges that it is about.
fn take_off(promotion: &PromotionTerms, lines: &[PricedLine], items: &mut [Charge], deliveries: &mut [Charge]) {
    let left = |charges: &[Charge]| charges.iter().map(Charge::left_minor).collect::<Vec<i64>>();
    let is_meant = |line: &PricedLine| promotion.skus.contains(&line.sku);
    let meant: Vec<i64> =
        left(items).into_iter().zip(lines).map(|(left, line)| if is_meant(line) { left } else { 0 }).collect();
    let together: i64 = meant.iter().sum();
    let (parts, charges) = match promotion.effect {
        Effect::Percent { rate } => (split(rate.of(together), &meant), items),
        Effect::Amount { minor } => (split(minor.min(together), &meant), items),
        Effect::AmountEach { minor } => {
            let each = |line: &PricedLine| minor.min(line.unit_price_minor) * i64::from(line.quantity.get());
            (meant.iter().zip(lines).map(|(left, line)| each(line).min(*left)).collect(), items)
        }
        Effect::FreeDelivery => (left(deliveries), deliveries),
    };
    for (charge, minor) in charges.iter_mut().zip(parts).filter(|(_, minor)| *minor > 0) {
        let (id, name, borne_by) = (promotion.id.clone(), promotion.name.clone(), promotion.borne_by);
        charge.discounts.push(Discount { id, name, minor, borne_by });
    }
}

fn assemble(
    lines: &[PricedLine],
    terms: &Terms,
    currency: Currency,
    items: Vec<Charge>,
    deliveries: Vec<Charge>,
) -> Result<Quote, CannotQuote> {
    let all = || items.iter().chain(&deliveries);
    let total_minor = sum(all().map(|charge| charge.charged_minor))?;
    let quote = Quote {
        currency,
        method: terms.method,
        items_minor: sum(items.iter().map(|charge| charge.full_minor))?,
        discount_minor: sum(all().map(Charge::discount_minor))?,
        delivery_minor: sum(deliveries.iter().map(|charge| charge.full_minor))?,
        tax_minor: sum(all().map(Charge::tax_on_top_minor))?,
        total_minor,
        lines: lines.iter().zip(items).map(|(line, charge)| QuoteLine::new(line, charge)).collect(),
        deliveries: terms
            .deliveries
            .iter()
            .zip(deliveries)
            .map(|(part, charge)| QuoteDelivery::new(part, charge))
            .collect(),
    };
    crate::invariants::assert(crate::invariants::charged_as_quoted(&quote, quote.total()));
    Ok(quote)
}

impl Charge {
    const fn of(full_minor: i64) -> Self {
        Self { full_minor, discounts: Vec::new(), tax: None, charged_minor: full_minor }
    }

    /// All that is taken off.
    pub fn discount_minor(&self) -> i64 {
        self.discounts.iter().map(|discount| discount.minor).sum()
    }

    /// The tax that comes on top.
    pub fn tax_on_top_minor(&self) -> i64 {
        self.tax.as_ref().map_or(0, |charged| if charged.tax.is_included { 0 } else { charged.minor })
    }

    fn left_minor(&self) -> i64 {
        self.full_minor - self.discount_minor()
    }

    fn add_tax(&mut self, tax: Option<&Tax>) {
        let left_minor = self.left_minor();
        self.tax = tax.map(|tax| ChargedTax { tax: tax.clone(), minor: tax.on(left_minor) });
        self.charged_minor = left_minor + self.tax_on_top_minor();
    }

    /// Who has which share of what is charged. The shop's discounts change nothing for whoever sells: they get what they would have got
    /// without them.
    pub fn shares(&self) -> Shares {
        let by_sellers = self.discounts.iter().filter(|discount| discount.borne_by == Bearer::Seller);
        let asked_minor = self.full_minor - by_sellers.map(|discount| discount.minor).sum::<i64>();
        let included = |minor: i64| {
            self.tax.as_ref().map_or(0, |charged| if charged.tax.is_included { charged.tax.on(minor) } else { 0 })
        };
        let base_minor = asked_minor - included(asked_minor);
        let tax_minor = self.tax.as_ref().map_or(0, |charged| charged.minor);
        Shares { base_minor, tax_minor, discount_minor: base_minor + tax_minor - self.charged_minor }
    }
}

impl Tax {
    /// How much of it falls on an amount: within it, or on top of it.
    fn on(&self, amount_minor: i64) -> i64 {
        if self.is_included { self.rate.within(amount_minor) } else { self.rate.of(amount_minor) }
    }
}

impl QuoteLine {
    fn new(line: &PricedLine, charge: Charge) -> Self {
        let PricedLine { sku, quantity, unit_price_minor } = line.clone();
        Self { sku, quantity, unit_price_minor, charge }
    }
}

impl QuoteDelivery {
    fn new(part: &DeliveryTerms, charge: Charge) -> Self {
        let DeliveryTerms { zone, seller, is_sellers, free_from_minor, .. } = part.clone();
        Self { zone, seller, is_sellers, free_from_minor, charge }
    }
}

impl Quote {
    /// What is to be paid.
    pub fn total(&self) -> Money {
        Money::new(self.total_minor, self.currency)
    }

    /// What is charged for delivery: its price, less what is taken off, with its tax.
    pub fn delivery_charged_minor(&self) -> i64 {
        self.deliveries.iter().map(|part| part.charge.charged_minor).sum()
    }

    /// Every charge in it.
    pub fn charges(&self) -> impl Iterator<Item = &Charge> {
        self.lines.iter().map(|line| &line.charge).chain(self.deliveries.iter().map(|part| &part.charge))
    }

    /// What each promotion takes off, by its id, with its name; in the order in which they were.
    pub fn discounts(&self) -> Vec<(&str, &str, i64)> {
        let mut sums: Vec<(&str, &str, i64)> = Vec::new();
        for discount in self.charges().flat_map(|charge| &charge.discounts) {
            match sums.iter_mut().find(|(id, _, _)| *id == discount.id) {
                Some((_, _, minor)) => *minor += discount.minor,
                None => sums.push((&discount.id, &discount.name, discount.minor)),
            }
        }
        sums
    }

    /// What each tax comes to.
    pub fn taxes(&self) -> Vec<(&Tax, i64)> {
        let mut sums: Vec<(&Tax, i64)> = Vec::new();
        for charged in self.charges().filter_map(|charge| charge.tax.as_ref()) {
            match sums.iter_mut().find(|(tax, _)| *tax == &charged.tax) {
                Some((_, minor)) => *minor += charged.minor,
                None => sums.push((&charged.tax, charged.minor)),
            }
        }
        sums
    }

    /// Names this quote to the minor unit: lower-case hex SHA-256 over everything in it, reasons included. Two ends that agree on the
    /// digest agree on the price.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update("quote-2\n");
        // Texts and whole numbers in the order of the type: it cannot fail, and leaves nothing out.
        hash.update(serde_json::to_vec(self).unwrap_or_default());
        hex::encode(hash.finalize())
    }
}
