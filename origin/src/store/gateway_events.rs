//! What gateways told us by themselves, each event once.

use domain::time::Timestamp;
use domain::wire::{GatewayName, WebhookTrouble};

use super::sql::{Connection, Row, query};
use super::{Tx, parsed};
use crate::error::Error;
use crate::gateway::Notice;

/// A webhook as it is kept.
#[derive(Debug, Clone)]
pub struct Received {
    /// Who sent it.
    pub gateway: GatewayName,
    /// What it says.
    pub notice: Notice,
    /// Body as it came.
    pub body: String,
    /// Names the request that brought it.
    pub request_id: String,
}

/// Whether the event was taken before.
pub async fn is_known(connection: &mut Connection, received: &Received) -> Result<bool, Error> {
    const SQL: &str = "-- gateway_event.is_known
        SELECT count(*) AS known FROM gateway_event WHERE gateway = $1 AND event_key = $2";
    let query = query(SQL).bind(received.gateway.as_str()).bind(&received.notice.key);
    Ok(query.fetch_one(connection).await?.get::<i64>("known")? > 0)
}

/// Keeps the event; `false` when it was taken before, and then it must have no effect.
pub async fn insert(tx: &mut Tx, received: &Received, outcome: &str, now: Timestamp) -> Result<bool, Error> {
    const SQL: &str = "-- gateway_event.insert
        INSERT INTO gateway_event (gateway, event_key, event, reference, outcome, body, request_id, received_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    let reference = received.notice.about.reference();
    let query = query(SQL)
        .bind(received.gateway.as_str())
        .bind(&received.notice.key)
        .bind(&received.notice.event)
        .bind(reference)
        .bind(outcome)
        .bind(&received.body)
        .bind(&received.request_id)
        .bind(now.as_millis());
    Ok(query.execute(tx.connection()).await? == 1)
}

/// Says what became of an event that was inserted in the same transaction.
pub async fn set_outcome(tx: &mut Tx, received: &Received, outcome: &str) -> Result<(), Error> {
    const SQL: &str = "-- gateway_event.set_outcome
        UPDATE gateway_event SET outcome = $3 WHERE gateway = $1 AND event_key = $2";
    let query = query(SQL).bind(received.gateway.as_str()).bind(&received.notice.key).bind(outcome);
    query.execute(tx.connection()).await?;
    Ok(())
}

/// Up to `limit` events since `since` that should have had an effect and had none; the last of them, oldest first.
pub async fn in_trouble(
    connection: &mut Connection,
    since: Timestamp,
    limit: u32,
) -> Result<Vec<WebhookTrouble>, Error> {
    const SQL: &str = "-- gateway_event.in_trouble
        SELECT gateway, event, reference, outcome, received_at, request_id FROM gateway_event
        WHERE outcome IN ('unmatched', 'contradicted') AND received_at >= $1
        ORDER BY received_at DESC LIMIT $2";
    let read = |row: &Row| {
        Ok(WebhookTrouble {
            gateway: parsed(row, "gateway")?,
            event: row.get("event")?,
            reference: row.get("reference")?,
            outcome: row.get("outcome")?,
            received_at: Timestamp(row.get("received_at")?),
            request_id: row.get("request_id")?,
        })
    };
    let query = query(SQL).bind(since.as_millis()).bind(i64::from(limit));
    query.fetch_all(connection).await?.iter().rev().map(read).collect()
}
