//! The books: double entry, every entry summing to zero (LEDGER-1).
//!
//! Pure rules: which accounts money moves between when something happens. A debit is positive, a credit negative; all amounts are minor
//! units of one currency. What is owed to somebody is a credit balance, what somebody holds for the shop a debit balance.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::invariants::{self, Invariant};
use crate::pricing::Shares;
use crate::wire::GatewayName;

/// A rate in hundredths of a percent: 1,000 are ten percent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BasisPoints(u32);

impl BasisPoints {
    /// All of it.
    pub const WHOLE: u32 = 10_000;

    /// `None` for more than all of it.
    pub const fn new(points: u32) -> Option<Self> {
        if points <= Self::WHOLE { Some(Self(points)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// This share of an amount that is not negative, to the nearest minor unit, halves up: the one place where a commission is rounded.
    pub fn of(self, amount_minor: i64) -> i64 {
        let exact = i128::from(amount_minor) * i128::from(self.0);
        let whole = i128::from(Self::WHOLE);
        i64::try_from((exact + whole / 2) / whole).unwrap_or(amount_minor)
    }
}

/// An account. Written `gateway:paystack`, `seller:kasuwa`, `refunds`, …
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// What a gateway holds for the shop.
    Gateway(GatewayName),
    /// What the shop has in its own bank.
    Bank,
    /// What is owed to a seller.
    Seller(String),
    /// What the shop earned by selling for others.
    Commission,
    /// What was paid for delivery by the shop.
    Delivery,
    /// What is owed to the state.
    Tax,
    /// What the shop gave up in promotions.
    Discounts,
    /// What gateways kept.
    Fees,
    /// What is owed to buyers.
    Refunds,
    /// What was lost to disputes.
    Disputes,
    /// What is on its way to sellers.
    Payouts,
}

/// A text that is no [`Account`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no account: write gateway:NAME, seller:NAME, bank, commission, delivery, tax, discounts, fees, refunds, disputes or payouts"
)]
pub struct UnknownAccount(String);

impl Account {
    /// Those that there is one of.
    const UNNAMED: [Self; 9] = [
        Self::Bank,
        Self::Commission,
        Self::Delivery,
        Self::Tax,
        Self::Discounts,
        Self::Fees,
        Self::Refunds,
        Self::Disputes,
        Self::Payouts,
    ];
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway(name) => write!(f, "gateway:{}", name.as_str()),
            Self::Bank => f.write_str("bank"),
            Self::Seller(name) => write!(f, "seller:{name}"),
            Self::Commission => f.write_str("commission"),
            Self::Delivery => f.write_str("delivery"),
            Self::Tax => f.write_str("tax"),
            Self::Discounts => f.write_str("discounts"),
            Self::Fees => f.write_str("fees"),
            Self::Refunds => f.write_str("refunds"),
            Self::Disputes => f.write_str("disputes"),
            Self::Payouts => f.write_str("payouts"),
        }
    }
}

impl FromStr for Account {
    type Err = UnknownAccount;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownAccount(text.to_owned());
        match text.split_once(':') {
            Some(("gateway", name)) => name.parse().map(Self::Gateway).map_err(|_| unknown()),
            Some(("seller", name)) if !name.is_empty() => Ok(Self::Seller(name.to_owned())),
            Some(_) => Err(unknown()),
            None => Self::UNNAMED.into_iter().find(|account| account.to_string() == text).ok_or_else(unknown),
        }
    }
}

/// What an entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// An order was paid.
    Sale,
    /// Money was captured that goes back.
    Unwanted,
    /// A gateway kept its fee.
    Fee,
    /// Something that was sold goes back.
    TakenBack,
    /// A buyer has money back.
    Refunded,
    /// A buyer's bank sent it back.
    RefundBounced,
    /// A payer's bank took the money back.
    DisputeLost,
    /// A seller's balance was taken, to be paid out.
    Payout,
    /// It was sent.
    PaidOut,
    /// It came back.
    PayoutReturned,
}

impl Cause {
    /// Its name in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Unwanted => "unwanted",
            Self::Fee => "fee",
            Self::TakenBack => "taken_back",
            Self::Refunded => "refunded",
            Self::RefundBounced => "refund_bounced",
            Self::DisputeLost => "dispute_lost",
            Self::Payout => "payout",
            Self::PaidOut => "paid_out",
            Self::PayoutReturned => "payout_returned",
        }
    }
}

/// An entry: what moves between which accounts. Sums to zero, and has no empty lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    cause: Cause,
    postings: BTreeMap<Account, i64>,
}

/// Something that was sold, or a part of it that goes back: a line, or its delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sold {
    /// Whose account has what it was sold for: a seller's, or [`Account::Delivery`].
    pub to: Account,
    /// Who has which share of what was paid for it.
    pub shares: Shares,
    /// What the shop keeps of the base.
    pub commission_minor: i64,
}

impl Sold {
    /// What was paid for it.
    const fn paid_minor(&self) -> i64 {
        self.shares.base_minor + self.shares.tax_minor - self.shares.discount_minor
    }

    fn postings(&self) -> [(Account, i64); 4] {
        [
            (self.to.clone(), self.shares.base_minor - self.commission_minor),
            (Account::Commission, self.commission_minor),
            (Account::Tax, self.shares.tax_minor),
            (Account::Discounts, -self.shares.discount_minor),
        ]
    }
}

impl Entry {
    fn new(cause: Cause, lines: impl IntoIterator<Item = (Account, i64)>) -> Self {
        let mut postings = BTreeMap::new();
        for (account, minor) in lines {
            *postings.entry(account).or_default() += minor;
        }
        postings.retain(|_, minor| *minor != 0);
        let entry = Self { cause, postings };
        let sum: i64 = entry.postings.values().sum();
        invariants::assert(Invariant::Ledger1.check(sum == 0, || format!("{entry:?} sums to {sum}")));
        entry
    }

    /// What it is for.
    pub const fn cause(&self) -> Cause {
        self.cause
    }

    /// What moves, by account.
    pub fn postings(&self) -> impl Iterator<Item = (&Account, i64)> {
        self.postings.iter().map(|(account, minor)| (account, *minor))
    }

    /// Whether nothing moves.
    pub fn is_empty(&self) -> bool {
        self.postings.is_empty()
    }

    /// An order was paid through `gateway`.
    pub fn sale(gateway: GatewayName, sold: &[Sold]) -> Self {
        let total: i64 = sold.iter().map(Sold::paid_minor).sum();
        let shares = sold.iter().flat_map(Sold::postings).map(|(account, minor)| (account, -minor));
        Self::new(Cause::Sale, shares.chain([(Account::Gateway(gateway), total)]))
    }

    /// A part of what was sold goes back: whoever had a share of it gives it back, and the buyer is owed it.
    pub fn taken_back(sold: &[Sold]) -> Self {
        let total: i64 = sold.iter().map(Sold::paid_minor).sum();
        Self::new(Cause::TakenBack, sold.iter().flat_map(Sold::postings).chain([(Account::Refunds, -total)]))
    }

    /// `gateway` captured money that no order has a use for.
    pub fn unwanted(gateway: GatewayName, captured_minor: i64) -> Self {
        let lines = [(Account::Gateway(gateway), captured_minor), (Account::Refunds, -captured_minor)];
        Self::new(Cause::Unwanted, lines)
    }

    /// `gateway` kept its fee.
    pub fn fee(gateway: GatewayName, fee_minor: i64) -> Self {
        Self::new(Cause::Fee, [(Account::Fees, fee_minor), (Account::Gateway(gateway), -fee_minor)])
    }

    /// A buyer has money back, out of `from`: the gateway's hand, or the shop's own bank.
    pub fn refunded(from: Account, amount_minor: i64) -> Self {
        Self::new(Cause::Refunded, [(Account::Refunds, amount_minor), (from, -amount_minor)])
    }

    /// A buyer's bank sent a refund back to `gateway`: it is owed again.
    pub fn refund_bounced(gateway: GatewayName, amount_minor: i64) -> Self {
        let lines = [(Account::Gateway(gateway), amount_minor), (Account::Refunds, -amount_minor)];
        Self::new(Cause::RefundBounced, lines)
    }

    /// A payer's bank took money back from `gateway`. The shop bears it.
    pub fn dispute_lost(gateway: GatewayName, amount_minor: i64) -> Self {
        let lines = [(Account::Disputes, amount_minor), (Account::Gateway(gateway), -amount_minor)];
        Self::new(Cause::DisputeLost, lines)
    }

    /// A seller's balance is taken, to be paid out.
    pub fn payout(seller: &str, amount_minor: i64) -> Self {
        let lines = [(Account::Seller(seller.to_owned()), amount_minor), (Account::Payouts, -amount_minor)];
        Self::new(Cause::Payout, lines)
    }

    /// A payout left `from`: the bank, or a gateway's hand.
    pub fn paid_out(from: Account, amount_minor: i64) -> Self {
        Self::new(Cause::PaidOut, [(Account::Payouts, amount_minor), (from, -amount_minor)])
    }

    /// A payout came back to where it had `left`, if it had left anywhere: the seller is owed it again.
    pub fn payout_returned(seller: &str, amount_minor: i64, left: Option<Account>) -> Self {
        let held = left.unwrap_or(Account::Payouts);
        let lines = [(held, amount_minor), (Account::Seller(seller.to_owned()), -amount_minor)];
        Self::new(Cause::PayoutReturned, lines)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAYSTACK: GatewayName = GatewayName::Paystack;

    fn line(seller: &str, base_minor: i64, commission_minor: i64) -> Sold {
        let shares = Shares { base_minor, tax_minor: 0, discount_minor: 0 };
        Sold { to: Account::Seller(seller.to_owned()), shares, commission_minor }
    }

    fn delivery(minor: i64) -> Sold {
        Sold { to: Account::Delivery, ..line("", minor, 0) }
    }

    fn told(entry: &Entry) -> Vec<String> {
        entry.postings().map(|(account, minor)| format!("{account} {minor}")).collect()
    }

    #[test]
    fn a_sale_is_shared_and_what_goes_back_claws_the_shares_back() {
        let lines = [line("ada", 10_000, 1_000), line("bola", 500, 0), line("ada", 200, 20), delivery(1_500)];
        let sale = Entry::sale(PAYSTACK, &lines);
        let shares =
            ["gateway:paystack 12200", "seller:ada -9180", "seller:bola -500", "commission -1020", "delivery -1500"];
        assert_eq!(told(&sale), shares);
        let back = Entry::taken_back(&lines[..1]);
        assert_eq!(told(&back), ["seller:ada 9000", "commission 1000", "refunds -10000"]);
        let refunded = Entry::refunded(Account::Gateway(PAYSTACK), 10_000);
        assert_eq!(told(&refunded), ["gateway:paystack -10000", "refunds 10000"]);
    }

    #[test]
    fn what_the_shop_gives_up_costs_the_shop_and_tax_is_the_states() {
        let shares = Shares { base_minor: 10_000, tax_minor: 675, discount_minor: 1_000 };
        let sold = Sold { shares, commission_minor: 1_000, ..line("ada", 0, 0) };
        let sale = Entry::sale(PAYSTACK, std::slice::from_ref(&sold));
        assert_eq!(
            told(&sale),
            ["gateway:paystack 9675", "seller:ada -9000", "commission -1000", "tax -675", "discounts 1000"]
        );
        let back = Entry::taken_back(&[sold]);
        assert_eq!(told(&back), ["seller:ada 9000", "commission 1000", "tax 675", "discounts -1000", "refunds -9675"]);
    }

    #[test]
    fn nothing_is_no_line() {
        assert!(Entry::fee(PAYSTACK, 0).is_empty());
        assert_eq!(told(&Entry::sale(PAYSTACK, &[line("ada", 100, 100)])), ["gateway:paystack 100", "commission -100"]);
    }

    #[test]
    fn accounts_are_read_as_they_are_written() {
        let all = [
            "gateway:stripe",
            "seller:Ada & Sons: lamps",
            "bank",
            "commission",
            "delivery",
            "tax",
            "discounts",
            "fees",
            "refunds",
            "disputes",
        ];
        for text in all {
            assert_eq!(text.parse::<Account>().unwrap().to_string(), text);
        }
        for bad in ["gateway:x", "seller:", "other", ""] {
            assert!(bad.parse::<Account>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_commission_is_rounded_once() {
        let ten = BasisPoints::new(1_000).unwrap();
        assert_eq!([ten.of(0), ten.of(4), ten.of(5), ten.of(14), ten.of(15)], [0, 0, 1, 1, 2]);
        assert_eq!(BasisPoints::new(10_001), None);
    }

    proptest! {
        /// LEDGER-1 is asserted by every entry that is made.
        #[test]
        fn every_entry_sums_to_zero(
            lines in prop::collection::vec((0_u8..4, 0_i64..1_000_000, 0_u32..=10_000, 0_i64..1_000, 0_i64..1_000), 1..8),
            delivered in 0_i64..10_000,
        ) {
            let sold = |(seller, base_minor, rate, tax_minor, discount_minor): &(u8, i64, u32, i64, i64)| {
                let commission_minor = BasisPoints::new(*rate).unwrap().of(*base_minor);
                let shares =
                    Shares { base_minor: *base_minor, tax_minor: *tax_minor, discount_minor: *discount_minor };
                Sold { shares, ..line(&seller.to_string(), *base_minor, commission_minor) }
            };
            let lines: Vec<Sold> = lines.iter().map(sold).chain([delivery(delivered)]).collect();
            prop_assert!(lines.iter().all(|line| (0..=line.shares.base_minor).contains(&line.commission_minor)));
            let (sale, back) = (Entry::sale(PAYSTACK, &lines), Entry::taken_back(&lines));
            let balance = |account: &Account| {
                let of = |entry: &Entry| entry.postings().find(|(other, _)| *other == account).map_or(0, |(_, minor)| minor);
                of(&sale) + of(&back)
            };
            // Whoever had a share has none any more.
            prop_assert!(sale.postings().all(|(account, minor)| *account == Account::Gateway(PAYSTACK)
                || balance(account) == 0 && (minor < 0 || *account == Account::Discounts)));
        }
    }
}
