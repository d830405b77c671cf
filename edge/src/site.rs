//! What stands on every page: the categories in its bar, and the versions that anonymous pages are cached under.
//!
//! Read once a second per isolate, not once a request.

use std::cell::RefCell;

use domain::money::Currency;
use domain::time::{Millis, Timestamp};
use serde::Deserialize;

use crate::catalogue::{self, Category};
use crate::context::Context;
use crate::error::Error;
use crate::pages::{Assets, Link, Site};

/// How long it is believed.
const FRESH: Millis = Millis::seconds(1);
/// Categories in the bar, and as tiles on the front page.
pub(crate) const CATEGORIES_MAX: usize = 12;

thread_local! {
    static KNOWN: RefCell<Option<(Timestamp, Known)>> = const { RefCell::new(None) };
}

/// What is known of the catalogue as a whole.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// Changes whenever anything in the catalogue does.
    pub(crate) version: u32,
    pub(crate) product_count: u32,
    pub(crate) brand_count: u32,
    pub(crate) currency: Currency,
    pub(crate) categories: Vec<Category>,
}

impl Known {
    /// The part of every page that is the same for all.
    pub(crate) fn site(&self, base_url: impl Into<String>) -> Site {
        let categories = self.categories.iter().take(CATEGORIES_MAX).map(link).collect();
        Site { base_url: base_url.into(), assets: assets(), categories, currency: self.currency }
    }
}

/// A category's link with its count.
pub(crate) fn link(category: &Category) -> Link {
    let href = format!("/c/{}", category.path);
    Link { count: Some(u64::from(category.product_count)), ..Link::new(&category.name, href) }
}

/// Where the page's files are.
pub(crate) fn assets() -> Assets {
    Assets {
        css: env!("KASUWA_ASSET_CSS").to_owned(),
        js: env!("KASUWA_ASSET_JS").to_owned(),
        marks: env!("KASUWA_ASSET_MARKS").to_owned(),
        icon: "/assets/favicon.svg".to_owned(),
    }
}

/// What is known of the catalogue as a whole, at most a second old.
pub(crate) async fn known(context: &Context) -> Result<Known, Error> {
    let kept = KNOWN.with_borrow(Clone::clone);
    if let Some((at, known)) = kept
        && context.now() - at < FRESH
    {
        return Ok(known);
    }
    #[derive(Deserialize)]
    struct Row {
        version: u32,
        product_count: u32,
        brand_count: u32,
        currency: Option<Currency>,
    }
    let row: Row = context
        .db()?
        .prepare(
            "SELECT version, product_count, brand_count,
                    (SELECT currency FROM product ORDER BY created_at LIMIT 1) AS currency FROM catalogue",
        )
        .first(None)
        .await
        .map_err(catalogue::d1)?
        .ok_or_else(|| Error::bug("the catalogue has no state"))?;
    let known = Known {
        version: row.version,
        product_count: row.product_count,
        brand_count: row.brand_count,
        currency: row.currency.unwrap_or(Currency::Ngn),
        categories: catalogue::top_categories(context).await?,
    };
    KNOWN.set(Some((context.now(), known.clone())));
    Ok(known)
}

/// The page round an error: what this isolate happens to know, since asking might be what failed.
pub(crate) fn last_known(context: &Context) -> Site {
    let base_url = context.shop_url().to_owned();
    match KNOWN.with_borrow(Clone::clone) {
        Some((_, known)) => known.site(base_url),
        None => Site { base_url, assets: assets(), categories: Vec::new(), currency: Currency::Ngn },
    }
}

/// Makes this isolate look again: the catalogue was just changed.
pub(crate) fn forget() {
    KNOWN.set(None);
}
