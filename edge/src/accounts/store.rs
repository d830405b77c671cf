//! Accounts in D1. Every statement names whose row it is; what has to happen together goes in one batch, which is one transaction.

use domain::account::{self, Tries, Try};
use domain::ids::{CartId, OrderId, ShopperId};
use domain::money::Currency;
use domain::order::OrderStatus;
use domain::time::Timestamp;
use domain::wire::OrderLine;
use serde::{Deserialize, Serialize};
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement, Env};

use crate::catalogue::d1;
use crate::context::{Context, now};
use crate::error::Error;

/// A row of `shopper`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Account {
    pub(crate) id: ShopperId,
    /// As it was typed.
    pub(crate) email: String,
    pub(super) email_key: String,
    /// May be empty.
    pub(crate) name: String,
    pub(super) password: String,
    pub(crate) cart_id: CartId,
    pub(crate) created_at: Timestamp,
}

/// Somebody who is signed in: their account, and the session that shows it.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) account: Account,
    pub(super) token_hash: String,
    pub(super) seen_at: Timestamp,
}

#[derive(Deserialize)]
struct MemberRow {
    id: ShopperId,
    email: String,
    email_key: String,
    name: String,
    password: String,
    cart_id: CartId,
    created_at: Timestamp,
    token_hash: String,
    seen_at: Timestamp,
}

/// A session that is about to begin.
pub(super) struct NewSession<'a> {
    pub(super) token_hash: &'a str,
    pub(super) device: &'a str,
    pub(super) now: Timestamp,
}

/// Somewhere that somebody is signed in.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Device {
    pub(super) token_hash: String,
    /// `Firefox on Linux`.
    pub(crate) device: String,
    pub(crate) created_at: Timestamp,
    /// To the hour.
    pub(crate) seen_at: Timestamp,
}

/// An order in a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OrderSummary {
    pub(crate) order_id: OrderId,
    pub(crate) status: OrderStatus,
    pub(crate) total_minor: i64,
    pub(crate) currency: Currency,
    pub(crate) placed_at: Timestamp,
    pub(crate) lines: Vec<OrderLine>,
}

#[derive(Deserialize)]
struct OrderRow {
    order_id: OrderId,
    status: OrderStatus,
    total_minor: i64,
    currency: Currency,
    placed_at: Timestamp,
    lines: String,
}

#[derive(Deserialize)]
struct CountRow {
    count: u32,
    first: Option<Timestamp>,
}

fn text(text: impl ToString) -> JsValue {
    JsValue::from_str(&text.to_string())
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are exact in a float for 285,000 years")]
fn moment(at: Timestamp) -> JsValue {
    JsValue::from_f64(at.as_millis() as f64)
}

/// Counts a try, and reads how many there were and whose address it is.
pub(super) async fn count_try(
    context: &Context,
    of: Try,
    email_key: &str,
    now: Timestamp,
) -> Result<(Tries, Option<Account>), Error> {
    let db = context.db()?;
    let what = what(context, of, email_key)?;
    let results = db
        .batch(vec![
            db.prepare("INSERT INTO account_try (what, tried_at) VALUES (?1, ?2)").bind(&[text(&what), moment(now)])?,
            db.prepare(
                "SELECT count(*) AS count, min(tried_at) AS first FROM account_try WHERE what = ?1 AND tried_at > ?2",
            )
            .bind(&[text(&what), moment(now - account::TRIES_WINDOW)])?,
            by_email_statement(&db, email_key)?,
        ])
        .await
        .map_err(d1)?;
    let rows = |index: usize| results.get(index).ok_or_else(|| Error::bug("a batch without results"));
    let counted: Vec<CountRow> = rows(1)?.results().map_err(d1)?;
    let found: Vec<Account> = rows(2)?.results().map_err(d1)?;
    let tries = counted.into_iter().next().map(|row| Tries { count: row.count, first: row.first.unwrap_or(now) });
    Ok((tries.unwrap_or_default(), found.into_iter().next()))
}

/// Forgets tries: the last one was right.
pub(super) async fn forget_tries(context: &Context, of: Try, email_key: &str) -> Result<(), Error> {
    forget_tries_statement(context, &context.db()?, of, email_key)?.run().await.map_err(d1)?;
    Ok(())
}

fn forget_tries_statement(
    context: &Context,
    db: &D1Database,
    of: Try,
    email_key: &str,
) -> Result<D1PreparedStatement, Error> {
    let forget = db.prepare("DELETE FROM account_try WHERE what = ?1");
    Ok(forget.bind(&[text(what(context, of, email_key)?)])?)
}

/// What a row of `account_try` goes by: no address stands there.
fn what(context: &Context, of: Try, email_key: &str) -> Result<String, Error> {
    let keys = context.keyring("SHOPPER_KEYS")?;
    Ok(hex::encode(keys.digest("account try", &format!("{}\n{email_key}", of.as_str()))))
}

fn by_email_statement(db: &D1Database, email_key: &str) -> Result<D1PreparedStatement, Error> {
    Ok(db.prepare("SELECT * FROM shopper WHERE email_key = ?1").bind(&[text(email_key)])?)
}

/// The account of an address.
pub(super) async fn by_email(context: &Context, email_key: &str) -> Result<Option<Account>, Error> {
    by_email_statement(&context.db()?, email_key)?.first(None).await.map_err(d1)
}

/// Whether a cart is somebody else's for good.
pub(super) async fn is_anothers_cart(context: &Context, cart_id: CartId, id: ShopperId) -> Result<bool, Error> {
    let statement = context
        .db()?
        .prepare("SELECT 1 AS found FROM shopper WHERE cart_id = ?1 AND id <> ?2")
        .bind(&[text(cart_id), text(id)])?;
    Ok(statement.first::<u32>(Some("found")).await.map_err(d1)?.is_some())
}

/// Begins a session of whoever just gave the right password, forgets their tries, and renews the hash where `rehashed` has one.
pub(super) async fn sign_in(
    context: &Context,
    account: &Account,
    of: Try,
    rehashed: Option<&str>,
    session: &NewSession<'_>,
) -> Result<(), Error> {
    let db = context.db()?;
    let mut statements = vec![
        forget_tries_statement(context, &db, of, &account.email_key)?,
        // Not if the password was changed while we looked at it.
        db.prepare(
            "INSERT INTO session (token_hash, shopper_id, device, created_at, seen_at)
             SELECT ?1, id, ?2, ?3, ?3 FROM shopper WHERE id = ?4 AND password = ?5",
        )
        .bind(&[
            text(session.token_hash),
            text(session.device),
            moment(session.now),
            text(account.id),
            text(&account.password),
        ])?,
    ];
    if let Some(password) = rehashed {
        let renew = db.prepare("UPDATE shopper SET password = ?1 WHERE id = ?2 AND password = ?3");
        statements.push(renew.bind(&[text(password), text(account.id), text(&account.password)])?);
    }
    db.batch(statements).await.map_err(d1)?;
    Ok(())
}

/// Opens an account with its first session, unless the address has one meanwhile.
pub(super) async fn open(context: &Context, account: &Account, session: &NewSession<'_>) -> Result<bool, Error> {
    let db = context.db()?;
    let statements = vec![
        db.prepare(
            "INSERT INTO shopper (id, email, email_key, name, password, cart_id, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (email_key) DO NOTHING",
        )
        .bind(&[
            text(account.id),
            text(&account.email),
            text(&account.email_key),
            text(&account.name),
            text(&account.password),
            text(account.cart_id),
            moment(account.created_at),
        ])?,
        begin(&db, account.id, &account.password, session)?,
    ];
    begun(&db, statements).await
}

/// Gives an account a new password, if it still has the one of `before`; ends all its sessions and begins one.
pub(super) async fn reset_password(
    context: &Context,
    before: &Account,
    password: &str,
    session: &NewSession<'_>,
) -> Result<bool, Error> {
    let db = context.db()?;
    let statements = vec![
        db.prepare("UPDATE shopper SET password = ?1 WHERE id = ?2 AND password = ?3").bind(&[
            text(password),
            text(before.id),
            text(&before.password),
        ])?,
        db.prepare("DELETE FROM session WHERE shopper_id = (SELECT id FROM shopper WHERE id = ?1 AND password = ?2)")
            .bind(&[text(before.id), text(password)])?,
        forget_tries_statement(context, &db, Try::PasswordHere, &before.email_key)?,
        forget_tries_statement(context, &db, Try::PasswordElsewhere, &before.email_key)?,
        begin(&db, before.id, password, session)?,
    ];
    begun(&db, statements).await
}

/// A session of an account that has this very password: the salt tells it from every other time that it was chosen.
fn begin(
    db: &D1Database,
    id: ShopperId,
    password: &str,
    session: &NewSession<'_>,
) -> Result<D1PreparedStatement, Error> {
    Ok(db
        .prepare(
            "INSERT INTO session (token_hash, shopper_id, device, created_at, seen_at)
             SELECT ?1, id, ?2, ?3, ?3 FROM shopper WHERE id = ?4 AND password = ?5 RETURNING token_hash",
        )
        .bind(&[text(session.token_hash), text(session.device), moment(session.now), text(id), text(password)])?)
}

/// Runs statements of which the last begins a session; whether it began.
async fn begun(db: &D1Database, statements: Vec<D1PreparedStatement>) -> Result<bool, Error> {
    #[derive(Deserialize)]
    struct Begun {}
    let results = db.batch(statements).await.map_err(d1)?;
    let last = results.last().ok_or_else(|| Error::bug("a batch without results"))?;
    Ok(!last.results::<Begun>().map_err(d1)?.is_empty())
}

/// Who has this session, if it is not too old.
pub(super) async fn member(context: &Context, token_hash: &str, since: Timestamp) -> Result<Option<Member>, Error> {
    let row: Option<MemberRow> = context
        .db()?
        .prepare(
            "SELECT shopper.*, session.token_hash, session.seen_at FROM session JOIN shopper ON shopper.id = session.shopper_id
             WHERE session.token_hash = ?1 AND session.seen_at > ?2",
        )
        .bind(&[text(token_hash), moment(since)])?
        .first(None)
        .await
        .map_err(d1)?;
    Ok(row.map(|row| Member {
        account: Account {
            id: row.id,
            email: row.email,
            email_key: row.email_key,
            name: row.name,
            password: row.password,
            cart_id: row.cart_id,
            created_at: row.created_at,
        },
        token_hash: row.token_hash,
        seen_at: row.seen_at,
    }))
}

/// Notes that a session was used.
pub(super) async fn seen(context: &Context, token_hash: &str, now: Timestamp) -> Result<(), Error> {
    let statement = context.db()?.prepare("UPDATE session SET seen_at = ?1 WHERE token_hash = ?2");
    statement.bind(&[moment(now), text(token_hash)])?.run().await.map_err(d1)?;
    Ok(())
}

/// Where somebody is signed in, used last first.
pub(super) async fn devices(context: &Context, id: ShopperId, since: Timestamp) -> Result<Vec<Device>, Error> {
    context
        .db()?
        .prepare(
            "SELECT token_hash, device, created_at, seen_at FROM session
             WHERE shopper_id = ?1 AND seen_at > ?2 ORDER BY seen_at DESC, created_at DESC",
        )
        .bind(&[text(id), moment(since)])?
        .all()
        .await
        .and_then(|result| result.results())
        .map_err(d1)
}

/// Which sessions end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending<'a> {
    /// The one that asks.
    This,
    /// All others.
    Others,
    /// Every one.
    All,
    /// The one with this name.
    One(&'a str),
}

/// Ends sessions of whoever asks.
pub(super) async fn end(context: &Context, member: &Member, which: Ending<'_>) -> Result<(), Error> {
    let (condition, hash) = match which {
        Ending::This => ("token_hash = ?2", member.token_hash.as_str()),
        Ending::Others => ("token_hash <> ?2", member.token_hash.as_str()),
        Ending::All => ("?2 = ?2", ""),
        Ending::One(name) => ("substr(token_hash, 1, 16) = ?2", name),
    };
    let sql = format!("DELETE FROM session WHERE shopper_id = ?1 AND {condition}");
    context.db()?.prepare(sql).bind(&[text(member.account.id), text(hash)])?.run().await.map_err(d1)?;
    Ok(())
}

/// Changes a name.
pub(super) async fn rename(context: &Context, id: ShopperId, name: &str) -> Result<(), Error> {
    let statement = context.db()?.prepare("UPDATE shopper SET name = ?1 WHERE id = ?2");
    statement.bind(&[text(name), text(id)])?.run().await.map_err(d1)?;
    Ok(())
}

/// Changes a password, and ends all sessions but this one.
pub(super) async fn change_password(context: &Context, member: &Member, password: &str) -> Result<(), Error> {
    let db = context.db()?;
    let statements = vec![
        db.prepare("UPDATE shopper SET password = ?1 WHERE id = ?2")
            .bind(&[text(password), text(member.account.id)])?,
        db.prepare("DELETE FROM session WHERE shopper_id = ?1 AND token_hash <> ?2")
            .bind(&[text(member.account.id), text(&member.token_hash)])?,
    ];
    db.batch(statements).await.map_err(d1)?;
    Ok(())
}

/// Moves an account to another address, unless that has one; whether it did. The orders of the old address stay with it.
pub(super) async fn change_email(
    context: &Context,
    id: ShopperId,
    from_key: &str,
    email: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    #[derive(Deserialize)]
    struct Changed {}
    let db = context.db()?;
    let statements = vec![
        db.prepare(
            "INSERT INTO shopper_order (order_id, shopper_id, claimed_at)
             SELECT order_id, ?1, ?3 FROM order_summary
             WHERE lower(email) = ?2 AND EXISTS (SELECT 1 FROM shopper WHERE id = ?1 AND email_key = ?2)
             ON CONFLICT (order_id) DO NOTHING",
        )
        .bind(&[text(id), text(from_key), moment(now)])?,
        db.prepare(
            "UPDATE shopper SET email = ?3, email_key = ?4 WHERE id = ?1 AND email_key = ?2
             AND NOT EXISTS (SELECT 1 FROM shopper WHERE email_key = ?4) RETURNING id",
        )
        .bind(&[text(id), text(from_key), text(email), text(account::email_key(email))])?,
    ];
    let results = db.batch(statements).await.map_err(d1)?;
    let last = results.last().ok_or_else(|| Error::bug("a batch without results"))?;
    Ok(!last.results::<Changed>().map_err(d1)?.is_empty())
}

/// Gives what was ordered from a cart to an account.
pub(super) async fn claim_cart(context: &Context, id: ShopperId, cart_id: CartId) -> Result<(), Error> {
    context
        .db()?
        .prepare(
            "INSERT INTO shopper_order (order_id, shopper_id, claimed_at)
             SELECT order_id, ?1, ?3 FROM order_summary WHERE cart_id = ?2 ON CONFLICT (order_id) DO NOTHING",
        )
        .bind(&[text(id), text(cart_id), moment(now())])?
        .run()
        .await
        .map_err(d1)?;
    Ok(())
}

/// At most so many of an account's orders, the newest first: placed from its cart or with its address, or claimed. Whatever another account claimed is not
/// among them.
pub(super) async fn orders(context: &Context, account: &Account, max: u32) -> Result<Vec<OrderSummary>, Error> {
    let rows: Vec<OrderRow> = context
        .db()?
        .prepare(
            "SELECT order_id, status, total_minor, currency, placed_at, lines FROM order_summary
             WHERE (cart_id = ?1 OR lower(email) = ?2
                    OR order_id IN (SELECT order_id FROM shopper_order WHERE shopper_id = ?3))
               AND NOT EXISTS (SELECT 1 FROM shopper_order AS claimed
                               WHERE claimed.order_id = order_summary.order_id AND claimed.shopper_id <> ?3)
             ORDER BY placed_at DESC LIMIT ?4",
        )
        .bind(&[text(account.cart_id), text(&account.email_key), text(account.id), max.into()])?
        .all()
        .await
        .and_then(|result| result.results())
        .map_err(d1)?;
    let order = |row: OrderRow| {
        Ok(OrderSummary {
            order_id: row.order_id,
            status: row.status,
            total_minor: row.total_minor,
            currency: row.currency,
            placed_at: row.placed_at,
            lines: serde_json::from_str(&row.lines)?,
        })
    };
    rows.into_iter().map(order).collect()
}

/// Forgets an account. Its orders stay with the shop, which has to keep them, and belong to nobody.
pub(super) async fn delete(context: &Context, id: ShopperId) -> Result<(), Error> {
    let db = context.db()?;
    let of = |sql: &str| db.prepare(sql).bind(&[text(id)]);
    let statements = vec![
        of("DELETE FROM session WHERE shopper_id = ?1")?,
        of("DELETE FROM shopper_order WHERE shopper_id = ?1")?,
        of("DELETE FROM shopper WHERE id = ?1")?,
    ];
    db.batch(statements).await.map_err(d1)?;
    Ok(())
}

/// Forgets sessions that are over, and tries that no longer count.
pub(crate) async fn forget(env: &Env) -> Result<(), Error> {
    let db = env.d1("DB")?;
    let before = |sql: &str, at: Timestamp| db.prepare(sql).bind(&[moment(at)]);
    let statements = vec![
        before("DELETE FROM session WHERE seen_at <= ?1", now() - account::SESSION_LENGTH)?,
        before("DELETE FROM account_try WHERE tried_at <= ?1", now() - account::TRIES_WINDOW)?,
    ];
    db.batch(statements).await.map_err(d1)?;
    Ok(())
}
