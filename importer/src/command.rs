//! How the operator's commands begin and end: arguments that are wrong, help that was asked for, and errors all look the same.

use std::process::ExitCode;

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
