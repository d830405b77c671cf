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
