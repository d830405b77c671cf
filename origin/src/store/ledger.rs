//! The books: entries that are only added.

use domain::ids::OrderId;
use domain::ledger::{Account, Entry};
use domain::time::Timestamp;
use domain::wire::{AccountBalance, JournalLine, StatementLine};
use uuid::Uuid;

use super::Tx;
use super::sql::{Connection, Row, query};
use crate::error::Error;

/// What an entry is about.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'c> {
    /// What caused it, so that each thing is booked once for each cause.
    pub subject: &'c str,
    /// The order that it belongs to, if to one.
    pub order_id: Option<OrderId>,
    /// The payment that it belongs to, if to one.
    pub reference: Option<&'c str>,
    /// An ISO 4217 code, as it was captured.
    pub currency: &'c str,
    /// Names the request that caused it.
    pub request_id: &'c str,
    /// When.
    pub at: Timestamp,
}

/// Books an entry, unless it was booked before; whether it was now.
pub async fn book(tx: &mut Tx, entry: &Entry, circumstances: &Circumstances<'_>) -> Result<bool, Error> {
    const ENTRY: &str = "-- ledger_entry.insert
        INSERT INTO ledger_entry (id, at, cause, subject, order_id, reference, currency, request_id, written_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING";
    const POSTING: &str = "-- ledger_posting.insert
        INSERT INTO ledger_posting (entry_id, position, account, amount_minor) VALUES ($1, $2, $3, $4)";
    if entry.is_empty() {
        return Ok(false);
    }
    let (name, id) = (tx.name(), Uuid::now_v7().to_string());
    let inserted = query(ENTRY)
        .bind(&id)
        .bind(circumstances.at.as_millis())
        .bind(entry.cause().as_str())
        .bind(circumstances.subject)
        .bind(circumstances.order_id.map(|id| id.to_string()))
        .bind(circumstances.reference)
        .bind(circumstances.currency)
        .bind(circumstances.request_id)
        .bind(name)
        .execute(tx.connection())
        .await?;
    if inserted == 0 {
        return Ok(false);
    }
    for (position, (account, amount_minor)) in (1_i64..).zip(entry.postings()) {
        let query = query(POSTING).bind(&id).bind(position).bind(account.to_string()).bind(amount_minor);
        query.execute(tx.connection()).await?;
    }
    Ok(true)
}

fn balance(row: &Row) -> Result<AccountBalance, Error> {
    Ok(AccountBalance {
        account: row.get("account")?,
        currency: row.get("currency")?,
        amount_minor: row.get("amount_minor")?,
    })
}

/// What every account holds, but for those that hold nothing.
pub async fn balances(connection: &mut Connection) -> Result<Vec<AccountBalance>, Error> {
    const SQL: &str = "-- ledger.balances
        SELECT account, currency, CAST(sum(amount_minor) AS BIGINT) AS amount_minor
        FROM ledger_posting JOIN ledger_entry ON ledger_entry.id = entry_id
        GROUP BY account, currency HAVING sum(amount_minor) <> 0 ORDER BY account, currency";
    query(SQL).fetch_all(connection).await?.iter().map(balance).collect()
}

/// What one account held before `until`.
pub async fn balance_before(
    connection: &mut Connection,
    account: &Account,
    until: Timestamp,
) -> Result<Vec<AccountBalance>, Error> {
    const SQL: &str = "-- ledger.balance_before
        SELECT account, currency, CAST(sum(amount_minor) AS BIGINT) AS amount_minor
        FROM ledger_posting JOIN ledger_entry ON ledger_entry.id = entry_id
        WHERE account = $1 AND at < $2
        GROUP BY account, currency HAVING sum(amount_minor) <> 0 ORDER BY currency";
    let query = query(SQL).bind(account.to_string()).bind(until.as_millis());
    query.fetch_all(connection).await?.iter().map(balance).collect()
}

/// What went in and out of an account from `from` until before `until`, oldest first, at most `limit` lines.
pub async fn statement(
    connection: &mut Connection,
    account: &Account,
    (from, until): (Timestamp, Timestamp),
    limit: u32,
) -> Result<Vec<StatementLine>, Error> {
    const SQL: &str = "-- ledger.statement
        SELECT at, cause, order_id, reference, currency, amount_minor
        FROM ledger_posting JOIN ledger_entry ON ledger_entry.id = entry_id
        WHERE account = $1 AND at >= $2 AND at < $3 ORDER BY at, entry_id LIMIT $4";
    let line = |row: &Row| {
        let order_id = row.get::<Option<String>>("order_id")?.map(|id| id.parse()).transpose();
        Ok(StatementLine {
            at: Timestamp(row.get("at")?),
            cause: row.get("cause")?,
            order_id: order_id.map_err(|error| Error::corrupt("order_id", error))?,
            reference: row.get("reference")?,
            currency: row.get("currency")?,
            amount_minor: row.get("amount_minor")?,
        })
    };
    let query =
        query(SQL).bind(account.to_string()).bind(from.as_millis()).bind(until.as_millis()).bind(i64::from(limit));
    query.fetch_all(connection).await?.iter().map(line).collect()
}

/// Whole entries of the journal after one, named by its time and id, and before `until`: the lines of at most `limit` entries, oldest first,
/// and whether there are no more.
pub async fn journal(
    connection: &mut Connection,
    (after_at, after_id): &(i64, String),
    until: Timestamp,
    limit: u32,
) -> Result<(Vec<JournalLine>, bool), Error> {
    const SQL: &str = "-- ledger.journal
        SELECT entry.id AS entry_id, at, cause, subject, order_id, reference, currency, account, amount_minor
        FROM (SELECT * FROM ledger_entry WHERE (at, id) > ($1, $2) AND at < $3 ORDER BY at, id LIMIT $4) AS entry
        JOIN ledger_posting ON ledger_posting.entry_id = entry.id
        ORDER BY at, entry.id, position";
    let line = |row: &Row| {
        let order_id = row.get::<Option<String>>("order_id")?.map(|id| id.parse()).transpose();
        Ok(JournalLine {
            entry_id: row.get("entry_id")?,
            at: Timestamp(row.get("at")?),
            cause: row.get("cause")?,
            subject: row.get("subject")?,
            order_id: order_id.map_err(|error| Error::corrupt("order_id", error))?,
            reference: row.get("reference")?,
            account: row.get("account")?,
            currency: row.get("currency")?,
            amount_minor: row.get("amount_minor")?,
        })
    };
    let query = query(SQL).bind(*after_at).bind(after_id).bind(until.as_millis()).bind(i64::from(limit));
    let lines: Vec<JournalLine> = query.fetch_all(connection).await?.iter().map(line).collect::<Result<_, Error>>()?;
    let mut entries: Vec<&str> = lines.iter().map(|line| line.entry_id.as_str()).collect();
    entries.dedup();
    let is_last = entries.len() < limit as usize;
    Ok((lines, is_last))
}

/// LEDGER-1 over everything that is stored: how many entries do not sum to zero. Never another number than 0.
pub async fn crooked_entries(connection: &mut Connection) -> Result<i64, Error> {
    const SQL: &str = "-- ledger.crooked_entries
        SELECT count(*) AS crooked FROM (
            SELECT entry_id FROM ledger_posting GROUP BY entry_id HAVING sum(amount_minor) <> 0) AS entries";
    query(SQL).fetch_one(connection).await?.get("crooked")
}

/// LEDGER-1 once more: what all accounts together hold, by currency. Never another number than 0.
pub async fn sums(connection: &mut Connection) -> Result<Vec<(String, i64)>, Error> {
    const SQL: &str = "-- ledger.sums
        SELECT currency, CAST(sum(amount_minor) AS BIGINT) AS amount_minor
        FROM ledger_posting JOIN ledger_entry ON ledger_entry.id = entry_id GROUP BY currency ORDER BY currency";
    let sum = |row: &Row| Ok((row.get("currency")?, row.get("amount_minor")?));
    query(SQL).fetch_all(connection).await?.iter().map(sum).collect()
}
