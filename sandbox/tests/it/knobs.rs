//! The knobs that all gateways share: refund modes, disputes, and gateways that fail.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::World;

#[tokio::test]
async fn refunds_go_the_way_the_tester_wants() {
    let world = World::new().await;
    for mode in ["process", "fail", "stall", "refuse"] {
        world.begin(mode).await;
        let (status, belief) = world.control(mode, &json!({"action": "pay", "refunds": mode})).await;
        assert_eq!((status, belief["refund_mode"].as_str()), (200, Some(mode)));
        let (status, answer) = world.paystack("/refund", Some(&json!({"transaction": mode, "amount": 100_000}))).await;
        if mode == "refuse" {
            assert_eq!((status, answer["code"].as_str()), (400, Some("insufficient_balance")));
            continue;
        }
        assert_eq!(status, 200);
    }
    world.wait_until("process", |belief| belief["refunds"][0]["status"] == "processed").await;
    world.wait_until("fail", |belief| belief["refunds"][0]["status"] == "failed").await;
    let failed = world.shop.wait_for_event("refund.failed").await.data;
    assert_eq!((&failed["status"], &failed["transaction_reference"]), (&json!("failed"), &json!("fail")));
    let (_, list) = world.paystack("/refund?transaction=fail", None).await;
    assert_eq!(list["data"][0]["status"], "failed");
    assert_eq!(world.belief("fail").await["refunded_amount"], 0, "the money is the shop's again");

    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(world.belief("stall").await["refunds"][0]["status"], "pending");
    assert_eq!(world.control("stall", &json!({"action": "refunds", "refunds": "fail"})).await.0, 200);
    world.wait_until("stall", |belief| belief["refunds"][0]["status"] == "failed").await;
    assert_eq!(world.belief("refuse").await["refunds"], json!([]));
}

#[tokio::test]
async fn a_dispute_is_opened_announced_and_resolved_once() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::with_state(Some(folder.path().join("journal"))).await;
    world.begin("ref-1").await;
    for (wish, status, code) in [
        (json!({"action": "dispute"}), 409, "not_paid"),
        (json!({"action": "resolve"}), 400, "invalid_outcome"),
        (json!({"action": "resolve", "outcome": "won"}), 409, "no_dispute"),
        (json!({"action": "pay", "outcome": "won"}), 400, "invalid_outcome"),
        (json!({"action": "refunds"}), 400, "missing_refunds"),
        (json!({"action": "refunds", "refunds": "lose"}), 400, "invalid_body"),
    ] {
        let (seen, problem) = world.control("ref-1", &wish).await;
        assert_eq!((seen, problem["code"].as_str()), (status, Some(code)), "{wish}: {problem}");
    }
    world.control("ref-1", &json!({"action": "pay"})).await;
    let (status, belief) = world.control("ref-1", &json!({"action": "dispute"})).await;
    assert_eq!((status, &belief["disputes"][0]["status"]), (200, &json!("open")));
    assert_eq!(world.control("ref-1", &json!({"action": "dispute"})).await.1["code"], "already_disputed");
    let opened = world.shop.wait_for_event("charge.dispute.create").await.data;
    assert_eq!((&opened["status"], &opened["refund_amount"]), (&json!("awaiting-merchant-feedback"), &json!(500_000)));
    assert_eq!(opened["transaction"]["reference"], "ref-1");

    let world = world.restart().await;
    let wish = json!({"action": "resolve", "outcome": "lost", "webhook": {"copies": 2}});
    let (_, belief) = world.control("ref-1", &wish).await;
    assert_eq!(belief["disputes"][0]["status"], "lost");
    let closed = world.shop.wait_for_event("charge.dispute.resolve").await.data;
    assert_eq!((&closed["status"], &closed["resolution"]), (&json!("resolved"), &json!("merchant-accepted")));
    let (status, answer) = world.paystack(&format!("/dispute/{}", opened["id"]), None).await;
    assert_eq!((status, &answer["data"]), (200, &closed));
    let transaction = opened["transaction"]["id"].as_i64().unwrap();
    let (_, list) = world.paystack(&format!("/dispute?transaction={transaction}"), None).await;
    assert_eq!(list["data"], json!([closed]));
    assert_eq!(world.paystack("/dispute/1", None).await.0, 404);
}

#[tokio::test]
async fn a_gateway_fails_for_as_long_as_the_tester_wants() {
    let world = World::new().await;
    let tell = async |knobs: Value| {
        let response = world.post("/control/gateways/paystack", &knobs).await;
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let initialize = async |reference: &str| {
        let body = json!({"email": "ada@example.com", "amount": 100, "reference": reference});
        let request = world.call(reqwest::Method::POST, "/paystack/transaction/initialize").json(&body);
        request.bearer_auth(crate::harness::SECRET).timeout(Duration::from_millis(500)).send().await
    };
    let (status, state) = tell(json!({"fault": "unavailable", "requests": 2})).await;
    assert_eq!((status, &state["fault"], &state["requests"]), (200, &json!("unavailable"), &json!(2)));
    assert_eq!(initialize("ref-1").await.unwrap().status(), 503);
    assert_eq!(initialize("ref-1").await.unwrap().status(), 503);
    assert_eq!(initialize("ref-1").await.unwrap().status(), 200, "nothing was done before");

    tell(json!({"fault": "slow", "delay_ms": 60_000})).await;
    let begun = Instant::now();
    assert!(initialize("ref-2").await.unwrap_err().is_timeout());
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(world.belief("ref-2").await["status"], "pending", "it was done all the same");
    tell(json!({"fault": "lost", "requests": 1})).await;
    assert_eq!(initialize("ref-3").await.unwrap().status(), 502);
    assert_eq!(initialize("ref-3").await.unwrap().status(), 400, "the reference was used: only the answer got lost");
    assert_eq!(world.get("/control/gateways").await.json::<Value>().await.unwrap()["gateways"][0]["fault"], "none");

    for (knobs, status, code) in [
        (json!({}), 400, "missing_fault"),
        (json!({"fault": "sleepy"}), 400, "invalid_body"),
        (json!({"fault": "slow", "delay_ms": 600_001}), 400, "invalid_delay"),
    ] {
        let (seen, problem) = tell(knobs).await;
        assert_eq!((seen, problem["code"].as_str()), (status, Some(code)), "{problem}");
    }
    let unknown = world.get("/control/gateways/nobody").await;
    assert_eq!(unknown.json::<Value>().await.unwrap()["code"], "unknown_gateway");
}

#[tokio::test]
async fn an_older_journal_is_still_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let lines = [
        r#"{"at":1,"reference":"old","event":{"kind":"initialized","id":200000000000,"reference":"old","access_code":"oldcode","email":"ada@example.com","requested":{"amount_minor":5000,"currency":"NGN"},"callback_url":null,"metadata":""}}"#,
        r#"{"at":2,"reference":"old","event":{"kind":"paid","captured":{"amount_minor":5000,"currency":"NGN"}}}"#,
        r#"{"at":3,"reference":"old","event":{"kind":"refund_requested","id":200000000001,"money":{"amount_minor":1000,"currency":"NGN"},"merchant_note":"rf-1"}}"#,
        r#"{"at":4,"reference":"old","event":{"kind":"refund_processed","id":200000000001}}"#,
    ];
    std::fs::write(&path, format!("{}\n", lines.join("\n"))).unwrap();
    let world = World::with_state(Some(path)).await;
    let belief = world.belief("old").await;
    assert_eq!((belief["gateway"].as_str(), belief["status"].as_str()), (Some("paystack"), Some("success")));
    assert_eq!(belief["refunds"][0]["status"], "processed");
    let (_, list) = world.paystack("/refund?transaction=200000000000", None).await;
    assert_eq!(list["data"][0]["merchant_note"], "rf-1");
    assert_eq!(world.paystack("/refund", Some(&json!({"transaction": "old"}))).await.0, 200);
    let world = world.restart().await;
    assert_eq!(world.belief("old").await["refunded_amount"], 5000);
}
