//! The shop's rules for the operator's tools: shown and set. [`crate::pricing`] does it.

use axum::Json;
use domain::pricing::Rules;

use super::internal::{FromOperator, json};
use crate::context::Context;
use crate::error::Error;
use crate::pricing;

/// `GET /internal/pricing`
#[worker::send]
pub(crate) async fn show(context: Context, FromOperator(_): FromOperator) -> Result<Json<Rules>, Error> {
    Ok(Json(pricing::all(&context).await?))
}

/// `PUT /internal/pricing`
#[worker::send]
pub(crate) async fn set(context: Context, FromOperator(body): FromOperator) -> Result<Json<Rules>, Error> {
    let rules: Rules = json(&body)?;
    Ok(Json(pricing::set(&context, &rules).await?))
}
