//! Monnify: `monnify-signature` is the hex HMAC-SHA512 of the raw body under the client secret. The documentation's prose says
//! something else, but its own example proves it.

use super::{equal_hex, hmac_sha512};

/// The header that carries it.
pub const HEADER: &str = "monnify-signature";

/// The signature of `body`, lower-case hex.
pub fn sign(client_secret: &str, body: &[u8]) -> String {
    hex::encode(hmac_sha512(client_secret.as_bytes(), body))
}

/// Whether `signature` is that of the raw `body`.
pub fn verify(client_secret: &str, body: &[u8], signature: &str) -> bool {
    equal_hex(&hmac_sha512(client_secret.as_bytes(), body), signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "91MUDL9N6U3BQRXBQ2PJ9M0PW4J22M1Y";

    #[test]
    fn monnify_signs_the_raw_body_as_in_its_own_example() {
        let body = concat!(
            r#"{"eventData":{"product":{"reference":"111222333","type":"OFFLINE_PAYMENT_AGENT"},"#,
            r#""transactionReference":"MNFY|76|20211117154810|000001","paymentReference":"0.01462001097368737","#,
            r#""paidOn":"17/11/2021 3:48:10 PM","paymentDescription":"Mockaroo Jesse","metaData":{},"#,
            r#""destinationAccountInformation":{},"paymentSourceInformation":{},"amountPaid":78000,"#,
            r#""totalPayable":78000,"offlineProductInformation":{"code":"41470","type":"DYNAMIC"},"cardDetails":{},"#,
            r#""paymentMethod":"CASH","currency":"NGN","settlementAmount":77600,"paymentStatus":"PAID","#,
            r#""customer":{"name":"Mockaroo Jesse","email":"111222333@ZZAMZ4WT4Y3E.monnify"}},"#,
            r#""eventType":"SUCCESSFUL_TRANSACTION"}"#,
        );
        let published = concat!(
            "f04fb635e04d71648bd3cc7999003da6861483342c856d05ddfa9b2dafacb873",
            "b0de1d0f8f67405d0010b4348b721c49fa171d317972618debba6b638aedcd3c",
        );
        assert_eq!(sign(SECRET, body.as_bytes()), published);
        assert!(verify(SECRET, body.as_bytes(), published));
        assert!(!verify(SECRET, format!("{body} ").as_bytes(), published));
        assert!(!verify("another", body.as_bytes(), published));
        assert!(!verify(SECRET, body.as_bytes(), ""));
    }
}
