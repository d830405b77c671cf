//! Flash sales for the operator's tools: set, listed, looked at, cancelled. [`crate::sales`] does it.

use axum::Json;
use domain::wire::{SaleDraft, SaleList, SaleReport};

use super::internal::{FromOperator, json};
use crate::context::Context;
use crate::error::Error;
use crate::extract::Path;
use crate::sales;

/// `GET /internal/sales`
#[worker::send]
pub(crate) async fn list(context: Context, FromOperator(_): FromOperator) -> Result<Json<SaleList>, Error> {
    Ok(Json(sales::list(&context).await?))
}

/// `POST /internal/sales`
#[worker::send]
pub(crate) async fn set(context: Context, FromOperator(body): FromOperator) -> Result<Json<SaleReport>, Error> {
    let draft: SaleDraft = json(&body)?;
    Ok(Json(sales::set(&context, &draft).await?))
}

/// `GET /internal/sales/{slug}`
#[worker::send]
pub(crate) async fn report(
    context: Context,
    Path(slug): Path<String>,
    FromOperator(_): FromOperator,
) -> Result<Json<SaleReport>, Error> {
    Ok(Json(sales::report(&context, &slug).await?))
}

/// `POST /internal/sales/{slug}/cancel`
#[worker::send]
pub(crate) async fn cancel(
    context: Context,
    Path(slug): Path<String>,
    FromOperator(_): FromOperator,
) -> Result<Json<SaleReport>, Error> {
    Ok(Json(sales::cancel(&context, &slug).await?))
}
