//! Pays sellers out: a run takes what is due from their balances, and what became of each payout is booked. The money itself goes by hand,
//! by the list that a run answers.

use axum::http::StatusCode;
use domain::ids::PayoutId;
use domain::ledger::Entry;
use domain::payout::{Command, PayoutStatus};
use domain::time::Timestamp;
use domain::wire::{Payout, PayoutRun};
use uuid::Uuid;

use crate::App;
use crate::error::Error;
use crate::store::ledger::{Circumstances, book};
use crate::store::{Tx, payouts};

/// Takes from every seller's balance what is due. The same run again answers the same.
pub async fn run(app: &App, run: &PayoutRun, request_id: &str) -> Result<Vec<Payout>, Error> {
    if run.least_minor < 0 {
        let (status, title) = (StatusCode::UNPROCESSABLE_ENTITY, "Invalid payout run");
        return Err(Error::rejected(status, "invalid_payout_run", title, "least_minor cannot be less than nothing"));
    }
    app.store()
        .transact("run_payouts", move |mut tx: Tx| async move {
            let now = app.now();
            if payouts::begin_run(&mut tx, run, now).await? {
                for payable in payouts::payable(tx.connection(), run.until, run.least_minor).await? {
                    let payout = Payout {
                        id: PayoutId(Uuid::now_v7()),
                        run_id: run.run_id,
                        seller: payable.seller,
                        amount_minor: payable.amount_minor,
                        currency: payable.currency,
                        status: PayoutStatus::Due,
                        created_at: now,
                    };
                    payouts::insert(&mut tx, &payout).await?;
                    let entry = Entry::payout(&payout.seller, payout.amount_minor);
                    write(&mut tx, &entry, &payout, request_id, now).await?;
                    tracing::info!(payout_id = %payout.id, seller = payout.seller, "payout due");
                }
            }
            let made = payouts::of_run(tx.connection(), run.run_id).await?;
            tx.done(made)
        })
        .await
}

/// What became of a payout.
pub async fn decide(app: &App, id: PayoutId, command: Command, request_id: &str) -> Result<Payout, Error> {
    app.store()
        .transact("decide_payout", move |mut tx: Tx| async move {
            let now = app.now();
            let payout = payouts::find(tx.connection(), id).await?.ok_or_else(not_found)?;
            let next = payout.status.decide(command).map_err(|rejection| {
                let (status, title) = (StatusCode::CONFLICT, "Not now");
                Error::rejected(status, "payout_stands", title, rejection.to_string())
            })?;
            let Some(status) = next else { return tx.done(payout) };
            payouts::set_status(&mut tx, id, status, now).await?;
            let entry = match (payout.status, status) {
                (_, PayoutStatus::Paid) => Entry::paid_out(payout.amount_minor),
                (PayoutStatus::Paid, _) => Entry::payout_returned(&payout.seller, payout.amount_minor, true),
                (PayoutStatus::Due | PayoutStatus::Returned, _) => {
                    Entry::payout_returned(&payout.seller, payout.amount_minor, false)
                }
            };
            write(&mut tx, &entry, &payout, request_id, now).await?;
            tracing::info!(payout_id = %id, seller = payout.seller, %status, "payout changed");
            tx.done(Payout { status, ..payout })
        })
        .await
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
