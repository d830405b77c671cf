//! `POST /internal/search/measure`: an operator's look at what searches cost inside this Worker. It answers no shopper. It
//! measures opening, fetching and searching, through the functions that serve, but neither KV nor remembered answers.

use axum::Json;
use domain::time::Timestamp;
use search::measured::{Measure, Measured, Measurement, QUESTIONS_MAX, TIMES_MAX};
use search::{Answer, Reader, Request};

use super::internal::{FromOperator, json};
use crate::asking::{self, Came, Failure};
use crate::context::{Context, now};
use crate::error::Error;
use crate::index_open;
use crate::index_store::IndexStore;
use crate::search_shell;

/// `POST /internal/search/measure`
#[worker::send]
pub(crate) async fn searches(context: Context, FromOperator(body): FromOperator) -> Result<Json<Measurement>, Error> {
    let Measure { requests, times } = json(&body)?;
    if requests.len() > QUESTIONS_MAX || times > TIMES_MAX {
        let detail = format!("at most {QUESTIONS_MAX} questions, {TIMES_MAX} times each");
        return Err(Error::bad_request("too_much_to_measure", detail));
    }
    for request in &requests {
        request.validate().map_err(|invalid| Error::bad_request(invalid.code(), invalid))?;
    }
    let mut searches = Vec::with_capacity(requests.len());
    for request in &requests {
        searches.push(if times == 0 { cold(&context, request).await? } else { warm(&context, request, times).await? });
    }
    let index_bytes = search_shell::open_reader().map_or(0, |reader| reader.used_bytes());
    Ok(Json(Measurement { searches, memory_bytes: memory_bytes(), index_bytes: index_bytes as u64 }))
}

/// In an index that is opened for this one question. The data centre's cache may know its pages, memory does not.
async fn cold(context: &Context, request: &Request) -> Result<Measured, Error> {
    let store = IndexStore::OfRequest(context.clone());
    let started = clock(context).await;
    let nothing = || Error::not_found("index");
    let pointer = store.pointer().await?.ok_or_else(nothing)?.pointer;
    let opened = index_open::open(&store, &pointer, None, context.search_cache_bytes()?).await?;
    let (answer, rounds) = ask(&store, &opened.reader, request).await?;
    let milliseconds = (clock(context).await - started).0 as f64;
    // The first round brought what opening needs.
    Ok(Measured { total: answer.total, rounds: rounds + 1, bytes: answer.bytes_fetched, milliseconds })
}

/// In the open index, with everything at hand.
async fn warm(context: &Context, request: &Request, times: u32) -> Result<Measured, Error> {
    search_shell::version(context).await?;
    let reader = search_shell::open_reader().ok_or_else(|| Error::not_found("index"))?;
    let store = IndexStore::OfRequest(context.clone());
    ask(&store, &reader, request).await?;
    let (mut total, mut rounds, mut bytes) = (0, 0, 0);
    let started = clock(context).await;
    for _ in 0..times {
        let (answer, taken) = ask(&store, &reader, request).await?;
        (total, rounds, bytes) = (answer.total, rounds.max(taken), bytes + answer.bytes_fetched);
    }
    let milliseconds = (clock(context).await - started).0 as f64 / f64::from(times);
    Ok(Measured { total, rounds, bytes, milliseconds })
}

/// The answer, and the rounds of fetching that it took.
async fn ask(store: &IndexStore, reader: &Reader, request: &Request) -> Result<(Answer, u32), Error> {
    match asking::ask(store, reader, request, std::future::pending()).await.map_err(Failure::into_error)? {
        Came::Searched(answer, rounds) => Ok((answer, rounds)),
        Came::Elsewhere(answer) => Ok((answer, 0)),
    }
}

/// The time. A Worker's clock stands still until something comes from outside, so something is asked for that is not there.
async fn clock(context: &Context) -> Timestamp {
    drop(context.cache().get("https://clock.cache/", false).await);
    now()
}

/// All of this isolate's WASM memory.
fn memory_bytes() -> u64 {
    #[cfg(target_arch = "wasm32")]
    let pages = core::arch::wasm32::memory_size::<0>() as u64;
    #[cfg(not(target_arch = "wasm32"))]
    let pages = 0;
    pages * 64 * 1024
}
