//! Links that go to an address and let whoever reads it choose a password, or move an account there. Nothing is kept of them: a link is a
//! MAC over the address, its time and what the account was like, so that it is good once.

use domain::account::{self, LINK_LENGTH};
use domain::ids::ShopperId;
use domain::signature::Keyring;
use domain::time::Timestamp;

use super::store::Account;

const PASSWORD: &str = "password link";
const MOVE: &str = "move link";

/// What a link says before it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// As it was typed.
    pub(super) email: String,
    expires_at: i64,
    /// Whose account is to be moved there.
    pub(super) shopper_id: Option<ShopperId>,
    mac: String,
}

/// The end of an address where a password can be chosen for `email`, which has this account or none.
pub(super) fn password_link(keys: &Keyring, email: &str, account: Option<&Account>, now: Timestamp) -> String {
    let expires_at = (now + LINK_LENGTH).as_seconds();
    let mac = keys.token(PASSWORD, &password_subject(email, expires_at, account));
    format!("{}.{expires_at}.{mac}", hex::encode(email))
}

/// The end of an address that moves an account to `email`.
pub(super) fn move_link(keys: &Keyring, account: &Account, email: &str, now: Timestamp) -> String {
    let expires_at = (now + LINK_LENGTH).as_seconds();
    let mac = keys.token(MOVE, &move_subject(account, email, expires_at));
    format!("{}.{expires_at}.{}.{mac}", hex::encode(email), account.id)
}

impl Link {
    /// What stands in the end of an address, if it is a link that has not run out.
    pub(super) fn read(text: &str, now: Timestamp) -> Option<Self> {
        let parts: Vec<&str> = text.split('.').collect();
        let (email, expires_at, shopper_id, mac) = match parts[..] {
            [email, expires_at, mac] => (email, expires_at, None, mac),
            [email, expires_at, shopper_id, mac] => (email, expires_at, Some(shopper_id.parse().ok()?), mac),
            _ => return None,
        };
        let email = String::from_utf8(hex::decode(email).ok()?).ok()?;
        let expires_at: i64 = expires_at.parse().ok()?;
        (expires_at > now.as_seconds()).then(|| Self { email, expires_at, shopper_id, mac: mac.to_owned() })
    }

    /// Whether it lets its bearer choose the password of this account, or open one where there is none.
    pub(super) fn is_for_password(&self, keys: &Keyring, account: Option<&Account>) -> bool {
        let subject = password_subject(&self.email, self.expires_at, account);
        self.shopper_id.is_none() && keys.verify_token(PASSWORD, &subject, &self.mac)
    }

    /// Whether it moves this account.
    pub(super) fn is_for_move(&self, keys: &Keyring, account: &Account) -> bool {
        let subject = move_subject(account, &self.email, self.expires_at);
        self.shopper_id == Some(account.id) && keys.verify_token(MOVE, &subject, &self.mac)
    }
}

/// A new password has another hash, so a link of before is no longer good.
fn password_subject(email: &str, expires_at: i64, account: Option<&Account>) -> String {
    let state = account.map_or("", |account| account.password.as_str());
    format!("{}\n{expires_at}\n{state}", account::email_key(email))
}

fn move_subject(account: &Account, email: &str, expires_at: i64) -> String {
    format!("{}\n{}\n{email}\n{expires_at}\n{}", account.id, account.email_key, account.password)
}

#[cfg(test)]
mod tests {
    use domain::ids::CartId;
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp(1_790_000_000_000);

    fn keys() -> Keyring {
        "k:0123456789abcdef0123456789abcdef".parse().unwrap()
    }

    fn account(password: &str) -> Account {
        Account {
            id: ShopperId(Uuid::from_u128(1)),
            email: "Ada@example.com".to_owned(),
            email_key: "ada@example.com".to_owned(),
            name: String::new(),
            password: password.to_owned(),
            cart_id: CartId(Uuid::from_u128(2)),
            created_at: NOW,
        }
    }

    #[test]
    fn a_password_is_chosen_once_with_a_link_and_not_for_another_address() {
        let (before, after) = (account("$old"), account("$new"));
        let text = password_link(&keys(), "Ada@example.com", Some(&before), NOW);
        let link = Link::read(&text, NOW).unwrap();
        assert_eq!(link.email, "Ada@example.com");
        assert!(link.is_for_password(&keys(), Some(&before)));
        assert!(!link.is_for_password(&keys(), Some(&after)) && !link.is_for_password(&keys(), None));
        let forged = text.replace(&hex::encode("Ada@example.com"), &hex::encode("eve@example.com"));
        assert!(!Link::read(&forged, NOW).unwrap().is_for_password(&keys(), Some(&before)));
        assert_eq!(Link::read(&text, NOW + LINK_LENGTH), None, "it has run out");
        let longer = text.replace(&link.expires_at.to_string(), &(link.expires_at + 60).to_string());
        assert!(!Link::read(&longer, NOW).unwrap().is_for_password(&keys(), Some(&before)));
    }

    #[test]
    fn an_account_is_opened_with_a_link_only_while_there_is_none() {
        let link = Link::read(&password_link(&keys(), "ada@example.com", None, NOW), NOW).unwrap();
        assert!(link.is_for_password(&keys(), None) && !link.is_for_password(&keys(), Some(&account("$new"))));
    }

    #[test]
    fn an_account_is_moved_by_its_own_link_alone() {
        let mine = account("$old");
        let text = move_link(&keys(), &mine, "ada@new.example", NOW);
        let link = Link::read(&text, NOW).unwrap();
        assert!(link.is_for_move(&keys(), &mine) && !link.is_for_password(&keys(), Some(&mine)));
        assert!(!link.is_for_move(&keys(), &account("$new")), "the password was changed: whoever asked may be a thief");
        let moved = Account { email_key: "ada@new.example".to_owned(), ..mine };
        assert!(!link.is_for_move(&keys(), &moved), "it was used");
    }

    #[test]
    fn what_is_no_link_is_none() {
        for text in ["", ".", "..", "...", "zz.1.2", "616461.x.y", "616461.99999999999.no-id.mac", "ff.99999999999.mac"]
        {
            assert_eq!(Link::read(text, NOW), None, "{text}");
        }
    }
}
