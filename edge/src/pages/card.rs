//! A product as it stands in a grid: picture, name, price, whether it can be had.

use std::ops::Range;

use domain::money::Money;
use domain::wire::Picture;
use maud::{Markup, html};

use super::layout::Site;
use super::links;
use super::marked::marked;
use super::picture::{CARD_SIZES, Fetch, Subject, picture_or_drawing};
use super::rating::{self, Rating};

/// From how many units on the count itself is shown. It is always the true one.
pub const FEW: u32 = 5;

/// A product in a grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Its page: `/p/{slug}`.
    pub slug: String,
    /// Its name.
    pub title: String,
    /// Its maker.
    pub brand: Option<String>,
    /// Its categories, outermost first; they choose the drawing where there is no picture.
    pub category: Vec<String>,
    /// Its main picture.
    pub picture: Option<Picture>,
    /// Its price, or that of its cheapest variant.
    pub price: Money,
    /// Whether other variants cost more: the price reads `from …`.
    pub price_is_lowest: bool,
    /// Units of all variants, as far as the listing knows: a moment old, so a card only tells whether there are any.
    pub available: u32,
    /// What buyers think, where anybody said so.
    pub rating: Option<Rating>,
    /// Where in the title the words of a search stand: byte ranges, in order.
    pub marks: Vec<Range<usize>>,
}

impl Card {
    /// Its picture, or a drawing of the kind of thing that it is.
    pub fn picture(&self, site: &Site, sizes: &str, fetch: Fetch) -> Markup {
        let subject = Subject { title: &self.title, brand: self.brand.as_deref(), category: &self.category };
        picture_or_drawing(site, self.picture.as_ref(), subject, sizes, fetch)
    }
}

/// A grid of products; the first `soon` pictures are fetched with the page, the others when they come near.
pub fn grid(site: &Site, cards: &[Card], soon: usize) -> Markup {
    html! {
        ul.grid role="list" {
            @for (index, card) in cards.iter().enumerate() {
                li { (view(site, card, if index < soon { Fetch::Soon } else { Fetch::Late })) }
            }
        }
    }
}

fn view(site: &Site, card: &Card, fetch: Fetch) -> Markup {
    html! {
        article.card {
            .frame { (card.picture(site, CARD_SIZES, fetch)) }
            @if let Some(brand) = &card.brand { p.brand { (brand) } }
            h3 { a href=(links::product(&card.slug)) dir="auto" { (marked(&card.title, &card.marks)) } }
            @if let Some(rating) = card.rating { (rating::view(rating)) }
            p.price { @if card.price_is_lowest { small { "from " } } (card.price) }
            (availability(card.available))
        }
    }
}

/// Whether something can be had. A listing's number may be a moment old, so none is shown.
fn availability(available: u32) -> Markup {
    let shown = if available > 0 { u32::MAX } else { 0 };
    html! { p class={ "stock " (availability_class(shown)) } { (availability_words(shown)) } }
}

/// Whether something can be had, in words: `In stock`, `Only 3 left`, `Sold out`. Pages carry them all for when stock changes
/// ([`all_availability_words`]).
pub fn availability_words(available: u32) -> String {
    match available {
        0 => "Sold out".to_owned(),
        1..=FEW => format!("Only {available} left"),
        _ => "In stock".to_owned(),
    }
}

/// The words for 0, 1, 2 … units; the last ones go for any greater number.
pub fn all_availability_words() -> Vec<String> {
    (0..=FEW + 1).map(availability_words).collect()
}

/// Said besides, when somebody saw it sold out.
pub const BACK_IN_STOCK: &str = "Back in stock";

/// The class that goes with [`availability_words`].
pub const fn availability_class(available: u32) -> &'static str {
    match available {
        0 => "out",
        1..=FEW => "few",
        _ => "in",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use domain::money::Currency;

    use super::super::layout::tests::site;
    use super::*;

    pub(in super::super) fn card(title: &str) -> Card {
        Card {
            slug: "a-slug".into(),
            title: title.into(),
            brand: Some("Acme".into()),
            category: vec!["Phones".into()],
            picture: None,
            price: Money::new(1_250_000, Currency::Ngn),
            price_is_lowest: false,
            available: 3,
            rating: None,
            marks: Vec::new(),
        }
    }

    #[test]
    fn a_card_tells_name_price_and_whether_it_can_be_had() {
        let html = grid(&site(), &[card("<b>Phone</b>")], 0).into_string();
        assert!(html.contains("&lt;b&gt;Phone&lt;/b&gt;") && !html.contains("<b>"), "{html}");
        assert!(html.contains("₦12,500") && html.contains("In stock") && !html.contains("3 left"), "{html}");
        let html = grid(&site(), &[Card { available: 0, ..card("Phone") }], 0).into_string();
        assert!(html.contains("Sold out"), "{html}");
        assert_eq!(availability_words(3), "Only 3 left");
        assert_eq!(availability_words(0), "Sold out");
        assert_eq!(availability_words(6), "In stock");
    }

    #[test]
    fn a_page_that_stays_open_has_words_for_any_number() {
        let words = all_availability_words();
        for available in 0..20 {
            let last = words.len() - 1;
            assert_eq!(words[last.min(available as usize)], availability_words(available));
        }
    }

    #[test]
    fn a_card_marks_what_was_searched_for_and_shows_what_buyers_think() {
        let rating = Some(Rating { hundredths: 450, count: 12 });
        let marks = vec![0..5, 6..12];
        let html = grid(&site(), &[Card { marks, rating, ..card("Brass kettle") }], 0).into_string();
        assert!(
            html.contains("<mark>Brass</mark> <mark>kettle</mark>") && html.contains("4.5 out of 5 stars"),
            "{html}"
        );
    }
}
