//! What shoppers asked for, as a table for a terminal. It counts nothing itself. Anybody may ask anything: what a terminal would obey or
//! hide is shown as `\u{…}`, never as it came.

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
    let width = rows.iter().map(|row| shown(&row.query).chars().count()).max().unwrap_or(0).max("query".len());
    let _written = writeln!(text, "  {:<width$}  {:>8}  {:>13}", "query", "asked", "found nothing");
    for row in rows {
        let _written = writeln!(text, "  {:<width$}  {:>8}  {:>13}", shown(&row.query), row.asked, row.found_nothing);
    }
    text.push('\n');
}

/// A question as it can be printed, cut to its column.
fn shown(query: &str) -> String {
    let mut text = String::new();
    let mut width = 0;
    for character in query.chars() {
        let written = escaped(character);
        width += written.chars().count();
        if width > QUERY_WIDTH_MAX {
            break;
        }
        text.push_str(&written);
    }
    text
}

/// The character; or its number, if it is invisible, directs text or terminals, or could pass for an escape.
fn escaped(character: char) -> String {
    match character {
        ' ' | '"' | '\'' => character.to_string(),
        // Letters and marks to Unicode, and blank to the eye.
        '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{ffa0}'
        | '\u{e0100}'..='\u{e01ef}' => character.escape_unicode().to_string(),
        // After a letter, accents are left as they are: they belong to it.
        _ => format!("a{character}").escape_debug().skip(1).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_cannot_drive_the_terminal_or_deceive_who_reads() {
        for (asked, printed) in [
            ("red\u{1b}[2Jshoes", "red\\u{1b}[2Jshoes"),
            ("a\u{202e}b\u{2066}c\u{200f}", "a\\u{202e}b\\u{2066}c\\u{200f}"),
            ("la\u{200b}mp\u{feff}\u{ad}\u{e0041}", "la\\u{200b}mp\\u{feff}\\u{ad}\\u{e0041}"),
            ("a\nb\rc\td\u{85}e\u{2028}f", "a\\nb\\rc\\td\\u{85}e\\u{2028}f"),
            ("\u{3164}\u{2800}\u{fe0f}\u{a0}\u{9b}", "\\u{3164}\\u{2800}\\u{fe0f}\\u{a0}\\u{9b}"),
            ("\\u{1b}", "\\\\u{1b}"),
            (
                "15\" crème o\u{323}\u{300}jà سماعات 電話 🎧 o'neill",
                "15\" crème o\u{323}\u{300}jà سماعات 電話 🎧 o'neill",
            ),
        ] {
            assert_eq!(shown(asked), printed);
        }
        // An escape is never cut in two.
        let long = shown(&"\u{202e}".repeat(40));
        assert_eq!((long.chars().count(), long.ends_with('}')), (QUERY_WIDTH_MAX, true));
    }

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
