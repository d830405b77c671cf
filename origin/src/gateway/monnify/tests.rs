//! Monnify's answers and webhooks, as its documentation shows them.

use domain::time::Millis;
use serde_json::json;

use super::super::testing::{answer, json_of, order, payment, text_of};
use super::super::{ObservedRefund, RefundObservation, RefundOrder};
use super::refunds::{read_found_refund, read_refunded};
use super::*;

fn account() -> Monnify {
    let base_url = "https://api.monnify.com".parse().unwrap();
    Monnify::new(base_url, "MK_TEST".to_owned(), "91MUDL9N6U3BQRXBQ2PJ9M0PW4J22M1Y".to_owned(), "4934121686".to_owned())
}

fn body(body: &str) -> Response {
    let start = r#""requestSuccessful":true,"responseMessage":"success","responseCode":"0""#;
    answer(200, &format!(r#"{{{start},"responseBody":{body}}}"#))
}

fn refused(status: u16, code: &str, message: &str) -> Response {
    let said = format!(r#""requestSuccessful":false,"responseMessage":"{message}","responseCode":"{code}""#);
    answer(status, &format!("{{{said}}}"))
}

fn transaction(status: &str, amount_paid: &str) -> Response {
    body(&format!(
        r#"{{"transactionReference":"MNFY|87|20230629132018|049239","paymentReference":"ref-1",
        "amountPaid":{amount_paid},"totalPayable":"200.00","settlementAmount":"196.77",
        "paidOn":"29/06/2023 01:20:18 PM","paymentStatus":"{status}","currency":"NGN","paymentSourceInformation":[]}}"#
    ))
}

#[test]
fn a_token_is_asked_for_with_both_keys_and_lives_as_long_as_it_says() {
    let request = account().authenticate().unwrap();
    assert_eq!(request.url.as_str(), "https://api.monnify.com/api/v1/auth/login");
    assert!(matches!(&request.auth, Auth::Basic { user, .. } if user.reveal() == "MK_TEST"));
    let token = read_token(&body(r#"{"accessToken":"ey","expiresIn":3567}"#), Timestamp(0)).unwrap();
    assert_eq!((token.secret.reveal(), token.expires_at), ("ey", Timestamp(0) + Millis::seconds(3_567)));
    let bad = read_token(&refused(401, "99", "Invalid Credentials"), Timestamp(0)).unwrap_err();
    assert_eq!(bad, GatewayError::Unauthorised("Invalid Credentials".to_owned()));
}

#[test]
fn a_payment_is_asked_for_in_major_units_that_were_never_a_float() {
    let request = account().initialise(&payment(123_450, Currency::Ngn)).unwrap();
    assert_eq!(request.url.as_str(), "https://api.monnify.com/api/v1/merchant/transactions/init-transaction");
    assert!(matches!(request.auth, Auth::Token));
    assert!(text_of(&request).starts_with(r#"{"amount":1234.50,"#), "{}", text_of(&request));
    let sent = json_of(&request);
    assert_eq!((&sent["contractCode"], &sent["paymentReference"]), (&json!("4934121686"), &json!("ref-1")));
    assert_eq!((&sent["currencyCode"], &sent["customerEmail"]), (&json!("NGN"), &json!("ada@example.com")));
}

#[test]
fn the_payment_page_is_read_and_a_used_reference_is_told_apart() {
    let page = "https://sandbox.sdk.monnify.com/checkout/MNFY|20190915200044|000090";
    let made = format!(r#"{{"transactionReference":"MNFY|1","paymentReference":"ref-1","checkoutUrl":"{page}"}}"#);
    assert_eq!(read_initialised("ref-1", &body(&made)).unwrap().path(), "/checkout/MNFY|20190915200044|000090");
    assert!(read_initialised("ref-2", &body(&made)).is_err());
    let error = |status, message| read_initialised("ref-1", &refused(status, "99", message)).unwrap_err();
    assert_eq!(error(422, "Duplicate payment reference"), GatewayError::DuplicateReference);
    assert_eq!(error(422, "Payment reference already exists"), GatewayError::DuplicateReference);
    assert_eq!(error(422, "Invalid contract code"), GatewayError::Refused("Invalid contract code".to_owned()));
    assert!(matches!(error(500, "no"), GatewayError::Unavailable(_)));
}

#[test]
fn a_payment_is_what_its_own_status_says() {
    let status = |word| read_verified("ref-1", &transaction(word, "200")).map(|seen| seen.status);
    for paid in ["PAID", "OVERPAID", "PARTIALLY_PAID"] {
        assert_eq!(status(paid), Ok(ObservedStatus::Succeeded), "{paid}: the amount says the rest");
    }
    assert_eq!(status("PENDING"), Ok(ObservedStatus::Pending));
    assert_eq!(status("EXPIRED"), Ok(ObservedStatus::Abandoned));
    assert_eq!(status("FAILED"), Ok(ObservedStatus::Failed));
    assert_eq!(status("REVERSED"), Ok(ObservedStatus::Reversed));
    assert!(status("ODD").is_err());
    let unknown = refused(404, "99", "There's no transaction matching supplied reference");
    assert_eq!(read_verified("ref-1", &unknown).unwrap().status, ObservedStatus::Unknown);
    assert!(matches!(read_verified("ref-1", &answer(404, "{}")), Err(GatewayError::Unreadable(_))), "not Monnify's");
    assert!(read_verified("ref-2", &transaction("PAID", "200")).is_err(), "it is about another payment");
}

#[test]
fn an_amount_comes_as_a_number_or_as_a_text_and_is_exact_or_refused() {
    let seen = |amount| read_verified("ref-1", &transaction("PAID", amount));
    for amount in ["200", "200.00", r#""200.00""#, r#""200""#] {
        let seen = seen(amount).unwrap();
        assert_eq!((seen.amount_minor, seen.fee_minor), (20_000, Some(323)), "{amount}");
        assert_eq!(seen.gateway_id.as_deref(), Some("MNFY|87|20230629132018|049239"));
    }
    for bad in ["200.005", "-1", "2e2", "null", r#""""#] {
        assert!(seen(bad).is_err(), "{bad}");
    }
    let pending = read_verified("ref-1", &transaction("PENDING", "null")).unwrap();
    assert_eq!((pending.amount_minor, pending.fee_minor), (0, None), "nothing was paid yet");
}

#[test]
fn a_webhook_is_opened_only_with_the_right_signature() {
    let event = br#"{"eventType":"SUCCESSFUL_TRANSACTION","eventData":{"transactionReference":"MNFY|76|1",
        "paymentReference":"ref-1","amountPaid":78000,"paymentStatus":"PAID","paymentSourceInformation":{}}}"#;
    let good = signature::sign("91MUDL9N6U3BQRXBQ2PJ9M0PW4J22M1Y", event);
    let notice = account().open_webhook(|_| Some(&good), event).unwrap();
    assert_eq!(notice.about, Subject::Payment { reference: "ref-1".to_owned() });
    assert_eq!(notice.key, "SUCCESSFUL_TRANSACTION:MNFY|76|1:ref-1:PAID:78000");
    let forged = signature::sign("another", event);
    assert_eq!(account().open_webhook(|_| Some(&forged), event), Err(BadWebhook::Forged));
    assert_eq!(account().open_webhook(|_| None, event), Err(BadWebhook::Forged));
}

#[test]
fn webhooks_of_refunds_name_their_payment_and_settlements_are_for_the_record() {
    let notice = |body: &str| read_event(body.as_bytes()).unwrap();
    let refund = notice(
        r#"{"eventType":"SUCCESSFUL_REFUND","eventData":{"transactionReference":"MNFY|1","refundReference":"rf-1",
        "refundStatus":"COMPLETED"}}"#,
    );
    assert_eq!(refund.about, Subject::Refund { payment: PaymentName::GatewayId("MNFY|1".to_owned()) });
    assert_eq!(refund.key, "SUCCESSFUL_REFUND:rf-1:MNFY|1:COMPLETED");
    let settlement = notice(r#"{"eventType":"SETTLEMENT","eventData":{"settlementReference":"S1","amount":"1.00"}}"#);
    assert_eq!((settlement.about, settlement.key.as_str()), (Subject::Other { reference: None }, "SETTLEMENT:S1:"));
    assert!(read_event(br#"{"eventType":"REJECTED_PAYMENT","eventData":{}}"#).is_err());
    assert!(read_event(br#"{"eventData":{}}"#).is_err());
}

#[test]
fn a_refund_bears_our_name_and_says_no_more_than_monnify_takes() {
    let reason = "ä".repeat(80);
    let request = account().refund(&RefundOrder { reason: &reason, gateway_id: Some("MNFY|1"), ..order() }).unwrap();
    assert_eq!(request.url.as_str(), "https://api.monnify.com/api/v1/refunds/initiate-refund");
    let sent = json_of(&request);
    assert_eq!((&sent["refundReference"], &sent["transactionReference"]), (&json!("rf-1"), &json!("MNFY|1")));
    assert_eq!(sent["refundReason"].as_str().unwrap().chars().count(), 64);
    assert_eq!(sent["customerNote"].as_str().unwrap().chars().count(), 16);
    assert!(text_of(&request).contains(r#""refundAmount":50.00,"#), "{}", text_of(&request));
    let find = account().find_refund(&RefundOrder { id: "a|b/c", ..order() }).unwrap();
    assert_eq!(find.url.path(), "/api/v1/refunds/a|b%2Fc", "no name can leave its place");
}

#[test]
fn each_answer_to_a_refund_says_whether_it_may_be_asked_for_again() {
    let error = |code| read_refunded(&order(), &refused(400, code, "no")).unwrap_err();
    for code in ["R2", "R3", "R4", "R12"] {
        assert_eq!(error(code), GatewayError::RefundRefused("no".to_owned()), "{code}");
    }
    for code in ["R5", "R6", "99"] {
        assert_eq!(error(code), GatewayError::Refused("no".to_owned()), "{code}");
    }
    assert_eq!(error("R11"), GatewayError::Unavailable("no".to_owned()));
    let again = read_refunded(&order(), &refused(400, "R9", "Supplied refund reference already exists")).unwrap();
    assert_eq!(again.status, ObservedRefund::Pending, "the first answer was lost");
    let found = read_found_refund(&order(), &refused(400, "R7", "No refund was initiated"));
    assert_eq!(found, Ok(RefundObservation::unknown()));

    let refund = |status: &str| {
        body(&format!(
            r#"{{"refundReference":"rf-1","transactionReference":"MNFY|1","refundAmount":50,
            "refundStatus":"{status}","comment":"No such account"}}"#
        ))
    };
    let status = |word| read_found_refund(&order(), &refund(word)).map(|seen| seen.status);
    assert_eq!(status("IN_PROGRESS"), Ok(ObservedRefund::Pending));
    assert_eq!(status("COMPLETED"), Ok(ObservedRefund::Processed));
    assert_eq!(status("FAILED"), Ok(ObservedRefund::Failed("No such account".to_owned())));
    assert!(status("ODD").is_err());
    assert!(read_found_refund(&RefundOrder { id: "rf-2", ..order() }, &refund("COMPLETED")).is_err());
}
