//! What a flash sale means for a cart: its price and share while it is one's turn, and what happened when it no longer is.

use domain::sale::NoPass;
use domain::stock::Quantity;
use domain::time::Timestamp;
use maud::{Markup, html};

use super::links::encode;
use super::moment::time_of_day;
use super::notice::{Tone, notice};

/// A flash sale that a line's product is in, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InSale {
    /// Its page: `/sale/{slug}`.
    pub slug: String,
    /// What it is called.
    pub title: String,
    /// Units of the product that one person may have, all variants together.
    pub units_max: Quantity,
    /// Whether this cart may buy from it.
    pub turn: Turn,
}

/// Whether a cart may buy from a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// At the sale's prices.
    Open {
        /// until when
        until: Timestamp,
    },
    /// Not now: it is held back for others.
    Closed(NoPass),
    /// The sale is over, and everything costs what it always does.
    Ended,
    /// The same, since it was cancelled.
    Cancelled,
}

impl InSale {
    /// Whether it cannot be bought now.
    pub(super) fn is_held_back(&self) -> bool {
        matches!(self.turn, Turn::Closed(_))
    }

    fn link(&self) -> Markup {
        html! { a href={ "/sale/" (encode(&self.slug)) } { (self.title) } }
    }
}

/// What a sale means for a line, whose product the cart holds so many units of: how many one may have, or what happened instead.
pub(super) fn words(sale: &InSale, units: u32) -> Markup {
    let most = sale.units_max.get();
    html! {
        @match sale.turn {
            Turn::Open { .. } if units > most => {
                p.problem {
                    "One person may have " (most) " of it in " (sale.link()) ", and there are " (units)
                    " in your cart."
                }
            }
            Turn::Open { .. } => { p.muted { "One person may have " (most) " of it in " (sale.link()) "." } }
            Turn::Closed(NoPass::None) => {
                p.problem { "Sold in a flash sale only, to people whose turn it is: " (sale.link()) "." }
            }
            Turn::Closed(NoPass::Gathering) => { p.problem { (sale.link()) " has not started. Your place is safe." } }
            Turn::Closed(NoPass::Waiting { admitted_at }) => {
                p.problem { (sale.link()) " lets you in at " (time_of_day(admitted_at)) ". Your place is safe." }
            }
            Turn::Closed(NoPass::Lapsed) => {
                p.problem { "Your turn in " (sale.link()) " is over, and its price with it. You may join again." }
            }
            Turn::Closed(NoPass::Over) => {
                p.problem { (sale.link()) " lets nobody in any more. When it has ended, this is sold to everybody again." }
            }
            Turn::Ended => { p.news { (sale.link()) " has ended: this costs what it always does." } }
            Turn::Cancelled => { p.news { (sale.link()) " was cancelled: this costs what it always does." } }
        }
    }
}

/// Until when a sale's prices hold.
pub(super) fn turn(sale: &InSale, until: Timestamp) -> Markup {
    notice(
        Tone::Info,
        "It is your turn",
        &html! {
            p { "The prices of " (sale.link()) " are yours until " (time_of_day(until)) ". Check out before then." }
        },
    )
}
