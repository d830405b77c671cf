//! Numbers and names of many products in little memory, readable in a few instructions. It knows nothing of what they
//! mean.

use tantivy::directory::OwnedBytes;

/// Room behind the last number, so that each can be read as one word.
const PADDING_BYTES: usize = 8;
/// A number of more bits may lie across more than one word.
const UNALIGNED_BITS_MAX: u32 = 56;

/// Numbers, each in as many bits as the widest of them needs. Numbers that are all the same need none.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    bytes: OwnedBytes,
    bits: u32,
    mask: u64,
    least: u64,
    greatest: u64,
}

/// Takes numbers in order and gives a [`Packed`].
pub(crate) struct Packer {
    packed: Packed,
    bytes: Vec<u8>,
    pending: u64,
    pending_bits: u32,
}

impl Packed {
    /// Begins to pack `count` numbers, none below `least` or above `greatest`.
    pub(crate) fn of(count: usize, least: u64, greatest: u64) -> Packer {
        let greatest = greatest.max(least);
        let needed = u64::BITS - (greatest - least).leading_zeros();
        let bits = if needed > UNALIGNED_BITS_MAX { u64::BITS } else { needed };
        let mask = u64::MAX.checked_shr(u64::BITS - bits).unwrap_or(0);
        let length = if bits == 0 { 0 } else { (count * bits as usize).div_ceil(8) + PADDING_BYTES };
        let packed = Self { bytes: OwnedBytes::empty(), bits, mask, least, greatest };
        Packer { packed, bytes: Vec::with_capacity(length), pending: 0, pending_bits: 0 }
    }

    /// Writes what [`Packed::decode`] reads.
    pub(crate) fn encode(&self, to: &mut Vec<u8>) {
        to.extend(self.bits.to_le_bytes());
        to.extend(self.least.to_le_bytes());
        to.extend(self.greatest.to_le_bytes());
        to.extend((self.bytes.len() as u64).to_le_bytes());
        to.extend_from_slice(&self.bytes);
    }

    /// Takes numbers from the beginning of `from`, where they stay; `None` when something is cut off.
    pub(crate) fn decode(from: &mut OwnedBytes) -> Option<Self> {
        let bits = take_u32(from)?;
        let (least, greatest) = (take_u64(from)?, take_u64(from)?);
        let bytes = take_bytes(from)?;
        let mask = u64::MAX.checked_shr(u64::BITS.checked_sub(bits)?).unwrap_or(0);
        (greatest >= least).then_some(Self { bytes, bits, mask, least, greatest })
    }

    /// Number `at`, counted from 0.
    #[inline]
    pub(crate) fn get(&self, at: u32) -> u64 {
        if self.bits == 0 {
            return self.least;
        }
        let bit = at as usize * self.bits as usize;
        let word =
            self.bytes.get(bit >> 3..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u64::from_le_bytes(*word));
        self.least.wrapping_add((word >> (bit & 7)) & self.mask)
    }

    /// No number is above this.
    pub(crate) fn greatest(&self) -> u64 {
        self.greatest
    }
}

fn take(from: &mut OwnedBytes, length: usize) -> Option<OwnedBytes> {
    if length > from.len() {
        return None;
    }
    let (taken, rest) = from.clone().split(length);
    *from = rest;
    Some(taken)
}

/// The number that `from` begins with, which it then no longer does.
pub(crate) fn take_u32(from: &mut OwnedBytes) -> Option<u32> {
    Some(u32::from_le_bytes(take(from, 4)?.as_slice().try_into().ok()?))
}

fn take_u64(from: &mut OwnedBytes) -> Option<u64> {
    Some(u64::from_le_bytes(take(from, 8)?.as_slice().try_into().ok()?))
}

/// The same of bytes, behind their number.
fn take_bytes(from: &mut OwnedBytes) -> Option<OwnedBytes> {
    let length = usize::try_from(take_u64(from)?).ok()?;
    take(from, length)
}

impl Packer {
    /// The next number; one outside the bounds becomes the nearest inside.
    pub(crate) fn push(&mut self, number: u64) {
        let packed = &mut self.packed;
        self.pending |= (number.clamp(packed.least, packed.greatest) - packed.least) << self.pending_bits;
        self.pending_bits += packed.bits;
        while self.pending_bits >= 8 {
            self.bytes.push(self.pending as u8);
            self.pending >>= 8;
            self.pending_bits -= 8;
        }
    }

    pub(crate) fn finish(mut self) -> Packed {
        if self.pending_bits > 0 {
            self.bytes.push(self.pending as u8);
        }
        if self.packed.bits > 0 {
            self.bytes.extend([0; PADDING_BYTES]);
        }
        Packed { bytes: OwnedBytes::new(self.bytes), ..self.packed }
    }
}

/// Names in sorted order, by their ordinals.
#[derive(Debug, Default)]
pub(crate) struct Names {
    text: String,
    ends: Vec<u32>,
}

impl Names {
    /// Names come sorted, each once.
    pub(crate) fn push(&mut self, name: &str) {
        self.text.push_str(name);
        self.ends.push(self.text.len() as u32);
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The name with an ordinal; nothing for an ordinal that there is not.
    pub(crate) fn get(&self, ordinal: usize) -> &str {
        let start = ordinal.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(ordinal).copied().unwrap_or(start);
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// How many of the names are before all those for which `is_before` does not hold.
    pub(crate) fn partition_point(&self, is_before: impl Fn(&str) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if is_before(self.get(middle)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    pub(crate) fn ordinal(&self, name: &str) -> Option<usize> {
        let at = self.partition_point(|known| known < name);
        (at < self.len() && self.get(at) == name).then_some(at)
    }

    /// Writes what [`Names::decode`] reads.
    pub(crate) fn encode(&self, to: &mut Vec<u8>) {
        to.extend((self.ends.len() as u64 * 4).to_le_bytes());
        to.extend(self.ends.iter().flat_map(|end| end.to_le_bytes()));
        to.extend((self.text.len() as u64).to_le_bytes());
        to.extend(self.text.as_bytes());
    }

    /// Takes names from the beginning of `from`; `None` when they are no such names.
    pub(crate) fn decode(from: &mut OwnedBytes) -> Option<Self> {
        let ends = take_bytes(from)?;
        let (ends, rest) = ends.as_chunks::<4>();
        let text = String::from_utf8(take_bytes(from)?.to_vec()).ok()?;
        rest.is_empty().then(|| Self { text, ends: ends.iter().map(|end| u32::from_le_bytes(*end)).collect() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_out_again(
            numbers in prop::collection::vec(any::<u64>(), 0..200),
            shift in 0_u32..64,
            base in 0_u64..1_000_000,
        ) {
            let numbers: Vec<u64> = numbers.iter().map(|number| (number >> shift).saturating_add(base)).collect();
            let (least, greatest) = (numbers.iter().min().copied().unwrap_or(0), numbers.iter().max().copied().unwrap_or(0));
            let mut packer = Packed::of(numbers.len(), least, greatest);
            numbers.iter().for_each(|number| packer.push(*number));
            let packed = packer.finish();
            let mut written = Vec::new();
            packed.encode(&mut written);
            let read = Packed::decode(&mut OwnedBytes::new(written.clone())).unwrap();
            for (at, number) in (0..).zip(&numbers) {
                prop_assert_eq!((packed.get(at), read.get(at)), (*number, *number));
            }
            written.pop();
            prop_assert!(Packed::decode(&mut OwnedBytes::new(written)).is_none());
        }
    }

    #[test]
    fn names_are_found_by_ordinal_and_by_name() {
        let mut names = Names::default();
        ["", "ant", "bee", "bees", "ọjà"].iter().for_each(|name| names.push(name));
        for (ordinal, name) in ["", "ant", "bee", "bees", "ọjà"].into_iter().enumerate() {
            assert_eq!((names.get(ordinal), names.ordinal(name)), (name, Some(ordinal)));
        }
        assert_eq!((names.ordinal("be"), names.ordinal("z"), names.get(9)), (None, None, ""));
    }
}
