//! The SQL that the origin speaks, the same on every engine: `$1` placeholders, whole numbers and texts going in and coming out.
//!
//! Nothing else is needed: money and times are whole numbers, ids and JSON are texts. So an engine is two things, a connection
//! and how a row of it becomes [`Value`]s.

use std::borrow::Cow;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Column, Postgres, Row as _, Sqlite, Transaction, TypeInfo, ValueRef};

use crate::error::Error;

/// Where a statement that claims rows says that rows of other processes are passed over. For SQLite, whose writers come one after
/// the other, it is a comment.
const SKIP_LOCKED: &str = "-- skip locked";

/// What goes in and out of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A whole number (`BIGINT`), or null.
    Integer(Option<i64>),
    /// A text (`TEXT`), or null.
    Text(Option<String>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        Self::Integer(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(Some(text.clone()))
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

impl From<Option<&String>> for Value {
    fn from(text: Option<&String>) -> Self {
        Self::Text(text.cloned())
    }
}

impl From<&Option<String>> for Value {
    fn from(text: &Option<String>) -> Self {
        Self::Text(text.clone())
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

/// What a column is read as.
pub trait FromValue: Sized {
    /// `None` when it is something else.
    fn from_value(value: &Value) -> Option<Self>;
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Option<Self> {
        Option::<Self>::from_value(value)?
    }
}

impl FromValue for Option<i64> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(number) => Some(*number),
            Value::Text(None) => Some(None),
            Value::Text(Some(_)) => None,
        }
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Option<Self> {
        Option::<Self>::from_value(value)?
    }
}

impl FromValue for Option<String> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.clone()),
            Value::Integer(None) => Some(None),
            Value::Integer(Some(_)) => None,
        }
    }
}

/// A row of an answer.
#[derive(Debug, Clone)]
pub struct Row(Vec<(String, Value)>);

impl Row {
    /// What stands in a column.
    pub fn get<T: FromValue>(&self, column: &str) -> Result<T, Error> {
        let value = self.value(column)?;
        T::from_value(value).ok_or_else(|| Error::corrupt(column, format!("{value:?} is something else")))
    }

    /// The text in a column.
    pub fn text(&self, column: &str) -> Result<&str, Error> {
        match self.value(column)? {
            Value::Text(Some(text)) => Ok(text),
            other @ (Value::Text(None) | Value::Integer(_)) => {
                Err(Error::corrupt(column, format!("{other:?} is no text")))
            }
        }
    }

    /// Every column with what stands in it.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub(super) fn value(&self, column: &str) -> Result<&Value, Error> {
        let found = self.0.iter().find(|(name, _)| name == column);
        found.map(|(_, value)| value).ok_or_else(|| Error::corrupt(column, "there is no such column"))
    }

    fn of_sqlite(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let value = |index: usize| {
            let raw = row.try_get_raw(index)?;
            Ok::<_, sqlx::Error>(match raw.type_info().name() {
                _ if raw.is_null() => Value::Text(None),
                "INTEGER" => Value::Integer(row.try_get(index)?),
                _ => Value::Text(row.try_get(index)?),
            })
        };
        let named = |column: &sqlx::sqlite::SqliteColumn| Ok((column.name().to_owned(), value(column.ordinal())?));
        row.columns().iter().map(named).collect::<Result<_, sqlx::Error>>().map(Self)
    }

    fn of_postgres(row: &PgRow) -> Result<Self, sqlx::Error> {
        let value = |index: usize| {
            let raw = row.try_get_raw(index)?;
            Ok::<_, sqlx::Error>(match raw.type_info().name() {
                _ if raw.is_null() => Value::Text(None),
                "INT8" => Value::Integer(row.try_get(index)?),
                "INT4" => Value::Integer(row.try_get::<Option<i32>, _>(index)?.map(i64::from)),
                _ => Value::Text(row.try_get(index)?),
            })
        };
        let named = |column: &sqlx::postgres::PgColumn| Ok((column.name().to_owned(), value(column.ordinal())?));
        row.columns().iter().map(named).collect::<Result<_, sqlx::Error>>().map(Self)
    }
}

/// A connection to whichever engine it is.
#[derive(Debug)]
pub struct Connection(Inner);

#[derive(Debug)]
enum Inner {
    SqliteReader(PoolConnection<Sqlite>),
    SqliteTransaction(Transaction<'static, Sqlite>),
    PostgresReader(PoolConnection<Postgres>),
    PostgresTransaction(Transaction<'static, Postgres>),
}

impl Connection {
    /// Keeps everything that was written. A connection that is dropped instead keeps nothing.
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        match self.0 {
            Inner::SqliteTransaction(transaction) => transaction.commit().await,
            Inner::PostgresTransaction(transaction) => transaction.commit().await,
            Inner::SqliteReader(_) | Inner::PostgresReader(_) => Ok(()),
        }
    }

    /// Runs a whole script, such as a migration.
    pub(super) async fn run_script(&mut self, script: &str) -> Result<(), sqlx::Error> {
        match self.engine() {
            Engine::Sqlite(sqlite) => sqlx::raw_sql(script).execute(sqlite).await.map(|_| ()),
            Engine::Postgres(postgres) => sqlx::raw_sql(script).execute(postgres).await.map(|_| ()),
        }
    }

    fn engine(&mut self) -> Engine<'_> {
        match &mut self.0 {
            Inner::SqliteReader(connection) => Engine::Sqlite(connection),
            Inner::SqliteTransaction(transaction) => Engine::Sqlite(transaction),
            Inner::PostgresReader(connection) => Engine::Postgres(connection),
            Inner::PostgresTransaction(transaction) => Engine::Postgres(transaction),
        }
    }
}

enum Engine<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

impl From<PoolConnection<Sqlite>> for Connection {
    fn from(connection: PoolConnection<Sqlite>) -> Self {
        Self(Inner::SqliteReader(connection))
    }
}

impl From<Transaction<'static, Sqlite>> for Connection {
    fn from(transaction: Transaction<'static, Sqlite>) -> Self {
        Self(Inner::SqliteTransaction(transaction))
    }
}

impl From<PoolConnection<Postgres>> for Connection {
    fn from(connection: PoolConnection<Postgres>) -> Self {
        Self(Inner::PostgresReader(connection))
    }
}

impl From<Transaction<'static, Postgres>> for Connection {
    fn from(transaction: Transaction<'static, Postgres>) -> Self {
        Self(Inner::PostgresTransaction(transaction))
    }
}

/// A statement with what is bound to it.
#[derive(Debug, Clone)]
#[must_use = "a statement does nothing until it is executed"]
pub struct Query {
    text: Cow<'static, str>,
    values: Vec<Value>,
}

/// A statement: its text, which begins with `-- name`.
pub const fn query(text: &'static str) -> Query {
    Query { text: Cow::Borrowed(text), values: Vec::new() }
}

/// A statement whose text is put together. Of names that are in the code alone: what comes from elsewhere is bound.
pub(super) const fn assembled(text: String) -> Query {
    Query { text: Cow::Owned(text), values: Vec::new() }
}

impl Query {
    /// Binds the next placeholder.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Runs it; how many rows it wrote.
    pub async fn execute(self, connection: &mut Connection) -> Result<u64, Error> {
        Ok(match connection.engine() {
            Engine::Sqlite(sqlite) => sqlite_query(&self.text, self.values).execute(sqlite).await?.rows_affected(),
            Engine::Postgres(postgres) => {
                let (text, values) = self.postgres()?;
                sqlx::query_with(&text, values).execute(postgres).await?.rows_affected()
            }
        })
    }

    /// Runs it; every row of its answer.
    pub async fn fetch_all(self, connection: &mut Connection) -> Result<Vec<Row>, Error> {
        let rows: Result<_, sqlx::Error> = match connection.engine() {
            Engine::Sqlite(sqlite) => {
                let rows = sqlite_query(&self.text, self.values).fetch_all(sqlite).await?;
                rows.iter().map(Row::of_sqlite).collect()
            }
            Engine::Postgres(postgres) => {
                let (text, values) = self.postgres()?;
                sqlx::query_with(&text, values).fetch_all(postgres).await?.iter().map(Row::of_postgres).collect()
            }
        };
        Ok(rows?)
    }

    /// Runs it; the one row of its answer, or none.
    pub async fn fetch_optional(self, connection: &mut Connection) -> Result<Option<Row>, Error> {
        Ok(self.fetch_all(connection).await?.into_iter().next())
    }

    /// Runs it; the one row that every answer to it has.
    pub async fn fetch_one(self, connection: &mut Connection) -> Result<Row, Error> {
        let text = self.text.clone();
        let row = self.fetch_optional(connection).await?;
        row.ok_or_else(|| Error::Bug(format!("no answer to {}", text.lines().next().unwrap_or_default())))
    }

    fn postgres(&self) -> Result<(Cow<'static, str>, PgArguments), Error> {
        use sqlx::Arguments as _;
        let text = match self.text.contains(SKIP_LOCKED) {
            true => self.text.replace(SKIP_LOCKED, "FOR UPDATE SKIP LOCKED").into(),
            false => self.text.clone(),
        };
        let mut values = PgArguments::default();
        for value in &self.values {
            let added = match value {
                Value::Integer(number) => values.add(number),
                Value::Text(text) => values.add(text.as_deref()),
            };
            added.map_err(sqlx::Error::Encode)?;
        }
        Ok((text, values))
    }
}

fn sqlite_query(text: &str, values: Vec<Value>) -> sqlx::query::Query<'_, Sqlite, SqliteArguments<'_>> {
    values.into_iter().fold(sqlx::query(text), |query, value| match value {
        Value::Integer(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
    })
}
