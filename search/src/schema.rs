//! The fields of the index, in one place: what is searched, what filters and sorts, what a hit is made of.

use tantivy::schema::{FAST, Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions};

use crate::analysis;
use crate::rare::Places;

/// Grows whenever an artefact compiled before can no longer be read, or would be read wrongly.
pub(crate) const SCHEMA_VERSION: u32 = 6;
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
pub(crate) const ATTRIBUTE: &str = "attribute_value";
/// Between an attribute's name and its value; neither holds it.
pub(crate) const NAME_END: char = '\u{1}';

/// Handles on the fields.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    /// Every word of the product: decides what matches.
    pub(crate) all: Field,
    /// Words of the title: lifts what matches.
    pub(crate) title: Field,
    /// Words of the description: lifts what matches, where the title does not say it better.
    pub(crate) text: Field,
    /// Words of brand and seller: lifts.
    pub(crate) maker: Field,
    /// Words of the category path: lifts.
    pub(crate) kind: Field,
    /// Codes, whole; of an artefact only those that several products share, see [`crate::rare`].
    pub(crate) code: Field,
    /// Words of title, brand, seller and category as people write them: what spellings and beginnings are looked up in.
    /// Only its dictionary is read.
    pub(crate) words: Field,
    /// The first one and two letters of those: what a shopper who has typed no more is shown.
    pub(crate) beginnings: Field,
    /// A [`Hit`](crate::Hit) as JSON.
    pub(crate) card: Field,
    pub(crate) brand: Field,
    pub(crate) category: Field,
    pub(crate) currency: Field,
    pub(crate) price: Field,
    pub(crate) available: Field,
    pub(crate) created: Field,
    pub(crate) sold: Field,
    pub(crate) rating: Field,
    pub(crate) ratings: Field,
    pub(crate) attribute: Field,
}

impl Fields {
    /// Which places of a product a field's terms are from, in the file of rare terms.
    pub(crate) fn places(&self, field: Field) -> Places {
        match field {
            _ if field == self.all => Places::ALL,
            _ if field == self.title => Places::TITLE,
            _ if field == self.text => Places::TEXT,
            _ if field == self.code => Places::CODE,
            _ => Places::default(),
        }
    }

    /// The fields that hold terms.
    pub(crate) fn searched(&self) -> [Field; 8] {
        [self.all, self.title, self.text, self.maker, self.kind, self.code, self.words, self.beginnings]
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
        text: builder.add_text_field("text", words(IndexRecordOption::WithFreqs, true)),
        maker: builder.add_text_field("maker", words(IndexRecordOption::Basic, false)),
        kind: builder.add_text_field("kind", words(IndexRecordOption::Basic, false)),
        code: builder.add_text_field("code", STRING),
        words: builder.add_text_field("words", analysed(analysis::WORDS, IndexRecordOption::Basic, false)),
        beginnings: builder
            .add_text_field("beginnings", analysed(analysis::BEGINNINGS, IndexRecordOption::Basic, false)),
        card: builder.add_bytes_field("card", STORED),
        brand: builder.add_text_field(BRAND, whole.clone()),
        category: builder.add_text_field(CATEGORY, whole.clone()),
        currency: builder.add_text_field(CURRENCY, whole.clone()),
        price: builder.add_u64_field(PRICE, FAST),
        available: builder.add_u64_field(AVAILABLE, FAST),
        created: builder.add_u64_field(CREATED, FAST),
        sold: builder.add_u64_field(SOLD, FAST),
        rating: builder.add_u64_field(RATING, FAST),
        ratings: builder.add_u64_field(RATINGS, FAST),
        attribute: builder.add_text_field(ATTRIBUTE, whole),
    };
    (builder.build(), fields)
}

/// `A/B`, as a filter spells it, to the form in the index.
pub(crate) fn category_path(filter: &str) -> String {
    let names = filter.split('/').map(category_name).filter(|name| !name.is_empty());
    names.collect::<Vec<_>>().join(&PATH_SEPARATOR.to_string())
}

/// A category's name without what separates paths.
pub(crate) fn category_name(name: &str) -> String {
    plain(&name.replace('/', " "))
}

/// Words with one space between them, and nothing that cannot be seen.
pub(crate) fn plain(text: &str) -> String {
    let seen: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An attribute's name and value as one term, so that all values of a name are neighbours.
pub(crate) fn attribute_term(name: &str, value: &str) -> String {
    format!("{name}{NAME_END}{value}")
}
