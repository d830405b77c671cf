//! Terms of few products: they are not in the dictionaries, and must be found all the same.

use crate::shelf::{Shelf, save};
use crate::shop::{Bucket, PRODUCTS, artefact, ask, ids, product, reader, words};
use search::{Request, Sort};

fn typing(query: &str) -> Request {
    Request { prefix_last_word: true, per_page: 60, ..words(query) }
}

fn found(query: &str) -> Vec<usize> {
    // In this order nothing follows what has every word.
    let mut ids = ids(&ask(&Request { per_page: 60, sort: Sort::Newest, ..words(query) }));
    ids.sort_unstable();
    ids
}

#[test]
fn every_model_number_is_in_a_file_of_its_own_and_found_in_two_rounds() {
    let rare = artefact().manifest.files.iter().find(|file| file.name.ends_with(".rare")).unwrap();
    assert!(rare.length > 128 * 1024, "too small to be read by pages: {}", rare.length);
    for n in [0, 77, 1_234, PRODUCTS - 1] {
        let model = format!("KX{}-{}ea", n % 97, 1000 + n);
        for query in
            [model, format!("l{n} lot"), format!("{}ea", 1000 + n), format!("590{n:010}"), format!("SKU-{n:05}")]
        {
            let mut cold = Bucket::default();
            let answer = cold.answer(&reader(artefact()), artefact(), &words(&query)).unwrap();
            assert_eq!(ids(&answer).first(), Some(&n), "{query}");
            assert!(cold.rounds <= 2, "{query}: {} rounds", cold.rounds);
        }
    }
}

#[test]
fn a_rare_term_narrows_lifts_and_excludes_like_any_other() {
    assert_eq!(found("silver l1235"), if product(1_235).title.contains("silver") { vec![1_235] } else { vec![] });
    let batch = |n: usize| n * 7_919 % 10_007;
    let same: Vec<usize> = (0..PRODUCTS).filter(|n| batch(*n) == batch(5)).collect();
    assert_eq!(found(&format!("batch b{}", batch(5))), same);
    // In the title it is worth more than in the description of another product.
    let shelf = Shelf::with((0..300).map(|n| {
        let mut document = product(n);
        if n == 20 {
            document.description.push_str(" Replaces KX5-1005ea.");
        }
        document
    }));
    assert_eq!(ids(&shelf.ask(&words("kx5-1005ea"))), [5, 20]);
    assert_eq!(ids(&shelf.ask(&words("kx5-1005ea -l20"))), [5]);
}

#[test]
fn a_phrase_with_a_rare_term_is_still_a_phrase() {
    let title = product(5).title;
    let start: String = title.split(' ').take(3).collect::<Vec<_>>().join(" ");
    assert_eq!(found(&format!("\"{start}\"")), [5], "{start}");
    // Its words are elsewhere in the product, and not next to one another.
    let answer = ask(&words("\"lot home\" l5"));
    assert!(answer.relaxed, "{answer:?}");
}

#[test]
fn half_a_model_number_finds_what_it_may_become() {
    for (typed, expected) in [("kx77-10", 77), ("kx771077", 77), ("1077e", 77), ("KX5-100", 5)] {
        assert!(ids(&ask(&typing(typed))).contains(&expected), "{typed}");
    }
    assert!(ask(&typing("silver kx77-1077x")).relaxed);
}

/// Cartridges of a few hundred, some in the words of their titles, one by its SKU alone, one added since.
fn cartridges() -> Shelf {
    let named = |n: usize, title: &str, sku: &str| {
        let mut document = product(n);
        (document.title, document.sku, document.skus) = (title.to_owned(), sku.to_owned(), Vec::new());
        document
    };
    let mut shelf = Shelf::with((0..300).map(|n| match n {
        10 => named(n, "Zuma CLP-M600A magenta", "A-10"),
        11 => named(n, "Zuma CLP-C600A cyan", "A-11"),
        12 => named(n, "Zuma toner for everything", "CLP-Y600A"),
        13 => named(n, "Zuma CLPK600A black", "A-13"),
        20..60 => named(n, "Zuma CLP printer m", "printer"),
        _ => product(n),
    }));
    let publication = shelf.update(&shelf.indexer(), vec![save(named(900, "Zuma CLP-M700B magenta", "CLP-X1"))], 2);
    shelf.publish(&publication);
    shelf
}

#[test]
fn every_further_letter_of_a_model_number_shows_its_product() {
    let shelf = cartridges();
    for (number, n) in [("CLP-M600A", 10), ("CLP-C600A", 11), ("CLP-Y600A", 12), ("CLP-M700B", 900), ("CLP-X1", 900)] {
        for end in "CLP-M".len()..=number.len() {
            for typed in [number[..end].to_owned(), number[..end].replace('-', ""), number[..end].to_lowercase()] {
                let answer = shelf.ask(&typing(&typed));
                assert!(ids(&answer).contains(&n), "{typed} {answer:?}");
                assert_eq!((answer.relaxed, &answer.corrections), (false, &Vec::new()), "{typed}");
                assert!(ids(&shelf.ask(&words(&typed))).contains(&n), "{typed}, sent");
            }
        }
    }
    for (typed, n) in
        [("clp m6", 10), ("clp y60", 12), ("clp k6", 13), ("CLP C60", 11), ("clp m7", 900), ("zuma clp-m", 10)]
    {
        assert!(ids(&shelf.ask(&typing(typed))).contains(&n), "{typed}");
    }
    assert_eq!(ids(&shelf.ask(&typing("clp-m600a")))[0], 10);
    assert_eq!(ids(&shelf.ask(&typing("clp-k6"))), [13]);
}

#[test]
fn the_beginning_of_a_code_is_never_put_right_but_another_slip_is() {
    let shelf = cartridges();
    for query in [words("clpm"), typing("clpm"), words("clpy"), words("clpm6")] {
        let answer = shelf.ask(&query);
        assert!(answer.corrections.is_empty() && answer.total <= 2, "{query:?}");
    }
    assert_eq!(shelf.ask(&words("clpp")).corrections[0].searched, "clp");
    assert_eq!(shelf.ask(&typing("printtr")).corrections[0].searched, "printer");
}

#[test]
fn half_a_sku_or_an_ean_finds_it_in_as_many_rounds_as_the_whole() {
    for (typed, expected) in
        [("SKU-0007", 77), ("sku0007", 77), ("59000000000", 5), ("sku 0007", 77), ("kx 77", 77), ("sku-", 1)]
    {
        let mut cold = Bucket::default();
        let answer = cold.answer(&reader(artefact()), artefact(), &typing(typed)).unwrap();
        assert!(ids(&answer).contains(&expected), "{typed}: {:?}", ids(&answer));
        assert!(cold.rounds <= 2, "{typed}: {} rounds", cold.rounds);
    }
}

#[test]
fn what_turns_out_to_be_unknown_costs_no_further_round() {
    for query in [
        "silvr 1077ea",
        "noteboo kx77zz",
        "hewlet kx771077",
        "kx77-1077 silvr",
        "sku kx771077ea",
        "zzzz 1077x",
        "kx771077e",
    ] {
        for request in [words(query), typing(query)] {
            let mut cold = Bucket::default();
            cold.answer(&reader(artefact()), artefact(), &request).unwrap();
            assert!(cold.rounds <= 2, "{query}: {} rounds", cold.rounds);
        }
    }
}

#[test]
fn a_model_number_of_the_artefact_and_of_a_new_product_finds_both() {
    let mut shelf = Shelf::with((0..300).map(product));
    let mut twin = product(5);
    twin.id = product(900).id;
    twin.slug = "product-900".to_owned();
    twin.sku = "TWIN-1".to_owned();
    twin.skus = Vec::new();
    let publication = shelf.update(&shelf.indexer(), vec![save(twin), save(product(301))], 2);
    shelf.publish(&publication);
    let mut both = ids(&shelf.ask(&words("kx5-1005ea")));
    both.sort_unstable();
    assert_eq!(both, [5, 900]);
    assert_eq!(ids(&shelf.ask(&words("1301ea"))), [301]);
    // What superseded it has another number.
    let mut changed = product(5);
    changed.title = "Accordion".to_owned();
    let publication = shelf.update(&shelf.indexer(), vec![save(changed)], 3);
    shelf.publish(&publication);
    assert!(!ids(&shelf.ask(&words("kx5-1005ea"))).contains(&5));
}
