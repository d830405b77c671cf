//! The model check: every order in which things can happen in a small shop, over the same machines that run in production. Two buyers
//! want the same things; every call may be lost, come late, come again, and out of order; whoever calls may die at any moment.
//!
//! What is ours is real: stock, cart, order, payment, and the purchase flow between them. The network is a set of all calls that
//! ever were made: each may arrive (again) at any later time, or never. What the origin does in one transaction is one step here.

mod parts;
mod state;

use std::collections::BTreeMap;

use domain::cart::{self, Cart};
use domain::ids::{MovementId, OperationId};
use domain::order::{self, OrderStatus};
use domain::purchase::{GivingUp, Placing};
use domain::stock::{self, MovedLine, Movement, Quantity, Stock, Units};
use domain::time::{Millis, Timestamp};
use domain::wire::OriginEventKind;
use stateright::{Model, Property};
use uuid::Uuid;

use self::parts::{Flight, PRICE, cart_id, checkout, checkout_id, product, sku};
use self::state::Buyer;
pub use self::state::State;
use crate::{Sabotage, panicked, quietly};

const LATER: Millis = Millis::minutes(16);

/// A small shop: what each buyer wants of each product, and how many of each product there are.
#[derive(Debug, Clone)]
pub struct Shop {
    /// By buyer, then by product.
    pub wanted: Vec<Vec<u32>>,
    /// By product.
    pub opening: Vec<u32>,
    /// How often each buyer may send the form.
    pub tries: u8,
    /// How often a quarter of an hour passes.
    pub waits: u8,
    /// Whether one unit of the first product may be delivered.
    pub restocks: bool,
    /// Whether buyers may give their checkout up.
    pub gives_up: bool,
    /// Whether every call may arrive again at any later time, whatever became of who made it.
    pub repeats: bool,
    /// What is broken on purpose.
    pub sabotage: Sabotage,
}

/// Whose call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// The buyer's form.
    Placing,
    /// The buyer gives up.
    GivingUp,
    /// The origin's message.
    Settling,
}

/// One thing that can happen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// A buyer sends the form (again).
    Send(usize),
    /// A buyer gives up.
    GiveUp(usize),
    /// The origin delivers the order's next message.
    Tell(usize),
    /// A call arrives, and so does its answer. A lost answer is a caller who dies when it has come.
    Arrive {
        /// whose
        who: Who,
        /// which buyer's
        buyer: usize,
        /// which of the calls under way
        call: usize,
    },
    /// The edge records what a message came to.
    Record(usize),
    /// A call arrives again.
    ArriveAgain(usize),
    /// Whoever calls dies.
    Die(Who, usize),
    /// The buyer pays.
    Pay(usize),
    /// The origin learns of it.
    Learn(usize),
    /// The origin ends an order that was not paid in time.
    Cancel(usize),
    /// A product's alarm rings.
    Ring(usize),
    /// Sixteen minutes pass.
    Wait,
    /// A unit of the first product is delivered.
    Restock,
}

impl Shop {
    fn buyer(&self, index: usize) -> Buyer {
        let mut cart = Cart::default();
        for (product_index, units) in self.wanted[index].iter().enumerate() {
            let Ok(quantity) = Quantity::new(*units) else { continue };
            let add = cart::Command::Add {
                operation_id: OperationId(Uuid::from_u128(product_index as u128)),
                sku: sku(product_index),
                product_id: product(product_index),
                quantity,
                price: PRICE,
                available: u32::MAX,
                units_max: None,
            };
            for event in cart.decide(&add, Timestamp(0)).unwrap_or_default() {
                cart.evolve(&event);
            }
        }
        Buyer {
            cart,
            tries_left: self.tries,
            may_give_up: self.gives_up,
            placing: None,
            giving_up: None,
            settling: None,
            desk: None,
            row: None,
            is_given_up: false,
            is_told_over: false,
        }
    }

    fn happen(&self, state: &mut State, action: &Action) {
        match action {
            Action::Send(buyer) => {
                state.buyers[*buyer].tries_left -= 1;
                state.buyers[*buyer].placing = Some(Flight::new(Placing::new(checkout(*buyer), None)));
            }
            Action::GiveUp(buyer) => {
                state.buyers[*buyer].may_give_up = false;
                let wanted = self.wanted[*buyer].iter().enumerate().filter(|(_, units)| **units > 0);
                let products = wanted.map(|(index, _)| product(index));
                let giving_up = GivingUp::new(checkout_id(*buyer), cart_id(*buyer), products);
                state.buyers[*buyer].giving_up = Some(Flight::new(giving_up));
            }
            Action::Tell(buyer) => state.tell(*buyer),
            Action::Record(buyer) => state.record(*buyer, self.sabotage),
            Action::Arrive { who, buyer, call } => {
                let Some(made) = state.calls_of(*who, *buyer).and_then(|(calls, _)| calls.get(*call).cloned()) else {
                    return;
                };
                let answer = state.arrive(*buyer, &made, self.sabotage);
                state.remember(*buyer, &made, self.repeats);
                state.hear(*who, *buyer, *call, answer);
            }
            Action::ArriveAgain(index) => {
                if let Some((buyer, call)) = state.calls.values().nth(*index).cloned() {
                    drop(state.arrive(buyer, &call, self.sabotage));
                }
            }
            Action::Die(Who::Placing, buyer) => state.buyers[*buyer].placing = None,
            Action::Die(Who::GivingUp, buyer) => state.buyers[*buyer].giving_up = None,
            Action::Die(Who::Settling, buyer) => state.buyers[*buyer].settling = None,
            Action::Pay(buyer) => {
                if let Some(desk) = &mut state.buyers[*buyer].desk {
                    desk.is_captured = true;
                }
            }
            Action::Learn(buyer) => state.learn(*buyer),
            Action::Cancel(buyer) => {
                let now = state.now;
                if let Some(desk) = &mut state.buyers[*buyer].desk {
                    desk.record(&order::Command::Cancel, now);
                }
            }
            Action::Ring(index) => {
                let now = state.now;
                let stock = &mut state.stocks[*index];
                for event in stock.decide(&stock::Command::Expire, now).unwrap_or_default() {
                    stock.evolve(&event);
                }
            }
            Action::Wait => {
                state.waits_left -= 1;
                state.now = state.now + LATER;
            }
            Action::Restock => self.restock(state),
        }
    }

    fn restock(&self, state: &mut State) {
        state.restock_left = false;
        let movement =
            Movement { id: MovementId(Uuid::nil()), actor: "Ada".to_owned(), reason: "a delivery".to_owned() };
        let Ok(units) = Units::new(1) else { return };
        let receive = stock::Command::Receive { movement, lines: vec![MovedLine { sku: sku(0), units }] };
        for event in state.stocks[0].decide(&receive, state.now).unwrap_or_default() {
            state.stocks[0].evolve(&event);
        }
    }
}

impl Model for Shop {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let stock = |(index, units): (usize, &u32)| {
            let mut stock = Stock::default();
            stock.evolve(&stock::Event::Opened { sku: sku(index), on_hand: *units });
            stock
        };
        vec![State {
            now: Timestamp(0),
            waits_left: self.waits,
            restock_left: self.restocks,
            stocks: self.opening.iter().enumerate().map(stock).collect(),
            buyers: (0..self.wanted.len()).map(|index| self.buyer(index)).collect(),
            calls: BTreeMap::new(),
            broken: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.broken.is_some() {
            return;
        }
        for (index, buyer) in state.buyers.iter().enumerate() {
            if buyer.placing.is_none() && buyer.tries_left > 0 {
                actions.push(Action::Send(index));
            }
            if buyer.may_give_up && buyer.cart.checkout(checkout_id(index)).is_some() {
                actions.push(Action::GiveUp(index));
            }
            for who in [Who::Placing, Who::GivingUp, Who::Settling] {
                let Some((_, answers)) = state.calls_of(who, index) else { continue };
                actions.push(Action::Die(who, index));
                let open = answers.iter().enumerate().filter(|(_, answer)| answer.is_none());
                actions.extend(open.map(|(call, _)| Action::Arrive { who, buyer: index, call }));
            }
            let Some(desk) = &buyer.desk else { continue };
            match &buyer.settling {
                Some(flight) if flight.calls.is_empty() => actions.push(Action::Record(index)),
                None if !desk.is_told() => actions.push(Action::Tell(index)),
                Some(_) | None => {}
            }
            if !desk.is_captured {
                actions.push(Action::Pay(index));
                if desk.order.next_deadline().is_some_and(|at| at <= state.now) {
                    actions.push(Action::Cancel(index));
                }
            } else if desk.payment.captured.is_none() {
                actions.push(Action::Learn(index));
            }
        }
        if self.repeats {
            actions.extend((0..state.calls.len()).map(Action::ArriveAgain));
        }
        let is_due = |index: &usize| state.stocks[*index].next_deadline().is_some_and(|at| at <= state.now);
        actions.extend((0..state.stocks.len()).filter(is_due).map(Action::Ring));
        if state.waits_left > 0 {
            actions.push(Action::Wait);
        }
        if state.restock_left {
            actions.push(Action::Restock);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        let happened = quietly(|| self.happen(&mut next, &action));
        if let Err(panic) = happened {
            next = State { broken: Some(panicked(&*panic).to_string()), ..last.clone() };
        }
        (next != *last).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("machines assert nothing", |_, state: &State| state.broken.is_none()),
            Property::always("STOCK-1, STOCK-2, MONEY-1", |_, state: &State| state.check().is_ok()),
            Property::always("at rest, paid is had and unpaid is not", |shop: &Self, state: &State| {
                !state.is_at_rest() || state.is_just(shop)
            }),
            Property::always("what was given up is not sold", |_, state: &State| {
                let is_sold = |buyer: &Buyer| buyer.desk.as_ref().is_some_and(|desk| desk.status().is_sold());
                !state.buyers.iter().any(|buyer| buyer.is_told_over && is_sold(buyer))
            }),
            Property::sometimes("somebody is served", |_, state: &State| has(state, OrderStatus::Paid)),
            Property::sometimes("somebody is cancelled", |_, state: &State| has(state, OrderStatus::Cancelled)),
            Property::sometimes("late money goes back", |_, state: &State| has(state, OrderStatus::RefundDue)),
            Property::sometimes("late money finds its units", |_, state: &State| {
                let late = |buyer: &Buyer| {
                    let told = buyer.desk.iter().flat_map(|desk| &desk.outbox);
                    told.map(|event| event.what)
                        .collect::<Vec<_>>()
                        .ends_with(&[OriginEventKind::OrderCancelled, OriginEventKind::OrderPaid])
                };
                state.is_at_rest() && state.buyers.iter().any(late)
            }),
        ]
    }
}

/// Whether the world is at rest with such an order.
fn has(state: &State, status: OrderStatus) -> bool {
    state.is_at_rest()
        && state.buyers.iter().any(|buyer| buyer.desk.as_ref().is_some_and(|desk| desk.status() == status))
}
