//! Which part of an order goes back, and what that part is worth.
//!
//! Worth is worked out from the quote that was paid, so that an order that goes back in any number of parts comes to exactly what was
//! paid for it, to the minor unit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::Sku;
use crate::pricing::{Charge, Quote, Shares};
use crate::stock::{Quantity, StockLine};

/// A part of an order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Part {
    /// Which units; one line a SKU.
    pub lines: Vec<StockLine>,
    /// Whether what was paid for delivery belongs to it.
    #[serde(default)]
    pub delivery: bool,
}

/// A part with what it is worth, in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedPart {
    /// Its lines, each with its worth.
    pub lines: Vec<PricedLine>,
    /// What was paid for delivery, part by part; nothing when that is no part of it.
    pub deliveries: Vec<PaidDelivery>,
}

/// Delivery that was paid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaidDelivery {
    /// The seller whose it is; `None` when it is the shop's.
    pub kept_by: Option<String>,
    /// What was paid for it.
    pub charge: Charge,
}

impl PaidDelivery {
    /// Those of an order that had a price, even where the buyer paid nothing of it: what the shop gave up for it comes back too.
    pub fn all(quote: &Quote) -> Vec<Self> {
        let paid = quote.deliveries.iter().filter(|part| part.charge.full_minor > 0);
        let of = |part: &crate::pricing::QuoteDelivery| Self {
            kept_by: part.seller.clone().filter(|_| part.is_sellers),
            charge: part.charge.clone(),
        };
        paid.map(of).collect()
    }
}

/// A line of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedLine {
    /// What goes back.
    pub sku: Sku,
    /// How many went back before.
    before: u32,
    /// How many go back.
    quantity: u32,
    /// How many were bought.
    bought: Quantity,
    /// What they are worth, in minor units.
    pub worth_minor: i64,
}

impl PricedLine {
    /// What goes back of `whole_minor`, another amount that belongs to the whole line: its commission, say. All parts together come to
    /// all of it.
    pub fn share_of(&self, whole_minor: i64) -> i64 {
        let until = |units: u32| worth(whole_minor, units, self.bought);
        until(self.before + self.quantity) - until(self.before)
    }

    /// Who has which share of what it is worth, when `whole` are the whole line's shares.
    pub fn shares_of(&self, whole: Shares) -> Shares {
        let (tax_minor, discount_minor) = (self.share_of(whole.tax_minor), self.share_of(whole.discount_minor));
        Shares { base_minor: self.worth_minor - tax_minor + discount_minor, tax_minor, discount_minor }
    }
}

impl PricedPart {
    /// All of it.
    pub fn total_minor(&self) -> i64 {
        let deliveries = self.deliveries.iter().map(|paid| paid.charge.charged_minor).sum::<i64>();
        self.lines.iter().map(|line| line.worth_minor).sum::<i64>() + deliveries
    }
}

/// Why a part cannot go back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotTakeBack {
    /// It is worth nothing.
    #[error("there is nothing to refund")]
    Nothing,
    /// More than is left of what was bought.
    #[error("of {sku} there are {left} left that were bought and not refunded")]
    NotBought {
        /// of what
        sku: Sku,
        /// how many are left
        left: u32,
    },
    /// A SKU that stands there twice.
    #[error("{sku} is named twice")]
    Twice {
        /// which
        sku: Sku,
    },
    /// What was paid for delivery went back before.
    #[error("what was paid for delivery was refunded before")]
    DeliveryBefore,
}

/// Units that were refunded, by SKU.
fn units(parts: &[Part]) -> BTreeMap<&Sku, u32> {
    let mut units = BTreeMap::new();
    for line in parts.iter().flat_map(|part| &part.lines) {
        *units.entry(&line.sku).or_default() += line.quantity.get();
    }
    units
}

/// What `wanted` is worth, when `before` went back already.
pub fn price(quote: &Quote, before: &[Part], wanted: &Part) -> Result<PricedPart, CannotTakeBack> {
    let refunded = units(before);
    let mut lines: Vec<PricedLine> = Vec::with_capacity(wanted.lines.len());
    for line in &wanted.lines {
        let sku = &line.sku;
        if lines.iter().any(|other| other.sku == *sku) {
            return Err(CannotTakeBack::Twice { sku: sku.clone() });
        }
        let bought = quote.lines.iter().find(|bought| bought.sku == *sku);
        let bought = bought.ok_or_else(|| CannotTakeBack::NotBought { sku: sku.clone(), left: 0 })?;
        let gone = refunded.get(sku).copied().unwrap_or(0);
        let left = bought.quantity.get().saturating_sub(gone);
        if line.quantity.get() > left {
            return Err(CannotTakeBack::NotBought { sku: sku.clone(), left });
        }
        let (sku, quantity) = (sku.clone(), line.quantity.get());
        let mut priced = PricedLine { sku, before: gone, quantity, bought: bought.quantity, worth_minor: 0 };
        priced.worth_minor = priced.share_of(bought.charge.charged_minor);
        lines.push(priced);
    }
    let deliveries = match (wanted.delivery, before.iter().any(|part| part.delivery)) {
        (true, true) => return Err(CannotTakeBack::DeliveryBefore),
        (true, false) => PaidDelivery::all(quote),
        (false, _) => Vec::new(),
    };
    let priced = PricedPart { lines, deliveries };
    if priced.total_minor() == 0 { Err(CannotTakeBack::Nothing) } else { Ok(priced) }
}

/// What the first `units` of `quantity` that cost `total_minor` together are worth: rounded down, so that all of them are worth all of it.
fn worth(total_minor: i64, units: u32, quantity: Quantity) -> i64 {
    let share = i128::from(total_minor) * i128::from(units) / i128::from(quantity.get());
    i64::try_from(share).unwrap_or(total_minor)
}

/// Everything that has not gone back.
pub fn rest(quote: &Quote, before: &[Part]) -> Part {
    let refunded = units(before);
    let left = |line: &crate::pricing::QuoteLine| {
        let gone = refunded.get(&line.sku).copied().unwrap_or(0);
        let quantity = Quantity::new(line.quantity.get().saturating_sub(gone)).ok()?;
        Some(StockLine { sku: line.sku.clone(), quantity })
    };
    let lines = quote.lines.iter().filter_map(left).collect();
    let delivery = !PaidDelivery::all(quote).is_empty() && !before.iter().any(|part| part.delivery);
    Part { lines, delivery }
}

/// Whether all goods went back.
pub fn is_all(quote: &Quote, before: &[Part]) -> bool {
    rest(quote, before).lines.is_empty()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::money::Currency;
    use crate::pricing::{Bearer, Effect, PricedLine, PromotionTerms, Rate, Tax, Terms, quote};

    fn line(sku: &str, quantity: u32) -> StockLine {
        StockLine { sku: Sku::new(sku).unwrap(), quantity: Quantity::new(quantity).unwrap() }
    }

    fn part(lines: &[(&str, u32)], delivery: bool) -> Part {
        Part { lines: lines.iter().map(|(sku, quantity)| line(sku, *quantity)).collect(), delivery }
    }

    fn bought(lines: &[(&str, u32, i64)], delivery_minor: i64) -> Quote {
        on(lines, &Terms::flat(delivery_minor))
    }

    fn on(lines: &[(&str, u32, i64)], terms: &Terms) -> Quote {
        let priced = |(sku, quantity, unit_price_minor): &(&str, u32, i64)| PricedLine {
            sku: Sku::new(sku).unwrap(),
            quantity: Quantity::new(*quantity).unwrap(),
            unit_price_minor: *unit_price_minor,
        };
        let lines: Vec<PricedLine> = lines.iter().map(priced).collect();
        quote(&lines, terms, Currency::Ngn).unwrap()
    }

    /// With a tax on everything, and so much off that the shop gives up.
    fn reduced(lines: &[(&str, u32, i64)], delivery: i64, rate: Rate, is_included: bool, taken_off: i64) -> Quote {
        let skus = || lines.iter().map(|(sku, _, _)| Sku::new(sku).unwrap());
        let tax = Tax { name: "VAT".into(), rate, is_included };
        let promotion = PromotionTerms {
            id: "less".into(),
            name: "Less".into(),
            code: None,
            effect: Effect::Amount { minor: taken_off },
            skus: skus().collect(),
            borne_by: Bearer::Shop,
            limit: None,
            limit_per_person: None,
        };
        let taxes = skus().map(|sku| (sku, tax.clone())).collect();
        on(lines, &Terms { promotions: vec![promotion], taxes, ..Terms::flat(delivery) })
    }

    #[test]
    fn each_unit_and_the_delivery_go_back_once() {
        let quote = bought(&[("a", 3, 500), ("b", 1, 70)], 100);
        let first = part(&[("a", 2)], true);
        assert_eq!(price(&quote, &[], &first).unwrap().total_minor(), 1_100);
        let before = [first];
        let refused = |wanted| price(&quote, &before, &wanted).unwrap_err();
        assert_eq!(
            refused(part(&[("a", 2)], false)),
            CannotTakeBack::NotBought { sku: Sku::new("a").unwrap(), left: 1 }
        );
        assert_eq!(
            refused(part(&[("c", 1)], false)),
            CannotTakeBack::NotBought { sku: Sku::new("c").unwrap(), left: 0 }
        );
        assert_eq!(refused(part(&[("a", 1)], true)), CannotTakeBack::DeliveryBefore);
        assert_eq!(refused(part(&[("b", 1), ("b", 1)], false)), CannotTakeBack::Twice { sku: Sku::new("b").unwrap() });
        assert_eq!(refused(part(&[], false)), CannotTakeBack::Nothing);
        assert_eq!(rest(&quote, &before), part(&[("a", 1), ("b", 1)], false));
        assert!(is_all(&quote, &[before[0].clone(), rest(&quote, &before)]));
    }

    #[test]
    fn what_does_not_divide_evenly_comes_to_the_same_in_the_end() {
        let mut quote = bought(&[("a", 3, 500)], 0);
        quote.lines[0].charge.charged_minor = 1_000;
        let one = part(&[("a", 1)], false);
        let worths: Vec<i64> =
            (0..3).map(|n| price(&quote, &vec![one.clone(); n], &one).unwrap().total_minor()).collect();
        assert_eq!((worths.iter().sum::<i64>(), worths), (1_000, vec![333, 333, 334]));
    }

    proptest! {
        /// In whatever parts an order goes back, it comes to what was paid.
        #[test]
        fn all_parts_together_are_worth_what_was_paid(
            lines in prop::collection::vec((1_u32..20, 0_i64..100_000), 1..5),
            delivery in 1_i64..5_000,
            (rate, is_included, taken_off) in (0_u32..50_000, any::<bool>(), 0_i64..5_000),
            cuts in prop::collection::vec((0_usize..5, 1_u32..20, any::<bool>()), 0..12),
        ) {
            let names: Vec<String> = (0..lines.len()).map(|i| format!("s{i}")).collect();
            let named: Vec<_> = names.iter().zip(&lines).map(|(name, (n, price))| (name.as_str(), *n, *price)).collect();
            let quote = reduced(&named, delivery, Rate::new(rate).unwrap(), is_included, taken_off);
            let whole = |sku: &Sku| quote.lines.iter().find(|line| line.sku == *sku).unwrap().charge.shares();
            let (mut before, mut sum, mut shares) = (Vec::new(), 0, [0; 3]);
            let mut add = |priced: &PricedPart| {
                for line in &priced.lines {
                    let Shares { base_minor, tax_minor, discount_minor } = line.shares_of(whole(&line.sku));
                    assert_eq!(base_minor + tax_minor - discount_minor, line.worth_minor);
                    shares = [shares[0] + base_minor, shares[1] + tax_minor, shares[2] + discount_minor];
                }
            };
            for (index, quantity, with_delivery) in cuts {
                let name = names[index % names.len()].as_str();
                let wanted = part(&[(name, quantity)], with_delivery);
                if let Ok(priced) = price(&quote, &before, &wanted) {
                    sum += priced.total_minor();
                    add(&priced);
                    before.push(wanted);
                }
            }
            let last = rest(&quote, &before);
            if let Ok(priced) = price(&quote, &before, &last) {
                sum += priced.total_minor();
                add(&priced);
            }
            let of = |share: fn(Shares) -> i64| quote.lines.iter().map(|line| share(line.charge.shares())).sum::<i64>();
            let owed: i64 = quote.lines.iter().map(|line| line.charge.charged_minor).sum();
            // What costs nothing is not asked back.
            if owed > 0 && quote.lines.iter().all(|line| line.charge.charged_minor > 0) {
                prop_assert_eq!(shares, [of(|it| it.base_minor), of(|it| it.tax_minor), of(|it| it.discount_minor)]);
            }
            prop_assert_eq!(sum, quote.total_minor);
        }
    }
}
