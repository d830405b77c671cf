//! The payment gateways by name, and which of them a shop offers.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::money::Currency;

/// The payment gateways that are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatewayName {
    /// paystack.com
    Paystack,
    /// flutterwave.com
    Flutterwave,
    /// monnify.com
    Monnify,
    /// stripe.com
    Stripe,
}

impl GatewayName {
    /// Every gateway.
    pub const ALL: [Self; 4] = [Self::Paystack, Self::Flutterwave, Self::Monnify, Self::Stripe];

    /// Its name in settings, paths and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paystack => "paystack",
            Self::Flutterwave => "flutterwave",
            Self::Monnify => "monnify",
            Self::Stripe => "stripe",
        }
    }

    /// What people call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Paystack => "Paystack",
            Self::Flutterwave => "Flutterwave",
            Self::Monnify => "Monnify",
            Self::Stripe => "Stripe",
        }
    }
}

/// A text that names no gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no payment gateway")]
pub struct UnknownGateway(String);

impl FromStr for GatewayName {
    type Err = UnknownGateway;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|name| name.as_str() == text).ok_or_else(|| UnknownGateway(text.to_owned()))
    }
}

/// The gateways that are set up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayOffers {
    /// In the order in which shoppers see them.
    pub gateways: Vec<GatewayOffer>,
}

/// A gateway that is set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayOffer {
    /// Which.
    pub gateway: GatewayName,
    /// What it takes.
    pub currencies: Vec<Currency>,
}

impl GatewayOffers {
    /// Those that take `currency`.
    pub fn taking(&self, currency: Currency) -> Vec<GatewayName> {
        let takes = self.gateways.iter().filter(|offer| offer.currencies.contains(&currency));
        takes.map(|offer| offer.gateway).collect()
    }
}

/// Another payment of an order that waits for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextPayment {
    /// Through whom.
    pub gateway: GatewayName,
}
