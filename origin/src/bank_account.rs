//! Where sellers are paid to: set by an operator, sealed before it is stored, opened only to send money there.

use axum::http::StatusCode;
use domain::wire::{BankAccount, BankAccounts, MaskedAccount};

use crate::App;
use crate::error::Error;
use crate::store::{Tx, bank_accounts};
use crate::vault::VaultError;

/// Sets a seller's account in its currency.
pub async fn set(app: &App, account: &BankAccount) -> Result<(), Error> {
    let refused = |detail: String| {
        Error::rejected(StatusCode::UNPROCESSABLE_ENTITY, "invalid_bank_account", "Invalid bank account", detail)
    };
    account.check().map_err(refused)?;
    let whole = serde_json::to_string(account).map_err(|error| Error::Bug(error.to_string()))?;
    let sealed = app.config().bank_details.seal(&owner(&account.seller, account.currency.code()), &whole);
    let sealed = &sealed.map_err(shut)?;
    app.store()
        .transact("set_bank_account", move |mut tx: Tx| async move {
            let masked = MaskedAccount {
                seller: account.seller.clone(),
                currency: account.currency.code().to_owned(),
                bank_code: account.bank_code.clone(),
                masked: account.masked(),
                set_at: app.now(),
            };
            bank_accounts::put(&mut tx, &masked, sealed).await?;
            tx.done(())
        })
        .await?;
    tracing::info!(seller = account.seller, currency = account.currency.code(), "bank account set");
    app.wake_transfers();
    Ok(())
}

/// All of them, as they may be shown.
pub async fn all(app: &App) -> Result<BankAccounts, Error> {
    Ok(BankAccounts { accounts: bank_accounts::all(&mut app.store().read().await?).await? })
}

/// A seller's, whole; `None` when nobody has said.
pub async fn open(app: &App, seller: &str, currency: &str) -> Result<Option<BankAccount>, Error> {
    let sealed = bank_accounts::sealed(&mut app.store().read().await?, seller, currency).await?;
    let Some(sealed) = sealed else { return Ok(None) };
    let whole = app.config().bank_details.open(&owner(seller, currency), &sealed).map_err(shut)?;
    serde_json::from_str(&whole).map(Some).map_err(|_| Error::corrupt("sealed", "it is no bank account"))
}

fn shut(error: VaultError) -> Error {
    Error::rejected(StatusCode::CONFLICT, "bank_details_shut", "Bank details are shut", error.to_string())
}

/// Whose it is, as it is sealed.
fn owner(seller: &str, currency: &str) -> String {
    format!("{currency} {seller}")
}
