//! How the operator's commands begin and end: arguments that are wrong, help that was asked for, and errors all look the same.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use clap::Parser;
use domain::time::Timestamp;
use serde::Serialize;

/// Reads the arguments of this process and does what `work` makes of them. Exit codes: 0 done, or help was asked for; 1 refused or failed.
pub fn run<C, W, F>(work: W) -> ExitCode
where
    C: Parser,
    W: FnOnce(C) -> F,
    F: Future<Output = anyhow::Result<()>>,
{
    let arguments = match C::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let failed = error.use_stderr();
            drop(error.print());
            return if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    let done = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(work(arguments)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
}

impl Form {
    /// The form that was asked for.
    pub const fn of(json: bool, csv: bool) -> Self {
        match (json, csv) {
            (true, _) => Self::Json,
            (false, true) => Self::Csv,
            (false, false) => Self::Table,
        }
    }

    /// Prints `what`. Whoever stops reading has read enough.
    pub fn print<T: Serialize>(
        self,
        what: &T,
        table: impl Fn(&T) -> String,
        csv: impl Fn(&T) -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        let text = match self {
            Self::Table => table(what),
            Self::Json => format!("{}\n", serde_json::to_string_pretty(what)?),
            Self::Csv => csv(what)?,
        };
        say(&text)
    }
}

/// What is in a file; `-` is the standard input.
///
/// # Errors
/// When it cannot be read.
pub fn text_of(file: &Path) -> anyhow::Result<String> {
    let text =
        if file.as_os_str() == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(file) };
    text.with_context(|| format!("cannot read {}", file.display()))
}

/// Says what was asked for. That nobody listens any more is no error.
///
/// # Errors
/// When the standard output is broken in another way.
pub fn say(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The beginning of a day of UTC, from text.
pub fn day(text: &str) -> Result<Timestamp, String> {
    let is_day = text.len() == "2026-11-01".len();
    let at = Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")).filter(|_| is_day);
    at.ok_or_else(|| "write a day of UTC as 2026-11-01".to_owned())
}

/// What time it is.
pub fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_or_refused() {
        assert_eq!(day("1970-01-02"), Ok(Timestamp(86_400_000)));
        for bad in ["", "2026-13-01", "2026-02-30", "01.11.2026", "2026-11-01T00:00:00Z", "1970-1-2"] {
            assert!(day(bad).is_err(), "{bad}");
        }
    }
}
