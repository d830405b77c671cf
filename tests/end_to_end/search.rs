//! Search as shoppers meet it: fresh within two seconds whatever changes, and answering whatever breaks.
#![expect(clippy::unwrap_used, reason = "what goes wrong in a test should stop it, loudly")]

use std::time::{Duration, Instant};

use domain::wire::{EDGE_CATALOGUE, EDGE_INDEX, EDGE_INDEX_PUBLISH, EDGE_INDEX_SYNONYMS, EDGE_QUERIES, ProductStatus};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stack::Part;
use tests::{Product, Shop, eventually, product};

/// How soon a change shows, counted from the answer to it.
const FRESH: Duration = Duration::from_secs(2);

async fn start(products: &'static [Product]) -> Shop {
    tokio::task::spawn_blocking(|| Shop::start(products)).await.unwrap()
}

/// Waits until `shows` is true of what `query` finds, and answers how long that took.
async fn shown(shop: &Shop, what: &str, query: &str, shows: impl Fn(&Value) -> bool) -> Duration {
    let started = Instant::now();
    loop {
        let answer = shop.search(query).await;
        if shows(&answer) {
            return started.elapsed();
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{what} never shows: {answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn total(answer: &Value) -> u64 {
    answer["total"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_changes_shows_within_two_seconds() {
    let shop = start(&[Product { sku: "griddle", price_minor: 700_000, stock: 3 }]).await;
    let mut took = Vec::new();

    shop.save(&product("tagine", "Tagine of clay", 500_000, 3)).await;
    took.push(("a new product", shown(&shop, "a new product", "q=tagine", |answer| total(answer) == 1).await));

    shop.save(&product("tagine", "Tagine of clay", 450_000, 3)).await;
    let price = |answer: &Value| answer["hits"][0]["price"]["amount_minor"] == 450_000;
    took.push(("a new price", shown(&shop, "a new price", "q=tagine", price).await));

    shop.save(&product("tagine", "Casserole of iron", 450_000, 3)).await;
    took.push(("a new title", shown(&shop, "a new title", "q=casserole", |answer| total(answer) == 1).await));

    let order = shop.order("griddle", 3).await;
    let sold_out = |answer: &Value| answer["hits"][0]["available"] == 0;
    took.push(("a sell-out", shown(&shop, "a sell-out", "q=griddle", sold_out).await));
    assert_eq!(total(&shop.search("q=griddle&available=1").await), 0);
    drop(order);

    let mut hidden = product("tagine", "Casserole of iron", 450_000, 3);
    let slug = shop.slug("tagine").await;
    let cart = shop.cart_with("tagine", 1).await;
    hidden.status = ProductStatus::Hidden;
    shop.save(&hidden).await;
    took.push(("hiding", shown(&shop, "hiding", "q=casserole", |answer| total(answer) == 0).await));
    // Nor can it be seen or bought.
    assert_eq!(shop.page(&format!("/p/{slug}")).await.status(), StatusCode::NOT_FOUND);
    let (status, body) = shop.check_out(&cart, uuid::Uuid::now_v7()).await;
    assert_eq!((status, &body["code"]), (StatusCode::CONFLICT, &json!("out_of_stock")), "{body}");

    shop.save(&product("tagine", "Casserole of iron", 450_000, 3)).await;
    took.push(("showing again", shown(&shop, "showing again", "q=casserole", |answer| total(answer) == 1).await));
    eprintln!("{took:?}");
    for (what, took) in took {
        assert!(took <= FRESH, "{what} took {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_order_counts_as_sold_once() {
    let shop = start(&[Product { sku: "churn", price_minor: 700_000, stock: 9 }]).await;
    let sold = async || {
        let path = format!("{EDGE_CATALOGUE}?limit=10");
        let (status, page) = shop.operator(Method::GET, &path, Vec::new()).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        page["products"][0]["product"]["sold"].as_u64().unwrap_or(0)
    };
    let unpaid = shop.order("churn", 1).await;
    let order = shop.order("churn", 2).await;
    shop.gateway(&order, json!({"action": "pay", "webhook": {"copies": 3}})).await;
    shop.wait_for_status(&order, "paid").await;
    eventually("the sale to be counted", async || (sold().await == 2).then_some(())).await;
    // Importing it again takes nothing back, and what it brought is not counted twice.
    let again = product("churn", "Churn of ash", 700_000, 9);
    shop.save(&domain::wire::ImportProduct { sold: 500, ..again }).await;
    assert_eq!(sold().await, 2);
    drop(unpaid);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_saved_while_the_index_is_compiled_stays() {
    let shop = start(&[Product { sku: "ladle", price_minor: 100_000, stock: 9 }]).await;
    let before = shop.search("q=ladle").await["index_version"].clone();
    let compiling = async {
        for _ in 0..3 {
            tokio::task::block_in_place(|| shop.tool("index-builder", &["compile", "--shop", &shop.url]));
        }
    };
    let saving = async {
        for number in 0..12 {
            shop.save(&product(&format!("spoon{number}"), &format!("Spoon{number} of horn"), 1_000, 5)).await;
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    };
    tokio::join!(compiling, saving);
    for number in 0..12 {
        shown(&shop, "a spoon", &format!("q=spoon{number}"), |answer| total(answer) == 1).await;
    }
    assert_eq!(total(&shop.search("q=horn").await), 12, "each once");
    assert_eq!(total(&shop.search("q=ladle").await), 1);
    assert_ne!(shop.search("q=ladle").await["index_version"], before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_dies_after_a_save_shows_it_when_it_is_back() {
    let mut shop = start(&[Product { sku: "sieve", price_minor: 100_000, stock: 9 }]).await;
    for round in 0..2 {
        let sku = format!("strainer{round}");
        shop.save(&product(&sku, &format!("{sku} of tin"), 1_000, 5)).await;
        shop.stack.kill(Part::Edge);
        tokio::task::block_in_place(|| shop.stack.start(Part::Edge)).unwrap();
        assert_eq!(total(&shop.search("q=sieve").await), 1, "what was published before is there at once");
        shown(&shop, "the save", &format!("q={sku}"), |answer| total(answer) == 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_index_is_left_alone_and_the_last_good_one_goes_on() {
    let mut shop = start(&[Product { sku: "mortar", price_minor: 100_000, stock: 9 }]).await;
    let good = shop.search("q=mortar").await["index_version"].clone();
    let folder = shop.stack.state().join("index");
    shop.save(&product("pestle", "Pestle of stone", 1_000, 5)).await;
    shown(&shop, "a save", "q=pestle", |answer| total(answer) == 1).await;
    shop.tool("index-builder", &["compile", "--shop", &shop.url, "--out", folder.to_str().unwrap()]);
    let version = shop.search("q=mortar").await["index_version"].clone();
    assert_ne!(version, good);

    // Another one, of which a file is missing, then cut short, then wrong inside.
    shop.save(&product("kettle", "Kettle of tin", 1_000, 5)).await;
    let found = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let file = |name: &str| std::fs::read(found.join(name)).unwrap();
    let mut manifest: Value = serde_json::from_slice(&file("manifest.json")).unwrap();
    let damaged = "dadadadadadadadadadadadadadadada";
    manifest["version"] = json!(damaged);
    manifest["catalogue_seq"] = json!(manifest["catalogue_seq"].as_u64().unwrap() + 1);
    let put = async |name: &str, bytes: Vec<u8>| {
        let (status, body) = shop.operator(Method::PUT, &format!("/internal/index/{damaged}/{name}"), bytes).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{body}");
    };
    let publish = async || {
        let body = serde_json::to_vec(&json!({"version": damaged})).unwrap();
        shop.operator(Method::POST, EDGE_INDEX_PUBLISH, body).await
    };
    let refused = (StatusCode::BAD_REQUEST, json!("index_incomplete"));
    put("manifest.json", serde_json::to_vec(&manifest).unwrap()).await;
    put("hotcache", file("hotcache")).await;
    let (status, body) = publish().await;
    assert_eq!((status, body["code"].clone()), refused, "the bundle is missing");
    put("bundle", file("bundle")[1..].to_vec()).await;
    let (status, body) = publish().await;
    assert_eq!((status, body["code"].clone()), refused, "the bundle is short");
    assert_eq!(total(&shop.search("q=mortar").await), 1);

    // As it was uploaded, but what is in it is not what the manifest says: only searching finds that out.
    let mut bundle = file("bundle");
    bundle.iter_mut().for_each(|byte| *byte ^= 0x55);
    put("bundle", bundle).await;
    manifest["hotcache_bytes"] = json!(0);
    manifest["hotcache_checksum"] = json!(0);
    put("hotcache", Vec::new()).await;
    put("manifest.json", serde_json::to_vec(&manifest).unwrap()).await;
    let (status, body) = publish().await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{body}");
    for _ in 0..5 {
        let answer = shop.search("q=mortar").await;
        assert_eq!(total(&answer), 1, "{answer}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let (_, index) = shop.operator(Method::GET, EDGE_INDEX, Vec::new()).await;
    assert_eq!(index["base"], damaged, "it is what the pointer names");
    let log = || std::fs::read_to_string(shop.stack.log(Part::Edge)).unwrap();
    assert_eq!(log().matches("is left alone").count(), 1, "said once, not once a search: {}", log());
    // And a cold isolate finds its way back too.
    shop.stack.kill(Part::Edge);
    tokio::task::block_in_place(|| shop.stack.start(Part::Edge)).unwrap();
    let answer = shop.search("q=mortar").await;
    assert_eq!(total(&answer), 1, "{answer}");

    // Nor does it matter when a bundle is lost after it was published.
    let bundle = format!("/internal/index/{damaged}/bundle");
    let (status, body) = shop.operator(Method::PUT, &bundle, Vec::new()).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{body}");
    shop.stack.kill(Part::Edge);
    tokio::task::block_in_place(|| shop.stack.start(Part::Edge)).unwrap();
    let answer = shop.search("q=mortar").await;
    assert_eq!(total(&answer), 1, "{answer}");
    let path = shop.stack.log(Part::Edge);
    let says = async || std::fs::read_to_string(&path).unwrap().contains(" has 0 bytes instead of ").then_some(());
    eventually("the log to say what is wrong", says).await;

    // The next good one takes over.
    shop.tool("index-builder", &["compile", "--shop", &shop.url]);
    shown(&shop, "the next index", "q=kettle", |answer| total(answer) == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn synonyms_take_effect_without_compiling_and_a_bad_list_changes_nothing() {
    let shop = start(&[Product { sku: "settee", price_minor: 100_000, stock: 9 }]).await;
    assert_eq!(total(&shop.search("q=chesterfield").await), 0);
    let put = async |text: &str| shop.operator(Method::PUT, EDGE_INDEX_SYNONYMS, text.as_bytes().to_vec()).await;
    let (status, body) = put("settee, chesterfield\n").await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let took = shown(&shop, "a synonym", "q=chesterfield", |answer| total(answer) == 1).await;
    assert!(took <= FRESH, "{took:?}");
    let (status, body) = put("# fine\n\nsettee =>\n").await;
    assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!("synonyms_invalid")), "{body}");
    assert!(body["detail"].as_str().unwrap().contains("line 3"), "{body}");
    // They outlive the next compile, and the next save.
    shop.save(&product("stool", "Stool of oak", 1_000, 5)).await;
    shown(&shop, "a save", "q=stool", |answer| total(answer) == 1).await;
    shop.tool("index-builder", &["compile", "--shop", &shop.url]);
    shown(&shop, "the compiled index", "q=chesterfield", |answer| total(answer) == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_counted_and_rounds_are_few() {
    let shop = start(&[Product { sku: "basin", price_minor: 100_000, stock: 9 }]).await;
    for _ in 0..4 {
        shop.search("q=basin").await;
        shop.search("q=samovar").await;
        shop.search("q=ada%40example.com").await;
    }
    let (status, index) = shop.operator(Method::GET, EDGE_INDEX, Vec::new()).await;
    assert_eq!(status, StatusCode::OK, "{index}");
    let isolate = &index["isolate"];
    assert!(isolate["rounds_max"].as_u64().unwrap() <= 3, "{index}");
    assert!(isolate["searches"].as_u64().unwrap() >= 12 && isolate["remembered"].as_u64().unwrap() > 0, "{index}");
    assert_eq!((&index["pending"], &index["needs_compile"]), (&json!(0), &json!(false)), "{index}");
    eventually("the questions to be written down", async || {
        tokio::time::sleep(Duration::from_secs(2)).await;
        shop.search("q=basin").await;
        let (_, report) = shop.operator(Method::GET, &format!("{EDGE_QUERIES}?days=1"), Vec::new()).await;
        let queries = |table: &str| -> Vec<String> {
            let rows = report[table].as_array().unwrap();
            rows.iter().map(|row| row["query"].as_str().unwrap().to_owned()).collect()
        };
        (queries("top").contains(&"basin".to_owned()) && queries("without_results") == ["samovar"]).then_some(())
    })
    .await;
}
