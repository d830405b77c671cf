//! Who may buy in a flash sale, and when: people gather before it starts, their order is drawn at the start, and they are let in at
//! the rate that stock and payments bear.
//!
//! A pure machine. What it keeps is small and only ever asked of when somebody joins: a place in the draw is a function of the seed
//! and of one's own number ([`Draw::place`]), so that whoever holds a signed [`Ticket`] can be told their time without asking anybody.
//!
//! **The draw is fair, and anybody can check it.** Before anybody joins, a secret is chosen and its digest is published
//! ([`Commitment`]). Everybody who joins gets a number, and the list of those who joined is digested in that order. The seed is the
//! digest of the secret and of the list: whoever chose the secret did not know the list, and whoever joined did not know the
//! secret. At the start the secret is published; the order follows from it by the swap-or-not shuffle (Hoang, Morris and
//! Rogaway, "An Enciphering Scheme Based on a Card Shuffle", 2012).
//!
//! Invariants: ADMIT-1 (one person has one place at a time), ADMIT-2 (nobody is let in before the sale starts, nor more of them in
//! any time than the rate allows), ADMIT-3 (the order of those who gathered is the drawn one).

mod draw;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::draw::{Commitment, Digest32, Draw, Secret};
use crate::ids::{CartId, PersonId, SaleId};
use crate::invariants::{self, Invariant};
use crate::time::{Millis, Timestamp};

/// Most people who are let in within a minute.
pub const RATE_MAX: u32 = 60_000;

/// What was agreed on when the sale was made. It does not change once somebody has joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Which sale.
    pub sale_id: SaleId,
    /// From when on people may gather.
    pub gathers_at: Timestamp,
    /// When the order is drawn, and the first are let in.
    pub starts_at: Timestamp,
    /// When nobody is let in any more.
    pub ends_at: Timestamp,
    /// People let in within a minute, 1 to [`RATE_MAX`].
    pub rate: u32,
    /// How long somebody who was let in may take to check out.
    pub pass_length: Millis,
}

impl Terms {
    /// Whether they can be kept.
    pub fn are_possible(&self) -> bool {
        self.gathers_at < self.starts_at
            && self.starts_at < self.ends_at
            && (1..=RATE_MAX).contains(&self.rate)
            && self.pass_length >= Millis::minutes(1)
            && self.pass_length <= Millis::days(1)
    }

    /// When the one at `place`, counted from 0, is let in.
    pub fn admitted_at(&self, place: u32) -> Timestamp {
        // A minute has 60,000 ms, and `rate` people share it.
        self.starts_at + Millis(i64::from(place) * 60_000 / i64::from(self.rate.max(1)))
    }
}

/// What somebody who joined may show: the shell signs it, and whoever can check that needs nothing else but the draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ticket {
    /// Which sale.
    pub sale_id: SaleId,
    /// Whose it is.
    pub person_id: PersonId,
    /// The only cart that it is good for.
    pub cart_id: CartId,
    /// Counts those who joined from 0.
    pub number: u32,
    /// When its holder is let in, for those who came after the draw; the others' times follow from it.
    pub late: Option<Timestamp>,
}

/// How a ticket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The order has not been drawn.
    Gathering,
    /// Somebody waits.
    Waiting {
        /// people before them; `None` for those who came after the draw, who know their time only
        place: Option<u32>,
        /// when they are let in
        admitted_at: Timestamp,
    },
    /// They may check out.
    Admitted {
        /// until then
        until: Timestamp,
    },
    /// They did not, and may join again.
    Lapsed,
    /// The sale is over.
    Over,
}

impl Ticket {
    /// How it stands at `now`. `draw` is known from the start on.
    pub fn standing(&self, terms: &Terms, draw: Option<&Draw>, now: Timestamp) -> Standing {
        let (place, admitted_at) = match (self.late, draw) {
            (Some(at), _) => (None, at),
            (None, Some(draw)) => {
                let place = draw.place(self.number);
                (Some(place), terms.admitted_at(place))
            }
            (None, None) => {
                return if now < terms.ends_at { Standing::Gathering } else { Standing::Over };
            }
        };
        let until = admitted_at + terms.pass_length;
        if admitted_at >= terms.ends_at || (now >= terms.ends_at && now >= until) {
            Standing::Over
        } else if now < admitted_at {
            Standing::Waiting { place, admitted_at }
        } else if now < until {
            Standing::Admitted { until }
        } else {
            Standing::Lapsed
        }
    }
}

/// What can be asked of a sale's admission. Every command may be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Sets the terms, and the secret that the draw will need. What somebody has joined under stays.
    Open {
        /// the terms
        terms: Terms,
        /// chosen at random; kept to itself until the draw
        secret: Secret,
    },
    /// Takes a place.
    Join {
        /// who
        person_id: PersonId,
        /// with which cart
        cart_id: CartId,
    },
    /// The time has come.
    Draw,
}

/// What happened to a sale's admission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The terms are these.
    Opened {
        /// the terms
        terms: Terms,
        /// the secret, the first time
        secret: Secret,
    },
    /// Somebody took a place.
    Joined {
        /// which
        ticket: Ticket,
    },
    /// The order is drawn.
    Drawn,
}

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "rejection", rename_all = "snake_case")]
pub enum Rejection {
    /// There is no such sale, or its terms are no terms.
    #[error("there is no such sale")]
    NoSale,
    /// The terms can't be kept.
    #[error(
        "a sale gathers before it starts, and starts before it ends; 1 to {RATE_MAX} people a minute are let in, for 1 minute to 1 day each"
    )]
    ImpossibleTerms,
    /// Somebody has joined under other terms.
    #[error("people have joined under the terms as they are; cancel this sale and make a new one")]
    TermsAreSet,
    /// Too soon.
    #[error("the queue opens later")]
    NotOpenYet {
        /// when
        at: Timestamp,
    },
    /// Too late.
    #[error("this sale is over")]
    Over,
    /// The person has a place with another cart.
    #[error("you have joined in another browser already; go on there")]
    JoinedElsewhere,
    /// The cart has a place for another person.
    #[error("somebody else has joined with this cart; one cart is one place")]
    CartTaken,
}

/// A sale's admission.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    terms: Option<Terms>,
    secret: Option<Secret>,
    /// The latest of each person.
    tickets: BTreeMap<PersonId, Ticket>,
    carts: BTreeMap<CartId, PersonId>,
    /// How many have joined, those who did so again included.
    joined: u32,
    /// Digest of those who joined before the draw, in their order.
    entries: Digest32,
    draw: Option<Draw>,
    /// When the last who came after the draw is let in.
    last_late: Option<Timestamp>,
}

impl Admission {
    /// What was agreed on.
    pub const fn terms(&self) -> Option<&Terms> {
        self.terms.as_ref()
    }

    /// What is published before the draw.
    pub fn commitment(&self) -> Option<Commitment> {
        self.secret.map(Commitment::to)
    }

    /// The draw, once it was made.
    pub const fn draw(&self) -> Option<&Draw> {
        self.draw.as_ref()
    }

    /// A person's place.
    pub fn ticket(&self, person_id: PersonId) -> Option<&Ticket> {
        self.tickets.get(&person_id)
    }

    /// How many have joined.
    pub const fn joined(&self) -> u32 {
        self.joined
    }

    /// When [`Command::Draw`] has something to do.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        if self.draw.is_some() { None } else { self.terms.map(|terms| terms.starts_at) }
    }

    /// What follows from `command` at `now`: nothing, when it was done before.
    pub fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        let mut events = Vec::new();
        let mut current = self.clone_if_due(now);
        if let Some(drawn) = &mut current {
            events.push(Event::Drawn);
            drawn.evolve(&Event::Drawn);
        }
        events.extend(current.as_ref().unwrap_or(self).decide_current(command, now)?);
        Ok(events)
    }

    /// A copy, if the draw is due: everything is decided as if it had been made, because it has.
    fn clone_if_due(&self, now: Timestamp) -> Option<Self> {
        self.next_deadline().is_some_and(|at| at <= now).then(|| self.clone())
    }

    fn decide_current(&self, command: &Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Open { terms, secret } => self.open(terms, *secret),
            Command::Join { person_id, cart_id } => self.join(*person_id, *cart_id, now),
            Command::Draw => Ok(Vec::new()),
        }
    }

    fn open(&self, terms: &Terms, secret: Secret) -> Result<Vec<Event>, Rejection> {
        if !terms.are_possible() {
            return Err(Rejection::ImpossibleTerms);
        }
        match self.terms {
            Some(ours) if ours == *terms => Ok(Vec::new()),
            Some(_) if self.joined > 0 || self.draw.is_some() => Err(Rejection::TermsAreSet),
            Some(_) | None => Ok(vec![Event::Opened { terms: *terms, secret: self.secret.unwrap_or(secret) }]),
        }
    }

    fn join(&self, person_id: PersonId, cart_id: CartId, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        let terms = self.terms.ok_or(Rejection::NoSale)?;
        if now < terms.gathers_at {
            return Err(Rejection::NotOpenYet { at: terms.gathers_at });
        }
        if now >= terms.ends_at {
            return Err(Rejection::Over);
        }
        let is_over = |ticket: &Ticket| match ticket.standing(&terms, self.draw.as_ref(), now) {
            Standing::Lapsed | Standing::Over => true,
            Standing::Gathering | Standing::Waiting { .. } | Standing::Admitted { .. } => false,
        };
        if let Some(other) = self.carts.get(&cart_id).filter(|other| **other != person_id)
            && self.tickets.get(other).is_some_and(|ticket| ticket.cart_id == cart_id && !is_over(ticket))
        {
            return Err(Rejection::CartTaken);
        }
        match self.tickets.get(&person_id) {
            Some(ticket) if !is_over(ticket) && ticket.cart_id == cart_id => return Ok(Vec::new()),
            Some(ticket) if !is_over(ticket) => return Err(Rejection::JoinedElsewhere),
            Some(_) | None => {}
        }
        let late = self.draw.as_ref().map(|draw| self.next_late(&terms, draw, now));
        if late.is_some_and(|at| at >= terms.ends_at) {
            return Err(Rejection::Over);
        }
        let ticket = Ticket { sale_id: terms.sale_id, person_id, cart_id, number: self.joined, late };
        Ok(vec![Event::Joined { ticket }])
    }

    /// When somebody who joins now is let in: behind all others, and never sooner than the rate allows.
    fn next_late(&self, terms: &Terms, draw: &Draw, now: Timestamp) -> Timestamp {
        let interval = Millis((60_000 + i64::from(terms.rate) - 1) / i64::from(terms.rate.max(1)));
        let behind = match self.last_late {
            Some(last) => last + interval,
            None => terms.admitted_at(draw.entries_count()),
        };
        behind.max(now)
    }

    /// Makes `event` part of the state. Total over the events that [`Self::decide`] returns.
    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::Opened { terms, secret } => {
                self.terms = Some(*terms);
                self.secret = Some(*secret);
            }
            Event::Joined { ticket } => {
                if let Some(before) = self.tickets.insert(ticket.person_id, *ticket)
                    && self.carts.get(&before.cart_id) == Some(&ticket.person_id)
                {
                    self.carts.remove(&before.cart_id);
                }
                self.carts.insert(ticket.cart_id, ticket.person_id);
                match ticket.late {
                    None => self.entries = self.entries.and(ticket.person_id),
                    Some(at) => {
                        let is_behind = self.last_late.is_none_or(|last| last <= at);
                        let told = || "somebody was put before another".to_owned();
                        invariants::assert(Invariant::Admit2.check(is_behind, told));
                        self.last_late = Some(at);
                    }
                }
                self.joined += 1;
            }
            Event::Drawn => {
                if let Some(secret) = self.secret {
                    self.draw = Some(Draw::new(secret, self.entries, self.joined));
                }
            }
        }
    }
}
