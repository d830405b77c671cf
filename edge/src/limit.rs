//! How often one network address may do something. The limits themselves are in `wrangler.toml`.

use http::HeaderMap;

use crate::context::Context;
use crate::{log, queries};

/// Whether the visitor may do once more what `binding` limits. Whose address is not known, and while a limit cannot be looked up, anybody
/// may: it keeps machines away, and must not keep everybody out.
pub(crate) async fn is_within(context: &Context, headers: &HeaderMap, binding: &'static str) -> bool {
    let Some(address) = queries::address(headers) else { return true };
    let is_within = context.is_within_limit(binding, address.to_string()).await;
    is_within.inspect_err(|error| log::warn(binding, format!("{error:?}"))).unwrap_or(true)
}
