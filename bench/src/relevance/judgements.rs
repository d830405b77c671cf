//! What people thought of products as answers to queries: a CSV of `query,docid,rating`, ratings from 0 (irrelevant) to 3. Knows
//! nothing of how answers are found.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use importer::random::Random;
use serde::{Deserialize, Serialize};

const RATING_MAX: u8 = 3;

/// One query and the products that were judged for it.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) query: String,
    /// By the set's own number of the product.
    pub(crate) ratings: BTreeMap<String, u8>,
}

/// What a query is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    /// May be looked at while weights are chosen.
    Tune,
    /// Only says how good they are.
    Report,
}

impl Judged {
    /// Decided by the words alone, so that it never changes as queries come and go.
    pub(crate) fn part(&self) -> Part {
        if Random::from_text(&self.query).percent(50) { Part::Tune } else { Part::Report }
    }

    /// Products that anybody wants.
    pub(crate) fn relevant(&self) -> usize {
        self.ratings.values().filter(|rating| **rating > 0).count()
    }
}

#[derive(Deserialize)]
struct Row {
    query: String,
    docid: String,
    rating: u8,
}

/// All queries of the file, in alphabetical order.
///
/// # Errors
/// When the file cannot be read, or a row is not a judgement.
pub(crate) fn read(path: &Path) -> Result<Vec<Judged>> {
    let name = || path.display().to_string();
    let mut queries: BTreeMap<String, BTreeMap<String, u8>> = BTreeMap::new();
    let mut reader = csv::Reader::from_path(path).with_context(name)?;
    for row in reader.deserialize() {
        let row: Row = row.with_context(name)?;
        ensure!(
            row.rating <= RATING_MAX,
            "{}: {:?}, {}: a rating is from 0 to {RATING_MAX}",
            name(),
            row.query,
            row.docid
        );
        queries.entry(row.query).or_default().insert(row.docid, row.rating);
    }
    Ok(queries.into_iter().map(|(query, ratings)| Judged { query, ratings }).collect())
}
