//! What people see: the payment page and its way back, the list, the knobs as a form.

use serde_json::json;

use crate::harness::World;

#[tokio::test]
async fn a_payer_pays_and_comes_back_to_the_shop() {
    let world = World::new().await;
    let page = world.begin("ref-1").await;
    let response = world.get(&page).await;
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let html = response.text().await.unwrap();
    for part in ["<title>Pay ₦5,000 to Ada &amp; Sons", "ada@example.com", "value=\"decline\"", "no real money"] {
        assert!(html.contains(part), "{part} is missing in {html}");
    }
    assert!(!html.contains("<script"));

    let response = world.submit(&page, &[("action", "pay")]).await;
    assert_eq!(response.status(), 303);
    let back = "http://shop.test/back?order=7&trxref=ref-1&reference=ref-1";
    assert_eq!(response.headers()["location"], back);
    assert_eq!(world.shop.wait_for(1).await[0].event, "charge.success");

    let html = world.get(&page).await.text().await.unwrap();
    assert!(html.contains("This payment is complete") && html.contains("Back to Ada &amp; Sons"));
    assert!(!html.contains("<button"), "what is paid cannot be paid again");
    let again = world.submit(&page, &[("action", "decline")]).await;
    assert_eq!((again.status().as_u16(), again.headers()["location"].to_str().unwrap()), (303, back));
    assert_eq!(world.verify("ref-1").await["status"], "success");
    assert_eq!(world.shop.received().len(), 1);
}

#[tokio::test]
async fn a_payer_who_was_declined_or_left_may_still_pay() {
    let world = World::new().await;
    let page = world.begin("ref-1").await;
    for (action, status) in [("decline", "failed"), ("abandon", "abandoned"), ("pay", "success")] {
        assert_eq!(world.submit(&page, &[("action", action)]).await.status(), 303);
        assert_eq!(world.belief("ref-1").await["status"], status);
    }
    let events: Vec<_> = world.shop.wait_for(2).await.into_iter().map(|notice| notice.event).collect();
    assert_eq!(events, ["charge.failed", "charge.success"]);
}

#[tokio::test]
async fn a_payment_without_a_way_back_ends_on_its_own_page() {
    let world = World::new().await;
    let body = json!({"email": "ada@example.com", "amount": 100, "reference": "ref-1"});
    let (_, answer) = world.paystack("/transaction/initialize", Some(&body)).await;
    let page = format!("/pay/{}", answer["data"]["access_code"].as_str().unwrap());
    let response = world.submit(&page, &[("action", "pay")]).await;
    assert_eq!((response.status().as_u16(), response.headers()["location"].to_str().unwrap()), (303, page.as_str()));
}

#[tokio::test]
async fn a_page_from_before_there_were_other_gateways_is_where_it_was() {
    let world = World::new().await;
    let page = world.begin("ref-1").await;
    let older = page.replace("/pay/", "/paystack/pay/");
    assert_eq!(world.get(&older).await.text().await.unwrap(), world.get(&page).await.text().await.unwrap());
    assert_eq!(world.submit(&older, &[("action", "pay")]).await.status(), 303);
    assert_eq!(world.belief("ref-1").await["status"], "success");
}

#[tokio::test]
async fn wrong_addresses_and_forms_get_a_clear_page() {
    let world = World::new().await;
    let page = world.begin("ref-1").await;
    for (response, status) in [
        (world.get("/pay/nonsense").await, 404),
        (world.get("/paystack/pay/nonsense").await, 404),
        (world.submit("/paystack/pay/nonsense", &[("action", "pay")]).await, 404),
        (world.submit(&page, &[("action", "steal")]).await, 400),
        (world.submit(&page, &[("action", "dispute")]).await, 400),
        (world.submit(&page, &[]).await, 400),
        (world.get("/payments/nonsense").await, 404),
        (world.get("/inbox/99").await, 404),
    ] {
        assert_eq!(response.status(), status);
        assert!(response.text().await.unwrap().contains("<h1>"));
    }
    let missing = world.get("/nowhere").await;
    assert_eq!(missing.headers()["content-type"], "application/problem+json");
    let wrong_method = world.post("/healthz", &json!({})).await;
    assert_eq!(wrong_method.status(), 405);
    assert_eq!(wrong_method.json::<serde_json::Value>().await.unwrap()["code"], "method_not_allowed");
    assert_eq!(world.belief("ref-1").await["status"], "pending");
}

#[tokio::test]
async fn the_knobs_are_also_a_form() {
    let world = World::new().await;
    assert!(world.get("/payments").await.text().await.unwrap().contains("None yet"));
    world.begin("ref-1").await;
    assert!(world.get("/payments").await.text().await.unwrap().contains("href=\"/payments/ref-1\""));
    let knobs = |amount, copies| {
        [("amount", amount), ("currency", "USD"), ("copies", copies), ("delay_ms", "0"), ("action", "pay")]
    };
    for (amount, copies) in [("ten", "1"), ("10", "many"), ("10", "1000")] {
        assert_eq!(world.submit("/payments/ref-1", &knobs(amount, copies)).await.status(), 400);
    }
    let response = world.submit("/payments/ref-1", &knobs("499999", "2")).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["location"]),
        (303, &"/payments/ref-1".parse().unwrap())
    );
    assert_eq!(world.shop.wait_for(2).await.len(), 2);
    let html = world.get("/payments/ref-1").await.text().await.unwrap();
    assert!(html.contains("$4,999.99") && html.contains("charge.success"));

    let drive = |action: &'static str, refunds: &'static str| {
        let world = &world;
        async move {
            let form = [
                ("amount", ""),
                ("currency", ""),
                ("copies", "1"),
                ("delay_ms", "0"),
                ("refunds", refunds),
                ("action", action),
            ];
            world.submit("/payments/ref-1", &form).await.status().as_u16()
        }
    };
    assert_eq!((drive("dispute", "stall").await, drive("lost", "stall").await), (303, 303));
    assert_eq!(drive("refunds", "nonsense").await, 400);
    let html = world.get("/payments/ref-1").await.text().await.unwrap();
    assert!(html.contains(", lost") && html.contains("<option selected>stall"), "{html}");
}

#[tokio::test]
async fn the_start_page_leads_everywhere_and_health_is_plain() {
    let world = World::new().await;
    let response = world.get("/").await;
    assert!(response.headers().contains_key("x-request-id"));
    let html = response.text().await.unwrap();
    assert!(html.contains("href=\"/payments\"") && html.contains("href=\"/inbox\""));
    for base in ["/paystack", "/flutterwave/v3", "/flutterwave/v4", "/monnify", "/stripe"] {
        assert!(html.contains(&format!("{}{base}<", world.url)), "{base} is missing in {html}");
    }
    assert!(!html.contains(crate::harness::SECRET));
    assert_eq!(world.get("/healthz").await.status(), 200);
    let style = world.get("/style.css").await;
    assert_eq!(style.headers()["content-type"], "text/css; charset=utf-8");
}
