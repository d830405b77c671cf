//! What the shop takes and gives beside its prices: read from D1 for carts and checkouts, written for operators. What follows from it,
//! [`domain::pricing`] decides.

use std::cell::RefCell;

use domain::pricing::{CouponCode, CouponRefusal, Promotion, Rules};
use domain::time::{Millis, Timestamp};
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use worker::wasm_bindgen::JsValue;

use crate::catalogue::d1;
use crate::context::Context;
use crate::error::{Error, Rejection};
use crate::site;

/// How long what was read of the rules is believed.
const FRESH: Millis = Millis::seconds(2);

/// D1 takes at most 2 MB for one value; a chunk stays well below.
const CHUNK_BYTES_MAX: usize = 1_000_000;

thread_local! {
    static KNOWN: RefCell<Option<(Timestamp, Rules)>> = const { RefCell::new(None) };
}

#[derive(Deserialize)]
struct Row {
    kind: String,
    body: String,
}

/// One rule as D1 takes it apart again with `json_each`.
#[derive(Serialize)]
struct RuleJson<'r> {
    kind: &'static str,
    position: usize,
    code: Option<&'r CouponCode>,
    body: String,
}

/// What applies by itself, at most two seconds old, and the promotion of a code that was typed, as it is now.
pub(crate) async fn rules(context: &Context, coupon: Option<&CouponCode>) -> Result<Rules, Error> {
    let kept = KNOWN.with_borrow(Clone::clone).filter(|(at, _)| context.now() - *at < FRESH);
    let mut rules = match kept {
        Some((_, rules)) => rules,
        None => {
            let rules = read(context, "WHERE code IS NULL").await?;
            KNOWN.set(Some((context.now(), rules.clone())));
            rules
        }
    };
    if let Some(code) = coupon {
        rules.promotions.extend(of_code(context, code).await?);
    }
    Ok(rules)
}

/// Every rule, coupons included.
pub(crate) async fn all(context: &Context) -> Result<Rules, Error> {
    read(context, "").await
}

async fn read(context: &Context, filter: &str) -> Result<Rules, Error> {
    let query = format!("SELECT kind, body FROM pricing_rule {filter} ORDER BY kind, position");
    let rows: Vec<Row> = context.db()?.prepare(query).all().await.and_then(|result| result.results()).map_err(d1)?;
    let mut rules = Rules::default();
    for row in rows {
        match row.kind.as_str() {
            "tax" => rules.taxes.push(body(&row)?),
            "delivery" => rules.delivery.push(body(&row)?),
            "promotion" => rules.promotions.push(body(&row)?),
            other => return Err(Error::bug(format!("{other:?} is no kind of rule"))),
        }
    }
    Ok(rules)
}

fn body<T: DeserializeOwned>(row: &Row) -> Result<T, Error> {
    serde_json::from_str(&row.body)
        .map_err(|error| Error::bug(format!("a {} rule does not read back: {error}", row.kind)))
}

async fn of_code(context: &Context, code: &CouponCode) -> Result<Option<Promotion>, Error> {
    let row: Option<Row> = context
        .db()?
        .prepare("SELECT kind, body FROM pricing_rule WHERE code = ?1")
        .bind(&[JsValue::from_str(code.as_str())])?
        .first(None)
        .await
        .map_err(d1)?;
    row.as_ref().map(body).transpose()
}

/// The code in `text`, if there is such a promotion and this is its time. What else it needs depends on the cart, and the cart says so.
pub(crate) async fn coupon(context: &Context, text: &str) -> Result<CouponCode, Error> {
    let code: CouponCode =
        text.parse().map_err(|error| refused("coupon_invalid", format!("This is no code: {error}.")))?;
    let promotion = of_code(context, &code).await?;
    let refusal = promotion.map_or(Some(CouponRefusal::Unknown), |promotion| promotion.hour_refusal(context.now()));
    match refusal {
        None => Ok(code),
        Some(refusal) => {
            let kind = match &refusal {
                CouponRefusal::NotYet(_) => "coupon_not_yet",
                CouponRefusal::Over(_) => "coupon_over",
                CouponRefusal::Unknown
                | CouponRefusal::OtherCurrency(_)
                | CouponRefusal::NothingMeant
                | CouponRefusal::BelowMinimum { .. }
                | CouponRefusal::Beaten(_)
                | CouponRefusal::SavesNothing => "coupon_unknown",
            };
            Err(refused(kind, format!("{code}: {refusal}.")))
        }
    }
}

fn refused(code: &'static str, detail: String) -> Error {
    Rejection::new(StatusCode::UNPROCESSABLE_ENTITY, code, "This code takes nothing off", detail).into()
}

/// Makes the rules be so, and nothing else of them. The same again changes nothing.
pub(crate) async fn set(context: &Context, rules: &Rules) -> Result<Rules, Error> {
    let problems = rules.problems();
    if !problems.is_empty() {
        return Err(Error::invalid_fields([("rules".to_owned(), problems.join("; "))].into()));
    }
    if all(context).await? != *rules {
        write(context, rules).await?;
    }
    KNOWN.set(None);
    site::forget();
    all(context).await
}

async fn write(context: &Context, rules: &Rules) -> Result<(), Error> {
    let db = context.db()?;
    let mut statements = vec![db.prepare("DELETE FROM pricing_rule")];
    for chunk in chunks(rules)? {
        let insert = "INSERT INTO pricing_rule (kind, position, code, body)
                      SELECT value ->> 'kind', value ->> 'position', value ->> 'code', value ->> 'body' FROM json_each(?1)";
        statements.push(db.prepare(insert).bind(&[JsValue::from_str(&chunk)])?);
    }
    // What delivery costs stands on products' pages.
    statements.push(db.prepare("UPDATE catalogue SET version = version + 1"));
    db.batch(statements).await.map_err(d1)?;
    Ok(())
}

/// The rules as JSON lists of at most [`CHUNK_BYTES_MAX`], or one rule.
fn chunks(rules: &Rules) -> Result<Vec<String>, Error> {
    let mut written = Vec::new();
    let mut write = |kind, position, code, body: serde_json::Result<String>| -> Result<(), Error> {
        written.push(serde_json::to_string(&RuleJson { kind, position, code, body: body? })?);
        Ok(())
    };
    for (position, rule) in rules.taxes.iter().enumerate() {
        write("tax", position, None, serde_json::to_string(rule))?;
    }
    for (position, zone) in rules.delivery.iter().enumerate() {
        write("delivery", position, None, serde_json::to_string(zone))?;
    }
    for (position, promotion) in rules.promotions.iter().enumerate() {
        write("promotion", position, promotion.code.as_ref(), serde_json::to_string(promotion))?;
    }
    let mut chunks: Vec<String> = Vec::new();
    for rule in written {
        match chunks.last_mut() {
            Some(chunk) if chunk.len() + rule.len() < CHUNK_BYTES_MAX => {
                chunk.push(',');
                chunk.push_str(&rule);
            }
            Some(_) | None => chunks.push(rule),
        }
    }
    Ok(chunks.into_iter().map(|chunk| format!("[{chunk}]")).collect())
}
