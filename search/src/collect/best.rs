//! The best of many products, in twelve bytes each: any page of the whole result, at nearly the cost of the first. It
//! knows keys, not what they mean.

use std::cmp::Ordering;

use crate::rows::Table;

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
    fn order(table: &Table, a: &Self, b: &Self) -> Ordering {
        b.key()
            .cmp(&a.key())
            .then_with(|| table.tie(b.place).cmp(&table.tie(a.place)))
            .then_with(|| a.place.cmp(&b.place))
    }
}

/// Keeps the best of what one segment offers.
pub(super) struct Best {
    entries: Vec<Entry>,
    kept_max: usize,
    limit: usize,
    /// The last of those that would be kept: what is not before it need not be looked at.
    last: Option<Entry>,
}

impl Best {
    /// Keeps `kept_max` of at most `offered_max`.
    pub(super) fn new(kept_max: usize, offered_max: usize) -> Self {
        let limit = kept_max.saturating_mul(2).max(KEPT_MIN).min(offered_max.max(1));
        Self { entries: Vec::new(), kept_max, limit, last: None }
    }

    #[inline]
    pub(super) fn offer(&mut self, table: &Table, entry: Entry) {
        if let Some(last) = &self.last
            && (entry.key() < last.key() || Entry::order(table, last, &entry) == Ordering::Less)
        {
            return;
        }
        if self.entries.len() == self.entries.capacity() {
            self.grow(table);
        }
        self.entries.push(entry);
    }

    /// Makes room: by cutting back when the limit is reached, else by growing, at last to the limit at once, so that
    /// never much more than the limit is held.
    #[cold]
    fn grow(&mut self, table: &Table) {
        let held = self.entries.len();
        if held >= self.limit {
            self.cut(table);
        } else {
            let wanted = if held > self.limit / 4 { self.limit } else { (held * 2).max(KEPT_MIN).min(self.limit) };
            self.entries.reserve_exact(wanted - held);
        }
    }

    fn cut(&mut self, table: &Table) {
        if self.entries.len() > self.kept_max {
            let at = self.kept_max.saturating_sub(1);
            let (_, last, _) = self.entries.select_nth_unstable_by(at, |a, b| Entry::order(table, a, b));
            self.last = Some(*last);
            self.entries.truncate(self.kept_max);
        }
    }

    pub(super) fn into_entries(mut self, table: &Table) -> Vec<Entry> {
        self.cut(table);
        self.entries
    }
}

/// `count` entries of all segments' from `start` on, in order.
pub(super) fn window(table: &Table, mut segments: Vec<Vec<Entry>>, start: usize, count: usize) -> Vec<Entry> {
    // The largest takes in the others: only they are copied.
    segments.sort_by_key(Vec::len);
    let mut all = segments.pop().unwrap_or_default();
    all.reserve_exact(segments.iter().map(Vec::len).sum());
    segments.into_iter().for_each(|entries| all.extend(entries));
    if start >= all.len() {
        return Vec::new();
    }
    let order = |a: &Entry, b: &Entry| Entry::order(table, a, b);
    if start > 0 {
        all.select_nth_unstable_by(start - 1, order);
    }
    let after = &mut all[start..];
    if after.len() > count {
        after.select_nth_unstable_by(count.saturating_sub(1), order);
    }
    let mut page: Vec<Entry> = after.iter().take(count).copied().collect();
    page.sort_unstable_by(order);
    page
}
