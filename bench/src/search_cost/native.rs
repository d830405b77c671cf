//! The same searches in this process, from an index that is whole in memory.

use std::time::Instant;

use anyhow::Result;
use search::artefact::{BUNDLE, HOTCACHE};
use search::{Artefact, Outcome, Reader, Request};

/// What one question cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    /// Each time.
    pub(super) milliseconds: f64,
}

/// An open index.
pub(super) struct Native {
    artefact: Artefact,
    reader: Reader,
}

impl Native {
    pub(super) fn open(artefact: Artefact) -> Result<Self> {
        // Everything stays in memory: what is compared is the work, not the fetching.
        let reader = Reader::open(artefact.manifest.clone(), artefact.file(HOTCACHE).to_vec(), usize::MAX)?;
        Ok(Self { artefact, reader })
    }

    pub(super) fn bundle_bytes(&self) -> u64 {
        self.artefact.manifest.bundle_bytes
    }

    pub(super) fn hotcache_bytes(&self) -> u64 {
        self.artefact.manifest.hotcache_bytes
    }

    /// Asks each question once, and then so many times against the clock.
    pub(super) fn ask(&self, requests: &[Request], times: u32) -> Result<Vec<Measured>> {
        requests
            .iter()
            .map(|request| {
                self.answer(request)?;
                let started = Instant::now();
                for _ in 0..times {
                    self.answer(request)?;
                }
                Ok(Measured { milliseconds: started.elapsed().as_secs_f64() * 1_000.0 / f64::from(times) })
            })
            .collect()
    }

    fn answer(&self, request: &Request) -> Result<()> {
        let bundle = self.artefact.file(BUNDLE);
        let mut search = self.reader.begin(request)?;
        loop {
            match search.run()? {
                Outcome::Ready(_) => return Ok(()),
                Outcome::NeedBytes(ranges) => {
                    for range in ranges {
                        search.supply(range.start, &bundle[range.start as usize..range.end as usize])?;
                    }
                }
            }
        }
    }
}
