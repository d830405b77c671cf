//! Flash sales: what is sold in one, to whom and at what price. Who is let in when is [`crate::admission`]'s business.
//!
//! From when people gather until the end, a sale's products are sold in no other way: nobody drains its stock past the queue. The
//! sale's price holds for whoever's pass is open, and for nobody else.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::admission::{Draw, RATE_MAX, Standing, Terms, Ticket};
use crate::ids::{ProductId, SaleId};
use crate::money::Money;
use crate::stock::{PersonLimit, Quantity};
use crate::time::{Millis, Timestamp};
use crate::wire::SaleDraft;

/// Longest title, in characters.
pub const TITLE_LENGTH_MAX: usize = 120;

/// Most products in one sale.
pub const PRODUCTS_MAX: usize = 50;

/// Longest time from gathering to the end.
pub const LENGTH_MAX: Millis = Millis::days(31);

/// A flash sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sale {
    /// Its page: `/sale/{slug}`.
    pub slug: String,
    /// What it is called.
    pub title: String,
    /// Who is let in, and when.
    pub terms: Terms,
    /// What is on sale.
    pub products: Vec<SaleProduct>,
    /// It will not be, or not go on.
    pub is_cancelled: bool,
}

/// A product in a sale, all its variants at one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleProduct {
    /// Which.
    pub product_id: ProductId,
    /// Price of one.
    pub price: Money,
    /// Units that one person may have, all variants together.
    pub units_max: Quantity,
}

/// How far a sale has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It is announced.
    Announced,
    /// People gather.
    Gathering,
    /// People are let in.
    Running,
    /// Nobody is let in any more.
    Over,
    /// It will not be, or not go on.
    Cancelled,
}

impl Phase {
    /// Whether it is still to come, or goes on.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Announced | Self::Gathering | Self::Running => true,
            Self::Over | Self::Cancelled => false,
        }
    }

    /// Its name in keys and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Gathering => "gathering",
            Self::Running => "running",
            Self::Over => "over",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How somebody may have a product of a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// As always: the sale does not touch it now.
    Regular,
    /// At the sale's price, because their pass is open.
    Admitted {
        /// price of one
        price: Money,
        /// whose share it is, and how large that is
        limit: PersonLimit,
        /// until when the pass is open
        until: Timestamp,
    },
    /// Not now: it is held back for those whose pass is open.
    HeldBack(NoPass),
}

/// Why somebody's pass does not open the checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPass {
    /// They have none for this sale and cart.
    None,
    /// Nobody is let in yet.
    Gathering,
    /// They are let in later.
    Waiting {
        /// when
        admitted_at: Timestamp,
    },
    /// They had their time.
    Lapsed,
    /// The sale is over for them.
    Over,
}

impl Sale {
    /// Which it is.
    pub const fn id(&self) -> SaleId {
        self.terms.sale_id
    }

    /// How far it has come.
    pub fn phase(&self, now: Timestamp) -> Phase {
        if self.is_cancelled {
            Phase::Cancelled
        } else if now < self.terms.gathers_at {
            Phase::Announced
        } else if now < self.terms.starts_at {
            Phase::Gathering
        } else if now < self.terms.ends_at {
            Phase::Running
        } else {
            Phase::Over
        }
    }

    /// Whether its products are sold in no other way.
    pub fn holds_back(&self, now: Timestamp) -> bool {
        match self.phase(now) {
            Phase::Gathering | Phase::Running => true,
            Phase::Announced | Phase::Over | Phase::Cancelled => false,
        }
    }

    /// The last moment at which a pass of it can be open.
    pub fn last_pass_ends_at(&self) -> Timestamp {
        self.terms.ends_at + self.terms.pass_length
    }

    /// A product of it.
    pub fn product(&self, product_id: ProductId) -> Option<&SaleProduct> {
        self.products.iter().find(|product| product.product_id == product_id)
    }

    /// How the holder of `ticket` may have `product`, which is one of this sale's. `draw` is known from the start on.
    pub fn offer(&self, product: &SaleProduct, ticket: Option<&Ticket>, draw: Option<&Draw>, now: Timestamp) -> Offer {
        if self.is_cancelled {
            return Offer::Regular;
        }
        let ticket = ticket.filter(|ticket| ticket.sale_id == self.id());
        let no_pass = match ticket.map(|ticket| (ticket, ticket.standing(&self.terms, draw, now))) {
            Some((ticket, Standing::Admitted { until })) => {
                let SaleProduct { price, units_max, .. } = *product;
                let limit = PersonLimit { sale_id: self.id(), person_id: ticket.person_id, units_max };
                return Offer::Admitted { price, limit, until };
            }
            Some((_, Standing::Gathering)) => NoPass::Gathering,
            Some((_, Standing::Waiting { admitted_at, .. })) => NoPass::Waiting { admitted_at },
            Some((_, Standing::Lapsed)) => NoPass::Lapsed,
            Some((_, Standing::Unreached | Standing::Over)) => NoPass::Over,
            None => NoPass::None,
        };
        if self.holds_back(now) { Offer::HeldBack(no_pass) } else { Offer::Regular }
    }
}

/// Whether a text can be a sale's slug: 1 to 96 of `a-z`, `0-9` and `-`.
pub fn is_slug(text: &str) -> bool {
    (1..=96).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl SaleDraft {
    /// Its terms.
    pub const fn terms(&self) -> Terms {
        Terms {
            sale_id: self.id,
            gathers_at: self.gathers_at,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            rate: self.rate,
            pass_length: self.pass_length_ms,
        }
    }

    /// What is wrong with it, by field.
    pub fn problems(&self) -> BTreeMap<String, String> {
        let mut problems = BTreeMap::new();
        let mut wrong = |field: &str, problem: String| {
            problems.entry(field.to_owned()).or_insert(problem);
        };
        if !is_slug(&self.slug) {
            wrong("slug", "1 to 96 characters of a-z, 0-9 and -".to_owned());
        }
        let title = self.title.trim();
        if title.is_empty() || title.chars().nth(TITLE_LENGTH_MAX).is_some() || title.chars().any(char::is_control) {
            wrong("title", format!("1 to {TITLE_LENGTH_MAX} characters on one line"));
        }
        if self.starts_at <= self.gathers_at {
            wrong("starts_at", "it has to be after gathers_at".to_owned());
        }
        if self.ends_at <= self.starts_at {
            wrong("ends_at", "it has to be after starts_at".to_owned());
        } else if self.ends_at - self.gathers_at > LENGTH_MAX {
            wrong("ends_at", "at most 31 days after gathers_at".to_owned());
        }
        if !(1..=RATE_MAX).contains(&self.rate) {
            wrong("rate", format!("1 to {RATE_MAX} people a minute"));
        }
        if !(Millis::minutes(1)..=Millis::days(1)).contains(&self.pass_length_ms) {
            wrong("pass_length_ms", "a minute to a day".to_owned());
        }
        if !(1..=PRODUCTS_MAX).contains(&self.products.len()) {
            wrong("products", format!("1 to {PRODUCTS_MAX} products"));
        }
        let mut skus = BTreeSet::new();
        for product in &self.products {
            if !skus.insert(&product.sku) {
                wrong("products", format!("{} is named twice", product.sku));
            }
            if product.price.amount_minor <= 0 {
                wrong("products", format!("the price of {} has to be more than nothing", product.sku));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::admission::{Digest32, Secret};
    use crate::ids::{PersonId, Sku};
    use crate::money::Currency;
    use crate::wire::SaleDraftProduct;

    const START: Timestamp = Timestamp(Millis::minutes(60).0);
    const LAMP: ProductId = ProductId(Uuid::from_u128(7));

    fn draft() -> SaleDraft {
        let price = Money::new(990, Currency::Ngn);
        let lamp = SaleDraftProduct { sku: Sku::new("lamp").unwrap(), price, units_max: Quantity::new(2).unwrap() };
        SaleDraft {
            id: SaleId(Uuid::from_u128(1)),
            slug: "lamps".into(),
            title: "Lamps".into(),
            gathers_at: START + Millis::minutes(-30),
            starts_at: START,
            ends_at: START + Millis::minutes(30),
            rate: 60,
            pass_length_ms: Millis::minutes(5),
            products: vec![lamp],
        }
    }

    fn sale() -> Sale {
        let price = Money::new(990, Currency::Ngn);
        let lamp = SaleProduct { product_id: LAMP, price, units_max: Quantity::new(2).unwrap() };
        let SaleDraft { slug, title, .. } = draft();
        Sale { slug, title, terms: draft().terms(), products: vec![lamp], is_cancelled: false }
    }

    fn ticket(sale: u128) -> Ticket {
        let person_id = PersonId(Uuid::from_u128(3));
        Ticket { sale_id: SaleId(Uuid::from_u128(sale)), person_id, number: 0, late: None }
    }

    fn offer(sale: &Sale, ticket: Option<Ticket>, now: Timestamp) -> Offer {
        let draw = Draw::new(Secret::new([7; 32]), Digest32::default(), 1);
        let drawn = (now >= START).then_some(&draw);
        sale.offer(&sale.products[0], ticket.as_ref(), drawn, now)
    }

    #[test]
    fn the_sale_s_price_is_for_those_whose_pass_is_open() {
        let sale = sale();
        let (mine, start) = (Some(ticket(1)), START);
        let Offer::Admitted { price, limit, until } = offer(&sale, mine, start) else { panic!("not admitted") };
        assert_eq!((price.amount_minor, limit.units_max.get(), until), (990, 2, start + Millis::minutes(5)));
        assert_eq!(limit.person_id, ticket(1).person_id);
        assert_eq!(offer(&sale, mine, start + Millis(-1)), Offer::HeldBack(NoPass::Gathering));
        assert_eq!(offer(&sale, mine, until), Offer::HeldBack(NoPass::Lapsed));
        assert_eq!(offer(&sale, None, start), Offer::HeldBack(NoPass::None));
        assert_eq!(offer(&sale, Some(ticket(2)), start), Offer::HeldBack(NoPass::None), "a pass of another sale");
    }

    #[test]
    fn before_and_after_the_sale_everything_is_as_always() {
        let sale = sale();
        for now in [Timestamp(0), sale.terms.gathers_at + Millis(-1), sale.terms.ends_at] {
            assert_eq!(offer(&sale, None, now), Offer::Regular);
        }
        let cancelled = Sale { is_cancelled: true, ..sale };
        assert_eq!(offer(&cancelled, Some(ticket(1)), START), Offer::Regular);
    }

    #[test]
    fn whoever_is_let_in_just_before_the_end_has_their_time() {
        let sale = sale();
        let late = Ticket { late: Some(sale.terms.ends_at + Millis(-1)), ..ticket(1) };
        assert!(matches!(offer(&sale, Some(late), sale.terms.ends_at + Millis::minutes(4)), Offer::Admitted { .. }));
        assert_eq!(offer(&sale, Some(late), sale.last_pass_ends_at()), Offer::Regular);
    }

    #[test]
    fn a_draft_says_what_is_wrong_with_it() {
        assert_eq!(draft().problems(), BTreeMap::new());
        let twice = vec![draft().products[0].clone(), draft().products[0].clone()];
        let bad = SaleDraft {
            slug: "Lamps!".into(),
            title: " ".into(),
            starts_at: draft().gathers_at,
            ends_at: draft().gathers_at,
            rate: 0,
            pass_length_ms: Millis(1),
            products: twice,
            ..draft()
        };
        let fields: Vec<String> = bad.problems().into_keys().collect();
        assert_eq!(fields, ["ends_at", "pass_length_ms", "products", "rate", "slug", "starts_at", "title"]);
    }
}
