//! The keys of the payment gateways. A gateway without keys is not offered; half of a gateway's keys are a mistake that is said at
//! start-up, before anybody pays.

use reqwest::Url;

use super::{ConfigError, web_address};
use crate::gateway::flutterwave::Flutterwave;
use crate::gateway::flutterwave::v3::FlutterwaveV3;
use crate::gateway::flutterwave::v4::{Credentials, FlutterwaveV4};
use crate::gateway::monnify::Monnify;
use crate::gateway::paystack::Paystack;
use crate::gateway::stripe::Stripe;
use crate::gateway::{Gateway, Secret};

/// Where each gateway is reached unless something else is set.
const PAYSTACK_URL: &str = "https://api.paystack.co";
const FLUTTERWAVE_V3_URL: &str = "https://api.flutterwave.com/v3";
const FLUTTERWAVE_V4_URL: &str = "https://f4bexperience.flutterwave.com";
const FLUTTERWAVE_TOKEN_URL: &str = "https://idp.flutterwave.com/realms/flutterwave/protocol/openid-connect/token";
const MONNIFY_URL: &str = "https://api.monnify.com";
const STRIPE_URL: &str = "https://api.stripe.com";

const FLUTTERWAVE_VERSION: &str = "FLUTTERWAVE_VERSION";
const FLUTTERWAVE_KEYS: [&str; 4] =
    ["FLUTTERWAVE_SECRET_KEY", "FLUTTERWAVE_SECRET_HASH", "FLUTTERWAVE_CLIENT_ID", "FLUTTERWAVE_CLIENT_SECRET"];

/// Looks up variables that are set to something.
struct Variables<F>(F);

impl<F: Fn(&'static str) -> Option<String>> Variables<F> {
    fn text(&self, name: &'static str) -> Option<String> {
        (self.0)(name)
    }

    /// A key that has to be there because another one is.
    fn key(&self, name: &'static str) -> Result<String, ConfigError> {
        self.text(name).ok_or(ConfigError::Missing(name, "it belongs to other keys of the same gateway that are set"))
    }

    fn any(&self, names: &[&'static str]) -> bool {
        names.iter().any(|name| self.text(name).is_some())
    }

    /// An address to which secrets are sent.
    fn address(&self, name: &'static str, default: &str) -> Result<Url, ConfigError> {
        let url = web_address(name, &self.text(name).unwrap_or_else(|| default.to_owned()))?;
        refuse_plain_text(name, &url)?;
        Ok(url)
    }

    fn paystack(&self) -> Result<Option<Gateway>, ConfigError> {
        let base_url = self.address("PAYSTACK_BASE_URL", PAYSTACK_URL)?;
        Ok(self.text("PAYSTACK_SECRET_KEY").map(|key| Gateway::Paystack(Paystack::new(base_url, key))))
    }

    fn flutterwave(&self) -> Result<Option<Gateway>, ConfigError> {
        const NAME: &str = FLUTTERWAVE_VERSION;
        let Some(version) = self.text(NAME) else {
            if self.any(&FLUTTERWAVE_KEYS) {
                return Err(ConfigError::Missing(NAME, "write v3 or v4, whichever the keys are for"));
            }
            return Ok(None);
        };
        let account = match version.as_str() {
            "v3" => Flutterwave::V3(FlutterwaveV3::new(
                self.address("FLUTTERWAVE_BASE_URL", FLUTTERWAVE_V3_URL)?,
                self.key("FLUTTERWAVE_SECRET_KEY")?,
                self.key("FLUTTERWAVE_SECRET_HASH")?,
            )),
            "v4" => {
                let secret = |name| self.key(name).map(Secret::new);
                let credentials = Credentials {
                    client_id: secret("FLUTTERWAVE_CLIENT_ID")?,
                    client_secret: secret("FLUTTERWAVE_CLIENT_SECRET")?,
                    secret_hash: secret("FLUTTERWAVE_SECRET_HASH")?,
                };
                Flutterwave::V4(FlutterwaveV4::new(
                    self.address("FLUTTERWAVE_BASE_URL", FLUTTERWAVE_V4_URL)?,
                    self.address("FLUTTERWAVE_TOKEN_URL", FLUTTERWAVE_TOKEN_URL)?,
                    credentials,
                ))
            }
            other => {
                let reason = format!("there is no version {other:?}: write v3 or v4");
                return Err(ConfigError::Invalid { name: NAME, reason });
            }
        };
        Ok(Some(Gateway::Flutterwave(account)))
    }

    fn monnify(&self) -> Result<Option<Gateway>, ConfigError> {
        let base_url = self.address("MONNIFY_BASE_URL", MONNIFY_URL)?;
        if !self.any(&["MONNIFY_API_KEY", "MONNIFY_SECRET_KEY", "MONNIFY_CONTRACT_CODE"]) {
            return Ok(None);
        }
        let (api_key, secret_key) = (self.key("MONNIFY_API_KEY")?, self.key("MONNIFY_SECRET_KEY")?);
        let contract_code = self.key("MONNIFY_CONTRACT_CODE")?;
        Ok(Some(Gateway::Monnify(Monnify::new(base_url, api_key, secret_key, contract_code))))
    }

    fn stripe(&self) -> Result<Option<Gateway>, ConfigError> {
        let base_url = self.address("STRIPE_BASE_URL", STRIPE_URL)?;
        if !self.any(&["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"]) {
            return Ok(None);
        }
        let (secret_key, webhook_secret) = (self.key("STRIPE_SECRET_KEY")?, self.key("STRIPE_WEBHOOK_SECRET")?);
        Ok(Some(Gateway::Stripe(Stripe::new(base_url, secret_key, webhook_secret))))
    }
}

/// The gateways whose keys are set.
pub(super) fn read(text: impl Fn(&'static str) -> Option<String>) -> Result<Vec<Gateway>, ConfigError> {
    let variables = Variables(text);
    let found = [variables.paystack()?, variables.flutterwave()?, variables.monnify()?, variables.stripe()?];
    Ok(found.into_iter().flatten().collect())
}

/// A secret key goes to this address: outside this machine only encrypted.
fn refuse_plain_text(name: &'static str, url: &Url) -> Result<(), ConfigError> {
    let local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    if url.scheme() == "https" || local {
        return Ok(());
    }
    Err(ConfigError::Invalid { name, reason: "secret keys are sent there, so it has to be https".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(&str, &str); 12] = [
        ("PAYSTACK_SECRET_KEY", "hidden-paystack"),
        ("FLUTTERWAVE_VERSION", "v4"),
        ("FLUTTERWAVE_SECRET_KEY", "hidden-flutterwave"),
        ("FLUTTERWAVE_CLIENT_ID", "hidden-id"),
        ("FLUTTERWAVE_CLIENT_SECRET", "hidden-secret"),
        ("FLUTTERWAVE_SECRET_HASH", "hidden-hash"),
        ("MONNIFY_API_KEY", "hidden-api"),
        ("MONNIFY_SECRET_KEY", "hidden-monnify"),
        ("MONNIFY_CONTRACT_CODE", "100693834652"),
        ("STRIPE_SECRET_KEY", "hidden-stripe"),
        ("STRIPE_WEBHOOK_SECRET", "hidden-webhook"),
        ("STRIPE_BASE_URL", "http://127.0.0.1:19102/stripe"),
    ];

    fn gateways(variables: &[(&str, &str)]) -> Result<Vec<Gateway>, String> {
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        read(find).map_err(|error| error.to_string())
    }

    fn names(variables: &[(&str, &str)]) -> Vec<&'static str> {
        gateways(variables).unwrap().iter().map(|gateway| gateway.name().as_str()).collect()
    }

    #[test]
    fn a_gateway_is_offered_once_its_keys_are_set() {
        assert!(names(&[]).is_empty());
        assert_eq!(names(&ALL), ["paystack", "flutterwave", "monnify", "stripe"]);
        assert_eq!(names(&ALL[9..]), ["stripe"]);
    }

    #[test]
    fn the_version_of_flutterwave_is_chosen_and_never_guessed() {
        let version = |version| {
            let mut variables = ALL.to_vec();
            variables[1] = ("FLUTTERWAVE_VERSION", version);
            gateways(&variables)
        };
        let is_v3 = |gateway: &Gateway| matches!(gateway, Gateway::Flutterwave(Flutterwave::V3(_)));
        let is_v4 = |gateway: &Gateway| matches!(gateway, Gateway::Flutterwave(Flutterwave::V4(_)));
        assert!(is_v3(&version("v3").unwrap()[1]) && is_v4(&version("v4").unwrap()[1]));
        assert!(version("v5").unwrap_err().starts_with("FLUTTERWAVE_VERSION is not valid"));
        for key in &ALL[2..6] {
            assert!(gateways(&[*key]).unwrap_err().starts_with("FLUTTERWAVE_VERSION is not set"), "{key:?}");
        }
    }

    #[test]
    fn half_of_a_gateways_keys_are_a_mistake() {
        for missing in [3, 4, 5, 6, 7, 8, 9, 10] {
            let mut variables = ALL.to_vec();
            let (name, _) = variables.remove(missing);
            assert!(gateways(&variables).unwrap_err().starts_with(&format!("{name} is not set")), "{name}");
        }
        for missing in ["FLUTTERWAVE_SECRET_KEY", "FLUTTERWAVE_SECRET_HASH"] {
            let mut variables = ALL.to_vec();
            variables[1] = ("FLUTTERWAVE_VERSION", "v3");
            variables.retain(|(name, _)| *name != missing);
            assert!(gateways(&variables).unwrap_err().starts_with(&format!("{missing} is not set")));
        }
    }

    #[test]
    fn no_secret_is_shown_and_none_is_sent_in_plain_text() {
        let shown = format!("{:?}", gateways(&ALL).unwrap());
        assert!(!shown.contains("hidden"), "{shown}");
        let mut variables = ALL.to_vec();
        for name in [
            "PAYSTACK_BASE_URL",
            "FLUTTERWAVE_BASE_URL",
            "FLUTTERWAVE_TOKEN_URL",
            "MONNIFY_BASE_URL",
            "STRIPE_BASE_URL",
        ] {
            variables[11] = (name, "http://api.example.com");
            assert!(gateways(&variables).unwrap_err().starts_with(&format!("{name} is not valid")), "{name}");
        }
    }
}
