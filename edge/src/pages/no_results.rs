//! Nothing matches: why that may be, and every way on that is known to lead somewhere.

use maud::{Markup, html};

use super::links::{counted, grouped, search};
use super::listing::{Model, Place};

/// Ways on from a listing without products. Each was tried: none leads to another empty page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WaysOn {
    /// Each filter by its name, with the address without it and the products there.
    pub without: Vec<(String, String, u64)>,
    /// Some of the words, and the products that have them.
    pub fewer_words: Vec<(String, u64)>,
    /// What others search for.
    pub popular: Vec<String>,
}

/// What stands where products would.
pub(super) fn view(model: &Model<'_>) -> Markup {
    let Model { filters, ways_on, .. } = model;
    let base = model.place.path();
    let cleared = filters.cleared().href(base);
    html! {
        .empty {
            @if model.total > 0 {
                h2 { "There are no more products" }
                p { "All " (counted(model.total, "product", "products")) " stand on the pages before this one." }
                p { a.button href=(filters.from_the_start().href(base)) { "Go to the first page" } }
            } @else if filters.count() > 0 {
                h2 { "No product matches these filters" }
                @if ways_on.without.is_empty() {
                    p { "Take some of them off to see more." }
                } @else {
                    p { "Take one of them off to see more:" }
                    ul.ways role="list" {
                        @for (label, href, count) in &ways_on.without {
                            li {
                                a href=(href) hx-get=(href) { "Without " span dir="auto" { (label) } }
                                " " small { (counted(*count, "product", "products")) }
                            }
                        }
                    }
                }
                p { a.button href=(cleared) hx-get=(cleared) { "Clear all filters" } }
            } @else if filters.query.is_empty() {
                h2 { "Nothing here yet" }
                p { "Products appear here as soon as they are added." }
            } @else {
                h2 { "No product matches “" span dir="auto" { (filters.query) } "”" }
                p { "Check the spelling, or try a more general word. A model number or an EAN works too." }
            }
            @if !ways_on.fewer_words.is_empty() {
                h3 { "With fewer words" }
                ul.ways role="list" {
                    @for (words, count) in &ways_on.fewer_words {
                        li {
                            a href=(search(words)) dir="auto" { (words) }
                            " " small { (grouped(*count)) }
                        }
                    }
                }
            }
            @if !ways_on.popular.is_empty() {
                h3 { "What others search for" }
                ul.chips {
                    @for words in &ways_on.popular { li { a.chip href=(search(words)) dir="auto" { (words) } } }
                }
            }
            @if !model.site.categories.is_empty() && model.total == 0 {
                h3 { "Look round the market" }
                ul.chips {
                    @for category in &model.site.categories { li { a.chip href=(category.href) { (category.label) } } }
                    @if model.place != Place::Search || !filters.query.is_empty() {
                        li { a.chip href="/search" { "All products" } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::filters::Filters;
    use super::super::layout::tests::site;
    use super::super::listing::tests::model;
    use super::*;

    #[test]
    fn a_search_without_results_leads_somewhere() {
        let site = site();
        let ways_on =
            WaysOn { without: vec![], fewer_words: vec![("brass <kettle>".into(), 2)], popular: vec!["lamp".into()] };
        let filters = Filters { query: "zorblax".into(), page: 1, ..Filters::default() };
        let html = view(&Model { filters, ways_on, ..model(&site) }).into_string();
        assert!(html.contains("zorblax") && html.contains("href=\"/c/phones\""), "{html}");
        assert!(html.contains("href=\"/search?q=brass%20%3Ckettle%3E\""), "{html}");
        assert!(html.contains("href=\"/search?q=lamp\""), "{html}");
    }

    #[test]
    fn filters_that_leave_nothing_can_be_taken_off_one_by_one() {
        let site = site();
        let without = vec![("HP".to_owned(), "/search?q=x&stars=4".to_owned(), 7)];
        let filters =
            Filters { query: "x".into(), brands: vec!["HP".into()], min_stars: Some(4), page: 1, ..Filters::default() };
        let html =
            view(&Model { filters, ways_on: WaysOn { without, ..WaysOn::default() }, ..model(&site) }).into_string();
        assert!(html.contains("Without <span dir=\"auto\">HP</span>") && html.contains("7 products"), "{html}");
        assert!(html.contains("href=\"/search?q=x\""), "{html}");
    }

    #[test]
    fn a_page_beyond_the_last_says_so() {
        let site = site();
        let filters = Filters { query: "x".into(), page: 9, ..Filters::default() };
        let html = view(&Model { filters, total: 30, ..model(&site) }).into_string();
        assert!(html.contains("There are no more products") && html.contains("href=\"/search?q=x\""), "{html}");
    }
}
