//! Payments that nobody told us about, and orders that nobody paid.

use domain::order::OrderStatus;
use domain::time::Millis;
use domain::wire::{OriginEventKind, PlacedOrder};

use crate::world::World;

#[tokio::test]
async fn a_payment_that_nobody_told_us_about_is_found() {
    let world = World::new().await;
    let (_, placed) = world.placed().await;
    world.paystack.pay(&placed.payment.reference);
    world.until_status(placed.order_id, OrderStatus::Paid).await;
}

#[tokio::test]
async fn an_order_that_nobody_pays_is_cancelled_after_its_time_and_not_before() {
    let world = World::new().await;
    let (_, placed) = world.placed().await;
    world.until("the edge knows", async || world.edge.told(placed.order_id).len() == 1).await;
    world.clock.advance(Millis::minutes(15));
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(world.view(placed.order_id).await.status, OrderStatus::AwaitingPayment, "there is a minute of grace");
    world.clock.advance(Millis::minutes(1));
    world.until_status(placed.order_id, OrderStatus::Cancelled).await;
    world.until("the edge knows", async || world.edge.told(placed.order_id).len() == 2).await;
    assert_eq!(world.edge.told(placed.order_id)[1], (2, OriginEventKind::OrderCancelled));
}

#[tokio::test]
async fn an_order_is_not_cancelled_while_the_gateway_cannot_say_that_it_is_unpaid() {
    let world = World::new().await;
    let (_, placed) = world.placed().await;
    world.paystack.with(|book| book.verify_down = true);
    world.clock.advance(Millis::minutes(20));
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(world.view(placed.order_id).await.status, OrderStatus::AwaitingPayment);
    world.paystack.pay(&placed.payment.reference);
    world.paystack.with(|book| book.verify_down = false);
    world.clock.advance(Millis::minutes(1));
    world.until_status(placed.order_id, OrderStatus::Paid).await;
}

#[tokio::test]
async fn an_order_is_not_cancelled_before_the_gateway_has_spoken_of_each_of_its_payments() {
    let world = World::new().await;
    world.paystack.with(|book| book.lose_initialise = 1);
    let order = world.checkout();
    world.place(&order).await;
    let placed: PlacedOrder = world.place(&order).await.json();
    let first = placed.payment.reference.replace("-2", "-1");
    world.paystack.with(|book| book.mute = Some(first.clone()));
    let asked = world.paystack.with(|book| book.verified);
    world.clock.advance(Millis::minutes(20));
    world.until("it asked", async || world.paystack.with(|book| book.verified) >= asked + 2).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(world.view(placed.order_id).await.status, OrderStatus::AwaitingPayment);
    world.paystack.pay(&first);
    world.paystack.with(|book| book.mute = None);
    world.clock.advance(Millis::minutes(1));
    world.until_status(placed.order_id, OrderStatus::Paid).await;
    assert_eq!(world.statuses(placed.order_id).await, [OrderStatus::AwaitingPayment, OrderStatus::Paid]);
}

#[tokio::test]
async fn money_that_comes_hours_late_makes_the_order_paid() {
    let world = World::new().await;
    let (_, placed) = world.placed().await;
    world.clock.advance(Millis::minutes(20));
    world.until_status(placed.order_id, OrderStatus::Cancelled).await;
    world.paystack.pay(&placed.payment.reference);
    world.clock.advance(Millis::minutes(5 * 60));
    world.until_status(placed.order_id, OrderStatus::Paid).await;
    let statuses = [OrderStatus::AwaitingPayment, OrderStatus::Cancelled, OrderStatus::Paid];
    assert_eq!(world.statuses(placed.order_id).await, statuses);
}

#[tokio::test]
async fn a_payment_that_the_gateway_never_heard_of_ends_with_its_order() {
    let world = World::new().await;
    world.paystack.with(|book| book.refuse_initialise = 1);
    let order = world.checkout();
    assert_eq!(world.place(&order).await.status, 503);
    world.clock.advance(Millis::minutes(20));
    world
        .until("the order is cancelled", async || {
            world.count("SELECT count(*) AS n FROM orders WHERE status = 'cancelled'").await == 1
        })
        .await;
}
