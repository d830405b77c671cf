//! The way back from the payment page to the shop, as each gateway makes it. Pure.
//!
//! Nothing in these addresses is proof of anything: a shop that believes them has to be found out by a test.

use crate::gateways::Gateway;
use crate::payments::{Payment, Status};

/// The shop's address with what the gateway adds, the shop's own parameters kept. `None`: the browser stays.
pub(super) fn way_back(payment: &Payment) -> Option<String> {
    let request = &payment.request;
    let own = || request.callback_url.clone();
    let reference = request.reference.clone();
    let word = |paid: &'static str, failed| match payment.status {
        Status::Success => paid,
        Status::Failed => failed,
        Status::Pending | Status::Abandoned => "cancelled",
    };
    let tried = matches!(payment.status, Status::Success | Status::Failed);
    match request.gateway {
        Gateway::Paystack => with(own()?, &[("trxref", reference.clone()), ("reference", reference)]),
        Gateway::FlutterwaveV3 => {
            let mut added = vec![("status", word("successful", "failed").to_owned()), ("tx_ref", reference)];
            if tried {
                added.push(("transaction_id", request.id.to_string()));
            }
            with(own()?, &added)
        }
        // What v4 adds is not documented: as v3, with v4's words.
        Gateway::FlutterwaveV4 => {
            let mut added = vec![("status", word("succeeded", "failed").to_owned()), ("reference", reference)];
            if tried {
                added.push(("charge_id", format!("chg_{}", request.id)));
            }
            with(own()?, &added)
        }
        Gateway::Monnify => with(own()?, &[("paymentReference", reference)]),
        // Stripe keeps who was declined on its page, and adds nothing but where the shop asks for it.
        Gateway::Stripe => match payment.status {
            Status::Success => {
                // A session's id is the access code of its page.
                with(own()?.replace("{CHECKOUT_SESSION_ID}", &request.access_code), &[])
            }
            Status::Pending | Status::Abandoned => with(request.cancel_url.clone()?, &[]),
            Status::Failed => None,
        },
    }
}

fn with(url: String, added: &[(&str, String)]) -> Option<String> {
    if added.is_empty() {
        return Some(url);
    }
    let mut url = reqwest::Url::parse(&url).ok()?;
    url.query_pairs_mut().extend_pairs(added);
    Some(url.into())
}

#[cfg(test)]
pub(super) mod tests {
    use domain::money::{Currency, Money};
    use domain::time::Timestamp;
    use serde_json::Value;

    use super::*;
    use crate::payments::{Event, Request};

    pub(in crate::pages) fn payment(gateway: Gateway, callback_url: Option<&str>) -> Payment {
        let request = Request {
            gateway,
            id: 7,
            reference: "a=b".to_owned(),
            access_code: "code".to_owned(),
            email: "ada@example.com".to_owned(),
            requested: Money::new(1_250_050, Currency::Ngn),
            callback_url: callback_url.map(str::to_owned),
            cancel_url: callback_url.map(|url| format!("{url}/cancelled")),
            metadata: Value::Null,
            details: Value::Null,
        };
        Payment::new(request, Timestamp(0))
    }

    fn after(gateway: Gateway, url: &str, event: &Event) -> Option<String> {
        let mut payment = payment(gateway, Some(url));
        payment.evolve(event, Timestamp(1));
        way_back(&payment)
    }

    #[test]
    fn the_way_back_keeps_what_the_shop_put_into_its_address() {
        let back = |url| way_back(&payment(Gateway::Paystack, Some(url))).unwrap();
        assert_eq!(back("http://shop.test/back"), "http://shop.test/back?trxref=a%3Db&reference=a%3Db");
        assert_eq!(back("http://shop.test/back?o=1#x"), "http://shop.test/back?o=1&trxref=a%3Db&reference=a%3Db#x");
        for gateway in Gateway::ALL {
            assert_eq!(way_back(&payment(gateway, None)), None);
        }
    }

    #[test]
    fn every_gateway_has_its_own_way_back() {
        let paid = Event::Paid { captured: Money::new(1_250_050, Currency::Ngn) };
        let (v3, v4) = (Gateway::FlutterwaveV3, Gateway::FlutterwaveV4);
        let url = "http://s.test/o";
        for (gateway, event, added) in [
            (v3, &paid, "?status=successful&tx_ref=a%3Db&transaction_id=7"),
            (v3, &Event::Abandoned, "?status=cancelled&tx_ref=a%3Db"),
            (v4, &Event::Declined, "?status=failed&reference=a%3Db&charge_id=chg_7"),
            (Gateway::Monnify, &paid, "?paymentReference=a%3Db"),
            (Gateway::Stripe, &paid, ""),
            (Gateway::Stripe, &Event::Abandoned, "/cancelled"),
        ] {
            assert_eq!(after(gateway, url, event).unwrap(), format!("{url}{added}"), "{gateway:?}");
        }
        assert_eq!(after(Gateway::Stripe, url, &Event::Declined), None);
        let templated = after(Gateway::Stripe, "http://s.test/o?session={CHECKOUT_SESSION_ID}", &paid);
        assert_eq!(templated.unwrap(), "http://s.test/o?session=code");
    }
}
