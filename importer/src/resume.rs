//! Remembers how far an import has come, so that one that was stopped goes on where it stood. Only a hint: sending a product
//! twice does no harm.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What identifies an import: another file, shop or option is another import.
#[derive(Debug)]
pub struct Identity(Sha256);

impl Identity {
    /// Of an import of `kind` into the shop at `address`.
    pub fn new(kind: &str, address: &str) -> Self {
        Self(Sha256::new()).with(kind).with(address)
    }

    /// Also of this text.
    #[must_use]
    pub fn with(self, text: &str) -> Self {
        Self(self.0.chain_update((text.len() as u64).to_le_bytes()).chain_update(text))
    }

    /// Also of this file, as it is now: its place, size and time of change.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn with_file(self, path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let metadata = fs::metadata(&path)?;
        let changed = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(self.with(&path.to_string_lossy()).with(&format!("{} {}", metadata.len(), changed.as_nanos())))
    }

    fn file_name(&self) -> String {
        format!("import-{}.json", hex::encode(&self.0.clone().finalize()[..8]))
    }
}

/// The state file of one import.
#[derive(Debug)]
pub struct Resume {
    path: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
struct State {
    /// The shop has everything up to and including this line.
    acknowledged_line: u64,
}

impl Resume {
    /// The state file of the import with this identity, in `folder`.
    pub fn new(folder: &Path, identity: &Identity) -> Self {
        Self { path: folder.join(identity.file_name()) }
    }

    /// The last line that needs not be sent again; 0 when there is nothing to go on from.
    pub fn acknowledged_line(&self) -> u64 {
        let state = fs::read(&self.path).ok().and_then(|bytes| serde_json::from_slice::<State>(&bytes).ok());
        state.map_or(0, |state| state.acknowledged_line)
    }

    /// Notes that the shop has everything up to `line`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn note(&self, line: u64) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let bytes = serde_json::to_vec(&State { acknowledged_line: line })?;
        // Whole or not at all: a crash while writing must not leave half a number.
        let draft = self.path.with_extension("json.new");
        fs::write(&draft, bytes)?;
        fs::rename(draft, &self.path)
    }

    /// Forgets it: the import is complete, or starts over.
    pub fn forget(&self) {
        // What is not there need not be removed.
        drop(fs::remove_file(&self.path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_or_shop_is_another_import() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.jsonl");
        fs::write(&file, "1").unwrap();
        let name = |shop: &str| Identity::new("products", shop).with_file(&file).unwrap().file_name();
        let first = name("http://a");
        assert_eq!(first, name("http://a"));
        assert_ne!(first, name("http://b"));
        fs::write(&file, "12").unwrap();
        assert_ne!(first, name("http://a"));
    }

    #[test]
    fn what_was_noted_is_read_back_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let resume = Resume::new(&folder.path().join("state"), &Identity::new("seed", "http://a"));
        assert_eq!(resume.acknowledged_line(), 0);
        resume.note(41).unwrap();
        assert_eq!(resume.acknowledged_line(), 41);
        fs::write(&resume.path, "{").unwrap();
        assert_eq!(resume.acknowledged_line(), 0, "a damaged state is no state");
        resume.forget();
        assert!(!resume.path.exists());
    }
}
