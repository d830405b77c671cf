//! Something was not put in the cart, and there is no page to say so on: what it was, why, and what can be done. For browsers without
//! JavaScript; with it, the product's own page says so.

use maud::{Markup, html};

use super::card::{availability_class, availability_words};
use super::cart::Line;
use super::layout::{Page, Site};
use super::links::variant;
use super::notice::{Tone, notice};

/// What the page shows.
#[derive(Debug, Clone)]
pub struct Model<'a> {
    /// What is the same on all pages.
    pub site: &'a Site,
    /// Why, in words for the shopper.
    pub reason: &'a str,
    /// What it was, with the quantity that was asked for.
    pub line: Line,
    /// How many more could be put in now.
    pub room: u32,
}

/// The page.
pub fn view(model: &Model<'_>) -> Markup {
    let line = &model.line;
    let address = variant(&line.slug, line.sku.as_str());
    let available = line.available.unwrap_or(0);
    let main = html! {
        .wrap {
            h1 { "Not added to your cart" }
            (notice(Tone::Bad, model.reason, &html! {
                @if model.room > 0 { p { "Nothing was changed. Choose another quantity, or go on looking." } }
                @else { p { "Nothing was changed." } }
            }))
            article.line {
                a.frame href=(address) tabindex="-1" aria-hidden="true" { (line.picture(model.site)) }
                .line-words {
                    h2 { a href=(address) { (line.title) } }
                    @if !line.variant.is_empty() { p.muted { (line.variant) } }
                    p.muted { (line.unit_price) " each" }
                    p class={ "stock " (availability_class(available)) } { (availability_words(available)) }
                }
                @if model.room > 0 {
                    .line-forms {
                        form action="/cart/lines" method="post" {
                            input type="hidden" name="sku" value=(line.sku);
                            label for="quantity" { "Quantity" span.hidden { " of " (line.title) } }
                            input #quantity type="number" name="quantity" value=(line.quantity.get().min(model.room)) min="1"
                                max=(model.room) inputmode="numeric" required;
                            button.button { "Add to cart" }
                        }
                    }
                }
            }
            p.actions {
                a.button.quiet href=(address) { "Back to the product" }
                a.button.quiet href="/cart" { "View cart" }
            }
        }
    };
    Page::private(model.site, "Not added to your cart").render(&main)
}

#[cfg(test)]
mod tests {
    use super::super::cart::tests::two_cups;
    use super::super::form::tests::assert_every_control_is_labelled;
    use super::super::layout::tests::site;
    use super::*;

    #[test]
    fn it_says_why_and_leads_back_to_the_product_and_on() {
        let site = site();
        let page =
            |room| view(&Model { site: &site, reason: "Only 1 can be had.", line: two_cups().0, room }).into_string();
        let html = page(1);
        assert!(html.contains("Only 1 can be had.") && html.contains("href=\"/p/cup?variant=cup-1\""), "{html}");
        assert!(html.contains("max=\"1\"") && html.contains("value=\"1\""), "it offers what there is: {html}");
        assert_every_control_is_labelled(&html);
        assert!(!page(0).contains("name=\"quantity\""), "what cannot be had is not offered");
    }
}
