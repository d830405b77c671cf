//! A notice above or within a page: something the shopper should know before going on.

use maud::{Markup, html};

/// How serious a notice is. Never told by colour alone: the words say it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Good to know.
    Info,
    /// Done.
    Good,
    /// Needs a decision.
    Warning,
    /// Went wrong.
    Bad,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Self::Info => "notice info",
            Self::Good => "notice good",
            Self::Warning => "notice warning",
            Self::Bad => "notice bad",
        }
    }
}

/// A notice with a headline and what else there is to say or do.
pub fn notice(tone: Tone, headline: &str, more: &Markup) -> Markup {
    html! {
        section class=(tone.class()) {
            p.notice-title { (headline) }
            (more)
        }
    }
}

/// Search and listings go on, but the part of the shop that takes payments does not answer.
pub fn payments_unavailable() -> Markup {
    notice(
        Tone::Warning,
        "Payments are not possible right now",
        &html! { p { "Your cart is safe, and you can go on looking. Try to check out again in a few minutes." } },
    )
}
