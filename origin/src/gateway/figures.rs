//! Figures and names as gateways write them: exact, or refused. No amount is ever a float here: a number's own digits are read, and
//! our digits are written.

use domain::money::{Currency, Money};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// Decimal places of a currency that the shop does not know: what nearly all have.
const UNKNOWN_EXPONENT_LIKE: Currency = Currency::Usd;

/// An amount as a gateway wrote it: a JSON number or a text, digit by digit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Amount(String);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        token(deserializer).map(Self)
    }
}

impl Amount {
    /// A whole number of minor units. `None` when it is anything else.
    pub(super) fn minor(&self) -> Option<i64> {
        if !self.0.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        self.0.parse().ok().filter(|amount| *amount <= Money::AMOUNT_MINOR_MAX)
    }

    /// Major units, in minor units of `currency`. `None` when it is negative, finer than the currency's minor unit, beyond
    /// [`Money::AMOUNT_MINOR_MAX`], or written with an exponent.
    pub(super) fn major(&self, currency: &str) -> Option<i64> {
        let plain = self.0.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let currency = currency.parse().unwrap_or(UNKNOWN_EXPONENT_LIKE);
        if plain { Money::parse_price(&self.0, currency).ok().map(|money| money.amount_minor) } else { None }
    }

    /// As it was written.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

/// A name that some answers write as a number and others as a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(pub(super) String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = token(deserializer)?;
        if name.is_empty() { Err(D::Error::custom("an empty name")) } else { Ok(Self(name)) }
    }
}

/// The text of a JSON number or string, exactly.
fn token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    match raw.get().bytes().next() {
        Some(b'"') => serde_json::from_str(raw.get()).map_err(D::Error::custom),
        Some(b'0'..=b'9' | b'-') => Ok(raw.get().to_owned()),
        _ => Err(D::Error::custom("neither a number nor a text")),
    }
}

/// A field that is a text or a number, as text; `None` when it is anything else, or empty.
pub(super) fn text(object: &Value, field: &str) -> Option<String> {
    match object.get(field)? {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Money to be written as a JSON number of major units, digit by digit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Major(pub(super) Money);

impl Serialize for Major {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = RawValue::from_string(self.0.major().to_string()).map_err(serde::ser::Error::custom)?;
        number.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amount(json: &str) -> Option<Amount> {
        serde_json::from_str(json).ok()
    }

    fn major(json: &str, currency: &str) -> Option<i64> {
        amount(json).and_then(|amount| amount.major(currency))
    }

    #[test]
    fn an_amount_of_major_units_is_read_to_the_minor_unit_or_refused() {
        assert_eq!(major("100", "NGN"), Some(10_000));
        assert_eq!(major("100.5", "NGN"), Some(10_050));
        assert_eq!(major(r#""100.50""#, "NGN"), Some(10_050));
        assert_eq!(major("0.1", "USD"), Some(10));
        assert_eq!(major("90071992547409.91", "USD"), Some(Money::AMOUNT_MINOR_MAX), "a float would round it");
        assert_eq!(major("1000", "XOF"), Some(1_000));
        assert_eq!(
            major("12.34", "JPY"),
            Some(1_234),
            "of what the shop does not know, two places are taken for granted"
        );
        for bad in [
            "100.505",
            "-1",
            "1e3",
            "1E3",
            r#""1e3""#,
            r#""1,000""#,
            r#""1_000""#,
            r#""+1""#,
            r#""""#,
            "null",
            "true",
            "[1]",
            r#"{"a":1}"#,
            "90071992547409.92",
        ] {
            assert_eq!(major(bad, "NGN"), None, "{bad}");
        }
        assert_eq!(major("10.5", "XOF"), None, "the CFA franc has no minor unit");
    }

    #[test]
    fn an_amount_of_minor_units_is_whole_or_refused() {
        let minor = |json| amount(json).and_then(|amount| amount.minor());
        assert_eq!(minor("5000"), Some(5_000));
        assert_eq!(minor(r#""5000""#), Some(5_000));
        for bad in ["5000.0", "49.99", "-1", "null", r#""5e3""#, r#""""#, "9007199254740993", "99999999999999999999"] {
            assert_eq!(minor(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_name_is_a_number_or_a_text() {
        let name = |json| serde_json::from_str::<Name>(json).ok().map(|name| name.0);
        assert_eq!(name("302961").as_deref(), Some("302961"));
        assert_eq!(name(r#""MNFY|1""#).as_deref(), Some("MNFY|1"));
        assert_eq!((name("null"), name(r#""""#), name("{}")), (None, None, None));
    }

    proptest! {
        #[test]
        fn what_we_write_reads_back_the_same(minor in 0..=Money::AMOUNT_MINOR_MAX) {
            for currency in Currency::ALL {
                let written = serde_json::to_string(&Major(Money::new(minor, currency))).unwrap();
                prop_assert!(!written.starts_with('"'), "it is a number: {}", written);
                prop_assert_eq!(major(&written, currency.code()), Some(minor));
            }
        }

        #[test]
        fn no_text_makes_an_amount_panic(text in "\\PC{0,40}") {
            for json in [text.clone(), serde_json::to_string(&text).unwrap()] {
                prop_assert!(major(&json, "NGN").is_none_or(|amount| amount >= 0));
            }
        }
    }
}
