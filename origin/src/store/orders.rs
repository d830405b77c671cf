//! Orders, their lines and their history.

use std::collections::BTreeMap;

use domain::checkout::Address;
use domain::ids::{CartId, CheckoutId, OrderId, ProductId, Sku};
use domain::ledger::BasisPoints;
use domain::money::{Currency, Money};
use domain::order::{Order, OrderStatus, Placed};
use domain::pricing::{Charge, DeliveryMethod, PricedLine, Quote, Terms, quote};
use domain::stock::Quantity;
use domain::time::Timestamp;
use domain::wire::{OrderLine, StatusChange};

use super::sql::{Connection, Row, query};
use super::{Tx, number, parsed};
use crate::error::Error;

/// An order as it is stored.
#[derive(Debug, Clone)]
pub struct StoredOrder {
    /// Its id.
    pub id: OrderId,
    /// The checkout that it came from.
    pub checkout_id: CheckoutId,
    /// The cart that it came from.
    pub cart_id: CartId,
    /// The state of its machine.
    pub placed: Placed,
    /// Where the receipt goes.
    pub email: String,
    /// Where the goods go.
    pub address: Address,
    /// What was bought.
    pub lines: Vec<OrderLine>,
    /// What the shop keeps of each, as agreed when it was sold.
    pub commissions: BTreeMap<Sku, BasisPoints>,
    /// What it costs, line by line, as it was agreed.
    pub quote: Quote,
    /// What has to be paid.
    pub total: Money,
    /// [`Quote::digest`] of what the shopper agreed to.
    pub quote_digest: String,
    /// Where the shopper comes back to.
    pub return_url: String,
    /// How many messages about it the outbox has had.
    pub events: u32,
    /// When it was placed.
    pub placed_at: Timestamp,
}

impl StoredOrder {
    /// The machine.
    pub fn machine(&self) -> Order {
        Order::restore(self.placed.clone())
    }

    /// What the shop keeps of what a line was sold for, tax apart, in minor units.
    pub fn commission_minor(&self, sku: &Sku, base_minor: i64) -> i64 {
        self.commissions.get(sku).copied().unwrap_or_default().of(base_minor)
    }

    /// What a line costs, and why.
    pub fn charge(&self, sku: &Sku) -> Result<&Charge, Error> {
        let line = self.quote.lines.iter().find(|line| line.sku == *sku);
        line.map(|line| &line.charge).ok_or_else(|| Error::Bug(format!("{sku} is no line of order {}", self.id)))
    }
}

/// What has to be priced.
pub fn priced(lines: &[OrderLine]) -> Vec<PricedLine> {
    let price = |line: &OrderLine| PricedLine {
        sku: line.sku.clone(),
        quantity: line.quantity,
        unit_price_minor: line.unit_price_minor,
    };
    lines.iter().map(price).collect()
}

/// What an order cost: as it was agreed, or, of one that is older than promotions and taxes, its lines and one delivery.
fn read_quote(row: &Row, lines: &[OrderLine], currency: Currency) -> Result<Quote, Error> {
    if let Some(text) = row.get::<Option<String>>("quote")? {
        return serde_json::from_str(&text).map_err(|error| Error::corrupt("quote", error));
    }
    let method = row.text("delivery_method")?;
    let method = DeliveryMethod::named(method).ok_or_else(|| Error::corrupt("delivery_method", method))?;
    let terms = Terms { method, ..Terms::flat(row.get("delivery_minor")?) };
    quote(&priced(lines), &terms, currency).map_err(|error| Error::corrupt("quote", error))
}

/// Writes a new order with its lines.
pub async fn insert(tx: &mut Tx, order: &StoredOrder) -> Result<(), Error> {
    const ORDER: &str = "-- order.insert
        INSERT INTO orders (id, checkout_id, cart_id, status, content_digest, email, address, currency,
            delivery_method, delivery_minor, total_minor, quote_digest, return_url, pay_before, paid_by,
            placed_at, updated_at, written_by, quote)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, NULL, $15, $15, $16, $17)";
    const LINE: &str = "-- order_line.insert
        INSERT INTO order_line (order_id, position, product_id, sku, slug, title, seller, quantity, unit_price_minor,
            commission_points)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let name = tx.name();
    let address = serde_json::to_string(&order.address).map_err(|error| Error::Bug(error.to_string()))?;
    let quote = serde_json::to_string(&order.quote).map_err(|error| Error::Bug(error.to_string()))?;
    query(ORDER)
        .bind(order.id.to_string())
        .bind(order.checkout_id.to_string())
        .bind(order.cart_id.to_string())
        .bind(order.placed.status.as_str())
        .bind(&order.placed.content_digest)
        .bind(&order.email)
        .bind(address)
        .bind(order.total.currency.code())
        .bind(order.quote.method.as_str())
        .bind(order.quote.delivery_charged_minor())
        .bind(order.total.amount_minor)
        .bind(&order.quote_digest)
        .bind(&order.return_url)
        .bind(order.placed.pay_before.as_millis())
        .bind(order.placed_at.as_millis())
        .bind(name)
        .bind(quote)
        .execute(tx.connection())
        .await?;
    for (position, line) in (1_i64..).zip(&order.lines) {
        query(LINE)
            .bind(order.id.to_string())
            .bind(position)
            .bind(line.product_id.to_string())
            .bind(line.sku.as_str())
            .bind(&line.slug)
            .bind(&line.title)
            .bind(&line.seller)
            .bind(i64::from(line.quantity.get()))
            .bind(line.unit_price_minor)
            .bind(i64::from(order.commissions.get(&line.sku).copied().unwrap_or_default().get()))
            .execute(tx.connection())
            .await?;
    }
    Ok(())
}

/// The order of a checkout.
pub async fn of_checkout(connection: &mut Connection, checkout_id: CheckoutId) -> Result<Option<StoredOrder>, Error> {
    const SQL: &str = "-- order.of_checkout
        SELECT orders.*, (SELECT count(*) FROM given_up WHERE given_up.checkout_id = orders.checkout_id) AS given_up
        FROM orders WHERE checkout_id = $1";
    let row = query(SQL).bind(checkout_id.to_string()).fetch_optional(&mut *connection).await?;
    read(connection, row).await
}

/// An order.
pub async fn find(connection: &mut Connection, id: OrderId) -> Result<Option<StoredOrder>, Error> {
    const SQL: &str = "-- order.find
        SELECT orders.*, (SELECT count(*) FROM given_up WHERE given_up.checkout_id = orders.checkout_id) AS given_up
        FROM orders WHERE id = $1";
    let row = query(SQL).bind(id.to_string()).fetch_optional(&mut *connection).await?;
    read(connection, row).await
}

/// Whether a checkout was given up, be there an order of it or not.
pub async fn is_given_up(connection: &mut Connection, checkout_id: CheckoutId) -> Result<bool, Error> {
    const SQL: &str = "-- given_up.find
        SELECT checkout_id FROM given_up WHERE checkout_id = $1";
    Ok(query(SQL).bind(checkout_id.to_string()).fetch_optional(connection).await?.is_some())
}

/// Notes that a checkout was given up.
pub async fn give_up(tx: &mut Tx, checkout_id: CheckoutId, now: Timestamp) -> Result<(), Error> {
    const SQL: &str = "-- given_up.insert
        INSERT INTO given_up (checkout_id, at, written_by) VALUES ($1, $2, $3) ON CONFLICT (checkout_id) DO NOTHING";
    let name = tx.name();
    let insert = query(SQL).bind(checkout_id.to_string()).bind(now.as_millis()).bind(name);
    insert.execute(tx.connection()).await?;
    Ok(())
}

/// The ids of up to `limit` orders after `after`, or from the first on.
pub async fn ids_after(connection: &mut Connection, after: Option<OrderId>, limit: u32) -> Result<Vec<OrderId>, Error> {
    const SQL: &str = "-- order.ids_after
        SELECT id FROM orders WHERE id > $1 ORDER BY id LIMIT $2";
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let rows = query(SQL).bind(after).bind(i64::from(limit)).fetch_all(connection).await?;
    rows.iter().map(|row| parsed(row, "id")).collect()
}

async fn read(connection: &mut Connection, row: Option<Row>) -> Result<Option<StoredOrder>, Error> {
    let Some(row) = row else { return Ok(None) };
    let id: OrderId = parsed(&row, "id")?;
    let currency: Currency = parsed(&row, "currency")?;
    let address: String = row.get("address")?;
    let sold = lines(connection, id).await?;
    let lines: Vec<OrderLine> = sold.iter().map(|(line, _)| line.clone()).collect();
    Ok(Some(StoredOrder {
        id,
        checkout_id: parsed(&row, "checkout_id")?,
        cart_id: parsed(&row, "cart_id")?,
        placed: Placed {
            status: parsed(&row, "status")?,
            content_digest: row.get("content_digest")?,
            pay_before: Timestamp(row.get("pay_before")?),
            paid_by: row.get("paid_by")?,
            is_given_up: row.get::<i64>("given_up")? > 0,
        },
        email: row.get("email")?,
        address: serde_json::from_str(&address).map_err(|error| Error::corrupt("address", error))?,
        quote: read_quote(&row, &lines, currency)?,
        lines,
        commissions: sold.into_iter().map(|(line, rate)| (line.sku, rate)).collect(),
        total: Money::new(row.get("total_minor")?, currency),
        quote_digest: row.get("quote_digest")?,
        return_url: row.get("return_url")?,
        events: number(&row, "events")?,
        placed_at: Timestamp(row.get("placed_at")?),
    }))
}

async fn lines(connection: &mut Connection, order_id: OrderId) -> Result<Vec<(OrderLine, BasisPoints)>, Error> {
    const SQL: &str = "-- order_line.of_order
        SELECT product_id, sku, slug, title, seller, quantity, unit_price_minor, commission_points
        FROM order_line WHERE order_id = $1 ORDER BY position";
    let rows = query(SQL).bind(order_id.to_string()).fetch_all(connection).await?;
    let line = |row: &Row| {
        let quantity = number(row, "quantity")?;
        let rate = BasisPoints::new(number(row, "commission_points")?);
        let rate = rate.ok_or_else(|| Error::corrupt("commission_points", "more than all of it"))?;
        let line = OrderLine {
            product_id: parsed::<ProductId>(row, "product_id")?,
            sku: parsed::<Sku>(row, "sku")?,
            slug: row.get("slug")?,
            title: row.get("title")?,
            seller: row.get("seller")?,
            quantity: Quantity::new(quantity).map_err(|error| Error::corrupt("quantity", error))?,
            unit_price_minor: row.get("unit_price_minor")?,
        };
        Ok((line, rate))
    };
    rows.iter().map(line).collect()
}

/// Every status that the order had, oldest first. What happened without another status is not in it.
pub async fn history(connection: &mut Connection, order_id: OrderId) -> Result<Vec<StatusChange>, Error> {
    const SQL: &str = "-- order_history.of_order
        SELECT at, status FROM order_history WHERE order_id = $1 ORDER BY position";
    let rows = query(SQL).bind(order_id.to_string()).fetch_all(connection).await?;
    let change =
        |row: &Row| Ok(StatusChange { at: Timestamp(row.get("at")?), status: parsed::<OrderStatus>(row, "status")? });
    let mut changes: Vec<StatusChange> = rows.iter().map(change).collect::<Result<_, Error>>()?;
    changes.dedup_by_key(|change| change.status);
    Ok(changes)
}

/// Writes the order's new state, after one event, and adds it to its history.
pub async fn update(tx: &mut Tx, order: &StoredOrder, reason: &str, now: Timestamp) -> Result<(), Error> {
    const ORDER: &str = "-- order.update
        UPDATE orders SET status = $2, paid_by = $3, events = $4, updated_at = $5, written_by = $6 WHERE id = $1";
    const HISTORY: &str = "-- order_history.insert
        INSERT INTO order_history (order_id, position, at, status, reason, written_by) VALUES ($1, $2, $3, $4, $5, $6)";
    let name = tx.name();
    query(ORDER)
        .bind(order.id.to_string())
        .bind(order.placed.status.as_str())
        .bind(&order.placed.paid_by)
        .bind(i64::from(order.events))
        .bind(now.as_millis())
        .bind(name)
        .execute(tx.connection())
        .await?;
    query(HISTORY)
        .bind(order.id.to_string())
        .bind(i64::from(order.events))
        .bind(now.as_millis())
        .bind(order.placed.status.as_str())
        .bind(reason)
        .bind(name)
        .execute(tx.connection())
        .await?;
    Ok(())
}
