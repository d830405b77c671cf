//! Who is asking: the cart in a cookie or bearer token, and whether a form was sent from our own page.
//!
//! A cart's token is a MAC of its id, so a made-up id is refused before any object is woken. Pages that are cached for everybody
//! hold nothing personal and hence no CSRF token: their forms are guarded by `SameSite=Lax` and the Origin check, which every
//! unsafe request has to pass; forms on personal pages carry a token as well.

use domain::admission::{Pass, Ticket};
use domain::ids::{CartId, OrderId, SaleId};
use domain::signature::Keyring;
use domain::time::Timestamp;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};

use crate::context::Context;
use crate::error::Error;

pub(crate) const CART_COOKIE: &str = "__Host-kasuwa-cart";
/// A flash sale's pass; the sale's id follows.
const PASS_COOKIE: &str = "__Host-kasuwa-pass-";
/// Where programs send passes: one or more, with commas between them.
const PASS_HEADER: &str = "kasuwa-pass";
/// Most passes that are looked at in one request.
const PASSES_MAX: usize = 8;
/// Carts are kept for 90 days.
const CART_COOKIE_SECONDS: u32 = 90 * 24 * 60 * 60;

/// What tokens are good for.
const CART: &str = "cart";
const CART_LINK: &str = "cart link";
const CSRF: &str = "csrf";
const ORDER: &str = "order";
const CHECKOUT: &str = "checkout";
const PASS: &str = "sale pass";

/// The keys that carts' and orders' tokens are made with.
pub(crate) struct Tokens(Keyring);

impl Tokens {
    pub(crate) fn of(context: &Context) -> Result<Self, Error> {
        Ok(Self(context.keyring("SHOPPER_KEYS")?))
    }

    /// Lets its bearer use the cart.
    pub(crate) fn cart(&self, cart_id: CartId) -> String {
        self.0.token(CART, &cart_id.to_string())
    }

    /// Whether `token` lets its bearer use the cart.
    pub(crate) fn is_cart(&self, cart_id: CartId, token: &str) -> bool {
        self.0.verify_token(CART, &cart_id.to_string(), token)
    }

    /// Lets its bearer see the order.
    pub(crate) fn order(&self, order_id: OrderId) -> String {
        self.0.token(ORDER, &order_id.to_string())
    }

    /// Whether `token` lets its bearer see the order.
    pub(crate) fn is_order(&self, order_id: OrderId, token: &str) -> bool {
        self.0.verify_token(ORDER, &order_id.to_string(), token)
    }

    /// Lets its bearer come back from the gateway's page.
    pub(crate) fn checkout(&self, checkout_id: &str) -> String {
        self.0.token(CHECKOUT, checkout_id)
    }

    /// Whether `token` is [`Self::checkout`]'s.
    pub(crate) fn is_checkout(&self, checkout_id: &str, token: &str) -> bool {
        self.0.verify_token(CHECKOUT, checkout_id, token)
    }

    /// A place in a flash sale as its holder shows it, good for one cart.
    pub(crate) fn pass(&self, pass: &Pass) -> String {
        let Pass { ticket: Ticket { sale_id, person_id, number, late }, cart_id } = pass;
        let late = late.map(|at| at.as_millis().to_string()).unwrap_or_default();
        let what = format!("{sale_id}.{person_id}.{cart_id}.{number}.{late}");
        format!("{what}.{}", self.0.token(PASS, &what))
    }

    /// The pass in a text, if we made it.
    pub(crate) fn read_pass(&self, text: &str) -> Option<Pass> {
        let (what, token) = text.trim().rsplit_once('.')?;
        if !self.0.verify_token(PASS, what, token) {
            return None;
        }
        let mut parts = what.split('.');
        let mut next = || parts.next();
        let (sale_id, person_id, cart_id) = (next()?.parse().ok()?, next()?.parse().ok()?, next()?.parse().ok()?);
        let (number, late) = (next()?.parse().ok()?, next()?);
        let late = if late.is_empty() { None } else { Some(Timestamp(late.parse().ok()?)) };
        Some(Pass { ticket: Ticket { sale_id, person_id, number, late }, cart_id })
    }

    /// Every pass that came with a request, in cookies or in the header. Those that we did not make count as not sent.
    pub(crate) fn passes(&self, headers: &HeaderMap) -> Vec<Pass> {
        let in_cookies = cookies(headers).filter(|(name, _)| name.starts_with(PASS_COOKIE)).map(|(_, value)| value);
        let in_header = headers.get_all(PASS_HEADER).iter().filter_map(|value| value.to_str().ok());
        let all = in_cookies.chain(in_header.flat_map(|value| value.split(',')));
        all.take(PASSES_MAX).filter_map(|text| self.read_pass(text)).collect()
    }

    /// `Set-Cookie` for a pass that is good for `seconds` at most.
    pub(crate) fn pass_cookie(&self, pass: &Pass, seconds: i64) -> Result<HeaderValue, Error> {
        let name = pass_cookie_name(pass.ticket.sale_id);
        let text =
            format!("{name}={}; Path=/; Max-Age={}; Secure; HttpOnly; SameSite=Lax", self.pass(pass), seconds.max(0));
        HeaderValue::from_str(&text).map_err(Error::bug)
    }

    /// Goes into the forms of a shopper's personal pages.
    pub(crate) fn csrf(&self, cart_id: CartId) -> String {
        self.0.token(CSRF, &cart_id.to_string())
    }

    /// Refuses a form of a personal page that was not made for this shopper.
    pub(crate) fn check_csrf(&self, cart_id: CartId, token: &str) -> Result<(), Error> {
        if self.0.verify_token(CSRF, &cart_id.to_string(), token) { Ok(()) } else { Err(foreign_form()) }
    }

    /// Goes into the forms of an account's pages: good for one session.
    pub(crate) fn session_csrf(&self, session_id: &str) -> String {
        self.0.token(CSRF, &format!("session {session_id}"))
    }

    /// Refuses a form of an account's page that was not made for this session.
    pub(crate) fn check_session_csrf(&self, session_id: &str, token: &str) -> Result<(), Error> {
        let is_ours = self.0.verify_token(CSRF, &format!("session {session_id}"), token);
        if is_ours { Ok(()) } else { Err(foreign_form()) }
    }

    /// The cart in the cookie, if it is a real one.
    pub(crate) fn cart_in_cookie(&self, headers: &HeaderMap) -> Option<CartId> {
        let (id, token) = cookie(headers, CART_COOKIE)?.split_once('.')?;
        let cart_id: CartId = id.parse().ok()?;
        self.0.verify_token(CART, &cart_id.to_string(), token).then_some(cart_id)
    }

    /// The end of an address that brings a cart to another device, good until `expires_at`.
    pub(crate) fn cart_link(&self, cart_id: CartId, expires_at: Timestamp) -> String {
        let what = format!("{cart_id}.{}", expires_at.as_seconds());
        format!("{what}.{}", self.0.token(CART_LINK, &what))
    }

    /// The cart that a link leads to, while it is good.
    pub(crate) fn cart_in_link(&self, link: &str, now: Timestamp) -> Option<CartId> {
        let (what, token) = link.rsplit_once('.')?;
        let (id, expires_at) = what.split_once('.')?;
        let is_good = self.0.verify_token(CART_LINK, what, token) && expires_at.parse::<i64>().ok()? > now.as_seconds();
        if is_good { id.parse().ok() } else { None }
    }

    /// Refuses a bearer who has no token for this cart.
    pub(crate) fn check_cart_bearer(&self, headers: &HeaderMap, cart_id: CartId) -> Result<(), Error> {
        let token = bearer(headers).ok_or_else(|| {
            Error::rejection(
                StatusCode::UNAUTHORIZED,
                "token_missing",
                "A token is needed",
                "Send the cart's token as `Authorization: Bearer …`.",
            )
        })?;
        if self.0.verify_token(CART, &cart_id.to_string(), token) {
            return Ok(());
        }
        Err(Error::rejection(
            StatusCode::FORBIDDEN,
            "token_invalid",
            "The token is not good for this cart",
            "Use the token that came with the cart when it was made.",
        ))
    }

    /// `Set-Cookie` for a cart.
    pub(crate) fn cart_cookie(&self, cart_id: CartId) -> Result<HeaderValue, Error> {
        let text = format!(
            "{CART_COOKIE}={cart_id}.{}; Path=/; Max-Age={CART_COOKIE_SECONDS}; Secure; HttpOnly; SameSite=Lax",
            self.cart(cart_id)
        );
        HeaderValue::from_str(&text).map_err(Error::bug)
    }
}

/// The token of `Authorization: Bearer …`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
}

/// The cookie that holds a sale's pass.
fn pass_cookie_name(sale_id: SaleId) -> String {
    format!("{PASS_COOKIE}{}", sale_id.0.simple())
}

/// The value of one cookie.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    cookies(headers).find_map(|(key, value)| (key == name).then_some(value))
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
}

/// Refuses an unsafe request that a page of another site sent. Browsers say where a form comes from in `Origin` and
/// `Sec-Fetch-Site`, and pages cannot change either; a request with neither was not sent by a browser of this decade.
pub(crate) fn check_same_origin(headers: &HeaderMap, uri: &Uri) -> Result<(), Error> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let same = match (text(header::ORIGIN), text(header::HeaderName::from_static("sec-fetch-site"))) {
        (Some(origin), _) => is_origin_of(origin, uri, text(header::HOST)),
        (None, Some(site)) => site == "same-origin",
        (None, None) => false,
    };
    if same { Ok(()) } else { Err(foreign_form()) }
}

/// Refuses a socket that a page of another site opens. What is told over it is public, but such a page would fill our relays with its
/// own visitors. Browsers always say where a socket comes from; programs, which need not, speak for nobody but themselves.
pub(crate) fn check_socket_origin(headers: &HeaderMap, uri: &Uri) -> Result<(), Error> {
    match headers.get(header::ORIGIN) {
        None => Ok(()),
        Some(_) if check_same_origin(headers, uri).is_ok() => Ok(()),
        Some(_) => Err(Error::rejection(
            StatusCode::FORBIDDEN,
            "foreign_socket",
            "This socket was not opened by our page",
            "Programs may read stock from the API, or open this socket without an Origin.",
        )),
    }
}

fn is_origin_of(origin: &str, uri: &Uri, host: Option<&str>) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let ours = uri.authority().map(http::uri::Authority::as_str).or(host);
    ours.is_some_and(|ours| ours.eq_ignore_ascii_case(authority)) && uri.scheme_str().is_none_or(|ours| ours == scheme)
}

fn foreign_form() -> Error {
    Error::rejection(
        StatusCode::FORBIDDEN,
        "foreign_form",
        "This form did not come from our page",
        "Open the page again and send the form from there.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(origin: Option<&'static str>, site: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        }
        if let Some(site) = site {
            headers.insert("sec-fetch-site", HeaderValue::from_static(site));
        }
        check_same_origin(&headers, &Uri::from_static("https://shop.example/cart/lines")).is_ok()
    }

    #[test]
    fn only_our_own_pages_may_send_forms() {
        assert!(check(Some("https://shop.example"), None));
        assert!(check(None, Some("same-origin")));
        assert!(!check(Some("https://evil.example"), None));
        assert!(!check(Some("https://evil.example"), Some("same-origin")));
        assert!(!check(Some("http://shop.example"), None));
        assert!(!check(Some("null"), None));
        assert!(!check(None, Some("same-site")));
        assert!(!check(None, None));
    }

    #[test]
    fn pages_of_others_open_no_sockets_and_programs_do() {
        let opens = |origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            check_socket_origin(&headers, &Uri::from_static("https://shop.example/p/kettle/live")).is_ok()
        };
        assert!(opens(Some("https://shop.example")) && opens(None));
        for foreign in ["https://evil.example", "https://shop.example.evil.example", "http://shop.example", "null"] {
            assert!(!opens(Some(foreign)), "{foreign}");
        }
    }

    #[test]
    fn a_pass_is_read_as_it_was_made_and_no_other() {
        let tokens = Tokens("a:0123456789abcdef0123456789abcdef".parse().unwrap());
        let id = uuid::Uuid::from_u128;
        for late in [None, Some(Timestamp(1_790_000_000_000))] {
            let ticket = Ticket { sale_id: SaleId(id(1)), person_id: domain::ids::PersonId(id(2)), number: 17, late };
            let pass = Pass { ticket, cart_id: CartId(id(3)) };
            let text = tokens.pass(&pass);
            assert_eq!(tokens.read_pass(&text), Some(pass));
            assert_eq!(tokens.read_pass(&text.replacen(".17.", ".16.", 1)), None, "a better number");
            let mut headers = HeaderMap::new();
            headers.insert(PASS_HEADER, format!("nonsense, {text}").parse().unwrap());
            headers.insert(header::COOKIE, tokens.pass_cookie(&pass, 60).unwrap());
            assert_eq!(tokens.passes(&headers), [pass, pass]);
        }
        assert_eq!(tokens.read_pass(""), None);
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("a=1; __Host-kasuwa-cart=x.y; b=2"));
        assert_eq!(cookie(&headers, CART_COOKIE), Some("x.y"));
        assert_eq!(cookie(&headers, "c"), None);
    }
}
