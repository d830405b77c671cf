//! The knobs of a whole gateway: how it fails, for how long, and whether its tokens still count.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::read;
use crate::App;
use crate::gateways::Gateway;
use crate::outages::{DELAY_MS_MAX, Fault, Outage};
use crate::problem::Problem;

/// What is to become of a gateway.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Knobs {
    fault: Option<Fault>,
    requests: Option<u32>,
    delay_ms: Option<u64>,
    #[serde(default)]
    revoke_tokens: bool,
}

pub(super) async fn list(State(app): State<App>) -> Json<Value> {
    Json(json!({"gateways": Gateway::NAMES.map(|name| state(&app, name))}))
}

pub(super) async fn show(State(app): State<App>, Path(name): Path<String>) -> Result<Json<Value>, Problem> {
    Ok(Json(state(&app, known(&name)?)))
}

pub(super) async fn tell(
    State(app): State<App>,
    Path(name): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let name = known(&name)?;
    let Knobs { fault, requests, delay_ms, revoke_tokens } = read(body)?;
    if delay_ms.is_some_and(|delay| delay > DELAY_MS_MAX) {
        return Err(Problem::bad_request("invalid_delay", format!("delay_ms is at most {DELAY_MS_MAX}")));
    }
    match fault {
        Some(fault) => app.outages().tell(name, Outage { fault, requests, delay_ms }),
        None if revoke_tokens && requests.is_none() && delay_ms.is_none() => {}
        None => {
            return Err(Problem::bad_request("missing_fault", "say what is wrong: none, unavailable, slow or lost"));
        }
    }
    if revoke_tokens {
        app.outages().revoke_tokens(name, app.now());
    }
    tracing::info!(gateway = name, ?fault, revoke_tokens, "gateway driven");
    Ok(Json(state(&app, name)))
}

fn known(name: &str) -> Result<&'static str, Problem> {
    Gateway::NAMES.into_iter().find(|known| *known == name).ok_or_else(|| {
        let detail = format!("{name:?} is no gateway: use {}", Gateway::NAMES.join(", "));
        Problem::not_found("unknown_gateway", detail)
    })
}

fn state(app: &App, name: &'static str) -> Value {
    let interfaces: Vec<Value> = Gateway::ALL
        .into_iter()
        .filter(|gateway| gateway.name() == name)
        .map(|gateway| {
            let url = format!("{}{}", app.settings().public_url, gateway.base_path());
            json!({"interface": gateway.interface(), "url": url, "offered": app.settings().keys.offer(gateway)})
        })
        .collect();
    let Outage { fault, requests, delay_ms } = app.outages().of(name);
    json!({
        "gateway": name,
        "interfaces": interfaces,
        "fault": fault,
        "requests": requests,
        "delay_ms": delay_ms,
    })
}
