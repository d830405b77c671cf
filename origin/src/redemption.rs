//! Counts how often promotions are redeemed, in the transaction of the order that does (COUPON-1): never more often than they may be,
//! and given back when the order comes to nothing. What is allowed, [`domain::pricing`] decides.

use axum::http::StatusCode;
use domain::ids::{CartId, OrderId};
use domain::invariants::redeemed_within;
use domain::pricing::{Terms, UsedUp, person};
use domain::time::Timestamp;
use domain::wire::{COUPON_USED_BY_YOU, COUPON_USED_UP};

use crate::error::Error;
use crate::store::Tx;
use crate::store::redemptions::{self, Redemption};

/// A new order of a cart redeems what applies to it. An older order of the same cart that still waits for its payment was given up for
/// this one: it makes room.
pub async fn redeem(
    tx: &mut Tx,
    order_id: OrderId,
    cart_id: CartId,
    (terms, email): (&Terms, &str),
    now: Timestamp,
) -> Result<(), Error> {
    if terms.counted().next().is_none() {
        return Ok(());
    }
    redemptions::give_back_of_cart(tx, cart_id, now).await?;
    for promotion in terms.counted() {
        let redemption = Redemption {
            promotion_id: promotion.id.clone(),
            name: promotion.name.clone(),
            person: person(email),
            limits: promotion.limits(),
        };
        if let Err(used_up) = allowed(tx, &redemption).await? {
            let named = promotion.code.as_deref().unwrap_or(&promotion.name);
            return Err(refused(used_up, named));
        }
        redemptions::insert(tx, order_id, &redemption, now).await?;
        check(tx, &redemption).await?;
    }
    Ok(())
}

/// An order is paid after what it redeemed was given back: counts it again; `false` when others have used it up meanwhile.
pub async fn redeem_again(tx: &mut Tx, order_id: OrderId) -> Result<bool, Error> {
    let given_back = redemptions::given_back(tx.connection(), order_id).await?;
    for redemption in &given_back {
        if allowed(tx, redemption).await?.is_err() {
            return Ok(false);
        }
    }
    if !given_back.is_empty() {
        redemptions::take_again(tx, order_id).await?;
    }
    for redemption in &given_back {
        check(tx, redemption).await?;
    }
    Ok(true)
}

async fn allowed(tx: &mut Tx, redemption: &Redemption) -> Result<Result<(), UsedUp>, Error> {
    let redeemed = redemptions::counted(tx.connection(), &redemption.promotion_id, &redemption.person).await?;
    Ok(redemption.limits.allow(redeemed))
}

async fn check(tx: &mut Tx, redemption: &Redemption) -> Result<(), Error> {
    let redeemed = redemptions::counted(tx.connection(), &redemption.promotion_id, &redemption.person).await?;
    redeemed_within(&redemption.promotion_id, redemption.limits, redeemed)
        .map_err(|broken| Error::Bug(broken.to_string()))
}

fn refused(used_up: UsedUp, named: &str) -> Error {
    let code = match used_up {
        UsedUp::InAll => COUPON_USED_UP,
        UsedUp::ByPerson => COUPON_USED_BY_YOU,
    };
    let detail = format!("{named} does not apply any more: {used_up}. Take it out and look at the new price");
    Error::rejected(StatusCode::CONFLICT, code, "This code cannot be used again", detail)
}
