//! Stripe's answers and webhooks, as its documentation shows them.

use domain::time::Millis;

use super::super::testing::{answer, form_of, header_of, order, payment};
use super::super::{DisputeStatus, ObservedRefund, RefundObservation};
use super::refunds::{read_dispute, read_found_refund, read_refunded};
use super::*;

const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn account() -> Stripe {
    Stripe::new("https://api.stripe.com".parse().unwrap(), "sk_test_example".to_owned(), "whsec_example".to_owned())
}

fn refused(status: u16, kind: &str, code: &str, message: &str) -> Response {
    answer(status, &format!(r#"{{"error":{{"type":"{kind}","code":"{code}","message":"{message}"}}}}"#))
}

fn intent(status: &str, refunded: bool) -> String {
    format!(
        r#"{{"id":"pi_1","object":"payment_intent","status":"{status}","amount":5000,"amount_received":5000,
        "currency":"usd","metadata":{{"reference":"ref-1"}},"last_payment_error":null,
        "latest_charge":{{"id":"ch_1","object":"charge","refunded":{refunded},
        "balance_transaction":{{"id":"txn_1","object":"balance_transaction","fee":175,"currency":"usd"}}}}}}"#
    )
}

fn session(status: &str, paid: &str, intent: &str) -> Response {
    answer(
        200,
        &format!(
            r#"{{"id":"cs_test_1","object":"checkout.session","client_reference_id":"ref-1","status":"{status}",
            "payment_status":"{paid}","amount_total":5000,"currency":"usd","payment_intent":{intent}}}"#
        ),
    )
}

#[test]
fn a_session_is_asked_for_once_however_often_it_is_sent() {
    let request = account().initialise(&payment(123_450, Currency::Usd)).unwrap();
    assert_eq!(request.url.as_str(), "https://api.stripe.com/v1/checkout/sessions");
    assert_eq!(header_of(&request, "idempotency-key"), Some("ref-1"));
    assert!(matches!(&request.auth, Auth::Bearer(key) if key.reveal() == "sk_test_example"));
    let form = form_of(&request);
    let field = |name: &str| form.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
    assert_eq!(field("line_items[0][price_data][unit_amount]"), Some("123450"));
    assert_eq!(field("line_items[0][price_data][currency]"), Some("usd"));
    assert_eq!(field("client_reference_id"), Some("ref-1"));
    assert_eq!(field("payment_intent_data[metadata][reference]"), Some("ref-1"));
}

#[test]
fn the_payment_page_is_read_and_a_lost_attempt_is_told_apart() {
    let created = |url: &str| {
        let body =
            format!(r#"{{"id":"cs_test_1","object":"checkout.session","client_reference_id":"ref-1","url":{url}}}"#);
        read_initialised("ref-1", &answer(200, &body))
    };
    let page = "https://checkout.stripe.com/c/pay/cs_test_1#fid";
    assert_eq!(created(&format!(r#""{page}""#)).unwrap().as_str(), page);
    assert_eq!(created("null").unwrap_err(), GatewayError::DuplicateReference, "it is over already");
    assert!(
        read_initialised("ref-2", &answer(200, r#"{"client_reference_id":"ref-1","url":"https://a.example"}"#))
            .is_err()
    );
    let error = |response: &Response| read_initialised("ref-1", response).unwrap_err();
    assert_eq!(error(&refused(400, "idempotency_error", "", "other parameters")), GatewayError::DuplicateReference);
    assert_eq!(error(&refused(400, "invalid_request_error", "", "no")), GatewayError::Refused("no".to_owned()));
    assert!(matches!(error(&refused(401, "invalid_request_error", "", "no")), GatewayError::Unauthorised(_)));
    let in_progress = refused(409, "idempotency_error", "idempotency_key_in_use", "wait");
    assert!(matches!(error(&in_progress), GatewayError::Unavailable(_)));
    let mut broken = refused(500, "api_error", "", "broken");
    assert!(matches!(error(&broken), GatewayError::Unavailable(_)));
    broken.headers.insert("idempotent-replayed", http::HeaderValue::from_static("true"));
    assert_eq!(error(&broken), GatewayError::DuplicateReference, "it would be the same all day");
}

#[test]
fn a_payment_is_asked_about_by_its_session_or_else_searched_for() {
    let url = |page| account().verify(Verify { reference: "ref-1", page }).unwrap().url;
    let by_session = url(Some("https://checkout.stripe.com/c/pay/cs_test_1#fid"));
    assert_eq!(by_session.path(), "/v1/checkout/sessions/cs_test_1");
    for page in [None, Some("https://pay.example/x"), Some("nonsense")] {
        let url = url(page);
        assert_eq!(url.path(), "/v1/payment_intents/search");
        let query: Vec<_> = url.query_pairs().map(|(_, value)| value.into_owned()).collect();
        assert_eq!(query[0], "metadata['reference']:'ref-1'");
    }
    let odd = account().verify(Verify { reference: r"a' OR '\", page: None }).unwrap().url;
    assert_eq!(odd.query_pairs().next().unwrap().1, r"metadata['reference']:'a\' OR \'\\'");
}

#[test]
fn a_payment_is_what_its_intent_and_its_session_say_together() {
    let status = |state: &str, paid: &str, intent: &str| {
        read_verified("ref-1", &session(state, paid, intent)).map(|seen| seen.status)
    };
    assert_eq!(status("open", "unpaid", "null"), Ok(ObservedStatus::Pending));
    assert_eq!(status("expired", "unpaid", "null"), Ok(ObservedStatus::Abandoned));
    assert_eq!(status("complete", "paid", &intent("succeeded", false)), Ok(ObservedStatus::Succeeded));
    assert_eq!(status("complete", "unpaid", &intent("processing", false)), Ok(ObservedStatus::Pending));
    assert_eq!(status("complete", "paid", &intent("succeeded", true)), Ok(ObservedStatus::Reversed));
    assert_eq!(status("expired", "unpaid", &intent("canceled", false)), Ok(ObservedStatus::Abandoned));
    let declined = intent("requires_payment_method", false);
    assert_eq!(status("open", "unpaid", &declined), Ok(ObservedStatus::Pending));
    let declined = declined.replace(r#""last_payment_error":null"#, r#""last_payment_error":{"code":"card_declined"}"#);
    assert_eq!(status("open", "unpaid", &declined), Ok(ObservedStatus::Failed));
    assert!(status("complete", "paid", "null").is_err(), "paid, but with what?");
    assert!(status("odd", "unpaid", "null").is_err() && status("open", "unpaid", &intent("odd", false)).is_err());
    assert!(read_verified("ref-2", &session("open", "unpaid", "null")).is_err(), "it is about another payment");
    let fraction = intent("succeeded", false).replace(r#""amount_received":5000"#, r#""amount_received":5000.5"#);
    assert!(status("complete", "paid", &fraction).is_err());
}

#[test]
fn an_observation_carries_what_a_refund_and_the_books_need() {
    let seen = read_verified("ref-1", &session("complete", "paid", &intent("succeeded", false))).unwrap();
    assert_eq!((seen.amount_minor, seen.currency.as_str()), (5_000, "USD"));
    assert_eq!((seen.gateway_id.as_deref(), seen.fee_minor), (Some("pi_1"), Some(175)));
    let elsewhere =
        intent("succeeded", false).replace(r#""fee":175,"currency":"usd""#, r#""fee":175,"currency":"eur""#);
    let seen = read_verified("ref-1", &session("complete", "paid", &elsewhere)).unwrap();
    assert_eq!(seen.fee_minor, None, "a fee of another currency is another matter");
}

#[test]
fn a_payment_whose_page_was_lost_is_found_by_our_reference() {
    let found = |intents: &[String]| {
        let body = format!(r#"{{"object":"search_result","has_more":false,"data":[{}]}}"#, intents.join(","));
        read_verified("ref-1", &answer(200, &body)).unwrap()
    };
    assert_eq!(found(&[]).status, ObservedStatus::Unknown);
    assert_eq!(found(&[intent("canceled", false), intent("succeeded", false)]).status, ObservedStatus::Succeeded);
    let of_another = intent("succeeded", false).replace("ref-1", "ref-10");
    assert_eq!(found(&[of_another]).status, ObservedStatus::Unknown);
}

#[test]
fn a_webhook_is_opened_only_with_a_fresh_signature() {
    let body = br#"{"id":"evt_1","type":"checkout.session.completed","data":{"object":{"id":"cs_test_1",
        "client_reference_id":"ref-1","payment_status":"unpaid"}}}"#;
    let header = signature::sign("whsec_example", body, NOW);
    let open = |header: &str, now| account().open_webhook(|_| Some(header), body, now);
    let notice = open(&header, NOW).unwrap();
    assert_eq!((notice.key.as_str(), &notice.about), ("evt_1", &Subject::Payment { reference: "ref-1".to_owned() }));
    assert_eq!(open(&header, NOW + Millis::seconds(301)), Err(BadWebhook::Forged));
    assert_eq!(open(&signature::sign("another", body, NOW), NOW), Err(BadWebhook::Forged));
}

#[test]
fn each_event_says_what_it_is_about() {
    let about = |kind: &str, object: &str| {
        let body = format!(r#"{{"id":"evt_1","type":"{kind}","data":{{"object":{object}}}}}"#);
        read_event(body.as_bytes()).map(|notice| notice.about)
    };
    let reference = || "ref-1".to_owned();
    let with_metadata = r#"{"id":"x","payment_intent":"pi_1","metadata":{"reference":"ref-1"}}"#;
    let bare = r#"{"id":"x","payment_intent":"pi_1","metadata":{}}"#;
    assert_eq!(about("payment_intent.succeeded", with_metadata), Ok(Subject::Payment { reference: reference() }));
    assert_eq!(about("payment_intent.succeeded", bare), Ok(Subject::Other { reference: None }));
    let payment = PaymentName::Reference(reference());
    assert_eq!(about("charge.refunded", with_metadata), Ok(Subject::Refund { payment }));
    let payment = PaymentName::GatewayId("pi_1".to_owned());
    assert_eq!(about("refund.failed", bare), Ok(Subject::Refund { payment: payment.clone() }));
    assert_eq!(about("charge.dispute.created", bare), Ok(Subject::Dispute { payment, dispute_id: "x".to_owned() }));
    assert!(about("charge.dispute.created", "{}").is_err());
    assert_eq!(about("payout.paid", "{}"), Ok(Subject::Other { reference: None }));
    assert!(read_event(br#"{"id":"evt_1"}"#).is_err());
}

#[test]
fn a_refund_is_asked_for_once_and_found_by_our_name_for_it() {
    let request = account().refund(&order()).unwrap();
    assert_eq!(header_of(&request, "idempotency-key"), Some("rf-1"));
    let form = form_of(&request);
    assert!(form.contains(&("metadata[refund_id]".to_owned(), "rf-1".to_owned())));
    assert!(form.contains(&("amount".to_owned(), "5000".to_owned())));
    let request = account().find_refund(&order()).unwrap();
    assert_eq!(request.url.as_str(), "https://api.stripe.com/v1/refunds?payment_intent=1641&limit=100");

    let refund = |id: &str, status: &str| {
        format!(
            r#"{{"id":"re_1","object":"refund","amount":5000,"currency":"ngn","status":"{status}",
            "metadata":{{"refund_id":"{id}"}},"failure_reason":"lost_or_stolen_card"}}"#
        )
    };
    let made = |status| read_refunded(&answer(200, &refund("rf-1", status))).map(|seen| seen.status);
    assert_eq!(made("pending"), Ok(ObservedRefund::Pending));
    assert_eq!(made("succeeded"), Ok(ObservedRefund::Processed));
    assert_eq!(made("failed"), Ok(ObservedRefund::Failed("lost_or_stolen_card".to_owned())));
    assert!(made("odd").is_err());
    let list = |id: &str, more: bool| {
        let body = format!(r#"{{"object":"list","data":[{}],"has_more":{more}}}"#, refund(id, "succeeded"));
        read_found_refund(&order(), &answer(200, &body))
    };
    assert_eq!(list("rf-1", true).unwrap().status, ObservedRefund::Processed);
    assert_eq!(list("rf-10", false), Ok(RefundObservation::unknown()));
    assert!(list("rf-10", true).is_err(), "it may be on another page");
}

#[test]
fn a_refund_of_what_went_back_already_is_refused_for_good_and_an_empty_balance_is_not() {
    let error =
        |code: &str, words: &str| read_refunded(&refused(400, "invalid_request_error", code, words)).unwrap_err();
    let words = "Charge ch_1 has already been refunded.";
    assert_eq!(error("charge_already_refunded", words), GatewayError::RefundRefused(words.to_owned()));
    let words = "Refund amount (60) is greater than unrefunded amount on charge (50)";
    assert_eq!(error("", words), GatewayError::RefundRefused(words.to_owned()));
    let words = "Insufficient funds: the refund exceeds your balance";
    assert_eq!(error("balance_insufficient", words), GatewayError::Refused(words.to_owned()));
}

#[test]
fn a_dispute_is_read() {
    let dispute = |status: &str| {
        let body = format!(
            r#"{{"id":"dp_1","object":"dispute","amount":5000,"currency":"usd","status":"{status}",
            "charge":"ch_1","payment_intent":"pi_1"}}"#
        );
        read_dispute(&answer(200, &body))
    };
    let seen = dispute("needs_response").unwrap();
    assert_eq!((seen.status, seen.amount_minor), (DisputeStatus::Open, Some(5_000)));
    assert_eq!(seen.payment, PaymentName::GatewayId("pi_1".to_owned()));
    assert_eq!(dispute("won").unwrap().status, DisputeStatus::Won);
    assert_eq!(dispute("warning_closed").unwrap().status, DisputeStatus::Won);
    assert_eq!(dispute("lost").unwrap().status, DisputeStatus::Lost);
    assert!(dispute("odd").is_err());
}
