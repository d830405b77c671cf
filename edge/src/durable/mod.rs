//! Durable Objects: thin shells round the machines in `domain`. They load, decide, persist and publish; no rule lives here.
//!
//! Objects call nobody but downwards: a Stock object tells its relays and pokes the indexer, and those call nobody. Between load and persist there is no `await`, so each command is one transaction.

mod admission;
mod admission_tables;
mod cart;
pub(crate) mod client;
pub(crate) mod crowd;
mod indexer;
mod relay;
mod stock;
mod stock_tables;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use worker::{Request, Response, SqlStorage};

/// What an object answers: its machine's answer or its rejection. Faults are HTTP errors.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer<T, R> {
    /// Done, or done before.
    Done(T),
    /// Refused, with the machine's reason.
    Rejected(R),
}

/// The command in a request's body.
async fn read<T: DeserializeOwned>(request: &mut Request) -> worker::Result<T> {
    Ok(serde_json::from_str(&request.text().await?)?)
}

/// An answer as JSON.
fn reply<T: Serialize>(answer: &T) -> worker::Result<Response> {
    Response::from_json(answer)
}

/// Brings an object's tables to the newest version. `versions` only ever grows at its end.
fn migrate(sql: &SqlStorage, versions: &[&str]) -> worker::Result<()> {
    #[derive(Deserialize)]
    struct Version {
        version: usize,
    }
    sql.exec("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)", None)?;
    let rows: Vec<Version> = sql.exec("SELECT version FROM schema_version", None)?.to_array()?;
    let current = rows.first().map_or(0, |row| row.version);
    if current >= versions.len() {
        return Ok(());
    }
    for statements in &versions[current..] {
        sql.exec(statements, None)?;
    }
    sql.exec("DELETE FROM schema_version", None)?;
    sql.exec(&format!("INSERT INTO schema_version (version) VALUES ({})", versions.len()), None)?;
    Ok(())
}
