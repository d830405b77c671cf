//! Compiles the Icecat catalogue and says what that costs, and what searches cost, cold and warm.
//!
//! `cargo run --release -p search --example measure -- PRODUCTS.jsonl.gz [COUNT]`. Asked for more products than there are,
//! it repeats them under other codes.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::time::{Duration, Instant};

use search::artefact::{BUNDLE, HOTCACHE};
use search::compile::MEMORY_BUDGET_DEFAULT_BYTES;
use search::pages::BUDGET_DEFAULT_BYTES;
use search::{
    Answer, Artefact, Change, Commit, Document, Indexer, Outcome, Part, Progress, Reader, Request, SearchError, Sort,
};

type Failure = Box<dyn std::error::Error>;

#[expect(clippy::disallowed_methods, reason = "this is a stopwatch, not the library")]
fn now() -> Instant {
    Instant::now()
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: measure PRODUCTS.jsonl.gz [COUNT]")?;
    let count: Option<usize> = arguments.next().map(|count| count.parse()).transpose()?;
    let lines = BufReader::new(flate2::read::MultiGzDecoder::new(std::fs::File::open(path)?)).lines();
    let products: Vec<Document> = lines.map(|line| product(&line?)).collect::<Result<_, Failure>>()?;
    let count = count.unwrap_or(products.len());
    let documents = (0..).zip(products.iter().cycle()).take(count).map(|(n, product)| {
        let mut product = product.clone();
        let copy = n / products.len();
        product.sold = (n * 7_919 % 1_009) as u32;
        if copy > 0 {
            product.id.push_str(&format!("-{copy}"));
            product.sku.push_str(&format!("-{copy}"));
            product.skus.iter_mut().for_each(|code| code.push_str(&copy.to_string()));
            product.title.push_str(&format!(" mark {copy}"));
        }
        product
    });

    let started = now();
    let artefact = search::compile(documents, MEMORY_BUDGET_DEFAULT_BYTES)?;
    println!("compiled {} products in {:?}", artefact.manifest.document_count, started.elapsed());
    for (name, bytes) in &artefact.files {
        println!("  {name:<14} {:>10} bytes", bytes.len());
    }
    for file in &artefact.manifest.files {
        println!("    {:<45} {:>10}", file.name, file.length);
    }

    let bundle = artefact.file(BUNDLE);
    let open = || Reader::open(artefact.manifest.clone(), artefact.file(HOTCACHE).to_vec(), BUDGET_DEFAULT_BYTES);
    println!(
        "{:<34} {:>7} {:>4} {:>6} {:>9} {:>8} {:>9} {:>9} {:>9}",
        "query", "total", "hits", "rounds", "bytes", "requests", "cold", "warm p50", "fastest"
    );
    let warm_reader = open()?;
    for request in requests() {
        let reader = open()?;
        let started = now();
        let (answer, fetches) = answer(&reader, bundle, &request)?;
        let cold = started.elapsed();
        answer_of(&warm_reader, bundle, &request)?;
        let mut times: Vec<Duration> = (0..101)
            .map(|_| {
                let started = now();
                answer_of(&warm_reader, bundle, &request).map(|_| started.elapsed())
            })
            .collect::<Result<_, _>>()?;
        times.sort();
        let mut label = format!("{:?}", request.query);
        if request.prefix_last_word {
            label.push('*');
        }
        if answer.relaxed {
            label.push_str(" relaxed");
        }
        if let Some(correction) = answer.corrections.first() {
            label.push_str(&format!(" →{}", correction.searched));
        }
        println!(
            "{label:<34} {:>7} {:>4} {:>6} {:>9} {:>8} {:>9.1?} {:>9.1?} {:>9.1?}   {}",
            answer.total,
            answer.hits.len(),
            answer.rounds,
            answer.bytes_fetched,
            fetches,
            cold,
            times[50],
            times[0],
            answer.hits.first().map_or(String::new(), |hit| hit.title.chars().take(60).collect()),
        );
    }
    println!("in memory between searches: {} bytes", warm_reader.used_bytes());
    let (rows, count) = (warm_reader.row_bytes(), warm_reader.document_count().max(1));
    println!("rows: {rows} bytes, {:.1} a product", rows as f64 / count as f64);
    changes(&artefact, &products)
}

/// What saving costs: batches of changes, one after another, over the index that was compiled.
fn changes(artefact: &Artefact, products: &[Document]) -> Result<(), Failure> {
    let base = Reader::open(artefact.manifest.clone(), Vec::new(), BUDGET_DEFAULT_BYTES)?;
    let warm = Reader::open(artefact.manifest.clone(), artefact.file(HOTCACHE).to_vec(), BUDGET_DEFAULT_BYTES)?;
    answer_of(&warm, artefact.file(BUNDLE), &Request::default())?;
    println!(
        "{:<10} {:>7} {:>9} {:>9} {:>9} {:>7} {:>7} {:>6} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "changes",
        "commits",
        "first",
        "p50",
        "max",
        "rounds",
        "ranges",
        "parts",
        "commit",
        "new part",
        "follow",
        "listing",
        "words"
    );
    for (size, commits) in [(1, 300), (32, 80), (256, 12), (2_048, 4)] {
        let mut indexer = Indexer::new(&base);
        let (mut times, mut rounds, mut ranges_read) = (Vec::new(), 0, 0);
        let mut objects = BTreeMap::new();
        let mut publication = None;
        for commit in 0..commits {
            let changed = products.iter().cycle().skip(commit * size * 7).step_by(7).take(size).map(|product| {
                let mut product = product.clone();
                product.price_minor += 1 + commit as i64;
                Change::Save(Box::new(product))
            });
            let changed = changed.collect();
            let started = now();
            let mut update = indexer.begin(changed, commit as u64, 0);
            let done = loop {
                match update.run()? {
                    Progress::Ready(publication) => break publication,
                    Progress::NeedBytes(ranges) => {
                        rounds += 1;
                        ranges_read += ranges.len();
                        for range in ranges {
                            let bytes = &artefact.file(BUNDLE)[range.start as usize..range.end as usize];
                            update.supply(range.start, bytes)?;
                        }
                    }
                }
            };
            times.push(started.elapsed());
            objects.extend(done.objects.iter().cloned());
            indexer = done.indexer.clone();
            publication = Some(done);
        }
        let Some(publication) = publication else { continue };
        let pointer = &publication.pointer;
        let first = times[0];
        times.sort();
        let commit = &objects[&pointer.commit_key().unwrap_or_default()];
        let parts: Result<Vec<Part>, SearchError> =
            pointer.parts.iter().map(|part| Part::decode(part, objects[&part.key()].clone())).collect();
        let parts = parts?;
        let (part_count, newest) = (parts.len(), pointer.parts.last().map_or(0, |part| part.bytes));
        let started = now();
        let reader = warm.with_commit(Commit::decode(&pointer.version, commit.clone())?, parts)?;
        answer_of(&reader, artefact.file(BUNDLE), &Request { query: "qqzz".to_owned(), ..Request::default() })?;
        let follow = started.elapsed();
        let timed = |query: &str| -> Result<Duration, Failure> {
            let request = Request { query: query.to_owned(), ..Request::default() };
            answer_of(&reader, artefact.file(BUNDLE), &request)?;
            let started = now();
            for _ in 0..20 {
                answer_of(&reader, artefact.file(BUNDLE), &request)?;
            }
            Ok(started.elapsed() / 20)
        };
        println!(
            "{size:<10} {commits:>7} {:>9.1?} {:>9.1?} {:>9.1?} {rounds:>7} {ranges_read:>7} {part_count:>6} {:>9} {newest:>9} {follow:>9.1?} {:>9.1?} {:>9.1?}",
            first,
            times[times.len() / 2],
            times[times.len() - 1],
            commit.len(),
            timed("")?,
            timed("black toner cartridge")?,
        );
    }
    Ok(())
}

fn requests() -> Vec<Request> {
    let words = |query: &str| Request { query: query.to_owned(), ..Request::default() };
    let typed = |query: &str| Request { prefix_last_word: true, ..words(query) };
    vec![
        words(""),
        Request { sort: Sort::Newest, ..words("") },
        Request { brands: vec!["HP".to_owned()], sort: Sort::PriceAsc, ..words("") },
        words("toner"),
        words("notebook"),
        words("black toner cartridge"),
        words("wireless mouse"),
        words("hp notebook 17 inch 4gb"),
        words("dv7-1211ea"),
        words("dv71211ea"),
        words("dv7 1211ea"),
        words("0884420588030"),
        words("\"hard drive\" -hp"),
        words("\"drive hard\""),
        words("powerbank"),
        typed("l"),
        typed("s"),
        typed("not"),
        typed("wireless mou"),
        typed("samsung galaxy no"),
        words("notbook bateri"),
        words("purple elephant toner"),
        words("zzzzqqqq"),
        Request { page: 100, ..words("usb cable") },
        Request { page: 4_167, ..words("") },
        Request { sort: Sort::Rating, page: 2_000, ..words("") },
        Request { page: 2_000, ..typed("l") },
        Request { with_facets: false, ..typed("l") },
        Request { category: Some("Notebook".to_owned()), ..words("") },
        Request {
            attributes: BTreeMap::from([("t_product_colour".to_owned(), vec!["Black".to_owned()])]),
            ..words("")
        },
        Request { available_only: true, min_stars: Some(1), ..words("") },
    ]
}

fn answer_of(reader: &Reader, bundle: &[u8], request: &Request) -> Result<Answer, SearchError> {
    answer(reader, bundle, request).map(|(answer, _)| answer)
}

/// The answer, and how many ranges were read for it.
fn answer(reader: &Reader, bundle: &[u8], request: &Request) -> Result<(Answer, usize), SearchError> {
    let mut search = reader.begin(request)?;
    let mut fetches = 0;
    loop {
        match search.run()? {
            Outcome::Ready(answer) => return Ok((*answer, fetches)),
            Outcome::NeedBytes(ranges) => {
                fetches += ranges.len();
                for range in ranges {
                    search.supply(range.start, &bundle[range.start as usize..range.end as usize])?;
                }
            }
        }
    }
}

fn product(line: &str) -> Result<Document, Failure> {
    let row: serde_json::Value = serde_json::from_str(line)?;
    let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let attributes: BTreeMap<String, String> = row["attributes"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect();
    let kind = attributes.get("t_product_type").cloned();
    Ok(Document {
        id: text("id"),
        sku: text("sku_name"),
        slug: text("id"),
        title: text("title"),
        description: text("description"),
        brand: row["brand"].as_str().map(str::to_owned),
        category: kind.into_iter().collect(),
        price_minor: row["price_cents"].as_i64().unwrap_or(0),
        currency: "EUR".to_owned(),
        image: row["image"].as_str().map(str::to_owned),
        available: 1,
        attributes,
        seller: None,
        skus: row["ean"].as_array().into_iter().flatten().filter_map(|ean| ean.as_str().map(str::to_owned)).collect(),
        created_at_ms: text("released").replace('-', "").parse().unwrap_or(0),
        ..Document::default()
    })
}
