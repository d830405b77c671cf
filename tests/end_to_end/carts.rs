//! Carts as shoppers meet them: never lost, never doubled, never silently changed.
#![expect(clippy::unwrap_used, reason = "what goes wrong in a test should stop it, loudly")]

use std::sync::LazyLock;

use reqwest::{Client, Method, StatusCode, header};
use serde_json::{Value, json};
use tests::{Cart, Order, Product, Shop, product, text};
use uuid::Uuid;

static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    let product = |sku, stock| Product { sku, price_minor: 1_250_000, stock };
    Shop::start(&[
        product("trivet", 4),
        product("whisk", 50),
        product("grater", 50),
        product("funnel", 50),
        product("peeler", 5),
    ])
});

/// The shop, started outside the runtime of whichever test comes first.
async fn shop() -> &'static Shop {
    tokio::task::spawn_blocking(|| &*SHOP).await.unwrap()
}

fn contents(lines: &Value) -> Vec<(String, u64)> {
    lines.as_array().unwrap().iter().map(|line| (text(&line["sku"]), line["quantity"].as_u64().unwrap())).collect()
}

fn one(sku: &str, quantity: u64) -> (String, u64) {
    (sku.to_owned(), quantity)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_puts_in_more_than_there_is() {
    let shop = shop().await;
    let cart = shop.cart_with("trivet", 3).await;
    let lines = format!("/carts/{}/lines", cart.id);
    let two = Some(json!({"sku": "trivet", "quantity": 2}));
    let (status, body) = shop.api(Method::POST, &lines, Some(&cart.token), two).await;
    assert_eq!((status, &body["code"]), (StatusCode::CONFLICT, &json!("out_of_stock")), "{body}");
    assert_eq!(body["lines"][0], json!({"sku": "trivet", "requested": 5, "available": 4}));
    let line = format!("{lines}/trivet");
    let (status, body) = shop.api(Method::PATCH, &line, Some(&cart.token), Some(json!({"quantity": 5}))).await;
    assert_eq!((status, &body["code"]), (StatusCode::CONFLICT, &json!("out_of_stock")), "{body}");
    let (status, body) = shop.api(Method::PATCH, &line, Some(&cart.token), Some(json!({"quantity": 4}))).await;
    assert_eq!((status, contents(&body["lines"])), (StatusCode::OK, vec![one("trivet", 4)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_saved_for_later_waits_and_is_not_charged() {
    let shop = shop().await;
    let cart = shop.cart_with("whisk", 2).await;
    let token = Some(cart.token.as_str());
    let path = format!("/carts/{}", cart.id);
    let (_, body) = shop.api(Method::POST, &format!("{path}/saved"), token, Some(json!({"sku": "whisk"}))).await;
    assert_eq!((contents(&body["lines"]), contents(&body["saved"])), (vec![], vec![one("whisk", 2)]), "{body}");
    assert_eq!(body["quote"], Value::Null);
    let (_, body) = shop.api(Method::POST, &format!("{path}/saved/whisk/put-back"), token, None).await;
    assert_eq!((contents(&body["lines"]), contents(&body["saved"])), (vec![one("whisk", 2)], vec![]), "{body}");
    let (status, body) = shop.api(Method::POST, &format!("{path}/saved"), token, Some(json!({"sku": "no"}))).await;
    assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!("line_not_found")), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_price_is_told_until_the_shopper_has_seen_it() {
    let shop = shop().await;
    let cart = shop.cart_with("funnel", 1).await;
    let (token, path) = (Some(cart.token.as_str()), format!("/carts/{}", cart.id));
    shop.save(&product("funnel", "funnel of the finest kind", 1_500_000, 50)).await;
    let prices = |body: &Value| ["seen_price", "price"].map(|name| body["lines"][0][name]["amount_minor"].clone());
    let (_, body) = shop.api(Method::GET, &path, token, None).await;
    assert_eq!(prices(&body), [json!(1_250_000), json!(1_500_000)], "{body}");
    let (_, body) = shop.api(Method::POST, &format!("{path}/accept-prices"), token, None).await;
    assert_eq!(prices(&body), [json!(1_500_000), json!(1_500_000)], "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_carts_become_one_without_losing_or_doubling_a_line() {
    let shop = shop().await;
    let (guest, own) = (shop.cart_with("whisk", 3).await, shop.cart_with("whisk", 1).await);
    let lines = format!("/carts/{}/lines", guest.id);
    let grater = Some(json!({"sku": "grater", "quantity": 2}));
    shop.api(Method::POST, &lines, Some(&guest.token), grater).await;

    let merge = format!("/carts/{}/merge", own.id);
    let stolen = Some(json!({"from": guest.id, "token": own.token}));
    let (status, body) = shop.api(Method::POST, &merge, Some(&own.token), stolen).await;
    assert_eq!((status, &body["code"]), (StatusCode::FORBIDDEN, &json!("token_invalid")), "{body}");

    let both = vec![one("whisk", 3), one("grater", 2)];
    for _ in 0..2 {
        let mine = Some(json!({"from": guest.id, "token": guest.token}));
        let (status, body) = shop.api(Method::POST, &merge, Some(&own.token), mine).await;
        assert_eq!((status, contents(&body["lines"])), (StatusCode::OK, both.clone()), "{body}");
    }
    // A tab that still has the old cart goes on with the new one.
    let funnel = Some(json!({"sku": "funnel", "quantity": 1}));
    let (status, body) = shop.api(Method::POST, &lines, Some(&guest.token), funnel).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (_, body) = shop.api(Method::GET, &format!("/carts/{}", own.id), Some(&own.token), None).await;
    assert_eq!(contents(&body["lines"]), [both, vec![one("funnel", 1)]].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cart_in_payment_stays_as_it_is_and_thaws_when_it_is_given_up() {
    let shop = shop().await;
    let (guest, own) = (shop.cart_with("grater", 1).await, shop.cart_with("whisk", 1).await);
    let (status, body) = shop.check_out(&own, Uuid::now_v7()).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let merge = Some(json!({"from": guest.id, "token": guest.token}));
    let (status, body) = shop.api(Method::POST, &format!("/carts/{}/merge", own.id), Some(&own.token), merge).await;
    assert_eq!((status, &body["code"]), (StatusCode::CONFLICT, &json!("cart_frozen")), "{body}");
    // Nothing was lost by trying.
    let (_, body) = shop.api(Method::GET, &format!("/carts/{}", guest.id), Some(&guest.token), None).await;
    assert_eq!(contents(&body["lines"]), [one("grater", 1)]);
    let (status, body) = give_up(shop, &own, Uuid::now_v7()).await;
    assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!("not_found")), "{body}");
}

async fn give_up(shop: &Shop, cart: &Cart, checkout_id: Uuid) -> (StatusCode, Value) {
    let body = Some(json!({"checkout_id": checkout_id}));
    shop.api(Method::POST, &format!("/carts/{}/give-up", cart.id), Some(&cart.token), body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_paid_after_it_was_given_up_is_no_second_order_and_the_money_goes_back() {
    let shop = shop().await;
    let cart = shop.cart_with("peeler", 1).await;
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    let (status, body) = shop.check_out(&cart, first).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let given_up = Order::read(body);
    shop.wait_for_available("peeler", 4).await;
    for _ in 0..2 {
        let (status, body) = give_up(shop, &cart, first).await;
        assert_eq!((status, &body["frozen_for"]), (StatusCode::OK, &json!(null)), "{body}");
    }
    assert_eq!(shop.look(&given_up).await["status"], "cancelled");
    shop.wait_for_available("peeler", 5).await;
    let (status, body) = shop.check_out(&cart, first).await;
    assert_eq!((status, &body["code"]), (StatusCode::CONFLICT, &json!("checkout_given_up")), "{body}");
    let (status, body) = shop.check_out(&cart, second).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let bought = Order::read(body);
    // Both pages are still open in some tab, and the gateway takes money on both.
    shop.gateway(&given_up, json!({"action": "pay"})).await;
    shop.gateway(&bought, json!({"action": "pay"})).await;
    shop.wait_for_status(&bought, "paid").await;
    let back = shop.wait_for_status(&given_up, "refunded").await;
    assert_eq!(back["refunds"][0]["cause"], "given_up", "{back}");
    assert_eq!(back["refunds"][0]["amount_minor"], given_up.total_minor, "{back}");
    shop.wait_for_available("peeler", 4).await;
    let (status, body) = give_up(shop, &cart, second).await;
    assert_eq!((status, &body["code"]), (StatusCode::CONFLICT, &json!("already_paid")), "{body}");
}

/// A browser, as far as cookies go, and what it says of where it comes from. Cookies are `Secure`, which on plain HTTP only
/// browsers take from this machine, so they are kept by hand.
struct Browser {
    http: Client,
    cookie: Option<String>,
}

impl Browser {
    fn new() -> Self {
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).pool_max_idle_per_host(0).build();
        Self { http: http.unwrap(), cookie: None }
    }

    async fn send(&mut self, shop: &Shop, method: Method, path: &str, form: &[(&str, &str)]) -> (StatusCode, String) {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", shop.url) };
        let mut request = self.http.request(method.clone(), url).header(header::ORIGIN, &shop.url);
        if method == Method::POST {
            request = request.form(form);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let response = request.send().await.unwrap();
        if let Some(set) = response.headers().get(header::SET_COOKIE) {
            self.cookie = Some(set.to_str().unwrap().split(';').next().unwrap().to_owned());
        }
        (response.status(), response.text().await.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cart_goes_on_on_another_device_and_takes_the_other_ones_cart_along() {
    let shop = shop().await;
    let (mut laptop, mut phone) = (Browser::new(), Browser::new());
    let add = |sku| [("sku", sku), ("quantity", "1")];
    assert_eq!(laptop.send(shop, Method::POST, "/cart/lines", &add("whisk")).await.0, StatusCode::SEE_OTHER);
    assert_eq!(phone.send(shop, Method::POST, "/cart/lines", &add("grater")).await.0, StatusCode::SEE_OTHER);
    let (_, page) = laptop.send(shop, Method::GET, "/cart", &[]).await;
    let link = page.split("value=\"").find(|part| part.contains("/cart/open/")).unwrap();
    let link = link.split('"').next().unwrap();

    let (status, page) = phone.send(shop, Method::GET, link, &[]).await;
    assert!(status == StatusCode::OK && page.contains("Both become one"), "{status} {page}");
    let (_, page) = phone.send(shop, Method::GET, "/cart", &[]).await;
    assert!(!page.contains("whisk of the finest"), "a link that is merely followed changes nothing");

    assert_eq!(phone.send(shop, Method::POST, link, &[]).await.0, StatusCode::SEE_OTHER);
    for device in [&mut laptop, &mut phone] {
        let (_, page) = device.send(shop, Method::GET, "/cart", &[]).await;
        assert!(page.contains("whisk of the finest") && page.contains("grater of the finest"), "{page}");
    }
    let forged = link.replace("/cart/open/", "/cart/open/0");
    assert_eq!(phone.send(shop, Method::GET, &forged, &[]).await.0, StatusCode::GONE);
}
