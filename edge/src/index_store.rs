//! The index's objects in R2: whole ones, ranges of a bundle, the pointer and what it was before. What never changes is looked for
//! in this data centre's cache first. It understands no object but the pointer, and decides nothing about publishing.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use domain::time::{Millis, Timestamp};
use futures_util::future::{join_all, try_join_all};
use search::Pointer;
use search::artefact::{BUNDLE, HOTCACHE, MANIFEST, POINTER_KEY, object_key};
use search::pages::PAGE_BYTES;
use serde::{Deserialize, Serialize};
use worker::{Bucket, Conditional, Env, Response};

use crate::context::Context;
use crate::error::Error;
use crate::log;

/// Key of [`History`].
const HISTORY_KEY: &str = "index/previous.json";
/// How long the data centre keeps what never changes.
const KEPT_SECONDS: u32 = 7 * 24 * 60 * 60;

/// Superseded objects stay for a day: an upload may be under way, and an isolate asleep.
const LEFT_FOR: Millis = Millis::seconds(24 * 60 * 60);
/// A thousand objects each.
const SWEPT_PAGES_MAX: usize = 20;

thread_local! {
    static TALLY: Cell<Tally> = const { Cell::new(Tally { cache_hits: 0, cache_misses: 0, bytes: 0 }) };
}

/// What this isolate has read so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Pages of bundles, and whole objects, that the data centre's cache had.
    pub(crate) cache_hits: u64,
    /// And those that it had not.
    pub(crate) cache_misses: u64,
    /// Bytes of all of them.
    pub(crate) bytes: u64,
}

/// What the pointer was before, to fall back on: newest first, the last one on another artefact than the others.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct History {
    pub(crate) pointers: Vec<Pointer>,
}

impl History {
    /// The history once `current` has been replaced.
    pub(crate) fn after(&self, current: &Pointer) -> Self {
        let other_base = |pointer: &&Pointer| pointer.base_version() != current.base_version();
        let mut pointers = vec![current.clone()];
        pointers.extend(self.pointers.iter().find(other_base).cloned());
        Self { pointers }
    }
}

/// The pointer as it is stored, with the mark that R2 knows this state of it by.
#[derive(Debug, Clone)]
pub(crate) struct StoredPointer {
    pub(crate) pointer: Pointer,
    etag: String,
}

/// On whose behalf the index is read.
#[derive(Clone)]
pub(crate) enum IndexStore {
    /// A request's: its calls are counted, and the data centre's cache helps.
    OfRequest(Context),
    /// The indexer's: it reads little, and only once.
    OfIndexer(Env),
}

impl IndexStore {
    fn bucket(&self) -> Result<Bucket, Error> {
        match self {
            Self::OfRequest(context) => context.index(),
            Self::OfIndexer(env) => Ok(env.bucket("INDEX")?),
        }
    }

    /// Counts one round of fetching for the request.
    pub(crate) fn count_round(&self) {
        match self {
            Self::OfRequest(context) => context.count_search_round(),
            Self::OfIndexer(_) => {}
        }
    }

    /// Counts bytes that were fetched for the request.
    pub(crate) fn count_bytes(&self, bytes: usize) {
        match self {
            Self::OfRequest(context) => context.count_search_bytes(bytes),
            Self::OfIndexer(_) => {}
        }
    }

    /// The pointer; `None` before anything was published.
    pub(crate) async fn pointer(&self) -> Result<Option<StoredPointer>, Error> {
        let object = self.bucket()?.get(POINTER_KEY).execute().await.map_err(r2)?;
        let Some(object) = object else { return Ok(None) };
        let Some(body) = object.body() else { return Ok(None) };
        let pointer = serde_json::from_slice(&body.bytes().await.map_err(r2)?)?;
        Ok(Some(StoredPointer { pointer, etag: object.etag() }))
    }

    /// What the pointer was before. Nothing when that cannot be read: there is nothing to fall back on then.
    pub(crate) async fn history(&self) -> Result<History, Error> {
        let bytes = self.look_in_bucket(HISTORY_KEY).await?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
    }

    /// Makes `pointer` the current one, if `before` still is. The history is written first: should the pointer not follow, the
    /// history merely begins with what is current.
    pub(crate) async fn flip(&self, before: Option<&StoredPointer>, pointer: Pointer) -> Result<StoredPointer, Error> {
        if let Some(before) = before {
            let history = self.history().await?.after(&before.pointer);
            self.put(HISTORY_KEY, serde_json::to_vec(&history)?).await?;
        }
        let bucket = self.bucket()?;
        let mut put = bucket.put(POINTER_KEY, serde_json::to_vec(&pointer)?);
        if let Some(before) = before {
            put = put.only_if(Conditional {
                etag_matches: Some(before.etag.clone()),
                etag_does_not_match: None,
                uploaded_before: None,
                uploaded_after: None,
            });
        }
        let written = put.execute().await.map_err(r2)?;
        let written = written.ok_or_else(|| Error::fault("search", "somebody else moved the pointer"))?;
        Ok(StoredPointer { pointer, etag: written.etag() })
    }

    /// Writes an object.
    pub(crate) async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), Error> {
        self.bucket()?.put(key, bytes).execute().await.map_err(r2)?;
        Ok(())
    }

    /// Deletes what none of `pointers` names and is older than [`LEFT_FOR`]; answers how many objects that were, a bounded number
    /// at a time. Only whoever publishes may call it.
    pub(crate) async fn sweep(&self, pointers: &[Pointer], now: Timestamp) -> Result<usize, Error> {
        let mut named: HashSet<String> = HashSet::from([POINTER_KEY.to_owned(), HISTORY_KEY.to_owned()]);
        for pointer in pointers {
            named.extend([BUNDLE, HOTCACHE, MANIFEST].map(|file| object_key(pointer.base_version(), file)));
            named.extend(pointer.commit_key().into_iter().chain(pointer.synonyms.clone()));
            named.extend(pointer.parts.iter().map(search::PartRef::key));
        }
        let mut deleted = 0;
        let mut cursor: Option<String> = None;
        for _ in 0..SWEPT_PAGES_MAX {
            let bucket = self.bucket()?;
            let list = bucket.list().prefix("index/");
            let list = match cursor {
                Some(cursor) => list.cursor(cursor),
                None => list,
            };
            let listed = list.execute().await.map_err(r2)?;
            let is_left = |object: &worker::Object| {
                let uploaded_at = i64::try_from(object.uploaded().as_millis()).unwrap_or(i64::MAX);
                now.as_millis() - uploaded_at > LEFT_FOR.0 && !named.contains(&object.key())
            };
            let left: Vec<String> =
                listed.objects().iter().filter(|object| is_left(object)).map(worker::Object::key).collect();
            deleted += left.len();
            if !left.is_empty() {
                self.bucket()?.delete_multiple(left).await.map_err(r2)?;
            }
            cursor = listed.cursor();
            if !listed.truncated() || cursor.is_none() {
                break;
            }
        }
        Ok(deleted)
    }

    /// How many bytes an object has; `None` if there is none.
    pub(crate) async fn size(&self, key: &str) -> Result<Option<u64>, Error> {
        Ok(self.bucket()?.head(key).await.map_err(r2)?.map(|object| object.size()))
    }

    /// An object that never changes, whole. What the cache gets of it does not pass through this isolate's memory a second time.
    pub(crate) async fn whole(&self, key: &str) -> Result<Vec<u8>, Error> {
        if let Some(bytes) = self.look_in_cache(key).await {
            return Ok(bytes);
        }
        let Self::OfRequest(context) = self else { return self.whole_uncached(key).await };
        let object = self.bucket()?.get(key).execute().await.map_err(r2)?;
        let body = object.as_ref().and_then(worker::Object::body).ok_or_else(|| missing(key))?;
        let mut response = Response::from_body(body.response_body().map_err(r2)?)?;
        let (copy, key, later) = (response.cloned()?, key.to_owned(), context.clone());
        context.after_answer(async move {
            if let Err(error) = keep(&later, &key, copy).await {
                log::warn("index cache", error);
            }
        });
        let bytes = response.bytes().await.map_err(r2)?;
        tally(|tally| tally.bytes += bytes.len() as u64);
        Ok(bytes)
    }

    /// The same from R2 itself, in case the cache has something else.
    pub(crate) async fn whole_uncached(&self, key: &str) -> Result<Vec<u8>, Error> {
        let bytes = self.look_in_bucket(key).await?;
        let bytes = bytes.ok_or_else(|| missing(key))?;
        tally(|tally| tally.bytes += bytes.len() as u64);
        Ok(bytes)
    }

    /// Ranges of an object that never changes, each with its start. They begin at a page of the index, and end at one or at the end.
    ///
    /// The cache holds single pages: what one search asks for in one piece, the next one asks for in other pieces. What it lacks is
    /// read from R2 in as few pieces as possible.
    pub(crate) async fn ranges(&self, key: &str, ranges: Vec<Range<u64>>) -> Result<Vec<(u64, Vec<u8>)>, Error> {
        let pages = ranges.iter().flat_map(|range| (range.start..range.end).step_by(PAGE_BYTES as usize));
        let looked = pages.map(|start| async move { (start, self.look_in_cache(&page_key(key, start)).await) });
        let kept: BTreeMap<u64, Vec<u8>> =
            join_all(looked).await.into_iter().filter_map(|(start, bytes)| Some((start, bytes?))).collect();
        let mut missing: Vec<Range<u64>> = Vec::new();
        for range in ranges {
            for start in (range.start..range.end).step_by(PAGE_BYTES as usize) {
                let page = start..(start + PAGE_BYTES).min(range.end);
                match missing.last_mut() {
                    _ if kept.contains_key(&start) => {}
                    Some(last) if last.end == page.start => last.end = page.end,
                    _ => missing.push(page),
                }
            }
        }
        let read = self.ranges_uncached(key, missing).await?;
        let pages = read.iter().flat_map(|(start, bytes)| {
            let starts = (*start..).step_by(PAGE_BYTES as usize);
            starts.zip(bytes.chunks(PAGE_BYTES as usize)).map(|(start, page)| (page_key(key, start), page.to_vec()))
        });
        self.keep_pages(pages.collect());
        Ok(kept.into_iter().chain(read).collect())
    }

    /// The same from R2 itself, in case the cache has something else.
    pub(crate) async fn ranges_uncached(
        &self,
        key: &str,
        ranges: Vec<Range<u64>>,
    ) -> Result<Vec<(u64, Vec<u8>)>, Error> {
        let read = try_join_all(ranges.into_iter().map(|range| self.range(key, range))).await?;
        tally(|tally| tally.bytes += read.iter().map(|(_, bytes)| bytes.len() as u64).sum::<u64>());
        Ok(read)
    }

    async fn range(&self, key: &str, range: Range<u64>) -> Result<(u64, Vec<u8>), Error> {
        let part = worker::Range::OffsetWithLength { offset: range.start, length: range.end - range.start };
        let object = self.bucket()?.get(key).range(part).execute().await.map_err(r2)?;
        let object = object.ok_or_else(|| missing(key))?;
        let body = object.body().ok_or_else(|| Error::fault("search", format!("{key} came without a body")))?;
        Ok((range.start, body.bytes().await.map_err(r2)?))
    }

    async fn look_in_bucket(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let object = self.bucket()?.get(key).execute().await.map_err(r2)?;
        match object.as_ref().and_then(worker::Object::body) {
            Some(body) => Ok(Some(body.bytes().await.map_err(r2)?)),
            None => Ok(None),
        }
    }

    async fn look_in_cache(&self, key: &str) -> Option<Vec<u8>> {
        let Self::OfRequest(context) = self else { return None };
        // A cache that does not answer is a cache miss.
        let bytes = match context.cache().get(address(key), false).await {
            Ok(Some(mut kept)) => kept.bytes().await.ok(),
            Ok(None) | Err(_) => None,
        };
        tally(|tally| match &bytes {
            Some(bytes) => {
                tally.cache_hits += 1;
                tally.bytes += bytes.len() as u64;
            }
            None => tally.cache_misses += 1,
        });
        bytes
    }

    /// Keeps pages in the data centre's cache, once the answer is out.
    fn keep_pages(&self, pages: Vec<(String, Vec<u8>)>) {
        let Self::OfRequest(context) = self else { return };
        if pages.is_empty() {
            return;
        }
        let later = context.clone();
        context.after_answer(async move {
            let keep_page =
                async |(key, bytes): (String, Vec<u8>)| keep(&later, &key, Response::from_bytes(bytes)?).await;
            let kept = join_all(pages.into_iter().map(keep_page)).await;
            if let Some(error) = kept.into_iter().find_map(Result::err) {
                log::warn("index cache", error);
            }
        });
    }
}

async fn keep(context: &Context, key: &str, response: Response) -> worker::Result<()> {
    response.headers().set("cache-control", &format!("public, max-age={KEPT_SECONDS}, immutable"))?;
    context.cache().put(address(key), response).await
}

fn missing(key: &str) -> Error {
    Error::fault("search", format!("{key} is missing"))
}

fn address(key: &str) -> String {
    format!("https://index.cache/{key}")
}

fn page_key(key: &str, start: u64) -> String {
    format!("{key}/{start}")
}

fn tally(change: impl FnOnce(&mut Tally)) {
    let mut tally = TALLY.get();
    change(&mut tally);
    TALLY.set(tally);
}

/// What this isolate has read so far.
pub(crate) fn tallied() -> Tally {
    TALLY.get()
}

fn r2(error: worker::Error) -> Error {
    Error::fault("r2", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointer(version: &str, base: &str) -> Pointer {
        Pointer { version: version.to_owned(), base: Some(base.to_owned()), ..Pointer::default() }
    }

    #[test]
    fn the_history_keeps_the_pointer_before_and_the_last_one_on_another_artefact() {
        let versions = |history: &History| -> Vec<String> {
            history.pointers.iter().map(|pointer| pointer.version.clone()).collect()
        };
        let mut history = History::default();
        for (version, base, expected) in [
            ("1", "a", vec!["1"]),
            ("2", "a", vec!["2"]),
            ("3", "b", vec!["3", "2"]),
            ("4", "b", vec!["4", "2"]),
            ("5", "c", vec!["5", "4"]),
        ] {
            history = history.after(&pointer(version, base));
            assert_eq!(versions(&history), expected);
        }
    }
}
