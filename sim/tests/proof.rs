//! The simulation and the model check as CI runs them, and the proof that both can fail.

#![expect(clippy::expect_used, reason = "what is missing here has failed the test")]

use std::fs;
use std::path::Path;
use std::time::Instant;

use domain::invariants::Invariant;
use sim::model::Shop;
use sim::operation::{Operation, parse};
use sim::shrink::shrink;
use sim::{Sabotage, Tally, generate, run};
use stateright::{Checker, HasDiscoveries, Model};

/// Runs until a seed fails with this sabotage; how, and the shortest run that does.
fn caught(sabotage: Sabotage) -> (String, Vec<Operation>) {
    let fails = |operations: &[Operation]| run(operations, sabotage);
    let (operations, finding) = (0..200)
        .find_map(|seed| {
            let operations = generate::operations(seed);
            fails(&operations).err().map(|finding| (operations, finding))
        })
        .expect("two hundred seeds do not notice");
    let id = finding.id;
    let shortest = shrink(operations, |candidate| fails(candidate).is_err_and(|other| other.id == id));
    run(&shortest, Sabotage::None).expect("without it, the same run is as it must be");
    (id, shortest)
}

#[test]
fn the_simulation_notices_stock_that_is_promised_twice() {
    let (id, shortest) = caught(Sabotage::Oversell);
    assert_eq!(id, Invariant::Stock1.id());
    assert!(shortest.len() <= 6, "{shortest:#?}");
}

#[test]
fn the_simulation_notices_money_that_is_kept_without_goods() {
    let (id, shortest) = caught(Sabotage::TellDone);
    assert_eq!(id, Invariant::Money1.id());
    assert!(shortest.len() <= 12, "{shortest:#?}");
}

#[test]
fn the_simulation_notices_a_person_who_gets_more_than_their_share_of_a_sale() {
    let (id, shortest) = caught(Sabotage::ForgetShares);
    assert_eq!(id, Invariant::Admit4.id());
    assert!(shortest.len() <= 8, "{shortest:#?}");
}

#[test]
fn the_simulation_notices_that_what_was_given_up_is_sold() {
    let (id, shortest) = caught(Sabotage::ForgetGivingUp);
    assert_eq!(id, Invariant::Money1.id());
    assert!(shortest.len() <= 6, "{shortest:#?}");
}

#[test]
fn a_seed_is_one_run() {
    for seed in 0..10 {
        let operations = generate::operations(seed);
        assert_eq!(operations, generate::operations(seed));
        let text: String = operations.iter().map(|operation| format!("{operation}\n")).collect();
        assert_eq!(parse(&text).unwrap(), operations, "it reads as it prints");
        assert_eq!(run(&operations, Sabotage::Oversell), run(&operations, Sabotage::Oversell));
    }
}

/// A simulation in which nobody ever pays too late proves nothing about it.
#[test]
fn in_two_hundred_seeds_everything_happens() {
    let mut tally = Tally::default();
    for seed in 0..200 {
        tally.add(run(&generate::operations(seed), Sabotage::None).expect("all is as it must be"));
    }
    for what in [
        "orders paid",
        "orders cancelled",
        "orders refunded",
        "payments captured",
        "payments duplicate_capture",
        "payments underpaid",
        "payments lost",
        "payments abandoned",
        "payments failed",
        "refunds duplicate_capture",
        "refunds out_of_stock",
        "refunds taken_back",
        "refunds given_up",
        "refunds underpaid",
        "reservations committed",
        "reservations released",
        "reservations expired",
        "reservations refused",
        "reservations returned",
        "reservations in a sale committed",
        "reservations in a sale expired",
        "reservations in a sale refused",
        "told that it is held back",
        "told that what they gave up is paid",
        "told that the share is used up",
    ] {
        assert!(tally.0.get(what).is_some_and(|count| *count > 0), "no {what} in {tally:#?}");
    }
}

/// Every list in `tests/reproductions` once failed, or shows a situation that must stay right.
#[test]
fn what_failed_once_does_not_fail_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reproductions");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let operations = parse(&fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(run(&operations, Sabotage::None).err(), None, "{}", file.display());
    }
}

/// Two buyers want the last unit of one product, and one of them the last of another as well.
fn two_products() -> Shop {
    Shop {
        wanted: vec![vec![1, 1], vec![1, 0]],
        opening: vec![1, 1],
        tries: 1,
        waits: 1,
        restocks: true,
        gives_up: false,
        repeats: false,
        sabotage: Sabotage::None,
    }
}

/// Two buyers want the last unit.
fn the_last_unit() -> Shop {
    Shop { wanted: vec![vec![1], vec![1]], opening: vec![1], ..two_products() }
}

fn check(name: &str, shop: Shop) {
    let started = Instant::now();
    let checked = shop.checker().threads(2).spawn_bfs().join();
    println!(
        "{name}: {} states, {} deep, {:.1?}",
        checked.unique_state_count(),
        checked.max_depth(),
        started.elapsed()
    );
    checked.assert_properties();
}

#[test]
fn two_buyers_of_two_products_in_every_order() {
    check("two products and a delivery", two_products());
}

#[test]
fn two_buyers_of_the_last_unit_in_every_order_with_every_call_again_at_any_time() {
    check("the last unit, a delivery, every call again", Shop { repeats: true, ..the_last_unit() });
}

#[test]
fn two_buyers_who_may_give_up_in_every_order() {
    check("the last unit, giving up", Shop { restocks: false, gives_up: true, ..the_last_unit() });
}

#[test]
fn the_model_check_notices_what_is_broken_on_purpose() {
    for (sabotage, broken, shop) in [
        (Sabotage::Oversell, "machines assert nothing", two_products()),
        (Sabotage::TellDone, "at rest, paid is had and unpaid is not", two_products()),
        (Sabotage::ForgetGivingUp, "what was given up is not sold", Shop { gives_up: true, ..the_last_unit() }),
    ] {
        let model = Shop { sabotage, ..shop };
        let checked = model.checker().finish_when(HasDiscoveries::AnyFailures).threads(2).spawn_bfs().join();
        let path = checked.discovery(broken).expect("nothing was noticed");
        println!("{sabotage:?}: after {} steps {broken:?} is broken", path.into_actions().len());
    }
}
