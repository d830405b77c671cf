//! `cargo xtask test`: everything that CI runs, in the order that fails fastest. Each runner's own output, with its counts, is shown as
//! it comes; the first failure ends it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use stack::Layout;

use crate::cargo::cargo;
use crate::postgres::Postgres;
use crate::worker::{self, Profile};
use crate::{chromium, dev, interrupt, sim, tools};

/// Crates that also run as WASM, with the Worker.
const WASM: [&str; 3] = ["domain", "search", "edge"];

/// How many simulated worlds are tried.
const SEEDS: u32 = 1_000;

/// Arguments of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only tests whose name contains this text; skips formatting and lints
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
}

/// Runs all checks.
pub(crate) fn run(layout: &Layout, arguments: &Arguments) -> Result<()> {
    let mut checks = Checks { layout, filter: arguments.filter.clone(), done: Vec::new() };
    tools::ensure_base(layout)?;
    if checks.filter.is_none() {
        checks.step("Formatting", |checks| checks.cargo(&["fmt", "--all", "--check"]))?;
        checks.step("Lints, native", |checks| {
            checks.cargo(&["clippy", "--workspace", "--exclude", "edge", "--all-targets", "--", "-D", "warnings"])
        })?;
        checks.step("Lints, WASM", Checks::lint_wasm)?;
    }
    checks.step("Unit and property tests", Checks::unit_tests)?;
    checks.step("The origin on PostgreSQL", Checks::postgres_tests)?;
    if checks.filter.is_none() {
        checks
            .step("Fault simulation", |checks| sim::run(checks.layout, &["--seeds".to_owned(), SEEDS.to_string()]))?;
    }
    checks.step("Worker", |checks| worker::build(checks.layout, Profile::Development))?;
    if checks.end_to_end_manifest().is_file() {
        checks.step("End-to-end tests", Checks::end_to_end_tests)?;
    }
    if !checks.node_tests("clock")?.is_empty() {
        checks.step("Tests of the clock", |checks| checks.run_node_tests("clock", Command::new("node")))?;
    }
    if !checks.node_tests("browser")?.is_empty() {
        checks.step("Browser tests", |checks| {
            let mut node = Command::new("node");
            node.env("CHROMIUM", chromium::ensure()?);
            checks.run_node_tests("browser", node)
        })?;
    }
    println!("\nAll passed:");
    for (name, took) in &checks.done {
        println!("  {name:<26}{:>6.0} s", took.as_secs_f32());
    }
    Ok(())
}

struct Checks<'a> {
    layout: &'a Layout,
    filter: Option<String>,
    done: Vec<(&'static str, Duration)>,
}

impl Checks<'_> {
    fn step(&mut self, name: &'static str, work: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        interrupt::check()?;
        println!("\n── {name} {}", "─".repeat(76_usize.saturating_sub(name.chars().count())));
        let started = Instant::now();
        work(self).with_context(|| format!("{name} failed"))?;
        self.done.push((name, started.elapsed()));
        Ok(())
    }

    fn lint_wasm(&self) -> Result<()> {
        let (name, path) = worker::assets_variable(self.layout)?;
        let mut command = self.cargo_command(&["clippy", "--target", "wasm32-unknown-unknown"]);
        command.args(WASM.iter().flat_map(|name| ["-p", *name])).args(["--", "-D", "warnings"]).env(name, path);
        show(&mut command)
    }

    fn unit_tests(&self) -> Result<()> {
        let mut command = self.cargo_command(&["test", "--workspace"]);
        if self.end_to_end_manifest().is_file() {
            // Those need the whole shop; their turn comes.
            command.args(["--exclude", "tests"]);
        }
        command.args(self.filter.iter());
        show(&mut command)
    }

    /// The origin's tests once more, on the other engine.
    fn postgres_tests(&self) -> Result<()> {
        let server = Postgres::start()?;
        let mut command = self.cargo_command(&["test", "-p", "origin", "--test", "shop"]);
        show(command.args(self.filter.iter()).env("TEST_POSTGRES_URL", server.url()))
    }

    fn end_to_end_tests(&self) -> Result<()> {
        dev::build_native(self.layout)?;
        let mut command = self.cargo_command(&["test", "-p", "tests"]);
        command.args(self.filter.iter());
        show(&mut command)
    }

    fn run_node_tests(&self, folder: &str, mut node: Command) -> Result<()> {
        dev::build_native(self.layout)?;
        node.current_dir(self.layout.root()).args(["--test", "--test-reporter=spec"]);
        if let Some(filter) = &self.filter {
            node.arg(format!("--test-name-pattern={filter}"));
        }
        show(node.args(self.node_tests(folder)?))
    }

    fn end_to_end_manifest(&self) -> PathBuf {
        self.layout.root().join("tests/Cargo.toml")
    }

    /// The files in a folder of `tests` that hold tests for node.
    fn node_tests(&self, folder: &str) -> Result<Vec<PathBuf>> {
        let folder = self.layout.root().join("tests").join(folder);
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let mut files = Vec::new();
        for entry in folder.read_dir().with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
            if path.to_string_lossy().ends_with(".test.mjs") {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    fn cargo(&self, arguments: &[&str]) -> Result<()> {
        show(&mut self.cargo_command(arguments))
    }

    fn cargo_command(&self, arguments: &[&str]) -> Command {
        let mut command = cargo(self.layout.root());
        command.args(arguments);
        command
    }
}

/// Runs a command whose output is the point of it.
fn show(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command.stdin(Stdio::null()).spawn().with_context(|| format!("cannot start {program}"))?;
    loop {
        if let Some(status) = child.try_wait().with_context(|| format!("cannot wait for {program}"))? {
            interrupt::check()?;
            if status.success() {
                return Ok(());
            }
            bail!("{program} ended with {status}");
        }
        if interrupt::happened() {
            // On a terminal it has heard Ctrl-C itself. Tests stop what they started through their guards.
            drop(child.kill());
        }
        thread::sleep(Duration::from_millis(50));
    }
}
