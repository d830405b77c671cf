//! Flutterwave, in two ways that are never mixed: its third interface sends a word that both ends know, its fourth signs the body.

/// Version 3: `verif-hash` is the secret hash itself. It covers nothing of the body, so that what it comes with is only a hint.
pub mod v3 {
    use sha2::{Digest, Sha256};
    use subtle::ConstantTimeEq;

    /// The header that carries it.
    pub const HEADER: &str = "verif-hash";

    /// Whether `given` is the secret hash. Digests are compared, so that the time taken does not tell its length either.
    pub fn verify(secret_hash: &str, given: &str) -> bool {
        Sha256::digest(secret_hash).ct_eq(&Sha256::digest(given)).into()
    }
}

/// Version 4: `flutterwave-signature` is the base64 HMAC-SHA256 of the raw body under the secret hash.
pub mod v4 {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use subtle::ConstantTimeEq;

    use super::super::hmac_sha256;

    /// The header that carries it.
    pub const HEADER: &str = "flutterwave-signature";

    /// The signature of `body`, base64.
    pub fn sign(secret_hash: &str, body: &[u8]) -> String {
        BASE64_STANDARD.encode(hmac_sha256(secret_hash.as_bytes(), body))
    }

    /// Whether `signature` is that of the raw `body`.
    pub fn verify(secret_hash: &str, body: &[u8], signature: &str) -> bool {
        let expected = hmac_sha256(secret_hash.as_bytes(), body);
        BASE64_STANDARD.decode(signature).is_ok_and(|given| given.ct_eq(&expected).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_3_sends_the_secret_hash_itself() {
        assert!(v3::verify("flw_secret_hash", "flw_secret_hash"));
        for other in ["", "flw_secret_has", "flw_secret_hash ", "FLW_SECRET_HASH"] {
            assert!(!v3::verify("flw_secret_hash", other), "{other:?}");
        }
    }

    #[test]
    fn version_4_signs_the_raw_body() {
        let body = concat!(
            r#"{"webhook_id":"wbk_1","timestamp":1739456704200,"type":"charge.completed","#,
            r#""data":{"id":"chg_VoUhmFMhmF","amount":100,"currency":"NGN","status":"succeeded","reference":"ref-1"}}"#,
        );
        let known = "skrILI+CtQwKLTn+nEwBBj779dAOkYwMTViHmh7fmUA=";
        assert_eq!(v4::sign("flw_secret_hash", body.as_bytes()), known);
        assert!(v4::verify("flw_secret_hash", body.as_bytes(), known));
        assert!(!v4::verify("flw_secret_hash", format!("{body} ").as_bytes(), known));
        assert!(!v4::verify("another", body.as_bytes(), known));
        for other in ["", "flw_secret_hash", &known[..40], "b2ItZ2FyYmFnZQ=="] {
            assert!(!v4::verify("flw_secret_hash", body.as_bytes(), other), "{other:?}");
        }
    }
}
