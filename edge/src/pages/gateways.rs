//! The choice of a payment gateway, on whichever page one pays from.

use domain::money::Currency;
use domain::wire::GatewayName;
use maud::{Markup, html};

/// One of `offered`, under the name `gateway`: to be chosen where there are several, or said where there is one.
pub fn choice(offered: &[GatewayName], chosen: GatewayName, currency: Currency) -> Markup {
    let id = |index: usize, gateway: GatewayName| match index {
        0 => "gateway".to_owned(),
        _ => format!("gateway-{}", gateway.as_str()),
    };
    html! {
        @if let [only] = offered {
            input type="hidden" name="gateway" value=(only.as_str());
            p #gateway { strong { (only.title()) } " · " (pays_with(*only, currency)) }
        } @else {
            @for (index, gateway) in offered.iter().enumerate() {
                .choice {
                    input id=(id(index, *gateway)) type="radio" name="gateway" value=(gateway.as_str())
                        checked[*gateway == chosen || index == 0 && !offered.contains(&chosen)];
                    label for=(id(index, *gateway)) {
                        strong { (gateway.title()) }
                        span.hint { (pays_with(*gateway, currency)) }
                    }
                }
            }
        }
    }
}

/// What one pays with on the gateway's page.
pub const fn pays_with(gateway: GatewayName, currency: Currency) -> &'static str {
    match (gateway, currency) {
        (GatewayName::Paystack | GatewayName::Flutterwave, Currency::Ngn) => "Card, bank transfer or USSD",
        (GatewayName::Paystack, Currency::Ghs) | (GatewayName::Flutterwave, Currency::Ghs | Currency::Xof) => {
            "Card or mobile money"
        }
        (GatewayName::Paystack | GatewayName::Flutterwave, Currency::Kes) => "Card or M-Pesa",
        (GatewayName::Monnify, _) => "Bank transfer, card or USSD",
        (GatewayName::Paystack | GatewayName::Flutterwave | GatewayName::Stripe, _) => "Card",
    }
}

#[cfg(test)]
mod tests {
    use super::super::form::tests::assert_every_control_is_labelled;
    use super::*;

    #[test]
    fn one_gateway_is_no_choice_and_of_several_the_first_is_chosen() {
        let one = choice(&[GatewayName::Stripe], GatewayName::Paystack, Currency::Eur).into_string();
        assert!(one.contains("type=\"hidden\"") && !one.contains("radio") && one.contains("Stripe"), "{one}");
        let four = choice(&GatewayName::ALL, GatewayName::Paystack, Currency::Ngn).into_string();
        assert_eq!(four.matches("radio").count(), 4);
        assert_every_control_is_labelled(&four);
        let some = choice(&[GatewayName::Monnify, GatewayName::Stripe], GatewayName::Paystack, Currency::Ngn);
        let some = some.into_string();
        assert_eq!(some.matches(" checked").count(), 1, "{some}");
        assert!(some.find(" checked") < some.find("Stripe"), "{some}");
    }
}
