//! The keys of a local shop: made once per state folder from the system's randomness. Never shown, never in the repository.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Every secret that the parts of a local shop share. Keyrings are written as `domain::signature::Keyring` reads them.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// Signs requests between edge and origin.
    pub edge_origin_keys: String,
    /// Signs requests of the operator's tools to the edge.
    pub operator_keys: String,
    /// Makes cart and order tokens.
    pub shopper_keys: String,
    /// Stands for the key that Paystack would hand out; only the sandbox knows it.
    pub paystack_secret_key: String,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(hidden)")
    }
}

impl Keys {
    /// The keys in `file`, which is made, readable by its owner only, if it is missing.
    pub fn load_or_make(file: &Path) -> Result<Self> {
        match fs::read_to_string(file) {
            Ok(text) => Self::parse(&text).with_context(|| {
                format!("{} does not hold the shop's keys: remove it to have new ones made", file.display())
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Self::make(file),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }

    fn make(file: &Path) -> Result<Self> {
        let keys = Self {
            edge_origin_keys: format!("local-1:{}", random_hex::<32>()?),
            operator_keys: format!("local-1:{}", random_hex::<32>()?),
            shopper_keys: format!("local-1:{}", random_hex::<32>()?),
            paystack_secret_key: format!("sk_test_{}", random_hex::<20>()?),
        };
        let text = json!({
            "EDGE_ORIGIN_KEYS": keys.edge_origin_keys,
            "OPERATOR_KEYS": keys.operator_keys,
            "SHOPPER_KEYS": keys.shopper_keys,
            "PAYSTACK_SECRET_KEY": keys.paystack_secret_key,
        });
        match write_secret(file, &format!("{text:#}\n"), Overwrite::Never) {
            // Another process was faster: its keys count.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Self::load_or_make(file),
            Err(error) => Err(error).with_context(|| format!("cannot write {}", file.display())),
            Ok(()) => Ok(keys),
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let values: Value = serde_json::from_str(text).context("it is not JSON")?;
        let text = |name: &str| match values[name].as_str() {
            Some(value) if !value.is_empty() => Ok(value.to_owned()),
            Some(_) | None => bail!("{name} is missing"),
        };
        Ok(Self {
            edge_origin_keys: text("EDGE_ORIGIN_KEYS")?,
            operator_keys: text("OPERATOR_KEYS")?,
            shopper_keys: text("SHOPPER_KEYS")?,
            paystack_secret_key: text("PAYSTACK_SECRET_KEY")?,
        })
    }
}

/// What to do with a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overwrite {
    /// Replace its content.
    Yes,
    /// Fail with `AlreadyExists`.
    Never,
}

/// Writes a file that only its owner may read.
pub(crate) fn write_secret(file: &Path, text: &str, overwrite: Overwrite) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).mode(0o600);
    match overwrite {
        Overwrite::Yes => options.create(true).truncate(true),
        Overwrite::Never => options.create_new(true),
    };
    options.open(file)?.write_all(text.as_bytes())
}

fn random_hex<const N: usize>() -> Result<String> {
    Ok(random::<N>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut buffer = [0_u8; N];
    let mut source = fs::File::open("/dev/urandom").context("cannot open the system's source of randomness")?;
    source.read_exact(&mut buffer).context("cannot read the system's source of randomness")?;
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_state_folder_keeps_its_keys_and_another_has_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deeper/keys.json");
        let keys = Keys::load_or_make(&file).unwrap();
        assert_eq!(keys, Keys::load_or_make(&file).unwrap());
        assert_ne!(keys, Keys::load_or_make(&folder.path().join("other.json")).unwrap());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(keys.edge_origin_keys.strip_prefix("local-1:").is_some_and(|secret| secret.len() == 64));
    }

    #[test]
    fn keys_are_never_shown_and_a_broken_file_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.json");
        let keys = Keys::load_or_make(&file).unwrap();
        assert!(!format!("{keys:?}").contains(&keys.operator_keys));
        fs::write(&file, "{}").unwrap();
        let error = format!("{:#}", Keys::load_or_make(&file).unwrap_err());
        assert!(error.contains("remove it"), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "{}");
    }
}
