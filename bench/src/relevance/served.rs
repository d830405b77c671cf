//! Searches through the code that serves: the artefact as it would be published, a reader, its rounds. Only the network is missing.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use search::artefact::{BUNDLE, HOTCACHE};
use search::compile::MEMORY_BUDGET_DEFAULT_BYTES;
use search::pages::BUDGET_DEFAULT_BYTES;
use search::{Artefact, Outcome, Reader, Request, Synonyms};

use super::catalogue::Catalogue;

/// The catalogue, published.
pub(crate) struct Served {
    artefact: Artefact,
    reader: Reader,
}

/// A product that was found.
pub(crate) struct Found {
    pub(crate) place: usize,
    pub(crate) title: String,
}

/// Those that a shop begins with.
fn synonyms() -> Result<Synonyms> {
    Synonyms::parse(include_str!("../../../synonyms.txt"))
        .map_err(|problems| anyhow!("synonyms.txt has {} lines that are none", problems.len()))
}

impl Served {
    /// Compiles the catalogue and opens the artefact.
    ///
    /// # Errors
    /// When either fails.
    pub(crate) fn new(catalogue: &Catalogue) -> Result<Self> {
        let artefact = search::compile(catalogue.documents().cloned(), MEMORY_BUDGET_DEFAULT_BYTES)?;
        let reader = Reader::open(artefact.manifest.clone(), artefact.file(HOTCACHE).to_vec(), BUDGET_DEFAULT_BYTES)?;
        let reader = reader.with_synonyms(Arc::new(synonyms()?));
        Ok(Self { artefact, reader })
    }

    /// The first hits, best first.
    ///
    /// # Errors
    /// When the query breaks a limit, or the index fails.
    pub(crate) fn search(&self, query: &str, hits_max: usize) -> Result<Vec<Found>> {
        let per_page = u32::try_from(hits_max).context("too many hits")?;
        let request = Request { query: query.to_owned(), per_page, ..Request::default() };
        let bundle = self.artefact.file(BUNDLE);
        let mut search = self.reader.begin(&request)?;
        let answer = loop {
            match search.run()? {
                Outcome::Ready(answer) => break *answer,
                Outcome::NeedBytes(ranges) => {
                    for range in ranges {
                        let wanted = usize::try_from(range.start)?..usize::try_from(range.end)?;
                        search.supply(range.start, bundle.get(wanted).context("bytes past the bundle's end")?)?;
                    }
                }
            }
        };
        answer.hits.into_iter().map(|hit| Ok(Found { place: hit.slug.parse()?, title: hit.title })).collect()
    }
}
