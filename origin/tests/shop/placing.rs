//! Placing an order: once per checkout, wherever it broke off the time before.

use std::sync::Arc;
use std::time::Duration;

use domain::money::{Currency, Money};
use domain::order::OrderStatus;
use domain::pricing::Terms;
use domain::stock::Quantity;
use domain::time::Millis;
use domain::wire::{OriginEventKind, PlaceOrder, PlacedOrder, Problem};

use tokio::task::JoinSet;

use crate::world::{World, requote};

#[tokio::test]
async fn a_checkout_becomes_an_order_that_waits_for_its_payment() {
    let world = World::new().await;
    let (order, placed) = world.placed().await;
    assert_eq!(placed.total, Money::new(12_550, Currency::Ngn));
    assert_eq!(placed.payment.reference, format!("ks-{}-1", order.checkout_id.0.simple()));
    assert_eq!(placed.payment.redirect_url, format!("https://checkout.example/{}", placed.payment.reference));

    let view = world.view(placed.order_id).await;
    assert_eq!(view.status, OrderStatus::AwaitingPayment);
    assert_eq!(view.lines, order.lines);
    assert_eq!(view.address, order.address);
    assert_eq!(view.quote.digest(), order.quote_digest);
    assert_eq!(view.payment.captured, None);
    assert_eq!(view.payment.redirect_url, Some(placed.payment.redirect_url));
    assert_eq!(world.statuses(placed.order_id).await, [OrderStatus::AwaitingPayment]);
    world.until("the edge knows", async || !world.edge.told(placed.order_id).is_empty()).await;
    assert_eq!(world.edge.told(placed.order_id), [(1, OriginEventKind::OrderPlaced)]);
}

#[tokio::test]
async fn the_same_checkout_again_answers_the_same() {
    let world = World::new().await;
    let (mut order, placed) = world.placed().await;
    // The edge holds the stock anew, and the shopper's return address may be another.
    order.reserved_until = order.reserved_until + Millis::minutes(3);
    order.return_url = "https://shop.example/other".to_owned();
    let again = world.place(&order).await;
    assert_eq!((again.status, again.json::<PlacedOrder>()), (200, placed));
    assert_eq!(world.paystack.with(|book| book.initialised), 1);
}

#[tokio::test]
async fn ten_requests_for_one_checkout_at_once_make_one_order_and_one_payment() {
    let world = World::new().await;
    world.paystack.with(|book| book.initialise_delay = Duration::from_millis(100));
    let order = world.checkout();
    let world = &Arc::new(world);
    let mut places = JoinSet::new();
    for _ in 0..10 {
        let (world, order) = (Arc::clone(world), order.clone());
        places.spawn(async move { world.place(&order).await });
    }
    let answers: Vec<_> =
        places.join_all().await.into_iter().map(|place| (place.status, place.json::<PlacedOrder>())).collect();
    assert_eq!(answers.iter().filter(|(status, _)| *status == 201).count(), 1);
    assert!(answers.iter().all(|(_, placed)| *placed == answers[0].1));
    assert_eq!(world.count("SELECT count(*) AS n FROM orders").await, 1);
    assert_eq!(world.count("SELECT count(*) AS n FROM payment").await, 1);
    assert_eq!(world.paystack.with(|book| book.initialised), 1);
}

#[tokio::test]
async fn one_checkout_is_never_two_different_orders() {
    let world = World::new().await;
    let (order, _) = world.placed().await;
    let mut other = PlaceOrder { email: "eve@example.com".to_owned(), ..order.clone() };
    assert_eq!(world.place(&other).await.problem(), "checkout_differs");
    other = order;
    other.lines[0].quantity = Quantity::new(1).unwrap();
    requote(&mut other);
    let answer = world.place(&other).await;
    assert_eq!((answer.status, answer.problem().as_str()), (409, "checkout_differs"));
}

#[tokio::test]
async fn a_price_that_the_shopper_did_not_agree_to_is_not_charged() {
    let world = World::new().await;
    let mut order = world.checkout();
    order.lines[0].unit_price_minor += 1;
    let answer = world.place(&order).await;
    assert_eq!((answer.status, answer.problem().as_str()), (409, "quote_changed"));
    assert_eq!(world.count("SELECT count(*) AS n FROM orders").await, 0);
    assert_eq!(world.paystack.with(|book| book.initialised), 0);
}

#[tokio::test]
async fn what_is_wrong_with_an_order_is_said_field_by_field() {
    let world = World::new().await;
    let mut order = world.checkout();
    order.email = "ada".to_owned();
    order.address.city = String::new();
    order.return_url = "javascript:alert(1)".to_owned();
    order.lines.clear();
    order.reserved_until = order.reserved_until + Millis::days(2);
    let answer = world.place(&order).await;
    assert_eq!((answer.status, answer.problem().as_str()), (422, "invalid_order"));
    let fields: Vec<String> = answer.json::<Problem>().fields.into_keys().collect();
    assert_eq!(fields, ["address.city", "email", "lines", "reserved_until", "return_url"]);

    let mut many = world.checkout();
    many.lines = vec![many.lines[0].clone(); 101];
    assert_eq!(world.place(&many).await.problem(), "invalid_order");

    let mut free = world.checkout();
    free.lines.iter_mut().for_each(|line| line.unit_price_minor = 0);
    free.terms = Terms::flat(0);
    requote(&mut free);
    assert_eq!(world.place(&free).await.problem(), "nothing_to_pay");

    let mut euros = world.checkout();
    euros.currency = Currency::Eur;
    requote(&mut euros);
    assert_eq!(world.place(&euros).await.problem(), "currency_not_offered");
    assert_eq!(world.count("SELECT count(*) AS n FROM orders").await, 0);
}

#[tokio::test]
async fn a_gateway_that_is_down_costs_nothing_but_another_try() {
    let world = World::new().await;
    world.paystack.with(|book| book.refuse_initialise = 1);
    let order = world.checkout();
    let answer = world.place(&order).await;
    assert_eq!((answer.status, answer.problem().as_str()), (503, "gateway_unavailable"));
    let again = world.place(&order).await;
    assert_eq!(again.status, 200);
    assert!(again.json::<PlacedOrder>().payment.reference.ends_with("-1"), "the reference was not used up");
    assert_eq!(world.count("SELECT count(*) AS n FROM orders").await, 1);
}

#[tokio::test]
async fn a_lost_payment_page_opens_another_attempt_and_the_first_is_still_watched() {
    let world = World::new().await;
    world.paystack.with(|book| book.lose_initialise = 1);
    let order = world.checkout();
    assert_eq!(world.place(&order).await.status, 503);
    let placed: PlacedOrder = world.place(&order).await.json();
    assert!(placed.payment.reference.ends_with("-2"));
    let first = placed.payment.reference.replace("-2", "-1");
    assert_eq!(world.count("SELECT count(*) AS n FROM payment WHERE status = 'lost'").await, 1);
    // Nobody was shown the first page; but should money come that way, it counts.
    world.paystack.pay(&first);
    world.until_status(placed.order_id, OrderStatus::Paid).await;
    assert_eq!(world.view(placed.order_id).await.payment.reference, first);
}

#[tokio::test]
async fn an_order_that_is_paid_sends_the_shopper_to_its_page_not_to_the_gateway() {
    let world = World::new().await;
    let (order, placed) = world.placed().await;
    world.paystack.pay(&placed.payment.reference);
    assert_eq!(world.verify(order.checkout_id).await.status, OrderStatus::Paid);
    let again: PlacedOrder = world.place(&order).await.json();
    assert_eq!(again.payment.redirect_url, order.return_url);
    assert_eq!(again.order_id, placed.order_id);
}
