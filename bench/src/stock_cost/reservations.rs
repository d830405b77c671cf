//! Reservations a second, asked of Stock objects from inside the Worker: no HTTP in between, only what a checkout does to stock.

use anyhow::{Result, bail};
use domain::ids::Sku;
use domain::wire::{EDGE_MEASURE_STOCK, MeasureReservations, MeasuredReservations, Then};
use serde::Serialize;

use crate::times::Times;
use crate::worker::Worker;

/// That many wait for their answer at the same time.
pub(super) const AT_ONCE: u32 = 32;

/// What reserving came to.
#[derive(Debug, Serialize)]
pub(super) struct Reservations {
    pub(super) reservations: u32,
    pub(super) at_once: u32,
    pub(super) reservations_a_second: f64,
    /// Of one, waiting for those before it included.
    pub(super) milliseconds: Times,
}

pub(super) fn run(worker: &Worker, skus: &[String], reservations: u32) -> Result<Reservations> {
    let skus: Vec<Sku> = skus.iter().map(|sku| Sku::new(sku)).collect::<Result<_, _>>()?;
    // Objects take their opening balance when they are first touched: that is no part of a reservation.
    for some in skus.chunks(MeasureReservations::RESERVATIONS_MAX as usize) {
        plenty(worker, some, u32::try_from(some.len())?)?;
    }
    let (mut milliseconds, mut each) = (0.0, Vec::new());
    let mut done = 0;
    while done < reservations {
        let batch = (reservations - done).min(MeasureReservations::RESERVATIONS_MAX);
        // Another part of the products each time, so that all of them have their turn.
        let from = done as usize % skus.len();
        let some: Vec<Sku> = skus.iter().cycle().skip(from).take(skus.len().min(batch as usize)).cloned().collect();
        let measured = plenty(worker, &some, batch)?;
        milliseconds += measured.milliseconds;
        each.extend(measured.each_milliseconds);
        done += batch;
    }
    Ok(Reservations {
        reservations,
        at_once: AT_ONCE,
        reservations_a_second: f64::from(reservations) * 1_000.0 / milliseconds.max(1.0),
        milliseconds: Times::of(each),
    })
}

/// Reserves what never runs out, and lets go of it.
pub(super) fn plenty(worker: &Worker, skus: &[Sku], reservations: u32) -> Result<MeasuredReservations> {
    let measured = measure(worker, skus, reservations, Then::Release)?;
    if measured.refused > 0 {
        bail!("{} reservations were refused, though there are plenty", measured.refused);
    }
    Ok(measured)
}

pub(super) fn measure(worker: &Worker, skus: &[Sku], reservations: u32, then: Then) -> Result<MeasuredReservations> {
    worker.post(EDGE_MEASURE_STOCK, &MeasureReservations { skus: skus.to_vec(), reservations, at_once: AT_ONCE, then })
}
