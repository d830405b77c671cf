//! Refunds on their way: what happens to them after a gateway has accepted them, whichever gateway it is.

use crate::App;
use crate::notices::{Happening, about};
use crate::payments::{Command, Payment, RefundMode, RefundStatus};
use crate::webhook::Faults;

impl App {
    /// Announces a refund that was just accepted, and carries it on.
    pub(crate) fn begin_refund(&self, payment: &Payment, id: i64) {
        self.announce(payment, Happening::RefundRequested(id));
        self.carry_refund(payment, id);
    }

    /// Ends a refund after a while, as the payment's refund mode then says, and announces that. A stalled one waits for
    /// another mode.
    pub(crate) fn carry_refund(&self, payment: &Payment, id: i64) {
        let (app, payment) = (self.clone(), payment.request.id);
        tokio::spawn(async move {
            tokio::time::sleep(app.settings().refund_delay).await;
            if let Err(error) = app.end_refund(payment, id) {
                tracing::error!(payment, refund = id, %error, "a refund could not be ended");
            }
        });
    }

    /// Carries on all refunds of a payment that are on their way.
    pub(crate) fn carry_refunds(&self, payment: &Payment) {
        for refund in payment.refunds.iter().filter(|refund| refund.status == RefundStatus::Pending) {
            self.carry_refund(payment, refund.id);
        }
    }

    fn end_refund(&self, payment: i64, id: i64) -> Result<(), crate::book::BookError> {
        let now = self.now();
        let ended = self.with_book(|book| {
            let Some(before) = book.find_by_id(payment) else { return Ok(None) };
            let pending = before.refund(id).is_some_and(|refund| refund.status == RefundStatus::Pending);
            let command = match before.refund_mode {
                RefundMode::Stall => return Ok(None),
                RefundMode::Fail => Command::FailRefund { id },
                // Refusing is for new ones: those that were accepted before go on.
                RefundMode::Process | RefundMode::Refuse => Command::ProcessRefund { id },
            };
            if pending { book.execute(payment, &command, now).map(Some) } else { Ok(None) }
        })?;
        if let Some(payment) = ended {
            self.announce(&payment, Happening::RefundEnded(id));
        }
        Ok(())
    }

    fn announce(&self, payment: &Payment, happening: Happening) {
        let notices = about(payment, happening, self.now());
        match self.deliveries().reserve(Faults::default()) {
            Ok(room) => room.send(payment, notices),
            Err(full) => tracing::error!(reference = payment.request.reference, %full, "webhook not sent"),
        }
    }
}
