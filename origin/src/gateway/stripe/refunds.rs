//! Stripe's refunds and disputes.
//!
//! Our name for a refund is its `Idempotency-Key` and stands in its metadata, by which it is found among those of its payment long
//! after Stripe has forgotten the key.

use serde::Deserialize;
use serde_json::Value;

use super::super::figures::text;
use super::super::refund::says_for_good;
use super::super::{
    DisputeObservation, DisputeStatus, GatewayError, ObservedRefund, PaymentName, RefundObservation, RefundOrder,
    Request, Response,
};
use super::{HEADER_IDEMPOTENCY_KEY, Stripe, fault, minor, read};

/// As many refunds as one answer lists.
const LISTED_MAX: &str = "100";

#[derive(Debug, Deserialize)]
struct Refund {
    id: String,
    status: String,
    amount: u64,
    #[serde(default)]
    metadata: Value,
    #[serde(default)]
    failure_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct List {
    data: Vec<Refund>,
    has_more: bool,
}

#[derive(Debug, Deserialize)]
struct Dispute {
    id: String,
    status: String,
    amount: u64,
    currency: String,
    payment_intent: Option<String>,
}

impl Stripe {
    pub(in super::super) fn refund(&self, refund: &RefundOrder<'_>) -> Result<Request, GatewayError> {
        let intent = refund.gateway_id.ok_or_else(GatewayError::id_not_known)?;
        let amount = refund.amount.amount_minor.to_string();
        let request = self.request(http::Method::POST, &["refunds"])?;
        Ok(request.with_header(HEADER_IDEMPOTENCY_KEY, refund.id).with_form(&[
            ("payment_intent", intent),
            ("amount", &amount),
            ("reason", "requested_by_customer"),
            ("metadata[refund_id]", refund.id),
            ("metadata[reference]", refund.reference),
            ("metadata[note]", refund.reason),
        ]))
    }

    pub(in super::super) fn find_refund(&self, refund: &RefundOrder<'_>) -> Result<Request, GatewayError> {
        let intent = refund.gateway_id.ok_or_else(GatewayError::id_not_known)?;
        let request = self.request(http::Method::GET, &["refunds"])?;
        Ok(request.with_query(&[("payment_intent", intent), ("limit", LISTED_MAX)]))
    }

    pub(in super::super) fn dispute(&self, dispute_id: &str) -> Result<Request, GatewayError> {
        self.request(http::Method::GET, &["disputes", dispute_id])
    }
}

/// Where a refund stands that was just asked for.
pub(in super::super) fn read_refunded(response: &Response) -> Result<RefundObservation, GatewayError> {
    match read::<Refund>(response) {
        Ok(made) => observation(&made),
        Err(GatewayError::Refused(words)) => {
            let code = fault(response).and_then(|fault| fault.code);
            // An empty balance has a code too, and passes.
            match code.as_deref() {
                Some("charge_already_refunded") => Err(GatewayError::RefundRefused(words)),
                Some("balance_insufficient" | "insufficient_funds") => Err(GatewayError::Refused(words)),
                _ if says_for_good(&words) => Err(GatewayError::RefundRefused(words)),
                _ => Err(GatewayError::Refused(words)),
            }
        }
        Err(error) => Err(error),
    }
}

/// Where a refund stands that may have been asked for.
pub(in super::super) fn read_found_refund(
    refund: &RefundOrder<'_>,
    response: &Response,
) -> Result<RefundObservation, GatewayError> {
    let list: List = read(response)?;
    if let Some(found) =
        list.data.iter().find(|listed| text(&listed.metadata, "refund_id").as_deref() == Some(refund.id))
    {
        return observation(found);
    }
    if list.has_more {
        let words = "the payment has more refunds than one page lists, and this one is not among the first";
        return Err(GatewayError::Unreadable(words.to_owned()));
    }
    Ok(RefundObservation::unknown())
}

fn observation(refund: &Refund) -> Result<RefundObservation, GatewayError> {
    let status = match refund.status.as_str() {
        "pending" | "requires_action" => ObservedRefund::Pending,
        "succeeded" => ObservedRefund::Processed,
        "failed" | "canceled" => {
            ObservedRefund::Failed(refund.failure_reason.clone().unwrap_or_else(|| refund.status.clone()))
        }
        other => return Err(GatewayError::Unreadable(format!("unknown refund status {other:?}"))),
    };
    let amount_minor = Some(minor(refund.amount)?);
    Ok(RefundObservation { gateway_refund_id: Some(refund.id.clone()), status, amount_minor })
}

/// Where a dispute stands. An early warning that was closed is no dispute any more.
pub(in super::super) fn read_dispute(response: &Response) -> Result<DisputeObservation, GatewayError> {
    let dispute: Dispute = read(response)?;
    let status = match dispute.status.as_str() {
        "warning_needs_response" | "warning_under_review" | "needs_response" | "under_review" => DisputeStatus::Open,
        "won" | "warning_closed" | "prevented" => DisputeStatus::Won,
        "lost" | "charge_refunded" => DisputeStatus::Lost,
        other => return Err(GatewayError::Unreadable(format!("unknown dispute status {other:?}"))),
    };
    let missing = || GatewayError::Unreadable("a dispute without payment_intent".to_owned());
    Ok(DisputeObservation {
        id: dispute.id,
        payment: PaymentName::GatewayId(dispute.payment_intent.ok_or_else(missing)?),
        amount_minor: Some(minor(dispute.amount)?),
        currency: Some(dispute.currency.to_uppercase()),
        status,
    })
}
