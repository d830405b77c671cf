//! The dictionaries of the fields that are searched: which words there are, how common, and which are spelt alike. They
//! are in memory once the index is open; postings are never read here.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use tantivy::schema::Field;
use tantivy::{InvertedIndexReader, Searcher, Term};

use crate::analysis::{self, Speller};
use crate::fuzzy::{NearSpelling, Reach};
use crate::rare::{self, Beginnings, Places, RareFile, RarePostings, RareTerms};
use crate::schema::Fields;

/// Most dictionary entries looked at for one beginning of a word.
const BEGINNING_SEEN_MAX: usize = 4_000;
/// Most codes of the dictionary looked at for one beginning.
const CODES_SEEN_MAX: usize = 100;
/// Most near spellings looked at for one word.
const NEAR_SEEN_MAX: usize = 1_000;
/// Most words looked at to find how people write a term.
const WRITTEN_SEEN_MAX: usize = 200;
/// Shortest words, in characters, for which one or two slips are forgiven.
const ONE_SLIP_CHARS_MIN: usize = 4;
const TWO_SLIPS_CHARS_MIN: usize = 8;
/// Shortest parts, in characters, that a word written as one is cut into.
const SPLIT_CHARS_MIN: usize = 3;

/// The dictionaries.
pub(crate) struct Lexicon {
    pub(crate) all: Terms,
    pub(crate) title: Terms,
    pub(crate) text: Terms,
    pub(crate) maker: Terms,
    pub(crate) kind: Terms,
    pub(crate) code: Terms,
    words: Terms,
    beginnings: Terms,
    rare: Rc<RareTerms>,
    /// Products in all.
    pub(crate) products: u64,
}

/// A word that is spelt nearly like another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Near {
    /// As people write it.
    pub(crate) written: String,
    /// As it is indexed.
    pub(crate) term: String,
    /// Letters that differ.
    pub(crate) slips: u8,
    /// Products that have it.
    pub(crate) products: u64,
}

impl Lexicon {
    pub(crate) fn new(searcher: &Searcher, fields: &Fields, rare: Option<Arc<RareFile>>) -> tantivy::Result<Self> {
        let rare = Rc::new(RareTerms::of(rare));
        let terms = |field: Field| -> tantivy::Result<Terms> {
            let readers = searcher.segment_readers().iter().map(|segment| segment.inverted_index(field));
            Ok(Terms {
                field,
                segments: readers.collect::<tantivy::Result<_>>()?,
                rare: rare.clone(),
                places: fields.places(field),
            })
        };
        Ok(Self {
            all: terms(fields.all)?,
            title: terms(fields.title)?,
            text: terms(fields.text)?,
            maker: terms(fields.maker)?,
            kind: terms(fields.kind)?,
            code: terms(fields.code)?,
            words: terms(fields.words)?,
            beginnings: terms(fields.beginnings)?,
            products: searcher.num_docs(),
            rare,
        })
    }

    /// Whether a word may only seem to be known, because what says so was not at hand.
    pub(crate) fn is_guess(&self, parts: &[String]) -> tantivy::Result<bool> {
        let mut is_sure = true;
        for part in parts {
            is_sure = is_sure && !rare::has_digit(part) && self.all.frequency(part)? > 0;
        }
        Ok(!is_sure && self.is_guessing())
    }

    /// Whether something was not at hand, so that the plan is going to be made again.
    pub(crate) fn is_guessing(&self) -> bool {
        self.rare.is_guessing()
    }

    /// What has been looked up among the rare terms.
    pub(crate) fn into_rare_postings(self) -> RarePostings {
        self.rare.to_postings()
    }

    /// The term for words that begin so, when the beginning is short enough to be one.
    pub(crate) fn beginning(&self, beginning: &str) -> tantivy::Result<Option<Term>> {
        let is_short = beginning.chars().count() <= analysis::BEGINNING_CHARS_MAX;
        Ok((is_short && self.beginnings.frequency(beginning)? > 0).then(|| self.beginnings.term(beginning)))
    }

    /// Terms that begin so, at most `terms_max`: of the commonest words of names, then model numbers, or if there are neither, any.
    /// And as many codes if `with_codes` says so. Model numbers are looked for when the beginning has a digit or with codes.
    pub(crate) fn beginning_with(
        &self,
        beginning: &str,
        with_codes: bool,
        terms_max: usize,
        speller: &mut Speller,
    ) -> tantivy::Result<Beginnings> {
        let mut terms: Vec<String> = Vec::new();
        for (word, _) in self.words.beginning_with(beginning, BEGINNING_SEEN_MAX)? {
            if terms.len() == terms_max {
                break;
            }
            let term = speller.term(&word);
            if !terms.contains(&term) && self.all.frequency(&term)? > 0 {
                terms.push(term);
            }
        }
        let codes_max = if with_codes { terms_max } else { 0 };
        let mut codes = Vec::new();
        // New products have their model numbers among the words: where there are only such, older ones may begin so too.
        let are_numbers = !terms.is_empty() && terms.iter().all(|term| rare::has_digit(term));
        if with_codes || are_numbers || rare::has_digit(beginning) {
            let rare = self.rare.beginning_with(beginning, terms_max - terms.len(), codes_max)?;
            terms.extend(rare.terms);
            codes = rare.codes;
        }
        if terms.is_empty() {
            let any = self.all.beginning_with(beginning, BEGINNING_SEEN_MAX)?;
            terms.extend(any.into_iter().take(terms_max).map(|(term, _)| term));
        }
        if codes.len() < codes_max {
            // Those that many products share, that have no digit, or that were added since.
            let others = self.code.beginning_with(beginning, CODES_SEEN_MAX)?.into_iter().map(|(code, _)| code);
            codes.extend(others.take(codes_max - codes.len()));
        }
        Ok(Beginnings { terms, codes })
    }

    /// Words spelt like an unknown one, likeliest first: one slip before two, common before rare, and a wrong first letter
    /// only when nothing else is near. `being_typed`: it may be the beginning of one.
    pub(crate) fn near(&self, word: &str, being_typed: bool, speller: &mut Speller) -> tantivy::Result<Vec<Near>> {
        let length = word.chars().count();
        // A number with one digit changed is another number.
        if length < ONE_SLIP_CHARS_MIN || analysis::is_number(word) {
            return Ok(Vec::new());
        }
        let stem = speller.term(word);
        // Of so few letters hardly anybody types one too many, unless twice the same: `lego` is no slip of `leg`.
        let may_be_shorter = length > ONE_SLIP_CHARS_MIN || word.as_bytes().windows(2).any(|pair| pair[0] == pair[1]);
        let is_long_enough = |other: &str| may_be_shorter || other.chars().count() >= length;
        for slips in 1..=if length < TWO_SLIPS_CHARS_MIN { 1 } else { 2 } {
            for reach in [Reach::SameFirstLetter, Reach::Beginning] {
                if reach == Reach::Beginning && !(being_typed && slips == 1) {
                    continue;
                }
                let mut near = self.words.near(word, slips, reach)?;
                near.retain(|(_, _, other)| is_long_enough(other));
                if !near.is_empty() {
                    return Ok(as_near(near, speller));
                }
            }
            let near = self.all.near(&stem, slips, Reach::SameFirstLetter)?;
            let mut written = Vec::new();
            for (slips, products, term) in near {
                let near = Near { written: self.written(&term, speller)?, term, slips, products };
                // Stems are nearer to one another than words: `barbie` is no slip of `baby`.
                if is_long_enough(&near.written) && is_spelt_nearly(word, &near.written, slips + 1) {
                    written.push(near);
                }
            }
            if !written.is_empty() {
                return Ok(written);
            }
        }
        let mut near = self.words.near(word, 1, Reach::AnyLetter)?;
        near.retain(|(_, _, other)| is_long_enough(other));
        Ok(as_near(near, speller))
    }

    /// A much commoner word of names that is one slip away from a known one.
    pub(crate) fn commoner(
        &self,
        word: &str,
        term: &str,
        products_min: u64,
        speller: &mut Speller,
    ) -> tantivy::Result<Option<Near>> {
        if word.chars().count() < ONE_SLIP_CHARS_MIN || !word.chars().all(char::is_alphabetic) {
            return Ok(None);
        }
        let near = as_near(self.words.near(word, 1, Reach::SameFirstLetter)?, speller);
        Ok(near.into_iter().find(|near| near.products >= products_min && near.term != term))
    }

    /// The two known words that a word written as one most probably is, and how many products have the rarer.
    pub(crate) fn split(&self, word: &str) -> tantivy::Result<Option<(String, String, u64)>> {
        if !word.chars().all(char::is_alphabetic) {
            return Ok(None);
        }
        let mut best: Option<(String, String, u64)> = None;
        for (at, _) in word.char_indices().skip(SPLIT_CHARS_MIN) {
            let (left, right) = word.split_at(at);
            if right.chars().count() < SPLIT_CHARS_MIN {
                break;
            }
            let rarer = self.words.frequency(left)?.min(self.words.frequency(right)?);
            if rarer > best.as_ref().map_or(0, |(_, _, rarer)| *rarer) {
                best = Some((left.to_owned(), right.to_owned(), rarer));
            }
        }
        Ok(best)
    }

    /// How people mostly write a term.
    fn written(&self, term: &str, speller: &mut Speller) -> tantivy::Result<String> {
        // Stemming changes a last `y` to `i`; everything else it does is cut off.
        let beginning = term.strip_suffix('i').filter(|rest| rest.len() > 2).unwrap_or(term);
        let written = self.words.beginning_with(beginning, WRITTEN_SEEN_MAX)?;
        let written = written.into_iter().map(|(word, _)| word).find(|word| speller.term(word) == term);
        Ok(written.unwrap_or_else(|| term.to_owned()))
    }
}

fn is_spelt_nearly(word: &str, other: &str, slips_max: u8) -> bool {
    NearSpelling::new(word, slips_max, Reach::AnyLetter)
        .is_none_or(|spelling| spelling.distance(other.as_bytes()) <= slips_max)
}

fn as_near(near: Vec<(u8, u64, String)>, speller: &mut Speller) -> Vec<Near> {
    let near = near.into_iter().map(|(slips, products, written)| {
        let term = speller.term(&written);
        Near { written, term, slips, products }
    });
    near.collect()
}

/// One field's dictionary, over all segments.
pub(crate) struct Terms {
    field: Field,
    segments: Vec<Arc<InvertedIndexReader>>,
    rare: Rc<RareTerms>,
    places: Places,
}

impl Terms {
    pub(crate) fn term(&self, text: &str) -> Term {
        Term::from_field_text(self.field, text)
    }

    /// Products that have the term.
    pub(crate) fn frequency(&self, term: &str) -> tantivy::Result<u64> {
        let mut frequency = 0;
        for segment in &self.segments {
            frequency += segment.terms().get(term)?.map_or(0, |info| u64::from(info.doc_freq));
        }
        if self.places == Places::default() {
            return Ok(frequency);
        }
        Ok(frequency + self.rare.frequency(term, self.places)?)
    }

    /// Of the first `seen_max` entries that begin so, each with its products, commonest first.
    fn beginning_with(&self, beginning: &str, seen_max: usize) -> tantivy::Result<Vec<(String, u64)>> {
        let mut found: BTreeMap<String, u64> = BTreeMap::new();
        for segment in &self.segments {
            let mut end = beginning.as_bytes().to_vec();
            end.push(u8::MAX);
            let mut stream = segment.terms().range().ge(beginning).lt(end).into_stream()?;
            let mut seen = 0;
            while seen < seen_max
                && let Some((term, info)) = stream.next()
            {
                seen += 1;
                if let Ok(term) = std::str::from_utf8(term) {
                    *found.entry(term.to_owned()).or_default() += u64::from(info.doc_freq);
                }
            }
        }
        let mut commonest: Vec<(String, u64)> = found.into_iter().collect();
        commonest.sort_by_key(|(_, products)| Reverse(*products));
        Ok(commonest)
    }

    /// Slips, products and spelling of what is near, nearest and then commonest first.
    fn near(&self, word: &str, slips: u8, reach: Reach) -> tantivy::Result<Vec<(u8, u64, String)>> {
        let Some(automaton) = NearSpelling::new(word, slips, reach) else { return Ok(Vec::new()) };
        let mut found: BTreeMap<String, (u8, u64)> = BTreeMap::new();
        for segment in &self.segments {
            let mut stream = segment.terms().search(automaton.clone()).into_stream()?;
            let mut seen = 0;
            while seen < NEAR_SEEN_MAX
                && let Some((term, info)) = stream.next()
            {
                seen += 1;
                if let Ok(text) = std::str::from_utf8(term) {
                    let entry = found.entry(text.to_owned()).or_insert_with(|| (automaton.distance(term), 0));
                    entry.1 += u64::from(info.doc_freq);
                }
            }
        }
        let found = found.into_iter().map(|(text, (slips, products))| (slips, products, text));
        let mut nearest: Vec<(u8, u64, String)> = found.collect();
        nearest.sort_by_key(|(slips, products, _)| (*slips, Reverse(*products)));
        Ok(nearest)
    }
}
