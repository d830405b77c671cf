//! Points in time as people read them. In UTC, and saying so, since a cached page does not know where its reader is.

use domain::time::Timestamp;
use maud::{Markup, html};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `22 November 2026, 17:30 UTC`, with the exact time for machines.
pub fn date_and_time(at: Timestamp) -> Markup {
    let exact = at.rfc3339();
    html! { time datetime=(exact) { (words(&exact)) } }
}

/// The time alone, `17:30 UTC`, for what happens today.
pub fn time_of_day(at: Timestamp) -> Markup {
    let exact = at.rfc3339();
    let short = exact.get(11..16).map_or_else(|| exact.clone(), |clock| format!("{clock} UTC"));
    html! { time datetime=(exact) { (short) } }
}

fn words(rfc3339: &str) -> String {
    let part = |range: std::ops::Range<usize>| rfc3339.get(range);
    let month =
        part(5..7).and_then(|text| text.parse::<usize>().ok()).and_then(|month| MONTHS.get(month.wrapping_sub(1)));
    match (part(0..4), month, part(8..10), part(11..16)) {
        (Some(year), Some(month), Some(day), Some(clock)) => {
            format!("{} {month} {year}, {clock} UTC", day.trim_start_matches('0'))
        }
        // A time outside the calendar: shown as it is.
        _ => rfc3339.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_as_people_write_it() {
        let at = Timestamp(1_795_714_259_000);
        assert_eq!(
            date_and_time(at).into_string(),
            format!("<time datetime=\"{}\">{}</time>", at.rfc3339(), words(&at.rfc3339()))
        );
        assert_eq!(words("2026-11-02T07:30:59Z"), "2 November 2026, 07:30 UTC");
        assert_eq!(words("9223372036854775s"), "9223372036854775s", "far away, but not a panic");
    }
}
