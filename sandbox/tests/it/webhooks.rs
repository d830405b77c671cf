//! What the shop hears of a payment: signed, repeated, and as faulty as the tester wants.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::World;

/// Long enough for a webhook that should not come to have come.
const QUIET: Duration = Duration::from_millis(400);

#[tokio::test]
async fn a_paid_payment_is_announced_with_a_genuine_signature() {
    let world = World::new().await;
    world.begin("ref-1").await;
    let (status, belief) = world.control("ref-1", &json!({"action": "pay"})).await;
    assert_eq!((status, belief["status"].as_str()), (200, Some("success")));
    let received = world.shop.wait_for(1).await;
    assert!(received[0].genuine);
    assert_eq!(received[0].event, "charge.success");
    assert_eq!(received[0].data, world.verify("ref-1").await, "a webhook carries what verify tells");
    let belief = world.wait_until("ref-1", |belief| belief["webhooks"][0]["delivered"] == true).await;
    assert_eq!(
        belief["webhooks"],
        json!([{"event": "charge.success", "forged": false, "attempts": 1, "last_status": 200, "delivered": true}])
    );
    tokio::time::sleep(QUIET).await;
    assert_eq!(world.shop.received().len(), 1, "what was taken is not sent again");
}

#[tokio::test]
async fn copies_arrive_at_the_same_time() {
    let world = World::new().await;
    world.shop.be_slow(Duration::from_millis(500));
    world.begin("ref-1").await;
    let (status, belief) = world.control("ref-1", &json!({"action": "pay", "webhook": {"copies": 5}})).await;
    assert_eq!((status, belief["webhooks"].as_array().map(Vec::len)), (200, Some(5)), "queued before the answer");
    let received = world.shop.wait_for(5).await;
    assert!(received.iter().all(|notice| notice.genuine && notice.data == received[0].data));
    assert_eq!(world.shop.at_once_max(), 5);
}

#[tokio::test]
async fn a_dropped_webhook_never_comes_and_the_payment_is_paid_all_the_same() {
    let world = World::new().await;
    world.begin("ref-1").await;
    let wish = json!({"action": "pay", "webhook": {"copies": 3, "drop": true}});
    assert_eq!(world.control("ref-1", &wish).await.0, 200);
    tokio::time::sleep(QUIET).await;
    assert!(world.shop.received().is_empty());
    assert_eq!(world.verify("ref-1").await["status"], "success");
    assert_eq!(world.control("ref-1", &json!({"action": "pay"})).await.0, 200);
    world.shop.wait_for(1).await;
}

#[tokio::test]
async fn a_forged_webhook_has_a_wrong_signature_and_is_not_repeated() {
    let world = World::new().await;
    world.begin("ref-1").await;
    world.control("ref-1", &json!({"action": "pay", "webhook": {"forge": true}})).await;
    let received = world.shop.wait_for(1).await;
    assert!(!received[0].genuine);
    tokio::time::sleep(QUIET).await;
    assert_eq!(world.shop.received().len(), 1);
    let record = &world.belief("ref-1").await["webhooks"][0];
    assert_eq!((record["last_status"].as_i64(), record["delivered"].as_bool()), (Some(401), Some(false)));
}

#[tokio::test]
async fn a_webhook_is_repeated_until_the_shop_answers_200() {
    let world = World::new().await;
    world.shop.refuse(&[500, 503, 202]);
    world.begin("ref-1").await;
    world.control("ref-1", &json!({"action": "pay"})).await;
    let received = world.shop.wait_for(4).await;
    assert!(received.windows(2).all(|pair| pair[1].at - pair[0].at >= Duration::from_millis(45)), "in its own pace");
    let belief = world.wait_until("ref-1", |belief| belief["webhooks"][0]["delivered"] == true).await;
    assert_eq!((belief["webhooks"][0]["attempts"].as_i64(), received.len()), (Some(4), 4));
}

#[tokio::test]
async fn a_delayed_webhook_comes_later_and_tells_how_it_was() {
    let world = World::new().await;
    world.begin("ref-1").await;
    let begun = std::time::Instant::now();
    let (_, belief) = world.control("ref-1", &json!({"action": "decline", "webhook": {"delay_ms": 300}})).await;
    assert!(begun.elapsed() < Duration::from_millis(300), "the answer does not wait");
    assert_eq!(belief["status"], "failed");
    assert_eq!(world.control("ref-1", &json!({"action": "pay"})).await.1["status"], "success");
    let received = world.shop.wait_for(2).await;
    let events: Vec<_> = received.iter().map(|notice| notice.event.as_str()).collect();
    assert_eq!(events, ["charge.success", "charge.failed"], "the failure was first and arrives last");
    assert!(received[1].at - begun >= Duration::from_millis(300));
    assert_eq!(received[1].data["status"], "failed");
}

#[tokio::test]
async fn a_failure_after_a_success_is_only_a_stale_notice() {
    let world = World::new().await;
    world.begin("ref-1").await;
    world.control("ref-1", &json!({"action": "pay"})).await;
    world.shop.wait_for(1).await;
    let (status, belief) = world.control("ref-1", &json!({"action": "decline"})).await;
    assert_eq!((status, belief["status"].as_str()), (200, Some("success")));
    let stale = world.shop.wait_for(2).await[1].clone();
    assert_eq!((stale.event.as_str(), stale.genuine), ("charge.failed", true));
    assert_eq!((stale.data["status"].as_str(), &stale.data["paid_at"]), (Some("failed"), &Value::Null));
    assert_eq!(world.verify("ref-1").await["status"], "success");
}

#[tokio::test]
async fn nobody_is_told_of_an_abandoned_payment() {
    let world = World::new().await;
    world.begin("ref-1").await;
    assert_eq!(world.control("ref-1", &json!({"action": "abandon"})).await.1["status"], "abandoned");
    tokio::time::sleep(QUIET).await;
    assert!(world.shop.received().is_empty());
}
