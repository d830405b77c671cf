//! Which tax falls on what: by country, region and category, the most specific rule first.

use serde::{Deserialize, Serialize};

use super::rules::{Destination, is_within};
use super::terms::Tax;

/// A tax, and where it is due.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TaxRule {
    /// ISO 3166-1 alpha-2, upper case.
    pub country: String,
    /// States or provinces of it; empty for all.
    #[serde(default)]
    pub regions: Vec<String>,
    /// Categories, from the top, joined by `/`: what is in them and below them. Empty for everything.
    #[serde(default)]
    pub categories: Vec<String>,
    /// The tax.
    pub tax: Tax,
    /// Whether delivery bears it too.
    #[serde(default)]
    pub is_on_delivery: bool,
}

impl TaxRule {
    fn is_for(&self, destination: &Destination) -> bool {
        self.country == destination.country && destination.is_in_regions(&self.regions)
    }

    /// How specific it is for a category; `None` when it says nothing of it.
    fn fit(&self, category: &str) -> Option<(bool, usize)> {
        let depth = match self.categories.as_slice() {
            [] => Some(0),
            some => some.iter().filter(|own| is_within(category, own)).map(|own| own.split('/').count()).max(),
        };
        depth.map(|depth| (!self.regions.is_empty(), depth))
    }
}

/// The tax on things of `category` that go to `destination`. Of rules that fit equally well the first one counts.
pub(super) fn on_items<'r>(rules: &'r [TaxRule], destination: &Destination, category: &str) -> Option<&'r Tax> {
    let here = rules.iter().filter(|rule| rule.is_for(destination));
    best(here.filter_map(|rule| Some((rule.fit(category)?, &rule.tax))))
}

/// The tax on delivery to `destination`.
pub(super) fn on_delivery<'r>(rules: &'r [TaxRule], destination: &Destination) -> Option<&'r Tax> {
    let here = rules.iter().filter(|rule| rule.is_for(destination) && rule.is_on_delivery);
    best(here.map(|rule| ((!rule.regions.is_empty(), 0), &rule.tax)))
}

/// The first of those that fit best. A rate of nothing is no tax, however well it fits.
fn best<'r>(fitting: impl Iterator<Item = ((bool, usize), &'r Tax)>) -> Option<&'r Tax> {
    let better = |best: Option<((bool, usize), &'r Tax)>, next: ((bool, usize), &'r Tax)| match best {
        Some(kept) if kept.0 >= next.0 => Some(kept),
        Some(_) | None => Some(next),
    };
    fitting.fold(None, better).map(|(_, tax)| tax).filter(|tax| !tax.rate.is_zero())
}
