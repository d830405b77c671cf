//! Transfers out of a shop's balance to banks, at the gateway that has them (Paystack): what it believes of each, and how each goes on.
//!
//! It knows no gateway's JSON. The shop's balance is not counted: a knob refuses transfers instead.

use domain::money::Money;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::App;
use crate::book::BookError;
use crate::gateways::Gateway;
use crate::paystack;
use crate::webhook::{About, Faults};

/// Where a transfer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// On its way.
    Pending,
    /// Waits for a one-time password.
    Otp,
    /// The money left.
    Success,
    /// It did not.
    Failed,
    /// The seller's bank sent it back.
    Reversed,
    /// Nobody gave the one-time password.
    Abandoned,
}

impl Standing {
    /// Its name, in the control interface and at Paystack.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Otp => "otp",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Reversed => "reversed",
            Self::Abandoned => "abandoned",
        }
    }

    /// Whether it may go on to `next`: nothing happens to what is over, but that money comes back.
    const fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Pending | Self::Otp, Self::Success | Self::Failed | Self::Reversed)
            | (Self::Otp, Self::Pending | Self::Abandoned)
            | (Self::Success, Self::Reversed) => true,
            (Self::Pending | Self::Otp | Self::Success | Self::Failed | Self::Reversed | Self::Abandoned, _) => false,
        }
    }
}

/// A transfer as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The gateway's number of it.
    pub id: i64,
    /// The shop's name for it, for ever.
    pub reference: String,
    /// How much.
    pub money: Money,
    /// What the gateway calls the account that it goes to.
    pub recipient: String,
    /// What for.
    pub reason: String,
    /// Where it stands.
    pub standing: Standing,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
}

/// An account to which money can be transferred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The gateway's name for it.
    pub code: String,
    /// The gateway's number of it.
    pub id: i64,
    /// Such as `nuban`.
    pub kind: String,
    /// Its holder.
    pub name: String,
    /// Its bank.
    pub bank_code: String,
    /// Its number.
    pub account_number: String,
    /// An ISO 4217 code.
    pub currency: String,
}

/// What becomes of transfers that are asked for from now on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferMode {
    /// They are sent, after a while.
    #[default]
    Process,
    /// They fail, after a while.
    Fail,
    /// They stay on their way until told otherwise.
    Stall,
    /// They wait for a one-time password.
    Otp,
    /// They are refused: the balance is empty.
    Refuse,
}

impl App {
    /// Carries a transfer on after a while, as `mode` says.
    pub(crate) fn carry_transfer(&self, transfer: &Transfer, mode: TransferMode) {
        let next = match mode {
            TransferMode::Process => Standing::Success,
            TransferMode::Fail => Standing::Failed,
            TransferMode::Stall | TransferMode::Otp | TransferMode::Refuse => return,
        };
        let (app, reference) = (self.clone(), transfer.reference.clone());
        tokio::spawn(async move {
            tokio::time::sleep(app.settings().refund_delay).await;
            if let Err(error) = app.drive_transfer(&reference, next, Faults::default()) {
                tracing::error!(reference, %error, "a transfer could not be ended");
            }
        });
    }

    /// Lets a transfer go on to `next`, and announces it, also when it stood there already.
    pub(crate) fn drive_transfer(
        &self,
        reference: &str,
        next: Standing,
        faults: Faults,
    ) -> Result<Transfer, BookError> {
        let now = self.now();
        let transfer = self.with_book(|book| {
            let unknown = || BookError::UnknownReference(reference.to_owned());
            let mut transfer = book.transfer(reference).cloned().ok_or_else(unknown)?;
            if transfer.standing.may_become(next) {
                (transfer.standing, transfer.changed_at) = (next, now);
                book.put_transfer(transfer.clone(), now)?;
            }
            Ok::<_, BookError>(transfer)
        })?;
        if transfer.standing == next {
            let about = About { id: transfer.id, gateway: Gateway::Paystack, reference: transfer.reference.clone() };
            match self.deliveries().reserve(faults) {
                Ok(room) => room.send_about(&about, paystack::transfer_notices(&transfer)),
                Err(full) => tracing::error!(reference, %full, "webhook not sent"),
            }
        }
        Ok(transfer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_stays_over_but_money_may_come_back() {
        use Standing::{Abandoned, Failed, Otp, Pending, Reversed, Success};
        assert!(Pending.may_become(Success) && Otp.may_become(Success) && Success.may_become(Reversed));
        assert!(Otp.may_become(Abandoned));
        for over in [Failed, Reversed, Abandoned] {
            assert!([Pending, Otp, Success, Failed, Reversed].iter().all(|next| !over.may_become(*next)), "{over:?}");
        }
        assert!(!Success.may_become(Failed));
    }
}
