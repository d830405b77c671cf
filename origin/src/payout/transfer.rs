//! Asks a gateway to transfer payouts, until it has answered for good.
//!
//! No transfer is asked for before it is written down that it is being asked for. Each has one name for ever, which the gateway takes once:
//! whatever is lost, repeated or done by two at once, the money leaves once. After it left it is watched for a week, since a seller's bank
//! may send it back.

use domain::ids::PayoutId;
use domain::ledger::Entry;
use domain::money::{InvalidMoney, Money};
use domain::payout::{Command, Observed, PayoutStatus, Rejection};
use domain::time::{Millis, Timestamp};
use domain::wire::TransferTrouble;

use super::{apply, write};
use crate::App;
use crate::bank_account;
use crate::error::Error;
use crate::gateway::{Gateway, GatewayError, ObservedTransfer, TransferObservation, TransferOrder};
use crate::rounds::{Round, look_delay, retry_delay};
use crate::settle::Outcome;
use crate::store::Tx;
use crate::store::gateway_events::{self, Received};
use crate::store::payouts::{self, StoredPayout};

/// Longer than asking a gateway three questions can take.
const CLAIM_LENGTH: Millis = Millis::seconds(60);
/// A transfer whose answer was lost is not asked for again sooner, nor believed to be unknown: a gateway may take a while to list it.
const QUIET: Millis = Millis::minutes(2);
/// How long after its beginning a transfer that was sent is looked at.
const WATCH_LENGTH: Millis = Millis::days(7);
/// What sellers' banks show.
const REASON: &str = "Payout of sales";

/// Transfers that are due to be asked for, or about.
#[derive(Debug)]
pub struct Transfers;

impl Round for Transfers {
    type Due = StoredPayout;
    const NAME: &'static str = "transfers";
    const AT_ONCE: usize = 4;

    async fn woken(app: &App) {
        app.transfers_woken().await;
    }

    async fn claim(app: &App, limit: u32) -> Result<Vec<StoredPayout>, Error> {
        claim(app, limit).await
    }

    async fn pursue(app: App, due: StoredPayout) {
        pursue(&app, due).await;
    }
}

/// Takes up to `limit` transfers that are due, to be pursued now.
pub async fn claim(app: &App, limit: u32) -> Result<Vec<StoredPayout>, Error> {
    let now = app.now();
    app.store()
        .claim("claim_transfers", move |mut tx: Tx| async move {
            let due = payouts::claim_due(&mut tx, limit, now + CLAIM_LENGTH, now).await?;
            tx.done(due)
        })
        .await
}

/// Asks for a transfer, or where it stands; whatever comes of it is written down, and tried again if it was not final.
pub async fn pursue(app: &App, stored: StoredPayout) {
    let payout_id = stored.payout.id;
    let concluded = match reach(app, &stored).await {
        Ok(Some(observation)) => conclude(app, payout_id, observation).await,
        Ok(None) => Ok(()),
        Err(error) => {
            tracing::warn!(%payout_id, %error, "a transfer could not be asked for; will try again");
            postpone(app, payout_id, &error.to_string()).await
        }
    };
    if let Err(error) = concluded {
        tracing::error!(%payout_id, %error, "could not note what became of a transfer; its claim will lapse instead");
    }
}

/// Takes a verified webhook about a transfer: the gateway is asked. An error means that it should be sent again.
pub async fn hear(app: &App, received: &Received, reference: &str) -> Result<Outcome, Error> {
    let id = payouts::of_reference(reference);
    let stored = match id {
        Some(id) => payouts::find(&mut app.store().read().await?, id).await?,
        None => None,
    };
    match stored.filter(|stored| stored.payout.gateway == Some(received.gateway)) {
        Some(stored) => {
            let observation = find(app, &stored).await?;
            // That it is not known does not follow from a webhook about it.
            if observation.status != ObservedTransfer::Unknown {
                conclude(app, stored.payout.id, observation).await?;
            }
        }
        // The gateway's account may send money that is no payout of ours.
        None => tracing::warn!(reference, event = received.notice.event, "a webhook about a transfer that is not ours"),
    }
    app.store()
        .transact("keep_gateway_event", move |mut tx: Tx| async move {
            let is_new = gateway_events::insert(&mut tx, received, Outcome::Recorded.as_str(), app.now()).await?;
            tx.done(if is_new { Outcome::Recorded } else { Outcome::Repeated })
        })
        .await
}

/// `None`: it is not to be asked for.
async fn reach(app: &App, stored: &StoredPayout) -> Result<Option<TransferObservation>, Error> {
    let (status, now) = (stored.payout.status, app.now());
    if let Some(asked_at) = stored.asked_at {
        let observation = find(app, stored).await?;
        let is_unknown = observation.status == ObservedTransfer::Unknown;
        if !is_unknown || status == PayoutStatus::Paid {
            return Ok(Some(observation));
        }
        if now < asked_at + QUIET {
            return Err(GatewayError::Unavailable("it does not know of the transfer yet".to_owned()).into());
        }
        if status == PayoutStatus::Stopping {
            return Ok(Some(observation));
        }
    }
    let gateway = gateway(app, stored)?;
    let payout = &stored.payout;
    let account = bank_account::open(app, &payout.seller, &payout.currency).await?;
    let account =
        account.ok_or_else(|| GatewayError::Refused("nobody has said where the seller is paid to".to_owned()))?;
    let recipient = app.ask(gateway, gateway.recipient(&account)?).await?;
    let recipient = gateway.read_recipient(&recipient)?;
    if !mark_asked(app, payout.id).await? {
        return Ok(None);
    }
    let reference = payouts::reference(payout.id);
    let order = order_of(stored, &reference)?;
    let response = app.ask(gateway, gateway.transfer(&order, &recipient)?).await?;
    match gateway.read_transferred(&order, &response) {
        Err(GatewayError::DuplicateReference) => {
            let observation = find(app, stored).await?;
            let is_known = observation.status != ObservedTransfer::Unknown;
            if is_known { Ok(Some(observation)) } else { Err(GatewayError::DuplicateReference.into()) }
        }
        read => Ok(Some(read?)),
    }
}

fn gateway<'a>(app: &'a App, stored: &StoredPayout) -> Result<&'a Gateway, Error> {
    let name = stored.payout.gateway;
    app.gateway(name.ok_or_else(|| Error::Bug(format!("payout {} goes by hand", stored.payout.id)))?)
}

async fn find(app: &App, stored: &StoredPayout) -> Result<TransferObservation, Error> {
    let gateway = gateway(app, stored)?;
    let reference = payouts::reference(stored.payout.id);
    let order = order_of(stored, &reference)?;
    let response = app.ask(gateway, gateway.find_transfer(&reference)?).await?;
    Ok(gateway.read_found_transfer(&order, &response)?)
}

fn order_of<'o>(stored: &StoredPayout, reference: &'o str) -> Result<TransferOrder<'o>, Error> {
    let currency = stored.payout.currency.parse();
    let currency = currency.map_err(|error: InvalidMoney| Error::corrupt("currency", error))?;
    Ok(TransferOrder { reference, amount: Money::new(stored.payout.amount_minor, currency), reason: REASON })
}

/// Writes down that it is being asked for; whether it may be.
async fn mark_asked(app: &App, id: PayoutId) -> Result<bool, Error> {
    app.store()
        .transact("mark_transfer_asked", move |mut tx: Tx| async move {
            let now = app.now();
            let Some(stored) = payouts::find(tx.connection(), id).await?.filter(|it| it.payout.gateway.is_some())
            else {
                return tx.done(false);
            };
            let request_id = stored.request_id.clone();
            let learn = |stored: &mut StoredPayout, _| stored.asked_at = Some(now);
            let may = apply(&mut tx, stored, Command::Ask, learn, &request_id, now).await?.is_ok();
            tx.done(may)
        })
        .await
}

async fn postpone(app: &App, id: PayoutId, error: &str) -> Result<(), Error> {
    let chance = app.chance();
    app.store()
        .transact("postpone_transfer", move |mut tx: Tx| async move {
            let now = app.now();
            // Whoever decided meanwhile that it is over is right.
            let stored = payouts::find(tx.connection(), id).await?.filter(|it| it.next_try_at.is_some());
            if let Some(mut stored) = stored {
                stored.tries += 1;
                stored.payout.last_error = Some(error.to_owned());
                stored.next_try_at = Some(now + retry_delay(stored.tries, chance));
                payouts::update(&mut tx, &stored, now).await?;
            }
            tx.done(())
        })
        .await
}

/// Makes what a gateway said part of a payout.
async fn conclude(app: &App, id: PayoutId, observation: TransferObservation) -> Result<(), Error> {
    let observation = &observation;
    app.store()
        .transact("conclude_transfer", move |mut tx: Tx| async move {
            let now = app.now();
            let Some(stored) = payouts::find(tx.connection(), id).await? else { return tx.done(()) };
            let before = stored.clone();
            let (observed, trouble, why) = told(observation);
            let learn = |stored: &mut StoredPayout, status: PayoutStatus| {
                if observation.code.is_some() {
                    stored.transfer_code.clone_from(&observation.code);
                }
                (stored.tries, stored.trouble) = (0, trouble);
                stored.payout.last_error = why.map(str::to_owned);
                stored.next_try_at = next_look(status, stored.payout.created_at, now);
            };
            let command = Command::Observe(observed);
            match apply(&mut tx, stored, command, learn, &before.request_id, now).await? {
                Ok(stored) => book_fee(&mut tx, &stored, observation, now).await?,
                Err(rejection) => contradict(&mut tx, before, rejection, now).await?,
            }
            tx.done(())
        })
        .await
}

/// In the machine's words: where it stands, whether a person is needed, and why.
fn told(observation: &TransferObservation) -> (Observed, Option<TransferTrouble>, Option<&str>) {
    match &observation.status {
        ObservedTransfer::Unknown => (Observed::Unknown, None, None),
        ObservedTransfer::Pending => (Observed::Pending, None, None),
        ObservedTransfer::OneTimePassword => {
            let why = "the gateway waits for a one-time password";
            (Observed::Pending, Some(TransferTrouble::OneTimePassword), Some(why))
        }
        ObservedTransfer::Sent => (Observed::Sent, None, None),
        ObservedTransfer::Failed(why) => (Observed::Failed, None, Some(why)),
        ObservedTransfer::Reversed(why) => (Observed::Reversed, None, Some(why)),
    }
}

fn next_look(status: PayoutStatus, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let is_watched = status.is_open() || status == PayoutStatus::Paid && now < since + WATCH_LENGTH;
    is_watched.then(|| now + look_delay(since, now))
}

/// What the gateway keeps for a transfer is booked once, when it was sent.
async fn book_fee(
    tx: &mut Tx,
    stored: &StoredPayout,
    observation: &TransferObservation,
    now: Timestamp,
) -> Result<(), Error> {
    let is_paid = stored.payout.status == PayoutStatus::Paid;
    let fee = observation.fee_minor.zip(stored.payout.gateway).filter(|_| is_paid);
    let Some((fee_minor, gateway)) = fee else { return Ok(()) };
    write(tx, &Entry::fee(gateway, fee_minor), &stored.payout, &stored.request_id, now).await
}

/// A gateway said what cannot be: nothing is booked, and a person has to look.
async fn contradict(tx: &mut Tx, mut stored: StoredPayout, rejection: Rejection, now: Timestamp) -> Result<(), Error> {
    tracing::error!(payout_id = %stored.payout.id, %rejection, "a gateway contradicts itself about a transfer");
    stored.trouble = Some(TransferTrouble::Contradiction);
    stored.payout.last_error = Some(rejection.to_string());
    stored.next_try_at = None;
    payouts::update(tx, &stored, now).await
}
