//! `POST /webhooks/{gateway}`: what gateways tell us. Nothing is read before its signature is verified over the raw body.
//!
//! 200: taken, do not send it again. 401: not from the gateway. 5xx: send it again.

use axum::body::Bytes;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use domain::wire::GatewayName;

use super::{RequestId, header_text, read_body};
use crate::App;
use crate::error::Error;
use crate::gateway::{BadWebhook, Notice};
use crate::settle;
use crate::store::gateway_events::Received;

/// Takes one webhook.
pub async fn receive(
    State(app): State<App>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    Path(gateway): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<StatusCode, Error> {
    let unknown = || {
        Error::rejected(StatusCode::NOT_FOUND, "gateway_not_found", "Gateway not found", "no such gateway is set up")
    };
    let gateway: GatewayName = gateway.parse().map_err(|_| unknown())?;
    let body = read_body(request).await?;
    let account = app.gateway(gateway).map_err(|_| unknown())?;
    let notice = account.open_webhook(|name| header_text(&headers, name), &body, app.now());
    let received = Received { gateway, notice: believed(notice)?, body: text(&body), request_id };
    let outcome = settle::hear(&app, &received).await?;
    tracing::info!(
        event = received.notice.event,
        key = received.notice.key,
        outcome = outcome.as_str(),
        "webhook taken"
    );
    Ok(StatusCode::OK)
}

fn believed(notice: Result<Notice, BadWebhook>) -> Result<Notice, Error> {
    notice.map_err(|bad| match bad {
        BadWebhook::Forged => {
            Error::rejected(StatusCode::UNAUTHORIZED, "bad_signature", "Bad signature", bad.to_string())
        }
        BadWebhook::Unreadable(_) => {
            Error::rejected(StatusCode::BAD_REQUEST, "unreadable_event", "Unreadable event", bad.to_string())
        }
    })
}

fn text(body: &Bytes) -> String {
    String::from_utf8_lossy(body).into_owned()
}
