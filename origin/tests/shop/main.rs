//! The origin as a whole, over real HTTP, with a gateway and an edge that can be made to misbehave.

#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests, their helpers included")]

mod edge;
mod gateway;
mod world;

mod another_way;
mod books;
mod coupons;
mod delivery;
mod engines;
mod giving_up;
mod http;
mod placing;
mod process;
mod reconciliation;
mod refunds;
mod settlement;
mod transfers;
mod troubles;
