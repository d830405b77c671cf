//! What shoppers asked for, as a table for a terminal. It counts nothing itself.

use std::fmt::Write as _;

use domain::wire::{QueryCount, QueryReport};

/// Columns that a question may take before it is cut.
const QUERY_WIDTH_MAX: usize = 48;

/// The report as two tables.
pub fn table(report: &QueryReport) -> String {
    let mut text = String::new();
    section(&mut text, &format!("Asked most in {} days", report.days), &report.top);
    section(&mut text, "Found nothing", &report.without_results);
    text
}

fn section(text: &mut String, title: &str, rows: &[QueryCount]) {
    // Writing to a string never fails.
    let _written = writeln!(text, "{title}\n");
    if rows.is_empty() {
        let _written = writeln!(text, "  nothing\n");
        return;
    }
    let shown = |row: &QueryCount| row.query.chars().take(QUERY_WIDTH_MAX).collect::<String>();
    let width = rows.iter().map(|row| shown(row).chars().count()).max().unwrap_or(0).max("query".len());
    let _written = writeln!(text, "  {:<width$}  {:>8}  {:>13}", "query", "asked", "found nothing");
    for row in rows {
        let _written = writeln!(text, "  {:<width$}  {:>8}  {:>13}", shown(row), row.asked, row.found_nothing);
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_stands_in_columns() {
        let count = |query: &str, asked, found_nothing| QueryCount { query: query.to_owned(), asked, found_nothing };
        let report =
            QueryReport { days: 7, top: vec![count("lamp", 120, 0), count("crème", 9, 2)], without_results: vec![] };
        let table = table(&report);
        assert!(table.contains("  lamp        120              0\n  crème         9              2\n"), "{table}");
        assert!(table.contains("Found nothing\n\n  nothing\n"), "{table}");
    }
}
