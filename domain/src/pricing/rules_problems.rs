//! What is wrong with rules, in words that say what to write instead. What passes here can be applied.

use std::collections::BTreeSet;

use super::delivery::{Keeper, MethodRule, Zone};
use super::promotion::Promotion;
use super::rules::Rules;
use super::tax::TaxRule;
use super::terms::{Effect, Tax};
use crate::sale::is_slug;

/// Most rules of one kind that apply by themselves.
const RULES_MAX: usize = 500;

/// Most coupons.
const COUPONS_MAX: usize = 20_000;

const NAME_LENGTH_MAX: usize = 80;

impl Rules {
    /// What is wrong with them, each beginning with where: `promotions number 2 (welcome): …`.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let coupons = self.promotions.iter().filter(|promotion| promotion.code.is_some()).count();
        let automatic = self.promotions.len() - coupons;
        for (what, count, most) in [
            ("taxes", self.taxes.len(), RULES_MAX),
            ("delivery", self.delivery.len(), RULES_MAX),
            ("promotions without a code", automatic, RULES_MAX),
            ("promotions with a code", coupons, COUPONS_MAX),
        ] {
            if count > most {
                problems.push(format!("{what}: at most {most}"));
            }
        }
        let mut wrong = |place: String, found: Vec<String>| {
            problems.extend(found.into_iter().map(|problem| format!("{place}: {problem}")));
        };
        for (number, rule) in (1..).zip(&self.taxes) {
            wrong(format!("taxes number {number} ({})", rule.tax.name), of_tax(rule));
        }
        for (number, zone) in (1..).zip(&self.delivery) {
            wrong(format!("delivery number {number} ({})", zone.name), of_zone(zone));
        }
        let (mut ids, mut codes) = (BTreeSet::new(), BTreeSet::new());
        for (number, promotion) in (1..).zip(&self.promotions) {
            let place = format!("promotions number {number} ({})", promotion.id);
            wrong(place.clone(), of_promotion(promotion));
            if !ids.insert(&promotion.id) {
                wrong(place.clone(), vec!["another one has this id".to_owned()]);
            }
            if promotion.code.as_ref().is_some_and(|code| !codes.insert(code)) {
                wrong(place, vec!["another one has this code".to_owned()]);
            }
        }
        problems
    }
}

fn name_problem(name: &str) -> Option<String> {
    let is_bad = name.trim().is_empty() || name.chars().count() > NAME_LENGTH_MAX || name.chars().any(char::is_control);
    is_bad.then(|| format!("name: 1 to {NAME_LENGTH_MAX} characters on one line"))
}

fn country_problems(countries: &[String], regions: &[String]) -> Vec<String> {
    let is_code = |text: &String| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    let bad = countries.iter().filter(|country| !is_code(country));
    let mut problems: Vec<String> =
        bad.map(|country| format!("{country:?} is no country: write two capital letters, like NG")).collect();
    if !regions.is_empty() && countries.is_empty() {
        problems.push("regions: say of which country".to_owned());
    }
    if regions.iter().any(|region| region.trim().is_empty()) {
        problems.push("regions: one of them is empty".to_owned());
    }
    problems
}

fn of_tax(rule: &TaxRule) -> Vec<String> {
    let TaxRule { country, regions, categories, tax: Tax { name, .. }, .. } = rule;
    let mut problems = country_problems(std::slice::from_ref(country), regions);
    problems.extend(name_problem(name));
    if categories.iter().any(|category| category.trim().is_empty()) {
        problems.push("categories: one of them is empty; leave the list out for everything".to_owned());
    }
    problems
}

fn of_zone(zone: &Zone) -> Vec<String> {
    let mut problems = country_problems(&zone.countries, &zone.regions);
    problems.extend(name_problem(&zone.name));
    if zone.methods.is_empty() {
        problems.push("methods: name at least one".to_owned());
    }
    for (at, rule) in zone.methods.iter().enumerate() {
        let place = rule.method.as_str();
        if zone.methods[..at].iter().any(|other| (other.method, other.currency) == (rule.method, rule.currency)) {
            problems.push(format!("{place}: it is there twice in {}", rule.currency));
        }
        problems.extend(of_method(rule).into_iter().map(|problem| format!("{place}: {problem}")));
    }
    problems
}

fn of_method(rule: &MethodRule) -> Vec<String> {
    let mut problems = Vec::new();
    let most = |at: usize| rule.steps[at].up_to_grams.unwrap_or(u64::MAX);
    if rule.steps.is_empty() {
        problems.push("steps: name at least one price".to_owned());
    }
    if (1..rule.steps.len()).any(|at| most(at - 1) >= most(at)) {
        problems.push("steps: the lightest first, and only the last one without up_to_grams".to_owned());
    }
    if rule.steps.iter().any(|step| step.price_minor < 0) || rule.free_from_minor.is_some_and(|from| from < 0) {
        problems.push("an amount is negative".to_owned());
    }
    if rule.kept_by == Keeper::Seller && !rule.is_per_seller {
        problems.push("what sellers keep is paid for each seller: set per to seller".to_owned());
    }
    problems
}

fn of_promotion(promotion: &Promotion) -> Vec<String> {
    let mut problems: Vec<String> = name_problem(&promotion.name).into_iter().collect();
    let mut wrong = |is_wrong: bool, words: &str| {
        if is_wrong {
            problems.push(words.to_owned());
        }
    };
    wrong(!is_slug(&promotion.id), "id: 1 to 96 characters of a-z, 0-9 and -");
    let amount = match promotion.effect {
        Effect::Percent { rate } => {
            wrong(rate.is_zero(), "percent: more than 0");
            None
        }
        Effect::Amount { minor } | Effect::AmountEach { minor } => Some(minor),
        Effect::FreeDelivery => None,
    };
    wrong(amount.is_some_and(|minor| minor <= 0), "the amount: more than 0");
    let has_amounts = amount.is_some() || promotion.minimum_minor.is_some();
    wrong(has_amounts && promotion.currency.is_none(), "currency: its amounts need one");
    wrong(promotion.minimum_minor.is_some_and(|minimum| minimum <= 0), "minimum: more than 0, or leave it out");
    let is_empty = matches!((promotion.starts_at, promotion.ends_at), (Some(start), Some(end)) if end <= start);
    wrong(is_empty, "ends_at: after starts_at");
    wrong(promotion.limit == Some(0) || promotion.limit_per_person == Some(0), "limits: at least 1, or leave them out");
    // Everybody is offered what applies by itself; once it was used up, nobody could buy anything any more.
    let is_limited = promotion.limit.is_some() || promotion.limit_per_person.is_some();
    wrong(is_limited && promotion.code.is_none(), "limits: only a promotion with a code has them");
    problems
}
