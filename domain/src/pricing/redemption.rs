//! How often a promotion may be redeemed (COUPON-1). Counting is the origin's, in the transaction that places the order.

use super::terms::PromotionTerms;

/// How often a promotion was redeemed, by orders that came to something or still may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Redeemed {
    /// By everybody.
    pub in_all: u32,
    /// By the person who asks.
    pub by_person: u32,
}

/// How often a promotion may be redeemed; `None`: without end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// By everybody.
    pub in_all: Option<u32>,
    /// By one person.
    pub per_person: Option<u32>,
}

/// Why a promotion is not redeemed once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UsedUp {
    /// By everybody together.
    #[error("it was used as often as it can be")]
    InAll,
    /// By this person.
    #[error("you have used it as often as one person can")]
    ByPerson,
}

impl Limits {
    /// Whether it may be redeemed once more.
    pub fn allow(self, redeemed: Redeemed) -> Result<(), UsedUp> {
        if self.per_person.is_some_and(|most| redeemed.by_person >= most) {
            return Err(UsedUp::ByPerson);
        }
        if self.in_all.is_some_and(|most| redeemed.in_all >= most) {
            return Err(UsedUp::InAll);
        }
        Ok(())
    }

    /// Whether `redeemed` keeps them.
    pub fn are_kept(self, redeemed: Redeemed) -> bool {
        self.per_person.is_none_or(|most| redeemed.by_person <= most)
            && self.in_all.is_none_or(|most| redeemed.in_all <= most)
    }
}

impl PromotionTerms {
    /// How often it may be redeemed.
    pub const fn limits(&self) -> Limits {
        Limits { in_all: self.limit, per_person: self.limit_per_person }
    }
}

/// Who an e-mail address stands for, as far as limits per person go.
pub fn person(email: &str) -> String {
    email.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_redemption_is_the_last() {
        let limits = Limits { in_all: Some(2), per_person: Some(1) };
        let redeemed = |in_all, by_person| Redeemed { in_all, by_person };
        assert_eq!(limits.allow(redeemed(1, 0)), Ok(()));
        assert_eq!(limits.allow(redeemed(2, 0)), Err(UsedUp::InAll));
        assert_eq!(limits.allow(redeemed(1, 1)), Err(UsedUp::ByPerson));
        assert_eq!(Limits::default().allow(redeemed(u32::MAX, u32::MAX)), Ok(()));
        assert!(limits.are_kept(redeemed(2, 1)) && !limits.are_kept(redeemed(3, 0)));
        assert_eq!(person(" Ada@Example.com "), "ada@example.com");
    }
}
