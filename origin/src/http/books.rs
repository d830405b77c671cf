//! The books and payouts, for operators: the edge has checked that they are.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use domain::ids::PayoutId;
use domain::ledger::Account;
use domain::payout::Command;
use domain::time::Timestamp;
use domain::wire::{
    Balances, BankAccount, BankAccounts, JournalPage, Payout, PayoutFile, PayoutRun, Payouts, Statement,
};
use serde::Deserialize;

use super::RequestId;
use super::internal::read_json;
use crate::App;
use crate::bank_account;
use crate::error::Error;
use crate::payout;
use crate::store::{ledger, payouts};

/// Most lines in one statement, so that an answer has an end.
const LINES_MAX: u32 = 5_000;
/// Most entries in one page of the journal.
const ENTRIES_MAX: u32 = 1_000;

/// `GET /internal/ledger`
pub async fn balances(State(app): State<App>) -> Result<Json<Balances>, Error> {
    let mut connection = app.store().read().await?;
    let crooked_entries = ledger::crooked_entries(&mut connection).await?;
    Ok(Json(Balances { balances: ledger::balances(&mut connection).await?, crooked_entries }))
}

fn bad_query(detail: String) -> Error {
    Error::rejected(StatusCode::BAD_REQUEST, "query_invalid", "Invalid query", detail)
}

/// From where on in the journal, and until before when, in milliseconds since 1970.
#[derive(Debug, Deserialize)]
pub struct Page {
    after: Option<String>,
    until: Option<i64>,
}

/// `GET /internal/ledger/journal`
pub async fn journal(
    State(app): State<App>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<JournalPage>, Error> {
    let Query(Page { after, until }) = page.map_err(|rejection| bad_query(rejection.body_text()))?;
    let after = match after.as_deref().map(|after| after.split_once('-')) {
        None => (i64::MIN, String::new()),
        Some(Some((at, id))) if at.parse::<i64>().is_ok() => (at.parse().unwrap_or_default(), id.to_owned()),
        Some(_) => return Err(bad_query("after is what the page before called next".to_owned())),
    };
    let until = Timestamp(until.unwrap_or(i64::MAX));
    let mut connection = app.store().read().await?;
    let (lines, is_last) = ledger::journal(&mut connection, &after, until, ENTRIES_MAX).await?;
    let last = lines.last().filter(|_| !is_last);
    let next = last.map(|line| format!("{}-{}", line.at.as_millis(), line.entry_id));
    Ok(Json(JournalPage { lines, next }))
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
    let Query(Wanted { account, from, until }) = wanted.map_err(|rejection| bad_query(rejection.body_text()))?;
    let account: Account =
        account.parse().map_err(|unknown: domain::ledger::UnknownAccount| bad_query(unknown.to_string()))?;
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

/// Which run.
#[derive(Debug, Deserialize)]
pub struct OfRun {
    run: Option<PayoutId>,
}

/// `GET /internal/payouts`
pub async fn payouts(State(app): State<App>, of: Result<Query<OfRun>, QueryRejection>) -> Result<Json<Payouts>, Error> {
    let Query(OfRun { run }) = of.map_err(|rejection| bad_query(rejection.body_text()))?;
    let mut connection = app.store().read().await?;
    let payouts = match run {
        Some(run) => payouts::of_run(&mut connection, run).await?,
        None => payouts::newest(&mut connection).await?,
    };
    Ok(Json(Payouts { payouts, left_out: Vec::new() }))
}

/// `GET /internal/payouts/{payout_id}`
pub async fn show_payout(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Payout>, Error> {
    let id: PayoutId = id.parse().map_err(|_| payout::not_found())?;
    let stored = payouts::find(&mut app.store().read().await?, id).await?;
    Ok(Json(stored.ok_or_else(payout::not_found)?.payout))
}

/// `GET /internal/payout-file`
pub async fn payout_file(
    State(app): State<App>,
    of: Result<Query<OfRun>, QueryRejection>,
) -> Result<Json<PayoutFile>, Error> {
    let Query(OfRun { run }) = of.map_err(|rejection| bad_query(rejection.body_text()))?;
    let run = run.ok_or_else(|| bad_query("say which run: ?run=RUN_ID".to_owned()))?;
    Ok(Json(payout::file(&app, run).await?))
}

/// `GET /internal/bank-accounts`
pub async fn bank_accounts(State(app): State<App>) -> Result<Json<BankAccounts>, Error> {
    Ok(Json(bank_account::all(&app).await?))
}

/// `POST /internal/bank-accounts`
pub async fn set_bank_account(
    State(app): State<App>,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<BankAccounts>, Error> {
    let account: BankAccount = read_json(&headers, request).await?;
    bank_account::set(&app, &account).await?;
    bank_accounts(State(app)).await
}

/// `POST /internal/payouts`
pub async fn pay_out(
    State(app): State<App>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<Payouts>, Error> {
    let run: PayoutRun = read_json(&headers, request).await?;
    Ok(Json(payout::run(&app, &run, &request_id).await?))
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
