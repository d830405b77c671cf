//! What the flash sales mean for one cart: which of its things cost a sale's price, and which it may not have now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::admission::{Pass, Ticket};
use domain::ids::{CartId, ProductId, Sku};
use domain::money::Money;
use domain::sale::{NoPass, Offer};
use domain::stock::{PersonLimit, Quantity};
use domain::time::Timestamp;
use http::StatusCode;

use super::{Known, current, draw};
use crate::catalogue::Article;
use crate::context::Context;
use crate::error::Error;
use crate::pages::in_sale::{InSale, Turn};

/// What the sales mean for one cart.
#[derive(Debug, Default)]
pub(crate) struct Offers {
    by_product: BTreeMap<ProductId, (Arc<Known>, Offer)>,
    /// What the cart has a pass for, of a sale that is over or was cancelled.
    ended: BTreeMap<ProductId, Arc<Known>>,
}

/// Looks at the sales with the passes that came with a request. No object is asked, once a draw is known.
pub(crate) async fn offers(context: &Context, passes: &[Pass], cart_id: Option<CartId>) -> Result<Offers, Error> {
    let now = context.now();
    let mut offers = Offers::default();
    for known in current(context).await?.iter() {
        let sale = &known.sale;
        let is_ours = |pass: &&Pass| pass.ticket.sale_id == sale.id() && Some(pass.cart_id) == cart_id;
        let ticket: Option<&Ticket> = passes.iter().find(is_ours).map(|pass| &pass.ticket);
        let draw = match ticket {
            Some(Ticket { late: None, .. }) => draw(context, known).await?,
            Some(_) | None => None,
        };
        for product in &sale.products {
            let offer = sale.offer(product, ticket, draw.as_ref(), now);
            if offer != Offer::Regular {
                offers.by_product.insert(product.product_id, (Arc::clone(known), offer));
            } else if ticket.is_some() && !sale.phase(now).is_open() {
                offers.ended.insert(product.product_id, Arc::clone(known));
            }
        }
    }
    Ok(offers)
}

impl Offers {
    /// The article at the price that this cart pays for it: the sale's, unless it has become cheaper than that for everybody.
    pub(crate) fn priced(&self, article: Article) -> Article {
        match self.price(article.product_id, &article.sku) {
            Some(price) if price.amount_minor < article.price.amount_minor => {
                Article { price, is_reduced: true, ..article }
            }
            Some(_) | None => article,
        }
    }

    fn price(&self, product_id: ProductId, sku: &Sku) -> Option<Money> {
        match self.by_product.get(&product_id)? {
            (_, Offer::Admitted { prices, .. }) => prices.get(sku).copied(),
            (_, Offer::HeldBack(_) | Offer::Regular) => None,
        }
    }

    /// What one person may have, of each product that a sale says so of.
    pub(crate) fn limits(&self) -> BTreeMap<ProductId, PersonLimit> {
        let limit = |(product_id, (_, offer)): (&ProductId, &(Arc<Known>, Offer))| match offer {
            Offer::Admitted { limit, .. } => Some((*product_id, *limit)),
            Offer::HeldBack(_) | Offer::Regular => None,
        };
        self.by_product.iter().filter_map(limit).collect()
    }

    /// Units of a product that one person may have, all variants together, where a sale says so.
    pub(crate) fn units_max(&self, product_id: ProductId) -> Option<Quantity> {
        let (known, _) = self.by_product.get(&product_id)?;
        known.sale.product(product_id).map(|product| product.units_max)
    }

    /// Whether a sale holds a product back from this cart.
    pub(crate) fn is_held_back(&self, product_id: ProductId) -> bool {
        matches!(self.by_product.get(&product_id), Some((_, Offer::HeldBack(_))))
    }

    /// Until when this cart may buy a product at its sale's price, if it may.
    pub(crate) fn turn_until(&self, product_id: ProductId) -> Option<Timestamp> {
        match self.by_product.get(&product_id)? {
            (_, Offer::Admitted { until, .. }) => Some(*until),
            (_, Offer::HeldBack(_) | Offer::Regular) => None,
        }
    }

    /// What a product's sale means for this cart, as its page tells it.
    pub(crate) fn in_sale(&self, product_id: ProductId) -> Option<InSale> {
        let ended = self
            .ended
            .get(&product_id)
            .map(|known| (known, if known.sale.is_cancelled { Turn::Cancelled } else { Turn::Ended }));
        let (known, turn) = match self.by_product.get(&product_id) {
            Some((known, Offer::Admitted { until, .. })) => (known, Turn::Open { until: *until }),
            Some((known, Offer::HeldBack(why))) => (known, Turn::Closed(*why)),
            Some((_, Offer::Regular)) | None => ended?,
        };
        let units_max = known.sale.product(product_id)?.units_max;
        Some(InSale { slug: known.sale.slug.clone(), title: known.sale.title.clone(), units_max, turn })
    }

    /// The products that a checkout with this address may not have now.
    pub(crate) fn held_back_from(&self, email: &str) -> BTreeSet<ProductId> {
        let held_back = |product_id: &&ProductId| self.refusal(**product_id, email).is_some();
        self.by_product.keys().filter(held_back).copied().collect()
    }

    /// Why a checkout with this address may not have a product now: there is no pass for it, or it is that of another person.
    pub(crate) fn refusal(&self, product_id: ProductId, email: &str) -> Option<Error> {
        match self.by_product.get(&product_id)? {
            (known, Offer::HeldBack(why)) => Some(no_pass(&known.sale.title, *why)),
            (known, Offer::Admitted { limit, .. }) if known.person(email) != limit.person_id => Some(Error::rejection(
                StatusCode::FORBIDDEN,
                "pass_of_another",
                "This pass is somebody else's",
                format!("Check out with the e-mail address with which you joined {}.", known.sale.title),
            )),
            (_, Offer::Admitted { .. } | Offer::Regular) => None,
        }
    }
}

fn no_pass(title: &str, why: NoPass) -> Error {
    let (code, detail) = match why {
        NoPass::None => ("pass_needed", format!("{title} is a flash sale: join it with this cart to buy from it.")),
        NoPass::Gathering => ("pass_not_yet", format!("{title} has not started. Your place is safe.")),
        NoPass::Waiting { admitted_at } => {
            ("pass_not_yet", format!("{title} lets you in at {}. Your place is safe.", admitted_at.rfc3339()))
        }
        NoPass::Lapsed => ("pass_lapsed", format!("Your time to check out in {title} is over. You may join again.")),
        NoPass::Over => ("sale_over", format!("{title} is over.")),
    };
    Error::rejection(StatusCode::FORBIDDEN, code, "This can be bought with a pass only", detail)
}
