//! Payment gateways: how each one's requests are built and its answers and webhooks are read. Never sends anything.
//!
//! An enum, and every `match` on it names each gateway: a new one does not compile before all of it exists, the
//! verification of its webhooks included.

pub mod paystack;

use std::fmt;

use domain::money::{Currency, Money};
use domain::payment::Observation;
use domain::wire::GatewayName;
use reqwest::Url;

use self::paystack::Paystack;

/// A gateway that is set up.
#[derive(Debug, Clone)]
pub enum Gateway {
    /// paystack.com
    Paystack(Paystack),
}

/// A request to be sent to a gateway.
#[derive(Debug)]
pub struct Request {
    /// How.
    pub method: http::Method,
    /// Where to.
    pub url: Url,
    /// What to authenticate with.
    pub bearer: Secret,
    /// A JSON body, if any.
    pub body: Option<Vec<u8>>,
}

/// What a gateway answered.
#[derive(Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Body as it came.
    pub body: Vec<u8>,
}

/// A text that never shows itself.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
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

/// Why a gateway did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// The reference was used before: this attempt is lost, another one needs another reference.
    #[error("the gateway knows this reference already")]
    DuplicateReference,
    /// It does not want this payment, now or later.
    #[error("the gateway refused: {0}")]
    Refused(String),
    /// It does not accept our key.
    #[error("the gateway does not accept our key: {0}")]
    Unauthorised(String),
    /// It cannot answer now.
    #[error("the gateway is not available: {0}")]
    Unavailable(String),
    /// Its answer lacks something, or makes no sense.
    #[error("the gateway's answer cannot be read: {0}")]
    Unreadable(String),
}

/// A webhook whose signature was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The same for every copy of the same event, unlike any other event's.
    pub key: String,
    /// The gateway's name of the event.
    pub event: String,
    /// What it is about.
    pub about: Subject,
}

/// What a webhook is about. It is only a hint where to look: what happened, the gateway is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A payment may have changed.
    Payment {
        /// which
        reference: String,
    },
    /// Nothing that is acted upon; kept for the record.
    Other {
        /// the payment that it mentions, if any
        reference: Option<String>,
    },
}

/// Why a webhook is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadWebhook {
    /// It was not signed by the gateway.
    #[error("the signature does not match the body")]
    Forged,
    /// It was signed, but cannot be read.
    #[error("the event cannot be read: {0}")]
    Unreadable(String),
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
    pub fn verify(&self, reference: &str) -> Result<Request, GatewayError> {
        match self {
            Self::Paystack(paystack) => paystack.verify(reference),
        }
    }

    /// Where the payment stands, from the answer to [`Self::verify`].
    pub fn read_verified(&self, reference: &str, response: &Response) -> Result<Observation, GatewayError> {
        match self {
            Self::Paystack(_) => paystack::read_verified(reference, response),
        }
    }

    /// Opens a webhook: verifies its signature over the raw body, and only then reads it.
    pub fn open_webhook<'h>(
        &self,
        header: impl Fn(&'static str) -> Option<&'h str>,
        body: &[u8],
    ) -> Result<Notice, BadWebhook> {
        match self {
            Self::Paystack(paystack) => paystack.open_webhook(header, body),
        }
    }
}
