//! A purchase across the shop's parts: which calls follow from which answers. [`Placing`] turns a cart into an order,
//! [`Settling`] makes what became of it true of stock and cart, [`LettingGo`] lets go of what a checkout holds, and [`GivingUp`] does so for
//! good.
//!
//! Pure machines without a wire: each says which calls to make next, all of them at once ([`Step::Ask`]), and is told every
//! answer, in the calls' order. Whoever drives it only carries: the Worker over real stubs, the simulation over a network that loses
//! things, the model checker over all of them. A call without an answer is no news: the driver drops the machine, as a crash
//! would, and the next try finds out. Hence no machine knows faults, and every call may be repeated.

mod giving_up;
mod letting_go;
mod placing;
mod settling;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cart::{self, Cart};
use crate::ids::{CartId, CheckoutId, ProductId, Sku};
use crate::money::{Currency, Money};
use crate::pricing::{CouponCode, Item, Rules};
use crate::stock::{self, Quantity, Reservation, StockLine};
use crate::wire::{GiveUpAnswer, OrderLine, PlaceOrder, PlacedOrder, Problem};

pub use self::giving_up::{GaveUp, GivingUp};
pub use self::letting_go::LettingGo;
pub use self::placing::{Checkout, Correction, Placing, Refusal};
pub use self::settling::{Settling, known_outcome};

/// What a machine wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<T> {
    /// Make these calls, in any order or at once, and tell every answer.
    Ask(Vec<Call>),
    /// It is over.
    Done(T),
}

/// One call of another part of the shop.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Call {
    /// Of a cart.
    Cart(CartId, cart::Command),
    /// Of a product's stock.
    Stock(ProductId, stock::Command),
    /// What is sold under these SKUs now, and what else decides what it costs with this code.
    Offers(Vec<Sku>, Option<CouponCode>),
    /// Of the origin.
    Order(Box<PlaceOrder>),
    /// Of the origin: what comes of this checkout will not be paid.
    GiveUp(CheckoutId),
}

/// The answer to one [`Call`], of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The cart after it.
    Cart(Result<CartAnswer, cart::Rejection>),
    /// The checkout's reservation after it.
    Stock(Result<Option<Reservation>, stock::Rejection>),
    /// What is sold; what is not is left out.
    Offers(Offers),
    /// The order, or what the origin has against it.
    Order(Result<PlacedOrder, Box<Problem>>),
    /// Whether the checkout was given up in time.
    GaveUp(GiveUpAnswer),
}

/// What a cart answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CartAnswer {
    /// As it is now.
    pub cart: Cart,
    /// Whether the call changed it; a repetition does not.
    pub is_changed: bool,
}

/// What is sold, and what its delivery costs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Offers {
    /// Of each variant that can be bought.
    pub variants: BTreeMap<Sku, Offer>,
    /// What delivery of an order costs where the rules say nothing of it, in minor units of each currency.
    pub delivery_minor: BTreeMap<Currency, i64>,
    /// What the shop takes and gives beside its prices.
    pub rules: Rules,
}

/// A variant as it is sold now.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Offer {
    /// Its product.
    pub product_id: ProductId,
    /// The product's page: `/p/{slug}`.
    pub slug: String,
    /// What the buyer sees as its name, variant included.
    pub title: String,
    /// Who sells it.
    pub seller: String,
    /// Price of one.
    pub price: Money,
    /// Names from the top, joined by `/`.
    pub category: String,
    /// Maker.
    pub brand: Option<String>,
    /// Weight of one; 0 where nobody knows.
    pub weight_grams: u32,
    /// Whether its price is that of a flash sale.
    pub is_reduced: bool,
}

impl Offer {
    /// So many of it, as the rules look at it.
    pub fn item(&self, sku: Sku, quantity: Quantity) -> Item {
        Item {
            sku,
            quantity,
            unit_price_minor: self.price.amount_minor,
            seller: self.seller.clone(),
            category: self.category.clone(),
            brand: self.brand.clone(),
            weight_grams: self.weight_grams,
            is_reduced: self.is_reduced,
        }
    }
}

/// An order's lines as each product's stock wants them.
fn ordered_by_product(lines: &[OrderLine]) -> BTreeMap<ProductId, Vec<StockLine>> {
    by_product(lines.iter().map(|line| (line.product_id, &line.sku, line.quantity)))
}

fn by_product<'l>(lines: impl Iterator<Item = (ProductId, &'l Sku, Quantity)>) -> BTreeMap<ProductId, Vec<StockLine>> {
    let mut products: BTreeMap<ProductId, Vec<StockLine>> = BTreeMap::new();
    for (product_id, sku, quantity) in lines {
        products.entry(product_id).or_default().push(StockLine { sku: sku.clone(), quantity });
    }
    products
}
