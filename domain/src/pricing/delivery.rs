//! What delivery costs: zones, methods, and prices by weight; for the whole order, or for each seller's part of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::rules::{Destination, Item};
use super::terms::{DeliveryMethod, DeliveryTerms, Tax};
use super::{CannotQuote, sum};
use crate::money::{Currency, Money};

/// Places that cost the same to deliver to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Zone {
    /// What shoppers read: `Lagos`.
    pub name: String,
    /// ISO 3166-1 alpha-2, upper case; empty for everywhere.
    #[serde(default)]
    pub countries: Vec<String>,
    /// States or provinces of them; empty for all.
    #[serde(default)]
    pub regions: Vec<String>,
    /// Whose things it is for; empty for everybody's.
    #[serde(default)]
    pub sellers: Vec<String>,
    /// How things can get there.
    pub methods: Vec<MethodRule>,
}

/// One way to get things into a zone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MethodRule {
    /// Which.
    pub method: DeliveryMethod,
    /// Of its prices.
    pub currency: Currency,
    /// Prices by weight, the lightest first.
    pub steps: Vec<WeightStep>,
    /// From this worth of things on, before anything is taken off, it is free.
    #[serde(default)]
    pub free_from_minor: Option<i64>,
    /// Whether each seller's things are weighed and paid for apart.
    #[serde(default)]
    pub is_per_seller: bool,
    /// Who has what is paid for it.
    #[serde(default)]
    pub kept_by: Keeper,
}

/// Who delivers, and has what is paid for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keeper {
    /// The shop.
    #[default]
    Shop,
    /// Each seller, of their own part.
    Seller,
}

/// A price up to a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WeightStep {
    /// Up to and with this weight; `None` for any.
    #[serde(default)]
    pub up_to_grams: Option<u64>,
    /// The price, in minor units.
    pub price_minor: i64,
}

impl Zone {
    /// How well it fits things of `seller` that go there: a seller's own zone before everybody's, regions before countries, those before
    /// everywhere.
    fn fit(&self, destination: &Destination, seller: &str) -> Option<(bool, bool, bool)> {
        let is_there = self.countries.is_empty() || self.countries.contains(&destination.country);
        let is_theirs = self.sellers.is_empty() || self.sellers.iter().any(|own| own == seller);
        let fits = is_there && is_theirs && destination.is_in_regions(&self.regions);
        fits.then_some((!self.sellers.is_empty(), !self.regions.is_empty(), !self.countries.is_empty()))
    }
}

/// The zone for things of `seller`; of those that fit equally well, the first.
fn zone<'z>(zones: &'z [Zone], destination: &Destination, seller: &str) -> Option<(usize, &'z Zone)> {
    let fitting = zones.iter().enumerate().filter_map(|(at, zone)| Some((zone.fit(destination, seller)?, at, zone)));
    let best = fitting.max_by_key(|(fit, at, _)| (*fit, usize::MAX - at));
    best.map(|(_, at, zone)| (at, zone))
}

/// Things that are weighed together.
struct Group<'g> {
    zone: &'g Zone,
    rule: &'g MethodRule,
    items: Vec<&'g Item>,
}

/// What delivery of `items` costs by `method`, part by part.
pub(super) fn parts(
    zones: &[Zone],
    items: &[Item],
    destination: &Destination,
    (method, currency): (DeliveryMethod, Currency),
    tax: Option<&Tax>,
) -> Result<Vec<DeliveryTerms>, CannotQuote> {
    // What goes together: by zone, and by seller where a zone's method counts them apart.
    let mut groups: BTreeMap<(usize, Option<&str>), Group<'_>> = BTreeMap::new();
    for item in items {
        let (at, zone) = zone(zones, destination, &item.seller).ok_or(CannotQuote::NotDeliveredThere)?;
        let mut rules = zone.methods.iter().filter(|rule| rule.method == method);
        let rule = rules.find(|rule| rule.currency == currency).ok_or(CannotQuote::NoSuchMethod(method))?;
        let seller = rule.is_per_seller.then_some(item.seller.as_str());
        groups.entry((at, seller)).or_insert_with(|| Group { zone, rule, items: Vec::new() }).items.push(item);
    }
    groups
        .into_iter()
        .map(|((_, seller), Group { zone, rule, items })| {
            let price_minor = rule.price_minor(&items)?;
            let free = rule.free_from(&items)?;
            Ok(DeliveryTerms {
                zone: zone.name.clone(),
                seller: seller.map(str::to_owned),
                is_sellers: seller.is_some() && rule.kept_by == Keeper::Seller,
                price_minor: if free.is_some() { 0 } else { price_minor },
                free_from_minor: free,
                tax: tax.cloned(),
            })
        })
        .collect()
}

/// The methods that may be asked for there at all, whatever is bought.
pub(super) fn methods(zones: &[Zone]) -> BTreeSet<DeliveryMethod> {
    zones.iter().flat_map(|zone| &zone.methods).map(|rule| rule.method).collect()
}

impl MethodRule {
    fn price_minor(&self, items: &[&Item]) -> Result<i64, CannotQuote> {
        let grams: u64 = items.iter().map(|item| u64::from(item.weight_grams) * u64::from(item.quantity.get())).sum();
        let step = self.steps.iter().find(|step| step.up_to_grams.is_none_or(|most| grams <= most));
        step.map(|step| step.price_minor).ok_or(CannotQuote::NoSuchMethod(self.method))
    }

    /// From what worth on it is free, if these are worth it.
    fn free_from(&self, items: &[&Item]) -> Result<Option<i64>, CannotQuote> {
        let Some(from) = self.free_from_minor else { return Ok(None) };
        let worth = |item: &&Item| {
            let unit = Money::new(item.unit_price_minor, self.currency);
            unit.times(item.quantity.get()).map(|money| money.amount_minor).ok_or(CannotQuote::TooLarge)
        };
        let worth = sum(items.iter().map(worth).collect::<Result<Vec<_>, _>>()?)?;
        Ok((worth >= from).then_some(from))
    }
}
