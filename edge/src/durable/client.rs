//! How the Worker calls its objects: the only place that knows their names, and the one type per call that both ends share.

use std::cell::RefCell;

use domain::admission::{self, CodeRefusal, Commitment, Draw, Terms, Ticket};
use domain::cart;
use domain::ids::{CartId, PersonId, ProductId, SaleId, Sku};
use domain::purchase::CartAnswer;
use domain::stock::{self, Reservation};
use domain::wire::StockReport;
use http::StatusCode;
use search::Pointer;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use worker::wasm_bindgen::JsValue;
use worker::{Env, Method, Request, RequestInit, Response, Stub};

use super::Answer;
use super::crowd::{Crowds, RING_MAX, Visitor};
use crate::context::Context;
use crate::error::Error;

/// The binding of the indexer, and the name of the only one.
const INDEXER: &str = "INDEXER";
const THE_INDEXER: &str = "indexer";

/// The binding of relays. Their names are their product's and their number.
const RELAY: &str = "RELAY";
/// The header by which the Worker tells a relay whose socket it brings.
pub(super) const RELAY_VISITOR: &str = "x-visitor";
/// The header by which a relay says, when it takes a socket, that its Stock object does not know of it.
pub(super) const RELAY_FOLLOWS_NOTHING: &str = "x-follows-nothing";
/// What a relay without room answers, and one that has too many sockets of the same visitor.
pub(super) const RELAY_FULL: u16 = 503;
pub(super) const RELAY_VISITOR_FULL: u16 = 429;

thread_local! {
    static CROWDS: RefCell<Crowds> = RefCell::new(Crowds::new());
}

/// One call of a Stock object.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StockCall {
    /// Whose stock it is; the object opens itself from it.
    pub(crate) product_id: ProductId,
    /// What is wanted.
    pub(crate) ask: StockAsk,
}

/// What is wanted of a Stock object.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StockAsk {
    /// How many there are.
    Read,
    /// That something be done.
    Do(stock::Command),
    /// Counts and history, from the newest line before that one; after something was done, if something is to be done.
    Report { before: Option<u64>, after: Option<stock::Command> },
    /// That a relay, which got its first viewer, be told how things are and whatever changes.
    Tell { relay: u32 },
}

/// What a Stock object answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StockAnswer {
    #[serde(flatten)]
    pub(crate) levels: Levels,
    /// The checkout's, if the command was about one.
    pub(crate) reservation: Option<Reservation>,
    /// If one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) report: Option<StockReport>,
}

/// What a Stock object tells a relay.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RelayCall {
    /// Which time of following this is, as the Stock object counts them.
    pub(crate) following: u64,
    pub(crate) told: Told,
}

/// What a relay answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Heard {
    /// Who listens. Without any, the relay is forgotten until it says that it follows nothing.
    pub(crate) viewers: u32,
}

/// What pages hear over their sockets: `{"version":7,"levels":[{"sku":"…","available":3}]}`. A greater version is newer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) version: u64,
    pub(crate) levels: Vec<Availability>,
}

/// How many of each variant can be bought now.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Levels {
    pub(crate) levels: Vec<Availability>,
}

/// How many of a variant can be bought now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Availability {
    pub(crate) sku: Sku,
    pub(crate) available: u32,
}

/// One call of a Cart object.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CartCall {
    /// Reads it.
    Read,
    /// Changes it.
    Change(cart::Command),
}

/// What is wanted of an Admission object.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AdmissionAsk {
    /// That the terms be these.
    Open { terms: Terms },
    /// How far it is; draws, if it is time.
    Read,
    /// Whether a code may go to this person; counts as sent.
    SendCode { person_id: PersonId },
    /// Somebody typed a code. With the right one they have a place.
    TakeCode { person_id: PersonId, is_right: bool },
    /// Somebody came by the link that went to them: they have a place.
    Join { person_id: PersonId },
    /// A part of the list that was drawn from.
    People { from: u32, count: u32 },
    /// That nobody be let in any more.
    Cancel,
}

/// What an Admission object answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AdmissionAnswer {
    pub(crate) commitment: Option<Commitment>,
    pub(crate) draw: Option<Draw>,
    pub(crate) joined: u32,
    /// Of the person who proved who they are.
    pub(crate) ticket: Option<Ticket>,
    /// If they were asked for.
    #[serde(default)]
    pub(crate) people: Vec<PersonId>,
}

/// Why an Admission object refuses something.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AdmissionRefusal {
    /// The queue does not take them.
    Queue(admission::Rejection),
    /// No code is sent, or this one is not taken.
    Code(CodeRefusal),
}

/// One call of the indexer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IndexerCall {
    /// Something may have changed. Answered at once.
    Poke,
    /// How far it has come.
    Status,
    /// Deletes what superseded indexes left behind.
    Sweep,
    /// Makes a compiled artefact the base of the index.
    Publish {
        /// Its version.
        version: String,
    },
    /// Makes other synonyms part of the index.
    Synonyms {
        /// The key of their object; `None` for none.
        key: Option<String>,
    },
}

/// What the indexer answers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct IndexerAnswer {
    /// What is current; `None` before anything was published.
    pub(crate) pointer: Option<Pointer>,
    /// The last change of the catalogue that the base was compiled with.
    pub(crate) base_seq: u64,
    /// The last change of the catalogue.
    pub(crate) last_seq: u64,
    /// Products with changes that are not in the index yet, counted up to some thousands.
    pub(crate) pending: u32,
    /// Whether so much has changed that the catalogue should be compiled again.
    pub(crate) needs_compile: bool,
}

/// Why the indexer refuses to publish something.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IndexRefusal {
    /// A file of the artefact is not there, or not what its manifest says.
    Incomplete {
        /// which
        file: String,
    },
    /// Another version of the tools compiled it.
    Incompatible {
        /// what differs, and what to do
        why: String,
    },
    /// It was compiled before the one that is current, whose changes are no longer known.
    Older,
    /// Nothing has been compiled yet.
    NoIndex,
}

/// Asks something of the indexer.
pub(crate) async fn indexer(
    context: &Context,
    call_of: IndexerCall,
) -> Result<Result<IndexerAnswer, IndexRefusal>, Error> {
    let stub = context.objects(INDEXER)?.get_by_name(THE_INDEXER)?;
    call(&stub, &call_of).await
}

/// Tells the indexer, once the answer is out, that something may have changed. Should that be lost, the clock tells it within a minute.
pub(crate) fn poke_indexer_later(context: &Context) {
    let later = context.clone();
    context.after_answer(async move {
        if let Err(error) = indexer(&later, IndexerCall::Poke).await {
            crate::log::warn("indexer poke", format!("{error:?}"));
        }
    });
}

/// The same from where there is no request: the clock, and Stock objects.
pub(crate) async fn poke_indexer(env: &Env) -> Result<(), Error> {
    indexer_by_clock(env, IndexerCall::Poke).await
}

/// Has the indexer delete what superseded indexes left behind.
pub(crate) async fn sweep_index(env: &Env) -> Result<(), Error> {
    indexer_by_clock(env, IndexerCall::Sweep).await
}

async fn indexer_by_clock(env: &Env, call_of: IndexerCall) -> Result<(), Error> {
    let stub = env.durable_object(INDEXER)?.get_by_name(THE_INDEXER)?;
    let answer: Result<IndexerAnswer, IndexRefusal> = call(&stub, &call_of).await?;
    // Neither is ever refused.
    drop(answer);
    Ok(())
}

/// Asks something of a flash sale's queue.
pub(crate) async fn admission(
    context: &Context,
    sale_id: SaleId,
    ask: &AdmissionAsk,
) -> Result<Result<AdmissionAnswer, AdmissionRefusal>, Error> {
    let stub = context.objects("ADMISSION")?.get_by_name(&sale_id.to_string())?;
    call(&stub, ask).await
}

/// Asks something of a product's stock.
pub(crate) async fn stock(
    context: &Context,
    product_id: ProductId,
    ask: StockAsk,
) -> Result<Result<StockAnswer, stock::Rejection>, Error> {
    let stub = stock_object(context, product_id)?;
    call(&stub, &StockCall { product_id, ask }).await
}

/// Reads or changes a cart. Every answer carries the whole cart.
pub(crate) async fn cart(
    context: &Context,
    cart_id: CartId,
    call_of: &CartCall,
) -> Result<Result<CartAnswer, cart::Rejection>, Error> {
    let stub = context.objects("CART")?.get_by_name(&cart_id.to_string())?;
    call(&stub, call_of).await
}

/// Hands a page's socket over to one of the product's relays that has room.
pub(crate) async fn live_stock(context: &Context, product_id: ProductId, visitor: Visitor) -> Result<Response, Error> {
    let mut ring = CROWDS.with_borrow_mut(|crowds| crowds.ring(product_id, context.now()));
    loop {
        let number = visitor.relay(ring);
        let init = RequestInit::new();
        init.headers.set("upgrade", "websocket")?;
        init.headers.set(RELAY_VISITOR, &visitor.to_string())?;
        let request = Request::new_with_init("https://object/live", &init)?;
        let stub = context.objects(RELAY)?.get_by_name(&relay_name(product_id, number))?;
        let response = stub.fetch_with_request(request).await.map_err(|error| Error::fault("relay", error))?;
        match response.status_code() {
            101 => {
                if response.headers().has(RELAY_FOLLOWS_NOTHING)? {
                    follow_later(context, product_id, number);
                }
                return Ok(response);
            }
            RELAY_FULL if ring < RING_MAX => {
                ring += 1;
                CROWDS.with_borrow_mut(|crowds| crowds.is_in(product_id, ring, context.now()));
            }
            RELAY_FULL => {
                return Err(Error::rejection(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "too_many_viewers",
                    "Too many are looking at this",
                    "The page shows what is true when it is loaded; try again later to hear of changes.",
                ));
            }
            RELAY_VISITOR_FULL => {
                return Err(Error::rejection(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too_many_sockets",
                    "That is enough sockets for one",
                    "Close some of them first.",
                ));
            }
            other => return Err(Error::fault("relay", other)),
        }
    }
}

/// Has the Stock object tell a relay that got its first viewer. Should that be lost, the viewer hears nothing, and comes again.
fn follow_later(context: &Context, product_id: ProductId, relay: u32) {
    let later = context.clone();
    context.after_answer(async move {
        if let Err(error) = stock(&later, product_id, StockAsk::Tell { relay }).await {
            crate::log::warn("relay", format!("{product_id}/{relay}: {error:?}"));
        }
    });
}

/// Tells a relay how things are.
pub(super) async fn tell_relay(env: &Env, product_id: ProductId, relay: u32, told: &RelayCall) -> Result<Heard, Error> {
    let stub = env.durable_object(RELAY)?.get_by_name(&relay_name(product_id, relay))?;
    call::<Heard, ()>(&stub, told).await?.map_err(|()| Error::bug("a relay refuses nothing"))
}

fn relay_name(product_id: ProductId, relay: u32) -> String {
    format!("{product_id}/{relay}")
}

fn stock_object(context: &Context, product_id: ProductId) -> Result<Stub, Error> {
    Ok(context.objects("STOCK")?.get_by_name(&product_id.to_string())?)
}

async fn call<T: DeserializeOwned, R: DeserializeOwned>(
    stub: &Stub,
    body: &impl Serialize,
) -> Result<Result<T, R>, Error> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(JsValue::from_str(&serde_json::to_string(body)?)));
    let request = Request::new_with_init("https://object/call", &init)?;
    let mut response = stub.fetch_with_request(request).await.map_err(|error| Error::fault("object", error))?;
    let text = response.text().await.map_err(|error| Error::fault("object", error))?;
    if response.status_code() != 200 {
        return Err(Error::fault("object", format!("{}: {text}", response.status_code())));
    }
    match serde_json::from_str(&text)? {
        Answer::Done(answer) => Ok(Ok(answer)),
        Answer::Rejected(rejection) => Ok(Err(rejection)),
    }
}
