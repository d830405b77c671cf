//! Money that goes back: all that has to, never more, never twice.

use std::time::Duration;

use domain::ids::{OrderId, RefundId, Sku};
use domain::order::OrderStatus;
use domain::refund::part::Part;
use domain::refund::{Cause, RefundStatus};
use domain::stock::{Quantity, StockLine};
use domain::time::Millis;
use domain::wire::{ORIGIN_ORDER, ORIGIN_REFUNDS, OrderView, OriginEventKind, PlacedOrder, RefundRequest, RefundRight};
use uuid::Uuid;

use crate::gateway::Paystack;
use crate::world::{Answer, World};

pub(crate) const TOTAL: i64 = 12_550;

fn line(sku: &str, quantity: u32) -> StockLine {
    StockLine { sku: Sku::new(sku).unwrap(), quantity: Quantity::new(quantity).unwrap() }
}

/// Lamps cost ₦50, the bulb ₦10.50, delivery ₦15.
pub(crate) fn part(lines: &[(&str, u32)], delivery: bool) -> Option<Part> {
    Some(Part { lines: lines.iter().map(|(sku, quantity)| line(sku, *quantity)).collect(), delivery })
}

pub(crate) fn wanted(part: Option<Part>, by: RefundRight) -> RefundRequest {
    let (actor, reason) = ("Ada Obi".to_owned(), "it did not fit".to_owned());
    RefundRequest { refund_id: RefundId(Uuid::now_v7()), by, actor, part, restock: true, reason }
}

impl World {
    pub(crate) async fn paid(&self) -> PlacedOrder {
        let (order, placed) = self.placed().await;
        self.paystack.pay(&placed.payment.reference);
        assert_eq!(self.verify(order.checkout_id).await.status, OrderStatus::Paid);
        placed
    }

    pub(crate) async fn refund(&self, order_id: OrderId, request: &RefundRequest) -> Answer {
        let path = format!("{ORIGIN_ORDER}{order_id}{ORIGIN_REFUNDS}");
        Answer::of(self.signed("POST", &path, serde_json::to_vec(request).unwrap())).await
    }

    pub(crate) async fn decide(&self, order_id: OrderId, refund_id: RefundId, what: &str) -> Answer {
        let path = format!("{ORIGIN_ORDER}{order_id}{ORIGIN_REFUNDS}/{refund_id}/{what}");
        Answer::of(self.signed("POST", &path, Vec::new())).await
    }

    pub(crate) async fn until_refunds(&self, order_id: OrderId, statuses: &[RefundStatus]) {
        let are = async || self.view(order_id).await.refunds.iter().map(|it| it.status).eq(statuses.iter().copied());
        self.until(&format!("its refunds are {statuses:?}"), are).await;
    }
}

#[tokio::test]
async fn charged_after_stock_reached_zero_and_refunded_by_itself() {
    let world = World::without_reconciliation().await;
    world.edge.with(|memory| memory.out_of_stock = true);
    let placed = world.paid().await;
    world.until_status(placed.order_id, OrderStatus::Refunded).await;
    assert_eq!(world.paystack.refunded(&placed.payment.reference), [TOTAL]);
    let refund = &world.view(placed.order_id).await.refunds[0];
    assert_eq!((refund.cause, refund.status, refund.amount_minor), (Cause::OutOfStock, RefundStatus::Done, TOTAL));
    let told = [OriginEventKind::RefundDue, OriginEventKind::OrderRefunded];
    world
        .until("the edge knows", async || {
            world.edge.told(placed.order_id).into_iter().skip(2).map(|(_, what)| what).eq(told)
        })
        .await;
}

#[tokio::test]
async fn too_little_and_too_much_go_back_whole() {
    let world = World::without_reconciliation().await;
    for amount in [TOTAL - 1, TOTAL + 1] {
        let (order, placed) = world.placed().await;
        world.paystack.pay(&placed.payment.reference);
        world.paystack.set(&placed.payment.reference, |transaction| transaction.amount = amount);
        world.verify(order.checkout_id).await;
        world.until_status(placed.order_id, OrderStatus::Refunded).await;
        assert_eq!(world.paystack.refunded(&placed.payment.reference), [amount]);
    }
}

#[tokio::test]
async fn paid_twice_in_two_tabs_and_the_second_goes_back() {
    let world = World::without_reconciliation().await;
    world.paystack.with(|book| book.lose_initialise = 1);
    let order = world.checkout();
    let placed = loop {
        let answer = world.place(&order).await;
        if answer.status < 300 {
            break answer.json::<PlacedOrder>();
        }
    };
    let first = placed.payment.reference.replace("-2", "-1");
    assert_ne!(first, placed.payment.reference, "the first page was lost");
    for reference in [&placed.payment.reference, &first] {
        world.paystack.pay(reference);
        assert_eq!(world.webhook("charge.success", reference).await, 200);
    }
    world.until_refunds(placed.order_id, &[RefundStatus::Done]).await;
    assert_eq!(world.paystack.refunded(&first), [TOTAL]);
    assert_eq!(world.paystack.refunded(&placed.payment.reference), [] as [i64; 0]);
    assert_eq!(world.view(placed.order_id).await.status, OrderStatus::Paid);
}

#[tokio::test]
async fn a_refund_whose_answer_was_lost_is_found_again_and_not_made_twice() {
    let mut world = World::new().await;
    world.paystack.with(|book| book.lose_refund = 1);
    let placed = world.paid().await;
    let answer = world.refund(placed.order_id, &wanted(None, RefundRight::Operator)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    world.until("it was asked for", async || world.paystack.refunded(&placed.payment.reference).len() == 1).await;
    world.kill();
    world.start().await;
    for _ in 0..6 {
        world.clock.advance(Millis::minutes(1));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    world.until_refunds(placed.order_id, &[RefundStatus::Done]).await;
    assert_eq!(world.paystack.refunded(&placed.payment.reference), [TOTAL]);
    assert_eq!(world.view(placed.order_id).await.status, OrderStatus::Refunded);
}

#[tokio::test]
async fn a_gateway_that_is_down_is_asked_until_it_answers() {
    let world = World::new().await;
    world.paystack.with(|book| book.refuse_refund = 3);
    let placed = world.paid().await;
    world.refund(placed.order_id, &wanted(None, RefundRight::Operator)).await;
    world.until("it was refused", async || world.paystack.with(|book| book.refuse_refund) < 3).await;
    let refund = world.view(placed.order_id).await.refunds.remove(0);
    assert_eq!(refund.status, RefundStatus::Due);
    for _ in 0..8 {
        world.clock.advance(Millis::minutes(3));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    world.until_refunds(placed.order_id, &[RefundStatus::Done]).await;
    assert_eq!(world.paystack.refunded(&placed.payment.reference), [TOTAL]);
}

#[tokio::test]
async fn the_second_refund_is_not_dropped() {
    let world = World::without_reconciliation().await;
    let placed = world.paid().await;
    let first = wanted(part(&[("lamp-red", 1)], false), RefundRight::Operator);
    for _ in 0..2 {
        let view: OrderView = world.refund(placed.order_id, &first).await.json();
        assert_eq!((view.status, view.refunds.len()), (OrderStatus::Paid, 1), "the same again changes nothing");
    }
    world.refund(placed.order_id, &wanted(part(&[("lamp-red", 1), ("bulb", 1)], false), RefundRight::Operator)).await;
    world.until_refunds(placed.order_id, &[RefundStatus::Done, RefundStatus::Done]).await;
    // All goods are back; what was paid for delivery is not.
    assert_eq!(world.view(placed.order_id).await.status, OrderStatus::Refunded);
    assert_eq!(world.paystack.refunded(&placed.payment.reference), [5_000, 6_050]);
    let differs = RefundRequest { part: part(&[("lamp-red", 2)], false), ..first };
    assert_eq!(world.refund(placed.order_id, &differs).await.problem(), "refund_differs");
}

#[tokio::test]
async fn no_more_goes_back_than_was_bought_however_many_ask_at_once() {
    let world = World::without_reconciliation().await;
    let placed = world.paid().await;
    let requests: Vec<RefundRequest> = (0..8).map(|_| wanted(None, RefundRight::Shopper)).collect();
    let mut answers = tokio::task::JoinSet::new();
    for request in &requests {
        let path = format!("{ORIGIN_ORDER}{}{ORIGIN_REFUNDS}", placed.order_id);
        answers.spawn(Answer::of(world.signed("POST", &path, serde_json::to_vec(request).unwrap())));
    }
    let answers = answers.join_all().await;
    let refused: Vec<String> = answers.iter().filter(|answer| answer.status != 200).map(Answer::problem).collect();
    assert_eq!(refused, ["not_refundable"; 7]);
    world.until_status(placed.order_id, OrderStatus::Refunded).await;
    assert_eq!(world.paystack.refunded(&placed.payment.reference), [TOTAL]);
}

#[tokio::test]
async fn a_refund_that_failed_waits_for_a_person_and_is_still_owed() {
    let world = World::without_reconciliation().await;
    world.paystack.with(|book| book.refund_status = Some("failed"));
    let placed = world.paid().await;
    let request = wanted(part(&[("bulb", 1)], false), RefundRight::Operator);
    world.refund(placed.order_id, &request).await;
    world.until_refunds(placed.order_id, &[RefundStatus::Failed]).await;
    assert!(world.view(placed.order_id).await.refunds[0].last_error.is_some());
    world.paystack.with(|book| book.refund_status = None);
    assert_eq!(world.decide(placed.order_id, request.refund_id, "retry").await.status, 200);
    world.until_refunds(placed.order_id, &[RefundStatus::Done]).await;
    let names: Vec<String> = world.paystack.with(|book| book.refunds.iter().map(|it| it.note.clone()).collect());
    assert_ne!(names[0], names[1], "another try has another name");
    assert_eq!(world.decide(placed.order_id, request.refund_id, "settle").await.problem(), "refund_stands");
    assert_eq!(world.decide(placed.order_id, RefundId(Uuid::now_v7()), "retry").await.problem(), "refund_not_found");
}

#[tokio::test]
async fn a_refund_on_its_way_is_done_when_the_gateway_says_so_and_not_before() {
    let world = World::without_reconciliation().await;
    world.paystack.with(|book| book.refund_status = Some("pending"));
    let placed = world.paid().await;
    world.refund(placed.order_id, &wanted(None, RefundRight::Shopper)).await;
    world.until_refunds(placed.order_id, &[RefundStatus::Pending]).await;
    let (body, signature) = Paystack::refund_notice(&placed.payment.reference, "refund.processed");
    assert_eq!(world.raw_webhook(body, &signature).await.status, 200);
    world.until_refunds(placed.order_id, &[RefundStatus::Pending]).await;
    world.paystack.with(|book| book.refunds[0].status = "processed".to_owned());
    let (body, signature) = Paystack::refund_notice(&placed.payment.reference, "refund.processed.again");
    assert_eq!(world.raw_webhook(body, &signature).await.status, 200);
    assert_eq!(world.view(placed.order_id).await.status, OrderStatus::Refunded);
}

#[tokio::test]
async fn a_seller_gives_back_their_own_lines_and_never_the_delivery() {
    let world = World::without_reconciliation().await;
    let placed = world.paid().await;
    let seller = |name: &str| RefundRight::Seller { seller: name.to_owned() };
    for (wish, by) in [(part(&[("bulb", 1)], false), "somebody"), (part(&[("bulb", 1)], true), "kasuwa")] {
        assert_eq!(world.refund(placed.order_id, &wanted(wish, seller(by))).await.problem(), "not_yours");
    }
    assert_eq!(world.refund(placed.order_id, &wanted(None, seller("somebody"))).await.problem(), "not_refundable");
    assert_eq!(world.refund(placed.order_id, &wanted(None, seller("kasuwa"))).await.status, 200);
    world.until_status(placed.order_id, OrderStatus::Refunded).await;
    assert_eq!(world.paystack.refunded(&placed.payment.reference), [TOTAL - 1_500]);
}

#[tokio::test]
async fn what_can_be_sold_again_is_told_to_the_edge_once() {
    let world = World::without_reconciliation().await;
    let placed = world.paid().await;
    world.edge.with(|memory| memory.lose = 1);
    let back = wanted(part(&[("lamp-red", 2)], true), RefundRight::Operator);
    let lost = RefundRequest { restock: false, ..wanted(part(&[("bulb", 1)], false), RefundRight::Operator) };
    world.refund(placed.order_id, &back).await;
    world.refund(placed.order_id, &lost).await;
    world.until_status(placed.order_id, OrderStatus::Refunded).await;
    let told = || {
        world.edge.with(|memory| {
            let refunds = memory.events.iter().filter(|event| event.what == OriginEventKind::LinesRefunded);
            refunds.map(|event| (event.sequence, event.restock.clone())).collect::<Vec<_>>()
        })
    };
    world.until("the edge knows both", async || told().last().is_some_and(|(sequence, _)| *sequence == 4)).await;
    let (_, restock) = told().remove(0);
    let restock = restock.unwrap();
    assert_eq!((restock.refund_id, restock.lines), (back.refund_id, vec![line("lamp-red", 2)]));
    assert_eq!(told().last().map(|(_, restock)| restock.is_none()), Some(true), "what is broken stays away");
}

#[tokio::test]
async fn what_is_not_paid_or_not_said_is_refused() {
    let world = World::without_reconciliation().await;
    let (_, placed) = world.placed().await;
    let refused = async |request: RefundRequest| world.refund(placed.order_id, &request).await.problem();
    assert_eq!(refused(wanted(None, RefundRight::Shopper)).await, "not_refundable");
    assert_eq!(
        refused(RefundRequest { reason: " ".into(), ..wanted(None, RefundRight::Operator) }).await,
        "invalid_refund"
    );
    assert_eq!(
        world.refund(OrderId(Uuid::now_v7()), &wanted(None, RefundRight::Operator)).await.problem(),
        "order_not_found"
    );
    world.paystack.pay(&placed.payment.reference);
    world.webhook("charge.success", &placed.payment.reference).await;
    assert_eq!(refused(wanted(part(&[("lamp-red", 3)], false), RefundRight::Operator)).await, "not_refundable");
    assert_eq!(refused(wanted(part(&[], false), RefundRight::Operator)).await, "not_refundable");
}
