//! Flutterwave, by both of its interfaces, which share nothing but the money: v3 speaks of transactions, numbers and a secret
//! key, v4 of charges, words as ids and tokens that end.
//!
//! Sources: developer.flutterwave.com/v3.0/docs and /v3.0.0/reference for v3; developer.flutterwave.com/docs and /reference
//! with its OpenAPI documents for v4. Amounts are in major units, as JSON numbers.

use domain::money::{Currency, Money};

use crate::amounts::thousandths;

pub mod v3;
pub mod v4;

/// 1.4 % of local naira, as the examples of the documentation have it, ₦2,000 at most; 3.8 % of everything else
/// (flutterwave.com/ng/pricing).
fn fee(captured: Money) -> Money {
    let amount = captured.amount_minor;
    let amount_minor = match captured.currency {
        Currency::Ngn => thousandths(amount, 14).min(200_000),
        Currency::Usd
        | Currency::Eur
        | Currency::Gbp
        | Currency::Ghs
        | Currency::Kes
        | Currency::Zar
        | Currency::Xof => thousandths(amount, 38),
    };
    Money { amount_minor, ..captured }
}
