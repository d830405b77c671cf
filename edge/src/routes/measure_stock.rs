//! `POST /internal/stock-measure`: an operator's look at how fast Stock objects are. It reserves as a checkout does and lets go of
//! everything again; it sells only what is there to be measured.

use std::cell::Cell;

use axum::Json;
use domain::ids::{CartId, CheckoutId, ProductId, Sku};
use domain::stock::{Command, Quantity, StockLine};
use domain::wire::{MeasureReservations, MeasuredReservations, Then};
use futures_util::future::join_all;

use super::internal::{FromOperator, json};
use crate::catalogue;
use crate::context::{Context, now};
use crate::durable::client::{self, StockAsk};
use crate::error::Error;

/// `POST /internal/stock-measure`
#[worker::send]
pub(crate) async fn reservations(
    context: Context,
    FromOperator(body): FromOperator,
) -> Result<Json<MeasuredReservations>, Error> {
    let MeasureReservations { skus, reservations, at_once, then } = json(&body)?;
    let is_possible = (1..=MeasureReservations::SKUS_MAX).contains(&skus.len())
        && (1..=MeasureReservations::RESERVATIONS_MAX).contains(&reservations)
        && (1..=MeasureReservations::AT_ONCE_MAX).contains(&at_once);
    if !is_possible {
        return Err(Error::bad_request("too_much_to_measure", "look at MeasureReservations for what can be measured"));
    }
    if then == Then::Commit && !skus.iter().all(|sku| sku.as_str().starts_with(MeasureReservations::SOLD_PREFIX)) {
        return Err(Error::bad_request("not_for_measuring", "only SKUs that begin with measured- are sold to nobody"));
    }
    let articles = catalogue::articles(&context, &skus.iter().collect::<Vec<_>>()).await?;
    if articles.is_empty() {
        return Err(Error::not_found("product with one of these SKUs"));
    }
    let wanted: Vec<Wanted> = (0..reservations as usize)
        .map(|index| {
            let article = &articles[index % articles.len()];
            Wanted {
                product_id: article.product_id,
                sku: article.sku.clone(),
                checkout_id: CheckoutId(context.new_id()),
                cart_id: CartId(context.new_id()),
            }
        })
        .collect();
    let one = Quantity::new(1).map_err(Error::bug)?;
    let lines = |wanted: &Wanted| vec![StockLine { sku: wanted.sku.clone(), quantity: one }];
    let reserve = |wanted: &Wanted| Command::Reserve {
        checkout_id: wanted.checkout_id,
        cart_id: wanted.cart_id,
        lines: lines(wanted),
        limit: None,
    };
    let release = |wanted: &Wanted| Command::Release { checkout_id: wanted.checkout_id, cart_id: wanted.cart_id };
    let commit = |wanted: &Wanted| Command::Commit {
        checkout_id: wanted.checkout_id,
        cart_id: wanted.cart_id,
        lines: lines(wanted),
    };
    let started = now();
    let reserved = ask_all(&context, &wanted, at_once, reserve).await?;
    let mut milliseconds = (now() - started).0 as f64;
    let mut each_commit_milliseconds = Vec::new();
    match then {
        Then::Release => drop(ask_all(&context, &wanted, at_once, release).await?),
        // What was refused stays refused: a sale of what is not there would have its money sent back.
        Then::Commit if reserved.refused == 0 => {
            each_commit_milliseconds = ask_all(&context, &wanted, at_once, commit).await?.each_milliseconds;
            milliseconds = (now() - started).0 as f64;
        }
        Then::Commit => {}
    }
    let Asked { each_milliseconds, refused } = reserved;
    Ok(Json(MeasuredReservations { milliseconds, each_milliseconds, each_commit_milliseconds, refused }))
}

/// How many were refused, and how long each took.
struct Asked {
    each_milliseconds: Vec<f64>,
    refused: u32,
}

struct Wanted {
    product_id: ProductId,
    sku: Sku,
    checkout_id: CheckoutId,
    cart_id: CartId,
}

/// Asks for all of them, so many at a time.
async fn ask_all(
    context: &Context,
    wanted: &[Wanted],
    at_once: u32,
    command: impl Fn(&Wanted) -> Command,
) -> Result<Asked, Error> {
    let next = Cell::new(0);
    let askers = (0..at_once).map(|_| async {
        let (mut each, mut refused) = (Vec::new(), 0);
        while let Some(wanted) = wanted.get(next.replace(next.get() + 1)) {
            let began = now();
            let answer = client::stock(context, wanted.product_id, StockAsk::Do(command(wanted))).await?;
            each.push((now() - began).0 as f64);
            refused += u32::from(answer.is_err());
        }
        Ok::<_, Error>((each, refused))
    });
    let (mut all, mut all_refused) = (Vec::with_capacity(wanted.len()), 0);
    for asker in join_all(askers).await {
        let (each, refused) = asker?;
        all.extend(each);
        all_refused += refused;
    }
    Ok(Asked { each_milliseconds: all, refused: all_refused })
}
