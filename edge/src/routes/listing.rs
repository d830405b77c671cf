//! A category's products, and what it shares with search: from an address to a request of the index, and from an answer to a page.

use axum::extract::RawQuery;
use axum::response::Response;
use domain::money::{Currency, Money};
use domain::wire::Picture;
use maud::Markup;
use search::answer::{Answer, FacetCount, Hit};
use search::request::DEPTH_MAX;
use search::{Request, Sort};

use crate::catalogue::{self, slug};
use crate::context::Context;
use crate::edge_cache;
use crate::error::Error;
use crate::extract::Path;
use crate::pages::links::Link;
use crate::pages::listing::{self, Choice, Filters, Place};
use crate::pages::{Card, Site};
use crate::search_shell::{self, Found};
use crate::site;

/// Products on a page.
const PER_PAGE: u32 = 24;

/// `GET /c/{path}`
#[worker::send]
pub(crate) async fn category(
    context: Context,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let path = path.trim_end_matches('/').to_owned();
    let asked = Asked::read(query.as_deref().unwrap_or_default())?;
    let known = site::known(&context).await?;
    let index_version = search_shell::version(&context).await?;
    let filters = Filters { query: String::new(), category: None, ..asked.filters };
    let address = filters.href(&format!("/c/{path}"));
    let key = format!("listing/{}/{index_version}{address}?{}", known.version, context.shop_url());
    edge_cache::page(&context, &key, async || {
        let trail = catalogue::category_trail(&context, &path).await?;
        let Some((here, above)) = trail.split_last() else { return Err(Error::not_found("category")) };
        let names: Vec<&str> = trail.iter().map(|category| category.name.as_str()).collect();
        let (request, price_problem) = request(&filters, Some(names.join("/")), known.currency);
        let found = search_shell::run(&context, &request).await?;
        let place = Place::Category {
            path: format!("/c/{path}"),
            title: here.name.clone(),
            above: above.iter().map(|category| Link::new(&category.name, format!("/c/{}", category.path))).collect(),
        };
        let categories = found
            .answer
            .facets
            .category
            .iter()
            .filter_map(|facet| facet.value.rsplit('/').next().map(|name| (name, facet.count)))
            .map(|(name, count)| Choice {
                label: name.to_owned(),
                value: format!("/c/{path}/{}", slug::of_name(name)),
                count,
            })
            .collect();
        let site = known.site(context.shop_url());
        Ok(page(&Listing { site: &site, place, filters: filters.clone(), categories, price_problem }, found))
    })
    .await
}

/// What an address asks of a listing.
pub(crate) struct Asked {
    pub(crate) filters: Filters,
}

impl Asked {
    /// Reads a query string. What is not understood is refused only where guessing would mislead.
    pub(crate) fn read(query: &str) -> Result<Self, Error> {
        let mut filters = Filters { page: 1, ..Filters::default() };
        for (name, value) in form_pairs(query) {
            match name.as_str() {
                "q" => filters.query = value.trim().to_owned(),
                "category" if !value.is_empty() => filters.category = Some(value),
                "brand" if !value.is_empty() => filters.brands.push(value),
                "min_price" => filters.min_price = value.trim().to_owned(),
                "max_price" => filters.max_price = value.trim().to_owned(),
                "available" => filters.available_only = value == "1",
                "sort" => filters.sort = listing::Sort::from_value(&value),
                "page" => {
                    filters.page = value.parse().map_err(|_| {
                        Error::bad_request("page_invalid", "Pages are counted with whole numbers from 1.")
                    })?;
                }
                _ => {}
            }
        }
        Ok(Self { filters })
    }
}

/// Name-value pairs of a query string or form body, decoded.
pub(crate) fn form_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    query.split('&').filter(|pair| !pair.is_empty()).map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

/// The index's request for what was asked, and what is wrong with the prices, which are left out then.
pub(crate) fn request(filters: &Filters, category: Option<String>, currency: Currency) -> (Request, Option<String>) {
    let (prices, problem) = match (price(&filters.min_price, currency), price(&filters.max_price, currency)) {
        (Ok(low), Ok(high)) if low.zip(high).is_some_and(|(low, high)| low > high) => {
            ((None, None), Some("The lowest price is above the highest".to_owned()))
        }
        (Ok(low), Ok(high)) => ((low, high), None),
        (Err(problem), _) | (_, Err(problem)) => ((None, None), Some(problem)),
    };
    let sort = match filters.sort {
        listing::Sort::Relevance => Sort::Relevance,
        listing::Sort::PriceAsc => Sort::PriceAsc,
        listing::Sort::PriceDesc => Sort::PriceDesc,
        listing::Sort::Newest => Sort::Newest,
    };
    let request = Request {
        query: filters.query.clone(),
        category,
        brands: filters.brands.clone(),
        min_price_minor: prices.0,
        max_price_minor: prices.1,
        currency: None,
        available_only: filters.available_only,
        sort,
        page: filters.page,
        per_page: PER_PAGE,
        ..Request::default()
    };
    (request, problem)
}

fn price(text: &str, currency: Currency) -> Result<Option<i64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    match Money::parse_price(&text.replace(',', ""), currency) {
        Ok(money) => Ok(Some(money.amount_minor)),
        Err(problem) => Err(problem.to_string()),
    }
}

/// What a listing's page needs besides the answer.
pub(crate) struct Listing<'a> {
    pub(crate) site: &'a Site,
    pub(crate) place: Place,
    pub(crate) filters: Filters,
    pub(crate) categories: Vec<Choice>,
    pub(crate) price_problem: Option<String>,
}

/// The page of an answer.
pub(crate) fn page(listing: &Listing<'_>, found: Found) -> Markup {
    let Answer { total, hits, facets, relaxed, corrections, .. } = found.answer;
    // Only whole pages can be asked for down to the limit.
    let reachable = total.div_ceil(u64::from(PER_PAGE)).min(u64::from(DEPTH_MAX / PER_PAGE));
    let currency = hits.first().and_then(|hit| hit.currency.parse().ok()).unwrap_or(listing.site.currency);
    listing::view(&listing::Model {
        site: listing.site,
        place: listing.place.clone(),
        filters: listing.filters.clone(),
        total,
        pages: u32::try_from(reachable).unwrap_or(u32::MAX),
        cards: hits.into_iter().map(|hit| card(hit, listing.site.currency)).collect(),
        categories: listing.categories.clone(),
        brands: facets.brand.into_iter().map(choice).collect(),
        price_range: facets
            .price
            .map(|price| (Money::new(price.min_minor, currency), Money::new(price.max_minor, currency))),
        price_problem: listing.price_problem.clone(),
        corrections: corrections.into_iter().map(|word| (word.typed, word.searched)).collect(),
        relaxed,
    })
}

/// A facet's value as a choice of that name.
pub(crate) fn choice(facet: FacetCount) -> Choice {
    Choice { label: facet.value.clone(), value: facet.value, count: facet.count }
}

/// A hit as a card. The index holds the main picture as the JSON of a [`Picture`].
pub(crate) fn card(hit: Hit, fallback: Currency) -> Card {
    Card {
        picture: picture(&hit),
        slug: hit.slug,
        title: hit.title,
        brand: hit.brand,
        category: hit.category,
        price: Money::new(hit.price_minor, hit.currency.parse().unwrap_or(fallback)),
        price_is_lowest: false,
        available: hit.available,
    }
}

/// A hit's main picture.
pub(crate) fn picture(hit: &Hit) -> Option<Picture> {
    serde_json::from_str(hit.image.as_deref()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_is_asked() {
        let asked =
            Asked::read("q=hp+%22dv7%22&brand=HP&brand=Xerox&min_price=1%2C000&available=1&sort=price_asc&page=2")
                .unwrap();
        assert_eq!(asked.filters.query, "hp \"dv7\"");
        assert_eq!(asked.filters.brands, ["HP", "Xerox"]);
        let (request, problem) = request(&asked.filters, None, Currency::Usd);
        assert_eq!((request.min_price_minor, problem), (Some(100_000), None));
        assert!(Asked::read("page=1e9").is_err());
    }

    #[test]
    fn prices_that_make_no_sense_are_told_and_left_out() {
        for (low, high) in [("x", ""), ("", "1.234"), ("5", "4"), ("-1", "")] {
            let filters = Filters { min_price: low.into(), max_price: high.into(), page: 1, ..Filters::default() };
            let (request, problem) = request(&filters, None, Currency::Usd);
            assert_eq!((request.min_price_minor, request.max_price_minor), (None, None));
            assert!(problem.is_some(), "{low} {high}");
        }
    }
}
