//! Facets, totals, pages and orders against a model that looks at every product, over several segments with deletions.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tantivy::directory::OwnedBytes;
use tantivy::indexer::NoMergePolicy;
use tantivy::query::AllQuery;
use tantivy::schema::Value as _;
use tantivy::{Index, Searcher, TantivyDocument, Term};

use super::*;
use crate::answer::{FacetCount, Hit};
use crate::document::Document;
use crate::facet_choice::FacetChoice;
use crate::indexing::{Indexing, Rareness};
use crate::rank::{self, BusinessWeights, Ranking};
use crate::rows::Rows;
use crate::{analysis, schema};

const BRANDS: [&str; 4] = ["Baobab", "Kano", "Ọjà", "Zuma"];
const CATEGORIES: [&[&str]; 5] = [&["Audio"], &["Audio", "Head"], &["Audio", "Head", "In"], &["Audiobooks"], &[]];
const COLOURS: [&str; 3] = ["red", "blue", "white, grey"];

fn number(bounds: std::ops::Range<u32>) -> impl Strategy<Value = u32> {
    prop_oneof![Just(bounds.start), bounds]
}

fn product() -> impl Strategy<Value = Document> {
    let kind = (0..5_usize, prop::option::of(0..4_usize), prop::option::of(0..3_usize), prop::option::of(0..4_usize));
    let worth = (number(0..300), number(0..5), number(0..40), number(0..3));
    (kind, worth, prop::option::of((100..=500_u16, 1..40_u32))).prop_map(|(kind, worth, rating)| {
        let (category, brand, colour, size) = kind;
        let mut attributes = BTreeMap::new();
        attributes.extend(colour.map(|at| ("Colour".to_owned(), COLOURS[at].to_owned())));
        attributes.extend(size.map(|at| ("Size".to_owned(), format!("{} cm", [8, 16, 100, 9][at]))));
        Document {
            brand: brand.map(|at| BRANDS[at].to_owned()),
            category: CATEGORIES[category].iter().map(|name| (*name).to_owned()).collect(),
            attributes,
            price_minor: i64::from(worth.0) * 7,
            currency: if worth.0 % 9 == 8 { "USD" } else { "NGN" }.to_owned(),
            available: worth.1,
            sold: worth.2,
            created_at_ms: i64::from(worth.3) * 86_400_000,
            rating_hundredths: rating.map(|(rating, _)| rating),
            rating_count: rating.map_or(0, |(_, count)| count),
            ..Document::default()
        }
    })
}

fn request() -> impl Strategy<Value = Request> {
    let some = |values: &'static [&'static str]| {
        prop::collection::btree_set(prop::sample::select(values), 0..3)
            .prop_map(|chosen| chosen.into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    let sort = prop::sample::select(vec![
        Sort::Relevance,
        Sort::PriceAsc,
        Sort::PriceDesc,
        Sort::Newest,
        Sort::Rating,
        Sort::BestSelling,
    ]);
    let category = prop::option::of(prop::sample::select(vec!["Audio", "Audio/Head", "Audiobooks", "Aud", "/"]));
    let attributes = prop_oneof![
        3 => Just(BTreeMap::new()),
        4 => (some(&["red", "blue", "grey", "pink"]), some(&["8 cm", "9 cm", "100 cm"]), any::<bool>()).prop_map(
            |(colours, sizes, with_unknown)| {
                let mut attributes = BTreeMap::from([("Colour".to_owned(), colours), ("Size".to_owned(), sizes)]);
                if with_unknown {
                    attributes.insert("Smell".to_owned(), vec!["of roses".to_owned()]);
                    attributes.remove("Size");
                }
                attributes
            }
        ),
    ];
    let prices = (prop::option::of(0..1_000_i64), prop::option::of(0..1_500_i64));
    let others = (prices, prop::option::weighted(0.2, Just("NGN")), any::<bool>(), prop::option::of(1..=5_u8));
    let page = (1..6_u32, 1..20_u32);
    (some(&["Baobab", "Zuma", "Nobody"]), category, attributes, others, sort, page).prop_map(
        |(brands, category, attributes, others, sort, (page, per_page))| {
            let ((low, high), currency, available_only, min_stars) = others;
            Request {
                category: category.map(str::to_owned),
                brands,
                attributes,
                min_price_minor: low,
                max_price_minor: high.map(|high| high + low.unwrap_or(0)),
                currency: currency.map(str::to_owned),
                available_only,
                min_stars,
                sort,
                page,
                per_page,
                ..Request::default()
            }
        },
    )
}

/// Segments of products, some of which are deleted afterwards, and the products that are left.
struct Shop {
    searcher: Searcher,
    table: Arc<Table>,
    left: BTreeMap<usize, Document>,
}

fn shop(segments: Vec<Vec<Document>>, deleted: &BTreeSet<usize>) -> Shop {
    let (schema, fields) = schema::schema();
    let index = Index::create_in_ram(schema);
    for (name, analyser) in analysis::analysers() {
        index.tokenizers().register(name, analyser);
    }
    let mut writer = index.writer_with_num_threads(1, 15_000_000).unwrap();
    writer.set_merge_policy(Box::new(NoMergePolicy));
    let choice = FacetChoice::of(segments.iter().flatten());
    let rareness = Rareness::default();
    let mut indexing = Indexing::new(&fields, &choice, &rareness);
    let mut left = BTreeMap::new();
    for products in segments {
        for mut product in products {
            product.sku = format!("s{}", left.len());
            product.id = left.len().to_string();
            left.insert(left.len(), product.clone());
            writer.add_document(indexing.document(product).unwrap()).unwrap();
        }
        writer.commit().unwrap();
    }
    for id in deleted {
        writer.delete_term(Term::from_field_text(fields.code, &analysis::code(&format!("s{id}"))));
        left.remove(id);
    }
    writer.commit().unwrap();
    let searcher = index.reader().unwrap().searcher();
    let rows = searcher
        .segment_readers()
        .iter()
        .map(|segment| Arc::new(Rows::decode(OwnedBytes::new(Rows::read(segment).unwrap().encode())).unwrap()));
    let table = Arc::new(Table::new(rows.collect(), &BusinessWeights::default()));
    Shop { searcher, table, left }
}

impl Shop {
    fn find(&self, request: &Request) -> Found {
        self.searcher.search(&AllQuery, &Walk::new(self.table.clone(), request, true)).unwrap()
    }

    fn ids(&self, found: &Found) -> Vec<usize> {
        found.page.iter().map(|candidate| self.id(candidate.address)).collect()
    }

    fn id(&self, address: DocAddress) -> usize {
        let (_, fields) = schema::schema();
        let document: TantivyDocument = self.searcher.doc(address).unwrap();
        let card = document.get_first(fields.card).and_then(|value| value.as_bytes()).unwrap();
        serde_json::from_slice::<Hit>(card).unwrap().id.parse().unwrap()
    }

    /// Where the index has each product: its segments are not in the order in which they were written.
    fn places(&self) -> BTreeMap<usize, usize> {
        let segments = self.searcher.segment_readers().iter().enumerate();
        let addresses =
            segments.flat_map(|(at, segment)| (0..segment.max_doc()).map(move |doc| DocAddress::new(at as u32, doc)));
        addresses.enumerate().map(|(place, address)| (self.id(address), place)).collect()
    }

    /// The products that pass all filters but, if it is named, one.
    fn passing<'a>(&'a self, request: &'a Request, open: &'a str) -> impl Iterator<Item = (usize, &'a Document)> {
        self.left.iter().map(|(id, product)| (*id, product)).filter(move |(_, product)| {
            let wanted: Vec<&str> =
                request.category.iter().flat_map(|path| path.split('/')).filter(|n| !n.is_empty()).collect();
            let is_inside = product.category.len() >= wanted.len()
                && product.category.iter().zip(&wanted).all(|(name, wanted)| name == wanted);
            let low = request.min_price_minor.unwrap_or(0);
            let stars = if product.rating_count > 0 { product.rating_hundredths.unwrap_or(0) / 100 } else { 0 };
            is_inside
                && request.currency.as_ref().is_none_or(|code| *code == product.currency)
                && (open == "brand"
                    || request.brands.is_empty()
                    || product.brand.as_ref().is_some_and(|brand| request.brands.contains(brand)))
                && (open == "price"
                    || (low..=request.max_price_minor.unwrap_or(i64::MAX)).contains(&product.price_minor))
                && (open == "rating" || stars >= u16::from(request.min_stars.unwrap_or(0)))
                && (!request.available_only || product.available > 0)
                && request.attributes.iter().all(|(name, values)| {
                    open == name || values.is_empty() || values_of(product, name).any(|value| values.contains(&value))
                })
        })
    }
}

fn values_of(product: &Document, name: &str) -> impl Iterator<Item = String> + use<> {
    let text = product.attributes.get(name).cloned().unwrap_or_default();
    text.split(", ").filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>().into_iter()
}

fn key(sort: Sort, product: &Document, newest_ms: u64) -> [u64; 3] {
    let esteem = rank::esteem(u64::from(product.rating_hundredths.unwrap_or(0)), u64::from(product.rating_count));
    let (sold, created_ms) = (u64::from(product.sold), product.created_at_ms.unsigned_abs());
    let created_s = created_ms / 1_000;
    match sort {
        Sort::Relevance => {
            let standing = Standing { sold, esteem, is_available: product.available > 0, created_ms };
            let listed = Ranking::new(&BusinessWeights::default(), newest_ms).listed(standing);
            [u64::from(listed.to_bits()), created_s, 0]
        }
        Sort::PriceAsc => [u64::MAX - product.price_minor.unsigned_abs(), created_s, 0],
        Sort::PriceDesc => [product.price_minor.unsigned_abs(), created_s, 0],
        Sort::Newest => [created_ms, sold, 0],
        Sort::Rating => [esteem, sold, created_s],
        Sort::BestSelling => [sold, created_s, 0],
    }
}

fn counts(values: impl Iterator<Item = String>) -> BTreeMap<String, u64> {
    values.fold(BTreeMap::new(), |mut counts, value| {
        *counts.entry(value).or_default() += 1;
        counts
    })
}

fn listed(facet: &[FacetCount]) -> BTreeMap<String, u64> {
    let listed: BTreeMap<_, _> = facet.iter().map(|value| (value.value.clone(), value.count)).collect();
    assert_eq!(listed.len(), facet.len(), "a value is listed twice: {facet:?}");
    listed
}

fn with_chosen<'a>(
    mut counts: BTreeMap<String, u64>,
    chosen: impl IntoIterator<Item = &'a String>,
) -> BTreeMap<String, u64> {
    for value in chosen {
        counts.entry(value.clone()).or_default();
    }
    counts
}

fn check(shop: &Shop, places: &BTreeMap<usize, usize>, request: &Request) {
    let found = shop.find(request);
    let passing: Vec<(usize, &Document)> = shop.passing(request, "").collect();
    assert_eq!((found.matched, found.total), (shop.left.len() as u64, passing.len() as u64));

    let facets = &found.facets;
    let brands = counts(shop.passing(request, "brand").filter_map(|(_, product)| product.brand.clone()));
    assert_eq!(listed(&facets.brand), with_chosen(brands, &request.brands));
    let depth = request.category.as_deref().map_or(0, |path| path.split('/').filter(|name| !name.is_empty()).count());
    let below = passing.iter().filter(|(_, product)| product.category.len() > depth);
    let children = counts(below.map(|(_, product)| product.category[..=depth].join("/")));
    assert_eq!(listed(&facets.category), children);
    let prices: Vec<i64> = shop.passing(request, "price").map(|(_, product)| product.price_minor).collect();
    assert_eq!(facets.price.as_ref().map(|price| price.min_minor), prices.iter().min().copied());
    assert_eq!(facets.price.as_ref().map(|price| price.max_minor), prices.iter().max().copied());
    for range in facets.price.iter().flat_map(|price| &price.ranges) {
        let inside = prices.iter().filter(|price| (range.from_minor..=range.to_minor).contains(price));
        assert_eq!(inside.count() as u64, range.count);
    }
    for rating in &facets.rating {
        let rated = shop
            .passing(request, "rating")
            .filter(|(_, product)| product.rating_hundredths.unwrap_or(0) >= u16::from(rating.min_stars) * 100);
        assert_eq!(rated.count() as u64, rating.count);
    }
    assert_eq!(facets.in_stock, passing.iter().filter(|(_, product)| product.available > 0).count() as u64);
    for name in request.attributes.keys() {
        assert!(facets.attributes.iter().any(|facet| facet.name == *name), "{name} is filtered by but not listed");
    }
    // Sizes and colours may not have been worth a facet in every category: then they cannot be filtered by there.
    for facet in &facets.attributes {
        let values =
            counts(shop.passing(request, &facet.name).flat_map(|(_, product)| values_of(product, &facet.name)));
        let chosen = request.attributes.get(&facet.name);
        assert_eq!(listed(&facet.values), with_chosen(values, chosen.into_iter().flatten()), "{}", facet.name);
    }

    let newest_ms = shop.table.segments.iter().map(|rows| rows.created.greatest()).max().unwrap_or(0);
    let mut expected: Vec<_> =
        passing.iter().map(|(id, product)| (key(request.sort, product, newest_ms), *id)).collect();
    expected.sort_by_key(|(key, id)| (std::cmp::Reverse(*key), places[id]));
    let start = (request.depth() - request.per_page as usize).min(expected.len());
    let expected: Vec<usize> = expected[start..].iter().take(request.per_page as usize).map(|(_, id)| *id).collect();
    assert_eq!(shop.ids(&found), expected);

    let plain = shop.find(&Request { with_facets: false, ..request.clone() });
    assert_eq!((plain.total, plain.page, plain.facets), (found.total, found.page, Facets::default()));
}

/// Every attribute is worth a facet in every category of such a shop.
fn everything_to_choose_from() -> Vec<Document> {
    let product = |n: usize| Document {
        category: CATEGORIES[n % 5].iter().map(|name| (*name).to_owned()).collect(),
        attributes: BTreeMap::from([
            ("Colour".to_owned(), COLOURS[n / 5 % 3].to_owned()),
            ("Size".to_owned(), format!("{} cm", [8, 16, 100, 9][n / 5 % 4])),
        ]),
        currency: "NGN".to_owned(),
        ..Document::default()
    };
    (0..120).map(product).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn facets_totals_and_pages_are_those_of_counting_every_product(
        mut segments in prop::collection::vec(prop::collection::vec(product(), 1..40), 1..5),
        deleted in prop::collection::btree_set(0..400_usize, 0..200),
        requests in prop::collection::vec(request(), 12),
    ) {
        segments.insert(segments.len() / 2, everything_to_choose_from());
        let shop = shop(segments, &deleted);
        let places = shop.places();
        check(&shop, &places, &Request::default());
        check(&shop, &places, &Request { page: 2, ..Request::default() });
        for request in &requests {
            check(&shop, &places, request);
        }
    }
}

#[test]
fn prices_beyond_four_thousand_million_are_in_order_too() {
    let prices = [5, 1 << 40, 3, (1 << 32) + 1, u32::MAX.into(), 1 << 32, i64::MAX, 0];
    let product = |price_minor: i64| Document { price_minor, currency: "NGN".to_owned(), ..Document::default() };
    let shop = shop(
        vec![prices[..4].iter().copied().map(product).collect(), prices[4..].iter().copied().map(product).collect()],
        &BTreeSet::new(),
    );
    for sort in [Sort::PriceAsc, Sort::PriceDesc] {
        let found = shop.find(&Request { sort, ..Request::default() });
        let mut sorted: Vec<i64> = shop.ids(&found).into_iter().map(|id| prices[id]).collect();
        if sort == Sort::PriceDesc {
            sorted.reverse();
        }
        assert_eq!(sorted, [0, 3, 5, u32::MAX.into(), 1 << 32, (1 << 32) + 1, 1 << 40, i64::MAX]);
    }
}

#[test]
fn every_page_of_thousands_of_equal_products_holds_others() {
    let product = |n: i64| Document { price_minor: n % 3, currency: "NGN".to_owned(), ..Document::default() };
    let shop = shop((0..4).map(|_| (0..500).map(product).collect()).collect(), &(10..30).collect());
    for sort in [Sort::Relevance, Sort::PriceAsc, Sort::Newest] {
        let mut seen = BTreeSet::new();
        for page in 1..=34 {
            let found = shop.find(&Request { sort, page, per_page: 60, with_facets: false, ..Request::default() });
            assert_eq!(found.total, 1_980);
            assert_eq!(found.page.len(), if page < 34 { 60 } else { 0 }, "{page}");
            for id in shop.ids(&found) {
                assert!(seen.insert(id), "{sort:?}: product {id} is on two pages");
            }
        }
        assert_eq!(seen.len(), 1_980);
    }
}
