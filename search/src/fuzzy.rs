//! An automaton that accepts what is spelt nearly like a word. It walks a term dictionary; it never loads one.
//!
//! Distance counts letters inserted, dropped, changed, or swapped with their neighbour (optimal string alignment), over
//! UTF-8 bytes: terms are folded to ASCII where that is possible, so bytes are letters.

use tantivy_fst::Automaton;

/// Longest word, in bytes, for which near spellings are looked for.
const WORD_BYTES_MAX: usize = 40;
/// More than any distance that is asked for.
const FAR: u8 = u8::MAX / 2;

/// What has to be right whatever the distance, and what may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The first letter is right: people seldom miss it, and insisting on it keeps most of a dictionary out.
    SameFirstLetter,
    /// Anything may be wrong.
    AnyLetter,
    /// The first letter is right, and more letters may follow: the word is still being typed.
    Beginning,
}

/// Accepts every byte string within `distance_max` of `word`.
#[derive(Clone)]
pub(crate) struct NearSpelling {
    word: Vec<u8>,
    distance_max: u8,
    reach: Reach,
}

impl NearSpelling {
    /// `None` when the word is empty or too long.
    pub(crate) fn new(word: &str, distance_max: u8, reach: Reach) -> Option<Self> {
        let word = word.as_bytes().to_vec();
        (1..=WORD_BYTES_MAX).contains(&word.len()).then_some(Self { word, distance_max, reach })
    }

    /// The distance of a string that was accepted: for a beginning, that of the nearest beginning of it.
    pub(crate) fn distance(&self, other: &[u8]) -> u8 {
        let state = other.iter().fold(self.start(), |state, byte| self.accept(&state, *byte));
        self.reached(&state)
    }

    fn reached(&self, state: &Rows) -> u8 {
        match self.reach {
            Reach::SameFirstLetter | Reach::AnyLetter => state.row[self.word.len()],
            Reach::Beginning => state.best,
        }
    }
}

/// The last two rows of the distance table, the byte between them, and the best that any beginning has reached.
#[derive(Clone)]
pub(crate) struct Rows {
    row: [u8; WORD_BYTES_MAX + 1],
    before: [u8; WORD_BYTES_MAX + 1],
    last: Option<u8>,
    is_first: bool,
    best: u8,
}

impl Automaton for NearSpelling {
    type State = Rows;

    fn start(&self) -> Rows {
        let mut row = [FAR; WORD_BYTES_MAX + 1];
        for (index, cell) in row.iter_mut().take(self.word.len() + 1).enumerate() {
            *cell = index as u8;
        }
        Rows { row, before: [FAR; WORD_BYTES_MAX + 1], last: None, is_first: true, best: row[self.word.len()] }
    }

    fn is_match(&self, state: &Rows) -> bool {
        self.reached(state) <= self.distance_max
    }

    fn can_match(&self, state: &Rows) -> bool {
        self.is_match(state) || state.row[..=self.word.len()].iter().any(|distance| *distance <= self.distance_max)
    }

    fn accept(&self, state: &Rows, byte: u8) -> Rows {
        let mut next = Rows {
            row: [FAR; WORD_BYTES_MAX + 1],
            before: state.row,
            last: Some(byte),
            is_first: false,
            best: state.best,
        };
        if state.is_first && self.reach != Reach::AnyLetter && self.word[0] != byte {
            next.before = next.row;
            return next;
        }
        next.row[0] = state.row[0].saturating_add(1);
        for (index, expected) in self.word.iter().enumerate() {
            let changed = state.row[index].saturating_add(u8::from(*expected != byte));
            let dropped = next.row[index].saturating_add(1);
            let inserted = state.row[index + 1].saturating_add(1);
            let mut best = changed.min(dropped).min(inserted);
            if index > 0 && state.last == Some(*expected) && self.word[index - 1] == byte {
                best = best.min(state.before[index - 1].saturating_add(1));
            }
            next.row[index + 1] = best.min(FAR);
        }
        next.best = state.best.min(next.row[self.word.len()]);
        next
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn accepts(word: &str, other: &str, distance: u8) -> bool {
        reaches(word, other, distance, Reach::SameFirstLetter)
    }

    fn reaches(word: &str, other: &str, distance: u8, reach: Reach) -> bool {
        let automaton = NearSpelling::new(word, distance, reach).unwrap();
        let end = other.bytes().fold(automaton.start(), |state, byte| automaton.accept(&state, byte));
        automaton.is_match(&end)
    }

    /// Optimal string alignment, by the book.
    fn distance(a: &[u8], b: &[u8]) -> usize {
        let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
        for i in 0..=a.len() {
            for j in 0..=b.len() {
                table[i][j] = if i == 0 || j == 0 {
                    i + j
                } else {
                    let changed = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                    let mut best = changed.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                    if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                        best = best.min(table[i - 2][j - 2] + 1);
                    }
                    best
                };
            }
        }
        table[a.len()][b.len()]
    }

    proptest! {
        #[test]
        fn near_spellings_are_those_of_the_distance_table(word in "[a-d]{1,9}", other in "[a-d]{1,11}", slips in 0_u8..3) {
            let near = distance(word.as_bytes(), other.as_bytes()) <= usize::from(slips);
            let same_start = word.as_bytes()[0] == other.as_bytes()[0];
            prop_assert_eq!(accepts(&word, &other, slips), near && same_start);
            prop_assert_eq!(reaches(&word, &other, slips, Reach::AnyLetter), near);
            let slips = slips.min(word.len() as u8 - 1);
            let begins_near = (1..=other.len())
                .any(|end| distance(word.as_bytes(), &other.as_bytes()[..end]) <= usize::from(slips));
            prop_assert_eq!(reaches(&word, &other, slips, Reach::Beginning), begins_near && same_start);
        }
    }

    #[test]
    fn common_slips_are_one_step_away() {
        for slip in ["notebok", "noteboook", "notebpok", "notebokok", "ntoebook", "notebook"] {
            assert!(accepts("notebook", slip, 1), "{slip}");
        }
        assert!(!accepts("notebook", "ntebok", 1));
        assert!(accepts("notebook", "ntebok", 2));
    }

    #[test]
    fn the_first_letter_has_to_be_right_unless_said_otherwise() {
        assert!(!accepts("laptop", "kaptop", 2));
        assert!(reaches("laptop", "kaptop", 1, Reach::AnyLetter));
        assert!(reaches("hedp", "headphones", 1, Reach::Beginning));
        assert!(accepts("laptop", "lapotp", 1));
    }
}
