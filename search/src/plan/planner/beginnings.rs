//! Words, model numbers and codes of which only the beginning was typed, so far or at all. It forgives no slips.

use tantivy::Term;

use super::{DIGITS_AMONG_WORDS_MIN, NEAR_TIMES_RARER_MAX, Planner};
use crate::analysis::QueryWord;
use crate::lexicon::Near;
use crate::rare::{self, Beginnings};
use crate::ways::{Group, Matcher, Way, Worth};

/// Most terms for a word that is still being typed, and most codes.
const PREFIX_TERMS_MAX: usize = 24;
/// Shortest beginning, in characters, of a code, or that an unknown word is taken for once it was sent.
const BEGINNING_CHARS_MIN: usize = 3;
/// Most words that may be one code, cut by spaces.
const CODE_WORDS_MAX: usize = 3;

impl Planner<'_> {
    /// The catalogue's words that begin like the one being typed, and its codes if `with_codes` says so.
    pub(super) fn add_beginning(
        &mut self,
        word: &QueryWord,
        with_codes: bool,
        group: &mut Group,
    ) -> tantivy::Result<()> {
        let (lexicon, weights) = (self.lexicon, self.weights);
        // Model numbers are among the words in one piece.
        let beginning = word.plain_parts.concat();
        let (mut any, mut titles, mut codes) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(term) = lexicon.beginning(&beginning)? {
            any.push(term);
        } else {
            let found = self.beginning_with(&beginning, with_codes)?;
            for term in found.terms {
                any.push(lexicon.all.term(&term));
                if lexicon.title.frequency(&term)? > 0 {
                    titles.push(lexicon.title.term(&term));
                }
            }
            codes.extend(found.codes.iter().map(|code| lexicon.code.term(code)));
        }
        if !any.is_empty()
            && let Some((last, whole)) = word.plain_parts.split_last()
        {
            self.plan.marks.beginnings.push(last.clone());
            self.plan.marks.terms.extend(whole.iter().map(|part| self.speller.term(part)));
        }
        for terms in [any, codes.clone()].into_iter().filter(|terms| !terms.is_empty()) {
            group.add(Matcher::Any(terms), Worth::Flat(weights.prefix));
        }
        // What a product is called by counts as much as what its title says.
        for terms in [titles, codes].into_iter().filter(|terms| !terms.is_empty() && weights.prefix_title > 0.0) {
            group.lifts.push(Way { matcher: Matcher::Any(terms), worth: Worth::Flat(weights.prefix_title) });
        }
        Ok(())
    }

    /// The words together as the beginning of one code: `clp m6` on the way to `CLP-M600A`.
    pub(super) fn find_code_beginning(&mut self, words: &[&QueryWord]) -> tantivy::Result<()> {
        let is_cut = (2..=CODE_WORDS_MAX).contains(&words.len()) && !words.iter().any(|word| word.is_measure);
        let beginning: String = words.iter().map(|word| word.plain_parts.concat()).collect();
        if !is_cut || !rare::has_digit(&beginning) || !is_long_enough(&beginning) {
            return Ok(());
        }
        // Also when there is such a code: until its page is at hand, there seems to be.
        let found = self.beginning_with(&beginning, true)?;
        let terms: Vec<Term> = found.terms.iter().map(|term| self.lexicon.all.term(term)).collect();
        let codes = found.codes.iter().map(|code| self.lexicon.code.term(code));
        let any: Vec<Term> = terms.into_iter().chain(codes).collect();
        if !any.is_empty() && self.plan.code.is_none() {
            self.plan.code = Some(Way { matcher: Matcher::Any(any), worth: Worth::Flat(self.weights.prefix) });
        }
        Ok(())
    }

    fn beginning_with(&mut self, beginning: &str, with_codes: bool) -> tantivy::Result<Beginnings> {
        let terms_max = PREFIX_TERMS_MAX.min(self.expansions_left);
        let mut found = self.lexicon.beginning_with(beginning, with_codes, terms_max, &mut self.speller)?;
        self.expansions_left -= found.terms.len().min(self.expansions_left);
        found.codes.truncate(self.expansions_left);
        self.expansions_left -= found.codes.len();
        Ok(found)
    }

    /// Whether an unknown word is half-typed, rather than mistyped. A model number or a code that begins so is never taken for something
    /// else. Of a word that was sent, known words begin so, and none that is spelt nearly like it is much commoner; one that lacks
    /// its end only is put right, and told.
    pub(super) fn is_beginning(
        &mut self,
        word: &QueryWord,
        near: Option<&Near>,
        being_typed: bool,
    ) -> tantivy::Result<bool> {
        let typed = word.plain_parts.concat();
        // While it is typed, words that begin so have been looked for, and numbers too if it looks like one.
        if typed.chars().count() < BEGINNING_CHARS_MIN || (being_typed && may_begin_code(word)) {
            return Ok(false);
        }
        let found = self.lexicon.beginning_with(&typed, true, 1, &mut self.speller)?;
        let Some(commonest) = found.terms.first() else { return Ok(!found.codes.is_empty()) };
        if !found.codes.is_empty() || rare::has_digit(commonest) {
            return Ok(true);
        }
        if being_typed || near.is_some_and(|near| near.written.starts_with(&typed)) {
            return Ok(false);
        }
        let products = self.lexicon.all.frequency(commonest)?;
        Ok(near.is_none_or(|near| near.products / NEAR_TIMES_RARER_MAX <= products))
    }

    /// Whether a word is cut by punctuation like a model number, and is none in one piece: `dv7-12` of `dv7-1211ea`. Its parts may
    /// well be known, each by itself.
    pub(super) fn is_half_a_model(&self, word: &QueryWord) -> tantivy::Result<bool> {
        let Some(whole) = word.whole.as_deref().filter(|_| !word.is_measure) else { return Ok(false) };
        let has_letter = word.plain_parts.iter().any(|part| part.contains(char::is_alphabetic));
        Ok(has_letter && may_begin_code(word) && self.lexicon.all.frequency(whole)? == 0)
    }
}

/// Whether codes may begin so: by its digits, or because punctuation cuts it.
pub(super) fn may_begin_code(word: &QueryWord) -> bool {
    let beginning = word.plain_parts.concat();
    let looks_so = word.plain_parts.len() > 1 || rare::has_digit(&beginning);
    looks_so && !word.is_measure && is_long_enough(&beginning)
}

/// A few digits alone are as often a number of something.
fn is_long_enough(beginning: &str) -> bool {
    let is_number = beginning.bytes().all(|byte| byte.is_ascii_digit());
    beginning.chars().count() >= if is_number { DIGITS_AMONG_WORDS_MIN } else { BEGINNING_CHARS_MIN }
}
