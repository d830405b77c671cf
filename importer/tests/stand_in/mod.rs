//! A shop that keeps everything in memory: the routes that operators' tools use, with signatures verified for real, and knobs for
//! faults. It stands in for the Worker in this crate's tests, and nowhere else.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::ids::ProductId;
use domain::signature::{Audience, Keyring, SignatureHeaders, SignedParts};
use domain::time::Timestamp;
use domain::wire::{
    CataloguePage, CatalogueProduct, EDGE_CATALOGUE, EDGE_IMPORT_FINISH, EDGE_IMPORT_PRODUCTS, EDGE_INDEX,
    EDGE_INDEX_FILES, EDGE_INDEX_PUBLISH, EDGE_PICTURES, EDGE_PICTURES_MISSING, IMPORT_BATCH_MAX, ImportBatch,
    ImportProduct, ImportRejection, ImportReport, IndexStatus, MissingPictures, PictureKeys, Problem,
};
use serde::Serialize;

/// Keys that the stand-in and its callers share.
pub(crate) const KEYS: &str = "test:0123456789abcdef0123456789abcdef";

/// What the shop holds and what it is to do wrong.
#[derive(Default)]
pub(crate) struct Held {
    pub products: BTreeMap<String, ImportProduct>,
    pub pictures: BTreeMap<String, Vec<u8>>,
    pub batches: u32,
    pub finished: u32,
    pub published: u32,
    pub refused_signatures: u32,
    nonces: HashSet<String>,
    /// Answers 503 to so many requests, first.
    pub busy_for: u32,
    /// Answers 400 to the batch with this number (from 1), and to all that follow.
    pub broken_from_batch: Option<u32>,
    /// Refuses products with this SKU.
    pub rejects: Option<String>,
}

/// The running stand-in.
#[derive(Clone)]
pub(crate) struct StandIn {
    pub address: String,
    pub held: Arc<Mutex<Held>>,
}

impl StandIn {
    /// Starts one at `address`.
    pub(crate) async fn start(address: SocketAddr) -> Self {
        let held = Arc::new(Mutex::new(Held::default()));
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&held));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, held }
    }
}

fn json(value: &impl Serialize) -> Response {
    ([("content-type", "application/json")], serde_json::to_vec(value).unwrap()).into_response()
}

fn problem(status: u16, code: &str) -> Response {
    let problem = Problem::new(status, code, code, format!("the stand-in says {code}"), "none");
    let body = serde_json::to_vec(&problem).unwrap();
    (StatusCode::from_u16(status).unwrap(), [("content-type", Problem::MEDIA_TYPE)], body).into_response()
}

async fn answer(State(held): State<Arc<Mutex<Held>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 64 * 1024 * 1024).await.unwrap();
    let path_and_query = parts.uri.path_and_query().unwrap().as_str().to_owned();
    let mut held = held.lock().unwrap();
    if held.busy_for > 0 {
        held.busy_for -= 1;
        return problem(503, "busy");
    }
    let header = |name: &'static str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let now = Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64);
    let signed = SignedParts {
        audience: Audience::Edge,
        method: parts.method.as_str(),
        path_and_query: &path_and_query,
        body: &body,
    };
    let verified = SignatureHeaders::read(header)
        .and_then(|headers| KEYS.parse::<Keyring>().unwrap().verify(signed, &headers, now).map(|()| headers));
    match verified {
        Ok(headers) if held.nonces.insert(headers.nonce.clone()) => {}
        Ok(_) | Err(_) => {
            held.refused_signatures += 1;
            return problem(401, "bad_signature");
        }
    }
    assert!(header(domain::wire::HEADER_REQUEST_ID).is_some(), "every request has an id");
    route(&mut held, &parts.method, &path_and_query, body)
}

fn route(held: &mut Held, method: &Method, path: &str, body: Bytes) -> Response {
    match (method.as_str(), path) {
        ("POST", EDGE_IMPORT_PRODUCTS) => import(held, &serde_json::from_slice(&body).unwrap()),
        ("POST", EDGE_IMPORT_FINISH) => {
            held.finished += 1;
            StatusCode::NO_CONTENT.into_response()
        }
        ("POST", EDGE_PICTURES_MISSING) => {
            let PictureKeys { keys } = serde_json::from_slice(&body).unwrap();
            assert!(keys.len() <= 500);
            let there = |key: &String| held.pictures.keys().any(|path| path.starts_with(key.as_str()));
            json(&MissingPictures { missing: keys.into_iter().filter(|key| !there(key)).collect() })
        }
        ("PUT", path) if path.starts_with(EDGE_PICTURES) => {
            assert!(body.starts_with(&[0xff, 0xd8]), "a JPEG");
            held.pictures.insert(path[EDGE_PICTURES.len()..].to_owned(), body.to_vec());
            StatusCode::NO_CONTENT.into_response()
        }
        ("GET", path) if path.starts_with(EDGE_CATALOGUE) => json(&page(held, path)),
        ("GET", EDGE_INDEX) => json(&IndexStatus::default()),
        ("PUT", path) if path.starts_with(EDGE_INDEX_FILES) => StatusCode::NO_CONTENT.into_response(),
        ("POST", EDGE_INDEX_PUBLISH) => {
            held.published += 1;
            StatusCode::NO_CONTENT.into_response()
        }
        _ => problem(404, "not_found"),
    }
}

/// A page of the catalogue. Ids count the products in the order of their SKUs.
fn page(held: &Held, path: &str) -> CataloguePage {
    let value = |name: &str| path.split(['?', '&']).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let skip = value("after").map_or(0, |id| id.parse::<uuid::Uuid>().unwrap().as_u128() as usize);
    let limit: usize = value("limit").unwrap().parse().unwrap();
    let id = |number: usize| ProductId(uuid::Uuid::from_u128(number as u128));
    let products: Vec<CatalogueProduct> = (skip + 1..)
        .zip(held.products.values().skip(skip).take(limit))
        .map(|(number, product)| CatalogueProduct {
            id: id(number),
            slug: format!("product-{number}"),
            created_at: Timestamp(0),
            available: product.variants.iter().map(|variant| variant.stock).sum(),
            product: product.clone(),
        })
        .collect();
    let next = (skip + products.len() < held.products.len()).then(|| id(skip + products.len()));
    CataloguePage { products, next, change_seq: 0 }
}

fn import(held: &mut Held, batch: &ImportBatch) -> Response {
    assert!((1..=IMPORT_BATCH_MAX).contains(&batch.products.len()));
    held.batches += 1;
    if held.broken_from_batch.is_some_and(|first| held.batches >= first) {
        return problem(400, "broken");
    }
    let mut report = ImportReport::default();
    for (index, product) in batch.products.iter().enumerate() {
        assert!(!product.variants.is_empty());
        for picture in &product.pictures {
            for width in &picture.widths {
                assert!(held.pictures.contains_key(&format!("{}/{width}.jpg", picture.key)), "pictures come first");
            }
        }
        let sku = product.sku.to_string();
        if held.rejects.as_ref() == Some(&sku) {
            report.rejected.push(ImportRejection { index, sku, reason: "the shop does not want it".to_owned() });
            continue;
        }
        match held.products.insert(sku, product.clone()) {
            None => report.created += 1,
            Some(before) if before == *product => report.unchanged += 1,
            Some(_) => report.updated += 1,
        }
    }
    json(&report)
}
