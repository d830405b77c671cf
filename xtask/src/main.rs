//! `cargo xtask …`: the project's only scripts. Each command is a file; this one only knows their arguments.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use stack::Layout;

mod apt;
mod assets;
mod bench;
mod cargo;
mod catalogue;
mod checks;
mod chromium;
mod dev;
mod interrupt;
mod postgres;
mod progress;
mod release;
mod sim;
mod tools;
mod worker;

/// Kasuwa's scripts
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Sets up what is missing, then runs the whole shop until Ctrl-C
    Dev(dev::Arguments),
    /// Runs everything that CI runs, in the order that fails fastest
    Test(checks::Arguments),
    /// Reads a catalogue into a running shop, and compiles its index if much of it changed
    Import(catalogue::ImportArguments),
    /// Compiles the index from a running shop's catalogue and publishes it
    Index(catalogue::IndexArguments),
    /// Runs one of the benchmarks
    Bench(bench::Arguments),
    /// Runs whole purchases in a world that loses, repeats and crashes
    Sim(sim::Arguments),
    /// Shows what shoppers searched for, and what they did not find
    Queries(catalogue::QueriesArguments),
    /// Shows a variant's stock and its history, and moves it by hand
    Stock(catalogue::StockArguments),
    /// Shows an order's money, gives it back, and lists what needs a person
    Orders(catalogue::OrdersArguments),
    /// Shows the books: balances, statements, the whole journal
    Books(catalogue::BooksArguments),
    /// Pays sellers what they are owed, by transfer or by hand
    Payouts(catalogue::PayoutsArguments),
    /// Sets, lists, shows and cancels flash sales, and checks their draws
    Sale(catalogue::SaleArguments),
    /// Sets and shows taxes, delivery and promotions
    Pricing(catalogue::PricingArguments),
    /// Builds the Worker and its assets into edge/build (wrangler calls this)
    Worker(worker::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if interrupt::happened() => {
            eprintln!("stopped ({error})");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let layout = Layout::find()?;
    interrupt::listen()?;
    match command {
        Command::Dev(arguments) => dev::run(&layout, arguments),
        Command::Test(arguments) => checks::run(&layout, &arguments),
        Command::Import(arguments) => catalogue::import(&layout, arguments),
        Command::Index(arguments) => catalogue::index(&layout, &arguments),
        Command::Bench(arguments) => bench::run(&layout, &arguments),
        Command::Sim(arguments) => sim::run(&layout, arguments.words()),
        Command::Queries(arguments) => catalogue::queries(&layout, &arguments),
        Command::Stock(arguments) => catalogue::stock(&layout, arguments),
        Command::Orders(arguments) => catalogue::orders(&layout, arguments),
        Command::Books(arguments) => catalogue::books(&layout, arguments),
        Command::Payouts(arguments) => catalogue::payouts(&layout, arguments),
        Command::Sale(arguments) => catalogue::sale(&layout, arguments),
        Command::Pricing(arguments) => catalogue::pricing(&layout, arguments),
        Command::Worker(arguments) => worker::run(&layout, &arguments),
    }
}
