//! What a person or a test wants to happen to a payment, and how it is brought about.

use domain::money::{InvalidMoney, Money};
use serde::Deserialize;

use crate::App;
use crate::gateways::Gateway;
use crate::notices::{Happening, about};
use crate::payments::{Command, DisputeOutcome, Payment, RefundMode};
use crate::problem::Problem;
use crate::webhook::{COPIES_MAX, DELAY_MS_MAX, Faults};

/// What a person or a test wants to happen to a payment.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// `pay`, `decline`, `abandon`, `dispute`, `resolve`, `refunds`, or, at Monnify, `reject`.
    pub action: String,
    /// Minor units captured instead of what was requested, or sent and rejected; only with `pay` and `reject`.
    pub amount: Option<i64>,
    /// Currency captured instead of the one requested; only with `pay`.
    pub currency: Option<String>,
    /// For whom the bank decides; only with `resolve`.
    pub outcome: Option<DisputeOutcome>,
    /// What becomes of refunds from now on, with every action; `refunds` does nothing else.
    pub refunds: Option<RefundMode>,
    /// How the notice to the shop misbehaves.
    #[serde(default)]
    pub webhook: Faults,
}

/// What a wish means.
enum Act {
    /// A command to the payment.
    Do(Command),
    /// A dispute, whose number is still to be made.
    Dispute,
    /// Money that comes in and goes back: nothing changes, but the shop hears of it.
    Reject(Money),
    /// Nothing but the refund mode.
    Nothing,
}

impl Wish {
    fn act(&self, payment: &Payment) -> Result<Act, Problem> {
        let Faults { copies, delay_ms, .. } = self.webhook;
        if !(1..=COPIES_MAX).contains(&copies) || delay_ms > DELAY_MS_MAX {
            let detail =
                format!("copies must be 1 to {COPIES_MAX} (to send none, drop) and delay_ms at most {DELAY_MS_MAX}");
            return Err(Problem::bad_request("invalid_webhook", detail));
        }
        let overridden = self.amount.is_some() || self.currency.is_some();
        if overridden && !matches!(self.action.as_str(), "pay" | "reject") {
            let detail = "amount and currency go with the actions pay and reject only";
            return Err(Problem::bad_request("amount_without_payment", detail));
        }
        if self.outcome.is_some() != (self.action == "resolve") {
            let detail = "outcome, won or lost, goes with the action resolve, and only with it";
            return Err(Problem::bad_request("invalid_outcome", detail));
        }
        match self.action.as_str() {
            "pay" => {
                let captured = overridden.then(|| self.money(payment)).transpose()?;
                Ok(Act::Do(Command::Pay { captured }))
            }
            "decline" => Ok(Act::Do(Command::Decline)),
            "abandon" => Ok(Act::Do(Command::Abandon)),
            "dispute" => Ok(Act::Dispute),
            "resolve" => Ok(self.outcome.map_or(Act::Nothing, |outcome| Act::Do(Command::CloseDispute(outcome)))),
            "reject" => self.rejected(payment),
            "refunds" if self.refunds.is_some() => Ok(Act::Nothing),
            "refunds" => Err(Problem::bad_request("missing_refunds", "say in refunds what becomes of them")),
            other => {
                let detail =
                    format!("{other:?} is no action: use pay, decline, abandon, dispute, resolve, refunds or reject");
                Err(Problem::bad_request("unknown_action", detail))
            }
        }
    }

    fn rejected(&self, payment: &Payment) -> Result<Act, Problem> {
        if payment.request.gateway != Gateway::Monnify {
            return Err(Problem::bad_request(
                "not_at_this_gateway",
                "only Monnify rejects what is not the right amount",
            ));
        }
        if self.amount.is_none() || payment.capture.is_some() {
            let detail = "reject needs an amount that came in, and a payment that is not paid";
            return Err(Problem::bad_request("invalid_rejection", detail));
        }
        Ok(Act::Reject(self.money(payment)?))
    }

    fn money(&self, payment: &Payment) -> Result<Money, Problem> {
        let requested = payment.request.requested;
        let amount_minor = self.amount.unwrap_or(requested.amount_minor);
        if !(1..=Money::AMOUNT_MINOR_MAX).contains(&amount_minor) {
            let detail = format!("amount is in minor units, 1 to {}", Money::AMOUNT_MINOR_MAX);
            return Err(Problem::bad_request("invalid_amount", detail));
        }
        let unknown = |error: InvalidMoney| Problem::bad_request("unknown_currency", error.to_string());
        let currency = self.currency.as_deref().map(str::parse).transpose().map_err(unknown)?;
        Ok(Money { amount_minor, currency: currency.unwrap_or(requested.currency) })
    }
}

impl App {
    /// Does to a payment what `wish` says, and queues the notices about it. Answers the payment as it is then.
    ///
    /// A repeated `pay` sends its notice again. A `decline` after a success changes nothing, but the notice of a failure goes
    /// out all the same: that is how a stale failure after a success is made.
    pub fn grant(&self, name: &str, wish: &Wish) -> Result<Payment, Problem> {
        let before = self.payment_anywhere(name)?;
        let (id, act) = (before.request.id, wish.act(&before)?);
        let room = self.deliveries().reserve(wish.webhook)?;
        let now = self.now();
        let (payment, happening) = self.with_book(|book| {
            let (command, rejected) = match act {
                Act::Do(command) => (Some(command), None),
                Act::Dispute => (Some(Command::Dispute { id: book.next_id(now) }), None),
                Act::Reject(money) => (None, Some(Happening::Rejected(money))),
                Act::Nothing => (None, None),
            };
            let mut payment = before;
            if let Some(command) = &command {
                payment = book.execute(id, command, now)?;
            }
            let happening = command.and_then(|command| Happening::after(&command, &payment)).or(rejected);
            if let Some(mode) = wish.refunds {
                payment = book.execute(id, &Command::SetRefundMode(mode), now)?;
            }
            Ok::<_, crate::book::BookError>((payment, happening))
        })?;
        let (reference, status) = (&payment.request.reference, payment.status.as_str());
        tracing::info!(reference, action = wish.action, status, "payment driven");
        if let Some(happening) = happening {
            room.send(&payment, about(&payment, happening, now));
        }
        if wish.refunds.is_some() {
            self.carry_refunds(&payment);
        }
        Ok(payment)
    }
}
