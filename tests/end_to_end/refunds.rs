//! Money that goes back, end to end: cancelled by the buyer, ordered by the operator, paid twice through two gateways; and paying another
//! way when one way fails.
#![expect(clippy::unwrap_used, reason = "what goes wrong in a test should stop it, loudly")]

use std::process::Output;
use std::sync::LazyLock;

use domain::wire::EDGE_STOCK;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Order, Product, Shop, address, eventually, text};
use uuid::Uuid;

static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    let product = |sku, stock| Product { sku, price_minor: 1_250_000, stock };
    Shop::start(&[product("teapot", 10), product("whisk", 10), product("grater", 10), product("peeler", 10)])
});

/// The shop, started outside the runtime of whichever test comes first.
async fn shop() -> &'static Shop {
    tokio::task::spawn_blocking(|| &*SHOP).await.unwrap()
}

async fn paid(shop: &Shop, sku: &str, quantity: u32) -> Order {
    let order = shop.order(sku, quantity).await;
    shop.gateway(&order, json!({"action": "pay"})).await;
    shop.wait_for_status(&order, "paid").await;
    order
}

/// What `cargo xtask orders` says.
async fn orders(shop: &'static Shop, words: &[&str]) -> Output {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let run = move || {
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.extend(["--json", "--shop", &shop.url]);
        shop.try_tool("orders", &words)
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

async fn told(shop: &'static Shop, words: &[&str]) -> Value {
    let output = orders(shop, words).await;
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// On hand, promised, sold.
async fn counts(shop: &Shop, sku: &str) -> [u64; 3] {
    let (_, report) = shop.operator(Method::GET, &format!("{EDGE_STOCK}{sku}"), Vec::new()).await;
    ["on_hand", "reserved", "committed"].map(|name| report["levels"][0][name].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_buyer_cancels_is_refunded_and_back_on_the_shelf() {
    let shop = shop().await;
    let order = paid(shop, "teapot", 3).await;
    eventually("three to be sold", async || (counts(shop, "teapot").await == [7, 0, 3]).then_some(())).await;
    let path = format!("/orders/{}/cancel", order.id);
    let (status, body) = shop.api(Method::POST, &path, Some("of another"), None).await;
    assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));

    let (status, body) = shop.api(Method::POST, &path, Some(&order.token), None).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_ne!(body["status"], "paid", "{body}");
    assert_eq!(body["refunds"][0]["amount_minor"], order.total_minor);
    let done = shop.wait_for_status(&order, "refunded").await;
    assert_eq!(done["refunds"][0]["status"], "done", "{done}");
    eventually("all to be back", async || (counts(shop, "teapot").await == [10, 0, 0]).then_some(())).await;
    shop.wait_for_available("teapot", 10).await;

    // Once more is the same, and gives nothing back twice.
    let (status, again) = shop.api(Method::POST, &path, Some(&order.token), None).await;
    assert_eq!((status, again["refunds"].as_array().unwrap().len()), (StatusCode::OK, 1), "{again}");
    let page = shop.page(&format!("/orders/{}?token={}", order.id, order.token)).await.text().await.unwrap();
    for words in ["Your money was returned", "It was cancelled, or sent back.", "Cancelled by the buyer"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(!page.contains("Cancel this order"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_gives_back_a_part_and_then_the_rest() {
    let shop = shop().await;
    let order = paid(shop, "whisk", 2).await;
    let id = Uuid::now_v7().to_string();
    let first = ["refund", &order.id, "--line", "whisk=1", "--reason", "bent", "--refund", &id];
    let view = told(shop, &first).await;
    assert_eq!((&view["status"], &view["refunds"][0]["amount_minor"]), (&json!("paid"), &json!(1_250_000)), "{view}");
    assert_eq!(told(shop, &first).await["refunds"].as_array().unwrap().len(), 1, "the same again");
    let page = shop.page(&format!("/orders/{}?token={}", order.id, order.token)).await.text().await.unwrap();
    assert!(page.contains("A part of it is refunded") && page.contains("bent: 1 × whisk of the finest kind"), "{page}");

    let wrong = [
        (vec!["refund", &order.id, "--line", "whisk=2", "--reason", "bent"], "not_refundable"),
        (vec!["refund", &order.id, "--reason", ""], "invalid_refund"),
        (vec!["refund", &order.id, "--line", "whisk=none", "--reason", "bent"], "whole number"),
        (vec!["retry", &order.id, &id], "refund_stands"),
        (vec!["show", "0199aaaa-0000-7000-8000-000000000000"], "order_not_found"),
        (vec!["resend", "0199aaaa-0000-7000-8000-000000000000"], "message_not_found"),
    ];
    eventually("the first to be done", async || {
        (told(shop, &["show", &order.id]).await["refunds"][0]["status"] == "done").then_some(())
    })
    .await;
    for (words, code) in wrong {
        let output = orders(shop, &words).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(code), "{words:?}: {said}");
    }
    let (status, body) =
        shop.operator(Method::POST, &format!("/internal/orders/{}/refunds", order.id), b"{".to_vec()).await;
    assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_json")), "{body}");

    told(shop, &["refund", &order.id, "--no-restock", "--reason", "all of them are"]).await;
    let done = shop.wait_for_status(&order, "refunded").await;
    let amounts: i64 =
        done["refunds"].as_array().unwrap().iter().map(|refund| refund["amount_minor"].as_i64().unwrap()).sum();
    assert_eq!(amounts, order.total_minor, "{done}");
    // One can be sold again, and one cannot.
    eventually("one to be back", async || (counts(shop, "whisk").await == [9, 0, 1]).then_some(())).await;
    assert!(orders(shop, &["troubles"]).await.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_offered_is_refused_and_what_is_offered_is_listed() {
    let shop = shop().await;
    let (status, body) = shop.api(Method::GET, "/gateways", None, None).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let names: Vec<String> = body["gateways"].as_array().unwrap().iter().map(|it| text(&it["gateway"])).collect();
    assert_eq!(names, ["paystack", "flutterwave", "monnify", "stripe"]);
    let order = shop.order("peeler", 1).await;
    let (status, body) = pay_through(shop, &order, "barter").await;
    assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_json")), "{body}");
}

async fn pay_through(shop: &Shop, order: &Order, gateway: &str) -> (StatusCode, Value) {
    let path = format!("/orders/{}/payments", order.id);
    shop.api(Method::POST, &path, Some(&order.token), Some(json!({"gateway": gateway}))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn paid_through_two_gateways_the_second_goes_back_by_itself() {
    let shop = shop().await;
    let order = shop.order("grater", 1).await;
    let (status, other) = pay_through(shop, &order, "stripe").await;
    assert_eq!((status, &other["gateway"]), (StatusCode::OK, &json!("stripe")), "{other}");
    assert_eq!(pay_through(shop, &order, "stripe").await.1, other, "pressed twice");
    shop.gateway(&order, json!({"action": "pay"})).await;
    shop.wait_for_status(&order, "paid").await;
    let second = Order { reference: text(&other["reference"]), ..order.clone() };
    shop.gateway(&second, json!({"action": "pay"})).await;
    let view = eventually("the second to go back", async || {
        let view = shop.look(&order).await;
        (view["refunds"][0]["status"] == "done").then_some(view)
    })
    .await;
    assert_eq!(
        (&view["status"], &view["refunds"][0]["cause"]),
        (&json!("paid"), &json!("duplicate_capture")),
        "{view}"
    );
    let (status, body) = pay_through(shop, &order, "monnify").await;
    assert_eq!((status, &body["code"]), (StatusCode::CONFLICT, &json!("not_awaiting_payment")), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_whose_gateway_is_down_goes_on_through_another() {
    let shop = shop().await;
    let cart = shop.cart_with("peeler", 1).await;
    let outage = |fault: &str| {
        shop.http.post(format!("{}/control/gateways/monnify", shop.sandbox)).json(&json!({"fault": fault})).send()
    };
    let body = |gateway: &str, checkout_id: Uuid| {
        json!({
            "checkout_id": checkout_id, "cart_id": cart.id, "email": "ada@example.com", "address": address(),
            "delivery": "standard", "gateway": gateway,
        })
    };
    let checkout_id = Uuid::now_v7();
    assert!(outage("unavailable").await.unwrap().status().is_success());
    let down = shop.api(Method::POST, "/checkouts", Some(&cart.token), Some(body("monnify", checkout_id))).await;
    assert!(outage("none").await.unwrap().status().is_success());
    assert_eq!((down.0, &down.1["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("gateway_unavailable")));
    let placed = shop.api(Method::POST, "/checkouts", Some(&cart.token), Some(body("flutterwave", checkout_id))).await;
    assert_eq!(
        (placed.0, &placed.1["payment"]["gateway"]),
        (StatusCode::CREATED, &json!("flutterwave")),
        "{}",
        placed.1
    );
    let order = Order::read(placed.1);
    shop.gateway(&order, json!({"action": "pay"})).await;
    shop.wait_for_status(&order, "paid").await;
}
