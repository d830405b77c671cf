//! Plurals that no rule makes: `mice` is one word with `mouse`. It knows the ones that a shop meets, in English, and not those that
//! stemming knows already. Both what is indexed and what is asked for go through it.

/// A plural, or the possessive that is written like one, and its singular.
const PLURALS: &[(&str, &str)] = &[
    ("buses", "bus"),
    ("calves", "calf"),
    ("canvases", "canvas"),
    ("children", "child"),
    ("childrens", "child"),
    ("elves", "elf"),
    ("feet", "foot"),
    ("geese", "goose"),
    ("halves", "half"),
    ("hooves", "hoof"),
    ("knives", "knife"),
    ("leaves", "leaf"),
    ("lenses", "lens"),
    ("loaves", "loaf"),
    ("men", "man"),
    ("mens", "man"),
    ("mice", "mouse"),
    ("people", "person"),
    ("scarves", "scarf"),
    ("shelves", "shelf"),
    ("teeth", "tooth"),
    ("wives", "wife"),
    ("wolves", "wolf"),
    ("women", "woman"),
    ("womens", "woman"),
];

/// The singular under which an irregular plural is indexed; `None` for every other word. Lower case, without accents.
pub(crate) fn singular(word: &str) -> Option<&'static str> {
    PLURALS.binary_search_by(|(plural, _)| (*plural).cmp(word)).ok().map(|at| PLURALS[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Speller;
    use crate::spelling::american;

    #[test]
    fn plurals_are_in_order_and_none_is_made_of_another() {
        assert!(PLURALS.is_sorted());
        for (plural, one) in PLURALS {
            assert_eq!(singular(plural), Some(*one));
            assert_eq!((singular(one), american(one)), (None, None), "{one} is changed again");
        }
    }

    #[test]
    fn every_plural_is_one_word_with_its_singular_and_needs_to_be_here() {
        let mut speller = Speller::new();
        for (plural, one) in PLURALS {
            assert_eq!(speller.term(plural), speller.term(one), "{plural}");
            assert_ne!(stem(plural), stem(one), "stemming knows {plural}");
        }
        for (plural, one) in [("boxes", "box"), ("glasses", "glass"), ("batteries", "battery"), ("watches", "watch")] {
            assert_eq!(speller.term(plural), speller.term(one), "{plural}");
        }
    }

    /// What stemming alone makes of a word.
    fn stem(word: &str) -> String {
        use tantivy::tokenizer::{Language, RawTokenizer, Stemmer, TextAnalyzer};
        let mut analyser =
            TextAnalyzer::builder(RawTokenizer::default()).filter(Stemmer::new(Language::English)).build();
        let mut stream = analyser.token_stream(word);
        stream.advance();
        stream.token().text.clone()
    }
}
