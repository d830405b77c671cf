//! Refunds and chargebacks through version 4 of Flutterwave.
//!
//! Our name for a refund is its `X-Idempotency-Key` and stands in its `meta`, by which it is found among the refunds made since it was
//! asked for, as long as Flutterwave has told no name of its own: the list cannot be filtered by charge.

use domain::time::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::super::figures::{Amount, Major, Name, text};
use super::super::super::refund::says_for_good;
use super::super::super::{
    DisputeObservation, GatewayError, ObservedRefund, PaymentName, RefundObservation, RefundOrder, Request, Response,
};
use super::super::{dispute_status, minor, open, read};
use super::{FlutterwaveV4, HEADER_IDEMPOTENCY_KEY};

/// As many refunds as one answer lists.
const LISTED_MAX: &str = "50";
/// How far Flutterwave's clock may be behind ours.
const CLOCK_SKEW: Millis = Millis::minutes(10);

#[derive(Debug, Serialize)]
struct Wanted<'a> {
    amount: Major,
    charge_id: &'a str,
    reason: &'a str,
    meta: Meta<'a>,
}

#[derive(Debug, Serialize)]
struct Meta<'a> {
    refund_id: &'a str,
    note: &'a str,
}

#[derive(Debug, Deserialize)]
struct Refund {
    id: Name,
    status: String,
    amount_refunded: Amount,
    #[serde(default)]
    meta: Value,
}

#[derive(Debug, Deserialize)]
struct Chargeback {
    id: Name,
    charge_id: Name,
    status: String,
}

impl FlutterwaveV4 {
    pub(in super::super) fn refund(&self, refund: &RefundOrder<'_>) -> Result<Request, GatewayError> {
        let charge_id = refund.gateway_id.ok_or_else(GatewayError::id_not_known)?;
        let request = self.request(http::Method::POST, &["refunds"])?;
        request.with_header(HEADER_IDEMPOTENCY_KEY, refund.id).with_json(&Wanted {
            amount: Major(refund.amount),
            charge_id,
            reason: "requested_by_customer",
            meta: Meta { refund_id: refund.id, note: refund.reason },
        })
    }

    /// By Flutterwave's own name, or else among those that were made since it was asked for.
    pub(in super::super) fn find_refund(&self, refund: &RefundOrder<'_>) -> Result<Request, GatewayError> {
        if let Some(id) = refund.gateway_refund_id {
            return self.request(http::Method::GET, &["refunds", id]);
        }
        let from = (refund.asked_at + Millis(-CLOCK_SKEW.0)).rfc3339();
        let request = self.request(http::Method::GET, &["refunds"])?;
        Ok(request.with_query(&[("from", &from), ("page", "1"), ("size", LISTED_MAX)]))
    }

    pub(in super::super) fn dispute(&self, dispute_id: &str) -> Result<Request, GatewayError> {
        self.request(http::Method::GET, &["chargebacks", dispute_id])
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

/// Where a refund stands that may have been asked for.
pub(in super::super) fn read_found_refund(
    refund: &RefundOrder<'_>,
    response: &Response,
) -> Result<RefundObservation, GatewayError> {
    if refund.gateway_refund_id.is_some() {
        return observation(refund, &read(response)?);
    }
    let refunds: Vec<Refund> = read(response)?;
    if let Some(found) = refunds.iter().find(|listed| text(&listed.meta, "refund_id").as_deref() == Some(refund.id)) {
        return observation(refund, found);
    }
    if open(response)?.has_more() {
        let words = "there are more refunds than one page lists, and this one is not among the first";
        return Err(GatewayError::Unreadable(words.to_owned()));
    }
    Ok(RefundObservation::unknown())
}

fn observation(order: &RefundOrder<'_>, refund: &Refund) -> Result<RefundObservation, GatewayError> {
    let status = match refund.status.as_str() {
        "new" | "pending" | "requires_action" => ObservedRefund::Pending,
        "succeeded" | "completed" => ObservedRefund::Processed,
        "failed" | "cancelled" => ObservedRefund::Failed(format!("Flutterwave says that it is {}", refund.status)),
        other => return Err(GatewayError::Unreadable(format!("unknown refund status {other:?}"))),
    };
    let amount_minor = Some(minor(&refund.amount_refunded, order.amount.currency.code())?);
    Ok(RefundObservation { gateway_refund_id: Some(refund.id.0.clone()), status, amount_minor })
}

/// Where a chargeback stands. Of what currency its amount is, it does not say, so the amount is left open.
pub(in super::super) fn read_dispute(response: &Response) -> Result<DisputeObservation, GatewayError> {
    let found: Chargeback = read(response)?;
    Ok(DisputeObservation {
        id: found.id.0,
        payment: PaymentName::GatewayId(found.charge_id.0),
        amount_minor: None,
        currency: None,
        status: dispute_status(&found.status)?,
    })
}
