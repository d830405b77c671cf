//! Addresses within the shop, each built in one place. Whatever goes into one is percent-encoded.

use std::fmt::Write as _;

/// A link as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What it says.
    pub label: String,
    /// Where it leads, within the shop: `/c/phones`.
    pub href: String,
    /// How many products are there, where that is known.
    pub count: Option<u64>,
}

impl Link {
    /// A link without a count.
    pub fn new(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self { label: label.into(), href: href.into(), count: None }
    }
}

/// A product's page.
pub fn product(slug: &str) -> String {
    format!("/p/{}", encode(slug))
}

/// A product's page with one of its variants chosen.
pub fn variant(slug: &str, sku: &str) -> String {
    format!("/p/{}?variant={}", encode(slug), encode(sku))
}

/// One width of a picture.
pub fn picture(key: &str, width: u32) -> String {
    format!("/pictures/{}/{width}.jpg", encode(key))
}

/// Everything of one brand.
pub fn brand(name: &str) -> String {
    format!("/search?brand={}", encode(name))
}

/// The results of a search.
pub fn search(query: &str) -> String {
    format!("/search?q={}", encode(query))
}

/// Percent-encodes all but RFC 3986's unreserved characters, so that the text is safe in a path and in a query.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Thousands apart, as in `19,406`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 product`, `2 products`, `19,406 products`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_seller_types_stays_inside_its_part_of_the_address() {
        assert_eq!(product("a b/../?x=1#y"), "/p/a%20b%2F..%2F%3Fx%3D1%23y");
        assert_eq!(variant("hoodie", "MH01-M&L\""), "/p/hoodie?variant=MH01-M%26L%22");
        assert_eq!(search("né & co"), "/search?q=n%C3%A9%20%26%20co");
    }

    #[test]
    fn numbers_read_easily() {
        assert_eq!(counted(1, "product", "products"), "1 product");
        assert_eq!(counted(0, "product", "products"), "0 products");
        assert_eq!(counted(1_234_567, "product", "products"), "1,234,567 products");
    }
}
