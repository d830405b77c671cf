//! Monnify's interface: login, transactions, refunds by the shop's own names, webhooks, and all of its manners.

use reqwest::Method;
use sandbox::monnify::shape::Manner;
use serde_json::{Value, json};

use crate::harness::{CONTRACT, MONNIFY_SECRET, World, answered};

struct Client<'w> {
    world: &'w World,
    token: String,
}

impl<'w> Client<'w> {
    async fn new(world: &'w World) -> Self {
        let request = world.call(Method::POST, "/monnify/api/v1/auth/login");
        let (status, answer) = answered(request.basic_auth("MK_TEST_1", Some(MONNIFY_SECRET))).await;
        assert_eq!((status, answer["requestSuccessful"].as_bool()), (200, Some(true)), "{answer}");
        Self { world, token: answer["responseBody"]["accessToken"].as_str().unwrap().to_owned() }
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        answered(self.world.call(Method::GET, &format!("/monnify{path}")).bearer_auth(&self.token)).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        answered(self.world.call(Method::POST, &format!("/monnify{path}")).bearer_auth(&self.token).json(body)).await
    }

    /// Begins a payment of ₦5,000.50; its answer.
    async fn begin(&self, reference: &str) -> Value {
        let (status, answer) = self.post("/api/v1/merchant/transactions/init-transaction", &order(reference)).await;
        assert_eq!((status, answer["responseCode"].as_str()), (200, Some("0")), "{answer}");
        answer["responseBody"].clone()
    }

    async fn query(&self, reference: &str) -> Value {
        let (status, answer) =
            self.get(&format!("/api/v2/merchant/transactions/query?paymentReference={reference}")).await;
        assert_eq!(status, 200, "{answer}");
        answer["responseBody"].clone()
    }

    async fn refund(&self, transaction: &Value, key: &str, amount: Value) -> (u16, Value) {
        let body = json!({
            "transactionReference": transaction, "refundReference": key, "refundAmount": amount,
            "refundReason": "Order cancelled", "customerNote": "Sorry",
        });
        self.post("/api/v1/refunds/initiate-refund", &body).await
    }
}

fn order(reference: &str) -> Value {
    json!({
        "amount": 5000.5, "customerName": "Ada", "customerEmail": "ada@example.com", "paymentReference": reference,
        "paymentDescription": "Order 7", "currencyCode": "NGN", "contractCode": CONTRACT,
        "redirectUrl": "http://shop.test/back", "metaData": {"order_id": "7"},
    })
}

/// An amount, however it is written, in kobo.
fn kobo(value: &Value) -> i64 {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (naira, rest) = text.split_once('.').unwrap_or((&text, ""));
    naira.parse::<i64>().unwrap() * 100 + format!("{rest:0<2}").parse::<i64>().unwrap()
}

#[tokio::test]
async fn a_payment_lives_from_its_page_to_its_refunds() {
    let world = World::new().await;
    let client = Client::new(&world).await;
    let begun = client.begin("ref-1").await;
    let transaction = &begun["transactionReference"];
    assert!(transaction.as_str().unwrap().starts_with("MNFY|"));
    let pending = client.query("ref-1").await;
    assert_eq!((&pending["paymentStatus"], kobo(&pending["amountPaid"])), (&json!("PENDING"), 0));

    let page = begun["checkoutUrl"].as_str().unwrap().strip_prefix(&world.url).unwrap();
    let response = world.submit(page, &[("action", "pay")]).await;
    assert_eq!(response.headers()["location"], "http://shop.test/back?paymentReference=ref-1");
    let paid = client.query("ref-1").await;
    assert_eq!((&paid["paymentStatus"], kobo(&paid["amountPaid"])), (&json!("PAID"), 500_050));
    assert_eq!(kobo(&paid["settlementAmount"]), 500_050 - 7_501, "1.5 %, rounded up");
    let encoded = transaction.as_str().unwrap().replace('|', "%7C");
    assert_eq!(client.get(&format!("/api/v2/transactions/{encoded}")).await.1["responseBody"], paid);
    let by_theirs = format!("/api/v2/merchant/transactions/query?transactionReference={encoded}");
    assert_eq!(client.get(&by_theirs).await.1["responseBody"], paid);
    let notice = world.shop.wait_for_event("SUCCESSFUL_TRANSACTION").await;
    assert_eq!((notice.gateway.as_str(), &notice.data["paymentReference"]), ("monnify", &json!("ref-1")));
    assert_eq!((&notice.data["paidOn"], &notice.data["amountPaid"]), (&paid["paidOn"], &paid["amountPaid"]));

    let (status, answer) = client.refund(transaction, "rf-1", json!(1000.25)).await;
    let refund = &answer["responseBody"];
    assert_eq!(
        (status, &refund["refundStatus"], &refund["refundType"]),
        (200, &json!("IN_PROGRESS"), &json!("PARTIAL_REFUND"))
    );
    for (key, amount, code) in [
        ("rf-1", json!(1000.25), "R9"),
        ("rf-2", json!(5000.51), "R3"),
        ("rf-2", json!(99.99), "R4"),
        ("rf-2", json!(4000.26), "R12"),
    ] {
        let (status, answer) = client.refund(transaction, key, amount).await;
        assert_eq!((status, answer["responseCode"].as_str()), (422, Some(code)), "{answer}");
        assert_eq!(answer["requestSuccessful"], false);
    }
    assert_eq!(client.refund(transaction, "rf-2", json!("4000.25")).await.0, 200, "the rest, as text");
    let done = world.shop.wait_for_event("SUCCESSFUL_REFUND").await;
    assert_eq!((&done.data["transactionReference"], &done.data["refundStatus"]), (transaction, &json!("COMPLETED")));
    world.wait_until("ref-1", |belief| belief["refunds"][1]["status"] == "processed").await;
    let (_, answer) = client.get("/api/v1/refunds/rf-1").await;
    assert_eq!(answer["responseBody"]["refundStatus"], "COMPLETED");
    assert_eq!(kobo(&answer["responseBody"]["refundAmount"]), 100_025);
    let (_, list) = client.get(&format!("/api/v1/refunds?transactionReference={encoded}&size=1&page=1")).await;
    assert_eq!(
        (&list["responseBody"]["totalElements"], &list["responseBody"]["content"][0]["refundReference"]),
        (&json!(2), &json!("rf-2"))
    );
    assert_eq!(client.query("ref-1").await["paymentStatus"], "PAID", "refunds are told of apart");
}

#[tokio::test]
async fn a_shop_meets_all_of_monnifys_manners() {
    let world = World::new().await;
    let client = Client::new(&world).await;
    let mut met = std::collections::BTreeSet::new();
    for number in 0..40 {
        let reference = format!("ref-{number}");
        client.begin(&reference).await;
        world.control(&reference, &json!({"action": "pay", "webhook": {"drop": true}})).await;
        let paid = client.query(&reference).await;
        let manner = Manner::of(&reference);
        assert_eq!(paid["amountPaid"].is_string(), manner.amounts_as_text);
        assert_eq!(paid["paidOn"].as_str().unwrap().contains('/'), manner.slashes);
        assert_eq!(paid["paymentSourceInformation"].is_array(), manner.accounts_in_array);
        assert_eq!(kobo(&paid["amountPaid"]), 500_050);
        met.insert((manner.amounts_as_text, manner.slashes, manner.accounts_in_array));
    }
    assert_eq!(met.len(), 8, "every combination of them");
}

#[tokio::test]
async fn the_wrong_amount_is_taken_or_sent_back() {
    let world = World::new().await;
    let client = Client::new(&world).await;
    for (reference, amount, status) in [("less", 400_000, "PARTIALLY_PAID"), ("more", 600_000, "OVERPAID")] {
        client.begin(reference).await;
        world.control(reference, &json!({"action": "pay", "amount": amount})).await;
        let paid = client.query(reference).await;
        assert_eq!((&paid["paymentStatus"], kobo(&paid["amountPaid"])), (&json!(status), amount));
    }
    let told: Vec<_> = world.shop.wait_for(2).await.into_iter().map(|one| one.data["paymentStatus"].clone()).collect();
    assert!(told.contains(&json!("PARTIALLY_PAID")) && told.contains(&json!("OVERPAID")), "{told:?}");

    client.begin("back").await;
    assert_eq!(world.control("back", &json!({"action": "reject"})).await.1["code"], "invalid_rejection");
    let (status, belief) = world.control("back", &json!({"action": "reject", "amount": 400_000})).await;
    assert_eq!((status, belief["status"].as_str()), (200, Some("pending")));
    let rejected = world.shop.wait_for_event("REJECTED_PAYMENT").await.data;
    let why = &rejected["paymentRejectionInformation"];
    assert_eq!((&why["rejectionReason"], kobo(&why["expectedAmount"])), (&json!("UNDER_PAYMENT"), 500_050));
    assert_eq!(kobo(&rejected["paymentSourceInformation"]["amountPaid"]), 400_000);
    assert_eq!(client.query("back").await["paymentStatus"], "PENDING", "and it can still be paid");
    world.begin("elsewhere").await;
    let (_, problem) = world.control("elsewhere", &json!({"action": "reject", "amount": 1})).await;
    assert_eq!(problem["code"], "not_at_this_gateway");
}

#[tokio::test]
async fn a_failed_refund_is_announced_and_nothing_is_said_of_disputes_and_declines() {
    let world = World::new().await;
    let client = Client::new(&world).await;
    let begun = client.begin("ref-1").await;
    world.control("ref-1", &json!({"action": "decline"})).await;
    assert_eq!(client.query("ref-1").await["paymentStatus"], "FAILED");
    world.control("ref-1", &json!({"action": "pay", "refunds": "fail"})).await;
    assert_eq!(client.refund(&begun["transactionReference"], "rf-1", json!(1000)).await.0, 200);
    assert_eq!(world.shop.wait_for_event("FAILED_REFUND").await.data["refundReference"], "rf-1");
    assert_eq!(client.get("/api/v1/refunds/rf-1").await.1["responseBody"]["refundStatus"], "FAILED");
    let (status, belief) = world.control("ref-1", &json!({"action": "dispute"})).await;
    assert_eq!(
        (status, belief["disputes"][0]["amount"].as_i64()),
        (200, Some(500_050)),
        "the money is the shop's again"
    );
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    let events: Vec<_> = world.shop.received().into_iter().map(|one| one.event).collect();
    assert_eq!(events, ["SUCCESSFUL_TRANSACTION", "FAILED_REFUND"]);
}

#[tokio::test]
async fn nonsense_and_strangers_are_refused_as_monnify_refuses_them() {
    let world = World::new().await;
    let login = || world.call(Method::POST, "/monnify/api/v1/auth/login");
    assert_eq!(answered(login()).await.0, 401);
    let (status, answer) = answered(login().basic_auth("MK_TEST_1", Some("wrong"))).await;
    assert_eq!((status, answer["requestSuccessful"].as_bool()), (401, Some(false)));
    let client = Client::new(&world).await;
    client.begin("ref-1").await;
    for (field, value, status) in [
        ("paymentReference", json!("ref-1"), 422),
        ("paymentReference", json!(""), 400),
        ("amount", json!(0), 400),
        ("amount", json!("1.005"), 400),
        ("currencyCode", json!("USD"), 400),
        ("contractCode", json!("1"), 404),
        ("customerEmail", json!("nobody"), 400),
        ("customerName", json!(null), 400),
        ("redirectUrl", json!("nowhere"), 400),
    ] {
        let mut body = order("ref-2");
        body[field] = value.clone();
        let (seen, answer) = client.post("/api/v1/merchant/transactions/init-transaction", &body).await;
        assert_eq!((seen, answer["requestSuccessful"].as_bool()), (status, Some(false)), "{field} = {value}: {answer}");
    }
    assert_eq!(client.get("/api/v2/merchant/transactions/query?paymentReference=ref-2").await.0, 404);
    assert_eq!(client.get("/api/v2/merchant/transactions/query").await.0, 400);
    assert_eq!(client.get("/api/v1/refunds/rf-1").await.1["responseCode"], "R7");
    assert_eq!(client.refund(&json!("MNFY|1|2|3"), "rf-1", json!(100)).await.1["responseCode"], "R1");
    world.post("/control/gateways/monnify", &json!({"revoke_tokens": true})).await;
    let (status, answer) = client.get("/api/v1/refunds").await;
    assert_eq!((status, answer["error"].as_str()), (401, Some("invalid_token")));
}

#[tokio::test]
async fn a_refunds_name_is_remembered_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::with_state(Some(folder.path().join("journal"))).await;
    let client = Client::new(&world).await;
    let begun = client.begin("ref-1").await;
    world.control("ref-1", &json!({"action": "pay", "refunds": "stall"})).await;
    client.refund(&begun["transactionReference"], "rf-1", json!(1000)).await;
    let (before, token) = (client.query("ref-1").await, client.token.clone());

    let world = world.restart().await;
    let client = Client { world: &world, token };
    assert_eq!(client.query("ref-1").await, before);
    assert_eq!(client.refund(&begun["transactionReference"], "rf-1", json!(1000)).await.1["responseCode"], "R9");
    assert_eq!(
        client.get("/api/v1/refunds/rf-1").await.1["responseBody"]["refundStatus"],
        "IN_PROGRESS",
        "still stalled"
    );
    let (_, belief) = world.control("ref-1", &json!({"action": "refunds", "refunds": "process"})).await;
    assert_eq!(belief["refund_mode"], "process");
    world.wait_until("ref-1", |belief| belief["refunds"][0]["status"] == "processed").await;
}
