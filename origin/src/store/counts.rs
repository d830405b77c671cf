//! How many there are of everything, by status, for whoever watches.

use super::sql::{Connection, Row, query};
use crate::error::Error;

/// Orders.
pub async fn orders(connection: &mut Connection) -> Result<Vec<(String, i64)>, Error> {
    const SQL: &str = "-- counts.orders
        SELECT status, count(*) AS many FROM orders GROUP BY status ORDER BY status";
    by_status(connection, SQL).await
}

/// Payments.
pub async fn payments(connection: &mut Connection) -> Result<Vec<(String, i64)>, Error> {
    const SQL: &str = "-- counts.payments
        SELECT status, count(*) AS many FROM payment GROUP BY status ORDER BY status";
    by_status(connection, SQL).await
}

/// Refunds.
pub async fn refunds(connection: &mut Connection) -> Result<Vec<(String, i64)>, Error> {
    const SQL: &str = "-- counts.refunds
        SELECT status, count(*) AS many FROM refund GROUP BY status ORDER BY status";
    by_status(connection, SQL).await
}

/// Disputes.
pub async fn disputes(connection: &mut Connection) -> Result<Vec<(String, i64)>, Error> {
    const SQL: &str = "-- counts.disputes
        SELECT status, count(*) AS many FROM dispute GROUP BY status ORDER BY status";
    by_status(connection, SQL).await
}

async fn by_status(connection: &mut Connection, sql: &'static str) -> Result<Vec<(String, i64)>, Error> {
    let counted = |row: &Row| Ok((row.get("status")?, row.get("many")?));
    query(sql).fetch_all(connection).await?.iter().map(counted).collect()
}
