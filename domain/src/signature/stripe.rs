//! Stripe: `Stripe-Signature: t=…,v1=…` carries the hex HMAC-SHA256 of `t.body` under the endpoint's secret. While a secret is
//! being replaced there are several `v1`; any that matches will do. What was signed long ago is refused, so that nobody can send
//! it again.

use super::{equal_hex, hmac_sha256};
use crate::time::{Millis, Timestamp};

/// The header that carries it.
pub const HEADER: &str = "stripe-signature";

/// How far the time of signing may be from now.
pub const TOLERANCE: Millis = Millis::seconds(300);

/// The header of a `body` that is signed at `at`.
pub fn sign(secret: &str, body: &[u8], at: Timestamp) -> String {
    let seconds = at.as_seconds();
    format!("t={seconds},v1={}", hex::encode(mac(secret, &seconds.to_string(), body)))
}

/// Whether `header` signs the raw `body`, and did so not long before `now`.
pub fn verify(secret: &str, body: &[u8], header: &str, now: Timestamp) -> bool {
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let Some((_, time)) = parts().find(|(name, _)| *name == "t") else { return false };
    let Ok(seconds) = time.parse::<i64>() else { return false };
    if (now.as_seconds()).abs_diff(seconds) > TOLERANCE.0.unsigned_abs() / 1_000 {
        return false;
    }
    let expected = mac(secret, time, body);
    // All are compared, so that the time taken does not tell which one matched.
    parts().filter(|(name, _)| *name == "v1").fold(false, |found, (_, given)| equal_hex(&expected, given) | found)
}

fn mac(secret: &str, time: &str, body: &[u8]) -> [u8; 32] {
    hmac_sha256(secret.as_bytes(), &[time.as_bytes(), b".", body].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED_AT: Timestamp = Timestamp(1_533_204_620_000);
    const V1: &str = "d7373bc68f4bd320b253cd7461f87af6e1cdf1b4d7db1614d8d1d746972d2d0a";

    /// As in the tests of async-stripe.
    const BODY: &str = concat!(
        r#"{"account":"acct_123","api_version":"2017-05-25","created":1533204620,"data":{"object":{"amount":1000,"#,
        r#""currency":"usd","customer":"cus_123","date":1533204620,"description":"Test Invoice Item","#,
        r#""discountable":false,"id":"ii_123","invoice":"in_123","livemode":false,"metadata":{},"#,
        r#""object":"invoiceitem","period":{"end":1533204620,"start":1533204620},"proration":false,"quantity":3,"#,
        r#""quantity_decimal":"0"}},"id":"evt_123","livemode":false,"object":"event","pending_webhooks":1,"#,
        r#""request":{"id":"req_123","idempotency_key":"idempotency-key-123"},"type":"invoiceitem.created"}"#,
    );

    fn holds(header: &str, now: Timestamp) -> bool {
        verify("secret", BODY.as_bytes(), header, now)
    }

    #[test]
    fn stripe_signs_the_time_and_the_raw_body() {
        let header = format!("t=1533204620,v1={V1}");
        assert_eq!(sign("secret", BODY.as_bytes(), SIGNED_AT), header);
        assert!(holds(&header, SIGNED_AT));
        assert!(!verify("another", BODY.as_bytes(), &header, SIGNED_AT));
        assert!(!verify("secret", format!("{BODY} ").as_bytes(), &header, SIGNED_AT));
        assert!(!holds(&format!("t=1533204621,v1={V1}"), SIGNED_AT), "the time is signed too");
    }

    #[test]
    fn an_old_signature_and_one_from_the_future_are_refused() {
        let header = format!("t=1533204620,v1={V1}");
        assert!(holds(&header, SIGNED_AT + Millis::seconds(300)));
        assert!(!holds(&header, SIGNED_AT + Millis::seconds(301)));
        assert!(holds(&header, SIGNED_AT + Millis::seconds(-300)));
        assert!(!holds(&header, SIGNED_AT + Millis::seconds(-301)));
    }

    #[test]
    fn any_matching_signature_will_do_and_nothing_else() {
        let wrong = "00".repeat(32);
        assert!(holds(&format!("t=1533204620,v1={wrong},v1={V1},v0=x"), SIGNED_AT));
        assert!(holds(&format!("t=1533204620, v1={V1}, v1={wrong}"), SIGNED_AT));
        for header in [
            String::new(),
            V1.to_owned(),
            format!("v1={V1}"),
            "t=1533204620".to_owned(),
            format!("t=1533204620,v0={V1}"),
            format!("t=1533204620,v1={wrong}"),
            format!("t=soon,v1={V1}"),
            format!("t=,v1={V1}"),
            format!("t={},v1={V1}", i64::MIN),
        ] {
            assert!(!holds(&header, SIGNED_AT), "{header:?}");
        }
    }
}
