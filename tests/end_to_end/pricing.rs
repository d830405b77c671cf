//! Taxes, delivery and promotions, end to end: from the operator's file to what is charged, shown and refunded.
#![expect(clippy::unwrap_used, reason = "what goes wrong in a test should stop it, loudly")]

use std::sync::LazyLock;

use domain::wire::ImportProduct;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Cart, Order, Product, Shop, address, eventually, product, text};
use uuid::Uuid;

const RULES: &str = r#"{
    "taxes": [{"name": "VAT", "rate": "7.5", "country": "NG", "included": true},
              {"name": "Levy", "rate": "8.875", "country": "GH", "included": false, "on_delivery": true}],
    "delivery": [
        {"name": "Lagos", "countries": ["NG"], "regions": ["Lagos"], "methods": [
            {"method": "standard", "currency": "NGN", "free_from": "40000",
             "steps": [{"up_to_grams": 2000, "price": "1500"}, {"price": "3000"}]},
            {"method": "pickup", "currency": "NGN", "price": "0"}]},
        {"name": "Nigeria", "countries": ["NG"], "methods": [{"method": "standard", "currency": "NGN", "price": "2500"}]},
        {"name": "Ghana", "countries": ["GH"], "methods": [{"method": "express", "currency": "NGN", "price": "9000"}]}],
    "promotions": [
        {"id": "tea-week", "name": "Tea week", "amount_each": "500", "currency": "NGN", "combines": true, "borne_by": "seller",
         "on": {"skus": ["kettle"]}},
        {"id": "welcome", "name": "Welcome", "code": "WELCOME10", "percent": "10", "combines": true, "borne_by": "shop",
         "limit_per_person": 1},
        {"id": "once", "name": "Once", "code": "ONCE", "amount": "5000", "currency": "NGN", "minimum": "20000", "borne_by": "shop",
         "limit": 1},
        {"id": "old", "name": "Old", "code": "OLD", "percent": "50", "borne_by": "shop", "ends_at": "2020-01-01T00:00:00Z"}]
}"#;

static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    let product = |sku, price_minor| Product { sku, price_minor, stock: 50 };
    let shop = Shop::start(&[product("kettle", 1_250_000), product("strainer", 333_300)]);
    set(&shop, RULES).unwrap();
    shop
});

/// The shop, started outside the runtime of whichever test comes first.
async fn shop() -> &'static Shop {
    let shop = tokio::task::spawn_blocking(|| &*SHOP).await.unwrap();
    // An isolate that looked before the rules were set believes what it saw for two seconds.
    let cart = shop.cart_with("kettle", 1).await;
    eventually("the rules to be known", async || {
        (minor(&look(shop, &cart, "").await["quote"]["discount"]) == 50_000).then_some(())
    })
    .await;
    shop
}

/// `cargo xtask pricing set`; what it says against the file.
fn set(shop: &Shop, rules: &str) -> Result<String, String> {
    let file = std::env::temp_dir().join(format!("rules-{}.json", Uuid::now_v7()));
    std::fs::write(&file, rules).unwrap();
    let output = shop.try_tool("pricing", &["set", file.to_str().unwrap(), "--shop", &shop.url]);
    std::fs::remove_file(file).unwrap();
    let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(told(&output.stdout)) } else { Err(told(&output.stderr)) }
}

/// A cart as it is priced for `query`.
async fn look(shop: &Shop, cart: &Cart, query: &str) -> Value {
    let (status, body) = shop.api(Method::GET, &format!("/carts/{}?{query}", cart.id), Some(&cart.token), None).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

async fn type_code(shop: &Shop, cart: &Cart, code: &str) -> (StatusCode, Value) {
    let path = format!("/carts/{}/coupon", cart.id);
    shop.api(Method::POST, &path, Some(&cart.token), Some(json!({"code": code}))).await
}

async fn check_out(shop: &Shop, cart: &Cart, email: &str, more: Value) -> (StatusCode, Value) {
    let mut body = json!({
        "checkout_id": Uuid::now_v7(), "cart_id": cart.id, "email": email, "address": address(),
        "delivery": "standard", "gateway": "paystack",
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    shop.api(Method::POST, "/checkouts", Some(&cart.token), Some(body)).await
}

fn minor(value: &Value) -> i64 {
    value["amount_minor"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_follows_the_destination_and_explains_itself() {
    let shop = shop().await;
    let cart = shop.cart_with("kettle", 2).await;
    let lagos = look(shop, &cart, "country=NG&region=Lagos+State").await;
    let quote = &lagos["quote"];
    // 2 × 12,500, less 500 each; 1,500 to Lagos.
    assert_eq!(
        (minor(&quote["items"]), minor(&quote["discount"]), minor(&quote["delivery"])),
        (2_500_000, 100_000, 150_000)
    );
    assert_eq!(minor(&quote["total"]), 2_550_000);
    let line = &quote["charges"][0];
    assert_eq!(
        (line["discounts"][0]["name"].as_str(), line["discounts"][0]["borne_by"].as_str()),
        (Some("Tea week"), Some("seller"))
    );
    assert_eq!((line["tax"]["included"].as_bool(), minor(&line["tax"]["amount"])), (Some(true), 167_442));
    assert_eq!(quote["charges"][1]["zone"], "Lagos");
    assert_eq!(lagos["methods"].as_array().unwrap().len(), 2);
    assert_eq!(minor(&look(shop, &cart, "country=NG&region=Lagos&delivery=pickup").await["quote"]["delivery"]), 0);

    let kano = look(shop, &cart, "region=Kano").await;
    assert_eq!(minor(&kano["quote"]["delivery"]), 250_000);
    let accra = look(shop, &cart, "country=GH").await;
    assert_eq!((&accra["quote"]["method"], minor(&accra["quote"]["tax"])), (&json!("express"), 213_000 + 79_875));
    let nowhere = look(shop, &cart, "country=FR").await;
    assert_eq!((&nowhere["quote"], &nowhere["methods"]), (&Value::Null, &json!([])));
    let more =
        json!({"address": {"country": "FR", "name": "A", "line1": "1", "city": "Paris", "phone": "0803 123 4567"}});
    let (status, refused) = check_out(shop, &cart, "ada@example.com", more).await;
    assert_eq!((status, refused["code"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some("not_delivered_there")));
}

#[tokio::test(flavor = "multi_thread")]
async fn heavy_things_cost_more_to_deliver_and_dear_ones_nothing() {
    let shop = shop().await;
    let heavy = ImportProduct { weight_grams: 1_500, ..product("anvil", "Anvil", 1_000_000, 9) };
    shop.save(&heavy).await;
    let delivery = async |quantity| {
        let cart = shop.cart_with("anvil", quantity).await;
        let charge = look(shop, &cart, "region=Lagos").await["quote"]["charges"][1].clone();
        minor(&charge["price"])
    };
    assert_eq!((delivery(1).await, delivery(2).await, delivery(4).await), (150_000, 300_000, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_quoted_is_charged_shown_and_refunded() {
    let shop = shop().await;
    let cart = shop.cart_with("kettle", 3).await;
    let (status, body) = type_code(shop, &cart, " welcome10 ").await;
    // 10 % of what tea week leaves of 37,500.
    assert_eq!((status, minor(&body["coupon"]["saves"])), (StatusCode::OK, 360_000), "{body}");
    let quote = look(shop, &cart, "region=Lagos").await["quote"].clone();
    let (status, placed) = check_out(shop, &cart, "chi@example.com", json!({"quote_digest": quote["digest"]})).await;
    assert_eq!(status, StatusCode::CREATED, "{placed}");
    let order = Order::read(placed);
    assert_eq!(order.total_minor, minor(&quote["total"]));
    let seen = shop.look(&order).await;
    assert_eq!(seen["totals"]["charges"], quote["charges"]);
    let page = shop.page(&format!("/orders/{}?token={}", order.id, order.token)).await.text().await.unwrap();
    for words in ["Welcome", "Tea week", "Standard delivery, Lagos", "of which VAT 7.5 %", "How this is worked out"] {
        assert!(page.contains(words), "{words}");
    }
    shop.gateway(&order, json!({"action": "pay"})).await;
    shop.wait_for_status(&order, "paid").await;
    let path = format!("/orders/{}/cancel", order.id);
    let (status, body) = shop.api(Method::POST, &path, Some(&order.token), None).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(body["refunds"][0]["amount_minor"].as_i64(), Some(order.total_minor));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_for_another_place_is_not_charged_without_asking() {
    let shop = shop().await;
    let cart = shop.cart_with("strainer", 1).await;
    let elsewhere = look(shop, &cart, "region=Kano").await["quote"]["digest"].clone();
    let (status, body) = check_out(shop, &cart, "ada@example.com", json!({"quote_digest": elsewhere})).await;
    assert_eq!((status, body["code"].as_str()), (StatusCode::CONFLICT, Some("quote_changed")), "{body}");
    let here = look(shop, &cart, "region=Lagos").await["quote"]["digest"].clone();
    let (status, body) = check_out(shop, &cart, "ada@example.com", json!({"quote_digest": here})).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_does_not_hold_says_why() {
    let shop = shop().await;
    let cart = shop.cart_with("strainer", 1).await;
    for (code, expected) in [("OLD", "coupon_over"), ("NEVER", "coupon_unknown"), ("a b", "coupon_invalid")] {
        let (status, body) = type_code(shop, &cart, code).await;
        assert_eq!((status, body["code"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some(expected)), "{body}");
    }
    let (status, body) = type_code(shop, &cart, "ONCE").await;
    assert_eq!((status, &body["coupon"]["saves"]), (StatusCode::OK, &Value::Null));
    assert!(text(&body["coupon"]["problem"]).contains("₦20,000"), "{body}");
    let path = format!("/carts/{}/coupon", cart.id);
    let (_, body) = shop.api(Method::DELETE, &path, Some(&cart.token), None).await;
    assert_eq!(body["coupon"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_redeemed_as_often_as_it_may_be_and_given_back_when_the_order_comes_to_nothing() {
    let shop = shop().await;
    let (one, other) = (shop.cart_with("kettle", 2).await, shop.cart_with("kettle", 2).await);
    for cart in [&one, &other] {
        assert_eq!(type_code(shop, cart, "ONCE").await.0, StatusCode::OK);
    }
    let (status, placed) = check_out(shop, &one, "ada@example.com", json!({})).await;
    assert_eq!(status, StatusCode::CREATED, "{placed}");
    let (status, refused) = check_out(shop, &other, "bola@example.com", json!({})).await;
    assert_eq!((status, refused["code"].as_str()), (StatusCode::CONFLICT, Some("coupon_used_up")), "{refused}");
    let order = Order::read(placed);
    shop.gateway(&order, json!({"action": "pay"})).await;
    shop.wait_for_status(&order, "paid").await;
    shop.api(Method::POST, &format!("/orders/{}/cancel", order.id), Some(&order.token), None).await;
    let (status, placed) = check_out(shop, &other, "bola@example.com", json!({})).await;
    assert_eq!(status, StatusCode::CREATED, "{placed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_file_is_refused_with_what_to_write_and_changes_nothing() {
    let shop = shop().await;
    let (refused, shown) = tokio::task::spawn_blocking(|| {
        let wrong = [
            (RULES.replace("\"7.5\"", "\"7,5\""), "like 7.5"),
            (RULES.replace("\"country\": \"NG\"", "\"country\": \"Nigeria\""), "two capital letters"),
            (RULES.replace("\"limit\": 1", "\"limits\": 1"), "limits"),
            (RULES.replace("\"code\": \"ONCE\", ", ""), "only a promotion with a code"),
        ];
        let refused: Vec<_> = wrong.iter().map(|(file, words)| (set(&SHOP, file).unwrap_err(), *words)).collect();
        (refused, SHOP.try_tool("pricing", &["show", "--shop", &SHOP.url]))
    })
    .await
    .unwrap();
    for (message, words) in refused {
        assert!(message.contains(words), "{words}: {message}");
    }
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["promotions"].as_array().unwrap().len(), 4);
    assert_eq!(shown["delivery"][0]["methods"][0]["free_from"], "40000.00");
    let page = shop.page(&format!("/p/{}", shop.slug("kettle").await)).await.text().await.unwrap();
    assert!(page.contains("Delivery to Nigeria from ₦2,500"), "{page}");
}
