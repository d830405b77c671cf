//! Durable Objects as the platform runs them: storage that stays, memory that may vanish between any two requests, and one alarm, which may
//! ring late or never. What they decide and what they store is the shop's own code.

use std::collections::BTreeMap;
use std::convert::Infallible;

use domain::cart::{self, Cart};
use domain::ids::{CheckoutId, MovementId, PersonId, SaleId, Sku};
use domain::invariants::{self, Invariant, Violation};
use domain::purchase::CartAnswer;
use domain::stock::{
    Cause, Command, Entry, Event, Level, Memory, Past, Quantity, RESERVATION_LENGTH, Rejection, Reservation,
    ReservationState, Shelf, Storage, persist,
};
use domain::time::{Timestamp, alarm_to_set};

use crate::Sabotage;
use crate::sale::UNITS_MAX;

/// One product's Stock object.
#[derive(Debug)]
pub(crate) struct StockObject {
    tables: Tables,
    /// In memory, as is `alarm_known`.
    shelf: Option<Shelf>,
    alarm_known: Option<Timestamp>,
    /// The platform's.
    alarm: Option<Timestamp>,
    /// What the catalogue says each variant begins with.
    opening: Vec<(Sku, u32)>,
    sabotage: Sabotage,
}

/// What is stored of it.
#[derive(Debug, Default)]
struct Tables {
    levels: BTreeMap<Sku, Level>,
    reservations: BTreeMap<CheckoutId, Reservation>,
    movements: BTreeMap<MovementId, Command>,
    history: Vec<Entry>,
}

impl StockObject {
    pub(crate) fn new(opening: Vec<(Sku, u32)>, sabotage: Sabotage) -> Self {
        Self { tables: Tables::default(), shelf: None, alarm_known: None, alarm: None, opening, sabotage }
    }

    /// Does what is asked, and says how the command's reservation is then.
    pub(crate) fn ask(&mut self, command: &Command, now: Timestamp) -> Result<Option<Reservation>, Rejection> {
        self.look(now);
        let mut outcome = self.execute(command, now);
        if matches!(outcome, Err(Rejection::UnknownSku { .. })) {
            self.open(now);
            outcome = self.execute(command, now);
        }
        self.set_alarm(now);
        outcome.map(|()| self.tables.reservations.get(&command.checkout_id()?).cloned())
    }

    fn open(&mut self, now: Timestamp) {
        drop(self.execute(&Command::Open { balances: self.opening.clone() }, now));
    }

    fn execute(&mut self, command: &Command, now: Timestamp) -> Result<(), Rejection> {
        let mut shelf = self.load().clone();
        let Ok(past) = Past::gather(&shelf, command, &self.tables);
        let events = match shelf.decide(command, &past, now) {
            Ok(events) => events,
            Err(Rejection::Short { .. }) if self.sabotage == Sabotage::Oversell => oversold(command, now),
            Err(Rejection::LimitReached { .. }) if self.sabotage == Sabotage::ForgetShares => {
                shelf.decide(&without_limit(command), &past, now)?
            }
            Err(rejection) => return Err(rejection),
        };
        for event in &events {
            let Ok(()) = persist(&mut self.tables, &mut shelf, event, now);
        }
        self.shelf = Some(shelf);
        Ok(())
    }

    fn load(&mut self) -> &Shelf {
        let tables = &self.tables;
        self.shelf.get_or_insert_with(|| tables.shelf())
    }

    fn set_alarm(&mut self, now: Timestamp) {
        let wanted = self.load().next_deadline();
        if let Some(at) = alarm_to_set(self.alarm_known, wanted, now) {
            self.alarm_known = Some(at);
            self.alarm = Some(at);
        }
    }

    /// The alarm rings, if it is due.
    pub(crate) fn ring(&mut self, now: Timestamp) {
        if self.alarm.is_some_and(|at| at <= now) {
            self.alarm = None;
            self.alarm_known = None;
            drop(self.execute(&Command::Expire, now));
            self.set_alarm(now);
        }
    }

    /// The alarm is forgotten by the platform.
    pub(crate) fn lose_alarm(&mut self) {
        self.alarm = None;
    }

    /// Memory is gone.
    pub(crate) fn crash(&mut self) {
        self.shelf = None;
        self.alarm_known = None;
    }

    /// Somebody reads how many there are.
    pub(crate) fn look(&mut self, now: Timestamp) {
        if self.load().levels().next().is_none() {
            self.open(now);
        }
        self.set_alarm(now);
    }

    /// Units that can be had, as the page shows them.
    pub(crate) fn available(&mut self, sku: &Sku, now: Timestamp) -> u32 {
        self.look(now);
        self.load().level(sku).map_or(0, Level::available)
    }

    /// Every reservation that there ever was.
    pub(crate) fn reservations(&self) -> &BTreeMap<CheckoutId, Reservation> {
        &self.tables.reservations
    }

    /// ADMIT-4: nobody has more than their share of a sale, in however many carts.
    pub(crate) fn check_shares(&self) -> Result<(), Violation> {
        let mut shares: BTreeMap<(SaleId, PersonId), u32> = BTreeMap::new();
        for reservation in self.tables.reservations.values() {
            let counts = matches!(reservation.state, ReservationState::Held | ReservationState::Committed);
            if let Some(limit) = reservation.limit.filter(|_| counts) {
                *shares.entry((limit.sale_id, limit.person_id)).or_default() += reservation.units();
            }
        }
        let most = shares.values().max().copied().unwrap_or(0);
        Invariant::Admit4.check(most <= UNITS_MAX, || format!("somebody has {most} of {UNITS_MAX}: {shares:?}"))
    }

    /// STOCK-1 and STOCK-2 of what is stored, and that memory and history agree with it.
    pub(crate) fn check(&self) -> Result<(), Violation> {
        let stored = self.tables.shelf();
        invariants::shelf(&stored)?;
        let differs = || "what is in memory is not what is stored".to_owned();
        Invariant::Stock1.check(self.shelf.as_ref().is_none_or(|shelf| *shelf == stored), differs)?;
        for (sku, level) in stored.levels() {
            let bought: u32 = self
                .tables
                .reservations
                .values()
                .filter(|reservation| reservation.state == ReservationState::Committed)
                .map(|reservation| reservation.units_of(sku))
                .sum();
            Invariant::Stock2.check(level.committed == u64::from(bought), || {
                format!("{} of {sku} are committed, and {bought} with buyers", level.committed)
            })?;
            let told: i64 =
                self.tables.history.iter().filter(|entry| entry.sku == *sku).map(|entry| entry.change).sum();
            Invariant::Stock2.check(i64::from(level.on_hand) == told, || {
                format!("{} of {sku} are there, and the history tells of {told}", level.on_hand)
            })?;
        }
        Ok(())
    }
}

impl Tables {
    fn shelf(&self) -> Shelf {
        let held = self.reservations.iter().filter(|(_, reservation)| reservation.state == ReservationState::Held);
        Shelf::restore(
            self.levels.iter().map(|(sku, level)| (sku.clone(), *level)),
            held.map(|(checkout_id, reservation)| (*checkout_id, reservation.clone())),
        )
    }
}

impl Memory for Tables {
    type Error = Infallible;

    fn ended(&self, checkout_id: CheckoutId) -> Result<Option<Reservation>, Infallible> {
        let ended = self.reservations.get(&checkout_id).filter(|it| it.state != ReservationState::Held);
        Ok(ended.cloned())
    }

    fn movement(&self, movement_id: MovementId) -> Result<Option<Command>, Infallible> {
        Ok(self.movements.get(&movement_id).cloned())
    }

    fn is_counted(&self) -> Result<bool, Infallible> {
        Ok(self.history.iter().any(|entry| entry.cause != Cause::Opened))
    }

    fn bought(&self, sale_id: SaleId, person_id: PersonId) -> Result<u32, Infallible> {
        let theirs = |reservation: &&Reservation| {
            reservation.state == ReservationState::Committed
                && reservation.limit.is_some_and(|limit| (limit.sale_id, limit.person_id) == (sale_id, person_id))
        };
        Ok(self.reservations.values().filter(theirs).map(Reservation::units).sum())
    }
}

impl Storage for Tables {
    fn write_reservation(&mut self, checkout_id: CheckoutId, after: &Reservation) -> Result<(), Infallible> {
        self.reservations.insert(checkout_id, after.clone());
        Ok(())
    }

    fn write_level(&mut self, sku: &Sku, level: Level) -> Result<(), Infallible> {
        self.levels.insert(sku.clone(), level);
        Ok(())
    }

    fn write_movement(&mut self, movement_id: MovementId, command: &Command) -> Result<(), Infallible> {
        self.movements.insert(movement_id, command.clone());
        Ok(())
    }

    fn append(&mut self, entry: &Entry, _at: Timestamp) -> Result<(), Infallible> {
        self.history.push(entry.clone());
        Ok(())
    }
}

/// The same for somebody who may have any number.
fn without_limit(command: &Command) -> Command {
    let mut greedy = command.clone();
    if let Command::Reserve { limit: Some(limit), .. } = &mut greedy
        && let Ok(units_max) = Quantity::new(Quantity::MAX)
    {
        limit.units_max = units_max;
    }
    greedy
}

/// What a machine would say that reserves without looking.
fn oversold(command: &Command, now: Timestamp) -> Vec<Event> {
    match command {
        Command::Reserve { checkout_id, cart_id, lines, limit } => vec![Event::Reserved {
            checkout_id: *checkout_id,
            cart_id: *cart_id,
            lines: lines.clone(),
            expires_at: now + RESERVATION_LENGTH,
            limit: *limit,
        }],
        Command::Open { .. }
        | Command::Release { .. }
        | Command::Commit { .. }
        | Command::Return { .. }
        | Command::Expire
        | Command::Receive { .. }
        | Command::Adjust { .. }
        | Command::Count { .. }
        | Command::WriteOff { .. }
        | Command::TakeBack { .. } => Vec::new(),
    }
}

/// One shopper's Cart object.
#[derive(Debug, Default)]
pub(crate) struct CartObject {
    stored: Option<String>,
    /// In memory.
    cart: Option<Cart>,
}

impl CartObject {
    /// Load, decide, persist.
    pub(crate) fn change(&mut self, command: &cart::Command, now: Timestamp) -> Result<CartAnswer, cart::Rejection> {
        let mut cart = self.load().clone();
        let events = cart.decide(command, now)?;
        events.iter().for_each(|event| cart.evolve(event));
        if !events.is_empty() {
            self.stored = serde_json::to_string(&cart).ok();
            self.cart = Some(cart.clone());
        }
        Ok(CartAnswer { cart, is_changed: !events.is_empty() })
    }

    /// As it is.
    pub(crate) fn load(&mut self) -> &Cart {
        let stored = self.stored.as_deref();
        self.cart.get_or_insert_with(|| stored.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default())
    }

    /// Memory is gone.
    pub(crate) fn crash(&mut self) {
        self.cart = None;
    }
}
