//! The best of many products, in twelve bytes each: any page of the whole result, at nearly the cost of the first. It
//! knows keys, not what they mean.

use std::cmp::Reverse;

/// Entries kept at least before any are thrown away.
const KEPT_MIN: usize = 64;

/// A product with its place in the order of hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// In halves, so that an entry has no padding.
    key: [u32; 2],
    /// In the whole table.
    pub(super) place: u32,
}

impl Entry {
    pub(super) fn new(key: u64, place: u32) -> Self {
        Self { key: [(key >> 32) as u32, key as u32], place }
    }

    pub(super) fn key(self) -> u64 {
        u64::from(self.key[0]) << 32 | u64::from(self.key[1])
    }

    /// Earlier hits are less. Every product has a place of its own, so no two are equal and pages never overlap.
    fn order(&self) -> (Reverse<[u32; 2]>, u32) {
        (Reverse(self.key), self.place)
    }
}

/// Keeps the best of what one segment offers, in the order of places.
pub(super) struct Best {
    entries: Vec<Entry>,
    kept_max: usize,
    limit: usize,
    /// The least key that would be kept: what comes later has to beat it.
    beaten: Option<u64>,
}

impl Best {
    /// Keeps `kept_max` of at most `offered_max`.
    pub(super) fn new(kept_max: usize, offered_max: usize) -> Self {
        let limit = kept_max.saturating_mul(2).max(KEPT_MIN).min(offered_max.max(1));
        Self { entries: Vec::new(), kept_max, limit, beaten: None }
    }

    #[inline]
    pub(super) fn offer(&mut self, entry: Entry) {
        if self.beaten.is_some_and(|key| entry.key() <= key) {
            return;
        }
        if self.entries.len() == self.entries.capacity() {
            self.grow();
        }
        self.entries.push(entry);
    }

    /// Makes room: by cutting back when the limit is reached, else by growing, at last to the limit at once, so that
    /// never much more than the limit is held.
    #[cold]
    fn grow(&mut self) {
        let held = self.entries.len();
        if held >= self.limit {
            self.cut();
        } else {
            let wanted = if held > self.limit / 4 { self.limit } else { (held * 2).max(KEPT_MIN).min(self.limit) };
            self.entries.reserve_exact(wanted - held);
        }
    }

    fn cut(&mut self) {
        if self.entries.len() > self.kept_max {
            let (_, last, _) = self.entries.select_nth_unstable_by_key(self.kept_max.saturating_sub(1), Entry::order);
            self.beaten = Some(last.key());
            self.entries.truncate(self.kept_max);
        }
    }

    pub(super) fn into_entries(mut self) -> Vec<Entry> {
        self.cut();
        self.entries
    }
}

/// `count` entries of all segments' from `start` on, in order.
pub(super) fn window(mut segments: Vec<Vec<Entry>>, start: usize, count: usize) -> Vec<Entry> {
    // The largest takes in the others: only they are copied.
    segments.sort_by_key(Vec::len);
    let mut all = segments.pop().unwrap_or_default();
    all.reserve_exact(segments.iter().map(Vec::len).sum());
    segments.into_iter().for_each(|entries| all.extend(entries));
    if start >= all.len() {
        return Vec::new();
    }
    if start > 0 {
        all.select_nth_unstable_by_key(start - 1, Entry::order);
    }
    let after = &mut all[start..];
    if after.len() > count {
        after.select_nth_unstable_by_key(count.saturating_sub(1), Entry::order);
    }
    let mut page: Vec<Entry> = after.iter().take(count).copied().collect();
    page.sort_unstable_by_key(Entry::order);
    page
}
