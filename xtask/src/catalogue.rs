//! Catalogues into a running shop: calls `importer` and `index-builder`, with the keys of that shop. Knows no format itself.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::stderr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use stack::{Addresses, Keys, Layout, Ports};

use crate::cargo::cargo;
use crate::{interrupt, progress};

/// How many products a new shop is seeded with. Enough to fill every page; drawn in seconds.
const SEED_PRODUCTS: &str = "600";
/// The operator's synonyms, in the project's folder.
const SYNONYMS: &str = "synonyms.txt";
/// The same seed draws the same catalogue.
const SEED: &str = "1";

/// Arguments of `cargo xtask import`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
  cargo xtask import products FILE      JSON Lines or CSV, plain or gzipped
  cargo xtask import icecat DIR         the Icecat set
  cargo xtask import luma DIR           the Luma set
  cargo xtask import seed --products N  a drawn catalogue

Further options are the importer's: see `cargo xtask import products --help`.
--shop URL names the shop [default: the one that `cargo xtask dev` runs], --state DIR a local
shop's folder, which has its keys unless OPERATOR_KEYS is set.")]
pub(crate) struct ImportArguments {
    /// What to read (products, icecat, luma, seed), from where, and how
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "SOURCE")]
    words: Vec<String>,
}

/// Arguments of `cargo xtask index`.
#[derive(Debug, clap::Args)]
pub(crate) struct IndexArguments {
    #[command(flatten)]
    shop: ShopArguments,
    /// Say how far search has come, as JSON, and change nothing
    #[arg(long, conflicts_with = "synonyms_only")]
    status: bool,
    /// Publish the synonyms of a file, and compile nothing
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = SYNONYMS)]
    synonyms_only: Option<PathBuf>,
}

/// Arguments of `cargo xtask queries`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Nobody's name is kept, so a visitor is counted by what the shop's servers saw: the same question of one visitor counts once a
day, however often it is asked. Questions are written down within some seconds; what looks like somebody's address,
telephone or card number never is. Shoppers are shown a question as popular after it came three times.")]
pub(crate) struct QueriesArguments {
    #[command(flatten)]
    shop: ShopArguments,
    /// Of how many days, today included
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=90))]
    days: u32,
}

/// Arguments of `cargo xtask stock`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
  cargo xtask stock SKU                                   counts and history
  cargo xtask stock SKU receive 40                        a delivery came
  cargo xtask stock SKU adjust -2 --reason \"stolen\"      the books were wrong
  cargo xtask stock SKU count 37 --reason \"stocktaking\"  so many are there
  cargo xtask stock SKU write-off 1 --reason \"fell\"      damaged or lost
  cargo xtask stock SKU take-back CHECKOUT 1 --reason \"did not fit\"

--shop URL and --state DIR name the shop, as for `cargo xtask import`.")]
pub(crate) struct StockArguments {
    /// The variant, and what happened to it
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "SKU")]
    words: Vec<String>,
}

/// Arguments of `cargo xtask orders`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
  cargo xtask orders show ORDER                              what was bought, how it was paid, what goes back
  cargo xtask orders refund ORDER --reason \"did not fit\"    gives back all that is left of it
                   [--line SKU=N]... [--delivery]            or only that part
                   [--no-restock]                            and the goods cannot be sold again
  cargo xtask orders retry ORDER REFUND                      tries one that failed once more
  cargo xtask orders settle ORDER REFUND                     it went back by another way
  cargo xtask orders troubles                                everything that needs a person
  cargo xtask orders resend MESSAGE                          sends a message again that is stuck
  cargo xtask orders restate                                 builds the edge's lists of orders anew, from nothing

--shop URL and --state DIR name the shop, as for `cargo xtask import`.")]
pub(crate) struct OrdersArguments {
    /// What to do, and with which order
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORDS")]
    words: Vec<String>,
}

/// Arguments of `cargo xtask books`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
  cargo xtask books balances                                 what every account holds
  cargo xtask books statement SELLER                         what a seller earned, gave back and was paid
                   [--from 2026-11-01] [--to 2026-11-30]     in that time, both days included
  cargo xtask books statement gateway:paystack               any other account
  cargo xtask books ledger [--to 2026-11-30]                 every entry

--csv prints what a spreadsheet opens, --json what a program reads. --shop URL and --state DIR name the shop, as for
`cargo xtask import`.")]
pub(crate) struct BooksArguments {
    /// What to show
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORDS")]
    words: Vec<String>,
}

/// Arguments of `cargo xtask payouts`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
  cargo xtask payouts run [--until 2026-11-30]               takes what is due from every balance, to be sent by hand
                   [--transfer]                              or transferred by Paystack
                   [--least 100000]                          but nothing under so many kobo
  cargo xtask payouts list [--run RUN]                       the newest, or those of a run
  cargo xtask payouts show PAYOUT                            one
  cargo xtask payouts export RUN                             the file to be sent by hand (CSV)
  cargo xtask payouts mark-paid PAYOUT                       it was sent
  cargo xtask payouts return PAYOUT                          it came back, and is owed again
  cargo xtask payouts bank                                   where sellers are paid to
  cargo xtask payouts bank SELLER --bank 058 --holder \"Ada Obi\" < NUMBER
                   [--currency NGN]                          says where one is

--shop URL and --state DIR name the shop, as for `cargo xtask import`.")]
pub(crate) struct PayoutsArguments {
    /// What to do
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORDS")]
    words: Vec<String>,
}

/// Arguments of `cargo xtask sale`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
  cargo xtask sale set FILE      makes the sale in FILE (JSON) be so; the same again changes nothing
  cargo xtask sale list          every sale
  cargo xtask sale show SLUG     one, and how many have joined
  cargo xtask sale cancel SLUG   nobody joins or is let in any more
  cargo xtask sale verify SLUG   checks the draw from what the shop publishes; needs no keys
  cargo xtask sale help set      what FILE says

--shop URL and --state DIR name the shop, as for `cargo xtask import`.")]
pub(crate) struct SaleArguments {
    /// What to do, and with which sale
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORDS")]
    words: Vec<String>,
}

/// Arguments of `cargo xtask pricing`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
  cargo xtask pricing set FILE      makes taxes, delivery and promotions be what FILE says
  cargo xtask pricing show          what they are, as such a file
  cargo xtask pricing help set      what FILE says

--shop URL and --state DIR name the shop, as for `cargo xtask import`.")]
pub(crate) struct PricingArguments {
    /// What to do
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORDS")]
    words: Vec<String>,
}

/// Which shop.
#[derive(Debug, clap::Args)]
struct ShopArguments {
    /// Address of the shop [default: the one that `cargo xtask dev` runs]
    #[arg(long, value_name = "URL")]
    shop: Option<String>,
    /// Folder of a local shop's data, which has its keys unless OPERATOR_KEYS is set
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

/// A shop that takes catalogues: where it is, and the keys that let us in.
pub(crate) struct Target<'a> {
    /// The project.
    pub(crate) layout: &'a Layout,
    /// Where a local shop has its data, and imports remember how far they came.
    pub(crate) state: PathBuf,
    /// The shop's address.
    pub(crate) address: String,
    /// A keyring that the shop knows as its operator's.
    pub(crate) operator_keys: String,
}

/// What `cargo xtask dev` fills an empty shop with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seed {
    /// A drawn catalogue.
    Drawn,
    /// The products of a file.
    File(PathBuf),
    /// Nothing.
    Nothing,
}

impl std::str::FromStr for Seed {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if text == "none" { Self::Nothing } else { Self::File(text.into()) })
    }
}

/// `cargo xtask import`.
pub(crate) fn import(layout: &Layout, arguments: ImportArguments) -> Result<()> {
    let mut words = arguments.words;
    build(layout)?;
    if words.iter().any(|word| word == "--help" || word == "-h") {
        return foreground("importing", Command::new(layout.program("importer")).args(words));
    }
    let shop = ShopArguments {
        shop: take_option(&mut words, "--shop")?,
        state: take_option(&mut words, "--state")?.map(PathBuf::from),
    };
    let target = shop.target(layout)?;
    // A small import is left to the shop, which follows it by itself.
    words.extend(["--index".to_owned(), "auto".to_owned()]);
    target.import(words)
}

/// `cargo xtask stock`.
pub(crate) fn stock(layout: &Layout, arguments: StockArguments) -> Result<()> {
    operator_tool(layout, "stock", arguments.words)
}

/// `cargo xtask orders`.
pub(crate) fn orders(layout: &Layout, arguments: OrdersArguments) -> Result<()> {
    operator_tool(layout, "orders", arguments.words)
}

/// `cargo xtask books`.
pub(crate) fn books(layout: &Layout, arguments: BooksArguments) -> Result<()> {
    operator_tool(layout, "books", arguments.words)
}

/// `cargo xtask payouts`.
pub(crate) fn payouts(layout: &Layout, arguments: PayoutsArguments) -> Result<()> {
    operator_tool(layout, "payouts", arguments.words)
}

/// `cargo xtask pricing`.
pub(crate) fn pricing(layout: &Layout, arguments: PricingArguments) -> Result<()> {
    operator_tool(layout, "pricing", arguments.words)
}

/// `cargo xtask sale`.
pub(crate) fn sale(layout: &Layout, arguments: SaleArguments) -> Result<()> {
    let mut words = arguments.words;
    if words.first().is_none_or(|word| word != "verify") {
        return operator_tool(layout, "sale", words);
    }
    // What everybody may check needs no keys.
    let shop = ShopArguments::among(&mut words)?;
    build(layout)?;
    let address = shop.address(&shop.state(layout))?;
    told(Command::new(layout.program("sale")).args(words).args(["--shop", &address]))
}

/// One of the importer's small programs, with these words and the shop that they name.
fn operator_tool(layout: &Layout, program: &str, mut words: Vec<String>) -> Result<()> {
    let shop = ShopArguments::among(&mut words)?;
    build(layout)?;
    if words.iter().any(|word| matches!(word.as_str(), "help" | "--help" | "-h")) {
        return told(Command::new(layout.program(program)).args(words));
    }
    let target = shop.target(layout)?;
    told(target.program(program).args(words).args(["--shop", &target.address]))
}

/// Takes `name VALUE` or `name=VALUE` out of `words`.
fn take_option(words: &mut Vec<String>, name: &str) -> Result<Option<String>> {
    let Some(index) = words.iter().position(|word| word.split('=').next() == Some(name)) else { return Ok(None) };
    let word = words.remove(index);
    if let Some((_, value)) = word.split_once('=') {
        return Ok(Some(value.to_owned()));
    }
    ensure!(index < words.len(), "{name} needs a value");
    Ok(Some(words.remove(index)))
}

/// `cargo xtask index`.
pub(crate) fn index(layout: &Layout, arguments: &IndexArguments) -> Result<()> {
    let target = arguments.shop.target(layout)?;
    build(layout)?;
    if arguments.status {
        return told(target.program("index-builder").args(["status", "--shop", &target.address]));
    }
    match &arguments.synonyms_only {
        Some(file) => {
            // The usual list is the project's, wherever this is called.
            let file = if file.as_os_str() == SYNONYMS { layout.root().join(SYNONYMS) } else { file.clone() };
            let mut command = target.program("index-builder");
            foreground("publishing synonyms", command.args(["synonyms", "--shop", &target.address]).arg(file))
        }
        None => target.compile_index(),
    }
}

/// `cargo xtask queries`.
pub(crate) fn queries(layout: &Layout, arguments: &QueriesArguments) -> Result<()> {
    let target = arguments.shop.target(layout)?;
    build(layout)?;
    let days = arguments.days.to_string();
    told(target.program("index-builder").args(["queries", "--days", &days, "--shop", &target.address]))
}

/// Runs a command whose standard output is what was asked for.
fn told(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("cannot start {program}"))?;
    ensure!(status.success(), "{program} failed ({status}); see above");
    Ok(())
}

fn build(layout: &Layout) -> Result<()> {
    let mut command = cargo(layout.root());
    command.args(["build", "-p", "importer", "-p", "index-builder"]);
    progress::run("compiling the importer and the index builder", &mut command)
}

impl ShopArguments {
    /// Those among a command's words, which are taken out.
    fn among(words: &mut Vec<String>) -> Result<Self> {
        Ok(Self { shop: take_option(words, "--shop")?, state: take_option(words, "--state")?.map(PathBuf::from) })
    }

    fn state(&self, layout: &Layout) -> PathBuf {
        self.state.clone().unwrap_or_else(|| layout.default_state())
    }

    fn address(&self, state: &Path) -> Result<String> {
        Ok(match &self.shop {
            Some(address) => address.trim_end_matches('/').to_owned(),
            None => running(state).unwrap_or(Ports::starting_at(stack::DEFAULT_PORT)?.addresses().shop),
        })
    }

    fn target<'a>(&self, layout: &'a Layout) -> Result<Target<'a>> {
        let state = self.state(layout);
        let address = self.address(&state)?;
        let operator_keys = match env::var("OPERATOR_KEYS") {
            Ok(keys) if !keys.is_empty() => keys,
            Ok(_) | Err(_) => {
                let file = state.join("keys.json");
                ensure!(
                    file.is_file(),
                    "there are no keys for {address}: set OPERATOR_KEYS to the shop's, or start one here with `cargo xtask dev`"
                );
                Keys::load_or_make(&file)?.operator_keys
            }
        };
        Ok(Target { layout, state, address, operator_keys })
    }
}

impl Target<'_> {
    /// Fills the shop, then compiles its index. Skipped if its folder remembers that this was done.
    pub(crate) fn seed(&self, seed: &Seed) -> Result<()> {
        let memory = self.state.join("seeded.json");
        let before: Option<Value> = fs::read_to_string(&memory).ok().and_then(|text| serde_json::from_str(&text).ok());
        let what = match seed {
            Seed::Nothing => return Ok(()),
            // Whatever it was filled with, it is not empty.
            Seed::Drawn if before.is_some() => return Ok(()),
            Seed::Drawn => json!({"drawn": SEED_PRODUCTS, "seed": SEED}),
            Seed::File(path) => describe(path)?,
        };
        if before.as_ref() == Some(&what) {
            return Ok(());
        }
        match seed {
            Seed::File(path) => self.import(["products".into(), path.display().to_string()])?,
            Seed::Drawn | Seed::Nothing => {
                self.import(["seed", "--products", SEED_PRODUCTS, "--seed", SEED].map(String::from))?;
            }
        }
        self.compile_index()?;
        fs::write(&memory, format!("{what:#}\n")).with_context(|| format!("cannot write {}", memory.display()))
    }

    fn compile_index(&self) -> Result<()> {
        let mut command = self.program("index-builder");
        command.args(["compile", "--shop", &self.address]).args(self.synonyms());
        foreground("compiling the index", &mut command)
    }

    /// The operator's synonyms, for whoever compiles an index.
    fn synonyms(&self) -> Vec<OsString> {
        let file = self.layout.root().join(SYNONYMS);
        if file.is_file() { vec!["--synonyms".into(), file.into()] } else { Vec::new() }
    }

    fn import(&self, words: impl IntoIterator<Item = String>) -> Result<()> {
        let mut command = self.program("importer");
        command.args(words).args(["--shop", &self.address, "--state"]).arg(self.state.join("imports"));
        // The importer looks for them where it runs, which is where the user is.
        command.arg("--icons").arg(self.layout.root().join("node_modules/@phosphor-icons/core"));
        command.args(self.synonyms());
        foreground("importing", &mut command)
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.layout.program(name));
        // Paths stay relative to where the user is.
        command.env("OPERATOR_KEYS", &self.operator_keys);
        command
    }
}

/// What a file is, without reading all of it: another size or time of change is another catalogue.
fn describe(path: &Path) -> Result<Value> {
    let full = path.canonicalize().with_context(|| format!("cannot find the products file {}", path.display()))?;
    let about = full.metadata().with_context(|| format!("cannot read {}", full.display()))?;
    let changed = about.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(json!({"file": full.display().to_string(), "bytes": about.len(), "changed_ms": changed.as_millis() as u64}))
}

/// Runs a command that tells of its progress itself. Our standard output stays clean.
fn foreground(what: &str, command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(stderr())
        .spawn()
        .with_context(|| format!("{what}: cannot start {program}"))?;
    let mut asked = None;
    loop {
        if let Some(status) = child.try_wait().with_context(|| format!("cannot wait for {program}"))? {
            interrupt::check()?;
            // The importer's word for "all done, but some rows were refused": it has told which.
            if status.success() || status.code() == Some(2) && what == "importing" {
                return Ok(());
            }
            bail!("{what} failed ({status}); see above");
        }
        if interrupt::happened() {
            // On a terminal it heard Ctrl-C too, and may want to remember how far it came.
            let since = *asked.get_or_insert_with(Instant::now);
            if since.elapsed() > Duration::from_secs(3) {
                drop(child.kill());
            }
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Lets `cargo xtask import` find a shop that runs with its data in `state`.
pub(crate) fn announce(state: &Path, addresses: &Addresses) -> Result<()> {
    let file = state.join("running.json");
    fs::write(&file, addresses_line(addresses)).with_context(|| format!("cannot write {}", file.display()))
}

/// Takes [`announce`] back.
pub(crate) fn retract(state: &Path) {
    // It only helps to find the shop; an old one leads to a plain "refused".
    drop(fs::remove_file(state.join("running.json")));
}

/// `{"shop":…,"origin":…,"sandbox":…}` in one line.
pub(crate) fn addresses_line(addresses: &Addresses) -> String {
    let Addresses { shop, origin, sandbox } = addresses;
    // By hand, since the order of the names is part of what is promised.
    format!("{{\"shop\":{},\"origin\":{},\"sandbox\":{}}}", json!(shop), json!(origin), json!(sandbox))
}

fn running(state: &Path) -> Option<String> {
    let value: Value = serde_json::from_str(&fs::read_to_string(state.join("running.json")).ok()?).ok()?;
    value["shop"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shop_is_taken_out_of_the_importers_words() {
        let mut words: Vec<String> = ["products", "--shop", "http://a", "file", "--state=dir"].map(String::from).into();
        assert_eq!(take_option(&mut words, "--shop").unwrap().as_deref(), Some("http://a"));
        assert_eq!(take_option(&mut words, "--state").unwrap().as_deref(), Some("dir"));
        assert_eq!(take_option(&mut words, "--seller").unwrap(), None);
        assert_eq!(words, ["products", "file"]);
        let mut words = vec!["--shop".to_owned()];
        assert!(take_option(&mut words, "--shop").is_err());
    }

    #[test]
    fn the_addresses_are_one_line_of_json_in_the_promised_order() {
        let line = addresses_line(&Ports::starting_at(8787).unwrap().addresses());
        let expected =
            r#"{"shop":"http://127.0.0.1:8787","origin":"http://127.0.0.1:8788","sandbox":"http://127.0.0.1:8789"}"#;
        assert_eq!(line, expected);
    }
}
