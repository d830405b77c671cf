//! Paystack: `x-paystack-signature` is the hex HMAC-SHA512 of the raw body under the secret key.

use super::{equal_hex, hmac_sha512};

/// The header that carries it.
pub const HEADER: &str = "x-paystack-signature";

/// The signature of `body`, lower-case hex.
pub fn sign(secret_key: &str, body: &[u8]) -> String {
    hex::encode(hmac_sha512(secret_key.as_bytes(), body))
}

/// Whether `signature` is that of the raw `body`.
pub fn verify(secret_key: &str, body: &[u8], signature: &str) -> bool {
    equal_hex(&hmac_sha512(secret_key.as_bytes(), body), signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paystack_signs_the_raw_body() {
        let body = r#"{"event":"charge.success","data":{"id":302961,"domain":"test","status":"success","reference":"ref-1","amount":10000,"currency":"NGN"}}"#;
        let published = "b6fb25bb95f2fdebe888090e3eb8e708e0885f071893c60f87ed5ba7e16210cd5e4f95f05c2fa700fb221cb04e7041063a8e9505f6dfc6937dad2726b95b105c";
        assert_eq!(sign("sk_test_example", body.as_bytes()), published);
        assert!(verify("sk_test_example", body.as_bytes(), published));
        assert!(!verify("sk_test_example", format!("{body} ").as_bytes(), published));
        assert!(!verify("sk_test_other", body.as_bytes(), published));
        assert!(!verify("sk_test_example", body.as_bytes(), ""));
        assert!(!verify("sk_test_example", body.as_bytes(), &published[..64]));
    }
}
