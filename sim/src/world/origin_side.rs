//! What the origin does in the simulated world: it is asked, told and looks for work, one thing at a time.

use domain::ids::RefundId;
use domain::purchase::{Answer, Call};
use domain::refund::part;
use domain::signature::{Audience, SignedParts, paystack};
use domain::stock::{Quantity, StockLine};
use domain::wire::{
    GiveUpAnswer, ORIGIN_GIVE_UP, ORIGIN_ORDER, ORIGIN_PLACE_ORDER, ORIGIN_REFUNDS, ORIGIN_VERIFY, RefundRequest,
    RefundRight,
};
use http::StatusCode;
use origin::refund::pursuit;
use origin::{App, outbox, reconcile};

use super::{BUYERS, Tab, World, sku};
use crate::gateway::choose;
use crate::operation::Fault;
use crate::{Finding, Sabotage};

impl World {
    pub(super) fn signed(
        &mut self,
        method: http::Method,
        path: &str,
        body: Vec<u8>,
    ) -> anyhow::Result<http::Request<Vec<u8>>> {
        let parts =
            SignedParts { audience: Audience::Origin, method: method.as_str(), path_and_query: path, body: &body };
        let nonce = self.new_id().to_string();
        let signature = self.keys.sign(parts, self.clock.now(), &nonce);
        let mut builder =
            http::Request::builder().method(method).uri(path).header(http::header::CONTENT_TYPE, "application/json");
        for (name, value) in signature.pairs() {
            builder = builder.header(name, value);
        }
        Ok(builder.body(body)?)
    }

    /// The origin's answer to a call that is its to answer, read as the Worker reads it.
    pub(super) async fn ask_origin(&mut self, call: &Call, twice: bool) -> anyhow::Result<Option<Answer>> {
        let (path, body) = match call {
            Call::Order(order) => (ORIGIN_PLACE_ORDER.to_owned(), serde_json::to_vec(order)?),
            Call::GiveUp(_) if self.network.outside().edge.sabotage == Sabotage::ForgetGivingUp => {
                return Ok(Some(Answer::GaveUp(GiveUpAnswer::GivenUp)));
            }
            Call::GiveUp(checkout_id) => (format!("{ORIGIN_GIVE_UP}{checkout_id}"), Vec::new()),
            Call::Cart(..) | Call::Stock(..) | Call::Offers(..) => return Ok(None),
        };
        let request = self.signed(http::Method::POST, &path, body)?;
        let again = request.clone();
        let Some((status, body)) = self.origin.answer(request).await? else { return Ok(None) };
        if twice && let Some((status, _)) = self.origin.answer(again).await? {
            let refused = status == StatusCode::UNAUTHORIZED;
            anyhow::ensure!(
                refused,
                Finding::new("ANSWER", format!("a request that came twice was answered {status}"))
            );
        }
        let is_order = matches!(call, Call::Order(_));
        Ok(match status.as_u16() {
            200..=299 if is_order => Some(Answer::Order(Ok(serde_json::from_slice(&body)?))),
            200..=299 => Some(Answer::GaveUp(serde_json::from_slice(&body)?)),
            400..=499 if is_order && !matches!(status.as_u16(), 401 | 408 | 429) => {
                Some(Answer::Order(Err(serde_json::from_slice(&body)?)))
            }
            _ => None,
        })
    }

    pub(super) async fn webhook(&mut self, which: u8) -> anyhow::Result<()> {
        let (index, body, signature) = {
            let outside = self.network.outside();
            let notices = &outside.gateway.notices;
            let Some(index) = choose(which, notices.len()) else { return Ok(()) };
            (index, notices[index].body.clone(), notices[index].signature())
        };
        let fault = self.network.outside().plan.draw();
        if matches!(fault, Some(Fault::RequestLost | Fault::CallerDiesBefore)) {
            return Ok(());
        }
        let request = http::Request::post("/webhooks/paystack")
            .header(paystack::HEADER, &signature)
            .body(body.clone().into_bytes())?;
        let answer = self.origin.answer(request.clone()).await?;
        match fault {
            Some(Fault::Twice) => drop(self.origin.answer(request).await?),
            Some(Fault::CalleeDies) => self.origin.restart().await?,
            Some(Fault::RequestLost | Fault::AnswerLost | Fault::CallerDiesBefore | Fault::CallerDiesAfter) | None => {}
        }
        let is_heard = matches!(fault, None | Some(Fault::Twice));
        if let Some((status, _)) = answer {
            let possible = matches!(status.as_u16(), 200 | 502 | 503);
            anyhow::ensure!(possible, Finding::new("ANSWER", format!("a webhook was answered {status}")));
            if is_heard && status == StatusCode::OK {
                self.network.outside().gateway.notices[index].is_over = true;
            }
        }
        Ok(())
    }

    pub(super) async fn come_back(&mut self, tab: Tab) -> anyhow::Result<()> {
        let Some(checkout_id) = self.buyers[tab.buyer].tabs[tab.tab].last else { return Ok(()) };
        let request = self.signed(http::Method::POST, &format!("{ORIGIN_VERIFY}{checkout_id}"), Vec::new())?;
        drop(self.origin.answer(request).await?);
        Ok(())
    }

    /// Whether there was a message.
    pub(crate) async fn deliver(&mut self) -> anyhow::Result<bool> {
        let work = deliver_one(self.origin.app().clone());
        // Whoever dies of it has to look again.
        Ok(self.origin.work(work).await?.transpose()?.unwrap_or(true))
    }

    /// Whether there was a payment.
    pub(crate) async fn reconcile(&mut self) -> anyhow::Result<bool> {
        let work = check_one(self.origin.app().clone());
        Ok(self.origin.work(work).await?.transpose()?.unwrap_or(true))
    }

    /// Whether there was a refund.
    pub(crate) async fn pursue(&mut self) -> anyhow::Result<bool> {
        let work = pursue_one(self.origin.app().clone());
        Ok(self.origin.work(work).await?.transpose()?.unwrap_or(true))
    }

    /// The operator takes back what a buyer bought, and puts it on the shelf.
    pub(super) async fn take_back(&mut self, buyer: u8, number: Option<u8>) -> anyhow::Result<()> {
        let last = self.buyers[usize::from(buyer % BUYERS)].tabs[0].last;
        let order_id = {
            let outside = self.network.outside();
            outside.sent.iter().find(|event| Some(event.order.checkout_id) == last).map(|event| event.order.id)
        };
        let Some(order_id) = order_id else { return Ok(()) };
        let one = |number| {
            let line = StockLine { sku: sku(number), quantity: Quantity::new(1).ok()? };
            Some(part::Part { lines: vec![line], delivery: false })
        };
        let request = RefundRequest {
            refund_id: RefundId(self.new_id()),
            by: RefundRight::Operator,
            actor: "Ada".to_owned(),
            part: number.and_then(one),
            restock: true,
            reason: "because".to_owned(),
        };
        let path = format!("{ORIGIN_ORDER}{order_id}{ORIGIN_REFUNDS}");
        // The same form is sent twice, and counts once.
        for _ in 0..2 {
            let request = self.signed(http::Method::POST, &path, serde_json::to_vec(&request)?)?;
            drop(self.origin.answer(request).await?);
        }
        Ok(())
    }
}

async fn deliver_one(app: App) -> Result<bool, origin::error::Error> {
    let Some(message) = outbox::claim(&app, 1).await?.pop() else { return Ok(false) };
    outbox::deliver(app, message).await;
    Ok(true)
}

async fn check_one(app: App) -> Result<bool, origin::error::Error> {
    let Some(stored) = reconcile::claim(&app, 1).await?.pop() else { return Ok(false) };
    reconcile::check(app, stored).await;
    Ok(true)
}

async fn pursue_one(app: App) -> Result<bool, origin::error::Error> {
    let Some(stored) = pursuit::claim(&app, 1).await?.pop() else { return Ok(false) };
    pursuit::pursue(&app, stored).await;
    Ok(true)
}
