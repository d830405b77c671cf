//! Giving up what a checkout holds: everywhere in stock first, then the cart. A cart that thawed first could be checked out again while
//! its old promises still stood.

use std::collections::BTreeSet;

use super::{Answer, Call, Step};
use crate::cart;
use crate::ids::{CartId, CheckoutId, ProductId};
use crate::stock;

/// Lets go of everything that a checkout holds. May be repeated, and does nothing to what is paid.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LettingGo {
    checkout_id: CheckoutId,
    cart_id: CartId,
    products: BTreeSet<ProductId>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stage {
    Releasing,
    Thawing,
    Done,
}

impl LettingGo {
    /// Of what a checkout holds at `products`.
    pub fn new(checkout_id: CheckoutId, cart_id: CartId, products: impl IntoIterator<Item = ProductId>) -> Self {
        let products: BTreeSet<ProductId> = products.into_iter().collect();
        let stage = if products.is_empty() { Stage::Thawing } else { Stage::Releasing };
        Self { checkout_id, cart_id, products, stage }
    }

    /// What to do next.
    pub fn step(&self) -> Step<()> {
        let (checkout_id, cart_id) = (self.checkout_id, self.cart_id);
        match self.stage {
            Stage::Releasing => {
                let release = stock::Command::Release { checkout_id, cart_id };
                Step::Ask(self.products.iter().map(|product_id| Call::Stock(*product_id, release.clone())).collect())
            }
            Stage::Thawing => Step::Ask(vec![Call::Cart(cart_id, cart::Command::Thaw { checkout_id })]),
            Stage::Done => Step::Done(()),
        }
    }

    /// The calls of [`Self::step`] were answered. Neither releasing nor thawing is ever refused.
    pub fn hear(&mut self, _answers: Vec<Answer>) {
        self.stage = match self.stage {
            Stage::Releasing => Stage::Thawing,
            Stage::Thawing | Stage::Done => Stage::Done,
        };
    }
}
