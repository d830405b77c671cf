//! Live stock over sockets: who hears what, who is refused, and what a crash leaves behind.
#![expect(clippy::unwrap_used, reason = "what goes wrong in a test should stop it, loudly")]

use std::time::Duration;

use domain::wire::EDGE_STOCK;
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stack::Part;
use tests::{PATIENCE, Product, Shop};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn start() -> Shop {
    let products = [Product { sku: "pestle", price_minor: 500_000, stock: 5 }];
    tokio::task::spawn_blocking(move || Shop::start(&products)).await.unwrap()
}

async fn connect(shop: &Shop, origin: Option<&str>) -> Result<Socket, Error> {
    let slug = shop.slug("pestle").await;
    let mut request = format!("{}/p/{slug}/live", shop.url.replacen("http", "ws", 1)).into_client_request()?;
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    connect_async(request).await.map(|(socket, _)| socket)
}

/// The next message: its version, and how many there are.
async fn hear(socket: &mut Socket) -> (u64, u64) {
    loop {
        let message = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
        if let Message::Text(text) = message {
            let told: Value = serde_json::from_str(&text).unwrap();
            return (told["version"].as_u64().unwrap(), told["levels"][0]["available"].as_u64().unwrap());
        }
    }
}

/// Reads until so many are told of; versions must rise on the way.
async fn hear_of(socket: &mut Socket, units: u64) -> u64 {
    let mut before = 0;
    loop {
        let (version, available) = hear(socket).await;
        assert!(version >= before, "{version} after {before}");
        before = version;
        if available == units {
            return version;
        }
    }
}

async fn write_off(shop: &Shop) {
    let movement = json!({"id": Uuid::now_v7(), "actor": "Ada", "reason": "fell"});
    let command = json!({"command": "write_off", "movement": movement, "sku": "pestle", "units": 1});
    let (status, report) =
        shop.operator(Method::POST, &format!("{EDGE_STOCK}pestle"), serde_json::to_vec(&command).unwrap()).await;
    assert_eq!(status, StatusCode::OK, "{report}");
}

async fn viewers(shop: &Shop) -> u64 {
    let (_, report) = shop.operator(Method::GET, &format!("{EDGE_STOCK}pestle"), Vec::new()).await;
    report["viewers"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn open_pages_hear_of_an_import_that_brings_another_stock() {
    let shop = start().await;
    let mut socket = connect(&shop, Some(&shop.url)).await.unwrap();
    assert_eq!(hear(&mut socket).await.1, 5);
    tokio::task::block_in_place(|| shop.import(&[Product { sku: "pestle", price_minor: 500_000, stock: 3 }]));
    hear_of(&mut socket, 3).await;
    shop.wait_for_available("pestle", 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_who_looks_hears_of_every_change_and_no_one_is_told_twice() {
    let shop = start().await;
    let mut first = connect(&shop, Some(&shop.url)).await.unwrap();
    let mut second = connect(&shop, None).await.unwrap();
    let (version, available) = hear(&mut first).await;
    assert_eq!((hear(&mut second).await, available), ((version, 5), 5));
    assert_eq!(viewers(&shop).await, 2);

    // A checkout holds one, and gives it back by being paid: that changes nothing for whoever looks.
    let order = shop.order("pestle", 1).await;
    for socket in [&mut first, &mut second] {
        assert!(hear_of(socket, 4).await > version);
    }
    shop.gateway(&order, json!({"action": "pay"})).await;
    shop.wait_for_status(&order, "paid").await;
    write_off(&shop).await;
    // The first sale is news for D1, which has to know that the shop counts from now on: viewers may hear the same number once more.
    assert!(hear_of(&mut first, 3).await > version);

    // Who comes later hears at once how things are; whoever is gone is not counted.
    let mut late = connect(&shop, None).await.unwrap();
    assert_eq!(hear(&mut late).await.1, 3);
    drop((first, second, late));
    tests::eventually("nobody", async || (viewers(&shop).await == 0).then_some(())).await;
    // A relay that was forgotten follows again.
    write_off(&shop).await;
    let mut again = connect(&shop, None).await.unwrap();
    assert_eq!(hear(&mut again).await.1, 2);
    write_off(&shop).await;
    hear_of(&mut again, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_of_other_sites_are_refused_and_so_is_whoever_speaks() {
    let shop = start().await;
    let Err(Error::Http(refused)) = connect(&shop, Some("https://evil.example")).await else {
        unreachable!("a foreign page has a socket")
    };
    assert_eq!(refused.status().as_u16(), 403);
    let slug = shop.slug("pestle").await;
    assert_eq!(shop.page(&format!("/p/{slug}/live")).await.status(), StatusCode::UPGRADE_REQUIRED);
    assert_eq!(shop.page("/p/nowhere/live").await.status(), StatusCode::UPGRADE_REQUIRED);

    let mut polite = connect(&shop, None).await.unwrap();
    let mut loud = connect(&shop, None).await.unwrap();
    hear(&mut polite).await;
    hear(&mut loud).await;
    polite.send(Message::text("ping")).await.unwrap();
    let pong = tokio::time::timeout(PATIENCE, polite.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(pong, Message::text("pong"));
    loud.send(Message::text("{\"levels\":[]}")).await.unwrap();
    let closed = tokio::time::timeout(PATIENCE, loud.next()).await.unwrap().unwrap().unwrap();
    let Message::Close(Some(frame)) = closed else { unreachable!("{closed:?}") };
    assert_eq!(frame.code, CloseCode::Policy);
    write_off(&shop).await;
    hear_of(&mut polite, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_was_told_before_a_crash_is_told_after_it() {
    let mut shop = start().await;
    let mut socket = connect(&shop, None).await.unwrap();
    assert_eq!(hear(&mut socket).await.1, 5);
    // The answer is out; whether the relay or D1 heard of it, the crash decides.
    write_off(&shop).await;
    shop.stack.kill(Part::Edge);
    let ended = tokio::time::timeout(PATIENCE, async { while let Some(Ok(_)) = socket.next().await {} }).await;
    assert!(ended.is_ok(), "the socket survived its server");
    tokio::task::block_in_place(|| shop.stack.start(Part::Edge)).unwrap();
    let mut again = connect(&shop, None).await.unwrap();
    hear_of(&mut again, 4).await;
    shop.wait_for_available("pestle", 4).await;
    write_off(&shop).await;
    tokio::time::timeout(Duration::from_secs(5), hear_of(&mut again, 3)).await.unwrap();
}
