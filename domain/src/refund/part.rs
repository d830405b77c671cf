//! Which part of an order goes back, and what that part is worth.
//!
//! Worth is worked out from the quote that was paid, so that an order that goes back in any number of parts comes to exactly what was
//! paid for it, to the minor unit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::Sku;
use crate::pricing::Quote;
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
    /// What was paid for delivery; 0 when that is no part of it.
    pub delivery_minor: i64,
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
}

impl PricedPart {
    /// All of it.
    pub fn total_minor(&self) -> i64 {
        self.lines.iter().map(|line| line.worth_minor).sum::<i64>() + self.delivery_minor
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
        priced.worth_minor = priced.share_of(bought.total_minor);
        lines.push(priced);
    }
    let delivery_minor = match (wanted.delivery, before.iter().any(|part| part.delivery)) {
        (true, true) => return Err(CannotTakeBack::DeliveryBefore),
        (true, false) => quote.delivery_minor,
        (false, _) => 0,
    };
    let priced = PricedPart { lines, delivery_minor };
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
    let delivery = quote.delivery_minor > 0 && !before.iter().any(|part| part.delivery);
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
    use crate::pricing::{Delivery, DeliveryMethod, PricedLine, quote};

    fn line(sku: &str, quantity: u32) -> StockLine {
        StockLine { sku: Sku::new(sku).unwrap(), quantity: Quantity::new(quantity).unwrap() }
    }

    fn part(lines: &[(&str, u32)], delivery: bool) -> Part {
        Part { lines: lines.iter().map(|(sku, quantity)| line(sku, *quantity)).collect(), delivery }
    }

    fn bought(lines: &[(&str, u32, i64)], delivery_minor: i64) -> Quote {
        let priced = |(sku, quantity, unit_price_minor): &(&str, u32, i64)| PricedLine {
            sku: Sku::new(sku).unwrap(),
            quantity: Quantity::new(*quantity).unwrap(),
            unit_price_minor: *unit_price_minor,
        };
        let lines: Vec<PricedLine> = lines.iter().map(priced).collect();
        quote(&lines, Delivery { method: DeliveryMethod::Standard, price_minor: delivery_minor }, Currency::Ngn)
            .unwrap()
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
        quote.lines[0].total_minor = 1_000;
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
            cuts in prop::collection::vec((0_usize..5, 1_u32..20, any::<bool>()), 0..12),
        ) {
            let names: Vec<String> = (0..lines.len()).map(|i| format!("s{i}")).collect();
            let named: Vec<_> = names.iter().zip(&lines).map(|(name, (n, price))| (name.as_str(), *n, *price)).collect();
            let quote = bought(&named, delivery);
            let (mut before, mut sum) = (Vec::new(), 0);
            for (index, quantity, with_delivery) in cuts {
                let name = names[index % names.len()].as_str();
                let wanted = part(&[(name, quantity)], with_delivery);
                if let Ok(priced) = price(&quote, &before, &wanted) {
                    sum += priced.total_minor();
                    before.push(wanted);
                }
            }
            let last = rest(&quote, &before);
            if let Ok(priced) = price(&quote, &before, &last) {
                sum += priced.total_minor();
            }
            prop_assert_eq!(sum, quote.total_minor);
        }
    }
}
