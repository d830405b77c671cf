//! All payments of all gateways: decides on one, writes the journal, and only then changes memory.
//!
//! It is the only writer of payments. It reads no clock and sends nothing.

use std::collections::{BTreeMap, HashMap};

use domain::time::Timestamp;

use crate::gateways::Gateway;
use crate::journal::{Answer, Customer, Entry, Fact, Journal, JournalError};
use crate::payments::{Command, Event, Payment, Rejection, Request};
use crate::transfers::{Recipient, Transfer, TransferMode};

/// Why the book does not take a change.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// At this gateway a reference names one payment for ever.
    #[error("the reference {0:?} was used before")]
    DuplicateReference(String),
    /// The shop's own name of a refund names one refund for ever.
    #[error("the refund reference {0:?} was used before")]
    DuplicateRefund(String),
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

/// What a request with an idempotency key came to.
#[derive(Debug)]
pub enum Outcome<T> {
    /// It was carried out.
    First(T),
    /// It had been before: this is the answer that was kept.
    Again(Answer),
}

/// All payments.
#[derive(Debug)]
pub struct Book {
    payments: HashMap<i64, Payment>,
    /// The newest last.
    by_reference: HashMap<(Gateway, String), Vec<i64>>,
    by_access_code: HashMap<String, i64>,
    /// Refunds and disputes.
    by_part: HashMap<i64, i64>,
    by_refund_key: HashMap<(Gateway, String), (i64, i64)>,
    answers: HashMap<(Gateway, String), Answer>,
    /// In the order in which they were introduced.
    customers: Vec<Customer>,
    oldest_first: Vec<i64>,
    recipients: Vec<Recipient>,
    transfers: BTreeMap<String, Transfer>,
    /// What becomes of transfers that are asked for.
    pub transfer_mode: TransferMode,
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
            by_reference: HashMap::new(),
            by_access_code: HashMap::new(),
            by_part: HashMap::new(),
            by_refund_key: HashMap::new(),
            answers: HashMap::new(),
            customers: Vec::new(),
            oldest_first: Vec::new(),
            recipients: Vec::new(),
            transfers: BTreeMap::new(),
            transfer_mode: TransferMode::default(),
            last_id: 0,
            journal,
        };
        for entry in &entries {
            book.evolve(entry);
        }
        book
    }

    /// A number for a new transaction, refund or dispute: larger than any before.
    pub fn next_id(&mut self, now: Timestamp) -> i64 {
        self.last_id = (self.last_id + 1).max(now.as_millis() - Self::IDS_BEGIN_MS);
        self.last_id
    }

    /// Begins a payment.
    pub fn initialize(&mut self, request: Request, now: Timestamp) -> Result<Payment, BookError> {
        self.initialize_answering(request, now, |_| None)
    }

    /// Begins a payment, and keeps what `answer` makes of it in the same breath: never the one without the other.
    pub fn initialize_answering(
        &mut self,
        request: Request,
        now: Timestamp,
        answer: impl FnOnce(&Payment) -> Option<Answer>,
    ) -> Result<Payment, BookError> {
        if request.gateway.refuses_used_references() && self.find(request.gateway, &request.reference).is_some() {
            return Err(BookError::DuplicateReference(request.reference));
        }
        let payment = Payment::new(request.clone(), now);
        let answer = answer(&payment);
        self.record(&payment, vec![Event::Initialized(request)], answer, now)?;
        Ok(payment)
    }

    /// Carries out `command`; answers the payment as it is then.
    pub fn execute(&mut self, id: i64, command: &Command, now: Timestamp) -> Result<Payment, BookError> {
        self.execute_answering(id, command, now, |_| None)
    }

    /// Carries out `command`, and keeps what `answer` makes of the payment in the same breath.
    pub fn execute_answering(
        &mut self,
        id: i64,
        command: &Command,
        now: Timestamp,
        answer: impl FnOnce(&Payment) -> Option<Answer>,
    ) -> Result<Payment, BookError> {
        let mut payment = self.find_by_id(id).cloned().ok_or_else(|| BookError::UnknownReference(id.to_string()))?;
        if let Command::Refund(order) = command
            && let Some(key) = &order.key
            && self.find_by_refund_key(payment.request.gateway, key).is_some()
        {
            return Err(BookError::DuplicateRefund(key.clone()));
        }
        let events = payment.decide(command)?;
        for event in &events {
            payment.evolve(event, now);
        }
        let answer = answer(&payment);
        self.record(&payment, events, answer, now)?;
        Ok(payment)
    }

    /// The newest payment of that reference at that gateway.
    pub fn find(&self, gateway: Gateway, reference: &str) -> Option<&Payment> {
        self.all(gateway, reference).next()
    }

    /// All payments of that reference at that gateway, the newest first.
    pub fn all(&self, gateway: Gateway, reference: &str) -> impl Iterator<Item = &Payment> {
        let ids = self.by_reference.get(&(gateway, reference.to_owned())).map(Vec::as_slice).unwrap_or_default();
        ids.iter().rev().filter_map(|id| self.payments.get(id))
    }

    /// The newest payment of that reference at any gateway, or else the payment of that number.
    pub fn find_anywhere(&self, name: &str) -> Option<&Payment> {
        let named = Gateway::ALL.into_iter().filter_map(|gateway| self.find(gateway, name));
        named.max_by_key(|payment| payment.request.id).or_else(|| self.find_by_id(name.parse().ok()?))
    }

    /// The payment whose page has that access code.
    pub fn find_by_access_code(&self, access_code: &str) -> Option<&Payment> {
        self.find_by_id(*self.by_access_code.get(access_code)?)
    }

    /// The payment of that number.
    pub fn find_by_id(&self, id: i64) -> Option<&Payment> {
        self.payments.get(&id)
    }

    /// The payment that the refund or the dispute of that number belongs to.
    pub fn find_by_part(&self, id: i64) -> Option<&Payment> {
        self.find_by_id(*self.by_part.get(&id)?)
    }

    /// The refund that a shop calls so, and its payment.
    pub fn find_by_refund_key(&self, gateway: Gateway, key: &str) -> Option<(&Payment, i64)> {
        let (payment, refund) = self.by_refund_key.get(&(gateway, key.to_owned()))?;
        Some((self.find_by_id(*payment)?, *refund))
    }

    /// How the first request with an idempotency key was answered.
    pub fn answer(&self, gateway: Gateway, key: &str) -> Option<&Answer> {
        self.answers.get(&(gateway, key.to_owned()))
    }

    /// Keeps an answer that goes with no event, such as a refusal.
    pub fn keep_answer(&mut self, answer: Answer, now: Timestamp) -> Result<(), BookError> {
        Ok(self.write(vec![Entry { at: now, fact: Fact::Answer { answer } }])?)
    }

    /// The customers that shops introduced, the newest first.
    pub fn customers(&self) -> impl Iterator<Item = &Customer> {
        self.customers.iter().rev()
    }

    /// Introduces a customer.
    pub fn add_customer(&mut self, customer: Customer, now: Timestamp) -> Result<(), BookError> {
        Ok(self.write(vec![Entry { at: now, fact: Fact::Customer { customer } }])?)
    }

    /// The account of that number at that bank.
    pub fn recipient_of(&self, bank_code: &str, account_number: &str) -> Option<&Recipient> {
        self.recipients.iter().find(|it| it.bank_code == bank_code && it.account_number == account_number)
    }

    /// The account that the gateway calls so.
    pub fn recipient(&self, code: &str) -> Option<&Recipient> {
        self.recipients.iter().find(|it| it.code == code)
    }

    /// Makes an account known.
    pub fn add_recipient(&mut self, recipient: Recipient, now: Timestamp) -> Result<(), BookError> {
        Ok(self.write(vec![Entry { at: now, fact: Fact::Recipient { recipient } }])?)
    }

    /// The transfer that a shop calls so.
    pub fn transfer(&self, reference: &str) -> Option<&Transfer> {
        self.transfers.get(reference)
    }

    /// All transfers, by reference.
    pub fn transfers(&self) -> impl Iterator<Item = &Transfer> {
        self.transfers.values()
    }

    /// A transfer is so from now on.
    pub fn put_transfer(&mut self, transfer: Transfer, now: Timestamp) -> Result<(), BookError> {
        Ok(self.write(vec![Entry { at: now, fact: Fact::Transfer { transfer } }])?)
    }

    /// Payments, the newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Payment> {
        self.oldest_first.iter().rev().filter_map(|id| self.payments.get(id))
    }

    /// How many payments there are.
    pub fn len(&self) -> usize {
        self.payments.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.payments.is_empty()
    }

    fn record(
        &mut self,
        payment: &Payment,
        events: Vec<Event>,
        answer: Option<Answer>,
        at: Timestamp,
    ) -> Result<(), JournalError> {
        let Request { gateway, id, reference, .. } = &payment.request;
        let facts = events.into_iter().map(|event| Fact::Payment {
            gateway: *gateway,
            reference: reference.clone(),
            id: Some(*id),
            event,
        });
        let answers = answer.into_iter().map(|answer| Fact::Answer { answer });
        self.write(facts.chain(answers).map(|fact| Entry { at, fact }).collect())
    }

    fn write(&mut self, entries: Vec<Entry>) -> Result<(), JournalError> {
        self.journal.append(&entries)?;
        for entry in &entries {
            self.evolve(entry);
        }
        Ok(())
    }

    fn evolve(&mut self, entry: &Entry) {
        match &entry.fact {
            Fact::Payment { gateway, reference, id, event } => {
                self.evolve_payment(*gateway, reference, *id, event, entry.at);
            }
            Fact::Answer { answer } => {
                self.answers.insert((answer.gateway, answer.key.clone()), answer.clone());
            }
            Fact::Customer { customer } => self.customers.push(customer.clone()),
            Fact::Recipient { recipient } => {
                self.last_id = self.last_id.max(recipient.id);
                self.recipients.push(recipient.clone());
            }
            Fact::Transfer { transfer } => {
                self.last_id = self.last_id.max(transfer.id);
                self.transfers.insert(transfer.reference.clone(), transfer.clone());
            }
        }
    }

    fn evolve_payment(&mut self, gateway: Gateway, reference: &str, id: Option<i64>, event: &Event, at: Timestamp) {
        if let Event::Initialized(request) = event {
            self.by_access_code.insert(request.access_code.clone(), request.id);
            self.by_reference.entry((request.gateway, request.reference.clone())).or_default().push(request.id);
            self.last_id = self.last_id.max(request.id);
            self.oldest_first.push(request.id);
            self.payments.insert(request.id, Payment::new(request.clone(), at));
            return;
        }
        let Some(id) = id.or_else(|| self.find(gateway, reference).map(|payment| payment.request.id)) else { return };
        match event {
            Event::RefundRequested { id: refund, key, .. } => {
                self.by_part.insert(*refund, id);
                self.last_id = self.last_id.max(*refund);
                if let Some(key) = key {
                    self.by_refund_key.insert((gateway, key.clone()), (id, *refund));
                }
            }
            Event::Disputed { id: dispute, .. } => {
                self.by_part.insert(*dispute, id);
                self.last_id = self.last_id.max(*dispute);
            }
            Event::Initialized(_)
            | Event::Paid { .. }
            | Event::Declined
            | Event::Abandoned
            | Event::RefundProcessed { .. }
            | Event::RefundFailed { .. }
            | Event::RefundModeSet { .. }
            | Event::DisputeClosed { .. } => {}
        }
        if let Some(payment) = self.payments.get_mut(&id) {
            payment.evolve(event, at);
        }
    }
}
