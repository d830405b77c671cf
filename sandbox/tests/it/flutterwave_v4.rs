//! Flutterwave's fourth interface: tokens, customers, sessions, charges, refunds, chargebacks, webhooks.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{CLIENT_SECRET, World, answered};

async fn token(world: &World, secret: &str) -> (u16, Value) {
    let form = format!("client_id=client&client_secret={secret}&grant_type=client_credentials");
    let request = world.call(Method::POST, "/flutterwave/token");
    answered(request.header("content-type", "application/x-www-form-urlencoded").body(form)).await
}

struct Client<'w> {
    world: &'w World,
    token: String,
}

impl<'w> Client<'w> {
    async fn new(world: &'w World) -> Self {
        let (status, answer) = token(world, CLIENT_SECRET).await;
        assert_eq!((status, answer["expires_in"].as_i64()), (200, Some(600)), "{answer}");
        Self { world, token: answer["access_token"].as_str().unwrap().to_owned() }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.world.call(method, &format!("/flutterwave/v4{path}")).bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        answered(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        answered(self.request(Method::POST, path).json(body)).await
    }

    async fn customer(&self) -> String {
        let (status, answer) = self.post("/customers", &json!({"email": "ada@example.com"})).await;
        assert_eq!(status, 201, "{answer}");
        answer["data"]["id"].as_str().unwrap().to_owned()
    }

    /// Begins a payment of ₦5,000.50 with a session; its answer.
    async fn begin(&self, reference: &str, customer: &str) -> Value {
        let (status, answer) = self.post("/checkout/sessions", &session(reference, customer)).await;
        assert_eq!((status, answer["status"].as_str()), (201, Some("success")), "{answer}");
        answer["data"].clone()
    }

    async fn charge(&self, reference: &str) -> Value {
        self.get(&format!("/charges?reference={reference}")).await.1["data"][0].clone()
    }
}

fn session(reference: &str, customer: &str) -> Value {
    json!({
        "amount": 5000.5, "currency": "NGN", "reference": reference, "customer_id": customer,
        "redirect_url": "http://shop.test/back",
    })
}

#[tokio::test]
async fn a_payment_lives_from_its_session_to_its_refunds() {
    let world = World::new().await;
    let client = Client::new(&world).await;
    let customer = client.customer().await;
    let session = client.begin("reference-1", &customer).await;
    let page = session["checkout_url"].as_str().unwrap().strip_prefix(&world.url).unwrap();
    let id = session["id"].as_str().unwrap();
    assert_eq!(client.get(&format!("/checkout/sessions/{id}")).await.1["data"], session);
    assert_eq!(client.charge("reference-1").await, Value::Null, "nobody has tried to pay");

    world.submit(page, &[("action", "pay")]).await;
    let charge = client.charge("reference-1").await;
    assert_eq!((&charge["status"], &charge["amount"]), (&json!("succeeded"), &json!(5000.5)));
    assert_eq!(charge["fees"], json!([{"type": "app", "amount": 70.01}]));
    assert_eq!(charge["customer_id"], json!(customer));
    let id = charge["id"].as_str().unwrap();
    assert_eq!(client.get(&format!("/charges/{id}")).await.1["data"], charge);
    let notice = world.shop.wait_for_event("charge.completed").await;
    assert_eq!((notice.gateway.as_str(), &notice.data), ("flutterwave", &charge));
    assert!(notice.body["webhook_id"].is_string() && notice.body["timestamp"].is_i64());

    let body =
        json!({"charge_id": id, "amount": 1000.25, "reason": "requested_by_customer", "meta": {"refund_id": "rf-1"}});
    let (status, answer) = client.post("/refunds", &body).await;
    assert_eq!((status, &answer["data"]["meta"]), (201, &json!({"refund_id": "rf-1"})), "{answer}");
    let refund = answer["data"]["id"].as_str().unwrap().to_owned();
    let more = json!({"charge_id": id, "amount": 4000.26, "reason": "duplicate"});
    let (status, answer) = client.post("/refunds", &more).await;
    assert_eq!((status, answer["error"]["code"].as_str()), (400, Some("1402400")));
    let rest = json!({"charge_id": id, "amount": 4000.25, "reason": "duplicate"});
    assert_eq!(client.post("/refunds", &rest).await.0, 201);
    assert_eq!(client.post("/refunds", &rest).await.1["error"]["type"], "REFUND_ALREADY_COMPLETED");
    assert_eq!(world.shop.wait_for_event("refund.completed").await.data["charge_id"], *id);
    world.wait_until("reference-1", |belief| belief["refunds"][1]["status"] == "processed").await;
    assert_eq!(client.get(&format!("/refunds/{refund}")).await.1["data"]["status"], "completed");
    let (_, list) = client.get("/refunds?size=1&page=2").await;
    assert_eq!((list["data"].as_array().map(Vec::len), &list["meta"]["page_info"]["total"]), (Some(1), &json!(2)));
    assert_eq!(client.get("/refunds?to=2020-01-01T00:00:00Z").await.1["data"], json!([]), "none so long ago");
    let (_, list) = client.get("/refunds?from=2020-01-01T00:00:00Z&page=1&size=50").await;
    assert_eq!(list["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(client.get("/refunds?from=yesterday").await.0, 400);
    assert_eq!(client.charge("reference-1").await["refunded"], true);
}

#[tokio::test]
async fn a_repeated_key_gets_the_first_answer_and_nothing_happens_twice() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::with_state(Some(folder.path().join("journal"))).await;
    let client = Client::new(&world).await;
    let customer = client.customer().await;
    let ask = |client: &Client<'_>, path: &str, key: &str, body: &Value| {
        client.request(Method::POST, path).header("x-idempotency-key", key).json(body)
    };
    let body = session("reference-1", &customer);
    let first = answered(ask(&client, "/checkout/sessions", "key-of-session", &body)).await;
    assert_eq!(first.0, 201);
    let again = ask(&client, "/checkout/sessions", "key-of-session", &json!({})).send().await.unwrap();
    assert_eq!(again.headers()["x-idempotency-cache-hit"], "true", "whatever is asked for");
    assert_eq!(again.json::<Value>().await.unwrap(), first.1);
    let (status, answer) = client.post("/checkout/sessions", &body).await;
    assert_eq!((status, answer["error"]["code"].as_str()), (409, Some("1801409")), "without the key");
    assert_eq!(answered(ask(&client, "/checkout/sessions", "short", &body)).await.0, 400);

    world.control("reference-1", &json!({"action": "pay"})).await;
    let charge = client.charge("reference-1").await["id"].clone();
    let body = json!({"charge_id": charge, "amount": 100, "reason": "requested_by_customer"});
    let many = (0..8).map(|_| answered(ask(&client, "/refunds", "key-of-refund", &body)));
    let mut answers = Vec::new();
    for one in many.map(tokio::spawn).collect::<Vec<_>>() {
        answers.push(one.await.unwrap());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.0 == 201), "{answers:?}");
    assert_eq!(world.belief("reference-1").await["refunds"].as_array().map(Vec::len), Some(1));

    let token = client.token.clone();
    let world = world.restart().await;
    let client = Client { world: &world, token };
    assert_eq!(answered(ask(&client, "/refunds", "key-of-refund", &body)).await, answers[0], "also after a restart");
    assert_eq!(client.post("/customers", &json!({"email": "ada@example.com"})).await.0, 409, "she is known");
    let (_, found) = client.post("/customers/search", &json!({"email": "ada@example.com"})).await;
    assert_eq!(found["data"][0]["id"], json!(customer));
    assert_eq!(client.get("/customers?email=ada@example.com&page=1&size=5").await.1["data"], found["data"]);
    assert_eq!(client.get(&format!("/customers/{customer}")).await.1["data"], found["data"][0]);
}

#[tokio::test]
async fn a_direct_charge_leads_to_a_page_too() {
    let world = World::new().await;
    let client = Client::new(&world).await;
    let mut body = json!({
        "amount": 100, "currency": "NGN", "reference": "reference-1", "redirect_url": "http://shop.test/back",
        "customer": {"email": "ada@example.com"}, "payment_method": {"type": "opay"}, "meta": {"order_id": "7"},
    });
    let (status, answer) = client.post("/orchestration/direct-charges", &body).await;
    let charge = &answer["data"];
    assert_eq!((status, charge["status"].as_str()), (201, Some("pending")), "{answer}");
    let url = charge["next_action"]["redirect_url"]["url"].as_str().unwrap();
    assert_eq!(client.charge("reference-1").await, *charge, "it exists at once");
    assert_eq!(client.post("/orchestration/direct-charges", &body).await.1["error"]["code"], "1100409");
    world.submit(url.strip_prefix(&world.url).unwrap(), &[("action", "decline")]).await;
    assert_eq!(world.shop.wait_for_event("charge.completed").await.data["status"], "failed");
    body["payment_method"] = json!({"type": "card"});
    assert_eq!(client.post("/orchestration/direct-charges", &body).await.0, 400);
}

#[tokio::test]
async fn a_chargeback_is_announced_and_read() {
    let world = World::new().await;
    let client = Client::new(&world).await;
    client.begin("reference-1", &client.customer().await).await;
    world.control("reference-1", &json!({"action": "pay"})).await;
    world.control("reference-1", &json!({"action": "dispute"})).await;
    let opened = world.shop.wait_for_event("chargeback.created").await.data;
    let (_, answer) = client.get(&format!("/chargebacks/{}", opened["id"])).await;
    assert_eq!((&answer["data"], &opened["status"]), (&opened, &json!("initiated")));
    world.control("reference-1", &json!({"action": "resolve", "outcome": "won"})).await;
    assert_eq!(world.shop.wait_for_event("chargeback.updated").await.data["status"], "won");
    assert_eq!(client.get("/chargebacks").await.1["data"][0]["status"], "won");
    assert_eq!(client.get("/chargebacks/1").await.1["error"]["code"], "1700404");
}

#[tokio::test]
async fn tokens_end_and_nonsense_is_refused_with_flutterwaves_codes() {
    let world = World::new().await;
    let (status, answer) = token(&world, "wrong").await;
    assert_eq!((status, answer["error"].as_str()), (401, Some("invalid_client")));
    let client = Client::new(&world).await;
    let customer = client.customer().await;
    for (field, value, code) in [
        ("amount", json!(0), "10400"),
        ("amount", json!(null), "10400"),
        ("currency", json!("XXX"), "10400"),
        ("reference", json!("short"), "10400"),
        ("reference", json!("x".repeat(43)), "10400"),
        ("redirect_url", json!("nowhere"), "1141400"),
        ("customer_id", json!("cus_unknown"), "1101422"),
    ] {
        let mut body = session("reference-1", &customer);
        body[field] = value.clone();
        let (status, answer) = client.post("/checkout/sessions", &body).await;
        assert_eq!(
            (status.to_string().as_str(), answer["error"]["code"].as_str()),
            (&code[code.len() - 3..], Some(code)),
            "{answer}"
        );
        assert_eq!(answer["status"], "failed");
    }
    assert_eq!(client.get("/charges/chg_1").await.1["error"]["code"], "1110404");
    let (status, _) = answered(world.call(Method::GET, "/flutterwave/v4/charges")).await;
    assert_eq!(status, 401);
    let tell = json!({"revoke_tokens": true});
    assert_eq!(world.post("/control/gateways/flutterwave", &tell).await.status(), 200);
    let (status, answer) = client.get("/charges").await;
    assert_eq!((status, answer["error"]["type"].as_str()), (401, Some("UNAUTHORIZED")), "the token was revoked");
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    assert_eq!(Client::new(&world).await.get("/charges").await.0, 200);
}
