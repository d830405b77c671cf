//! What a browser keeps of an account: the session, and that the account was used in it.

use domain::signature::Keyring;
use http::{HeaderMap, HeaderValue, header};

use super::Begun;
use crate::context::Context;
use crate::error::Error;
use crate::session::{Tokens, cookie};

const SESSION_COOKIE: &str = "__Host-kasuwa-session";
/// Proves that somebody has signed in to an account in this browser. It opens nothing: their wrong passwords are counted apart.
const KNOWN_COOKIE: &str = "__Host-kasuwa-known";
const KNOWN: &str = "known browser";
/// As long as a session lasts unused; its end is D1's to say.
const SESSION_SECONDS: u32 = 90 * 24 * 60 * 60;
/// As long as browsers keep any cookie.
const KNOWN_SECONDS: u32 = 400 * 24 * 60 * 60;

/// The session that came with a request.
pub(super) fn session(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, SESSION_COOKIE).filter(|token| !token.is_empty())
}

/// Whether an account was used in this browser before.
pub(super) fn is_known(keys: &Keyring, headers: &HeaderMap, email_key: &str) -> bool {
    cookie(headers, KNOWN_COOKIE).is_some_and(|token| keys.verify_token(KNOWN, email_key, token))
}

/// `Set-Cookie`s of a browser that has just signed in.
pub(crate) fn sign_in_cookies(
    context: &Context,
    begun: &Begun,
) -> Result<Vec<(header::HeaderName, HeaderValue)>, Error> {
    let known = context.keyring("SHOPPER_KEYS")?.token(KNOWN, &begun.account.email_key);
    Ok(vec![
        kept(SESSION_COOKIE, &begun.token, SESSION_SECONDS)?,
        kept(KNOWN_COOKIE, &known, KNOWN_SECONDS)?,
        (header::SET_COOKIE, Tokens::of(context)?.cart_cookie(begun.cart_id)?),
    ])
}

/// `Set-Cookie`s of a browser that has signed out: the account's cart goes with it.
pub(crate) fn end_cookies() -> Result<Vec<(header::HeaderName, HeaderValue)>, Error> {
    Ok(vec![kept(SESSION_COOKIE, "", 0)?, kept(crate::session::CART_COOKIE, "", 0)?])
}

fn kept(name: &str, value: &str, seconds: u32) -> Result<(header::HeaderName, HeaderValue), Error> {
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    Ok((header::SET_COOKIE, HeaderValue::from_str(&text).map_err(Error::bug)?))
}
