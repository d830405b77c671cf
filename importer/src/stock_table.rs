//! A product's stock as a table for a terminal. It counts nothing itself.

use std::fmt::Write as _;

use domain::wire::{StockEntry, StockReport};

/// Counts of every variant, then the history, newest first.
pub fn table(report: &StockReport) -> String {
    let mut text = String::new();
    let width =
        report.levels.iter().map(|level| level.sku.as_str().chars().count()).max().unwrap_or(0).max("sku".len());
    // Writing to a string never fails.
    let _written =
        writeln!(text, "{:<width$}  {:>9}  {:>8}  {:>9}  {:>9}", "sku", "on hand", "promised", "available", "sold");
    for level in &report.levels {
        let counts = &level.level;
        let _written = writeln!(
            text,
            "{:<width$}  {:>9}  {:>8}  {:>9}  {:>9}",
            level.sku, counts.on_hand, counts.reserved, level.available, counts.committed
        );
    }
    if report.viewers > 0 {
        let relays = if report.relays == 1 { "relay" } else { "relays" };
        let _written = writeln!(text, "open pages: {}, over {} {relays}", report.viewers, report.relays);
    }
    text.push('\n');
    if report.history.is_empty() {
        text.push_str("no history\n");
    } else {
        let _written = writeln!(
            text,
            "{:>6}  {:<20}  {:<width$}  {:>8}   {:<9}  {:<11}  {:<36}  by, why",
            "line", "when", "sku", "change", "on hand", "cause", "checkout or movement"
        );
    }
    for line in &report.history {
        let StockEntry { seq, at, entry } = line;
        let cause = serde_json::to_value(entry.cause).ok();
        let cause = cause.as_ref().and_then(|cause| cause.as_str()).unwrap_or_default().replace('_', " ");
        // What people typed must not drive a terminal.
        let (actor, reason) = (entry.actor.escape_debug(), entry.reason.escape_debug());
        let _written = writeln!(
            text,
            "{seq:>6}  {:<20}  {:<width$}  {:>+8} = {:<9}  {cause:<11}  {:<36}  {actor}  {reason}",
            at.rfc3339().get(..19).map_or_else(|| at.rfc3339(), |second| format!("{second}Z")),
            entry.sku,
            entry.change,
            entry.on_hand,
            entry.reference.escape_debug(),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use domain::ids::{ProductId, Sku};
    use domain::stock::{Cause, Entry, Level};
    use domain::time::Timestamp;
    use domain::wire::StockLevel;

    use super::*;

    #[test]
    fn counts_stand_above_the_history() {
        let sku = Sku::new("lamp").unwrap();
        let level = Level { reserved: 2, ..Level::opened(5) };
        let entry = Entry {
            sku: sku.clone(),
            change: 5,
            on_hand: 5,
            cause: Cause::WrittenOff,
            reference: "0199aaaa-0000-7000-8000-000000000000".into(),
            actor: "Ada".into(),
            reason: "fell\u{202e}".into(),
        };
        let report = StockReport {
            product_id: ProductId(uuid::Uuid::nil()),
            levels: vec![StockLevel { sku, available: level.available(), level }],
            history: vec![StockEntry { seq: 1, at: Timestamp(0), entry }],
            viewers: 1_200,
            relays: 2,
        };
        let expected = "\
sku     on hand  promised  available       sold
lamp          5         2          3          0
open pages: 1200, over 2 relays

  line  when                  sku     change   on hand    cause        checkout or movement                  by, why
     1  1970-01-01T00:00:00Z  lamp        +5 = 5          written off  0199aaaa-0000-7000-8000-000000000000  Ada  fell\\u{202e}
";
        assert_eq!(table(&report), expected);
    }
}
