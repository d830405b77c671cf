//! Times as Paystack and Flutterwave write them.

use domain::time::Timestamp;

/// `2026-11-22T17:30:59.123Z`
pub(crate) fn stamp(at: Timestamp) -> String {
    let seconds = at.rfc3339();
    let bare = seconds.strip_suffix('Z').unwrap_or(&seconds);
    format!("{bare}.{:03}Z", at.as_millis().rem_euclid(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_has_milliseconds() {
        assert_eq!(stamp(Timestamp(61_007)), "1970-01-01T00:01:01.007Z");
    }
}
