//! The working part of a product's stock: counts, and the reservations that are alive. Everything is decided here.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{
    Command, Event, Level, MovedLine, Movement, ON_HAND_MAX, Past, PersonLimit, RESERVATION_LENGTH, Rejection,
    Reservation, ReservationState, StockLine, Units,
};
use crate::ids::{CartId, CheckoutId, PersonId, SaleId, Sku};
use crate::invariants::{self, Invariant};
use crate::time::{Millis, Timestamp};
use crate::wire::ShortLine;

/// Reservations that one decision ends because their time is up, so that it stays one small transaction when thousands lapse at once. The
/// alarm goes on with the others at once.
pub const EXPIRED_MAX: usize = 500;

/// Counts of every variant, and who is promised how many of them now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Shelf {
    levels: BTreeMap<Sku, Level>,
    /// All of them `Held`.
    held: BTreeMap<CheckoutId, Reservation>,
    /// The same, by when they lapse.
    deadlines: BTreeSet<(Timestamp, CheckoutId)>,
    /// Units that one person is promised in a sale.
    held_by_person: BTreeMap<(SaleId, PersonId), u32>,
}

impl Shelf {
    /// The shelf as it was stored. Counts of reserved units are worked out from the reservations, all of which are held.
    pub fn restore(
        levels: impl IntoIterator<Item = (Sku, Level)>,
        held: impl IntoIterator<Item = (CheckoutId, Reservation)>,
    ) -> Self {
        let levels = levels.into_iter().map(|(sku, level)| (sku, Level { reserved: 0, ..level })).collect();
        let mut shelf = Self { levels, ..Self::default() };
        for (checkout_id, reservation) in held {
            shelf.hold(checkout_id, reservation);
        }
        shelf.levels.keys().for_each(|sku| shelf.assert_invariants(sku));
        shelf
    }

    /// Each variant's count, in order of SKU. A reservation whose time is up still counts until it is expired.
    pub fn levels(&self) -> impl Iterator<Item = (&Sku, Level)> {
        self.levels.iter().map(|(sku, level)| (sku, *level))
    }

    /// One variant's count; `None` before it was opened.
    pub fn level(&self, sku: &Sku) -> Option<Level> {
        self.levels.get(sku).copied()
    }

    /// What a checkout is promised now.
    pub fn reservation(&self, checkout_id: CheckoutId) -> Option<&Reservation> {
        self.held.get(&checkout_id)
    }

    /// Everything that is promised now.
    pub fn reservations(&self) -> impl Iterator<Item = (CheckoutId, &Reservation)> {
        self.held.iter().map(|(checkout_id, reservation)| (*checkout_id, reservation))
    }

    /// When [`Command::Expire`] has something to do next.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// What follows from `command` at `now`, given what is over: nothing, when it was done before.
    ///
    /// Of what is overdue, at most [`EXPIRED_MAX`] reservations are ended by one decision, unless their units are needed for it. Those that
    /// are left are still due ([`Self::next_deadline`]).
    pub fn decide(&self, command: &Command, past: &Past, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        let mut some: BTreeSet<CheckoutId> = self.overdue(now).take(EXPIRED_MAX).collect();
        // What a command is about stands as it stands now.
        some.extend(command.checkout_id().filter(|checkout_id| self.is_overdue(*checkout_id, now)));
        let outcome = self.decide_after(&some, command, past, now);
        let is_refused =
            outcome.as_ref().map_or(true, |events| events.iter().any(|event| matches!(event, Event::Refused { .. })));
        let is_all = || self.overdue(now).nth(EXPIRED_MAX).is_none();
        if !is_refused || is_all() {
            outcome
        } else {
            self.decide_after(&self.overdue(now).collect(), command, past, now)
        }
    }

    fn decide_after(
        &self,
        overdue: &BTreeSet<CheckoutId>,
        command: &Command,
        past: &Past,
        now: Timestamp,
    ) -> Result<Vec<Event>, Rejection> {
        let mut events: Vec<Event> = overdue.iter().map(|id| Event::Expired { checkout_id: *id }).collect();
        events.extend(Present::new(self, past, overdue, now).decide(command)?);
        Ok(events)
    }

    fn is_overdue(&self, checkout_id: CheckoutId, now: Timestamp) -> bool {
        self.held.get(&checkout_id).is_some_and(|held| held.expires_at <= now)
    }

    fn overdue(&self, now: Timestamp) -> impl Iterator<Item = CheckoutId> {
        let end = (now + Millis(1), CheckoutId(Uuid::nil()));
        self.deadlines.range(..end).map(|(_, checkout_id)| *checkout_id)
    }

    /// Makes `event` part of the state. Total over the events that [`Self::decide`] returns.
    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::Opened { sku, on_hand } => {
                self.levels.insert(sku.clone(), Level::opened(*on_hand));
            }
            Event::Reopened { sku, on_hand, .. } => {
                let reserved = self.levels.get(sku).map_or(0, |level| level.reserved);
                self.levels.insert(sku.clone(), Level { reserved, ..Level::opened(*on_hand) });
                self.assert_invariants(sku);
            }
            Event::Reserved { checkout_id, lines, .. } => {
                if let Some(reservation) = Reservation::after(None, event) {
                    self.hold(*checkout_id, reservation);
                }
                lines.iter().for_each(|line| self.assert_invariants(&line.sku));
            }
            Event::Released { checkout_id } | Event::Expired { checkout_id } | Event::Refused { checkout_id, .. } => {
                self.let_go(*checkout_id);
            }
            Event::Committed { checkout_id, lines, .. } => {
                self.let_go(*checkout_id);
                for line in lines {
                    let level = self.levels.entry(line.sku.clone()).or_default();
                    let is_there = level.on_hand >= line.quantity.get();
                    invariants::assert(Invariant::Stock2.check(is_there, || "committed more than is there".to_owned()));
                    level.on_hand -= line.quantity.get();
                    level.committed += u64::from(line.quantity.get());
                    self.assert_invariants(&line.sku);
                }
            }
            Event::Returned { lines, .. } => {
                for line in lines {
                    self.come_back(&line.sku, line.quantity.get());
                }
            }
            Event::Moved { command, changes } => {
                for (sku, change) in changes {
                    if matches!(**command, Command::TakeBack { .. }) {
                        self.come_back(sku, u32::try_from(*change).unwrap_or(0));
                    } else {
                        let level = self.levels.entry(sku.clone()).or_default();
                        level.on_hand = u32::try_from(i64::from(level.on_hand) + change).unwrap_or(0);
                        level.received = level.received.saturating_add_signed(*change);
                        self.assert_invariants(sku);
                    }
                }
            }
        }
    }

    fn come_back(&mut self, sku: &Sku, units: u32) {
        let level = self.levels.entry(sku.clone()).or_default();
        level.on_hand += units;
        level.committed = level.committed.saturating_sub(u64::from(units));
        self.assert_invariants(sku);
    }

    fn hold(&mut self, checkout_id: CheckoutId, reservation: Reservation) {
        for line in &reservation.lines {
            self.levels.entry(line.sku.clone()).or_default().reserved += line.quantity.get();
        }
        if let Some(PersonLimit { sale_id, person_id, .. }) = reservation.limit {
            *self.held_by_person.entry((sale_id, person_id)).or_default() += reservation.units();
        }
        self.deadlines.insert((reservation.expires_at, checkout_id));
        self.held.insert(checkout_id, reservation);
    }

    fn let_go(&mut self, checkout_id: CheckoutId) {
        let Some(reservation) = self.held.remove(&checkout_id) else { return };
        self.deadlines.remove(&(reservation.expires_at, checkout_id));
        if let Some(PersonLimit { sale_id, person_id, .. }) = reservation.limit
            && let Some(units) = self.held_by_person.get_mut(&(sale_id, person_id))
        {
            *units = units.saturating_sub(reservation.units());
            if *units == 0 {
                self.held_by_person.remove(&(sale_id, person_id));
            }
        }
        for line in &reservation.lines {
            let level = self.levels.entry(line.sku.clone()).or_default();
            let is_there = level.reserved >= line.quantity.get();
            invariants::assert(Invariant::Stock1.check(is_there, || "released more than was reserved".to_owned()));
            level.reserved -= line.quantity.get();
        }
    }

    fn assert_invariants(&self, sku: &Sku) {
        if let Some(level) = self.levels.get(sku) {
            invariants::assert(invariants::level(sku, *level));
        }
    }
}

/// The shelf as if what is overdue had ended, because it has.
struct Present<'a> {
    shelf: &'a Shelf,
    past: &'a Past,
    now: Timestamp,
    /// Units that overdue reservations no longer hold.
    freed: BTreeMap<&'a Sku, u32>,
    freed_by_person: BTreeMap<(SaleId, PersonId), u32>,
    is_anything_held: bool,
}

impl<'a> Present<'a> {
    fn new(shelf: &'a Shelf, past: &'a Past, overdue: &BTreeSet<CheckoutId>, now: Timestamp) -> Self {
        let is_anything_held = shelf.held.keys().any(|checkout_id| !overdue.contains(checkout_id));
        let (freed, freed_by_person) = (BTreeMap::new(), BTreeMap::new());
        let mut present = Self { shelf, past, now, freed, freed_by_person, is_anything_held };
        for reservation in overdue.iter().filter_map(|checkout_id| shelf.reservation(*checkout_id)) {
            for line in &reservation.lines {
                *present.freed.entry(&line.sku).or_default() += line.quantity.get();
            }
            if let Some(PersonLimit { sale_id, person_id, .. }) = reservation.limit {
                *present.freed_by_person.entry((sale_id, person_id)).or_default() += reservation.units();
            }
        }
        present
    }

    fn decide(&self, command: &Command) -> Result<Vec<Event>, Rejection> {
        if let Some(movement) = command.movement() {
            return self.move_by_hand(command, movement);
        }
        match command {
            Command::Open { balances } => {
                Ok(balances.iter().filter_map(|(sku, on_hand)| self.open(sku, *on_hand)).collect())
            }
            Command::Reserve { checkout_id, cart_id, lines, limit } => {
                self.reserve(*checkout_id, *cart_id, lines, *limit)
            }
            Command::Release { checkout_id, cart_id } => Ok(match self.reservation(*checkout_id) {
                Some((held, ReservationState::Held)) if held.cart_id == *cart_id => {
                    vec![Event::Released { checkout_id: *checkout_id }]
                }
                Some(_) | None => Vec::new(),
            }),
            Command::Commit { checkout_id, cart_id, lines } => self.commit(*checkout_id, *cart_id, lines),
            Command::Return { checkout_id } => Ok(match self.reservation(*checkout_id) {
                Some((bought, ReservationState::Committed)) => {
                    vec![Event::Returned { checkout_id: *checkout_id, lines: with_the_buyer(bought) }]
                }
                Some(_) | None => Vec::new(),
            }),
            // What is overdue has been told already; movements were decided above.
            Command::Expire
            | Command::Receive { .. }
            | Command::Adjust { .. }
            | Command::Count { .. }
            | Command::WriteOff { .. }
            | Command::TakeBack { .. } => Ok(Vec::new()),
        }
    }

    fn open(&self, sku: &Sku, on_hand: u32) -> Option<Event> {
        let (sku, on_hand) = (sku.clone(), on_hand.min(ON_HAND_MAX));
        let Some(was) = self.shelf.levels.get(&sku).map(|level| level.on_hand) else {
            return Some(Event::Opened { sku, on_hand });
        };
        let is_open = !self.past.is_counted && !self.is_anything_held;
        (is_open && was != on_hand).then_some(Event::Reopened { sku, was, on_hand })
    }

    fn reserve(
        &self,
        checkout_id: CheckoutId,
        cart_id: CartId,
        lines: &[StockLine],
        limit: Option<PersonLimit>,
    ) -> Result<Vec<Event>, Rejection> {
        self.check_lines(lines.iter().map(|line| &line.sku))?;
        match self.reservation(checkout_id) {
            Some((held, state)) if held.cart_id == cart_id && held.lines == lines && held.limit == limit => match state
            {
                ReservationState::Held | ReservationState::Committed => return Ok(Vec::new()),
                // The shopper tries again with what lapsed or was let go.
                ReservationState::Released | ReservationState::Expired => {}
                ReservationState::Refused | ReservationState::Returned => return Err(Rejection::CheckoutClosed),
            },
            Some(_) => return Err(Rejection::CheckoutClosed),
            None => {}
        }
        self.check_limit(limit, lines)?;
        let short = self.short(lines);
        if !short.is_empty() {
            return Err(Rejection::Short { lines: short });
        }
        let expires_at = self.now + RESERVATION_LENGTH;
        Ok(vec![Event::Reserved { checkout_id, cart_id, lines: lines.to_vec(), expires_at, limit }])
    }

    fn commit(&self, checkout_id: CheckoutId, cart_id: CartId, lines: &[StockLine]) -> Result<Vec<Event>, Rejection> {
        self.check_lines(lines.iter().map(|line| &line.sku))?;
        let lines = lines.to_vec();
        let mut limit = None;
        match self.reservation(checkout_id) {
            Some((held, _)) if held.cart_id != cart_id || held.lines != lines => return Err(Rejection::CheckoutClosed),
            Some((held, state)) => match state {
                ReservationState::Held => {
                    return Ok(vec![Event::Committed { checkout_id, cart_id, lines, limit: held.limit }]);
                }
                ReservationState::Committed | ReservationState::Refused | ReservationState::Returned => {
                    return Ok(Vec::new());
                }
                ReservationState::Released | ReservationState::Expired => limit = held.limit,
            },
            None => {}
        }
        // Late: the promise is gone. What is still there, and within the person's share, may be taken again; what is not is refused
        // for good.
        if self.short(&lines).is_empty() && self.check_limit(limit, &lines).is_ok() {
            Ok(vec![Event::Committed { checkout_id, cart_id, lines, limit }])
        } else {
            Ok(vec![Event::Refused { checkout_id, cart_id, lines }])
        }
    }

    fn move_by_hand(&self, command: &Command, movement: &Movement) -> Result<Vec<Event>, Rejection> {
        match &self.past.movement {
            Some(before) if before == command => return Ok(Vec::new()),
            Some(_) => return Err(Rejection::MovementDiffers),
            None => {}
        }
        check_texts(movement, !matches!(command, Command::Receive { .. }))?;
        let changes = match command {
            Command::Receive { lines, .. } => {
                self.check_lines(lines.iter().map(|line| &line.sku))?;
                lines.iter().map(|MovedLine { sku, units }| (sku.clone(), i64::from(units.get()))).collect()
            }
            Command::Adjust { sku, by, .. } => {
                if *by == 0 || by.unsigned_abs() > Units::MAX {
                    return Err(Rejection::BadChange);
                }
                vec![(sku.clone(), i64::from(*by))]
            }
            Command::Count { sku, counted, .. } => {
                let on_hand = self.shelf.level(sku).map_or(0, |level| level.on_hand);
                vec![(sku.clone(), i64::from(*counted) - i64::from(on_hand))]
            }
            Command::WriteOff { sku, units, .. } => vec![(sku.clone(), -i64::from(units.get()))],
            Command::TakeBack { checkout_id, lines, .. } => self.take_back(*checkout_id, lines)?,
            Command::Open { .. }
            | Command::Reserve { .. }
            | Command::Release { .. }
            | Command::Commit { .. }
            | Command::Return { .. }
            | Command::Expire => Vec::new(),
        };
        self.check_changes(&changes)?;
        Ok(vec![Event::Moved { command: Box::new(command.clone()), changes }])
    }

    fn take_back(&self, checkout_id: CheckoutId, lines: &[StockLine]) -> Result<Vec<(Sku, i64)>, Rejection> {
        self.check_lines(lines.iter().map(|line| &line.sku))?;
        let bought = match self.reservation(checkout_id) {
            Some((bought, ReservationState::Committed)) => Some(bought),
            Some(_) | None => None,
        };
        for line in lines {
            let units = bought.map_or(0, |bought| bought.units_of(&line.sku));
            if line.quantity.get() > units {
                return Err(Rejection::NotBought { sku: line.sku.clone(), units });
            }
        }
        Ok(lines.iter().map(|line| (line.sku.clone(), i64::from(line.quantity.get()))).collect())
    }

    /// Units that checkouts were promised can't be moved away from under them.
    fn check_changes(&self, changes: &[(Sku, i64)]) -> Result<(), Rejection> {
        let mut short = Vec::new();
        for (sku, change) in changes {
            let level = self.shelf.level(sku).ok_or_else(|| Rejection::UnknownSku { sku: sku.clone() })?;
            let available = self.available(sku);
            if i64::from(available) + change < 0 {
                let requested = u32::try_from(change.unsigned_abs()).unwrap_or(u32::MAX);
                short.push(ShortLine { sku: sku.clone(), requested, available });
            } else if i64::from(level.on_hand) + change > i64::from(ON_HAND_MAX) {
                return Err(Rejection::TooMany);
            }
        }
        if short.is_empty() { Ok(()) } else { Err(Rejection::Short { lines: short }) }
    }

    fn check_lines<'l>(&self, skus: impl Iterator<Item = &'l Sku>) -> Result<(), Rejection> {
        let skus: Vec<&Sku> = skus.collect();
        let mut once = skus.clone();
        once.sort_unstable();
        once.dedup();
        if skus.is_empty() || once.len() != skus.len() {
            return Err(Rejection::BadLines);
        }
        match skus.iter().find(|sku| !self.shelf.levels.contains_key(**sku)) {
            Some(sku) => Err(Rejection::UnknownSku { sku: (*sku).clone() }),
            None => Ok(()),
        }
    }

    fn check_limit(&self, limit: Option<PersonLimit>, lines: &[StockLine]) -> Result<(), Rejection> {
        let Some(PersonLimit { sale_id, person_id, units_max }) = limit else { return Ok(()) };
        let of = |units: &BTreeMap<(SaleId, PersonId), u32>| units.get(&(sale_id, person_id)).copied().unwrap_or(0);
        let held = of(&self.shelf.held_by_person).saturating_sub(of(&self.freed_by_person));
        let units_had = held.saturating_add(self.past.bought);
        let wanted: u32 = lines.iter().map(|line| line.quantity.get()).sum();
        if units_had.saturating_add(wanted) > units_max.get() {
            return Err(Rejection::LimitReached { units_max, units_had });
        }
        Ok(())
    }

    /// Lines of which there is less than asked for.
    fn short(&self, lines: &[StockLine]) -> Vec<ShortLine> {
        lines
            .iter()
            .filter(|line| line.quantity.get() > self.available(&line.sku))
            .map(|line| ShortLine {
                sku: line.sku.clone(),
                requested: line.quantity.get(),
                available: self.available(&line.sku),
            })
            .collect()
    }

    fn available(&self, sku: &Sku) -> u32 {
        let level = self.shelf.level(sku).unwrap_or_default();
        level.available() + self.freed.get(sku).copied().unwrap_or(0)
    }

    /// A reservation, and how it stands now.
    fn reservation(&self, checkout_id: CheckoutId) -> Option<(&'a Reservation, ReservationState)> {
        match self.shelf.reservation(checkout_id) {
            Some(held) if held.expires_at <= self.now => Some((held, ReservationState::Expired)),
            Some(held) => Some((held, ReservationState::Held)),
            None => self.past.reservation.as_ref().map(|ended| (ended, ended.state)),
        }
    }
}

/// A bought reservation's lines, less what has come back.
fn with_the_buyer(bought: &Reservation) -> Vec<StockLine> {
    let left = |line: &StockLine| {
        let quantity = super::Quantity::new(bought.units_of(&line.sku)).ok()?;
        Some(StockLine { sku: line.sku.clone(), quantity })
    };
    bought.lines.iter().filter_map(left).collect()
}

fn check_texts(movement: &Movement, needs_reason: bool) -> Result<(), Rejection> {
    let fits = |text: &str| text.chars().nth(Movement::TEXT_MAX).is_none() && !text.chars().any(char::is_control);
    let is_silent = movement.actor.trim().is_empty() || (needs_reason && movement.reason.trim().is_empty());
    if is_silent || !fits(&movement.actor) || !fits(&movement.reason) {
        return Err(Rejection::BadReason);
    }
    Ok(())
}
