//! The `importer` command. `cargo xtask import …` starts it and passes its flags through.
//!
//! Exit codes: 0 everything arrived; 1 the import failed, or an argument is wrong; 2 it is complete, but rows or pictures were
//! left out, each reported; 130 it was stopped and can be resumed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::money::Currency;
use domain::wire::{EDGE_INDEX, IndexStatus};
use importer::draft::Defaults;
use importer::import::{CHANGES_FOLLOWED_MAX, Import, Outcome};
use importer::picture::drawing::Icons;
use importer::picture::{Pictures, Wanted};
use importer::report::{Extent, Report};
use importer::resume::{Identity, Resume};
use importer::rows::Rows;
use importer::shop::{SHOP_DEFAULT, Shop};
use importer::source::Source;
use importer::{icecat, luma, seed, source};

/// How long `--wait` waits.
const WAIT_MAX: Duration = Duration::from_secs(180);

/// Brings products into a running shop. Importing the same again changes nothing.
///
/// The shop's operator keys are read from the environment variable OPERATOR_KEYS.
#[derive(Parser)]
#[command(name = "importer", version)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// A file of products: JSON Lines (one product a line) or CSV with the same columns, plain or gzipped.
    ///
    /// Columns: sku, title, description, brand, category ("A/B/C"), price (decimal), currency, attributes {name: value},
    /// images [paths beside the file or web addresses], stock, seller, variants [{sku, options{}, price, stock, image}],
    /// codes [EAN …], status (active, hidden), rating (1 to 5) with rating_count, sold, weight_grams. Only sku, title and price are
    /// required.
    Products {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        rows: RowFlags,
        /// Which pictures to bring
        #[arg(long, value_enum, default_value = "all")]
        pictures: Wanted,
        #[command(flatten)]
        common: Common,
    },
    /// The Icecat set (electronics; products.jsonl.gz).
    Icecat {
        /// Its folder
        dir: PathBuf,
        /// Which pictures to bring; the set only names pictures on the web, so that `local` draws them where icons are given
        #[arg(long, value_enum, default_value = "local")]
        pictures: Wanted,
        #[command(flatten)]
        common: Common,
    },
    /// The Luma set (clothes with pictures; products.json and img/).
    Luma {
        /// Its folder
        dir: PathBuf,
        /// Which pictures to bring
        #[arg(long, value_enum, default_value = "local")]
        pictures: Wanted,
        #[command(flatten)]
        common: Common,
    },
    /// A drawn catalogue: the same seed gives the same products, on every machine.
    Seed {
        /// How many products
        #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=seed::PRODUCTS_MAX))]
        products: u64,
        /// Which catalogue
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Which pictures to bring
        #[arg(long, value_enum, default_value = "local")]
        pictures: Wanted,
        #[command(flatten)]
        common: Common,
    },
}

/// What holds for rows that don't say otherwise.
#[derive(Args)]
struct RowFlags {
    /// Currency of prices without one
    #[arg(long, default_value = "NGN")]
    currency: Currency,
    /// Units on hand of products and variants without `stock`: a list without stock is taken for goods that are there
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=1_000_000_000))]
    stock: u32,
}

#[derive(Args)]
struct Common {
    /// The shop
    #[arg(long, default_value = SHOP_DEFAULT)]
    shop: String,
    /// Seller of products that name none
    #[arg(long, default_value = "Kasuwa")]
    seller: String,
    /// Write rejected rows and missing pictures to this file, as JSON Lines
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Where to remember how far an import has come
    #[arg(long, value_name = "DIR", default_value = ".kasuwa")]
    state: PathBuf,
    /// Start over, even where an earlier run was stopped
    #[arg(long)]
    restart: bool,
    /// Folder of the npm package @phosphor-icons/core, for drawn pictures [default: node_modules/@phosphor-icons/core, if
    /// it is there]
    #[arg(long, value_name = "DIR")]
    icons: Option<PathBuf>,
    /// Also fetch pictures from this machine and private networks
    #[arg(long)]
    allow_private: bool,
    /// What to do about the search index at the end
    #[arg(long, value_enum, default_value = "none")]
    index: IndexAfter,
    /// Synonyms that are published with an index that is compiled at the end
    #[arg(long, value_name = "FILE")]
    synonyms: Option<PathBuf>,
    /// Where search follows by itself, wait until it has, and say how long that took
    #[arg(long)]
    wait: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum IndexAfter {
    /// Start `index-builder`, which is beside this program.
    Compile,
    /// The same after an import of more than 1,000 changes, or into a shop without an index. Search follows a smaller one by itself.
    Auto,
    /// Nothing: whoever started this does it.
    None,
}

/// A source, made ready.
struct Ready {
    source: Source,
    identity: Identity,
    report: Arc<Report>,
    folder: Option<PathBuf>,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Clap would exit with 2, which here means that rows were left out.
            let failed = error.use_stderr();
            drop(error.print());
            return if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = match runtime.block_on(run(cli)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    };
    // A reader that waits for a slow disk must not hold up the end.
    runtime.shutdown_background();
    code
}

async fn run(cli: Cli) -> anyhow::Result<u8> {
    let (common, wanted) = match &cli.what {
        What::Products { common, pictures, .. }
        | What::Icecat { common, pictures, .. }
        | What::Luma { common, pictures, .. }
        | What::Seed { common, pictures, .. } => (common, *pictures),
    };
    let shop = Shop::from_environment(&common.shop)?;
    let icons = icons(common, &cli.what, wanted)?;
    let ready = open(&cli.what, common, wanted, &icons, shop.address())?;
    let report = Arc::clone(&ready.report);
    let pictures = Pictures::new(shop.clone(), wanted, ready.folder.as_deref(), icons, common.allow_private)?;
    let resume = Resume::new(&common.state, &ready.identity);
    if common.restart {
        resume.forget();
    } else if resume.acknowledged_line() > 0 {
        report.say(&format!("resuming after line {}; --restart starts over", resume.acknowledged_line()));
    }
    let import = Import { shop, pictures: Arc::new(pictures), report: Arc::clone(&report), resume };
    let outcome = import.run(ready.source, interrupted()).await;
    report.finish();
    let outcome = outcome.context("the import is not complete; run the same command again to go on from there")?;
    tell(&outcome, &import.pictures);
    if let Some(line) = outcome.stopped_at {
        println!("stopped after line {line}; run the same command again to go on from there");
        return Ok(130);
    }
    let follows = match common.index {
        IndexAfter::None => true,
        IndexAfter::Compile => false,
        IndexAfter::Auto => search_follows(&import.shop, &outcome).await?,
    };
    match common.index {
        IndexAfter::Compile | IndexAfter::Auto if !follows => compile_index(common).await?,
        IndexAfter::Auto => println!("search shows it within seconds, without compiling the index"),
        IndexAfter::Compile | IndexAfter::None => {}
    }
    if common.wait && follows {
        wait_for_search(&import.shop).await?;
    }
    Ok(if report.complaints() == (0, 0) { 0 } else { 2 })
}

fn open(what: &What, common: &Common, wanted: Wanted, icons: &Icons, address: &str) -> anyhow::Result<Ready> {
    let defaults = |rows: Option<&RowFlags>| Defaults {
        currency: rows.map_or(Currency::Usd, |rows| rows.currency),
        seller: common.seller.clone(),
        stock: rows.map_or(0, |rows| rows.stock),
    };
    let identity = |kind: &str| Identity::new(kind, address).with(&common.seller).with(&format!("{wanted:?}"));
    let report = |extent: &Extent| -> anyhow::Result<Arc<Report>> {
        let report =
            Report::new(extent.clone(), common.report.as_deref()).context("the report file cannot be written")?;
        Ok(Arc::new(report))
    };
    match what {
        What::Products { file, rows, .. } => {
            let defaults = defaults(Some(rows));
            let identity = identity("products").with(defaults.currency.code()).with(&defaults.stock.to_string());
            let read = Arc::new(AtomicU64::new(0));
            let opened = Rows::open(file, Arc::clone(&read))?;
            let total = std::fs::metadata(file).with_context(|| file.display().to_string())?.len();
            let extent = Extent::Bytes { total, read };
            let report = report(&extent)?;
            let teller = Arc::clone(&report);
            let source = source::of_rows(opened, defaults, move |notice| teller.say(&notice));
            let folder = file.parent().map(|folder| if folder == Path::new("") { Path::new(".") } else { folder });
            let identity = identity.with_file(file)?;
            Ok(Ready { source, identity, report, folder: folder.map(Path::to_owned) })
        }
        What::Icecat { dir, .. } => {
            let options = icecat::Options {
                defaults: defaults(None),
                web_pictures: wanted == Wanted::All,
                draw: wanted != Wanted::None && !icons.is_empty(),
            };
            let path = dir.join(icecat::FILE);
            let (source, count) =
                icecat::open(dir, options).with_context(|| format!("cannot read {}", path.display()))?;
            let extent = Extent::Products(count);
            Ok(Ready { source, identity: identity("icecat").with_file(&path)?, report: report(&extent)?, folder: None })
        }
        What::Luma { dir, .. } => {
            let (source, count) = luma::open(dir, defaults(None))?;
            let extent = Extent::Products(count);
            let identity = identity("luma").with_file(&dir.join(luma::FILE))?;
            Ok(Ready { source, identity, report: report(&extent)?, folder: Some(dir.clone()) })
        }
        What::Seed { products, seed, .. } => {
            let extent = Extent::Products(*products);
            let identity = identity("seed").with(&format!("{seed}/{products}"));
            let source = seed::open(*seed, *products);
            Ok(Ready { source, identity, report: report(&extent)?, folder: None })
        }
    }
}

/// The icons: those asked for, or npm's if they are there. Only drawn catalogues miss them.
fn icons(common: &Common, what: &What, wanted: Wanted) -> anyhow::Result<Icons> {
    let draws = matches!(what, What::Seed { .. } | What::Icecat { .. }) && wanted != Wanted::None;
    match &common.icons {
        _ if !draws => Ok(Icons::default()),
        Some(folder) => Icons::open(folder).map_err(anyhow::Error::msg),
        None => {
            match std::env::current_dir()?.ancestors().map(|folder| folder.join(Icons::FOLDER)).find(|it| it.is_dir()) {
                Some(folder) => Icons::open(&folder).map_err(anyhow::Error::msg),
                None => {
                    if matches!(what, What::Seed { .. }) {
                        eprintln!(
                            "pictures are drawn without icons: there is no {} here (npm ci brings it)",
                            Icons::FOLDER
                        );
                    }
                    Ok(Icons::default())
                }
            }
        }
    }
}

async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without the signal there is nothing to wait for, and the import just runs.
        std::future::pending::<()>().await;
    }
    eprintln!("stopping: what is on its way will arrive first");
}

fn tell(outcome: &Outcome, pictures: &Pictures) {
    let Outcome { created, updated, unchanged, restocked, stock_kept, rejected, resumed, took, .. } = outcome;
    let products = created + updated + unchanged;
    let seconds = took.as_secs_f64().max(0.001);
    let mut text = format!("{created} created, {updated} updated, {unchanged} unchanged, {rejected} rejected");
    if *resumed > 0 {
        text.push_str(&format!(", {resumed} brought before"));
    }
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let tally = &pictures.tally;
    let (stored, there, failed) = (count(&tally.stored), count(&tally.there), count(&tally.failed));
    text.push_str(&format!("; pictures: {stored} stored, {there} there already, {failed} missing"));
    if count(&tally.passed_over) > 0 {
        text.push_str(&format!(", {} web addresses passed over", count(&tally.passed_over)));
    }
    if *restocked > 0 {
        text.push_str(&format!("; {restocked} with another stock than before"));
    }
    println!("{text}; {seconds:.1} s, {:.0} products/s", products as f64 / seconds);
    if *stock_kept > 0 {
        let (products, have) = if *stock_kept == 1 { ("product", "has") } else { ("products", "have") };
        println!(
            "{stock_kept} {products} {have} another stock in the file than before, which was left alone: of them something was sold or \
             moved, and the shop counts itself. Use `cargo xtask stock SKU count N --reason …`, or `… receive N`"
        );
    }
}

/// Whether search follows the import by itself.
async fn search_follows(shop: &Shop, outcome: &Outcome) -> anyhow::Result<bool> {
    if outcome.created + outcome.updated + outcome.restocked > CHANGES_FOLLOWED_MAX {
        return Ok(false);
    }
    let status: IndexStatus = shop.get(EDGE_INDEX).await?;
    Ok(!status.version.is_empty())
}

/// Waits until search has every change that there is now.
async fn wait_for_search(shop: &Shop) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut wanted = None;
    loop {
        let status: IndexStatus = shop.get(EDGE_INDEX).await?;
        let wanted = *wanted.get_or_insert(status.last_seq);
        if status.catalogue_seq >= wanted {
            println!("search shows it after {:.1} s", started.elapsed().as_secs_f64());
            return Ok(());
        }
        if started.elapsed() > WAIT_MAX {
            bail!("search has not followed in {} s: {} products wait", WAIT_MAX.as_secs(), status.pending);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn compile_index(common: &Common) -> anyhow::Result<()> {
    let program = std::env::current_exe()?.with_file_name(format!("index-builder{}", std::env::consts::EXE_SUFFIX));
    if !program.is_file() {
        bail!("{} is not there: build it, or compile the index yourself and give --index none", program.display());
    }
    let mut command = tokio::process::Command::new(&program);
    command.args(["compile", "--shop", &common.shop]);
    if let Some(file) = &common.synonyms {
        command.arg("--synonyms").arg(file);
    }
    let status = command.status().await?;
    if status.success() { Ok(()) } else { bail!("index-builder failed: {status}") }
}
