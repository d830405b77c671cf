//! Flash sales at the edge: which there are, what they mean for a cart, how one joins. The rules are `domain::sale`'s and
//! `domain::admission`'s; here is what awaits.
//!
//! Waiting costs nobody anything: sales are read from D1 once a second and isolate, a draw never changes once it is known, and a pass is
//! checked by its MAC. Only asking for a code and joining go to the sale's object.

mod joining;
mod offers;
mod store;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use domain::admission::{Commitment, Draw, Standing, Ticket};
use domain::ids::{PersonId, SaleId};
use domain::sale::{Sale, is_slug};
use domain::signature::Keyring;
use domain::time::{Millis, Timestamp};
use domain::{admission, wire};

pub(crate) use self::joining::{BAD_LINK, Proof, confirm, person_of_link, refused, send_code};
pub(crate) use self::offers::{Offers, offers};
pub(crate) use self::store::{cancel, list, report, set};

use crate::context::Context;
use crate::durable::client::{self, AdmissionAsk};
use crate::error::Error;
use crate::log;

/// How long what was read of the sales is believed.
const FRESH: Millis = Millis::seconds(1);

/// Most people in one part of a draw's list.
pub(crate) const PEOPLE_MAX: u32 = 5_000;

/// The sales that matter now, the next one first.
pub(crate) type Current = Arc<[Arc<Known>]>;

thread_local! {
    static CURRENT: RefCell<Option<(Timestamp, Current)>> = const { RefCell::new(None) };
    /// Draws that the object told before D1 had them.
    static DRAWS: RefCell<HashMap<SaleId, Draw>> = RefCell::new(HashMap::new());
}

/// A sale with what the edge needs beside it.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) sale: Sale,
    pub(crate) commitment: Commitment,
    /// As D1 has it.
    draw: Option<Draw>,
    /// Tells its people apart.
    person_keys: Keyring,
    /// Counts changes; names cached pages.
    pub(crate) version: u32,
}

impl Known {
    /// Whose address it is, in this sale.
    pub(crate) fn person(&self, email: &str) -> PersonId {
        admission::person(&self.person_keys, email)
    }

    /// What names cached pages that show it: they change with its phase.
    pub(crate) fn cache_key(&self, now: Timestamp) -> String {
        format!("{}-{}-{}", self.sale.slug, self.version, self.sale.phase(now).as_str())
    }

    /// The draw as everybody may see it.
    pub(crate) fn draw_body(&self, draw: Option<&Draw>) -> wire::DrawBody {
        wire::DrawBody {
            sale_id: self.sale.id(),
            starts_at: self.sale.terms.starts_at,
            rate: self.sale.terms.rate,
            commitment: self.commitment,
            draw: draw.map(wire::DrawnBody::from),
            is_cancelled: self.sale.is_cancelled,
        }
    }
}

/// The sales that are announced, gather or run, or of which a pass may still be open; the next one first. At most a second old.
pub(crate) async fn current(context: &Context) -> Result<Current, Error> {
    if let Some((at, known)) = CURRENT.with_borrow(Clone::clone)
        && context.now() - at < FRESH
    {
        return Ok(known);
    }
    let known: Current = store::current(context, context.now()).await?.into_iter().map(Arc::new).collect();
    CURRENT.set(Some((context.now(), Arc::clone(&known))));
    Ok(known)
}

/// Makes this isolate look again: a sale was just changed.
pub(crate) fn forget() {
    CURRENT.set(None);
}

/// A sale by its page's name, also one that is long over.
pub(crate) async fn by_slug(context: &Context, slug: &str) -> Result<Arc<Known>, Error> {
    let missing = || Error::not_found("sale");
    if !is_slug(slug) {
        return Err(missing());
    }
    if let Some(known) = current(context).await?.iter().find(|known| known.sale.slug == slug) {
        return Ok(Arc::clone(known));
    }
    store::by_slug(context, slug).await?.map(Arc::new).ok_or_else(missing)
}

/// A sale's draw, from its start on; asked of the object only until D1 has it.
pub(crate) async fn draw(context: &Context, known: &Known) -> Result<Option<Draw>, Error> {
    let id = known.sale.id();
    if known.draw.is_some() || context.now() < known.sale.terms.starts_at || known.sale.is_cancelled {
        return Ok(known.draw);
    }
    if let Some(draw) = DRAWS.with_borrow(|draws| draws.get(&id).copied()) {
        return Ok(Some(draw));
    }
    let answer = client::admission(context, id, &AdmissionAsk::Read).await?.map_err(refused)?;
    if let Some(draw) = answer.draw {
        DRAWS.with_borrow_mut(|draws| draws.insert(id, draw));
    }
    Ok(answer.draw)
}

/// How somebody with `ticket` stands. No object is asked, once the draw is known.
pub(crate) async fn standing(context: &Context, known: &Known, ticket: &Ticket) -> Result<Standing, Error> {
    let draw = if ticket.late.is_some() { None } else { draw(context, known).await? };
    Ok(ticket.standing(&known.sale.terms, draw.as_ref(), context.now()))
}

/// A part of the list that was drawn from, in the order in which people joined; empty before the draw. Out of the data centre's cache
/// where it can be: it never changes.
pub(crate) async fn people(context: &Context, known: &Known, from: u32) -> Result<wire::DrawPeople, Error> {
    if !from.is_multiple_of(PEOPLE_MAX) {
        return Err(Error::bad_request(
            "query_invalid",
            format!("from is 0, {PEOPLE_MAX}, or another multiple of that"),
        ));
    }
    let entries = draw(context, known).await?.as_ref().map_or(0, Draw::entries_count);
    if from >= entries {
        return Ok(wire::DrawPeople { from, people: Vec::new(), next: None });
    }
    let address = format!("https://sale.cache/{}/people/{from}", known.sale.id());
    // A cache that does not answer is a cache miss.
    if let Ok(Some(mut kept)) = context.cache().get(&address, false).await {
        return Ok(kept.json().await?);
    }
    let ask = AdmissionAsk::People { from, count: PEOPLE_MAX };
    let answer = client::admission(context, known.sale.id(), &ask).await?.map_err(refused)?;
    let end = from.saturating_add(PEOPLE_MAX);
    let part = wire::DrawPeople { from, people: answer.people, next: (end < entries).then_some(end) };
    let (later, kept) = (context.clone(), part.clone());
    context.after_answer(async move {
        if let Err(error) = keep(&later, &address, &kept).await {
            log::warn("draw's list", format!("{error:?}"));
        }
    });
    Ok(part)
}

async fn keep(context: &Context, address: &str, part: &wire::DrawPeople) -> Result<(), Error> {
    let response = worker::Response::from_json(part)?;
    response.headers().set("cache-control", "max-age=86400")?;
    Ok(context.cache().put(address, response).await?)
}
