//! The payment machine as rows of text: `observation → status`. ₦50.00 were asked for.

use proptest::prelude::*;

use super::*;
use crate::idempotency::assert_idempotent;

fn payment() -> Payment {
    Payment::new("ref-1".to_owned(), Money::new(5_000, Currency::Ngn))
}

fn command(words: &[&str]) -> Command {
    let observe = |status, amount: &str, currency: &str| {
        Command::Observe(Observation {
            reference: "ref-1".to_owned(),
            status,
            amount_minor: amount.parse().unwrap(),
            currency: currency.to_owned(),
            gateway_id: None,
            fee_minor: None,
        })
    };
    match words {
        ["succeeded", amount, currency] => observe(ObservedStatus::Succeeded, amount, currency),
        ["failed"] => observe(ObservedStatus::Failed, "5000", "NGN"),
        ["abandoned"] => observe(ObservedStatus::Abandoned, "5000", "NGN"),
        ["pending"] => observe(ObservedStatus::Pending, "5000", "NGN"),
        ["unknown"] => observe(ObservedStatus::Unknown, "0", "NGN"),
        ["reversed"] => observe(ObservedStatus::Reversed, "5000", "NGN"),
        ["give_up"] => Command::GiveUp,
        ["duplicate"] => Command::MarkDuplicate,
        _ => panic!("no such command: {words:?}"),
    }
}

/// Runs a table of rows; each is one command with the status that it must lead to, or what it is refused with.
fn run(table: &str) -> Payment {
    let mut payment = payment();
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let (left, expected) = row.split_once("→").unwrap();
        let command = command(&left.split_whitespace().collect::<Vec<_>>());
        let result = assert_idempotent(&mut payment, |payment| payment.decide(&command), Payment::evolve);
        let result = match result {
            Ok(()) => payment.status.to_string(),
            Err(Rejection::Contradiction { .. }) => "contradiction".to_owned(),
            Err(rejection) => rejection.to_string(),
        };
        assert_eq!(result, expected.trim(), "{row}");
    }
    payment
}

#[test]
fn a_payment_may_fail_and_still_be_paid() {
    let payment = run("unknown            → pending
                       pending            → pending
                       failed             → failed
                       pending            → pending
                       abandoned          → abandoned
                       failed             → failed
                       succeeded 5000 NGN → captured");
    assert_eq!(payment.captured.unwrap().money(), Some(Money::new(5_000, Currency::Ngn)));
}

#[test]
fn a_stale_failure_after_success_changes_nothing() {
    run("succeeded 5000 NGN → captured
         failed             → captured
         abandoned          → captured
         pending            → captured
         unknown            → captured
         give_up            → captured
         succeeded 5000 NGN → captured");
}

#[test]
fn another_amount_or_currency_than_asked_for_is_never_a_capture() {
    run("succeeded 4999 NGN → underpaid
         failed             → underpaid");
    run("succeeded 5001 NGN → overpaid
         succeeded 5001 NGN → overpaid");
    run("succeeded 5000 USD → wrong_currency
         abandoned          → wrong_currency");
    run("succeeded 5000 ngn → wrong_currency");
    let payment = run("succeeded 5000 XYZ → wrong_currency");
    assert_eq!(payment.captured.unwrap().money(), None, "a currency that the shop does not know");
}

#[test]
fn a_gateway_that_contradicts_itself_is_not_believed_the_second_time() {
    run("succeeded 4999 NGN → underpaid
         succeeded 5000 NGN → contradiction
         pending            → underpaid");
}

#[test]
fn a_lost_attempt_is_watched_and_can_still_bring_money() {
    run("give_up            → lost
         pending            → lost
         abandoned          → lost
         succeeded 5000 NGN → captured
         duplicate          → duplicate_capture
         failed             → duplicate_capture
         succeeded 5000 NGN → duplicate_capture");
}

#[test]
fn only_captured_money_is_a_duplicate() {
    run("duplicate          → a pending payment is no duplicate capture
         succeeded 4999 NGN → underpaid
         duplicate          → a underpaid payment is no duplicate capture");
}

#[test]
fn money_that_went_back_before_we_saw_it_is_not_here() {
    run("reversed           → reversed
         succeeded 5000 NGN → reversed");
}

#[test]
fn an_observation_of_another_payment_is_refused() {
    let observation = Observation {
        reference: "ref-2".to_owned(),
        status: ObservedStatus::Succeeded,
        amount_minor: 5_000,
        currency: "NGN".to_owned(),
        gateway_id: None,
        fee_minor: None,
    };
    let refused = payment().decide(&Command::Observe(observation));
    assert!(matches!(refused, Err(Rejection::WrongReference { .. })));
}

#[test]
fn a_status_reads_back_as_it_was_written() {
    for status in PaymentStatus::ALL {
        assert_eq!(status.as_str().parse(), Ok(status));
        assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        assert!(!(status.is_open() && status.is_refund_due()));
    }
    assert!("paid".parse::<PaymentStatus>().is_err());
}

proptest! {
    /// EVENT-1: whatever else is said, in whatever order and however often, a full capture is a capture.
    #[test]
    fn any_order_of_news_that_holds_a_capture_ends_captured(
        before in prop::collection::vec(0_usize..4, 0..6),
        after in prop::collection::vec(0_usize..5, 0..6),
    ) {
        let news = ["failed", "abandoned", "pending", "unknown", "succeeded 5000 NGN"];
        let mut payment = payment();
        for index in before.into_iter().chain([4]).chain(after) {
            let command = command(&news[index].split(' ').collect::<Vec<_>>());
            for event in payment.decide(&command).unwrap() {
                payment.evolve(&event);
            }
        }
        prop_assert_eq!(payment.status, PaymentStatus::Captured);
    }
}
