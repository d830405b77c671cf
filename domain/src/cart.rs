//! A shopper's cart: what they mean to buy, frozen while they pay.
//!
//! A pure machine. It knows SKUs, quantities and the prices that the shopper has seen; what things cost and how many there are
//! is told with every command that depends on it.

mod command;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::ids::{CartId, CheckoutId, OperationId, ProductId, Sku};
use crate::pricing::CouponCode;
use crate::stock::{Quantity, RESERVATION_LENGTH};
use crate::time::{Millis, Timestamp};

pub use self::command::{CartLine, Command, Event, Rejection};

/// Most lines in a cart.
pub const LINES_MAX: usize = 100;

/// Most lines saved for later.
pub const SAVED_MAX: usize = 200;

/// How long a cart is kept after it was touched last.
pub const KEPT: Millis = Millis::days(90);

/// How exactly a cart remembers when it was touched: noting it at every change would be a write more each time.
const TOUCHED_AGAIN: Millis = Millis::days(1);

/// How long a cart stays frozen for a checkout: as long as its stock is held.
pub const FREEZE_LENGTH: Millis = RESERVATION_LENGTH;

/// How many of the latest changes a cart remembers, to tell a repetition from a second wish.
const OPERATIONS_KEPT: usize = 32;

/// How many carts it remembers to have taken in.
const MERGED_KEPT: usize = 16;

/// How many checkouts a cart remembers. The least of the others' ids go first, which are the oldest.
const CHECKOUTS_KEPT: usize = 16;

/// One checkout of a cart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Checkout {
    /// What the cart held when it was frozen.
    pub lines: Vec<CartLine>,
    /// The code that was typed for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coupon: Option<CouponCode>,
    /// How it stands.
    pub state: CheckoutState,
}

/// How a cart's checkout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CheckoutState {
    /// The cart waits for it.
    Frozen {
        /// until when
        until: Timestamp,
    },
    /// Given up.
    Thawed,
    /// Paid.
    Completed,
}

/// A cart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cart {
    /// In the order in which they were put in.
    lines: Vec<CartLine>,
    /// The same, of what was saved for later.
    #[serde(default)]
    saved: Vec<CartLine>,
    /// The checkout that froze the cart last.
    current: Option<CheckoutId>,
    checkouts: BTreeMap<CheckoutId, Checkout>,
    operations: VecDeque<OperationId>,
    /// The carts that it took in.
    #[serde(default)]
    merged: VecDeque<CartId>,
    /// The cart that took it in.
    #[serde(default)]
    handed_over_to: Option<CartId>,
    /// The code that the shopper typed, good or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    coupon: Option<CouponCode>,
    /// When it was touched last, to the day.
    #[serde(default)]
    touched_at: Option<Timestamp>,
}

impl Cart {
    /// The lines, in the order in which they were put in.
    pub fn lines(&self) -> &[CartLine] {
        &self.lines
    }

    /// What is saved for later, in the order in which it was.
    pub fn saved(&self) -> &[CartLine] {
        &self.saved
    }

    /// The code that the shopper typed. Whether it is good depends on what is in the cart, and on the hour.
    pub const fn coupon(&self) -> Option<&CouponCode> {
        self.coupon.as_ref()
    }

    /// The cart that has become of it.
    pub const fn handed_over_to(&self) -> Option<CartId> {
        self.handed_over_to
    }

    /// The checkout that the cart waits for at `now`, if any, and until when.
    pub fn frozen_for(&self, now: Timestamp) -> Option<(CheckoutId, Timestamp)> {
        let checkout_id = self.current?;
        match self.checkouts.get(&checkout_id)?.state {
            CheckoutState::Frozen { until } if until > now => Some((checkout_id, until)),
            CheckoutState::Frozen { .. } | CheckoutState::Thawed | CheckoutState::Completed => None,
        }
    }

    /// What a checkout froze.
    pub fn checkout(&self, checkout_id: CheckoutId) -> Option<&Checkout> {
        self.checkouts.get(&checkout_id)
    }

    /// When [`Command::Expire`] has something to do. A freeze that is over does not count, without anybody doing anything.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.touched_at.map(|at| at + KEPT)
    }

    /// What follows from `command` at `now`: nothing, when it was done before.
    pub fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        let mut events = self.decide_change(command, now)?;
        let is_fresh = self.touched_at.is_some_and(|at| now < at + TOUCHED_AGAIN);
        if !events.is_empty() && !is_fresh && *command != Command::Expire {
            events.push(Event::Touched { at: now });
        }
        Ok(events)
    }

    fn decide_change(&self, command: &Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Add { operation_id, sku, product_id, quantity, price, available, units_max } => {
                if self.operations.contains(operation_id) {
                    return Ok(Vec::new());
                }
                self.check_changeable(now)?;
                let line = CartLine {
                    sku: sku.clone(),
                    product_id: *product_id,
                    quantity: *quantity,
                    seen_price: Some(*price),
                };
                Ok(vec![self.add(line, Room { available: *available, units_max: *units_max }, Some(*operation_id))?])
            }
            Command::SetQuantity { sku, quantity, available, units_max } => {
                let line = self.line(sku).ok_or_else(|| Rejection::NoSuchLine { sku: sku.clone() })?;
                if line.quantity == *quantity {
                    return Ok(Vec::new());
                }
                self.check_changeable(now)?;
                // Fewer is always possible, even of what is no longer there.
                let is_more = *quantity > line.quantity;
                let line = CartLine { quantity: *quantity, ..line.clone() };
                if is_more {
                    let room = Room { available: *available, units_max: *units_max };
                    self.check_room(&line, room, 0)?;
                }
                Ok(vec![Event::LineSet { line, operation_id: None }])
            }
            Command::Remove { sku } => {
                if self.line(sku).is_none() {
                    return Ok(Vec::new());
                }
                self.check_changeable(now)?;
                Ok(vec![Event::LineRemoved { sku: sku.clone() }])
            }
            Command::SaveForLater { sku } => self.save_for_later(sku, now),
            Command::PutBack { sku, available, units_max } => {
                self.put_back(sku, Room { available: *available, units_max: *units_max }, now)
            }
            Command::RemoveSaved { sku } => Ok(match self.saved_line(sku) {
                Some(_) => vec![Event::SavedRemoved { sku: sku.clone() }],
                None => Vec::new(),
            }),
            Command::AcceptPrices { prices } => {
                let news = prices.iter().filter_map(|(sku, price)| {
                    let line = self.line(sku).filter(|line| line.seen_price != Some(*price))?;
                    let line = CartLine { seen_price: Some(*price), ..line.clone() };
                    Some(Event::LineSet { line, operation_id: None })
                });
                Ok(news.collect())
            }
            Command::SetCoupon { code } if self.coupon == *code => Ok(Vec::new()),
            Command::SetCoupon { code } => {
                self.check_changeable(now)?;
                Ok(vec![Event::CouponSet { code: code.clone() }])
            }
            Command::Merge { from, lines, saved } => self.merge(*from, lines, saved, now),
            Command::HandOver { to } => match self.handed_over_to {
                Some(before) if before == *to => Ok(Vec::new()),
                Some(_) | None => {
                    self.check_changeable(now)?;
                    Ok(vec![Event::HandedOver { to: *to }])
                }
            },
            Command::Freeze { checkout_id } => self.freeze(*checkout_id, now),
            Command::Thaw { checkout_id } => Ok(match self.checkouts.get(checkout_id).map(|checkout| checkout.state) {
                Some(CheckoutState::Frozen { .. }) => vec![Event::Thawed { checkout_id: *checkout_id }],
                Some(CheckoutState::Thawed | CheckoutState::Completed) | None => Vec::new(),
            }),
            Command::Complete { checkout_id } => {
                Ok(match self.checkouts.get(checkout_id).map(|checkout| checkout.state) {
                    // Also after a thaw: money that came late has bought these things all the same.
                    Some(CheckoutState::Frozen { .. } | CheckoutState::Thawed) => {
                        vec![Event::Completed { checkout_id: *checkout_id }]
                    }
                    Some(CheckoutState::Completed) | None => Vec::new(),
                })
            }
            Command::Expire => Ok(match self.next_deadline() {
                Some(deadline) if deadline <= now => vec![Event::Expired],
                Some(_) | None => Vec::new(),
            }),
        }
    }

    /// The line with so many more of it, if there are so many.
    fn add(&self, more: CartLine, room: Room, operation_id: Option<OperationId>) -> Result<Event, Rejection> {
        let had = self.line(&more.sku).map_or(0, |line| line.quantity.get());
        if had == 0 && self.lines.len() >= LINES_MAX {
            return Err(Rejection::TooManyLines);
        }
        let quantity = Quantity::new(had + more.quantity.get()).map_err(|_| Rejection::TooMany)?;
        let line = CartLine { quantity, ..more };
        self.check_room(&line, room, had)?;
        Ok(Event::LineSet { line, operation_id })
    }

    /// Whether there are as many as `line` says from now on, and one person may have them. `had` are in the cart already.
    fn check_room(&self, line: &CartLine, room: Room, had: u32) -> Result<(), Rejection> {
        if line.quantity.get() > room.available {
            return Err(Rejection::NotThatMany { available: room.available, had });
        }
        let others = self.other_units(line.product_id, &line.sku);
        match room.units_max.filter(|units_max| others.saturating_add(line.quantity.get()) > units_max.get()) {
            Some(units_max) => Err(Rejection::LimitReached { units_max, had: others.saturating_add(had), others }),
            None => Ok(()),
        }
    }

    /// Units of a product's other variants.
    fn other_units(&self, product_id: ProductId, sku: &Sku) -> u32 {
        let others = self.lines.iter().filter(|line| line.product_id == product_id && line.sku != *sku);
        others.map(|line| line.quantity.get()).fold(0, u32::saturating_add)
    }

    fn save_for_later(&self, sku: &Sku, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        let Some(line) = self.line(sku) else {
            // Repeated, or never there.
            let known = self.saved_line(sku).is_some();
            return if known { Ok(Vec::new()) } else { Err(Rejection::NoSuchLine { sku: sku.clone() }) };
        };
        self.check_changeable(now)?;
        if self.saved_line(sku).is_none() && self.saved.len() >= SAVED_MAX {
            return Err(Rejection::TooManySaved);
        }
        Ok(vec![Event::LineRemoved { sku: sku.clone() }, Event::Saved { line: line.clone() }])
    }

    fn put_back(&self, sku: &Sku, room: Room, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        let Some(saved) = self.saved_line(sku) else {
            let known = self.line(sku).is_some();
            return if known { Ok(Vec::new()) } else { Err(Rejection::NoSuchLine { sku: sku.clone() }) };
        };
        self.check_changeable(now)?;
        if room.available == 0 {
            return Err(Rejection::NotThatMany { available: 0, had: 0 });
        }
        // As many as there are: whoever saved three and finds two wants two.
        let had = self.line(sku).map_or(0, |line| line.quantity.get());
        let others = self.other_units(saved.product_id, sku);
        let share = room.units_max.map_or(u32::MAX, |units_max| units_max.get().saturating_sub(others));
        if share == 0
            && let Some(units_max) = room.units_max
        {
            return Err(Rejection::LimitReached { units_max, had: others, others });
        }
        let left = room.available.min(share).saturating_sub(had);
        let removed = Event::SavedRemoved { sku: sku.clone() };
        match Quantity::new(saved.quantity.get().min(left)) {
            Ok(quantity) => Ok(vec![self.add(CartLine { quantity, ..saved.clone() }, room, None)?, removed]),
            // All there are is in the cart.
            Err(_) => Ok(vec![removed]),
        }
    }

    fn merge(
        &self,
        from: CartId,
        lines: &[CartLine],
        saved: &[CartLine],
        now: Timestamp,
    ) -> Result<Vec<Event>, Rejection> {
        if self.merged.contains(&from) {
            return Ok(Vec::new());
        }
        self.check_changeable(now)?;
        let mut after = self.clone();
        let mut events = Vec::new();
        let take = |after: &mut Self, event: Event, events: &mut Vec<Event>| {
            after.evolve(&event);
            events.push(event);
        };
        for line in lines {
            match after.line(&line.sku) {
                Some(ours) if ours.quantity >= line.quantity => {}
                None if after.lines.len() >= LINES_MAX => {
                    take(&mut after, Event::Saved { line: line.clone() }, &mut events)
                }
                Some(_) | None => {
                    let event = Event::LineSet { line: line.clone(), operation_id: None };
                    take(&mut after, event, &mut events);
                }
            }
        }
        for line in saved {
            if after.line(&line.sku).is_none() && after.saved_line(&line.sku).is_none() {
                take(&mut after, Event::Saved { line: line.clone() }, &mut events);
            }
        }
        events.push(Event::Merged { from });
        Ok(events)
    }

    fn freeze(&self, checkout_id: CheckoutId, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        if let Some((frozen_for, _)) = self.frozen_for(now)
            && frozen_for != checkout_id
        {
            return Err(Rejection::Frozen { checkout_id: frozen_for });
        }
        if let Some(to) = self.handed_over_to {
            return Err(Rejection::HandedOver { to });
        }
        let until = now + FREEZE_LENGTH;
        match self.checkouts.get(&checkout_id) {
            // Repeated: the caller reads what it froze from `checkout`.
            Some(Checkout { state: CheckoutState::Completed, .. }) => Ok(Vec::new()),
            Some(Checkout { state: CheckoutState::Frozen { until }, .. }) if *until > now => Ok(Vec::new()),
            // Thawed or lapsed. The same lines may be tried again; other lines are another checkout.
            Some(checkout) if are_same(&checkout.lines, &self.lines) && checkout.coupon == self.coupon => {
                Ok(vec![Event::Frozen { checkout_id, until }])
            }
            Some(_) => Err(Rejection::CheckoutClosed),
            None if self.lines.is_empty() => Err(Rejection::Empty),
            None => Ok(vec![Event::Frozen { checkout_id, until }]),
        }
    }

    fn check_changeable(&self, now: Timestamp) -> Result<(), Rejection> {
        if let Some(to) = self.handed_over_to {
            return Err(Rejection::HandedOver { to });
        }
        match self.frozen_for(now) {
            Some((checkout_id, _)) => Err(Rejection::Frozen { checkout_id }),
            None => Ok(()),
        }
    }

    fn line(&self, sku: &Sku) -> Option<&CartLine> {
        self.lines.iter().find(|line| line.sku == *sku)
    }

    fn saved_line(&self, sku: &Sku) -> Option<&CartLine> {
        self.saved.iter().find(|line| line.sku == *sku)
    }

    /// Makes `event` part of the state.
    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::LineSet { line, operation_id } => {
                set(&mut self.lines, line);
                if let Some(operation_id) = operation_id {
                    if self.operations.len() == OPERATIONS_KEPT {
                        self.operations.pop_front();
                    }
                    self.operations.push_back(*operation_id);
                }
            }
            Event::LineRemoved { sku } => self.lines.retain(|line| line.sku != *sku),
            Event::Saved { line } => set(&mut self.saved, line),
            Event::SavedRemoved { sku } => self.saved.retain(|line| line.sku != *sku),
            Event::Merged { from } => {
                if self.merged.len() == MERGED_KEPT {
                    self.merged.pop_front();
                }
                self.merged.push_back(*from);
            }
            Event::HandedOver { to } => {
                self.lines.clear();
                self.saved.clear();
                self.coupon = None;
                self.handed_over_to = Some(*to);
            }
            Event::CouponSet { code } => self.coupon.clone_from(code),
            Event::Touched { at } => self.touched_at = Some(*at),
            Event::Expired => *self = Self::default(),
            Event::Frozen { checkout_id, until } => {
                let (lines, coupon) = (self.lines.clone(), self.coupon.clone());
                let checkout = Checkout { lines, coupon, state: CheckoutState::Frozen { until: *until } };
                self.checkouts.insert(*checkout_id, checkout);
                self.current = Some(*checkout_id);
                self.forget_old_checkouts();
            }
            Event::Thawed { checkout_id } => {
                if let Some(checkout) = self.checkouts.get_mut(checkout_id) {
                    checkout.state = CheckoutState::Thawed;
                }
            }
            Event::Completed { checkout_id } => {
                let Some(checkout) = self.checkouts.get_mut(checkout_id) else { return };
                checkout.state = CheckoutState::Completed;
                // It was for what is bought now; the next cart asks for its own.
                if checkout.coupon == self.coupon {
                    self.coupon = None;
                }
                for bought in checkout.lines.clone() {
                    self.take_out(&bought);
                }
            }
        }
    }

    /// Given-up checkouts go before paid ones.
    fn forget_old_checkouts(&mut self) {
        while self.checkouts.len() > CHECKOUTS_KEPT {
            let others = || self.checkouts.iter().filter(|(id, _)| Some(**id) != self.current);
            let thawed = others().find(|(_, checkout)| checkout.state != CheckoutState::Completed);
            let Some(oldest) = thawed.or_else(|| others().next()).map(|(id, _)| *id) else { return };
            self.checkouts.remove(&oldest);
        }
    }

    /// Takes bought units out; what was put in since stays.
    fn take_out(&mut self, bought: &CartLine) {
        let Some(index) = self.lines.iter().position(|line| line.sku == bought.sku) else { return };
        match Quantity::new(self.lines[index].quantity.get().saturating_sub(bought.quantity.get())) {
            Ok(left) => self.lines[index].quantity = left,
            Err(_) => drop(self.lines.remove(index)),
        }
    }
}

/// How many of a variant there is room for.
#[derive(Debug, Clone, Copy)]
struct Room {
    available: u32,
    /// Of its product, all variants together.
    units_max: Option<Quantity>,
}

/// Whether these are the same things, whatever they were seen to cost.
fn are_same(some: &[CartLine], others: &[CartLine]) -> bool {
    let things = |lines: &[CartLine]| lines.iter().map(|line| (line.sku.clone(), line.quantity)).collect::<Vec<_>>();
    things(some) == things(others)
}

fn set(lines: &mut Vec<CartLine>, line: &CartLine) {
    match lines.iter_mut().find(|old| old.sku == line.sku) {
        Some(old) => *old = line.clone(),
        None => lines.push(line.clone()),
    }
}
