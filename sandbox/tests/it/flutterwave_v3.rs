//! Flutterwave's third interface: hosted payments, verification, refunds, chargebacks, webhooks.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{FLUTTERWAVE_SECRET, World, answered};

async fn call(world: &World, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let request = world.call(method, &format!("/flutterwave/v3{path}")).bearer_auth(FLUTTERWAVE_SECRET);
    answered(match body {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

fn order(tx_ref: &str) -> Value {
    json!({
        "tx_ref": tx_ref, "amount": 5000.5, "currency": "NGN", "redirect_url": "http://shop.test/back?order=7",
        "customer": {"email": "ada@example.com", "name": "Ada"}, "meta": {"order_id": "7"},
    })
}

/// Begins a payment of ₦5,000.50; the path of its page.
async fn begin(world: &World, tx_ref: &str) -> String {
    let (status, answer) = call(world, Method::POST, "/payments", Some(order(tx_ref))).await;
    assert_eq!((status, answer["status"].as_str()), (200, Some("success")), "{answer}");
    answer["data"]["link"].as_str().unwrap().strip_prefix(&world.url).unwrap().to_owned()
}

async fn verify(world: &World, tx_ref: &str) -> (u16, Value) {
    call(world, Method::GET, &format!("/transactions/verify_by_reference?tx_ref={tx_ref}"), None).await
}

#[tokio::test]
async fn a_payment_lives_from_its_page_to_its_refunds() {
    let world = World::new().await;
    let page = begin(&world, "ref-1").await;
    let (status, answer) = verify(&world, "ref-1").await;
    assert_eq!((status, answer["message"].as_str()), (400, Some("No transaction was found for this id")));

    let response = world.submit(&page, &[("action", "pay")]).await;
    let (_, answer) = verify(&world, "ref-1").await;
    let paid = &answer["data"];
    let id = paid["id"].as_i64().unwrap();
    assert_eq!(
        response.headers()["location"].to_str().unwrap(),
        format!("http://shop.test/back?order=7&status=successful&tx_ref=ref-1&transaction_id={id}")
    );
    assert_eq!((&paid["amount"], &paid["currency"]), (&json!(5000.5), &json!("NGN")));
    assert_eq!((&paid["app_fee"], &paid["amount_settled"]), (&json!(70.01), &json!(4930.49)), "1.4 %, rounded up");
    assert_eq!(call(&world, Method::GET, &format!("/transactions/{id}/verify"), None).await.1["data"], *paid);
    let notice = world.shop.wait_for_event("charge.completed").await;
    assert_eq!((notice.gateway.as_str(), &notice.data), ("flutterwave", paid));
    assert_eq!(notice.body["meta_data"], json!({"order_id": "7"}));

    let path = format!("/transactions/{id}/refund");
    let body = json!({"amount": "1000.25", "comments": "rf-1"});
    let (status, answer) = call(&world, Method::POST, &path, Some(body)).await;
    assert_eq!((status, answer["message"].as_str()), (200, Some("Transaction refund initiated")));
    assert_eq!((&answer["data"]["status"], &answer["data"]["amount_refunded"]), (&json!("pending"), &json!(1000.25)));
    let (status, answer) = call(&world, Method::POST, &path, Some(json!({"amount": 4000.26}))).await;
    assert_eq!((status, answer["status"].as_str(), &answer["data"]), (400, Some("error"), &Value::Null), "too much");
    assert_eq!(call(&world, Method::POST, &path, Some(json!({"comments": "rf-2"}))).await.0, 200, "the rest");
    assert_eq!(call(&world, Method::POST, &path, Some(json!({}))).await.0, 400, "nothing is left");

    let notice = world.shop.wait_for_event("refund.completed").await;
    assert_eq!((&notice.data["TransactionId"], &notice.data["status"]), (&json!(id), &json!("completed")));
    world.wait_until("ref-1", |belief| belief["refunds"][1]["status"] == "processed").await;
    let (_, list) = call(&world, Method::GET, &format!("/refunds?id={id}"), None).await;
    let comments: Vec<&Value> = list["data"].as_array().unwrap().iter().map(|refund| &refund["comment"]).collect();
    assert_eq!((comments, &list["meta"]["page_info"]["total"]), (vec![&json!("rf-1"), &json!("rf-2")], &json!(2)));
    let refund = list["data"][0]["id"].as_i64().unwrap();
    let (_, answer) = call(&world, Method::GET, &format!("/refunds/{refund}"), None).await;
    assert_eq!((&answer["data"]["comments"], &answer["data"]["status"]), (&json!("rf-1"), &json!("completed")));
    assert_eq!(call(&world, Method::GET, "/refunds?id=1", None).await.1["data"], json!([]));
}

#[tokio::test]
async fn one_name_can_have_two_payments_and_both_can_be_paid() {
    let world = World::new().await;
    let (first, second) = (begin(&world, "ref-1").await, begin(&world, "ref-1").await);
    assert_ne!(first, second);
    world.submit(&second, &[("action", "pay")]).await;
    let (_, paid) = verify(&world, "ref-1").await;
    world.submit(&first, &[("action", "pay")]).await;
    assert_eq!(verify(&world, "ref-1").await.1, paid, "the one that was paid first is told of");
    let (_, list) = call(&world, Method::GET, "/transactions?tx_ref=ref-1", None).await;
    assert_eq!(list["data"].as_array().map(Vec::len), Some(2));
    let successes = call(&world, Method::GET, "/transactions?tx_ref=ref-1&status=successful", None).await.1;
    assert_eq!(successes["data"], list["data"]);
    assert_eq!(call(&world, Method::GET, "/transactions?status=failed", None).await.1["data"], json!([]));
    let notices = world.shop.wait_for(2).await;
    assert_ne!(notices[0].data["id"], notices[1].data["id"]);
    let older = notices.iter().map(|one| one.data["id"].as_i64().unwrap()).min().unwrap();
    let (status, belief) = world.control(&older.to_string(), &json!({"action": "pay"})).await;
    assert_eq!((status, belief["id"].as_i64()), (200, Some(older)), "the older one can be driven by its number");
}

#[tokio::test]
async fn a_failure_is_announced_as_completed_too() {
    let world = World::new().await;
    begin(&world, "ref-1").await;
    assert_eq!(world.control("ref-1", &json!({"action": "decline"})).await.0, 200);
    let notice = world.shop.wait_for_event("charge.completed").await;
    assert_eq!(notice.data["status"], "failed");
    assert_eq!(verify(&world, "ref-1").await.1["data"]["status"], "failed");
    world.control("ref-1", &json!({"action": "pay", "amount": 400_000, "currency": "GHS"})).await;
    let (_, answer) = verify(&world, "ref-1").await;
    assert_eq!((&answer["data"]["amount"], &answer["data"]["currency"]), (&json!(4000), &json!("GHS")));
}

#[tokio::test]
async fn a_chargeback_is_announced_and_read() {
    let world = World::new().await;
    begin(&world, "ref-1").await;
    world.control("ref-1", &json!({"action": "pay"})).await;
    world.control("ref-1", &json!({"action": "dispute"})).await;
    let opened = world.shop.wait_for_event("chargeback.created").await.data;
    assert_eq!(
        (&opened["status"], &opened["tx_ref"], &opened["amount"]),
        (&json!("initiated"), &json!("ref-1"), &json!(5000.5))
    );
    world.control("ref-1", &json!({"action": "resolve", "outcome": "lost"})).await;
    assert_eq!(world.shop.wait_for_event("chargeback.updated").await.data["status"], "lost");
    let (status, answer) = call(&world, Method::GET, &format!("/chargebacks/{}", opened["id"]), None).await;
    assert_eq!((status, answer["data"]["status"].as_str()), (200, Some("lost")));
    let (_, list) = call(&world, Method::GET, "/chargebacks?tx_ref=ref-1", None).await;
    assert_eq!(list["data"][0], answer["data"]);
    let (_, list) = call(&world, Method::GET, &format!("/chargebacks?id={}", opened["id"]), None).await;
    assert_eq!(list["data"][0], answer["data"]);
    assert_eq!(call(&world, Method::GET, "/chargebacks?id=1", None).await.1["data"], json!([]));
    let path = format!("/transactions/{}/refund", opened["transaction_id"]);
    assert_eq!(call(&world, Method::POST, &path, Some(json!({}))).await.0, 400, "the money is gone");
}

#[tokio::test]
async fn nonsense_and_strangers_are_refused_as_flutterwave_refuses_them() {
    let world = World::new().await;
    for (field, value) in [
        ("tx_ref", json!("")),
        ("tx_ref", json!(null)),
        ("amount", json!(0)),
        ("amount", json!(-1)),
        ("amount", json!(10.005)),
        ("amount", json!("ten")),
        ("currency", json!("XXX")),
        ("redirect_url", json!("javascript:alert(1)")),
        ("customer", json!({"email": "nobody"})),
        ("customer", json!(7)),
    ] {
        let mut body = order("ref-1");
        body[field] = value.clone();
        let (status, answer) = call(&world, Method::POST, "/payments", Some(body)).await;
        assert_eq!((status, answer["status"].as_str()), (400, Some("error")), "{field} = {value}: {answer}");
        assert!(answer["message"].is_string() && answer["data"].is_null());
    }
    for path in ["/refunds/1", "/refunds/x", "/chargebacks/1", "/transactions/1/verify", "/transactions/x/verify"] {
        assert_eq!(call(&world, Method::GET, path, None).await.0, 400, "{path}");
    }
    let request = || world.call(Method::GET, "/flutterwave/v3/transactions/verify_by_reference?tx_ref=x");
    assert_eq!(answered(request()).await.0, 401);
    let (status, answer) = answered(request().bearer_auth("wrong")).await;
    assert_eq!((status, answer["status"].as_str()), (401, Some("error")));
}
