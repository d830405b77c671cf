//! Who a person is, as far as the shop can tell: an e-mail address that they can read, under whichever spelling.

use uuid::Builder;

use crate::ids::PersonId;
use crate::signature::Keyring;

/// What a sale's people are told apart by. Spellings of one mailbox are one: case, `+tags`, and the dots that Gmail does not see.
pub fn folded(address: &str) -> String {
    let lower = address.trim().to_lowercase();
    let Some((local, domain)) = lower.rsplit_once('@') else { return lower };
    let untagged = local.split_once('+').map_or(local, |(name, _)| name);
    // An address may be nothing but a tag.
    let local = if untagged.is_empty() { local } else { untagged };
    match domain {
        "gmail.com" | "googlemail.com" => format!("{}@gmail.com", local.replace('.', "")),
        _ => format!("{local}@{domain}"),
    }
}

/// The person behind an address, in the one sale that `keys` belong to: a digest that tells nothing without them.
pub fn person(keys: &Keyring, address: &str) -> PersonId {
    let digest = keys.digest("sale person", &folded(address));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    PersonId(Builder::from_custom_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_mailbox_are_one_person() {
        for same in ["Ada.Obi@gmail.com", "adaobi+1@GMAIL.com", " a.d.a.obi+sale@googlemail.com "] {
            assert_eq!(folded(same), "adaobi@gmail.com");
        }
        assert_eq!(folded("Ada+Lagos@Example.com"), "ada@example.com");
        assert_eq!(folded("a.b@example.com"), "a.b@example.com", "elsewhere a dot may mean something");
        assert_eq!(folded("+only@example.com"), "+only@example.com");
    }

    #[test]
    fn a_person_is_another_one_in_another_sale() {
        let keys = |letter: &str| -> Keyring { format!("sale:{}", letter.repeat(64)).parse().unwrap() };
        let ada = person(&keys("a"), "ada@example.com");
        assert_eq!(ada, person(&keys("a"), "ADA+x@example.com"));
        assert_ne!(ada, person(&keys("b"), "ada@example.com"));
        assert_ne!(ada, person(&keys("a"), "obi@example.com"));
        assert_eq!(ada.0.get_version_num(), 8);
    }
}
