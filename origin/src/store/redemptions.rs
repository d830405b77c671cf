//! Promotions that orders redeemed.

use domain::ids::{CartId, OrderId};
use domain::pricing::{Limits, Redeemed};
use domain::time::Timestamp;

use super::sql::{Connection, Row, query};
use super::{Tx, number};
use crate::error::Error;

/// A promotion that an order redeemed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redemption {
    /// The promotion.
    pub promotion_id: String,
    /// What shoppers read.
    pub name: String,
    /// Who, by [`domain::pricing::person`].
    pub person: String,
    /// How often it may be, as it was said then.
    pub limits: Limits,
}

/// How often a promotion was redeemed, and how often of that by a person.
pub async fn counted(connection: &mut Connection, promotion_id: &str, person: &str) -> Result<Redeemed, Error> {
    const SQL: &str = "-- redemption.counted
        SELECT count(*) AS in_all, count(CASE WHEN person = $2 THEN 1 END) AS by_person
        FROM redemption WHERE promotion_id = $1 AND given_back_at IS NULL";
    let row = query(SQL).bind(promotion_id).bind(person).fetch_one(connection).await?;
    Ok(Redeemed { in_all: number(&row, "in_all")?, by_person: number(&row, "by_person")? })
}

/// Writes down that an order redeems a promotion.
pub async fn insert(tx: &mut Tx, order_id: OrderId, redemption: &Redemption, now: Timestamp) -> Result<(), Error> {
    const SQL: &str = "-- redemption.insert
        INSERT INTO redemption (order_id, promotion_id, name, person, limit_in_all, limit_per_person, redeemed_at, written_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let name = tx.name();
    query(SQL)
        .bind(order_id.to_string())
        .bind(&redemption.promotion_id)
        .bind(&redemption.name)
        .bind(&redemption.person)
        .bind(redemption.limits.in_all.map(i64::from))
        .bind(redemption.limits.per_person.map(i64::from))
        .bind(now.as_millis())
        .bind(name)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Gives back what an order redeemed; a second time changes nothing.
pub async fn give_back(tx: &mut Tx, order_id: OrderId, now: Timestamp) -> Result<(), Error> {
    const SQL: &str = "-- redemption.give_back
        UPDATE redemption SET given_back_at = $2, written_by = $3 WHERE order_id = $1 AND given_back_at IS NULL";
    let name = tx.name();
    query(SQL).bind(order_id.to_string()).bind(now.as_millis()).bind(name).execute(tx.connection()).await?;
    Ok(())
}

/// Gives back what orders of a cart redeemed that still wait for their payment.
pub async fn give_back_of_cart(tx: &mut Tx, cart_id: CartId, now: Timestamp) -> Result<(), Error> {
    const SQL: &str = "-- redemption.give_back_of_cart
        UPDATE redemption SET given_back_at = $2, written_by = $3 WHERE given_back_at IS NULL
            AND order_id IN (SELECT id FROM orders WHERE cart_id = $1 AND status = 'awaiting_payment')";
    let name = tx.name();
    query(SQL).bind(cart_id.to_string()).bind(now.as_millis()).bind(name).execute(tx.connection()).await?;
    Ok(())
}

/// What an order redeemed and was given back.
pub async fn given_back(connection: &mut Connection, order_id: OrderId) -> Result<Vec<Redemption>, Error> {
    const SQL: &str = "-- redemption.given_back
        SELECT promotion_id, name, person, limit_in_all, limit_per_person
        FROM redemption WHERE order_id = $1 AND given_back_at IS NOT NULL ORDER BY promotion_id";
    let rows = query(SQL).bind(order_id.to_string()).fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

/// What was given back counts again.
pub async fn take_again(tx: &mut Tx, order_id: OrderId) -> Result<(), Error> {
    const SQL: &str = "-- redemption.take_again
        UPDATE redemption SET given_back_at = NULL, written_by = $2 WHERE order_id = $1";
    let name = tx.name();
    query(SQL).bind(order_id.to_string()).bind(name).execute(tx.connection()).await?;
    Ok(())
}

fn read(row: &Row) -> Result<Redemption, Error> {
    let limit = |column: &str| -> Result<Option<u32>, Error> {
        let limit: Option<i64> = row.get(column)?;
        limit.map(|limit| u32::try_from(limit).map_err(|error| Error::corrupt(column, error))).transpose()
    };
    Ok(Redemption {
        promotion_id: row.get("promotion_id")?,
        name: row.get("name")?,
        person: row.get("person")?,
        limits: Limits { in_all: limit("limit_in_all")?, per_person: limit("limit_per_person")? },
    })
}
