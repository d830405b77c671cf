//! Refunds, each of one payment.

use domain::ids::{OrderId, RefundId};
use domain::refund::part::Part;
use domain::refund::{Cause, Refund, Refunds};
use domain::time::Timestamp;
use domain::wire::RefundView;

use super::payments::StoredPayment;
use super::sql::{Connection, Row, query};
use super::{Tx, number, parsed, time};
use crate::error::Error;

/// A refund as it is stored.
#[derive(Debug, Clone)]
pub struct StoredRefund {
    /// Its id.
    pub id: RefundId,
    /// The order that the payment was for.
    pub order_id: OrderId,
    /// The payment whose money it is.
    pub reference: String,
    /// Where it stands.
    pub refund: Refund,
    /// An ISO 4217 code, as it was captured.
    pub currency: String,
    /// Why.
    pub cause: Cause,
    /// Who asked for it.
    pub actor: String,
    /// Why, in words.
    pub reason: String,
    /// For which part of the order; empty where it is for none.
    pub part: Part,
    /// Whether the goods can be sold again.
    pub restock: bool,
    /// The gateway's name of it.
    pub gateway_refund_id: Option<String>,
    /// When the gateway was asked for this attempt first.
    pub asked_at: Option<Timestamp>,
    /// How often this attempt was tried and nothing was learnt.
    pub tries: u32,
    /// When to ask the gateway next; `None`: never again.
    pub next_try_at: Option<Timestamp>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// Names the request that caused it.
    pub request_id: String,
    /// When it was ordered.
    pub created_at: Timestamp,
}

impl StoredRefund {
    /// As buyer and operator may see it.
    pub fn view(self) -> RefundView {
        RefundView {
            id: self.id,
            reference: self.reference,
            amount_minor: self.refund.amount_minor,
            currency: self.currency,
            status: self.refund.status,
            cause: self.cause,
            reason: self.reason,
            part: self.part,
            ordered_at: self.created_at,
            last_error: self.last_error,
        }
    }
}

/// The machine of a payment's refunds, of all the order's.
pub fn machine(payment: &StoredPayment, of_order: &[StoredRefund]) -> Refunds {
    let captured = payment.payment.captured.as_ref().map_or(0, |capture| capture.amount_minor);
    let its = of_order.iter().filter(|stored| stored.reference == payment.payment.reference);
    Refunds::restore(captured, its.map(|stored| (stored.id, stored.refund)))
}

fn read(row: &Row) -> Result<StoredRefund, Error> {
    Ok(StoredRefund {
        id: parsed(row, "id")?,
        order_id: parsed(row, "order_id")?,
        reference: row.get("reference")?,
        refund: Refund {
            amount_minor: row.get("amount_minor")?,
            status: parsed(row, "status")?,
            attempt: number(row, "attempt")?,
        },
        currency: row.get("currency")?,
        cause: parsed(row, "cause")?,
        actor: row.get("actor")?,
        reason: row.get("reason")?,
        part: serde_json::from_str(row.text("part")?).map_err(|error| Error::corrupt("part", error))?,
        restock: row.get::<i64>("restock")? == 1,
        gateway_refund_id: row.get("gateway_refund_id")?,
        asked_at: time(row, "asked_at")?,
        tries: number(row, "tries")?,
        next_try_at: time(row, "next_try_at")?,
        last_error: row.get("last_error")?,
        request_id: row.get("request_id")?,
        created_at: Timestamp(row.get("created_at")?),
    })
}

/// Writes a new refund.
pub async fn insert(tx: &mut Tx, stored: &StoredRefund) -> Result<(), Error> {
    const SQL: &str = "-- refund.insert
        INSERT INTO refund (id, order_id, reference, amount_minor, currency, cause, actor, reason, part, restock, status, attempt,
            next_try_at, request_id, created_at, updated_at, written_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16)";
    let name = tx.name();
    let part = serde_json::to_string(&stored.part).map_err(|error| Error::Bug(error.to_string()))?;
    query(SQL)
        .bind(stored.id.to_string())
        .bind(stored.order_id.to_string())
        .bind(&stored.reference)
        .bind(stored.refund.amount_minor)
        .bind(&stored.currency)
        .bind(stored.cause.as_str())
        .bind(&stored.actor)
        .bind(&stored.reason)
        .bind(part)
        .bind(i64::from(stored.restock))
        .bind(stored.refund.status.as_str())
        .bind(i64::from(stored.refund.attempt))
        .bind(stored.next_try_at.map(Timestamp::as_millis))
        .bind(&stored.request_id)
        .bind(stored.created_at.as_millis())
        .bind(name)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Writes what was learnt about a refund.
pub async fn update(tx: &mut Tx, stored: &StoredRefund, now: Timestamp) -> Result<(), Error> {
    const SQL: &str = "-- refund.update
        UPDATE refund SET status = $2, attempt = $3, gateway_refund_id = $4, asked_at = $5, tries = $6, next_try_at = $7,
            last_error = $8, updated_at = $9, written_by = $10
        WHERE id = $1";
    let name = tx.name();
    query(SQL)
        .bind(stored.id.to_string())
        .bind(stored.refund.status.as_str())
        .bind(i64::from(stored.refund.attempt))
        .bind(&stored.gateway_refund_id)
        .bind(stored.asked_at.map(Timestamp::as_millis))
        .bind(i64::from(stored.tries))
        .bind(stored.next_try_at.map(Timestamp::as_millis))
        .bind(&stored.last_error)
        .bind(now.as_millis())
        .bind(name)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// A refund.
pub async fn find(connection: &mut Connection, id: RefundId) -> Result<Option<StoredRefund>, Error> {
    const SQL: &str = "-- refund.find
        SELECT * FROM refund WHERE id = $1";
    query(SQL).bind(id.to_string()).fetch_optional(connection).await?.as_ref().map(read).transpose()
}

/// An order's refunds, oldest first.
pub async fn of_order(connection: &mut Connection, order_id: OrderId) -> Result<Vec<StoredRefund>, Error> {
    const SQL: &str = "-- refund.of_order
        SELECT * FROM refund WHERE order_id = $1 ORDER BY created_at, id";
    query(SQL).bind(order_id.to_string()).fetch_all(connection).await?.iter().map(read).collect()
}

/// Up to `limit` refunds that failed for good, or were tried at least `tries` times in vain; oldest first.
pub async fn in_trouble(connection: &mut Connection, tries: u32, limit: u32) -> Result<Vec<StoredRefund>, Error> {
    const SQL: &str = "-- refund.in_trouble
        SELECT * FROM refund
        WHERE status = 'failed' OR (status IN ('due', 'pending') AND tries >= $1)
        ORDER BY created_at, id LIMIT $2";
    let query = query(SQL).bind(i64::from(tries)).bind(i64::from(limit));
    query.fetch_all(connection).await?.iter().map(read).collect()
}

/// Takes up to `limit` refunds that are due. Nobody else gets them before `until`.
pub async fn claim_due(tx: &mut Tx, limit: u32, until: Timestamp, now: Timestamp) -> Result<Vec<StoredRefund>, Error> {
    const SQL: &str = "-- refund.claim_due
        UPDATE refund SET next_try_at = $1, written_by = $4
        WHERE id IN (
            SELECT id FROM refund WHERE next_try_at <= $2 ORDER BY next_try_at LIMIT $3
            -- skip locked
        )
        RETURNING *";
    let name = tx.name();
    let query = query(SQL).bind(until.as_millis()).bind(now.as_millis()).bind(i64::from(limit)).bind(name);
    query.fetch_all(tx.connection()).await?.iter().map(read).collect()
}

/// After a start: what was under way when the process ended is due at once.
pub async fn resume(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    const SQL: &str = "-- refund.resume
        UPDATE refund SET next_try_at = $1 WHERE next_try_at > $1";
    query(SQL).bind(now.as_millis()).execute(tx.connection()).await?;
    Ok(())
}
