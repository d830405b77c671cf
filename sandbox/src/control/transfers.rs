//! The knobs of transfers: what becomes of new ones, and of one that is there.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::read;
use crate::App;
use crate::problem::Problem;
use crate::transfers::{Standing, Transfer, TransferMode};
use crate::webhook::Faults;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mode {
    mode: TransferMode,
}

/// What is to become of a transfer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Drive {
    action: Standing,
    #[serde(default)]
    webhook: Faults,
}

pub(super) async fn list(State(app): State<App>) -> Json<Value> {
    let (mode, transfers) = app.with_book(|book| {
        let transfers: Vec<Value> = book.transfers().map(belief).collect();
        (book.transfer_mode, transfers)
    });
    Json(json!({"mode": mode, "transfers": transfers}))
}

pub(super) async fn tell(State(app): State<App>, body: Result<Bytes, BytesRejection>) -> Result<Json<Value>, Problem> {
    let Mode { mode } = read(body)?;
    app.with_book(|book| book.transfer_mode = mode);
    tracing::info!(?mode, "new transfers go on differently");
    Ok(list(State(app)).await)
}

pub(super) async fn drive(
    State(app): State<App>,
    Path(reference): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let Drive { action, webhook } = read(body)?;
    let transfer = app.drive_transfer(&reference, action, webhook)?;
    Ok(Json(belief(&transfer)))
}

fn belief(transfer: &Transfer) -> Value {
    json!({
        "id": transfer.id,
        "reference": transfer.reference,
        "amount": transfer.money.amount_minor,
        "currency": transfer.money.currency,
        "recipient": transfer.recipient,
        "status": transfer.standing.as_str(),
    })
}
