//! What our own processes call: the origin's events and the operator's tools. Every one of them is signed.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use domain::ids::ProductId;
use domain::wire::{CataloguePage, EventOutcome, ImportBatch, ImportReport, MissingPictures, OriginEvent, PictureKeys};
use futures_util::future::try_join_all;
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::pictures::object_name;
use crate::catalogue::{self, import};
use crate::context::Context;
use crate::durable::client;
use crate::error::Error;
use crate::extract::{Path, Query};
use crate::{events, signed};

/// Most pictures asked about at once.
const PICTURE_KEYS_MAX: usize = 500;
/// Most products in one part of the catalogue.
const CATALOGUE_PAGE_MAX: u32 = 1_000;

/// A body that the origin signed.
pub(crate) struct FromOrigin(Bytes);

/// A body that an operator's tool signed.
pub(crate) struct FromOperator(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for FromOrigin {
    type Rejection = Error;

    #[worker::send]
    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        signed_body(request, state, "EDGE_ORIGIN_KEYS").await.map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for FromOperator {
    type Rejection = Error;

    #[worker::send]
    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        signed_body(request, state, "OPERATOR_KEYS").await.map(Self)
    }
}

async fn signed_body<S: Send + Sync>(request: Request, state: &S, keys: &'static str) -> Result<Bytes, Error> {
    let context = request.extensions().get::<Context>().cloned();
    let context = context.ok_or_else(|| Error::bug("a request came without its context"))?;
    let (method, uri, headers) = (request.method().clone(), request.uri().clone(), request.headers().clone());
    let body = Bytes::from_request(request, state).await?;
    signed::check(&context, keys, &method, &uri, &headers, &body).await?;
    Ok(body)
}

pub(super) fn json<T: DeserializeOwned>(body: &Bytes) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| Error::bad_request("invalid_json", error))
}

/// `POST /internal/events`
#[worker::send]
pub(crate) async fn event(context: Context, FromOrigin(body): FromOrigin) -> Result<Json<EventOutcome>, Error> {
    let event: OriginEvent = json(&body)?;
    Ok(Json(events::apply(&context, &event).await?))
}

/// `POST /internal/import/products`
#[worker::send]
pub(crate) async fn import_products(
    context: Context,
    FromOperator(body): FromOperator,
) -> Result<Json<ImportReport>, Error> {
    let batch: ImportBatch = json(&body)?;
    let report = import::write(&context, &batch).await?;
    if !batch.bulk && report.created + report.updated + report.restocked > 0 {
        client::poke_indexer_later(&context);
    }
    Ok(Json(report))
}

/// `POST /internal/import/finish`
#[worker::send]
pub(crate) async fn import_finish(context: Context, FromOperator(_): FromOperator) -> Result<StatusCode, Error> {
    import::finish(&context).await?;
    client::poke_indexer_later(&context);
    crate::site::forget();
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /internal/pictures/missing`
#[worker::send]
pub(crate) async fn pictures_missing(
    context: Context,
    FromOperator(body): FromOperator,
) -> Result<Json<MissingPictures>, Error> {
    let PictureKeys { keys } = json(&body)?;
    if keys.len() > PICTURE_KEYS_MAX {
        return Err(Error::bad_request("too_many_keys", format!("ask about at most {PICTURE_KEYS_MAX} pictures")));
    }
    let looked = keys.into_iter().map(|key| {
        let context = context.clone();
        async move {
            let found = context.pictures()?.list().prefix(format!("{key}/")).limit(1).execute().await?;
            Ok::<_, Error>(found.objects().is_empty().then_some(key))
        }
    });
    let missing = try_join_all(looked).await?.into_iter().flatten().collect();
    Ok(Json(MissingPictures { missing }))
}

/// `PUT /internal/pictures/{key}/{width}.jpg`
#[worker::send]
pub(crate) async fn picture(
    context: Context,
    Path((key, file)): Path<(String, String)>,
    FromOperator(body): FromOperator,
) -> Result<StatusCode, Error> {
    let name = object_name(&key, &file)
        .ok_or_else(|| Error::bad_request("bad_picture_name", "name it {hex of its content}/{width}.jpg"))?;
    if !body.starts_with(&[0xFF, 0xD8, 0xFF]) {
        return Err(Error::bad_request("not_a_jpeg", "the body is not a JPEG picture"));
    }
    context.pictures()?.put(name, body.to_vec()).execute().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
pub(crate) struct CatalogueQuery {
    after: Option<ProductId>,
    limit: Option<u32>,
}

/// `GET /internal/catalogue?after=…&limit=…`
#[worker::send]
pub(crate) async fn catalogue(
    context: Context,
    Query(query): Query<CatalogueQuery>,
    FromOperator(_): FromOperator,
) -> Result<Json<CataloguePage>, Error> {
    let limit = query.limit.unwrap_or(CATALOGUE_PAGE_MAX).clamp(1, CATALOGUE_PAGE_MAX);
    Ok(Json(catalogue::page(&context, query.after, limit).await?))
}
