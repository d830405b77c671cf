//! A made-up catalogue and a bucket that counts what is read from it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

use search::artefact::{BUNDLE, HOTCACHE};
use search::pages::BUDGET_DEFAULT_BYTES;
use search::{Answer, Artefact, Document, Outcome, Reader, Request, SearchError, compile};

pub(crate) const PRODUCTS: usize = 4_000;
const KINDS: [(&str, &str); 6] = [
    ("Computers", "Notebook"),
    ("Computers", "Monitor"),
    ("Printing", "Toner cartridge"),
    ("Printing", "Laser printer"),
    ("Audio", "Headphones"),
    ("Kitchen", "Cafetière"),
];
const BRANDS: [&str; 7] = ["Hewlett", "Baobab", "Kano Works", "Zuma", "Ọjà", "Sahel", "Delta & Sons"];
const COLOURS: [&str; 5] = ["black", "silver", "red", "white", "green"];

/// Product number `n`: every field follows from the number.
pub(crate) fn product(n: usize) -> Document {
    let (kind, name) = KINDS[n % KINDS.len()];
    let brand = BRANDS[(n / 3) % BRANDS.len()];
    let colour = COLOURS[(n / 7) % COLOURS.len()];
    let model = format!("KX{}-{}ea", n % 97, 1000 + n);
    Document {
        id: format!("00000000-0000-7000-8000-{n:012}"),
        sku: format!("SKU-{n:05}"),
        slug: format!("product-{n}"),
        title: format!("{brand} {model} {name} {colour} {} GB", 1 << (n % 6)),
        description: format!("A {colour} {name} for home and office. Serial batch b{} lot l{}.", n * 7_919 % 10_007, n),
        brand: (!n.is_multiple_of(11)).then(|| brand.to_owned()),
        category: vec![kind.to_owned(), name.to_owned()],
        price_minor: (n as i64 * 7_919) % 100_000,
        currency: if n.is_multiple_of(50) { "USD" } else { "NGN" }.to_owned(),
        image: Some(format!("pictures/{n}")),
        available: u32::from(!n.is_multiple_of(5)) * 3,
        attributes: BTreeMap::from([
            ("Colour".to_owned(), colour.to_owned()),
            ("Bluetooth".to_owned(), if n.is_multiple_of(2) { "yes" } else { "no" }.to_owned()),
        ]),
        seller: None,
        skus: vec![format!("590{n:010}")],
        created_at_ms: 1_700_000_000_000 + (n as i64 * 104_729) % 1_000_003,
        sold: (n as u32 * 31) % 1_000,
        rating_hundredths: (!n.is_multiple_of(3)).then_some(100 + (n % 401) as u16),
        rating_count: if n.is_multiple_of(3) { 0 } else { 1 + n as u32 % 90 },
    }
}

pub(crate) fn artefact() -> &'static Artefact {
    static ARTEFACT: OnceLock<Artefact> = OnceLock::new();
    ARTEFACT.get_or_init(|| compiled((0..PRODUCTS).map(product)))
}

pub(crate) fn compiled(products: impl Iterator<Item = Document>) -> Artefact {
    compile(products, 15_000_000).unwrap()
}

/// A bucket that counts.
#[derive(Default)]
pub(crate) struct Bucket {
    pub(crate) rounds: u32,
    pub(crate) ranges: usize,
    pub(crate) bytes: u64,
}

impl Bucket {
    pub(crate) fn answer(
        &mut self,
        reader: &Reader,
        artefact: &Artefact,
        request: &Request,
    ) -> Result<Answer, SearchError> {
        let mut search = reader.begin(request)?;
        for _ in 0..200 {
            match search.run()? {
                Outcome::Ready(answer) => return Ok(*answer),
                Outcome::NeedBytes(ranges) => {
                    self.rounds += 1;
                    for range in ranges {
                        self.ranges += 1;
                        self.bytes += range.end - range.start;
                        search.supply(range.start, bytes(artefact, &range))?;
                    }
                }
            }
        }
        panic!("no answer after 200 rounds: {request:?}");
    }
}

pub(crate) fn bytes<'a>(artefact: &'a Artefact, range: &Range<u64>) -> &'a [u8] {
    &artefact.file(BUNDLE)[range.start as usize..range.end as usize]
}

pub(crate) fn reader(artefact: &Artefact) -> Reader {
    Reader::open(artefact.manifest.clone(), artefact.file(HOTCACHE).to_vec(), BUDGET_DEFAULT_BYTES).unwrap()
}

/// A reader without a hotcache and with room for `budget_bytes` of pages.
pub(crate) fn bare_reader(artefact: &Artefact, budget_bytes: usize) -> Reader {
    Reader::open(artefact.manifest.clone(), Vec::new(), budget_bytes).unwrap()
}

pub(crate) fn ask(request: &Request) -> Answer {
    static READER: OnceLock<Reader> = OnceLock::new();
    Bucket::default().answer(READER.get_or_init(|| reader(artefact())), artefact(), request).unwrap()
}

pub(crate) fn words(query: &str) -> Request {
    Request { query: query.to_owned(), ..Request::default() }
}

pub(crate) fn ids(answer: &Answer) -> Vec<usize> {
    answer.hits.iter().map(|hit| hit.slug.trim_start_matches("product-").parse().unwrap()).collect()
}
