//! A seed's run: what happens, in which order, and what goes wrong. The same seed is the same run, for ever the same for one version of
//! this file.

use fastrand::Rng;

use crate::operation::{Fault, Faults, Operation, Part};
use crate::world::{BUYERS, ON_SALE, PRODUCTS, SKUS, TABS};

/// Fewest and most operations of a run.
const LENGTH: std::ops::RangeInclusive<usize> = 20..=60;
/// All of an operation's calls at once.
const ALL_CALLS: u8 = u8::MAX;

/// The operations of a seed.
pub fn operations(seed: u64) -> Vec<Operation> {
    let mut rng = Rng::with_seed(seed);
    // Some worlds are calm: most of what goes wrong in them, buyers do themselves.
    let percent_faulty = [0, 15, 40][rng.usize(..3)];
    let length = rng.usize(LENGTH);
    let mut operations: Vec<Operation> = Vec::with_capacity(length);
    // Some begin with a flash sale that everybody is in, and wants something from.
    let begins_with_sale = rng.u8(..3) == 0;
    for buyer in 0..BUYERS {
        let sku = if begins_with_sale { ON_SALE } else { rng.u8(..SKUS) };
        operations.push(Operation::Add { buyer, sku, quantity: rng.u8(1..=2) });
        // Of an order of two products, one may be gone when it is paid.
        if rng.bool() {
            operations.push(Operation::Add { buyer, sku: rng.u8(..SKUS), quantity: 1 });
        }
        if rng.bool() {
            operations.push(Operation::Coupon { buyer, typed: true });
        }
    }
    if begins_with_sale {
        let seconds = rng.u32(1..60);
        operations.push(Operation::Gather { seconds });
        operations.extend((0..BUYERS).map(|buyer| Operation::Join { buyer }));
        operations.push(Operation::Wait { seconds: seconds + rng.u32(..90) });
    }
    while operations.len() < length {
        let next = one(&mut rng, percent_faulty);
        // Whoever got no answer sends the form again.
        let again = next.without_faults().filter(|_| rng.u8(..3) > 0);
        operations.push(next);
        operations.extend(again);
    }
    operations
}

fn one(rng: &mut Rng, percent_faulty: u8) -> Operation {
    let buyer = rng.u8(..BUYERS);
    let sku = rng.u8(..SKUS);
    let tab = if rng.u8(..4) == 0 { rng.u8(..TABS) } else { 0 };
    let product = rng.u8(..PRODUCTS);
    match rng.u8(..110) {
        0..8 => Operation::Wait { seconds: waiting(rng) },
        8..17 => Operation::Add { buyer, sku, quantity: rng.u8(1..=3) },
        17..20 => Operation::Change { buyer, sku, remove: rng.bool() },
        20..38 => {
            let corrected = rng.u8(..8) == 0;
            let faults = if rng.u8(..4) == 0 { lost_page(rng) } else { faults(rng, percent_faulty) };
            Operation::Place { buyer, tab, corrected, calls: calls(rng), faults }
        }
        38..41 => Operation::GiveUp { buyer, tab, calls: calls(rng), faults: faults(rng, percent_faulty) },
        41..45 => Operation::GoOn { run: rng.u8(..4), calls: calls(rng), faults: faults(rng, percent_faulty) },
        45..54 => Operation::Pay { payment: rng.u8(..8), less: u8::from(rng.u8(..12) == 0) },
        54..56 => {
            let sku = rng.bool().then_some(sku);
            Operation::Refund { buyer, sku, faults: faults(rng, percent_faulty) }
        }
        56..58 => Operation::Pursue { faults: faults(rng, percent_faulty) },
        58..59 => Operation::Decline { payment: rng.u8(..8) },
        59..66 => Operation::Webhook { notice: rng.u8(..8), faults: faults(rng, percent_faulty) },
        66..67 => Operation::Forget { notice: rng.u8(..8) },
        67..70 => Operation::ComeBack { buyer, tab, faults: faults(rng, percent_faulty) },
        70..80 => Operation::Deliver { faults: faults(rng, percent_faulty) },
        80..83 => Operation::Repeat { message: rng.u8(..16), calls: calls(rng) },
        83..87 => Operation::Reconcile { faults: faults(rng, percent_faulty) },
        87..89 => Operation::Alarm { product },
        89..90 => Operation::LoseAlarm { product },
        90..93 => Operation::Crash { what: [Part::Stock(product), Part::Cart(buyer), Part::Origin][rng.usize(..3)] },
        93..95 => Operation::Receive { sku, units: rng.u8(1..=3) },
        95..96 => Operation::Count { sku, counted: rng.u8(..4) },
        96..97 => Operation::WriteOff { sku, units: rng.u8(1..=2) },
        97..98 => Operation::TakeBack { buyer, sku },
        98..99 => Operation::Gather { seconds: rng.u32(1..60) },
        99..103 => Operation::Join { buyer },
        103..108 => Operation::Coupon { buyer, typed: rng.u8(..4) > 0 },
        _ => Operation::Reprice { sku, price: rng.u16(100..200) },
    }
}

/// A moment, some minutes, or longer than anything is held.
fn waiting(rng: &mut Rng) -> u32 {
    match rng.u8(..4) {
        0 => rng.u32(1..60),
        1 => rng.u32(60..600),
        2 => rng.u32(14 * 60..18 * 60),
        _ => rng.u32(600..3_600),
    }
}

fn calls(rng: &mut Rng) -> u8 {
    if rng.u8(..3) == 0 { rng.u8(..6) } else { ALL_CALLS }
}

/// The gateway made a page, and nobody learns of it: the next try makes another, and both can be paid.
fn lost_page(rng: &mut Rng) -> Faults {
    Faults(vec![(rng.u8(4..=6), [Fault::AnswerLost, Fault::CallerDiesAfter][rng.usize(..2)])])
}

fn faults(rng: &mut Rng, percent_faulty: u8) -> Faults {
    let mut faults = Vec::new();
    while rng.u8(..100) < percent_faulty && faults.len() < 3 {
        faults.push((rng.u8(..7), Fault::ALL[rng.usize(..Fault::ALL.len())]));
    }
    Faults(faults)
}
