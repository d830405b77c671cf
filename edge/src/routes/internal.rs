//! What our own processes call: the origin's events and the operator's tools. Every one of them is signed.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use domain::ids::ProductId;
use domain::wire::{
    CataloguePage, EventOutcome, ImportBatch, ImportReport, MissingPictures, OriginEvent, PictureKeys, PublishIndex,
};
use futures_util::future::try_join_all;
use http::StatusCode;
use search::artefact::{BUNDLE, HOTCACHE, MANIFEST, Manifest, POINTER_KEY, Pointer, object_key};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::pictures::object_name;
use crate::catalogue::{self, import};
use crate::context::Context;
use crate::error::Error;
use crate::extract::{Path, Query};
use crate::{events, search_shell, signed};

/// Most pictures asked about at once.
const PICTURE_KEYS_MAX: usize = 500;
/// Most products in one part of the catalogue.
const CATALOGUE_PAGE_MAX: u32 = 1_000;

/// A body that the origin signed.
pub(crate) struct FromOrigin(Bytes);

/// A body that an operator's tool signed.
pub(crate) struct FromOperator(Bytes);

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

fn json<T: DeserializeOwned>(body: &Bytes) -> Result<T, Error> {
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
    Ok(Json(import::write(&context, &batch).await?))
}

/// `POST /internal/import/finish`
#[worker::send]
pub(crate) async fn import_finish(context: Context, FromOperator(_): FromOperator) -> Result<StatusCode, Error> {
    import::finish(&context).await?;
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

/// `PUT /internal/index/{version}/{file}`
#[worker::send]
pub(crate) async fn index_file(
    context: Context,
    Path((version, file)): Path<(String, String)>,
    FromOperator(body): FromOperator,
) -> Result<StatusCode, Error> {
    check_version(&version)?;
    if ![BUNDLE, HOTCACHE, MANIFEST].contains(&file.as_str()) {
        return Err(Error::bad_request("bad_index_file", format!("an index has {BUNDLE}, {HOTCACHE} and {MANIFEST}")));
    }
    context.index()?.put(object_key(&version, &file), body.to_vec()).execute().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /internal/index/publish`. Looks at the artefact before anybody searches in it.
#[worker::send]
pub(crate) async fn index_publish(context: Context, FromOperator(body): FromOperator) -> Result<StatusCode, Error> {
    let PublishIndex { version } = json(&body)?;
    check_version(&version)?;
    let incomplete =
        |what: &str| Error::bad_request("index_incomplete", format!("{what} of {version} is missing or damaged"));
    let manifest = context.index()?.get(object_key(&version, MANIFEST)).execute().await?;
    let manifest = manifest.as_ref().and_then(worker::Object::body).ok_or_else(|| incomplete(MANIFEST))?;
    let manifest = Manifest::from_json(&manifest.bytes().await?).map_err(|_| incomplete(MANIFEST))?;
    for (file, bytes) in [(BUNDLE, manifest.bundle_bytes), (HOTCACHE, manifest.hotcache_bytes)] {
        let head = context.index()?.head(object_key(&version, file)).await?;
        if head.is_none_or(|object| object.size() != bytes) {
            return Err(incomplete(file));
        }
    }
    let pointer = Pointer::to_artefact(&manifest, context.now().as_millis());
    context.index()?.put(POINTER_KEY, serde_json::to_vec(&pointer)?).execute().await?;
    search_shell::forget_pointer();
    Ok(StatusCode::NO_CONTENT)
}

fn check_version(version: &str) -> Result<(), Error> {
    let well_formed = (8..=64).contains(&version.len()) && version.bytes().all(|b| b.is_ascii_hexdigit());
    if well_formed { Ok(()) } else { Err(Error::bad_request("bad_index_version", "a version is hex")) }
}
