//! Payment gateways: how each one's requests are built and its answers and webhooks are read. Never sends anything.
//!
//! An enum, and every `match` on it names each gateway: a new one does not compile before all of it exists, the
//! verification of its webhooks included. Whatever a gateway is asked goes through [`crate::App::ask`].

mod exchange;
mod figures;
pub mod flutterwave;
pub mod monnify;
mod notice;
pub mod paystack;
mod refund;
pub mod stripe;
#[cfg(test)]
mod testing;
mod transfer;

use domain::money::{Currency, Money};
use domain::payment::Observation;
use domain::time::Timestamp;
use domain::wire::{BankAccount, GatewayName};
use reqwest::Url;
use sha2::{Digest, Sha256};

pub use self::exchange::{AccessToken, Auth, Body, Request, Response, Secret};
use self::flutterwave::Flutterwave;
use self::monnify::Monnify;
pub use self::notice::{BadWebhook, DisputeObservation, DisputeStatus, Notice, PaymentName, Subject};
use self::paystack::Paystack;
pub use self::refund::{ObservedRefund, RefundObservation, RefundOrder};
use self::stripe::Stripe;
pub use self::transfer::{ObservedTransfer, Recipient, TransferObservation, TransferOrder};

/// A gateway that is set up.
#[derive(Debug, Clone)]
pub enum Gateway {
    /// paystack.com
    Paystack(Paystack),
    /// flutterwave.com
    Flutterwave(Flutterwave),
    /// monnify.com
    Monnify(Monnify),
    /// stripe.com
    Stripe(Stripe),
}

/// A payment to be begun.
#[derive(Debug, Clone, Copy)]
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
    /// The gateway's own name of the payer, if it wants to know them first ([`Gateway::introduce`]).
    pub payer_id: Option<&'a str>,
}

/// What became of introducing a payer.
#[derive(Debug)]
pub enum Introduction {
    /// The gateway gave them this name.
    Named(String),
    /// It knows them already: this request asks under which name.
    KnownAlready(Request),
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
            Self::Flutterwave(_) => GatewayName::Flutterwave,
            Self::Monnify(_) => GatewayName::Monnify,
            Self::Stripe(_) => GatewayName::Stripe,
        }
    }

    /// Whether it takes payments in `currency`.
    pub const fn takes(&self, currency: Currency) -> bool {
        match self {
            Self::Paystack(_) => Paystack::takes(currency),
            Self::Flutterwave(account) => account.takes(currency),
            Self::Monnify(_) => Monnify::takes(currency),
            Self::Stripe(_) => Stripe::takes(currency),
        }
    }

    /// The request for an access token, if this gateway opens its API with short-lived ones.
    pub fn authenticate(&self) -> Result<Option<Request>, GatewayError> {
        match self {
            Self::Paystack(_) => Ok(None),
            Self::Flutterwave(account) => Ok(account.authenticate()),
            Self::Monnify(account) => account.authenticate().map(Some),
            Self::Stripe(_) => Ok(None),
        }
    }

    /// The token, from the answer to [`Self::authenticate`], which was asked for at `asked_at`.
    pub fn read_token(&self, response: &Response, asked_at: Timestamp) -> Result<AccessToken, GatewayError> {
        match self {
            Self::Paystack(_) => Err(GatewayError::NotOffered("Paystack has no access tokens")),
            Self::Flutterwave(account) => account.read_token(response, asked_at),
            Self::Monnify(_) => monnify::read_token(response, asked_at),
            Self::Stripe(_) => Err(GatewayError::NotOffered("Stripe has no access tokens")),
        }
    }

    /// The request that makes a payer known, if this gateway wants that before a payment begins.
    pub fn introduce(&self, payment: &Initialise<'_>) -> Result<Option<Request>, GatewayError> {
        match self {
            Self::Flutterwave(account) => account.introduce(payment),
            Self::Paystack(_) | Self::Monnify(_) | Self::Stripe(_) => Ok(None),
        }
    }

    /// What became of that, from the answer to [`Self::introduce`].
    pub fn read_introduced(&self, payment: &Initialise<'_>, response: &Response) -> Result<Introduction, GatewayError> {
        match self {
            Self::Flutterwave(account) => account.read_introduced(payment, response),
            Self::Paystack(_) | Self::Monnify(_) | Self::Stripe(_) => Err(NO_PAYERS),
        }
    }

    /// The gateway's name of the payer, from the answer to the request of [`Introduction::KnownAlready`].
    pub fn read_payer(&self, payment: &Initialise<'_>, response: &Response) -> Result<String, GatewayError> {
        match self {
            Self::Flutterwave(account) => account.read_payer(payment, response),
            Self::Paystack(_) | Self::Monnify(_) | Self::Stripe(_) => Err(NO_PAYERS),
        }
    }

    /// The request that begins a payment. It may be repeated with the same reference: whether that leads to the same page, to another
    /// page for the same payment or to [`GatewayError::DuplicateReference`], each gateway's module says.
    pub fn initialise(&self, payment: &Initialise<'_>) -> Result<Request, GatewayError> {
        match self {
            Self::Paystack(account) => account.initialise(payment),
            Self::Flutterwave(account) => account.initialise(payment),
            Self::Monnify(account) => account.initialise(payment),
            Self::Stripe(account) => account.initialise(payment),
        }
    }

    /// The page on which the shopper pays, from the answer to [`Self::initialise`].
    pub fn read_initialised(&self, reference: &str, response: &Response) -> Result<Url, GatewayError> {
        match self {
            Self::Paystack(_) => paystack::read_initialised(reference, response),
            Self::Flutterwave(account) => account.read_initialised(reference, response),
            Self::Monnify(_) => monnify::read_initialised(reference, response),
            Self::Stripe(_) => stripe::read_initialised(reference, response),
        }
    }

    /// The request that asks where a payment stands.
    pub fn verify(&self, payment: Verify<'_>) -> Result<Request, GatewayError> {
        match self {
            Self::Paystack(account) => account.verify(payment),
            Self::Flutterwave(account) => account.verify(payment),
            Self::Monnify(account) => account.verify(payment),
            Self::Stripe(account) => account.verify(payment),
        }
    }

    /// Where the payment stands, from the answer to [`Self::verify`].
    pub fn read_verified(&self, reference: &str, response: &Response) -> Result<Observation, GatewayError> {
        match self {
            Self::Paystack(_) => paystack::read_verified(reference, response),
            Self::Flutterwave(account) => account.read_verified(reference, response),
            Self::Monnify(_) => monnify::read_verified(reference, response),
            Self::Stripe(_) => stripe::read_verified(reference, response),
        }
    }

    /// Another question, when what was `seen` may not be all that there is.
    pub fn verify_further(&self, seen: &Observation) -> Result<Option<Request>, GatewayError> {
        match self {
            Self::Paystack(_) => Ok(None),
            Self::Flutterwave(account) => account.verify_further(seen),
            Self::Monnify(_) => Ok(None),
            Self::Stripe(_) => Ok(None),
        }
    }

    /// Where the payment stands, from the answer to [`Self::verify_further`] and what was `seen` before.
    pub fn read_further(&self, seen: Observation, response: &Response) -> Result<Observation, GatewayError> {
        match self {
            Self::Paystack(_) => Ok(seen),
            Self::Flutterwave(account) => account.read_further(seen, response),
            Self::Monnify(_) => Ok(seen),
            Self::Stripe(_) => Ok(seen),
        }
    }

    /// The request for a refund. Asked for again only when [`Self::find_refund`] says that the gateway never heard of it.
    pub fn refund(&self, refund: &RefundOrder<'_>) -> Result<Request, GatewayError> {
        match self {
            Self::Paystack(account) => account.refund(refund),
            Self::Flutterwave(account) => account.refund(refund),
            Self::Monnify(account) => account.refund(refund),
            Self::Stripe(account) => account.refund(refund),
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
            Self::Flutterwave(account) => account.read_refunded(refund, response),
            Self::Monnify(_) => monnify::refunds::read_refunded(refund, response),
            Self::Stripe(_) => stripe::refunds::read_refunded(response),
        }
    }

    /// The request that finds a refund that may have been asked for before.
    pub fn find_refund(&self, refund: &RefundOrder<'_>) -> Result<Request, GatewayError> {
        match self {
            Self::Paystack(account) => account.find_refund(refund),
            Self::Flutterwave(account) => account.find_refund(refund),
            Self::Monnify(account) => account.find_refund(refund),
            Self::Stripe(account) => account.find_refund(refund),
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
            Self::Flutterwave(account) => account.read_found_refund(refund, response),
            Self::Monnify(_) => monnify::refunds::read_found_refund(refund, response),
            Self::Stripe(_) => stripe::refunds::read_found_refund(refund, response),
        }
    }

    /// The request that asks where a dispute stands.
    pub fn dispute(&self, dispute_id: &str) -> Result<Request, GatewayError> {
        match self {
            Self::Paystack(account) => account.dispute(dispute_id),
            Self::Flutterwave(account) => account.dispute(dispute_id),
            Self::Monnify(_) => Err(NO_DISPUTES),
            Self::Stripe(account) => account.dispute(dispute_id),
        }
    }

    /// Where the dispute stands, from the answer to [`Self::dispute`].
    pub fn read_dispute(&self, dispute_id: &str, response: &Response) -> Result<DisputeObservation, GatewayError> {
        let found = match self {
            Self::Paystack(_) => paystack::refunds::read_dispute(response)?,
            Self::Flutterwave(account) => account.read_dispute(dispute_id, response)?,
            Self::Monnify(_) => return Err(NO_DISPUTES),
            Self::Stripe(_) => stripe::refunds::read_dispute(response)?,
        };
        if found.id == dispute_id { Ok(found) } else { Err(about_another(&found.id, dispute_id)) }
    }

    /// Whether it transfers money to sellers' banks in `currency`.
    pub const fn transfers(&self, currency: Currency) -> bool {
        match self {
            Self::Paystack(_) => Paystack::transfers(currency),
            Self::Flutterwave(_) | Self::Monnify(_) | Self::Stripe(_) => false,
        }
    }

    /// The request that makes a seller's bank account known. It may be repeated.
    pub fn recipient(&self, account: &BankAccount) -> Result<Request, GatewayError> {
        match self {
            Self::Paystack(gateway) => gateway.recipient(account),
            Self::Flutterwave(_) | Self::Monnify(_) | Self::Stripe(_) => Err(NO_TRANSFERS),
        }
    }

    /// What the gateway calls it, from the answer to [`Self::recipient`].
    pub fn read_recipient(&self, response: &Response) -> Result<Recipient, GatewayError> {
        match self {
            Self::Paystack(_) => paystack::transfers::read_recipient(response),
            Self::Flutterwave(_) | Self::Monnify(_) | Self::Stripe(_) => Err(NO_TRANSFERS),
        }
    }

    /// The request for a transfer. Asked for again with the same reference, it is refused or answered, and never made twice.
    pub fn transfer(&self, transfer: &TransferOrder<'_>, recipient: &Recipient) -> Result<Request, GatewayError> {
        match self {
            Self::Paystack(account) => account.transfer(transfer, recipient),
            Self::Flutterwave(_) | Self::Monnify(_) | Self::Stripe(_) => Err(NO_TRANSFERS),
        }
    }

    /// Where the transfer stands, from the answer to [`Self::transfer`].
    pub fn read_transferred(
        &self,
        transfer: &TransferOrder<'_>,
        response: &Response,
    ) -> Result<TransferObservation, GatewayError> {
        match self {
            Self::Paystack(_) => paystack::transfers::read_transferred(transfer, response),
            Self::Flutterwave(_) | Self::Monnify(_) | Self::Stripe(_) => Err(NO_TRANSFERS),
        }
    }

    /// The request that finds a transfer that may have been asked for before.
    pub fn find_transfer(&self, reference: &str) -> Result<Request, GatewayError> {
        match self {
            Self::Paystack(account) => account.find_transfer(reference),
            Self::Flutterwave(_) | Self::Monnify(_) | Self::Stripe(_) => Err(NO_TRANSFERS),
        }
    }

    /// Where the transfer stands, from the answer to [`Self::find_transfer`]: [`ObservedTransfer::Unknown`] only when the gateway surely
    /// never heard of it.
    pub fn read_found_transfer(
        &self,
        transfer: &TransferOrder<'_>,
        response: &Response,
    ) -> Result<TransferObservation, GatewayError> {
        match self {
            Self::Paystack(_) => paystack::transfers::read_found_transfer(transfer, response),
            Self::Flutterwave(_) | Self::Monnify(_) | Self::Stripe(_) => Err(NO_TRANSFERS),
        }
    }

    /// Opens a webhook that came at `now`: verifies its signature over the raw body, and only then reads it.
    pub fn open_webhook<'h>(
        &self,
        header: impl Fn(&'static str) -> Option<&'h str>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Notice, BadWebhook> {
        match self {
            Self::Paystack(account) => account.open_webhook(header, body),
            Self::Flutterwave(account) => account.open_webhook(header, body),
            Self::Monnify(account) => account.open_webhook(header, body),
            Self::Stripe(account) => account.open_webhook(header, body, now),
        }
    }
}

const NO_PAYERS: GatewayError = GatewayError::NotOffered("it wants to know no payer before they pay");
const NO_TRANSFERS: GatewayError = GatewayError::NotOffered("sellers are paid through Paystack or by hand");
const NO_DISPUTES: GatewayError =
    GatewayError::NotOffered("Monnify tells of disputes by mail, not through its interface");

/// A page to which a shopper can be sent.
fn page(text: &str, field: &str) -> Result<Url, GatewayError> {
    let url = text.parse().ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| GatewayError::Unreadable(format!("{field} is no web address")))
}

/// An answer that is about another payment than was asked for.
fn about_another(found: &str, wanted: &str) -> GatewayError {
    GatewayError::Unreadable(format!("it is about {found:?}, not {wanted:?}"))
}

/// Names an event that names itself by nothing: the same bytes are the same event.
fn digest(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

#[cfg(test)]
mod tests;
