//! What searches read, how often, and what happens when the bytes are wrong.

use std::path::Path;

use crate::shop::{Bucket, PRODUCTS, artefact, ask, bare_reader, bytes, ids, product, reader, words};
use search::artefact::{BUNDLE, HOTCACHE, MANIFEST};
use search::pages::PAGE_BYTES;
use search::{Hit, Manifest, Outcome, Reader, Request, SearchError, Sort};
use tantivy::collector::TopDocs;
use tantivy::directory::{Directory as _, RamDirectory, TerminatingWrite as _};
use tantivy::query::{BooleanQuery, Query, TermQuery};
use tantivy::schema::{IndexRecordOption, Value as _};
use tantivy::{Index, TantivyDocument, Term};

fn requests() -> Vec<Request> {
    let typing = |query| Request { prefix_last_word: true, ..words(query) };
    vec![
        words(""),
        Request { sort: Sort::PriceDesc, page: 30, ..words("") },
        words("notebook"),
        words("red toner cartridge"),
        words("lot l1234"),
        words("KX5-1005ea"),
        words("5900000000777"),
        typing("silver mon"),
        typing("b77"),
        words("hedphones grene"),
        words("purple velvet monitor"),
        words("\"toner cartridge\" red -zuma"),
        words("\"cartridge toner\" silver"),
        words("monitor -\"serial batch\" -green"),
        words("laserprinter"),
        typing("\"laser pri"),
        words("qqqqqq"),
        Request { category: Some("Audio".to_owned()), page: 9, ..words("") },
    ]
}

#[test]
fn a_cold_search_takes_two_rounds_after_the_hotcache_and_a_warm_one_none() {
    let mut most = 0;
    for request in requests() {
        let reader = reader(artefact());
        let mut cold = Bucket::default();
        let answer = cold.answer(&reader, artefact(), &request).unwrap();
        println!("{:>24}: {} rounds, {} ranges, {} bytes", request.query, cold.rounds, cold.ranges, cold.bytes);
        assert!(cold.rounds <= 2, "{request:?}: {} rounds", cold.rounds);
        assert_eq!((answer.rounds, answer.bytes_fetched), (cold.rounds, cold.bytes));
        most = most.max(cold.rounds);

        let mut warm = Bucket::default();
        let again = warm.answer(&reader, artefact(), &request).unwrap();
        assert_eq!((warm.rounds, warm.bytes), (0, 0), "{request:?}");
        assert_eq!(again.hits, answer.hits);
    }
    assert_eq!(most, 2, "the catalogue is too small to show anything: all of it fits the hotcache");
}

#[test]
fn the_front_of_every_listing_is_in_the_hotcache() {
    let reader = reader(artefact());
    for sort in [Sort::Relevance, Sort::Newest, Sort::PriceAsc, Sort::PriceDesc] {
        let answer = Bucket::default().answer(&reader, artefact(), &Request { sort, ..words("") }).unwrap();
        assert_eq!((answer.rounds, answer.hits.len()), (0, 24), "{sort:?}");
    }
    let listing = Request { category: Some("Audio".to_owned()), ..words("") };
    assert_eq!(Bucket::default().answer(&reader, artefact(), &listing).unwrap().rounds, 0);
}

#[test]
fn a_search_gets_there_with_no_room_at_all() {
    for budget_bytes in [0, PAGE_BYTES as usize, 3 * PAGE_BYTES as usize] {
        for request in requests() {
            let mut bucket = Bucket::default();
            let reader = bare_reader(artefact(), budget_bytes);
            let answer = bucket.answer(&reader, artefact(), &request).unwrap();
            assert!(bucket.rounds <= 40, "{request:?}: {} rounds", bucket.rounds);
            assert_eq!(ids(&answer), ids(&ask(&request)), "{request:?}");
            assert!(reader.used_bytes() <= budget_bytes);
        }
    }
}

#[test]
fn searches_in_progress_do_not_disturb_one_another() {
    let reader = bare_reader(artefact(), PAGE_BYTES as usize);
    let requests = requests();
    let mut searches: Vec<_> = requests.iter().map(|request| reader.begin(request).unwrap()).collect();
    // One shopper leaves in the middle.
    let mut left = reader.begin(&words("monitor")).unwrap();
    assert!(matches!(left.run().unwrap(), Outcome::NeedBytes(_)));
    drop(left);
    let mut answers = vec![None; searches.len()];
    for _ in 0..100 {
        for (search, answer) in searches.iter_mut().zip(&mut answers).filter(|(_, answer)| answer.is_none()) {
            match search.run().unwrap() {
                Outcome::Ready(ready) => *answer = Some(*ready),
                Outcome::NeedBytes(ranges) => {
                    for range in ranges {
                        search.supply(range.start, bytes(artefact(), &range)).unwrap();
                    }
                }
            }
        }
    }
    for (request, answer) in requests.iter().zip(answers) {
        assert_eq!(ids(&answer.unwrap()), ids(&ask(request)), "{request:?}");
    }
}

#[test]
fn ranges_are_whole_pages_inside_the_bundle() {
    let reader = bare_reader(artefact(), 0);
    for request in requests() {
        let mut search = reader.begin(&request).unwrap();
        while let Outcome::NeedBytes(ranges) = search.run().unwrap() {
            assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
            for range in ranges {
                assert!(range.start.is_multiple_of(PAGE_BYTES) && range.start < range.end);
                assert!(range.end.is_multiple_of(PAGE_BYTES) || range.end == artefact().manifest.bundle_bytes);
                search.supply(range.start, bytes(artefact(), &range)).unwrap();
            }
        }
    }
}

/// The same files, in memory, read by tantivy itself.
fn in_memory() -> Index {
    let directory = RamDirectory::create();
    for file in &artefact().manifest.files {
        let content = bytes(artefact(), &(file.offset..file.offset + file.length));
        if file.name == "meta.json" {
            directory.atomic_write(Path::new(&file.name), content).unwrap();
        } else {
            let mut writer = directory.open_write(Path::new(&file.name)).unwrap();
            std::io::Write::write_all(&mut writer, content).unwrap();
            writer.terminate().unwrap();
        }
    }
    Index::open(directory).unwrap()
}

#[test]
fn pages_give_what_the_whole_index_in_memory_gives() {
    let index = in_memory();
    let searcher = index.reader().unwrap().searcher();
    let field = |name: &str| index.schema().get_field(name).unwrap();
    for terms in [vec!["notebook"], vec!["silver", "monitor"], vec!["toner", "red", "zuma"], vec!["kx5"]] {
        let queries = terms.iter().map(|term| {
            let term = Term::from_field_text(field("all"), term);
            Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)) as Box<dyn Query>
        });
        let query = BooleanQuery::intersection(queries.collect());
        let found = searcher.search(&query, &TopDocs::with_limit(10_000).order_by_score()).unwrap();
        let mut expected: Vec<String> = found
            .iter()
            .map(|(_, address)| {
                let document: TantivyDocument = searcher.doc(*address).unwrap();
                let card = document.get_first(field("card")).unwrap();
                serde_json::from_slice::<Hit>(card.as_bytes().unwrap()).unwrap().id
            })
            .collect();
        let mut paged = Vec::new();
        for page in 1.. {
            let request = Request { page, per_page: 60, sort: Sort::Newest, ..words(&terms.join(" ")) };
            let reader = bare_reader(artefact(), 2 * PAGE_BYTES as usize);
            let answer = Bucket::default().answer(&reader, artefact(), &request).unwrap();
            assert_eq!(answer.total, expected.len() as u64, "{terms:?} {answer:?}");
            if answer.hits.is_empty() {
                break;
            }
            paged.extend(answer.hits.into_iter().map(|hit| hit.id));
        }
        expected.sort();
        paged.sort();
        assert_eq!(paged, expected, "{terms:?}");
    }
}

#[test]
fn a_changed_byte_anywhere_in_the_bundle_is_noticed() {
    let bundle = artefact().file(BUNDLE);
    for at in (0..bundle.len()).step_by(bundle.len() / 40) {
        let mut changed = bundle.to_vec();
        changed[at] ^= 0x10;
        let page = at as u64 / PAGE_BYTES * PAGE_BYTES;
        let end = (page + PAGE_BYTES).min(bundle.len() as u64);
        let mut search = bare_reader(artefact(), 0).begin(&words("notebook")).unwrap();
        let refused = search.supply(page, &changed[page as usize..end as usize]);
        assert!(matches!(refused, Err(SearchError::Corrupt(_))), "{at}");
    }
}

#[test]
fn bytes_that_are_short_shifted_or_beyond_the_end_are_noticed() {
    let bundle = artefact().file(BUNDLE);
    let page = PAGE_BYTES as usize;
    let end = (bundle.len() / page * page) as u64;
    let mut search = bare_reader(artefact(), 0).begin(&words("notebook")).unwrap();
    for (start, given) in [
        (0, &bundle[..page - 1]),
        (0, &bundle[1..=page]),
        (1, &bundle[1..page]),
        (PAGE_BYTES, &bundle[..page]),
        (end, &bundle[..page]),
        (end + PAGE_BYTES, &bundle[..page]),
        (u64::MAX / PAGE_BYTES * PAGE_BYTES, &bundle[..page]),
    ] {
        assert!(matches!(search.supply(start, given), Err(SearchError::Corrupt(_))), "{start}");
    }
    search.supply(0, &[]).unwrap();
    search.supply(0, &bundle[..page]).unwrap();
}

#[test]
fn a_damaged_hotcache_or_manifest_is_refused() {
    let artefact = artefact();
    let hotcache = artefact.file(HOTCACHE);
    let open = |manifest: &Manifest, hotcache: &[u8]| Reader::open(manifest.clone(), hotcache.to_vec(), 0);
    let corrupt = |result: Result<Reader, SearchError>| matches!(result, Err(SearchError::Corrupt(_)));
    assert!(corrupt(open(&artefact.manifest, &hotcache[..hotcache.len() - 1])));
    let mut changed = hotcache.to_vec();
    changed[hotcache.len() / 2] ^= 1;
    assert!(corrupt(open(&artefact.manifest, &changed)));

    let json = artefact.file(MANIFEST);
    assert_eq!(Manifest::from_json(json).unwrap(), artefact.manifest);
    assert!(matches!(Manifest::from_json(&json[..json.len() - 1]), Err(SearchError::Corrupt(_))));
    assert!(matches!(Manifest::from_json(b""), Err(SearchError::Corrupt(_))));
    let spoilt = |spoil: fn(&mut Manifest)| {
        let mut manifest = artefact.manifest.clone();
        spoil(&mut manifest);
        open(&manifest, hotcache)
    };
    assert!(corrupt(spoilt(|manifest| manifest.bundle_bytes += PAGE_BYTES)));
    assert!(corrupt(spoilt(|manifest| manifest.bundle_bytes = u64::MAX)));
    assert!(corrupt(spoilt(|manifest| manifest.page_checksums.push('0'))));
    assert!(corrupt(spoilt(|manifest| manifest.files[0].offset = u64::MAX)));
    assert!(corrupt(spoilt(|manifest| manifest.page_bytes = 1)));
    assert!(matches!(spoilt(|manifest| manifest.schema_version += 1), Err(SearchError::Incompatible { .. })));
}

#[test]
fn a_manifest_that_lost_a_file_is_an_error_and_not_a_crash() {
    for lost in 0..artefact().manifest.files.len() {
        let mut manifest = artefact().manifest.clone();
        let name = manifest.files.remove(lost).name;
        let reader = Reader::open(manifest, Vec::new(), usize::MAX).unwrap();
        let result = Bucket::default().answer(&reader, artefact(), &words("notebook"));
        // A catalogue may have no rare terms. Words alone need no positions, and searches never read the products' ids.
        let is_unread = [".pos", ".ids", ".rare"].iter().any(|unread| name.ends_with(unread));
        assert!(result.is_err() || is_unread, "{name}");
    }
}

#[test]
fn the_answer_is_about_this_catalogue() {
    assert_eq!(ask(&words("")).hits.len(), 24);
    assert_eq!(reader(artefact()).document_count(), PRODUCTS as u64);
    assert_eq!(reader(artefact()).version(), artefact().version);
    assert_eq!(product(3).slug, "product-3");
}
