//! Whether this Worker can serve: it reaches its database, and the database has its tables.

use axum::Json;
use serde_json::{Value, json};

use crate::catalogue;
use crate::context::Context;
use crate::error::Error;

/// `GET /healthz`
#[worker::send]
pub(crate) async fn health(context: Context) -> Result<Json<Value>, Error> {
    let state = catalogue::state(&context).await?;
    Ok(Json(json!({"status": "ok", "catalogue_version": state.version, "products": state.product_count})))
}
