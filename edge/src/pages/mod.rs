//! The shop's pages: pure functions from a model to HTML.
//!
//! Nothing here awaits, reads a clock or knows what a Worker is. A page gets a model that is already complete, and
//! answers markup that works without JavaScript; `assets/app.js` makes it livelier. What changes from shopper to
//! shopper (cart count, live stock) never stands in a page that may be cached.
//!
//! No inline style and no inline handler anywhere: the content security policy refuses both.

pub mod account;
pub mod card;
pub mod cart;
pub mod checkout;
pub mod countries;
pub mod draw;
pub mod error_page;
pub mod filters;
pub mod form;
pub mod gateways;
pub mod home;
pub mod in_sale;
pub mod layout;
pub mod links;
pub mod listing;
pub mod live_results;
pub mod marked;
pub mod marks;
pub mod moment;
pub mod not_added;
pub mod notice;
pub mod order;
pub mod order_money;
pub mod picture;
pub mod product;
pub mod quote;
pub mod rating;
pub mod sale;
pub mod sign_in;

mod facets;
mod no_results;
mod pagination;

pub use card::Card;
pub use layout::{Assets, Site};
pub use links::Link;
