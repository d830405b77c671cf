//! Seals what only a bank need know: sellers' bank details never lie open in the database, its backups or a log.
//!
//! XChaCha20-Poly1305 under keys of the environment. What is sealed is bound to its owner, so that one seller's details cannot be put in
//! another's place by whoever may write to the database.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

const NONCE_LENGTH: usize = 24;

/// `BANK_DETAILS_KEYS`: `id:64 hexadecimal digits`, several separated by commas. The first seals, all open.
#[derive(Clone, Default)]
pub struct Vault(Vec<(String, Key)>);

/// Why something cannot be sealed or opened. Never shows what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bank details {0}")]
pub struct VaultError(&'static str);

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

impl FromStr for Vault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let keys = text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| {
            let wrong = || "write ID:KEY with 64 hexadecimal digits, as openssl rand -hex 32 makes them".to_owned();
            let (id, key) = part.split_once(':').ok_or_else(wrong)?;
            let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            let key = hex::decode(key.trim()).ok().and_then(|key| <[u8; 32]>::try_from(key).ok());
            match key.filter(|_| is_id) {
                Some(key) => Ok((id.to_owned(), Key::from(key))),
                None => Err(wrong()),
            }
        });
        keys.collect::<Result<Vec<_>, _>>().map(Self)
    }
}

impl Vault {
    /// `text`, so that only the holder of the keys can read it, as `owner`'s.
    pub fn seal(&self, owner: &str, text: &str) -> Result<String, VaultError> {
        let (id, key) = self.0.first().ok_or(VaultError("need a key: set BANK_DETAILS_KEYS where the origin runs"))?;
        let mut nonce = [0; NONCE_LENGTH];
        getrandom::fill(&mut nonce).map_err(|_| VaultError("need random numbers, and the machine gives none"))?;
        let payload = Payload { msg: text.as_bytes(), aad: owner.as_bytes() };
        let sealed = XChaCha20Poly1305::new(key).encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| VaultError("are too long to be sealed"))?;
        Ok(format!("{id}.{}", BASE64_STANDARD.encode([&nonce[..], &sealed].concat())))
    }

    /// What was sealed as `owner`'s.
    pub fn open(&self, owner: &str, sealed: &str) -> Result<String, VaultError> {
        const CHANGED: VaultError =
            VaultError("were changed since they were sealed, or are somebody else's: set them anew");
        let (id, text) = sealed.split_once('.').ok_or(CHANGED)?;
        let known = self.0.iter().find(|(known, _)| known == id);
        let (_, key) = known.ok_or(VaultError("were sealed with a key that is not in BANK_DETAILS_KEYS any more"))?;
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| CHANGED)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LENGTH>().ok_or(CHANGED)?;
        let payload = Payload { msg: sealed, aad: owner.as_bytes() };
        let opened = XChaCha20Poly1305::new(key).decrypt(&XNonce::from(*nonce), payload).map_err(|_| CHANGED)?;
        String::from_utf8(opened).map_err(|_| CHANGED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "a:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const SECOND: &str = "b:ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn vault(keys: &str) -> Vault {
        keys.parse().unwrap()
    }

    #[test]
    fn what_is_sealed_is_opened_by_its_owner_and_key_alone() {
        let sealed = vault(FIRST).seal("ada", "0123456789").unwrap();
        assert!(!sealed.contains("0123456789"));
        assert_ne!(sealed, vault(FIRST).seal("ada", "0123456789").unwrap(), "never twice the same");
        assert_eq!(vault(FIRST).open("ada", &sealed).unwrap(), "0123456789");
        assert!(vault(FIRST).open("bola", &sealed).is_err());
        assert!(vault(SECOND).open("ada", &sealed).is_err());
        let spoilt = sealed.replace('A', "B").replace('x', "y");
        assert!(spoilt == sealed || vault(FIRST).open("ada", &spoilt).is_err());
        for bad in ["", "a", "a.", "a.AAAA", "c.AAAA"] {
            assert!(vault(FIRST).open("ada", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_new_key_seals_and_the_old_one_still_opens() {
        let old = vault(FIRST).seal("ada", "old").unwrap();
        let both = vault(&format!("{SECOND}, {FIRST}"));
        assert_eq!(both.open("ada", &old).unwrap(), "old");
        assert!(both.seal("ada", "new").unwrap().starts_with("b."));
        assert!(!format!("{both:?}").contains("0102"));
    }

    #[test]
    fn a_key_is_whole_or_refused() {
        assert!(vault("").seal("ada", "x").is_err());
        for bad in ["a", "a:", "a:00", ":00", "a:zz", &FIRST[..FIRST.len() - 1], "a b:00"] {
            assert!(bad.parse::<Vault>().is_err(), "{bad}");
        }
    }
}
