//! A product's page. The same for everybody, so that it can be cached: stock arrives live, the cart's count by itself.

use domain::ids::Sku;
use domain::money::Money;
use domain::sale::Prices;
use domain::stock::Quantity;
use domain::time::Timestamp;
use domain::wire::Picture;
use maud::{Markup, html};
use serde_json::json;

use super::card::{BACK_IN_STOCK, Card, all_availability_words, availability_class, availability_words, grid};
use super::layout::{Page, Site, breadcrumbs, clipped};
use super::links::{self, Link};
use super::listing::trail;
use super::moment::{date_and_time, time_of_day};
use super::notice::{Tone, notice};
use super::picture::{Fetch, Subject, THUMB_SIZES, drawing, fallback_width, picture};

/// How wide the main picture is, for the browser's choice among its widths.
const MAIN_SIZES: &str = "(min-width: 64rem) 38rem, (min-width: 48rem) 50vw, 100vw";

/// What a product's page shows.
#[derive(Debug, Clone)]
pub struct Model<'a> {
    /// What is the same on all pages.
    pub site: &'a Site,
    /// The product.
    pub product: &'a Product,
    /// Which variant is chosen: an index into the product's. Best the first that can be had.
    pub chosen: usize,
    /// What delivery costs where most orders go; `None` where it is not known.
    pub delivery: Option<Delivered>,
    /// Others that go well with it or may be had instead; may be empty.
    pub related: Vec<Card>,
    /// The flash sale that it is or will be in.
    pub sale: Option<SaleNotice>,
}

/// What delivery costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Its price.
    pub price: Money,
    /// The zone that it is for; empty where the shop has one price for everywhere.
    pub zone: String,
}

/// What a product's page tells of a flash sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleNotice {
    /// What it is called.
    pub title: String,
    /// Its page: `/sale/{slug}`.
    pub slug: String,
    /// What its variants cost in it, those that cost less.
    pub prices: Prices,
    /// Whether the product is sold in no other way now.
    pub is_held_back: bool,
    /// From when on it is.
    pub gathers_at: Timestamp,
    /// When people are let in.
    pub starts_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
    /// Units of it that one person may have there, all variants together.
    pub units_max: u32,
    /// Until when it is this shopper's turn, if it is. Such a page is nobody else's.
    pub turn_until: Option<Timestamp>,
}

impl SaleNotice {
    /// Whether this shopper can buy it now.
    fn is_open(&self) -> bool {
        !self.is_held_back || self.turn_until.is_some()
    }

    /// What this shopper pays for a variant.
    fn price(&self, variant: &Variant) -> Money {
        let price = self.prices.get(&variant.sku).filter(|_| self.turn_until.is_some());
        price.copied().filter(|price| price.amount_minor < variant.price.amount_minor).unwrap_or(variant.price)
    }
}

/// A product with everything that its page tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Its page: `/p/{slug}`.
    pub slug: String,
    /// Its name.
    pub title: String,
    /// Its maker.
    pub brand: Option<String>,
    /// Names of its categories, outermost first; they choose the drawing where there is no picture.
    pub category: Vec<String>,
    /// Links to its categories, outermost first.
    pub trail: Vec<Link>,
    /// The first is the main one; may be empty.
    pub pictures: Vec<Picture>,
    /// Plain text; paragraphs are separated by blank lines.
    pub description: String,
    /// Specifications, in order.
    pub attributes: Vec<(String, String)>,
    /// Other numbers that it is known by (EAN, UPC).
    pub codes: Vec<String>,
    /// Who sells it.
    pub seller: String,
    /// At least one.
    pub variants: Vec<Variant>,
}

/// What is bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Names it.
    pub sku: Sku,
    /// What sets it apart: `[("Size", "M")]`; empty where there is no choice.
    pub options: Vec<(String, String)>,
    /// Its price.
    pub price: Money,
    /// Units that can be bought, when the page was made.
    pub available: u32,
    /// Its own picture: an index into the product's.
    pub picture: Option<u32>,
}

/// The page.
pub fn view(model: &Model<'_>) -> Markup {
    let product = model.product;
    let main = html! {
        .wrap {
            (breadcrumbs(&product.trail))
            article.product #product {
                (gallery(model))
                (buy_box(model))
                (details(product))
            }
            @if !model.related.is_empty() {
                section.section aria-labelledby="related-title" {
                    h2 #related-title { "You may also like" }
                    (grid(model.site, &model.related, 0))
                }
            }
        }
    };
    let description = if product.description.is_empty() { &product.title } else { &product.description };
    let canonical = links::product(&product.slug);
    let shared = product.pictures.first().map(|shown| links::picture(&shown.key, fallback_width(shown)));
    let data = [linked_data(model), trail(model.site, product.trail.iter())];
    let page = Page::public(model.site, &product.title, description, &canonical);
    Page { picture: shared.as_deref(), linked_data: &data, ..page }.render(&main)
}

fn chosen<'a>(model: &Model<'a>) -> Option<&'a Variant> {
    model.product.variants.get(model.chosen).or(model.product.variants.first())
}

/// One strip of pictures that scrolls sideways; the small ones below are links into it.
fn gallery(model: &Model<'_>) -> Markup {
    let product = model.product;
    let subject = Subject { title: &product.title, brand: product.brand.as_deref(), category: &product.category };
    // The chosen variant's own picture comes first; the others keep their order.
    let own = chosen(model).and_then(|variant| variant.picture).map_or(0, |index| index as usize);
    let first = product.pictures.get(own).into_iter();
    let others = product.pictures.iter().enumerate().filter(|(index, _)| *index != own).map(|(_, shown)| shown);
    let pictures: Vec<&Picture> = first.chain(others).collect();
    html! {
        section.gallery aria-label="Pictures" {
            @if pictures.is_empty() {
                .frame { (drawing(model.site, subject)) }
            } @else {
                ol.strip role="list" tabindex=[(pictures.len() > 1).then_some("0")] aria-label="Large pictures" {
                    @for (index, shown) in pictures.iter().enumerate() {
                        li.frame id={ "picture-" (index + 1) } {
                            (picture(shown, MAIN_SIZES, if index == 0 { Fetch::First } else { Fetch::Late }))
                        }
                    }
                }
                @if pictures.len() > 1 {
                    ul.thumbs role="list" {
                        @for (index, shown) in pictures.iter().enumerate() {
                            li {
                                a.frame href={ "#picture-" (index + 1) }
                                    aria-label={ "Picture " (index + 1) " of " (pictures.len()) } {
                                    (picture(shown, THUMB_SIZES, Fetch::Late))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn buy_box(model: &Model<'_>) -> Markup {
    let product = model.product;
    html! {
        .buy {
            @if let Some(brand) = &product.brand { p.brand { a href=(links::brand(brand)) { (brand) } } }
            h1 { (product.title) }
            @if let Some(variant) = chosen(model) {
                @match model.sale.as_ref().map(|sale| sale.price(variant)) {
                    Some(price) if price != variant.price => {
                        p.price.big { (price) " " s.muted { span.hidden { "instead of " } (variant.price) } }
                    }
                    Some(_) | None => { p.price.big { (variant.price) } }
                }
                (options(product, variant))
                (stock(product, variant))
                @if let Some(sale) = &model.sale { (sale_notice(sale, variant)) }
                // What would lead into a refusal is not offered.
                @if model.sale.as_ref().is_none_or(SaleNotice::is_open) {
                    (add_form(product, variant, model.sale.as_ref().filter(|sale| sale.turn_until.is_some())))
                }
            }
            ul.facts role="list" {
                @if let Some(Delivered { price: delivery, zone }) = &model.delivery {
                    li {
                        @if !zone.is_empty() {
                            "Delivery to " (zone) " "
                            @if delivery.amount_minor == 0 { "is free" } @else { "from " (delivery) }
                        } @else {
                            "Standard delivery "
                            @if delivery.amount_minor == 0 { "is free" } @else { (delivery) " an order" }
                        }
                    }
                }
                li { "Held for you for 15 minutes while you pay" }
                @if !product.seller.is_empty() { li { "Sold by " (product.seller) } }
            }
        }
    }
}

fn sale_notice(sale: &SaleNotice, variant: &Variant) -> Markup {
    let address = format!("/sale/{}", links::encode(&sale.slug));
    if let Some(until) = sale.turn_until {
        return notice(
            Tone::Good,
            "It is your turn",
            &html! {
                p { "In " a href=(address) { (sale.title) } ", one person may have " (sale.units_max) ". Check out before "
                    (time_of_day(until)) "." }
                @if !sale.prices.contains_key(&variant.sku) { p { "This choice keeps its price there; others cost less." } }
            },
        );
    }
    let title = match (sale.prices.get(&variant.sku), sale.is_held_back) {
        (Some(price), _) => format!("{price} in a flash sale"),
        (None, true) => "Only in a flash sale for now".to_owned(),
        (None, false) => "Soon only in a flash sale".to_owned(),
    };
    notice(
        Tone::Info,
        &title,
        &html! {
            // A choice that costs what it always does is held back with the others, which would surprise whoever is not told.
            @if !sale.prices.contains_key(&variant.sku) {
                p { "This choice keeps its price there; others cost less." }
            }
            @if sale.is_held_back {
                p { "Until " (date_and_time(sale.ends_at)) " it is sold in " (sale.title) " only, to people whose turn it is." }
                p.actions { a.button href=(address) { "To the sale" } }
            } @else {
                p { "From " (date_and_time(sale.gathers_at)) " on you can join " a href=(address) { (sale.title) }
                    "; it starts at " (time_of_day(sale.starts_at)) "." }
            }
        },
    )
}

/// The live line. Its socket tells every variant's level, and `parts/live.js` shows and announces what changed in the words that stand
/// here. No live region itself: then what merely arrives late would be read out like a change.
fn stock(product: &Product, variant: &Variant) -> Markup {
    html! {
        p #stock class={ "stock " (availability_class(variant.available)) }
            data-live={ (links::product(&product.slug)) "/live" } data-sku=(variant.sku)
            data-words=(json!(all_availability_words())) data-back=(BACK_IN_STOCK) {
            (availability_words(variant.available))
        }
    }
}

fn add_form(product: &Product, variant: &Variant, turn: Option<&SaleNotice>) -> Markup {
    let most = turn.map_or(Quantity::MAX, |sale| sale.units_max);
    html! {
        form.add #add action="/cart/lines" method="post" hx-post="/cart/lines"
            hx-target="#added" hx-swap="innerHTML" hx-disable="#add-button" {
            input type="hidden" name="sku" value=(variant.sku);
            input type="hidden" name="slug" value=(product.slug);
            .quantity {
                label for="quantity" { "Quantity" }
                input #quantity type="number" name="quantity" value="1" min="1" max=(most) inputmode="numeric" required;
            }
            button.button #add-button disabled[variant.available == 0] { "Add to cart" }
        }
        #added role="status" {}
    }
}

/// One row a kind of option. Each value is a link to the variant that has it and is otherwise nearest to the chosen
/// one.
fn options(product: &Product, chosen: &Variant) -> Markup {
    html! {
        @for (row, (name, current)) in chosen.options.iter().enumerate() {
            .options role="group" aria-label=(name) {
                p { span.option-name { (name) } " " strong { (current) } }
                ul role="list" {
                    @for (column, value) in values(product, name).into_iter().enumerate() {
                        @if let Some(variant) = nearest(product, chosen, name, value) {
                            @let address = links::variant(&product.slug, variant.sku.as_str());
                            li {
                                // By its id the link keeps the focus when the product is swapped in place.
                                a.option.gone[variant.available == 0] id={ "option-" (row) "-" (column) }
                                    href={ (address) "#product" } data-sku=(variant.sku)
                                    aria-current=[(value == current).then_some("true")]
                                    hx-get=(address) hx-target="#product" hx-select="#product" hx-swap="outerHTML"
                                    hx-replace-url=(address) {
                                    (value)
                                    @if variant.price != chosen.price { small { (variant.price) } }
                                    // For those who do not see that it is struck out.
                                    span.hidden hidden[variant.available > 0] { ", sold out" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The values of one option, each once, in the order of the variants.
fn values<'p>(product: &'p Product, name: &str) -> Vec<&'p str> {
    let mut values: Vec<&str> = Vec::new();
    for (option, value) in product.variants.iter().flat_map(|variant| &variant.options) {
        if option == name && !values.contains(&value.as_str()) {
            values.push(value);
        }
    }
    values
}

/// The variant with `value` for option `name` that shares most of its other options with `chosen`.
fn nearest<'p>(product: &'p Product, chosen: &Variant, name: &str, value: &str) -> Option<&'p Variant> {
    let shared = |variant: &Variant| variant.options.iter().filter(|option| chosen.options.contains(option)).count();
    product
        .variants
        .iter()
        .filter(|variant| variant.options.iter().any(|(option, has)| option == name && has == value))
        // Of equals the first, which `max_by_key` alone would not give.
        .rev()
        .max_by_key(|variant| (shared(variant), variant.available > 0))
}

fn paragraphs(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty())
}

fn details(product: &Product) -> Markup {
    html! {
        .details {
            @if !product.description.trim().is_empty() {
                section aria-labelledby="description-title" {
                    h2 #description-title { "About this product" }
                    .prose {
                        @for paragraph in paragraphs(&product.description) {
                            p { (paragraph) }
                        }
                    }
                }
            }
            @if !product.attributes.is_empty() || !product.codes.is_empty() {
                section aria-labelledby="specifications-title" {
                    h2 #specifications-title { "Specifications" }
                    dl.specifications {
                        @for (name, value) in &product.attributes { div { dt { (name) } dd { (value) } } }
                        @if !product.codes.is_empty() { div { dt { "EAN or UPC" } dd { (product.codes.join(", ")) } } }
                    }
                }
            }
        }
    }
}

/// The product for search engines (schema.org's `Product` with the chosen variant's offer).
fn linked_data(model: &Model<'_>) -> serde_json::Value {
    let product = model.product;
    let site = model.site;
    let pictures: Vec<String> = product
        .pictures
        .iter()
        .map(|shown| site.absolute(&links::picture(&shown.key, shown.widths.last().copied().unwrap_or(shown.width))))
        .collect();
    let mut data = json!({
        "@context": "https://schema.org",
        "@type": "Product",
        "name": product.title,
        "description": clipped(&product.description, 300),
    });
    if !pictures.is_empty() {
        data["image"] = json!(pictures);
    }
    if let Some(brand) = &product.brand {
        data["brand"] = json!({"@type": "Brand", "name": brand});
    }
    if let Some(variant) = chosen(model) {
        let availability = if variant.available > 0 { "InStock" } else { "OutOfStock" };
        data["sku"] = json!(variant.sku);
        data["offers"] = json!({
            "@type": "Offer",
            "url": site.absolute(&links::product(&product.slug)),
            "price": variant.price.major().to_string(),
            "priceCurrency": variant.price.currency.code(),
            "availability": format!("https://schema.org/{availability}"),
            "seller": {"@type": "Organization", "name": product.seller},
        });
    }
    data
}

#[cfg(test)]
mod tests {
    use domain::money::Currency;

    use super::super::form::tests::assert_every_control_is_labelled;
    use super::super::layout::tests::site;
    use super::*;

    fn variant(sku: &str, size: &str, colour: &str, available: u32) -> Variant {
        Variant {
            sku: Sku::new(sku).unwrap(),
            options: vec![("Size".into(), size.into()), ("Colour".into(), colour.into())],
            price: Money::new(4_995, Currency::Usd),
            available,
            picture: None,
        }
    }

    fn hoodie() -> Product {
        Product {
            slug: "hoodie".into(),
            title: "Hoodie <script>alert(1)</script>".into(),
            brand: Some("Acme".into()),
            category: vec!["Men".into()],
            trail: vec![Link::new("Men", "/c/men")],
            pictures: vec![],
            description: "Warm.\n\nVery </script> warm.".into(),
            attributes: vec![("Material".into(), "Wool".into())],
            codes: vec![],
            seller: "Acme".into(),
            variants: vec![
                variant("s-red", "S", "Red", 3),
                variant("m-red", "M", "Red", 0),
                variant("s-blue", "S", "Blue", 9),
                variant("m-blue", "M", "Blue", 9),
            ],
        }
    }

    fn page(product: &Product, chosen: usize) -> String {
        view(&Model { site: &site(), product, chosen, delivery: None, related: vec![], sale: None }).into_string()
    }

    #[test]
    fn a_hostile_title_is_text_everywhere() {
        let html = page(&hoodie(), 0);
        assert!(!html.contains("<script>alert"), "{html}");
        assert_eq!(html.matches("</script>").count(), 3, "the module and two JSON-LD blocks: {html}");
    }

    #[test]
    fn what_is_sold_out_cannot_be_added() {
        let html = page(&hoodie(), 1);
        assert!(html.contains(">Sold out</p>") && html.contains("id=\"add-button\" disabled"), "{html}");
        assert!(html.contains("https://schema.org/OutOfStock"), "{html}");
        let html = page(&hoodie(), 0);
        assert!(html.contains(">Only 3 left</p>") && !html.contains("id=\"add-button\" disabled"), "{html}");
        assert_every_control_is_labelled(&html);
    }

    #[test]
    fn an_option_that_is_gone_says_so_in_words_that_a_page_can_take_back() {
        let html = page(&hoodie(), 0);
        let words =
            |attributes: &str| html.matches(&format!("<span class=\"hidden\"{attributes}>, sold out</span>")).count();
        // Size M, while red is chosen; S, Red and Blue can be had.
        assert_eq!((words(""), words(" hidden")), (1, 3), "{html}");
        assert!(html.contains("data-words=\"[&quot;Sold out&quot;,&quot;Only 1 left&quot;,"), "{html}");
    }

    #[test]
    fn what_is_held_back_for_a_sale_leads_there_and_not_into_a_refusal() {
        let page_for = |is_held_back, on_sale: &str, turn_until| {
            let at = Timestamp(1_790_000_000_000);
            let sale = SaleNotice {
                title: "Winter".into(),
                slug: "winter".into(),
                prices: Prices::from([(Sku::new(on_sale).unwrap(), Money::new(2_995, Currency::Usd))]),
                is_held_back,
                gathers_at: at,
                starts_at: at,
                ends_at: at,
                units_max: 2,
                turn_until,
            };
            let product = hoodie();
            let model = Model {
                site: &site(),
                product: &product,
                chosen: 0,
                delivery: None,
                related: vec![],
                sale: Some(sale),
            };
            view(&model).into_string()
        };
        let page_of = |is_held_back, on_sale: &str| page_for(is_held_back, on_sale, None);
        let page = |is_held_back| page_of(is_held_back, hoodie().variants[0].sku.as_str());
        assert!(page(true).contains("/sale/winter") && !page(true).contains("add-button"));
        assert!(page(false).contains("/sale/winter") && page(false).contains("add-button"));
        assert!(page(true).contains("$29.95 in a flash sale") && !page(true).contains("keeps its price"));
        let mine = page_for(true, hoodie().variants[0].sku.as_str(), Some(Timestamp(90_000)));
        assert!(
            mine.contains("It is your turn") && mine.contains("00:01 UTC") && mine.contains("add-button"),
            "{mine}"
        );
        assert!(mine.contains("$29.95") && mine.contains("max=\"2\"") && mine.contains("instead of"), "{mine}");
        let other = page_of(true, "another");
        assert!(!other.contains("$29.95") && other.contains("keeps its price") && !other.contains("add-button"));
    }

    #[test]
    fn an_option_leads_to_the_variant_that_keeps_the_others() {
        let product = hoodie();
        let to = |chosen: usize, name, value| {
            nearest(&product, &product.variants[chosen], name, value).unwrap().sku.as_str()
        };
        assert_eq!(to(0, "Colour", "Blue"), "s-blue");
        assert_eq!(to(3, "Size", "S"), "s-blue");
        assert_eq!(to(3, "Colour", "Red"), "m-red");
        assert_eq!(values(&product, "Size"), ["S", "M"]);
    }
}
