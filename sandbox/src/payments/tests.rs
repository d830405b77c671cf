//! The life of a payment, told by its machine.

use domain::money::Currency;

use super::*;

fn naira(amount_minor: i64) -> Money {
    Money::new(amount_minor, Currency::Ngn)
}

fn payment() -> Payment {
    let request = Request {
        gateway: Gateway::Paystack,
        id: 1,
        reference: "ref-1".to_owned(),
        access_code: "code".to_owned(),
        email: "ada@example.com".to_owned(),
        requested: naira(5_000),
        callback_url: None,
        cancel_url: None,
        metadata: Value::Null,
        details: Value::Null,
    };
    Payment::new(request, Timestamp(0))
}

fn run(payment: &mut Payment, command: &Command) -> Result<usize, Rejection> {
    let events = payment.decide(command)?;
    for event in &events {
        payment.evolve(event, Timestamp(1));
    }
    assert!(
        matches!(payment.decide(command), Ok(again) if again.is_empty()) || matches!(command, Command::Refund(_)),
        "a repeated {command:?} changes nothing"
    );
    Ok(events.len())
}

/// An order for a refund.
fn refund(id: i64, amount_minor: Option<i64>) -> Command {
    Command::Refund(RefundOrder { id, amount_minor, note: None, key: None, details: Value::Null })
}

const PAY: Command = Command::Pay { captured: None };

#[test]
fn a_declined_or_abandoned_payment_can_still_be_paid() {
    for first in [Command::Decline, Command::Abandon] {
        let mut payment = payment();
        assert_eq!(run(&mut payment, &first), Ok(1));
        assert_eq!(run(&mut payment, &PAY), Ok(1));
        assert_eq!(payment.status, Status::Success);
    }
}

#[test]
fn nothing_undoes_a_captured_payment() {
    let mut payment = payment();
    assert_eq!(run(&mut payment, &PAY), Ok(1));
    for late in [Command::Decline, Command::Abandon, PAY] {
        assert_eq!(run(&mut payment, &late), Ok(0));
        assert_eq!(payment.status, Status::Success);
    }
}

#[test]
fn one_payment_captures_once() {
    let mut payment = payment();
    let short = Command::Pay { captured: Some(naira(4_999)) };
    assert_eq!(run(&mut payment, &short), Ok(1));
    assert_eq!(payment.capture.map(|capture| capture.money), Some(naira(4_999)));
    let other = Command::Pay { captured: Some(naira(5_000)) };
    assert_eq!(payment.decide(&other), Err(Rejection::AlreadyPaid { captured: naira(4_999) }));
}

#[test]
fn refunds_never_exceed_what_was_captured() {
    let mut payment = payment();
    assert_eq!(payment.decide(&refund(7, None)), Err(Rejection::NotPaid));
    assert_eq!(run(&mut payment, &PAY), Ok(1));
    for wrong in [-1, 0, 5_001] {
        let left = naira(5_000);
        assert_eq!(payment.decide(&refund(7, Some(wrong))), Err(Rejection::RefundOutOfRange { left }));
    }
    assert_eq!(run(&mut payment, &refund(7, Some(2_000))), Ok(1));
    assert_eq!(run(&mut payment, &refund(7, Some(2_000))), Ok(0), "the same refund again");
    assert_eq!(run(&mut payment, &refund(8, None)), Ok(1), "the rest");
    assert_eq!(payment.decide(&refund(9, None)), Err(Rejection::FullyRefunded));
    assert!(!payment.is_reversed(), "the money is on its way");
    assert_eq!(run(&mut payment, &Command::ProcessRefund { id: 7 }), Ok(1));
    assert_eq!(run(&mut payment, &Command::ProcessRefund { id: 8 }), Ok(1));
    assert!(payment.is_reversed());
    assert_eq!(payment.decide(&Command::ProcessRefund { id: 9 }), Err(Rejection::UnknownRefund(9)));
}

#[test]
fn a_failed_refund_can_be_asked_for_again_and_a_refund_ends_once() {
    let mut payment = payment();
    assert_eq!(run(&mut payment, &PAY), Ok(1));
    assert_eq!(run(&mut payment, &refund(7, None)), Ok(1));
    assert_eq!(run(&mut payment, &Command::FailRefund { id: 7 }), Ok(1));
    assert_eq!(run(&mut payment, &Command::ProcessRefund { id: 7 }), Ok(0), "it has ended");
    assert_eq!(payment.refundable(), Some(naira(5_000)), "the money is the shop's again");
    assert_eq!(run(&mut payment, &refund(8, None)), Ok(1));
    assert_eq!(run(&mut payment, &Command::ProcessRefund { id: 8 }), Ok(1));
    assert!(payment.is_reversed());
}

#[test]
fn refunds_are_refused_as_long_as_the_tester_wants() {
    let mut payment = payment();
    assert_eq!(run(&mut payment, &PAY), Ok(1));
    assert_eq!(run(&mut payment, &Command::SetRefundMode(RefundMode::Refuse)), Ok(1));
    assert_eq!(payment.decide(&refund(7, None)), Err(Rejection::RefundRefused));
    assert_eq!(run(&mut payment, &Command::SetRefundMode(RefundMode::Process)), Ok(1));
    assert_eq!(run(&mut payment, &refund(7, None)), Ok(1));
}

#[test]
fn disputed_money_cannot_be_refunded_and_comes_back_only_when_the_shop_wins() {
    for (outcome, left) in [(DisputeOutcome::Won, 3_000), (DisputeOutcome::Lost, 0)] {
        let mut payment = payment();
        assert_eq!(payment.decide(&Command::Dispute { id: 9 }), Err(Rejection::NotPaid));
        assert_eq!(run(&mut payment, &PAY), Ok(1));
        assert_eq!(payment.decide(&Command::CloseDispute(outcome)), Err(Rejection::NoDispute));
        assert_eq!(run(&mut payment, &refund(7, Some(2_000))), Ok(1));
        assert_eq!(run(&mut payment, &Command::Dispute { id: 9 }), Ok(1));
        assert_eq!(payment.disputes[0].money, naira(3_000), "what is left of the capture");
        assert_eq!(payment.decide(&Command::Dispute { id: 10 }), Err(Rejection::AlreadyDisputed));
        assert_eq!(payment.decide(&refund(8, None)), Err(Rejection::Disputed));
        assert_eq!(run(&mut payment, &Command::CloseDispute(outcome)), Ok(1));
        assert_eq!(payment.refundable(), Some(naira(left)), "{outcome:?}");
    }
}
