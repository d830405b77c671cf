//! What went wrong, what the shopper can do, and the number that finds it in the logs. Says nothing about the inside.

use maud::{Markup, html};

use super::layout::{Page, Site};
use super::links::{Link, search};

/// What kind of trouble it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// 404: nothing has this address.
    NotFound,
    /// 400, 409, 413, 422: the request cannot be served as it is; why, in words for the shopper.
    BadRequest(String),
    /// 403: a form that is too old, or not ours.
    Forbidden,
    /// 429: too many requests; seconds to wait, where known.
    TooMany(Option<u32>),
    /// 500: our own mistake.
    Internal,
    /// 503: orders and payments do not answer; browsing goes on.
    OriginUnavailable,
    /// 503: another part of the shop does not answer.
    Unavailable,
}

impl Kind {
    /// The HTTP status that goes with it, where it is always the same one.
    pub const fn status(&self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::BadRequest(_) => 400,
            Self::Forbidden => 403,
            Self::TooMany(_) => 429,
            Self::Internal => 500,
            Self::OriginUnavailable | Self::Unavailable => 503,
        }
    }

    const fn headline(&self) -> &'static str {
        match self {
            Self::NotFound => "Nothing is sold at this address",
            Self::BadRequest(_) => "That did not work",
            Self::Forbidden => "This form is too old",
            Self::TooMany(_) => "A little slower, please",
            Self::Internal => "Something broke on our side",
            Self::OriginUnavailable => "Orders cannot be reached right now",
            Self::Unavailable => "A part of the shop did not answer",
        }
    }

    fn explanation(&self) -> Markup {
        html! {
            @match self {
                Self::NotFound => {
                    "The product may be gone, or the link may be mistyped. Try a search, or start from the front page."
                }
                Self::BadRequest(reason) => { (reason) }
                Self::Forbidden => { "Go back, load the page again, and send the form once more. Nothing was changed." }
                Self::TooMany(Some(seconds)) => {
                    "Too many requests came from your network. Try again in " (seconds) " seconds."
                }
                Self::TooMany(None) => { "Too many requests came from your network. Try again in a minute." }
                Self::Internal => {
                    "It is not your fault, and it has been written down. "
                    "Try again; if it happens again, tell us the number below."
                }
                Self::OriginUnavailable => {
                    "Your cart is safe, and you can go on looking round. If you have paid, your order is safe too. "
                    "Try again in a few minutes."
                }
                Self::Unavailable => { "Nothing is lost. Try again in a moment." }
            }
        }
    }
}

/// What the page shows.
#[derive(Debug, Clone)]
pub struct Model<'a> {
    /// What is the same on all pages; its categories may be empty when even they cannot be had.
    pub site: &'a Site,
    /// What happened.
    pub kind: Kind,
    /// Finds it in the logs.
    pub request_id: &'a str,
    /// The same page without what is wrong, where that is known.
    pub way_back: Option<Link>,
}

/// The page.
pub fn view(model: &Model<'_>) -> Markup {
    let kind = &model.kind;
    let main = html! {
        .wrap.error-page {
            p.error-status { (kind.status()) }
            h1 { (kind.headline()) }
            p.lead { (kind.explanation()) }
            p.actions {
                @if let Some(back) = &model.way_back {
                    a.button href=(back.href) { (back.label) }
                } @else {
                    a.button href="/" { "Go to the front page" }
                }
                a.button.quiet href=(search("")) { "See all products" }
            }
            p.muted { "Request " code { (model.request_id) } }
        }
    };
    Page::private(model.site, kind.headline()).render(&main)
}

#[cfg(test)]
mod tests {
    use super::super::layout::tests::site;
    use super::*;

    #[test]
    fn an_error_says_what_to_do_and_how_to_find_it() {
        let kind = Kind::BadRequest("<script>".into());
        let html = view(&Model { site: &site(), kind, request_id: "req-7", way_back: None }).into_string();
        assert!(html.contains("&lt;script&gt;") && html.contains("req-7"), "{html}");
    }
}
