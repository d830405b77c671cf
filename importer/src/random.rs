//! Numbers that look drawn and are not: the same seed gives the same ones, on every machine and in every version.

/// SplitMix64 (Steele, Lea, Flood 2014). Good enough to vary a catalogue; never use it for secrets.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From a number.
    pub fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// From a text (FNV-1a, 64 bits).
    pub fn from_text(text: &str) -> Self {
        Self(
            text.bytes()
                .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)),
        )
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `limit` − 1; 0 when `limit` is 0.
    pub fn below(&mut self, limit: u32) -> u32 {
        // The high half of the product: unbiased enough for a limit far below 2^32.
        let high = (u64::from(limit) * (self.draw() >> 32)) >> 32;
        u32::try_from(high).unwrap_or(0)
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// Whether something happens that happens so many times in a hundred.
    pub fn percent(&mut self, chance: u32) -> bool {
        self.below(100) < chance
    }

    /// One of `items`; `None` of nothing.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        items.get(self.below(count) as usize)
    }

    /// Units on hand as a shop has them: now and then none, sometimes few, mostly plenty.
    pub fn stock(&mut self) -> u32 {
        match self.below(100) {
            0..5 => 0,
            5..17 => self.between(1, 5),
            _ => self.between(12, 180),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_for_ever() {
        let mut random = Random::from_seed(0);
        assert_eq!(random.draw(), 0xe220_a839_7b1d_cdaf, "the published first value");
        assert_eq!(Random::from_text("a").0, 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn every_value_in_range_comes_up_and_no_other() {
        let mut random = Random::from_seed(7);
        let mut seen = [0_u32; 6];
        for _ in 0..600 {
            seen[random.between(2, 5) as usize] += 1;
        }
        assert!(seen[..2] == [0, 0] && seen[2..].iter().all(|count| *count > 100), "{seen:?}");
        assert_eq!((random.below(0), random.below(1)), (0, 0));
        assert_eq!(random.pick::<u8>(&[]), None);
    }

    #[test]
    fn some_things_are_sold_out_and_most_are_not() {
        let mut random = Random::from_seed(1);
        let stocks: Vec<u32> = (0..1_000).map(|_| random.stock()).collect();
        let share = |test: fn(&u32) -> bool| stocks.iter().filter(|stock| test(stock)).count();
        assert!((20..90).contains(&share(|stock| *stock == 0)) && share(|stock| *stock > 10) > 700);
    }
}
