//! What the edge is told: everything, in order per order, at least once.

use std::time::Duration;

use domain::order::OrderStatus;
use domain::wire::{ORIGIN_RESTATE, OriginEventKind, Restated};

use crate::world::{Answer, World};

#[tokio::test]
async fn an_edge_that_fails_is_told_again_and_in_order() {
    let world = World::without_reconciliation().await;
    world.edge.with(|memory| memory.fail_placed = 4);
    let (_, placed) = world.placed().await;
    world.paystack.pay(&placed.payment.reference);
    assert_eq!(world.webhook("charge.success", &placed.payment.reference).await, 200);
    world.until("the edge knows", async || world.edge.told(placed.order_id).len() == 2).await;
    let told = [(1, OriginEventKind::OrderPlaced), (2, OriginEventKind::OrderPaid)];
    assert_eq!(world.edge.told(placed.order_id), told);
    assert_eq!(world.edge.with(|memory| memory.forged), 0);
    world
        .until("nothing waits", async || {
            world.count("SELECT count(*) AS n FROM outbox WHERE delivered_at IS NULL").await == 0
        })
        .await;
    assert!(world.count("SELECT attempts AS n FROM outbox WHERE sequence = 1").await >= 2);
}

#[tokio::test]
async fn a_delivery_whose_answer_is_lost_is_made_again() {
    let world = World::without_reconciliation().await;
    world.edge.with(|memory| memory.lose = 1);
    let (_, placed) = world.placed().await;
    world.until("it was told twice", async || world.edge.told(placed.order_id).len() == 2).await;
    let ids: Vec<_> = world.edge.with(|memory| memory.events.iter().map(|event| event.id).collect());
    assert_eq!(ids[0], ids[1], "the same event");
}

#[tokio::test]
async fn an_edge_that_is_down_is_not_flooded_and_hears_everything_once_it_is_back() {
    const MANY: u32 = 1_000_000;
    let world = World::without_reconciliation().await;
    world.edge.with(|memory| memory.fail = MANY);
    let mut orders = Vec::new();
    for _ in 0..40 {
        orders.push(world.placed().await.1.order_id);
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let tries = MANY - world.edge.with(|memory| memory.fail);
    assert!(tries < 60, "{tries} tries for 40 messages in three seconds");
    world.edge.with(|memory| memory.fail = 0);
    for order_id in orders {
        world.until("the edge knows", async || !world.edge.told(order_id).is_empty()).await;
    }
}

#[tokio::test]
async fn a_slow_order_does_not_hold_up_the_others() {
    let world = World::without_reconciliation().await;
    world.edge.with(|memory| memory.delay = Duration::from_millis(300));
    let began = std::time::Instant::now();
    let mut orders = Vec::new();
    for _ in 0..8 {
        orders.push(world.placed().await.1.order_id);
    }
    for order_id in orders {
        world.until("the edge knows", async || !world.edge.told(order_id).is_empty()).await;
    }
    assert!(began.elapsed() < Duration::from_millis(8 * 300), "one after the other would take longer");
}

#[tokio::test]
async fn what_was_not_delivered_when_the_process_died_is_delivered_afterwards() {
    let mut world = World::without_reconciliation().await;
    world.edge.with(|memory| memory.delay = Duration::from_millis(500));
    let (_, placed) = world.placed().await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.kill();
    world.edge.with(|memory| memory.delay = Duration::ZERO);
    world.start().await;
    world.until("the edge knows", async || !world.edge.told(placed.order_id).is_empty()).await;
}

#[tokio::test]
async fn a_late_payment_without_stock_becomes_a_refund() {
    let world = World::without_reconciliation().await;
    world.edge.with(|memory| {
        memory.out_of_stock = true;
        memory.lose = 1;
    });
    let (order, placed) = world.placed().await;
    world.paystack.pay(&placed.payment.reference);
    assert_eq!(world.verify(order.checkout_id).await.status, OrderStatus::Paid);
    world.until_status(placed.order_id, OrderStatus::Refunded).await;
    world
        .until("the edge knows", async || world.edge.told(placed.order_id).contains(&(3, OriginEventKind::RefundDue)))
        .await;
    let statuses = [OrderStatus::AwaitingPayment, OrderStatus::Paid, OrderStatus::RefundDue, OrderStatus::Refunded];
    assert_eq!(world.statuses(placed.order_id).await, statuses);
    assert_eq!(world.count("SELECT count(*) AS n FROM outbox WHERE outcome = 'out_of_stock'").await, 1);
}

#[tokio::test]
async fn an_edge_that_lost_its_read_models_is_told_how_every_order_stands() {
    let world = World::without_reconciliation().await;
    let (_, waiting) = world.placed().await;
    let (order, paid) = world.placed().await;
    world.paystack.pay(&paid.payment.reference);
    world.verify(order.checkout_id).await;
    world.until("the edge knows", async || world.edge.told(paid.order_id).len() == 2).await;
    world.edge.with(|memory| memory.events.clear());
    let answer = Answer::of(world.signed("POST", ORIGIN_RESTATE, b"{}".to_vec())).await;
    assert_eq!(answer.json::<Restated>(), Restated { orders: 2, after: None });
    for (order_id, sequence) in [(waiting.order_id, 2), (paid.order_id, 3)] {
        let told = [(sequence, OriginEventKind::OrderRestated)];
        world.until("the edge knows again", async || world.edge.told(order_id) == told).await;
    }
    assert_eq!(world.statuses(paid.order_id).await, [OrderStatus::AwaitingPayment, OrderStatus::Paid]);
}
