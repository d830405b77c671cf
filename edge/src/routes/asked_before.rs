//! What shoppers searched for before. The one place from which pages ask and tell.

use crate::context::Context;
use crate::error::Error;

/// What others search for that begins like `beginning`, commonest first.
pub(crate) async fn popular(_context: &Context, _beginning: &str, _max: usize) -> Result<Vec<String>, Error> {
    Ok(Vec::new())
}

/// Somebody searched for `query` and found `total` products.
pub(crate) fn count(_context: &Context, _query: &str, _total: u64) {}
