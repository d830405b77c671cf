//! What shoppers find.

use std::collections::HashMap;

use crate::shop::{Bucket, PRODUCTS, artefact, ask, compiled, ids, product, reader, words};
use proptest::prelude::*;
use search::{Answer, Document, InvalidRequest, Request, SearchError, Sort};

fn catalogue() -> impl Iterator<Item = (usize, Document)> {
    (0..PRODUCTS).map(|n| (n, product(n)))
}

#[test]
fn a_model_number_is_found_however_it_is_typed() {
    for query in ["KX5-1005ea", "kx51005ea", "KX5 1005ea", "kx5/1005EA", "SKU-00005", "sku00005", "5900000000005"] {
        let answer = ask(&words(query));
        assert_eq!(ids(&answer).first(), Some(&5), "{query}");
        assert!(!answer.relaxed, "{query}");
    }
}

#[test]
fn every_word_counts() {
    let answer = ask(&words("red notebook"));
    let expected =
        catalogue().filter(|(_, product)| product.title.contains("Notebook") && product.title.contains("red"));
    assert_eq!(answer.total, expected.count() as u64);
    assert!(answer.hits.iter().all(|hit| hit.title.contains("Notebook") && hit.title.contains("red")));
}

#[test]
fn accents_plurals_and_case_are_forgiven() {
    let total = ask(&words("cafetière")).total;
    assert!(total > 0);
    for query in ["cafetiere", "CAFETIÈRES", "cafetie\u{300}re"] {
        assert_eq!(ask(&words(query)).total, total, "{query}");
    }
    assert_eq!(ask(&words("ọjà notebook")).total, ask(&words("oja notebooks")).total);
}

#[test]
fn a_number_and_its_unit_go_together_and_apart() {
    let total = ask(&words("16gb notebook")).total;
    assert!(total > 0);
    assert_eq!(ask(&words("16 gb notebook")).total, total);
}

#[test]
fn a_slip_is_forgiven_only_when_the_word_is_unknown() {
    let answer = ask(&words("hedphones"));
    assert_eq!(answer.total, ask(&words("headphones")).total);
    assert_eq!(answer.corrections[0].typed, "hedphones");
    assert!(ask(&words("headphones")).corrections.is_empty());
}

#[test]
fn the_last_word_may_be_unfinished_while_typing() {
    let typing = Request { prefix_last_word: true, ..words("red noteb") };
    assert_eq!(ask(&typing).total, ask(&words("red notebook")).total);
    let finished = Request { prefix_last_word: true, ..words("red notebook ") };
    assert_eq!(ask(&finished).total, ask(&words("red notebook")).total);
}

#[test]
fn an_attribute_that_is_a_yes_is_found_by_its_name() {
    assert_eq!(ask(&words("bluetooth")).total, PRODUCTS as u64 / 2);
}

#[test]
fn some_words_are_better_than_nothing_and_it_says_so() {
    let answer = ask(&words("purple velvet notebook"));
    assert!(answer.relaxed && answer.total > 0);
    assert!(answer.hits[0].title.contains("Notebook"));
    let nothing = ask(&words("qqqqqq wwwwww"));
    assert_eq!((nothing.total, nothing.relaxed, nothing.hits.len()), (0, false, 0));
}

#[test]
fn a_category_means_everything_below_it() {
    let listing = Request { category: Some("Computers".to_owned()), ..Request::default() };
    let answer = ask(&listing);
    assert_eq!(answer.total, catalogue().filter(|(_, product)| product.category[0] == "Computers").count() as u64);
    let children: Vec<&str> = answer.facets.category.iter().map(|facet| facet.value.as_str()).collect();
    assert_eq!(children, ["Computers/Monitor", "Computers/Notebook"]);
    for unknown in ["Comput", "Computers/Note", "Nothing", "/", "Computers//"] {
        let answer = ask(&Request { category: Some(unknown.to_owned()), ..Request::default() });
        let expected = match unknown {
            "/" => PRODUCTS as u64,
            "Computers//" => ask(&listing).total,
            _ => 0,
        };
        assert_eq!(answer.total, expected, "{unknown}");
    }
}

#[test]
fn brands_are_counted_as_if_none_were_chosen() {
    let open = ask(&words("notebook"));
    let chosen = ask(&Request { brands: vec!["Zuma".to_owned(), "Sahel".to_owned()], ..words("notebook") });
    assert_eq!(chosen.facets.brand, open.facets.brand);
    let count = |answer: &Answer, brand: &str| {
        answer.facets.brand.iter().find(|facet| facet.value == brand).map_or(0, |facet| facet.count)
    };
    assert_eq!(chosen.total, count(&open, "Zuma") + count(&open, "Sahel"));
    let mut expected: HashMap<String, u64> = HashMap::new();
    for (_, product) in catalogue().filter(|(_, product)| product.title.contains("Notebook")) {
        if let Some(brand) = product.brand {
            *expected.entry(brand).or_default() += 1;
        }
    }
    assert_eq!(open.facets.brand.iter().map(|f| (f.value.clone(), f.count)).collect::<HashMap<_, _>>(), expected);
    assert_eq!(ask(&Request { brands: vec!["No such brand".to_owned()], ..words("notebook") }).total, 0);
}

#[test]
fn prices_filter_inclusively_and_keep_their_own_range_open() {
    let request = Request { min_price_minor: Some(1_000), max_price_minor: Some(7_919), ..Request::default() };
    let answer = ask(&request);
    assert_eq!(answer.total, catalogue().filter(|(_, p)| (1_000..=7_919).contains(&p.price_minor)).count() as u64);
    assert_eq!(answer.facets.price, ask(&Request::default()).facets.price);
    let price = answer.facets.price.unwrap();
    assert_eq!(price.ranges.iter().map(|range| range.count).sum::<u64>(), PRODUCTS as u64);
}

#[test]
fn availability_and_currency_filter() {
    let available = ask(&Request { available_only: true, ..Request::default() });
    assert_eq!(available.total, catalogue().filter(|(_, product)| product.available > 0).count() as u64);
    let dollars = ask(&Request { currency: Some("USD".to_owned()), ..Request::default() });
    assert_eq!(dollars.total, PRODUCTS as u64 / 50);
    assert!(dollars.hits.iter().all(|hit| hit.currency == "USD"));
}

#[test]
fn pages_in_every_order_show_each_product_once() {
    for sort in [Sort::Relevance, Sort::PriceAsc, Sort::PriceDesc, Sort::Newest] {
        for query in ["", "monitor silver"] {
            let mut seen = Vec::new();
            for page in 1.. {
                let answer = ask(&Request { sort, page, per_page: 60, ..words(query) });
                if answer.hits.is_empty() {
                    break;
                }
                seen.extend(ids(&answer));
            }
            let key = |n: &usize| match sort {
                Sort::PriceAsc => product(*n).price_minor,
                Sort::PriceDesc => -product(*n).price_minor,
                Sort::Newest => -product(*n).created_at_ms,
                Sort::BestSelling => -i64::from(product(*n).sold),
                Sort::Rating => -i64::from(product(*n).rating_hundredths.unwrap_or(0)),
                Sort::Relevance => 0,
            };
            assert!(seen.is_sorted_by_key(key), "{sort:?} {query}");
            let total = seen.len() as u64;
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len() as u64, total, "{sort:?} {query}");
            assert_eq!(ask(&words(query)).total, total);
        }
    }
}

#[test]
fn a_hit_shows_the_product() {
    let hit = &ask(&words("SKU-00042")).hits[0];
    let product = product(42);
    assert_eq!((&hit.id, &hit.sku, &hit.title), (&product.id, &product.sku, &product.title));
    assert_eq!((hit.price_minor, &hit.currency), (product.price_minor, &product.currency));
    assert_eq!((&hit.brand, &hit.category, &hit.image), (&product.brand, &product.category, &product.image));
    assert_eq!(hit.available, product.available);
}

#[test]
fn an_empty_shop_and_a_shop_of_one_answer_too() {
    let empty = compiled(std::iter::empty());
    let one = compiled(std::iter::once(product(7)));
    for request in [Request::default(), words("notebook"), words("kx7 1007ea"), words("qqqq")] {
        for sort in [Sort::Relevance, Sort::Newest] {
            let request = Request { sort, ..request.clone() };
            let none = Bucket::default().answer(&reader(&empty), &empty, &request).unwrap();
            assert_eq!((none.total, none.hits.len(), none.facets), (0, 0, Default::default()));
            let some = Bucket::default().answer(&reader(&one), &one, &request).unwrap();
            assert_eq!(some.total, u64::from(["", "kx7 1007ea"].contains(&request.query.as_str())), "{request:?}");
        }
    }
    assert_eq!(one.manifest.document_count, 1);
}

#[test]
fn products_without_text_compile() {
    let blank = compiled((0..3).map(|_| Document::default()));
    let answer = Bucket::default().answer(&reader(&blank), &blank, &Request::default()).unwrap();
    assert_eq!((answer.total, answer.hits.len()), (3, 3));
}

#[test]
fn the_same_catalogue_gives_the_same_artefact() {
    let compile = || compiled((0..300).map(product));
    let (first, second) = (compile(), compile());
    assert_eq!(first.version, second.version);
    assert_eq!(first.files, second.files);
    assert_ne!(first.version, compiled((0..301).map(product)).version);
}

#[test]
fn requests_beyond_the_limits_are_refused_with_a_reason() {
    let refused = |request: Request| match reader(artefact()).begin(&request) {
        Err(SearchError::Invalid(reason)) => reason,
        _ => panic!("accepted: {request:?}"),
    };
    assert_eq!(refused(words(&"x".repeat(10_240))), InvalidRequest::QueryTooLong);
    assert_eq!(refused(Request { page: 1_000_000_000, ..Request::default() }), InvalidRequest::TooDeep);
}

#[test]
fn odd_text_is_answered() {
    let long = "x".repeat(256);
    let many = "a ".repeat(128);
    for query in [
        "+-&&||!(){}[]^\"~*?:\\/",
        "🎧 headphones 🎧",
        "title:notebook AND",
        "\"",
        "NOT",
        "*",
        "\u{0}\u{1}\u{7f}",
        "سماعات",
        "ọjà àti bàtà",
        "耳机",
        "a",
        "1",
        "..",
        "1.2.3.4",
        "15\"\"\"",
        "-notebook",
        long.as_str(),
        many.as_str(),
        "\u{1}",
        "\u{301}\u{301}",
        "ﬁ ﬀ ß İ",
    ] {
        for prefix_last_word in [false, true] {
            ask(&Request { prefix_last_word, ..words(query) });
        }
    }
    assert_eq!(ask(&words("🎧 headphones 🎧")).total, ask(&words("headphones")).total);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_is_typed_is_answered(
        query in prop_oneof!["\\PC{0,60}", "[a-z0-9 .\"-]{0,60}", ".{0,60}", "(red|notebok|kx5|16gb|[a-z]{1,3})( (silver|zuma|[0-9]{1,4})){0,5}", "(-?\"?(red|notebok|toner cartridge|15\"|4 gb|kx5-1|ọjà)\"? ?){0,10}"],
        prefix_last_word: bool,
        page in 1_u32..20,
        sort in prop_oneof![Just(Sort::Relevance), Just(Sort::PriceAsc), Just(Sort::PriceDesc), Just(Sort::Newest)],
        category in prop::option::of("\\PC{0,12}"),
        brands in prop::collection::vec("\\PC{0,8}", 0..3),
    ) {
        let request = Request { query, prefix_last_word, page, sort, category, brands, ..Request::default() };
        let answer = ask(&request);
        prop_assert!(answer.hits.len() as u64 <= answer.total);
        prop_assert!(answer.total <= PRODUCTS as u64);
        for hit in answer.hits {
            prop_assert!(hit.title_marks.windows(2).all(|pair| pair[0].end < pair[1].start));
            prop_assert!(hit.title_marks.into_iter().all(|mark| hit.title.get(mark).is_some_and(|word| !word.is_empty())));
        }
    }
}
