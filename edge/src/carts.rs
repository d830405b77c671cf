//! What shoppers do with carts, for pages and API alike: looks up what a decision needs, and asks the Cart object. Decides nothing.
//!
//! A cart that became part of another one is followed to it, so that an old tab goes on where the shopper went.

use domain::admission::Pass;
use domain::cart::{Cart, Command, Rejection};
use domain::ids::{CartId, OperationId, Sku};
use domain::money::Money;
use domain::purchase::CartAnswer;
use domain::stock::Quantity;
use domain::wire::ShortLine;
use http::StatusCode;

use crate::catalogue::{self, Article};
use crate::context::Context;
use crate::durable::client::{self, CartCall};
use crate::error::{self, Error, sentence};
use crate::{pricing, sales};

/// How many carts in a row may have become part of another one. Nobody signs in so often within a cart's life.
const FOLLOWED_MAX: usize = 8;

/// A cart, and the id that it goes by now.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) cart_id: CartId,
    pub(crate) cart: Cart,
}

/// A cart as it is.
pub(crate) async fn read(context: &Context, cart_id: CartId) -> Result<Found, Error> {
    follow(context, cart_id, &CartCall::Read).await?.map_err(refused)
}

/// Puts in so many more of a variant; what it is, and the cart.
pub(crate) async fn add(
    context: &Context,
    cart_id: CartId,
    operation_id: OperationId,
    sku: &Sku,
    quantity: Quantity,
    passes: &[Pass],
) -> Result<(Article, Found), Error> {
    let article = article(context, sku).await?.ok_or_else(|| Error::not_found("product with this SKU"))?;
    let offers = sales::offers(context, passes, Some(cart_id)).await?;
    let article = offers.priced(article);
    let (product_id, price, available) = (article.product_id, article.price, article.available);
    let units_max = offers.units_max(product_id);
    let command = Command::Add { operation_id, sku: sku.clone(), product_id, quantity, price, available, units_max };
    let found = change_line(context, cart_id, command, sku, quantity).await?;
    Ok((article, found))
}

/// Makes it so many of a variant.
pub(crate) async fn set_quantity(
    context: &Context,
    cart_id: CartId,
    sku: &Sku,
    quantity: Quantity,
    passes: &[Pass],
) -> Result<Found, Error> {
    let (available, units_max) = room(context, cart_id, sku, passes).await?;
    let command = Command::SetQuantity { sku: sku.clone(), quantity, available, units_max };
    change_line(context, cart_id, command, sku, quantity).await
}

/// Puts back what was saved for later.
pub(crate) async fn put_back(context: &Context, cart_id: CartId, sku: &Sku, passes: &[Pass]) -> Result<Found, Error> {
    let (available, units_max) = room(context, cart_id, sku, passes).await?;
    change(context, cart_id, Command::PutBack { sku: sku.clone(), available, units_max }).await
}

/// Keeps the code that a shopper typed, if there is such a promotion and this is its time; without one, forgets the one that is there.
pub(crate) async fn set_coupon(context: &Context, cart_id: CartId, text: &str) -> Result<Found, Error> {
    let code = match text.trim() {
        "" => None,
        text => Some(pricing::coupon(context, text).await?),
    };
    change(context, cart_id, Command::SetCoupon { code }).await
}

/// The shopper has seen what the cart's things cost: what these articles cost now.
pub(crate) async fn accept_prices(context: &Context, cart_id: CartId, passes: &[Pass]) -> Result<Found, Error> {
    let found = read(context, cart_id).await?;
    let offers = sales::offers(context, passes, Some(found.cart_id)).await?;
    let skus: Vec<&Sku> = found.cart.lines().iter().map(|line| &line.sku).collect();
    let articles = catalogue::articles(context, &skus).await?;
    let prices: Vec<(Sku, Money)> = articles
        .into_iter()
        .map(|article| offers.priced(article))
        .map(|article| (article.sku, article.price))
        .collect();
    change(context, found.cart_id, Command::AcceptPrices { prices }).await
}

/// Makes one cart of two: what `from` holds goes into `into`. If it dies in between, the next try goes on.
pub(crate) async fn merge(context: &Context, from: CartId, into: CartId) -> Result<Found, Error> {
    let (from, into) = (read(context, from).await?, read(context, into).await?);
    if from.cart_id == into.cart_id {
        return Ok(into);
    }
    if let Some((checkout_id, _)) = from.cart.frozen_for(context.now()) {
        return Err(refused(Rejection::Frozen { checkout_id }));
    }
    let lines = from.cart.lines().to_vec();
    let saved = from.cart.saved().to_vec();
    let merged = change(context, into.cart_id, Command::Merge { from: from.cart_id, lines, saved }).await?;
    change_here(context, from.cart_id, Command::HandOver { to: merged.cart_id }).await?.map_err(refused)?;
    Ok(merged)
}

/// Changes a cart, and says how it is now.
pub(crate) async fn change(context: &Context, cart_id: CartId, command: Command) -> Result<Found, Error> {
    follow(context, cart_id, &CartCall::Change(command)).await?.map_err(refused)
}

async fn change_line(
    context: &Context,
    cart_id: CartId,
    command: Command,
    sku: &Sku,
    wanted: Quantity,
) -> Result<Found, Error> {
    follow(context, cart_id, &CartCall::Change(command)).await?.map_err(|rejection| {
        // Of this variant alone.
        let (available, had) = match &rejection {
            Rejection::NotThatMany { available, had } => (*available, *had),
            Rejection::LimitReached { units_max, had, others } => {
                (units_max.get().saturating_sub(*others), had.saturating_sub(*others))
            }
            Rejection::Frozen { .. }
            | Rejection::HandedOver { .. }
            | Rejection::NoSuchLine { .. }
            | Rejection::TooManyLines
            | Rejection::TooManySaved
            | Rejection::TooMany
            | Rejection::Empty
            | Rejection::CheckoutClosed => return refused(rejection),
        };
        let requested = wanted.get().saturating_add(had);
        let mut told = told(&rejection);
        told.lines = vec![ShortLine { sku: sku.clone(), requested, available }];
        told.into()
    })
}

/// The code of a cart that a payment is under way with.
pub(crate) const FROZEN: &str = "cart_frozen";

/// The code of whatever asks for more than there is.
pub(crate) const OUT_OF_STOCK: &str = "out_of_stock";

/// The code of whatever asks for more than one person may have.
pub(crate) const LIMIT_REACHED: &str = "limit_reached";

/// Its title.
pub(crate) const MORE_THAN_A_SHARE: &str = "That is more than one person may have";

async fn change_here(
    context: &Context,
    cart_id: CartId,
    command: Command,
) -> Result<Result<CartAnswer, Rejection>, Error> {
    client::cart(context, cart_id, &CartCall::Change(command)).await
}

/// Asks a cart, or the one that it has become part of.
async fn follow(context: &Context, mut cart_id: CartId, call: &CartCall) -> Result<Result<Found, Rejection>, Error> {
    for _ in 0..FOLLOWED_MAX {
        let next = match client::cart(context, cart_id, call).await? {
            Ok(CartAnswer { cart, .. }) => match cart.handed_over_to() {
                None => return Ok(Ok(Found { cart_id, cart })),
                Some(to) => to,
            },
            Err(Rejection::HandedOver { to }) => to,
            Err(rejection) => return Ok(Err(rejection)),
        };
        cart_id = next;
    }
    Err(Error::bug(format!("cart {cart_id} became part of another one {FOLLOWED_MAX} times")))
}

async fn article(context: &Context, sku: &Sku) -> Result<Option<Article>, Error> {
    Ok(catalogue::articles(context, &[sku]).await?.into_iter().next())
}

/// Units that can be had now, none of what is no longer sold; and how many one person may have, where a sale says so.
async fn room(
    context: &Context,
    cart_id: CartId,
    sku: &Sku,
    passes: &[Pass],
) -> Result<(u32, Option<Quantity>), Error> {
    let Some(article) = article(context, sku).await? else { return Ok((0, None)) };
    let offers = sales::offers(context, passes, Some(cart_id)).await?;
    Ok((article.available, offers.units_max(article.product_id)))
}

/// What a cart's refusal means over HTTP.
pub(crate) fn refused(rejection: Rejection) -> Error {
    told(&rejection).into()
}

fn told(rejection: &Rejection) -> error::Rejection {
    let (status, code, title) = match rejection {
        Rejection::Frozen { .. } => (StatusCode::CONFLICT, FROZEN, "A payment is under way"),
        Rejection::HandedOver { .. } => (StatusCode::CONFLICT, "cart_handed_over", "This cart is part of another one"),
        Rejection::NoSuchLine { .. } => (StatusCode::NOT_FOUND, "line_not_found", "Not in this cart"),
        Rejection::TooManyLines | Rejection::TooManySaved => {
            (StatusCode::UNPROCESSABLE_ENTITY, "too_many_lines", "The cart is full")
        }
        Rejection::TooMany => (StatusCode::UNPROCESSABLE_ENTITY, "quantity_too_large", "That is too many"),
        Rejection::NotThatMany { .. } => (StatusCode::CONFLICT, OUT_OF_STOCK, "There are not that many"),
        Rejection::LimitReached { .. } => (StatusCode::CONFLICT, LIMIT_REACHED, MORE_THAN_A_SHARE),
        Rejection::Empty => (StatusCode::UNPROCESSABLE_ENTITY, "cart_empty", "The cart is empty"),
        Rejection::CheckoutClosed => (StatusCode::CONFLICT, "checkout_closed", "This checkout is over"),
    };
    error::Rejection::new(status, code, title, sentence(rejection))
}
