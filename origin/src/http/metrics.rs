//! `GET /metrics`: what an operator's monitoring watches, in Prometheus' text format. Only for whoever has `METRICS_TOKEN`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::header_text;
use crate::App;
use crate::error::Error;
use crate::store::{counts, ledger, outbox};

/// The metrics; 404 where no token is set.
pub async fn metrics(State(app): State<App>, headers: HeaderMap) -> Result<Response, Error> {
    let Some(token) = &app.config().metrics_token else { return Err(super::not_found().await) };
    let given = header_text(&headers, header::AUTHORIZATION.as_str()).and_then(|text| text.strip_prefix("Bearer "));
    // Digests are compared, so that the time it takes tells nothing of the token.
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    if given.map(digest) != Some(digest(token.reveal())) {
        let detail = "send the token of METRICS_TOKEN as Authorization: Bearer";
        return Err(Error::rejected(StatusCode::UNAUTHORIZED, "bad_token", "Bad token", detail));
    }
    let mut connection = app.store().read().await?;
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, values: &[(String, i64)]| {
        text.push_str(&format!("# HELP kasuwa_{name} {help}\n# TYPE kasuwa_{name} gauge\n"));
        values.iter().for_each(|(labels, value)| text.push_str(&format!("kasuwa_{name}{labels} {value}\n")));
    };
    let one = |value: i64| [(String::new(), value)];
    let crooked = ledger::crooked_entries(&mut connection).await?;
    gauge("ledger_crooked_entries", "Entries that do not sum to zero (LEDGER-1). Alert above 0.", &one(crooked));
    let sums: Vec<_> = ledger::sums(&mut connection)
        .await?
        .into_iter()
        .map(|(currency, sum)| (label("currency", &currency), sum))
        .collect();
    gauge("ledger_sum_minor", "Sum of all accounts (LEDGER-1). Alert unless 0.", &sums);
    let backlog = outbox::backlog(&mut connection).await?;
    gauge("outbox_waiting", "Messages that the edge has not taken.", &one(backlog.waiting));
    gauge("outbox_stuck", "Those of them that failed so often that somebody should look.", &one(backlog.stuck));
    for (name, help, counted) in [
        ("orders", "Orders by status.", counts::orders(&mut connection).await?),
        ("payments", "Payments by status.", counts::payments(&mut connection).await?),
        ("refunds", "Refunds by status. Alert on failed.", counts::refunds(&mut connection).await?),
        ("disputes", "Disputes by status. Alert on open.", counts::disputes(&mut connection).await?),
    ] {
        let values: Vec<_> = counted.into_iter().map(|(status, count)| (label("status", &status), count)).collect();
        gauge(name, help, &values);
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}

/// Statuses and currency codes need no escaping.
fn label(name: &str, value: &str) -> String {
    format!("{{{name}=\"{value}\"}}")
}
