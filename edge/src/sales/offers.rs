//! What the flash sales mean for one cart: which of its products cost the sale's price, and which it may not have now.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::admission::{Pass, Ticket};
use domain::cart::CartLine;
use domain::ids::{CartId, PersonId, ProductId};
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
    /// The article at the price that this cart pays for it.
    pub(crate) fn priced(&self, article: Article) -> Article {
        match self.price(article.product_id) {
            Some(price) => Article { price, ..article },
            None => article,
        }
    }

    fn price(&self, product_id: ProductId) -> Option<Money> {
        match self.0.get(&product_id)? {
            (_, Offer::Admitted { price, .. }) => Some(*price),
            (_, Offer::HeldBack(_) | Offer::Regular) => None,
        }
    }

    /// What one person may have of a product, where a sale says so.
    pub(crate) fn limit(&self, product_id: ProductId) -> Option<PersonLimit> {
        match self.0.get(&product_id)? {
            (_, Offer::Admitted { limit, .. }) => Some(*limit),
            (_, Offer::HeldBack(_) | Offer::Regular) => None,
        }
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

    /// Refuses a checkout that may not have these lines now, or whose address is not that of the pass's person.
    pub(crate) fn admit(&self, lines: &[CartLine], email: &str) -> Result<(), Error> {
        for line in lines {
            match self.0.get(&line.product_id) {
                Some((known, Offer::HeldBack(why))) => return Err(no_pass(&known.sale.title, *why)),
                Some((known, Offer::Admitted { limit, .. })) => of_person(known, limit.person_id, email)?,
                Some((_, Offer::Regular)) | None => {}
            }
        }
        Ok(())
    }
}

fn of_person(known: &Known, person_id: PersonId, email: &str) -> Result<(), Error> {
    if known.person(email) == person_id {
        return Ok(());
    }
    Err(Error::rejection(
        StatusCode::FORBIDDEN,
        "pass_of_another",
        "This pass is somebody else's",
        format!("Check out with the e-mail address with which you joined {}.", known.sale.title),
    ))
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
