//! What people see of the sandbox: plain HTML that works without scripts, in one quiet frame.
//!
//! Everything from outside is escaped by maud; nothing is loaded from anywhere else.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};

use crate::App;
use crate::gateways::Gateway;
use crate::outages::Fault;
use crate::problem::Problem;

pub mod checkout;
pub mod inbox;
pub mod payments;
mod way_back;

/// What pages may load and do, unless a page says otherwise.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// All pages.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(home))
        .route("/style.css", get(style))
        .route("/icon.svg", get(icon))
        .merge(checkout::routes())
        .merge(payments::routes())
        .merge(inbox::routes())
}

/// The frame round every page; `title` is unique to it.
fn frame(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · Kasuwa sandbox" }
                link rel="icon" href="/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/style.css";
            }
            body {
                a.skip href="#content" { "Skip to content" }
                p.band role="note" { strong { "Test" } " – no real money moves and nothing is sent" }
                header {
                    a.brand href="/" { "Sandbox" }
                    nav aria-label="Sandbox" {
                        a href="/payments" { "Payments" }
                        a href="/inbox" { "Inbox" }
                    }
                }
                main #content { (content) }
            }
        }
    }
}

/// A page that says what went wrong.
fn sorry(status: StatusCode, title: &str, detail: &str) -> Response {
    let content = html! {
        h1 { (title) }
        p.detail { (detail) }
        p { a.button.quiet href="/" { "To the start" } }
    };
    (status, frame(title, &content)).into_response()
}

/// A problem as a page.
fn apology(problem: &Problem) -> Response {
    sorry(problem.status, problem.status.canonical_reason().unwrap_or("Error"), &problem.detail)
}

/// No such address: a page for browsers, a problem for programs.
pub async fn missing(request: Request) -> Response {
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/html") {
        return sorry(StatusCode::NOT_FOUND, "Page not found", "There is nothing at this address.");
    }
    Problem::not_found("no_such_route", "there is nothing at this address").into_response()
}

/// Adds the headers that every answer has.
pub async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let defaults = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in defaults {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

async fn style() -> impl IntoResponse {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (headers, include_str!("pages/style.css"))
}

async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml")], include_str!("pages/icon.svg"))
}

async fn home(State(app): State<App>) -> Markup {
    let payments = app.with_book(|book| book.len());
    let messages = app.inbox().len();
    let settings = app.settings();
    let content = html! {
        h1 { "The outside world, on a laptop" }
        p.lead { "Payment gateways and an inbox for " (settings.merchant) "." }
        ul.doors {
            li {
                a href="/payments" { "Payments" }
                p { (payments) " so far. Pay them, decline them, or send the shop a faulty webhook." }
            }
            li {
                a href="/inbox" { "Inbox" }
                p { (messages) " caught. Every e-mail and text message that the shop sends ends here." }
            }
        }
        h2 { "Addresses" }
        dl.facts {
            @for gateway in Gateway::ALL {
                dt { (gateway.title()) (version(gateway)) }
                dd {
                    @if settings.keys.offer(gateway) { code { (settings.public_url) (gateway.base_path()) } }
                    @else { "Not offered: it has no keys" }
                    @match app.outages().of(gateway.name()).fault {
                        Fault::None => {}
                        Fault::Unavailable => " – unavailable, as asked",
                        Fault::Slow => " – slow, as asked",
                        Fault::Lost => " – its answers get lost, as asked",
                    }
                }
            }
            dt { "Webhooks go to" } dd { code { (settings.webhooks_url) "/…" } }
            dt { "Control" }
            dd { code { (settings.public_url) "/control/payments" } " and " code { "/control/gateways" } }
            dt { "Mail and SMS" } dd { code { (settings.public_url) "/mail" } " and " code { "/sms" } }
            dt { "Memory" }
            dd { @if settings.state.is_some() { "Payments survive a restart" } @else { "Payments are forgotten at the end" } }
        }
    };
    frame("Start", &content)
}

/// Which interface it is, where there is more than one.
const fn version(gateway: Gateway) -> &'static str {
    match gateway {
        Gateway::FlutterwaveV3 => ", v3",
        Gateway::FlutterwaveV4 => ", v4",
        Gateway::Paystack | Gateway::Monnify | Gateway::Stripe => "",
    }
}
