//! Carts as shoppers use them.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::idempotency::assert_idempotent;
use crate::ids::ProductId;
use crate::money::{Currency, Money};

const NOW: Timestamp = Timestamp(1_000_000);

fn sku(text: &str) -> Sku {
    Sku::new(text).unwrap()
}

fn checkout(n: u128) -> CheckoutId {
    CheckoutId(Uuid::from_u128(n))
}

const PRICE: Money = Money::new(1_000, Currency::Ngn);

/// Of everything there are plenty.
fn add(operation: u128, text: &str, quantity: u32) -> Command {
    add_of(operation, text, quantity, u32::MAX)
}

fn add_of(operation: u128, text: &str, quantity: u32, available: u32) -> Command {
    Command::Add {
        operation_id: OperationId(Uuid::from_u128(operation)),
        sku: sku(text),
        product_id: ProductId(Uuid::from_u128(7)),
        quantity: Quantity::new(quantity).unwrap(),
        price: PRICE,
        available,
        units_max: None,
    }
}

fn set_to(text: &str, quantity: u32, available: u32) -> Command {
    Command::SetQuantity { sku: sku(text), quantity: Quantity::new(quantity).unwrap(), available, units_max: None }
}

fn line(text: &str, quantity: u32) -> CartLine {
    CartLine {
        sku: sku(text),
        product_id: ProductId(Uuid::from_u128(7)),
        quantity: Quantity::new(quantity).unwrap(),
        seen_price: Some(PRICE),
    }
}

fn other(n: u128) -> CartId {
    CartId(Uuid::from_u128(n))
}

fn after(cart: &mut Cart, command: &Command, now: Timestamp) -> Result<(), Rejection> {
    assert_idempotent(cart, |cart| cart.decide(command, now), |cart, event| cart.evolve(event))
}

fn counted(lines: &[CartLine]) -> Vec<(String, u32)> {
    lines.iter().map(|line| (line.sku.to_string(), line.quantity.get())).collect()
}

fn contents(cart: &Cart) -> Vec<(String, u32)> {
    counted(cart.lines())
}

#[test]
fn adding_twice_is_more_but_a_repeated_request_is_not() {
    let mut cart = Cart::default();
    after(&mut cart, &add(1, "a", 2), NOW).unwrap();
    after(&mut cart, &add(2, "a", 1), NOW).unwrap();
    after(&mut cart, &add(3, "b", 1), NOW).unwrap();
    assert_eq!(contents(&cart), [("a".into(), 3), ("b".into(), 1)]);
    after(&mut cart, &set_to("a", 1, 9), NOW).unwrap();
    after(&mut cart, &Command::Remove { sku: sku("b") }, NOW).unwrap();
    assert_eq!(contents(&cart), [("a".into(), 1)]);
}

#[test]
fn a_cart_has_its_limits() {
    let mut cart = Cart::default();
    assert_eq!(after(&mut cart, &Command::Freeze { checkout_id: checkout(1) }, NOW), Err(Rejection::Empty));
    for n in 0..LINES_MAX as u128 {
        after(&mut cart, &add(n, &format!("s{n}"), 1), NOW).unwrap();
    }
    assert_eq!(after(&mut cart, &add(900, "one-more", 1), NOW), Err(Rejection::TooManyLines));
    assert_eq!(after(&mut cart, &add(901, "s0", 9_999), NOW), Err(Rejection::TooMany));
}

#[test]
fn a_cart_is_frozen_while_it_is_paid_and_thaws_by_itself() {
    let mut cart = Cart::default();
    after(&mut cart, &add(1, "a", 2), NOW).unwrap();
    after(&mut cart, &Command::Freeze { checkout_id: checkout(1) }, NOW).unwrap();
    let frozen = Rejection::Frozen { checkout_id: checkout(1) };
    assert_eq!(after(&mut cart, &add(2, "b", 1), NOW), Err(frozen.clone()));
    assert_eq!(after(&mut cart, &Command::Freeze { checkout_id: checkout(2) }, NOW), Err(frozen));
    let later = NOW + FREEZE_LENGTH;
    assert_eq!(cart.frozen_for(NOW), Some((checkout(1), later)));
    after(&mut cart, &add(2, "b", 1), later).unwrap();
    let again = Command::Freeze { checkout_id: checkout(1) };
    assert_eq!(after(&mut cart, &again, later), Err(Rejection::CheckoutClosed), "it holds something else now");
}

#[test]
fn a_cart_stays_small_however_often_it_is_checked_out() {
    let mut cart = Cart::default();
    after(&mut cart, &add(1, "a", 2), NOW).unwrap();
    for n in 1..=1_000 {
        after(&mut cart, &Command::Freeze { checkout_id: checkout(n) }, NOW).unwrap();
        after(&mut cart, &Command::Thaw { checkout_id: checkout(n) }, NOW).unwrap();
    }
    assert!(serde_json::to_string(&cart).unwrap().len() < 10_000);
    assert!(cart.checkout(checkout(1_000)).is_some());
}

#[test]
fn what_was_bought_leaves_the_cart_and_the_rest_stays() {
    let mut cart = Cart::default();
    after(&mut cart, &add(1, "a", 2), NOW).unwrap();
    after(&mut cart, &Command::Freeze { checkout_id: checkout(1) }, NOW).unwrap();
    after(&mut cart, &Command::Thaw { checkout_id: checkout(1) }, NOW).unwrap();
    after(&mut cart, &add(2, "a", 1), NOW).unwrap();
    after(&mut cart, &add(3, "b", 1), NOW).unwrap();
    after(&mut cart, &Command::Complete { checkout_id: checkout(1) }, NOW).unwrap();
    assert_eq!(contents(&cart), [("a".into(), 1), ("b".into(), 1)]);
    after(&mut cart, &Command::Freeze { checkout_id: checkout(1) }, NOW).unwrap();
    assert_eq!(cart.frozen_for(NOW), None, "a completed checkout freezes nothing again");
}

#[test]
fn nobody_puts_in_more_than_there_is() {
    let mut cart = Cart::default();
    after(&mut cart, &add_of(1, "a", 2, 3), NOW).unwrap();
    let too_many = Rejection::NotThatMany { available: 3, had: 2 };
    assert_eq!(too_many.to_string(), "only 3 can be had, and 2 are in your cart");
    assert_eq!(after(&mut cart, &add_of(2, "a", 2, 3), NOW), Err(too_many));
    assert_eq!(after(&mut cart, &set_to("a", 4, 3), NOW), Err(Rejection::NotThatMany { available: 3, had: 0 }));
    after(&mut cart, &set_to("a", 3, 3), NOW).unwrap();
    after(&mut cart, &set_to("a", 2, 0), NOW).unwrap();
    assert_eq!(contents(&cart), [("a".into(), 2)], "fewer is possible even of what is gone");
    assert_eq!(after(&mut cart, &add_of(3, "b", 1, 0), NOW).unwrap_err().to_string(), "this is sold out");
}

#[test]
fn nobody_puts_in_more_of_a_sale_than_one_person_may_have() {
    let of_two = |command| match command {
        Command::Add { operation_id, sku, product_id, quantity, price, available, .. } => {
            let units_max = Some(Quantity::new(2).unwrap());
            Command::Add { operation_id, sku, product_id, quantity, price, available, units_max }
        }
        Command::SetQuantity { sku, quantity, available, .. } => {
            Command::SetQuantity { sku, quantity, available, units_max: Some(Quantity::new(2).unwrap()) }
        }
        Command::PutBack { sku, available, .. } => {
            Command::PutBack { sku, available, units_max: Some(Quantity::new(2).unwrap()) }
        }
        Command::Remove { .. }
        | Command::SaveForLater { .. }
        | Command::RemoveSaved { .. }
        | Command::SetCoupon { .. }
        | Command::AcceptPrices { .. }
        | Command::Merge { .. }
        | Command::HandOver { .. }
        | Command::Freeze { .. }
        | Command::Thaw { .. }
        | Command::Complete { .. }
        | Command::Expire => command,
    };
    let mut cart = Cart::default();
    let refused = |had, others| Err(Rejection::LimitReached { units_max: Quantity::new(2).unwrap(), had, others });
    assert_eq!(after(&mut cart, &of_two(add(1, "a", 3)), NOW), refused(0, 0));
    after(&mut cart, &of_two(add(2, "a", 1)), NOW).unwrap();
    after(&mut cart, &of_two(add(3, "b", 1)), NOW).unwrap();
    assert_eq!(after(&mut cart, &of_two(add(4, "b", 1)), NOW), refused(2, 1), "both are variants of one product");
    assert_eq!(after(&mut cart, &of_two(set_to("a", 2, 9)), NOW), refused(1, 1));
    after(&mut cart, &Command::SaveForLater { sku: sku("a") }, NOW).unwrap();
    after(&mut cart, &of_two(set_to("b", 2, 9)), NOW).unwrap();
    let back = of_two(Command::PutBack { sku: sku("a"), available: 9, units_max: None });
    let told = after(&mut cart, &back, NOW).unwrap_err().to_string();
    assert_eq!(told, "one person may have 2 of it in this sale, and 2 are in your cart");
    after(&mut cart, &of_two(set_to("b", 1, 9)), NOW).unwrap();
    after(&mut cart, &back, NOW).unwrap();
    assert_eq!(contents(&cart), [("b".into(), 1), ("a".into(), 1)]);
}

#[test]
fn what_is_saved_for_later_waits_beside_the_cart() {
    let mut cart = Cart::default();
    after(&mut cart, &add(1, "a", 3), NOW).unwrap();
    after(&mut cart, &add(2, "b", 1), NOW).unwrap();
    after(&mut cart, &Command::SaveForLater { sku: sku("a") }, NOW).unwrap();
    assert_eq!((contents(&cart), counted(cart.saved())), (vec![("b".into(), 1)], vec![("a".into(), 3)]));
    let gone = after(&mut cart, &Command::PutBack { sku: sku("a"), available: 0, units_max: None }, NOW);
    assert_eq!(gone, Err(Rejection::NotThatMany { available: 0, had: 0 }));
    after(&mut cart, &Command::PutBack { sku: sku("a"), available: 2, units_max: None }, NOW).unwrap();
    assert_eq!(contents(&cart), [("b".into(), 1), ("a".into(), 2)], "as many as there are");
    assert!(cart.saved().is_empty());
    let unknown = Err(Rejection::NoSuchLine { sku: sku("c") });
    assert_eq!(after(&mut cart, &Command::SaveForLater { sku: sku("c") }, NOW), unknown);
    after(&mut cart, &Command::SaveForLater { sku: sku("b") }, NOW).unwrap();
    after(&mut cart, &Command::RemoveSaved { sku: sku("b") }, NOW).unwrap();
    assert!(cart.saved().is_empty());
}

#[test]
fn a_new_price_is_news_until_the_shopper_has_seen_it() {
    let mut cart = Cart::default();
    after(&mut cart, &add(1, "a", 1), NOW).unwrap();
    let dearer = Money::new(1_200, Currency::Ngn);
    after(&mut cart, &Command::AcceptPrices { prices: vec![(sku("a"), dearer), (sku("b"), dearer)] }, NOW).unwrap();
    assert_eq!(cart.lines()[0].seen_price, Some(dearer));
    assert_eq!(contents(&cart), [("a".into(), 1)]);
}

#[test]
fn two_carts_become_one_without_losing_or_doubling_a_line() {
    let mut cart = Cart::default();
    after(&mut cart, &add(1, "a", 2), NOW).unwrap();
    after(&mut cart, &add(2, "b", 1), NOW).unwrap();
    let lines = vec![line("b", 3), line("a", 1), line("c", 1)];
    let merge = Command::Merge { from: other(5), lines, saved: vec![line("a", 1), line("d", 2)] };
    after(&mut cart, &merge, NOW).unwrap();
    assert_eq!(contents(&cart), [("a".into(), 2), ("b".into(), 3), ("c".into(), 1)]);
    assert_eq!(counted(cart.saved()), [("d".into(), 2)]);
}

#[test]
fn what_finds_no_room_in_a_merged_cart_is_saved_for_later() {
    let mut cart = Cart::default();
    for n in 0..LINES_MAX as u128 {
        after(&mut cart, &add(n, &format!("s{n}"), 1), NOW).unwrap();
    }
    let merge = Command::Merge { from: other(5), lines: vec![line("one-more", 2)], saved: vec![] };
    after(&mut cart, &merge, NOW).unwrap();
    assert_eq!((cart.lines().len(), counted(cart.saved())), (LINES_MAX, vec![("one-more".into(), 2)]));
}

#[test]
fn a_cart_that_was_handed_over_says_where_to() {
    let mut cart = Cart::default();
    after(&mut cart, &add(1, "a", 2), NOW).unwrap();
    after(&mut cart, &Command::HandOver { to: other(9) }, NOW).unwrap();
    assert!(cart.lines().is_empty());
    let elsewhere = Err(Rejection::HandedOver { to: other(9) });
    assert_eq!(after(&mut cart, &add(2, "a", 1), NOW), elsewhere);
    assert_eq!(after(&mut cart, &Command::Freeze { checkout_id: checkout(1) }, NOW), elsewhere);
}

#[test]
fn a_cart_in_payment_is_neither_merged_nor_handed_over() {
    let mut cart = Cart::default();
    after(&mut cart, &add(1, "a", 2), NOW).unwrap();
    after(&mut cart, &Command::Freeze { checkout_id: checkout(1) }, NOW).unwrap();
    let frozen = Err(Rejection::Frozen { checkout_id: checkout(1) });
    assert_eq!(after(&mut cart, &Command::HandOver { to: other(9) }, NOW), frozen);
    let merge = Command::Merge { from: other(5), lines: vec![line("b", 1)], saved: vec![] };
    assert_eq!(after(&mut cart, &merge, NOW), frozen);
}

#[test]
fn a_cart_is_kept_for_ninety_days_after_it_was_touched_last() {
    let mut cart = Cart::default();
    after(&mut cart, &add(1, "a", 2), NOW).unwrap();
    assert_eq!(cart.next_deadline(), Some(NOW + KEPT));
    let later = NOW + Millis::days(89);
    after(&mut cart, &add(2, "b", 1), later).unwrap();
    after(&mut cart, &Command::Expire, NOW + KEPT).unwrap();
    assert_eq!(cart.lines().len(), 2, "it was touched again");
    after(&mut cart, &Command::Expire, later + KEPT).unwrap();
    assert_eq!(cart, Cart::default());
}

fn any_command() -> impl Strategy<Value = Command> {
    let what = prop::sample::select(vec!["a", "b", "c"]);
    let some = (what.clone(), 1_u32..5).prop_map(|(text, quantity)| line(text, quantity));
    let lines = prop::collection::btree_map(what.clone(), 1_u32..5, 0..3)
        .prop_map(|lines| lines.into_iter().map(|(text, quantity)| line(text, quantity)).collect::<Vec<_>>());
    let paid = (0_u128..3).prop_map(checkout);
    let usual = prop_oneof![
        4 => (0_u128..40, some, 0_u32..9).prop_map(|(operation, line, available)| {
            add_of(operation, line.sku.as_str(), line.quantity.get(), available)
        }),
        2 => (what.clone(), 1_u32..5, 0_u32..9).prop_map(|(text, quantity, available)| set_to(text, quantity, available)),
        1 => what.clone().prop_map(|text| Command::Remove { sku: sku(text) }),
        1 => what.clone().prop_map(|text| Command::SaveForLater { sku: sku(text) }),
        1 => (what.clone(), 0_u32..9).prop_map(|(text, available)| Command::PutBack { sku: sku(text), available, units_max: None }),
        1 => what.prop_map(|text| Command::RemoveSaved { sku: sku(text) }),
        1 => (0_u128..3, lines.clone(), lines)
            .prop_map(|(from, lines, saved)| Command::Merge { from: other(from), lines, saved }),
        2 => paid.clone().prop_map(|checkout_id| Command::Freeze { checkout_id }),
        1 => paid.clone().prop_map(|checkout_id| Command::Thaw { checkout_id }),
        1 => paid.prop_map(|checkout_id| Command::Complete { checkout_id }),
        1 => (prop::sample::select(vec!["a", "b", "c"]), 1_i64..4).prop_map(|(text, amount_minor)| Command::AcceptPrices {
            prices: vec![(sku(text), Money::new(amount_minor * 500, Currency::Ngn))],
        }),
        1 => Just(Command::Expire),
        1 => prop::option::of("[A-C]").prop_map(|code| Command::SetCoupon { code: code.map(|code| code.parse().unwrap()) }),
    ];
    // Rarely: nothing happens to a cart any more that was handed over.
    prop_oneof![80 => usual, 1 => (7_u128..9).prop_map(|to| Command::HandOver { to: other(to) })]
}

#[test]
fn a_code_stays_with_the_cart_until_what_it_was_for_is_bought() {
    let mut cart = Cart::default();
    let coupon = |text: &str| Command::SetCoupon { code: Some(text.parse().unwrap()) };
    after(&mut cart, &add(1, "cup", 1), NOW).unwrap();
    after(&mut cart, &coupon(" welcome-10 "), NOW).unwrap();
    assert_eq!(cart.coupon().unwrap().as_str(), "WELCOME-10");
    after(&mut cart, &Command::Freeze { checkout_id: checkout(1) }, NOW).unwrap();
    let frozen = Rejection::Frozen { checkout_id: checkout(1) };
    assert_eq!(after(&mut cart, &coupon("other"), NOW), Err(frozen), "what is being paid for does not change");
    assert_eq!(cart.checkout(checkout(1)).unwrap().coupon.as_ref(), cart.coupon());
    after(&mut cart, &Command::Thaw { checkout_id: checkout(1) }, NOW).unwrap();
    after(&mut cart, &Command::SetCoupon { code: None }, NOW).unwrap();
    let again = after(&mut cart, &Command::Freeze { checkout_id: checkout(1) }, NOW);
    assert_eq!(again, Err(Rejection::CheckoutClosed), "without its code it is another checkout");
    after(&mut cart, &coupon("welcome-10"), NOW).unwrap();
    after(&mut cart, &Command::Freeze { checkout_id: checkout(1) }, NOW).unwrap();
    after(&mut cart, &Command::Complete { checkout_id: checkout(1) }, NOW).unwrap();
    assert_eq!(cart.coupon(), None);
    assert!("no spaces".parse::<CouponCode>().is_err() && "".parse::<CouponCode>().is_err());
}

proptest! {
    /// Every command may be repeated, a variant is on one line only, and a merged cart holds what either held.
    #[test]
    fn no_history_doubles_or_loses_a_line(history in prop::collection::vec((any_command(), 0_i64..20), 1..60)) {
        let mut cart = Cart::default();
        let mut now = NOW;
        for (command, minutes) in history {
            now = now + Millis::minutes(minutes);
            let before = cart.clone();
            let done = after(&mut cart, &command, now);
            for lines in [cart.lines(), cart.saved()] {
                let mut skus: Vec<_> = lines.iter().map(|line| &line.sku).collect();
                skus.sort();
                skus.dedup();
                prop_assert_eq!(skus.len(), lines.len());
            }
            if let (Command::Merge { from, lines, .. }, Ok(())) = (&command, &done) && !before.merged.contains(from) {
                for line in lines.iter().chain(before.lines()) {
                    let now_has = cart.line(&line.sku).map_or(0, |line| line.quantity.get());
                    prop_assert!(now_has >= line.quantity.get(), "{} was lost", line.sku);
                    let most = [before.line(&line.sku), lines.iter().find(|other| other.sku == line.sku)]
                        .into_iter().flatten().map(|line| line.quantity.get()).max();
                    prop_assert_eq!(Some(now_has), most, "{} was doubled", line.sku);
                }
            }
            let stored: Cart = serde_json::from_str(&serde_json::to_string(&cart).unwrap()).unwrap();
            prop_assert_eq!(&stored, &cart, "what is stored is all there is");
        }
    }
}
