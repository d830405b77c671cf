//! Identifiers. Each kind of thing has a type of its own, so that a cart's id can't be passed for an order's.
//!
//! All are UUIDs (RFC 9562), version 7 unless it says otherwise, made by the shell that first needs them, never here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }
    )*};
}

ids! {
    /// A product: what has a page of its own. Its variants are what is bought.
    ProductId,
    /// A shopper who has an account.
    ShopperId,
    /// A shopper's cart.
    CartId,
    /// One attempt to turn a cart into an order, chosen by the browser's form. One checkout, at most one order (ORDER-1).
    CheckoutId,
    /// An order, made by the origin.
    OrderId,
    /// One message of the origin's outbox.
    EventId,
    /// One change asked of a cart, so that a request that arrives twice counts once.
    OperationId,
    /// One movement of goods by hand, so that a form that is sent twice counts once.
    MovementId,
    /// Money that goes back, made by whoever asks for it, so that asking twice counts once.
    RefundId,
    /// Money on its way to a seller, or a run of such payouts.
    PayoutId,
    /// A flash sale.
    SaleId,
    /// A person in a flash sale, as far as the shop can tell one from another: version 8, a keyed digest.
    PersonId,
}

/// A stock-keeping unit: names one variant within the whole shop. 1 to 64 characters, none of them control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Sku(String);

/// Why a text is no [`Sku`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a SKU has 1 to 64 characters and no control characters")]
pub struct InvalidSku;

impl Sku {
    /// Longest SKU, in characters.
    pub const LENGTH_MAX: usize = 64;

    /// The SKU in `text`, without the white space around it.
    pub fn new(text: &str) -> Result<Self, InvalidSku> {
        let text = text.trim();
        let long = text.chars().nth(Self::LENGTH_MAX).is_some();
        if text.is_empty() || long || text.chars().any(char::is_control) {
            return Err(InvalidSku);
        }
        Ok(Self(text.to_owned()))
    }

    /// The SKU as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Sku {
    type Err = InvalidSku;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for Sku {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sku_is_short_visible_text() {
        assert_eq!(Sku::new(" dv7-1211ea ").unwrap().as_str(), "dv7-1211ea");
        assert!(Sku::new("").is_err());
        assert!(Sku::new("a\nb").is_err());
        assert!(Sku::new(&"x".repeat(65)).is_err());
        assert!(serde_json::from_str::<Sku>("\"\"").is_err());
    }
}
