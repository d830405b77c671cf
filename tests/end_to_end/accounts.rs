//! Accounts as shoppers and thieves meet them: over the pages, with the cookies of a browser.
#![expect(clippy::unwrap_used, reason = "what goes wrong in a test should stop it, loudly")]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tests::{Product, Shop, eventually, text};
use tokio::sync::Mutex;

const PASSWORD: &str = "three words together";

static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    Shop::start(&[
        Product { sku: "basket", price_minor: 500_000, stock: 50 },
        Product { sku: "broom", price_minor: 300_000, stock: 50 },
    ])
});

async fn shop() -> &'static Shop {
    tokio::task::spawn_blocking(|| &*SHOP).await.unwrap()
}

/// A browser without JavaScript: keeps cookies, sends forms from the shop's own pages, and follows nobody by itself.
struct Browser {
    shop: &'static Shop,
    client: reqwest::Client,
    cookies: BTreeMap<String, String>,
}

struct Page {
    status: StatusCode,
    location: String,
    html: String,
}

impl Browser {
    async fn open() -> Self {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { shop: shop().await, client, cookies: BTreeMap::new() }
    }

    async fn get(&mut self, path: &str) -> Page {
        let request = self.client.get(format!("{}{path}", self.shop.url));
        self.send(request).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let request = self.client.post(format!("{}{path}", self.shop.url)).form(fields);
        self.send(request.header(header::ORIGIN, &self.shop.url)).await
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Page {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header(header::COOKIE, cookies.join("; ")).header(header::USER_AGENT, "Firefox Linux");
        let answer = request.send().await.unwrap();
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let location = answer.headers().get(header::LOCATION).map_or("", |value| value.to_str().unwrap()).to_owned();
        Page { status: answer.status(), location, html: answer.text().await.unwrap() }
    }

    /// The token of the settings' forms.
    async fn csrf(&mut self) -> String {
        let page = self.get("/account/settings").await;
        page.html.split_once("name=\"csrf\" value=\"").unwrap().1.split('"').next().unwrap().to_owned()
    }

    async fn sign_in(&mut self, email: &str, password: &str) -> Page {
        self.post("/sign-in", &[("email", email), ("password", password)]).await
    }

    async fn is_signed_in(&mut self) -> bool {
        self.get("/account").await.status == StatusCode::OK
    }

    /// The SKUs in the cart, by how the page names their forms.
    async fn cart(&mut self) -> Vec<String> {
        let html = self.get("/cart").await.html;
        ["basket", "broom"]
            .into_iter()
            .filter(|sku| html.contains(&format!("value=\"{sku}\"")))
            .map(str::to_owned)
            .collect()
    }
}

/// The path of the link that came to an address last.
async fn link(email: &str) -> String {
    let shop = shop().await;
    let inbox: Value =
        shop.http.get(format!("{}/control/inbox", shop.sandbox)).send().await.unwrap().json().await.unwrap();
    let mail = inbox["messages"].as_array().unwrap().iter().find(|mail| mail["to"] == email).unwrap().clone();
    let body = text(&mail["text"]);
    body.split_whitespace().find_map(|word| word.strip_prefix(shop.url.as_str())).unwrap().to_owned()
}

/// Somebody with an account, signed in.
async fn somebody(email: &str) -> Browser {
    let mut browser = Browser::open().await;
    open_account(&mut browser, email).await;
    browser
}

async fn open_account(browser: &mut Browser, email: &str) {
    let page = browser.post("/account/start", &[("email", email)]).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.html);
    let page = browser.post(&link(email).await, &[("name", "Ada"), ("password", PASSWORD)]).await;
    assert_eq!((page.status, page.location.as_str()), (StatusCode::SEE_OTHER, "/account"), "{}", page.html);
}

#[tokio::test]
async fn an_account_is_opened_by_whoever_reads_its_address_and_the_link_is_good_once() {
    let mut ada = Browser::open().await;
    assert_eq!(ada.get("/account").await.location, "/sign-in?to=/account");
    ada.post("/account/start", &[("email", "Ada@once.example")]).await;
    let link = link("Ada@once.example").await;
    let form = ada.get(&link).await;
    assert!(form.status == StatusCode::OK && form.html.contains("Open your account"), "{}", form.html);
    let short = ada.post(&link, &[("password", "short")]).await;
    assert!(short.status == StatusCode::UNPROCESSABLE_ENTITY && short.html.contains("at least 10"), "{}", short.html);
    assert_eq!(ada.post(&link, &[("password", PASSWORD)]).await.status, StatusCode::SEE_OTHER);
    assert!(ada.is_signed_in().await);

    let mut thief = Browser::open().await;
    let again = thief.post(&link, &[("password", "another password")]).await;
    assert!(again.status == StatusCode::FORBIDDEN && again.html.contains("It was used"), "{}", again.html);
    assert!(!thief.is_signed_in().await);
    assert_eq!(thief.sign_in("ada@ONCE.example", PASSWORD).await.status, StatusCode::SEE_OTHER, "however it is spelt");
}

#[tokio::test]
async fn nobody_learns_whether_an_address_has_an_account() {
    somebody("known@quiet.example").await;
    let mut stranger = Browser::open().await;
    let plain = |html: &str| html.replace("nobody", "known");
    let known = stranger.sign_in("known@quiet.example", "not the password").await;
    let unknown = stranger.sign_in("nobody@quiet.example", "not the password").await;
    assert_eq!((known.status, plain(&known.html)), (unknown.status, plain(&unknown.html)));
    let known = stranger.post("/account/start", &[("email", "known@quiet.example")]).await;
    let unknown = stranger.post("/account/start", &[("email", "nobody@quiet.example")]).await;
    assert_eq!((known.status, plain(&known.html)), (unknown.status, plain(&unknown.html)));
}

#[tokio::test]
async fn a_guests_cart_comes_along_and_is_the_same_on_every_device() {
    let mut phone = Browser::open().await;
    phone.post("/cart/lines", &[("sku", "basket")]).await;
    open_account(&mut phone, "cart@cart.example").await;
    assert_eq!(phone.cart().await, ["basket"], "opened with what was in it");

    let mut laptop = Browser::open().await;
    laptop.post("/cart/lines", &[("sku", "broom"), ("quantity", "2")]).await;
    laptop.sign_in("cart@cart.example", PASSWORD).await;
    assert_eq!(laptop.cart().await, ["basket", "broom"], "both");
    assert_eq!(phone.cart().await, ["basket", "broom"], "here too, without a word");
    laptop.sign_in("cart@cart.example", PASSWORD).await;
    assert_eq!(laptop.cart().await, ["basket", "broom"], "signing in twice doubles nothing");

    let csrf = laptop.csrf().await;
    laptop.post("/sign-out", &[("csrf", &csrf)]).await;
    assert!(laptop.cart().await.is_empty(), "the next person at this computer does not see it");
    let mut other = somebody("other@cart.example").await;
    // A browser that still has somebody else's cart keeps nothing of it.
    let theirs = phone.cookies["__Host-kasuwa-cart"].clone();
    other.cookies.insert("__Host-kasuwa-cart".to_owned(), theirs);
    other.sign_in("other@cart.example", PASSWORD).await;
    assert!(other.cart().await.is_empty());
    assert_eq!(phone.cart().await, ["basket", "broom"]);
}

#[tokio::test]
async fn guessing_does_not_lock_the_owner_out() {
    let mut owner = somebody("owner@guess.example").await;
    let mut guesser = Browser::open().await;
    for _ in 0..10 {
        assert_eq!(guesser.sign_in("owner@guess.example", "a wrong password").await.status, StatusCode::FORBIDDEN);
    }
    let eleventh = guesser.sign_in("owner@guess.example", PASSWORD).await;
    assert_eq!(eleventh.status, StatusCode::TOO_MANY_REQUESTS, "even the right one is not looked at");
    assert!(eleventh.html.contains("Have a link sent"), "{}", eleventh.html);

    let csrf = owner.csrf().await;
    owner.post("/sign-out", &[("csrf", &csrf)]).await;
    assert_eq!(
        owner.sign_in("owner@guess.example", PASSWORD).await.status,
        StatusCode::SEE_OTHER,
        "in a browser that is known"
    );
    let mut elsewhere = Browser::open().await;
    elsewhere.post("/account/start", &[("email", "owner@guess.example")]).await;
    let reset = elsewhere.post(&link("owner@guess.example").await, &[("password", "four other words here")]).await;
    assert_eq!(reset.status, StatusCode::SEE_OTHER, "by a link, anywhere");
    assert!(!owner.is_signed_in().await, "a new password signs out everybody else");
}

#[tokio::test]
async fn sessions_are_seen_and_ended_from_anywhere() {
    let mut here = somebody("many@devices.example").await;
    let mut there = Browser::open().await;
    there.sign_in("many@devices.example", PASSWORD).await;
    let page = here.get("/account/settings").await;
    assert_eq!(page.html.matches("Firefox on Linux</strong>").count(), 2, "{}", page.html);
    let csrf = here.csrf().await;
    assert_eq!(
        there.post("/account/devices/end", &[("csrf", &csrf), ("which", "others")]).await.status,
        StatusCode::FORBIDDEN,
        "a token is one session's"
    );
    here.post("/account/devices/end", &[("csrf", &csrf), ("which", "others")]).await;
    assert!(here.is_signed_in().await && !there.is_signed_in().await);
    here.post("/account/devices/end", &[("csrf", &csrf), ("which", "all")]).await;
    assert!(!here.is_signed_in().await);
}

#[tokio::test]
async fn an_account_moves_to_an_address_that_is_read_and_not_to_one_that_has_one() {
    let mut mover = somebody("old@move.example").await;
    somebody("taken@move.example").await;
    let csrf = mover.csrf().await;
    let form = |email: &'static str, password: &'static str| [("email", email), ("email-current", password)];
    let with_token = |fields: [(&'static str, &'static str); 2]| -> Vec<(String, String)> {
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .chain([("csrf".to_owned(), csrf.clone())])
            .collect()
    };
    let send = async |browser: &mut Browser, fields: Vec<(String, String)>| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        browser.post("/account/email", &fields).await
    };
    let wrong = send(&mut mover, with_token(form("new@move.example", "not the password"))).await;
    assert!(
        wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.html.contains("This is not your password"),
        "{}",
        wrong.html
    );
    let taken = send(&mut mover, with_token(form("taken@move.example", PASSWORD))).await;
    let sent = send(&mut mover, with_token(form("new@move.example", PASSWORD))).await;
    assert_eq!((taken.status, &taken.location), (sent.status, &sent.location), "the same answer");
    // However often the right password is typed, it is no guess.
    for n in 0..11 {
        let email = format!("{n}@elsewhere.example");
        let fields = [("email", email.as_str()), ("email-current", PASSWORD), ("csrf", csrf.as_str())];
        assert_eq!(mover.post("/account/email", &fields).await.location, sent.location);
    }
    let link = link("new@move.example").await;
    assert!(mover.get(&link).await.html.contains("new@move.example"));
    assert_eq!(mover.post(&link, &[("csrf", &csrf)]).await.location, "/account/settings?done=email");
    let mut again = Browser::open().await;
    assert_eq!(again.sign_in("old@move.example", PASSWORD).await.status, StatusCode::FORBIDDEN);
    assert_eq!(again.sign_in("new@move.example", PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn data_is_handed_out_and_an_account_deleted_for_good() {
    let mut leaver = somebody("leaver@gone.example").await;
    leaver.post("/cart/lines", &[("sku", "broom"), ("quantity", "3")]).await;
    let data: Value = serde_json::from_str(&leaver.get("/account/data.json").await.html).unwrap();
    assert_eq!((&data["email"], &data["cart"][0]["quantity"]), (&Value::from("leaver@gone.example"), &Value::from(3)));
    let csrf = leaver.csrf().await;
    let wrong = leaver.post("/account/delete", &[("csrf", &csrf), ("delete-current", "not the password")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let gone = leaver.post("/account/delete", &[("csrf", &csrf), ("delete-current", PASSWORD)]).await;
    assert_eq!(gone.status, StatusCode::SEE_OTHER);
    assert_eq!(leaver.sign_in("leaver@gone.example", PASSWORD).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn forms_of_other_sites_and_without_a_token_change_nothing() {
    let mut ada = somebody("ada@forms.example").await;
    for path in
        ["/account/name", "/account/password", "/account/email", "/account/delete", "/account/devices/end", "/sign-out"]
    {
        assert_eq!(
            ada.post(path, &[("csrf", "made-up"), ("which", "all")]).await.status,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
    let foreign = ada
        .client
        .post(format!("{}/sign-in", ada.shop.url))
        .form(&[("email", "x")])
        .header(header::ORIGIN, "https://evil.example");
    assert_eq!(ada.send(foreign).await.status, StatusCode::FORBIDDEN);
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn programs_sign_in_with_a_token_of_their_own() {
    let mut ada = somebody("ada@program.example").await;
    let shop = ada.shop;
    let cart = shop.cart_with("basket", 2).await;
    let credentials =
        json!({"email": "ada@program.example", "password": PASSWORD, "cart": {"id": cart.id, "token": cart.token}});
    let (status, session) = shop.api(Method::POST, "/sessions", None, Some(credentials)).await;
    assert_eq!(status, StatusCode::CREATED, "{session}");
    let (token, account) = (text(&session["token"]), &session["account"]);
    assert_ne!(account["cart_id"], json!(cart.id), "it became part of the account's");
    assert_eq!(ada.cart().await, ["basket"]);
    let (status, cart) = shop
        .api(Method::GET, &format!("/carts/{}", text(&account["cart_id"])), Some(&text(&account["cart_token"])), None)
        .await;
    assert_eq!((status, &cart["lines"][0]["quantity"]), (StatusCode::OK, &json!(2)));

    let ask = async |method, path: &str, body| shop.api(method, path, Some(&token), body).await;
    assert_eq!(ask(Method::PATCH, "/account", Some(json!({"name": "Ada"}))).await.0, StatusCode::NO_CONTENT);
    assert_eq!(ask(Method::GET, "/account", None).await.1["name"], json!("Ada"));
    let (_, sessions) = ask(Method::GET, "/account/sessions", None).await;
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(ask(Method::DELETE, "/account/sessions/others", None).await.0, StatusCode::NO_CONTENT);
    assert!(!ada.is_signed_in().await);
    let wrong = json!({"current": "not the password", "password": "five other words are here"});
    let (status, problem) = ask(Method::PATCH, "/account/password", Some(wrong)).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid_fields")), "{problem}");
    assert!(problem["fields"]["current"].is_string(), "{problem}");

    ask(Method::DELETE, "/account/sessions/this", None).await;
    let (status, problem) = ask(Method::GET, "/account", None).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNAUTHORIZED, &json!("signed_out")));
    ada.sign_in("ada@program.example", PASSWORD).await;
    assert_eq!(ada.get("/api/v1/account").await.status, StatusCode::UNAUTHORIZED, "a cookie does not count");
}

#[tokio::test]
async fn what_was_bought_stands_in_the_account_of_its_cart_and_of_its_address() {
    // Everybody in these tests buys with this address; whoever shows that they read it sees what it bought.
    let shop = shop().await;
    let order = shop.order("broom", 1).await;
    shop.gateway(&order, json!({"action": "pay"})).await;
    shop.wait_for_status(&order, "paid").await;
    let mut ada = somebody("ada@example.com").await;
    let short = order.id.rsplit('-').next().unwrap().to_uppercase();
    // The edge hears of an order from the origin's outbox.
    let ada = Mutex::new(&mut ada);
    eventually("the order in the account", async || {
        ada.lock().await.get("/account").await.html.contains(&format!("Order {short}")).then_some(())
    })
    .await;
    let mut eve = somebody("eve@example.com").await;
    assert!(!eve.get("/account").await.html.contains(&short));
}
