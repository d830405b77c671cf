//! Cargo, called as the user would call it: without the variables that `cargo run` has set for us. Some build scripts (ring's) look at
//! those, and would compile half the workspace anew whenever one turns from cargo to xtask or back.

use std::env;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// `cargo`, to be run in `folder`.
pub(crate) fn cargo(folder: &Path) -> Command {
    program("cargo", folder)
}

/// A program that runs cargo, to be run in `folder`.
pub(crate) fn program(program: impl AsRef<OsStr>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("CARGO_TERM_PROGRESS_WHEN", "never");
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_about_xtask) {
            command.env_remove(name);
        }
    }
    command
}

/// Whether cargo set this variable to describe the package that it runs.
fn is_about_xtask(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix))
        || ["CARGO", "CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_describes_xtask_goes_and_what_the_user_set_stays() {
        assert!(is_about_xtask("CARGO_PKG_NAME") && is_about_xtask("CARGO_MANIFEST_DIR") && is_about_xtask("CARGO"));
        assert!(!is_about_xtask("CARGO_HOME") && !is_about_xtask("CARGO_TARGET_DIR") && !is_about_xtask("RUSTFLAGS"));
    }
}
