//! What the simulated shop takes and gives beside its prices: a tax that prices hold, and a code that can be redeemed so often and no
//! more (COUPON-1).

use domain::cart::CartLine;
use domain::money::Currency;
use domain::pricing::{
    Basket, Bearer, CouponCode, DeliveryMethod, Destination, Effect, Item, Limits, Promotion, Rate, Rules, Tax,
    TaxRule, Wish,
};
use domain::purchase::Offers;
use domain::time::Timestamp;

/// What the code's promotion is counted under.
pub(crate) const PROMOTION: &str = "less";

/// How often it can be redeemed.
pub(crate) const LIMITS: Limits = Limits { in_all: Some(2), per_person: Some(1) };

#[expect(clippy::expect_used, reason = "it stands here that it is one")]
pub(crate) fn code() -> CouponCode {
    "LESS".parse().expect("letters only")
}

#[expect(clippy::expect_used, reason = "it stands here that it is less than all")]
pub(crate) fn rules() -> Rules {
    let tax = Tax { name: "VAT".to_owned(), rate: Rate::new(7_500).expect("7.5 percent"), is_included: true };
    let tax =
        TaxRule { country: "NG".to_owned(), regions: Vec::new(), categories: Vec::new(), tax, is_on_delivery: true };
    let promotion = Promotion {
        code: Some(code()),
        currency: Some(Currency::Ngn),
        limit: LIMITS.in_all,
        limit_per_person: LIMITS.per_person,
        ..Promotion::new(PROMOTION, "Less", Effect::Amount { minor: 33 }, Bearer::Shop)
    };
    Rules { taxes: vec![tax], delivery: Vec::new(), promotions: vec![promotion] }
}

/// The digest of what a cart costs, as its page shows it; `None` where it shows no price.
pub(crate) fn seen(offers: &Offers, lines: &[CartLine], coupon: Option<&CouponCode>, now: Timestamp) -> Option<String> {
    let item = |line: &CartLine| Some(offers.variants.get(&line.sku)?.item(line.sku.clone(), line.quantity));
    let items: Vec<Item> = lines.iter().map(item).collect::<Option<_>>()?;
    let flat_delivery_minor = offers.delivery_minor.get(&Currency::Ngn).copied();
    let basket = Basket { items: &items, currency: Currency::Ngn, flat_delivery_minor };
    let destination = Destination { country: "NG".to_owned(), region: "Lagos".to_owned() };
    let wish = Wish { destination: &destination, method: DeliveryMethod::Standard, coupon };
    offers.rules.price(basket, wish, now).ok().map(|priced| priced.quote.digest())
}
