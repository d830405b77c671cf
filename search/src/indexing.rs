//! Turns products into what the index takes. Knows which text goes into which field; writes nothing.

use tantivy::schema::Field;
use tantivy::tokenizer::{PreTokenizedString, TextAnalyzer, Token};
use tantivy::{DocId, TantivyDocument};

use crate::analysis;
use crate::answer::Hit;
use crate::document::Document;
use crate::facet_choice::FacetChoice;
use crate::rare::{Census, Places, RareSet, RareWriter, has_digit};
use crate::schema::{Fields, PATH_SEPARATOR, attribute_term, category_name};

/// Which terms, words and codes of a catalogue are rare. By default none is.
#[derive(Debug, Default)]
pub(crate) struct Rareness {
    terms: RareSet,
    /// Words of names, as people write them.
    words: RareSet,
    codes: RareSet,
}

impl Rareness {
    /// Counts what `documents` have.
    pub(crate) fn of(documents: &[Document]) -> Self {
        let (mut terms, mut words, mut codes) = (Census::default(), Census::default(), Census::default());
        let (mut analyser, mut words_analyser) = (analysis::analyser(), analysis::words());
        for (document, number) in documents.iter().zip(0..) {
            for (_, text) in texts(document).filter(|(_, text)| has_digit(text)) {
                each_token(&mut analyser, text, |token| terms.see(&token.text, number));
            }
            for name in names(document).filter(|name| has_digit(name)) {
                each_token(&mut words_analyser, name, |token| words.see(&token.text, number));
            }
            codes_of(document).for_each(|code| codes.see(&code, number));
        }
        Self { terms: terms.finish(), words: words.finish(), codes: codes.finish() }
    }
}

/// What a text is to its product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Title,
    Description,
    /// Brand or seller.
    Maker,
    Category,
    Attribute,
}

/// All that is searched for words.
fn texts(document: &Document) -> impl Iterator<Item = (Kind, &str)> {
    let makers = document.brand.iter().chain(&document.seller).map(|maker| (Kind::Maker, maker.as_str()));
    let category = document.category.iter().map(|name| (Kind::Category, name.as_str()));
    let attributes = document.attributes.iter().filter_map(|(name, value)| attribute_text(name, value));
    [(Kind::Title, document.title.as_str()), (Kind::Description, document.description.as_str())]
        .into_iter()
        .chain(makers)
        .chain(category)
        .chain(attributes.map(|text| (Kind::Attribute, text)))
}

/// Title, brand, seller and category.
fn names(document: &Document) -> impl Iterator<Item = &str> {
    let named = [&document.title].into_iter().chain(&document.brand).chain(&document.seller).chain(&document.category);
    named.map(String::as_str)
}

fn codes_of(document: &Document) -> impl Iterator<Item = String> {
    let codes = document.skus.iter().chain([&document.sku]).map(|text| analysis::code(text));
    codes.filter(|code| !code.is_empty())
}

fn each_token(analyser: &mut TextAnalyzer, text: &str, mut see: impl FnMut(&Token)) {
    let mut stream = analyser.token_stream(text);
    while stream.advance() {
        see(stream.token());
    }
}

/// Takes one product after the other.
pub(crate) struct Indexing<'a> {
    fields: &'a Fields,
    facets: &'a FacetChoice,
    rareness: &'a Rareness,
    analyser: TextAnalyzer,
    words: TextAnalyzer,
    next: DocId,
    pub(crate) rare: RareWriter,
}

impl<'a> Indexing<'a> {
    /// `facets` says which attributes can be filtered by; what `rareness` calls rare goes to [`Indexing::rare`].
    pub(crate) fn new(fields: &'a Fields, facets: &'a FacetChoice, rareness: &'a Rareness) -> Self {
        let (analyser, words) = (analysis::analyser(), analysis::words());
        Self { fields, facets, rareness, analyser, words, next: 0, rare: RareWriter::default() }
    }

    /// The next product.
    ///
    /// # Errors
    /// Only when the card cannot be written as JSON.
    pub(crate) fn document(&mut self, document: Document) -> Result<TantivyDocument, serde_json::Error> {
        let fields = self.fields;
        let mut indexed = TantivyDocument::new();
        for (kind, text) in texts(&document) {
            let (field, places) = match kind {
                Kind::Title => (Some(fields.title), Places::ALL | Places::TITLE),
                Kind::Description => (Some(fields.text), Places::ALL | Places::TEXT),
                Kind::Maker => (Some(fields.maker), Places::ALL),
                Kind::Category => (Some(fields.kind), Places::ALL),
                Kind::Attribute => (None, Places::ALL),
            };
            let common = self.without_rare_terms(text, places);
            for field in [Some(fields.all), field].into_iter().flatten() {
                add(&mut indexed, field, text, common.clone());
            }
        }
        for name in names(&document) {
            let common = self.without_rare_words(name);
            add(&mut indexed, fields.words, name, common);
            indexed.add_text(fields.beginnings, name);
        }
        for code in codes_of(&document) {
            if self.rareness.codes.has(&code) {
                self.rare.add(code, self.next, Places::CODE);
            } else {
                indexed.add_text(fields.code, code);
            }
        }
        self.add_rows(&mut indexed, &document);
        indexed.add_bytes(fields.card, &serde_json::to_vec(&card(document))?);
        self.next += 1;
        Ok(indexed)
    }

    /// The tokens of a text without the rare ones; `None` when none is.
    fn without_rare_terms(&mut self, text: &str, places: Places) -> Option<Vec<Token>> {
        let mut tokens = Vec::new();
        let mut is_whole = true;
        if has_digit(text) {
            each_token(&mut self.analyser, text, |token| {
                if self.rareness.terms.has(&token.text) {
                    self.rare.add(token.text.clone(), self.next, places);
                    is_whole = false;
                } else {
                    tokens.push(token.clone());
                }
            });
        }
        (!is_whole).then_some(tokens)
    }

    fn without_rare_words(&mut self, name: &str) -> Option<Vec<Token>> {
        let mut tokens = Vec::new();
        let mut is_whole = true;
        if has_digit(name) {
            each_token(&mut self.words, name, |token| match self.rareness.words.has(&token.text) {
                true => is_whole = false,
                false => tokens.push(token.clone()),
            });
        }
        (!is_whole).then_some(tokens)
    }

    fn add_rows(&self, indexed: &mut TantivyDocument, document: &Document) {
        let fields = self.fields;
        let category = category(document);
        if !category.is_empty() {
            indexed.add_text(fields.category, category.join(&PATH_SEPARATOR.to_string()));
        }
        if let Some(brand) = &document.brand {
            indexed.add_text(fields.brand, brand);
        }
        indexed.add_text(fields.currency, &document.currency);
        indexed.add_u64(fields.price, price_minor(document).unsigned_abs());
        indexed.add_u64(fields.available, u64::from(document.available));
        indexed.add_u64(fields.created, document.created_at_ms.max(0).unsigned_abs());
        indexed.add_u64(fields.sold, u64::from(document.sold));
        indexed.add_u64(fields.rating, u64::from(document.rating_hundredths.unwrap_or(0)));
        indexed.add_u64(fields.ratings, u64::from(document.rating_count));
        for (name, value) in self.facets.pairs(document) {
            indexed.add_text(fields.attribute, attribute_term(&name, &value));
        }
    }
}

/// Adds a text, or of it only `tokens`.
fn add(indexed: &mut TantivyDocument, field: Field, text: &str, tokens: Option<Vec<Token>>) {
    match tokens {
        Some(tokens) => indexed.add_pre_tokenized_text(field, PreTokenizedString { text: String::new(), tokens }),
        None => indexed.add_text(field, text),
    }
}

/// What a hit shows.
fn card(document: Document) -> Hit {
    Hit {
        category: category(&document),
        price_minor: price_minor(&document),
        id: document.id,
        sku: document.sku,
        slug: document.slug,
        title: document.title,
        brand: document.brand,
        currency: document.currency,
        image: document.image,
        available: document.available,
        rating_hundredths: document.rating_hundredths,
        rating_count: document.rating_count,
        title_marks: Vec::new(),
        score: 0.0,
    }
}

fn category(document: &Document) -> Vec<String> {
    document.category.iter().map(|name| category_name(name)).collect()
}

fn price_minor(document: &Document) -> i64 {
    document.price_minor.max(0)
}

/// What of an attribute is worth finding: `Bluetooth: yes` by its name, `Bluetooth: no` not at all, others by value.
fn attribute_text<'a>(name: &'a str, value: &'a str) -> Option<&'a str> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" => Some(name),
        "false" | "no" | "n" | "n/a" | "" => None,
        _ => Some(value),
    }
}
