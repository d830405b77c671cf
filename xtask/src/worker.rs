//! `cargo xtask worker`: compiles the Worker and its assets into `edge/build`, where wrangler looks. Does nothing when nothing changed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use stack::{Fingerprint, Layout, UNDER_STACK};

use crate::cargo::{cargo, program};
use crate::tools::{self, WorkerTools};
use crate::{assets, progress, release};

/// Everything that goes into the Worker.
const SOURCES: [&str; 12] = [
    "Cargo.lock",
    "Cargo.toml",
    "domain/Cargo.toml",
    "domain/src",
    "edge/Cargo.toml",
    "edge/assets",
    "edge/build.rs",
    "edge/src",
    "migrations/durable",
    "package-lock.json",
    "search/Cargo.toml",
    "search/src",
];

/// Arguments of `cargo xtask worker`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// For production: optimised, then measured (compressed size, start-up time)
    #[arg(long)]
    release: bool,
}

/// How the Worker is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Compiles quickly, checks itself with debug assertions.
    Development,
    /// Small and fast.
    Release,
}

impl Profile {
    /// Its name in the root `Cargo.toml`, which is also cargo's folder for it.
    fn name(self) -> &'static str {
        match self {
            Self::Development => "worker",
            Self::Release => "worker-release",
        }
    }
}

/// What wrangler's build command does; also for people.
pub(crate) fn run(layout: &Layout, arguments: &Arguments) -> Result<()> {
    let under_stack = std::env::var_os(UNDER_STACK).is_some();
    if under_stack && is_current(layout) {
        // Wrangler calls several times while it starts, and nothing may keep it waiting, such as another cargo.
        return Ok(());
    }
    tools::ensure_base(layout)?;
    let profile = if arguments.release { Profile::Release } else { Profile::Development };
    build(layout, profile)?;
    if profile == Profile::Release {
        return release::report(layout);
    }
    if !under_stack {
        // For a plain `npx wrangler dev` in a fresh clone.
        stack::write_dev_vars(layout)?;
        progress::during("preparing the local database", || stack::migrate(layout, &layout.default_state()))?;
    }
    Ok(())
}

/// Brings `edge/build` up to date.
pub(crate) fn build(layout: &Layout, profile: Profile) -> Result<()> {
    let _lock = lock(layout)?;
    let began = SystemTime::now();
    let worker_tools = tools::ensure_worker_tools(layout)?;
    let manifest = assets::bundle(layout)?;
    // The same command that worker-build runs, so that it finds everything compiled, and need not be called for nothing.
    progress::run("compiling the Worker", &mut compile(layout, profile, &manifest))?;
    let wasm = layout.target().join("wasm32-unknown-unknown").join(profile.name()).join("edge.wasm");
    ensure!(wasm.is_file(), "cargo left no {}: is edge still a cdylib?", wasm.display());

    let built = layout.root().join("edge/build");
    let print = Fingerprint::new().text(profile.name()).file(&wasm).file(&worker_tools.worker_build);
    let stamp = stamp(layout);
    if !print.matches(&stamp) || !built.join("index.js").is_file() || !built.join("index_bg.wasm").is_file() {
        progress::run("packing the Worker", &mut pack(layout, profile, &manifest, &worker_tools))?;
        print.stamp(&stamp)?;
    }
    // What is saved from here on belongs to the next build.
    let file = File::options().write(true).open(&stamp).with_context(|| format!("cannot open {}", stamp.display()))?;
    file.set_modified(began).with_context(|| format!("cannot date {}", stamp.display()))
}

/// Two builds at once would take each other's files away: the second waits until the first is done.
fn lock(layout: &Layout) -> Result<File> {
    let folder = layout.target().join("edge-assets");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let file = File::create(folder.join("lock")).context("cannot open the build's lock")?;
    file.lock().context("cannot lock the build")?;
    Ok(file)
}

/// What the Worker in `edge/build` was made from; its time of change is when that build began.
fn stamp(layout: &Layout) -> PathBuf {
    layout.target().join("edge-assets/worker-stamp")
}

/// Whether nothing that goes into the Worker was saved since its last build began.
fn is_current(layout: &Layout) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|about| about.modified()).ok();
    let Some(built) = modified(&stamp(layout)) else { return false };
    SOURCES.iter().all(|source| newest(&layout.root().join(source)).is_none_or(|changed| changed < built))
}

/// When something under `path`, which may be missing, was last saved.
fn newest(path: &Path) -> Option<SystemTime> {
    let own = path.metadata().and_then(|about| about.modified()).ok();
    let entries = path.read_dir().into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| newest(&entry.path())).chain(own).max()
}

fn compile(layout: &Layout, profile: Profile, manifest: &Path) -> Command {
    let mut command = cargo(&edge(layout));
    command.args(["build", "--lib", "--target", "wasm32-unknown-unknown", "--profile", profile.name()]);
    settings(&mut command, manifest);
    command
}

fn pack(layout: &Layout, profile: Profile, manifest: &Path, tools: &WorkerTools) -> Command {
    let mut command = program(&tools.worker_build, &edge(layout));
    match profile {
        Profile::Development => command.args(["--profile", profile.name(), "--no-opt"]),
        Profile::Release => command.args(["--profile", profile.name()]),
    };
    command
        .env("WASM_BINDGEN_BIN", &tools.wasm_bindgen)
        .env("WASM_OPT_BIN", layout.npm_program("wasm-opt"))
        .env("ESBUILD_BIN", layout.npm_program("esbuild"));
    settings(&mut command, manifest);
    command
}

/// What both have to be told alike, or everything is compiled twice.
fn settings(command: &mut Command, manifest: &Path) {
    // worker-build sets the second one itself.
    command.env("KASUWA_ASSETS", manifest).env("WASM_BINDGEN_USE_JS_SYS", "1");
}

fn edge(layout: &Layout) -> PathBuf {
    layout.root().join("edge")
}

/// Environment variable and path by which `edge/build.rs` finds the assets' names, for commands that check the edge.
pub(crate) fn assets_variable(layout: &Layout) -> Result<(&'static str, PathBuf)> {
    let _lock = lock(layout)?;
    Ok(("KASUWA_ASSETS", assets::bundle(layout).context("cannot bundle the assets")?))
}
