//! Gives checkouts up: from then on what is captured for one goes back by itself ([`crate::settle`]), and it becomes no order any more.
//!
//! Whoever was told that something is given up may have bought it again: money for it must not buy it a second time.

use domain::ids::CheckoutId;
use domain::order::{Command, Rejection};
use domain::time::Timestamp;
use domain::wire::GiveUpAnswer;

use crate::App;
use crate::error::Error;
use crate::store::{Tx, orders};
use crate::{order_book, settle};

/// Gives a checkout up, unless it is paid: the gateways are asked first, as far as they answer. The same again changes nothing.
pub async fn give_up(app: &App, checkout_id: CheckoutId, request_id: &str) -> Result<GiveUpAnswer, Error> {
    settle::look_at_all(app, checkout_id, request_id).await?;
    let answer = app
        .store()
        .transact("give_up", move |mut tx: Tx| async move {
            let answer = decide(&mut tx, checkout_id, request_id, app.now()).await?;
            tx.done(answer)
        })
        .await?;
    app.wake_outbox();
    Ok(answer)
}

async fn decide(tx: &mut Tx, checkout_id: CheckoutId, request_id: &str, now: Timestamp) -> Result<GiveUpAnswer, Error> {
    let Some(mut order) = orders::of_checkout(tx.connection(), checkout_id).await? else {
        orders::give_up(tx, checkout_id, now).await?;
        return Ok(GiveUpAnswer::GivenUp);
    };
    match order.machine().decide(&Command::GiveUp, now) {
        Ok(events) => {
            orders::give_up(tx, checkout_id, now).await?;
            order_book::record(tx, &mut order, &events, request_id, now).await?;
            Ok(GiveUpAnswer::GivenUp)
        }
        Err(Rejection::WrongStatus { status }) if status.is_sold() => Ok(GiveUpAnswer::Sold { order_id: order.id }),
        // All of its money goes back already.
        Err(Rejection::WrongStatus { .. }) => Ok(GiveUpAnswer::GivenUp),
        Err(
            rejection @ (Rejection::NotPlaced
            | Rejection::CheckoutDiffers
            | Rejection::CaptureNotNeeded { .. }
            | Rejection::NotOverdue { .. }
            | Rejection::GivenUp),
        ) => Err(Error::Bug(rejection.to_string())),
    }
}
