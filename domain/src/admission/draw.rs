//! The draw: from a secret and a list of people to an order, in a way that anybody can repeat.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::ids::PersonId;

/// Rounds of the shuffle. Each swaps every place with its partner or does not; after this many, any order is as likely as any other
/// for all that can be told, for lists of up to four thousand million.
const ROUNDS: u8 = 90;

/// 32 bytes, as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Digest32([u8; 32]);

/// What is chosen at random before anybody joins, and told at the draw.
pub type Secret = Digest32;

impl Digest32 {
    /// These bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// SHA-256 of the parts, one after the other.
    fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        parts.iter().for_each(|part| hash.update(part));
        Self(hash.finalize().into())
    }

    /// The list's digest with one more person at its end.
    #[must_use]
    pub fn and(self, person_id: PersonId) -> Self {
        Self::of(&[&self.0, person_id.0.as_bytes()])
    }
}

impl fmt::Display for Digest32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest32 {
    /// Only its beginning: it may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", hex::encode(&self.0[..2]))
    }
}

impl Serialize for Digest32 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest32 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut bytes = [0; 32];
        let text = String::deserialize(deserializer)?;
        hex::decode_to_slice(text, &mut bytes).map_err(serde::de::Error::custom)?;
        Ok(Self(bytes))
    }
}

/// SHA-256 of the secret, published before anybody joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Commitment(Digest32);

impl Commitment {
    /// The commitment to `secret`.
    pub fn to(secret: Secret) -> Self {
        Self(Digest32::of(&[&secret.0]))
    }
}

impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An order that was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draw {
    /// What was committed to.
    secret: Secret,
    /// Digest of the list: from 32 zero bytes on, each person's id of 16 bytes is put behind the digest so far, and digested with it.
    entries: Digest32,
    /// How many are on the list.
    entries_count: u32,
    /// SHA-256 of secret, list's digest and count (four bytes, least first).
    seed: Digest32,
}

impl Draw {
    /// The draw of those `entries_count` who joined, in the order that `entries` digests.
    pub fn new(secret: Secret, entries: Digest32, entries_count: u32) -> Self {
        let seed = Digest32::of(&[&secret.0, &entries.0, &entries_count.to_le_bytes()]);
        Self { secret, entries, entries_count, seed }
    }

    /// What was committed to.
    pub const fn secret(&self) -> Secret {
        self.secret
    }

    /// Digest of the list.
    pub const fn entries(&self) -> Digest32 {
        self.entries
    }

    /// What the order follows from.
    pub const fn seed(&self) -> Digest32 {
        self.seed
    }

    /// How many are on the list.
    pub const fn entries_count(&self) -> u32 {
        self.entries_count
    }

    /// Whether it is the draw that was promised, of this list.
    pub fn is_of(&self, commitment: Commitment, people: impl IntoIterator<Item = PersonId>) -> bool {
        let (mut entries, mut count) = (Digest32::default(), 0);
        for person_id in people {
            entries = entries.and(person_id);
            count += 1;
        }
        Commitment::to(self.secret) == commitment && *self == Self::new(self.secret, entries, count)
    }

    /// The place, counted from 0, of the one with this number. Numbers beyond the list keep theirs.
    ///
    /// In each round, with `pivot` the first eight bytes (least first) of SHA-256(seed, round) modulo the count, a place and its partner
    /// (`pivot − place`, modulo the count) are swapped if a bit says so: bit `max(place, partner) mod 256` of SHA-256(seed, round,
    /// `max / 256` as four bytes, least first), counted from the least bit of the first byte.
    pub fn place(&self, number: u32) -> u32 {
        let count = u64::from(self.entries_count);
        if u64::from(number) >= count {
            return number;
        }
        let mut place = u64::from(number);
        for round in 0..ROUNDS {
            let of_round = Digest32::of(&[&self.seed.0, &[round]]);
            let mut first = [0; 8];
            first.copy_from_slice(&of_round.0[..8]);
            let pivot = u64::from_le_bytes(first) % count;
            let partner = (pivot + count - place) % count;
            let greater = place.max(partner);
            let block = u32::try_from(greater / 256).unwrap_or(u32::MAX).to_le_bytes();
            let bits = Digest32::of(&[&self.seed.0, &[round], &block]);
            let bit = usize::try_from(greater % 256).unwrap_or(0);
            if (bits.0[bit / 8] >> (bit % 8)) & 1 == 1 {
                place = partner;
            }
        }
        u32::try_from(place).unwrap_or(number)
    }
}
