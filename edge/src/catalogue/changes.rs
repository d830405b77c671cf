//! The change feed: which products changed since a sequence number, and what they are now. D1's triggers write it; search reads it.

use std::collections::BTreeSet;

use domain::ids::ProductId;
use domain::time::Timestamp;
use domain::wire::CatalogueProduct;
use serde::Deserialize;
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, D1Result};

use super::{ProductRow, SELECT_PRODUCTS, d1};
use crate::error::Error;

/// The last change there was. The feed always keeps that one.
pub(super) const SELECT_LAST_SEQ: &str = "SELECT coalesce(max(seq), 0) AS seq FROM product_change";

/// Some of the feed, and the newest state of the products in it.
#[derive(Debug)]
pub(crate) struct Changes {
    /// Products as they are now, which may be newer than their change in the feed.
    pub(crate) shown: Vec<CatalogueProduct>,
    /// Products that are hidden or deleted.
    pub(crate) gone: Vec<ProductId>,
    /// The last change in it.
    pub(crate) last_seq: u64,
    /// When its first change was made.
    pub(crate) first_at: Timestamp,
    /// Whether there may be more.
    pub(crate) is_full: bool,
}

#[derive(Deserialize)]
struct Seq {
    seq: u64,
}

/// Reads [`SELECT_LAST_SEQ`]'s answer.
pub(super) fn last_seq_of(result: &D1Result) -> Result<u64, Error> {
    let rows: Vec<Seq> = result.results().map_err(d1)?;
    Ok(rows.first().map_or(0, |row| row.seq))
}

/// The last change there was; 0 before the first.
pub(crate) async fn last_seq(db: &D1Database) -> Result<u64, Error> {
    let row: Option<Seq> = db.prepare(SELECT_LAST_SEQ).first(None).await.map_err(d1)?;
    Ok(row.map_or(0, |row| row.seq))
}

/// The next changes after `cursor`, at most so many; `None` when there are none.
pub(crate) async fn after(db: &D1Database, cursor: u64, changes_max: u32) -> Result<Option<Changes>, Error> {
    #[derive(Deserialize)]
    struct Row {
        seq: u64,
        product_id: ProductId,
        changed_at: Timestamp,
    }
    let rows: Vec<Row> = db
        .prepare("SELECT seq, product_id, changed_at FROM product_change WHERE seq > ?1 ORDER BY seq LIMIT ?2")
        .bind(&[number(cursor), JsValue::from_f64(f64::from(changes_max))])?
        .all()
        .await
        .and_then(|result| result.results())
        .map_err(d1)?;
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(None) };
    let (first_at, last_seq, is_full) = (first.changed_at, last.seq, rows.len() == changes_max as usize);
    let mut gone: BTreeSet<ProductId> = rows.into_iter().map(|row| row.product_id).collect();
    let ids: Vec<&ProductId> = gone.iter().collect();
    let rows: Vec<ProductRow> = db
        .prepare(format!("{SELECT_PRODUCTS} WHERE id IN (SELECT value FROM json_each(?1)) AND status = 'active'"))
        .bind(&[JsValue::from_str(&serde_json::to_string(&ids)?)])?
        .all()
        .await
        .and_then(|result| result.results())
        .map_err(d1)?;
    let shown = rows.into_iter().map(ProductRow::for_index).collect::<Result<Vec<_>, _>>()?;
    for product in &shown {
        gone.remove(&product.id);
    }
    Ok(Some(Changes { shown, gone: gone.into_iter().collect(), last_seq, first_at, is_full }))
}

/// What waits to be read.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct Pending {
    /// How many products changed.
    pub(crate) products: u32,
    /// When the last of all changes was made.
    pub(crate) last_at: Option<Timestamp>,
}

/// What waits after `cursor`, counted up to `count_max` products.
pub(crate) async fn pending(db: &D1Database, cursor: u64, count_max: u32) -> Result<Pending, Error> {
    let row: Option<Pending> = db
        .prepare(
            "SELECT (SELECT changed_at FROM product_change ORDER BY seq DESC LIMIT 1) AS last_at, count(*) AS products
             FROM (SELECT DISTINCT product_id FROM product_change WHERE seq > ?1 LIMIT ?2)",
        )
        .bind(&[number(cursor), JsValue::from_f64(f64::from(count_max))])?
        .first(None)
        .await
        .map_err(d1)?;
    Ok(row.unwrap_or_default())
}

/// Forgets changes up to `seq`, except the very last: an index that was compiled has them all.
pub(crate) async fn trim(db: &D1Database, seq: u64) -> Result<(), Error> {
    db.prepare("DELETE FROM product_change WHERE seq <= ?1 AND seq < (SELECT max(seq) FROM product_change)")
        .bind(&[number(seq)])?
        .run()
        .await
        .map_err(d1)?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a sequence stays below 2^53")]
fn number(seq: u64) -> JsValue {
    JsValue::from_f64(seq as f64)
}
