//! What needs a person is listed until somebody has seen to it.

use domain::order::OrderStatus;
use domain::payment::PaymentStatus;
use domain::refund::RefundStatus;
use domain::time::Millis;
use domain::wire::{ORIGIN_OUTBOX, ORIGIN_RESEND, ORIGIN_TROUBLES, Troubles};
use uuid::Uuid;

use crate::world::{Answer, World};

impl World {
    async fn troubles(&self) -> Troubles {
        let answer = Answer::of(self.signed("GET", ORIGIN_TROUBLES, Vec::new())).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }
}

#[tokio::test]
async fn a_shop_in_which_all_is_well_has_no_troubles() {
    let world = World::without_reconciliation().await;
    let (order, placed) = world.placed().await;
    world.paystack.pay(&placed.payment.reference);
    assert_eq!(world.verify(order.checkout_id).await.status, OrderStatus::Paid);
    assert!(world.troubles().await.is_empty());
}

#[tokio::test]
async fn money_that_fits_no_order_is_listed_until_it_is_back() {
    let world = World::without_reconciliation().await;
    world.paystack.with(|book| book.refund_status = Some("failed"));
    let (order, placed) = world.placed().await;
    world.paystack.pay(&placed.payment.reference);
    world.paystack.set(&placed.payment.reference, |transaction| transaction.amount = 100);
    world.verify(order.checkout_id).await;
    world.until_refunds(placed.order_id, &[RefundStatus::Failed]).await;
    let troubles = world.troubles().await;
    let [payment] = troubles.payments.as_slice() else { panic!("{troubles:?}") };
    assert_eq!((payment.order_id, payment.status), (placed.order_id, PaymentStatus::Underpaid));
    assert_eq!(payment.captured.as_ref().map(|capture| capture.amount_minor), Some(100));
    let [refund] = troubles.refunds.as_slice() else { panic!("{troubles:?}") };
    assert_eq!((refund.order_id, refund.refund.status), (placed.order_id, RefundStatus::Failed));
    assert_eq!(payment.refunds, std::slice::from_ref(&refund.refund));

    assert_eq!(world.decide(placed.order_id, refund.refund.id, "settle").await.status, 200);
    assert!(world.troubles().await.is_empty());
}

#[tokio::test]
async fn a_refund_that_no_gateway_answers_for_is_listed_after_a_while() {
    let world = World::new().await;
    world.paystack.with(|book| book.refuse_refund = u32::MAX);
    let (order, placed) = world.placed().await;
    world.paystack.pay(&placed.payment.reference);
    world.paystack.set(&placed.payment.reference, |transaction| transaction.amount = 100);
    world.verify(order.checkout_id).await;
    assert_eq!(world.troubles().await.refunds, []);
    world
        .until("it was tried five times", async || {
            world.clock.advance(Millis::minutes(3));
            world.troubles().await.refunds.first().is_some_and(|trouble| trouble.tries >= 5)
        })
        .await;
    let trouble = world.troubles().await.refunds.remove(0);
    assert_eq!(trouble.refund.status, RefundStatus::Due);
    assert!(trouble.refund.last_error.is_some());
}

#[tokio::test]
async fn a_webhook_about_nothing_that_we_know_is_listed_for_a_month() {
    let world = World::without_reconciliation().await;
    assert_eq!(world.webhook("charge.success", "somebody-elses").await, 200);
    let troubles = world.troubles().await;
    let [webhook] = troubles.webhooks.as_slice() else { panic!("{troubles:?}") };
    assert_eq!(webhook.reference.as_deref(), Some("somebody-elses"));
    assert_eq!((webhook.event.as_str(), webhook.outcome.as_str()), ("charge.success", "unmatched"));
    world.clock.advance(Millis::days(31));
    assert!(world.troubles().await.is_empty());
}

#[tokio::test]
async fn a_message_that_is_stuck_is_listed_and_can_be_sent_again() {
    let world = World::without_reconciliation().await;
    world.edge.with(|memory| memory.fail = u32::MAX);
    let (_, placed) = world.placed().await;
    world.run("UPDATE outbox SET attempts = 99").await;
    world
        .until("it is stuck", async || {
            world.clock.advance(Millis::minutes(1));
            !world.troubles().await.messages.is_empty()
        })
        .await;
    let message = world.troubles().await.messages.remove(0);
    assert_eq!((message.order_id, message.kind.as_str()), (placed.order_id, "order_placed"));
    assert!(message.attempts >= 100 && message.last_error.is_some(), "{message:?}");

    world.edge.with(|memory| memory.fail = 0);
    let resend =
        |id: String| Answer::of(world.signed("POST", &format!("{ORIGIN_OUTBOX}{id}{ORIGIN_RESEND}"), Vec::new()));
    assert_eq!(resend(message.id.to_string()).await.status, 200);
    world.until("the edge knows", async || !world.edge.told(placed.order_id).is_empty()).await;
    world.until("nothing is stuck", async || world.troubles().await.is_empty()).await;
    for unknown in [message.id.to_string(), Uuid::now_v7().to_string(), "nonsense".to_owned()] {
        assert_eq!(resend(unknown).await.problem(), "message_not_found");
    }
}
