//! What products cost, counted in steps of 1, 2, 5, 10 …, and joined into a few ranges to choose from.

use crate::answer::{PriceFacet, PriceRange};

const PRICE_RANGES_MAX: usize = 6;
/// 1, 2, 5, 10, 20, 50 … up to 10¹⁸ minor units, and what is below the first.
const PRICE_STEPS: usize = 3 * 18 + 2;

/// How many products cost how much, in steps of 1, 2, 5, 10 …
pub(crate) struct Prices {
    counts: [u64; PRICE_STEPS],
    min: u64,
    max: u64,
}

impl Default for Prices {
    fn default() -> Self {
        Self { counts: [0; PRICE_STEPS], min: u64::MAX, max: 0 }
    }
}

impl Prices {
    pub(crate) fn add(&mut self, price: u64) {
        self.min = self.min.min(price);
        self.max = self.max.max(price);
        self.counts[step_of(price)] += 1;
    }
}

/// Which step a price falls into: 0 for nothing, then `[1,2)`, `[2,5)`, `[5,10)`, `[10,20)` …
#[inline]
fn step_of(price: u64) -> usize {
    let (step, next_start) = OCTAVES[(u64::BITS - price.leading_zeros()) as usize];
    (usize::from(step) + usize::from(price >= next_start)).min(PRICE_STEPS - 1)
}

/// For prices of each number of bits, the step of the least of them and where the next step begins. Steps at least
/// double, so between two powers of two no more than one begins.
const OCTAVES: [(u8, u64); 65] = {
    let mut octaves = [(0, 1); 65];
    let mut bits = 1;
    while bits <= 64 {
        let least = 1_u64 << (bits - 1);
        let mut step = 0;
        while step + 1 < PRICE_STEPS && step_start(step + 1) <= least {
            step += 1;
        }
        octaves[bits] = (step as u8, if step + 1 < PRICE_STEPS { step_start(step + 1) } else { u64::MAX });
        bits += 1;
    }
    octaves
};

const fn step_start(step: usize) -> u64 {
    if step == 0 {
        return 0;
    }
    [1, 2, 5][(step - 1) % 3] * 10_u64.saturating_pow(((step - 1) / 3) as u32)
}

pub(crate) fn price_facet<'a>(segments: impl Iterator<Item = &'a Prices>) -> Option<PriceFacet> {
    let mut all = Prices::default();
    for prices in segments {
        all.min = all.min.min(prices.min);
        all.max = all.max.max(prices.max);
        all.counts.iter_mut().zip(&prices.counts).for_each(|(sum, count)| *sum += count);
    }
    if all.min > all.max {
        return None;
    }
    let minor = |price: u64| i64::try_from(price).unwrap_or(i64::MAX);
    let mut ranges: Vec<PriceRange> = Vec::new();
    for (step, count) in all.counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
        let to_minor = minor(step_start(step + 1).saturating_sub(1));
        ranges.push(PriceRange { from_minor: minor(step_start(step)), to_minor, count });
    }
    while ranges.len() > PRICE_RANGES_MAX {
        let pair_size = |at: &usize| ranges[*at].count + ranges[at + 1].count;
        let Some(at) = (0..ranges.len() - 1).min_by_key(pair_size) else { break };
        let next = ranges.remove(at + 1);
        ranges[at].to_minor = next.to_minor;
        ranges[at].count += next.count;
    }
    Some(PriceFacet { min_minor: minor(all.min), max_minor: minor(all.max), ranges })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn price_steps_begin_where_the_step_before_ends() {
        for price in (0..2_000).chain(
            [4_999, 5_000, 99_999, 100_000, u64::from(u32::MAX), u64::MAX / 100, 10_u64.pow(18)]
                .into_iter()
                .chain((0..63).map(|bits| 1 << bits)),
        ) {
            let step = step_of(price);
            assert!(step_start(step) <= price && (step + 1 == PRICE_STEPS || price < step_start(step + 1)), "{price}");
        }
        assert!(step_of(u64::MAX) < PRICE_STEPS);
    }

    #[test]
    fn price_ranges_hold_every_product_once() {
        let mut prices = Prices::default();
        for price in 0..100_000 {
            prices.add(price);
        }
        let facet = price_facet([&prices].into_iter()).unwrap();
        assert!(facet.ranges.len() <= PRICE_RANGES_MAX);
        assert_eq!(facet.ranges.iter().map(|range| range.count).sum::<u64>(), 100_000);
        assert!(facet.ranges.windows(2).all(|pair| pair[0].to_minor < pair[1].from_minor));
        assert_eq!((facet.min_minor, facet.max_minor), (0, 99_999));
    }
}
