//! Reads a shop's catalogue, page by page, as documents for the index. It never writes.

use std::collections::BTreeMap;

use domain::ids::ProductId;
use domain::wire::{CataloguePage, CatalogueProduct, EDGE_CATALOGUE};
use importer::shop::{Shop, ShopError};
use search::Document;

/// Products a page: some 2 MB of JSON.
pub const PAGE_PRODUCTS: u32 = 500;

/// Why a catalogue could not be read.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableCatalogue {
    /// The shop did not answer, or refused.
    #[error(transparent)]
    Shop(#[from] ShopError),
    /// The pages lead in a circle.
    #[error("the catalogue's pages do not end: after {0} comes {0} again")]
    Circle(ProductId),
}

/// All products of the shop, in the order of their ids. `so_far` hears the count after every page.
///
/// # Errors
/// See [`UnreadableCatalogue`].
pub async fn read(shop: &Shop, so_far: impl Fn(usize)) -> Result<Vec<Document>, UnreadableCatalogue> {
    let mut documents = Vec::new();
    let mut after: Option<ProductId> = None;
    loop {
        let cursor = after.map(|id| format!("after={id}&")).unwrap_or_default();
        let page: CataloguePage = shop.get(&format!("{EDGE_CATALOGUE}?{cursor}limit={PAGE_PRODUCTS}")).await?;
        documents.extend(page.products.into_iter().map(document));
        so_far(documents.len());
        match page.next {
            None => return Ok(documents),
            Some(next) if after.is_some_and(|before| next <= before) => return Err(UnreadableCatalogue::Circle(next)),
            Some(next) => after = Some(next),
        }
    }
}

/// A product as search knows it: its variants' SKUs and options are found under the product.
pub fn document(row: CatalogueProduct) -> Document {
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
    Document {
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
        sold: 0,
        rating_hundredths: None,
        rating_count: 0,
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::Sku;
    use domain::money::{Currency, Money};
    use domain::time::Timestamp;
    use domain::wire::{ImportProduct, ImportVariant, Picture};

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
        };
        let id = ProductId(uuid::Uuid::from_u128(7));
        let document = document(CatalogueProduct {
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
        assert_eq!((document.price_minor, document.available, document.created_at_ms), (900, 9, 5));
    }
}
