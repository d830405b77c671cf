//! What a listing can be narrowed by: one form that works without JavaScript, and links that undo each choice.

use domain::money::Currency;
use maud::{Markup, html};

use super::links::{encode, grouped};
use super::listing::{Choice, Model, Place, Sort};

/// Brands shown at once; the others open on demand.
const BRANDS_SHOWN: usize = 8;

/// What was asked of a listing, as it stands in its address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    /// Words, as typed.
    pub query: String,
    /// Category path as the index spells it, `Men/Tops`. Only for searches: a category page *is* its category.
    pub category: Option<String>,
    /// Brands, any of which will do.
    pub brands: Vec<String>,
    /// Lowest price in major units, as typed.
    pub min_price: String,
    /// Highest price in major units, as typed.
    pub max_price: String,
    /// Leave out what is sold out.
    pub available_only: bool,
    /// The order.
    pub sort: Sort,
    /// Which page, from 1.
    pub page: u32,
}

impl Filters {
    /// The address of this very listing below `base`. Defaults are left out, so that one listing has one address.
    pub fn href(&self, base: &str) -> String {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        let page = self.page.to_string();
        let mut add = |name, value| {
            let value: &str = value;
            if !value.is_empty() {
                pairs.push((name, value));
            }
        };
        add("q", &self.query);
        add("category", self.category.as_deref().unwrap_or_default());
        for brand in &self.brands {
            add("brand", brand);
        }
        add("min_price", &self.min_price);
        add("max_price", &self.max_price);
        add("available", if self.available_only { "1" } else { "" });
        add("sort", if self.sort == Sort::default() { "" } else { self.sort.value() });
        add("page", if self.page > 1 { &page } else { "" });
        if pairs.is_empty() {
            return base.to_owned();
        }
        let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        format!("{base}?{}", query.join("&"))
    }

    /// How many choices narrow the listing.
    pub fn count(&self) -> usize {
        self.brands.len()
            + usize::from(self.category.is_some())
            + usize::from(!self.min_price.is_empty() || !self.max_price.is_empty())
            + usize::from(self.available_only)
    }

    /// The same, from the first page.
    #[must_use]
    pub fn from_the_start(&self) -> Self {
        Self { page: 1, ..self.clone() }
    }

    /// The same words and order without any narrowing.
    #[must_use]
    pub fn cleared(&self) -> Self {
        Self { query: self.query.clone(), sort: self.sort, page: 1, ..Self::default() }
    }

    /// Each choice in words, with the filters that remain when it is undone.
    fn undoable(&self, currency: Currency) -> Vec<(String, Self)> {
        let mut out = Vec::new();
        let rest = self.from_the_start();
        if let Some(category) = &self.category {
            let label = category.replace('/', " › ");
            out.push((label, Self { category: None, ..rest.clone() }));
        }
        for brand in &self.brands {
            let brands = self.brands.iter().filter(|other| *other != brand).cloned().collect();
            out.push((brand.clone(), Self { brands, ..rest.clone() }));
        }
        let symbol = currency.symbol();
        let price = match (self.min_price.as_str(), self.max_price.as_str()) {
            ("", "") => None,
            (min, "") => Some(format!("From {symbol}{min}")),
            ("", max) => Some(format!("Up to {symbol}{max}")),
            (min, max) => Some(format!("{symbol}{min} to {symbol}{max}")),
        };
        if let Some(label) = price {
            out.push((label, Self { min_price: String::new(), max_price: String::new(), ..rest.clone() }));
        }
        if self.available_only {
            out.push(("In stock".to_owned(), Self { available_only: false, ..rest }));
        }
        out
    }
}

/// What the listing is narrowed by now, each a link that undoes it.
pub(super) fn chosen(model: &Model<'_>) -> Markup {
    let mut filters = model.filters.clone();
    if model.price_problem.is_some() {
        // It was not applied, so there is nothing to undo.
        filters.min_price.clear();
        filters.max_price.clear();
    }
    let base = model.place.path();
    html! {
        @if filters.count() > 0 {
            ul.chips aria-label="Filters in use" {
                @for (label, without) in filters.undoable(model.site.currency) {
                    li {
                        a.chip href=(without.href(base)) {
                            span.hidden { "Remove filter: " } (label) span aria-hidden="true" { "×" }
                        }
                    }
                }
                li { a href=(filters.cleared().href(base)) { "Clear all" } }
            }
        }
    }
}

/// The form. On a narrow window it is a panel of its own that a link opens; beside the results otherwise.
pub(super) fn panel(model: &Model<'_>) -> Markup {
    let filters = &model.filters;
    let symbol = model.site.currency.symbol().trim();
    let wrong = model.price_problem.as_ref().map(|_| "price-problem");
    html! {
        form.filters #filters action=(model.place.path()) aria-label="Filters" {
            .filters-head {
                h2 { "Filters" }
                a.close href="#results" { "Close" }
            }
            @if !filters.query.is_empty() { input type="hidden" name="q" value=(filters.query); }
            @if filters.sort != Sort::default() { input type="hidden" name="sort" value=(filters.sort.value()); }
            @if let Some(category) = &filters.category { input type="hidden" name="category" value=(category); }
            (categories(model))
            fieldset {
                legend { "Price" }
                @if let Some((low, high)) = model.price_range { p.hint { (low) " to " (high) } }
                @if let Some(problem) = &model.price_problem { p.problem #price-problem { (problem) } }
                .pair {
                    .unit {
                        label for="min_price" { "From " (symbol) }
                        input #min_price name="min_price" inputmode="decimal" autocomplete="off" maxlength="16"
                            value=(filters.min_price)
                            aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong];
                    }
                    .unit {
                        label for="max_price" { "To " (symbol) }
                        input #max_price name="max_price" inputmode="decimal" autocomplete="off" maxlength="16"
                            value=(filters.max_price)
                            aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong];
                    }
                }
            }
            fieldset {
                legend { "Availability" }
                .check {
                    input #available type="checkbox" name="available" value="1" checked[filters.available_only];
                    label for="available" { "In stock only" }
                }
            }
            (brands(model))
            .filters-foot {
                button.button { "Show results" }
            }
        }
    }
}

fn categories(model: &Model<'_>) -> Markup {
    let href = |choice: &Choice| match &model.place {
        Place::Category { .. } => choice.value.clone(),
        Place::Search => {
            let narrowed = Filters { category: Some(choice.value.clone()), ..model.filters.from_the_start() };
            narrowed.href(model.place.path())
        }
    };
    html! {
        @if !model.categories.is_empty() {
            nav.narrower aria-label="Narrower categories" {
                h3 { "Category" }
                ul role="list" {
                    @for choice in &model.categories {
                        li { a href=(href(choice)) { (choice.label) " " small { (grouped(choice.count)) } } }
                    }
                }
            }
        }
    }
}

fn brands(model: &Model<'_>) -> Markup {
    let chosen = &model.filters.brands;
    let missing = chosen.iter().filter(|name| !model.brands.iter().any(|choice| choice.value == **name));
    let missing: Vec<Choice> =
        missing.map(|name| Choice { label: name.clone(), value: name.clone(), count: 0 }).collect();
    // What is chosen comes first, so that it is never hidden among those that open on demand.
    let (first, others): (Vec<&Choice>, Vec<&Choice>) =
        missing.iter().chain(&model.brands).partition(|choice| chosen.contains(&choice.value));
    let all: Vec<&Choice> = first.into_iter().chain(others).collect();
    let (shown, folded) = all.split_at(all.len().min(BRANDS_SHOWN.max(chosen.len())));
    let check = |index: usize, choice: &Choice| {
        html! {
            .check {
                input id={ "brand-" (index) } type="checkbox" name="brand" value=(choice.value)
                    checked[chosen.contains(&choice.value)];
                label for={ "brand-" (index) } {
                    (choice.label) " " @if choice.count > 0 { small { (grouped(choice.count)) } }
                }
            }
        }
    };
    html! {
        @if !all.is_empty() {
            fieldset {
                legend { "Brand" }
                @for (index, choice) in shown.iter().enumerate() { (check(index, choice)) }
                @if !folded.is_empty() {
                    details {
                        summary { (folded.len()) " more brands" }
                        @for (index, choice) in folded.iter().enumerate() { (check(shown.len() + index, choice)) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_has_one_address_and_defaults_are_not_in_it() {
        assert_eq!(Filters { page: 1, ..Filters::default() }.href("/c/phones"), "/c/phones");
        let filters = Filters {
            query: "a&b".into(),
            brands: vec!["C2G".into(), "H/P".into()],
            max_price: "100".into(),
            sort: Sort::PriceAsc,
            page: 3,
            ..Filters::default()
        };
        assert_eq!(
            filters.href("/search"),
            "/search?q=a%26b&brand=C2G&brand=H%2FP&max_price=100&sort=price_asc&page=3"
        );
    }

    #[test]
    fn each_filter_can_be_undone_by_itself() {
        let filters = Filters {
            brands: vec!["A".into(), "B".into()],
            min_price: "5".into(),
            available_only: true,
            page: 9,
            ..Filters::default()
        };
        let undoable = filters.undoable(Currency::Usd);
        assert_eq!(undoable.len(), filters.count());
        let (label, without) = &undoable[0];
        assert_eq!(
            (label.as_str(), without.href("/search")),
            ("A", "/search?brand=B&min_price=5&available=1".to_owned())
        );
        assert_eq!(undoable[2].0, "From $5");
    }
}
