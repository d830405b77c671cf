//! Messages for the edge: written in the transaction of their cause, kept until they are delivered.

use domain::ids::{EventId, OrderId};
use domain::time::Timestamp;
use domain::wire::{OriginEvent, OriginEventKind, StuckMessage};

use super::sql::{Connection, Row, query};
use super::{Tx, number, parsed};
use crate::error::Error;

/// A message that is due.
#[derive(Debug, Clone)]
pub struct Message {
    /// The same at every delivery.
    pub id: EventId,
    /// Which order it is about.
    pub order_id: OrderId,
    /// Its place among the order's messages.
    pub sequence: u32,
    /// What happened.
    pub kind: OriginEventKind,
    /// [`OriginEvent`] as JSON.
    pub body: String,
    /// Names the request that caused it.
    pub request_id: String,
    /// How often it was tried.
    pub attempts: u32,
}

/// How much is waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Messages not delivered yet.
    pub waiting: i64,
    /// Those of them that somebody should look at.
    pub stuck: i64,
}

const KINDS: [(OriginEventKind, &str); 7] = [
    (OriginEventKind::OrderPlaced, "order_placed"),
    (OriginEventKind::OrderPaid, "order_paid"),
    (OriginEventKind::OrderCancelled, "order_cancelled"),
    (OriginEventKind::RefundDue, "refund_due"),
    (OriginEventKind::LinesRefunded, "lines_refunded"),
    (OriginEventKind::OrderRefunded, "order_refunded"),
    (OriginEventKind::OrderRestated, "order_restated"),
];

fn read_kind(name: &str) -> Result<OriginEventKind, Error> {
    let found = KINDS.iter().find(|(_, known)| *known == name);
    found.map(|(kind, _)| *kind).ok_or_else(|| Error::corrupt("kind", name))
}

/// Adds a message.
pub async fn append(tx: &mut Tx, event: &OriginEvent, request_id: &str) -> Result<(), Error> {
    const SQL: &str = "-- outbox.append
        INSERT INTO outbox (id, order_id, sequence, kind, body, request_id, created_at, next_attempt_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";
    let body = serde_json::to_string(event).map_err(|error| Error::Bug(error.to_string()))?;
    let kind = KINDS.iter().find(|(kind, _)| *kind == event.what).map_or("", |(_, name)| name);
    query(SQL)
        .bind(event.id.to_string())
        .bind(event.order.id.to_string())
        .bind(i64::from(event.sequence))
        .bind(kind)
        .bind(body)
        .bind(request_id)
        .bind(event.at.as_millis())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Takes up to `limit` messages that are due, at most one an order: the first that is not delivered. Nobody else gets them
/// before `until`.
pub async fn claim_due(tx: &mut Tx, limit: u32, until: Timestamp, now: Timestamp) -> Result<Vec<Message>, Error> {
    const SQL: &str = "-- outbox.claim_due
        UPDATE outbox SET leased_until = $1
        WHERE id IN (
            SELECT due.id FROM outbox AS due
            WHERE due.delivered_at IS NULL AND due.next_attempt_at <= $2 AND due.leased_until <= $2
                AND NOT EXISTS (
                    SELECT 1 FROM outbox AS earlier
                    WHERE earlier.order_id = due.order_id AND earlier.sequence < due.sequence
                        AND earlier.delivered_at IS NULL)
            ORDER BY due.next_attempt_at LIMIT $3
            -- skip locked
        )
        RETURNING id, order_id, sequence, kind, body, request_id, attempts";
    let query = query(SQL).bind(until.as_millis()).bind(now.as_millis()).bind(i64::from(limit));
    let message = |row: &Row| {
        Ok(Message {
            id: parsed(row, "id")?,
            order_id: parsed(row, "order_id")?,
            sequence: number(row, "sequence")?,
            kind: read_kind(row.text("kind")?)?,
            body: row.get("body")?,
            request_id: row.get("request_id")?,
            attempts: number(row, "attempts")?,
        })
    };
    query.fetch_all(tx.connection()).await?.iter().map(message).collect()
}

/// The edge took it; `false` when that was known.
pub async fn mark_delivered(tx: &mut Tx, id: EventId, outcome: &str, now: Timestamp) -> Result<bool, Error> {
    const SQL: &str = "-- outbox.mark_delivered
        UPDATE outbox SET delivered_at = $2, outcome = $3, attempts = attempts + 1, leased_until = 0, last_error = NULL,
            stuck_at = NULL
        WHERE id = $1 AND delivered_at IS NULL";
    let query = query(SQL).bind(id.to_string()).bind(now.as_millis()).bind(outcome);
    Ok(query.execute(tx.connection()).await? == 1)
}

/// The edge did not take it.
pub async fn mark_failed(
    tx: &mut Tx,
    id: EventId,
    error: &str,
    next_attempt_at: Timestamp,
    stuck_at: Option<Timestamp>,
) -> Result<(), Error> {
    const SQL: &str = "-- outbox.mark_failed
        UPDATE outbox SET attempts = attempts + 1, leased_until = 0, last_error = $2, next_attempt_at = $3,
            stuck_at = coalesce(stuck_at, $4)
        WHERE id = $1 AND delivered_at IS NULL";
    let query = query(SQL)
        .bind(id.to_string())
        .bind(error)
        .bind(next_attempt_at.as_millis())
        .bind(stuck_at.map(Timestamp::as_millis));
    query.execute(tx.connection()).await?;
    Ok(())
}

/// After a start: what was under way when the process ended is due at once.
pub async fn resume(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    const SQL: &str = "-- outbox.resume
        UPDATE outbox SET leased_until = 0, next_attempt_at = $1 WHERE delivered_at IS NULL";
    query(SQL).bind(now.as_millis()).execute(tx.connection()).await?;
    Ok(())
}

/// When the first undelivered message of some order is due next, or its lease lapses.
pub async fn next_due(connection: &mut Connection) -> Result<Option<Timestamp>, Error> {
    const SQL: &str = "-- outbox.next_due
        SELECT min(CASE WHEN leased_until > next_attempt_at THEN leased_until ELSE next_attempt_at END) AS due
        FROM outbox AS head
        WHERE delivered_at IS NULL
            AND NOT EXISTS (
                SELECT 1 FROM outbox AS earlier
                WHERE earlier.order_id = head.order_id AND earlier.sequence < head.sequence
                    AND earlier.delivered_at IS NULL)";
    Ok(query(SQL).fetch_one(connection).await?.get::<Option<i64>>("due")?.map(Timestamp))
}

/// How much is waiting.
pub async fn backlog(connection: &mut Connection) -> Result<Backlog, Error> {
    const SQL: &str = "-- outbox.backlog
        SELECT count(*) AS waiting, count(stuck_at) AS stuck FROM outbox WHERE delivered_at IS NULL";
    let row = query(SQL).fetch_one(connection).await?;
    Ok(Backlog { waiting: row.get("waiting")?, stuck: row.get("stuck")? })
}

/// Up to `limit` messages that somebody should look at, oldest first.
pub async fn stuck(connection: &mut Connection, limit: u32) -> Result<Vec<StuckMessage>, Error> {
    const SQL: &str = "-- outbox.stuck
        SELECT * FROM outbox WHERE delivered_at IS NULL AND stuck_at IS NOT NULL ORDER BY created_at LIMIT $1";
    let message = |row: &Row| {
        Ok(StuckMessage {
            id: parsed(row, "id")?,
            order_id: parsed(row, "order_id")?,
            kind: row.get("kind")?,
            attempts: number(row, "attempts")?,
            stuck_at: Timestamp(row.get("stuck_at")?),
            next_attempt_at: Timestamp(row.get("next_attempt_at")?),
            last_error: row.get("last_error")?,
        })
    };
    query(SQL).bind(i64::from(limit)).fetch_all(connection).await?.iter().map(message).collect()
}

/// Makes a message that was not delivered due at once; `false` when there is none.
pub async fn make_due(tx: &mut Tx, id: EventId, now: Timestamp) -> Result<bool, Error> {
    const SQL: &str = "-- outbox.make_due
        UPDATE outbox SET next_attempt_at = $2 WHERE id = $1 AND delivered_at IS NULL";
    let query = query(SQL).bind(id.to_string()).bind(now.as_millis());
    Ok(query.execute(tx.connection()).await? == 1)
}
