//! What is taken off: coupons, which are typed, and promotions that apply by themselves.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::rules::{Item, is_within};
use super::terms::{Bearer, Effect, PromotionTerms};
use crate::ids::Sku;
use crate::money::{Currency, Money};
use crate::time::Timestamp;

/// What a shopper types to have something taken off: 1 to 40 letters, digits, `-` and `_`, in whatever case; kept in capitals.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct CouponCode(String);

/// A text that is no [`CouponCode`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a code has 1 to 40 letters, digits, - and _")]
pub struct InvalidCouponCode;

impl CouponCode {
    /// The code in capitals.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CouponCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CouponCode {
    type Err = InvalidCouponCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if !(1..=40).contains(&text.len()) || !text.chars().all(is_good) {
            return Err(InvalidCouponCode);
        }
        Ok(Self(text.to_ascii_uppercase()))
    }
}

impl<'de> Deserialize<'de> for CouponCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Which things: of each list that says something, one entry has to fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// From the top, joined by `/`: what is in them and below them.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Makers.
    #[serde(default)]
    pub brands: Vec<String>,
    /// Variants.
    #[serde(default)]
    pub skus: Vec<Sku>,
    /// Who sells them.
    #[serde(default)]
    pub sellers: Vec<String>,
}

impl Scope {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.categories.is_empty() && self.brands.is_empty() && self.skus.is_empty() && self.sellers.is_empty()
    }

    fn fits(&self, item: &Item) -> [Option<bool>; 4] {
        let is_same = |own: &String, other: &str| own.eq_ignore_ascii_case(other);
        let brand = item.brand.as_deref().unwrap_or_default();
        let says = |is_empty: bool, fits: bool| (!is_empty).then_some(fits);
        [
            says(self.categories.is_empty(), self.categories.iter().any(|own| is_within(&item.category, own))),
            says(self.brands.is_empty(), self.brands.iter().any(|own| is_same(own, brand))),
            says(self.skus.is_empty(), self.skus.contains(&item.sku)),
            says(self.sellers.is_empty(), self.sellers.iter().any(|own| own == &item.seller)),
        ]
    }

    /// Whether it means this: every list that says something does.
    fn means(&self, item: &Item) -> bool {
        self.fits(item).iter().all(|fits| fits.unwrap_or(true))
    }

    /// Whether any of its lists names this.
    fn names(&self, item: &Item) -> bool {
        self.fits(item).contains(&Some(true))
    }
}

/// Something that is taken off, and when.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Promotion {
    /// Names it for ever: 1 to 96 characters of a-z, 0-9 and -. Redemptions are counted under it.
    pub id: String,
    /// What shoppers read.
    pub name: String,
    /// What has to be typed; `None` when it applies by itself.
    #[serde(default)]
    pub code: Option<CouponCode>,
    /// What it takes off.
    pub effect: Effect,
    /// Of its amounts. Without one it has none, and is good in every currency.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// Which things it is about; everything, when it says nothing.
    #[serde(default)]
    pub on: Scope,
    /// Things that it is not about, although `on` means them: whatever any list names.
    #[serde(default)]
    pub except: Scope,
    /// Whether things that are reduced already, by a flash sale, are left out.
    #[serde(default)]
    pub is_not_on_reduced: bool,
    /// What its things have to be worth together, before anything is taken off.
    #[serde(default)]
    pub minimum_minor: Option<i64>,
    /// From then on; `None`: at once.
    #[serde(default)]
    pub starts_at: Option<Timestamp>,
    /// Until before then; `None`: for ever.
    #[serde(default)]
    pub ends_at: Option<Timestamp>,
    /// How often it may be redeemed in all.
    #[serde(default)]
    pub limit: Option<u32>,
    /// How often one person may redeem it.
    #[serde(default)]
    pub limit_per_person: Option<u32>,
    /// Whether it goes together with others that do. Otherwise it stands alone, if it saves more than they.
    #[serde(default)]
    pub combines: bool,
    /// Who gives up what it takes off.
    pub borne_by: Bearer,
}

/// Why a promotion takes nothing off a cart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CouponRefusal {
    /// There is none with this code.
    #[error("we do not know this code. Check how it is written")]
    Unknown,
    /// It has not begun.
    #[error("this code is good from {} on", .0.rfc3339())]
    NotYet(Timestamp),
    /// It is over.
    #[error("this code was good until {}", .0.rfc3339())]
    Over(Timestamp),
    /// Its amounts are in another currency.
    #[error("this code is for things that are priced in {0}")]
    OtherCurrency(Currency),
    /// It means none of these things.
    #[error("this code is for other things than those in your cart")]
    NothingMeant,
    /// They are not worth enough.
    #[error("this code needs {minimum} of things that it is for, and there are {worth}")]
    BelowMinimum {
        /// what is needed
        minimum: Money,
        /// what there is
        worth: Money,
    },
    /// What applies in its place saves more, and they do not go together.
    #[error("“{0}” saves you at least as much, and the two do not go together")]
    Beaten(String),
    /// What it would take off costs nothing as it is.
    #[error("this code takes nothing off these things")]
    SavesNothing,
}

/// What became of a code in a cart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CouponOutcome {
    /// The code.
    pub code: CouponCode,
    /// What it saves, or why nothing.
    pub saves: Result<Money, CouponRefusal>,
}

impl Promotion {
    /// One that takes `effect` off everything, for ever and without limits, and stands alone.
    pub fn new(id: &str, name: &str, effect: Effect, borne_by: Bearer) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            code: None,
            effect,
            currency: None,
            on: Scope::default(),
            except: Scope::default(),
            is_not_on_reduced: false,
            minimum_minor: None,
            starts_at: None,
            ends_at: None,
            limit: None,
            limit_per_person: None,
            combines: false,
            borne_by,
        }
    }

    /// Why it is not its time.
    pub fn hour_refusal(&self, now: Timestamp) -> Option<CouponRefusal> {
        let not_yet = self.starts_at.filter(|starts_at| now < *starts_at).map(CouponRefusal::NotYet);
        not_yet.or_else(|| self.ends_at.filter(|ends_at| now >= *ends_at).map(CouponRefusal::Over))
    }

    /// What of it applies to `items` at `now`.
    pub(super) fn terms(
        &self,
        items: &[Item],
        currency: Currency,
        now: Timestamp,
    ) -> Result<PromotionTerms, CouponRefusal> {
        if let Some(refusal) = self.hour_refusal(now) {
            return Err(refusal);
        }
        if let Some(own) = self.currency.filter(|own| *own != currency) {
            return Err(CouponRefusal::OtherCurrency(own));
        }
        let meant: Vec<&Item> = items.iter().filter(|item| self.means(item)).collect();
        if meant.is_empty() {
            return Err(CouponRefusal::NothingMeant);
        }
        let each = |item: &&Item| item.unit_price_minor.saturating_mul(item.quantity.get().into());
        let worth_minor = meant.iter().map(each).fold(0, i64::saturating_add);
        if let Some(minimum_minor) = self.minimum_minor.filter(|minimum| worth_minor < *minimum) {
            let (minimum, worth) = (Money::new(minimum_minor, currency), Money::new(worth_minor, currency));
            return Err(CouponRefusal::BelowMinimum { minimum, worth });
        }
        let skus: BTreeSet<Sku> = meant.into_iter().map(|item| item.sku.clone()).collect();
        Ok(PromotionTerms {
            id: self.id.clone(),
            name: self.name.clone(),
            code: self.code.as_ref().map(ToString::to_string),
            effect: self.effect,
            skus,
            borne_by: self.borne_by,
            limit: self.limit,
            limit_per_person: self.limit_per_person,
        })
    }

    fn means(&self, item: &Item) -> bool {
        self.on.means(item) && !self.except.names(item) && !(self.is_not_on_reduced && item.is_reduced)
    }
}
