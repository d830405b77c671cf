//! What the origin tells the edge.

use serde::{Deserialize, Serialize};

use super::{OrderLine, Restock, ShortLine};
use crate::ids::{CartId, CheckoutId, EventId, OrderId};
use crate::money::Money;
use crate::order::OrderStatus;
use crate::time::Timestamp;

/// `POST`: one message of the origin's outbox ([`OriginEvent`] → [`EventOutcome`]). At least once, in order per order.
pub const EDGE_EVENTS: &str = "/internal/events";

/// Something that happened to an order, told to the edge.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OriginEvent {
    /// The same at every delivery.
    pub id: EventId,
    /// Counts an order's events from 1.
    pub sequence: u32,
    /// When it happened.
    pub at: Timestamp,
    /// The order as it stands after it.
    pub order: OrderSummary,
    /// What happened.
    pub what: OriginEventKind,
    /// What goes back on the shelf, with [`OriginEventKind::LinesRefunded`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restock: Option<Restock>,
}

/// What the edge keeps of an order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OrderSummary {
    /// The order's id.
    pub id: OrderId,
    /// Whose reservations it holds.
    pub checkout_id: CheckoutId,
    /// The cart it came from.
    pub cart_id: CartId,
    /// Where the receipt goes.
    pub email: String,
    /// Where it stands.
    pub status: OrderStatus,
    /// What was bought.
    pub lines: Vec<OrderLine>,
    /// What it cost.
    pub total: Money,
    /// When it was placed.
    pub placed_at: Timestamp,
}

/// The kinds of [`OriginEvent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OriginEventKind {
    /// The order exists and waits for its payment. Nothing to do but remember it.
    OrderPlaced,
    /// Paid in full: commit the stock, empty the cart.
    OrderPaid,
    /// It will not be paid any more: release the stock, thaw the cart.
    OrderCancelled,
    /// Its money goes back.
    RefundDue,
    /// A part of it, or all, is refunded: take back to stock what can be sold again.
    LinesRefunded,
    /// All the money that had to go back is back. Nothing to do but remember it.
    OrderRefunded,
    /// Nothing happened: it is told once more how the order stands, for an edge that has lost its read models.
    OrderRestated,
}

/// What the edge did about an event. The same at every delivery of the same event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum EventOutcome {
    /// Done.
    Done,
    /// Paid too late, and the stock went to somebody else: the origin has to refund.
    OutOfStock {
        /// what could not be had
        lines: Vec<ShortLine>,
    },
}
