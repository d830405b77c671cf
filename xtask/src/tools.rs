//! What the build needs on the machine: checked, and installed where that is ours to do. Cargo's tools go to a cache of our own, so
//! that other versions which the user may have stay as they are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use stack::{Fingerprint, Layout};

use crate::cargo::cargo;
use crate::progress;

/// Built to the Worker's toolchain: `worker` in Cargo.toml has the same version.
const WORKER_BUILD: &str = "0.8.7";
const WASM_TARGET: &str = "wasm32-unknown-unknown";
/// Wrangler's oldest Node.
const NODE_OLDEST: u32 = 20;

/// Cargo's tools for the Worker, by path.
#[derive(Debug)]
pub(crate) struct WorkerTools {
    /// `worker-build`
    pub(crate) worker_build: PathBuf,
    /// `wasm-bindgen`, in the version that Cargo.lock has
    pub(crate) wasm_bindgen: PathBuf,
}

/// Checks for Node and a C compiler, adds the WASM target, and brings npm packages up to the lock file.
pub(crate) fn ensure_base(layout: &Layout) -> Result<()> {
    check_node()?;
    check_c_compiler()?;
    ensure_wasm_target()?;
    ensure_npm_packages(layout)
}

/// Installs the Worker's tools if they are missing.
pub(crate) fn ensure_worker_tools(layout: &Layout) -> Result<WorkerTools> {
    let bindgen_version = locked_version(layout, "wasm-bindgen")?;
    Ok(WorkerTools {
        worker_build: ensure_cargo_tool("worker-build", WORKER_BUILD, "worker-build")?,
        wasm_bindgen: ensure_cargo_tool("wasm-bindgen-cli", &bindgen_version, "wasm-bindgen")?,
    })
}

fn check_node() -> Result<()> {
    let advice =
        format!("install Node {NODE_OLDEST} or later (https://nodejs.org) and make sure that `node` is in PATH");
    let Some(version) = output(Command::new("node").arg("--version")) else { bail!("node is missing: {advice}") };
    let major: u32 = version.trim_start_matches('v').split('.').next().and_then(|text| text.parse().ok()).unwrap_or(0);
    ensure!(major >= NODE_OLDEST, "node is {version}: {advice}");
    ensure!(output(Command::new("npm").arg("--version")).is_some(), "npm is missing: it comes with Node; {advice}");
    Ok(())
}

fn check_c_compiler() -> Result<()> {
    let candidates = env::var("CC").into_iter().chain(["cc", "gcc", "clang"].map(String::from));
    let found = candidates.into_iter().any(|name| output(Command::new(name).arg("--version")).is_some());
    ensure!(
        found,
        "a C compiler is missing (SQLite is written in C): install one, such as with `apt-get install build-essential` or \
         `xcode-select --install`, or name it in CC"
    );
    Ok(())
}

/// Runs `npm ci` when the lock file is not what was last installed.
fn ensure_npm_packages(layout: &Layout) -> Result<()> {
    let root = layout.root();
    let print = Fingerprint::new().file(&root.join("package.json")).file(&root.join("package-lock.json"));
    let stamp = root.join("node_modules/.kasuwa-stamp");
    if print.matches(&stamp) {
        return Ok(());
    }
    progress::run(
        "installing npm packages",
        Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(root),
    )?;
    print.stamp(&stamp)
}

fn ensure_wasm_target() -> Result<()> {
    let libraries = output(Command::new("rustc").args(["--print", "target-libdir", "--target", WASM_TARGET]))
        .context("rustc is missing: install Rust with rustup (https://rustup.rs)")?;
    if Path::new(&libraries).is_dir() {
        return Ok(());
    }
    ensure!(
        output(Command::new("rustup").arg("--version")).is_some(),
        "Rust's target {WASM_TARGET} is missing, and there is no rustup to add it: install Rust with rustup (https://rustup.rs)"
    );
    progress::run("adding Rust's WASM target", Command::new("rustup").args(["target", "add", WASM_TARGET]))
}

/// The path of `program` from the crate `name` in exactly `version`, which is built if it is not in our cache.
fn ensure_cargo_tool(name: &str, version: &str, program: &str) -> Result<PathBuf> {
    let home = cache()?.join("tools").join(format!("{name}-{version}"));
    let path = home.join("bin").join(program);
    if path.is_file() {
        return Ok(path);
    }
    fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
    let build = env::temp_dir().join(format!("kasuwa-{name}-{version}-{}", std::process::id()));
    let install = |locked: bool| {
        let mut command = cargo(&env::temp_dir());
        command.args(["install", name, "--version", &format!("={version}"), "--force", "--root"]).arg(&home);
        // A folder of its own: the project's may be locked by the very build that asks for the tool.
        command.env("CARGO_TARGET_DIR", &build).env_remove("RUSTFLAGS");
        if locked {
            command.arg("--locked");
        }
        command
    };
    let what = format!("installing {name} {version} (once, some minutes)");
    let (status, _) = progress::run_quietly(&what, &mut install(true))?;
    crate::interrupt::check()?;
    // Its lock file may name what a mirror no longer has.
    let result = if status.success() { Ok(()) } else { progress::run(&what, &mut install(false)) };
    // Only a temporary folder: its remains do no harm.
    drop(fs::remove_dir_all(&build));
    result?;
    ensure!(path.is_file(), "{name} {version} was installed without {}", path.display());
    Ok(path)
}

fn cache() -> Result<PathBuf> {
    let base = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let base = match base {
        Some(path) => path,
        None => env::home_dir().context("there is no home folder: set XDG_CACHE_HOME")?.join(".cache"),
    };
    Ok(base.join("kasuwa"))
}

/// The version of `package` in Cargo.lock.
fn locked_version(layout: &Layout, package: &str) -> Result<String> {
    let path = layout.root().join("Cargo.lock");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    version_in(&text, package).with_context(|| format!("Cargo.lock has no {package}"))
}

fn version_in(lock: &str, package: &str) -> Option<String> {
    let mut lines = lock.lines().skip_while(|line| *line != format!("name = \"{package}\""));
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"').map(str::to_owned)
}

/// What a command says on its standard output, if it runs and succeeds.
fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_says_which_wasm_bindgen_to_install() {
        let lock = "[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.1\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(version_in(lock, "wasm-bindgen").as_deref(), Some("0.2.130"));
        assert_eq!(version_in(lock, "absent"), None);
    }
}
