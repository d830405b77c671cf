//! Who has asked what lately, so that one visitor's question counts once. Nothing of it says who anybody is, and nothing is stored: what is
//! remembered is a digest under a key that is drawn when the isolate starts, never leaves its memory, and is gone with it.

use std::net::IpAddr;

use domain::time::{Millis, Timestamp};
use lru::LruCache;
use sha2::{Digest as _, Sha256};

/// How long the same question of the same visitor counts no more.
const COUNTED_FOR: Millis = Millis::seconds(24 * 60 * 60);
/// Most questions remembered. Who pushes others out of it has asked as many different ones.
const REMEMBERED_MAX: usize = 4_096;

/// Digests of addresses and questions, and when each was counted.
pub(crate) struct Askers {
    key: [u8; 32],
    counted: LruCache<[u8; 16], Timestamp>,
}

impl Askers {
    /// `key` is random, and told to nobody.
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self { key, counted: LruCache::unbounded() }
    }

    /// Whether the visitor at `address` asks this for the first time in a while.
    pub(crate) fn is_new(&mut self, address: IpAddr, query: &str, now: Timestamp) -> bool {
        let digest = Sha256::new().chain_update(self.key).chain_update(network(address)).chain_update(query).finalize();
        let mut short = [0; 16];
        short.copy_from_slice(&digest[..16]);
        match self.counted.get(&short) {
            Some(at) if now - *at < COUNTED_FOR => false,
            _ => {
                self.counted.put(short, now);
                if self.counted.len() > REMEMBERED_MAX {
                    self.counted.pop_lru();
                }
                true
            }
        }
    }
}

/// What of an address is one visitor's: of IPv6, everybody has 64 bits to choose from.
pub(crate) fn network(address: IpAddr) -> [u8; 16] {
    let bits = match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits() >> 64 << 64,
    };
    bits.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_visitor_who_asks_the_same_again_counts_once_a_day() {
        let mut askers = Askers::new([7; 32]);
        let mut asks = |from: &str, query: &str, at: Timestamp| askers.is_new(address(from), query, at);
        assert!(asks("192.0.2.1", "lamp", NOW));
        for later in [0, 1, 60_000, COUNTED_FOR.0 - 1] {
            assert!(!asks("192.0.2.1", "lamp", NOW + Millis(later)));
        }
        assert!(asks("192.0.2.1", "lamps", NOW) && asks("192.0.2.2", "lamp", NOW));
        assert!(asks("192.0.2.1", "lamp", NOW + COUNTED_FOR));
    }

    #[test]
    fn all_addresses_of_one_connection_are_one_visitor() {
        let mut askers = Askers::new([7; 32]);
        let mut asks = |from: &str| askers.is_new(address(from), "lamp", NOW);
        assert!(asks("2001:db8:1:2::1"));
        assert!(!asks("2001:db8:1:2:ffff::9"));
        assert!(asks("2001:db8:1:3::1"));
        assert!(asks("192.0.2.1"));
        assert!(!asks("::ffff:192.0.2.1"));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_says_nothing_without_the_key() {
        let (mut one, mut other) = (Askers::new([1; 32]), Askers::new([2; 32]));
        for n in 0..10_000 {
            assert!(one.is_new(address("192.0.2.1"), &n.to_string(), NOW));
        }
        assert_eq!(one.counted.len(), REMEMBERED_MAX);
        one.is_new(address("192.0.2.1"), "lamp", NOW);
        other.is_new(address("192.0.2.1"), "lamp", NOW);
        assert_ne!(one.counted.peek_mru(), other.counted.peek_mru());
    }
}
