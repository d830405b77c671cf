//! What shoppers do with accounts, for pages and API alike. The rules are `domain::account`'s; here is what awaits.
//!
//! Nobody learns here whether an address has an account: an e-mail goes out either way, a password is looked at either way, and both
//! take as long. To open an account and to get back into one are the same: a link goes to the address, and whoever reads it chooses a
//! password. So no account is ever open whose address somebody else typed.
//!
//! A session is a random text that the browser has and D1 has the digest of. It ends when it is not used for 90 days, or when its owner
//! says so, here or anywhere else.

mod cookies;
mod links;
mod password;
mod store;

use std::collections::BTreeMap;

use domain::account::{SESSION_LENGTH, Tries, Try, email_key, name_problem, password_problem};
use domain::checkout::email_problem;
use domain::ids::{CartId, ShopperId};
use domain::time::{Millis, Timestamp};
use http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use sha2::{Digest, Sha256};

pub(crate) use self::cookies::{end_cookies, sign_in_cookies};
use self::links::Link;
use self::password::Verdict;
use self::store::NewSession;
pub(crate) use self::store::{Account, Device, Ending, Member, OrderSummary, forget};
use crate::context::Context;
use crate::error::{Error, Rejection};
use crate::mail::{self, Mail};
use crate::session::bearer;
use crate::{carts, limit, log};

/// Limits how often one network address may sign in and have links sent.
const LIMIT: &str = "ACCOUNT_LIMIT";
/// Most orders in a list. Whoever takes their data along gets all of them.
const ORDERS_MAX: u32 = 100;
/// How exactly it is known when a session was used.
const SEEN_STEP: Millis = Millis::minutes(60);

/// A session has begun.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) account: Account,
    /// What the browser keeps.
    pub(crate) token: String,
    /// The cart that the browser goes on with.
    pub(crate) cart_id: CartId,
}

/// Where somebody asks from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct From<'a> {
    pub(crate) headers: &'a HeaderMap,
    /// The cart of the browser that asks.
    pub(crate) cart_id: Option<CartId>,
}

impl Account {
    /// What to call its owner.
    pub(crate) fn called(&self) -> &str {
        if self.name.is_empty() { &self.email } else { &self.name }
    }
}

impl Device {
    /// What it goes by in a form.
    pub(crate) fn id(&self) -> &str {
        self.token_hash.get(..16).unwrap_or_default()
    }

    /// Whether it is where `member` is signed in.
    pub(crate) fn is_of(&self, member: &Member) -> bool {
        self.token_hash == member.token_hash
    }
}

impl Member {
    /// What tells this session from others, without giving anybody the session.
    pub(crate) fn session_id(&self) -> &str {
        &self.token_hash
    }
}

/// Who asks for a page, by the session in the cookie. A browser that never signed in costs nothing.
pub(crate) async fn member(context: &Context, headers: &HeaderMap) -> Result<Option<Member>, Error> {
    match cookies::session(headers) {
        Some(token) => of_session(context, token).await,
        None => Ok(None),
    }
}

/// Who asks the API, by the session that they bear. A cookie does not count: a page of another site could send it.
pub(crate) async fn bearer_member(context: &Context, headers: &HeaderMap) -> Result<Member, Error> {
    let found = match bearer(headers) {
        Some(token) => of_session(context, token).await?,
        None => None,
    };
    found.ok_or_else(signed_out)
}

/// What is asked for by whoever is not signed in any more.
pub(crate) fn signed_out() -> Error {
    Error::rejection(
        StatusCode::UNAUTHORIZED,
        "signed_out",
        "You are signed out",
        "Sign in, and do it again: nothing was changed.",
    )
}

async fn of_session(context: &Context, token: &str) -> Result<Option<Member>, Error> {
    let now = context.now();
    let member = store::member(context, &digest(token), now - SESSION_LENGTH).await?;
    if let Some(member) = &member
        && now - member.seen_at >= SEEN_STEP
    {
        let (later, token_hash) = (context.clone(), member.token_hash.clone());
        context.after_answer(async move {
            if let Err(error) = store::seen(&later, &token_hash, now).await {
                log::warn("session", format!("{error:?}"));
            }
        });
    }
    Ok(member)
}

/// Sends a link by which a password can be chosen: to open an account where the address has none, to get back into one where it has.
/// The address, as it was typed.
pub(crate) async fn send_link(context: &Context, headers: &HeaderMap, email: &str) -> Result<String, Error> {
    let email = checked_email(email)?;
    within_limit(context, headers).await?;
    let now = context.now();
    let (tries, found) = store::count_try(context, Try::Link, &email_key(&email), now).await?;
    if let Some(at) = tries.too_many(Try::Link) {
        return Err(too_many(
            "Five e-mails went to this address within half an hour. Open the link in the newest of them",
            at,
            now,
        ));
    }
    let link = links::password_link(&context.keyring("SHOPPER_KEYS")?, &email, found.as_ref(), now);
    let address = format!("{}/account/password/{link}", context.shop_url());
    let (subject, about) = match &found {
        Some(_) => (
            "Choose a new password",
            "With this link you choose a new password, and are signed in. Everybody else who is signed in to your account is signed out then.",
        ),
        None => ("Open your account", "With this link you choose a password, and your account is open."),
    };
    let text = format!(
        "{about}\n\n    {address}\n\nThe link is good for an hour, and once. If you did not ask for it, somebody mistyped their address: there is nothing \
         to do, and nothing changes.\n"
    );
    mail::send(context, &Mail { to: &email, subject: subject.to_owned(), text }).await?;
    Ok(email)
}

/// What a link leads to.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) email: String,
    /// `None` where the address has no account yet.
    pub(crate) account: Option<Account>,
}

/// What a link to choose a password is for, while it is good.
pub(crate) async fn open_link(context: &Context, link: &str) -> Result<Opened, Error> {
    let link = Link::read(link, context.now()).ok_or_else(bad_link)?;
    let account = store::by_email(context, &email_key(&link.email)).await?;
    if !link.is_for_password(&context.keyring("SHOPPER_KEYS")?, account.as_ref()) {
        return Err(bad_link());
    }
    Ok(Opened { email: link.email, account })
}

/// Chooses the password of a link's address, and signs in: in a new account, or in the one that there is, and nowhere else.
pub(crate) async fn choose_password(
    context: &Context,
    from: From<'_>,
    link: &str,
    name: &str,
    password: &str,
) -> Result<Begun, Error> {
    within_limit(context, from.headers).await?;
    let Opened { email, account: before } = open_link(context, link).await?;
    let name = name.trim();
    let mut problems = BTreeMap::new();
    if let Some(problem) = password_problem(password, &email) {
        problems.insert("password".to_owned(), problem);
    }
    if let Some(problem) = name_problem(name) {
        problems.insert("name".to_owned(), problem);
    }
    if !problems.is_empty() {
        return Err(Error::invalid_fields(problems));
    }
    let (hash, token, now) = (password::hash(password)?, new_token(), context.now());
    let token_hash = digest(&token);
    let session = NewSession { token_hash: &token_hash, device: &device(from.headers), now };
    let account = match before {
        Some(before) => {
            let is_done = store::reset_password(context, &before, &hash, &session).await?;
            if !is_done {
                return Err(bad_link());
            }
            Account { password: hash, ..before }
        }
        None => {
            let account = Account {
                id: ShopperId(context.new_id()),
                email_key: email_key(&email),
                email,
                name: name.to_owned(),
                password: hash,
                cart_id: CartId(context.new_id()),
                created_at: now,
            };
            if !store::open(context, &account, &session).await? {
                return Err(bad_link());
            }
            account
        }
    };
    begun(context, from, account, token).await
}

/// Signs in with a password.
pub(crate) async fn sign_in(context: &Context, from: From<'_>, email: &str, password: &str) -> Result<Begun, Error> {
    let email = checked_email(email)?;
    within_limit(context, from.headers).await?;
    let (key, now) = (email_key(&email), context.now());
    let of = if cookies::is_known(&context.keyring("SHOPPER_KEYS")?, from.headers, &key) {
        Try::PasswordHere
    } else {
        Try::PasswordElsewhere
    };
    let (tries, found) = store::count_try(context, of, &key, now).await?;
    refuse_too_many(tries, of, now)?;
    let verdict = password::verify(password, found.as_ref().map(|account| account.password.as_str()))?;
    let (Some(account), Verdict::Right | Verdict::RightAndOld) = (found, verdict) else { return Err(wrong_password()) };
    let rehashed = if verdict == Verdict::RightAndOld { Some(password::hash(password)?) } else { None };
    let token = new_token();
    let token_hash = digest(&token);
    let session = NewSession { token_hash: &token_hash, device: &device(from.headers), now };
    store::sign_in(context, &account, of, rehashed.as_deref(), &session).await?;
    begun(context, from, account, token).await
}

/// The session is there; what was in the browser's cart comes along.
async fn begun(context: &Context, from: From<'_>, account: Account, token: String) -> Result<Begun, Error> {
    // Whoever was signed in here before is not any more.
    if let Some(before) = cookies::session(from.headers)
        && let Some(before) = store::member(context, &digest(before), context.now() - SESSION_LENGTH).await?
    {
        store::end(context, &before, Ending::This).await?;
    }
    let cart_id = join_cart(context, &account, from.cart_id).await?;
    Ok(Begun { account, token, cart_id })
}

/// Makes a browser's cart part of the account's. One that a payment is under way with stays by itself until that is over; one of another
/// account stays theirs. The cart to go on with. May be repeated.
pub(crate) async fn join_cart(context: &Context, account: &Account, browsers: Option<CartId>) -> Result<CartId, Error> {
    let Some(browsers) = browsers.filter(|cart_id| *cart_id != account.cart_id) else { return Ok(account.cart_id) };
    if store::is_anothers_cart(context, browsers, account.id).await? {
        return Ok(account.cart_id);
    }
    store::claim_cart(context, account.id, browsers).await?;
    match carts::merge(context, browsers, account.cart_id).await {
        Ok(found) => Ok(found.cart_id),
        Err(Error::Rejection(rejection)) if rejection.code == carts::FROZEN => Ok(browsers),
        Err(error) => Err(error),
    }
}

/// Ends sessions.
pub(crate) async fn sign_out(context: &Context, member: &Member, which: Ending<'_>) -> Result<(), Error> {
    store::end(context, member, which).await
}

/// Where somebody is signed in.
pub(crate) async fn devices(context: &Context, member: &Member) -> Result<Vec<Device>, Error> {
    store::devices(context, member.account.id, context.now() - SESSION_LENGTH).await
}

/// The account's last orders, the newest first.
pub(crate) async fn orders(context: &Context, member: &Member) -> Result<Vec<OrderSummary>, Error> {
    store::orders(context, &member.account, ORDERS_MAX).await
}

/// Changes the name.
pub(crate) async fn rename(context: &Context, member: &Member, name: &str) -> Result<(), Error> {
    let name = name.trim();
    if let Some(problem) = name_problem(name) {
        return Err(invalid_field("name", problem));
    }
    store::rename(context, member.account.id, name).await
}

/// Changes the password, and signs out everywhere else.
pub(crate) async fn change_password(
    context: &Context,
    member: &Member,
    current: &str,
    password: &str,
) -> Result<(), Error> {
    confirm(context, member, current, "current").await?;
    if let Some(problem) = password_problem(password, &member.account.email) {
        return Err(invalid_field("password", problem));
    }
    store::change_password(context, member, &password::hash(password)?).await
}

/// Sends a link to another address, which moves the account there once it is opened, and tells the present one. The answer is the same
/// whether the other has an account.
pub(crate) async fn ask_to_move(
    context: &Context,
    member: &Member,
    email: &str,
    current: &str,
) -> Result<String, Error> {
    let email = checked_email(email)?;
    confirm(context, member, current, "current").await?;
    let now = context.now();
    let (tries, found) = store::count_try(context, Try::Link, &email_key(&email), now).await?;
    if let Some(at) = tries.too_many(Try::Link) {
        return Err(too_many("Five e-mails went to this address within half an hour", at, now));
    }
    let (subject, text) = if found.is_none() {
        let link = links::move_link(&context.keyring("SHOPPER_KEYS")?, &member.account, &email, now);
        let text = format!(
            "Open this link where you are signed in, to use this address for your account from now on:\n\n    {}/account/email/{link}\n\n\
             The link is good for an hour. If you did not ask for it, somebody mistyped their address: there is nothing to do.\n",
            context.shop_url()
        );
        ("Use this address for your account", text)
    } else {
        let text = "Somebody wanted to use this address for another account, but it has one already: yours. Nothing has changed.\n";
        ("This address has an account", text.to_owned())
    };
    mail::send(context, &Mail { to: &email, subject: subject.to_owned(), text }).await?;
    let text = format!(
        "Somebody who knows your password asked to use {email} for your account. Nothing has changed yet. If that was not you, change your \
         password: {}/account/start\n",
        context.shop_url()
    );
    let told = Mail { to: &member.account.email, subject: "Your account is about to move".to_owned(), text };
    mail::send(context, &told).await?;
    Ok(email)
}

/// Whose address a link moves the account to.
pub(crate) fn address_of_move(context: &Context, member: &Member, link: &str) -> Result<String, Error> {
    let link = Link::read(link, context.now()).ok_or_else(bad_link)?;
    if !link.is_for_move(&context.keyring("SHOPPER_KEYS")?, &member.account) {
        return Err(bad_link());
    }
    Ok(link.email)
}

/// Moves the account to a link's address.
pub(crate) async fn move_to(context: &Context, member: &Member, link: &str) -> Result<(), Error> {
    let email = address_of_move(context, member, link)?;
    let Account { id, email_key, .. } = &member.account;
    if store::change_email(context, *id, email_key, &email, context.now()).await? { Ok(()) } else { Err(bad_link()) }
}

/// Everything that the shop knows of a shopper by their account.
#[derive(Debug, Serialize)]
pub(crate) struct Export {
    email: String,
    name: String,
    /// RFC 3339, as all times here.
    opened_at: String,
    signed_in: Vec<ExportedDevice>,
    orders: Vec<OrderSummary>,
    cart: Vec<ExportedLine>,
    saved_for_later: Vec<ExportedLine>,
}

#[derive(Debug, Serialize)]
struct ExportedDevice {
    device: String,
    since: String,
    last_used: String,
}

#[derive(Debug, Serialize)]
struct ExportedLine {
    sku: String,
    quantity: u32,
}

/// Gathers everything that the shop knows of a shopper by their account.
pub(crate) async fn export(context: &Context, member: &Member) -> Result<Export, Error> {
    let account = &member.account;
    let cart = carts::read(context, account.cart_id).await?.cart;
    let lines = |lines: &[domain::cart::CartLine]| -> Vec<ExportedLine> {
        lines.iter().map(|line| ExportedLine { sku: line.sku.to_string(), quantity: line.quantity.get() }).collect()
    };
    let device = |device: Device| ExportedDevice {
        device: device.device,
        since: device.created_at.rfc3339(),
        last_used: device.seen_at.rfc3339(),
    };
    Ok(Export {
        email: account.email.clone(),
        name: account.name.clone(),
        opened_at: account.created_at.rfc3339(),
        signed_in: devices(context, member).await?.into_iter().map(device).collect(),
        orders: store::orders(context, account, u32::MAX).await?,
        cart: lines(cart.lines()),
        saved_for_later: lines(cart.saved()),
    })
}

/// Deletes the account. Orders stay: the shop has to keep them, and people may still hold their links.
pub(crate) async fn delete(context: &Context, member: &Member, current: &str) -> Result<(), Error> {
    confirm(context, member, current, "current").await?;
    store::delete(context, member.account.id).await
}

/// Refuses to go on without the account's password.
async fn confirm(context: &Context, member: &Member, current: &str, field: &str) -> Result<(), Error> {
    let now = context.now();
    let (tries, _) = store::count_try(context, Try::PasswordHere, &member.account.email_key, now).await?;
    refuse_too_many(tries, Try::PasswordHere, now)?;
    match password::verify(current, Some(&member.account.password))? {
        Verdict::Right | Verdict::RightAndOld => {
            store::forget_tries(context, Try::PasswordHere, &member.account.email_key).await
        }
        Verdict::Wrong => Err(invalid_field(field, "This is not your password".to_owned())),
    }
}

async fn within_limit(context: &Context, headers: &HeaderMap) -> Result<(), Error> {
    if limit::is_within(context, headers, LIMIT).await {
        return Ok(());
    }
    Err(Error::rejection(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_requests",
        "Too many at once",
        "Many people sign in from where you are. Try again in a minute.",
    ))
}

fn refuse_too_many(tries: Tries, of: Try, now: Timestamp) -> Result<(), Error> {
    match tries.too_many(of) {
        None => Ok(()),
        Some(at) => Err(too_many(
            "Too many wrong passwords. Have a link sent to your address instead: it is good at once",
            at,
            now,
        )),
    }
}

fn too_many(what: &str, at: Timestamp, now: Timestamp) -> Error {
    let minutes = ((at - now).0 / 60_000 + 1).max(1);
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    Error::rejection(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_tries",
        "Too many tries",
        format!("{what}, or try again in {minutes} {unit}."),
    )
}

/// The same whether the address has an account or not.
fn wrong_password() -> Error {
    Error::rejection(
        StatusCode::FORBIDDEN,
        "password_wrong",
        "That is not right",
        "This address and password do not belong together. If you have no password yet, or forgot it, have a link sent.",
    )
}

fn bad_link() -> Error {
    Error::rejection(
        StatusCode::FORBIDDEN,
        "link_invalid",
        "This link is not good any more",
        "It was used, it is more than an hour old, or a part of it is missing. Have another one sent.",
    )
}

fn checked_email(email: &str) -> Result<String, Error> {
    let email = email.trim();
    match email_problem(email) {
        Some(problem) => Err(invalid_field("email", problem.to_owned())),
        None => Ok(email.to_owned()),
    }
}

fn invalid_field(field: &str, problem: String) -> Error {
    Error::Rejection(Box::new(Rejection {
        fields: [(field.to_owned(), problem.clone())].into(),
        ..Rejection::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_fields", "Some fields need another look", problem)
    }))
}

/// What a browser has of a session: 244 random bits.
fn new_token() -> String {
    format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple())
}

fn digest(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// What somebody would call the browser that asks.
fn device(headers: &HeaderMap) -> String {
    named(headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default())
}

/// A browser's name as people know it. The order matters: most claim to be others too.
fn named(user_agent: &str) -> String {
    const BROWSERS: [(&str, &str); 6] = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser", "Samsung Internet"),
        ("Firefox", "Firefox"),
        ("Chrome", "Chrome"),
        ("Safari", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("Android", "Android"),
        ("iPhone", "an iPhone"),
        ("iPad", "an iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "a Mac"),
        ("Linux", "Linux"),
    ];
    let first =
        |list: &[(&str, &'static str)]| list.iter().find(|(sign, _)| user_agent.contains(sign)).map(|(_, name)| *name);
    match (first(&BROWSERS), first(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => format!("A program on {system}"),
        (None, None) => "A program".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_called_what_their_owners_call_them() {
        for (user_agent, name) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1",
                "Safari on an iPhone",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0",
                "Edge on Windows",
            ),
            ("curl/8.5.0", "A program"),
            ("", "A program"),
        ] {
            assert_eq!(named(user_agent), name);
        }
    }

    #[test]
    fn a_wait_is_told_in_whole_minutes() {
        let at = |seconds: i64| Timestamp(seconds * 1_000);
        let words = |wait| match too_many("No", at(wait), at(0)) {
            Error::Rejection(rejection) => rejection.detail,
            other => panic!("{other:?}"),
        };
        assert_eq!(words(59), "No, or try again in 1 minute.");
        assert_eq!(words(60), "No, or try again in 2 minutes.");
    }
}
