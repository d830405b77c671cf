//! A shopper's cart: what they mean to buy, frozen while they pay.
//!
//! A pure machine. It knows SKUs and quantities; prices and availability are looked up when it is shown.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::ids::{CheckoutId, OperationId, ProductId, Sku};
use crate::stock::{Quantity, RESERVATION_LENGTH};
use crate::time::{Millis, Timestamp};

/// Most lines in a cart.
pub const LINES_MAX: usize = 100;

/// How long a cart stays frozen for a checkout: as long as its stock is held.
pub const FREEZE_LENGTH: Millis = RESERVATION_LENGTH;

/// How many of the latest changes a cart remembers, to tell a repetition from a second wish.
const OPERATIONS_KEPT: usize = 32;

/// How many checkouts a cart remembers. The least of the others' ids go first, which are the oldest.
const CHECKOUTS_KEPT: usize = 16;

/// One line of a cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartLine {
    /// The variant.
    pub sku: Sku,
    /// Its product.
    pub product_id: ProductId,
    /// How many.
    pub quantity: Quantity,
}

/// What can be asked of a cart. Every command may be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Puts in `quantity` more of a variant.
    Add {
        /// tells a repetition from a second wish
        operation_id: OperationId,
        /// the variant
        sku: Sku,
        /// its product
        product_id: ProductId,
        /// how many more
        quantity: Quantity,
    },
    /// Makes it `quantity` of a variant that is in the cart.
    SetQuantity {
        /// the variant
        sku: Sku,
        /// how many from now on
        quantity: Quantity,
    },
    /// Takes a variant out.
    Remove {
        /// the variant
        sku: Sku,
    },
    /// Keeps the cart as it is while a checkout is under way.
    Freeze {
        /// which checkout
        checkout_id: CheckoutId,
    },
    /// The checkout will not be paid: the cart can be changed again.
    Thaw {
        /// which checkout
        checkout_id: CheckoutId,
    },
    /// The checkout is paid: what was bought leaves the cart.
    Complete {
        /// which checkout
        checkout_id: CheckoutId,
    },
}

/// What happened to a cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A line is now so many.
    LineSet {
        /// the line, as it is now
        line: CartLine,
        /// the change that asked for it, if it counts once
        operation_id: Option<OperationId>,
    },
    /// A line is gone.
    LineRemoved {
        /// the variant
        sku: Sku,
    },
    /// The cart stays as it is until then.
    Frozen {
        /// for which checkout
        checkout_id: CheckoutId,
        /// until when
        until: Timestamp,
    },
    /// The cart can be changed again.
    Thawed {
        /// which checkout is over
        checkout_id: CheckoutId,
    },
    /// What the checkout bought has left the cart.
    Completed {
        /// which checkout
        checkout_id: CheckoutId,
    },
}

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "rejection", rename_all = "snake_case")]
pub enum Rejection {
    /// A checkout is under way.
    #[error("a payment is under way for this cart; finish it, or give it up to change the cart")]
    Frozen {
        /// which
        checkout_id: CheckoutId,
    },
    /// The variant is not in the cart.
    #[error("{sku} is not in this cart")]
    NoSuchLine {
        /// the variant
        sku: Sku,
    },
    /// More than [`LINES_MAX`] lines.
    #[error("a cart holds at most {LINES_MAX} different things")]
    TooManyLines,
    /// More than [`Quantity::MAX`] of one variant.
    #[error("a line holds at most {max}", max = Quantity::MAX)]
    TooMany,
    /// Nothing to check out.
    #[error("the cart is empty")]
    Empty,
    /// This checkout is over.
    #[error("this checkout is over; start a new one")]
    CheckoutClosed,
}

/// One checkout of a cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// What the cart held when it was frozen.
    pub lines: Vec<CartLine>,
    /// How it stands.
    pub state: CheckoutState,
}

/// How a cart's checkout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cart {
    /// In the order in which they were put in.
    lines: Vec<CartLine>,
    /// The checkout that froze the cart last.
    current: Option<CheckoutId>,
    checkouts: BTreeMap<CheckoutId, Checkout>,
    operations: VecDeque<OperationId>,
}

impl Cart {
    /// The lines, in the order in which they were put in.
    pub fn lines(&self) -> &[CartLine] {
        &self.lines
    }

    /// The checkout that the cart waits for at `now`, if any.
    pub fn frozen_for(&self, now: Timestamp) -> Option<CheckoutId> {
        let checkout_id = self.current?;
        match self.checkouts.get(&checkout_id)?.state {
            CheckoutState::Frozen { until } if until > now => Some(checkout_id),
            CheckoutState::Frozen { .. } | CheckoutState::Thawed | CheckoutState::Completed => None,
        }
    }

    /// What a checkout froze.
    pub fn checkout(&self, checkout_id: CheckoutId) -> Option<&Checkout> {
        self.checkouts.get(&checkout_id)
    }

    /// When the cart thaws by itself. Nothing has to be done then: a freeze that is over does not count.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        match self.checkouts.get(&self.current?)?.state {
            CheckoutState::Frozen { until } => Some(until),
            CheckoutState::Thawed | CheckoutState::Completed => None,
        }
    }

    /// What follows from `command` at `now`: nothing, when it was done before.
    pub fn decide(&self, command: &Command, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        match command {
            Command::Add { operation_id, sku, product_id, quantity } => {
                if self.operations.contains(operation_id) {
                    return Ok(Vec::new());
                }
                self.check_changeable(now)?;
                self.add(*operation_id, sku, *product_id, *quantity)
            }
            Command::SetQuantity { sku, quantity } => {
                let line = self.line(sku).ok_or_else(|| Rejection::NoSuchLine { sku: sku.clone() })?;
                if line.quantity == *quantity {
                    return Ok(Vec::new());
                }
                self.check_changeable(now)?;
                let line = CartLine { quantity: *quantity, ..line.clone() };
                Ok(vec![Event::LineSet { line, operation_id: None }])
            }
            Command::Remove { sku } => {
                if self.line(sku).is_none() {
                    return Ok(Vec::new());
                }
                self.check_changeable(now)?;
                Ok(vec![Event::LineRemoved { sku: sku.clone() }])
            }
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
        }
    }

    fn add(
        &self,
        operation_id: OperationId,
        sku: &Sku,
        product_id: ProductId,
        quantity: Quantity,
    ) -> Result<Vec<Event>, Rejection> {
        let had = self.line(sku).map(|line| line.quantity.get());
        if had.is_none() && self.lines.len() >= LINES_MAX {
            return Err(Rejection::TooManyLines);
        }
        let quantity = Quantity::new(had.unwrap_or(0) + quantity.get()).map_err(|_| Rejection::TooMany)?;
        let line = CartLine { sku: sku.clone(), product_id, quantity };
        Ok(vec![Event::LineSet { line, operation_id: Some(operation_id) }])
    }

    fn freeze(&self, checkout_id: CheckoutId, now: Timestamp) -> Result<Vec<Event>, Rejection> {
        if let Some(frozen_for) = self.frozen_for(now)
            && frozen_for != checkout_id
        {
            return Err(Rejection::Frozen { checkout_id: frozen_for });
        }
        let until = now + FREEZE_LENGTH;
        match self.checkouts.get(&checkout_id) {
            // Repeated: the caller reads what it froze from `checkout`.
            Some(Checkout { state: CheckoutState::Completed, .. }) => Ok(Vec::new()),
            Some(Checkout { state: CheckoutState::Frozen { until }, .. }) if *until > now => Ok(Vec::new()),
            // Thawed or lapsed. The same lines may be tried again; other lines are another checkout.
            Some(checkout) if checkout.lines == self.lines => Ok(vec![Event::Frozen { checkout_id, until }]),
            Some(_) => Err(Rejection::CheckoutClosed),
            None if self.lines.is_empty() => Err(Rejection::Empty),
            None => Ok(vec![Event::Frozen { checkout_id, until }]),
        }
    }

    fn check_changeable(&self, now: Timestamp) -> Result<(), Rejection> {
        match self.frozen_for(now) {
            Some(checkout_id) => Err(Rejection::Frozen { checkout_id }),
            None => Ok(()),
        }
    }

    fn line(&self, sku: &Sku) -> Option<&CartLine> {
        self.lines.iter().find(|line| line.sku == *sku)
    }

    /// Makes `event` part of the state.
    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::LineSet { line, operation_id } => {
                match self.lines.iter_mut().find(|old| old.sku == line.sku) {
                    Some(old) => *old = line.clone(),
                    None => self.lines.push(line.clone()),
                }
                if let Some(operation_id) = operation_id {
                    if self.operations.len() == OPERATIONS_KEPT {
                        self.operations.pop_front();
                    }
                    self.operations.push_back(*operation_id);
                }
            }
            Event::LineRemoved { sku } => self.lines.retain(|line| line.sku != *sku),
            Event::Frozen { checkout_id, until } => {
                let checkout = Checkout { lines: self.lines.clone(), state: CheckoutState::Frozen { until: *until } };
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::idempotency::assert_idempotent;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn sku(text: &str) -> Sku {
        Sku::new(text).unwrap()
    }

    fn checkout(n: u128) -> CheckoutId {
        CheckoutId(Uuid::from_u128(n))
    }

    fn add(operation: u128, text: &str, quantity: u32) -> Command {
        Command::Add {
            operation_id: OperationId(Uuid::from_u128(operation)),
            sku: sku(text),
            product_id: ProductId(Uuid::from_u128(7)),
            quantity: Quantity::new(quantity).unwrap(),
        }
    }

    fn after(cart: &mut Cart, command: &Command, now: Timestamp) -> Result<(), Rejection> {
        assert_idempotent(cart, |cart| cart.decide(command, now), |cart, event| cart.evolve(event))
    }

    fn contents(cart: &Cart) -> Vec<(String, u32)> {
        cart.lines().iter().map(|line| (line.sku.to_string(), line.quantity.get())).collect()
    }

    #[test]
    fn adding_twice_is_more_but_a_repeated_request_is_not() {
        let mut cart = Cart::default();
        after(&mut cart, &add(1, "a", 2), NOW).unwrap();
        after(&mut cart, &add(2, "a", 1), NOW).unwrap();
        after(&mut cart, &add(3, "b", 1), NOW).unwrap();
        assert_eq!(contents(&cart), [("a".into(), 3), ("b".into(), 1)]);
        let set = Command::SetQuantity { sku: sku("a"), quantity: Quantity::new(1).unwrap() };
        after(&mut cart, &set, NOW).unwrap();
        after(&mut cart, &Command::Remove { sku: sku("b") }, NOW).unwrap();
        assert_eq!(contents(&cart), [("a".into(), 1)]);
    }

    #[test]
    fn a_cart_has_its_limits() {
        let mut cart = Cart::default();
        assert_eq!(after(&mut cart, &Command::Freeze { checkout_id: checkout(1) }, NOW), Err(Rejection::Empty));
        for n in 0..LINES_MAX as u128 {
            after(&mut cart, &add(n, &format!("s{n}"), 1), NOW).unwrap();
        }
        assert_eq!(after(&mut cart, &add(900, "one-more", 1), NOW), Err(Rejection::TooManyLines));
        assert_eq!(after(&mut cart, &add(901, "s0", 9_999), NOW), Err(Rejection::TooMany));
    }

    #[test]
    fn a_cart_is_frozen_while_it_is_paid_and_thaws_by_itself() {
        let mut cart = Cart::default();
        after(&mut cart, &add(1, "a", 2), NOW).unwrap();
        after(&mut cart, &Command::Freeze { checkout_id: checkout(1) }, NOW).unwrap();
        let frozen = Rejection::Frozen { checkout_id: checkout(1) };
        assert_eq!(after(&mut cart, &add(2, "b", 1), NOW), Err(frozen.clone()));
        assert_eq!(after(&mut cart, &Command::Freeze { checkout_id: checkout(2) }, NOW), Err(frozen));
        let later = NOW + FREEZE_LENGTH;
        assert_eq!(cart.next_deadline(), Some(later));
        after(&mut cart, &add(2, "b", 1), later).unwrap();
        let again = Command::Freeze { checkout_id: checkout(1) };
        assert_eq!(after(&mut cart, &again, later), Err(Rejection::CheckoutClosed), "it holds something else now");
    }

    #[test]
    fn a_cart_stays_small_however_often_it_is_checked_out() {
        let mut cart = Cart::default();
        after(&mut cart, &add(1, "a", 2), NOW).unwrap();
        for n in 1..=1_000 {
            after(&mut cart, &Command::Freeze { checkout_id: checkout(n) }, NOW).unwrap();
            after(&mut cart, &Command::Thaw { checkout_id: checkout(n) }, NOW).unwrap();
        }
        assert!(serde_json::to_string(&cart).unwrap().len() < 10_000);
        assert!(cart.checkout(checkout(1_000)).is_some());
    }

    #[test]
    fn what_was_bought_leaves_the_cart_and_the_rest_stays() {
        let mut cart = Cart::default();
        after(&mut cart, &add(1, "a", 2), NOW).unwrap();
        after(&mut cart, &Command::Freeze { checkout_id: checkout(1) }, NOW).unwrap();
        after(&mut cart, &Command::Thaw { checkout_id: checkout(1) }, NOW).unwrap();
        after(&mut cart, &add(2, "a", 1), NOW).unwrap();
        after(&mut cart, &add(3, "b", 1), NOW).unwrap();
        after(&mut cart, &Command::Complete { checkout_id: checkout(1) }, NOW).unwrap();
        assert_eq!(contents(&cart), [("a".into(), 1), ("b".into(), 1)]);
        after(&mut cart, &Command::Freeze { checkout_id: checkout(1) }, NOW).unwrap();
        assert_eq!(cart.frozen_for(NOW), None, "a completed checkout freezes nothing again");
    }
}
