//! How good one ranking is, given ratings of some products. The gain is linear: a rating of 3 counts three times a rating of 1.

use std::collections::BTreeMap;

use serde::Serialize;

use super::DEPTH;

/// Of one query's first [`DEPTH`] hits. Each is from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Measures {
    /// Normalised discounted cumulative gain (Järvelin and Kekäläinen 2002), against the best order of all rated products.
    pub(crate) ndcg: f64,
    /// Relevant products among the hits, of all relevant ones.
    pub(crate) recall: f64,
    /// 1 / the place of the first relevant hit; 0 without one.
    pub(crate) reciprocal_rank: f64,
    /// How many of the hits anybody has judged; 1 when there are none.
    pub(crate) judged_share: f64,
}

/// Measures a ranking, best first. `None` when nothing is relevant, so that every ranking is as good. What has no rating counts as
/// irrelevant.
pub(crate) fn measures(ranking: &[&str], ratings: &BTreeMap<String, u8>) -> Option<Measures> {
    let relevant = ratings.values().filter(|rating| **rating > 0).count();
    if relevant == 0 {
        return None;
    }
    let hits = &ranking[..ranking.len().min(DEPTH)];
    let found: Vec<u8> = hits.iter().map(|docid| ratings.get(*docid).copied().unwrap_or(0)).collect();
    let mut ideal: Vec<u8> = ratings.values().copied().collect();
    ideal.sort_unstable_by(|a, b| b.cmp(a));
    ideal.truncate(DEPTH);
    let relevant_found = found.iter().filter(|rating| **rating > 0).count();
    let first = found.iter().position(|rating| *rating > 0);
    let judged = hits.iter().filter(|docid| ratings.contains_key(**docid)).count();
    Some(Measures {
        ndcg: discounted(&found) / discounted(&ideal),
        recall: relevant_found as f64 / relevant as f64,
        reciprocal_rank: first.map_or(0.0, |place| 1.0 / (place + 1) as f64),
        judged_share: if hits.is_empty() { 1.0 } else { judged as f64 / hits.len() as f64 },
    })
}

fn discounted(gains: &[u8]) -> f64 {
    gains.iter().zip(2_u32..).map(|(gain, place)| f64::from(*gain) / f64::from(place).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ranking: &[&str], ratings: &[(&str, u8)]) -> Option<Measures> {
        measures(ranking, &ratings.iter().map(|(docid, rating)| ((*docid).to_owned(), *rating)).collect())
    }

    fn assert_close(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-9, "{value} is not {expected}");
    }

    #[test]
    fn the_best_order_scores_one_and_no_relevant_hit_scores_nothing() {
        let ratings = [("a", 3), ("b", 1), ("c", 0)];
        assert_close(of(&["a", "b", "c"], &ratings).unwrap().ndcg, 1.0);
        let none = of(&["c", "x"], &ratings).unwrap();
        assert_eq!((none.ndcg, none.recall, none.reciprocal_rank, none.judged_share), (0.0, 0.0, 0.0, 0.5));
        assert_eq!(of(&[], &ratings).unwrap().ndcg, 0.0);
    }

    #[test]
    fn gain_is_linear_and_fades_with_the_logarithm_of_the_place() {
        // By hand: (1/log2(2) + 3/log2(4)) / (3/log2(2) + 1/log2(3)) = 2.5 / 3.63093.
        let swapped = of(&["b", "x", "a"], &[("a", 3), ("b", 1)]).unwrap();
        assert_close(swapped.ndcg, 2.5 / (3.0 + 1.0 / 3.0_f64.log2()));
        assert_close(swapped.recall, 1.0);
        assert_close(swapped.judged_share, 2.0 / 3.0);
        assert_close(of(&["x", "y", "a"], &[("a", 3), ("b", 1)]).unwrap().reciprocal_rank, 1.0 / 3.0);
    }

    #[test]
    fn only_ten_hits_count_and_only_ten_are_wanted() {
        let names: Vec<String> = (0..30).map(|number| number.to_string()).collect();
        let ratings: BTreeMap<String, u8> = names.iter().map(|name| (name.clone(), 2)).collect();
        let ranking: Vec<&str> = names.iter().map(String::as_str).collect();
        let full = measures(&ranking, &ratings).unwrap();
        assert_close(full.ndcg, 1.0);
        assert_close(full.recall, 1.0 / 3.0);
        let late: Vec<&str> = ["x"; DEPTH].into_iter().chain(ranking).collect();
        assert_eq!(measures(&late, &ratings).unwrap().ndcg, 0.0);
    }

    #[test]
    fn a_query_without_a_relevant_product_says_nothing() {
        assert_eq!(of(&["a"], &[("a", 0), ("b", 0)]), None);
        assert_eq!(of(&["a"], &[]), None);
    }
}
