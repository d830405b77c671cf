//! A category's products, and what it shares with search: from an address to a request of the index, and from an answer to a page.

use axum::response::{Html, IntoResponse, Redirect, Response};
use domain::money::{Currency, Money};
use domain::wire::Picture;
use http::{StatusCode, Uri};
use maud::Markup;
use search::answer::{self, Answer, FacetCount, Hit};
use search::request::{DEPTH_MAX, InvalidRequest};
use search::{Request, Sort};

use crate::catalogue::{self, slug};
use crate::context::Context;
use crate::edge_cache;
use crate::error::Error;
use crate::extract::Path;
use crate::pages::error_page;
use crate::pages::filters::{self, Filters};
use crate::pages::links::Link;
use crate::pages::listing::{self, Choice, Facets, Place, Prices, WaysOn};
use crate::pages::rating::Rating;
use crate::pages::{Card, Site};
use crate::queries;
use crate::search_shell::{self, Found};
use crate::site::{self, Known};

/// Products on a page.
const PER_PAGE: u32 = 24;
/// Filters that are tried without, and words that are left out, when nothing matches.
const TRIED_MAX: usize = 6;
/// Searches with fewer words that are offered.
const FEWER_WORDS_MAX: usize = 3;
/// Popular searches that are offered when nothing matches.
const POPULAR_MAX: usize = 6;

/// `GET /c/{path}`
#[worker::send]
pub(crate) async fn category(context: Context, Path(path): Path<String>, uri: Uri) -> Result<Response, Error> {
    if let Some(clean) = without_empty(&uri) {
        return Ok(Redirect::to(&clean).into_response());
    }
    let query = uri.query();
    let path = path.trim_end_matches('/').to_owned();
    let base = format!("/c/{path}");
    let (filters, problems) = Filters::read(form_pairs(query.unwrap_or_default()));
    let filters = Filters { query: String::new(), category: None, ..filters };
    let known = site::known(&context).await?;
    // The category's name changes no limit.
    let (probe, _) = request(&filters, None, known.currency);
    if let Some(refused) = refused(&context, &known, &base, &filters, problems, &probe) {
        return Ok(refused);
    }
    let index_version = search_shell::version(&context).await?;
    let key = format!("listing/{}/{index_version}{}?{}", known.version, filters.href(&base), context.shop_url());
    edge_cache::page(&context, &key, async || {
        let trail = catalogue::category_trail(&context, &path).await?;
        let Some((here, above)) = trail.split_last() else { return Err(Error::not_found("category")) };
        let names: Vec<&str> = trail.iter().map(|category| category.name.as_str()).collect();
        let name = names.join("/");
        let (request, price_problem) = request(&filters, Some(name.clone()), known.currency);
        let found = search_shell::run(&context, &request).await?;
        let ways_on = ways_on(&context, &known, &filters, &base, &found.answer, |_| Some(name.clone())).await?;
        let place = Place::Category {
            path: base.clone(),
            title: here.name.clone(),
            above: above.iter().map(|category| Link::new(&category.name, format!("/c/{}", category.path))).collect(),
        };
        let address = |name: &str| format!("{base}/{}", slug::of_name(name));
        let site = known.site(context.shop_url());
        let listing = Listing { site: &site, place, filters: filters.clone(), price_problem, ways_on };
        Ok(page(listing, found, |_, name| address(name)))
    })
    .await
}

/// The page for what cannot be asked, with a way back to what can; `None` when all is well.
pub(crate) fn refused(
    context: &Context,
    known: &Known,
    base: &str,
    filters: &Filters,
    mut problems: Vec<String>,
    request: &Request,
) -> Option<Response> {
    let mut remains = filters.clone();
    if let Err(invalid) = request.validate() {
        problems.push(sentence(&invalid.to_string()));
        remains = if invalid == InvalidRequest::TooDeep || invalid == InvalidRequest::PageZero {
            filters.from_the_start()
        } else {
            Filters { page: 1, ..Filters::default() }
        };
    }
    if problems.is_empty() {
        return None;
    }
    let page = error_page::view(&error_page::Model {
        site: &known.site(context.shop_url()),
        kind: error_page::Kind::BadRequest(problems.join(" ")),
        request_id: context.request_id(),
        way_back: Some(Link::new("See the results without it", remains.href(base))),
    });
    Some((StatusCode::BAD_REQUEST, Html(page.into_string())).into_response())
}

/// An error's words as a sentence of a page.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    first.chain(letters).chain(['.']).collect()
}

/// What leads on from a listing in which nothing is; nothing when there is something. Each way is tried, so that none
/// leads to another empty page. `category` is the one that a listing with other filters is in.
pub(crate) async fn ways_on(
    context: &Context,
    known: &Known,
    filters: &Filters,
    base: &str,
    answer: &Answer,
    category: impl Fn(&Filters) -> Option<String>,
) -> Result<WaysOn, Error> {
    let mut ways = WaysOn::default();
    if answer.total > 0 {
        return Ok(ways);
    }
    let try_out = async |filters: &Filters| {
        let (request, _) = request(filters, category(filters), known.currency);
        let request = Request { per_page: 1, with_facets: false, ..request };
        Ok::<_, Error>(search_shell::run(context, &request).await?.answer)
    };
    for (label, without) in filters.undoable(known.currency).into_iter().take(TRIED_MAX) {
        let total = try_out(&without).await?.total;
        if total > 0 {
            ways.without.push((label, without.href(base), total));
        }
    }
    for query in fewer_words(&filters.query) {
        let answer = try_out(&Filters { query: query.clone(), ..filters.cleared() }).await?;
        if answer.total > 0 && !answer.relaxed {
            ways.fewer_words.push((query, answer.total));
        }
    }
    ways.fewer_words.sort_by_key(|(_, total)| std::cmp::Reverse(*total));
    ways.fewer_words.truncate(FEWER_WORDS_MAX);
    ways.popular = queries::popular(context, "", POPULAR_MAX).await?;
    Ok(ways)
}

/// The query without each of its words in turn. A long query would be tried too often.
fn fewer_words(query: &str) -> Vec<String> {
    let words: Vec<&str> = query.split_whitespace().collect();
    if !(2..=TRIED_MAX).contains(&words.len()) {
        return Vec::new();
    }
    let without = |left_out: usize| {
        let rest = words.iter().enumerate().filter(|(index, _)| *index != left_out).map(|(_, word)| *word);
        rest.collect::<Vec<_>>().join(" ")
    };
    (0..words.len()).map(without).collect()
}

/// The same address without the fields that a form sends empty, if it has such: only a browser without scripts sends them.
pub(crate) fn without_empty(uri: &Uri) -> Option<String> {
    let query = uri.query()?;
    let says_something = |pair: &&str| pair.split_once('=').is_some_and(|(_, value)| !value.is_empty());
    let kept: Vec<&str> = query.split('&').filter(says_something).collect();
    let is_clean = query.split('&').all(|pair| says_something(&pair));
    let clean = || if kept.is_empty() { uri.path().to_owned() } else { format!("{}?{}", uri.path(), kept.join("&")) };
    (!is_clean).then(clean)
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
    let request = Request {
        query: filters.query.clone(),
        category,
        brands: filters.brands.clone(),
        min_price_minor: prices.0,
        max_price_minor: prices.1,
        currency: None,
        available_only: filters.available_only,
        min_stars: filters.min_stars,
        attributes: filters.attributes.clone(),
        sort: order(filters.sort),
        page: filters.page,
        per_page: PER_PAGE,
        ..Request::default()
    };
    (request, problem)
}

/// The index's word for an order.
pub(crate) const fn order(sort: filters::Sort) -> Sort {
    match sort {
        filters::Sort::Relevance => Sort::Relevance,
        filters::Sort::Newest => Sort::Newest,
        filters::Sort::PriceAsc => Sort::PriceAsc,
        filters::Sort::PriceDesc => Sort::PriceDesc,
        filters::Sort::Rating => Sort::Rating,
        filters::Sort::BestSelling => Sort::BestSelling,
    }
}

fn price(text: &str, currency: Currency) -> Result<Option<i64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    match Money::parse_price(&with_decimal_point(text), currency) {
        Ok(money) => Ok(Some(money.amount_minor)),
        Err(problem) => Err(problem.to_string()),
    }
}

/// A price as `Money` reads it. A comma parts thousands, unless it comes before one or two last digits: `49,95`.
fn with_decimal_point(text: &str) -> String {
    match text.split_once(',') {
        Some((whole, fraction)) if matches!(fraction.trim_end().len(), 1 | 2) && !whole.contains('.') => {
            format!("{whole}.{fraction}")
        }
        Some(_) | None => text.replace(',', ""),
    }
}

/// What a listing's page needs besides the answer.
pub(crate) struct Listing<'a> {
    pub(crate) site: &'a Site,
    pub(crate) place: Place,
    pub(crate) filters: Filters,
    pub(crate) price_problem: Option<String>,
    pub(crate) ways_on: WaysOn,
}

/// The page of an answer. `category_value` makes what chooses a category from its path and its name.
pub(crate) fn page(listing: Listing<'_>, found: Found, category_value: impl Fn(&str, &str) -> String) -> Markup {
    let Answer { total, hits, facets, relaxed, missed_phrase, with_all_words, corrections, suggestion, .. } =
        found.answer;
    // Only whole pages can be asked for down to the limit.
    let reachable = total.div_ceil(u64::from(PER_PAGE)).min(u64::from(DEPTH_MAX / PER_PAGE));
    let Listing { site, place, filters, price_problem, ways_on } = listing;
    let currency = hits.first().and_then(|hit| hit.currency.parse().ok()).unwrap_or(site.currency);
    listing::view(&listing::Model {
        site,
        place,
        filters,
        total,
        pages: u32::try_from(reachable).unwrap_or(u32::MAX),
        cards: hits.into_iter().map(|hit| card(hit, site.currency)).collect(),
        facets: self::facets(facets, currency, category_value),
        price_problem,
        corrections: corrections.into_iter().map(|word| (word.typed, word.searched)).collect(),
        suggestion,
        relaxed,
        missed_phrase,
        with_all_words,
        ways_on,
    })
}

fn facets(facets: answer::Facets, currency: Currency, category_value: impl Fn(&str, &str) -> String) -> Facets {
    let money = |minor| Money::new(minor, currency);
    let category = |FacetCount { value, count }: FacetCount| {
        let label = last_name(&value).to_owned();
        Choice { value: category_value(&value, &label), label, count }
    };
    Facets {
        categories: facets.category.into_iter().map(category).collect(),
        brands: facets.brand.into_iter().map(choice).collect(),
        price: facets.price.map(|price| Prices {
            range: (money(price.min_minor), money(price.max_minor)),
            parts: price
                .ranges
                .into_iter()
                .map(|part| (money(part.from_minor), money(part.to_minor), part.count))
                .collect(),
        }),
        ratings: facets.rating.into_iter().map(|rating| (rating.min_stars, rating.count)).collect(),
        in_stock: Some(facets.in_stock),
        attributes: facets
            .attributes
            .into_iter()
            .map(|attribute| (attribute.name, attribute.values.into_iter().map(choice).collect()))
            .collect(),
    }
}

/// `Tops` of `Men/Tops`.
pub(crate) fn last_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn choice(facet: FacetCount) -> Choice {
    Choice { label: facet.value.clone(), value: facet.value, count: facet.count }
}

/// A hit as a card. The index holds the main picture as the JSON of a [`Picture`].
pub(crate) fn card(hit: Hit, fallback: Currency) -> Card {
    let rating = hit.rating_hundredths.map(|hundredths| Rating { hundredths, count: hit.rating_count });
    Card {
        picture: picture(&hit),
        rating,
        marks: hit.title_marks,
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
        let query = "q=hp+%22dv7%22&brand=HP&min_price=1%2C000&available=1&sort=best_selling&page=2&stars=4\
                     &attr.Screen+size=15%22";
        let (filters, problems) = Filters::read(form_pairs(query));
        assert_eq!((filters.query.as_str(), problems), ("hp \"dv7\"", vec![]));
        let (request, problem) = request(&filters, None, Currency::Usd);
        assert_eq!((request.min_price_minor, problem), (Some(100_000), None));
        assert_eq!((request.sort, request.min_stars, request.page), (Sort::BestSelling, Some(4), 2));
        assert_eq!(request.attributes.get("Screen size"), Some(&vec!["15\"".to_owned()]));
    }

    #[test]
    fn an_address_with_empty_fields_has_a_clean_one() {
        let clean = |address: &str| without_empty(&address.parse().unwrap());
        for (sent, expected) in [
            ("/search?q=tv&brand=&min_price=", "/search?q=tv"),
            ("/search?q=&sort=newest&utm=a%20b&", "/search?sort=newest&utm=a%20b"),
            ("/c/men%C3%A9?min_price=&max_price", "/c/men%C3%A9"),
            ("/search?q=", "/search"),
        ] {
            let address = clean(sent).unwrap();
            assert_eq!((address.as_str(), clean(&address)), (expected, None));
        }
        assert_eq!((clean("/search"), clean("/search?q=a+b&brand=x")), (None, None));
    }

    #[test]
    fn each_word_is_left_out_once_and_long_queries_are_not_tried() {
        assert_eq!(fewer_words("red  wool hat"), ["wool hat", "red hat", "red wool"]);
        assert!(fewer_words("hat").is_empty() && fewer_words("a b c d e f g").is_empty());
        assert_eq!(sentence("pages are counted from 1"), "Pages are counted from 1.");
    }

    #[test]
    fn a_comma_parts_thousands_or_is_a_decimal_point() {
        for (typed, minor) in
            [("1,000", 100_000), ("49,95", 4_995), ("1,5", 150), ("1,000.50", 100_050), ("1,000,000", 100_000_000)]
        {
            assert_eq!(price(typed, Currency::Usd), Ok(Some(minor)), "{typed}");
        }
        assert!(price("1.000,50", Currency::Usd).is_err());
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
