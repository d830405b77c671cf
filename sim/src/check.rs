//! What must be true of the simulated world: after every operation, and once it has come to rest.

use std::collections::BTreeMap;

use domain::ids::{OrderId, ProductId};
use domain::invariants::{Invariant, Violation, captured_once, charged_as_quoted, redeemed_within};
use domain::ledger::Account;
use domain::order::OrderStatus;
use domain::payment::{Payment, PaymentStatus};
use domain::stock::ReservationState;
use domain::wire::GatewayName;
use origin::store::ledger;
use origin::store::orders::{self, StoredOrder};
use origin::store::payments;
use origin::store::redemptions;
use origin::store::refunds::{self, StoredRefund};
use origin::store::sql::query;

use crate::Tally;
use crate::gateway::Gateway;
use crate::rules;
use crate::world::World;

/// An order with all its payments.
struct Book {
    order: StoredOrder,
    payments: Vec<Payment>,
    refunds: Vec<StoredRefund>,
    /// Whether the edge said that its goods were gone.
    is_refused: bool,
    /// Whether the edge knows all of it.
    is_told: bool,
}

impl Book {
    /// Whether its goods left, although some may have come back.
    const fn is_sold(&self) -> bool {
        self.order.placed.paid_by.is_some() && !self.is_refused
    }
}

/// In order of checkout.
async fn books(world: &World) -> anyhow::Result<Vec<Book>> {
    const SQL: &str = "-- sim.orders
        SELECT id, (SELECT count(*) FROM outbox WHERE order_id = orders.id AND delivered_at IS NULL) AS waiting,
            (SELECT count(*) FROM outbox WHERE order_id = orders.id AND outcome = 'out_of_stock') AS refused
        FROM orders ORDER BY checkout_id";
    let mut connection = world.origin.app().store().read().await?;
    let mut books = Vec::new();
    for row in query(SQL).fetch_all(&mut connection).await? {
        let id: OrderId = row.get::<String>("id")?.parse()?;
        let Some(order) = orders::find(&mut connection, id).await? else { continue };
        let attempts = payments::of_order(&mut connection, id).await?;
        let payments = attempts.into_iter().map(|stored| stored.payment).collect();
        let refunds = refunds::of_order(&mut connection, id).await?;
        let (waiting, refused) = (row.get::<i64>("waiting")?, row.get::<i64>("refused")?);
        books.push(Book { order, payments, refunds, is_refused: refused > 0, is_told: waiting == 0 });
    }
    Ok(books)
}

/// Always.
pub(crate) async fn always(world: &World) -> anyhow::Result<()> {
    let books = books(world).await?;
    books_balance(world, &books).await?;
    let redeemed = redemptions::counted(&mut world.origin.app().store().read().await?, rules::PROMOTION, "").await?;
    redeemed_within(rules::PROMOTION, rules::LIMITS, redeemed)?;
    let outside = world.network.outside();
    for stock in outside.edge.stocks.values() {
        stock.check()?;
        stock.check_shares()?;
    }
    for (index, Book { order, payments, refunds, is_told, .. }) in books.iter().enumerate() {
        let placed_twice = books[..index].iter().any(|other| other.order.checkout_id == order.checkout_id);
        Invariant::Order1.check(!placed_twice, || format!("two orders of checkout {}", order.checkout_id))?;
        captured_once(order.placed.status, order.placed.paid_by.as_deref(), payments)?;
        let is_told_over = world.given_up.contains(&order.checkout_id);
        Invariant::Money1.check(!is_told_over || !order.placed.status.is_sold(), || {
            format!("checkout {} was given up, and is {}", order.checkout_id, order.placed.status)
        })?;
        for payment in payments.iter().filter(|payment| payment.status == PaymentStatus::Captured) {
            let charged = payment.captured.as_ref().and_then(|capture| capture.money());
            let wrong = || Violation {
                invariant: Invariant::Money2,
                detail: format!("{} was captured without an amount", payment.reference),
            };
            charged_as_quoted(&order.quote, charged.ok_or_else(wrong)?)?;
        }
        for payment in payments {
            let captured = payment.captured.as_ref().map_or(0, |capture| capture.amount_minor);
            let owed = owed(refunds, &payment.reference);
            Invariant::Money3
                .check(owed <= captured, || format!("{owed} of {captured} are owed of {}", payment.reference))?;
        }
        let row = outside.edge.orders.get(&order.id);
        let known = row.map_or(0, |row| row.sequence);
        Invariant::Event1.check(known <= order.events && (!is_told || known == order.events), || {
            format!("the edge knows message {known} of checkout {}, of {}", order.checkout_id, order.events)
        })?;
    }
    for payment in &outside.gateway.payments {
        let back = returned(&outside.gateway, &payment.reference);
        let captured = payment.captured_minor();
        Invariant::Money3
            .check(back <= captured, || format!("{back} of {captured} went back of {}", payment.reference))?;
    }
    for (index, refund) in outside.gateway.refunds.iter().enumerate() {
        let is_second = outside.gateway.refunds[..index].iter().any(|other| other.note == refund.note);
        Invariant::Money3.check(!is_second, || format!("{} was asked for twice", refund.note))?;
    }
    Ok(())
}

/// LEDGER-1, and books that tell the same as everything else: what the gateway holds is what was captured and has not gone back, and
/// what buyers are owed is what is on its way.
async fn books_balance(world: &World, books: &[Book]) -> anyhow::Result<()> {
    let mut connection = world.origin.app().store().read().await?;
    let crooked = ledger::crooked_entries(&mut connection).await?;
    Invariant::Ledger1.check(crooked == 0, || format!("{crooked} entries do not sum to zero"))?;
    let balances = ledger::balances(&mut connection).await?;
    let sum: i64 = balances.iter().map(|balance| balance.amount_minor).sum();
    Invariant::Ledger1.check(sum == 0, || format!("all accounts together hold {sum}: {balances:?}"))?;
    let of = |account: &Account| {
        balances.iter().filter(|it| it.account == account.to_string()).map(|it| it.amount_minor).sum::<i64>()
    };
    let payments = books.iter().flat_map(|book| &book.payments);
    let captured: i64 = payments.filter_map(|payment| payment.captured.as_ref()).map(|it| it.amount_minor).sum();
    let refunds = || books.iter().flat_map(|book| &book.refunds);
    let back: i64 = refunds().filter(|it| it.refund.status.is_over()).map(|it| it.refund.amount_minor).sum();
    let owed: i64 = refunds().filter(|it| !it.refund.status.is_over()).map(|it| it.refund.amount_minor).sum();
    let held = of(&Account::Gateway(GatewayName::Paystack));
    Invariant::Ledger1
        .check(held == captured - back, || format!("{captured} came, {back} went, and {held} are held"))?;
    let booked = -of(&Account::Refunds);
    Invariant::Ledger1.check(booked == owed, || format!("{owed} are owed to buyers, and {booked} in the books"))?;
    Ok(())
}

/// What is owed of a payment.
fn owed(refunds: &[StoredRefund], reference: &str) -> i64 {
    refunds.iter().filter(|refund| refund.reference == reference).map(|refund| refund.refund.amount_minor).sum()
}

/// What went back of a payment.
fn returned(gateway: &Gateway, reference: &str) -> i64 {
    gateway.refunds.iter().filter(|refund| refund.reference == reference).map(|refund| refund.amount_minor).sum()
}

/// Once nothing is left to do.
pub(crate) async fn at_rest(world: &World) -> anyhow::Result<()> {
    let books = books(world).await?;
    let mut outside = world.network.outside();
    let now = world.clock.now();
    for (product_id, stock) in &outside.edge.stocks {
        for (checkout_id, reservation) in stock.reservations() {
            Invariant::Stock3.check(reservation.state != ReservationState::Held, || {
                format!("product {product_id} still holds what checkout {checkout_id} was promised")
            })?;
            let is_paid = books.iter().any(|book| book.order.checkout_id == *checkout_id && book.is_sold());
            Invariant::Money1.check(is_paid == (reservation.state == ReservationState::Committed), || {
                format!("checkout {checkout_id} is paid: {is_paid}, and its units are {:?}", reservation.state)
            })?;
        }
    }
    for cart in outside.edge.carts.values_mut() {
        let frozen = cart.load().frozen_for(now);
        Invariant::Stock3.check(frozen.is_none(), || format!("a cart waits for ever for {frozen:?}"))?;
    }
    let mut sold: BTreeMap<ProductId, u32> = BTreeMap::new();
    for book in &books {
        let Book { order, is_told, refunds, .. } = book;
        let row = outside.edge.orders.get(&order.id);
        let is_same = row.is_some_and(|row| row.status == order.placed.status && row.sequence == order.events);
        Invariant::Event1.check(*is_told && is_same, || {
            format!("checkout {} is {}, and the edge has {row:?}", order.checkout_id, order.placed.status)
        })?;
        let waits = order.placed.status == OrderStatus::AwaitingPayment;
        Invariant::Money1.check(!waits, || format!("checkout {} waits for ever", order.checkout_id))?;
        let is_owed =
            order.placed.status == OrderStatus::RefundDue || refunds.iter().any(|it| !it.refund.status.is_over());
        Invariant::Money1.check(!is_owed, || format!("checkout {} waits for its money for ever", order.checkout_id))?;
        if book.is_sold() {
            for line in &order.lines {
                *sold.entry(line.product_id).or_default() += line.quantity.get();
                let stock = outside.edge.stocks.get(&line.product_id);
                let state = stock.and_then(|stock| stock.reservations().get(&order.checkout_id)).map(|it| it.state);
                Invariant::Money1.check(state == Some(ReservationState::Committed), || {
                    format!("checkout {} is paid, and its {} are {state:?}", order.checkout_id, line.sku)
                })?;
            }
        }
    }
    let counted = &outside.edge.units_sold;
    Invariant::Event1.check(*counted == sold, || format!("{sold:?} were sold, and {counted:?} counted"))?;
    for captured in outside.gateway.payments.iter().filter(|payment| payment.is_captured()) {
        let ends: Vec<String> = books.iter().filter_map(|book| end_of(book, &captured.reference)).collect();
        let is_one = ends.len() == 1;
        Invariant::Money1.check(is_one, || format!("captured {} ended in {ends:?}", captured.reference))?;
        let owed = books.iter().map(|book| owed(&book.refunds, &captured.reference)).sum::<i64>();
        let back = returned(&outside.gateway, &captured.reference);
        Invariant::Money1
            .check(owed == back, || format!("{owed} of {} are owed, and {back} went", captured.reference))?;
    }
    Ok(())
}

/// How things ended, and how often: a simulation in which nobody ever pays too late proves nothing about it.
pub(crate) async fn tally(world: &World) -> anyhow::Result<Tally> {
    let mut tally = world.told.clone();
    for Book { order, payments, refunds, .. } in books(world).await? {
        tally.count(format!("orders {}", order.placed.status));
        payments.iter().for_each(|payment| tally.count(format!("payments {}", payment.status)));
        refunds.iter().for_each(|refund| tally.count(format!("refunds {}", refund.cause.as_str())));
    }
    for stock in world.network.outside().edge.stocks.values() {
        for reservation in stock.reservations().values() {
            let whose = if reservation.limit.is_some() { "reservations in a sale" } else { "reservations" };
            tally.count(format!("{whose} {:?}", reservation.state).to_lowercase());
        }
    }
    Ok(tally)
}

/// What a captured payment came to in one order's book.
fn end_of(book: &Book, reference: &str) -> Option<String> {
    let payment = book.payments.iter().find(|payment| payment.reference == reference)?;
    let status = book.order.placed.status;
    let settles = book.order.placed.paid_by.as_deref() == Some(reference) && payment.status == PaymentStatus::Captured;
    let ends = settles && matches!(status, OrderStatus::Paid | OrderStatus::Refunded);
    let is_back = payment.captured.as_ref().is_some_and(|it| it.amount_minor == owed(&book.refunds, reference));
    (ends || (payment.status.is_refund_due() && is_back)).then(|| format!("{status}, {}", payment.status))
}
