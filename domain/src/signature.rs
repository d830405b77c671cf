//! Signatures: our own signed requests (edge ⇄ origin, operator → edge), bearer tokens, and each gateway's webhooks.
//!
//! Every comparison takes constant time. There is no default verifier: what is not verified by name is refused.

pub mod flutterwave;
pub mod monnify;
pub mod paystack;
mod requests;
pub mod stripe;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

pub use self::requests::{
    Audience, BadSignature, CLOCK_SKEW_MAX, HEADER_KEY_ID, HEADER_NONCE, HEADER_SIGNATURE, HEADER_TIMESTAMP,
    InvalidKeyring, Keyring, SignatureHeaders, SignedParts,
};

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn hmac_sha256(secret: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length is a key");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn hmac_sha512(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha512>::new_from_slice(secret).expect("any length is a key");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// Whether `text` is the hex of `expected`, in constant time for texts of the right length. Case matters not.
fn equal_hex(expected: &[u8], text: &str) -> bool {
    hex::decode(text).is_ok_and(|given| given.ct_eq(expected).into())
}
