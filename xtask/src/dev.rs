//! `cargo xtask dev`: sets up what is missing, then runs the whole shop until it is told to stop. A part that crashes is started again.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use stack::{Config, Layout, Part, Ports, Stack};

use crate::cargo::cargo;
use crate::catalogue::{self, Seed, Target};
use crate::worker::{self, Profile};
use crate::{interrupt, progress, tools};

/// The workspace's programs that a shop on a laptop needs.
const NATIVE: [&str; 4] = ["origin", "sandbox", "importer", "index-builder"];
/// Before a crashed part is started again: doubled each time, up to the latter.
const RESTART_DELAY: Duration = Duration::from_secs(1);
const RESTART_DELAY_MAX: Duration = Duration::from_secs(30);
/// How often the edge is asked whether it answers, and how many times in a row it may not.
const ASK_EVERY: Duration = Duration::from_secs(2);
const SILENCES_MAX: u32 = 3;
/// What ran so long was not broken from the start.
const STABLE_AFTER: Duration = Duration::from_secs(60);

/// Arguments of `cargo xtask dev`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Port of the shop; origin, sandbox and debugger take the three after it
    #[arg(long, value_name = "N", default_value_t = stack::DEFAULT_PORT)]
    port: u16,
    /// Folder for all of the shop's data [default: .wrangler in the project]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Products to fill an empty shop with: a JSON Lines or CSV file, or `none` [default: a drawn catalogue]
    #[arg(long, value_name = "FILE|none")]
    products: Option<Seed>,
    /// Print one line of JSON with the addresses, and nothing else, on the standard output
    #[arg(long)]
    json: bool,
}

/// Runs the shop.
pub(crate) fn run(layout: &Layout, arguments: Arguments) -> Result<()> {
    let started = Instant::now();
    let ports = Ports::starting_at(arguments.port)?;
    // Before minutes are spent on building.
    ports.check()?;
    let seed = arguments.products.unwrap_or(Seed::Drawn);
    if let Seed::File(path) = &seed {
        anyhow::ensure!(path.is_file(), "there is no products file {}", path.display());
    }
    tools::ensure_base(layout)?;
    build_native(layout)?;
    worker::build(layout, Profile::Development)?;
    interrupt::check()?;

    let state = arguments.state.unwrap_or_else(|| layout.default_state());
    let mut config = Config::new(layout.clone(), state, ports);
    config.cancelled = interrupt::flag();
    let mut stack = Stack::prepare(config)?;
    progress::during("preparing the database", || stack.migrate())?;
    progress::during("starting sandbox, origin and edge", || stack.start_all())?;
    catalogue::announce(stack.state(), &stack.addresses())?;
    let result = fill(layout, &stack, &seed).and_then(|()| {
        tell(&stack, arguments.json, started.elapsed());
        supervise(&mut stack)
    });
    catalogue::retract(stack.state());
    eprintln!("stopping …");
    stack.stop_all();
    match result {
        // Being asked to stop is how this command ends well.
        Err(_) if interrupt::happened() => Ok(()),
        other => other,
    }
}

/// Compiles the workspace's native programs.
pub(crate) fn build_native(layout: &Layout) -> Result<()> {
    let mut command = cargo(layout.root());
    command.arg("build").args(NATIVE.iter().flat_map(|name| ["-p", *name]));
    progress::run("compiling origin, sandbox and tools", &mut command)
}

fn fill(layout: &Layout, stack: &Stack, seed: &Seed) -> Result<()> {
    let target = Target {
        layout,
        state: stack.state().to_owned(),
        address: stack.addresses().shop,
        operator_keys: stack.keys().operator_keys.clone(),
    };
    target.seed(seed).context("the shop runs, but it could not be filled")
}

fn tell(stack: &Stack, json: bool, took: Duration) {
    let addresses = stack.addresses();
    if json {
        println!("{}", catalogue::addresses_line(&addresses));
        return;
    }
    println!();
    println!("  shop     {}", addresses.shop);
    println!("  origin   {}", addresses.origin);
    println!("  sandbox  {}   (payments, e-mail and SMS of the outside world)", addresses.sandbox);
    println!();
    println!("  data and logs in {}", stack.state().display());
    println!("  ready after {:.0} s; Ctrl-C stops everything", took.as_secs_f32());
}

/// How often a part has crashed lately, and when it is due again.
#[derive(Debug, Clone, Copy)]
struct Recovery {
    started: Instant,
    delay: Duration,
    due: Option<Instant>,
    asked: Instant,
    silences: u32,
}

fn supervise(stack: &mut Stack) -> Result<()> {
    let mut recoveries = Part::ALL.map(|part| (part, Recovery::new()));
    while !interrupt::happened() {
        for (part, recovery) in &mut recoveries {
            recovery.look_after(stack, *part);
        }
        thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

impl Recovery {
    fn new() -> Self {
        Self { started: Instant::now(), delay: RESTART_DELAY, due: None, asked: Instant::now(), silences: 0 }
    }

    fn look_after(&mut self, stack: &mut Stack, part: Part) {
        let Some(due) = self.due else {
            if let Some(trouble) = self.trouble(stack, part) {
                let tail = stack.process(part).map(|process| process.tail(15)).unwrap_or_default();
                self.plan(&format!("{} {trouble}", part.name()), &tail);
            }
            return;
        };
        if Instant::now() < due {
            return;
        }
        *self = Self { delay: self.delay, ..Self::new() };
        stack.stop(part);
        match stack.start(part) {
            Ok(()) => eprintln!("{} runs again", part.name()),
            // If it ended, the next round sees that; if it only is slow, it may still get there.
            Err(error) if !interrupt::happened() => eprintln!("{error:#}"),
            Err(_) => {}
        }
    }

    /// What is wrong with a part, if anything is.
    fn trouble(&mut self, stack: &mut Stack, part: Part) -> Option<String> {
        if let Some(status) = stack.exited(part) {
            return Some(format!("stopped ({status})"));
        }
        // Wrangler stays when the runtime below it dies, so the edge has to be asked.
        if part != Part::Edge || self.asked.elapsed() < ASK_EVERY {
            return None;
        }
        self.silences = if stack.answers(part) { 0 } else { self.silences + 1 };
        self.asked = Instant::now();
        (self.silences >= SILENCES_MAX).then(|| "does not answer any more".to_owned())
    }

    fn plan(&mut self, trouble: &str, tail: &str) {
        if self.started.elapsed() > STABLE_AFTER {
            self.delay = RESTART_DELAY;
        }
        eprintln!("{trouble}; starting it again in {} s{tail}", self.delay.as_secs());
        self.due = Some(Instant::now() + self.delay);
        self.delay = (self.delay * 2).min(RESTART_DELAY_MAX);
    }
}
