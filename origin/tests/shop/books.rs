//! The books: every entry sums to zero, everybody has their share, and what is owed is paid once.

use domain::ids::PayoutId;
use domain::order::OrderStatus;
use domain::payout::PayoutStatus;
use domain::refund::RefundStatus;
use domain::time::{Millis, Timestamp};
use domain::wire::{
    Balances, ORIGIN_LEDGER, ORIGIN_PAYOUTS, ORIGIN_STATEMENT, Payout, PayoutRun, Payouts, RefundRight, Statement,
};
use serde_json::json;
use uuid::Uuid;

use crate::gateway::Paystack;
use crate::refunds::{TOTAL, part, wanted};
use crate::world::{Answer, METRICS_TOKEN, World};

async fn balances(world: &World) -> Balances {
    let answer = Answer::of(world.signed("GET", ORIGIN_LEDGER, Vec::new())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// What an account holds of naira.
pub(crate) async fn balance(world: &World, account: &str) -> i64 {
    let Balances { balances, crooked_entries } = balances(world).await;
    assert_eq!((crooked_entries, balances.iter().map(|it| it.amount_minor).sum::<i64>()), (0, 0), "{balances:?}");
    balances.iter().find(|it| it.account == account).map_or(0, |it| it.amount_minor)
}

#[tokio::test]
async fn a_refund_takes_back_the_sellers_share_and_the_commission() {
    let world = World::without_reconciliation().await;
    let (order, placed) = world.placed().await;
    world.paystack.with(|book| book.fees = Some(188));
    world.paystack.pay(&placed.payment.reference);
    world.verify(order.checkout_id).await;
    let sold =
        [("gateway:paystack", TOTAL - 188), ("seller:kasuwa", -9_945), ("commission", -1_105), ("delivery", -1_500)];
    for (account, minor) in sold.into_iter().chain([("fees", 188), ("refunds", 0)]) {
        assert_eq!(balance(&world, account).await, minor, "{account}");
    }
    // One of two lamps, then everything else: in the end nobody keeps anything but the gateway its fee.
    world.refund(placed.order_id, &wanted(part(&[("lamp-red", 1)], false), RefundRight::Operator)).await;
    assert_eq!(balance(&world, "seller:kasuwa").await, -(9_945 - 4_500));
    assert_eq!(balance(&world, "commission").await, -(1_105 - 500));
    world.refund(placed.order_id, &wanted(None, RefundRight::Operator)).await;
    world.until_status(placed.order_id, OrderStatus::Refunded).await;
    for account in ["seller:kasuwa", "commission", "delivery", "refunds"] {
        assert_eq!(balance(&world, account).await, 0, "{account}");
    }
    assert_eq!((balance(&world, "gateway:paystack").await, balance(&world, "fees").await), (-188, 188));
}

#[tokio::test]
async fn money_that_nobody_asked_for_is_in_the_books_until_it_is_back() {
    let world = World::without_reconciliation().await;
    world.paystack.with(|book| book.refund_status = Some("pending"));
    let (order, placed) = world.placed().await;
    world.paystack.pay(&placed.payment.reference);
    world.paystack.set(&placed.payment.reference, |transaction| transaction.amount = 100);
    world.verify(order.checkout_id).await;
    assert_eq!((balance(&world, "refunds").await, balance(&world, "gateway:paystack").await), (-100, 100));
    world.until_refunds(placed.order_id, &[RefundStatus::Pending]).await;
    world.paystack.with(|book| book.refunds[0].status = "processed".to_owned());
    let (body, signature) = Paystack::refund_notice(&placed.payment.reference, "refund.processed");
    assert_eq!(world.raw_webhook(body, &signature).await.status, 200);
    assert_eq!((balance(&world, "refunds").await, balance(&world, "gateway:paystack").await), (0, 0));
}

#[tokio::test]
async fn a_dispute_that_was_won_stays_won_and_costs_nothing() {
    let world = World::without_reconciliation().await;
    let placed = world.paid().await;
    for (event, resolution) in [("charge.dispute.resolve", "declined"), ("charge.dispute.again", "merchant-accepted")] {
        let data = json!({"status": "resolved", "resolution": resolution, "refund_amount": 5_000, "currency": "NGN"});
        let stands = (placed.payment.reference.clone(), data);
        world.paystack.with(|book| book.disputes.insert("2868".to_owned(), stands));
        let (body, signature) = world.paystack.dispute_notice("2868", event);
        assert_eq!(world.raw_webhook(body, &signature).await.status, 200);
    }
    assert_eq!(world.count("SELECT count(*) AS n FROM dispute WHERE status = 'won'").await, 1);
    assert_eq!(balance(&world, "disputes").await, 0);
}

#[tokio::test]
async fn a_dispute_is_booked_when_it_is_lost_and_its_money_is_not_refunded_as_well() {
    let world = World::without_reconciliation().await;
    let placed = world.paid().await;
    let stand = |data: serde_json::Value| {
        let reference = placed.payment.reference.clone();
        world.paystack.with(|book| book.disputes.insert("2867".to_owned(), (reference, data)));
    };
    let hear = async |event: &str| {
        let (body, signature) = world.paystack.dispute_notice("2867", event);
        for _ in 0..2 {
            assert_eq!(world.raw_webhook(body.clone(), &signature).await.status, 200);
        }
    };
    stand(json!({"status": "awaiting-merchant-feedback", "refund_amount": 5_000, "currency": "NGN"}));
    hear("charge.dispute.create").await;
    assert_eq!(world.count("SELECT count(*) AS n FROM dispute WHERE status = 'open' AND amount_minor = 5000").await, 1);
    assert_eq!(balance(&world, "disputes").await, 0);
    let refused = world.refund(placed.order_id, &wanted(None, RefundRight::Operator)).await;
    assert_eq!(refused.problem(), "disputed");
    stand(json!({"status": "resolved", "resolution": "merchant-accepted", "refund_amount": 5_000, "currency": "NGN"}));
    hear("charge.dispute.resolve").await;
    assert_eq!((balance(&world, "disputes").await, balance(&world, "gateway:paystack").await), (5_000, TOTAL - 5_000));
    // Old news does not open it again.
    stand(json!({"status": "pending", "refund_amount": 5_000, "currency": "NGN"}));
    hear("charge.dispute.remind").await;
    assert_eq!(world.count("SELECT count(*) AS n FROM dispute WHERE status = 'lost'").await, 1);
    assert_eq!(balance(&world, "disputes").await, 5_000);
}

async fn pay_out(world: &World, run: &PayoutRun) -> Vec<Payout> {
    let answer = Answer::of(world.signed("POST", ORIGIN_PAYOUTS, serde_json::to_vec(run).unwrap())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json::<Payouts>().payouts
}

async fn decide(world: &World, payout: &Payout, what: &str) -> Answer {
    Answer::of(world.signed("POST", &format!("{ORIGIN_PAYOUTS}/{}/{what}", payout.id), Vec::new())).await
}

fn run(until: Timestamp) -> PayoutRun {
    PayoutRun { run_id: PayoutId(Uuid::now_v7()), until, least_minor: 0 }
}

#[tokio::test]
async fn a_returned_payout_is_owed_again_and_never_shown_as_settled() {
    let world = World::without_reconciliation().await;
    let before = world.clock.now();
    world.clock.advance(Millis(10));
    world.paid().await;
    assert_eq!(pay_out(&world, &run(before)).await, [], "what was sold later waits");
    world.clock.advance(Millis(10));
    let first = run(world.clock.now());
    let payouts = pay_out(&world, &first).await;
    assert_eq!(payouts.iter().map(|it| (it.seller.as_str(), it.amount_minor)).collect::<Vec<_>>(), [("kasuwa", 9_945)]);
    assert_eq!(pay_out(&world, &first).await, payouts, "the same run again pays nobody twice");
    assert_eq!(pay_out(&world, &run(world.clock.now())).await, [], "nothing is left");
    assert_eq!((balance(&world, "seller:kasuwa").await, balance(&world, "payouts").await), (0, -9_945));
    assert_eq!(decide(&world, &payouts[0], "confirm").await.json::<Payout>().status, PayoutStatus::Paid);
    assert_eq!((balance(&world, "payouts").await, balance(&world, "bank").await), (0, -9_945));
    for _ in 0..2 {
        assert_eq!(decide(&world, &payouts[0], "return").await.json::<Payout>().status, PayoutStatus::Returned);
    }
    assert_eq!((balance(&world, "seller:kasuwa").await, balance(&world, "bank").await), (-9_945, 0));
    assert_eq!(decide(&world, &payouts[0], "confirm").await.problem(), "payout_stands");
    world.clock.advance(Millis(10));
    assert_eq!(pay_out(&world, &run(world.clock.now())).await[0].amount_minor, 9_945);
    let missing = Payout { id: PayoutId(Uuid::now_v7()), ..payouts[0].clone() };
    assert_eq!(decide(&world, &missing, "confirm").await.problem(), "payout_not_found");
}

#[tokio::test]
async fn a_seller_is_not_paid_what_went_back_after_the_day_that_is_paid_for() {
    let world = World::without_reconciliation().await;
    let placed = world.paid().await;
    world.clock.advance(Millis(10));
    let day = world.clock.now();
    world.clock.advance(Millis(10));
    world.refund(placed.order_id, &wanted(part(&[("lamp-red", 2)], false), RefundRight::Operator)).await;
    assert_eq!(pay_out(&world, &run(day)).await[0].amount_minor, 9_945 - 9_000);
}

#[tokio::test]
async fn a_statement_leads_from_what_was_there_to_what_is() {
    let world = World::without_reconciliation().await;
    let placed = world.paid().await;
    world.clock.advance(Millis(10));
    let noon = world.clock.now();
    world.refund(placed.order_id, &wanted(part(&[("bulb", 1)], false), RefundRight::Operator)).await;
    world.clock.advance(Millis(10));
    let ask =
        async |query: String| Answer::of(world.signed("GET", &format!("{ORIGIN_STATEMENT}?{query}"), Vec::new())).await;
    let (from, until) = (noon.as_millis(), world.clock.now().as_millis());
    let statement: Statement = ask(format!("account=seller:kasuwa&from={from}&until={until}")).await.json();
    assert_eq!((statement.opening[0].amount_minor, statement.closing[0].amount_minor), (-9_945, -9_000));
    let lines: Vec<_> = statement.lines.iter().map(|line| (line.cause.as_str(), line.amount_minor)).collect();
    assert_eq!(lines, [("taken_back", 945)]);
    assert_eq!(statement.lines[0].order_id, Some(placed.order_id));
    for bad in ["account=somebody&from=0&until=1", "account=bank", "account=bank&from=x&until=1"] {
        assert_eq!(ask(bad.to_owned()).await.problem(), "query_invalid", "{bad}");
    }
}

#[tokio::test]
async fn whoever_watches_needs_the_token_and_sees_that_the_books_balance() {
    let world = World::without_reconciliation().await;
    world.paid().await;
    let ask = async |token: &str| Answer::of(world.client.get(world.url("/metrics")).bearer_auth(token)).await;
    assert_eq!(ask("somebody else's").await.problem(), "bad_token");
    let text = String::from_utf8(ask(METRICS_TOKEN).await.body).unwrap();
    for line in [
        "kasuwa_ledger_crooked_entries 0",
        "kasuwa_ledger_sum_minor{currency=\"NGN\"} 0",
        "kasuwa_orders{status=\"paid\"} 1",
    ] {
        assert!(text.lines().any(|it| it == line), "{line} in {text}");
    }
}
