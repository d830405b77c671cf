//! Payouts, and where sellers are paid to, as operators see them.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::GatewayName;
use crate::ids::PayoutId;
use crate::money::Currency;
use crate::payout::PayoutStatus;
use crate::time::Timestamp;

/// `GET`: the payouts, newest first, at most 1,000 ([`Payouts`]); with `?run={run_id}`, those of a run. `POST` of a [`PayoutRun`]: takes from
/// every seller's balance what is due ([`Payouts`], those of the run); the same again changes nothing. With `/{payout_id}` appended, `GET`:
/// one ([`Payout`]); with `/{payout_id}/confirm` or `/{payout_id}/return`, `POST` without a body: what became of it ([`Payout`]).
pub const ORIGIN_PAYOUTS: &str = "/internal/payouts";

/// `GET` with `?run={run_id}`: a run's payouts that are to be sent by hand, with where to ([`PayoutFile`]).
pub const ORIGIN_PAYOUT_FILE: &str = "/internal/payout-file";

/// `GET`: where sellers are paid to ([`BankAccounts`]). `POST` of a [`BankAccount`]: sets it; answers all of them.
pub const ORIGIN_BANK_ACCOUNTS: &str = "/internal/bank-accounts";

/// Pays out what sellers are owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutRun {
    /// Makes it idempotent.
    pub run_id: PayoutId,
    /// Sales before this moment count; refunds always do.
    pub until: Timestamp,
    /// Less than this is not paid out, in minor units.
    #[serde(default)]
    pub least_minor: i64,
    /// The gateway that is asked to transfer the money; `None`: it goes by hand. Sellers whose bank account is not known, or is of a
    /// currency that it cannot transfer, are left out of a run by transfer.
    #[serde(default)]
    pub gateway: Option<GatewayName>,
}

/// Payouts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payouts {
    /// Which.
    pub payouts: Vec<Payout>,
    /// After a run: who is still owed something of it now, since it cannot be transferred to them.
    #[serde(default)]
    pub left_out: Vec<String>,
}

/// Money on its way to a seller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payout {
    /// Its id.
    pub id: PayoutId,
    /// The run that it belongs to.
    pub run_id: PayoutId,
    /// To whom.
    pub seller: String,
    /// How much, in minor units.
    pub amount_minor: i64,
    /// An ISO 4217 code.
    pub currency: String,
    /// Where it stands.
    pub status: PayoutStatus,
    /// The gateway that transfers it; `None`: it goes by hand.
    #[serde(default)]
    pub gateway: Option<GatewayName>,
    /// What the gateway and we call the transfer, if it is one.
    #[serde(default)]
    pub reference: Option<String>,
    /// What went wrong last.
    #[serde(default)]
    pub last_error: Option<String>,
    /// When it was taken from the balance.
    pub created_at: Timestamp,
}

/// Payouts to be sent by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutFile {
    /// Those that are due, by seller.
    pub lines: Vec<PayoutFileLine>,
}

/// One payout to be sent by hand, and where to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutFileLine {
    /// Which.
    pub payout: Payout,
    /// Where to; `None` when nobody has said.
    pub account: Option<BankAccount>,
}

/// Where a seller is paid to, in one currency. Whole: only to set it, and to send money there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankAccount {
    /// Whose.
    pub seller: String,
    /// In which currency it is paid.
    pub currency: Currency,
    /// Which bank, by the code that the country's banks have.
    pub bank_code: String,
    /// The account's number.
    pub account_number: String,
    /// The name that the bank knows its holder by.
    pub holder: String,
}

impl BankAccount {
    /// Most characters of holder and of seller.
    pub const TEXT_MAX: usize = 100;

    /// What is wrong with it, to be told to whoever typed it.
    pub fn check(&self) -> Result<(), String> {
        let fits = |text: &str| {
            let is_short = text.chars().nth(Self::TEXT_MAX).is_none();
            !text.trim().is_empty() && is_short && !text.chars().any(char::is_control)
        };
        if !fits(&self.seller) || !fits(&self.holder) {
            return Err(format!("name the seller and the account's holder, in at most {} characters", Self::TEXT_MAX));
        }
        let is_code = |text: &str, lengths: RangeInclusive<usize>| {
            lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if !is_code(&self.bank_code, 2..=20) {
            return Err("a bank's code has 2 to 20 letters and digits".to_owned());
        }
        if !is_code(&self.account_number, 5..=34) {
            return Err("an account's number has 5 to 34 letters and digits, without spaces".to_owned());
        }
        if self.currency == Currency::Ngn
            && !(self.account_number.len() == 10 && self.account_number.bytes().all(|byte| byte.is_ascii_digit()))
        {
            return Err("a Nigerian account's number has 10 digits".to_owned());
        }
        Ok(())
    }

    /// The number as it may be shown: its last four characters.
    pub fn masked(&self) -> String {
        let hidden = self.account_number.len().saturating_sub(4);
        format!("••••{}", self.account_number.get(hidden..).unwrap_or_default())
    }
}

impl fmt::Debug for BankAccount {
    /// Without what only the bank need know.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}: {}", self.seller, self.currency.code(), self.masked())
    }
}

/// Where sellers are paid to, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankAccounts {
    /// By seller and currency.
    pub accounts: Vec<MaskedAccount>,
}

/// Where a seller is paid to, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskedAccount {
    /// Whose.
    pub seller: String,
    /// In which currency it is paid.
    pub currency: String,
    /// Which bank.
    pub bank_code: String,
    /// The end of the account's number.
    pub masked: String,
    /// When it was set.
    pub set_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> BankAccount {
        BankAccount {
            seller: "ada".to_owned(),
            currency: Currency::Ngn,
            bank_code: "058".to_owned(),
            account_number: "0123456789".to_owned(),
            holder: "Ada Obi".to_owned(),
        }
    }

    #[test]
    fn a_bank_account_is_checked_and_shows_four_digits() {
        assert_eq!(account().check(), Ok(()));
        assert_eq!(account().masked(), "••••6789");
        assert!(!format!("{:?}", account()).contains("12345"));
        let with = |change: fn(&mut BankAccount)| {
            let mut account = account();
            change(&mut account);
            account.check().is_err()
        };
        assert!(with(|it| it.account_number = "123456789".to_owned()), "nine digits");
        assert!(with(|it| it.account_number = "01234 6789".to_owned()));
        assert!(with(|it| it.bank_code = "=58".to_owned()));
        assert!(with(|it| it.holder = " ".to_owned()));
        assert!(with(|it| it.seller = "a\nb".to_owned()));
    }
}
