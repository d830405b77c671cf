//! The real binary, ended in every way in which processes end.

use std::time::Duration;

use domain::order::OrderStatus;
use domain::wire::PlacedOrder;

use crate::world::World;

#[tokio::test]
async fn a_process_killed_between_payment_and_webhook_ends_in_paid_within_seconds() {
    let mut world = World::without_reconciliation().await;
    world.start_process().await;
    let (_, placed) = world.placed().await;
    world.kill_process().await;
    world.paystack.pay(&placed.payment.reference);
    world.start_process().await;
    world.until_status(placed.order_id, OrderStatus::Paid).await;
    world.until("the edge knows", async || world.edge.told(placed.order_id).len() >= 2).await;
}

#[tokio::test]
async fn a_process_killed_while_it_asked_for_the_payment_page_loses_no_order() {
    let mut world = World::without_reconciliation().await;
    world.start_process().await;
    world.paystack.with(|book| book.initialise_delay = Duration::from_millis(500));
    let order = world.checkout();
    let cut_off = tokio::time::timeout(Duration::from_millis(250), world.place(&order)).await;
    assert!(cut_off.is_err(), "the gateway is slow");
    world.kill_process().await;
    world.paystack.with(|book| book.initialise_delay = Duration::ZERO);
    world.until("the gateway has made the page", async || world.paystack.with(|book| book.initialised) == 1).await;
    world.start_process().await;
    let placed: PlacedOrder = world.place(&order).await.json();
    assert!(placed.payment.reference.ends_with("-2"), "the page of the first was lost: {}", placed.payment.reference);
    world.paystack.pay(&placed.payment.reference);
    assert_eq!(world.webhook("charge.success", &placed.payment.reference).await, 200);
    assert_eq!(world.view(placed.order_id).await.status, OrderStatus::Paid);
}

#[tokio::test]
async fn a_process_that_is_asked_to_end_ends_well() {
    let mut world = World::without_reconciliation().await;
    world.start_process().await;
    let (order, placed) = world.placed().await;
    assert!(world.terminate_process().await);
    world.start_process().await;
    assert_eq!(world.place(&order).await.json::<PlacedOrder>(), placed);
}
