//! What the small shop is made of: names, machines with their calls under way, and the origin's desk.

use std::collections::{BTreeMap, BTreeSet};

use domain::checkout::Address;
use domain::ids::{CartId, CheckoutId, EventId, OrderId, ProductId, Sku};
use domain::money::{Currency, Money};
use domain::order::{self, Order, OrderStatus};
use domain::payment::Payment;
use domain::pricing::{DeliveryMethod, Rules};
use domain::purchase::{Answer, Call, Checkout, GaveUp, GivingUp, Offer, Offers, Placing, Settling, Step};
use domain::time::Timestamp;
use domain::wire::{EventOutcome, GatewayName, OrderSummary, OriginEvent, OriginEventKind, PlaceOrder};
use uuid::Uuid;

pub(super) fn product(index: usize) -> ProductId {
    ProductId(Uuid::from_u128(0x900 + index as u128))
}

pub(super) fn sku(index: usize) -> Sku {
    Sku::new(["a", "b", "c"][index]).unwrap_or_else(|_| sku(0))
}

pub(super) fn cart_id(buyer: usize) -> CartId {
    CartId(Uuid::from_u128(0xca0 + buyer as u128))
}

pub(super) fn checkout_id(buyer: usize) -> CheckoutId {
    CheckoutId(Uuid::from_u128(0xc0 + buyer as u128))
}

pub(super) const PRICE: Money = Money::new(100, Currency::Ngn);

pub(super) fn offers(skus: &[Sku]) -> Offers {
    let offer = |index: usize| Offer {
        product_id: product(index),
        slug: String::new(),
        title: String::new(),
        seller: String::new(),
        price: PRICE,
        category: String::new(),
        brand: None,
        weight_grams: 0,
        is_reduced: false,
    };
    let variants =
        skus.iter().map(|wanted| (wanted.clone(), offer((0..3).find(|it| sku(*it) == *wanted).unwrap_or(0))));
    let delivery_minor = BTreeMap::from([(Currency::Ngn, 0)]);
    Offers { variants: variants.collect(), delivery_minor, rules: Rules::default() }
}

pub(super) fn checkout(buyer: usize) -> Checkout {
    Checkout {
        checkout_id: checkout_id(buyer),
        cart_id: cart_id(buyer),
        email: String::new(),
        address: Address::default(),
        delivery: DeliveryMethod::Standard,
        gateway: GatewayName::Paystack,
        seen_quote: None,
        return_url: String::new(),
        limits: BTreeMap::new(),
        held_back: BTreeSet::new(),
    }
}

/// What the origin knows of a buyer's order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Desk {
    pub(super) placed: PlaceOrder,
    pub(super) order: Order,
    pub(super) payment: Payment,
    /// Whether the gateway has the money.
    pub(super) is_captured: bool,
    pub(super) outbox: Vec<OriginEvent>,
    pub(super) delivered: usize,
}

/// A machine whose calls are under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Flight<M> {
    pub(super) machine: M,
    pub(super) calls: Vec<Call>,
    pub(super) answers: Vec<Option<Answer>>,
}

/// What runs in flights.
pub(super) trait Machine: Clone {
    type End;
    fn step(&self) -> Step<Self::End>;
    fn hear(&mut self, answers: Vec<Answer>, now: Timestamp);
}

impl Machine for Placing {
    type End = ();
    fn step(&self) -> Step<()> {
        match Self::step(self) {
            Step::Ask(calls) => Step::Ask(calls),
            Step::Done(_) => Step::Done(()),
        }
    }
    fn hear(&mut self, answers: Vec<Answer>, now: Timestamp) {
        Self::hear(self, answers, now);
    }
}

impl Machine for GivingUp {
    type End = GaveUp;
    fn step(&self) -> Step<GaveUp> {
        Self::step(self)
    }
    fn hear(&mut self, answers: Vec<Answer>, _now: Timestamp) {
        Self::hear(self, answers);
    }
}

impl Machine for Settling {
    type End = EventOutcome;
    fn step(&self) -> Step<EventOutcome> {
        Self::step(self)
    }
    fn hear(&mut self, answers: Vec<Answer>, _now: Timestamp) {
        Self::hear(self, answers);
    }
}

impl<M: Machine> Flight<M> {
    pub(super) fn new(machine: M) -> Self {
        let mut flight = Self { machine, calls: Vec::new(), answers: Vec::new() };
        flight.ask();
        flight
    }

    pub(super) fn ask(&mut self) {
        self.calls = match self.machine.step() {
            Step::Ask(calls) => calls,
            Step::Done(_) => Vec::new(),
        };
        self.answers = vec![None; self.calls.len()];
    }

    pub(super) fn hear(&mut self, call: usize, answer: Answer, now: Timestamp) {
        self.answers[call] = Some(answer);
        if self.answers.iter().all(Option::is_some) {
            self.machine.hear(self.answers.drain(..).flatten().collect(), now);
            self.ask();
        }
    }

    pub(super) fn end(&self) -> Option<M::End> {
        match self.machine.step() {
            Step::Ask(_) => None,
            Step::Done(end) => Some(end),
        }
    }
}

impl Desk {
    /// Makes what the order decided part of it, and tells the edge: `origin/src/order_book.rs` in one step.
    pub(super) fn record(&mut self, command: &order::Command, now: Timestamp) -> bool {
        let events = match self.order.decide(command, now) {
            Ok(events) => events,
            Err(_) => return false,
        };
        for event in &events {
            self.order.evolve(event);
            let what = match event {
                order::Event::Placed { .. } => OriginEventKind::OrderPlaced,
                order::Event::Paid { .. } => OriginEventKind::OrderPaid,
                order::Event::Cancelled | order::Event::GivenUp => OriginEventKind::OrderCancelled,
                order::Event::RefundDue { .. } => OriginEventKind::RefundDue,
                order::Event::Refunded => OriginEventKind::OrderRefunded,
            };
            let sequence = u32::try_from(self.outbox.len()).unwrap_or(u32::MAX).saturating_add(1);
            self.outbox.push(OriginEvent {
                id: EventId(Uuid::nil()),
                sequence,
                at: Timestamp(0),
                order: OrderSummary {
                    id: OrderId(self.placed.checkout_id.0),
                    checkout_id: self.placed.checkout_id,
                    cart_id: self.placed.cart_id,
                    email: String::new(),
                    status: self.status(),
                    lines: self.placed.lines.clone(),
                    total: PRICE,
                    placed_at: Timestamp(0),
                },
                what,
                restock: None,
            });
        }
        true
    }

    pub(super) fn status(&self) -> OrderStatus {
        self.order.status().unwrap_or(OrderStatus::AwaitingPayment)
    }

    pub(super) fn paid_by(&self) -> Option<String> {
        self.order.clone().into_placed()?.paid_by
    }

    pub(super) fn is_told(&self) -> bool {
        self.delivered == self.outbox.len()
    }
}
