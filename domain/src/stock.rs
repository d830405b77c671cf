//! One product's stock: how many of each variant are there, and who has been promised how many.
//!
//! A pure machine. The Durable Object, the tests and the simulations run this same code. It never reads a clock: expiry
//! is decided from `now`, lazily by every command and on time by [`Command::Expire`] when [`Stock::next_deadline`] has come.
//!
//! Invariants: STOCK-1 (`on_hand = available + Σ live reservations`, none negative), STOCK-2 (units committed ≤ units
//! ever received), STOCK-3 (a reservation ends in one way only). [`Stock::evolve`] asserts them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{CartId, CheckoutId, Sku};
use crate::time::{Millis, Timestamp};
use crate::wire::ShortLine;

/// How long a checkout may hold stock before it has to be paid.
pub const RESERVATION_LENGTH: Millis = Millis::minutes(15);

/// How many of something: 1 to 9,999, whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Quantity(u32);

/// Why a number is no [`Quantity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a quantity is a whole number from 1 to 9999")]
pub struct InvalidQuantity;

impl Quantity {
    /// Largest quantity.
    pub const MAX: u32 = 9_999;

    /// `n`, if it is from 1 to [`Self::MAX`].
    pub const fn new(n: u32) -> Result<Self, InvalidQuantity> {
        if n >= 1 && n <= Self::MAX { Ok(Self(n)) } else { Err(InvalidQuantity) }
    }

    /// As a number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u32::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// So many of one variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockLine {
    /// Which variant.
    pub sku: Sku,
    /// How many.
    pub quantity: Quantity,
}

/// What can be asked of a product's stock. Every command may be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Sets the opening balance of variants that have none yet; those that have one keep it.
    Open {
        /// units on hand of each variant
        balances: Vec<(Sku, u32)>,
    },
    /// Holds all `lines`, or none, for [`RESERVATION_LENGTH`].
    Reserve {
        /// for which checkout
        checkout_id: CheckoutId,
        /// whose; nobody else may touch what it holds (AUTH-1)
        cart_id: CartId,
        /// what to hold; one line a SKU
        lines: Vec<StockLine>,
    },
    /// Gives up what a checkout holds.
    Release {
        /// which checkout
        checkout_id: CheckoutId,
        /// whose; another cart's is left alone
        cart_id: CartId,
    },
    /// The checkout is paid: its units leave. Takes them again if the reservation is gone and there are enough.
    Commit {
        /// which checkout
        checkout_id: CheckoutId,
        /// whose
        cart_id: CartId,
        /// what was paid for, in case the reservation is gone
        lines: Vec<StockLine>,
    },
    /// Puts back what a paid checkout took, because the order as a whole could not be had.
    Return {
        /// whose
        checkout_id: CheckoutId,
    },
    /// Ends the reservations whose time is up.
    Expire,
}

/// What happened to a product's stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A variant got its opening balance.
    Opened {
        /// which variant
        sku: Sku,
        /// units on hand
        on_hand: u32,
    },
    /// A checkout holds units.
    Reserved {
        /// which checkout
        checkout_id: CheckoutId,
        /// whose
        cart_id: CartId,
        /// what it holds
        lines: Vec<StockLine>,
        /// until when
        expires_at: Timestamp,
    },
    /// A checkout gave up what it held.
    Released {
        /// whose
        checkout_id: CheckoutId,
    },
    /// A checkout's time was up.
    Expired {
        /// whose
        checkout_id: CheckoutId,
    },
    /// A checkout's units left.
    Committed {
        /// which checkout
        checkout_id: CheckoutId,
        /// whose
        cart_id: CartId,
        /// what left
        lines: Vec<StockLine>,
    },
    /// A checkout was paid too late, and its units are gone.
    Refused {
        /// which checkout
        checkout_id: CheckoutId,
        /// whose
        cart_id: CartId,
        /// what it wanted
        lines: Vec<StockLine>,
    },
    /// A paid checkout's units came back.
    Returned {
        /// whose
        checkout_id: CheckoutId,
    },
}

impl Event {
    /// Whose reservation it is about, if it is about one.
    pub const fn checkout_id(&self) -> Option<CheckoutId> {
        match self {
            Self::Opened { .. } => None,
            Self::Reserved { checkout_id, .. }
            | Self::Released { checkout_id }
            | Self::Expired { checkout_id }
            | Self::Committed { checkout_id, .. }
            | Self::Refused { checkout_id, .. }
            | Self::Returned { checkout_id } => Some(*checkout_id),
        }
    }
}

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "rejection", rename_all = "snake_case")]
pub enum Rejection {
    /// Not enough units.
    #[error("not enough stock")]
    Short {
        /// the lines that cannot be had
        lines: Vec<ShortLine>,
    },
    /// The product has no such variant.
    #[error("unknown variant {sku}")]
    UnknownSku {
        /// which
        sku: Sku,
    },
    /// The same SKU on two lines, or no line at all.
    #[error("a reservation names each variant once, and at least one")]
    BadLines,
    /// The checkout holds something else already, or is over.
    #[error("this checkout is over or holds other lines; start a new one")]
    CheckoutClosed,
}

/// How a reservation stands. It leaves `Held` once (STOCK-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationState {
    /// Holds units.
    Held,
    /// Its units left.
    Committed,
    /// Given up.
    Released,
    /// Time was up.
    Expired,
    /// Paid too late; the money goes back.
    Refused,
    /// Its units left and came back; the money goes back.
    Returned,
}

/// What one checkout was promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Whose it is.
    pub cart_id: CartId,
    /// What it is for.
    pub lines: Vec<StockLine>,
    /// How it stands.
    pub state: ReservationState,
    /// When it lapses, if held.
    pub expires_at: Timestamp,
}

/// One variant's count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Units in the building.
    pub on_hand: u32,
    /// Units promised to live reservations.
    pub reserved: u32,
}

impl Level {
    /// Units that nobody was promised.
    pub const fn available(self) -> u32 {
        self.on_hand.saturating_sub(self.reserved)
    }
}

/// One product's stock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stock {
    levels: BTreeMap<Sku, Level>,
    reservations: BTreeMap<CheckoutId, Reservation>,
}

impl Stock {
    /// The stock as it was stored. Counts of reserved units are worked out from the live reservations.
    pub fn restore(
        on_hand: impl IntoIterator<Item = (Sku, u32)>,
        reservations: impl IntoIterator<Item = (CheckoutId, Reservation)>,
    ) -> Self {
        let mut stock = Self {
            levels: on_hand.into_iter().map(|(sku, on_hand)| (sku, Level { on_hand, reserved: 0 })).collect(),
            reservations: reservations.into_iter().collect(),
        };
        let held: Vec<StockLine> = stock
            .reservations
            .values()
            .filter(|reservation| reservation.state == ReservationState::Held)
            .flat_map(|reservation| reservation.lines.iter().cloned())
            .collect();
        for line in held {
            stock.levels.entry(line.sku).or_default().reserved += line.quantity.get();
        }
        stock.assert_invariants();
        stock
    }

    /// Each variant's count, in order of SKU. A reservation whose time is up still counts until it is expired.
    pub fn levels(&self) -> impl Iterator<Item = (&Sku, Level)> {
        self.levels.iter().map(|(sku, level)| (sku, *level))
    }

    /// One variant's count; `None` before it was opened.
    pub fn level(&self, sku: &Sku) -> Option<Level> {
        self.levels.get(sku).copied()
    }

    /// What a checkout was promised.
    pub fn reservation(&self, checkout_id: CheckoutId) -> Option<&Reservation> {
        self.reservations.get(&checkout_id)
    }

    /// When [`Command::Expire`] has something to do next.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.held().map(|(_, reservation)| reservation.expires_at).min()
    }

    /// What follows from `command` at `now`: nothing, when it was done before.
    pub fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        let mut events = self.expired(now);
        // Everything below is decided as if what is overdue had ended, because it has.
        let current = if events.is_empty() { None } else { Some(self.after(&events)) };
        events.extend(current.as_ref().unwrap_or(self).decide_current(command, now)?);
        Ok(events)
    }

    fn decide_current(&self, command: &Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Expire => Ok(Vec::new()),
            Command::Open { balances } => Ok(balances
                .iter()
                .filter(|(sku, _)| !self.levels.contains_key(sku))
                .map(|(sku, on_hand)| Event::Opened { sku: sku.clone(), on_hand: *on_hand })
                .collect()),
            Command::Reserve { checkout_id, cart_id, lines } => self.reserve(*checkout_id, *cart_id, lines, now),
            Command::Release { checkout_id, cart_id } => Ok(match self.reservations.get(checkout_id) {
                Some(held) if held.state == ReservationState::Held && held.cart_id == *cart_id => {
                    vec![Event::Released { checkout_id: *checkout_id }]
                }
                Some(_) | None => Vec::new(),
            }),
            Command::Commit { checkout_id, cart_id, lines } => self.commit(*checkout_id, *cart_id, lines),
            Command::Return { checkout_id } => Ok(match self.state(*checkout_id) {
                Some(ReservationState::Committed) => vec![Event::Returned { checkout_id: *checkout_id }],
                Some(_) | None => Vec::new(),
            }),
        }
    }

    fn reserve(
        &self,
        checkout_id: CheckoutId,
        cart_id: CartId,
        lines: &[StockLine],
        now: Timestamp,
    ) -> Result<Vec<Event>, Rejection> {
        self.check_lines(lines)?;
        match self.reservations.get(&checkout_id) {
            Some(held) if held.cart_id == cart_id && held.lines == lines => match held.state {
                ReservationState::Held | ReservationState::Committed => return Ok(Vec::new()),
                // The shopper tries again with what lapsed or was let go.
                ReservationState::Released | ReservationState::Expired => {}
                ReservationState::Refused | ReservationState::Returned => return Err(Rejection::CheckoutClosed),
            },
            Some(_) => return Err(Rejection::CheckoutClosed),
            None => {}
        }
        let short = self.short(lines);
        if !short.is_empty() {
            return Err(Rejection::Short { lines: short });
        }
        let expires_at = now + RESERVATION_LENGTH;
        Ok(vec![Event::Reserved { checkout_id, cart_id, lines: lines.to_vec(), expires_at }])
    }

    fn commit(&self, checkout_id: CheckoutId, cart_id: CartId, lines: &[StockLine]) -> Result<Vec<Event>, Rejection> {
        self.check_lines(lines)?;
        let lines = lines.to_vec();
        match self.reservations.get(&checkout_id) {
            Some(held) if held.cart_id != cart_id || held.lines != lines => return Err(Rejection::CheckoutClosed),
            Some(held) => match held.state {
                ReservationState::Held => return Ok(vec![Event::Committed { checkout_id, cart_id, lines }]),
                ReservationState::Committed | ReservationState::Refused | ReservationState::Returned => {
                    return Ok(Vec::new());
                }
                ReservationState::Released | ReservationState::Expired => {}
            },
            None => {}
        }
        // Late: the promise is gone. What is still there may be taken again; what is not is refused for good.
        if self.short(&lines).is_empty() {
            Ok(vec![Event::Committed { checkout_id, cart_id, lines }])
        } else {
            Ok(vec![Event::Refused { checkout_id, cart_id, lines }])
        }
    }

    /// Lines of which there is less than asked for.
    pub fn short(&self, lines: &[StockLine]) -> Vec<ShortLine> {
        let available = |sku| self.levels.get(sku).map_or(0, |level| level.available());
        lines
            .iter()
            .filter(|line| line.quantity.get() > available(&line.sku))
            .map(|line| ShortLine {
                sku: line.sku.clone(),
                requested: line.quantity.get(),
                available: available(&line.sku),
            })
            .collect()
    }

    fn check_lines(&self, lines: &[StockLine]) -> Result<(), Rejection> {
        let mut skus: Vec<&Sku> = lines.iter().map(|line| &line.sku).collect();
        skus.sort_unstable();
        skus.dedup();
        if lines.is_empty() || skus.len() != lines.len() {
            return Err(Rejection::BadLines);
        }
        match lines.iter().find(|line| !self.levels.contains_key(&line.sku)) {
            Some(line) => Err(Rejection::UnknownSku { sku: line.sku.clone() }),
            None => Ok(()),
        }
    }

    fn state(&self, checkout_id: CheckoutId) -> Option<ReservationState> {
        self.reservations.get(&checkout_id).map(|reservation| reservation.state)
    }

    fn held(&self) -> impl Iterator<Item = (CheckoutId, &Reservation)> {
        self.reservations
            .iter()
            .filter(|(_, reservation)| reservation.state == ReservationState::Held)
            .map(|(checkout_id, reservation)| (*checkout_id, reservation))
    }

    fn expired(&self, now: Timestamp) -> Vec<Event> {
        self.held()
            .filter(|(_, reservation)| reservation.expires_at <= now)
            .map(|(checkout_id, _)| Event::Expired { checkout_id })
            .collect()
    }

    fn after(&self, events: &[Event]) -> Self {
        let mut next = self.clone();
        for event in events {
            next.evolve(event);
        }
        next
    }

    /// Makes `event` part of the state. Total over the events that [`Self::decide`] returns.
    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::Opened { sku, on_hand } => {
                self.levels.insert(sku.clone(), Level { on_hand: *on_hand, reserved: 0 });
            }
            Event::Reserved { checkout_id, cart_id, lines, expires_at } => {
                let (cart_id, expires_at) = (*cart_id, *expires_at);
                let reservation =
                    Reservation { cart_id, lines: lines.clone(), state: ReservationState::Held, expires_at };
                for line in lines {
                    self.levels.entry(line.sku.clone()).or_default().reserved += line.quantity.get();
                }
                self.reservations.insert(*checkout_id, reservation);
            }
            Event::Released { checkout_id } => self.end(*checkout_id, ReservationState::Released),
            Event::Expired { checkout_id } => self.end(*checkout_id, ReservationState::Expired),
            Event::Committed { checkout_id, cart_id, lines } => {
                self.end(*checkout_id, ReservationState::Committed);
                for line in lines {
                    let level = self.levels.entry(line.sku.clone()).or_default();
                    assert!(level.on_hand >= line.quantity.get(), "STOCK-2: committed more than was received");
                    level.on_hand -= line.quantity.get();
                }
                self.close(*checkout_id, *cart_id, lines, ReservationState::Committed);
            }
            Event::Refused { checkout_id, cart_id, lines } => {
                self.close(*checkout_id, *cart_id, lines, ReservationState::Refused);
            }
            Event::Returned { checkout_id } => {
                if let Some(reservation) = self.reservations.get_mut(checkout_id) {
                    reservation.state = ReservationState::Returned;
                    for line in &reservation.lines {
                        self.levels.entry(line.sku.clone()).or_default().on_hand += line.quantity.get();
                    }
                }
            }
        }
        self.assert_invariants();
    }

    /// A held reservation stops holding.
    fn end(&mut self, checkout_id: CheckoutId, state: ReservationState) {
        let Some(reservation) = self.reservations.get_mut(&checkout_id) else { return };
        if reservation.state != ReservationState::Held {
            return;
        }
        reservation.state = state;
        for line in &reservation.lines {
            let level = self.levels.entry(line.sku.clone()).or_default();
            assert!(level.reserved >= line.quantity.get(), "STOCK-1: released more than was reserved");
            level.reserved -= line.quantity.get();
        }
    }

    fn close(&mut self, checkout_id: CheckoutId, cart_id: CartId, lines: &[StockLine], state: ReservationState) {
        self.reservations
            .entry(checkout_id)
            .and_modify(|reservation| reservation.state = state)
            .or_insert_with(|| Reservation { cart_id, lines: lines.to_vec(), state, expires_at: Timestamp(0) });
    }

    fn assert_invariants(&self) {
        for (sku, level) in &self.levels {
            assert!(level.reserved <= level.on_hand, "STOCK-1: {sku} has {level:?}");
        }
    }
}

#[cfg(test)]
#[path = "stock_tests.rs"]
mod tests;
