//! What can be asked of a product's stock, what happens to it, and why something is refused.

use serde::{Deserialize, Serialize};

use super::{MovedLine, Quantity, StockLine, Units};
use crate::ids::{CartId, CheckoutId, MovementId, PersonId, SaleId, Sku};
use crate::time::Timestamp;
use crate::wire::ShortLine;

/// Who moved goods, and why: what a seller or an operator does to the stock by hand.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Movement {
    /// Tells a repetition from a second movement.
    pub id: MovementId,
    /// Who did it, as the history shows it: at most [`Movement::TEXT_MAX`] characters.
    pub actor: String,
    /// Why: at most [`Movement::TEXT_MAX`] characters. A delivery needs none, everything else does.
    pub reason: String,
}

impl Movement {
    /// Longest text, in characters.
    pub const TEXT_MAX: usize = 200;
}

/// At most so many of a product for one person in one sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PersonLimit {
    /// Which sale.
    pub sale_id: SaleId,
    /// Whose share it is.
    pub person_id: PersonId,
    /// Units of the product, all variants together.
    pub units_max: Quantity,
}

/// What can be asked of a product's stock. Every command may be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Sets the opening balance of variants that have none yet. Those that have one get the new one as long as nothing of the product was
    /// sold or moved, nor is held; from then on what is counted here stands.
    Open {
        /// units on hand of each variant
        balances: Vec<(Sku, u32)>,
    },
    /// Holds all `lines`, or none, for [`super::RESERVATION_LENGTH`].
    Reserve {
        /// for which checkout
        checkout_id: CheckoutId,
        /// whose; nobody else may touch what it holds (AUTH-1)
        cart_id: CartId,
        /// what to hold; one line a SKU
        lines: Vec<StockLine>,
        /// what one person may have of it, where a sale says so
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<PersonLimit>,
    },
    /// Gives up what a checkout holds.
    Release {
        /// which checkout
        checkout_id: CheckoutId,
        /// whose; another cart's is left alone
        cart_id: CartId,
    },
    /// The checkout is paid: its units leave. Takes them again if the reservation is gone and there are enough.
    Commit {
        /// which checkout
        checkout_id: CheckoutId,
        /// whose
        cart_id: CartId,
        /// what was paid for, in case the reservation is gone
        lines: Vec<StockLine>,
    },
    /// Puts back what a paid checkout took, because the order as a whole could not be had.
    Return {
        /// whose
        checkout_id: CheckoutId,
    },
    /// Ends the reservations whose time is up.
    Expire,
    /// Goods were delivered.
    Receive {
        /// who and why
        movement: Movement,
        /// what; one line a SKU
        lines: Vec<MovedLine>,
    },
    /// The books were wrong by so many.
    Adjust {
        /// who and why
        movement: Movement,
        /// which variant
        sku: Sku,
        /// units more, or less if negative; not zero, and at most [`Units::MAX`] either way
        by: i32,
    },
    /// Somebody counted the shelf.
    Count {
        /// who and why
        movement: Movement,
        /// which variant
        sku: Sku,
        /// units in the building, those promised to checkouts included
        counted: u32,
    },
    /// Units were damaged or lost, and leave the books.
    WriteOff {
        /// who and why
        movement: Movement,
        /// which variant
        sku: Sku,
        /// how many
        units: Units,
    },
    /// A buyer sent goods back, and they can be sold again.
    TakeBack {
        /// who and why
        movement: Movement,
        /// what they were bought with
        checkout_id: CheckoutId,
        /// what came back; one line a SKU, never more than left
        lines: Vec<StockLine>,
    },
}

impl Command {
    /// Whose reservation it is about, if it is about one.
    pub const fn checkout_id(&self) -> Option<CheckoutId> {
        match self {
            Self::Reserve { checkout_id, .. }
            | Self::Release { checkout_id, .. }
            | Self::Commit { checkout_id, .. }
            | Self::Return { checkout_id }
            | Self::TakeBack { checkout_id, .. } => Some(*checkout_id),
            Self::Open { .. }
            | Self::Expire
            | Self::Receive { .. }
            | Self::Adjust { .. }
            | Self::Count { .. }
            | Self::WriteOff { .. } => None,
        }
    }

    /// Who moves goods by hand with it, if somebody does.
    pub const fn movement(&self) -> Option<&Movement> {
        match self {
            Self::Receive { movement, .. }
            | Self::Adjust { movement, .. }
            | Self::Count { movement, .. }
            | Self::WriteOff { movement, .. }
            | Self::TakeBack { movement, .. } => Some(movement),
            Self::Open { .. }
            | Self::Reserve { .. }
            | Self::Release { .. }
            | Self::Commit { .. }
            | Self::Return { .. }
            | Self::Expire => None,
        }
    }
}

/// What happened to a product's stock.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A variant got its opening balance.
    Opened {
        /// which variant
        sku: Sku,
        /// units on hand
        on_hand: u32,
    },
    /// A variant of which nothing was sold or moved got another opening balance.
    Reopened {
        /// which variant
        sku: Sku,
        /// units on hand before
        was: u32,
        /// and now
        on_hand: u32,
    },
    /// A checkout holds units.
    Reserved {
        /// which checkout
        checkout_id: CheckoutId,
        /// whose
        cart_id: CartId,
        /// what it holds
        lines: Vec<StockLine>,
        /// until when
        expires_at: Timestamp,
        /// whose share of a sale it is
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<PersonLimit>,
    },
    /// A checkout gave up what it held.
    Released {
        /// whose
        checkout_id: CheckoutId,
    },
    /// A checkout's time was up.
    Expired {
        /// whose
        checkout_id: CheckoutId,
    },
    /// A checkout's units left.
    Committed {
        /// which checkout
        checkout_id: CheckoutId,
        /// whose
        cart_id: CartId,
        /// what left
        lines: Vec<StockLine>,
        /// whose share of a sale it was
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<PersonLimit>,
    },
    /// A checkout was paid too late, and its units are gone.
    Refused {
        /// which checkout
        checkout_id: CheckoutId,
        /// whose
        cart_id: CartId,
        /// what it wanted
        lines: Vec<StockLine>,
    },
    /// A paid checkout's units came back, all of them.
    Returned {
        /// whose
        checkout_id: CheckoutId,
        /// what came back
        lines: Vec<StockLine>,
    },
    /// What somebody moved by hand.
    Moved {
        /// what was asked for
        command: Box<Command>,
        /// what it changed: units more, or less if negative, of each variant
        changes: Vec<(Sku, i64)>,
    },
}

impl Event {
    /// Whose reservation it is about, if it is about one.
    pub fn checkout_id(&self) -> Option<CheckoutId> {
        match self {
            Self::Opened { .. } | Self::Reopened { .. } => None,
            Self::Moved { command, .. } => command.checkout_id(),
            Self::Reserved { checkout_id, .. }
            | Self::Released { checkout_id }
            | Self::Expired { checkout_id }
            | Self::Committed { checkout_id, .. }
            | Self::Refused { checkout_id, .. }
            | Self::Returned { checkout_id, .. } => Some(*checkout_id),
        }
    }
}

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "rejection", rename_all = "snake_case")]
pub enum Rejection {
    /// Not enough units that nobody was promised.
    #[error("not enough stock")]
    Short {
        /// the lines that cannot be had
        lines: Vec<ShortLine>,
    },
    /// The product has no such variant.
    #[error("unknown variant {sku}")]
    UnknownSku {
        /// which
        sku: Sku,
    },
    /// The same SKU on two lines, or no line at all.
    #[error("name each variant once, and at least one")]
    BadLines,
    /// The checkout holds something else already, or is over.
    #[error("this checkout is over or holds other lines; start a new one")]
    CheckoutClosed,
    /// One person may not have so many.
    #[error("one person may have {units_max} in this sale; you have {units_had} already", units_max = units_max.get())]
    LimitReached {
        /// units that one person may have
        units_max: Quantity,
        /// units that they hold or have bought
        units_had: u32,
    },
    /// The same movement was made before, with other contents.
    #[error("this movement was made before with other contents; give the new one an id of its own")]
    MovementDiffers,
    /// A change by zero or by too many.
    #[error("change it by 1 to {max} units, up or down", max = Units::MAX)]
    BadChange,
    /// More than the books can hold.
    #[error("no variant can have more than {max} units", max = super::ON_HAND_MAX)]
    TooMany,
    /// A movement without a reason, or with texts that are too long.
    #[error("say who and why, in at most {max} characters each and without control characters", max = Movement::TEXT_MAX)]
    BadReason,
    /// The checkout did not take so many, or has brought them back.
    #[error("only {units} of {sku} are still with the buyer")]
    NotBought {
        /// which variant
        sku: Sku,
        /// how many could come back
        units: u32,
    },
}
