//! All payments of the gateway: decides on one, writes the journal, and only then changes memory.
//!
//! It is the only writer of payments. It reads no clock and sends nothing.

use std::collections::HashMap;

use domain::time::Timestamp;

use crate::journal::{Entry, Journal, JournalError};
use crate::payments::{Command, Event, Payment, Rejection, Request};

/// Why the book does not take a change.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// A reference names one payment for ever.
    #[error("the reference {0:?} was used before")]
    DuplicateReference(String),
    /// No payment of that name.
    #[error("no payment has the reference {0:?}")]
    UnknownReference(String),
    /// The payment refuses.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Nothing was changed.
    #[error("the change could not be written: {0}")]
    Journal(#[from] JournalError),
}

/// All payments.
#[derive(Debug)]
pub struct Book {
    payments: HashMap<String, Payment>,
    reference_by_access_code: HashMap<String, String>,
    reference_by_id: HashMap<i64, String>,
    reference_by_refund: HashMap<i64, String>,
    oldest_first: Vec<String>,
    last_id: i64,
    journal: Journal,
}

impl Book {
    /// Milliseconds from 1970 to 2020. Ids count from there, so that they are neither small nor ever repeated, also
    /// when a sandbox without a journal starts again.
    const IDS_BEGIN_MS: i64 = 1_577_836_800_000;

    /// The book that `entries` tell, continued in `journal`.
    pub fn new(journal: Journal, entries: Vec<Entry>) -> Self {
        let mut book = Self {
            payments: HashMap::new(),
            reference_by_access_code: HashMap::new(),
            reference_by_id: HashMap::new(),
            reference_by_refund: HashMap::new(),
            oldest_first: Vec::new(),
            last_id: 0,
            journal,
        };
        for entry in &entries {
            book.evolve(entry);
        }
        book
    }

    /// A number for a new transaction or refund: larger than any before.
    pub fn next_id(&mut self, now: Timestamp) -> i64 {
        self.last_id = (self.last_id + 1).max(now.as_millis() - Self::IDS_BEGIN_MS);
        self.last_id
    }

    /// Begins a payment.
    pub fn initialize(&mut self, request: Request, now: Timestamp) -> Result<Payment, BookError> {
        if self.payments.contains_key(&request.reference) {
            return Err(BookError::DuplicateReference(request.reference));
        }
        let payment = Payment::new(request.clone(), now);
        self.record(request.reference.clone(), vec![Event::Initialized(request)], now)?;
        Ok(payment)
    }

    /// Carries out `command`; answers the payment as it is then.
    pub fn execute(&mut self, reference: &str, command: &Command, now: Timestamp) -> Result<Payment, BookError> {
        let unknown = || BookError::UnknownReference(reference.to_owned());
        let events = self.payments.get(reference).ok_or_else(unknown)?.decide(command)?;
        self.record(reference.to_owned(), events, now)?;
        self.payments.get(reference).cloned().ok_or_else(unknown)
    }

    /// The payment of that reference.
    pub fn find(&self, reference: &str) -> Option<&Payment> {
        self.payments.get(reference)
    }

    /// The payment whose page has that access code.
    pub fn find_by_access_code(&self, access_code: &str) -> Option<&Payment> {
        self.find(self.reference_by_access_code.get(access_code)?)
    }

    /// The payment of that number.
    pub fn find_by_id(&self, id: i64) -> Option<&Payment> {
        self.find(self.reference_by_id.get(&id)?)
    }

    /// The payment that the refund of that number belongs to.
    pub fn find_by_refund(&self, id: i64) -> Option<&Payment> {
        self.find(self.reference_by_refund.get(&id)?)
    }

    /// Payments, the newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Payment> {
        self.oldest_first.iter().rev().filter_map(|reference| self.payments.get(reference))
    }

    /// How many payments there are.
    pub fn len(&self) -> usize {
        self.payments.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.payments.is_empty()
    }

    fn record(&mut self, reference: String, events: Vec<Event>, at: Timestamp) -> Result<(), JournalError> {
        let entries: Vec<Entry> =
            events.into_iter().map(|event| Entry { at, reference: reference.clone(), event }).collect();
        self.journal.append(&entries)?;
        for entry in &entries {
            self.evolve(entry);
        }
        Ok(())
    }

    fn evolve(&mut self, entry: &Entry) {
        if let Event::Initialized(request) = &entry.event {
            let reference = request.reference.clone();
            self.reference_by_access_code.insert(request.access_code.clone(), reference.clone());
            self.reference_by_id.insert(request.id, reference.clone());
            self.last_id = self.last_id.max(request.id);
            self.oldest_first.push(reference.clone());
            self.payments.insert(reference, Payment::new(request.clone(), entry.at));
        }
        if let Event::RefundRequested { id, .. } = &entry.event {
            self.reference_by_refund.insert(*id, entry.reference.clone());
            self.last_id = self.last_id.max(*id);
        }
        if let Some(payment) = self.payments.get_mut(&entry.reference) {
            payment.evolve(&entry.event, entry.at);
        }
    }
}
