//! Carries the calls of [`domain::purchase`]'s machines to where they go, and the answers back. Decides nothing: a call without an
//! answer ends the whole run, as a crash would, and the next try finds out.

use domain::ids::Sku;
use domain::purchase::{Answer, Call, Offer, Offers};
use futures_util::future::join_all;

use crate::catalogue::{self, Article};
use crate::checkout::delivery_prices;
use crate::context::Context;
use crate::durable::client::{self, CartCall, StockAsk};
use crate::error::Error;
use crate::{origin_client, pricing, sales};

/// Makes all `calls` at once; the answers in their order. `sales` says which prices hold for this shopper.
pub(crate) async fn carry(context: &Context, sales: &sales::Offers, calls: Vec<Call>) -> Result<Vec<Answer>, Error> {
    join_all(calls.into_iter().map(|call| ask(context, sales, call))).await.into_iter().collect()
}

async fn ask(context: &Context, sales: &sales::Offers, call: Call) -> Result<Answer, Error> {
    Ok(match call {
        Call::Cart(cart_id, command) => Answer::Cart(client::cart(context, cart_id, &CartCall::Change(command)).await?),
        Call::Stock(product_id, command) => {
            let answer = client::stock(context, product_id, StockAsk::Do(command)).await?;
            Answer::Stock(answer.map(|answer| answer.reservation))
        }
        Call::Offers(skus, coupon) => {
            let articles = catalogue::articles(context, &skus.iter().collect::<Vec<&Sku>>()).await?;
            let priced = articles.into_iter().map(|article| sales.priced(article));
            let variants = priced.map(|article| (article.sku.clone(), offer(&article))).collect();
            let rules = pricing::rules(context, coupon.as_ref()).await?;
            Answer::Offers(Offers { variants, delivery_minor: delivery_prices(context)?, rules })
        }
        Call::Order(order) => Answer::Order(origin_client::place_order(context, &order).await?),
        Call::GiveUp(checkout_id) => Answer::GaveUp(origin_client::give_up(context, checkout_id).await?),
    })
}

/// An article as a purchase looks at it.
pub(crate) fn offer(article: &Article) -> Offer {
    Offer {
        title: article.full_title(),
        product_id: article.product_id,
        slug: article.slug.clone(),
        seller: article.seller.clone(),
        price: article.price,
        category: article.category.join("/"),
        brand: article.brand.clone(),
        weight_grams: article.weight_grams,
        is_reduced: article.is_reduced,
    }
}
