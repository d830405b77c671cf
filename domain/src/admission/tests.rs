//! Queues of flash sales as people meet them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::idempotency::assert_idempotent;

const START: Timestamp = Timestamp(Millis::minutes(60).0);
const SECRET: Secret = Secret::new([7; 32]);

fn terms() -> Terms {
    Terms {
        sale_id: SaleId(Uuid::from_u128(1)),
        gathers_at: START + Millis::minutes(-30),
        starts_at: START,
        ends_at: START + Millis::minutes(60),
        rate: 6,
        pass_length: Millis::minutes(5),
    }
}

fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

fn cart(n: u128) -> CartId {
    CartId(Uuid::from_u128(n))
}

fn after(admission: &mut Admission, command: &Command, now: Timestamp) -> Result<(), Rejection> {
    assert_idempotent(admission, |it| it.decide(command, now), |it, event| it.evolve(event))
}

fn opened() -> Admission {
    let mut admission = Admission::default();
    after(&mut admission, &Command::Open { terms: terms(), secret: SECRET }, Timestamp(0)).unwrap();
    admission
}

/// Person `n` joins with cart `n`.
fn join(admission: &mut Admission, n: u128, now: Timestamp) -> Result<Ticket, Rejection> {
    after(admission, &Command::Join { person_id: person(n), cart_id: cart(n) }, now)?;
    Ok(*admission.ticket(person(n)).unwrap())
}

/// So many people join just in time.
fn gather(admission: &mut Admission, people: u128) {
    for n in 0..people {
        join(admission, n, START + Millis(-1)).unwrap();
    }
}

fn standing(admission: &Admission, n: u128, now: Timestamp) -> Standing {
    admission.ticket(person(n)).unwrap().standing(&terms(), admission.draw(), now)
}

#[test]
fn people_gather_and_are_let_in_one_after_the_other_in_the_drawn_order() {
    let mut admission = opened();
    let early = START + Millis::minutes(-31);
    assert_eq!(join(&mut admission, 1, early), Err(Rejection::NotOpenYet { at: terms().gathers_at }));
    for n in 0..12 {
        join(&mut admission, n, START + Millis(-1)).unwrap();
        assert_eq!(standing(&admission, n, START + Millis(-1)), Standing::Gathering);
    }
    after(&mut admission, &Command::Draw, START).unwrap();
    let mut times = BTreeSet::new();
    for n in 0..12 {
        match standing(&admission, n, START) {
            Standing::Admitted { until } => assert!(times.insert(START) && until == START + Millis::minutes(5)),
            Standing::Waiting { place: Some(place), admitted_at } => {
                assert_eq!(admitted_at, START + Millis::seconds(10 * i64::from(place)));
                assert!(times.insert(admitted_at));
            }
            other @ (Standing::Gathering
            | Standing::Waiting { place: None, .. }
            | Standing::Lapsed
            | Standing::Over) => {
                panic!("{other:?}")
            }
        }
    }
    assert_eq!(times.len(), 12, "one every ten seconds");
}

#[test]
fn whoever_comes_after_the_draw_comes_behind_and_never_faster_than_the_rate() {
    let mut admission = opened();
    gather(&mut admission, 6);
    let first = join(&mut admission, 6, START + Millis(1)).unwrap();
    assert_eq!(first.late, Some(START + Millis::seconds(60)), "after the six who gathered");
    let much_later = START + Millis::minutes(20);
    let second = join(&mut admission, 7, much_later).unwrap();
    let third = join(&mut admission, 8, much_later).unwrap();
    assert_eq!((second.late, third.late), (Some(much_later), Some(much_later + Millis::seconds(10))));
    assert_eq!(join(&mut admission, 9, terms().ends_at), Err(Rejection::Over));
}

#[test]
fn a_pass_lapses_and_its_holder_may_queue_again() {
    let mut admission = opened();
    join(&mut admission, 1, START + Millis(-1)).unwrap();
    let lapsed = START + terms().pass_length;
    after(&mut admission, &Command::Draw, START).unwrap();
    assert_eq!(standing(&admission, 1, lapsed + Millis(-1)), Standing::Admitted { until: lapsed });
    assert_eq!(standing(&admission, 1, lapsed), Standing::Lapsed);
    assert_eq!(join(&mut admission, 1, lapsed).unwrap().late, Some(lapsed));
}

#[test]
fn one_person_has_one_place_and_one_cart_one_person() {
    let mut admission = opened();
    let now = START + Millis(-1);
    let ticket = join(&mut admission, 1, now).unwrap();
    assert_eq!(join(&mut admission, 1, now).unwrap(), ticket, "reloading changes nothing");
    let with = |person_id, cart_id| Command::Join { person_id, cart_id };
    assert_eq!(after(&mut admission, &with(person(1), cart(2)), now), Err(Rejection::JoinedElsewhere));
    assert_eq!(after(&mut admission, &with(person(2), cart(1)), now), Err(Rejection::CartTaken));
    assert_eq!(admission.joined(), 1);
}

#[test]
fn terms_are_set_once_somebody_has_joined() {
    let mut admission = opened();
    let later = Terms { starts_at: START + Millis::minutes(1), ..terms() };
    after(&mut admission, &Command::Open { terms: later, secret: Secret::new([8; 32]) }, Timestamp(0)).unwrap();
    assert_eq!(admission.commitment(), Some(Commitment::to(SECRET)), "what was promised stays promised");
    after(&mut admission, &Command::Open { terms: terms(), secret: SECRET }, Timestamp(0)).unwrap();
    join(&mut admission, 1, START + Millis(-1)).unwrap();
    let other = Command::Open { terms: later, secret: SECRET };
    assert_eq!(after(&mut admission, &other, Timestamp(0)), Err(Rejection::TermsAreSet));
    let impossible = Terms { ends_at: START, ..terms() };
    let opened = after(&mut Admission::default(), &Command::Open { terms: impossible, secret: SECRET }, START);
    assert_eq!(opened, Err(Rejection::ImpossibleTerms));
}

#[test]
fn anybody_can_check_the_draw() {
    let mut admission = opened();
    let commitment = admission.commitment().unwrap();
    gather(&mut admission, 50);
    after(&mut admission, &Command::Draw, START).unwrap();
    let published = serde_json::to_string(admission.draw().unwrap()).unwrap();
    let draw: Draw = serde_json::from_str(&published).unwrap();
    assert!(draw.is_of(commitment, (0..50).map(person)));
    assert!(!draw.is_of(commitment, (0..49).map(person)), "somebody was left out");
    assert!(!draw.is_of(commitment, (0..50).rev().map(person)), "somebody was put before another");
    assert!(!draw.is_of(Commitment::to(Secret::new([8; 32])), (0..50).map(person)), "another secret");
}

#[test]
fn every_place_is_drawn_once_and_no_number_is_better_than_another() {
    const PEOPLE: u32 = 100;
    let mut sum = 0_u64;
    for secret in 0..200 {
        let draw = Draw::new(Secret::new([secret; 32]), Digest32::default(), PEOPLE);
        let places: BTreeSet<u32> = (0..PEOPLE).map(|number| draw.place(number)).collect();
        assert_eq!((places.len(), places.last()), (100, Some(&99)));
        sum += u64::from(draw.place(0));
    }
    // The mean of 200 fair places is 49.5 with a deviation of 2.04; this is five of them.
    let mean = sum as f64 / 200.0;
    assert!((39.3..=59.7).contains(&mean), "the first to join comes at {mean} on average");
}

#[test]
fn a_draw_stays_the_same_for_ever() {
    // Worked out from the description of `Draw::place` by another program: whoever changes this, changes draws that people saw.
    let draw = Draw::new(SECRET, Digest32::default().and(person(1)).and(person(2)), 10);
    let places: Vec<u32> = (0..10).map(|number| draw.place(number)).collect();
    assert_eq!(places, EXPECTED);
}

const EXPECTED: [u32; 10] = [1, 9, 7, 6, 2, 5, 4, 8, 3, 0];

proptest! {
    /// ADMIT-1 and -2 over any history: one place a person, and no more let in than the rate allows.
    #[test]
    fn nobody_gets_more_than_their_turn(
        history in prop::collection::vec((0_u128..8, 0_u128..8, 0_i64..900), 1..60),
    ) {
        let mut admission = opened();
        let mut now = START + Millis::minutes(-31);
        for (who, with, seconds) in history {
            now = now + Millis::seconds(seconds);
            drop(after(&mut admission, &Command::Join { person_id: person(who), cart_id: cart(with) }, now));
        }
        let end = terms().ends_at;
        after(&mut admission, &Command::Draw, now.max(START)).unwrap();
        let mut times: Vec<Timestamp> = Vec::new();
        let mut carts = BTreeSet::new();
        for n in 0..8 {
            let Some(ticket) = admission.ticket(person(n)) else { continue };
            prop_assert!(carts.insert(ticket.cart_id) || ticket.standing(&terms(), admission.draw(), end) != Standing::Gathering);
            let at = ticket.late.unwrap_or_else(|| terms().admitted_at(admission.draw().unwrap().place(ticket.number)));
            prop_assert!(at >= START, "ADMIT-2: let in before the start");
            times.push(at);
        }
        times.sort();
        for pair in times.windows(2) {
            prop_assert!(pair[1] - pair[0] >= Millis::seconds(10), "ADMIT-2: {pair:?}");
        }
    }
}
