//! What the operator's tools call to publish an index and its synonyms, and to see how search fares. Signed like the rest.

use axum::Json;
use domain::time::Timestamp;
use domain::wire::{IndexStatus, PublishIndex, QueryReport, SearchTally};
use http::StatusCode;
use serde::Deserialize;

use super::internal::{FromOperator, json};
use crate::context::Context;
use crate::durable::client::{self, IndexRefusal, IndexerAnswer, IndexerCall};
use crate::error::Error;
use crate::extract::Query;
use crate::{hot_answers, index_store, queries as counted, search_shell};

/// Most days that a report looks back.
const REPORT_DAYS_MAX: u32 = 90;

/// `POST /internal/index/publish`
#[worker::send]
pub(crate) async fn index_publish(context: Context, FromOperator(body): FromOperator) -> Result<StatusCode, Error> {
    let PublishIndex { version } = json(&body)?;
    check_version(&version)?;
    ask(&context, IndexerCall::Publish { version }).await?;
    search_shell::forget_pointer();
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /internal/index`
#[worker::send]
pub(crate) async fn index_status(context: Context, FromOperator(_): FromOperator) -> Result<Json<IndexStatus>, Error> {
    Ok(Json(status(ask(&context, IndexerCall::Status).await?)))
}

/// `PUT /internal/index/synonyms`
#[worker::send]
pub(crate) async fn synonyms(context: Context, FromOperator(body): FromOperator) -> Result<Json<IndexStatus>, Error> {
    let key = crate::synonyms::store(&context, &body).await?;
    let answer = ask(&context, IndexerCall::Synonyms { key }).await?;
    search_shell::forget_pointer();
    Ok(Json(status(answer)))
}

#[derive(Deserialize)]
pub(crate) struct ReportQuery {
    days: Option<u32>,
}

/// `GET /internal/queries?days=…`
#[worker::send]
pub(crate) async fn queries(
    context: Context,
    Query(ReportQuery { days }): Query<ReportQuery>,
    FromOperator(_): FromOperator,
) -> Result<Json<QueryReport>, Error> {
    Ok(Json(counted::report(&context, days.unwrap_or(7).clamp(1, REPORT_DAYS_MAX)).await?))
}

async fn ask(context: &Context, call: IndexerCall) -> Result<IndexerAnswer, Error> {
    client::indexer(context, call).await?.map_err(|refusal| match refusal {
        IndexRefusal::Incomplete { file } => {
            Error::bad_request("index_incomplete", format!("{file} is missing or damaged: upload it again"))
        }
        IndexRefusal::Incompatible { why } => Error::bad_request("index_incompatible", why),
        IndexRefusal::Older => Error::rejection(
            StatusCode::CONFLICT,
            "index_older",
            "A newer index is published already",
            "This index was compiled before the one that is published. Compile it again.",
        ),
        IndexRefusal::NoIndex => Error::rejection(
            StatusCode::CONFLICT,
            "no_index",
            "There is no index yet",
            "Compile the index first: `cargo xtask index`.",
        ),
    })
}

fn status(answer: IndexerAnswer) -> IndexStatus {
    let IndexerAnswer { pointer, base_seq, last_seq, pending, needs_compile } = answer;
    let isolate = isolate();
    let Some(pointer) = pointer else { return IndexStatus { last_seq, isolate, ..IndexStatus::default() } };
    IndexStatus {
        base: pointer.base_version().to_owned(),
        published_at: Some(Timestamp(pointer.published_at_ms)),
        parts: u32::try_from(pointer.parts.len()).unwrap_or(u32::MAX),
        documents_in_parts: pointer.parts.iter().map(|part| u64::from(part.document_count)).sum(),
        catalogue_seq: pointer.catalogue_seq,
        base_seq,
        last_seq,
        pending,
        needs_compile,
        synonyms: pointer.synonyms,
        version: pointer.version,
        isolate,
    }
}

/// What searching has cost this isolate.
fn isolate() -> SearchTally {
    let (reader, searches) = (search_shell::open_reader(), search_shell::tallied());
    let (fetched, answers) = (index_store::tallied(), hot_answers::tallied());
    SearchTally {
        version: reader.as_ref().map(|reader| reader.version().to_owned()).unwrap_or_default(),
        documents: reader.as_ref().map_or(0, search::Reader::document_count),
        resident_bytes: reader.as_ref().map_or(0, |reader| reader.used_bytes() as u64),
        searches: searches.searches,
        cold: searches.cold,
        rounds: searches.rounds,
        rounds_max: searches.rounds_max,
        bytes: fetched.bytes,
        cache_hits: fetched.cache_hits,
        cache_misses: fetched.cache_misses,
        remembered: answers.remembered,
        kv_hits: answers.kv_hits,
        kv_misses: answers.kv_misses,
        kv_writes: answers.kv_writes,
        fallbacks: searches.fallbacks,
    }
}

pub(super) fn check_version(version: &str) -> Result<(), Error> {
    let well_formed = (8..=64).contains(&version.len()) && version.bytes().all(|b| b.is_ascii_hexdigit());
    if well_formed { Ok(()) } else { Err(Error::bad_request("bad_index_version", "a version is hex")) }
}
