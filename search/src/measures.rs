//! The same measure in other units: `1 TB` is `1000 GB`. Numbers stay text and whole numbers; nothing is rounded, and nothing is looked up.

/// A larger unit, a smaller one, and how many of it make one: as units are indexed. What memory is counted in has two customs.
const SCALES: &[(&str, &str, u64)] = &[
    ("tb", "gb", 1000),
    ("tb", "gb", 1024),
    ("gb", "mb", 1000),
    ("gb", "mb", 1024),
    ("kg", "g", 1000),
    ("l", "ml", 1000),
    ("l", "cl", 100),
    ("cl", "ml", 10),
    ("m", "cm", 100),
    ("m", "mm", 1000),
    ("cm", "mm", 10),
    ("km", "m", 1000),
    ("kw", "w", 1000),
    ("kva", "va", 1000),
    ("ghz", "mhz", 1000),
    ("mhz", "khz", 1000),
];
/// Decimals that are kept: a number is so many thousandths.
const DECIMALS: usize = 3;
const ONE: u64 = 1_000;
/// Beyond these nobody writes a measure: in thousandths.
const THOUSANDTHS: std::ops::RangeInclusive<u64> = 1..=999_999 * ONE;

/// Number and unit in one piece, as terms, for every other unit in which the number has at most three decimals.
pub(crate) fn in_other_units(number: &str, unit: &str) -> Vec<String> {
    let Some(thousandths) = thousandths(number) else { return Vec::new() };
    let others = SCALES.iter().filter_map(|(large, small, factor)| match unit {
        unit if unit == *large => Some((thousandths.checked_mul(*factor)?, small)),
        unit if unit == *small && thousandths.is_multiple_of(*factor) => Some((thousandths / factor, large)),
        _ => None,
    });
    others
        .filter(|(other, _)| THOUSANDTHS.contains(other))
        .map(|(other, unit)| format!("{}{unit}", written(other)))
        .collect()
}

fn thousandths(number: &str) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > DECIMALS || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let padded = format!("{fraction:0<DECIMALS$}").parse::<u64>().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(ONE)?.checked_add(padded)
}

fn written(thousandths: u64) -> String {
    let (whole, rest) = (thousandths / ONE, thousandths % ONE);
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:03}").trim_end_matches('0').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_is_known_in_the_units_that_people_write_it_in() {
        for (number, unit, others) in [
            ("1", "tb", &["1000gb", "1024gb"][..]),
            ("1000", "gb", &["1tb"]),
            ("1024", "gb", &["1.024tb", "1tb"]),
            ("1.5", "l", &["1500ml", "150cl"]),
            ("75", "cl", &["0.75l", "750ml"]),
            ("0.5", "kg", &["500g"]),
            ("250", "g", &["0.25kg"]),
            ("1", "g", &["0.001kg"]),
            ("60", "hz", &[]),
        ] {
            assert_eq!(in_other_units(number, unit), others, "{number} {unit}");
        }
    }

    #[test]
    fn what_is_no_number_or_too_large_a_one_has_no_other_units() {
        for number in ["", ".", "1.2.3", "1.2345", "0", "99999999999999999999", "999999"] {
            assert_eq!(in_other_units(number, "tb"), [""; 0], "{number}");
        }
    }
}
