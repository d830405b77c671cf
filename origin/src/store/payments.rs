//! Payment attempts.

use domain::ids::OrderId;
use domain::money::{Currency, Money};
use domain::payment::{Capture, Payment};
use domain::time::Timestamp;
use domain::wire::GatewayName;

use super::sql::{Connection, Row, query};
use super::{Tx, number, parsed, time};
use crate::error::Error;

/// A payment as it is stored.
#[derive(Debug, Clone)]
pub struct StoredPayment {
    /// The machine.
    pub payment: Payment,
    /// What it pays for.
    pub order_id: OrderId,
    /// Counts an order's payments from 1.
    pub attempt: u32,
    /// Through whom.
    pub gateway: GatewayName,
    /// The gateway's own name of it, once known.
    pub gateway_id: Option<String>,
    /// What the gateway keeps of the capture, in minor units of its currency, if it says.
    pub fee_minor: Option<i64>,
    /// The gateway's page, once known.
    pub redirect_url: Option<String>,
    /// When the gateway was asked last and answered.
    pub observed_at: Option<Timestamp>,
    /// When to ask it next; `None`: never again.
    pub next_check_at: Option<Timestamp>,
    /// When it was begun.
    pub created_at: Timestamp,
}

fn read(row: &Row) -> Result<StoredPayment, Error> {
    let currency: Currency = parsed(row, "expected_currency")?;
    let captured = match (row.get("captured_minor")?, row.get("captured_currency")?) {
        (Some(amount_minor), Some(currency)) => Some(Capture { amount_minor, currency }),
        (None, _) | (_, None) => None,
    };
    Ok(StoredPayment {
        payment: Payment {
            reference: row.get("reference")?,
            expected: Money::new(row.get("expected_minor")?, currency),
            status: parsed(row, "status")?,
            captured,
        },
        order_id: parsed(row, "order_id")?,
        attempt: number(row, "attempt")?,
        gateway: parsed(row, "gateway")?,
        gateway_id: row.get("gateway_id")?,
        fee_minor: row.get("fee_minor")?,
        redirect_url: row.get("redirect_url")?,
        observed_at: time(row, "observed_at")?,
        next_check_at: time(row, "next_check_at")?,
        created_at: Timestamp(row.get("created_at")?),
    })
}

/// Writes a new payment. Whoever writes it has the right to ask for its page until `opening_until`.
pub async fn insert(tx: &mut Tx, stored: &StoredPayment, opening_until: Timestamp) -> Result<(), Error> {
    const SQL: &str = "-- payment.insert
        INSERT INTO payment (reference, order_id, attempt, gateway, status, expected_minor, expected_currency,
            opening_until, next_check_at, created_at, updated_at, written_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11)";
    let name = tx.name();
    query(SQL)
        .bind(&stored.payment.reference)
        .bind(stored.order_id.to_string())
        .bind(i64::from(stored.attempt))
        .bind(stored.gateway.as_str())
        .bind(stored.payment.status.as_str())
        .bind(stored.payment.expected.amount_minor)
        .bind(stored.payment.expected.currency.code())
        .bind(opening_until.as_millis())
        .bind(stored.next_check_at.map(Timestamp::as_millis))
        .bind(stored.created_at.as_millis())
        .bind(name)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// A payment.
pub async fn find(connection: &mut Connection, reference: &str) -> Result<Option<StoredPayment>, Error> {
    const SQL: &str = "-- payment.find
        SELECT * FROM payment WHERE reference = $1";
    query(SQL).bind(reference).fetch_optional(connection).await?.as_ref().map(read).transpose()
}

/// A payment by the gateway's own name of it.
pub async fn find_by_gateway_id(
    connection: &mut Connection,
    gateway: GatewayName,
    gateway_id: &str,
) -> Result<Option<StoredPayment>, Error> {
    const SQL: &str = "-- payment.find_by_gateway_id
        SELECT * FROM payment WHERE gateway = $1 AND gateway_id = $2";
    let query = query(SQL).bind(gateway.as_str()).bind(gateway_id);
    query.fetch_optional(connection).await?.as_ref().map(read).transpose()
}

/// An order's payments, first attempt first.
pub async fn of_order(connection: &mut Connection, order_id: OrderId) -> Result<Vec<StoredPayment>, Error> {
    const SQL: &str = "-- payment.of_order
        SELECT * FROM payment WHERE order_id = $1 ORDER BY attempt";
    query(SQL).bind(order_id.to_string()).fetch_all(connection).await?.iter().map(read).collect()
}

/// Up to `limit` payments whose money no order has a use for, and that is not back yet; oldest first.
pub async fn not_given_back(connection: &mut Connection, limit: u32) -> Result<Vec<StoredPayment>, Error> {
    const SQL: &str = "-- payment.not_given_back
        SELECT * FROM payment
        WHERE status IN ('underpaid', 'overpaid', 'wrong_currency', 'duplicate_capture')
            AND NOT EXISTS (
                SELECT 1 FROM refund
                WHERE refund.reference = payment.reference AND refund.status IN ('done', 'settled_by_hand'))
        ORDER BY created_at LIMIT $1";
    query(SQL).bind(i64::from(limit)).fetch_all(connection).await?.iter().map(read).collect()
}

/// Writes what was learnt about a payment.
pub async fn update(tx: &mut Tx, stored: &StoredPayment, now: Timestamp) -> Result<(), Error> {
    const SQL: &str = "-- payment.update
        UPDATE payment SET status = $2, captured_minor = $3, captured_currency = $4, observed_at = $5,
            next_check_at = $6, gateway_id = $7, fee_minor = $8, updated_at = $9, written_by = $10
        WHERE reference = $1";
    let name = tx.name();
    let captured = stored.payment.captured.as_ref();
    query(SQL)
        .bind(&stored.payment.reference)
        .bind(stored.payment.status.as_str())
        .bind(captured.map(|capture| capture.amount_minor))
        .bind(captured.map(|capture| &capture.currency))
        .bind(stored.observed_at.map(Timestamp::as_millis))
        .bind(stored.next_check_at.map(Timestamp::as_millis))
        .bind(&stored.gateway_id)
        .bind(stored.fee_minor)
        .bind(now.as_millis())
        .bind(name)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Takes the right to ask the gateway for the payment's page, until `until`; `false` when the page is known or somebody else has
/// that right.
pub async fn claim_opening(tx: &mut Tx, reference: &str, until: Timestamp, now: Timestamp) -> Result<bool, Error> {
    const SQL: &str = "-- payment.claim_opening
        UPDATE payment SET opening_until = $2, updated_at = $3, written_by = $4
        WHERE reference = $1 AND redirect_url IS NULL AND opening_until <= $3";
    let name = tx.name();
    let query = query(SQL).bind(reference).bind(until.as_millis()).bind(now.as_millis()).bind(name);
    Ok(query.execute(tx.connection()).await? == 1)
}

/// Ends that right, with the page if it was learnt.
pub async fn end_opening(tx: &mut Tx, reference: &str, page: Option<&str>, now: Timestamp) -> Result<(), Error> {
    const SQL: &str = "-- payment.end_opening
        UPDATE payment SET opening_until = 0, redirect_url = $2, updated_at = $3, written_by = $4
        WHERE reference = $1 AND redirect_url IS NULL";
    let name = tx.name();
    let query = query(SQL).bind(reference).bind(page).bind(now.as_millis()).bind(name);
    query.execute(tx.connection()).await?;
    Ok(())
}

/// Takes up to `limit` payments that are due to be asked about. Nobody else gets them before `until`.
pub async fn claim_due(tx: &mut Tx, limit: u32, until: Timestamp, now: Timestamp) -> Result<Vec<StoredPayment>, Error> {
    const SQL: &str = "-- payment.claim_due
        UPDATE payment SET next_check_at = $1, written_by = $4
        WHERE reference IN (
            SELECT reference FROM payment WHERE next_check_at <= $2 ORDER BY next_check_at LIMIT $3
            -- skip locked
        )
        RETURNING *";
    let name = tx.name();
    let query = query(SQL).bind(until.as_millis()).bind(now.as_millis()).bind(i64::from(limit)).bind(name);
    query.fetch_all(tx.connection()).await?.iter().map(read).collect()
}

/// Sets when to ask about a payment next.
pub async fn postpone(tx: &mut Tx, reference: &str, next_check_at: Timestamp) -> Result<(), Error> {
    const SQL: &str = "-- payment.postpone
        UPDATE payment SET next_check_at = $2, written_by = $3 WHERE reference = $1 AND next_check_at IS NOT NULL";
    let name = tx.name();
    let query = query(SQL).bind(reference).bind(next_check_at.as_millis()).bind(name);
    query.execute(tx.connection()).await?;
    Ok(())
}

/// After a start: nobody asks for a page any more.
pub async fn resume_openings(tx: &mut Tx) -> Result<(), Error> {
    const SQL: &str = "-- payment.resume_openings
        UPDATE payment SET opening_until = 0 WHERE opening_until > 0";
    query(SQL).execute(tx.connection()).await?;
    Ok(())
}

/// After a start: what waits for its payment is asked about at once. How many those are.
pub async fn resume_checks(tx: &mut Tx, now: Timestamp) -> Result<u64, Error> {
    const SQL: &str = "-- payment.resume_checks
        UPDATE payment SET next_check_at = $1, written_by = $2
        WHERE next_check_at > $1
            AND order_id IN (SELECT id FROM orders WHERE status = 'awaiting_payment')";
    let name = tx.name();
    query(SQL).bind(now.as_millis()).bind(name).execute(tx.connection()).await
}
