//! Checkout on one page: who, where to, how it comes, how it is paid. Complete without JavaScript; nothing typed is
//! lost.

use std::collections::BTreeMap;

use domain::checkout::Address;
use domain::ids::CheckoutId;
use domain::money::{Currency, Money};
use domain::pricing::{CouponCode, CouponOutcome, DeliveryMethod, MethodOffer, Quote};
use domain::wire::GatewayName;
use maud::{Markup, html};

use super::cart::{Line, title_of};
use super::countries::COUNTRIES;
use super::form::{Field, problem_summary};
use super::gateways::choice;
use super::layout::{Page, Site};
use super::notice::{Tone, notice};
use super::quote::{CouponField, breakdown, totals};

/// What the checkout shows.
#[derive(Debug, Clone)]
pub struct Model<'a> {
    /// What is the same on all pages.
    pub site: &'a Site,
    /// Goes with the form.
    pub csrf: &'a str,
    /// This attempt. The same form sent twice is the same order.
    pub checkout_id: CheckoutId,
    /// What was typed, or what is known already.
    pub form: Form,
    /// Field names (`email`, `name`, `line1`, `city`, `region`, `country`, `phone`, `delivery`, `gateway`), each with what is wrong
    /// with it.
    pub problems: BTreeMap<String, String>,
    /// What stands in the way although the form is well filled in.
    pub trouble: Option<Trouble>,
    /// What is bought.
    pub lines: Vec<Line>,
    /// Of its prices.
    pub currency: Currency,
    /// What it costs; what is charged is this or nothing. `None` when nothing of it is delivered there.
    pub quote: Option<Quote>,
    /// The ways to have it delivered.
    pub methods: Vec<MethodOffer>,
    /// The code that was typed.
    pub coupon: Option<CouponCode>,
    /// What became of it.
    pub coupon_outcome: Option<CouponOutcome>,
    /// Why another one was refused.
    pub coupon_refused: Option<String>,
    /// The gateways that take its currency; `None` while nobody knows.
    pub gateways: Option<Vec<GatewayName>>,
}

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Where the receipt goes.
    pub email: String,
    /// Where the goods go.
    pub address: Address,
    /// How.
    pub delivery: DeliveryMethod,
    /// Through whom it is paid.
    pub gateway: GatewayName,
}

/// Why an order cannot be placed now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Somebody else was faster: titles with how many are left.
    Short(Vec<(String, u32)>),
    /// The part of the shop that takes payments does not answer.
    PaymentsUnavailable,
    /// The gateway that was chosen does not answer.
    GatewayUnavailable(GatewayName),
    /// A price changed since the page was shown.
    PriceChanged,
    /// Anything else, in words for the shopper.
    Other(String),
}

/// Fields in the order of the form, which is the order of the problem summary too.
const ORDER: [&str; 9] = ["email", "name", "line1", "city", "region", "country", "phone", "delivery", "gateway"];

/// The page.
pub fn view(model: &Model<'_>) -> Markup {
    let known = ORDER.iter().filter_map(|field| model.problems.get_key_value(*field));
    let others = model.problems.iter().filter(|(field, _)| !ORDER.contains(&field.as_str()));
    let problems = known.chain(others).map(|(field, problem)| (field.as_str(), problem.as_str()));
    let main = html! {
        .wrap {
            h1 { "Check out" }
            (problem_summary(problems))
            @if let Some(trouble) = &model.trouble { (trouble_view(trouble)) }
            .checkout {
                (form(model))
                (summary(model))
            }
        }
    };
    let title = if model.problems.is_empty() { "Check out" } else { "There is a problem · Check out" };
    Page { browse: false, ..Page::private(model.site, title) }.render(&main)
}

fn form(model: &Model<'_>) -> Markup {
    let Form { email, address, gateway, .. } = &model.form;
    let field = |name: &'static str, label, kind, autocomplete, value| Field {
        name,
        label,
        hint: "",
        kind,
        autocomplete,
        value,
        problem: model.problems.get(name).map(String::as_str),
        optional: false,
        length_max: 120,
    };
    html! {
        // `novalidate`: our own messages say what to do, and say it in every browser.
        // What the price depends on asks for it again, and only what shows it changes: nobody is interrupted in typing. Without
        // JavaScript there is a button.
        form.checkout-form #checkout-form action="/checkout" method="post" novalidate
            hx-post="/checkout/review" hx-trigger="change from:#country, change from:#region, change from:.methods"
            hx-swap="none" hx-select-oob="#seen:outerMorph,#methods:outerMorph,#pay:outerMorph,#summary:outerMorph" {
            input type="hidden" name="csrf" value=(model.csrf);
            input type="hidden" name="checkout_id" value=(model.checkout_id);
            // What the shopper sees is what is charged, or they are asked again.
            input #seen type="hidden" name="quote" value=(model.quote.as_ref().map(Quote::digest).unwrap_or_default());
            fieldset {
                legend { "Contact" }
                (Field {
                    hint: "So that we can reach you about this order.",
                    length_max: 254,
                    ..field("email", "E-mail address", "email", "email", email)
                }.input())
            }
            fieldset {
                legend { "Delivery address" }
                (field("name", "Full name", "text", "shipping name", &address.name).input())
                (field("line1", "Street and house number", "text", "shipping address-line1", &address.line1).input())
                (field("city", "Town or city", "text", "shipping address-level2", &address.city).input())
                (Field {
                    optional: true,
                    ..field("region", "State, province or county", "text", "shipping address-level1", &address.region)
                }.input())
                (field("country", "Country", "text", "shipping country", &address.country).select(&COUNTRIES))
                (Field {
                    hint: "For the courier only, like 0803 123 4567.",
                    length_max: 32,
                    ..field("phone", "Telephone number", "tel", "shipping tel", &address.phone)
                }.input())
            }
            fieldset.methods #methods {
                legend { "Delivery" }
                @if let Some(problem) = model.problems.get("delivery") { p.problem #delivery-problem { (problem) } }
                (methods(model))
            }
            fieldset {
                legend { "Payment" }
                @if let Some(problem) = model.problems.get("gateway") { p.problem #gateway-problem { (problem) } }
                @match model.gateways.as_deref() {
                    Some([]) => (nothing_offered(model.currency)),
                    Some(offered) => {
                        (choice(offered, *gateway, model.currency))
                        p.hint {
                            "You pay on the next page, which belongs to the payment provider. We never see your card."
                        }
                    }
                    // Sent again, the form finds out.
                    None => input #gateway type="hidden" name="gateway" value=(gateway.as_str());
                }
            }
            div #pay {
              @match &model.quote {
                Some(quote) if model.gateways.as_ref().is_none_or(|offered| !offered.is_empty()) => {
                    button.button.wide { "Pay " (quote.total()) }
                }
                Some(_) | None => {}
              }
            }
            p.hint { a href="/cart" { "Back to the cart" } }
        }
    }
}

fn methods(model: &Model<'_>) -> Markup {
    let chosen = model.quote.as_ref().map_or(model.form.delivery, |quote| quote.method);
    html! {
        @for offer in &model.methods {
            @let (name, price) = (offer.method.as_str(), Money::new(offer.price_minor, model.currency));
            .choice {
                input id={ "delivery-" (name) } type="radio" name="delivery" value=(name) checked[offer.method == chosen];
                label for={ "delivery-" (name) } {
                    strong { (offer.method.title()) }
                    span.choice-price { @if price.amount_minor == 0 { "Free" } @else { (price) } }
                    span.hint {
                        @match offer.method {
                            DeliveryMethod::Standard => "By courier to your door",
                            DeliveryMethod::Express => "By courier to your door, sooner",
                            DeliveryMethod::Pickup => "We tell you where, once it is ready",
                        }
                    }
                }
            }
        }
        @if model.methods.is_empty() {
            p.problem #delivery role="alert" {
                "Some of these things are not delivered there. Choose another country or region, or change your cart."
            }
        }
    }
}

fn nothing_offered(currency: Currency) -> Markup {
    notice(
        Tone::Warning,
        "Nothing can be paid here at the moment",
        &html! {
            p #gateway { "This shop takes no payments in " (currency) " now. Your cart is kept: come back later." }
        },
    )
}

fn trouble_view(trouble: &Trouble) -> Markup {
    match trouble {
        Trouble::Short(lines) => notice(
            Tone::Warning,
            "Somebody was faster",
            &html! {
                ul {
                    @for (title, available) in lines {
                        li { (title) ": " @if *available == 0 { "sold out" } @else { "only " (available) " left" } }
                    }
                }
                p { "Nothing was charged. " a href="/cart" { "Change your cart" } " and check out again." }
            },
        ),
        Trouble::PaymentsUnavailable => super::notice::payments_unavailable(),
        Trouble::GatewayUnavailable(gateway) => notice(
            Tone::Warning,
            &format!("{} does not answer", gateway.title()),
            &html! { p { "Nothing was charged. Choose another way to pay, or try again in a minute." } },
        ),
        Trouble::PriceChanged => notice(
            Tone::Warning,
            "A price has changed",
            &html! { p { "The summary shows what it costs now. Nothing was charged. If you agree, pay again." } },
        ),
        Trouble::Other(words) => notice(Tone::Bad, "The order was not placed", &html! { p { (words) } }),
    }
}

fn coupon(model: &Model<'_>) -> Markup {
    let field = CouponField {
        outcome: model.coupon_outcome.as_ref(),
        code: model.coupon.as_ref(),
        refused: model.coupon_refused.as_deref(),
        form: Some("checkout-form"),
        action: Some("/checkout/review"),
    };
    field.view()
}

fn summary(model: &Model<'_>) -> Markup {
    html! {
        aside.summary #summary aria-label="Your order" {
            h2 { "Your order" }
            ul.mini-lines role="list" {
                @for line in &model.lines {
                    li {
                        span.thumb { (line.picture(model.site)) }
                        span {
                            span.mini-title { (line.title) }
                            @if !line.variant.is_empty() { span.muted { (line.variant) " " } }
                            span.muted { "× " (line.quantity.get()) }
                        }
                        span.price { (line.unit_price.times(line.quantity.get()).unwrap_or(line.unit_price)) }
                    }
                }
            }
            @if let Some(quote) = &model.quote {
                (totals(quote))
                (breakdown(quote, |sku| title_of(&model.lines, sku)))
            }
            (coupon(model))
            // Behind the button that pays, so that Enter pays.
            .no-js {
                button.button.quiet form="checkout-form" formaction="/checkout/review" { "Update the total" }
                p.hint { "After another country, region or way of delivery. You are asked again before more is charged." }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cart::tests::two_cups;
    use super::super::form::tests::assert_every_control_is_labelled;
    use super::super::layout::tests::site;
    use super::*;

    fn page(address: Address, trouble: Option<Trouble>) -> String {
        page_with(address, trouble, Some(vec![GatewayName::Paystack, GatewayName::Stripe]))
    }

    fn page_with(address: Address, trouble: Option<Trouble>, gateways: Option<Vec<GatewayName>>) -> String {
        let (line, quote) = two_cups();
        let problems = address.problems().into_iter().map(|(field, words)| (field.to_owned(), words)).collect();
        let model = Model {
            site: &site(),
            csrf: "the-token",
            checkout_id: "0199aaaa-0000-7000-8000-000000000000".parse().unwrap(),
            form: Form {
                email: "ada@example.com".into(),
                address,
                delivery: DeliveryMethod::Standard,
                gateway: GatewayName::Paystack,
            },
            problems,
            trouble,
            lines: vec![line],
            currency: quote.currency,
            methods: vec![MethodOffer { method: DeliveryMethod::Standard, price_minor: 500 }],
            quote: Some(quote),
            coupon: None,
            coupon_outcome: None,
            coupon_refused: None,
            gateways,
        };
        view(&model).into_string()
    }

    #[test]
    fn each_problem_leads_to_its_field_in_the_order_of_the_form() {
        let html = page(Address { name: "Ada <Obi>".into(), ..Address::default() }, None);
        let links: Vec<&str> =
            ORDER.into_iter().filter(|field| html.contains(&format!("<a href=\"#{field}\">"))).collect();
        assert_eq!(links, ["line1", "city", "country", "phone"]);
        for field in &links {
            assert!(html.contains(&format!("id=\"{field}\"")), "{field} is a link to nowhere");
            assert!(html.contains(&format!("id=\"{field}-problem\"")), "{field} has no message beside it");
        }
        let places: Vec<usize> =
            links.iter().filter_map(|field| html.find(&format!("<a href=\"#{field}\">"))).collect();
        assert!(places.is_sorted(), "{places:?}");
        assert!(html.contains("value=\"Ada &lt;Obi&gt;\"") && html.contains("value=\"ada@example.com\""), "{html}");
        assert!(html.contains("<title>There is a problem"), "{html}");
        assert_every_control_is_labelled(&html);
    }

    #[test]
    fn a_checkout_carries_its_id_and_token_and_says_what_is_charged() {
        let html = page(Address { country: "NG".into(), ..Address::default() }, None);
        assert!(
            html.contains("value=\"0199aaaa-0000-7000-8000-000000000000\"") && html.contains("value=\"the-token\""),
            "{html}"
        );
        assert!(html.contains("Pay $25") && html.contains("<option value=\"NG\" selected>Nigeria"), "{html}");
    }

    #[test]
    fn short_stock_is_told_line_by_line() {
        let html = page(Address::default(), Some(Trouble::Short(vec![("Cup".into(), 0), ("Pot".into(), 2)])));
        assert!(
            html.contains("Cup: sold out") && html.contains("Pot: only 2 left") && html.contains("Nothing was charged"),
            "{html}"
        );
    }

    #[test]
    fn with_no_gateway_nothing_can_be_paid_and_the_page_says_so() {
        let html = page_with(Address::default(), None, Some(Vec::new()));
        assert!(html.contains("Nothing can be paid here") && html.contains("takes no payments in USD"), "{html}");
        assert!(!html.contains("<button class=\"button wide\""), "{html}");
    }

    #[test]
    fn while_nobody_knows_the_gateways_the_form_can_be_sent_again() {
        let html = page_with(Address::default(), Some(Trouble::PaymentsUnavailable), None);
        assert!(html.contains("Payments are not possible") && html.contains("<button class=\"button wide\""), "{html}");
        assert!(html.contains("type=\"hidden\" name=\"gateway\" value=\"paystack\""), "{html}");
    }
}
