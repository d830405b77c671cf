//! Money: whole minor units of one currency. Decimal numbers exist only where text comes in or goes out.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

/// The currencies that the shop can price in (ISO 4217).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// Nigerian naira
    Ngn,
    /// United States dollar
    Usd,
    /// Euro
    Eur,
    /// Pound sterling
    Gbp,
    /// Ghanaian cedi
    Ghs,
    /// Kenyan shilling
    Kes,
    /// South African rand
    Zar,
    /// West African CFA franc
    Xof,
}

/// Why a text or number is no money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMoney {
    /// The code is not one of [`Currency`].
    #[error("unknown currency {0:?}: use an ISO 4217 code such as NGN or USD")]
    UnknownCurrency(String),
    /// Not a decimal number.
    #[error("{0:?} is not an amount: write it like 1234.50")]
    NotANumber(String),
    /// More decimal places than the currency has.
    #[error("{amount} has more decimal places than {currency} allows ({allowed})")]
    TooPrecise {
        /// the amount as it was given
        amount: String,
        /// its currency
        currency: Currency,
        /// how many decimal places that currency has
        allowed: u32,
    },
    /// Beyond [`Money::AMOUNT_MINOR_MAX`].
    #[error("{0} is too large an amount")]
    TooLarge(String),
    /// Below zero where only a price makes sense.
    #[error("{0} is negative")]
    Negative(String),
}

impl Currency {
    /// Every currency, in the order of [`Currency`].
    pub const ALL: [Self; 8] = [Self::Ngn, Self::Usd, Self::Eur, Self::Gbp, Self::Ghs, Self::Kes, Self::Zar, Self::Xof];

    /// ISO 4217 code, upper case.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ngn => "NGN",
            Self::Usd => "USD",
            Self::Eur => "EUR",
            Self::Gbp => "GBP",
            Self::Ghs => "GHS",
            Self::Kes => "KES",
            Self::Zar => "ZAR",
            Self::Xof => "XOF",
        }
    }

    /// What people write before an amount.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Ngn => "₦",
            Self::Usd => "$",
            Self::Eur => "€",
            Self::Gbp => "£",
            Self::Ghs => "GH₵",
            Self::Kes => "KSh ",
            Self::Zar => "R",
            Self::Xof => "CFA ",
        }
    }

    /// Decimal places between the minor and the major unit (ISO 4217's exponent).
    pub const fn exponent(self) -> u32 {
        match self {
            Self::Xof => 0,
            Self::Ngn | Self::Usd | Self::Eur | Self::Gbp | Self::Ghs | Self::Kes | Self::Zar => 2,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = InvalidMoney;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|currency| currency.code().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| InvalidMoney::UnknownCurrency(text.to_owned()))
    }
}

/// An amount of one currency, in minor units (kobo, cents). On the wire `{"amount_minor": 4995, "currency": "USD"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units.
    pub amount_minor: i64,
    /// Their currency.
    pub currency: Currency,
}

impl Money {
    /// Largest amount: what a browser and Durable Object SQL still hold exactly (2^53 − 1).
    pub const AMOUNT_MINOR_MAX: i64 = (1 << 53) - 1;

    /// `amount_minor` minor units of `currency`.
    pub const fn new(amount_minor: i64, currency: Currency) -> Self {
        Self { amount_minor, currency }
    }

    /// A price from what a person, a file or a gateway wrote in major units: `"49.95"`, never negative, never rounded.
    pub fn parse_price(text: &str, currency: Currency) -> Result<Self, InvalidMoney> {
        let text = text.trim();
        let decimal = Decimal::from_str_exact(text).map_err(|_| InvalidMoney::NotANumber(text.to_owned()))?;
        if decimal.is_sign_negative() && !decimal.is_zero() {
            return Err(InvalidMoney::Negative(text.to_owned()));
        }
        let exponent = currency.exponent();
        let minor = Decimal::from(10_i64.pow(exponent))
            .checked_mul(decimal)
            .ok_or_else(|| InvalidMoney::TooLarge(text.to_owned()))?
            .normalize();
        if minor.scale() > 0 {
            return Err(InvalidMoney::TooPrecise { amount: text.to_owned(), currency, allowed: exponent });
        }
        let amount_minor = minor
            .to_i64()
            .filter(|amount| *amount <= Self::AMOUNT_MINOR_MAX)
            .ok_or_else(|| InvalidMoney::TooLarge(text.to_owned()))?;
        Ok(Self { amount_minor, currency })
    }

    /// The amount in major units: `4995` cents are `49.95`.
    pub fn major(self) -> Decimal {
        Decimal::new(self.amount_minor, self.currency.exponent())
    }

    /// `quantity` times this; `None` beyond [`Self::AMOUNT_MINOR_MAX`].
    pub fn times(self, quantity: u32) -> Option<Self> {
        let amount_minor = self.amount_minor.checked_mul(i64::from(quantity))?;
        (amount_minor.abs() <= Self::AMOUNT_MINOR_MAX).then_some(Self { amount_minor, ..self })
    }
}

/// Splits `total_minor` over `weights`, none of which is negative: each part is its share rounded down, and what is left over goes, one
/// unit each, to those that lost most by that, the first of them first. The parts come to the whole; without any weight there are none.
pub fn split(total_minor: i64, weights: &[i64]) -> Vec<i64> {
    let whole: i128 = weights.iter().copied().map(i128::from).sum();
    if whole == 0 {
        return vec![0; weights.len()];
    }
    let exact = |weight: &i64| i128::from(total_minor) * i128::from(*weight);
    let mut parts: Vec<i64> =
        weights.iter().map(|weight| i64::try_from(exact(weight) / whole).unwrap_or(total_minor)).collect();
    let mut by_loss: Vec<usize> = (0..weights.len()).collect();
    by_loss.sort_by_key(|index| -(exact(&weights[*index]) % whole));
    let left = total_minor - parts.iter().sum::<i64>();
    for index in by_loss.into_iter().take(usize::try_from(left).unwrap_or(0)) {
        parts[index] += 1;
    }
    parts
}

/// As people read it: `₦12,500`, `$49.95`. Whole amounts show no decimal places.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10_u64.pow(self.currency.exponent());
        let absolute = self.amount_minor.unsigned_abs();
        let (major, minor) = (absolute / unit, absolute % unit);
        let digits = major.to_string();
        let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let sign = if self.amount_minor < 0 { "−" } else { "" };
        write!(f, "{sign}{}{grouped}", self.currency.symbol())?;
        if minor > 0 {
            write!(f, ".{minor:0width$}", width = self.currency.exponent() as usize)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<i64, InvalidMoney> {
        Money::parse_price(text, Currency::Usd).map(|money| money.amount_minor)
    }

    #[test]
    fn a_price_is_read_to_the_minor_unit_or_refused() {
        assert_eq!(parse("49.95"), Ok(4_995));
        assert_eq!(parse(" 0 "), Ok(0));
        assert_eq!(parse("1.10000"), Ok(110));
        assert!(matches!(parse("34.116425"), Err(InvalidMoney::TooPrecise { .. })));
        assert!(matches!(parse("-1"), Err(InvalidMoney::Negative(_))));
        assert!(matches!(parse("1e9"), Err(InvalidMoney::NotANumber(_))));
        assert!(matches!(parse("NaN"), Err(InvalidMoney::NotANumber(_))));
        assert!(matches!(parse("99999999999999999999"), Err(InvalidMoney::TooLarge(_))));
        assert!(Money::parse_price("10.5", Currency::Xof).is_err(), "the CFA franc has no minor unit");
    }

    #[test]
    fn an_amount_reads_as_people_write_it() {
        assert_eq!(Money::new(1_250_000, Currency::Ngn).to_string(), "₦12,500");
        assert_eq!(Money::new(4_905, Currency::Usd).to_string(), "$49.05");
        assert_eq!(Money::new(-100, Currency::Usd).to_string(), "−$1");
        assert_eq!(Money::new(1_000, Currency::Xof).to_string(), "CFA 1,000");
    }

    #[test]
    fn what_cannot_be_split_evenly_goes_to_those_that_lost_most() {
        assert_eq!(split(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(split(10, &[5, 15, 0]), [3, 7, 0]);
        assert_eq!(split(1, &[0, 0]), [0, 0]);
        assert_eq!(split(0, &[3]), [0]);
    }

    proptest! {
        #[test]
        fn the_parts_come_to_the_whole(
            total in 0_i64..=Money::AMOUNT_MINOR_MAX, weights in prop::collection::vec(0_i64..=Money::AMOUNT_MINOR_MAX, 1..9),
        ) {
            let parts = split(total, &weights);
            let has_weight = weights.iter().any(|weight| *weight > 0);
            prop_assert_eq!(parts.iter().sum::<i64>(), if has_weight { total } else { 0 });
            prop_assert!(parts.iter().zip(&weights).all(|(part, weight)| *part >= 0 && (*weight > 0 || *part == 0)));
        }

        #[test]
        fn major_units_and_back_are_the_same(amount in 0..=Money::AMOUNT_MINOR_MAX) {
            for currency in Currency::ALL {
                let money = Money::new(amount, currency);
                prop_assert_eq!(Money::parse_price(&money.major().to_string(), currency), Ok(money));
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,40}") {
            drop(Money::parse_price(&text, Currency::Ngn));
        }
    }
}
