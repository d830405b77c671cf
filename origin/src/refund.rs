//! Gives money back: refunds are ordered here, in the transaction of their cause, and change here; [`pursuit`] asks the gateways for
//! them. What may go back, [`domain::refund`] decides.

pub mod pursuit;

use std::collections::BTreeSet;

use axum::http::StatusCode;
use domain::ids::{OrderId, RefundId, Sku};
use domain::order::{Command as OrderCommand, OrderStatus};
use domain::refund::part::{self, Part};
use domain::refund::{Cause, Command, RefundStatus, Rejection};
use domain::stock::Movement;
use domain::time::Timestamp;
use domain::wire::{OrderLine, OriginEventKind, RefundRequest, RefundRight, Restock};
use uuid::Uuid;

use crate::App;
use crate::error::Error;
use crate::gateway::DisputeStatus;
use crate::ledger::{self, Occasion};
use crate::order_book;
use crate::store::Tx;
use crate::store::disputes;
use crate::store::orders::{self, StoredOrder};
use crate::store::payments::{self, StoredPayment};
use crate::store::refunds::{self, StoredRefund, machine};

/// Who orders refunds that nobody asked for.
const NOBODY: &str = "the shop";

/// Owes back all that a payment captured, which no order has a use for. Part of the transaction of its cause.
pub async fn order_unwanted(
    tx: &mut Tx,
    payment: &StoredPayment,
    cause: Cause,
    occasion: Occasion<'_>,
) -> Result<(), Error> {
    ledger::unwanted(tx, payment, occasion).await?;
    order_rest(tx, payment, cause, Part::default(), occasion).await.map(drop)
}

/// Owes back all of an order that cannot be sent. Part of the transaction of its cause.
pub async fn order_undeliverable(
    tx: &mut Tx,
    order: &StoredOrder,
    payment: &StoredPayment,
    occasion: Occasion<'_>,
) -> Result<(), Error> {
    let quote = order.quote.clone();
    let before = refunds::of_order(tx.connection(), order.id).await?;
    if machine(payment, &before).left_minor() == 0 {
        return Ok(());
    }
    let before: Vec<Part> = before.into_iter().map(|stored| stored.part).collect();
    let part = part::rest(&quote, &before);
    let priced = part::price(&quote, &before, &part).map_err(|refusal| Error::Bug(refusal.to_string()))?;
    if let Some(refund_id) = order_rest(tx, payment, Cause::OutOfStock, part, occasion).await? {
        ledger::taken_back(tx, order, payment, (refund_id, &priced), occasion).await?;
    }
    Ok(())
}

/// A refund of all that is left of a payment; `None` when nothing is.
async fn order_rest(
    tx: &mut Tx,
    payment: &StoredPayment,
    cause: Cause,
    part: Part,
    occasion: Occasion<'_>,
) -> Result<Option<RefundId>, Error> {
    let before = refunds::of_order(tx.connection(), payment.order_id).await?;
    let amount_minor = machine(payment, &before).left_minor();
    if amount_minor == 0 {
        return Ok(None);
    }
    let id = RefundId(Uuid::now_v7());
    let (actor, reason, restock) = (NOBODY, cause.told(), false);
    let wanted = Wanted { id, amount_minor, cause, actor, reason, part, restock };
    match order(tx, payment, &before, &wanted, occasion.request_id, occasion.now).await? {
        Ok(_) => Ok(Some(id)),
        Err(rejection) => Err(Error::Bug(format!("{}: {rejection}", payment.payment.reference))),
    }
}

/// A refund that is to be ordered.
struct Wanted<'w> {
    id: RefundId,
    amount_minor: i64,
    cause: Cause,
    actor: &'w str,
    reason: &'w str,
    part: Part,
    restock: bool,
}

/// Writes a refund down; `false` when it was there already.
async fn order(
    tx: &mut Tx,
    payment: &StoredPayment,
    before: &[StoredRefund],
    wanted: &Wanted<'_>,
    request_id: &str,
    now: Timestamp,
) -> Result<Result<bool, Rejection>, Error> {
    let mut machine = machine(payment, before);
    let command = Command::Order { refund_id: wanted.id, amount_minor: wanted.amount_minor };
    let events = match machine.decide(&command) {
        Ok(events) => events,
        Err(rejection) => return Ok(Err(rejection)),
    };
    if events.is_empty() {
        return Ok(Ok(false));
    }
    events.iter().for_each(|event| machine.evolve(event));
    let refund = *machine.get(wanted.id).ok_or_else(|| Error::Bug("an ordered refund is not there".to_owned()))?;
    let capture = payment.payment.captured.as_ref();
    let capture = capture.ok_or_else(|| Error::Bug(format!("{} captured nothing", payment.payment.reference)))?;
    let stored = StoredRefund {
        id: wanted.id,
        order_id: payment.order_id,
        reference: payment.payment.reference.clone(),
        refund,
        currency: capture.currency.clone(),
        cause: wanted.cause,
        actor: wanted.actor.to_owned(),
        reason: wanted.reason.to_owned(),
        part: wanted.part.clone(),
        restock: wanted.restock,
        gateway_refund_id: None,
        asked_at: None,
        tries: 0,
        next_try_at: Some(now),
        last_error: None,
        request_id: request_id.to_owned(),
        created_at: now,
    };
    refunds::insert(tx, &stored).await?;
    tracing::info!(refund_id = %stored.id, order_id = %stored.order_id, reference = stored.reference,
        amount_minor = refund.amount_minor, cause = stored.cause.as_str(), "refund ordered");
    Ok(Ok(true))
}

/// Takes back an order, or a part of it, as somebody asked for. The same again changes nothing.
pub async fn request(app: &App, order_id: OrderId, wanted: &RefundRequest, request_id: &str) -> Result<(), Error> {
    check_texts(wanted)?;
    app.store()
        .transact("request_refund", move |mut tx: Tx| async move {
            take_back(&mut tx, order_id, wanted, request_id, app.now()).await?;
            tx.done(())
        })
        .await?;
    app.wake_outbox();
    app.wake_refunds();
    Ok(())
}

fn check_texts(wanted: &RefundRequest) -> Result<(), Error> {
    let fits = |text: &str| {
        !text.trim().is_empty() && text.chars().nth(Movement::TEXT_MAX).is_none() && !text.chars().any(char::is_control)
    };
    if fits(&wanted.actor) && fits(&wanted.reason) {
        return Ok(());
    }
    let detail = format!("say who and why, in at most {} characters each", Movement::TEXT_MAX);
    Err(Error::rejected(StatusCode::UNPROCESSABLE_ENTITY, "invalid_refund", "Invalid refund", detail))
}

fn conflict(code: &'static str, title: &'static str, detail: impl Into<String>) -> Error {
    Error::rejected(StatusCode::CONFLICT, code, title, detail)
}

async fn take_back(
    tx: &mut Tx,
    order_id: OrderId,
    wanted: &RefundRequest,
    request_id: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let order = orders::find(tx.connection(), order_id).await?;
    let mut order = order.ok_or_else(Error::order_not_found)?;
    let before = refunds::of_order(tx.connection(), order_id).await?;
    if let Some(known) = before.iter().find(|stored| stored.id == wanted.refund_id) {
        let is_same = wanted.part.as_ref().is_none_or(|part| known.part == *part);
        return if is_same {
            Ok(())
        } else {
            Err(conflict("refund_differs", "Refund differs", "this refund is for another part"))
        };
    }
    check_right(&order, &wanted.by)?;
    let payment = match &order.placed.paid_by {
        Some(reference) => payments::find(tx.connection(), reference).await?,
        None => None,
    };
    let payment = payment.ok_or_else(|| Error::Bug(format!("order {order_id} is paid by nothing")))?;
    let disputes = disputes::of_payment(tx.connection(), &payment.payment.reference).await?;
    if disputes.iter().any(|dispute| dispute.status != DisputeStatus::Won) {
        let detail = "its payer asked their bank for the money back; a refund would give it to them twice";
        return Err(conflict("disputed", "This payment is disputed", detail));
    }
    let quote = order.quote.clone();
    let mut parts: Vec<Part> = before.iter().map(|stored| stored.part.clone()).collect();
    let part = match (&wanted.part, &wanted.by) {
        (Some(part), _) => part.clone(),
        (None, RefundRight::Shopper | RefundRight::Operator) => part::rest(&quote, &parts),
        (None, RefundRight::Seller { seller }) => only_of(&order, seller, part::rest(&quote, &parts)),
    };
    check_seller(&order, &wanted.by, &part)?;
    let priced = part::price(&quote, &parts, &part)
        .map_err(|refusal| conflict("not_refundable", "That cannot be refunded", refusal.to_string()))?;
    let draft = Wanted {
        id: wanted.refund_id,
        amount_minor: priced.total_minor(),
        cause: Cause::TakenBack,
        actor: wanted.actor.trim(),
        reason: wanted.reason.trim(),
        part: part.clone(),
        restock: wanted.restock,
    };
    self::order(tx, &payment, &before, &draft, request_id, now)
        .await?
        .map_err(|rejection| conflict("not_refundable", "That cannot be refunded", rejection.to_string()))?;
    ledger::taken_back(tx, &order, &payment, (wanted.refund_id, &priced), Occasion { request_id, now }).await?;
    let restock = (wanted.restock && !part.lines.is_empty()).then(|| Restock {
        refund_id: wanted.refund_id,
        actor: draft.actor.to_owned(),
        reason: draft.reason.to_owned(),
        lines: part.lines.clone(),
    });
    order_book::note(tx, &mut order, OriginEventKind::LinesRefunded, restock, &told(&draft), request_id, now).await?;
    parts.push(part);
    if part::is_all(&quote, &parts) {
        let events = order.machine().decide(&OrderCommand::TakeBack, now);
        let events = events.map_err(|rejection| Error::Bug(rejection.to_string()))?;
        order_book::record(tx, &mut order, &events, request_id, now).await?;
    }
    Ok(())
}

fn told(draft: &Wanted<'_>) -> String {
    format!("{} minor units go back: {}", draft.amount_minor, draft.reason)
}

/// Whether whoever asks may have money of this order back at all.
fn check_right(order: &StoredOrder, by: &RefundRight) -> Result<(), Error> {
    let refused = |detail: &str| Err(conflict("not_refundable", "That cannot be refunded", detail));
    match (order.placed.status, by) {
        (OrderStatus::Paid, _)
        | (
            OrderStatus::Packed | OrderStatus::Sent | OrderStatus::Delivered,
            RefundRight::Seller { .. } | RefundRight::Operator,
        ) => Ok(()),
        (OrderStatus::Packed | OrderStatus::Sent | OrderStatus::Delivered, RefundRight::Shopper) => {
            refused("it is being sent; ask the seller to take it back")
        }
        (OrderStatus::AwaitingPayment | OrderStatus::Cancelled, _) => refused("it is not paid"),
        (OrderStatus::RefundDue | OrderStatus::Refunded, _) => refused("all of it goes back already"),
    }
}

/// A seller gives back what is theirs.
fn check_seller(order: &StoredOrder, by: &RefundRight, part: &Part) -> Result<(), Error> {
    let RefundRight::Seller { seller } = by else { return Ok(()) };
    let is_theirs = |line: &&OrderLine| line.seller == *seller;
    let theirs: BTreeSet<_> = order.lines.iter().filter(is_theirs).map(|line| &line.sku).collect();
    if part.delivery || part.lines.iter().any(|line| !theirs.contains(&line.sku)) {
        let detail = "a seller gives back their own lines only, and the operator the delivery";
        return Err(Error::rejected(StatusCode::FORBIDDEN, "not_yours", "Not yours to refund", detail));
    }
    Ok(())
}

fn only_of(order: &StoredOrder, seller: &str, part: Part) -> Part {
    let is_theirs = |sku: &Sku| order.lines.iter().any(|line| line.sku == *sku && line.seller == seller);
    Part { lines: part.lines.into_iter().filter(|line| is_theirs(&line.sku)).collect(), delivery: false }
}

/// Begins a refund anew that failed for good.
pub async fn retry(app: &App, order_id: OrderId, refund_id: RefundId) -> Result<(), Error> {
    decide(app, order_id, &Command::Retry { refund_id }, refund_id).await
}

/// Notes that a refund that failed went back by another way.
pub async fn settle_by_hand(app: &App, order_id: OrderId, refund_id: RefundId) -> Result<(), Error> {
    decide(app, order_id, &Command::SettleByHand { refund_id }, refund_id).await
}

async fn decide(app: &App, order_id: OrderId, command: &Command, refund_id: RefundId) -> Result<(), Error> {
    app.store()
        .transact("decide_refund", move |mut tx: Tx| async move {
            let now = app.now();
            let stored = refunds::find(tx.connection(), refund_id).await?.filter(|stored| stored.order_id == order_id);
            let stored = stored.ok_or_else(Error::refund_not_found)?;
            if let Err(rejection) = apply(&mut tx, stored, command, |_| {}, now).await? {
                return Err(conflict("refund_stands", "Not now", rejection.to_string()));
            }
            tx.done(())
        })
        .await?;
    app.wake_outbox();
    app.wake_refunds();
    Ok(())
}

/// Makes a command part of a refund, and of its order once nothing is owed any more. `learn` adds what the machine does not know.
async fn apply(
    tx: &mut Tx,
    mut stored: StoredRefund,
    command: &Command,
    learn: impl FnOnce(&mut StoredRefund),
    now: Timestamp,
) -> Result<Result<(), Rejection>, Error> {
    let all = refunds::of_order(tx.connection(), stored.order_id).await?;
    let bug = || Error::Bug(format!("refund {} is of nothing", stored.id));
    let payment = payments::find(tx.connection(), &stored.reference).await?.ok_or_else(bug)?;
    let mut machine = machine(&payment, &all);
    let events = match machine.decide(command) {
        Ok(events) => events,
        Err(rejection) => return Ok(Err(rejection)),
    };
    events.iter().for_each(|event| machine.evolve(event));
    let before = stored.refund;
    stored.refund = *machine.get(stored.id).ok_or_else(bug)?;
    if stored.refund.attempt != before.attempt {
        (stored.asked_at, stored.gateway_refund_id, stored.last_error, stored.tries) = (None, None, None, 0);
        stored.next_try_at = Some(now);
    }
    learn(&mut stored);
    if !stored.refund.status.is_open() {
        stored.next_try_at = None;
    }
    refunds::update(tx, &stored, now).await?;
    if before.status != stored.refund.status {
        let occasion = Occasion { request_id: &stored.request_id, now };
        ledger::refund_changed(tx, &stored, &payment, before.status, occasion).await?;
        tell(&stored);
    }
    finish_order(tx, &stored, &all, now).await?;
    Ok(Ok(()))
}

fn tell(stored: &StoredRefund) {
    let (refund_id, order_id, status) = (stored.id, stored.order_id, stored.refund.status);
    if status == RefundStatus::Failed {
        tracing::error!(%refund_id, %order_id, error = stored.last_error, "a refund failed for good; somebody has to look");
    } else {
        tracing::info!(%refund_id, %order_id, %status, "refund changed");
    }
}

/// An order whose money had to go back is refunded once all of it is.
async fn finish_order(tx: &mut Tx, changed: &StoredRefund, all: &[StoredRefund], now: Timestamp) -> Result<(), Error> {
    let is_over = |stored: &StoredRefund| match stored.id == changed.id {
        true => changed.refund.status.is_over(),
        false => stored.refund.status.is_over(),
    };
    if !all.iter().all(is_over) {
        return Ok(());
    }
    let order = orders::find(tx.connection(), changed.order_id).await?;
    let mut order = order.ok_or_else(|| Error::Bug(format!("refund {} has no order", changed.id)))?;
    if order.placed.status != OrderStatus::RefundDue {
        return Ok(());
    }
    let events = order.machine().decide(&OrderCommand::FinishRefund, now);
    let events = events.map_err(|rejection| Error::Bug(rejection.to_string()))?;
    order_book::record(tx, &mut order, &events, &changed.request_id, now).await
}
