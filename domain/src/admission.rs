//! Who may buy in a flash sale, and when: people gather before it starts, their order is drawn at the start, and they are let in at
//! the rate that stock and payments bear.
//!
//! A pure machine. What it keeps is small, however many join: a count and a digest. The places themselves stay in tables, and the one
//! that a command is about is looked up for it ([`Memory`]). A place in the draw is a function of the seed and of one's own number
//! ([`Draw::place`]), so that whoever holds a signed [`Pass`] can be told their time without asking anybody.
//!
//! **The draw is fair, and anybody can check it.** Before anybody joins, a secret is chosen and its digest is published
//! ([`Commitment`]). Everybody who joins gets a number, and the list of those who joined is digested in that order. The seed is the
//! digest of the secret and of the list: whoever chose the secret did not know the list, and whoever joined did not know the
//! secret. At the start the secret is published; the order follows from it by the swap-or-not shuffle (Hoang, Morris and
//! Rogaway, "An Enciphering Scheme Based on a Card Shuffle", 2012). Joining early or late before the start makes no difference, and
//! joining twice gives the same number. What the draw cannot rule out is a shop that looks into its own object for the secret and then
//! joins with people of its own until it likes the order: so nothing gives the secret out before the start, not even to operators.
//!
//! A place belongs to a person. A pass binds it to one cart; who goes on in another browser proves again who they are and gets a pass
//! for that cart, with the same place: nobody gains by it, since what one person may buy is counted by person.
//!
//! Invariants: ADMIT-1 (one person has one place at a time), ADMIT-2 (nobody is let in before the sale starts, nor more of them in
//! any time than the rate allows), ADMIT-3 (the order of those who gathered is the drawn one).

mod code;
mod draw;
mod person;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::code::{Attempts, CODE_DIGITS, CodeRefusal, code, is_code, link_key, person_of_link_key};
pub use self::draw::{Commitment, Digest32, Draw, Secret};
pub use self::person::{folded, person};
use crate::ids::{CartId, PersonId, SaleId};
use crate::invariants::{self, Invariant};
use crate::time::{Millis, Timestamp};

/// Most people who are let in within a minute: a hundred a second, each of whom reserves and commits at the product's one Stock object.
/// That is 200 requests a second, the least that Cloudflare promises an object; in workerd on two cores it bears 664 such sales a second
/// (ARCHITECTURE, *What stock bears*). How many checkouts a shop's origin bears has to be measured there.
pub const RATE_MAX: u32 = 6_000;

/// People let in within a minute unless a sale says otherwise: one product's Stock object bears several times as many checkouts.
pub const RATE_DEFAULT: u32 = 600;

/// How long somebody who was let in may take to check out, unless a sale says otherwise.
pub const PASS_LENGTH_DEFAULT: Millis = Millis::minutes(10);

/// How long after the last pass can be open a sale's places and tries are kept: whoever wants to check the draw against the list, or asks
/// why they did not come to their turn, has a month. The draw itself is small, and stays.
pub const KEPT_LENGTH: Millis = Millis::days(30);

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

    /// When its places are forgotten.
    pub fn forgotten_at(&self) -> Timestamp {
        self.ends_at + self.pass_length + KEPT_LENGTH
    }

    /// When the one at `place`, counted from 0, is let in.
    pub fn admitted_at(&self, place: u32) -> Timestamp {
        // A minute has 60,000 ms, and `rate` people share it.
        self.starts_at + Millis(i64::from(place) * 60_000 / i64::from(self.rate.max(1)))
    }
}

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ticket {
    /// Of which sale.
    pub sale_id: SaleId,
    /// Whose it is.
    pub person_id: PersonId,
    /// Counts those who joined from 0.
    pub number: u32,
    /// When its holder is let in, for those who came after the draw; the others' times follow from it.
    pub late: Option<Timestamp>,
}

/// What somebody who joined shows: the shell signs it, and whoever can check that needs nothing else but the draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pass {
    /// The place.
    pub ticket: Ticket,
    /// The only cart that it is good for.
    pub cart_id: CartId,
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
    /// So many come before them that the sale ends before they would be let in.
    Unreached,
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
        if admitted_at >= terms.ends_at {
            Standing::Unreached
        } else if now >= terms.ends_at && now >= until {
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    },
    /// What is due is done, as it is before every other command: the draw, and long after the sale forgetting who was in it.
    CatchUp,
    /// The sale will not be, or not go on.
    Cancel,
}

impl Command {
    /// Whose place it is about, if it is about one.
    pub const fn person_id(&self) -> Option<PersonId> {
        match self {
            Self::Join { person_id } => Some(*person_id),
            Self::Open { .. } | Self::CatchUp | Self::Cancel => None,
        }
    }
}

/// Where places are looked up.
pub trait Memory {
    /// What can go wrong with that.
    type Error;

    /// A person's place: the latest, should they have had several.
    fn ticket(&self, person_id: PersonId) -> Result<Option<Ticket>, Self::Error>;
}

/// What happened to a sale's admission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Nobody is let in any more.
    Cancelled,
    /// Who was in it is not known any more.
    Forgotten,
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
    /// Too late, or so many wait that nobody else would be let in before the end.
    #[error("this sale is over, or as many wait as can be let in before its end")]
    Over,
    /// It will not be.
    #[error("this sale was cancelled")]
    Cancelled,
    /// Nobody knows any more who was in it.
    #[error("the list of those who joined was kept for 30 days after the sale, and is deleted")]
    Forgotten,
}

/// A sale's admission: what is decided from, whoever and however many joined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    terms: Option<Terms>,
    secret: Option<Secret>,
    /// How many have joined, those who did so again included.
    joined: u32,
    /// Digest of those who joined before the draw, in their order.
    entries: Digest32,
    draw: Option<Draw>,
    /// When the last who came after the draw is let in.
    last_late: Option<Timestamp>,
    #[serde(default)]
    is_cancelled: bool,
    #[serde(default)]
    is_forgotten: bool,
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

    /// How many have joined.
    pub const fn joined(&self) -> u32 {
        self.joined
    }

    /// How many are on the list that was drawn from, as far as it is still known.
    pub fn listed(&self) -> Result<u32, Rejection> {
        if self.is_forgotten { Err(Rejection::Forgotten) } else { Ok(self.draw.map_or(0, |draw| draw.entries_count())) }
    }

    /// When [`Command::CatchUp`] has something to do.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.next_due().map(|(at, _)| at)
    }

    /// What happens next by itself, and when.
    fn next_due(&self) -> Option<(Timestamp, Event)> {
        let terms = self.terms?;
        if self.is_forgotten {
            None
        } else if self.draw.is_some() || self.is_cancelled {
            Some((terms.forgotten_at(), Event::Forgotten))
        } else {
            Some((terms.starts_at, Event::Drawn))
        }
    }

    /// What follows from `command` at `now`, given the place `held` by whom it is about: nothing, when it was done before.
    pub fn decide(&self, command: &Command, held: Option<&Ticket>, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        let mut current = *self;
        let mut events = Vec::new();
        // Everything is decided as if that had been done when it was due, because nobody has joined since.
        while let Some((_, event)) = current.next_due().filter(|(at, _)| *at <= now) {
            events.push(event);
            current.evolve(&event);
        }
        match command {
            Command::Open { terms, secret } => events.extend(current.open(terms, *secret)?),
            Command::Join { person_id } => events.extend(current.join(*person_id, held, now)?),
            Command::CatchUp => {}
            Command::Cancel if current.terms.is_none() => return Err(Rejection::NoSale),
            Command::Cancel => events.extend((!current.is_cancelled).then_some(Event::Cancelled)),
        }
        Ok(events)
    }

    fn open(&self, terms: &Terms, secret: Secret) -> Result<Option<Event>, Rejection> {
        if !terms.are_possible() {
            return Err(Rejection::ImpossibleTerms);
        }
        match self.terms {
            Some(ours) if ours == *terms => Ok(None),
            Some(_) if self.is_cancelled => Err(Rejection::Cancelled),
            Some(_) if self.joined > 0 || self.draw.is_some() => Err(Rejection::TermsAreSet),
            Some(_) | None => Ok(Some(Event::Opened { terms: *terms, secret: self.secret.unwrap_or(secret) })),
        }
    }

    fn join(&self, person_id: PersonId, held: Option<&Ticket>, now: Timestamp) -> Result<Option<Event>, Rejection> {
        let terms = self.terms.ok_or(Rejection::NoSale)?;
        if self.is_cancelled {
            return Err(Rejection::Cancelled);
        }
        if now < terms.gathers_at {
            return Err(Rejection::NotOpenYet { at: terms.gathers_at });
        }
        match held.map(|ticket| ticket.standing(&terms, self.draw.as_ref(), now)) {
            Some(Standing::Gathering | Standing::Waiting { .. } | Standing::Admitted { .. }) => return Ok(None),
            Some(Standing::Lapsed | Standing::Unreached | Standing::Over) | None => {}
        }
        if now >= terms.ends_at {
            return Err(Rejection::Over);
        }
        let late = self.draw.as_ref().map(|draw| self.next_late(&terms, draw, now));
        if late.is_some_and(|at| at >= terms.ends_at) {
            return Err(Rejection::Over);
        }
        let ticket = Ticket { sale_id: terms.sale_id, person_id, number: self.joined, late };
        Ok(Some(Event::Joined { ticket }))
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
                match ticket.late {
                    None => {
                        assert!(self.draw.is_none(), "ADMIT-3: somebody joined a list that was drawn from");
                        self.entries = self.entries.and(ticket.person_id);
                    }
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
                // What has terms has a secret.
                let secret = self.secret.unwrap_or_default();
                self.draw = Some(Draw::new(secret, self.entries, self.joined));
            }
            Event::Cancelled => self.is_cancelled = true,
            Event::Forgotten => self.is_forgotten = true,
        }
    }
}
