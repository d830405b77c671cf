//! The shop's three processes and what each needs to know of the others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::http;
use crate::keys::Keys;
use crate::layout::Layout;
use crate::ports::{Addresses, Ports, socket};
use crate::process::Process;
use crate::wrangler;

/// The shop's port unless told otherwise.
pub const DEFAULT_PORT: u16 = 8787;

/// How long a part may take to answer for the first time. Generous: a busy machine is not a broken shop.
const READY_PATIENCE: Duration = Duration::from_secs(90);

/// One of the shop's processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The outside world: payment gateways, mail, SMS.
    Sandbox,
    /// Orders and payments.
    Origin,
    /// The Worker, in wrangler.
    Edge,
}

impl Part {
    /// All of them, in the order in which they need each other.
    pub const ALL: [Self; 3] = [Self::Sandbox, Self::Origin, Self::Edge];

    /// Name for people, and of the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Origin => "origin",
            Self::Edge => "edge",
        }
    }

    fn index(self) -> usize {
        match self {
            Self::Sandbox => 0,
            Self::Origin => 1,
            Self::Edge => 2,
        }
    }
}

/// What the Worker runs in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Host {
    /// `wrangler dev`: builds again when the source changes.
    #[default]
    Wrangler,
    /// workerd without wrangler's proxy in front: for load and for measuring.
    Workerd,
}

/// What makes one shop different from another on the same machine.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the project is.
    pub layout: Layout,
    /// Where all the shop's data goes.
    pub state: PathBuf,
    /// Where it listens.
    pub ports: Ports,
    /// What the Worker runs in.
    pub host: Host,
    /// Whether origin and sandbox are the optimised ones, for measuring.
    pub optimised: bool,
    /// More environment variables for a part, such as shorter intervals for a test. The later wins.
    pub environment: Vec<(Part, String, String)>,
    /// Settings of the Worker that differ from `wrangler.toml`'s.
    pub settings: Vec<(String, String)>,
    /// Set from elsewhere to give up waiting for a part.
    pub cancelled: Arc<AtomicBool>,
}

impl Config {
    /// A shop with nothing special.
    pub fn new(layout: Layout, state: PathBuf, ports: Ports) -> Self {
        let (environment, settings) = (Vec::new(), Vec::new());
        let (host, cancelled) = (Host::default(), Arc::default());
        Self { layout, state, ports, host, optimised: false, environment, settings, cancelled }
    }

    /// Runs the Worker in something else than `wrangler dev`.
    #[must_use]
    pub fn hosted_by(self, host: Host) -> Self {
        Self { host, ..self }
    }

    /// Runs origin and sandbox as `cargo build --release` leaves them.
    #[must_use]
    pub fn optimised(self) -> Self {
        Self { optimised: true, ..self }
    }

    /// A native program of this shop.
    fn program(&self, name: &str) -> PathBuf {
        if self.optimised { self.layout.release_program(name) } else { self.layout.program(name) }
    }

    /// Adds an environment variable for a part.
    #[must_use]
    pub fn with(mut self, part: Part, name: &str, value: &str) -> Self {
        self.environment.push((part, name.to_owned(), value.to_owned()));
        self
    }

    /// Which of Flutterwave's interfaces the origin speaks; the sandbox offers both. Set with
    /// `with(Part::Origin, "FLUTTERWAVE_VERSION", "v4")`, and the base URL follows.
    fn flutterwave_version(&self) -> &str {
        let set = |(part, name, _): &&(Part, String, String)| *part == Part::Origin && name == "FLUTTERWAVE_VERSION";
        self.environment.iter().rev().find(set).map_or("v3", |(_, _, version)| version)
    }

    /// Runs the Worker with another value of one of its settings.
    #[must_use]
    pub fn with_setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A shop on this machine. Dropping it stops all of it.
#[derive(Debug)]
pub struct Stack {
    config: Config,
    keys: Keys,
    running: [Option<Process>; 3],
}

impl Stack {
    /// Checks that the ports are free and everything is built, and makes the state folder with its keys. Starts nothing.
    pub fn prepare(mut config: Config) -> Result<Self> {
        fs::create_dir_all(&config.state).with_context(|| format!("cannot make {}", config.state.display()))?;
        config.state =
            config.state.canonicalize().with_context(|| format!("cannot find {}", config.state.display()))?;
        config.ports.check()?;
        let programs = [config.program("sandbox"), config.program("origin"), config.layout.program("xtask")];
        for program in programs {
            ensure!(
                program.is_file(),
                "{} is missing: `cargo xtask dev` and `cargo xtask test` build it",
                program.display()
            );
        }
        let wrangler = config.layout.npm_program("wrangler");
        ensure!(wrangler.is_file(), "{} is missing: run `npm ci` first", wrangler.display());
        let worker = config.layout.root().join("edge/build/index.js");
        ensure!(worker.is_file(), "{} is missing: run `cargo xtask worker` first", worker.display());
        let keys = Keys::load_or_make(&config.state.join("keys.json"))?;
        let stack = Self { config, keys, running: [None, None, None] };
        for part in Part::ALL {
            // Logs tell of one run. A missing one is as good as a removed one.
            drop(fs::remove_file(stack.log(part)));
        }
        Ok(stack)
    }

    /// Brings the edge's database up to date. The origin does so by itself when it starts.
    pub fn migrate(&self) -> Result<()> {
        wrangler::migrate(&self.config.layout, &self.config.state)
    }

    /// Starts all parts at once and waits until each answers.
    pub fn start_all(&mut self) -> Result<()> {
        for part in Part::ALL {
            self.launch(part)?;
        }
        Part::ALL.into_iter().try_for_each(|part| self.wait(part))
    }

    /// Starts one part, which must not be running, and waits until it answers.
    pub fn start(&mut self, part: Part) -> Result<()> {
        self.launch(part)?;
        self.wait(part)
    }

    /// Starts one part, which must not be running, without waiting for it.
    pub fn launch(&mut self, part: Part) -> Result<()> {
        ensure!(self.exited(part).is_some() || self.process(part).is_none(), "{} is already running", part.name());
        // The rest of a crashed group must be gone before its successor takes the port.
        self.running[part.index()] = None;
        let mut command = match part {
            Part::Sandbox => self.sandbox_command(),
            Part::Origin => self.origin_command(),
            Part::Edge => self.edge_command()?,
        };
        let more = self.config.environment.iter().filter(|(of, ..)| *of == part);
        command.envs(more.map(|(_, name, value)| (name, value)));
        let log = self.log(part);
        self.running[part.index()] = Some(Process::start(part.name(), &mut command, &log)?);
        Ok(())
    }

    /// Waits until a part answers `GET /healthz` with 200.
    pub fn wait(&mut self, part: Part) -> Result<()> {
        let cancelled = Arc::clone(&self.config.cancelled);
        let address = socket(self.port(part));
        let process = self.running[part.index()].as_mut().with_context(|| format!("{} is not running", part.name()))?;
        process.wait_healthy(address, "/healthz", READY_PATIENCE, &|| cancelled.load(Ordering::Relaxed))
    }

    /// Whether a part answers `GET /healthz` with 200 within two seconds.
    pub fn answers(&self, part: Part) -> bool {
        http::get_status(socket(self.port(part)), "/healthz", Duration::from_secs(2)).is_ok_and(|code| code == 200)
    }

    /// Kills a part at once, as a crash or a power cut would.
    pub fn kill(&mut self, part: Part) {
        if let Some(mut process) = self.running[part.index()].take() {
            process.kill();
        }
    }

    /// Asks a part to stop, and waits until it has.
    pub fn stop(&mut self, part: Part) {
        if let Some(mut process) = self.running[part.index()].take() {
            process.stop();
        }
    }

    /// Stops everything, all parts at the same time.
    pub fn stop_all(&mut self) {
        for process in self.running.iter_mut().flatten() {
            process.ask_to_stop();
        }
        for part in Part::ALL {
            self.stop(part);
        }
    }

    /// How a part ended, if it was started and has ended by itself.
    pub fn exited(&mut self, part: Part) -> Option<ExitStatus> {
        self.running[part.index()].as_mut().and_then(Process::exited)
    }

    /// A part's process, while it is started.
    pub fn process(&self, part: Part) -> Option<&Process> {
        self.running[part.index()].as_ref()
    }

    /// Where browsers and programs reach the parts.
    pub fn addresses(&self) -> Addresses {
        self.config.ports.addresses()
    }

    /// The shop's secrets.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Where all its data is, as an absolute path.
    pub fn state(&self) -> &Path {
        &self.config.state
    }

    /// File that takes a part's output.
    pub fn log(&self, part: Part) -> PathBuf {
        self.config.state.join("logs").join(part.name()).with_extension("log")
    }

    /// The origin's SQLite file.
    pub fn origin_database(&self) -> PathBuf {
        self.config.state.join("origin.sqlite")
    }

    fn port(&self, part: Part) -> u16 {
        match part {
            Part::Sandbox => self.config.ports.sandbox,
            Part::Origin => self.config.ports.origin,
            Part::Edge => self.config.ports.shop,
        }
    }

    fn native(&self, part: Part) -> Command {
        let mut command = Command::new(self.config.program(part.name()));
        command.current_dir(self.config.layout.root()).env("PAYSTACK_SECRET_KEY", &self.keys.paystack_secret_key);
        command.envs(self.keys.gateways.iter().map(|(name, key)| (name, key)));
        command
    }

    fn sandbox_command(&self) -> Command {
        let mut command = self.native(Part::Sandbox);
        command
            .env("SANDBOX_LISTEN", socket(self.config.ports.sandbox).to_string())
            .env("SANDBOX_STATE", self.config.state.join("sandbox.jsonl"))
            .env("SANDBOX_WEBHOOKS_URL", format!("{}/webhooks", self.addresses().origin));
        command
    }

    fn origin_command(&self) -> Command {
        let mut command = self.native(Part::Origin);
        let addresses = self.addresses();
        let flutterwave = self.config.flutterwave_version();
        command
            .env("ORIGIN_LISTEN", socket(self.config.ports.origin).to_string())
            .env("DATABASE_URL", format!("sqlite:{}?mode=rwc", self.origin_database().display()))
            .env("EDGE_URL", &addresses.shop)
            .env("EDGE_ORIGIN_KEYS", &self.keys.edge_origin_keys)
            .env("BANK_DETAILS_KEYS", &self.keys.bank_details_keys)
            .env("PAYSTACK_BASE_URL", format!("{}/paystack", addresses.sandbox))
            .env("FLUTTERWAVE_VERSION", flutterwave)
            .env("FLUTTERWAVE_BASE_URL", format!("{}/flutterwave/{flutterwave}", addresses.sandbox))
            .env("FLUTTERWAVE_TOKEN_URL", format!("{}/flutterwave/token", addresses.sandbox))
            .env("MONNIFY_BASE_URL", format!("{}/monnify", addresses.sandbox))
            .env("STRIPE_BASE_URL", format!("{}/stripe", addresses.sandbox));
        command
    }

    fn edge_command(&self) -> Result<Command> {
        let state = &self.config.state;
        wrangler::write_settings(state, &self.keys, &self.addresses(), &self.config.settings)?;
        Ok(match self.config.host {
            Host::Wrangler => wrangler::dev(&self.config.layout, state, self.config.ports),
            Host::Workerd => wrangler::workerd(&self.config.layout, state, self.config.ports),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_speaks_flutterwaves_third_interface_unless_told_otherwise() {
        let config = Config::new(Layout::find().unwrap(), PathBuf::new(), Ports::free().unwrap());
        assert_eq!(config.flutterwave_version(), "v3");
        let config = config.with(Part::Sandbox, "FLUTTERWAVE_VERSION", "v5");
        let config = config.with(Part::Origin, "FLUTTERWAVE_VERSION", "v4");
        assert_eq!(config.flutterwave_version(), "v4");
    }
}
