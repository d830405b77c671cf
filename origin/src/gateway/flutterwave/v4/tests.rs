//! Answers and webhooks of version 4 of Flutterwave, as its documentation shows them.

use domain::time::Millis;
use serde_json::json;

use super::super::super::testing::{answer, header_of, json_of, order, payment, text_of};
use super::super::super::{DisputeStatus, ObservedRefund, RefundObservation, RefundOrder};
use super::refunds::{read_dispute, read_found_refund, read_refunded};
use super::*;

const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn account() -> FlutterwaveV4 {
    let secret = |text: &str| Secret::new(text.to_owned());
    let credentials =
        Credentials { client_id: secret("id"), client_secret: secret("s&t"), secret_hash: secret("flw_secret_hash") };
    let base_url = "https://f4bexperience.flutterwave.com".parse().unwrap();
    FlutterwaveV4::new(base_url, "https://idp.flutterwave.com/token".parse().unwrap(), credentials)
}

fn data(data: &str) -> Response {
    answer(200, &format!(r#"{{"status":"success","message":"ok","data":{data}}}"#))
}

fn refused(status: u16, message: &str) -> Response {
    let error = format!(r#"{{"type":"REQUEST_NOT_VALID","code":"10400","message":"{message}"}}"#);
    answer(status, &format!(r#"{{"status":"failed","error":{error}}}"#))
}

fn charge(status: &str) -> String {
    format!(
        r#"{{"id":"chg_VoUhmFMhmF","amount":1234.5,"currency":"NGN","reference":"ref-1","status":"{status}",
        "fees":[{{"type":"app","amount":14}},{{"type":"vat","amount":1.05}}]}}"#
    )
}

#[test]
fn a_token_is_asked_for_with_a_form_and_lives_as_long_as_it_says() {
    let request = account().authenticate();
    let form = Body::Form("client_id=id&client_secret=s%26t&grant_type=client_credentials".to_owned());
    assert_eq!((request.url.as_str(), &request.body), ("https://idp.flutterwave.com/token", &form));
    assert!(matches!(request.auth, Auth::None));
    let token =
        read_token(&answer(200, r#"{"access_token":"ey","expires_in":600,"token_type":"Bearer"}"#), NOW).unwrap();
    assert_eq!((token.secret.reveal(), token.expires_at), ("ey", NOW + Millis::seconds(600)));
    let bad = answer(400, r#"{"error":"invalid_client","error_description":"Invalid client credentials"}"#);
    let words = "Invalid client credentials".to_owned();
    assert_eq!(read_token(&bad, NOW).unwrap_err(), GatewayError::Unauthorised(words));
    assert!(matches!(read_token(&answer(503, ""), NOW), Err(GatewayError::Unavailable(_))));
    assert!(matches!(read_token(&answer(200, "{}"), NOW), Err(GatewayError::Unreadable(_))));
}

#[test]
fn the_payer_is_introduced_first_and_found_again_if_known_already() {
    let wanted = payment(1, Currency::Ngn);
    let request = account().introduce(&wanted).unwrap();
    assert_eq!((request.url.path(), text_of(&request)), ("/customers", r#"{"email":"ada@example.com"}"#));
    let introduced = |response: &Response| account().read_introduced(&wanted, response);
    let customer = |email: &str| format!(r#"{{"id":"cus_1","email":"{email}","name":null}}"#);
    let named = introduced(&data(&customer("ada@example.com"))).unwrap();
    assert!(matches!(named, Introduction::Named(id) if id == "cus_1"));
    let Introduction::KnownAlready(search) = introduced(&refused(409, "Customer already exists")).unwrap() else {
        panic!("it has to be searched for")
    };
    assert_eq!((search.url.path(), text_of(&search)), ("/customers/search", r#"{"email":"ada@example.com"}"#));
    let found = |list: &str| read_payer(&wanted, &data(list));
    let list = format!("[{},{}]", customer("bea@example.com").replace("cus_1", "cus_0"), customer("Ada@Example.com"));
    assert_eq!(found(&list).unwrap(), "cus_1");
    assert!(found("[]").is_err());
    assert!(matches!(introduced(&refused(400, "email must not be null")), Err(GatewayError::Refused(_))));
}

#[test]
fn a_session_is_asked_for_once_however_often_it_is_sent() {
    let wanted = payment(123_450, Currency::Ngn);
    assert!(account().initialise(&wanted).is_err(), "nobody was introduced");
    let request = account().initialise(&Initialise { payer_id: Some("cus_1"), ..wanted }).unwrap();
    assert_eq!(request.url.as_str(), "https://f4bexperience.flutterwave.com/checkout/sessions");
    assert!(matches!(request.auth, Auth::Token));
    assert_eq!(header_of(&request, "x-idempotency-key"), Some("ref-1"));
    assert!(text_of(&request).starts_with(r#"{"amount":1234.50,"#), "{}", text_of(&request));
    let sent = json_of(&request);
    assert_eq!((&sent["customer_id"], &sent["reference"]), (&json!("cus_1"), &json!("ref-1")));
}

#[test]
fn our_references_have_a_length_that_version_4_takes() {
    for attempt in [1, 999_999] {
        let reference = format!("ks-{}-{attempt}", "0".repeat(32));
        assert!((6..=42).contains(&reference.len()), "as a reference");
        assert!((12..=255).contains(&reference.len()), "as the key that makes it idempotent");
    }
}

#[test]
fn the_payment_page_is_read_and_a_used_reference_is_told_apart() {
    let session = r#"{"id":"cks_1","amount":1234.5,"reference":"ref-1","checkout_url":"https://checkout.example/x"}"#;
    assert_eq!(read_initialised("ref-1", &data(session)).unwrap().as_str(), "https://checkout.example/x");
    assert!(read_initialised("ref-2", &data(session)).is_err());
    assert!(matches!(read_initialised("ref-1", &data(r#"{"reference":"ref-1"}"#)), Err(GatewayError::Unreadable(_))));
    let error = |status, message| read_initialised("ref-1", &refused(status, message)).unwrap_err();
    assert_eq!(error(409, "Conflict"), GatewayError::DuplicateReference);
    assert_eq!(error(400, "Checkout session with reference already exists"), GatewayError::DuplicateReference);
    assert_eq!(error(400, "Amount is required"), GatewayError::Refused("Amount is required".to_owned()));
    assert!(matches!(error(401, "Unauthorized"), GatewayError::Unauthorised(_)));
}

#[test]
fn a_payment_is_what_its_own_status_says() {
    let status = |word| read_verified("ref-1", &data(&format!("[{}]", charge(word)))).map(|seen| seen.status);
    assert_eq!(status("succeeded"), Ok(ObservedStatus::Succeeded));
    assert_eq!(status("pending"), Ok(ObservedStatus::Pending));
    assert_eq!(status("failed"), Ok(ObservedStatus::Failed));
    assert_eq!(status("voided"), Ok(ObservedStatus::Reversed));
    assert!(status("successful").is_err(), "that is a word of version 3");
    assert_eq!(read_verified("ref-1", &data("[]")).unwrap().status, ObservedStatus::Unknown);
    let both = format!("[{},{}]", charge("failed"), charge("succeeded"));
    assert_eq!(read_verified("ref-1", &data(&both)).unwrap().status, ObservedStatus::Succeeded);
    let seen = read_verified("ref-1", &data(&format!("[{}]", charge("succeeded")))).unwrap();
    assert_eq!((seen.amount_minor, seen.fee_minor), (123_450, Some(1_505)));
    assert_eq!(seen.gateway_id.as_deref(), Some("chg_VoUhmFMhmF"));
}

#[test]
fn a_list_that_was_not_filtered_is_not_taken_for_unknown() {
    let other = charge("succeeded").replace("ref-1", "ref-2");
    let body = format!(r#"{{"status":"success","data":[{other}],"meta":{{"page_info":{{"total_pages":2}}}}}}"#);
    assert!(read_verified("ref-1", &answer(200, &body)).is_err());
}

#[test]
fn a_webhook_is_opened_only_with_the_right_signature() {
    let body = concat!(
        r#"{"webhook_id":"wbk_1","timestamp":1739456704200,"type":"charge.completed","#,
        r#""data":{"id":"chg_VoUhmFMhmF","amount":100,"currency":"NGN","status":"succeeded","reference":"ref-1"}}"#,
    );
    let open = |header: Option<&'static str>| account().open_webhook(|_| header, body.as_bytes());
    let notice = open(Some("skrILI+CtQwKLTn+nEwBBj779dAOkYwMTViHmh7fmUA=")).unwrap();
    assert_eq!(notice.about, Subject::Payment { reference: "ref-1".to_owned() });
    assert_eq!(notice.key, "charge.completed:chg_VoUhmFMhmF:succeeded:wbk_1");
    assert_eq!(open(Some("flw_secret_hash")), Err(BadWebhook::Forged), "the way of version 3 opens nothing here");
    assert_eq!(open(None), Err(BadWebhook::Forged));
}

#[test]
fn webhooks_of_refunds_and_chargebacks_name_their_charge() {
    let about = |body: &str| read_event(body.as_bytes()).unwrap().about;
    let charge = || PaymentName::GatewayId("chg_1".to_owned());
    let refund = r#"{"type":"refund.completed","data":{"id":"rfd_1","charge_id":"chg_1","status":"completed"}}"#;
    assert_eq!(about(refund), Subject::Refund { payment: charge() });
    let chargeback = r#"{"type":"chargeback.created","data":{"id":"cbk_1","charge_id":"chg_1"}}"#;
    assert_eq!(about(chargeback), Subject::Dispute { payment: charge(), dispute_id: "cbk_1".to_owned() });
    assert_eq!(about(r#"{"type":"transfer.disburse","data":{}}"#), Subject::Other { reference: None });
    assert!(read_event(br#"{"type":"charge.completed","data":{"id":"chg_1"}}"#).is_err());
}

#[test]
fn a_refund_is_asked_for_and_found_by_our_name_for_it() {
    let request = account().refund(&order()).unwrap();
    assert_eq!(header_of(&request, "x-idempotency-key"), Some("rf-1"));
    assert_eq!(json_of(&request)["meta"]["refund_id"], json!("rf-1"));
    assert!(text_of(&request).starts_with(r#"{"amount":50.00,"charge_id":"1641","#), "{}", text_of(&request));
    let request = account().find_refund(&order()).unwrap();
    assert_eq!(request.url.query(), Some("from=2026-09-21T14%3A03%3A20Z&page=1&size=50"));

    let refund = |id: &str, status: &str| {
        format!(
            r#"{{"id":"x","amount_refunded":50,"meta":{{"refund_id":"{id}"}},"status":"{status}","charge_id":"1641"}}"#
        )
    };
    let made = |status| read_refunded(&order(), &data(&refund("rf-1", status))).map(|seen| seen.status);
    assert_eq!(made("new"), Ok(ObservedRefund::Pending));
    assert_eq!(made("completed"), Ok(ObservedRefund::Processed));
    assert!(matches!(made("failed"), Ok(ObservedRefund::Failed(_))));
    let list = format!("[{},{}]", refund("rf-2", "completed"), refund("rf-1", "succeeded"));
    assert_eq!(read_found_refund(&order(), &data(&list)).unwrap().status, ObservedRefund::Processed);
    let list = format!("[{}]", refund("rf-2", "completed"));
    assert_eq!(read_found_refund(&order(), &data(&list)), Ok(RefundObservation::unknown()));
    let more = format!(r#"{{"status":"success","data":{list},"meta":{{"page_info":{{"total_pages":2}}}}}}"#);
    assert!(read_found_refund(&order(), &answer(200, &more)).is_err(), "it may be on another page");
    let known = RefundOrder { gateway_refund_id: Some("rfd_1"), ..order() };
    assert_eq!(account().find_refund(&known).unwrap().url.path(), "/refunds/rfd_1");
    let seen = read_found_refund(&known, &data(&refund("rf-1", "completed"))).unwrap();
    assert_eq!(seen.status, ObservedRefund::Processed);
    let words = "Refund amount exceeds the charge";
    let error = read_refunded(&order(), &refused(400, words)).unwrap_err();
    assert_eq!(error, GatewayError::RefundRefused(words.to_owned()));
}

#[test]
fn a_chargeback_is_read() {
    let chargeback = r#"{"id":"cbk_1","charge_id":"chg_1","amount":100,"status":"lost","stage":"new"}"#;
    let seen = read_dispute(&data(chargeback)).unwrap();
    assert_eq!((seen.status, seen.payment), (DisputeStatus::Lost, PaymentName::GatewayId("chg_1".to_owned())));
}
