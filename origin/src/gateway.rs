//! Payment gateways: how each one's requests are built and its answers and webhooks are read. Never sends anything.
//!
//! An enum, and every `match` on it names each gateway: a new one does not compile before all of it exists, the
//! verification of its webhooks included. Whatever a gateway is asked goes through [`crate::App::ask`].

mod exchange;
mod figures;
mod notice;
pub mod paystack;
mod refund;

use domain::money::{Currency, Money};
use domain::payment::Observation;
use domain::time::Timestamp;
use domain::wire::GatewayName;
use reqwest::Url;

pub use self::exchange::{AccessToken, Auth, Body, Request, Response, Secret};
pub use self::notice::{BadWebhook, DisputeObservation, DisputeStatus, Notice, PaymentName, Subject};
use self::paystack::Paystack;
pub use self::refund::{ObservedRefund, RefundObservation, RefundOrder};

/// A gateway that is set up.
#[derive(Debug, Clone)]
pub enum Gateway {
    /// paystack.com
    Paystack(Paystack),
}

/// A payment to be begun.
#[derive(Debug, Clone)]
pub struct Initialise<'a> {
    /// Our name for it, never used before.
    pub reference: &'a str,
    /// What to collect.
    pub amount: Money,
    /// Who pays.
    pub email: &'a str,
    /// Where the shopper goes afterwards.
    pub return_url: &'a str,
    /// Shown in the gateway's own pages.
    pub order_id: &'a str,
}

/// A payment to be asked about.
#[derive(Debug, Clone, Copy)]
pub struct Verify<'a> {
    /// Our name for it.
    pub reference: &'a str,
    /// The page on which it is paid, as [`Gateway::read_initialised`] gave it; `None` when that answer was lost.
    pub page: Option<&'a str>,
}

/// Why a gateway did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// The reference was used before: this attempt is lost, another one needs another reference.
    #[error("the gateway knows this reference already")]
    DuplicateReference,
    /// It does not want this payment, now or later.
    #[error("the gateway refused: {0}")]
    Refused(String),
    /// It will never do this refund: nothing is left of the payment, or less than is asked for.
    #[error("the gateway refuses this refund for good: {0}")]
    RefundRefused(String),
    /// It does not accept our key.
    #[error("the gateway does not accept our key: {0}")]
    Unauthorised(String),
    /// It cannot answer now.
    #[error("the gateway is not available: {0}")]
    Unavailable(String),
    /// Its answer lacks something, or makes no sense.
    #[error("the gateway's answer cannot be read: {0}")]
    Unreadable(String),
    /// It has no such thing in its API.
    #[error("the gateway cannot be asked for this: {0}")]
    NotOffered(&'static str),
}

impl GatewayError {
    /// A refund, or a search for one, that needs the gateway's own name of the payment, which is learnt by asking about it.
    fn id_not_known() -> Self {
        Self::Unavailable("its name of the payment is not known yet; ask about the payment first".to_owned())
    }
}

impl Gateway {
    /// Its name.
    pub const fn name(&self) -> GatewayName {
        match self {
            Self::Paystack(_) => GatewayName::Paystack,
        }
    }

    /// Whether it takes payments in `currency`.
    pub const fn takes(&self, currency: Currency) -> bool {
        match self {
            Self::Paystack(_) => Paystack::takes(currency),
        }
    }

    /// The request for an access token, if this gateway opens its API with short-lived ones.
    pub fn authenticate(&self) -> Result<Option<Request>, GatewayError> {
        match self {
            Self::Paystack(_) => Ok(None),
        }
    }

    /// The token, from the answer to [`Self::authenticate`], which was asked for at `asked_at`.
    pub fn read_token(&self, response: &Response, asked_at: Timestamp) -> Result<AccessToken, GatewayError> {
        let _ = (response, asked_at);
        match self {
            Self::Paystack(_) => Err(GatewayError::NotOffered("Paystack has no access tokens")),
        }
    }

    /// The request that begins a payment.
    pub fn initialise(&self, payment: &Initialise<'_>) -> Result<Request, GatewayError> {
        match self {
            Self::Paystack(paystack) => paystack.initialise(payment),
        }
    }

    /// The page on which the shopper pays, from the answer to [`Self::initialise`].
    pub fn read_initialised(&self, reference: &str, response: &Response) -> Result<Url, GatewayError> {
        match self {
            Self::Paystack(_) => paystack::read_initialised(reference, response),
        }
    }

    /// The request that asks where a payment stands.
    pub fn verify(&self, payment: Verify<'_>) -> Result<Request, GatewayError> {
        match self {
            Self::Paystack(paystack) => paystack.verify(payment),
        }
    }

    /// Where the payment stands, from the answer to [`Self::verify`].
    pub fn read_verified(&self, reference: &str, response: &Response) -> Result<Observation, GatewayError> {
        match self {
            Self::Paystack(_) => paystack::read_verified(reference, response),
        }
    }

    /// The request for a refund. Asked for again only when [`Self::find_refund`] says that the gateway never heard of it.
    pub fn refund(&self, refund: &RefundOrder<'_>) -> Result<Request, GatewayError> {
        match self {
            Self::Paystack(paystack) => paystack.refund(refund),
        }
    }

    /// Where the refund stands, from the answer to [`Self::refund`].
    pub fn read_refunded(
        &self,
        refund: &RefundOrder<'_>,
        response: &Response,
    ) -> Result<RefundObservation, GatewayError> {
        match self {
            Self::Paystack(_) => paystack::refunds::read_refunded(refund, response),
        }
    }

    /// The request that finds a refund that may have been asked for before.
    pub fn find_refund(&self, refund: &RefundOrder<'_>) -> Result<Request, GatewayError> {
        match self {
            Self::Paystack(paystack) => paystack.find_refund(refund),
        }
    }

    /// Where the refund stands, from the answer to [`Self::find_refund`]: [`ObservedRefund::Unknown`] only when the gateway surely
    /// never heard of it.
    pub fn read_found_refund(
        &self,
        refund: &RefundOrder<'_>,
        response: &Response,
    ) -> Result<RefundObservation, GatewayError> {
        match self {
            Self::Paystack(_) => paystack::refunds::read_found_refund(refund, response),
        }
    }

    /// The request that asks where a dispute stands.
    pub fn dispute(&self, dispute_id: &str) -> Result<Request, GatewayError> {
        match self {
            Self::Paystack(paystack) => paystack.dispute(dispute_id),
        }
    }

    /// Where the dispute stands, from the answer to [`Self::dispute`].
    pub fn read_dispute(&self, response: &Response) -> Result<DisputeObservation, GatewayError> {
        match self {
            Self::Paystack(_) => paystack::refunds::read_dispute(response),
        }
    }

    /// Opens a webhook that came at `now`: verifies its signature over the raw body, and only then reads it.
    pub fn open_webhook<'h>(
        &self,
        header: impl Fn(&'static str) -> Option<&'h str>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Notice, BadWebhook> {
        let _ = now;
        match self {
            Self::Paystack(paystack) => paystack.open_webhook(header, body),
        }
    }
}

/// A page to which a shopper can be sent.
fn page(text: &str, field: &str) -> Result<Url, GatewayError> {
    let url = text.parse().ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| GatewayError::Unreadable(format!("{field} is no web address")))
}

/// An answer that is about another payment than was asked for.
fn about_another(found: &str, wanted: &str) -> GatewayError {
    GatewayError::Unreadable(format!("it is about {found:?}, not {wanted:?}"))
}
