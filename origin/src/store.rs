//! Where orders live: one SQLite file, or a PostgreSQL database that several origins share.
//!
//! SQL stands in the files below this one and nowhere else. It is written once for both engines (`$1` placeholders, integers
//! for time and money, text for ids and JSON), and every statement begins with `-- name`, so that logs and slow-query lists can
//! be read. What differs between the engines stands in this file and in [`sql`].

pub mod backup;
pub mod bank_accounts;
pub mod counts;
pub mod disputes;
pub mod gateway_events;
pub mod ledger;
pub mod nonces;
pub mod orders;
pub mod outbox;
pub mod payments;
pub mod payouts;
pub mod redemptions;
pub mod refunds;
pub mod sql;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use domain::time::Timestamp;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};

use self::sql::{Connection, Row, query};
use crate::error::Error;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const READERS: u32 = 4;
/// What PostgreSQL gives one origin of the hundred connections that it has by default.
const POSTGRES_CONNECTIONS: u32 = 24;
/// Ends what a dead origin left behind: a statement, and a transaction that nobody goes on with.
const POSTGRES_SETTINGS: [(&str, &str); 2] =
    [("statement_timeout", "10s"), ("idle_in_transaction_session_timeout", "15s")];
const TRIES_MAX: u32 = 10;

/// The version of the tables.
const VERSION: i64 = MIGRATIONS[MIGRATIONS.len() - 1].0;

/// Forward only. A migration that was published is never edited.
const MIGRATIONS: [(i64, &str); 7] = [
    (1, include_str!("../../migrations/origin/0001_orders.sql")),
    (2, include_str!("../../migrations/origin/0002_refunds.sql")),
    (3, include_str!("../../migrations/origin/0003_ledger.sql")),
    (4, include_str!("../../migrations/origin/0004_payouts.sql")),
    (5, include_str!("../../migrations/origin/0005_given_up.sql")),
    (6, include_str!("../../migrations/origin/0006_transfers.sql")),
    (7, include_str!("../../migrations/origin/0007_pricing.sql")),
];

/// Which database it is.
#[derive(Clone)]
pub enum Database {
    /// One file.
    Sqlite(SqliteConnectOptions),
    /// A server.
    Postgres(PgConnectOptions),
}

impl fmt::Debug for Database {
    /// A PostgreSQL address may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(options) => write!(f, "sqlite:{}", options.get_filename().display()),
            Self::Postgres(options) => write!(f, "postgres://{}", options.get_host()),
        }
    }
}

/// Why a text names no database.
#[derive(Debug, thiserror::Error)]
pub enum InvalidDatabase {
    /// Neither of the two.
    #[error("write sqlite:PATH?mode=rwc or postgres://USER:PASSWORD@HOST/DATABASE")]
    Unknown,
    /// It would be forgotten.
    #[error("orders have to outlive the process: name a file")]
    InMemory,
    /// It is malformed.
    #[error(transparent)]
    Malformed(#[from] sqlx::Error),
}

impl FromStr for Database {
    type Err = InvalidDatabase;

    fn from_str(text: &str) -> Result<Self, InvalidDatabase> {
        match text.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") if text.contains(":memory:") || text.contains("mode=memory") => {
                Err(InvalidDatabase::InMemory)
            }
            Some("sqlite") => Ok(Self::Sqlite(text.parse()?)),
            Some("postgres" | "postgresql") => Ok(Self::Postgres(text.parse()?)),
            Some(_) | None => Err(InvalidDatabase::Unknown),
        }
    }
}

/// The database.
#[derive(Debug, Clone)]
pub struct Store(Pools);

#[derive(Debug, Clone)]
enum Pools {
    /// SQLite has one writer at a time: so has the pool, and writers queue here instead of failing there.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres(PgPool),
}

/// How a transaction goes with others at the same time, where there are others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Isolation {
    /// As if it ran alone.
    Serializable,
    /// It sees what others have committed meanwhile, and passes over rows that they hold.
    ReadCommitted,
}

impl Isolation {
    const fn begin(self) -> &'static str {
        match self {
            Self::Serializable => "BEGIN ISOLATION LEVEL SERIALIZABLE",
            Self::ReadCommitted => "BEGIN ISOLATION LEVEL READ COMMITTED",
        }
    }
}

/// An open transaction that may write.
#[derive(Debug)]
pub struct Tx {
    connection: Connection,
    name: &'static str,
}

impl Tx {
    /// The connection, for statements.
    pub const fn connection(&mut self) -> &mut Connection {
        &mut self.connection
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
    /// Opens the database, creating a file's folder, and brings its tables up to date.
    pub async fn open(database: Database) -> Result<Self, Error> {
        let store = Self(match database {
            Database::Sqlite(options) => Self::sqlite(options).await?,
            Database::Postgres(options) => {
                let pool = PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).acquire_timeout(BUSY_TIMEOUT);
                let options = options.application_name("kasuwa-origin").options(POSTGRES_SETTINGS);
                Pools::Postgres(pool.connect_with(options).await?)
            }
        });
        store.migrate().await?;
        Ok(store)
    }

    async fn sqlite(options: SqliteConnectOptions) -> Result<Pools, Error> {
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
        let readers = SqlitePoolOptions::new().max_connections(READERS).connect_lazy_with(options);
        Ok(Pools::Sqlite { writer, readers })
    }

    /// Whether other origins may be at work in it.
    pub const fn is_shared(&self) -> bool {
        match self.0 {
            Pools::Sqlite { .. } => false,
            Pools::Postgres(_) => true,
        }
    }

    async fn migrate(&self) -> Result<(), Error> {
        const CREATE: &str = "-- migration.create
            CREATE TABLE IF NOT EXISTS migration (version BIGINT PRIMARY KEY)";
        const APPLIED: &str = "-- migration.applied
            SELECT count(*) AS applied FROM migration WHERE version = $1";
        const RECORD: &str = "-- migration.record
            INSERT INTO migration (version) VALUES ($1)";
        self.transact("migrate", move |mut tx: Tx| async move {
            query(CREATE).execute(tx.connection()).await?;
            for (version, sql) in MIGRATIONS {
                let applied: i64 = query(APPLIED).bind(version).fetch_one(tx.connection()).await?.get("applied")?;
                if applied == 0 {
                    tx.connection().run_script(sql).await?;
                    query(RECORD).bind(version).execute(tx.connection()).await?;
                    tracing::info!(version, "database migrated");
                }
            }
            tx.done(())
        })
        .await
    }

    /// Runs `work` in one transaction that may write, as if nothing else happened meanwhile: all of it is kept once it says
    /// [`Tx::done`], and nothing otherwise. Contention is tried again, so `work` must do nothing but read and write the database.
    pub async fn transact<T, W, F>(&self, name: &'static str, work: W) -> Result<T, Error>
    where
        W: Fn(Tx) -> F,
        F: Future<Output = Result<Done<T>, Error>>,
    {
        self.persist(Isolation::Serializable, name, work).await
    }

    /// The same for taking what is due, one statement that passes over what other origins are taking.
    pub async fn claim<T, W, F>(&self, name: &'static str, work: W) -> Result<T, Error>
    where
        W: Fn(Tx) -> F,
        F: Future<Output = Result<Done<T>, Error>>,
    {
        self.persist(Isolation::ReadCommitted, name, work).await
    }

    async fn persist<T, W, F>(&self, isolation: Isolation, name: &'static str, work: W) -> Result<T, Error>
    where
        W: Fn(Tx) -> F,
        F: Future<Output = Result<Done<T>, Error>>,
    {
        let mut tries = 0;
        loop {
            match self.try_once(isolation, name, &work).await {
                Err(error) if error.is_contention() && tries < TRIES_MAX => {
                    tries += 1;
                    tracing::debug!(transaction = name, tries, "the database was busy; trying again");
                    tokio::time::sleep(pause(tries)).await;
                }
                done => return done,
            }
        }
    }

    async fn try_once<T, W, F>(&self, isolation: Isolation, name: &'static str, work: &W) -> Result<T, Error>
    where
        W: Fn(Tx) -> F,
        F: Future<Output = Result<Done<T>, Error>>,
    {
        let connection = match &self.0 {
            // IMMEDIATE takes the write lock now: a transaction that reads first cannot fail later for what it has read.
            Pools::Sqlite { writer, .. } => writer.begin_with("BEGIN IMMEDIATE").await?.into(),
            Pools::Postgres(pool) => pool.begin_with(isolation.begin()).await?.into(),
        };
        let Done { tx, value } = work(Tx { connection, name }).await?;
        tx.connection.commit().await?;
        Ok(value)
    }

    /// A connection that only reads, and sees the database as it is now for as long as it is kept.
    pub async fn snapshot(&self) -> Result<Connection, Error> {
        Ok(match &self.0 {
            Pools::Sqlite { readers, .. } => readers.begin_with("BEGIN DEFERRED").await?.into(),
            Pools::Postgres(pool) => pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?.into(),
        })
    }

    /// A connection that only reads.
    pub async fn read(&self) -> Result<Connection, Error> {
        Ok(match &self.0 {
            Pools::Sqlite { readers, .. } => readers.acquire().await?.into(),
            Pools::Postgres(pool) => pool.acquire().await?.into(),
        })
    }

    /// Waits until every connection is given back, and closes all.
    pub async fn close(&self) {
        match &self.0 {
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

/// How long to wait before the next try: longer each time, and not as long as anybody else.
fn pause(tries: u32) -> Duration {
    let longest = 2_u64 << tries.min(8);
    Duration::from_millis(longest / 2 + u64::from(getrandom::u32().unwrap_or(0)) % longest)
}

/// A text column as what it means.
fn parsed<T: FromStr<Err: fmt::Display>>(row: &Row, column: &str) -> Result<T, Error> {
    row.get::<String>(column)?.parse().map_err(|error| Error::corrupt(column, error))
}

/// An optional point in time.
fn time(row: &Row, column: &str) -> Result<Option<Timestamp>, Error> {
    Ok(row.get::<Option<i64>>(column)?.map(Timestamp))
}

/// A whole number that fits a smaller type.
fn number<T: TryFrom<i64, Error: fmt::Display>>(row: &Row, column: &str) -> Result<T, Error> {
    T::try_from(row.get::<i64>(column)?).map_err(|error| Error::corrupt(column, error))
}
