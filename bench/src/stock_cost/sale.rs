//! A product that sells out: each unit reserved and committed at its one Stock object, and one buyer more than there are units.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use domain::ids::Sku;
use domain::stock::Level;
use domain::wire::{MeasureReservations, Then};
use serde::Serialize;

use super::reservations::{AT_ONCE, measure};
use super::stock;
use crate::times::Times;
use crate::worker::Worker;

/// What selling came to.
#[derive(Debug, Serialize)]
pub(super) struct Sale {
    pub(super) units: u32,
    pub(super) at_once: u32,
    /// From the first reservation to the last commit, asking for it included.
    pub(super) seconds: f64,
    pub(super) sales_a_second: f64,
    pub(super) reserve_milliseconds: Times,
    pub(super) commit_milliseconds: Times,
    /// Whether the buyer who came after the last unit was refused.
    pub(super) refuses_one_more: bool,
    /// What the Stock object says in the end.
    pub(super) level: Level,
}

pub(super) fn run(worker: &Worker, sku: &str, units: u32) -> Result<Sale> {
    let skus = [Sku::new(sku)?];
    let (mut reserve, mut commit) = (Vec::new(), Vec::new());
    let mut sold = 0;
    let started = Instant::now();
    while sold < units {
        let batch = (units - sold).min(MeasureReservations::RESERVATIONS_MAX);
        let measured = measure(worker, &skus, batch, Then::Commit)?;
        ensure!(measured.refused == 0, "{} of {batch} were refused after {sold} of {units}", measured.refused);
        reserve.extend(measured.each_milliseconds);
        commit.extend(measured.each_commit_milliseconds);
        sold += batch;
    }
    let seconds = started.elapsed().as_secs_f64();
    let one_more = measure(worker, &skus, 1, Then::Commit)?;
    let level = stock(worker, sku)?.levels.first().context("a product without variants")?.level;
    Ok(Sale {
        units,
        at_once: AT_ONCE,
        seconds,
        sales_a_second: f64::from(units) / seconds,
        reserve_milliseconds: Times::of(reserve),
        commit_milliseconds: Times::of(commit),
        refuses_one_more: one_more.refused == 1,
        level,
    })
}
