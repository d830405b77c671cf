//! Where things are in the project. Knows names of folders and files; reads none of them but the root's `Cargo.toml`.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The project's folders.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
    target: PathBuf,
}

impl Layout {
    /// Of the project that this program was built from.
    pub fn find() -> Result<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self::at(here.parent().context("the project has no root")?)
    }

    /// Of the project in `root`. Compiled files are in its `target`, unless `CARGO_TARGET_DIR` says otherwise.
    pub fn at(root: &Path) -> Result<Self> {
        ensure!(root.join("Cargo.toml").is_file(), "{} has no Cargo.toml: was the project moved?", root.display());
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |path| root.join(path));
        Ok(Self { root: root.to_owned(), target })
    }

    /// The project's root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo's target folder.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// A native program of the workspace, as `cargo build` leaves it.
    pub fn program(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// The same, optimised: as `cargo build --release` leaves it.
    pub fn release_program(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }

    /// A command of an npm package.
    pub fn npm_program(&self, name: &str) -> PathBuf {
        self.root.join("node_modules/.bin").join(name)
    }

    /// Where a local shop keeps its data unless told otherwise: beside wrangler's own, so that `npx wrangler dev` shows the same shop.
    pub fn default_state(&self) -> PathBuf {
        self.root.join(".wrangler")
    }
}
