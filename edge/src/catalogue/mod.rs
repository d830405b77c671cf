//! The catalogue: products from KV snapshots or D1, categories, and what an import writes.

pub(crate) mod changes;
pub(crate) mod import;
pub(crate) mod slug;

use domain::ids::{ProductId, Sku};
use domain::money::{Currency, Money};
use domain::sale::Sellable;
use domain::time::Timestamp;
use domain::wire::{CataloguePage, CatalogueProduct, ImportProduct, ImportVariant, Picture, ProductStatus, Rating};
use serde::{Deserialize, Serialize};
use worker::wasm_bindgen::JsValue;

use crate::context::Context;
use crate::error::Error;

/// A product as its page and the API show it, without its stock. Named by its `version`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) id: ProductId,
    pub(crate) sku: Sku,
    pub(crate) slug: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) brand: Option<String>,
    /// Names from the top.
    pub(crate) category: Vec<String>,
    /// Slugs joined by `/`.
    pub(crate) category_path: String,
    pub(crate) price: Money,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) pictures: Vec<Picture>,
    pub(crate) codes: Vec<String>,
    pub(crate) seller: String,
    /// `None` when nobody rated it.
    #[serde(default)]
    pub(crate) rating: Option<Rating>,
    /// Weight of one; 0 when nobody knows.
    #[serde(default)]
    pub(crate) weight_grams: u32,
    /// Counts changes from 1.
    pub(crate) version: u32,
    /// Never empty.
    pub(crate) variants: Vec<Variant>,
}

/// What is bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Variant {
    pub(crate) sku: Sku,
    /// What sets it apart: `[("Size", "M")]`.
    pub(crate) options: Vec<(String, String)>,
    pub(crate) price_minor: i64,
    /// Index into the product's pictures.
    pub(crate) picture: Option<u32>,
}

impl Variant {
    /// `M, Blue`; empty for the only variant.
    pub(crate) fn title(&self) -> String {
        self.options.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// A variant as a cart needs it: today's price, and what its line says.
#[derive(Debug, Clone)]
pub(crate) struct Article {
    pub(crate) product_id: ProductId,
    pub(crate) sku: Sku,
    pub(crate) slug: String,
    /// The product's title.
    pub(crate) title: String,
    /// [`Variant::title`].
    pub(crate) variant: String,
    pub(crate) brand: Option<String>,
    /// Names from the top.
    pub(crate) category: Vec<String>,
    pub(crate) price: Money,
    /// A hint; the Stock object knows.
    pub(crate) available: u32,
    pub(crate) picture: Option<Picture>,
    pub(crate) seller: String,
    /// Weight of one; 0 when nobody knows.
    pub(crate) weight_grams: u32,
    /// Whether its price is that of a flash sale.
    pub(crate) is_reduced: bool,
}

impl Article {
    /// Product and variant in one.
    pub(crate) fn full_title(&self) -> String {
        if self.variant.is_empty() { self.title.clone() } else { format!("{}, {}", self.title, self.variant) }
    }
}

/// A product for a shelf on the home page.
#[derive(Debug, Clone)]
pub(crate) struct Card {
    pub(crate) slug: String,
    pub(crate) title: String,
    pub(crate) brand: Option<String>,
    /// Names from the top.
    pub(crate) category: Vec<String>,
    /// Of the cheapest variant.
    pub(crate) price: Money,
    /// Whether other variants cost more.
    pub(crate) price_is_lowest: bool,
    pub(crate) picture: Option<Picture>,
    /// Of all variants.
    pub(crate) available: u32,
}

/// A category with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Category {
    /// Slugs joined by `/`.
    pub(crate) path: String,
    pub(crate) name: String,
    /// Path of the one above, empty at the top.
    pub(crate) parent: String,
    pub(crate) product_count: u32,
}

/// What every anonymous page depends on.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct State {
    /// Changes whenever anything in the catalogue does.
    pub(crate) version: u32,
    pub(crate) product_count: u32,
}

#[derive(Deserialize)]
struct ProductRow {
    id: ProductId,
    sku: Sku,
    slug: String,
    title: String,
    description: String,
    brand: Option<String>,
    category: String,
    category_path: String,
    price_minor: i64,
    currency: Currency,
    attributes: String,
    pictures: String,
    codes: String,
    seller: String,
    version: u32,
    created_at: i64,
    status: ProductStatus,
    rating_hundredths: Option<u16>,
    rating_count: u32,
    units_sold: u32,
    weight_grams: u32,
    variants: String,
}

#[derive(Deserialize)]
struct VariantRow {
    sku: Sku,
    options: Vec<(String, String)>,
    price_minor: i64,
    opening_stock: u32,
    available: u32,
    picture: Option<u32>,
}

/// A product with its variants as one row; `{filter}` follows.
const SELECT_PRODUCTS: &str = "SELECT product.*, (
    SELECT json_group_array(json_object('sku', sku, 'options', json(options), 'price_minor', price_minor,
                                        'opening_stock', opening_stock, 'available', available, 'picture', picture))
    FROM (SELECT * FROM variant WHERE variant.product_id = product.id ORDER BY position)) AS variants
  FROM product ";

impl ProductRow {
    fn variants(&self) -> Result<Vec<VariantRow>, Error> {
        Ok(serde_json::from_str(&self.variants)?)
    }

    fn snapshot(self) -> Result<Snapshot, Error> {
        let variants = self.variants()?;
        Ok(Snapshot {
            price: Money::new(self.price_minor, self.currency),
            category: serde_json::from_str(&self.category)?,
            attributes: serde_json::from_str(&self.attributes)?,
            pictures: serde_json::from_str(&self.pictures)?,
            codes: serde_json::from_str(&self.codes)?,
            variants: variants
                .into_iter()
                .map(|row| Variant {
                    sku: row.sku,
                    options: row.options,
                    price_minor: row.price_minor,
                    picture: row.picture,
                })
                .collect(),
            id: self.id,
            sku: self.sku,
            slug: self.slug,
            title: self.title,
            description: self.description,
            brand: self.brand,
            category_path: self.category_path,
            seller: self.seller,
            rating: self.rating_hundredths.map(|hundredths| Rating { hundredths, count: self.rating_count }),
            weight_grams: self.weight_grams,
            version: self.version,
        })
    }

    fn for_index(self) -> Result<CatalogueProduct, Error> {
        let created_at = Timestamp(self.created_at);
        let (status, sold) = (self.status, self.units_sold);
        let variants = self.variants()?;
        let snapshot = self.snapshot()?;
        Ok(CatalogueProduct {
            id: snapshot.id,
            slug: snapshot.slug,
            created_at,
            available: variants.iter().map(|row| row.available).fold(0, u32::saturating_add),
            product: ImportProduct {
                sku: snapshot.sku,
                title: snapshot.title,
                description: snapshot.description,
                brand: snapshot.brand,
                category: snapshot.category,
                price: snapshot.price,
                attributes: snapshot.attributes,
                pictures: snapshot.pictures,
                codes: snapshot.codes,
                seller: snapshot.seller,
                status,
                rating: snapshot.rating,
                sold,
                weight_grams: snapshot.weight_grams,
                variants: variants
                    .into_iter()
                    .map(|row| ImportVariant {
                        sku: row.sku,
                        options: row.options,
                        price_minor: row.price_minor,
                        stock: row.opening_stock,
                        picture: row.picture,
                    })
                    .collect(),
            },
        })
    }
}

/// A product by its page's name: from KV, or from D1 into KV. A hidden one is as good as none.
pub(crate) async fn product(context: &Context, slug: &str) -> Result<Option<Snapshot>, Error> {
    if !slug::is_well_formed(slug) {
        return Ok(None);
    }
    let key = snapshot_key(slug);
    if let Some(snapshot) = context.snapshots()?.get(&key).json::<Snapshot>().await? {
        return Ok(Some(snapshot));
    }
    let row: Option<ProductRow> = context
        .db()?
        .prepare(format!("{SELECT_PRODUCTS} WHERE slug = ?1 AND status = 'active'"))
        .bind(&[JsValue::from_str(slug)])?
        .first(None)
        .await
        .map_err(d1)?;
    let Some(row) = row else { return Ok(None) };
    let snapshot = row.snapshot()?;
    context.snapshots()?.put(&key, &snapshot)?.execute().await?;
    Ok(Some(snapshot))
}

/// Products by their ids, each with what D1 knows of its stock; hidden ones are left out, and the order is none in particular.
pub(crate) async fn products(context: &Context, ids: &[ProductId]) -> Result<Vec<(Snapshot, Vec<(Sku, u32)>)>, Error> {
    let rows: Vec<ProductRow> = context
        .db()?
        .prepare(format!("{SELECT_PRODUCTS} WHERE id IN (SELECT value FROM json_each(?1)) AND status = 'active'"))
        .bind(&[JsValue::from_str(&serde_json::to_string(ids)?)])?
        .all()
        .await
        .and_then(|result| result.results())
        .map_err(d1)?;
    rows.into_iter()
        .map(|row| {
            let levels = row.variants()?.into_iter().map(|variant| (variant.sku, variant.available)).collect();
            Ok((row.snapshot()?, levels))
        })
        .collect()
}

/// How a product's snapshot is named in KV.
fn snapshot_key(slug: &str) -> String {
    format!("product:{slug}")
}

/// How many of each variant can be bought, as D1 knows: a moment behind the Stock object.
pub(crate) async fn availability(context: &Context, product_id: ProductId) -> Result<Vec<(Sku, u32)>, Error> {
    #[derive(Deserialize)]
    struct Row {
        sku: Sku,
        available: u32,
    }
    let rows: Vec<Row> = context
        .db()?
        .prepare("SELECT sku, available FROM variant WHERE product_id = ?1 ORDER BY position")
        .bind(&[JsValue::from_str(&product_id.to_string())])?
        .all()
        .await
        .and_then(|result| result.results())
        .map_err(d1)?;
    Ok(rows.into_iter().map(|row| (row.sku, row.available)).collect())
}

/// Whose variant that SKU is, sold now or not.
pub(crate) async fn product_of(context: &Context, sku: &Sku) -> Result<Option<ProductId>, Error> {
    #[derive(Deserialize)]
    struct Row {
        product_id: ProductId,
    }
    let row: Option<Row> = context
        .db()?
        .prepare("SELECT product_id FROM variant WHERE sku = ?1")
        .bind(&[JsValue::from_str(sku.as_str())])?
        .first(None)
        .await
        .map_err(d1)?;
    Ok(row.map(|row| row.product_id))
}

/// Every variant of every product that one of these SKUs names: a variant's, or a product's own. Hidden ones are left out.
pub(crate) async fn sellable(context: &Context, skus: &[&Sku]) -> Result<Vec<Sellable>, Error> {
    #[derive(Deserialize)]
    struct Row {
        product_id: ProductId,
        product_sku: Sku,
        sku: Sku,
        price_minor: i64,
        currency: Currency,
    }
    let rows: Vec<Row> = context
        .db()?
        .prepare(
            "WITH named AS (SELECT value AS sku FROM json_each(?1))
             SELECT product_id, product.sku AS product_sku, variant.sku, variant.price_minor, currency
             FROM variant JOIN product ON product.id = product_id
             WHERE status = 'active' AND product_id IN (
               SELECT product_id FROM variant WHERE sku IN (SELECT sku FROM named)
               UNION SELECT id FROM product WHERE sku IN (SELECT sku FROM named))
             ORDER BY product_id, position",
        )
        .bind(&[JsValue::from_str(&serde_json::to_string(skus)?)])?
        .all()
        .await
        .and_then(|result| result.results())
        .map_err(d1)?;
    let sellable = |row: Row| {
        let Row { product_id, product_sku, sku, price_minor, currency } = row;
        Sellable { product_id, product_sku, sku, price: Money::new(price_minor, currency) }
    };
    Ok(rows.into_iter().map(sellable).collect())
}

/// The articles with these SKUs, in no particular order; those that are not there, or not sold now, are left out.
pub(crate) async fn articles(context: &Context, skus: &[&Sku]) -> Result<Vec<Article>, Error> {
    #[derive(Deserialize)]
    struct Row {
        product_id: ProductId,
        sku: Sku,
        slug: String,
        title: String,
        options: String,
        brand: Option<String>,
        category: String,
        price_minor: i64,
        currency: Currency,
        available: u32,
        pictures: String,
        picture: Option<usize>,
        seller: String,
        weight_grams: u32,
    }
    if skus.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<Row> = context
        .db()?
        .prepare(
            "SELECT variant.product_id, variant.sku, slug, title, options, brand, category, variant.price_minor,
                    currency, available, pictures, picture, seller, weight_grams
             FROM variant JOIN product ON product.id = variant.product_id
             WHERE variant.sku IN (SELECT value FROM json_each(?1)) AND status = 'active'",
        )
        .bind(&[JsValue::from_str(&serde_json::to_string(skus)?)])?
        .all()
        .await
        .and_then(|result| result.results())
        .map_err(d1)?;
    rows.into_iter()
        .map(|row| {
            let pictures: Vec<Picture> = serde_json::from_str(&row.pictures)?;
            let options: Vec<(String, String)> = serde_json::from_str(&row.options)?;
            Ok(Article {
                product_id: row.product_id,
                slug: row.slug,
                title: row.title,
                variant: options.into_iter().map(|(_, value)| value).collect::<Vec<_>>().join(", "),
                brand: row.brand,
                category: serde_json::from_str(&row.category)?,
                price: Money::new(row.price_minor, row.currency),
                available: row.available,
                picture: pictures.get(row.picture.unwrap_or(0)).or(pictures.first()).cloned(),
                seller: row.seller,
                weight_grams: row.weight_grams,
                is_reduced: false,
                sku: row.sku,
            })
        })
        .collect()
}

/// The products that were added last.
pub(crate) async fn newest(context: &Context, count: u32) -> Result<Vec<Card>, Error> {
    #[derive(Deserialize)]
    struct Row {
        slug: String,
        title: String,
        brand: Option<String>,
        category: String,
        lowest_minor: i64,
        highest_minor: i64,
        currency: Currency,
        pictures: String,
        available: u32,
    }
    let rows: Vec<Row> = context
        .db()?
        .prepare(
            "SELECT slug, title, brand, category, currency, pictures, min(variant.price_minor) AS lowest_minor,
                    max(variant.price_minor) AS highest_minor, sum(available) AS available
             FROM (SELECT * FROM product WHERE status = 'active' ORDER BY created_at DESC, id DESC LIMIT ?1) AS product
             JOIN variant ON variant.product_id = product.id
             GROUP BY product.id ORDER BY created_at DESC, product.id DESC",
        )
        .bind(&[JsValue::from_f64(f64::from(count))])?
        .all()
        .await
        .and_then(|result| result.results())
        .map_err(d1)?;
    rows.into_iter()
        .map(|row| {
            let pictures: Vec<Picture> = serde_json::from_str(&row.pictures)?;
            Ok(Card {
                slug: row.slug,
                title: row.title,
                brand: row.brand,
                category: serde_json::from_str(&row.category)?,
                price: Money::new(row.lowest_minor, row.currency),
                price_is_lowest: row.highest_minor > row.lowest_minor,
                picture: pictures.into_iter().next(),
                available: row.available,
            })
        })
        .collect()
}

/// The outermost categories, largest first.
pub(crate) async fn top_categories(context: &Context) -> Result<Vec<Category>, Error> {
    context
        .db()?
        .prepare("SELECT path, name, parent, product_count FROM category WHERE parent = '' ORDER BY product_count DESC, name LIMIT 24")
        .all()
        .await
        .and_then(|result| result.results())
        .map_err(d1)
}

/// The categories from the top to `path`, outermost first; empty if there is no such category.
pub(crate) async fn category_trail(context: &Context, path: &str) -> Result<Vec<Category>, Error> {
    if !path.split('/').all(slug::is_well_formed) || path.split('/').count() > import::CATEGORY_DEPTH_MAX {
        return Ok(Vec::new());
    }
    let paths: Vec<&str> = path.match_indices('/').map(|(end, _)| &path[..end]).chain([path]).collect();
    let trail: Vec<Category> = context
        .db()?
        .prepare(
            "SELECT path, name, parent, product_count FROM category
             WHERE path IN (SELECT value FROM json_each(?1)) ORDER BY length(path)",
        )
        .bind(&[JsValue::from_str(&serde_json::to_string(&paths)?)])?
        .all()
        .await
        .and_then(|result| result.results())
        .map_err(d1)?;
    Ok(if trail.len() == paths.len() { trail } else { Vec::new() })
}

/// The catalogue's version.
pub(crate) async fn state(context: &Context) -> Result<State, Error> {
    context
        .db()?
        .prepare("SELECT version, product_count FROM catalogue")
        .first(None)
        .await
        .map_err(d1)?
        .ok_or_else(|| Error::bug("the catalogue has no state"))
}

/// A part of the catalogue for the index, in order of id. Hidden products are not in it.
pub(crate) async fn page(context: &Context, after: Option<ProductId>, limit: u32) -> Result<CataloguePage, Error> {
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let db = context.db()?;
    // One batch is one transaction: the page shows every change up to the sequence read with it.
    let results = db
        .batch(vec![
            db.prepare(changes::SELECT_LAST_SEQ),
            db.prepare(format!("{SELECT_PRODUCTS} WHERE id > ?1 AND status = 'active' ORDER BY id LIMIT ?2"))
                .bind(&[JsValue::from_str(&after), JsValue::from_f64(f64::from(limit))])?,
        ])
        .await
        .map_err(d1)?;
    let [last_seq, rows] = results.as_slice() else { return Err(Error::bug("a batch without results")) };
    let change_seq = changes::last_seq_of(last_seq)?;
    let rows: Vec<ProductRow> = rows.results().map_err(d1)?;
    let full = rows.len() == limit as usize;
    let products = rows.into_iter().map(ProductRow::for_index).collect::<Result<Vec<_>, _>>()?;
    let next = products.last().filter(|_| full).map(|last| last.id);
    Ok(CataloguePage { products, next, change_seq })
}

/// A D1 failure. A database without tables means that its migrations were not applied, so the log says how.
pub(crate) fn d1(error: worker::Error) -> Error {
    let text = error.to_string();
    let hint = if text.contains("no such table") { " (apply the migrations: `cargo xtask dev` does)" } else { "" };
    Error::fault("d1", format!("{text}{hint}"))
}
