//! `cargo xtask sim …`: runs seeds, or one list of operations, and prints what was found, made as short as it gets.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result};
use clap::Parser;
use sim::operation::{Operation, parse};
use sim::shrink::shrink;
use sim::{Finding, Sabotage, Tally, generate, run};

/// Whole purchases in a world that loses, repeats and crashes
#[derive(Parser)]
#[command(name = "cargo xtask sim", bin_name = "cargo xtask sim", disable_help_subcommand = true)]
struct Arguments {
    /// How many seeds to run
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Runs this seed only, and prints its operations
    #[arg(long, conflicts_with_all = ["seeds", "from", "operations"])]
    seed: Option<u64>,
    /// Runs the operations in this file, one a line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seeds", "from"])]
    operations: Option<PathBuf>,
    /// Says how a failing run fails, and leaves it as long as it is
    #[arg(long)]
    no_shrink: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match simulate(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all is as it must be.
fn simulate(arguments: &Arguments) -> Result<bool> {
    let (operations, replay) = if let Some(file) = &arguments.operations {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let operations = parse(&text).with_context(|| format!("{} is not a list of operations", file.display()))?;
        (operations, format!("--operations {}", file.display()))
    } else if let Some(seed) = arguments.seed {
        (generate::operations(seed), format!("--seed {seed}"))
    } else {
        return Ok(run_seeds(arguments));
    };
    print(&operations);
    match run(&operations, Sabotage::None) {
        Ok(tally) => {
            println!("{} operations, and all is as it must be", operations.len());
            show(&tally);
            Ok(true)
        }
        Err(finding) => {
            report(&finding, operations, &replay, !arguments.no_shrink);
            Ok(false)
        }
    }
}

/// As many at once as there are processors; the first that fails ends it.
fn run_seeds(arguments: &Arguments) -> bool {
    let next = AtomicU64::new(arguments.from);
    let end = arguments.from.saturating_add(arguments.seeds);
    let done = AtomicUsize::new(0);
    let failed: Mutex<Option<(u64, Finding)>> = Mutex::new(None);
    let tally = Mutex::new(Tally::default());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let is_over = failed.lock().is_ok_and(|failed| failed.is_some());
            if seed >= end || is_over {
                return;
            }
            let operations = generate::operations(seed);
            match run(&operations, Sabotage::None) {
                Ok(ends) => drop(tally.lock().map(|mut tally| tally.add(ends))),
                Err(finding) => drop(failed.lock().map(|mut failed| {
                    failed.get_or_insert((seed, finding));
                })),
            }
            done.fetch_add(operations.len(), Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    match failed.into_inner().ok().flatten() {
        None => {
            let operations = done.into_inner();
            println!("{} seeds, {operations} operations, and all is as it must be", arguments.seeds);
            show(&tally.into_inner().unwrap_or_default());
            true
        }
        Some((seed, finding)) => {
            report(&finding, generate::operations(seed), &format!("--seed {seed}"), !arguments.no_shrink);
            false
        }
    }
}

fn show(tally: &Tally) {
    tally.0.iter().for_each(|(what, count)| println!("  {what:<32}{count:>8}"));
}

fn print(operations: &[Operation]) {
    operations.iter().for_each(|operation| println!("{operation}"));
}

fn report(finding: &Finding, operations: Vec<Operation>, replay: &str, is_shrunk: bool) {
    println!("\n{finding}");
    println!("again: cargo xtask sim {replay}");
    if !is_shrunk {
        return;
    }
    let fails = |candidate: &[Operation]| run(candidate, Sabotage::None).is_err_and(|other| other.id == finding.id);
    let shortest = shrink(operations, fails);
    println!("\nthe shortest run that fails like this (keep it in a file, and run it with --operations FILE):\n");
    print(&shortest);
    if let Err(finding) = run(&shortest, Sabotage::None) {
        println!("\n{finding}");
    }
}
