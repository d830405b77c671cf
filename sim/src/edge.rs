//! The Worker's side of the world: its objects, its catalogue, what it keeps of orders, and the purchases that it is about.

use std::collections::{BTreeMap, VecDeque};

use domain::ids::{CartId, CheckoutId, OrderId, ProductId};
use domain::order::OrderStatus;
use domain::purchase::{Answer, Call, GaveUp, GivingUp, Offers, Placing, Refusal, Settling, Step, known_outcome};
use domain::time::Timestamp;
use domain::wire::{EventOutcome, OriginEvent, OriginEventKind, PlacedOrder};

use crate::Sabotage;
use crate::network::{Loss, Plan};
use crate::objects::{CartObject, StockObject};
use crate::operation::Fault;
use crate::sale::Allowed;

/// The Worker with all that is bound to it.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) stocks: BTreeMap<ProductId, StockObject>,
    pub(crate) carts: BTreeMap<CartId, CartObject>,
    pub(crate) offers: Offers,
    pub(crate) orders: BTreeMap<OrderId, OrderRow>,
    pub(crate) units_sold: BTreeMap<ProductId, u32>,
    pub(crate) sabotage: Sabotage,
}

/// D1's `order_summary`.
#[derive(Debug, Clone)]
pub(crate) struct OrderRow {
    pub(crate) status: OrderStatus,
    pub(crate) sequence: u32,
    outcome: EventOutcome,
    is_counted: bool,
}

impl Edge {
    /// Asks an object or the catalogue.
    fn ask(&mut self, call: &Call, now: Timestamp) -> Result<Answer, Loss> {
        Ok(match call {
            Call::Cart(cart_id, command) => Answer::Cart(self.carts.entry(*cart_id).or_default().change(command, now)),
            Call::Stock(product_id, command) => {
                Answer::Stock(self.stocks.get_mut(product_id).ok_or(Loss::Lost)?.ask(command, now))
            }
            Call::Offers(skus, _) => {
                let mut offers = self.offers.clone();
                offers.variants.retain(|sku, _| skus.contains(sku));
                Answer::Offers(offers)
            }
            // The world carries it.
            Call::Order(_) | Call::GiveUp(_) => return Err(Loss::Lost),
        })
    }

    fn crash(&mut self, callee: &Call) {
        match callee {
            Call::Cart(cart_id, _) => self.carts.entry(*cart_id).or_default().crash(),
            Call::Stock(product_id, _) => {
                if let Some(stock) = self.stocks.get_mut(product_id) {
                    stock.crash();
                }
            }
            Call::Offers(..) | Call::Order(_) | Call::GiveUp(_) => {}
        }
    }

    /// Makes a call that may go wrong.
    pub(crate) fn carry(&mut self, call: &Call, plan: &mut Plan, now: Timestamp) -> Result<Answer, Loss> {
        match plan.draw() {
            None => self.ask(call, now),
            Some(Fault::RequestLost) => Err(Loss::Lost),
            Some(Fault::CallerDiesBefore) => Err(Loss::CallerDied),
            Some(fault @ (Fault::AnswerLost | Fault::Twice | Fault::CalleeDies | Fault::CallerDiesAfter)) => {
                let answer = self.ask(call, now);
                match fault {
                    Fault::Twice => {
                        drop(self.ask(call, now));
                        answer
                    }
                    Fault::CalleeDies => {
                        self.crash(call);
                        Err(Loss::Lost)
                    }
                    Fault::CallerDiesAfter => Err(Loss::CallerDied),
                    Fault::AnswerLost | Fault::RequestLost | Fault::CallerDiesBefore => Err(Loss::Lost),
                }
            }
        }
    }

    /// Applies an event of the origin's, or answers what was answered when it was applied; `None` when there is no answer.
    pub(crate) fn apply(&mut self, event: &OriginEvent, plan: &mut Plan, now: Timestamp) -> Option<EventOutcome> {
        let mut run = match self.begin_applying(event) {
            Ok(known) => return Some(known),
            Err(run) => run,
        };
        loop {
            match run.next() {
                Next::Call(call) => run.hear(self.carry(&call, plan, now), now),
                Next::End(End::Settled(event, outcome)) => {
                    let outcome = self.record(&event, outcome);
                    // The answer has yet to arrive; that, the network decides.
                    return Some(outcome);
                }
                Next::End(End::Lost | End::Placed(..) | End::GaveUp(..)) => return None,
            }
        }
    }

    /// What was answered before, or what has to be done.
    pub(crate) fn begin_applying(&self, event: &OriginEvent) -> Result<EventOutcome, Box<Run>> {
        let row = self.orders.get(&event.order.id).map(|row| (row.sequence, row.outcome.clone()));
        let run = || Box::new(Run::new(Machine::Settling(Box::new((Settling::new(event), event.clone())))));
        known_outcome(event, row).ok_or_else(run)
    }

    /// What D1 keeps, in one batch, as `edge/src/events.rs` writes it.
    pub(crate) fn record(&mut self, event: &OriginEvent, outcome: EventOutcome) -> EventOutcome {
        let outcome = if self.sabotage == Sabotage::TellDone { EventOutcome::Done } else { outcome };
        let new = OrderRow {
            status: event.order.status,
            sequence: event.sequence,
            outcome: outcome.clone(),
            is_counted: false,
        };
        let row = self.orders.entry(event.order.id).or_insert_with(|| new.clone());
        if new.sequence > row.sequence {
            *row = OrderRow { is_counted: row.is_counted, ..new };
        }
        if event.what == OriginEventKind::OrderPaid && outcome == EventOutcome::Done && !row.is_counted {
            row.is_counted = true;
            for line in &event.order.lines {
                *self.units_sold.entry(line.product_id).or_default() += line.quantity.get();
            }
        }
        outcome
    }
}

/// Something that the Worker is about: a request that came in, half way through.
#[derive(Debug)]
pub(crate) struct Run {
    machine: Machine,
    /// Of the present round.
    calls: VecDeque<Call>,
    answers: Vec<Answer>,
    /// Whether a call of the present round got no answer: the others are made all the same.
    is_lost: bool,
    is_dead: bool,
    /// What the sales said when it began.
    pub(crate) allowed: Allowed,
}

#[derive(Debug)]
pub(crate) enum Machine {
    Placing(Box<Placing>),
    GivingUp(GivingUp),
    Settling(Box<(Settling, OriginEvent)>),
}

/// What a run wants.
#[derive(Debug)]
pub(crate) enum Next {
    Call(Call),
    End(End),
}

/// How a run ended.
#[derive(Debug)]
pub(crate) enum End {
    Placed(CheckoutId, Result<PlacedOrder, Refusal>),
    GaveUp(CheckoutId, GaveUp),
    Settled(Box<OriginEvent>, EventOutcome),
    Lost,
}

impl Run {
    pub(crate) fn new(machine: Machine) -> Self {
        Self::allowed(machine, Allowed::default())
    }

    pub(crate) const fn allowed(machine: Machine, allowed: Allowed) -> Self {
        Self { machine, calls: VecDeque::new(), answers: Vec::new(), is_lost: false, is_dead: false, allowed }
    }

    /// The next call, or the end. To be told with [`Self::hear`].
    pub(crate) fn next(&mut self) -> Next {
        if self.is_dead || (self.is_lost && self.calls.is_empty()) {
            return Next::End(End::Lost);
        }
        if self.calls.is_empty() {
            let calls = match &self.machine {
                Machine::Placing(placing) => match placing.step() {
                    Step::Ask(calls) => calls,
                    Step::Done(outcome) => return Next::End(End::Placed(placing.checkout_id(), outcome)),
                },
                Machine::GivingUp(giving_up) => match giving_up.step() {
                    Step::Ask(calls) => calls,
                    Step::Done(outcome) => return Next::End(End::GaveUp(giving_up.checkout_id(), outcome)),
                },
                Machine::Settling(applying) => match applying.0.step() {
                    Step::Ask(calls) => calls,
                    Step::Done(outcome) => return Next::End(End::Settled(Box::new(applying.1.clone()), outcome)),
                },
            };
            self.calls = calls.into();
        }
        self.calls.front().cloned().map_or(Next::End(End::Lost), Next::Call)
    }

    /// The call of [`Self::next`] came to this.
    pub(crate) fn hear(&mut self, answer: Result<Answer, Loss>, now: Timestamp) {
        self.calls.pop_front();
        match answer {
            Ok(answer) => self.answers.push(answer),
            Err(Loss::Lost) => self.is_lost = true,
            Err(Loss::CallerDied) => self.is_dead = true,
        }
        if self.calls.is_empty() && !self.is_lost && !self.is_dead {
            let answers = std::mem::take(&mut self.answers);
            match &mut self.machine {
                Machine::Placing(placing) => placing.hear(answers, now),
                Machine::GivingUp(giving_up) => giving_up.hear(answers),
                Machine::Settling(applying) => applying.0.hear(answers),
            }
        }
    }
}
