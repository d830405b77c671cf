//! `bench stock`: what stock bears, in workerd without wrangler: reservations a second of one product and of many, a rush of buyers
//! for few units over HTTP, and how soon everybody who looks at a product sees that it changed.
//!
//! Everything goes to this machine only, is bounded, and ends by itself. Nothing is asserted; what ought to be is printed beside.

use anyhow::{Context as _, Result, bail};
use domain::wire::{EDGE_IMPORT_FINISH, EDGE_IMPORT_PRODUCTS, IMPORT_BATCH_MAX, ImportReport};
use serde::Serialize;
use serde_json::{Value, json};
use stack::{Config, Host, Layout, Part, Ports, Stack};

mod buyers;
mod report;
mod reservations;
mod viewers;

use self::buyers::Rush;
use self::reservations::Reservations;
use self::viewers::Viewers;
use crate::worker::Worker;

/// Units of the products that reservations are tried on: they never run out.
const PLENTY: u32 = 1_000_000;

/// Arguments of `bench stock`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Products among which reservations are spread, beside the single one
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    products: u32,
    /// Reservations to try on one product, and as many on all of them
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    reservations: u32,
    /// Buyers who come at once
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    buyers: u32,
    /// Units that they come for
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    units: u32,
    /// Connections over HTTP
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=512))]
    connections: u32,
    /// Viewers of one product, each number by itself
    #[arg(long, value_delimiter = ',', default_value = "100,1000,10000")]
    viewers: Vec<u32>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
struct Results {
    /// Every reservation at one Stock object.
    one_product: Reservations,
    /// The same, spread over many.
    many_products: Reservations,
    products: u32,
    rush: Rush,
    viewers: Vec<Viewers>,
}

/// Measures, and prints what was measured.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let results = measure(arguments)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&results)?);
    } else {
        report::print(&results);
    }
    Ok(())
}

fn measure(arguments: &Arguments) -> Result<Results> {
    let say = |what: &str| eprintln!("{what} …");
    let state = tempfile::TempDir::new().context("cannot make a folder for the shop")?;
    let config = Config::new(Layout::find()?, state.path().to_owned(), Ports::free()?).hosted_by(Host::Workerd);
    let mut stack = Stack::prepare(config)?;
    stack.migrate()?;
    stack.start_all()?;
    let worker = Worker::new(&stack)?;
    let shop = stack.addresses().shop;
    debug_assert!(stack.process(Part::Origin).is_some());

    say("making products");
    let skus: Vec<String> = (0..arguments.products).map(|number| format!("stocked-{number}")).collect();
    let mut products: Vec<Value> = skus.iter().map(|sku| product(sku, PLENTY)).collect();
    products.push(product(RUSHED, arguments.units));
    products.push(product(VIEWED, PLENTY));
    for batch in products.chunks(IMPORT_BATCH_MAX) {
        let report: ImportReport = worker.post(EDGE_IMPORT_PRODUCTS, &json!({"products": batch, "bulk": true}))?;
        if !report.rejected.is_empty() {
            bail!("products were refused: {:?}", report.rejected);
        }
    }
    worker.nudge(EDGE_IMPORT_FINISH)?;

    say("reserving at one product");
    let one_product = reservations::run(&worker, &skus[..1], arguments.reservations)?;
    say(&format!("reserving at {} products", skus.len()));
    let many_products = reservations::run(&worker, &skus, arguments.reservations)?;
    say(&format!("{} buyers for {} units", arguments.buyers, arguments.units));
    let rush = buyers::run(&shop, RUSHED, arguments.units, arguments.buyers, arguments.connections)?;
    let mut viewers = Vec::new();
    for count in &arguments.viewers {
        say(&format!("{count} viewers"));
        viewers.push(viewers::run(&shop, VIEWED, *count)?);
    }
    Ok(Results { one_product, many_products, products: arguments.products, rush, viewers })
}

const RUSHED: &str = "rushed";
const VIEWED: &str = "viewed";

/// A product whose page is found at its SKU.
fn product(sku: &str, stock: u32) -> Value {
    json!({
        "sku": sku, "title": sku, "description": "Made to be measured.", "brand": null, "category": ["Measures"],
        "price": {"amount_minor": 100_000, "currency": "NGN"}, "attributes": [], "pictures": [], "codes": [],
        "seller": "Kasuwa",
        "variants": [{"sku": sku, "options": [], "price_minor": 100_000, "stock": stock, "picture": null}],
    })
}
