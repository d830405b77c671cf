//! The cart: what is in it, what it costs, what stands in the way of paying. Never cached.

use std::fmt::Write as _;

use domain::ids::{CheckoutId, Sku};
use domain::money::Money;
use domain::pricing::{CouponCode, CouponOutcome, Quote};
use domain::stock::Quantity;
use domain::time::Timestamp;
use domain::wire::Picture;
use maud::{Markup, html};

use super::in_sale::{self, InSale, Turn};
use super::layout::{Page, Site};
use super::links::{counted, product};
use super::moment::time_of_day;
use super::notice::{Tone, notice};
use super::picture::{Fetch, Subject, THUMB_SIZES, picture_or_drawing};
use super::quote::{CouponField, breakdown, totals};

/// How long after a turn's end the page asks again: a moment late rather than a moment early.
const TURN_OVER_MS: i64 = 500;

/// What the cart's page shows.
#[derive(Debug, Clone)]
pub struct Model<'a> {
    /// What is the same on all pages.
    pub site: &'a Site,
    /// When it is made.
    pub now: Timestamp,
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
            now: Timestamp(0),
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

impl Model<'_> {
    /// Units of a product in the cart, all variants together.
    fn units_of(&self, slug: &str) -> u32 {
        let its = self.lines.iter().filter(|line| line.slug == slug);
        its.map(|line| line.quantity.get()).fold(0, u32::saturating_add)
    }

    /// The sales in which it is this cart's turn, the one that ends first first.
    fn turns(&self) -> Vec<(&InSale, Timestamp)> {
        let mut turns: Vec<(&InSale, Timestamp)> = Vec::new();
        for sale in self.lines.iter().filter_map(|line| line.in_sale.as_ref()) {
            if let Turn::Open { until } = sale.turn
                && !turns.iter().any(|(known, _)| known.slug == sale.slug)
            {
                turns.push((sale, until));
            }
        }
        turns.sort_by_key(|(_, until)| *until);
        turns
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
    /// What a flash sale means for it.
    pub in_sale: Option<InSale>,
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

    /// What one cost when the shopper saw it last, if it is another price now. Where a sale is why, that is told instead.
    fn old_price(&self) -> Option<Money> {
        let is_told = self.in_sale.as_ref().is_some_and(|sale| match sale.turn {
            Turn::Closed(_) | Turn::Ended | Turn::Cancelled => true,
            Turn::Open { .. } => false,
        });
        self.seen_price.filter(|seen| self.available.is_some() && !is_told && *seen != self.unit_price)
    }

    /// Whether it is part of the sum: what cannot be had at all is not.
    fn is_counted(&self) -> bool {
        self.available.is_some_and(|available| available > 0)
            && !self.in_sale.as_ref().is_some_and(InSale::is_held_back)
    }

    /// More of its product than one person may have in the sale.
    fn is_beyond_a_share(&self, model: &Model<'_>) -> bool {
        self.in_sale.as_ref().is_some_and(|sale| {
            matches!(sale.turn, Turn::Open { .. }) && model.units_of(&self.slug) > sale.units_max.get()
        })
    }
}

/// The page.
pub fn view(model: &Model<'_>) -> Markup {
    let main = html! {
        // Another tab or device may change it; and what a sale gives ends at its time.
        .wrap #cart hx-get="/cart" hx-trigger=(refreshed_by(model)) hx-select="#cart" hx-swap="outerHTML" {
            h1 { "Cart" }
            @if let Some(refused) = &model.refused {
                (notice(Tone::Bad, "That was not changed", &html! { p { (refused) } }))
            }
            @if let Some(frozen) = &model.frozen { (under_way(model, frozen)) }
            @if model.frozen.is_none() { (turns(model)) }
            @if model.lines.is_empty() { (empty(model)) } @else { (filled(model)) }
            @if !model.saved.is_empty() { (saved(model)) }
            @if let Some(link) = &model.link && !model.lines.is_empty() { (elsewhere(link)) }
        }
    };
    Page::private(model.site, "Cart").render(&main)
}

/// When the page asks how the cart is now.
fn refreshed_by(model: &Model<'_>) -> String {
    let mut triggers = "cart-elsewhere from:body".to_owned();
    if let Some((_, until)) = model.turns().first() {
        let left = (*until - model.now).0.max(0).saturating_add(TURN_OVER_MS);
        // Writing to a String cannot fail.
        let _ = write!(triggers, ", load delay:{left}ms");
    }
    triggers
}

/// Until when the sales' prices hold.
fn turns(model: &Model<'_>) -> Markup {
    html! {
        @for (sale, until) in model.turns() { (in_sale::turn(sale, until)) }
    }
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
    let held_back = model.lines.iter().any(|line| line.in_sale.as_ref().is_some_and(InSale::is_held_back));
    let beyond = model.lines.iter().any(|line| line.is_beyond_a_share(model));
    let uncounted = model.lines.iter().any(|line| !line.is_counted());
    html! {
        @if (short || beyond) && model.frozen.is_none() {
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
                @if uncounted { p.hint { "What cannot be had is not counted." } }
                @if model.frozen.is_none() { (coupon(model)) }
                @if model.frozen.is_some() {
                    p.hint { "Finish or give up the payment above first." }
                } @else if short || held_back || beyond || model.is_mixed {
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
            @if line.is_counted() || locked { p.price { (line.total()) } } @else { p.price.muted { "Not counted" } }
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
        @if let Some(sale) = &line.in_sale { (in_sale::words(sale, model.units_of(&line.slug))) }
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
#[path = "cart_tests.rs"]
pub(super) mod tests;
