//! Flash sales: what is sold in one, to whom and at what price. Who is let in when is [`crate::admission`]'s business.
//!
//! From when people gather until the end, a sale's products are sold in no other way: nobody drains its stock past the queue. The
//! sale's prices hold for whoever's pass is open, and for nobody else.

mod draft;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::admission::{Draw, Standing, Terms, Ticket};
use crate::ids::{ProductId, SaleId, Sku};
use crate::money::Money;
use crate::stock::{PersonLimit, Quantity};
use crate::time::Timestamp;

pub use self::draft::{Named, Sellable};

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

/// A product in a sale. All its variants are held back together, whether they cost less or not: their units are one count, which
/// admission protects, and one person's share counts them all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleProduct {
    /// Which.
    pub product_id: ProductId,
    /// What the variants cost that cost less. Others cost what they always do.
    pub prices: Prices,
    /// Units that one person may have, all variants together.
    pub units_max: Quantity,
}

/// Prices of one, by variant.
pub type Prices = BTreeMap<Sku, Money>;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offer {
    /// As always: the sale does not touch it now.
    Regular,
    /// At the sale's prices, because their pass is open.
    Admitted {
        /// of the variants that cost less
        prices: Prices,
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
                let limit =
                    PersonLimit { sale_id: self.id(), person_id: ticket.person_id, units_max: product.units_max };
                return Offer::Admitted { prices: product.prices.clone(), limit, until };
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::admission::{Digest32, Secret};
    use crate::ids::PersonId;
    use crate::money::Currency;
    use crate::time::Millis;

    const START: Timestamp = Timestamp(Millis::minutes(60).0);
    const LAMP: ProductId = ProductId(Uuid::from_u128(7));

    fn red() -> Sku {
        Sku::new("lamp-red").unwrap()
    }

    fn sale() -> Sale {
        let terms = Terms {
            sale_id: SaleId(Uuid::from_u128(1)),
            gathers_at: START + Millis::minutes(-30),
            starts_at: START,
            ends_at: START + Millis::minutes(30),
            rate: 60,
            pass_length: Millis::minutes(5),
        };
        let prices = Prices::from([(red(), Money::new(990, Currency::Ngn))]);
        let lamp = SaleProduct { product_id: LAMP, prices, units_max: Quantity::new(2).unwrap() };
        Sale { slug: "lamps".into(), title: "Lamps".into(), terms, products: vec![lamp], is_cancelled: false }
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
    fn the_sale_s_prices_are_for_those_whose_pass_is_open() {
        let sale = sale();
        let (mine, start) = (Some(ticket(1)), START);
        let Offer::Admitted { prices, limit, until } = offer(&sale, mine, start) else { panic!("not admitted") };
        assert_eq!(prices.get(&red()).map(|price| price.amount_minor), Some(990));
        assert_eq!(prices.get(&Sku::new("lamp-ten").unwrap()), None, "a pack of ten costs what it always does");
        assert_eq!((limit.units_max.get(), until), (2, start + Millis::minutes(5)));
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
}
