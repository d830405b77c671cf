//! What the shop tells search about a product. It never reads the catalogue itself.

use std::collections::BTreeMap;

use domain::wire::CatalogueProduct;
use serde::{Deserialize, Serialize};

/// One product, as it is indexed. Variants are folded into it: their codes are in [`Document::skus`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    /// The product's id, a UUID in its text form.
    pub id: String,
    /// The product's own SKU.
    pub sku: String,
    /// The last part of the product page's address.
    pub slug: String,
    /// What the product is called.
    pub title: String,
    /// Plain text; searched, never shown in a hit.
    pub description: String,
    /// The maker, if known.
    pub brand: Option<String>,
    /// The path in the category tree, outermost first. A `/` inside a name is taken for a space.
    pub category: Vec<String>,
    /// Price in minor units of `currency`; below zero counts as zero.
    pub price_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Opaque key of the picture that cards show.
    pub image: Option<String>,
    /// Units that could be bought when the product was indexed: a hint, the Stock object knows better.
    pub available: u32,
    /// Attribute name to value, both as shown; both are searched.
    pub attributes: BTreeMap<String, String>,
    /// Who sells it; searched like the brand.
    pub seller: Option<String>,
    /// Every other code that finds the product: SKUs of variants, EANs, part numbers.
    pub skus: Vec<String>,
    /// When the product was added, for sorting by newest. Milliseconds since 1970.
    pub created_at_ms: i64,
    /// Units sold. Orders listings, lifts a little in searches.
    pub sold: u32,
    /// Average rating in hundredths of a star, 100 to 500; `None` when nobody has rated it.
    pub rating_hundredths: Option<u16>,
    /// How many people have rated it.
    pub rating_count: u32,
}

impl From<CatalogueProduct> for Document {
    /// A product as search knows it: its variants' SKUs and options are found under the product.
    fn from(row: CatalogueProduct) -> Self {
        let CatalogueProduct { id, slug, created_at, available, product } = row;
        let mut attributes: BTreeMap<String, String> = BTreeMap::new();
        let mut add = |name: String, value: String| match attributes.get_mut(&name) {
            None => {
                attributes.insert(name, value);
            }
            Some(values) if values.split(", ").any(|known| known == value) => {}
            Some(values) => {
                values.push_str(", ");
                values.push_str(&value);
            }
        };
        for (name, value) in product.attributes {
            add(name, value);
        }
        // What the cheapest variant costs.
        let price_minor =
            product.variants.iter().map(|variant| variant.price_minor).min().unwrap_or(product.price.amount_minor);
        let own = product.sku.to_string();
        let mut skus = product.codes;
        for variant in product.variants {
            for (name, value) in variant.options {
                add(name, value);
            }
            skus.push(variant.sku.to_string());
        }
        skus.retain(|code| *code != own);
        skus.sort();
        skus.dedup();
        Self {
            id: id.to_string(),
            sku: own,
            slug,
            title: product.title,
            description: product.description,
            brand: product.brand,
            category: product.category,
            price_minor,
            currency: product.price.currency.code().to_owned(),
            // The whole picture as JSON: cards need its widths and proportions.
            image: product.pictures.first().and_then(|picture| serde_json::to_string(picture).ok()),
            available,
            attributes,
            seller: Some(product.seller).filter(|seller| !seller.is_empty()),
            skus,
            created_at_ms: created_at.as_millis(),
            sold: product.sold,
            rating_hundredths: product.rating.map(|rating| rating.hundredths),
            rating_count: product.rating.map_or(0, |rating| rating.count),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::{ProductId, Sku};
    use domain::money::{Currency, Money};
    use domain::time::Timestamp;
    use domain::wire::{ImportProduct, ImportVariant, Picture, ProductStatus, Rating};

    use super::*;

    #[test]
    fn a_product_is_found_by_its_variants_too() {
        let variant = |sku: &str, size: &str| ImportVariant {
            sku: Sku::new(sku).unwrap(),
            options: vec![("Size".to_owned(), size.to_owned()), ("Colour".to_owned(), "Red".to_owned())],
            price_minor: 900,
            stock: 3,
            picture: None,
        };
        let picture =
            Picture { key: "abc".to_owned(), width: 320, height: 320, widths: vec![320], alt: "A tee".to_owned() };
        let product = ImportProduct {
            sku: Sku::new("T").unwrap(),
            title: "Tee".to_owned(),
            description: "Soft.".to_owned(),
            brand: Some("Acme".to_owned()),
            category: vec!["Men".to_owned(), "Tops".to_owned()],
            price: Money::new(900, Currency::Ngn),
            attributes: vec![("Colour".to_owned(), "Bright".to_owned())],
            pictures: vec![picture],
            codes: vec!["2000000000008".to_owned(), "T".to_owned()],
            seller: "Kasuwa".to_owned(),
            variants: vec![variant("T-S", "S"), variant("T-M", "M"), variant("T", "L")],
            status: ProductStatus::Active,
            rating: Some(Rating { hundredths: 431, count: 7 }),
            sold: 70,
            weight_grams: 0,
        };
        let id = "00000000-0000-0000-0000-000000000007".parse::<ProductId>().unwrap();
        let document = Document::from(CatalogueProduct {
            id,
            slug: "tee-t".to_owned(),
            created_at: Timestamp(5),
            available: 9,
            product,
        });
        assert_eq!(document.skus, ["2000000000008", "T-M", "T-S"]);
        assert_eq!(document.attributes["Size"], "S, M, L");
        assert_eq!(document.attributes["Colour"], "Bright, Red");
        let picture: Picture = serde_json::from_str(&document.image.unwrap()).unwrap();
        assert_eq!((picture.key.as_str(), document.currency.as_str()), ("abc", "NGN"));
        assert_eq!((document.rating_hundredths, document.rating_count, document.sold), (Some(431), 7, 70));
        assert_eq!((document.price_minor, document.available, document.created_at_ms), (900, 9, 5));
    }
}
