//! Promotions, taxes and delivery as orders are placed, paid, given up and refunded: nothing is redeemed too often (COUPON-1), and every
//! share comes back to the minor unit.

use std::sync::Arc;

use domain::ids::{CartId, CheckoutId, Sku};
use domain::order::OrderStatus;
use domain::pricing::{Bearer, DeliveryTerms, Effect, PromotionTerms, Tax, Terms};
use domain::refund::Cause;
use domain::refund::part::Part;
use domain::stock::{Quantity, StockLine};
use domain::time::Millis;
use domain::wire::{PlaceOrder, PlacedOrder, RefundRight};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::books::balance;
use crate::refunds::wanted;
use crate::world::{Answer, World, requote};

fn tax(name: &str, thousandths: u32, is_included: bool) -> Tax {
    Tax { name: name.to_owned(), rate: domain::pricing::Rate::new(thousandths).unwrap(), is_included }
}

fn ten_percent(limit: Option<u32>, limit_per_person: Option<u32>) -> PromotionTerms {
    PromotionTerms {
        id: "welcome".to_owned(),
        name: "Welcome".to_owned(),
        code: Some("WELCOME".to_owned()),
        effect: Effect::Percent { rate: "10".parse().unwrap() },
        skus: ["lamp-red", "bulb"].map(|sku| Sku::new(sku).unwrap()).into(),
        borne_by: Bearer::Shop,
        limit,
        limit_per_person,
    }
}

/// The usual checkout, with a promotion, of a person and a cart of its own.
fn with(world: &World, promotion: PromotionTerms, person: &str) -> PlaceOrder {
    let mut order = world.checkout();
    order.terms.promotions = vec![promotion];
    order.email = format!("{person}@example.com");
    requote(&mut order);
    order
}

/// Places all of them at the same time; the answers in their order.
async fn at_once(world: &Arc<World>, orders: &[PlaceOrder]) -> Vec<Answer> {
    let mut places = JoinSet::new();
    for (index, order) in orders.iter().cloned().enumerate() {
        let world = Arc::clone(world);
        places.spawn(async move { (index, world.place(&order).await) });
    }
    let mut answers = places.join_all().await;
    answers.sort_by_key(|(index, _)| *index);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

async fn redeemed(world: &World) -> i64 {
    world.count("SELECT count(*) AS n FROM redemption WHERE given_back_at IS NULL").await
}

#[tokio::test]
async fn forty_at_once_redeem_a_code_exactly_as_often_as_it_may_be() {
    let world = Arc::new(World::without_reconciliation().await);
    let orders: Vec<PlaceOrder> =
        (0..40).map(|n| with(&world, ten_percent(Some(7), None), &format!("buyer-{n}"))).collect();
    let answers = at_once(&world, &orders).await;
    let placed = answers.iter().filter(|answer| answer.status == 201).count();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 201).collect();
    assert_eq!((placed, redeemed(&world).await), (7, 7));
    assert!(refused.iter().all(|answer| answer.status == 409 && answer.problem() == "coupon_used_up"), "{refused:?}");
}

#[tokio::test]
async fn one_person_redeems_a_code_once_however_the_address_is_written_and_however_many_tabs_there_are() {
    let world = Arc::new(World::without_reconciliation().await);
    let promotion = || ten_percent(None, Some(1));
    let orders: Vec<PlaceOrder> =
        (0..12).map(|n| with(&world, promotion(), if n % 2 == 0 { "Ada" } else { "ada" })).collect();
    let answers = at_once(&world, &orders).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(
        answers.iter().filter(|answer| answer.status != 201).all(|answer| answer.problem() == "coupon_used_by_you")
    );
    let repeated = orders.iter().zip(&answers).find(|(_, answer)| answer.status == 201).unwrap().0;
    assert_eq!(world.place(repeated).await.status, 200, "the same checkout again is the same order");
    assert_eq!(world.place(&with(&world, promotion(), "bola")).await.status, 201);
}

#[tokio::test]
async fn an_order_that_is_given_up_gives_its_redemption_back() {
    let world = World::new().await;
    let first = with(&world, ten_percent(Some(1), Some(1)), "ada");
    let placed: PlacedOrder = world.place(&first).await.json();
    assert_eq!(world.place(&with(&world, ten_percent(Some(1), None), "bola")).await.problem(), "coupon_used_up");
    // Of the same cart: somebody came back to correct what they had typed.
    let corrected =
        PlaceOrder { checkout_id: CheckoutId(Uuid::now_v7()), ..with(&world, ten_percent(Some(1), Some(1)), "ada") };
    let corrected = PlaceOrder { cart_id: first.cart_id, ..corrected };
    let second: PlacedOrder = world.place(&corrected).await.json();
    assert_eq!(redeemed(&world).await, 1);
    world.clock.advance(Millis::minutes(20));
    world.until_status(placed.order_id, OrderStatus::Cancelled).await;
    world.until_status(second.order_id, OrderStatus::Cancelled).await;
    assert_eq!(redeemed(&world).await, 0);
    let bolas = PlaceOrder {
        reserved_until: world.clock.now() + Millis::minutes(15),
        ..with(&world, ten_percent(Some(1), None), "bola")
    };
    assert_eq!(world.place(&bolas).await.status, 201);
}

#[tokio::test]
async fn money_that_comes_late_takes_its_redemption_again_or_goes_back() {
    let world = World::new().await;
    let (one, other) =
        (with(&world, ten_percent(Some(1), None), "ada"), with(&world, ten_percent(Some(2), None), "bola"));
    let first: PlacedOrder = world.place(&one).await.json();
    world.clock.advance(Millis::minutes(20));
    world.until_status(first.order_id, OrderStatus::Cancelled).await;
    world.paystack.pay(&first.payment.reference);
    assert_eq!(world.webhook("charge.success", &first.payment.reference).await, 200);
    world.until_status(first.order_id, OrderStatus::Paid).await;
    assert_eq!(redeemed(&world).await, 1, "nobody had it meanwhile");

    let other = PlaceOrder { reserved_until: world.clock.now() + Millis::minutes(15), ..other };
    let second: PlacedOrder = world.place(&other).await.json();
    world.clock.advance(Millis::minutes(20));
    world.until_status(second.order_id, OrderStatus::Cancelled).await;
    let mut third = with(&world, ten_percent(Some(2), None), "chi");
    third.reserved_until = world.clock.now() + Millis::minutes(15);
    assert_eq!(world.place(&third).await.status, 201);
    world.paystack.pay(&second.payment.reference);
    assert_eq!(world.webhook("charge.success", &second.payment.reference).await, 200);
    world.until_status(second.order_id, OrderStatus::Refunded).await;
    let view = world.view(second.order_id).await;
    assert_eq!(view.refunds.iter().map(|refund| refund.cause).collect::<Vec<_>>(), [Cause::CouponUsedUp]);
    assert_eq!(redeemed(&world).await, 2);
    assert_eq!(balance(&world, "refunds").await, 0);
}

#[tokio::test]
async fn the_books_know_tax_and_discounts_and_refunds_take_every_share_back() {
    let world = World::without_reconciliation().await;
    let mut order = with(&world, ten_percent(None, None), "ada");
    let vat = tax("VAT", 7_500, true);
    order.terms.taxes = ["lamp-red", "bulb"].map(|sku| (Sku::new(sku).unwrap(), vat.clone())).into();
    order.terms.deliveries = vec![DeliveryTerms {
        seller: Some("kasuwa".to_owned()),
        is_sellers: true,
        tax: Some(tax("Levy", 5_000, false)),
        ..Terms::flat(1_500).deliveries[0].clone()
    }];
    requote(&mut order);
    let placed: PlacedOrder = world.place(&order).await.json();
    // 11,050 less 10 %, and delivery with 5 % on top.
    assert_eq!(placed.total.amount_minor, 9_945 + 1_575);
    world.paystack.pay(&placed.payment.reference);
    world.verify(order.checkout_id).await;
    // What the lamps and the bulb were sold for, VAT apart: 9,302 and 977; the shop keeps a tenth of it, and gives up the discount.
    let shares = [("tax", -(628 + 66 + 75)), ("commission", -(930 + 98)), ("discounts", 930 + 98), ("delivery", 0)];
    for (account, minor) in shares {
        assert_eq!(balance(&world, account).await, minor, "{account}");
    }
    let all = balance(&world, "seller:kasuwa").await;
    assert_eq!(all, -(9_302 + 977 - 930 - 98 + 1_500));

    let lamp = StockLine { sku: Sku::new("lamp-red").unwrap(), quantity: Quantity::new(1).unwrap() };
    let part = Part { lines: vec![lamp], delivery: false };
    for part in [Some(part.clone()), Some(part), None] {
        assert_eq!(world.refund(placed.order_id, &wanted(part, RefundRight::Operator)).await.status, 200);
    }
    for account in ["tax", "commission", "discounts", "seller:kasuwa", "delivery"] {
        assert_eq!(balance(&world, account).await, 0, "{account}");
    }
    let refunds = world.view(placed.order_id).await.refunds;
    assert_eq!(refunds.iter().map(|refund| refund.amount_minor).sum::<i64>(), placed.total.amount_minor);
}

#[tokio::test]
async fn an_order_remembers_what_was_agreed() {
    let world = World::without_reconciliation().await;
    let order = PlaceOrder { cart_id: CartId(Uuid::now_v7()), ..with(&world, ten_percent(None, None), "ada") };
    let placed: PlacedOrder = world.place(&order).await.json();
    let quote = world.view(placed.order_id).await.quote;
    assert_eq!((quote.digest(), quote.discount_minor), (order.quote_digest, 1_105));
    assert_eq!(quote.discounts(), [("welcome", "Welcome", 1_105)]);
}
