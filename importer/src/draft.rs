//! A product on its way into the shop: what a row of a file, a data set or a seed comes down to, and the limits that it
//! keeps. Its pictures are still where they came from.

use std::collections::HashSet;

use domain::ids::Sku;
use domain::money::{Currency, InvalidMoney, Money};
use domain::wire::{ImportProduct, ImportVariant, Picture, ProductStatus, Rating};
use rust_decimal::Decimal;

use crate::picture::drawing::Drawing;
use crate::rows::Cells;

/// Limits of one product; beyond them a row is refused with its reason.
pub mod limits {
    /// Characters of a title.
    pub const TITLE: usize = 500;
    /// Bytes of a description.
    pub const DESCRIPTION: usize = 64 * 1024;
    /// Characters of a brand, a seller, a category, an option, or a code.
    pub const NAME: usize = 120;
    /// Levels of a category path.
    pub const CATEGORY_DEPTH: usize = 6;
    /// Attributes.
    pub const ATTRIBUTES: usize = 200;
    /// Characters of an attribute's value.
    pub const ATTRIBUTE_VALUE: usize = 2_000;
    /// Pictures.
    pub const IMAGES: usize = 24;
    /// Variants.
    pub const VARIANTS: usize = 250;
    /// Other numbers that a product is known by.
    pub const CODES: usize = 200;
    /// Units on hand of one variant.
    pub const STOCK: u32 = 1_000_000_000;
}

/// What holds for rows that don't say otherwise.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// Of prices.
    pub currency: Currency,
    /// Who sells it.
    pub seller: String,
    /// Units on hand.
    pub stock: u32,
}

/// A product, checked, its pictures not yet found.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Names the product.
    pub sku: Sku,
    /// What it is called.
    pub title: String,
    /// Plain text.
    pub description: String,
    /// Maker.
    pub brand: Option<String>,
    /// Path from the top.
    pub category: Vec<String>,
    /// Of the product, and of variants without one of their own.
    pub price: Money,
    /// Specifications, in the order to be shown.
    pub attributes: Vec<(String, String)>,
    /// Pictures: paths beside the file or web addresses, the main one first.
    pub images: Vec<String>,
    /// What to draw when there is no picture.
    pub drawing: Option<Drawing>,
    /// Other numbers that it is known by.
    pub codes: Vec<String>,
    /// Who sells it.
    pub seller: String,
    /// At least one.
    pub variants: Vec<DraftVariant>,
    /// Whether shoppers see it.
    pub status: ProductStatus,
    /// What buyers thought of it so far.
    pub rating: Option<Rating>,
    /// Units sold so far.
    pub sold: u32,
    /// Weight of one; 0 when nobody knows.
    pub weight_grams: u32,
}

/// A variant, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftVariant {
    /// Names the variant.
    pub sku: Sku,
    /// What sets it apart.
    pub options: Vec<(String, String)>,
    /// In minor units of the product's currency.
    pub price_minor: i64,
    /// Units on hand.
    pub stock: u32,
    /// Its own picture: an index into [`Draft::images`].
    pub image: Option<usize>,
}

impl Draft {
    /// The product in `cells`.
    ///
    /// # Errors
    /// Everything that is wrong with it, each beginning with the column, joined by `; `.
    pub fn read(cells: &Cells, defaults: &Defaults) -> Result<Self, String> {
        let mut wrong = Wrong::default();
        let sku = wrong.take(required_sku(cells));
        let title = wrong.take(required(cells, "title"));
        let currency = wrong.take(currency(cells, defaults.currency));
        let price = match currency {
            Some(currency) => wrong.take(required(cells, "price").and_then(|text| price(&text, currency))),
            None => None,
        };
        let stock = wrong.take(count(cells, "stock", defaults.stock));
        let category = wrong.take(cells.text("category")).flatten();
        let description = wrong.take(cells.text("description")).flatten();
        let brand = wrong.take(cells.text("brand")).flatten();
        let seller = wrong.take(cells.text("seller")).flatten();
        let attributes = wrong.take(cells.pairs("attributes"));
        let images = wrong.take(cells.list("images"));
        let codes = wrong.take(cells.list("codes"));
        let variants = wrong.take(cells.records("variants"));
        let status = wrong.take(status(cells));
        let rating = wrong.take(rating(cells));
        let sold = wrong.take(count(cells, "sold", 0));
        let weight_grams = wrong.take(count(cells, "weight_grams", 0));
        let (Some(sku), Some(title), Some(price), Some(stock), Some(mut images), Some(variant_cells)) =
            (sku, title, price, stock, images, variants)
        else {
            return Err(wrong.into_text());
        };
        let mut variants = Vec::with_capacity(variant_cells.len().max(1));
        for (index, cells) in variant_cells.iter().enumerate() {
            match read_variant(cells, price, stock, &mut images) {
                Ok(variant) => variants.push(variant),
                Err(reason) => wrong.add(format!("variants: number {}: {reason}", index + 1)),
            }
        }
        if variant_cells.is_empty() {
            variants.push(DraftVariant {
                sku: sku.clone(),
                options: Vec::new(),
                price_minor: price.amount_minor,
                stock,
                image: None,
            });
        }
        wrong.into_result()?;
        let draft = Self {
            sku,
            title,
            description: description.unwrap_or_default(),
            brand,
            category: category.map(|path| path.split('/').map(str::to_owned).collect()).unwrap_or_default(),
            price,
            attributes: attributes.unwrap_or_default(),
            images,
            drawing: None,
            codes: codes.unwrap_or_default(),
            seller: seller.unwrap_or_else(|| defaults.seller.clone()),
            variants,
            status: status.unwrap_or_default(),
            rating: rating.flatten(),
            sold: sold.unwrap_or_default(),
            weight_grams: weight_grams.unwrap_or_default(),
        };
        draft.tidied()
    }

    /// The same product with its texts tidied (no control characters, single spaces in names), if it keeps the limits.
    ///
    /// # Errors
    /// Every limit that is broken, joined by `; `.
    pub fn tidied(mut self) -> Result<Self, String> {
        let mut wrong = Wrong::default();
        self.title = single_line(&self.title);
        self.description = paragraphs(&self.description);
        self.seller = single_line(&self.seller);
        self.brand = self.brand.map(|brand| single_line(&brand)).filter(|brand| !brand.is_empty());
        self.category = self.category.iter().map(|name| single_line(name)).filter(|name| !name.is_empty()).collect();
        self.attributes = self
            .attributes
            .iter()
            .map(|(name, value)| (single_line(name), single_line(value)))
            .filter(|(name, value)| !name.is_empty() && !value.is_empty())
            .collect();
        self.codes = self.codes.iter().map(|code| single_line(code)).filter(|code| !code.is_empty()).collect();
        if self.title.is_empty() {
            wrong.add("title: required".to_owned());
        }
        wrong.length("title", &self.title, limits::TITLE);
        wrong.count("description", self.description.len(), limits::DESCRIPTION, "bytes");
        wrong.length("seller", &self.seller, limits::NAME);
        for (column, text) in self
            .brand
            .iter()
            .map(|brand| ("brand", brand))
            .chain(self.category.iter().map(|name| ("category", name)))
            .chain(self.codes.iter().map(|code| ("codes", code)))
            .chain(self.attributes.iter().map(|(name, _)| ("attributes", name)))
        {
            wrong.length(column, text, limits::NAME);
        }
        for (_, value) in &self.attributes {
            wrong.length("attributes", value, limits::ATTRIBUTE_VALUE);
        }
        wrong.count("category", self.category.len(), limits::CATEGORY_DEPTH, "levels");
        wrong.count("attributes", self.attributes.len(), limits::ATTRIBUTES, "attributes");
        wrong.count("images", self.images.len(), limits::IMAGES, "pictures");
        wrong.count("codes", self.codes.len(), limits::CODES, "codes");
        wrong.count("variants", self.variants.len(), limits::VARIANTS, "variants");
        let mut skus = HashSet::new();
        let mut choices = HashSet::new();
        for variant in &mut self.variants {
            for (name, value) in &mut variant.options {
                (*name, *value) = (single_line(name), single_line(value));
                wrong.length("variants", name, limits::NAME);
                wrong.length("variants", value, limits::NAME);
            }
            if !skus.insert(variant.sku.clone()) {
                wrong.add(format!("variants: SKU {} is there twice", variant.sku));
            }
            if !choices.insert(variant.options.clone()) {
                wrong.add(format!("variants: {} has the same options as another", variant.sku));
            }
        }
        wrong.into_result()?;
        Ok(self)
    }

    /// The product as the shop takes it. `places` says where each of the draft's pictures is among `pictures`, if it is.
    pub fn into_product(self, pictures: Vec<Picture>, places: &[Option<u32>]) -> ImportProduct {
        let variants = self.variants.into_iter().map(|variant| ImportVariant {
            sku: variant.sku,
            options: variant.options,
            price_minor: variant.price_minor,
            stock: variant.stock,
            picture: variant.image.and_then(|image| places.get(image).copied().flatten()),
        });
        ImportProduct {
            sku: self.sku,
            title: self.title,
            description: self.description,
            brand: self.brand,
            category: self.category,
            price: self.price,
            attributes: self.attributes,
            pictures,
            codes: self.codes,
            seller: self.seller,
            variants: variants.collect(),
            status: self.status,
            rating: self.rating,
            sold: self.sold,
            weight_grams: self.weight_grams,
        }
    }

    /// Roughly the bytes that it takes on the wire.
    pub fn weight_bytes(&self) -> usize {
        let pairs = |pairs: &[(String, String)]| pairs.iter().map(|(a, b)| a.len() + b.len() + 8).sum::<usize>();
        let variants = self.variants.iter().map(|variant| 120 + pairs(&variant.options)).sum::<usize>();
        400 + self.title.len() + self.description.len() + pairs(&self.attributes) + variants + 200 * self.images.len()
    }
}

/// A price as it is written in major units, also in the exponent form that JSON numbers may take. Never rounded.
pub(crate) fn price(text: &str, currency: Currency) -> Result<Money, String> {
    let plain = if text.len() <= 40 && text.contains(['e', 'E']) {
        Decimal::from_scientific(text).map(|decimal| decimal.to_string()).unwrap_or_else(|_| text.to_owned())
    } else {
        text.to_owned()
    };
    Money::parse_price(&plain, currency).map_err(|error| format!("price: {error}"))
}

fn read_variant(
    cells: &Cells,
    price_of_product: Money,
    stock_default: u32,
    images: &mut Vec<String>,
) -> Result<DraftVariant, String> {
    let sku = required_sku(cells)?;
    let price_minor = match cells.text("price")? {
        Some(text) => price(&text, price_of_product.currency)?.amount_minor,
        None => price_of_product.amount_minor,
    };
    let image = cells.text("image")?.map(|image| {
        images.iter().position(|known| *known == image).unwrap_or_else(|| {
            images.push(image);
            images.len() - 1
        })
    });
    Ok(DraftVariant {
        sku,
        options: cells.pairs("options")?,
        price_minor,
        stock: count(cells, "stock", stock_default)?,
        image,
    })
}

fn required(cells: &Cells, column: &str) -> Result<String, String> {
    cells.text(column)?.ok_or_else(|| format!("{column}: required"))
}

fn required_sku(cells: &Cells) -> Result<Sku, String> {
    required(cells, "sku").and_then(|text| Sku::new(&text).map_err(|error| format!("sku: {error}")))
}

fn currency(cells: &Cells, default: Currency) -> Result<Currency, String> {
    match cells.text("currency")? {
        None => Ok(default),
        Some(text) => text.parse().map_err(|error: InvalidMoney| format!("currency: {error}")),
    }
}

fn count(cells: &Cells, column: &str, default: u32) -> Result<u32, String> {
    match cells.text(column)? {
        None => Ok(default),
        Some(text) => text
            .parse()
            .ok()
            .filter(|count| *count <= limits::STOCK)
            .ok_or_else(|| format!("{column}: {text:?} is not a whole number from 0 to {}", limits::STOCK)),
    }
}

fn status(cells: &Cells) -> Result<ProductStatus, String> {
    match cells.text("status")?.as_deref() {
        None | Some("active") => Ok(ProductStatus::Active),
        Some("hidden") => Ok(ProductStatus::Hidden),
        Some(other) => Err(format!("status: {other:?} is neither active nor hidden")),
    }
}

/// `rating` is the average in stars, rounded to hundredths; `rating_count` is how many there were.
fn rating(cells: &Cells) -> Result<Option<Rating>, String> {
    let ratings = count(cells, "rating_count", 0)?;
    let Some(text) = cells.text("rating")? else {
        if ratings > 0 {
            return Err("rating: required where rating_count is above 0".to_owned());
        }
        return Ok(None);
    };
    let average: Option<Decimal> = text.parse().ok();
    if average.is_some_and(|average| average.is_zero()) && ratings == 0 {
        // Many shops write *unrated* so.
        return Ok(None);
    }
    let rating = average
        .and_then(|average| average.checked_mul(Decimal::ONE_HUNDRED))
        .and_then(|hundredths| hundredths.round().try_into().ok())
        .map(|hundredths| Rating { hundredths, count: ratings })
        .filter(|rating| rating.hundredths >= Rating::HUNDREDTHS_MIN && rating.hundredths <= Rating::HUNDREDTHS_MAX)
        .ok_or_else(|| format!("rating: {text:?} is not a number from 1 to 5"))?;
    if ratings == 0 {
        return Err("rating_count: required where there is a rating".to_owned());
    }
    Ok(Some(rating))
}

/// One line: control characters and runs of white space become single spaces.
pub(crate) fn single_line(text: &str) -> String {
    let spaced = text.replace(char::is_control, " ");
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Paragraphs: line breaks stay, at most one blank line in a row; other control characters go.
fn paragraphs(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let mut blank_lines = 0;
    for line in text.replace("\r\n", "\n").split(['\n', '\r']) {
        let line = line.replace(|c: char| c.is_control() && c != '\t', "");
        let line = line.trim_end();
        blank_lines = if line.is_empty() { blank_lines + 1 } else { 0 };
        if blank_lines < 2 {
            tidy.push_str(line);
            tidy.push('\n');
        }
    }
    tidy.trim().to_owned()
}

/// What is wrong with a row, gathered so that one reading tells all.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn add(&mut self, reason: String) {
        self.0.push(reason);
    }

    fn take<T>(&mut self, result: Result<T, String>) -> Option<T> {
        result.map_err(|reason| self.add(reason)).ok()
    }

    fn length(&mut self, column: &str, text: &str, limit: usize) {
        if text.chars().nth(limit).is_some() {
            let count = text.chars().count();
            self.add(format!("{column}: {count} characters, at most {limit}"));
        }
    }

    fn count(&mut self, column: &str, count: usize, limit: usize, what: &str) {
        if count > limit {
            self.add(format!("{column}: {count} {what}, at most {limit}"));
        }
    }

    fn into_text(self) -> String {
        self.0.join("; ")
    }

    fn into_result(self) -> Result<(), String> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into_text()) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::rows::Rows;

    fn defaults() -> Defaults {
        Defaults { currency: Currency::Usd, seller: "Kasuwa".to_owned(), stock: 100 }
    }

    fn read(json: &str) -> Result<Draft, String> {
        let mut rows = Rows::read(Box::new(Cursor::new(json.as_bytes().to_vec())), None).unwrap();
        Draft::read(&rows.next().unwrap().cells.unwrap(), &defaults())
    }

    #[test]
    fn sku_title_and_price_are_enough() {
        let draft = read(r#"{"sku":"A1","title":" A  lamp ","price":"12.50"}"#).unwrap();
        assert_eq!(draft.title, "A lamp");
        assert_eq!(draft.price, Money::new(1_250, Currency::Usd));
        assert_eq!((draft.seller.as_str(), draft.brand, draft.category.len()), ("Kasuwa", None, 0));
        assert_eq!(draft.variants.len(), 1);
        assert_eq!((draft.variants[0].sku.as_str(), draft.variants[0].stock), ("A1", 100));
    }

    #[test]
    fn prices_are_exact_or_refused() {
        let price = |written: &str| {
            read(&format!(r#"{{"sku":"A","title":"A","price":{written}}}"#)).map(|draft| draft.price.amount_minor)
        };
        assert_eq!(price("0.07"), Ok(7));
        assert_eq!(price("90071992547409.91"), Ok(Money::AMOUNT_MINOR_MAX), "no float holds this");
        assert_eq!(price("90071992547409.89"), Ok(Money::AMOUNT_MINOR_MAX - 2));
        assert_eq!(price("1.5e2"), Ok(15_000));
        assert_eq!(price("\"1.10\""), Ok(110));
        for wrong in ["1.005", "-1", "\"ten\"", "true", "[1]", "1e400", "90071992547409.92", "\"1,50\""] {
            assert!(price(wrong).unwrap_err().starts_with("price:"), "{wrong}");
        }
    }

    #[test]
    fn one_reading_tells_everything_that_is_wrong() {
        let reason = read(r#"{"sku":"","price":"x","stock":-1,"currency":"USD"}"#).unwrap_err();
        for column in ["sku:", "title:", "price:", "stock:"] {
            assert!(reason.contains(column), "{column} in {reason}");
        }
        assert!(read(r#"{"sku":"a","title":"a","price":1,"currency":"XXX"}"#).unwrap_err().starts_with("currency:"));
        assert!(read(r#"{"sku":"a","title":"a","price":1,"stock":1.5}"#).unwrap_err().starts_with("stock:"));
    }

    #[test]
    fn a_shop_that_moves_here_brings_its_ratings_and_sales() {
        let draft = read(
            r#"{"sku":"A","title":"A","price":1,"status":"hidden","rating":4.333,"rating_count":12,"sold":"340","weight_grams":1200}"#,
        )
        .unwrap();
        let rating = Rating { hundredths: 433, count: 12 };
        assert_eq!((draft.status, draft.rating, draft.sold), (ProductStatus::Hidden, Some(rating), 340));
        assert_eq!(draft.weight_grams, 1_200);
        let plain = read(r#"{"sku":"A","title":"A","price":1,"rating":0,"rating_count":0}"#).unwrap();
        assert_eq!((plain.status, plain.rating, plain.sold), (ProductStatus::Active, None, 0));
        for (columns, wrong) in [
            (r#""status":"gone""#, "status:"),
            (r#""rating":"good","rating_count":2"#, "rating:"),
            (r#""rating":5.01,"rating_count":2"#, "rating:"),
            (r#""rating":0.9,"rating_count":2"#, "rating:"),
            (r#""rating":1e30,"rating_count":2"#, "rating:"),
            (r#""rating":4"#, "rating_count:"),
            (r#""rating_count":4"#, "rating:"),
            (r#""rating":4,"rating_count":-1"#, "rating_count:"),
            (r#""sold":1.5"#, "sold:"),
            (r#""weight_grams":"1 kg""#, "weight_grams:"),
        ] {
            let reason = read(&format!(r#"{{"sku":"A","title":"A","price":1,{columns}}}"#)).unwrap_err();
            assert!(reason.starts_with(wrong), "{columns}: {reason}");
        }
    }

    #[test]
    fn variants_inherit_and_bring_their_pictures() {
        let draft = read(
            r#"{"sku":"T","title":"Tee","price":10,"stock":4,"images":["a.jpg"],"variants":[
                {"sku":"T-S","options":{"Size":"S"}},
                {"sku":"T-M","options":{"Size":"M"},"price":"11.00","stock":0,"image":"b.jpg"},
                {"sku":"T-L","options":{"Size":"L"},"image":"a.jpg"}]}"#
                .replace('\n', " ")
                .as_str(),
        )
        .unwrap();
        let seen: Vec<_> = draft.variants.iter().map(|v| (v.sku.as_str(), v.price_minor, v.stock, v.image)).collect();
        assert_eq!(seen, [("T-S", 1_000, 4, None), ("T-M", 1_100, 0, Some(1)), ("T-L", 1_000, 4, Some(0))]);
        assert_eq!(draft.images, ["a.jpg", "b.jpg"]);
    }

    #[test]
    fn variants_that_cannot_be_told_apart_are_refused() {
        let variants = |list: &str| read(&format!(r#"{{"sku":"T","title":"T","price":1,"variants":{list}}}"#));
        assert!(variants(r#"[{"sku":"a"},{"sku":"a","options":{"x":"1"}}]"#).unwrap_err().contains("twice"));
        assert!(variants(r#"[{"sku":"a"},{"sku":"b"}]"#).unwrap_err().contains("same options"));
        assert!(variants(r#"[{"options":{}}]"#).unwrap_err().contains("number 1: sku: required"));
    }

    #[test]
    fn limits_are_kept() {
        let long = "x".repeat(501);
        assert!(read(&format!(r#"{{"sku":"A","title":"{long}","price":1}}"#)).unwrap_err().contains("at most 500"));
        let deep = "a/b/c/d/e/f/g";
        assert!(read(&format!(r#"{{"sku":"A","title":"A","price":1,"category":"{deep}"}}"#)).is_err());
        let draft = read(r#"{"sku":"A","title":"A","price":1,"category":" Men / Tops//"}"#).unwrap();
        assert_eq!(draft.category, ["Men", "Tops"]);
    }

    #[test]
    fn a_description_keeps_its_paragraphs_and_loses_its_debris() {
        assert_eq!(paragraphs("one \r\n\r\n\r\n\r\ntwo\u{7}\rthree"), "one\n\ntwo\nthree");
    }
}
