//! What is asked: questions that the made catalogue's shoppers would ask, of the kinds that cost different things.

use std::collections::BTreeSet;

use importer::random::Random;
use search::{Request, Sort};
use serde::Serialize;

use super::catalogue;

/// What a question is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// One word of a title.
    OneWord,
    /// Maker, word and noun.
    ThreeWords,
    /// Two words, the second one being typed.
    Prefix,
    /// A word with a slip.
    Fuzzy,
    /// A word, narrowed by a brand, a price and stars, with all counts, sorted by price.
    Facets,
    /// A model number.
    Model,
}

impl Kind {
    pub(super) const ALL: [Self; 6] =
        [Self::OneWord, Self::ThreeWords, Self::Prefix, Self::Fuzzy, Self::Facets, Self::Model];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::OneWord => "single words",
            Self::ThreeWords => "three words",
            Self::Prefix => "unfinished words",
            Self::Fuzzy => "misspelt words",
            Self::Facets => "words with filters",
            Self::Model => "model numbers",
        }
    }
}

/// A product as questions are made from it.
struct Asked {
    number: u64,
    brand: String,
    words: Vec<String>,
    price_minor: i64,
}

/// `count` products spread over the catalogue.
fn asked(products: u64, count: usize) -> Vec<Asked> {
    let step = (products / count as u64).max(1);
    catalogue::drafts(products)
        .filter(|(number, _)| number % step == 0)
        .map(|(number, draft)| {
            let title = draft.title.to_lowercase();
            let brand = draft.brand.unwrap_or_default();
            let rest = title.strip_prefix(&brand.to_lowercase()).unwrap_or(&title);
            let words = rest.split_whitespace().filter(|word| word.chars().all(char::is_alphabetic) && word.len() > 3);
            Asked { number, words: words.map(str::to_owned).collect(), brand, price_minor: draft.price.amount_minor }
        })
        .filter(|asked| asked.words.len() > 1)
        .collect()
}

fn request(kind: Kind, asked: &Asked, random: &mut Random) -> Request {
    let (last, first) =
        (asked.words.last().cloned().unwrap_or_default(), asked.words.first().cloned().unwrap_or_default());
    let words = |query: String| Request { query, ..Request::default() };
    match kind {
        Kind::OneWord => words(random.pick(&asked.words).cloned().unwrap_or(last)),
        Kind::ThreeWords => words(format!("{} {first} {last}", asked.brand.to_lowercase())),
        Kind::Prefix => {
            let typed: String = last.chars().take(1 + random.below(4) as usize).collect();
            Request { prefix_last_word: true, with_facets: false, per_page: 6, ..words(format!("{first} {typed}")) }
        }
        Kind::Fuzzy => words(misspelt(&last, random)),
        Kind::Facets => Request {
            brands: vec![asked.brand.clone()],
            max_price_minor: Some(asked.price_minor * 2),
            min_stars: Some(3),
            available_only: true,
            sort: Sort::PriceAsc,
            ..words(last)
        },
        Kind::Model => words(catalogue::model(asked.number).to_lowercase()),
    }
}

/// Two neighbouring letters, not the first, in the wrong order.
fn misspelt(word: &str, random: &mut Random) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let at = 1 + random.below(letters.len().saturating_sub(2).max(1) as u32) as usize;
    if at + 1 < letters.len() {
        letters.swap(at, at + 1);
    }
    letters.into_iter().collect()
}

/// Up to `count` different questions of every kind.
pub(super) fn questions(products: u64, count: usize) -> Vec<(Kind, Vec<Request>)> {
    let asked = asked(products, (count * 12).min(products as usize));
    let of_kind = |kind: Kind| {
        let mut random = Random::from_seed(kind as u64 + 1);
        let mut seen = BTreeSet::new();
        let requests = asked.iter().map(|asked| request(kind, asked, &mut random));
        let different = requests.filter(|request| seen.insert((request.query.clone(), request.brands.clone())));
        (kind, different.take(count).collect())
    };
    Kind::ALL.map(of_kind).into()
}

/// Up to `count` different addresses of the API, of all kinds of questions in turn.
pub(super) fn addresses(products: u64, count: usize) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut random = Random::from_seed(7);
    let asked = asked(products, (count * 2).min(products as usize));
    let kinds = Kind::ALL.into_iter().cycle();
    let all = asked.iter().zip(kinds).map(|(asked, kind)| {
        let request = request(kind, asked, &mut random);
        let mut address = format!("/api/v1/search?q={}", request.query.replace(' ', "+"));
        for brand in &request.brands {
            address.push_str(&format!("&brand={}", brand.replace(' ', "+").replace('&', "%26")));
        }
        if let Some(price) = request.max_price_minor {
            address.push_str(&format!("&max_price={}", price / 100));
        }
        if request.sort == Sort::PriceAsc {
            address.push_str("&sort=price_asc");
        }
        address
    });
    all.filter(|address| seen.insert(address.clone())).take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_different_questions() {
        for (kind, requests) in questions(2_000, 20) {
            assert!(requests.len() >= 10, "{kind:?}: {}", requests.len());
            assert!(requests.iter().all(|request| !request.query.trim().is_empty()));
        }
        assert_eq!(addresses(2_000, 100).len(), 100);
    }
}
