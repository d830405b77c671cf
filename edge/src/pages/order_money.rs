//! What an order's page says of its money: how it can be paid, what goes back, and how to cancel it.

use domain::money::{Currency, Money};
use domain::order::OrderStatus;
use domain::payment::PaymentStatus;
use domain::refund::{Cause, RefundStatus};
use domain::wire::{GatewayName, OrderView, RefundView};
use maud::{Markup, html};

use super::gateways::choice;
use super::moment::{date_and_time, time_of_day};
use super::order::Model;

/// Whether its latest payment failed, and it still waits for one.
pub fn is_declined(order: &OrderView) -> bool {
    order.status == OrderStatus::AwaitingPayment && order.payment.status == PaymentStatus::Failed
}

/// The page on which it is being paid, unless that payment failed.
pub fn open_page(order: &OrderView) -> Option<&str> {
    order.payment.redirect_url.as_deref().filter(|_| !is_declined(order))
}

/// Of `offered`, those through which it may be paid besides the page that is open.
pub fn other_ways(order: &OrderView, offered: &[GatewayName]) -> Vec<GatewayName> {
    let is_open = open_page(order).is_some();
    offered.iter().copied().filter(|gateway| !is_open || *gateway != order.payment.gateway).collect()
}

/// What an order that waits has to say.
pub fn waiting(order: &OrderView) -> Markup {
    let gateway = order.payment.gateway.title();
    html! {
        @if is_declined(order) {
            "The payment through " (gateway) " was declined, and nothing was charged. Try again, or pay another way."
        } @else {
            "If you have paid already, wait a moment: " (gateway) " tells us, and this page follows by itself."
        }
        @if let Some(until) = order.pay_before { " Your things are held for you until " (time_of_day(until)) "." }
    }
}

/// A form that leads to the page of a gateway of the shopper's choice.
pub fn another_way(model: &Model<'_>) -> Markup {
    let (order, ways) = (model.order, other_ways(model.order, model.offered));
    let form = html! {
        form action={ "/orders/" (order.id) "/pay" } method="post" {
            input type="hidden" name="token" value=(model.token);
            (choice(&ways, order.payment.gateway, order.quote.currency))
            button.button { "Pay " (order.quote.total()) }
        }
    };
    html! {
        @if order.status == OrderStatus::AwaitingPayment && !ways.is_empty() {
            section.another-way.no-print aria-label="Ways to pay" {
                @if open_page(order).is_some() {
                    details { summary { "Pay another way" } (form) }
                } @else {
                    h2 { "How do you want to pay?" }
                    (form)
                }
            }
        }
    }
}

/// Why all of an order's money goes back.
pub fn why_all(order: &OrderView) -> &'static str {
    match order.refunds.last().map(|refund| refund.cause) {
        Some(Cause::OutOfStock) => "It was paid after its time was over, and what you wanted was sold meanwhile.",
        Some(Cause::Underpaid) => "Less was paid than it costs, so we cannot send it.",
        Some(Cause::Overpaid) => "More was paid than it costs. We return all of it, and you may order again.",
        Some(Cause::WrongCurrency) => "It was paid in another currency than it is priced in.",
        Some(Cause::DuplicateCapture) => "It was paid twice.",
        Some(Cause::CouponUsedUp) => "It was paid after its time was over, and the code had been used up meanwhile.",
        Some(Cause::TakenBack) => "It was cancelled, or sent back.",
        Some(Cause::GivenUp) => "It was paid after it had been given up.",
        None => "It could not be filled as it was paid.",
    }
}

/// What goes back, each with where it stands. Nothing, when nothing does.
pub fn refunds(order: &OrderView) -> Markup {
    html! {
        @if !order.refunds.is_empty() {
            section.refunds aria-labelledby="refunds-title" {
                h2 #refunds-title { "Refunds" }
                ul role="list" { @for refund in &order.refunds { (one(order, refund)) } }
            }
        }
    }
}

fn one(order: &OrderView, refund: &RefundView) -> Markup {
    let paid = order.payments.iter().find(|payment| payment.reference == refund.reference);
    let gateway = paid.map_or(order.payment.gateway, |payment| payment.gateway).title();
    html! {
        li {
            p { strong { (amount(refund)) } " · " (state(refund.status)) }
            p { (where_it_is(refund.status, gateway)) }
            p.muted { (why(refund)) (part(order, refund)) " · " (date_and_time(refund.ordered_at)) }
        }
    }
}

fn amount(refund: &RefundView) -> String {
    match refund.currency.parse::<Currency>() {
        Ok(currency) => Money::new(refund.amount_minor, currency).to_string(),
        // The payer knows it, and we have no words for it.
        Err(_) => format!("{} minor units of {}", refund.amount_minor, refund.currency),
    }
}

const fn state(status: RefundStatus) -> &'static str {
    match status {
        RefundStatus::Due => "being returned",
        RefundStatus::Pending => "on its way",
        RefundStatus::Done | RefundStatus::SettledByHand => "returned",
        RefundStatus::Failed => "delayed",
    }
}

fn where_it_is(status: RefundStatus, gateway: &str) -> String {
    match status {
        RefundStatus::Due => format!("It goes back through {gateway} to where it came from."),
        RefundStatus::Pending => format!("{gateway} has it. Your bank may need some days to show it."),
        RefundStatus::Done => format!("{gateway} has returned it. Your bank may need some days to show it."),
        RefundStatus::Failed => format!("{gateway} could not return it. We look into it, and find another way."),
        RefundStatus::SettledByHand => "We have returned it another way.".to_owned(),
    }
}

fn why(refund: &RefundView) -> &str {
    match refund.cause {
        Cause::OutOfStock => "Sold out before it was paid",
        Cause::Underpaid => "Less was paid than the order costs",
        Cause::Overpaid => "More was paid than the order costs",
        Cause::WrongCurrency => "Paid in another currency than the order's",
        Cause::DuplicateCapture => "A second payment for an order that was paid already",
        Cause::CouponUsedUp => "Paid late, when the code had been used up",
        Cause::TakenBack => &refund.reason,
        Cause::GivenUp => "Paid after it had been given up",
    }
}

/// Which part of the order it is for: `: 2 × Cup, delivery`.
fn part(order: &OrderView, refund: &RefundView) -> String {
    let lines = refund.part.lines.iter().map(|line| {
        let bought = order.lines.iter().find(|bought| bought.sku == line.sku);
        format!("{} × {}", line.quantity.get(), bought.map_or(line.sku.as_str(), |bought| &bought.title))
    });
    let parts: Vec<String> = lines.chain(refund.part.delivery.then(|| "delivery".to_owned())).collect();
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
}

/// The way to cancel what has not left, asked twice.
pub fn cancel(model: &Model<'_>) -> Markup {
    html! {
        @if model.order.status == OrderStatus::Paid {
            details.cancel.no-print {
                summary { "Cancel this order" }
                p { "It will not be sent, and what you paid goes back to where it came from. This cannot be undone." }
                form action={ "/orders/" (model.order.id) "/cancel" } method="post" {
                    input type="hidden" name="token" value=(model.token);
                    button.button.quiet { "Yes, cancel the order" }
                }
            }
        }
    }
}
