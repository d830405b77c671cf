//! Answers and webhooks of version 3 of Flutterwave, as its documentation shows them.

use serde_json::json;

use super::super::super::testing::{answer, json_of, order, payment, text_of};
use super::super::super::{DisputeStatus, ObservedRefund, RefundObservation, RefundOrder};
use super::refunds::{read_dispute, read_found_refund, read_refunded};
use super::*;

fn account() -> FlutterwaveV3 {
    let base_url = "https://api.flutterwave.com/v3".parse().unwrap();
    FlutterwaveV3::new(base_url, "FLWSECK_TEST".to_owned(), "flw_secret_hash".to_owned())
}

fn data(data: &str) -> Response {
    answer(200, &format!(r#"{{"status":"success","message":"ok","data":{data}}}"#))
}

fn refused(status: u16, message: &str) -> Response {
    answer(status, &format!(r#"{{"status":"error","message":"{message}","data":null}}"#))
}

fn transaction(id: u64, status: &str) -> String {
    format!(
        r#"{{"id":{id},"tx_ref":"ref-1","flw_ref":"053","amount":1000,"currency":"NGN","charged_amount":1000,
        "app_fee":14,"merchant_fee":0,"status":"{status}","amount_settled":986,"customer":{{"id":1}}}}"#
    )
}

#[test]
fn a_payment_is_asked_for_in_major_units_that_were_never_a_float() {
    let request = account().initialise(&payment(9_007_199_254_740_991, Currency::Ngn)).unwrap();
    assert_eq!(request.url.as_str(), "https://api.flutterwave.com/v3/payments");
    assert!(text_of(&request).contains(r#""amount":90071992547409.91,"#), "{}", text_of(&request));
    let body = json_of(&account().initialise(&payment(123_450, Currency::Ngn)).unwrap());
    assert_eq!((&body["tx_ref"], &body["currency"]), (&json!("ref-1"), &json!("NGN")));
    assert_eq!((&body["amount"], &body["customer"]["email"]), (&json!(1234.5), &json!("ada@example.com")));
}

#[test]
fn the_payment_page_is_read_and_what_is_missing_is_refused() {
    let read = |body: &str| read_initialised(&data(body));
    let link = "https://checkout.flutterwave.com/v3/hosted/pay/x";
    assert_eq!(read(&format!(r#"{{"link":"{link}","more":1}}"#)).unwrap().as_str(), link);
    for bad in ["{}", "null", r#"{"link":"javascript:alert(1)"}"#, r#"{"link":""}"#] {
        assert!(matches!(read(bad), Err(GatewayError::Unreadable(_))), "{bad}");
    }
    let error = |status, message| read_initialised(&refused(status, message)).unwrap_err();
    assert_eq!(error(400, "no"), GatewayError::Refused("no".to_owned()));
    assert_eq!(error(401, "Invalid key"), GatewayError::Unauthorised("Invalid key".to_owned()));
    assert!(matches!(error(502, "no"), GatewayError::Unavailable(_)));
    assert!(matches!(read_initialised(&answer(404, r#"{"path":"/"}"#)), Err(GatewayError::Unreadable(_))));
}

#[test]
fn a_payment_is_what_its_own_status_says_not_the_envelopes() {
    let status = |word| read_verified("ref-1", &data(&transaction(7, word))).map(|seen| seen.status);
    assert_eq!(status("successful"), Ok(ObservedStatus::Succeeded));
    assert_eq!(status("failed"), Ok(ObservedStatus::Failed));
    assert_eq!(status("pending"), Ok(ObservedStatus::Pending));
    assert!(status("succeeded").is_err(), "that is a word of version 4");
    let unknown = refused(400, "No transaction was found for this id");
    assert_eq!(read_verified("ref-1", &unknown).unwrap().status, ObservedStatus::Unknown);
    assert!(read_verified("ref-1", &refused(400, "Something else")).is_err());
    assert!(read_verified("ref-2", &data(&transaction(7, "successful"))).is_err(), "it is about another payment");
}

#[test]
fn an_observation_carries_what_a_refund_and_the_books_need() {
    let seen = read_verified("ref-1", &data(&transaction(4_975_363, "successful"))).unwrap();
    assert_eq!((seen.amount_minor, seen.currency.as_str()), (100_000, "NGN"));
    assert_eq!((seen.gateway_id.as_deref(), seen.fee_minor), (Some("4975363"), Some(1_400)));
    let on_top = transaction(1, "successful").replace(r#""charged_amount":1000"#, r#""charged_amount":1014"#);
    assert_eq!(read_verified("ref-1", &data(&on_top)).unwrap().fee_minor, Some(0), "the payer bore it");
    let finer = transaction(1, "successful").replace(r#""app_fee":14"#, r#""app_fee":14.005"#);
    assert_eq!(read_verified("ref-1", &data(&finer)).unwrap().fee_minor, None, "it cannot be kept exactly");
    let finer = transaction(1, "successful").replace(r#""amount":1000"#, r#""amount":1000.005"#);
    assert!(read_verified("ref-1", &data(&finer)).is_err());
}

#[test]
fn a_success_does_not_hide_behind_a_failure_of_the_same_reference() {
    let failed = read_verified("ref-1", &data(&transaction(1, "failed"))).unwrap();
    let further = account().verify_further(&failed).unwrap().unwrap();
    let expected = "https://api.flutterwave.com/v3/transactions?tx_ref=ref-1&status=successful";
    assert_eq!(further.url.as_str(), expected);
    let list = [(3, "successful"), (2, "successful"), (1, "failed")].map(|(id, status)| transaction(id, status));
    let seen = read_further(failed.clone(), &data(&format!("[{}]", list.join(",")))).unwrap();
    assert_eq!((seen.status, seen.gateway_id.as_deref()), (ObservedStatus::Succeeded, Some("2")));
    assert_eq!(read_further(failed.clone(), &data("[]")).unwrap(), failed);
    let of_another = transaction(9, "successful").replace("ref-1", "ref-2");
    assert_eq!(read_further(failed.clone(), &data(&format!("[{of_another}]"))).unwrap(), failed);
    let succeeded = read_verified("ref-1", &data(&transaction(1, "successful"))).unwrap();
    assert!(account().verify_further(&succeeded).unwrap().is_none());
    assert!(account().verify_further(&Observation::unknown("ref-1".to_owned())).unwrap().is_none());
}

#[test]
fn a_webhook_is_opened_only_with_the_word_that_both_know() {
    let body = br#"{"event":"charge.completed","data":{"id":285959875,"tx_ref":"ref-1","amount":100,
        "status":"failed"},"event.type":"CARD_TRANSACTION"}"#;
    let notice = account().open_webhook(|_| Some("flw_secret_hash"), body).unwrap();
    assert_eq!(notice.about, Subject::Payment { reference: "ref-1".to_owned() });
    assert_eq!(notice.key, "charge.completed:285959875:failed", "failures are told as completed too");
    assert_eq!(account().open_webhook(|_| Some("another"), body), Err(BadWebhook::Forged));
    assert_eq!(account().open_webhook(|_| None, body), Err(BadWebhook::Forged));
}

#[test]
fn webhooks_of_refunds_and_chargebacks_name_their_payment() {
    let about = |body: &str| read_event(body.as_bytes()).unwrap().about;
    let refund = r#"{"event":"refund.completed","data":{"id":5,"TransactionId":7,"status":"completed"}}"#;
    assert_eq!(about(refund), Subject::Refund { payment: PaymentName::GatewayId("7".to_owned()) });
    let chargeback = r#"{"event":"chargeback.initiated","data":{"id":1390,"tx_ref":"ref-1","status":"initiated"}}"#;
    let payment = PaymentName::Reference("ref-1".to_owned());
    assert_eq!(about(chargeback), Subject::Dispute { payment, dispute_id: "1390".to_owned() });
    assert_eq!(about(r#"{"event":"transfer.completed","data":{"id":1}}"#), Subject::Other { reference: None });
    assert!(read_event(br#"{"event":"charge.completed","data":{"id":1}}"#).is_err());
    assert!(read_event(b"[]").is_err());
}

#[test]
fn a_refund_is_asked_for_and_found_by_our_name_for_it() {
    let request = account().refund(&order()).unwrap();
    assert_eq!(request.url.as_str(), "https://api.flutterwave.com/v3/transactions/1641/refund");
    assert_eq!(text_of(&request), r#"{"amount":50.00,"comments":"rf-1"}"#);
    let request = account().find_refund(&order()).unwrap();
    assert_eq!(request.url.as_str(), "https://api.flutterwave.com/v3/refunds?id=1641");
    assert!(account().refund(&RefundOrder { gateway_id: None, ..order() }).is_err());

    let refund = |id, status, comments| {
        format!(
            r#"{{"id":{id},"account_id":1,"tx_id":1641,"flw_ref":"x","amount_refunded":50,"status":"{status}",
            "comments":{comments}}}"#
        )
    };
    let made = read_refunded(&order(), &data(&refund(75_923, "completed", "null"))).unwrap();
    assert_eq!((made.gateway_refund_id.as_deref(), made.amount_minor), (Some("75923"), Some(5_000)));
    assert_eq!(made.status, ObservedRefund::Processed);
    let found = |list: &[String]| read_found_refund(&order(), &data(&format!("[{}]", list.join(","))));
    let (other, ours) = (refund(1, "completed", r#""rf-10""#), refund(2, "completed-mpgs", r#""rf-1""#));
    assert_eq!(found(&[other.clone(), ours]).unwrap().gateway_refund_id.as_deref(), Some("2"));
    assert_eq!(found(std::slice::from_ref(&other)), Ok(RefundObservation::unknown()));
    let nameless = refund(3, "pending", "null");
    assert!(found(&[other, nameless]).is_err(), "it may be ours, so it is not asked for again");
}

#[test]
fn a_refund_of_more_than_is_left_is_refused_for_good() {
    let error = |words| read_refunded(&order(), &refused(400, words)).unwrap_err();
    let words = "You can't refund more than the transaction amount";
    assert_eq!(error(words), GatewayError::RefundRefused(words.to_owned()));
    let words = "Insufficient balance";
    assert_eq!(error(words), GatewayError::Refused(words.to_owned()));
}

#[test]
fn a_chargeback_is_found_in_the_list() {
    let chargeback = |status: &str| {
        data(&format!(
            r#"[{{"id":2209,"status":"won","tx_ref":"ref-2"}},
            {{"id":1390,"amount":100,"flw_ref":"URF","status":"{status}","transaction_id":1554166,"tx_ref":"ref-1"}}]"#
        ))
    };
    let status = |word| read_dispute("1390", &chargeback(word)).map(|seen| seen.status);
    assert_eq!(status("initiated"), Ok(DisputeStatus::Open));
    assert_eq!(status("declined"), Ok(DisputeStatus::Open), "the shop objects: nothing is decided");
    assert_eq!(status("won"), Ok(DisputeStatus::Won));
    assert_eq!(status("lost"), Ok(DisputeStatus::Lost));
    assert_eq!(status("accepted"), Ok(DisputeStatus::Lost));
    assert!(status("odd").is_err() && read_dispute("1", &chargeback("won")).is_err());
    let payment = read_dispute("1390", &chargeback("lost")).unwrap().payment;
    assert_eq!(payment, PaymentName::Reference("ref-1".to_owned()));
}
