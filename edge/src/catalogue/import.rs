//! Writing the catalogue: batches of products from an import.
//!
//! A batch is one D1 transaction of a few statements over JSON, whatever its size. Products are named by SKU; what has not changed
//! is not written. `opening_stock` counts until something of a product is sold or moved (`product.stock_phase`): until then another one
//! replaces it, and only Stock objects that took the one before are told. What a Stock object counts, no import changes.

use std::collections::{HashMap, HashSet};

use domain::ids::{ProductId, Sku};
use domain::money::Money;
use domain::wire::{IMPORT_BATCH_MAX, ImportBatch, ImportProduct, ImportRejection, ImportReport};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use worker::wasm_bindgen::JsValue;

use super::{d1, slug, snapshot_key};
use crate::context::Context;
use crate::durable::client::{self, StockAsk};
use crate::error::Error;
use crate::log;

/// Deepest category path.
pub(crate) const CATEGORY_DEPTH_MAX: usize = 6;

const TITLE_LENGTH_MAX: usize = 500;
const DESCRIPTION_BYTES_MAX: usize = 64 * 1024;
const NAME_LENGTH_MAX: usize = 120;
const ATTRIBUTES_MAX: usize = 200;
const VARIANTS_MAX: usize = 250;
const PICTURES_MAX: usize = 30;
/// `product.stock_phase`: the Stock object took the opening balance, or counts by itself.
const STOCK_OPENED: u8 = 1;
const STOCK_COUNTED: u8 = 2;
/// D1 takes at most 2 MB for one value; a chunk stays well below.
const CHUNK_BYTES_MAX: usize = 1_000_000;

/// One product as D1 takes it apart again with `json_each`.
#[derive(Serialize)]
struct ProductJson<'p> {
    id: ProductId,
    sku: &'p Sku,
    slug: String,
    title: &'p str,
    description: &'p str,
    brand: Option<&'p str>,
    category: &'p [String],
    category_path: String,
    price_minor: i64,
    currency: &'static str,
    attributes: &'p [(String, String)],
    pictures: &'p [domain::wire::Picture],
    codes: &'p [String],
    seller: &'p str,
    content_hash: String,
    status: &'static str,
    rating_hundredths: Option<u16>,
    rating_count: u32,
    sold: u32,
    weight_grams: u32,
    variants: Vec<VariantJson<'p>>,
}

#[derive(Serialize)]
struct VariantJson<'p> {
    sku: &'p Sku,
    options: &'p [(String, String)],
    price_minor: i64,
    stock: u32,
    picture: Option<u32>,
}

/// Writes a batch, and says what became of each product.
pub(crate) async fn write(context: &Context, batch: &ImportBatch) -> Result<ImportReport, Error> {
    if batch.products.len() > IMPORT_BATCH_MAX {
        return Err(Error::bad_request("batch_too_large", format!("send at most {IMPORT_BATCH_MAX} products at once")));
    }
    let mut report = ImportReport::default();
    let taken = taken_skus(context, batch).await?;
    let mut seen = HashSet::new();
    let mut chunk = Vec::new();
    let mut chunk_bytes = 0;
    for (index, product) in batch.products.iter().enumerate() {
        if let Err(reason) = check(product, &taken, &mut seen) {
            report.rejected.push(ImportRejection { index, sku: product.sku.to_string(), reason });
            continue;
        }
        let json = serde_json::to_string(&row(context, product)?)?;
        if chunk_bytes + json.len() > CHUNK_BYTES_MAX && !chunk.is_empty() {
            write_chunk(context, &chunk, &mut report).await?;
            chunk.clear();
            chunk_bytes = 0;
        }
        chunk_bytes += json.len();
        chunk.push(json);
    }
    if !chunk.is_empty() {
        write_chunk(context, &chunk, &mut report).await?;
    }
    Ok(report)
}

/// Variants' SKUs in the batch that other products have already.
async fn taken_skus(context: &Context, batch: &ImportBatch) -> Result<HashMap<Sku, Sku>, Error> {
    #[derive(Deserialize)]
    struct Row {
        sku: Sku,
        product_sku: Sku,
    }
    let skus: Vec<&Sku> =
        batch.products.iter().flat_map(|product| product.variants.iter().map(|variant| &variant.sku)).collect();
    let rows: Vec<Row> = context
        .db()?
        .prepare(
            "SELECT variant.sku, product.sku AS product_sku FROM variant JOIN product ON product.id = product_id
             WHERE variant.sku IN (SELECT value FROM json_each(?1))",
        )
        .bind(&[JsValue::from_str(&serde_json::to_string(&skus)?)])?
        .all()
        .await
        .and_then(|result| result.results())
        .map_err(d1)?;
    Ok(rows.into_iter().map(|row| (row.sku, row.product_sku)).collect())
}

fn check<'p>(product: &'p ImportProduct, taken: &HashMap<Sku, Sku>, seen: &mut HashSet<&'p Sku>) -> Result<(), String> {
    let title_length = product.title.chars().count();
    if product.title.trim().is_empty() || title_length > TITLE_LENGTH_MAX {
        return Err(format!("title: write 1 to {TITLE_LENGTH_MAX} characters, not {title_length}"));
    }
    if product.description.len() > DESCRIPTION_BYTES_MAX {
        return Err(format!("description: at most {DESCRIPTION_BYTES_MAX} bytes"));
    }
    let prices = product.variants.iter().map(|variant| variant.price_minor).chain([product.price.amount_minor]);
    if prices.into_iter().any(|price| !(0..=Money::AMOUNT_MINOR_MAX).contains(&price)) {
        return Err("price: must not be negative, nor beyond 2^53 minor units".to_owned());
    }
    if product.category.len() > CATEGORY_DEPTH_MAX {
        return Err(format!("category: at most {CATEGORY_DEPTH_MAX} levels"));
    }
    let too_long = |name: &String| name.trim().is_empty() || name.chars().count() > NAME_LENGTH_MAX;
    if product.category.iter().chain(&product.brand).chain([&product.seller]).any(too_long) {
        return Err(format!("category, brand and seller: names of 1 to {NAME_LENGTH_MAX} characters"));
    }
    for (what, count, max) in [
        ("attributes", product.attributes.len(), ATTRIBUTES_MAX),
        ("variants", product.variants.len(), VARIANTS_MAX),
        ("images", product.pictures.len(), PICTURES_MAX),
    ] {
        if count > max {
            return Err(format!("{what}: at most {max}, not {count}"));
        }
    }
    if product.rating.is_some_and(|rating| !rating.is_possible()) {
        return Err("rating: from 1 to 5 stars, by one person or more".to_owned());
    }
    if product.variants.is_empty() {
        return Err("variants: at least one".to_owned());
    }
    for sku in product.variants.iter().map(|variant| &variant.sku) {
        if let Some(other) = taken.get(sku).filter(|other| **other != product.sku) {
            return Err(format!("variant {sku} belongs to product {other}"));
        }
        if !seen.insert(sku) {
            return Err(format!("variant {sku} comes twice"));
        }
    }
    Ok(())
}

fn row<'p>(context: &Context, product: &'p ImportProduct) -> Result<ProductJson<'p>, Error> {
    Ok(ProductJson {
        id: ProductId(context.new_id()),
        sku: &product.sku,
        slug: slug::of_product(&product.title, product.sku.as_str()),
        title: product.title.trim(),
        description: product.description.trim(),
        brand: product.brand.as_deref(),
        category: &product.category,
        category_path: category_path(&product.category),
        price_minor: product.price.amount_minor,
        currency: product.price.currency.code(),
        attributes: &product.attributes,
        pictures: &product.pictures,
        codes: &product.codes,
        seller: &product.seller,
        content_hash: content_hash(product)?,
        status: product.status.as_str(),
        rating_hundredths: product.rating.map(|rating| rating.hundredths),
        rating_count: product.rating.map_or(0, |rating| rating.count),
        sold: product.sold,
        weight_grams: product.weight_grams,
        variants: product
            .variants
            .iter()
            .map(|variant| VariantJson {
                sku: &variant.sku,
                options: &variant.options,
                price_minor: variant.price_minor,
                stock: variant.stock,
                picture: variant.picture,
            })
            .collect(),
    })
}

/// Of everything that an import may change, which stock and units sold are not.
fn content_hash(product: &ImportProduct) -> Result<String, Error> {
    let mut product = ImportProduct { sold: 0, ..product.clone() };
    for variant in &mut product.variants {
        variant.stock = 0;
    }
    Ok(hex::encode(Sha256::digest(serde_json::to_vec(&product)?)))
}

fn category_path(names: &[String]) -> String {
    names.iter().map(|name| slug::of_name(name)).collect::<Vec<_>>().join("/")
}

async fn write_chunk(context: &Context, products: &[String], report: &mut ImportReport) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Written {
        slug: String,
        version: u32,
    }
    #[derive(Deserialize)]
    struct Restocked {
        id: ProductId,
        stock_phase: u8,
    }
    let json = JsValue::from_str(&format!("[{}]", products.join(",")));
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact in a float for 285,000 years")]
    let now = JsValue::from_f64(context.now().as_millis() as f64);
    let db = context.db()?;
    // The variants' statements look at `content_hash`, so that they see just the products that the first statement wrote.
    let statements = vec![
        // Before anything is written: whose opening balance is another one now.
        db.prepare(
            "SELECT DISTINCT product.id, product.stock_phase
             FROM json_each(?1) AS p, json_each(p.value, '$.variants') AS v
             JOIN variant ON variant.sku = v.value ->> 'sku' JOIN product ON product.id = variant.product_id
             WHERE variant.opening_stock <> v.value ->> 'stock'",
        )
        .bind(std::slice::from_ref(&json))?,
        db.prepare(
            "INSERT INTO product (id, sku, slug, title, description, brand, category, category_path, price_minor, currency,
                                  attributes, pictures, codes, seller, content_hash, status, rating_hundredths, rating_count,
                                  units_sold, weight_grams, version, created_at, updated_at)
             SELECT p.value ->> 'id', p.value ->> 'sku', p.value ->> 'slug', p.value ->> 'title',
                    p.value ->> 'description', p.value ->> 'brand', p.value -> 'category', p.value ->> 'category_path',
                    p.value ->> 'price_minor', p.value ->> 'currency', p.value -> 'attributes', p.value -> 'pictures',
                    p.value -> 'codes', p.value ->> 'seller', p.value ->> 'content_hash', p.value ->> 'status',
                    p.value ->> 'rating_hundredths', p.value ->> 'rating_count', p.value ->> 'sold', p.value ->> 'weight_grams', 1, ?2, ?2
             FROM json_each(?1) AS p WHERE true
             ON CONFLICT (sku) DO UPDATE SET
               title = excluded.title, description = excluded.description, brand = excluded.brand,
               category = excluded.category, category_path = excluded.category_path,
               price_minor = excluded.price_minor, currency = excluded.currency, attributes = excluded.attributes,
               pictures = excluded.pictures, codes = excluded.codes, seller = excluded.seller,
               status = excluded.status, rating_hundredths = excluded.rating_hundredths,
               rating_count = excluded.rating_count, weight_grams = excluded.weight_grams,
               content_hash = excluded.content_hash, version = version + 1, updated_at = excluded.updated_at
             WHERE product.content_hash <> excluded.content_hash
             RETURNING slug, version",
        )
        .bind(&[json.clone(), now.clone()])?,
        db.prepare(
            "DELETE FROM variant WHERE product_id IN (
               SELECT product.id FROM json_each(?1) AS p JOIN product ON product.sku = p.value ->> 'sku')
             AND sku NOT IN (
               SELECT v.value ->> 'sku' FROM json_each(?1) AS p, json_each(p.value, '$.variants') AS v)",
        )
        .bind(std::slice::from_ref(&json))?,
        db.prepare(
            "INSERT INTO variant (sku, product_id, position, options, price_minor, opening_stock, available, picture)
             SELECT v.value ->> 'sku', product.id, v.key, v.value -> 'options', v.value ->> 'price_minor',
                    v.value ->> 'stock', v.value ->> 'stock', v.value ->> 'picture'
             FROM json_each(?1) AS p, json_each(p.value, '$.variants') AS v
             JOIN product ON product.sku = p.value ->> 'sku' WHERE true
             ON CONFLICT (sku) DO UPDATE SET
               position = excluded.position, options = excluded.options, price_minor = excluded.price_minor,
               picture = excluded.picture,
               opening_stock = iif((SELECT stock_phase FROM product WHERE id = variant.product_id) = 2,
                                   opening_stock, excluded.opening_stock),
               available = iif((SELECT stock_phase FROM product WHERE id = variant.product_id) = 0,
                               excluded.opening_stock, available)
             WHERE position <> excluded.position OR options <> excluded.options
                OR price_minor <> excluded.price_minor OR picture IS NOT excluded.picture
                OR (opening_stock <> excluded.opening_stock
                    AND (SELECT stock_phase FROM product WHERE id = variant.product_id) <> 2)",
        )
        .bind(&[json])?,
    ];
    let results = db.batch(statements).await.map_err(d1)?;
    let [restocked, written, ..] = results.as_slice() else { return Err(Error::bug("a batch without results")) };
    let (restocked, written): (Vec<Restocked>, Vec<Written>) = (restocked.results()?, written.results()?);
    let created = written.iter().filter(|row| row.version == 1).count();
    let updated: Vec<&Written> = written.iter().filter(|row| row.version > 1).collect();
    report.created += count(created);
    report.updated += count(updated.len());
    report.unchanged += count(products.len() - written.len());
    for row in updated {
        context.snapshots()?.delete(&snapshot_key(&row.slug)).await?;
    }
    report.restocked += count(restocked.iter().filter(|row| row.stock_phase < STOCK_COUNTED).count());
    report.stock_kept += count(restocked.iter().filter(|row| row.stock_phase == STOCK_COUNTED).count());
    // Only objects that took the balance before are woken: open pages hear of it through them.
    let opened = restocked.iter().filter(|row| row.stock_phase == STOCK_OPENED);
    let told = opened.map(|row| async { (row.id, client::stock(context, row.id, StockAsk::Read).await) });
    for (id, outcome) in join_all(told).await {
        if let Err(error) = outcome {
            // Whoever asks it next makes it look.
            log::warn("stock of an import", format!("{id}: {error:?}"));
        }
    }
    Ok(())
}

/// Recounts categories and gives the catalogue a new version, so that every listing shows what was written.
pub(crate) async fn finish(context: &Context) -> Result<(), Error> {
    #[derive(Deserialize)]
    struct Row {
        category: String,
        product_count: u32,
    }
    #[derive(Default, Serialize)]
    struct Counted {
        path: String,
        name: String,
        parent: String,
        product_count: u32,
    }
    let db = context.db()?;
    let rows: Vec<Row> = db
        .prepare("SELECT category, count(*) AS product_count FROM product WHERE status = 'active' GROUP BY category")
        .all()
        .await
        .and_then(|result| result.results())
        .map_err(d1)?;
    let mut counted: HashMap<String, Counted> = HashMap::new();
    for row in rows {
        let names: Vec<String> = serde_json::from_str(&row.category)?;
        for depth in 1..=names.len() {
            let path = category_path(&names[..depth]);
            let entry = counted.entry(path.clone()).or_insert_with(|| Counted {
                path,
                name: names[depth - 1].clone(),
                parent: category_path(&names[..depth - 1]),
                product_count: 0,
            });
            entry.product_count += row.product_count;
        }
    }
    let json = JsValue::from_str(&serde_json::to_string(&counted.into_values().collect::<Vec<_>>())?);
    context
        .db()?
        .batch(vec![
            db.prepare("DELETE FROM category"),
            db.prepare(
                "INSERT INTO category (path, name, parent, product_count)
                 SELECT value ->> 'path', value ->> 'name', value ->> 'parent', value ->> 'product_count'
                 FROM json_each(?1)",
            )
            .bind(&[json])?,
            db.prepare(
                "UPDATE catalogue SET version = version + 1,
                   product_count = (SELECT count(*) FROM product WHERE status = 'active'),
                   brand_count = (SELECT count(DISTINCT brand) FROM product WHERE status = 'active')",
            ),
        ])
        .await
        .map_err(d1)?;
    Ok(())
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
