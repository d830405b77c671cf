//! The knobs: make a payment succeed, fail or stall, with or without faults, and ask what the gateway believes.
//!
//! Only for laptops and tests: a real gateway has no such interface. A shop must never call it.

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::routing::get;
use domain::money::{Currency, Money};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::App;
use crate::payments::{Command, Payment};
use crate::problem::Problem;
use crate::webhook::{COPIES_MAX, DELAY_MS_MAX, Faults, Record};

const LISTED_BY_DEFAULT: usize = 1_000;

/// The routes below `/control`, without the inbox's.
pub fn routes() -> Router<App> {
    Router::new().route("/control/payments", get(list)).route("/control/payments/{reference}", get(show).post(drive))
}

/// What a person or a test wants to happen to a payment.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// `pay`, `decline` or `abandon`.
    pub action: String,
    /// Minor units captured instead of what was requested; only with `pay`.
    pub amount: Option<i64>,
    /// Currency captured instead of the one requested; only with `pay`.
    pub currency: Option<String>,
    /// How the notice to the shop misbehaves.
    #[serde(default)]
    pub webhook: Faults,
}

/// What the gateway believes of a payment.
#[derive(Debug, Serialize)]
pub struct Belief {
    reference: String,
    id: i64,
    status: &'static str,
    amount: i64,
    currency: Currency,
    requested_amount: i64,
    requested_currency: Currency,
    email: String,
    callback_url: Option<String>,
    access_code: String,
    authorization_url: String,
    created_at: String,
    paid_at: Option<String>,
    refunded_amount: i64,
    refunds: Vec<Value>,
    webhooks: Vec<Record>,
}

impl Belief {
    /// The belief about `payment`, with what was sent about it.
    pub fn of(app: &App, payment: &Payment) -> Self {
        let request = &payment.request;
        let money = payment.capture.map_or(request.requested, |capture| capture.money);
        let refunds = payment.refunds.iter().map(|refund| {
            let status = if refund.processed_at.is_some() { "processed" } else { "pending" };
            json!({"id": refund.id, "amount": refund.money.amount_minor, "currency": refund.money.currency, "status": status})
        });
        Self {
            reference: request.reference.clone(),
            id: request.id,
            status: payment.status.as_str(),
            amount: money.amount_minor,
            currency: money.currency,
            requested_amount: request.requested.amount_minor,
            requested_currency: request.requested.currency,
            email: request.email.clone(),
            callback_url: request.callback_url.clone(),
            access_code: request.access_code.clone(),
            authorization_url: format!("{}/paystack/pay/{}", app.settings().public_url, request.access_code),
            created_at: payment.created_at.rfc3339(),
            paid_at: payment.capture.map(|capture| capture.at.rfc3339()),
            refunded_amount: payment.refunds.iter().map(|refund| refund.money.amount_minor).sum(),
            refunds: refunds.collect(),
            webhooks: app.deliveries().records(&request.reference),
        }
    }
}

impl Wish {
    /// The command that the wish means for `payment`.
    fn command(&self, payment: &Payment) -> Result<Command, Problem> {
        let Faults { copies, delay_ms, .. } = self.webhook;
        if !(1..=COPIES_MAX).contains(&copies) || delay_ms > DELAY_MS_MAX {
            let detail =
                format!("copies must be 1 to {COPIES_MAX} (to send none, drop) and delay_ms at most {DELAY_MS_MAX}");
            return Err(Problem::bad_request("invalid_webhook", detail));
        }
        let overridden = self.amount.is_some() || self.currency.is_some();
        match self.action.as_str() {
            "pay" => Ok(Command::Pay { captured: overridden.then(|| self.captured(payment)).transpose()? }),
            "decline" | "abandon" if overridden => {
                Err(Problem::bad_request("amount_without_payment", "amount and currency go with the action pay only"))
            }
            "decline" => Ok(Command::Decline),
            "abandon" => Ok(Command::Abandon),
            other => {
                let detail = format!("{other:?} is no action: use pay, decline or abandon");
                Err(Problem::bad_request("unknown_action", detail))
            }
        }
    }

    fn captured(&self, payment: &Payment) -> Result<Money, Problem> {
        let requested = payment.request.requested;
        let amount_minor = self.amount.unwrap_or(requested.amount_minor);
        if !(1..=Money::AMOUNT_MINOR_MAX).contains(&amount_minor) {
            let detail = format!("amount is in minor units, 1 to {}", Money::AMOUNT_MINOR_MAX);
            return Err(Problem::bad_request("invalid_amount", detail));
        }
        let currency = match self.currency.as_deref() {
            None => requested.currency,
            Some(code) => code.parse().map_err(|error: domain::money::InvalidMoney| {
                Problem::bad_request("unknown_currency", error.to_string())
            })?,
        };
        Ok(Money { amount_minor, currency })
    }
}

impl App {
    /// Does to a payment what `wish` says, and queues the notice about it. Answers the payment as it is then.
    ///
    /// A repeated `pay` sends its notice again. A `decline` after a success changes nothing, but its `charge.failed`
    /// goes out all the same: that is how a stale failure after a success is made.
    pub fn grant(&self, reference: &str, wish: &Wish) -> Result<Payment, Problem> {
        let command = wish.command(&self.payment(reference)?)?;
        let room = self.deliveries().reserve(wish.webhook)?;
        let now = self.now();
        let payment = self.with_book(|book| book.execute(reference, &command, now))?;
        tracing::info!(reference, action = wish.action, status = payment.status.as_str(), "payment driven");
        if let Some((event, data)) = crate::paystack::notice(&command, &payment) {
            room.send(reference, event, &data);
        }
        Ok(payment)
    }
}

async fn drive(
    State(app): State<App>,
    Path(reference): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Belief>, Problem> {
    let wish: Wish = read(body)?;
    let payment = app.grant(&reference, &wish)?;
    Ok(Json(Belief::of(&app, &payment)))
}

async fn show(State(app): State<App>, Path(reference): Path<String>) -> Result<Json<Belief>, Problem> {
    Ok(Json(Belief::of(&app, &app.payment(&reference)?)))
}

#[derive(Debug, Deserialize)]
struct Listing {
    limit: Option<usize>,
}

async fn list(State(app): State<App>, listing: Result<Query<Listing>, QueryRejection>) -> Result<Json<Value>, Problem> {
    let Query(listing) = listing.map_err(|error| Problem::bad_request("invalid_query", error.body_text()))?;
    let limit = listing.limit.unwrap_or(LISTED_BY_DEFAULT);
    let (total, payments) = app.with_book(|book| {
        let payments: Vec<Payment> = book.newest_first().take(limit).cloned().collect();
        (book.len(), payments)
    });
    let payments: Vec<Belief> = payments.iter().map(|payment| Belief::of(&app, payment)).collect();
    Ok(Json(json!({"total": total, "payments": payments})))
}

/// A JSON body, or a problem that says what is wrong with it.
pub fn read<T: for<'de> Deserialize<'de>>(body: Result<Bytes, BytesRejection>) -> Result<T, Problem> {
    let body = body.map_err(|refused| Problem {
        status: refused.status(),
        code: "unreadable_body",
        detail: refused.body_text(),
    })?;
    serde_json::from_slice(&body).map_err(|error| {
        let code = if error.is_data() { "invalid_body" } else { "invalid_json" };
        Problem::bad_request(code, error.to_string())
    })
}
