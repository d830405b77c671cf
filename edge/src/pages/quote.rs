//! What a cart or an order costs, and why: sums, every reason line by line, and the code that takes something off. Shows what
//! [`domain::pricing`] worked out, and works out nothing.

use domain::ids::Sku;
use domain::money::Money;
use domain::pricing::{Charge, CouponCode, CouponOutcome, Quote, QuoteDelivery};
use maud::{Markup, html};

use super::links::counted;

/// Items, what is taken off, delivery, taxes and the total, as they are charged.
pub fn totals(quote: &Quote) -> Markup {
    let money = |amount| Money::new(amount, quote.currency);
    let units: u64 = quote.lines.iter().map(|line| u64::from(line.quantity.get())).sum();
    let (on_top, within): (Vec<_>, Vec<_>) =
        quote.taxes().into_iter().filter(|(_, minor)| *minor > 0).partition(|(tax, _)| !tax.is_included);
    html! {
        dl.totals {
            div { dt { (counted(units, "item", "items")) } dd { (money(quote.items_minor)) } }
            @for (_, name, minor) in quote.discounts() { div.off { dt { (name) } dd { (money(-minor)) } } }
            @for part in &quote.deliveries {
                div {
                    dt { (delivery_title(quote, part)) }
                    dd { @if part.charge.full_minor == 0 { "Free" } @else { (money(part.charge.full_minor)) } }
                }
            }
            @for (tax, minor) in &on_top { div { dt { (tax.name) " " (tax.rate) } dd { (money(*minor)) } } }
            div.total { dt { "Total" } dd { (quote.total()) } }
            @for (tax, minor) in &within {
                div.muted { dt { "of which " (tax.name) " " (tax.rate) } dd { (money(*minor)) } }
            }
        }
    }
}

fn delivery_title(quote: &Quote, part: &QuoteDelivery) -> Markup {
    html! {
        (quote.method.title())
        @if !part.zone.is_empty() { ", " (part.zone) }
        @if let Some(seller) = &part.seller { span.muted { " by " (seller) } }
        @if let Some(from) = part.free_from_minor {
            span.muted { ", free from " (Money::new(from, quote.currency)) " on" }
        }
    }
}

/// How the sums came about, line by line. Nothing, where there is nothing to explain.
pub fn breakdown<'t>(quote: &Quote, title_of: impl Fn(&Sku) -> &'t str) -> Markup {
    let is_plain = |charge: &Charge| charge.discounts.is_empty() && charge.tax.is_none();
    // What is free for its worth has nothing to work out.
    let shown = quote.deliveries.iter().filter(|part| part.charge.full_minor > 0);
    html! {
        @if !quote.charges().all(is_plain) {
            details.explained {
                summary { "How this is worked out" }
                ul role="list" {
                    @for line in &quote.lines {
                        li {
                            p { (title_of(&line.sku)) " × " (line.quantity.get()) }
                            (reasons(quote, &line.charge))
                        }
                    }
                    @for part in shown { li { p { (delivery_title(quote, part)) } (reasons(quote, &part.charge)) } }
                }
            }
        }
    }
}

fn reasons(quote: &Quote, charge: &Charge) -> Markup {
    let money = |amount| Money::new(amount, quote.currency);
    html! {
        dl.totals {
            div { dt { "Price" } dd { (money(charge.full_minor)) } }
            @for discount in &charge.discounts { div.off { dt { (discount.name) } dd { (money(-discount.minor)) } } }
            @if let Some(charged) = &charge.tax {
                @let tax = &charged.tax;
                div {
                    dt { (tax.name) " " (tax.rate) @if tax.is_included { span.muted { " in the price" } } }
                    dd { (money(charged.minor)) }
                }
            }
            div { dt { "To pay" } dd { (money(charge.charged_minor)) } }
        }
    }
}

/// Where a code is typed, what became of it, and how to take it away. In a form of its own, or as a part of the one named `form`, whose
/// other fields go along to `action`.
#[derive(Debug, Clone, Copy)]
pub struct CouponField<'f> {
    /// What became of the code that was typed.
    pub outcome: Option<&'f CouponOutcome>,
    /// The code that was typed, also where nothing can be priced.
    pub code: Option<&'f CouponCode>,
    /// Why the last one was refused.
    pub refused: Option<&'f str>,
    /// The form that it belongs to; `None`: it stands in it.
    pub form: Option<&'f str>,
    /// Where that form goes for the code's sake.
    pub action: Option<&'f str>,
}

impl CouponField<'_> {
    /// The field.
    pub fn view(self) -> Markup {
        let Self { outcome, code, refused, form, action } = self;
        html! {
            div.coupon {
                @if let Some(code) = code {
                    p {
                        "Code " strong { (code) }
                        @if let Some(Ok(saves)) = outcome.map(|outcome| &outcome.saves) { " saves you " (saves) }
                    }
                    @if let Some(Err(refusal)) = outcome.map(|outcome| &outcome.saves) {
                        p.problem role="status" { "It is not taken off: " (refusal) "." }
                    }
                    button.link name="remove_coupon" value="yes" form=[form] formaction=[action] {
                        "Remove" span.hidden { " the code " (code) }
                    }
                } @else {
                    label for="coupon" { "Discount code" span.optional { " (optional)" } }
                    @if let Some(refused) = refused { p.problem #coupon-problem role="alert" { (refused) } }
                    div.coupon-row {
                        input #coupon name="coupon" type="text" maxlength="40" autocomplete="off" autocapitalize="characters"
                            spellcheck="false" form=[form] aria-invalid=[refused.map(|_| "true")]
                            aria-describedby=[refused.map(|_| "coupon-problem")];
                        button.button.quiet form=[form] formaction=[action] { "Apply" span.hidden { " the code" } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::money::Currency;
    use domain::pricing::{
        Bearer, CouponRefusal, DeliveryTerms, Effect, PricedLine, PromotionTerms, Tax, Terms, quote,
    };
    use domain::stock::Quantity;

    use super::*;

    fn sku() -> Sku {
        Sku::new("cup").unwrap()
    }

    fn reduced() -> Quote {
        let tax = |name: &str, is_included| Tax { name: name.into(), rate: "7.5".parse().unwrap(), is_included };
        let promotion = PromotionTerms {
            id: "ten".into(),
            name: "Ten <off>".into(),
            code: None,
            effect: Effect::Amount { minor: 1_000 },
            skus: [sku()].into(),
            borne_by: Bearer::Shop,
            limit: None,
            limit_per_person: None,
        };
        let delivery = DeliveryTerms {
            zone: "Lagos".into(),
            seller: Some("Ada".into()),
            free_from_minor: Some(5_000),
            price_minor: 0,
            ..Terms::flat(0).deliveries[0].clone()
        };
        let paid = DeliveryTerms { tax: Some(tax("Levy", false)), price_minor: 2_000, ..delivery.clone() };
        let terms = Terms {
            deliveries: vec![delivery, DeliveryTerms { free_from_minor: None, ..paid }],
            promotions: vec![promotion],
            taxes: [(sku(), tax("VAT", true))].into(),
            ..Terms::default()
        };
        let line = PricedLine { sku: sku(), quantity: Quantity::new(2).unwrap(), unit_price_minor: 5_875 };
        quote(&[line], &terms, Currency::Ngn).unwrap()
    }

    #[test]
    fn every_sum_has_its_reason() {
        let html = totals(&reduced()).into_string();
        for words in [
            "2 items",
            "₦117.50",
            "Ten &lt;off&gt;",
            "−₦10",
            "Standard delivery, Lagos",
            "by Ada",
            "Free",
            "free from ₦50 on",
            "Levy 7.5 %",
            "₦1.50",
            "of which VAT 7.5 %",
            "₦7.50",
            "₦129",
        ] {
            assert!(html.contains(words), "{words}: {html}");
        }
        let explained = breakdown(&reduced(), |_| "Cup <b>").into_string();
        assert!(explained.contains("Cup &lt;b&gt; × 2") && explained.contains("in the price"), "{explained}");
    }

    #[test]
    fn what_explains_itself_is_not_explained() {
        let line = PricedLine { sku: sku(), quantity: Quantity::new(1).unwrap(), unit_price_minor: 5 };
        let plain = quote(&[line], &Terms::flat(5), Currency::Usd).unwrap();
        assert_eq!(breakdown(&plain, |_| "").into_string(), "");
    }

    #[test]
    fn a_code_says_what_it_saves_or_why_it_saves_nothing() {
        let code: CouponCode = "ten".parse().unwrap();
        let shown = |saves| {
            let outcome = CouponOutcome { code: code.clone(), saves };
            let field = CouponField {
                outcome: Some(&outcome),
                code: Some(&code),
                refused: None,
                form: Some("f"),
                action: Some("/a"),
            };
            field.view().into_string()
        };
        assert!(shown(Ok(Money::new(1_000, Currency::Usd))).contains("saves you $10"));
        let html = shown(Err(CouponRefusal::NothingMeant));
        assert!(html.contains("other things than those in your cart") && html.contains("formaction=\"/a\""), "{html}");
        let empty =
            CouponField { outcome: None, code: None, refused: Some("No <such> code."), form: None, action: None };
        let html = empty.view().into_string();
        assert!(
            html.contains("No &lt;such&gt; code.") && html.contains("aria-describedby=\"coupon-problem\""),
            "{html}"
        );
    }
}
