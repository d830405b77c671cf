//! Paystack's answers and webhooks, as its documentation shows them.

use super::super::testing::{answer, json_of, payment};
use super::*;

fn account(base_url: &str) -> Paystack {
    Paystack::new(base_url.parse().unwrap(), "sk_test_example".to_owned())
}

fn verified(data: &str) -> Result<Observation, GatewayError> {
    let body = format!(r#"{{"status":true,"message":"Verification successful","data":{data}}}"#);
    read_verified("ref-1", &answer(200, &body))
}

#[test]
fn a_payment_is_asked_for_in_minor_units_with_the_key_in_a_header() {
    let request = account("https://api.paystack.co").initialise(&payment(123_456, Currency::Ngn)).unwrap();
    assert_eq!(request.url.as_str(), "https://api.paystack.co/transaction/initialize");
    assert!(matches!(&request.auth, Auth::Bearer(key) if key.reveal() == "sk_test_example"));
    let body = json_of(&request);
    assert_eq!((&body["amount"], &body["currency"]), (&json!("123456"), &json!("NGN")));
}

#[test]
fn a_base_url_may_have_a_path_and_a_reference_cannot_leave_it() {
    let url = |base: &str, reference| account(base).verify(Verify { reference, page: None }).unwrap().url.to_string();
    assert_eq!(url("http://127.0.0.1:1/paystack", "r"), "http://127.0.0.1:1/paystack/transaction/verify/r");
    assert_eq!(url("http://127.0.0.1:1/paystack/", "r"), "http://127.0.0.1:1/paystack/transaction/verify/r");
    assert_eq!(url("http://127.0.0.1:1", "a/../b?c"), "http://127.0.0.1:1/transaction/verify/a%2F..%2Fb%3Fc");
}

#[test]
fn the_payment_page_is_read_and_what_is_missing_is_refused() {
    let read = |body| read_initialised("ref-1", &answer(200, body));
    let good = r#"{"status":true,"message":"ok","new":1,"data":{"authorization_url":"https://checkout.example/x","access_code":"x","reference":"ref-1","more":[]}}"#;
    assert_eq!(read(good).unwrap().as_str(), "https://checkout.example/x");
    for bad in [
        r#"{"status":true,"message":"ok","data":{"reference":"ref-1"}}"#,
        r#"{"status":true,"message":"ok","data":{"authorization_url":"https://a.example","reference":"other"}}"#,
        r#"{"status":true,"message":"ok","data":{"authorization_url":"javascript:alert(1)","reference":"ref-1"}}"#,
        r#"{"status":true,"message":"ok"}"#,
        "<html>",
    ] {
        assert!(matches!(read(bad), Err(GatewayError::Unreadable(_))), "{bad}");
    }
}

#[test]
fn each_kind_of_refusal_is_told_apart() {
    let refused = |status, code: &str| {
        let body = format!(r#"{{"status":false,"message":"no","code":{code}}}"#);
        read_initialised("ref-1", &answer(status, &body)).unwrap_err()
    };
    assert_eq!(refused(400, r#""duplicate_reference""#), GatewayError::DuplicateReference);
    assert_eq!(refused(400, r#""invalid_params""#), GatewayError::Refused("no".to_owned()));
    assert_eq!(refused(200, "null"), GatewayError::Refused("no".to_owned()));
    assert_eq!(refused(401, "null"), GatewayError::Unauthorised("no".to_owned()));
    assert!(matches!(refused(502, "null"), GatewayError::Unavailable(_)));
    assert!(matches!(refused(429, "null"), GatewayError::Unavailable(_)));
}

#[test]
fn a_payment_is_what_its_own_status_says_not_the_envelopes() {
    let status = |word: &str| {
        let data = format!(r#"{{"reference":"ref-1","status":"{word}","amount":5000,"currency":"NGN"}}"#);
        verified(&data).map(|observation| observation.status)
    };
    assert_eq!(status("success"), Ok(ObservedStatus::Succeeded));
    assert_eq!(status("failed"), Ok(ObservedStatus::Failed));
    assert_eq!(status("abandoned"), Ok(ObservedStatus::Abandoned));
    assert_eq!(status("ongoing"), Ok(ObservedStatus::Pending));
    assert_eq!(status("reversed"), Ok(ObservedStatus::Reversed));
    assert!(matches!(status("odd"), Err(GatewayError::Unreadable(_))));
    let unknown = r#"{"status":false,"message":"Transaction reference not found.","code":"transaction_not_found"}"#;
    assert_eq!(read_verified("ref-1", &answer(400, unknown)).unwrap().status, ObservedStatus::Unknown);
}

#[test]
fn an_amount_is_whole_or_refused() {
    let amount = |text: &str| {
        let data = format!(r#"{{"reference":"ref-1","status":"success","amount":{text},"currency":"NGN"}}"#);
        verified(&data).map(|observation| observation.amount_minor)
    };
    assert_eq!(amount("5000"), Ok(5_000));
    assert_eq!(amount(r#""5000""#), Ok(5_000));
    for bad in ["5000.0", "49.99", "-1", "null", r#""5e3""#, "9007199254740993"] {
        assert!(amount(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_webhook_is_opened_only_with_the_right_signature() {
    let body = br#"{"event":"charge.success","data":{"id":302961,"status":"success","reference":"ref-1"}}"#;
    let good = signature::sign("sk_test_example", body);
    let account = account("https://api.paystack.co");
    let notice = account.open_webhook(|_| Some(&good), body).unwrap();
    assert_eq!(notice.key, "charge.success:302961:success");
    assert_eq!(notice.about, Subject::Payment { reference: "ref-1".to_owned() });
    assert_eq!(account.open_webhook(|_| None, body), Err(BadWebhook::Forged));
    let other = signature::sign("sk_test_other", body);
    assert_eq!(account.open_webhook(|_| Some(&other), body), Err(BadWebhook::Forged));
}

#[test]
fn an_observation_carries_what_a_refund_and_the_books_need() {
    let data = r#"{"id":302961,"reference":"ref-1","status":"success","amount":5000,"currency":"NGN","fees":587}"#;
    let seen = verified(data).unwrap();
    assert_eq!((seen.gateway_id.as_deref(), seen.fee_minor), (Some("302961"), Some(587)));
    let data = r#"{"reference":"ref-1","status":"abandoned","amount":5000,"currency":"NGN","fees":null}"#;
    let seen = verified(data).unwrap();
    assert_eq!((seen.gateway_id, seen.fee_minor), (None, None));
}

#[test]
fn a_refund_says_whose_it_is_and_two_of_one_payment_are_two_events() {
    let refund = |id: &str| {
        format!(r#"{{"event":"refund.processed","data":{{{id}"status":"processed","transaction_reference":"ref-1"}}}}"#)
    };
    let notice = |id: &str| read_event(refund(id).as_bytes()).unwrap();
    assert_eq!(notice("").about, Subject::Refund { payment: PaymentName::Reference("ref-1".to_owned()) });
    assert_eq!(notice(r#""id":"7","#).key, "refund.processed:7:processed");
    assert_eq!(notice(r#""id":7,"#).key, "refund.processed:7:processed");
    assert_eq!(notice(r#""refund_reference":"TRF_1","#).key, "refund.processed:TRF_1:processed");
    assert_ne!(notice(r#""amount":"1","#).key, notice(r#""amount":"2","#).key);
}

#[test]
fn a_dispute_says_which_payment_it_is_about() {
    let notice = |data: &str| read_event(format!(r#"{{"event":"charge.dispute.create","data":{data}}}"#).as_bytes());
    let found =
        notice(r#"{"id":358950,"status":"awaiting-merchant-feedback","transaction":{"id":1,"reference":"ref-1"}}"#);
    let found = found.unwrap();
    let payment = PaymentName::Reference("ref-1".to_owned());
    assert_eq!(found.about, Subject::Dispute { payment, dispute_id: "358950".to_owned() });
    assert_eq!(found.key, "charge.dispute.create:358950:awaiting-merchant-feedback");
    let found = notice(r#"{"id":358950,"transaction":{"id":1}}"#).unwrap();
    let payment = PaymentName::GatewayId("1".to_owned());
    assert_eq!(found.about, Subject::Dispute { payment, dispute_id: "358950".to_owned() });
    assert!(matches!(notice(r#"{"transaction":{"id":1}}"#), Err(BadWebhook::Unreadable(_))));
    assert!(matches!(notice(r#"{"id":1}"#), Err(BadWebhook::Unreadable(_))));
}

#[test]
fn what_is_about_nothing_of_ours_is_for_the_record_and_nonsense_is_refused() {
    let transfer = br#"{"event":"transfer.success","data":{"id":7,"status":"success","reference":"payout-1"}}"#;
    let notice = read_event(transfer).unwrap();
    assert_eq!(notice.about, Subject::Transfer { reference: "payout-1".to_owned() });
    let nameless = br#"{"event":"transfer.success","data":{"id":7}}"#;
    assert_eq!(read_event(nameless).unwrap().about, Subject::Other { reference: None });
    assert!(matches!(read_event(b"{}"), Err(BadWebhook::Unreadable(_))));
    assert!(matches!(read_event(br#"{"event":"charge.success","data":{"id":1}}"#), Err(BadWebhook::Unreadable(_))));
    let nameless = br#"{"event":"subscription.create","data":{}}"#;
    let key = |body: &[u8]| read_event(body).unwrap().key;
    assert_eq!(key(nameless), key(nameless));
    assert_ne!(key(nameless), key(br#"{"event":"subscription.create","data":{"x":1}}"#));
}
