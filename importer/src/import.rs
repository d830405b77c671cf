//! Brings the products of a source into a shop: batches, a few in flight, each with its pictures first. Bad rows are told and
//! left out; the good ones arrive. It can be stopped at any time and goes on from there.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::wire::{
    EDGE_IMPORT_FINISH, EDGE_IMPORT_PRODUCTS, IMPORT_BATCH_MAX, ImportBatch, ImportProduct, ImportReport, Picture,
};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::draft::Draft;
use crate::picture::{Pictures, Source as PictureSource, described};
use crate::report::{Complaint, ComplaintKind, Report};
use crate::resume::Resume;
use crate::shop::{Shop, ShopError};
use crate::source::{SeenSkus, Source, Sourced};

/// Batches in flight.
const BATCHES_AT_ONCE: usize = 4;

/// A batch is sent when it holds about so many bytes, even if it could take more products.
const BATCH_BYTES: usize = 1_500_000;

/// Search follows so many batches as they come. Of a larger import the rest is left until the end, when it is known whether the
/// index will be compiled.
const FOLLOWED_BATCHES: u64 = CHANGES_FOLLOWED_MAX / IMPORT_BATCH_MAX as u64;

/// Search follows an import that changes so many products by itself; after a larger one the index is better compiled.
pub const CHANGES_FOLLOWED_MAX: u64 = 1_000;

/// Products read ahead.
const READ_AHEAD: usize = 2 * IMPORT_BATCH_MAX;

/// What an import needs.
#[derive(Debug)]
pub struct Import {
    /// Where to.
    pub shop: Shop,
    /// Who finds and stores pictures.
    pub pictures: Arc<Pictures>,
    /// Who tells.
    pub report: Arc<Report>,
    /// Who remembers.
    pub resume: Resume,
}

/// How an import ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Products that were new.
    pub created: u64,
    /// Products that were there and differ now.
    pub updated: u64,
    /// Products that were just the same.
    pub unchanged: u64,
    /// Products of which nothing was sold yet, and whose stock is the file's now.
    pub restocked: u64,
    /// Products whose stock the shop counts itself: the file's was left alone.
    pub stock_kept: u64,
    /// Rows that were refused, here or by the shop.
    pub rejected: u64,
    /// Products that an earlier, stopped run had brought.
    pub resumed: u64,
    /// Stopped on request at this line; the same command goes on from there.
    pub stopped_at: Option<u64>,
    /// How long it took.
    pub took: Duration,
}

/// A batch on its way.
struct Batch {
    number: u64,
    last_line: u64,
    products: Vec<(u64, Draft)>,
    bytes: usize,
}

struct Delivered {
    number: u64,
    products: u64,
    report: ImportReport,
}

/// Which batches are on their way, and up to where everything has arrived.
#[derive(Debug, Default)]
struct Progress {
    /// Number of each batch → its last line, and whether it has arrived.
    batches: BTreeMap<u64, (u64, bool)>,
    acknowledged_line: u64,
}

impl Progress {
    fn sent(&mut self, number: u64, last_line: u64) {
        self.batches.insert(number, (last_line, false));
    }

    /// Notes an arrival; answers the line up to which everything has arrived, if that moved.
    fn arrived(&mut self, number: u64) -> Option<u64> {
        if let Some((_, arrived)) = self.batches.get_mut(&number) {
            *arrived = true;
        }
        let before = self.acknowledged_line;
        while let Some(first) = self.batches.first_entry()
            && first.get().1
        {
            self.acknowledged_line = first.remove().0;
        }
        (self.acknowledged_line > before).then_some(self.acknowledged_line)
    }
}

impl Import {
    /// Runs it until the source ends, something fails for good, or `stop` is ready.
    ///
    /// # Errors
    /// When the shop refuses or cannot be reached. What has arrived stays, and the next run goes on from there.
    pub async fn run(&self, source: Source, stop: impl Future<Output = ()>) -> Result<Outcome, ShopError> {
        let started = Instant::now();
        let skip_to = self.resume.acknowledged_line();
        let mut rows = read_ahead(source);
        let mut outcome = Outcome::default();
        let mut progress = Progress { acknowledged_line: skip_to, ..Progress::default() };
        let mut seen = SeenSkus::default();
        let mut in_flight = JoinSet::new();
        let mut batch = Batch { number: 0, last_line: 0, products: Vec::new(), bytes: 0 };
        let mut stop = std::pin::pin!(stop);
        let mut stopped = false;
        let mut failure = None;
        loop {
            let row = tokio::select! {
                biased;
                () = &mut stop => { stopped = true; None }
                Some(delivered) = in_flight.join_next() => {
                    match self.settle(flatten(delivered), &mut progress, &mut outcome) {
                        Ok(()) => continue,
                        Err(error) => { failure = Some(error); None }
                    }
                }
                row = rows.recv() => row,
            };
            let Some(Sourced { line, draft }) = row else { break };
            let draft = draft.and_then(|draft| match seen.note(line, &draft) {
                Ok(()) => Ok(draft),
                Err(reason) => Err(reason),
            });
            match draft {
                Err(reason) => self.report.complain(&Complaint { line, sku: None, kind: ComplaintKind::Row, reason }),
                Ok(_) if line <= skip_to => outcome.resumed += 1,
                Ok(draft) => {
                    batch.bytes += draft.weight_bytes();
                    batch.products.push((line, draft));
                }
            }
            batch.last_line = line;
            if batch.products.len() >= IMPORT_BATCH_MAX || batch.bytes >= BATCH_BYTES {
                while in_flight.len() >= BATCHES_AT_ONCE && failure.is_none() {
                    let Some(delivered) = in_flight.join_next().await else { break };
                    failure = self.settle(flatten(delivered), &mut progress, &mut outcome).err();
                }
                if failure.is_some() {
                    break;
                }
                let next = Batch { number: batch.number + 1, last_line: line, products: Vec::new(), bytes: 0 };
                self.send(std::mem::replace(&mut batch, next), &mut in_flight, &mut progress);
            }
        }
        drop(rows);
        if !stopped && failure.is_none() && !batch.products.is_empty() {
            self.send(batch, &mut in_flight, &mut progress);
        }
        // What is on its way arrives, also when the import stops: nothing is cut off half-way.
        while let Some(delivered) = in_flight.join_next().await {
            let settled = self.settle(flatten(delivered), &mut progress, &mut outcome);
            failure = failure.or(settled.err());
        }
        outcome.rejected = self.report.complaints().0;
        if let Some(error) = failure {
            return Err(error);
        }
        if stopped {
            outcome.stopped_at = Some(progress.acknowledged_line);
        } else {
            self.shop.nudge(EDGE_IMPORT_FINISH).await?;
            self.resume.forget();
        }
        outcome.took = started.elapsed();
        Ok(outcome)
    }

    fn send(&self, batch: Batch, in_flight: &mut JoinSet<Result<Delivered, ShopError>>, progress: &mut Progress) {
        progress.sent(batch.number, batch.last_line);
        let (shop, pictures, report) = (self.shop.clone(), Arc::clone(&self.pictures), Arc::clone(&self.report));
        in_flight.spawn(async move { deliver(&shop, &pictures, &report, batch).await });
    }

    fn settle(
        &self,
        delivered: Result<Delivered, ShopError>,
        progress: &mut Progress,
        outcome: &mut Outcome,
    ) -> Result<(), ShopError> {
        let Delivered { number, products, report } = delivered?;
        outcome.created += u64::from(report.created);
        outcome.updated += u64::from(report.updated);
        outcome.unchanged += u64::from(report.unchanged);
        outcome.restocked += u64::from(report.restocked);
        outcome.stock_kept += u64::from(report.stock_kept);
        self.report.advance(products);
        if let Some(line) = progress.arrived(number)
            && let Err(error) = self.resume.note(line)
        {
            self.report.say(&format!("how far this has come cannot be remembered: {error}"));
        }
        Ok(())
    }
}

/// Reads the source on a thread of its own: files and gzip are not async.
fn read_ahead(source: Source) -> mpsc::Receiver<Sourced> {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    tokio::task::spawn_blocking(move || {
        for row in source {
            if sender.blocking_send(row).is_err() {
                break;
            }
        }
    });
    receiver
}

fn flatten(joined: Result<Result<Delivered, ShopError>, tokio::task::JoinError>) -> Result<Delivered, ShopError> {
    joined.unwrap_or_else(|error| Err(ShopError::Request(format!("a batch broke off: {error}"))))
}

/// Finds a batch's pictures, stores those that the shop lacks, and sends the batch.
async fn deliver(shop: &Shop, pictures: &Arc<Pictures>, report: &Report, batch: Batch) -> Result<Delivered, ShopError> {
    let mut finding = JoinSet::new();
    for (index, (line, draft)) in batch.products.into_iter().enumerate() {
        let pictures = Arc::clone(pictures);
        finding.spawn(async move { (index, line, find_pictures(&pictures, draft).await) });
    }
    let mut illustrated = Vec::new();
    while let Some(found) = finding.join_next().await {
        illustrated.push(found.map_err(|error| ShopError::Request(format!("a batch broke off: {error}")))?);
    }
    illustrated.sort_by_key(|(index, ..)| *index);
    let sources: HashMap<String, PictureSource> = illustrated
        .iter()
        .flat_map(|(_, _, product)| &product.pictures)
        .filter_map(|(source, found)| found.as_ref().ok().map(|found| (found.key.clone(), source.clone())))
        .collect();
    let unmade = if sources.is_empty() { HashMap::new() } else { pictures.store(&sources).await? };
    let mut lines = Vec::with_capacity(illustrated.len());
    let mut products = Vec::with_capacity(illustrated.len());
    for (_, line, product) in illustrated {
        let sku = product.draft.sku.to_string();
        let (product, failures) = product.finished(&unmade);
        for reason in failures {
            report.complain(&Complaint { line, sku: Some(sku.clone()), kind: ComplaintKind::Picture, reason });
        }
        lines.push(line);
        products.push(product);
    }
    let count = products.len() as u64;
    let answer: ImportReport =
        shop.post(EDGE_IMPORT_PRODUCTS, &ImportBatch { products, bulk: batch.number >= FOLLOWED_BATCHES }).await?;
    for rejection in &answer.rejected {
        let line = lines.get(rejection.index).copied().unwrap_or(batch.last_line);
        let (sku, reason) = (Some(rejection.sku.clone()), rejection.reason.clone());
        report.complain(&Complaint { line, sku, kind: ComplaintKind::Row, reason });
    }
    Ok(Delivered { number: batch.number, products: count, report: answer })
}

/// A product with what was found of its pictures, in order.
struct Illustrated {
    draft: Draft,
    pictures: Vec<(PictureSource, Result<crate::picture::encode::Measured, crate::picture::NoPicture>)>,
}

async fn find_pictures(pictures: &Pictures, draft: Draft) -> Illustrated {
    let mut found = Vec::new();
    for name in &draft.images {
        let source = PictureSource::Named(name.clone());
        let measured = if pictures.wants(&source) {
            pictures.find(&source).await
        } else {
            Err(crate::picture::NoPicture { reason: None })
        };
        found.push((source, measured));
    }
    if let Some(drawing) = &draft.drawing
        && found.iter().all(|(_, measured)| measured.is_err())
    {
        let source = PictureSource::Drawn(drawing.clone());
        if pictures.wants(&source) {
            let measured = pictures.find(&source).await;
            found.push((source, measured));
        }
    }
    Illustrated { draft, pictures: found }
}

impl Illustrated {
    /// The product as the shop takes it, and what is to be said about pictures that it lacks.
    fn finished(self, unmade: &HashMap<String, crate::picture::NoPicture>) -> (ImportProduct, Vec<String>) {
        let Self { draft, pictures } = self;
        let mut failures = Vec::new();
        // Where each of the draft's pictures ended up, for the variants that point at them.
        let mut places: Vec<Option<u32>> = Vec::with_capacity(pictures.len());
        let mut kept: Vec<Picture> = Vec::with_capacity(pictures.len());
        for (source, found) in pictures {
            let found = found.and_then(|measured| match unmade.get(&measured.key) {
                None => Ok(measured),
                Some(failure) => Err(failure.clone()),
            });
            match found {
                Ok(measured) => {
                    let place = kept.iter().position(|picture| picture.key == measured.key).unwrap_or(kept.len());
                    if place == kept.len() {
                        let alt = match place {
                            0 => draft.title.clone(),
                            _ => format!("{}, picture {}", draft.title, place + 1),
                        };
                        kept.push(described(measured, alt));
                    }
                    places.push(u32::try_from(place).ok());
                }
                Err(failure) => {
                    places.push(None);
                    let name = match &source {
                        PictureSource::Named(name) => name.as_str(),
                        PictureSource::Drawn(drawing) => drawing.icon.as_str(),
                    };
                    failures.extend(failure.reason.map(|reason| format!("{name}: {reason}")));
                }
            }
        }
        (draft.into_product(kept, &places), failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_before_the_first_batch_on_its_way_has_arrived() {
        let mut progress = Progress::default();
        for (number, last_line) in [(0, 10), (1, 20), (2, 30)] {
            progress.sent(number, last_line);
        }
        assert_eq!(progress.arrived(1), None, "batch 0 may yet fail");
        assert_eq!(progress.arrived(0), Some(20));
        assert_eq!(progress.arrived(2), Some(30));
    }
}
