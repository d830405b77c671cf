//! Which attributes of which category are worth a facet: chosen from all products when a catalogue is compiled, and kept
//! with the artefact, so that products added later are indexed alike. It never looks at an index.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash as _, Hasher as _};

use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::schema;

/// Most attributes that become facets, a category.
pub const CHOSEN_MAX: usize = 12;
/// Longest value that can be filtered by, in characters.
pub const VALUE_CHARS_MAX: usize = 40;
/// Longest attribute name that can be filtered by, in characters.
const NAME_CHARS_MAX: usize = 80;
/// Most values of one product's attribute that are counted.
const VALUES_OF_ONE_MAX: usize = 16;
/// Most different values; what has more is a measure or a code, not a choice.
const DISTINCT_MAX: usize = 40;
/// Of a category's products, at least this share has the attribute.
const COVERAGE_MIN: f64 = 0.3;
/// Of those that have it, at most this share agrees.
const AGREEING_MAX: f64 = 0.95;
/// Of eight equal values. Beyond that, more values are not more telling, only longer to read.
const ENTROPY_MAX: f64 = 2.079;
/// Most attribute names looked at, a category.
const NAMES_SEEN_MAX: usize = 1_000;

/// Attributes that are facets, by category.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FacetChoice {
    /// Names of attributes by the whole path of a category, its names joined by `/`.
    categories: BTreeMap<String, BTreeSet<String>>,
}

impl FacetChoice {
    /// Chooses for these products.
    pub fn of<'a>(documents: impl IntoIterator<Item = &'a Document>) -> Self {
        let mut census = FacetCensus::default();
        documents.into_iter().for_each(|document| census.count(document));
        census.choice()
    }

    /// A product's attributes that can be filtered by, as name and value, each once. A product of a category that had
    /// none when the choice was made is taken by what was chosen for others.
    pub(crate) fn pairs(&self, document: &Document) -> BTreeSet<(String, String)> {
        let chosen = self.categories.get(&path_of(document));
        let is_chosen = |name: &String| match chosen {
            Some(names) => names.contains(name),
            None => self.categories.values().any(|names| names.contains(name)),
        };
        let attributes = document.attributes.iter().map(|(name, value)| (schema::plain(name), value));
        let attributes = attributes.filter(|(name, _)| is_chosen(name)).take(CHOSEN_MAX);
        attributes
            .flat_map(|(name, value)| {
                values(value).unwrap_or_default().into_iter().map(move |value| (name.clone(), value))
            })
            .collect()
    }
}

fn path_of(document: &Document) -> String {
    let names = document.category.iter().map(|name| schema::category_name(name)).filter(|name| !name.is_empty());
    names.collect::<Vec<_>>().join("/")
}

/// The values that an attribute's text holds: several are joined by `, `. `None` when they are no values to choose from.
fn values(text: &str) -> Option<Vec<String>> {
    let parts: Vec<String> = text.split(", ").map(schema::plain).filter(|part| !part.is_empty()).collect();
    let are_short = parts.iter().all(|part| part.chars().count() <= VALUE_CHARS_MAX);
    (are_short && !parts.is_empty() && parts.len() <= VALUES_OF_ONE_MAX).then_some(parts)
}

/// Counts products one by one, where there are too many to have all at once.
#[derive(Debug, Default)]
pub struct FacetCensus {
    categories: HashMap<String, Category>,
}

#[derive(Debug, Default)]
struct Category {
    products: u64,
    attributes: HashMap<String, Attribute>,
}

#[derive(Debug, Default)]
struct Attribute {
    products: u64,
    /// Products by the hash of a value; `None` once there are too many values, or one that is none.
    values: Option<HashMap<u64, u64>>,
}

impl FacetCensus {
    /// Takes one product into account.
    pub fn count(&mut self, document: &Document) {
        let category = self.categories.entry(path_of(document)).or_default();
        category.products += 1;
        for (name, text) in &document.attributes {
            let name = schema::plain(name);
            let is_new = !category.attributes.contains_key(&name);
            let is_odd = name.is_empty() || name.chars().count() > NAME_CHARS_MAX;
            if is_odd || text.trim().is_empty() || is_new && category.attributes.len() >= NAMES_SEEN_MAX {
                continue;
            }
            let known = Attribute { products: 0, values: Some(HashMap::new()) };
            let attribute = category.attributes.entry(name).or_insert(known);
            attribute.products += 1;
            attribute.values = attribute.values.take().and_then(|mut counts| {
                for value in values(text)? {
                    let mut hash = DefaultHasher::new();
                    value.hash(&mut hash);
                    *counts.entry(hash.finish()).or_default() += 1;
                }
                (counts.len() <= DISTINCT_MAX).then_some(counts)
            });
        }
    }

    /// The attributes worth a facet, for every category that was counted.
    pub fn choice(&self) -> FacetChoice {
        let categories = self.categories.iter().map(|(path, category)| {
            let worths = category.attributes.iter();
            let worths = worths.filter_map(|(name, attribute)| Some((attribute.worth(category.products)?, name)));
            let mut worths: Vec<(f64, &String)> = worths.collect();
            worths.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
            let names = worths.into_iter().take(CHOSEN_MAX).map(|(_, name)| name.clone());
            (path.clone(), names.collect())
        });
        FacetChoice { categories: categories.collect() }
    }
}

impl Attribute {
    /// How much an attribute tells a category's products apart; `None` when it is no choice to offer.
    fn worth(&self, products: u64) -> Option<f64> {
        let values = self.values.as_ref()?;
        let coverage = self.products as f64 / products as f64;
        let most = values.values().max().copied().unwrap_or(0);
        // Where nearly every product has a value of its own, the values are names.
        let are_names = values.len() as u64 * 2 > self.products + 4;
        let agree = most as f64 > self.products as f64 * AGREEING_MAX;
        if values.len() < 2 || coverage < COVERAGE_MIN || agree || are_names {
            return None;
        }
        Some(coverage * entropy(values.values().copied()))
    }
}

/// How much knowing the value tells, in nats: 0.7 for a yes or no that parts products in halves, 2.1 for eight values that are
/// equally common, no more for more, near 0 when one value is nearly everything.
pub(crate) fn entropy(counts: impl Iterator<Item = u64>) -> f64 {
    let mut counts: Vec<u64> = counts.filter(|count| *count > 0).collect();
    if counts.len() < 2 {
        return 0.0;
    }
    // The order of a sum changes its last digits, and with them an order that has to be the same every time.
    counts.sort_unstable();
    let total = counts.iter().sum::<u64>() as f64;
    let shares = counts.iter().map(|count| *count as f64 / total);
    shares.map(|share| -share * share.ln()).sum::<f64>().min(ENTROPY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lamp(n: usize, attributes: &[(&str, String)]) -> Document {
        Document {
            id: n.to_string(),
            category: vec!["Home".to_owned(), "Lamps".to_owned()],
            attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
            ..Document::default()
        }
    }

    #[test]
    fn what_tells_products_apart_becomes_a_facet_and_what_names_them_does_not() {
        let lamps: Vec<Document> = (0..200)
            .map(|n| {
                let mut lamp = lamp(
                    n,
                    &[
                        ("Colour", ["red", "blue", "green"][n % 3].to_owned()),
                        ("Sizes", ["S, M", "M, L", "L"][n % 3].to_owned()),
                        ("Part number", format!("p{n}")),
                        ("Weight", format!("{}", n % 90)),
                        ("Made of", "metal".to_owned()),
                        ("Dimmable", if n == 0 { "yes" } else { "no" }.to_owned()),
                        ("Story", format!("{} {}", n % 2, "once upon a time ".repeat(9))),
                    ],
                );
                if n.is_multiple_of(10) {
                    lamp.attributes.insert("Rare".to_owned(), (n % 4).to_string());
                }
                lamp
            })
            .collect();
        let choice = FacetChoice::of(&lamps);
        assert_eq!(serde_json::to_string(&choice).unwrap(), r#"{"Home/Lamps":["Colour","Sizes"]}"#);
        let pairs: Vec<_> = choice.pairs(&lamps[0]).into_iter().collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(pairs, [pair("Colour", "red"), pair("Sizes", "M"), pair("Sizes", "S")]);
        let elsewhere = Document { category: vec!["New".to_owned()], ..lamps[1].clone() };
        assert_eq!(choice.pairs(&elsewhere).len(), 3);
    }

    #[test]
    fn a_hundred_attributes_a_product_become_a_few_facets() {
        let names: Vec<String> = (0..150).map(|n| format!("attribute {n}")).collect();
        let lamps: Vec<Document> = (0..500)
            .map(|n| {
                let value = |at: usize| (n / (at + 1) % (at % 50 + 1)).to_string();
                lamp(n, &names.iter().enumerate().map(|(at, name)| (name.as_str(), value(at))).collect::<Vec<_>>())
            })
            .collect();
        let choice = FacetChoice::of(&lamps);
        assert_eq!(choice.categories["Home/Lamps"].len(), CHOSEN_MAX);
        assert!(lamps.iter().all(|lamp| choice.pairs(lamp).len() <= CHOSEN_MAX));
    }
}
