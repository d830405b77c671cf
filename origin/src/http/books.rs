//! The books and payouts, for operators: the edge has checked that they are.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use domain::ids::PayoutId;
use domain::ledger::Account;
use domain::payout::Command;
use domain::time::Timestamp;
use domain::wire::{Balances, Payout, PayoutRun, Payouts, Statement};
use serde::Deserialize;

use super::RequestId;
use super::internal::read_json;
use crate::App;
use crate::error::Error;
use crate::payout;
use crate::store::{ledger, payouts};

/// Most lines in one statement, so that an answer has an end.
const LINES_MAX: u32 = 5_000;

/// `GET /internal/ledger`
pub async fn balances(State(app): State<App>) -> Result<Json<Balances>, Error> {
    let mut connection = app.store().read().await?;
    let crooked_entries = ledger::crooked_entries(&mut connection).await?;
    Ok(Json(Balances { balances: ledger::balances(&mut connection).await?, crooked_entries }))
}

/// Which account, and between which times, in milliseconds since 1970.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    account: String,
    from: i64,
    until: i64,
}

/// `GET /internal/ledger/statement`
pub async fn statement(
    State(app): State<App>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Statement>, Error> {
    let bad = |detail: String| Error::rejected(StatusCode::BAD_REQUEST, "query_invalid", "Invalid query", detail);
    let Query(Wanted { account, from, until }) = wanted.map_err(|rejection| bad(rejection.body_text()))?;
    let account: Account =
        account.parse().map_err(|unknown: domain::ledger::UnknownAccount| bad(unknown.to_string()))?;
    let (from, mut until) = (Timestamp(from), Timestamp(until));
    let mut connection = app.store().read().await?;
    let mut lines = ledger::statement(&mut connection, &account, (from, until), LINES_MAX + 1).await?;
    let is_cut = lines.len() > LINES_MAX as usize;
    if is_cut && let Some(first_left_out) = lines.pop() {
        // Whole moments only, so that the next statement begins where this one ends.
        until = first_left_out.at;
        lines.retain(|line| line.at < until);
    }
    Ok(Json(Statement {
        opening: ledger::balance_before(&mut connection, &account, from).await?,
        closing: ledger::balance_before(&mut connection, &account, until).await?,
        account: account.to_string(),
        from,
        until,
        lines,
        is_cut,
    }))
}

/// `GET /internal/payouts`
pub async fn payouts(State(app): State<App>) -> Result<Json<Payouts>, Error> {
    Ok(Json(Payouts { payouts: payouts::newest(&mut app.store().read().await?).await? }))
}

/// `POST /internal/payouts`
pub async fn pay_out(
    State(app): State<App>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<Payouts>, Error> {
    let run: PayoutRun = read_json(&headers, request).await?;
    Ok(Json(Payouts { payouts: payout::run(&app, &run, &request_id).await? }))
}

/// `POST /internal/payouts/{payout_id}/confirm`
pub async fn confirm_payout(
    State(app): State<App>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    Path(id): Path<String>,
) -> Result<Json<Payout>, Error> {
    decide(&app, &id, Command::Confirm, &request_id).await
}

/// `POST /internal/payouts/{payout_id}/return`
pub async fn return_payout(
    State(app): State<App>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    Path(id): Path<String>,
) -> Result<Json<Payout>, Error> {
    decide(&app, &id, Command::Return, &request_id).await
}

async fn decide(app: &App, id: &str, command: Command, request_id: &str) -> Result<Json<Payout>, Error> {
    let id: PayoutId = id.parse().map_err(|_| payout::not_found())?;
    Ok(Json(payout::decide(app, id, command, request_id).await?))
}
