//! What becomes of an order, made true of stock and cart: commit or release, empty or thaw.
//!
//! Every effect may be repeated, and an event counts as applied only once its outcome is recorded; hence a crash anywhere in between is
//! put right by the next delivery.

use std::collections::BTreeSet;

use super::{Answer, Call, LettingGo, Step, ordered_by_product};
use crate::cart;
use crate::ids::{MovementId, ProductId};
use crate::stock::{self, Movement, ReservationState, StockLine};
use crate::wire::{EventOutcome, OrderLine, OrderSummary, OriginEvent, OriginEventKind, Restock, ShortLine};

/// What was answered when an event was applied, if it was: `recorded` is the order's latest event that was, with its outcome.
pub fn known_outcome(event: &OriginEvent, recorded: Option<(u32, EventOutcome)>) -> Option<EventOutcome> {
    match recorded {
        Some((sequence, outcome)) if sequence == event.sequence => Some(outcome),
        // Older than what is known: its effects are long done.
        Some((sequence, _)) if sequence > event.sequence => Some(EventOutcome::Done),
        Some(_) | None => None,
    }
}

/// An event that is being applied.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Settling {
    order: OrderSummary,
    stage: Stage,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Stage {
    /// All units of an order leave, or none do.
    Committing,
    /// Some were gone: what was taken elsewhere comes back.
    Returning {
        taken: Vec<ProductId>,
        refused: Vec<ShortLine>,
    },
    /// The cart hears how it ended.
    Concluding(cart::Command, EventOutcome),
    LettingGo(LettingGo),
    /// What was bought goes back on the shelf.
    Restocking(Restock),
    Done(EventOutcome),
}

impl Settling {
    /// Applies `event`.
    pub fn new(event: &OriginEvent) -> Self {
        let order = event.order.clone();
        let stage = match event.what {
            OriginEventKind::OrderPlaced | OriginEventKind::OrderRefunded | OriginEventKind::OrderRestated => {
                Stage::Done(EventOutcome::Done)
            }
            OriginEventKind::LinesRefunded => match event.restock.clone() {
                Some(restock) => Stage::Restocking(restock),
                None => Stage::Done(EventOutcome::Done),
            },
            OriginEventKind::OrderPaid => Stage::Committing,
            OriginEventKind::OrderCancelled | OriginEventKind::RefundDue => {
                let products = order.lines.iter().map(|line| line.product_id);
                Stage::LettingGo(LettingGo::new(order.checkout_id, order.cart_id, products))
            }
        };
        Self { order, stage }
    }

    /// What to do next.
    pub fn step(&self) -> Step<EventOutcome> {
        let (checkout_id, cart_id) = (self.order.checkout_id, self.order.cart_id);
        match &self.stage {
            Stage::Committing => {
                let commit = |(product_id, lines)| {
                    Call::Stock(product_id, stock::Command::Commit { checkout_id, cart_id, lines })
                };
                Step::Ask(ordered_by_product(&self.order.lines).into_iter().map(commit).collect())
            }
            Stage::Returning { taken, .. } => {
                let give_back = stock::Command::Return { checkout_id };
                Step::Ask(taken.iter().map(|product_id| Call::Stock(*product_id, give_back.clone())).collect())
            }
            Stage::Concluding(command, _) => Step::Ask(vec![Call::Cart(cart_id, command.clone())]),
            Stage::LettingGo(letting_go) => match letting_go.step() {
                Step::Ask(calls) => Step::Ask(calls),
                Step::Done(()) => Step::Done(EventOutcome::Done),
            },
            Stage::Restocking(restock) => Step::Ask(self.take_back(restock)),
            Stage::Done(outcome) => Step::Done(outcome.clone()),
        }
    }

    fn take_back(&self, restock: &Restock) -> Vec<Call> {
        let Restock { refund_id, actor, reason, lines } = restock;
        let movement = Movement { id: MovementId(refund_id.0), actor: actor.clone(), reason: reason.clone() };
        let is_restocked = |bought: &&OrderLine| lines.iter().any(|line| line.sku == bought.sku);
        let products: BTreeSet<ProductId> =
            self.order.lines.iter().filter(is_restocked).map(|it| it.product_id).collect();
        let of = |product_id| {
            let is_its = |line: &&StockLine| {
                self.order.lines.iter().any(|bought| bought.product_id == product_id && bought.sku == line.sku)
            };
            let lines = lines.iter().filter(is_its).cloned().collect();
            let (movement, checkout_id) = (movement.clone(), self.order.checkout_id);
            Call::Stock(product_id, stock::Command::TakeBack { movement, checkout_id, lines })
        };
        products.into_iter().map(of).collect()
    }

    /// The calls of [`Self::step`] were answered.
    pub fn hear(&mut self, answers: Vec<Answer>) {
        let checkout_id = self.order.checkout_id;
        self.stage = match std::mem::replace(&mut self.stage, Stage::Done(EventOutcome::Done)) {
            Stage::Committing => self.committed(&answers),
            // Returning is never refused.
            Stage::Returning { refused, .. } => {
                Stage::Concluding(cart::Command::Thaw { checkout_id }, EventOutcome::OutOfStock { lines: refused })
            }
            // Neither are completing and thawing.
            Stage::Concluding(_, outcome) => Stage::Done(outcome),
            Stage::LettingGo(mut letting_go) => {
                letting_go.hear(answers);
                Stage::LettingGo(letting_go)
            }
            // A stock that refuses has them back already: somebody was quicker by hand.
            Stage::Restocking(_) => Stage::Done(EventOutcome::Done),
            done @ Stage::Done(_) => done,
        };
    }

    fn committed(&self, answers: &[Answer]) -> Stage {
        let checkout_id = self.order.checkout_id;
        let (mut taken, mut refused) = (Vec::new(), Vec::new());
        let products = ordered_by_product(&self.order.lines);
        assert_eq!(products.len(), answers.len(), "every call is answered, or the machine is dropped");
        for ((product_id, lines), answer) in products.into_iter().zip(answers) {
            if is_committed(answer) {
                taken.push(product_id);
            } else {
                let short = |line: StockLine| ShortLine { sku: line.sku, requested: line.quantity.get(), available: 0 };
                refused.extend(lines.into_iter().map(short));
            }
        }
        match (refused.is_empty(), taken.is_empty()) {
            (true, _) => Stage::Concluding(cart::Command::Complete { checkout_id }, EventOutcome::Done),
            (false, false) => Stage::Returning { taken, refused },
            (false, true) => {
                Stage::Concluding(cart::Command::Thaw { checkout_id }, EventOutcome::OutOfStock { lines: refused })
            }
        }
    }
}

/// A refusal to even try means that the product has no such variant any more.
fn is_committed(answer: &Answer) -> bool {
    match answer {
        Answer::Stock(Ok(Some(reservation))) => reservation.state == ReservationState::Committed,
        Answer::Stock(Ok(None) | Err(_))
        | Answer::Cart(_)
        | Answer::Offers(_)
        | Answer::Order(_)
        | Answer::GaveUp(_) => false,
    }
}
