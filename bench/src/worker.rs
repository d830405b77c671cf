//! The Worker in workerd: publishes an index into it, and has it measure itself.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use domain::wire::EDGE_MEASURE;
use importer::shop::Shop;
use index_builder::publish;
use search::measured::{Measure, Measured, Measurement};
use search::{Artefact, Request};
use serde::Serialize;
use serde::de::DeserializeOwned;
use stack::{Part, Stack};

/// Questions sent at once, so that no request takes long.
const BATCH: usize = 10;
/// Of `/proc`'s clock, on every architecture that workerd is built for.
const TICKS_A_SECOND: u64 = 100;

/// A running Worker.
pub(crate) struct Worker {
    shop: Shop,
    runtime: tokio::runtime::Runtime,
    /// Of the process whose descendants are workerd.
    process: u32,
}

impl Worker {
    pub(crate) fn new(stack: &Stack) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let keys = stack.keys().operator_keys.parse().context("the operator's keys")?;
        let process = stack.process(Part::Edge).context("the Worker is not running")?.id();
        Ok(Self { shop: Shop::new(&stack.addresses().shop, keys)?, runtime, process })
    }

    pub(crate) fn publish(&self, artefact: Artefact) -> Result<()> {
        Ok(self.runtime.block_on(publish::publish(&self.shop, artefact))?)
    }

    /// Sends an operator's request.
    pub(crate) fn post<B: Serialize + Sync, T: DeserializeOwned>(&self, path: &str, body: &B) -> Result<T> {
        Ok(self.runtime.block_on(self.shop.post(path, body))?)
    }

    /// Asks as an operator.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        Ok(self.runtime.block_on(self.shop.get(path))?)
    }

    /// Sends an operator's request that has neither body nor answer.
    pub(crate) fn nudge(&self, path: &str) -> Result<()> {
        Ok(self.runtime.block_on(self.shop.nudge(path))?)
    }

    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Asks each question of a reader that has nothing in memory.
    pub(crate) fn ask_cold(&self, requests: &[Request]) -> Result<Vec<Measured>> {
        self.ask(requests, 0)
    }

    /// Asks each question of the open index, so many times each.
    pub(crate) fn ask_warm(&self, requests: &[Request], times: u32) -> Result<Vec<Measured>> {
        self.ask(requests, times)
    }

    fn ask(&self, requests: &[Request], times: u32) -> Result<Vec<Measured>> {
        let mut all = Vec::with_capacity(requests.len());
        for batch in requests.chunks(BATCH) {
            let measure = Measure { requests: batch.to_vec(), times };
            let measurement: Measurement = self.post(EDGE_MEASURE, &measure)?;
            all.extend(measurement.searches);
        }
        Ok(all)
    }

    /// The Worker's WASM memory, and what of it is the index.
    pub(crate) fn memory(&self) -> Result<(u64, u64)> {
        let nothing = Measure { requests: Vec::new(), times: 0 };
        let measurement: Measurement = self.post(EDGE_MEASURE, &nothing)?;
        Ok((measurement.memory_bytes, measurement.index_bytes))
    }

    /// What workerd's processes keep in memory.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        let of_one = |process: &u32| {
            let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
            let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            Some(resident.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
        };
        Ok(self.processes()?.iter().filter_map(of_one).sum())
    }

    /// How long workerd's processes have computed so far, on all processors.
    pub(crate) fn computed(&self) -> Result<Duration> {
        Ok(self.processes()?.into_iter().filter_map(computed).sum())
    }

    /// Those of workerd.
    fn processes(&self) -> Result<Vec<u32>> {
        let mut family = vec![self.process];
        let parents = parents()?;
        let mut at = 0;
        while let Some(parent) = family.get(at).copied() {
            family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child));
            at += 1;
        }
        let is_workerd = |process: &u32| {
            fs::read_to_string(format!("/proc/{process}/status"))
                .is_ok_and(|status| status.lines().any(|line| line.starts_with("Name:") && line.contains("workerd")))
        };
        family.retain(is_workerd);
        Ok(family)
    }
}

/// How long a process has computed so far; `None` when it is gone.
pub(crate) fn computed(process: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // After the name, which may hold anything, the state is the first field; user's and system's time are the 12th and 13th.
    let (_, rest) = stat.rsplit_once(')')?;
    let ticks = rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap_or(0)).sum::<u64>();
    Some(Duration::from_millis(ticks * 1_000 / TICKS_A_SECOND))
}

/// Every process and its parent.
fn parents() -> Result<Vec<(u32, u32)>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").context("this needs /proc")? {
        let Some(process) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { continue };
        // After the name, which may hold anything: state, parent.
        let rest = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
        if let Some(parent) = rest.split_whitespace().nth(1).and_then(|parent| parent.parse().ok()) {
            parents.push((process, parent));
        }
    }
    Ok(parents)
}
