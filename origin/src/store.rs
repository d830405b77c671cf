//! Where orders live: one SQLite file, or later another engine that understands the same text.
//!
//! SQL stands in the files below this one and nowhere else. It is written once for SQLite and PostgreSQL (`$1` placeholders,
//! integers for time and money, text for ids and JSON), and every statement begins with `-- name`, so that logs and
//! slow-query lists can be read.

pub mod gateway_events;
pub mod nonces;
pub mod orders;
pub mod outbox;
pub mod payments;

use std::time::Duration;

use domain::time::Timestamp;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{Row, Sqlite, SqliteConnection, SqlitePool, Transaction};

use crate::error::Error;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const READERS: u32 = 4;
const TRIES_MAX: u32 = 5;

/// Forward only. A migration that was published is never edited.
const MIGRATIONS: [(i64, &str); 1] = [(1, include_str!("../../migrations/origin/0001_orders.sql"))];

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    /// SQLite has one writer at a time: so has the pool, and writers queue here instead of failing there.
    writer: SqlitePool,
    readers: SqlitePool,
}

/// An open transaction that may write.
#[derive(Debug)]
pub struct Tx {
    inner: Transaction<'static, Sqlite>,
    name: &'static str,
}

impl Tx {
    /// The connection, for statements.
    pub fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.inner
    }

    /// The transaction's name, kept in the rows that it writes.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Everything was done: commit it, and answer `value`.
    pub const fn done<T>(self, value: T) -> Result<Done<T>, Error> {
        Ok(Done { tx: self, value })
    }
}

/// A transaction whose work is done, to be committed.
#[derive(Debug)]
pub struct Done<T> {
    tx: Tx,
    value: T,
}

impl Store {
    /// Opens the database, creating its folder, and brings its tables up to date.
    pub async fn open(options: SqliteConnectOptions) -> Result<Self, Error> {
        if let Some(folder) = options.get_filename().parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| Error::Database(error.into()))?;
        }
        let options = options
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: an order that was confirmed, or a capture that was acknowledged, must outlast a power cut as well.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        let store =
            Self { readers: SqlitePoolOptions::new().max_connections(READERS).connect_lazy_with(options), writer };
        store.migrate().await?;
        Ok(store)
    }

    async fn migrate(&self) -> Result<(), Error> {
        const CREATE: &str = "-- migration.create
            CREATE TABLE IF NOT EXISTS migration (version BIGINT PRIMARY KEY)";
        const APPLIED: &str = "-- migration.applied
            SELECT count(*) AS applied FROM migration WHERE version = $1";
        const RECORD: &str = "-- migration.record
            INSERT INTO migration (version) VALUES ($1)";
        self.transact("migrate", move |mut tx: Tx| async move {
            sqlx::query(CREATE).execute(tx.connection()).await?;
            for (version, sql) in MIGRATIONS {
                let applied: i64 =
                    sqlx::query(APPLIED).bind(version).fetch_one(tx.connection()).await?.try_get("applied")?;
                if applied == 0 {
                    sqlx::raw_sql(sql).execute(tx.connection()).await?;
                    sqlx::query(RECORD).bind(version).execute(tx.connection()).await?;
                    tracing::info!(version, "database migrated");
                }
            }
            tx.done(())
        })
        .await
    }

    /// Runs `work` in one transaction that may write: all of it is kept once it says [`Tx::done`], and nothing otherwise.
    /// Contention is tried again, so `work` must do nothing but read and write the database.
    pub async fn transact<T, W, F>(&self, name: &'static str, work: W) -> Result<T, Error>
    where
        W: Fn(Tx) -> F,
        F: Future<Output = Result<Done<T>, Error>>,
    {
        let mut tries = 0;
        loop {
            match self.try_transact(name, &work).await {
                Err(error) if error.is_contention() && tries < TRIES_MAX => {
                    tries += 1;
                    tracing::warn!(transaction = name, tries, "the database was busy; trying again");
                    tokio::time::sleep(Duration::from_millis(10 << tries)).await;
                }
                done => return done,
            }
        }
    }

    async fn try_transact<T, W, F>(&self, name: &'static str, work: &W) -> Result<T, Error>
    where
        W: Fn(Tx) -> F,
        F: Future<Output = Result<Done<T>, Error>>,
    {
        // IMMEDIATE takes the write lock now: a transaction that reads first cannot fail later for what it has read.
        let tx = Tx { inner: self.writer.begin_with("BEGIN IMMEDIATE").await?, name };
        let Done { tx, value } = work(tx).await?;
        tx.inner.commit().await?;
        Ok(value)
    }

    /// A connection that only reads.
    pub async fn read(&self) -> Result<PoolConnection<Sqlite>, Error> {
        Ok(self.readers.acquire().await?)
    }

    /// Waits until every connection is given back, and closes the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// A text column as what it means.
fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(row: &SqliteRow, column: &str) -> Result<T, Error> {
    row.try_get::<String, _>(column)?.parse().map_err(|error| Error::corrupt(column, error))
}

/// An optional point in time.
fn time(row: &SqliteRow, column: &str) -> Result<Option<Timestamp>, Error> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp))
}

/// A whole number that fits a smaller type.
fn number<T: TryFrom<i64, Error: std::fmt::Display>>(row: &SqliteRow, column: &str) -> Result<T, Error> {
    T::try_from(row.try_get::<i64, _>(column)?).map_err(|error| Error::corrupt(column, error))
}
