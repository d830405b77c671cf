//! What a flash sale's page says, state by state.

use domain::money::Currency;
use uuid::Uuid;

use super::super::form::tests::assert_every_control_is_labelled;
use super::super::layout::tests::site;
use super::*;

const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn variant(sku: &str, options: &str, minor: Option<i64>, regular_minor: i64, available: u32) -> OnSaleVariant {
    let money = |minor| Money::new(minor, Currency::Ngn);
    OnSaleVariant {
        sku: Sku::new(sku).unwrap(),
        options: options.to_owned(),
        price: minor.map(money),
        regular_price: money(regular_minor),
        available,
    }
}

fn page(state: State, phase: Phase, available: u32, problems: &[(&str, &str)]) -> String {
    let lamp = OnSale {
        slug: "lamp".into(),
        title: "Lamp <b>".into(),
        brand: None,
        category: vec![],
        picture: None,
        units_max: 2,
        variants: vec![
            variant("lamp-red", "Red", Some(999_000), 1_250_000, available),
            variant("lamp-ten", "Pack of ten", None, 11_000_000, available),
        ],
    };
    let sale = Facts {
        slug: "lamps".into(),
        title: "Lamps".into(),
        phase,
        gathers_at: NOW + Millis::minutes(10),
        starts_at: NOW + Millis::minutes(40),
        ends_at: NOW + Millis::minutes(100),
        rate: 600,
        pass_length: Millis::minutes(10),
    };
    let problems = problems.iter().map(|(field, words)| ((*field).to_owned(), (*words).to_owned())).collect();
    view(&Model { site: &site(), sale, products: vec![lamp], state, problems, now: NOW }).into_string()
}

fn place() -> Place {
    Place { person_id: PersonId(Uuid::from_u128(7)), number: 16 }
}

#[test]
fn only_whoever_is_let_in_can_buy() {
    let waiting = State::Waiting { place: place(), before: Some(41), admitted_at: NOW + Millis::seconds(90) };
    for state in
        [State::Announced, State::Join { email: String::new() }, State::Gathering(place()), waiting, State::Lapsed]
    {
        assert!(!page(state, Phase::Running, 9, &[]).contains("/cart/lines"));
    }
    let html = page(State::Admitted { until: NOW + Millis::minutes(9) }, Phase::Running, 9, &[]);
    assert!(html.contains("/cart/lines") && html.contains("9:00") && !html.contains("<b>"), "{html}");
    for (state, phase) in [(State::Over, Phase::Over), (State::Cancelled, Phase::Cancelled)] {
        let html = page(state, phase, 9, &[]);
        assert!(html.contains("₦12,500") && !html.contains("₦9,990"), "what is over costs as always: {html}");
    }
    // Each choice at its own price, and what costs as always is not said to be cheaper.
    let instead = html.matches("instead of").count();
    assert!(html.contains("₦9,990") && html.contains("₦110,000") && instead == 1, "{html}");
    let html = page(State::Admitted { until: NOW + Millis::minutes(9) }, Phase::Running, 0, &[]);
    assert!(!html.contains("/cart/lines") && html.contains("Everything is sold or promised"), "{html}");
}

#[test]
fn whoever_waits_sees_place_and_time_and_the_page_comes_back_by_itself() {
    let waiting = State::Waiting { place: place(), before: Some(1_041), admitted_at: NOW + Millis::seconds(30) };
    let html = page(waiting, Phase::Running, 9, &[]);
    for part in [
        "place 1,042",
        "0:30",
        "About 300 people are before you",
        "number 17",
        "content=\"31\"",
        "data-due-in=\"30000\"",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
    let html = page(State::Gathering(place()), Phase::Gathering, 9, &[]);
    assert!(html.contains("content=\"60\"") && html.contains("40:00"), "{html}");
    assert!(
        !page(State::Code { email: "a@b.example".into(), code: String::new() }, Phase::Gathering, 9, &[])
            .contains("http-equiv")
    );
}

#[test]
fn forms_say_what_is_wrong_beside_the_field() {
    let html = page(State::Join { email: "ada".into() }, Phase::Gathering, 9, &[("email", "Enter an address")]);
    assert_every_control_is_labelled(&html);
    assert!(html.contains("value=\"ada\"") && html.contains("id=\"email-problem\""), "{html}");
    let code = State::Code { email: String::new(), code: "12".into() };
    let html = page(code, Phase::Gathering, 9, &[("code", "This code is wrong")]);
    assert_every_control_is_labelled(&html);
    assert!(html.contains("code-hint code-problem") && html.contains("href=\"#code\""), "{html}");
}

#[test]
fn time_runs_down_in_hours_minutes_and_seconds() {
    assert_eq!([0, 1, 61_000, 3_723_000].map(duration), ["0:00", "0:01", "1:01", "1:02:03"]);
    assert_eq!(duration(Millis::days(3).0), "3 days");
}
