//! Whether the origin is well: it answers and its database does.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::App;
use crate::error::Error;
use crate::store::outbox;

/// `GET /healthz`: 200 with what waits for the edge, or 503 when the database cannot be read.
pub async fn healthz(State(app): State<App>) -> Result<Json<Value>, Error> {
    let backlog = outbox::backlog(&mut app.store().read().await?).await?;
    Ok(Json(json!({"status": "ok", "outbox": {"waiting": backlog.waiting, "stuck": backlog.stuck}})))
}
