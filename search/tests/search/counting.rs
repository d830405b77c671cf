//! Counts, filters, orders and pages as a shopper meets them.

use std::collections::BTreeMap;

use crate::shop::{Bucket, PRODUCTS, ask, compiled, ids, product, reader, words};
use search::answer::AttributeFacet;
use search::rank::Boosts;
use search::{Answer, Artefact, BusinessWeights, Document, Request, Sort};

fn attribute<'a>(answer: &'a Answer, name: &str) -> Option<&'a AttributeFacet> {
    answer.facets.attributes.iter().find(|facet| facet.name == name)
}

fn answer(artefact: &Artefact, request: &Request) -> Answer {
    Bucket::default().answer(&reader(artefact), artefact, request).unwrap()
}

#[test]
fn a_category_offers_its_own_attributes() {
    let answer = ask(&Request { category: Some("Audio".to_owned()), ..Request::default() });
    let colour = attribute(&answer, "Colour").unwrap();
    let headphones = || (0..PRODUCTS).map(product).filter(|product| product.category[0] == "Audio");
    assert_eq!(colour.values.len(), 5);
    for value in &colour.values {
        let count = headphones().filter(|product| product.attributes["Colour"] == value.value).count();
        assert_eq!(value.count, count as u64, "{}", value.value);
    }
    // Every pair of headphones of this shop has the same answer to it.
    assert!(attribute(&answer, "Bluetooth").is_none());
    assert!(ask(&Request::default()).facets.attributes.is_empty());
}

#[test]
fn attributes_filter_by_any_of_their_values_and_stay_open_themselves() {
    let chosen = |colours: &[&str]| Request {
        category: Some("Computers".to_owned()),
        attributes: BTreeMap::from([("Colour".to_owned(), colours.iter().map(|c| (*c).to_owned()).collect())]),
        ..Request::default()
    };
    let open = ask(&chosen(&[]));
    let two = ask(&chosen(&["red", "black"]));
    assert_eq!(attribute(&two, "Colour"), attribute(&open, "Colour"));
    let count =
        |value: &str| attribute(&open, "Colour").unwrap().values.iter().find(|v| v.value == value).unwrap().count;
    assert_eq!(two.total, count("red") + count("black"));
    let unknown = ask(&chosen(&["infrared"]));
    assert_eq!(unknown.total, 0);
    assert!(attribute(&unknown, "Colour").unwrap().values.iter().any(|v| v.value == "infrared" && v.count == 0));
}

#[test]
fn a_search_shows_the_attributes_of_the_category_that_it_means() {
    assert!(attribute(&ask(&words("headphones")), "Colour").is_some());
    assert!(ask(&words("zuma")).facets.attributes.is_empty());
}

#[test]
fn stars_filter_and_count_from_so_many_upwards() {
    let four = ask(&Request { min_stars: Some(4), ..Request::default() });
    let rated =
        |stars: u16| (0..PRODUCTS).map(product).filter(move |p| p.rating_hundredths >= Some(stars * 100)).count();
    assert_eq!(four.total, rated(4) as u64);
    assert!(four.hits.iter().all(|hit| hit.rating_hundredths >= Some(400)));
    let counts: Vec<(u8, u64)> = four.facets.rating.iter().map(|rating| (rating.min_stars, rating.count)).collect();
    assert_eq!(counts, [4, 3, 2, 1].map(|stars| (stars, rated(u16::from(stars)) as u64)));
    assert_eq!(ask(&Request::default()).facets.in_stock, PRODUCTS as u64 / 5 * 4);
}

#[test]
fn the_best_rated_come_first_and_the_unrated_last() {
    let all = |page| ids(&ask(&Request { sort: Sort::Rating, page, per_page: 60, ..Request::default() }));
    let order: Vec<usize> = (1..=70).flat_map(all).collect();
    assert_eq!(order.len(), PRODUCTS);
    let average = |n: &usize| {
        let product = product(*n);
        let count = i64::from(product.rating_count);
        product.rating_hundredths.map_or(0, |rating| (3_500 + count * i64::from(rating)) * 100 / (10 + count))
    };
    assert!(order.is_sorted_by_key(|n| -average(n)));
}

#[test]
fn the_last_page_can_be_reached_and_the_one_behind_it_is_empty() {
    for (sort, query) in [(Sort::Relevance, ""), (Sort::Newest, ""), (Sort::Relevance, "kx")] {
        let page = |page| ask(&Request { sort, page, per_page: 1, prefix_last_word: true, ..words(query) });
        let total = page(1).total;
        assert!(total > 100, "{query}");
        let last = u32::try_from(total).unwrap();
        assert_eq!((page(last).hits.len(), page(last).total), (1, total));
        assert_eq!((page(last + 1).hits.len(), page(last + 1).total), (0, total));
        assert_eq!(page(90_000_000).total, total);
    }
}

fn lamp(n: u32) -> Document {
    Document {
        id: n.to_string(),
        sku: format!("LAMP-{n}"),
        slug: format!("product-{n}"),
        title: format!("Desk lamp number {n}"),
        currency: "NGN".to_owned(),
        available: 1,
        ..Document::default()
    }
}

#[test]
fn an_exact_code_stays_first_whatever_sells_better() {
    let mut lamps: Vec<Document> = (0..50).map(lamp).collect();
    (lamps[7].available, lamps[7].rating_hundredths, lamps[7].rating_count) = (0, Some(100), 900);
    for lamp in lamps.iter_mut().filter(|lamp| lamp.id != "7") {
        lamp.title = format!("lamp 7 lamp-7 lamp7 LAMP 7 {}", lamp.id);
        (lamp.sold, lamp.rating_hundredths, lamp.rating_count) = (1_000_000, Some(500), 9_000);
    }
    let artefact = compiled(lamps.into_iter());
    let greedy = Boosts { sales: 1e9, rating: 1e9, stock: 1e9, fresh: 1e9 };
    for weights in [BusinessWeights::default(), BusinessWeights { search: greedy, listing: greedy }] {
        let reader = reader(&artefact).weighted(weights);
        for query in ["LAMP-7", "lamp7", "lamp 7"] {
            let answer = Bucket::default().answer(&reader, &artefact, &words(query)).unwrap();
            assert_eq!(ids(&answer)[0], 7, "{query}");
            assert!(answer.total > 1, "{query}: nothing to stay ahead of");
        }
    }
}

#[test]
fn what_is_sold_out_goes_down_and_never_away() {
    let lamps = (0..20).map(|n| Document { title: "Desk lamp".to_owned(), available: n % 2, ..lamp(n) });
    let artefact = compiled(lamps);
    for query in ["", "lamp"] {
        let answer = answer(&artefact, &words(query));
        let available: Vec<bool> = answer.hits.iter().map(|hit| hit.available > 0).collect();
        assert_eq!(available, [[true; 10], [false; 10]].concat(), "{query:?}");
    }
}

#[test]
fn of_equal_matches_the_wanted_one_comes_first() {
    for better in
        [Document { sold: 40, ..lamp(9) }, Document { rating_hundredths: Some(490), rating_count: 80, ..lamp(9) }]
    {
        let lamps = (0..9).map(lamp).chain([better]).map(|lamp| Document { title: "Desk lamp".to_owned(), ..lamp });
        let artefact = compiled(lamps);
        for query in ["", "lamp"] {
            assert_eq!(ids(&answer(&artefact, &words(query)))[0], 9, "{query:?}");
        }
    }
}

#[test]
fn a_shop_that_has_sold_nothing_shows_what_is_new() {
    let lamps = (0..60).map(|n| Document { created_at_ms: i64::from(n) * 86_400_000, ..lamp(n) });
    let artefact = compiled(lamps);
    assert_eq!(ids(&answer(&artefact, &Request::default())), (36..60).rev().collect::<Vec<_>>());
}

#[test]
fn an_answer_without_facets_finds_the_same() {
    for query in ["", "notebook red"] {
        let with = ask(&words(query));
        let without = ask(&Request { with_facets: false, ..words(query) });
        assert_eq!((with.total, with.hits), (without.total, without.hits), "{query}");
        assert_eq!(without.facets, Default::default());
    }
}
