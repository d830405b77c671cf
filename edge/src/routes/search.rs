//! Search: the results page, and live results while somebody types.

use axum::extract::RawQuery;
use axum::response::{Html, IntoResponse, Response};
use http::header;
use search::Request;

use super::listing::{Asked, Listing, card, page, request};
use crate::context::Context;
use crate::edge_cache;
use crate::error::Error;
use crate::pages::listing::{Choice, Place};
use crate::pages::live_results;
use crate::search_shell;
use crate::site;

/// Live results shown at once.
const LIVE: u32 = 6;
/// Longest text that is searched for while typing; more is cut, since somebody is still typing.
const LIVE_CHARS_MAX: usize = 256;

/// `GET /search`
#[worker::send]
pub(crate) async fn results(context: Context, RawQuery(query): RawQuery) -> Result<Response, Error> {
    let Asked { filters } = Asked::read(query.as_deref().unwrap_or_default())?;
    let known = site::known(&context).await?;
    let index_version = search_shell::version(&context).await?;
    let key = format!("listing/{}/{index_version}{}?{}", known.version, filters.href("/search"), context.shop_url());
    edge_cache::page(&context, &key, async || {
        let (request, price_problem) = request(&filters, filters.category.clone(), known.currency);
        let found = search_shell::run(&context, &request).await?;
        let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
        let categories = found.answer.facets.category.iter();
        let categories = categories
            .map(|facet| Choice { label: name(&facet.value), value: facet.value.clone(), count: facet.count })
            .collect();
        let site = known.site(context.shop_url());
        let place = Place::Search;
        Ok(page(&Listing { site: &site, place, filters: filters.clone(), categories, price_problem }, found))
    })
    .await
}

/// `GET /search/live?q=…`, a fragment.
#[worker::send]
pub(crate) async fn live(context: Context, RawQuery(query): RawQuery) -> Result<Response, Error> {
    let Asked { filters } = Asked::read(query.as_deref().unwrap_or_default())?;
    let words: String = filters.query.chars().take(LIVE_CHARS_MAX).collect();
    let known = site::known(&context).await?;
    let request = Request { query: words.clone(), per_page: LIVE, prefix_last_word: true, ..Request::default() };
    let answer = search_shell::run(&context, &request).await?.answer;
    let cards: Vec<_> = answer.hits.into_iter().map(|hit| card(hit, known.currency)).collect();
    let site = known.site(context.shop_url());
    let markup =
        live_results::view(&live_results::Model { site: &site, query: &words, cards: &cards, total: answer.total });
    Ok(([(header::CACHE_CONTROL, "private, max-age=30")], Html(markup.into_string())).into_response())
}
