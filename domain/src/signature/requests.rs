//! Signed requests between edge and origin and from operators, and the bearer tokens that need nothing stored.

use sha2::{Digest, Sha256};

use super::{equal_hex, hmac_sha256};
use crate::time::{Millis, Timestamp};

/// How far the clocks of two ends may differ; also how long a nonce has to be remembered on either side of now.
pub const CLOCK_SKEW_MAX: Millis = Millis::minutes(5);

/// Header with the id of the signing key.
pub const HEADER_KEY_ID: &str = "kasuwa-key-id";
/// Header with the time of signing, in milliseconds since 1970.
pub const HEADER_TIMESTAMP: &str = "kasuwa-timestamp-ms";
/// Header with a number used once: 8 to 64 characters.
pub const HEADER_NONCE: &str = "kasuwa-nonce";
/// Header with the signature: lower-case hex HMAC-SHA256.
pub const HEADER_SIGNATURE: &str = "kasuwa-signature";

/// Who a signed request is meant for: one sent to the edge is worth nothing at the origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// The Worker.
    Edge,
    /// The origin.
    Origin,
}

impl Audience {
    const fn name(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Origin => "origin",
        }
    }
}

/// Keys of one purpose, newest first: the first signs, all of them verify, so that keys rotate without a pause.
///
/// Written as `id:secret[,id:secret…]`. An id has 1 to 32 characters of `a-z 0-9 -`, a secret at least 32 characters.
#[derive(Clone)]
pub struct Keyring(Vec<(String, Vec<u8>)>);

/// Why a text is no [`Keyring`]. Never shows a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyring {
    /// No key at all.
    #[error("no key: write id:secret")]
    Empty,
    /// A part is not `id:secret`.
    #[error("key {0} is not written as id:secret, with an id of a-z, 0-9 and -")]
    Malformed(usize),
    /// A secret that could be guessed.
    #[error("the secret of key {0:?} is shorter than 32 characters")]
    TooShort(String),
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

impl std::str::FromStr for Keyring {
    type Err = InvalidKeyring;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut keys = Vec::new();
        for (index, part) in text.split(',').map(str::trim).filter(|part| !part.is_empty()).enumerate() {
            let (id, secret) = part.split_once(':').ok_or(InvalidKeyring::Malformed(index + 1))?;
            let well_formed = (1..=32).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            if !well_formed {
                return Err(InvalidKeyring::Malformed(index + 1));
            }
            if secret.len() < 32 {
                return Err(InvalidKeyring::TooShort(id.to_owned()));
            }
            keys.push((id.to_owned(), secret.as_bytes().to_vec()));
        }
        if keys.is_empty() { Err(InvalidKeyring::Empty) } else { Ok(Self(keys)) }
    }
}

/// A request's signature and what it was made from, as it travels in headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureHeaders {
    /// [`HEADER_KEY_ID`]
    pub key_id: String,
    /// [`HEADER_TIMESTAMP`]
    pub timestamp: Timestamp,
    /// [`HEADER_NONCE`]
    pub nonce: String,
    /// [`HEADER_SIGNATURE`]
    pub signature: String,
}

/// Why a request's signature does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// A header is missing or malformed.
    #[error("the signature headers are missing or malformed")]
    Missing,
    /// No such key.
    #[error("the signing key is unknown")]
    UnknownKey,
    /// Too old, or from the future.
    #[error("the request was signed more than five minutes ago or ahead; check the clocks")]
    OutOfTime,
    /// The signature is another one.
    #[error("the signature does not match the request")]
    Mismatch,
}

impl SignatureHeaders {
    /// The four headers of a request, looked up by `header`.
    pub fn read<'h>(header: impl Fn(&'static str) -> Option<&'h str>) -> Result<Self, BadSignature> {
        let text = |name| header(name).ok_or(BadSignature::Missing);
        let nonce = text(HEADER_NONCE)?;
        if !(8..=64).contains(&nonce.len()) || !nonce.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(BadSignature::Missing);
        }
        Ok(Self {
            key_id: text(HEADER_KEY_ID)?.to_owned(),
            timestamp: Timestamp(text(HEADER_TIMESTAMP)?.parse().map_err(|_| BadSignature::Missing)?),
            nonce: nonce.to_owned(),
            signature: text(HEADER_SIGNATURE)?.to_owned(),
        })
    }

    /// Names and values, ready to be set on a request.
    pub fn pairs(&self) -> [(&'static str, String); 4] {
        [
            (HEADER_KEY_ID, self.key_id.clone()),
            (HEADER_TIMESTAMP, self.timestamp.as_millis().to_string()),
            (HEADER_NONCE, self.nonce.clone()),
            (HEADER_SIGNATURE, self.signature.clone()),
        ]
    }
}

/// What a signature covers besides its time and nonce.
#[derive(Debug, Clone, Copy)]
pub struct SignedParts<'a> {
    /// For whom it is.
    pub audience: Audience,
    /// `GET`, `POST`, …, upper case.
    pub method: &'a str,
    /// Path with its query, as sent: `/internal/orders?after=1`.
    pub path_and_query: &'a str,
    /// Raw body; empty when there is none.
    pub body: &'a [u8],
}

impl Keyring {
    /// Signs a request with the newest key. `nonce` must never be used twice (a UUID will do).
    pub fn sign(&self, parts: SignedParts<'_>, timestamp: Timestamp, nonce: &str) -> SignatureHeaders {
        // `from_str` is the only way to make a keyring, and it refuses an empty one.
        let (key_id, secret) = &self.0[0];
        SignatureHeaders {
            key_id: key_id.clone(),
            timestamp,
            nonce: nonce.to_owned(),
            signature: hex::encode(request_mac(secret, parts, timestamp, nonce)),
        }
    }

    /// Whether `headers` sign `parts`, near enough to `now`. The caller still has to refuse a nonce it has seen.
    pub fn verify(
        &self,
        parts: SignedParts<'_>,
        headers: &SignatureHeaders,
        now: Timestamp,
    ) -> Result<(), BadSignature> {
        let (_, secret) = self.0.iter().find(|(id, _)| *id == headers.key_id).ok_or(BadSignature::UnknownKey)?;
        if (now - headers.timestamp).0.saturating_abs() > CLOCK_SKEW_MAX.0 {
            return Err(BadSignature::OutOfTime);
        }
        let expected = request_mac(secret, parts, headers.timestamp, &headers.nonce);
        if equal_hex(&expected, &headers.signature) { Ok(()) } else { Err(BadSignature::Mismatch) }
    }

    /// A digest of `subject` under the newest key, for `purpose`: the same for the same, and telling nothing without the key.
    pub fn digest(&self, purpose: &str, subject: &str) -> [u8; 32] {
        token_mac(&self.0[0].1, purpose, subject)
    }

    /// A number for `purpose` and `subject` under each key, the newest first: for codes that people type, of which a part is used.
    pub fn numbers(&self, purpose: &str, subject: &str) -> impl Iterator<Item = u64> {
        self.0.iter().map(move |(_, secret)| {
            let mut first = [0; 8];
            first.copy_from_slice(&token_mac(secret, purpose, subject)[..8]);
            u64::from_be_bytes(first)
        })
    }

    /// An opaque token that proves possession of `subject` for `purpose` (`"cart"`, `"order"`), without storing anything.
    pub fn token(&self, purpose: &str, subject: &str) -> String {
        hex::encode(token_mac(&self.0[0].1, purpose, subject))
    }

    /// Whether `token` is [`Self::token`]'s for this purpose and subject, by any key of the ring.
    pub fn verify_token(&self, purpose: &str, subject: &str, token: &str) -> bool {
        // Every key is tried, so that the time taken does not tell which one matched.
        self.0.iter().fold(false, |found, (_, secret)| equal_hex(&token_mac(secret, purpose, subject), token) | found)
    }
}

fn request_mac(secret: &[u8], parts: SignedParts<'_>, timestamp: Timestamp, nonce: &str) -> [u8; 32] {
    let text = format!(
        "kasuwa-1\n{}\n{}\n{}\n{}\n{nonce}\n{}",
        parts.audience.name(),
        parts.method,
        parts.path_and_query,
        timestamp.as_millis(),
        hex::encode(Sha256::digest(parts.body)),
    );
    hmac_sha256(secret, text.as_bytes())
}

fn token_mac(secret: &[u8], purpose: &str, subject: &str) -> [u8; 32] {
    hmac_sha256(secret, format!("kasuwa-token-1\n{purpose}\n{subject}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);
    const OLD: &str = "old:0123456789abcdef0123456789abcdef";
    const BOTH: &str = "new:fedcba9876543210fedcba9876543210,old:0123456789abcdef0123456789abcdef";

    fn parts(body: &[u8]) -> SignedParts<'_> {
        SignedParts { audience: Audience::Origin, method: "POST", path_and_query: "/internal/orders", body }
    }

    #[test]
    fn a_signed_request_counts_only_as_it_was_signed() {
        let ring: Keyring = OLD.parse().unwrap();
        let headers = ring.sign(parts(b"{}"), NOW, "nonce-0001");
        assert_eq!(ring.verify(parts(b"{}"), &headers, NOW), Ok(()));
        assert_eq!(ring.verify(parts(b"{ }"), &headers, NOW), Err(BadSignature::Mismatch));
        let elsewhere = SignedParts { audience: Audience::Edge, ..parts(b"{}") };
        assert_eq!(ring.verify(elsewhere, &headers, NOW), Err(BadSignature::Mismatch));
        let other_path = SignedParts { path_and_query: "/internal/orders?x", ..parts(b"{}") };
        assert_eq!(ring.verify(other_path, &headers, NOW), Err(BadSignature::Mismatch));
        let renewed = SignatureHeaders { timestamp: NOW + Millis(1), ..headers.clone() };
        assert_eq!(ring.verify(parts(b"{}"), &renewed, NOW), Err(BadSignature::Mismatch));
        assert_eq!(ring.verify(parts(b"{}"), &headers, NOW + Millis::minutes(6)), Err(BadSignature::OutOfTime));
    }

    #[test]
    fn keys_rotate_without_a_pause() {
        let (old, both): (Keyring, Keyring) = (OLD.parse().unwrap(), BOTH.parse().unwrap());
        let headers = old.sign(parts(b""), NOW, "nonce-0001");
        assert_eq!(both.verify(parts(b""), &headers, NOW), Ok(()));
        let headers = both.sign(parts(b""), NOW, "nonce-0002");
        assert_eq!(old.verify(parts(b""), &headers, NOW), Err(BadSignature::UnknownKey));
        assert!(both.verify_token("cart", "1", &old.token("cart", "1")));
        assert!(!both.verify_token("order", "1", &old.token("cart", "1")));
    }

    #[test]
    fn headers_travel_and_bad_ones_are_refused() {
        let ring: Keyring = OLD.parse().unwrap();
        let headers = ring.sign(parts(b""), NOW, "nonce-0001");
        let pairs = headers.pairs();
        let find = |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
        assert_eq!(SignatureHeaders::read(find), Ok(headers.clone()));
        assert_eq!(SignatureHeaders::read(|_| None), Err(BadSignature::Missing));
    }

    #[test]
    fn a_keyring_refuses_weak_keys_and_never_shows_them() {
        assert_eq!("".parse::<Keyring>().unwrap_err(), InvalidKeyring::Empty);
        assert_eq!("a:short".parse::<Keyring>().unwrap_err(), InvalidKeyring::TooShort("a".into()));
        assert_eq!("no-colon".parse::<Keyring>().unwrap_err(), InvalidKeyring::Malformed(1));
        assert_eq!(format!("{:?}", BOTH.parse::<Keyring>().unwrap()), r#"["new", "old"]"#);
    }
}
