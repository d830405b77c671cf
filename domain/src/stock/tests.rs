//! The stock machine as rows of text: `command → result`. Time moves with `tick`; `lookup` shows a variant's count.

use std::collections::BTreeMap;

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

/// The person of that number may have so many in the only sale.
fn limit(person: &str, units_max: &str) -> PersonLimit {
    PersonLimit {
        sale_id: SaleId(Uuid::from_u128(1)),
        person_id: PersonId(Uuid::from_u128(person.parse().unwrap())),
        units_max: Quantity::new(units_max.parse().unwrap()).unwrap(),
    }
}

fn movement(id: &str, reason: &str) -> Movement {
    Movement { id: MovementId(Uuid::from_u128(id.parse().unwrap())), actor: "Ada".into(), reason: reason.into() }
}

fn sku(text: &str) -> Sku {
    Sku::new(text).unwrap()
}

fn command(words: &[&str]) -> Command {
    let checkout_id = |word: &str| checkout(word.parse().unwrap());
    let cart_id = |word: &str| cart(word.parse().unwrap());
    let reserve = |id: &str, whose: &str, text: &str| Command::Reserve {
        checkout_id: checkout_id(id),
        cart_id: cart_id(whose),
        lines: lines(text),
        limit: None,
    };
    let units = |word: &str| Units::new(word.parse().unwrap()).unwrap();
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
        ["reserve", id, text, "person", person, "max", most] => Command::Reserve {
            checkout_id: checkout_id(id),
            cart_id: cart_id(id),
            lines: lines(text),
            limit: Some(limit(person, most)),
        },
        ["release", id] => Command::Release { checkout_id: checkout_id(id), cart_id: cart_id(id) },
        ["release", id, "by", other] => Command::Release { checkout_id: checkout_id(id), cart_id: cart_id(other) },
        ["commit", id, text] => {
            Command::Commit { checkout_id: checkout_id(id), cart_id: cart_id(id), lines: lines(text) }
        }
        ["return", id] => Command::Return { checkout_id: checkout_id(id) },
        ["expire"] => Command::Expire,
        // Movements by hand: what, under which id.
        ["receive", id, text] => Command::Receive {
            movement: movement(id, ""),
            lines: lines(text)
                .into_iter()
                .map(|line| MovedLine { sku: line.sku, units: Units::new(line.quantity.get()).unwrap() })
                .collect(),
        },
        ["adjust", id, what, by] => Command::Adjust {
            movement: movement(id, "found behind the shelf"),
            sku: sku(what),
            by: by.parse().unwrap(),
        },
        ["adjust", id, what, by, "silently"] => {
            Command::Adjust { movement: movement(id, " "), sku: sku(what), by: by.parse().unwrap() }
        }
        ["count", id, what, counted] => {
            Command::Count { movement: movement(id, "stocktaking"), sku: sku(what), counted: counted.parse().unwrap() }
        }
        ["writeoff", id, what, many] => {
            Command::WriteOff { movement: movement(id, "fell"), sku: sku(what), units: units(many) }
        }
        ["takeback", id, bought, text] => Command::TakeBack {
            movement: movement(id, "did not fit"),
            checkout_id: checkout_id(bought),
            lines: lines(text),
        },
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
                let level = stock.shelf().level(&Sku::new(sku).unwrap()).unwrap();
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
         reserve 2 a*2,a*2 → name each variant once, and at least one
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
fn another_opening_balance_counts_until_something_is_sold_or_moved() {
    run("open a=5,b=2      → ok
         open a=7,b=2      → ok
         lookup a          → 7 of 7
         reserve 1 a*2     → ok
         open a=9,b=9      → ok
         lookup a          → 5 of 7
         release 1         → ok
         open a=1,b=2      → ok
         lookup a          → 1 of 1
         reserve 2 a*1     → ok
         commit 2 a*1      → ok
         return 2          → ok
         open a=9,b=9      → ok
         lookup a          → 1 of 1
         lookup b          → 2 of 2");
    let mut stock = Stock::default();
    let open = |units| Command::Open { balances: vec![(sku("a"), units)] };
    for command in
        [open(5), Command::Count { movement: movement("1", "stocktaking"), sku: sku("a"), counted: 5 }, open(9)]
    {
        for event in stock.decide(&command, Timestamp(0)).unwrap() {
            stock.evolve(&event);
        }
    }
    assert_eq!(stock.shelf().level(&sku("a")).unwrap().on_hand, 5, "somebody has counted them");
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
fn thousands_that_lapse_at_once_are_ended_bit_by_bit_unless_their_units_are_needed() {
    let many = u32::try_from(2 * EXPIRED_MAX + 100).unwrap();
    let reserve = |n: u32, quantity: u32| Command::Reserve {
        checkout_id: checkout(n.into()),
        cart_id: cart(n.into()),
        lines: lines(&format!("a*{quantity}")),
        limit: None,
    };
    let apply = |stock: &mut Stock, command: &Command, now: Timestamp| {
        let events = stock.decide(command, now).unwrap();
        events.iter().for_each(|event| stock.evolve(event));
        events.iter().filter(|event| matches!(event, Event::Expired { .. })).count()
    };
    let mut full = Stock::default();
    apply(&mut full, &command(&["open", &format!("a={many}")]), Timestamp(0));
    for n in 0..many {
        apply(&mut full, &reserve(n, 1), Timestamp(0));
    }
    let lapsed = Timestamp(0) + RESERVATION_LENGTH;

    // The alarm goes on until nothing is due.
    let mut stock = full.clone();
    let mut rings = Vec::new();
    while stock.next_deadline().is_some_and(|at| at <= lapsed) {
        rings.push(apply(&mut stock, &Command::Expire, lapsed));
    }
    assert_eq!(rings, [EXPIRED_MAX, EXPIRED_MAX, 100]);
    assert_eq!(stock.shelf().level(&sku("a")).map(Level::available), Some(many));

    // A buyer who is content with a few does not wait for all; one who needs them all gets them.
    let mut stock = full.clone();
    assert_eq!(apply(&mut stock, &reserve(many, 3), lapsed), EXPIRED_MAX);
    assert_eq!(apply(&mut stock, &reserve(many + 1, many - 3), lapsed), EXPIRED_MAX + 100);

    // Whoever pays late, or tries again, comes before those whose turn to be ended has not come.
    let last = many - 1;
    let mut stock = full.clone();
    apply(&mut stock, &reserve(last, 1), lapsed);
    assert_eq!(stock.reservation(checkout(last.into())).unwrap().state, ReservationState::Held);
    let mut stock = full;
    let (checkout_id, cart_id) = (checkout(last.into()), cart(last.into()));
    apply(&mut stock, &Command::Commit { checkout_id, cart_id, lines: lines("a*1") }, lapsed);
    assert_eq!(stock.reservation(checkout_id).unwrap().state, ReservationState::Committed);
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
fn goods_come_and_go_by_hand_once_each() {
    run("open a=1          → ok
         receive 1 a*9     → ok
         lookup a          → 10 of 10
         receive 1 a*8     → this movement was made before with other contents; give the new one an id of its own
         writeoff 2 a 3    → ok
         adjust 3 a -2     → ok
         adjust 4 a 1      → ok
         lookup a          → 6 of 6
         count 5 a 4       → ok
         lookup a          → 4 of 4
         receive 6 c*1     → unknown variant c
         adjust 7 a 0      → change it by 1 to 1000000 units, up or down
         adjust 7 a 1 silently → say who and why, in at most 200 characters each and without control characters");
}

#[test]
fn a_count_that_found_no_difference_is_not_counted_again_later() {
    run("open a=5          → ok
         count 1 a 5       → ok
         reserve 1 a*1     → ok
         commit 1 a*1      → ok
         count 1 a 5       → ok
         lookup a          → 4 of 4");
}

#[test]
fn what_checkouts_were_promised_cannot_be_moved_away_from_under_them() {
    run("open a=5          → ok
         reserve 1 a*3     → ok
         writeoff 1 a 3    → short a 2/3
         adjust 2 a -3     → short a 2/3
         count 3 a 2       → short a 2/3
         count 3 a 3       → ok
         lookup a          → 0 of 3
         commit 1 a*3      → ok
         tick 15
         lookup a          → 0 of 0");
    run("open a=5          → ok
         reserve 1 a*3     → ok
         tick 15
         writeoff 1 a 5    → ok
         state 1           → Expired
         lookup a          → 0 of 0");
}

#[test]
fn a_buyer_sends_back_no_more_than_was_bought() {
    run("open a=5,b=5      → ok
         takeback 1 1 a*1  → only 0 of a are still with the buyer
         reserve 1 a*3,b*1 → ok
         takeback 1 1 a*1  → only 0 of a are still with the buyer
         commit 1 a*3,b*1  → ok
         takeback 1 1 a*2  → ok
         lookup a          → 4 of 4
         takeback 2 1 a*2  → only 1 of a are still with the buyer
         takeback 2 1 a*1,b*1 → ok
         lookup a          → 5 of 5
         takeback 3 1 b*1  → only 0 of b are still with the buyer");
}

#[test]
fn what_came_back_by_hand_does_not_come_back_again_with_the_order() {
    run("open a=5          → ok
         reserve 1 a*3     → ok
         commit 1 a*3      → ok
         takeback 1 1 a*2  → ok
         return 1          → ok
         lookup a          → 5 of 5
         state 1           → Returned
         takeback 2 1 a*1  → only 0 of a are still with the buyer");
}

#[test]
fn one_person_has_one_share_however_many_carts() {
    run("open a=9,b=9      → ok
         reserve 1 a*1,b*1 person 7 max 2 → ok
         reserve 2 a*1 person 7 max 2     → one person may have 2 in this sale; you have 2 already
         reserve 2 a*1 person 8 max 2     → ok
         commit 1 a*1,b*1  → ok
         reserve 3 a*1 person 7 max 2     → one person may have 2 in this sale; you have 2 already
         takeback 1 1 b*1  → ok
         reserve 3 a*1 person 7 max 2     → ok
         release 3         → ok
         reserve 4 a*1 person 7 max 2     → ok
         tick 15
         reserve 5 a*2 person 7 max 2     → one person may have 2 in this sale; you have 1 already
         reserve 5 a*1 person 7 max 2     → ok
         lookup a          → 7 of 8");
}

#[test]
fn late_money_does_not_stretch_a_persons_share() {
    run("open a=9          → ok
         reserve 1 a*2 person 7 max 2     → ok
         tick 15
         reserve 2 a*2 person 7 max 2     → ok
         commit 1 a*2      → ok
         state 1           → Refused
         commit 2 a*2      → ok
         state 2           → Committed
         lookup a          → 7 of 7");
}

#[test]
fn the_history_tells_every_change_of_what_is_in_the_building() {
    let mut stock = Stock::default();
    let mut told = Vec::new();
    for row in
        ["open a=5", "reserve 1 a*2", "commit 1 a*2", "takeback 1 1 a*1", "count 2 a 3", "writeoff 3 a 1", "release 1"]
    {
        let command = command(&row.split_whitespace().collect::<Vec<_>>());
        for event in stock.decide(&command, Timestamp(0)).unwrap() {
            stock.evolve(&event);
            told.extend(
                entries(&event, stock.shelf())
                    .into_iter()
                    .map(|entry| format!("{:?} {:+} = {}: {}", entry.cause, entry.change, entry.on_hand, entry.reason)),
            );
        }
    }
    let expected = [
        "Opened +5 = 5: ",
        "Sold -2 = 3: ",
        "TakenBack +1 = 4: did not fit",
        "Counted -1 = 3: stocktaking",
        "WrittenOff -1 = 2: fell",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_quantity_is_whole_and_positive() {
    for bad in ["0", "-1", "10000", "1.5", "1e3", "\"1\"", "null"] {
        assert!(serde_json::from_str::<Quantity>(bad).is_err(), "{bad}");
    }
    assert_eq!(serde_json::from_str::<Quantity>("9999").unwrap().get(), 9_999);
    for bad in ["0", "-1", "1000001", "0.5"] {
        assert!(serde_json::from_str::<Units>(bad).is_err(), "{bad}");
    }
    assert_eq!(serde_json::from_str::<Units>("1000000").unwrap().get(), 1_000_000);
}

fn any_command() -> impl Strategy<Value = Command> {
    let id = (0_u128..6).prop_map(checkout);
    let whose = (0_u128..2).prop_map(cart);
    let made = (0_u32..4).prop_map(|id| movement(&id.to_string(), "because"));
    let what = prop::sample::select(vec!["a", "b", "c"]).prop_map(sku);
    let share = prop::option::weighted(0.4, (0_u32..2).prop_map(|person| limit(&person.to_string(), "4")));
    let wanted = prop::sample::subsequence(vec!["a", "b", "c"], 1..=3).prop_flat_map(|skus| {
        let n = skus.len();
        (Just(skus), prop::collection::vec(1_u32..4, n)).prop_map(|(skus, quantities)| {
            skus.iter()
                .zip(quantities)
                .map(|(text, n)| StockLine { sku: sku(text), quantity: Quantity::new(n).unwrap() })
                .collect::<Vec<_>>()
        })
    });
    prop_oneof![
        4 => (id.clone(), whose.clone(), wanted.clone(), share)
            .prop_map(|(checkout_id, cart_id, lines, limit)| Command::Reserve { checkout_id, cart_id, lines, limit }),
        3 => (id.clone(), whose.clone(), wanted.clone())
            .prop_map(|(checkout_id, cart_id, lines)| Command::Commit { checkout_id, cart_id, lines }),
        1 => (id.clone(), whose).prop_map(|(checkout_id, cart_id)| Command::Release { checkout_id, cart_id }),
        1 => id.clone().prop_map(|checkout_id| Command::Return { checkout_id }),
        1 => Just(Command::Expire),
        1 => (0_u32..9).prop_map(|units| Command::Open { balances: vec![(sku("a"), units), (sku("c"), 9)] }),
        1 => (made.clone(), what.clone(), 1_u32..4).prop_map(|(movement, sku, n)| {
            let units = Units::new(n).unwrap();
            Command::Receive { movement, lines: vec![MovedLine { sku, units }] }
        }),
        1 => (made.clone(), what.clone(), -4_i32..4).prop_map(|(movement, sku, by)| Command::Adjust { movement, sku, by }),
        1 => (made.clone(), what.clone(), 0_u32..8).prop_map(|(movement, sku, counted)| Command::Count { movement, sku, counted }),
        1 => (made.clone(), what, 1_u32..4).prop_map(|(movement, sku, n)| {
            Command::WriteOff { movement, sku, units: Units::new(n).unwrap() }
        }),
        1 => (made, id, wanted)
            .prop_map(|(movement, checkout_id, lines)| Command::TakeBack { movement, checkout_id, lines }),
    ]
}

/// Units that each person holds or has bought.
fn shares(stock: &Stock) -> BTreeMap<PersonId, u32> {
    let mut shares = BTreeMap::new();
    for (_, reservation) in stock.reservations() {
        if let (Some(limit), ReservationState::Held | ReservationState::Committed) =
            (reservation.limit, reservation.state)
        {
            *shares.entry(limit.person_id).or_default() += reservation.units();
        }
    }
    shares
}

proptest! {
    /// STOCK-1, -2 and -3 over any history: `evolve` asserts the first two after every event.
    #[test]
    fn no_history_oversells(history in prop::collection::vec((any_command(), 0_i64..10), 1..60)) {
        let mut stock = Stock::default();
        let open = Command::Open { balances: ["a", "b"].map(|text| (sku(text), 5)).to_vec() };
        let mut now = Timestamp(0);
        let mut told = 0_i64;
        for (command, minutes) in std::iter::once((open, 0)).chain(history) {
            now = now + Millis::minutes(minutes);
            let before: Vec<_> = stock.reservations().map(|(id, reservation)| (id, reservation.state)).collect();
            let decided = assert_idempotent(
                &mut stock,
                |stock| stock.decide(&command, now),
                |stock, event| {
                    stock.evolve(event);
                    told += entries(event, stock.shelf()).iter().map(|entry| entry.change).sum::<i64>();
                },
            );
            drop(decided);
            for (id, state) in before {
                let next = stock.reservation(id).unwrap().state;
                let open = matches!(state, ReservationState::Held | ReservationState::Released | ReservationState::Expired);
                let returned = state == ReservationState::Committed && next == ReservationState::Returned;
                prop_assert!(open || next == state || returned, "STOCK-3: {state:?} became {next:?}");
            }
            prop_assert_eq!(invariants::shelf(stock.shelf()), Ok(()));
            prop_assert!(shares(&stock).values().all(|units| *units <= 4), "a person's share is kept");
            let committed: u64 = stock.reservations()
                .filter(|(_, reservation)| reservation.state == ReservationState::Committed)
                .map(|(_, reservation)| u64::from(reservation.units())).sum();
            let on_hand: i64 = stock.shelf().levels().map(|(_, level)| i64::from(level.on_hand)).sum();
            prop_assert_eq!(stock.shelf().levels().map(|(_, level)| level.committed).sum::<u64>(), committed, "STOCK-2");
            prop_assert_eq!(on_hand, told, "the history tells of every unit");
            let stored = Shelf::restore(
                stock.shelf().levels().map(|(sku, level)| (sku.clone(), level)),
                stock.shelf().reservations().map(|(id, held)| (id, held.clone())),
            );
            prop_assert_eq!(&stored, stock.shelf(), "what is stored is all there is");
        }
    }
}
