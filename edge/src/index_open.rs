//! Opens an index: everything that a pointer names, in one round. What is open already is used again. It publishes nothing.

use std::sync::Arc;

use futures_util::future::{try_join, try_join4};
use search::artefact::{HOTCACHE, MANIFEST, Manifest, object_key};
use search::{Commit, Part, PartRef, Pointer, Reader, SearchError, Synonyms};

use crate::error::Error;
use crate::index_store::IndexStore;
use crate::log;

/// An index, ready to be searched.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) reader: Reader,
    synonyms_key: Option<String>,
    synonyms: Arc<Synonyms>,
}

/// Opens what `pointer` names. Of the index that is open, `old`, it uses what both share.
///
/// # Errors
/// When something of it is missing or damaged, also in R2 itself.
pub(crate) async fn open(
    store: &IndexStore,
    pointer: &Pointer,
    old: Option<&Opened>,
    budget_bytes: usize,
) -> Result<Opened, Error> {
    if let IndexStore::OfRequest(context) = store {
        context.count_opening_round();
    }
    let old = old.filter(|old| old.reader.base_version() == pointer.base_version());
    let base = async {
        match old {
            Some(old) => Ok(old.reader.clone()),
            None => base(store, pointer.base_version(), budget_bytes, true).await,
        }
    };
    let missing = old.map_or_else(|| pointer.parts.clone(), |old| old.reader.missing_parts(pointer));
    let (base, commit, parts, synonyms) =
        try_join4(base, commit(store, pointer), parts(store, missing), synonyms(store, pointer, old)).await?;
    let reader = match commit {
        Some(commit) => base.with_commit(commit, parts).map_err(damaged)?,
        None => base.without_commit(),
    };
    let reader = reader.with_synonyms(Arc::clone(&synonyms));
    Ok(Opened { reader, synonyms_key: pointer.synonyms.clone(), synonyms })
}

/// What `pointer` names, on a base that is open.
pub(crate) async fn on_base(store: &IndexStore, pointer: &Pointer, base: Reader) -> Result<Reader, Error> {
    match try_join(commit(store, pointer), parts(store, pointer.parts.clone())).await? {
        (Some(commit), parts) => base.with_commit(commit, parts).map_err(damaged),
        (None, _) => Ok(base),
    }
}

/// Opens an artefact. Without its hotcache it is good for the indexer, which reads few pages of it.
pub(crate) async fn base(
    store: &IndexStore,
    version: &str,
    budget_bytes: usize,
    with_hotcache: bool,
) -> Result<Reader, Error> {
    let hotcache = async |cached: bool| -> Result<Vec<u8>, Error> {
        if with_hotcache { read(store, &object_key(version, HOTCACHE), cached).await } else { Ok(Vec::new()) }
    };
    let opened = async |cached: bool| {
        let manifest_key = object_key(version, MANIFEST);
        let (manifest, hotcache) = try_join(read(store, &manifest_key, cached), hotcache(cached)).await?;
        let manifest = Manifest::from_json(&manifest).map_err(damaged)?;
        if manifest.version != version {
            return Err(Error::fault("search", format!("{manifest_key} is another artefact's")));
        }
        Reader::open(manifest, hotcache, budget_bytes).map_err(damaged)
    };
    match opened(true).await {
        Err(_) => opened(false).await,
        opened => opened,
    }
}

async fn commit(store: &IndexStore, pointer: &Pointer) -> Result<Option<Commit>, Error> {
    let Some(key) = pointer.commit_key() else { return Ok(None) };
    let decoded =
        async |cached: bool| Commit::decode(&pointer.version, read(store, &key, cached).await?).map_err(damaged);
    match decoded(true).await {
        Err(_) => decoded(false).await.map(Some),
        decoded => decoded.map(Some),
    }
}

async fn parts(store: &IndexStore, missing: Vec<PartRef>) -> Result<Vec<Part>, Error> {
    let parts = missing.into_iter().map(|part| async move {
        let key = part.key();
        let decoded = async |cached: bool| Part::decode(&part, read(store, &key, cached).await?).map_err(damaged);
        match decoded(true).await {
            Err(_) => decoded(false).await,
            decoded => decoded,
        }
    });
    futures_util::future::try_join_all(parts).await
}

/// The pointer's synonyms. Those that cannot be read are no reason not to search.
async fn synonyms(store: &IndexStore, pointer: &Pointer, old: Option<&Opened>) -> Result<Arc<Synonyms>, Error> {
    let Some(key) = &pointer.synonyms else { return Ok(Arc::default()) };
    if let Some(old) = old
        && old.synonyms_key.as_ref() == Some(key)
    {
        return Ok(Arc::clone(&old.synonyms));
    }
    let parsed = match read(store, key, true).await {
        Ok(bytes) => Synonyms::parse(&String::from_utf8_lossy(&bytes)).map_err(|problems| format!("{problems:?}")),
        Err(error) => Err(format!("{error:?}")),
    };
    Ok(Arc::new(parsed.unwrap_or_else(|problem| {
        log::warn("synonyms", format!("{key} cannot be used: {problem}"));
        Synonyms::default()
    })))
}

/// The data centre's cache may hold what R2 does not; then the second reading is not from there.
async fn read(store: &IndexStore, key: &str, cached: bool) -> Result<Vec<u8>, Error> {
    let bytes = if cached { store.whole(key).await? } else { store.whole_uncached(key).await? };
    if let IndexStore::OfRequest(context) = store {
        context.count_search_bytes(bytes.len());
    }
    Ok(bytes)
}

pub(crate) fn damaged(error: SearchError) -> Error {
    Error::fault("search", error)
}

/// The last change of the catalogue that an artefact was compiled with.
pub(crate) async fn base_seq(store: &IndexStore, version: &str) -> Result<u64, Error> {
    let manifest = store.whole(&object_key(version, MANIFEST)).await?;
    Ok(Manifest::from_json(&manifest).map_err(damaged)?.catalogue_seq)
}
