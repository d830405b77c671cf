//! What the origin tells: commit or release stock, empty or thaw carts, keep the read models. At least once, in order per order.
//!
//! What follows from an event, [`domain::purchase::Settling`] decides; here it is carried and recorded. The event counts as applied
//! only when its row in D1 says so; hence a crash anywhere in between is put right by the next delivery.

use domain::purchase::{Settling, Step, known_outcome};
use domain::wire::{EventOutcome, OriginEvent, OriginEventKind};
use serde::Deserialize;
use worker::wasm_bindgen::JsValue;

use crate::carrier;
use crate::catalogue::d1;
use crate::context::Context;
use crate::error::Error;
use crate::sales::Offers;

/// Applies an event, or answers what was answered when it was applied.
pub(crate) async fn apply(context: &Context, event: &OriginEvent) -> Result<EventOutcome, Error> {
    if let Some(known) = known_outcome(event, recorded(context, event).await?) {
        return Ok(known);
    }
    let mut settling = Settling::new(event);
    let outcome = loop {
        match settling.step() {
            Step::Ask(calls) => settling.hear(carrier::carry(context, &Offers::default(), calls).await?),
            Step::Done(outcome) => break outcome,
        }
    };
    record(context, event, &outcome).await?;
    Ok(outcome)
}

/// The order's latest event that was applied, with its outcome.
async fn recorded(context: &Context, event: &OriginEvent) -> Result<Option<(u32, EventOutcome)>, Error> {
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
    row.map(|row| Ok((row.sequence, serde_json::from_str(&row.outcome)?))).transpose()
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
    let is_sold = match event.what {
        OriginEventKind::OrderPaid => *outcome == EventOutcome::Done,
        OriginEventKind::OrderRestated => order.status.is_sold(),
        OriginEventKind::OrderPlaced
        | OriginEventKind::OrderCancelled
        | OriginEventKind::RefundDue
        | OriginEventKind::LinesRefunded
        | OriginEventKind::OrderRefunded => false,
    };
    if is_sold {
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
