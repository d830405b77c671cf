//! Search as the shell uses it: products in, answers out, bytes on demand.
#![expect(clippy::unwrap_used, clippy::panic, reason = "support for tests may fail like a test")]

mod counting;
mod fetching;
mod finding;
mod freshness;
mod queries;
mod rare_terms;
mod shelf;
mod shop;
