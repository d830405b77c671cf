//! How a flash sale's order is drawn, and what was drawn: everything that somebody needs who does not want to take it on trust.

use domain::wire::DrawBody;
use maud::{Markup, html};

use super::layout::{Page, Site};
use super::links::{counted, encode};
use super::moment::date_and_time;

/// What the page shows.
#[derive(Debug, Clone)]
pub struct Model<'a> {
    /// What is the same on all pages.
    pub site: &'a Site,
    /// The sale's page: `/sale/{slug}`.
    pub slug: &'a str,
    /// What the sale is called.
    pub title: &'a str,
    /// What is published.
    pub draw: DrawBody,
}

/// The page.
pub fn view(model: &Model<'_>) -> Markup {
    let slug = encode(model.slug);
    let draw = &model.draw;
    let main = html! {
        .wrap.draw {
            p.muted.sale-name { a href={ "/sale/" (slug) } { (model.title) } }
            h1 { "How the order is drawn" }
            .prose {
                p { "Before anybody could join, a secret was chosen at random, and its digest was published here: the commitment. "
                    "Whoever joins gets a number, and the list of all who joined is digested in that order. At the start the secret is "
                    "published, and the order follows from both: whoever chose the secret did not know the list, and nobody on the list "
                    "knew the secret." }
            }
            dl.specifications {
                div { dt { "Commitment" } dd { code { (draw.commitment) } } }
                @match &draw.draw {
                    None if draw.is_cancelled => { div { dt { "Secret" } dd { "Never published: the sale was cancelled before the draw" } } },
                    None => { div { dt { "Secret" } dd { "Published at " (date_and_time(draw.starts_at)) } } },
                    Some(drawn) => {
                        div { dt { "Secret" } dd { code { (drawn.secret) } } }
                        div { dt { "People" } dd { (counted(drawn.entries_count.into(), "person", "people")) } }
                        div { dt { "Digest of the list" } dd { code { (drawn.entries) } } }
                        div { dt { "Seed" } dd { code { (drawn.seed) } } }
                    },
                }
            }
            h2 { "Check it" }
            .prose {
                p { "Write the commitment down before the start. Afterwards, all of this has to hold (SHA-256 everywhere, and parts one "
                    "after the other without anything between them):" }
            }
            ol.steps {
                li { "The digest of the secret's 32 bytes is the commitment." }
                li { "The digest of the list begins as 32 zero bytes. For each person in order, it becomes the digest of itself and the 16 "
                    "bytes of the person's id." }
                li { "The seed is the digest of secret, the list's digest, and the count as four bytes, least first." }
                li { "A person's place begins as their number, counted from 0. In each of 90 rounds, counted from 0, the pivot is the first "
                    "eight bytes (least first) of the digest of seed and round (one byte), modulo the count. The partner is pivot + count − "
                    "place, modulo the count. Of the greater of place and partner, take the digest of seed, round and greater ÷ 256 (four "
                    "bytes, least first): if its bit number greater mod 256 is set, counted from the least bit of the first byte, the place "
                    "becomes the partner. (Hoang, Morris and Rogaway: swap-or-not, 2012.)" }
                li { "The one at place p is let in p × 60 ÷ " (draw.rate) " seconds after the start. Those who join later come behind, in the "
                    "order in which they do." }
            }
            .prose {
                p { "For programs: " a href={ "/api/v1/sales/" (slug) "/draw" } { "the draw" } " and "
                    a href={ "/api/v1/sales/" (slug) "/draw/people" } { "the list" } ", from the draw on until 30 days after the sale. People are digests that tell "
                    "nobody who they are; your own stands on the sale's page. This shop's program has a command that checks all of it: "
                    code { "cargo xtask sale verify " (model.slug) } "." }
            }
        }
    };
    Page::private(model.site, &format!("How the order is drawn · {}", model.title)).render(&main)
}

#[cfg(test)]
mod tests {
    use domain::admission::{Commitment, Digest32, Draw, Secret};
    use domain::ids::SaleId;
    use domain::time::Timestamp;
    use domain::wire::DrawnBody;
    use uuid::Uuid;

    use super::super::layout::tests::site;
    use super::*;

    #[test]
    fn the_secret_is_there_once_it_is_drawn() {
        let secret = Secret::new([7; 32]);
        let before = DrawBody {
            sale_id: SaleId(Uuid::nil()),
            starts_at: Timestamp(1_790_000_000_000),
            rate: 600,
            commitment: Commitment::to(secret),
            draw: None,
            is_cancelled: false,
        };
        let drawn = DrawnBody::from(&Draw::new(secret, Digest32::default(), 1));
        let page = |draw: &DrawBody| {
            view(&Model { site: &site(), slug: "lamps", title: "Lamps", draw: draw.clone() }).into_string()
        };
        let html = page(&before);
        assert!(html.contains(&before.commitment.to_string()) && html.contains("Published at"), "{html}");
        let html = page(&DrawBody { is_cancelled: true, ..before });
        assert!(html.contains("cancelled before the draw") && !html.contains("Published at"), "{html}");
        let html = page(&DrawBody { draw: Some(drawn), ..before });
        assert!(html.contains(&secret.to_string()) && html.contains("1 person"), "{html}");
    }
}
