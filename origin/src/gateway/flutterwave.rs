//! Flutterwave, through one of its two interfaces. Which one is a setting, and nothing of one ever stands in for the other: they have
//! other keys, other names for the same things, and know nothing of each other's payments.
//!
//! Both count in major units, so amounts travel as decimal texts that are never made a float.

pub mod v3;
pub mod v4;

use domain::money::Currency;
use domain::payment::Observation;
use domain::time::Timestamp;
use reqwest::Url;
use serde::Deserialize;
use serde_json::value::RawValue;

use self::v3::FlutterwaveV3;
use self::v4::FlutterwaveV4;
use super::figures::Amount;
use super::{
    AccessToken, BadWebhook, DisputeObservation, DisputeStatus, GatewayError, Initialise, Introduction, NO_PAYERS,
    Notice, RefundObservation, RefundOrder, Request, Response, Verify,
};

/// A Flutterwave account.
#[derive(Debug, Clone)]
pub enum Flutterwave {
    /// Through version 3.
    V3(FlutterwaveV3),
    /// Through version 4.
    V4(FlutterwaveV4),
}

/// What every answer has.
#[derive(Debug, Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<Fault>,
    #[serde(default)]
    meta: Option<Meta>,
}

/// What is wrong, as version 4 says it.
#[derive(Debug, Deserialize)]
struct Fault {
    #[serde(default)]
    message: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Meta {
    #[serde(default)]
    page_info: Option<PageInfo>,
}

#[derive(Debug, Deserialize)]
struct PageInfo {
    #[serde(default)]
    total_pages: Option<u32>,
}

impl Envelope<'_> {
    /// In words what went wrong.
    fn words(self) -> String {
        let words = self.error.and_then(|fault| fault.message).or(self.message);
        words.unwrap_or_else(|| "no reason given".to_owned())
    }

    /// Whether the answer is only a part of a list.
    fn has_more(&self) -> bool {
        let pages = self.meta.as_ref().and_then(|meta| meta.page_info.as_ref()).and_then(|info| info.total_pages);
        pages.is_some_and(|pages| pages > 1)
    }
}

/// An answer that says yes. It only says that the request was understood, not that anybody paid.
fn open(response: &Response) -> Result<Envelope<'_>, GatewayError> {
    response.refuse_if_unavailable()?;
    let status = response.status;
    let envelope: Envelope<'_> = serde_json::from_slice(&response.body)
        .map_err(|error| GatewayError::Unreadable(format!("HTTP {status}: {error}")))?;
    match status {
        200..=299 if !matches!(envelope.status.as_deref(), Some("error" | "failed")) => Ok(envelope),
        401 | 403 => Err(GatewayError::Unauthorised(envelope.words())),
        // Whoever answers like this is not Flutterwave.
        _ if envelope.status.is_none() && envelope.error.is_none() => {
            Err(GatewayError::Unreadable(format!("HTTP {status} without a reason")))
        }
        _ => Err(GatewayError::Refused(envelope.words())),
    }
}

/// `data` of an answer.
fn read<'a, T: Deserialize<'a>>(response: &'a Response) -> Result<T, GatewayError> {
    let data = open(response)?.data.map_or("null", RawValue::get);
    serde_json::from_str(data).map_err(|error| GatewayError::Unreadable(error.to_string()))
}

/// Major units of `currency` in minor ones.
fn minor(amount: &Amount, currency: &str) -> Result<i64, GatewayError> {
    let unreadable = || GatewayError::Unreadable(format!("{:?} is no exact amount of {currency}", amount.text()));
    amount.major(currency).ok_or_else(unreadable)
}

/// A chargeback that was `declined` is one that the shop disputes, and one that was `accepted` is paid back.
fn dispute_status(status: &str) -> Result<DisputeStatus, GatewayError> {
    match status {
        "new" | "pending" | "initiated" | "declined" => Ok(DisputeStatus::Open),
        "won" | "reversed" => Ok(DisputeStatus::Won),
        "lost" | "accepted" => Ok(DisputeStatus::Lost),
        other => Err(GatewayError::Unreadable(format!("unknown chargeback status {other:?}"))),
    }
}

impl Flutterwave {
    pub(super) const fn takes(&self, currency: Currency) -> bool {
        match self {
            Self::V3(_) => FlutterwaveV3::takes(currency),
            Self::V4(_) => FlutterwaveV4::takes(currency),
        }
    }

    pub(super) fn authenticate(&self) -> Option<Request> {
        match self {
            Self::V3(_) => None,
            Self::V4(account) => Some(account.authenticate()),
        }
    }

    pub(super) fn read_token(&self, response: &Response, asked_at: Timestamp) -> Result<AccessToken, GatewayError> {
        match self {
            Self::V3(_) => Err(GatewayError::NotOffered("version 3 of Flutterwave has no access tokens")),
            Self::V4(_) => v4::read_token(response, asked_at),
        }
    }

    pub(super) fn introduce(&self, payment: &Initialise<'_>) -> Result<Option<Request>, GatewayError> {
        match self {
            Self::V3(_) => Ok(None),
            Self::V4(account) => account.introduce(payment).map(Some),
        }
    }

    pub(super) fn read_introduced(
        &self,
        payment: &Initialise<'_>,
        response: &Response,
    ) -> Result<Introduction, GatewayError> {
        match self {
            Self::V3(_) => Err(NO_PAYERS),
            Self::V4(account) => account.read_introduced(payment, response),
        }
    }

    pub(super) fn read_payer(&self, payment: &Initialise<'_>, response: &Response) -> Result<String, GatewayError> {
        match self {
            Self::V3(_) => Err(NO_PAYERS),
            Self::V4(_) => v4::read_payer(payment, response),
        }
    }

    pub(super) fn initialise(&self, payment: &Initialise<'_>) -> Result<Request, GatewayError> {
        match self {
            Self::V3(account) => account.initialise(payment),
            Self::V4(account) => account.initialise(payment),
        }
    }

    pub(super) fn read_initialised(&self, reference: &str, response: &Response) -> Result<Url, GatewayError> {
        match self {
            Self::V3(_) => v3::read_initialised(response),
            Self::V4(_) => v4::read_initialised(reference, response),
        }
    }

    pub(super) fn verify(&self, payment: Verify<'_>) -> Result<Request, GatewayError> {
        match self {
            Self::V3(account) => account.verify(payment),
            Self::V4(account) => account.verify(payment),
        }
    }

    pub(super) fn read_verified(&self, reference: &str, response: &Response) -> Result<Observation, GatewayError> {
        match self {
            Self::V3(_) => v3::read_verified(reference, response),
            Self::V4(_) => v4::read_verified(reference, response),
        }
    }

    pub(super) fn verify_further(&self, seen: &Observation) -> Result<Option<Request>, GatewayError> {
        match self {
            Self::V3(account) => account.verify_further(seen),
            Self::V4(_) => Ok(None),
        }
    }

    pub(super) fn read_further(&self, seen: Observation, response: &Response) -> Result<Observation, GatewayError> {
        match self {
            Self::V3(_) => v3::read_further(seen, response),
            Self::V4(_) => Ok(seen),
        }
    }

    pub(super) fn refund(&self, refund: &RefundOrder<'_>) -> Result<Request, GatewayError> {
        match self {
            Self::V3(account) => account.refund(refund),
            Self::V4(account) => account.refund(refund),
        }
    }

    pub(super) fn read_refunded(
        &self,
        refund: &RefundOrder<'_>,
        response: &Response,
    ) -> Result<RefundObservation, GatewayError> {
        match self {
            Self::V3(_) => v3::refunds::read_refunded(refund, response),
            Self::V4(_) => v4::refunds::read_refunded(refund, response),
        }
    }

    pub(super) fn find_refund(&self, refund: &RefundOrder<'_>) -> Result<Request, GatewayError> {
        match self {
            Self::V3(account) => account.find_refund(refund),
            Self::V4(account) => account.find_refund(refund),
        }
    }

    pub(super) fn read_found_refund(
        &self,
        refund: &RefundOrder<'_>,
        response: &Response,
    ) -> Result<RefundObservation, GatewayError> {
        match self {
            Self::V3(_) => v3::refunds::read_found_refund(refund, response),
            Self::V4(_) => v4::refunds::read_found_refund(refund, response),
        }
    }

    pub(super) fn dispute(&self, dispute_id: &str) -> Result<Request, GatewayError> {
        match self {
            Self::V3(account) => account.dispute(dispute_id),
            Self::V4(account) => account.dispute(dispute_id),
        }
    }

    pub(super) fn read_dispute(
        &self,
        dispute_id: &str,
        response: &Response,
    ) -> Result<DisputeObservation, GatewayError> {
        match self {
            Self::V3(_) => v3::refunds::read_dispute(dispute_id, response),
            Self::V4(_) => v4::refunds::read_dispute(response),
        }
    }

    pub(super) fn open_webhook<'h>(
        &self,
        header: impl Fn(&'static str) -> Option<&'h str>,
        body: &[u8],
    ) -> Result<Notice, BadWebhook> {
        match self {
            Self::V3(account) => account.open_webhook(header, body),
            Self::V4(account) => account.open_webhook(header, body),
        }
    }
}
