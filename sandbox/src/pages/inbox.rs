//! The inbox: what the shop sent, newest first. An e-mail's HTML is shown in a frame that can run nothing.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};

use super::{frame, sorry};
use crate::App;
use crate::inbox::{Content, Message};

/// For an e-mail's HTML: no scripts, no forms, nothing fetched, an origin of its own; links open a new window.
const MAIL_POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; frame-ancestors 'self'";

pub(super) fn routes() -> Router<App> {
    Router::new().route("/inbox", get(list)).route("/inbox/{id}", get(show)).route("/inbox/{id}/html", get(show_html))
}

async fn list(State(app): State<App>) -> Markup {
    let messages = app.inbox().newest_first();
    let content = html! {
        h1 { "Inbox" }
        @if messages.is_empty() {
            p.empty { "Nothing yet. E-mails and text messages that the shop sends are caught here." }
        } @else {
            ul.messages {
                @for message in &messages {
                    li {
                        a href={ "/inbox/" (message.id) } { (headline(message)) }
                        p.hint {
                            (kind(message)) " to " (receiver(message)) " · "
                            time datetime=(message.at.rfc3339()) { (message.at.rfc3339()) }
                        }
                    }
                }
            }
        }
    };
    frame("Inbox", &content)
}

async fn show(State(app): State<App>, Path(id): Path<String>) -> Response {
    match find(&app, &id) {
        Some(message) => view(&message).into_response(),
        None => gone(),
    }
}

async fn show_html(State(app): State<App>, Path(id): Path<String>) -> Response {
    let html = find(&app, &id).and_then(|message| match message.content {
        Content::Mail(mail) => mail.html,
        Content::Sms(_) => None,
    });
    let Some(html) = html else { return gone() };
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, MAIL_POLICY)];
    // A shop's page refuses to be shown in a frame, so links leave it.
    (headers, format!("<!doctype html><base target=\"_blank\">{html}")).into_response()
}

fn find(app: &App, id: &str) -> Option<Message> {
    app.inbox().find(id.parse().ok()?)
}

fn gone() -> Response {
    sorry(StatusCode::NOT_FOUND, "Message not found", "It was never caught, or so many came after it that it is gone.")
}

const fn kind(message: &Message) -> &'static str {
    match &message.content {
        Content::Mail(_) => "E-mail",
        Content::Sms(_) => "Text message",
    }
}

fn headline(message: &Message) -> &str {
    match &message.content {
        Content::Mail(mail) => &mail.subject,
        Content::Sms(sms) => &sms.text,
    }
}

fn receiver(message: &Message) -> &str {
    match &message.content {
        Content::Mail(mail) => &mail.to,
        Content::Sms(sms) => &sms.to,
    }
}

fn view(message: &Message) -> Markup {
    let title = match &message.content {
        Content::Mail(mail) => mail.subject.clone(),
        Content::Sms(sms) => format!("Text message to {}", sms.to),
    };
    let content = html! {
        p { a href="/inbox" { "All messages" } }
        h1 { (title) }
        dl.facts {
            @if let Content::Mail(mail) = &message.content {
                dt { "From" } dd { (mail.from) }
            }
            dt { "To" } dd { (receiver(message)) }
            dt { "Caught" } dd { (message.at.rfc3339()) }
        }
        @match &message.content {
            Content::Sms(sms) => div.letter { (with_links(&sms.text)) },
            Content::Mail(mail) => {
                @if mail.html.is_some() {
                    iframe.letter title="The e-mail" src={ "/inbox/" (message.id) "/html" }
                        sandbox="allow-popups allow-popups-to-escape-sandbox" {}
                    h2 { "As plain text" }
                }
                div.letter { (with_links(&mail.text)) }
            }
        }
    };
    frame(&title, &content)
}

/// Text with its web addresses made clickable.
fn with_links(text: &str) -> Markup {
    html! {
        @for piece in text.split_inclusive(char::is_whitespace) {
            @let word = piece.trim_end();
            @if word.starts_with("http://") || word.starts_with("https://") {
                a href=(word) rel="noopener noreferrer" { (word) } (piece.get(word.len()..).unwrap_or_default())
            } @else {
                (piece)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_a_message_can_be_followed_and_nothing_else_can() {
        assert_eq!(
            with_links("see http://shop.test/?a=1&b=2 now\n<b>").into_string(),
            "see <a href=\"http://shop.test/?a=1&amp;b=2\" rel=\"noopener noreferrer\">http://shop.test/?a=1&amp;b=2</a> now\n&lt;b&gt;"
        );
        assert!(!with_links("javascript:alert(1)").into_string().contains("<a"));
    }
}
