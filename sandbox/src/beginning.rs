//! What all gateways check when a payment begins, and what they make up for it.

use domain::money::Money;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::App;
use crate::gateways::Gateway;
use crate::payments::Request;

const EMAIL_LENGTH_MAX: usize = 254;

/// A payment as a shop asks for it, read by its gateway.
#[derive(Debug)]
pub struct Order {
    /// Where.
    pub gateway: Gateway,
    /// The shop's name for it.
    pub reference: String,
    /// Who pays.
    pub email: String,
    /// How much.
    pub requested: Money,
    /// Where the browser goes afterwards.
    pub callback_url: Option<String>,
    /// Where the browser goes when the payer leaves.
    pub cancel_url: Option<String>,
    /// Whatever the shop attached.
    pub metadata: Value,
    /// What only this gateway needs to know again.
    pub details: Value,
}

impl Order {
    /// The request that the payment begins with, under its new number and with a page that nobody can guess.
    pub fn numbered(self, id: i64) -> Request {
        Request {
            gateway: self.gateway,
            id,
            reference: self.reference,
            // Shops read the session's id from the address of Stripe's page.
            access_code: match self.gateway {
                Gateway::Stripe => format!("cs_test_{}", unique()),
                Gateway::Paystack | Gateway::FlutterwaveV3 | Gateway::FlutterwaveV4 | Gateway::Monnify => {
                    unique().chars().take(15).collect()
                }
            },
            email: self.email,
            requested: self.requested,
            callback_url: self.callback_url,
            cancel_url: self.cancel_url,
            metadata: self.metadata,
            details: self.details,
        }
    }
}

/// Sixty-four hex digits that nobody has seen before.
pub fn unique() -> String {
    hex::encode(Sha256::digest(Uuid::now_v7().as_bytes()))
}

/// Only what gateways check, which is little: an address has one `@` with something on both sides.
pub fn read_email(email: Option<&str>) -> Option<String> {
    let email = email?.trim();
    let plain = !email.chars().any(|letter| letter.is_whitespace() || letter.is_control());
    let (name, host) = email.split_once('@')?;
    let whole = !name.is_empty() && !host.is_empty() && !host.contains('@');
    (whole && plain && email.len() <= EMAIL_LENGTH_MAX).then(|| email.to_owned())
}

/// Whether a browser may be sent there.
pub fn is_web_address(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// A number for a customer: the same e-mail is the same customer.
pub fn customer_number(email: &str) -> i64 {
    let digest = Sha256::digest(email.as_bytes());
    digest.iter().take(4).fold(0_i64, |number, byte| (number << 8) | i64::from(*byte))
}

impl App {
    /// The address of a payment's page.
    pub fn page_of(&self, request: &Request) -> String {
        format!("{}/pay/{}", self.settings().public_url, request.access_code)
    }
}
