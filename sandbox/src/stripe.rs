//! Stripe's HTTP interface, as far as the shop uses it: checkout sessions, payment intents, charges, refunds, disputes.
//!
//! Bodies are forms with nested brackets, answers are JSON, and `expand[]` puts whole objects where their ids would be. Amounts
//! are in minor units. A repeated `Idempotency-Key` gets the first answer again, refusals included, and an error if the
//! parameters are others ([`idempotency`]). References are nothing to Stripe: `client_reference_id` and metadata are words that
//! a shop attaches, and two sessions may carry the same.
//!
//! As with current versions of the interface, a session has no payment intent until somebody has tried to pay. One difference:
//! sessions wait for as long as it takes, since a sandbox has no session timeout. Another: the real search is some seconds
//! behind, this one is not, so it must not be what tells a shop that a payment does not exist.
//!
//! Sources: docs.stripe.com/api: /authentication, /errors, /idempotent_requests, /expanding_objects, /checkout/sessions,
//! /payment_intents, /charges, /balance_transactions, /refunds, /disputes, /events; docs.stripe.com/search.

use axum::Router;
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use domain::time::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::App;
use crate::credentials::{basic, bearer, same};
use crate::notices::Happening;
use crate::payments::{Payment, RefundStatus};
use crate::webhook::Notice;
use refusal::Refusal;

mod expand;
mod form;
mod idempotency;
mod objects;
mod read;
mod refunds;
mod refusal;
mod sessions;

const API_VERSION: &str = "2024-06-20";

/// The routes below `/stripe`, all of which need the secret key.
pub fn routes(app: App) -> Router<App> {
    Router::new()
        .route("/v1/checkout/sessions", post(sessions::create).get(sessions::list))
        .route("/v1/checkout/sessions/{id}", get(sessions::show))
        .route("/v1/payment_intents/search", get(read::search))
        .route("/v1/payment_intents/{id}", get(read::show_intent))
        .route("/v1/charges/{id}", get(read::show_charge))
        .route("/v1/refunds", post(refunds::create).get(refunds::list))
        .route("/v1/refunds/{id}", get(refunds::show))
        .route("/v1/disputes", get(read::list_disputes))
        .route("/v1/disputes/{id}", get(read::show_dispute))
        .layer(from_fn_with_state(app, require_key))
}

/// The secret key as bearer, or as the name of `Authorization: Basic`.
async fn require_key(State(app): State<App>, headers: HeaderMap, request: HttpRequest, next: Next) -> Response {
    let named = basic(&headers).map(|(name, _)| name.into_bytes());
    let Some(given) = bearer(&headers).map(<[u8]>::to_vec).or(named) else {
        let message = "You did not provide an API key. You need to provide your API key in the Authorization header, using \
                       Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').";
        return Refusal::new(StatusCode::UNAUTHORIZED, message).into_response();
    };
    let right = app.settings().keys.stripe.as_ref().is_some_and(|keys| same(&given, keys.secret_key.as_bytes()));
    if !right {
        return Refusal::new(StatusCode::UNAUTHORIZED, "Invalid API Key provided: sk_test_****").into_response();
    }
    next.run(request).await
}

/// The number in an id such as `pi_123`.
fn number(prefix: &str, id: &str) -> Option<i64> {
    id.strip_prefix(prefix)?.parse().ok()
}

/// A list, as Stripe has it, from `objects` with their payments, the newest first: ten unless asked otherwise.
fn list(url: &str, objects: Vec<(Payment, Value)>, asked: &Value) -> Result<Value, Refusal> {
    let limit = match asked["limit"].as_str() {
        None => 10,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=100).contains(limit))
            .ok_or_else(|| Refusal::param("limit", "This value must be between 1 and 100 (inclusive)."))?,
    };
    let after = asked["starting_after"].as_str();
    let skipped =
        after.map_or(Some(0), |id| objects.iter().position(|(_, object)| object["id"] == id).map(|at| at + 1));
    let skipped = skipped.ok_or_else(|| Refusal::missing("object", after.unwrap_or_default()))?;
    let (total, inner) = (objects.len(), expand::in_lists(asked)?);
    let shown = objects.into_iter().skip(skipped).take(limit);
    let data = shown.map(|(payment, object)| expand::expanded(object, &payment, &inner));
    let data = data.collect::<Result<Vec<Value>, Refusal>>()?;
    let has_more = skipped + data.len() < total;
    Ok(json!({"object": "list", "url": url, "has_more": has_more, "data": data}))
}

/// What Stripe says about what happened: often more than once, and in no particular order.
pub fn notices(payment: &Payment, happening: Happening, now: Timestamp) -> Vec<Notice> {
    let session = || objects::session(payment, None);
    let intent = || objects::intent(payment);
    let charge = || objects::charge(payment);
    let all = match happening {
        Happening::Paid => vec![
            ("checkout.session.completed", session()),
            ("payment_intent.succeeded", intent()),
            ("charge.succeeded", charge()),
        ],
        Happening::Declined => vec![("payment_intent.payment_failed", objects::failed_intent(payment))],
        Happening::RefundRequested(id) => {
            vec![("refund.created", objects::refund(payment, id)), ("charge.refunded", charge())]
        }
        Happening::RefundEnded(id) => match payment.refund(id).map(|refund| refund.status) {
            Some(RefundStatus::Failed(_)) => vec![
                ("refund.failed", objects::refund(payment, id)),
                ("charge.refund.updated", objects::refund(payment, id)),
            ],
            Some(RefundStatus::Processed(_) | RefundStatus::Pending) | None => vec![
                ("refund.updated", objects::refund(payment, id)),
                ("charge.refund.updated", objects::refund(payment, id)),
            ],
        },
        Happening::Disputed(id) => vec![
            ("charge.dispute.created", objects::dispute(payment, id)),
            ("charge.dispute.funds_withdrawn", objects::dispute(payment, id)),
        ],
        Happening::DisputeClosed(id) => {
            let mut closed = vec![("charge.dispute.closed", objects::dispute(payment, id))];
            if payment.dispute(id).is_some_and(crate::payments::Dispute::is_won) {
                closed.push(("charge.dispute.funds_reinstated", objects::dispute(payment, id)));
            }
            closed
        }
        // Nothing of the kind exists at Stripe.
        Happening::Rejected(_) => Vec::new(),
    };
    all.into_iter().map(|(event, object)| notice(event, &object, now)).collect()
}

/// An event. Its id follows from what it tells: sent again, it is the same event.
fn notice(event: &str, object: &Value, now: Timestamp) -> Notice {
    let told = format!("{event} {} {}", object["id"], object["status"]);
    let id: String = hex::encode(Sha256::digest(told.as_bytes())).chars().take(24).collect();
    let body = json!({
        "id": format!("evt_{id}"),
        "object": "event",
        "api_version": API_VERSION,
        "created": now.as_seconds(),
        "data": {"object": object},
        "livemode": false,
        "pending_webhooks": 1,
        "request": {"id": null, "idempotency_key": null},
        "type": event,
    });
    Notice { event: event.to_owned(), body: body.to_string() }
}
