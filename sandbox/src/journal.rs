//! The file from which the gateways remember after a restart: one JSON object a line, only ever appended.
//!
//! A line counts once its line feed is written. A process killed while writing leaves a torn last line, which is cut
//! off at the next start; a damaged line before the last is an error, never skipped. A power cut may lose the last
//! lines: this is a stand-in, and it does not wait for the disk.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::gateways::Gateway;
use crate::payments::Event;
use crate::transfers::{Recipient, Transfer};

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When it happened, in milliseconds since 1970.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub fact: Fact,
}

/// What a line tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Fact {
    /// Something happened to a payment.
    Payment {
        /// Where. Journals from before there was more than one gateway do not say: it is Paystack.
        #[serde(default)]
        gateway: Gateway,
        /// The shop's name for the payment.
        reference: String,
        /// The payment's number. Older lines leave it out: there the reference is unique.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<i64>,
        /// What happened.
        event: Event,
    },
    /// A request with an idempotency key was answered.
    Answer {
        /// How.
        answer: Answer,
    },
    /// A shop introduced a customer.
    Customer {
        /// Whom.
        customer: Customer,
    },
    /// A shop made an account known.
    Recipient {
        /// Which.
        recipient: Recipient,
    },
    /// A transfer is so from now on.
    Transfer {
        /// As it is.
        transfer: Transfer,
    },
}

/// The answer to the first request with an idempotency key: every further one gets it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Whose key it is.
    pub gateway: Gateway,
    /// The key.
    pub key: String,
    /// A digest of what was asked for.
    pub request: String,
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: serde_json::Value,
}

/// Someone who pays, as Flutterwave's fourth interface knows them: by a number that a shop asks for first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The gateway's name for them.
    pub id: String,
    /// Their address. Unique.
    pub email: String,
}

/// Why a journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system said no.
    #[error("cannot use the file: {0}")]
    Io(#[from] std::io::Error),
    /// Another process writes it.
    #[error("another sandbox is using it: stop that one, or choose another SANDBOX_STATE")]
    InUse,
    /// Not a journal, or one that something else has changed.
    #[error("line {line} is damaged ({reason}): mend it, or move the file away to start afresh")]
    Damaged {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// Where events go: a file, or nowhere.
#[derive(Debug)]
pub struct Journal {
    file: Option<File>,
    length: u64,
}

impl Journal {
    /// A journal that forgets.
    pub const fn in_memory() -> Self {
        Self { file: None, length: 0 }
    }

    /// The journal at `path`, made if missing, and all its entries, oldest first.
    pub fn open(path: &Path) -> Result<(Self, Vec<Entry>), JournalError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        file.try_lock().map_err(|refusal| match refusal {
            TryLockError::WouldBlock => JournalError::InUse,
            TryLockError::Error(error) => JournalError::Io(error),
        })?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let mut entries = Vec::new();
        for (index, line) in bytes.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let entry = serde_json::from_slice(line)
                .map_err(|error| JournalError::Damaged { line: index + 1, reason: error.to_string() })?;
            entries.push(entry);
        }
        if whole < bytes.len() {
            tracing::warn!(bytes = bytes.len() - whole, "cut a torn last line off the journal");
            file.set_len(whole as u64)?;
        }
        let length = file.seek(SeekFrom::Start(whole as u64))?;
        Ok((Self { file: Some(file), length }, entries))
    }

    /// Writes `entries`, all or none.
    pub fn append(&mut self, entries: &[Entry]) -> Result<(), JournalError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut lines = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut lines, entry).map_err(std::io::Error::from)?;
            lines.push(b'\n');
        }
        if let Err(error) = file.write_all(&lines) {
            // Half a line must not stay in front of the next one.
            file.set_len(self.length)?;
            file.seek(SeekFrom::Start(self.length))?;
            return Err(error.into());
        }
        self.length += lines.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(reference: &str) -> Entry {
        let fact = Fact::Payment {
            gateway: Gateway::Stripe,
            reference: reference.to_owned(),
            id: Some(7),
            event: Event::Declined,
        };
        Entry { at: Timestamp(5), fact }
    }

    #[test]
    fn a_line_from_before_there_were_other_gateways_is_about_paystack() {
        let line = r#"{"at":5,"reference":"a","event":{"kind":"refund_requested","id":3,"money":{"amount_minor":1,"currency":"NGN"},"merchant_note":"why"}}"#;
        let entry: Entry = serde_json::from_str(line).unwrap();
        let Fact::Payment { gateway, reference, id, event } = entry.fact else { panic!("{line}") };
        assert_eq!((gateway, reference.as_str(), id), (Gateway::Paystack, "a", None));
        assert!(matches!(event, Event::RefundRequested { note: Some(why), key: None, .. } if why == "why"));
        let begun = r#"{"at":5,"reference":"a","event":{"kind":"initialized","id":1,"reference":"a","access_code":"c","email":"ada@example.com","requested":{"amount_minor":1,"currency":"NGN"},"callback_url":null,"metadata":""}}"#;
        let entry: Entry = serde_json::from_str(begun).unwrap();
        let Fact::Payment { event: Event::Initialized(request), .. } = entry.fact else { panic!("{begun}") };
        assert_eq!(request.gateway, Gateway::Paystack);
    }

    #[test]
    fn answers_and_customers_are_told_apart_from_payments() {
        let answer = Answer {
            gateway: Gateway::Stripe,
            key: "k".to_owned(),
            request: "digest".to_owned(),
            status: 200,
            body: serde_json::json!({"id": "re_1"}),
        };
        let customer = Customer { id: "cus_1".to_owned(), email: "ada@example.com".to_owned() };
        for fact in [Fact::Answer { answer }, Fact::Customer { customer }] {
            let entry = Entry { at: Timestamp(1), fact };
            let line = serde_json::to_string(&entry).unwrap();
            assert_eq!(serde_json::from_str::<Entry>(&line).unwrap(), entry, "{line}");
        }
    }

    #[test]
    fn what_was_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/folder/journal.jsonl");
        let (mut journal, entries) = Journal::open(&path).unwrap();
        assert!(entries.is_empty());
        journal.append(&[entry("a"), entry("b")]).unwrap();
        drop(journal);
        assert_eq!(Journal::open(&path).unwrap().1, [entry("a"), entry("b")]);
    }

    #[test]
    fn a_torn_last_line_is_cut_off_wherever_it_was_torn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, _) = Journal::open(&path).unwrap();
        journal.append(&[entry("whole"), entry("torn")]).unwrap();
        drop(journal);
        let bytes = std::fs::read(&path).unwrap();
        let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for end in first..bytes.len() {
            std::fs::write(&path, &bytes[..end]).unwrap();
            let (mut journal, entries) = Journal::open(&path).unwrap();
            assert_eq!(entries, [entry("whole")], "torn after {end} bytes");
            assert_eq!(std::fs::metadata(&path).unwrap().len(), first as u64, "nothing of the torn line stays");
            journal.append(&[entry("next")]).unwrap();
            drop(journal);
            assert_eq!(Journal::open(&path).unwrap().1, [entry("whole"), entry("next")]);
        }
    }

    #[test]
    fn a_damaged_line_in_the_middle_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let line = serde_json::to_string(&entry("a")).unwrap();
        std::fs::write(&path, format!("{line}\nnonsense\n{line}\n")).unwrap();
        assert!(matches!(Journal::open(&path), Err(JournalError::Damaged { line: 2, .. })));
    }

    #[test]
    fn two_sandboxes_never_share_a_journal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let _first = Journal::open(&path).unwrap();
        assert!(matches!(Journal::open(&path), Err(JournalError::InUse)));
    }
}
