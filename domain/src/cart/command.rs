//! What can be asked of a cart, what happens to it, and why something is refused.

use serde::{Deserialize, Serialize};

use super::{LINES_MAX, SAVED_MAX};
use crate::ids::{CartId, CheckoutId, OperationId, ProductId, Sku};
use crate::money::Money;
use crate::pricing::CouponCode;
use crate::stock::Quantity;
use crate::time::Timestamp;

/// One line of a cart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CartLine {
    /// The variant.
    pub sku: Sku,
    /// Its product.
    pub product_id: ProductId,
    /// How many.
    pub quantity: Quantity,
    /// Price of one as the shopper saw it last. When it is another now, the cart says so.
    #[serde(default)]
    pub seen_price: Option<Money>,
}

/// What can be asked of a cart. Every command may be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
        /// price of one, as the shopper sees it
        price: Money,
        /// units that can be had now
        available: u32,
        /// units of the product that one person may have, all variants together, where a sale says so
        #[serde(default, skip_serializing_if = "Option::is_none")]
        units_max: Option<Quantity>,
    },
    /// Makes it `quantity` of a variant that is in the cart.
    SetQuantity {
        /// the variant
        sku: Sku,
        /// how many from now on
        quantity: Quantity,
        /// units that can be had now
        available: u32,
        /// units of the product that one person may have, all variants together, where a sale says so
        #[serde(default, skip_serializing_if = "Option::is_none")]
        units_max: Option<Quantity>,
    },
    /// Takes a variant out.
    Remove {
        /// the variant
        sku: Sku,
    },
    /// Takes a variant out, and remembers it beside the cart.
    SaveForLater {
        /// the variant
        sku: Sku,
    },
    /// Puts a variant that was saved for later back into the cart.
    PutBack {
        /// the variant
        sku: Sku,
        /// units that can be had now
        available: u32,
        /// units of the product that one person may have, all variants together, where a sale says so
        #[serde(default, skip_serializing_if = "Option::is_none")]
        units_max: Option<Quantity>,
    },
    /// Forgets a variant that was saved for later.
    RemoveSaved {
        /// the variant
        sku: Sku,
    },
    /// The shopper has seen what things cost now.
    AcceptPrices {
        /// of each variant
        prices: Vec<(Sku, Money)>,
    },
    /// The shopper types a code, or takes it away.
    SetCoupon {
        /// which one; `None`: no more
        code: Option<CouponCode>,
    },
    /// Takes in what another cart of the same shopper holds: of what is in both, the greater quantity. What finds no room is saved
    /// for later, so that nothing is lost.
    Merge {
        /// the other cart
        from: CartId,
        /// its lines
        lines: Vec<CartLine>,
        /// what it saved for later
        saved: Vec<CartLine>,
    },
    /// The cart is empty from now on, and everything asked of it is asked of another one.
    HandOver {
        /// which one took in what it held
        to: CartId,
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
    /// Forgets a cart that nobody has touched for [`super::KEPT`].
    Expire,
}

/// What happened to a cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A line is now so.
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
    /// A line is saved for later.
    Saved {
        /// the line
        line: CartLine,
    },
    /// A line is no longer saved for later.
    SavedRemoved {
        /// the variant
        sku: Sku,
    },
    /// Another code was typed, or it was taken away.
    CouponSet {
        /// which one
        code: Option<CouponCode>,
    },
    /// What another cart held was taken in.
    Merged {
        /// the other cart
        from: CartId,
    },
    /// Another cart has it all.
    HandedOver {
        /// which one
        to: CartId,
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
    /// Somebody uses it.
    Touched {
        /// when
        at: Timestamp,
    },
    /// Nobody has for a long time.
    Expired,
}

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "rejection", rename_all = "snake_case")]
pub enum Rejection {
    /// A checkout is under way.
    #[error("a payment is under way for this cart; finish it, or give it up to change the cart")]
    Frozen {
        /// which
        checkout_id: CheckoutId,
    },
    /// Another cart has it all now.
    #[error("this cart has become part of another one")]
    HandedOver {
        /// which one
        to: CartId,
    },
    /// The variant is not in the cart, or not saved.
    #[error("{sku} is not in this cart")]
    NoSuchLine {
        /// the variant
        sku: Sku,
    },
    /// More than [`LINES_MAX`] lines.
    #[error("a cart holds at most {LINES_MAX} different things")]
    TooManyLines,
    /// More than [`SAVED_MAX`] lines saved for later.
    #[error("at most {SAVED_MAX} different things can be saved for later")]
    TooManySaved,
    /// More than [`Quantity::MAX`] of one variant.
    #[error("a line holds at most {max}", max = Quantity::MAX)]
    TooMany,
    /// More than there are.
    #[error("{}", not_that_many(*available, *had))]
    NotThatMany {
        /// units that can be had
        available: u32,
        /// units that are in the cart already
        had: u32,
    },
    /// More than one person may have.
    #[error("{}", more_than_a_share(*units_max, *had))]
    LimitReached {
        /// units of the product that one person may have, all variants together
        units_max: Quantity,
        /// units of it that are in the cart already
        had: u32,
        /// those of them that are of other variants
        others: u32,
    },
    /// Nothing to check out.
    #[error("the cart is empty")]
    Empty,
    /// This checkout is over.
    #[error("this checkout is over; start a new one")]
    CheckoutClosed,
}

fn not_that_many(available: u32, had: u32) -> String {
    match (available, had) {
        (0, _) => "this is sold out".to_owned(),
        (1, 0) => "only one can be had".to_owned(),
        (_, 0) => format!("only {available} can be had"),
        (1, _) => "only one can be had, and it is in your cart".to_owned(),
        (_, 1) => format!("only {available} can be had, and one is in your cart"),
        (_, had) => format!("only {available} can be had, and {had} are in your cart"),
    }
}

fn more_than_a_share(units_max: Quantity, had: u32) -> String {
    let units_max = units_max.get();
    match had {
        0 => format!("one person may have {units_max} of it in this sale"),
        1 => format!("one person may have {units_max} of it in this sale, and one is in your cart"),
        had => format!("one person may have {units_max} of it in this sale, and {had} are in your cart"),
    }
}
