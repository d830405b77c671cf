//! Pictures of products, and the drawings that stand in for missing ones.

use domain::wire::Picture;
use maud::{Markup, html};

use super::layout::Site;
use super::links;
use super::marks::{mark_for, tint_for};

/// When the browser should fetch a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetch {
    /// Before anything else: the picture that the page is about.
    First,
    /// With the page.
    Soon,
    /// When it comes near the window.
    Late,
}

/// How wide cards are, for the browser's choice among the widths of a picture.
pub const CARD_SIZES: &str = "(min-width: 64rem) 18rem, (min-width: 40rem) 30vw, 46vw";

/// Picture widths that a list of small pictures needs.
pub const THUMB_SIZES: &str = "6rem";

/// A picture with all its widths, its proportions known before it arrives.
pub fn picture(picture: &Picture, sizes: &str, fetch: Fetch) -> Markup {
    let srcset = picture
        .widths
        .iter()
        .map(|width| format!("{} {width}w", links::picture(&picture.key, *width)))
        .collect::<Vec<_>>()
        .join(", ");
    html! {
        img src=(links::picture(&picture.key, fallback_width(picture))) srcset=(srcset) sizes=(sizes)
            width=(picture.width) height=(picture.height) alt=(picture.alt)
            loading=[(fetch == Fetch::Late).then_some("lazy")]
            fetchpriority=[(fetch == Fetch::First).then_some("high")]
            decoding="async";
    }
}

/// The width for whoever does not choose one: the smallest that is sharp enough for a card.
pub fn fallback_width(picture: &Picture) -> u32 {
    let enough = picture.widths.iter().find(|width| **width >= 480);
    enough.or(picture.widths.last()).copied().unwrap_or(picture.width)
}

/// What a drawing is chosen by.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The product's title.
    pub title: &'a str,
    /// Its brand.
    pub brand: Option<&'a str>,
    /// Its categories, outermost first.
    pub category: &'a [String],
}

/// The picture, or a drawing of the kind of thing on a tinted ground.
pub fn picture_or_drawing(
    site: &Site,
    shown: Option<&Picture>,
    subject: Subject<'_>,
    sizes: &str,
    fetch: Fetch,
) -> Markup {
    match shown {
        Some(shown) => picture(shown, sizes, fetch),
        None => drawing(site, subject),
    }
}

/// A drawing of the kind of thing, on a ground whose tint is its brand's.
pub fn drawing(site: &Site, subject: Subject<'_>) -> Markup {
    let mark = mark_for(subject.title, subject.category);
    let tinted_by = subject.brand.or(subject.category.first().map(String::as_str)).unwrap_or(subject.title);
    html! {
        span class={ "plate t" (tint_for(tinted_by)) } aria-hidden="true" {
            svg viewBox="0 0 48 48" { use href={ (site.assets.marks) "#" (mark) } {} }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::tests::site;
    use super::*;

    #[test]
    fn a_picture_offers_all_its_widths_and_keeps_its_place() {
        let shown = Picture {
            key: "ab12".into(),
            width: 960,
            height: 1200,
            widths: vec![240, 480, 960],
            alt: "A \"red\" cup".into(),
        };
        let html = picture(&shown, CARD_SIZES, Fetch::Late).into_string();
        assert!(html.contains("/pictures/ab12/240.jpg 240w, /pictures/ab12/480.jpg 480w"), "{html}");
        assert!(html.contains("width=\"960\" height=\"1200\""), "{html}");
        assert!(html.contains("loading=\"lazy\"") && html.contains("&quot;red&quot;"), "{html}");
    }

    #[test]
    fn a_missing_picture_is_drawn() {
        let subject = Subject { title: "USB cable", brand: None, category: &[] };
        let html = picture_or_drawing(&site(), None, subject, CARD_SIZES, Fetch::Late).into_string();
        assert!(html.contains("/assets/marks.svg#cable"), "{html}");
    }
}
