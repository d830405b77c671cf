//! What holds of every gateway: nothing that anybody sends makes it panic, and a forged webhook is never opened.

use domain::signature;
use domain::wire::GatewayName;
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::flutterwave::v3::FlutterwaveV3;
use super::flutterwave::v4::{Credentials, FlutterwaveV4};
use super::testing::{answer, order, payment};
use super::*;

const SECRET: &str = "hidden-word";
const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn all() -> [Gateway; 5] {
    let url = || -> Url { "https://gateway.example".parse().unwrap() };
    let key = || SECRET.to_owned();
    let secret = || Secret::new(key());
    let credentials = Credentials { client_id: secret(), client_secret: secret(), secret_hash: secret() };
    [
        Gateway::Paystack(Paystack::new(url(), key())),
        Gateway::Flutterwave(Flutterwave::V3(FlutterwaveV3::new(url(), key(), key()))),
        Gateway::Flutterwave(Flutterwave::V4(FlutterwaveV4::new(url(), url(), credentials))),
        Gateway::Monnify(Monnify::new(url(), key(), key(), "1".to_owned())),
        Gateway::Stripe(Stripe::new(url(), key(), key())),
    ]
}

/// The header that makes `body` genuine.
fn header(gateway: &Gateway, body: &[u8]) -> String {
    match gateway {
        Gateway::Paystack(_) => signature::paystack::sign(SECRET, body),
        Gateway::Flutterwave(Flutterwave::V3(_)) => SECRET.to_owned(),
        Gateway::Flutterwave(Flutterwave::V4(_)) => signature::flutterwave::v4::sign(SECRET, body),
        Gateway::Monnify(_) => signature::monnify::sign(SECRET, body),
        Gateway::Stripe(_) => signature::stripe::sign(SECRET, body, NOW),
    }
}

/// Reads `response` in every way.
fn read_all(gateway: &Gateway, response: &Response) {
    drop(gateway.read_token(response, NOW));
    drop(gateway.read_introduced(&payment(1, Currency::Ngn), response));
    drop(gateway.read_payer(&payment(1, Currency::Ngn), response));
    drop(gateway.read_initialised("ref-1", response));
    drop(gateway.read_verified("ref-1", response));
    drop(gateway.read_further(Observation::unknown("ref-1".to_owned()), response));
    drop(gateway.read_refunded(&order(), response));
    drop(gateway.read_found_refund(&order(), response));
    drop(gateway.read_dispute("1", response));
}

#[test]
fn each_gateway_goes_by_its_own_name_and_takes_naira() {
    let names: Vec<_> = all().iter().map(Gateway::name).collect();
    assert!(GatewayName::ALL.into_iter().all(|name| names.contains(&name)));
    assert!(all().iter().all(|gateway| gateway.takes(Currency::Ngn)));
}

#[test]
fn no_gateway_shows_a_secret() {
    for gateway in all() {
        let requests = [
            gateway.initialise(&Initialise { payer_id: Some("cus_1"), ..payment(1, Currency::Ngn) }),
            gateway.verify(Verify { reference: "ref-1", page: None }),
            gateway.refund(&order()),
        ];
        let shown = format!("{gateway:?} {:?}", requests.map(|request| request.unwrap().auth));
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

#[test]
fn a_webhook_without_the_right_signature_is_never_opened() {
    let body = br#"{"event":"charge.success","data":{"id":1,"reference":"ref-1"}}"#;
    for gateway in all() {
        for other in all() {
            let header = header(&other, b"another body");
            // Version 3 of Flutterwave covers nothing: whoever knows the word may say anything.
            if !matches!(other, Gateway::Flutterwave(Flutterwave::V3(_))) {
                assert_eq!(gateway.open_webhook(|_| Some(&header), body, NOW), Err(BadWebhook::Forged));
            }
        }
        assert_eq!(gateway.open_webhook(|_| None, body, NOW), Err(BadWebhook::Forged));
        assert_eq!(gateway.open_webhook(|_| Some(""), body, NOW), Err(BadWebhook::Forged));
    }
}

#[test]
fn a_gateway_without_disputes_says_so() {
    let monnify = &all()[3];
    assert!(matches!(monnify.dispute("1"), Err(GatewayError::NotOffered(_))));
    assert!(matches!(monnify.read_dispute("1", &answer(200, "{}")), Err(GatewayError::NotOffered(_))));
}

const FIELDS: [&str; 40] = [
    "status",
    "data",
    "message",
    "code",
    "meta",
    "id",
    "reference",
    "tx_ref",
    "amount",
    "currency",
    "fees",
    "event",
    "type",
    "eventType",
    "eventData",
    "requestSuccessful",
    "responseBody",
    "responseCode",
    "paymentStatus",
    "paymentReference",
    "transactionReference",
    "amountPaid",
    "settlementAmount",
    "checkoutUrl",
    "object",
    "metadata",
    "payment_intent",
    "payment_status",
    "client_reference_id",
    "amount_received",
    "latest_charge",
    "error",
    "url",
    "link",
    "next_action",
    "redirect_url",
    "transaction",
    "merchant_note",
    "charge_id",
    "amount_refunded",
];

const WORDS: [&str; 24] = [
    "",
    "ref-1",
    "success",
    "successful",
    "succeeded",
    "paid",
    "PAID",
    "NGN",
    "usd",
    "1e3",
    "-1",
    "100.5",
    "100",
    "99999999999999999999",
    "charge.success",
    "charge.completed",
    "checkout.session",
    "search_result",
    "complete",
    "SUCCESSFUL_TRANSACTION",
    "redirect_url",
    "https://a.example",
    "rf-1",
    "ß",
];

/// JSON of the words that gateways use, put together as no gateway would.
fn nonsense() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(&WORDS[..]).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        let field = proptest::sample::select(&FIELDS[..]);
        prop_oneof![
            1 => proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => proptest::collection::vec((field, inner), 0..8).prop_map(|pairs| {
                Value::Object(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_answer_and_no_webhook_makes_a_gateway_panic(
        nonsense in nonsense(),
        bytes in proptest::collection::vec(any::<u8>(), 0..64),
        status in proptest::sample::select(vec![200_u16, 201, 400, 401, 404, 409, 422, 500]),
    ) {
        for body in [nonsense.to_string().into_bytes(), bytes] {
            let response = Response { status, headers: http::HeaderMap::new(), body };
            for gateway in all() {
                read_all(&gateway, &response);
                let header = header(&gateway, &response.body);
                let opened = gateway.open_webhook(|_| Some(&header), &response.body, NOW);
                prop_assert_ne!(opened, Err(BadWebhook::Forged));
            }
        }
    }

    #[test]
    fn no_name_leaves_its_place_in_an_address(name in "\\PC{1,40}") {
        let order = RefundOrder { id: &name, reference: &name, gateway_id: Some(&name), ..order() };
        for gateway in all() {
            let asked = [
                gateway.verify(Verify { reference: &name, page: None }),
                gateway.refund(&order),
                gateway.find_refund(&order),
                gateway.dispute(&name),
            ];
            for request in asked.into_iter().flatten() {
                prop_assert_eq!(request.url.host_str(), Some("gateway.example"));
                prop_assert_eq!(request.url.fragment(), None);
            }
        }
    }
}
