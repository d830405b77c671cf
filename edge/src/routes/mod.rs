//! One file a resource: read the request, ask the parts, show a page or JSON. No rule lives here.

pub(crate) mod account;
pub(crate) mod api;
pub(crate) mod cart;
pub(crate) mod checkout;
pub(crate) mod health;
pub(crate) mod home;
pub(crate) mod index_files;
pub(crate) mod internal;
pub(crate) mod internal_orders;
pub(crate) mod internal_pricing;
pub(crate) mod internal_sales;
pub(crate) mod internal_search;
pub(crate) mod internal_stock;
pub(crate) mod listing;
pub(crate) mod live;
pub(crate) mod measure;
pub(crate) mod measure_stock;
pub(crate) mod order;
pub(crate) mod pictures;
pub(crate) mod product;
pub(crate) mod sale;
pub(crate) mod search;
pub(crate) mod sign_in;
mod visitor;

pub(crate) use error::error_page;

mod error;
