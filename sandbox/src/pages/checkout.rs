//! The payment page, one for all gateways: where a shop sends a browser to pay, and from where it comes back.

use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;

use super::way_back::way_back;
use super::{apology, frame, sorry};
use crate::App;
use crate::control::Wish;
use crate::payments::{Payment, Status};
use crate::problem::Problem;

/// As the other pages, except for where the form may lead: browsers apply `form-action` to every redirect after it, and
/// the shop may send the browser on to an address of its own that the gateway does not know.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' http: https:; base-uri 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> Router<App> {
    // The second address is that of pages from before there were other gateways.
    Router::new()
        .route("/pay/{access_code}", get(show).post(act))
        .route("/paystack/pay/{access_code}", get(show).post(act))
}

async fn show(State(app): State<App>, Path(access_code): Path<String>) -> Response {
    match find(&app, &access_code) {
        Some(payment) => {
            let page = view(&app.settings().merchant, &payment);
            ([(header::CONTENT_SECURITY_POLICY, POLICY)], page).into_response()
        }
        None => unknown(),
    }
}

#[derive(Debug, Deserialize)]
struct Choice {
    action: String,
}

async fn act(
    State(app): State<App>,
    Path(access_code): Path<String>,
    form: Result<Form<Choice>, FormRejection>,
) -> Response {
    let Some(mut payment) = find(&app, &access_code) else { return unknown() };
    let Ok(Form(choice)) = form else {
        return apology(&Problem::bad_request("invalid_form", "Choose to pay, to decline or to leave."));
    };
    // Whoever comes back to a paid payment's form is sent on: nothing happens twice.
    if payment.status != Status::Success {
        if !matches!(choice.action.as_str(), "pay" | "decline" | "abandon") {
            return apology(&Problem::bad_request("unknown_action", "Choose to pay, to decline or to leave."));
        }
        let wish = Wish { action: choice.action, ..Wish::default() };
        payment = match app.grant(&payment.request.id.to_string(), &wish) {
            Ok(payment) => payment,
            Err(problem) => return apology(&problem),
        };
    }
    let target = way_back(&payment).unwrap_or_else(|| format!("/pay/{access_code}"));
    Redirect::to(&target).into_response()
}

fn find(app: &App, access_code: &str) -> Option<Payment> {
    app.with_book(|book| book.find_by_access_code(access_code).cloned())
}

fn unknown() -> Response {
    sorry(
        StatusCode::NOT_FOUND,
        "Payment not found",
        "No payment has this address. Go back to the shop and begin it again.",
    )
}

fn view(merchant: &str, payment: &Payment) -> Markup {
    let request = &payment.request;
    let money = payment.money();
    let paid = payment.status == Status::Success;
    let title = if paid { format!("Paid {money} to {merchant}") } else { format!("Pay {money} to {merchant}") };
    let content = html! {
        article.sheet {
            h1 { (if paid { "Paid" } else { "Pay" }) " " (merchant) }
            p.amount { (money) }
            dl.facts {
                dt { "Through" } dd { (request.gateway.title()) }
                dt { "E-mail" } dd { (request.email) }
                dt { "Reference" } dd { code { (request.reference) } }
            }
            @match payment.status {
                Status::Pending => {}
                Status::Success => p.notice.good role="status" { "This payment is complete." },
                Status::Failed => p.notice.bad role="status" { "The last attempt was declined. You can try again." },
                Status::Abandoned => p.notice role="status" { "You left this payment. You can still pay." },
            }
            @if paid {
                @if let Some(url) = way_back(payment) {
                    p { a.button href=(url) { "Back to " (merchant) } }
                }
            } @else {
                form.actions method="post" {
                    button.button name="action" value="pay" { "Pay " (money) }
                    button.button.quiet name="action" value="decline" { "Decline" }
                    button.button.quiet name="action" value="abandon" { "Abandon" }
                }
                p.hint {
                    "Pay: the bank says yes. Decline: the bank says no. Abandon: you close the page and think about it."
                }
            }
        }
    };
    frame(&title, &content)
}

#[cfg(test)]
mod tests {
    use super::super::way_back::tests::payment;
    use super::*;
    use crate::gateways::Gateway;

    #[test]
    fn what_the_shop_sends_is_shown_and_never_run() {
        for gateway in Gateway::ALL {
            let mut payment = payment(gateway, None);
            payment.request.email = "<script>@example.com".to_owned();
            let page = view("Ada & Sons", &payment).into_string();
            assert!(page.contains("₦12,500.50") && page.contains(gateway.title()));
            assert!(page.contains("Ada &amp; Sons"));
            assert!(page.contains("&lt;script&gt;@example.com") && !page.contains("<script>"));
        }
    }
}
