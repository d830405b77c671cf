//! From words to an index query. Only term dictionaries are read here; postings are read when the query runs.
//!
//! A product matches when it has every word. A word may be matched in several ways: as typed, joined with its neighbour,
//! cut at its punctuation, as a code, as the beginning of a word that is still being typed, and, when the catalogue does
//! not know it at all, as a near spelling. What decides the match is one field with all words of the product; title,
//! brand and category only lift.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, Occur, Query, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{InvertedIndexReader, Searcher, Term};

use crate::analysis::{self, QueryWord};
use crate::answer::Correction;
use crate::fuzzy::NearSpelling;
use crate::request::Request;
use crate::schema::Fields;

const TITLE_BOOST: f32 = 1.5;
const MAKER_BOOST: f32 = 1.0;
const KIND_BOOST: f32 = 0.8;
/// An exact code outranks whatever words say.
const CODE_SCORE: f32 = 1_000.0;
/// Beginnings of words score less than words.
const PREFIX_SCORE: f32 = 1.0;
const PREFIX_TITLE_SCORE: f32 = 2.0;
const NEAR_SCORE: f32 = 0.8;

/// Most dictionary entries looked at for one beginning of a word, and most that are searched for.
const PREFIX_SEEN_MAX: usize = 2_000;
const PREFIX_TERMS_MAX: usize = 24;
/// Most near spellings looked at for one word, and most that are searched for.
const NEAR_SEEN_MAX: usize = 500;
const NEAR_TERMS_MAX: usize = 6;
/// Shortest words, in characters, for which one or two slips are forgiven.
const ONE_SLIP_CHARS_MIN: usize = 4;
const TWO_SLIPS_CHARS_MIN: usize = 8;

/// How a query is going to be run.
pub(crate) struct Plan {
    groups: Vec<Group>,
    /// Words for which nothing could be found.
    unmatched: usize,
    lifts: Vec<(Field, Term, f32)>,
    code: Option<Term>,
    pub(crate) corrections: Vec<Correction>,
    is_listing: bool,
    fields: Fields,
}

/// The ways in which one word of the query may be matched.
#[derive(Default)]
struct Group {
    /// Each is a list of terms that must all be there.
    alternatives: Vec<Vec<Term>>,
    codes: Vec<Term>,
    prefixes: Vec<Term>,
    near: Vec<Term>,
    title: Vec<Term>,
}

impl Group {
    fn is_empty(&self) -> bool {
        self.alternatives.is_empty() && self.codes.is_empty() && self.prefixes.is_empty() && self.near.is_empty()
    }
}

/// How strict to be about words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// Every word.
    All,
    /// At least so many of the words.
    AtLeast(usize),
}

impl Plan {
    /// Works out how to search for what the request says.
    pub(crate) fn new(searcher: &Searcher, fields: &Fields, request: &Request) -> tantivy::Result<Self> {
        let words = analysis::query_words(&request.query);
        let lexicon = Lexicon::new(searcher, fields)?;
        let mut plan = Self {
            groups: Vec::new(),
            unmatched: 0,
            lifts: Vec::new(),
            code: None,
            corrections: Vec::new(),
            is_listing: request.query.trim().is_empty(),
            fields: fields.clone(),
        };
        plan.find_code(&lexicon, &words)?;
        for (index, word) in words.iter().enumerate() {
            let is_last = index + 1 == words.len();
            let before = index.checked_sub(1).and_then(|before| words.get(before));
            let neighbours = [before, words.get(index + 1)];
            let being_typed = is_last && request.prefix_last_word && ends_in_word(&request.query);
            plan.add_word(&lexicon, word, neighbours, being_typed)?;
        }
        Ok(plan)
    }

    /// Every term whose postings a run will read.
    pub(crate) fn terms(&self) -> BTreeSet<Term> {
        let groups = self.groups.iter().flat_map(|group| {
            let lists = [&group.codes, &group.prefixes, &group.near, &group.title];
            group.alternatives.iter().chain(lists).flatten()
        });
        groups.chain(self.lifts.iter().map(|(_, term, _)| term)).chain(&self.code).cloned().collect()
    }

    /// Words that can match something.
    pub(crate) fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// Whether products with every word may exist.
    pub(crate) fn can_match_all(&self) -> bool {
        self.is_listing || self.code.is_some() || (self.unmatched == 0 && !self.groups.is_empty())
    }

    /// Whether there are no words at all, so that everything matches.
    pub(crate) fn is_listing(&self) -> bool {
        self.is_listing
    }

    /// The query to run; `None` when nothing can match.
    pub(crate) fn query(&self, strictness: Strictness) -> Option<Box<dyn Query>> {
        if self.is_listing {
            return Some(Box::new(AllQuery));
        }
        let words: Vec<Box<dyn Query>> = self.groups.iter().map(|group| self.group_query(group)).collect();
        let required: Option<Box<dyn Query>> = match strictness {
            Strictness::All if self.unmatched > 0 || words.is_empty() => None,
            Strictness::All => Some(all_of(words)),
            Strictness::AtLeast(_) if words.is_empty() => None,
            Strictness::AtLeast(count) => {
                Some(Box::new(BooleanQuery::union_with_minimum_required_clauses(words, count)))
            }
        };
        let code = self.code.as_ref().map(|code| constant(vec![code.clone()], CODE_SCORE));
        let required = match (required, code) {
            (Some(words), Some(code)) => one_of(vec![words, code]),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => return None,
        };
        let mut clauses = vec![(Occur::Must, required)];
        for (field, term, boost) in &self.lifts {
            let lift: Box<dyn Query> = Box::new(TermQuery::new(term.clone(), self.recorded(*field)));
            clauses.push((Occur::Should, Box::new(BoostQuery::new(lift, *boost))));
        }
        for group in self.groups.iter().filter(|group| !group.title.is_empty()) {
            clauses.push((Occur::Should, constant(group.title.clone(), PREFIX_TITLE_SCORE)));
        }
        Some(if clauses.len() == 1 { clauses.swap_remove(0).1 } else { Box::new(BooleanQuery::new(clauses)) })
    }

    fn group_query(&self, group: &Group) -> Box<dyn Query> {
        let mut ways: Vec<Box<dyn Query>> = Vec::new();
        for terms in &group.alternatives {
            let recorded = self.recorded(self.fields.all);
            ways.push(all_of(terms.iter().map(|term| term_query(term, recorded)).collect()));
        }
        for (terms, score) in [(&group.codes, CODE_SCORE), (&group.prefixes, PREFIX_SCORE), (&group.near, NEAR_SCORE)] {
            if !terms.is_empty() {
                ways.push(constant(terms.clone(), score));
            }
        }
        if ways.len() == 1 { ways.swap_remove(0) } else { Box::new(DisjunctionMaxQuery::new(ways)) }
    }

    fn recorded(&self, field: Field) -> IndexRecordOption {
        if field == self.fields.all || field == self.fields.title {
            IndexRecordOption::WithFreqs
        } else {
            IndexRecordOption::Basic
        }
    }

    /// The whole query as one code: `006R 90321` finds the SKU `006R90321`.
    fn find_code(&mut self, lexicon: &Lexicon, words: &[QueryWord]) -> tantivy::Result<()> {
        let code = analysis::code(&words.iter().map(QueryWord::code).collect::<String>());
        let term = Term::from_field_text(self.fields.code, &code);
        if !code.is_empty() && lexicon.code.frequency(&code)? > 0 {
            self.code = Some(term);
        }
        Ok(())
    }

    fn add_word(
        &mut self,
        lexicon: &Lexicon,
        word: &QueryWord,
        neighbours: [Option<&QueryWord>; 2],
        being_typed: bool,
    ) -> tantivy::Result<()> {
        let all = self.fields.all;
        let mut group = Group::default();
        self.add_exact(lexicon, word, &mut group)?;
        for joined in joined_with(word, neighbours) {
            if lexicon.all.frequency(&joined)? > 0 {
                group.alternatives.push(vec![Term::from_field_text(all, &joined)]);
            }
        }
        let code = analysis::code(&word.code());
        if self.code.is_none() && lexicon.code.frequency(&code)? > 0 {
            group.codes.push(Term::from_field_text(self.fields.code, &code));
        }
        if being_typed && let [beginning] = word.plain_parts.as_slice() {
            group.prefixes = lexicon.all.beginning_with(beginning)?;
            group.title = lexicon.title.beginning_with(beginning)?;
        }
        if group.is_empty() {
            self.add_near(lexicon, word, &mut group)?;
        }
        if group.is_empty() {
            self.unmatched += 1;
        } else {
            self.groups.push(group);
        }
        Ok(())
    }

    fn add_exact(&mut self, lexicon: &Lexicon, word: &QueryWord, group: &mut Group) -> tantivy::Result<()> {
        let all = self.fields.all;
        let mut ways: Vec<Vec<&str>> = vec![word.parts.iter().map(String::as_str).collect()];
        ways.extend(word.joined.as_deref().map(|joined| vec![joined]));
        ways.extend(word.number_and_unit.as_ref().map(|(number, unit)| vec![number.as_str(), unit.as_str()]));
        for (index, way) in ways.into_iter().enumerate() {
            let mut known = true;
            for term in &way {
                known &= lexicon.all.frequency(term)? > 0;
            }
            // The cut-up number and unit would add every "4" and every "GB" to what "4gb" finds.
            if !known || (index > 0 && word.number_and_unit.is_some() && !group.alternatives.is_empty()) {
                continue;
            }
            group.alternatives.push(way.iter().map(|term| Term::from_field_text(all, term)).collect());
            for term in way {
                self.add_lifts(lexicon, term)?;
            }
        }
        Ok(())
    }

    fn add_lifts(&mut self, lexicon: &Lexicon, term: &str) -> tantivy::Result<()> {
        for (terms, boost) in
            [(&lexicon.title, TITLE_BOOST), (&lexicon.maker, MAKER_BOOST), (&lexicon.kind, KIND_BOOST)]
        {
            let lift = Term::from_field_text(terms.field, term);
            if terms.frequency(term)? > 0 && !self.lifts.iter().any(|(_, known, _)| *known == lift) {
                self.lifts.push((terms.field, lift, boost));
            }
        }
        Ok(())
    }

    fn add_near(&mut self, lexicon: &Lexicon, word: &QueryWord, group: &mut Group) -> tantivy::Result<()> {
        let wanted = word.joined.as_ref().or(word.parts.first());
        let Some(wanted) = wanted else { return Ok(()) };
        let near = lexicon.all.near(wanted)?;
        if let Some(best) = near.first() {
            self.corrections.push(Correction { typed: word.plain_parts.join("-"), searched: best.clone() });
        }
        group.near = near.iter().map(|term| Term::from_field_text(self.fields.all, term)).collect();
        for term in near {
            let frequency = lexicon.title.frequency(&term)?;
            if frequency > 0 {
                group.title.push(Term::from_field_text(self.fields.title, &term));
            }
        }
        Ok(())
    }
}

/// `wi fi` may be written `wifi`: both words are then matched by the one.
fn joined_with(word: &QueryWord, [before, after]: [Option<&QueryWord>; 2]) -> Vec<String> {
    let single =
        |word: &QueryWord| (word.parts.len() == 1).then(|| (word.plain_parts[0].clone(), word.parts[0].clone()));
    let Some((plain, stemmed)) = single(word) else { return Vec::new() };
    let before = before.and_then(single).map(|(before, _)| format!("{before}{stemmed}"));
    let after = after.and_then(single).map(|(_, after)| format!("{plain}{after}"));
    before.into_iter().chain(after).collect()
}

fn ends_in_word(query: &str) -> bool {
    query.chars().next_back().is_some_and(char::is_alphanumeric)
}

fn term_query(term: &Term, recorded: IndexRecordOption) -> Box<dyn Query> {
    Box::new(TermQuery::new(term.clone(), recorded))
}

fn all_of(mut queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    if queries.len() == 1 { queries.swap_remove(0) } else { Box::new(BooleanQuery::intersection(queries)) }
}

fn one_of(queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    Box::new(BooleanQuery::union(queries))
}

/// Any of the terms, all worth the same.
fn constant(terms: Vec<Term>, score: f32) -> Box<dyn Query> {
    let mut terms: Vec<_> = terms.iter().map(|term| term_query(term, IndexRecordOption::Basic)).collect();
    let any = if terms.len() == 1 { terms.swap_remove(0) } else { one_of(terms) };
    Box::new(ConstScoreQuery::new(any, score))
}

/// The dictionaries of the fields that are searched.
struct Lexicon {
    all: Terms,
    title: Terms,
    maker: Terms,
    kind: Terms,
    code: Terms,
}

impl Lexicon {
    fn new(searcher: &Searcher, fields: &Fields) -> tantivy::Result<Self> {
        let terms = |field: Field| -> tantivy::Result<Terms> {
            let readers = searcher.segment_readers().iter().map(|segment| segment.inverted_index(field));
            Ok(Terms { field, segments: readers.collect::<tantivy::Result<_>>()? })
        };
        Ok(Self {
            all: terms(fields.all)?,
            title: terms(fields.title)?,
            maker: terms(fields.maker)?,
            kind: terms(fields.kind)?,
            code: terms(fields.code)?,
        })
    }
}

/// One field's dictionary, over all segments.
struct Terms {
    field: Field,
    segments: Vec<Arc<InvertedIndexReader>>,
}

impl Terms {
    /// Products that have the term.
    fn frequency(&self, term: &str) -> tantivy::Result<u64> {
        let mut frequency = 0;
        for segment in &self.segments {
            frequency += segment.terms().get(term)?.map_or(0, |info| u64::from(info.doc_freq));
        }
        Ok(frequency)
    }

    /// The commonest terms that begin so.
    fn beginning_with(&self, beginning: &str) -> tantivy::Result<Vec<Term>> {
        let mut found: BTreeMap<String, u32> = BTreeMap::new();
        for segment in &self.segments {
            let mut end = beginning.as_bytes().to_vec();
            end.push(u8::MAX);
            let mut stream = segment.terms().range().ge(beginning).lt(end).into_stream()?;
            let mut seen = 0;
            while seen < PREFIX_SEEN_MAX
                && let Some((term, info)) = stream.next()
            {
                seen += 1;
                if let Ok(term) = std::str::from_utf8(term) {
                    *found.entry(term.to_owned()).or_default() += info.doc_freq;
                }
            }
        }
        let mut commonest: Vec<_> = found.into_iter().map(|(term, products)| (Reverse(products), term)).collect();
        commonest.sort();
        commonest.truncate(PREFIX_TERMS_MAX);
        Ok(commonest.into_iter().map(|(_, term)| Term::from_field_text(self.field, &term)).collect())
    }

    /// The nearest spellings, nearest and commonest first.
    fn near(&self, word: &str) -> tantivy::Result<Vec<String>> {
        let length = word.chars().count();
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        // A number with one digit changed is another number.
        let slips_max = if is_number || length < ONE_SLIP_CHARS_MIN {
            0
        } else if length < TWO_SLIPS_CHARS_MIN {
            1
        } else {
            2
        };
        for slips in 1..=slips_max {
            let mut found: BTreeMap<String, (u8, Reverse<u32>)> = BTreeMap::new();
            for segment in &self.segments {
                let (Some(automaton), Some(measure)) = (NearSpelling::new(word, slips), NearSpelling::new(word, slips))
                else {
                    return Ok(Vec::new());
                };
                let mut stream = segment.terms().search(automaton).into_stream()?;
                let mut seen = 0;
                while seen < NEAR_SEEN_MAX
                    && let Some((term, info)) = stream.next()
                {
                    seen += 1;
                    if let Ok(text) = std::str::from_utf8(term) {
                        let (_, products) =
                            found.entry(text.to_owned()).or_insert((measure.distance(term), Reverse(0)));
                        products.0 += info.doc_freq;
                    }
                }
            }
            if !found.is_empty() {
                let mut nearest: Vec<_> = found.into_iter().map(|(term, rank)| (rank, term)).collect();
                nearest.sort();
                return Ok(nearest.into_iter().take(NEAR_TERMS_MAX).map(|(_, term)| term).collect());
            }
        }
        Ok(Vec::new())
    }
}
