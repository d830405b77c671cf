//! What is asked of a listing, as it stands in its address: read from one, and written to the one address that it has.
//!
//! Knows no index and no product. What cannot be read is said in words, and never guessed.

use std::collections::BTreeMap;

use domain::money::Currency;

use super::layout::clipped;
use super::links::encode;

/// What attribute filters' names begin with in addresses: `attr.Colour=Red`.
pub const ATTRIBUTE_PREFIX: &str = "attr.";

/// What was asked of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    /// Words, as typed.
    pub query: String,
    /// Category path as the index spells it, `Men/Tops`. Only for searches: a category page *is* its category.
    pub category: Option<String>,
    /// Brands, any of which will do; sorted.
    pub brands: Vec<String>,
    /// Lowest price in major units, as typed.
    pub min_price: String,
    /// Highest price in major units, as typed.
    pub max_price: String,
    /// Leave out what is sold out.
    pub available_only: bool,
    /// Rated this many stars or better, 1 to 5.
    pub min_stars: Option<u8>,
    /// Attribute names, each with the values of which any will do; sorted.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// The order.
    pub sort: Sort,
    /// Which page, from 1.
    pub page: u32,
}

/// The order of products.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// Best match, or most wanted.
    #[default]
    Relevance,
    /// Newest first.
    Newest,
    /// Cheapest first.
    PriceAsc,
    /// Dearest first.
    PriceDesc,
    /// Best rated first.
    Rating,
    /// Most sold first.
    BestSelling,
}

impl Sort {
    /// Every order, in the order in which they are offered.
    pub const ALL: [Self; 6] =
        [Self::Relevance, Self::Newest, Self::PriceAsc, Self::PriceDesc, Self::Rating, Self::BestSelling];

    /// Its name in addresses; the JSON API has the same.
    pub const fn value(self) -> &'static str {
        match self {
            Self::Relevance => "relevance",
            Self::Newest => "newest",
            Self::PriceAsc => "price_asc",
            Self::PriceDesc => "price_desc",
            Self::Rating => "rating",
            Self::BestSelling => "best_selling",
        }
    }

    /// The order of that name.
    pub fn from_value(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.value() == value)
    }

    /// What it is called.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Relevance => "Most relevant",
            Self::Newest => "Newest",
            Self::PriceAsc => "Price, low to high",
            Self::PriceDesc => "Price, high to low",
            Self::Rating => "Best rated",
            Self::BestSelling => "Best selling",
        }
    }
}

impl Filters {
    /// What the pairs of a query string ask for, and what in them cannot be understood, in words for the shopper. Names
    /// that mean nothing here are left alone: others put theirs into shared links.
    pub fn read(pairs: impl Iterator<Item = (String, String)>) -> (Self, Vec<String>) {
        let mut filters = Self { page: 1, ..Self::default() };
        let mut problems = Vec::new();
        for (name, value) in pairs {
            let text = value.trim();
            if text.is_empty() {
                continue;
            }
            let mut wrong = |what: &str| problems.push(format!("“{}” is no {what}.", clipped(text, 40)));
            match name.as_str() {
                "q" => filters.query = text.to_owned(),
                "category" => filters.category = Some(text.to_owned()),
                "brand" => filters.brands.push(text.to_owned()),
                "min_price" => filters.min_price = text.to_owned(),
                "max_price" => filters.max_price = text.to_owned(),
                "available" => match text {
                    "1" | "true" => filters.available_only = true,
                    "0" | "false" => filters.available_only = false,
                    _ => wrong("way to filter by availability: it is 1 or 0"),
                },
                "stars" => match text.parse() {
                    Ok(stars @ 1..=5) => filters.min_stars = Some(stars),
                    Ok(_) | Err(_) => wrong("number of stars: there are 1 to 5"),
                },
                "sort" => match Sort::from_value(text) {
                    Some(sort) => filters.sort = sort,
                    None => wrong("order that products can be sorted in"),
                },
                "page" => match text.parse::<u64>() {
                    // Whether there are so many is for others to say.
                    Ok(page @ 1..) => filters.page = u32::try_from(page).unwrap_or(u32::MAX),
                    Ok(0) | Err(_) => wrong("page: they are counted with whole numbers from 1"),
                },
                _ => {
                    if let Some(attribute) = name.strip_prefix(ATTRIBUTE_PREFIX).filter(|name| !name.is_empty()) {
                        filters.attributes.entry(attribute.to_owned()).or_default().push(text.to_owned());
                    }
                }
            }
        }
        for values in filters.attributes.values_mut().chain([&mut filters.brands]) {
            values.sort_unstable();
            values.dedup();
        }
        (filters, problems)
    }

    /// The address of this very listing below `base`. Defaults are left out, so that one listing has one address.
    pub fn href(&self, base: &str) -> String {
        let mut query = String::new();
        let mut add = |name: &str, value: &str| {
            if !value.is_empty() {
                query.push(if query.is_empty() { '?' } else { '&' });
                query.push_str(name);
                query.push('=');
                query.push_str(&encode(value));
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
        add("stars", &self.min_stars.map(|stars| stars.to_string()).unwrap_or_default());
        for (name, values) in &self.attributes {
            for value in values {
                add(&format!("{ATTRIBUTE_PREFIX}{}", encode(name)), value);
            }
        }
        add("sort", if self.sort == Sort::default() { "" } else { self.sort.value() });
        add("page", &if self.page > 1 { self.page.to_string() } else { String::new() });
        format!("{base}{query}")
    }

    /// How many choices narrow the listing.
    pub fn count(&self) -> usize {
        self.brands.len()
            + self.attributes.values().map(Vec::len).sum::<usize>()
            + usize::from(self.category.is_some())
            + usize::from(!self.min_price.is_empty() || !self.max_price.is_empty())
            + usize::from(self.available_only)
            + usize::from(self.min_stars.is_some())
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
    pub fn undoable(&self, currency: Currency) -> Vec<(String, Self)> {
        let mut out = Vec::new();
        let rest = self.from_the_start();
        if let Some(category) = &self.category {
            out.push((category.replace('/', " › "), Self { category: None, ..rest.clone() }));
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
            out.push(("In stock".to_owned(), Self { available_only: false, ..rest.clone() }));
        }
        if let Some(stars) = self.min_stars {
            out.push((stars_label(stars), Self { min_stars: None, ..rest.clone() }));
        }
        for (name, values) in &self.attributes {
            for value in values {
                let mut attributes = self.attributes.clone();
                if let Some(left) = attributes.get_mut(name) {
                    left.retain(|other| other != value);
                }
                attributes.retain(|_, left| !left.is_empty());
                out.push((format!("{name}: {value}"), Self { attributes, ..rest.clone() }));
            }
        }
        out
    }
}

/// `4 stars & up`.
pub fn stars_label(stars: u8) -> String {
    match stars {
        1 => "1 star & up".to_owned(),
        5 => "5 stars".to_owned(),
        stars => format!("{stars} stars & up"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (Filters, Vec<String>) {
        Filters::read(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    fn everything() -> Filters {
        Filters {
            query: "a&b".into(),
            category: Some("Men/Tops".into()),
            brands: vec!["C2G".into(), "H/P".into()],
            min_price: "5".into(),
            max_price: "100".into(),
            available_only: true,
            min_stars: Some(4),
            attributes: [("Cable length".into(), vec!["1 m".into(), "2=3 m".into()])].into(),
            sort: Sort::BestSelling,
            page: 3,
        }
    }

    #[test]
    fn a_listing_has_one_address_and_defaults_are_not_in_it() {
        assert_eq!(Filters { page: 1, ..Filters::default() }.href("/c/phones"), "/c/phones");
        assert_eq!(
            everything().href("/search"),
            "/search?q=a%26b&category=Men%2FTops&brand=C2G&brand=H%2FP&min_price=5&max_price=100&available=1&stars=4\
             &attr.Cable%20length=1%20m&attr.Cable%20length=2%3D3%20m&sort=best_selling&page=3"
        );
    }

    #[test]
    fn whatever_order_an_address_has_it_asks_the_same() {
        let pairs = [
            ("page", "3"),
            ("attr.Cable length", "2=3 m"),
            ("attr.Cable length", "1 m"),
            ("brand", "H/P"),
            ("utm_source", "mail"),
            ("brand", "C2G"),
            ("brand", "C2G"),
            ("sort", "best_selling"),
            ("stars", "4"),
            ("q", " a&b "),
            ("available", "1"),
            ("category", "Men/Tops"),
            ("max_price", "100"),
            ("min_price", "5"),
        ];
        assert_eq!(read(&pairs), (everything(), vec![]));
        assert_eq!(read(&[("min_price", ""), ("sort", ""), ("attr.", "x")]).0.count(), 0);
    }

    #[test]
    fn what_cannot_be_understood_is_said_and_the_rest_is_kept() {
        for (name, value) in [
            ("page", "abc"),
            ("page", "0"),
            ("page", "-1"),
            ("stars", "6"),
            ("stars", "many"),
            ("available", "maybe"),
            ("sort", "colour"),
        ] {
            let (filters, problems) = read(&[("q", "mouse"), (name, value)]);
            assert_eq!(problems.len(), 1, "{name}={value}");
            assert!(problems[0].contains(value), "{problems:?}");
            assert_eq!(filters, Filters { query: "mouse".into(), page: 1, ..Filters::default() });
        }
        assert_eq!(read(&[("page", "99999999999999")]).0.page, u32::MAX, "too deep is for others to say");
    }

    #[test]
    fn each_filter_can_be_undone_by_itself() {
        let filters = everything();
        let undoable = filters.undoable(Currency::Usd);
        assert_eq!(undoable.len(), filters.count());
        for (label, without) in &undoable {
            assert_eq!((without.count(), without.page), (filters.count() - 1, 1), "{label}");
        }
        let labels: Vec<&str> = undoable.iter().map(|(label, _)| label.as_str()).collect();
        assert_eq!(
            labels,
            [
                "Men › Tops",
                "C2G",
                "H/P",
                "$5 to $100",
                "In stock",
                "4 stars & up",
                "Cable length: 1 m",
                "Cable length: 2=3 m"
            ]
        );
    }
}
