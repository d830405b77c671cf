//! Pages of the bundle that are kept in memory, least recently used out first. It never fetches, and never checks bytes.

use std::collections::{BTreeMap, HashMap};

use tantivy::directory::OwnedBytes;

/// Bytes a page; the last page of a bundle may be shorter.
pub const PAGE_BYTES: u64 = 16 * 1024;
/// A budget for the whole index that fits an isolate of 128 MB with room for everything else.
pub const BUDGET_DEFAULT_BYTES: usize = 40 * 1024 * 1024;

/// A least-recently-used cache of pages, by page number, with a fixed budget in bytes.
///
/// A page that a search in progress uses is also held by that search, so evicting it here never takes it away from there.
#[derive(Debug)]
pub struct PageCache {
    budget_bytes: usize,
    used_bytes: usize,
    tick: u64,
    pages: HashMap<u64, (OwnedBytes, u64)>,
    by_age: BTreeMap<u64, u64>,
}

impl PageCache {
    /// An empty cache that keeps at most `budget_bytes`.
    pub fn new(budget_bytes: usize) -> Self {
        Self { budget_bytes, used_bytes: 0, tick: 0, pages: HashMap::new(), by_age: BTreeMap::new() }
    }

    /// The page, which becomes the most recently used one.
    pub fn get(&mut self, page: u64) -> Option<OwnedBytes> {
        let (bytes, age) = self.pages.get_mut(&page)?;
        self.by_age.remove(age);
        self.tick += 1;
        *age = self.tick;
        self.by_age.insert(self.tick, page);
        Some(bytes.clone())
    }

    /// Keeps the page, and drops the oldest ones that no longer fit.
    pub fn insert(&mut self, page: u64, bytes: OwnedBytes) {
        self.remove(page);
        self.tick += 1;
        self.used_bytes += bytes.len();
        self.by_age.insert(self.tick, page);
        self.pages.insert(page, (bytes, self.tick));
        while self.used_bytes > self.budget_bytes {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            if let Some((bytes, _)) = self.pages.remove(&oldest) {
                self.used_bytes -= bytes.len();
            }
        }
    }

    /// Bytes kept now.
    pub fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    fn remove(&mut self, page: u64) {
        if let Some((bytes, age)) = self.pages.remove(&page) {
            self.used_bytes -= bytes.len();
            self.by_age.remove(&age);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(byte: u8) -> OwnedBytes {
        OwnedBytes::new(vec![byte; 10])
    }

    #[test]
    fn the_page_used_longest_ago_goes_first() {
        let mut cache = PageCache::new(20);
        cache.insert(1, page(1));
        cache.insert(2, page(2));
        assert!(cache.get(1).is_some());
        cache.insert(3, page(3));
        assert!(cache.get(2).is_none());
        assert!(cache.get(1).is_some() && cache.get(3).is_some());
        assert_eq!(cache.used_bytes(), 20);
    }

    #[test]
    fn the_budget_holds_when_a_page_comes_twice_or_is_too_large() {
        let mut cache = PageCache::new(15);
        cache.insert(1, page(1));
        cache.insert(1, page(4));
        assert_eq!(cache.used_bytes(), 10);
        assert_eq!(cache.get(1).unwrap()[0], 4);
        cache.insert(2, OwnedBytes::new(vec![0; 16]));
        assert_eq!(cache.used_bytes(), 0);
    }
}
