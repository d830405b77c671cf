//! The `stock` command: a product's counts and history, and what an operator moves by hand. `cargo xtask stock` starts it.
//!
//! Exit codes: 0 shown or done; 1 refused or failed, and the stock is as it was.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use domain::ids::{CheckoutId, MovementId, Sku};
use domain::stock::{Command, MovedLine, Movement, Quantity, StockLine, Units};
use domain::wire::{EDGE_STOCK, StockReport};
use importer::command;
use importer::shop::{SHOP_DEFAULT, Shop};
use importer::stock_table::table;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

/// Shows and moves the stock of one variant.
///
/// The shop's operator keys are read from the environment variable OPERATOR_KEYS.
#[derive(Parser)]
#[command(name = "stock", version)]
struct Cli {
    /// The variant
    sku: String,
    #[command(subcommand)]
    what: Option<What>,
    /// The shop
    #[arg(long, global = true, default_value = SHOP_DEFAULT)]
    shop: String,
    /// Who does it, as the history shows it
    #[arg(long, global = true, default_value = "operator")]
    by: String,
    /// Why, as the history shows it
    #[arg(long, global = true, default_value = "")]
    reason: String,
    /// Names this movement: the same again changes nothing, so that a lost answer can be asked for again
    #[arg(long, global = true, value_name = "UUID", value_parser = movement)]
    movement: Option<Uuid>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    /// Show the history before this line
    #[arg(long, value_name = "LINE")]
    before: Option<u64>,
}

#[derive(Subcommand)]
enum What {
    /// A delivery came
    Receive {
        /// how many
        #[arg(value_parser = some)]
        units: Units,
    },
    /// The books were wrong by so many, up or down; needs --reason
    Adjust {
        /// how many, like 3 or -3
        #[arg(allow_negative_numbers = true, value_parser = change)]
        change: i32,
    },
    /// So many are there, those promised to checkouts included; needs --reason
    Count {
        /// how many
        #[arg(value_parser = count)]
        counted: u32,
    },
    /// So many are damaged or lost; needs --reason
    WriteOff {
        /// how many
        #[arg(value_parser = some)]
        units: Units,
    },
    /// A buyer sent so many back, and they can be sold again; needs --reason
    TakeBack {
        /// what they were bought with: the id beside `sold` in the history
        #[arg(value_parser = checkout)]
        checkout: CheckoutId,
        /// how many
        #[arg(value_parser = quantity)]
        quantity: Quantity,
    },
}

fn some(text: &str) -> Result<Units, String> {
    let units = text.parse().ok().and_then(|units| Units::new(units).ok());
    units.ok_or_else(|| format!("write a whole number from 1 to {}", Units::MAX))
}

fn count(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "write a whole number, 0 or more".to_owned())
}

fn change(text: &str) -> Result<i32, String> {
    text.parse().map_err(|_| "write a whole number, like 3 or -3".to_owned())
}

fn quantity(text: &str) -> Result<Quantity, String> {
    let quantity = text.parse().ok().and_then(|quantity| Quantity::new(quantity).ok());
    quantity.ok_or_else(|| format!("write a whole number from 1 to {}", Quantity::MAX))
}

fn checkout(text: &str) -> Result<CheckoutId, String> {
    text.parse().map_err(|_| "write the id that stands beside `sold` in the history".to_owned())
}

fn movement(text: &str) -> Result<Uuid, String> {
    text.parse().map_err(|_| "write a UUID, like 0199aaaa-0000-7000-8000-000000000000".to_owned())
}

fn main() -> ExitCode {
    command::run(run)
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let sku = Sku::new(&cli.sku)?;
    let path = format!("{EDGE_STOCK}{}", utf8_percent_encode(sku.as_str(), NON_ALPHANUMERIC));
    let shop = Shop::from_environment(&cli.shop)?;
    let report: StockReport = match cli.what {
        None => {
            let query = cli.before.map(|line| format!("?before={line}")).unwrap_or_default();
            shop.get(&format!("{path}{query}")).await?
        }
        Some(what) => {
            let id = MovementId(cli.movement.unwrap_or_else(Uuid::now_v7));
            let movement = Movement { id, actor: cli.by, reason: cli.reason };
            let command = command(what, sku, movement)?;
            // Patience sends it again when an answer is lost; its id makes it happen once.
            shop.post(&path, &command).await.with_context(|| format!("movement {id}"))?
        }
    };
    let text = if cli.json { format!("{}\n", serde_json::to_string_pretty(&report)?) } else { table(&report) };
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn command(what: What, sku: Sku, movement: Movement) -> anyhow::Result<Command> {
    Ok(match what {
        What::Receive { units } => Command::Receive { movement, lines: vec![MovedLine { sku, units }] },
        What::Adjust { change } => Command::Adjust { movement, sku, by: change },
        What::Count { counted } => Command::Count { movement, sku, counted },
        What::WriteOff { units } => Command::WriteOff { movement, sku, units },
        What::TakeBack { checkout, quantity } => {
            let lines = vec![StockLine { sku, quantity }];
            Command::TakeBack { movement, checkout_id: checkout, lines }
        }
    })
}
