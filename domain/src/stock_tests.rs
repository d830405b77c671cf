//! The stock machine as rows of text: `command → result`. Time moves with `tick`; `lookup` shows a variant's count.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::idempotency::assert_idempotent;

fn checkout(n: u128) -> CheckoutId {
    CheckoutId(Uuid::from_u128(n))
}

fn cart(n: u128) -> CartId {
    CartId(Uuid::from_u128(n))
}

/// `a*2,b*1`
fn lines(text: &str) -> Vec<StockLine> {
    text.split(',')
        .map(|line| {
            let (sku, quantity) = line.split_once('*').unwrap();
            let quantity = Quantity::new(quantity.parse().unwrap()).unwrap();
            StockLine { sku: Sku::new(sku).unwrap(), quantity }
        })
        .collect()
}

fn command(words: &[&str]) -> Command {
    let checkout_id = |word: &str| checkout(word.parse().unwrap());
    let cart_id = |word: &str| cart(word.parse().unwrap());
    let reserve = |id: &str, whose: &str, text: &str| Command::Reserve {
        checkout_id: checkout_id(id),
        cart_id: cart_id(whose),
        lines: lines(text),
    };
    match words {
        ["open", balances] => Command::Open {
            balances: balances
                .split(',')
                .map(|balance| balance.split_once('=').unwrap())
                .map(|(sku, on_hand)| (Sku::new(sku).unwrap(), on_hand.parse().unwrap()))
                .collect(),
        },
        // Each checkout belongs to the cart of the same number, unless it says otherwise.
        ["reserve", id, text] => reserve(id, id, text),
        ["reserve", id, "by", other, text] => reserve(id, other, text),
        ["release", id] => Command::Release { checkout_id: checkout_id(id), cart_id: cart_id(id) },
        ["release", id, "by", other] => Command::Release { checkout_id: checkout_id(id), cart_id: cart_id(other) },
        ["commit", id, text] => {
            Command::Commit { checkout_id: checkout_id(id), cart_id: cart_id(id), lines: lines(text) }
        }
        ["return", id] => Command::Return { checkout_id: checkout_id(id) },
        ["expire"] => Command::Expire,
        _ => panic!("no such command: {words:?}"),
    }
}

/// Runs a table of rows; each is one command with what it must lead to.
fn run(table: &str) {
    let mut stock = Stock::default();
    let mut now = Timestamp(0);
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let (left, expected) = row.split_once("→").unwrap_or((row, ""));
        let words: Vec<&str> = left.split_whitespace().collect();
        let expected = expected.trim();
        match words.as_slice() {
            ["tick", minutes] => now = now + Millis::minutes(minutes.parse().unwrap()),
            ["lookup", sku] => {
                let level = stock.level(&Sku::new(sku).unwrap()).unwrap();
                assert_eq!(format!("{} of {}", level.available(), level.on_hand), expected, "{row}");
            }
            ["state", id] => {
                let state = stock.reservation(checkout(id.parse().unwrap())).unwrap().state;
                assert_eq!(format!("{state:?}"), expected, "{row}");
            }
            words => {
                let command = command(words);
                let result = assert_idempotent(
                    &mut stock,
                    |stock| stock.decide(&command, now),
                    |stock, event| stock.evolve(event),
                );
                let result = match result {
                    Ok(()) => "ok".to_owned(),
                    Err(Rejection::Short { lines }) => lines
                        .iter()
                        .map(|line| format!("short {} {}/{}", line.sku, line.available, line.requested))
                        .collect::<Vec<_>>()
                        .join(" "),
                    Err(rejection) => rejection.to_string(),
                };
                assert_eq!(result, expected, "{row}");
            }
        }
    }
}

#[test]
fn the_last_unit_goes_to_one_buyer() {
    run("open a=1          → ok
         reserve 1 a*1     → ok
         reserve 2 a*1     → short a 0/1
         lookup a          → 0 of 1
         commit 1 a*1      → ok
         lookup a          → 0 of 0
         reserve 2 a*1     → short a 0/1");
}

#[test]
fn several_variants_are_held_together_or_not_at_all() {
    run("open a=5,b=1      → ok
         reserve 1 a*2,b*2 → short b 1/2
         lookup a          → 5 of 5
         reserve 1 a*2,b*1 → ok
         lookup a          → 3 of 5
         reserve 2 a*2,a*2 → a reservation names each variant once, and at least one
         reserve 2 c*1     → unknown variant c");
}

#[test]
fn an_opening_balance_is_taken_once() {
    run("open a=5          → ok
         reserve 1 a*2     → ok
         commit 1 a*2      → ok
         open a=5,b=2      → ok
         lookup a          → 3 of 3
         lookup b          → 2 of 2");
}

#[test]
fn a_promise_lapses_after_a_quarter_of_an_hour_even_without_an_alarm() {
    run("open a=1          → ok
         reserve 1 a*1     → ok
         tick 14
         reserve 2 a*1     → short a 0/1
         tick 1
         reserve 2 a*1     → ok
         state 1           → Expired
         state 2           → Held");
}

#[test]
fn the_alarm_ends_what_is_overdue() {
    run("open a=1          → ok
         reserve 1 a*1     → ok
         expire            → ok
         state 1           → Held
         tick 15
         expire            → ok
         state 1           → Expired
         lookup a          → 1 of 1");
}

#[test]
fn money_that_comes_late_takes_the_stock_again_or_is_refused_for_good() {
    run("open a=1          → ok
         reserve 1 a*1     → ok
         tick 15
         commit 1 a*1      → ok
         state 1           → Committed
         lookup a          → 0 of 0
         reserve 2 a*1     → short a 0/1");
    run("open a=1          → ok
         reserve 1 a*1     → ok
         tick 15
         reserve 2 a*1     → ok
         commit 1 a*1      → ok
         state 1           → Refused
         release 2         → ok
         commit 1 a*1      → ok
         state 1           → Refused
         lookup a          → 1 of 1");
}

#[test]
fn money_for_a_checkout_that_this_product_never_saw_still_takes_stock() {
    run("open a=2          → ok
         commit 9 a*1      → ok
         lookup a          → 1 of 1");
}

#[test]
fn what_was_let_go_can_be_tried_again_and_what_was_paid_cannot_be_let_go() {
    run("open a=1          → ok
         reserve 1 a*1     → ok
         release 1         → ok
         lookup a          → 1 of 1
         reserve 1 a*1     → ok
         commit 1 a*1      → ok
         release 1         → ok
         state 1           → Committed
         reserve 1 a*2     → this checkout is over or holds other lines; start a new one");
}

#[test]
fn an_order_that_cannot_be_had_whole_gives_its_units_back() {
    run("open a=3          → ok
         reserve 1 a*2     → ok
         commit 1 a*2      → ok
         return 1          → ok
         lookup a          → 3 of 3
         state 1           → Returned
         commit 1 a*2      → ok
         lookup a          → 3 of 3");
}

#[test]
fn nobody_can_let_go_of_what_another_cart_holds() {
    run("open a=3               → ok
         reserve 1 a*2          → ok
         reserve 1 by 7 a*1     → this checkout is over or holds other lines; start a new one
         reserve 1 by 7 a*2     → this checkout is over or holds other lines; start a new one
         release 1 by 7         → ok
         state 1                → Held
         lookup a               → 1 of 3
         release 1              → ok
         lookup a               → 3 of 3");
}

#[test]
fn a_quantity_is_whole_and_positive() {
    for bad in ["0", "-1", "10000", "1.5", "1e3", "\"1\"", "null"] {
        assert!(serde_json::from_str::<Quantity>(bad).is_err(), "{bad}");
    }
    assert_eq!(serde_json::from_str::<Quantity>("9999").unwrap().get(), 9_999);
}

fn any_command() -> impl Strategy<Value = Command> {
    let id = (0_u128..6).prop_map(checkout);
    let whose = (0_u128..2).prop_map(cart);
    let wanted = prop::sample::subsequence(vec!["a", "b", "c"], 1..=3).prop_flat_map(|skus| {
        let n = skus.len();
        (Just(skus), prop::collection::vec(1_u32..4, n)).prop_map(|(skus, quantities)| {
            skus.iter()
                .zip(quantities)
                .map(|(sku, n)| StockLine { sku: Sku::new(sku).unwrap(), quantity: Quantity::new(n).unwrap() })
                .collect::<Vec<_>>()
        })
    });
    prop_oneof![
        4 => (id.clone(), whose.clone(), wanted.clone())
            .prop_map(|(checkout_id, cart_id, lines)| Command::Reserve { checkout_id, cart_id, lines }),
        3 => (id.clone(), whose.clone(), wanted)
            .prop_map(|(checkout_id, cart_id, lines)| Command::Commit { checkout_id, cart_id, lines }),
        1 => (id.clone(), whose).prop_map(|(checkout_id, cart_id)| Command::Release { checkout_id, cart_id }),
        1 => id.prop_map(|checkout_id| Command::Return { checkout_id }),
        1 => Just(Command::Expire),
    ]
}

proptest! {
    /// STOCK-1, -2 and -3 over any history: `evolve` asserts the first two after every event.
    #[test]
    fn no_history_oversells(history in prop::collection::vec((any_command(), 0_i64..10), 1..60)) {
        let mut stock = Stock::default();
        let open = Command::Open { balances: ["a", "b"].map(|sku| (Sku::new(sku).unwrap(), 5)).to_vec() };
        let mut now = Timestamp(0);
        for (command, minutes) in std::iter::once((open, 0)).chain(history) {
            now = now + Millis::minutes(minutes);
            let ended: Vec<_> = stock
                .reservations
                .iter()
                .filter(|(_, r)| !matches!(r.state, ReservationState::Held | ReservationState::Released | ReservationState::Expired))
                .map(|(id, r)| (*id, r.state))
                .collect();
            drop(assert_idempotent(&mut stock, |stock| stock.decide(&command, now), |stock, event| stock.evolve(event)));
            for (id, state) in ended {
                let next = stock.reservation(id).unwrap().state;
                let returned = state == ReservationState::Committed && next == ReservationState::Returned;
                prop_assert!(next == state || returned, "STOCK-3: {state:?} became {next:?}");
            }
            let committed: u32 = stock.reservations.values()
                .filter(|r| r.state == ReservationState::Committed)
                .flat_map(|r| &r.lines).map(|line| line.quantity.get()).sum();
            let on_hand: u32 = stock.levels().map(|(_, level)| level.on_hand).sum();
            prop_assert_eq!(on_hand + committed, 10, "STOCK-2: units are neither made nor lost");
            let stored = Stock::restore(
                stock.levels().map(|(sku, level)| (sku.clone(), level.on_hand)),
                stock.reservations.iter().map(|(id, r)| (*id, r.clone())),
            );
            prop_assert_eq!(&stored, &stock, "what is stored is all there is");
        }
    }
}
