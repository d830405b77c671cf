//! What measuring searches inside the Worker asks and answers. Whoever measures and whoever is measured share these types; nothing
//! is measured here.

use serde::{Deserialize, Serialize};

use crate::request::Request;

/// Most questions measured at once.
pub const QUESTIONS_MAX: usize = 20;
/// Most times that one question is repeated.
pub const TIMES_MAX: u32 = 500;

/// What to measure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// At most [`QUESTIONS_MAX`].
    pub requests: Vec<Request>,
    /// How often each is asked of the open index between two looks at the clock, at most [`TIMES_MAX`]. 0 asks each once, of
    /// an index that has just been opened for it.
    pub times: u32,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// One for each question, in order.
    pub searches: Vec<Measured>,
    /// The Worker's whole memory, in bytes.
    pub memory_bytes: u64,
    /// What of it the open index keeps between searches, in bytes.
    pub index_bytes: u64,
}

/// What one question cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Products that match.
    pub total: u64,
    /// Times that bytes were fetched, opening included; the most of all times that it was asked.
    pub rounds: u32,
    /// Bytes that were fetched.
    pub bytes: u64,
    /// How long it took each time. Fetching counts.
    pub milliseconds: f64,
}
