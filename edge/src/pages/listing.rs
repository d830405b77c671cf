//! A category's products, or a search's: the same grid, filters, order and pages.

use domain::money::Money;
use maud::{Markup, html};
use serde_json::json;

use super::card::{Card, grid};
use super::facets;
pub use super::facets::Filters;
use super::layout::{Page, Site, breadcrumbs};
use super::links::{Link, counted, search};

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
    /// Narrower categories with their counts. On a category page `value` is the address, in a search the path
    /// `Men/Tops`.
    pub categories: Vec<Choice>,
    /// Brands with their counts, most products first.
    pub brands: Vec<Choice>,
    /// The cheapest and the dearest of what matches.
    pub price_range: Option<(Money, Money)>,
    /// What is wrong with the price filter, in words for the shopper; it was not applied then.
    pub price_problem: Option<String>,
    /// Words that the catalogue does not know, each with the one that was searched instead.
    pub corrections: Vec<(String, String)>,
    /// No product has all the words; these have some of them.
    pub relaxed: bool,
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

/// The order of products.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// Best match, or most wanted.
    #[default]
    Relevance,
    /// Cheapest first.
    PriceAsc,
    /// Dearest first.
    PriceDesc,
    /// Newest first.
    Newest,
}

impl Sort {
    /// Every order, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::Relevance, Self::Newest, Self::PriceAsc, Self::PriceDesc];

    /// Its name in addresses; the JSON API has the same.
    pub const fn value(self) -> &'static str {
        match self {
            Self::Relevance => "relevance",
            Self::PriceAsc => "price_asc",
            Self::PriceDesc => "price_desc",
            Self::Newest => "newest",
        }
    }

    /// The order of that name; the usual one when there is none.
    pub fn from_value(value: &str) -> Self {
        Self::ALL.into_iter().find(|sort| sort.value() == value).unwrap_or_default()
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Relevance => "Most relevant",
            Self::PriceAsc => "Price, low to high",
            Self::PriceDesc => "Price, high to low",
            Self::Newest => "Newest",
        }
    }
}

/// The page.
pub fn view(model: &Model<'_>) -> Markup {
    let title = title(model);
    let main = html! {
        .wrap {
            @if let Place::Category { above, .. } = &model.place { (breadcrumbs(above)) }
            h1 { (title) }
            (explanation(model))
            @if model.total == 0 && model.filters.count() == 0 {
                (nothing(model))
            } @else {
                .listing {
                    (facets::panel(model))
                    section.results #results tabindex="-1" aria-labelledby="results-title" {
                        h2.hidden #results-title { "Products" }
                        (toolbar(model))
                        (facets::chosen(model))
                        @if model.cards.is_empty() { (nothing(model)) } @else { (grid(model.site, &model.cards, 4)) }
                        (pages(model))
                    }
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
        Place::Search => format!("Results for “{}”", model.filters.query),
    }
}

/// What became of the words, where that is not obvious.
fn explanation(model: &Model<'_>) -> Markup {
    html! {
        @if !model.corrections.is_empty() {
            p.explanation {
                "Searched for "
                @for (index, (typed, searched)) in model.corrections.iter().enumerate() {
                    @if index > 0 { ", " }
                    strong { (searched) } " instead of " (typed)
                }
                "."
            }
        }
        @if model.relaxed && model.total > 0 {
            p.explanation { "No product has all of these words. These have some of them." }
        }
    }
}

fn toolbar(model: &Model<'_>) -> Markup {
    let filters = &model.filters;
    html! {
        .toolbar {
            p.result-count role="status" { (counted(model.total, "product", "products")) }
            a.button.quiet.open-filters href="#filters" {
                "Filters" @if filters.count() > 0 { " (" (filters.count()) ")" }
            }
            form.sort action=(model.place.path()) {
                @if !filters.query.is_empty() { input type="hidden" name="q" value=(filters.query); }
                @if let Some(category) = &filters.category { input type="hidden" name="category" value=(category); }
                @for brand in &filters.brands { input type="hidden" name="brand" value=(brand); }
                @if !filters.min_price.is_empty() { input type="hidden" name="min_price" value=(filters.min_price); }
                @if !filters.max_price.is_empty() { input type="hidden" name="max_price" value=(filters.max_price); }
                @if filters.available_only { input type="hidden" name="available" value="1"; }
                label.wide-only for="sort" { "Sort by" }
                select #sort name="sort" data-submit {
                    @for sort in Sort::ALL {
                        option value=(sort.value()) selected[sort == filters.sort] { (sort.label()) }
                    }
                }
                button.button.quiet.no-js { "Sort" }
            }
        }
    }
}

/// Nothing matches: what can be done about it.
fn nothing(model: &Model<'_>) -> Markup {
    let filters = &model.filters;
    let base = model.place.path();
    html! {
        .empty {
            @if filters.count() > 0 {
                h2 { "No product matches these filters" }
                p { "Take some of them off to see more." }
                p { a.button href=(filters.cleared().href(base)) { "Clear all filters" } }
            } @else if filters.query.is_empty() {
                h2 { "Nothing here yet" }
                p { "Products appear here as soon as they are added." }
            } @else {
                h2 { "No product matches “" (filters.query) "”" }
                ul {
                    li { "Check the spelling, or try fewer words." }
                    li { "Try a more general word: " em { "cable" } " rather than " em { "1.2 m power cord" } "." }
                    li { "A model number or an EAN works too." }
                }
            }
            @if !model.site.categories.is_empty() {
                h3 { "Look round the market" }
                ul.chips {
                    @for category in &model.site.categories { li { a.chip href=(category.href) { (category.label) } } }
                    li { a.chip href=(search("")) { "All products" } }
                }
            }
        }
    }
}

fn pages(model: &Model<'_>) -> Markup {
    let current = model.filters.page.max(1);
    let base = model.place.path();
    let href = |page: u32| Filters { page, ..model.filters.clone() }.href(base);
    html! {
        @if model.pages > 1 {
            nav.pages aria-label="Pages" {
                @if current > 1 { a.button.quiet rel="prev" href=(href(current - 1)) { "Previous" } }
                ol {
                    @for step in page_steps(current, model.pages) {
                        @match step {
                            Step::Gap => li.gap aria-hidden="true" { "…" },
                            Step::Page(page) => li {
                                a aria-current=[(page == current).then_some("page")] href=(href(page)) {
                                    span.hidden { "Page " } (page)
                                }
                            },
                        }
                    }
                }
                @if current < model.pages { a.button.quiet rel="next" href=(href(current + 1)) { "Next" } }
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Page(u32),
    Gap,
}

/// First, last, and the neighbours of where we are.
fn page_steps(current: u32, last: u32) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut previous = 0;
    let near = current.saturating_sub(1).max(1)..=current.saturating_add(1).min(last);
    let wanted: std::collections::BTreeSet<u32> = near.chain([1, last]).collect();
    for page in wanted {
        if page - previous == 2 {
            steps.push(Step::Page(page - 1));
        } else if page - previous > 2 {
            steps.push(Step::Gap);
        }
        steps.push(Step::Page(page));
        previous = page;
    }
    steps
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
mod tests {
    use super::super::card::tests::card;
    use super::super::form::tests::assert_every_control_is_labelled;
    use super::super::layout::tests::site;
    use super::*;

    fn results(site: &Site, query: &str, cards: Vec<Card>) -> String {
        let model = Model {
            site,
            place: Place::Search,
            filters: Filters { query: query.into(), page: 1, ..Filters::default() },
            total: cards.len() as u64,
            pages: 1,
            cards,
            categories: vec![Choice { label: "Phones".into(), value: "Phones".into(), count: 1 }],
            brands: vec![Choice { label: "Acme".into(), value: "Acme".into(), count: 1 }],
            price_range: None,
            price_problem: None,
            corrections: Vec::new(),
            relaxed: false,
        };
        view(&model).into_string()
    }

    #[test]
    fn results_echo_the_query_as_text() {
        let html = results(&site(), "<img src=x onerror=alert(1)>", vec![card("Phone")]);
        assert!(!html.contains("<img"), "{html}");
        assert!(html.contains("value=\"&lt;img src=x"), "{html}");
        assert!(html.contains("1 product<"), "{html}");
        assert_every_control_is_labelled(&html);
    }

    #[test]
    fn a_search_without_results_leads_somewhere() {
        let html = results(&site(), "zorblax", Vec::new());
        assert!(html.contains("No product matches “zorblax”") && html.contains("href=\"/c/phones\""), "{html}");
    }

    #[test]
    fn pages_are_shown_around_the_current_one() {
        use Step::{Gap, Page};
        assert_eq!(page_steps(1, 3), [Page(1), Page(2), Page(3)]);
        assert_eq!(page_steps(5, 9), [Page(1), Gap, Page(4), Page(5), Page(6), Gap, Page(9)]);
        assert_eq!(page_steps(3, 5), [Page(1), Page(2), Page(3), Page(4), Page(5)]);
        assert_eq!(page_steps(1, 400), [Page(1), Page(2), Gap, Page(400)]);
    }
}
