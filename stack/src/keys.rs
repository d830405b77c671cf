//! The keys of a local shop: made once per state folder from the system's randomness. Never shown, never in the repository.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

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
    /// Seals sellers' bank details, in the origin.
    pub bank_details_keys: String,
    /// The keys of the other gateways, by the names of their environment variables, which are the same in origin and sandbox.
    pub gateways: Vec<(&'static str, String)>,
}

/// The keys that a shop cannot do without, and that no file was ever written without.
const FIRST: [&str; 4] = ["EDGE_ORIGIN_KEYS", "OPERATOR_KEYS", "SHOPPER_KEYS", "PAYSTACK_SECRET_KEY"];

/// What came later besides the gateways' keys.
const BANK_DETAILS_KEYS: &str = "BANK_DETAILS_KEYS";

/// Those of the gateways that came later: an older file gets them added.
const LATER: [&str; 9] = [
    "FLUTTERWAVE_SECRET_KEY",
    "FLUTTERWAVE_SECRET_HASH",
    "FLUTTERWAVE_CLIENT_ID",
    "FLUTTERWAVE_CLIENT_SECRET",
    "MONNIFY_API_KEY",
    "MONNIFY_SECRET_KEY",
    "MONNIFY_CONTRACT_CODE",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
];

/// A new key, written as its owner would write it.
fn new_key(name: &str) -> Result<String> {
    let prefix = match name {
        "EDGE_ORIGIN_KEYS" | "OPERATOR_KEYS" | "SHOPPER_KEYS" | BANK_DETAILS_KEYS => {
            return Ok(format!("local-1:{}", random_hex::<32>()?));
        }
        "PAYSTACK_SECRET_KEY" | "STRIPE_SECRET_KEY" => "sk_test_",
        "FLUTTERWAVE_SECRET_KEY" => "FLWSECK_TEST-",
        "MONNIFY_API_KEY" => "MK_TEST_",
        "STRIPE_WEBHOOK_SECRET" => "whsec_",
        "MONNIFY_CONTRACT_CODE" => {
            let digits = u64::from_le_bytes(random()?) % 1_000_000_000_000;
            return Ok(format!("{digits:012}"));
        }
        _ => "",
    };
    Ok(format!("{prefix}{}", random_hex::<20>()?))
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(hidden)")
    }
}

impl Keys {
    /// The keys in `file`, which is made, readable by its owner only, if it is missing. Keys of gateways that it does not
    /// know yet are added.
    pub fn load_or_make(file: &Path) -> Result<Self> {
        match fs::read_to_string(file) {
            Ok(text) => Self::read_or_complete(file, &text).with_context(|| {
                format!("{} does not hold the shop's keys: remove it to have new ones made", file.display())
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Self::make(file),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }

    fn make(file: &Path) -> Result<Self> {
        let mut values = Map::new();
        for name in FIRST.into_iter().chain(LATER).chain([BANK_DETAILS_KEYS]) {
            values.insert(name.to_owned(), Value::String(new_key(name)?));
        }
        let keys = Self::parse(&values)?;
        match write_secret(file, &format!("{:#}\n", Value::Object(values)), Overwrite::Never) {
            // Another process was faster: its keys count.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Self::load_or_make(file),
            Err(error) => Err(error).with_context(|| format!("cannot write {}", file.display())),
            Ok(()) => Ok(keys),
        }
    }

    fn read_or_complete(file: &Path, text: &str) -> Result<Self> {
        let mut values: Map<String, Value> = serde_json::from_str(text).context("it is not a JSON object")?;
        // Before anything is added: a file that lacks what it never lacked is somebody else's.
        for name in FIRST {
            value(&values, name)?;
        }
        let missing: Vec<&str> =
            LATER.into_iter().chain([BANK_DETAILS_KEYS]).filter(|name| !values.contains_key(*name)).collect();
        if missing.is_empty() {
            return Self::parse(&values);
        }
        for name in missing {
            values.insert(name.to_owned(), Value::String(new_key(name)?));
        }
        // Whole or not at all: a crash in between leaves the older file.
        let draft = file.with_extension("json.new");
        write_secret(&draft, &format!("{:#}\n", Value::Object(values)), Overwrite::Yes)
            .and_then(|()| fs::rename(&draft, file))
            .with_context(|| format!("cannot write {}", file.display()))?;
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(&serde_json::from_str(&text).context("it is not a JSON object")?)
    }

    fn parse(values: &Map<String, Value>) -> Result<Self> {
        Ok(Self {
            edge_origin_keys: value(values, "EDGE_ORIGIN_KEYS")?,
            operator_keys: value(values, "OPERATOR_KEYS")?,
            shopper_keys: value(values, "SHOPPER_KEYS")?,
            paystack_secret_key: value(values, "PAYSTACK_SECRET_KEY")?,
            bank_details_keys: value(values, BANK_DETAILS_KEYS)?,
            gateways: LATER.into_iter().map(|name| Ok((name, value(values, name)?))).collect::<Result<_>>()?,
        })
    }

    /// The key of that environment variable, if it is one of a gateway's.
    pub fn gateway_key(&self, name: &str) -> Option<&str> {
        let later = self.gateways.iter().find(|(known, _)| *known == name).map(|(_, key)| key.as_str());
        later.or_else(|| (name == "PAYSTACK_SECRET_KEY").then_some(self.paystack_secret_key.as_str()))
    }
}

fn value(values: &Map<String, Value>, name: &str) -> Result<String> {
    match values.get(name).and_then(Value::as_str) {
        Some(value) if !value.is_empty() => Ok(value.to_owned()),
        Some(_) | None => bail!("{name} is missing"),
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
    fn a_file_from_before_there_were_other_gateways_keeps_its_keys_and_gets_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.json");
        let older = r#"{"EDGE_ORIGIN_KEYS":"local-1:e","OPERATOR_KEYS":"local-1:o","SHOPPER_KEYS":"local-1:s","PAYSTACK_SECRET_KEY":"sk_test_p","MINE":"kept"}"#;
        fs::write(&file, older).unwrap();
        let keys = Keys::load_or_make(&file).unwrap();
        assert_eq!((keys.shopper_keys.as_str(), keys.paystack_secret_key.as_str()), ("local-1:s", "sk_test_p"));
        assert!(keys.gateway_key("STRIPE_WEBHOOK_SECRET").is_some_and(|key| key.starts_with("whsec_")));
        assert_eq!(keys.gateway_key("PAYSTACK_SECRET_KEY"), Some("sk_test_p"));
        assert_eq!(keys.gateways.len(), LATER.len());
        assert_eq!(keys, Keys::load_or_make(&file).unwrap(), "added once");
        assert!(fs::read_to_string(&file).unwrap().contains("\"MINE\": \"kept\""));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
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
