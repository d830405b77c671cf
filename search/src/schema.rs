//! The fields of the index, in one place: what is searched, what filters and sorts, what a hit is made of.

use tantivy::TantivyDocument;
use tantivy::schema::{FAST, Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions};

use crate::analysis;
use crate::answer::Hit;
use crate::document::Document;

/// Grows whenever an artefact compiled before can no longer be read, or would be read wrongly.
pub(crate) const SCHEMA_VERSION: u32 = 3;
/// Between the names of a category path; below every printable character, so that a category and all below it are
/// neighbours in sorted order.
pub(crate) const PATH_SEPARATOR: char = '\u{1}';

pub(crate) const BRAND: &str = "brand_value";
pub(crate) const CATEGORY: &str = "category_path";
pub(crate) const CURRENCY: &str = "currency";
pub(crate) const PRICE: &str = "price_minor";
pub(crate) const AVAILABLE: &str = "available";
pub(crate) const CREATED: &str = "created_at_ms";
pub(crate) const SOLD: &str = "sold";
pub(crate) const RATING: &str = "rating_hundredths";
pub(crate) const RATINGS: &str = "rating_count";

/// Handles on the fields.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    /// Every word of the product: decides what matches.
    pub(crate) all: Field,
    /// Words of the title: lifts what matches.
    pub(crate) title: Field,
    /// Words of brand and seller: lifts.
    pub(crate) maker: Field,
    /// Words of the category path: lifts.
    pub(crate) kind: Field,
    /// Codes, whole.
    pub(crate) code: Field,
    /// Words of title, brand, seller and category as people write them: what spellings and beginnings are looked up in.
    /// Only its dictionary is read.
    pub(crate) words: Field,
    /// The first one and two letters of those: what a shopper who has typed no more is shown.
    pub(crate) beginnings: Field,
    /// A [`Hit`] as JSON.
    pub(crate) card: Field,
    brand: Field,
    category: Field,
    currency: Field,
    price: Field,
    available: Field,
    created: Field,
    sold: Field,
    rating: Field,
    ratings: Field,
}

impl Fields {
    /// The fields that hold terms.
    pub(crate) fn searched(&self) -> [Field; 7] {
        [self.all, self.title, self.maker, self.kind, self.code, self.words, self.beginnings]
    }
}

/// The schema, and handles on its fields.
pub(crate) fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let analysed = |analyser: &str, record: IndexRecordOption, norms: bool| {
        let indexing =
            TextFieldIndexing::default().set_tokenizer(analyser).set_index_option(record).set_fieldnorms(norms);
        TextOptions::default().set_indexing_options(indexing)
    };
    let words = |record: IndexRecordOption, norms: bool| analysed(analysis::ANALYSER, record, norms);
    let whole = TextOptions::default().set_fast("raw");
    let fields = Fields {
        all: builder.add_text_field("all", words(IndexRecordOption::WithFreqsAndPositions, true)),
        title: builder.add_text_field("title", words(IndexRecordOption::WithFreqsAndPositions, true)),
        maker: builder.add_text_field("maker", words(IndexRecordOption::Basic, false)),
        kind: builder.add_text_field("kind", words(IndexRecordOption::Basic, false)),
        code: builder.add_text_field("code", STRING),
        words: builder.add_text_field("words", analysed(analysis::WORDS, IndexRecordOption::Basic, false)),
        beginnings: builder
            .add_text_field("beginnings", analysed(analysis::BEGINNINGS, IndexRecordOption::Basic, false)),
        card: builder.add_bytes_field("card", STORED),
        brand: builder.add_text_field(BRAND, whole.clone()),
        category: builder.add_text_field(CATEGORY, whole.clone()),
        currency: builder.add_text_field(CURRENCY, whole),
        price: builder.add_u64_field(PRICE, FAST),
        available: builder.add_u64_field(AVAILABLE, FAST),
        created: builder.add_u64_field(CREATED, FAST),
        sold: builder.add_u64_field(SOLD, FAST),
        rating: builder.add_u64_field(RATING, FAST),
        ratings: builder.add_u64_field(RATINGS, FAST),
    };
    (builder.build(), fields)
}

/// A product as the index takes it.
///
/// # Errors
/// Only when the card cannot be written as JSON.
pub(crate) fn index_document(fields: &Fields, document: Document) -> Result<TantivyDocument, serde_json::Error> {
    let mut indexed = TantivyDocument::new();
    for text in [&document.title, &document.description] {
        indexed.add_text(fields.all, text);
    }
    indexed.add_text(fields.title, &document.title);
    let named = [&document.title].into_iter().chain(&document.brand).chain(&document.seller).chain(&document.category);
    for name in named {
        indexed.add_text(fields.words, name);
        indexed.add_text(fields.beginnings, name);
    }
    for maker in document.brand.iter().chain(&document.seller) {
        indexed.add_text(fields.all, maker);
        indexed.add_text(fields.maker, maker);
    }
    for name in &document.category {
        indexed.add_text(fields.all, name);
        indexed.add_text(fields.kind, name);
    }
    for (name, value) in &document.attributes {
        if let Some(text) = attribute_text(name, value) {
            indexed.add_text(fields.all, text);
        }
    }
    for text in document.skus.iter().chain([&document.sku]) {
        let code = analysis::code(text);
        if !code.is_empty() {
            indexed.add_text(fields.code, code);
        }
    }
    let category: Vec<String> = document.category.iter().map(|name| category_name(name)).collect();
    if !category.is_empty() {
        indexed.add_text(fields.category, category.join(&PATH_SEPARATOR.to_string()));
    }
    if let Some(brand) = &document.brand {
        indexed.add_text(fields.brand, brand);
    }
    indexed.add_text(fields.currency, &document.currency);
    let price_minor = document.price_minor.max(0);
    indexed.add_u64(fields.price, price_minor.unsigned_abs());
    indexed.add_u64(fields.available, u64::from(document.available));
    indexed.add_u64(fields.created, document.created_at_ms.max(0).unsigned_abs());
    indexed.add_u64(fields.sold, u64::from(document.sold));
    indexed.add_u64(fields.rating, u64::from(document.rating_hundredths.unwrap_or(0)));
    indexed.add_u64(fields.ratings, u64::from(document.rating_count));
    let card = Hit {
        id: document.id,
        sku: document.sku,
        slug: document.slug,
        title: document.title,
        brand: document.brand,
        category,
        price_minor,
        currency: document.currency,
        image: document.image,
        available: document.available,
        rating_hundredths: document.rating_hundredths,
        rating_count: document.rating_count,
        title_marks: Vec::new(),
        score: 0.0,
    };
    indexed.add_bytes(fields.card, &serde_json::to_vec(&card)?);
    Ok(indexed)
}

/// `A/B`, as a filter spells it, to the form in the index.
pub(crate) fn category_path(filter: &str) -> String {
    let names = filter.split('/').map(category_name).filter(|name| !name.is_empty());
    names.collect::<Vec<_>>().join(&PATH_SEPARATOR.to_string())
}

/// A category's name without what separates paths.
fn category_name(name: &str) -> String {
    let plain = name.chars().map(|c| if c == '/' || c.is_control() { ' ' } else { c });
    plain.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What of an attribute is worth finding: `Bluetooth: yes` by its name, `Bluetooth: no` not at all, others by value.
fn attribute_text<'a>(name: &'a str, value: &'a str) -> Option<&'a str> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" => Some(name),
        "false" | "no" | "n" | "n/a" | "" => None,
        _ => Some(value),
    }
}
