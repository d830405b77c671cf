//! An edge to deliver to: it checks signatures, remembers what it was told, and fails on demand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use domain::ids::OrderId;
use domain::signature::{Audience, Keyring, SignatureHeaders, SignedParts};
use domain::wire::{EDGE_EVENTS, EventOutcome, OriginEvent, OriginEventKind};
use origin::clock::Clock;

#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Every delivery that was taken, repeated ones included.
    pub(crate) events: Vec<OriginEvent>,
    /// How many of the next deliveries are answered with 500.
    pub(crate) fail: u32,
    /// How many of the next deliveries of a placed order are answered with 500.
    pub(crate) fail_placed: u32,
    /// How many of the next deliveries are taken, and then answered with 500.
    pub(crate) lose: u32,
    /// Whether the stock of paid orders is gone.
    pub(crate) out_of_stock: bool,
    pub(crate) forged: u32,
    pub(crate) delay: Duration,
}

#[derive(Debug, Clone)]
pub(crate) struct Edge {
    memory: Arc<Mutex<Memory>>,
    keys: Keyring,
    clock: Clock,
}

impl Edge {
    pub(crate) fn new(keys: Keyring, clock: Clock) -> Self {
        Self { memory: Arc::default(), keys, clock }
    }

    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Memory) -> T) -> T {
        change(&mut self.memory.lock().unwrap())
    }

    pub(crate) fn router(&self) -> Router {
        Router::new().route(EDGE_EVENTS, post(take)).with_state(self.clone())
    }

    /// What happened to an order as far as the edge was told, every delivery.
    pub(crate) fn told(&self, order_id: OrderId) -> Vec<(u32, OriginEventKind)> {
        let mine = |event: &&OriginEvent| event.order.id == order_id;
        self.with(|memory| memory.events.iter().filter(mine).map(|event| (event.sequence, event.what)).collect())
    }
}

async fn take(State(edge): State<Edge>, headers: HeaderMap, body: Bytes) -> Response {
    let signature = SignatureHeaders::read(|name| headers.get(name).and_then(|value| value.to_str().ok()));
    let parts = SignedParts { audience: Audience::Edge, method: "POST", path_and_query: EDGE_EVENTS, body: &body };
    if signature.and_then(|signature| edge.keys.verify(parts, &signature, edge.clock.now())).is_err() {
        edge.with(|memory| memory.forged += 1);
        return StatusCode::UNAUTHORIZED.into_response();
    }
    tokio::time::sleep(edge.with(|memory| memory.delay)).await;
    let event: OriginEvent = serde_json::from_slice(&body).unwrap();
    edge.with(|memory| {
        if memory.fail > 0 {
            memory.fail -= 1;
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        if memory.fail_placed > 0 && event.what == OriginEventKind::OrderPlaced {
            memory.fail_placed -= 1;
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        let gone = memory.out_of_stock && event.what == OriginEventKind::OrderPaid;
        memory.events.push(event);
        if memory.lose > 0 {
            memory.lose -= 1;
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        let outcome = if gone { EventOutcome::OutOfStock { lines: Vec::new() } } else { EventOutcome::Done };
        Json(outcome).into_response()
    })
}
