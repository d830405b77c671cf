//! Fingerprints of files and texts, to skip work whose inputs have not changed. Never a proof of anything: they are not cryptographic.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What a set of files and texts amounts to, as 16 hex digits. The order of additions counts.
#[derive(Debug, Default, Clone)]
pub struct Fingerprint(DefaultHasher);

impl Fingerprint {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text.
    pub fn text(mut self, text: &str) -> Self {
        text.hash(&mut self.0);
        self
    }

    /// Adds a file's content, or that it is missing.
    pub fn file(mut self, path: &Path) -> Self {
        fs::read(path).ok().hash(&mut self.0);
        self
    }

    /// Adds names and contents of all files under `directory`, however deep. A missing directory counts as an empty one.
    pub fn tree(mut self, directory: &Path) -> Result<Self> {
        for path in files_under(directory)? {
            path.strip_prefix(directory).unwrap_or(&path).hash(&mut self.0);
            self = self.file(&path);
        }
        Ok(self)
    }

    /// Whether `stamp` holds this fingerprint, written there by [`Self::stamp`].
    pub fn matches(&self, stamp: &Path) -> bool {
        fs::read_to_string(stamp).is_ok_and(|text| text == self.to_string())
    }

    /// Writes the fingerprint to the file `stamp`, whose folder is made if it is missing.
    pub fn stamp(&self, stamp: &Path) -> Result<()> {
        if let Some(folder) = stamp.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(stamp, self.to_string()).with_context(|| format!("cannot write {}", stamp.display()))
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0.finish())
    }
}

/// All files under `directory`, in a stable order.
fn files_under(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        if !folder.exists() {
            continue;
        }
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_renamed_or_new_file_changes_the_fingerprint() {
        let folder = tempfile::tempdir().unwrap();
        let print = || Fingerprint::new().tree(folder.path()).unwrap().to_string();
        fs::write(folder.path().join("a"), "1").unwrap();
        let first = print();
        assert_eq!(first, print());
        fs::write(folder.path().join("a"), "2").unwrap();
        let second = print();
        assert_ne!(first, second);
        fs::rename(folder.path().join("a"), folder.path().join("b")).unwrap();
        let third = print();
        assert_ne!(second, third);
        fs::create_dir(folder.path().join("c")).unwrap();
        fs::write(folder.path().join("c/d"), "").unwrap();
        assert_ne!(third, print());
    }
}
