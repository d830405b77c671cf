//! From a shop's catalogue to the index that it searches with: reads the catalogue through the shop's signed routes, has
//! [`search`] compile it, uploads the files and flips the pointer. It decides nothing about searching, and keeps nothing.

pub mod catalogue;
pub mod publish;
pub mod queries;
