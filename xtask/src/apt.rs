//! Installs Debian's packages where that is possible without asking anybody, and finds what is there.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::progress;

/// Installs `packages`; `what` is what people call them. Nothing happens where there is no apt.
pub(crate) fn install(what: &str, packages: &[&str]) -> Result<()> {
    if on_path("apt-get").is_none() {
        return Ok(());
    }
    // As root, or through a sudo that does not ask for a password.
    let prefix: &[&str] = if is_root() {
        &[]
    } else if succeeds(Command::new("sudo").args(["-n", "true"])) {
        &["sudo", "-n"]
    } else {
        bail!("{what} is needed for the tests: `sudo apt-get install {}`", packages.join(" "));
    };
    let apt = |arguments: &[&str]| {
        let words: Vec<&str> = prefix.iter().copied().chain(["apt-get"]).chain(arguments.iter().copied()).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    progress::run("updating apt's lists", &mut apt(&["update", "--quiet"]))?;
    let arguments = [&["install", "--yes", "--quiet", "--no-install-recommends"], packages].concat();
    progress::run(&format!("installing {what}"), &mut apt(&arguments))
}

/// Whether we are root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A program in `PATH`.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let paths = env::var_os("PATH")?;
    env::split_paths(&paths).map(|folder| folder.join(name)).find(|path| Path::is_file(path))
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}
