//! How the operator's commands begin and end: arguments that are wrong, help that was asked for, and errors all look the same.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;

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
