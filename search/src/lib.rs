//! Search without a search server.
//!
//! [`compile`] turns products into one immutable artefact; [`delta`] turns changes into small additions to it; [`reader`]
//! answers requests from pages of both. Nothing here
//! fetches, waits or reads a clock: a search that lacks bytes says which ([`Outcome::NeedBytes`]), the shell brings
//! them, and the search goes on where it stood. The same code runs natively and in the Worker.
//!
//! ```text
//! let mut search = reader.begin(&request)?;
//! let answer = loop {
//!     match search.run()? {
//!         Outcome::Ready(answer) => break *answer,
//!         Outcome::NeedBytes(ranges) => for range in ranges {
//!             let bytes = /* the shell reads `range` of the bundle, all ranges at once */;
//!             search.supply(range.start, &bytes)?;
//!         },
//!     }
//! };
//! ```

pub mod answer;
pub mod artefact;
pub mod commit;
pub mod compile;
pub mod delta;
pub mod directory;
pub mod document;
pub mod error;
pub mod facet_choice;
pub mod measured;
pub mod pages;
pub mod rank;
pub mod reader;
pub mod request;
pub mod synonyms;
pub mod weights;

mod analysis;
mod collect;
mod exclusion;
mod facets;
mod fuzzy;
mod hotcache;
mod ids;
mod indexing;
mod lexicon;
mod marks;
mod measures;
mod pack;
mod packed;
mod plan;
mod plurals;
mod prices;
mod query;
mod rare;
mod rows;
mod schema;
mod segment;
mod spelling;
mod ways;

pub use answer::{Answer, Hit};
pub use artefact::{Artefact, Manifest, Pointer};
pub use commit::{Commit, Part, PartRef};
pub use compile::{compile, compile_as_of};
pub use delta::{Change, Indexer, Progress, Publication};
pub use document::Document;
pub use error::SearchError;
pub use facet_choice::FacetChoice;
pub use rank::BusinessWeights;
pub use reader::{Outcome, Reader, Search};
pub use request::{InvalidRequest, Request, Sort};
pub use synonyms::{SynonymProblem, Synonyms};
pub use weights::Weights;
