//! How each gateway signs its webhooks. Pure: time is an argument.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::time::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha512};

use crate::gateways::Gateway;

/// A header with its value.
pub type Header = (&'static str, String);

/// The header that proves that `gateway` sent `body` at `now`, and that it knows `secret`.
///
/// Paystack: lower-case hex HMAC-SHA512 of the body (paystack.com/docs/payments/webhooks). Flutterwave's third interface:
/// the secret as it is, which proves nothing about the body (developer.flutterwave.com/v3.0/docs/webhooks); its fourth:
/// base64 HMAC-SHA256 (developer.flutterwave.com/docs/webhooks). Monnify: lower-case hex HMAC-SHA512 under the client secret,
/// as its published example computes it (developers.monnify.com/docs/webhooks). Stripe: hex HMAC-SHA256 of time, dot and
/// body, with the time beside it (docs.stripe.com/webhooks/signature).
pub fn sign(gateway: Gateway, secret: &[u8], body: &[u8], now: Timestamp) -> Header {
    match gateway {
        Gateway::Paystack => ("x-paystack-signature", hex::encode(sha512(secret, body))),
        Gateway::FlutterwaveV3 => ("verif-hash", String::from_utf8_lossy(secret).into_owned()),
        Gateway::FlutterwaveV4 => ("flutterwave-signature", STANDARD.encode(sha256(secret, body))),
        Gateway::Monnify => ("monnify-signature", hex::encode(sha512(secret, body))),
        Gateway::Stripe => {
            let time = now.as_seconds().to_string();
            let proof = hex::encode(sha256(secret, &[time.as_bytes(), b".", body].concat()));
            ("stripe-signature", format!("t={time},v1={proof}"))
        }
    }
}

/// Empty for a key that HMAC does not take, and it takes all (RFC 2104).
fn sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key)
        .map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

fn sha512(key: &[u8], message: &[u8]) -> Vec<u8> {
    Hmac::<Sha512>::new_from_slice(key)
        .map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(gateway: Gateway, secret: &str, body: &str) -> Header {
        sign(gateway, secret.as_bytes(), body.as_bytes(), Timestamp(1_533_204_620_999))
    }

    #[test]
    fn paystack_signs_as_it_documents() {
        let body = r#"{"event":"charge.success","data":{"id":302961,"domain":"test","status":"success","reference":"ref-1","amount":10000,"currency":"NGN"}}"#;
        let right = "b6fb25bb95f2fdebe888090e3eb8e708e0885f071893c60f87ed5ba7e16210cd5e4f95f05c2fa700fb221cb04e7041063a8e9505f6dfc6937dad2726b95b105c";
        assert_eq!(header(Gateway::Paystack, "sk_test_example", body), ("x-paystack-signature", right.to_owned()));
    }

    #[test]
    fn flutterwave_sends_its_hash_or_signs_with_it() {
        assert_eq!(
            header(Gateway::FlutterwaveV3, "flw_secret_hash", "{}"),
            ("verif-hash", "flw_secret_hash".to_owned())
        );
        let body = r#"{"webhook_id":"wbk_1","timestamp":1739456704200,"type":"charge.completed","data":{"id":"chg_VoUhmFMhmF","amount":100,"currency":"NGN","status":"succeeded","reference":"ref-1"}}"#;
        let right = "skrILI+CtQwKLTn+nEwBBj779dAOkYwMTViHmh7fmUA=";
        assert_eq!(
            header(Gateway::FlutterwaveV4, "flw_secret_hash", body),
            ("flutterwave-signature", right.to_owned())
        );
    }

    /// The example that Monnify publishes.
    #[test]
    fn monnify_signs_as_its_own_example() {
        let body = r#"{"eventData":{"product":{"reference":"111222333","type":"OFFLINE_PAYMENT_AGENT"},"transactionReference":"MNFY|76|20211117154810|000001","paymentReference":"0.01462001097368737","paidOn":"17/11/2021 3:48:10 PM","paymentDescription":"Mockaroo Jesse","metaData":{},"destinationAccountInformation":{},"paymentSourceInformation":{},"amountPaid":78000,"totalPayable":78000,"offlineProductInformation":{"code":"41470","type":"DYNAMIC"},"cardDetails":{},"paymentMethod":"CASH","currency":"NGN","settlementAmount":77600,"paymentStatus":"PAID","customer":{"name":"Mockaroo Jesse","email":"111222333@ZZAMZ4WT4Y3E.monnify"}},"eventType":"SUCCESSFUL_TRANSACTION"}"#;
        let right = "f04fb635e04d71648bd3cc7999003da6861483342c856d05ddfa9b2dafacb873b0de1d0f8f67405d0010b4348b721c49fa171d317972618debba6b638aedcd3c";
        let secret = "91MUDL9N6U3BQRXBQ2PJ9M0PW4J22M1Y";
        assert_eq!(header(Gateway::Monnify, secret, body), ("monnify-signature", right.to_owned()));
    }

    /// An example that a client library of Stripe's publishes.
    #[test]
    fn stripe_signs_time_and_body_together() {
        let body = r#"{"account":"acct_123","api_version":"2017-05-25","created":1533204620,"data":{"object":{"amount":1000,"currency":"usd","customer":"cus_123","date":1533204620,"description":"Test Invoice Item","discountable":false,"id":"ii_123","invoice":"in_123","livemode":false,"metadata":{},"object":"invoiceitem","period":{"end":1533204620,"start":1533204620},"proration":false,"quantity":3,"quantity_decimal":"0"}},"id":"evt_123","livemode":false,"object":"event","pending_webhooks":1,"request":{"id":"req_123","idempotency_key":"idempotency-key-123"},"type":"invoiceitem.created"}"#;
        let right = "t=1533204620,v1=d7373bc68f4bd320b253cd7461f87af6e1cdf1b4d7db1614d8d1d746972d2d0a";
        assert_eq!(header(Gateway::Stripe, "secret", body), ("stripe-signature", right.to_owned()));
    }
}
