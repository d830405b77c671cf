//! Keeps what happens to orders: state, history and the message to the edge, always in one transaction.
//!
//! It decides nothing: [`domain::order`] does. Whoever changes an order comes through here.

use domain::ids::EventId;
use domain::order::{Event, RefundReason};
use domain::time::Timestamp;
use domain::wire::{OrderSummary, OriginEvent, OriginEventKind};
use uuid::Uuid;

use crate::error::Error;
use crate::store::orders::StoredOrder;
use crate::store::{Tx, orders, outbox};

/// Applies `events` to `order` and writes them down. `request_id` names what caused them.
pub async fn record(
    tx: &mut Tx,
    order: &mut StoredOrder,
    events: &[Event],
    request_id: &str,
    now: Timestamp,
) -> Result<(), Error> {
    for event in events {
        let what = match event {
            Event::Placed { .. } => OriginEventKind::OrderPlaced,
            Event::Paid { .. } => OriginEventKind::OrderPaid,
            Event::Cancelled => OriginEventKind::OrderCancelled,
            Event::RefundDue { .. } => OriginEventKind::RefundDue,
        };
        // The order is inserted as placed. Every later change goes through the machine, whose assertions guard what is stored.
        if what != OriginEventKind::OrderPlaced {
            let mut machine = order.machine();
            machine.evolve(event);
            order.placed = machine.into_placed().ok_or_else(|| Error::Bug(format!("order {} vanished", order.id)))?;
        }
        order.events += 1;
        orders::update(tx, order, &reason(event), now).await?;
        outbox::append(tx, &message(order, what, now), request_id).await?;
        tracing::info!(order_id = %order.id, status = %order.placed.status, reason = reason(event), "order changed");
    }
    Ok(())
}

fn reason(event: &Event) -> String {
    match event {
        Event::Placed { .. } => "placed".to_owned(),
        Event::Paid { reference } => format!("captured by {reference}"),
        Event::Cancelled => "not paid in time".to_owned(),
        Event::RefundDue { reason: RefundReason::OutOfStock } => "out of stock".to_owned(),
        Event::RefundDue { reason: RefundReason::Mismatch { reference } } => format!("wrong money by {reference}"),
    }
}

fn message(order: &StoredOrder, what: OriginEventKind, now: Timestamp) -> OriginEvent {
    OriginEvent {
        id: EventId(Uuid::now_v7()),
        sequence: order.events,
        at: now,
        order: OrderSummary {
            id: order.id,
            checkout_id: order.checkout_id,
            cart_id: order.cart_id,
            email: order.email.clone(),
            status: order.placed.status,
            lines: order.lines.clone(),
            total: order.total,
            placed_at: order.placed_at,
        },
        what,
    }
}
