//! The list of payments, and one payment with the knobs of the control interface as a form.

use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use domain::money::Currency;
use maud::{Markup, html};
use serde::Deserialize;

use super::{apology, frame};
use crate::App;
use crate::control::Wish;
use crate::gateways::Gateway;
use crate::payments::{DisputeOutcome, Payment, RefundMode, Request, Status};
use crate::problem::Problem;
use crate::webhook::{COPIES_MAX, DELAY_MS_MAX, Faults, Record};

const LISTED_MAX: usize = 200;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/payments", get(list)).route("/payments/{reference}", get(show).post(drive))
}

async fn list(State(app): State<App>) -> Markup {
    let (total, payments) = app.with_book(|book| {
        let payments: Vec<Payment> = book.newest_first().take(LISTED_MAX).cloned().collect();
        (book.len(), payments)
    });
    let content = html! {
        h1 { "Payments" }
        @if payments.is_empty() {
            p.empty { "None yet. A payment shows up here when the shop begins one: check out with a full cart." }
        } @else {
            @if total > payments.len() {
                p.hint { "The newest " (payments.len()) " of " (total) "." }
            }
            div.scroll tabindex="0" role="region" aria-label="Payments" {
                table {
                    thead {
                        tr {
                            th { "Reference" } th { "Gateway" } th { "Status" } th.number { "Amount" } th { "E-mail" } th { "Begun" }
                        }
                    }
                    tbody {
                        @for payment in &payments {
                            tr {
                                td { a href=(address(payment)) { (payment.request.reference) } }
                                td { (payment.request.gateway.title()) }
                                td { (badge(payment.status)) }
                                td.number { (payment.money()) }
                                td { (payment.request.email) }
                                td { (payment.created_at.rfc3339()) }
                            }
                        }
                    }
                }
            }
        }
    };
    frame("Payments", &content)
}

async fn show(State(app): State<App>, Path(reference): Path<String>) -> Response {
    match app.payment_anywhere(&reference) {
        Ok(payment) => view(&payment, &app.deliveries().records(&payment)).into_response(),
        Err(error) => apology(&error.into()),
    }
}

/// The form's fields, as browsers send them: text, and nothing at all for an unticked box.
#[derive(Debug, Deserialize)]
struct Knobs {
    action: String,
    amount: String,
    currency: String,
    copies: String,
    delay_ms: String,
    /// Left out by forms from before there was a choice.
    refunds: Option<String>,
    drop: Option<String>,
    forge: Option<String>,
}

impl Knobs {
    fn wish(self) -> Result<Wish, Problem> {
        let number = |name: &str, text: &str| {
            let detail = format!("{name}: {text:?} is not a whole number");
            text.trim().parse::<u32>().map_err(|_| Problem::bad_request("invalid_form", detail))
        };
        let faults = Faults {
            copies: number("Copies", &self.copies)?,
            delay_ms: number("Delay", &self.delay_ms)?.into(),
            drop: self.drop.is_some(),
            forge: self.forge.is_some(),
        };
        let paying = matches!(self.action.as_str(), "pay" | "reject");
        let amount = Some(self.amount.trim()).filter(|amount| paying && !amount.is_empty()).map(|amount| {
            let detail = format!("Amount: {amount:?} is not a whole number of minor units");
            amount.parse().map_err(|_| Problem::bad_request("invalid_form", detail))
        });
        let refunds = self.refunds.as_deref().filter(|mode| !mode.is_empty()).map(|mode| {
            let detail = format!("Refunds: {mode:?} is no mode");
            let known = RefundMode::ALL.into_iter().find(|known| known.as_str() == mode);
            known.ok_or_else(|| Problem::bad_request("invalid_form", detail))
        });
        let (action, outcome) = match self.action.as_str() {
            "won" => ("resolve".to_owned(), Some(DisputeOutcome::Won)),
            "lost" => ("resolve".to_owned(), Some(DisputeOutcome::Lost)),
            _ => (self.action, None),
        };
        Ok(Wish {
            action,
            outcome,
            refunds: refunds.transpose()?,
            amount: amount.transpose()?,
            currency: Some(self.currency).filter(|currency| paying && !currency.is_empty()),
            webhook: faults,
        })
    }
}

async fn drive(
    State(app): State<App>,
    Path(reference): Path<String>,
    form: Result<Form<Knobs>, FormRejection>,
) -> Response {
    let Ok(Form(knobs)) = form else {
        return apology(&Problem::bad_request("invalid_form", "The form is incomplete: go back and send it again."));
    };
    match knobs.wish().and_then(|wish| app.grant(&reference, &wish)) {
        Ok(payment) => Redirect::to(&address(&payment)).into_response(),
        Err(problem) => apology(&problem),
    }
}

/// By reference where that is plain and tells the payment apart, or else by number.
fn address(payment: &Payment) -> String {
    let Request { gateway, id, reference, .. } = &payment.request;
    let plain = reference.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._=".contains(&byte));
    if plain && gateway.refuses_used_references() {
        format!("/payments/{reference}")
    } else {
        format!("/payments/{id}")
    }
}

fn badge(status: Status) -> Markup {
    let tone = match status {
        Status::Success => "badge good",
        Status::Failed => "badge bad",
        Status::Pending | Status::Abandoned => "badge",
    };
    html! { span class=(tone) { (status.as_str()) } }
}

fn view(payment: &Payment, records: &[Record]) -> Markup {
    let request = &payment.request;
    let content = html! {
        p { a href="/payments" { "All payments" } }
        h1 { "Payment " code { (request.reference) } }
        p { (badge(payment.status)) }
        dl.facts {
            dt { "Requested" } dd { (request.requested) }
            @if let Some(capture) = payment.capture {
                dt { "Captured" } dd { (capture.money) " at " (capture.at.rfc3339()) }
            }
            @for refund in &payment.refunds {
                dt { "Refund " (refund.id) }
                dd { (refund.money) ", " (refund.status.as_str()) }
            }
            @for dispute in &payment.disputes {
                dt { "Dispute " (dispute.id) }
                dd { (dispute.money) ", " (dispute.as_str()) }
            }
            dt { "Gateway" } dd { (request.gateway.title()) }
            dt { "E-mail" } dd { (request.email) }
            dt { "Number" } dd { (request.id) }
            dt { "Begun" } dd { (payment.created_at.rfc3339()) }
            dt { "Payment page" } dd { a href={ "/pay/" (request.access_code) } { "Open" } }
        }
        (knobs(payment))
        h2 { "Webhooks" }
        (notices(records))
    };
    frame(&format!("Payment {}", request.reference), &content)
}

fn knobs(payment: &Payment) -> Markup {
    html! {
        h2 { "Make something happen" }
        form.knobs method="post" action=(address(payment)) {
            div.fields {
                label { "Amount captured, in minor units"
                    input name="amount" inputmode="numeric" placeholder=(payment.request.requested.amount_minor); }
                label { "Currency captured"
                    select name="currency" {
                        option value="" { "As requested" }
                        @for currency in Currency::ALL { option { (currency) } }
                    } }
                label { "Copies of the webhook"
                    input name="copies" type="number" min="1" max=(COPIES_MAX) value="1" required; }
                label { "Delay before it, in milliseconds"
                    input name="delay_ms" type="number" min="0" max=(DELAY_MS_MAX) value="0" required; }
                label { "Refunds from now on"
                    select name="refunds" {
                        @for mode in RefundMode::ALL {
                            option selected[mode == payment.refund_mode] { (mode.as_str()) }
                        }
                    } }
            }
            label.tick { input type="checkbox" name="drop"; " Drop the webhook" }
            label.tick { input type="checkbox" name="forge"; " Forge its signature" }
            div.actions {
                button.button name="action" value="pay" { "Pay" }
                button.button.quiet name="action" value="decline" { "Decline" }
                button.button.quiet name="action" value="abandon" { "Abandon" }
                @if payment.request.gateway == Gateway::Monnify && payment.capture.is_none() {
                    button.button.quiet name="action" value="reject" { "Reject" }
                }
                @if payment.disputes.last().is_some_and(|dispute| dispute.closed.is_none()) {
                    button.button.quiet name="action" value="won" { "Dispute won" }
                    button.button.quiet name="action" value="lost" { "Dispute lost" }
                } @else if payment.refundable().is_some_and(|left| left.amount_minor > 0) {
                    button.button.quiet name="action" value="dispute" { "Dispute" }
                }
                button.button.quiet name="action" value="refunds" { "Refunds only" }
            }
            p.hint {
                "Amount and currency count for Pay only, and for Monnify’s Reject; Refunds only changes nothing else. Pay again "
                "repeats the webhooks; Decline after Pay sends a stale notice of a failure while the money stays captured."
            }
        }
    }
}

fn notices(records: &[Record]) -> Markup {
    html! {
        @if records.is_empty() {
            p.empty { "None sent since the sandbox started." }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="Webhooks" {
                table {
                    thead { tr { th { "Event" } th.number { "Attempts" } th { "Last answer" } th { "Delivered" } } }
                    tbody {
                        @for record in records {
                            tr {
                                td { (record.event) @if record.forged { " (forged)" } }
                                td.number { (record.attempts) }
                                td { @match record.last_status { Some(status) => (status), None => "none" } }
                                td { (if record.delivered { "yes" } else { "no" }) }
                            }
                        }
                    }
                }
            }
        }
    }
}
