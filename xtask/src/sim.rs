//! `cargo xtask sim …`: builds the fault simulation and hands it the words that follow. Simulates nothing itself.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use stack::Layout;

use crate::cargo::cargo;
use crate::{interrupt, progress};

/// Arguments of `cargo xtask sim`.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// Options of the simulation; `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    words: Vec<String>,
}

/// `cargo xtask sim`.
pub(crate) fn run(layout: &Layout, words: &[String]) -> Result<()> {
    let mut build = cargo(layout.root());
    build.args(["build", "-p", "sim"]);
    progress::run("compiling the simulation", &mut build)?;
    let status = Command::new(layout.program("sim"))
        .args(words)
        .stdin(Stdio::null())
        .status()
        .context("the simulation does not start")?;
    interrupt::check()?;
    if !status.success() {
        bail!("the simulation found something ({status}); see above");
    }
    Ok(())
}

impl Arguments {
    /// What was written behind `sim`.
    pub(crate) fn words(&self) -> &[String] {
        &self.words
    }
}
