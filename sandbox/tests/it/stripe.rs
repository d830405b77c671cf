//! Stripe's interface: sessions, payment intents, refunds, disputes, idempotency, expansion, webhooks.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{STRIPE_SECRET, World, answered};

fn ask(world: &World, method: Method, path: &str, form: &[(&str, &str)], key: Option<&str>) -> reqwest::RequestBuilder {
    let mut request = world.call(method, &format!("/stripe/v1{path}")).bearer_auth(STRIPE_SECRET);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    if form.is_empty() {
        return request;
    }
    let mut body = reqwest::Url::parse("http://x").unwrap();
    body.query_pairs_mut().extend_pairs(form);
    request.header("content-type", "application/x-www-form-urlencoded").body(body.query().unwrap().to_owned())
}

async fn post(world: &World, path: &str, form: &[(&str, &str)], key: Option<&str>) -> (u16, Value) {
    answered(ask(world, Method::POST, path, form, key)).await
}

async fn get(world: &World, path: &str) -> (u16, Value) {
    answered(ask(world, Method::GET, path, &[], None)).await
}

const SESSION: [(&str, &str); 11] = [
    ("mode", "payment"),
    ("client_reference_id", "ref-1"),
    ("customer_email", "ada@example.com"),
    ("success_url", "http://shop.test/back?session={CHECKOUT_SESSION_ID}"),
    ("cancel_url", "http://shop.test/cancelled"),
    ("line_items[0][price_data][currency]", "usd"),
    ("line_items[0][price_data][unit_amount]", "4995"),
    ("line_items[0][price_data][product_data][name]", "Order 7"),
    ("line_items[0][quantity]", "1"),
    ("payment_intent_data[metadata][reference]", "ref-1"),
    ("metadata[order_id]", "7"),
];

/// Begins a payment of $49.95.
async fn begin(world: &World) -> Value {
    let (status, session) = post(world, "/checkout/sessions", &SESSION, Some("ref-1")).await;
    assert_eq!((status, session["object"].as_str()), (200, Some("checkout.session")), "{session}");
    session
}

#[tokio::test]
async fn a_payment_lives_from_its_session_to_its_refunds() {
    let world = World::new().await;
    let session = begin(&world).await;
    assert_eq!((&session["payment_status"], &session["payment_intent"]), (&json!("unpaid"), &Value::Null));
    assert_eq!((&session["amount_total"], &session["currency"]), (&json!(4995), &json!("usd")));
    let page = session["url"].as_str().unwrap().strip_prefix(&world.url).unwrap();
    assert!(page.ends_with(session["id"].as_str().unwrap()), "the page's address names the session");
    let declined = world.submit(page, &[("action", "decline")]).await;
    assert_eq!(declined.headers()["location"], page, "who was declined stays");
    assert_eq!(
        world.shop.wait_for_event("payment_intent.payment_failed").await.data["status"],
        "requires_payment_method"
    );
    let response = world.submit(page, &[("action", "pay")]).await;
    let id = session["id"].as_str().unwrap();
    assert_eq!(response.headers()["location"].to_str().unwrap(), format!("http://shop.test/back?session={id}"));

    let expand = "expand%5B%5D=payment_intent.latest_charge.balance_transaction";
    let (_, paid) = get(&world, &format!("/checkout/sessions/{id}?{expand}")).await;
    let intent = &paid["payment_intent"];
    let charge = &intent["latest_charge"];
    assert_eq!(
        (&paid["payment_status"], &paid["status"], &paid["url"]),
        (&json!("paid"), &json!("complete"), &Value::Null)
    );
    assert_eq!((&intent["amount_received"], &intent["metadata"]["reference"]), (&json!(4995), &json!("ref-1")));
    let fee = 145 + 30;
    assert_eq!(charge["balance_transaction"]["fee"], json!(fee), "2.9 %, rounded up, and 30 cents");
    assert_eq!(charge["balance_transaction"]["net"], json!(4995 - fee));
    let intent_id = intent["id"].as_str().unwrap();
    let (_, plain) = get(&world, &format!("/checkout/sessions/{id}")).await;
    assert_eq!(plain["payment_intent"], json!(intent_id), "an id where nothing is expanded");
    for event in ["checkout.session.completed", "payment_intent.succeeded", "charge.succeeded"] {
        let notice = world.shop.wait_for_event(event).await;
        assert_eq!((notice.gateway.as_str(), &notice.body["object"]), ("stripe", &json!("event")));
        assert!(notice.body["id"].as_str().unwrap().starts_with("evt_"));
    }
    assert_eq!(world.shop.wait_for_event("checkout.session.completed").await.data, plain);
    let (_, found) = get(&world, "/payment_intents/search?query=metadata%5B'reference'%5D%3A'ref-1'").await;
    assert_eq!(found["data"][0]["id"], json!(intent_id));
    let asked = "query=metadata['reference']:'ref-1'&limit=100&expand[]=data.latest_charge.balance_transaction";
    let (_, found) = get(&world, &format!("/payment_intents/search?{asked}")).await;
    assert_eq!(found["data"][0], *intent, "expanded in a list");
    let (_, sessions) = get(&world, &format!("/checkout/sessions?payment_intent={intent_id}")).await;
    assert_eq!(sessions["data"], json!([plain]));

    let form =
        [("payment_intent", intent_id), ("amount", "1000"), ("metadata[refund_id]", "rf-1"), ("expand[]", "charge")];
    let (status, refund) = post(&world, "/refunds", &form, Some("rf-1")).await;
    assert_eq!(
        (status, &refund["status"], &refund["metadata"]),
        (200, &json!("pending"), &json!({"refund_id": "rf-1"}))
    );
    assert_eq!(refund["charge"]["amount_refunded"], 1000, "expanded");
    let (status, answer) = post(&world, "/refunds", &[("payment_intent", intent_id), ("amount", "3996")], None).await;
    assert_eq!((status, answer["error"]["param"].as_str()), (400, Some("amount")));
    assert_eq!(post(&world, "/refunds", &[("charge", charge["id"].as_str().unwrap())], None).await.0, 200, "the rest");
    let (status, answer) = post(&world, "/refunds", &[("payment_intent", intent_id)], None).await;
    assert_eq!((status, answer["error"]["code"].as_str()), (400, Some("charge_already_refunded")));
    assert_eq!(world.shop.wait_for_event("refund.created").await.data["object"], "refund");
    assert_eq!(world.shop.wait_for_event("charge.refunded").await.data["object"], "charge");
    assert_eq!(world.shop.wait_for_event("refund.updated").await.data["status"], "succeeded");
    let (_, list) = get(&world, &format!("/refunds?payment_intent={intent_id}&limit=1")).await;
    assert_eq!((&list["has_more"], &list["data"][0]["amount"]), (&json!(true), &json!(3995)), "the newest first");
    let after = list["data"][0]["id"].as_str().unwrap();
    let (_, list) = get(&world, &format!("/refunds?payment_intent={intent_id}&starting_after={after}")).await;
    assert_eq!((&list["has_more"], &list["data"][0]["id"]), (&json!(false), &refund["id"]));
    let (_, one) = get(&world, &format!("/refunds/{}", refund["id"].as_str().unwrap())).await;
    assert_eq!((&one["status"], &one["charge"]), (&json!("succeeded"), &charge["id"]));
}

#[tokio::test]
async fn a_key_stands_for_one_request_and_its_answer_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::with_state(Some(folder.path().join("journal"))).await;
    let session = begin(&world).await;
    let reordered: Vec<_> = SESSION.into_iter().rev().collect();
    let again = ask(&world, Method::POST, "/checkout/sessions", &reordered, Some("ref-1")).send().await.unwrap();
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(again.json::<Value>().await.unwrap(), session, "the same session");
    let mut other = SESSION;
    other[6].1 = "4996";
    let (status, answer) = post(&world, "/checkout/sessions", &other, Some("ref-1")).await;
    assert_eq!((status, answer["error"]["type"].as_str()), (400, Some("idempotency_error")));
    let (_, second) = post(&world, "/checkout/sessions", &SESSION, Some("another key")).await;
    assert_ne!(second["id"], session["id"], "references are nothing to Stripe");
    let (_, list) = get(&world, "/checkout/sessions").await;
    assert_eq!(list["data"].as_array().map(Vec::len), Some(2));

    let (_, belief) = world.control("ref-1", &json!({"action": "pay"})).await;
    let intent = format!("pi_{}", belief["id"]);
    let form = [("payment_intent", intent.as_str()), ("amount", "1000")];
    let many: Vec<_> =
        (0..8).map(|_| tokio::spawn(answered(ask(&world, Method::POST, "/refunds", &form, Some("rf-1"))))).collect();
    let mut answers = Vec::new();
    for one in many {
        answers.push(one.await.unwrap());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.0 == 200), "{answers:?}");
    assert_eq!(world.belief("ref-1").await["refunded_amount"], 1000);
    world.control("ref-1", &json!({"action": "refunds", "refunds": "refuse"})).await;
    let refused = post(&world, "/refunds", &form, Some("rf-2")).await;
    assert_eq!((refused.0, refused.1["error"]["code"].as_str()), (400, Some("balance_insufficient")));
    world.control("ref-1", &json!({"action": "refunds", "refunds": "process"})).await;

    let world = world.restart().await;
    assert_eq!(post(&world, "/refunds", &form, Some("rf-1")).await, answers[0], "also after a restart");
    assert_eq!(post(&world, "/refunds", &form, Some("rf-2")).await, refused, "failures are kept too");
    assert_eq!(world.belief("ref-1").await["refunded_amount"], 1000);
    assert_eq!(post(&world, "/refunds", &form, Some("rf-3")).await.0, 200);
    let long = "x".repeat(256);
    assert_eq!(post(&world, "/refunds", &form, Some(&long)).await.0, 400);
}

#[tokio::test]
async fn a_dispute_takes_the_money_and_may_give_it_back() {
    let world = World::new().await;
    begin(&world).await;
    world.control("ref-1", &json!({"action": "pay"})).await;
    world.control("ref-1", &json!({"action": "dispute"})).await;
    let opened = world.shop.wait_for_event("charge.dispute.created").await.data;
    assert_eq!((&opened["status"], &opened["amount"]), (&json!("needs_response"), &json!(4995)));
    world.shop.wait_for_event("charge.dispute.funds_withdrawn").await;
    let (_, seen) = get(&world, &format!("/disputes/{}?expand[]=charge", opened["id"].as_str().unwrap())).await;
    assert_eq!(seen["charge"]["disputed"], true);
    let intent = opened["payment_intent"].as_str().unwrap();
    let (status, answer) = post(&world, "/refunds", &[("payment_intent", intent)], None).await;
    assert_eq!((status, answer["error"]["code"].as_str()), (400, Some("charge_disputed")));
    world.control("ref-1", &json!({"action": "resolve", "outcome": "won"})).await;
    assert_eq!(world.shop.wait_for_event("charge.dispute.closed").await.data["status"], "won");
    world.shop.wait_for_event("charge.dispute.funds_reinstated").await;
    let (_, list) = get(&world, &format!("/disputes?payment_intent={intent}")).await;
    assert_eq!(list["data"][0]["status"], "won");
    assert_eq!(post(&world, "/refunds", &[("payment_intent", intent)], None).await.0, 200);
}

#[tokio::test]
async fn nonsense_and_strangers_are_refused_as_stripe_refuses_them() {
    let world = World::new().await;
    for (name, value, code) in [
        ("mode", "", Some("parameter_missing")),
        ("mode", "subscription", None),
        ("success_url", "", Some("parameter_missing")),
        ("success_url", "nowhere", Some("url_invalid")),
        ("customer_email", "nobody", Some("email_invalid")),
        ("line_items[0][price_data][currency]", "xxx", None),
        ("line_items[0][price_data][unit_amount]", "49.95", Some("parameter_invalid_integer")),
        ("line_items[0][price_data][unit_amount]", "100000000", Some("amount_too_large")),
        ("line_items[0][quantity]", "0", None),
        ("line_items[0][price_data][product_data][name]", "", Some("parameter_missing")),
        ("colour", "red", Some("parameter_unknown")),
        ("expand[]", "colour", None),
        ("metadata[a[", "x", None),
    ] {
        let mut form: Vec<_> = SESSION.into_iter().filter(|(field, _)| *field != name).collect();
        form.push((name, value));
        let (status, answer) = post(&world, "/checkout/sessions", &form, Some("key")).await;
        assert_eq!(
            (status, answer["error"]["type"].as_str()),
            (400, Some("invalid_request_error")),
            "{name}={value}: {answer}"
        );
        assert_eq!(answer["error"]["code"].as_str(), code, "{name}={value}");
    }
    assert_eq!(post(&world, "/checkout/sessions", &SESSION, Some("key")).await.0, 200, "none of that was kept");
    for path in [
        "/checkout/sessions/cs_test_1",
        "/payment_intents/pi_1",
        "/charges/ch_1",
        "/refunds/re_1",
        "/disputes/dp_1",
        "/disputes/x",
    ] {
        let (status, answer) = get(&world, path).await;
        assert_eq!((status, answer["error"]["code"].as_str()), (404, Some("resource_missing")), "{path}");
    }
    assert_eq!(post(&world, "/refunds", &[("amount", "1")], None).await.0, 400);
    assert_eq!(get(&world, "/refunds?limit=0").await.0, 400);
    assert_eq!(get(&world, "/refunds?expand[]=charge").await.0, 400, "in a list it is data.charge");
    let request = || world.call(Method::GET, "/stripe/v1/refunds");
    let (status, answer) = answered(request()).await;
    assert_eq!((status, answer["error"]["type"].as_str()), (401, Some("invalid_request_error")));
    assert_eq!(answered(request().bearer_auth("wrong")).await.0, 401);
    assert_eq!(answered(request().basic_auth(STRIPE_SECRET, None::<&str>)).await.0, 200, "the key as a name");
}
