//! A category's products, or a search's: the same grid, filters, order and pages.

use maud::{Markup, html};
use search::weights::ENOUGH_PRODUCTS;
use serde_json::json;

use super::card::{Card, grid};
use super::facets;
pub use super::facets::{Facets, Prices};
pub use super::filters::{Filters, Sort};
use super::layout::{Page, Site, breadcrumbs};
use super::links::{Link, counted, search};
use super::no_results;
pub use super::no_results::WaysOn;
use super::pagination;

/// Everything that a listing shows.
#[derive(Debug, Clone)]
pub struct Model<'a> {
    /// What is the same on all pages.
    pub site: &'a Site,
    /// Where we are.
    pub place: Place,
    /// What was asked.
    pub filters: Filters,
    /// Products that match, on all pages.
    pub total: u64,
    /// How many pages can be asked for.
    pub pages: u32,
    /// This page's products, in order.
    pub cards: Vec<Card>,
    /// What it can be narrowed by.
    pub facets: Facets,
    /// What is wrong with the price filter, in words for the shopper; it was not applied then.
    pub price_problem: Option<String>,
    /// Words that the catalogue does not know, each with the one that was searched instead.
    pub corrections: Vec<(String, String)>,
    /// The whole query as it was probably meant.
    pub suggestion: Option<String>,
    /// No product has all the words; these have some of them.
    pub relaxed: bool,
    /// It has words in quotes, and no product has them as they stand there.
    pub missed_phrase: bool,
    /// So many have all the words and come first; the others have some of them.
    pub with_all_words: Option<u64>,
    /// Where to go when there is nothing on this page.
    pub ways_on: WaysOn,
}

/// Which listing it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A category's page.
    Category {
        /// Its address: `/c/men/tops`.
        path: String,
        /// Its name.
        title: String,
        /// The categories above it, outermost first.
        above: Vec<Link>,
    },
    /// A search's results, or everything when nothing was typed.
    Search,
}

impl Place {
    /// Its address, without a query.
    pub fn path(&self) -> &str {
        match self {
            Self::Category { path, .. } => path,
            Self::Search => "/search",
        }
    }
}

/// Something to choose, and how many products it would leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What it is called.
    pub label: String,
    /// What is sent when it is chosen.
    pub value: String,
    /// Products.
    pub count: u64,
}

/// The page.
pub fn view(model: &Model<'_>) -> Markup {
    let title = title(model);
    let bare = model.total == 0 && model.filters.count() == 0;
    let main = html! {
        .wrap {
            @if let Place::Category { above, .. } = &model.place { (breadcrumbs(above)) }
            h1 dir="auto" { (title) }
            // What every link and form in here with `hx-get` exchanges: the results, and the inside of the form.
            .listing.bare[bare] hx-target:inherited="#results" hx-select:inherited="#results"
                hx-select-oob:inherited="#facets:outerHTML" hx-swap:inherited="outerHTML" hx-push-url:inherited="true"
                hx-sync:inherited="#filters:replace" hx-indicator:inherited="#main" {
                (facets::panel(model))
                section.results #results tabindex="-1" aria-labelledby="results-title" {
                    h2.hidden #results-title { "Products" }
                    (explanation(model))
                    @if !bare { (toolbar(model)) }
                    (facets::chosen(model))
                    @if model.cards.is_empty() { (no_results::view(model)) } @else { (grid(model.site, &model.cards, 4)) }
                    (pagination::view(&model.filters, model.place.path(), model.pages))
                }
            }
        }
    };
    match &model.place {
        Place::Search => Page { query: &model.filters.query, ..Page::private(model.site, &title) }.render(&main),
        Place::Category { path, .. } => {
            let description = format!(
                "{} in {title}. Prices and stock as they are now.",
                counted(model.total, "product", "products")
            );
            // Filtered and sorted views are the same products again: one address stands for all of them.
            let page = Filters { page: model.filters.page, ..Filters::default() };
            let data = [trail_data(model)];
            let canonical = page.href(path);
            Page { linked_data: &data, ..Page::public(model.site, &title, &description, &canonical) }.render(&main)
        }
    }
}

fn title(model: &Model<'_>) -> String {
    match &model.place {
        Place::Category { title, .. } => title.clone(),
        Place::Search if model.filters.query.is_empty() => "All products".to_owned(),
        Place::Search => match model.filters.query.trim_end().strip_suffix('*') {
            Some(beginning) => format!("Results for “{beginning}…”"),
            None => format!("Results for “{}”", model.filters.query),
        },
    }
}

/// What became of the words, where that is not obvious.
fn explanation(model: &Model<'_>) -> Markup {
    let unknown: Vec<&str> = model.corrections.iter().map(|(typed, _)| typed.as_str()).collect();
    html! {
        // The field itself may be in a panel that is closed.
        @if let Some(problem) = &model.price_problem { p.explanation.narrow-only { (problem) ". All prices are shown." } }
        @if !unknown.is_empty() && model.total > 0 {
            p.explanation {
                "Showing results for "
                strong dir="auto" { (corrected(&model.filters.query, &model.corrections)) }
                ". No product has “" span dir="auto" { (unknown.join("” or “")) } "”."
            }
        }
        @if let Some(suggestion) = &model.suggestion {
            p.explanation {
                "Did you mean " a.suggestion href=(search(suggestion)) dir="auto" { (suggestion) } "?"
            }
        }
        @if let Some(count) = model.with_all_words.filter(|count| *count < model.total) {
            p.explanation {
                @match count {
                    0 => "No product here has all of these words. These have some of them.",
                    1 => { strong { "1 product" } " has all of these words. The others have some of them." }
                    _ => {
                        strong { (counted(count, "product", "products")) }
                        " have all of these words. The others have some of them."
                    }
                }
            }
        }
        @if model.relaxed && model.total > 0 {
            p.explanation {
                @if model.missed_phrase {
                    "No product has the words in quotes just as they stand there. These have the words by themselves."
                } @else {
                    "No product has all of these words. These have some of them."
                }
            }
        }
        @if is_strict(model) {
            @let by_relevance = Filters { sort: Sort::Relevance, ..model.filters.from_the_start() };
            p.explanation {
                "These have all of the words. "
                a href=(by_relevance.href(model.place.path())) { "Sorted by relevance" }
                ", products with some of them follow."
            }
        }
    }
}

/// Whether the order is why products with only some of the words are missing: any but that by relevance would put them first.
fn is_strict(model: &Model<'_>) -> bool {
    let several = model.filters.query.split_whitespace().nth(1).is_some();
    several && model.filters.sort != Sort::Relevance && (1..ENOUGH_PRODUCTS).contains(&model.total)
}

/// The query with each unknown word replaced by the one that was searched.
fn corrected(query: &str, corrections: &[(String, String)]) -> String {
    let right = |word: &str| {
        let same = |typed: &str| typed.to_lowercase() == word.to_lowercase();
        corrections.iter().find(|(typed, _)| same(typed)).map(|(_, searched)| searched.clone())
    };
    let words = query.split_whitespace().map(|word| right(word).unwrap_or_else(|| word.to_owned()));
    words.collect::<Vec<_>>().join(" ")
}

fn toolbar(model: &Model<'_>) -> Markup {
    let filters = &model.filters;
    html! {
        .toolbar {
            p.result-count #result-count { (counted(model.total, "product", "products")) }
            a.button.quiet.open-filters href="#filters" {
                "Filters" @if filters.count() > 0 { " (" (filters.count()) ")" }
            }
            (facets::order(model))
        }
    }
}

fn trail_data(model: &Model<'_>) -> serde_json::Value {
    let Place::Category { path, title, above } = &model.place else { return serde_json::Value::Null };
    let here = Link::new(title.clone(), path.clone());
    trail(model.site, above.iter().chain([&here]))
}

/// Breadcrumbs for search engines (schema.org's `BreadcrumbList`).
pub(super) fn trail<'l>(site: &Site, links: impl Iterator<Item = &'l Link>) -> serde_json::Value {
    let items: Vec<_> = links
        .enumerate()
        .map(|(index, link)| {
            json!({"@type": "ListItem", "position": index + 1, "name": link.label, "item": site.absolute(&link.href)})
        })
        .collect();
    json!({"@context": "https://schema.org", "@type": "BreadcrumbList", "itemListElement": items})
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::card::tests::card;
    use super::super::form::tests::assert_every_control_is_labelled;
    use super::super::layout::tests::site;
    use super::*;

    /// A search for everything that found nothing.
    pub(in super::super) fn model(site: &Site) -> Model<'_> {
        Model {
            site,
            place: Place::Search,
            filters: Filters { page: 1, ..Filters::default() },
            total: 0,
            pages: 1,
            cards: Vec::new(),
            facets: Facets::default(),
            price_problem: None,
            corrections: Vec::new(),
            suggestion: None,
            relaxed: false,
            missed_phrase: false,
            with_all_words: None,
            ways_on: WaysOn::default(),
        }
    }

    fn found<'a>(site: &'a Site, query: &str) -> Model<'a> {
        let filters = Filters { query: query.into(), page: 1, ..Filters::default() };
        Model { filters, total: 1, cards: vec![card("Phone")], ..model(site) }
    }

    #[test]
    fn results_echo_the_query_as_text() {
        let site = site();
        let html = view(&found(&site, "<img src=x onerror=alert(1)>")).into_string();
        assert!(!html.contains("<img"), "{html}");
        assert!(html.contains("value=\"&lt;img src=x"), "{html}");
        assert!(html.contains("1 product<"), "{html}");
        assert_every_control_is_labelled(&html);
    }

    #[test]
    fn a_corrected_search_says_what_it_did_and_what_else_was_perhaps_meant() {
        let site = site();
        let corrections = vec![("wireles".to_owned(), "wireless".to_owned())];
        let suggestion = Some("wireless <mouse>".to_owned());
        let html = view(&Model { corrections, suggestion, ..found(&site, "Wireles mouse") }).into_string();
        assert!(html.contains("wireless mouse</strong>") && html.contains("wireles</span>”"), "{html}");
        assert!(html.contains("href=\"/search?q=wireless%20%3Cmouse%3E\""), "{html}");
    }

    #[test]
    fn every_control_of_a_narrowed_listing_belongs_to_one_form() {
        let site = site();
        let filters =
            Filters { query: "x".into(), available_only: true, sort: Sort::Rating, page: 1, ..Filters::default() };
        let html = view(&Model { filters, ..found(&site, "x") }).into_string();
        assert!(html.contains("name=\"sort\" form=\"filters\""), "{html}");
        assert!(html.contains("<option value=\"rating\" selected>Best rated"), "{html}");
        assert!(html.contains("<option value=\"\">Most relevant"), "{html}");
        assert_every_control_is_labelled(&html);
    }
}
