//! Times as Monnify writes them, in two manners, both without a zone: it is Lagos's, an hour ahead of UTC all year.

use domain::time::{Millis, Timestamp};
use time::OffsetDateTime;
use time::macros::format_description;

const LAGOS: Millis = Millis::minutes(60);

fn in_lagos(at: Timestamp) -> OffsetDateTime {
    let millis = i128::from((at + LAGOS).as_millis());
    OffsetDateTime::from_unix_timestamp_nanos(millis * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// `2021-11-17 11:28:42.615`
pub(super) fn plain(at: Timestamp) -> String {
    let shape = format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]");
    in_lagos(at).format(&shape).unwrap_or_default()
}

/// `17/11/2021 3:48:10 PM`
pub(super) fn with_slashes(at: Timestamp) -> String {
    let shape =
        format_description!("[day]/[month]/[year] [hour repr:12 padding:none]:[minute]:[second] [period case:upper]");
    in_lagos(at).format(&shape).unwrap_or_default()
}

/// `20211117154810`, as it is part of Monnify's references.
pub(super) fn digits(at: Timestamp) -> String {
    let shape = format_description!("[year][month][day][hour][minute][second]");
    in_lagos(at).format(&shape).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_two_manners() {
        let at = Timestamp::parse_rfc3339("2021-11-17T14:48:10Z").unwrap();
        assert_eq!(plain(at), "2021-11-17 15:48:10.000");
        assert_eq!(with_slashes(at), "17/11/2021 3:48:10 PM");
        assert_eq!(digits(at), "20211117154810");
    }
}
