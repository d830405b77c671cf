//! Pays sellers out: a run takes what is due from their balances, and what became of each payout is booked.
//!
//! The money goes by hand, by the list that a run answers, or by a gateway's transfers, which [`transfer`] pursues.

pub mod transfer;

use std::collections::BTreeSet;

use axum::http::StatusCode;
use domain::ids::PayoutId;
use domain::ledger::{Account, Entry};
use domain::payout::{Command, PayoutStatus, Rejection};
use domain::time::Timestamp;
use domain::wire::{Payout, PayoutFile, PayoutFileLine, PayoutRun, Payouts};
use uuid::Uuid;

use crate::App;
use crate::bank_account;
use crate::error::Error;
use crate::gateway::Gateway;
use crate::store::ledger::{Circumstances, book};
use crate::store::payouts::{Payable, StoredPayout};
use crate::store::{Tx, bank_accounts, payouts};

/// Takes from every seller's balance what is due. The same run again answers the same.
pub async fn run(app: &App, run: &PayoutRun, request_id: &str) -> Result<Payouts, Error> {
    if run.least_minor < 0 {
        let (status, title) = (StatusCode::UNPROCESSABLE_ENTITY, "Invalid payout run");
        return Err(Error::rejected(status, "invalid_payout_run", title, "least_minor cannot be less than nothing"));
    }
    let gateway = run.gateway.map(|name| app.gateway(name)).transpose()?;
    let payouts = app
        .store()
        .transact("run_payouts", move |mut tx: Tx| async move {
            let now = app.now();
            let is_new = payouts::begin_run(&mut tx, run, now).await?;
            let payable = payouts::payable(tx.connection(), run.until, run.least_minor).await?;
            let (reached, left_out) = split(&mut tx, gateway, payable).await?;
            for payable in reached.into_iter().filter(|_| is_new) {
                begin(&mut tx, run, payable, request_id, now).await?;
            }
            let payouts = payouts::of_run(tx.connection(), run.run_id).await?;
            tx.done(Payouts { payouts, left_out })
        })
        .await?;
    app.wake_transfers();
    Ok(payouts)
}

/// Who can be paid, and who cannot: by hand everybody, by transfer those whose account is known.
async fn split(
    tx: &mut Tx,
    gateway: Option<&Gateway>,
    payable: Vec<Payable>,
) -> Result<(Vec<Payable>, Vec<String>), Error> {
    let Some(gateway) = gateway else { return Ok((payable, Vec::new())) };
    let known = bank_accounts::all(tx.connection()).await?;
    let known: BTreeSet<_> = known.into_iter().map(|account| (account.seller, account.currency)).collect();
    let is_reached = |it: &Payable| {
        let can = it.currency.parse().is_ok_and(|currency| gateway.transfers(currency));
        can && known.contains(&(it.seller.clone(), it.currency.clone()))
    };
    let (reached, left_out): (Vec<_>, Vec<_>) = payable.into_iter().partition(is_reached);
    Ok((reached, left_out.into_iter().map(|it| it.seller).collect()))
}

async fn begin(tx: &mut Tx, run: &PayoutRun, payable: Payable, request_id: &str, now: Timestamp) -> Result<(), Error> {
    let id = PayoutId(Uuid::now_v7());
    let payout = Payout {
        id,
        run_id: run.run_id,
        seller: payable.seller,
        amount_minor: payable.amount_minor,
        currency: payable.currency,
        status: PayoutStatus::Due,
        gateway: run.gateway,
        reference: run.gateway.map(|_| payouts::reference(id)),
        last_error: None,
        created_at: now,
    };
    payouts::insert(tx, &payout, run.gateway.map(|_| now), request_id).await?;
    write(tx, &Entry::payout(&payout.seller, payout.amount_minor), &payout, request_id, now).await?;
    tracing::info!(payout_id = %payout.id, seller = payout.seller, "payout due");
    Ok(())
}

/// What an operator says became of a payout, or is to become of it.
pub async fn decide(app: &App, id: PayoutId, command: Command, request_id: &str) -> Result<Payout, Error> {
    let payout = app
        .store()
        .transact("decide_payout", move |mut tx: Tx| async move {
            let now = app.now();
            let mut stored = payouts::find(tx.connection(), id).await?.ok_or_else(not_found)?;
            if stored.payout.status == PayoutStatus::Due && command == Command::Confirm {
                // It goes by hand after all.
                (stored.payout.gateway, stored.payout.reference, stored.next_try_at) = (None, None, None);
            }
            let learn = |stored: &mut StoredPayout, status: PayoutStatus| match status {
                // The gateway is asked at once whether it ever heard of it.
                PayoutStatus::Stopping => stored.next_try_at = Some(now),
                PayoutStatus::Returned | PayoutStatus::Failed => stored.next_try_at = None,
                PayoutStatus::Due | PayoutStatus::Pending | PayoutStatus::Paid => {}
            };
            let decided = apply(&mut tx, stored, command, learn, request_id, now).await?;
            let stored = decided.map_err(|rejection| {
                let (status, title) = (StatusCode::CONFLICT, "Not now");
                Error::rejected(status, "payout_stands", title, rejection.to_string())
            })?;
            tx.done(stored.payout)
        })
        .await?;
    app.wake_transfers();
    Ok(payout)
}

/// Makes a command part of a payout, and of the books. `learn` adds what the machine does not know, given where the payout stands then.
async fn apply(
    tx: &mut Tx,
    mut stored: StoredPayout,
    command: Command,
    learn: impl FnOnce(&mut StoredPayout, PayoutStatus),
    request_id: &str,
    now: Timestamp,
) -> Result<Result<StoredPayout, Rejection>, Error> {
    let before = stored.payout.status;
    let after = match before.decide(command) {
        Ok(next) => next.unwrap_or(before),
        Err(rejection) => return Ok(Err(rejection)),
    };
    stored.payout.status = after;
    learn(&mut stored, after);
    payouts::update(tx, &stored, now).await?;
    if after != before {
        let payout = &stored.payout;
        if let Some(entry) = entry(before, payout) {
            write(tx, &entry, payout, request_id, now).await?;
        }
        tracing::info!(payout_id = %payout.id, seller = payout.seller, status = %after, "payout changed");
    }
    Ok(Ok(stored))
}

/// What moves when a payout goes on from `before`.
fn entry(before: PayoutStatus, payout: &Payout) -> Option<Entry> {
    let from = payout.gateway.map_or(Account::Bank, Account::Gateway);
    match (before, payout.status) {
        (_, PayoutStatus::Due | PayoutStatus::Pending | PayoutStatus::Stopping) => None,
        (_, PayoutStatus::Paid) => Some(Entry::paid_out(from, payout.amount_minor)),
        (PayoutStatus::Paid, PayoutStatus::Failed | PayoutStatus::Returned) => {
            Some(Entry::payout_returned(&payout.seller, payout.amount_minor, Some(from)))
        }
        (
            PayoutStatus::Due
            | PayoutStatus::Pending
            | PayoutStatus::Stopping
            | PayoutStatus::Failed
            | PayoutStatus::Returned,
            PayoutStatus::Failed | PayoutStatus::Returned,
        ) => Some(Entry::payout_returned(&payout.seller, payout.amount_minor, None)),
    }
}

/// A run's payouts that are to be sent by hand, with where to.
pub async fn file(app: &App, run_id: PayoutId) -> Result<PayoutFile, Error> {
    let payouts = payouts::of_run(&mut app.store().read().await?, run_id).await?;
    if payouts.is_empty() {
        let detail = "there is no such run, or it found nothing to pay; cargo xtask payouts list shows the runs";
        return Err(Error::rejected(StatusCode::NOT_FOUND, "run_not_found", "Run not found", detail));
    }
    let mut lines = Vec::new();
    for payout in payouts.into_iter().filter(|it| it.status == PayoutStatus::Due && it.gateway.is_none()) {
        let account = bank_account::open(app, &payout.seller, &payout.currency).await?;
        lines.push(PayoutFileLine { payout, account });
    }
    Ok(PayoutFile { lines })
}

/// There is no such payout.
pub fn not_found() -> Error {
    Error::rejected(StatusCode::NOT_FOUND, "payout_not_found", "Payout not found", "there is no such payout")
}

async fn write(tx: &mut Tx, entry: &Entry, payout: &Payout, request_id: &str, at: Timestamp) -> Result<(), Error> {
    let subject = payout.id.to_string();
    let circumstances = Circumstances {
        subject: &subject,
        order_id: None,
        reference: None,
        currency: &payout.currency,
        request_id,
        at,
    };
    book(tx, entry, &circumstances).await?;
    Ok(())
}
