//! The `sale` command: flash sales as an operator sets and sees them, and their draws as anybody may check them. `cargo xtask sale` starts
//! it.
//!
//! Exit codes: 0 shown or done; 1 refused or failed, and the sale is as it was, or the draw is not what it should be.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use domain::ids::PersonId;
use domain::wire::{EDGE_SALES, SaleList, SaleReport};
use importer::sale_table::{list, report};
use importer::shop::{SHOP_DEFAULT, Shop};
use importer::{command, sale_draw, sale_file};
use serde::Serialize;

/// Sets, lists, shows and cancels flash sales, and checks their draws.
///
/// The shop's operator keys are read from the environment variable OPERATOR_KEYS; checking a draw needs none.
#[derive(Parser)]
#[command(name = "sale", version)]
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
    /// Makes the sale that a file describes be so; the same again changes nothing
    #[command(after_help = "\
FILE is JSON, or - for the standard input:

  {
    \"slug\": \"lamps\", \"title\": \"Lamps for the evening\",
    \"gathers_at\": \"2026-12-01T17:30:00+01:00\",   from then on people join, and the products are sold in no other way
    \"starts_at\": \"2026-12-01T18:00:00+01:00\",    the order is drawn
    \"ends_at\": \"2026-12-01T19:00:00+01:00\",      nobody is let in any more
    \"rate\": 600,                                  people let in within a minute; may be left out
    \"pass_minutes\": 10,                           how long one may take to check out; may be left out
    \"products\": [{
      \"units_max\": 2,                             for one person, of all variants of the product together
      \"variants\": [
        {\"sku\": \"LAMP-RED\", \"price\": \"9990.00\", \"currency\": \"NGN\"},
        {\"sku\": \"LAMP-TEN\", \"price\": \"80000.00\", \"currency\": \"NGN\"}
      ]
    }]
  }

Each variant that is named has a price of its own, lower than its regular one. Variants of the product that are not named cost what
they always do, and are held back with the others: a product's stock is one, and so is a person's share of it. Of a product without
choices, name the product's own SKU. At most 6,000 people a minute are let in, which is what one product's stock surely bears.
\"id\", a UUID, may be given; without it the slug names the sale. Once people have joined, its times, rate and pass stay as they are.")]
    Set {
        /// the file
        file: PathBuf,
    },
    /// Every sale
    List,
    /// One sale, and how many have joined
    Show {
        /// the end of its page's address
        slug: String,
    },
    /// Nobody joins or is let in any more; the products are sold as always
    Cancel {
        /// the end of its page's address
        slug: String,
    },
    /// Checks the draw from what the shop publishes
    Verify {
        /// the end of its page's address
        slug: String,
        /// The commitment as it was written down before the start
        #[arg(long, value_name = "HEX")]
        commitment: Option<String>,
        /// Whose place to tell, as the waiting page names them
        #[arg(long, value_name = "UUID", value_parser = person_id)]
        person: Option<PersonId>,
    },
}

fn main() -> ExitCode {
    command::run(run)
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let shop = || Shop::from_environment(&cli.shop);
    let one = |slug: &str| format!("{EDGE_SALES}/{slug}");
    match &cli.what {
        What::Set { file } => {
            let draft = sale_file::read(&command::text_of(file)?).with_context(|| file.display().to_string())?;
            let set: SaleReport = shop()?.post(EDGE_SALES, &draft).await?;
            told(&cli, &set, report(&set))
        }
        What::List => {
            let sales: SaleList = shop()?.get(EDGE_SALES).await?;
            told(&cli, &sales, list(&sales))
        }
        What::Show { slug } => {
            let shown: SaleReport = shop()?.get(&one(slug)).await?;
            told(&cli, &shown, report(&shown))
        }
        What::Cancel { slug } => {
            let cancelled: SaleReport = shop()?.post(&format!("{}/cancel", one(slug)), &()).await?;
            told(&cli, &cancelled, report(&cancelled))
        }
        What::Verify { slug, commitment, person } => {
            let checked = sale_draw::check(&cli.shop, slug, commitment.as_deref()).await?;
            let count = checked.people.len();
            let people = if count == 1 { "person" } else { "people" };
            let mut text = format!("the draw is what was promised: {count} {people}, seed {}\n", checked.draw.seed());
            if checked.is_cancelled {
                text.push_str("the sale was cancelled after it: nobody is let in any more\n");
            }
            if let Some(person_id) = person {
                text.push_str(&match checked.place(*person_id) {
                    Some((number, place)) => {
                        format!("{person_id} joined as number {number} and was drawn to place {place}\n")
                    }
                    None => format!("{person_id} is not in it\n"),
                });
            }
            told(&cli, &checked.draw, text)
        }
    }
}

fn person_id(text: &str) -> Result<PersonId, String> {
    text.parse()
        .map_err(|_| "a person is named like 0199aaaa-0000-7000-8000-000000000000, as the waiting page says".to_owned())
}

fn told(cli: &Cli, value: &impl Serialize, table: String) -> anyhow::Result<()> {
    let text = if cli.json { format!("{}\n", serde_json::to_string_pretty(value)?) } else { table };
    command::say(&text)
}
