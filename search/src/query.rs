//! What a shopper's line of text asks for: words, "phrases" and -exclusions. It knows no index and refuses nothing.
//!
//! - Words between quotes have to stand next to one another; a quote that is not closed yet lasts to the end.
//! - A `-` before a word or a quote, after a space, excludes it.
//! - A quotation mark after a digit is an inch sign, unless it closes a quote.
//!
//! Everything else is text.

use crate::analysis::{QueryWord, Speller, is_inch_sign};

/// Most words of a query that are searched for, and most parts of words between punctuation.
pub(crate) const WORDS_MAX: usize = 16;
pub(crate) const PARTS_MAX: usize = 32;
/// Most words of one phrase; what follows counts as words.
pub(crate) const PHRASE_WORDS_MAX: usize = 8;

/// Something that a product has to have, or must not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Clause {
    Word(QueryWord),
    /// Two words or more, next to one another.
    Phrase(Vec<QueryWord>),
}

impl Clause {
    pub(crate) fn words(&self) -> &[QueryWord] {
        match self {
            Self::Word(word) => std::slice::from_ref(word),
            Self::Phrase(words) => words,
        }
    }
}

/// A query, understood.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) wanted: Vec<Clause>,
    pub(crate) unwanted: Vec<Clause>,
}

/// A stretch of the query.
struct Stretch {
    start: usize,
    end: usize,
    is_phrase: bool,
    is_unwanted: bool,
}

/// Understands a query. Nothing but operators gives an empty one.
pub(crate) fn parse(text: &str, speller: &mut Speller) -> Parsed {
    let mut parsed = Parsed::default();
    let (mut words_left, mut parts_left) = (WORDS_MAX, PARTS_MAX);
    for stretch in stretches(text) {
        let mut words = speller.words(&text[stretch.start..stretch.end], stretch.start);
        words.truncate(words_left);
        for word in &mut words {
            // What is cut off a word of dozens of parts would not tell it from others.
            word.parts.truncate(parts_left);
            parts_left -= word.parts.len();
        }
        words.retain(|word| !word.parts.is_empty());
        words_left -= words.len();
        let list = if stretch.is_unwanted { &mut parsed.unwanted } else { &mut parsed.wanted };
        if stretch.is_phrase && words.len() > 1 {
            let rest = words.split_off(words.len().min(PHRASE_WORDS_MAX));
            list.push(Clause::Phrase(words));
            words = rest;
        }
        // `-t-shirt` excludes one thing, though it has two parts.
        list.extend(words.into_iter().map(Clause::Word));
    }
    let says_nothing = |clause: &Clause| matches!(clause, Clause::Word(word) if word.is_stop_word);
    if parsed.wanted.iter().any(|clause| !says_nothing(clause)) {
        parsed.wanted.retain(|clause| !says_nothing(clause));
    }
    parsed
}

fn stretches(text: &str) -> Vec<Stretch> {
    let characters: Vec<(usize, char)> = text.char_indices().collect();
    let character = |index: usize| characters.get(index).map(|(_, character)| *character);
    let offset = |index: usize| characters.get(index).map_or(text.len(), |(at, _)| *at);
    let mut stretches = Vec::new();
    let (mut next, mut plain_from) = (0, 0);
    while let Some(current) = character(next) {
        let before = next.checked_sub(1).and_then(character);
        let minus = current == '-' && before.is_none_or(char::is_whitespace);
        let at = next + usize::from(minus);
        let Some(first) = character(at) else { break };
        if opens_phrase(first, at.checked_sub(1).and_then(character)) {
            let end = phrase_end(&characters, at + 1);
            stretches.push(plain(offset(plain_from), offset(next)));
            stretches.push(Stretch { start: offset(at + 1), end: offset(end), is_phrase: true, is_unwanted: minus });
            (next, plain_from) = (end + 1, end + 1);
        } else if minus && first.is_alphanumeric() {
            let length = characters[at..].iter().take_while(|(_, c)| !c.is_whitespace() && !c.is_control()).count();
            stretches.push(plain(offset(plain_from), offset(next)));
            let (start, end) = (offset(at), offset(at + length));
            stretches.push(Stretch { start, end, is_phrase: false, is_unwanted: true });
            (next, plain_from) = (at + length, at + length);
        } else {
            next = at + 1;
        }
    }
    stretches.push(plain(offset(plain_from), text.len()));
    stretches.retain(|stretch| stretch.start < stretch.end);
    stretches
}

fn plain(start: usize, end: usize) -> Stretch {
    Stretch { start, end, is_phrase: false, is_unwanted: false }
}

fn is_quote(character: char) -> bool {
    matches!(character, '"' | '“' | '”' | '„' | '«' | '»')
}

fn opens_phrase(character: char, before: Option<char>) -> bool {
    let after_digit = before.is_some_and(|before| before.is_ascii_digit());
    is_quote(character) && !(is_inch_sign(character) && after_digit)
}

/// Where a phrase that begins at `from` ends: at its closing quote, or at the end.
fn phrase_end(characters: &[(usize, char)], from: usize) -> usize {
    let mut index = from;
    while let Some((_, character)) = characters.get(index) {
        let after_digit = index > from && characters[index - 1].1.is_ascii_digit();
        let is_inch = is_inch_sign(*character) && after_digit && quote_closes_later(characters, index + 1);
        if is_quote(*character) && !is_inch {
            return index;
        }
        index += 1;
    }
    index
}

/// Whether the next quote could close a phrase, rather than open another.
fn quote_closes_later(characters: &[(usize, char)], from: usize) -> bool {
    let next = (from..characters.len()).find(|index| is_quote(characters[*index].1));
    next.is_some_and(|index| !matches!(characters[index - 1].1, ' ' | '\t' | '-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Words as typed; phrases in brackets, exclusions after a minus.
    fn read(text: &str) -> String {
        let parsed = parse(text, &mut Speller::new());
        let show = |clause: &Clause| {
            let words: Vec<String> = clause.words().iter().map(|word| word.parts.join("+")).collect();
            match clause {
                Clause::Word(_) => words.concat(),
                Clause::Phrase(_) => format!("[{}]", words.join(" ")),
            }
        };
        let wanted = parsed.wanted.iter().map(show);
        wanted.chain(parsed.unwanted.iter().map(|clause| format!("-{}", show(clause)))).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn quotes_minus_and_inches_are_told_apart() {
        for (typed, meant) in [
            ("red mat", "red mat"),
            ("\"red mat\" door", "[red mat] door"),
            ("“red mat” door", "[red mat] door"),
            ("red -mat -\"door bell\"", "red -mat -[door bell]"),
            ("monitor 15\" red", "monitor 15+inch red"),
            ("15\" monitor 17\" red", "15+inch monitor 17+inch red"),
            ("\"monitor 15\" red", "[monitor 15] red"),
            ("\"15\" monitor\" red", "[15+inch monitor] red"),
            ("\"hp 15\" \"dell 17\"", "[hp 15] [dell 17]"),
            ("\"red mat", "[red mat]"),
            ("red \"mat", "red mat"),
            ("red mat\"", "red mat"),
            ("-red", "-red"),
            ("- red", "red"),
            ("t-shirt -t-shirt", "t+shirt -t+shirt"),
            ("dv7-12", "dv7+12"),
            ("the mat", "mat"),
            ("\"the mat\"", "[the mat]"),
            ("--red -- \"\" -\"\" -", "red"),
        ] {
            assert_eq!(read(typed), meant, "{typed}");
        }
    }

    #[test]
    fn small_words_count_only_when_there_is_nothing_else() {
        assert_eq!(read("bag for the bags"), "bag bag");
        assert_eq!(read("the"), "the");
        assert_eq!(read("the -bag"), "the -bag");
    }

    #[test]
    fn words_know_where_they_stand() {
        let text = "ọjà \"red  Cafetières\" -15\" 4 GB";
        let parsed = parse(text, &mut Speller::new());
        let words = parsed.wanted.iter().chain(&parsed.unwanted).flat_map(Clause::words);
        let typed: Vec<&str> = words.map(|word| &text[word.range.clone()]).collect();
        assert_eq!(typed, ["ọjà", "red", "Cafetières", "4 GB", "15\""]);
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_understood_within_the_limits(
            text in prop_oneof!["\\PC{0,80}", ".{0,80}", "[-\"“” 1a.]{0,80}", "([a-z]{1,3}[-. ]){0,128}", "(\"|-|-\"|15\"|red|[0-9]{1,2}|gb| ){0,60}"],
        ) {
            let parsed = parse(&text, &mut Speller::new());
            let clauses: Vec<&Clause> = parsed.wanted.iter().chain(&parsed.unwanted).collect();
            let words: Vec<&QueryWord> = clauses.iter().flat_map(|clause| clause.words()).collect();
            prop_assert!(words.len() <= WORDS_MAX);
            prop_assert!(words.iter().map(|word| word.parts.len()).sum::<usize>() <= PARTS_MAX);
            prop_assert!(clauses.iter().all(|clause| clause.words().len() <= PHRASE_WORDS_MAX));
            for word in words {
                prop_assert!(text.get(word.range.clone()).is_some_and(|typed| !typed.is_empty()));
            }
        }
    }
}
