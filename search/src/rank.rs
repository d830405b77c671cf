//! How far business may move a product: sales, ratings, stock and freshness as small, bounded lifts. It never decides
//! what matches.

use serde::{Deserialize, Serialize};

/// Words decide; all business lifts together add at most this share of a product's text score. Two products change
/// places only when their text scores are nearer than that, so one whose code was typed, which scores hundreds, stays.
pub const BOOST_MAX: f32 = 0.5;
/// What having every word is worth where products with only some of them follow: more than all other scores together, so that they do
/// follow. Business changes nothing about it.
pub(crate) const ALL_WORDS_SCORE: f32 = 4096.0;

/// Ratings that a product begins with, as if given by people who were not there, and their average in hundredths of a
/// star. A product's *esteem* is the average over these and its own: `(10 × 3.5 + count × average) / (10 + count)`.
const PRIOR_COUNT: u64 = 10;
const PRIOR_HUNDREDTHS: u64 = 350;
/// Esteem is kept in steps of this many to a hundredth of a star.
const ESTEEM_STEPS: u64 = 100;
/// Five stars from everybody.
pub(crate) const ESTEEM_MAX: u64 = 500 * ESTEEM_STEPS;
/// Units sold that count as much as any more would.
const SOLD_FULL: u32 = 10_000;
/// In this time, before the newest product was added, freshness fades to nothing.
const FRESH_MS: f32 = 90.0 * 86_400_000.0;

/// How much each sign of a product's standing counts. Each sign is between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Boosts {
    /// Units sold, in logarithm: 0 for none, 1 for 10,000 or more.
    pub sales: f32,
    /// The average rating, pulled towards 3.5 stars by ten imagined ratings: 0 for one star, 1 for five. A product that
    /// nobody rated stands where 3.5 stars stand.
    pub rating: f32,
    /// 1 when it can be bought.
    pub stock: f32,
    /// 1 for the newest product of all, 0 for what was added 90 days before it.
    pub fresh: f32,
}

impl Default for Boosts {
    fn default() -> Self {
        Self { sales: 0.0, rating: 0.0, stock: 0.0, fresh: 0.0 }
    }
}

/// What business adds to the order by relevance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BusinessWeights {
    /// For searches: a hit's score is its text score × (1 + the weighted signs). Weights that together exceed
    /// [`BOOST_MAX`] are scaled down to it, negative ones count as zero.
    pub search: Boosts,
    /// For listings, where there are no words: the weighted signs alone are the order.
    pub listing: Boosts,
}

impl Default for BusinessWeights {
    fn default() -> Self {
        Self {
            search: Boosts { sales: 0.1, rating: 0.05, stock: 0.1, fresh: 0.0 },
            listing: Boosts { sales: 1.0, rating: 0.4, stock: 0.5, fresh: 0.2 },
        }
    }
}

/// What is known of a product's standing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) sold: u64,
    pub(crate) esteem: u64,
    pub(crate) is_available: bool,
    pub(crate) created_ms: u64,
}

/// The weights, ready to be used.
#[derive(Debug)]
pub(crate) struct Ranking {
    search: Boosts,
    listing: Boosts,
    newest_ms: u64,
}

impl Ranking {
    pub(crate) fn new(weights: &BusinessWeights, newest_ms: u64) -> Self {
        let search = sane(weights.search);
        let sum = search.sales + search.rating + search.stock + search.fresh;
        let scale = if sum > BOOST_MAX { BOOST_MAX / sum } else { 1.0 };
        let search = Boosts {
            sales: search.sales * scale,
            rating: search.rating * scale,
            stock: search.stock * scale,
            fresh: search.fresh * scale,
        };
        Self { search, listing: sane(weights.listing), newest_ms }
    }

    /// A text score with what business adds.
    #[inline]
    pub(crate) fn blended(&self, score: f32, standing: Standing) -> f32 {
        let all_words = if score >= ALL_WORDS_SCORE { ALL_WORDS_SCORE } else { 0.0 };
        all_words + (score - all_words).max(0.0) * (1.0 + self.sum(&self.search, standing))
    }

    /// The order of listings.
    #[inline]
    pub(crate) fn listed(&self, standing: Standing) -> f32 {
        self.sum(&self.listing, standing)
    }

    #[inline]
    fn sum(&self, weights: &Boosts, standing: Standing) -> f32 {
        let esteem = if standing.esteem == 0 { PRIOR_HUNDREDTHS * ESTEEM_STEPS } else { standing.esteem };
        let rating = (esteem as f32 / ESTEEM_STEPS as f32 - 100.0) / 400.0;
        let age_ms = self.newest_ms.saturating_sub(standing.created_ms) as f32;
        weights.sales * sales(standing.sold)
            + weights.rating * rating
            + if standing.is_available { weights.stock } else { 0.0 }
            + weights.fresh * (1.0 - age_ms * (1.0 / FRESH_MS)).max(0.0)
    }
}

fn sane(weights: Boosts) -> Boosts {
    let sane = |weight: f32| if weight.is_finite() { weight.clamp(0.0, 1_000.0) } else { 0.0 };
    Boosts {
        sales: sane(weights.sales),
        rating: sane(weights.rating),
        stock: sane(weights.stock),
        fresh: sane(weights.fresh),
    }
}

/// Units sold between 0 and 1. The bits of a float are close to its logarithm, and much cheaper.
#[inline]
fn sales(sold: u64) -> f32 {
    let steps = |sold: u32| (sold as f32 + 1.0).to_bits() - 1.0_f32.to_bits();
    steps((sold.min(u64::from(SOLD_FULL))) as u32) as f32 / steps(SOLD_FULL) as f32
}

/// What people think of a product, at most [`ESTEEM_MAX`]; 0 when nobody has said.
pub(crate) fn esteem(hundredths: u64, count: u64) -> u64 {
    if hundredths == 0 || count == 0 {
        return 0;
    }
    let count = count.min(u64::from(u32::MAX));
    (PRIOR_COUNT * PRIOR_HUNDREDTHS + count * hundredths.clamp(100, 500)) * ESTEEM_STEPS / (PRIOR_COUNT + count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOR: Standing = Standing { sold: 0, esteem: 100 * ESTEEM_STEPS, is_available: false, created_ms: 0 };
    const BEST: Standing =
        Standing { sold: u64::MAX, esteem: ESTEEM_MAX, is_available: true, created_ms: 1_700_000_000_000 };

    #[test]
    fn few_ratings_count_for_little() {
        assert!(esteem(500, 1) < esteem(450, 50));
        assert!(esteem(100, 1) > esteem(250, 50));
        assert_eq!(esteem(500, u64::MAX), ESTEEM_MAX - 1);
        assert_eq!((esteem(0, 9), esteem(400, 0)), (0, 0));
    }

    #[test]
    fn business_never_adds_more_than_its_bound_whatever_the_weights() {
        for weight in [0.0, 0.1, 1.0, 1e30, f32::INFINITY, f32::NAN, -5.0] {
            let boosts = Boosts { sales: weight, rating: weight, stock: weight, fresh: weight };
            let ranking = Ranking::new(&BusinessWeights { search: boosts, listing: boosts }, BEST.created_ms);
            let (best, poor) = (ranking.blended(10.0, BEST), ranking.blended(10.0, POOR));
            assert!(
                best <= 10.0 * (1.0 + BOOST_MAX) * 1.000_1 && poor >= 9.9 && best >= poor,
                "{weight}: {poor} {best}"
            );
        }
        let most = Ranking::new(&BusinessWeights::default(), BEST.created_ms).blended(1.0, BEST);
        assert!((most - 1.25).abs() < 0.001, "{most}");
    }

    #[test]
    fn every_sign_of_standing_lifts() {
        let ranking = Ranking::new(&BusinessWeights::default(), BEST.created_ms);
        for better in [
            Standing { sold: 5, ..POOR },
            Standing { esteem: 40_000, ..POOR },
            Standing { is_available: true, ..POOR },
            Standing { created_ms: BEST.created_ms - 86_400_000, ..POOR },
        ] {
            assert!(ranking.listed(better) > ranking.listed(POOR), "{better:?}");
        }
        assert!((0..20_000).map(sales).is_sorted());
        assert_eq!((sales(0), sales(u64::MAX)), (0.0, 1.0));
    }
}
