//! Search in the Worker: keeps the current index open, and fetches the bytes that [`search`] asks for. No query is understood here.

use std::cell::RefCell;
use std::collections::HashMap;

use domain::time::{Millis, Timestamp};
use futures_util::future::try_join_all;
use search::artefact::{BUNDLE, HOTCACHE, MANIFEST, Manifest, POINTER_KEY, Pointer, object_key};
use search::{Answer, Outcome, Reader, Request, SearchError};
use sha2::{Digest, Sha256};
use worker::Range;

use crate::context::Context;
use crate::error::Error;

/// How long the pointer is believed without another look.
const POINTER_FRESH: Millis = Millis::seconds(1);
/// How long it is believed while another look is under way.
const POINTER_STALE: Millis = Millis::seconds(3);
/// Pages of the index that stay in memory between searches.
const CACHE_BYTES: usize = 24 * 1024 * 1024;
/// A search that needs more rounds than this is going in circles.
const ROUNDS_MAX: u32 = 40;
/// A question asked this often in one isolate is hot: its answer goes to KV.
const HOT_AFTER: u32 = 3;
/// Questions that one isolate counts before it starts again.
const COUNTED_MAX: usize = 2_000;
const ANSWER_KEPT_SECONDS: u64 = 24 * 60 * 60;

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
    static ASKED: RefCell<HashMap<String, u32>> = RefCell::new(HashMap::new());
}

#[derive(Clone)]
struct Current {
    /// `None` before anything was published.
    reader: Option<Reader>,
    checked_at: Timestamp,
}

/// An answer, and the version of the index that it comes from.
pub(crate) struct Found {
    pub(crate) answer: Answer,
    pub(crate) index_version: String,
}

/// Answers a request from the current index. A shop without an index has no products yet.
pub(crate) async fn run(context: &Context, request: &Request) -> Result<Found, Error> {
    request.validate().map_err(|invalid| Error::bad_request(invalid.code(), invalid))?;
    let Some(reader) = reader(context).await? else {
        return Ok(Found { answer: Answer::default(), index_version: String::new() });
    };
    let index_version = reader.version().to_owned();
    let mut search = reader.begin(request).map_err(failed)?;
    let key = answer_key(&index_version, request)?;
    let hot = is_hot(&key);
    loop {
        let ranges = match search.run().map_err(failed)? {
            Outcome::Ready(answer) => {
                if hot && search.rounds() > 0 {
                    let text = serde_json::to_string(&answer)?;
                    context.answers()?.put(&key, text)?.expiration_ttl(ANSWER_KEPT_SECONDS).execute().await?;
                }
                return Ok(Found { answer, index_version });
            }
            Outcome::NeedBytes(ranges) => ranges,
        };
        if search.rounds() == 1 {
            // Only a cold search is slower than KV.
            if let Some(answer) = context.answers()?.get(&key).json::<Answer>().await? {
                return Ok(Found { answer, index_version });
            }
        }
        if search.rounds() > ROUNDS_MAX {
            return Err(Error::fault("search", format!("no answer after {ROUNDS_MAX} rounds")));
        }
        context.count_search_round();
        let bundle = object_key(&index_version, BUNDLE);
        let parts = ranges.into_iter().map(|range| read_range(context, &bundle, range));
        for (start, bytes) in try_join_all(parts).await? {
            search.supply(start, &bytes).map_err(failed)?;
        }
    }
}

/// The version of the current index; empty before anything was published.
pub(crate) async fn version(context: &Context) -> Result<String, Error> {
    Ok(reader(context).await?.map(|reader| reader.version().to_owned()).unwrap_or_default())
}

/// Makes this isolate look at the pointer again: it was just moved.
pub(crate) fn forget_pointer() {
    CURRENT.with_borrow_mut(|current| {
        if let Some(current) = current {
            current.checked_at = Timestamp(0);
        }
    });
}

async fn reader(context: &Context) -> Result<Option<Reader>, Error> {
    let current = CURRENT.with_borrow(Clone::clone);
    if let Some(Current { reader, checked_at }) = current {
        let age = context.now() - checked_at;
        if age < POINTER_FRESH {
            return Ok(reader);
        }
        if age < POINTER_STALE {
            let later = context.clone();
            context.after_answer(async move {
                if let Err(error) = look_again(&later).await {
                    crate::log::warn("search pointer", format!("{error:?}"));
                }
            });
            return Ok(reader);
        }
    }
    look_again(context).await
}

/// Opens what the pointer points at. What cannot be opened leaves the index before it in use.
async fn look_again(context: &Context) -> Result<Option<Reader>, Error> {
    let old = CURRENT.with_borrow(|current| current.as_ref().and_then(|current| current.reader.clone()));
    let reader = match read_whole(context, POINTER_KEY).await? {
        None => None,
        Some(bytes) => {
            let pointer: Pointer = serde_json::from_slice(&bytes)?;
            match old {
                Some(old) if old.version() == pointer.version => Some(old),
                old => match open(context, &pointer.version).await {
                    Ok(reader) => Some(reader),
                    Err(error) => {
                        crate::log::warn("search index", format!("{} cannot be opened: {error:?}", pointer.version));
                        Some(old.ok_or(error)?)
                    }
                },
            }
        }
    };
    let current = Current { reader: reader.clone(), checked_at: context.now() };
    CURRENT.set(Some(current));
    Ok(reader)
}

async fn open(context: &Context, version: &str) -> Result<Reader, Error> {
    let (manifest_key, hotcache_key) = (object_key(version, MANIFEST), object_key(version, HOTCACHE));
    let (manifest, hotcache) =
        futures_util::future::try_join(read_whole(context, &manifest_key), read_whole(context, &hotcache_key)).await?;
    let missing = || Error::fault("search", "a file of the index is missing");
    let manifest = Manifest::from_json(&manifest.ok_or_else(missing)?).map_err(failed)?;
    Reader::open(manifest, hotcache.ok_or_else(missing)?, CACHE_BYTES).map_err(failed)
}

async fn read_whole(context: &Context, key: &str) -> Result<Option<Vec<u8>>, Error> {
    let object = context.index()?.get(key).execute().await.map_err(r2)?;
    match object.as_ref().and_then(worker::Object::body) {
        Some(body) => Ok(Some(body.bytes().await.map_err(r2)?)),
        None => Ok(None),
    }
}

async fn read_range(context: &Context, key: &str, range: std::ops::Range<u64>) -> Result<(u64, Vec<u8>), Error> {
    let part = Range::OffsetWithLength { offset: range.start, length: range.end - range.start };
    let object = context.index()?.get(key).range(part).execute().await.map_err(r2)?;
    let object = object.ok_or_else(|| Error::fault("search", "the index is gone"))?;
    let body = object.body().ok_or_else(|| Error::fault("search", "the index came without a body"))?;
    Ok((range.start, body.bytes().await.map_err(r2)?))
}

fn answer_key(version: &str, request: &Request) -> Result<String, Error> {
    let digest = Sha256::digest(serde_json::to_vec(request)?);
    Ok(format!("{version}:{}", hex::encode(&digest[..16])))
}

fn is_hot(key: &str) -> bool {
    ASKED.with_borrow_mut(|asked| {
        if asked.len() >= COUNTED_MAX {
            asked.clear();
        }
        let times = asked.entry(key.to_owned()).or_default();
        *times += 1;
        *times == HOT_AFTER
    })
}

fn failed(error: SearchError) -> Error {
    Error::fault("search", error)
}

fn r2(error: worker::Error) -> Error {
    Error::fault("r2", error)
}
