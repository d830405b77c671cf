//! The cart: what is in it, what it costs, what stands in the way of paying. Never cached.

use domain::ids::{CheckoutId, Sku};
use domain::money::Money;
use domain::pricing::{CouponCode, CouponOutcome, Quote};
use domain::stock::Quantity;
use domain::time::Timestamp;
use domain::wire::Picture;
use maud::{Markup, html};

use super::layout::{Page, Site};
use super::links::{counted, encode, product};
use super::moment::time_of_day;
use super::notice::{Tone, notice};
use super::picture::{Fetch, Subject, THUMB_SIZES, picture_or_drawing};
use super::quote::{CouponField, breakdown, totals};

/// What the cart's page shows.
#[derive(Debug, Clone)]
pub struct Model<'a> {
    /// What is the same on all pages.
    pub site: &'a Site,
    /// Goes with every form.
    pub csrf: &'a str,
    /// In the order in which they were put in.
    pub lines: Vec<Line>,
    /// What is saved for later, in the order in which it was.
    pub saved: Vec<Line>,
    /// What it costs, delivered where most orders go; `None` when it is empty, cannot be priced, or is not delivered there.
    pub quote: Option<Quote>,
    /// Whether it is priced in several currencies.
    pub is_mixed: bool,
    /// The code that was typed.
    pub coupon: Option<CouponCode>,
    /// What became of it.
    pub coupon_outcome: Option<CouponOutcome>,
    /// A payment that is under way for this cart.
    pub frozen: Option<Frozen>,
    /// Why the last change was refused, in words for the shopper.
    pub refused: Option<String>,
    /// The address that brings this cart to another device; `None` while there is no cart.
    pub link: Option<String>,
}

impl<'a> Model<'a> {
    /// No cart at all.
    pub const fn empty(site: &'a Site, refused: Option<String>) -> Self {
        Self {
            site,
            csrf: "",
            lines: Vec::new(),
            saved: Vec::new(),
            quote: None,
            is_mixed: false,
            coupon: None,
            coupon_outcome: None,
            frozen: None,
            refused,
            link: None,
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The variant.
    pub sku: Sku,
    /// Its product's page.
    pub slug: String,
    /// The product's name.
    pub title: String,
    /// What sets the variant apart, `M, Blue`; may be empty.
    pub variant: String,
    /// The maker.
    pub brand: Option<String>,
    /// Categories, outermost first.
    pub category: Vec<String>,
    /// The variant's picture, or the product's.
    pub picture: Option<Picture>,
    /// Price of one.
    pub unit_price: Money,
    /// The same as the shopper saw it last, where that is known.
    pub seen_price: Option<Money>,
    /// How many.
    pub quantity: Quantity,
    /// Units that could be bought now. `None` when the product is no longer sold.
    pub available: Option<u32>,
    /// The flash sale that it is held back for, while this cart may not buy from it: its slug and title.
    pub held_back: Option<(String, String)>,
}

/// A payment that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// Its checkout.
    pub checkout_id: CheckoutId,
    /// Until when the stock is held.
    pub until: Timestamp,
    /// Where the payment goes on: the order's page, or the gateway's.
    pub continue_href: String,
}

impl Line {
    /// Its picture, or a drawing of the kind of thing that it is.
    pub fn picture(&self, site: &Site) -> Markup {
        let subject = Subject { title: &self.title, brand: self.brand.as_deref(), category: &self.category };
        picture_or_drawing(site, self.picture.as_ref(), subject, THUMB_SIZES, Fetch::Soon)
    }

    /// Price of all of them; that of one where the sum is beyond any amount.
    fn total(&self) -> Money {
        self.unit_price.times(self.quantity.get()).unwrap_or(self.unit_price)
    }

    /// Most that can be asked for: fewer than there are is always possible.
    fn most(&self) -> u32 {
        self.available.unwrap_or(0).max(self.quantity.get()).min(Quantity::MAX)
    }

    fn is_short(&self) -> bool {
        self.available.is_none_or(|available| available < self.quantity.get())
    }

    /// What one cost when the shopper saw it last, if it is another price now.
    fn old_price(&self) -> Option<Money> {
        self.seen_price.filter(|seen| self.available.is_some() && *seen != self.unit_price)
    }
}

/// The page.
pub fn view(model: &Model<'_>) -> Markup {
    let main = html! {
        // Another tab or device may change it.
        .wrap #cart hx-get="/cart" hx-trigger="cart-elsewhere from:body" hx-select="#cart" hx-swap="outerHTML" {
            h1 { "Cart" }
            @if let Some(refused) = &model.refused {
                (notice(Tone::Bad, "That was not changed", &html! { p { (refused) } }))
            }
            @if let Some(frozen) = &model.frozen { (under_way(model, frozen)) }
            @if model.lines.is_empty() { (empty(model)) } @else { (filled(model)) }
            @if !model.saved.is_empty() { (saved(model)) }
            @if let Some(link) = &model.link && !model.lines.is_empty() { (elsewhere(link)) }
        }
    };
    Page::private(model.site, "Cart").render(&main)
}

fn empty(model: &Model<'_>) -> Markup {
    let site = model.site;
    html! {
        .empty {
            h2 { "Your cart is empty" }
            p { "What you add stays here for 90 days, or until you take it out or buy it." }
            p { a.button href="/search" { "See all products" } }
            @if !site.categories.is_empty() {
                ul.chips {
                    @for category in &site.categories { li { a.chip href=(category.href) { (category.label) } } }
                }
            }
        }
    }
}

fn filled(model: &Model<'_>) -> Markup {
    let short = model.lines.iter().any(Line::is_short);
    let held_back = model.lines.iter().any(|line| line.held_back.is_some());
    html! {
        @if short && model.frozen.is_none() {
            (notice(Tone::Warning, "Some things cannot be had as they are", &html! {
                p { "Change or remove the lines that are marked below, then check out." }
            }))
        }
        @if model.frozen.is_none() && model.lines.iter().any(|line| line.old_price().is_some()) { (new_prices(model)) }
        .cart {
            ul.lines role="list" {
                @for (index, line) in model.lines.iter().enumerate() { li { (line_view(model, index, line)) } }
            }
            aside.summary aria-label="Summary" {
                h2 { "Summary" }
                @if let Some(quote) = &model.quote {
                    (totals(quote))
                    (breakdown(quote, |sku| title_of(&model.lines, sku)))
                    @if quote.deliveries.iter().any(|part| !part.zone.is_empty()) || !quote.taxes().is_empty() {
                        p.hint { "Delivery and taxes follow your address, at checkout." }
                    }
                }
                @if model.frozen.is_none() { (coupon(model)) }
                @if model.frozen.is_some() {
                    p.hint { "Finish or give up the payment above first." }
                } @else if short || held_back || model.is_mixed {
                    p.hint { "Checkout opens once every line can be had." }
                } @else {
                    a.button.wide href="/checkout" { "Check out" }
                    p.hint { "Your things are held for 15 minutes while you pay." }
                }
            }
        }
    }
}

/// What a line is called.
pub(super) fn title_of<'l>(lines: &'l [Line], sku: &Sku) -> &'l str {
    lines.iter().find(|line| line.sku == *sku).map_or("", |line| line.title.as_str())
}

fn coupon(model: &Model<'_>) -> Markup {
    let outcome = model.coupon_outcome.as_ref();
    let field = CouponField { outcome, code: model.coupon.as_ref(), refused: None, form: None, action: None };
    html! {
        form action="/cart/coupon" method="post" hx-post="/cart/coupon" hx-target="#cart" hx-select="#cart"
            hx-swap="outerHTML" {
            input type="hidden" name="csrf" value=(model.csrf);
            (field.view())
        }
    }
}

/// Prices that are not what the shopper saw: told until they say that they know.
fn new_prices(model: &Model<'_>) -> Markup {
    let many = model.lines.iter().filter(|line| line.old_price().is_some()).count();
    let title = if many == 1 { "A price has changed" } else { "Some prices have changed" };
    notice(
        Tone::Warning,
        title,
        &html! {
            p { "Since you last looked. The sums below are what you would pay now." }
            form.actions action="/cart/prices" method="post" hx-post="/cart/prices"
                hx-target="#cart" hx-select="#cart" hx-swap="outerHTML" {
                input type="hidden" name="csrf" value=(model.csrf);
                button.button.quiet { "I have seen it" }
            }
        },
    )
}

/// One button that does something to a line, and says to which.
fn line_button(model: &Model<'_>, line: &Line, action: &str, class: &str, words: &str) -> Markup {
    html! {
        form action=(action) method="post" hx-post=(action) hx-target="#cart" hx-select="#cart" hx-swap="outerHTML" {
            input type="hidden" name="csrf" value=(model.csrf);
            input type="hidden" name="sku" value=(line.sku);
            button class=(class) { (words) span.hidden { " " (line.title) } }
        }
    }
}

/// What waits beside the cart.
fn saved(model: &Model<'_>) -> Markup {
    html! {
        section.saved aria-labelledby="saved" {
            h2 #saved { "Saved for later" }
            ul.lines role="list" {
                @for line in &model.saved {
                    li {
                        article.line {
                            (line_picture(model, line))
                            .line-words {
                                h3 { (line_title(line)) }
                                @if !line.variant.is_empty() { p.muted { (line.variant) } }
                                (line_price(line))
                                p.muted { "Quantity " (line.quantity.get()) }
                                @match line.available {
                                    None => p.problem { "No longer sold." },
                                    Some(0) => p.problem { "Sold out. It stays here until it is back." },
                                    Some(_) => {}
                                }
                            }
                            .line-forms {
                                @if model.frozen.is_none() && line.available.is_some_and(|available| available > 0) {
                                    (line_button(model, line, "/cart/saved/put-back", "button quiet", "Put into the cart"))
                                }
                                (line_button(model, line, "/cart/saved/remove", "link", "Remove"))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The way to another device.
fn elsewhere(link: &str) -> Markup {
    html! {
        details.elsewhere {
            summary { "Go on with this cart on another device" }
            p { "Open this address there. Whoever has it can use your cart, so keep it to yourself; it is good for seven days." }
            p { label for="cart-link" { "Address of your cart" } }
            input #cart-link type="url" readonly value=(link) data-select;
        }
    }
}

/// Asks whether to go on with the cart of another device here. `own` is how many things this browser's own cart holds.
pub fn open_view(site: &Site, link: &str, lines: usize, own: usize) -> Markup {
    let things =
        |count: usize| counted(u64::try_from(count).unwrap_or(u64::MAX), "different thing", "different things");
    let main = html! {
        .wrap {
            h1 { "Go on with your cart here" }
            p { "The cart that you were sent holds " (things(lines)) "." }
            @if own > 0 {
                p { "The cart in this browser holds " (things(own)) ". Both become one: nothing is lost, and nothing is counted twice." }
            }
            form action={ "/cart/open/" (link) } method="post" { button.button { "Go on here" } }
        }
    };
    Page::private(site, "Your cart").render(&main)
}

fn line_picture(model: &Model<'_>, line: &Line) -> Markup {
    html! {
        @if line.slug.is_empty() { span.frame { (line.picture(model.site)) } } @else {
            a.frame href=(product(&line.slug)) tabindex="-1" aria-hidden="true" { (line.picture(model.site)) }
        }
    }
}

/// Its name, and the way to its page while it has one.
fn line_title(line: &Line) -> Markup {
    html! { @if line.slug.is_empty() { (line.title) } @else { a href=(product(&line.slug)) { (line.title) } } }
}

/// Price of one, and what it was when it is another now.
fn line_price(line: &Line) -> Markup {
    html! {
        @if line.available.is_some() { p.muted { (line.unit_price) " each" } }
        @if let Some(old) = line.old_price() {
            @let words = if old.amount_minor < line.unit_price.amount_minor { "It has become dearer: " } else { "It has become cheaper: " };
            p.news { (words) s { span.hidden { "was " } (old) } " → " (line.unit_price) }
        }
    }
}

fn line_view(model: &Model<'_>, index: usize, line: &Line) -> Markup {
    let locked = model.frozen.is_some();
    html! {
        article.line.short[line.is_short()] {
            (line_picture(model, line))
            .line-words {
                h2 { (line_title(line)) }
                @if !line.variant.is_empty() { p.muted { (line.variant) } }
                (line_price(line))
                @if !locked { (line_problem(model, line)) }
            }
            p.price { (line.total()) }
            @if locked {
                p.line-forms { "Quantity " (line.quantity.get()) }
            } @else {
                .line-forms {
                    @if line.available.is_some_and(|available| available > 0) {
                        form action="/cart/lines/quantity" method="post" hx-post="/cart/lines/quantity"
                            hx-target="#cart" hx-select="#cart" hx-swap="outerHTML" {
                            input type="hidden" name="csrf" value=(model.csrf);
                            input type="hidden" name="sku" value=(line.sku);
                            label for={ "quantity-" (index) } { "Quantity" span.hidden { " of " (line.title) } }
                            input id={ "quantity-" (index) } type="number" name="quantity" value=(line.quantity.get())
                                min="1" max=(line.most()) inputmode="numeric" required data-submit;
                            button.button.quiet.no-js { "Update" }
                        }
                    }
                    (line_button(model, line, "/cart/lines/save", "link", "Save for later"))
                    (line_button(model, line, "/cart/lines/remove", "link", "Remove"))
                }
            }
        }
    }
}

fn line_problem(model: &Model<'_>, line: &Line) -> Markup {
    html! {
        @if let Some((slug, title)) = &line.held_back {
            p.problem { "Sold in a flash sale only, to people whose turn it is: " a href={ "/sale/" (encode(slug)) } { (title) } "." }
        }
        @match line.available {
            None => p.problem { "No longer sold. Please remove it." },
            Some(0) => p.problem { "Sold out. Save it for later, or remove it." },
            Some(available) if available < line.quantity.get() => {
                p.problem { "Only " (available) " can be had." }
                form action="/cart/lines/quantity" method="post" hx-post="/cart/lines/quantity"
                    hx-target="#cart" hx-select="#cart" hx-swap="outerHTML" {
                    input type="hidden" name="csrf" value=(model.csrf);
                    input type="hidden" name="sku" value=(line.sku);
                    input type="hidden" name="quantity" value=(available);
                    button.link { "Make it " (available) span.hidden { " of " (line.title) } }
                }
            }
            Some(_) => {}
        }
    }
}

fn under_way(model: &Model<'_>, frozen: &Frozen) -> Markup {
    notice(
        Tone::Warning,
        "A payment is under way for this cart",
        &html! {
            p {
                "The cart cannot be changed while you pay. Your things are held until " (time_of_day(frozen.until)) "."
            }
            .actions {
                a.button href=(frozen.continue_href) { "Continue the payment" }
                form action="/cart/give-up" method="post" {
                    input type="hidden" name="csrf" value=(model.csrf);
                    input type="hidden" name="checkout_id" value=(frozen.checkout_id);
                    button.button.quiet { "Give up and change the cart" }
                }
            }
        },
    )
}

/// The number beside the cart in the header. A fragment; nothing at all for an empty cart.
pub fn count(units: u64) -> Markup {
    html! {
        @if units > 0 {
            span.hidden { ", " } (units) span.hidden { (if units == 1 { " item" } else { " items" }) }
        }
    }
}

/// What was just put in the cart. A fragment for the product's page.
pub fn added(title: &str, quantity: u32) -> Markup {
    notice(
        Tone::Good,
        "In your cart",
        &html! {
            p { (quantity) " × " (title) }
            .actions { a.button href="/cart" { "View cart" } a.button.quiet href="/checkout" { "Check out" } }
        },
    )
}

/// Why something was not put in the cart. A fragment for the product's page.
pub fn not_added(reason: &str) -> Markup {
    notice(Tone::Bad, "Not added to your cart", &html! { p { (reason) } })
}

#[cfg(test)]
pub(super) mod tests {
    use domain::money::Currency;
    use domain::pricing::{PricedLine, Terms, quote};

    use super::super::form::tests::assert_every_control_is_labelled;
    use super::super::layout::tests::site;
    use super::*;

    pub(in super::super) fn two_cups() -> (Line, Quote) {
        let line = Line {
            sku: Sku::new("cup-1").unwrap(),
            slug: "cup".into(),
            title: "Cup <b>".into(),
            variant: "Blue".into(),
            brand: None,
            category: vec![],
            picture: None,
            unit_price: Money::new(1_000, Currency::Usd),
            seen_price: Some(Money::new(1_000, Currency::Usd)),
            quantity: Quantity::new(2).unwrap(),
            available: Some(5),
            held_back: None,
        };
        let priced = PricedLine { sku: line.sku.clone(), quantity: line.quantity, unit_price_minor: 1_000 };
        (line, quote(&[priced], &Terms::flat(500), Currency::Usd).unwrap())
    }

    fn page(available: Option<u32>, frozen: Option<Frozen>) -> String {
        let (line, _) = two_cups();
        page_with(Line { available, ..line }, frozen)
    }

    #[test]
    fn what_is_held_back_for_a_sale_says_so_and_keeps_the_checkout_shut() {
        let (line, _) = two_cups();
        let html = page_with(Line { held_back: Some(("winter".into(), "Winter".into())), ..line.clone() }, None);
        assert!(html.contains("/sale/winter") && !html.contains("href=\"/checkout\""), "{html}");
        assert!(page_with(line, None).contains("href=\"/checkout\""));
    }

    fn page_with(line: Line, frozen: Option<Frozen>) -> String {
        let site = site();
        let saved = vec![Line { sku: Sku::new("cup-2").unwrap(), title: "Saved cup".into(), ..line.clone() }];
        let (lines, link) = (vec![line], Some("https://shop.example/cart/open/x".to_owned()));
        let quote = Some(two_cups().1);
        view(&Model { csrf: "token", lines, saved, quote, frozen, link, ..Model::empty(&site, None) }).into_string()
    }

    #[test]
    fn a_cart_that_can_be_had_leads_to_checkout() {
        let html = page(Some(5), None);
        assert!(html.contains("href=\"/checkout\"") && html.contains("$25"), "{html}");
        assert!(html.contains("Cup &lt;b&gt;") && !html.contains("<b>"), "{html}");
        assert_every_control_is_labelled(&html);
        assert_eq!(html.matches("<form").count() - 1, html.matches("name=\"csrf\"").count(), "all but the search form");
    }

    #[test]
    fn a_short_line_says_so_and_closes_checkout() {
        let html = page(Some(1), None);
        assert!(html.contains("Only 1 can be had") && !html.contains("href=\"/checkout\""), "{html}");
        assert!(page(None, None).contains("No longer sold"));
    }

    #[test]
    fn a_new_price_is_told_with_the_old_one() {
        let (line, _) = two_cups();
        let quiet = page_with(line.clone(), None);
        assert!(!quiet.contains("/cart/prices"), "{quiet}");
        let seen_price = Some(Money::new(900, Currency::Usd));
        let html = page_with(Line { seen_price, ..line }, None);
        assert!(
            html.contains("It has become dearer") && html.contains("$9") && html.contains("/cart/prices"),
            "{html}"
        );
    }

    #[test]
    fn what_is_saved_for_later_can_be_put_back_while_there_is_some() {
        assert!(page(Some(5), None).contains("/cart/saved/put-back"));
        let html = page(Some(0), None);
        assert!(!html.contains("/cart/saved/put-back") && html.contains("stays here until it is back"), "{html}");
    }

    #[test]
    fn while_a_payment_is_under_way_nothing_can_be_changed() {
        let checkout_id = "0199aaaa-0000-7000-8000-000000000000".parse().unwrap();
        let frozen = Frozen { checkout_id, until: Timestamp(0), continue_href: "/orders/1".into() };
        let html = page(Some(5), Some(frozen));
        assert!(html.contains("/cart/give-up") && html.contains("href=\"/orders/1\""), "{html}");
        assert!(!html.contains("/cart/lines/remove") && !html.contains("href=\"/checkout\""), "{html}");
    }

    #[test]
    fn an_empty_cart_counts_nothing() {
        assert_eq!(count(0).into_string(), "");
        assert!(count(1).into_string().contains(" item<"));
    }
}
