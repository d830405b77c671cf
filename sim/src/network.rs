//! What lies between the parts: it loses, repeats, and lets those who call die half way. The origin sends through it without knowing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::signature::{Audience, Keyring, SignatureHeaders, SignedParts};
use domain::time::Timestamp;
use domain::wire::{EDGE_EVENTS, OriginEvent};
use http::StatusCode;
use origin::clock::Clock;
use origin::transport::{Carried, Carrier};
use tokio::sync::Notify;

use crate::edge::Edge;
use crate::gateway::Gateway;
use crate::operation::{Fault, Faults};

/// Where the gateway is.
pub(crate) const GATEWAY_URL: &str = "https://gateway.simulated/";
/// Where the edge is.
pub(crate) const EDGE_URL: &str = "https://edge.simulated/";

/// What goes wrong with which of the calls to come.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    faults: Faults,
    calls: u8,
}

impl Plan {
    /// From here on, calls are counted from 0.
    pub(crate) fn set(&mut self, faults: Faults) {
        *self = Self { faults, calls: 0 };
    }

    /// What goes wrong with the next call.
    pub(crate) fn draw(&mut self) -> Option<Fault> {
        let call = self.calls;
        self.calls = self.calls.saturating_add(1);
        self.faults.0.iter().find(|(which, _)| *which == call).map(|(_, fault)| *fault)
    }
}

/// Why a call got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It, or its answer, was lost.
    Lost,
    /// Whoever called is no more.
    CallerDied,
}

/// Everything but the origin.
#[derive(Debug)]
pub(crate) struct Outside {
    pub(crate) plan: Plan,
    pub(crate) edge: Edge,
    pub(crate) gateway: Gateway,
    /// Every message that the origin sent.
    pub(crate) sent: Vec<OriginEvent>,
}

/// The network, with everything but the origin behind it.
#[derive(Debug)]
pub(crate) struct Network {
    outside: Mutex<Outside>,
    keys: Keyring,
    clock: Clock,
    /// The origin died in the middle of a call.
    pub(crate) died: Notify,
}

impl Network {
    pub(crate) fn new(outside: Outside, keys: Keyring, clock: Clock) -> Arc<Self> {
        Arc::new(Self { outside: Mutex::new(outside), keys, clock, died: Notify::new() })
    }

    /// Everything but the origin. Not to be kept over an await.
    pub(crate) fn outside(&self) -> MutexGuard<'_, Outside> {
        self.outside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrive(&self, request: &http::Request<Vec<u8>>, outside: &mut Outside) -> Option<http::Response<Vec<u8>>> {
        if request.uri().host() == Some("gateway.simulated") {
            return Some(outside.gateway.answer(request));
        }
        let now = self.clock.now();
        let event = match self.read_event(request, now) {
            Ok(event) => event,
            Err(status) => return Some(response(status, Vec::new())),
        };
        if !outside.sent.contains(&event) {
            outside.sent.push(event.clone());
        }
        let outcome = outside.edge.apply(&event, &mut outside.plan, now);
        let body = outcome.and_then(|outcome| serde_json::to_vec(&outcome).ok());
        // Without an outcome the Worker says 503.
        Some(body.map_or_else(
            || response(StatusCode::SERVICE_UNAVAILABLE, Vec::new()),
            |body| response(StatusCode::OK, body),
        ))
    }

    /// The event in a request, if it is signed as it should be.
    fn read_event(&self, request: &http::Request<Vec<u8>>, now: Timestamp) -> Result<OriginEvent, StatusCode> {
        if request.uri().path() != EDGE_EVENTS {
            return Err(StatusCode::NOT_FOUND);
        }
        let signature = SignatureHeaders::read(|name| request.headers().get(name)?.to_str().ok())
            .map_err(|_| StatusCode::UNAUTHORIZED)?;
        let parts = SignedParts {
            audience: Audience::Edge,
            method: request.method().as_str(),
            path_and_query: EDGE_EVENTS,
            body: request.body(),
        };
        self.keys.verify(parts, &signature, now).map_err(|_| StatusCode::UNAUTHORIZED)?;
        serde_json::from_slice(request.body()).map_err(|_| StatusCode::BAD_REQUEST)
    }
}

fn response(status: StatusCode, body: Vec<u8>) -> http::Response<Vec<u8>> {
    let mut response = http::Response::new(body);
    *response.status_mut() = status;
    response
}

impl Carrier for Network {
    fn carry(&self, request: http::Request<Vec<u8>>) -> Carried<'_> {
        let mut outside = self.outside();
        let fault = outside.plan.draw();
        match fault {
            Some(Fault::RequestLost) => return lost(),
            Some(Fault::CallerDiesBefore) => return self.die(),
            Some(Fault::AnswerLost | Fault::Twice | Fault::CalleeDies | Fault::CallerDiesAfter) | None => {}
        }
        let answer = self.arrive(&request, &mut outside);
        match fault {
            Some(Fault::CallerDiesAfter) => self.die(),
            Some(Fault::AnswerLost | Fault::CalleeDies) => lost(),
            // No network makes two of a request. Where answers get lost, callers do, and this one never does so with a refund.
            Some(Fault::Twice) if request.uri().path() == "/refund" => told(answer),
            Some(Fault::Twice) => {
                drop(self.arrive(&request, &mut outside));
                told(answer)
            }
            Some(Fault::RequestLost | Fault::CallerDiesBefore) | None => told(answer),
        }
    }
}

impl Network {
    /// The origin is no more: nobody waits for the answer.
    fn die<'a>(&self) -> Carried<'a> {
        self.died.notify_one();
        Box::pin(std::future::pending::<Result<http::Response<Vec<u8>>, String>>())
    }
}

fn lost<'a>() -> Carried<'a> {
    told(None)
}

fn told<'a>(answer: Option<http::Response<Vec<u8>>>) -> Carried<'a> {
    Box::pin(std::future::ready(answer.ok_or_else(|| "no answer came".to_owned())))
}
