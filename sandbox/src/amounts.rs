//! Amounts as gateways write them. Some count in minor units, some in major ones, as JSON numbers with decimals or as text.
//!
//! In memory there are only minor units. A JSON number goes through its shortest decimal text, which gives back the very digits
//! that were written up to fifteen of them. Larger amounts, from ten million million naira on, are written as text, and
//! are not read as numbers with decimals.

use domain::money::{Currency, InvalidMoney, Money};
use serde_json::{Number, Value};

/// The first amount in minor units of which a number with decimals may lose a digit.
const INEXACT_MINOR: i64 = 1_000_000_000_000_000;

/// An amount in major units, as a JSON number: `5000`, `12.34`.
pub fn major(money: Money) -> Value {
    if money.amount_minor.abs() >= INEXACT_MINOR {
        return major_text(money);
    }
    let text = money.major().normalize().to_string();
    let number = text.parse::<i64>().map(Number::from).ok().or_else(|| Number::from_f64(text.parse().ok()?));
    number.map_or(Value::String(text), Value::Number)
}

/// An amount in major units, as text with all of the currency's decimals: `"5000.00"`.
pub fn major_text(money: Money) -> Value {
    Value::String(money.major().to_string())
}

/// An amount in major units, written as a number or as text, at least one minor unit.
pub fn read_major(value: &Value, currency: Currency) -> Result<Money, InvalidMoney> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            return Err(InvalidMoney::NotANumber(value.to_string()));
        }
    };
    let money = Money::parse_price(&text, currency)?;
    if value.is_f64() && money.amount_minor >= INEXACT_MINOR {
        return Err(InvalidMoney::TooLarge(text));
    }
    if money.amount_minor == 0 { Err(InvalidMoney::NotANumber(text)) } else { Ok(money) }
}

/// Minor units, written as a number or as text of digits, at least one.
pub fn read_minor(value: &Value) -> Option<i64> {
    let minor = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    minor.filter(|minor| (1..=Money::AMOUNT_MINOR_MAX).contains(minor))
}

/// Thousandths of an amount in minor units, rounded up: what gateways take as their share.
pub const fn thousandths(amount_minor: i64, share: i64) -> i64 {
    amount_minor.saturating_mul(share).saturating_add(999) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_in_major_units_lose_nothing_on_their_way() {
        let some = [1, 10, 99, 100, 12_345, 500_000, 123_456_789, 99_999_999_999];
        let large = [INEXACT_MINOR - 1, INEXACT_MINOR, INEXACT_MINOR + 1, Money::AMOUNT_MINOR_MAX];
        for minor in some.into_iter().chain(large) {
            for currency in Currency::ALL {
                let money = Money::new(minor, currency);
                for written in [major(money), major_text(money)] {
                    let text = written.to_string();
                    let read: Value = serde_json::from_str(&text).unwrap();
                    assert_eq!(read_major(&read, currency), Ok(money), "{text} {currency}");
                }
            }
        }
        assert_eq!(major(Money::new(500_000, Currency::Ngn)).to_string(), "5000");
        assert_eq!(major(Money::new(1_234, Currency::Ngn)).to_string(), "12.34");
        assert_eq!(major_text(Money::new(500_000, Currency::Ngn)).to_string(), r#""5000.00""#);
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for bad in ["0", "-1", "1.001", "null", "true", r#""""#, r#""ten""#, "[]", "1e300", "90071992547409.91"] {
            let value: Value = serde_json::from_str(bad).unwrap();
            assert!(read_major(&value, Currency::Ngn).is_err(), "{bad}");
        }
        for bad in ["0", "-1", "1.5", r#""1.5""#, r#""""#, "null", "99999999999999999999"] {
            let value: Value = serde_json::from_str(bad).unwrap();
            assert_eq!(read_minor(&value), None, "{bad}");
        }
    }
}
