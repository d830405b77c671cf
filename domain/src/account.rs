//! A shopper's account as rules: who an address belongs to, which passwords are taken, and how many tries there are. It keeps nothing.
//!
//! Nobody can lock somebody else out. Wrong passwords are counted apart for browsers that the account has been used in and for all
//! others, so a stranger who guesses uses up the strangers' tries; and a link that goes to the address is good however many
//! passwords were wrong.

use crate::time::{Millis, Timestamp};

/// Longest name, in characters.
pub const NAME_LENGTH_MAX: usize = 80;
/// Shortest and longest password, in characters. Long ones cost nothing: what is hashed is as long as any other.
pub const PASSWORD_LENGTH_MIN: usize = 10;
/// See [`PASSWORD_LENGTH_MIN`].
pub const PASSWORD_LENGTH_MAX: usize = 200;
/// How long somebody stays signed in without coming back.
pub const SESSION_LENGTH: Millis = Millis::days(90);
/// How long a link in an e-mail is good.
pub const LINK_LENGTH: Millis = Millis::minutes(60);

/// Over how long tries are counted.
pub const TRIES_WINDOW: Millis = Millis::minutes(30);
/// Wrong passwords in that time, before no other is looked at.
const PASSWORDS_MAX: u32 = 10;
/// E-mails that one address gets in that time.
const LINKS_MAX: u32 = 5;

/// What everybody's first guess is, among those that are long enough.
const GUESSED_FIRST: &[&str] = &[
    "0123456789",
    "0987654321",
    "1111111111",
    "1122334455",
    "123123123123",
    "1234512345",
    "1234567890",
    "12345678910",
    "123456789a",
    "1q2w3e4r5t",
    "1qaz2wsx3edc",
    "abcdefghij",
    "adminadmin",
    "asdfghjkl;",
    "asdfghjklz",
    "football123",
    "iloveyou12",
    "iloveyou123",
    "letmein123",
    "liverpool1",
    "manchester",
    "michael123",
    "password01",
    "password10",
    "password12",
    "password123",
    "password1234",
    "passwordpassword",
    "princess123",
    "qazwsxedcr",
    "qwerty1234",
    "qwerty12345",
    "qwerty123456",
    "qwertyuiop",
    "qwertyuiop123",
    "sunshine123",
    "superman123",
    "welcome123",
    "zaq12wsxcde3",
    "zxcvbnm123",
];

/// Whose address it is: two spellings of one address are one account.
pub fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// What is wrong with a new password for the account of `email`; `None` when it is taken.
///
/// Length counts, not kinds of characters (NIST SP 800-63B, section 3.1.1.2).
pub fn password_problem(password: &str, email: &str) -> Option<String> {
    let length = password.chars().count();
    let plain = password.to_lowercase();
    let local = email_key(email);
    let local = local.split('@').next().unwrap_or_default();
    let mut letters = plain.chars();
    let is_one_letter = letters.next().is_some_and(|first| letters.all(|letter| letter == first));
    if length < PASSWORD_LENGTH_MIN {
        return Some(format!(
            "Use at least {PASSWORD_LENGTH_MIN} characters: three or four words are easy to remember"
        ));
    }
    if length > PASSWORD_LENGTH_MAX {
        return Some(format!("Use at most {PASSWORD_LENGTH_MAX} characters"));
    }
    if plain == email_key(email) || (local.len() > 3 && plain.trim_end_matches(|c: char| c.is_ascii_digit()) == local) {
        return Some("Choose something else than your e-mail address".to_owned());
    }
    if is_one_letter || GUESSED_FIRST.contains(&plain.as_str()) {
        return Some("This is among the first passwords that anybody would guess: choose another".to_owned());
    }
    None
}

/// What is wrong with a name; `None` when it can be shown. It may stay empty.
pub fn name_problem(name: &str) -> Option<String> {
    if name.chars().count() > NAME_LENGTH_MAX {
        return Some(format!("Use at most {NAME_LENGTH_MAX} characters"));
    }
    name.chars().any(char::is_control).then(|| "Remove the line breaks and control characters".to_owned())
}

/// What is tried often by those who guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Try {
    /// A password, in a browser that the account has been used in.
    PasswordHere,
    /// A password, anywhere else.
    PasswordElsewhere,
    /// Having a link sent.
    Link,
}

impl Try {
    /// Its name in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PasswordHere => "password here",
            Self::PasswordElsewhere => "password",
            Self::Link => "link",
        }
    }

    const fn max(self) -> u32 {
        match self {
            Self::PasswordHere | Self::PasswordElsewhere => PASSWORDS_MAX,
            Self::Link => LINKS_MAX,
        }
    }
}

/// How often something was tried within [`TRIES_WINDOW`]. A try is counted before it is made, so that a hundred at once are a hundred.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tries {
    /// How many, the one that is being made included.
    pub count: u32,
    /// When the first of them was made.
    pub first: Timestamp,
}

impl Tries {
    /// When the next one may be made, if these are too many.
    pub fn too_many(self, of: Try) -> Option<Timestamp> {
        (self.count > of.max()).then_some(self.first + TRIES_WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_account_however_it_is_typed() {
        assert_eq!(email_key(" Ada@Example.COM "), "ada@example.com");
    }

    #[test]
    fn long_passwords_are_taken_whatever_they_are_made_of() {
        for good in ["correct horse", "ọjà títà ní ọjọ́", "a b c d e f", "MarketDay!2026", &"x1".repeat(100)]
        {
            assert_eq!(password_problem(good, "ada@example.com"), None, "{good}");
        }
    }

    #[test]
    fn what_anybody_would_guess_is_not_a_password() {
        for bad in [
            "",
            "short",
            "Password123",
            "aaaaaaaaaaaa",
            "ADA.LOVELACE@example.com",
            "ada.lovelace1815",
            &"x1".repeat(101),
        ] {
            assert!(password_problem(bad, "Ada.Lovelace@Example.com").is_some(), "{bad}");
        }
        assert!(GUESSED_FIRST.is_sorted());
        assert!(
            GUESSED_FIRST.iter().all(|word| word.chars().count() >= PASSWORD_LENGTH_MIN),
            "a shorter one is refused already"
        );
    }

    #[test]
    fn after_too_many_tries_the_next_may_be_made_when_the_first_is_half_an_hour_old() {
        let tries = |count| Tries { count, first: Timestamp(1_000) };
        assert_eq!(tries(PASSWORDS_MAX).too_many(Try::PasswordElsewhere), None);
        assert_eq!(tries(PASSWORDS_MAX + 1).too_many(Try::PasswordElsewhere), Some(Timestamp(1_000) + TRIES_WINDOW));
        assert!(tries(LINKS_MAX + 1).too_many(Try::Link).is_some(), "links are fewer");
    }

    #[test]
    fn a_name_may_be_missing_but_not_break_lines() {
        assert_eq!(name_problem(""), None);
        assert_eq!(name_problem("Adé Ọba"), None);
        assert!(name_problem("Ada\nObi").is_some() && name_problem(&"x".repeat(81)).is_some());
    }
}
