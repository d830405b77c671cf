//! How shops prove who they are: keys in a header, and tokens that end.
//!
//! A token carries the time when it was made, and a proof that only this gateway can make: nothing is remembered of it, so that
//! it also outlives a restart.

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::time::{Millis, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// What follows `Bearer ` in the header `Authorization`.
pub fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    after(headers, b"bearer ")
}

/// Name and password of the header `Authorization: Basic`.
pub fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(after(headers, b"basic ")?).ok()?).ok()?;
    text.split_once(':').map(|(name, password)| (name.to_owned(), password.to_owned()))
}

fn after<'h>(headers: &'h HeaderMap, scheme: &[u8]) -> Option<&'h [u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (given, rest) = value.split_at_checked(scheme.len())?;
    given.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// Whether two secrets are the same, without telling how far they are.
pub fn same(given: &[u8], right: &[u8]) -> bool {
    given.ct_eq(right).into()
}

/// A token made at `now`, proven by `secret`.
pub fn token(secret: &str, now: Timestamp) -> String {
    format!("{}.{}", now.as_millis(), proof(secret, now))
}

/// When `token` was made, if `secret` made it, after `not_before` and not longer ago than it lives.
pub fn is_valid(secret: &str, token: &[u8], lifetime: Millis, not_before: Timestamp, now: Timestamp) -> bool {
    let text = std::str::from_utf8(token).unwrap_or_default();
    let Some((made, given)) = text.split_once('.') else { return false };
    let Ok(made) = made.parse().map(Timestamp) else { return false };
    let genuine = same(given.as_bytes(), proof(secret, made).as_bytes());
    genuine && made >= not_before && made <= now && now < made + lifetime
}

fn proof(secret: &str, made: Timestamp) -> String {
    Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .map(|mac| hex::encode(mac.chain_update(made.as_millis().to_be_bytes()).finalize().into_bytes()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_counts_as_long_as_it_lives_and_until_it_is_revoked() {
        let (made, lifetime) = (Timestamp(1_000_000), Millis::minutes(10));
        let token = token("secret", made);
        let valid = |not_before, now| is_valid("secret", token.as_bytes(), lifetime, not_before, now);
        assert!(valid(Timestamp(0), made) && valid(made, made + Millis(599_999)));
        assert!(!valid(Timestamp(0), made + lifetime), "ten minutes are over");
        assert!(!valid(made + Millis(1), made + Millis(2)), "revoked");
        assert!(!is_valid("other", token.as_bytes(), lifetime, Timestamp(0), made));
        let younger = token.replacen("1000000", "1000001", 1);
        assert!(!is_valid("secret", younger.as_bytes(), lifetime, Timestamp(0), made + Millis(1)));
        assert!(!is_valid("secret", b"", lifetime, Timestamp(0), made));
    }
}
