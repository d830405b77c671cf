//! Stock as sellers and operators move it: each movement once, nothing taken from under a buyer, everything in the history.
#![expect(clippy::unwrap_used, reason = "what goes wrong in a test should stop it, loudly")]

use std::sync::atomic::{AtomicU32, Ordering};

use domain::wire::EDGE_STOCK;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stack::Part;
use tests::{Product, Shop, eventually};
use uuid::Uuid;

fn movement(id: Uuid, reason: &str) -> Value {
    json!({"id": id, "actor": "Ada", "reason": reason})
}

async fn move_by_hand(shop: &Shop, command: &Value) -> (StatusCode, Value) {
    shop.operator(Method::POST, &format!("{EDGE_STOCK}pestle"), serde_json::to_vec(command).unwrap()).await
}

/// On hand, promised, sold.
fn counts(report: &Value) -> [u64; 3] {
    ["on_hand", "reserved", "committed"].map(|name| report["levels"][0][name].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_moved_by_hand_counts_once_and_stays_in_the_history() {
    let start = || Shop::start(&[Product { sku: "pestle", price_minor: 500_000, stock: 5 }]);
    let mut shop = tokio::task::spawn_blocking(start).await.unwrap();

    let id = Uuid::now_v7();
    let delivery = json!({
        "command": "receive", "movement": movement(id, ""), "lines": [{"sku": "pestle", "units": 4}],
    });
    for _ in 0..2 {
        let (status, report) = move_by_hand(&shop, &delivery).await;
        assert_eq!((status, counts(&report)), (StatusCode::OK, [9, 0, 0]), "{report}");
    }
    let other = json!({
        "command": "receive", "movement": movement(id, ""), "lines": [{"sku": "pestle", "units": 5}],
    });
    let (status, body) = move_by_hand(&shop, &other).await;
    assert_eq!((status, &body["code"]), (StatusCode::CONFLICT, &json!("movement_differs")), "{body}");
    shop.wait_for_available("pestle", 9).await;

    // Three are promised: only six can be written off.
    let order = shop.order("pestle", 3).await;
    let write_off = |units| json!({"command": "write_off", "movement": movement(Uuid::now_v7(), "fell"), "sku": "pestle", "units": units});
    let (status, body) = move_by_hand(&shop, &write_off(7)).await;
    assert_eq!((status, &body["code"]), (StatusCode::CONFLICT, &json!("stock_promised")), "{body}");
    let (status, report) = move_by_hand(&shop, &write_off(1)).await;
    assert_eq!((status, counts(&report)), (StatusCode::OK, [8, 3, 0]), "{report}");

    shop.gateway(&order, json!({"action": "pay"})).await;
    shop.wait_for_status(&order, "paid").await;
    // The order is paid before its stock object hears of it.
    let sold = eventually("the three to be sold", async || {
        let (_, report) = shop.operator(Method::GET, &format!("{EDGE_STOCK}pestle"), Vec::new()).await;
        let last = report["history"][0].clone();
        (last["cause"] == "sold").then_some(last)
    })
    .await;
    assert_eq!(sold["change"], json!(-3), "{sold}");
    let checkout_id = sold["reference"].as_str().unwrap();
    let take_back = |units| {
        json!({
            "command": "take_back", "movement": movement(Uuid::now_v7(), "did not fit"), "checkout_id": checkout_id,
            "lines": [{"sku": "pestle", "quantity": units}],
        })
    };
    let (status, report) = move_by_hand(&shop, &take_back(2)).await;
    assert_eq!((status, counts(&report)), (StatusCode::OK, [7, 0, 1]), "{report}");
    let (status, body) = move_by_hand(&shop, &take_back(2)).await;
    assert_eq!((status, &body["code"]), (StatusCode::CONFLICT, &json!("not_bought")), "{body}");

    // What is wrong is refused, and changes nothing.
    for wrong in [
        json!({"command": "receive", "movement": movement(Uuid::now_v7(), ""), "lines": [{"sku": "pestle", "units": -1}]}),
        json!({"command": "receive", "movement": movement(Uuid::now_v7(), ""), "lines": [{"sku": "pestle", "units": 0.5}]}),
        json!({"command": "adjust", "movement": movement(Uuid::now_v7(), "x"), "sku": "pestle", "by": 2_000_000_000}),
        json!({"command": "adjust", "movement": movement(Uuid::now_v7(), ""), "sku": "pestle", "by": 1}),
        json!({"command": "expire"}),
    ] {
        let (status, body) = move_by_hand(&shop, &wrong).await;
        assert!(status.is_client_error(), "{wrong}: {status} {body}");
    }

    // An object that wakes anew knows all of it.
    shop.stack.kill(Part::Edge);
    tokio::task::block_in_place(|| shop.stack.start(Part::Edge)).unwrap();
    let (status, report) = shop.operator(Method::GET, &format!("{EDGE_STOCK}pestle"), Vec::new()).await;
    assert_eq!((status, counts(&report)), (StatusCode::OK, [7, 0, 1]), "{report}");
    let told: Vec<_> = report["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| format!("{} {} {}", line["cause"].as_str().unwrap(), line["change"], line["on_hand"]))
        .collect();
    assert_eq!(told, ["taken_back 2 7", "sold -3 5", "written_off -1 8", "received 4 9", "opened 5 5"]);
    let (status, report) = move_by_hand(&shop, &delivery).await;
    assert_eq!((status, counts(&report)), (StatusCode::OK, [7, 0, 1]), "an old delivery comes again: {report}");

    // The tool moves goods too, up and down, and says the same in words.
    for change in ["2", "-2"] {
        let moved =
            shop.try_tool("stock", &["pestle", "--shop", &shop.url, "--reason", "miscounted", "adjust", change]);
        assert!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stderr));
    }
    let told = shop.try_tool("stock", &["pestle", "--shop", &shop.url]);
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("taken back") && told.contains("did not fit"), "{told}");
    // What it takes to take something back stands there.
    let sold = told.lines().find(|line| line.contains(" sold ")).unwrap();
    assert!(sold.contains(checkout_id), "{told}");
    let args = ["pestle", "--shop", &shop.url, "--reason", "one more", "take-back", checkout_id, "1"];
    let taken = shop.try_tool("stock", &args);
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_s_stock_counts_until_something_is_sold() {
    let product = |stock| [Product { sku: "mallet", price_minor: 500_000, stock }];
    let shop = tokio::task::spawn_blocking(move || Shop::start(&product(5))).await.unwrap();
    let import = |stock| tokio::task::block_in_place(|| shop.import(&product(stock)));
    // Nobody has looked: no object is woken by this.
    import(7);
    assert_eq!(shop.available("mallet").await, 7);
    // Somebody asks its object, which takes seven.
    let (_, report) = shop.operator(Method::GET, &format!("{EDGE_STOCK}mallet"), Vec::new()).await;
    assert_eq!(counts(&report), [7, 0, 0], "{report}");
    import(3);
    shop.wait_for_available("mallet", 3).await;
    let order = shop.order("mallet", 1).await;
    import(9);
    shop.wait_for_available("mallet", 2).await;
    shop.gateway(&order, json!({"action": "pay"})).await;
    shop.wait_for_status(&order, "paid").await;
    // An order is paid before its stock object hears of it.
    eventually("the sale to be counted", async || {
        let (_, report) = shop.operator(Method::GET, &format!("{EDGE_STOCK}mallet"), Vec::new()).await;
        (counts(&report) == [2, 0, 1]).then_some(())
    })
    .await;
    // From now on the shop counts, whatever a file says. D1 may hear of it a moment later, and the same file again is no news.
    let in_file = AtomicU32::new(11);
    let told = eventually("the import to say that it left the stock alone", async || {
        let stock = in_file.fetch_add(1, Ordering::Relaxed);
        let batch =
            json!({"products": [tests::product("mallet", "mallet of the finest kind", 500_000, stock)], "bulk": false});
        let body = serde_json::to_vec(&batch).unwrap();
        let (_, report) = shop.operator(Method::POST, domain::wire::EDGE_IMPORT_PRODUCTS, body).await;
        (report["stock_kept"] == json!(1)).then_some(report)
    })
    .await;
    assert_eq!(told["restocked"], json!(0), "{told}");
    assert_eq!(shop.available("mallet").await, 2);
}
