//! Keeps what happens to orders: state, history and the message to the edge, always in one transaction.
//!
//! It decides nothing: [`domain::order`] does. Whoever changes an order comes through here.

use domain::ids::{EventId, OrderId};
use domain::order::{Event, RefundReason};
use domain::time::Timestamp;
use domain::wire::{OrderSummary, OriginEvent, OriginEventKind, Restated, Restock};
use uuid::Uuid;

use crate::App;
use crate::error::Error;
use crate::store::orders::StoredOrder;
use crate::store::{Tx, orders, outbox, redemptions};

/// How many orders are told once more in one transaction.
const RESTATED_AT_ONCE: u32 = 200;

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
            Event::Cancelled | Event::GivenUp => OriginEventKind::OrderCancelled,
            Event::RefundDue { .. } => OriginEventKind::RefundDue,
            Event::Refunded => OriginEventKind::OrderRefunded,
        };
        // The order is inserted as placed. Every later change goes through the machine, whose assertions guard what is stored.
        if what != OriginEventKind::OrderPlaced {
            let mut machine = order.machine();
            machine.evolve(event);
            order.placed = machine.into_placed().ok_or_else(|| Error::Bug(format!("order {} vanished", order.id)))?;
        }
        match event {
            Event::Cancelled | Event::GivenUp | Event::RefundDue { .. } => {
                redemptions::give_back(tx, order.id, now).await?
            }
            Event::Placed { .. } | Event::Paid { .. } | Event::Refunded => {}
        }
        note(tx, order, what, None, &reason(event), request_id, now).await?;
    }
    Ok(())
}

/// Writes down that `what` happened, and why, and tells the edge; with what goes back on the shelf, if something does.
pub async fn note(
    tx: &mut Tx,
    order: &mut StoredOrder,
    what: OriginEventKind,
    restock: Option<Restock>,
    reason: &str,
    request_id: &str,
    now: Timestamp,
) -> Result<(), Error> {
    order.events += 1;
    orders::update(tx, order, reason, now).await?;
    outbox::append(tx, &OriginEvent { restock, ..message(order, what, now) }, request_id).await?;
    tracing::info!(order_id = %order.id, status = %order.placed.status, reason, "order changed");
    Ok(())
}

/// Tells the edge once more how up to [`RESTATED_AT_ONCE`] orders stand; how many, and the last of them if there may be more.
pub async fn restate(app: &App, after: Option<OrderId>, request_id: &str) -> Result<Restated, Error> {
    let restated = app
        .store()
        .transact("restate_orders", move |mut tx: Tx| async move {
            let now = app.now();
            let ids = orders::ids_after(tx.connection(), after, RESTATED_AT_ONCE).await?;
            for id in &ids {
                let order = orders::find(tx.connection(), *id).await?;
                let mut order = order.ok_or_else(|| Error::Bug(format!("order {id} vanished")))?;
                note(&mut tx, &mut order, OriginEventKind::OrderRestated, None, "told once more", request_id, now)
                    .await?;
            }
            let orders = u32::try_from(ids.len()).unwrap_or(RESTATED_AT_ONCE);
            let after = ids.last().copied().filter(|_| orders == RESTATED_AT_ONCE);
            tx.done(Restated { orders, after })
        })
        .await?;
    app.wake_outbox();
    Ok(restated)
}

fn reason(event: &Event) -> String {
    match event {
        Event::Placed { .. } => "placed".to_owned(),
        Event::Paid { reference } => format!("captured by {reference}"),
        Event::Cancelled => "not paid in time".to_owned(),
        Event::GivenUp => "given up by its buyer".to_owned(),
        Event::RefundDue { reason: RefundReason::GivenUp { reference } } => {
            format!("captured by {reference} after it was given up")
        }
        Event::RefundDue { reason: RefundReason::OutOfStock } => "out of stock".to_owned(),
        Event::RefundDue { reason: RefundReason::TakenBack } => "all of it goes back".to_owned(),
        Event::Refunded => "all of its money is back".to_owned(),
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
        restock: None,
    }
}
