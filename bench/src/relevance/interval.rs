//! A mean and how sure it is. Queries are few: a difference that is smaller than the interval may be chance.

use importer::random::Random;
use serde::Serialize;

/// Samples of the bootstrap.
const SAMPLES: usize = 10_000;
/// Where the samples begin: the same measurement gives the same interval.
const SEED: u64 = 20_260;

/// A mean with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Interval {
    pub(crate) mean: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Interval {
    /// The mean of `values`; the interval by the percentile bootstrap (Efron 1979).
    pub(crate) fn of_mean(values: &[f64]) -> Self {
        let Ok(count) = u32::try_from(values.len()) else { return Self { mean: 0.0, low: 0.0, high: 0.0 } };
        let mut random = Random::from_seed(SEED);
        let mut means: Vec<f64> = (0..SAMPLES)
            .map(|_| mean(&(0..count).map(|_| values[random.below(count) as usize]).collect::<Vec<_>>()))
            .collect();
        means.sort_by(f64::total_cmp);
        Self { mean: mean(values), low: means[SAMPLES / 40], high: means[SAMPLES - 1 - SAMPLES / 40] }
    }
}

/// The mean; 0 of nothing.
pub(crate) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_leave_no_doubt_and_few_unequal_ones_leave_much() {
        assert_eq!(Interval::of_mean(&[0.25; 9]), Interval { mean: 0.25, low: 0.25, high: 0.25 });
        let few = Interval::of_mean(&[0.0, 1.0, 0.0, 1.0]);
        let many = Interval::of_mean(&[0.0, 1.0].repeat(100));
        assert!(few.low < 0.1 && few.high > 0.9, "{few:?}");
        // The standard error of 200 tosses of a coin is 0.035: the interval is about twice that to each side.
        assert!((many.low - 0.43).abs() < 0.01 && (many.high - 0.57).abs() < 0.01, "{many:?}");
    }

    #[test]
    fn nothing_measured_is_no_failure() {
        assert_eq!(Interval::of_mean(&[]), Interval { mean: 0.0, low: 0.0, high: 0.0 });
    }
}
