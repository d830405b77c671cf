//! Signed requests that were taken, so that none is taken twice.

use domain::time::Timestamp;

use super::Tx;
use super::sql::query;
use crate::error::Error;

/// Remembers `nonce` until `expires_at`; `false` when it was there already. Forgets those whose time has come.
pub async fn remember(tx: &mut Tx, nonce: &str, expires_at: Timestamp, now: Timestamp) -> Result<bool, Error> {
    const FORGET: &str = "-- nonce.forget
        DELETE FROM seen_nonce WHERE expires_at < $1";
    const REMEMBER: &str = "-- nonce.remember
        INSERT INTO seen_nonce (nonce, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    query(FORGET).bind(now.as_millis()).execute(tx.connection()).await?;
    let query = query(REMEMBER).bind(nonce).bind(expires_at.as_millis());
    Ok(query.execute(tx.connection()).await? == 1)
}
