//! An order: where it stands, what happens next, and a receipt that prints well. Never cached.

use domain::ids::OrderId;
use domain::money::Money;
use domain::order::OrderStatus;
use domain::refund::Cause;
use domain::time::Timestamp;
use domain::wire::{GatewayName, OrderView};
use maud::{Markup, html};

use super::countries::country_name;
use super::layout::{Page, SHOP_NAME, Site};
use super::links::product;
use super::moment::date_and_time;
use super::notice::{Tone, notice};
use super::order_money;
use super::quote::{breakdown, totals};

/// What an order's page shows.
#[derive(Debug, Clone, Copy)]
pub struct Model<'a> {
    /// What is the same on all pages.
    pub site: &'a Site,
    /// The order.
    pub order: &'a OrderView,
    /// This page again, its token included where it needs one: `/orders/{id}?token=…`.
    pub href: &'a str,
    /// The status fragment's address ([`status`]), its token included.
    pub status_href: &'a str,
    /// Lets its forms act on the order.
    pub token: &'a str,
    /// The gateways that take the order's currency.
    pub offered: &'a [GatewayName],
    /// Why the last thing that was asked was refused, in words for the shopper.
    pub refused: Option<&'a str>,
}

/// The page.
pub fn view(model: &Model<'_>) -> Markup {
    let order = model.order;
    let main = html! {
        .wrap.order {
            @if let Some(refused) = model.refused {
                (notice(Tone::Warning, "That was not done", &html! { p { (refused) } }))
            }
            (status(model))
            (order_money::another_way(model))
            .order-body {
                section aria-labelledby="items-title" {
                    h2 #items-title { "What you ordered" }
                    table.receipt {
                        thead {
                            tr { th scope="col" { "Item" } th scope="col" { "Quantity" } th scope="col" { "Price" } }
                        }
                        tbody {
                            @for line in &order.lines {
                                @let unit = Money::new(line.unit_price_minor, order.quote.currency);
                                tr {
                                    td {
                                        a href=(product(&line.slug)) { (line.title) }
                                        @if !line.seller.is_empty() { p.muted { "Sold by " (line.seller) } }
                                    }
                                    td { (line.quantity.get()) }
                                    td { (unit.times(line.quantity.get()).unwrap_or(unit)) }
                                }
                            }
                        }
                    }
                    (totals(&order.quote))
                    (breakdown(&order.quote, |sku| {
                        order.lines.iter().find(|line| line.sku == *sku).map_or("", |line| line.title.as_str())
                    }))
                }
                section.order-facts aria-label="Delivery and payment" {
                    (order_money::refunds(order))
                    (delivery(order))
                    (payment(order))
                    (order_money::cancel(model))
                }
            }
            p.print-only { (SHOP_NAME) ", " (model.site.base_url) }
        }
    };
    Page::private(model.site, &format!("{} · Order {}", headline(order), short_id(order.id))).render(&main)
}

/// Where the order stands and what to do. A fragment that asks for itself again until nothing more will change soon.
pub fn status(model: &Model<'_>) -> Markup {
    let order = model.order;
    let waiting = order.status == OrderStatus::AwaitingPayment;
    html! {
        section.status.{ "is-" (tone(order.status)) } #status
            hx-get=[waiting.then_some(model.status_href)] hx-trigger=[waiting.then_some("every 3s")]
            hx-swap=[waiting.then_some("outerMorph")] {
            p.muted { "Order " (short_id(order.id)) }
            div role="status" aria-live="polite" {
                h1 { (headline(order)) }
                p.lead { (explanation(order)) }
            }
            .actions.no-print {
                @if waiting {
                    @if let Some(href) = order_money::open_page(order) {
                        a.button href=(href) { "Pay with " (order.payment.gateway.title()) }
                    }
                    a.button.quiet href=(model.href) { "Check again" }
                } @else {
                    a.button.quiet href="/" { "Go on shopping" }
                }
            }
            (timeline(order))
        }
    }
}

fn headline(order: &OrderView) -> &'static str {
    match order.status {
        OrderStatus::AwaitingPayment if order_money::is_declined(order) => "Your payment did not go through",
        OrderStatus::AwaitingPayment => "Waiting for your payment",
        OrderStatus::Paid => "Thank you, your order is paid",
        OrderStatus::Packed => "Your order is packed",
        OrderStatus::Sent => "Your order is on its way",
        OrderStatus::Delivered => "Your order was delivered",
        OrderStatus::Cancelled => "This order was cancelled",
        OrderStatus::RefundDue => "We owe you a refund",
        OrderStatus::Refunded => "Your money was returned",
    }
}

/// The class of whatever shows a status.
pub(super) const fn tone(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::AwaitingPayment => "waiting",
        OrderStatus::Paid | OrderStatus::Packed | OrderStatus::Sent | OrderStatus::Delivered => "good",
        OrderStatus::Cancelled => "over",
        OrderStatus::RefundDue | OrderStatus::Refunded => "back",
    }
}

fn explanation(order: &OrderView) -> Markup {
    html! {
        @match order.status {
            OrderStatus::AwaitingPayment => (order_money::waiting(order)),
            OrderStatus::Paid => {
                @if order.refunds.iter().any(|refund| refund.cause == Cause::TakenBack) { "A part of it is refunded. " }
                "We are getting it ready. This page is your receipt: keep its address, or print it."
            }
            OrderStatus::Packed => { "It leaves with the courier next." }
            OrderStatus::Sent => { "The courier calls " (order.address.phone) " before delivery." }
            OrderStatus::Delivered => { "We hope that everything is as it should be." }
            OrderStatus::Cancelled => {
                "It was not paid in time, or was given up. Should money arrive for it after all, it goes back to you; if it was only "
                "late and the things are still there, you get them instead."
            }
            OrderStatus::RefundDue => {
                (order_money::why_all(order)) " What was paid is owed to you; under Refunds it says where it is."
            }
            OrderStatus::Refunded => {
                (order_money::why_all(order)) " What was paid has gone back. Your bank may need some days to show it."
            }
        }
    }
}

/// What happened, and what is still to come when all goes well.
fn timeline(order: &OrderView) -> Markup {
    let happened = order.history.iter().map(|step| (step.status, Some(step.at)));
    let coming = coming(order.status).iter().map(|status| (*status, None));
    let steps: Vec<(OrderStatus, Option<Timestamp>)> = happened.chain(coming).collect();
    html! {
        ol.timeline aria-label="History" {
            @for (status, at) in steps {
                li.done[at.is_some()] {
                    span.step { (step(status)) }
                    @match at {
                        Some(at) => span.muted { (date_and_time(at)) },
                        None => span.hidden { "still to come" },
                    }
                }
            }
        }
    }
}

const fn step(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::AwaitingPayment => "Placed",
        OrderStatus::Paid => "Paid",
        OrderStatus::Packed => "Packed",
        OrderStatus::Sent => "Sent",
        OrderStatus::Delivered => "Delivered",
        OrderStatus::Cancelled => "Cancelled",
        OrderStatus::RefundDue => "Refund due",
        OrderStatus::Refunded => "Refunded",
    }
}

const fn coming(status: OrderStatus) -> &'static [OrderStatus] {
    use OrderStatus::{AwaitingPayment, Cancelled, Delivered, Packed, Paid, RefundDue, Refunded, Sent};
    match status {
        AwaitingPayment => &[Paid, Packed, Sent, Delivered],
        Paid => &[Packed, Sent, Delivered],
        Packed => &[Sent, Delivered],
        Sent => &[Delivered],
        RefundDue => &[Refunded],
        Delivered | Cancelled | Refunded => &[],
    }
}

fn delivery(order: &OrderView) -> Markup {
    let address = &order.address;
    html! {
        div {
            h2 { "Delivery" }
            address {
                (address.name) br;
                (address.line1) br;
                (address.city) @if !address.region.is_empty() { ", " (address.region) } br;
                (country_name(&address.country)) br;
                (address.phone)
            }
        }
    }
}

fn payment(order: &OrderView) -> Markup {
    let payment = &order.payment;
    html! {
        div {
            h2 { "Payment" }
            dl.facts {
                div { dt { "Through" } dd { (payment.gateway.title()) } }
                div { dt { "Reference" } dd { code { (payment.reference) } } }
                @if let Some(captured) = payment.captured { div { dt { "Received" } dd { (captured) } } }
            }
        }
    }
}

/// The last part of the id: short enough to read out on the telephone, still found by the shop.
/// What people call an order by.
pub(super) fn short_id(id: OrderId) -> String {
    let id = id.to_string();
    id.rsplit('-').next().unwrap_or(&id).to_uppercase()
}

#[cfg(test)]
mod tests {
    use domain::checkout::Address;
    use domain::payment::PaymentStatus;
    use domain::refund::RefundStatus;
    use domain::refund::part::Part;
    use domain::wire::{OrderLine, PaymentView, RefundView, StatusChange};

    use super::super::cart::tests::two_cups;
    use super::super::layout::tests::site;
    use super::*;

    fn order(status: OrderStatus) -> OrderView {
        let (line, quote) = two_cups();
        let id: OrderId = "0199aaaa-0000-7000-8000-00000000beef".parse().unwrap();
        OrderView {
            id,
            checkout_id: domain::ids::CheckoutId(id.0),
            status,
            email: "ada@example.com".into(),
            address: Address { name: "Ada <Obi>".into(), country: "NG".into(), ..Address::default() },
            lines: vec![OrderLine {
                product_id: domain::ids::ProductId(id.0),
                sku: line.sku,
                slug: line.slug,
                title: line.title,
                seller: "Acme".into(),
                quantity: line.quantity,
                unit_price_minor: 1_000,
            }],
            quote,
            payment: PaymentView {
                gateway: GatewayName::Paystack,
                reference: "ref-1".into(),
                status: PaymentStatus::Pending,
                captured: None,
                redirect_url: Some("https://gateway.example/pay".into()),
            },
            payments: vec![],
            pay_before: None,
            refunds: vec![],
            history: vec![StatusChange { at: Timestamp(0), status: OrderStatus::AwaitingPayment }],
        }
    }

    fn page(status: OrderStatus) -> String {
        page_of(&order(status))
    }

    fn page_of(order: &OrderView) -> String {
        let model = Model {
            site: &site(),
            order,
            href: "/orders/1?token=t",
            status_href: "/orders/1/status?token=t",
            token: "t",
            offered: &[GatewayName::Paystack, GatewayName::Stripe],
            refused: None,
        };
        view(&model).into_string()
    }

    #[test]
    fn an_order_that_waits_can_be_paid_another_way() {
        let html = page(OrderStatus::AwaitingPayment);
        assert!(html.contains("Pay with Paystack") && html.contains("Pay another way"), "{html}");
        assert!(html.contains("name=\"gateway\" value=\"stripe\""), "{html}");
        assert!(!html.contains("value=\"paystack\""), "its page is open: {html}");
        assert!(!page(OrderStatus::Paid).contains("/pay\""), "what is paid is not paid again");
    }

    #[test]
    fn a_payment_that_was_declined_says_so_and_may_be_tried_again_or_another_way() {
        let mut order = order(OrderStatus::AwaitingPayment);
        order.payment.status = PaymentStatus::Failed;
        let html = page_of(&order);
        assert!(html.contains("Your payment did not go through") && html.contains("nothing was charged"), "{html}");
        assert!(html.contains("value=\"paystack\"") && html.contains("value=\"stripe\""), "{html}");
        assert!(!html.contains("https://gateway.example/pay"), "its page may be dead: {html}");
    }

    #[test]
    fn what_goes_back_says_how_much_why_and_where_it_is() {
        let mut order = order(OrderStatus::Paid);
        let line = domain::stock::StockLine { sku: order.lines[0].sku.clone(), quantity: order.lines[0].quantity };
        order.refunds = RefundStatus::ALL
            .into_iter()
            .map(|status| RefundView {
                id: domain::ids::RefundId(order.id.0),
                reference: "ref-1".into(),
                amount_minor: 1_000,
                currency: "USD".into(),
                status,
                cause: Cause::TakenBack,
                reason: "it <did> not fit".into(),
                part: Part { lines: vec![line.clone()], delivery: true },
                ordered_at: Timestamp(0),
                last_error: Some("a secret of ours".into()),
            })
            .collect();
        let html = page_of(&order);
        for words in ["being returned", "on its way", "Paystack has returned it", "delayed", "another way", "$10"] {
            assert!(html.contains(words), "{words}: {html}");
        }
        assert!(html.contains("it &lt;did&gt; not fit: 2 × Cup &lt;b&gt;, delivery"), "{html}");
        assert!(!html.contains("a secret of ours"), "{html}");
    }

    #[test]
    fn only_what_has_not_left_can_be_cancelled() {
        for status in OrderStatus::ALL {
            let cancels = page(status).contains("Yes, cancel the order");
            assert_eq!(cancels, status == OrderStatus::Paid, "{status}");
        }
    }

    #[test]
    fn an_order_that_waits_can_be_paid_and_asks_again_by_itself() {
        let html = page(OrderStatus::AwaitingPayment);
        assert!(
            html.contains("href=\"https://gateway.example/pay\"") && html.contains("hx-trigger=\"every 3s\""),
            "{html}"
        );
        assert!(html.contains("href=\"/orders/1?token=t\""), "without JavaScript there is a link: {html}");
        assert!(html.contains("Ada &lt;Obi&gt;") && html.contains("Nigeria"), "{html}");
    }

    #[test]
    fn a_settled_order_stops_asking() {
        for status in [OrderStatus::Paid, OrderStatus::Cancelled, OrderStatus::Refunded] {
            let html = page(status);
            assert!(!html.contains("every 3s") && !html.contains("Pay with"), "{html}");
        }
    }
}
