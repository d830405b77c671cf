//! The `books` command: what every account holds, a statement of one, and the whole journal, as text, JSON or CSV. `cargo xtask books` starts
//! it. It changes nothing.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use domain::ledger::Account;
use domain::time::{Millis, Timestamp};
use domain::wire::{Balances, JournalLine, JournalPage, ORIGIN_JOURNAL, ORIGIN_LEDGER, ORIGIN_STATEMENT, Statement};
use importer::command::{self, Form};
use importer::shop::{SHOP_DEFAULT, Shop};
use importer::{book_csv, book_table};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Shows the books: double entry, every entry summing to zero.
///
/// A debit is what somebody holds for the shop, a credit what the shop owes somebody. The shop's operator keys are read from the environment
/// variable OPERATOR_KEYS.
#[derive(Parser)]
#[command(name = "books", version)]
struct Cli {
    #[command(subcommand)]
    what: What,
    /// The shop
    #[arg(long, global = true, default_value = SHOP_DEFAULT)]
    shop: String,
    /// Print JSON
    #[arg(long, global = true, conflicts_with = "csv")]
    json: bool,
    /// Print CSV, safe to open in a spreadsheet
    #[arg(long, global = true)]
    csv: bool,
}

#[derive(Subcommand)]
enum What {
    /// What every account holds
    Balances,
    /// What went in and out of an account, from what was there to what is
    Statement {
        /// A seller, or any account: gateway:NAME, seller:NAME, bank, commission, delivery, fees, refunds, disputes, payouts
        account: String,
        /// The first day, as 2026-11-01 [default: the first that there is]
        #[arg(long, value_name = "DAY", value_parser = command::day)]
        from: Option<Timestamp>,
        /// The last day, which is part of it [default: today]
        #[arg(long, value_name = "DAY", value_parser = command::day)]
        to: Option<Timestamp>,
    },
    /// Every entry, oldest first
    Ledger {
        /// The last day, which is part of it [default: today]
        #[arg(long, value_name = "DAY", value_parser = command::day)]
        to: Option<Timestamp>,
    },
}

fn main() -> ExitCode {
    command::run(run)
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let shop = Shop::from_environment(&cli.shop)?;
    let form = Form::of(cli.json, cli.csv);
    match cli.what {
        What::Balances => {
            let balances: Balances = shop.get(ORIGIN_LEDGER).await?;
            form.print(&balances, book_table::balances, |it| book_csv::balances(&it.balances))
        }
        What::Statement { account, from, to } => {
            let statement = statement(&shop, &account_of(&account), from.unwrap_or(Timestamp(0)), until(to)).await?;
            let table = |it: &Statement| book_table::statement(&it.opening, &it.lines, &it.closing);
            form.print(&statement, table, |it| book_csv::statement(&it.account, &it.opening, &it.lines))
        }
        What::Ledger { to } => {
            let lines = journal(&shop, until(to)).await?;
            form.print(&lines, |it| book_table::journal(it), |it| book_csv::journal(it))
        }
    }
}

/// The end of a day; without one, of time.
fn until(day: Option<Timestamp>) -> Timestamp {
    day.map_or(Timestamp(i64::MAX), |day| day + Millis::days(1))
}

/// What is no account is the name of a seller.
fn account_of(text: &str) -> Account {
    text.parse().unwrap_or_else(|_| Account::Seller(text.to_owned()))
}

/// All of a statement, in as many answers as it takes.
async fn statement(shop: &Shop, account: &Account, from: Timestamp, until: Timestamp) -> anyhow::Result<Statement> {
    let name = account.to_string();
    let name = utf8_percent_encode(&name, NON_ALPHANUMERIC);
    let ask = async |from: Timestamp| -> anyhow::Result<Statement> {
        let (from, until) = (from.as_millis(), until.as_millis());
        Ok(shop.get(&format!("{ORIGIN_STATEMENT}?account={name}&from={from}&until={until}")).await?)
    };
    let mut statement = ask(from).await?;
    while statement.is_cut {
        let next = ask(statement.until).await?;
        statement.lines.extend(next.lines);
        (statement.until, statement.closing, statement.is_cut) = (next.until, next.closing, next.is_cut);
    }
    Ok(statement)
}

/// All of the journal, in as many answers as it takes.
async fn journal(shop: &Shop, until: Timestamp) -> anyhow::Result<Vec<JournalLine>> {
    let (mut lines, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("{ORIGIN_JOURNAL}?until={}{after}", until.as_millis());
        let page: JournalPage = shop.get(&path).await?;
        lines.extend(page.lines);
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(lines),
        }
    }
}
