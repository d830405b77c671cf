//! Which gateways there are, how they are called, and the keys that open each of them.
//!
//! The keys come from the variables that the shop's origin reads too, so that both ends agree. A gateway without its keys is
//! not offered; half of a gateway's keys are a mistake that is said at the start.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A gateway, told apart by the interface that it is reached through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gateway {
    /// Paystack. Journals from before there were others name no gateway: they mean this one.
    #[default]
    Paystack,
    /// Flutterwave, by its third interface.
    FlutterwaveV3,
    /// Flutterwave, by its fourth.
    FlutterwaveV4,
    /// Monnify.
    Monnify,
    /// Stripe.
    Stripe,
}

impl Gateway {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Paystack, Self::FlutterwaveV3, Self::FlutterwaveV4, Self::Monnify, Self::Stripe];

    /// The names that webhook addresses end in and that the control interface takes, each once.
    pub const NAMES: [&str; 4] = ["paystack", "flutterwave", "monnify", "stripe"];

    /// Its name in addresses: the same for both of Flutterwave's interfaces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paystack => "paystack",
            Self::FlutterwaveV3 | Self::FlutterwaveV4 => "flutterwave",
            Self::Monnify => "monnify",
            Self::Stripe => "stripe",
        }
    }

    /// Its name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Paystack => "Paystack",
            Self::FlutterwaveV3 | Self::FlutterwaveV4 => "Flutterwave",
            Self::Monnify => "Monnify",
            Self::Stripe => "Stripe",
        }
    }

    /// Which interface of it this is, in one word of its own.
    pub const fn interface(self) -> &'static str {
        match self {
            Self::Paystack => "paystack",
            Self::FlutterwaveV3 => "flutterwave_v3",
            Self::FlutterwaveV4 => "flutterwave_v4",
            Self::Monnify => "monnify",
            Self::Stripe => "stripe",
        }
    }

    /// Where its interface begins, below the sandbox's address: what a shop uses as base URL.
    pub const fn base_path(self) -> &'static str {
        match self {
            Self::Paystack => "/paystack",
            Self::FlutterwaveV3 => "/flutterwave/v3",
            Self::FlutterwaveV4 => "/flutterwave/v4",
            Self::Monnify => "/monnify",
            Self::Stripe => "/stripe",
        }
    }

    /// Whether it refuses a reference that was used before. Flutterwave's third interface makes another payment of the same
    /// name; Stripe knows references only as words that a shop attaches.
    pub const fn refuses_used_references(self) -> bool {
        match self {
            Self::Paystack | Self::FlutterwaveV4 | Self::Monnify => true,
            Self::FlutterwaveV3 | Self::Stripe => false,
        }
    }
}

/// What opens each gateway. `None`: not offered.
#[derive(Clone, Default)]
pub struct Keys {
    /// Paystack's secret key: bearer, and signs webhooks.
    pub paystack: Option<String>,
    /// Flutterwave, third interface.
    pub flutterwave_v3: Option<FlutterwaveV3Keys>,
    /// Flutterwave, fourth interface.
    pub flutterwave_v4: Option<FlutterwaveV4Keys>,
    /// Monnify.
    pub monnify: Option<MonnifyKeys>,
    /// Stripe.
    pub stripe: Option<StripeKeys>,
}

/// Flutterwave's third interface.
#[derive(Clone)]
pub struct FlutterwaveV3Keys {
    /// Bearer.
    pub secret_key: String,
    /// Sent with webhooks as it is.
    pub secret_hash: String,
}

/// Flutterwave's fourth interface.
#[derive(Clone)]
pub struct FlutterwaveV4Keys {
    /// Who asks for a token.
    pub client_id: String,
    /// Proof of it.
    pub client_secret: String,
    /// Signs webhooks.
    pub secret_hash: String,
}

/// Monnify.
#[derive(Clone)]
pub struct MonnifyKeys {
    /// Who asks for a token.
    pub api_key: String,
    /// Proof of it; signs webhooks.
    pub secret_key: String,
    /// Named by every payment.
    pub contract_code: String,
}

/// Stripe.
#[derive(Clone)]
pub struct StripeKeys {
    /// Bearer.
    pub secret_key: String,
    /// Signs webhooks.
    pub webhook_secret: String,
}

/// Why the variables make no keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// Some keys of a gateway, not all.
    #[error("{missing} is not set, while {present} is: a gateway needs all of its keys, or none")]
    Half {
        /// What is there.
        present: &'static str,
        /// What is not.
        missing: &'static str,
    },
    /// No gateway at all.
    #[error("no gateway has keys: PAYSTACK_SECRET_KEY is empty or not set, and so are the keys of the others")]
    None,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(Gateway::ALL.into_iter().filter(|gateway| self.offer(*gateway))).finish()
    }
}

impl Keys {
    /// The keys that `variable` finds, which looks up one environment variable.
    pub fn read(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, KeysError> {
        let text = |name| variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        // Flutterwave's hash belongs to both interfaces: alone it says nothing.
        let hash = "FLUTTERWAVE_SECRET_HASH";
        let keys = Self {
            paystack: text("PAYSTACK_SECRET_KEY"),
            flutterwave_v3: text("FLUTTERWAVE_SECRET_KEY")
                .map(|secret_key| {
                    let missing = KeysError::Half { present: "FLUTTERWAVE_SECRET_KEY", missing: hash };
                    text(hash).map(|secret_hash| FlutterwaveV3Keys { secret_key, secret_hash }).ok_or(missing)
                })
                .transpose()?,
            flutterwave_v4: all(["FLUTTERWAVE_CLIENT_ID", "FLUTTERWAVE_CLIENT_SECRET"], text)?
                .map(|[client_id, client_secret]| {
                    let missing = KeysError::Half { present: "FLUTTERWAVE_CLIENT_ID", missing: hash };
                    text(hash)
                        .map(|secret_hash| FlutterwaveV4Keys { client_id, client_secret, secret_hash })
                        .ok_or(missing)
                })
                .transpose()?,
            monnify: all(["MONNIFY_API_KEY", "MONNIFY_SECRET_KEY", "MONNIFY_CONTRACT_CODE"], text)?
                .map(|[api_key, secret_key, contract_code]| MonnifyKeys { api_key, secret_key, contract_code }),
            stripe: all(["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"], text)?
                .map(|[secret_key, webhook_secret]| StripeKeys { secret_key, webhook_secret }),
        };
        if Gateway::ALL.into_iter().any(|gateway| keys.offer(gateway)) { Ok(keys) } else { Err(KeysError::None) }
    }

    /// Whether a gateway's keys are known.
    pub const fn offer(&self, gateway: Gateway) -> bool {
        match gateway {
            Gateway::Paystack => self.paystack.is_some(),
            Gateway::FlutterwaveV3 => self.flutterwave_v3.is_some(),
            Gateway::FlutterwaveV4 => self.flutterwave_v4.is_some(),
            Gateway::Monnify => self.monnify.is_some(),
            Gateway::Stripe => self.stripe.is_some(),
        }
    }

    /// The gateways whose keys are known.
    pub fn offered(&self) -> impl Iterator<Item = Gateway> {
        Gateway::ALL.into_iter().filter(|gateway| self.offer(*gateway))
    }

    /// What a gateway's webhooks are signed with; empty for one that is not offered, which sends none.
    pub fn webhook_secret(&self, gateway: Gateway) -> &str {
        match gateway {
            Gateway::Paystack => self.paystack.as_deref(),
            Gateway::FlutterwaveV3 => self.flutterwave_v3.as_ref().map(|keys| keys.secret_hash.as_str()),
            Gateway::FlutterwaveV4 => self.flutterwave_v4.as_ref().map(|keys| keys.secret_hash.as_str()),
            Gateway::Monnify => self.monnify.as_ref().map(|keys| keys.secret_key.as_str()),
            Gateway::Stripe => self.stripe.as_ref().map(|keys| keys.webhook_secret.as_str()),
        }
        .unwrap_or_default()
    }
}

/// All of `names`, or none of them.
fn all<const N: usize>(
    names: [&'static str; N],
    text: impl Fn(&'static str) -> Option<String>,
) -> Result<Option<[String; N]>, KeysError> {
    let found = names.map(&text);
    let present = names.iter().zip(&found).find(|(_, value)| value.is_some()).map(|(name, _)| *name);
    let missing = names.iter().zip(&found).find(|(_, value)| value.is_none()).map(|(name, _)| *name);
    match (present, missing) {
        (Some(present), Some(missing)) => Err(KeysError::Half { present, missing }),
        (None, _) => Ok(None),
        (Some(_), None) => Ok(Some(found.map(Option::unwrap_or_default))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[&'static str]) -> Result<Keys, KeysError> {
        Keys::read(|name| set.contains(&name).then(|| format!("value of {name}")))
    }

    #[test]
    fn a_gateway_is_offered_with_all_of_its_keys_and_refused_with_half_of_them() {
        let keys = read(&["FLUTTERWAVE_SECRET_KEY", "FLUTTERWAVE_SECRET_HASH"]).unwrap();
        assert_eq!(keys.offered().collect::<Vec<_>>(), [Gateway::FlutterwaveV3]);
        assert_eq!(keys.webhook_secret(Gateway::FlutterwaveV3), "value of FLUTTERWAVE_SECRET_HASH");
        for (half, missing) in [
            (&["MONNIFY_API_KEY", "MONNIFY_SECRET_KEY"][..], "MONNIFY_CONTRACT_CODE"),
            (&["STRIPE_WEBHOOK_SECRET"], "STRIPE_SECRET_KEY"),
            (&["FLUTTERWAVE_SECRET_KEY"], "FLUTTERWAVE_SECRET_HASH"),
            (&["FLUTTERWAVE_CLIENT_ID", "FLUTTERWAVE_SECRET_HASH"], "FLUTTERWAVE_CLIENT_SECRET"),
            (&["FLUTTERWAVE_CLIENT_ID", "FLUTTERWAVE_CLIENT_SECRET"], "FLUTTERWAVE_SECRET_HASH"),
        ] {
            let said = read(half).unwrap_err().to_string();
            assert!(said.starts_with(&format!("{missing} is not set")), "{said}");
        }
        assert_eq!(read(&["FLUTTERWAVE_SECRET_HASH"]).unwrap_err(), KeysError::None);
        assert!(!format!("{:?}", read(&["PAYSTACK_SECRET_KEY"]).unwrap()).contains("value"), "keys are never shown");
    }
}
