//! The front page: what the market holds, drawn from the catalogue itself.

use domain::time::Timestamp;
use maud::{Markup, html};
use serde_json::json;

use super::card::{Card, grid};
use super::layout::{Page, SHOP_NAME, Site};
use super::links::{Link, encode, grouped, product, search};
use super::marks::{mark_for, tint_for};
use super::moment::date_and_time;
use super::picture::Fetch;

/// What the front page shows.
#[derive(Debug, Clone)]
pub struct Model<'a> {
    /// What is the same on all pages.
    pub site: &'a Site,
    /// Products in the shop.
    pub products: u64,
    /// Brands in the shop.
    pub brands: u64,
    /// Three products for the top of the page, those with the best pictures.
    pub featured: Vec<Card>,
    /// Categories with their counts, to be shown as tiles; the site's bar may hold fewer.
    pub categories: Vec<Link>,
    /// What came last; twelve look good.
    pub newest: Vec<Card>,
    /// Flash sales that are announced, gather or run.
    pub sales: Vec<Teaser>,
}

/// A flash sale in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Teaser {
    /// Its page: `/sale/{slug}`.
    pub slug: String,
    /// What it is called.
    pub title: String,
    /// When people are let in.
    pub starts_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
    /// Whether people are let in now.
    pub is_running: bool,
}

/// The page.
pub fn view(model: &Model<'_>) -> Markup {
    let site = model.site;
    let description = format!(
        "{} products from {} brands, with stock counts that are always true.",
        grouped(model.products),
        grouped(model.brands)
    );
    let main = html! {
        (hero(model))
        @if !model.sales.is_empty() {
            section.wrap.section aria-labelledby="sales-title" {
                h2 #sales-title { "Flash sales" }
                ul.teasers role="list" {
                    @for sale in &model.sales {
                        li { a href={ "/sale/" (encode(&sale.slug)) } {
                            strong { (sale.title) }
                            span.muted {
                                @if sale.is_running { "Now, until " (date_and_time(sale.ends_at)) }
                                @else { "Starts on " (date_and_time(sale.starts_at)) }
                            }
                        } }
                    }
                }
            }
        }
        @if !model.categories.is_empty() {
            section.wrap.section #categories aria-labelledby="categories-title" {
                h2 #categories-title { "Shop by category" }
                ul.tiles role="list" { @for category in &model.categories { li { (tile(site, category)) } } }
            }
        }
        section.wrap.section aria-labelledby="newest-title" {
            .section-head {
                h2 #newest-title { "New in the market" }
                a href="/search?sort=newest" { "See all that is new" }
            }
            @if model.newest.is_empty() {
                .empty { p { "The stalls are still being set up. Come back soon." } }
            } @else {
                (grid(site, &model.newest, 0))
            }
        }
        (promises())
    };
    let data = [json!({
        "@context": "https://schema.org",
        "@type": "WebSite",
        "name": SHOP_NAME,
        "url": site.absolute("/"),
        "potentialAction": {
            "@type": "SearchAction",
            "target": site.absolute("/search?q={search_term_string}"),
            "query-input": "required name=search_term_string"
        }
    })];
    Page { linked_data: &data, ..Page::public(site, SHOP_NAME, &description, "/") }.render(&main)
}

fn hero(model: &Model<'_>) -> Markup {
    html! {
        .hero {
            .wrap {
                .hero-words {
                    h1 { "The whole market, one search away" }
                    p.lead {
                        @if model.products > 0 {
                            (grouped(model.products)) " products"
                            @if model.brands > 1 { " from " (grouped(model.brands)) " brands" }
                            ". Every stock count is true, and stays true while you look."
                        } @else {
                            "The first products are on their way."
                        }
                    }
                    p.actions {
                        a.button href=(search("")) { "See all products" }
                        @if !model.categories.is_empty() { a.button.quiet href="#categories" { "Browse categories" } }
                    }
                }
                @if !model.featured.is_empty() {
                    ul.hero-pictures role="list" {
                        @for (index, card) in model.featured.iter().take(3).enumerate() {
                            li {
                                a.frame href=(product(&card.slug)) aria-label={ (card.title) ", " (card.price) } {
                                    @let fetch = if index == 0 { Fetch::First } else { Fetch::Soon };
                                    (card.picture(model.site, "(min-width: 64rem) 24rem, 60vw", fetch))
                                    span.price-tag aria-hidden="true" { (card.price) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn tile(site: &Site, category: &Link) -> Markup {
    html! {
        a class={ "tile t" (tint_for(&category.label)) } href=(category.href) {
            svg viewBox="0 0 48 48" aria-hidden="true" {
                use href={ (site.assets.marks) "#" (mark_for(&category.label, &[])) } {}
            }
            span.tile-label { (category.label) }
            @if let Some(count) = category.count { small { (grouped(count)) } }
        }
    }
}

fn promises() -> Markup {
    html! {
        section.wrap.section.promises aria-label="What you can count on" {
            div {
                h3 { "What you see is there" }
                p { "“3 left” means three. The count on a product’s page moves as people buy." }
            }
            div {
                h3 { "Held while you pay" }
                p { "From checkout on, your things are kept for 15 minutes. Nobody can buy them from under you." }
            }
            div {
                h3 { "No payment is lost" }
                p { "Whatever happens on the way, a payment ends in your order, or the order says what we owe you." }
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
    fn an_empty_shop_still_has_a_front_page() {
        let site = site();
        let empty = Model {
            site: &site,
            products: 0,
            brands: 0,
            featured: vec![],
            categories: vec![],
            newest: vec![],
            sales: vec![],
        };
        let html = view(&empty).into_string();
        assert!(html.contains("still being set up"), "{html}");
        let full = Model { products: 19_406, brands: 2, featured: vec![card("A")], newest: vec![card("B")], ..empty };
        assert!(view(&full).into_string().contains("19,406 products from 2 brands"));
    }
}
