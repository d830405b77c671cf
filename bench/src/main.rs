//! `cargo xtask bench …`: measurements that anyone can repeat. Each is a table, or JSON with `--json`. They measure what serves;
//! nothing that serves depends on them.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod relevance;
mod search_cost;
mod stock_cost;
mod times;
mod worker;

/// Measures the shop
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// How well searches rank, by queries whose results people have judged
    Relevance(relevance::Arguments),
    /// What searching costs in a catalogue of any size: in workerd, natively, and over HTTP
    Search(search_cost::Arguments),
    /// What stock bears: reservations a second, a rush of buyers, and how soon many viewers see a change
    Stock(stock_cost::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Relevance(arguments) => relevance::run(&arguments),
        Command::Search(arguments) => search_cost::run(&arguments),
        Command::Stock(arguments) => stock_cost::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
