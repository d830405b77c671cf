//! Search: the results page, and live results while somebody types.

use axum::extract::RawQuery;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::{HeaderMap, Uri, header};
use search::Request;

use super::listing::{Listing, card, form_pairs, last_name, page, refused, request, ways_on, without_empty};
use crate::context::Context;
use crate::edge_cache;
use crate::error::Error;
use crate::pages::filters::Filters;
use crate::pages::listing::{Choice, Place};
use crate::pages::live_results;
use crate::queries;
use crate::search_shell;
use crate::site;

/// Live results shown at once.
const LIVE: u32 = 6;
/// Categories that live results are offered in.
const LIVE_CATEGORIES: usize = 3;
/// Popular searches offered while somebody types, and before.
const LIVE_POPULAR: usize = 3;
const LIVE_POPULAR_UNTYPED: usize = 6;
/// Longest text that is searched for while typing; more is cut, since somebody is still typing.
const LIVE_CHARS_MAX: usize = 256;

const BASE: &str = "/search";

/// `GET /search`
#[worker::send]
pub(crate) async fn results(context: Context, uri: Uri, headers: HeaderMap) -> Result<Response, Error> {
    if let Some(clean) = without_empty(&uri) {
        return Ok(Redirect::to(&clean).into_response());
    }
    let (filters, problems) = Filters::read(form_pairs(uri.query().unwrap_or_default()));
    let known = site::known(&context).await?;
    let (request, price_problem) = request(&filters, filters.category.clone(), known.currency);
    if let Some(refused) = refused(&context, &known, BASE, &filters, problems, &request) {
        return Ok(refused);
    }
    let index_version = search_shell::version(&context).await?;
    let key = format!("listing/{}/{index_version}{}?{}", known.version, filters.href(BASE), context.shop_url());
    edge_cache::page(&context, &key, async || {
        let found = search_shell::run(&context, &request).await?;
        // A page that a browser fetches in advance was not asked for by anybody.
        let is_asked_for = !headers.contains_key("sec-purpose");
        if is_asked_for && !filters.query.is_empty() && filters == filters.cleared() {
            queries::count(&context, &headers, &filters.query, found.answer.total);
        }
        let ways_on =
            ways_on(&context, &known, &filters, BASE, &found.answer, |filters| filters.category.clone()).await?;
        let site = known.site(context.shop_url());
        let listing = Listing { site: &site, place: Place::Search, filters: filters.clone(), price_problem, ways_on };
        Ok(page(listing, found, |path, _| path.to_owned()))
    })
    .await
}

/// `GET /search/live?q=…`, a fragment.
#[worker::send]
pub(crate) async fn live(context: Context, RawQuery(query): RawQuery) -> Result<Response, Error> {
    let (Filters { query, .. }, _) = Filters::read(form_pairs(query.as_deref().unwrap_or_default()));
    let words: String = query.chars().take(LIVE_CHARS_MAX).collect();
    let known = site::known(&context).await?;
    let typed = !words.is_empty();
    let popular_max = if typed { LIVE_POPULAR } else { LIVE_POPULAR_UNTYPED };
    let popular = queries::popular(&context, &words, popular_max).await?;
    let answer = if typed {
        let request = Request { query: words.clone(), per_page: LIVE, prefix_last_word: true, ..Request::default() };
        search_shell::run(&context, &request).await?.answer
    } else {
        search::Answer::default()
    };
    let in_category = |path: &str| {
        let query = live_results::as_beginning(&words);
        let filters = Filters { query, category: Some(path.to_owned()), page: 1, ..Filters::default() };
        filters.href(BASE)
    };
    let categories = answer.facets.category.iter().take(LIVE_CATEGORIES).map(|facet| Choice {
        label: last_name(&facet.value).to_owned(),
        value: in_category(&facet.value),
        count: facet.count,
    });
    let categories: Vec<Choice> = categories.collect();
    let cards: Vec<_> = answer.hits.into_iter().map(|hit| card(hit, known.currency)).collect();
    let site = known.site(context.shop_url());
    let markup = live_results::view(&live_results::Model {
        site: &site,
        query: &words,
        popular: &popular,
        categories: &categories,
        cards: &cards,
        total: answer.total,
        suggestion: answer.suggestion.as_deref(),
    });
    // Prices and stock change: a second is long enough for a key that is pressed twice.
    Ok(([(header::CACHE_CONTROL, "private, max-age=1")], Html(markup.into_string())).into_response())
}
