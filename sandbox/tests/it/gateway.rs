//! Paystack's interface: what it refuses, what it remembers, what it says of a payment.

use serde_json::json;

use crate::harness::{SECRET, World};

#[tokio::test]
async fn a_payment_begins_and_tells_where_to_pay() {
    let world = World::new().await;
    let body = json!({"email": "ada@example.com", "amount": "250050", "metadata": "{\"order_id\":\"7\"}"});
    let (status, answer) = world.paystack("/transaction/initialize", Some(&body)).await;
    assert_eq!(status, 200);
    let data = &answer["data"];
    let code = data["access_code"].as_str().unwrap();
    assert_eq!(data["authorization_url"], format!("{}/pay/{code}", world.url));
    let reference = data["reference"].as_str().unwrap();
    let seen = world.verify(reference).await;
    assert_eq!((seen["amount"].as_i64(), seen["currency"].as_str()), (Some(250_050), Some("NGN")));
    assert_eq!(seen["metadata"], json!({"order_id": "7"}), "metadata sent as text comes back as an object");
    assert_eq!(seen["status"], "abandoned", "what nobody has paid is `abandoned` at Paystack");
    assert!(seen["paid_at"].is_null() && seen["fees"].is_null());
}

#[tokio::test]
async fn a_reference_names_one_payment_for_ever() {
    let world = World::new().await;
    world.begin("ref-1").await;
    let body = json!({"email": "eve@example.com", "amount": 1, "reference": "ref-1"});
    let (status, answer) = world.paystack("/transaction/initialize", Some(&body)).await;
    assert_eq!((status, answer["code"].as_str()), (400, Some("duplicate_reference")));
    assert_eq!(answer["message"], "Duplicate Transaction Reference");
    assert_eq!(answer["status"], false);
    assert_eq!(world.verify("ref-1").await["amount"], 500_000, "the first payment is untouched");
}

#[tokio::test]
async fn of_many_that_begin_the_same_payment_at_once_one_succeeds() {
    let world = World::new().await;
    let body = json!({"email": "ada@example.com", "amount": 1, "reference": "ref-1"});
    let attempts = (0..20).map(|_| world.paystack("/transaction/initialize", Some(&body)));
    let mut successes = 0;
    for answer in futures_all(attempts).await {
        successes += usize::from(answer.0 == 200);
    }
    assert_eq!(successes, 1);
}

/// Runs futures at the same time on this task; their results in order.
async fn futures_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, slot) in running.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(context)
            {
                *slot = Some(output);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test]
async fn nobody_gets_in_without_the_key() {
    let world = World::new().await;
    world.begin("ref-1").await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/paystack/transaction/verify/ref-1", world.url);
    for header in [None, Some("Bearer wrong"), Some(SECRET), Some("Basic x"), Some("Bearer "), Some("Bear")] {
        let request = client.get(&url);
        let request = match header {
            Some(header) => request.header("authorization", header),
            None => request,
        };
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401, "{header:?}");
        let answer: serde_json::Value = response.json().await.unwrap();
        assert_eq!(answer["status"], false, "{header:?}");
        assert!(answer["message"].is_string() && !answer.to_string().contains(SECRET), "{answer}");
    }
}

#[tokio::test]
async fn nonsense_is_refused_as_paystack_refuses_it() {
    let world = World::new().await;
    let good = json!({"email": "ada@example.com", "amount": 100, "currency": "NGN", "reference": "x"});
    let cases = [
        ("amount", json!(0), "invalid_params"),
        ("amount", json!(-5), "invalid_params"),
        ("amount", json!(10.5), "invalid_params"),
        ("amount", json!("10.5"), "invalid_params"),
        ("amount", json!(""), "invalid_params"),
        ("amount", json!("99999999999999999999"), "invalid_params"),
        ("amount", json!(null), "invalid_params"),
        ("currency", json!("EUR"), "unsupported_currency"),
        ("currency", json!("naira"), "unsupported_currency"),
        ("email", json!("nobody"), "invalid_email_address"),
        ("email", json!(null), "invalid_email_address"),
        ("reference", json!("a/b"), "invalid_reference"),
        ("callback_url", json!("javascript:alert(1)"), "invalid_params"),
        ("email", json!(7), "invalid_params"),
    ];
    for (field, value, code) in cases {
        let mut body = good.clone();
        body[field] = value.clone();
        let (status, answer) = world.paystack("/transaction/initialize", Some(&body)).await;
        assert_eq!((status, answer["code"].as_str()), (400, Some(code)), "{field} = {value}: {answer}");
    }
    let (status, answer) = world.paystack("/transaction/verify/x", None).await;
    assert_eq!((status, answer["code"].as_str()), (400, Some("transaction_not_found")), "nothing was begun");
    assert_eq!(answer["message"], "Transaction reference not found.");
}

#[tokio::test]
async fn verify_tells_how_a_payment_went() {
    let world = World::new().await;
    for (action, status, said) in [
        ("pay", "success", "Successful"),
        ("decline", "failed", "Declined"),
        ("abandon", "abandoned", "The transaction was not completed"),
    ] {
        world.begin(action).await;
        assert_eq!(world.control(action, &json!({"action": action})).await.0, 200);
        let seen = world.verify(action).await;
        assert_eq!((seen["status"].as_str(), seen["gateway_response"].as_str()), (Some(status), Some(said)));
        assert_eq!(seen["paid_at"].is_string(), action == "pay");
        assert_eq!(seen["customer"]["email"], "ada@example.com");
        assert!(seen["id"].as_i64().unwrap() > i64::from(u32::MAX), "ids do not fit 32 bits");
    }
    assert_eq!(world.verify("pay").await["fees"], 17_500, "1.5 % of ₦5,000 and ₦100");
}

#[tokio::test]
async fn the_gateway_captures_what_the_tester_says_and_remembers_what_was_asked() {
    let world = World::new().await;
    world.begin("short").await;
    let (status, belief) =
        world.control("short", &json!({"action": "pay", "amount": 499_999, "currency": "USD"})).await;
    assert_eq!(status, 200);
    assert_eq!((belief["amount"].as_i64(), belief["currency"].as_str()), (Some(499_999), Some("USD")));
    assert_eq!(
        (belief["requested_amount"].as_i64(), belief["requested_currency"].as_str()),
        (Some(500_000), Some("NGN"))
    );
    let seen = world.verify("short").await;
    assert_eq!((seen["amount"].as_i64(), seen["currency"].as_str()), (Some(499_999), Some("USD")));
    assert_eq!(seen["requested_amount"], 500_000);
    let (status, problem) = world.control("short", &json!({"action": "pay", "amount": 1})).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("already_paid")));
}

#[tokio::test]
async fn bad_knobs_are_refused_with_a_stable_code() {
    let world = World::new().await;
    world.begin("ref-1").await;
    let cases = [
        ("ref-1", json!({"action": "steal"}), 400, "unknown_action"),
        ("ref-1", json!({}), 400, "invalid_body"),
        ("ref-1", json!({"action": "pay", "amount": 0}), 400, "invalid_amount"),
        ("ref-1", json!({"action": "pay", "amount": "1"}), 400, "invalid_body"),
        ("ref-1", json!({"action": "pay", "currency": "XXX"}), 400, "unknown_currency"),
        ("ref-1", json!({"action": "decline", "amount": 5}), 400, "amount_without_payment"),
        ("ref-1", json!({"action": "pay", "webhook": {"copies": 0}}), 400, "invalid_webhook"),
        ("ref-1", json!({"action": "pay", "webhook": {"copies": 101}}), 400, "invalid_webhook"),
        ("ref-1", json!({"action": "pay", "webhook": {"copys": 1}}), 400, "invalid_body"),
        ("ref-2", json!({"action": "pay"}), 404, "unknown_reference"),
    ];
    for (reference, wish, status, code) in cases {
        let (seen, problem) = world.control(reference, &wish).await;
        assert_eq!((seen, problem["code"].as_str()), (status, Some(code)), "{wish}: {problem}");
        assert!(problem["request_id"].is_string() && problem["detail"].is_string());
    }
    let response = world.submit("/control/payments/ref-1", &[("action", "pay")]).await;
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(response.json::<serde_json::Value>().await.unwrap()["code"], "invalid_json");
    let response = world.get("/control/payments?limit=few").await;
    assert_eq!(response.json::<serde_json::Value>().await.unwrap()["code"], "invalid_query");
    let belief = world.belief("ref-1").await;
    assert_eq!((belief["status"].as_str(), belief["webhooks"].as_array().map(Vec::len)), (Some("pending"), Some(0)));
}

#[tokio::test]
async fn money_goes_back_once_and_the_shop_hears_of_it() {
    let world = World::new().await;
    world.begin("ref-1").await;
    let (status, answer) = world.paystack("/refund", Some(&json!({"transaction": "ref-1"}))).await;
    assert_eq!((status, answer["code"].as_str()), (400, Some("transaction_not_refundable")));
    world.control("ref-1", &json!({"action": "pay", "webhook": {"drop": true}})).await;

    let (status, answer) = world.paystack("/refund", Some(&json!({"transaction": "ref-1", "amount": 100_000}))).await;
    assert_eq!((status, answer["message"].as_str()), (200, Some("Refund has been queued for processing")));
    let part = answer["data"]["id"].as_i64().unwrap();
    assert_eq!(
        (answer["data"]["status"].as_str(), answer["data"]["amount"].as_i64()),
        (Some("pending"), Some(100_000))
    );
    let (status, answer) = world.paystack("/refund", Some(&json!({"transaction": "ref-1", "amount": 400_001}))).await;
    assert_eq!((status, answer["code"].as_str()), (400, Some("invalid_refund_amount")));
    let number = world.verify("ref-1").await["id"].clone();
    let (status, rest) = world.paystack("/refund", Some(&json!({"transaction": number}))).await;
    assert_eq!((status, rest["data"]["amount"].as_i64()), (200, Some(400_000)), "by number, all that is left");
    let (status, _) = world.paystack("/refund", Some(&json!({"transaction": "ref-1"}))).await;
    assert_eq!(status, 400, "nothing is left");

    let mut received = world.shop.wait_for(4).await;
    assert!(received.iter().all(|notice| notice.genuine));
    let part_text = part.to_string();
    received.retain(|notice| notice.data["id"] == part_text);
    let events: Vec<_> = received.iter().map(|notice| notice.event.as_str()).collect();
    assert_eq!(events, ["refund.pending", "refund.processed"], "and the id is text in a webhook");
    assert_eq!(received[1].data["transaction_reference"], "ref-1");
    let (_, answer) = world.paystack(&format!("/refund/{part}"), None).await;
    assert_eq!((answer["data"]["id"].as_i64(), answer["data"]["status"].as_str()), (Some(part), Some("processed")));
    let (_, list) = world.paystack("/refund?transaction=ref-1", None).await;
    assert_eq!(list["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(world.verify("ref-1").await["status"], "reversed");
    assert_eq!(world.belief("ref-1").await["refunded_amount"], 500_000);
    assert_eq!(world.paystack("/refund/1", None).await.0, 404);
}

#[tokio::test]
async fn the_gateway_remembers_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("payments.jsonl");
    let world = World::with_state(Some(path.clone())).await;
    let page = world.begin("paid").await;
    world.begin("open").await;
    world.control("paid", &json!({"action": "pay", "amount": 400_000})).await;
    let before = world.verify("paid").await;

    let world = world.restart().await;
    assert_eq!(world.verify("paid").await, before);
    assert_eq!(world.get(&page).await.status(), 200, "the payment page is where it was");
    assert_eq!(world.belief("open").await["status"], "pending");
    let body = json!({"email": "ada@example.com", "amount": 1, "reference": "open"});
    assert_eq!(world.paystack("/transaction/initialize", Some(&body)).await.1["code"], "duplicate_reference");
    let (_, refund) = world.paystack("/refund", Some(&json!({"transaction": "paid"}))).await;
    assert_eq!(refund["data"]["status"], "pending");

    // A process that is killed while it writes leaves half a line.
    world.wait_until("paid", |belief| belief["refunds"][0]["status"] == "processed").await;
    let world = {
        let bytes = std::fs::read(&path).unwrap();
        let stopped = world;
        std::fs::write(&path, [bytes.as_slice(), b"{\"at\":1,\"refer"].concat()).unwrap();
        stopped.restart().await
    };
    assert_eq!(world.belief("paid").await["refunds"][0]["status"], "processed");
    world.begin("next").await;
    let world = world.restart().await;
    let list: serde_json::Value = world.get("/control/payments").await.json().await.unwrap();
    let references: Vec<_> = list["payments"].as_array().unwrap().iter().map(|payment| &payment["reference"]).collect();
    assert_eq!(references, ["next", "open", "paid"], "newest first");
    assert_eq!(list["total"], 3);
}
