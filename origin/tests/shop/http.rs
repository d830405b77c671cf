//! What every request meets: signatures, limits, and errors that a program can read.

use domain::signature::{Audience, SignatureHeaders, SignedParts};
use domain::time::Millis;
use domain::wire::{ORIGIN_ORDER, ORIGIN_PLACE_ORDER, ORIGIN_VERIFY, Problem};
use uuid::Uuid;

use crate::world::{Answer, World};

fn parts(body: &[u8]) -> SignedParts<'_> {
    SignedParts { audience: Audience::Origin, method: "POST", path_and_query: ORIGIN_PLACE_ORDER, body }
}

#[tokio::test]
async fn a_signed_request_counts_once() {
    let world = World::new().await;
    let body = serde_json::to_vec(&world.checkout()).unwrap();
    let signature = world.sign(parts(&body), "nonce-000001");
    let send = || Answer::of(world.carrying(&signature, "POST", ORIGIN_PLACE_ORDER, body.clone()));
    assert_eq!(send().await.status, 201);
    let again = send().await;
    assert_eq!((again.status, again.problem().as_str()), (401, "replayed"));
    // Signatures lapse, and then their nonces need not be remembered any more.
    world.clock.advance(Millis::minutes(6));
    assert_eq!(send().await.problem(), "bad_signature");
    world.placed().await;
    assert_eq!(world.count("SELECT count(*) AS n FROM seen_nonce WHERE nonce = 'nonce-000001'").await, 0);
}

#[tokio::test]
async fn what_the_edge_did_not_sign_is_refused_and_changes_nothing() {
    let world = World::new().await;
    let body = serde_json::to_vec(&world.checkout()).unwrap();
    let good = world.sign(parts(&body), "nonce-000001");
    let for_the_edge = world.sign(SignedParts { audience: Audience::Edge, ..parts(&body) }, "nonce-000002");
    let another_body = world.sign(parts(b"{}"), "nonce-000003");
    let unknown_key = SignatureHeaders { key_id: "other".to_owned(), ..good.clone() };
    let another_nonce = SignatureHeaders { nonce: "nonce-000004".to_owned(), ..good };
    for bad in [for_the_edge, another_body, unknown_key, another_nonce] {
        let answer = Answer::of(world.carrying(&bad, "POST", ORIGIN_PLACE_ORDER, body.clone())).await;
        assert_eq!((answer.status, answer.problem().as_str()), (401, "bad_signature"), "{bad:?}");
    }
    for path in [ORIGIN_PLACE_ORDER.to_owned(), format!("{ORIGIN_VERIFY}{}", Uuid::now_v7())] {
        let answer = Answer::of(world.client.post(world.url(&path)).body(body.clone())).await;
        assert_eq!((answer.status, answer.problem().as_str()), (401, "bad_signature"));
    }
    let answer = Answer::of(world.client.get(world.url(&format!("{ORIGIN_ORDER}{}", Uuid::now_v7())))).await;
    assert_eq!(answer.status, 401);
    assert_eq!(world.count("SELECT count(*) AS n FROM orders").await, 0);
    assert_eq!(world.count("SELECT count(*) AS n FROM seen_nonce").await, 0);
}

#[tokio::test]
async fn every_error_is_a_problem_with_a_stable_code() {
    let world = World::new().await;
    let signed = |method, path, body: &[u8]| Answer::of(world.signed(method, path, body.to_vec()));
    let plain = |method: reqwest::Method, path| Answer::of(world.client.request(method, world.url(path)));
    let unknown = Uuid::now_v7();
    let large = vec![b' '; 256 * 1024 + 1];
    let text = [(reqwest::header::CONTENT_TYPE, reqwest::header::HeaderValue::from_static("text/plain"))];
    let untyped = world.signed("POST", ORIGIN_PLACE_ORDER, b"{}".to_vec()).headers(text.into_iter().collect());
    let rows = [
        (Answer::of(untyped).await, 415, "unsupported_media_type"),
        (signed("POST", ORIGIN_PLACE_ORDER, b"{").await, 400, "invalid_json"),
        (signed("POST", ORIGIN_PLACE_ORDER, b"{}").await, 422, "invalid_body"),
        (signed("POST", ORIGIN_PLACE_ORDER, &large).await, 413, "body_too_large"),
        (signed("GET", &format!("{ORIGIN_ORDER}{unknown}"), b"").await, 404, "order_not_found"),
        (signed("GET", &format!("{ORIGIN_ORDER}nonsense"), b"").await, 404, "order_not_found"),
        (signed("POST", &format!("{ORIGIN_VERIFY}{unknown}"), b"").await, 404, "order_not_found"),
        (plain(reqwest::Method::GET, "/nowhere").await, 404, "not_found"),
        (plain(reqwest::Method::DELETE, "/healthz").await, 405, "method_not_allowed"),
        (plain(reqwest::Method::GET, ORIGIN_PLACE_ORDER).await, 405, "method_not_allowed"),
        (plain(reqwest::Method::POST, "/webhooks/elsewhere").await, 404, "gateway_not_found"),
        (plain(reqwest::Method::POST, "/webhooks/paystack").await, 401, "bad_signature"),
    ];
    for (answer, status, code) in rows {
        assert_eq!((answer.status, answer.problem().as_str()), (status, code));
    }
    let unreadable = r#"{"event": 1}"#.to_owned();
    let signature = domain::signature::paystack::sign(crate::gateway::SECRET, unreadable.as_bytes());
    assert_eq!(world.raw_webhook(unreadable, &signature).await.problem(), "unreadable_event");
}

#[tokio::test]
async fn a_request_keeps_its_id_on_its_whole_way() {
    let world = World::new().await;
    let order = world.checkout();
    let body = serde_json::to_vec(&order).unwrap();
    let answer = Answer::of(world.signed("POST", ORIGIN_PLACE_ORDER, body).header("x-request-id", "shopper-1")).await;
    assert_eq!((answer.status, answer.headers["x-request-id"].to_str().unwrap()), (201, "shopper-1"));
    assert_eq!(world.count("SELECT count(*) AS n FROM outbox WHERE request_id = 'shopper-1'").await, 1);
    let answer = Answer::of(world.client.get(world.url("/nowhere")).header("x-request-id", "bad id")).await;
    let id = answer.json::<Problem>().request_id;
    assert_ne!(id, "bad id", "an id that could break a log line is replaced");
}

#[tokio::test]
async fn health_tells_what_waits_for_the_edge() {
    let mut world = World::without_reconciliation().await;
    let healthy = Answer::of(world.client.get(world.url("/healthz"))).await;
    assert_eq!(healthy.status, 200);
    let health: serde_json::Value = healthy.json();
    assert_eq!(health, serde_json::json!({"status": "ok", "outbox": {"waiting": 0, "stuck": 0}}));
    world.stop().await;
    world.start().await;
    assert_eq!(Answer::of(world.client.get(world.url("/healthz"))).await.status, 200, "it starts again");
}
