//! The cart's page: what can be had leads to checkout, and what cannot says why.

use domain::money::Currency;
use domain::pricing::{PricedLine, Terms, quote};
use domain::sale::NoPass;

use super::super::form::tests::assert_every_control_is_labelled;
use super::super::layout::tests::site;
use super::*;

pub(in super::super) fn two_cups() -> (Line, Quote) {
    let line = Line {
        sku: Sku::new("cup-1").unwrap(),
        slug: "cup".into(),
        title: "Cup <b>".into(),
        variant: "Blue".into(),
        brand: None,
        category: vec![],
        picture: None,
        unit_price: Money::new(1_000, Currency::Usd),
        seen_price: Some(Money::new(1_000, Currency::Usd)),
        quantity: Quantity::new(2).unwrap(),
        available: Some(5),
        in_sale: None,
    };
    let priced = PricedLine { sku: line.sku.clone(), quantity: line.quantity, unit_price_minor: 1_000 };
    (line, quote(&[priced], &Terms::flat(500), Currency::Usd).unwrap())
}

fn page(available: Option<u32>, frozen: Option<Frozen>) -> String {
    let (line, _) = two_cups();
    page_with(Line { available, ..line }, frozen)
}

fn in_sale(turn: Turn) -> Option<InSale> {
    let units_max = Quantity::new(2).unwrap();
    Some(InSale { slug: "winter".into(), title: "Winter".into(), units_max, turn })
}

#[test]
fn what_is_held_back_for_a_sale_says_so_and_keeps_the_checkout_shut() {
    let (line, _) = two_cups();
    let in_sale = in_sale(Turn::Closed(NoPass::None));
    let html = page_with(Line { in_sale, ..line.clone() }, None);
    assert!(html.contains("/sale/winter") && !html.contains("href=\"/checkout\""), "{html}");
    assert!(html.contains("Not counted"), "{html}");
    assert!(page_with(line, None).contains("href=\"/checkout\""));
}

#[test]
fn whose_turn_it_is_sees_until_when_and_how_many() {
    let (line, _) = two_cups();
    let until = Timestamp(90_000);
    let html = page_with(Line { in_sale: in_sale(Turn::Open { until }), ..line.clone() }, None);
    assert!(html.contains("It is your turn") && html.contains("00:01 UTC"), "{html}");
    assert!(html.contains("One person may have 2") && html.contains("href=\"/checkout\""), "{html}");
    assert!(html.contains("load delay:90500ms"), "it looks again when the turn is over: {html}");
    let quantity = Quantity::new(3).unwrap();
    let html = page_with(Line { in_sale: in_sale(Turn::Open { until }), quantity, ..line }, None);
    assert!(html.contains("there are 3 in your cart") && !html.contains("href=\"/checkout\""), "{html}");
}

#[test]
fn a_price_that_a_sale_gave_and_took_is_told_as_that() {
    let (line, _) = two_cups();
    let seen_price = Some(Money::new(900, Currency::Usd));
    for (turn, told) in [
        (Turn::Closed(NoPass::Lapsed), "Your turn in "),
        (Turn::Ended, "has ended"),
        (Turn::Cancelled, "was cancelled"),
    ] {
        let html = page_with(Line { seen_price, in_sale: in_sale(turn), ..line.clone() }, None);
        assert!(html.contains(told) && !html.contains("dearer") && !html.contains("/cart/prices"), "{html}");
    }
}

fn page_with(line: Line, frozen: Option<Frozen>) -> String {
    let site = site();
    let saved = vec![Line { sku: Sku::new("cup-2").unwrap(), title: "Saved cup".into(), ..line.clone() }];
    let (lines, link) = (vec![line], Some("https://shop.example/cart/open/x".to_owned()));
    let quote = Some(two_cups().1);
    view(&Model { csrf: "token", lines, saved, quote, frozen, link, ..Model::empty(&site, None) }).into_string()
}

#[test]
fn a_cart_that_can_be_had_leads_to_checkout() {
    let html = page(Some(5), None);
    assert!(html.contains("href=\"/checkout\"") && html.contains("$25"), "{html}");
    assert!(html.contains("Cup &lt;b&gt;") && !html.contains("<b>"), "{html}");
    assert_every_control_is_labelled(&html);
    assert_eq!(html.matches("<form").count() - 1, html.matches("name=\"csrf\"").count(), "all but the search form");
}

#[test]
fn a_short_line_says_so_and_closes_checkout() {
    let html = page(Some(1), None);
    assert!(html.contains("Only 1 can be had") && !html.contains("href=\"/checkout\""), "{html}");
    assert!(page(None, None).contains("No longer sold"));
}

#[test]
fn a_new_price_is_told_with_the_old_one() {
    let (line, _) = two_cups();
    let quiet = page_with(line.clone(), None);
    assert!(!quiet.contains("/cart/prices"), "{quiet}");
    let seen_price = Some(Money::new(900, Currency::Usd));
    let html = page_with(Line { seen_price, ..line }, None);
    assert!(html.contains("It has become dearer") && html.contains("$9") && html.contains("/cart/prices"), "{html}");
}

#[test]
fn what_is_saved_for_later_can_be_put_back_while_there_is_some() {
    assert!(page(Some(5), None).contains("/cart/saved/put-back"));
    let html = page(Some(0), None);
    assert!(!html.contains("/cart/saved/put-back") && html.contains("stays here until it is back"), "{html}");
}

#[test]
fn while_a_payment_is_under_way_nothing_can_be_changed() {
    let checkout_id = "0199aaaa-0000-7000-8000-000000000000".parse().unwrap();
    let frozen = Frozen { checkout_id, until: Timestamp(0), continue_href: "/orders/1".into() };
    let html = page(Some(5), Some(frozen));
    assert!(html.contains("/cart/give-up") && html.contains("href=\"/orders/1\""), "{html}");
    assert!(!html.contains("/cart/lines/remove") && !html.contains("href=\"/checkout\""), "{html}");
}

#[test]
fn an_empty_cart_counts_nothing() {
    assert_eq!(count(0).into_string(), "");
    assert!(count(1).into_string().contains(" item<"));
}
