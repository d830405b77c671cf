//! Finds a Chromium for the browser tests, or installs Debian's where that is possible without asking anybody.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::progress;

/// Names under which it may be in `PATH`, the free ones first.
const NAMES: [&str; 5] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"];
/// Where macOS has it.
const MAC: [&str; 2] = [
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// The browser's path: `CHROMIUM` if set, one that is installed, or a fresh one from apt.
pub(crate) fn ensure() -> Result<PathBuf> {
    if let Some(path) = env::var_os("CHROMIUM").map(PathBuf::from) {
        if path.is_file() {
            return Ok(path);
        }
        bail!("CHROMIUM is {}, where there is no browser", path.display());
    }
    if let Some(path) = find() {
        return Ok(path);
    }
    if on_path("apt-get").is_some() {
        install()?;
    }
    match find() {
        Some(path) => Ok(path),
        None => bail!("there is no Chromium for the browser tests: install one, or set CHROMIUM to its path"),
    }
}

fn find() -> Option<PathBuf> {
    let mac = MAC.iter().map(PathBuf::from).find(|path| path.is_file());
    NAMES.iter().find_map(|name| on_path(name)).or(mac)
}

fn install() -> Result<()> {
    // As root, or through a sudo that does not ask for a password.
    let prefix: &[&str] = if succeeds(Command::new("sh").args(["-c", r#"test "$(id -u)" = 0"#])) {
        &[]
    } else if succeeds(Command::new("sudo").args(["-n", "true"])) {
        &["sudo", "-n"]
    } else {
        bail!(
            "there is no Chromium for the browser tests: `sudo apt-get install chromium`, or set CHROMIUM to its path"
        );
    };
    let apt = |arguments: &[&str]| {
        let words: Vec<&str> = prefix.iter().copied().chain(["apt-get"]).chain(arguments.iter().copied()).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    progress::run("updating apt's lists", &mut apt(&["update", "--quiet"]))?;
    progress::run(
        "installing Chromium",
        &mut apt(&["install", "--yes", "--quiet", "--no-install-recommends", "chromium", "fonts-liberation"]),
    )
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn on_path(name: &str) -> Option<PathBuf> {
    let paths = env::var_os("PATH")?;
    env::split_paths(&paths).map(|folder| folder.join(name)).find(|path| Path::is_file(path))
}
