//! Where products come from. Every source is an iterator of drafts with the line that they came from, so that files, data
//! sets and seeds go the same way into the shop.

use std::collections::HashMap;

use domain::ids::Sku;

use crate::draft::{Defaults, Draft};
use crate::rows::Rows;

/// One product of a source, or why it is none.
#[derive(Debug)]
pub struct Sourced {
    /// Line (or number) in the source, from 1. Ascending.
    pub line: u64,
    /// The product.
    pub draft: Result<Draft, String>,
}

/// Products in order.
pub type Source = Box<dyn Iterator<Item = Sourced> + Send>;

/// The products of a file of rows; `notice` hears what does not belong to a single row.
pub fn of_rows(mut rows: Rows, defaults: Defaults, notice: impl Fn(String) + Send + 'static) -> Source {
    let mut named = 0;
    Box::new(std::iter::from_fn(move || {
        let row = rows.next();
        for column in rows.unread_columns().get(named..).unwrap_or_default() {
            notice(format!("column {column:?} is not read"));
        }
        named = rows.unread_columns().len();
        let row = row?;
        Some(Sourced { line: row.line, draft: row.cells.and_then(|cells| Draft::read(&cells, &defaults)) })
    }))
}

/// Refuses what uses a SKU that an earlier line of the same source has used, as a product or as a variant.
#[derive(Debug, Default)]
pub struct SeenSkus(HashMap<Sku, u64>);

impl SeenSkus {
    /// Notes the product's SKUs.
    ///
    /// # Errors
    /// When one of them is taken; then none is noted.
    pub fn note(&mut self, line: u64, draft: &Draft) -> Result<(), String> {
        let skus = || std::iter::once(&draft.sku).chain(draft.variants.iter().map(|variant| &variant.sku));
        if let Some((sku, earlier)) = skus().find_map(|sku| self.0.get(sku).map(|earlier| (sku, earlier))) {
            return Err(format!("sku: {sku} is already on line {earlier}"));
        }
        for sku in skus() {
            self.0.insert(sku.clone(), line);
        }
        Ok(())
    }
}
