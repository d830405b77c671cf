//! An order's money, and what needs a person, as text for a terminal. It decides nothing.

use std::fmt::Write as _;

use domain::money::{Currency, Money};
use domain::wire::{OrderView, PaymentTrouble, PayoutTrouble, RefundView, StuckMessage, Troubles, WebhookTrouble};

/// What people and gateways wrote must not drive a terminal.
fn plain(text: &str) -> String {
    text.escape_debug().to_string()
}

fn money(amount_minor: i64, currency: &str) -> String {
    match currency.parse::<Currency>() {
        Ok(currency) => Money::new(amount_minor, currency).to_string(),
        Err(_) => format!("{amount_minor} minor units of {}", plain(currency)),
    }
}

/// An order: what was bought, how it was paid, what goes back.
pub fn order(order: &OrderView) -> String {
    let mut text = format!("order {}  {}  {}\n", order.id, order.status, order.quote.total());
    // Writing to a string never fails.
    let _written = writeln!(text, "  {}, {}", plain(&order.email), plain(&order.address.name));
    for line in &order.lines {
        let unit = Money::new(line.unit_price_minor, order.quote.currency);
        let (title, seller) = (plain(&line.title), plain(&line.seller));
        let _written = writeln!(text, "  {:>4} × {}  {unit}  {title}  {seller}", line.quantity.get(), line.sku);
    }
    let _written = writeln!(text, "payments");
    for payment in &order.payments {
        let captured = payment.captured.map_or_else(|| "-".to_owned(), |money| money.to_string());
        let _written =
            writeln!(text, "  {}  {}  {}  {captured}", payment.reference, payment.gateway.as_str(), payment.status);
    }
    if !order.refunds.is_empty() {
        let _written = writeln!(text, "refunds");
    }
    order.refunds.iter().for_each(|it| text.push_str(&refund(it)));
    let _written = writeln!(text, "history");
    for change in &order.history {
        let _written = writeln!(text, "  {}  {}", change.at.rfc3339(), change.status);
    }
    text
}

fn refund(refund: &RefundView) -> String {
    let amount = money(refund.amount_minor, &refund.currency);
    let mut text = format!("  {}  {amount}  {}  {}\n", refund.id, refund.status, plain(&refund.reason));
    if let Some(error) = &refund.last_error {
        let _written = writeln!(text, "      {}", plain(error));
    }
    text
}

/// Everything that needs a person, with the command that helps where there is one.
pub fn troubles(troubles: &Troubles) -> String {
    let Troubles { refunds, payments, webhooks, messages, payouts } = troubles;
    let mut text = String::new();
    if troubles.is_empty() {
        text.push_str("nothing needs a person\n");
    }
    for trouble in refunds {
        let _written = writeln!(text, "refund of order {}, tried {} times", trouble.order_id, trouble.tries);
        text.push_str(&refund(&trouble.refund));
    }
    payments.iter().for_each(|trouble| text.push_str(&payment(trouble)));
    webhooks.iter().for_each(|trouble| text.push_str(&webhook(trouble)));
    messages.iter().for_each(|trouble| text.push_str(&message(trouble)));
    payouts.iter().for_each(|trouble| text.push_str(&payout(trouble)));
    text
}

fn payout(trouble: &PayoutTrouble) -> String {
    let PayoutTrouble { payout, tries, trouble } = trouble;
    let amount = money(payout.amount_minor, &payout.currency);
    let (seller, error) = (plain(&payout.seller), plain(payout.last_error.as_deref().unwrap_or("-")));
    format!(
        "payout {} to {seller}: {}, {}, tried {tries} times\n  {amount}  {error}\n  {}\n",
        payout.id,
        payout.status,
        trouble.as_str(),
        trouble.advice()
    )
}

fn payment(trouble: &PaymentTrouble) -> String {
    let captured = trouble.captured.as_ref();
    let captured = captured.map_or_else(String::new, |capture| money(capture.amount_minor, &capture.currency));
    let PaymentTrouble { order_id, gateway, reference, status, expected, refunds, .. } = trouble;
    let mut text = format!(
        "payment of order {order_id}: {status}\n  {reference}  {}  {captured} in place of {expected}\n",
        gateway.as_str()
    );
    refunds.iter().for_each(|it| text.push_str(&refund(it)));
    text
}

fn webhook(trouble: &WebhookTrouble) -> String {
    let WebhookTrouble { gateway, event, reference, outcome, received_at, request_id } = trouble;
    let reference = plain(reference.as_deref().unwrap_or("-"));
    format!(
        "webhook of {}: {outcome}\n  {}  {}  {reference}  request {}\n",
        gateway.as_str(),
        received_at.rfc3339(),
        plain(event),
        plain(request_id)
    )
}

fn message(trouble: &StuckMessage) -> String {
    let StuckMessage { id, order_id, kind, attempts, stuck_at, next_attempt_at, last_error } = trouble;
    format!(
        "message {id} of order {order_id}: stuck since {} after {attempts} attempts, next at {}\n  {kind}  {}\n",
        stuck_at.rfc3339(),
        next_attempt_at.rfc3339(),
        plain(last_error.as_deref().unwrap_or("-"))
    )
}

#[cfg(test)]
mod tests {
    use domain::ids::{EventId, OrderId, PayoutId, RefundId};
    use domain::payment::{Capture, PaymentStatus};
    use domain::payout::PayoutStatus;
    use domain::refund::part::Part;
    use domain::refund::{Cause, RefundStatus};
    use domain::time::Timestamp;
    use domain::wire::{GatewayName, Payout, RefundTrouble, TransferTrouble};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn troubles_name_what_the_next_command_needs_and_drive_no_terminal() {
        assert_eq!(troubles(&Troubles::default()), "nothing needs a person\n");
        let (order_id, at) = (OrderId(Uuid::nil()), Timestamp(0));
        let refund = RefundView {
            id: RefundId(Uuid::from_u128(7)),
            reference: "ks-1".into(),
            amount_minor: 12_500,
            currency: "XYZ".into(),
            status: RefundStatus::Failed,
            cause: Cause::WrongCurrency,
            reason: "paid in \u{1b}[31mred".into(),
            part: Part::default(),
            ordered_at: at,
            last_error: Some("no\nway".into()),
        };
        let text = troubles(&Troubles {
            refunds: vec![RefundTrouble { order_id, tries: 6, refund: refund.clone() }],
            payments: vec![PaymentTrouble {
                order_id,
                gateway: GatewayName::Stripe,
                reference: "ks-1".into(),
                status: PaymentStatus::WrongCurrency,
                expected: Money::new(1_000_000, Currency::Ngn),
                captured: Some(Capture { amount_minor: 12_500, currency: "XYZ".into() }),
                refunds: vec![refund],
            }],
            webhooks: vec![WebhookTrouble {
                gateway: GatewayName::Monnify,
                event: "SUCCESSFUL_TRANSACTION".into(),
                reference: None,
                outcome: "unmatched".into(),
                received_at: at,
                request_id: "r-1".into(),
            }],
            messages: vec![StuckMessage {
                id: EventId(Uuid::from_u128(9)),
                order_id,
                kind: "order_paid".into(),
                attempts: 100,
                stuck_at: at,
                next_attempt_at: at,
                last_error: None,
            }],
            payouts: vec![PayoutTrouble {
                payout: Payout {
                    id: PayoutId(Uuid::from_u128(10)),
                    run_id: PayoutId(Uuid::from_u128(11)),
                    seller: "ada".into(),
                    amount_minor: 1_000_000,
                    currency: "NGN".into(),
                    status: PayoutStatus::Pending,
                    gateway: Some(GatewayName::Paystack),
                    reference: None,
                    last_error: Some("no\tmoney".into()),
                    created_at: at,
                },
                tries: 6,
                trouble: TransferTrouble::Unanswered,
            }],
        });
        let expected = "\
refund of order 00000000-0000-0000-0000-000000000000, tried 6 times
  00000000-0000-0000-0000-000000000007  12500 minor units of XYZ  failed  paid in \\u{1b}[31mred
      no\\nway
payment of order 00000000-0000-0000-0000-000000000000: wrong_currency
  ks-1  stripe  12500 minor units of XYZ in place of ₦10,000
  00000000-0000-0000-0000-000000000007  12500 minor units of XYZ  failed  paid in \\u{1b}[31mred
      no\\nway
webhook of monnify: unmatched
  1970-01-01T00:00:00Z  SUCCESSFUL_TRANSACTION  -  request r-1
message 00000000-0000-0000-0000-000000000009 of order 00000000-0000-0000-0000-000000000000: \
stuck since 1970-01-01T00:00:00Z after 100 attempts, next at 1970-01-01T00:00:00Z
  order_paid  -
payout 00000000-0000-0000-0000-00000000000a to ada: pending, unanswered, tried 6 times
  ₦10,000  no\\tmoney
  mend what it says (cargo xtask payouts bank SELLER …), or stop it (cargo xtask payouts return PAYOUT)
";
        assert_eq!(text, expected);
    }
}
