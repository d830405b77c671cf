//! Flash sales in D1: read for shoppers, written for operators. A sale's object is told first and D1 last, so that a sale that shoppers
//! see has its queue; whatever dies in between, the same command again puts it right.

use domain::admission::{Commitment, Draw, Terms};
use domain::ids::{ProductId, SaleId, Sku};
use domain::money::{Currency, Money};
use domain::sale::{Named, Prices, Sale, SaleProduct};
use domain::stock::Quantity;
use domain::time::{Millis, Timestamp};
use domain::wire::{SaleDraft, SaleDraftProduct, SaleDraftVariant, SaleList, SaleReport};
use serde::Deserialize;
use uuid::Uuid;
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement};

use super::{Known, forget, refused};
use crate::catalogue::{self, d1};
use crate::context::Context;
use crate::durable::client::{self, AdmissionAnswer, AdmissionAsk};
use crate::error::Error;

/// Most sales in a list.
const LIST_MAX: u32 = 100;

/// A sale with its products as one row; `{filter}` follows.
const SELECT: &str = "SELECT sale.*, (
    SELECT json_group_array(json_object('product_id', product_id, 'units_max', units_max, 'variants', (
      SELECT json_group_array(json_object('sku', sku, 'price_minor', price_minor, 'currency', currency))
      FROM (SELECT * FROM sale_price WHERE sale_price.sale_id = on_sale.sale_id
              AND sale_price.product_id = on_sale.product_id ORDER BY position))))
    FROM (SELECT * FROM sale_product WHERE sale_product.sale_id = sale.id ORDER BY position) AS on_sale) AS products
  FROM sale ";

#[derive(Deserialize)]
struct Row {
    id: SaleId,
    slug: String,
    title: String,
    gathers_at: Timestamp,
    starts_at: Timestamp,
    ends_at: Timestamp,
    rate: u32,
    pass_length: Millis,
    cancelled: u32,
    commitment: Commitment,
    draw: Option<String>,
    person_keys: String,
    version: u32,
    products: String,
}

#[derive(Deserialize)]
struct ProductRow {
    product_id: ProductId,
    units_max: Quantity,
    variants: Vec<VariantRow>,
}

#[derive(Deserialize)]
struct VariantRow {
    sku: Sku,
    price_minor: i64,
    currency: Currency,
}

impl VariantRow {
    fn draft(self) -> SaleDraftVariant {
        SaleDraftVariant { sku: self.sku, price: Money::new(self.price_minor, self.currency) }
    }
}

impl Row {
    fn products(&self) -> Result<Vec<ProductRow>, Error> {
        Ok(serde_json::from_str(&self.products)?)
    }

    fn draw(&self) -> Result<Option<Draw>, Error> {
        Ok(self.draw.as_deref().map(serde_json::from_str).transpose()?)
    }

    fn draft(&self) -> Result<SaleDraft, Error> {
        let products = self.products()?.into_iter().map(|row| SaleDraftProduct {
            units_max: row.units_max,
            variants: row.variants.into_iter().map(VariantRow::draft).collect(),
        });
        Ok(SaleDraft {
            id: self.id,
            slug: self.slug.clone(),
            title: self.title.clone(),
            gathers_at: self.gathers_at,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            rate: self.rate,
            pass_length_ms: self.pass_length,
            products: products.collect(),
        })
    }

    fn known(self) -> Result<Known, Error> {
        let price = |row: VariantRow| (row.sku, Money::new(row.price_minor, row.currency));
        let products = self.products()?.into_iter().map(|row| SaleProduct {
            product_id: row.product_id,
            prices: row.variants.into_iter().map(price).collect::<Prices>(),
            units_max: row.units_max,
        });
        let terms = Terms {
            sale_id: self.id,
            gathers_at: self.gathers_at,
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            rate: self.rate,
            pass_length: self.pass_length,
        };
        Ok(Known {
            draw: self.draw()?,
            commitment: self.commitment,
            person_keys: self.person_keys.parse().map_err(|error| Error::bug(format!("a sale's keys: {error}")))?,
            version: self.version,
            sale: Sale {
                slug: self.slug,
                title: self.title,
                terms,
                products: products.collect(),
                is_cancelled: self.cancelled == 1,
            },
        })
    }

    fn report(self, joined: Option<u32>, now: Timestamp) -> Result<SaleReport, Error> {
        let (sale, commitment, is_drawn) = (self.draft()?, self.commitment, self.draw.is_some());
        let phase = self.known()?.sale.phase(now);
        Ok(SaleReport { sale, phase, commitment, joined, is_drawn })
    }
}

/// The sales that are not over at `now`, and those of which a pass may still be open; the next one first.
pub(super) async fn current(context: &Context, now: Timestamp) -> Result<Vec<Known>, Error> {
    let query = format!("{SELECT} WHERE ends_at + pass_length > ?1 ORDER BY starts_at, id");
    rows(context.db()?.prepare(query).bind(&[number(now.as_millis())])?).await?.into_iter().map(Row::known).collect()
}

/// A sale by its page's name.
pub(super) async fn by_slug(context: &Context, slug: &str) -> Result<Option<Known>, Error> {
    row(context, slug).await?.map(Row::known).transpose()
}

/// Every sale, the one that starts last first.
pub(crate) async fn list(context: &Context) -> Result<SaleList, Error> {
    let query = format!("{SELECT} ORDER BY starts_at DESC, id DESC LIMIT {LIST_MAX}");
    let now = context.now();
    let sales = rows(context.db()?.prepare(query)).await?.into_iter().map(|row| row.report(None, now));
    Ok(SaleList { sales: sales.collect::<Result<_, _>>()? })
}

/// One sale, and how many have joined.
pub(crate) async fn report(context: &Context, slug: &str) -> Result<SaleReport, Error> {
    let row = row(context, slug).await?.ok_or_else(|| Error::not_found("sale"))?;
    let answer = client::admission(context, row.id, &AdmissionAsk::Read).await?.map_err(refused)?;
    let report = row.report(Some(answer.joined), context.now())?;
    Ok(SaleReport { is_drawn: answer.draw.is_some(), ..report })
}

/// Cancels a sale: nobody joins or is let in any more, and its products are sold as always.
pub(crate) async fn cancel(context: &Context, slug: &str) -> Result<SaleReport, Error> {
    let row = row(context, slug).await?.ok_or_else(|| Error::not_found("sale"))?;
    client::admission(context, row.id, &AdmissionAsk::Cancel).await?.map_err(refused)?;
    let update = "UPDATE sale SET cancelled = 1, version = version + 1 WHERE id = ?1 AND cancelled = 0";
    context.db()?.prepare(update).bind(&[text(&row.id.to_string())])?.run().await.map_err(d1)?;
    forget();
    report(context, slug).await
}

/// Makes the sale be so. The same again changes nothing.
pub(crate) async fn set(context: &Context, draft: &SaleDraft) -> Result<SaleReport, Error> {
    let draft = SaleDraft { title: draft.title.trim().to_owned(), ..draft.clone() };
    let slug = draft.slug.clone();
    let problems = draft.problems();
    if !problems.is_empty() {
        return Err(Error::invalid_fields(problems));
    }
    let before = row_of(context, draft.id).await?;
    if before.as_ref().is_some_and(|row| row.cancelled == 1) {
        return Err(invalid("id", "this sale was cancelled; make a new one".to_owned()));
    }
    let before = before.map(|row| row.draft()).transpose()?;
    if before.as_ref() != Some(&draft) {
        if draft.ends_at <= context.now() {
            return Err(invalid("ends_at", "it is over".to_owned()));
        }
        if let Some(other) = row(context, &slug).await?.filter(|other| other.id != draft.id) {
            return Err(invalid("slug", format!("sale {} has it; send that id to change it", other.id)));
        }
        let named = named(context, draft).await?;
        // By the names that products have in the catalogue, it may be the same after all.
        if before.as_ref() != Some(&named.draft) {
            let answer = open(context, &named.draft).await?;
            write(context, &named, &answer).await?;
            forget();
        }
    }
    report(context, &slug).await
}

async fn open(context: &Context, draft: &SaleDraft) -> Result<AdmissionAnswer, Error> {
    let ask = AdmissionAsk::Open { terms: draft.terms() };
    client::admission(context, draft.id, &ask).await?.map_err(refused)
}

/// What a draft names, if the shop sells it for more, and it is in no other sale then.
async fn named(context: &Context, draft: SaleDraft) -> Result<Named, Error> {
    let skus: Vec<&Sku> =
        draft.products.iter().flat_map(|product| &product.variants).map(|variant| &variant.sku).collect();
    let sellable = catalogue::sellable(context, &skus).await?;
    let named = draft.named(&sellable).map_err(|problems| invalid("products", problems.join("; ")))?;
    let draft = &named.draft;
    let last_pass = draft.ends_at + draft.pass_length_ms;
    for other in current(context, draft.gathers_at).await?.into_iter().map(|known| known.sale) {
        let overlaps = other.id() != draft.id && !other.is_cancelled && other.terms.gathers_at < last_pass;
        if overlaps && named.products.iter().any(|id| other.product(*id).is_some()) {
            let problem = format!("sale {:?} has one of these products at the same time", other.slug);
            return Err(invalid("products", problem));
        }
    }
    Ok(named)
}

async fn write(context: &Context, named: &Named, answer: &AdmissionAnswer) -> Result<(), Error> {
    let commitment = answer.commitment.ok_or_else(|| Error::bug("an open sale has no commitment"))?;
    let db = context.db()?;
    let draft = &named.draft;
    let id = text(&draft.id.to_string());
    let mut statements = vec![
        db.prepare(
            "INSERT INTO sale (id, slug, title, gathers_at, starts_at, ends_at, rate, pass_length, commitment, person_keys, version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1)
             ON CONFLICT (id) DO UPDATE SET slug = excluded.slug, title = excluded.title, gathers_at = excluded.gathers_at,
               starts_at = excluded.starts_at, ends_at = excluded.ends_at, rate = excluded.rate,
               pass_length = excluded.pass_length, commitment = excluded.commitment, version = version + 1",
        )
        .bind(&[
            id.clone(),
            text(&draft.slug),
            text(&draft.title),
            number(draft.gathers_at.as_millis()),
            number(draft.starts_at.as_millis()),
            number(draft.ends_at.as_millis()),
            number(draft.rate.into()),
            number(draft.pass_length_ms.0),
            text(&commitment.to_string()),
            text(&new_keys()),
        ])?,
        db.prepare("DELETE FROM sale_price WHERE sale_id = ?1").bind(std::slice::from_ref(&id))?,
        db.prepare("DELETE FROM sale_product WHERE sale_id = ?1").bind(std::slice::from_ref(&id))?,
    ];
    for (position, (product, product_id)) in (0..).zip(draft.products.iter().zip(&named.products)) {
        let product_id = text(&product_id.to_string());
        statements.push(write_product(&db, &id, &product_id, position, product.units_max)?);
        for (position, variant) in (0..).zip(&product.variants) {
            statements.push(write_price(&db, &id, &product_id, position, variant)?);
        }
    }
    db.batch(statements).await.map_err(d1)?;
    Ok(())
}

fn write_product(
    db: &D1Database,
    sale_id: &JsValue,
    product_id: &JsValue,
    position: i64,
    units_max: Quantity,
) -> Result<D1PreparedStatement, Error> {
    let insert = "INSERT INTO sale_product (sale_id, product_id, position, units_max) VALUES (?1, ?2, ?3, ?4)";
    let units_max = number(units_max.get().into());
    Ok(db.prepare(insert).bind(&[sale_id.clone(), product_id.clone(), number(position), units_max])?)
}

fn write_price(
    db: &D1Database,
    sale_id: &JsValue,
    product_id: &JsValue,
    position: i64,
    variant: &SaleDraftVariant,
) -> Result<D1PreparedStatement, Error> {
    let SaleDraftVariant { sku, price } = variant;
    let insert = "INSERT INTO sale_price (sale_id, product_id, position, sku, price_minor, currency)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    Ok(db.prepare(insert).bind(&[
        sale_id.clone(),
        product_id.clone(),
        number(position),
        text(sku.as_str()),
        number(price.amount_minor),
        text(price.currency.code()),
    ])?)
}

/// Keys that belong to one sale: they outlive a change of the shop's, which must not give anybody a second place.
fn new_keys() -> String {
    format!("sale:{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

async fn row(context: &Context, slug: &str) -> Result<Option<Row>, Error> {
    let query = format!("{SELECT} WHERE slug = ?1");
    Ok(rows(context.db()?.prepare(query).bind(&[text(slug)])?).await?.into_iter().next())
}

async fn row_of(context: &Context, id: SaleId) -> Result<Option<Row>, Error> {
    let query = format!("{SELECT} WHERE id = ?1");
    Ok(rows(context.db()?.prepare(query).bind(&[text(&id.to_string())])?).await?.into_iter().next())
}

async fn rows(statement: D1PreparedStatement) -> Result<Vec<Row>, Error> {
    statement.all().await.and_then(|result| result.results()).map_err(d1)
}

fn text(value: &str) -> JsValue {
    JsValue::from_str(value)
}

#[expect(clippy::cast_precision_loss, reason = "amounts and times stay below 2^53")]
fn number(value: i64) -> JsValue {
    JsValue::from_f64(value as f64)
}

fn invalid(field: &str, problem: String) -> Error {
    Error::invalid_fields([(field.to_owned(), problem)].into())
}
