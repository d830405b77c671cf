//! Payouts, and the runs that made them.

use domain::ids::PayoutId;
use domain::payout::PayoutStatus;
use domain::time::Timestamp;
use domain::wire::{Payout, PayoutRun};

use super::sql::{Connection, Row, query};
use super::{Tx, parsed};
use crate::error::Error;

/// Most payouts in one list.
const LIST_MAX: i64 = 1_000;

/// What a seller may be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payable {
    /// Who.
    pub seller: String,
    /// An ISO 4217 code.
    pub currency: String,
    /// Minor units.
    pub amount_minor: i64,
}

/// What sellers may be paid: what they earned before `until`, less everything that was taken from them since.
pub async fn payable(connection: &mut Connection, until: Timestamp, least_minor: i64) -> Result<Vec<Payable>, Error> {
    const SQL: &str = "-- payout.payable
        SELECT account, currency, CAST(-sum(amount_minor) AS BIGINT) AS amount_minor
        FROM ledger_posting JOIN ledger_entry ON ledger_entry.id = entry_id
        WHERE account LIKE 'seller:%' AND (at < $1 OR amount_minor > 0)
        GROUP BY account, currency HAVING -sum(amount_minor) >= $2 ORDER BY account, currency";
    let payable = |row: &Row| {
        let account = row.text("account")?;
        let seller = account.strip_prefix("seller:").unwrap_or(account).to_owned();
        Ok(Payable { seller, currency: row.get("currency")?, amount_minor: row.get("amount_minor")? })
    };
    let query = query(SQL).bind(until.as_millis()).bind(least_minor.max(1));
    query.fetch_all(connection).await?.iter().map(payable).collect()
}

/// Writes a run down; `false` when it was there.
pub async fn begin_run(tx: &mut Tx, run: &PayoutRun, now: Timestamp) -> Result<bool, Error> {
    const SQL: &str = "-- payout_run.insert
        INSERT INTO payout_run (id, until, created_at, written_by) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
    let name = tx.name();
    let query = query(SQL).bind(run.run_id.to_string()).bind(run.until.as_millis()).bind(now.as_millis()).bind(name);
    Ok(query.execute(tx.connection()).await? == 1)
}

fn read(row: &Row) -> Result<Payout, Error> {
    Ok(Payout {
        id: parsed(row, "id")?,
        run_id: parsed(row, "run_id")?,
        seller: row.get("seller")?,
        amount_minor: row.get("amount_minor")?,
        currency: row.get("currency")?,
        status: parsed(row, "status")?,
        created_at: Timestamp(row.get("created_at")?),
    })
}

/// Writes a new payout.
pub async fn insert(tx: &mut Tx, payout: &Payout) -> Result<(), Error> {
    const SQL: &str = "-- payout.insert
        INSERT INTO payout (id, run_id, seller, currency, amount_minor, status, created_at, updated_at, written_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)";
    let name = tx.name();
    query(SQL)
        .bind(payout.id.to_string())
        .bind(payout.run_id.to_string())
        .bind(&payout.seller)
        .bind(&payout.currency)
        .bind(payout.amount_minor)
        .bind(payout.status.as_str())
        .bind(payout.created_at.as_millis())
        .bind(name)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Writes where a payout stands.
pub async fn set_status(tx: &mut Tx, id: PayoutId, status: PayoutStatus, now: Timestamp) -> Result<(), Error> {
    const SQL: &str = "-- payout.set_status
        UPDATE payout SET status = $2, updated_at = $3, written_by = $4 WHERE id = $1";
    let name = tx.name();
    let query = query(SQL).bind(id.to_string()).bind(status.as_str()).bind(now.as_millis()).bind(name);
    query.execute(tx.connection()).await?;
    Ok(())
}

/// A payout.
pub async fn find(connection: &mut Connection, id: PayoutId) -> Result<Option<Payout>, Error> {
    const SQL: &str = "-- payout.find
        SELECT * FROM payout WHERE id = $1";
    query(SQL).bind(id.to_string()).fetch_optional(connection).await?.as_ref().map(read).transpose()
}

/// The payouts of a run, by seller.
pub async fn of_run(connection: &mut Connection, run_id: PayoutId) -> Result<Vec<Payout>, Error> {
    const SQL: &str = "-- payout.of_run
        SELECT * FROM payout WHERE run_id = $1 ORDER BY seller, currency";
    query(SQL).bind(run_id.to_string()).fetch_all(connection).await?.iter().map(read).collect()
}

/// The newest payouts.
pub async fn newest(connection: &mut Connection) -> Result<Vec<Payout>, Error> {
    const SQL: &str = "-- payout.newest
        SELECT * FROM payout ORDER BY created_at DESC, id DESC LIMIT $1";
    query(SQL).bind(LIST_MAX).fetch_all(connection).await?.iter().map(read).collect()
}
