//! What shoppers searched for before. The one place from which pages ask and tell.

use crate::context::Context;
use crate::error::Error;

/// What others search for that begins like `beginning`, commonest first.
#[expect(clippy::unused_async, reason = "nothing counts queries yet")]
pub(crate) async fn popular(_context: &Context, _beginning: &str, _max: u32) -> Result<Vec<String>, Error> {
    Ok(Vec::new())
}

/// Somebody searched for `query` and found `total` products.
pub(crate) fn count(_context: &Context, _query: &str, _total: u64) {}
