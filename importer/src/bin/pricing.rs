//! The `pricing` command: taxes, delivery and promotions as an operator sets and sees them. `cargo xtask pricing` starts it.
//!
//! Exit codes: 0 shown or done; 1 refused or failed, and the rules are as they were.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use domain::pricing::Rules;
use domain::wire::EDGE_PRICING;
use importer::shop::{SHOP_DEFAULT, Shop};
use importer::{command, pricing_file};

/// Sets and shows what the shop takes and gives beside its prices: taxes, delivery, promotions.
///
/// The shop's operator keys are read from the environment variable OPERATOR_KEYS.
#[derive(Parser)]
#[command(name = "pricing", version)]
struct Cli {
    #[command(subcommand)]
    what: What,
    /// The shop
    #[arg(long, global = true, default_value = SHOP_DEFAULT)]
    shop: String,
    /// Print the rules as a file that can be set
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum What {
    /// Makes the rules be what a file says, and nothing else; the same again changes nothing
    #[command(after_help = "\
FILE is JSON, or - for the standard input. Each of its three lists may be left out; what a list does not say is not so any more.

  {
    \"taxes\": [
      {\"name\": \"VAT\", \"rate\": \"7.5\", \"country\": \"NG\", \"included\": true, \"on_delivery\": true},
      {\"name\": \"VAT\", \"rate\": \"0\", \"country\": \"NG\", \"categories\": [\"Food\"], \"included\": true}
    ],
    \"delivery\": [{
      \"name\": \"Lagos\", \"countries\": [\"NG\"], \"regions\": [\"Lagos\"],    \"sellers\": [\"Ada\"] would make it hers alone
      \"methods\": [
        {\"method\": \"standard\", \"currency\": \"NGN\", \"free_from\": \"50000\", \"per\": \"order\",
         \"steps\": [{\"up_to_grams\": 1000, \"price\": \"1500\"}, {\"price\": \"3000\"}]},
        {\"method\": \"pickup\", \"currency\": \"NGN\", \"price\": \"0\"}
      ]
    }],
    \"promotions\": [{
      \"id\": \"welcome\", \"name\": \"Welcome\", \"code\": \"WELCOME10\",     without a code it applies by itself
      \"percent\": \"10\",                        or \"amount\", \"amount_each\", \"free_delivery\": true
      \"currency\": \"NGN\", \"minimum\": \"5000\",
      \"on\": {\"categories\": [\"Home/Kitchen\"], \"brands\": [], \"skus\": [], \"sellers\": []},
      \"except\": {\"brands\": [\"Tefal\"]}, \"except_reduced\": true,
      \"starts_at\": \"2026-12-01T00:00:00+01:00\", \"ends_at\": \"2027-01-01T00:00:00+01:00\",
      \"limit\": 100, \"limit_per_person\": 1, \"combines\": false, \"borne_by\": \"shop\"
    }]
  }

Of taxes and zones the most specific one counts: a region before its country, a deeper category before a shallower one, a seller's own
zone before everybody's; of those that fit equally well, the first. With no zones the shop delivers everywhere at the one price of its
setting DELIVERY_STANDARD_MINOR; with zones, nowhere else. Methods are standard, express and pickup; \"per\": \"seller\" weighs and charges
each seller's things apart, and \"kept_by\": \"seller\" leaves them what is paid for it. Weights are products' weight_grams. An amount from
which on delivery is free, and a minimum, count things at their prices, before anything is taken off.

Of promotions, all that combine are taken off together, in this order, those that are typed last; one that does not stands alone, if it
saves the buyer more than they do. \"borne_by\" is shop or seller: who gives up what is taken off. Limits need a code, and count for ever
under the id.")]
    Set {
        /// the file
        file: PathBuf,
    },
    /// The rules, as a file that can be set
    Show,
}

fn main() -> ExitCode {
    command::run(run)
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    match &cli.what {
        What::Set { file } => {
            let rules = pricing_file::read(&command::text_of(file)?).with_context(|| file.display().to_string())?;
            let problems = rules.problems();
            anyhow::ensure!(problems.is_empty(), "{}: {}", file.display(), problems.join("\n  "));
            let body = serde_json::to_vec(&rules)?;
            let shop = Shop::from_environment(&cli.shop)?;
            let set: Rules = shop.put_for(EDGE_PRICING, "application/json", body).await?;
            command::say(&if cli.json { pricing_file::write(&set)? } else { counted(&set) })
        }
        What::Show => {
            let rules: Rules = Shop::from_environment(&cli.shop)?.get(EDGE_PRICING).await?;
            command::say(&pricing_file::write(&rules)?)
        }
    }
}

fn counted(rules: &Rules) -> String {
    let Rules { taxes, delivery, promotions } = rules;
    let coupons = promotions.iter().filter(|promotion| promotion.code.is_some()).count();
    format!(
        "set: {} taxes, {} delivery zones, {} promotions that apply by themselves, {coupons} codes\n",
        taxes.len(),
        delivery.len(),
        promotions.len() - coupons
    )
}
