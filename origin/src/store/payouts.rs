//! Payouts, and the runs that made them.

use domain::ids::PayoutId;
use domain::time::Timestamp;
use domain::wire::{Payout, PayoutRun, TransferTrouble};

use super::sql::{Connection, Row, query};
use super::{Tx, number, parsed, time};
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

/// A payout as it is stored.
#[derive(Debug, Clone)]
pub struct StoredPayout {
    /// As operators see it.
    pub payout: Payout,
    /// The gateway's own name of the transfer.
    pub transfer_code: Option<String>,
    /// When the gateway was asked for the transfer last.
    pub asked_at: Option<Timestamp>,
    /// How often nothing was learnt since something was.
    pub tries: u32,
    /// When to ask the gateway next; `None`: never again.
    pub next_try_at: Option<Timestamp>,
    /// Why it needs a person, if it does.
    pub trouble: Option<TransferTrouble>,
    /// Names the request that caused it.
    pub request_id: String,
}

/// What a gateway calls the transfer of a payout: the payout's own name, for ever. Paystack wants 16 to 50 small letters, digits and `-`.
pub fn reference(id: PayoutId) -> String {
    format!("po-{}", id.0.simple())
}

/// The payout that such a name is of.
pub fn of_reference(reference: &str) -> Option<PayoutId> {
    let id: PayoutId = reference.strip_prefix("po-")?.parse().ok()?;
    Some(id).filter(|id| self::reference(*id) == reference)
}

fn read(row: &Row) -> Result<Payout, Error> {
    let id = parsed(row, "id")?;
    let gateway = row.get::<Option<String>>("gateway")?;
    let gateway = gateway.map(|name| name.parse().map_err(|error| Error::corrupt("gateway", error))).transpose()?;
    Ok(Payout {
        id,
        run_id: parsed(row, "run_id")?,
        seller: row.get("seller")?,
        amount_minor: row.get("amount_minor")?,
        currency: row.get("currency")?,
        status: parsed(row, "status")?,
        gateway,
        reference: gateway.map(|_| reference(id)),
        last_error: row.get("last_error")?,
        created_at: Timestamp(row.get("created_at")?),
    })
}

fn read_stored(row: &Row) -> Result<StoredPayout, Error> {
    let trouble = row.get::<Option<String>>("trouble")?;
    Ok(StoredPayout {
        payout: read(row)?,
        transfer_code: row.get("transfer_code")?,
        asked_at: time(row, "asked_at")?,
        tries: number(row, "tries")?,
        next_try_at: time(row, "next_try_at")?,
        trouble: trouble
            .map(|name| TransferTrouble::ALL.into_iter().find(|known| known.as_str() == name).ok_or(name))
            .transpose()
            .map_err(|name| Error::corrupt("trouble", name))?,
        request_id: row.get("request_id")?,
    })
}

/// Writes a new payout.
pub async fn insert(
    tx: &mut Tx,
    payout: &Payout,
    next_try_at: Option<Timestamp>,
    request_id: &str,
) -> Result<(), Error> {
    const SQL: &str = "-- payout.insert
        INSERT INTO payout (id, run_id, seller, currency, amount_minor, status, gateway, next_try_at, request_id, created_at,
            updated_at, written_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11)";
    let name = tx.name();
    query(SQL)
        .bind(payout.id.to_string())
        .bind(payout.run_id.to_string())
        .bind(&payout.seller)
        .bind(&payout.currency)
        .bind(payout.amount_minor)
        .bind(payout.status.as_str())
        .bind(payout.gateway.map(|gateway| gateway.as_str()))
        .bind(next_try_at.map(Timestamp::as_millis))
        .bind(request_id)
        .bind(payout.created_at.as_millis())
        .bind(name)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Writes what was learnt about a payout.
pub async fn update(tx: &mut Tx, stored: &StoredPayout, now: Timestamp) -> Result<(), Error> {
    const SQL: &str = "-- payout.update
        UPDATE payout SET status = $2, gateway = $3, transfer_code = $4, asked_at = $5, tries = $6, next_try_at = $7, trouble = $8,
            last_error = $9, updated_at = $10, written_by = $11
        WHERE id = $1";
    let name = tx.name();
    query(SQL)
        .bind(stored.payout.id.to_string())
        .bind(stored.payout.status.as_str())
        .bind(stored.payout.gateway.map(|gateway| gateway.as_str()))
        .bind(&stored.transfer_code)
        .bind(stored.asked_at.map(Timestamp::as_millis))
        .bind(i64::from(stored.tries))
        .bind(stored.next_try_at.map(Timestamp::as_millis))
        .bind(stored.trouble.map(TransferTrouble::as_str))
        .bind(&stored.payout.last_error)
        .bind(now.as_millis())
        .bind(name)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// A payout.
pub async fn find(connection: &mut Connection, id: PayoutId) -> Result<Option<StoredPayout>, Error> {
    const SQL: &str = "-- payout.find
        SELECT * FROM payout WHERE id = $1";
    query(SQL).bind(id.to_string()).fetch_optional(connection).await?.as_ref().map(read_stored).transpose()
}

/// Takes up to `limit` transfers that are due. Nobody else gets them before `until`.
pub async fn claim_due(tx: &mut Tx, limit: u32, until: Timestamp, now: Timestamp) -> Result<Vec<StoredPayout>, Error> {
    const SQL: &str = "-- payout.claim_due
        UPDATE payout SET next_try_at = $1, written_by = $4
        WHERE id IN (
            SELECT id FROM payout WHERE next_try_at <= $2 ORDER BY next_try_at LIMIT $3
            -- skip locked
        )
        RETURNING *";
    let name = tx.name();
    let query = query(SQL).bind(until.as_millis()).bind(now.as_millis()).bind(i64::from(limit)).bind(name);
    query.fetch_all(tx.connection()).await?.iter().map(read_stored).collect()
}

/// After a start: what was under way when the process ended is due at once.
pub async fn resume(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    const SQL: &str = "-- payout.resume
        UPDATE payout SET next_try_at = $1 WHERE next_try_at > $1 AND status <> 'paid'";
    query(SQL).bind(now.as_millis()).execute(tx.connection()).await?;
    Ok(())
}

/// Up to `limit` transfers that need a person: those of which that was noted, and those that were tried at least `tries` times in vain;
/// oldest first.
pub async fn in_trouble(connection: &mut Connection, tries: u32, limit: u32) -> Result<Vec<StoredPayout>, Error> {
    const SQL: &str = "-- payout.in_trouble
        SELECT * FROM payout WHERE trouble IS NOT NULL OR (status IN ('due', 'pending', 'stopping') AND tries >= $1)
        ORDER BY created_at, id LIMIT $2";
    let query = query(SQL).bind(i64::from(tries)).bind(i64::from(limit));
    query.fetch_all(connection).await?.iter().map(read_stored).collect()
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
