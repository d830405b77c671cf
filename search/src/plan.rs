//! From words to an index query. Only term dictionaries are read here; postings are read when the query runs.
//!
//! A product matches when it has every word. A word may be matched in several ways: as typed, joined with its neighbour,
//! cut at its punctuation, as a code, as a synonym, as the beginning of a word that is still being typed, and, when the
//! catalogue does not know it at all, as a near spelling. What decides the match is one field with all words of the
//! product; title, description, brand and category only lift.
//!
//! The work is bounded: at most [`query::WORDS_MAX`] words of [`query::PARTS_MAX`] parts, [`planner::EXPANSIONS_MAX`] terms besides
//! those typed, [`planner::NEAR_LOOKUPS_MAX`] walks through the dictionary for near spellings.

mod planner;

use std::collections::BTreeMap;
use std::sync::Arc;

use tantivy::query::{AllQuery, BooleanQuery, ConstScoreQuery, Query};
use tantivy::{Searcher, Term};

use crate::answer::Correction;
use crate::lexicon::Lexicon;
use crate::marks::Marks;
use crate::rank;
use crate::rare::RareFile;
use crate::request::Request;
use crate::schema::Fields;
use crate::synonyms::Synonyms;
use crate::ways::{self, Group, Matcher, TermQueries, Way};
use crate::weights::Weights;

use planner::Planner;

/// How a query is going to be run.
#[derive(Default)]
pub(crate) struct Plan {
    groups: Vec<Group>,
    /// Words for which nothing could be found.
    unmatched: usize,
    unwanted: Vec<Group>,
    /// What lifts products for all words together.
    lifts: Vec<Way>,
    code: Option<Way>,
    pub(crate) corrections: Vec<Correction>,
    /// The query as it was probably meant.
    pub(crate) suggestion: Option<String>,
    /// What to mark in titles.
    pub(crate) marks: Marks,
    has_phrases: bool,
    is_listing: bool,
    terms: TermQueries,
    /// Of [`Weights`].
    other_fields: f32,
    more_words: f32,
}

/// How strict to be about words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// Every word, and phrases as phrases.
    All,
    /// Every word, and of phrases too only the words.
    Words,
    /// At least so many of the words.
    AtLeast(usize),
}

impl Plan {
    /// Works out how to search for what the request says.
    pub(crate) fn new(
        searcher: &Searcher,
        fields: &Fields,
        rare: Option<Arc<RareFile>>,
        request: &Request,
        weights: &Weights,
        synonyms: &Synonyms,
    ) -> tantivy::Result<Self> {
        let lexicon = Lexicon::new(searcher, fields, rare)?;
        let plan = Planner::new(&lexicon, weights, synonyms).plan(request)?;
        Ok(Self { terms: TermQueries::new(fields, lexicon.into_rare_postings()), ..plan })
    }

    /// Every term whose postings a run will read, and whether its positions are read too.
    pub(crate) fn terms(&self) -> BTreeMap<Term, bool> {
        let mut terms = BTreeMap::new();
        let mut see = |matcher: &Matcher| {
            let positions = matches!(matcher, Matcher::Phrase(phrase) if phrase.len() > 1);
            for term in matcher.terms() {
                *terms.entry(term.clone()).or_insert(false) |= positions;
            }
        };
        self.groups.iter().chain(&self.unwanted).for_each(|group| group.visit(&mut see));
        let together = Group { ways: self.code.iter().chain(&self.lifts).cloned().collect(), ..Group::default() };
        together.visit(&mut see);
        terms
    }

    /// Whether there are no words at all, so that everything matches.
    pub(crate) fn is_listing(&self) -> bool {
        self.is_listing
    }

    /// Whether some of the words are in quotes.
    pub(crate) fn has_phrases(&self) -> bool {
        self.has_phrases
    }

    /// What to try, strictest first.
    pub(crate) fn attempts(&self) -> Vec<Strictness> {
        if self.is_listing {
            return vec![Strictness::All];
        }
        let mut attempts = vec![Strictness::All];
        if self.has_phrases {
            attempts.push(Strictness::Words);
        }
        let words = self.flat(true).len();
        let most = most_of(words);
        attempts.extend([most, 1].into_iter().filter(|count| *count >= 1).map(Strictness::AtLeast));
        attempts.dedup();
        attempts
    }

    /// Whether products with some of the words may follow the few that have them all. They must not follow a code or a phrase: who
    /// writes those wants that and nothing else.
    pub(crate) fn may_go_on(&self) -> bool {
        self.code.is_none() && !self.has_phrases && self.groups.len() > 1
    }

    /// The query to run; `None` when nothing can match.
    pub(crate) fn query(&self, strictness: Strictness) -> Option<Box<dyn Query>> {
        let unwanted = self.unwanted.iter().filter_map(|group| group.query(&self.terms)).collect();
        if self.is_listing {
            return Some(ways::lifted(Box::new(AllQuery), unwanted, Vec::new()));
        }
        let groups = self.flat(strictness != Strictness::All);
        let words: Vec<Box<dyn Query>> = groups.iter().filter_map(|group| group.query(&self.terms)).collect();
        let is_complete = self.unmatched == 0 && words.len() == groups.len();
        let required = match strictness {
            Strictness::All | Strictness::Words if !is_complete => None,
            Strictness::All | Strictness::Words => ways::all_of(words),
            Strictness::AtLeast(_) if words.is_empty() => None,
            Strictness::AtLeast(count) => {
                Some(Box::new(BooleanQuery::union_with_minimum_required_clauses(words, count)) as Box<dyn Query>)
            }
        };
        let code = self.code.as_ref().and_then(|code| code.query(&self.terms));
        let required = ways::any_of(required.into_iter().chain(code).collect())?;
        let mut lifts: Vec<Box<dyn Query>> =
            groups.iter().filter_map(|group| group.lift_query(self.other_fields, &self.terms)).collect();
        if let Strictness::AtLeast(least) = strictness {
            let all = if is_complete { rank::ALL_WORDS_SCORE } else { self.more_words };
            let more = [(most_of(groups.len()), self.more_words), (groups.len(), all)];
            for (count, score) in more.into_iter().filter(|(count, _)| *count > least) {
                let words = groups.iter().filter_map(|group| group.query(&self.terms)).collect();
                let more = BooleanQuery::union_with_minimum_required_clauses(words, count);
                lifts.push(Box::new(ConstScoreQuery::new(Box::new(more), score)));
            }
        }
        lifts.extend(self.lifts.iter().filter_map(|lift| lift.query(&self.terms)));
        Some(ways::lifted(required, unwanted, lifts))
    }

    /// The groups, with phrases taken apart if so wished.
    fn flat(&self, phrases_as_words: bool) -> Vec<&Group> {
        let apart = |group: &Group| phrases_as_words && !group.words.is_empty();
        let groups = self
            .groups
            .iter()
            .flat_map(|group| if apart(group) { group.words.iter().collect::<Vec<_>>() } else { vec![group] });
        groups.collect()
    }
}

/// Most of so many words.
fn most_of(words: usize) -> usize {
    (words * 2).div_ceil(3)
}

#[cfg(test)]
mod tests {
    use crate::facet_choice::FacetChoice;
    use proptest::prelude::*;
    use tantivy::Index;

    use super::*;
    use crate::document::Document;
    use crate::indexing::{Indexing, Rareness};
    use crate::{analysis, schema};

    /// A catalogue of look-alikes, in which everything has neighbours, synonyms, and much that begins alike.
    fn searcher() -> (Searcher, Fields) {
        let (schema, fields) = schema::schema();
        let tokenizers = tantivy::tokenizer::TokenizerManager::default();
        for (name, analyser) in analysis::analysers() {
            tokenizers.register(name, analyser);
        }
        let index = Index::builder().schema(schema).tokenizers(tokenizers);
        let mut writer =
            index.single_segment_index_writer(tantivy::directory::RamDirectory::create(), 15_000_000).unwrap();
        let (choice, rareness) = (FacetChoice::default(), Rareness::default());
        let mut indexing = Indexing::new(&fields, &choice, &rareness);
        for n in 0..500_usize {
            let letter = |at: u32| char::from(b'a' + (n / 7_usize.pow(at) % 7) as u8);
            let title: String =
                (0..6).map(|at| format!("abcde{}{} a{} {n} ", letter(at), letter(at + 1), letter(at))).collect();
            let document = Document { title, sku: format!("a{n}"), ..Document::default() };
            writer.add_document(indexing.document(document).unwrap()).unwrap();
        }
        drop(indexing);
        (writer.finalize().unwrap().reader().unwrap().searcher(), fields)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn no_query_searches_for_more_terms_than_the_limit(
            query in prop_oneof!["([a-g]{1,2}[-\" ]?){0,120}", "(-?\"?abcde[a-g]{1,3}\"? ){0,28}", "(a[a-g] | \"|4gb ){0,60}"],
            prefix_last_word: bool,
        ) {
            thread_local!(static INDEX: (Searcher, Fields) = searcher());
            let everything: String = ('a'..='g').map(|c| format!("a{c}, abcde{c}, ab cd {c}, aa ab ac {c}a\n")).collect();
            let synonyms = Synonyms::parse(&everything).unwrap();
            let weights = Weights { all_in_title: 1.0, title_phrase: 1.0, ..Weights::default() };
            let request = Request { query, prefix_last_word, ..Request::default() };
            INDEX.with(|(searcher, fields)| {
                let plan = Plan::new(searcher, fields, None, &request, &weights, &synonyms).unwrap();
                // Parts and whole words as typed, codes, and what they expand to; each also in the fields that lift.
                let typed = crate::query::PARTS_MAX + 2 * crate::query::WORDS_MAX + 1;
                let limit = typed + planner::EXPANSIONS_MAX;
                let everywhere = plan.terms();
                let in_all = everywhere.keys().filter(|term| ![fields.title, fields.text, fields.maker, fields.kind].contains(&term.field()));
                prop_assert!(in_all.count() <= limit);
                prop_assert!(everywhere.len() <= 5 * limit);
                Ok(())
            })?;
        }
    }
}
