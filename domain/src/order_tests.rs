//! The order machine as rows of text: `command → status`. Orders have to be paid within 15 minutes; `tick` moves time.

use super::*;
use crate::idempotency::assert_idempotent;

fn command(words: &[&str]) -> Command {
    match words {
        ["place", content] => {
            Command::Place { content_digest: (*content).to_owned(), pay_before: Timestamp(0) + Millis::minutes(15) }
        }
        ["capture", reference] => Command::ObserveCapture { reference: (*reference).to_owned() },
        ["mismatch", reference] => Command::ObserveMismatch { reference: (*reference).to_owned() },
        ["cancel"] => Command::Cancel,
        ["give_up"] => Command::GiveUp,
        ["return", reference] => Command::ReturnCapture { reference: (*reference).to_owned() },
        ["refuse_stock"] => Command::RefuseStock,
        _ => panic!("no such command: {words:?}"),
    }
}

/// Runs a table of rows; each is one command with the status that it must lead to, or what it is refused with.
fn run(table: &str) {
    let mut order = Order::default();
    let mut now = Timestamp(0);
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let (left, expected) = row.split_once("→").unwrap_or((row, ""));
        let words: Vec<&str> = left.split_whitespace().collect();
        if let ["tick", minutes] = words.as_slice() {
            now = now + Millis::minutes(minutes.parse().unwrap());
            continue;
        }
        let command = command(&words);
        let result = assert_idempotent(&mut order, |order| order.decide(&command, now), Order::evolve);
        let result = match result {
            Ok(()) => order.status().unwrap().to_string(),
            Err(rejection) => rejection.to_string(),
        };
        assert_eq!(result, expected.trim(), "{row}");
    }
}

#[test]
fn a_paid_order_is_paid_once() {
    run("place a     → awaiting_payment
         place a     → awaiting_payment
         capture p1  → paid
         capture p1  → paid
         place a     → paid
         tick 60
         cancel      → the order is paid");
}

#[test]
fn one_checkout_becomes_one_order() {
    run("place a     → awaiting_payment
         place b     → this checkout became an order for other things; start a new checkout");
}

#[test]
fn a_second_capture_leaves_the_order_paid() {
    run("place a     → awaiting_payment
         capture p1  → paid
         capture p2  → the order is paid and has no use for this payment
         mismatch p3 → paid
         capture p1  → paid");
}

#[test]
fn an_order_that_nobody_pays_ends_after_its_deadline_and_not_before() {
    run("place a     → awaiting_payment
         tick 15
         cancel      → the order can be paid until 1970-01-01T00:16:00Z
         tick 1
         cancel      → cancelled
         cancel      → cancelled
         place a     → cancelled");
}

#[test]
fn money_that_comes_late_makes_a_cancelled_order_paid_again() {
    run("place a     → awaiting_payment
         tick 16
         cancel      → cancelled
         capture p1  → paid
         cancel      → the order is paid");
}

#[test]
fn a_late_payment_without_stock_goes_back() {
    run("place a     → awaiting_payment
         tick 16
         cancel      → cancelled
         capture p1  → paid
         refuse_stock → refund_due
         refuse_stock → refund_due
         capture p1  → refund_due
         capture p2  → the order is refund_due and has no use for this payment");
}

#[test]
fn money_that_comes_for_an_order_that_was_given_up_goes_back() {
    run("place a     → awaiting_payment
         give_up     → cancelled
         give_up     → cancelled
         place a     → this checkout was given up; start a new checkout
         capture p1  → the order is cancelled and has no use for this payment
         return p1   → refund_due
         return p1   → refund_due
         give_up     → refund_due
         capture p2  → the order is refund_due and has no use for this payment");
}

#[test]
fn an_order_can_be_given_up_after_its_time_and_not_once_it_is_paid() {
    run("place a     → awaiting_payment
         tick 16
         cancel      → cancelled
         return p1   → cancelled
         give_up     → cancelled
         capture p1  → the order is cancelled and has no use for this payment");
    run("place a     → awaiting_payment
         capture p1  → paid
         give_up     → the order is paid
         return p2   → paid");
    run("give_up     → there is no such order");
}

#[test]
fn money_that_does_not_match_never_pays_an_order() {
    run("place a     → awaiting_payment
         mismatch p1 → refund_due
         mismatch p1 → refund_due
         tick 16
         cancel      → the order is refund_due
         capture p2  → the order is refund_due and has no use for this payment");
}

#[test]
fn nothing_happens_to_an_order_that_was_never_placed() {
    run("capture p1  → there is no such order
         cancel      → there is no such order");
    run("place a     → awaiting_payment
         refuse_stock → the order is awaiting_payment");
}

#[test]
fn the_deadline_is_there_while_the_order_waits() {
    let mut order = Order::default();
    assert_eq!(order.next_deadline(), None);
    let place = command(&["place", "a"]);
    for event in order.decide(&place, Timestamp(0)).unwrap() {
        order.evolve(&event);
    }
    assert_eq!(order.next_deadline(), Some(Timestamp(0) + Millis::minutes(16)));
    order.evolve(&Event::Paid { reference: "p1".to_owned() });
    assert_eq!(order.next_deadline(), None);
}

#[test]
fn a_status_reads_back_as_it_was_written() {
    for status in OrderStatus::ALL {
        assert_eq!(status.as_str().parse(), Ok(status));
        assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
    }
    assert!("shipped".parse::<OrderStatus>().is_err());
}
