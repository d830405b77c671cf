//! The simulated shop's flash sale: its queue, who has which place in it, and what that means for a checkout. The rules are the shop's
//! own; here are the tables that its queue is kept in, and the passes are tickets that nobody can forge.

use std::collections::{BTreeMap, BTreeSet};

use domain::admission::{Admission, Command, Event, Secret, Terms, Ticket};
use domain::ids::{PersonId, ProductId, SaleId};
use domain::invariants::{Invariant, Violation};
use domain::purchase::Call;
use domain::sale::{Offer, Phase, Prices, Sale, SaleProduct};
use domain::stock::{self, PersonLimit, Quantity};
use domain::time::{Millis, Timestamp};
use uuid::Uuid;

/// Units that one person may have.
pub(crate) const UNITS_MAX: u32 = 2;

/// People let in within a minute: the second person a while after the first.
const RATE: u32 = 2;
/// How long a pass is open.
const PASS_LENGTH: Millis = Millis::minutes(20);
/// From the start to the end.
const LENGTH: Millis = Millis::minutes(60);

/// A sale of one product.
#[derive(Debug)]
pub(crate) struct FlashSale {
    sale: Sale,
    admission: Admission,
    /// The latest of each person.
    places: BTreeMap<PersonId, Ticket>,
}

/// What the sales say of one checkout.
#[derive(Debug, Clone, Default)]
pub(crate) struct Allowed {
    pub(crate) limits: BTreeMap<ProductId, PersonLimit>,
    pub(crate) held_back: BTreeSet<ProductId>,
}

impl Allowed {
    /// ADMIT-4 of one call that a checkout makes.
    pub(crate) fn check(&self, call: &Call) -> Result<(), Violation> {
        let Call::Stock(product_id, stock::Command::Reserve { limit, .. }) = call else { return Ok(()) };
        let is_allowed = !self.held_back.contains(product_id) && *limit == self.limits.get(product_id).copied();
        Invariant::Admit4.check(is_allowed, || format!("{product_id} is reserved with {limit:?}, against {self:?}"))
    }
}

impl FlashSale {
    /// People gather from `now` on, for so long. `number` tells sales apart.
    pub(crate) fn new(number: u128, product_id: ProductId, now: Timestamp, gathers_for: Millis) -> Self {
        let starts_at = now + gathers_for;
        let terms = Terms {
            sale_id: SaleId(Uuid::from_u128(0x5a1e_0000 + number)),
            gathers_at: now,
            starts_at,
            ends_at: starts_at + LENGTH,
            rate: RATE,
            pass_length: PASS_LENGTH,
        };
        let on_sale =
            Quantity::new(UNITS_MAX).ok().map(|units_max| SaleProduct { product_id, prices: Prices::new(), units_max });
        let (slug, title) = ("sale".to_owned(), "Sale".to_owned());
        let sale = Sale { slug, title, terms, products: on_sale.into_iter().collect(), is_cancelled: false };
        let mut flash = Self { sale, admission: Admission::default(), places: BTreeMap::new() };
        flash.execute(&Command::Open { terms, secret: Secret::new([7; 32]) }, now);
        flash
    }

    /// Whether a pass of it may still be open.
    pub(crate) fn is_going_on(&self, now: Timestamp) -> bool {
        match self.sale.phase(now) {
            Phase::Announced | Phase::Gathering | Phase::Running => true,
            Phase::Over | Phase::Cancelled => now < self.sale.last_pass_ends_at(),
        }
    }

    /// Somebody takes a place; `None` when the queue takes nobody.
    pub(crate) fn join(&mut self, person_id: PersonId, now: Timestamp) -> Option<Ticket> {
        self.execute(&Command::Join { person_id }, now).then(|| self.places.get(&person_id).copied()).flatten()
    }

    /// What it says of a checkout by whoever has this pass.
    pub(crate) fn allowed(&mut self, pass: Option<&Ticket>, now: Timestamp) -> Allowed {
        self.execute(&Command::CatchUp, now);
        let mut allowed = Allowed::default();
        for product in &self.sale.products {
            match self.sale.offer(product, pass, self.admission.draw(), now) {
                Offer::Admitted { limit, .. } => drop(allowed.limits.insert(product.product_id, limit)),
                Offer::HeldBack(_) => drop(allowed.held_back.insert(product.product_id)),
                Offer::Regular => {}
            }
        }
        allowed
    }

    /// Whether it was done.
    fn execute(&mut self, command: &Command, now: Timestamp) -> bool {
        let held = command.person_id().and_then(|person_id| self.places.get(&person_id));
        let Ok(events) = self.admission.decide(command, held, now) else { return false };
        for event in &events {
            match event {
                Event::Joined { ticket } => drop(self.places.insert(ticket.person_id, *ticket)),
                Event::Forgotten => self.places.clear(),
                Event::Opened { .. } | Event::Drawn | Event::Cancelled => {}
            }
            self.admission.evolve(event);
        }
        true
    }
}
