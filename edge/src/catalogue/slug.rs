//! Names in addresses: lower-case ASCII words joined by hyphens.

use sha2::{Digest, Sha256};

/// Longest slug that is made or looked up.
const LENGTH_MAX: usize = 96;
/// Longest part that comes from a title.
const TITLE_LENGTH_MAX: usize = 72;

/// Whether a slug could be one of ours.
pub(crate) fn is_well_formed(slug: &str) -> bool {
    (1..=LENGTH_MAX).contains(&slug.len())
        && slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// `Hoodies & Sweatshirts` → `hoodies-sweatshirts`. A name without a single Latin letter or digit gets a hash of itself.
pub(crate) fn of_name(name: &str) -> String {
    let words = ascii_words(name, TITLE_LENGTH_MAX);
    if words.is_empty() { format!("n-{}", hash(name)) } else { words }
}

/// A product's slug: its title, and enough of its SKU's hash to tell it from others of the same title.
pub(crate) fn of_product(title: &str, sku: &str) -> String {
    let words = ascii_words(title, TITLE_LENGTH_MAX);
    if words.is_empty() { format!("p-{}", hash(sku)) } else { format!("{words}-{}", hash(sku)) }
}

fn hash(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..4])
}

/// Words of ASCII letters and digits; accents are dropped, everything else separates. Cut between words.
fn ascii_words(text: &str, length_max: usize) -> String {
    let mut slug = String::new();
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        match folded(c) {
            Some(letter) => word.push(letter),
            // An apostrophe joins: "men's" is one word.
            None if matches!(c, '\'' | '’') => {}
            None if word.is_empty() => {}
            None => {
                if slug.len() + 1 + word.len() > length_max {
                    word.truncate(length_max.saturating_sub(slug.len() + 1));
                    if slug.is_empty() {
                        return word;
                    }
                    return slug;
                }
                if !slug.is_empty() {
                    slug.push('-');
                }
                slug.push_str(&word);
                word.clear();
            }
        }
    }
    slug
}

fn folded(c: char) -> Option<char> {
    let lower = c.to_lowercase().next()?;
    let folded = match lower {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ę' | 'ě' | 'ẹ' => 'e',
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'ị' => 'i',
        'ñ' | 'ń' | 'ň' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' | 'ọ' => 'o',
        'ś' | 'š' | 'ṣ' => 's',
        'ù' | 'ú' | 'û' | 'ü' | 'ū' | 'ụ' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        other => other,
    };
    folded.is_ascii_alphanumeric().then_some(folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_addresses() {
        assert_eq!(of_name("Hoodies & Sweatshirts"), "hoodies-sweatshirts");
        assert_eq!(of_name("Men's Ọfị"), "mens-ofi");
        assert!(of_name("市场").starts_with("n-"));
        assert_ne!(of_name("市场"), of_name("商店"));
    }

    #[test]
    fn products_of_one_title_have_addresses_of_their_own() {
        let slug = of_product("HP Pavilion dv7-1211ea (17\")", "dv7-1211ea");
        assert!(slug.starts_with("hp-pavilion-dv7-1211ea-17-"), "{slug}");
        assert_ne!(slug, of_product("HP Pavilion dv7-1211ea (17\")", "other"));
        for title in ["x".repeat(500), "ab ".repeat(200), String::new(), "🙂".to_owned()] {
            assert!(is_well_formed(&of_product(&title, "sku")), "{title}");
        }
        assert!(!is_well_formed("../etc") && !is_well_formed("") && !is_well_formed("A"));
    }
}
