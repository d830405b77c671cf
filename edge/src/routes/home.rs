//! The front page.

use axum::response::Response;
use domain::sale::{Phase, Sale};
use domain::time::Timestamp;

use crate::catalogue;
use crate::context::Context;
use crate::edge_cache;
use crate::error::Error;
use crate::pages::{Card, home};
use crate::{sales, site};

/// Products under *new*.
const NEWEST: u32 = 12;
/// Products at the top of the page.
const FEATURED: usize = 3;

/// `GET /`
#[worker::send]
pub(crate) async fn home(context: Context) -> Result<Response, Error> {
    let known = site::known(&context).await?;
    let now = context.now();
    let current = sales::current(&context).await?;
    let told: Vec<_> = current.iter().filter(|known| known.sale.phase(now).is_open()).collect();
    // Another phase of a sale is another page.
    let phases: Vec<String> = told.iter().map(|known| known.cache_key(now)).collect();
    let key = format!("home/{}/{}?{}", known.version, phases.join("+"), context.shop_url());
    edge_cache::page(&context, &key, async || {
        // Twice as many as are shown, so that some with a picture can stand at the top.
        let recent = catalogue::newest(&context, NEWEST * 2).await?;
        let cards: Vec<Card> = recent.into_iter().map(card).collect();
        let (with_picture, without): (Vec<Card>, Vec<Card>) =
            cards.iter().cloned().partition(|card| card.picture.is_some());
        let featured = with_picture.into_iter().chain(without).take(FEATURED).collect();
        Ok(home::view(&home::Model {
            site: &known.site(context.shop_url()),
            products: u64::from(known.product_count),
            brands: u64::from(known.brand_count),
            featured,
            categories: known.categories.iter().take(site::CATEGORIES_MAX).map(site::link).collect(),
            newest: cards.into_iter().take(NEWEST as usize).collect(),
            sales: told.iter().map(|known| teaser(&known.sale, now)).collect(),
        }))
    })
    .await
}

fn teaser(sale: &Sale, now: Timestamp) -> home::Teaser {
    home::Teaser {
        slug: sale.slug.clone(),
        title: sale.title.clone(),
        starts_at: sale.terms.starts_at,
        ends_at: sale.terms.ends_at,
        is_running: sale.phase(now) == Phase::Running,
    }
}

fn card(card: catalogue::Card) -> Card {
    Card {
        slug: card.slug,
        title: card.title,
        brand: card.brand,
        category: card.category,
        picture: card.picture,
        price: card.price,
        price_is_lowest: card.price_is_lowest,
        available: card.available,
        rating: None,
        marks: Vec::new(),
    }
}
