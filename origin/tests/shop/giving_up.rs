//! Giving a checkout up: what is paid afterwards goes back by itself, and what is paid before stands.

use std::time::Duration;

use domain::ids::CheckoutId;
use domain::order::OrderStatus;
use domain::payment::PaymentStatus;
use domain::refund::{Cause, RefundStatus};
use domain::time::Millis;
use domain::wire::{
    CHECKOUT_GIVEN_UP, GiveUpAnswer, NOT_AWAITING_PAYMENT, ORIGIN_GIVE_UP, ORIGIN_ORDER, ORIGIN_PAYMENTS,
    OriginEventKind,
};
use serde_json::json;

use crate::world::{Answer, World};

const TOTAL: i64 = 12_550;

impl World {
    async fn give_up(&self, checkout_id: CheckoutId) -> GiveUpAnswer {
        let answer = Answer::of(self.signed("POST", &format!("{ORIGIN_GIVE_UP}{checkout_id}"), Vec::new())).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }
}

#[tokio::test]
async fn money_that_comes_after_giving_up_goes_back_by_itself() {
    let world = World::without_reconciliation().await;
    let (order, placed) = world.placed().await;
    assert_eq!(world.give_up(order.checkout_id).await, GiveUpAnswer::GivenUp);
    assert_eq!(world.give_up(order.checkout_id).await, GiveUpAnswer::GivenUp, "said twice");
    assert_eq!(world.view(placed.order_id).await.status, OrderStatus::Cancelled);
    // The gateway's page is still open somewhere.
    world.paystack.pay(&placed.payment.reference);
    assert_eq!(world.webhook("charge.success", &placed.payment.reference).await, 200);
    world.until_refunds(placed.order_id, &[RefundStatus::Done]).await;
    assert_eq!(world.paystack.refunded(&placed.payment.reference), [TOTAL]);
    world.until_status(placed.order_id, OrderStatus::Refunded).await;
    let view = world.view(placed.order_id).await;
    assert_eq!((view.refunds[0].cause, view.payment.status), (Cause::GivenUp, PaymentStatus::DuplicateCapture));
    assert_eq!(
        world.statuses(placed.order_id).await,
        [OrderStatus::AwaitingPayment, OrderStatus::Cancelled, OrderStatus::RefundDue, OrderStatus::Refunded]
    );
    world
        .until("the edge to be told all of it", async || {
            let told: Vec<_> = world.edge.told(placed.order_id).into_iter().map(|(_, what)| what).collect();
            assert!(!told.contains(&OriginEventKind::OrderPaid), "nothing is sold, and no cart is emptied: {told:?}");
            told.contains(&OriginEventKind::OrderRefunded)
        })
        .await;
    assert_eq!(world.give_up(order.checkout_id).await, GiveUpAnswer::GivenUp);
}

#[tokio::test]
async fn what_is_paid_is_not_given_up_even_if_nobody_has_told_us_yet() {
    let world = World::without_reconciliation().await;
    let (order, placed) = world.placed().await;
    world.paystack.pay(&placed.payment.reference);
    let sold = GiveUpAnswer::Sold { order_id: placed.order_id };
    assert_eq!(world.give_up(order.checkout_id).await, sold);
    assert_eq!(world.view(placed.order_id).await.status, OrderStatus::Paid);
}

#[tokio::test]
async fn a_gateway_that_does_not_answer_keeps_nobody_from_giving_up() {
    let world = World::without_reconciliation().await;
    let (order, placed) = world.placed().await;
    world.paystack.with(|book| book.verify_down = true);
    assert_eq!(world.give_up(order.checkout_id).await, GiveUpAnswer::GivenUp);
    world.paystack.with(|book| book.verify_down = false);
    world.paystack.pay(&placed.payment.reference);
    assert_eq!(world.verify(order.checkout_id).await.status, OrderStatus::RefundDue);
}

#[tokio::test]
async fn what_was_given_up_before_its_order_came_becomes_none() {
    let world = World::without_reconciliation().await;
    let order = world.checkout();
    assert_eq!(world.give_up(order.checkout_id).await, GiveUpAnswer::GivenUp);
    let late = world.place(&order).await;
    assert_eq!((late.status, late.problem().as_str()), (409, CHECKOUT_GIVEN_UP));
    assert_eq!(world.count("SELECT count(*) AS n FROM orders").await, 0);
}

#[tokio::test]
async fn what_was_given_up_is_neither_placed_nor_paid_again() {
    let world = World::without_reconciliation().await;
    let (order, placed) = world.placed().await;
    world.give_up(order.checkout_id).await;
    let again = world.place(&order).await;
    assert_eq!((again.status, again.problem().as_str()), (409, CHECKOUT_GIVEN_UP));
    let path = format!("{ORIGIN_ORDER}{}{ORIGIN_PAYMENTS}", placed.order_id);
    let body = json!({"gateway": "flutterwave"}).to_string().into_bytes();
    assert_eq!(Answer::of(world.signed("POST", &path, body)).await.problem(), NOT_AWAITING_PAYMENT);
}

#[tokio::test]
async fn giving_up_and_paying_at_once_is_one_of_both_and_never_half() {
    for _ in 0..8 {
        let world = World::without_reconciliation().await;
        let (order, placed) = world.placed().await;
        let pay = async {
            world.paystack.pay(&placed.payment.reference);
            world.webhook("charge.success", &placed.payment.reference).await
        };
        let (answer, _) = tokio::join!(world.give_up(order.checkout_id), pay);
        let status = world.verify(order.checkout_id).await.status;
        match answer {
            GiveUpAnswer::Sold { .. } => assert_eq!(status, OrderStatus::Paid),
            GiveUpAnswer::GivenUp => {
                assert!(matches!(status, OrderStatus::RefundDue | OrderStatus::Refunded), "{status}")
            }
        }
    }
}

#[tokio::test]
async fn late_money_for_what_lapsed_and_was_then_given_up_goes_back() {
    let world = World::new().await;
    let (order, placed) = world.placed().await;
    world.clock.advance(Millis::minutes(17));
    world.until_status(placed.order_id, OrderStatus::Cancelled).await;
    assert_eq!(world.give_up(order.checkout_id).await, GiveUpAnswer::GivenUp);
    world.paystack.pay(&placed.payment.reference);
    assert_eq!(world.webhook("charge.success", &placed.payment.reference).await, 200);
    world.until_status(placed.order_id, OrderStatus::Refunded).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(world.paystack.refunded(&placed.payment.reference), [TOTAL]);
}
