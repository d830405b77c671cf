//! Where in a title the words of a query stand. Titles go through the analyser that indexed them, so marks agree with
//! matching. It marks; it never changes a title.

use std::collections::HashSet;
use std::ops::Range;

use tantivy::tokenizer::{TextAnalyzer, TokenStream as _};

use crate::analysis::{self, Speller};

/// What is marked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks {
    /// Whole words, as terms.
    pub(crate) terms: HashSet<String>,
    /// Beginnings of words, folded, as typed.
    pub(crate) beginnings: Vec<String>,
}

/// Marks titles, one after the other.
pub(crate) struct Marker<'a> {
    marks: &'a Marks,
    analyser: TextAnalyzer,
    speller: Speller,
}

impl<'a> Marker<'a> {
    pub(crate) fn new(marks: &'a Marks) -> Self {
        Self { marks, analyser: analysis::analyser(), speller: Speller::new() }
    }

    /// Byte ranges of `title`, in order, apart from one another, each within characters' boundaries.
    pub(crate) fn mark(&mut self, title: &str) -> Vec<Range<usize>> {
        let mut marks: Vec<Range<usize>> = Vec::new();
        if !self.marks.terms.is_empty() {
            let mut stream = self.analyser.token_stream(title);
            while stream.advance() {
                let token = stream.token();
                if self.marks.terms.contains(&token.text) {
                    marks.push(token.offset_from..token.offset_to);
                }
            }
        }
        if !self.marks.beginnings.is_empty() {
            for (word, range) in analysis::parts(title) {
                let folded = self.speller.fold(&word);
                let longest = self.marks.beginnings.iter().filter(|beginning| folded.starts_with(beginning.as_str()));
                if let Some(beginning) = longest.max_by_key(|beginning| beginning.len()) {
                    let end = range.start + self.length_of(&title[range.clone()], beginning.len());
                    marks.push(range.start..end);
                }
            }
        }
        merged(title, marks)
    }

    /// How many bytes of `written` fold to at least `folded_bytes` bytes.
    fn length_of(&mut self, written: &str, folded_bytes: usize) -> usize {
        let mut folded = 0;
        let mut buffer = [0; 4];
        for (at, character) in written.char_indices() {
            if analysis::is_combining_mark(character) {
                continue;
            }
            if folded >= folded_bytes {
                return at;
            }
            let lower: String = character.encode_utf8(&mut buffer).to_lowercase();
            folded += self.speller.fold(&lower).len();
        }
        written.len()
    }
}

fn merged(title: &str, mut marks: Vec<Range<usize>>) -> Vec<Range<usize>> {
    for mark in &mut marks {
        // A number and its unit are cut by counting digits; marks that combine with them are not counted.
        while !title.is_char_boundary(mark.start) {
            mark.start -= 1;
        }
        while !title.is_char_boundary(mark.end) {
            mark.end += 1;
        }
    }
    marks.sort_by_key(|mark| (mark.start, mark.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for mark in marks {
        match merged.last_mut() {
            Some(last) if mark.start <= last.end => last.end = last.end.max(mark.end),
            Some(_) | None => merged.push(mark),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marked(terms: &[&str], beginnings: &[&str], title: &str) -> String {
        let marks = Marks {
            terms: terms.iter().map(|term| (*term).to_owned()).collect(),
            beginnings: beginnings.iter().map(|beginning| (*beginning).to_owned()).collect(),
        };
        let mut shown = title.to_owned();
        for mark in Marker::new(&marks).mark(title).into_iter().rev() {
            shown.insert(mark.end, ']');
            shown.insert(mark.start, '[');
        }
        shown
    }

    #[test]
    fn words_and_beginnings_are_marked_where_they_stand() {
        assert_eq!(marked(&["printer"], &[], "Laser PRINTERS, red"), "Laser [PRINTERS], red");
        assert_eq!(marked(&["dv71211ea"], &[], "HP dv7-1211ea 17\""), "HP [dv7-1211ea] 17\"");
        assert_eq!(marked(&["15inch"], &[], "a 15\" b 15 inch c 15in."), "a [15\"] b [15 inch] c [15in].");
        assert_eq!(marked(&["gb"], &[], "4GB and 4 GB"), "4[GB] and 4 [GB]");
        assert_eq!(marked(&[], &["caf"], "Cafetière ca\u{301}fé café"), "[Caf]etière [ca\u{301}f]é [caf]é");
        assert_eq!(marked(&["cafetier"], &["caf"], "Cafetière"), "[Cafetière]");
        assert_eq!(marked(&["color"], &[], "Colour of colors"), "[Colour] of [colors]");
        assert_eq!(marked(&[], &[], "nothing"), "nothing");
    }

    proptest! {
        #[test]
        fn marks_are_in_order_and_between_characters(title in "(\\PC|[0-9]|gb|\"|\u{301}|\u{200b}|ß|İ){0,40}", beginning in "[a-z0-9]{1,2}") {
            let every: HashSet<String> = analysis::parts(&title).into_iter().map(|(word, _)| word).collect();
            let marks = Marks { terms: every.into_iter().chain(["gb".to_owned()]).collect(), beginnings: vec![beginning] };
            let found = Marker::new(&marks).mark(&title);
            prop_assert!(found.windows(2).all(|pair| pair[0].end < pair[1].start));
            for mark in found {
                prop_assert!(title.get(mark.clone()).is_some_and(|text| !text.is_empty()), "{title:?} {mark:?}");
            }
        }
    }
}
