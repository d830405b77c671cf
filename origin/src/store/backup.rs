//! Everything that the origin knows as one text, one JSON object a line, and back again: from either engine, into either engine.
//!
//! A backup is what the database held at one moment, taken while the origin works. Its last line says how many rows there are, so that
//! one that was cut off is not taken for whole.

use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::sql::{Connection, Row, Value, assembled, query};
use super::{Store, Tx, VERSION};
use crate::error::Error;

/// A table, and the columns that name a row of it.
type Table = (&'static str, &'static [&'static str]);

/// What is kept, so that a row comes after those that it refers to. Not the nonces of signed requests, which mean nothing later.
const TABLES: [Table; 15] = [
    ("given_up", &["checkout_id"]),
    ("orders", &["id"]),
    ("order_line", &["order_id", "position"]),
    ("order_history", &["order_id", "position"]),
    ("redemption", &["order_id", "promotion_id"]),
    ("payment", &["reference"]),
    ("gateway_event", &["gateway", "event_key"]),
    ("outbox", &["id"]),
    ("refund", &["id"]),
    ("dispute", &["gateway", "id"]),
    ("ledger_entry", &["id"]),
    ("ledger_posting", &["entry_id", "position"]),
    ("payout_run", &["id"]),
    ("payout", &["id"]),
    ("bank_account", &["seller", "currency"]),
];

/// A row of a backup: its table and its columns.
type Kept = (&'static str, Map<String, Json>);

const ROWS_AT_ONCE: i64 = 1_000;

/// A line of a backup.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// The first: the version of the tables.
    Backup {
        /// of [`super::MIGRATIONS`]
        version: i64,
    },
    /// A row: its table, and its columns but for those that are null.
    Row(String, Map<String, Json>),
    /// The last.
    End {
        /// how many rows there are
        rows: u64,
    },
}

/// Why there is no backup, or none was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database did not do its part.
    #[error(transparent)]
    Store(#[from] Error),
    /// The file did not.
    #[error("the file: {0}")]
    File(#[from] std::io::Error),
    /// A line is no line of a backup.
    #[error("line {number} is no line of a backup: {reason}")]
    Malformed {
        /// which, from 1
        number: u64,
        /// what is wrong with it
        reason: String,
    },
    /// It ends too soon.
    #[error("the backup was cut off: its last line is missing or counts other rows")]
    CutOff,
    /// Another version of the origin made it.
    #[error(
        "the backup has tables of version {found}, and this origin has {VERSION}: restore it with the origin that made it"
    )]
    OtherVersion {
        /// its version
        found: i64,
    },
    /// There is something already.
    #[error("the database is not empty: restore into a new one")]
    NotEmpty,
}

/// Writes everything to `file`; how many rows there are.
pub async fn write(store: &Store, file: &mut impl Write) -> Result<u64, BackupError> {
    let mut connection = store.snapshot().await?;
    put(file, &Line::Backup { version: VERSION })?;
    let mut rows = 0;
    for table in TABLES {
        let mut last = None;
        loop {
            let page = page(&mut connection, table, last.as_ref()).await?;
            for row in &page {
                put(file, &Line::Row(table.0.to_owned(), object(row)))?;
                rows += 1;
            }
            match page.into_iter().last() {
                Some(row) => last = Some(row),
                None => break,
            }
        }
    }
    put(file, &Line::End { rows })?;
    file.flush()?;
    Ok(rows)
}

fn put(file: &mut impl Write, line: &Line) -> Result<(), BackupError> {
    serde_json::to_writer(&mut *file, line).map_err(std::io::Error::from)?;
    Ok(file.write_all(b"\n")?)
}

async fn page(connection: &mut Connection, (name, keys): Table, last: Option<&Row>) -> Result<Vec<Row>, Error> {
    let columns = keys.join(", ");
    let Some(last) = last else {
        let text = format!("-- backup.{name}\nSELECT * FROM {name} ORDER BY {columns} LIMIT $1");
        return assembled(text).bind(ROWS_AT_ONCE).fetch_all(connection).await;
    };
    let places: Vec<String> = (1..=keys.len()).map(|number| format!("${number}")).collect();
    let (places, limit) = (places.join(", "), keys.len() + 1);
    let text = format!(
        "-- backup.{name}\nSELECT * FROM {name} WHERE ({columns}) > ({places}) ORDER BY {columns} LIMIT ${limit}"
    );
    let mut page = assembled(text);
    for key in keys {
        page = page.bind(last.value(key)?.clone());
    }
    page.bind(ROWS_AT_ONCE).fetch_all(connection).await
}

fn object(row: &Row) -> Map<String, Json> {
    let json = |value: &Value| match value {
        Value::Integer(number) => number.map(Json::from),
        Value::Text(text) => text.clone().map(Json::from),
    };
    row.columns().filter_map(|(name, value)| Some((name.to_owned(), json(value)?))).collect()
}

/// Brings everything in `file` into an empty database, all of it or nothing; how many rows there are.
pub async fn restore(store: &Store, file: &mut impl BufRead) -> Result<u64, BackupError> {
    let lines = read(file)?;
    let lines = &lines;
    let restored = store
        .transact("restore", move |mut tx: Tx| async move {
            if !is_empty(tx.connection()).await? {
                return tx.done(None);
            }
            for (name, columns) in lines {
                insert(&mut tx, name, columns).await?;
            }
            tx.done(Some(lines.len() as u64))
        })
        .await?;
    restored.ok_or(BackupError::NotEmpty)
}

/// Every row of a backup that is whole and of this version.
fn read(file: &mut impl BufRead) -> Result<Vec<Kept>, BackupError> {
    let (mut rows, mut end, mut is_begun) = (Vec::new(), None, false);
    for (number, line) in (1_u64..).zip(file.lines()) {
        let malformed = |reason: String| BackupError::Malformed { number, reason };
        match serde_json::from_str(&line?).map_err(|error| malformed(error.to_string()))? {
            Line::Backup { version } if version == VERSION && number == 1 => is_begun = true,
            Line::Backup { version } => return Err(BackupError::OtherVersion { found: version }),
            Line::Row(name, columns) => {
                let table = TABLES.iter().find(|(known, _)| *known == name);
                let (table, _) = table.ok_or_else(|| malformed(format!("there is no table {name:?}")))?;
                if let Some(odd) = columns.keys().find(|column| !is_name(column)) {
                    return Err(malformed(format!("{odd:?} is no column")));
                }
                rows.push((*table, columns));
            }
            Line::End { rows } => end = Some(rows),
        }
    }
    if is_begun && end == Some(rows.len() as u64) { Ok(rows) } else { Err(BackupError::CutOff) }
}

/// Names of columns come from the file, and go into statements.
fn is_name(column: &str) -> bool {
    !column.is_empty() && column.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

async fn is_empty(connection: &mut Connection) -> Result<bool, Error> {
    const SQL: &str = "-- restore.is_empty
        SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM gateway_event)
             + (SELECT count(*) FROM payout_run) + (SELECT count(*) FROM bank_account)
             + (SELECT count(*) FROM given_up) AS many";
    Ok(query(SQL).fetch_one(connection).await?.get::<i64>("many")? == 0)
}

async fn insert(tx: &mut Tx, name: &str, columns: &Map<String, Json>) -> Result<(), Error> {
    let names: Vec<&str> = columns.keys().map(String::as_str).collect();
    let places: Vec<String> = (1..=names.len()).map(|number| format!("${number}")).collect();
    let (names, places) = (names.join(", "), places.join(", "));
    let mut row = assembled(format!("-- restore.{name}\nINSERT INTO {name} ({names}) VALUES ({places})"));
    for (column, value) in columns {
        row = row.bind(match value {
            Json::Number(number) => Value::Integer(number.as_i64()),
            Json::String(text) => Value::Text(Some(text.clone())),
            Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => {
                return Err(Error::corrupt(column, "it is neither number nor text"));
            }
        });
    }
    row.execute(tx.connection()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_table_is_forgotten() {
        const SQL: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
        let folder = tempfile::TempDir::new().unwrap();
        let url = format!("sqlite:{}/origin.sqlite?mode=rwc", folder.path().display());
        let store = Store::open(url.parse().unwrap()).await.unwrap();
        let rows = query(SQL).fetch_all(&mut store.read().await.unwrap()).await.unwrap();
        for name in rows.iter().map(|row| row.text("name").unwrap()) {
            let is_kept = TABLES.iter().any(|(known, _)| *known == name);
            assert!(is_kept || ["migration", "seen_nonce"].contains(&name), "{name} is in no backup");
        }
    }
}
