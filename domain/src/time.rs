//! Points in time, as milliseconds since 1970 in UTC. The shell reads the clock; everything else is told.

use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// A length of time in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    /// `n` seconds.
    pub const fn seconds(n: i64) -> Self {
        Self(n * 1_000)
    }

    /// `n` minutes.
    pub const fn minutes(n: i64) -> Self {
        Self::seconds(n * 60)
    }

    /// `n` days of 24 hours.
    pub const fn days(n: i64) -> Self {
        Self::minutes(n * 24 * 60)
    }
}

impl Timestamp {
    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// The point in time that an RFC 3339 text names, in whatever zone: `2026-11-22T18:30:59+01:00`. `None` if it names none.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok().map(Self)
    }

    /// RFC 3339 in UTC, to the second: `2026-11-22T17:30:59Z`.
    pub fn rfc3339(self) -> String {
        OffsetDateTime::from_unix_timestamp(self.as_seconds())
            .ok()
            .and_then(|at| at.format(&Rfc3339).ok())
            .unwrap_or_else(|| format!("{}s", self.as_seconds()))
    }
}

/// When to set an object's one alarm, if it has to be set: `known` is what it was set to last, as far as anybody remembers, `wanted`
/// when it should ring.
///
/// One that should have rung by now does not count: it may never have, and an object whose alarm is missing would sleep for
/// ever.
pub fn alarm_to_set(known: Option<Timestamp>, wanted: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    wanted.filter(|at| known.is_none_or(|set| set > *at || set <= now))
}

impl Add<Millis> for Timestamp {
    type Output = Self;

    fn add(self, length: Millis) -> Self {
        Self(self.0.saturating_add(length.0))
    }
}

impl Sub<Millis> for Timestamp {
    type Output = Self;

    fn sub(self, length: Millis) -> Self {
        Self(self.0.saturating_sub(length.0))
    }
}

impl Sub for Timestamp {
    type Output = Millis;

    fn sub(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_set_when_none_rings_in_time() {
        let (now, soon, later) = (Timestamp(10), Timestamp(20), Timestamp(30));
        assert_eq!(alarm_to_set(None, Some(soon), now), Some(soon));
        assert_eq!(alarm_to_set(Some(later), Some(soon), now), Some(soon));
        assert_eq!(alarm_to_set(Some(soon), Some(later), now), None, "it rings before, and sets the next one then");
        assert_eq!(alarm_to_set(Some(now), Some(later), now), Some(later), "it should have rung");
        assert_eq!(alarm_to_set(Some(soon), None, now), None);
    }

    #[test]
    fn time_reads_as_rfc_3339() {
        assert_eq!(Timestamp(0).rfc3339(), "1970-01-01T00:00:00Z");
        assert_eq!((Timestamp(1_000) + Millis::minutes(1)).as_seconds(), 61);
        assert_eq!(Timestamp::parse_rfc3339("1970-01-01T01:00:01+01:00"), Some(Timestamp(1_000)));
        assert_eq!(Timestamp::parse_rfc3339("tomorrow"), None);
        assert_eq!(Timestamp(i64::MAX).rfc3339(), "9223372036854775s", "far away, but not a panic");
    }
}
