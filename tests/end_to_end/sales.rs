//! Flash sales as shoppers, bots and operators meet them: who comes when, at what price, and what trying something gets.
#![expect(clippy::unwrap_used, reason = "what goes wrong in a test should stop it, loudly")]

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::ids::Sku;
use domain::wire::{DrawBody, EDGE_SALES, ImportProduct, ImportVariant};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stack::Part;
use tests::{Cart, Order, Product, Shop, address, eventually, text};
use uuid::Uuid;

const REGULAR: i64 = 1_250_000;
const ON_SALE: i64 = 990_000;
/// Of a pack of ten.
const TEN: i64 = 11_000_000;
const DELIVERY: i64 = 250_000;

static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    let product = |sku, stock| Product { sku, price_minor: REGULAR, stock };
    Shop::start(&[
        product("lantern", 50),
        product("candle", 50),
        product("torch", 50),
        product("beacon", 1),
        product("lamp", 50),
        product("bulb", 50),
        product("wick", 50),
        product("match", 50),
    ])
});

/// The shop, started outside the runtime of whichever test comes first.
async fn shop() -> &'static Shop {
    tokio::task::spawn_blocking(|| &*SHOP).await.unwrap()
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// A sale of one product that starts in so many milliseconds.
fn draft(slug: &str, sku: &str, starts_in: i64, rate: u32) -> Value {
    let start = now() + starts_in;
    json!({
        "id": Uuid::now_v7(), "slug": slug, "title": format!("The {slug} sale"),
        "gathers_at": now() - 1_000, "starts_at": start, "ends_at": start + 20 * 60_000, "rate": rate,
        "pass_length_ms": 60_000,
        "products": [{"units_max": 2, "variants": [{"sku": sku, "price": {"amount_minor": ON_SALE, "currency": "NGN"}}]}],
    })
}

async fn set(shop: &Shop, draft: &Value) -> (StatusCode, Value) {
    shop.operator(Method::POST, EDGE_SALES, serde_json::to_vec(draft).unwrap()).await
}

async fn set_well(shop: &Shop, draft: &Value) {
    let (status, report) = set(shop, draft).await;
    assert_eq!(status, StatusCode::OK, "{report}");
}

/// Somebody with an address, a cart and a place.
#[derive(Debug, Clone)]
struct Buyer {
    email: String,
    cart: Cart,
    pass: String,
    joined: Value,
}

async fn ask_for_code(shop: &Shop, slug: &str, email: &str) -> (StatusCode, Value) {
    shop.api(Method::POST, &format!("/sales/{slug}/join"), None, Some(json!({"email": email}))).await
}

/// What came to an address last.
async fn mail(shop: &Shop, email: &str) -> Value {
    let inbox: Value =
        shop.http.get(format!("{}/control/inbox", shop.sandbox)).send().await.unwrap().json().await.unwrap();
    let messages = inbox["messages"].as_array().unwrap();
    messages.iter().find(|mail| mail["to"] == email).unwrap().clone()
}

/// The code that came to an address last.
async fn code(shop: &Shop, email: &str) -> String {
    text(&mail(shop, email).await["subject"])[..6].to_owned()
}

/// The key of the link that came to an address last.
async fn link(shop: &Shop, email: &str) -> String {
    let mail = mail(shop, email).await;
    let key = text(&mail["text"]).split_once("?key=").unwrap().1.to_owned();
    key.split_whitespace().next().unwrap().to_owned()
}

async fn confirm_with_key(shop: &Shop, slug: &str, cart: &Cart, key: &str) -> (StatusCode, Value) {
    let body = json!({"cart_id": cart.id, "key": key});
    shop.api(Method::POST, &format!("/sales/{slug}/confirm"), Some(&cart.token), Some(body)).await
}

async fn confirm(shop: &Shop, slug: &str, cart: &Cart, email: &str, code: &str) -> (StatusCode, Value) {
    let body = json!({"cart_id": cart.id, "email": email, "code": code});
    shop.api(Method::POST, &format!("/sales/{slug}/confirm"), Some(&cart.token), Some(body)).await
}

async fn join_with(shop: &Shop, slug: &str, email: &str, cart: Cart) -> Buyer {
    let code = code(shop, email).await;
    let (status, joined) = confirm(shop, slug, &cart, email, &code).await;
    assert_eq!(status, StatusCode::OK, "{joined}");
    Buyer { email: email.to_owned(), cart, pass: text(&joined["pass"]), joined }
}

/// Somebody joins with a cart that holds one of `sku`.
async fn join(shop: &Shop, slug: &str, email: &str, sku: &str) -> Buyer {
    let (status, body) = ask_for_code(shop, slug, email).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    join_with(shop, slug, email, shop.cart_with(sku, 1).await).await
}

async fn check_out_as(shop: &Shop, cart: &Cart, email: &str, pass: &str) -> (StatusCode, Value) {
    let body = json!({
        "checkout_id": Uuid::now_v7(), "cart_id": cart.id, "email": email, "address": address(),
        "delivery": "standard", "gateway": "paystack",
    });
    shop.api_with_pass(Method::POST, "/checkouts", Some(&cart.token), Some(pass), Some(body)).await
}

async fn check_out(shop: &Shop, buyer: &Buyer) -> (StatusCode, Value) {
    check_out_as(shop, &buyer.cart, &buyer.email, &buyer.pass).await
}

async fn standing(shop: &Shop, slug: &str, buyer: &Buyer) -> Value {
    let path = format!("/sales/{slug}/standing");
    let (status, body) = shop.api_with_pass(Method::GET, &path, None, Some(&buyer.pass), None).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

async fn wait_until_admitted(shop: &Shop, slug: &str, buyer: &Buyer) {
    eventually("somebody to be let in", async || {
        (standing(shop, slug, buyer).await["standing"] == "admitted").then_some(())
    })
    .await;
}

async fn published_draw(shop: &Shop, slug: &str) -> DrawBody {
    let (status, body) = shop.api(Method::GET, &format!("/sales/{slug}/draw"), None, None).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    serde_json::from_value(body).unwrap()
}

fn refused(answer: &(StatusCode, Value)) -> (StatusCode, &str) {
    (answer.0, answer.1["code"].as_str().unwrap_or("no code"))
}

#[tokio::test(flavor = "multi_thread")]
async fn people_gather_and_are_let_in_one_by_one_in_an_order_that_anybody_can_check() {
    let shop = shop().await;
    // One every two seconds.
    let sale = draft("lanterns", "lantern", 12_000, 30);
    set_well(shop, &sale).await;
    let mut buyers = Vec::new();
    for n in 0..6 {
        buyers.push(join(shop, "lanterns", &format!("lantern-{n}@example.com"), "lantern").await);
    }
    let before = published_draw(shop, "lanterns").await;
    assert_eq!(before.draw, None, "the secret is told at the start");
    let (_, people) = shop.api(Method::GET, "/sales/lanterns/draw/people", None, None).await;
    assert_eq!(people["people"], json!([]));
    for buyer in &buyers {
        assert_eq!(standing(shop, "lanterns", buyer).await["standing"], "gathering");
    }
    assert_eq!(refused(&check_out(shop, &buyers[0]).await), (StatusCode::FORBIDDEN, "pass_not_yet"));

    let draw = eventually("the draw", async || published_draw(shop, "lanterns").await.draw).await;
    let drawn = domain::admission::Draw::new(draw.secret, draw.entries, draw.entries_count);
    assert_eq!(draw.entries_count, 6);
    let start = sale["starts_at"].as_i64().unwrap();
    let mut by_place = BTreeMap::new();
    for buyer in &buyers {
        by_place.insert(drawn.place(u32::try_from(buyer.joined["number"].as_u64().unwrap()).unwrap()), buyer);
    }
    assert_eq!(by_place.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    for (place, buyer) in &by_place {
        let due = start + i64::from(*place) * 2_000;
        // Nobody is asked to be quicker than this machine: only who is surely too early, and who is surely late enough, is looked at.
        let body = standing(shop, "lanterns", buyer).await;
        if now() < due - 500 {
            assert_eq!((&body["standing"], &body["place"]), (&json!("waiting"), &json!(place)), "{body}");
            assert_eq!(refused(&check_out(shop, buyer).await), (StatusCode::FORBIDDEN, "pass_not_yet"));
        }
        wait_until_admitted(shop, "lanterns", buyer).await;
        assert!(now() >= due, "ADMIT-2: place {place} came {} ms too early", due - now());
    }
    let (status, body) = check_out(shop, by_place[&5]).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    assert_eq!(Order::read(body).total_minor, ON_SALE + DELIVERY, "the sale's price");

    let commitment = before.commitment.to_string();
    let person = text(&by_place[&3].joined["person_id"]);
    let arguments = ["verify", "lanterns", "--shop", &shop.url, "--commitment", &commitment, "--person", &person];
    let verified = shop.try_tool("sale", &arguments);
    let told = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success() && told.contains("drawn to place 4"), "{verified:?}");
    let other = "0".repeat(64);
    assert!(
        !shop.try_tool("sale", &["verify", "lanterns", "--shop", &shop.url, "--commitment", &other]).status.success()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_has_one_place_and_one_share_in_however_many_carts() {
    let shop = shop().await;
    set_well(shop, &draft("candles", "candle", 6_000, 6_000)).await;
    let phone = join(shop, "candles", "ada.obi@gmail.com", "candle").await;
    // On another device, under another spelling of the same mailbox, with the same code.
    let laptop_cart = shop.cart_with("candle", 1).await;
    let code = code(shop, "ada.obi@gmail.com").await;
    let (status, joined) = confirm(shop, "candles", &laptop_cart, "AdaObi+2@gmail.com", &code).await;
    assert_eq!(status, StatusCode::OK, "{joined}");
    for same in ["number", "person_id"] {
        assert_eq!(joined[same], phone.joined[same], "{joined}");
    }
    let laptop = Buyer { cart: laptop_cart, pass: text(&joined["pass"]), joined, ..phone.clone() };
    wait_until_admitted(shop, "candles", &phone).await;
    for buyer in [&phone, &laptop] {
        let (status, body) = check_out(shop, buyer).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
    }
    let third = shop.cart_with("candle", 1).await;
    let third = join_with(shop, "candles", "ada.obi@gmail.com", third).await;
    let more = check_out(shop, &third).await;
    assert_eq!(refused(&more), (StatusCode::CONFLICT, "limit_reached"));
    assert_eq!(more.1["lines"], json!([{"sku": "candle", "requested": 1, "available": 0}]), "{}", more.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_is_worth_nothing_to_anybody_else() {
    let shop = shop().await;
    set_well(shop, &draft("torches", "torch", 7_000, 6_000)).await;
    set_well(shop, &draft("wicks", "wick", 7_000, 6_000)).await;
    let ada = join(shop, "torches", "ada@torch.example", "torch").await;
    let obi = join(shop, "wicks", "obi@torch.example", "torch").await;
    wait_until_admitted(shop, "torches", &ada).await;
    wait_until_admitted(shop, "wicks", &obi).await;
    let needed = (StatusCode::FORBIDDEN, "pass_needed");
    let thief = shop.cart_with("torch", 1).await;
    let copied = check_out_as(shop, &thief, &ada.email, &ada.pass).await;
    assert_eq!(refused(&copied), needed, "another cart");
    let other_sale = check_out(shop, &obi).await;
    assert_eq!(refused(&other_sale), needed, "a pass of another sale");
    let mut forged = ada.pass.clone();
    forged.replace_range(forged.len() - 1.., if forged.ends_with('0') { "1" } else { "0" });
    assert_eq!(refused(&check_out_as(shop, &ada.cart, &ada.email, &forged).await), needed, "a forged one");
    assert_eq!(refused(&check_out_as(shop, &ada.cart, &ada.email, "").await), needed, "none at all");
    let shared = check_out_as(shop, &ada.cart, "obi@torch.example", &ada.pass).await;
    assert_eq!(refused(&shared), (StatusCode::FORBIDDEN, "pass_of_another"));

    // None of this cost anything: the person themselves can buy, once their share is used up no more.
    let (status, body) = check_out(shop, &ada).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    shop.gateway(&Order::read(body.clone()), json!({"action": "pay"})).await;
    shop.wait_for_status(&Order::read(body), "paid").await;
    let line = Some(json!({"sku": "torch", "quantity": 2}));
    let lines = format!("/carts/{}/lines", ada.cart.id);
    eventually("the cart to be free again", async || {
        let (status, _) = shop.api(Method::POST, &lines, Some(&ada.cart.token), line.clone()).await;
        (status == StatusCode::OK).then_some(())
    })
    .await;
    assert_eq!(refused(&check_out(shop, &ada).await), (StatusCode::CONFLICT, "limit_reached"), "used again");
}

#[tokio::test(flavor = "multi_thread")]
async fn carts_show_the_sale_s_price_to_whoever_is_let_in() {
    let shop = shop().await;
    set_well(shop, &draft("bulbs", "bulb", 5_000, 6_000)).await;
    let ada = join(shop, "bulbs", "ada@bulb.example", "bulb").await;
    let path = format!("/carts/{}", ada.cart.id);
    let price = async |pass: &str| {
        let (_, body) = shop.api_with_pass(Method::GET, &path, Some(&ada.cart.token), Some(pass), None).await;
        body["lines"][0]["price"]["amount_minor"].as_i64().unwrap()
    };
    assert_eq!(price(&ada.pass).await, REGULAR);
    wait_until_admitted(shop, "bulbs", &ada).await;
    assert_eq!((price(&ada.pass).await, price("").await), (ON_SALE, REGULAR));

    // The product's page leads to the sale, and no longer into a refusal.
    let slug = shop.slug("bulb").await;
    let page = shop.page(&format!("/p/{slug}")).await.text().await.unwrap();
    assert!(page.contains("/sale/bulbs") && !page.contains("Add to cart"), "{page}");
    // But for whoever's turn it is.
    let mine = shop.http.get(format!("{}/p/{slug}", shop.url)).header("kasuwa-pass", &ada.pass);
    let cookie = format!("__Host-kasuwa-cart={}.{}", ada.cart.id, ada.cart.token);
    let mine = mine.header("cookie", cookie).send().await.unwrap().text().await.unwrap();
    assert!(mine.contains("It is your turn") && mine.contains("Add to cart") && mine.contains("₦9,900"), "{mine}");
    let page = shop.page(&format!("/p/{slug}")).await.text().await.unwrap();
    assert!(!page.contains("Add to cart"), "nobody else gets that page: {page}");

    // The cart knows how many one person may have, and until when.
    let (_, body) = shop.api_with_pass(Method::GET, &path, Some(&ada.cart.token), Some(&ada.pass), None).await;
    let in_sale = &body["lines"][0]["sale"];
    assert_eq!((&in_sale["turn"], &in_sale["units_max"]), (&json!("open"), &json!(2)), "{body}");
    assert!(in_sale["until"].is_string(), "{body}");
    let lines = format!("{path}/lines");
    let two = Some(json!({"sku": "bulb", "quantity": 2}));
    let too_many = shop.api_with_pass(Method::POST, &lines, Some(&ada.cart.token), Some(&ada.pass), two).await;
    assert_eq!(refused(&too_many), (StatusCode::CONFLICT, "limit_reached"));
    assert_eq!(too_many.1["lines"], json!([{"sku": "bulb", "requested": 3, "available": 2}]), "{}", too_many.1);
    assert_eq!(too_many.1["detail"], "One person may have 2 of it in this sale, and one is in your cart.");
}

/// One by itself, and ten in a pack, of one product.
fn kettle() -> ImportProduct {
    let variant = |sku, size: &str, price_minor| ImportVariant {
        sku: Sku::new(sku).unwrap(),
        options: vec![("Size".into(), size.into())],
        price_minor,
        stock: 50,
        picture: None,
    };
    let variants = vec![variant("kettle-one", "One", REGULAR), variant("kettle-ten", "Pack of ten", TEN)];
    ImportProduct { variants, ..tests::product("kettle", "Kettle", REGULAR, 50) }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_variant_has_its_own_price_and_all_are_held_back_together() {
    let shop = shop().await;
    shop.save(&kettle()).await;
    let by_product = set(shop, &draft("kettles", "kettle", 6_000, 6_000)).await;
    assert_eq!(by_product.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text(&by_product.1["fields"]["products"]).contains("kettle-one, kettle-ten"), "{by_product:?}");
    set_well(shop, &draft("kettles", "kettle-one", 7_000, 6_000)).await;
    let (_, body) = shop.api(Method::GET, "/sales/kettles", None, None).await;
    let minors = |field: &str| -> Vec<i64> {
        let variants = body["products"][0]["variants"].as_array().unwrap();
        variants.iter().map(|variant| variant[field]["amount_minor"].as_i64().unwrap()).collect()
    };
    assert_eq!((minors("price"), minors("regular_price")), (vec![ON_SALE, TEN], vec![REGULAR, TEN]), "{body}");

    // The pack costs what it always does, and nobody drains the product's stock past the queue with it.
    let stranger = shop.cart_with("kettle-ten", 1).await;
    let answer = check_out_as(shop, &stranger, "obi@kettle.example", "").await;
    assert_eq!(refused(&answer), (StatusCode::FORBIDDEN, "pass_needed"));
    let ada = join(shop, "kettles", "ada@kettle.example", "kettle-one").await;
    let lines = format!("/carts/{}/lines", ada.cart.id);
    let ten = |quantity| Some(json!({"sku": "kettle-ten", "quantity": quantity}));
    let too_many = shop.api(Method::POST, &lines, Some(&ada.cart.token), ten(2)).await;
    assert_eq!(refused(&too_many), (StatusCode::CONFLICT, "limit_reached"), "three of both");
    assert_eq!(too_many.1["lines"], json!([{"sku": "kettle-ten", "requested": 2, "available": 1}]), "{}", too_many.1);
    let (status, body) = shop.api(Method::POST, &lines, Some(&ada.cart.token), ten(1)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    wait_until_admitted(shop, "kettles", &ada).await;
    let (status, body) = check_out(shop, &ada).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    assert_eq!(Order::read(body).total_minor, ON_SALE + TEN + DELIVERY);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_unit_of_a_sale_goes_to_one_person() {
    let shop = shop().await;
    set_well(shop, &draft("beacons", "beacon", 7_000, 6_000)).await;
    let mut buyers = Vec::new();
    for n in 0..4 {
        buyers.push(join(shop, "beacons", &format!("beacon-{n}@example.com"), "beacon").await);
    }
    for buyer in &buyers {
        wait_until_admitted(shop, "beacons", buyer).await;
    }
    let answers: Vec<_> = buyers
        .into_iter()
        .map(|buyer| tokio::spawn(async move { check_out(self::shop().await, &buyer).await }))
        .collect();
    let mut placed = 0;
    for answer in answers {
        match refused(&answer.await.unwrap()) {
            (StatusCode::CREATED, _) => placed += 1,
            other => assert_eq!(other, (StatusCode::CONFLICT, "out_of_stock")),
        }
    }
    assert_eq!(placed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_sent_once_a_minute_and_guessing_them_leads_nowhere() {
    let shop = shop().await;
    set_well(shop, &draft("matches", "match", 600_000, 600)).await;
    let email = "ada@match.example";
    let bad = ask_for_code(shop, "matches", "no address").await;
    assert_eq!(
        (refused(&bad), bad.1["fields"]["email"].is_string()),
        ((StatusCode::UNPROCESSABLE_ENTITY, "invalid_fields"), true)
    );
    assert_eq!(ask_for_code(shop, "matches", email).await.0, StatusCode::ACCEPTED);
    let again = ask_for_code(shop, "matches", "ADA+again@match.example").await;
    assert_eq!(refused(&again), (StatusCode::TOO_MANY_REQUESTS, "code_too_soon"));
    let right = code(shop, email).await;
    let wrong = if right == "000000" { "000001" } else { "000000" };
    let cart = shop.cart_with("match", 1).await;
    for _ in 0..4 {
        let answer = confirm(shop, "matches", &cart, email, wrong).await;
        assert_eq!(refused(&answer), (StatusCode::FORBIDDEN, "code_wrong"));
    }
    for code in [wrong, &right] {
        let answer = confirm(shop, "matches", &cart, email, code).await;
        assert_eq!(refused(&answer), (StatusCode::TOO_MANY_REQUESTS, "code_too_many"));
    }
    // Whoever reads the address gets in nevertheless: a stranger who knows it must not keep them out.
    let link = link(shop, email).await;
    let mut forged = link.clone();
    forged.replace_range(forged.len() - 1.., if forged.ends_with('0') { "1" } else { "0" });
    let (status, body) = confirm_with_key(shop, "matches", &cart, &forged).await;
    assert_eq!((status, &body["code"]), (StatusCode::FORBIDDEN, &json!("link_invalid")), "{body}");
    for _ in 0..2 {
        let (status, body) = confirm_with_key(shop, "matches", &cart, &link).await;
        assert_eq!((status, &body["standing"]), (StatusCode::OK, &json!("gathering")), "{body}");
    }
    let stranger = confirm(shop, "matches", &Cart { token: "0".repeat(64), ..cart }, email, &right).await;
    assert_eq!(refused(&stranger), (StatusCode::FORBIDDEN, "token_invalid"), "a cart of somebody else");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_lapses_and_its_holder_joins_again_behind_the_others() {
    let shop = shop().await;
    set_well(shop, &draft("lamps", "lamp", 4_000, 6_000)).await;
    let ada = join(shop, "lamps", "ada@lamp.example", "lamp").await;
    wait_until_admitted(shop, "lamps", &ada).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(standing(shop, "lamps", &ada).await["standing"], "lapsed");
    assert_eq!(refused(&check_out(shop, &ada).await), (StatusCode::FORBIDDEN, "pass_lapsed"));
    let cart = format!("/carts/{}", ada.cart.id);
    let (_, body) = shop.api_with_pass(Method::GET, &cart, Some(&ada.cart.token), Some(&ada.pass), None).await;
    assert_eq!(body["lines"][0]["sale"]["turn"], "lapsed", "{body}");
    assert_eq!(body["quote"], json!(null), "what cannot be had is not counted: {body}");
    let again = join(shop, "lamps", &ada.email, "lamp").await;
    assert_eq!((&again.joined["number"], &again.joined["person_id"]), (&json!(1), &ada.joined["person_id"]));
    wait_until_admitted(shop, "lamps", &again).await;
    assert_eq!(
        refused(&check_out(shop, &ada).await),
        (StatusCode::FORBIDDEN, "pass_lapsed"),
        "the old one stays lapsed"
    );
    let (status, body) = check_out(shop, &again).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sets_changes_and_cancels_a_sale_and_is_told_what_is_wrong() {
    let shop = tokio::task::spawn_blocking(|| {
        let product = |sku, stock| Product { sku, price_minor: REGULAR, stock };
        Shop::start(&[product("chair", 5), product("table", 5)])
    })
    .await
    .unwrap();
    let shop = &shop;
    let fields = |answer: &(StatusCode, Value)| -> Vec<String> {
        answer.1["fields"].as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default()
    };
    let good = draft("chairs", "chair", 600_000, 600);
    let with = |changes: Value| {
        let mut draft = good.clone();
        draft.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        draft
    };
    let price = |sku: &str, minor: i64, currency: &str| {
        let variant = json!({"sku": sku, "price": {"amount_minor": minor, "currency": currency}});
        json!({"products": [{"units_max": 1, "variants": [variant]}]})
    };
    for (changes, field) in [
        (json!({"slug": "No slug"}), "slug"),
        (json!({"rate": 0}), "rate"),
        (json!({"starts_at": 1}), "starts_at"),
        (json!({"gathers_at": 1, "starts_at": 2, "ends_at": 3}), "ends_at"),
        (price("nothing-like-it", 1, "NGN"), "products"),
        (price("chair", REGULAR, "NGN"), "products"),
        (price("chair", 100, "USD"), "products"),
    ] {
        let answer = set(shop, &with(changes.clone())).await;
        assert_eq!(
            (answer.0, fields(&answer)),
            (StatusCode::UNPROCESSABLE_ENTITY, vec![field.to_owned()]),
            "{changes} {answer:?}"
        );
    }
    for _ in 0..2 {
        set_well(shop, &good).await;
    }
    set_well(shop, &with(json!({"rate": 300}))).await;
    let overlapping = set(shop, &draft("more-chairs", "chair", 700_000, 600)).await;
    assert_eq!(fields(&overlapping), ["products"], "{overlapping:?}");
    let taken = set(shop, &draft("chairs", "table", 700_000, 600)).await;
    assert_eq!(fields(&taken), ["slug"], "{taken:?}");

    let ada = join(shop, "chairs", "ada@chair.example", "chair").await;
    let other_terms = set(shop, &with(json!({"rate": 60}))).await;
    assert_eq!(refused(&other_terms), (StatusCode::CONFLICT, "sale_terms_set"));
    assert_eq!(refused(&check_out(shop, &ada).await), (StatusCode::FORBIDDEN, "pass_not_yet"));
    shop.tool("sale", &["show", "chairs", "--shop", &shop.url]);
    shop.tool("sale", &["list", "--shop", &shop.url]);
    for _ in 0..2 {
        shop.tool("sale", &["cancel", "chairs", "--shop", &shop.url]);
    }
    assert_eq!(refused(&ask_for_code(shop, "chairs", "obi@chair.example").await), (StatusCode::GONE, "sale_cancelled"));
    eventually("its standing to say so", async || {
        (standing(shop, "chairs", &ada).await["standing"] == "cancelled").then_some(())
    })
    .await;
    // Whatever is brought back now: no code is wrong where nobody can join.
    let wrong = confirm(shop, "chairs", &ada.cart, &ada.email, "000000").await;
    assert_eq!(refused(&wrong), (StatusCode::GONE, "sale_cancelled"));
    let checked = shop.try_tool("sale", &["verify", "chairs", "--shop", &shop.url]);
    let told = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(!checked.status.success() && told.contains("cancelled before its draw"), "{told}");
    // From then on it is sold as always.
    let order = eventually("the product to be sold again", async || {
        let (status, body) = check_out(shop, &ada).await;
        (status == StatusCode::CREATED).then(|| Order::read(body))
    })
    .await;
    assert_eq!(order.total_minor, REGULAR + DELIVERY);
    assert_eq!(set(shop, &good).await.0, StatusCode::UNPROCESSABLE_ENTITY, "what is cancelled stays so");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_middle_loses_nobody_s_place() {
    let mut shop =
        tokio::task::spawn_blocking(|| Shop::start(&[Product { sku: "anchor", price_minor: REGULAR, stock: 50 }]))
            .await
            .unwrap();
    set_well(&shop, &draft("anchors", "anchor", 8_000, 6_000)).await;
    let mut buyers = Vec::new();
    for n in 0..4 {
        buyers.push(join(&shop, "anchors", &format!("anchor-{n}@example.com"), "anchor").await);
    }
    let promised = published_draw(&shop, "anchors").await.commitment;
    shop.stack.kill(Part::Edge);
    // It starts while the shop is down.
    tokio::time::sleep(Duration::from_secs(6)).await;
    tokio::task::block_in_place(|| shop.stack.start(Part::Edge)).unwrap();
    let shop = &shop;
    let draw = eventually("the draw", async || published_draw(shop, "anchors").await.draw).await;
    assert_eq!((draw.entries_count, published_draw(shop, "anchors").await.commitment), (4, promised));
    for buyer in &buyers {
        wait_until_admitted(shop, "anchors", buyer).await;
        let (status, body) = check_out(shop, buyer).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
    }
    shop.tool("sale", &["verify", "anchors", "--shop", &shop.url]);
}
