//! Reads the Icecat set: `products.jsonl.gz`, one product a line, with some hundreds of prefixed attributes. Makes of it what a
//! shop shows: a SKU that is one, a category, attributes in words and in a sensible order. Its pictures are elsewhere and are
//! only named.

mod categories;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use domain::ids::Sku;
use domain::money::{Currency, Money};
use domain::wire::ProductStatus;
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;

use self::categories::Categories;
use crate::draft::{Defaults, Draft, DraftVariant, limits, single_line};
use crate::picture::drawing::Drawing;
use crate::random::Random;
use crate::source::{Source, Sourced};

/// The file within the set's folder.
pub const FILE: &str = "products.jsonl.gz";

/// Most attributes that are kept of a product.
const ATTRIBUTES_MAX: usize = 60;

/// Different drawings in one category.
const DRAWINGS_PER_CATEGORY: u32 = 6;

#[derive(Deserialize)]
struct IcecatProduct {
    id: String,
    sku_name: String,
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    brand: String,
    price_cents: i64,
    #[serde(default)]
    ean: Vec<String>,
    #[serde(default)]
    image: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, Box<RawValue>>,
}

/// How to read the set.
#[derive(Debug, Clone)]
pub struct Options {
    /// Seller, and nothing else of it.
    pub defaults: Defaults,
    /// Name the pictures on the web.
    pub web_pictures: bool,
    /// Draw what has no picture.
    pub draw: bool,
}

/// The products of the set in `folder`, and how many there are.
///
/// # Errors
/// When the file cannot be read.
pub fn open(folder: &Path, options: Options) -> io::Result<(Source, u64)> {
    let path = folder.join(FILE);
    let lines = || Ok::<_, io::Error>(BufReader::new(MultiGzDecoder::new(BufReader::new(File::open(&path)?))).lines());
    // A first pass, since a name is a SKU only if no other product has it.
    let mut names: HashMap<String, u32> = HashMap::new();
    let mut count = 0;
    for line in lines()? {
        count += 1;
        if let Ok(product) = serde_json::from_str::<IcecatProduct>(&line?) {
            *names.entry(product.sku_name.to_lowercase()).or_default() += 1;
        }
    }
    let categories = Categories::new();
    let source = lines()?.zip(1..).map(move |(line, number)| {
        let draft = line.map_err(|error| error.to_string()).and_then(|line| {
            let product: IcecatProduct =
                serde_json::from_str(&line).map_err(|error| format!("not understood: {error}"))?;
            draft(product, &names, &categories, &options)
        });
        Sourced { line: number, draft }
    });
    Ok((Box::new(source), count))
}

fn draft(
    product: IcecatProduct,
    names: &HashMap<String, u32>,
    categories: &Categories,
    options: &Options,
) -> Result<Draft, String> {
    let alone = names.get(&product.sku_name.to_lowercase()) == Some(&1);
    let sku = sku(&product.sku_name, &product.id, alone)?;
    if !(0..=Money::AMOUNT_MINOR_MAX).contains(&product.price_cents) {
        return Err(format!("price_cents: {} is no price", product.price_cents));
    }
    let price = Money::new(product.price_cents, Currency::Usd);
    let product_type = attribute_text(product.attributes.get("t_product_type").map(AsRef::as_ref));
    let attribute_names: Vec<&str> = product.attributes.keys().map(String::as_str).collect();
    let texts = [product_type.as_deref().unwrap_or_default(), &product.title, &product.description];
    let category = categories.find(texts, &attribute_names.join(" "));
    let mut codes = product.ean;
    codes.push(product.id.clone());
    codes.push(single_line(&product.sku_name));
    codes.retain(|code| *code != sku.as_str() && code.chars().count() <= limits::NAME);
    codes.sort();
    codes.dedup();
    Draft {
        title: product.title.clone(),
        description: plain(&product.description),
        brand: Some(product.brand),
        category: category.path.map(str::to_owned).to_vec(),
        price,
        attributes: attributes(&product.attributes),
        images: product.image.filter(|_| options.web_pictures).into_iter().collect(),
        drawing: options
            .draw
            .then(|| Drawing::new(category.icon, category.hue(), &product.title, DRAWINGS_PER_CATEGORY)),
        codes,
        seller: options.defaults.seller.clone(),
        variants: vec![DraftVariant {
            sku: sku.clone(),
            options: Vec::new(),
            price_minor: price.amount_minor,
            stock: Random::from_text(&product.id).stock(),
            image: None,
        }],
        status: ProductStatus::Active,
        rating: None,
        sold: 0,
        weight_grams: 0,
        sku,
    }
    .tidied()
}

/// The maker's own number where it is one (short, without spaces, nobody else's), else Icecat's.
fn sku(name: &str, id: &str, alone: bool) -> Result<Sku, String> {
    let number = alone && !name.contains(char::is_whitespace);
    let own = if number { Sku::new(name).ok() } else { None };
    own.map_or_else(|| Sku::new(&format!("icecat-{id}")).map_err(|error| format!("id: {error}")), Ok)
}

/// Text without the bits of HTML that some descriptions have, and with real line breaks.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        plain.push_str(before);
        match tag.split_once('>') {
            Some((name, after)) if !name.is_empty() && !name.starts_with(char::is_whitespace) && name.len() < 40 => {
                if matches!(name, "br" | "br/" | "br /" | "/li" | "/p" | "/ul") {
                    plain.push('\n');
                }
                rest = after;
            }
            _ => {
                plain.push('<');
                rest = tag;
            }
        }
    }
    plain.push_str(rest);
    plain.replace("\\n", "\n")
}

/// What can be shown of a product's attributes: the telling ones first, `No` only where it says something.
fn attributes(all: &BTreeMap<String, Box<RawValue>>) -> Vec<(String, String)> {
    let mut kept: Vec<(u8, &str, (String, String))> = Vec::new();
    for (name, value) in all {
        let Some((kind, bare)) = name.split_once('_') else { continue };
        if HIDDEN.iter().any(|hidden| bare.contains(hidden)) {
            continue;
        }
        let rank = FIRST.iter().position(|first| *first == bare).and_then(|place| u8::try_from(place).ok());
        let value = match (kind, attribute_text(Some(value))) {
            ("b", Some(value)) if value == "Yes" => value,
            // Some hundred features that it does not have tell a shopper nothing.
            ("b", _) | (_, None) => continue,
            ("n", Some(value)) => number(&value),
            (_, Some(value)) => value,
        };
        let value: String = value.chars().take(300).collect();
        // Texts say more than numbers, and numbers more than Yes.
        let rank = rank.unwrap_or(match kind {
            "t" => 200,
            "n" => 201,
            _ => 202,
        });
        kept.push((rank, bare, (readable(bare), value)));
    }
    kept.sort_by_key(|(rank, bare, _)| (*rank, *bare));
    kept.dedup_by(|(_, _, later), (_, _, earlier)| later.0 == earlier.0);
    kept.into_iter().take(ATTRIBUTES_MAX).map(|(_, _, pair)| pair).collect()
}

fn attribute_text(value: Option<&RawValue>) -> Option<String> {
    match value?.get() {
        "true" => Some("Yes".to_owned()),
        "false" => Some("No".to_owned()),
        "null" => None,
        text if text.starts_with('"') => {
            let text: String = serde_json::from_str(text).ok()?;
            let text = single_line(&text.replace("\\n", " "));
            (!text.is_empty()).then_some(text)
        }
        number => Some(number.to_owned()),
    }
}

/// `6.0` is 6.
fn number(text: &str) -> String {
    match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|digit| digit.is_ascii_digit()) => {
            let fraction = fraction.trim_end_matches('0');
            if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
        }
        _ => text.to_owned(),
    }
}

/// `usb_2_0_ports_quantity` is "USB 2.0 ports quantity".
fn readable(bare: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in bare.split('_').filter(|word| !word.is_empty()) {
        let digit = |text: &str| !text.is_empty() && text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        match words.last_mut() {
            Some(last) if digit(word) && digit(last) => {
                last.push('.');
                last.push_str(word);
            }
            _ if ACRONYMS.contains(&word) => words.push(word.to_uppercase()),
            _ => words.push(word.to_owned()),
        }
    }
    let text = words.join(" ").replace("wxdxh", "(W×D×H)").replace("WXDXH", "(W×D×H)").replace("wi fi", "Wi-Fi");
    let text = text.strip_suffix(" t t").or_else(|| text.strip_suffix(" h h")).unwrap_or(&text).to_owned();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// What shoppers look for first.
const FIRST: [&str; 34] = [
    "product_type",
    "type",
    "product_colour",
    "colour_of_product",
    "compatibility",
    "brand_compatibility",
    "printing_colours",
    "print_technology",
    "black_toner_page_yield",
    "colour_toner_page_yield",
    "processor_family",
    "processor_model",
    "processor_frequency",
    "processor_cores",
    "processor_socket",
    "internal_memory",
    "internal_memory_type",
    "total_storage_capacity",
    "storage_media",
    "display_diagonal",
    "display_resolution",
    "maximum_resolution",
    "operating_system_installed",
    "cable_length",
    "cable_colour",
    "connector_1",
    "connector_2",
    "connector_gender",
    "connectivity_technology",
    "material",
    "quantity_per_pack",
    "dimensions_wxdxh",
    "weight",
    "battery_technology",
];

/// What only a warehouse or a customs office wants to know.
const HIDDEN: [&str; 9] = [
    "pallet",
    "master_outer_case",
    "master__outer__case",
    "package_",
    "harmonized_system",
    "last_change",
    "ark_id",
    "oem_code",
    "_status",
];

const ACRONYMS: [&str; 41] = [
    "usb", "lan", "hdmi", "dvi", "vga", "cpu", "led", "lcd", "rj", "pci", "sata", "ssd", "hdd", "dvd", "cd", "ac",
    "dc", "ups", "tdp", "atx", "pdu", "ip", "tv", "gps", "nfc", "sd", "raid", "poe", "snmp", "vt", "rohs", "rms",
    "dpi", "hd", "3d", "ir", "mac", "ps", "dlna", "wlan", "kvm",
];

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn set(lines: &str) -> Vec<Sourced> {
        let folder = tempfile::tempdir().unwrap();
        let mut file = GzEncoder::new(File::create(folder.path().join(FILE)).unwrap(), Compression::fast());
        file.write_all(lines.as_bytes()).unwrap();
        file.finish().unwrap();
        let defaults = Defaults { currency: Currency::Usd, seller: "Kasuwa".to_owned(), stock: 1 };
        let (source, count) = open(folder.path(), Options { defaults, web_pictures: true, draw: true }).unwrap();
        let drafts: Vec<Sourced> = source.collect();
        assert_eq!(count, drafts.len() as u64);
        drafts
    }

    const THREE: &str = r#"{"id": "101", "sku_name": "TN-77", "title": "Bright TN-77 toner cartridge Original Black", "description": "<ul><li>One</li><li>Two</li></ul>", "brand": "Bright", "price_cents": 4995, "ean": ["0000000000017"], "image": "http://pictures.invalid/101.jpg", "attributes": {"t_type": "Original", "n_quantity_per_pack": 6.0, "n_weight": 2.50, "b_rohs_compliance": true, "b_colour": false, "n_quantity_per_pallet": 9.0, "n_usb_2_0_ports_quantity": 1.0}}
{"id": "102", "sku_name": "Two Words", "title": "Bright notebook case", "description": "", "brand": "Bright", "price_cents": 1000, "ean": [], "released": "2009-12-10", "image": null, "attributes": {"t_dimensions__wxdxh_": "10 x 20"}}
{"id": "103", "sku_name": "tn-77", "title": "Bright zz", "description": "", "brand": "", "price_cents": -5, "ean": [], "attributes": {}}
"#;

    #[test]
    fn a_product_of_the_set_becomes_one_of_the_shop() {
        let drafts = set(THREE);
        let toner = drafts[0].draft.as_ref().unwrap();
        assert_eq!(toner.sku.as_str(), "icecat-101", "another product has that name too");
        assert_eq!(toner.price, Money::new(4_995, Currency::Usd));
        assert_eq!(toner.category, ["Printers & Ink", "Toner & Ink"]);
        assert_eq!(toner.description, "One\nTwo");
        assert_eq!(toner.codes, ["0000000000017", "101", "TN-77"]);
        let attributes: Vec<_> = toner.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected = [
            ("Type", "Original"),
            ("Quantity per pack", "6"),
            ("Weight", "2.5"),
            ("USB 2.0 ports quantity", "1"),
            ("ROHS compliance", "Yes"),
        ];
        assert_eq!(attributes, expected);
        let case = drafts[1].draft.as_ref().unwrap();
        assert_eq!(case.sku.as_str(), "icecat-102");
        assert_eq!(case.attributes, [("Dimensions (W×D×H)".to_owned(), "10 x 20".to_owned())]);
        assert!(case.images.is_empty() && case.drawing.is_some());
        assert!(drafts[2].draft.as_ref().unwrap_err().contains("price_cents"));
    }

    #[test]
    fn a_makers_number_is_the_sku_where_it_is_alone() {
        assert_eq!(sku("dv7-1211ea", "1", true).unwrap().as_str(), "dv7-1211ea");
        assert_eq!(sku("dv7-1211ea", "1", false).unwrap().as_str(), "icecat-1");
        assert_eq!(sku(&"x".repeat(65), "1", true).unwrap().as_str(), "icecat-1");
    }

    #[test]
    fn html_goes_and_comparisons_stay() {
        assert_eq!(plain("a <b>bold</b> <= 3L\\nnext"), "a bold <= 3L\nnext");
    }
}
