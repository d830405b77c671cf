//! Paystack's refunds and disputes.
//!
//! Paystack takes no name of ours for a refund and no key that makes it idempotent. Our name travels as `merchant_note`, by which
//! the refund is found among those of its payment.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::figures::{Amount, Name};
use super::super::refund::says_for_good;
use super::super::{
    DisputeObservation, DisputeStatus, GatewayError, ObservedRefund, PaymentName, RefundObservation, RefundOrder,
    Request, Response, about_another,
};
use super::{Paystack, minor, open, read};

/// As many refunds as one answer lists. Nobody gets their money back in more parts.
const LISTED_MAX: usize = 100;

#[derive(Debug, Deserialize)]
struct Refund {
    id: Name,
    status: String,
    amount: Amount,
    #[serde(default)]
    merchant_note: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Dispute {
    id: Name,
    status: String,
    #[serde(default)]
    resolution: Option<String>,
    #[serde(default)]
    refund_amount: Option<Amount>,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    transaction: Option<Disputed>,
    #[serde(default)]
    transaction_reference: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Disputed {
    #[serde(default)]
    id: Option<Name>,
    #[serde(default)]
    reference: Option<String>,
}

impl Paystack {
    pub(in super::super) fn refund(&self, refund: &RefundOrder<'_>) -> Result<Request, GatewayError> {
        self.request(http::Method::POST, &["refund"])?.with_json(&json!({
            "transaction": refund.gateway_id.unwrap_or(refund.reference),
            "amount": refund.amount.amount_minor,
            "currency": refund.amount.currency.code(),
            "merchant_note": refund.id,
            "customer_note": refund.reason,
        }))
    }

    /// The list is filtered by the payment's number alone.
    pub(in super::super) fn find_refund(&self, refund: &RefundOrder<'_>) -> Result<Request, GatewayError> {
        let transaction = refund.gateway_id.ok_or_else(GatewayError::id_not_known)?;
        let per_page = LISTED_MAX.to_string();
        let request = self.request(http::Method::GET, &["refund"])?;
        Ok(request.with_query(&[("transaction", transaction), ("perPage", &per_page)]))
    }

    pub(in super::super) fn dispute(&self, dispute_id: &str) -> Result<Request, GatewayError> {
        self.request(http::Method::GET, &["dispute", dispute_id])
    }
}

/// Where a refund stands that was just asked for.
pub(in super::super) fn read_refunded(
    refund: &RefundOrder<'_>,
    response: &Response,
) -> Result<RefundObservation, GatewayError> {
    match read::<Refund>(response) {
        Ok(made) if made.merchant_note.as_deref().is_some_and(|note| note != refund.id) => {
            Err(about_another(&made.merchant_note.unwrap_or_default(), refund.id))
        }
        Ok(made) => observation(&made),
        Err(GatewayError::Refused(message)) if says_for_good(&message) => Err(GatewayError::RefundRefused(message)),
        Err(error) => Err(error),
    }
}

/// Where a refund stands that may have been asked for.
pub(in super::super) fn read_found_refund(
    refund: &RefundOrder<'_>,
    response: &Response,
) -> Result<RefundObservation, GatewayError> {
    let refunds: Vec<Refund> = read(response)?;
    let ours = |listed: &&Refund| listed.merchant_note.as_deref() == Some(refund.id);
    if let Some(found) = refunds.iter().find(ours) {
        return observation(found);
    }
    let pages = open(response)?.meta.get("pageCount").and_then(Value::as_u64).unwrap_or(1);
    if refunds.len() >= LISTED_MAX || pages > 1 {
        let more = format!("the payment has more than {} refunds, and this one is not among the first", refunds.len());
        return Err(GatewayError::Unreadable(more));
    }
    Ok(RefundObservation::unknown())
}

/// A refund that `needs-attention` waits for the payer's account number, which somebody gives in Paystack's dashboard. It may still be
/// done, so it must not be asked for again.
fn observation(refund: &Refund) -> Result<RefundObservation, GatewayError> {
    let status = match refund.status.as_str() {
        "pending" | "processing" | "needs-attention" => ObservedRefund::Pending,
        "processed" => ObservedRefund::Processed,
        "failed" => ObservedRefund::Failed("Paystack says that the refund failed".to_owned()),
        other => return Err(GatewayError::Unreadable(format!("unknown refund status {other:?}"))),
    };
    let amount_minor = Some(minor(&refund.amount)?);
    Ok(RefundObservation { gateway_refund_id: Some(refund.id.0.clone()), status, amount_minor })
}

/// Where a dispute stands. It is decided once it has a resolution: `declined` means that the claim was turned down; every kind of
/// `accepted` gives the payer the money. One that was `archived` without a resolution stays open here, for an operator to look at.
pub(in super::super) fn read_dispute(response: &Response) -> Result<DisputeObservation, GatewayError> {
    let dispute: Dispute = read(response)?;
    let status = match (dispute.status.as_str(), dispute.resolution.as_deref()) {
        ("resolved" | "archived", Some("declined")) => DisputeStatus::Won,
        ("resolved" | "archived", Some(resolution)) if resolution.ends_with("accepted") => DisputeStatus::Lost,
        ("resolved", resolution) => {
            return Err(GatewayError::Unreadable(format!("unknown resolution {resolution:?} of a dispute")));
        }
        ("archived" | "pending" | "awaiting-merchant-feedback" | "awaiting-bank-feedback", _) => DisputeStatus::Open,
        (other, _) => return Err(GatewayError::Unreadable(format!("unknown dispute status {other:?}"))),
    };
    let (id, reference) = dispute.transaction.map(|of| (of.id, of.reference)).unwrap_or_default();
    let payment = reference.or(dispute.transaction_reference).map(PaymentName::Reference);
    let payment = payment.or_else(|| id.map(|id| PaymentName::GatewayId(id.0)));
    Ok(DisputeObservation {
        id: dispute.id.0,
        payment: payment.ok_or_else(|| GatewayError::Unreadable("a dispute without transaction".to_owned()))?,
        amount_minor: dispute.refund_amount.as_ref().map(minor).transpose()?,
        currency: dispute.currency.map(|currency| currency.to_uppercase()),
        status,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{answer, json_of, order};
    use super::*;

    fn account() -> Paystack {
        Paystack::new("https://api.paystack.co".parse().unwrap(), "sk_test_example".to_owned())
    }

    fn data(data: &str) -> Response {
        answer(200, &format!(r#"{{"status":true,"message":"ok","data":{data}}}"#))
    }

    fn refused(message: &str) -> Response {
        answer(400, &format!(r#"{{"status":false,"message":"{message}","code":"unknown"}}"#))
    }

    #[test]
    fn a_refund_is_asked_for_and_found_by_our_name_for_it() {
        let request = account().refund(&order()).unwrap();
        assert_eq!(request.url.as_str(), "https://api.paystack.co/refund");
        let body = json_of(&request);
        assert_eq!((&body["transaction"], &body["amount"]), (&json!("1641"), &json!(5_000)));
        assert_eq!(body["merchant_note"], json!("rf-1"));
        let request = account().find_refund(&order()).unwrap();
        assert_eq!(request.url.as_str(), "https://api.paystack.co/refund?transaction=1641&perPage=100");
        let nameless = account().find_refund(&RefundOrder { gateway_id: None, ..order() });
        assert!(matches!(nameless, Err(GatewayError::Unavailable(_))), "it is known once the payment was asked about");
    }

    #[test]
    fn a_refund_that_was_asked_for_is_under_way() {
        let made =
            r#"{"transaction":{"id":1641},"id":3018284,"merchant_note":"rf-1","status":"pending","amount":5000}"#;
        let seen = read_refunded(&order(), &data(made)).unwrap();
        assert_eq!(seen.gateway_refund_id.as_deref(), Some("3018284"));
        assert_eq!((seen.status, seen.amount_minor), (ObservedRefund::Pending, Some(5_000)));
        let other = r#"{"id":1,"merchant_note":"rf-2","status":"pending","amount":5000}"#;
        assert!(matches!(read_refunded(&order(), &data(other)), Err(GatewayError::Unreadable(_))));
    }

    #[test]
    fn a_refund_of_what_went_back_already_is_refused_for_good_and_an_empty_balance_is_not() {
        let error = |message| read_refunded(&order(), &refused(message)).unwrap_err();
        for words in ["Transaction has been fully reversed", "Refund amount cannot be more than the transaction amount"]
        {
            assert_eq!(error(words), GatewayError::RefundRefused(words.to_owned()));
        }
        let words = "Your balance is not enough to fulfil this request";
        assert_eq!(error(words), GatewayError::Refused(words.to_owned()));
    }

    #[test]
    fn a_lost_answer_to_a_refund_is_found_among_the_payments_refunds() {
        let list = r#"[{"id":1,"transaction":1641,"merchant_note":"rf-0","status":"processed","amount":100},
            {"id":2,"transaction":1641,"merchant_note":"rf-1","status":"processed","amount":5000,"dispute":null}]"#;
        let seen = read_found_refund(&order(), &data(list)).unwrap();
        assert_eq!((seen.gateway_refund_id.as_deref(), seen.status), (Some("2"), ObservedRefund::Processed));
        let seen = read_found_refund(&order(), &data("[]")).unwrap();
        assert_eq!(seen, RefundObservation::unknown());
        let of_another = r#"[{"id":1,"merchant_note":"rf-10","status":"processed","amount":100}]"#;
        assert_eq!(read_found_refund(&order(), &data(of_another)).unwrap().status, ObservedRefund::Unknown);
    }

    #[test]
    fn what_may_be_on_another_page_is_not_taken_for_unknown() {
        let response = answer(200, r#"{"status":true,"message":"ok","data":[],"meta":{"pageCount":2}}"#);
        assert!(matches!(read_found_refund(&order(), &response), Err(GatewayError::Unreadable(_))));
        let full = vec![r#"{"id":1,"merchant_note":null,"status":"processed","amount":1}"#; LISTED_MAX].join(",");
        let full = read_found_refund(&order(), &data(&format!("[{full}]")));
        assert!(matches!(full, Err(GatewayError::Unreadable(_))));
    }

    #[test]
    fn a_refund_is_over_only_when_its_status_says_so() {
        let status = |word: &str| {
            let made = format!(r#"{{"id":1,"merchant_note":"rf-1","status":"{word}","amount":5000}}"#);
            read_refunded(&order(), &data(&made)).map(|seen| seen.status)
        };
        assert_eq!(status("processing"), Ok(ObservedRefund::Pending));
        assert_eq!(status("needs-attention"), Ok(ObservedRefund::Pending));
        assert_eq!(status("processed"), Ok(ObservedRefund::Processed));
        assert!(matches!(status("failed"), Ok(ObservedRefund::Failed(_))));
        assert!(matches!(status("odd"), Err(GatewayError::Unreadable(_))));
    }

    #[test]
    fn a_dispute_is_decided_by_its_resolution() {
        let dispute = |status: &str, resolution: &str| {
            let found = format!(
                r#"{{"id":2867,"refund_amount":39100,"currency":"NGN","status":"{status}","resolution":{resolution},
                "transaction":{{"id":5991760,"reference":"ref-1","amount":39100}},"transaction_reference":null}}"#
            );
            read_dispute(&data(&found))
        };
        let seen = dispute("awaiting-merchant-feedback", "null").unwrap();
        assert_eq!((seen.id.as_str(), seen.amount_minor), ("2867", Some(39_100)));
        assert_eq!(seen.payment, PaymentName::Reference("ref-1".to_owned()));
        let status = |status, resolution| dispute(status, resolution).map(|seen| seen.status);
        assert_eq!(seen.status, DisputeStatus::Open);
        assert_eq!(status("resolved", r#""merchant-accepted""#), Ok(DisputeStatus::Lost));
        assert_eq!(status("resolved", r#""auto-accepted""#), Ok(DisputeStatus::Lost));
        assert_eq!(status("resolved", r#""declined""#), Ok(DisputeStatus::Won));
        assert_eq!(status("archived", "null"), Ok(DisputeStatus::Open));
        assert!(status("resolved", "null").is_err());
    }
}
