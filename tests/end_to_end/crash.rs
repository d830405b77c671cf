//! What happens when a process dies at the worst moment.

use reqwest::StatusCode;
use serde_json::json;
use stack::Part;
use tests::{Product, Shop};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_dies_between_payment_and_webhook_still_ends_in_paid() {
    let start = || Shop::start(&[Product { sku: "anvil", price_minor: 500_000, stock: 5 }]);
    let mut shop = tokio::task::spawn_blocking(start).await.unwrap();
    let order = shop.order("anvil", 1).await;
    let cart = shop.cart_with("anvil", 1).await;

    shop.stack.kill(Part::Origin);
    shop.gateway(&order, json!({"action": "pay", "webhook": {"drop": true}})).await;

    // Meanwhile the rest of the shop goes on, and checkout says plainly that it cannot.
    assert_eq!(shop.page("/").await.status(), StatusCode::OK);
    let checkout_id = Uuid::now_v7();
    let (status, body) = shop.check_out(&cart, checkout_id).await;
    assert_eq!((status, &body["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("checkout_unavailable")));

    tokio::task::block_in_place(|| shop.stack.start(Part::Origin)).unwrap();
    shop.wait_for_status(&order, "paid").await;

    // The cart was kept, and the same checkout goes through now.
    let (status, body) = shop.check_out(&cart, checkout_id).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    shop.wait_for_available("anvil", 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_is_away_hears_of_the_payment_when_it_is_back() {
    let start = || Shop::start(&[Product { sku: "bellows", price_minor: 500_000, stock: 5 }]);
    let mut shop = tokio::task::spawn_blocking(start).await.unwrap();
    let order = shop.order("bellows", 2).await;

    shop.stack.kill(Part::Edge);
    shop.gateway(&order, json!({"action": "pay"})).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;

    tokio::task::block_in_place(|| shop.stack.start(Part::Edge)).unwrap();
    shop.wait_for_status(&order, "paid").await;
    shop.wait_for_available("bellows", 3).await;
}
