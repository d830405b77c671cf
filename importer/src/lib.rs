//! Brings catalogues into a running shop: files of products, the data sets that developers have, and a drawn catalogue. Every
//! one of them goes the same way ([`import`]) through the same checks ([`draft`]). It speaks to the shop's signed routes
//! ([`shop`]) and to nothing behind them.

pub mod book_csv;
pub mod book_table;
pub mod command;
pub mod draft;
pub mod icecat;
pub mod import;
pub mod luma;
pub mod order_table;
pub mod picture;
pub mod pricing_file;
pub mod random;
pub mod report;
pub mod resume;
pub mod rows;
pub mod sale_draw;
pub mod sale_file;
pub mod sale_table;
pub mod seed;
pub mod shop;
pub mod source;
pub mod stock_table;
