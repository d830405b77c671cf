//! The indexer: one object that keeps search abreast of the catalogue. It alone writes the pointer to the current index.
//!
//! Driven by pokes and alarms. A poke says only that something may have changed: it sets an alarm and is answered at once, so that a
//! burst of them is one commit. The alarm reads the change feed after the current commit, has [`search::delta`] build the next one,
//! writes its objects, then the pointer. The pointer says which change was the last one in it, and is the only thing remembered: every
//! `await` may be the last, and whatever is done again gives the same.
//!
//! It calls no other object, and no money or stock depends on it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use domain::time::{Millis, Timestamp};
use futures_util::future::try_join_all;
use search::artefact::{BUNDLE, HOTCACHE, MANIFEST, Manifest, object_key};
use search::{Change, Document, Indexer, Pointer, Progress, Publication, Reader, SearchError};
use worker::wasm_bindgen;
use worker::{D1Database, DurableObject, Env, Request, Response, State, durable_object};

use super::client::{IndexRefusal, IndexerAnswer, IndexerCall};
use super::{Answer, read, reply};
use crate::catalogue::changes::{self, Changes};
use crate::context::now;
use crate::error::Error;
use crate::index_open;
use crate::index_store::{IndexStore, StoredPointer};
use crate::log;

/// How soon a poke is followed: long enough for a burst to be one commit.
const POKE_DELAY: Millis = Millis(75);
/// How soon a commit may follow another one.
const COMMIT_INTERVAL: Millis = Millis(500);
/// Products read and indexed at once: what they take in memory stays small beside what an object has.
const BATCH_PRODUCTS: u32 = 300;
/// More changes than this are left to a compile, which makes a better index of them.
const PENDING_MAX: u32 = 2_000;
/// Unless none comes for so long after the last change, or for so long after the first.
const COMPILE_PATIENCE: Millis = Millis::seconds(120);
const COMPILE_PATIENCE_MAX: Millis = Millis::seconds(15 * 60);
/// How often it looks whether a compile has come.
const COMPILE_LOOK: Millis = Millis::seconds(10);
/// How soon what failed is tried again; twice as late after each failure.
const RETRY: Millis = Millis::seconds(1);
const RETRY_MAX: Millis = Millis::seconds(60);
/// Who has been at work longer than this is gone.
const WORK_LOST: Millis = Millis::seconds(60);
const TURN_LOOK: std::time::Duration = std::time::Duration::from_millis(10);
/// Pages of the base that stay in memory: where products are found by their id.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// The Durable Object class of the indexer.
#[durable_object]
pub struct IndexerObject {
    shell: Rc<Shell>,
}

struct Shell {
    state: State,
    env: Env,
    /// What is current, once it was read. `None` whenever it might not be what is stored.
    current: RefCell<Option<Rc<Current>>>,
    /// The alarm that is set, as far as this instance knows.
    alarm_at: Cell<Option<Timestamp>>,
    /// Since when somebody is at work: one at a time.
    busy_since: Cell<Option<Timestamp>>,
    committed_at: Cell<Timestamp>,
    failures: Cell<u32>,
    /// The artefacts about which it was said that they wait for a compile, or need one.
    waiting_said: RefCell<String>,
    compile_said: RefCell<String>,
}

/// What is current.
struct Current {
    stored: StoredPointer,
    indexer: Indexer,
    /// The last change that the base was compiled with.
    base_seq: u64,
}

impl DurableObject for IndexerObject {
    fn new(state: State, env: Env) -> Self {
        let shell = Shell {
            state,
            env,
            current: RefCell::default(),
            alarm_at: Cell::default(),
            busy_since: Cell::default(),
            committed_at: Cell::new(Timestamp(0)),
            failures: Cell::default(),
            waiting_said: RefCell::default(),
            compile_said: RefCell::default(),
        };
        Self { shell: Rc::new(shell) }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let shell = &self.shell;
        let done = match read(&mut request).await? {
            IndexerCall::Poke => {
                shell.wake_in(POKE_DELAY).await?;
                return reply(&Answer::<_, IndexRefusal>::Done(IndexerAnswer::default()));
            }
            IndexerCall::Sweep => shell.exclusively(shell.sweep()).await,
            IndexerCall::Status => shell.status().await.map(Answer::Done),
            IndexerCall::Publish { version } => shell.exclusively(shell.publish(&version)).await,
            IndexerCall::Synonyms { key } => shell.exclusively(shell.publish_synonyms(key)).await,
        };
        match done {
            Ok(answer) => reply(&answer),
            Err(error) => {
                shell.current.take();
                Response::error(format!("{error:?}"), 500)
            }
        }
    }

    async fn alarm(&self) -> worker::Result<Response> {
        let shell = &self.shell;
        shell.alarm_at.set(None);
        let next = match shell.exclusively(shell.step()).await {
            Ok(next) => {
                shell.failures.set(0);
                next
            }
            Err(error) => {
                // What is in memory may differ from what is stored.
                shell.current.take();
                let failures = shell.failures.get();
                shell.failures.set(failures.saturating_add(1));
                let delay = Millis(RETRY.0 << failures.min(6)).min(RETRY_MAX);
                log::warn("indexer", format!("tried again in {} ms: {error:?}", delay.0));
                Some(delay)
            }
        };
        if let Some(delay) = next {
            shell.wake_in(delay).await?;
        }
        Response::empty()
    }
}

impl Shell {
    fn db(&self) -> Result<D1Database, Error> {
        Ok(self.env.d1("DB")?)
    }

    fn store(&self) -> IndexStore {
        IndexStore::OfIndexer(self.env.clone())
    }

    /// Sets the alarm, unless it rings sooner anyway; never so soon that there would be more commits than two a second.
    async fn wake_in(&self, delay: Millis) -> worker::Result<()> {
        let at = (now() + delay).max(self.committed_at.get() + COMMIT_INTERVAL);
        if self.alarm_at.get().is_some_and(|set| set <= at && set >= now()) {
            return Ok(());
        }
        self.alarm_at.set(Some(at));
        self.state.storage().set_alarm((at - now()).0.max(0)).await
    }

    /// Does `work` when nobody else is at work. Requests and the alarm interleave wherever they await.
    async fn exclusively<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        while self.busy_since.get().is_some_and(|since| now() - since < WORK_LOST) {
            worker::Delay::from(TURN_LOOK).await;
        }
        self.busy_since.set(Some(now()));
        let done = work.await;
        self.busy_since.set(None);
        done
    }

    /// What is current; `None` before anything was published.
    async fn current(&self) -> Result<Option<Rc<Current>>, Error> {
        if let Some(current) = self.current.borrow().clone() {
            return Ok(Some(current));
        }
        let Some(stored) = self.store().pointer().await? else { return Ok(None) };
        let base = index_open::base(&self.store(), stored.pointer.base_version(), CACHE_BYTES, false).await?;
        let base_seq = Indexer::new(&base).catalogue_seq();
        let reader = index_open::on_base(&self.store(), &stored.pointer, base).await?;
        let indexer = Indexer::new(&reader).with_synonyms(stored.pointer.synonyms.clone());
        let current = Rc::new(Current { stored, indexer, base_seq });
        self.current.replace(Some(Rc::clone(&current)));
        Ok(Some(current))
    }

    /// Publishes the next changes. Answers when to look again, if that is known.
    async fn step(&self) -> Result<Option<Millis>, Error> {
        // Until something was compiled there is nothing to add to.
        let Some(current) = self.current().await? else { return Ok(None) };
        let db = self.db()?;
        let cursor = current.indexer.catalogue_seq();
        let Some(changes) = changes::after(&db, cursor, BATCH_PRODUCTS).await? else { return Ok(None) };
        if changes.is_full && self.waits_for_compile(&db, &current, &changes).await? {
            return Ok(Some(COMPILE_LOOK));
        }
        let is_full = changes.is_full;
        let publication = self.update(&current.indexer, changes).await?;
        self.write(Some(&current.stored), current.base_seq, publication).await?;
        Ok(is_full.then_some(COMMIT_INTERVAL))
    }

    /// Whether so much has changed, and so lately, that whoever changed it is about to compile the index.
    async fn waits_for_compile(&self, db: &D1Database, current: &Current, next: &Changes) -> Result<bool, Error> {
        let pending = changes::pending(db, current.indexer.catalogue_seq(), PENDING_MAX + 1).await?;
        let is_quiet = pending.last_at.is_none_or(|at| now() - at >= COMPILE_PATIENCE);
        if pending.products <= PENDING_MAX || is_quiet || now() - next.first_at >= COMPILE_PATIENCE_MAX {
            return Ok(false);
        }
        let version = current.indexer.base_version();
        if *self.waiting_said.borrow() != version {
            self.waiting_said.replace(version.to_owned());
            let patience = COMPILE_PATIENCE.0 / 1_000;
            log::warn(
                "indexer",
                format!("more than {PENDING_MAX} products changed: waiting {patience} s for `cargo xtask index`"),
            );
        }
        Ok(true)
    }

    /// Builds what comes after `indexer`.
    async fn update(&self, indexer: &Indexer, changes: Changes) -> Result<Publication, Error> {
        let Changes { shown, gone, last_seq, .. } = changes;
        let saved = shown.into_iter().map(|product| Change::Save(Box::new(Document::from(product))));
        let removed = gone.into_iter().map(|id| Change::Remove(id.to_string()));
        self.build(indexer, saved.chain(removed).collect(), last_seq).await
    }

    async fn build(&self, indexer: &Indexer, changes: Vec<Change>, seq: u64) -> Result<Publication, Error> {
        let bundle = object_key(indexer.base_version(), BUNDLE);
        let mut update = indexer.begin(changes, seq, now().as_millis());
        loop {
            match update.run().map_err(index_open::damaged)? {
                Progress::Ready(publication) => return Ok(*publication),
                Progress::NeedBytes(ranges) => {
                    for (start, bytes) in self.store().ranges(&bundle, ranges).await? {
                        update.supply(start, &bytes).map_err(index_open::damaged)?;
                    }
                }
            }
        }
    }

    /// Writes a commit: its objects, then the pointer.
    async fn write(
        &self,
        before: Option<&StoredPointer>,
        base_seq: u64,
        publication: Publication,
    ) -> Result<Rc<Current>, Error> {
        let Publication { objects, pointer, indexer } = publication;
        let store = self.store();
        try_join_all(objects.into_iter().map(|(key, bytes)| {
            let store = store.clone();
            async move { store.put(&key, bytes).await }
        }))
        .await?;
        let stored = store.flip(before, pointer).await?;
        self.committed_at.set(now());
        if indexer.needs_compile() && *self.compile_said.borrow() != indexer.base_version() {
            self.compile_said.replace(indexer.base_version().to_owned());
            log::warn("indexer", "much has changed since the index was compiled: run `cargo xtask index`");
        }
        let current = Rc::new(Current { stored, indexer, base_seq });
        self.current.replace(Some(Rc::clone(&current)));
        Ok(current)
    }

    /// Makes a compiled artefact the base of the index, with every change since it was compiled.
    async fn publish(&self, version: &str) -> Result<Answer<IndexerAnswer, IndexRefusal>, Error> {
        let manifest = match self.check_artefact(version).await? {
            Ok(manifest) => manifest,
            Err(refusal) => return Ok(Answer::Rejected(refusal)),
        };
        // An index that cannot be read is no reason to refuse a good one.
        let current = self.current().await.unwrap_or_else(|error| {
            log::warn("indexer", format!("replacing an index that cannot be read: {error:?}"));
            None
        });
        let db = self.db()?;
        let last_seq = changes::last_seq(&db).await?;
        if let Some(current) = &current {
            if current.indexer.base_version() == version {
                return Ok(Answer::Done(self.describe(current, last_seq)));
            }
            // A database that was replaced by another one counts from the beginning.
            let is_older = manifest.catalogue_seq < current.base_seq && current.base_seq <= last_seq;
            if is_older {
                return Ok(Answer::Rejected(IndexRefusal::Older));
            }
        }
        let stored = match &current {
            Some(current) => Some(current.stored.clone()),
            None => self.store().pointer().await.unwrap_or_default(),
        };
        let synonyms = stored.as_ref().and_then(|stored| stored.pointer.synonyms.clone());
        let base_seq = manifest.catalogue_seq;
        let to_base = Pointer::to_artefact(&manifest, now().as_millis());
        let base = Reader::open(manifest, Vec::new(), CACHE_BYTES).map_err(index_open::damaged)?;
        let indexer = Indexer::new(&base).with_synonyms(synonyms.clone());
        let publication = match self.caught_up(&db, indexer.clone()).await? {
            Some(publication) => publication,
            None if synonyms.is_some() => self.build(&indexer, Vec::new(), base_seq).await?,
            None => Publication { objects: Vec::new(), pointer: to_base, indexer },
        };
        let written = self.write(stored.as_ref(), base_seq, publication).await?;
        if written.indexer.catalogue_seq() < last_seq {
            self.wake_in(COMMIT_INTERVAL).await?;
        }
        Ok(Answer::Done(self.describe(&written, last_seq)))
    }

    /// What was changed since a base was compiled, as one commit on it. `None` when nothing was, or so much that it has to follow
    /// later.
    async fn caught_up(&self, db: &D1Database, mut indexer: Indexer) -> Result<Option<Publication>, Error> {
        let pending = changes::pending(db, indexer.catalogue_seq(), PENDING_MAX + 1).await?;
        if pending.products > PENDING_MAX {
            log::warn("indexer", format!("more than {PENDING_MAX} products changed while the index was compiled"));
            return Ok(None);
        }
        let mut latest: Option<Publication> = None;
        while let Some(changes) = changes::after(db, indexer.catalogue_seq(), BATCH_PRODUCTS).await? {
            let is_full = changes.is_full;
            let mut publication = self.update(&indexer, changes).await?;
            indexer = publication.indexer.clone();
            // Of the steps on the way only the parts that are still used have to be written.
            let earlier = latest.map(|latest| latest.objects).unwrap_or_default();
            publication.objects.extend(earlier);
            let pointer = &publication.pointer;
            let commit = pointer.commit_key();
            publication
                .objects
                .retain(|(key, _)| commit.as_ref() == Some(key) || pointer.parts.iter().any(|part| part.key() == *key));
            latest = Some(publication);
            if !is_full {
                break;
            }
        }
        Ok(latest)
    }

    /// Looks at an artefact before anybody searches in it.
    async fn check_artefact(&self, version: &str) -> Result<Result<Manifest, IndexRefusal>, Error> {
        let incomplete = |file: &str| Ok(Err(IndexRefusal::Incomplete { file: file.to_owned() }));
        let store = self.store();
        if store.size(&object_key(version, MANIFEST)).await?.is_none() {
            return incomplete(MANIFEST);
        }
        let manifest = Manifest::from_json(&store.whole(&object_key(version, MANIFEST)).await?);
        let manifest = match manifest {
            Ok(manifest) if manifest.version == version => manifest,
            Err(error @ SearchError::Incompatible { .. }) => {
                return Ok(Err(IndexRefusal::Incompatible { why: error.to_string() }));
            }
            Ok(_) | Err(_) => return incomplete(MANIFEST),
        };
        for (file, bytes) in [(BUNDLE, manifest.bundle_bytes), (HOTCACHE, manifest.hotcache_bytes)] {
            if store.size(&object_key(version, file)).await? != Some(bytes) {
                return incomplete(file);
            }
        }
        let hotcache = store.whole(&object_key(version, HOTCACHE)).await?;
        if Reader::open(manifest.clone(), hotcache, CACHE_BYTES).is_err() {
            return incomplete(HOTCACHE);
        }
        Ok(Ok(manifest))
    }

    /// Makes other synonyms part of the index: the key of their object.
    async fn publish_synonyms(&self, key: Option<String>) -> Result<Answer<IndexerAnswer, IndexRefusal>, Error> {
        let Some(current) = self.current().await? else { return Ok(Answer::Rejected(IndexRefusal::NoIndex)) };
        let last_seq = changes::last_seq(&self.db()?).await?;
        if current.stored.pointer.synonyms == key {
            return Ok(Answer::Done(self.describe(&current, last_seq)));
        }
        let indexer = current.indexer.clone().with_synonyms(key);
        let publication = self.build(&indexer, Vec::new(), indexer.catalogue_seq()).await?;
        let written = self.write(Some(&current.stored), current.base_seq, publication).await?;
        Ok(Answer::Done(self.describe(&written, last_seq)))
    }

    /// Deletes objects that neither the pointer nor its history names. Nobody publishes meanwhile, so none of them comes into use.
    async fn sweep(&self) -> Result<Answer<IndexerAnswer, IndexRefusal>, Error> {
        let store = self.store();
        let Some(stored) = store.pointer().await? else { return Ok(Answer::Done(IndexerAnswer::default())) };
        let mut pointers = store.history().await?.pointers;
        pointers.push(stored.pointer);
        let deleted = store.sweep(&pointers, now()).await?;
        if deleted > 0 {
            log::info("indexer", format!("{deleted} objects of superseded indexes deleted"));
        }
        Ok(Answer::Done(IndexerAnswer::default()))
    }

    async fn status(&self) -> Result<IndexerAnswer, Error> {
        let db = self.db()?;
        let last_seq = changes::last_seq(&db).await?;
        let Some(current) = self.current().await? else {
            return Ok(IndexerAnswer { last_seq, ..IndexerAnswer::default() });
        };
        let pending = changes::pending(&db, current.indexer.catalogue_seq(), PENDING_MAX + 1).await?;
        Ok(IndexerAnswer { pending: pending.products, ..self.describe(&current, last_seq) })
    }

    fn describe(&self, current: &Current, last_seq: u64) -> IndexerAnswer {
        IndexerAnswer {
            pointer: Some(current.stored.pointer.clone()),
            base_seq: current.base_seq,
            last_seq,
            pending: 0,
            needs_compile: current.indexer.needs_compile(),
        }
    }
}
