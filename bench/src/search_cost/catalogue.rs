//! Products for measuring: those of the drawn catalogue, each with a model number of its own and as many words as products have in
//! large shops. The same number of products is the same catalogue for ever.

use std::collections::BTreeMap;

use importer::draft::Draft;
use importer::random::Random;
use importer::{seed, source::Sourced};
use search::Document;

const SEED: u64 = 1;
/// Words from a vocabulary of its own that a description goes on with: most of them common, some of them rare, as in real text.
const WORDS_MORE: u32 = 45;
const VOCABULARY: u32 = 60_000;

/// The first `count` products.
pub(super) fn documents(count: u64) -> impl Iterator<Item = Document> {
    drafts(count).map(|(number, draft)| document(number, draft))
}

/// How many words a product's text has, on average over the first thousand.
pub(super) fn words_a_product() -> f64 {
    let count = |document: Document| {
        let attributes = document.attributes.values().map(String::as_str);
        [document.title.as_str(), &document.description]
            .into_iter()
            .chain(attributes)
            .flat_map(str::split_whitespace)
            .count()
    };
    documents(1_000).map(count).sum::<usize>() as f64 / 1_000.0
}

pub(super) fn drafts(count: u64) -> impl Iterator<Item = (u64, Draft)> {
    seed::open(SEED, count).filter_map(|Sourced { line, draft }| Some((line, draft.ok()?)))
}

/// A model number, as makers give them: `XK4-2187B`.
pub(super) fn model(number: u64) -> String {
    let mut random = Random::from_seed(number);
    let letter = |random: &mut Random| char::from(b'A' + random.below(26) as u8);
    let (first, second, last) = (letter(&mut random), letter(&mut random), letter(&mut random));
    format!("{first}{second}{}-{:04}{last}", random.below(10), number % 10_000)
}

fn document(number: u64, draft: Draft) -> Document {
    let mut random = Random::from_seed(number ^ 0x5eed);
    let mut description = draft.description;
    for _ in 0..WORDS_MORE {
        description.push(' ');
        description.push_str(&word(&mut random));
    }
    let image = serde_json::json!({
        "key": format!("{:032x}", number % 997), "width": 640, "height": 640, "widths": [320, 640], "alt": draft.title,
    });
    Document {
        // In the order in which they were added, as ids are.
        id: format!("01900000-0000-7000-8000-{number:012x}"),
        sku: draft.sku.to_string(),
        slug: format!("product-{number}"),
        title: format!("{} {}", draft.title, model(number)),
        description,
        brand: draft.brand,
        category: draft.category,
        price_minor: draft.price.amount_minor,
        currency: draft.price.currency.code().to_owned(),
        image: Some(image.to_string()),
        available: random.below(40),
        attributes: attributes(draft.attributes, &draft.variants),
        seller: Some(draft.seller),
        skus: draft.codes.into_iter().chain(draft.variants.iter().map(|variant| variant.sku.to_string())).collect(),
        created_at_ms: 1_700_000_000_000 + number as i64 * 60_000,
        sold: zipf(&mut random, 5_000),
        rating_hundredths: random.percent(70).then(|| 300 + random.below(201) as u16),
        rating_count: 1 + zipf(&mut random, 400),
    }
}

fn attributes(
    attributes: Vec<(String, String)>,
    variants: &[importer::draft::DraftVariant],
) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = attributes.into_iter().collect();
    for (name, value) in variants.iter().flat_map(|variant| &variant.options) {
        let values = all.entry(name.clone()).or_default();
        if !values.split(", ").any(|known| known == value) {
            if !values.is_empty() {
                values.push_str(", ");
            }
            values.push_str(value);
        }
    }
    all
}

/// A number below `limit`, small ones far more often.
fn zipf(random: &mut Random, limit: u32) -> u32 {
    let share = f64::from(random.below(1_000_000)) / 1_000_000.0;
    (f64::from(limit).powf(share) as u32).saturating_sub(1).min(limit - 1)
}

/// A word that could be one: syllables, the rarer the longer.
fn word(random: &mut Random) -> String {
    const ONSETS: [&str; 16] = ["b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "w", "y", "z"];
    const VOWELS: [&str; 5] = ["a", "e", "i", "o", "u"];
    let mut rank = zipf(random, VOCABULARY) + 1;
    let mut word = String::new();
    while rank > 0 {
        word.push_str(ONSETS[(rank % 16) as usize]);
        rank /= 16;
        word.push_str(VOWELS[(rank % 5) as usize]);
        rank /= 5;
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_has_as_many_words_as_those_of_large_shops() {
        assert!((70.0..110.0).contains(&words_a_product()), "{}", words_a_product());
    }

    #[test]
    fn a_smaller_catalogue_is_the_beginning_of_a_larger_one() {
        let few: Vec<Document> = documents(50).collect();
        assert_eq!(few, documents(80).take(50).collect::<Vec<_>>());
        assert_eq!(few[3].id.len(), 36);
    }
}
