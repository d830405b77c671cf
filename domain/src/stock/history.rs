//! What a seller reads of a product's stock: every change of what is in the building, why, and what was left. Only ever added to.

use serde::{Deserialize, Serialize};

use super::{Command, Event, Movement, Shelf};
use crate::ids::Sku;

/// Why units came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The opening balance, or another one before anything was sold or moved.
    Opened,
    /// A paid checkout took them.
    Sold,
    /// A paid checkout gave them back, because the rest of its order could not be had.
    NotSold,
    /// A delivery.
    Received,
    /// The books were wrong.
    Adjusted,
    /// Somebody counted the shelf.
    Counted,
    /// Damaged or lost.
    WrittenOff,
    /// A buyer sent them back.
    TakenBack,
}

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Which variant.
    pub sku: Sku,
    /// Units more, or less if negative. Zero when somebody counted and it was right.
    pub change: i64,
    /// Units in the building after it.
    pub on_hand: u32,
    /// Why.
    pub cause: Cause,
    /// The checkout or the movement.
    pub reference: String,
    /// Who did it; empty for what the shop does by itself.
    pub actor: String,
    /// What they said of it.
    pub reason: String,
}

/// The lines that `event` adds to the history; `after` is the shelf after it.
pub fn entries(event: &Event, after: &Shelf) -> Vec<Entry> {
    let entry = |sku: &Sku, change: i64, cause, reference: String, movement: Option<&Movement>| Entry {
        sku: sku.clone(),
        change,
        on_hand: after.level(sku).map_or(0, |level| level.on_hand),
        cause,
        reference,
        actor: movement.map(|movement| movement.actor.clone()).unwrap_or_default(),
        reason: movement.map(|movement| movement.reason.clone()).unwrap_or_default(),
    };
    match event {
        Event::Reserved { .. } | Event::Released { .. } | Event::Expired { .. } | Event::Refused { .. } => Vec::new(),
        Event::Opened { sku, on_hand } => {
            vec![entry(sku, i64::from(*on_hand), Cause::Opened, String::new(), None)]
        }
        Event::Reopened { sku, was, on_hand } => {
            vec![entry(sku, i64::from(*on_hand) - i64::from(*was), Cause::Opened, String::new(), None)]
        }
        Event::Committed { checkout_id, lines, .. } => lines
            .iter()
            .map(|line| entry(&line.sku, -i64::from(line.quantity.get()), Cause::Sold, checkout_id.to_string(), None))
            .collect(),
        Event::Returned { checkout_id, lines } => lines
            .iter()
            .map(|line| entry(&line.sku, i64::from(line.quantity.get()), Cause::NotSold, checkout_id.to_string(), None))
            .collect(),
        Event::Moved { command, changes } => {
            let Some(cause) = cause(command) else { return Vec::new() };
            let movement = command.movement();
            let of_movement = || movement.map(|movement| movement.id.to_string()).unwrap_or_default();
            let reference = command.checkout_id().map_or_else(of_movement, |checkout_id| checkout_id.to_string());
            changes.iter().map(|(sku, change)| entry(sku, *change, cause, reference.clone(), movement)).collect()
        }
    }
}

/// Why a command moves units by hand, if it does.
const fn cause(command: &Command) -> Option<Cause> {
    match command {
        Command::Receive { .. } => Some(Cause::Received),
        Command::Adjust { .. } => Some(Cause::Adjusted),
        Command::Count { .. } => Some(Cause::Counted),
        Command::WriteOff { .. } => Some(Cause::WrittenOff),
        Command::TakeBack { .. } => Some(Cause::TakenBack),
        Command::Open { .. }
        | Command::Reserve { .. }
        | Command::Release { .. }
        | Command::Commit { .. }
        | Command::Return { .. }
        | Command::Expire => None,
    }
}
