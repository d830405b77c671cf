//! Money and stock, end to end: what must hold whatever buyers and gateways do.
#![expect(clippy::unwrap_used, reason = "what goes wrong in a test should stop it, loudly")]

use std::sync::LazyLock;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;
use tests::{Cart, Order, Product, Shop, address, eventually};
use uuid::Uuid;

static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    let product = |sku, stock| Product { sku, price_minor: 1_250_000, stock };
    Shop::start(&[
        product("kettle", 10),
        product("ladle", 50),
        product("sieve", 50),
        product("griddle", 50),
        product("colander", 50),
        product("mortar", 3),
        product("tureen", 50),
        product("skewer", 5),
    ])
});

/// The shop, started outside the runtime of whichever test comes first.
async fn shop() -> &'static Shop {
    tokio::task::spawn_blocking(|| &*SHOP).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_buyers_for_ten_units_place_ten_orders() {
    let shop = shop().await;
    // All of them have it in their carts before the first one pays: a cart holds nothing for anybody.
    let carts: Vec<_> = (0..200).map(|_| tokio::spawn(shop.cart_with("kettle", 1))).collect();
    let mut filled = Vec::new();
    for cart in carts {
        filled.push(cart.await.unwrap());
    }
    let pay = |cart: Cart| tokio::spawn(async move { shop.check_out(&cart, Uuid::now_v7()).await });
    let buyers: Vec<_> = filled.into_iter().map(pay).collect();
    let mut placed = 0;
    for buyer in buyers {
        let (status, body) = buyer.await.unwrap();
        match status {
            StatusCode::CREATED => placed += 1,
            StatusCode::CONFLICT => {
                assert_eq!(body["code"], "out_of_stock", "{body}");
                assert_eq!(body["lines"][0], json!({"sku": "kettle", "requested": 1, "available": 0}));
            }
            other => panic!("{other}: {body}"),
        }
    }
    assert_eq!(placed, 10);
    shop.wait_for_available("kettle", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_order_takes_its_stock_and_empties_its_cart() {
    let shop = shop().await;
    let cart = shop.cart_with("mortar", 2).await;
    let checkout_id = Uuid::now_v7();
    let (status, body) = shop.check_out(&cart, checkout_id).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let order = Order::read(body);
    shop.wait_for_available("mortar", 1).await;

    let (status, again) = shop.check_out(&cart, checkout_id).await;
    assert_eq!((status, again), (StatusCode::CREATED, order.body.clone()), "the same checkout is the same order");

    let line = Some(json!({"sku": "mortar", "quantity": 1}));
    let (status, body) =
        shop.api(reqwest::Method::POST, &format!("/carts/{}/lines", cart.id), Some(&cart.token), line).await;
    assert_eq!((status, &body["code"]), (StatusCode::CONFLICT, &json!("cart_frozen")));

    assert_eq!(shop.look(&order).await["status"], "awaiting_payment");
    shop.gateway(&order, json!({"action": "pay"})).await;
    let paid = shop.wait_for_status(&order, "paid").await;
    assert_eq!(paid["totals"]["total"]["amount_minor"], order.total_minor);
    assert_eq!(paid["payment"]["captured"]["amount_minor"], order.total_minor);

    eventually("the cart to be empty", async || {
        let (_, body) = shop.api(reqwest::Method::GET, &format!("/carts/{}", cart.id), Some(&cart.token), None).await;
        body["lines"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
    assert_eq!(shop.available("mortar").await, 1);
    let (status, again) = shop.check_out(&cart, checkout_id).await;
    assert_eq!(status, StatusCode::CREATED, "{again}");
    assert_eq!(again["order_id"], order.id, "also after it was paid");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_webhook_five_times_at_once_settles_once() {
    let shop = shop().await;
    let order = shop.order("ladle", 1).await;
    shop.gateway(&order, json!({"action": "pay", "webhook": {"copies": 5}})).await;
    let paid = shop.wait_for_status(&order, "paid").await;
    // Whatever else the copies may do, they have done by now.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let statuses = |body: &serde_json::Value| {
        body["history"].as_array().unwrap().iter().map(|change| tests::text(&change["status"])).collect::<Vec<_>>()
    };
    assert_eq!(statuses(&paid), ["awaiting_payment", "paid"]);
    assert_eq!(statuses(&shop.look(&order).await), ["awaiting_payment", "paid"]);
    shop.wait_for_available("ladle", 49).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_webhook_gets_401_and_changes_nothing() {
    let shop = shop().await;
    let order = shop.order("sieve", 1).await;
    let event = json!({"event": "charge.success", "data": {
        "id": 1, "reference": order.reference, "status": "success", "amount": order.total_minor, "currency": "NGN",
    }});
    for signature in [None, Some("00"), Some(&*"ab".repeat(64))] {
        let mut request = shop.http.post(format!("{}/webhooks/paystack", shop.origin)).json(&event);
        if let Some(signature) = signature {
            request = request.header("x-paystack-signature", signature);
        }
        assert_eq!(request.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(shop.look(&order).await["status"], "awaiting_payment");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_webhook_about_money_that_never_came_is_not_believed() {
    let shop = shop().await;
    let order = shop.order("sieve", 1).await;
    let event = json!({"event": "charge.success", "data": {
        "id": 2, "reference": order.reference, "status": "success", "amount": order.total_minor, "currency": "NGN",
    }});
    let body = serde_json::to_vec(&event).unwrap();
    let signature = domain::signature::paystack::sign(&shop.stack.keys().paystack_secret_key, &body);
    let request = shop.http.post(format!("{}/webhooks/paystack", shop.origin));
    request.header("x-paystack-signature", signature).body(body).send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(shop.look(&order).await["status"], "awaiting_payment", "the gateway was asked, and knows better");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_failure_after_success_changes_nothing() {
    let shop = shop().await;
    let order = shop.order("griddle", 1).await;
    shop.gateway(&order, json!({"action": "pay"})).await;
    shop.wait_for_status(&order, "paid").await;
    shop.gateway(&order, json!({"action": "decline"})).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(shop.look(&order).await["status"], "paid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_payment_may_be_made_good() {
    let shop = shop().await;
    let order = shop.order("griddle", 1).await;
    shop.gateway(&order, json!({"action": "decline"})).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(shop.look(&order).await["status"], "awaiting_payment");
    shop.gateway(&order, json!({"action": "pay"})).await;
    shop.wait_for_status(&order, "paid").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_amount_or_currency_than_the_quote_is_never_paid() {
    let shop = shop().await;
    for capture in [json!({"amount": 100}), json!({"amount": 99_999_999}), json!({"currency": "USD"})] {
        let order = shop.order("colander", 1).await;
        let mut action = json!({"action": "pay"});
        action.as_object_mut().unwrap().extend(capture.as_object().unwrap().clone());
        shop.gateway(&order, action).await;
        let body = shop.wait_for_status(&order, "refund_due").await;
        let statuses: Vec<_> = body["history"].as_array().unwrap().iter().map(|change| &change["status"]).collect();
        assert!(!statuses.contains(&&json!("paid")), "{capture}: {body}");
    }
    // None of them keeps a unit.
    shop.wait_for_available("colander", 50).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_let_go_of_what_another_buyer_holds() {
    let shop = shop().await;
    let (mine, other) = (shop.cart_with("skewer", 2).await, shop.cart_with("skewer", 2).await);
    let checkout_id = Uuid::now_v7();
    let (status, placed) = shop.check_out(&mine, checkout_id).await;
    assert_eq!(status, StatusCode::CREATED, "{placed}");
    shop.wait_for_available("skewer", 3).await;
    // The id is no secret: it is part of the payment's reference.
    let (status, body) = shop.check_out(&other, checkout_id).await;
    assert_eq!((status, &body["code"]), (StatusCode::CONFLICT, &json!("checkout_closed")));

    // Nor does the buyer lose it by asking once more for another price.
    let body = json!({
        "checkout_id": checkout_id, "cart_id": mine.id, "email": "ada@example.com", "address": address(),
        "delivery": "standard", "gateway": "paystack", "quote_digest": "of another day",
    });
    let (status, body) = shop.api(reqwest::Method::POST, "/checkouts", Some(&mine.token), Some(body)).await;
    assert_eq!((status, &body["code"]), (StatusCode::CONFLICT, &json!("quote_changed")));

    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(shop.available("skewer").await, 3);
    shop.gateway(&Order::read(placed.clone()), json!({"action": "pay"})).await;
    shop.wait_for_status(&Order::read(placed), "paid").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_needs_no_javascript() {
    let shop = shop().await;
    let http =
        reqwest::Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let url = |path: &str| format!("{}{path}", shop.url);
    let slug = shop.slug("tureen").await;
    let page = http.get(url(&format!("/p/{slug}"))).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("tureen of the finest kind") && page.contains("₦12,500"), "{page}");

    let add = http.post(url("/cart/lines")).header("origin", &shop.url).form(&[("sku", "tureen"), ("quantity", "2")]);
    let added = add.send().await.unwrap();
    assert_eq!(added.status(), StatusCode::SEE_OTHER);
    // A plain HTTP client does not send `Secure` cookies over http, as browsers do for this machine's own address.
    let cookie = added.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let get = |path: &str| http.get(url(path)).header("cookie", &cookie);
    let cart = get("/cart").send().await.unwrap().text().await.unwrap();
    assert!(cart.contains("₦25,000"), "{cart}");

    let form = get("/checkout").send().await.unwrap().text().await.unwrap();
    let mut fields = vec![
        ("csrf", value_of(&form, "csrf")),
        ("checkout_id", value_of(&form, "checkout_id")),
        ("email", "not an address".to_owned()),
        ("gateway", "paystack".to_owned()),
        ("delivery", "standard".to_owned()),
    ];
    fields.extend(address().as_object().unwrap().iter().map(|(name, value)| {
        let name = ["name", "line1", "city", "region", "country", "phone"].into_iter().find(|known| known == name);
        (name.unwrap(), tests::text(value))
    }));
    let send = async |fields: &[(&str, String)], origin: &str| {
        let request = http.post(url("/checkout")).header("cookie", &cookie).header("origin", origin).form(fields);
        request.send().await.unwrap()
    };
    let refused = send(&fields, &shop.url).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let page = refused.text().await.unwrap();
    assert!(page.contains("value=\"not an address\"") && page.contains("12 Marina"), "nothing typed is lost: {page}");

    assert_eq!(send(&fields, "https://evil.example").await.status(), StatusCode::FORBIDDEN);
    fields[2].1 = "ada@example.com".to_owned();
    let mut forged = fields.clone();
    forged[0].1 = "0".repeat(64);
    assert_eq!(send(&forged, &shop.url).await.status(), StatusCode::FORBIDDEN);

    let placed = send(&fields, &shop.url).await;
    assert_eq!(placed.status(), StatusCode::SEE_OTHER, "{}", placed.text().await.unwrap());
    let gateway = placed.headers()["location"].to_str().unwrap().to_owned();
    assert!(gateway.starts_with(&shop.sandbox), "{gateway}");
    let paid = http.post(&gateway).form(&[("action", "pay")]).send().await.unwrap();
    assert_eq!(paid.status(), StatusCode::SEE_OTHER, "{}", paid.text().await.unwrap());
    let back = http.get(paid.headers()["location"].to_str().unwrap()).send().await.unwrap();
    assert_eq!(back.status(), StatusCode::SEE_OTHER);
    let order = back.headers()["location"].to_str().unwrap().to_owned();
    let page = get(&order).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("Paid"), "{page}");
    let stranger = order.split('?').next().unwrap();
    assert_eq!(get(stranger).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

/// The value of a hidden field.
fn value_of(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
    rest.split('"').next().unwrap().to_owned()
}
