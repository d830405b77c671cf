//! Through which gateways one can pay here. The origin has their keys, and hence knows; it is asked once a minute an isolate, and while
//! it does not answer, what it said last stands.

use std::cell::RefCell;

use domain::time::{Millis, Timestamp};
use domain::wire::{GatewayName, GatewayOffers};
use http::StatusCode;

use crate::context::Context;
use crate::error::Error;
use crate::origin_client;

/// How long an answer is believed.
const FRESH: Millis = Millis::minutes(1);

thread_local! {
    static KNOWN: RefCell<Option<(Timestamp, GatewayOffers)>> = const { RefCell::new(None) };
}

/// The gateways that are set up. A fault when the origin does not answer and never did.
pub(crate) async fn offers(context: &Context) -> Result<GatewayOffers, Error> {
    let kept = KNOWN.with_borrow(Clone::clone);
    if let Some((at, offers)) = &kept
        && context.now() - *at < FRESH
    {
        return Ok(offers.clone());
    }
    let offers = match (origin_client::gateways(context).await, kept) {
        (Ok(offers), _) | (Err(_), Some((_, offers))) => offers,
        (Err(error), None) => return Err(error),
    };
    KNOWN.set(Some((context.now(), offers.clone())));
    Ok(offers)
}

/// Refuses a gateway that is surely not offered, before anything is held for its sake. In doubt the origin decides.
pub(crate) async fn check(context: &Context, wanted: GatewayName) -> Result<(), Error> {
    let Ok(GatewayOffers { gateways }) = offers(context).await else { return Ok(()) };
    if gateways.iter().any(|offer| offer.gateway == wanted) {
        return Ok(());
    }
    let names: Vec<&str> = gateways.iter().map(|offer| offer.gateway.as_str()).collect();
    let detail = match names.as_slice() {
        [] => "Nothing can be paid here at the moment. The cart is kept.".to_owned(),
        names => format!("{} is not offered here. Choose one of: {}.", wanted.title(), names.join(", ")),
    };
    Err(Error::rejection(
        StatusCode::UNPROCESSABLE_ENTITY,
        "gateway_not_offered",
        "This way of paying is not offered",
        detail,
    ))
}
