//! What becomes of money that payers ask their bank to bring back. The gateway decides; here it is looked up, noted and booked.
//!
//! An order stays as it is: the goods are where they are. But what is disputed is not refunded as well, or the payer has it twice.

use domain::time::Timestamp;

use crate::App;
use crate::error::Error;
use crate::gateway::DisputeStatus;
use crate::ledger::{self, Occasion};
use crate::settle::Outcome;
use crate::store::Tx;
use crate::store::disputes::{self, StoredDispute};
use crate::store::gateway_events::{self, Received};
use crate::store::payments::StoredPayment;

/// Takes a verified webhook about a dispute of `payment`. An error means that it should be sent again.
pub async fn hear(app: &App, received: &Received, payment: &StoredPayment, id: &str) -> Result<Outcome, Error> {
    let gateway = app.gateway(payment.gateway)?;
    let response = app.ask(gateway, gateway.dispute(id)?).await?;
    let observation = gateway.read_dispute(id, &response)?;
    let captured = payment.payment.captured.as_ref();
    let stored = |now: Timestamp| StoredDispute {
        gateway: payment.gateway,
        id: id.to_owned(),
        reference: payment.payment.reference.clone(),
        status: observation.status,
        // A gateway that does not say means all of it.
        amount_minor: observation.amount_minor.or(captured.map(|capture| capture.amount_minor)).unwrap_or(0),
        currency: captured
            .map_or_else(|| payment.payment.expected.currency.code().to_owned(), |it| it.currency.clone()),
        opened_at: now,
    };
    let stored = &stored;
    app.store()
        .transact("hear_of_dispute", move |mut tx: Tx| async move {
            let now = app.now();
            let dispute = stored(now);
            if !gateway_events::insert(&mut tx, received, Outcome::Recorded.as_str(), now).await? {
                return tx.done(Outcome::Repeated);
            }
            if !disputes::put(&mut tx, &dispute, now).await? {
                // What the books say of a dispute is what its row says.
                return tx.done(Outcome::Recorded);
            }
            let (reference, dispute_id) = (&dispute.reference, &dispute.id);
            match dispute.status {
                DisputeStatus::Open => {
                    tracing::error!(reference, dispute_id, "a payment is disputed; somebody has to answer")
                }
                DisputeStatus::Won => tracing::info!(reference, dispute_id, "a dispute was won"),
                DisputeStatus::Lost => {
                    tracing::error!(reference, dispute_id, "a dispute was lost");
                    let occasion = Occasion { request_id: &received.request_id, now };
                    ledger::dispute_lost(&mut tx, payment, &dispute, occasion).await?;
                }
            }
            tx.done(Outcome::Recorded)
        })
        .await
}
