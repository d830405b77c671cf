//! What a shopper writes at checkout, checked field by field: the same rules for the form, the API and the origin.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Where an order goes. Checked by [`Address::problems`] before anything is done with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    /// Full name of who receives it.
    pub name: String,
    /// Street and house.
    pub line1: String,
    /// Town or city.
    pub city: String,
    /// State, province or county; empty where a country has none.
    #[serde(default)]
    pub region: String,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: String,
    /// Telephone number, for the courier.
    pub phone: String,
}

/// Field names with what is wrong with them, in words for the person who typed them.
pub type Problems = BTreeMap<&'static str, String>;

/// Longest e-mail address (RFC 5321, section 4.5.3.1.3, less the angle brackets).
const EMAIL_LENGTH_MAX: usize = 254;
const TEXT_LENGTH_MAX: usize = 120;

impl Address {
    /// The same address without white space around its fields and with an upper-case country.
    #[must_use]
    pub fn trimmed(self) -> Self {
        let trim = |text: String| text.trim().to_owned();
        Self {
            name: trim(self.name),
            line1: trim(self.line1),
            city: trim(self.city),
            region: trim(self.region),
            country: trim(self.country).to_ascii_uppercase(),
            phone: trim(self.phone),
        }
    }

    /// What is wrong with it, by field; nothing when it is good.
    pub fn problems(&self) -> Problems {
        let mut problems = Problems::new();
        let required = [
            ("name", &self.name, "Enter the name of the person who will receive the order"),
            ("line1", &self.line1, "Enter the street and house number"),
            ("city", &self.city, "Enter the town or city"),
        ];
        for (field, value, missing) in required {
            if value.is_empty() {
                problems.insert(field, missing.to_owned());
            }
        }
        for (field, value) in
            [("name", &self.name), ("line1", &self.line1), ("city", &self.city), ("region", &self.region)]
        {
            if value.chars().count() > TEXT_LENGTH_MAX {
                problems.insert(field, format!("Use at most {TEXT_LENGTH_MAX} characters"));
            } else if value.chars().any(char::is_control) {
                problems.insert(field, "Remove the line breaks and control characters".to_owned());
            }
        }
        if self.country.len() != 2 || !self.country.bytes().all(|b| b.is_ascii_uppercase()) {
            problems.insert("country", "Choose a country".to_owned());
        }
        if let Some(problem) = phone_problem(&self.phone) {
            problems.insert("phone", problem.to_owned());
        }
        problems
    }
}

/// What is wrong with an e-mail address; `None` when a message could be sent to it.
///
/// Only what no mail server would accept is refused. Whether the address exists, only a message can tell.
pub fn email_problem(email: &str) -> Option<&'static str> {
    const HINT: &str = "Enter an e-mail address like ada@example.com";
    if email.is_empty() {
        return Some("Enter your e-mail address, so that we can reach you about the order");
    }
    if email.len() > EMAIL_LENGTH_MAX {
        return Some("This e-mail address is too long");
    }
    let Some((local, domain)) = email.rsplit_once('@') else { return Some(HINT) };
    let bad =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '(' | ')' | ',' | ';' | ':' | '"');
    let labels_ok =
        domain.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
    let bad_shape = local.is_empty() || local.len() > 64 || !domain.contains('.') || !labels_ok;
    (bad_shape || local.contains('@') || email.chars().any(bad)).then_some(HINT)
}

fn phone_problem(phone: &str) -> Option<&'static str> {
    let digits = phone.chars().filter(char::is_ascii_digit).count();
    let allowed = phone.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '(' | ')' | '.'));
    if phone.is_empty() {
        Some("Enter a telephone number that the courier can call")
    } else if !allowed || !(7..=15).contains(&digits) {
        Some("Enter a telephone number with 7 to 15 digits, like 0803 123 4567")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Address {
        Address {
            name: "Ada Obi".into(),
            line1: "12 Marina".into(),
            city: "Lagos".into(),
            region: "Lagos".into(),
            country: "NG".into(),
            phone: "+234 803 123 4567".into(),
        }
    }

    #[test]
    fn each_field_says_what_is_wrong_with_it() {
        assert_eq!(good().problems(), Problems::new());
        let fields = |address: Address| address.problems().into_keys().collect::<Vec<_>>();
        assert_eq!(fields(Address::default()), ["city", "country", "line1", "name", "phone"]);
        assert_eq!(fields(Address { name: "x".repeat(121), ..good() }), ["name"]);
        assert_eq!(fields(Address { line1: "a\r\nBcc: b".into(), ..good() }), ["line1"]);
        assert_eq!(fields(Address { phone: "12".into(), ..good() }), ["phone"]);
        assert_eq!(fields(Address { country: "ng".into(), ..good() }), ["country"]);
        assert_eq!(fields(Address { country: " ng ".into(), ..good() }.trimmed()), Vec::<&str>::new());
    }

    #[test]
    fn an_email_address_is_one_that_can_be_written_to() {
        for good in ["ada@example.com", "a.b+c@sub.example.co.uk", "zoë@example.com"] {
            assert_eq!(email_problem(good), None, "{good}");
        }
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "a b@example.com",
            "a@b@example.com",
            "a@example..com",
            "a@example.com\r\nBcc: b@example.com",
        ] {
            assert!(email_problem(bad).is_some(), "{bad:?}");
        }
    }
}
