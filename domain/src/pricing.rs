//! What a cart costs. One function makes every quote: the edge shows it, the origin charges it, and both check the digest.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::Sku;
use crate::money::{Currency, Money};
use crate::stock::Quantity;

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

/// How an order reaches the buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryMethod {
    /// By courier to the door.
    Standard,
}

/// A delivery method with its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Delivery {
    /// Which one.
    pub method: DeliveryMethod,
    /// Its price for the whole order, in minor units of the quote's currency.
    pub price_minor: i64,
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
    /// Price of all of them, in minor units.
    pub total_minor: i64,
}

/// What is to be paid, and why. All amounts are minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Quote {
    /// The one currency of everything in it.
    pub currency: Currency,
    /// The lines, in the cart's order.
    pub lines: Vec<QuoteLine>,
    /// Sum of the lines.
    pub items_minor: i64,
    /// Price of delivery.
    pub delivery_minor: i64,
    /// What is charged: items + delivery (MONEY-2).
    pub total_minor: i64,
}

/// Why there is no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CannotQuote {
    /// Nothing to price.
    #[error("there is nothing to price")]
    Empty,
    /// A price below zero.
    #[error("a price is negative")]
    NegativePrice,
    /// The sum is beyond [`Money::AMOUNT_MINOR_MAX`].
    #[error("the total is too large")]
    TooLarge,
}

/// Prices `lines` and `delivery` in `currency`.
pub fn quote(lines: &[PricedLine], delivery: Delivery, currency: Currency) -> Result<Quote, CannotQuote> {
    if lines.is_empty() {
        return Err(CannotQuote::Empty);
    }
    if delivery.price_minor < 0 || lines.iter().any(|line| line.unit_price_minor < 0) {
        return Err(CannotQuote::NegativePrice);
    }
    let priced: Vec<QuoteLine> = lines.iter().map(|line| price(line, currency)).collect::<Result<_, _>>()?;
    let items_minor = sum(priced.iter().map(|line| line.total_minor))?;
    let total_minor = sum([items_minor, delivery.price_minor])?;
    Ok(Quote { currency, lines: priced, items_minor, delivery_minor: delivery.price_minor, total_minor })
}

fn sum(amounts: impl IntoIterator<Item = i64>) -> Result<i64, CannotQuote> {
    amounts
        .into_iter()
        .try_fold(0_i64, i64::checked_add)
        .filter(|total| *total <= Money::AMOUNT_MINOR_MAX)
        .ok_or(CannotQuote::TooLarge)
}

fn price(line: &PricedLine, currency: Currency) -> Result<QuoteLine, CannotQuote> {
    let total = Money::new(line.unit_price_minor, currency).times(line.quantity.get()).ok_or(CannotQuote::TooLarge)?;
    Ok(QuoteLine {
        sku: line.sku.clone(),
        quantity: line.quantity,
        unit_price_minor: line.unit_price_minor,
        total_minor: total.amount_minor,
    })
}

impl Quote {
    /// What is to be paid.
    pub fn total(&self) -> Money {
        Money::new(self.total_minor, self.currency)
    }

    /// Names this quote to the minor unit: lower-case hex SHA-256 over every figure in it. Two ends that agree on the digest
    /// agree on the price.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(format!("quote-1\n{}\n{}\n{}\n", self.currency, self.delivery_minor, self.total_minor));
        for line in &self.lines {
            // A SKU holds no control characters, so a line feed ends it without doubt.
            let text =
                format!("{}\n{}\n{}\n{}\n", line.sku, line.quantity.get(), line.unit_price_minor, line.total_minor);
            hash.update(text);
        }
        hex::encode(hash.finalize())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(sku: &str, quantity: u32, unit_price_minor: i64) -> PricedLine {
        PricedLine { sku: Sku::new(sku).unwrap(), quantity: Quantity::new(quantity).unwrap(), unit_price_minor }
    }

    fn standard(price_minor: i64) -> Delivery {
        Delivery { method: DeliveryMethod::Standard, price_minor }
    }

    #[test]
    fn a_quote_adds_lines_and_delivery() {
        let quote = quote(&[line("a", 3, 4_995), line("b", 1, 10)], standard(500), Currency::Usd).unwrap();
        assert_eq!((quote.items_minor, quote.total_minor), (14_995, 15_495));
    }

    #[test]
    fn what_cannot_be_priced_is_refused() {
        assert_eq!(quote(&[], standard(0), Currency::Usd), Err(CannotQuote::Empty));
        assert_eq!(quote(&[line("a", 1, -1)], standard(0), Currency::Usd), Err(CannotQuote::NegativePrice));
        let dear = line("a", 9_999, Money::AMOUNT_MINOR_MAX);
        assert_eq!(quote(&[dear], standard(0), Currency::Usd), Err(CannotQuote::TooLarge));
    }

    proptest! {
        /// MONEY-2, and a digest that tells every difference.
        #[test]
        fn the_total_is_the_sum_of_its_parts(
            amounts in prop::collection::vec((1_u32..=99, 0_i64..=1_000_000), 1..8),
            delivery in 0_i64..=10_000,
        ) {
            let lines: Vec<_> =
                amounts.iter().enumerate().map(|(i, (n, price))| line(&format!("s{i}"), *n, *price)).collect();
            let quoted = quote(&lines, standard(delivery), Currency::Ngn).unwrap();
            let sum: i64 = amounts.iter().map(|(n, price)| i64::from(*n) * price).sum();
            prop_assert_eq!(quoted.total_minor, sum + delivery);

            let mut dearer = lines;
            dearer[0].unit_price_minor += 1;
            prop_assert_ne!(quoted.digest(), quote(&dearer, standard(delivery), Currency::Ngn).unwrap().digest());
        }
    }
}
