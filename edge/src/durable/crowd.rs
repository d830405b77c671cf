//! Which of a product's relays a page's socket goes to. Pure, and known to nobody but the isolate that asks.
//!
//! Relays stand in *rings* of 1, 2, 4, 8 …: a product that few look at has one, and a crowd fills one ring after the other. A relay that
//! is full says so, and the isolate tries the next ring; for a minute it remembers where there was room. So nobody has to keep count of
//! viewers, and the Stock object is not asked at all.

use domain::ids::ProductId;
use domain::time::{Millis, Timestamp};
use lru::LruCache;
use sha2::{Digest as _, Sha256};

/// The last ring: 255 relays in all.
pub(super) const RING_MAX: u32 = 7;
/// How long an isolate believes that the rings before are full.
const BELIEVED_FOR: Millis = Millis::minutes(1);
/// Products whose crowds are remembered; all others begin in the first ring.
const REMEMBERED_MAX: usize = 1_000;

/// One visitor as far as relays can tell: who comes again stands in the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Visitor([u8; 16]);

impl Visitor {
    /// Whoever shares `bytes`: an address, or a draw where nobody knows it.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut short = [0; 16];
        short.copy_from_slice(&Sha256::digest(bytes)[..16]);
        Self(short)
    }

    /// Its place in `ring`: the number of a relay.
    pub(super) fn relay(self, ring: u32) -> u32 {
        let places = 1 << ring.min(RING_MAX);
        // Other bits for each ring, or all who share a full relay would meet again.
        let from = (ring as usize * 2) % 13;
        let bits = u32::from_le_bytes([self.0[from], self.0[from + 1], self.0[from + 2], self.0[from + 3]]);
        places - 1 + bits % places
    }
}

impl std::fmt::Display for Visitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Where one isolate found room last.
pub(super) struct Crowds(LruCache<ProductId, (u32, Timestamp)>);

impl Crowds {
    pub(super) fn new() -> Self {
        Self(LruCache::unbounded())
    }

    /// The ring to try first.
    pub(super) fn ring(&mut self, product_id: ProductId, now: Timestamp) -> u32 {
        match self.0.get(&product_id) {
            Some((ring, until)) if now < *until => *ring,
            _ => 0,
        }
    }

    /// There was no room in the rings before this one.
    pub(super) fn is_in(&mut self, product_id: ProductId, ring: u32, now: Timestamp) {
        self.0.put(product_id, (ring, now + BELIEVED_FOR));
        if self.0.len() > REMEMBERED_MAX {
            self.0.pop_lru();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn visitor(number: u32) -> Visitor {
        Visitor::new(&number.to_le_bytes())
    }

    #[test]
    fn a_visitor_who_comes_again_stands_at_the_same_relay() {
        for ring in 0..=RING_MAX {
            assert_eq!(visitor(7).relay(ring), visitor(7).relay(ring));
            assert_ne!(visitor(7), visitor(8));
        }
    }

    #[test]
    fn no_relay_is_in_two_rings_and_each_gets_its_share() {
        let mut next = 0;
        for ring in 0..=RING_MAX {
            let mut share: BTreeMap<u32, u32> = BTreeMap::new();
            for number in 0..(1_000 << ring) {
                *share.entry(visitor(number).relay(ring)).or_default() += 1;
            }
            assert_eq!(share.keys().copied().collect::<Vec<_>>(), (next..next + (1 << ring)).collect::<Vec<_>>());
            assert!(share.values().all(|share| (700..1_300).contains(share)), "{share:?}");
            next += 1 << ring;
        }
    }

    #[test]
    fn those_who_share_a_full_relay_are_spread_over_the_next_ring() {
        let together: Vec<Visitor> = (0..10_000).map(visitor).filter(|visitor| visitor.relay(3) == 8).collect();
        let places: std::collections::BTreeSet<u32> = together.iter().map(|visitor| visitor.relay(4)).collect();
        assert_eq!(places.len(), 16);
    }

    #[test]
    fn a_crowd_is_forgotten_after_a_minute_and_memory_is_bounded() {
        let mut crowds = Crowds::new();
        let product_id = ProductId(Uuid::from_u128(1));
        assert_eq!(crowds.ring(product_id, NOW), 0);
        crowds.is_in(product_id, 3, NOW);
        assert_eq!(crowds.ring(product_id, NOW + Millis(59_999)), 3);
        assert_eq!(crowds.ring(product_id, NOW + BELIEVED_FOR), 0);
        for number in 0..5_000 {
            crowds.is_in(ProductId(Uuid::from_u128(number)), 1, NOW);
        }
        assert_eq!(crowds.0.len(), REMEMBERED_MAX);
    }
}
