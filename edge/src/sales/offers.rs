//! What the flash sales mean for one cart: which of its things cost a sale's price, and which it may not have now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::admission::{Pass, Ticket};
use domain::ids::{CartId, ProductId, Sku};
use domain::money::Money;
use domain::sale::{NoPass, Offer};
use domain::stock::PersonLimit;
use http::StatusCode;

use super::{Known, current, draw};
use crate::catalogue::Article;
use crate::context::Context;
use crate::error::Error;

/// What the sales mean for one cart.
#[derive(Debug, Default)]
pub(crate) struct Offers(BTreeMap<ProductId, (Arc<Known>, Offer)>);

/// Looks at the sales with the passes that came with a request. No object is asked, once a draw is known.
pub(crate) async fn offers(context: &Context, passes: &[Pass], cart_id: Option<CartId>) -> Result<Offers, Error> {
    let now = context.now();
    let mut offers = BTreeMap::new();
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
                offers.insert(product.product_id, (Arc::clone(known), offer));
            }
        }
    }
    Ok(Offers(offers))
}

/// A product that is held back for a sale.
#[derive(Debug, Clone)]
pub(crate) struct HeldBack {
    pub(crate) title: String,
    pub(crate) slug: String,
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
        match self.0.get(&product_id)? {
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
        self.0.iter().filter_map(limit).collect()
    }

    /// The sale that a product is held back for.
    pub(crate) fn held_back(&self, product_id: ProductId) -> Option<HeldBack> {
        match self.0.get(&product_id)? {
            (known, Offer::HeldBack(_)) => {
                Some(HeldBack { title: known.sale.title.clone(), slug: known.sale.slug.clone() })
            }
            (_, Offer::Admitted { .. } | Offer::Regular) => None,
        }
    }

    /// The products that a checkout with this address may not have now.
    pub(crate) fn held_back_from(&self, email: &str) -> BTreeSet<ProductId> {
        let held_back = |product_id: &&ProductId| self.refusal(**product_id, email).is_some();
        self.0.keys().filter(held_back).copied().collect()
    }

    /// Why a checkout with this address may not have a product now: there is no pass for it, or it is that of another person.
    pub(crate) fn refusal(&self, product_id: ProductId, email: &str) -> Option<Error> {
        match self.0.get(&product_id)? {
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
