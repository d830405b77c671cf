//! One product's stock: how many of each variant are there, and who has been promised how many.
//!
//! A pure machine. The Durable Object, the tests, the simulation and the model check run this same code. It never reads a
//! clock: expiry is decided from `now`, lazily by every command and on time by [`Command::Expire`] when
//! [`Stock::next_deadline`] has come.
//!
//! [`Stock`] is the whole machine. Its working part is the [`Shelf`]: counts and live reservations, which is all that has to be
//! in memory. What ended long ago is looked up when a command names it ([`Past`]), so that an object that has sold a hundred
//! thousand units wakes as quickly as a new one.
//!
//! Invariants: STOCK-1 (`on_hand = available + Σ live reservations`, none negative), STOCK-2 (units committed ≤ units
//! ever received), STOCK-3 (a reservation ends in one way only). [`Shelf::evolve`] asserts the first two,
//! [`Reservation::after`] the third; what they say is in [`crate::invariants`].

mod command;
mod history;
mod past;
mod quantity;
mod shelf;
mod storage;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use crate::ids::{CartId, CheckoutId, MovementId, PersonId, SaleId, Sku};
use crate::invariants;
use crate::time::{Millis, Timestamp};

pub use self::command::{Command, Event, Movement, PersonLimit, Rejection};
pub use self::history::{Cause, Entry, entries};
pub use self::past::{Memory, Past};
pub use self::quantity::{InvalidQuantity, InvalidUnits, MovedLine, Quantity, StockLine, Units};
pub use self::shelf::{EXPIRED_MAX, Shelf};
pub use self::storage::{Storage, persist};

/// How long a checkout may hold stock before it has to be paid.
pub const RESERVATION_LENGTH: Millis = Millis::minutes(15);

/// Most units of one variant in the building.
pub const ON_HAND_MAX: u32 = 100_000_000;

/// How a reservation stands. It leaves `Held` once (STOCK-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reservation {
    /// Whose it is.
    pub cart_id: CartId,
    /// What it is for.
    pub lines: Vec<StockLine>,
    /// How it stands.
    pub state: ReservationState,
    /// When it lapses, if held.
    pub expires_at: Timestamp,
    /// Whose share of a sale it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<PersonLimit>,
    /// What the buyer has sent back since, one line a SKU.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_back: Vec<StockLine>,
}

impl Reservation {
    /// Units of all its lines that have not come back.
    pub fn units(&self) -> u32 {
        self.lines.iter().map(|line| self.units_of(&line.sku)).sum()
    }

    /// Units of one variant that have not come back.
    pub fn units_of(&self, sku: &Sku) -> u32 {
        let of =
            |lines: &[StockLine]| lines.iter().filter(|line| line.sku == *sku).map(|line| line.quantity.get()).sum();
        let (taken, back): (u32, u32) = (of(&self.lines), of(&self.taken_back));
        taken.saturating_sub(back)
    }

    /// The reservation that `event` is about, as it is after it. `before` is the same one before; `None` when there was none. `None`
    /// when the event is about no reservation.
    pub fn after(before: Option<&Self>, event: &Event) -> Option<Self> {
        let after = Self::follow(before, event)?;
        invariants::assert(invariants::reservation_step(before.map(|before| before.state), after.state));
        Some(after)
    }

    fn follow(before: Option<&Self>, event: &Event) -> Option<Self> {
        let ended = |state| before.map(|before| Self { state, ..before.clone() });
        let closed = |cart_id: CartId, lines: &[StockLine], limit, state| Self {
            cart_id,
            lines: lines.to_vec(),
            state,
            expires_at: before.map_or(Timestamp(0), |before| before.expires_at),
            limit,
            taken_back: Vec::new(),
        };
        match event {
            Event::Opened { .. } | Event::Reopened { .. } => None,
            Event::Reserved { cart_id, lines, expires_at, limit, .. } => {
                Some(Self { expires_at: *expires_at, ..closed(*cart_id, lines, *limit, ReservationState::Held) })
            }
            Event::Released { .. } => ended(ReservationState::Released),
            Event::Expired { .. } => ended(ReservationState::Expired),
            Event::Committed { cart_id, lines, limit, .. } => {
                Some(closed(*cart_id, lines, *limit, ReservationState::Committed))
            }
            Event::Refused { cart_id, lines, .. } => {
                let limit = before.and_then(|before| before.limit);
                Some(closed(*cart_id, lines, limit, ReservationState::Refused))
            }
            Event::Returned { .. } => ended(ReservationState::Returned),
            Event::Moved { command, .. } => {
                let Command::TakeBack { lines, .. } = &**command else { return None };
                before.map(|before| before.with_taken_back(lines))
            }
        }
    }

    fn with_taken_back(&self, lines: &[StockLine]) -> Self {
        let mut after = self.clone();
        for line in lines {
            match after.taken_back.iter_mut().find(|back| back.sku == line.sku) {
                // Never more than was bought, which is a quantity.
                Some(back) => {
                    back.quantity = Quantity::new(back.quantity.get() + line.quantity.get()).unwrap_or(back.quantity)
                }
                None => after.taken_back.push(line.clone()),
            }
        }
        after
    }
}

/// One variant's count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Level {
    /// Units in the building.
    pub on_hand: u32,
    /// Units promised to live reservations.
    pub reserved: u32,
    /// Units ever received, less those that left the books unsold.
    pub received: u64,
    /// Units that left with buyers and stayed with them.
    pub committed: u64,
}

impl Level {
    /// A variant that opens with so many.
    pub const fn opened(on_hand: u32) -> Self {
        Self { on_hand, reserved: 0, received: on_hand as u64, committed: 0 }
    }

    /// Units that nobody was promised.
    pub const fn available(self) -> u32 {
        self.on_hand.saturating_sub(self.reserved)
    }
}

/// One product's stock, with all that ever was promised of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Stock {
    shelf: Shelf,
    /// Every reservation that is over.
    ended: BTreeMap<CheckoutId, Reservation>,
    /// Every movement by hand, as it was asked for.
    movements: BTreeMap<MovementId, Command>,
}

impl Stock {
    /// Counts and live reservations.
    pub const fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// What a checkout was promised.
    pub fn reservation(&self, checkout_id: CheckoutId) -> Option<&Reservation> {
        self.shelf.reservation(checkout_id).or_else(|| self.ended.get(&checkout_id))
    }

    /// Everything that ever was promised.
    pub fn reservations(&self) -> impl Iterator<Item = (CheckoutId, &Reservation)> {
        self.shelf.reservations().chain(self.ended.iter().map(|(checkout_id, ended)| (*checkout_id, ended)))
    }

    /// When [`Command::Expire`] has something to do next.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.shelf.next_deadline()
    }

    /// What follows from `command` at `now`: nothing, when it was done before.
    pub fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        let Ok(past) = Past::gather(&self.shelf, command, self);
        self.shelf.decide(command, &past, now)
    }

    /// Makes `event` part of the state. Total over the events that [`Self::decide`] returns.
    pub fn evolve(&mut self, event: &Event) {
        if let Some(checkout_id) = event.checkout_id()
            && let Some(after) = Reservation::after(self.reservation(checkout_id), event)
        {
            if after.state == ReservationState::Held {
                self.ended.remove(&checkout_id);
            } else {
                self.ended.insert(checkout_id, after);
            }
        }
        if let Event::Moved { command, .. } = event
            && let Some(movement) = command.movement()
        {
            self.movements.insert(movement.id, (**command).clone());
        }
        self.shelf.evolve(event);
    }
}

impl Memory for Stock {
    type Error = Infallible;

    fn ended(&self, checkout_id: CheckoutId) -> Result<Option<Reservation>, Infallible> {
        Ok(self.ended.get(&checkout_id).cloned())
    }

    fn movement(&self, movement_id: MovementId) -> Result<Option<Command>, Infallible> {
        Ok(self.movements.get(&movement_id).cloned())
    }

    fn is_counted(&self) -> Result<bool, Infallible> {
        let has_left =
            |ended: &Reservation| matches!(ended.state, ReservationState::Committed | ReservationState::Returned);
        Ok(!self.movements.is_empty() || self.ended.values().any(has_left))
    }

    fn bought(&self, sale_id: SaleId, person_id: PersonId) -> Result<u32, Infallible> {
        let theirs = |reservation: &&Reservation| {
            reservation.state == ReservationState::Committed
                && reservation.limit.is_some_and(|limit| (limit.sale_id, limit.person_id) == (sale_id, person_id))
        };
        Ok(self.ended.values().filter(theirs).map(Reservation::units).sum())
    }
}
