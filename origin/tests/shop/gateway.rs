//! A Paystack to test against: real shapes, and faults on demand. Beside it the part of a Flutterwave (v3) through which one pays, with the
//! same book.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, body::Bytes};
use domain::signature::paystack as signature;
use serde_json::{Value, json};

pub(crate) const SECRET: &str = "sk_test_of_the_test_shop";

/// One transaction, as the gateway believes it.
#[derive(Debug, Clone)]
pub(crate) struct Transaction {
    pub(crate) id: i64,
    pub(crate) status: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
}

/// A refund, as the gateway believes it.
#[derive(Debug, Clone)]
pub(crate) struct Refund {
    pub(crate) transaction: i64,
    pub(crate) amount: i64,
    /// The shop's name for it.
    pub(crate) note: String,
    pub(crate) status: String,
}

/// A transfer, as the gateway believes it.
#[derive(Debug, Clone)]
pub(crate) struct Transfer {
    pub(crate) amount: i64,
    pub(crate) recipient: String,
    pub(crate) status: String,
}

#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) transactions: BTreeMap<String, Transaction>,
    /// How many of the next calls to initialise answer 500 without doing anything.
    pub(crate) refuse_initialise: u32,
    /// How many of the next calls to initialise do it, and then lose the answer.
    pub(crate) lose_initialise: u32,
    /// Whether verify answers 500.
    pub(crate) verify_down: bool,
    /// A transaction about which verify answers 500.
    pub(crate) mute: Option<String>,
    pub(crate) refunds: Vec<Refund>,
    /// Disputes: the transaction's reference, and where it stands.
    pub(crate) disputes: BTreeMap<String, (String, Value)>,
    /// What the gateway keeps of each payment.
    pub(crate) fees: Option<i64>,
    /// How many of the next refunds are made, and their answers lost.
    pub(crate) lose_refund: u32,
    /// How many of the next calls to refund answer 500 without doing anything.
    pub(crate) refuse_refund: u32,
    /// Where new refunds stand; `processed` unless it says otherwise.
    pub(crate) refund_status: Option<&'static str>,
    /// Transfers to sellers, by the shop's name for them.
    pub(crate) transfers: BTreeMap<String, Transfer>,
    /// How many of the next transfers are made, and their answers lost.
    pub(crate) lose_transfer: u32,
    /// Why transfers are refused, while they are.
    pub(crate) refuse_transfer: Option<&'static str>,
    /// Where new transfers stand; `success` unless it says otherwise.
    pub(crate) transfer_status: Option<&'static str>,
    /// Whether transfers that were made are not listed yet.
    pub(crate) hide_transfers: bool,
    /// How often somebody asked for a transfer.
    pub(crate) transfers_asked: u32,
    pub(crate) initialise_delay: Duration,
    pub(crate) initialised: u32,
    pub(crate) verified: u32,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Paystack(Arc<Mutex<Book>>);

impl Paystack {
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Book) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/paystack/transaction/initialize", post(initialise))
            .route("/paystack/transaction/verify/{reference}", get(verify))
            .route("/paystack/dispute/{id}", get(dispute))
            .route("/paystack/refund", post(refund).get(list_refunds))
            .route("/paystack/transferrecipient", post(recipient))
            .route("/paystack/transfer", post(transfer))
            .route("/paystack/transfer/verify/{reference}", get(verify_transfer))
            .route("/flutterwave/payments", post(flutterwave_initialise))
            .route("/flutterwave/transactions/verify_by_reference", get(flutterwave_verify))
            .route("/flutterwave/transactions", get(flutterwave_list))
            .with_state(self.clone())
    }

    /// A transaction that was begun before this world was, and paid.
    pub(crate) fn add(&self, reference: &str, amount: i64) {
        let (status, currency) = ("success".to_owned(), "NGN".to_owned());
        let transaction = Transaction { id: 77, status, amount, currency };
        self.with(|book| book.transactions.insert(reference.to_owned(), transaction));
    }

    /// The payer pays what was asked for.
    pub(crate) fn pay(&self, reference: &str) {
        self.set(reference, |transaction| transaction.status = "success".to_owned());
    }

    pub(crate) fn set(&self, reference: &str, change: impl FnOnce(&mut Transaction)) {
        self.with(|book| change(book.transactions.get_mut(reference).unwrap()));
    }

    /// What went back of a transaction, or is on its way.
    pub(crate) fn refunded(&self, reference: &str) -> Vec<i64> {
        self.with(|book| {
            let id = book.transactions[reference].id;
            book.refunds.iter().filter(|refund| refund.transaction == id).map(|refund| refund.amount).collect()
        })
    }

    /// A webhook about a dispute, with its signature.
    pub(crate) fn dispute_notice(&self, id: &str, event: &str) -> (String, String) {
        let reference = self.with(|book| book.disputes[id].0.clone());
        let body =
            json!({"event": event, "data": {"id": id, "status": "whatever", "transaction": {"reference": reference}}});
        let body = body.to_string();
        let signature = signature::sign(SECRET, body.as_bytes());
        (body, signature)
    }

    /// A webhook about a transaction's refunds, with its signature.
    pub(crate) fn refund_notice(reference: &str, event: &str) -> (String, String) {
        let body =
            json!({"event": event, "data": {"id": "77", "status": "whatever", "transaction_reference": reference}});
        let body = body.to_string();
        let signature = signature::sign(SECRET, body.as_bytes());
        (body, signature)
    }

    /// A webhook about a transfer, with its signature.
    pub(crate) fn transfer_notice(reference: &str, event: &str) -> (String, String) {
        let body = json!({"event": event, "data": {"id": 9, "reference": reference, "status": "whatever"}}).to_string();
        let signature = signature::sign(SECRET, body.as_bytes());
        (body, signature)
    }

    /// A webhook about the transaction as it is, with its signature.
    pub(crate) fn notice(&self, event: &str, reference: &str) -> (String, String) {
        let transaction = self.with(|book| book.transactions.get(reference).cloned());
        let transaction = transaction.unwrap_or(Transaction {
            id: 9,
            status: "success".to_owned(),
            amount: 1,
            currency: "NGN".to_owned(),
        });
        let mut data = data(reference, &transaction, None);
        if event == "charge.failed" {
            data["status"] = json!("failed");
        }
        let body = json!({"event": event, "data": data}).to_string();
        let signature = signature::sign(SECRET, body.as_bytes());
        (body, signature)
    }
}

fn data(reference: &str, transaction: &Transaction, fees: Option<i64>) -> Value {
    json!({
        "id": transaction.id,
        "domain": "test",
        "status": transaction.status,
        "reference": reference,
        "amount": transaction.amount,
        "currency": transaction.currency,
        "gateway_response": "whatever",
        "fees": fees,
        "customer": {"email": "ada@example.com"},
    })
}

fn refusal(status: StatusCode, code: &str) -> Response {
    (status, Json(json!({"status": false, "message": "no", "code": code}))).into_response()
}

/// Goes on although the caller may have hung up, as gateways do.
async fn initialise(State(paystack): State<Paystack>, body: Bytes) -> Response {
    let delay = paystack.with(|book| book.initialise_delay);
    let made = tokio::spawn(async move {
        tokio::time::sleep(delay).await;
        make(&paystack, &body)
    });
    made.await.unwrap()
}

fn make(paystack: &Paystack, body: &Bytes) -> Response {
    let body: Value = serde_json::from_slice(body).unwrap();
    let reference = body["reference"].as_str().unwrap().to_owned();
    paystack.with(|book| {
        book.initialised += 1;
        if book.refuse_initialise > 0 {
            book.refuse_initialise -= 1;
            return refusal(StatusCode::INTERNAL_SERVER_ERROR, "unknown");
        }
        if book.transactions.contains_key(&reference) {
            return refusal(StatusCode::BAD_REQUEST, "duplicate_reference");
        }
        let id = 1_000 + i64::try_from(book.transactions.len()).unwrap();
        let transaction = Transaction {
            id,
            status: "abandoned".to_owned(),
            amount: body["amount"].as_str().unwrap().parse().unwrap(),
            currency: body["currency"].as_str().unwrap().to_owned(),
        };
        book.transactions.insert(reference.clone(), transaction);
        if book.lose_initialise > 0 {
            book.lose_initialise -= 1;
            return refusal(StatusCode::BAD_GATEWAY, "unknown");
        }
        let url = format!("https://checkout.example/{reference}");
        let data = json!({"authorization_url": url, "access_code": "x", "reference": reference});
        Json(json!({"status": true, "message": "Authorization URL created", "data": data})).into_response()
    })
}

async fn flutterwave_initialise(State(paystack): State<Paystack>, Json(body): Json<Value>) -> Response {
    paystack.with(|book| {
        book.initialised += 1;
        let reference = body["tx_ref"].as_str().unwrap().to_owned();
        let id = 1_000 + i64::try_from(book.transactions.len()).unwrap();
        let naira: f64 = body["amount"].to_string().trim_matches('"').parse().unwrap();
        #[expect(clippy::cast_possible_truncation, reason = "a test's small amounts")]
        let amount = (naira * 100.0).round() as i64;
        let currency = body["currency"].as_str().unwrap().to_owned();
        let link = format!("https://flutterwave.example/{reference}");
        book.transactions.insert(reference, Transaction { id, status: "abandoned".to_owned(), amount, currency });
        Json(json!({"status": "success", "message": "Hosted Link", "data": {"link": link}})).into_response()
    })
}

/// Flutterwave knows nothing of a page on which nobody has tried to pay.
fn flutterwave_data(book: &Book, reference: &str) -> Option<Value> {
    let transaction = book.transactions.get(reference).filter(|transaction| transaction.status == "success")?;
    let naira = Value::Number(format!("{}.{:02}", transaction.amount / 100, transaction.amount % 100).parse().unwrap());
    Some(json!({
        "id": transaction.id, "tx_ref": reference, "status": "successful", "currency": transaction.currency,
        "amount": naira, "charged_amount": naira, "app_fee": 0,
    }))
}

async fn flutterwave_verify(State(paystack): State<Paystack>, Query(of): Query<BTreeMap<String, String>>) -> Response {
    match paystack.with(|book| flutterwave_data(book, &of["tx_ref"])) {
        Some(data) => Json(json!({"status": "success", "message": "Fetched", "data": data})).into_response(),
        None => {
            let body = json!({"status": "error", "message": "No transaction was found for this id", "data": null});
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    }
}

async fn flutterwave_list(State(paystack): State<Paystack>, Query(of): Query<BTreeMap<String, String>>) -> Response {
    let data: Vec<Value> = paystack.with(|book| flutterwave_data(book, &of["tx_ref"])).into_iter().collect();
    Json(json!({"status": "success", "message": "Fetched", "data": data})).into_response()
}

async fn verify(State(paystack): State<Paystack>, Path(reference): Path<String>) -> Response {
    paystack.with(|book| {
        book.verified += 1;
        if book.verify_down || book.mute.as_ref() == Some(&reference) {
            return refusal(StatusCode::INTERNAL_SERVER_ERROR, "unknown");
        }
        match book.transactions.get(&reference) {
            None => refusal(StatusCode::BAD_REQUEST, "transaction_not_found"),
            Some(transaction) => {
                let data = data(&reference, transaction, book.fees);
                Json(json!({"status": true, "message": "Verification successful", "data": data})).into_response()
            }
        }
    })
}

async fn refund(State(paystack): State<Paystack>, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let id: i64 = body["transaction"].as_str().unwrap().parse().unwrap();
    let amount = body["amount"].as_i64().unwrap();
    paystack.with(|book| {
        if book.refuse_refund > 0 {
            book.refuse_refund -= 1;
            return refusal(StatusCode::INTERNAL_SERVER_ERROR, "unknown");
        }
        let transaction = book.transactions.values().find(|it| it.id == id).unwrap();
        let before: i64 =
            book.refunds.iter().filter(|it| it.transaction == id && it.status != "failed").map(|it| it.amount).sum();
        assert!(before + amount <= transaction.amount, "more goes back than came");
        let status = book.refund_status.unwrap_or("processed").to_owned();
        let note = body["merchant_note"].as_str().unwrap().to_owned();
        book.refunds.push(Refund { transaction: id, amount, note, status });
        if book.lose_refund > 0 {
            book.lose_refund -= 1;
            return refusal(StatusCode::BAD_GATEWAY, "unknown");
        }
        let data = refund_data(book.refunds.len(), book.refunds.last().unwrap());
        Json(json!({"status": true, "message": "Refund has been queued for processing", "data": data})).into_response()
    })
}

fn refund_data(id: usize, refund: &Refund) -> Value {
    json!({
        "id": id,
        "transaction": refund.transaction,
        "amount": refund.amount,
        "currency": "NGN",
        "merchant_note": refund.note,
        "status": refund.status,
    })
}

async fn list_refunds(State(paystack): State<Paystack>, Query(of): Query<BTreeMap<String, String>>) -> Response {
    let id: i64 = of["transaction"].parse().unwrap();
    paystack.with(|book| {
        let its = book.refunds.iter().enumerate().filter(|(_, refund)| refund.transaction == id);
        let data: Vec<Value> = its.map(|(index, refund)| refund_data(index + 1, refund)).collect();
        Json(json!({"status": true, "message": "Refunds retrieved", "data": data, "meta": {"pageCount": 1}}))
            .into_response()
    })
}

async fn dispute(State(paystack): State<Paystack>, Path(id): Path<String>) -> Response {
    paystack.with(|book| {
        let (reference, stands) = &book.disputes[&id];
        let mut data = stands.clone();
        (data["id"], data["transaction"]) = (json!(id), json!({"reference": reference}));
        Json(json!({"status": true, "message": "Dispute retrieved", "data": data})).into_response()
    })
}

/// The same account is the same recipient.
async fn recipient(Json(body): Json<Value>) -> Response {
    let code = format!("RCP_{}_{}", body["bank_code"].as_str().unwrap(), body["account_number"].as_str().unwrap());
    let data = json!({"recipient_code": code, "type": body["type"], "details": {"bank_code": body["bank_code"]}});
    let made = json!({"status": true, "message": "Transfer recipient created successfully", "data": data});
    (StatusCode::CREATED, Json(made)).into_response()
}

async fn transfer(State(paystack): State<Paystack>, Json(body): Json<Value>) -> Response {
    paystack.with(|book| {
        book.transfers_asked += 1;
        if let Some(message) = book.refuse_transfer {
            let refused = json!({"status": false, "message": message, "code": "insufficient_balance"});
            return (StatusCode::BAD_REQUEST, Json(refused)).into_response();
        }
        let reference = body["reference"].as_str().unwrap().to_owned();
        assert!((16..=50).contains(&reference.len()) && reference == reference.to_lowercase(), "{reference}");
        if book.transfers.contains_key(&reference) {
            return refusal(StatusCode::BAD_REQUEST, "duplicate_reference");
        }
        let made = Transfer {
            amount: body["amount"].as_i64().unwrap(),
            recipient: body["recipient"].as_str().unwrap().to_owned(),
            status: book.transfer_status.unwrap_or("success").to_owned(),
        };
        let data = transfer_data(&reference, &made);
        book.transfers.insert(reference, made);
        if book.lose_transfer > 0 {
            book.lose_transfer -= 1;
            return refusal(StatusCode::BAD_GATEWAY, "unknown");
        }
        Json(json!({"status": true, "message": "Transfer has been queued", "data": data})).into_response()
    })
}

fn transfer_data(reference: &str, transfer: &Transfer) -> Value {
    json!({
        "reference": reference,
        "amount": transfer.amount,
        "currency": "NGN",
        "status": transfer.status,
        "transfer_code": "TRF_1",
        "recipient": 28,
        "fee_charged": 1_000,
    })
}

async fn verify_transfer(State(paystack): State<Paystack>, Path(reference): Path<String>) -> Response {
    paystack.with(|book| match book.transfers.get(&reference).filter(|_| !book.hide_transfers) {
        None => refusal(StatusCode::NOT_FOUND, "transfer_not_found"),
        Some(transfer) => {
            let data = transfer_data(&reference, transfer);
            Json(json!({"status": true, "message": "Transfer retrieved", "data": data})).into_response()
        }
    })
}
