//! One flash sale's queue. The shell round [`domain::admission`].
//!
//! It is asked when somebody wants a code or joins, never when somebody waits: places and times follow from what it publishes. At the
//! start it draws by alarm, and before it answers anything that comes later; D1 is told until it has heard. A month after the sale it
//! forgets, by alarm too, who was in it.

use std::cell::RefCell;

use domain::admission::{Admission, CodeRefusal, Command, Digest32, Memory, Rejection, Secret, Terms, Ticket};
use domain::ids::PersonId;
use domain::time::Millis;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use worker::wasm_bindgen::{self, JsValue};
use worker::{DurableObject, Env, Request, Response, SqlStorage, State, durable_object};

use super::admission_tables::{Places, Tables};
use super::client::{AdmissionAnswer, AdmissionAsk, AdmissionRefusal};
use super::{Answer, read, reply};
use crate::context::now;

/// How soon a draw that D1 could not be told of is told again.
const PUBLISH_RETRY: Millis = Millis::seconds(5);

/// The Durable Object class of flash sales' queues.
#[durable_object]
pub struct AdmissionObject {
    state: State,
    env: Env,
    sql: SqlStorage,
    /// What is decided from, once it was read. `None` while what is in storage and what was decided might differ.
    admission: RefCell<Option<Admission>>,
}

impl DurableObject for AdmissionObject {
    fn new(state: State, env: Env) -> Self {
        let sql = state.storage().sql();
        Self { state, env, sql, admission: RefCell::new(None) }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let ask: AdmissionAsk = read(&mut request).await?;
        let deadline = self.load()?.next_deadline();
        let answer = self.answer(&ask)?;
        // Joining changes no deadline, and is what comes by the ten thousands.
        if self.load()?.next_deadline() != deadline || Tables(&self.sql).is_unpublished()? {
            self.set_alarm(Millis(0)).await?;
        }
        reply(&answer)
    }

    async fn alarm(&self) -> worker::Result<Response> {
        // Never refused.
        drop(self.execute(&Command::CatchUp)?);
        if let Err(error) = self.publish().await {
            crate::log::warn("draw of a sale", error);
        }
        self.set_alarm(PUBLISH_RETRY).await?;
        Response::empty()
    }
}

impl AdmissionObject {
    fn answer(&self, ask: &AdmissionAsk) -> worker::Result<Answer<AdmissionAnswer, AdmissionRefusal>> {
        let outcome = match ask {
            AdmissionAsk::Open { terms } => self.open(*terms)?,
            AdmissionAsk::Read => self.execute(&Command::CatchUp)?,
            AdmissionAsk::Cancel => self.execute(&Command::Cancel)?,
            AdmissionAsk::SendCode { person_id } => self.send_code(*person_id)?,
            AdmissionAsk::TakeCode { person_id, is_right } => self.take_code(*person_id, *is_right)?,
            AdmissionAsk::Join { person_id } => self.execute(&Command::Join { person_id: *person_id })?,
            AdmissionAsk::People { from, count } => return self.people(*from, *count),
        };
        if let Err(refusal) = outcome {
            return Ok(Answer::Rejected(refusal));
        }
        let ticket = match ask {
            AdmissionAsk::TakeCode { person_id, .. } | AdmissionAsk::Join { person_id } => self.ticket(*person_id)?,
            AdmissionAsk::Open { .. }
            | AdmissionAsk::Read
            | AdmissionAsk::Cancel
            | AdmissionAsk::SendCode { .. }
            | AdmissionAsk::People { .. } => None,
        };
        Ok(Answer::Done(self.state_now(ticket, Vec::new())?))
    }

    fn state_now(&self, ticket: Option<Ticket>, people: Vec<PersonId>) -> worker::Result<AdmissionAnswer> {
        let admission = self.load()?;
        Ok(AdmissionAnswer {
            commitment: admission.commitment(),
            draw: admission.draw().copied(),
            joined: admission.joined(),
            ticket,
            people,
        })
    }

    /// The secret is chosen here, so that it has never been anywhere else.
    fn open(&self, terms: Terms) -> worker::Result<Result<(), AdmissionRefusal>> {
        self.execute(&Command::Open { terms, secret: new_secret() })
    }

    /// Whether a code may go to this person, which counts as sent.
    fn send_code(&self, person_id: PersonId) -> worker::Result<Result<(), AdmissionRefusal>> {
        // A code that would open nothing is not sent.
        if let Err(rejection) = self.decide(&Command::Join { person_id })? {
            return Ok(Err(AdmissionRefusal::Queue(rejection)));
        }
        match Tables(&self.sql).attempts(person_id)?.send(now()) {
            Ok(attempts) => {
                Tables(&self.sql).write_attempts(person_id, attempts)?;
                Ok(Ok(()))
            }
            Err(refusal) => Ok(Err(AdmissionRefusal::Code(refusal))),
        }
    }

    /// Somebody typed a code; with the right one they take their place.
    fn take_code(&self, person_id: PersonId, is_right: bool) -> worker::Result<Result<(), AdmissionRefusal>> {
        // Where nobody can join, no code is wrong.
        if let Err(rejection) = self.decide(&Command::Join { person_id })? {
            return Ok(Err(AdmissionRefusal::Queue(rejection)));
        }
        let before = Tables(&self.sql).attempts(person_id)?;
        let (after, outcome): (_, Result<(), CodeRefusal>) = before.take(is_right, now());
        if after != before {
            Tables(&self.sql).write_attempts(person_id, after)?;
        }
        match outcome {
            Ok(()) => self.execute(&Command::Join { person_id }),
            Err(refusal) => Ok(Err(AdmissionRefusal::Code(refusal))),
        }
    }

    /// A part of the list that was drawn from. There is none before the draw.
    fn people(&self, from: u32, count: u32) -> worker::Result<Answer<AdmissionAnswer, AdmissionRefusal>> {
        drop(self.execute(&Command::CatchUp)?);
        let entries = match self.load()?.listed() {
            Ok(entries) => entries,
            Err(rejection) => return Ok(Answer::Rejected(AdmissionRefusal::Queue(rejection))),
        };
        let end = from.saturating_add(count).min(entries);
        let people = if from < end { Tables(&self.sql).people(from, end)? } else { Vec::new() };
        Ok(Answer::Done(self.state_now(None, people)?))
    }

    fn ticket(&self, person_id: PersonId) -> worker::Result<Option<Ticket>> {
        let Some(terms) = self.load()?.terms().copied() else { return Ok(None) };
        Places { tables: Tables(&self.sql), sale_id: terms.sale_id }.ticket(person_id)
    }

    fn decide(&self, command: &Command) -> worker::Result<Result<Vec<domain::admission::Event>, Rejection>> {
        let admission = self.load()?;
        let held = match command.person_id() {
            Some(person_id) => self.ticket(person_id)?,
            None => None,
        };
        Ok(admission.decide(command, held.as_ref(), now()))
    }

    /// Load, decide, persist: no await in between.
    fn execute(&self, command: &Command) -> worker::Result<Result<(), AdmissionRefusal>> {
        let events = match self.decide(command)? {
            Ok(events) => events,
            Err(rejection) => return Ok(Err(AdmissionRefusal::Queue(rejection))),
        };
        if !events.is_empty() {
            // Taken out until storage has it: if persisting fails, the next command reads storage again.
            let mut admission = self.load()?;
            self.admission.borrow_mut().take();
            for event in &events {
                Tables(&self.sql).persist(&mut admission, event)?;
            }
            self.admission.replace(Some(admission));
        }
        Ok(Ok(()))
    }

    fn load(&self) -> worker::Result<Admission> {
        if let Some(admission) = *self.admission.borrow() {
            return Ok(admission);
        }
        let admission = Tables::open(&self.sql)?;
        self.admission.replace(Some(admission));
        Ok(admission)
    }

    /// Tells D1 of the draw, if it has not heard.
    async fn publish(&self) -> worker::Result<()> {
        let admission = self.load()?;
        let (Some(terms), Some(draw)) = (admission.terms(), admission.draw()) else { return Ok(()) };
        if !Tables(&self.sql).is_unpublished()? {
            return Ok(());
        }
        let bound = [terms.sale_id.to_string(), serde_json::to_string(draw)?].map(|text| JsValue::from_str(&text));
        self.env.d1("DB")?.prepare("UPDATE sale SET draw = ?2 WHERE id = ?1").bind(&bound)?.run().await?;
        Tables(&self.sql).published()
    }

    /// `retry` is when D1 is told of a draw that it has not heard of.
    async fn set_alarm(&self, retry: Millis) -> worker::Result<()> {
        let at = if Tables(&self.sql).is_unpublished()? { Some(now() + retry) } else { self.load()?.next_deadline() };
        let Some(at) = at else { return Ok(()) };
        self.state.storage().set_alarm((at - now()).0.max(0)).await
    }
}

/// Bytes that nobody can guess: four random UUIDs have 488 random bits.
fn new_secret() -> Secret {
    let mut hash = Sha256::new();
    for _ in 0..4 {
        hash.update(Uuid::new_v4().as_bytes());
    }
    Digest32::new(hash.finalize().into())
}
