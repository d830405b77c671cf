//! The shop as pure functions: what is allowed, what follows, what it costs.
//!
//! Nothing here reads a clock, draws a random number or awaits. Time and ids are arguments. The same code runs in
//! Durable Objects, in the origin, in simulations and in tests. Only [`wire`] describes what crosses a process.

pub mod account;
pub mod admission;
pub mod cart;
pub mod checkout;
#[cfg(test)]
mod idempotency;
pub mod ids;
pub mod invariants;
pub mod ledger;
pub mod money;
pub mod order;
pub mod payment;
pub mod payout;
pub mod pricing;
pub mod purchase;
pub mod refund;
pub mod sale;
pub mod signature;
pub mod stock;
pub mod time;
pub mod wire;
