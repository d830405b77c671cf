//! A shopper's account: what they ordered, and what is theirs to change. Never cached.

use domain::ids::OrderId;
use domain::money::Money;
use domain::order::OrderStatus;
use domain::time::Timestamp;
use maud::{Markup, html};

use super::form::{Field, problem_summary};
use super::layout::{Page, Site};
use super::moment::date_and_time;
use super::notice::{Tone, notice};
use super::order::{short_id, tone};

/// What is the same on the account's pages.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// What is the same on all pages.
    pub site: &'a Site,
    /// What to call the shopper.
    pub called: &'a str,
    /// Their address.
    pub email: &'a str,
    /// The token of its forms.
    pub csrf: &'a str,
}

/// An order in the list.
#[derive(Debug, Clone)]
pub struct Order {
    /// Which.
    pub id: OrderId,
    /// Its page.
    pub href: String,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Where it stands.
    pub status: OrderStatus,
    /// What was charged.
    pub total: Money,
    /// What is in it.
    pub titles: Vec<String>,
}

/// Where the shopper is signed in.
#[derive(Debug, Clone)]
pub struct Device {
    /// What it goes by in forms.
    pub id: String,
    /// `Firefox on Linux`.
    pub name: String,
    /// When it was signed in.
    pub since: Timestamp,
    /// When it was used last, to the hour.
    pub seen_at: Timestamp,
    /// Whether it is the one that asks.
    pub is_this: bool,
}

/// What the settings show.
#[derive(Debug, Clone)]
pub struct Settings<'a> {
    /// As it is, or as it was typed.
    pub name: &'a str,
    /// The address to move to, as it was typed.
    pub new_email: &'a str,
    /// Where they are signed in.
    pub devices: &'a [Device],
    /// What is wrong with what was typed, field by field.
    pub problems: &'a [(String, String)],
    /// Why it was refused, where no field is to blame.
    pub refused: Option<&'a str>,
    /// What was done.
    pub done: Option<&'a str>,
}

/// The orders.
pub fn orders(frame: &Frame<'_>, orders: &[Order]) -> Markup {
    framed(
        frame,
        "Your account",
        Tab::Orders,
        &html! {
            section aria-labelledby="orders-title" {
                h2 #orders-title { "Your orders" }
                @if orders.is_empty() {
                    .empty {
                        p { "Nothing yet. What you buy while you are signed in stands here, and so does what was bought with your e-mail address." }
                        p { a.button href="/" { "Go shopping" } }
                    }
                } @else {
                    ul.orders role="list" {
                        @for order in orders {
                            li {
                                p.order-head {
                                    a href=(order.href) { "Order " (short_id(order.id)) }
                                    span class={ "order-state is-" (tone(order.status)) } { (state(order.status)) }
                                }
                                p.muted { (date_and_time(order.placed_at)) " · " (order.total) }
                                p.order-titles { (order.titles.join(", ")) }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// Name, address, password, devices, and the end of it.
pub fn settings(frame: &Frame<'_>, settings: &Settings<'_>) -> Markup {
    let problems = settings.problems.iter().map(|(field, problem)| (field.as_str(), problem.as_str()));
    framed(
        frame,
        "Settings",
        Tab::Settings,
        &html! {
            (problem_summary(problems))
            @if let Some(refused) = settings.refused { (notice(Tone::Warning, "That was not done", &html! { p { (refused) } })) }
            @if let Some(done) = settings.done { div role="status" { (notice(Tone::Good, done, &html! {})) } }
            (form(frame, "/account/name", "Your name", "Save", &html! {
                (Field { optional: true, length_max: 80, ..field(settings, "name", "Name", "text", "name", settings.name) }.input())
            }))
            (form(frame, "/account/email", "E-mail address", "Send a link there", &html! {
                p { "Yours is " strong dir="auto" { (frame.email) } ". A link goes to the new one; nothing changes before it is opened." }
                (field(settings, "email", "New e-mail address", "email", "email", settings.new_email).input())
                (password(settings, "email-current", "Your password"))
            }))
            (form(frame, "/account/password", "Password", "Change the password", &html! {
                p { "You are signed out everywhere else then." }
                (password(settings, "password-current", "Your present password"))
                (Field {
                    hint: "At least 10 characters. Three or four words are easy to remember and hard to guess.",
                    ..field(settings, "password", "New password", "password", "new-password", "")
                }.input())
            }))
            (devices(frame, settings.devices))
            section.settings aria-labelledby="data-title" {
                h2 #data-title { "Your data" }
                p { a.button.quiet href="/account/data.json" download="kasuwa-account.json" { "Download what we know of you" } }
            }
            (form(frame, "/account/delete", "Delete the account", "Delete my account for good", &html! {
                p { "Your name, address and password are forgotten at once, your cart within 90 days. Orders stay with the shop, which has to keep them; \
                     the links in their e-mails go on working." }
                (password(settings, "delete-current", "Your password"))
            }))
        },
    )
}

/// Whether to move the account to another address.
pub fn move_here(frame: &Frame<'_>, email: &str, href: &str) -> Markup {
    framed(
        frame,
        "Change your e-mail address",
        Tab::Settings,
        &html! {
            form.settings action=(href) method="post" {
                input type="hidden" name="csrf" value=(frame.csrf);
                p { "Your account has the address " strong dir="auto" { (frame.email) } " now. From here on it will be "
                    strong dir="auto" { (email) } "." }
                button.button { "Use the new address" }
            }
        },
    )
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tab {
    Orders,
    Settings,
}

fn framed(frame: &Frame<'_>, title: &str, tab: Tab, content: &Markup) -> Markup {
    let current = |of: Tab| (of == tab).then_some("page");
    let main = html! {
        .wrap.account {
            h1 { (title) }
            p.muted { "Signed in as " span dir="auto" { (frame.called) } }
            nav.tabs aria-label="Your account" {
                a href="/account" aria-current=[current(Tab::Orders)] { "Orders" }
                a href="/account/settings" aria-current=[current(Tab::Settings)] { "Settings" }
                form action="/sign-out" method="post" {
                    input type="hidden" name="csrf" value=(frame.csrf);
                    button.link { "Sign out" }
                }
            }
            (content)
        }
    };
    Page::private(frame.site, title).render(&main)
}

fn field<'s>(
    settings: &'s Settings<'_>,
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    autocomplete: &'static str,
    value: &'s str,
) -> Field<'s> {
    let problem = settings.problems.iter().find(|(field, _)| field == name).map(|(_, problem)| problem.as_str());
    Field { name, label, hint: "", kind, autocomplete, value, problem, optional: false, length_max: 254 }
}

fn password(settings: &Settings<'_>, name: &'static str, label: &'static str) -> Markup {
    field(settings, name, label, "password", "current-password", "").input()
}

fn form(frame: &Frame<'_>, action: &str, title: &str, button: &str, fields: &Markup) -> Markup {
    html! {
        section.settings {
            h2 { (title) }
            form action=(action) method="post" novalidate {
                input type="hidden" name="csrf" value=(frame.csrf);
                (fields)
                button.button.quiet { (button) }
            }
        }
    }
}

fn devices(frame: &Frame<'_>, devices: &[Device]) -> Markup {
    let end = |which: &str, says: &str, label: &str| {
        html! {
            form action="/account/devices/end" method="post" {
                input type="hidden" name="csrf" value=(frame.csrf);
                button.link name="which" value=(which) aria-label=(label) { (says) }
            }
        }
    };
    html! {
        section.settings aria-labelledby="devices-title" {
            h2 #devices-title { "Where you are signed in" }
            ul.devices role="list" {
                @for device in devices {
                    li {
                        p {
                            strong { (device.name) }
                            @if device.is_this { " (here)" }
                            br;
                            span.muted { "Since " (date_and_time(device.since)) ", last used about " (date_and_time(device.seen_at)) }
                        }
                        @if !device.is_this { (end(&device.id, "Sign out", &format!("Sign out {}", device.name))) }
                    }
                }
            }
            @if devices.len() > 1 { (end("others", "Sign out everywhere else", "Sign out everywhere else")) }
            (end("all", "Sign out everywhere, also here", "Sign out everywhere, also here"))
        }
    }
}

const fn state(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::AwaitingPayment => "Waiting for payment",
        OrderStatus::Paid => "Paid",
        OrderStatus::Packed => "Packed",
        OrderStatus::Sent => "On its way",
        OrderStatus::Delivered => "Delivered",
        OrderStatus::Cancelled => "Cancelled",
        OrderStatus::RefundDue => "Refund on its way",
        OrderStatus::Refunded => "Refunded",
    }
}

#[cfg(test)]
mod tests {
    use super::super::form::tests::assert_every_control_is_labelled;
    use super::super::layout::tests::site;
    use super::*;

    #[test]
    fn every_form_carries_the_token_and_every_problem_leads_to_its_field() {
        let site = site();
        let frame = Frame { site: &site, called: "Ada <3", email: "ada@example.com", csrf: "the-token" };
        let device = |id: &str, is_this| Device {
            id: id.to_owned(),
            name: "Firefox on Linux".to_owned(),
            since: Timestamp(0),
            seen_at: Timestamp(0),
            is_this,
        };
        let problems = [("delete-current".to_owned(), "This is not your password".to_owned())];
        let devices = [device("a", true), device("b", false)];
        let html = settings(
            &frame,
            &Settings { name: "Ada", new_email: "", devices: &devices, problems: &problems, refused: None, done: None },
        )
        .into_string();
        assert!(html.contains("Ada &lt;3"), "{html}");
        assert!(html.contains("<a href=\"#delete-current\">") && html.contains("id=\"delete-current\""), "{html}");
        assert_eq!(
            html.matches("<form").count() - 1,
            html.matches("value=\"the-token\"").count(),
            "all but the search"
        );
        assert_eq!(html.matches("value=\"b\"").count(), 1, "the browser that asks is signed out by another button");
        assert_every_control_is_labelled(&html);
    }
}
