//! What applies to one order, of all the shop's rules: enough to work out its quote anywhere, and nothing more. The edge chooses it, the
//! origin works with the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Rate;
use crate::ids::Sku;

/// How an order reaches the buyer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryMethod {
    /// By courier to the door.
    #[default]
    Standard,
    /// The same, sooner.
    Express,
    /// The buyer fetches it.
    Pickup,
}

impl DeliveryMethod {
    /// Every method, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Standard, Self::Express, Self::Pickup];

    /// Its name in JSON, forms and storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Express => "express",
            Self::Pickup => "pickup",
        }
    }

    /// The method of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }

    /// What shoppers read.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Standard => "Standard delivery",
            Self::Express => "Express delivery",
            Self::Pickup => "Pick up yourself",
        }
    }
}

/// A tax as it falls on something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tax {
    /// What it is called: `VAT`.
    pub name: String,
    /// How much.
    pub rate: Rate,
    /// Whether prices hold it already. Otherwise it comes on top.
    pub is_included: bool,
}

/// Who gives up what a promotion takes off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bearer {
    /// The shop: sellers get what they would have got without it.
    Shop,
    /// Each seller, of their own things.
    Seller,
}

/// What a promotion takes off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// A share of what its things cost together.
    Percent {
        /// which share
        rate: Rate,
    },
    /// An amount off its things together.
    Amount {
        /// how much, in minor units
        minor: i64,
    },
    /// An amount off every single one of its things.
    AmountEach {
        /// how much, in minor units
        minor: i64,
    },
    /// All of what delivery costs.
    FreeDelivery,
}

/// A promotion that applies.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PromotionTerms {
    /// Names it for ever: redemptions are counted under it (COUPON-1).
    pub id: String,
    /// What shoppers read.
    pub name: String,
    /// The code that was typed; `None` when it applies by itself.
    #[serde(default)]
    pub code: Option<String>,
    /// What it takes off.
    pub effect: Effect,
    /// Which of the order's lines it is about.
    pub skus: BTreeSet<Sku>,
    /// Who gives it up.
    pub borne_by: Bearer,
    /// How often it may be redeemed in all.
    #[serde(default)]
    pub limit: Option<u32>,
    /// How often one person may redeem it.
    #[serde(default)]
    pub limit_per_person: Option<u32>,
}

/// What delivery of a part of the order costs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeliveryTerms {
    /// The zone that it goes to, as shoppers read it; empty where the shop has none.
    pub zone: String,
    /// Whose things it is, where each seller's are counted apart.
    #[serde(default)]
    pub seller: Option<String>,
    /// Whether what is paid for it is the seller's.
    #[serde(default)]
    pub is_sellers: bool,
    /// Its price, in minor units.
    pub price_minor: i64,
    /// From what worth on it is free, where it is free for that.
    #[serde(default)]
    pub free_from_minor: Option<i64>,
    /// The tax on it.
    #[serde(default)]
    pub tax: Option<Tax>,
}

/// What applies to one order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Terms {
    /// How it reaches the buyer.
    pub method: DeliveryMethod,
    /// What that costs, part by part.
    pub deliveries: Vec<DeliveryTerms>,
    /// In the order in which they are taken off.
    #[serde(default)]
    pub promotions: Vec<PromotionTerms>,
    /// The tax on each line that bears one.
    #[serde(default)]
    pub taxes: BTreeMap<Sku, Tax>,
}

impl Terms {
    /// Those of a shop without rules: one price for the delivery of everything, and nothing else.
    pub fn flat(price_minor: i64) -> Self {
        let delivery = DeliveryTerms {
            zone: String::new(),
            seller: None,
            is_sellers: false,
            price_minor,
            free_from_minor: None,
            tax: None,
        };
        Self { deliveries: vec![delivery], ..Self::default() }
    }

    /// Those that are counted when they are redeemed.
    pub fn counted(&self) -> impl Iterator<Item = &PromotionTerms> {
        self.promotions.iter().filter(|promotion| promotion.limit.is_some() || promotion.limit_per_person.is_some())
    }
}
