//! What drops down while somebody types into the search field. A fragment, not a page.
//!
//! `app.js` makes a combobox of field and list; the links work with a pointer and without any of it.

use maud::{Markup, html};

use super::card::Card;
use super::layout::Site;
use super::links::{counted, product, search};
use super::picture::{Fetch, THUMB_SIZES};

/// What the list shows.
#[derive(Debug, Clone)]
pub struct Model<'a> {
    /// What is the same on all pages.
    pub site: &'a Site,
    /// Words, as typed so far.
    pub query: &'a str,
    /// The best few products; six look good.
    pub cards: &'a [Card],
    /// Products that match altogether.
    pub total: u64,
}

/// The fragment; nothing at all when nothing was typed.
pub fn view(model: &Model<'_>) -> Markup {
    let Model { site, query, cards, total } = *model;
    html! {
        @if !query.trim().is_empty() {
            @if cards.is_empty() {
                p.live-empty { "No product matches “" (query) "” so far." }
            } @else {
                div #live-list role="listbox" aria-label="Products" {
                    @for (index, card) in cards.iter().enumerate() {
                        a id={ "live-" (index) } role="option" href=(product(&card.slug)) {
                            span.thumb { (card.picture(site, THUMB_SIZES, Fetch::Soon)) }
                            span.live-title { (card.title) }
                            span.price { (card.price) }
                        }
                    }
                    a.live-all #live-all role="option" href=(search(query)) {
                        "See all " (counted(total, "result", "results"))
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::card::tests::card;
    use super::super::layout::tests::site;
    use super::*;

    #[test]
    fn typing_nothing_shows_nothing() {
        let site = site();
        let shown = |query, cards: &[Card]| view(&Model { site: &site, query, cards, total: 7 }).into_string();
        assert_eq!(shown(" ", &[]), "");
        assert!(shown("<i>", &[]).contains("“&lt;i&gt;”"));
        assert!(shown("a b", &[card("Phone")]).contains("/search?q=a%20b\">See all 7 results"));
    }
}
