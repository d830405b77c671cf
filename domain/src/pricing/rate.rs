//! Rates as people write them, kept exactly: thousandths of a percent, in whole numbers.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

/// A rate, 0 to 100 percent. On the wire a whole number of thousandths of a percent: 7,500 are 7.5 %.
///
/// Basis points would be too coarse for some sales taxes (8.875 %).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Rate(u32);

/// Why a text or number is no [`Rate`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no rate: write percent from 0 to 100 with at most three decimal places, like 7.5")]
pub struct InvalidRate(String);

impl Rate {
    /// All of it.
    pub const WHOLE: u32 = 100_000;

    /// So many thousandths of a percent.
    pub fn new(thousandths: u32) -> Result<Self, InvalidRate> {
        if thousandths > Self::WHOLE {
            return Err(InvalidRate(format!("{thousandths} thousandths of a percent")));
        }
        Ok(Self(thousandths))
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// This share of an amount that is not negative, to the nearest minor unit, halves up.
    pub fn of(self, amount_minor: i64) -> i64 {
        nearest(amount_minor, self.0, Self::WHOLE)
    }

    /// What an amount that is not negative holds of something that was put on top at this rate, to the nearest minor unit, halves up.
    pub fn within(self, amount_minor: i64) -> i64 {
        nearest(amount_minor, self.0, Self::WHOLE + self.0)
    }
}

fn nearest(amount_minor: i64, part: u32, whole: u32) -> i64 {
    let exact = i128::from(amount_minor) * i128::from(part);
    let whole = i128::from(whole);
    i64::try_from((exact + whole / 2) / whole).unwrap_or(amount_minor)
}

/// As people write it: `7.5 %`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", Decimal::new(self.0.into(), 3).normalize())
    }
}

/// Percent, with or without the sign: `7.5`, `7.5 %`.
impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || InvalidRate(format!("{text:?}"));
        let number = text.trim().trim_end_matches('%').trim_end();
        let percent = Decimal::from_str_exact(number).map_err(|_| wrong())?;
        let thousandths = percent.checked_mul(Decimal::from(1_000)).ok_or_else(wrong)?.normalize();
        let is_exact = thousandths.scale() == 0;
        thousandths.to_u32().filter(|_| is_exact).and_then(|rate| Self::new(rate).ok()).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u32::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_exactly_or_refused() {
        let read = |text: &str| text.parse::<Rate>().map(|rate| rate.0);
        assert_eq!(
            (read("7.5"), read(" 8.875 % "), read("0"), read("100")),
            (Ok(7_500), Ok(8_875), Ok(0), Ok(100_000))
        );
        for bad in ["", "a lot", "-1", "100.001", "7.50001", "1e1", "NaN"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert_eq!("7.50".parse::<Rate>().unwrap().to_string(), "7.5 %");
        assert!(serde_json::from_str::<Rate>("100001").is_err());
    }

    #[test]
    fn a_share_is_rounded_once_halves_up() {
        let vat: Rate = "7.5".parse().unwrap();
        assert_eq!([vat.of(100), vat.of(20), vat.of(19), vat.of(0)], [8, 2, 1, 0]);
        assert_eq!((vat.within(10_750), vat.within(1), vat.within(7)), (750, 0, 0));
        assert_eq!("100".parse::<Rate>().unwrap().of(i64::MAX), i64::MAX);
    }
}
