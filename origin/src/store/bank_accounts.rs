//! Where sellers are paid to: sealed, but for what may be shown.

use domain::time::Timestamp;
use domain::wire::MaskedAccount;

use super::Tx;
use super::sql::{Connection, Row, query};
use crate::error::Error;

/// Sets where a seller is paid to in one currency.
pub async fn put(tx: &mut Tx, account: &MaskedAccount, sealed: &str) -> Result<(), Error> {
    const SQL: &str = "-- bank_account.put
        INSERT INTO bank_account (seller, currency, bank_code, masked, sealed, set_at, written_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (seller, currency) DO UPDATE SET bank_code = excluded.bank_code, masked = excluded.masked,
            sealed = excluded.sealed, set_at = excluded.set_at, written_by = excluded.written_by";
    let name = tx.name();
    query(SQL)
        .bind(&account.seller)
        .bind(&account.currency)
        .bind(&account.bank_code)
        .bind(&account.masked)
        .bind(sealed)
        .bind(account.set_at.as_millis())
        .bind(name)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// All of them, as they may be shown.
pub async fn all(connection: &mut Connection) -> Result<Vec<MaskedAccount>, Error> {
    const SQL: &str = "-- bank_account.all
        SELECT seller, currency, bank_code, masked, set_at FROM bank_account ORDER BY seller, currency";
    let account = |row: &Row| {
        Ok(MaskedAccount {
            seller: row.get("seller")?,
            currency: row.get("currency")?,
            bank_code: row.get("bank_code")?,
            masked: row.get("masked")?,
            set_at: Timestamp(row.get("set_at")?),
        })
    };
    query(SQL).fetch_all(connection).await?.iter().map(account).collect()
}

/// A seller's, sealed.
pub async fn sealed(connection: &mut Connection, seller: &str, currency: &str) -> Result<Option<String>, Error> {
    const SQL: &str = "-- bank_account.sealed
        SELECT sealed FROM bank_account WHERE seller = $1 AND currency = $2";
    let row = query(SQL).bind(seller).bind(currency).fetch_optional(connection).await?;
    row.map(|row| row.get("sealed")).transpose()
}
