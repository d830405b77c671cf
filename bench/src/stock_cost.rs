//! `bench stock`: what stock bears, in workerd without wrangler: reservations a second of one product and of many, a product that sells
//! out, a rush of buyers for few units over HTTP, and how soon everybody who looks at a product sees that it changed.
//!
//! Everything goes to this machine only, is bounded, and ends by itself. What ought to be true of the numbers is checked
//! ([`claims`]): a benchmark that sold too much has failed.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;
use domain::wire::{EDGE_IMPORT_FINISH, EDGE_IMPORT_PRODUCTS, EDGE_STOCK, IMPORT_BATCH_MAX, ImportReport, StockReport};
use serde::Serialize;
use serde_json::{Value, json};
use stack::{Config, Host, Layout, Ports, Stack};

mod buyers;
mod claims;
mod files;
mod report;
mod reservations;
mod sale;
mod viewers;

use self::buyers::Rush;
use self::reservations::Reservations;
use self::sale::Sale;
use self::viewers::Viewers;
use crate::worker::Worker;

/// Units of the products that reservations are tried on: they never run out.
const PLENTY: u32 = 1_000_000;
/// In which a sale ought to be over.
const SALE_PATIENCE: Duration = Duration::from_secs(300);

/// Arguments of `bench stock`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Products among which reservations are spread, beside the single one
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    products: u32,
    /// Reservations to try on one product, and as many on all of them
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    reservations: u32,
    /// Units of the product that sells out: inside the Worker, and over HTTP, where it is stopped after five minutes
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    sale: u32,
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
    #[arg(long, value_delimiter = ',', default_value = "0,100,1000,5000,10000", value_parser = clap::value_parser!(u32).range(0..=50_000))]
    viewers: Vec<u32>,
    /// Viewers that one relay holds, if not as many as the shop's settings say
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    relay_viewers: Option<u32>,
    /// Measure only this
    #[arg(long, value_delimiter = ',', value_enum)]
    only: Vec<What>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    Reservations,
    Sale,
    SaleOverHttp,
    Rush,
    Viewers,
}

/// Everything that was measured.
#[derive(Debug, Default, Serialize)]
struct Results {
    /// Every reservation at one Stock object.
    one_product: Option<Reservations>,
    /// The same, spread over many.
    many_products: Option<Reservations>,
    products: u32,
    /// A product that sells out, reserved and committed at its Stock object.
    sale: Option<Sale>,
    /// The same over HTTP, origin and gateway included.
    sale_over_http: Option<Rush>,
    rush: Option<Rush>,
    viewers: Vec<Viewers>,
    /// What ought to be and is not; empty when all is well.
    broken: Vec<String>,
}

/// Measures, and prints what was measured.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut results = measure(arguments)?;
    results.broken = claims::broken(&results);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&results)?);
    } else {
        report::print(&results);
    }
    ensure!(results.broken.is_empty(), "what ought to be is not:\n  {}", results.broken.join("\n  "));
    Ok(())
}

fn measure(arguments: &Arguments) -> Result<Results> {
    let say = |what: &str| eprintln!("{what} …");
    let wants = |what: What| arguments.only.is_empty() || arguments.only.contains(&what);
    let most = if wants(What::Viewers) { arguments.viewers.iter().copied().max().unwrap_or(0) } else { 0 };
    files::allow(most.max(arguments.connections))?;
    let state = tempfile::TempDir::new().context("cannot make a folder for the shop")?;
    let mut config = Config::new(Layout::find()?, state.path().to_owned(), Ports::free()?).hosted_by(Host::Workerd);
    if let Some(most) = arguments.relay_viewers {
        config = config.with_setting("RELAY_VIEWERS_MAX", &most.to_string());
    }
    let mut stack = Stack::prepare(config)?;
    stack.migrate()?;
    stack.start_all()?;
    let worker = Worker::new(&stack)?;
    let shop = stack.addresses().shop;

    say("making products");
    let skus: Vec<String> = (0..arguments.products).map(|number| format!("stocked-{number}")).collect();
    let mut products: Vec<Value> = skus.iter().map(|sku| product(sku, PLENTY)).collect();
    products.extend([product(SOLD, arguments.sale), product(SOLD_OVER_HTTP, arguments.sale)]);
    products.extend([product(RUSHED, arguments.units), product(VIEWED, PLENTY)]);
    make(&worker, &products)?;

    let mut results = Results { products: arguments.products, ..Results::default() };
    if wants(What::Reservations) {
        say("reserving at one product");
        results.one_product = Some(reservations::run(&worker, &skus[..1], arguments.reservations)?);
        say(&format!("reserving at {} products", skus.len()));
        results.many_products = Some(reservations::run(&worker, &skus, arguments.reservations)?);
    }
    if wants(What::Sale) {
        say(&format!("selling {} units", arguments.sale));
        results.sale = Some(sale::run(&worker, SOLD, arguments.sale)?);
    }
    if wants(What::Rush) {
        say(&format!("{} buyers for {} units", arguments.buyers, arguments.units));
        let (units, buyers, connections) = (arguments.units, arguments.buyers, arguments.connections);
        let rush = buyers::run(&shop, RUSHED, buyers, connections, None)?;
        results.rush = Some(Rush { units, reserved: reserved(&worker, RUSHED)?, ..rush });
    }
    if wants(What::Viewers) {
        for count in &arguments.viewers {
            say(&format!("{count} viewers"));
            results.viewers.push(viewers::run(&worker, &shop, VIEWED, *count)?);
        }
    }
    if wants(What::SaleOverHttp) {
        say(&format!("{} buyers for {} units, for five minutes at most", arguments.sale, arguments.sale));
        let (units, connections) = (arguments.sale, arguments.connections);
        let sale = buyers::run(&shop, SOLD_OVER_HTTP, units, connections, Some(SALE_PATIENCE))?;
        results.sale_over_http = Some(Rush { units, reserved: reserved(&worker, SOLD_OVER_HTTP)?, ..sale });
    }
    Ok(results)
}

const SOLD: &str = "measured-sale";
const SOLD_OVER_HTTP: &str = "sold-over-http";
const RUSHED: &str = "rushed";
const VIEWED: &str = "viewed";

fn make(worker: &Worker, products: &[Value]) -> Result<()> {
    for batch in products.chunks(IMPORT_BATCH_MAX) {
        let report: ImportReport = worker.post(EDGE_IMPORT_PRODUCTS, &json!({"products": batch, "bulk": true}))?;
        if !report.rejected.is_empty() {
            bail!("products were refused: {:?}", report.rejected);
        }
    }
    worker.nudge(EDGE_IMPORT_FINISH)
}

/// A product whose page is found at its SKU.
fn product(sku: &str, stock: u32) -> Value {
    json!({
        "sku": sku, "title": sku, "description": "Made to be measured.", "brand": null, "category": ["Measures"],
        "price": {"amount_minor": 100_000, "currency": "NGN"}, "attributes": [], "pictures": [], "codes": [],
        "seller": "Kasuwa",
        "variants": [{"sku": sku, "options": [], "price_minor": 100_000, "stock": stock, "picture": null}],
    })
}

/// What the product's Stock object says of itself.
fn stock(worker: &Worker, sku: &str) -> Result<StockReport> {
    worker.get(&format!("{EDGE_STOCK}{sku}"))
}

/// Units that the product's only variant has promised or sold.
fn reserved(worker: &Worker, sku: &str) -> Result<u64> {
    let report = stock(worker, sku)?;
    let level = report.levels.first().context("a product without variants")?.level;
    Ok(u64::from(level.reserved) + level.committed)
}
