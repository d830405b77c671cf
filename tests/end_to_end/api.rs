//! The JSON API's contract: shapes, errors, and what strangers cannot do.
#![expect(clippy::unwrap_used, reason = "what goes wrong in a test should stop it, loudly")]

use std::sync::LazyLock;

use domain::signature::{Audience, Keyring, SignedParts};
use domain::time::Timestamp;
use domain::wire;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Product, Shop, address};
use uuid::Uuid;

static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    Shop::start(&[
        Product { sku: "skillet", price_minor: 899_999, stock: 7 },
        Product { sku: "whisk", price_minor: 100_000, stock: 7 },
    ])
});

async fn shop() -> &'static Shop {
    tokio::task::spawn_blocking(|| &*SHOP).await.unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_has_the_promised_fields() {
    let shop = shop().await;
    let slug = shop.slug("skillet").await;
    let (status, product) = shop.api(Method::GET, &format!("/products/{slug}"), None, None).await;
    assert_eq!(status, StatusCode::OK);
    for field in
        ["id", "sku", "slug", "title", "description", "brand", "category", "price", "images", "variants", "rating"]
    {
        assert!(product.get(field).is_some(), "{field} is missing: {product}");
    }
    assert_eq!(product["price"], json!({"amount_minor": 899_999, "currency": "NGN"}));
    assert_eq!(product["category"], json!(["Home", "Kitchen"]));
    assert_eq!(keys(&product["variants"][0]), ["available", "id", "price", "sku", "title"]);
    assert_eq!(product["variants"][0]["available"], 7);
    assert_eq!(product["rating"], json!({"average": null, "count": 0}));
}

#[tokio::test(flavor = "multi_thread")]
async fn search_finds_counts_and_filters() {
    let shop = shop().await;
    let (status, found) = shop.api(Method::GET, "/search?q=finest&per_page=1&page=2&sort=price_asc", None, None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&found["total"], &found["page"], &found["per_page"]), (&json!(2), &json!(2), &json!(1)));
    assert_eq!(found["hits"][0]["sku"], "skillet");
    let fields = ["available", "brand", "id", "image", "price", "rating", "sku", "slug", "title", "title_marks"];
    assert_eq!(keys(&found["hits"][0]), fields);
    assert_eq!(found["facets"]["brand"], json!([{"value": "Gwandu", "count": 2}]));
    assert!(!found["index_version"].as_str().unwrap().is_empty());
    for (filter, total) in [
        ("category=Home", 2),
        ("category=Home/Kitchen", 2),
        ("category=Garden", 0),
        ("brand=Gwandu", 2),
        ("brand=Nobody", 0),
        ("min_price=500000", 1),
        ("max_price=500000", 1),
    ] {
        let (_, found) = shop.api(Method::GET, &format!("/search?q=finest&{filter}"), None, None).await;
        assert_eq!(found["total"], total, "{filter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_gets_a_problem_that_says_what_to_do() {
    let shop = shop().await;
    let cart = shop.cart_with("whisk", 1).await;
    let lines = format!("/carts/{}/lines", cart.id);
    let line = |sku: &str, quantity: Value| Some(json!({"sku": sku, "quantity": quantity}));
    let checkout = |change: Value| {
        let mut body = json!({"checkout_id": Uuid::now_v7(), "cart_id": cart.id, "email": "ada@example.com",
                              "address": address(), "delivery": "standard", "gateway": "paystack"});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        Some(body)
    };
    let long = format!("/search?q={}", "x".repeat(10_000));
    let token = Some(cart.token.as_str());
    let cases = [
        (Method::GET, "/products/no-such-thing", None, None, 404, "not_found"),
        (Method::GET, "/products/%2e%2e%2fetc", None, None, 404, "not_found"),
        (Method::GET, "/nowhere", None, None, 404, "not_found"),
        (Method::PUT, "/carts", None, None, 405, "method_not_allowed"),
        (Method::GET, long.as_str(), None, None, 400, "query_too_long"),
        (Method::GET, "/search?page=0", None, None, 400, "page_zero"),
        (Method::GET, "/search?page=1000000000", None, None, 400, "page_too_deep"),
        (Method::GET, "/search?page=many", None, None, 400, "query_invalid"),
        (Method::GET, "/search?per_page=1000", None, None, 400, "per_page_out_of_range"),
        (Method::GET, "/search?min_price=2&max_price=1", None, None, 400, "price_range_invalid"),
        (Method::GET, "/search?sort=luck", None, None, 400, "query_invalid"),
        (Method::POST, lines.as_str(), None, line("whisk", json!(1)), 401, "token_missing"),
        (Method::POST, lines.as_str(), Some("0000"), line("whisk", json!(1)), 403, "token_invalid"),
        (Method::POST, lines.as_str(), token, line("whisk", json!(0)), 400, "invalid_json"),
        (Method::POST, lines.as_str(), token, line("whisk", json!(-1)), 400, "invalid_json"),
        (Method::POST, lines.as_str(), token, line("whisk", json!(1.5)), 400, "invalid_json"),
        (Method::POST, lines.as_str(), token, line("whisk", json!(10_000)), 400, "invalid_json"),
        (Method::POST, lines.as_str(), token, line("nothing", json!(1)), 404, "not_found"),
        (Method::POST, lines.as_str(), token, line("", json!(1)), 400, "sku_invalid"),
        (Method::POST, lines.as_str(), token, None, 400, "invalid_json"),
        (Method::POST, "/checkouts", token, checkout(json!({"email": "ada"})), 422, "invalid_fields"),
        (Method::POST, "/checkouts", token, checkout(json!({"gateway": "barter"})), 400, "invalid_json"),
        (Method::POST, "/checkouts", token, checkout(json!({"checkout_id": "1"})), 400, "invalid_json"),
        (Method::POST, "/checkouts", None, checkout(json!({})), 401, "token_missing"),
        (Method::POST, "/checkouts", token, checkout(json!({"quote_digest": "0"})), 409, "quote_changed"),
        (Method::GET, "/orders/0190b6f2-0000-7000-8000-000000000000", None, None, 401, "token_missing"),
        (Method::GET, "/orders/0190b6f2-0000-7000-8000-000000000000", Some("00"), None, 404, "not_found"),
    ];
    for (method, path, token, body, status, code) in cases {
        let told: String = path.chars().take(60).collect();
        let (got, problem) = shop.api(method.clone(), path, token, body).await;
        assert_eq!((got.as_u16(), &problem["code"]), (status, &json!(code)), "{method} {told}: {problem}");
        for field in ["type", "title", "status", "code", "detail", "request_id"] {
            assert!(problem.get(field).is_some(), "{method} {told} lacks {field}: {problem}");
        }
    }
    // Also what is far too long, and what is no text at all.
    let request = shop.http.post(format!("{}/api/v1/carts", shop.url)).body(vec![b'x'; 300_000]);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    let (status, problem) = shop.api(Method::GET, "/products/%ff", None, None).await;
    assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_path")));
    // Nothing of it did anything to the cart.
    let (_, body) = shop.api(Method::GET, &format!("/carts/{}", cart.id), token, None).await;
    assert_eq!((&body["lines"][0]["quantity"], &body["frozen_for"]), (&json!(1), &Value::Null), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cart_counts_a_repeated_request_once() {
    let shop = shop().await;
    let cart = shop.cart_with("whisk", 1).await;
    let key = Uuid::now_v7().to_string();
    for _ in 0..3 {
        let request = shop.http.post(format!("{}/api/v1/carts/{}/lines", shop.url, cart.id)).bearer_auth(&cart.token);
        let response = request.header("idempotency-key", &key).json(&json!({"sku": "whisk", "quantity": 2})).send();
        assert_eq!(response.await.unwrap().status(), StatusCode::OK);
    }
    let path = format!("/carts/{}/lines/whisk", cart.id);
    let (_, body) = shop.api(Method::GET, &format!("/carts/{}", cart.id), Some(&cart.token), None).await;
    assert_eq!(body["lines"][0]["quantity"], 3);
    assert_eq!(body["quote"]["items"]["amount_minor"], 300_000);
    let (_, body) = shop.api(Method::PATCH, &path, Some(&cart.token), Some(json!({"quantity": 5}))).await;
    assert_eq!(body["lines"][0]["quantity"], 5);
    let (status, body) = shop.api(Method::DELETE, &path, Some(&cart.token), None).await;
    assert_eq!((status, &body["lines"], &body["quote"]), (StatusCode::OK, &json!([]), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_our_own_processes_may_call_needs_a_fresh_signature() {
    let shop = shop().await;
    let ring: Keyring = shop.stack.keys().operator_keys.parse().unwrap();
    let path = format!("{}?limit=1", wire::EDGE_CATALOGUE);
    let call = async |headers: &[(&str, String)]| {
        let mut request = shop.http.get(format!("{}{path}", shop.url));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request.send().await.unwrap().status()
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = Timestamp(i64::try_from(now.as_millis()).unwrap());
    let parts = SignedParts { audience: Audience::Edge, method: "GET", path_and_query: &path, body: b"" };
    let good = ring.sign(parts, now, &Uuid::now_v7().to_string());
    assert_eq!(call(&[]).await, StatusCode::UNAUTHORIZED);
    assert_eq!(call(&good.pairs()).await, StatusCode::OK);
    assert_eq!(call(&good.pairs()).await, StatusCode::UNAUTHORIZED, "the same request again is a replay");
    let to_origin = SignedParts { audience: Audience::Origin, ..parts };
    assert_eq!(call(&ring.sign(to_origin, now, "another-nonce-1").pairs()).await, StatusCode::UNAUTHORIZED);
    let old = Timestamp(now.as_millis() - 600_000);
    assert_eq!(call(&ring.sign(parts, old, "another-nonce-2").pairs()).await, StatusCode::UNAUTHORIZED);
    let wrong: Keyring = shop.stack.keys().edge_origin_keys.parse().unwrap();
    assert_eq!(call(&wrong.sign(parts, now, "another-nonce-3").pairs()).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_timed_counted_and_guarded() {
    let shop = shop().await;
    let page = shop.page("/").await;
    let header =
        |name: &str| page.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    assert!(header("server-timing").contains("d1;desc="), "{}", header("server-timing"));
    assert!(header("content-security-policy").contains("default-src 'self'"));
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert!(!header("x-request-id").is_empty());
    let (_, document) = {
        let response = shop.page("/api/openapi.json").await;
        (response.status(), response.json::<Value>().await.unwrap())
    };
    for path in [
        "/api/v1/products/{slug}",
        "/api/v1/search",
        "/api/v1/carts",
        "/api/v1/carts/{id}/coupon",
        "/api/v1/checkouts",
        "/api/v1/orders/{id}",
        "/api/v1/sales/{slug}/join",
        "/api/v1/sales/{slug}/draw",
    ] {
        assert!(document["paths"].get(path).is_some(), "{path} is not described");
    }
    let odd = shop.page("/search?q=%00%ff%f0%9f%99%82%22%27%3Cscript%3E").await;
    assert_eq!(odd.status(), StatusCode::OK);
    assert!(!odd.text().await.unwrap().contains("<script>"));
}
