//! Transfers at Paystack (paystack.com/docs/api/transfer, /docs/api/transfer-recipient): the same account is the same recipient, and a
//! reference is taken once.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{read, read_money, shape};
use crate::App;
use crate::times::stamp;
use crate::transfers::{Recipient, Standing, Transfer, TransferMode};

const KINDS: [(&str, &str); 3] = [("nuban", "NGN"), ("ghipss", "GHS"), ("basa", "ZAR")];

#[derive(Debug, Deserialize)]
pub(super) struct RecipientBody {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    account_number: Option<String>,
    bank_code: Option<String>,
    currency: Option<String>,
}

pub(super) async fn create_recipient(
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let body: RecipientBody = read(body)?;
    let wanted = |field: Option<String>, message: &str| {
        field.filter(|text| !text.is_empty()).ok_or_else(|| Refusal::params(message))
    };
    let kind = wanted(body.kind, "Recipient type is required")?;
    let known = KINDS.into_iter().find(|(name, _)| *name == kind);
    let (_, currency) = known.ok_or_else(|| Refusal::params("Invalid recipient type specified"))?;
    if body.currency.is_some_and(|given| given != currency) {
        return Err(Refusal::params(format!("Currency must be {currency} for this recipient type")));
    }
    let account_number = wanted(body.account_number, "Account number is required")?;
    let is_digits = account_number.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits || kind == "nuban" && account_number.len() != 10 {
        return Err(Refusal::invalid(
            "invalid_account_number",
            "Account number is invalid",
            "Ensure that you're passing the correct account number and bank code",
        ));
    }
    let bank_code = wanted(body.bank_code, "Bank code is required")?;
    let name = wanted(body.name, "Name is required")?;
    let now = app.now();
    let recipient = app.with_book(|book| {
        if let Some(known) = book.recipient_of(&bank_code, &account_number) {
            return Ok(known.clone());
        }
        let id = book.next_id(now);
        let (code, currency) = (format!("RCP_{id}"), currency.to_owned());
        let recipient = Recipient { code, id, kind, name, bank_code, account_number, currency };
        book.add_recipient(recipient.clone(), now).map(|()| recipient)
    })?;
    let answer = json!({
        "status": true,
        "message": "Transfer recipient created successfully",
        "data": recipient_shape(&recipient),
    });
    Ok((StatusCode::CREATED, Json(answer)))
}

fn recipient_shape(recipient: &Recipient) -> Value {
    json!({
        "active": true,
        "currency": recipient.currency,
        "domain": "test",
        "id": recipient.id,
        "integration": shape::INTEGRATION,
        "name": recipient.name,
        "recipient_code": recipient.code,
        "type": recipient.kind,
        "is_deleted": false,
        "details": {
            "authorization_code": null,
            "account_number": recipient.account_number,
            "account_name": recipient.name,
            "bank_code": recipient.bank_code,
            "bank_name": "Sandbox Bank",
        },
    })
}

#[derive(Debug, Deserialize)]
pub(super) struct TransferBody {
    source: Option<String>,
    amount: Option<Value>,
    currency: Option<String>,
    recipient: Option<String>,
    reference: Option<String>,
    reason: Option<String>,
}

pub(super) async fn create(
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let body: TransferBody = read(body)?;
    if body.source.as_deref() != Some("balance") {
        return Err(Refusal::params("Source must be balance"));
    }
    let money = read_money(body.amount.as_ref(), body.currency.as_deref())?;
    let reference = check_reference(body.reference)?;
    let now = app.now();
    let (transfer, mode) = app.with_book(|book| {
        let recipient = body.recipient.as_deref().and_then(|code| book.recipient(code)).cloned();
        let recipient = recipient.ok_or_else(|| {
            Refusal::invalid("invalid_recipient", "Recipient specified is invalid", "Create the recipient first")
        })?;
        if book.transfer(&reference).is_some() {
            return Err(Refusal::invalid(
                "duplicate_reference",
                "Please provide a unique reference. Reference already exists on a transfer",
                "Create a new reference for the new transfer, or verify the one that there is",
            ));
        }
        let mode = book.transfer_mode;
        let standing = match mode {
            TransferMode::Refuse => {
                return Err(Refusal::invalid(
                    "insufficient_balance",
                    "Your balance is not enough to fulfil this request",
                    "Top up your balance and try again",
                ));
            }
            TransferMode::Otp => Standing::Otp,
            TransferMode::Process | TransferMode::Fail | TransferMode::Stall => Standing::Pending,
        };
        let (id, reason) = (book.next_id(now), body.reason.unwrap_or_default());
        let recipient = recipient.code;
        let transfer = Transfer { id, reference, money, recipient, reason, standing, created_at: now, changed_at: now };
        book.put_transfer(transfer.clone(), now)?;
        Ok((transfer, mode))
    })?;
    app.carry_transfer(&transfer, mode);
    tracing::info!(reference = transfer.reference, amount = %money, "transfer asked for");
    let message = match transfer.standing {
        Standing::Otp => "Transfer requires OTP to continue",
        Standing::Pending | Standing::Success | Standing::Failed | Standing::Reversed | Standing::Abandoned => {
            "Transfer has been queued"
        }
    };
    Ok(Json(json!({"status": true, "message": message, "data": data(&transfer)})))
}

pub(super) async fn verify(State(app): State<App>, Path(reference): Path<String>) -> Result<Json<Value>, Refusal> {
    let found = app.with_book(|book| book.transfer(&reference).cloned());
    let transfer = found.ok_or_else(|| Refusal {
        status: StatusCode::NOT_FOUND,
        message: "Transfer not found".to_owned(),
        code: "transfer_not_found",
        next_step: "Ensure that you're passing the reference of a transfer that exists on this integration",
    })?;
    Ok(Json(json!({"status": true, "message": "Transfer retrieved", "data": data(&transfer)})))
}

/// Paystack's rule: 16 to 50 small letters, digits, `-` and `_`.
fn check_reference(reference: Option<String>) -> Result<String, Refusal> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    reference.filter(|text| (16..=50).contains(&text.len()) && text.bytes().all(allowed)).ok_or_else(|| {
        Refusal::invalid(
            "invalid_reference",
            "Invalid transfer reference: 16 to 50 lowercase letters, digits, - and _ are allowed",
            "Ensure that your reference is made of those",
        )
    })
}

/// `data` of the transfer endpoints and of `transfer.*`.
fn data(transfer: &Transfer) -> Value {
    let is_sent = matches!(transfer.standing, Standing::Success | Standing::Reversed);
    json!({
        "id": transfer.id,
        "integration": shape::INTEGRATION,
        "domain": "test",
        "amount": transfer.money.amount_minor,
        "currency": transfer.money.currency.code(),
        "source": "balance",
        "source_details": null,
        "reason": transfer.reason,
        "reference": transfer.reference,
        "recipient": {"recipient_code": transfer.recipient},
        "status": transfer.standing.as_str(),
        "transfer_code": format!("TRF_{}", transfer.id),
        "fee_charged": if is_sent { json!(FEE_MINOR) } else { Value::Null },
        "gateway_response": null,
        "failures": null,
        "titan_code": null,
        "transferred_at": is_sent.then(|| stamp(transfer.changed_at)),
        "createdAt": stamp(transfer.created_at),
        "updatedAt": stamp(transfer.changed_at),
    })
}

/// What the sandbox keeps for a transfer that was sent: ₦10, as Paystack does for small ones.
const FEE_MINOR: i64 = 1_000;

/// The event that tells where a transfer stands, if one does, with its data.
pub(super) fn event(transfer: &Transfer) -> Option<(&'static str, Value)> {
    let event = match transfer.standing {
        Standing::Success => "transfer.success",
        Standing::Failed | Standing::Abandoned => "transfer.failed",
        Standing::Reversed => "transfer.reversed",
        Standing::Pending | Standing::Otp => return None,
    };
    Some((event, data(transfer)))
}
