//! A shopper gives a checkout up: first where money is decided, so that what is paid afterwards goes back by itself, then everything that
//! it holds. Said the other way round, a payment could come in between and buy what the shopper was told is given up.

use super::{Answer, Call, LettingGo, Step};
use crate::ids::{CartId, CheckoutId, OrderId, ProductId};
use crate::wire::GiveUpAnswer;

/// What giving up came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GaveUp {
    /// It is over, and holds nothing any more.
    Done,
    /// It was paid before, and stands as this order.
    Sold(OrderId),
    /// An answer that does not go with its call.
    Bug(&'static str),
}

/// Gives a checkout up. May be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GivingUp {
    checkout_id: CheckoutId,
    letting_go: LettingGo,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stage {
    Saying,
    LettingGo,
    Done(GaveUp),
}

impl GivingUp {
    /// Of what a checkout holds at `products`.
    pub fn new(checkout_id: CheckoutId, cart_id: CartId, products: impl IntoIterator<Item = ProductId>) -> Self {
        Self { checkout_id, letting_go: LettingGo::new(checkout_id, cart_id, products), stage: Stage::Saying }
    }

    /// Which checkout it is about.
    pub const fn checkout_id(&self) -> CheckoutId {
        self.checkout_id
    }

    /// What to do next.
    pub fn step(&self) -> Step<GaveUp> {
        match self.stage {
            Stage::Saying => Step::Ask(vec![Call::GiveUp(self.checkout_id)]),
            Stage::LettingGo => match self.letting_go.step() {
                Step::Ask(calls) => Step::Ask(calls),
                Step::Done(()) => Step::Done(GaveUp::Done),
            },
            Stage::Done(outcome) => Step::Done(outcome),
        }
    }

    /// The calls of [`Self::step`] were answered.
    pub fn hear(&mut self, answers: Vec<Answer>) {
        match self.stage {
            Stage::Saying => {
                self.stage = match answers.into_iter().next() {
                    Some(Answer::GaveUp(GiveUpAnswer::GivenUp)) => Stage::LettingGo,
                    Some(Answer::GaveUp(GiveUpAnswer::Sold { order_id })) => Stage::Done(GaveUp::Sold(order_id)),
                    Some(Answer::Cart(_) | Answer::Stock(_) | Answer::Offers(_) | Answer::Order(_)) | None => {
                        Stage::Done(GaveUp::Bug("the origin did not answer as the origin"))
                    }
                };
            }
            Stage::LettingGo => self.letting_go.hear(answers),
            Stage::Done(_) => {}
        }
    }
}
