//! Everything that there is at one moment of the small shop, and what becomes of it.

use std::collections::BTreeMap;

use domain::cart::Cart;
use domain::ids::OrderId;
use domain::invariants::{self, Violation, captured_once};
use domain::order::{self, Order, OrderStatus};
use domain::payment::{self, Observation, ObservedStatus, Payment};
use domain::purchase::{Answer, Call, CartAnswer, GaveUp, GivingUp, Placing, Settling, known_outcome};
use domain::stock::{self, ReservationState, Stock};
use domain::time::Timestamp;
use domain::wire::{
    CHECKOUT_GIVEN_UP, EventOutcome, GatewayName, GiveUpAnswer, OriginEventKind, PaymentHandle, PlaceOrder,
    PlacedOrder, Problem,
};

use super::parts::{Desk, Flight, PRICE, checkout_id, offers, product};
use super::{Shop, Who};
use crate::Sabotage;

/// Everything that there is at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub(super) now: Timestamp,
    pub(super) waits_left: u8,
    pub(super) restock_left: bool,
    pub(super) stocks: Vec<Stock>,
    pub(super) buyers: Vec<Buyer>,
    /// Every call that was made and may arrive again without anybody who listens: whose, by what it says.
    pub(super) calls: BTreeMap<String, (usize, Call)>,
    /// What a machine asserted.
    pub(super) broken: Option<String>,
}

/// A buyer with cart, order and payment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Buyer {
    pub(super) cart: Cart,
    pub(super) tries_left: u8,
    pub(super) may_give_up: bool,
    pub(super) placing: Option<Flight<Placing>>,
    pub(super) giving_up: Option<Flight<GivingUp>>,
    pub(super) settling: Option<Flight<Settling>>,
    pub(super) desk: Option<Desk>,
    /// D1's row of the order.
    pub(super) row: Option<(u32, EventOutcome)>,
    /// Whether the origin knows that the checkout is given up.
    pub(super) is_given_up: bool,
    /// Whether the buyer was told that it is.
    pub(super) is_told_over: bool,
}

impl State {
    /// What a call does where it arrives, and the answer.
    pub(super) fn arrive(&mut self, buyer: usize, call: &Call, sabotage: Sabotage) -> Answer {
        let now = self.now;
        match call {
            Call::Cart(_, command) => {
                let cart = &mut self.buyers[buyer].cart;
                Answer::Cart(cart.decide(command, now).map(|events| {
                    events.iter().for_each(|event| cart.evolve(event));
                    CartAnswer { cart: cart.clone(), is_changed: !events.is_empty() }
                }))
            }
            Call::Stock(product_id, command) => {
                let index = (0..self.stocks.len()).find(|index| product(*index) == *product_id).unwrap_or(0);
                let stock = &mut self.stocks[index];
                let decided = match (stock.decide(command, now), command) {
                    (
                        Err(stock::Rejection::Short { .. }),
                        stock::Command::Reserve { checkout_id, cart_id, lines, limit },
                    ) if sabotage == Sabotage::Oversell => Ok(vec![stock::Event::Reserved {
                        checkout_id: *checkout_id,
                        cart_id: *cart_id,
                        lines: lines.clone(),
                        expires_at: now + stock::RESERVATION_LENGTH,
                        limit: *limit,
                    }]),
                    (decided, _) => decided,
                };
                Answer::Stock(decided.map(|events| {
                    events.iter().for_each(|event| stock.evolve(event));
                    command.checkout_id().and_then(|checkout_id| stock.reservation(checkout_id).cloned())
                }))
            }
            Call::Offers(skus, _) => Answer::Offers(offers(skus)),
            Call::GiveUp(_) => Answer::GaveUp(self.give_up(buyer, sabotage)),
            Call::Order(placed) if self.buyers[buyer].is_given_up => {
                let url = placed.return_url.clone();
                Answer::Order(Err(Box::new(Problem::new(409, CHECKOUT_GIVEN_UP, "", url, ""))))
            }
            Call::Order(placed) => {
                self.place(buyer, placed);
                Answer::Order(Ok(PlacedOrder {
                    order_id: OrderId(placed.checkout_id.0),
                    total: PRICE,
                    payment: PaymentHandle {
                        gateway: GatewayName::Paystack,
                        reference: String::new(),
                        redirect_url: String::new(),
                    },
                }))
            }
        }
    }

    /// `origin/src/give_up.rs` in one step.
    fn give_up(&mut self, index: usize, sabotage: Sabotage) -> GiveUpAnswer {
        let now = self.now;
        let buyer = &mut self.buyers[index];
        if sabotage == Sabotage::ForgetGivingUp {
            return GiveUpAnswer::GivenUp;
        }
        if let Some(desk) = &mut buyer.desk
            && desk.status().is_sold()
        {
            return GiveUpAnswer::Sold { order_id: OrderId(desk.placed.checkout_id.0) };
        }
        buyer.is_given_up = true;
        if let Some(desk) = &mut buyer.desk {
            desk.record(&order::Command::GiveUp, now);
        }
        GiveUpAnswer::GivenUp
    }

    /// ORDER-1 is the origin's unique key on the checkout: the same checkout finds its order.
    pub(super) fn place(&mut self, buyer: usize, placed: &PlaceOrder) {
        if self.buyers[buyer].desk.is_some() {
            return;
        }
        let mut desk = Desk {
            placed: placed.clone(),
            order: Order::default(),
            payment: Payment::new("p".to_owned(), PRICE),
            is_captured: false,
            outbox: Vec::new(),
            delivered: 0,
        };
        let place = order::Command::Place { content_digest: String::new(), pay_before: placed.reserved_until };
        desk.record(&place, self.now);
        self.buyers[buyer].desk = Some(desk);
    }

    /// Remembers a call that may arrive again.
    pub(super) fn remember(&mut self, buyer: usize, call: &Call, repeats: bool) {
        if repeats && !matches!(call, Call::Offers(..)) {
            self.calls.insert(format!("{call:?}"), (buyer, call.clone()));
        }
    }

    pub(super) fn calls_of(&self, who: Who, buyer: usize) -> Option<(&[Call], &[Option<Answer>])> {
        let buyer = &self.buyers[buyer];
        match who {
            Who::Placing => buyer.placing.as_ref().map(|flight| (flight.calls.as_slice(), flight.answers.as_slice())),
            Who::GivingUp => {
                buyer.giving_up.as_ref().map(|flight| (flight.calls.as_slice(), flight.answers.as_slice()))
            }
            Who::Settling => buyer.settling.as_ref().map(|flight| (flight.calls.as_slice(), flight.answers.as_slice())),
        }
    }

    pub(super) fn hear(&mut self, who: Who, index: usize, call: usize, answer: Answer) {
        let now = self.now;
        let buyer = &mut self.buyers[index];
        match who {
            Who::Placing => {
                if let Some(flight) = &mut buyer.placing {
                    flight.hear(call, answer, now);
                    // Nothing comes of reading the catalogue sooner or later.
                    if let [Call::Offers(skus, _)] = flight.calls.as_slice() {
                        flight.hear(0, Answer::Offers(offers(skus)), now);
                    }
                    if flight.end().is_some() {
                        buyer.placing = None;
                    }
                }
            }
            Who::GivingUp => {
                if let Some(flight) = &mut buyer.giving_up {
                    flight.hear(call, answer, now);
                    if let Some(outcome) = flight.end() {
                        buyer.is_told_over |= outcome == GaveUp::Done;
                        buyer.giving_up = None;
                    }
                }
            }
            Who::Settling => {
                if let Some(flight) = &mut buyer.settling {
                    flight.hear(call, answer, now);
                }
            }
        }
    }

    /// The edge records what a message came to. Whether the origin hears of it, [`Action::Tell`] decides: told again, the edge answers
    /// the same.
    pub(super) fn record(&mut self, index: usize, sabotage: Sabotage) {
        let buyer = &mut self.buyers[index];
        let Some(outcome) = buyer.settling.take().and_then(|flight| flight.end()) else { return };
        let outcome = if sabotage == Sabotage::TellDone { EventOutcome::Done } else { outcome };
        if let Some(event) = buyer.desk.as_ref().and_then(|desk| desk.outbox.get(desk.delivered)) {
            buyer.row = Some((event.sequence, outcome));
        }
    }

    /// The origin delivers a message: it is applied, or was and is answered.
    pub(super) fn tell(&mut self, index: usize) {
        let now = self.now;
        let buyer = &mut self.buyers[index];
        let Some(desk) = &mut buyer.desk else { return };
        let Some(event) = desk.outbox.get(desk.delivered).cloned() else { return };
        match known_outcome(&event, buyer.row.clone()) {
            Some(outcome) => {
                desk.delivered += 1;
                if matches!(outcome, EventOutcome::OutOfStock { .. }) && event.what == OriginEventKind::OrderPaid {
                    desk.record(&order::Command::RefuseStock, now);
                }
            }
            None => buyer.settling = Some(Flight::new(Settling::new(&event))),
        }
    }

    pub(super) fn learn(&mut self, index: usize) {
        let now = self.now;
        let Some(desk) = &mut self.buyers[index].desk else { return };
        let observed = payment::Command::Observe(Observation {
            reference: "p".to_owned(),
            status: ObservedStatus::Succeeded,
            amount_minor: PRICE.amount_minor,
            currency: PRICE.currency.code().to_owned(),
            gateway_id: None,
            fee_minor: None,
        });
        if let Ok(events) = desk.payment.decide(&observed)
            && !events.is_empty()
        {
            events.iter().for_each(|event| desk.payment.evolve(event));
            if !desk.record(&order::Command::ObserveCapture { reference: "p".to_owned() }, now) {
                let unwanted = desk.payment.decide(&payment::Command::MarkDuplicate).unwrap_or_default();
                unwanted.iter().for_each(|event| desk.payment.evolve(event));
                desk.record(&order::Command::ReturnCapture { reference: "p".to_owned() }, now);
            }
        }
    }

    pub(super) fn check(&self) -> Result<(), Violation> {
        self.stocks.iter().try_for_each(|stock| invariants::shelf(stock.shelf()))?;
        for desk in self.buyers.iter().filter_map(|buyer| buyer.desk.as_ref()) {
            captured_once(desk.status(), desk.paid_by().as_deref(), std::slice::from_ref(&desk.payment))?;
        }
        Ok(())
    }

    /// Whether nothing is left to do but what buyers may do.
    pub(super) fn is_at_rest(&self) -> bool {
        let is_idle = |buyer: &Buyer| buyer.placing.is_none() && buyer.giving_up.is_none() && buyer.settling.is_none();
        let is_settled = |desk: &Desk| {
            desk.is_told()
                && desk.status() != OrderStatus::AwaitingPayment
                && (!desk.is_captured || desk.payment.captured.is_some())
        };
        self.buyers.iter().all(|buyer| is_idle(buyer) && buyer.desk.as_ref().is_none_or(is_settled))
            && self.stocks.iter().all(|stock| stock.next_deadline().is_none())
    }

    pub(super) fn state(&self, product: usize, buyer: usize) -> Option<ReservationState> {
        self.stocks[product].reservation(checkout_id(buyer)).map(|reservation| reservation.state)
    }

    /// MONEY-1, with the goods: who paid has all of them or gets the money back, and nobody else has any.
    pub(super) fn is_just(&self, shop: &Shop) -> bool {
        self.buyers.iter().enumerate().all(|(index, buyer)| {
            let status = buyer.desk.as_ref().map(Desk::status);
            let is_captured = buyer.desk.as_ref().is_some_and(|desk| desk.is_captured);
            let wanted = shop.wanted[index].iter().enumerate().filter(|(_, units)| **units > 0);
            let has = |(product, _): (usize, &u32)| self.state(product, index) == Some(ReservationState::Committed);
            let (count, had) = (wanted.clone().count(), wanted.filter(|it| has(*it)).count());
            match status {
                Some(OrderStatus::Paid) => is_captured && had == count,
                Some(OrderStatus::RefundDue) => is_captured && had == 0,
                Some(OrderStatus::Cancelled) | None => !is_captured && had == 0,
                Some(
                    OrderStatus::AwaitingPayment
                    | OrderStatus::Packed
                    | OrderStatus::Sent
                    | OrderStatus::Delivered
                    | OrderStatus::Refunded,
                ) => false,
            }
        })
    }
}
