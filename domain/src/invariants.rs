//! What must be true whatever happens, by id. Machines assert it in `evolve`; tests, the model checker and the simulation ask it of
//! whole states. The ids are those of ARCHITECTURE.md, and a violation is reported by its id everywhere.

use std::fmt;

use crate::ids::Sku;
use crate::money::Money;
use crate::order::OrderStatus;
use crate::payment::{Payment, PaymentStatus};
use crate::pricing::{Limits, Quote, Redeemed};
use crate::stock::{Level, ReservationState, Shelf};

/// The id of an invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// on_hand = available + Σ live reservations, none negative
    Stock1,
    /// units committed ≤ units ever received, and no unit is made or lost
    Stock2,
    /// a reservation ends in one way
    Stock3,
    /// one person has one place in a flash sale at a time
    Admit1,
    /// nobody is let in before a sale starts, nor faster than its rate
    Admit2,
    /// those who gathered come in the drawn order
    Admit3,
    /// While a sale holds a product back, nobody buys it without an open pass, nor more of it than one person may have.
    Admit4,
    /// one checkout_id, at most one order
    Order1,
    /// every captured payment ends in exactly one of paid order and refund
    Money1,
    /// what was charged = what was quoted = Σ lines − discounts + delivery + tax, to the minor unit
    Money2,
    /// the refunds of a payment together are never more than what was captured
    Money3,
    /// a promotion is redeemed at most as often as it may be, in all and by one person
    Coupon1,
    /// every entry in the books sums to zero, and so do all accounts together
    Ledger1,
    /// webhooks and messages may come in any order and number: the state is the same
    Event1,
}

impl Invariant {
    /// Every invariant.
    pub const ALL: &[Self] = &[
        Self::Stock1,
        Self::Stock2,
        Self::Stock3,
        Self::Admit1,
        Self::Admit2,
        Self::Admit3,
        Self::Admit4,
        Self::Order1,
        Self::Money1,
        Self::Money2,
        Self::Money3,
        Self::Coupon1,
        Self::Ledger1,
        Self::Event1,
    ];

    /// Its id.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Stock1 => "STOCK-1",
            Self::Stock2 => "STOCK-2",
            Self::Stock3 => "STOCK-3",
            Self::Admit1 => "ADMIT-1",
            Self::Admit2 => "ADMIT-2",
            Self::Admit3 => "ADMIT-3",
            Self::Admit4 => "ADMIT-4",
            Self::Order1 => "ORDER-1",
            Self::Money1 => "MONEY-1",
            Self::Money2 => "MONEY-2",
            Self::Money3 => "MONEY-3",
            Self::Coupon1 => "COUPON-1",
            Self::Ledger1 => "LEDGER-1",
            Self::Event1 => "EVENT-1",
        }
    }

    /// That it is broken, unless `holds`.
    pub fn check(self, holds: bool, detail: impl FnOnce() -> String) -> Result<(), Violation> {
        if holds { Ok(()) } else { Err(Violation { invariant: self, detail: detail() }) }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// That an invariant is broken, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{invariant}: {detail}")]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// What was seen.
    pub detail: String,
}

/// Ends the program, or the test, when `checked` is a violation: nothing that follows from a broken state can be trusted.
pub(crate) fn assert(checked: Result<(), Violation>) {
    let broken = checked.err();
    assert!(broken.is_none(), "{}", broken.map(|violation| violation.to_string()).unwrap_or_default());
}

/// STOCK-1 and STOCK-2 of one variant, as far as its count tells.
pub fn level(sku: &Sku, level: Level) -> Result<(), Violation> {
    let seen = || format!("{sku} has {level:?}");
    Invariant::Stock1.check(level.reserved <= level.on_hand, seen)?;
    Invariant::Stock2.check(level.committed <= level.received, seen)?;
    Invariant::Stock2.check(u64::from(level.on_hand) + level.committed == level.received, || {
        format!("units of {sku} were made or lost: {level:?}")
    })
}

/// STOCK-1 and STOCK-2 of a whole shelf: every count, and every reserved unit in some live reservation.
pub fn shelf(shelf: &Shelf) -> Result<(), Violation> {
    for (sku, counted) in shelf.levels() {
        level(sku, counted)?;
        let promised: u32 = shelf.reservations().map(|(_, reservation)| reservation.units_of(sku)).sum();
        Invariant::Stock1.check(promised == counted.reserved, || {
            format!("{promised} of {sku} are promised, and {} counted as reserved", counted.reserved)
        })?;
    }
    Ok(())
}

/// STOCK-3 of one step in a reservation's life; `before` is `None` when there was no reservation.
pub fn reservation_step(before: Option<ReservationState>, after: ReservationState) -> Result<(), Violation> {
    use ReservationState::{Committed, Expired, Held, Refused, Released, Returned};
    let is_possible = match before {
        None | Some(Released | Expired) => matches!(after, Held | Committed | Refused),
        Some(Held) => matches!(after, Committed | Released | Expired),
        // It stays committed when a buyer sends something back.
        Some(Committed) => matches!(after, Committed | Returned),
        Some(Refused | Returned) => false,
    };
    Invariant::Stock3.check(is_possible, || format!("a reservation that was {before:?} became {after:?}"))
}

/// MONEY-1 of an order and all its payments: what was captured is paid, or goes back, and never both.
pub fn captured_once(status: OrderStatus, paid_by: Option<&str>, payments: &[Payment]) -> Result<(), Violation> {
    let captured = |payment: &&Payment| payment.status == PaymentStatus::Captured;
    let settling: Vec<&str> = payments.iter().filter(captured).map(|payment| payment.reference.as_str()).collect();
    Invariant::Money1.check(settling.as_slice() == paid_by.as_slice(), || {
        format!("an order that is {status} and paid by {paid_by:?} has captures {settling:?}")
    })?;
    let is_settled = match status {
        OrderStatus::Paid | OrderStatus::Packed | OrderStatus::Sent | OrderStatus::Delivered => paid_by.is_some(),
        OrderStatus::AwaitingPayment | OrderStatus::Cancelled => {
            paid_by.is_none() && !payments.iter().any(|payment| payment.status.is_refund_due())
        }
        OrderStatus::RefundDue | OrderStatus::Refunded => {
            paid_by.is_some() || payments.iter().any(|payment| payment.status.is_refund_due())
        }
    };
    Invariant::Money1
        .check(is_settled, || format!("an order is {status}, paid by {paid_by:?}, with payments {payments:?}"))
}

/// MONEY-2: the quote adds up, and `charged` is its total.
pub fn charged_as_quoted(quote: &Quote, charged: Money) -> Result<(), Violation> {
    let each = |line: &crate::pricing::QuoteLine| line.unit_price_minor * i64::from(line.quantity.get());
    let items = quote.lines.iter().map(each).sum::<i64>();
    let delivery = quote.deliveries.iter().map(|part| part.charge.full_minor).sum::<i64>();
    let discount = quote.charges().map(crate::pricing::Charge::discount_minor).sum::<i64>();
    let tax = quote.charges().map(crate::pricing::Charge::tax_on_top_minor).sum::<i64>();
    let charges = quote.charges().map(|charge| charge.charged_minor).sum::<i64>();
    let sum = items - discount + delivery + tax;
    let stated = [quote.items_minor, quote.discount_minor, quote.delivery_minor, quote.tax_minor, quote.total_minor];
    let adds_up = stated == [items, discount, delivery, tax, sum] && charges == sum;
    let is_sane = quote.charges().all(|charge| charge.charged_minor >= 0);
    Invariant::Money2.check(charged == quote.total() && adds_up && is_sane, || {
        format!("charged {charged} for {}, which adds up to {sum}: {quote:?}", quote.total())
    })
}

/// COUPON-1 of one promotion: it was redeemed no more often than it may be.
pub fn redeemed_within(promotion_id: &str, limits: Limits, redeemed: Redeemed) -> Result<(), Violation> {
    Invariant::Coupon1.check(limits.are_kept(redeemed), || format!("{promotion_id}: {redeemed:?} of {limits:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    #[test]
    fn ids_are_told_apart() {
        let mut ids: Vec<&str> = Invariant::ALL.iter().map(|invariant| invariant.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Invariant::ALL.len());
    }

    #[test]
    fn a_broken_count_is_told_by_its_id() {
        let sku = Sku::new("a").unwrap();
        let good = Level { on_hand: 2, reserved: 2, received: 3, committed: 1 };
        assert_eq!(level(&sku, good), Ok(()));
        let broken = |counted| level(&sku, counted).unwrap_err().invariant;
        assert_eq!(broken(Level { reserved: 3, ..good }), Invariant::Stock1);
        assert_eq!(broken(Level { committed: 4, ..good }), Invariant::Stock2);
        assert_eq!(broken(Level { on_hand: 3, ..good }), Invariant::Stock2);
    }

    #[test]
    fn what_is_over_stays_over() {
        use ReservationState::{Committed, Expired, Held, Refused, Returned};
        assert!(reservation_step(Some(Expired), Committed).is_ok(), "late money that found its units");
        assert!(reservation_step(Some(Committed), Returned).is_ok());
        for after in [Held, Committed, Expired] {
            assert!(reservation_step(Some(Refused), after).is_err());
            assert!(reservation_step(Some(Returned), after).is_err());
        }
        assert!(reservation_step(Some(Committed), Expired).is_err());
    }

    #[test]
    fn captured_money_is_one_order_or_goes_back() {
        let payment = |reference: &str, status| Payment {
            status,
            ..Payment::new(reference.to_owned(), Money::new(100, Currency::Ngn))
        };
        let first = payment("1", PaymentStatus::Captured);
        let second = payment("2", PaymentStatus::DuplicateCapture);
        let check = |status, paid_by, payments: &[Payment]| captured_once(status, paid_by, payments).is_ok();
        assert!(check(OrderStatus::Paid, Some("1"), &[first.clone(), second]));
        assert!(check(OrderStatus::RefundDue, Some("1"), std::slice::from_ref(&first)));
        assert!(check(OrderStatus::RefundDue, None, &[payment("1", PaymentStatus::Underpaid)]));
        assert!(!check(OrderStatus::Cancelled, None, &[payment("1", PaymentStatus::Underpaid)]), "forgotten");
        assert!(!check(OrderStatus::AwaitingPayment, None, std::slice::from_ref(&first)), "captured, not paid");
        assert!(!check(OrderStatus::Paid, Some("1"), &[first, payment("2", PaymentStatus::Captured)]), "twice");
        assert!(!check(OrderStatus::Paid, None, &[]), "paid by nobody");
    }
}
