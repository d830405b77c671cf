//! What of an event has to be stored, so that a shelf can be read back and what is over be looked up. The store itself is the shell's.

use super::{Command, Entry, Event, Level, Memory, Reservation, Shelf, entries};
use crate::ids::{CheckoutId, MovementId, Sku};
use crate::time::Timestamp;

/// Where a product's stock is kept: maps in simulations, the object's tables in the Worker.
pub trait Storage: Memory {
    /// Keeps a reservation as it is now.
    fn write_reservation(&mut self, checkout_id: CheckoutId, after: &Reservation) -> Result<(), Self::Error>;

    /// Keeps a variant's count as it is now.
    fn write_level(&mut self, sku: &Sku, level: Level) -> Result<(), Self::Error>;

    /// Keeps a movement by hand as it was asked for.
    fn write_movement(&mut self, movement_id: MovementId, command: &Command) -> Result<(), Self::Error>;

    /// Adds a line to the history.
    fn append(&mut self, entry: &Entry, at: Timestamp) -> Result<(), Self::Error>;
}

/// Makes `event` part of the shelf and of what is stored. When it fails, the shelf has to be read back.
pub fn persist<S: Storage>(storage: &mut S, shelf: &mut Shelf, event: &Event, now: Timestamp) -> Result<(), S::Error> {
    if let Some(checkout_id) = event.checkout_id() {
        let before = match shelf.reservation(checkout_id) {
            Some(held) => Some(held.clone()),
            None => storage.ended(checkout_id)?,
        };
        if let Some(after) = Reservation::after(before.as_ref(), event) {
            storage.write_reservation(checkout_id, &after)?;
        }
    }
    shelf.evolve(event);
    for entry in entries(event, shelf) {
        if let Some(level) = shelf.level(&entry.sku) {
            storage.write_level(&entry.sku, level)?;
        }
        storage.append(&entry, now)?;
    }
    if let Event::Moved { command, .. } = event
        && let Some(movement) = command.movement()
    {
        storage.write_movement(movement.id, command)?;
    }
    Ok(())
}
