//! Monnify's refunds. They bear our name, and asking for one twice is refused. Of disputes its interface says nothing.

use serde::{Deserialize, Serialize};

use super::super::figures::{Amount, Major};
use super::super::{GatewayError, ObservedRefund, RefundObservation, RefundOrder, Request, Response, about_another};
use super::{Monnify, error_code, minor, read};

/// What Monnify takes of the reason, and of what the payer reads in the bank statement.
const REASON_LENGTH_MAX: usize = 64;
const NOTE_LENGTH_MAX: usize = 16;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Wanted<'a> {
    transaction_reference: &'a str,
    refund_reference: &'a str,
    refund_amount: Major,
    refund_reason: String,
    customer_note: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refund {
    refund_reference: String,
    refund_status: String,
    refund_amount: Amount,
    #[serde(default)]
    comment: Option<String>,
}

impl Monnify {
    pub(in super::super) fn refund(&self, refund: &RefundOrder<'_>) -> Result<Request, GatewayError> {
        let transaction_reference = refund.gateway_id.ok_or_else(GatewayError::id_not_known)?;
        let beginning = |length| refund.reason.chars().take(length).collect();
        self.request(http::Method::POST, &["v1", "refunds", "initiate-refund"])?.with_json(&Wanted {
            transaction_reference,
            refund_reference: refund.id,
            refund_amount: Major(refund.amount),
            refund_reason: beginning(REASON_LENGTH_MAX),
            customer_note: beginning(NOTE_LENGTH_MAX),
        })
    }

    pub(in super::super) fn find_refund(&self, refund: &RefundOrder<'_>) -> Result<Request, GatewayError> {
        self.request(http::Method::GET, &["v1", "refunds", refund.id])
    }
}

/// Where a refund stands that was just asked for.
pub(in super::super) fn read_refunded(
    refund: &RefundOrder<'_>,
    response: &Response,
) -> Result<RefundObservation, GatewayError> {
    let words = match read::<Refund>(response) {
        Err(GatewayError::Refused(words)) => words,
        read => return observation(refund, read?),
    };
    match error_code(response).as_deref() {
        // Not of this kind of payment; more than was paid; less than Monnify gives back; more than is left.
        Some("R2" | "R3" | "R4" | "R12") => Err(GatewayError::RefundRefused(words)),
        // It was asked for before, and the answer was lost.
        Some("R9") => {
            Ok(RefundObservation { gateway_refund_id: None, status: ObservedRefund::Pending, amount_minor: None })
        }
        // The shop's balance cannot be had, or the bank.
        Some("R10" | "R11") => Err(GatewayError::Unavailable(words)),
        // Not enough in the shop's wallet (R5), a payer's account that is not known (R6), and whatever else may change.
        _ => Err(GatewayError::Refused(words)),
    }
}

/// Where a refund stands that may have been asked for.
pub(in super::super) fn read_found_refund(
    refund: &RefundOrder<'_>,
    response: &Response,
) -> Result<RefundObservation, GatewayError> {
    match read::<Refund>(response) {
        Err(GatewayError::Refused(_)) if response.status == 404 || error_code(response).as_deref() == Some("R7") => {
            Ok(RefundObservation::unknown())
        }
        read => observation(refund, read?),
    }
}

fn observation(order: &RefundOrder<'_>, refund: Refund) -> Result<RefundObservation, GatewayError> {
    if refund.refund_reference != order.id {
        return Err(about_another(&refund.refund_reference, order.id));
    }
    let status = match refund.refund_status.as_str() {
        "PENDING" | "IN_PROGRESS" => ObservedRefund::Pending,
        "COMPLETED" => ObservedRefund::Processed,
        "FAILED" => ObservedRefund::Failed(refund.comment.unwrap_or_else(|| "no reason given".to_owned())),
        other => return Err(GatewayError::Unreadable(format!("unknown refund status {other:?}"))),
    };
    let amount_minor = Some(minor(&refund.refund_amount, order.amount.currency.code())?);
    Ok(RefundObservation { gateway_refund_id: Some(refund.refund_reference), status, amount_minor })
}
