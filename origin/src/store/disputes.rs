//! Disputes: payers who ask their bank for the money back.

use domain::time::Timestamp;
use domain::wire::GatewayName;

use super::sql::{Connection, Row, query};
use super::{Tx, parsed};
use crate::error::Error;
use crate::gateway::DisputeStatus;

/// A dispute as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDispute {
    /// Through whom it was paid.
    pub gateway: GatewayName,
    /// The gateway's name of it.
    pub id: String,
    /// The payment that it is about.
    pub reference: String,
    /// Where it stands.
    pub status: DisputeStatus,
    /// How much is disputed, in minor units of `currency`.
    pub amount_minor: i64,
    /// An ISO 4217 code, as it was captured.
    pub currency: String,
    /// When we heard of it.
    pub opened_at: Timestamp,
}

fn read(row: &Row) -> Result<StoredDispute, Error> {
    Ok(StoredDispute {
        gateway: parsed(row, "gateway")?,
        id: row.get("id")?,
        reference: row.get("reference")?,
        status: parsed(row, "status")?,
        amount_minor: row.get("amount_minor")?,
        currency: row.get("currency")?,
        opened_at: Timestamp(row.get("opened_at")?),
    })
}

/// Writes a dispute as it stands now; `false` when it was decided before, and stays so.
pub async fn put(tx: &mut Tx, dispute: &StoredDispute, now: Timestamp) -> Result<bool, Error> {
    const SQL: &str = "-- dispute.put
        INSERT INTO dispute (gateway, id, reference, status, amount_minor, currency, opened_at, updated_at, written_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (gateway, id) DO UPDATE SET status = excluded.status, amount_minor = excluded.amount_minor,
            updated_at = excluded.updated_at, written_by = excluded.written_by
        WHERE dispute.status = 'open'";
    let name = tx.name();
    let written = query(SQL)
        .bind(dispute.gateway.as_str())
        .bind(&dispute.id)
        .bind(&dispute.reference)
        .bind(dispute.status.as_str())
        .bind(dispute.amount_minor)
        .bind(&dispute.currency)
        .bind(dispute.opened_at.as_millis())
        .bind(now.as_millis())
        .bind(name)
        .execute(tx.connection())
        .await?;
    Ok(written == 1)
}

/// The disputes of a payment, oldest first.
pub async fn of_payment(connection: &mut Connection, reference: &str) -> Result<Vec<StoredDispute>, Error> {
    const SQL: &str = "-- dispute.of_payment
        SELECT * FROM dispute WHERE reference = $1 ORDER BY opened_at, id";
    query(SQL).bind(reference).fetch_all(connection).await?.iter().map(read).collect()
}
