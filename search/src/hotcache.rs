//! The ranges of the bundle that every search needs, kept as one object and loaded whole. It never evicts.

use std::ops::Range;

use tantivy::directory::OwnedBytes;

use crate::error::SearchError;

const MAGIC: &[u8; 8] = b"KASUHOT1";
/// Two ranges that are this near become one: the bytes between cost less than another range.
const GAP_BYTES: u64 = 512;

/// Ranges of the bundle, sorted, apart from one another.
#[derive(Debug, Default)]
pub(crate) struct Hotcache {
    ranges: Vec<(Range<u64>, OwnedBytes)>,
}

impl Hotcache {
    /// Reads what [`encode`] wrote. No bytes at all is an empty hotcache: searches then begin by fetching.
    pub(crate) fn decode(bytes: Vec<u8>) -> Result<Self, SearchError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let whole = OwnedBytes::new(bytes);
        Self::decode_ranges(&whole).ok_or_else(|| SearchError::Corrupt("hotcache: cut short".into()))
    }

    fn decode_ranges(whole: &OwnedBytes) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(whole.get(at..at.checked_add(8)?)?.try_into().ok()?));
        if whole.get(..8)? != MAGIC {
            return None;
        }
        let count = usize::try_from(number(8)?).ok()?;
        let mut at = count.checked_mul(16)?.checked_add(16)?;
        let mut ranges = Vec::new();
        for index in 0..count {
            let (start, length) = (number(16 + index * 16)?, number(24 + index * 16)?);
            let end_at = at.checked_add(usize::try_from(length).ok()?)?;
            if end_at > whole.len() {
                return None;
            }
            ranges.push((start..start.checked_add(length)?, whole.slice(at..end_at)));
            at = end_at;
        }
        Some(Self { ranges })
    }

    /// The bytes of `range`, if all of them are here.
    pub(crate) fn get(&self, range: &Range<u64>) -> Option<OwnedBytes> {
        let after = self.ranges.partition_point(|(held, _)| held.start <= range.start);
        let (held, bytes) = self.ranges.get(after.checked_sub(1)?)?;
        if range.end > held.end {
            return None;
        }
        let from = (range.start - held.start) as usize;
        Some(bytes.slice(from..from + (range.end - range.start) as usize))
    }

    /// Bytes held.
    pub(crate) fn used_bytes(&self) -> usize {
        self.ranges.iter().map(|(_, bytes)| bytes.len()).sum()
    }
}

/// Sorts ranges and joins those that touch or nearly do.
pub(crate) fn merged(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end + GAP_BYTES => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Writes ranges of the bundle as a hotcache.
pub(crate) fn encode(ranges: &[Range<u64>], bundle: &[u8]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend((ranges.len() as u64).to_le_bytes());
    for range in ranges {
        bytes.extend(range.start.to_le_bytes());
        bytes.extend((range.end - range.start).to_le_bytes());
    }
    for range in ranges {
        bytes.extend(&bundle[range.start as usize..range.end as usize]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hotcache_gives_back_what_was_put_in_and_nothing_else() {
        let bundle: Vec<u8> = (0..10_000_u32).map(|at| (at % 251) as u8).collect();
        let ranges = merged(vec![9_000..9_100, 0..50, 40..60, 100..200, 5_000..5_001]);
        assert_eq!(ranges, [0..200, 5_000..5_001, 9_000..9_100]);
        let hotcache = Hotcache::decode(encode(&ranges, &bundle)).unwrap();
        assert_eq!(hotcache.get(&(150..160)).unwrap().as_slice(), &bundle[150..160]);
        assert_eq!(hotcache.get(&(9_000..9_100)).unwrap().as_slice(), &bundle[9_000..9_100]);
        assert!(hotcache.get(&(190..210)).is_none());
        assert!(hotcache.get(&(300..301)).is_none());
    }

    #[test]
    fn a_hotcache_cut_anywhere_is_refused() {
        let bundle = vec![7_u8; 3_000];
        let whole = encode(&[0..10, 1_000..2_000], &bundle);
        for length in 1..whole.len() {
            assert!(Hotcache::decode(whole[..length].to_vec()).is_err(), "{length}");
        }
    }
}
