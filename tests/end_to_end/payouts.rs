//! What sellers are owed, end to end: transferred by the gateway or sent by hand, seen in the books, and owed again when it comes back; and the
//! edge's read models, built anew from nothing. All of it by the operator's commands.
#![expect(clippy::unwrap_used, reason = "what goes wrong in a test should stop it, loudly")]

use std::sync::LazyLock;

use serde_json::{Value, json};
use tests::{Product, Shop, eventually, text};

/// One sale of ₦12,500, whole: this shop keeps no commission.
const PRICE: i64 = 1_250_000;
const SELLER: &str = "Kasuwa";

static SHOP: LazyLock<Shop> =
    LazyLock::new(|| Shop::start(&[Product { sku: "teapot", price_minor: PRICE, stock: 10 }]));

/// The shop, started outside the runtime of whichever test comes first.
async fn shop() -> &'static Shop {
    tokio::task::spawn_blocking(|| &*SHOP).await.unwrap()
}

/// What one of the operator's commands says, or why it refuses.
async fn command(shop: &'static Shop, program: &'static str, words: &[&str]) -> Result<String, String> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let run = move || {
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.extend(["--shop", &shop.url]);
        shop.try_tool(program, &words)
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let told = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(told(output.stdout)) } else { Err(told(output.stderr)) }
}

async fn told(shop: &'static Shop, program: &'static str, words: &[&str]) -> Value {
    let words = [words, &["--json"]].concat();
    serde_json::from_str(&command(shop, program, &words).await.unwrap()).unwrap()
}

async fn sold(shop: &Shop) {
    let order = shop.order("teapot", 1).await;
    shop.gateway(&order, json!({"action": "pay"})).await;
    shop.wait_for_status(&order, "paid").await;
}

async fn until(shop: &'static Shop, payout: &str, status: &str) -> Value {
    eventually(&format!("the payout to be {status}"), async || {
        let payout = told(shop, "payouts", &["show", payout]).await;
        (payout["status"] == status).then_some(payout)
    })
    .await
}

/// One test, since every run takes what all have sold.
#[tokio::test(flavor = "multi_thread")]
async fn sellers_are_paid_by_transfer_and_by_hand_and_the_books_say_so() {
    let shop = shop().await;
    sold(shop).await;

    // Nobody has said where to: the run by transfer leaves the seller out.
    let left_out = told(shop, "payouts", &["run", "--transfer"]).await;
    assert_eq!((left_out["payouts"].as_array().map(Vec::len), &left_out["left_out"]), (Some(0), &json!([SELLER])));
    let wrong =
        command(shop, "payouts", &["bank", SELLER, "--bank", "058", "--holder", "Ada", "--number", "123456789"]).await;
    assert!(wrong.unwrap_err().contains("10 digits"));
    let bank = ["bank", SELLER, "--bank", "058", "--holder", "Ada Obi", "--number", "0123456789"];
    let shown = command(shop, "payouts", &bank).await.unwrap();
    assert!(shown.contains("6789") && !shown.contains("0123456789"), "{shown}");

    let run = told(shop, "payouts", &["run", "--transfer"]).await;
    let payout = text(&run["payouts"][0]["id"]);
    assert_eq!(run["payouts"][0]["amount_minor"], PRICE);
    let paid = until(shop, &payout, "paid").await;
    let statement = command(shop, "books", &["statement", SELLER, "--csv"]).await.unwrap();
    let lines: Vec<&str> = statement.lines().collect();
    assert_eq!(lines.len(), 3, "{statement}");
    assert!(lines[1].contains(",sale,") && lines[1].ends_with(",NGN,,12500.00,12500.00"), "{statement}");
    assert!(lines[2].contains(",payout,") && lines[2].ends_with(",NGN,12500.00,,0.00"), "{statement}");

    // Days later the seller's bank sends it back.
    let drive = format!("/control/transfers/{}", text(&paid["reference"]));
    assert_eq!(shop.sandbox(&drive, json!({"action": "reversed"})).await["status"], "reversed");
    until(shop, &payout, "returned").await;

    // By hand, then.
    sold(shop).await;
    let run = told(shop, "payouts", &["run"]).await;
    let (run_id, payout) = (text(&run["payouts"][0]["run_id"]), text(&run["payouts"][0]["id"]));
    assert_eq!(run["payouts"][0]["amount_minor"], 2 * PRICE);
    let file = command(shop, "payouts", &["export", &run_id]).await.unwrap();
    assert!(file.contains(&format!("{payout},{SELLER},Ada Obi,058,0123456789,NGN,25000.00\r\n")), "{file}");
    command(shop, "payouts", &["mark-paid", &payout]).await.unwrap();
    let listed = told(shop, "payouts", &["list", "--run", &run_id]).await;
    assert_eq!(listed["payouts"][0]["status"], "paid");

    let balances = told(shop, "books", &["balances"]).await;
    assert_eq!(balances["crooked_entries"], 0);
    let sum: i64 = balances["balances"].as_array().unwrap().iter().map(|it| it["amount_minor"].as_i64().unwrap()).sum();
    assert_eq!(sum, 0, "{balances}");
    let ledger = told(shop, "books", &["ledger"]).await;
    let causes: Vec<String> = ledger.as_array().unwrap().iter().map(|line| text(&line["cause"])).collect();
    for cause in ["sale", "fee", "payout", "paid_out", "payout_returned"] {
        assert!(causes.iter().any(|known| known == cause), "{cause} in {causes:?}");
    }
    let unknown = command(shop, "payouts", &["show", "0190a000-0000-7000-8000-000000000000"]).await.unwrap_err();
    assert!(unknown.contains("there is no such payout"), "{unknown}");

    let restated = told(shop, "orders", &["restate"]).await;
    assert_eq!(restated, json!({"orders": 2, "after": null}));
}
