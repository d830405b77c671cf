//! Refunds and chargebacks through version 3 of Flutterwave.
//!
//! A refund has no name of ours and no key that makes it idempotent. Our name travels as `comments`, by which the refund is found
//! among those of its transaction.

use serde::{Deserialize, Serialize};

use super::super::super::figures::{Amount, Major, Name};
use super::super::super::refund::says_for_good;
use super::super::super::{
    DisputeObservation, GatewayError, ObservedRefund, PaymentName, RefundObservation, RefundOrder, Request, Response,
};
use super::super::{dispute_status, minor, open, read};
use super::FlutterwaveV3;

#[derive(Debug, Serialize)]
struct Wanted<'a> {
    amount: Major,
    comments: &'a str,
}

#[derive(Debug, Deserialize)]
struct Refund {
    id: Name,
    status: String,
    amount_refunded: Amount,
    #[serde(default)]
    comments: Option<String>,
    #[serde(default)]
    comment: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Chargeback {
    id: Name,
    status: String,
    #[serde(default)]
    tx_ref: Option<String>,
    #[serde(default)]
    transaction_id: Option<Name>,
}

impl Refund {
    fn note(&self) -> Option<&str> {
        self.comments.as_deref().or(self.comment.as_deref())
    }
}

impl FlutterwaveV3 {
    pub(in super::super) fn refund(&self, refund: &RefundOrder<'_>) -> Result<Request, GatewayError> {
        let transaction = refund.gateway_id.ok_or_else(GatewayError::id_not_known)?;
        let request = self.request(http::Method::POST, &["transactions", transaction, "refund"])?;
        request.with_json(&Wanted { amount: Major(refund.amount), comments: refund.id })
    }

    /// The list is filtered by the transaction's number.
    pub(in super::super) fn find_refund(&self, refund: &RefundOrder<'_>) -> Result<Request, GatewayError> {
        let transaction = refund.gateway_id.ok_or_else(GatewayError::id_not_known)?;
        Ok(self.request(http::Method::GET, &["refunds"])?.with_query(&[("id", transaction)]))
    }

    /// There is no question for one chargeback, only a list that is filtered.
    pub(in super::super) fn dispute(&self, dispute_id: &str) -> Result<Request, GatewayError> {
        Ok(self.request(http::Method::GET, &["chargebacks"])?.with_query(&[("id", dispute_id)]))
    }
}

/// Where a refund stands that was just asked for.
pub(in super::super) fn read_refunded(
    refund: &RefundOrder<'_>,
    response: &Response,
) -> Result<RefundObservation, GatewayError> {
    match read::<Refund>(response) {
        Ok(made) => observation(refund, &made),
        Err(GatewayError::Refused(words)) if says_for_good(&words) => Err(GatewayError::RefundRefused(words)),
        Err(error) => Err(error),
    }
}

/// Where a refund stands that may have been asked for. A refund that does not say whose it is may be ours, so that its presence
/// means that nobody knows.
pub(in super::super) fn read_found_refund(
    refund: &RefundOrder<'_>,
    response: &Response,
) -> Result<RefundObservation, GatewayError> {
    let refunds: Vec<Refund> = read(response)?;
    if let Some(found) = refunds.iter().find(|listed| listed.note() == Some(refund.id)) {
        return observation(refund, found);
    }
    if open(response)?.has_more() || refunds.iter().any(|listed| listed.note().is_none()) {
        let words = "whether it was asked for cannot be told from the list of the payment's refunds";
        return Err(GatewayError::Unreadable(words.to_owned()));
    }
    Ok(RefundObservation::unknown())
}

/// How it was done is a part of the status: `completed-mpgs`, `completed-bank-transfer`.
fn observation(order: &RefundOrder<'_>, refund: &Refund) -> Result<RefundObservation, GatewayError> {
    let status = match refund.status.as_str() {
        "new" | "pending" | "processing" => ObservedRefund::Pending,
        "successful" => ObservedRefund::Processed,
        done if done.starts_with("completed") => ObservedRefund::Processed,
        "failed" => ObservedRefund::Failed("Flutterwave says that the refund failed".to_owned()),
        other => return Err(GatewayError::Unreadable(format!("unknown refund status {other:?}"))),
    };
    let amount_minor = Some(minor(&refund.amount_refunded, order.amount.currency.code())?);
    Ok(RefundObservation { gateway_refund_id: Some(refund.id.0.clone()), status, amount_minor })
}

/// Where a chargeback stands. Of what currency its amount is, the list does not say, so the amount is left open.
pub(in super::super) fn read_dispute(
    dispute_id: &str,
    response: &Response,
) -> Result<DisputeObservation, GatewayError> {
    let listed: Vec<Chargeback> = read(response)?;
    let found = listed.into_iter().find(|one| one.id.0 == dispute_id);
    let found = found.ok_or_else(|| GatewayError::Unreadable(format!("no chargeback {dispute_id:?} is listed")))?;
    let by_reference = found.tx_ref.map(PaymentName::Reference);
    let payment = by_reference.or_else(|| found.transaction_id.map(|id| PaymentName::GatewayId(id.0)));
    Ok(DisputeObservation {
        id: found.id.0,
        payment: payment.ok_or_else(|| GatewayError::Unreadable("a chargeback without transaction".to_owned()))?,
        amount_minor: None,
        currency: None,
        status: dispute_status(&found.status)?,
    })
}
