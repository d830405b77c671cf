//! Faults of a whole gateway, until told otherwise or for so many requests: unreachable, too slow, or with answers that get lost.
//!
//! They concern the interface that shops call, never the payment page or the control interface.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::App;
use crate::gateways::Gateway;

/// Longest wait before a slow answer.
pub const DELAY_MS_MAX: u64 = 10 * 60 * 1_000;

/// What is wrong with a gateway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// It answers 503, and does nothing.
    Unavailable,
    /// It does what was asked at once, and answers so late that the shop has given up by then.
    Slow,
    /// It does what was asked, and answers 502: the answer got lost on its way.
    Lost,
}

/// How a gateway is, as the control API has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// What is wrong.
    pub fault: Fault,
    /// For how many requests more; `None`: until told otherwise.
    #[serde(default)]
    pub requests: Option<u32>,
    /// How late a slow answer is; 30 seconds unless told otherwise, and [`DELAY_MS_MAX`] at most.
    #[serde(default)]
    pub delay_ms: Option<u64>,
}

impl Outage {
    /// Half a minute: longer than shops wait.
    const DELAY_MS: u64 = 30_000;

    fn delay(self) -> Duration {
        Duration::from_millis(self.delay_ms.unwrap_or(Self::DELAY_MS).min(DELAY_MS_MAX))
    }
}

/// What is wrong with all gateways, by their names.
#[derive(Debug, Default)]
pub struct Outages {
    by_name: Mutex<BTreeMap<&'static str, Told>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Told {
    outage: Outage,
    /// Tokens made before do not count any more.
    tokens_since: Timestamp,
}

impl Outages {
    /// How the gateway of that name is.
    pub fn of(&self, name: &'static str) -> Outage {
        self.told(name).outage
    }

    /// Says how the gateway of that name is from now on.
    pub fn tell(&self, name: &'static str, outage: Outage) {
        let outage = if outage.requests == Some(0) { Outage::default() } else { outage };
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default().outage = outage;
    }

    /// Since when tokens of the gateway count.
    pub fn tokens_since(&self, name: &'static str) -> Timestamp {
        self.told(name).tokens_since
    }

    /// Ends all tokens that the gateway has given out so far.
    pub fn revoke_tokens(&self, name: &'static str, now: Timestamp) {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        by_name.entry(name).or_default().tokens_since = Timestamp(now.as_millis() + 1);
    }

    fn told(&self, name: &'static str) -> Told {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied().unwrap_or_default()
    }

    /// What happens to one request; counts it.
    fn next(&self, name: &'static str) -> Outage {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(told) = by_name.get_mut(name) else { return Outage::default() };
        let outage = told.outage;
        if let Some(left) = outage.requests {
            told.outage = if left > 1 { Outage { requests: Some(left - 1), ..outage } } else { Outage::default() };
        }
        outage
    }
}

/// Lets a gateway's outage come over its interface.
pub async fn suffer(State((app, gateway)): State<(App, Gateway)>, request: Request, next: Next) -> Response {
    let outage = app.outages().next(gateway.name());
    if outage.fault == Fault::Unavailable {
        return (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable\n").into_response();
    }
    let response = next.run(request).await;
    match outage.fault {
        Fault::None | Fault::Unavailable => response,
        Fault::Slow => {
            tokio::time::sleep(outage.delay()).await;
            response
        }
        Fault::Lost => (StatusCode::BAD_GATEWAY, "Bad Gateway\n").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_ends_after_so_many_requests_or_when_told() {
        let outages = Outages::default();
        let unavailable = |requests| Outage { fault: Fault::Unavailable, requests, delay_ms: None };
        outages.tell("stripe", unavailable(Some(2)));
        let met: Vec<Fault> = (0..3).map(|_| outages.next("stripe").fault).collect();
        assert_eq!(met, [Fault::Unavailable, Fault::Unavailable, Fault::None]);
        assert_eq!(outages.next("monnify").fault, Fault::None, "the others are well");
        outages.tell("stripe", unavailable(None));
        assert!((0..100).all(|_| outages.next("stripe").fault == Fault::Unavailable));
        outages.tell("stripe", Outage::default());
        assert_eq!(outages.next("stripe").fault, Fault::None);
        outages.tell("stripe", unavailable(Some(0)));
        assert_eq!(outages.of("stripe"), Outage::default());
    }
}
