//! Paystack's transfers: a reference is taken once, and what becomes of a transfer is told.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::World;

const REFERENCE: &str = "po-0190000000007000800000000000000a";

async fn recipient(world: &World) -> String {
    let account = json!({"type": "nuban", "name": "Ada Obi", "account_number": "0123456789", "bank_code": "058", "currency": "NGN"});
    let (status, answer) = world.paystack("/transferrecipient", Some(&account)).await;
    assert_eq!(status, 201, "{answer}");
    answer["data"]["recipient_code"].as_str().unwrap().to_owned()
}

async fn ask(world: &World) -> (u16, Value) {
    let recipient = recipient(world).await;
    let body = json!({"source": "balance", "amount": 995_000, "currency": "NGN", "recipient": recipient,
        "reference": REFERENCE, "reason": "sales"});
    world.paystack("/transfer", Some(&body)).await
}

async fn verify(world: &World) -> Value {
    let (status, answer) = world.paystack(&format!("/transfer/verify/{REFERENCE}"), None).await;
    assert_eq!(status, 200, "{answer}");
    answer["data"].clone()
}

async fn tell(world: &World, path: &str, body: &Value) -> u16 {
    world.post(path, body).await.status().as_u16()
}

#[tokio::test]
async fn a_transfer_is_made_once_and_announced_when_it_was_sent() {
    let world = World::new().await;
    assert_eq!(recipient(&world).await, recipient(&world).await, "the same account is the same recipient");
    let missing = world.paystack(&format!("/transfer/verify/{REFERENCE}"), None).await;
    assert_eq!((missing.0, missing.1["code"].as_str()), (404, Some("transfer_not_found")));
    let (status, made) = ask(&world).await;
    assert_eq!((status, made["data"]["status"].as_str()), (200, Some("pending")), "{made}");
    let (status, again) = ask(&world).await;
    assert_eq!((status, again["code"].as_str()), (400, Some("duplicate_reference")));
    let heard = world.shop.wait_for_event("transfer.success").await;
    assert!(heard.genuine);
    assert_eq!((heard.data["reference"].as_str(), heard.data["amount"].as_i64()), (Some(REFERENCE), Some(995_000)));
    assert_eq!(heard.data, verify(&world).await, "a webhook carries what verify tells");
}

#[tokio::test]
async fn transfers_fail_wait_for_a_password_and_are_refused_as_the_knob_says() {
    let world = World::new().await;
    assert_eq!(tell(&world, "/control/transfers", &json!({"mode": "refuse"})).await, 200);
    assert_eq!(ask(&world).await.1["code"], "insufficient_balance");
    assert_eq!(tell(&world, "/control/transfers", &json!({"mode": "otp"})).await, 200);
    let (status, made) = ask(&world).await;
    assert_eq!((status, made["message"].as_str()), (200, Some("Transfer requires OTP to continue")));
    assert_eq!(verify(&world).await["status"], "otp");
    let drive = format!("/control/transfers/{REFERENCE}");
    assert_eq!(tell(&world, &drive, &json!({"action": "success"})).await, 200);
    assert_eq!(tell(&world, &drive, &json!({"action": "failed"})).await, 200);
    assert_eq!(verify(&world).await["status"], "success", "what was sent does not fail");
    assert_eq!(tell(&world, &drive, &json!({"action": "reversed"})).await, 200);
    world.shop.wait_for_event("transfer.reversed").await;
    assert_eq!(tell(&world, "/control/transfers/po-nobody-knows-me", &json!({"action": "success"})).await, 404);
    assert_eq!(tell(&world, "/control/transfers", &json!({"mode": "sometimes"})).await, 400);
}

#[tokio::test]
async fn what_paystack_would_not_take_is_refused() {
    let world = World::new().await;
    let code = recipient(&world).await;
    let good = json!({"source": "balance", "amount": 100, "recipient": code, "reference": REFERENCE});
    for (field, bad) in [
        ("source", json!("savings")),
        ("amount", json!(-1)),
        ("recipient", json!("RCP_unknown")),
        ("reference", json!("short")),
        ("reference", json!("PO-0190000000007000800000000000000A")),
    ] {
        let mut body = good.clone();
        body[field] = bad;
        let (status, answer) = world.paystack("/transfer", Some(&body)).await;
        assert_eq!((status, answer["status"].as_bool()), (400, Some(false)), "{body}");
    }
    let nine = json!({"type": "nuban", "name": "Ada", "account_number": "123456789", "bank_code": "058"});
    assert_eq!(world.paystack("/transferrecipient", Some(&nine)).await.0, 400);
}

#[tokio::test]
async fn transfers_are_remembered_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let state: PathBuf = folder.path().join("journal.jsonl");
    let world = World::with_state(Some(state)).await;
    tell(&world, "/control/transfers", &json!({"mode": "otp"})).await;
    ask(&world).await;
    let world = world.restart().await;
    assert_eq!(verify(&world).await["status"], "otp");
    assert_eq!(ask(&world).await.1["code"], "duplicate_reference");
}
