//! What is sent to an address, and comes back from whoever reads it: a code to be typed, and a link. Nothing is kept of either: they are
//! MACs of the person and the time.
//!
//! A code is short, so wrong ones are counted, and guessing leads nowhere. But then a stranger who knows an address can use up its tries,
//! and its codes. The link's key is too long to be guessed: it is good however many codes were sent and mistyped, and for at least as long
//! as another code can be refused. So whoever reads the address always gets in, by a code or by a link that is there already.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{PersonId, SaleId};
use crate::signature::Keyring;
use crate::time::{Millis, Timestamp};

/// How many digits a code has.
pub const CODE_DIGITS: usize = 6;

/// A code is good for as long as its slot lasts, and for the next one: 15 to 30 minutes.
const SLOT: Millis = Millis::minutes(15);

/// A link is good for as long as its slot lasts, and for the next one: 30 to 60 minutes. No slot is shorter than [`WINDOW`], so that
/// there is always a link that is good or a code that may be asked for.
const LINK_SLOT: Millis = WINDOW;

/// Over how long attempts are counted.
const WINDOW: Millis = Millis::minutes(30);
/// Codes that one address gets in that time, and how long after the last one.
const SENT_MAX: u32 = 5;
const SENT_GAP: Millis = Millis::minutes(1);
/// Codes that may be mistyped in that time. A million there are, so a guesser gets one right in 200,000 addresses.
const WRONG_MAX: u32 = 5;

/// The code that goes to `person_id` at `now`.
pub fn code(keys: &Keyring, person_id: PersonId, now: Timestamp) -> String {
    let number = keys.numbers("sale code", &subject(person_id, slot(now, SLOT))).next().unwrap_or_default();
    shown(number)
}

/// Whether `text` is the code that went to `person_id`, not too long before `now`. Spaces and hyphens matter not.
pub fn is_code(keys: &Keyring, person_id: PersonId, text: &str, now: Timestamp) -> bool {
    let typed: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let slots = [slot(now, SLOT), slot(now, SLOT) - 1];
    // Every code is looked at, so that the time taken does not tell which one came near.
    slots.into_iter().fold(false, |found, slot| {
        keys.numbers("sale code", &subject(person_id, slot))
            .fold(found, |found, number| (shown(number) == typed) | found)
    })
}

/// What the link to a sale that goes to `person_id` at `now` proves who they are by: the person's id and a MAC of 256 bits. Good for that
/// sale only, where this person is one: elsewhere they would be somebody else.
pub fn link_key(keys: &Keyring, sale_id: SaleId, person_id: PersonId, now: Timestamp) -> String {
    let mac = keys.token(LINK, &link_subject(sale_id, person_id, slot(now, LINK_SLOT)));
    format!("{}{mac}", person_id.0.simple())
}

/// Whose link to a sale had this key, if it did not go out too long before `now`.
pub fn person_of_link_key(keys: &Keyring, sale_id: SaleId, key: &str, now: Timestamp) -> Option<PersonId> {
    let (id, mac) = key.split_at_checked(32)?;
    let person_id = PersonId(Uuid::try_parse(id).ok()?);
    let slots = [slot(now, LINK_SLOT), slot(now, LINK_SLOT) - 1];
    let is_good = |slot| keys.verify_token(LINK, &link_subject(sale_id, person_id, slot), mac);
    slots.into_iter().fold(false, |found, slot| is_good(slot) | found).then_some(person_id)
}

fn link_subject(sale_id: SaleId, person_id: PersonId, slot: i64) -> String {
    format!("{sale_id}\n{}", subject(person_id, slot))
}

/// The purpose of a link's MAC.
const LINK: &str = "sale link";

fn slot(now: Timestamp, length: Millis) -> i64 {
    now.as_millis().div_euclid(length.0)
}

fn subject(person_id: PersonId, slot: i64) -> String {
    format!("{person_id}\n{slot}")
}

fn shown(number: u64) -> String {
    format!("{:06}", number % 1_000_000)
}

/// How often codes went to a person, and how often somebody mistyped one, of late.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// When the counting began.
    pub since: Timestamp,
    /// Codes that were sent.
    pub sent: u32,
    /// When the last one was.
    pub sent_at: Timestamp,
    /// Codes that were wrong.
    pub wrong: u32,
}

/// Why no code is sent or taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum CodeRefusal {
    /// One has just been sent.
    #[error("a code was sent less than a minute ago; look for it, also among spam, before you ask for another")]
    TooSoon {
        /// when another one may be asked for
        at: Timestamp,
    },
    /// Too many were sent.
    #[error("five codes were sent to this address within half an hour; open the link in the newest of these e-mails")]
    TooManySent {
        /// when another one may be asked for
        at: Timestamp,
    },
    /// Too many were mistyped.
    #[error(
        "too many wrong codes were typed for this address; open the link in the e-mail, which is good nevertheless"
    )]
    TooManyWrong {
        /// when codes are taken again
        at: Timestamp,
    },
    /// It is another one, or too old.
    #[error("this code is wrong or too old; {left} more tries")]
    Wrong {
        /// tries that are left
        left: u32,
    },
}

impl Attempts {
    /// What is counted at `now`: nothing of what is long ago.
    fn counted(self, now: Timestamp) -> Self {
        if now - self.since < WINDOW { self } else { Self { since: now, ..Self::default() } }
    }

    /// The counts once another code is sent.
    pub fn send(self, now: Timestamp) -> Result<Self, CodeRefusal> {
        let counted = self.counted(now);
        // Wrong codes do not count here: a stranger may have typed them, and the e-mail brings a link that is good.
        if counted.sent >= SENT_MAX {
            return Err(CodeRefusal::TooManySent { at: counted.since + WINDOW });
        }
        if counted.sent > 0 && now - counted.sent_at < SENT_GAP {
            return Err(CodeRefusal::TooSoon { at: counted.sent_at + SENT_GAP });
        }
        Ok(Self { sent: counted.sent + 1, sent_at: now, ..counted })
    }

    /// The counts once a code was typed, and whether it is taken. After too many wrong ones the right one is not taken either.
    pub fn take(self, is_right: bool, now: Timestamp) -> (Self, Result<(), CodeRefusal>) {
        let counted = self.counted(now);
        if counted.wrong >= WRONG_MAX {
            return (counted, Err(CodeRefusal::TooManyWrong { at: counted.since + WINDOW }));
        }
        if is_right {
            return (counted, Ok(()));
        }
        let after = Self { wrong: counted.wrong + 1, ..counted };
        let refusal = match WRONG_MAX - after.wrong {
            0 => CodeRefusal::TooManyWrong { at: after.since + WINDOW },
            left => CodeRefusal::Wrong { left },
        };
        (after, Err(refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALE: SaleId = SaleId(Uuid::from_u128(9));
    const NOW: Timestamp = Timestamp(1_790_000_100_000);

    fn keys(text: &str) -> Keyring {
        text.parse().unwrap()
    }

    fn ada() -> PersonId {
        PersonId(Uuid::from_u128(1))
    }

    #[test]
    fn a_code_is_good_for_its_person_and_for_a_while() {
        let keys = keys("a:0123456789abcdef0123456789abcdef");
        let sent = code(&keys, ada(), NOW);
        assert_eq!(sent.len(), CODE_DIGITS);
        assert!(is_code(&keys, ada(), &format!(" {}-{} ", &sent[..3], &sent[3..]), NOW));
        assert!(is_code(&keys, ada(), &sent, NOW + Millis::minutes(15)));
        assert!(!is_code(&keys, ada(), &sent, NOW + Millis::minutes(30)));
        assert!(!is_code(&keys, PersonId(Uuid::from_u128(2)), &sent, NOW));
        assert!(!is_code(&keys, ada(), "", NOW));
    }

    #[test]
    fn a_code_outlives_a_change_of_keys() {
        let sent = code(&keys("a:0123456789abcdef0123456789abcdef"), ada(), NOW);
        let rotated = keys("b:fedcba9876543210fedcba9876543210,a:0123456789abcdef0123456789abcdef");
        assert!(is_code(&rotated, ada(), &sent, NOW));
    }

    #[test]
    fn guessing_ends_after_a_few_tries_even_with_the_right_code() {
        let mut attempts = Attempts::default().send(NOW).unwrap();
        for left in (1..WRONG_MAX).rev() {
            let (after, outcome) = attempts.take(false, NOW);
            assert_eq!(outcome, Err(CodeRefusal::Wrong { left }));
            attempts = after;
        }
        let (attempts, outcome) = attempts.take(false, NOW);
        let until = NOW + WINDOW;
        assert_eq!(outcome, Err(CodeRefusal::TooManyWrong { at: until }));
        let late = attempts.take(true, NOW).1;
        assert_eq!(late, Err(CodeRefusal::TooManyWrong { at: until }), "the right one comes too late");
        assert_eq!(attempts.take(true, until).1, Ok(()));
    }

    #[test]
    fn an_address_gets_a_code_a_minute_and_a_few_in_all() {
        let mut attempts = Attempts::default();
        for minute in 0..5 {
            let now = NOW + Millis::minutes(minute);
            attempts = attempts.send(now).unwrap();
            assert!(attempts.send(now + Millis::seconds(59)).is_err());
        }
        let sixth = attempts.send(NOW + Millis::minutes(10));
        assert_eq!(sixth, Err(CodeRefusal::TooManySent { at: NOW + WINDOW }));
        assert!(attempts.send(NOW + WINDOW).is_ok());
    }

    #[test]
    fn a_link_is_good_for_its_person_and_for_half_an_hour_at_least() {
        let old = keys("a:0123456789abcdef0123456789abcdef");
        let key = link_key(&old, SALE, ada(), NOW);
        let rotated = keys("b:fedcba9876543210fedcba9876543210,a:0123456789abcdef0123456789abcdef");
        for keys in [&old, &rotated] {
            assert_eq!(person_of_link_key(keys, SALE, &key, NOW + WINDOW), Some(ada()));
            assert_eq!(person_of_link_key(keys, SALE, &key, NOW + Millis::minutes(60)), None);
        }
        let elsewhere = SaleId(Uuid::from_u128(10));
        assert_eq!(person_of_link_key(&old, elsewhere, &key, NOW), None, "there they would be a second person");
        let other = format!("{}{}", Uuid::from_u128(2).simple(), &key[32..]);
        for bad in [&other, "", "123456", &key[..95], &key.replace(&key[32..], "é")] {
            assert_eq!(person_of_link_key(&old, SALE, bad, NOW), None, "{bad}");
        }
    }

    /// Whatever a stranger does with somebody's address: at any time they may ask for a code, or there is an e-mail whose link is good.
    #[test]
    fn nobody_is_locked_out_by_whoever_knows_their_address() {
        let keys = keys("a:0123456789abcdef0123456789abcdef");
        let mut attempts = Attempts::default();
        let mut last_link: Option<String> = None;
        for second in 0..3 * 3_600 {
            let now = NOW + Millis::seconds(second);
            attempts = attempts.take(false, now).0;
            match attempts.send(now) {
                Ok(sent) => {
                    attempts = sent;
                    last_link = Some(link_key(&keys, SALE, ada(), now));
                }
                Err(_) => {
                    let link = last_link.as_deref().unwrap();
                    assert_eq!(person_of_link_key(&keys, SALE, link, now), Some(ada()), "after {second} s");
                }
            }
        }
    }
}
