//! What drops down while somebody types into the search field. A fragment, not a page.
//!
//! `combobox.js` makes a combobox of field and list; the links work with a pointer and without any of it. Searches of one's
//! own stand in no fragment: the browser alone keeps them.

use maud::{Markup, html};

use super::card::Card;
use super::layout::Site;
use super::links::{grouped, product, search};
use super::listing::Choice;
use super::marked::marked;
use super::picture::{Fetch, THUMB_SIZES};

/// What the list shows.
#[derive(Debug, Clone)]
pub struct Model<'a> {
    /// What is the same on all pages.
    pub site: &'a Site,
    /// Words, as typed so far.
    pub query: &'a str,
    /// What others search for that begins like this.
    pub popular: &'a [String],
    /// Categories with matching products; `value` is the address of the results there.
    pub categories: &'a [Choice],
    /// The best few products; six look good.
    pub cards: &'a [Card],
    /// Products that match altogether.
    pub total: u64,
    /// The whole query as it was probably meant.
    pub suggestion: Option<&'a str>,
}

/// The fragment; nothing at all when there is nothing to offer. `data-count` says how many products match.
pub fn view(model: &Model<'_>) -> Markup {
    let Model { site, query, popular, categories, cards, total, suggestion } = *model;
    let typed = !query.trim().is_empty();
    let anything = !popular.is_empty() || !cards.is_empty() || suggestion.is_some();
    html! {
        @if typed && cards.is_empty() {
            p.live-empty { "No product matches “" span dir="auto" { (query) } "” so far." }
        }
        @if anything {
            div #live-list role="listbox" aria-label="Suggestions" data-count=[typed.then_some(total)] {
                @if let Some(suggestion) = suggestion {
                    (group("did-you-mean", "Did you mean", &html! { (words("meant-0", suggestion)) }))
                }
                @if !popular.is_empty() {
                    (group("popular", "Popular searches", &html! {
                        @for (index, text) in popular.iter().enumerate() { (words(&format!("popular-{index}"), text)) }
                    }))
                }
                @if !categories.is_empty() {
                    (group("categories", "Categories", &html! {
                        @for (index, category) in categories.iter().enumerate() {
                            a.live-words id={ "live-category-" (index) } role="option" href=(category.value) {
                                span { span.muted { "in " } span dir="auto" { (category.label) } }
                                " " small { "(" (grouped(category.count)) ")" }
                            }
                        }
                    }))
                }
                @if !cards.is_empty() {
                    (group("products", "Products", &html! {
                        @for (index, card) in cards.iter().enumerate() {
                            a id={ "live-" (index) } role="option" href=(product(&card.slug)) {
                                span.thumb { (card.picture(site, THUMB_SIZES, Fetch::Soon)) }
                                span.live-title dir="auto" { (marked(&card.title, &card.marks)) }
                                span.live-price {
                                    span.price { (card.price) }
                                    @if card.available == 0 { small { "Sold out" } }
                                }
                            }
                        }
                    }))
                }
                @if typed && !cards.is_empty() {
                    // What was counted is what the link shows: the last word as a beginning of others.
                    a.live-all #live-all role="option" href=(search(&as_beginning(query))) {
                        span { "See all results for “" bdi { (query) } "”" }
                    }
                }
            }
        }
    }
}

fn group(id: &str, label: &str, options: &Markup) -> Markup {
    html! {
        div role="group" aria-labelledby={ "live-of-" (id) } {
            p.live-label id={ "live-of-" (id) } aria-hidden="true" { (label) }
            (options)
        }
    }
}

/// The query with its last word left open, as everything in the list was found.
pub fn as_beginning(query: &str) -> String {
    let query = query.trim_end();
    if query.ends_with(char::is_alphanumeric) { format!("{query}*") } else { query.to_owned() }
}

fn words(id: &str, text: &str) -> Markup {
    html! { a.live-words id={ "live-" (id) } role="option" href=(search(text)) dir="auto" { (text) } }
}

#[cfg(test)]
mod tests {
    use super::super::card::tests::card;
    use super::super::layout::tests::site;
    use super::*;

    fn typed(site: &Site) -> Model<'_> {
        Model { site, query: "a b", popular: &[], categories: &[], cards: &[], total: 7, suggestion: None }
    }

    fn shown(model: Model<'_>) -> String {
        view(&model).into_string()
    }

    #[test]
    fn typing_nothing_offers_what_others_search_for_or_nothing() {
        let site = site();
        assert_eq!(shown(Model { query: " ", ..typed(&site) }), "");
        let popular = ["brass kettle".to_owned()];
        let html = shown(Model { query: "", popular: &popular, ..typed(&site) });
        assert!(html.contains("href=\"/search?q=brass%20kettle\"") && !html.contains("See all"), "{html}");
    }

    #[test]
    fn a_list_leads_to_products_categories_and_all_results() {
        let site = site();
        let category =
            Choice { label: "Laptops".into(), value: "/search?q=a%20b&category=Laptops".into(), count: 1_042 };
        let html = shown(typed(&site));
        assert!(html.contains("No product matches") && !html.contains("listbox"), "{html}");
        let cards = [Card { marks: vec![0..2, 2..5], ..card("Phone") }];
        let categories = [category];
        let html = shown(Model { cards: &cards, categories: &categories, ..typed(&site) });
        assert!(html.contains("/search?q=a%20b%2A\"><span>See all results for “<bdi>a b</bdi>”"), "{html}");
        assert!(html.contains("category=Laptops\"") && html.contains("(1,042)"), "{html}");
        assert!(html.contains("<mark>Ph</mark><mark>one</mark>") && html.contains("data-count=\"7\""), "{html}");
    }

    #[test]
    fn what_was_typed_is_text_and_what_was_meant_is_offered() {
        let site = site();
        let html = shown(Model { query: "<i>", suggestion: Some("ink"), ..typed(&site) });
        assert!(html.contains("&lt;i&gt;") && html.contains("href=\"/search?q=ink\""), "{html}");
    }
}
