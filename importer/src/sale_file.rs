//! A flash sale as an operator writes it down: JSON with prices and times as people write them. Checks how it is written; what it
//! means the shop checks.

use std::fmt;

use anyhow::{Context, Result, ensure};
use domain::admission::{PASS_LENGTH_DEFAULT, RATE_DEFAULT};
use domain::ids::{SaleId, Sku};
use domain::money::{Currency, Money};
use domain::stock::Quantity;
use domain::time::{Millis, Timestamp};
use domain::wire::{SaleDraft, SaleDraftProduct, SaleDraftVariant};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use uuid::Builder;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    id: Option<SaleId>,
    slug: String,
    title: String,
    gathers_at: String,
    starts_at: String,
    ends_at: String,
    #[serde(default, deserialize_with = "whole")]
    rate: Option<u32>,
    #[serde(default, deserialize_with = "whole")]
    pass_minutes: Option<u32>,
    products: Vec<Product>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Product {
    #[serde(deserialize_with = "units")]
    units_max: Quantity,
    variants: Vec<Variant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variant {
    sku: Sku,
    #[serde(deserialize_with = "price")]
    price: String,
    currency: Currency,
}

/// A whole number; what else stands there is told in words that help.
struct Whole;

impl Visitor<'_> for Whole {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number without quotation marks, such as 2")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u32, E> {
        u32::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }
}

fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    deserializer.deserialize_u32(Whole).map(Some)
}

fn units<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Quantity, D::Error> {
    let number = deserializer.deserialize_u32(Whole)?;
    Quantity::new(number)
        .map_err(|_| D::Error::custom(format!("units_max: write 1 to {}, not {number}", Quantity::MAX)))
}

fn price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Price;
    impl Visitor<'_> for Price {
        type Value = String;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a price in quotation marks, such as \"9990.00\"")
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
    }
    deserializer.deserialize_str(Price)
}

/// The sale that a file describes. Without an id it gets one that follows from its slug, so that the same file is the same sale.
///
/// # Errors
/// When it is not written as a sale is.
pub fn read(text: &str) -> Result<SaleDraft> {
    let file: File =
        serde_json::from_str(text).context("this is no sale as `cargo xtask sale help set` describes it")?;
    let pass_length = file.pass_minutes.map_or(PASS_LENGTH_DEFAULT, |minutes| Millis::minutes(minutes.into()));
    // The shop would say so too, but in the words of its wire.
    ensure!(
        (Millis::minutes(1)..=Millis::days(1)).contains(&pass_length),
        "pass_minutes: write 1 to 1440, which is a day; a pass is open for so long"
    );
    let time = |field: &str, text: &str| {
        Timestamp::parse_rfc3339(text)
            .with_context(|| format!("{field}: {text:?} is no time like 2026-12-01T18:00:00+01:00"))
    };
    Ok(SaleDraft {
        id: file.id.unwrap_or_else(|| id_of(&file.slug)),
        gathers_at: time("gathers_at", &file.gathers_at)?,
        starts_at: time("starts_at", &file.starts_at)?,
        ends_at: time("ends_at", &file.ends_at)?,
        rate: file.rate.unwrap_or(RATE_DEFAULT),
        pass_length_ms: pass_length,
        products: file.products.into_iter().map(product).collect::<Result<_>>()?,
        slug: file.slug,
        title: file.title,
    })
}

fn product(Product { units_max, variants }: Product) -> Result<SaleDraftProduct> {
    Ok(SaleDraftProduct { units_max, variants: variants.into_iter().map(variant).collect::<Result<_>>()? })
}

fn variant(Variant { sku, price, currency }: Variant) -> Result<SaleDraftVariant> {
    let price = Money::parse_price(&price, currency).with_context(|| format!("{sku}: the price {price:?}"))?;
    Ok(SaleDraftVariant { sku, price })
}

/// Version 8: a digest of the slug.
fn id_of(slug: &str) -> SaleId {
    let digest = Sha256::digest(format!("kasuwa sale\n{slug}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    SaleId(Builder::from_custom_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{
        "slug": "lamps", "title": "Lamps",
        "gathers_at": "2026-12-01T17:30:00Z", "starts_at": "2026-12-01T19:00:00+01:00", "ends_at": "2026-12-01T20:00:00Z",
        "products": [{"units_max": 2, "variants": [
            {"sku": "LAMP", "price": "9990.50", "currency": "NGN"}, {"sku": "LAMP-TEN", "price": "80000", "currency": "NGN"}
        ]}]
    }"#;

    #[test]
    fn a_file_says_prices_and_times_as_people_do() {
        let draft = read(FILE).unwrap();
        assert_eq!((draft.starts_at - draft.gathers_at).0, Millis::minutes(30).0);
        assert_eq!((draft.rate, draft.pass_length_ms), (RATE_DEFAULT, PASS_LENGTH_DEFAULT));
        let prices: Vec<_> = draft.products[0].variants.iter().map(|variant| variant.price.amount_minor).collect();
        assert_eq!(prices, [999_050, 8_000_000]);
        assert_eq!(draft.id, read(FILE).unwrap().id, "the same file is the same sale");
        assert!(draft.problems().is_empty());
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let wrong = |from: &str, to: &str| format!("{:#}", read(&FILE.replace(from, to)).unwrap_err());
        assert!(wrong("2026-12-01T17:30:00Z", "tomorrow").contains("gathers_at"));
        assert!(wrong("9990.50", "cheap").contains("LAMP"));
        assert!(wrong("9990.50", "0.001").contains("LAMP"));
        assert!(wrong("units_max", "limit").contains("limit"));
        assert!(wrong("\"units_max\": 2", "\"units_max\": 0").contains("units_max: write 1 to"));
        let text = wrong("\"units_max\": 2", "\"units_max\": \"2\"");
        assert!(text.contains("expected a whole number without quotation marks"), "{text}");
        let text = wrong("\"80000\"", "80000");
        assert!(text.contains("expected a price in quotation marks") && !text.contains("u32"), "{text}");
        let text = wrong("\"products\"", "\"pass_minutes\": 0, \"products\"");
        assert!(text.contains("pass_minutes: write 1 to 1440"), "{text}");
        assert!(wrong("\"products\"", "\"rate\": -1, \"products\"").contains("whole number"));
    }
}
