//! What is told while an import runs: rows that were refused, how far it has come, how it ended. To people on stderr, and to
//! programs as JSON Lines in a file.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// Something that went wrong with one line of the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Complaint {
    /// The line.
    pub line: u64,
    /// The product's SKU, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// What it cost.
    pub kind: ComplaintKind,
    /// Why, and what to do.
    pub reason: String,
}

/// What a complaint cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ComplaintKind {
    /// The product.
    Row,
    /// One picture of a product that is there otherwise.
    Picture,
}

/// Everything that is needed to tell how far it is.
#[derive(Debug, Clone)]
pub enum Extent {
    /// A file of so many bytes, of which so many have been read.
    Bytes {
        /// in all
        total: u64,
        /// so far
        read: Arc<AtomicU64>,
    },
    /// So many products.
    Products(u64),
}

/// Tells people and files. Shared by everything that runs.
#[derive(Debug)]
pub struct Report {
    bar: Option<ProgressBar>,
    inner: Mutex<Inner>,
    extent: Extent,
}

#[derive(Debug)]
struct Inner {
    file: Option<BufWriter<File>>,
    rows: u64,
    pictures: u64,
    spoken_at: Instant,
    done: u64,
}

/// Between two lines of progress where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

impl Report {
    /// A report on an import of this extent; complaints also go to `file`.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn new(extent: Extent, file: Option<&Path>) -> io::Result<Self> {
        let file = file.map(File::create).transpose()?.map(BufWriter::new);
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(match &extent {
                Extent::Bytes { total, .. } => *total,
                Extent::Products(total) => *total,
            });
            if let Ok(style) = ProgressStyle::with_template("{bar:32.cyan/dim} {percent:>3} %  {msg}  {elapsed}") {
                bar.set_style(style.progress_chars("━━─"));
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        let inner = Inner { file, rows: 0, pictures: 0, spoken_at: Instant::now(), done: 0 };
        Ok(Self { bar, inner: Mutex::new(inner), extent })
    }

    /// Says a line, past the progress bar.
    pub fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    /// Tells of a complaint.
    pub fn complain(&self, complaint: &Complaint) {
        let what = match complaint.kind {
            ComplaintKind::Row => "",
            ComplaintKind::Picture => "picture ",
        };
        let sku = complaint.sku.as_deref().map(|sku| format!(" ({sku})")).unwrap_or_default();
        self.say(&format!("line {}{sku}: {what}{}", complaint.line, complaint.reason));
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        match complaint.kind {
            ComplaintKind::Row => inner.rows += 1,
            ComplaintKind::Picture => inner.pictures += 1,
        }
        if let Some(file) = &mut inner.file {
            let written =
                serde_json::to_writer(&mut *file, complaint).map_err(io::Error::from).and_then(|()| writeln!(file));
            if let Err(error) = written {
                inner.file = None;
                drop(inner);
                self.say(&format!("the report file cannot be written any more: {error}"));
            }
        }
    }

    /// Tells that so many more products are in the shop.
    pub fn advance(&self, products: u64) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.done += products;
        let message = format!("{} products", inner.done);
        if let Some(bar) = &self.bar {
            bar.set_position(match &self.extent {
                Extent::Bytes { read, .. } => read.load(Ordering::Relaxed),
                Extent::Products(_) => inner.done,
            });
            bar.set_message(message);
        } else if inner.spoken_at.elapsed() >= LINE_INTERVAL {
            inner.spoken_at = Instant::now();
            eprintln!("{message} so far");
        }
    }

    /// Rows that were refused, and pictures that could not be had, so far.
    pub fn complaints(&self) -> (u64, u64) {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        (inner.rows, inner.pictures)
    }

    /// Takes the bar away and completes the file.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut file) = inner.file.take()
            && let Err(error) = file.flush()
        {
            eprintln!("the report file is incomplete: {error}");
        }
    }
}
