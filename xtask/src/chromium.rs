//! Finds a Chromium for the browser tests, or installs Debian's where that is possible without asking anybody.

use std::env;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::apt;

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
    apt::install("Chromium", &["chromium", "fonts-liberation"])?;
    match find() {
        Some(path) => Ok(path),
        None => bail!("there is no Chromium for the browser tests: install one, or set CHROMIUM to its path"),
    }
}

fn find() -> Option<PathBuf> {
    let mac = MAC.iter().map(PathBuf::from).find(|path| path.is_file());
    NAMES.iter().find_map(|name| apt::on_path(name)).or(mac)
}
