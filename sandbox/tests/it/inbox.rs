//! Mail and text messages that the shop sends end here, and can do no harm.

use serde_json::{Value, json};

use crate::harness::World;

#[tokio::test]
async fn what_the_shop_sends_is_caught_and_shown_newest_first() {
    let world = World::new().await;
    assert!(world.get("/inbox").await.text().await.unwrap().contains("Nothing yet"));
    let mail = json!({
        "from": "shop@example.com", "to": "ada@example.com", "subject": "Your <order>",
        "text": "Follow http://shop.test/orders/7", "html": "<h1>Thanks</h1><script>alert(1)</script>",
    });
    assert_eq!(world.post("/mail", &mail).await.status(), 201);
    assert_eq!(world.post("/sms", &json!({"to": "+2348000000000", "text": "Your order left"})).await.status(), 201);

    let list: Value = world.get("/control/inbox").await.json().await.unwrap();
    assert_eq!(list["total"], 2);
    assert_eq!(
        (list["messages"][0]["kind"].as_str(), list["messages"][1]["kind"].as_str()),
        (Some("sms"), Some("mail"))
    );
    assert_eq!(list["messages"][1]["html"], mail["html"]);

    let html = world.get("/inbox").await.text().await.unwrap();
    assert!(html.find("Your order left").unwrap() < html.find("Your &lt;order&gt;").unwrap());
    let html = world.get("/inbox/1").await.text().await.unwrap();
    assert!(html.contains("href=\"http://shop.test/orders/7\""));
    assert!(html.contains("<iframe") && html.contains("sandbox=\"allow-popups") && !html.contains("<script"));
    let framed = world.get("/inbox/1/html").await;
    let policy = framed.headers()["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("sandbox ") && !policy.contains("allow-scripts") && policy.contains("default-src 'none'")
    );
    assert_eq!(world.get("/inbox/2/html").await.status(), 404, "a text message has no HTML");
}

#[tokio::test]
async fn messages_that_are_none_are_refused() {
    let world = World::new().await;
    for (path, body, status, code) in [
        ("/mail", json!({"from": "a@x", "to": "b@x"}), 400, "invalid_body"),
        ("/mail", json!({"from": "a@x", "to": "b@x\r\nBcc: c@x", "subject": "s", "text": "t"}), 400, "invalid_message"),
        ("/mail", json!({"from": "a@x", "to": "b@x", "subject": " ", "text": "t"}), 400, "invalid_message"),
        ("/sms", json!({"to": "", "text": "t"}), 400, "invalid_message"),
        ("/sms", json!({"to": "1", "text": ""}), 400, "invalid_message"),
        ("/sms", json!({"to": "1", "text": "x".repeat(2_000_000)}), 413, "unreadable_body"),
    ] {
        let response = world.post(path, &body).await;
        assert_eq!(response.status(), status);
        assert_eq!(response.json::<Value>().await.unwrap()["code"], code);
    }
    let list: Value = world.get("/control/inbox").await.json().await.unwrap();
    assert_eq!(list["total"], 0);
}
