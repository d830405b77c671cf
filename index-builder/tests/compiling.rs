//! A whole compilation against a shop that pages its catalogue, verifies signatures, and fails now and then.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::ids::{ProductId, Sku};
use domain::money::{Currency, Money};
use domain::signature::{Audience, Keyring, SignatureHeaders, SignedParts};
use domain::time::Timestamp;
use domain::wire::{
    CataloguePage, CatalogueProduct, EDGE_CATALOGUE, EDGE_INDEX_FILES, EDGE_INDEX_PUBLISH, ImportProduct,
    ImportVariant, ProductStatus, PublishIndex,
};
use importer::shop::{Patience, Shop};
use index_builder::{catalogue, publish};
use search::compile::MEMORY_BUDGET_DEFAULT_BYTES;
use uuid::Uuid;

const KEYS: &str = "test:0123456789abcdef0123456789abcdef";

#[derive(Default)]
struct Held {
    products: Vec<CatalogueProduct>,
    files: BTreeMap<String, usize>,
    published: Option<String>,
    /// Every so many requests one is answered 502.
    fails_every: usize,
    requests: usize,
    circles: bool,
}

fn product(number: u128) -> CatalogueProduct {
    let sku = Sku::new(&format!("S{number}")).unwrap();
    let variant = ImportVariant { sku: sku.clone(), options: vec![], price_minor: 500, stock: 2, picture: None };
    let product = ImportProduct {
        sku,
        title: format!("Lamp number {number}"),
        description: "Warm light.".to_owned(),
        brand: None,
        category: vec!["Home".to_owned()],
        price: Money::new(500, Currency::Ngn),
        attributes: vec![],
        pictures: vec![],
        codes: vec![],
        seller: "Kasuwa".to_owned(),
        variants: vec![variant],
        status: ProductStatus::Active,
        rating: None,
        sold: 0,
        weight_grams: 0,
    };
    let id = ProductId(Uuid::from_u128(number));
    CatalogueProduct { id, slug: format!("lamp-{number}"), created_at: Timestamp(1), available: 2, product }
}

async fn answer(State(held): State<Arc<Mutex<Held>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 64 * 1024 * 1024).await.unwrap();
    let path_and_query = parts.uri.path_and_query().unwrap().as_str().to_owned();
    let header = |name: &'static str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let now = Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64);
    let signed = SignedParts {
        audience: Audience::Edge,
        method: parts.method.as_str(),
        path_and_query: &path_and_query,
        body: &body,
    };
    let keys: Keyring = KEYS.parse().unwrap();
    let Ok(()) = SignatureHeaders::read(header).and_then(|headers| keys.verify(signed, &headers, now)) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let mut held = held.lock().unwrap();
    held.requests += 1;
    if held.fails_every > 0 && held.requests.is_multiple_of(held.fails_every) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let path = parts.uri.path();
    if path == EDGE_CATALOGUE {
        let query = parts.uri.query().unwrap();
        let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let after: Option<ProductId> = value("after").map(|id| id.parse().unwrap());
        let limit: usize = value("limit").unwrap().parse().unwrap();
        let rest = held.products.iter().filter(|product| after.is_none_or(|after| product.id > after));
        let products: Vec<_> = rest.take(limit).cloned().collect();
        let last = products.last().map(|product| product.id);
        let more = held.products.last().map(|product| product.id) != last;
        let next = if held.circles { held.products.first().map(|product| product.id) } else { last.filter(|_| more) };
        return serde_json::to_vec(&CataloguePage { products, next, change_seq: held.requests as u64 })
            .unwrap()
            .into_response();
    }
    if path == EDGE_INDEX_PUBLISH {
        let PublishIndex { version } = serde_json::from_slice(&body).unwrap();
        held.published = Some(version);
    } else if let Some(file) = path.strip_prefix(EDGE_INDEX_FILES) {
        assert_eq!(held.published, None, "the pointer is flipped last");
        held.files.insert(file.to_owned(), body.len());
    } else {
        return StatusCode::NOT_FOUND.into_response();
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn shop(held: Held) -> (Shop, Arc<Mutex<Held>>) {
    let held = Arc::new(Mutex::new(held));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(Arc::clone(&held));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let patience = Patience { attempts: 3, first_delay: Duration::from_millis(1), delay_max: Duration::from_millis(1) };
    (Shop::new(&address, KEYS.parse().unwrap()).unwrap().with_patience(patience), held)
}

async fn compile(held: Held) -> (usize, Arc<Mutex<Held>>) {
    let (shop, held) = shop(held).await;
    let catalogue::Catalogue { documents, change_seq } = catalogue::read(&shop, drop).await.unwrap();
    assert!(change_seq <= 2, "the first page's: what changed later may be missing");
    let count = documents.len();
    let artefact = search::compile_as_of(documents.into_iter(), change_seq, MEMORY_BUDGET_DEFAULT_BYTES).unwrap();
    publish::publish(&shop, artefact).await.unwrap();
    (count, held)
}

#[tokio::test]
async fn every_page_of_the_catalogue_is_indexed_though_some_requests_fail() {
    let (count, held) =
        compile(Held { products: (1..=1_203).map(product).collect(), fails_every: 3, ..Held::default() }).await;
    assert_eq!(count, 1_203);
    let held = held.lock().unwrap();
    let version = held.published.clone().unwrap();
    let files: Vec<&str> = held.files.keys().filter_map(|file| file.strip_prefix(&format!("{version}/"))).collect();
    assert_eq!(files, ["bundle", "hotcache", "manifest.json"]);
    assert!(held.files.values().all(|bytes| *bytes > 0));
}

#[tokio::test]
async fn an_empty_shop_gets_an_empty_index() {
    let (count, held) = compile(Held::default()).await;
    assert_eq!(count, 0);
    assert!(held.lock().unwrap().published.is_some());
}

#[tokio::test]
async fn the_same_catalogue_gives_the_same_version() {
    let catalogue = || Held { products: (1..=50).map(product).collect(), ..Held::default() };
    let ((_, one), (_, other)) = (compile(catalogue()).await, compile(catalogue()).await);
    assert_eq!(one.lock().unwrap().published, other.lock().unwrap().published);
}

#[tokio::test]
async fn pages_that_lead_in_a_circle_are_not_followed_for_ever() {
    let (shop, _) = shop(Held { products: (1..=5).map(product).collect(), circles: true, ..Held::default() }).await;
    assert!(catalogue::read(&shop, drop).await.unwrap_err().to_string().contains("do not end"));
}
