//! A product's stock for the operator's tools: counts, history, and what is moved by hand. The Stock object decides.

use axum::Json;
use domain::ids::ProductId;
use domain::stock::{Command, Rejection};
use domain::wire::StockReport;
use http::StatusCode;
use serde::Deserialize;

use super::cart::sku;
use super::internal::{FromOperator, json};
use crate::catalogue;
use crate::context::Context;
use crate::durable::client::{self, StockAsk};
use crate::error::Error;
use crate::extract::{Path, Query};

#[derive(Deserialize)]
pub(crate) struct ReportQuery {
    before: Option<u64>,
}

/// `GET /internal/stock/{sku}?before=…`
#[worker::send]
pub(crate) async fn report(
    context: Context,
    Path(text): Path<String>,
    Query(query): Query<ReportQuery>,
    FromOperator(_): FromOperator,
) -> Result<Json<StockReport>, Error> {
    let product_id = product_of(&context, &text).await?;
    ask(&context, product_id, StockAsk::Report { before: query.before, after: None }).await
}

/// `POST /internal/stock/{sku}`
#[worker::send]
pub(crate) async fn move_by_hand(
    context: Context,
    Path(text): Path<String>,
    FromOperator(body): FromOperator,
) -> Result<Json<StockReport>, Error> {
    let command: Command = json(&body)?;
    if command.movement().is_none() {
        return Err(Error::bad_request(
            "not_a_movement",
            "only receive, adjust, count, write_off and take_back move goods by hand",
        ));
    }
    let product_id = product_of(&context, &text).await?;
    ask(&context, product_id, StockAsk::Report { before: None, after: Some(command) }).await
}

async fn product_of(context: &Context, text: &str) -> Result<ProductId, Error> {
    let sku = sku(text)?;
    catalogue::product_of(context, &sku).await?.ok_or_else(|| Error::not_found("product"))
}

async fn ask(context: &Context, product_id: ProductId, ask: StockAsk) -> Result<Json<StockReport>, Error> {
    let answer = client::stock(context, product_id, ask).await?.map_err(refusal)?;
    answer.report.map(Json).ok_or_else(|| Error::bug("a report was asked for, and none came"))
}

/// What a refusal means over HTTP.
fn refusal(rejection: Rejection) -> Error {
    let (status, code) = match &rejection {
        Rejection::Short { .. } => (StatusCode::CONFLICT, "stock_promised"),
        Rejection::UnknownSku { .. } => (StatusCode::NOT_FOUND, "unknown_sku"),
        Rejection::MovementDiffers => (StatusCode::CONFLICT, "movement_differs"),
        Rejection::NotBought { .. } => (StatusCode::CONFLICT, "not_bought"),
        Rejection::CheckoutClosed => (StatusCode::CONFLICT, "checkout_closed"),
        Rejection::LimitReached { .. } => (StatusCode::CONFLICT, "limit_reached"),
        Rejection::BadLines | Rejection::BadChange | Rejection::TooMany | Rejection::BadReason => {
            (StatusCode::UNPROCESSABLE_ENTITY, "bad_movement")
        }
    };
    let detail = match &rejection {
        Rejection::Short { lines } => lines
            .iter()
            .map(|line| {
                format!(
                    "only {} of {} are not promised to a checkout, and {} were asked for; checkouts end after 15 minutes",
                    line.available, line.sku, line.requested
                )
            })
            .collect::<Vec<_>>()
            .join("; "),
        Rejection::UnknownSku { .. }
        | Rejection::MovementDiffers
        | Rejection::NotBought { .. }
        | Rejection::CheckoutClosed
        | Rejection::LimitReached { .. }
        | Rejection::BadLines
        | Rejection::BadChange
        | Rejection::TooMany
        | Rejection::BadReason => rejection.to_string(),
    };
    Error::rejection(status, code, "The stock stays as it is", detail)
}
