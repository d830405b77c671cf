//! How many: whole numbers with limits, checked where they enter.

use serde::{Deserialize, Serialize};

use crate::ids::Sku;

/// How many of something a shopper buys: 1 to 9,999, whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Quantity(u32);

/// Why a number is no [`Quantity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a quantity is a whole number from 1 to 9999")]
pub struct InvalidQuantity;

impl Quantity {
    /// Largest quantity.
    pub const MAX: u32 = 9_999;

    /// `n`, if it is from 1 to [`Self::MAX`].
    pub const fn new(n: u32) -> Result<Self, InvalidQuantity> {
        if n >= 1 && n <= Self::MAX { Ok(Self(n)) } else { Err(InvalidQuantity) }
    }

    /// As a number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u32::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// How many of something a seller moves at once: 1 to 1,000,000, whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Units(u32);

/// Why a number is no [`Units`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("units are a whole number from 1 to 1000000")]
pub struct InvalidUnits;

impl Units {
    /// Most units that are moved at once.
    pub const MAX: u32 = 1_000_000;

    /// `n`, if it is from 1 to [`Self::MAX`].
    pub const fn new(n: u32) -> Result<Self, InvalidUnits> {
        if n >= 1 && n <= Self::MAX { Ok(Self(n)) } else { Err(InvalidUnits) }
    }

    /// As a number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u32::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// So many of one variant, as a shopper buys it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StockLine {
    /// Which variant.
    pub sku: Sku,
    /// How many.
    pub quantity: Quantity,
}

/// So many of one variant, as a seller moves it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MovedLine {
    /// Which variant.
    pub sku: Sku,
    /// How many.
    pub units: Units,
}
