//! What a command needs to know of what is over: gathered before anything is decided, so that deciding reads nothing.

use super::{Command, PersonLimit, Reservation, Shelf};
use crate::ids::{CheckoutId, MovementId, PersonId, SaleId};

/// Where what is over is kept: a map in tests and simulations, the object's tables in the Worker.
pub trait Memory {
    /// Why it could not be read.
    type Error;

    /// A reservation that is over.
    fn ended(&self, checkout_id: CheckoutId) -> Result<Option<Reservation>, Self::Error>;

    /// A movement by hand, as it was asked for.
    fn movement(&self, movement_id: MovementId) -> Result<Option<Command>, Self::Error>;

    /// Whether anything was ever sold, or moved by hand: from then on the product's stock is what was counted here.
    fn is_counted(&self) -> Result<bool, Self::Error>;

    /// Units that a person bought in a sale, less those that came back.
    fn bought(&self, sale_id: SaleId, person_id: PersonId) -> Result<u32, Self::Error>;
}

/// What is over and matters to one command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// The command's reservation, if it is over.
    pub(super) reservation: Option<Reservation>,
    /// What was asked for under the id of the command's movement.
    pub(super) movement: Option<Command>,
    /// Units that the command's person bought in its sale.
    pub(super) bought: u32,
    /// Whether an opening balance means nothing any more.
    pub(super) is_counted: bool,
}

impl Past {
    /// Looks up what `command` needs.
    pub fn gather<M: Memory>(shelf: &Shelf, command: &Command, memory: &M) -> Result<Self, M::Error> {
        let checkout_id = command.checkout_id();
        let held = checkout_id.and_then(|checkout_id| shelf.reservation(checkout_id));
        let reservation = match (checkout_id, held) {
            (Some(checkout_id), None) => memory.ended(checkout_id)?,
            (Some(_) | None, _) => None,
        };
        let movement = match command.movement() {
            Some(movement) => memory.movement(movement.id)?,
            None => None,
        };
        let limit = match command {
            Command::Reserve { limit, .. } => *limit,
            Command::Commit { .. } => held.or(reservation.as_ref()).and_then(|reservation| reservation.limit),
            Command::Open { .. }
            | Command::Release { .. }
            | Command::Return { .. }
            | Command::Expire
            | Command::Receive { .. }
            | Command::Adjust { .. }
            | Command::Count { .. }
            | Command::WriteOff { .. }
            | Command::TakeBack { .. } => None,
        };
        let bought = match limit {
            Some(PersonLimit { sale_id, person_id, .. }) => memory.bought(sale_id, person_id)?,
            None => 0,
        };
        let is_counted = matches!(command, Command::Open { .. }) && memory.is_counted()?;
        Ok(Self { reservation, movement, bought, is_counted })
    }
}
