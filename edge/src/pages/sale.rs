//! A flash sale's page: what is sold, and where the shopper stands, from the announcement to the checkout. Never cached. Complete
//! without JavaScript: it loads itself again when something is due; with it, time runs down in place.

use domain::admission::CODE_DIGITS;
use domain::ids::{PersonId, Sku};
use domain::money::Money;
use domain::sale::Phase;
use domain::time::{Millis, Timestamp};
use domain::wire::Picture;
use maud::{Markup, html};

use super::form::{Field, problem_summary};
use super::layout::{Page, Site};
use super::links::{counted, encode, grouped, product};
use super::moment::{date_and_time, time_of_day};
use super::notice::{Tone, notice};
use super::picture::{Fetch, Subject, THUMB_SIZES, picture_or_drawing};

/// What the page shows.
#[derive(Debug, Clone)]
pub struct Model<'a> {
    /// What is the same on all pages.
    pub site: &'a Site,
    /// The sale.
    pub sale: Facts,
    /// What is on sale.
    pub products: Vec<OnSale>,
    /// Where the shopper stands.
    pub state: State,
    /// What is wrong with what was typed, by field (`email`, `code`).
    pub problems: Vec<(String, String)>,
    /// When the page is made.
    pub now: Timestamp,
}

/// What there is to say about a sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its page: `/sale/{slug}`.
    pub slug: String,
    /// What it is called.
    pub title: String,
    /// How far it has come.
    pub phase: Phase,
    /// From when on people join.
    pub gathers_at: Timestamp,
    /// When the order is drawn.
    pub starts_at: Timestamp,
    /// When nobody is let in any more.
    pub ends_at: Timestamp,
    /// People let in within a minute.
    pub rate: u32,
    /// How long a pass is open.
    pub pass_length: Millis,
}

/// A product on sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnSale {
    /// Its page: `/p/{slug}`.
    pub slug: String,
    /// Its name.
    pub title: String,
    /// Its maker.
    pub brand: Option<String>,
    /// Categories, outermost first.
    pub category: Vec<String>,
    /// The main one.
    pub picture: Option<Picture>,
    /// For one person, all variants together.
    pub units_max: u32,
    /// What can be bought: at least one.
    pub variants: Vec<OnSaleVariant>,
}

/// A variant of a product on sale, whether it costs less or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnSaleVariant {
    /// Names it.
    pub sku: Sku,
    /// What sets it apart: `M, Blue`; empty for the only variant.
    pub options: String,
    /// What it costs less in the sale.
    pub price: Option<Money>,
    /// What it costs as always.
    pub regular_price: Money,
    /// Units that can be bought.
    pub available: u32,
}

impl OnSale {
    fn is_sold_out(&self) -> bool {
        self.variants.iter().all(|variant| variant.available == 0)
    }
}

/// Where the shopper stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nobody can join yet.
    Announced,
    /// They have not joined. What was typed, if something was.
    Join {
        /// the address
        email: String,
    },
    /// A code was sent, and is awaited.
    Code {
        /// the address; empty where this browser does not know it
        email: String,
        /// what is typed already
        code: String,
    },
    /// They came by the link in the e-mail, which proves who they are.
    Link {
        /// the link's key
        key: String,
    },
    /// They are in the draw.
    Gathering(Place),
    /// They wait.
    Waiting {
        /// their place
        place: Place,
        /// people who are drawn before them; `None` for those who came after the draw
        before: Option<u32>,
        /// when they are let in
        admitted_at: Timestamp,
    },
    /// They may buy.
    Admitted {
        /// until then
        until: Timestamp,
    },
    /// They had their time, and may join again.
    Lapsed,
    /// So many come before them that it ends before their turn.
    Unreached,
    /// Nobody is let in any more.
    Over,
    /// It will not be, or not go on.
    Cancelled,
}

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Who they are in the draw's list.
    pub person_id: PersonId,
    /// Counts those who joined from 0.
    pub number: u32,
}

impl Model<'_> {
    /// When the next thing happens for this shopper.
    fn due_at(&self) -> Option<Timestamp> {
        match &self.state {
            State::Announced => Some(self.sale.gathers_at),
            // Everybody's page is due at once when it starts: a few seconds apart is soon enough, as nobody gains by being first.
            State::Gathering(place) => {
                Some(self.sale.starts_at + Millis(500 + i64::from(place.person_id.0.as_bytes()[0]) * 16))
            }
            State::Waiting { admitted_at, .. } => Some(*admitted_at),
            State::Admitted { until } => Some(*until),
            State::Join { .. }
            | State::Code { .. }
            | State::Link { .. }
            | State::Lapsed
            | State::Unreached
            | State::Over
            | State::Cancelled => None,
        }
    }

    /// Whether the sale's prices are nobody's any more who looks at this page.
    const fn is_sold_as_always(&self) -> bool {
        match self.sale.phase {
            Phase::Announced | Phase::Gathering | Phase::Running => false,
            Phase::Over => !matches!(self.state, State::Admitted { .. }),
            Phase::Cancelled => true,
        }
    }

    /// After how many seconds a page without JavaScript loads itself again: when something is due, and once a minute.
    fn refresh_seconds(&self) -> Option<u32> {
        // Whoever shops is not disturbed; the time that is left stands there.
        if matches!(self.state, State::Admitted { .. }) {
            return None;
        }
        let seconds = (self.due_at()? - self.now).0.max(0) / 1_000 + 1;
        u32::try_from(seconds.clamp(2, 60)).ok()
    }
}

/// The page.
pub fn view(model: &Model<'_>) -> Markup {
    let sale = &model.sale;
    let problems = model.problems.iter().map(|(field, problem)| (field.as_str(), problem.as_str()));
    let sold_out = !model.products.is_empty() && model.products.iter().all(OnSale::is_sold_out);
    let address = format!("/sale/{}", encode(&sale.slug));
    let due_in = model.due_at().map(|at| (at - model.now).0.max(0));
    let main = html! {
        .wrap.sale #sale data-made-at=(model.now.as_millis()) data-due-in=[due_in]
            hx-get=(address) hx-trigger="sale-due from:body" hx-select="#sale" hx-swap="outerMorph" {
            p.muted.sale-name { "Flash sale" }
            h1 { (sale.title) }
            (problem_summary(problems))
            section.status.{ "is-" (tone(&model.state)) } aria-labelledby="standing" {
                (standing(model))
            }
            @if sold_out && matches!(sale.phase, Phase::Gathering | Phase::Running) {
                (notice(Tone::Warning, "Everything is sold or promised", &html! {
                    p { "If somebody does not pay within 15 minutes, what was held for them comes back." }
                }))
            }
            section.sale-products aria-labelledby="products" {
                h2 #products { @if model.is_sold_as_always() { "Products" } @else { "On sale" } }
                ul.lines role="list" { @for on_sale in &model.products { li { (line(model, on_sale)) } } }
            }
            @match sale.phase {
                Phase::Announced | Phase::Gathering | Phase::Running => (rules(sale)),
                Phase::Over => p.sale-rules { a href={ (address) "/draw" } { "How the order was drawn" } },
                Phase::Cancelled => {}
            }
        }
    };
    let title = format!("{} · {}", headline(model), sale.title);
    Page { refresh_seconds: model.refresh_seconds(), ..Page::private(model.site, &title) }.render(&main)
}

const fn tone(state: &State) -> &'static str {
    match state {
        State::Announced | State::Join { .. } | State::Code { .. } | State::Link { .. } => "open",
        State::Gathering(_) | State::Waiting { .. } => "waiting",
        State::Admitted { .. } => "good",
        State::Lapsed | State::Unreached | State::Over | State::Cancelled => "over",
    }
}

const fn headline(model: &Model<'_>) -> &'static str {
    match &model.state {
        State::Announced => "It has not begun",
        State::Join { .. } => match model.sale.phase {
            Phase::Running => "Join the queue",
            Phase::Announced | Phase::Gathering | Phase::Over | Phase::Cancelled => "Join the draw",
        },
        State::Code { .. } => "Enter your code",
        State::Link { .. } => "Take your place",
        State::Gathering(_) => "You are in the draw",
        State::Waiting { .. } => "You have a place",
        State::Admitted { .. } => "It is your turn",
        State::Lapsed => "Your time is over",
        State::Unreached => "It ends before your turn",
        State::Over => "This sale is over",
        State::Cancelled => "This sale was cancelled",
    }
}

fn standing(model: &Model<'_>) -> Markup {
    let sale = &model.sale;
    html! {
        // Only what changes is told: the time that runs down is not.
        div role="status" aria-live="polite" { h2 #standing { (headline(model)) } }
        @match &model.state {
            State::Announced => {
                p.lead { "From " (date_and_time(sale.gathers_at)) " on you can join. At " (time_of_day(sale.starts_at))
                    " the order is drawn among all who have: being first does not help, so take your time." }
                (countdown(model, sale.gathers_at, "until you can join"))
            }
            State::Join { email } => (join(model, email)),
            State::Code { email, code } => (code_form(model, email, code)),
            State::Link { key } => (link_form(model, key)),
            State::Gathering(place) => {
                p.lead { "At " (time_of_day(sale.starts_at)) " the order is drawn among all who have joined. This page then shows your place." }
                (countdown(model, sale.starts_at, "until the draw"))
                (keeps(model, *place))
            }
            State::Waiting { place, before, admitted_at } => (waiting(model, *place, *before, *admitted_at)),
            State::Admitted { until } => {
                p.lead { "Put what you want into your cart and check out before " (time_of_day(*until))
                    ", with the e-mail address with which you joined." }
                (countdown(model, *until, "left to check out"))
                p.actions { a.button.quiet href="/cart" { "To your cart" } }
            }
            State::Lapsed => {
                p.lead { "You were let in and did not check out in time. You may join again, behind those who wait." }
                p.actions { a.button href={ "/sale/" (encode(&sale.slug)) "?again=1" } { "Join again" } }
            }
            State::Unreached => {
                p.lead { "So many joined that your turn would come after the end. That was the draw, and nothing that you did." }
                p.actions { a.button.quiet href="/search" { "Go on shopping" } }
            }
            State::Over => {
                p.lead { "It ended on " (date_and_time(sale.ends_at)) ". What is left is sold at its regular price." }
                p.actions { a.button.quiet href="/search" { "Go on shopping" } }
            }
            State::Cancelled => {
                p.lead { "Nobody is let in. Its products are sold at their regular prices." }
                p.actions { a.button.quiet href="/search" { "Go on shopping" } }
            }
        }
    }
}

fn join(model: &Model<'_>, email: &str) -> Markup {
    let sale = &model.sale;
    html! {
        @if sale.phase == Phase::Running {
            p.lead { "The order has been drawn. You can still join, behind those who have." }
        } @else {
            p.lead { "At " (time_of_day(sale.starts_at)) " the order is drawn among all who have joined by then. Being first does not help." }
            (countdown(model, sale.starts_at, "until the draw"))
        }
        form.sale-form action={ "/sale/" (encode(&sale.slug)) "/join" } method="post" novalidate {
            (Field {
                hint: "We send a code there, so that everybody has one place. It is kept for nothing else.",
                ..email_field(model, email)
            }.input())
            button.button { "Send me a code" }
        }
    }
}

fn email_field<'m>(model: &'m Model<'_>, email: &'m str) -> Field<'m> {
    Field {
        name: "email",
        label: "E-mail address",
        hint: "",
        kind: "email",
        autocomplete: "email",
        value: email,
        problem: problem(model, "email"),
        optional: false,
        length_max: 254,
    }
}

fn problem<'m>(model: &'m Model<'_>, field: &str) -> Option<&'m str> {
    model.problems.iter().find(|(name, _)| name == field).map(|(_, problem)| problem.as_str())
}

fn code_form(model: &Model<'_>, email: &str, code: &str) -> Markup {
    let slug = encode(&model.sale.slug);
    html! {
        @if email.is_empty() {
            p.lead { "Type the address that the code was sent to, and go on here." }
        } @else {
            p.lead { "We have sent a code to " strong { (email) } ". It may take a minute; look among spam too." }
        }
        form.sale-form action={ "/sale/" (slug) "/confirm" } method="post" novalidate {
            @if email.is_empty() { (email_field(model, email).input()) }
            @else { input type="hidden" name="email" value=(email); }
            .field.invalid[problem(model, "code").is_some()] {
                label for="code" { "Code" }
                p.hint #code-hint { (CODE_DIGITS) " digits, good for 15 minutes. The link in the e-mail does the same." }
                @if let Some(problem) = problem(model, "code") { p.problem #code-problem { (problem) } }
                input.code #code type="text" name="code" value=(code) inputmode="numeric" autocomplete="one-time-code"
                    maxlength="12" spellcheck="false" aria-required="true"
                    aria-describedby={ "code-hint" @if problem(model, "code").is_some() { " code-problem" } }
                    aria-invalid=[problem(model, "code").map(|_| "true")];
            }
            button.button { "Take my place" }
        }
        @if !email.is_empty() {
            form.sale-again action={ "/sale/" (slug) "/join" } method="post" {
                input type="hidden" name="email" value=(email);
                button.link { "Send another code" }
            }
        }
        p { a href={ "/sale/" (slug) "?again=1" } { "Use another address" } }
    }
}

/// A link may be opened by a program that looks into e-mails: only the button changes anything.
fn link_form(model: &Model<'_>, key: &str) -> Markup {
    html! {
        p.lead { "Your e-mail address is confirmed. Your place is good in this browser, so take it where you want to buy." }
        form.sale-form action={ "/sale/" (encode(&model.sale.slug)) "/confirm" } method="post" {
            input type="hidden" name="key" value=(key);
            button.button { "Take my place" }
        }
    }
}

fn waiting(model: &Model<'_>, place: Place, before: Option<u32>, admitted_at: Timestamp) -> Markup {
    let sale = &model.sale;
    let left = (admitted_at - model.now).0.max(0);
    // Of those before, the ones who are in already do not count any more.
    let ahead = left * i64::from(sale.rate) / 60_000;
    let whole = (admitted_at - sale.starts_at).0.max(1);
    html! {
        p.lead {
            "You are let in at " (time_of_day(admitted_at)) "."
            @if ahead > 0 { " About " (counted(u64::try_from(ahead).unwrap_or(0), "person is", "people are")) " before you." }
        }
        (countdown(model, admitted_at, "until it is your turn"))
        progress.sale-progress max=(whole) value=(whole - left.min(whole)) aria-label="How far the queue has come" {}
        @if let Some(before) = before {
            p.muted { "You were drawn to place " (grouped(u64::from(before) + 1)) "." }
        }
        (keeps(model, place))
    }
}

/// What a waiting shopper may do meanwhile, and who they are in the draw.
fn keeps(model: &Model<'_>, place: Place) -> Markup {
    html! {
        p { "You can close this page, reload it or open it twice: your place stays. On another device, join again with the same address." }
        details {
            summary { "Check the draw yourself" }
            p { "In its list you are number " (grouped(u64::from(place.number) + 1)) ", called " code { (place.person_id) } ". "
                a href={ "/sale/" (encode(&model.sale.slug)) "/draw" } { "How it is drawn" } }
        }
    }
}

/// Time that runs down. Without JavaScript it stands still until the page loads itself again.
fn countdown(model: &Model<'_>, at: Timestamp, words: &str) -> Markup {
    let left = (at - model.now).0.max(0);
    html! {
        p.countdown { strong data-countdown=(left) data-words=(words) { (duration(left)) } " " (words) }
    }
}

/// `1:02:03` or `2:03`, or in days. The words of `sale.js` are the same.
fn duration(ms: i64) -> String {
    let seconds = (ms + 999) / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        1..48 => format!("{hours}:{minutes:02}:{seconds:02}"),
        _ => format!("{} days", hours / 24),
    }
}

fn line(model: &Model<'_>, on_sale: &OnSale) -> Markup {
    let subject = Subject { title: &on_sale.title, brand: on_sale.brand.as_deref(), category: &on_sale.category };
    html! {
        article.line {
            a.frame href=(product(&on_sale.slug)) tabindex="-1" aria-hidden="true" {
                (picture_or_drawing(model.site, on_sale.picture.as_ref(), subject, THUMB_SIZES, Fetch::Soon))
            }
            .line-words {
                h3 { a href=(product(&on_sale.slug)) { (on_sale.title) } }
                @if !model.is_sold_as_always() {
                    p.muted { "At most " (on_sale.units_max) " for one person" @if on_sale.variants.len() > 1 { ", of all choices together" } }
                }
            }
            ul.sale-choices role="list" { @for variant in &on_sale.variants { li { (choice(model, on_sale, variant)) } } }
        }
    }
}

/// A variant with what it costs, and for whoever is let in the button that takes it.
fn choice(model: &Model<'_>, on_sale: &OnSale, variant: &OnSaleVariant) -> Markup {
    let is_admitted = matches!(model.state, State::Admitted { .. });
    let price = variant.price.filter(|_| !model.is_sold_as_always());
    html! {
        @if !variant.options.is_empty() { span.sale-choice { (variant.options) } }
        span.price {
            (price.unwrap_or(variant.regular_price))
            @if price.is_some() { " " s.muted { span.hidden { "instead of " } (variant.regular_price) } }
        }
        @if variant.available == 0 {
            span.problem { "Sold out" }
        } @else if is_admitted {
            form action="/cart/lines" method="post" {
                input type="hidden" name="sku" value=(variant.sku);
                input type="hidden" name="quantity" value="1";
                button.button {
                    "Add to cart"
                    span.hidden { " " (on_sale.title) @if !variant.options.is_empty() { ", " (variant.options) } }
                }
            }
        }
    }
}

fn rules(sale: &Facts) -> Markup {
    html! {
        section.sale-rules aria-labelledby="rules" {
            h2 #rules { "How it works" }
            ul {
                li {
                    @if sale.phase == Phase::Running {
                        "People joined until " (date_and_time(sale.starts_at)) ". Then the order was drawn, and "
                    } @else {
                        "Until " (date_and_time(sale.starts_at)) " people join. Then the order is drawn, and "
                    }
                    a href={ "/sale/" (encode(&sale.slug)) "/draw" } { "anybody can check the draw" } "." }
                li { (counted(u64::from(sale.rate), "person is", "people are")) " let in each minute, until " (date_and_time(sale.ends_at)) "." }
                li { "Whoever is let in has " (counted(u64::try_from(sale.pass_length.0 / 60_000).unwrap_or(0), "minute", "minutes"))
                    " to check out. Goods are held for 15 minutes once you do." }
                li { "One address has one place. Passes are good in the browser, and for the address, that they were made for." }
            }
        }
    }
}

#[cfg(test)]
#[path = "sale_tests.rs"]
mod tests;
