//! A flash sale as an operator wants it, held against what can be said without the catalogue, and then against the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use super::is_slug;
use crate::admission::{RATE_MAX, Terms};
use crate::ids::{ProductId, Sku};
use crate::money::Money;
use crate::time::Millis;
use crate::wire::{SaleDraft, SaleDraftProduct, SaleDraftVariant};

/// Longest title, in characters.
const TITLE_LENGTH_MAX: usize = 120;

/// Most products in one sale.
const PRODUCTS_MAX: usize = 50;

/// Most variants with a price of their own in one sale.
const VARIANTS_MAX: usize = 500;

/// Longest time from gathering to the end.
const LENGTH_MAX: Millis = Millis::days(31);

/// A variant that the shop sells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sellable {
    /// Whose variant it is.
    pub product_id: ProductId,
    /// That product's own SKU, which may be the variant's too.
    pub product_sku: Sku,
    /// The variant's.
    pub sku: Sku,
    /// What one costs as always.
    pub price: Money,
}

/// A draft whose every variant is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// As it was, but that each variant goes by its own SKU.
    pub draft: SaleDraft,
    /// The products that it names, in its order.
    pub products: Vec<ProductId>,
}

impl SaleDraft {
    /// Its terms.
    pub const fn terms(&self) -> Terms {
        Terms {
            sale_id: self.id,
            gathers_at: self.gathers_at,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            rate: self.rate,
            pass_length: self.pass_length_ms,
        }
    }

    /// What is wrong with it, by field.
    pub fn problems(&self) -> BTreeMap<String, String> {
        let mut problems = BTreeMap::new();
        let mut wrong = |field: &str, problem: String| {
            problems.entry(field.to_owned()).or_insert(problem);
        };
        if !is_slug(&self.slug) {
            wrong("slug", "1 to 96 characters of a-z, 0-9 and -".to_owned());
        }
        let title = self.title.trim();
        if title.is_empty() || title.chars().nth(TITLE_LENGTH_MAX).is_some() || title.chars().any(char::is_control) {
            wrong("title", format!("1 to {TITLE_LENGTH_MAX} characters on one line"));
        }
        if self.starts_at <= self.gathers_at {
            wrong("starts_at", "it has to be after gathers_at".to_owned());
        }
        if self.ends_at <= self.starts_at {
            wrong("ends_at", "it has to be after starts_at".to_owned());
        } else if self.ends_at - self.gathers_at > LENGTH_MAX {
            wrong("ends_at", "at most 31 days after gathers_at".to_owned());
        }
        if !(1..=RATE_MAX).contains(&self.rate) {
            wrong("rate", format!("1 to {RATE_MAX} people a minute"));
        }
        if !(Millis::minutes(1)..=Millis::days(1)).contains(&self.pass_length_ms) {
            wrong("pass_length_ms", "a minute to a day (pass_minutes in a file: 1 to 1440)".to_owned());
        }
        if !(1..=PRODUCTS_MAX).contains(&self.products.len()) {
            wrong("products", format!("1 to {PRODUCTS_MAX} products"));
        }
        if self.products.iter().any(|product| product.variants.is_empty()) {
            wrong("products", "each names at least one variant that costs less".to_owned());
        }
        let variants = || self.products.iter().flat_map(|product| &product.variants);
        if variants().count() > VARIANTS_MAX {
            wrong("products", format!("at most {VARIANTS_MAX} variants in all"));
        }
        let mut skus = BTreeSet::new();
        for variant in variants() {
            if !skus.insert(&variant.sku) {
                wrong("products", format!("{} is named twice", variant.sku));
            }
            if variant.price.amount_minor <= 0 {
                wrong("products", format!("the price of {} has to be more than nothing", variant.sku));
            }
        }
        problems
    }

    /// The draft with what it names: `sellable` are all variants of all products that it may mean. What is wrong with it otherwise.
    pub fn named(self, sellable: &[Sellable]) -> Result<Named, Vec<String>> {
        let mut problems = Vec::new();
        let mut products: Vec<ProductId> = Vec::new();
        let mut drafts = Vec::with_capacity(self.products.len());
        for wanted in &self.products {
            let found = variants(wanted, sellable, &mut problems);
            let Some((_, first)) = found.first() else { continue };
            if products.contains(&first.product_id) {
                problems
                    .push(format!("{} is of a product that is there already: put its variants together", first.sku));
            }
            products.push(first.product_id);
            let named = found.iter().map(|(price, one)| SaleDraftVariant { sku: one.sku.clone(), price: *price });
            drafts.push(SaleDraftProduct { units_max: wanted.units_max, variants: named.collect() });
        }
        if problems.is_empty() {
            Ok(Named { draft: Self { products: drafts, ..self }, products })
        } else {
            Err(problems)
        }
    }
}

/// The variants of one product with their prices in the sale, those that can be found.
fn variants<'s>(
    wanted: &SaleDraftProduct,
    sellable: &'s [Sellable],
    problems: &mut Vec<String>,
) -> Vec<(Money, &'s Sellable)> {
    let mut found: Vec<(Money, &Sellable)> = Vec::with_capacity(wanted.variants.len());
    for SaleDraftVariant { sku, price } in &wanted.variants {
        let one = match variant(sku, sellable) {
            Ok(one) => one,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        if let Some((_, first)) = found.first().filter(|(_, first)| first.product_id != one.product_id) {
            problems.push(format!(
                "{} and {sku} are different products: give each an entry and a units_max of its own",
                first.sku
            ));
        }
        if found.iter().any(|(_, other)| other.sku == one.sku) {
            problems.push(format!("{} is named twice", one.sku));
        }
        let regular = one.price;
        if price.currency != regular.currency {
            problems.push(format!("{sku} is sold in {}, not in {}", regular.currency, price.currency));
        } else if price.amount_minor >= regular.amount_minor {
            problems.push(format!("{sku} costs {regular} as always, and {price} in the sale"));
        }
        found.push((*price, one));
    }
    found
}

/// What goes by that SKU: a variant, or a product's only one.
fn variant<'s>(sku: &Sku, sellable: &'s [Sellable]) -> Result<&'s Sellable, String> {
    if let Some(variant) = sellable.iter().find(|one| one.sku == *sku) {
        return Ok(variant);
    }
    let of_product: Vec<&Sellable> = sellable.iter().filter(|one| one.product_sku == *sku).collect();
    match of_product.as_slice() {
        [] => Err(format!("nothing that is on sale in this shop has the SKU {sku}")),
        [only] => Ok(only),
        several => {
            let skus: Vec<&str> = several.iter().map(|one| one.sku.as_str()).collect();
            Err(format!("{sku} has variants, and each has a price of its own: name some of {}", skus.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::SaleId;
    use crate::money::Currency;
    use crate::stock::Quantity;
    use crate::time::Timestamp;

    const START: Timestamp = Timestamp(Millis::minutes(60).0);

    fn sku(text: &str) -> Sku {
        Sku::new(text).unwrap()
    }

    fn product(variants: &[(&str, i64)]) -> SaleDraftProduct {
        let variant =
            |(name, minor): &(&str, i64)| SaleDraftVariant { sku: sku(name), price: Money::new(*minor, Currency::Ngn) };
        SaleDraftProduct { units_max: Quantity::new(2).unwrap(), variants: variants.iter().map(variant).collect() }
    }

    fn draft() -> SaleDraft {
        SaleDraft {
            id: SaleId(Uuid::from_u128(1)),
            slug: "lamps".into(),
            title: "Lamps".into(),
            gathers_at: START + Millis::minutes(-30),
            starts_at: START,
            ends_at: START + Millis::minutes(30),
            rate: 60,
            pass_length_ms: Millis::minutes(5),
            products: vec![product(&[("lamp-red", 990)])],
        }
    }

    /// A lamp in red and by the ten, and a shade without choices, which was given a SKU of its own.
    fn shop() -> Vec<Sellable> {
        let one = |product: u128, product_sku: &str, name: &str, minor: i64| Sellable {
            product_id: ProductId(Uuid::from_u128(product)),
            product_sku: sku(product_sku),
            sku: sku(name),
            price: Money::new(minor, Currency::Ngn),
        };
        vec![one(7, "lamp", "lamp-red", 1_250), one(7, "lamp", "lamp-ten", 11_000), one(8, "shade", "shade-1", 500)]
    }

    fn named(products: Vec<SaleDraftProduct>) -> Result<Named, Vec<String>> {
        SaleDraft { products, ..draft() }.named(&shop())
    }

    #[test]
    fn a_draft_says_what_is_wrong_with_it() {
        assert_eq!(draft().problems(), BTreeMap::new());
        let twice = vec![draft().products[0].clone(), draft().products[0].clone()];
        let bad = SaleDraft {
            slug: "Lamps!".into(),
            title: " ".into(),
            starts_at: draft().gathers_at,
            ends_at: draft().gathers_at,
            rate: 0,
            pass_length_ms: Millis(1),
            products: twice,
            ..draft()
        };
        let fields: Vec<String> = bad.problems().into_keys().collect();
        assert_eq!(fields, ["ends_at", "pass_length_ms", "products", "rate", "slug", "starts_at", "title"]);
        let nothing = SaleDraftProduct { variants: vec![], ..draft().products[0].clone() };
        for products in [vec![], vec![nothing]] {
            assert!(SaleDraft { products, ..draft() }.problems().contains_key("products"));
        }
    }

    #[test]
    fn each_variant_has_its_own_price_and_one_product_is_one_entry() {
        let both = vec![product(&[("lamp-red", 990), ("lamp-ten", 8_000)])];
        let named = named(both.clone()).unwrap();
        assert_eq!((named.draft.products, named.products), (both, vec![ProductId(Uuid::from_u128(7))]));
    }

    #[test]
    fn a_product_without_choices_goes_by_its_own_sku() {
        let named = named(vec![product(&[("shade", 400)])]).unwrap();
        assert_eq!(named.draft.products, [product(&[("shade-1", 400)])], "and the same file is the same sale");
    }

    #[test]
    fn whoever_names_a_product_with_variants_is_told_their_skus() {
        let problems = named(vec![product(&[("lamp", 900)])]).unwrap_err();
        assert!(problems[0].contains("lamp-red, lamp-ten"), "{problems:?}");
    }

    #[test]
    fn what_does_not_fit_the_catalogue_is_named() {
        for (products, part) in [
            (vec![product(&[("nothing", 1)])], "nothing that is on sale"),
            (vec![product(&[("lamp-ten", 11_000)])], "lamp-ten costs"),
            (vec![product(&[("lamp-red", 990), ("shade-1", 400)])], "different products"),
            (vec![product(&[("lamp-red", 990)]), product(&[("lamp-ten", 990)])], "put its variants together"),
            (vec![product(&[("shade", 400), ("shade-1", 300)])], "named twice"),
        ] {
            let problems = named(products).unwrap_err();
            assert!(problems.iter().any(|problem| problem.contains(part)), "{part} in {problems:?}");
        }
        let dollars = SaleDraftVariant { sku: sku("shade"), price: Money::new(4, Currency::Usd) };
        let product = SaleDraftProduct { variants: vec![dollars], ..product(&[]) };
        assert!(named(vec![product]).unwrap_err()[0].contains("not in USD"));
    }
}
