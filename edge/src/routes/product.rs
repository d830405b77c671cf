//! A product's page.

use axum::response::{Html, IntoResponse, Response};
use domain::ids::Sku;
use domain::money::Money;
use domain::pricing::Item;
use domain::stock::Quantity;
use serde::Deserialize;

use super::cart::Shopper;
use crate::catalogue::{self, Snapshot};
use crate::context::Context;
use crate::edge_cache;
use crate::error::Error;
use crate::extract::{Path, Query};
use crate::pages::links::Link;
use crate::pages::product::{Model, Product, SaleNotice, Variant, view};
use crate::{checkout, sales, site};

#[derive(Deserialize)]
pub(crate) struct Chosen {
    variant: Option<String>,
}

/// `GET /p/{slug}?variant={sku}`
#[worker::send]
pub(crate) async fn product(
    context: Context,
    Path(slug): Path<String>,
    Query(Chosen { variant }): Query<Chosen>,
    shopper: Shopper,
) -> Result<Response, Error> {
    let snapshot = catalogue::product(&context, &slug).await?.ok_or_else(|| Error::not_found("product"))?;
    let known = site::known(&context).await?;
    // A SKU that the product does not have shows the product as it is without a choice.
    let wanted = snapshot.variants.iter().position(|own| Some(own.sku.as_str()) == variant.as_deref());
    let choice = wanted.map(|index| index.to_string()).unwrap_or_default();
    let now = context.now();
    let current = sales::current(&context).await?;
    let on_sale = current.iter().find_map(|known| {
        let product = known.sale.product(snapshot.id).filter(|_| known.sale.phase(now).is_open())?;
        Some((known, product))
    });
    // Another phase of a sale is another page.
    let phase = on_sale.map(|(known, _)| known.cache_key(now)).unwrap_or_default();
    let first = snapshot.variants.get(wanted.unwrap_or(0)).or(snapshot.variants.first());
    let first = first.ok_or_else(|| Error::bug("a product without variants"))?;
    let delivery = checkout::delivery_of(&context, item(&snapshot, first)?, snapshot.price.currency).await?;
    let (version, shop) = (known.version, context.shop_url());
    // An isolate that has not heard of new rules yet keeps its page under another name than one that has.
    let delivered = delivery.as_ref().map(|it| it.price.amount_minor.to_string()).unwrap_or_default();
    let key = format!("product/{version}/{slug}/{}/{choice}/{phase}/{delivered}?{shop}", snapshot.version);
    // Whose turn it is sees a page of their own; only those with a pass are looked at.
    let turn_until = match on_sale {
        Some(_) if !shopper.passes.is_empty() => {
            sales::offers(&context, &shopper.passes, shopper.cart_id).await?.turn_until(snapshot.id)
        }
        Some(_) | None => None,
    };
    let make = async || {
        let levels = catalogue::availability(&context, snapshot.id).await?;
        let product = model(snapshot, &levels);
        let first_to_be_had = product.variants.iter().position(|variant| variant.available > 0);
        Ok(view(&Model {
            site: &known.site(context.shop_url()),
            chosen: wanted.or(first_to_be_had).unwrap_or(0),
            product: &product,
            delivery,
            related: Vec::new(),
            sale: on_sale.map(|(known, product)| SaleNotice {
                title: known.sale.title.clone(),
                slug: known.sale.slug.clone(),
                prices: product.prices.clone(),
                is_held_back: known.sale.holds_back(now),
                gathers_at: known.sale.terms.gathers_at,
                starts_at: known.sale.terms.starts_at,
                ends_at: known.sale.terms.ends_at,
                units_max: product.units_max.get(),
                turn_until,
            }),
        }))
    };
    match turn_until {
        Some(_) => Ok(Html(make().await?.into_string()).into_response()),
        None => edge_cache::page(&context, &key, make).await,
    }
}

fn model(snapshot: Snapshot, levels: &[(Sku, u32)]) -> Product {
    let currency = snapshot.price.currency;
    let paths = snapshot.category_path.match_indices('/').map(|(end, _)| &snapshot.category_path[..end]);
    let paths = paths.chain([snapshot.category_path.as_str()]);
    let trail = snapshot.category.iter().zip(paths).map(|(name, path)| Link::new(name, format!("/c/{path}"))).collect();
    let available = |sku: &Sku| levels.iter().find(|(other, _)| other == sku).map_or(0, |(_, available)| *available);
    Product {
        trail,
        variants: snapshot
            .variants
            .into_iter()
            .map(|variant| Variant {
                available: available(&variant.sku),
                sku: variant.sku,
                options: variant.options,
                price: Money::new(variant.price_minor, currency),
                picture: variant.picture,
            })
            .collect(),
        slug: snapshot.slug,
        title: snapshot.title,
        brand: snapshot.brand,
        category: snapshot.category,
        pictures: snapshot.pictures,
        description: snapshot.description,
        attributes: snapshot.attributes,
        codes: snapshot.codes,
        seller: snapshot.seller,
    }
}

/// One of a variant, as the shop's rules look at it.
fn item(snapshot: &Snapshot, variant: &catalogue::Variant) -> Result<Item, Error> {
    Ok(Item {
        sku: variant.sku.clone(),
        quantity: Quantity::new(1).map_err(Error::bug)?,
        unit_price_minor: variant.price_minor,
        seller: snapshot.seller.clone(),
        category: snapshot.category.join("/"),
        brand: snapshot.brand.clone(),
        weight_grams: snapshot.weight_grams,
        is_reduced: false,
    })
}
