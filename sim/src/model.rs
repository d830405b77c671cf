//! The model check: every order in which things can happen in a small shop, over the same machines that run in production. Two buyers
//! want the same things; every call may be lost, come late, come again, and out of order; whoever calls may die at any moment.
//!
//! What is ours is real: stock, cart, order, payment, and the purchase flow between them. The network is a set of all calls that
//! ever were made: each may arrive (again) at any later time, or never. What the origin does in one transaction is one step here.

use std::collections::{BTreeMap, BTreeSet};

use domain::cart::{self, Cart};
use domain::checkout::Address;
use domain::ids::{CartId, CheckoutId, EventId, MovementId, OperationId, OrderId, ProductId, Sku};
use domain::invariants::{self, Violation, captured_once};
use domain::money::{Currency, Money};
use domain::order::{self, Order, OrderStatus};
use domain::payment::{self, Observation, ObservedStatus, Payment};
use domain::pricing::DeliveryMethod;
use domain::purchase::{
    Answer, Call, CartAnswer, Checkout, LettingGo, Offer, Offers, Placing, Settling, Step, known_outcome,
};
use domain::stock::{self, MovedLine, Movement, Quantity, ReservationState, Stock, Units};
use domain::time::{Millis, Timestamp};
use domain::wire::{
    EventOutcome, GatewayName, OrderSummary, OriginEvent, OriginEventKind, PaymentHandle, PlaceOrder, PlacedOrder,
};
use stateright::{Model, Property};
use uuid::Uuid;

use crate::{Sabotage, panicked, quietly};

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

/// Everything that there is at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    now: Timestamp,
    waits_left: u8,
    restock_left: bool,
    stocks: Vec<Stock>,
    buyers: Vec<Buyer>,
    /// Every call that was made and may arrive again without anybody who listens: whose, by what it says.
    calls: BTreeMap<String, (usize, Call)>,
    /// What a machine asserted.
    broken: Option<String>,
}

/// A buyer with cart, order and payment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Buyer {
    cart: Cart,
    tries_left: u8,
    may_give_up: bool,
    placing: Option<Flight<Placing>>,
    letting_go: Option<Flight<LettingGo>>,
    settling: Option<Flight<Settling>>,
    desk: Option<Desk>,
    /// D1's row of the order.
    row: Option<(u32, EventOutcome)>,
}

/// What the origin knows of a buyer's order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Desk {
    placed: PlaceOrder,
    order: Order,
    payment: Payment,
    /// Whether the gateway has the money.
    is_captured: bool,
    outbox: Vec<OriginEvent>,
    delivered: usize,
}

/// A machine whose calls are under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Flight<M> {
    machine: M,
    calls: Vec<Call>,
    answers: Vec<Option<Answer>>,
}

/// Whose call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// The buyer's form.
    Placing,
    /// The buyer gives up.
    LettingGo,
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

fn product(index: usize) -> ProductId {
    ProductId(Uuid::from_u128(0x900 + index as u128))
}

fn sku(index: usize) -> Sku {
    Sku::new(["a", "b", "c"][index]).unwrap_or_else(|_| sku(0))
}

fn cart_id(buyer: usize) -> CartId {
    CartId(Uuid::from_u128(0xca0 + buyer as u128))
}

fn checkout_id(buyer: usize) -> CheckoutId {
    CheckoutId(Uuid::from_u128(0xc0 + buyer as u128))
}

const PRICE: Money = Money::new(100, Currency::Ngn);
const LATER: Millis = Millis::minutes(16);

fn offers(skus: &[Sku]) -> Offers {
    let offer = |index: usize| Offer {
        product_id: product(index),
        slug: String::new(),
        title: String::new(),
        seller: String::new(),
        price: PRICE,
    };
    let variants =
        skus.iter().map(|wanted| (wanted.clone(), offer((0..3).find(|it| sku(*it) == *wanted).unwrap_or(0))));
    Offers { variants: variants.collect(), delivery_minor: BTreeMap::from([(Currency::Ngn, 0)]) }
}

fn checkout(buyer: usize) -> Checkout {
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

/// What runs in flights.
trait Machine: Clone {
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

impl Machine for LettingGo {
    type End = ();
    fn step(&self) -> Step<()> {
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
    fn new(machine: M) -> Self {
        let mut flight = Self { machine, calls: Vec::new(), answers: Vec::new() };
        flight.ask();
        flight
    }

    fn ask(&mut self) {
        self.calls = match self.machine.step() {
            Step::Ask(calls) => calls,
            Step::Done(_) => Vec::new(),
        };
        self.answers = vec![None; self.calls.len()];
    }

    fn hear(&mut self, call: usize, answer: Answer, now: Timestamp) {
        self.answers[call] = Some(answer);
        if self.answers.iter().all(Option::is_some) {
            self.machine.hear(self.answers.drain(..).flatten().collect(), now);
            self.ask();
        }
    }

    fn end(&self) -> Option<M::End> {
        match self.machine.step() {
            Step::Ask(_) => None,
            Step::Done(end) => Some(end),
        }
    }
}

impl Desk {
    /// Makes what the order decided part of it, and tells the edge: `origin/src/order_book.rs` in one step.
    fn record(&mut self, command: &order::Command, now: Timestamp) -> bool {
        let events = match self.order.decide(command, now) {
            Ok(events) => events,
            Err(_) => return false,
        };
        for event in &events {
            self.order.evolve(event);
            let what = match event {
                order::Event::Placed { .. } => OriginEventKind::OrderPlaced,
                order::Event::Paid { .. } => OriginEventKind::OrderPaid,
                order::Event::Cancelled => OriginEventKind::OrderCancelled,
                order::Event::RefundDue { .. } => OriginEventKind::RefundDue,
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
            });
        }
        true
    }

    fn status(&self) -> OrderStatus {
        self.order.status().unwrap_or(OrderStatus::AwaitingPayment)
    }

    fn paid_by(&self) -> Option<String> {
        self.order.clone().into_placed()?.paid_by
    }

    fn is_told(&self) -> bool {
        self.delivered == self.outbox.len()
    }
}

impl State {
    /// What a call does where it arrives, and the answer.
    fn arrive(&mut self, buyer: usize, call: &Call, sabotage: Sabotage) -> Answer {
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
            Call::Offers(skus) => Answer::Offers(offers(skus)),
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

    /// ORDER-1 is the origin's unique key on the checkout: the same checkout finds its order.
    fn place(&mut self, buyer: usize, placed: &PlaceOrder) {
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
    fn remember(&mut self, buyer: usize, call: &Call, repeats: bool) {
        if repeats && !matches!(call, Call::Offers(_)) {
            self.calls.insert(format!("{call:?}"), (buyer, call.clone()));
        }
    }

    fn calls_of(&self, who: Who, buyer: usize) -> Option<(&[Call], &[Option<Answer>])> {
        let buyer = &self.buyers[buyer];
        match who {
            Who::Placing => buyer.placing.as_ref().map(|flight| (flight.calls.as_slice(), flight.answers.as_slice())),
            Who::LettingGo => {
                buyer.letting_go.as_ref().map(|flight| (flight.calls.as_slice(), flight.answers.as_slice()))
            }
            Who::Settling => buyer.settling.as_ref().map(|flight| (flight.calls.as_slice(), flight.answers.as_slice())),
        }
    }

    fn hear(&mut self, who: Who, index: usize, call: usize, answer: Answer) {
        let now = self.now;
        let buyer = &mut self.buyers[index];
        match who {
            Who::Placing => {
                if let Some(flight) = &mut buyer.placing {
                    flight.hear(call, answer, now);
                    // Nothing comes of reading the catalogue sooner or later.
                    if let [Call::Offers(skus)] = flight.calls.as_slice() {
                        flight.hear(0, Answer::Offers(offers(skus)), now);
                    }
                    if flight.end().is_some() {
                        buyer.placing = None;
                    }
                }
            }
            Who::LettingGo => {
                if let Some(flight) = &mut buyer.letting_go {
                    flight.hear(call, answer, now);
                    if flight.end().is_some() {
                        buyer.letting_go = None;
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
    fn record(&mut self, index: usize, sabotage: Sabotage) {
        let buyer = &mut self.buyers[index];
        let Some(outcome) = buyer.settling.take().and_then(|flight| flight.end()) else { return };
        let outcome = if sabotage == Sabotage::TellDone { EventOutcome::Done } else { outcome };
        if let Some(event) = buyer.desk.as_ref().and_then(|desk| desk.outbox.get(desk.delivered)) {
            buyer.row = Some((event.sequence, outcome));
        }
    }

    /// The origin delivers a message: it is applied, or was and is answered.
    fn tell(&mut self, index: usize) {
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

    fn learn(&mut self, index: usize) {
        let now = self.now;
        let Some(desk) = &mut self.buyers[index].desk else { return };
        let observed = payment::Command::Observe(Observation {
            reference: "p".to_owned(),
            status: ObservedStatus::Succeeded,
            amount_minor: PRICE.amount_minor,
            currency: PRICE.currency.code().to_owned(),
        });
        if let Ok(events) = desk.payment.decide(&observed)
            && !events.is_empty()
        {
            events.iter().for_each(|event| desk.payment.evolve(event));
            desk.record(&order::Command::ObserveCapture { reference: "p".to_owned() }, now);
        }
    }

    fn check(&self) -> Result<(), Violation> {
        self.stocks.iter().try_for_each(|stock| invariants::shelf(stock.shelf()))?;
        for desk in self.buyers.iter().filter_map(|buyer| buyer.desk.as_ref()) {
            captured_once(desk.status(), desk.paid_by().as_deref(), std::slice::from_ref(&desk.payment))?;
        }
        Ok(())
    }

    /// Whether nothing is left to do but what buyers may do.
    fn is_at_rest(&self) -> bool {
        let is_idle = |buyer: &Buyer| buyer.placing.is_none() && buyer.letting_go.is_none() && buyer.settling.is_none();
        let is_settled = |desk: &Desk| {
            desk.is_told()
                && desk.status() != OrderStatus::AwaitingPayment
                && (!desk.is_captured || desk.payment.captured.is_some())
        };
        self.buyers.iter().all(|buyer| is_idle(buyer) && buyer.desk.as_ref().is_none_or(is_settled))
            && self.stocks.iter().all(|stock| stock.next_deadline().is_none())
    }

    fn state(&self, product: usize, buyer: usize) -> Option<ReservationState> {
        self.stocks[product].reservation(checkout_id(buyer)).map(|reservation| reservation.state)
    }

    /// MONEY-1, with the goods: who paid has all of them or gets the money back, and nobody else has any.
    fn is_just(&self, shop: &Shop) -> bool {
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
            letting_go: None,
            settling: None,
            desk: None,
            row: None,
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
                let letting_go = LettingGo::new(checkout_id(*buyer), cart_id(*buyer), products);
                state.buyers[*buyer].letting_go = Some(Flight::new(letting_go));
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
            Action::Die(Who::LettingGo, buyer) => state.buyers[*buyer].letting_go = None,
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
            for who in [Who::Placing, Who::LettingGo, Who::Settling] {
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
