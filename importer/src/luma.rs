//! Reads the Luma set: `products.json`, clothes with pictures. The set counts a product's variants without naming them, so their
//! sizes and colours are chosen here, always the same ones.

use std::fs;
use std::path::Path;

use anyhow::Context;
use domain::ids::Sku;
use domain::money::Currency;
use domain::wire::ProductStatus;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::draft::{self, Defaults, Draft, DraftVariant};
use crate::random::Random;
use crate::source::{Source, Sourced};

/// The file within the set's folder.
pub const FILE: &str = "products.json";

#[derive(Deserialize)]
struct LumaProduct {
    sku: String,
    name: String,
    #[serde(default)]
    category: String,
    price: Box<RawValue>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    attributes: String,
    #[serde(default)]
    variants: u32,
    #[serde(default)]
    image: Option<String>,
}

/// The products of the set in `folder`, and how many there are.
///
/// # Errors
/// When the file is not there or not understood.
pub fn open(folder: &Path, defaults: Defaults) -> anyhow::Result<(Source, u64)> {
    let path = folder.join(FILE);
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let products: Vec<Box<RawValue>> =
        serde_json::from_slice(&bytes).with_context(|| format!("{} is not a list of products", path.display()))?;
    let count = products.len() as u64;
    let source = products.into_iter().zip(1..).map(move |(json, line)| {
        let product = serde_json::from_str(json.get()).map_err(|error| format!("not understood: {error}"));
        Sourced { line, draft: product.and_then(|product| read(product, &defaults)) }
    });
    Ok((Box::new(source), count))
}

fn read(product: LumaProduct, defaults: &Defaults) -> Result<Draft, String> {
    let price = draft::price(product.price.get().trim_matches('"'), Currency::Usd)?;
    let sku = Sku::new(&product.sku).map_err(|error| format!("sku: {error}"))?;
    let category = category(&product.category, &product.sku);
    let variants = variants(&product, price.amount_minor)?;
    Draft {
        sku,
        title: entities(&product.name),
        description: entities(&product.description)
            .replace(" • ", "\n\n• ")
            .replace("\n\n• ", "\n• ")
            .replacen("\n• ", "\n\n• ", 1),
        brand: Some("Luma".to_owned()),
        category,
        price,
        attributes: attributes(&product.attributes),
        images: product.image.into_iter().collect(),
        drawing: None,
        codes: Vec::new(),
        seller: defaults.seller.clone(),
        variants,
        status: ProductStatus::Active,
        rating: None,
        sold: 0,
        weight_grams: 0,
    }
    .tidied()
}

/// Where a garment hangs. Sales and collections are no such place: there the number's first letters tell.
fn category(path: &str, sku: &str) -> Vec<String> {
    let placed = path.starts_with("Men/") || path.starts_with("Women/");
    let letters: String = sku.chars().take_while(char::is_ascii_alphabetic).collect();
    let told = match letters.as_str() {
        "MH" => "Men/Tops/Hoodies & Sweatshirts",
        "MJ" => "Men/Tops/Jackets",
        "MS" => "Men/Tops/Tees",
        "MT" => "Men/Tops/Tanks",
        "MP" => "Men/Bottoms/Pants",
        "MSH" => "Men/Bottoms/Shorts",
        "WH" => "Women/Tops/Hoodies & Sweatshirts",
        "WJ" => "Women/Tops/Jackets",
        "WS" => "Women/Tops/Tees",
        "WB" | "WT" => "Women/Tops/Bras & Tanks",
        "WP" => "Women/Bottoms/Pants",
        "WSH" => "Women/Bottoms/Shorts",
        _ => path,
    };
    (if placed { path } else { told }).split('/').map(str::to_owned).collect()
}

/// As many variants as the set counts: sizes by colours where three colours divide them, else sizes alone.
fn variants(product: &LumaProduct, price_minor: i64) -> Result<Vec<DraftVariant>, String> {
    let mut random = Random::from_text(&product.sku);
    let count = product.variants.max(1);
    let bottoms = product.sku.starts_with("MP") || product.sku.starts_with("WP") || product.sku.contains("SH");
    let (sizes, colours): (&[&str], usize) = (
        if bottoms { &["28", "30", "32", "34", "36", "38"] } else { &["XS", "S", "M", "L", "XL", "XXL"] },
        if count.is_multiple_of(3) && count > 3 { 3 } else { 1 },
    );
    let first = random.below(COLOURS.len() as u32) as usize;
    let sizes = &sizes[..(count as usize / colours).clamp(1, sizes.len())];
    let mut variants = Vec::new();
    for size in sizes {
        for step in 0..colours {
            let colour = COLOURS[(first + step * 4) % COLOURS.len()];
            let mut options = vec![("Size".to_owned(), (*size).to_owned())];
            let mut number = format!("{}-{size}", product.sku);
            if colours > 1 {
                options.push(("Colour".to_owned(), colour.to_owned()));
                number = format!("{number}-{colour}");
            }
            let sku = Sku::new(&number).map_err(|error| format!("variants: {error}"))?;
            variants.push(DraftVariant { sku, options, price_minor, stock: random.stock(), image: None });
        }
    }
    Ok(variants)
}

const COLOURS: [&str; 11] =
    ["Black", "Blue", "Grey", "Green", "Red", "White", "Orange", "Purple", "Yellow", "Brown", "Navy"];

/// `material=Wool|Fleece,new=Yes` in words; the shop's own switches are left out.
fn attributes(text: &str) -> Vec<(String, String)> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs
        .filter_map(|(name, value)| {
            let name = match name {
                "material" => "Material",
                "pattern" => "Pattern",
                "climate" => "Climate",
                "style_general" | "style_bottom" => "Style",
                "eco_collection" => "Eco collection",
                "performance_fabric" => "Performance fabric",
                _ => return None,
            };
            Some((name.to_owned(), entities(value).replace('|', ", ")))
        })
        .collect()
}

fn entities(text: &str) -> String {
    text.replace("&reg;", "®").replace("&trade;", "™").replace("&nbsp;", " ").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(json: &str) -> Draft {
        let defaults = Defaults { currency: Currency::Usd, seller: "Kasuwa".to_owned(), stock: 1 };
        read(serde_json::from_str(json).unwrap(), &defaults).unwrap()
    }

    #[test]
    fn a_garment_has_its_sizes_colours_and_place() {
        let hoodie = product(
            r#"{"sku":"MH99","name":"Ada Hoodie","category":"Promotions/Men Sale","price":52.10,"description":"Warm. • Two-tone. • Soft.",
                "attributes":"has_options=1,material=Wool|LumaTech&trade;,new=No","variants":15,"image":"img/a.jpg"}"#,
        );
        assert_eq!(hoodie.category, ["Men", "Tops", "Hoodies & Sweatshirts"]);
        assert_eq!(hoodie.price.amount_minor, 5_210);
        assert_eq!(hoodie.variants.len(), 15);
        assert_eq!(hoodie.description, "Warm.\n\n• Two-tone.\n• Soft.");
        assert_eq!(hoodie.attributes, [("Material".to_owned(), "Wool, LumaTech™".to_owned())]);
    }

    #[test]
    fn the_count_of_variants_is_kept() {
        for (count, sku) in [(12, "MP01"), (6, "WSH01"), (5, "MT04"), (9, "WS01"), (4, "WS02"), (0, "WS03")] {
            let json =
                format!(r#"{{"sku":"{sku}","name":"A","category":"Men/Tops/Tees","price":5,"variants":{count}}}"#);
            assert_eq!(product(&json).variants.len(), count.max(1), "{sku}");
        }
    }
}
