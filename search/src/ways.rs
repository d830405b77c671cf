//! The ways in which one word of a query may be matched, and how they become an index query. Nothing is read here.

use std::collections::BTreeMap;

use tantivy::Term;
use tantivy::query::{
    BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, Occur, PhraseQuery, Query, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use crate::exclusion::Excluded;
use crate::rare::RarePostings;
use crate::schema::Fields;

/// What has to be in a product.
#[derive(Debug, Clone)]
pub(crate) enum Matcher {
    Term(Term),
    Every(Vec<Term>),
    Any(Vec<Term>),
    /// Next to one another, in order.
    Phrase(Vec<Term>),
    /// All of the groups.
    Groups(Vec<Group>),
}

/// What a match is worth.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Worth {
    /// So many times its BM25 score.
    Times(f32),
    /// The same wherever it is found.
    Flat(f32),
}

#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) matcher: Matcher,
    pub(crate) worth: Worth,
}

/// The ways of one word or phrase; the best one counts. A group without ways matches nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    pub(crate) ways: Vec<Way>,
    /// What lifts a product that matches; of each field, the best counts.
    pub(crate) lifts: Vec<Way>,
    /// The words of a phrase, for when no product has the phrase.
    pub(crate) words: Vec<Group>,
}

impl Group {
    pub(crate) fn is_empty(&self) -> bool {
        self.ways.is_empty()
    }

    pub(crate) fn add(&mut self, matcher: Matcher, worth: Worth) {
        self.ways.push(Way { matcher, worth });
    }

    /// The query that decides whether a product matches; `None` when nothing can.
    pub(crate) fn query(&self, terms: &TermQueries) -> Option<Box<dyn Query>> {
        best_of(self.ways.iter().filter_map(|way| way.query(terms)).collect())
    }

    /// The query that adds to the score of what matches: of the fields the best counts, and `other_fields` times the others.
    pub(crate) fn lift_query(&self, other_fields: f32, terms: &TermQueries) -> Option<Box<dyn Query>> {
        let mut of_fields: BTreeMap<u32, Vec<Box<dyn Query>>> = BTreeMap::new();
        for lift in &self.lifts {
            if let (Some(field), Some(query)) = (lift.matcher.field(), lift.query(terms)) {
                of_fields.entry(field.field_id()).or_default().push(query);
            }
        }
        let mut fields: Vec<Box<dyn Query>> = of_fields.into_values().filter_map(best_of).collect();
        if fields.len() > 1 {
            return Some(Box::new(DisjunctionMaxQuery::with_tie_breaker(fields, other_fields)));
        }
        fields.pop()
    }

    /// Calls `see` with every matcher that holds terms.
    pub(crate) fn visit(&self, see: &mut dyn FnMut(&Matcher)) {
        for way in self.ways.iter().chain(&self.lifts) {
            match &way.matcher {
                Matcher::Groups(groups) => groups.iter().for_each(|group| group.visit(see)),
                Matcher::Term(_) | Matcher::Every(_) | Matcher::Any(_) | Matcher::Phrase(_) => see(&way.matcher),
            }
        }
        self.words.iter().for_each(|group| group.visit(see));
    }
}

impl Matcher {
    /// Its own terms.
    pub(crate) fn terms(&self) -> &[Term] {
        match self {
            Self::Term(term) => std::slice::from_ref(term),
            Self::Every(terms) | Self::Any(terms) | Self::Phrase(terms) => terms,
            Self::Groups(_) => &[],
        }
    }

    fn field(&self) -> Option<Field> {
        self.terms().first().map(Term::field)
    }

    fn query(&self, terms: &TermQueries) -> Option<Box<dyn Query>> {
        match self {
            Self::Term(term) => Some(terms.term(term)),
            Self::Every(every) => all_of(every.iter().map(|term| terms.term(term)).collect()),
            Self::Any(any) => any_of(any.iter().map(|term| terms.term(term)).collect()),
            Self::Phrase(phrase) => terms.phrase(phrase),
            Self::Groups(groups) => {
                let queries: Option<Vec<_>> = groups.iter().map(|group| group.query(terms)).collect();
                queries.and_then(all_of)
            }
        }
    }
}

impl Way {
    pub(crate) fn query(&self, terms: &TermQueries) -> Option<Box<dyn Query>> {
        let query = self.matcher.query(terms)?;
        Some(match self.worth {
            Worth::Times(1.0) => query,
            Worth::Times(times) => Box::new(BoostQuery::new(query, times)),
            Worth::Flat(score) => Box::new(ConstScoreQuery::new(query, score)),
        })
    }
}

/// Makes queries of terms, wherever those are kept.
#[derive(Debug, Default)]
pub(crate) struct TermQueries {
    fields: Option<Fields>,
    rare: RarePostings,
}

impl TermQueries {
    pub(crate) fn new(fields: &Fields, rare: RarePostings) -> Self {
        Self { fields: Some(fields.clone()), rare }
    }

    fn rare(&self, term: &Term) -> Option<Box<dyn Query>> {
        let fields = self.fields.as_ref()?;
        Some(Box::new(self.rare.query(term, |field| fields.places(field))?))
    }

    /// Products that have the term: as a rare one in the artefact, as any other in what was added since.
    fn term(&self, term: &Term) -> Box<dyn Query> {
        let common: Box<dyn Query> = Box::new(TermQuery::new(term.clone(), IndexRecordOption::WithFreqs));
        match self.rare(term) {
            Some(rare) => Box::new(BooleanQuery::union(vec![rare, common])),
            None => common,
        }
    }

    /// Terms next to one another. Of rare terms it is not known where they stand: a product that has them all is taken to have them
    /// where they should be.
    fn phrase(&self, terms: &[Term]) -> Option<Box<dyn Query>> {
        let together = |run: &[Term]| -> Option<Box<dyn Query>> {
            match run {
                [] => None,
                [only] => Some(self.term(only)),
                several => Some(Box::new(PhraseQuery::new(several.to_vec()))),
            }
        };
        if terms.len() < 2 || !terms.iter().any(|term| self.rare(term).is_some()) {
            return together(terms);
        }
        let runs = terms.split(|term| self.rare(term).is_some()).filter_map(together);
        let rare = terms.iter().filter_map(|term| self.rare(term));
        let apart = all_of(rare.chain(runs).collect());
        any_of(apart.into_iter().chain(together(terms)).collect())
    }
}

pub(crate) fn all_of(mut queries: Vec<Box<dyn Query>>) -> Option<Box<dyn Query>> {
    if queries.len() > 1 { Some(Box::new(BooleanQuery::intersection(queries))) } else { queries.pop() }
}

pub(crate) fn any_of(mut queries: Vec<Box<dyn Query>>) -> Option<Box<dyn Query>> {
    if queries.len() > 1 { Some(Box::new(BooleanQuery::union(queries))) } else { queries.pop() }
}

fn best_of(mut queries: Vec<Box<dyn Query>>) -> Option<Box<dyn Query>> {
    if queries.len() > 1 { Some(Box::new(DisjunctionMaxQuery::new(queries))) } else { queries.pop() }
}

/// `required`, without what is `unwanted`, lifted by `lifts`.
pub(crate) fn lifted(
    required: Box<dyn Query>,
    unwanted: Vec<Box<dyn Query>>,
    lifts: Vec<Box<dyn Query>>,
) -> Box<dyn Query> {
    if unwanted.is_empty() && lifts.is_empty() {
        return required;
    }
    let mut clauses = vec![(Occur::Must, required)];
    clauses.extend(unwanted.into_iter().map(|query| (Occur::MustNot, Box::new(Excluded(query)) as Box<dyn Query>)));
    clauses.extend(lifts.into_iter().map(|query| (Occur::Should, query)));
    Box::new(BooleanQuery::new(clauses))
}
