//! Every number that decides what ranks before what, in one place. It searches nothing.
//!
//! [`Weights::default`] is what serves. A benchmark tries others through the same code with
//! [`Reader::with_weights`](crate::Reader::with_weights).

use serde::{Deserialize, Serialize};

/// When fewer products than this have all the words, those with some of them follow, as served.
pub const ENOUGH_PRODUCTS: u64 = 10;

/// How much each kind of match counts. A word's score is BM25 over the field with everything,
/// a little of it, and BM25 over title or description, whichever is better. All are finite and at least 0; 0 switches a signal off, and costs nothing then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Weights {
    /// Times BM25 over everything: all that a word scores which stands in the attributes only, where most of what a product
    /// is compatible with stands too.
    pub all: f32,
    /// Times BM25 over titles, for a word of the query in the title.
    pub title: f32,
    /// Times BM25 over descriptions, for a word of the query in the description.
    pub text: f32,
    /// Of a word in title, description, maker and category the best place counts, and so much of the others.
    pub other_fields: f32,
    /// Added for having most of the words, when products with all are too few and others follow. About what one word scores.
    pub more_words: f32,
    /// When fewer products than this have all the words, those with some of them follow.
    pub enough_products: u64,
    /// Times the word's rarity, for a word in the name of brand or seller.
    pub maker: f32,
    /// Times the word's rarity, for a word in the names of the product's categories.
    pub kind: f32,
    /// Added when every word of the query stands in the title.
    pub all_in_title: f32,
    /// Times BM25 of the phrase, when all words of the query stand in the title, in order and next to one another.
    pub title_phrase: f32,
    /// Score of a code (SKU, EAN, part number) that was asked for whole: more than words can reach.
    pub code: f32,
    /// Times the score of a phrase in quotes, for the words next to one another.
    pub phrase: f32,
    /// Times a word's score, when two words of the query are written as one in the product, or one as two.
    pub joined: f32,
    /// Times a word's score, for a synonym of the word.
    pub synonym: f32,
    /// Score of a word of which only the beginning has been typed.
    pub prefix: f32,
    /// Added when that word stands in the title.
    pub prefix_title: f32,
    /// Times a word's score, for each letter that differs in a word that was put right.
    pub near: f32,
    /// Times that again, for spellings that are as near but less likely to be meant.
    pub near_others: f32,
    /// A known word is taken for a possible slip only if at most so many products have it.
    pub rare_products_max: u64,
    /// And only if a near spelling is so many times as common.
    pub suggestion_times_commoner: u64,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            all: 0.1,
            title: 1.0,
            text: 1.0,
            other_fields: 0.1,
            more_words: 6.0,
            enough_products: ENOUGH_PRODUCTS,
            maker: 0.0,
            kind: 0.0,
            all_in_title: 0.0,
            title_phrase: 0.0,
            code: 1_000.0,
            phrase: 1.0,
            joined: 0.9,
            synonym: 0.8,
            prefix: 1.0,
            prefix_title: 2.0,
            near: 0.7,
            near_others: 0.3,
            rare_products_max: 3,
            suggestion_times_commoner: 50,
        }
    }
}
