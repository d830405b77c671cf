//! `cargo xtask bench …`: builds the benchmarks and hands them the words that follow. Measures nothing itself.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use stack::Layout;

use crate::cargo::cargo;
use crate::{interrupt, progress};

/// Arguments of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// Which benchmark, and its options; `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "BENCHMARK")]
    words: Vec<String>,
}

/// `cargo xtask bench`.
pub(crate) fn run(layout: &Layout, arguments: &Arguments) -> Result<()> {
    progress::run("compiling the benchmarks", cargo(layout.root()).args(["build", "-p", "bench"]))?;
    // The result, and nothing else, goes to the standard output: it may be JSON for another program.
    let mut command = Command::new(layout.program("bench"));
    let status = command.args(&arguments.words).stdin(Stdio::null()).status().context("the benchmarks do not start")?;
    interrupt::check()?;
    if !status.success() {
        bail!("the benchmark failed ({status}); see above");
    }
    Ok(())
}
