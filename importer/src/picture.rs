//! Finds a product's pictures, makes them small, and puts into the shop those that it lacks. Every picture is looked at once
//! a run and made once a shop; a picture that cannot be had never costs the product.

pub mod drawing;
pub mod encode;
pub mod fetch;

use std::collections::HashMap;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use clap::ValueEnum;
use domain::wire::{EDGE_PICTURES, EDGE_PICTURES_MISSING, MissingPictures, Picture, PictureKeys};
use tempfile::TempDir;
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::{JoinError, JoinSet, spawn_blocking};

use self::drawing::{Drawing, Icons};
use self::encode::{BYTES_MAX, Measured};
use self::fetch::{Failed, Fetcher};
use crate::shop::{Shop, ShopError};

/// Most keys that the shop is asked about at once.
const KEYS_MAX: usize = 500;

/// Most pictures in memory at once, each of up to [`BYTES_MAX`].
const PICTURES_HELD_MAX: usize = 12;

/// Which pictures to bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Wanted {
    /// Files and web addresses.
    All,
    /// Files only: web addresses are passed over.
    Local,
    /// None.
    None,
}

/// Where a picture comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// A path beside the catalogue's file, or a web address.
    Named(String),
    /// Drawn here.
    Drawn(Drawing),
}

/// A picture that could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoPicture {
    /// Why; `None` when it has been said before (a host that was given up).
    pub reason: Option<String>,
}

/// What became of the pictures.
#[derive(Debug, Default)]
pub struct Tally {
    /// Made and stored.
    pub stored: AtomicU64,
    /// Already in the shop.
    pub there: AtomicU64,
    /// Could not be had.
    pub failed: AtomicU64,
    /// Web addresses passed over.
    pub passed_over: AtomicU64,
}

/// Once-only work by name, shared by batches in flight.
type Once<K, V> = Mutex<HashMap<K, Arc<OnceCell<V>>>>;

#[derive(Debug, Clone)]
struct Found {
    measured: Measured,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    File(PathBuf),
    /// Fetched, and deleted when it is stored.
    Spooled(PathBuf),
    Drawing(Drawing),
}

/// The pictures of one import.
#[derive(Debug)]
pub struct Pictures {
    shop: Shop,
    wanted: Wanted,
    folder: Option<PathBuf>,
    icons: Arc<Icons>,
    fetcher: Fetcher,
    spool: TempDir,
    /// Pictures held in memory at once.
    held: Semaphore,
    processors: Semaphore,
    found: Once<Source, Result<Found, NoPicture>>,
    stored: Once<String, Result<(), NoPicture>>,
    /// How it went.
    pub tally: Tally,
}

impl Pictures {
    /// Pictures for `shop`; paths are read beside `folder` and nowhere else.
    ///
    /// # Errors
    /// When there is no room for temporary files, no TLS, or no such folder.
    pub fn new(
        shop: Shop,
        wanted: Wanted,
        folder: Option<&Path>,
        icons: Icons,
        allow_private: bool,
    ) -> anyhow::Result<Self> {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            shop,
            wanted,
            folder: folder.map(Path::canonicalize).transpose()?,
            icons: Arc::new(icons),
            fetcher: Fetcher::new(allow_private)?,
            spool: TempDir::with_prefix("kasuwa-pictures-")?,
            held: Semaphore::new(PICTURES_HELD_MAX),
            processors: Semaphore::new(processors),
            found: Once::default(),
            stored: Once::default(),
            tally: Tally::default(),
        })
    }

    /// Whether this source is wanted; counts those that are not.
    pub fn wants(&self, source: &Source) -> bool {
        let web = matches!(source, Source::Named(name) if is_web_address(name));
        match self.wanted {
            Wanted::All => true,
            Wanted::None => false,
            Wanted::Local if web => {
                self.tally.passed_over.fetch_add(1, Ordering::Relaxed);
                false
            }
            Wanted::Local => true,
        }
    }

    /// Finds and measures a picture, without storing it yet.
    ///
    /// # Errors
    /// When it cannot be had.
    pub async fn find(&self, source: &Source) -> Result<Measured, NoPicture> {
        let cell = once(&self.found, source.clone());
        let found = cell.get_or_init(|| async {
            let Ok(_held) = self.held.acquire().await else { return Err(no_picture("stopped")) };
            let found = match source {
                Source::Named(name) if is_web_address(name) => self.find_on_the_web(name).await,
                Source::Named(name) => self.find_beside(name).await,
                Source::Drawn(drawing) => self.find_drawing(drawing).await,
            };
            if found.is_err() {
                self.tally.failed.fetch_add(1, Ordering::Relaxed);
            }
            found
        });
        found.await.clone().map(|found| found.measured)
    }

    /// Stores those of `sources` (by key) that the shop lacks; answers what could not be made, by key.
    ///
    /// # Errors
    /// When the shop cannot be asked or told.
    pub async fn store(
        self: &Arc<Self>,
        sources: &HashMap<String, Source>,
    ) -> Result<HashMap<String, NoPicture>, ShopError> {
        let mut asked: Vec<&String> = sources.keys().filter(|key| !self.is_stored(key)).collect();
        asked.sort();
        let mut making = JoinSet::new();
        for keys in asked.chunks(KEYS_MAX) {
            let question = PictureKeys { keys: keys.iter().map(|key| (*key).clone()).collect() };
            let MissingPictures { missing } = self.shop.post(EDGE_PICTURES_MISSING, &question).await?;
            for key in question.keys {
                let Some(source) = sources.get(&key).cloned() else { continue };
                let cell = once(&self.stored, key.clone());
                if missing.contains(&key) {
                    let pictures = Arc::clone(self);
                    making.spawn(async move {
                        let stored = cell.get_or_try_init(|| pictures.make(&source)).await?.clone();
                        Ok::<_, ShopError>((key, stored))
                    });
                } else {
                    if cell.set(Ok(())).is_ok() {
                        self.tally.there.fetch_add(1, Ordering::Relaxed);
                    }
                    self.forget_spooled(&source);
                }
            }
        }
        let mut failures = HashMap::new();
        while let Some(made) = making.join_next().await {
            let (key, stored) = made.map_err(|error| ShopError::Request(error.to_string()))??;
            if let Err(failure) = stored {
                failures.insert(key, failure);
            }
        }
        Ok(failures)
    }

    fn is_stored(&self, key: &str) -> bool {
        let stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        stored.get(key).is_some_and(|cell| matches!(cell.get(), Some(Ok(()))))
    }

    /// Makes every width of a picture and puts it into the shop.
    async fn make(&self, source: &Source) -> Result<Result<(), NoPicture>, ShopError> {
        let found = once(&self.found, source.clone()).get().cloned();
        let Some(Ok(found)) = found else { return Ok(Err(no_picture("not found"))) };
        let Ok(_held) = self.held.acquire().await else { return Ok(Err(no_picture("stopped"))) };
        let widths = found.measured.widths.clone();
        let bytes = match &found.place {
            Place::File(path) | Place::Spooled(path) => {
                tokio::fs::read(path).await.map_err(|error| no_picture(&error.to_string()))
            }
            Place::Drawing(drawing) => Ok(drawing.to_svg(&self.icons).into_bytes()),
        };
        let made = match bytes {
            Ok(bytes) => self.compute(move || encode::encode(&bytes, &widths)).await,
            Err(failure) => Err(failure),
        };
        self.forget_spooled(source);
        match made {
            Ok(made) => {
                for (width, jpeg) in made {
                    let path = format!("{EDGE_PICTURES}{}/{width}.jpg", found.measured.key);
                    self.shop.put(&path, "image/jpeg", jpeg).await?;
                }
                self.tally.stored.fetch_add(1, Ordering::Relaxed);
                Ok(Ok(()))
            }
            Err(failure) => {
                self.tally.failed.fetch_add(1, Ordering::Relaxed);
                Ok(Err(failure))
            }
        }
    }

    fn forget_spooled(&self, source: &Source) {
        if let Some(Ok(Found { place: Place::Spooled(path), .. })) = once(&self.found, source.clone()).get() {
            // A file left behind goes with the folder.
            drop(std::fs::remove_file(path));
        }
    }

    async fn find_beside(&self, name: &str) -> Result<Found, NoPicture> {
        let folder = self.folder.as_deref().ok_or_else(|| no_picture("no folder to look in"))?;
        let path = beside(folder, name).map_err(|reason| no_picture(&reason))?;
        let length = tokio::fs::metadata(&path).await.map_err(|error| no_picture(&error.to_string()))?.len();
        if length > BYTES_MAX {
            return Err(no_picture(&format!("{length} bytes, at most {} MB", BYTES_MAX / 1024 / 1024)));
        }
        let bytes = tokio::fs::read(&path).await.map_err(|error| no_picture(&error.to_string()))?;
        let measured = self.compute(move || encode::measure(&bytes)).await?;
        Ok(Found { measured, place: Place::File(path) })
    }

    async fn find_on_the_web(&self, address: &str) -> Result<Found, NoPicture> {
        let bytes = self.fetcher.fetch(address).await.map_err(|failed| match failed {
            Failed::Once(reason) => no_picture(&reason),
            Failed::HostGivenUp(reason) => NoPicture { reason },
        })?;
        let (measured, bytes) = self.compute(move || Ok((encode::measure(&bytes)?, bytes))).await?;
        // Two addresses may lead to one picture: each has its own file, so that neither deletes the other's.
        let path = self.spool.path().join(uuid::Uuid::new_v4().to_string());
        tokio::fs::write(&path, bytes).await.map_err(|error| no_picture(&error.to_string()))?;
        Ok(Found { measured, place: Place::Spooled(path) })
    }

    async fn find_drawing(&self, drawing: &Drawing) -> Result<Found, NoPicture> {
        let svg = drawing.to_svg(&self.icons);
        let measured = self.compute(move || encode::measure(svg.as_bytes())).await?;
        Ok(Found { measured, place: Place::Drawing(drawing.clone()) })
    }

    /// Runs what takes a processor, on as many as there are.
    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<T, NoPicture> {
        let stopped = |_: JoinError| no_picture("the picture could not be worked on");
        let Ok(_processor) = self.processors.acquire().await else { return Err(no_picture("stopped")) };
        spawn_blocking(work).await.map_err(stopped)?.map_err(|reason| no_picture(&reason))
    }
}

/// A measured picture as the shop knows it.
pub fn described(measured: Measured, alt: String) -> Picture {
    Picture { key: measured.key, width: measured.width, height: measured.height, widths: measured.widths, alt }
}

fn no_picture(reason: &str) -> NoPicture {
    NoPicture { reason: Some(reason.to_owned()) }
}

fn once<K: Eq + Hash, V>(all: &Once<K, V>, key: K) -> Arc<OnceCell<V>> {
    all.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default().clone()
}

/// Whether a picture is named by a web address rather than a path.
pub fn is_web_address(name: &str) -> bool {
    name.contains("://")
}

/// The file `name` in or below `folder` (which is canonical).
fn beside(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let path = folder.join(name).canonicalize().map_err(|error| error.to_string())?;
    // After links and `..` are resolved: a catalogue from elsewhere must not publish files of this machine.
    if path.starts_with(folder) && path.is_file() {
        Ok(path)
    } else {
        Err("not a file in or below the catalogue's folder".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_leave_the_folder_of_the_file() {
        let folder = TempDir::new().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let inner = root.join("catalogue");
        std::fs::create_dir_all(inner.join("img")).unwrap();
        std::fs::write(inner.join("img/a.jpg"), "a").unwrap();
        std::fs::write(root.join("secret.jpg"), "s").unwrap();
        std::os::unix::fs::symlink(root.join("secret.jpg"), inner.join("link.jpg")).unwrap();
        assert!(beside(&inner, "img/a.jpg").is_ok());
        assert!(beside(&inner, "img/../img/a.jpg").is_ok());
        let absolute = root.join("secret.jpg");
        for escape in ["../secret.jpg", "link.jpg", "img", absolute.to_str().unwrap(), "missing.jpg"] {
            assert!(beside(&inner, escape).is_err(), "{escape}");
        }
    }
}
