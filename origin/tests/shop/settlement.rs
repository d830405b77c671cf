//! What gateways tell us: believed only after asking, settled once, and never more than what is true.

use domain::money::{Currency, Money};
use domain::order::OrderStatus;
use domain::payment::PaymentStatus;
use domain::wire::OriginEventKind;

use crate::world::World;

#[tokio::test]
async fn the_same_webhook_five_times_at_once_settles_once() {
    let world = World::without_reconciliation().await;
    let (_, placed) = world.placed().await;
    let reference = placed.payment.reference.as_str();
    world.paystack.pay(reference);
    let hear = || world.webhook("charge.success", reference);
    let statuses = tokio::join!(hear(), hear(), hear(), hear(), hear());
    assert_eq!(statuses, (200, 200, 200, 200, 200));

    let view = world.view(placed.order_id).await;
    assert_eq!(view.status, OrderStatus::Paid);
    assert_eq!(view.payment.status, PaymentStatus::Captured);
    assert_eq!(view.payment.captured, Some(Money::new(12_550, Currency::Ngn)));
    assert_eq!(view.payment.redirect_url, None, "nothing is left to pay");
    assert_eq!(world.statuses(placed.order_id).await, [OrderStatus::AwaitingPayment, OrderStatus::Paid]);
    assert_eq!(world.count("SELECT count(*) AS n FROM gateway_event WHERE outcome = 'settled'").await, 1);
    assert_eq!(world.count("SELECT count(*) AS n FROM outbox WHERE kind = 'order_paid'").await, 1);
}

#[tokio::test]
async fn a_forged_webhook_is_refused_and_changes_nothing() {
    let world = World::without_reconciliation().await;
    let (_, placed) = world.placed().await;
    world.paystack.pay(&placed.payment.reference);
    let (body, signature) = world.paystack.notice("charge.success", &placed.payment.reference);
    let before = world.paystack.with(|book| book.verified);
    for (body, signature) in [
        (body.clone(), domain::signature::paystack::sign("sk_test_of_somebody_else", body.as_bytes())),
        (body.clone(), String::new()),
        (format!("{body} "), signature),
    ] {
        let answer = world.raw_webhook(body, &signature).await;
        assert_eq!((answer.status, answer.problem().as_str()), (401, "bad_signature"));
    }
    assert_eq!(world.view(placed.order_id).await.status, OrderStatus::AwaitingPayment);
    assert_eq!(world.count("SELECT count(*) AS n FROM gateway_event").await, 0);
    assert_eq!(world.paystack.with(|book| book.verified), before, "the gateway is not even asked");
}

#[tokio::test]
async fn a_webhook_is_not_believed_when_the_gateway_says_otherwise() {
    let world = World::without_reconciliation().await;
    let (_, placed) = world.placed().await;
    let (body, signature) = {
        let (body, _) = world.paystack.notice("charge.success", &placed.payment.reference);
        let body = body.replace("abandoned", "success");
        let signature = domain::signature::paystack::sign(crate::gateway::SECRET, body.as_bytes());
        (body, signature)
    };
    assert_eq!(world.raw_webhook(body, &signature).await.status, 200);
    assert_eq!(world.view(placed.order_id).await.status, OrderStatus::AwaitingPayment);
}

#[tokio::test]
async fn a_webhook_is_asked_for_again_while_the_gateway_cannot_be_asked() {
    let world = World::without_reconciliation().await;
    let (_, placed) = world.placed().await;
    world.paystack.pay(&placed.payment.reference);
    world.paystack.with(|book| book.verify_down = true);
    assert_eq!(world.webhook("charge.success", &placed.payment.reference).await, 503);
    assert_eq!(world.count("SELECT count(*) AS n FROM gateway_event").await, 0);
    world.paystack.with(|book| book.verify_down = false);
    assert_eq!(world.webhook("charge.success", &placed.payment.reference).await, 200);
    assert_eq!(world.view(placed.order_id).await.status, OrderStatus::Paid);
}

#[tokio::test]
async fn a_stale_failure_after_success_changes_nothing() {
    let world = World::without_reconciliation().await;
    let (order, placed) = world.placed().await;
    let reference = placed.payment.reference.as_str();
    world.paystack.set(reference, |transaction| transaction.status = "failed".to_owned());
    assert_eq!(world.webhook("charge.failed", reference).await, 200);
    assert_eq!(world.view(placed.order_id).await.payment.status, PaymentStatus::Failed);
    world.paystack.pay(reference);
    assert_eq!(world.webhook("charge.success", reference).await, 200);
    // Late, and told differently: the notice itself, and even the gateway's own answer.
    world.paystack.set(reference, |transaction| (transaction.id, transaction.status) = (77, "failed".to_owned()));
    assert_eq!(world.webhook("charge.failed", reference).await, 200);
    world.verify(order.checkout_id).await;
    let view = world.view(placed.order_id).await;
    assert_eq!((view.status, view.payment.status.as_str()), (OrderStatus::Paid, "captured"));
}

#[tokio::test]
async fn an_amount_or_currency_other_than_the_quote_never_becomes_paid() {
    let world = World::without_reconciliation().await;
    for (amount, currency, named) in [
        (12_549, "NGN", "underpaid"),
        (12_551, "NGN", "overpaid"),
        (12_550, "USD", "wrong_currency"),
        (12_550, "XAF", "wrong_currency"),
    ] {
        let (_, placed) = world.placed().await;
        let reference = placed.payment.reference.as_str();
        world.paystack.set(reference, |transaction| {
            (transaction.amount, transaction.currency) = (amount, currency.to_owned());
            transaction.status = "success".to_owned();
        });
        assert_eq!(world.webhook("charge.success", reference).await, 200);
        let view = world.view(placed.order_id).await;
        assert_eq!((view.status, view.payment.status.as_str()), (OrderStatus::RefundDue, named), "{amount} {currency}");
        world.until("the edge knows", async || world.edge.told(placed.order_id).len() >= 2).await;
        assert_eq!(world.edge.told(placed.order_id)[1], (2, OriginEventKind::RefundDue));
    }
    assert_eq!(world.count("SELECT count(*) AS n FROM order_history WHERE status = 'paid'").await, 0);
}

#[tokio::test]
async fn a_second_capture_of_a_paid_order_goes_back_and_the_order_stays_paid() {
    let world = World::new().await;
    world.paystack.with(|book| book.lose_initialise = 1);
    let order = world.checkout();
    world.place(&order).await;
    let placed: domain::wire::PlacedOrder = world.place(&order).await.json();
    let (first, second) = (placed.payment.reference.replace("-2", "-1"), placed.payment.reference);
    world.paystack.pay(&second);
    assert_eq!(world.webhook("charge.success", &second).await, 200);
    world.paystack.pay(&first);
    assert_eq!(world.webhook("charge.success", &first).await, 200);
    let view = world.view(placed.order_id).await;
    assert_eq!((view.status, view.payment.reference), (OrderStatus::Paid, second));
    let duplicates = "SELECT count(*) AS n FROM payment WHERE status = 'duplicate_capture' AND captured_minor = 12550";
    assert_eq!(world.count(duplicates).await, 1);
    assert_eq!(world.statuses(placed.order_id).await, [OrderStatus::AwaitingPayment, OrderStatus::Paid]);
}

#[tokio::test]
async fn a_payment_that_we_never_asked_for_is_kept_for_the_record() {
    let world = World::without_reconciliation().await;
    assert_eq!(world.webhook("charge.success", "somebody-elses").await, 200);
    assert_eq!(world.count("SELECT count(*) AS n FROM gateway_event WHERE outcome = 'unmatched'").await, 1);
    let (_, placed) = world.placed().await;
    for event in ["refund.processed", "transfer.success", "an.event.of.tomorrow"] {
        assert_eq!(world.webhook(event, &placed.payment.reference).await, 200);
    }
    assert_eq!(world.count("SELECT count(*) AS n FROM gateway_event WHERE outcome = 'recorded'").await, 3);
    assert_eq!(world.view(placed.order_id).await.status, OrderStatus::AwaitingPayment);
}

#[tokio::test]
async fn a_shopper_who_comes_back_sees_the_truth_before_any_webhook() {
    let world = World::without_reconciliation().await;
    let (order, placed) = world.placed().await;
    assert_eq!(world.verify(order.checkout_id).await.status, OrderStatus::AwaitingPayment);
    world.paystack.with(|book| book.verify_down = true);
    assert_eq!(world.verify(order.checkout_id).await.status, OrderStatus::AwaitingPayment, "as far as we know");
    world.paystack.with(|book| book.verify_down = false);
    world.paystack.pay(&placed.payment.reference);
    assert_eq!(world.verify(order.checkout_id).await.status, OrderStatus::Paid);
    assert_eq!(world.webhook("charge.success", &placed.payment.reference).await, 200, "and then it comes");
    assert_eq!(world.statuses(placed.order_id).await, [OrderStatus::AwaitingPayment, OrderStatus::Paid]);
}
