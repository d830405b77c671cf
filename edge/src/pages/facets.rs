//! What a listing can be narrowed by: one form that works without JavaScript, and links that undo each choice.
//!
//! With JavaScript a change sends the form, and only the results and the form's inside (`#facets`) are exchanged: the form
//! itself stays, so a panel that is open on a phone stays open. Every control has an id made from its value, by which it
//! keeps the focus wherever it moves.

use domain::money::Money;
use maud::{Markup, html};

use super::filters::{ATTRIBUTE_PREFIX, Filters, Sort, stars_label};
use super::links::{counted, encode, grouped};
use super::listing::{Choice, Model, Place};
use super::rating::stars;

/// Values of one filter that are shown at once; the others open on demand.
const SHOWN: usize = 7;
/// Attributes that are open from the beginning.
const ATTRIBUTES_OPEN: usize = 3;

/// What the listing can be narrowed by, with how many products each choice would leave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facets {
    /// Narrower categories. On a category page `value` is the address, in a search the path `Men/Tops`.
    pub categories: Vec<Choice>,
    /// Brands, most products first.
    pub brands: Vec<Choice>,
    /// What the matching products cost.
    pub price: Option<Prices>,
    /// Stars with the number of products that have at least so many, best first.
    pub ratings: Vec<(u8, u64)>,
    /// Products that can be bought; `None` when nobody counted.
    pub in_stock: Option<u64>,
    /// Attributes by name, most telling first.
    pub attributes: Vec<(String, Vec<Choice>)>,
}

/// What the matching products cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices {
    /// The cheapest and the dearest.
    pub range: (Money, Money),
    /// Parts of the range, both ends inclusive, each with its products.
    pub parts: Vec<(Money, Money, u64)>,
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
    let cleared = filters.cleared().href(base);
    html! {
        @if filters.count() > 0 {
            ul.chips aria-label="Filters in use" {
                @for (label, without) in filters.undoable(model.site.currency) {
                    @let href = without.href(base);
                    li {
                        a.chip href=(href) hx-get=(href) {
                            span.hidden { "Remove filter: " } span.chip-label dir="auto" { (label) }
                            span aria-hidden="true" { "×" }
                        }
                    }
                }
                li { a.clear href=(cleared) hx-get=(cleared) { "Clear all" } }
            }
        }
    }
}

/// The form. On a narrow window it is a panel of its own that a link opens; beside the results otherwise.
pub(super) fn panel(model: &Model<'_>) -> Markup {
    let path = model.place.path();
    html! {
        form.filters #filters action=(path) aria-label="Filters" autocomplete="off" hx-get=(path) {
            .filters-head {
                h2 { "Filters" }
                a.close href="#results" { "Close" }
            }
            #facets { (inside(model)) }
        }
    }
}

fn inside(model: &Model<'_>) -> Markup {
    let Model { filters, facets, .. } = model;
    html! {
        // In the order of `Filters::href`, so that a form that is sent makes the listing's one address.
        @if !filters.query.is_empty() { input type="hidden" name="q" value=(filters.query); }
        @if let Some(category) = &filters.category { input type="hidden" name="category" value=(category); }
        (categories(model))
        @let brands = checks("brand", "brands", &facets.brands, &filters.brands);
        @if !facets.brands.is_empty() || !filters.brands.is_empty() { fieldset { legend { "Brand" } (brands) } }
        (price(model))
        (availability(model))
        (rating(model))
        (attributes(model))
        .filters-foot {
            button.button.no-js { "Show results" }
            a.button.close.js-only href="#results" { "Show " (counted(model.total, "product", "products")) }
        }
    }
}

fn categories(model: &Model<'_>) -> Markup {
    let chosen = model.filters.category.as_deref().unwrap_or_default();
    let href = |category: Option<&str>| {
        Filters { category: category.map(str::to_owned), ..model.filters.from_the_start() }.href(model.place.path())
    };
    // From the outermost category to the one above the chosen one.
    let above: Vec<&str> = chosen.match_indices('/').map(|(end, _)| chosen.get(..end).unwrap_or_default()).collect();
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    html! {
        @if !model.facets.categories.is_empty() || !chosen.is_empty() {
            nav.narrower aria-label="Categories of these products" {
                h3 { "Category" }
                ul role="list" {
                    @if !chosen.is_empty() {
                        li.wider { a #category-all href=(href(None)) hx-get=(href(None)) { "All categories" } }
                        @for path in above {
                            @let href = href(Some(path));
                            li.wider { a id={ "category-" (encode(path)) } href=(href) hx-get=(href) dir="auto" { (name(path)) } }
                        }
                        li { strong dir="auto" { (name(chosen)) } }
                    }
                    @for choice in &model.facets.categories {
                        @match &model.place {
                            Place::Category { .. } => li {
                                a href=(choice.value) { span dir="auto" { (choice.label) } " " small { (grouped(choice.count)) } }
                            },
                            Place::Search => {
                                @let href = href(Some(&choice.value));
                                li {
                                    a id={ "category-" (encode(&choice.value)) } href=(href) hx-get=(href) {
                                        span dir="auto" { (choice.label) } " " small { (grouped(choice.count)) }
                                    }
                                }
                            },
                        }
                    }
                }
            }
        }
    }
}

fn price(model: &Model<'_>) -> Markup {
    let filters = &model.filters;
    let symbol = model.site.currency.symbol().trim();
    let wrong = model.price_problem.as_ref().map(|_| "price-problem");
    html! {
        fieldset {
            legend { "Price" }
            @if let Some(prices) = &model.facets.price {
                @if prices.parts.len() > 1 || !filters.min_price.is_empty() || !filters.max_price.is_empty() {
                    ul.ranges role="list" {
                        @for (low, high, count) in &prices.parts {
                            @let (min_price, max_price) = (plain(*low), plain(*high));
                            @let here = min_price == filters.min_price && max_price == filters.max_price;
                            @let href = Filters { min_price, max_price, ..filters.from_the_start() }.href(model.place.path());
                            li {
                                a id={ "price-" (low.amount_minor) } href=(href) hx-get=(href)
                                    aria-current=[here.then_some("true")] {
                                    span { (low) @if high != low { " to " (high) } } " " small { (grouped(*count)) }
                                }
                            }
                        }
                    }
                } @else {
                    p.hint { (prices.range.0) @if prices.range.0 != prices.range.1 { " to " (prices.range.1) } }
                }
            }
            @if let Some(problem) = &model.price_problem { p.problem #price-problem role="alert" { (problem) } }
            .pair {
                .unit {
                    label for="min_price" { "From " (symbol) }
                    input #min_price name="min_price" inputmode="decimal" autocomplete="off" maxlength="16"
                        value=(filters.min_price) data-submit
                        aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong];
                }
                .unit {
                    label for="max_price" { "To " (symbol) }
                    input #max_price name="max_price" inputmode="decimal" autocomplete="off" maxlength="16"
                        value=(filters.max_price) data-submit
                        aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong];
                }
            }
        }
    }
}

/// An amount as people type it: `12500`, `9.99`.
fn plain(money: Money) -> String {
    money.major().normalize().to_string()
}

fn availability(model: &Model<'_>) -> Markup {
    html! {
        fieldset {
            legend { "Availability" }
            .check {
                input #available type="checkbox" name="available" value="1" checked[model.filters.available_only]
                    data-submit;
                label for="available" {
                    span { "In stock only" } " " @if let Some(count) = model.facets.in_stock { small { (grouped(count)) } }
                }
            }
        }
    }
}

fn rating(model: &Model<'_>) -> Markup {
    let chosen = model.filters.min_stars;
    let mut offered = model.facets.ratings.clone();
    if let Some(stars) = chosen
        && !offered.iter().any(|(offered, _)| *offered == stars)
    {
        offered.insert(0, (stars, 0));
    }
    html! {
        @if !offered.is_empty() {
            fieldset {
                legend { "Rating" }
                .check {
                    input #stars-any type="radio" name="stars" value="" checked[chosen.is_none()] data-submit;
                    label for="stars-any" { "Any rating" }
                }
                @for (count_of, count) in &offered {
                    .check {
                        input id={ "stars-" (count_of) } type="radio" name="stars" value=(count_of)
                            checked[chosen == Some(*count_of)] data-submit;
                        label for={ "stars-" (count_of) } {
                            span.hidden { (stars_label(*count_of)) }
                            span.stars-up aria-hidden="true" {
                                (stars(u16::from(*count_of) * 100)) @if *count_of < 5 { " & up" }
                            }
                            " " @if *count > 0 { small { (grouped(*count)) } }
                        }
                    }
                }
            }
        }
    }
}

fn attributes(model: &Model<'_>) -> Markup {
    let none = Vec::new();
    let chosen = |name: &str| model.filters.attributes.get(name).unwrap_or(&none);
    let offered = &model.facets.attributes;
    // What is chosen can be undone here even where nobody offers it.
    let missing = model.filters.attributes.keys().filter(|name| !offered.iter().any(|(offered, _)| offered == *name));
    let all = missing.map(|name| (name, &[][..])).chain(offered.iter().map(|(name, values)| (name, values.as_slice())));
    html! {
        @for (index, (name, choices)) in all.enumerate() {
            @let field = format!("{ATTRIBUTE_PREFIX}{name}");
            details.facet id={ "facet-" (encode(name)) } open[index < ATTRIBUTES_OPEN || !chosen(name).is_empty()] {
                summary { span dir="auto" { (name) } }
                div role="group" aria-label=(name) { (checks(&field, "values", choices, chosen(name))) }
            }
        }
    }
}

/// Boxes for values of which any will do. What is chosen comes first, so that it is never among those that open on demand; of the
/// others the rarest are, whatever their order.
fn checks(field: &str, plural: &str, choices: &[Choice], chosen: &[String]) -> Markup {
    let missing = chosen.iter().filter(|value| !choices.iter().any(|choice| choice.value == **value));
    let missing: Vec<Choice> =
        missing.map(|value| Choice { label: value.clone(), value: value.clone(), count: 0 }).collect();
    let (first, others): (Vec<&Choice>, Vec<&Choice>) =
        missing.iter().chain(choices).partition(|choice| chosen.contains(&choice.value));
    let room = SHOWN.saturating_sub(first.len());
    let mut counts: Vec<u64> = others.iter().map(|choice| choice.count).collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    // One alone is shown sooner than said to be there.
    let is_folding = others.len() > room + 1;
    let least = counts.get(room).copied().filter(|_| is_folding);
    let mut equal_left = least.map_or(0, |least| room - counts.iter().filter(|count| **count > least).count());
    let (common, folded): (Vec<&Choice>, Vec<&Choice>) = others.into_iter().partition(|choice| {
        let Some(least) = least else { return true };
        let is_last_equal = choice.count == least && equal_left > 0;
        equal_left -= usize::from(is_last_equal);
        choice.count > least || is_last_equal
    });
    let shown: Vec<&Choice> = first.into_iter().chain(common).collect();
    let check = |choice: &Choice| {
        let id = format!("{}-{}", encode(field), encode(&choice.value));
        html! {
            .check {
                input id=(id) type="checkbox" name=(field) value=(choice.value) checked[chosen.contains(&choice.value)]
                    data-submit;
                label for=(id) {
                    span dir="auto" { (choice.label) } " " @if choice.count > 0 { small { (grouped(choice.count)) } }
                }
            }
        }
    };
    html! {
        @for choice in shown { (check(choice)) }
        @if !folded.is_empty() {
            details id={ "more-" (encode(field)) } {
                summary { "Show " (folded.len()) " more " (plural) }
                @for choice in &folded { (check(choice)) }
            }
        }
    }
}

/// The order, as a part of the same form that stands above the results.
pub(super) fn order(model: &Model<'_>) -> Markup {
    html! {
        .sort {
            label.wide-only for="sort" { "Sort by" }
            select #sort name="sort" form="filters" autocomplete="off" data-submit {
                @for sort in Sort::ALL {
                    // The usual order has no place in an address.
                    @let value = if sort == Sort::default() { "" } else { sort.value() };
                    option value=(value) selected[sort == model.filters.sort] { (sort.label()) }
                }
            }
            button.button.quiet.no-js form="filters" { "Sort" }
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::money::Currency;

    use super::super::form::tests::assert_every_control_is_labelled;
    use super::super::layout::tests::site;
    use super::super::listing::tests::model;
    use super::*;

    fn choice(value: &str, count: u64) -> Choice {
        Choice { label: value.into(), value: value.into(), count }
    }

    fn shown(filters: Filters, facets: Facets) -> String {
        let site = site();
        panel(&Model { filters, facets, ..model(&site) }).into_string()
    }

    #[test]
    fn what_is_chosen_comes_first_and_the_rest_opens_on_demand() {
        let brands: Vec<Choice> = (0..20).map(|number| choice(&format!("Brand {number:02}"), 40 - number)).collect();
        let filters =
            Filters { brands: vec!["Brand 15".into(), "Gone & forgotten".into()], page: 1, ..Filters::default() };
        let html = shown(filters, Facets { brands, ..Facets::default() });
        let at = |what: &str| html.find(what).unwrap_or_else(|| panic!("{what} in {html}"));
        assert!(at("value=\"Gone &amp; forgotten\" checked") < at("value=\"Brand 15\" checked"), "{html}");
        assert!(at("value=\"Brand 15\"") < at("value=\"Brand 00\""), "{html}");
        assert!(at("Show 14 more brands") < at("value=\"Brand 14\""), "{html}");
        assert_every_control_is_labelled(&html);
    }

    #[test]
    fn the_commonest_values_are_shown_in_their_own_order() {
        let sizes =
            [("10", 5), ("11", 14), ("12", 14), ("13", 13), ("14", 45), ("15", 90), ("17", 60), ("18", 14), ("19", 20)];
        let sizes = sizes.map(|(size, count)| choice(size, count)).to_vec();
        let html = shown(
            Filters { page: 1, ..Filters::default() },
            Facets { attributes: vec![("Size".to_owned(), sizes)], ..Facets::default() },
        );
        let at = |what: &str| html.find(what).unwrap_or_else(|| panic!("{what} in {html}"));
        let order = ["11", "12", "14", "15", "17", "18", "19"].map(|size| at(&format!("value=\"{size}\"")));
        let more = at("Show 2 more values");
        assert!(order.is_sorted() && order[6] < more, "{html}");
        assert!(more < at("value=\"10\"") && at("value=\"10\"") < at("value=\"13\""), "{html}");
    }

    #[test]
    fn attributes_that_nobody_offers_any_more_can_still_be_undone() {
        let attributes = [("Colour \"x\"".to_owned(), vec!["Red".to_owned()])].into();
        let offered = vec![("Size".to_owned(), vec![choice("M", 3), choice("L", 12_345)])];
        let html = shown(
            Filters { attributes, page: 1, ..Filters::default() },
            Facets { attributes: offered, ..Facets::default() },
        );
        assert!(html.contains("name=\"attr.Colour &quot;x&quot;\" value=\"Red\" checked"), "{html}");
        assert!(html.contains("name=\"attr.Size\" value=\"M\" data-submit"), "{html}");
        assert!(html.contains("12,345"), "{html}");
        assert_every_control_is_labelled(&html);
    }

    #[test]
    fn ratings_are_drawn_and_told() {
        let facets = Facets { ratings: vec![(4, 7), (3, 9)], in_stock: Some(5), ..Facets::default() };
        let html = shown(Filters { min_stars: Some(4), page: 1, ..Filters::default() }, facets);
        assert!(html.contains("4 stars &amp; up") && html.contains("half-8"), "{html}");
        assert!(html.contains("value=\"4\" checked") && html.contains("value=\"\" data-submit"), "{html}");
        assert_every_control_is_labelled(&html);
    }

    #[test]
    fn a_price_range_is_a_link_that_fills_the_fields() {
        let money = |minor| Money::new(minor, Currency::Ngn);
        let parts = vec![(money(0), money(9_999), 3), (money(10_000), money(20_000), 1)];
        let prices = Prices { range: (money(0), money(20_000)), parts };
        let html = shown(
            Filters { min_price: "100".into(), max_price: "200".into(), page: 1, ..Filters::default() },
            Facets { price: Some(prices), ..Facets::default() },
        );
        assert!(html.contains("href=\"/search?min_price=0&amp;max_price=99.99\""), "{html}");
        assert!(html.contains("max_price=200\" aria-current=\"true\""), "{html}");
    }

    #[test]
    fn a_chosen_category_leads_back_up() {
        let filters = Filters { query: "x".into(), category: Some("A/B/C".into()), page: 4, ..Filters::default() };
        let html = shown(filters, Facets::default());
        for href in ["/search?q=x\"", "/search?q=x&amp;category=A\"", "/search?q=x&amp;category=A%2FB\""] {
            assert!(html.contains(&format!("href=\"{href}")), "{href} in {html}");
        }
    }
}
