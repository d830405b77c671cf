//! `cargo xtask bench …`: builds the benchmarks and hands them the words that follow. Measures nothing itself.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use stack::Layout;

use crate::cargo::cargo;
use crate::worker::{self, Profile};
use crate::{interrupt, progress, tools};

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
    let is = |wanted: &str| arguments.words.iter().any(|word| word == wanted);
    // Whoever measures time measures what production runs.
    let is_timed = (is("search") || is("stock")) && !is("--help") && !is("-h");
    let mut build = cargo(layout.root());
    build.args(["build", "-p", "bench"]);
    if is_timed {
        tools::ensure_base(layout)?;
        worker::build(layout, Profile::Release)?;
        build.arg("--release");
    }
    progress::run("compiling the benchmarks", &mut build)?;
    // The result, and nothing else, goes to the standard output: it may be JSON for another program.
    let program = if is_timed { layout.release_program("bench") } else { layout.program("bench") };
    let status = Command::new(program)
        .args(&arguments.words)
        .stdin(Stdio::null())
        .status()
        .context("the benchmarks do not start")?;
    interrupt::check()?;
    if !status.success() {
        bail!("the benchmark failed ({status}); see above");
    }
    Ok(())
}
