//! What the origin tells: commit or release stock, empty or thaw carts, keep the read models. At least once, in order per order.
//!
//! Every effect may be repeated, and the event counts as applied only when its row in D1 says so; hence a crash anywhere in
//! between is put right by the next delivery.

use domain::cart;
use domain::stock::{self, ReservationState};
use domain::wire::{EventOutcome, OriginEvent, OriginEventKind, ShortLine};
use futures_util::future::join_all;
use serde::Deserialize;
use worker::wasm_bindgen::JsValue;

use crate::catalogue::d1;
use crate::checkout::ordered_by_product;
use crate::context::Context;
use crate::durable::client::{self, CartCall, StockAsk};
use crate::error::Error;

/// Applies an event, or answers what was answered when it was applied.
pub(crate) async fn apply(context: &Context, event: &OriginEvent) -> Result<EventOutcome, Error> {
    if let Some(applied) = applied(context, event).await? {
        return Ok(applied);
    }
    let outcome = match event.what {
        OriginEventKind::OrderPlaced => EventOutcome::Done,
        OriginEventKind::OrderPaid => commit(context, event).await?,
        OriginEventKind::OrderCancelled | OriginEventKind::RefundDue => {
            release(context, event).await?;
            EventOutcome::Done
        }
    };
    record(context, event, &outcome).await?;
    Ok(outcome)
}

async fn applied(context: &Context, event: &OriginEvent) -> Result<Option<EventOutcome>, Error> {
    #[derive(Deserialize)]
    struct Row {
        sequence: u32,
        outcome: String,
    }
    let row: Option<Row> = context
        .db()?
        .prepare("SELECT sequence, outcome FROM order_summary WHERE order_id = ?1")
        .bind(&[JsValue::from_str(&event.order.id.to_string())])?
        .first(None)
        .await
        .map_err(d1)?;
    Ok(match row {
        Some(row) if row.sequence == event.sequence => Some(serde_json::from_str(&row.outcome)?),
        // Older than what is known: its effects are long done.
        Some(row) if row.sequence > event.sequence => Some(EventOutcome::Done),
        Some(_) | None => None,
    })
}

/// All units of an order leave, or none do.
async fn commit(context: &Context, event: &OriginEvent) -> Result<EventOutcome, Error> {
    let checkout_id = event.order.checkout_id;
    let products = ordered_by_product(&event.order.lines);
    let calls = products.iter().map(|(product_id, lines)| {
        let command = stock::Command::Commit { checkout_id, cart_id: event.order.cart_id, lines: lines.clone() };
        client::stock(context, *product_id, StockAsk::Do(command))
    });
    let mut refused = Vec::new();
    let mut committed = Vec::new();
    for ((product_id, lines), outcome) in products.iter().zip(join_all(calls).await) {
        // A refusal to even try means that the product has no such variant any more.
        let state = outcome?.ok().and_then(|answer| answer.reservation).map(|reservation| reservation.state);
        if state == Some(ReservationState::Committed) {
            committed.push(*product_id);
        } else {
            let lines = lines.iter();
            refused.extend(lines.map(|line| ShortLine {
                sku: line.sku.clone(),
                requested: line.quantity.get(),
                available: 0,
            }));
        }
    }
    if refused.is_empty() {
        change_cart(context, event, cart::Command::Complete { checkout_id }).await?;
        return Ok(EventOutcome::Done);
    }
    let give_back = stock::Command::Return { checkout_id };
    for outcome in
        join_all(committed.into_iter().map(|id| client::stock(context, id, StockAsk::Do(give_back.clone())))).await
    {
        // Returning is never refused.
        drop(outcome?);
    }
    change_cart(context, event, cart::Command::Thaw { checkout_id }).await?;
    Ok(EventOutcome::OutOfStock { lines: refused })
}

async fn release(context: &Context, event: &OriginEvent) -> Result<(), Error> {
    let checkout_id = event.order.checkout_id;
    let release = stock::Command::Release { checkout_id, cart_id: event.order.cart_id };
    let products = ordered_by_product(&event.order.lines);
    for outcome in join_all(products.keys().map(|id| client::stock(context, *id, StockAsk::Do(release.clone())))).await
    {
        // Releasing is never refused.
        drop(outcome?);
    }
    change_cart(context, event, cart::Command::Thaw { checkout_id }).await
}

async fn change_cart(context: &Context, event: &OriginEvent, command: cart::Command) -> Result<(), Error> {
    // Thawing and completing are never refused.
    drop(client::cart(context, event.order.cart_id, &CartCall::Change(command)).await?);
    Ok(())
}

async fn record(context: &Context, event: &OriginEvent, outcome: &EventOutcome) -> Result<(), Error> {
    let order = &event.order;
    let text = |value: &str| JsValue::from_str(value);
    #[expect(clippy::cast_precision_loss, reason = "amounts and times stay below 2^53")]
    let number = |value: i64| JsValue::from_f64(value as f64);
    let db = context.db()?;
    let order_id = text(&order.id.to_string());
    let lines = text(&serde_json::to_string(&order.lines)?);
    let mut statements = vec![
        db.prepare(
            "INSERT INTO order_summary (order_id, checkout_id, cart_id, email, status, total_minor, currency, lines,
                                        placed_at, sequence, outcome)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (order_id) DO UPDATE SET status = excluded.status, sequence = excluded.sequence,
                                                  outcome = excluded.outcome
             WHERE excluded.sequence > order_summary.sequence",
        )
        .bind(&[
            order_id.clone(),
            text(&order.checkout_id.to_string()),
            text(&order.cart_id.to_string()),
            text(&order.email),
            text(serde_json::to_value(order.status)?.as_str().unwrap_or_default()),
            number(order.total.amount_minor),
            text(order.total.currency.code()),
            lines.clone(),
            number(order.placed_at.as_millis()),
            number(i64::from(event.sequence)),
            text(&serde_json::to_string(outcome)?),
        ])?,
    ];
    if event.what == OriginEventKind::OrderPaid && *outcome == EventOutcome::Done {
        // Once an order, whatever is delivered how often: the mark is in the same transaction.
        statements.push(
            db.prepare(
                "UPDATE product SET units_sold = units_sold + sold.units
                 FROM (SELECT value ->> 'product_id' AS product_id, sum(value ->> 'quantity') AS units
                       FROM json_each(?2) GROUP BY 1) AS sold
                 WHERE product.id = sold.product_id
                   AND EXISTS (SELECT 1 FROM order_summary WHERE order_id = ?1 AND units_counted = 0)",
            )
            .bind(&[order_id.clone(), lines])?,
        );
        statements
            .push(db.prepare("UPDATE order_summary SET units_counted = 1 WHERE order_id = ?1").bind(&[order_id])?);
    }
    db.batch(statements).await.map_err(d1)?;
    Ok(())
}
