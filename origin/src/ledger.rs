//! Keeps the books: an entry for everything that moves money, in the transaction of its cause. Which accounts it moves between,
//! [`domain::ledger`] decides.

use domain::ids::{RefundId, Sku};
use domain::ledger::{Account, Entry, Sold};
use domain::refund::RefundStatus;
use domain::refund::part::{PaidDelivery, PricedPart};
use domain::time::Timestamp;

use crate::error::Error;
use crate::store::Tx;
use crate::store::disputes::StoredDispute;
use crate::store::ledger::{Circumstances, book};
use crate::store::orders::StoredOrder;
use crate::store::payments::StoredPayment;
use crate::store::refunds::StoredRefund;

/// What caused an entry, and when.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'o> {
    /// Names the request.
    pub request_id: &'o str,
    /// The time.
    pub now: Timestamp,
}

/// A payment settled its order.
pub async fn sale(
    tx: &mut Tx,
    order: &StoredOrder,
    payment: &StoredPayment,
    occasion: Occasion<'_>,
) -> Result<(), Error> {
    let line = |line: &domain::pricing::QuoteLine| {
        let shares = line.charge.shares();
        let commission_minor = order.commission_minor(&line.sku, shares.base_minor);
        Sold { to: seller(order, &line.sku), shares, commission_minor }
    };
    let mut sold: Vec<Sold> = order.quote.lines.iter().map(line).collect();
    sold.extend(PaidDelivery::all(&order.quote).into_iter().map(delivered));
    let entry = Entry::sale(payment.gateway, &sold);
    write(tx, &entry, payment, &payment.payment.reference, occasion).await
}

fn seller(order: &StoredOrder, sku: &Sku) -> Account {
    let line = order.lines.iter().find(|line| line.sku == *sku);
    Account::Seller(line.map(|line| line.seller.clone()).unwrap_or_default())
}

/// Of what is paid for delivery the shop takes no commission.
fn delivered(PaidDelivery { kept_by, charge }: PaidDelivery) -> Sold {
    Sold { to: kept_by.map_or(Account::Delivery, Account::Seller), shares: charge.shares(), commission_minor: 0 }
}

/// A payment captured what no order has a use for.
pub async fn unwanted(tx: &mut Tx, payment: &StoredPayment, occasion: Occasion<'_>) -> Result<(), Error> {
    let captured = payment.payment.captured.as_ref().map_or(0, |capture| capture.amount_minor);
    write(tx, &Entry::unwanted(payment.gateway, captured), payment, &payment.payment.reference, occasion).await
}

/// What the gateway kept of a capture, as soon as it says.
pub async fn fee(tx: &mut Tx, payment: &StoredPayment, occasion: Occasion<'_>) -> Result<(), Error> {
    let (Some(fee_minor), Some(_)) = (payment.fee_minor, &payment.payment.captured) else { return Ok(()) };
    write(tx, &Entry::fee(payment.gateway, fee_minor), payment, &payment.payment.reference, occasion).await
}

/// A part of an order goes back, by a refund.
pub async fn taken_back(
    tx: &mut Tx,
    order: &StoredOrder,
    payment: &StoredPayment,
    (refund_id, part): (RefundId, &PricedPart),
    occasion: Occasion<'_>,
) -> Result<(), Error> {
    let mut sold = Vec::with_capacity(part.lines.len() + part.deliveries.len());
    for line in &part.lines {
        let whole = order.charge(&line.sku)?.shares();
        let commission_minor = line.share_of(order.commission_minor(&line.sku, whole.base_minor));
        sold.push(Sold { to: seller(order, &line.sku), shares: line.shares_of(whole), commission_minor });
    }
    sold.extend(part.deliveries.iter().cloned().map(delivered));
    let entry = Entry::taken_back(&sold);
    write(tx, &entry, payment, &refund_id.to_string(), occasion).await
}

/// A refund went on from `before`.
pub async fn refund_changed(
    tx: &mut Tx,
    refund: &StoredRefund,
    payment: &StoredPayment,
    before: RefundStatus,
    occasion: Occasion<'_>,
) -> Result<(), Error> {
    let amount_minor = refund.refund.amount_minor;
    let entry = match (before, refund.refund.status) {
        (RefundStatus::Due | RefundStatus::Pending, RefundStatus::Done) => {
            Entry::refunded(Account::Gateway(payment.gateway), amount_minor)
        }
        (_, RefundStatus::SettledByHand) => Entry::refunded(Account::Bank, amount_minor),
        (RefundStatus::Done, RefundStatus::Failed) => Entry::refund_bounced(payment.gateway, amount_minor),
        (_, RefundStatus::Due | RefundStatus::Pending | RefundStatus::Failed)
        | (RefundStatus::Done | RefundStatus::Failed | RefundStatus::SettledByHand, RefundStatus::Done) => {
            return Ok(());
        }
    };
    // Settling by hand comes after an attempt, which may have been booked and have bounced.
    let by_hand = if refund.refund.status == RefundStatus::SettledByHand { "-by-hand" } else { "" };
    let subject = format!("{}-{}{by_hand}", refund.id, refund.refund.attempt);
    write(tx, &entry, payment, &subject, occasion).await
}

/// A dispute took money back from the gateway.
pub async fn dispute_lost(
    tx: &mut Tx,
    payment: &StoredPayment,
    dispute: &StoredDispute,
    occasion: Occasion<'_>,
) -> Result<(), Error> {
    let entry = Entry::dispute_lost(payment.gateway, dispute.amount_minor);
    let subject = format!("{}:{}", dispute.gateway.as_str(), dispute.id);
    write(tx, &entry, payment, &subject, occasion).await
}

async fn write(
    tx: &mut Tx,
    entry: &Entry,
    payment: &StoredPayment,
    subject: &str,
    occasion: Occasion<'_>,
) -> Result<(), Error> {
    let currency = payment.payment.captured.as_ref().map(|capture| capture.currency.as_str());
    let circumstances = Circumstances {
        subject,
        order_id: Some(payment.order_id),
        reference: Some(&payment.payment.reference),
        currency: currency.unwrap_or(payment.payment.expected.currency.code()),
        request_id: occasion.request_id,
        at: occasion.now,
    };
    book(tx, entry, &circumstances).await?;
    Ok(())
}
