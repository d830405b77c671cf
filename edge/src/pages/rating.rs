//! What buyers think of a product: drawn stars with words for whoever does not see them.

use maud::{Markup, html};

use super::links::{counted, grouped};

/// The average of all ratings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rating {
    /// Hundredths of a star, 100 to 500.
    pub hundredths: u16,
    /// How many people have rated.
    pub count: u32,
}

/// Stars and how many ratings they stand for.
pub fn view(rating: Rating) -> Markup {
    let count = u64::from(rating.count);
    html! {
        p.rating {
            (stars(rating.hundredths)) " "
            span.hidden { ", " (counted(count, "rating", "ratings")) }
            span aria-hidden="true" { "(" (grouped(count)) ")" }
        }
    }
}

/// Five stars, filled to the nearest half.
pub fn stars(hundredths: u16) -> Markup {
    let halves = (hundredths.min(500) + 25) / 50;
    html! { span class={ "stars half-" (halves) } role="img" aria-label={ (spoken(hundredths)) " out of 5 stars" } {} }
}

/// `4.3`, `5`.
fn spoken(hundredths: u16) -> String {
    let tenths = (hundredths.min(500) + 5) / 10;
    if tenths.is_multiple_of(10) { (tenths / 10).to_string() } else { format!("{}.{}", tenths / 10, tenths % 10) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_have_words() {
        let html = view(Rating { hundredths: 430, count: 1_234 }).into_string();
        assert!(html.contains("half-9") && html.contains("4.3 out of 5 stars"), "{html}");
        assert!(html.contains("1,234 ratings"), "{html}");
        assert!(stars(500).into_string().contains("half-10\" role=\"img\" aria-label=\"5 out of 5 stars"));
        assert!(stars(65_535).into_string().contains("half-10"), "no more stars than there are");
    }
}
