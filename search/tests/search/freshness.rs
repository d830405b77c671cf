//! What shoppers find after the catalogue has changed, and what is left when publishing stops half-way.

use std::collections::BTreeMap;

use crate::shelf::{Shelf, compiled_as_of, fresh, save};
use crate::shop::{Bucket, PRODUCTS, artefact, ids, product, reader, words};
use proptest::prelude::*;
use search::artefact::{POINTER_KEY, Pointer};
use search::delta::{LAST_TIER_PARTS_MAX, TIER_DOCUMENTS};
use search::{Answer, Change, Commit, Document, Part, PartRef, Request, SearchError, Sort};

/// Product number `n` after its `edition`th change: another price, another colour.
fn edition(n: usize, edition: usize) -> Document {
    let mut document = product(n);
    if edition > 0 {
        document.price_minor += 100_000 * edition as i64;
        document.title = format!("{} edition{edition}", product(n + 7 * edition).title);
        document.available = edition as u32 % 2;
    }
    document
}

fn id(n: usize) -> String {
    product(n).id
}

fn remove(n: usize) -> Change {
    Change::Remove(id(n))
}

#[test]
fn a_saved_product_is_found_and_the_old_one_is_not() {
    let mut shelf = Shelf::with((0..300).map(product));
    let mut changed = product(7);
    changed.title = "Accordion with straps".to_owned();
    changed.price_minor = 123;
    let publication = shelf.update(&shelf.indexer(), vec![save(changed), save(product(300)), remove(8)], 3);
    shelf.publish(&publication);

    let answer = shelf.ask(&words("accordion"));
    assert_eq!((answer.total, ids(&answer), answer.hits[0].price_minor), (1, vec![7], 123));
    assert_eq!(ids(&shelf.ask(&words("5900000000300"))), [300]);
    assert!(!ids(&shelf.ask(&words("5900000000008"))).contains(&8));
    let all = shelf.ask(&words(""));
    assert_eq!(all.total, 300);
    assert_eq!(all.facets.category.iter().map(|count| count.count).sum::<u64>(), 300);
    let reader = shelf.open().unwrap();
    assert_eq!((reader.document_count(), reader.version()), (300, shelf.pointer().version.as_str()));
    assert_eq!((reader.commit().unwrap().catalogue_seq(), shelf.pointer().catalogue_seq), (3, 3));
}

#[test]
fn a_product_that_was_sold_out_comes_back_and_goes_again() {
    let mut shelf = Shelf::with((0..50).map(product));
    let mut indexer = shelf.indexer();
    for (seq, round) in (1..12).enumerate() {
        let mut changed = product(3);
        changed.available = round % 2;
        changed.title = "Zither".to_owned();
        let publication = shelf.update(&indexer, vec![save(changed)], seq as u64);
        shelf.publish(&publication);
        indexer = publication.indexer;
        let available = Request { available_only: true, ..words("zither") };
        assert_eq!(shelf.ask(&available).total, u64::from(round % 2));
        assert_eq!((shelf.ask(&words("zither")).total, shelf.ask(&words("")).total), (1, 50));
        assert_eq!(indexer.parts().count(), 1);
    }
    let publication = shelf.update(&indexer, vec![remove(3)], 99);
    shelf.publish(&publication);
    assert_eq!((shelf.ask(&words("")).total, publication.indexer.parts().count()), (49, 0));
}

#[test]
fn of_several_changes_at_once_the_last_counts() {
    let mut shelf = Shelf::with((0..20).map(product));
    let changes =
        vec![save(edition(1, 1)), remove(2), save(edition(2, 2)), save(edition(1, 3)), save(product(40)), remove(40)];
    let publication = shelf.update(&shelf.indexer(), changes, 6);
    shelf.publish(&publication);
    let all = shelf.ask(&Request { sort: Sort::PriceDesc, ..words("") });
    assert_eq!((all.total, &ids(&all)[..2]), (20, &[1, 2][..]));
    assert_eq!(all.hits[0].price_minor, edition(1, 3).price_minor);
}

#[test]
fn the_first_products_of_an_empty_shop_are_found() {
    let mut shelf = Shelf::with(std::iter::empty());
    assert_eq!(shelf.ask(&words("")).total, 0);
    let publication = shelf.update(&shelf.indexer(), (0..3).map(|n| save(product(n))).collect(), 3);
    shelf.publish(&publication);
    assert_eq!(shelf.ask(&words("")).total, 3);
    assert_eq!(shelf.ask(&words("notebook")).total, 1);
}

#[test]
fn removing_what_is_not_there_changes_nothing_but_the_number() {
    let mut shelf = Shelf::with((0..20).map(product));
    let publication = shelf.update(&shelf.indexer(), vec![remove(1_000)], 5);
    assert_eq!((publication.pointer.parts.len(), publication.objects.len()), (0, 1));
    shelf.publish(&publication);
    assert_eq!((shelf.ask(&words("")).total, shelf.indexer().catalogue_seq()), (20, 5));
}

#[test]
fn the_same_changes_give_the_same_bytes() {
    let mut shelf = Shelf::with((0..100).map(product));
    let mut publish = |sizes: &[usize]| {
        let mut indexer = shelf.indexer();
        let mut last = None;
        for size in sizes {
            let changes = (50..50 + size).map(|n| save(edition(n, 1))).collect();
            let publication = shelf.update(&indexer, changes, 1);
            indexer = publication.indexer.clone();
            last = Some((publication.objects, publication.pointer));
        }
        last.unwrap()
    };
    assert_eq!(publish(&[20]), publish(&[20]));
    assert_eq!(publish(&[3, 20, 60]), publish(&[3, 20, 60]));
}

/// What a save costs, in documents written, and how many parts a search has to look through.
#[test]
fn however_much_is_saved_parts_stay_few_and_a_save_stays_small() {
    let mut shelf = Shelf::with((0..100).map(product));
    let mut indexer = shelf.indexer();
    let (mut written, mut most_parts, mut saves) = (0_u64, 0, 0_u64);
    for batch in 0..160_usize {
        let changes: Vec<Change> = (0..16).map(|n| save(product(1_000 + batch * 16 + n))).collect();
        saves += changes.len() as u64;
        let before: Vec<PartRef> = indexer.parts().cloned().collect();
        let publication = shelf.update(&indexer, changes, saves);
        let fresh = publication.pointer.parts.iter().filter(|part| !before.contains(part));
        written += fresh.map(|part| u64::from(part.document_count)).sum::<u64>();
        most_parts = most_parts.max(publication.pointer.parts.len());
        if batch % 40 == 39 {
            shelf.publish(&publication);
        } else {
            publication.objects.iter().for_each(|(key, bytes)| shelf.put(key.clone(), bytes.clone()));
        }
        indexer = publication.indexer;
    }
    assert_eq!(shelf.ask(&words("")).total, 100 + saves);
    assert!(most_parts <= 4, "{most_parts} parts");
    assert!(written / saves <= 20, "{written} documents written for {saves}");
    assert!(
        indexer.parts().all(|part| part.document_count <= TIER_DOCUMENTS[2] + TIER_DOCUMENTS[1] + TIER_DOCUMENTS[0])
    );
}

#[test]
fn a_flood_of_changes_is_taken_and_asks_for_a_compile() {
    let mut shelf = Shelf::with((0..100).map(product));
    let flood = TIER_DOCUMENTS[2] as usize * LAST_TIER_PARTS_MAX;
    let publication = shelf.update(&shelf.indexer(), (0..flood).map(|n| save(edition(n, 1))).collect(), 9);
    assert!(publication.indexer.needs_compile());
    assert!(!shelf.indexer().needs_compile());
    shelf.publish(&publication);
    assert_eq!(shelf.ask(&words("")).total, flood as u64);
    // It goes on working.
    let publication = shelf.update(&publication.indexer, vec![remove(0), save(product(100_000))], 11);
    shelf.publish(&publication);
    assert_eq!(shelf.ask(&words("")).total, flood as u64);
}

#[test]
fn a_new_base_takes_over_while_changes_go_on() {
    let mut shelf = Shelf::with((0..60).map(product));
    let first = shelf.update(&shelf.indexer(), vec![save(edition(1, 1)), remove(2)], 2);
    shelf.publish(&first);
    // The compile reads the catalogue here; two more changes come in while it works.
    let read: Vec<Document> =
        (0..60).filter(|n| *n != 2).map(|n| if n == 1 { edition(1, 1) } else { product(n) }).collect();
    let second = shelf.update(&first.indexer, vec![save(edition(3, 1)), save(product(2))], 4);
    shelf.publish(&second);
    let artefact = compiled_as_of(read.into_iter(), 2);
    shelf.put_artefact(&artefact);

    let base = search::Reader::open(artefact.manifest.clone(), Vec::new(), 1_000_000).unwrap();
    let rebased = second.indexer.rebased(&base);
    assert_eq!((rebased.catalogue_seq(), rebased.parts().count()), (2, 0));
    let third = shelf.update(&rebased, vec![save(edition(3, 1)), save(product(2))], 4);
    shelf.publish(&third);
    assert_eq!(shelf.pointer().base_version(), artefact.version);
    let all = shelf.ask(&Request { sort: Sort::PriceDesc, per_page: 60, ..words("") });
    assert_eq!((all.total, &ids(&all)[..2]), (60, &[3, 1][..]));
    assert!(ids(&all).contains(&2));
}

#[test]
fn synonyms_travel_with_the_commit() {
    let mut shelf = Shelf::with((0..20).map(product));
    let before = shelf.pointer().version;
    let publication = shelf.update(&shelf.indexer().with_synonyms(Some("synonyms/1".to_owned())), Vec::new(), 0);
    shelf.publish(&publication);
    let pointer = shelf.pointer();
    assert_eq!(pointer.synonyms.as_deref(), Some("synonyms/1"));
    assert_ne!(pointer.version, before);
    assert_eq!(shelf.open().unwrap().commit().unwrap().synonyms(), Some("synonyms/1"));
    let publication = shelf.update(&shelf.indexer(), vec![remove(1)], 1);
    assert_eq!(publication.pointer.synonyms.as_deref(), Some("synonyms/1"));
}

#[test]
fn a_pointer_of_before_there_were_commits_is_still_understood() {
    let shelf = Shelf::with((0..20).map(product));
    let version = shelf.pointer().version;
    let pointer: Pointer = serde_json::from_str(&format!(r#"{{"version":"{version}","published_at_ms":5}}"#)).unwrap();
    assert_eq!((pointer.base_version(), pointer.commit_key()), (version.as_str(), None));
}

#[test]
fn a_reader_that_follows_keeps_what_it_holds() {
    let mut shelf = Shelf::with((0..400).map(product));
    let first = shelf.update(&shelf.indexer(), (0..100).map(|n| save(edition(n, 1))).collect(), 1);
    shelf.publish(&first);
    let reader = shelf.open().unwrap();
    shelf.answer(&reader, &words("toner")).unwrap();
    let second = shelf.update(&first.indexer, vec![save(edition(200, 1))], 2);
    shelf.publish(&second);
    assert_eq!(second.pointer.parts.len(), 2);
    let missing = reader.missing_parts(&second.pointer);
    assert_eq!(missing, second.pointer.parts[1..]);
    let followed = shelf.follow(&reader).unwrap();
    let answer = shelf.answer(&followed, &words("toner")).unwrap();
    assert_eq!((answer.rounds, answer.bytes_fetched), (0, 0));
    // The one before goes on answering what it answered.
    assert_eq!(shelf.answer(&reader, &words("edition1")).unwrap().total, 100);
    assert_eq!(shelf.answer(&followed, &words("edition1")).unwrap().total, 101);
}

#[test]
fn a_cold_search_over_changes_takes_two_rounds_after_everything_was_read_at_once() {
    let mut shelf = Shelf::with((0..PRODUCTS).map(product));
    let changes = (0..PRODUCTS).step_by(9).map(|n| save(edition(n, 1))).chain((1..PRODUCTS).step_by(50).map(remove));
    let publication = shelf.update(&shelf.indexer(), changes.collect(), 1);
    shelf.publish(&publication);
    let mut most = 0;
    for query in ["", "notebook", "red toner cartridge", "lot l1234", "KX5-1005ea", "5900000000777", "hedphones grene"]
    {
        let answer = shelf.ask(&Request { page: 2, ..words(query) });
        assert!(answer.rounds <= 2, "{query}: {} rounds", answer.rounds);
        most = most.max(answer.rounds);
    }
    assert_eq!(most, 2);
}

#[test]
fn a_crash_after_any_write_leaves_the_last_commit_and_trying_again_ends_well() {
    let mut shelf = Shelf::with((0..120).map(product));
    let first = shelf.update(&shelf.indexer(), (0..40).map(|n| save(edition(n, 1))).collect(), 1);
    shelf.publish(&first);
    let changes = || vec![save(edition(3, 2)), save(product(500)), remove(90)];
    let second = shelf.update(&first.indexer, changes(), 2);
    assert_eq!(second.objects.len(), 2);
    for written in 0..=second.objects.len() {
        let mut crashed = shelf.clone();
        for (key, bytes) in &second.objects[..written] {
            crashed.put(key.clone(), bytes.clone());
        }
        assert_eq!(crashed.open().unwrap().version(), first.pointer.version);
        assert_eq!((crashed.ask(&words("edition1")).total, crashed.ask(&words("")).total), (40, 120));
        // The object wakes up, reads where it stood, and finds the changes not yet acknowledged.
        let restarted = crashed.indexer();
        assert_eq!(restarted.catalogue_seq(), 1);
        let again = crashed.update(&restarted, changes(), 2);
        assert_eq!((&again.objects, &again.pointer), (&second.objects, &second.pointer));
        crashed.publish(&again);
        assert_eq!((crashed.ask(&words("edition1")).total, crashed.ask(&words("edition2")).total), (39, 1));
        assert_eq!(crashed.ask(&words("")).total, 120);
    }
}

#[test]
fn whatever_is_cut_changed_or_missing_is_named_and_nothing_crashes() {
    let mut shelf = Shelf::with((0..120).map(product));
    let first = shelf.update(&shelf.indexer(), (0..40).map(|n| save(edition(n, 1))).collect(), 1);
    shelf.publish(&first);
    let second = shelf.update(&first.indexer, vec![save(edition(3, 2))], 2);
    shelf.publish(&second);
    let keys: Vec<String> =
        shelf.objects.keys().filter(|key| key.contains("parts/") || key.contains("commits/")).cloned().collect();
    let needed: Vec<String> =
        second.pointer.parts.iter().map(PartRef::key).chain(second.pointer.commit_key()).collect();
    assert_eq!((keys.len(), needed.len()), (4, 3));
    for key in &needed {
        let name = key.rsplit('/').next().unwrap();
        let good = shelf.objects[key].clone();
        let mut spoilt: Vec<Option<Vec<u8>>> = vec![None, Some(Vec::new()), Some([good.clone(), vec![0]].concat())];
        spoilt.extend((0..good.len()).step_by(good.len() / 20).map(|length| Some(good[..length].to_vec())));
        spoilt.extend((0..good.len()).step_by(good.len() / 20).map(|at| {
            let mut changed = good.clone();
            changed[at] ^= 4;
            Some(changed)
        }));
        for object in spoilt {
            let mut damaged = shelf.clone();
            match object {
                Some(bytes) => damaged.objects.insert(key.clone(), bytes),
                None => damaged.objects.remove(key),
            };
            let error = damaged.open().err().unwrap();
            assert!(matches!(&error, SearchError::Corrupt(what) if what.contains(name)), "{error}");
        }
    }
    // Of another base, or without a part that it needs.
    let commit = || {
        Commit::decode(&second.pointer.version, shelf.objects[&second.pointer.commit_key().unwrap()].clone()).unwrap()
    };
    assert!(matches!(reader(artefact()).with_commit(commit(), Vec::new()), Err(SearchError::Corrupt(_))));
    let base = shelf.open().unwrap().without_commit();
    assert!(matches!(base.with_commit(commit(), Vec::new()), Err(SearchError::Corrupt(_))));
    let other: &PartRef = &second.pointer.parts[0];
    assert!(matches!(
        Part::decode(other, shelf.objects[&second.pointer.parts[1].key()].clone()),
        Err(SearchError::Corrupt(_))
    ));
}

/// What can happen to a shop.
#[derive(Debug, Clone)]
enum Step {
    Save(Vec<(usize, usize)>),
    Remove(Vec<usize>),
    /// A compile, and what is saved while it works.
    Compile(Vec<(usize, usize)>),
    /// The object forgets everything and wakes up again.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let saved = |max| prop::collection::vec((0..150_usize, 0..4_usize), 0..max);
    let step = prop_oneof![
        4 => saved(4).prop_map(Step::Save),
        3 => saved(60).prop_map(Step::Save),
        3 => prop::collection::vec(0..150_usize, 1..12).prop_map(Step::Remove),
        1 => saved(8).prop_map(Step::Compile),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..9)
}

/// Every page of it.
fn every_hit(ask: impl Fn(&Request) -> Answer, request: &Request) -> (Answer, Vec<String>) {
    let mut hits = Vec::new();
    for page in 1.. {
        let answer = ask(&Request { page, per_page: 60, ..request.clone() });
        let is_last = answer.hits.is_empty();
        hits.extend(
            answer.hits.iter().map(|hit| serde_json::to_string(&search::Hit { score: 0.0, ..hit.clone() }).unwrap()),
        );
        if is_last {
            return (answer, hits);
        }
    }
    unreachable!("pages end");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn after_any_changes_every_answer_is_that_of_a_fresh_compile(base in 0..100_usize, steps in steps()) {
        let mut catalogue: BTreeMap<usize, Document> = (0..base).map(|n| (n, product(n))).collect();
        let mut shelf = Shelf::with(catalogue.values().cloned());
        let mut indexer = shelf.indexer();
        let mut seq = 0;
        let editions = |saved: &[(usize, usize)]| -> Vec<(usize, Document)> {
            saved.iter().map(|(n, e)| (*n, edition(*n, *e))).collect()
        };
        for step in &steps {
            seq += 1;
            let changes: Vec<Change> = match step {
                Step::Save(saved) => {
                    catalogue.extend(editions(saved));
                    editions(saved).into_iter().map(|(_, document)| save(document)).collect()
                }
                Step::Remove(gone) => {
                    gone.iter().for_each(|n| drop(catalogue.remove(n)));
                    gone.iter().map(|n| remove(*n)).collect()
                }
                Step::Compile(saved) => {
                    let artefact = compiled_as_of(catalogue.values().cloned(), seq - 1);
                    shelf.put_artefact(&artefact);
                    let base = search::Reader::open(artefact.manifest.clone(), Vec::new(), 1_000_000).unwrap();
                    indexer = indexer.rebased(&base);
                    catalogue.extend(editions(saved));
                    editions(saved).into_iter().map(|(_, document)| save(document)).collect()
                }
                Step::Restart => {
                    indexer = shelf.indexer();
                    Vec::new()
                }
            };
            let publication = shelf.update(&indexer, changes, seq);
            shelf.publish(&publication);
            indexer = publication.indexer;
        }
        let reader = shelf.open().unwrap();
        prop_assert_eq!(reader.document_count(), catalogue.len() as u64);
        let artefact = compiled_as_of(catalogue.values().cloned(), seq);
        let fresh = fresh(&artefact);
        let delta = |request: &Request| shelf.answer(&reader, request).unwrap();

        let listed = |sort| Request { sort, ..words("") };
        for request in [listed(Sort::PriceAsc), listed(Sort::PriceDesc), listed(Sort::Newest), Request {
            category: Some("Printing".to_owned()), available_only: true, ..listed(Sort::PriceAsc)
        }, Request { brands: vec!["Zuma".to_owned()], max_price_minor: Some(60_000), ..listed(Sort::PriceAsc) }] {
            let (expected, found) = (every_hit(&fresh, &request), every_hit(delta, &request));
            prop_assert_eq!((expected.0.total, expected.0.facets, expected.1), (found.0.total, found.0.facets, found.1));
        }
        // Words of products that are there: that others knew a word once must not matter.
        for document in catalogue.values().step_by(7) {
            for query in [document.title.clone(), document.category[1].clone(), document.skus[0].clone(), document.sku.clone()] {
                let (expected, found) = (every_hit(&fresh, &words(&query)), every_hit(delta, &words(&query)));
                prop_assert_eq!((expected.0.total, expected.0.facets), (found.0.total, found.0.facets), "{}", &query);
                let sorted = |mut hits: Vec<String>| { hits.sort(); hits };
                prop_assert_eq!(sorted(expected.1), sorted(found.1), "{}", query);
            }
        }
    }
}

#[test]
fn the_pointer_is_read_once_and_the_rest_at_once() {
    let mut shelf = Shelf::with((0..200).map(product));
    let publication = shelf.update(&shelf.indexer(), vec![save(edition(1, 1))], 1);
    shelf.publish(&publication);
    let pointer: Pointer = serde_json::from_slice(&shelf.objects[POINTER_KEY]).unwrap();
    // All keys follow from the pointer alone.
    let commit = Commit::decode(&pointer.version, shelf.objects[&pointer.commit_key().unwrap()].clone()).unwrap();
    assert_eq!((commit.base(), commit.parts()), (pointer.base_version(), pointer.parts.as_slice()));
    assert!(pointer.parts.iter().all(|part| shelf.objects.contains_key(&part.key())));
    assert!(Bucket::default().answer(&reader(artefact()), artefact(), &words("toner")).is_ok());
}
