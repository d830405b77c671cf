//! One search from its beginning to its end: runs it, and brings the bytes that it lacks until it has its answer. It neither chooses
//! the index nor remembers anything.

use std::pin::pin;

use futures_util::FutureExt;
use futures_util::future::{Either, select};
use search::artefact::{BUNDLE, object_key};
use search::{Answer, Outcome, Reader, Request, Search, SearchError};

use crate::error::Error;
use crate::index_store::IndexStore;

/// A search that needs more rounds than this is going in circles. Three are the rule.
const ROUNDS_MAX: u32 = 16;

/// Why a search came to nothing.
pub(crate) enum Failure {
    /// The index is not what it should be.
    Damaged(String),
    /// Something else.
    Other(Error),
}

impl Failure {
    /// For whoever has no other index to fall back on.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Damaged(what) => Error::fault("search", what),
            Self::Other(error) => error,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<SearchError> for Failure {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Invalid(invalid) => Self::Other(Error::bad_request(invalid.code(), invalid)),
            SearchError::Corrupt(_) | SearchError::Incompatible { .. } | SearchError::Index(_) => {
                Self::Damaged(error.to_string())
            }
        }
    }
}

/// Where an answer came from.
pub(crate) enum Came {
    /// From the index, after so many rounds of fetching.
    Searched(Answer, u32),
    /// From elsewhere, while its bytes were being fetched.
    Elsewhere(Answer),
}

/// Asks `reader`. `elsewhere` may know the answer already: it is asked once bytes are missing, while they are fetched, and nobody
/// waits for it.
pub(crate) async fn ask(
    store: &IndexStore,
    reader: &Reader,
    request: &Request,
    elsewhere: impl Future<Output = Option<Answer>>,
) -> Result<Came, Failure> {
    let bundle = object_key(reader.base_version(), BUNDLE);
    let mut elsewhere = pin!(elsewhere.fuse());
    let mut search = reader.begin(request)?;
    loop {
        let ranges = match search.run()? {
            Outcome::Ready(answer) => return Ok(Came::Searched(*answer, search.rounds())),
            Outcome::NeedBytes(ranges) => ranges,
        };
        if search.rounds() > ROUNDS_MAX {
            return Err(Error::fault("search", format!("no answer after {ROUNDS_MAX} rounds")).into());
        }
        store.count_round();
        let fetching = pin!(store.ranges(&bundle, ranges));
        let fetched = match select(fetching, elsewhere.as_mut()).await {
            Either::Left((fetched, _)) => fetched,
            Either::Right((known, fetching)) => match known {
                Some(answer) => return Ok(Came::Elsewhere(answer)),
                None => fetching.await,
            },
        };
        let fetched = match fetched {
            Ok(fetched) => fetched,
            Err(error) => return Err(blame(store, reader, &bundle, error).await),
        };
        supply(store, reader, &bundle, &mut search, fetched).await?;
    }
}

/// Whether the bundle itself is at fault when it could not be read: gone, or cut off.
async fn blame(store: &IndexStore, reader: &Reader, bundle: &str, error: Error) -> Failure {
    match store.size(bundle).await {
        Ok(Some(bytes)) if bytes == reader.bundle_bytes() => Failure::Other(error),
        Ok(Some(bytes)) => Failure::Damaged(format!("{bundle} has {bytes} bytes instead of {}", reader.bundle_bytes())),
        Ok(None) => Failure::Damaged(format!("{bundle} is missing")),
        Err(_) => Failure::Other(error),
    }
}

async fn supply(
    store: &IndexStore,
    reader: &Reader,
    bundle: &str,
    search: &mut Search,
    fetched: Vec<(u64, Vec<u8>)>,
) -> Result<(), Failure> {
    for (start, bytes) in fetched {
        store.count_bytes(bytes.len());
        if search.supply(start, &bytes).is_err() {
            // The data centre's cache may hold what R2 does not.
            let range = start..start + bytes.len() as u64;
            let again = match store.ranges_uncached(bundle, vec![range]).await {
                Ok(again) => again,
                Err(error) => return Err(blame(store, reader, bundle, error).await),
            };
            for (start, bytes) in again {
                search.supply(start, &bytes)?;
            }
        }
    }
    Ok(())
}
