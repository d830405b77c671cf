//! The `payouts` command: pays sellers what they are owed, by a gateway's transfers or by hand, and says where each is paid to. `cargo xtask
//! payouts` starts it.
//!
//! Exit codes: 0 shown or done; 1 refused or failed, and nothing changed.

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use domain::ids::PayoutId;
use domain::money::Currency;
use domain::time::{Millis, Timestamp};
use domain::wire::{
    BankAccount, BankAccounts, GatewayName, ORIGIN_BANK_ACCOUNTS, ORIGIN_PAYOUT_FILE, ORIGIN_PAYOUTS, Payout,
    PayoutFile, PayoutRun, Payouts,
};
use importer::command::{self, Form};
use importer::shop::{SHOP_DEFAULT, Shop};
use importer::{book_csv, book_table};
use uuid::Uuid;

/// Pays sellers what they are owed, by a gateway's transfers or by hand.
///
/// A run takes what is due out of every seller's balance. By hand, export its file, send the money, and mark each payout paid, or return it if
/// it did not arrive: then it is owed again, and the next run pays it. By transfer, all of that happens by itself. The shop's operator keys are
/// read from the environment variable OPERATOR_KEYS.
#[derive(Parser)]
#[command(name = "payouts", version)]
struct Cli {
    #[command(subcommand)]
    what: What,
    /// The shop
    #[arg(long, global = true, default_value = SHOP_DEFAULT)]
    shop: String,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum What {
    /// Takes what is due out of every seller's balance, to be paid out
    Run {
        /// Sales of this day and earlier count; what went back always does [default: today]
        #[arg(long, value_name = "DAY", value_parser = command::day)]
        until: Option<Timestamp>,
        /// Less than so many minor units (kobo, cents) is not paid out
        #[arg(long, value_name = "MINOR", default_value_t = 0)]
        least: i64,
        /// Paystack transfers it, to the sellers whose bank account is known
        #[arg(long)]
        transfer: bool,
        /// Names this run: the same again changes nothing, so that a lost answer can be asked for again
        #[arg(long, value_name = "UUID")]
        run: Option<Uuid>,
    },
    /// The newest payouts, or those of a run
    List {
        /// The run
        #[arg(long, value_name = "RUN")]
        run: Option<PayoutId>,
    },
    /// One payout
    Show {
        /// the payout
        payout: PayoutId,
    },
    /// The file (CSV) of a run's payouts that are to be sent by hand, bank accounts included
    Export {
        /// the run
        run: PayoutId,
    },
    /// Notes that a payout was sent by hand
    MarkPaid {
        /// the payout
        payout: PayoutId,
    },
    /// It came back, or is not to be sent: the seller is owed it again. One that a gateway is transferring is only stopped if the gateway never
    /// heard of it
    Return {
        /// the payout
        payout: PayoutId,
    },
    /// Says where a seller is paid to; without a seller, shows where all are
    Bank {
        /// the seller
        #[arg(requires_all = ["bank", "holder"])]
        seller: Option<String>,
        /// The account's currency
        #[arg(long, default_value = "NGN")]
        currency: Currency,
        /// The bank's code, as its country's banks have them
        #[arg(long, value_name = "CODE")]
        bank: Option<String>,
        /// The name that the bank knows the account's holder by
        #[arg(long)]
        holder: Option<String>,
        /// The account's number; without it, it is read from the standard input, where no shell remembers it
        #[arg(long)]
        number: Option<String>,
    },
}

fn main() -> ExitCode {
    command::run(run)
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let shop = Shop::from_environment(&cli.shop)?;
    let form = Form::of(cli.json, false);
    let one = async |payout: PayoutId, what: &str| -> anyhow::Result<()> {
        let payout: Payout = shop.ask(&format!("{ORIGIN_PAYOUTS}/{payout}/{what}")).await?;
        form.print(&payout, book_table::payout, |_| Ok(String::new()))
    };
    match cli.what {
        What::Run { until, least, transfer, run } => {
            let run_id = PayoutId(run.unwrap_or_else(Uuid::now_v7));
            let until = until.map_or_else(command::now, |day| day + Millis::days(1));
            let gateway = transfer.then_some(GatewayName::Paystack);
            let wanted = PayoutRun { run_id, until, least_minor: least, gateway };
            // Patience sends it again when an answer is lost; its id makes it happen once.
            let done: Payouts = shop.post(ORIGIN_PAYOUTS, &wanted).await.with_context(|| format!("run {run_id}"))?;
            form.print(&done, book_table::payouts, |_| Ok(String::new()))
        }
        What::List { run } => {
            let of = run.map(|run| format!("?run={run}")).unwrap_or_default();
            let payouts: Payouts = shop.get(&format!("{ORIGIN_PAYOUTS}{of}")).await?;
            form.print(&payouts, book_table::payouts, |_| Ok(String::new()))
        }
        What::Show { payout } => {
            let payout: Payout = shop.get(&format!("{ORIGIN_PAYOUTS}/{payout}")).await?;
            form.print(&payout, book_table::payout, |_| Ok(String::new()))
        }
        What::Export { run } => {
            let file: PayoutFile = shop.get(&format!("{ORIGIN_PAYOUT_FILE}?run={run}")).await?;
            warn(&file);
            let form = if cli.json { Form::Json } else { Form::Csv };
            form.print(&file, |_| String::new(), |it| book_csv::payouts(&it.lines))
        }
        What::MarkPaid { payout } => one(payout, "confirm").await,
        What::Return { payout } => one(payout, "return").await,
        What::Bank { seller, currency, bank, holder, number } => {
            let accounts: BankAccounts = match (seller, bank, holder) {
                (Some(seller), Some(bank_code), Some(holder)) => {
                    let account_number = number.map_or_else(read_number, Ok)?;
                    let account = BankAccount { seller, currency, bank_code, account_number, holder };
                    account.check().map_err(anyhow::Error::msg)?;
                    shop.post(ORIGIN_BANK_ACCOUNTS, &account).await?
                }
                _ => shop.get(ORIGIN_BANK_ACCOUNTS).await?,
            };
            form.print(&accounts, book_table::accounts, |_| Ok(String::new()))
        }
    }
}

fn read_number() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().take(1_000).read_to_string(&mut text).context("the account's number cannot be read")?;
    Ok(text.trim().to_owned())
}

/// Who cannot be paid by this file.
fn warn(file: &PayoutFile) {
    for line in file.lines.iter().filter(|line| line.account.is_none()) {
        let seller = line.payout.seller.escape_debug();
        eprintln!("where {seller} is paid to is not known: cargo xtask payouts bank {seller} … says it");
    }
}
