//! Paying another way: as often as a shopper needs, on as many pages as there are, and never twice for good.

use std::sync::Arc;
use std::time::Duration;

use domain::ids::OrderId;
use domain::money::Currency;
use domain::order::OrderStatus;
use domain::payment::PaymentStatus;
use domain::refund::{Cause, RefundStatus};
use domain::time::Millis;
use domain::wire::{
    GatewayName, GatewayOffers, ORIGIN_GATEWAYS, ORIGIN_ORDER, ORIGIN_PAYMENTS, PaymentHandle, PlaceOrder, PlacedOrder,
};
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::world::{Answer, World};

const TOTAL: i64 = 12_550;

impl World {
    async fn pay_through(&self, order_id: OrderId, gateway: &str) -> Answer {
        let path = format!("{ORIGIN_ORDER}{order_id}{ORIGIN_PAYMENTS}");
        Answer::of(self.signed("POST", &path, json!({"gateway": gateway}).to_string().into_bytes())).await
    }

    async fn page_of(&self, order_id: OrderId, gateway: &str) -> PaymentHandle {
        let answer = self.pay_through(order_id, gateway).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    async fn payments(&self, order_id: OrderId) -> Vec<(GatewayName, PaymentStatus)> {
        self.view(order_id).await.payments.iter().map(|payment| (payment.gateway, payment.status)).collect()
    }
}

#[tokio::test]
async fn the_gateways_that_have_keys_are_offered_each_with_what_it_takes() {
    let world = World::without_reconciliation().await;
    let answer = Answer::of(world.signed("GET", ORIGIN_GATEWAYS, Vec::new())).await;
    let offers: GatewayOffers = answer.json();
    assert_eq!(offers.taking(Currency::Ngn), [GatewayName::Paystack, GatewayName::Flutterwave]);
    assert_eq!(offers.taking(Currency::Eur), [GatewayName::Flutterwave]);
    let unsigned = Answer::of(world.client.get(world.url(ORIGIN_GATEWAYS))).await;
    assert_eq!(unsigned.problem(), "bad_signature");
}

#[tokio::test]
async fn paid_through_two_gateways_and_the_second_goes_back() {
    let world = World::without_reconciliation().await;
    let (order, placed) = world.placed().await;
    let other = world.page_of(placed.order_id, "flutterwave").await;
    assert_eq!(other.reference, placed.payment.reference.replace("-1", "-2"));
    assert_eq!(other.redirect_url, format!("https://flutterwave.example/{}", other.reference));
    // The second is paid first; then the page that was opened before.
    world.paystack.pay(&other.reference);
    let view = world.verify(order.checkout_id).await;
    assert_eq!((view.status, view.payment.gateway), (OrderStatus::Paid, GatewayName::Flutterwave));
    world.paystack.pay(&placed.payment.reference);
    assert_eq!(world.webhook("charge.success", &placed.payment.reference).await, 200);
    world.until_refunds(placed.order_id, &[RefundStatus::Done]).await;
    assert_eq!(world.paystack.refunded(&placed.payment.reference), [TOTAL]);
    let view = world.view(placed.order_id).await;
    assert_eq!((view.status, view.refunds[0].cause), (OrderStatus::Paid, Cause::DuplicateCapture));
    assert_eq!(
        world.payments(placed.order_id).await,
        [(GatewayName::Paystack, PaymentStatus::DuplicateCapture), (GatewayName::Flutterwave, PaymentStatus::Captured)]
    );
}

#[tokio::test]
async fn the_old_page_is_paid_after_another_was_opened_and_that_is_enough() {
    let world = World::new().await;
    let (_, placed) = world.placed().await;
    world.page_of(placed.order_id, "flutterwave").await;
    world.paystack.pay(&placed.payment.reference);
    // Nobody tells us: the old payment is still asked about.
    world.until_status(placed.order_id, OrderStatus::Paid).await;
    let view = world.view(placed.order_id).await;
    assert_eq!((view.payment.reference, view.refunds.len()), (placed.payment.reference, 0));
}

#[tokio::test]
async fn a_repeated_press_in_two_tabs_opens_one_payment() {
    let world = World::without_reconciliation().await;
    let (_, placed) = world.placed().await;
    assert_eq!(world.page_of(placed.order_id, "paystack").await, placed.payment, "the page that is there");
    let world = Arc::new(world);
    let mut presses = JoinSet::new();
    for _ in 0..6 {
        let world = Arc::clone(&world);
        presses.spawn(async move { world.page_of(placed.order_id, "flutterwave").await });
    }
    let pages = presses.join_all().await;
    assert!(pages.iter().all(|page| *page == pages[0]), "{pages:?}");
    assert_eq!(world.paystack.with(|book| book.initialised), 2);
    assert_eq!(world.page_of(placed.order_id, "paystack").await, placed.payment, "and back again");
    assert_eq!(world.payments(placed.order_id).await.len(), 2);
}

#[tokio::test]
async fn a_payment_that_failed_is_not_paid_on_its_old_page_but_on_a_new_one() {
    let world = World::without_reconciliation().await;
    let (order, placed) = world.placed().await;
    world.paystack.set(&placed.payment.reference, |transaction| transaction.status = "failed".to_owned());
    assert_eq!(world.verify(order.checkout_id).await.payment.status, PaymentStatus::Failed);
    let again = world.page_of(placed.order_id, "paystack").await;
    assert_eq!(again.reference, placed.payment.reference.replace("-1", "-2"));
    assert_eq!(world.page_of(placed.order_id, "paystack").await, again);
    world.paystack.pay(&again.reference);
    assert_eq!(world.verify(order.checkout_id).await.status, OrderStatus::Paid);
}

#[tokio::test]
async fn a_checkout_whose_gateway_is_down_is_paid_through_the_other() {
    let world = World::without_reconciliation().await;
    world.paystack.with(|book| book.refuse_initialise = u32::MAX);
    let order = world.checkout();
    assert_eq!(world.place(&order).await.problem(), "gateway_unavailable");
    let other = PlaceOrder { gateway: GatewayName::Flutterwave, ..order.clone() };
    let answer = world.place(&other).await;
    let placed: PlacedOrder = answer.json();
    assert_eq!((answer.status, placed.payment.gateway), (200, GatewayName::Flutterwave));
    assert_eq!(world.place(&other).await.json::<PlacedOrder>(), placed, "the same again answers the same");
    world.paystack.pay(&placed.payment.reference);
    assert_eq!(world.verify(order.checkout_id).await.status, OrderStatus::Paid);
    assert_eq!(world.count("SELECT count(*) AS n FROM orders").await, 1);
}

#[tokio::test]
async fn the_other_gateway_does_not_wait_for_one_that_hangs() {
    let world = World::without_reconciliation().await;
    world.paystack.with(|book| book.initialise_delay = Duration::from_secs(5));
    let order = world.checkout();
    let hanging = tokio::time::timeout(Duration::from_millis(300), world.place(&order)).await;
    assert!(hanging.is_err(), "it hangs");
    let other = PlaceOrder { gateway: GatewayName::Flutterwave, ..order };
    let placed = tokio::time::timeout(Duration::from_secs(2), world.place(&other)).await.unwrap();
    assert_eq!(placed.json::<PlacedOrder>().payment.gateway, GatewayName::Flutterwave);
}

#[tokio::test]
async fn nobody_opens_payments_without_end() {
    let world = World::without_reconciliation().await;
    let (order, placed) = world.placed().await;
    let mut latest = placed.payment.reference.clone();
    for _ in 1..8 {
        world.paystack.set(&latest, |transaction| transaction.status = "failed".to_owned());
        world.verify(order.checkout_id).await;
        latest = world.page_of(placed.order_id, "paystack").await.reference;
    }
    world.paystack.set(&latest, |transaction| transaction.status = "failed".to_owned());
    world.verify(order.checkout_id).await;
    let answer = world.pay_through(placed.order_id, "paystack").await;
    assert_eq!((answer.status, answer.problem().as_str()), (409, "too_many_payments"));
    assert_eq!(world.payments(placed.order_id).await.len(), 8);
    // All of them are still good.
    world.paystack.pay(&placed.payment.reference);
    assert_eq!(world.verify(order.checkout_id).await.status, OrderStatus::Paid);
}

#[tokio::test]
async fn what_does_not_wait_for_its_payment_is_not_paid_again() {
    let world = World::without_reconciliation().await;
    let (order, placed) = world.placed().await;
    let view = world.view(placed.order_id).await;
    assert_eq!(view.pay_before, Some(order.reserved_until));
    world.paystack.pay(&placed.payment.reference);
    world.verify(order.checkout_id).await;
    for gateway in ["paystack", "flutterwave"] {
        let answer = world.pay_through(placed.order_id, gateway).await;
        assert_eq!((answer.status, answer.problem().as_str()), (409, "not_awaiting_payment"));
    }
    let (_, late) = world.placed().await;
    world.clock.advance(Millis::minutes(15));
    assert_eq!(world.pay_through(late.order_id, "flutterwave").await.problem(), "not_awaiting_payment");
    assert_eq!(world.payments(late.order_id).await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_paid_with_is_refused_in_words() {
    let world = World::without_reconciliation().await;
    let (_, placed) = world.placed().await;
    assert_eq!(world.pay_through(placed.order_id, "stripe").await.problem(), "gateway_not_offered");
    assert_eq!(world.pay_through(placed.order_id, "barter").await.problem(), "invalid_body");
    assert_eq!(world.pay_through(OrderId(Uuid::now_v7()), "paystack").await.problem(), "order_not_found");
    assert_eq!(world.payments(placed.order_id).await.len(), 1);
}
