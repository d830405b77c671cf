//! Searching for a rare term: its products are known already, only their scores are to be worked out.

use std::sync::Arc;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::SegmentId;
use tantivy::query::{Bm25Weight, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError, Term};

/// Matches the products that are known to have a term, and scores them by BM25, as if each had it once.
#[derive(Debug, Clone)]
pub(crate) struct RareQuery {
    segment: SegmentId,
    term: Term,
    docs: Arc<[DocId]>,
}

impl RareQuery {
    /// `docs` of `segment`, in order.
    pub(super) fn new(segment: SegmentId, term: Term, docs: Vec<DocId>) -> Self {
        Self { segment, term, docs: docs.into() }
    }
}

impl Query for RareQuery {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let similarity = match scoring {
            EnableScoring::Enabled { statistics_provider, .. } => {
                let products = statistics_provider.total_num_docs()?;
                let words = statistics_provider.total_num_tokens(self.term.field())?;
                let average = words as Score / products.max(1) as Score;
                Some(Bm25Weight::for_one_term(self.docs.len() as u64, products, average))
            }
            EnableScoring::Disabled { .. } => None,
        };
        Ok(Box::new(RareWeight { query: self.clone(), similarity }))
    }
}

struct RareWeight {
    query: RareQuery,
    similarity: Option<Bm25Weight>,
}

impl Weight for RareWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        if reader.segment_id() != self.query.segment {
            return Ok(Box::new(EmptyScorer));
        }
        let field = self.query.term.field();
        let has_norms = reader.schema().get_field_entry(field).has_fieldnorms();
        let norms = if has_norms && self.similarity.is_some() {
            reader.get_fieldnorms_reader(field)?
        } else {
            FieldNormReader::constant(reader.max_doc(), 1)
        };
        let similarity = self.similarity.as_ref().map(|similarity| similarity.boost_by(boost));
        Ok(Box::new(RareScorer { docs: self.query.docs.clone(), at: 0, norms, similarity, boost }))
    }

    fn explain(&self, _reader: &SegmentReader, _doc: DocId) -> tantivy::Result<Explanation> {
        Err(TantivyError::InvalidArgument("rare terms are not explained".to_owned()))
    }
}

struct RareScorer {
    docs: Arc<[DocId]>,
    at: usize,
    norms: FieldNormReader,
    similarity: Option<Bm25Weight>,
    boost: Score,
}

impl DocSet for RareScorer {
    fn advance(&mut self) -> DocId {
        self.at = (self.at + 1).min(self.docs.len());
        self.doc()
    }

    fn doc(&self) -> DocId {
        self.docs.get(self.at).copied().unwrap_or(TERMINATED)
    }

    fn size_hint(&self) -> u32 {
        self.docs.len() as u32
    }
}

impl Scorer for RareScorer {
    fn score(&mut self) -> Score {
        match &self.similarity {
            Some(similarity) => similarity.score(self.norms.fieldnorm_id(self.doc()), 1),
            None => self.boost,
        }
    }
}
