//! All that the shop takes and gives, and what of it applies to one order.

use serde::{Deserialize, Serialize};

use super::promotion::{CouponOutcome, CouponRefusal, Promotion};
use super::terms::{DeliveryMethod, PromotionTerms, Terms};
use super::{CannotQuote, CouponCode, PricedLine, Quote, TaxRule, Zone, delivery, quote, tax};
use crate::checkout::Address;
use crate::ids::Sku;
use crate::money::{Currency, Money};
use crate::stock::Quantity;
use crate::time::Timestamp;

/// Everything that the shop takes and gives beside its prices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// Taxes, by place and category.
    pub taxes: Vec<TaxRule>,
    /// Where things are delivered, and for what. With none, everywhere and at one price.
    pub delivery: Vec<Zone>,
    /// What is taken off, in the order in which it is.
    pub promotions: Vec<Promotion>,
}

/// One line of a cart, as the rules look at it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Item {
    /// What is bought.
    pub sku: Sku,
    /// How many.
    pub quantity: Quantity,
    /// Price of one, in minor units.
    pub unit_price_minor: i64,
    /// Who sells it.
    pub seller: String,
    /// Names from the top, joined by `/`.
    pub category: String,
    /// Maker.
    pub brand: Option<String>,
    /// Weight of one; 0 where nobody knows.
    pub weight_grams: u32,
    /// Whether its price is that of a flash sale.
    pub is_reduced: bool,
}

impl Item {
    fn line(&self) -> PricedLine {
        let Self { sku, quantity, unit_price_minor, .. } = self.clone();
        PricedLine { sku, quantity, unit_price_minor }
    }
}

/// Where an order goes, as far as its price depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destination {
    /// ISO 3166-1 alpha-2, upper case.
    pub country: String,
    /// State, province or county as the shopper wrote it.
    pub region: String,
}

impl Destination {
    /// That of an address.
    pub fn of(address: &Address) -> Self {
        Self { country: address.country.clone(), region: address.region.clone() }
    }

    /// Whether it is in one of these, or they are none. People write *Lagos* and *Lagos State* for the same.
    pub(super) fn is_in_regions(&self, regions: &[String]) -> bool {
        regions.is_empty() || regions.iter().any(|own| plain(own) == plain(&self.region))
    }
}

fn plain(region: &str) -> String {
    let lower = region.trim().to_lowercase();
    lower.strip_suffix(" state").unwrap_or(&lower).trim_end().to_owned()
}

/// Whether a category is `own`, or somewhere below it. Both are names from the top, joined by `/`.
pub(super) fn is_within(category: &str, own: &str) -> bool {
    let (mut names, mut wanted) = (category.split('/'), own.split('/'));
    wanted.all(|own| names.next().is_some_and(|name| name.trim().eq_ignore_ascii_case(own.trim())))
}

/// What is to be priced.
#[derive(Debug, Clone, Copy)]
pub struct Basket<'b> {
    /// The lines.
    pub items: &'b [Item],
    /// Of every price in it.
    pub currency: Currency,
    /// What delivery costs where the rules have no zones; `None` where nobody has said so.
    pub flat_delivery_minor: Option<i64>,
}

/// What a shopper wants beside the things.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'w> {
    /// Where they go.
    pub destination: &'w Destination,
    /// How.
    pub method: DeliveryMethod,
    /// The code that was typed.
    pub coupon: Option<&'w CouponCode>,
}

/// A way to have an order delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MethodOffer {
    /// Which.
    pub method: DeliveryMethod,
    /// What is charged for it.
    pub price_minor: i64,
}

/// What an order costs, and why.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Priced {
    /// What applies to it.
    pub terms: Terms,
    /// What it costs.
    pub quote: Quote,
    /// What became of the code that was typed.
    pub coupon: Option<CouponOutcome>,
}

impl Rules {
    /// Prices `basket` as it is wished, at `now`.
    pub fn price(&self, basket: Basket<'_>, wish: Wish<'_>, now: Timestamp) -> Result<Priced, CannotQuote> {
        let Basket { items, currency, .. } = basket;
        let mut terms = Terms {
            method: wish.method,
            deliveries: self.deliveries(basket, wish)?,
            promotions: Vec::new(),
            taxes: self.taxes(items, wish.destination),
        };
        let lines: Vec<PricedLine> = items.iter().map(Item::line).collect();
        let price = |promotions: &[PromotionTerms]| {
            quote(&lines, &Terms { promotions: promotions.to_vec(), ..terms.clone() }, currency)
        };
        let (typed, refusal) = match wish.coupon.map(|code| self.coupon(code, items, currency, now)) {
            Some(Ok(promotion)) => (Some(promotion), None),
            Some(Err(refusal)) => (None, Some(refusal)),
            None => (None, None),
        };
        let (chosen, quote) = self.best(typed, items, currency, now, price)?;
        let coupon = wish.coupon.map(|code| CouponOutcome {
            code: code.clone(),
            saves: refusal.map_or_else(|| saved(code, &chosen, &quote), Err),
        });
        terms.promotions = chosen;
        Ok(Priced { terms, quote, coupon })
    }

    /// Every way in which `basket` can be delivered, with what is charged for it.
    pub fn methods(&self, basket: Basket<'_>, wish: Wish<'_>, now: Timestamp) -> Vec<MethodOffer> {
        let known = if self.delivery.is_empty() {
            [DeliveryMethod::Standard].into()
        } else {
            delivery::methods(&self.delivery)
        };
        let offer = |method| {
            let priced = self.price(basket, Wish { method, ..wish }, now).ok()?;
            Some(MethodOffer { method, price_minor: priced.quote.delivery_charged_minor() })
        };
        known.into_iter().filter_map(offer).collect()
    }

    fn deliveries(&self, basket: Basket<'_>, wish: Wish<'_>) -> Result<Vec<super::DeliveryTerms>, CannotQuote> {
        let tax = tax::on_delivery(&self.taxes, wish.destination);
        if !self.delivery.is_empty() {
            let how = (wish.method, basket.currency);
            return delivery::parts(&self.delivery, basket.items, wish.destination, how, tax);
        }
        if wish.method != DeliveryMethod::Standard {
            return Err(CannotQuote::NoSuchMethod(wish.method));
        }
        let price = basket.flat_delivery_minor.ok_or(CannotQuote::NoDeliveryPrice(basket.currency))?;
        let mut deliveries = Terms::flat(price).deliveries;
        deliveries.iter_mut().for_each(|part| part.tax = tax.cloned());
        Ok(deliveries)
    }

    fn taxes(&self, items: &[Item], destination: &Destination) -> std::collections::BTreeMap<Sku, super::Tax> {
        let taxed = |item: &Item| {
            let tax = tax::on_items(&self.taxes, destination, &item.category)?;
            Some((item.sku.clone(), tax.clone()))
        };
        items.iter().filter_map(taxed).collect()
    }

    fn coupon<'r>(
        &'r self,
        code: &CouponCode,
        items: &[Item],
        currency: Currency,
        now: Timestamp,
    ) -> Result<&'r Promotion, CouponRefusal> {
        let of_code = self.promotions.iter().find(|promotion| promotion.code.as_ref() == Some(code));
        let promotion = of_code.ok_or(CouponRefusal::Unknown)?;
        promotion.terms(items, currency, now).map(|_| promotion)
    }

    /// The promotions that together cost the buyer least: all that go together, or one that stands alone.
    fn best(
        &self,
        typed: Option<&Promotion>,
        items: &[Item],
        currency: Currency,
        now: Timestamp,
        price: impl Fn(&[PromotionTerms]) -> Result<Quote, CannotQuote>,
    ) -> Result<(Vec<PromotionTerms>, Quote), CannotQuote> {
        let applies =
            |promotion: &&Promotion| promotion.code.is_none() || typed.is_some_and(|typed| typed.id == promotion.id);
        let (mut together, mut alone) = (Vec::new(), Vec::new());
        for promotion in self.promotions.iter().filter(applies) {
            let Ok(terms) = promotion.terms(items, currency, now) else { continue };
            if promotion.combines { together.push(terms) } else { alone.push(vec![terms]) }
        }
        let quoted = price(&together)?;
        let mut best = (together, quoted);
        for promotions in alone {
            let quoted = price(&promotions)?;
            if quoted.total_minor < best.1.total_minor {
                best = (promotions, quoted);
            }
        }
        // What saves nothing is no part of it, and is not counted as redeemed.
        let (mut chosen, quote) = best;
        let taken: Vec<String> = quote.discounts().iter().map(|(id, _, _)| (*id).to_owned()).collect();
        chosen.retain(|promotion| taken.contains(&promotion.id));
        Ok((chosen, quote))
    }
}

fn saved(code: &CouponCode, chosen: &[PromotionTerms], quote: &Quote) -> Result<Money, CouponRefusal> {
    let own = chosen.iter().find(|promotion| promotion.code.as_deref() == Some(code.as_str()));
    let Some(own) = own else {
        let names: Vec<&str> = chosen.iter().map(|promotion| promotion.name.as_str()).collect();
        let beaten = || CouponRefusal::Beaten(names.join(", "));
        return Err(if names.is_empty() { CouponRefusal::SavesNothing } else { beaten() });
    };
    let minor = quote.discounts().iter().find(|(id, _, _)| *id == own.id).map_or(0, |(_, _, minor)| *minor);
    Ok(Money::new(minor, quote.currency))
}
