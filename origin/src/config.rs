//! What the environment says. Every value is checked here, at start-up, with an error that names the variable.
//!
//! Secrets come from here and never leave through `Debug`.

mod gateways;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use domain::ledger::BasisPoints;
use domain::signature::Keyring;
use reqwest::Url;

use crate::gateway::{Gateway, Secret};
use crate::store::Database;
use crate::vault::Vault;

/// Everything that can be set.
#[derive(Debug, Clone)]
pub struct Config {
    /// `ORIGIN_LISTEN`: where to answer; port 0 takes any free one.
    pub listen: SocketAddr,
    /// `DATABASE_URL`: `sqlite:PATH?mode=rwc`, or `postgres://USER:PASSWORD@HOST/DATABASE`.
    pub database: Database,
    /// `EDGE_URL`: where the outbox is delivered, without a path.
    pub edge_url: Url,
    /// `EDGE_ORIGIN_KEYS`: sign and verify requests between edge and origin.
    pub keys: Keyring,
    /// The gateways whose keys are set; the others are not offered. `PAYSTACK_SECRET_KEY`; `FLUTTERWAVE_VERSION` with
    /// `FLUTTERWAVE_SECRET_KEY` and `FLUTTERWAVE_SECRET_HASH` (v3) or `FLUTTERWAVE_CLIENT_ID`, `FLUTTERWAVE_CLIENT_SECRET` and
    /// `FLUTTERWAVE_SECRET_HASH` (v4); `MONNIFY_API_KEY`, `MONNIFY_SECRET_KEY`, `MONNIFY_CONTRACT_CODE`; `STRIPE_SECRET_KEY`,
    /// `STRIPE_WEBHOOK_SECRET`. Where they are reached: `PAYSTACK_BASE_URL`, `FLUTTERWAVE_BASE_URL`, `FLUTTERWAVE_TOKEN_URL`,
    /// `MONNIFY_BASE_URL`, `STRIPE_BASE_URL`.
    pub gateways: Vec<Gateway>,
    /// `COMMISSIONS`: what the shop keeps of what it sells for whom, in hundredths of a percent, as `*=1000,SELLER=500`.
    pub commissions: Commissions,
    /// `BANK_DETAILS_KEYS`: seal sellers' bank details, as `ID:64 HEXADECIMAL DIGITS`; without any, none are taken.
    pub bank_details: Vault,
    /// `METRICS_TOKEN`: who has it may read `/metrics`; without one nobody may.
    pub metrics_token: Option<Secret>,
    /// `RECONCILE_INTERVAL_MS`: how often to look for payments that are due to be asked about.
    pub reconcile_interval: Duration,
    /// `RECONCILE_AFTER_MS`: how long a payment may be silent before the gateway is asked.
    pub reconcile_after: Duration,
}

/// What the shop keeps of what it sells, by seller. Nothing, unless it says otherwise.
#[derive(Debug, Clone, Default)]
pub struct Commissions {
    by_seller: BTreeMap<String, BasisPoints>,
    others: BasisPoints,
}

impl Commissions {
    /// What is kept of what `seller` sells from now on.
    pub fn of(&self, seller: &str) -> BasisPoints {
        self.by_seller.get(seller).copied().unwrap_or(self.others)
    }
}

impl FromStr for Commissions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut commissions = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let wrong =
                || format!("{part:?} is no commission: write SELLER=POINTS, with 0 to 10000 hundredths of a percent");
            let (seller, points) = part.rsplit_once('=').ok_or_else(wrong)?;
            let rate = points.trim().parse().ok().and_then(BasisPoints::new).ok_or_else(wrong)?;
            match seller.trim() {
                "" => return Err(wrong()),
                "*" => commissions.others = rate,
                seller => drop(commissions.by_seller.insert(seller.to_owned(), rate)),
            }
        }
        Ok(commissions)
    }
}

/// What is wrong with the environment.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is not set and has no default.
    #[error("{0} is not set: {1}")]
    Missing(&'static str, &'static str),
    /// It cannot be read.
    #[error("{name} is not valid: {reason}")]
    Invalid {
        /// which variable
        name: &'static str,
        /// what is wrong with it
        reason: String,
    },
}

impl Config {
    /// Reads the configuration with `variable`, which looks up one environment variable.
    pub fn read(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, ConfigError> {
        let text = |name| variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let listen = text("ORIGIN_LISTEN").unwrap_or_else(|| "127.0.0.1:8788".to_owned());
        let database = text("DATABASE_URL").unwrap_or_else(|| "sqlite:.kasuwa/origin.sqlite?mode=rwc".to_owned());
        let edge_url = text("EDGE_URL").unwrap_or_else(|| "http://127.0.0.1:8787".to_owned());
        let keys = text("EDGE_ORIGIN_KEYS")
            .ok_or(ConfigError::Missing("EDGE_ORIGIN_KEYS", "write id:secret, the same as the edge's"))?;
        Ok(Self {
            listen: parse("ORIGIN_LISTEN", &listen)?,
            database: parse("DATABASE_URL", &database)?,
            edge_url: web_address("EDGE_URL", &edge_url)?,
            keys: parse("EDGE_ORIGIN_KEYS", &keys)?,
            gateways: gateways::read(text)?,
            commissions: parse("COMMISSIONS", &text("COMMISSIONS").unwrap_or_default())?,
            bank_details: parse("BANK_DETAILS_KEYS", &text("BANK_DETAILS_KEYS").unwrap_or_default())?,
            metrics_token: text("METRICS_TOKEN").map(Secret::new),
            reconcile_interval: millis("RECONCILE_INTERVAL_MS", text("RECONCILE_INTERVAL_MS"), 2_000)?,
            reconcile_after: millis("RECONCILE_AFTER_MS", text("RECONCILE_AFTER_MS"), 10_000)?,
        })
    }

    /// Reads the configuration of this process.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(|name| std::env::var(name).ok())
    }
}

fn parse<T: FromStr<Err: fmt::Display>>(name: &'static str, text: &str) -> Result<T, ConfigError> {
    text.parse().map_err(|error: T::Err| ConfigError::Invalid { name, reason: error.to_string() })
}

fn web_address(name: &'static str, text: &str) -> Result<Url, ConfigError> {
    let url: Url = parse(name, text)?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        return Ok(url);
    }
    Err(ConfigError::Invalid {
        name, reason: format!("{text:?} is not a web address: write http://… or https://…")
    })
}

fn millis(name: &'static str, text: Option<String>, default: u64) -> Result<Duration, ConfigError> {
    let Some(text) = text else { return Ok(Duration::from_millis(default)) };
    match parse::<u64>(name, &text)? {
        0 => Err(ConfigError::Invalid { name, reason: "it has to be at least 1 millisecond".to_owned() }),
        ms => Ok(Duration::from_millis(ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str = "a:0123456789abcdef0123456789abcdef";

    fn read(variables: &[(&'static str, &str)]) -> Result<Config, String> {
        let find = |name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::read(find).map_err(|error| error.to_string())
    }

    #[test]
    fn a_laptop_needs_nothing_but_keys() {
        let config = read(&[("EDGE_ORIGIN_KEYS", KEYS)]).unwrap();
        assert_eq!(config.listen.port(), 8788);
        assert!(config.gateways.is_empty(), "without a key it is not offered");
        assert!(read(&[]).unwrap_err().starts_with("EDGE_ORIGIN_KEYS is not set"));
    }

    #[test]
    fn what_is_wrong_is_said_by_name_and_no_secret_is_shown() {
        let wrong = |name, value| read(&[("EDGE_ORIGIN_KEYS", KEYS), (name, value)]).unwrap_err();
        for (name, value) in [
            ("ORIGIN_LISTEN", "8788"),
            ("DATABASE_URL", "mysql://localhost/kasuwa"),
            ("DATABASE_URL", "sqlite::memory:"),
            ("EDGE_URL", "ftp://example.com"),
            ("PAYSTACK_BASE_URL", "http://api.example.com"),
            ("COMMISSIONS", "ada"),
            ("COMMISSIONS", "*=10001"),
            ("BANK_DETAILS_KEYS", "a:0123"),
            ("RECONCILE_INTERVAL_MS", "0"),
            ("RECONCILE_AFTER_MS", "soon"),
        ] {
            assert!(wrong(name, value).starts_with(&format!("{name} is not valid")), "{name}={value}");
        }
        let config = read(&[("EDGE_ORIGIN_KEYS", KEYS), ("PAYSTACK_SECRET_KEY", "sk_test_secret")]).unwrap();
        assert!(!format!("{config:?}").contains("secret_key\": \"sk"), "{config:?}");
        assert!(!format!("{config:?}").contains("sk_test_secret"), "{config:?}");
        assert!(!format!("{config:?}").contains("0123456789"), "{config:?}");
    }
}
