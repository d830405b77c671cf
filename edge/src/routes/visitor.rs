//! Who asks, and with which headers.

use axum::extract::FromRequestParts;
use domain::ids::CartId;
use http::HeaderMap;
use http::request::Parts;

use super::cart::Shopper;
use crate::accounts::From;
use crate::error::Error;

/// The shopper as their cookies tell, and all headers; refuses forms of other sites.
pub(crate) struct Visitor {
    pub(crate) shopper: Shopper,
    pub(crate) headers: HeaderMap,
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        Ok(Self { shopper: Shopper::from_request_parts(parts, state).await?, headers: parts.headers.clone() })
    }
}

impl Visitor {
    /// Where somebody signs in from.
    pub(crate) fn from(&self) -> From<'_> {
        From { headers: &self.headers, cart_id: self.cart_id() }
    }

    /// The cart of the browser that asks.
    pub(crate) fn cart_id(&self) -> Option<CartId> {
        self.shopper.cart_id
    }
}
