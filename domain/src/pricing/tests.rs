//! What orders cost: by hand, and that it adds up whatever the rules (MONEY-2).

use proptest::prelude::*;

use super::*;
use crate::invariants::charged_as_quoted;
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp(1_000_000);

fn line(sku: &str, quantity: u32, unit_price_minor: i64) -> PricedLine {
    PricedLine { sku: Sku::new(sku).unwrap(), quantity: Quantity::new(quantity).unwrap(), unit_price_minor }
}

fn item(sku: &str, quantity: u32, unit_price_minor: i64) -> Item {
    let PricedLine { sku, quantity, unit_price_minor } = line(sku, quantity, unit_price_minor);
    Item {
        sku,
        quantity,
        unit_price_minor,
        seller: "ada".into(),
        category: "Home/Kitchen".into(),
        brand: None,
        weight_grams: 0,
        is_reduced: false,
    }
}

fn rate(percent: &str) -> Rate {
    percent.parse().unwrap()
}

fn vat(percent: &str, is_included: bool) -> Tax {
    Tax { name: "VAT".into(), rate: rate(percent), is_included }
}

fn tax(country: &str, category: &str, tax: Tax) -> TaxRule {
    let categories = if category.is_empty() { vec![] } else { vec![category.to_owned()] };
    TaxRule { country: country.into(), regions: vec![], categories, tax, is_on_delivery: false }
}

fn promotion(id: &str, code: Option<&str>, effect: Effect) -> Promotion {
    Promotion {
        code: code.map(|code| code.parse().unwrap()),
        currency: Some(Currency::Ngn),
        combines: true,
        ..Promotion::new(id, &id.to_uppercase(), effect, Bearer::Shop)
    }
}

fn percent(id: &str, percent: &str) -> Promotion {
    promotion(id, None, Effect::Percent { rate: rate(percent) })
}

fn method(price_minor: i64) -> MethodRule {
    MethodRule {
        method: DeliveryMethod::Standard,
        currency: Currency::Ngn,
        steps: vec![WeightStep { up_to_grams: None, price_minor }],
        free_from_minor: None,
        is_per_seller: false,
        kept_by: Keeper::Shop,
    }
}

fn zone(name: &str, countries: &[&str], regions: &[&str], rule: MethodRule) -> Zone {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Zone {
        name: name.into(),
        countries: owned(countries),
        regions: owned(regions),
        sellers: vec![],
        methods: vec![rule],
    }
}

fn lagos() -> Destination {
    Destination { country: "NG".into(), region: "Lagos State".into() }
}

fn price_to(rules: &Rules, items: &[Item], to: &Destination, code: Option<&str>) -> Result<Priced, CannotQuote> {
    let code = code.map(|code| code.parse().unwrap());
    let basket = Basket { items, currency: Currency::Ngn, flat_delivery_minor: Some(500) };
    let wish = Wish { destination: to, method: DeliveryMethod::Standard, coupon: code.as_ref() };
    let priced = rules.price(basket, wish, NOW)?;
    let lines: Vec<PricedLine> =
        items.iter().map(|item| line(item.sku.as_str(), item.quantity.get(), item.unit_price_minor)).collect();
    let again = quote(&lines, &priced.terms, Currency::Ngn).unwrap();
    assert_eq!(again.digest(), priced.quote.digest(), "the terms alone make the same quote");
    Ok(priced)
}

fn price(rules: &Rules, items: &[Item], code: Option<&str>) -> Priced {
    price_to(rules, items, &lagos(), code).unwrap()
}

fn refusal(rules: &Rules, items: &[Item], code: &str) -> CouponRefusal {
    price(rules, items, Some(code)).coupon.unwrap().saves.unwrap_err()
}

#[test]
fn without_rules_a_quote_adds_lines_and_one_delivery() {
    let quote = quote(&[line("a", 3, 4_995), line("b", 1, 10)], &Terms::flat(500), Currency::Usd).unwrap();
    assert_eq!((quote.items_minor, quote.total_minor, quote.discount_minor, quote.tax_minor), (14_995, 15_495, 0, 0));
    let priced = price(&Rules::default(), &[item("a", 3, 4_995)], None);
    assert_eq!((priced.quote.total_minor, priced.terms), (15_485, Terms::flat(500)));
}

#[test]
fn what_cannot_be_priced_is_refused() {
    let refused = |lines: &[PricedLine], terms: &Terms| quote(lines, terms, Currency::Usd).unwrap_err();
    let flat = Terms::flat(0);
    assert_eq!(refused(&[], &flat), CannotQuote::Empty);
    assert_eq!(refused(&[line("a", 1, -1)], &flat), CannotQuote::NegativePrice);
    assert_eq!(refused(&[line("a", 1, 1)], &Terms::flat(-1)), CannotQuote::NegativePrice);
    assert_eq!(refused(&[line("a", 9_999, Money::AMOUNT_MINOR_MAX)], &flat), CannotQuote::TooLarge);
    let twice = [line("a", 1, 1), line("a", 2, 1)];
    assert_eq!(refused(&twice, &flat), CannotQuote::Twice(Sku::new("a").unwrap()));
}

#[test]
fn the_most_specific_tax_counts() {
    let food = tax("NG", "Food", vat("0", true));
    let lagos_tax = TaxRule { regions: vec!["Lagos".into()], ..tax("NG", "", vat("5", false)) };
    let rules = Rules {
        taxes: vec![tax("NG", "", vat("7.5", true)), food, tax("GH", "", vat("15", false))],
        ..Rules::default()
    };
    let bread = Item { category: "Food/Bread".into(), ..item("bread", 1, 1_000) };
    let foodless = Item { category: "Foodstore".into(), ..item("bag", 1, 1_000) };
    let quote = price(&rules, &[item("cup", 1, 10_750), bread, foodless], None).quote;
    let taxes: Vec<i64> = quote.lines.iter().map(|line| line.charge.tax.as_ref().map_or(0, |tax| tax.minor)).collect();
    assert_eq!(taxes, [750, 0, 70], "food bears none, and a category that only begins alike is not food");
    assert_eq!((quote.tax_minor, quote.total_minor), (0, 10_750 + 2_000 + 500), "prices hold it already");
    let rules = Rules { taxes: [rules.taxes, vec![lagos_tax]].concat(), ..Rules::default() };
    assert_eq!(price(&rules, &[item("cup", 1, 1_000)], None).quote.tax_minor, 50, "a region before its country");
    let abroad = Destination { country: "GH".into(), region: String::new() };
    assert_eq!(price_to(&rules, &[item("cup", 1, 1_000)], &abroad, None).unwrap().quote.tax_minor, 150);
}

#[test]
fn delivery_bears_a_tax_only_where_a_rule_says_so() {
    let rule = TaxRule { is_on_delivery: true, ..tax("NG", "", vat("10", false)) };
    let rules = Rules { taxes: vec![rule], ..Rules::default() };
    let quote = price(&rules, &[item("cup", 1, 1_000)], None).quote;
    assert_eq!((quote.tax_minor, quote.total_minor, quote.delivery_charged_minor()), (150, 1_650, 550));
}

/// A shop elsewhere showed 34.116425 and charged 34.12; another rounded the tax of one unit and multiplied that.
#[test]
fn tax_is_rounded_once_a_line_and_never_times_the_quantity() {
    let rules = Rules { taxes: vec![tax("NG", "", vat("8.875", false))], ..Rules::default() };
    let quote = price(&rules, &[item("cup", 7, 3_133)], None).quote;
    assert_eq!(quote.lines[0].charge.tax.as_ref().unwrap().minor, 1_946, "8.875 % of 219.31 is 19.4637…");
    assert_eq!(quote.total_minor, 21_931 + 1_946 + 500);
}

#[test]
fn a_zone_is_the_most_specific_one_and_elsewhere_nothing_is_delivered() {
    let rules = Rules {
        delivery: vec![
            zone("Nigeria", &["NG"], &[], method(2_500)),
            zone("Lagos", &["NG"], &["lagos"], method(1_000)),
            zone("Accra", &["GH"], &["Greater Accra"], method(9_000)),
        ],
        ..Rules::default()
    };
    let items = [item("cup", 1, 1_000)];
    let to = |country: &str, region: &str| {
        let there = Destination { country: country.into(), region: region.into() };
        price_to(&rules, &items, &there, None).map(|priced| priced.quote.delivery_minor)
    };
    assert_eq!((to("NG", "Lagos"), to("NG", "Kano"), to("NG", "")), (Ok(1_000), Ok(2_500), Ok(2_500)));
    assert_eq!(to("GH", "Ashanti"), Err(CannotQuote::NotDeliveredThere));
    assert_eq!(price(&rules, &items, None).quote.deliveries[0].zone, "Lagos");
}

#[test]
fn each_seller_delivers_by_weight_and_free_from_their_own_amount_on() {
    let steps = vec![
        WeightStep { up_to_grams: Some(1_000), price_minor: 800 },
        WeightStep { up_to_grams: Some(5_000), price_minor: 2_000 },
    ];
    let rule =
        MethodRule { steps, free_from_minor: Some(10_000), is_per_seller: true, kept_by: Keeper::Seller, ..method(0) };
    let rules = Rules { delivery: vec![zone("Nigeria", &["NG"], &[], rule)], ..Rules::default() };
    let of = |seller: &str, sku: &str, quantity, price, weight_grams| Item {
        seller: seller.into(),
        weight_grams,
        ..item(sku, quantity, price)
    };
    let quote =
        price(&rules, &[of("ada", "a", 2, 5_000, 600), of("bola", "b", 2, 1_000, 500), of("ada", "c", 1, 1, 0)], None)
            .quote;
    let told: Vec<_> = quote
        .deliveries
        .iter()
        .map(|part| (part.seller.as_deref().unwrap(), part.charge.full_minor, part.free_from_minor))
        .collect();
    assert_eq!(told, [("ada", 0, Some(10_000)), ("bola", 800, None)], "1,200 g for ada, and free for 100.01");
    assert!(quote.deliveries.iter().all(|part| part.is_sellers));
    let heavy = [of("ada", "a", 1, 1, 5_001)];
    let refused = price_to(&rules, &heavy, &lagos(), None).unwrap_err();
    assert_eq!(refused, CannotQuote::NoSuchMethod(DeliveryMethod::Standard));
}

#[test]
fn every_method_that_is_possible_is_offered_with_its_price() {
    let pickup = MethodRule { method: DeliveryMethod::Pickup, ..method(0) };
    let express = MethodRule { method: DeliveryMethod::Express, currency: Currency::Usd, ..method(9_000) };
    let zone = Zone { methods: vec![method(1_000), express, pickup], ..zone("Nigeria", &["NG"], &[], method(0)) };
    let rules = Rules { delivery: vec![zone], ..Rules::default() };
    let items = [item("cup", 1, 1_000)];
    let basket = Basket { items: &items, currency: Currency::Ngn, flat_delivery_minor: None };
    let destination = lagos();
    let wish = Wish { destination: &destination, method: DeliveryMethod::Standard, coupon: None };
    let offered: Vec<_> =
        rules.methods(basket, wish, NOW).iter().map(|offer| (offer.method, offer.price_minor)).collect();
    assert_eq!(
        offered,
        [(DeliveryMethod::Standard, 1_000), (DeliveryMethod::Pickup, 0)],
        "express has no price in naira"
    );
}

#[test]
fn a_discount_is_one_amount_that_its_lines_share_to_the_minor_unit() {
    let rules = Rules { promotions: vec![percent("ten", "10")], ..Rules::default() };
    let quote = price(&rules, &[item("a", 1, 105), item("b", 1, 105), item("c", 1, 105)], None).quote;
    let parts: Vec<i64> = quote.lines.iter().map(|line| line.charge.discount_minor()).collect();
    assert_eq!((parts, quote.discount_minor), (vec![11, 11, 10], 32), "10 % of 3.15 is 0.32, not 3 × 0.11");
    assert_eq!(quote.discounts(), [("ten", "TEN", 32)]);
}

#[test]
fn a_discount_never_takes_off_more_than_there_is() {
    let effects = [Effect::Amount { minor: 900 }, Effect::AmountEach { minor: 900 }, Effect::FreeDelivery];
    let promotions = (0..).zip(effects).map(|(at, effect)| promotion(&format!("p{at}"), None, effect)).collect();
    let rules = Rules { promotions, ..Rules::default() };
    let quote = price(&rules, &[item("a", 2, 200), item("b", 1, 1_000)], None).quote;
    assert_eq!((quote.discount_minor, quote.total_minor), (1_400 + 500, 0));
}

#[test]
fn a_promotion_is_about_what_it_names_and_not_about_what_it_leaves_out() {
    let of = |category: &str, sku: &str| Item { category: category.into(), ..item(sku, 1, 1_000) };
    let items = [
        of("Home/Kitchen/Cups", "cup"),
        Item { is_reduced: true, ..of("Home/Kitchen", "pan") },
        of("Home/Garden", "spade"),
        Item { brand: Some("Tefal".into()), ..of("Home/kitchen", "pot") },
    ];
    let kitchen = Scope { categories: vec!["home/Kitchen".into()], ..Scope::default() };
    let except = Scope { brands: vec!["TEFAL".into()], skus: vec![Sku::new("nothing").unwrap()], ..Scope::default() };
    let ten = Promotion { on: kitchen, except, is_not_on_reduced: true, ..percent("ten", "10") };
    let quote = price(&Rules { promotions: vec![ten], ..Rules::default() }, &items, None).quote;
    let parts: Vec<i64> = quote.lines.iter().map(|line| line.charge.discount_minor()).collect();
    assert_eq!(parts, [100, 0, 0, 0]);
}

#[test]
fn a_code_that_takes_nothing_off_says_why() {
    let coupon = |id: &str| Promotion { code: Some(id.parse().unwrap()), ..percent(id, "10") };
    let rules = Rules {
        promotions: vec![
            Promotion { starts_at: Some(Timestamp(NOW.0 + 1)), ..coupon("soon") },
            Promotion { ends_at: Some(NOW), ..coupon("late") },
            Promotion { minimum_minor: Some(2_000), ..coupon("rich") },
            Promotion { currency: Some(Currency::Usd), ..coupon("dollar") },
            Promotion { on: Scope { brands: vec!["Tefal".into()], ..Scope::default() }, ..coupon("brand") },
            Promotion { combines: false, ..coupon("small") },
            Promotion { combines: false, ..percent("big", "20") },
            coupon("good"),
        ],
        ..Rules::default()
    };
    let items = [item("cup", 1, 1_000)];
    let why = |code: &str| refusal(&rules, &items, code);
    assert_eq!(why("SOON"), CouponRefusal::NotYet(Timestamp(NOW.0 + 1)));
    assert_eq!(why("late"), CouponRefusal::Over(NOW));
    let money = |minor| Money::new(minor, Currency::Ngn);
    assert_eq!(why("rich"), CouponRefusal::BelowMinimum { minimum: money(2_000), worth: money(1_000) });
    assert_eq!(why("dollar"), CouponRefusal::OtherCurrency(Currency::Usd));
    assert_eq!(why("brand"), CouponRefusal::NothingMeant);
    assert_eq!(why("other"), CouponRefusal::Unknown);
    assert_eq!(why("small"), CouponRefusal::Beaten("BIG".into()));
    assert_eq!(why("good"), CouponRefusal::Beaten("BIG".into()), "what stands alone and saves more is in its place");
}

#[test]
fn what_goes_together_is_added_and_what_stands_alone_has_to_save_more() {
    let alone = |id: &str, share: &str| Promotion { combines: false, ..percent(id, share) };
    let coupon = Promotion { code: Some("five".parse().unwrap()), ..percent("five", "5") };
    let items = [item("cup", 1, 10_000)];
    let ids = |promotions: Vec<Promotion>, code| {
        let priced = price(&Rules { promotions, ..Rules::default() }, &items, code);
        let ids: Vec<String> = priced.terms.promotions.iter().map(|promotion| promotion.id.clone()).collect();
        (ids.join("+"), priced.quote.discount_minor)
    };
    let both = || vec![percent("ten", "10"), coupon.clone()];
    assert_eq!(ids(both(), None), ("ten".into(), 1_000), "a code that nobody typed does nothing");
    assert_eq!(ids(both(), Some("FIVE")), ("ten+five".into(), 1_450), "5 % of what is left");
    assert_eq!(ids([both(), vec![alone("fourteen", "14")]].concat(), Some("five")), ("ten+five".into(), 1_450));
    assert_eq!(ids([both(), vec![alone("fifteen", "15")]].concat(), Some("five")), ("fifteen".into(), 1_500));
}

#[test]
fn what_the_shop_gives_up_costs_no_seller_anything() {
    let shares = |borne_by, is_included| {
        let ten = Promotion { borne_by, ..percent("ten", "10") };
        let rules =
            Rules { promotions: vec![ten], taxes: vec![tax("NG", "", vat("7.5", is_included))], ..Rules::default() };
        let quote = price(&rules, &[item("cup", 1, 10_750)], None).quote;
        let Shares { base_minor, tax_minor, discount_minor } = quote.lines[0].charge.shares();
        assert_eq!(base_minor + tax_minor - discount_minor, quote.lines[0].charge.charged_minor);
        (base_minor, tax_minor, discount_minor)
    };
    assert_eq!(shares(Bearer::Shop, true), (10_000, 675, 1_000));
    assert_eq!(shares(Bearer::Seller, true), (9_000, 675, 0));
    assert_eq!(shares(Bearer::Shop, false), (10_750, 726, 1_075));
    assert_eq!(shares(Bearer::Seller, false), (9_675, 726, 0));
}

#[test]
fn wrong_rules_say_what_to_write() {
    let rules = Rules {
        taxes: vec![tax("Nigeria", "", vat("7.5", true))],
        delivery: vec![zone("", &["NG"], &[], MethodRule { steps: vec![], ..method(0) })],
        promotions: vec![
            Promotion { limit: Some(3), ..percent("Ten", "10") },
            Promotion { currency: None, ..promotion("five", Some("A"), Effect::Amount { minor: 5 }) },
            promotion("five", Some("a"), Effect::Percent { rate: rate("0") }),
        ],
    };
    let problems = rules.problems().join("\n");
    for part in [
        "two capital letters",
        "name:",
        "at least one price",
        "a-z, 0-9",
        "only a promotion with a code",
        "its amounts need one",
        "has this id",
        "has this code",
        "percent: more than 0",
    ] {
        assert!(problems.contains(part), "{part}: {problems}");
    }
    let good = Rules { promotions: vec![percent("ten", "10")], ..Rules::default() };
    assert_eq!(good.problems(), Vec::<String>::new());
}

fn some_promotions() -> impl Strategy<Value = Vec<PromotionTerms>> {
    let effect = prop_oneof![
        (0_u32..=Rate::WHOLE).prop_map(|share| Effect::Percent { rate: Rate::new(share).unwrap() }),
        (0_i64..=2_000_000).prop_map(|minor| Effect::Amount { minor }),
        (0_i64..=5_000).prop_map(|minor| Effect::AmountEach { minor }),
        Just(Effect::FreeDelivery),
    ];
    let one =
        (effect, any::<bool>(), prop::collection::btree_set(0_usize..8, 0..8)).prop_map(|(effect, is_shops, on)| {
            PromotionTerms {
                id: format!("{effect:?}"),
                name: "P".into(),
                code: None,
                effect,
                skus: on.into_iter().map(|at| Sku::new(&format!("s{at}")).unwrap()).collect(),
                borne_by: if is_shops { Bearer::Shop } else { Bearer::Seller },
                limit: None,
                limit_per_person: None,
            }
        });
    prop::collection::vec(one, 0..5)
}

fn some_tax() -> impl Strategy<Value = Option<Tax>> {
    prop::option::of((0_u32..=Rate::WHOLE, any::<bool>()).prop_map(|(rate, is_included)| Tax {
        name: "T".into(),
        rate: Rate::new(rate).unwrap(),
        is_included,
    }))
}

proptest! {
    /// MONEY-2, shares that come to what is charged, and a digest that tells every difference.
    #[test]
    fn the_total_is_the_sum_of_its_parts_whatever_the_terms(
        amounts in prop::collection::vec((1_u32..=99, 0_i64..=1_000_000, some_tax()), 1..8),
        deliveries in prop::collection::vec((0_i64..=10_000, some_tax()), 1..3),
        promotions in some_promotions(),
    ) {
        let lines: Vec<_> =
            amounts.iter().enumerate().map(|(i, (n, price, _))| line(&format!("s{i}"), *n, *price)).collect();
        let taxes = amounts.iter().enumerate().filter_map(|(i, (_, _, tax))| Some((lines[i].sku.clone(), tax.clone()?)));
        let part = |(price, tax): &(i64, Option<Tax>)| DeliveryTerms { tax: tax.clone(), ..Terms::flat(*price).deliveries[0].clone() };
        let deliveries = deliveries.iter().map(part).collect();
        let terms = Terms { taxes: taxes.collect(), promotions, deliveries, ..Terms::flat(0) };
        let quoted = quote(&lines, &terms, Currency::Ngn).unwrap();

        prop_assert_eq!(charged_as_quoted(&quoted, quoted.total()), Ok(()));
        for charge in quoted.charges() {
            let Shares { base_minor, tax_minor, discount_minor } = charge.shares();
            prop_assert!(base_minor >= 0 && tax_minor >= 0 && discount_minor >= 0, "{:?}", charge);
            prop_assert_eq!(base_minor + tax_minor - discount_minor, charge.charged_minor);
        }
        let mut dearer = lines;
        dearer[0].unit_price_minor += 1;
        prop_assert_ne!(quoted.digest(), quote(&dearer, &terms, Currency::Ngn).unwrap().digest());
        let other = Terms { method: DeliveryMethod::Express, ..terms };
        dearer[0].unit_price_minor -= 1;
        prop_assert_ne!(quoted.digest(), quote(&dearer, &other, Currency::Ngn).unwrap().digest());
        let told = serde_json::to_string(&quoted).unwrap();
        prop_assert_eq!(serde_json::from_str::<Quote>(&told).unwrap(), quoted);
    }
}
