//! Whole imports against a stand-in shop that verifies every signature.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod stand_in;

use std::future::pending;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::money::Currency;
use importer::draft::Defaults;
use importer::import::{Import, Outcome};
use importer::picture::drawing::Icons;
use importer::picture::{Pictures, Wanted};
use importer::report::{Extent, Report};
use importer::resume::{Identity, Resume};
use importer::rows::Rows;
use importer::shop::{Patience, Shop, ShopError};
use importer::source::{self, Source, Sourced};
use importer::{luma, seed};
use stand_in::{KEYS, StandIn};
use tempfile::TempDir;

struct Bench {
    shop: StandIn,
    folder: TempDir,
}

impl Bench {
    async fn new() -> Self {
        let shop = StandIn::start("127.0.0.1:0".parse().unwrap()).await;
        Self { shop, folder: TempDir::new().unwrap() }
    }

    fn import(&self, wanted: Wanted, folder: Option<&Path>) -> Import {
        let patience =
            Patience { attempts: 4, first_delay: Duration::from_millis(1), delay_max: Duration::from_millis(4) };
        let shop = Shop::new(&self.shop.address, KEYS.parse().unwrap()).unwrap().with_patience(patience);
        let pictures = Pictures::new(shop.clone(), wanted, folder, Icons::default(), true).unwrap();
        let report = Report::new(Extent::Products(0), Some(&self.folder.path().join("report.jsonl"))).unwrap();
        let identity = Identity::new("test", &self.shop.address);
        let resume = Resume::new(&self.folder.path().join("state"), &identity);
        Import { shop, pictures: Arc::new(pictures), report: Arc::new(report), resume }
    }

    async fn run(&self, source: Source) -> Result<Outcome, ShopError> {
        let import = self.import(Wanted::None, None);
        let outcome = import.run(source, pending()).await;
        import.report.finish();
        outcome
    }

    fn complaints(&self) -> Vec<(u64, String)> {
        let text = std::fs::read_to_string(self.folder.path().join("report.jsonl")).unwrap();
        text.lines()
            .map(|line| {
                let complaint: serde_json::Value = serde_json::from_str(line).unwrap();
                (complaint["line"].as_u64().unwrap(), complaint["reason"].as_str().unwrap().to_owned())
            })
            .collect()
    }

    fn skus(&self) -> Vec<String> {
        self.shop.held.lock().unwrap().products.keys().cloned().collect()
    }
}

fn file(text: &str) -> Source {
    let rows = Rows::read(Box::new(std::io::Cursor::new(text.as_bytes().to_vec())), None).unwrap();
    source::of_rows(rows, Defaults { currency: Currency::Usd, seller: "Kasuwa".to_owned(), stock: 100 }, drop)
}

fn many(count: usize) -> String {
    (1..=count).map(|n| format!("{{\"sku\":\"S{n}\",\"title\":\"Thing {n}\",\"price\":\"{n}.50\"}}\n")).collect()
}

#[tokio::test]
async fn good_rows_arrive_and_bad_ones_are_told_with_their_line() {
    let bench = Bench::new().await;
    bench.shop.held.lock().unwrap().rejects = Some("R".to_owned());
    let text = r#"{"sku":"A","title":"A","price":1.10}
{"sku":"B","price":"2"}
not json
{"sku":"A","title":"Again","price":3}
{"sku":"C","title":"C","price":"3","variants":[{"sku":"A"}]}

{"sku":"R","title":"R","price":4}
{"sku":"D","title":"D","price":"5","currency":"NGN"}
"#;
    let outcome = bench.run(file(text)).await.unwrap();
    assert_eq!((outcome.created, outcome.rejected, outcome.stopped_at), (2, 5, None));
    assert_eq!(bench.skus(), ["A", "D"]);
    let mut complaints = bench.complaints();
    complaints.sort();
    let lines: Vec<u64> = complaints.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [2, 3, 4, 5, 7]);
    assert!(complaints[0].1.contains("title: required"));
    assert!(complaints[2].1.contains("already on line 1") && complaints[3].1.contains("already on line 1"));
    assert!(complaints[4].1.contains("does not want it"));
    let held = bench.shop.held.lock().unwrap();
    assert_eq!((held.products["A"].price.amount_minor, held.finished, held.refused_signatures), (110, 1, 0));
}

#[tokio::test]
async fn csv_says_the_same_as_json_lines() {
    let (json, csv) = (Bench::new().await, Bench::new().await);
    let line = r#"{"sku":"T","title":"Tee, red","price":"9.90","category":"Men/Tops","attributes":{"Fit":"Slim"},"stock":3,
        "variants":[{"sku":"T-S","options":{"Size":"S"}},{"sku":"T-M","options":{"Size":"M"},"price":11}]}"#;
    json.run(file(&line.replace('\n', ""))).await.unwrap();
    let table = "SKU;Title;Price;Category;Attributes;Stock;Variants\n\
        T;\"Tee, red\";9.90;Men/Tops;\"{\"\"Fit\"\":\"\"Slim\"\"}\";3;\"[{\"\"sku\"\":\"\"T-S\"\",\"\"options\"\":{\"\"Size\"\":\"\"S\"\"}},{\"\"sku\"\":\"\"T-M\"\",\"\"options\"\":{\"\"Size\"\":\"\"M\"\"},\"\"price\"\":11}]\"\n";
    csv.run(file(table)).await.unwrap();
    assert_eq!(json.shop.held.lock().unwrap().products, csv.shop.held.lock().unwrap().products);
    assert_eq!(csv.shop.held.lock().unwrap().products["T"].variants[1].price_minor, 1_100);
}

#[tokio::test]
async fn importing_the_same_again_changes_nothing() {
    let bench = Bench::new().await;
    assert_eq!(bench.run(file(&many(450))).await.unwrap().created, 450);
    let again = bench.run(file(&many(450))).await.unwrap();
    assert_eq!((again.created, again.updated, again.unchanged), (0, 0, 450));
    let changed = bench.run(file(&many(450).replace("Thing 7\"", "Thing seven\""))).await.unwrap();
    assert_eq!((changed.updated, changed.unchanged), (1, 449));
}

#[tokio::test]
async fn an_import_that_broke_off_goes_on_where_it_stood() {
    let bench = Bench::new().await;
    bench.shop.held.lock().unwrap().broken_from_batch = Some(4);
    let error = bench.run(file(&many(2_000))).await.unwrap_err();
    assert!(matches!(error, ShopError::Refused { status: 400, .. }), "{error}");
    assert_eq!(bench.shop.held.lock().unwrap().finished, 0);
    assert_eq!(bench.skus().len(), 600);
    bench.shop.held.lock().unwrap().broken_from_batch = None;
    let outcome = bench.run(file(&many(2_000))).await.unwrap();
    assert_eq!(outcome.created + outcome.unchanged + outcome.resumed, 2_000);
    assert!(outcome.resumed > 0 && outcome.resumed <= 600, "{outcome:?}");
    assert_eq!(bench.skus().len(), 2_000);
    let once_more = bench.run(file(&many(2_000))).await.unwrap();
    assert_eq!((once_more.resumed, once_more.unchanged), (0, 2_000), "a complete import is forgotten");
}

#[tokio::test]
async fn a_stopped_import_says_where_and_finishes_later() {
    let bench = Bench::new().await;
    let import = bench.import(Wanted::None, None);
    let (stopper, stop) = tokio::sync::oneshot::channel::<()>();
    let mut stopper = Some(stopper);
    let endless = file(&many(5_000)).inspect(move |row: &Sourced| {
        if row.line == 1_500 {
            stopper.take().map(|stopper| stopper.send(()));
        }
        if row.line > 1_500 {
            // Slower than the stop travels, so that it never reads to the end.
            std::thread::park_timeout(Duration::from_millis(1));
        }
    });
    let outcome = import.run(Box::new(endless), async { drop(stop.await) }).await.unwrap();
    let line = outcome.stopped_at.unwrap();
    assert!(line < 5_000 && line.is_multiple_of(200), "{line}");
    assert_eq!(bench.skus().len() as u64, outcome.created);
    let rest = bench.run(file(&many(5_000))).await.unwrap();
    assert_eq!((rest.resumed, rest.stopped_at), (line, None));
    assert_eq!(bench.skus().len(), 5_000);
}

#[tokio::test]
async fn a_busy_shop_is_asked_again_and_a_forged_signature_is_not() {
    let bench = Bench::new().await;
    bench.shop.held.lock().unwrap().busy_for = 3;
    assert_eq!(bench.run(file(&many(3))).await.unwrap().created, 3);
    bench.shop.held.lock().unwrap().busy_for = 50;
    assert!(matches!(bench.run(file(&many(3))).await, Err(ShopError::Unreachable { attempts: 4, .. })));
    bench.shop.held.lock().unwrap().busy_for = 0;
    let stranger = Shop::new(&bench.shop.address, "test:ffffffffffffffffffffffffffffffff".parse().unwrap()).unwrap();
    let error = stranger.nudge(domain::wire::EDGE_IMPORT_FINISH).await.unwrap_err();
    assert!(matches!(&error, ShopError::Refused { status: 401, code, .. } if code == "bad_signature"), "{error}");
    assert_eq!(bench.shop.held.lock().unwrap().refused_signatures, 1);
}

#[tokio::test]
async fn pictures_arrive_before_their_products_and_only_once() {
    let bench = Bench::new().await;
    let folder = bench.folder.path().join("set");
    std::fs::create_dir_all(folder.join("img")).unwrap();
    let picture = image::RgbImage::from_fn(700, 500, |x, y| image::Rgb([(x % 256) as u8, (y % 256) as u8, 9]));
    picture.save(folder.join("img/a.jpg")).unwrap();
    std::fs::write(folder.join("img/broken.jpg"), "no picture").unwrap();
    let text = r#"{"sku":"A","title":"A","price":1,"images":["img/a.jpg","img/broken.jpg","../secret.jpg"]}
{"sku":"B","title":"B","price":1,"variants":[{"sku":"B-1","image":"img/a.jpg"}]}
"#;
    for stored in [1, 0] {
        let import = bench.import(Wanted::Local, Some(&folder));
        import.run(file(text), pending()).await.unwrap();
        import.report.finish();
        assert_eq!(import.pictures.tally.stored.load(Ordering::Relaxed), stored);
        assert_eq!(bench.complaints().len(), 2, "the damaged one and the one outside");
    }
    let held = bench.shop.held.lock().unwrap();
    assert_eq!(held.pictures.len(), 2, "320 and 640 wide");
    let a = &held.products["A"].pictures;
    assert_eq!((a.len(), a[0].width, a[0].height, a[0].widths.as_slice()), (1, 640, 457, &[320, 640][..]));
    assert_eq!((held.products["B"].variants[0].picture, &held.products["B"].pictures[0].key), (Some(0), &a[0].key));
}

#[tokio::test]
async fn pictures_from_a_host_that_does_not_answer_cost_no_product() {
    let bench = Bench::new().await;
    let text: String = (0..30)
        .map(|n| {
            format!("{{\"sku\":\"S{n}\",\"title\":\"T\",\"price\":1,\"images\":[\"http://127.0.0.1:9/{n}.jpg\"]}}\n")
        })
        .collect();
    let import = bench.import(Wanted::All, None);
    assert_eq!(import.run(file(&text), pending()).await.unwrap().created, 30);
    import.report.finish();
    assert!(bench.complaints().len() <= 12, "said once a host, not once a product");
    assert!(bench.complaints().iter().any(|(_, reason)| reason.contains("not tried")));
}

#[tokio::test]
async fn a_drawn_catalogue_comes_with_pictures() {
    let bench = Bench::new().await;
    let import = bench.import(Wanted::Local, None);
    let outcome = import.run(seed::open(1, 12), pending()).await.unwrap();
    assert_eq!(outcome.created, 12);
    let held = bench.shop.held.lock().unwrap();
    assert!(held.products.values().all(|product| product.pictures.len() == 1));
    assert!(held.pictures.keys().any(|path| path.ends_with("/1280.jpg")));
}

#[tokio::test]
async fn the_luma_set_is_read_with_its_pictures() {
    let bench = Bench::new().await;
    let folder = bench.folder.path().join("luma");
    std::fs::create_dir_all(folder.join("img")).unwrap();
    image::RgbImage::new(330, 400).save(folder.join("img/x.jpg")).unwrap();
    let json = r#"[{"sku":"MJ90","name":"A jacket","category":"Men/Tops/Jackets","price":99.0,"description":"Warm.",
        "attributes":"material=Wool","variants":15,"image":"img/x.jpg"},{"sku":"","name":"No number","price":1}]"#;
    std::fs::write(folder.join(luma::FILE), json).unwrap();
    let defaults = Defaults { currency: Currency::Usd, seller: "Kasuwa".to_owned(), stock: 0 };
    let (source, count) = luma::open(&folder, defaults).unwrap();
    let outcome = bench.import(Wanted::Local, Some(&folder)).run(source, pending()).await.unwrap();
    assert_eq!((count, outcome.created, outcome.rejected), (2, 1, 1));
    let held = bench.shop.held.lock().unwrap();
    assert_eq!(held.products["MJ90"].variants.len(), 15);
    assert_eq!(held.products["MJ90"].pictures[0].widths, [320]);
}

#[test]
fn a_file_is_counted_as_it_is_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.jsonl");
    std::fs::write(&path, many(10)).unwrap();
    let read = Arc::new(AtomicU64::new(0));
    assert_eq!(Rows::open(&path, Arc::clone(&read)).unwrap().count(), 10);
    assert_eq!(read.load(Ordering::Relaxed), std::fs::metadata(&path).unwrap().len());
}
