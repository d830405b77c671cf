//! What operators ask of the origin, by way of the edge: what needs a person, and to send again what is stuck.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::ids::EventId;
use domain::time::{Millis, Timestamp};
use domain::wire::{PaymentTrouble, PayoutTrouble, RefundTrouble, TransferTrouble, Troubles};

use crate::App;
use crate::error::Error;
use crate::store::refunds::StoredRefund;
use crate::store::{Tx, gateway_events, outbox, payments, payouts, refunds};

/// A refund that was tried so often without an answer is worth a look.
const TRIES_MANY: u32 = 5;
/// Webhooks older than that are nobody's trouble any more.
const WEBHOOKS_LENGTH: Millis = Millis::days(30);

/// `GET /internal/troubles`
pub async fn troubles(State(app): State<App>) -> Result<Json<Troubles>, Error> {
    let mut connection = app.store().read().await?;
    let in_trouble = refunds::in_trouble(&mut connection, TRIES_MANY, Troubles::EACH_MAX).await?;
    let refund =
        |stored: StoredRefund| RefundTrouble { order_id: stored.order_id, tries: stored.tries, refund: stored.view() };
    let mut unwanted = Vec::new();
    for stored in payments::not_given_back(&mut connection, Troubles::EACH_MAX).await? {
        let reference = stored.payment.reference;
        let its = refunds::of_order(&mut connection, stored.order_id).await?;
        unwanted.push(PaymentTrouble {
            order_id: stored.order_id,
            gateway: stored.gateway,
            status: stored.payment.status,
            expected: stored.payment.expected,
            captured: stored.payment.captured,
            refunds: its.into_iter().filter(|it| it.reference == reference).map(StoredRefund::view).collect(),
            reference,
        });
    }
    let stuck_payouts = payouts::in_trouble(&mut connection, TRIES_MANY, Troubles::EACH_MAX).await?;
    let stuck_payouts = stuck_payouts.into_iter().map(|stored| PayoutTrouble {
        trouble: stored.trouble.unwrap_or(TransferTrouble::Unanswered),
        tries: stored.tries,
        payout: stored.payout,
    });
    let stuck_payouts = stuck_payouts.collect();
    let since = Timestamp(app.now().0 - WEBHOOKS_LENGTH.0);
    Ok(Json(Troubles {
        refunds: in_trouble.into_iter().map(refund).collect(),
        payments: unwanted,
        webhooks: gateway_events::in_trouble(&mut connection, since, Troubles::EACH_MAX).await?,
        messages: outbox::stuck(&mut connection, Troubles::EACH_MAX).await?,
        payouts: stuck_payouts,
    }))
}

/// `POST /internal/outbox/{message_id}/resend`: due at once, and what needs a person as it stands then.
pub async fn resend(State(app): State<App>, Path(message_id): Path<String>) -> Result<Json<Troubles>, Error> {
    let unknown = || {
        let detail = "there is no such message, or the edge has taken it";
        Error::rejected(StatusCode::NOT_FOUND, "message_not_found", "Message not found", detail)
    };
    let id: EventId = message_id.parse().map_err(|_| unknown())?;
    let now = app.now();
    let found = app
        .store()
        .transact("resend", move |mut tx: Tx| async move {
            let found = outbox::make_due(&mut tx, id, now).await?;
            tx.done(found)
        })
        .await?;
    if !found {
        return Err(unknown());
    }
    app.wake_outbox();
    troubles(State(app)).await
}
