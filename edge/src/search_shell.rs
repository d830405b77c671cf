//! Search in the Worker: keeps the current index open, and fetches the bytes that [`search`] asks for. No query is understood here.

use std::cell::{Cell, RefCell};

use domain::time::{Millis, Timestamp};
use search::{Answer, Reader, Request};

use crate::asking::{self, Came, Failure};
use crate::context::Context;
use crate::durable::client;
use crate::error::Error;
use crate::hot_answers::{Asked, Body};
use crate::index_open::{self, Opened};
use crate::index_store::IndexStore;
use crate::log;

/// How long the pointer is believed without another look.
const POINTER_FRESH: Millis = Millis(500);
/// How long it is believed while another look is under way: nobody sees an index that was replaced longer ago than this.
const POINTER_STALE: Millis = Millis::seconds(1);
/// A look that takes longer than this was broken off with the request that it belonged to.
const LOOK_LOST: Millis = Millis::seconds(5);
/// How soon something that could not be opened, or was found to be damaged, is tried again.
const BAD_FOR: Millis = Millis::seconds(30);

thread_local! {
    static STATE: RefCell<State> = const { RefCell::new(State { current: None, looking_since: None, bad: Vec::new() }) };
    static TALLY: Cell<Tally> = const { Cell::new(Tally::NONE) };
}

/// What this isolate knows of the index.
struct State {
    current: Option<Current>,
    looking_since: Option<Timestamp>,
    bad: Vec<Bad>,
}

#[derive(Clone)]
struct Current {
    /// `None` before anything was published.
    opened: Option<Opened>,
    checked_at: Timestamp,
}

/// A commit or an artefact that is left alone for a while.
struct Bad {
    version: String,
    why: String,
    until: Timestamp,
}

/// What searching has cost this isolate so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) searches: u64,
    /// Searches that had to fetch something.
    pub(crate) cold: u64,
    /// Times that bytes were fetched, opening included.
    pub(crate) rounds: u64,
    /// Most rounds of one search, opening included.
    pub(crate) rounds_max: u32,
    /// Times that something else than the current index had to serve.
    pub(crate) fallbacks: u64,
}

impl Tally {
    const NONE: Self = Self { searches: 0, cold: 0, rounds: 0, rounds_max: 0, fallbacks: 0 };
}

/// An answer, and the version of the index that it comes from.
pub(crate) struct Found {
    pub(crate) answer: Answer,
    pub(crate) index_version: String,
}

/// Answers a request from the current index. A shop without an index has no products yet.
pub(crate) async fn run(context: &Context, request: &Request) -> Result<Found, Error> {
    request.validate().map_err(|invalid| Error::bad_request(invalid.code(), invalid))?;
    search(context, async |context, opened| {
        let asked = Asked::new(opened.reader.version(), request)?;
        asked.count();
        if let Some(answer) = asked.remembered(context)? {
            return Ok(answer);
        }
        let answer = ask(context, opened, request, &asked).await?;
        asked.keep(&answer)?;
        Ok(answer)
    })
    .await
}

/// The same as the API's body, which `write` makes of nothing but the request and what was found. It is remembered as it is written.
pub(crate) async fn body(
    context: &Context,
    request: &Request,
    write: impl FnOnce(Found) -> Result<Vec<u8>, Error>,
) -> Result<Body, Error> {
    request.validate().map_err(|invalid| Error::bad_request(invalid.code(), invalid))?;
    if let Some(opened) = opened(context).await? {
        let asked = Asked::new(opened.reader.version(), request)?;
        asked.count();
        if let Some(body) = asked.remembered_body(context.now()) {
            tally(|tally| tally.searches += 1);
            return Ok(body);
        }
    }
    let found = search(context, async |context, opened| {
        let asked = Asked::new(opened.reader.version(), request)?;
        ask(context, opened, request, &asked).await
    })
    .await?;
    let (total, version) = (found.answer.total, found.index_version.clone());
    let body = Body { total, bytes: write(found)? };
    if !version.is_empty() {
        Asked::new(&version, request)?.keep_body(&body);
    }
    Ok(body)
}

/// Has `answer` answer from the current index, or from the last good one should it turn out to be damaged.
async fn search(
    context: &Context,
    answer: impl AsyncFn(&Context, &Opened) -> Result<Answer, Failure>,
) -> Result<Found, Error> {
    let rounds_before = context.search_rounds();
    let mut fallen_back = false;
    let found = loop {
        let Some(opened) = opened(context).await? else {
            break Found { answer: Answer::default(), index_version: String::new() };
        };
        match answer(context, &opened).await {
            Ok(answer) => break Found { answer, index_version: opened.reader.version().to_owned() },
            Err(Failure::Damaged(what)) if !fallen_back => {
                // What it stands on is damaged, or a commit and all that it says would have been refused when it was opened.
                mark_bad(context, opened.reader.base_version(), &what);
                fall_back(context, Some(&opened), Error::fault("search", what)).await?;
                fallen_back = true;
            }
            Err(failure) => return Err(failure.into_error()),
        }
    };
    tally(|tally| {
        let rounds = context.search_rounds() - rounds_before;
        tally.searches += 1;
        tally.cold += u64::from(rounds > 0);
        tally.rounds += u64::from(rounds);
        tally.rounds_max = tally.rounds_max.max(rounds);
    });
    Ok(found)
}

/// Searches. KV is asked by a cold search only, beside what it fetches: no search waits for KV.
async fn ask(context: &Context, opened: &Opened, request: &Request, asked: &Asked) -> Result<Answer, Failure> {
    let store = IndexStore::OfRequest(context.clone());
    match asking::ask(&store, &opened.reader, request, asked.look_in_kv(context)).await? {
        Came::Searched(answer, rounds) => {
            asked.answered(context, &answer, rounds > 0)?;
            Ok(answer)
        }
        Came::Elsewhere(answer) => Ok(answer),
    }
}

/// The version of the current index; empty before anything was published.
pub(crate) async fn version(context: &Context) -> Result<String, Error> {
    Ok(opened(context).await?.map(|opened| opened.reader.version().to_owned()).unwrap_or_default())
}

/// Makes this isolate look at the pointer again: it was just moved.
pub(crate) fn forget_pointer() {
    STATE.with_borrow_mut(|state| {
        state.bad.clear();
        if let Some(current) = &mut state.current {
            current.checked_at = Timestamp(0);
        }
    });
}

/// What searching has cost this isolate so far.
pub(crate) fn tallied() -> Tally {
    TALLY.get()
}

/// What is open in this isolate.
pub(crate) fn open_reader() -> Option<Reader> {
    STATE.with_borrow(|state| state.current.as_ref()?.opened.as_ref().map(|opened| opened.reader.clone()))
}

async fn opened(context: &Context) -> Result<Option<Opened>, Error> {
    let now = context.now();
    let Some(Current { opened, checked_at }) = STATE.with_borrow(|state| state.current.clone()) else {
        // A new isolate: changes may have been made that nobody told the indexer about.
        client::poke_indexer_later(context);
        return look_again(context).await;
    };
    let age = now - checked_at;
    if age >= POINTER_STALE {
        return look_again(context).await;
    }
    if age >= POINTER_FRESH && begin_looking(now) {
        let later = context.clone();
        context.after_answer(async move {
            if let Err(error) = look_again(&later).await {
                log::warn("search pointer", format!("{error:?}"));
            }
        });
    }
    Ok(opened)
}

/// Whether nobody else is looking.
fn begin_looking(now: Timestamp) -> bool {
    STATE.with_borrow_mut(|state| {
        let is_free = state.looking_since.is_none_or(|since| now - since > LOOK_LOST);
        if is_free {
            state.looking_since = Some(now);
        }
        is_free
    })
}

/// Opens what the pointer points at. What cannot be opened leaves the index before it in use.
async fn look_again(context: &Context) -> Result<Option<Opened>, Error> {
    let store = IndexStore::OfRequest(context.clone());
    let stored = store.pointer().await;
    STATE.with_borrow_mut(|state| state.looking_since = None);
    let old = STATE.with_borrow(|state| state.current.as_ref().and_then(|current| current.opened.clone()));
    let stored = match (stored, old.clone()) {
        (Ok(stored), _) => stored,
        // An unreadable pointer is no reason to stop searching.
        (Err(error), Some(old)) => {
            mark_bad(context, "pointer", &reason(&error));
            return Ok(Some(keep(context, old)));
        }
        (Err(error), None) => {
            mark_bad(context, "pointer", &reason(&error));
            return fall_back(context, None, error).await;
        }
    };
    let Some(stored) = stored else {
        STATE.with_borrow_mut(|state| state.current = Some(Current { opened: None, checked_at: context.now() }));
        return Ok(None);
    };
    let pointer = stored.pointer;
    if let Some(old) = &old
        && old.reader.version() == pointer.version
    {
        return Ok(Some(keep(context, old.clone())));
    }
    if let Some(why) = why_bad(context, &pointer.version).or_else(|| why_bad(context, pointer.base_version())) {
        return match old {
            Some(old) => Ok(Some(keep(context, old))),
            None => fall_back(context, None, Error::fault("search", why)).await,
        };
    }
    match index_open::open(&store, &pointer, old.as_ref(), context.search_cache_bytes()?).await {
        Ok(opened) => Ok(Some(keep(context, opened))),
        Err(error) => {
            mark_bad(context, &pointer.version, &reason(&error));
            match old {
                Some(old) => Ok(Some(keep(context, old))),
                None => fall_back(context, None, error).await,
            }
        }
    }
}

/// Opens what the pointer was before, newest first. `damaged` is what was open until now. Should nothing of it open either, `why` it
/// was needed is what an operator has to know.
async fn fall_back(context: &Context, damaged: Option<&Opened>, why: Error) -> Result<Option<Opened>, Error> {
    let store = IndexStore::OfRequest(context.clone());
    for pointer in store.history().await?.pointers {
        let is_damaged = damaged.is_some_and(|damaged| damaged.reader.base_version() == pointer.base_version());
        if is_damaged || is_bad(context, &pointer.version) || is_bad(context, pointer.base_version()) {
            continue;
        }
        match index_open::open(&store, &pointer, None, context.search_cache_bytes()?).await {
            Ok(opened) => {
                tally(|tally| tally.fallbacks += 1);
                log::warn("search index", format!("going on with {}, the last good one", pointer.version));
                return Ok(Some(keep(context, opened)));
            }
            Err(error) => mark_bad(context, &pointer.version, &reason(&error)),
        }
    }
    Err(why)
}

/// A failure in words, for the log.
fn reason(error: &Error) -> String {
    match error {
        Error::Fault { cause, .. } | Error::Bug { cause } => cause.clone(),
        Error::Rejection(_) => format!("{error:?}"),
    }
}

fn keep(context: &Context, opened: Opened) -> Opened {
    let current = Current { opened: Some(opened.clone()), checked_at: context.now() };
    STATE.with_borrow_mut(|state| state.current = Some(current));
    opened
}

/// Leaves a commit or an artefact alone for a while, and says why, once in that while.
fn mark_bad(context: &Context, version: &str, why: &str) {
    let now = context.now();
    let is_news = STATE.with_borrow_mut(|state| {
        state.bad.retain(|bad| bad.until > now);
        let is_news = !state.bad.iter().any(|bad| bad.version == version);
        if is_news {
            state.bad.push(Bad { version: version.to_owned(), why: why.to_owned(), until: now + BAD_FOR });
        }
        is_news
    });
    if is_news {
        log::warn("search index", format!("{version} is left alone for {} s: {why}", BAD_FOR.0 / 1_000));
    }
}

fn is_bad(context: &Context, version: &str) -> bool {
    why_bad(context, version).is_some()
}

/// Why it is left alone, if it is.
fn why_bad(context: &Context, version: &str) -> Option<String> {
    let now = context.now();
    STATE.with_borrow(|state| {
        let bad = state.bad.iter().find(|bad| bad.version == version && bad.until > now);
        bad.map(|bad| bad.why.clone())
    })
}

fn tally(change: impl FnOnce(&mut Tally)) {
    let mut tally = TALLY.get();
    change(&mut tally);
    TALLY.set(tally);
}
