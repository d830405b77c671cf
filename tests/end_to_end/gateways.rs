//! Every gateway that the shop can be paid through, from checkout to the money's way back, over each one's own interface.
#![expect(clippy::unwrap_used, reason = "what goes wrong in a test should stop it, loudly")]

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stack::Part;
use tests::{Order, Product, Shop, eventually};
use uuid::Uuid;

const STOCK: u32 = 20;

async fn shop(flutterwave: &'static str) -> Shop {
    let products = [Product { sku: "kettle", price_minor: 750_000, stock: STOCK }];
    let set = move |config: stack::Config| config.with(Part::Origin, "FLUTTERWAVE_VERSION", flutterwave);
    tokio::task::spawn_blocking(move || Shop::start_with(&products, set)).await.unwrap()
}

async fn ordered(shop: &Shop, gateway: &str) -> Order {
    let cart = shop.cart_with("kettle", 1).await;
    let (status, body) = shop.check_out_through(gateway, &cart, Uuid::now_v7()).await;
    assert_eq!(status, StatusCode::CREATED, "{gateway}: {body}");
    Order::read(body)
}

/// What the gateway believes of an order's payment.
async fn belief(shop: &Shop, order: &Order) -> Value {
    let url = format!("{}/control/payments/{}", shop.sandbox, order.reference);
    shop.http.get(url).send().await.unwrap().json().await.unwrap()
}

async fn bought_and_sent_back(shop: &Shop, gateway: &str) {
    let order = ordered(shop, gateway).await;
    assert_eq!(belief(shop, &order).await["gateway"], gateway);
    shop.gateway(&order, json!({"action": "decline"})).await;
    shop.gateway(&order, json!({"action": "pay"})).await;
    let paid = shop.wait_for_status(&order, "paid").await;
    assert_eq!(paid["payment"]["captured"]["amount_minor"], order.total_minor, "{gateway}");
    let (status, body) =
        shop.api(Method::POST, &format!("/orders/{}/cancel", order.id), Some(&order.token), None).await;
    assert_eq!(status, StatusCode::OK, "{gateway}: {body}");
    let refunded = shop.wait_for_status(&order, "refunded").await;
    assert_eq!(refunded["refunds"].as_array().unwrap().len(), 1, "{gateway}: {refunded}");
    assert_eq!(belief(shop, &order).await["refunded_amount"], order.total_minor, "{gateway}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_gateway_is_chosen_the_money_comes_and_goes_back() {
    let shop = shop("v3").await;
    for gateway in ["paystack", "flutterwave", "monnify", "stripe"] {
        bought_and_sent_back(&shop, gateway).await;
    }
    shop.wait_for_available("kettle", STOCK.into()).await;
    // Whatever was too little goes back as well, whoever took it.
    for gateway in ["flutterwave", "monnify", "stripe"] {
        let order = ordered(&shop, gateway).await;
        shop.gateway(&order, json!({"action": "pay", "amount": order.total_minor - 10_000})).await;
        shop.wait_for_status(&order, "refunded").await;
        let back =
            async || (belief(&shop, &order).await["refunded_amount"] == order.total_minor - 10_000).then_some(());
        eventually("all of it to be back", back).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flutterwave_is_spoken_to_in_the_version_that_is_set() {
    let shop = shop("v4").await;
    bought_and_sent_back(&shop, "flutterwave").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_never_comes_and_a_gateway_that_is_down_cost_nobody_anything() {
    let shop = shop("v3").await;
    for gateway in ["flutterwave", "monnify", "stripe"] {
        let order = ordered(&shop, gateway).await;
        shop.gateway(&order, json!({"action": "pay", "webhook": {"drop": true}})).await;
        shop.wait_for_status(&order, "paid").await;
        let down = format!("{}/control/gateways/{gateway}", shop.sandbox);
        let fault = |fault: &str, requests: u32| {
            shop.http.post(&down).json(&json!({"fault": fault, "requests": requests})).send()
        };
        // The refund is made, and nobody hears that it was.
        assert!(fault("lost", 1).await.unwrap().status().is_success());
        let (status, body) =
            shop.api(Method::POST, &format!("/orders/{}/cancel", order.id), Some(&order.token), None).await;
        assert_eq!(status, StatusCode::OK, "{gateway}: {body}");
        eventually("the refund to be found again", async || {
            (shop.look(&order).await["status"] == "refunded").then_some(())
        })
        .await;
        assert_eq!(belief(&shop, &order).await["refunded_amount"], order.total_minor, "{gateway}");
    }
}
