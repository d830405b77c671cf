//! The index's files as views on the bundle: reads come from memory or fail, and what was missing is noted. Read-only.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tantivy::HasLen;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, Lock, OwnedBytes, WatchCallback, WatchHandle, WritePtr,
};

use crate::artefact::Manifest;
use crate::error::SearchError;
use crate::hotcache::Hotcache;
use crate::pages::{PAGE_BYTES, PageCache};

/// Two missing pages with this many others between them are asked for as one range.
const BRIDGED_PAGES: u64 = 2;

/// Pages by number.
pub(crate) type Pages = HashMap<u64, OwnedBytes>;

/// One bundle: what is known of it and which of its bytes are at hand.
pub(crate) struct Bundle {
    pub(crate) manifest: Manifest,
    hotcache: Hotcache,
    memory: Mutex<Memory>,
    running: Mutex<()>,
}

struct Memory {
    cache: PageCache,
    /// Pages of the search that is running: they stay, whatever the cache evicts.
    held: Pages,
    missing: BTreeSet<u64>,
    recorded: Option<Vec<Range<u64>>>,
}

impl Bundle {
    pub(crate) fn new(manifest: Manifest, hotcache: Hotcache, budget_bytes: usize) -> Self {
        let memory = Memory {
            cache: PageCache::new(budget_bytes),
            held: Pages::new(),
            missing: BTreeSet::new(),
            recorded: None,
        };
        Self { manifest, hotcache, memory: Mutex::new(memory), running: Mutex::new(()) }
    }

    /// Runs `work` with `held` at hand. Every page that it touches joins `held`; what it lacked comes back as ranges.
    pub(crate) fn with_pages<T>(&self, held: &mut Pages, work: impl FnOnce() -> T) -> (T, Vec<Range<u64>>) {
        // One search at a time: missing pages are noted in one place. In the Worker there is only one thread anyway.
        let _one_at_a_time = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut memory = self.memory();
            memory.held = std::mem::take(held);
            memory.missing.clear();
        }
        let result = work();
        let mut memory = self.memory();
        *held = std::mem::take(&mut memory.held);
        let missing = std::mem::take(&mut memory.missing);
        (result, self.ranges(&missing))
    }

    /// Whether the work that is running has lacked anything so far.
    pub(crate) fn lacks_pages(&self) -> bool {
        !self.memory().missing.is_empty()
    }

    /// Checks bytes of the bundle and keeps them as pages, in the cache and in `held`.
    pub(crate) fn supply(&self, held: &mut Pages, start: u64, bytes: &[u8]) -> Result<(), SearchError> {
        let corrupt = |what: &str| Err(SearchError::Corrupt(format!("bundle at byte {start}: {what}")));
        if !start.is_multiple_of(PAGE_BYTES) {
            return corrupt("not the beginning of a page");
        }
        let end = start.saturating_add(bytes.len() as u64);
        if end > self.manifest.bundle_bytes || (end < self.manifest.bundle_bytes && !end.is_multiple_of(PAGE_BYTES)) {
            return corrupt("not whole pages");
        }
        for (page, bytes) in (start / PAGE_BYTES..).zip(bytes.chunks(PAGE_BYTES as usize)) {
            if self.manifest.page_checksum(page) != Some(crc32fast::hash(bytes)) {
                return corrupt("checksum differs");
            }
            let bytes = OwnedBytes::new(bytes.to_vec());
            held.insert(page, bytes.clone());
            self.memory().cache.insert(page, bytes);
        }
        Ok(())
    }

    /// Bytes held in memory, without those that only searches in progress hold.
    pub(crate) fn used_bytes(&self) -> usize {
        self.hotcache.used_bytes() + self.memory().cache.used_bytes()
    }

    /// From now on, every range that is read is noted.
    pub(crate) fn start_recording(&self) {
        self.memory().recorded = Some(Vec::new());
    }

    /// The ranges read since the last call.
    pub(crate) fn take_recorded(&self) -> Vec<Range<u64>> {
        self.memory().recorded.replace(Vec::new()).unwrap_or_default()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, range: Range<u64>) -> io::Result<OwnedBytes> {
        if range.is_empty() {
            return Ok(OwnedBytes::empty());
        }
        let mut memory = self.memory();
        if let Some(recorded) = &mut memory.recorded {
            recorded.push(range.clone());
        }
        if let Some(bytes) = self.hotcache.get(&range) {
            return Ok(bytes);
        }
        let pages = range.start / PAGE_BYTES..range.end.div_ceil(PAGE_BYTES);
        let mut found = Vec::with_capacity((pages.end - pages.start) as usize);
        for page in pages.clone() {
            match memory.page(page) {
                Some(bytes) => found.push(bytes),
                None => {
                    memory.missing.insert(page);
                }
            }
        }
        drop(memory);
        let cut = |bytes: &OwnedBytes, page: u64| {
            let page_start = page * PAGE_BYTES;
            let from = range.start.saturating_sub(page_start) as usize;
            let to = (range.end - page_start).min(bytes.len() as u64) as usize;
            from..to
        };
        if (found.len() as u64) < pages.end - pages.start {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "a page of the bundle is not at hand"));
        }
        if let [page] = found.as_slice() {
            return Ok(page.slice(cut(page, pages.start)));
        }
        let mut bytes = Vec::with_capacity((range.end - range.start) as usize);
        for (page, found) in pages.zip(&found) {
            bytes.extend_from_slice(&found[cut(found, page)]);
        }
        Ok(OwnedBytes::new(bytes))
    }

    fn ranges(&self, pages: &BTreeSet<u64>) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for page in pages {
            match ranges.last_mut() {
                Some(last) if *page <= last.end + BRIDGED_PAGES => last.end = page + 1,
                _ => ranges.push(*page..page + 1),
            }
        }
        let bytes =
            |range: Range<u64>| range.start * PAGE_BYTES..(range.end * PAGE_BYTES).min(self.manifest.bundle_bytes);
        ranges.into_iter().map(bytes).collect()
    }
}

impl Memory {
    fn page(&mut self, page: u64) -> Option<OwnedBytes> {
        if let Some(bytes) = self.held.get(&page) {
            return Some(bytes.clone());
        }
        let bytes = self.cache.get(page)?;
        self.held.insert(page, bytes.clone());
        Some(bytes)
    }
}

impl fmt::Debug for Bundle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Bundle").field("version", &self.manifest.version).finish_non_exhaustive()
    }
}

/// Files that are whole in memory, by name.
pub(crate) type Files = HashMap<String, OwnedBytes>;

/// The files of a bundle, as tantivy reads them, and files in memory, which come first. A read that lacks a page fails with
/// [`io::ErrorKind::WouldBlock`].
#[derive(Debug, Clone)]
pub(crate) struct PagedDirectory {
    bundle: Option<Arc<Bundle>>,
    files: Arc<Files>,
}

impl PagedDirectory {
    /// The files of a bundle.
    pub(crate) fn new(bundle: Arc<Bundle>) -> Self {
        Self::with_files(bundle, Arc::default())
    }

    /// The files of a bundle, and others that hide those of the same name.
    pub(crate) fn with_files(bundle: Arc<Bundle>, files: Arc<Files>) -> Self {
        Self { bundle: Some(bundle), files }
    }

    /// Files in memory only.
    pub(crate) fn in_memory(files: impl IntoIterator<Item = (String, OwnedBytes)>) -> Self {
        Self { bundle: None, files: Arc::new(files.into_iter().collect()) }
    }

    fn file(&self, path: &Path) -> Option<Arc<dyn FileHandle>> {
        let name = path.to_str()?;
        if let Some(bytes) = self.files.get(name) {
            return Some(Arc::new(bytes.clone()));
        }
        let bundle = self.bundle.as_ref()?;
        let file = bundle.manifest.files.iter().find(|file| file.name == name)?;
        Some(Arc::new(PagedFile { bundle: bundle.clone(), start: file.offset, length: file.length }))
    }
}

fn read_only() -> io::Error {
    io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "a published index never changes")
}

impl Directory for PagedDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        match self.file(path) {
            Some(file) => Ok(file),
            None => Err(OpenReadError::FileDoesNotExist(path.to_owned())),
        }
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        Err(DeleteError::IoError { io_error: Arc::new(read_only()), filepath: path.to_owned() })
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        Ok(self.file(path).is_some())
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        Err(OpenWriteError::wrap_io_error(read_only(), path.to_owned()))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let file = self.file(path).ok_or_else(|| OpenReadError::FileDoesNotExist(PathBuf::from(path)))?;
        match file.read_bytes(0..file.len()) {
            Ok(bytes) => Ok(bytes.to_vec()),
            Err(error) => Err(OpenReadError::wrap_io_error(error, path.to_owned())),
        }
    }

    fn atomic_write(&self, _path: &Path, _data: &[u8]) -> io::Result<()> {
        Err(read_only())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn acquire_lock(&self, _lock: &Lock) -> Result<DirectoryLock, LockError> {
        // Nothing is ever written or collected here, so there is nothing to lock out.
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, _callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

#[derive(Debug)]
struct PagedFile {
    bundle: Arc<Bundle>,
    start: u64,
    length: u64,
}

impl HasLen for PagedFile {
    fn len(&self) -> usize {
        self.length as usize
    }
}

impl FileHandle for PagedFile {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        if range.start > range.end || range.end as u64 > self.length {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "beyond the end of the file"));
        }
        self.bundle.read(self.start + range.start as u64..self.start + range.end as u64)
    }
}
