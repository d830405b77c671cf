//! Paystack's transfers: money out of the shop's balance there, to sellers' banks.
//!
//! Sources: paystack.com/docs/transfers (how transfers work, managing transfers), /docs/api/transfer, /docs/api/transfer-recipient. A
//! recipient is made anew each time: the same account gives the one that is there. A reference is taken once; it has 16 to 50 small letters,
//! digits, `-` and `_`. A transfer whose status is not conclusive is never asked for under another one.

use domain::money::Currency;
use domain::wire::BankAccount;
use serde::Deserialize;
use serde_json::json;

use super::super::figures::Amount;
use super::super::{
    GatewayError, ObservedTransfer, Recipient, Request, Response, TransferObservation, TransferOrder, about_another,
};
use super::{Paystack, minor, open_any, read};

#[derive(Debug, Deserialize)]
struct MadeRecipient {
    recipient_code: String,
}

#[derive(Debug, Deserialize)]
struct Transfer {
    status: String,
    amount: Amount,
    currency: String,
    #[serde(default)]
    reference: Option<String>,
    #[serde(default)]
    transfer_code: Option<String>,
    #[serde(default)]
    fee_charged: Option<Amount>,
    #[serde(default)]
    gateway_response: Option<String>,
}

impl Paystack {
    /// The kind of recipient that a bank account in `currency` is; `None` where Paystack transfers to no banks.
    const fn recipient_kind(currency: Currency) -> Option<&'static str> {
        match currency {
            Currency::Ngn => Some("nuban"),
            Currency::Ghs => Some("ghipss"),
            Currency::Zar => Some("basa"),
            Currency::Usd | Currency::Kes | Currency::Eur | Currency::Gbp | Currency::Xof => None,
        }
    }

    /// Whether it transfers to banks in `currency`.
    pub const fn transfers(currency: Currency) -> bool {
        Self::recipient_kind(currency).is_some()
    }

    pub(in super::super) fn recipient(&self, account: &BankAccount) -> Result<Request, GatewayError> {
        let kind = Self::recipient_kind(account.currency)
            .ok_or(GatewayError::NotOffered("Paystack transfers to banks in NGN, GHS and ZAR only"))?;
        self.request(http::Method::POST, &["transferrecipient"])?.with_json(&json!({
            "type": kind,
            "name": account.holder,
            "account_number": account.account_number,
            "bank_code": account.bank_code,
            "currency": account.currency.code(),
        }))
    }

    pub(in super::super) fn transfer(
        &self,
        transfer: &TransferOrder<'_>,
        recipient: &Recipient,
    ) -> Result<Request, GatewayError> {
        self.request(http::Method::POST, &["transfer"])?.with_json(&json!({
            "source": "balance",
            "amount": transfer.amount.amount_minor,
            "currency": transfer.amount.currency.code(),
            "recipient": recipient.0,
            "reference": transfer.reference,
            "reason": transfer.reason,
        }))
    }

    pub(in super::super) fn find_transfer(&self, reference: &str) -> Result<Request, GatewayError> {
        self.request(http::Method::GET, &["transfer", "verify", reference])
    }
}

/// The name of a recipient that was just made.
pub(in super::super) fn read_recipient(response: &Response) -> Result<Recipient, GatewayError> {
    read::<MadeRecipient>(response).map(|made| Recipient(made.recipient_code))
}

/// Where a transfer stands that was just asked for. A reference that was used before is [`GatewayError::DuplicateReference`]: the transfer
/// is there, and has to be looked for.
pub(in super::super) fn read_transferred(
    transfer: &TransferOrder<'_>,
    response: &Response,
) -> Result<TransferObservation, GatewayError> {
    match read::<Transfer>(response) {
        Ok(made) => observation(transfer, made),
        Err(GatewayError::Refused(message)) if says_used(&message) => Err(GatewayError::DuplicateReference),
        Err(error) => Err(error),
    }
}

/// Paystack's code for a used transfer reference is not documented; its words are.
fn says_used(message: &str) -> bool {
    let message = message.to_lowercase();
    message.contains("reference") && ["unique", "duplicate", "already"].iter().any(|word| message.contains(word))
}

/// Where a transfer stands that may have been asked for. Only Paystack's own 404 says that it never heard of it: anything else that is not
/// understood is an error, and nothing follows from it.
pub(in super::super) fn read_found_transfer(
    transfer: &TransferOrder<'_>,
    response: &Response,
) -> Result<TransferObservation, GatewayError> {
    let is_missing = match response.status {
        404 => true,
        400 => open_any(response)?.code.is_some_and(|code| code.ends_with("not_found")),
        _ => false,
    };
    if is_missing && !open_any(response)?.status {
        return Ok(TransferObservation::unknown());
    }
    observation(transfer, read(response)?)
}

fn observation(transfer: &TransferOrder<'_>, found: Transfer) -> Result<TransferObservation, GatewayError> {
    if let Some(other) = found.reference.filter(|reference| reference != transfer.reference) {
        return Err(about_another(&other, transfer.reference));
    }
    let (amount_minor, wanted) = (minor(&found.amount)?, transfer.amount);
    if amount_minor != wanted.amount_minor || found.currency != wanted.currency.code() {
        let found = format!("a transfer of {amount_minor} {}, not of {wanted}", found.currency);
        return Err(GatewayError::Unreadable(found));
    }
    let why = |otherwise: &str| found.gateway_response.clone().unwrap_or_else(|| otherwise.to_owned());
    let status = match found.status.as_str() {
        "success" => ObservedTransfer::Sent,
        "pending" | "processing" | "queued" | "received" => ObservedTransfer::Pending,
        "otp" => ObservedTransfer::OneTimePassword,
        "failed" => ObservedTransfer::Failed(why("Paystack says that the transfer failed")),
        "abandoned" => ObservedTransfer::Failed(why("nobody gave Paystack the one-time password in time")),
        "blocked" | "rejected" => ObservedTransfer::Failed(why("Paystack was not given leave for the transfer")),
        "reversed" => ObservedTransfer::Reversed(why("the seller's bank did not take it")),
        other => return Err(GatewayError::Unreadable(format!("unknown transfer status {other:?}"))),
    };
    let fee_minor = found.fee_charged.as_ref().and_then(Amount::minor).filter(|fee| *fee > 0);
    Ok(TransferObservation { code: found.transfer_code, status, fee_minor })
}

#[cfg(test)]
mod tests {
    use domain::money::Money;

    use super::super::super::testing::{answer, json_of};
    use super::*;

    const ORDER: TransferOrder<'_> = TransferOrder {
        reference: "po-0190000000007000800000000000000a",
        amount: Money::new(995_000, Currency::Ngn),
        reason: "Kasuwa payout",
    };

    fn account(currency: Currency) -> BankAccount {
        BankAccount {
            seller: "ada".to_owned(),
            currency,
            bank_code: "058".to_owned(),
            account_number: "0123456789".to_owned(),
            holder: "Ada Obi".to_owned(),
        }
    }

    fn paystack() -> Paystack {
        Paystack::new("https://api.paystack.co".parse().unwrap(), "sk_test_example".to_owned())
    }

    fn data(fields: &str) -> Response {
        let reference = ORDER.reference;
        let data = format!(
            r#"{{"integration":463433,"source":"balance","amount":995000,"currency":"NGN","reference":"{reference}",{fields}}}"#
        );
        answer(200, &format!(r#"{{"status":true,"message":"Transfer retrieved","data":{data}}}"#))
    }

    fn refused(status: u16, message: &str, code: &str) -> Response {
        answer(status, &format!(r#"{{"status":false,"message":"{message}","code":"{code}"}}"#))
    }

    #[test]
    fn a_recipient_is_of_the_kind_that_its_currency_has() {
        let request = paystack().recipient(&account(Currency::Ngn)).unwrap();
        assert_eq!(request.url.as_str(), "https://api.paystack.co/transferrecipient");
        let body = json_of(&request);
        assert_eq!((&body["type"], &body["bank_code"]), (&json!("nuban"), &json!("058")));
        assert_eq!((&body["account_number"], &body["currency"]), (&json!("0123456789"), &json!("NGN")));
        assert_eq!(json_of(&paystack().recipient(&account(Currency::Ghs)).unwrap())["type"], json!("ghipss"));
        assert!(matches!(paystack().recipient(&account(Currency::Eur)), Err(GatewayError::NotOffered(_))));
        let made = r#"{"status":true,"message":"Transfer recipient created successfully","data":{"active":true,"id":20317609,
            "recipient_code":"RCP_m7ljkv8leesep7p","type":"nuban","details":{"account_number":"0123456789"}}}"#;
        assert_eq!(read_recipient(&answer(201, made)), Ok(Recipient("RCP_m7ljkv8leesep7p".to_owned())));
        assert!(matches!(
            read_recipient(&refused(422, "Account number is invalid", "invalid_bank_code")),
            Err(GatewayError::Refused(_))
        ));
    }

    #[test]
    fn a_transfer_is_asked_for_and_found_by_our_name_for_it() {
        let request = paystack().transfer(&ORDER, &Recipient("RCP_1".to_owned())).unwrap();
        assert_eq!(request.url.as_str(), "https://api.paystack.co/transfer");
        let body = json_of(&request);
        assert_eq!((&body["amount"], &body["source"]), (&json!(995_000), &json!("balance")));
        assert_eq!((&body["recipient"], &body["reference"]), (&json!("RCP_1"), &json!(ORDER.reference)));
        let request = paystack().find_transfer(ORDER.reference).unwrap();
        assert_eq!(request.url.path(), format!("/transfer/verify/{}", ORDER.reference));
        let seen =
            read_transferred(&ORDER, &data(r#""status":"pending","transfer_code":"TRF_1","recipient":28"#)).unwrap();
        assert_eq!((seen.code.as_deref(), seen.status), (Some("TRF_1"), ObservedTransfer::Pending));
    }

    #[test]
    fn a_transfer_is_over_only_when_its_status_says_so() {
        let status = |word: &str| {
            let found =
                data(&format!(r#""status":"{word}","fee_charged":1000,"recipient":{{"recipient_code":"RCP_1"}}"#));
            read_found_transfer(&ORDER, &found)
        };
        assert_eq!(status("success").unwrap().fee_minor, Some(1_000));
        assert_eq!(status("success").unwrap().status, ObservedTransfer::Sent);
        assert_eq!(status("otp").unwrap().status, ObservedTransfer::OneTimePassword);
        assert_eq!(status("received").unwrap().status, ObservedTransfer::Pending);
        for over in ["failed", "abandoned", "blocked", "rejected"] {
            assert!(matches!(status(over).unwrap().status, ObservedTransfer::Failed(_)), "{over}");
        }
        assert!(matches!(status("reversed").unwrap().status, ObservedTransfer::Reversed(_)));
        assert!(matches!(status("odd"), Err(GatewayError::Unreadable(_))));
    }

    #[test]
    fn nothing_is_called_unknown_that_may_have_been_sent() {
        let found = |response: Response| read_found_transfer(&ORDER, &response);
        assert_eq!(found(refused(404, "Transfer not found", "unknown")), Ok(TransferObservation::unknown()));
        assert_eq!(found(refused(400, "Transfer not found", "transfer_not_found")), Ok(TransferObservation::unknown()));
        for other in [
            refused(400, "An error occurred", "unknown"),
            refused(401, "Invalid key", "invalid_Key"),
            refused(500, "An error occurred", "unknown"),
            answer(404, "<html>not here</html>"),
            data(r#""status":"success","amount":1"#),
        ] {
            assert!(found(other.clone()).is_err(), "{other:?}");
        }
    }

    #[test]
    fn a_used_reference_means_that_the_transfer_is_there_and_an_empty_balance_does_not() {
        let error = |response| read_transferred(&ORDER, &response).unwrap_err();
        let used = refused(400, "Please provide a unique reference. Reference already exists on a transfer", "unknown");
        assert_eq!(error(used), GatewayError::DuplicateReference);
        assert_eq!(error(refused(400, "x", "duplicate_reference")), GatewayError::DuplicateReference);
        let words = "Your balance is not enough to fulfil this request";
        assert_eq!(error(refused(400, words, "insufficient_balance")), GatewayError::Refused(words.to_owned()));
        let of_another = r#"{"status":true,"message":"ok","data":{"amount":995000,"currency":"NGN","reference":"po-2","status":"success"}}"#;
        assert!(matches!(error(answer(200, of_another)), GatewayError::Unreadable(_)));
        let of_less = of_another.replace("po-2", ORDER.reference).replace("995000", "1");
        assert!(matches!(error(answer(200, &of_less)), GatewayError::Unreadable(_)));
    }
}
